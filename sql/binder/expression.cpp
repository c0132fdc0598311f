#include <fmt/format.h>

#include "engine/data/text_format.h"
#include "sql/ast/print.h"
#include "sql/binder/binder.h"

/// Expressions: the switch over AST kinds, literals, casts, tests.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using expr::ExprKind;

Result<ExprRef> Binder::bind(const ast::Expr& expr, const ExprContext& context) {
  FOREBAY_ASSIGN_OR_RETURN(ExprRef bound, bind_inner(expr, context));
  // Remembered unless a leaf of its own is already: errors about types point to the expression.
  if (!positions_.contains(bound.get())) remember(bound, expr.position);
  return bound;
}

Result<ExprRef> Binder::bind_inner(const ast::Expr& expr, const ExprContext& context) {
  switch (expr.kind) {
    case ast::ExprKind::kLiteral:
      return bind_literal(ast::as<ast::Literal>(expr));
    case ast::ExprKind::kColumnRef:
      return bind_column(ast::as<ast::ColumnRef>(expr), context);
    case ast::ExprKind::kParameter:
      return bind_parameter(ast::as<ast::Parameter>(expr));
    case ast::ExprKind::kUnary:
      return bind_unary(ast::as<ast::Unary>(expr), context);
    case ast::ExprKind::kBinary:
      return bind_binary(ast::as<ast::Binary>(expr), context);
    case ast::ExprKind::kLogical: {
      const auto& logical = ast::as<ast::Logical>(expr);
      std::vector<ExprRef> children;
      for (const auto& operand : logical.operands) {
        FOREBAY_ASSIGN_OR_RETURN(ExprRef child,
                                 bind_condition(*operand, context, logical.is_or ? "OR" : "AND"));
        children.push_back(std::move(child));
      }
      return expr::logical(logical.is_or ? ExprKind::kOr : ExprKind::kAnd, std::move(children));
    }
    case ast::ExprKind::kNot: {
      FOREBAY_ASSIGN_OR_RETURN(ExprRef child,
                               bind_condition(*ast::as<ast::Not>(expr).operand, context, "NOT"));
      return expr::logical(ExprKind::kNot, {child});
    }
    case ast::ExprKind::kIsTest:
      return bind_is_test(ast::as<ast::IsTest>(expr), context);
    case ast::ExprKind::kDistinctFrom: {
      const auto& test = ast::as<ast::DistinctFrom>(expr);
      FOREBAY_ASSIGN_OR_RETURN(ExprRef left, bind(*test.left, context));
      FOREBAY_ASSIGN_OR_RETURN(ExprRef right, bind(*test.right, context));
      FOREBAY_RETURN_IF_ERROR(make_comparable(left, right, "=", expr.position));
      return expr::logical(test.negated ? ExprKind::kIsNotDistinctFrom : ExprKind::kIsDistinctFrom,
                           {left, right});
    }
    case ast::ExprKind::kBetween:
      return bind_between(ast::as<ast::Between>(expr), context);
    case ast::ExprKind::kIn: {
      const auto& in = ast::as<ast::In>(expr);
      return in.query ? bind_in_query(in, context) : bind_in_list(in, context);
    }
    case ast::ExprKind::kLike:
      return bind_like(ast::as<ast::Like>(expr), context);
    case ast::ExprKind::kCase:
      return bind_case(ast::as<ast::Case>(expr), context);
    case ast::ExprKind::kCast:
      return bind_cast(ast::as<ast::Cast>(expr), context);
    case ast::ExprKind::kCollate: {
      const auto& collate = ast::as<ast::Collate>(expr);
      const std::string& name = collate.collation.back();
      if (name != "C" && name != "default" && name != "POSIX" && name != "ucs_basic") {
        return unsupported(fmt::format("collation \"{}\" is", name), expr.position,
                           "Text is ordered by its bytes: COLLATE \"C\".");
      }
      return bind(*collate.operand, context);
    }
    case ast::ExprKind::kFunction:
      return bind_function(ast::as<ast::Function>(expr), context);
    case ast::ExprKind::kSubquery:
      return bind_subquery(ast::as<ast::Subquery>(expr), context);
    case ast::ExprKind::kQuantified:
      return bind_quantified(ast::as<ast::Quantified>(expr), context);
    case ast::ExprKind::kStar:
      return error(state::kSyntaxError, "row expansion via \"*\" is not supported here",
                   expr.position);
    case ast::ExprKind::kRow:
      return unsupported("row values are", expr.position,
                         "Rows can be compared with rows: (a, b) = (1, 2), (a, b) IN (...).");
    case ast::ExprKind::kArray:
      return bind_array(ast::as<ast::Array>(expr), data::kUnknownType, context);
    case ast::ExprKind::kSubscript:
      return bind_subscript(ast::as<ast::Subscript>(expr), context);
    case ast::ExprKind::kField:
      return bind_field(ast::as<ast::Field>(expr), context);
    case ast::ExprKind::kDefault:
      return error(state::kSyntaxError, "DEFAULT is not allowed in this context", expr.position);
  }
  return Status::internal("unknown expression");
}

