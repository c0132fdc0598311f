#include "engine/data/array.h"
#include "sql/ast/clone.h"
#include "sql/binder/binder.h"

/// ARRAY(query), and the functions that are system tables: pg_options_to_table(column) and
/// pg_get_keywords().
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using expr::ExprKind;

namespace {

constexpr std::string_view kOptionsTable = "pg_options_to_table";
constexpr std::string_view kKeywordsTable = "pg_get_keywords";
constexpr const char* kRows = "array_query";
constexpr const char* kValue = "value";

ast::ExprPtr column_of_rows(const std::string& name, int32_t position) {
  auto column = std::make_unique<ast::ColumnRef>(position);
  column->names = {kRows, name};
  return column;
}

/// True when an ORDER BY item means the only column of the query.
bool orders_by_output(const ast::Query& query, const ast::Expr& item) {
  if (query.kind != ast::QueryKind::kSelect || query.select->distinct) return true;
  if (item.kind == ast::ExprKind::kLiteral) return true;
  if (item.kind != ast::ExprKind::kColumnRef) return false;
  const ast::SelectItem& output = query.select->items[0];
  const auto& names = ast::as<ast::ColumnRef>(item).names;
  return names.size() == 1 && names[0] == output.alias;
}

/// SELECT array_agg(value ORDER BY key1, ...) FROM (the query with its keys) AS rows(value, key1,
/// ...).
ast::QueryPtr collecting_query(const ast::Query& query, int32_t position) {
  ast::QueryPtr inner = ast::clone(query);
  auto collect = std::make_unique<ast::Function>(position);
  collect->name = {"array_agg"};
  collect->args.emplace_back();
  collect->args[0].value = column_of_rows(kValue, position);
  auto rows = std::make_unique<ast::SubqueryTable>(position);
  rows->alias.name = kRows;
  rows->alias.columns = {kValue};
  for (const ast::SortItem& item : query.order_by) {
    std::string name = kValue;
    if (!orders_by_output(query, *item.value)) {
      name = "key" + std::to_string(rows->alias.columns.size());
      rows->alias.columns.push_back(name);
      inner->select->items.push_back({ast::clone(*item.value), name});
    }
    ast::SortItem key = ast::clone(item);
    key.value = column_of_rows(name, position);
    collect->order_by.push_back(std::move(key));
  }
  rows->query = std::move(inner);
  auto outer = std::make_unique<ast::Query>();
  outer->position = position;
  outer->select = std::make_unique<ast::Select>();
  outer->select->position = position;
  outer->select->items.push_back({std::move(collect), "array"});
  outer->select->from.push_back(std::move(rows));
  return outer;
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
  return error(state::kWrongObjectType, "op ANY/ALL (array) requires array on right side",
               quantified.position);
}

Result<ExprRef> Binder::bind_array_query(const ast::Subquery& subquery,
                                         const ExprContext& context) {
  const ast::Query& query = *subquery.query;
  FOREBAY_ASSIGN_OR_RETURN(QueryPlan probe, bind_query(query, context.scope));
  if (probe.columns.size() != 1) {
    return error(state::kSyntaxError, "subquery must return only one column", subquery.position);
  }
  ast::Subquery scalar(subquery.position);
  scalar.query = collecting_query(query, subquery.position);
  FOREBAY_ASSIGN_OR_RETURN(ExprRef array, bind_subquery(scalar, context));
  const std::string none = data::encode_array(*data::ColumnBuilder(array->type.element()).finish());
  return expr::coalesce(array->type, {array, expr::literal({array->type, none})});
}

bool Binder::is_catalog_function(const ast::FunctionTable& table) {
  if (table.call->name.back() == kKeywordsTable) return table.call->args.empty();
  return table.call->name.back() == kOptionsTable && table.call->args.size() == 1 &&
         table.call->args[0].value->kind == ast::ExprKind::kColumnRef;
}

Result<Binder::FromItem> Binder::bind_catalog_function(const ast::FunctionTable& table) {
  // The options columns of the catalogs are always NULL, of which the function makes no rows.
  FOREBAY_ASSIGN_OR_RETURN(CatalogObjectRef object,
                           find_object({"pg_catalog", table.call->name.back()}, table.position));
  return bind_object(object, table.alias, table.position);
}

}  // namespace forebay::sql::binder
