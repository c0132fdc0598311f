// Columns that are computed from others, and METADATA columns.

#include <fmt/format.h>

#include <algorithm>

#include "sql/ast/print.h"
#include "sql/binder/binder.h"
#include "sql/binder/flink_options.h"
#include "sql/plan/expressions.h"
#include "sql/plan/temporal.h"

namespace forebay::sql::binder {

namespace state = data::sqlstate;
using catalog::CatalogObject;
using catalog::ObjectKind;

namespace {

const data::SqlState kInvalidObjectDefinition("42P17");

/// `p AS PROCTIME()`.
bool is_proctime(const ast::Expr& value) {
  if (value.kind != ast::ExprKind::kFunction) return false;
  const auto& call = ast::as<ast::Function>(value);
  return call.name == std::vector<std::string>{"proctime"} && call.args.empty() && !call.star;
}

}  // namespace

Scope Binder::row_scope(const CatalogObject& object, const std::vector<bool>& hidden,
                        plan::Replacements& places) {
  Scope scope;
  ScopeRelation row;
  row.schema = object.schema;
  row.alias = object.name;
  for (uint32_t i = 0; i < object.columns.size(); ++i) {
    if (i < hidden.size() && hidden[i]) continue;
    const plan::Column column = columns_.make(object.columns[i].name, object.columns[i].type);
    row.columns.push_back({column.name, plan::column_ref(column)});
    places[column.id] = object.is_generated(i) ? object.generated[i] : expr::column(i, column.type);
  }
  scope.visible = row.columns;
  scope.relations.push_back(std::move(row));
  return scope;
}

Status Binder::bind_metadata_columns(const ast::RelationDef& definition,
                                     const std::vector<data::Field>& offered, CatalogObject& object,
                                     connectors::SourceSpec& spec) {
  object.generated.resize(object.columns.size());
  const std::string connector = spec.options.contains("connector") ? spec.options["connector"] : "";
  for (size_t i = 0; i < definition.columns.size(); ++i) {
    const ast::ColumnDef& column = definition.columns[i];
    const bool is_clock = column.generated != nullptr && is_proctime(*column.generated);
    if (!column.is_metadata && !is_clock) continue;
    data::Field& field = object.columns[i];
    data::Field given{"proctime", data::kTimestampTzType, true};
    if (!is_clock) {
      const std::string& key = column.metadata_key.empty() ? column.name : column.metadata_key;
      const std::string ours =
          key.starts_with("header:") ? "header" : flink_metadata(connector, key);
      auto found = std::find_if(offered.begin(), offered.end(),
                                [&](const data::Field& one) { return one.name == ours; });
      if (found == offered.end()) {
        return unsupported(fmt::format("METADATA FROM '{}' is", key), column.metadata_position,
                           connector == "kafka" ? "A topic has 'partition', 'offset', 'timestamp', "
                                                  "'key' and 'header:NAME'."
                                                : "A file has 'file.path' and 'offset'.");
      }
      given = *found;
      if (ours == "header") given.name = key;
      spec.metadata.push_back(given.name);
    }
    object.metadata[i] = given.name;
    if (column.type.names.empty() || field.type == given.type) {
      if (field.not_null && !given.not_null) {
        return unsupported(fmt::format("NOT NULL of METADATA FROM '{}' is", given.name),
                           column.metadata_position, "Leave it out: a record may have none.");
      }
      field = {field.name, given.type, given.not_null};
      continue;
    }
    field.not_null = false;
    ExprRef value = expr::column(static_cast<uint32_t>(i), given.type);
    if (given.type.id == TypeId::kTimestampTz && field.type.id == TypeId::kTimestamp) {
      const std::vector<TypeId> types{TypeId::kText, TypeId::kTimestampTz};
      FunctionMatch match;
      match_scalar("timezone", types, false, &match);
      ExprRef zone = expr::literal({data::kTextType, std::string("UTC")});
      FOREBAY_ASSIGN_OR_RETURN(value, call_function(match, {zone, value}, column.position));
    }
    FOREBAY_ASSIGN_OR_RETURN(ExprRef cast, coerce(value, field.type, Coercion::kAssignment));
    if (!cast) {
      return error(state::kDatatypeMismatch,
                   fmt::format("column \"{}\" is of type {} but METADATA '{}' is of type {}",
                               field.name, field.type.name(), given.name, given.type.name()),
                   column.metadata_position);
    }
    object.generated[i] = std::move(cast);
  }
  return Status::ok();
}

Result<ExprRef> Binder::bind_generated_value(const ast::ColumnDef& column, size_t place,
                                             const CatalogObject& object,
                                             const std::vector<bool>& hidden) {
  plan::Replacements places;
  const Scope scope = row_scope(object, hidden, places);
  const ast::Expr& value = *column.generated;
  const int32_t position = leftmost_position(value);
  auto bound = bind(value, {&scope, Clause::kGenerated, nullptr, nullptr});
  if (!bound.is_ok()) return bound.take_status();
  if (!parameters_.empty()) {
    return error(state::kUndefinedParameter, "there is no parameter $1", position);
  }
  ExprRef cast = *bound;
  if (column.type.names.empty()) {
    FOREBAY_ASSIGN_OR_RETURN(cast, settle_unknown(cast));
  } else {
    const Type type = object.columns[place].type;
    FOREBAY_ASSIGN_OR_RETURN(cast, coerce(*bound, type, Coercion::kAssignment));
    if (!cast) {
      return error(state::kDatatypeMismatch,
                   fmt::format("column \"{}\" is of type {} but default expression is of type {}",
                               column.name, Type{type.id}.name(), Type{(*bound)->type.id}.name()),
                   position)
          .with_hint("You will need to rewrite or cast the expression.");
    }
  }
  const udfs::Volatility volatility = expr::volatility(*cast);
  const bool from_records = object.kind == ObjectKind::kSource || object.connector != nullptr;
  if (volatility == udfs::Volatility::kVolatile || plan::uses_now(cast) ||
      (volatility != udfs::Volatility::kImmutable && !from_records)) {
    return error(kInvalidObjectDefinition, "generation expression is not immutable", position)
        .with_hint(from_records
                       ? "c AS PROCTIME() is the time at which the record was read."
                       : "Use DEFAULT for a value that is taken when the row is inserted.");
  }
  return expr::fold_constants(plan::replace_columns(cast, places));
}

Status Binder::bind_generated(const ast::RelationDef& definition, CatalogObject& object) {
  object.generated.resize(object.columns.size());
  std::vector<ExprRef> values = object.generated;
  object.generated_texts.assign(object.columns.size(), "");
  // They don't read each other.
  std::vector<bool> hidden(object.columns.size(), false);
  for (size_t i = 0; i < definition.columns.size(); ++i) {
    if (definition.columns[i].generated == nullptr) continue;
    const bool is_clock = is_proctime(*definition.columns[i].generated);
    if (is_clock && object.connector == nullptr && object.kind == ObjectKind::kTable) {
      return unsupported("PROCTIME() in a table without a connector is",
                         definition.columns[i].generated->position,
                         "Use DEFAULT now(): the time at which the row is inserted.");
    }
    hidden[i] = !is_clock;
  }
  for (size_t i = 0; i < definition.columns.size(); ++i) {
    const ast::ColumnDef& column = definition.columns[i];
    if (column.generated == nullptr || is_proctime(*column.generated)) continue;
    auto value = bind_generated_value(column, i, object, hidden);
    if (!value.is_ok()) return note_generated(definition, *column.generated, value.take_status());
    if (column.type.names.empty()) object.columns[i].type = (*value)->type;
    if (object.columns[i].not_null && object.kind == ObjectKind::kSource) {
      return unsupported("NOT NULL of a computed column of a source is", column.position,
                         "Leave it out, or test it in a view.");
    }
    values[i] = std::move(*value);
    object.generated_texts[i] = ast::to_sql(*column.generated);
  }
  const bool any = std::any_of(values.begin(), values.end(),
                               [](const ExprRef& value) { return value != nullptr; });
  object.generated = any ? std::move(values) : std::vector<ExprRef>();
  return Status::ok();
}

Status Binder::note_generated(const ast::RelationDef& definition, const ast::Expr& value,
                              Status status) const {
  if (status.error().sqlstate != state::kUndefinedColumn) return status;
  for (const ast::ColumnDef& column : definition.columns) {
    const std::string text = fmt::format("column \"{}\" does not exist", column.name);
    if (column.generated == nullptr || status.error().message != text) continue;
    return error(kInvalidObjectDefinition,
                 fmt::format("cannot use generated column \"{}\" in column generation expression",
                             column.name),
                 status.error().position > 0 ? status.error().position : value.position)
        .with_detail("A generated column cannot reference another generated column.");
  }
  return status;
}

}  // namespace forebay::sql::binder
