#include <fmt/format.h>

#include <algorithm>

#include "sql/binder/select_state.h"

/// GROUP BY and aggregates.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using expr::ExprKind;

Result<ExprRef> Binder::bind_group_item(SelectState& state, const ast::Expr& item) {
  if (item.kind == ast::ExprKind::kLiteral) {
    const auto& literal = ast::as<ast::Literal>(item);
    if (literal.literal != ast::LiteralKind::kInteger) {
      return error(state::kSyntaxError, "non-integer constant in GROUP BY", item.position);
    }
    if (literal.integer < 1 || literal.integer > static_cast<int64_t>(state.items.size())) {
      return error(state::kInvalidColumnReference,
                   fmt::format("GROUP BY position {} is not in select list", literal.integer),
                   item.position);
    }
    return state.items[static_cast<size_t>(literal.integer - 1)].value;
  }
  if (item.kind == ast::ExprKind::kColumnRef && ast::as<ast::ColumnRef>(item).names.size() == 1) {
    // A column of the input comes before an output's alias.
    const std::string& name = ast::as<ast::ColumnRef>(item).names[0];
    const bool is_input =
        std::any_of(state.scope.visible.begin(), state.scope.visible.end(),
                    [&](const ScopeColumn& column) { return column.name == name; });
    ExprRef found;
    for (const SelectItem& candidate : state.items) {
      if (is_input || candidate.name != name) continue;
      if (found && !expr::equal(*found, *candidate.value)) {
        return error(state::kAmbiguousColumn, fmt::format("GROUP BY \"{}\" is ambiguous", name),
                     item.position);
      }
      found = candidate.value;
    }
    if (found) return found;
  }
  ExprContext context{&state.scope, Clause::kGroupBy, nullptr, &state.aggregates.below};
  FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(item, context));
  return settle_unknown(value);
}

Result<size_t> Binder::add_group(SelectState& state, const ast::Expr& expression) {
  FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind_group_item(state, expression));
  bool has_aggregate = false;
  plan::visit(value, [&](const expr::Expr& part) {
    if (part.kind != ExprKind::kColumn) return;
    for (const BoundAggregate& call : state.aggregates.calls) {
      has_aggregate |= call.output.id == part.column;
    }
  });
  if (has_aggregate) {
    return error(state::kGroupingError, "aggregate functions are not allowed in GROUP BY",
                 expression.position);
  }
  FOREBAY_ASSIGN_OR_RETURN(ExprRef typed, settle_unknown(value));
  for (SelectItem& selected : state.items) {
    if (selected.value == value) selected.value = typed;
  }
  for (size_t i = 0; i < state.groups.size(); ++i) {
    if (expr::equal(*state.groups[i], *typed)) return i;
  }
  state.groups.push_back(typed);
  return state.groups.size() - 1;
}

Status Binder::ungrouped(SelectState& state, ColumnId id, int32_t position,
                         bool in_subquery) const {
  std::string name = "?";
  for (const ScopeRelation& relation : state.scope.relations) {
    for (const ScopeColumn& column : relation.columns) {
      if (plan::is_column(column.value, id)) {
        name = relation.alias.empty() ? column.name : relation.alias + "." + column.name;
      }
    }
  }
  return error(
      state::kGroupingError,
      in_subquery ? fmt::format("subquery uses ungrouped column \"{}\" from outer query", name)
                  : fmt::format("column \"{}\" must appear in the GROUP BY clause or be used in an "
                                "aggregate function",
                                name),
      position);
}

bool Binder::add_dependent_group(SelectState& state, ColumnId id) {
  // With several sets only the columns of all of them have a value in each row.
  auto in_all_sets = [&](size_t group) {
    return std::all_of(state.sets.begin(), state.sets.end(), [&](const auto& set) {
      return std::find(set.begin(), set.end(), group) != set.end();
    });
  };
  for (const ScopeRelation& relation : state.scope.relations) {
    if (relation.key.empty()) continue;
    auto owned =
        std::find_if(relation.columns.begin(), relation.columns.end(),
                     [&](const ScopeColumn& column) { return plan::is_column(column.value, id); });
    if (owned == relation.columns.end()) continue;
    const bool grouped = std::all_of(relation.key.begin(), relation.key.end(), [&](ColumnId key) {
      for (size_t i = 0; i < state.groups.size(); ++i) {
        if (plan::is_column(state.groups[i], key) && in_all_sets(i)) return true;
      }
      return false;
    });
    if (!grouped) continue;
    state.group_columns.push_back({id, owned->value->type, owned->name});
    return true;
  }
  return false;
}

