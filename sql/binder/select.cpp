#include <fmt/format.h>

#include <algorithm>

#include "sql/ast/print.h"
#include "sql/binder/select_state.h"
#include "sql/plan/expressions.h"
#include "sql/plan/projection.h"
#include "sql/plan/temporal.h"

/// SELECT: FROM, WHERE, the select list, DISTINCT, ORDER BY, LIMIT. Grouping is in grouping.cpp.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using expr::ExprKind;

Result<QueryPlan> Binder::bind_query(const ast::Query& query, const Scope* outer,
                                     bool keep_unknown) {
  if (++bound_queries_ > 20'000) {
    return error(state::kTooComplex,
                 "query is too complex: its views and WITH queries refer to each other "
                 "too many times",
                 query.position);
  }
  if (query.locking_position > 0) {
    return unsupported("row locks (FOR UPDATE) are", query.locking_position,
                       "Leave the clause out.");
  }
  if (query.recursive) {
    FOREBAY_ASSIGN_OR_RETURN(auto unrolled, bind_recursive(query, outer, keep_unknown));
    if (unrolled) return std::move(*unrolled);
  }
  CteFrame frame{&query.with, 0, ctes_, outer, query.recursive};
  const CteFrame* saved = ctes_;
  Status status;
  if (!query.with.empty()) {
    for (size_t i = 0; i < query.with.size() && status.is_ok(); ++i) {
      const ast::CommonTable& cte = query.with[i];
      for (size_t j = 0; j < i; ++j) {
        if (query.with[j].name == cte.name) {
          return error(state::kDuplicateAlias,
                       fmt::format("WITH query name \"{}\" specified more than once", cte.name),
                       cte.position);
        }
      }
      // Bound here for its errors, and again at each use.
      frame.visible = i;
      ctes_ = &frame;
      auto checked = bind_query(*cte.query, outer);
      if (!checked.is_ok()) {
        status = checked.take_status();
      } else if (cte.columns.size() > checked->columns.size()) {
        status =
            error(state::kInvalidColumnReference,
                  fmt::format("WITH query \"{}\" has {} columns available but {} columns specified",
                              cte.name, checked->columns.size(), cte.columns.size()),
                  cte.position);
      }
    }
    frame.visible = query.with.size();
    ctes_ = &frame;
  }
  if (!status.is_ok()) {
    ctes_ = saved;
    return status;
  }
  Result<QueryPlan> result = Status::internal("unknown query");
  switch (query.kind) {
    case ast::QueryKind::kSelect:
      result = bind_select(query, outer, keep_unknown);
      break;
    case ast::QueryKind::kValues:
      result = bind_values(query, outer, keep_unknown);
      break;
    case ast::QueryKind::kSetOperation:
      result = bind_set_operation(query, outer, keep_unknown);
      break;
  }
  ctes_ = saved;
  return result;
}

Status Binder::expand_star(const std::vector<std::string>& qualifier, int32_t position,
                           const Scope& scope, std::vector<SelectItem>& out) {
  auto add = [&](const std::vector<ScopeColumn>& columns) {
    for (const ScopeColumn& column : columns) {
      auto copy = std::make_shared<expr::Expr>(*column.value);
      remember(copy, position);
      out.push_back({column.name, copy, position});
    }
  };
  if (qualifier.empty()) {
    if (scope.relations.empty()) {
      return error(state::kSyntaxError, "SELECT * with no tables specified is not valid", position);
    }
    add(scope.visible);
    return Status::ok();
  }
  for (const ScopeRelation& relation : scope.relations) {
    if (relation.alias != qualifier.back()) continue;
    if (qualifier.size() > 1 && relation.schema != qualifier[qualifier.size() - 2]) continue;
    add(relation.columns);
    return Status::ok();
  }
  return error(state::kUndefinedTable,
               fmt::format("missing FROM-clause entry for table \"{}\"", qualifier.back()),
               position);
}

namespace {

/// f(x) or (f(x)).column of a function that gives rows.
bool gives_rows(const ast::Expr& expr) {
  if (expr.kind == ast::ExprKind::kField) {
    const ast::Expr& operand = *ast::as<ast::Field>(expr).operand;
    return operand.kind == ast::ExprKind::kFunction && gives_rows(operand);
  }
  return expr.kind == ast::ExprKind::kFunction &&
         !udfs::find_table_function(ast::as<ast::Function>(expr).name.back()).empty();
}

}  // namespace

Status Binder::bind_items(const std::vector<ast::SelectItem>& items, const ExprContext& context,
                          std::vector<SelectItem>& out) {
  for (const ast::SelectItem& item : items) {
    if (item.value->kind == ast::ExprKind::kStar) {
      const auto& star = ast::as<ast::Star>(*item.value);
      FOREBAY_RETURN_IF_ERROR(expand_star(star.qualifier, star.position, *context.scope, out));
      continue;
    }
    if (context.clause == Clause::kSelect && gives_rows(*item.value)) {
      FOREBAY_ASSIGN_OR_RETURN(SelectItem set, bind_set_item(*item.value, context));
      if (!item.alias.empty()) set.name = item.alias;
      out.push_back(std::move(set));
      continue;
    }
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*item.value, context));
    std::string name = item.alias.empty() ? ast::output_name(*item.value) : item.alias;
    out.push_back({std::move(name), std::move(value), item.value->position});
  }
  return Status::ok();
}

