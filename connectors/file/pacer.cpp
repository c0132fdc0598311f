#include "connectors/file/pacer.h"

#include <algorithm>
#include <cmath>

#include "engine/data/datetime.h"

namespace forebay::connectors {

namespace {
constexpr int64_t kLongestWaitMs = 1000;
constexpr double kNanosPerSecond = 1e9;
}  // namespace

RatePacer::RatePacer(double rows_per_second, const data::Clock& clock)
    : rows_per_second_(rows_per_second), clock_(clock), last_nanos_(clock.steady_nanos()) {}

uint64_t RatePacer::allowed(int64_t& wait_ms) {
  int64_t now = clock_.steady_nanos();
  tokens_ += static_cast<double>(now - last_nanos_) / kNanosPerSecond * rows_per_second_;
  tokens_ = std::min(tokens_, std::max(1.0, rows_per_second_));
  last_nanos_ = now;
  // Sums of short intervals must not miss a whole token by rounding.
  if (tokens_ + 1e-6 >= 1) return static_cast<uint64_t>(tokens_ + 1e-6);
  double seconds = (1 - tokens_) / rows_per_second_;
  wait_ms = std::clamp<int64_t>(static_cast<int64_t>(std::ceil(std::min(seconds, 1.0) * 1000)), 1,
                                kLongestWaitMs);
  return 0;
}

ReplayPacer::ReplayPacer(ReplayConfig config, const data::Schema& schema, const Format& format,
                         const data::Clock& clock)
    : config_(config),
      clock_(clock),
      is_date_(schema[config.column].type.id == data::TypeId::kDate) {
  DecodeRequest request;
  request.schema = schema;
  request.schema[config.column].not_null = false;
  request.projection = {config.column};
  request.metadata = {"offset"};
  decoder_ = format.make_decoder(request);
}

void ReplayPacer::add_chunk(const TrackedFile& file, const FileChunk& chunk) {
  Stops& stops = stops_[file.id()];
  stops = {};
  stops.chunk_begin = file.next();
  if (chunk.oversized) return;
  RawBatch raw;
  raw.partition = file.id();
  raw.from = Offset(file.next());
  raw.to = Offset(file.next() + chunk.size);
  raw.buffer = chunk.buffer;
  raw.bytes = chunk.buffer.get();
  raw.size = chunk.size;
  raw.header = file.header();
  decoder_->start(std::move(raw));
  DecodedBatch decoded;
  while (decoder_->next(decoded)) {
    const data::Column& times = decoded.rows.column(0);
    const data::Column& offsets = decoded.rows.column(1);
    for (uint32_t row = 0; row < decoded.rows.physical_rows(); ++row) {
      if (times.is_null(row)) continue;
      int64_t time;
      if (is_date_) {
        int32_t days = times.at<int32_t>(row);
        if (days == data::kDateInfinity || days == data::kDateNegativeInfinity) continue;
        time = int64_t{days} * data::kMicrosPerDay;
      } else {
        time = times.at<int64_t>(row);
        if (time == data::kTimestampInfinity || time == data::kTimestampNegativeInfinity) continue;
      }
      stops.list.push_back({static_cast<uint64_t>(offsets.at<int64_t>(row)), time});
    }
  }
  if (!start_nanos_ && !stops.list.empty()) {
    int64_t first = stops.list.front().time;
    first_time_ = first_time_ ? std::min(*first_time_, first) : first;
  }
}

void ReplayPacer::start() {
  if (first_time_ && !start_nanos_) start_nanos_ = clock_.steady_nanos();
}

size_t ReplayPacer::allowed(const TrackedFile& file, const FileChunk& chunk, int64_t& wait_ms) {
  Stops& stops = stops_[file.id()];
  size_t left = chunk.size - chunk.consumed;
  if (!start_nanos_) return left;  // not one record with a time so far
  double elapsed_us = static_cast<double>(clock_.steady_nanos() - *start_nanos_) / 1000;
  double now = static_cast<double>(*first_time_) + elapsed_us * config_.speed;
  while (stops.next < stops.list.size() &&
         static_cast<double>(stops.list[stops.next].time) <= now) {
    ++stops.next;
  }
  if (stops.next == stops.list.size()) return left;
  const Stop& stop = stops.list[stops.next];
  double wait = std::ceil((static_cast<double>(stop.time) - now) / config_.speed / 1000);
  wait_ms = std::min(
      wait_ms, static_cast<int64_t>(std::clamp(wait, 1.0, static_cast<double>(kLongestWaitMs))));
  uint64_t consumed_to = stops.chunk_begin + chunk.consumed;
  return stop.offset > consumed_to ? static_cast<size_t>(stop.offset - consumed_to) : 0;
}

}  // namespace forebay::connectors
