#include <fmt/format.h>

#include <algorithm>

#include "sql/ast/print.h"
#include "sql/binder/binder.h"

/// What names mean: columns, relations, names of new objects.
namespace forebay::sql::binder {

namespace state = data::sqlstate;

Binder::Binder(SnapshotRef snapshot, const BindOptions& options)
    : snapshot_(std::move(snapshot)), options_(options), parameters_(options.parameter_types) {}

Status Binder::error(data::SqlState sqlstate, std::string message, int32_t position) const {
  return Status(sqlstate, std::move(message)).at(place(position));
}

Status Binder::unsupported(std::string what, int32_t position, std::string hint) const {
  return Status(state::kFeatureNotSupported, what + " not supported")
      .with_hint(std::move(hint))
      .at(place(position));
}

void Binder::remember(const ExprRef& expr, int32_t position) {
  kept_.push_back(expr);
  positions_[expr.get()] = position;
}

int32_t Binder::position_of(const ExprRef& expr) const {
  auto found = positions_.find(expr.get());
  if (found != positions_.end()) return found->second;
  for (const ExprRef& child : expr->children) {
    if (int32_t position = position_of(child)) return position;
  }
  return 0;
}

namespace {

std::string joined(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, "."));
}

/// The relation that `t.` or `s.t.` means at one level; two with one name: nullptr and `ambiguous`.
const ScopeRelation* find_relation(const Scope& scope, const std::string& schema,
                                   const std::string& alias, bool* ambiguous) {
  const ScopeRelation* found = nullptr;
  for (const ScopeRelation& relation : scope.relations) {
    if (relation.alias != alias || (!schema.empty() && relation.schema != schema)) continue;
    if (found != nullptr) *ambiguous = true;
    found = &relation;
  }
  return found;
}

}  // namespace

Result<ExprRef> Binder::bind_column(const ast::ColumnRef& ref, const ExprContext& context) {
  FOREBAY_ASSIGN_OR_RETURN(const ScopeColumn* found, find_column(ref, context));
  auto copy = std::make_shared<expr::Expr>(*found->value);
  remember(copy, ref.position);
  return ExprRef(copy);
}

Result<ExprRef> Binder::bind_field(const ast::Field& field, const ExprContext& context) {
  if (field.name.empty()) {
    return unsupported("(record).* is", field.position, "Name the fields.");
  }
  if (field.operand->kind == ast::ExprKind::kColumnRef) {
    const auto& ref = ast::as<ast::ColumnRef>(*field.operand);
    FOREBAY_ASSIGN_OR_RETURN(const ScopeColumn* record, find_column(ref, context));
    for (const ScopeColumn& candidate : record->fields) {
      if (candidate.name == field.name) return candidate.value;
    }
    if (!record->fields.empty()) {
      return error(state::kUndefinedColumn,
                   fmt::format("could not identify column \"{}\" in record data type", field.name),
                   field.operand->position);
    }
  }
  FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*field.operand, context));
  return error(state::kWrongObjectType,
               fmt::format("column notation .{} applied to type {}, which is not a composite type",
                           field.name, Type{value->type.id}.name()),
               field.operand->position);
}

Result<const ScopeColumn*> Binder::find_column(const ast::ColumnRef& ref,
                                               const ExprContext& context) {
  std::vector<std::string> names = ref.names;
  if (names.size() == 4 && names[0] == options_.database) names.erase(names.begin());
  if (names.size() > 3) {
    return error(state::kFeatureNotSupported,
                 fmt::format("cross-database references are not implemented: {}", joined(names)),
                 ref.position);
  }
  const std::string& column = names.back();
  bool relation_seen = false;
  for (const Scope* scope = context.scope; scope != nullptr; scope = scope->parent) {
    const std::vector<ScopeColumn>* list = &scope->visible;
    if (names.size() > 1) {
      bool ambiguous = false;
      const ScopeRelation* relation = find_relation(*scope, names.size() == 3 ? names[0] : "",
                                                    names[names.size() - 2], &ambiguous);
      if (ambiguous) {
        return error(data::SqlState("42P09"),
                     fmt::format("table reference \"{}\" is ambiguous", names[names.size() - 2]),
                     ref.position);
      }
      if (relation == nullptr) continue;
      relation_seen = true;
      list = &relation->columns;
    }
    const ScopeColumn* found = nullptr;
    for (const ScopeColumn& candidate : *list) {
      if (candidate.name != column) continue;
      if (found != nullptr) {
        return error(state::kAmbiguousColumn,
                     fmt::format("column reference \"{}\" is ambiguous", column), ref.position);
      }
      found = &candidate;
    }
    if (found != nullptr) return found;
    if (relation_seen) break;
  }
  if (names.size() > 1 && !relation_seen) {
    for (const Scope* scope = context.scope; scope != nullptr; scope = scope->parent) {
      for (const ScopeRelation& relation : scope->relations) {
        if (!relation.object || relation.object->name != names[names.size() - 2]) continue;
        return error(state::kUndefinedTable,
                     fmt::format("invalid reference to FROM-clause entry for table \"{}\"",
                                 names[names.size() - 2]),
                     ref.position)
            .with_hint(fmt::format("Perhaps you meant to reference the table alias \"{}\".",
                                   relation.alias));
      }
    }
    return error(state::kUndefinedTable,
                 fmt::format("missing FROM-clause entry for table \"{}\"", names[names.size() - 2]),
                 ref.position);
  }
  return missing_column(ref, context.scope);
}

