#include <fmt/format.h>

#include <algorithm>

#include "engine/data/text_format.h"
#include "sql/ast/print.h"
#include "sql/binder/binder.h"

/// Calls: scalar functions, aggregates, and the few that are part of the language. CASE too.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using expr::ExprKind;

Status Binder::unify(std::vector<ExprRef>& values, std::string_view word, Type* type) {
  std::vector<Type> types;
  for (const ExprRef& value : values) types.push_back(value->type);
  Type common;
  size_t misfit = 0;
  if (!common_type(types, &common, &misfit)) {
    Type first;
    for (const Type& candidate : types) {
      if (candidate.id != TypeId::kUnknown) {
        first = candidate;
        break;
      }
    }
    return error(state::kDatatypeMismatch,
                 fmt::format("{} types {} and {} cannot be matched", word, Type{first.id}.name(),
                             Type{types[misfit].id}.name()),
                 position_of(values[misfit]));
  }
  if (common.id == TypeId::kUnknown) common = data::kTextType;
  for (ExprRef& value : values) {
    // The modifier is kept only when all have it, so nothing is cut.
    Type target{common.id};
    FOREBAY_ASSIGN_OR_RETURN(ExprRef cast, coerce(value, target, Coercion::kImplicit));
    FOREBAY_CHECK(cast != nullptr, "common type takes all");
    value = std::move(cast);
  }
  *type = common;
  return Status::ok();
}

Result<ExprRef> Binder::bind_case(const ast::Case& expr, const ExprContext& context) {
  ExprRef subject;
  if (expr.subject) {
    FOREBAY_ASSIGN_OR_RETURN(subject, bind(*expr.subject, context));
    FOREBAY_ASSIGN_OR_RETURN(subject, settle_unknown(subject));
  }
  std::vector<ExprRef> conditions, results;
  for (const ast::CaseBranch& branch : expr.branches) {
    if (subject) {
      FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*branch.condition, context));
      FOREBAY_ASSIGN_OR_RETURN(ExprRef condition,
                               apply_operator("=", {subject, value}, branch.condition->position));
      conditions.push_back(std::move(condition));
    } else {
      FOREBAY_ASSIGN_OR_RETURN(ExprRef condition,
                               bind_condition(*branch.condition, context, "CASE/WHEN"));
      conditions.push_back(std::move(condition));
    }
    FOREBAY_ASSIGN_OR_RETURN(ExprRef result, bind(*branch.result, context));
    results.push_back(std::move(result));
  }
  // PostgreSQL looks at ELSE first.
  ExprRef otherwise;
  if (expr.otherwise) {
    FOREBAY_ASSIGN_OR_RETURN(otherwise, bind(*expr.otherwise, context));
  } else {
    otherwise = expr::literal(data::Datum::null(data::kUnknownType));
  }
  results.insert(results.begin(), otherwise);
  Type type;
  FOREBAY_RETURN_IF_ERROR(unify(results, "CASE", &type));
  std::vector<ExprRef> children;
  for (size_t i = 0; i < conditions.size(); ++i) {
    children.push_back(conditions[i]);
    children.push_back(results[i + 1]);
  }
  children.push_back(results[0]);
  return expr::case_when(type, std::move(children));
}

Result<ExprRef> Binder::bind_special(const ast::Function& function, const std::string& name,
                                     const ExprContext& context, bool* done) {
  *done = true;
  if (name == "grouping") return bind_grouping(function, context);
  const bool coalesces = name == "coalesce";
  const bool extreme = name == "greatest" || name == "least";
  if (!coalesces && !extreme && name != "nullif") {
    *done = false;
    return ExprRef();
  }
  std::vector<ExprRef> arguments;
  for (const ast::FunctionArg& argument : function.args) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*argument.value, context));
    arguments.push_back(std::move(value));
  }
  if (arguments.empty()) {
    return error(state::kSyntaxError, "syntax error at or near \")\"", function.position)
        .with_detail(fmt::format("{} takes at least one argument.", name == "coalesce" ? "COALESCE"
                                                                    : name == "nullif" ? "NULLIF"
                                                                    : name == "least"
                                                                        ? "LEAST"
                                                                        : "GREATEST"));
  }
  if (name == "nullif") {
    if (arguments.size() != 2) {
      return error(state::kSyntaxError, "NULLIF takes two arguments", function.position);
    }
    ExprRef value = arguments[0];
    FOREBAY_ASSIGN_OR_RETURN(ExprRef equal, apply_operator("=", arguments, function.position));
    if (value->type.id == TypeId::kUnknown) value = equal->children[0];
    return expr::case_when(value->type,
                           {equal, expr::literal(data::Datum::null(value->type)), value});
  }
  Type type;
  std::string word = coalesces ? "COALESCE" : name == "greatest" ? "GREATEST" : "LEAST";
  FOREBAY_RETURN_IF_ERROR(unify(arguments, word, &type));
  if (coalesces) {
    return arguments.size() == 1 ? arguments[0] : expr::coalesce(type, std::move(arguments));
  }
  std::vector<TypeId> types(arguments.size(), type.id);
  FunctionMatch match;
  if (match_scalar(name, types, false, &match) == MatchOutcome::kFound) {
    return call_function(match, std::move(arguments), function.position);
  }
  // max(a, b) = CASE WHEN b IS NULL OR a >= b THEN a ELSE COALESCE(b ...): folded pairwise.
  ExprRef result = arguments[0];
  for (size_t i = 1; i < arguments.size(); ++i) {
    FOREBAY_ASSIGN_OR_RETURN(
        ExprRef keep, apply_operator(name == "greatest" ? ">=" : "<=", {result, arguments[i]},
                                     function.position));
    ExprRef take_left =
        expr::logical(ExprKind::kOr, {expr::logical(ExprKind::kIsNull, {arguments[i]}), keep});
    result = expr::case_when(type, {take_left, result, arguments[i]});
  }
  return result;
}

