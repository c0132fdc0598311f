// Writes the events of the nexmark connector to standard output:
//   nexmark_events [--events N] [--first F] [--gap-ns G] [--layout nested|flat|copy] [--kind
//   person|auction|bid]
// nested: JSON lines as the public benchmark has them in Kafka, an object per kind, null where it
// is not that kind. flat: JSON lines with event_type and the fields of the event's kind, as CREATE
// SOURCE of all kinds reads them. copy: what PostgreSQL's COPY FROM takes, one kind. To a topic:
// nexmark_events --events 100000 | kcat -b localhost:9092 -t nexmark -P

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "connectors/nexmark/events.h"
#include "engine/data/datetime.h"
#include "engine/data/text_format.h"

namespace {

using namespace forebay;
using connectors::nexmark::EventMaker;
using connectors::nexmark::EventOptions;
using connectors::nexmark::FieldInfo;
using connectors::nexmark::Kind;
using connectors::nexmark::ValueKind;

constexpr int64_t kBaseMs = 1'436'918'400'000;  // as the connector
constexpr size_t kFlushBytes = size_t{1} << 20;

struct Request {
  uint64_t events = 1000;
  uint64_t first = 0;
  EventOptions options;
  std::string layout = "nested";
  std::optional<Kind> kind;
};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "nexmark_events: %s\n", why.c_str());
  std::exit(2);
}

const char* word_of(Kind kind) {
  return kind == Kind::kPerson ? "person" : kind == Kind::kAuction ? "auction" : "bid";
}

Request read_arguments(int argc, char** argv) {
  Request request;
  request.options.base_time = data::timestamp_from_unix_nanos(kBaseMs * 1'000'000);
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (i + 1 == argc) give_up(name + " needs a value");
    const std::string value = argv[i + 1];
    if (name == "--events") {
      request.events = std::strtoull(value.c_str(), nullptr, 10);
    } else if (name == "--first") {
      request.first = std::strtoull(value.c_str(), nullptr, 10);
    } else if (name == "--gap-ns") {
      request.options.gap_ns = std::strtoull(value.c_str(), nullptr, 10);
    } else if (name == "--layout") {
      request.layout = value;
    } else if (name == "--kind") {
      for (Kind kind : {Kind::kPerson, Kind::kAuction, Kind::kBid}) {
        if (value == word_of(kind)) request.kind = kind;
      }
      if (!request.kind) give_up("no kind is called " + value);
    } else {
      give_up("unknown argument " + name);
    }
  }
  if (request.layout != "nested" && request.layout != "flat" && request.layout != "copy") {
    give_up("unknown layout " + request.layout);
  }
  if (request.layout == "copy" && !request.kind) give_up("--layout copy needs --kind");
  return request;
}

void append_value(const EventMaker& maker, const FieldInfo& field, uint64_t event, bool quoted,
                  std::string& out) {
  if (field.value == ValueKind::kNumber) {
    fmt::format_to(std::back_inserter(out), "{}", maker.number(field.field, event));
    return;
  }
  if (quoted) out += '"';
  if (field.value == ValueKind::kTime) {
    data::format_timestamp(maker.number(field.field, event), out);
  } else {
    char buffer[EventMaker::kMostTextBytes];
    out += maker.text(field.field, event, buffer);  // nothing in it needs an escape
  }
  if (quoted) out += '"';
}

/// The fields of an event but event_type, as members of an object.
void append_members(const EventMaker& maker, uint64_t event, Kind kind, std::string& out) {
  const char* gap = "";
  for (const FieldInfo& field : connectors::nexmark::all_fields().subspan(1)) {
    if (!field.belongs_to(kind)) continue;
    fmt::format_to(std::back_inserter(out), "{}\"{}\":", gap, field.name);
    append_value(maker, field, event, true, out);
    gap = ",";
  }
}

void append_event(const Request& request, const EventMaker& maker, uint64_t event,
                  std::string& out) {
  const Kind kind = connectors::nexmark::kind_of(event);
  if (request.kind && kind != *request.kind) return;
  if (request.layout == "copy") {
    const char* gap = "";
    for (const FieldInfo& field : connectors::nexmark::all_fields().subspan(1)) {
      if (!field.belongs_to(kind)) continue;
      out += gap;
      append_value(maker, field, event, false, out);
      gap = "\t";
    }
  } else {
    fmt::format_to(std::back_inserter(out), "{{\"event_type\":{}", static_cast<int>(kind));
    if (request.layout == "flat") {
      out += ',';
      append_members(maker, event, kind, out);
    } else {
      for (Kind one : {Kind::kPerson, Kind::kAuction, Kind::kBid}) {
        fmt::format_to(std::back_inserter(out), ",\"{}\":", word_of(one));
        if (one != kind) {
          out += "null";
          continue;
        }
        out += '{';
        append_members(maker, event, kind, out);
        out += '}';
      }
    }
    out += '}';
  }
  out += '\n';
}

}  // namespace

int main(int argc, char** argv) {
  const Request request = read_arguments(argc, argv);
  const EventMaker maker(request.options);
  std::string out;
  for (uint64_t event = request.first; event < request.first + request.events; ++event) {
    append_event(request, maker, event, out);
    if (out.size() < kFlushBytes) continue;
    if (std::fwrite(out.data(), 1, out.size(), stdout) != out.size()) return 1;
    out.clear();
  }
  return std::fwrite(out.data(), 1, out.size(), stdout) == out.size() ? 0 : 1;
}
