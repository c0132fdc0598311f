#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/data/status.h"
#include "sql/ast/statement.h"

/// Text to AST. Thread-safe. The limits: text of 16 MiB (54000), 500 nested parentheses, brackets
/// or CASEs, and an AST of 1,000 levels (54001), which bounds chains such as `1 + 1 + ...` and `q
/// UNION q UNION ...`; AND, OR, IN lists, VALUES and select lists may have any length.
namespace forebay::sql {

struct ParsedStatement {
  ast::StatementPtr statement;
  /// Bytes [begin, end) of the text: from the statement's first token to its last, without the
  /// semicolon.
  size_t begin = 0;
  size_t end = 0;
};

/// All statements of the text, in order; those that are empty are left out, so that the result may
/// be empty. One bad statement fails the whole, as in PostgreSQL: nothing of the text has run then.
/// Errors are 42601 (syntax), 54000, 54001, 22021, 0A000 (spelling that is known but not
/// supported); their positions count from the beginning of the text, and so do those of the AST.
data::Result<std::vector<ParsedStatement>> parse_statements(std::string_view sql);

/// All words that the grammar knows, in order.
std::vector<std::string> keywords();

/// A single expression, such as a stored default.
data::Result<ast::ExprPtr> parse_expression(std::string_view text);

}  // namespace forebay::sql
