#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace forebay::sql::ast {

/// A type as written. The spellings of SQL become PostgreSQL's own names: int2, int4, int8, float4,
/// float8, numeric, bool, varchar, bpchar, timestamp, timestamptz, time, timetz, interval; also
/// `double` (float8) and `string` (varchar). Any other name is as written, and not looked up.
struct TypeName {
  int32_t position = 0;
  /// Perhaps with a schema before it; "pg_catalog" stays.
  std::vector<std::string> names;
  /// (10, 2) of numeric(10, 2), (3) of timestamp(3), (1) of a bare `character`.
  std::vector<int64_t> modifiers;
  /// Upper-case fields of an interval: "DAY TO SECOND"; else empty.
  std::string interval_fields;
  /// Number of `[]`.
  int32_t array_dimensions = 0;
};

}  // namespace forebay::sql::ast
