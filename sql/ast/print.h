#pragma once

#include <string>
#include <string_view>

#include "sql/ast/statement.h"

/// The AST back to SQL text, on one line: what parse(print(ast)) makes prints the same again.
namespace forebay::sql::ast {

std::string to_sql(const Expr& expr);
std::string to_sql(const Query& query);
std::string to_sql(const Statement& statement);
/// As PostgreSQL's format_type: "timestamp(3) with time zone", "numeric(10,2)[]".
std::string to_sql(const TypeName& type);

/// The name in double quotes if it needs them: unless it is a lower-case word that is no keyword
/// but an unreserved one.
std::string quote_identifier(std::string_view name);
/// Parts joined by dots, each quoted if needed.
std::string quote_name(const std::vector<std::string>& parts);
/// The text as a literal: '...' with doubled quotes, or E'...' when it has a backslash.
std::string quote_literal(std::string_view text);

/// The name of a column of a select list without alias, PostgreSQL's rules: a column's or
/// function's name, "case", "exists", a cast's type, else "?column?".
std::string output_name(const Expr& expr);

}  // namespace forebay::sql::ast
