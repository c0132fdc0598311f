#include "engine/expr/expr.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace forebay::expr {
namespace {

using udfs::Volatility;

std::shared_ptr<Expr> make(ExprKind kind, Type type, std::vector<ExprRef> children = {}) {
  auto expr = std::make_shared<Expr>();
  expr->kind = kind;
  expr->type = type;
  expr->children = std::move(children);
  return expr;
}

/// Equal to the bit: 1.5 and 1.50 differ, and so do 0.0 and -0.0.
bool same_literal(const Datum& a, const Datum& b) {
  if (!(a.type == b.type) || a.value.index() != b.value.index()) return false;
  if (const auto* x = std::get_if<double>(&a.value)) {
    return std::bit_cast<uint64_t>(*x) == std::bit_cast<uint64_t>(std::get<double>(b.value));
  }
  if (const auto* x = std::get_if<data::Numeric>(&a.value)) {
    const auto& y = std::get<data::Numeric>(b.value);
    return x->low == y.low && x->high == y.high && x->scale == y.scale && x->kind == y.kind;
  }
  if (const auto* x = std::get_if<bool>(&a.value)) return *x == std::get<bool>(b.value);
  if (const auto* x = std::get_if<int32_t>(&a.value)) return *x == std::get<int32_t>(b.value);
  if (const auto* x = std::get_if<int64_t>(&a.value)) return *x == std::get<int64_t>(b.value);
  if (const auto* x = std::get_if<std::string>(&a.value)) {
    return *x == std::get<std::string>(b.value);
  }
  if (const auto* x = std::get_if<data::Interval>(&a.value)) {
    return *x == std::get<data::Interval>(b.value);
  }
  return true;  // two NULLs
}

size_t mix(size_t seed, size_t value) {
  return (seed ^ value) * 0x9e3779b97f4a7c15ull + (seed >> 29);
}

size_t hash_literal(const Datum& datum) {
  size_t seed = mix(static_cast<size_t>(datum.type.id), datum.value.index());
  if (const auto* x = std::get_if<bool>(&datum.value)) return mix(seed, *x);
  if (const auto* x = std::get_if<int32_t>(&datum.value)) return mix(seed, static_cast<size_t>(*x));
  if (const auto* x = std::get_if<int64_t>(&datum.value)) return mix(seed, static_cast<size_t>(*x));
  if (const auto* x = std::get_if<double>(&datum.value)) {
    return mix(seed, std::bit_cast<uint64_t>(*x));
  }
  if (const auto* x = std::get_if<data::Numeric>(&datum.value)) {
    return mix(mix(seed, x->low), static_cast<size_t>(x->high) + x->scale);
  }
  if (const auto* x = std::get_if<std::string>(&datum.value)) {
    return mix(seed, std::hash<std::string>()(*x));
  }
  if (const auto* x = std::get_if<data::Interval>(&datum.value)) {
    return mix(mix(seed, static_cast<size_t>(x->microseconds)),
               static_cast<size_t>(x->days) * 131 + static_cast<size_t>(x->months));
  }
  return seed;
}

/// The same expression over other children; shares `expr` when none has changed.
ExprRef with_children(const ExprRef& expr, std::vector<ExprRef> children) {
  if (children == expr->children) return expr;
  auto copy = std::make_shared<Expr>(*expr);
  copy->children = std::move(children);
  return copy;
}

/// Rebuilds bottom-up: `replace` gives a replacement for a leaf or nullptr.
template <typename F>
ExprRef rewrite_leaves(const ExprRef& expr, const F& replace) {
  if (ExprRef replaced = replace(*expr)) return replaced;
  if (expr->children.empty()) return expr;
  std::vector<ExprRef> children;
  children.reserve(expr->children.size());
  for (const ExprRef& child : expr->children) children.push_back(rewrite_leaves(child, replace));
  return with_children(expr, std::move(children));
}

void collect_columns(const Expr& expr, std::vector<uint32_t>& out) {
  if (expr.kind == ExprKind::kColumn) out.push_back(expr.column);
  for (const ExprRef& child : expr.children) collect_columns(*child, out);
}

bool is_literal(const ExprRef& expr) { return expr->kind == ExprKind::kLiteral; }
bool is_boolean_literal(const ExprRef& expr, bool value) {
  return is_literal(expr) && !expr->literal.is_null() &&
         std::get<bool>(expr->literal.value) == value;
}

/// AND and OR: neutral literals go, a deciding literal decides.
ExprRef fold_and_or(const ExprRef& expr) {
  const bool is_and = expr->kind == ExprKind::kAnd;
  std::vector<ExprRef> children;
  for (const ExprRef& child : expr->children) {
    if (is_boolean_literal(child, !is_and)) return child;
    if (!is_boolean_literal(child, is_and)) children.push_back(child);
  }
  if (children.empty()) return literal({data::kBooleanType, is_and});
  if (children.size() == 1) return children[0];
  return with_children(expr, std::move(children));
}

/// CASE: branches that are never taken go; one that is always taken becomes the ELSE.
ExprRef fold_case(const ExprRef& expr) {
  std::vector<ExprRef> children;
  const size_t pairs = expr->children.size() / 2;
  const bool has_else = expr->children.size() % 2 == 1;
  ExprRef otherwise = has_else ? expr->children.back() : literal(Datum::null(expr->type));
  for (size_t i = 0; i < pairs; ++i) {
    const ExprRef& when = expr->children[2 * i];
    if (is_boolean_literal(when, true)) {
      otherwise = expr->children[2 * i + 1];
      break;
    }
    if (is_literal(when)) continue;  // false or NULL
    children.push_back(when);
    children.push_back(expr->children[2 * i + 1]);
  }
  if (children.empty()) return otherwise;
  children.push_back(std::move(otherwise));
  return with_children(expr, std::move(children));
}

}  // namespace

