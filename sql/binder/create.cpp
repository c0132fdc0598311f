#include <fmt/format.h>

#include <algorithm>

#include "sql/ast/print.h"
#include "sql/binder/binder.h"
#include "sql/binder/flink_options.h"
#include "sql/binder/view_shape.h"
#include "sql/binder/watermark.h"
#include "sql/explain/explain.h"
#include "sql/parser/parser.h"
#include "sql/plan/watermarks.h"
#include "sql/rules/rules.h"

/// CREATE SOURCE, TABLE, VIEW, MATERIALIZED VIEW.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using catalog::CatalogObject;
using catalog::ObjectKind;

std::shared_ptr<CatalogObject> Binder::new_object(ObjectKind kind, const std::string& schema,
                                                  const std::string& name) const {
  auto object = std::make_shared<CatalogObject>();
  object->kind = kind;
  object->schema = schema;
  object->name = name;
  object->definition = options_.text;
  object->search_path = options_.search_path;
  return object;
}

Result<bool> Binder::check_new_name(const std::string& schema, const std::string& name,
                                    int32_t position, bool if_not_exists,
                                    std::vector<std::string>& notices) const {
  if (!snapshot_->find(schema, name)) return false;
  if (!if_not_exists) {
    return error(state::kDuplicateTable, fmt::format("relation \"{}\" already exists", name),
                 position);
  }
  notices.push_back(fmt::format("relation \"{}\" already exists, skipping", name));
  return true;
}

Status Binder::bind_default(const ast::ColumnDef& column, const data::Field& field,
                            std::string* text) {
  Scope empty;
  ExprContext context{&empty, Clause::kDefault, nullptr, nullptr};
  const ast::Expr& value = *column.default_value;
  auto bound = bind(value, context);
  if (!bound.is_ok()) {
    if (bound.error().sqlstate == state::kUndefinedColumn) {
      return error(state::kFeatureNotSupported, "cannot use column reference in DEFAULT expression",
                   bound.error().position);
    }
    return bound.take_status();
  }
  FOREBAY_ASSIGN_OR_RETURN(ExprRef cast, coerce(*bound, field.type, Coercion::kAssignment));
  if (!cast) {
    return error(
               state::kDatatypeMismatch,
               fmt::format("column \"{}\" is of type {} but default expression is of type {}",
                           field.name, Type{field.type.id}.name(), Type{(*bound)->type.id}.name()),
               value.position)
        .with_hint("You will need to rewrite or cast the expression.");
  }
  *text = ast::to_sql(value);
  return Status::ok();
}

Status Binder::bind_table_column(const ast::ColumnDef& column, CatalogObject& object,
                                 bool for_source) {
  const char* what = for_source ? "sources" : "tables";
  for (const data::Field& other : object.columns) {
    if (other.name == column.name) {
      return error(state::kDuplicateColumn,
                   fmt::format("column \"{}\" specified more than once", column.name),
                   column.position);
    }
  }
  if (column.name == "_row_id") {
    return error(state::kInvalidName, "column name \"_row_id\" is reserved", column.position);
  }
  // Without a type it has that of its expression, which is bound when all columns are known.
  Type type = data::kTextType;
  if (!column.type.names.empty()) {
    FOREBAY_ASSIGN_OR_RETURN(type, resolve_type(column.type));
  }
  if (column.is_metadata && !for_source) {
    return unsupported("METADATA of a table without a connector is", column.metadata_position,
                       "Leave it out.");
  }
  if (!column.others.empty()) {
    return unsupported(fmt::format("{} in {} is", column.others[0].what, what),
                       column.others[0].position, "Leave it out.");
  }
  data::Field field{column.name, type, column.not_null || column.primary_key};
  object.columns.push_back(field);
  if (column.comment) {
    object.comments[static_cast<uint32_t>(object.columns.size())] = *column.comment;
  }
  std::string text;
  if (column.default_value && column.generated) {
    return error(
        state::kSyntaxError,
        fmt::format("both default and generation expression specified for column \"{}\" of table "
                    "\"{}\"",
                    column.name, object.name),
        column.position);
  }
  if (column.default_value) {
    if (for_source) {
      return unsupported("DEFAULT in sources is", column.default_value->position,
                         "Use COALESCE in the view that reads the source.");
    }
    FOREBAY_RETURN_IF_ERROR(bind_default(column, field, &text));
  }
  object.defaults.push_back(std::move(text));
  return Status::ok();
}

