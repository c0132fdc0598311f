// How fast JSON lines become columns, beside simdjson alone reading all seven fields of the same
// bytes in the same process, on one core.
//
//   decode_bench FILE [runs]       FILE: make_json's seven fields; it is held in memory
//
// Prints for each way the median of `runs` (5) in millions of records a second, the spread (slowest
// to fastest), and the ratio to simdjson alone.

#include <fcntl.h>
#include <simdjson.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "connectors/source.h"

namespace {

using namespace forebay;

struct Input {
  std::shared_ptr<char[]> bytes;
  size_t size = 0;
};

Input read_whole(const char* path) {
  int fd = ::open(path, O_RDONLY);
  if (fd < 0) {
    std::perror(path);
    std::exit(1);
  }
  Input input;
  input.size = static_cast<size_t>(::lseek(fd, 0, SEEK_END));
  input.bytes = std::shared_ptr<char[]>(new char[input.size + 128]);
  std::memset(input.bytes.get() + input.size, 0, 128);
  for (size_t at = 0; at < input.size;) {
    ssize_t got = ::pread(fd, input.bytes.get() + at, input.size - at, static_cast<off_t>(at));
    if (got <= 0) std::exit(1);
    at += static_cast<size_t>(got);
  }
  ::close(fd);
  return input;
}

/// Whole lines of about a megabyte, as the file source gives them.
std::vector<connectors::RawBatch> cut(const Input& input) {
  std::vector<connectors::RawBatch> ranges;
  for (size_t at = 0; at < input.size;) {
    size_t end = std::min(input.size, at + (size_t{1} << 20));
    while (end < input.size && input.bytes[end - 1] != '\n') --end;
    connectors::RawBatch raw;
    raw.from = connectors::Offset(at);
    raw.to = connectors::Offset(end);
    raw.buffer = input.bytes;
    raw.bytes = input.bytes.get() + at;
    raw.size = end - at;
    ranges.push_back(std::move(raw));
    at = end;
  }
  return ranges;
}

struct Outcome {
  uint64_t records = 0;
  uint64_t checksum = 0;  // of id and value, so that all ways are seen to do the work
};

/// simdjson's on-demand interface, fields in the order of the text.
Outcome simdjson_alone(const std::vector<connectors::RawBatch>& ranges) {
  Outcome outcome;
  simdjson::ondemand::parser parser;
  uint64_t sink = 0;
  for (const connectors::RawBatch& raw : ranges) {
    simdjson::ondemand::document_stream stream;
    if (parser.iterate_many(raw.bytes, raw.size, size_t{1} << 20).get(stream)) std::exit(1);
    for (auto document : stream) {
      simdjson::ondemand::object record;
      if (document.get_object().get(record)) std::exit(1);
      int64_t id, key, value;
      double amount;
      std::string_view name, ts, payload;
      if (record.find_field("id").get(id) || record.find_field("key").get(key) ||
          record.find_field("value").get(value) || record.find_field("amount").get(amount) ||
          record.find_field("name").get(name) || record.find_field("ts").get(ts) ||
          record.find_field("payload").get(payload)) {
        std::exit(1);
      }
      ++outcome.records;
      outcome.checksum += static_cast<uint64_t>(id) + static_cast<uint64_t>(value);
      sink += static_cast<uint64_t>(key) + static_cast<uint64_t>(amount) + name.size() + ts.size() +
              payload.size() + static_cast<unsigned char>(payload[0]);
    }
  }
  if (sink == 42) std::puts("");
  return outcome;
}

void decode_range(connectors::Decoder& decoder, const connectors::DecodeRequest& request,
                  connectors::RawBatch raw, Outcome& outcome) {
  connectors::DecodedBatch batch;
  decoder.start(std::move(raw));
  while (decoder.next(batch)) {
    if (!batch.bad.empty()) {
      std::fprintf(stderr, "bad record: %s\n", batch.bad[0].reason.c_str());
      std::exit(1);
    }
    uint32_t rows = batch.rows.physical_rows();
    outcome.records += rows;
    for (size_t i = 0; i < request.projection.size(); ++i) {
      const data::Column& column = batch.rows.column(i);
      if (request.projection[i] == 0) {
        for (uint32_t r = 0; r < rows; ++r) {
          outcome.checksum += static_cast<uint64_t>(column.at<int64_t>(r));
        }
      } else if (request.projection[i] == 2) {
        for (uint32_t r = 0; r < rows; ++r) {
          outcome.checksum += static_cast<uint64_t>(column.at<int32_t>(r));
        }
      }
    }
  }
}

Outcome decode(const connectors::Source& source, const connectors::DecodeRequest& request,
               const std::vector<connectors::RawBatch>& ranges) {
  Outcome outcome;
  auto decoder = source.make_decoder(request);
  for (const connectors::RawBatch& raw : ranges) decode_range(*decoder, request, raw, outcome);
  return outcome;
}

/// Through the file source, to the file's end; without a request records are only counted by lines.
Outcome read_source(connectors::SourceSpec spec, const connectors::DecodeRequest* request) {
  spec.force_bounded = true;
  auto source = connectors::make_source(spec);
  data::SystemClock clock;
  auto reader = (*source)->open({}, clock);
  auto decoder = request ? (*source)->make_decoder(*request) : nullptr;
  Outcome outcome;
  while (true) {
    connectors::RawBatch raw;
    int64_t wait_ms;
    auto polled = (*reader)->poll(raw, wait_ms);
    if (!polled || *polled == connectors::PollOutcome::kEnd) return outcome;
    if (request) {
      decode_range(*decoder, *request, std::move(raw), outcome);
    } else {
      // Lines of make_json have one length.
      size_t line = static_cast<size_t>(
          static_cast<const char*>(std::memchr(raw.bytes, '\n', raw.size)) - raw.bytes + 1);
      outcome.records += raw.size / line;
    }
  }
}

/// Time on the processor, so that other programs don't count.
double thread_seconds() {
  timespec time;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double measure(const char* title, int runs, double base, const std::function<Outcome()>& run) {
  std::vector<double> rates;
  Outcome outcome;
  for (int i = 0; i < runs; ++i) {
    double start = thread_seconds();
    outcome = run();
    rates.push_back(static_cast<double>(outcome.records) / (thread_seconds() - start) / 1e6);
  }
  std::sort(rates.begin(), rates.end());
  double median = rates[rates.size() / 2];
  std::printf("%-44s %6.2f M/s  (%.2f .. %.2f)  ratio %.2f  checksum %llu\n", title, median,
              rates.front(), rates.back(), base == 0 ? 1.0 : median / base,
              static_cast<unsigned long long>(outcome.checksum));
  std::fflush(stdout);
  return median;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: decode_bench FILE [runs]\n");
    return 2;
  }
  int runs = count > 2 ? std::max(1, std::atoi(arguments[2])) : 5;
  Input input = read_whole(arguments[1]);
  std::vector<connectors::RawBatch> ranges = cut(input);

  connectors::SourceSpec spec;
  spec.name = "bench";
  spec.schema = {{"id", data::kBigintType},      {"key", data::kBigintType},
                 {"value", data::kIntegerType},  {"amount", data::kNumericType},
                 {"name", data::kVarcharType},   {"ts", data::kTimestampType},
                 {"payload", data::kVarcharType}};
  spec.options = {{"connector", "file"}, {"path", arguments[1]}};
  spec.format = "plain";
  spec.encode = "json";
  auto source = connectors::make_source(spec);
  if (!source) {
    std::fprintf(stderr, "%s\n", source.error().message.c_str());
    return 1;
  }
  auto decoding = [&](std::vector<uint32_t> projection) {
    return [&, projection] {
      connectors::DecodeRequest request;
      request.schema = spec.schema;
      request.projection = projection;
      return decode(**source, request, ranges);
    };
  };
  double base =
      measure("simdjson alone, all 7 fields", runs, 0, [&] { return simdjson_alone(ranges); });
  measure("columns: id, value, name", runs, base, decoding({0, 2, 4}));
  measure("columns: id, value", runs, base, decoding({0, 2}));
  measure("columns: all 7", runs, base, decoding({0, 1, 2, 3, 4, 5, 6}));
  measure("columns: none (counting)", runs, base, decoding({}));
  measure("file source alone", runs, base, [&] { return read_source(spec, nullptr); });
  connectors::DecodeRequest request;
  request.schema = spec.schema;
  request.projection = {0, 2, 4};
  measure("file source and columns: id, value, name", runs, base,
          [&] { return read_source(spec, &request); });
  return 0;
}
