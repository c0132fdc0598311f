#include "engine/data/type.h"

#include <fmt/format.h>

namespace forebay::data {

namespace {

struct TypeFacts {
  TypeId id;
  const char* name;
  uint32_t oid;
  uint32_t array_oid;
};

constexpr TypeFacts kTypeFacts[] = {
    {TypeId::kUnknown, "unknown", 705, 0},
    {TypeId::kBoolean, "boolean", 16, 1000},
    {TypeId::kInteger, "integer", 23, 1007},
    {TypeId::kBigint, "bigint", 20, 1016},
    {TypeId::kDouble, "double precision", 701, 1022},
    {TypeId::kNumeric, "numeric", 1700, 1231},
    {TypeId::kVarchar, "character varying", 1043, 1015},
    {TypeId::kText, "text", 25, 1009},
    {TypeId::kDate, "date", 1082, 1182},
    {TypeId::kTimestamp, "timestamp without time zone", 1114, 1115},
    {TypeId::kTimestampTz, "timestamp with time zone", 1184, 1185},
    {TypeId::kInterval, "interval", 1186, 1187},
};

struct TypeAlias {
  std::string_view name;
  TypeId id;
};

constexpr TypeAlias kTypeAliases[] = {
    {"bool", TypeId::kBoolean},
    {"boolean", TypeId::kBoolean},
    {"int", TypeId::kInteger},
    {"int4", TypeId::kInteger},
    {"integer", TypeId::kInteger},
    {"int8", TypeId::kBigint},
    {"bigint", TypeId::kBigint},
    {"float8", TypeId::kDouble},
    {"float", TypeId::kDouble},
    {"double", TypeId::kDouble},
    {"double precision", TypeId::kDouble},
    {"numeric", TypeId::kNumeric},
    {"decimal", TypeId::kNumeric},
    {"dec", TypeId::kNumeric},
    {"varchar", TypeId::kVarchar},
    {"character varying", TypeId::kVarchar},
    {"char varying", TypeId::kVarchar},
    {"string", TypeId::kVarchar},
    {"text", TypeId::kText},
    {"date", TypeId::kDate},
    {"timestamp", TypeId::kTimestamp},
    {"timestamp without time zone", TypeId::kTimestamp},
    {"timestamptz", TypeId::kTimestampTz},
    {"timestamp with time zone", TypeId::kTimestampTz},
    {"interval", TypeId::kInterval},
};

const TypeFacts& facts_of(TypeId id) {
  for (const TypeFacts& facts : kTypeFacts) {
    if (facts.id == id) return facts;
  }
  throw_check_failure(__FILE__, __LINE__, "known type", std::to_string(static_cast<int>(id)));
}

}  // namespace

std::string Type::name() const {
  std::string_view base = facts_of(id).name;
  if (modifier < 0) return std::string(base);
  switch (id) {
    case TypeId::kNumeric:
      return fmt::format("numeric({},{})", numeric_precision(), numeric_scale());
    case TypeId::kVarchar:
    case TypeId::kInterval:
      return fmt::format("{}({})", base, modifier);
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz: {
      constexpr size_t kWordLength = std::string_view("timestamp").size();
      return fmt::format("timestamp({}){}", modifier, base.substr(kWordLength));
    }
    default:
      return std::string(base);
  }
}

TypeId type_of_name(std::string_view name) {
  for (const TypeAlias& alias : kTypeAliases) {
    if (alias.name == name) return alias.id;
  }
  return TypeId::kUnknown;
}

uint32_t type_oid(TypeId id) { return facts_of(id).oid; }

uint32_t array_type_oid(TypeId id) { return facts_of(id).array_oid; }

TypeId type_of_oid(uint32_t oid) {
  for (const TypeFacts& facts : kTypeFacts) {
    if (facts.oid == oid) return facts.id;
  }
  return TypeId::kUnknown;
}

}  // namespace forebay::data
