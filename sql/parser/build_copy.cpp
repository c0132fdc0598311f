#include <fmt/format.h>

#include "sql/parser/ast_builder.h"

/// COPY.
namespace forebay::sql {

using ast::StatementPtr;

StatementPtr AstBuilder::copy(P::CopyStatementContext* ctx) {
  auto statement = std::make_unique<ast::Copy>(at(ctx));
  if (ctx->name != nullptr) {
    statement->table = qualified(ctx->name);
    statement->columns = name_list(ctx->columns);
  } else if (ctx->sub != nullptr) {
    auto rows = std::make_unique<ast::QueryStatement>(at(ctx->sub));
    rows->query = query(ctx->sub);
    statement->rows = std::move(rows);
  } else {
    statement->rows = dml(ctx->changing);
  }
  statement->from = ctx->direction->getType() == P::K_FROM;
  if (statement->from && statement->rows != nullptr) {
    fail_syntax(ctx->direction->getTokenIndex());
  }
  if (ctx->end == nullptr) {
    statement->file_position = at(ctx->file);
  } else if (text(ctx->end) == "program" && ctx->file != nullptr) {
    statement->file_position = at(ctx->end);
  } else if ((text(ctx->end) != "stdin" && text(ctx->end) != "stdout") || ctx->file != nullptr) {
    // As in PostgreSQL, STDIN and STDOUT mean the same.
    fail_syntax((ctx->file != nullptr ? ctx->file : ctx->end)->getTokenIndex());
  }
  for (P::CopyOptionContext* item : ctx->options) statement->options.push_back(copy_option(item));
  for (P::CopyWordContext* item : ctx->words) statement->options.push_back(copy_word(item));
  if (ctx->where != nullptr) {
    statement->where = expression(ctx->where->value);
    if (!statement->from) {
      fail(data::Status(data::sqlstate::kSyntaxError, "WHERE clause not allowed with COPY TO")
               .at(at(ctx->where)));
    }
  }
  return statement;
}

ast::Option AstBuilder::copy_option(P::CopyOptionContext* ctx) {
  ast::Option option;
  option.position = at(ctx);
  option.key = text(ctx->key);
  if (ctx->value != nullptr) option_value(ctx->value, option);
  if (ctx->star != nullptr || ctx->columns != nullptr) {
    fail(data::Status(data::sqlstate::kFeatureNotSupported,
                      fmt::format("COPY option \"{}\" with columns is not supported", option.key))
             .at(option.position));
  }
  return option;
}

/// What stands without parentheses, as before PostgreSQL 9.0: CSV HEADER DELIMITER AS ','.
ast::Option AstBuilder::copy_word(P::CopyWordContext* ctx) {
  ast::Option option;
  option.position = at(ctx);
  option.key = text(ctx->word);
  const bool has_value = ctx->value != nullptr;
  if (has_value) {
    option.kind = ast::OptionValueKind::kString;
    option.value_position = at(ctx->value);
    option.value = text(ctx->value);
  }
  const bool takes_value = option.key == "delimiter" || option.key == "null" ||
                           option.key == "quote" || option.key == "escape" ||
                           option.key == "encoding";
  const bool stands_alone = option.key == "csv" || option.key == "header" ||
                            option.key == "freeze" || option.key == "binary";
  if (!takes_value && !stands_alone) fail_syntax(ctx->word->getTokenIndex());
  if (takes_value && !has_value) fail_syntax(ctx->word->getTokenIndex() + 1);
  if (stands_alone && has_value) fail_syntax(ctx->value->getTokenIndex());
  if (option.key == "csv" || option.key == "binary") {
    option.kind = ast::OptionValueKind::kWord;
    option.value_position = option.position;
    option.value = option.key;
    option.key = "format";
  }
  return option;
}

}  // namespace forebay::sql
