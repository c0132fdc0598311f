#include "udfs/builtin/numeric_math.h"

#include <quadmath.h>

#include <algorithm>
#include <cmath>

namespace forebay::udfs {
namespace {

using data::Int128;
using data::Numeric;
using data::Result;
using data::Status;
using Quad = __float128;

// PostgreSQL's numeric.c: digits come in groups of four, results show at least 16 significant ones.
constexpr int kGroupDigits = 4;
constexpr int kSignificantDigits = 16;
constexpr int kLargestScale = 1000;

Quad power_of_ten(int exponent) {
  Quad result = 1;
  for (int i = 0; i < std::abs(exponent); ++i) result *= 10;
  return exponent < 0 ? 1 / result : result;
}

Quad to_quad(const Numeric& x) {
  const auto unscaled = static_cast<Quad>(x.unscaled());
  return x.scale == 0 ? unscaled : unscaled / power_of_ten(x.scale);
}

/// Decimal digits of |x|'s unscaled number; 0 for zero.
int digits_of(const Numeric& x) {
  Int128 rest = x.unscaled();
  int digits = 0;
  for (; rest != 0; rest /= 10) ++digits;
  return digits;
}

/// The power of ten of the first digit: 0 for 1..9, -1 for 0.1 ...
int leading_exponent(const Numeric& x) { return digits_of(x) - 1 - x.scale; }

/// The number of four-digit groups in front of the point, less one (NumericVar.weight).
int weight_of(const Numeric& x) {
  const int exponent = leading_exponent(x);
  return exponent >= 0 ? exponent / kGroupDigits : -((-exponent + kGroupDigits - 1) / kGroupDigits);
}

bool is_zero(const Numeric& x) { return x.low == 0 && x.high == 0; }

int clamped(int scale) { return std::clamp(scale, 0, kLargestScale); }

/// Rounds to `scale` decimals, half away from zero; fewer where 113 bits don't tell so many digits.
Result<Numeric> from_quad(Quad value, int scale) {
  const Quad known = power_of_ten(33);
  if (!finiteq(value) || fabsq(value) >= power_of_ten(data::kNumericDigits)) {
    return Status(data::sqlstate::kNumericOutOfRange, "value overflows numeric format");
  }
  while (scale > 0 && fabsq(value) * power_of_ten(scale) >= known) --scale;
  const Quad rounded = roundq(value * power_of_ten(scale));
  return Numeric(static_cast<Int128>(rounded), static_cast<uint16_t>(scale));
}

/// estimate_ln_dweight of numeric.c: the power of ten of ln(x)'s first digit.
int estimate_ln_exponent(const Numeric& x) {
  if (is_zero(x)) return 0;
  const Quad value = to_quad(x);
  if (value * 10 >= 9 && value * 10 <= 11) {
    const Quad difference = fabsq(value - 1);
    if (difference == 0) return 0;
    return static_cast<int>(floorq(log10q(difference)));
  }
  const double logarithm = static_cast<double>(logq(value));
  return static_cast<int>(std::log10(std::fabs(logarithm)));
}

Status invalid_logarithm(bool zero) {
  return Status(kInvalidLogarithm, zero ? "cannot take logarithm of zero"
                                        : "cannot take logarithm of a negative number");
}

/// Checks an argument of a logarithm: finite or +infinity or NaN.
Status check_logarithm(const Numeric& x) {
  if (x.kind == Numeric::Kind::kNegativeInfinity || (x.is_finite() && x.high < 0)) {
    return invalid_logarithm(false);
  }
  if (x.is_finite() && is_zero(x)) return invalid_logarithm(true);
  return Status::ok();
}

bool is_nan(const Numeric& x) { return x.kind == Numeric::Kind::kNaN; }

/// Results for NaN and infinities as double arithmetic has them.
Result<Numeric> from_special(double value) {
  if (std::isnan(value)) return Numeric::special(Numeric::Kind::kNaN);
  if (std::isinf(value)) {
    return Numeric::special(value > 0 ? Numeric::Kind::kInfinity
                                      : Numeric::Kind::kNegativeInfinity);
  }
  return data::numeric_from(value);
}

bool is_whole(const Numeric& x) {
  const Quad value = to_quad(x);
  return floorq(value) == value;
}

Quad integer_power(Quad base, int64_t exponent) {
  const bool negative = exponent < 0;
  uint64_t rest =
      negative ? uint64_t{0} - static_cast<uint64_t>(exponent) : static_cast<uint64_t>(exponent);
  Quad result = 1;
  for (; rest != 0; rest >>= 1) {
    if ((rest & 1) != 0) result *= base;
    base *= base;
  }
  return negative ? 1 / result : result;
}

}  // namespace

Result<Numeric> numeric_sqrt(const Numeric& x) {
  if (is_nan(x)) return x;
  if (x.kind == Numeric::Kind::kNegativeInfinity || (x.is_finite() && x.high < 0)) {
    return Status(kInvalidPower, "cannot take square root of a negative number");
  }
  if (!x.is_finite()) return x;
  const int weight = is_zero(x) ? 0 : weight_of(x);
  const int shown = (weight + 1) * kGroupDigits / 2 - 1;
  const int scale = clamped(std::max<int>(kSignificantDigits - shown, x.scale));
  return from_quad(sqrtq(to_quad(x)), scale);
}

Result<Numeric> numeric_exp(const Numeric& x) {
  if (is_nan(x) || x.kind == Numeric::Kind::kInfinity) return x;
  if (x.kind == Numeric::Kind::kNegativeInfinity) return Numeric(0, 0);
  const double exponent =
      std::clamp(static_cast<double>(to_quad(x)) * 0.434294481903252, -2000.0, 2000.0);
  const int scale =
      clamped(std::max<int>(kSignificantDigits - static_cast<int>(exponent), x.scale));
  return from_quad(expq(to_quad(x)), scale);
}

Result<Numeric> numeric_ln(const Numeric& x) {
  if (is_nan(x)) return x;
  FOREBAY_RETURN_IF_ERROR(check_logarithm(x));
  if (!x.is_finite()) return x;
  const int scale = clamped(std::max<int>(kSignificantDigits - estimate_ln_exponent(x), x.scale));
  return from_quad(logq(to_quad(x)), scale);
}

Result<Numeric> numeric_log(const Numeric& base, const Numeric& x) {
  if (is_nan(base) || is_nan(x)) return Numeric::special(Numeric::Kind::kNaN);
  FOREBAY_RETURN_IF_ERROR(check_logarithm(base));
  FOREBAY_RETURN_IF_ERROR(check_logarithm(x));
  if (!base.is_finite() || !x.is_finite()) {
    if (!base.is_finite() && !x.is_finite()) return Numeric::special(Numeric::Kind::kNaN);
    return base.is_finite() ? x : Numeric(0, 0);
  }
  if (to_quad(base) == 1) {
    return Status(data::sqlstate::kDivisionByZero, "division by zero");
  }
  const int exponent = estimate_ln_exponent(x) - estimate_ln_exponent(base);
  const int scale = clamped(std::max<int>({kSignificantDigits - exponent, base.scale, x.scale}));
  const Quad value =
      to_quad(base) == 10 ? log10q(to_quad(x)) : logq(to_quad(x)) / logq(to_quad(base));
  return from_quad(value, scale);
}

Result<Numeric> numeric_power(const Numeric& base, const Numeric& exponent) {
  if (!base.is_finite() || !exponent.is_finite()) {
    return from_special(std::pow(data::to_double(base), data::to_double(exponent)));
  }
  const bool whole = is_whole(exponent);
  if (is_zero(base) && exponent.high < 0) {
    return Status(kInvalidPower, "zero raised to a negative power is undefined");
  }
  if (base.high < 0 && !whole) {
    return Status(kInvalidPower,
                  "a negative number raised to a non-integer power yields a complex result");
  }
  const Quad x = to_quad(base);
  const Quad y = to_quad(exponent);
  const double digits =
      is_zero(base) ? 0 : static_cast<double>(y * log10q(fabsq(x)));  // in front of the point
  if (digits > 2 * data::kNumericDigits) {
    return Status(data::sqlstate::kNumericOutOfRange, "value overflows numeric format");
  }
  // PostgreSQL multiplies for whole exponents, with a scale that doesn't depend on the result.
  if (whole && fabsq(y) <= INT32_MAX) {
    const int scale = clamped(std::max<int>(kSignificantDigits, base.scale));
    if (is_zero(base)) return from_quad(is_zero(exponent) ? 1 : 0, scale);
    return from_quad(digits < -kLargestScale ? 0 : integer_power(x, static_cast<int64_t>(y)),
                     scale);
  }
  if (is_zero(base)) return from_quad(0, kSignificantDigits);
  if (digits < -kLargestScale) return from_quad(0, kLargestScale);
  const int shown = kSignificantDigits - static_cast<int>(digits);
  return from_quad(powq(x, y), clamped(std::max<int>({shown, base.scale, exponent.scale})));
}

}  // namespace forebay::udfs