Result<QueryPlan> Binder::bind_select(const ast::Query& query, const Scope* outer,
                                      bool keep_unknown) {
  const ast::Select& select = *query.select;
  SelectState state;
  const TemporalPlace outside(*this, false);
  FOREBAY_ASSIGN_OR_RETURN(FromItem from, bind_from(select.from, outer));
  state.plan = std::move(from.plan);
  state.scope = std::move(from.scope);
  state.scope.parent = outer;
  if (select.where) {
    ConditionSteps steps;
    ExprContext context{&state.scope, Clause::kWhere, nullptr, nullptr};
    {
      const TemporalPlace here(*this, materialized_);
      FOREBAY_RETURN_IF_ERROR(bind_steps(*select.where, context, "WHERE", steps));
    }
    FOREBAY_RETURN_IF_ERROR(check_temporal(steps));
    state.plan = apply_steps(std::move(state.plan), steps);
  }
  FOREBAY_RETURN_IF_ERROR(check_named_windows(select.windows));
  state.windows.named = &select.windows;
  state.scope.aggregates = &state.aggregates;
  ExprContext context{&state.scope, Clause::kSelect, &state.aggregates, &state.pending,
                      &state.windows};
  FOREBAY_RETURN_IF_ERROR(bind_items(select.items, context, state.items));
  FOREBAY_RETURN_IF_ERROR(bind_group_by(state, select));
  if (select.having) {
    ExprContext having = context;
    having.clause = Clause::kHaving;
    having.windows = nullptr;
    {
      const TemporalPlace here(*this, materialized_);
      FOREBAY_RETURN_IF_ERROR(bind_steps(*select.having, having, "HAVING", state.having));
    }
    FOREBAY_RETURN_IF_ERROR(check_temporal(state.having));
  }
  FOREBAY_RETURN_IF_ERROR(bind_distinct_on(state, select));
  FOREBAY_RETURN_IF_ERROR(bind_order_by(state, query));
  state.distinct = select.distinct && select.distinct_on.empty();
  if (select.grouped || select.having || !state.aggregates.calls.empty()) {
    state.scalar = state.scalar || !select.grouped;
    FOREBAY_RETURN_IF_ERROR(make_aggregation(state));
  }
  state.plan = apply_pending(std::move(state.plan), state.pending);
  state.plan = apply_windows(std::move(state.plan), state.windows.calls);
  return finish_select(state, query, keep_unknown);
}

// now() in a view stands in comparisons only that say when a row comes or goes.
Status Binder::check_temporal(const ConditionSteps& steps) const {
  if (!materialized_) return Status::ok();
  for (const ConditionStep& step : steps) {
    if (step.predicate == nullptr || !plan::uses_now(step.predicate)) continue;
    std::vector<ExprRef> conjuncts;
    plan::split_conjuncts(step.predicate, conjuncts);
    for (const ExprRef& conjunct : conjuncts) {
      if (!plan::uses_now(conjunct)) continue;
      if (step.plan == nullptr && plan::temporal_bound(conjunct)) continue;
      return unsupported("this use of now() in a materialized view is", step.position,
                         "Compare a time of the row with it: c > now() - INTERVAL '1 hour', "
                         "with <, <=, > or >= and intervals without months.");
    }
  }
  return Status::ok();
}

Status Binder::bind_distinct_on(SelectState& state, const ast::Select& select) {
  for (const auto& item : select.distinct_on) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind_group_item(state, *item));
    state.distinct_on.push_back(std::move(value));
  }
  return Status::ok();
}