Result<ExprRef> Binder::regroup(SelectState& state, const ExprRef& value, bool in_subquery) {
  Status failure;
  plan::ColumnSet input = plan::column_set(state.plan->columns);
  ExprRef result = plan::transform(value, [&](const ExprRef& part) -> ExprRef {
    for (size_t i = 0; i < state.groups.size(); ++i) {
      if (expr::equal(*state.groups[i], *part)) return plan::column_ref(state.group_columns[i]);
    }
    if (part->kind != ExprKind::kColumn || !input.contains(part->column)) return nullptr;
    if (plan::find_column(state.group_columns, part->column) != plan::kNoColumn) return part;
    if (add_dependent_group(state, part->column)) return part;
    if (failure.is_ok()) {
      failure = ungrouped(state, part->column, position_of(part), in_subquery);
    }
    return part;
  });
  if (!failure.is_ok()) return failure;
  if (positions_.contains(value.get()) && !positions_.contains(result.get())) {
    remember(result, positions_[value.get()]);
  }
  return result;
}

Status Binder::regroup_windows(SelectState& state) {
  for (BoundOver& bound : state.windows.calls) {
    std::vector<ExprRef*> values;
    for (ExprRef& value : bound.partition) values.push_back(&value);
    for (BoundAggregate::Order& item : bound.order) values.push_back(&item.value);
    for (ExprRef& value : bound.arguments) values.push_back(&value);
    if (bound.filter) values.push_back(&bound.filter);
    if (bound.fallback) values.push_back(&bound.fallback);
    for (ExprRef* value : values) {
      FOREBAY_ASSIGN_OR_RETURN(*value, regroup(state, *value));
    }
  }
  return Status::ok();
}

Status Binder::regroup_pending(SelectState& state, PendingSubqueries& pending) {
  Status failure;
  for (PendingSubquery& subquery : pending) {
    subquery.plan = plan::map_expressions(subquery.plan, [&](const ExprRef& value) -> ExprRef {
      auto result = regroup(state, value, true);
      if (result.is_ok()) return *result;
      if (failure.is_ok()) failure = result.take_status();
      return value;
    });
  }
  return failure;
}

namespace {

/// What is computed below the aggregate: group expressions, arguments, filters.
class AggregateInput {
 public:
  explicit AggregateInput(plan::ColumnFactory& factory) : factory_(factory) {}

  void add(const Column& column, const ExprRef& value) {
    if (plan::find_column(columns_, column.id) != plan::kNoColumn) return;
    columns_.push_back(column);
    expressions_.push_back(value);
  }
  ColumnId add(const ExprRef& value, const NodeRef& input, const std::string& name) {
    for (size_t i = 0; i < expressions_.size(); ++i) {
      if (expr::equal(*expressions_[i], *value)) return columns_[i].id;
    }
    size_t at = value->kind == ExprKind::kColumn ? plan::find_column(input->columns, value->column)
                                                 : plan::kNoColumn;
    Column column = at == plan::kNoColumn ? factory_.make(name, value->type) : input->columns[at];
    add(column, value);
    return column.id;
  }
  NodeRef finish(NodeRef input) {
    bool plain = std::all_of(expressions_.begin(), expressions_.end(),
                             [](const ExprRef& value) { return value->kind == ExprKind::kColumn; });
    if (plain) return plan::make_narrow(std::move(input), columns_);
    return plan::make_project(std::move(input), columns_, expressions_);
  }

