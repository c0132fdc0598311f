#include <fmt/format.h>

#include <algorithm>

#include "engine/data/session_zone.h"
#include "sql/ast/print.h"
#include "sql/binder/binder.h"
#include "sql/parser/parser.h"

/// INSERT, UPDATE, DELETE.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using catalog::ObjectKind;

Result<CatalogObjectRef> Binder::find_target(const ast::QualifiedName& name,
                                             std::string_view verb) {
  FOREBAY_ASSIGN_OR_RETURN(CatalogObjectRef object, find_object(name.parts, name.position));
  switch (object->kind) {
    case ObjectKind::kTable:
      if (object->connector == nullptr) return object;
      return unsupported(fmt::format("{} a table that a connector fills is", verb), name.position,
                         "Write to where the connector reads.");
    case ObjectKind::kVirtual:
      return error(data::SqlState("42501"),
                   fmt::format("permission denied for table {}", object->name), name.position);
    case ObjectKind::kMaterializedView:
      return error(state::kWrongObjectType,
                   fmt::format("cannot change materialized view \"{}\"", object->name),
                   name.position)
          .with_hint("It changes with the tables and sources that it reads.");
    case ObjectKind::kView:
    case ObjectKind::kSource:
    case ObjectKind::kSchema:
    case ObjectKind::kFunction:
    case ObjectKind::kIndex:
    case ObjectKind::kSink:
    case ObjectKind::kSinkTable:
      break;
  }
  return error(state::kWrongObjectType,
               fmt::format("cannot {} {} \"{}\"", verb, catalog::kind_name(object->kind),
                           object->name),
               name.position)
      .with_hint("Only tables take INSERT, UPDATE and DELETE.");
}

Status Binder::check_rows_may_change(const catalog::CatalogObject& table, std::string_view verb,
                                     int32_t position) const {
  if (!table.append_only) return Status::ok();
  return error(state::kNotInPrerequisiteState,
               fmt::format("cannot {} append-only table \"{}\"", verb, table.name), position);
}

Result<std::vector<uint32_t>> Binder::target_columns(const CatalogObjectRef& table,
                                                     const std::vector<ast::NameAt>& names) {
  std::vector<uint32_t> targets;
  if (names.empty()) {
    for (uint32_t i = 0; i < table->columns.size(); ++i) targets.push_back(i);
    return targets;
  }
  for (const ast::NameAt& name : names) {
    uint32_t at = 0;
    while (at < table->columns.size() && table->columns[at].name != name.name) ++at;
    if (at == table->columns.size()) {
      Status status = error(
          state::kUndefinedColumn,
          fmt::format("column \"{}\" of relation \"{}\" does not exist", name.name, table->name),
          name.position);
      for (const data::Field& field : table->columns) {
        if (catalog::edit_distance(field.name, name.name) <=
            std::max<size_t>(1, name.name.size() / 3)) {
          return std::move(status).with_hint(fmt::format("did you mean \"{}\"?", field.name));
        }
      }
      return status;
    }
    if (std::find(targets.begin(), targets.end(), at) != targets.end()) {
      return error(state::kDuplicateColumn,
                   fmt::format("column \"{}\" specified more than once", name.name), name.position);
    }
    targets.push_back(at);
  }
  return targets;
}

Status Binder::check_not_generated(const catalog::CatalogObject& table, uint32_t column,
                                   std::string_view verb) const {
  if (!table.is_generated(column)) return Status::ok();
  const std::string& name = table.columns[column].name;
  return Status(data::SqlState("428C9"),
                verb == "INSERT"
                    ? fmt::format("cannot insert a non-DEFAULT value into column \"{}\"", name)
                    : fmt::format("column \"{}\" can only be updated to DEFAULT", name))
      .with_detail(fmt::format("Column \"{}\" is a generated column.", name));
}

