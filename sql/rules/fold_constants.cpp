#include "sql/plan/expressions.h"
#include "sql/rules/rules.h"

namespace forebay::sql::rules {

NodeRef fold_constants(const NodeRef& node) {
  return plan::map_expressions(
      node, [](const expr::ExprRef& value) { return expr::fold_constants(value); });
}

}  // namespace forebay::sql::rules
