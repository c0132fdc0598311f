#include <fmt/format.h>

#include <algorithm>

#include "sql/ast/print.h"
#include "sql/binder/binder.h"

/// Functions that give rows: in FROM, and as items of the select list.
namespace forebay::sql::binder {

namespace state = data::sqlstate;

Result<NodeRef> Binder::bind_table_call(const ast::Function& call, const ExprContext& context,
                                        bool with_ordinality, Columns* results) {
  const std::string& name = call.name.back();
  plan::TableFunction model;
  std::vector<ExprRef> arguments;
  std::vector<TypeId> types;
  for (const ast::FunctionArg& argument : call.args) {
    if (!argument.name.empty() || argument.variadic) {
      return unsupported("named and VARIADIC arguments are", argument.value->position,
                         "Give arguments by position.");
    }
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*argument.value, context));
    types.push_back(value->type.id);
    arguments.push_back(std::move(value));
  }
  FunctionMatch match;
  const MatchOutcome outcome = match_table_function(name, types, &match);
  if (outcome != MatchOutcome::kFound) {
    const bool none = outcome == MatchOutcome::kNone;
    return error(none ? state::kUndefinedFunction : state::kAmbiguousFunction,
                 fmt::format("function {}({}) {}", name, type_list(types),
                             none ? "does not exist" : "is not unique"),
                 call.position)
        .with_hint(none ? "No function matches the given name and argument types. You might need "
                          "to add explicit type casts."
                        : "Could not choose a best candidate function. You might need to add "
                          "explicit type casts.");
  }
  Type any;
  for (size_t i = 0; i < arguments.size(); ++i) {
    FOREBAY_ASSIGN_OR_RETURN(arguments[i],
                             coerce(arguments[i], Type{match.arguments[i]}, Coercion::kImplicit));
    FOREBAY_CHECK(arguments[i] != nullptr, "a matched function takes its arguments");
    if (expr::volatility(*arguments[i]) == udfs::Volatility::kVolatile) {
      return unsupported("a volatile argument of a table function is", call.position,
                         "Compute it in a subquery first.");
    }
    if (match.table->arguments[i] == TypeId::kUnknown) any = arguments[i]->type;
    if (match.table->arguments[i] == TypeId::kAnyArray) any = arguments[i]->type.element();
  }
  model.function = match.table;
  for (const udfs::TableFunction::Column& column : match.table->columns) {
    const Type type = column.type == TypeId::kUnknown ? any : Type{column.type};
    model.results.push_back(columns_.make(std::string(column.name), type));
  }
  *results = model.results;
  if (with_ordinality) {
    model.ordinality = columns_.make("ordinality", data::kBigintType);
    results->push_back(*model.ordinality);
  }
  return plan::make_table_function(plan::make_unit(), model, std::move(arguments));
}

Result<Binder::FromItem> Binder::bind_function_table(const ast::FunctionTable& table,
                                                     const Scope* lateral) {
  if (is_catalog_function(table)) return bind_catalog_function(table);
  const std::string& name = table.call->name.back();
  if (!table.alias.types.empty()) {
    return error(state::kSyntaxError,
                 "a column definition list is only allowed for functions returning \"record\"",
                 table.position);
  }
  PendingSubqueries pending;
  ExprContext context{lateral, Clause::kFunctionInFrom, nullptr, &pending};
  FromItem item;
  Columns results;
  FOREBAY_ASSIGN_OR_RETURN(auto own, find_functions(table.call->name));
  if (own.empty() && is_window_function(table.call->name)) {
    return bind_window_table(table, lateral);
  }
  if (!own.empty() && own[0]->returns_rows) {
    if (table.with_ordinality) {
      return unsupported("WITH ORDINALITY of a function in SQL is", table.position,
                         "Leave it out.");
    }
    FOREBAY_ASSIGN_OR_RETURN(item.plan, bind_user_rows(*table.call, context, &results));
  } else if (!udfs::find_table_function(name).empty()) {
    FOREBAY_ASSIGN_OR_RETURN(
        item.plan, bind_table_call(*table.call, context, table.with_ordinality, &results));
  } else {
    // Any function in FROM gives its one value as a row.
    if (udfs::find_scalar(name).empty() && udfs::find_aggregate(name).empty() &&
        std::string_view(name) == "json_array_elements") {
      return unsupported(fmt::format("table function {} is", name), table.position,
                         "List the rows with VALUES.");
    }
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*table.call, context));
    FOREBAY_ASSIGN_OR_RETURN(value, settle_unknown(value));
    std::vector<ExprRef> values{value};
    results.push_back(columns_.make(name, value->type));
    if (table.with_ordinality) {
      values.push_back(expr::literal({data::kBigintType, int64_t{1}}));
      results.push_back(columns_.make("ordinality", data::kBigintType));
    }
    item.plan = plan::make_project(plan::make_unit(), results, std::move(values));
  }
  if (!pending.empty()) {
    return unsupported("a subquery in the arguments of a function in FROM is", pending[0].position,
                       "Put it into a LATERAL subquery before the function.");
  }
  ScopeRelation relation;
  relation.alias = name;
  for (const Column& column : results) {
    relation.columns.push_back({column.name, plan::column_ref(column)});
  }
  // The alias of a function of one column names the column, too, unless that has a name of its own.
  if (!table.alias.name.empty() && results.size() == (table.with_ordinality ? 2 : 1) &&
      relation.columns[0].name == name) {
    relation.columns[0].name = table.alias.name;
  }
  FOREBAY_RETURN_IF_ERROR(rename_columns(relation, table.alias, 0));
  item.scope.visible = relation.columns;
  item.scope.relations.push_back(std::move(relation));
  return item;
}