Result<ExprRef> Binder::default_of(const CatalogObjectRef& table, uint32_t column) {
  const data::Field& field = table->columns[column];
  if (column >= table->defaults.size() || table->defaults[column].empty()) {
    return expr::literal(data::Datum::null(field.type));
  }
  // As when the table was made, whatever the session's zone is.
  const data::SessionZoneScope zone(nullptr);
  FOREBAY_ASSIGN_OR_RETURN(ast::ExprPtr parsed, parse_expression(table->defaults[column]));
  Scope empty;
  ExprContext context{&empty, Clause::kDefault, nullptr, nullptr};
  ++view_depth_;  // its positions are not of this text
  auto value = bind(*parsed, context);
  --view_depth_;
  if (!value.is_ok()) return value.take_status();
  return coerce_assignment(*value, field);
}

Result<std::vector<ExprRef>> Binder::bind_arguments(const ast::Execute& execute,
                                                    const std::vector<Type>& types) {
  Scope empty;
  std::vector<ExprRef> values;
  for (size_t i = 0; i < execute.args.size(); ++i) {
    const ast::Expr& argument = *execute.args[i];
    ExprContext context{&empty, Clause::kExecute, nullptr, nullptr};
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(argument, context));
    FOREBAY_ASSIGN_OR_RETURN(ExprRef cast, coerce(value, types[i], Coercion::kAssignment));
    if (cast == nullptr) {
      return error(state::kDatatypeMismatch,
                   fmt::format("parameter ${} of type {} cannot be coerced to the expected type {}",
                               i + 1, value->type.name(), types[i].name()),
                   leftmost_position(argument))
          .with_hint("You will need to rewrite or cast the expression.");
    }
    values.push_back(std::move(cast));
  }
  return values;
}

Result<std::optional<Returning>> Binder::bind_returning(const CatalogObjectRef& table,
                                                        const std::string& alias,
                                                        const std::vector<ast::SelectItem>& items) {
  std::optional<Returning> out;
  if (items.empty()) return out;
  FromItem row = scan_of(table, true);
  if (!alias.empty()) {
    row.scope.relations[0].alias = alias;
    row.scope.relations[0].schema.clear();
  }
  ExprContext context{&row.scope, Clause::kReturning, nullptr, nullptr};
  std::vector<SelectItem> bound;
  FOREBAY_RETURN_IF_ERROR(bind_items(items, context, bound));
  out.emplace();
  for (SelectItem& item : bound) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, settle_unknown(item.value));
    out->schema.push_back({item.name, value->type, false});
    out->projection.push_back(plan::transform(value, [&](const ExprRef& part) -> ExprRef {
      if (part->kind != expr::ExprKind::kColumn) return nullptr;
      size_t at = plan::find_column(row.plan->columns, part->column);
      return expr::column(static_cast<uint32_t>(at), part->type);
    }));
  }
  return out;
}

Status Binder::bind_values_rows(BoundInsert& out, const ast::Query& values,
                                const std::vector<uint32_t>& targets, QueryPlan& rows) {
  Scope empty;
  for (const auto& row : values.values) {
    if (row.size() != values.values[0].size()) {
      return error(state::kSyntaxError, "VALUES lists must all be the same length",
                   row.empty() ? values.position : row[0]->position);
    }
    if (row.size() > targets.size()) {
      return error(state::kSyntaxError, "INSERT has more expressions than target columns",
                   row[targets.size()]->position);
    }
    std::vector<ExprRef> cells(out.table->columns.size());
    PendingSubqueries pending;
    ExprContext context{&empty, Clause::kValues, nullptr, &pending};
    for (size_t i = 0; i < row.size(); ++i) {
      const data::Field& field = out.table->columns[targets[i]];
      if (row[i]->kind == ast::ExprKind::kDefault) {
        FOREBAY_ASSIGN_OR_RETURN(cells[targets[i]], default_of(out.table, targets[i]));
        continue;
      }
      FOREBAY_RETURN_IF_ERROR(check_not_generated(*out.table, targets[i], "INSERT"));
      FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*row[i], context));
      if (!pending.empty()) return bind_insert_query(out, values, targets, rows);
      FOREBAY_ASSIGN_OR_RETURN(cells[targets[i]], coerce_assignment(value, field));
    }
    for (uint32_t i = 0; i < cells.size(); ++i) {
      if (cells[i]) {
        cells[i] = expr::fold_constants(cells[i]);
        continue;
      }
      FOREBAY_ASSIGN_OR_RETURN(cells[i], default_of(out.table, i));
    }
    out.values.push_back(std::move(cells));
  }
  return Status::ok();
}

