#pragma once

#include <string>
#include <vector>

#include "sql/planner.h"

/// EXPLAIN: the optimised plan, with the exchanges between workers and how the rows are kept.
namespace forebay::sql::explain {

/// `object`: the view that is to be created, or nullptr for a query.
Result<std::vector<std::string>> explain_plan(const plan::NodeRef& plan,
                                              const catalog::CatalogObject* object);
/// A read by key, without a circuit.
std::vector<std::string> explain_point(const PlannedQuery& query);

}  // namespace forebay::sql::explain
