#include "sql/binder/flink_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "sql/binder/watermark.h"

namespace forebay::sql::binder {

namespace state = data::sqlstate;
using data::Result;
using data::Status;

namespace {

enum class Meaning : uint8_t {
  kOption,    // an option of the connector, called `ours`
  kEncoding,  // an option of ENCODE, called `ours`
  kFormat,    // the name of the format
  kErrors,    // ignore-parse-errors
  kNoEffect,  // accepted with a notice; `ours`: why
  kRefused,   // 0A000 unless the value is `fine`; `ours`: the hint
};

/// One of Flink's options. `connector` and `format` say where it is known; empty: everywhere.
struct KnownOption {
  std::string_view connector;
  /// Ends with "*": all names that begin so; `ours` then begins theirs.
  std::string_view name;
  Meaning meaning;
  std::string_view ours = {};
  std::string_view fine = {};
};

constexpr std::string_view kReads = "Forebay reads with all workers, and writes nothing there";
constexpr std::string_view kKeys =
    "Declare the key as a column: k STRING METADATA FROM 'key' (as text).";

// The first that fits counts.
constexpr KnownOption kOptions[] = {
    {"kafka", "topic", Meaning::kOption, "topic"},
    {"kafka", "topic-pattern", Meaning::kOption, "topic.pattern"},
    {"kafka", "properties.group.id", Meaning::kOption, "group.id"},
    {"kafka", "properties.*", Meaning::kOption, "properties."},
    {"kafka", "scan.startup.mode", Meaning::kOption, "scan.startup.mode"},
    {"kafka", "scan.startup.timestamp-millis", Meaning::kOption, "scan.startup.timestamp.millis"},
    {"kafka", "scan.startup.specific-offsets", Meaning::kOption, "scan.startup.specific-offsets"},
    {"kafka", "scan.bounded.mode", Meaning::kOption, "scan.bounded.mode"},
    {"kafka", "scan.topic-partition-discovery.interval", Meaning::kNoEffect,
     "properties.topic.metadata.refresh.interval.ms says how soon new partitions are found"},
    {"kafka", "scan.parallelism", Meaning::kNoEffect, kReads},
    {"kafka", "sink.*", Meaning::kNoEffect, kReads},
    {"kafka", "key.format", Meaning::kRefused, kKeys},
    {"kafka", "key.fields", Meaning::kRefused, kKeys},
    {"kafka", "key.fields-prefix", Meaning::kRefused, kKeys},
    {"kafka", "value.fields-include", Meaning::kRefused, "Leave it out, or say 'ALL'.", "ALL"},
    {"kafka", "value.format", Meaning::kFormat},
    // Forebay's own name of it, and what it knows besides.
    {"file", "path", Meaning::kOption, "path"},
    {"file", "scan.bounded.mode", Meaning::kOption, "scan.bounded.mode"},
    {"file", "rows_per_second", Meaning::kOption, "rows_per_second"},
    {"file", "replay.*", Meaning::kOption, "replay."},
    {"filesystem", "path", Meaning::kOption, "path"},
    {"filesystem", "source.monitor-interval", Meaning::kNoEffect,
     "files are followed, and looked at as fast as they grow"},
    {"filesystem", "source.path.regex-pattern", Meaning::kRefused,
     "Give a glob as the path: '/data/*.json'."},
    {"filesystem", "partition.*", Meaning::kNoEffect, kReads},
    {"filesystem", "sink.*", Meaning::kNoEffect, kReads},
    {"filesystem", "auto-compaction", Meaning::kNoEffect, kReads},
    {"filesystem", "compaction.file-size", Meaning::kNoEffect, kReads},
    {"datagen", "rows-per-second", Meaning::kOption, "rows_per_second"},
    {"datagen", "number-of-rows", Meaning::kOption, "number_of_rows"},
    {"datagen", "fields.*", Meaning::kOption, "fields."},
    {"datagen", "scan.parallelism", Meaning::kNoEffect, kReads},
    {"blackhole", "sink.parallelism", Meaning::kNoEffect, "all workers deliver"},
    {"", "scan.watermark.emit.strategy", Meaning::kNoEffect, "a watermark moves with each epoch"},
    {"", "scan.watermark.emit.on-event.gap", Meaning::kNoEffect,
     "a watermark moves with each epoch"},
    {"", "scan.watermark.alignment.*", Meaning::kNoEffect,
     "views of one source come to share one reader"},
};

constexpr KnownOption kFormatOptions[] = {
    {"", "json.ignore-parse-errors", Meaning::kErrors},
    {"", "json.fail-on-missing-field", Meaning::kRefused,
     "Declare the columns NOT NULL that must be there.", "false"},
    // Both forms are understood.
    {"", "json.timestamp-format.standard", Meaning::kRefused, "Say 'SQL' or 'ISO-8601'.", "SQL"},
    {"", "json.map-null-key.*", Meaning::kNoEffect, kReads},
    {"", "json.encode.*", Meaning::kNoEffect, kReads},
    {"", "csv.ignore-parse-errors", Meaning::kErrors},
    {"", "csv.field-delimiter", Meaning::kEncoding, "delimiter"},
    {"", "csv.quote-character", Meaning::kEncoding, "quote"},
    {"", "csv.null-literal", Meaning::kEncoding, "null"},
    {"", "csv.allow-comments", Meaning::kRefused, "Leave the lines out in a view.", "false"},
    {"", "csv.disable-quote-character", Meaning::kRefused,
     "Name a character that the fields don't have: 'csv.quote-character'.", "false"},
    {"", "csv.escape-character", Meaning::kRefused,
     "A quote inside a quoted field is written twice."},
    {"", "csv.array-element-delimiter", Meaning::kRefused, "Read the field as text."},
    {"", "csv.write-*", Meaning::kNoEffect, kReads},
};

constexpr std::string_view kSources[] = {"kafka", "filesystem", "file", "datagen"};
/// What Flink has, and what to do here instead.
constexpr std::pair<std::string_view, std::string_view> kOtherConnectors[] = {
    {"upsert-kafka",
     "Records without a value, which delete, are not understood yet. For a topic without them: "
     "'connector' = 'kafka' with a PRIMARY KEY, where the last record of a key counts."},
    {"print", "Use 'blackhole', or CREATE MATERIALIZED VIEW v AS ... and SELECT * FROM v."},
    {"jdbc", "Write the rows by INSERT, or read them from a topic or file."},
};
constexpr std::pair<std::string_view, std::string_view> kFormats[] = {
    {"json", "json"}, {"csv", "csv"}, {"raw", "bytes"}};
constexpr std::string_view kOtherFormats[] = {
    "avro",         "avro-confluent", "debezium-avro-confluent",
    "protobuf",     "debezium-json",  "canal-json",
    "maxwell-json", "ogg-json",       "parquet",
    "orc",          "json-raw"};

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

Status refused(std::string what, int32_t position, std::string hint) {
  return Status(state::kFeatureNotSupported, fmt::format("{} is not supported", what))
      .with_hint(std::move(hint))
      .at(position);
}

Status invalid(const ast::Option& option, std::string hint) {
  return Status(state::kInvalidParameterValue,
                fmt::format("invalid value for option \"{}\": \"{}\"", option.key, option.value))
      .with_hint(std::move(hint))
      .at(option.value_position);
}

const ast::Option* find_option(const ast::RelationDef& definition, std::string_view name) {
  for (const ast::Option& option : definition.options) {
    if (lower(option.key) == name) return &option;
  }
  return nullptr;
}

bool covers(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return pattern == name;
  pattern.remove_suffix(1);
  return name.starts_with(pattern);
}

class Reader {
 public:
  Reader(const ast::RelationDef& definition, std::vector<std::string>& notices)
      : definition_(definition), notices_(notices) {}

