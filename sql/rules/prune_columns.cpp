#include <algorithm>

#include "sql/plan/expressions.h"
#include "sql/plan/properties.h"
#include "sql/rules/rules.h"

namespace forebay::sql::rules {
namespace {

using plan::Column;
using plan::ColumnId;
using plan::Columns;
using plan::JoinKind;
using plan::NodeKind;

Columns keep(const Columns& columns, const ColumnSet& required) {
  Columns out;
  for (const Column& column : columns) {
    if (required.contains(column.id)) out.push_back(column);
  }
  return out;
}

NodeRef prune_scan(const NodeRef& node, const ColumnSet& required) {
  const auto& scan = plan::as<plan::Scan>(*node);
  Columns columns;
  std::vector<uint32_t> positions;
  for (size_t i = 0; i < scan.columns.size(); ++i) {
    if (!required.contains(scan.columns[i].id)) continue;
    columns.push_back(scan.columns[i]);
    positions.push_back(scan.positions[i]);
  }
  if (columns.size() == scan.columns.size()) return node;
  auto copy = std::make_shared<plan::Scan>(scan);
  copy->columns = std::move(columns);
  copy->positions = std::move(positions);
  return copy;
}

NodeRef prune_values(const NodeRef& node, const ColumnSet& required) {
  const auto& values = plan::as<plan::Values>(*node);
  Columns columns = keep(values.columns, required);
  if (columns.size() == values.columns.size()) return node;
  std::vector<std::vector<expr::ExprRef>> rows;
  for (const auto& row : values.rows) {
    rows.emplace_back();
    for (size_t i = 0; i < values.columns.size(); ++i) {
      if (required.contains(values.columns[i].id)) rows.back().push_back(row[i]);
    }
  }
  return plan::make_values(std::move(columns), std::move(rows));
}

/// An input of an operator that keeps rows: exactly what is needed.
NodeRef prune_exactly(const NodeRef& node, const ColumnSet& required) {
  NodeRef pruned = prune_columns(node, required);
  return plan::make_narrow(pruned, keep(pruned->columns, required));
}

NodeRef prune_join(const NodeRef& node, const ColumnSet& required) {
  const auto& join = plan::as<plan::Join>(*node);
  const ColumnSet right = plan::column_set(join.input(1).columns);
  if (join.join == JoinKind::kLeft &&
      std::none_of(required.begin(), required.end(),
                   [&](ColumnId id) { return right.contains(id); })) {
    // Nobody looks at the right side, and it repeats no row.
    ColumnSet keys;
    for (const plan::JoinKey& key : join.keys) keys.insert(key.right);
    if (plan::has_unique_key(join.inputs[1], keys)) return prune_columns(join.inputs[0], required);
  }
  ColumnSet used = required;
  plan::add_used_columns(*node, used);
  return plan::with_inputs(
      node, {prune_exactly(join.inputs[0], used), prune_exactly(join.inputs[1], used)});
}

NodeRef prune_asof_join(const NodeRef& node, const ColumnSet& required) {
  plan::AsofJoin join = plan::as<plan::AsofJoin>(*node);
  ColumnSet distinct{join.right_time};
  for (const plan::JoinKey& key : join.keys) distinct.insert(key.right);
  if (plan::has_unique_key(join.inputs[1], distinct)) join.ties.clear();
  ColumnSet used = required;
  plan::add_used_columns(join, used);
  return plan::make_asof_join(prune_exactly(join.inputs[0], used),
                              prune_exactly(join.inputs[1], used), join);
}

NodeRef prune_union(const NodeRef& node, const ColumnSet& required) {
  const auto& both = plan::as<plan::Union>(*node);
  std::vector<NodeRef> inputs;
  std::vector<std::vector<ColumnId>> sources;
  for (size_t i = 0; i < both.inputs.size(); ++i) {
    sources.emplace_back();
    for (size_t c = 0; c < both.columns.size(); ++c) {
      if (required.contains(both.columns[c].id)) sources.back().push_back(both.sources[i][c]);
    }
    ColumnSet own(sources.back().begin(), sources.back().end());
    inputs.push_back(prune_columns(both.inputs[i], own));
  }
  return plan::make_union(std::move(inputs), keep(both.columns, required), std::move(sources));
}

/// Which of two rows that are equal in the order comes first makes a difference.
bool depends_on_ties(const plan::OverCall& call) {
  using operators::FrameBound;
  using operators::OverFunction;
  switch (call.function) {
    case OverFunction::kRank:
    case OverFunction::kDenseRank:
    case OverFunction::kPercentRank:
    case OverFunction::kCumeDist:
      return false;
    case OverFunction::kAggregate:
      break;
    default:
      return true;
  }
  if (call.aggregate->kind == udfs::AggregateKind::kOrdered) return true;
  const bool whole = call.frame.lower.edge == FrameBound::Edge::kPartitionStart &&
                     call.frame.upper.edge == FrameBound::Edge::kPartitionEnd;
  return call.frame.unit == operators::FrameUnit::kRows && !whole;
}

NodeRef prune_over(const NodeRef& node, const ColumnSet& required) {
  const auto& over = plan::as<plan::Over>(*node);
  std::vector<plan::OverCall> calls;
  for (const plan::OverCall& call : over.calls) {
    if (required.contains(call.output.id)) calls.push_back(call);
  }
  if (calls.empty()) return prune_columns(node->inputs[0], required);
  // The whole row decides between rows that are equal in the order.
  ColumnSet used = plan::column_set(node->input().columns);
  const bool ties = std::any_of(calls.begin(), calls.end(), depends_on_ties);
  NodeRef fewer = plan::make_over(node->inputs[0], over.partition, over.order, std::move(calls));
  if (!ties) {
    used = required;
    plan::add_used_columns(*fewer, used);
  }
  return plan::with_inputs(fewer, {prune_exactly(node->inputs[0], used)});
}

}  // namespace

NodeRef prune_columns(const NodeRef& node, const ColumnSet& required) {
  switch (node->kind) {
    case NodeKind::kScan:
      return prune_scan(node, required);
    case NodeKind::kValues:
      return prune_values(node, required);
    case NodeKind::kProject: {
      const auto& project = plan::as<plan::Project>(*node);
      Columns columns;
      std::vector<expr::ExprRef> expressions;
      ColumnSet below;
      for (size_t i = 0; i < project.columns.size(); ++i) {
        if (!required.contains(project.columns[i].id)) continue;
        columns.push_back(project.columns[i]);
        expressions.push_back(project.expressions[i]);
        plan::add_columns(project.expressions[i], below);
      }
      return plan::make_project(prune_columns(node->inputs[0], below), std::move(columns),
                                std::move(expressions));
    }
    case NodeKind::kAggregate: {
      const auto& aggregate = plan::as<plan::Aggregate>(*node);
      std::vector<plan::AggregateCall> calls;
      for (const plan::AggregateCall& call : aggregate.aggregates) {
        if (required.contains(call.output.id)) calls.push_back(call);
      }
      ColumnSet below;
      NodeRef smaller = plan::make_aggregate(node->inputs[0], aggregate, std::move(calls));
      plan::add_used_columns(*smaller, below);
      return plan::with_inputs(smaller, {prune_columns(node->inputs[0], below)});
    }
    case NodeKind::kJoin:
      return prune_join(node, required);
    case NodeKind::kAsofJoin:
      return prune_asof_join(node, required);
    case NodeKind::kUnion:
      return prune_union(node, required);
    case NodeKind::kOver:
      return prune_over(node, required);
    case NodeKind::kTopN:
      if (const auto& top = plan::as<plan::TopN>(*node);
          top.number && !required.contains(top.number->id)) {
        if (!top.limit && !top.offset) return prune_columns(node->inputs[0], required);
        return prune_columns(plan::make_top_n(node->inputs[0], top.partition, top.order, top.limit,
                                              top.offset, top.with_ties),
                             required);
      }
      [[fallthrough]];
    case NodeKind::kDistinct: {
      // The whole row decides: nothing may go.
      const plan::Columns& columns = node->input().columns;
      ColumnSet all = plan::column_set(columns);
      NodeRef input = plan::make_narrow(prune_columns(node->inputs[0], all), columns);
      return plan::with_inputs(node, {std::move(input)});
    }
    case NodeKind::kExpand:
    case NodeKind::kSession:
    case NodeKind::kHold:
    case NodeKind::kLate:
    case NodeKind::kTableFunction: {
      ColumnSet used = required;
      plan::add_used_columns(*node, used);
      return plan::with_inputs(node, {prune_exactly(node->inputs[0], used)});
    }
    case NodeKind::kRepeat:
    case NodeKind::kFilter: {
      ColumnSet used = required;
      plan::add_used_columns(*node, used);
      return plan::with_inputs(node, {prune_columns(node->inputs[0], used)});
    }
    case NodeKind::kSingleRow:
    case NodeKind::kDependentJoin: {
      ColumnSet used = required;
      plan::add_used_columns(*node, used);
      std::vector<NodeRef> inputs;
      for (const NodeRef& input : node->inputs) inputs.push_back(prune_exactly(input, used));
      return plan::with_inputs(node, std::move(inputs));
    }
  }
  return node;
}

}  // namespace forebay::sql::rules
