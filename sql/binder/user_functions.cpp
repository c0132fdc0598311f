#include <fmt/format.h>

#include <algorithm>

#include "sql/ast/print.h"
#include "sql/binder/binder.h"
#include "sql/binder/dependants.h"
#include "sql/parser/parser.h"

/// Functions that users write, in SQL (and what those in C++ share with them,
/// native_functions.cpp). They are inlined: a call becomes the body's expression over the
/// arguments, a body that reads tables becomes a subquery, and a function that returns rows becomes
/// a LATERAL subquery.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using catalog::ObjectKind;

namespace {

constexpr std::string_view kLanguageHint = "LANGUAGE SQL and LANGUAGE CPP are there.";

Status invalid_definition(std::string message) {
  return Status(data::SqlState("42P13"), std::move(message));
}

/// The CREATE FUNCTION of an object, and what its body is.
struct Definition {
  std::vector<ParsedStatement> statements;
  std::vector<ParsedStatement> body_statements;
  const ast::CreateFunction* create = nullptr;
  /// One of the two: RETURN expr, or the only item of SELECT without anything else; or a query.
  const ast::Expr* value = nullptr;
  const ast::Query* query = nullptr;
};

/// `SELECT expr` and no more.
const ast::Expr* plain_value(const ast::Query& query) {
  if (query.kind != ast::QueryKind::kSelect || !query.with.empty() || !query.order_by.empty() ||
      query.limit || query.offset) {
    return nullptr;
  }
  const ast::Select& select = *query.select;
  const bool plain = select.items.size() == 1 && select.from.empty() && !select.where &&
                     !select.grouped && !select.having && !select.distinct;
  return plain && select.items[0].value->kind != ast::ExprKind::kStar ? select.items[0].value.get()
                                                                      : nullptr;
}

Status find_body(const ast::CreateFunction& create, Definition& out) {
  out.create = &create;
  if (create.returned) {
    out.value = create.returned.get();
    return Status::ok();
  }
  FOREBAY_ASSIGN_OR_RETURN(out.body_statements, parse_statements(create.body[0]));
  if (out.body_statements.size() != 1 ||
      out.body_statements[0].statement->kind != ast::StatementKind::kQuery) {
    return Status(state::kFeatureNotSupported,
                  "a function body of other than one query is not supported")
        .with_hint("Write one SELECT.");
  }
  out.query = ast::as<ast::QueryStatement>(*out.body_statements[0].statement).query.get();
  if (!create.returns_rows) out.value = plain_value(*out.query);
  return Status::ok();
}

Status parse_definition(const std::string& text, Definition& out) {
  FOREBAY_ASSIGN_OR_RETURN(out.statements, parse_statements(text));
  FOREBAY_CHECK(out.statements.size() == 1 &&
                    out.statements[0].statement->kind == ast::StatementKind::kCreateFunction,
                "a function without its definition");
  return find_body(ast::as<ast::CreateFunction>(*out.statements[0].statement), out);
}

std::string signature_text(const catalog::CatalogObject& function) {
  std::vector<TypeId> types;
  for (const data::Field& parameter : function.parameters) types.push_back(parameter.type.id);
  return fmt::format("{}({})", function.function_name, type_list(types));
}

}  // namespace

Result<std::vector<CatalogObjectRef>> Binder::find_functions(
    const std::vector<std::string>& name) const {
  std::vector<CatalogObjectRef> found;
  if (name.size() > 1) return snapshot_->functions(name[name.size() - 2], name.back());
  for (const std::string& schema : *search_path_) {
    auto more = snapshot_->functions(schema, name.back());
    found.insert(found.end(), more.begin(), more.end());
  }
  return found;
}

Result<CatalogObjectRef> Binder::choose_function(const std::vector<CatalogObjectRef>& functions,
                                                 std::span<const TypeId> given,
                                                 const ast::Function& call) const {
  std::vector<std::vector<TypeId>> signatures;
  for (const CatalogObjectRef& function : functions) {
    signatures.emplace_back();
    for (const data::Field& parameter : function->parameters) {
      signatures.back().push_back(parameter.type.id);
    }
  }
  size_t chosen = 0;
  const MatchOutcome outcome = match_signatures(signatures, given, &chosen);
  if (outcome == MatchOutcome::kFound) return functions[chosen];
  const bool none = outcome == MatchOutcome::kNone;
  return error(none ? state::kUndefinedFunction : state::kAmbiguousFunction,
               fmt::format("function {}({}) {}", ast::quote_name(call.name), type_list(given),
                           none ? "does not exist" : "is not unique"),
               call.position)
      .with_hint(none ? "No function matches the given name and argument types. You might need to "
                        "add explicit type casts."
                      : "Could not choose a best candidate function. You might need to add "
                        "explicit type casts.");
}