 private:
  plan::ColumnFactory& factory_;
  Columns columns_;
  std::vector<ExprRef> expressions_;
};

}  // namespace

Status Binder::make_aggregation(SelectState& state) {
  state.plan = apply_pending(std::move(state.plan), state.aggregates.below);
  for (const ExprRef& group : state.groups) {
    size_t at = group->kind == ExprKind::kColumn && state.sets.empty()
                    ? plan::find_column(state.plan->columns, group->column)
                    : plan::kNoColumn;
    state.group_columns.push_back(at == plan::kNoColumn ? columns_.make("", group->type)
                                                        : state.plan->columns[at]);
    for (const SelectItem& item : state.items) {
      if (at == plan::kNoColumn && item.value == group) state.group_columns.back().name = item.name;
    }
  }
  if (!state.sets.empty()) state.set_column = columns_.make("set", data::kIntegerType);
  FOREBAY_RETURN_IF_ERROR(bind_grouping_calls(state));
  // Above the aggregate; this may add columns that depend on the groups.
  for (SelectItem& item : state.items) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, regroup(state, item.value));
    for (auto& order : state.order) {
      if (order.value == item.value) order.value = value;
    }
    for (ExprRef& on : state.distinct_on) {
      if (on == item.value) on = value;
    }
    item.value = std::move(value);
  }
  for (auto& order : state.order) {
    FOREBAY_ASSIGN_OR_RETURN(order.value, regroup(state, order.value));
  }
  for (ExprRef& on : state.distinct_on) {
    FOREBAY_ASSIGN_OR_RETURN(on, regroup(state, on));
  }
  FOREBAY_RETURN_IF_ERROR(regroup_windows(state));
  FOREBAY_RETURN_IF_ERROR(regroup_pending(state, state.pending));
  for (ConditionStep& step : state.having) {
    FOREBAY_RETURN_IF_ERROR(regroup_pending(state, step.pending));
    if (step.predicate) {
      FOREBAY_ASSIGN_OR_RETURN(step.predicate, regroup(state, step.predicate));
    }
    if (step.plan) {
      PendingSubqueries one{{step.join, step.plan, step.position}};
      FOREBAY_RETURN_IF_ERROR(regroup_pending(state, one));
      step.plan = one[0].plan;
    }
  }
  if (!state.sets.empty()) FOREBAY_RETURN_IF_ERROR(expand_groups(state));
  AggregateInput below(columns_);
  std::vector<ColumnId> groups;
  for (size_t i = 0; i < state.group_columns.size(); ++i) {
    const Column& column = state.group_columns[i];
    const bool computed = i < state.groups.size() && state.sets.empty();
    below.add(column, computed ? state.groups[i] : plan::column_ref(column));
    groups.push_back(column.id);
  }
  if (state.set_column) {
    below.add(*state.set_column, plan::column_ref(*state.set_column));
    groups.push_back(state.set_column->id);
  }
  std::vector<plan::AggregateCall> calls;
  for (const BoundAggregate& bound : state.aggregates.calls) {
    plan::AggregateCall call;
    call.function = bound.function;
    call.distinct = bound.distinct;
    call.output = bound.output;
    for (const ExprRef& argument : bound.arguments) {
      call.arguments.push_back(below.add(argument, state.plan, "argument"));
    }
    for (const BoundAggregate::Order& order : bound.order) {
      call.order.push_back(
          {below.add(order.value, state.plan, "order"), order.descending, order.nulls_first});
    }
    call.direct = bound.direct;
    ExprRef filter = bound.filter;
    if (state.real_column) {
      const ExprRef real = plan::column_ref(*state.real_column);
      filter = filter ? expr::logical(ExprKind::kAnd, {real, filter}) : real;
    }
    if (filter) call.filter = below.add(filter, state.plan, "filter");
    calls.push_back(std::move(call));
  }
  state.plan = plan::make_aggregate(below.finish(std::move(state.plan)), std::move(groups),
                                    std::move(calls), state.scalar);
  state.plan = apply_steps(std::move(state.plan), state.having);
  return Status::ok();
}

}  // namespace forebay::sql::binder
