#include <unordered_map>

#include "sql/plan/expressions.h"
#include "sql/rules/rules.h"

namespace forebay::sql::rules {
namespace {

using expr::ExprKind;
using expr::ExprRef;
using plan::NodeKind;

/// Substituting is no repeated work: each computed column of the inner projection is used at most
/// once.
bool can_substitute(const plan::Project& inner, const std::vector<ExprRef>& outer) {
  std::unordered_map<plan::ColumnId, int> uses;
  for (const ExprRef& value : outer) {
    plan::visit(value, [&](const expr::Expr& part) {
      if (part.kind == ExprKind::kColumn) ++uses[part.column];
    });
  }
  for (size_t i = 0; i < inner.expressions.size(); ++i) {
    const ExprRef& value = inner.expressions[i];
    if (value->kind == ExprKind::kColumn || value->kind == ExprKind::kLiteral) continue;
    if (uses[inner.columns[i].id] > 1) return false;
    if (expr::volatility(*value) == udfs::Volatility::kVolatile) return false;
  }
  return true;
}

plan::Replacements replacements_of(const plan::Project& project) {
  plan::Replacements out;
  for (size_t i = 0; i < project.expressions.size(); ++i) {
    if (!plan::is_column(project.expressions[i], project.columns[i].id)) {
      out[project.columns[i].id] = project.expressions[i];
    }
  }
  return out;
}

NodeRef merge_project(const NodeRef& node) {
  const auto& project = plan::as<plan::Project>(*node);
  const NodeRef& input = node->inputs[0];
  bool identity = input->columns.size() == project.columns.size();
  for (size_t i = 0; i < project.columns.size(); ++i) {
    identity = identity && plan::is_column(project.expressions[i], project.columns[i].id) &&
               input->columns[i].id == project.columns[i].id;
  }
  if (identity) return input;
  if (input->kind == NodeKind::kProject) {
    const auto& inner = plan::as<plan::Project>(*input);
    if (!can_substitute(inner, project.expressions)) return node;
    plan::Replacements replacements = replacements_of(inner);
    std::vector<ExprRef> expressions;
    for (const ExprRef& value : project.expressions) {
      expressions.push_back(plan::replace_columns(value, replacements));
    }
    return merge_project(
        plan::make_project(inner.inputs[0], project.columns, std::move(expressions)));
  }
  if (input->kind == NodeKind::kValues && project.columns.empty()) {
    // How many rows there are is all that is left.
    const auto& values = plan::as<plan::Values>(*input);
    return plan::make_values({}, std::vector<std::vector<ExprRef>>(values.rows.size()));
  }
  return node;
}

}  // namespace

NodeRef merge_projections(const NodeRef& root) {
  return rewrite_bottom_up(root, [](const NodeRef& node) -> NodeRef {
    if (node->kind == NodeKind::kFilter && node->inputs[0]->kind == NodeKind::kFilter) {
      const auto& inner = plan::as<plan::Filter>(*node->inputs[0]);
      // The inner one first: AND evaluates the later operands only where the earlier are true.
      std::vector<ExprRef> conjuncts;
      plan::split_conjuncts(inner.predicate, conjuncts);
      plan::split_conjuncts(plan::as<plan::Filter>(*node).predicate, conjuncts);
      return plan::make_filter(inner.inputs[0], plan::make_conjunction(std::move(conjuncts)));
    }
    if (node->kind == NodeKind::kProject) return merge_project(node);
    if (node->kind == NodeKind::kUnion) {
      // A union of unions is one.
      const auto& outer = plan::as<plan::Union>(*node);
      std::vector<NodeRef> inputs;
      std::vector<std::vector<plan::ColumnId>> sources;
      for (size_t i = 0; i < outer.inputs.size(); ++i) {
        if (outer.inputs[i]->kind != NodeKind::kUnion) {
          inputs.push_back(outer.inputs[i]);
          sources.push_back(outer.sources[i]);
          continue;
        }
        const auto& inner = plan::as<plan::Union>(*outer.inputs[i]);
        for (size_t j = 0; j < inner.inputs.size(); ++j) {
          inputs.push_back(inner.inputs[j]);
          sources.emplace_back();
          for (plan::ColumnId id : outer.sources[i]) {
            sources.back().push_back(inner.sources[j][plan::find_column(inner.columns, id)]);
          }
        }
      }
      if (inputs.size() == outer.inputs.size()) return node;
      return plan::make_union(std::move(inputs), outer.columns, std::move(sources));
    }
    return node;
  });
}

}  // namespace forebay::sql::rules