  Result<FlinkConnector> read() {
    FOREBAY_RETURN_IF_ERROR(read_connector());
    for (const ast::Option& option : definition_.options) {
      if (&option == connector_option_ || is_watermark_option(option)) continue;
      FOREBAY_RETURN_IF_ERROR(read_option(option));
    }
    FOREBAY_RETURN_IF_ERROR(finish());
    return std::move(out_);
  }

 private:
  Status read_connector() {
    connector_option_ = find_option(definition_, "connector");
    connector_ = connector_option_->value;
    const int32_t position = connector_option_->value_position;
    for (const auto& [name, hint] : kOtherConnectors) {
      if (connector_ == name) {
        return refused(fmt::format("connector \"{}\"", name), position, std::string(hint));
      }
    }
    out_.is_sink = connector_ == "blackhole";
    if (out_.is_sink ||
        std::find(std::begin(kSources), std::end(kSources), connector_) != std::end(kSources)) {
      out_.options["connector"] = connector_ == "filesystem" ? "file" : connector_;
      return Status::ok();
    }
    std::vector<std::string> names(std::begin(kSources), std::end(kSources));
    names.emplace_back("blackhole");
    return connectors::unknown_name("connector", connector_, names).at(position);
  }

  Status read_option(const ast::Option& option) {
    const std::string name = lower(option.key);
    if (name == "format") return read_format(option);
    for (const KnownOption& known : kOptions) {
      if ((known.connector.empty() || known.connector == connector_) && covers(known.name, name)) {
        return take(known, option, name);
      }
    }
    for (const KnownOption& known : kFormatOptions) {
      const std::string_view format = known.name.substr(0, known.name.find('.'));
      if (!out_.is_sink && is_format(format) && covers(known.name, name)) {
        return take(known, option, name);
      }
    }
    return connectors::unknown_name("option", option.key, known_names()).at(option.position);
  }

