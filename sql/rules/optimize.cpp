#include "sql/rules/rules.h"

namespace forebay::sql::rules {

NodeRef rewrite_bottom_up(const NodeRef& node,
                          const std::function<NodeRef(const NodeRef&)>& rewrite) {
  std::vector<NodeRef> inputs;
  for (const NodeRef& input : node->inputs) inputs.push_back(rewrite_bottom_up(input, rewrite));
  return rewrite(plan::with_inputs(node, std::move(inputs)));
}

NodeRef optimize(NodeRef plan, ColumnFactory& columns) {
  const plan::Columns wanted = plan->columns;
  plan = fold_constants(plan);
  plan = simplify(plan, columns);
  plan = decorrelate(plan, columns);
  plan = merge_projections(plan);
  plan = push_down_predicates(plan);
  plan = fold_constants(plan);
  plan = extract_join_keys(plan, columns);
  plan = simplify(plan, columns);
  plan = prune_columns(plan, plan::column_set(wanted));
  plan = merge_projections(plan);
  return plan::make_narrow(std::move(plan), wanted);
}

}  // namespace forebay::sql::rules