ExprRef column(uint32_t index, Type type) {
  auto expr = make(ExprKind::kColumn, type);
  expr->column = index;
  return expr;
}

ExprRef literal(Datum value) {
  auto expr = make(ExprKind::kLiteral, value.type);
  expr->literal = std::move(value);
  return expr;
}

ExprRef parameter(uint32_t index, Type type) {
  auto expr = make(ExprKind::kParameter, type);
  expr->column = index;
  return expr;
}

ExprRef call(const udfs::ScalarFunction* function, Type type, std::vector<ExprRef> arguments) {
  const size_t declared = function->arguments.size();
  FOREBAY_CHECK(
      arguments.size() == declared || (function->variadic && arguments.size() >= declared),
      fmt::format("{} with {} arguments", function->name, arguments.size()));
  for (size_t i = 0; i < arguments.size(); ++i) {
    const udfs::TypeId expected = function->arguments[std::min(i, declared - 1)];
    FOREBAY_CHECK(
        expected == udfs::TypeId::kUnknown || expected == arguments[i]->type.id ||
            (expected == udfs::TypeId::kAnyArray && arguments[i]->type.is_array()),
        fmt::format("{}, argument {}: {}", function->name, i + 1, arguments[i]->type.name()));
  }
  auto expr = make(ExprKind::kCall, type, std::move(arguments));
  expr->function = function;
  return expr;
}

ExprRef logical(ExprKind kind, std::vector<ExprRef> children) {
  return make(kind, data::kBooleanType, std::move(children));
}

ExprRef case_when(Type type, std::vector<ExprRef> children) {
  return make(ExprKind::kCase, type, std::move(children));
}

ExprRef coalesce(Type type, std::vector<ExprRef> children) {
  return make(ExprKind::kCoalesce, type, std::move(children));
}

bool equal(const Expr& a, const Expr& b) {
  if (&a == &b) return true;
  if (a.kind != b.kind || !(a.type == b.type) || a.column != b.column || a.function != b.function ||
      a.children.size() != b.children.size()) {
    return false;
  }
  if (a.kind == ExprKind::kLiteral && !same_literal(a.literal, b.literal)) return false;
  for (size_t i = 0; i < a.children.size(); ++i) {
    if (!equal(*a.children[i], *b.children[i])) return false;
  }
  return true;
}

