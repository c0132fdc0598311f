#include "connectors/datagen/datagen_source.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "connectors/datagen/datagen_decoder.h"
#include "connectors/numbered_source.h"
#include "engine/data/text_format.h"

namespace forebay::connectors {

namespace {

constexpr uint32_t kDefaultLength = 10;
constexpr uint32_t kMostLength = 10'000;
constexpr int64_t kDefaultMost = 1'000'000;
constexpr uint16_t kDefaultScale = 2;

using data::TypeId;

class DatagenSource final : public NumberedSource {
 public:
  explicit DatagenSource(DatagenConfig config)
      : NumberedSource("rows", config.rows, config.rows_per_second), config_(std::move(config)) {}
  std::unique_ptr<Decoder> make_decoder(const DecodeRequest& request) const override {
    return std::make_unique<DatagenDecoder>(config_, request);
  }

 private:
  const DatagenConfig config_;
};

Status invalid(std::string message, std::string hint) {
  return Status(data::sqlstate::kInvalidParameterValue, std::move(message))
      .with_hint(std::move(hint));
}

std::string folded(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// What the options of one column say, as text: "kind", "start" ...
using FieldOptions = std::map<std::string, std::string>;

Result<std::vector<FieldOptions>> read_field_options(const SourceSpec& spec) {
  std::vector<FieldOptions> fields(spec.schema.size());
  std::vector<std::string> names;
  for (const data::Field& field : spec.schema) names.push_back(field.name);
  for (const auto& [option, value] : spec.options) {
    if (!option.starts_with("fields.")) continue;
    const size_t dot = option.rfind('.');
    const std::string what = option.substr(dot + 1);
    const std::string name = dot > 6 ? option.substr(7, dot - 7) : "";
    size_t column = 0;
    while (column < names.size() && folded(names[column]) != folded(name)) ++column;
    if (column == names.size()) {
      return unknown_name(fmt::format("column in option \"{}\":", option), name, names);
    }
    static const std::vector<std::string> known = {"kind", "start", "end", "min", "max", "length"};
    if (std::find(known.begin(), known.end(), what) == known.end()) {
      return unknown_name(fmt::format("part of option \"{}\":", option), what, known);
    }
    fields[column][what] = value;
  }
  return fields;
}

/// A bound of a column as its layout holds it: numerics as their digits at `scale`.
Result<int64_t> read_bound(const data::Field& field, const std::string& text, uint16_t scale) {
  if (field.type.id == TypeId::kNumeric) {
    FOREBAY_ASSIGN_OR_RETURN(data::Datum datum, data::parse_datum(text, data::kDoubleType));
    const double digits = std::get<double>(datum.value) * std::pow(10, scale);
    if (!(std::abs(digits) < 1e18)) {
      return Status(data::sqlstate::kInvalidParameterValue, "numeric bound is too large");
    }
    return static_cast<int64_t>(std::llround(digits));
  }
  FOREBAY_ASSIGN_OR_RETURN(data::Datum datum, data::parse_datum(text, field.type));
  if (const auto* small = std::get_if<int32_t>(&datum.value)) return int64_t{*small};
  return std::get<int64_t>(datum.value);
}

Status read_number_field(const data::Field& column, const FieldOptions& options,
                         DatagenField& field) {
  const char* least = field.is_sequence ? "start" : "min";
  const char* most = field.is_sequence ? "end" : "max";
  const bool is_time = column.type.is_datetime();
  if (column.type.id == TypeId::kNumeric) {
    field.scale = column.type.modifier >= 0
                      ? static_cast<uint16_t>(std::max(0, column.type.numeric_scale()))
                      : kDefaultScale;
    if (field.is_sequence) field.scale = 0;
  }
  auto bound = [&](const char* name, const std::string& fallback) {
    auto given = options.find(name);
    return read_bound(column, given == options.end() ? fallback : given->second, field.scale);
  };
  const std::string most_fallback =
      field.is_sequence ? std::to_string(column.type.id == TypeId::kBigint ? INT64_MAX : INT32_MAX)
                        : std::to_string(kDefaultMost);
  FOREBAY_ASSIGN_OR_RETURN(field.least, bound(least, is_time             ? "2020-01-01"
                                                     : field.is_sequence ? "1"
                                                                         : "0"));
  FOREBAY_ASSIGN_OR_RETURN(field.most, bound(most, is_time ? "2030-01-01" : most_fallback));
  if (field.most < field.least) {
    return Status(data::sqlstate::kInvalidParameterValue,
                  fmt::format("\"{}\" lies behind \"{}\"", least, most));
  }
  return Status::ok();
}

Status read_double_field(const FieldOptions& options, DatagenField& field) {
  for (auto [name, target] : {std::pair(field.is_sequence ? "start" : "min", &field.least_double),
                              std::pair(field.is_sequence ? "end" : "max", &field.most_double)}) {
    auto given = options.find(name);
    if (given == options.end()) continue;
    FOREBAY_ASSIGN_OR_RETURN(data::Datum datum,
                             data::parse_datum(given->second, data::kDoubleType));
    *target = std::get<double>(datum.value);
  }
  return Status::ok();
}

Status read_text_field(const data::Field& column, const FieldOptions& options,
                       DatagenField& field) {
  field.length = kDefaultLength;
  if (auto given = options.find("length"); given != options.end()) {
    const std::string& text = given->second;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), field.length);
    if (error != std::errc() || end != text.data() + text.size() || field.length > kMostLength) {
      return Status(data::sqlstate::kInvalidParameterValue,
                    fmt::format("\"length\" is a number up to {}", kMostLength));
    }
  }
  if (column.type.modifier >= 0) {
    field.length = std::min(field.length, static_cast<uint32_t>(column.type.modifier));
  }
  return Status::ok();
}

Status read_field(const data::Field& column, const FieldOptions& options, DatagenConfig& config) {
  DatagenField& field = config.fields.emplace_back();
  auto kind = options.find("kind");
  if (kind != options.end() && kind->second != "random" && kind->second != "sequence") {
    return Status(data::sqlstate::kInvalidParameterValue,
                  fmt::format("\"kind\" is 'random' or 'sequence', not '{}'", kind->second));
  }
  field.is_sequence = kind != options.end() && kind->second == "sequence";
  const bool is_number = column.type.id == TypeId::kInteger || column.type.id == TypeId::kBigint ||
                         column.type.id == TypeId::kNumeric || column.type.id == TypeId::kDouble;
  if (field.is_sequence && !is_number) {
    return Status(data::sqlstate::kInvalidParameterValue,
                  fmt::format("type {} makes no sequences", column.type.name()));
  }
  std::vector<std::string> fitting = {"kind"};
  if (column.type.is_string()) {
    fitting.emplace_back("length");
  } else if (column.type.id != TypeId::kBoolean) {
    fitting.insert(fitting.end(), field.is_sequence
                                      ? std::initializer_list<std::string>{"start", "end"}
                                      : std::initializer_list<std::string>{"min", "max"});
  }
  for (const auto& [name, value] : options) {
    if (std::find(fitting.begin(), fitting.end(), name) == fitting.end()) {
      return Status(
          data::sqlstate::kInvalidParameterValue,
          fmt::format("\"{}\" does not go with a {} of type {}", name,
                      field.is_sequence ? "sequence" : "random value", column.type.name()));
    }
  }
  switch (column.type.id) {
    case TypeId::kBoolean:
      return Status::ok();
    case TypeId::kVarchar:
    case TypeId::kText:
      return read_text_field(column, options, field);
    case TypeId::kDouble:
      FOREBAY_RETURN_IF_ERROR(read_double_field(options, field));
      break;
    case TypeId::kInteger:
    case TypeId::kBigint:
    case TypeId::kNumeric:
    case TypeId::kDate:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      FOREBAY_RETURN_IF_ERROR(read_number_field(column, options, field));
      break;
    default:
      return Status(data::sqlstate::kFeatureNotSupported,
                    fmt::format("datagen makes no values of type {}", column.type.name()));
  }
  if (field.is_sequence && options.count("end") != 0) {
    const double count = column.type.id == TypeId::kDouble
                             ? std::floor(field.most_double - field.least_double) + 1
                             : static_cast<double>(field.most - field.least) + 1;
    const auto rows = static_cast<uint64_t>(std::max(0.0, count));
    config.rows = std::min(config.rows.value_or(UINT64_MAX), rows);
  }
  return Status::ok();
}

Result<std::optional<uint64_t>> read_count(const OptionReader& options, const char* name) {
  if (!options.has(name)) return std::optional<uint64_t>();
  const std::string text = options.text(name);
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return invalid(fmt::format("invalid value for option \"{}\": \"{}\"", name, text),
                   "It is a whole number.");
  }
  return std::optional<uint64_t>(value);
}

