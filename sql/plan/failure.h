#pragma once

#include "sql/plan/node.h"

namespace forebay::sql::plan {

/// How an expression can fail, by rising gravity. Finer than expr::can_fail, which knows the
/// functions only: `x LIKE 'a%'` and `x / 10` cannot fail, `x LIKE y` and `x / y` can.
enum class Failure : uint8_t {
  kNever,
  /// Only values at the end of their type's range fail: a + 1. Such expressions may be computed for
  /// rows that a join drops (join keys), but filters with them are not moved.
  kOverflow,
  /// Ordinary values fail: 1 / a, text::integer.
  kValue,
};
Failure failure_of(const ExprRef& expr);

}  // namespace forebay::sql::plan
