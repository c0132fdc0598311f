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
/// What CREATE tells of `name`: a text per operator that nothing bounds and that reads a source
/// which does not end, or has a watermark. What tables and views keep bounds what is above them.
void add_state_notices(const plan::NodeRef& plan, std::string_view name,
                       const catalog::CatalogSnapshot& catalog, std::vector<std::string>& notices);

}  // namespace forebay::sql::explain