Result<ExprRef> Binder::bind_condition(const ast::Expr& expr, const ExprContext& context,
                                       std::string_view word) {
  FOREBAY_ASSIGN_OR_RETURN(ExprRef bound, bind(expr, context));
  return to_condition(std::move(bound), expr.position, word);
}

Result<ExprRef> Binder::to_condition(ExprRef bound, int32_t position, std::string_view word) {
  if (bound->type.id == TypeId::kBoolean) return bound;
  FOREBAY_ASSIGN_OR_RETURN(ExprRef condition,
                           coerce(bound, data::kBooleanType, Coercion::kImplicit));
  if (condition) return condition;
  int32_t leaf = position_of(bound);
  return error(state::kDatatypeMismatch,
               fmt::format("argument of {} must be type boolean, not type {}", word,
                           Type{bound->type.id}.name()),
               leaf != 0 ? leaf : position);
}

Result<ExprRef> Binder::bind_literal(const ast::Literal& literal) {
  data::Datum datum;
  switch (literal.literal) {
    case ast::LiteralKind::kNull:
      datum = data::Datum::null(data::kUnknownType);
      break;
    case ast::LiteralKind::kBoolean:
      datum = {data::kBooleanType, literal.boolean};
      break;
    case ast::LiteralKind::kInteger:
      if (literal.integer >= INT32_MIN && literal.integer <= INT32_MAX) {
        datum = {data::kIntegerType, static_cast<int32_t>(literal.integer)};
      } else {
        datum = {data::kBigintType, literal.integer};
      }
      break;
    case ast::LiteralKind::kNumeric: {
      Result<data::Numeric> number = data::parse_numeric(literal.text);
      if (!number.is_ok()) return number.take_status().at(place(literal.position));
      datum = {data::kNumericType, *number};
      break;
    }
    case ast::LiteralKind::kString:
      datum = {data::kUnknownType, literal.text};
      break;
  }
  ExprRef bound = expr::literal(std::move(datum));
  remember(bound, literal.position);
  return bound;
}

Result<ExprRef> Binder::bind_parameter(const ast::Parameter& parameter) {
  if (function_arguments_ != nullptr && parameter.index >= 1 &&
      static_cast<size_t>(parameter.index) <= function_arguments_->size()) {
    return (*function_arguments_)[static_cast<size_t>(parameter.index) - 1];
  }
  if (!options_.takes_parameters || parameter.index < 1 || parameter.index > 65535 ||
      view_depth_ > 0 || materialized_) {
    return error(state::kUndefinedParameter,
                 fmt::format("there is no parameter ${}", parameter.index), parameter.position);
  }
  auto index = static_cast<uint32_t>(parameter.index - 1);
  if (parameters_.size() <= index) parameters_.resize(index + 1, data::kUnknownType);
  ExprRef bound = expr::parameter(index, parameters_[index]);
  remember(bound, parameter.position);
  return bound;
}

Result<std::vector<Type>> Binder::parameter_types() const {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (parameters_[i].id == TypeId::kUnknown) {
      return Status(state::kIndeterminateDatatype,
                    fmt::format("could not determine data type of parameter ${}", i + 1));
    }
  }
  return parameters_;
}

Result<ExprRef> Binder::bind_is_test(const ast::IsTest& test, const ExprContext& context) {
  if (test.test == ast::IsTestKind::kNull) {
    ExprKind kind = test.negated ? ExprKind::kIsNotNull : ExprKind::kIsNull;
    if (test.operand->kind == ast::ExprKind::kRow) {
      std::vector<ExprRef> parts;
      for (const auto& item : ast::as<ast::Row>(*test.operand).items) {
        FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*item, context));
        FOREBAY_ASSIGN_OR_RETURN(value, settle_unknown(value));
        parts.push_back(expr::logical(kind, {value}));
      }
      return parts.size() == 1 ? parts[0] : expr::logical(ExprKind::kAnd, std::move(parts));
    }
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*test.operand, context));
    FOREBAY_ASSIGN_OR_RETURN(value, settle_unknown(value));
    return expr::logical(kind, {value});
  }
  static constexpr std::string_view kWords[] = {"", "IS TRUE", "IS FALSE", "IS UNKNOWN"};
  static constexpr std::string_view kNotWords[] = {"", "IS NOT TRUE", "IS NOT FALSE",
                                                   "IS NOT UNKNOWN"};
  auto which = static_cast<size_t>(test.test);
  FOREBAY_ASSIGN_OR_RETURN(
      ExprRef value,
      bind_condition(*test.operand, context, test.negated ? kNotWords[which] : kWords[which]));
  if (test.test == ast::IsTestKind::kUnknown) {
    return expr::logical(test.negated ? ExprKind::kIsNotNull : ExprKind::kIsNull, {value});
  }
  return expr::logical(test.negated ? ExprKind::kIsDistinctFrom : ExprKind::kIsNotDistinctFrom,
                       {value, plan::boolean_literal(test.test == ast::IsTestKind::kTrue)});
}

