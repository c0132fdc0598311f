#pragma once

#include "connectors/options.h"

/// Where the rows of sinks go.
namespace forebay::connectors {

/// All that CREATE SINK says.
struct SinkSpec {
  std::string name;
  data::Schema schema;  // of the rows
  Options options;      // WITH (...)
  std::string format;   // "upsert"; empty: none is given
  std::string encode;
  Options encode_options;
};

/// Checks a spec against the list of connectors that take rows: an unknown connector, format or
/// option is 22023 with a hint. The only one is 'blackhole', which has neither format nor options.
Status check_sink(const SinkSpec& spec);

}  // namespace forebay::connectors
