#include <fmt/format.h>

#include <array>

#include "sql/ast/printer.h"

namespace forebay::sql::ast {
namespace {

/// Names of PostgreSQL's that SQL spells otherwise; "@" is where the modifier goes.
constexpr std::array<std::array<std::string_view, 2>, 13> kSpellings{{
    {"int2", "smallint"},
    {"int4", "integer"},
    {"int8", "bigint"},
    {"float4", "real"},
    {"float8", "double precision"},
    {"bool", "boolean"},
    {"numeric", "numeric@"},
    {"varchar", "character varying@"},
    {"timestamp", "timestamp@ without time zone"},
    {"timestamptz", "timestamp@ with time zone"},
    {"time", "time@ without time zone"},
    {"timetz", "time@ with time zone"},
    {"bpchar", "character@"},
}};

}  // namespace

void Printer::type(const TypeName& type) {
  std::string modifiers;
  if (!type.modifiers.empty()) modifiers = fmt::format("({})", fmt::join(type.modifiers, ","));
  std::string text;
  if (type.names.size() == 1) {
    for (const auto& [name, spelling] : kSpellings) {
      // A bare bpchar has no other spelling: `character` is character(1).
      if (type.names[0] == name && !(name == "bpchar" && modifiers.empty())) text = spelling;
    }
    if (type.names[0] == "interval") {
      text = "interval";
      if (!type.interval_fields.empty()) text += " " + type.interval_fields;
      text += "@";
    }
  }
  if (text.empty()) text = quote_name(type.names) + "@";
  const size_t place = text.find('@');
  if (place != std::string::npos) text.replace(place, 1, modifiers);
  add(text);
  for (int32_t i = 0; i < type.array_dimensions; ++i) add("[]");
}

std::string to_sql(const TypeName& type) {
  Printer printer;
  printer.type(type);
  return printer.take();
}

}  // namespace forebay::sql::ast