Result<std::vector<ExprRef>> Binder::bind_call_arguments(const ast::Function& call,
                                                         const ExprContext& context,
                                                         CatalogObjectRef* function) {
  FOREBAY_ASSIGN_OR_RETURN(auto functions, find_functions(call.name));
  std::vector<ExprRef> arguments;
  std::vector<TypeId> types;
  for (const ast::FunctionArg& argument : call.args) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*argument.value, context));
    types.push_back(value->type.id);
    arguments.push_back(std::move(value));
  }
  FOREBAY_ASSIGN_OR_RETURN(*function, choose_function(functions, types, call));
  for (size_t i = 0; i < arguments.size(); ++i) {
    Type target = (*function)->parameters[i].type;
    FOREBAY_ASSIGN_OR_RETURN(arguments[i], coerce(arguments[i], target, Coercion::kImplicit));
    FOREBAY_CHECK(arguments[i] != nullptr, "a matched function takes its arguments");
    const bool is_inlined =
        (*function)->native.scalar == nullptr && (*function)->native.table == nullptr;
    if (is_inlined && expr::volatility(*arguments[i]) == udfs::Volatility::kVolatile) {
      return unsupported("a volatile argument of a function in SQL is",
                         leftmost_position(*call.args[i].value), "Compute it in a subquery first.");
    }
  }
  if (std::find(dependencies_.begin(), dependencies_.end(), (*function)->id) ==
      dependencies_.end()) {
    dependencies_.push_back((*function)->id);
  }
  return arguments;
}

namespace {

/// The parameters as a level of names around the body.
Scope parameter_scope(const catalog::CatalogObject& function,
                      const std::vector<ExprRef>& arguments) {
  Scope scope;
  ScopeRelation relation;
  relation.alias = function.function_name;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (function.parameters[i].name.empty()) continue;
    relation.columns.push_back({function.parameters[i].name, arguments[i]});
  }
  scope.visible = relation.columns;
  scope.relations.push_back(std::move(relation));
  return scope;
}

}  // namespace

template <typename F>
auto Binder::in_body(const catalog::CatalogObject& function, const std::vector<ExprRef>& arguments,
                     F&& bind_body) -> decltype(bind_body()) {
  const CteFrame* ctes = std::exchange(ctes_, nullptr);
  const std::vector<std::string>* path = std::exchange(search_path_, &function.search_path);
  const std::vector<ExprRef>* outer = std::exchange(function_arguments_, &arguments);
  const ObjectId outer_reader =
      std::exchange(reader_, function.id.value != 0 ? function.id : reader_);
  ++view_depth_;
  auto result = bind_body();
  --view_depth_;
  function_arguments_ = outer;
  reader_ = outer_reader;
  search_path_ = path;
  ctes_ = ctes;
  return result;
}

Result<ExprRef> Binder::bind_user_call(const ast::Function& call, const ExprContext& context) {
  if (call.distinct || call.filter || call.star || !call.order_by.empty()) {
    return error(state::kWrongObjectType,
                 fmt::format("{} is not an aggregate function", call.name.back()), call.position);
  }
  if (context.clause == Clause::kDefault) {
    return unsupported("a function in SQL as a DEFAULT is", call.position,
                       "Write the expression itself.");
  }
  if (context.clause == Clause::kWatermark || context.clause == Clause::kGenerated) {
    return unsupported(context.clause == Clause::kWatermark
                           ? "a function of yours in a WATERMARK is"
                           : "a function of yours in a generated column is",
                       call.position,
                       "Write the expression itself.");
  }
  if (view_depth_ > 100) {
    return error(state::kTooComplex, "functions are nested too deeply", call.position);
  }
  CatalogObjectRef function;
  FOREBAY_ASSIGN_OR_RETURN(auto arguments, bind_call_arguments(call, context, &function));
  if (function->returns_rows) {
    return unsupported("a set-returning function in an expression is", call.position,
                       "Call it in FROM.");
  }
  if (function->native.scalar != nullptr) return call_native(*function, std::move(arguments));
  const std::vector<ObjectId> outside = dependencies_;
  FOREBAY_ASSIGN_OR_RETURN(ExprRef value,
                           inline_call(*function, arguments, context, call.position));
  if (!materialized_) dependencies_ = outside;
  if (!function->strict) return value;
  std::vector<ExprRef> nulls;
  for (const ExprRef& argument : arguments) {
    nulls.push_back(expr::logical(expr::ExprKind::kIsNull, {argument}));
  }
  if (nulls.empty()) return value;
  ExprRef any = nulls.size() == 1 ? nulls[0] : expr::logical(expr::ExprKind::kOr, nulls);
  return expr::case_when(value->type, {any, expr::literal(data::Datum::null(value->type)), value});
}

