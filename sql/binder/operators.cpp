#include <fmt/format.h>

#include <algorithm>

#include "sql/binder/binder.h"

/// Operators: unary, binary, rows, BETWEEN, IN lists, LIKE.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using expr::ExprKind;

Result<ExprRef> Binder::call_function(const FunctionMatch& match, std::vector<ExprRef> arguments,
                                      int32_t position) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef argument,
                             coerce(arguments[i], Type{match.arguments[i]}, Coercion::kImplicit));
    FOREBAY_CHECK(argument != nullptr, "a matched function takes its arguments");
    arguments[i] = std::move(argument);
  }
  const bool is_time = match.result == TypeId::kTimestampTz || match.result == TypeId::kTimestamp;
  const bool is_now = match.scalar->volatility == udfs::Volatility::kStable && is_time &&
                      match.scalar->arguments.empty();
  if (materialized_ && match.scalar->volatility != udfs::Volatility::kImmutable &&
      !(is_now && takes_now_)) {
    const bool random = match.scalar->volatility == udfs::Volatility::kVolatile;
    return unsupported(
        fmt::format("{}() in a materialized view is", match.scalar->name), position,
        random   ? "Its value would differ each time; compute it in the query that reads the view."
        : is_now ? "Compare a column with it in WHERE: c > now() - INTERVAL '1 hour'."
                 : "A view changes only with its inputs; compare with the time in the query "
                   "that reads the view.");
  }
  ExprRef call = expr::call(match.scalar, Type{match.result}, std::move(arguments));
  remember(call, position);
  return call;
}

Result<ExprRef> Binder::apply_operator(std::string_view op, std::vector<ExprRef> operands,
                                       int32_t position) {
  static constexpr std::string_view kPatternOperators[] = {"~~", "!~~", "~~*", "!~~*",
                                                           "~",  "!~",  "~*",  "!~*"};
  if (operands.size() == 2 && operands[0]->type.id == TypeId::kChar &&
      std::find(std::begin(kPatternOperators), std::end(kPatternOperators), op) !=
          std::end(kPatternOperators)) {
    // Patterns see the blanks of character(n).
    FOREBAY_ASSIGN_OR_RETURN(operands[0], call_named("bpchar_padded", {operands[0]}, position));
  }
  std::vector<TypeId> types;
  for (const ExprRef& operand : operands) types.push_back(operand->type.id);
  FunctionMatch match;
  MatchOutcome outcome = match_scalar(op, types, true, &match);
  if (outcome == MatchOutcome::kFound) return call_function(match, std::move(operands), position);
  if (outcome == MatchOutcome::kNone && operands.size() == 2) {
    static constexpr std::pair<std::string_view, std::string_view> kNegations[] = {
        {"<>", "="}, {"!~~", "~~"}, {"!~~*", "~~*"}, {"!~", "~"}, {"!~*", "~*"}};
    for (const auto& [negated, plain] : kNegations) {
      if (op != negated || !udfs::find_scalar(negated).empty()) continue;
      FOREBAY_ASSIGN_OR_RETURN(ExprRef inner, apply_operator(plain, std::move(operands), position));
      return expr::logical(ExprKind::kNot, {inner});
    }
    // Anything || text is text.
    if (op == "||" && (Type{types[0]}.is_string() || Type{types[1]}.is_string())) {
      for (ExprRef& operand : operands) {
        FOREBAY_ASSIGN_OR_RETURN(operand, coerce(operand, data::kTextType, Coercion::kAssignment));
        if (!operand) break;
      }
      if (operands[0] && operands[1]) return apply_operator(op, std::move(operands), position);
    }
  }
  std::string shown = operands.size() == 1 ? fmt::format("{} {}", op, Type{types[0]}.name())
                                           : fmt::format("{} {} {}", Type{types[0]}.name(), op,
                                                         Type{types[1]}.name());
  if (outcome == MatchOutcome::kAmbiguous) {
    return error(state::kAmbiguousFunction, fmt::format("operator is not unique: {}", shown),
                 position)
        .with_hint(
            "Could not choose a best candidate operator. You might need to add explicit type "
            "casts.");
  }
  return error(state::kUndefinedFunction, fmt::format("operator does not exist: {}", shown),
               position)
      .with_hint(
          operands.size() == 1
              ? "No operator matches the given name and argument type. You might need to add an "
                "explicit type cast."
              : "No operator matches the given name and argument types. You might need to add "
                "explicit type casts.");
}