Result<ExprRef> Binder::bind_function(const ast::Function& function, const ExprContext& context) {
  const std::string& name = function.name.back();
  const bool built_in =
      (function.name.size() == 1 || function.name[function.name.size() - 2] == "pg_catalog") &&
      (!udfs::find_scalar(name).empty() || !udfs::find_aggregate(name).empty() ||
       !udfs::find_table_function(name).empty() || is_window_function(name));
  if (!built_in && !function.over) {
    FOREBAY_ASSIGN_OR_RETURN(auto own, find_functions(function.name));
    if (!own.empty()) return bind_user_call(function, context);
  }
  if (function.name.size() > 1 && function.name[function.name.size() - 2] != "pg_catalog") {
    return error(state::kUndefinedFunction,
                 fmt::format("function {} does not exist", ast::quote_name(function.name)),
                 function.position);
  }
  for (const ast::FunctionArg& argument : function.args) {
    if (!argument.name.empty()) {
      return unsupported("named arguments are", argument.value->position,
                         "Give arguments by position.");
    }
    if (argument.variadic) {
      return unsupported("VARIADIC arguments are", argument.value->position, "List the arguments.");
    }
  }
  if (function.over) return bind_over(function, name, context);
  bool done = false;
  FOREBAY_ASSIGN_OR_RETURN(ExprRef special, bind_special(function, name, context, &done));
  if (done) return special;
  if (!udfs::find_aggregate(name).empty()) return bind_aggregate(function, name, context);
  if (is_window_function(name)) {
    return error(state::kWrongObjectType,
                 fmt::format("window function {} requires an OVER clause", name),
                 function.position);
  }
  if (!udfs::find_table_function(name).empty() && udfs::find_scalar(name).empty()) {
    return unsupported("a set-returning function in an expression is", function.position,
                       "Call it in FROM: SELECT ... FROM t, generate_series(1, t.n) AS i.");
  }
  const char* misplaced = function.distinct            ? "DISTINCT"
                          : function.filter            ? "FILTER"
                          : !function.order_by.empty() ? "ORDER BY"
                          : function.star              ? "*"
                                                       : nullptr;
  if (misplaced != nullptr && !udfs::find_scalar(name).empty()) {
    return error(state::kWrongObjectType,
                 fmt::format("{} specified, but {} is not an aggregate function", misplaced, name),
                 function.position);
  }
  return bind_scalar_call(function, name, context);
}

std::string_view clause_words(Clause clause) {
  switch (clause) {
    case Clause::kWhere:
      return "WHERE";
    case Clause::kJoin:
      return "JOIN conditions";
    case Clause::kGroupBy:
      return "GROUP BY";
    case Clause::kLimit:
      return "LIMIT";
    case Clause::kOffset:
      return "OFFSET";
    case Clause::kValues:
      return "VALUES";
    case Clause::kFilter:
      return "FILTER";
    case Clause::kReturning:
      return "RETURNING";
    case Clause::kUpdate:
      return "UPDATE";
    case Clause::kDefault:
      return "DEFAULT expressions";
    case Clause::kWatermark:
      return "WATERMARK expressions";
    case Clause::kGenerated:
      return "column generation expressions";
    case Clause::kExecute:
      return "EXECUTE parameters";
    case Clause::kHaving:
      return "HAVING";
    case Clause::kWindowDefinition:
      return "window definitions";
    case Clause::kFunctionInFrom:
      return "functions in FROM";
    default:
      return "this context";
  }
}