Status Binder::missing_column(const ast::ColumnRef& ref, const Scope* scope) const {
  const std::string& column = ref.names.back();
  // `t` alone may be a row of table t.
  for (const Scope* level = scope; ref.names.size() == 1 && level != nullptr;
       level = level->parent) {
    bool ambiguous = false;
    if (find_relation(*level, "", column, &ambiguous) != nullptr) {
      return unsupported(
          "whole rows as values are", ref.position,
          fmt::format("Name the columns, or write {}.* in the select list.", column));
    }
  }
  std::string shown = ref.names.size() == 1 ? "\"" + column + "\"" : joined(ref.names);
  Status status =
      error(state::kUndefinedColumn, fmt::format("column {} does not exist", shown), ref.position);
  std::string best;
  size_t best_distance = column.size() <= 2 ? 1 : std::max<size_t>(1, column.size() / 3) + 1;
  for (; scope != nullptr; scope = scope->parent) {
    for (const ScopeRelation& relation : scope->relations) {
      if (ref.names.size() > 1 && relation.alias != ref.names[ref.names.size() - 2]) continue;
      for (const ScopeColumn& candidate : relation.columns) {
        size_t distance = catalog::edit_distance(column, candidate.name);
        if (distance < best_distance && distance < column.size()) {
          best_distance = distance;
          best = candidate.name;
        }
      }
    }
  }
  if (best.empty()) return status;
  return std::move(status).with_hint(fmt::format("did you mean \"{}\"?", best));
}

Result<CatalogObjectRef> Binder::lookup_object(const std::vector<std::string>& name,
                                               int32_t position) const {
  std::vector<std::string> parts = name;
  if (parts.size() == 3 && parts[0] == options_.database) parts.erase(parts.begin());
  if (parts.size() > 2) {
    return error(state::kFeatureNotSupported,
                 fmt::format("cross-database references are not implemented: \"{}\"", joined(name)),
                 position);
  }
  if (parts.size() == 2) return snapshot_->find(parts[0], parts[1]);
  const auto& path = *search_path_;
  if (std::find(path.begin(), path.end(), "pg_catalog") == path.end()) {
    if (auto found = snapshot_->find("pg_catalog", parts[0])) return found;
  }
  for (const std::string& schema : path) {
    if (auto found = snapshot_->find(schema, parts[0])) return found;
  }
  return CatalogObjectRef();
}

Status Binder::undefined_relation(const std::vector<std::string>& name, int32_t position) const {
  Status status = error(state::kUndefinedTable,
                        fmt::format("relation \"{}\" does not exist", joined(name)), position);
  auto similar = snapshot_->similar_names(name.back());
  if (similar.empty()) return status;
  // The same name in a schema that is not searched.
  std::string hint = similar[0];
  if (name.size() == 1 && hint == name[0]) hint = "public." + hint;
  return std::move(status).with_hint(fmt::format("did you mean \"{}\"?", hint));
}

Result<CatalogObjectRef> Binder::find_object(const std::vector<std::string>& name,
                                             int32_t position) const {
  FOREBAY_ASSIGN_OR_RETURN(CatalogObjectRef found, lookup_object(name, position));
  if (!found) return undefined_relation(name, position);
  return found;
}

Result<std::pair<std::string, std::string>> Binder::new_name(const ast::QualifiedName& name) const {
  std::vector<std::string> parts = name.parts;
  if (parts.size() == 3 && parts[0] == options_.database) parts.erase(parts.begin());
  if (parts.size() > 2) {
    return error(state::kFeatureNotSupported,
                 fmt::format("cross-database references are not implemented: {}", joined(parts)),
                 name.position);
  }
  std::string schema = parts.size() == 2 ? parts[0] : std::string();
  if (parts.size() == 1) {
    for (const std::string& candidate : *search_path_) {
      if (snapshot_->has_schema(candidate) && candidate != "pg_catalog") {
        schema = candidate;
        break;
      }
    }
    if (schema.empty()) {
      return error(state::kInvalidSchemaName, "no schema has been selected to create in",
                   name.position);
    }
  }
  if (!snapshot_->has_schema(schema)) {
    return error(state::kInvalidSchemaName, fmt::format("schema \"{}\" does not exist", schema),
                 name.position);
  }
  if (schema != "public" && snapshot_->find_schema(schema) == nullptr) {
    return Status(data::SqlState("42501"), fmt::format("permission denied for schema {}", schema))
        .with_detail("Its relations are made by the system.")
        .at(place(name.position));
  }
  return std::make_pair(schema, parts.back());
}

}  // namespace forebay::sql::binder
