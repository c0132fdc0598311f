#include <algorithm>
#include <array>

#include "sql/ast/print.h"

namespace forebay::sql::ast {
namespace {

/// PostgreSQL 15's keywords that are not unreserved, sorted; names like these are quoted.
constexpr std::string_view kQuoted[] = {"all",
                                        "analyse",
                                        "analyze",
                                        "and",
                                        "any",
                                        "array",
                                        "as",
                                        "asc",
                                        "asymmetric",
                                        "authorization",
                                        "between",
                                        "bigint",
                                        "binary",
                                        "bit",
                                        "boolean",
                                        "both",
                                        "case",
                                        "cast",
                                        "char",
                                        "character",
                                        "check",
                                        "coalesce",
                                        "collate",
                                        "collation",
                                        "column",
                                        "concurrently",
                                        "constraint",
                                        "create",
                                        "cross",
                                        "cube",
                                        "current_catalog",
                                        "current_date",
                                        "current_role",
                                        "current_schema",
                                        "current_time",
                                        "current_timestamp",
                                        "current_user",
                                        "dec",
                                        "decimal",
                                        "default",
                                        "deferrable",
                                        "desc",
                                        "distinct",
                                        "do",
                                        "else",
                                        "end",
                                        "except",
                                        "exists",
                                        "extract",
                                        "false",
                                        "fetch",
                                        "float",
                                        "for",
                                        "foreign",
                                        "freeze",
                                        "from",
                                        "full",
                                        "grant",
                                        "greatest",
                                        "group",
                                        "grouping",
                                        "having",
                                        "ilike",
                                        "in",
                                        "initially",
                                        "inner",
                                        "inout",
                                        "int",
                                        "integer",
                                        "intersect",
                                        "interval",
                                        "into",
                                        "is",
                                        "isnull",
                                        "join",
                                        "lateral",
                                        "leading",
                                        "least",
                                        "left",
                                        "like",
                                        "limit",
                                        "localtime",
                                        "localtimestamp",
                                        "national",
                                        "natural",
                                        "nchar",
                                        "none",
                                        "normalize",
                                        "not",
                                        "notnull",
                                        "null",
                                        "nullif",
                                        "numeric",
                                        "offset",
                                        "on",
                                        "only",
                                        "or",
                                        "order",
                                        "out",
                                        "outer",
                                        "overlaps",
                                        "overlay",
                                        "placing",
                                        "position",
                                        "precision",
                                        "primary",
                                        "real",
                                        "references",
                                        "returning",
                                        "right",
                                        "rollup",
                                        "row",
                                        "select",
                                        "session_user",
                                        "setof",
                                        "similar",
                                        "smallint",
                                        "some",
                                        "substring",
                                        "symmetric",
                                        "table",
                                        "tablesample",
                                        "then",
                                        "time",
                                        "timestamp",
                                        "to",
                                        "trailing",
                                        "treat",
                                        "trim",
                                        "true",
                                        "union",
                                        "unique",
                                        "user",
                                        "using",
                                        "values",
                                        "varchar",
                                        "variadic",
                                        "verbose",
                                        "when",
                                        "where",
                                        "window",
                                        "with",
                                        "xmlattributes",
                                        "xmlconcat",
                                        "xmlelement",
                                        "xmlexists",
                                        "xmlforest",
                                        "xmlnamespaces",
                                        "xmlparse",
                                        "xmlpi",
                                        "xmlroot",
                                        "xmlserialize",
                                        "xmltable"};
static_assert(std::ranges::is_sorted(kQuoted));

bool is_plain(std::string_view name) {
  if (name.empty() || !((name[0] >= 'a' && name[0] <= 'z') || name[0] == '_')) return false;
  for (const char c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return !std::ranges::binary_search(kQuoted, name);
}

std::string quoted(std::string_view text, char quote) {
  std::string result(1, quote);
  for (const char c : text) {
    if (c == quote) result += quote;
    result += c;
  }
  return result += quote;
}

}  // namespace

std::string quote_identifier(std::string_view name) {
  return is_plain(name) ? std::string(name) : quoted(name, '"');
}

std::string quote_name(const std::vector<std::string>& parts) {
  std::string result;
  for (const std::string& part : parts) {
    if (!result.empty()) result += '.';
    result += quote_identifier(part);
  }
  return result;
}

std::string quote_literal(std::string_view text) {
  if (text.find('\\') == std::string_view::npos) return quoted(text, '\'');
  std::string escaped;
  for (const char c : text) {
    if (c == '\\') escaped += '\\';
    escaped += c;
  }
  return "E" + quoted(escaped, '\'');
}

}  // namespace forebay::sql::ast