Status Binder::bind_insert_query(BoundInsert& out, const ast::Query& query,
                                 const std::vector<uint32_t>& targets, QueryPlan& rows) {
  out.values.clear();
  FOREBAY_ASSIGN_OR_RETURN(QueryPlan bound, bind_query(query, nullptr, true));
  if (bound.columns.size() > targets.size()) {
    return error(state::kSyntaxError, "INSERT has more expressions than target columns",
                 output_position(query, targets.size()));
  }
  Columns columns;
  std::vector<ExprRef> values(out.table->columns.size());
  for (size_t i = 0; i < bound.columns.size(); ++i) {
    Column& column = bound.columns[i].column;
    const data::Field& field = out.table->columns[targets[i]];
    FOREBAY_RETURN_IF_ERROR(check_not_generated(*out.table, targets[i], "INSERT"));
    if (column.type.id == TypeId::kUnknown) {
      FOREBAY_ASSIGN_OR_RETURN(bound.plan, retype(bound.plan, column.id, field.type));
      column.type = field.type;
    }
    ExprRef value = plan::column_ref(column);
    remember(value, output_position(query, i));
    FOREBAY_ASSIGN_OR_RETURN(values[targets[i]], coerce_assignment(value, field));
  }
  for (uint32_t i = 0; i < values.size(); ++i) {
    if (!values[i]) {
      FOREBAY_ASSIGN_OR_RETURN(values[i], default_of(out.table, i));
    }
    columns.push_back(columns_.make(out.table->columns[i].name, out.table->columns[i].type));
    rows.columns.push_back({columns.back().name, columns.back()});
  }
  rows.plan = plan::make_project(bound.plan, std::move(columns), std::move(values));
  return Status::ok();
}

Result<BoundInsert> Binder::bind_insert(const ast::Insert& insert) {
  BoundInsert out;
  FOREBAY_ASSIGN_OR_RETURN(out.table, find_target(insert.table, "insert into"));
  out.on_conflict = out.table->on_conflict;
  FOREBAY_ASSIGN_OR_RETURN(std::vector<uint32_t> targets,
                           target_columns(out.table, insert.columns));
  CteFrame frame{&insert.with, insert.with.size(), ctes_, nullptr, insert.recursive};
  const CteFrame* saved = ctes_;
  if (!insert.with.empty()) ctes_ = &frame;
  Status status;
  QueryPlan rows;
  if (!insert.query) {
    std::vector<ExprRef> row;
    for (uint32_t i = 0; i < out.table->columns.size() && status.is_ok(); ++i) {
      auto value = default_of(out.table, i);
      if (value.is_ok()) {
        row.push_back(*value);
      } else {
        status = value.take_status();
      }
    }
    out.values.push_back(std::move(row));
  } else {
    const ast::Query& query = *insert.query;
    if (!insert.columns.empty()) {
      size_t given = query.kind == ast::QueryKind::kValues   ? query.values[0].size()
                     : query.kind == ast::QueryKind::kSelect ? query.select->items.size()
                                                             : targets.size();
      bool has_star = false;
      if (query.kind == ast::QueryKind::kSelect) {
        for (const auto& item : query.select->items)
          has_star |= item.value->kind == ast::ExprKind::kStar;
      }
      if (given < targets.size() && !has_star) {
        ctes_ = saved;
        return error(state::kSyntaxError, "INSERT has more target columns than expressions",
                     insert.columns[given].position);
      }
    }
    const bool plain = query.kind == ast::QueryKind::kValues && query.with.empty() &&
                       query.order_by.empty() && !query.limit && !query.offset;
    status = plain ? bind_values_rows(out, query, targets, rows)
                   : bind_insert_query(out, query, targets, rows);
  }
  ctes_ = saved;
  if (!status.is_ok()) return status;
  FOREBAY_RETURN_IF_ERROR(bind_on_conflict(insert, out));
  FOREBAY_ASSIGN_OR_RETURN(out.returning,
                           bind_returning(out.table, insert.alias, insert.returning));
  // Last: by now the types of all parameters are known.
  if (rows.plan != nullptr) {
    FOREBAY_ASSIGN_OR_RETURN(out.rows, plan_query(std::move(rows)));
  }
  return out;
}

