#pragma once

#include "engine/data/value.h"

/// Arithmetic on numeric with PostgreSQL's scales and rounding (half away from zero). Intermediate
/// results are wider than 38 digits; a result that needs more than 38 digits after rounding the
/// fraction as PostgreSQL would show it is 22003 "value overflows numeric format".
namespace forebay::data {

/// Most digits that a stored numeric has.
inline constexpr int kNumericDigits = 38;

/// True when the 128 bits of `value` are a finite number of 64 bits: the case of fast paths.
constexpr bool is_small(const Numeric& value) {
  return value.is_finite() && value.high == static_cast<int64_t>(value.low) >> 63;
}
/// The common case of add() in a few instructions: both small, same scale. False: use add().
constexpr bool try_add_fast(const Numeric& a, const Numeric& b, Numeric& result) {
  if (!is_small(a) || !is_small(b) || a.scale != b.scale) return false;
  result = Numeric(Int128{static_cast<int64_t>(a.low)} + static_cast<int64_t>(b.low), a.scale);
  return true;
}
constexpr bool try_subtract_fast(const Numeric& a, const Numeric& b, Numeric& result) {
  if (!is_small(a) || !is_small(b) || a.scale != b.scale) return false;
  result = Numeric(Int128{static_cast<int64_t>(a.low)} - static_cast<int64_t>(b.low), a.scale);
  return true;
}
/// The common case of multiply(): both small (the product then has at most 38 digits).
constexpr bool try_multiply_fast(const Numeric& a, const Numeric& b, Numeric& result) {
  if (!is_small(a) || !is_small(b) || a.scale + b.scale > 16383) return false;
  result = Numeric(Int128{static_cast<int64_t>(a.low)} * static_cast<int64_t>(b.low),
                   static_cast<uint16_t>(a.scale + b.scale));
  return true;
}

[[nodiscard]] Result<Numeric> add(const Numeric& a, const Numeric& b);
[[nodiscard]] Result<Numeric> subtract(const Numeric& a, const Numeric& b);
[[nodiscard]] Result<Numeric> multiply(const Numeric& a, const Numeric& b);
/// PostgreSQL's select_div_scale decides the scale. 22012 on division by zero.
[[nodiscard]] Result<Numeric> divide(const Numeric& a, const Numeric& b);
[[nodiscard]] Result<Numeric> modulo(const Numeric& a, const Numeric& b);
Numeric negate(const Numeric& value);
/// Rounds to `scale` digits (may be negative); half away from zero.
[[nodiscard]] Result<Numeric> round(const Numeric& value, int32_t scale);
[[nodiscard]] Result<Numeric> truncate(const Numeric& value, int32_t scale);
[[nodiscard]] Result<Numeric> floor(const Numeric& value);
[[nodiscard]] Result<Numeric> ceil(const Numeric& value);
/// By value: 1.5 equals 1.50; NaN equals NaN and is above everything.
int compare(const Numeric& a, const Numeric& b);
/// Fits `value` into numeric(p,s): rounds, then 22003 "numeric field overflow" with PostgreSQL's
/// detail.
[[nodiscard]] Result<Numeric> apply_modifier(const Numeric& value, int32_t modifier);

Numeric numeric_from(int64_t value);
/// As PostgreSQL: 15 significant digits of the shortest decimal.
[[nodiscard]] Result<Numeric> numeric_from(double value);
double to_double(const Numeric& value);
/// Rounds; 22003 "bigint out of range", or 0A000/22003 as PostgreSQL for NaN and infinity.
[[nodiscard]] Result<int64_t> to_int64(const Numeric& value);
[[nodiscard]] Result<int32_t> to_int32(const Numeric& value);

/// An exact sum of numerics under + and -: 256 bits at a common scale, NaN and infinities counted
/// apart, so that taking a value out gives what never having had it gives. Trivially copyable; zero
/// bytes are the empty sum.
struct NumericSum {
  uint64_t limbs[4];  // two's complement, least significant first, at `scale`
  int64_t nan_count;
  int64_t positive_infinities;
  int64_t negative_infinities;
  /// The largest display scale of all values that were ever added since the last set_scale().
  uint16_t scale;
  uint8_t reserved[6];
};
static_assert(sizeof(NumericSum) == 64);

/// Adds `value` `weight` times (negative: takes it out). 22003 when 256 bits overflow.
[[nodiscard]] Status add(NumericSum& sum, const Numeric& value, int64_t weight);
/// PostgreSQL shows a sum with the largest display scale of the values in it, which a sum can't
/// know once values were taken out: it is told. `scale` is that scale; above the sum's own it has
/// no effect.
void set_scale(NumericSum& sum, uint16_t scale);
[[nodiscard]] Status merge(NumericSum& sum, const NumericSum& other);
/// The sum as a numeric; 22003 when it needs more than 38 digits.
[[nodiscard]] Result<Numeric> finish(const NumericSum& sum);
/// sum / count with PostgreSQL's scale for avg(numeric). count > 0.
[[nodiscard]] Result<Numeric> average(const NumericSum& sum, int64_t count);
/// sum of bigint values kept as int128 -> numeric, and its average (avg(bigint), sum(bigint)).
[[nodiscard]] Result<Numeric> numeric_from(Int128 value);

}  // namespace forebay::data
