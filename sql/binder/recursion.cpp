#include <algorithm>

#include "sql/ast/clone.h"
#include "sql/binder/binder.h"

/// WITH RECURSIVE over the catalog of types, by which drivers look types up (asyncpg): an array's
/// element, a domain's base. There are no types of types of types here, so that two steps of
/// recursion reach the end, and the recursion is unrolled; the statement fails (0A000) when a third
/// step gives a row. Any other one is refused.
namespace forebay::sql::binder {

namespace {

/// The first step finds elements, the second one finds that they have none.
constexpr int kSteps = 2;
/// Fails for every row.
constexpr const char* kEndFunction = "recursion_ended";

/// Replaces references to `name` in FROM by copies of `query`; gives the position of one, or -1.
int32_t substitute(ast::TableRefPtr& ref, const ast::CommonTable& cte, const ast::Query& query) {
  if (ref->kind == ast::TableRefKind::kJoin) {
    auto& join = ast::as<ast::JoinTable>(*ref);
    return std::max(substitute(join.left, cte, query), substitute(join.right, cte, query));
  }
  if (ref->kind != ast::TableRefKind::kTable) return -1;
  const auto& table = ast::as<ast::NamedTable>(*ref);
  if (table.name.size() != 1 || table.name[0] != cte.name) return -1;
  auto copy = std::make_unique<ast::SubqueryTable>(table.position);
  copy->alias.name = table.alias.name.empty() ? cte.name : table.alias.name;
  copy->alias.columns = table.alias.columns.empty() ? cte.columns : table.alias.columns;
  copy->query = ast::clone(query);
  const int32_t position = table.position;
  ref = std::move(copy);
  return position;
}

ast::QueryPtr union_all(ast::QueryPtr left, ast::QueryPtr right) {
  auto both = std::make_unique<ast::Query>();
  both->position = left->position;
  both->kind = ast::QueryKind::kSetOperation;
  both->set_all = true;
  both->left = std::move(left);
  both->right = std::move(right);
  return both;
}

/// SELECT * FROM (query) WHERE recursion_ended(): what must have no rows.
ast::QueryPtr without_rows(ast::QueryPtr query) {
  const int32_t position = query->position;
  auto rows = std::make_unique<ast::SubqueryTable>(position);
  rows->alias.name = "step";
  rows->query = std::move(query);
  auto end = std::make_unique<ast::Function>(position);
  end->name = {"pg_catalog", kEndFunction};
  auto out = std::make_unique<ast::Query>();
  out->position = position;
  out->select = std::make_unique<ast::Select>();
  out->select->position = position;
  out->select->items.push_back({std::make_unique<ast::Star>(position), ""});
  out->select->from.push_back(std::move(rows));
  out->select->where = std::move(end);
  return out;
}

/// `first UNION ALL step(first) UNION ALL step(step(first))` and what must be empty; null when the
/// query does not have this form. `position`: of a reference to itself.
ast::QueryPtr unrolled(const ast::CommonTable& cte, int32_t& position) {
  const ast::Query& query = *cte.query;
  const bool recursive_form = query.kind == ast::QueryKind::kSetOperation &&
                              query.set_operator == ast::SetOperator::kUnion && query.set_all &&
                              query.right->kind == ast::QueryKind::kSelect &&
                              query.order_by.empty() && !query.limit;
  if (!recursive_form) return nullptr;
  ast::QueryPtr sum = ast::clone(*query.left);
  ast::QueryPtr before = ast::clone(*query.left);
  for (int step = 0; step <= kSteps; ++step) {
    ast::QueryPtr next = ast::clone(*query.right);
    int32_t found = -1;
    for (ast::TableRefPtr& ref : next->select->from) {
      found = std::max(found, substitute(ref, cte, *before));
    }
    if (found < 0) return nullptr;
    position = found;
    ast::QueryPtr part = ast::clone(*next);
    if (step == kSteps) part = without_rows(std::move(part));
    sum = union_all(std::move(sum), std::move(part));
    before = std::move(next);
  }
  return sum;
}

/// True when all that is read are system tables, pg_type among them.
void find_scans(const plan::Node& node, bool& types, bool& others) {
  if (node.kind == plan::NodeKind::kScan) {
    const catalog::CatalogObject& object = *plan::as<plan::Scan>(node).object;
    const bool system = object.kind == catalog::ObjectKind::kVirtual;
    types |= system && object.name == "pg_type";
    others |= !system;
  }
  for (const NodeRef& input : node.inputs) find_scans(*input, types, others);
}

}  // namespace

Result<std::optional<QueryPlan>> Binder::bind_recursive(const ast::Query& query, const Scope* outer,
                                                        bool keep_unknown) {
  ast::QueryPtr flat;
  int32_t position = 0;
  for (size_t i = 0; i < query.with.size(); ++i) {
    ast::QueryPtr one = unrolled(query.with[i], position);
    if (one == nullptr) continue;
    if (flat == nullptr) flat = ast::clone(query);
    flat->with[i].query = std::move(one);
  }
  if (flat == nullptr) return std::optional<QueryPlan>();
  flat->recursive = false;
  auto bound = bind_query(*flat, outer, keep_unknown);
  bool types = false, others = false;
  if (bound.is_ok()) find_scans(*bound->plan, types, others);
  if (!types || others) {
    return unsupported("WITH RECURSIVE is", position, "Write the steps as separate views.");
  }
  return std::optional<QueryPlan>(std::move(*bound));
}

}  // namespace forebay::sql::binder