Status Binder::bind_columns(const ast::RelationDef& definition, CatalogObject& object,
                            bool for_source) {
  const char* what = for_source ? "sources" : "tables";
  for (const ast::ColumnDef& column : definition.columns) {
    FOREBAY_RETURN_IF_ERROR(bind_table_column(column, object, for_source));
  }
  if (definition.comment) object.comments[0] = *definition.comment;
  if (!definition.others.empty()) {
    return unsupported(fmt::format("{} in {} is", definition.others[0].what, what),
                       definition.others[0].position, "Leave it out.");
  }
  if (definition.on_error.action != ast::OnErrorAction::kUnset) {
    if (!for_source) {
      return unsupported("ON ERROR of a table without a connector is", definition.on_error.position,
                         "Leave it out: a statement whose row fails changes nothing.");
    }
    FOREBAY_ASSIGN_OR_RETURN(object.on_error, bind_on_error(definition.on_error));
  }
  if (definition.temporary) {
    return unsupported("temporary relations are", definition.name.position, "Leave TEMPORARY out.");
  }
  return Status::ok();
}

Result<operators::ErrorPolicy> Binder::bind_on_error(const ast::OnError& clause) {
  switch (clause.action) {
    case ast::OnErrorAction::kSkip:
      return operators::ErrorPolicy::kSkip;
    case ast::OnErrorAction::kFail:
      return operators::ErrorPolicy::kFail;
    case ast::OnErrorAction::kInto:
      return unsupported("ON ERROR INTO is", clause.position,
                         "Leave it out: what fails is kept in forebay.errors.");
    case ast::OnErrorAction::kUnset:
      break;
  }
  return operators::ErrorPolicy::kKeep;
}

Status Binder::bind_key(const ast::RelationDef& definition, CatalogObject& object) {
  int32_t first_position = 0;
  for (uint32_t i = 0; i < definition.columns.size(); ++i) {
    if (!definition.columns[i].primary_key) continue;
    if (object.declared_key) {
      return error(
          state::kInvalidTableDefinition,
          fmt::format("multiple primary keys for table \"{}\" are not allowed", object.name),
          definition.columns[i].primary_key_position);
    }
    object.declared_key = true;
    object.key_columns = {i};
    first_position = definition.columns[i].primary_key_position;
  }
  for (const ast::KeyConstraint& key : definition.primary_keys) {
    if (object.declared_key) {
      return error(
          state::kInvalidTableDefinition,
          fmt::format("multiple primary keys for table \"{}\" are not allowed", object.name),
          std::max(first_position, key.position));
    }
    object.declared_key = true;
    for (const ast::NameAt& name : key.columns) {
      uint32_t at = 0;
      while (at < object.columns.size() && object.columns[at].name != name.name) ++at;
      if (at == object.columns.size()) {
        return error(state::kUndefinedColumn,
                     fmt::format("column \"{}\" named in key does not exist", name.name),
                     name.position);
      }
      if (std::find(object.key_columns.begin(), object.key_columns.end(), at) !=
          object.key_columns.end()) {
        return error(
            state::kDuplicateColumn,
            fmt::format("column \"{}\" appears twice in primary key constraint", name.name),
            name.position);
      }
      object.key_columns.push_back(at);
      object.columns[at].not_null = true;
    }
  }
  object.has_key = true;
  if (!object.declared_key) {
    object.key_columns = {static_cast<uint32_t>(object.columns.size())};
    object.hidden_columns = {{"_row_id", data::kBigintType, true}};
  }
  object.unique_keys = {object.key_columns};
  return Status::ok();
}

namespace {

bool has_key(const ast::RelationDef& definition) {
  return !definition.primary_keys.empty() ||
         std::any_of(definition.columns.begin(), definition.columns.end(),
                     [](const ast::ColumnDef& column) { return column.primary_key; });
}

}  // namespace

/// Clauses of tables that keep rows.
Status Binder::check_source_clauses(const ast::RelationDef& definition) const {
  if (definition.append_only) {
    return unsupported("APPEND ONLY in sources is", definition.append_only_position,
                       "Leave it out: a source's rows never change.");
  }
  if (definition.on_conflict == ast::TableConflict::kUnset) return Status::ok();
  return error(state::kInvalidTableDefinition, "ON CONFLICT needs a PRIMARY KEY",
               definition.on_conflict_position);
}