Result<std::shared_ptr<const Source>> make(const SourceSpec& spec, const OptionReader& options,
                                           std::shared_ptr<const Format>) {
  DatagenConfig config;
  FOREBAY_ASSIGN_OR_RETURN(config.rows, read_count(options, "number_of_rows"));
  FOREBAY_ASSIGN_OR_RETURN(std::optional<uint64_t> seed, read_count(options, "seed"));
  config.seed = seed.value_or(0);
  if (options.has("rows_per_second")) {
    FOREBAY_ASSIGN_OR_RETURN(double rate, options.positive_number("rows_per_second", 1));
    config.rows_per_second = rate;
  }
  FOREBAY_ASSIGN_OR_RETURN(std::vector<FieldOptions> fields, read_field_options(spec));
  for (size_t i = 0; i < spec.schema.size(); ++i) {
    Status status = read_field(spec.schema[i], fields[i], config);
    if (status) continue;
    status.error().message =
        fmt::format("column \"{}\": {}", spec.schema[i].name, status.error().message);
    return status;
  }
  if (spec.force_bounded && !config.rows) {
    return invalid(fmt::format("source \"{}\" has no end", spec.name),
                   "Add number_of_rows, or an end to a sequence.");
  }
  return std::shared_ptr<const Source>(std::make_shared<DatagenSource>(std::move(config)));
}

}  // namespace

ConnectorDescriptor datagen_connector() {
  return {"datagen",
          {"fields.*", "rows_per_second", "number_of_rows", "seed"},
          {{"partition", data::kTextType, true}, {"offset", data::kBigintType, true}},
          make,
          true};
}

}  // namespace forebay::connectors