namespace {

/// The same call, with the numbers of its rows.
NodeRef with_ordinality(const NodeRef& call, const Column& ordinality) {
  plan::TableFunction model;
  const auto& before = plan::as<plan::TableFunction>(*call);
  model.function = before.function;
  model.results = before.results;
  model.ordinality = ordinality;
  return plan::make_table_function(call->inputs[0], model, before.arguments);
}

}  // namespace

Result<Columns> Binder::join_set_call(const ast::Function& call, const ExprContext& context) {
  FOREBAY_CHECK(context.subqueries != nullptr, "a select list takes subqueries");
  const std::string text = ast::to_sql(call);
  PendingSubquery* others = nullptr;
  for (PendingSubquery& other : *context.subqueries) {
    if (other.join == plan::JoinKind::kInner) others = &other;
  }
  if (others != nullptr) {
    // The same call gives the same rows.
    for (const auto& [known, columns] : others->calls) {
      if (known == text) return columns;
    }
  }
  Columns results;
  FOREBAY_ASSIGN_OR_RETURN(NodeRef plan, bind_table_call(call, context, false, &results));
  if (others == nullptr) {
    context.subqueries->push_back(
        {plan::JoinKind::kInner, std::move(plan), call.position, {{text, results}}});
    return results;
  }
  // The n-th rows of all of them are one row; those that have ended give NULLs.
  if (!others->ordinality) {
    others->ordinality = columns_.make("ordinality", data::kBigintType);
    others->plan = with_ordinality(others->plan, *others->ordinality);
  }
  const Column own = columns_.make("ordinality", data::kBigintType);
  NodeRef both = plan::make_join(plan::JoinKind::kFull, others->plan, with_ordinality(plan, own),
                                 {{others->ordinality->id, own.id, false}}, nullptr);
  Columns columns = both->columns;
  std::vector<ExprRef> values;
  for (const Column& column : columns) values.push_back(plan::column_ref(column));
  columns.push_back(columns_.make("ordinality", data::kBigintType));
  values.push_back(expr::coalesce(data::kBigintType,
                                  {plan::column_ref(*others->ordinality), plan::column_ref(own)}));
  others->ordinality = columns.back();
  others->plan = plan::make_project(std::move(both), std::move(columns), std::move(values));
  others->calls.emplace_back(text, results);
  return results;
}

Result<Binder::SelectItem> Binder::bind_set_item(const ast::Expr& expr,
                                                 const ExprContext& context) {
  const ast::Field* field =
      expr.kind == ast::ExprKind::kField ? &ast::as<ast::Field>(expr) : nullptr;
  const auto& call = ast::as<ast::Function>(field != nullptr ? *field->operand : expr);
  FOREBAY_ASSIGN_OR_RETURN(Columns results, join_set_call(call, context));
  SelectItem item{ast::output_name(expr), nullptr, expr.position};
  if (field != nullptr) {
    for (const Column& column : results) {
      if (column.name != field->name) continue;
      item.value = plan::column_ref(column);
      return item;
    }
    return error(state::kUndefinedColumn,
                 fmt::format("could not identify column \"{}\" in record data type", field->name),
                 call.position);
  }
  if (results.size() == 1) {
    item.value = plan::column_ref(results[0]);
    return item;
  }
  // A record of numbers is text of the form (1,2), and its fields are known by their names.
  std::vector<ExprRef> parts;
  for (const Column& column : results) {
    if (!column.type.is_number()) {
      return unsupported("a function of several columns in the select list is", call.position,
                         "Call it in FROM.");
    }
    item.fields.push_back({column.name, plan::column_ref(column)});
    parts.push_back(expr::literal({data::kTextType, std::string(parts.empty() ? "(" : ",")}));
    FOREBAY_ASSIGN_OR_RETURN(
        ExprRef shown, coerce(plan::column_ref(column), data::kTextType, Coercion::kExplicit));
    ExprRef none = expr::literal({data::kTextType, std::string()});
    parts.push_back(expr::coalesce(data::kTextType, {std::move(shown), std::move(none)}));
  }
  parts.push_back(expr::literal({data::kTextType, std::string(")")}));
  item.value = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) {
    FOREBAY_ASSIGN_OR_RETURN(item.value,
                             apply_operator("||", {item.value, parts[i]}, call.position));
  }
  return item;
}

}  // namespace forebay::sql::binder
