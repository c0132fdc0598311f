#include "sql/plan/failure.h"

#include <algorithm>
#include <string_view>

namespace forebay::sql::plan {
namespace {

using data::TypeId;
using expr::Expr;
using expr::ExprKind;

template <size_t N>
bool is_one_of(std::string_view name, const std::string_view (&names)[N]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool is_number(TypeId id) { return data::Type{id}.is_number(); }

Failure failure_of_cast(const Expr& call) {
  const TypeId from = call.children[0]->type.id;
  const TypeId to = call.type.id;
  if (to == TypeId::kVarchar || to == TypeId::kText) {
    return call.type.modifier < 0 ? Failure::kNever : Failure::kValue;
  }
  const bool exact =
      (from == TypeId::kSmallint || from == TypeId::kInteger || from == TypeId::kBigint) &&
      to == TypeId::kNumeric;
  if (exact && call.type.modifier < 0) return Failure::kNever;
  if (is_number(from) && is_number(to)) {
    return call.type.modifier < 0 ? Failure::kOverflow : Failure::kValue;
  }
  if (data::Type{from}.is_datetime() && data::Type{to}.is_datetime()) return Failure::kOverflow;
  return Failure::kValue;
}

/// The literal's number, if it is an integer.
const int64_t* integer_of(const ExprRef& expr, int64_t& storage) {
  if (expr->kind != ExprKind::kLiteral) return nullptr;
  if (const auto* small = std::get_if<int32_t>(&expr->literal.value)) {
    storage = *small;
    return &storage;
  }
  return std::get_if<int64_t>(&expr->literal.value);
}

Failure failure_of_division(const Expr& call) {
  const ExprRef& divisor = call.children[1];
  int64_t storage = 0;
  if (const int64_t* number = integer_of(divisor, storage)) {
    if (*number == 0) return Failure::kValue;
    return *number == -1 ? Failure::kOverflow : Failure::kNever;
  }
  if (divisor->kind != ExprKind::kLiteral || divisor->literal.is_null()) return Failure::kValue;
  if (const auto* number = std::get_if<double>(&divisor->literal.value)) {
    return *number == 0 ? Failure::kValue : Failure::kOverflow;
  }
  if (const auto* number = std::get_if<data::Numeric>(&divisor->literal.value)) {
    return number->unscaled() == 0 ? Failure::kValue : Failure::kOverflow;
  }
  return Failure::kValue;
}

/// A pattern, a field name: when it is constant and right, no row fails by it. Tried on one value.
Failure failure_with_constant(const Expr& call, size_t constant, const data::Datum& sample) {
  if (call.children[constant]->kind != ExprKind::kLiteral) return Failure::kValue;
  std::vector<ExprRef> arguments = call.children;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (i == constant) continue;
    if (arguments[i]->type.id != sample.type.id) return Failure::kValue;
    arguments[i] = expr::literal(sample);
  }
  auto tried =
      expr::evaluate_constant(expr::call(call.function, call.type, std::move(arguments)), {});
  return tried.is_ok() ? Failure::kNever : Failure::kValue;
}

bool ends_in_escape(const ExprRef& pattern) {
  const auto* text = std::get_if<std::string>(&pattern->literal.value);
  return text != nullptr && !text->empty() && text->back() == '\\';
}

Failure failure_of_call(const Expr& call) {
  if (!call.function->can_fail) return Failure::kNever;
  const std::string_view name = call.function->name;
  static constexpr std::string_view kPatterns[] = {"~~", "!~~", "~~*", "!~~*",
                                                   "~",  "!~",  "~*",  "!~*"};
  static constexpr std::string_view kFields[] = {"date_trunc", "date_part", "extract"};
  static constexpr std::string_view kArithmetic[] = {"+",
                                                     "-",
                                                     "*",
                                                     "@",
                                                     "abs",
                                                     "round",
                                                     "trunc",
                                                     "floor",
                                                     "ceil",
                                                     "ceiling",
                                                     "age",
                                                     "degrees",
                                                     "justify_days",
                                                     "justify_hours",
                                                     "justify_interval"};
  if (call.function->category == "cast" && call.children.size() == 1) return failure_of_cast(call);
  if (is_one_of(name, kArithmetic)) return Failure::kOverflow;
  if ((name == "/" || name == "%" || name == "mod" || name == "div") && call.children.size() == 2) {
    return failure_of_division(call);
  }
  if (is_one_of(name, kPatterns) && call.children.size() == 2) {
    if (call.children[1]->kind == ExprKind::kLiteral && ends_in_escape(call.children[1])) {
      return Failure::kValue;
    }
    return failure_with_constant(call, 1, {data::kTextType, std::string("a")});
  }
  if (is_one_of(name, kFields) && call.children.size() == 2) {
    data::Datum sample{call.children[1]->type, int64_t{0}};
    if (sample.type.id == TypeId::kDate) sample.value = int32_t{0};
    if (sample.type.id == TypeId::kInterval) sample.value = data::Interval{};
    return failure_with_constant(call, 0, sample);
  }
  return Failure::kValue;
}

}  // namespace

Failure failure_of(const ExprRef& expr) {
  Failure worst = expr->kind == ExprKind::kCall ? failure_of_call(*expr) : Failure::kNever;
  for (const ExprRef& child : expr->children) {
    if (worst == Failure::kValue) break;
    worst = std::max(worst, failure_of(child));
  }
  return worst;
}

}  // namespace forebay::sql::plan