Status Binder::bind_set(const ast::SetClause& set, const CatalogObjectRef& table,
                        const ExprContext& context, std::vector<ExprRef>& fresh) {
  FOREBAY_ASSIGN_OR_RETURN(std::vector<uint32_t> targets, target_columns(table, set.columns));
  std::vector<ExprRef> values;
  if (targets.size() > 1) {
    if (set.value->kind != ast::ExprKind::kSubquery) {
      return error(state::kFeatureNotSupported,
                   "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() "
                   "expression",
                   set.value->position)
          .with_hint("Set the columns one by one.");
    }
    const auto& subquery = ast::as<ast::Subquery>(*set.value);
    FOREBAY_ASSIGN_OR_RETURN(QueryPlan query, bind_query(*subquery.query, context.scope));
    if (query.columns.size() != targets.size()) {
      return error(state::kSyntaxError, "number of columns does not match number of values",
                   subquery.position);
    }
    Columns columns;
    for (const OutputColumn& output : query.columns) {
      columns.push_back(output.column);
      values.push_back(plan::column_ref(output.column));
    }
    context.subqueries->push_back(
        {plan::JoinKind::kLeft, plan::make_single_row(plan::make_narrow(query.plan, columns), {}),
         subquery.position});
  } else if (set.value->kind == ast::ExprKind::kDefault) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, default_of(table, targets[0]));
    values.push_back(std::move(value));
  } else {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*set.value, context));
    values.push_back(std::move(value));
  }
  for (size_t i = 0; i < targets.size(); ++i) {
    if (set.value->kind != ast::ExprKind::kDefault) {
      FOREBAY_RETURN_IF_ERROR(check_not_generated(*table, targets[i], "UPDATE"));
    }
    if (fresh[targets[i]]) {
      return error(state::kSyntaxError,
                   fmt::format("multiple assignments to same column \"{}\"", set.columns[i].name),
                   set.columns[i].position);
    }
    FOREBAY_ASSIGN_OR_RETURN(fresh[targets[i]],
                             coerce_assignment(values[i], table->columns[targets[i]]));
  }
  return Status::ok();
}

