#include "engine/data/type.h"

#include <fmt/format.h>

namespace forebay::data {

namespace {

constexpr bool is_indexed_by_id() {
  for (size_t i = 0; i < kTypeCount; ++i) {
    if (static_cast<size_t>(kTypeInfos[i].id) != i) return false;
  }
  return true;
}
static_assert(is_indexed_by_id());

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
    {"int2", TypeId::kSmallint},
    {"smallint", TypeId::kSmallint},
    {"float4", TypeId::kReal},
    {"real", TypeId::kReal},
    {"bpchar", TypeId::kChar},
    {"character", TypeId::kChar},
    {"bytea", TypeId::kBytea},
    {"uuid", TypeId::kUuid},
    {"time", TypeId::kTime},
    {"time without time zone", TypeId::kTime},
    {"jsonb", TypeId::kJsonb},
    {"oid", TypeId::kOid},
    {"super", TypeId::kJsonb},
    {"variant", TypeId::kJsonb},
};

/// typmods that count the header of a value of varying length.
bool counts_header(TypeId id) {
  return id == TypeId::kVarchar || id == TypeId::kChar || id == TypeId::kNumeric;
}
constexpr int32_t kHeaderBytes = 4;

}  // namespace

std::string Type::name() const {
  if (id == TypeId::kAnyArray) return "anyarray";
  if (is_array()) return element().name() + "[]";
  const std::string_view base = base_info(id).name;
  if (modifier < 0) return std::string(id == TypeId::kChar ? "character" : base);
  switch (id) {
    case TypeId::kNumeric:
      return fmt::format("numeric({},{})", numeric_precision(), numeric_scale());
    case TypeId::kVarchar:
    case TypeId::kChar:
    case TypeId::kInterval:
      return fmt::format("{}({})", base, modifier);
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz: {
      const size_t word = base.find(' ');
      return fmt::format("{}({}){}", base.substr(0, word), modifier, base.substr(word));
    }
    default:
      return std::string(base);
  }
}

TypeId type_of_name(std::string_view name) {
  if (name.ends_with("[]")) {
    const TypeId element = type_of_name(name.substr(0, name.size() - 2));
    return element == TypeId::kUnknown ? element : array_of(element);
  }
  for (const TypeAlias& alias : kTypeAliases) {
    if (alias.name == name) return alias.id;
  }
  return TypeId::kUnknown;
}

uint32_t type_oid(TypeId id) {
  constexpr uint32_t kAnyArrayOid = 2277;
  if (id == TypeId::kAnyArray) return kAnyArrayOid;
  return is_array(id) ? base_info(element_of(id)).array_oid : base_info(id).oid;
}

TypeId type_of_oid(uint32_t oid) {
  if (oid == 0) return TypeId::kUnknown;
  for (const TypeInfo& info : kTypeInfos) {
    if (info.oid == oid) return info.id;
    if (info.array_oid == oid) return array_of(info.id);
  }
  return TypeId::kUnknown;
}

std::string internal_name(TypeId id) {
  if (is_array(id)) return "_" + std::string(base_info(element_of(id)).internal_name);
  return std::string(base_info(id).internal_name);
}

int16_t type_length(TypeId id) { return is_array(id) ? int16_t{-1} : base_info(id).length; }

char type_category(TypeId id) { return is_array(id) ? 'A' : base_info(id).category; }

bool is_preferred(TypeId id) { return !is_array(id) && base_info(id).preferred; }

int32_t to_wire_modifier(Type type) {
  if (type.modifier < 0) return -1;
  return type.modifier + (counts_header(element_of(type.id)) ? kHeaderBytes : 0);
}

int32_t from_wire_modifier(TypeId id, int32_t modifier) {
  if (modifier < 0) return -1;
  return modifier - (counts_header(element_of(id)) ? kHeaderBytes : 0);
}

}  // namespace forebay::data
