#pragma once

#include <optional>

#include "sql/plan/node.h"
#include "sql/planner.h"

/// Reads by key: filters that fix all key columns of a stored relation.
namespace forebay::sql::plan {

/// The plan as a point plan, when it is a projection over a filter over one stored relation whose
/// key columns are all equal to constants or parameters.
std::optional<PointPlan> find_point_plan(const NodeRef& plan);

/// Scans below filters that fix their keys read just those rows.
NodeRef read_by_key(const NodeRef& plan);

}  // namespace forebay::sql::plan
