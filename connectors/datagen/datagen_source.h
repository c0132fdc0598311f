#pragma once

#include <optional>

#include "connectors/format.h"

/// connector = 'datagen': rows out of nothing, the same ones for the same options: row i of a
/// source depends on i, the seed and the options alone, so any worker makes any range of rows, and
/// a restart makes the same.
namespace forebay::connectors {

ConnectorDescriptor datagen_connector();

/// How one column's values are made.
struct DatagenField {
  bool is_sequence = false;
  /// What int32 and int64 layouts hold (days and microseconds for times), the digits of a numeric;
  /// both ends belong to it. A sequence starts at `least`.
  int64_t least = 0;
  int64_t most = 0;
  double least_double = 0;
  double most_double = 1;
  /// Of text.
  uint32_t length = 0;
  /// Of numeric: digits after the point.
  uint16_t scale = 0;
};

struct DatagenConfig {
  std::vector<DatagenField> fields;  // by column of the schema
  std::optional<double> rows_per_second;
  /// Not set: rows have no end.
  std::optional<uint64_t> rows;
  uint64_t seed = 0;
};

}  // namespace forebay::connectors
