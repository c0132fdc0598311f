#include <fmt/format.h>

#include <algorithm>

#include "sql/binder/binder.h"

/// INSERT ... ON CONFLICT.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using Conflict = catalog::CatalogObject::Conflict;

// Which conflict is meant; a table has no other unique constraint than its key.
Status Binder::check_conflict_target(const ast::Insert& insert, const CatalogObjectRef& table) {
  if (!insert.conflict_constraint.name.empty()) {
    if (table->declared_key && insert.conflict_constraint.name == table->name + "_pkey") {
      return Status::ok();
    }
    return error(state::kUndefinedObject,
                 fmt::format("constraint \"{}\" for table \"{}\" does not exist",
                             insert.conflict_constraint.name, table->name),
                 0);
  }
  if (insert.conflict_columns.empty()) {
    if (insert.conflict == ast::ConflictAction::kNothing) return Status::ok();
    return error(state::kSyntaxError,
                 "ON CONFLICT DO UPDATE requires inference specification or constraint name",
                 insert.conflict_position)
        .with_hint("For example, ON CONFLICT (column_name).");
  }
  FOREBAY_ASSIGN_OR_RETURN(std::vector<uint32_t> named,
                           target_columns(table, insert.conflict_columns));
  std::vector<uint32_t> key = table->key_columns;
  std::sort(named.begin(), named.end());
  std::sort(key.begin(), key.end());
  if (table->declared_key && named == key) return Status::ok();
  return error(state::kInvalidColumnReference,
               "there is no unique or exclusion constraint matching the ON CONFLICT specification",
               0);
}

Status Binder::bind_on_conflict(const ast::Insert& insert, BoundInsert& out) {
  if (insert.conflict == ast::ConflictAction::kNone) return Status::ok();
  FOREBAY_RETURN_IF_ERROR(check_conflict_target(insert, out.table));
  if (insert.conflict == ast::ConflictAction::kNothing) {
    out.on_conflict = Conflict::kIgnore;
    return Status::ok();
  }
  FOREBAY_RETURN_IF_ERROR(check_rows_may_change(*out.table, "update", insert.conflict_position));
  FromItem row = scan_of(out.table, true);
  if (!insert.alias.empty()) {
    row.scope.relations[0].alias = insert.alias;
    row.scope.relations[0].schema.clear();
  }
  FromItem excluded = scan_of(out.table, false);
  excluded.scope.relations[0].alias = "excluded";
  excluded.scope.relations[0].schema.clear();
  Columns columns = row.plan->columns;
  columns.insert(columns.end(), excluded.plan->columns.begin(), excluded.plan->columns.end());
  Scope scope = std::move(row.scope);
  scope.append(std::move(excluded.scope));
  auto at_positions = [&](const ExprRef& value) {
    return plan::transform(value, [&](const ExprRef& part) -> ExprRef {
      if (part->kind != expr::ExprKind::kColumn) return nullptr;
      size_t at = plan::find_column(columns, part->column);
      return expr::column(static_cast<uint32_t>(at), part->type);
    });
  };

  ConflictUpdate update;
  update.values.resize(out.table->columns.size());
  ExprContext context{&scope, Clause::kUpdate, nullptr, nullptr};
  for (const ast::SetClause& set : insert.conflict_set) {
    FOREBAY_ASSIGN_OR_RETURN(std::vector<uint32_t> targets, target_columns(out.table, set.columns));
    if (targets.size() > 1 || set.value->kind == ast::ExprKind::kSubquery) {
      return unsupported("subqueries in ON CONFLICT DO UPDATE are", set.value->position,
                         "Compute the value in a query first.");
    }
    ExprRef& target = update.values[targets[0]];
    if (target) {
      return error(state::kSyntaxError,
                   fmt::format("multiple assignments to same column \"{}\"", set.columns[0].name),
                   set.columns[0].position);
    }
    if (set.value->kind == ast::ExprKind::kDefault) {
      FOREBAY_ASSIGN_OR_RETURN(target, default_of(out.table, targets[0]));
      continue;
    }
    FOREBAY_RETURN_IF_ERROR(check_not_generated(*out.table, targets[0], "UPDATE"));
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*set.value, context));
    FOREBAY_ASSIGN_OR_RETURN(value, coerce_assignment(value, out.table->columns[targets[0]]));
    target = at_positions(value);
  }
  for (uint32_t i = 0; i < update.values.size(); ++i) {
    if (!update.values[i]) update.values[i] = expr::column(i, out.table->columns[i].type);
  }
  if (insert.conflict_where) {
    context.clause = Clause::kWhere;
    FOREBAY_ASSIGN_OR_RETURN(ExprRef where,
                             bind_condition(*insert.conflict_where, context, "WHERE"));
    update.where = at_positions(where);
  }
  out.update = std::move(update);
  return Status::ok();
}

}  // namespace forebay::sql::binder