Result<BoundUpdate> Binder::bind_update(const ast::Update& update) {
  BoundUpdate out;
  FOREBAY_ASSIGN_OR_RETURN(out.table, find_target(update.table, "update"));
  FOREBAY_RETURN_IF_ERROR(check_rows_may_change(*out.table, "update", update.table.position));
  CteFrame frame{&update.with, update.with.size(), ctes_, nullptr, update.recursive};
  if (!update.with.empty()) ctes_ = &frame;
  FromItem row = scan_of(out.table, true);
  if (!update.alias.empty()) {
    row.scope.relations[0].alias = update.alias;
    row.scope.relations[0].schema.clear();
  }
  const Columns stored = row.plan->columns;
  std::vector<ColumnId> key;
  for (uint32_t position : out.table->key_columns) key.push_back(stored[position].id);
  NodeRef plan = row.plan;
  Scope scope = row.scope;
  if (!update.from.empty()) {
    FOREBAY_ASSIGN_OR_RETURN(FromItem from, bind_from(update.from, nullptr));
    plan = plan::make_join(plan::JoinKind::kInner, plan, from.plan, {}, nullptr);
    scope.append(std::move(from.scope));
  }
  if (update.where) {
    ConditionSteps steps;
    ExprContext context{&scope, Clause::kWhere, nullptr, nullptr};
    FOREBAY_RETURN_IF_ERROR(bind_steps(*update.where, context, "WHERE", steps));
    plan = apply_steps(std::move(plan), steps);
  }
  std::vector<ExprRef> fresh(out.table->columns.size());
  PendingSubqueries pending;
  ExprContext context{&scope, Clause::kUpdate, nullptr, &pending};
  for (const ast::SetClause& set : update.set) {
    FOREBAY_RETURN_IF_ERROR(bind_set(set, out.table, context, fresh));
  }
  plan = apply_pending(std::move(plan), pending);
  QueryPlan rows;
  Columns columns = stored;
  std::vector<ExprRef> values;
  for (const Column& column : stored) values.push_back(plan::column_ref(column));
  for (size_t i = 0; i < fresh.size(); ++i) {
    columns.push_back(columns_.make(stored[i].name, stored[i].type));
    values.push_back(fresh[i] ? fresh[i] : plan::column_ref(stored[i]));
  }
  rows.plan = plan::make_project(std::move(plan), columns, std::move(values));
  if (!update.from.empty()) {
    // A row that meets several partners is changed once, by the least of them.
    ExprRef one = expr::literal({data::kBigintType, int64_t{1}});
    rows.plan = plan::make_top_n(std::move(rows.plan), std::move(key), {}, one, nullptr);
  }
  for (const Column& column : columns) rows.columns.push_back({column.name, column});
  FOREBAY_ASSIGN_OR_RETURN(out.returning,
                           bind_returning(out.table, update.alias, update.returning));
  FOREBAY_ASSIGN_OR_RETURN(out.rows, plan_query(std::move(rows)));
  return out;
}

Result<BoundDelete> Binder::bind_delete(const ast::Delete& statement) {
  BoundDelete out;
  const std::string_view verb = statement.truncates ? "truncate" : "delete from";
  FOREBAY_ASSIGN_OR_RETURN(out.table, find_target(statement.table, verb));
  FOREBAY_RETURN_IF_ERROR(check_rows_may_change(*out.table, verb, statement.table.position));
  out.truncates = statement.truncates;
  CteFrame frame{&statement.with, statement.with.size(), ctes_, nullptr, statement.recursive};
  if (!statement.with.empty()) ctes_ = &frame;
  FromItem row = scan_of(out.table, true);
  if (!statement.alias.empty()) {
    row.scope.relations[0].alias = statement.alias;
    row.scope.relations[0].schema.clear();
  }
  const Columns stored = row.plan->columns;
  NodeRef plan = row.plan;
  Scope scope = row.scope;
  if (!statement.using_tables.empty()) {
    FOREBAY_ASSIGN_OR_RETURN(FromItem from, bind_from(statement.using_tables, nullptr));
    plan = plan::make_join(plan::JoinKind::kInner, plan, from.plan, {}, nullptr);
    scope.append(std::move(from.scope));
  }
  if (statement.where) {
    ConditionSteps steps;
    ExprContext context{&scope, Clause::kWhere, nullptr, nullptr};
    FOREBAY_RETURN_IF_ERROR(bind_steps(*statement.where, context, "WHERE", steps));
    plan = apply_steps(std::move(plan), steps);
  }
  QueryPlan rows;
  rows.plan = plan::make_narrow(std::move(plan), stored);
  if (!statement.using_tables.empty()) rows.plan = plan::make_distinct(std::move(rows.plan));
  for (const Column& column : stored) rows.columns.push_back({column.name, column});
  FOREBAY_ASSIGN_OR_RETURN(out.returning,
                           bind_returning(out.table, statement.alias, statement.returning));
  FOREBAY_ASSIGN_OR_RETURN(out.rows, plan_query(std::move(rows)));
  return out;
}

}  // namespace forebay::sql::binder
