#include "sql/planner.h"

#include <fmt/format.h>

#include <algorithm>

#include "sql/binder/binder.h"
#include "sql/catalog/record.h"
#include "sql/lowering/lowering.h"
#include "sql/parser/parser.h"
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
  return std::holds_alternative<BoundExplain>(what) ? &kExplain : nullptr;
}

Result<BoundStatement> bind(const ast::Statement& statement, const SnapshotRef& snapshot,
                            const BindOptions& options) {
  binder::Binder binder(snapshot, options);
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

plan::NodeRef replace_relations(
    const plan::NodeRef& node,
    const std::function<operators::StoredRelationRef(ObjectId)>& relation_of) {
  std::vector<plan::NodeRef> inputs;
  for (const plan::NodeRef& input : node->inputs) {
    inputs.push_back(replace_relations(input, relation_of));
  }
  if (node->kind != plan::NodeKind::kScan) return plan::with_inputs(node, std::move(inputs));
  const auto& scan = plan::as<plan::Scan>(*node);
  operators::StoredRelationRef relation = relation_of(scan.object->id);
  if (relation == nullptr) return node;
  auto object = std::make_shared<CatalogObject>(*scan.object);
  object->relation = std::move(relation);
  auto copy = std::make_shared<plan::Scan>(scan);
  copy->object = std::move(object);
  return copy;
}

}  // namespace

PlannedQuery with_relations(
    const PlannedQuery& query,
    const std::function<operators::StoredRelationRef(ObjectId)>& relation_of) {
  PlannedQuery out = query;
  if (out.plan != nullptr) out.plan = replace_relations(out.plan, relation_of);
  if (out.point) {
    if (auto relation = relation_of(out.point->object)) out.point->relation = std::move(relation);
  }
  return out;
}

namespace {

/// Lowers what runs; gives the object its relation and tables.
Result<std::optional<runtime::Fragment>> lower_object(const BoundCreate& create,
                                                      CatalogObject& object,
                                                      const std::function<TableId()>& next_table) {
  std::optional<runtime::Fragment> fragment;
  auto take_table = [&] {
    object.tables.push_back(next_table());
    return object.tables.back();
  };
  if (object.kind == ObjectKind::kTable && object.connector == nullptr) {
    fragment = lowering::lower_table(object.stored_columns(), object.key_columns, take_table);
  } else if (object.is_stored()) {
    FOREBAY_ASSIGN_OR_RETURN(fragment, lowering::lower_view(create.plan, object.key_columns,
                                                            object.has_key, take_table));
  }
  if (fragment) {
    for (runtime::CircuitNode& node : fragment->nodes) {
      // A table's own source has no number but the table's.
      auto* source = std::get_if<runtime::SourceInput>(&node.what);
      if (source == nullptr || object.connector == nullptr) continue;
      source->source = object.id;
      source->on_error = object.on_error;
    }
    if (object.connector == nullptr) fragment->on_error = object.on_error;
    fragment->object = object.id;
    fragment->name = object.name;
    object.relation = fragment->relation;
  }
  return fragment;
}

}  // namespace

runtime::CatalogRecord record_of(const CatalogObject& object) {
  catalog::StoredObject record;
  record.kind = object.kind;
  record.id = object.id;
  record.schema = object.schema;
  record.name = object.name;
  record.definition = object.definition;
  record.search_path = object.search_path;
  record.tables = object.tables;
  record.fingerprint = object.fingerprint;
  record.comments = object.comments;
  return {object.id, catalog::encode_record(record)};
}

Result<NewObject> build_object(const BoundCreate& create, IdSource& ids) {
  auto object = std::make_shared<CatalogObject>(*create.object);
  object->id = ids.object();
  NewObject out;
  FOREBAY_ASSIGN_OR_RETURN(out.fragment,
                           lower_object(create, *object, [&] { return ids.table(); }));
  object->fingerprint = out.fragment ? lowering::fingerprint(*out.fragment) : 0;
  out.record = record_of(*object);
  out.object = std::move(object);
  return out;
}

namespace {

Status cannot_open(const catalog::StoredObject& record, data::Error why) {
  return Status(
      data::Error{.sqlstate = data::sqlstate::kNotInPrerequisiteState,
                  .fault = data::Fault::kEnvironment,
                  .message = fmt::format("{} \"{}\" cannot be opened: {}",
                                         catalog::kind_name(record.kind), record.name, why.message),
                  .detail = fmt::format("Its definition is: {}", record.definition),
                  .hint = "Start the version of the program that made it."});
}

/// Opens one object on top of those that it reads.
Status open_object(const catalog::StoredObject& record, const BindOptions& options,
                   OpenedCatalog& opened) {
  auto parsed = parse_statements(record.definition);
  if (!parsed.is_ok()) return cannot_open(record, parsed.error());
  if (parsed->size() != 1)
    return cannot_open(record, {.message = "its definition is not one statement"});
  BindOptions own = options;
  own.text = record.definition;
  own.search_path = record.search_path;
  own.parameter_types.clear();
  auto bound = sql::bind(*(*parsed)[0].statement, opened.snapshot, own);
  if (!bound.is_ok()) return cannot_open(record, bound.error());
  const auto* create = std::get_if<BoundCreate>(&bound->what);
  if (create == nullptr || create->object == nullptr) {
    return cannot_open(record, {.message = "its definition creates nothing"});
  }
  auto object = std::make_shared<CatalogObject>(*create->object);
  object->id = record.id;
  object->fingerprint = record.fingerprint;
  object->comments = record.comments;
  size_t used = 0;
  bool enough = true;
  auto next_table = [&] {
    enough = used < record.tables.size();
    return enough ? record.tables[used++] : TableId(0);
  };
  auto fragment = lower_object(*create, *object, next_table);
  if (!fragment.is_ok()) return cannot_open(record, fragment.error());
  const uint64_t fingerprint = *fragment ? lowering::fingerprint(**fragment) : 0;
  if (!enough || used != record.tables.size() || fingerprint != record.fingerprint ||
      object->name != record.name || object->kind != record.kind) {
    return cannot_open(record, {.message = "this program would keep its state in another form"});
  }
  if (*fragment) opened.fragments.push_back(std::move(**fragment));
  opened.snapshot = opened.snapshot->with(std::move(object));
  return Status::ok();
}

}  // namespace

Result<OpenedCatalog> open_catalog(std::span<const runtime::CatalogRecord> records,
                                   SnapshotRef base, const BindOptions& options) {
  OpenedCatalog opened;
  opened.snapshot = std::move(base);
  std::vector<catalog::StoredObject> stored;
  for (const runtime::CatalogRecord& record : records) {
    FOREBAY_ASSIGN_OR_RETURN(catalog::StoredObject object, catalog::decode_record(record.bytes));
    stored.push_back(std::move(object));
  }
  // Numbers grow: what an object reads is older than itself.
  std::sort(stored.begin(), stored.end(),
            [](const auto& a, const auto& b) { return a.id.value < b.id.value; });
  for (const catalog::StoredObject& record : stored) {
    FOREBAY_RETURN_IF_ERROR(open_object(record, options, opened));
  }
  return opened;
}

}  // namespace forebay::sql
