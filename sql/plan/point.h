#pragma once

#include <optional>

#include "sql/plan/node.h"
#include "sql/planner.h"

/// Reads by key: filters that fix all key columns of a stored relation.
namespace forebay::sql::plan {

/// The plan as a point plan, when it is a projection over a filter over one stored relation whose
/// key columns are all equal to constants or parameters.
std::optional<PointPlan> find_point_plan(const NodeRef& plan);

/// The constant that a column of `type` is compared with by `side`, the column or a cast of it, as
/// a value of exactly that type; nullptr when it is not sure to be one.
ExprRef as_key_value(const ExprRef& constant, const ExprRef& side, Type type);

/// Scans below filters that compare indexed columns with constants read through the best index; the
/// filters stay. `indexes_of` gives the indexes of an object.
NodeRef read_by_index(
    const NodeRef& plan,
    const std::function<std::vector<CatalogObjectRef>(data::ObjectId)>& indexes_of);

/// Scans below filters that fix their keys read just those rows.
NodeRef read_by_key(const NodeRef& plan);

}  // namespace forebay::sql::plan
