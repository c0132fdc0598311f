// Tables of Flink's whose connector takes rows, and INSERT INTO them: a sink that goes on.

#include <fmt/format.h>

#include <algorithm>

#include "connectors/sink.h"
#include "sql/ast/print.h"
#include "sql/binder/binder.h"
#include "sql/binder/flink_options.h"
#include "sql/explain/explain.h"

namespace forebay::sql::binder {

namespace state = data::sqlstate;
using catalog::CatalogObject;
using catalog::ObjectKind;

Result<BoundCreate> Binder::bind_sink_table(const ast::RelationDef& definition,
                                            std::shared_ptr<CatalogObject> object,
                                            std::vector<std::string>& notices) {
  object->kind = ObjectKind::kSinkTable;
  FOREBAY_ASSIGN_OR_RETURN(FlinkConnector flink, read_flink_options(definition, notices));
  FOREBAY_RETURN_IF_ERROR(check_source_clauses(definition));
  for (const ast::ColumnDef& column : definition.columns) {
    if (column.generated != nullptr || column.is_metadata) {
      return unsupported("a computed or METADATA column of a table that is a sink is",
                         column.position, "Leave it out, or compute it in the query.");
    }
    if (column.not_null || column.default_value != nullptr) {
      return unsupported("NOT NULL and DEFAULT in a table that is a sink are", column.position,
                         "Leave it out: what the query gives is delivered as it is.");
    }
  }
  if (!definition.watermarks.empty()) {
    return unsupported("a WATERMARK of a table that is a sink is",
                       definition.watermarks[0].position, "Declare it where the rows come from.");
  }
  if (definition.on_error.action != ast::OnErrorAction::kUnset) {
    return unsupported("ON ERROR of a table that is a sink is", definition.on_error.position,
                       "Leave it out: rows that fail are kept in forebay.errors.");
  }
  FOREBAY_RETURN_IF_ERROR(bind_columns(definition, *object, false));
  FOREBAY_RETURN_IF_ERROR(bind_key(definition, *object));
  // Not enforced: only what it names is checked.
  object->hidden_columns.clear();
  object->key_columns.clear();
  object->unique_keys.clear();
  object->declared_key = object->has_key = false;
  for (data::Field& field : object->columns) field.not_null = false;
  if (object->columns.empty()) {
    return error(state::kInvalidTableDefinition,
                 fmt::format("table \"{}\" has no columns", object->name),
                 definition.name.position);
  }
  object->sink_options = std::move(flink.options);
  connectors::SinkSpec spec;
  spec.name = object->name;
  spec.schema = object->columns;
  spec.options = object->sink_options;
  Status status = connectors::check_sink(spec);
  if (!status.is_ok()) return std::move(status).at(definition.name.position);
  BoundCreate out;
  out.object = std::move(object);
  out.catalog = snapshot_;
  return out;
}

Result<CatalogObjectRef> Binder::find_sink_table(const ast::QualifiedName& name) {
  FOREBAY_ASSIGN_OR_RETURN(CatalogObjectRef table, find_object(name.parts, name.position));
  if (table->kind == ObjectKind::kSinkTable) return table;
  if (table->kind == ObjectKind::kTable) {
    return unsupported("CREATE SINK ... INTO a table that keeps rows is", name.position,
                       "CREATE MATERIALIZED VIEW keeps the rows of a query.");
  }
  return error(state::kWrongObjectType,
               fmt::format("{} \"{}\" does not take rows", catalog::kind_name(table->kind),
                           table->name),
               name.position)
      .with_hint("INTO takes a table WITH ('connector' = 'blackhole').");
}

Result<BoundCreate> Binder::bind_sink_into(const CatalogObjectRef& table,
                                           const std::vector<ast::NameAt>& columns,
                                           const ast::Query& query,
                                           std::shared_ptr<CatalogObject> object, int32_t position,
                                           std::optional<int32_t> on_close) {
  materialized_ = true;
  BoundInsert rows_of;
  rows_of.table = table;
  FOREBAY_ASSIGN_OR_RETURN(std::vector<uint32_t> targets, target_columns(table, columns));
  QueryPlan rows;
  FOREBAY_RETURN_IF_ERROR(bind_insert_query(rows_of, query, targets, rows));
  if (!parameters_.empty()) {
    return error(state::kUndefinedParameter, "there is no parameter $1", query.position);
  }
  dependencies_.push_back(table->id);
  connectors::SinkSpec spec;
  spec.name = object->name;
  spec.options = table->sink_options;
  return finish_sink(std::move(rows), std::move(object), std::move(spec), position, on_close);
}

Result<std::optional<BoundCreate>> Binder::bind_insert_into_sink(
    const ast::Insert& insert, std::vector<std::string>& notices) {
  FOREBAY_ASSIGN_OR_RETURN(CatalogObjectRef table,
                           lookup_object(insert.table.parts, insert.table.position));
  if (table == nullptr || table->kind != ObjectKind::kSinkTable)
    return std::optional<BoundCreate>();
  if (insert.query == nullptr || insert.query->kind == ast::QueryKind::kValues) {
    return unsupported("INSERT ... VALUES into a table that is a sink is", insert.position,
                       "INSERT INTO it SELECT ... FROM a source, table or view.");
  }
  if (!insert.with.empty()) {
    return unsupported("WITH before INSERT INTO a table that is a sink is", insert.position,
                       "Write it before the SELECT.");
  }
  if (insert.query->kind == ast::QueryKind::kSelect) {
    const auto& items = insert.query->select->items;
    const bool has_star = std::any_of(items.begin(), items.end(), [](const ast::SelectItem& item) {
      return item.value->kind == ast::ExprKind::kStar;
    });
    if (!has_star && items.size() < insert.columns.size()) {
      return error(state::kSyntaxError, "INSERT has more target columns than expressions",
                   insert.columns[items.size()].position);
    }
  }
  if (insert.conflict != ast::ConflictAction::kNone || !insert.returning.empty() ||
      !insert.alias.empty()) {
    return unsupported("ON CONFLICT, RETURNING and an alias of a table that is a sink are",
                       insert.position, "Leave them out.");
  }
  auto object = std::make_shared<CatalogObject>();
  object->kind = ObjectKind::kSink;
  object->schema = table->schema;
  for (int number = 1; object->name.empty(); ++number) {
    std::string name = fmt::format("{}_{}", table->name, number);
    if (snapshot_->find(table->schema, name) == nullptr) object->name = std::move(name);
  }
  std::string columns;
  for (const ast::NameAt& column : insert.columns) {
    columns += (columns.empty() ? " (" : ", ") + ast::quote_identifier(column.name);
  }
  if (!columns.empty()) columns += ")";
  object->definition = fmt::format(
      "CREATE SINK {} INTO {}{} AS {}", ast::quote_name({object->schema, object->name}),
      ast::quote_name({table->schema, table->name}), columns, ast::to_sql(*insert.query));
  object->search_path = options_.search_path;
  notices.push_back(fmt::format("created sink \"{}\"", object->name));
  FOREBAY_ASSIGN_OR_RETURN(BoundCreate out,
                           bind_sink_into(table, insert.columns, *insert.query, std::move(object),
                                          insert.position, std::nullopt));
  explain::add_state_notices(out.plan, out.object->name, *snapshot_, notices);
  return std::optional<BoundCreate>(std::move(out));
}

}  // namespace forebay::sql::binder