  bool is_format(std::string_view format) const {
    for (const char* name : {"format", "value.format"}) {
      const ast::Option* option = find_option(definition_, name);
      if (option != nullptr && option->value == format) return true;
    }
    return false;
  }

  std::vector<std::string> known_names() const {
    std::vector<std::string> names;
    for (const KnownOption& known : kOptions) {
      if (known.connector.empty() || known.connector == connector_) names.emplace_back(known.name);
    }
    for (const KnownOption& known : kFormatOptions) {
      if (!out_.is_sink && is_format(known.name.substr(0, known.name.find('.'))))
        names.emplace_back(known.name);
    }
    if (!out_.is_sink && connector_ != "datagen") names.emplace_back("format");
    return names;
  }

  Status take(const KnownOption& known, const ast::Option& option, const std::string& name) {
    switch (known.meaning) {
      case Meaning::kOption: {
        std::string ours(known.ours);
        if (known.name.ends_with('*')) ours += name.substr(known.name.size() - 1);
        out_.options[ours] = option.value;
        return check_value(option, name, out_.options[ours]);
      }
      case Meaning::kEncoding:
        out_.encode_options[std::string(known.ours)] = option.value == "\\t" ? "tab" : option.value;
        return Status::ok();
      case Meaning::kFormat:
        return read_format(option);
      case Meaning::kErrors:
        return read_errors(option);
      case Meaning::kNoEffect:
        notices_.push_back(
            fmt::format("option \"{}\" has no effect in Forebay: {}", option.key, known.ours));
        return Status::ok();
      case Meaning::kRefused:
        break;
    }
    if (lower(option.value) == lower(std::string(known.fine)) ||
        (name == "json.timestamp-format.standard" && lower(option.value) == "iso-8601")) {
      return Status::ok();
    }
    return refused(fmt::format("option \"{}\" = '{}'", option.key, option.value), option.position,
                   std::string(known.ours));
  }

  /// Values that are called otherwise here.
  Status check_value(const ast::Option& option, const std::string& name, std::string& value) {
    if (name == "scan.startup.mode" && value == "group-offsets") {
      return refused("\"scan.startup.mode\" = 'group-offsets'", option.value_position,
                     "Forebay keeps positions itself, with the view: say 'earliest-offset' or "
                     "'latest-offset'.");
    }
    if (name == "scan.bounded.mode") {
      if (value == "unbounded") {
        out_.options.erase("scan.bounded.mode");
      } else if (value == "latest-offset" || value == "latest") {
        value = "latest";
      } else {
        return refused(fmt::format("\"scan.bounded.mode\" = '{}'", value), option.value_position,
                       "Say 'unbounded' or 'latest-offset'.");
      }
    }
    if (name == "path") {
      for (const std::string_view scheme : {"file://localhost/", "file:///"}) {
        if (value.starts_with(scheme)) value.erase(0, scheme.size() - 1);
      }
      if (value.find("://") != std::string::npos) {
        return refused(fmt::format("path \"{}\"", value), option.value_position,
                       "Give a path on the server's machine.");
      }
      if (value.ends_with('/')) value += '*';  // a folder
    }
    return Status::ok();
  }

