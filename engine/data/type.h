#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/status.h"

/// The SQL types and how their values lie in memory.
namespace forebay::data {

/// DO NOT CHANGE the numbers: they are persisted in catalog records and row encodings. A new type
/// is a number here and a line in kTypeInfos.
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
  kSmallint = 12,
  kReal = 13,
  kChar = 14,  // character(n)
  kBytea = 15,
  kUuid = 16,
  kTime = 17,
  kJsonb = 18,
  kOid = 19,
  // The array of a type is its number with kArrayBit set, see array_of(). In signatures of
  // functions the array of kUnknown is any array.
  kAnyArray = 128,
};

/// The memory layout behind a type: the C++ type of one value in a column.
enum class Layout : uint8_t {
  kBool,      // uint8_t, 0 or 1
  kInt32,     // int32_t
  kInt64,     // int64_t
  kDouble,    // double
  kNumeric,   // Numeric
  kString,    // StringView
  kInterval,  // Interval
};

/// How values of a type are compared, hashed and made key bytes of.
enum class Ordering : uint8_t {
  kLayout,  // as their layout says: numbers by value, strings by bytes
  kJson,    // jsonb: engine/data/json.h
  kArray,   // element by element: engine/data/array.h
};

/// Everything that is a mere fact of a type. What its values look like:
/// - smallint lies as int32_t and real as double: their ranges and precision are kept where values
///   are made (text, casts, arithmetic), and all that only moves, compares or stores values is
///   shared.
/// - oid, a number without a sign in 32 bits, lies as int64_t.
/// - character(n) lies without its trailing blanks, which mean nothing; they come back in output.
/// - uuid is its 16 bytes, bytea its bytes, jsonb its canonical text, an array what array.h says.
struct TypeInfo {
  TypeId id = TypeId::kUnknown;
  /// SQL's name, without a modifier.
  std::string_view name;
  /// pg_type.typname.
  std::string_view internal_name;
  uint32_t oid = 0;
  uint32_t array_oid = 0;
  Layout layout = Layout::kString;
  Ordering ordering = Ordering::kLayout;
  /// pg_type.typlen: bytes of PostgreSQL's binary format, -1 when they vary.
  int16_t length = -1;
  /// pg_type.typcategory and typispreferred.
  char category = 'X';
  bool preferred = false;
};

inline constexpr TypeInfo kTypeInfos[] = {
    {TypeId::kUnknown, "unknown", "unknown", 705, 0, Layout::kString, {}, -2, 'X'},
    {TypeId::kBoolean, "boolean", "bool", 16, 1000, Layout::kBool, {}, 1, 'B', true},
    {TypeId::kInteger, "integer", "int4", 23, 1007, Layout::kInt32, {}, 4, 'N'},
    {TypeId::kBigint, "bigint", "int8", 20, 1016, Layout::kInt64, {}, 8, 'N'},
    {TypeId::kDouble, "double precision", "float8", 701, 1022, Layout::kDouble, {}, 8, 'N', true},
    {TypeId::kNumeric, "numeric", "numeric", 1700, 1231, Layout::kNumeric, {}, -1, 'N'},
    {TypeId::kVarchar, "character varying", "varchar", 1043, 1015, Layout::kString, {}, -1, 'S'},
    {TypeId::kText, "text", "text", 25, 1009, Layout::kString, {}, -1, 'S', true},
    {TypeId::kDate, "date", "date", 1082, 1182, Layout::kInt32, {}, 4, 'D'},
    {TypeId::kTimestamp,
     "timestamp without time zone",
     "timestamp",
     1114,
     1115,
     Layout::kInt64,
     {},
     8,
     'D'},
    {TypeId::kTimestampTz,
     "timestamp with time zone",
     "timestamptz",
     1184,
     1185,
     Layout::kInt64,
     {},
     8,
     'D',
     true},
    {TypeId::kInterval, "interval", "interval", 1186, 1187, Layout::kInterval, {}, 16, 'T', true},
    {TypeId::kSmallint, "smallint", "int2", 21, 1005, Layout::kInt32, {}, 2, 'N'},
    {TypeId::kReal, "real", "float4", 700, 1021, Layout::kDouble, {}, 4, 'N'},
    {TypeId::kChar, "character", "bpchar", 1042, 1014, Layout::kString, {}, -1, 'S'},
    {TypeId::kBytea, "bytea", "bytea", 17, 1001, Layout::kString, {}, -1, 'U'},
    {TypeId::kUuid, "uuid", "uuid", 2950, 2951, Layout::kString, {}, 16, 'U'},
    {TypeId::kTime, "time without time zone", "time", 1083, 1183, Layout::kInt64, {}, 8, 'D'},
    {TypeId::kJsonb, "jsonb", "jsonb", 3802, 3807, Layout::kString, Ordering::kJson, -1, 'U'},
    {TypeId::kOid, "oid", "oid", 26, 1028, Layout::kInt64, {}, 4, 'N', true},
};
inline constexpr uint8_t kTypeCount = sizeof kTypeInfos / sizeof kTypeInfos[0];

