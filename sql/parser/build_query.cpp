#include "sql/parser/ast_builder.h"

namespace forebay::sql {

using ast::QueryPtr;
using ast::TableRefPtr;

QueryPtr AstBuilder::query(P::QueryContext* ctx) { return query_body(ctx->body, ctx->with); }

std::vector<ast::CommonTable> AstBuilder::common_tables(P::WithClauseContext* ctx) {
  std::vector<ast::CommonTable> result;
  if (ctx == nullptr) return result;
  for (P::CommonTableContext* item : ctx->ctes) {
    if (item->changing != nullptr) {
      fail(data::Status(data::sqlstate::kFeatureNotSupported,
                        "INSERT, UPDATE and DELETE in WITH are not supported")
               .with_hint("Run the statement on its own first.")
               .at(at(item->changing)));
      return result;
    }
    ast::CommonTable table;
    table.position = at(item);
    table.name = text(item->name);
    table.columns = plain_names(item->columns);
    if (item->materialized != nullptr) table.materialized = item->no == nullptr;
    table.query = query(item->body);
    result.push_back(std::move(table));
  }
  return result;
}

namespace {

ast::SetOperator set_operator(size_t token) {
  using P = AstBuilder::P;
  return token == P::K_UNION       ? ast::SetOperator::kUnion
         : token == P::K_INTERSECT ? ast::SetOperator::kIntersect
                                   : ast::SetOperator::kExcept;
}

QueryPtr combine(QueryPtr left, QueryPtr right, ast::SetOperator op, bool all, int32_t position) {
  auto query = std::make_unique<ast::Query>();
  query->position = position;
  query->kind = ast::QueryKind::kSetOperation;
  query->set_operator = op;
  query->set_all = all;
  query->left = std::move(left);
  query->right = std::move(right);
  return query;
}

}  // namespace

QueryPtr AstBuilder::query_body(P::QueryBodyContext* ctx, P::WithClauseContext* with) {
  const int32_t outer = std::exchange(deepest_, 0);
  const int32_t position = with != nullptr ? at(with) : at(ctx);
  std::vector<ast::CommonTable> tables = common_tables(with);
  QueryPtr result = query_primary(ctx->first);
  // Two stacked levels: `result` of UNION and EXCEPT, and after it a chain of INTERSECTs.
  QueryPtr pending;
  ast::SetOperator pending_op = ast::SetOperator::kUnion;
  bool pending_all = false;
  int32_t pending_position = 0;
  for (P::SetOperationContext* rest : ctx->rest) {
    if (failed()) break;
    const ast::SetOperator op = set_operator(rest->op->getType());
    const bool all = rest->quantifier != nullptr && rest->quantifier->getType() == P::K_ALL;
    QueryPtr right = query_primary(rest->right);
    note_depth(deepest_ + 1, at(rest));
    if (op == ast::SetOperator::kIntersect) {
      result = combine(std::move(result), std::move(right), op, all, at(rest));
      continue;
    }
    if (pending)
      result =
          combine(std::move(pending), std::move(result), pending_op, pending_all, pending_position);
    pending = std::move(result);
    pending_op = op;
    pending_all = all;
    pending_position = at(rest);
    result = std::move(right);
  }
  if (pending)
    result =
        combine(std::move(pending), std::move(result), pending_op, pending_all, pending_position);
  if (!ctx->rest.empty() || result->position == 0) result->position = position;
  if (with != nullptr) {
    if (!result->with.empty()) {
      fail(data::Status(data::sqlstate::kSyntaxError, "multiple WITH clauses not allowed")
               .at(position));
    }
    result->recursive = with->recursive != nullptr;
    result->with = std::move(tables);
  }
  if (ctx->order != nullptr) {
    if (!result->order_by.empty()) {
      fail(data::Status(data::sqlstate::kSyntaxError, "multiple ORDER BY clauses not allowed")
               .at(at(ctx->order)));
    }
    result->order_by = sort_items(ctx->order);
  }
  query_limits(ctx, *result);
  note_depth(deepest_ + 1, position);
  deepest_ = std::max(outer, deepest_);
  return result;
}

void AstBuilder::query_limits(P::QueryBodyContext* ctx, ast::Query& query) {
  bool has_limit = query.limit != nullptr;
  for (P::LimitPartContext* part : ctx->limits) {
    const int32_t position = at(part);
    if (part->lock != nullptr) {
      query.locking_position = position;
      continue;
    }
    if (part->offset != nullptr) {
      if (query.offset != nullptr) {
        fail(data::Status(data::sqlstate::kSyntaxError, "multiple OFFSET clauses not allowed")
                 .at(position));
      }
      query.offset = expression(part->offset);
      continue;
    }
    if (has_limit) {
      fail(data::Status(data::sqlstate::kSyntaxError, "multiple LIMIT clauses not allowed")
               .at(position));
    }
    has_limit = true;
    if (part->limit != nullptr) query.limit = expression(part->limit);
    if (part->fetch != nullptr) fetch_first(part, query);
  }
}

void AstBuilder::fetch_first(P::LimitPartContext* ctx, ast::Query& query) {
  query.with_ties = ctx->ties != nullptr;
  if (query.with_ties && query.order_by.empty()) {
    fail(data::Status(data::sqlstate::kSyntaxError,
                      "WITH TIES cannot be specified without ORDER BY clause"));
  }
  if (ctx->count != nullptr && ctx->count->value != nullptr) {
    query.limit = expression(ctx->count->value);
    return;
  }
  if (ctx->count != nullptr) {
    query.limit = literal(ctx->count->number);
    if (ctx->count->sign != nullptr && ctx->count->sign->getType() == P::MINUS) {
      auto minus = std::make_unique<ast::Unary>(at(ctx->count));
      minus->op.symbol.assign(1, '-');
      minus->operand = std::move(query.limit);
      set_depth(*minus, 1);
      query.limit = std::move(minus);
    }
    return;
  }
  auto one = std::make_unique<ast::Literal>(at(ctx));
  one->literal = ast::LiteralKind::kInteger;
  one->integer = 1;
  one->text.assign(1, '1');
  query.limit = std::move(one);
}

QueryPtr AstBuilder::query_primary(P::QueryPrimaryContext* ctx) {
  if (ctx->nested != nullptr) return query(ctx->nested);
  auto result = std::make_unique<ast::Query>();
  result->position = at(ctx);
  if (ctx->select != nullptr) {
    result->select = simple_select(ctx->select);
  } else if (ctx->values != nullptr) {
    result->kind = ast::QueryKind::kValues;
    for (P::ValuesRowContext* row : ctx->values->rows) {
      if (failed()) break;
      result->values.push_back(values_row(row));
    }
  } else {
    result->select = select_all(ctx->table, at(ctx));
  }
  return result;
}

std::unique_ptr<ast::Select> AstBuilder::select_all(P::QualifiedNameContext* name,
                                                    int32_t position) {
  auto select = std::make_unique<ast::Select>();
  select->position = position;
  select->items.push_back({std::make_unique<ast::Star>(position), ""});
  auto table = std::make_unique<ast::NamedTable>(at(name));
  table->name = names(name);
  select->from.push_back(std::move(table));
  return select;
}

ast::ExprPtr AstBuilder::table_argument(P::QualifiedNameContext* name) {
  auto argument = std::make_unique<ast::Subquery>(at(name));
  argument->query = std::make_unique<ast::Query>();
  argument->query->position = at(name);
  argument->query->select = select_all(name, at(name));
  return argument;
}

std::vector<ast::ExprPtr> AstBuilder::values_row(P::ValuesRowContext* ctx) {
  std::vector<ast::ExprPtr> row;
  row.reserve(ctx->values.size());
  for (P::ExprOrDefaultContext* value : ctx->values) row.push_back(expression_or_default(value));
  if (ctx->sub != nullptr) {
    // Written ((SELECT ...)): a row of one scalar subquery. A bare (SELECT ...) is no row.
    if (tokens_[ctx->start->getTokenIndex() + 1].type != P::LPAREN_QUERY) {
      fail_syntax(ctx->start->getTokenIndex() + 1);
    }
    row.push_back(subquery(ast::SubqueryKind::kScalar, ctx->sub, at(ctx)));
  }
  return row;
}

std::unique_ptr<ast::Select> AstBuilder::simple_select(P::SimpleSelectContext* ctx) {
  auto select = std::make_unique<ast::Select>();
  select->position = at(ctx);
  if (ctx->into != nullptr) {
    fail(data::Status(data::sqlstate::kFeatureNotSupported, "SELECT INTO is not supported")
             .with_hint("Use CREATE MATERIALIZED VIEW, or CREATE TABLE and INSERT.")
             .at(at(ctx->into)));
  }
  select->distinct = ctx->distinct != nullptr;
  select->distinct_on = expressions(ctx->on);
  select->items = select_items(ctx->targets);
  if (ctx->from != nullptr) select->from = from_list(ctx->from->tables);
  if (ctx->where != nullptr) select->where = expression(ctx->where->value);
  if (ctx->group != nullptr) {
    select->grouped = true;
    select->group_distinct =
        ctx->group->quantifier != nullptr && ctx->group->quantifier->getType() == P::K_DISTINCT;
    for (P::GroupItemContext* item : ctx->group->items)
      select->group_by.push_back(group_item(item));
  }
  if (ctx->having != nullptr) select->having = expression(ctx->having);
  for (P::NamedWindowContext* window : ctx->windows) {
    select->windows.push_back({text(window->name), window_spec(window->spec)});
  }
  return select;
}

std::vector<ast::SelectItem> AstBuilder::select_items(
    const std::vector<P::TargetContext*>& targets) {
  std::vector<ast::SelectItem> items;
  items.reserve(targets.size());
  for (P::TargetContext* target : targets) {
    ast::SelectItem item;
    if (target->star != nullptr) {
      item.value = std::make_unique<ast::Star>(at(target));
    } else {
      item.value = expression(target->value);
      if (target->label != nullptr) item.alias = text(target->label);
      if (target->bare != nullptr) item.alias = text(target->bare);
    }
    items.push_back(std::move(item));
  }
  return items;
}

ast::GroupItem AstBuilder::group_item(P::GroupItemContext* ctx) {
  ast::GroupItem item;
  item.position = at(ctx);
  if (ctx->value != nullptr) {
    item.expressions.push_back(expression(ctx->value));
  } else if (ctx->empty != nullptr) {
    item.kind = ast::GroupItemKind::kEmpty;
  } else if (ctx->kind->getType() == P::K_GROUPING) {
    item.kind = ast::GroupItemKind::kGroupingSets;
    for (P::GroupItemContext* set : ctx->items) item.sets.push_back(group_item(set));
  } else {
    item.kind = ctx->kind->getType() == P::K_ROLLUP ? ast::GroupItemKind::kRollup
                                                    : ast::GroupItemKind::kCube;
    item.expressions = expressions(ctx->exprs);
  }
  return item;
}

std::vector<TableRefPtr> AstBuilder::from_list(const std::vector<P::TableRefContext*>& tables) {
  std::vector<TableRefPtr> result;
  for (P::TableRefContext* table : tables) result.push_back(table_ref(table));
  return result;
}

TableRefPtr AstBuilder::table_ref(P::TableRefContext* ctx) {
  const int32_t outer = std::exchange(deepest_, 0);
  TableRefPtr result = table_primary(ctx->first);
  for (P::JoinTailContext* tail : ctx->joins) {
    if (failed()) break;
    result = join(std::move(result), tail);
    note_depth(deepest_ + 1, at(tail));
  }
  deepest_ = std::max(outer, deepest_);
  return result;
}

TableRefPtr AstBuilder::table_primary(P::TablePrimaryContext* ctx) {
  TableRefPtr result;
  if (ctx->function != nullptr) {
    auto table = std::make_unique<ast::FunctionTable>(at(ctx->function));
    const int32_t outer = std::exchange(deepest_, 0);
    table->call = function_call(ctx->function);
    set_depth(*table->call, deepest_);
    deepest_ = std::max(outer, deepest_);
    table->with_ordinality = ctx->ordinality != nullptr;
    result = std::move(table);
  } else if (ctx->sub != nullptr) {
    auto table = std::make_unique<ast::SubqueryTable>(at(ctx));
    table->query = query(ctx->sub);
    result = std::move(table);
  } else if (ctx->nested != nullptr) {
    result = table_ref(ctx->nested);
    if (result->kind != ast::TableRefKind::kJoin) {
      fail_syntax(ctx->nested->stop->getTokenIndex() + 1);
    }
  } else {
    auto table = std::make_unique<ast::NamedTable>(at(ctx->name));
    table->name = names(ctx->name);
    if (ctx->asOf != nullptr) table->as_of = expression(ctx->asOf->value);
    result = std::move(table);
  }
  result->lateral = ctx->lateral != nullptr;
  if (ctx->alias != nullptr) result->alias = table_alias(ctx->alias);
  return result;
}

ast::TableAlias AstBuilder::table_alias(P::TableAliasContext* ctx) {
  ast::TableAlias alias;
  alias.name = ctx->name != nullptr ? text(ctx->name) : text(ctx->bare);
  for (P::AliasColumnContext* column : ctx->columns) {
    alias.columns.push_back(text(column->name));
    if (column->type != nullptr) alias.types.push_back(type_name(column->type));
  }
  if (!alias.types.empty() && alias.types.size() != alias.columns.size()) {
    fail_syntax(ctx->stop->getTokenIndex());
  }
  return alias;
}

TableRefPtr AstBuilder::join(TableRefPtr left, P::JoinTailContext* ctx) {
  auto node = std::make_unique<ast::JoinTable>(at(ctx));
  node->left = std::move(left);
  node->right = ctx->nested != nullptr ? table_ref(ctx->nested) : table_primary(ctx->right);
  if (ctx->cross != nullptr) {
    node->join = ast::JoinKind::kCross;
  } else if (ctx->kind != nullptr) {
    switch (ctx->kind->getType()) {
      case P::K_LEFT:
        node->join = ast::JoinKind::kLeft;
        break;
      case P::K_RIGHT:
        node->join = ast::JoinKind::kRight;
        break;
      case P::K_FULL:
        node->join = ast::JoinKind::kFull;
        break;
      default:
        break;
    }
  }
  node->natural = ctx->natural != nullptr;
  node->asof = ctx->asof != nullptr;
  if (ctx->condition != nullptr) node->condition = expression(ctx->condition);
  for (const ast::NameAt& column : name_list(ctx->usingColumns)) {
    node->using_columns.push_back(column.name);
    node->using_positions.push_back(column.position);
  }
  if (ctx->usingAlias != nullptr) node->using_alias = text(ctx->usingAlias);
  return node;
}

}  // namespace forebay::sql