  Status read_errors(const ast::Option& option) {
    const std::string value = lower(option.value);
    if (value != "true" && value != "false") return invalid(option, "Say 'true' or 'false'.");
    out_.errors = value == "true" ? FlinkConnector::Errors::kKeep : FlinkConnector::Errors::kFail;
    if (value == "true") {
      notices_.push_back(fmt::format(
          "option \"{}\": records that can't be read are left out, and kept in forebay.errors",
          option.key));
    }
    return Status::ok();
  }

  Status read_format(const ast::Option& option) {
    if (out_.is_sink || connector_ == "datagen") {
      return connectors::unknown_name("option", option.key, known_names()).at(option.position);
    }
    if (!out_.encode.empty()) {
      return Status(state::kInvalidParameterValue, "the format is given twice")
          .with_hint("Say 'format' or 'value.format'.")
          .at(option.position);
    }
    for (const auto& [name, encode] : kFormats) {
      if (option.value == name) out_.encode = encode;
    }
    if (!out_.encode.empty()) return Status::ok();
    if (std::find(std::begin(kOtherFormats), std::end(kOtherFormats), option.value) !=
        std::end(kOtherFormats)) {
      return refused(fmt::format("format \"{}\"", option.value), option.value_position,
                     "Formats are 'json', 'csv' and 'raw'.");
    }
    return connectors::unknown_name("format", option.value, {"json", "csv", "raw"})
        .at(option.value_position);
  }

  Status finish() {
    if (!out_.is_sink && connector_ != "datagen" && out_.encode.empty()) {
      return Status(state::kInvalidParameterValue,
                    fmt::format("table \"{}\" has no option \"format\"",
                                definition_.name.parts.back()))
          .with_hint("Add 'format' = 'json', for example.")
          .at(definition_.name.position);
    }
    // Flink reads files once, unless it is told to look again.
    if (connector_ == "filesystem" &&
        find_option(definition_, "source.monitor-interval") == nullptr) {
      out_.options["scan.bounded.mode"] = "latest";
    }
    if (connector_ == "datagen" && !out_.options.contains("rows_per_second")) {
      out_.options["rows_per_second"] = "10000";
    }
    return Status::ok();
  }

  const ast::RelationDef& definition_;
  std::vector<std::string>& notices_;
  const ast::Option* connector_option_ = nullptr;
  std::string connector_;
  FlinkConnector out_;
};

}  // namespace

bool is_flink_spelling(const ast::RelationDef& definition, bool of_source) {
  if (definition.format || !definition.includes.empty()) return false;
  const ast::Option* connector = find_option(definition, "connector");
  if (connector == nullptr) return false;
  const std::string& name = connector->value;
  if (name == "nexmark") return false;  // not Flink's
  if (name == "file") return find_option(definition, "format") != nullptr;
  if (name == "filesystem" || name == "blackhole") return !of_source;
  for (const auto& other : kOtherConnectors) {
    if (name == other.first) return !of_source;
  }
  for (const char* option : {"format", "value.format", "key.format"}) {
    if (find_option(definition, option) != nullptr) return true;
  }
  const auto& columns = definition.columns;
  return std::any_of(columns.begin(), columns.end(),
                     [](const ast::ColumnDef& column) {
                       return column.is_metadata || column.key_not_enforced;
                     }) ||
         std::any_of(definition.primary_keys.begin(), definition.primary_keys.end(),
                     [](const ast::KeyConstraint& key) { return key.not_enforced; }) ||
         find_option(definition, "rows-per-second") != nullptr ||
         find_option(definition, "number-of-rows") != nullptr;
}

Result<FlinkConnector> read_flink_options(const ast::RelationDef& definition,
                                          std::vector<std::string>& notices) {
  return Reader(definition, notices).read();
}

std::string flink_metadata(std::string_view connector, std::string_view key) {
  if (key == "partition") return connector == "kafka" ? "partition_number" : "partition";
  if (key == "file.path" && connector == "file") return "partition";
  if (key == "offset" || key == "timestamp" || key == "key") return std::string(key);
  return {};
}

}  // namespace forebay::sql::binder
