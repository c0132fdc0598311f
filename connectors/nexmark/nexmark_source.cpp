#include "connectors/nexmark/nexmark_source.h"

#include <fmt/format.h>

#include <charconv>

#include "connectors/nexmark/nexmark_decoder.h"
#include "connectors/numbered_source.h"
#include "engine/data/datetime.h"

namespace forebay::connectors {

namespace {

using data::TypeId;
using nexmark::FieldInfo;
using nexmark::Kind;

constexpr uint64_t kMostEvents = 10'000'000'000'000;

class NexmarkSource final : public NumberedSource {
 public:
  explicit NexmarkSource(NexmarkConfig config)
      : NumberedSource("events", config.event_count, config.rows_per_second),
        config_(std::move(config)) {}
  std::unique_ptr<Decoder> make_decoder(const DecodeRequest& request) const override {
    return std::make_unique<NexmarkDecoder>(config_, request);
  }

 private:
  const NexmarkConfig config_;
};

Status invalid(std::string message, std::string hint) {
  return Status(data::sqlstate::kInvalidParameterValue, std::move(message))
      .with_hint(std::move(hint));
}

Result<uint64_t> read_number(const OptionReader& options, const std::string& name, uint64_t least,
                             uint64_t most, uint64_t fallback) {
  const std::string text = options.text(name);
  if (text.empty()) return fallback;
  uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < least || number > most) {
    return invalid(fmt::format("invalid value \"{}\" for option \"{}\"", text, name),
                   fmt::format("Use a number from {} to {}.", least, most));
  }
  return number;
}

std::string folded(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool type_fits(const FieldInfo& field, const data::Type& type) {
  switch (field.value) {
    case nexmark::ValueKind::kNumber:
      return type.id == TypeId::kBigint || (field.is_small && type.id == TypeId::kInteger);
    case nexmark::ValueKind::kTime:
      return (type.id == TypeId::kTimestamp || type.id == TypeId::kTimestampTz) &&
             type.modifier < 0;
    case nexmark::ValueKind::kText:
      return (type.id == TypeId::kText || type.id == TypeId::kVarchar) && type.modifier < 0;
  }
  return false;
}

const char* fitting_types(const FieldInfo& field) {
  switch (field.value) {
    case nexmark::ValueKind::kNumber:
      return field.is_small ? "bigint or integer" : "bigint";
    case nexmark::ValueKind::kTime:
      return "timestamp or timestamptz";
    case nexmark::ValueKind::kText:
      return "text or varchar";
  }
  return "";
}

const char* word_of(Kind kind) {
  return kind == Kind::kPerson ? "person" : kind == Kind::kAuction ? "auction" : "bid";
}

Status read_columns(const SourceSpec& spec, NexmarkConfig& config) {
  std::vector<std::string> known;
  for (const FieldInfo& field : nexmark::all_fields()) {
    if (config.kind && !field.belongs_to(*config.kind)) continue;
    if (config.kind && field.field == nexmark::Field::kEventType) continue;
    known.emplace_back(field.name);
  }
  for (const data::Field& column : spec.schema) {
    const std::string name = folded(column.name);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return unknown_name(config.kind ? fmt::format("column of a Nexmark {}", word_of(*config.kind))
                                      : "column of Nexmark events",
                          column.name, known);
    }
    const FieldInfo* field = nexmark::all_fields().data();
    while (field->name != name) ++field;
    if (!type_fits(*field, column.type)) {
      return invalid(fmt::format("column \"{}\" of type {} does not hold a Nexmark event's {}",
                                 column.name, column.type.name(), field->name),
                     fmt::format("Declare it {}.", fitting_types(*field)));
    }
    if (column.not_null && !config.kind && field->kinds != 7) {
      return invalid(fmt::format("column \"{}\" is NULL in events of other kinds", column.name),
                     "Leave NOT NULL out, or say nexmark.table.type.");
    }
    config.fields.push_back(*field);
  }
  return Status::ok();
}

Result<std::shared_ptr<const Source>> make(const SourceSpec& spec, const OptionReader& options,
                                           std::shared_ptr<const Format>) {
  NexmarkConfig config;
  if (options.has("nexmark.table.type")) {
    const std::string given = options.text("nexmark.table.type");
    for (Kind kind : {Kind::kPerson, Kind::kAuction, Kind::kBid}) {
      if (folded(given) == word_of(kind)) config.kind = kind;
    }
    if (!config.kind) {
      return invalid(
          fmt::format("invalid value \"{}\" for option \"nexmark.table.type\"", given),
          "It is 'Person', 'Auction' or 'Bid'; without it all three come in one stream.");
    }
  }
  FOREBAY_ASSIGN_OR_RETURN(config.events.gap_ns, read_number(options, "nexmark.min.event.gap.in.ns",
                                                             1, 999'999'999, 100'000));
  // 2015-07-15 00:00:00, as the public generator begins by default.
  FOREBAY_ASSIGN_OR_RETURN(uint64_t base_ms, read_number(options, "nexmark.base.time", 0,
                                                         4'102'444'800'000, 1'436'918'400'000));
  config.events.base_time =
      data::timestamp_from_unix_nanos(static_cast<int64_t>(base_ms) * 1'000'000);
  FOREBAY_ASSIGN_OR_RETURN(config.events.shifted_bidders,
                           options.boolean("nexmark.shifted.bidders", false));
  if (options.has("nexmark.event.num")) {
    FOREBAY_ASSIGN_OR_RETURN(config.event_count,
                             read_number(options, "nexmark.event.num", 0, kMostEvents, 0));
  } else if (spec.force_bounded) {
    return invalid("option \"nexmark.event.num\" is missing",
                   "forebay run reads sources to their end: say how many events there are.");
  }
  if (options.has("rows_per_second")) {
    FOREBAY_ASSIGN_OR_RETURN(config.rows_per_second, options.positive_number("rows_per_second", 1));
  }
  FOREBAY_RETURN_IF_ERROR(read_number(options, "nexmark.split.num", 1, 10'000, 1).take_status());
  FOREBAY_RETURN_IF_ERROR(read_columns(spec, config));
  return std::shared_ptr<const Source>(std::make_shared<NexmarkSource>(std::move(config)));
}

}  // namespace

ConnectorDescriptor nexmark_connector() {
  return {"nexmark",
          {"nexmark.table.type", "nexmark.event.num", "nexmark.min.event.gap.in.ns",
           "nexmark.base.time", "nexmark.split.num", "nexmark.shifted.bidders", "rows_per_second"},
          {{"partition", data::kTextType, true}, {"offset", data::kBigintType, true}},
          make,
          true};
}

}  // namespace forebay::connectors