inline constexpr uint8_t kArrayBit = 128;
constexpr bool is_array(TypeId id) { return (static_cast<uint8_t>(id) & kArrayBit) != 0; }
/// The array type of an element type; of kUnknown: kAnyArray. There are no arrays of arrays: an
/// array has any number of dimensions.
constexpr TypeId array_of(TypeId element) {
  return static_cast<TypeId>(static_cast<uint8_t>(element) | kArrayBit);
}
/// The element type of an array type.
constexpr TypeId element_of(TypeId array) {
  return static_cast<TypeId>(static_cast<uint8_t>(array) & ~kArrayBit);
}

/// The facts of a type that is no array.
constexpr const TypeInfo& base_info(TypeId id) { return kTypeInfos[static_cast<uint8_t>(id)]; }

/// A SQL type with its modifier.
struct Type {
  TypeId id = TypeId::kUnknown;
  /// varchar(n), character(n): n, in characters. numeric(p,s): p * 65536 + s, use numeric_type().
  /// timestamp(p), time(p), interval(p): p. Arrays: that of the elements. -1: none.
  int32_t modifier = -1;

  friend bool operator==(const Type&, const Type&) = default;
  /// PostgreSQL's name: "integer", "character varying(10)", "timestamp with time zone".
  std::string name() const;
  bool is_array() const { return data::is_array(id); }
  Type element() const { return {element_of(id), modifier}; }
  bool is_string() const {
    return id == TypeId::kVarchar || id == TypeId::kText || id == TypeId::kChar;
  }
  bool is_number() const { return !is_array() && base_info(id).category == 'N'; }
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
inline constexpr Type kSmallintType{TypeId::kSmallint};
inline constexpr Type kRealType{TypeId::kReal};
inline constexpr Type kByteaType{TypeId::kBytea};
inline constexpr Type kUuidType{TypeId::kUuid};
inline constexpr Type kTimeType{TypeId::kTime};
inline constexpr Type kJsonbType{TypeId::kJsonb};
inline constexpr Type kOidType{TypeId::kOid};
inline constexpr Type kUnknownType{TypeId::kUnknown};

/// numeric(precision, scale); 1 <= precision <= 38, 0 <= scale <= precision.
inline constexpr Type numeric_type(int32_t precision, int32_t scale) {
  return Type{TypeId::kNumeric, precision << 16 | scale};
}

/// The layout of a type's values. Arrays and kUnknown lie as kString.
constexpr Layout layout_of(TypeId id) {
  return is_array(id) ? Layout::kString : base_info(id).layout;
}
constexpr Ordering ordering_of(TypeId id) {
  return is_array(id) ? Ordering::kArray : base_info(id).ordering;
}

/// Bytes of one value of a layout.
constexpr uint32_t width_of(Layout layout) {
  switch (layout) {
    case Layout::kBool:
      return 1;
    case Layout::kInt32:
      return 4;
    case Layout::kInt64:
    case Layout::kDouble:
      return 8;
    case Layout::kNumeric:
      return 24;
    case Layout::kString:
    case Layout::kInterval:
      return 16;
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

/// The type of a SQL name without modifier ("int4", "double precision", "timestamptz", "string"
/// ..., lower case), or kUnknown.
TypeId type_of_name(std::string_view name);

/// PostgreSQL's oid of a type (pg_type.oid), e.g. 23 for integer; of its array type (1007).
uint32_t type_oid(TypeId id);
/// The type of an oid, or kUnknown.
TypeId type_of_oid(uint32_t oid);
/// pg_type.typname: "int4", "_int4" for its array.
std::string internal_name(TypeId id);
/// pg_type.typlen.
int16_t type_length(TypeId id);
/// pg_type.typcategory and typispreferred.
char type_category(TypeId id);
bool is_preferred(TypeId id);
/// A modifier as PostgreSQL's atttypmod: some count a header of four bytes. And back.
int32_t to_wire_modifier(Type type);
int32_t from_wire_modifier(TypeId id, int32_t modifier);

}  // namespace forebay::data
