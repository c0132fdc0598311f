#include <algorithm>

#include "sql/plan/expressions.h"
#include "sql/plan/forms.h"
#include "sql/plan/properties.h"
#include "sql/rules/dependent_side.h"
#include "sql/rules/rules.h"

namespace forebay::sql::rules {
namespace {

using expr::ExprKind;
using expr::ExprRef;
using plan::Column;
using plan::ColumnId;
using plan::Columns;
using plan::JoinKind;
using plan::NodeKind;

std::vector<Column> correlations(const NodeRef& left, const NodeRef& right) {
  ColumnSet free = plan::free_columns(right);
  std::vector<Column> out;
  for (const Column& column : left->columns) {
    if (free.contains(column.id)) out.push_back(column);
  }
  return out;
}

ExprRef conjoined(const ExprRef& first, const ExprRef& second) {
  std::vector<ExprRef> conjuncts;
  plan::split_conjuncts(first, conjuncts);
  plan::split_conjuncts(second, conjuncts);
  return plan::make_conjunction(std::move(conjuncts));
}

/// A semi or anti join looks at its right side only through the condition: filters and projections
/// at its top go into it.
NodeRef pull_into_condition(const plan::DependentJoin& join) {
  NodeRef right = join.inputs[1];
  ExprRef condition = join.condition;
  while (!correlations(join.inputs[0], right).empty()) {
    if (right->kind == NodeKind::kFilter) {
      condition = conjoined(plan::as<plan::Filter>(*right).predicate, condition);
    } else if (right->kind == NodeKind::kProject) {
      const auto& project = plan::as<plan::Project>(*right);
      plan::Replacements replacements;
      for (size_t i = 0; i < project.columns.size(); ++i) {
        replacements[project.columns[i].id] = project.expressions[i];
      }
      if (condition) condition = plan::replace_columns(condition, replacements);
    } else if (right->kind != NodeKind::kDistinct) {
      return nullptr;
    }
    right = right->inputs[0];
  }
  return plan::make_join(join.join, join.inputs[0], right, {}, condition);
}

/// The left side of a dependent join for DependentSide: where the form of an outer column counts
/// (1.0 is not 1.00), the form becomes an outer column, too.
struct OuterValues {
  NodeRef left;
  std::vector<Column> columns;
  ColumnSet shown;

