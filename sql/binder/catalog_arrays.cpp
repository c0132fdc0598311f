#include "sql/ast/print.h"
#include "sql/binder/binder.h"

/// The arrays of PostgreSQL's catalogs, which are their text here ('{a,b}'), as far as clients
/// compute with them: x = ANY (column), ARRAY(query) over system tables, unnest(column),
/// pg_options_to_table(column).
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using expr::ExprKind;

namespace {

constexpr std::string_view kOptionsTable = "pg_options_to_table";
constexpr std::string_view kUnnest = "unnest";

bool reads_system_tables_only(const plan::Node& node) {
  if (node.kind == plan::NodeKind::kScan &&
      plan::as<plan::Scan>(node).object->kind != catalog::ObjectKind::kVirtual) {
    return false;
  }
  for (const NodeRef& input : node.inputs) {
    if (!reads_system_tables_only(*input)) return false;
  }
  return true;
}

}  // namespace

Result<ExprRef> Binder::call_named(std::string_view name, std::vector<ExprRef> arguments,
                                   int32_t position) {
  std::vector<TypeId> types;
  for (const ExprRef& argument : arguments) types.push_back(argument->type.id);
  FunctionMatch match;
  FOREBAY_CHECK(match_scalar(name, types, false, &match) == MatchOutcome::kFound,
                std::string(name));
  return call_function(match, std::move(arguments), position);
}

Result<ExprRef> Binder::bind_any_of_array(const ast::Quantified& quantified,
                                          const ExprContext& context) {
  FOREBAY_ASSIGN_OR_RETURN(ExprRef array, bind(*quantified.array, context));
  if (array->type.is_array() || array->type.id == TypeId::kUnknown) {
    return bind_quantified_array(quantified, array, context);
  }
  if (array->type.id != TypeId::kText || quantified.op.symbol != "=" || quantified.all) {
    return unsupported("ANY and ALL over an array value are", quantified.array->position,
                       "Write the array as ARRAY[...], or use IN (...).");
  }
  FOREBAY_ASSIGN_OR_RETURN(ExprRef operand, bind(*quantified.operand, context));
  FOREBAY_ASSIGN_OR_RETURN(ExprRef element, coerce(operand, data::kTextType, Coercion::kExplicit));
  return call_named("array_has", {array, element}, quantified.position);
}

Result<ExprRef> Binder::bind_array_query(const ast::Subquery& subquery,
                                         const ExprContext& context) {
  FOREBAY_ASSIGN_OR_RETURN(QueryPlan query, bind_query(*subquery.query, context.scope));
  if (!reads_system_tables_only(*query.plan)) {
    return unsupported("ARRAY(query) is", subquery.position, "There are no array types.");
  }
  if (query.columns.size() != 1) {
    return error(state::kSyntaxError, "subquery must return only one column", subquery.position);
  }
  // At most one row: longer arrays are refused when they are computed (21000).
  FOREBAY_ASSIGN_OR_RETURN(ExprRef value, coerce(plan::column_ref(query.columns[0].column),
                                                 data::kTextType, Coercion::kExplicit));
  FOREBAY_ASSIGN_OR_RETURN(ExprRef array, call_named("array_of", {value}, subquery.position));
  Column column = columns_.make("array", data::kTextType);
  NodeRef plan = plan::make_single_row(plan::make_project(query.plan, {column}, {array}), {});
  context.subqueries->push_back({plan::JoinKind::kLeft, std::move(plan), subquery.position});
  ExprRef empty = expr::literal({data::kTextType, std::string("{}")});
  return expr::coalesce(data::kTextType, {plan::column_ref(column), empty});
}

bool Binder::is_catalog_function(const ast::FunctionTable& table) {
  const std::string& name = table.call->name.back();
  return (name == kOptionsTable || name == kUnnest) && table.call->args.size() == 1 &&
         table.call->args[0].value->kind == ast::ExprKind::kColumnRef;
}

Result<bool> Binder::has_text_argument(const ast::FunctionTable& table, const Scope* scope) {
  if (table.call->name.back() == kOptionsTable) return true;
  ExprContext context;
  context.scope = scope;
  context.clause = Clause::kFunctionInFrom;
  FOREBAY_ASSIGN_OR_RETURN(ExprRef array, bind(*table.call->args[0].value, context));
  return array->type.id == TypeId::kText;
}

Result<Binder::FromItem> Binder::bind_catalog_function(const ast::FunctionTable& table,
                                                       const Scope* scope) {
  if (table.call->name.back() == kOptionsTable) {
    // The options columns of the catalogs are always NULL, of which the function makes no rows.
    FOREBAY_ASSIGN_OR_RETURN(
        CatalogObjectRef object,
        find_object({"pg_catalog", std::string(kOptionsTable)}, table.position));
    return bind_object(object, table.alias, table.position);
  }
  ExprContext context;
  context.scope = scope;
  context.clause = Clause::kFunctionInFrom;
  FOREBAY_ASSIGN_OR_RETURN(ExprRef array, bind(*table.call->args[0].value, context));
  if (array->type.id != TypeId::kText) {
    return unsupported("table function unnest is", table.position, "List the rows with VALUES.");
  }
  // No row for NULL and '{}', one for one element; more are refused when they come (0A000).
  FOREBAY_ASSIGN_OR_RETURN(ExprRef some, call_named("array_has_elements", {array}, table.position));
  FOREBAY_ASSIGN_OR_RETURN(ExprRef element, call_named("array_only", {array}, table.position));
  Column column = columns_.make("unnest", data::kTextType);
  FromItem item;
  item.plan =
      plan::make_project(plan::make_filter(plan::make_values({}, {{}}), some), {column}, {element});
  ScopeRelation relation;
  relation.alias = "unnest";
  relation.columns.push_back(
      {table.alias.name.empty() ? "unnest" : table.alias.name, plan::column_ref(column)});
  FOREBAY_RETURN_IF_ERROR(rename_columns(relation, table.alias, table.position));
  item.scope.visible = relation.columns;
  item.scope.relations.push_back(std::move(relation));
  return item;
}

}  // namespace forebay::sql::binder
