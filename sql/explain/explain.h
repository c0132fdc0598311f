#pragma once

#include <string>
#include <vector>

#include "sql/explain/growth.h"
#include "sql/planner.h"

/// EXPLAIN: the optimised plan, with the exchanges between workers and how the rows are kept.
namespace forebay::sql::explain {

/// `object`: the view that is to be created, or nullptr for a query.
Result<std::vector<std::string>> explain_plan(const plan::NodeRef& plan,
                                              const catalog::CatalogObject* object);
/// A read by key, without a circuit.
std::vector<std::string> explain_point(const PlannedQuery& query);

/// EXPLAIN (STATE): a line per operator that keeps something: its key, what bounds it, and how it
/// grows (growth.h) as far as `rate_of` tells.
std::vector<std::string> explain_state(const plan::NodeRef& plan,
                                       const catalog::CatalogObject& object,
                                       const catalog::CatalogSnapshot& catalog,
                                       const RateOf& rate_of);
/// Those lines of operators that nothing bounds.
std::vector<std::string> unbounded_state(const plan::NodeRef& plan,
                                         const catalog::CatalogSnapshot& catalog);

}  // namespace forebay::sql::explain
