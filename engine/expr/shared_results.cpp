#include "engine/expr/shared_results.h"

#include <algorithm>
#include <cstring>

namespace forebay::expr {

using data::Layout;

namespace {

bool is_wide(const Type& type) {
  const Layout layout = data::layout_of(type.id);
  return layout == Layout::kString || layout == Layout::kNumeric;
}

/// A call that costs more than to keep its result.
bool is_worth_it(const Expr& expr) {
  if (expr.kind != ExprKind::kCall || expr.function->keeps_bits) return false;
  if (expr.function->takes_any_bits && !expr.function->can_fail) return false;
  const bool wide =
      is_wide(expr.type) || std::any_of(expr.children.begin(), expr.children.end(),
                                        [](const ExprRef& child) { return is_wide(child->type); });
  return wide && volatility(expr) != udfs::Volatility::kVolatile && !columns_of(expr).empty();
}

}  // namespace

SharedResults::SharedResults(std::vector<ExprRef> expressions)
    : expressions_(std::move(expressions)) {
  std::vector<const Expr*> seen;
  for (const ExprRef& expr : expressions_) collect(*expr, seen);
}

void SharedResults::collect(const Expr& expr, std::vector<const Expr*>& seen) {
  if (is_worth_it(expr)) {
    if (find(expr) != nullptr) return;
    const bool repeated = std::any_of(seen.begin(), seen.end(),
                                      [&](const Expr* other) { return equal(*other, expr); });
    if (repeated) {
      slots_.emplace_back().expr = &expr;
      return;
    }
    seen.push_back(&expr);
  }
  for (const ExprRef& child : expr.children) collect(*child, seen);
}

void SharedResults::begin(uint32_t physical_rows) {
  const size_t words = size_t{physical_rows} / 64 + 1;
  for (Slot& slot : slots_) {
    const Layout layout = data::layout_of(slot.expr->type.id);
    const size_t bytes = size_t{physical_rows} * data::width_of(layout);
    if (slot.value_bytes < bytes) {
      slot.values = std::make_unique_for_overwrite<char[]>(bytes);
      slot.value_bytes = bytes;
    }
    // Rows that are not computed must not look like pointers, nor like a boolean of 204.
    if (layout == Layout::kString || layout == Layout::kBool) {
      std::memset(slot.values.get(), 0, bytes);
    }
    slot.validity.assign(words, ~uint64_t{0});
    slot.computed.assign(words, 0);
    slot.has_nulls = false;
    slot.arenas.clear();
  }
}

SharedResults::Slot* SharedResults::find(const Expr& expr) {
  for (Slot& slot : slots_) {
    if (equal(*slot.expr, expr)) return &slot;
  }
  return nullptr;
}

}  // namespace forebay::expr
