#include <fmt/format.h>

#include <algorithm>

#include "connectors/bytes/bytes_format.h"
#include "connectors/csv/csv_format.h"
#include "connectors/datagen/datagen_source.h"
#include "connectors/file/file_source.h"
#include "connectors/format.h"
#include "connectors/json/json_format.h"
#include "connectors/kafka/kafka_source.h"
#include "connectors/nexmark/nexmark_source.h"
#include "connectors/sink.h"

/// The one place that names every connector and every format.
namespace forebay::connectors {

namespace {

const std::vector<ConnectorDescriptor>& connectors() {
  static const std::vector<ConnectorDescriptor> list = {
      file_connector(),
      datagen_connector(),
      nexmark_connector(),
      kafka_connector(),
  };
  return list;
}

const std::vector<FormatDescriptor>& formats() {
  static const std::vector<FormatDescriptor> list = {
      json_format(),
      csv_format(),
      bytes_format(),
  };
  return list;
}

Result<const FormatDescriptor*> find_format(const SourceSpec& spec) {
  std::vector<std::string> format_names, encode_names;
  bool format_known = false;
  for (const FormatDescriptor& descriptor : formats()) {
    if (spec.format == descriptor.format) {
      if (spec.encode == descriptor.encode) return &descriptor;
      format_known = true;
      encode_names.emplace_back(descriptor.encode);
    }
    if (std::find(format_names.begin(), format_names.end(), descriptor.format) ==
        format_names.end()) {
      format_names.emplace_back(descriptor.format);
    }
  }
  if (!format_known) return unknown_name("format", spec.format, format_names);
  return unknown_name("encoding", spec.encode, encode_names);
}

const std::vector<std::string>& sink_names() {
  static const std::vector<std::string> list = {"blackhole"};
  return list;
}

}  // namespace

Status check_sink(const SinkSpec& spec) {
  auto connector = spec.options.find("connector");
  if (connector == spec.options.end()) {
    return Status(data::sqlstate::kInvalidParameterValue,
                  fmt::format("sink \"{}\" has no option \"connector\"", spec.name))
        .with_hint(
            fmt::format("Known connectors of sinks are: {}.", fmt::join(sink_names(), ", ")));
  }
  if (connector->second != "blackhole") {
    return unknown_name("connector of sinks", connector->second, sink_names());
  }
  FOREBAY_RETURN_IF_ERROR(OptionReader(spec.options).check_names({"connector"}));
  if (!spec.format.empty()) {
    return Status(data::sqlstate::kInvalidParameterValue, "connector \"blackhole\" has no format")
        .with_hint("Leave FORMAT ... ENCODE ... out.");
  }
  return Status::ok();
}

std::vector<std::string> connector_names() {
  std::vector<std::string> names;
  for (const ConnectorDescriptor& descriptor : connectors()) names.emplace_back(descriptor.name);
  return names;
}

bool needs_format(std::string_view connector) {
  for (const ConnectorDescriptor& descriptor : connectors()) {
    if (connector == descriptor.name) return !descriptor.makes_rows;
  }
  return true;
}

std::vector<data::Field> metadata_columns(std::string_view connector) {
  for (const ConnectorDescriptor& descriptor : connectors()) {
    if (connector == descriptor.name) return descriptor.metadata;
  }
  return {};
}

Result<std::shared_ptr<const Source>> make_source(const SourceSpec& spec) {
  auto connector = spec.options.find("connector");
  if (connector == spec.options.end()) {
    return Status(data::sqlstate::kInvalidParameterValue,
                  fmt::format("source \"{}\" has no option \"connector\"", spec.name))
        .with_hint(fmt::format("Known connectors are: {}.", fmt::join(connector_names(), ", ")));
  }
  for (const ConnectorDescriptor& descriptor : connectors()) {
    if (connector->second != descriptor.name) continue;
    OptionReader options(spec.options);
    std::vector<std::string> names = descriptor.options;
    names.emplace_back("connector");
    FOREBAY_RETURN_IF_ERROR(options.check_names(names));
    if (descriptor.makes_rows && spec.format.empty())
      return descriptor.make(spec, options, nullptr);
    FOREBAY_ASSIGN_OR_RETURN(const FormatDescriptor* format, find_format(spec));
    OptionReader encode_options(spec.encode_options);
    FOREBAY_RETURN_IF_ERROR(encode_options.check_names(format->options));
    FOREBAY_ASSIGN_OR_RETURN(std::shared_ptr<const Format> made,
                             format->make(spec, encode_options));
    return descriptor.make(spec, options, std::move(made));
  }
  return unknown_name("connector", connector->second, connector_names());
}

}  // namespace forebay::connectors
