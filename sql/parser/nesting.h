#pragma once

#include <vector>

#include "engine/data/status.h"
#include "sql/parser/scanner.h"

/// What the tokens tell of the nesting, before any parser sees them.
namespace forebay::sql {

/// Fails with 54001 at the token that opens one parenthesis, bracket, CASE or waiting join too
/// many.
data::Status check_nesting(const std::vector<ScannedToken>& tokens);

/// Changes "(" to LPAREN_QUERY where it opens a query: before SELECT, WITH, VALUES (...) and TABLE,
/// and around such a parenthesis when what follows its end makes the whole a query again, as in
/// `((SELECT 1) UNION SELECT 2)`, but not `((SELECT 1) + 2)`, and not after a function's name.
/// `f(TABLE t, ...)` is a call.
void mark_query_parentheses(std::vector<ScannedToken>& tokens);

/// Among the arguments of TUMBLE, HOP, CUMULATE and SESSION the fields of intervals may be plural:
/// INTERVAL '10' MINUTES.
void mark_plural_fields(std::vector<ScannedToken>& tokens);

}  // namespace forebay::sql