Result<BoundCreate> Binder::bind_create_table(const ast::CreateTable& create,
                                              std::vector<std::string>& notices) {
  const ast::RelationDef& definition = create.definition;
  BoundCreate out;
  FOREBAY_ASSIGN_OR_RETURN(auto name, new_name(definition.name));
  FOREBAY_ASSIGN_OR_RETURN(out.exists_already,
                           check_new_name(name.first, name.second, definition.name.position,
                                          definition.if_not_exists, notices));
  if (out.exists_already) return out;
  if (create.query) {
    return unsupported(
        "CREATE TABLE ... AS is", create.query->position,
        "Use CREATE TABLE, then INSERT INTO ... SELECT; or CREATE MATERIALIZED VIEW, which "
        "stays fresh.");
  }
  const bool has_connector = definition.format || !definition.includes.empty() ||
                             (definition.has_options && !has_only_watermark_options(definition));
  auto object = new_object(ObjectKind::kTable, name.first, name.second);
  // Flink's table without a key is what a source is here: it keeps no rows.
  if (has_connector && is_flink_spelling(definition, false)) {
    FOREBAY_RETURN_IF_ERROR(check_repeated(definition.options));
    std::vector<std::string> again;
    FOREBAY_ASSIGN_OR_RETURN(const FlinkConnector flink, read_flink_options(definition, again));
    if (flink.is_sink) return bind_sink_table(definition, std::move(object), notices);
    if (!has_key(definition)) {
      object->made_as_table = true;
      FOREBAY_RETURN_IF_ERROR(check_source_clauses(definition));
      return finish_source(definition, std::move(object), notices);
    }
  }
  FOREBAY_RETURN_IF_ERROR(bind_columns(definition, *object, has_connector));
  FOREBAY_RETURN_IF_ERROR(bind_key(definition, *object));
  object->append_only = definition.append_only;
  if (definition.append_only && has_connector) {
    return unsupported("APPEND ONLY in tables with a connector is", definition.append_only_position,
                       "Leave it out: without a key such a table only grows.");
  }
  if (definition.append_only && definition.on_conflict == ast::TableConflict::kOverwrite) {
    return error(state::kInvalidTableDefinition, "an append-only table cannot overwrite rows",
                 definition.on_conflict_position);
  }
  if (definition.on_conflict != ast::TableConflict::kUnset) {
    if (!object->declared_key) {
      return error(state::kInvalidTableDefinition, "ON CONFLICT needs a PRIMARY KEY",
                   definition.on_conflict_position);
    }
    object->on_conflict = definition.on_conflict == ast::TableConflict::kOverwrite
                              ? CatalogObject::Conflict::kOverwrite
                              : CatalogObject::Conflict::kIgnore;
  }
  if (has_connector) return bind_connector_table(definition, std::move(object), notices);
  FOREBAY_RETURN_IF_ERROR(bind_generated(definition, *object));
  FOREBAY_RETURN_IF_ERROR(bind_watermark(definition, *object));
  out.object = std::move(object);
  out.catalog = snapshot_;
  return out;
}

Result<BoundCreate> Binder::bind_create_source(const ast::CreateSource& create,
                                               std::vector<std::string>& notices) {
  const ast::RelationDef& definition = create.definition;
  BoundCreate out;
  FOREBAY_ASSIGN_OR_RETURN(auto name, new_name(definition.name));
  FOREBAY_ASSIGN_OR_RETURN(out.exists_already,
                           check_new_name(name.first, name.second, definition.name.position,
                                          definition.if_not_exists, notices));
  if (out.exists_already) return out;
  auto object = new_object(ObjectKind::kSource, name.first, name.second);
  object->append_only = true;
  for (const ast::ColumnDef& column : definition.columns) {
    if (column.primary_key) {
      return unsupported("PRIMARY KEY in sources is", column.primary_key_position,
                         "Group by the key in a view, or use a table.");
    }
  }
  if (!definition.primary_keys.empty()) {
    return unsupported("PRIMARY KEY in sources is", definition.primary_keys[0].position,
                       "Group by the key in a view, or use a table.");
  }
  return finish_source(definition, std::move(object), notices);
}

