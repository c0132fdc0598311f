#include "sql/plan/temporal.h"

#include "engine/data/datetime.h"
#include "sql/plan/expressions.h"

namespace forebay::sql::plan {

namespace {

using data::TypeId;
using expr::ExprKind;

bool is_time(const ExprRef& expr) {
  return expr->type.id == TypeId::kTimestamp || expr->type.id == TypeId::kTimestampTz;
}

bool is_call(const ExprRef& expr, std::string_view name, size_t arguments) {
  return expr->kind == ExprKind::kCall && expr->function->name == name &&
         expr->children.size() == arguments;
}

/// n of now() + n.
std::optional<int64_t> now_shift(const ExprRef& expr) {
  if (!is_time(expr) || expr->kind != ExprKind::kCall) return std::nullopt;
  if (expr->children.empty()) return uses_now(expr) ? std::optional<int64_t>(0) : std::nullopt;
  if (is_call(expr, "cast", 1)) {
    // UTC: with and without zone are the same number, unless it is rounded.
    const int32_t digits = expr->type.modifier;
    return digits >= 0 && digits < 6 ? std::nullopt : now_shift(expr->children[0]);
  }
  if (is_call(expr, "+", 2) || is_call(expr, "-", 2)) {
    std::optional<int64_t> shift = now_shift(expr->children[0]);
    std::optional<int64_t> by = microseconds(expr->children[1]);
    if (!shift && expr->function->name == "+") {
      shift = now_shift(expr->children[1]);
      by = microseconds(expr->children[0]);
    }
    if (!shift || !by) return std::nullopt;
    const int64_t sum = expr->function->name == "+" ? *shift + *by : *shift - *by;
    return sum > kMostShift || sum < -kMostShift ? std::nullopt : std::optional<int64_t>(sum);
  }
  return std::nullopt;
}

bool is_time_of_row(const ExprRef& expr) {
  return is_time(expr) && expr::volatility(*expr) == udfs::Volatility::kImmutable;
}

std::string_view flipped(std::string_view op) {
  return op == "<" ? ">" : op == "<=" ? ">=" : op == ">" ? "<" : "<=";
}

/// time OP now() + shift.
TemporalBound bound_of(const ExprRef& time, std::string_view op, int64_t shift) {
  if (op == ">") return {time, -shift, true};
  if (op == ">=") return {time, 1 - shift, true};
  if (op == "<") return {time, 1 - shift, false};
  return {time, -shift, false};
}

/// (a - b) OP interval, where one of both is now() + n.
std::optional<TemporalBound> bound_of_difference(const ExprRef& difference, std::string_view op,
                                                 const ExprRef& interval) {
  if (!is_call(difference, "-", 2)) return std::nullopt;
  const std::optional<int64_t> by = microseconds(interval);
  if (!by) return std::nullopt;
  const ExprRef &a = difference->children[0], &b = difference->children[1];
  if (const auto shift = now_shift(a); shift && is_time_of_row(b)) {
    return bound_of(b, flipped(op), *shift - *by);
  }
  if (const auto shift = now_shift(b); shift && is_time_of_row(a)) {
    return bound_of(a, op, *shift + *by);
  }
  return std::nullopt;
}

}  // namespace

std::optional<int64_t> microseconds(const ExprRef& expr) {
  const ExprRef folded = expr::fold_constants(expr);
  if (folded->kind != ExprKind::kLiteral || folded->type.id != TypeId::kInterval ||
      folded->literal.is_null()) {
    return std::nullopt;
  }
  const auto& interval = std::get<data::Interval>(folded->literal.value);
  int64_t days = 0, sum = 0;
  if (interval.months != 0 ||
      __builtin_mul_overflow(int64_t{interval.days}, data::kMicrosPerDay, &days) ||
      __builtin_add_overflow(days, interval.microseconds, &sum) || sum > kMostShift ||
      sum < -kMostShift) {
    return std::nullopt;
  }
  return sum;
}

bool uses_now(const ExprRef& expr) { return expr::volatility(*expr) == udfs::Volatility::kStable; }

std::optional<TemporalBound> temporal_bound(const ExprRef& conjunct) {
  if (conjunct->kind != ExprKind::kCall || conjunct->children.size() != 2) return std::nullopt;
  const std::string_view op = conjunct->function->name;
  if (op != "<" && op != "<=" && op != ">" && op != ">=") return std::nullopt;
  const ExprRef &left = conjunct->children[0], &right = conjunct->children[1];
  if (is_time_of_row(left)) {
    if (const auto shift = now_shift(right)) return bound_of(left, op, *shift);
  }
  if (is_time_of_row(right)) {
    if (const auto shift = now_shift(left)) return bound_of(right, flipped(op), *shift);
  }
  if (auto bound = bound_of_difference(left, op, right)) return bound;
  return bound_of_difference(right, flipped(op), left);
}

}  // namespace forebay::sql::plan
