#include <algorithm>

#include "sql/plan/expressions.h"
#include "sql/plan/properties.h"
#include "sql/rules/rules.h"

namespace forebay::sql::rules {
namespace {

using expr::ExprRef;
using plan::JoinKind;
using plan::NodeKind;

bool is_empty(const NodeRef& node) {
  return node->kind == NodeKind::kValues && plan::as<plan::Values>(*node).rows.empty();
}

NodeRef empty(const plan::Columns& columns) { return plan::make_values(columns, {}); }

/// The rows of one side, the other side's columns NULL.
NodeRef extended_by_nulls(const NodeRef& side, const plan::Columns& columns) {
  std::vector<ExprRef> values;
  for (const plan::Column& column : columns) {
    const bool own = plan::find_column(side->columns, column.id) != plan::kNoColumn;
    values.push_back(own ? plan::column_ref(column)
                         : expr::literal(data::Datum::null(column.type)));
  }
  return plan::make_project(side, columns, std::move(values));
}

/// IS NULL of what is never NULL is false.
ExprRef without_null_tests(const ExprRef& value, const std::vector<NodeRef>& inputs) {
  ExprRef result = plan::transform(value, [&](const ExprRef& part) -> ExprRef {
    const bool is_null = part->kind == expr::ExprKind::kIsNull;
    if (!is_null && part->kind != expr::ExprKind::kIsNotNull) return nullptr;
    for (const NodeRef& input : inputs) {
      if (plan::is_never_null(input, part->children[0])) return plan::boolean_literal(!is_null);
    }
    return nullptr;
  });
  return result == value ? value : expr::fold_constants(result);
}

/// The node with such tests gone. Rows of an outer join may be NULL above it, but not in its
/// condition.
NodeRef remove_null_tests(const NodeRef& node) {
  if (node->kind != NodeKind::kFilter && node->kind != NodeKind::kProject &&
      node->kind != NodeKind::kJoin && node->kind != NodeKind::kDependentJoin) {
    return node;
  }
  return plan::map_own_expressions(
      node, [&](const ExprRef& value) { return without_null_tests(value, node->inputs); });
}

bool is_never_true(const NodeRef& join) {
  const ExprRef& condition = join->kind == NodeKind::kJoin
                                 ? plan::as<plan::Join>(*join).condition
                                 : plan::as<plan::DependentJoin>(*join).condition;
  return condition && plan::is_literal_not_true(condition);
}

NodeRef simplify_join(const NodeRef& node, JoinKind kind) {
  const NodeRef& left = node->inputs[0];
  const NodeRef& right = node->inputs[1];
  const bool no_match = is_never_true(node);
  const bool outer = kind == JoinKind::kRight || kind == JoinKind::kFull;
  const bool no_left = is_empty(left);
  const bool no_right = is_empty(right) || (no_match && !outer);
  switch (kind) {
    case JoinKind::kInner:
    case JoinKind::kSemi:
      if (no_left || no_right) return empty(node->columns);
      break;
    case JoinKind::kLeft:
      if (no_left) return empty(node->columns);
      if (no_right) return extended_by_nulls(left, node->columns);
      break;
    case JoinKind::kAnti:
      if (no_left) return empty(node->columns);
      if (no_right) return left;
      break;
    case JoinKind::kRight:
      if (no_right) return empty(node->columns);
      if (no_left) return extended_by_nulls(right, node->columns);
      break;
    case JoinKind::kFull:
      if (no_left && no_right) return empty(node->columns);
      if (no_left) return extended_by_nulls(right, node->columns);
      if (no_right) return extended_by_nulls(left, node->columns);
      break;
  }
  // Only whether there is a partner counts: the other side need not be distinct.
  if ((kind == JoinKind::kSemi || kind == JoinKind::kAnti) && right->kind == NodeKind::kDistinct &&
      node->kind == NodeKind::kJoin && !plan::as<plan::Join>(*node).keys.empty()) {
    return plan::with_inputs(node, {left, right->inputs[0]});
  }
  return node;
}

NodeRef simplify_node(const NodeRef& original) {
  const NodeRef node = remove_null_tests(original);
  switch (node->kind) {
    case NodeKind::kFilter: {
      const ExprRef& predicate = plan::as<plan::Filter>(*node).predicate;
      if (plan::is_literal_true(predicate)) return node->inputs[0];
      if (plan::is_literal_not_true(predicate) || is_empty(node->inputs[0]))
        return empty(node->columns);
      return node;
    }
    case NodeKind::kProject:
    case NodeKind::kTopN:
    case NodeKind::kOver:
      return is_empty(node->inputs[0]) ? empty(node->columns) : node;
    case NodeKind::kSingleRow: {
      const auto& guard = plan::as<plan::SingleRow>(*node);
      plan::ColumnSet keys(guard.keys.begin(), guard.keys.end());
      return plan::has_unique_key(node->inputs[0], keys) ? node->inputs[0] : node;
    }
    case NodeKind::kDistinct:
      if (is_empty(node->inputs[0])) return empty(node->columns);
      return plan::has_unique_key(node->inputs[0], plan::column_set(node->columns))
                 ? node->inputs[0]
                 : node;
    case NodeKind::kAggregate: {
      const auto& aggregate = plan::as<plan::Aggregate>(*node);
      if (is_empty(node->inputs[0]) && !aggregate.scalar) return empty(node->columns);
      return node;
    }
    case NodeKind::kJoin:
      return simplify_join(node, plan::as<plan::Join>(*node).join);
    case NodeKind::kDependentJoin:
      return simplify_join(node, plan::as<plan::DependentJoin>(*node).join);
    case NodeKind::kUnion: {
      const auto& both = plan::as<plan::Union>(*node);
      std::vector<NodeRef> inputs;
      std::vector<std::vector<plan::ColumnId>> sources;
      for (size_t i = 0; i < both.inputs.size(); ++i) {
        if (is_empty(both.inputs[i])) continue;
        inputs.push_back(both.inputs[i]);
        sources.push_back(both.sources[i]);
      }
      if (inputs.size() == both.inputs.size()) return node;
      if (inputs.empty()) return empty(node->columns);
      if (inputs.size() > 1)
        return plan::make_union(std::move(inputs), both.columns, std::move(sources));
      std::vector<ExprRef> values;
      for (size_t i = 0; i < both.columns.size(); ++i) {
        values.push_back(expr::column(sources[0][i], both.columns[i].type));
      }
      return plan::make_project(inputs[0], both.columns, std::move(values));
    }
    default:
      return node;
  }
}

}  // namespace

NodeRef simplify(const NodeRef& root, ColumnFactory&) {
  return rewrite_bottom_up(root, simplify_node);
}

}  // namespace forebay::sql::rules