Result<ExprRef> Binder::bind_cast(const ast::Cast& cast, const ExprContext& context) {
  if (cast.operand->kind == ast::ExprKind::kLiteral &&
      ast::as<ast::Literal>(*cast.operand).literal == ast::LiteralKind::kNumeric) {
    // 1e300::double precision: read as a double, because it has more digits than numeric takes.
    auto type = resolve_type(cast.type);
    if (type.is_ok() && type->id == TypeId::kDouble) {
      auto number = data::parse_double(ast::as<ast::Literal>(*cast.operand).text);
      if (!number.is_ok()) return number.take_status().at(place(cast.operand->position));
      ExprRef bound = expr::literal({data::kDoubleType, *number});
      remember(bound, cast.operand->position);
      return bound;
    }
  }
  if (cast.operand->kind == ast::ExprKind::kArray) {
    // The elements are read as the type that is wanted: ARRAY[]::integer[], ARRAY['1']::integer[].
    auto type = resolve_type(cast.type);
    if (type.is_ok() && type->is_array()) {
      return bind_array(ast::as<ast::Array>(*cast.operand), type->element(), context);
    }
  }
  if (cast.operand->kind == ast::ExprKind::kCast && cast.type.names.back() == "text") {
    // The names that oids of these kinds stand for: 23::regtype::text is integer.
    const auto& inner = ast::as<ast::Cast>(*cast.operand);
    const std::string& kind = inner.type.names.back();
    if (inner.type.array_dimensions == 0 && (kind == "regtype" || kind == "regclass")) {
      FOREBAY_ASSIGN_OR_RETURN(ExprRef oid, bind(inner, context));
      if (kind == "regclass") return call_named("pg_relation_name", {oid}, cast.position);
      ExprRef modifier = expr::literal(data::Datum::null(data::kIntegerType));
      return call_named("format_type", {oid, modifier}, cast.position);
    }
  }
  FOREBAY_ASSIGN_OR_RETURN(ExprRef operand, bind(*cast.operand, context));
  const bool is_text_literal = operand->kind == ExprKind::kLiteral &&
                               operand->type.id == TypeId::kUnknown && !operand->literal.is_null();
  const std::string& name = cast.type.names.back();
  if (is_text_literal && name == "interval" && !cast.type.interval_fields.empty()) {
    std::string fields = cast.type.interval_fields;
    for (char& c : fields) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    auto interval = data::parse_interval(std::get<std::string>(operand->literal.value), fields);
    if (!interval.is_ok()) return interval.take_status().at(place(position_of(operand)));
    return expr::literal({data::kIntervalType, *interval});
  }
  if (is_text_literal && name == "regclass") {
    return bind_regclass(std::get<std::string>(operand->literal.value), position_of(operand));
  }
  const bool is_text = operand->type.is_string() || operand->type.id == TypeId::kUnknown;
  if (is_text && cast.type.array_dimensions == 0 && (name == "regclass" || name == "regtype")) {
    FOREBAY_ASSIGN_OR_RETURN(operand, coerce(operand, data::kTextType, Coercion::kExplicit));
    return call_named(name, {operand}, cast.position);
  }
  if (is_text_literal && name == "regproc") {
    std::string function = std::get<std::string>(operand->literal.value);
    if (function.starts_with("pg_catalog.")) function.erase(0, 11);
    return expr::literal({data::kTextType, std::move(function)});
  }
  auto resolved = resolve_type(cast.type);
  if (!resolved.is_ok()) {
    Status status = resolved.take_status();
    if (view_depth_ > 0) status.error().position = 0;
    return status;
  }
  FOREBAY_ASSIGN_OR_RETURN(ExprRef value, coerce(operand, *resolved, Coercion::kExplicit));
  if (value) return value;
  return error(state::kCannotCoerce,
               fmt::format("cannot cast type {} to {}", Type{operand->type.id}.name(),
                           Type{resolved->id}.name()),
               cast.position);
}

Result<ExprRef> Binder::bind_regclass(const std::string& text, int32_t position) const {
  if (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos) {
    FOREBAY_ASSIGN_OR_RETURN(int64_t number, data::parse_oid(text));
    return expr::literal({data::kOidType, number});
  }
  std::vector<std::string> parts{""};
  bool quoted = false;
  for (char c : text) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == '.' && !quoted) {
      parts.emplace_back();
    } else {
      parts.back() += quoted ? c : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  FOREBAY_ASSIGN_OR_RETURN(CatalogObjectRef object, find_object(parts, position));
  return expr::literal({data::kOidType, catalog::oid_of(object->id)});
}

}  // namespace forebay::sql::binder