  OuterValues(const NodeRef& from, const NodeRef& right, ColumnFactory& factory)
      : left(from), columns(correlations(from, right)), shown(plan::shown_columns(right)) {
    std::vector<Column> forms;
    Columns all = from->columns;
    std::vector<ExprRef> values;
    for (const Column& column : all) values.push_back(plan::column_ref(column));
    for (const Column& column : columns) {
      if (plan::has_one_form(column.type) || !shown.contains(column.id)) continue;
      values.push_back(plan::form_of(column));
      forms.push_back(factory.make(column.name, values.back()->type));
    }
    if (forms.empty()) return;
    all.insert(all.end(), forms.begin(), forms.end());
    left = plan::make_project(from, std::move(all), std::move(values));
    columns.insert(columns.end(), forms.begin(), forms.end());
  }
};

/// The value of an aggregate over no rows.
ExprRef value_of_nothing(const plan::AggregateCall& call) {
  if (call.function->counts) return expr::literal({call.output.type, int64_t{0}});
  return expr::literal(data::Datum::null(call.output.type));
}

/// Left rows with the aggregates of their own group. Exactly one result row per left row.
NodeRef join_scalar_aggregate(const NodeRef& left, const plan::Aggregate& aggregate,
                              ColumnFactory& columns) {
  const NodeRef whole = plan::make_aggregate(aggregate.inputs[0], {}, aggregate.aggregates, true);
  OuterValues outer(left, whole, columns);
  DependentSide side(outer.left, outer.columns, !plan::can_fail(whole), outer.shown, columns);
  DependentSide::Pushed input = side.push(aggregate.inputs[0]);
  std::vector<plan::AggregateCall> calls = aggregate.aggregates;
  for (plan::AggregateCall& call : calls) {
    call.output = columns.make(call.output.name, call.output.type);
  }
  NodeRef grouped = plan::make_aggregate(input.plan, input.ids(), calls, false);
  NodeRef joined =
      plan::make_join(JoinKind::kLeft, outer.left, grouped, side.keys_to_left(input), nullptr);
  Columns out = left->columns;
  std::vector<ExprRef> values;
  for (const Column& column : left->columns) values.push_back(plan::column_ref(column));
  for (size_t i = 0; i < calls.size(); ++i) {
    ExprRef value = plan::column_ref(calls[i].output);
    ExprRef none = value_of_nothing(calls[i]);
    out.push_back(aggregate.aggregates[i].output);
    values.push_back(none->literal.is_null() ? value : expr::coalesce(value->type, {value, none}));
  }
  return plan::make_project(std::move(joined), std::move(out), std::move(values));
}

/// A scalar subquery that is projections over an aggregate without GROUP BY: it always has one row,
/// so the projections can stand above the join.
NodeRef unnest_scalar_aggregate(const plan::DependentJoin& join, ColumnFactory& columns) {
  if (join.condition || (join.join != JoinKind::kLeft && join.join != JoinKind::kInner))
    return nullptr;
  std::vector<const plan::Project*> projections;
  NodeRef right = join.inputs[1];
  while (right->kind == NodeKind::kProject) {
    projections.push_back(&plan::as<plan::Project>(*right));
    right = right->inputs[0];
  }
  if (right->kind != NodeKind::kAggregate || !plan::as<plan::Aggregate>(*right).scalar)
    return nullptr;
  const NodeRef& left = join.inputs[0];
  NodeRef result = correlations(left, right).empty()
                       ? plan::make_join(JoinKind::kInner, left, right, {}, nullptr)
                       : join_scalar_aggregate(left, plan::as<plan::Aggregate>(*right), columns);
  for (size_t i = projections.size(); i-- > 0;) {
    Columns out = left->columns;
    std::vector<ExprRef> values;
    for (const Column& column : left->columns) values.push_back(plan::column_ref(column));
    for (size_t c = 0; c < projections[i]->columns.size(); ++c) {
      out.push_back(projections[i]->columns[c]);
      values.push_back(projections[i]->expressions[c]);
    }
    result = plan::make_project(std::move(result), std::move(out), std::move(values));
  }
  return result;
}

/// A table function over nothing but the left side's columns is called for each left row.
NodeRef call_per_row(const plan::DependentJoin& join) {
  const NodeRef& right = join.inputs[1];
  const bool outer = join.join == JoinKind::kLeft;
  if (right->kind != NodeKind::kTableFunction || (!outer && join.join != JoinKind::kInner)) {
    return nullptr;
  }
  const auto& call = plan::as<plan::TableFunction>(*right);
  const bool alone = call.input().kind == NodeKind::kValues && call.input().columns.empty() &&
                     plan::as<plan::Values>(call.input()).rows.size() == 1;
  if (!alone || (outer && join.condition)) return nullptr;
  plan::TableFunction model = call;
  model.outer = outer;
  return plan::make_filter(plan::make_table_function(join.inputs[0], model, call.arguments),
                           join.condition);
}

NodeRef unnest(const NodeRef& node, ColumnFactory& columns) {
  if (node->kind != NodeKind::kDependentJoin) return node;
  const auto& join = plan::as<plan::DependentJoin>(*node);
  const NodeRef& left = join.inputs[0];
  const NodeRef& right = join.inputs[1];
  if (correlations(left, right).empty())
    return plan::make_join(join.join, left, right, {}, join.condition);
  const bool tests = join.join == JoinKind::kSemi || join.join == JoinKind::kAnti;
  if (tests) {
    if (NodeRef joined = pull_into_condition(join)) return joined;
  }
  if (NodeRef called = call_per_row(join)) return called;
  if (NodeRef joined = unnest_scalar_aggregate(join, columns)) return joined;
  OuterValues outer(left, right, columns);
  DependentSide side(outer.left, outer.columns, !plan::can_fail(right), outer.shown, columns);
  DependentSide::Pushed pushed = side.push(right);
  Columns needed = right->columns;
  needed.insert(needed.end(), pushed.outer.begin(), pushed.outer.end());
  NodeRef joined = plan::make_join(join.join, outer.left, plan::make_narrow(pushed.plan, needed),
                                   side.keys_to_left(pushed), join.condition);
  return plan::make_narrow(std::move(joined), node->columns);
}

}  // namespace

NodeRef decorrelate(const NodeRef& root, ColumnFactory& columns) {
  return rewrite_bottom_up(root, [&](const NodeRef& node) { return unnest(node, columns); });
}

}  // namespace forebay::sql::rules
