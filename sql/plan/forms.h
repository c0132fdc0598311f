#pragma once

#include "sql/plan/node.h"

/// Equal values may look different: numeric 1.0 and 1.00, interval '1 month' and '30 days', double
/// precision 0 and -0, jsonb 1.0 and 1.00. Grouping, DISTINCT and joins take them as one; where the
/// look decides, these say so.
namespace forebay::sql::plan {

/// Equal values of the type always look the same.
bool has_one_form(data::Type type);

/// Equal values of both types look the same. Both have the same TypeId.
bool share_one_form(data::Type a, data::Type b);

/// The columns of the tree (its own and free ones) whose form can decide what it gives: the root's
/// columns and all that is used in other ways than to be compared or counted.
ColumnSet shown_columns(const NodeRef& root);

/// An expression that never fails and is equal for two values of the column only if they look the
/// same. For types without one form.
ExprRef form_of(const Column& column);

}  // namespace forebay::sql::plan