Result<BoundCreate> Binder::bind_create_view(const ast::CreateView& create,
                                             std::vector<std::string>& notices) {
  BoundCreate out;
  FOREBAY_ASSIGN_OR_RETURN(auto name, new_name(create.name));
  if (create.or_replace) {
    return unsupported("CREATE OR REPLACE VIEW is", create.name.position,
                       "DROP VIEW, then CREATE VIEW.");
  }
  FOREBAY_ASSIGN_OR_RETURN(
      out.exists_already,
      check_new_name(name.first, name.second, create.name.position, create.if_not_exists, notices));
  if (out.exists_already) return out;
  if (create.temporary) {
    return unsupported("temporary views are", create.name.position, "Leave TEMPORARY out.");
  }
  FOREBAY_RETURN_IF_ERROR(bind_view_options(create));
  operators::ErrorPolicy on_error = operators::ErrorPolicy::kKeep;
  if (create.on_error.action != ast::OnErrorAction::kUnset) {
    if (!create.materialized) {
      return unsupported("ON ERROR of a view that keeps no rows is", create.on_error.position,
                         "CREATE MATERIALIZED VIEW.");
    }
    FOREBAY_ASSIGN_OR_RETURN(on_error, bind_on_error(create.on_error));
  }
  if (create.emit_on_window_close && !create.materialized) {
    return unsupported("EMIT ON WINDOW CLOSE of a view that keeps no rows is", create.emit_position,
                       "CREATE MATERIALIZED VIEW.");
  }
  const bool keeps_late = !create.late_into.parts.empty();
  if (keeps_late && !create.materialized) {
    return unsupported("EMIT LATE INTO of a view that keeps no rows is", create.late_into.position,
                       "CREATE MATERIALIZED VIEW.");
  }
  auto object = new_object(create.materialized ? ObjectKind::kMaterializedView : ObjectKind::kView,
                           name.first, name.second);
  object->query_text = ast::to_sql(*create.query);
  object->on_error = on_error;
  materialized_ = create.materialized;
  defines_view_ = !create.materialized;
  FOREBAY_ASSIGN_OR_RETURN(QueryPlan bound, bind_query(*create.query, nullptr));
  FOREBAY_ASSIGN_OR_RETURN(bound, settle_outputs(std::move(bound)));
  if (ttl_us_ > 0) FOREBAY_RETURN_IF_ERROR(check_lives(create, bound.plan));
  if (!parameters_.empty()) {
    return error(state::kUndefinedParameter, "there is no parameter $1", create.query->position);
  }
  if (create.columns.size() > bound.columns.size()) {
    return error(state::kSyntaxError, "CREATE VIEW specifies more column names than columns",
                 create.columns.back().position);
  }
  Columns visible;
  for (size_t i = 0; i < bound.columns.size(); ++i) {
    if (i < create.columns.size()) bound.columns[i].name = create.columns[i].name;
    const std::string& column = bound.columns[i].name;
    for (const data::Field& other : object->columns) {
      if (other.name != column) continue;
      int32_t position =
          i < create.columns.size() ? create.columns[i].position : create.query->position;
      return error(state::kDuplicateColumn,
                   fmt::format("column \"{}\" specified more than once", column), position)
          .with_hint(i < create.columns.size() ? "" : "Give one of them another name with AS.");
    }
    visible.push_back(bound.columns[i].column);
    visible.back().name = column;
    object->columns.push_back({column, visible.back().type, false});
  }
  object->dependencies = dependencies_;
  if (create.materialized) {
    if (visible.empty()) {
      return unsupported("a materialized view without columns is", create.name.position,
                         "Select at least one column.");
    }
    NodeRef plan = rules::optimize(plan::make_narrow(bound.plan, visible), columns_, !keeps_late);
    plan = plan::make_narrow(plan::bound_groups(plan, create.emit_on_window_close), visible);
    if (create.emit_on_window_close) {
      Result<NodeRef> closed = plan::close_windows(plan, columns_);
      if (!closed.is_ok()) return closed.take_status().at(create.emit_position);
      plan = std::move(closed).value();
    }
    plan = shape_view(std::move(plan), columns_, *object);
    const Columns stored = plan->columns;
    plan = rules::merge_projections(rules::prune_columns(plan, plan::column_set(stored)));
    out.plan = plan::make_narrow(std::move(plan), stored);
    if (keeps_late) {  // looks for what drops rows operator by operator
      FOREBAY_RETURN_IF_ERROR(bind_late_into(create, *object, out));
    } else {
      out.plan = rules::share_common(out.plan);
    }
    if (ttl_us_ == 0) explain::add_state_notices(out.plan, object->name, *snapshot_, notices);
  }
  out.object = std::move(object);
  out.catalog = snapshot_;
  return out;
}

}  // namespace forebay::sql::binder
