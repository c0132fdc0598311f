#include "sql/rules/dependent_side.h"

#include <algorithm>

#include "sql/plan/expressions.h"
#include "sql/plan/failure.h"
#include "sql/plan/forms.h"
#include "sql/plan/properties.h"

namespace forebay::sql::rules {

using expr::ExprKind;
using expr::ExprRef;
using plan::Column;
using plan::ColumnId;
using plan::Columns;
using plan::JoinKind;
using plan::NodeKind;

std::vector<ColumnId> DependentSide::Pushed::ids() const {
  std::vector<ColumnId> out;
  for (const Column& column : outer) out.push_back(column.id);
  return out;
}

DependentSide::Pushed DependentSide::domain() {
  if (!domain_) domain_ = plan::make_distinct(plan::make_narrow(left_, outer_));
  // Each use has numbers of its own over the one shared plan.
  Pushed out;
  std::vector<ExprRef> values;
  for (const Column& column : outer_) {
    out.outer.push_back(columns_.make(column.name, column.type));
    out.strict.push_back(false);
    values.push_back(plan::column_ref(column));
  }
  out.plan = plan::make_project(domain_, out.outer, std::move(values));
  return out;
}

bool DependentSide::is_correlated(const NodeRef& node) const {
  ColumnSet free = plan::free_columns(node);
  return std::any_of(outer_.begin(), outer_.end(),
                     [&](const Column& column) { return free.contains(column.id); });
}

ExprRef DependentSide::bind(const ExprRef& expr, const Pushed& pushed) const {
  if (!expr) return nullptr;
  plan::Replacements replacements;
  for (size_t i = 0; i < outer_.size(); ++i) {
    replacements[outer_[i].id] = plan::column_ref(pushed.outer[i]);
  }
  return plan::replace_columns(expr, replacements);
}

NodeRef DependentSide::narrowed(const Pushed& pushed, const Columns& own) const {
  Columns all = own;
  all.insert(all.end(), pushed.outer.begin(), pushed.outer.end());
  return plan::make_narrow(pushed.plan, all);
}

std::vector<plan::JoinKey> DependentSide::keys_to_left(const Pushed& pushed) const {
  std::vector<plan::JoinKey> keys;
  for (size_t i = 0; i < outer_.size(); ++i) {
    keys.push_back({outer_[i].id, pushed.outer[i].id, !pushed.strict[i]});
  }
  return keys;
}

DependentSide::Pushed DependentSide::push(const NodeRef& node) {
  if (!is_correlated(node)) {
    Pushed out = domain();
    out.plan = plan::make_join(JoinKind::kInner, out.plan, node, {}, nullptr);
    return out;
  }
  switch (node->kind) {
    case NodeKind::kFilter:
      return push_filter(plan::as<plan::Filter>(*node));
    case NodeKind::kProject:
      return push_project(plan::as<plan::Project>(*node));
    case NodeKind::kAggregate:
      return push_aggregate(plan::as<plan::Aggregate>(*node));
    case NodeKind::kJoin:
      return push_join(plan::as<plan::Join>(*node));
    case NodeKind::kAsofJoin:
      return push_asof_join(plan::as<plan::AsofJoin>(*node));
    case NodeKind::kUnion:
      return push_union(plan::as<plan::Union>(*node));
    case NodeKind::kDistinct: {
      Pushed out = push(node->inputs[0]);
      out.plan = plan::make_distinct(narrowed(out, node->columns));
      return out;
    }
    case NodeKind::kTopN: {
      const auto& top = plan::as<plan::TopN>(*node);
      Pushed out = push(node->inputs[0]);
      std::vector<ColumnId> partition = top.partition;
      for (ColumnId id : out.ids()) partition.push_back(id);
      out.plan =
          plan::make_top_n(narrowed(out, node->input().columns), std::move(partition), top.order,
                           bind(top.limit, out), bind(top.offset, out), top.with_ties, top.number);
      return out;
    }
    case NodeKind::kOver: {
      const auto& over = plan::as<plan::Over>(*node);
      Pushed out = push(node->inputs[0]);
      std::vector<ColumnId> partition = over.partition;
      for (ColumnId id : out.ids()) partition.push_back(id);
      out.plan = plan::make_over(narrowed(out, node->input().columns), std::move(partition),
                                 over.order, over.calls);
      return out;
    }
    case NodeKind::kSingleRow: {
      Pushed out = push(node->inputs[0]);
      std::vector<ColumnId> keys = plan::as<plan::SingleRow>(*node).keys;
      for (ColumnId id : out.ids()) keys.push_back(id);
      out.plan = plan::make_single_row(narrowed(out, node->columns), std::move(keys));
      return out;
    }
    case NodeKind::kSession: {
      const auto& session = plan::as<plan::Session>(*node);
      Pushed out = push(node->inputs[0]);
      std::vector<ColumnId> partition = session.partition;
      for (ColumnId id : out.ids()) partition.push_back(id);
      out.plan =
          plan::make_session(narrowed(out, node->input().columns), session, std::move(partition));
      return out;
    }
    case NodeKind::kExpand: {
      Pushed out = push(node->inputs[0]);
      out.plan =
          plan::make_expand(narrowed(out, node->input().columns), plan::as<plan::Expand>(*node));
      return out;
    }
    case NodeKind::kTableFunction: {
      const auto& call = plan::as<plan::TableFunction>(*node);
      const bool alone = node->input().kind == NodeKind::kValues && node->input().columns.empty() &&
                         plan::as<plan::Values>(node->input()).rows.size() == 1;
      Pushed out = alone ? domain() : push(node->inputs[0]);
      std::vector<ExprRef> arguments;
      for (const ExprRef& argument : call.arguments) arguments.push_back(bind(argument, out));
      out.plan = plan::make_table_function(out.plan, call, std::move(arguments));
      return out;
    }
    case NodeKind::kRepeat: {
      Pushed out = push(node->inputs[0]);
      out.plan = plan::make_repeat(narrowed(out, node->input().columns),
                                   plan::as<plan::Repeat>(*node).count);
      return out;
    }
    case NodeKind::kScan:
    case NodeKind::kValues:
    case NodeKind::kHold:
    case NodeKind::kLate:
    case NodeKind::kDependentJoin:
      break;
  }
  FOREBAY_CHECK(false, "a correlated node of this kind");
}

bool DependentSide::can_stand_for(const Column& outer, const ExprRef& value) const {
  if (outer.type.id != value->type.id || plan::failure_of(value) == plan::Failure::kValue)
    return false;
  return !shown_.contains(outer.id) || plan::share_one_form(outer.type, value->type);
}

bool DependentSide::tie_by_equalities(const plan::Filter& filter, Pushed& out) {
  if (!may_widen_) return false;
  std::vector<ExprRef> conjuncts, rest;
  plan::split_conjuncts(filter.predicate, conjuncts);
  const ColumnSet own = plan::column_set(filter.input().columns);
  std::vector<ExprRef> found(outer_.size());
  for (const ExprRef& conjunct : conjuncts) {
    ExprRef a, b;
    bool used = false;
    if (plan::is_equality(conjunct, &a, &b)) {
      for (size_t i = 0; i < outer_.size() && !used; ++i) {
        if (plan::is_column(b, outer_[i].id)) std::swap(a, b);
        used = !found[i] && plan::is_column(a, outer_[i].id) && plan::uses_only(b, own) &&
               plan::uses_any(b, own) && can_stand_for(outer_[i], b);
        if (used) found[i] = b;
      }
    }
    if (!used) rest.push_back(conjunct);
  }
  if (std::any_of(found.begin(), found.end(), [](const ExprRef& value) { return !value; }))
    return false;
  Columns columns = filter.input().columns;
  std::vector<ExprRef> values;
  for (const Column& column : columns) values.push_back(plan::column_ref(column));
  for (size_t i = 0; i < outer_.size(); ++i) {
    out.outer.push_back(columns_.make(outer_[i].name, found[i]->type));
    out.strict.push_back(true);
    columns.push_back(out.outer.back());
    values.push_back(found[i]);
  }
  out.plan = plan::make_project(filter.inputs[0], std::move(columns), std::move(values));
  out.plan = plan::make_filter(out.plan, bind(plan::make_conjunction(std::move(rest)), out));
  return true;
}

DependentSide::Pushed DependentSide::push_filter(const plan::Filter& filter) {
  if (!is_correlated(filter.inputs[0])) {
    Pushed tied;
    if (tie_by_equalities(filter, tied)) return tied;
    Pushed out = domain();
    out.plan = plan::make_join(JoinKind::kInner, out.plan, filter.inputs[0], {},
                               bind(filter.predicate, out));
    return out;
  }
  Pushed out = push(filter.inputs[0]);
  out.plan = plan::make_filter(out.plan, bind(filter.predicate, out));
  return out;
}

DependentSide::Pushed DependentSide::push_project(const plan::Project& project) {
  Pushed out = push(project.inputs[0]);
  Columns columns = project.columns;
  std::vector<ExprRef> values;
  for (const ExprRef& value : project.expressions) values.push_back(bind(value, out));
  for (const Column& column : out.outer) {
    columns.push_back(column);
    values.push_back(plan::column_ref(column));
  }
  out.plan = plan::make_project(out.plan, std::move(columns), std::move(values));
  return out;
}

DependentSide::Pushed DependentSide::push_aggregate(const plan::Aggregate& aggregate) {
  Pushed input = push(aggregate.inputs[0]);
  std::vector<ColumnId> groups = aggregate.groups;
  for (ColumnId id : input.ids()) groups.push_back(id);
  if (!aggregate.scalar) {
    input.plan = plan::make_aggregate(input.plan, std::move(groups), aggregate.aggregates, false);
    return input;
  }
  // Also outer values without rows have a result: NULLs, and 0 for count.
  std::vector<plan::AggregateCall> calls = aggregate.aggregates;
  for (plan::AggregateCall& call : calls) {
    call.output = columns_.make(call.output.name, call.output.type);
  }
  NodeRef grouped = plan::make_aggregate(input.plan, std::move(groups), calls, false);
  Pushed out = domain();
  std::vector<plan::JoinKey> keys;
  for (size_t i = 0; i < outer_.size(); ++i) {
    keys.push_back({out.outer[i].id, input.outer[i].id, !input.strict[i]});
  }
  NodeRef joined = plan::make_join(JoinKind::kLeft, out.plan, grouped, std::move(keys), nullptr);
  Columns columns;
  std::vector<ExprRef> values;
  for (size_t i = 0; i < calls.size(); ++i) {
    ExprRef value = plan::column_ref(calls[i].output);
    if (calls[i].function->counts) {
      value = expr::coalesce(value->type, {value, expr::literal({value->type, int64_t{0}})});
    }
    columns.push_back(aggregate.aggregates[i].output);
    values.push_back(std::move(value));
  }
  for (const Column& column : out.outer) {
    columns.push_back(column);
    values.push_back(plan::column_ref(column));
  }
  out.plan = plan::make_project(std::move(joined), std::move(columns), std::move(values));
  return out;
}

DependentSide::Pushed DependentSide::push_join(const plan::Join& join) {
  const bool left = is_correlated(join.inputs[0]);
  const bool right = is_correlated(join.inputs[1]);
  const bool left_alone = !right && join.join != JoinKind::kRight && join.join != JoinKind::kFull;
  const bool right_alone =
      !left && (join.join == JoinKind::kInner || join.join == JoinKind::kRight);
  if (left_alone) {
    Pushed out = push(join.inputs[0]);
    out.plan =
        plan::make_join(join.join, out.plan, join.inputs[1], join.keys, bind(join.condition, out));
    return out;
  }
  if (right_alone) {
    Pushed out = push(join.inputs[1]);
    out.plan =
        plan::make_join(join.join, join.inputs[0], out.plan, join.keys, bind(join.condition, out));
    return out;
  }
  return push_both_sides(join);
}

DependentSide::Pushed DependentSide::push_both_sides(const plan::Join& join) {
  Pushed left = push(join.inputs[0]);
  Pushed right = push(join.inputs[1]);
  const bool full = join.join == JoinKind::kFull;
  if (full) {
    // Their NULLs would be taken for outer values that are NULL.
    left.plan = owned(left);
    right.plan = owned(right);
  }
  Pushed out;
  std::vector<plan::JoinKey> keys = join.keys;
  for (size_t i = 0; i < outer_.size(); ++i) {
    const bool strict = left.strict[i] || right.strict[i];
    keys.push_back({left.outer[i].id, right.outer[i].id, !strict});
  }
  out.plan = plan::make_join(join.join, left.plan, right.plan, std::move(keys),
                             bind(join.condition, left));
  if (!full) {
    out.outer = join.join == JoinKind::kRight ? right.outer : left.outer;
    out.strict = join.join == JoinKind::kRight ? right.strict : left.strict;
    return out;
  }
  // The outer value comes from whichever side has the row.
  Columns columns = out.plan->columns;
  std::vector<ExprRef> values;
  for (const Column& column : columns) values.push_back(plan::column_ref(column));
  for (size_t i = 0; i < outer_.size(); ++i) {
    out.outer.push_back(columns_.make(outer_[i].name, outer_[i].type));
    out.strict.push_back(left.strict[i] && right.strict[i]);
    columns.push_back(out.outer.back());
    values.push_back(expr::coalesce(
        outer_[i].type, {plan::column_ref(left.outer[i]), plan::column_ref(right.outer[i])}));
  }
  out.plan = plan::make_project(out.plan, std::move(columns), std::move(values));
  return out;
}

DependentSide::Pushed DependentSide::push_asof_join(const plan::AsofJoin& join) {
  Pushed left = push(join.inputs[0]);
  if (!is_correlated(join.inputs[1])) {
    left.plan = plan::make_asof_join(left.plan, join.inputs[1], join);
    return left;
  }
  Pushed right = push(join.inputs[1]);
  plan::AsofJoin model = join;
  for (size_t i = 0; i < outer_.size(); ++i) {
    const bool strict = left.strict[i] || right.strict[i];
    model.keys.push_back({left.outer[i].id, right.outer[i].id, !strict});
  }
  left.plan = plan::make_asof_join(left.plan, right.plan, model);
  return left;
}

NodeRef DependentSide::owned(const Pushed& pushed) const {
  std::vector<ExprRef> present;
  for (size_t i = 0; i < outer_.size(); ++i) {
    if (!pushed.strict[i]) continue;
    present.push_back(expr::logical(ExprKind::kIsNotNull, {plan::column_ref(pushed.outer[i])}));
  }
  return plan::make_filter(pushed.plan, plan::make_conjunction(std::move(present)));
}

DependentSide::Pushed DependentSide::push_union(const plan::Union& both) {
  Pushed out;
  std::vector<NodeRef> inputs;
  std::vector<std::vector<ColumnId>> sources = both.sources;
  for (size_t i = 0; i < both.inputs.size(); ++i) {
    Pushed branch = push(both.inputs[i]);
    // Rows without an outer value must not meet the NULLs of another branch.
    for (const Column& column : branch.outer) sources[i].push_back(column.id);
    inputs.push_back(owned(branch));
  }
  Columns columns = both.columns;
  for (const Column& column : outer_) {
    out.outer.push_back(columns_.make(column.name, column.type));
    out.strict.push_back(false);
    columns.push_back(out.outer.back());
  }
  out.plan = plan::make_union(std::move(inputs), std::move(columns), std::move(sources));
  return out;
}

}  // namespace forebay::sql::rules
