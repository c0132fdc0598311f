#include "sql/planner.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/operators/projected_relation.h"
#include "sql/binder/binder.h"
#include "sql/lowering/lowering.h"
#include "sql/plan/expressions.h"

namespace forebay::sql {

using catalog::CatalogObject;
using catalog::ObjectKind;

const data::Schema* BoundStatement::result_schema() const {
  if (const auto* select = std::get_if<BoundSelect>(&what)) return &select->query.schema;
  auto of = [](const std::optional<Returning>& returning) {
    return returning ? &returning->schema : nullptr;
  };
  if (const auto* insert = std::get_if<BoundInsert>(&what)) return of(insert->returning);
  if (const auto* update = std::get_if<BoundUpdate>(&what)) return of(update->returning);
  if (const auto* erase = std::get_if<BoundDelete>(&what)) return of(erase->returning);
  static const data::Schema kExplain{{"QUERY PLAN", data::kTextType, false}};
  return std::holds_alternative<BoundExplain>(what) ||
                 std::holds_alternative<BoundExplainRunning>(what)
             ? &kExplain
             : nullptr;
}

Result<BoundStatement> bind(const ast::Statement& statement, const SnapshotRef& snapshot,
                            const BindOptions& options) {
  binder::Binder binder(snapshot, options);
  if (options.explain != nullptr) return binder.bind_explained(*options.explain, statement);
  return binder.bind_statement(statement);
}

Result<std::vector<ExprRef>> bind_arguments(const ast::Execute& execute,
                                            const std::vector<Type>& types,
                                            const SnapshotRef& snapshot,
                                            const BindOptions& options) {
  binder::Binder binder(snapshot, options);
  return binder.bind_arguments(execute, types);
}

Result<runtime::Fragment> lower_query(const PlannedQuery& query,
                                      std::span<const Datum> parameters) {
  FOREBAY_CHECK(query.plan != nullptr, "a query without a plan");
  if (query.parameter_types.empty()) return lowering::lower_private(query.plan);
  std::vector<Datum> values(parameters.begin(), parameters.end());
  FOREBAY_CHECK(values.size() == query.parameter_types.size(),
                fmt::format("{} parameters of {}", values.size(), query.parameter_types.size()));
  return lowering::lower_private(plan::map_expressions(
      query.plan, [&](const ExprRef& expr) { return expr::bind_parameters(expr, values); }));
}

namespace {

/// A relation of an object's rows, as the object is known.
operators::StoredRelationRef as_known(const CatalogObject& object,
                                      operators::StoredRelationRef relation) {
  if (relation == nullptr || object.choice.empty()) return relation;
  std::vector<uint32_t> keys = object.relation->key_columns();
  return operators::projected(std::move(relation), object.choice, std::move(keys));
}

plan::NodeRef replace_relations(
    const plan::NodeRef& node,
    const std::function<operators::StoredRelationRef(ObjectId)>& relation_of) {
  std::vector<plan::NodeRef> inputs;
  for (const plan::NodeRef& input : node->inputs) {
    inputs.push_back(replace_relations(input, relation_of));
  }
  if (node->kind != plan::NodeKind::kScan) return plan::with_inputs(node, std::move(inputs));
  const auto& scan = plan::as<plan::Scan>(*node);
  operators::StoredRelationRef relation = as_known(*scan.object, relation_of(scan.object->id));
  if (relation == nullptr) return node;
  auto object = std::make_shared<CatalogObject>(*scan.object);
  object->relation = std::move(relation);
  auto copy = std::make_shared<plan::Scan>(scan);
  copy->object = std::move(object);
  copy->index.reset();  // it doesn't know the other relation's rows
  return copy;
}

}  // namespace

PlannedQuery with_relations(
    const PlannedQuery& query,
    const std::function<operators::StoredRelationRef(ObjectId)>& relation_of) {
  PlannedQuery out = query;
  if (out.plan != nullptr) out.plan = replace_relations(out.plan, relation_of);
  if (out.point) {
    if (auto relation = as_known(*out.point->scanned, relation_of(out.point->object))) {
      out.point->relation = std::move(relation);
    }
  }
  return out;
}

}  // namespace forebay::sql