Result<AggregateState*> Binder::aggregate_owner(const BoundAggregate& call,
                                                const ExprContext& context,
                                                int32_t position) const {
  plan::ColumnSet used;
  for (const ExprRef& argument : call.arguments) plan::add_columns(argument, used);
  for (const BoundAggregate::Order& order : call.order) plan::add_columns(order.value, used);
  if (call.filter) plan::add_columns(call.filter, used);
  auto is_over = [&](const Scope& scope) {
    for (const ScopeRelation& relation : scope.relations) {
      for (const ScopeColumn& column : relation.columns) {
        if (plan::uses_any(column.value, used)) return true;
      }
    }
    return false;
  };
  const Scope* level = context.scope;
  while (!used.empty() && level != nullptr && !is_over(*level)) level = level->parent;
  if (level != nullptr && level != context.scope) {
    // Of an outer query: above its FROM and WHERE only.
    if (level->aggregates != nullptr) return level->aggregates;
    return error(state::kGroupingError, "aggregate functions are not allowed in WHERE", position);
  }
  if (context.aggregates == nullptr) {
    return error(
        state::kGroupingError,
        fmt::format("aggregate functions are not allowed in {}", clause_words(context.clause)),
        position);
  }
  return context.aggregates;
}

Result<ExprRef> Binder::bind_scalar_call(const ast::Function& function, const std::string& name,
                                         const ExprContext& context) {
  std::vector<ExprRef> arguments;
  std::vector<TypeId> types;
  for (const ast::FunctionArg& argument : function.args) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*argument.value, context));
    types.push_back(value->type.id);
    arguments.push_back(std::move(value));
  }
  // A literal is a number where it can be, as in PostgreSQL, which has no to_timestamp(text).
  if (name == "to_timestamp" && types.size() == 1 && types[0] == TypeId::kUnknown) {
    const auto* text = std::get_if<std::string>(&arguments[0]->literal.value);
    if (text == nullptr || data::parse_double(*text).is_ok()) types[0] = TypeId::kDouble;
    FOREBAY_ASSIGN_OR_RETURN(
        arguments[0],
        coerce(arguments[0], Type{types[0] == TypeId::kDouble ? types[0] : TypeId::kText},
               Coercion::kImplicit));
  }
  FunctionMatch match;
  MatchOutcome outcome = match_scalar(name, types, false, &match);
  if (outcome == MatchOutcome::kFound) {
    return call_function(match, std::move(arguments), function.position);
  }
  // text(x), date(x) ...: a type's name as a function is a cast.
  if (arguments.size() == 1) {
    if (TypeId id = data::type_of_name(name); id != TypeId::kUnknown) {
      FOREBAY_ASSIGN_OR_RETURN(ExprRef cast, coerce(arguments[0], Type{id}, Coercion::kExplicit));
      if (cast) return cast;
    }
  }
  if (outcome == MatchOutcome::kAmbiguous) {
    return error(state::kAmbiguousFunction,
                 fmt::format("function {}({}) is not unique", name, type_list(types)),
                 function.position)
        .with_hint(
            "Could not choose a best candidate function. You might need to add explicit type "
            "casts.");
  }
  std::string hint =
      "No function matches the given name and argument types. You might need to add explicit type "
      "casts.";
  if (udfs::find_scalar(name).empty()) {
    auto similar = udfs::similar_function_names(name);
    if (!similar.empty()) hint = fmt::format("did you mean \"{}\"?", similar[0]);
    if (name == "proctime" && arguments.empty()) {
      return unsupported(
          "PROCTIME() as a value is", function.position,
          "Declare a column of a source as p AS PROCTIME(), or write FOR SYSTEM_TIME "
          "AS OF PROCTIME().");
    }
    // Group windows, which Flink has deprecated.
    const std::string_view first = std::string_view(name).substr(0, name.find('_'));
    if (first == "tumble" || first == "hop" || first == "session") {
      hint =
          "Windows are functions in FROM: SELECT window_start, ... FROM TABLE(TUMBLE(TABLE t, "
          "DESCRIPTOR(ts), INTERVAL '10' MINUTES)) GROUP BY window_start, window_end.";
    }
  }
  return error(state::kUndefinedFunction,
               fmt::format("function {}({}) does not exist", ast::quote_name(function.name),
                           type_list(types)),
               function.position)
      .with_hint(hint);
}

}  // namespace forebay::sql::binder