Status Binder::bind_order_by(SelectState& state, const ast::Query& query) {
  for (const ast::SortItem& item : query.order_by) {
    SelectState::Order order;
    order.descending = item.descending;
    order.nulls_first = item.nulls == ast::NullsOrder::kDefault
                            ? item.descending
                            : item.nulls == ast::NullsOrder::kFirst;
    order.position = item.value->position;
    const ast::Expr* value = item.value.get();
    if (value->kind == ast::ExprKind::kLiteral) {
      const auto& literal = ast::as<ast::Literal>(*value);
      if (literal.literal != ast::LiteralKind::kInteger) {
        return error(state::kSyntaxError, "non-integer constant in ORDER BY", value->position);
      }
      if (literal.integer < 1 || literal.integer > static_cast<int64_t>(state.items.size())) {
        return error(state::kInvalidColumnReference,
                     fmt::format("ORDER BY position {} is not in select list", literal.integer),
                     value->position);
      }
      order.value = state.items[static_cast<size_t>(literal.integer - 1)].value;
      state.order.push_back(order);
      continue;
    }
    if (value->kind == ast::ExprKind::kColumnRef &&
        ast::as<ast::ColumnRef>(*value).names.size() == 1) {
      const std::string& name = ast::as<ast::ColumnRef>(*value).names[0];
      for (const SelectItem& candidate : state.items) {
        if (candidate.name != name) continue;
        if (order.value && !expr::equal(*order.value, *candidate.value)) {
          return error(state::kAmbiguousColumn, fmt::format("ORDER BY \"{}\" is ambiguous", name),
                       value->position);
        }
        order.value = candidate.value;
      }
    }
    if (!order.value) {
      ExprContext context{&state.scope, Clause::kOrderBy, &state.aggregates, &state.pending,
                          &state.windows};
      FOREBAY_ASSIGN_OR_RETURN(order.value, bind(*value, context));
      FOREBAY_ASSIGN_OR_RETURN(order.value, settle_unknown(order.value));
    }
    state.order.push_back(order);
  }
  return Status::ok();
}

Result<QueryPlan> Binder::finish_select(SelectState& state, const ast::Query& query,
                                        bool keep_unknown) {
  QueryPlan out;
  plan::Projection projection(state.plan, columns_);
  for (SelectItem& item : state.items) {
    if (!keep_unknown || state.distinct) {
      ExprRef before = item.value;
      FOREBAY_ASSIGN_OR_RETURN(item.value, settle_unknown(before));
      for (auto& order : state.order) {
        if (order.value == before) order.value = item.value;
      }
    }
    out.columns.push_back({item.name, projection.add(item.name, item.value)});
    if (state.distinct) continue;
    for (const ScopeColumn& field : item.fields) {
      out.columns.back().fields.push_back(
          {field.name, plan::column_ref(projection.add(field.name, field.value))});
    }
  }
  bool hidden = false;
  for (const SelectState::Order& order : state.order) {
    bool is_new = false;
    Column column = projection.find_or_add("", order.value, &is_new);
    if (is_new && state.distinct) {
      return error(state::kInvalidColumnReference,
                   "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
                   order.position);
    }
    hidden |= is_new;
    out.order.push_back({column.id, order.descending, order.nulls_first});
  }
  std::vector<ColumnId> partition;
  for (const ExprRef& value : state.distinct_on) {
    bool is_new = false;
    partition.push_back(projection.find_or_add("", value, &is_new).id);
    hidden |= is_new;
  }
  for (size_t i = 0; i < std::min(partition.size(), out.order.size()); ++i) {
    if (std::find(partition.begin(), partition.end(), out.order[i].column) == partition.end()) {
      return error(state::kInvalidColumnReference,
                   "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
                   state.order[i].position);
    }
  }
  out.plan = projection.finish();
  if (state.distinct) out.plan = plan::make_distinct(std::move(out.plan));
  if (!partition.empty()) {
    ExprRef one = expr::literal({data::kBigintType, int64_t{1}});
    out.plan = plan::make_top_n(std::move(out.plan), std::move(partition), out.order, one, nullptr);
  }
  FOREBAY_ASSIGN_OR_RETURN(out.plan, bind_limit(std::move(out.plan), out.order, query));
  return out;
}

Result<NodeRef> Binder::bind_limit(NodeRef plan, std::vector<plan::SortItem> order,
                                   const ast::Query& query) {
  if (!query.limit && !query.offset) return plan;
  ExprRef limit, offset;
  if (query.limit) {
    FOREBAY_ASSIGN_OR_RETURN(limit, bind_limit_value(*query.limit, Clause::kLimit));
  }
  if (query.offset) {
    FOREBAY_ASSIGN_OR_RETURN(offset, bind_limit_value(*query.offset, Clause::kOffset));
  }
  return plan::make_top_n(std::move(plan), {}, std::move(order), std::move(limit),
                          std::move(offset), query.with_ties);
}

Result<ExprRef> Binder::bind_limit_value(const ast::Expr& expr, Clause clause) {
  const char* word = clause == Clause::kLimit ? "LIMIT" : "OFFSET";
  Scope empty;
  ExprContext context{&empty, clause, nullptr, nullptr};
  if (expr.kind == ast::ExprKind::kColumnRef) {
    return error(state::kInvalidColumnReference,
                 fmt::format("argument of {} must not contain variables", word), expr.position);
  }
  FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(expr, context));
  FOREBAY_ASSIGN_OR_RETURN(ExprRef number, coerce(value, data::kBigintType, Coercion::kAssignment));
  if (!number) {
    return error(state::kDatatypeMismatch,
                 fmt::format("argument of {} must be type bigint, not type {}", word,
                             Type{value->type.id}.name()),
                 expr.position);
  }
  return expr::fold_constants(number);
}

}  // namespace forebay::sql::binder