Status Binder::make_comparable(ExprRef& left, ExprRef& right, std::string_view op,
                               int32_t position) {
  FOREBAY_ASSIGN_OR_RETURN(ExprRef call, apply_operator(op, {left, right}, position));
  left = call->children[0];
  right = call->children[1];
  return Status::ok();
}

Result<ExprRef> Binder::bind_unary(const ast::Unary& unary, const ExprContext& context) {
  FOREBAY_ASSIGN_OR_RETURN(ExprRef operand, bind(*unary.operand, context));
  if (unary.op.symbol == "+" && operand->type.is_number() && udfs::find_scalar("+").empty()) {
    return operand;
  }
  return apply_operator(unary.op.symbol, {operand}, unary.position);
}

Result<ExprRef> Binder::bind_binary(const ast::Binary& binary, const ExprContext& context) {
  const std::string op = binary.op.symbol == "!=" ? "<>" : binary.op.symbol;
  if (!binary.op.schema.empty() && binary.op.schema != "pg_catalog") {
    return error(state::kUndefinedFunction,
                 fmt::format("operator does not exist: {}.{}", binary.op.schema, op),
                 binary.position);
  }
  if (binary.left->kind == ast::ExprKind::kRow && binary.right->kind == ast::ExprKind::kRow) {
    return bind_row_comparison(op, ast::as<ast::Row>(*binary.left),
                               ast::as<ast::Row>(*binary.right), binary.position, context);
  }
  FOREBAY_ASSIGN_OR_RETURN(ExprRef left, bind(*binary.left, context));
  FOREBAY_ASSIGN_OR_RETURN(ExprRef right, bind(*binary.right, context));
  return apply_operator(op, {left, right}, binary.position);
}

Result<ExprRef> Binder::bind_row_comparison(std::string_view op, const ast::Row& left,
                                            const ast::Row& right, int32_t position,
                                            const ExprContext& context) {
  if (left.items.size() != right.items.size()) {
    return error(state::kSyntaxError, "unequal number of entries in row expressions", position);
  }
  if (left.items.empty()) {
    return unsupported("comparison of rows of zero length is", position,
                       "Write at least one value.");
  }
  std::vector<ExprRef> a, b;
  for (size_t i = 0; i < left.items.size(); ++i) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef x, bind(*left.items[i], context));
    FOREBAY_ASSIGN_OR_RETURN(ExprRef y, bind(*right.items[i], context));
    a.push_back(std::move(x));
    b.push_back(std::move(y));
  }
  if (op == "=" || op == "<>") {
    std::vector<ExprRef> parts;
    for (size_t i = 0; i < a.size(); ++i) {
      FOREBAY_ASSIGN_OR_RETURN(ExprRef part, apply_operator(op, {a[i], b[i]}, position));
      parts.push_back(std::move(part));
    }
    if (parts.size() == 1) return parts[0];
    return expr::logical(op == "=" ? ExprKind::kAnd : ExprKind::kOr, std::move(parts));
  }
  if (op != "<" && op != "<=" && op != ">" && op != ">=") {
    return error(
               state::kFeatureNotSupported,
               fmt::format("could not determine interpretation of row comparison operator {}", op),
               position)
        .with_hint("Rows are compared with =, <>, <, <=, > and >=.");
  }
  // a1 < b1 OR (a1 = b1 AND (a2 < b2 OR ...)).
  const std::string strict(op.substr(0, 1));
  ExprRef result;
  for (size_t i = a.size(); i-- > 0;) {
    FOREBAY_ASSIGN_OR_RETURN(
        ExprRef less,
        apply_operator(i + 1 == a.size() ? std::string(op) : strict, {a[i], b[i]}, position));
    if (!result) {
      result = less;
      continue;
    }
    FOREBAY_ASSIGN_OR_RETURN(ExprRef equal, apply_operator("=", {a[i], b[i]}, position));
    result = expr::logical(ExprKind::kOr, {less, expr::logical(ExprKind::kAnd, {equal, result})});
  }
  return result;
}

Result<ExprRef> Binder::bind_between(const ast::Between& between, const ExprContext& context) {
  FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*between.operand, context));
  FOREBAY_ASSIGN_OR_RETURN(ExprRef low, bind(*between.low, context));
  FOREBAY_ASSIGN_OR_RETURN(ExprRef high, bind(*between.high, context));
  auto inside = [&](const ExprRef& from, const ExprRef& to) -> Result<ExprRef> {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef above, apply_operator(">=", {value, from}, between.position));
    FOREBAY_ASSIGN_OR_RETURN(ExprRef below, apply_operator("<=", {value, to}, between.position));
    return expr::logical(ExprKind::kAnd, {above, below});
  };
  FOREBAY_ASSIGN_OR_RETURN(ExprRef result, inside(low, high));
  if (between.symmetric) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef other, inside(high, low));
    result = expr::logical(ExprKind::kOr, {result, other});
  }
  return between.negated ? expr::logical(ExprKind::kNot, {result}) : result;
}

