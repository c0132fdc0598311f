#include <algorithm>

#include "sql/plan/expressions.h"
#include "sql/plan/failure.h"
#include "sql/plan/forms.h"
#include "sql/plan/temporal.h"
#include "sql/rules/rules.h"

namespace forebay::sql::rules {
namespace {

using expr::ExprRef;
using plan::ColumnSet;
using plan::JoinKind;
using plan::NodeKind;

using Conjuncts = std::vector<ExprRef>;

/// `c > now() - interval`: the side with now() is the same for every row, the other never fails.
bool is_temporal(const ExprRef& conjunct) {
  if (!plan::temporal_bound(conjunct) || conjunct->children.size() != 2) return false;
  return std::all_of(conjunct->children.begin(), conjunct->children.end(), [](const ExprRef& side) {
    if (!plan::uses_now(side)) return plan::failure_of(side) == plan::Failure::kNever;
    return plan::uses_only(side, {});
  });
}

bool may_move(const ExprRef& conjunct) {
  if (is_temporal(conjunct)) return true;
  return plan::failure_of(conjunct) == plan::Failure::kNever &&
         expr::volatility(*conjunct) != udfs::Volatility::kVolatile;
}

NodeRef push(const NodeRef& node, Conjuncts above);

/// What can fail is evaluated last, only where the rest is true.
NodeRef filtered(NodeRef node, Conjuncts conjuncts) {
  std::stable_partition(conjuncts.begin(), conjuncts.end(), [](const ExprRef& conjunct) {
    return plan::failure_of(conjunct) == plan::Failure::kNever;
  });
  return plan::make_filter(std::move(node), plan::make_conjunction(std::move(conjuncts)));
}

/// Splits off those that `chosen` accepts.
template <typename F>
Conjuncts take(Conjuncts& from, const F& chosen) {
  Conjuncts taken, rest;
  for (ExprRef& conjunct : from) (chosen(conjunct) ? taken : rest).push_back(std::move(conjunct));
  from = std::move(rest);
  return taken;
}

/// Filters above an outer join that reject the NULL rows of a side make it less outer.
JoinKind simplify_kind(JoinKind kind, const Conjuncts& above, const ColumnSet& left,
                       const ColumnSet& right) {
  auto rejected = [&](const ColumnSet& side) {
    return std::any_of(above.begin(), above.end(), [&](const ExprRef& conjunct) {
      return plan::rejects_nulls(conjunct, side);
    });
  };
  if (kind == JoinKind::kLeft && rejected(right)) return JoinKind::kInner;
  if (kind == JoinKind::kRight && rejected(left)) return JoinKind::kInner;
  if (kind == JoinKind::kFull) {
    const bool no_left_nulls = rejected(left);  // rows without a left partner go
    const bool no_right_nulls = rejected(right);
    if (no_left_nulls && no_right_nulls) return JoinKind::kInner;
    if (no_left_nulls) return JoinKind::kLeft;
    if (no_right_nulls) return JoinKind::kRight;
  }
  return kind;
}

/// An equality of both sides is evaluated for pairs either way; it makes the join a hash join.
bool could_be_key(const ExprRef& conjunct, const ColumnSet& left, const ColumnSet& right) {
  ExprRef a, b;
  if (!plan::is_equality(conjunct, &a, &b)) return false;
  if (plan::failure_of(conjunct) == plan::Failure::kValue) return false;
  if (expr::volatility(*conjunct) == udfs::Volatility::kVolatile) return false;
  return (plan::uses_only(a, left) && plan::uses_only(b, right)) ||
         (plan::uses_only(a, right) && plan::uses_only(b, left));
}

NodeRef push_join(const plan::Join& join, Conjuncts above) {
  const ColumnSet left = plan::column_set(join.input(0).columns);
  const ColumnSet right = plan::column_set(join.input(1).columns);
  const JoinKind kind = simplify_kind(join.join, above, left, right);
  auto moves_to = [](const ColumnSet& side) {
    return [&side](const ExprRef& conjunct) {
      return may_move(conjunct) && plan::uses_only(conjunct, side);
    };
  };
  Conjuncts condition;
  plan::split_conjuncts(join.condition, condition);
  Conjuncts to_left, to_right, into;
  const bool left_kept =
      kind == JoinKind::kLeft || kind == JoinKind::kFull || kind == JoinKind::kAnti;
  const bool right_kept = kind == JoinKind::kRight || kind == JoinKind::kFull;
  // From above: to a side whose rows are not extended by NULLs.
  if (!right_kept) to_left = take(above, moves_to(left));
  if (kind == JoinKind::kInner || kind == JoinKind::kRight) to_right = take(above, moves_to(right));
  if (kind == JoinKind::kInner) {
    into = take(above, [&](const ExprRef& conjunct) {
      // Of a comparison with now() a view makes a filter of its own.
      return (may_move(conjunct) && expr::volatility(*conjunct) != udfs::Volatility::kStable) ||
             could_be_key(conjunct, left, right);
    });
  }
  // From the condition: to a side whose rows without partner are not kept.
  if (!left_kept) {
    Conjuncts more = take(condition, moves_to(left));
    to_left.insert(to_left.end(), more.begin(), more.end());
  }
  if (!right_kept) {
    Conjuncts more = take(condition, moves_to(right));
    to_right.insert(to_right.end(), more.begin(), more.end());
  }
  condition.insert(condition.end(), into.begin(), into.end());
  NodeRef result = plan::make_join(kind, push(join.inputs[0], std::move(to_left)),
                                   push(join.inputs[1], std::move(to_right)), join.keys,
                                   plan::make_conjunction(std::move(condition)));
  return filtered(std::move(result), std::move(above));
}

/// What is asked of left rows is asked of them before; right rows decide which of them is nearest.
NodeRef push_asof_join(const plan::AsofJoin& join, Conjuncts above) {
  const ColumnSet left = plan::column_set(join.input(0).columns);
  const ColumnSet right = plan::column_set(join.input(1).columns);
  plan::AsofJoin model = join;
  model.outer &= std::none_of(above.begin(), above.end(), [&](const ExprRef& conjunct) {
    return plan::rejects_nulls(conjunct, right);
  });
  Conjuncts moving = take(above, [&](const ExprRef& conjunct) {
    return may_move(conjunct) && plan::uses_only(conjunct, left) &&
           expr::volatility(*conjunct) == udfs::Volatility::kImmutable;
  });
  NodeRef result = plan::make_asof_join(push(join.inputs[0], std::move(moving)),
                                        push(join.inputs[1], {}), model);
  return filtered(std::move(result), std::move(above));
}

NodeRef push_project(const NodeRef& node, Conjuncts above) {
  const auto& project = plan::as<plan::Project>(*node);
  plan::Replacements replacements;
  for (size_t i = 0; i < project.columns.size(); ++i) {
    replacements[project.columns[i].id] = project.expressions[i];
  }
  Conjuncts below;
  Conjuncts stay = std::move(above);
  Conjuncts moving = take(stay, [&](const ExprRef& conjunct) {
    ExprRef moved = plan::replace_columns(conjunct, replacements);
    return may_move(moved) && expr::volatility(*moved) == udfs::Volatility::kImmutable;
  });
  for (const ExprRef& conjunct : moving) {
    below.push_back(plan::replace_columns(conjunct, replacements));
  }
  NodeRef input = push(node->inputs[0], std::move(below));
  return filtered(plan::with_inputs(node, {std::move(input)}), std::move(stay));
}

NodeRef push_union(const NodeRef& node, Conjuncts above) {
  const auto& both = plan::as<plan::Union>(*node);
  Conjuncts moving = take(above, may_move);
  std::vector<NodeRef> inputs;
  for (size_t i = 0; i < both.inputs.size(); ++i) {
    plan::Replacements replacements;
    for (size_t c = 0; c < both.columns.size(); ++c) {
      replacements[both.columns[c].id] = expr::column(both.sources[i][c], both.columns[c].type);
    }
    Conjuncts own;
    for (const ExprRef& conjunct : moving)
      own.push_back(plan::replace_columns(conjunct, replacements));
    inputs.push_back(push(both.inputs[i], std::move(own)));
  }
  return filtered(plan::with_inputs(node, std::move(inputs)), std::move(above));
}

/// Below a node that looks at each partition alone: conjuncts that are true or not for a whole one.
NodeRef push_partitioned(const NodeRef& node, const std::vector<plan::ColumnId>& partition,
                         Conjuncts above) {
  ColumnSet whole;
  for (const plan::Column& column : node->input().columns) {
    const bool same = std::find(partition.begin(), partition.end(), column.id) != partition.end();
    if (same && plan::has_one_form(column.type)) whole.insert(column.id);
  }
  Conjuncts moving = take(above, [&](const ExprRef& conjunct) {
    return may_move(conjunct) && plan::uses_any(conjunct, whole) &&
           plan::uses_only(conjunct, whole);
  });
  NodeRef input = push(node->inputs[0], std::move(moving));
  return filtered(plan::with_inputs(node, {std::move(input)}), std::move(above));
}

/// Pushes `above`, conjuncts over the node's columns, as far down as they go.
NodeRef push(const NodeRef& node, Conjuncts above) {
  switch (node->kind) {
    case NodeKind::kFilter: {
      Conjuncts all;
      plan::split_conjuncts(plan::as<plan::Filter>(*node).predicate, all);
      all.insert(all.end(), above.begin(), above.end());
      return push(node->inputs[0], std::move(all));
    }
    case NodeKind::kProject:
      return push_project(node, std::move(above));
    case NodeKind::kJoin:
      return push_join(plan::as<plan::Join>(*node), std::move(above));
    case NodeKind::kUnion:
      return push_union(node, std::move(above));
    case NodeKind::kRepeat:
    case NodeKind::kDistinct: {
      Conjuncts moving = take(above, may_move);
      NodeRef input = push(node->inputs[0], std::move(moving));
      return filtered(plan::with_inputs(node, {std::move(input)}), std::move(above));
    }
    case NodeKind::kExpand:
    case NodeKind::kTableFunction: {
      const ColumnSet below = plan::column_set(node->input().columns);
      Conjuncts moving = take(above, [&](const ExprRef& conjunct) {
        return may_move(conjunct) && plan::uses_only(conjunct, below);
      });
      NodeRef input = push(node->inputs[0], std::move(moving));
      return filtered(plan::with_inputs(node, {std::move(input)}), std::move(above));
    }
    case NodeKind::kAsofJoin:
      return push_asof_join(plan::as<plan::AsofJoin>(*node), std::move(above));
    case NodeKind::kSession: {
      const auto& session = plan::as<plan::Session>(*node);
      const ColumnSet partition(session.partition.begin(), session.partition.end());
      Conjuncts moving = take(above, [&](const ExprRef& conjunct) {
        return may_move(conjunct) && plan::uses_only(conjunct, partition);
      });
      NodeRef input = push(node->inputs[0], std::move(moving));
      return filtered(plan::with_inputs(node, {std::move(input)}), std::move(above));
    }
    case NodeKind::kAggregate: {
      const auto& aggregate = plan::as<plan::Aggregate>(*node);
      ColumnSet groups(aggregate.groups.begin(), aggregate.groups.end());
      Conjuncts moving;
      if (!aggregate.scalar) {
        moving = take(above, [&](const ExprRef& conjunct) {
          return may_move(conjunct) && plan::uses_only(conjunct, groups);
        });
      }
      NodeRef input = push(node->inputs[0], std::move(moving));
      return filtered(plan::with_inputs(node, {std::move(input)}), std::move(above));
    }
    case NodeKind::kTopN: {
      return push_partitioned(node, plan::as<plan::TopN>(*node).partition, std::move(above));
    }
    case NodeKind::kOver:
      return push_partitioned(node, plan::as<plan::Over>(*node).partition, std::move(above));
    default: {
      std::vector<NodeRef> inputs;
      for (const NodeRef& input : node->inputs) inputs.push_back(push(input, {}));
      return filtered(plan::with_inputs(node, std::move(inputs)), std::move(above));
    }
  }
}

}  // namespace

NodeRef push_down_predicates(const NodeRef& node) { return push(node, {}); }

}  // namespace forebay::sql::rules