Result<ExprRef> Binder::inline_call(const catalog::CatalogObject& function,
                                    const std::vector<ExprRef>& arguments,
                                    const ExprContext& context, int32_t position) {
  Definition definition;
  FOREBAY_RETURN_IF_ERROR(parse_definition(function.definition, definition));
  const Scope scope = parameter_scope(function, arguments);
  ExprRef value;
  if (definition.value != nullptr) {
    ExprContext body = context;
    body.scope = &scope;
    body.aggregates = nullptr;
    FOREBAY_ASSIGN_OR_RETURN(
        value, in_body(function, arguments, [&] { return bind(*definition.value, body); }));
  } else {
    if (context.subqueries == nullptr) {
      return unsupported("a function that reads tables here is", position,
                         "Compute the value in a query first.");
    }
    FOREBAY_ASSIGN_OR_RETURN(QueryPlan query, in_body(function, arguments, [&] {
                               return bind_query(*definition.query, &scope);
                             }));
    if (query.columns.size() != 1) {
      return invalid_definition(
                 fmt::format("return type mismatch in function declared to return {}",
                             function.columns[0].type.name()))
          .with_detail("Final statement must return exactly one column.");
    }
    // The first row counts.
    ExprRef one = expr::literal({data::kBigintType, int64_t{1}});
    NodeRef first = plan::make_top_n(std::move(query.plan), {}, query.order, one, nullptr);
    const Column column = query.columns[0].column;
    first = plan::make_single_row(plan::make_narrow(std::move(first), {column}), {});
    context.subqueries->push_back({plan::JoinKind::kLeft, std::move(first), position});
    value = plan::column_ref(column);
  }
  return as_declared(value, function.columns[0].type);
}

Result<ExprRef> Binder::as_declared(const ExprRef& value, Type type) {
  const TypeId actual = value->type.id;
  FOREBAY_ASSIGN_OR_RETURN(ExprRef cast, coerce(value, type, Coercion::kAssignment));
  if (cast) return cast;
  return invalid_definition(
             fmt::format("return type mismatch in function declared to return {}", type.name()))
      .with_detail(fmt::format("Actual return type is {}.", Type{actual}.name()));
}

Result<NodeRef> Binder::bind_user_rows(const ast::Function& call, const ExprContext& context,
                                       Columns* results) {
  CatalogObjectRef function;
  FOREBAY_ASSIGN_OR_RETURN(auto arguments, bind_call_arguments(call, context, &function));
  if (function->native.table != nullptr) {
    return rows_of_native(*function, std::move(arguments), results);
  }
  Definition definition;
  FOREBAY_RETURN_IF_ERROR(parse_definition(function->definition, definition));
  const Scope scope = parameter_scope(*function, arguments);
  const std::vector<ObjectId> outside = dependencies_;
  FOREBAY_ASSIGN_OR_RETURN(QueryPlan query, in_body(*function, arguments, [&] {
                             return bind_query(*definition.query, &scope);
                           }));
  if (!materialized_) dependencies_ = outside;
  if (query.columns.size() != function->columns.size()) {
    return invalid_definition("return type mismatch in function declared to return record")
        .with_detail(fmt::format("Final statement returns too {} columns.",
                                 query.columns.size() > function->columns.size() ? "many" : "few"));
  }
  std::vector<ExprRef> values;
  for (size_t i = 0; i < query.columns.size(); ++i) {
    const data::Field& field = function->columns[i];
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value,
                             as_declared(plan::column_ref(query.columns[i].column), field.type));
    results->push_back(columns_.make(field.name, value->type));
    values.push_back(std::move(value));
  }
  NodeRef plan = plan::make_project(std::move(query.plan), *results, std::move(values));
  if (!function->strict) return plan;
  std::vector<ExprRef> present;
  for (const ExprRef& argument : arguments) {
    present.push_back(expr::logical(expr::ExprKind::kIsNotNull, {argument}));
  }
  return plan::make_filter(std::move(plan), plan::make_conjunction(std::move(present)));
}

