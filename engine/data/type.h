#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/status.h"

/// The SQL types and how their values lie in memory.
namespace forebay::data {

/// DO NOT CHANGE the numbers: they are persisted in catalog records and row encodings.
enum class TypeId : uint8_t {
  kUnknown = 0,  // an untyped NULL or string literal; never the type of a stored column
  kBoolean = 1,
  kInteger = 2,
  kBigint = 3,
  kDouble = 4,
  kNumeric = 5,
  kVarchar = 6,
  kText = 7,
  kDate = 8,
  kTimestamp = 9,
  kTimestampTz = 10,
  kInterval = 11,
};

/// The memory layout behind a type: the C++ type of one value in a column.
enum class Layout : uint8_t {
  kBool,     // uint8_t, 0 or 1
  kInt32,    // int32_t
  kInt64,    // int64_t
  kDouble,   // double
  kNumeric,  // Numeric
  kString,   // StringView
  kInterval, // Interval
};

/// A SQL type with its modifier.
struct Type {
  TypeId id = TypeId::kUnknown;
  /// varchar(n): n, in characters. numeric(p,s): p * 65536 + s (s may be negative: stored + 1000 is
  /// not done; use numeric_type()). timestamp(p), interval(p): p. -1: none.
  int32_t modifier = -1;

  friend bool operator==(const Type&, const Type&) = default;
  /// PostgreSQL's name: "integer", "character varying(10)", "timestamp with time zone".
  std::string name() const;
  bool is_string() const { return id == TypeId::kVarchar || id == TypeId::kText; }
  bool is_number() const {
    return id == TypeId::kInteger || id == TypeId::kBigint || id == TypeId::kDouble ||
           id == TypeId::kNumeric;
  }
  bool is_datetime() const {
    return id == TypeId::kDate || id == TypeId::kTimestamp || id == TypeId::kTimestampTz;
  }
  int32_t numeric_precision() const { return modifier < 0 ? -1 : modifier >> 16; }
  int32_t numeric_scale() const { return modifier < 0 ? -1 : modifier & 0xffff; }
};

inline constexpr Type kBooleanType{TypeId::kBoolean};
inline constexpr Type kIntegerType{TypeId::kInteger};
inline constexpr Type kBigintType{TypeId::kBigint};
inline constexpr Type kDoubleType{TypeId::kDouble};
inline constexpr Type kNumericType{TypeId::kNumeric};
inline constexpr Type kVarcharType{TypeId::kVarchar};
inline constexpr Type kTextType{TypeId::kText};
inline constexpr Type kDateType{TypeId::kDate};
inline constexpr Type kTimestampType{TypeId::kTimestamp};
inline constexpr Type kTimestampTzType{TypeId::kTimestampTz};
inline constexpr Type kIntervalType{TypeId::kInterval};
inline constexpr Type kUnknownType{TypeId::kUnknown};

/// numeric(precision, scale); 1 <= precision <= 38, 0 <= scale <= precision.
inline constexpr Type numeric_type(int32_t precision, int32_t scale) {
  return Type{TypeId::kNumeric, precision << 16 | scale};
}

/// The layout of a type's values. kUnknown lies as kString.
constexpr Layout layout_of(TypeId id) {
  switch (id) {
    case TypeId::kBoolean: return Layout::kBool;
    case TypeId::kInteger:
    case TypeId::kDate: return Layout::kInt32;
    case TypeId::kBigint:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz: return Layout::kInt64;
    case TypeId::kDouble: return Layout::kDouble;
    case TypeId::kNumeric: return Layout::kNumeric;
    case TypeId::kInterval: return Layout::kInterval;
    case TypeId::kUnknown:
    case TypeId::kVarchar:
    case TypeId::kText: return Layout::kString;
  }
  return Layout::kString;
}

/// Bytes of one value of a layout.
constexpr uint32_t width_of(Layout layout) {
  switch (layout) {
    case Layout::kBool: return 1;
    case Layout::kInt32: return 4;
    case Layout::kInt64:
    case Layout::kDouble: return 8;
    case Layout::kNumeric: return 24;
    case Layout::kString:
    case Layout::kInterval: return 16;
  }
  return 0;
}

/// A named, typed column of a relation.
struct Field {
  std::string name;
  Type type;
  bool not_null = false;
  friend bool operator==(const Field&, const Field&) = default;
};
using Schema = std::vector<Field>;

/// The type of a SQL name without modifier ("int4", "double precision", "timestamptz", "string" ...,
/// lower case), or kUnknown.
TypeId type_of_name(std::string_view name);

/// PostgreSQL's oid of a type (pg_type.oid), e.g. 23 for integer; of its array type (1007).
uint32_t type_oid(TypeId id);
uint32_t array_type_oid(TypeId id);
/// The type of an oid, or kUnknown.
TypeId type_of_oid(uint32_t oid);

}  // namespace forebay::data
