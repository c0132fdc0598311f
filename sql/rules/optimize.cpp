#include "sql/rules/rules.h"

namespace forebay::sql::rules {

NodeRef rewrite_bottom_up(const NodeRef& node,
                          const std::function<NodeRef(const NodeRef&)>& rewrite) {
  std::vector<NodeRef> inputs;
  for (const NodeRef& input : node->inputs) inputs.push_back(rewrite_bottom_up(input, rewrite));
  return rewrite(plan::with_inputs(node, std::move(inputs)));
}

namespace {

constexpr Rule kRules[] = {
    {"fold_constants", [](const NodeRef& plan, ColumnFactory&) { return fold_constants(plan); }},
    {"simplify", simplify},
    {"decorrelate", decorrelate},
    {"merge_projections",
     [](const NodeRef& plan, ColumnFactory&) { return merge_projections(plan); }},
    {"push_down_predicates",
     [](const NodeRef& plan, ColumnFactory&) { return push_down_predicates(plan); }},
    {"fold_constants", [](const NodeRef& plan, ColumnFactory&) { return fold_constants(plan); }},
    {"limit_numbers", [](const NodeRef& plan, ColumnFactory&) { return limit_numbers(plan); }},
    {"extract_join_keys", extract_join_keys},
    {"simplify", simplify},
    {"prune_columns",
     [](const NodeRef& plan, ColumnFactory&) {
       return prune_columns(plan, plan::column_set(plan->columns));
     }},
    {"merge_projections",
     [](const NodeRef& plan, ColumnFactory&) { return merge_projections(plan); }},
    {"aggregate_by_pane", aggregate_by_pane},
};

}  // namespace

std::span<const Rule> rules_in_order() { return kRules; }

NodeRef optimize(NodeRef plan, ColumnFactory& columns, bool by_pane) {
  const plan::Columns wanted = plan->columns;
  for (const Rule& rule : kRules) {
    if (!by_pane && rule.apply == aggregate_by_pane) continue;
    plan = plan::make_narrow(rule.apply(plan, columns), wanted);
  }
  return plan;
}

}  // namespace forebay::sql::rules