Status Binder::check_function_words(const ast::CreateFunction& create) const {
  if (create.or_replace) {
    return unsupported("CREATE OR REPLACE FUNCTION is", create.name.position,
                       "DROP FUNCTION, then CREATE FUNCTION.");
  }
  if (create.language != "sql" && create.language != "cpp" && !create.returned) {
    if (create.language.empty()) {
      return error(data::SqlState("42P13"), "no language specified", 0);
    }
    return unsupported(fmt::format("language \"{}\" is", create.language), create.language_position,
                       std::string(kLanguageHint));
  }
  if (create.body.empty() && !create.returned) {
    return error(data::SqlState("42P13"), "no function body specified", 0);
  }
  if (!create.result && create.table.empty()) {
    return error(data::SqlState("42P13"), "function result type must be specified", 0);
  }
  if (create.returned && create.returns_rows) {
    return unsupported("RETURN of a function that returns rows is", create.position,
                       "Write AS $$ SELECT ... $$.");
  }
  const std::string& name = create.name.parts.back();
  if (!udfs::find_scalar(name).empty() || !udfs::find_aggregate(name).empty() ||
      !udfs::find_table_function(name).empty()) {
    return unsupported(fmt::format("a function with the name of the built-in \"{}\" is", name),
                       create.name.position, "Choose another name.");
  }
  return Status::ok();
}

Result<BoundCreate> Binder::bind_create_function(const ast::CreateFunction& create) {
  FOREBAY_RETURN_IF_ERROR(check_function_words(create));
  BoundCreate out;
  FOREBAY_ASSIGN_OR_RETURN(auto name, new_name(create.name));
  auto object = std::make_shared<catalog::CatalogObject>();
  object->kind = ObjectKind::kFunction;
  object->schema = name.first;
  object->function_name = name.second;
  object->definition = options_.text;
  object->search_path = options_.search_path;
  object->strict = create.strict;
  object->returns_rows = create.returns_rows;
  for (const ast::FunctionParameter& parameter : create.parameters) {
    for (const data::Field& other : object->parameters) {
      if (parameter.name.empty() || other.name != parameter.name) continue;
      return error(data::SqlState("42P13"),
                   fmt::format("parameter name \"{}\" used more than once", parameter.name),
                   parameter.position);
    }
    FOREBAY_ASSIGN_OR_RETURN(Type type, typed(parameter.type));
    object->parameters.push_back({parameter.name, type, false});
  }
  if (create.result) {
    FOREBAY_ASSIGN_OR_RETURN(Type type, typed(*create.result));
    object->columns.push_back({name.second, type, false});
  }
  for (const ast::FunctionParameter& column : create.table) {
    FOREBAY_ASSIGN_OR_RETURN(Type type, typed(column.type));
    object->columns.push_back({column.name, type, false});
  }
  // Its name in the catalog tells overloads apart.
  object->name = signature_text(*object);
  for (const CatalogObjectRef& other : snapshot_->functions(name.first, name.second)) {
    if (other->name != object->name) continue;
    return error(
        data::SqlState("42723"),
        fmt::format("function \"{}\" already exists with same argument types", name.second), 0);
  }
  if (create.language == "cpp") {
    FOREBAY_RETURN_IF_ERROR(bind_native(create, *object));
  } else {
    FOREBAY_RETURN_IF_ERROR(try_body(create, *object));
  }
  object->dependencies = dependencies_;
  out.object = std::move(object);
  out.catalog = snapshot_;
  return out;
}

Result<Type> Binder::typed(const ast::TypeName& name) const {
  auto type = resolve_type(name);
  if (!type.is_ok()) return type.take_status();
  // As PostgreSQL: the modifier of a parameter or result means nothing.
  return Type{type->id};
}