size_t hash(const Expr& expr) {
  size_t seed = mix(static_cast<size_t>(expr.kind), static_cast<size_t>(expr.type.id));
  seed = mix(seed, expr.column);
  seed = mix(seed, std::hash<const void*>()(expr.function));
  if (expr.kind == ExprKind::kLiteral) seed = mix(seed, hash_literal(expr.literal));
  for (const ExprRef& child : expr.children) seed = mix(seed, hash(*child));
  return seed;
}

namespace {

bool is_safe_call(const Expr& call) {
  if (call.function->is_safe_with == nullptr) return false;
  std::vector<const Datum*> constants;
  for (const ExprRef& child : call.children) {
    constants.push_back(child->kind == ExprKind::kLiteral ? &child->literal : nullptr);
  }
  return call.function->is_safe_with(constants);
}

}  // namespace

bool can_fail(const Expr& expr) {
  if (expr.kind == ExprKind::kCall && expr.function->can_fail && !is_safe_call(expr)) return true;
  return std::any_of(expr.children.begin(), expr.children.end(),
                     [](const ExprRef& child) { return can_fail(*child); });
}

Volatility volatility(const Expr& expr) {
  Volatility strongest =
      expr.kind == ExprKind::kCall ? expr.function->volatility : Volatility::kImmutable;
  for (const ExprRef& child : expr.children) strongest = std::max(strongest, volatility(*child));
  return strongest;
}

std::vector<uint32_t> columns_of(const Expr& expr) {
  std::vector<uint32_t> columns;
  collect_columns(expr, columns);
  std::sort(columns.begin(), columns.end());
  columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
  return columns;
}

ExprRef substitute(const ExprRef& expr, const std::vector<ExprRef>& replacements) {
  return rewrite_leaves(expr, [&](const Expr& leaf) -> ExprRef {
    if (leaf.kind != ExprKind::kColumn) return nullptr;
    FOREBAY_CHECK(leaf.column < replacements.size(), fmt::format("column {}", leaf.column));
    return replacements[leaf.column];
  });
}

ExprRef remap(const ExprRef& expr, const std::vector<uint32_t>& mapping) {
  return rewrite_leaves(expr, [&](const Expr& leaf) -> ExprRef {
    if (leaf.kind != ExprKind::kColumn) return nullptr;
    FOREBAY_CHECK(leaf.column < mapping.size(), fmt::format("column {}", leaf.column));
    return column(mapping[leaf.column], leaf.type);
  });
}

ExprRef bind_parameters(const ExprRef& expr, const std::vector<Datum>& values) {
  return rewrite_leaves(expr, [&](const Expr& leaf) -> ExprRef {
    if (leaf.kind != ExprKind::kParameter) return nullptr;
    FOREBAY_CHECK(leaf.column < values.size(), fmt::format("parameter ${}", leaf.column + 1));
    Datum value = values[leaf.column];
    value.type = leaf.type;
    return literal(std::move(value));
  });
}

ExprRef fold_constants(const ExprRef& expr) {
  if (expr->children.empty() && expr->kind != ExprKind::kCall) return expr;
  std::vector<ExprRef> children;
  children.reserve(expr->children.size());
  for (const ExprRef& child : expr->children) children.push_back(fold_constants(child));
  ExprRef folded = with_children(expr, std::move(children));
  const bool own_immutable =
      folded->kind != ExprKind::kCall || folded->function->volatility == Volatility::kImmutable;
  if (own_immutable && std::all_of(folded->children.begin(), folded->children.end(), is_literal)) {
    EvalContext context;
    context.most_bytes = size_t{1} << 20;  // long texts are made when they are asked for
    data::Result<Datum> value = evaluate_constant(folded, context);
    if (!value.is_ok()) return folded;
    value->type = folded->type;
    return literal(std::move(*value));
  }
  if (folded->kind == ExprKind::kAnd || folded->kind == ExprKind::kOr) return fold_and_or(folded);
  if (folded->kind == ExprKind::kCase) return fold_case(folded);
  return folded;
}

}  // namespace forebay::expr
