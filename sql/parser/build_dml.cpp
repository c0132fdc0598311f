#include <fmt/format.h>

#include "sql/parser/ast_builder.h"

namespace forebay::sql {

using ast::StatementPtr;

StatementPtr AstBuilder::dml(P::DmlStatementContext* ctx) {
  const int32_t position = at(ctx);
  if (ctx->body != nullptr) {
    auto statement = std::make_unique<ast::QueryStatement>(position);
    statement->query = query_body(ctx->body, ctx->with);
    return statement;
  }
  std::vector<ast::CommonTable> with = common_tables(ctx->with);
  const bool recursive = ctx->with != nullptr && ctx->with->recursive != nullptr;
  const auto attach = [&](auto& statement) {
    statement.with = std::move(with);
    statement.recursive = recursive;
  };
  if (ctx->insert != nullptr) {
    StatementPtr statement = insert(ctx->insert, position);
    attach(ast::as<ast::Insert>(*statement));
    return statement;
  }
  if (ctx->update != nullptr) {
    StatementPtr statement = update(ctx->update, position);
    attach(ast::as<ast::Update>(*statement));
    return statement;
  }
  StatementPtr statement = remove(ctx->remove, position);
  attach(ast::as<ast::Delete>(*statement));
  return statement;
}

StatementPtr AstBuilder::insert(P::InsertBodyContext* ctx, int32_t position) {
  auto statement = std::make_unique<ast::Insert>(position);
  statement->table = qualified(ctx->name);
  if (ctx->alias != nullptr) statement->alias = text(ctx->alias);
  statement->columns = name_list(ctx->columns);
  if (ctx->body != nullptr) statement->query = query(ctx->body);
  if (ctx->conflict != nullptr) conflict_clause(ctx->conflict, *statement);
  statement->returning = returning(ctx->result);
  return statement;
}

void AstBuilder::conflict_clause(P::InsertConflictContext* ctx, ast::Insert& insert) {
  insert.conflict =
      ctx->nothing != nullptr ? ast::ConflictAction::kNothing : ast::ConflictAction::kUpdate;
  insert.conflict_position = at(ctx);
  insert.conflict_columns = name_list(ctx->conflictColumns);
  if (ctx->constraint != nullptr) insert.conflict_constraint = name_at(ctx->constraint);
  insert.conflict_set = set_clauses(ctx->items);
  if (ctx->where != nullptr) insert.conflict_where = expression(ctx->where->value);
}

StatementPtr AstBuilder::update(P::UpdateBodyContext* ctx, int32_t position) {
  auto statement = std::make_unique<ast::Update>(position);
  statement->table = qualified(ctx->name);
  if (ctx->alias != nullptr) statement->alias = text(ctx->alias);
  statement->set = set_clauses(ctx->items);
  if (ctx->from != nullptr) statement->from = from_list(ctx->from->tables);
  if (ctx->where != nullptr) statement->where = expression(ctx->where->value);
  statement->returning = returning(ctx->result);
  return statement;
}

StatementPtr AstBuilder::remove(P::DeleteBodyContext* ctx, int32_t position) {
  auto statement = std::make_unique<ast::Delete>(position);
  statement->table = qualified(ctx->name);
  if (ctx->alias != nullptr) statement->alias = text(ctx->alias);
  statement->using_tables = from_list(ctx->usingTables);
  if (ctx->where != nullptr) statement->where = expression(ctx->where->value);
  statement->returning = returning(ctx->result);
  return statement;
}

std::vector<ast::SetClause> AstBuilder::set_clauses(const std::vector<P::SetItemContext*>& items) {
  std::vector<ast::SetClause> result;
  for (P::SetItemContext* item : items) {
    if (item->column != nullptr) {
      ast::SetClause clause;
      clause.columns.push_back(name_at(item->column));
      clause.value = expression_or_default(item->value);
      result.push_back(std::move(clause));
      continue;
    }
    std::vector<ast::NameAt> columns = name_list(item->columns);
    if (item->sub != nullptr) {
      ast::SetClause clause;
      clause.columns = std::move(columns);
      clause.value = subquery(ast::SubqueryKind::kScalar, item->sub,
                              tokens_[item->sub->start->getTokenIndex() - 1].position);
      result.push_back(std::move(clause));
      continue;
    }
    if (columns.size() != item->values.size()) {
      fail(data::Status(data::sqlstate::kSyntaxError,
                        "number of columns does not match number of values")
               .at(at(item->values.front())));
      return result;
    }
    for (size_t i = 0; i < columns.size(); ++i) {
      ast::SetClause clause;
      clause.columns.push_back(std::move(columns[i]));
      clause.value = expression_or_default(item->values[i]);
      result.push_back(std::move(clause));
    }
  }
  return result;
}

std::vector<ast::SelectItem> AstBuilder::returning(P::ReturningClauseContext* ctx) {
  if (ctx == nullptr) return {};
  return select_items(ctx->targets);
}

ast::StatementPtr AstBuilder::truncate(P::TruncateStatementContext* ctx) {
  auto statement = std::make_unique<ast::Delete>(at(ctx));
  statement->truncates = true;
  statement->table = qualified(ctx->names[0]);
  if (ctx->identity != nullptr) {
    const size_t word = ctx->identity->getTokenIndex();
    if (tokens_[word].text != "restart" && tokens_[word].text != "continue") {
      fail_syntax(word);
    } else if (tokens_[word + 1].text != "identity") {
      fail_syntax(word + 1);
    }
  }
  if (ctx->names.size() > 1) {
    fail(data::Status(data::sqlstate::kFeatureNotSupported,
                      "TRUNCATE of several tables is not supported")
             .with_hint("Truncate each table by itself.")
             .at(at(ctx->names[1])));
  }
  return statement;
}

}  // namespace forebay::sql