/// Binds the body once over columns of the parameters' types, for its errors and dependencies.
Status Binder::try_body(const ast::CreateFunction& create, const catalog::CatalogObject& function) {
  Definition definition;
  FOREBAY_RETURN_IF_ERROR(find_body(create, definition));
  std::vector<ExprRef> arguments;
  Columns columns;
  for (const data::Field& parameter : function.parameters) {
    columns.push_back(columns_.make(parameter.name, parameter.type));
    arguments.push_back(plan::column_ref(columns.back()));
  }
  const Scope scope = parameter_scope(function, arguments);
  if (definition.value != nullptr) {
    PendingSubqueries pending;
    ExprContext context{&scope, Clause::kSelect, nullptr, &pending};
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, in_body(function, arguments, [&] {
                               return bind(*definition.value, context);
                             }));
    return as_declared(value, function.columns[0].type).take_status();
  }
  FOREBAY_ASSIGN_OR_RETURN(QueryPlan query, in_body(function, arguments, [&] {
                             return bind_query(*definition.query, &scope);
                           }));
  if (query.columns.size() != function.columns.size()) {
    return invalid_definition(
               fmt::format("return type mismatch in function declared to return {}",
                           create.table.empty() ? function.columns[0].type.name() : "record"))
        .with_detail(create.table.empty() ? "Final statement must return exactly one column."
                     : query.columns.size() > function.columns.size()
                         ? "Final statement returns too many columns."
                         : "Final statement returns too few columns.");
  }
  for (size_t i = 0; i < query.columns.size(); ++i) {
    FOREBAY_RETURN_IF_ERROR(
        as_declared(plan::column_ref(query.columns[i].column), function.columns[i].type)
            .take_status());
  }
  return Status::ok();
}

Result<BoundDrop> Binder::bind_drop_function(const ast::Drop& drop,
                                             std::vector<std::string>& notices) {
  BoundDrop out;
  std::vector<std::string> details, cascades;
  for (size_t i = 0; i < drop.names.size(); ++i) {
    const ast::QualifiedName& name = drop.names[i];
    FOREBAY_ASSIGN_OR_RETURN(auto found, find_functions(name.parts));
    std::string shown = fmt::format("{}", fmt::join(name.parts, "."));
    if (drop.signatures[i]) {
      std::vector<TypeId> wanted;
      for (const ast::FunctionParameter& parameter : *drop.signatures[i]) {
        FOREBAY_ASSIGN_OR_RETURN(Type type, typed(parameter.type));
        wanted.push_back(type.id);
      }
      shown = fmt::format("{}({})", shown, type_list(wanted));
      const std::string own = fmt::format("{}({})", name.parts.back(), type_list(wanted));
      std::erase_if(found, [&](const CatalogObjectRef& function) { return function->name != own; });
    }
    if (found.size() > 1) {
      return error(state::kAmbiguousFunction,
                   fmt::format("function name \"{}\" is not unique", shown), 0)
          .with_hint("Specify the argument list to select the function unambiguously.");
    }
    if (found.empty()) {
      if (!drop.if_exists) {
        return error(state::kUndefinedFunction,
                     drop.signatures[i]
                         ? fmt::format("function {} does not exist", shown)
                         : fmt::format("could not find a function named \"{}\"", shown),
                     0);
      }
      notices.push_back(fmt::format("function {}{} does not exist, skipping", shown,
                                    drop.signatures[i] ? "" : "()"));
      continue;
    }
    std::vector<CatalogObjectRef> readers;
    add_dependants(*snapshot_, found[0], readers);
    for (const CatalogObjectRef& reader : readers) {
      if (contains_object(out.objects, reader->id)) continue;
      out.objects.push_back(reader);
      details.push_back(fmt::format("{} {} depends on function {}",
                                    catalog::kind_name(reader->kind), reader->name,
                                    found[0]->name));
      cascades.push_back(fmt::format("{} {}", catalog::kind_name(reader->kind), reader->name));
    }
    if (!contains_object(out.objects, found[0]->id)) out.objects.push_back(found[0]);
    if (!cascades.empty() && !drop.cascade) {
      return Status(state::kDependentObjects,
                    fmt::format("cannot drop function {} because other objects depend on it",
                                found[0]->name))
          .with_detail(fmt::format("{}", fmt::join(details, "\n")))
          .with_hint("Use DROP ... CASCADE to drop the dependent objects too.");
    }
  }
  note_cascades(cascades, notices);
  return out;
}

}  // namespace forebay::sql::binder