Result<ExprRef> Binder::bind_in_list(const ast::In& in, const ExprContext& context) {
  if (in.operand->kind == ast::ExprKind::kRow) {
    std::vector<ExprRef> parts;
    for (const auto& item : in.items) {
      if (item->kind != ast::ExprKind::kRow) {
        return error(state::kSyntaxError, "rows can be compared with rows only", item->position);
      }
      FOREBAY_ASSIGN_OR_RETURN(ExprRef part,
                               bind_row_comparison("=", ast::as<ast::Row>(*in.operand),
                                                   ast::as<ast::Row>(*item), in.position, context));
      parts.push_back(std::move(part));
    }
    ExprRef any = parts.size() == 1 ? parts[0] : expr::logical(ExprKind::kOr, std::move(parts));
    return in.negated ? expr::logical(ExprKind::kNot, {any}) : any;
  }
  FOREBAY_ASSIGN_OR_RETURN(ExprRef operand, bind(*in.operand, context));
  std::vector<ExprRef> items;
  for (const auto& item : in.items) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef bound, bind(*item, context));
    items.push_back(std::move(bound));
  }
  return in_list(std::move(operand), std::move(items), in.negated, in.position);
}

Result<ExprRef> Binder::in_list(ExprRef operand, std::vector<ExprRef> items, bool negated,
                                int32_t position) {
  std::vector<Type> types{operand->type};
  for (const ExprRef& item : items) types.push_back(item->type);
  Type common;
  size_t misfit = 0;
  ExprRef result;
  if (common_type(types, &common, &misfit)) {
    if (common.id == TypeId::kUnknown || common.id == TypeId::kVarchar) common = data::kTextType;
    common.modifier = -1;
    std::vector<ExprRef> children;
    FOREBAY_ASSIGN_OR_RETURN(operand, coerce(operand, common, Coercion::kImplicit));
    children.push_back(operand);
    for (ExprRef& item : items) {
      FOREBAY_ASSIGN_OR_RETURN(ExprRef value, coerce(item, common, Coercion::kImplicit));
      children.push_back(std::move(value));
    }
    result = expr::logical(ExprKind::kInList, std::move(children));
  } else {
    std::vector<ExprRef> parts;
    for (const ExprRef& item : items) {
      FOREBAY_ASSIGN_OR_RETURN(ExprRef part, apply_operator("=", {operand, item}, position));
      parts.push_back(std::move(part));
    }
    result = parts.size() == 1 ? parts[0] : expr::logical(ExprKind::kOr, std::move(parts));
  }
  return negated ? expr::logical(ExprKind::kNot, {result}) : result;
}

Result<ExprRef> Binder::bind_like(const ast::Like& like, const ExprContext& context) {
  FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*like.operand, context));
  FOREBAY_ASSIGN_OR_RETURN(ExprRef pattern, bind(*like.pattern, context));
  ExprRef escape;
  if (like.escape) {
    FOREBAY_ASSIGN_OR_RETURN(escape, bind(*like.escape, context));
  }
  auto rewrite = [&](std::string_view function) -> Result<ExprRef> {
    std::vector<ExprRef> arguments{pattern};
    if (escape) arguments.push_back(escape);
    std::vector<TypeId> types;
    for (const ExprRef& argument : arguments) types.push_back(argument->type.id);
    FunctionMatch match;
    if (match_scalar(function, types, false, &match) != MatchOutcome::kFound) {
      return unsupported(
          like.like == ast::LikeKind::kSimilar ? "SIMILAR TO is" : "LIKE ... ESCAPE is",
          like.position, "Use a regular expression: x ~ 'pattern'.");
    }
    return call_function(match, std::move(arguments), like.position);
  };
  std::string_view op = like.like == ast::LikeKind::kIlike ? "~~*" : "~~";
  if (like.like == ast::LikeKind::kSimilar) {
    FOREBAY_ASSIGN_OR_RETURN(pattern, rewrite("similar_to_escape"));
    op = "~";
  } else if (escape) {
    FOREBAY_ASSIGN_OR_RETURN(pattern, rewrite("like_escape"));
  }
  FOREBAY_ASSIGN_OR_RETURN(ExprRef result, apply_operator(op, {value, pattern}, like.position));
  return like.negated ? expr::logical(ExprKind::kNot, {result}) : result;
}

}  // namespace forebay::sql::binder
