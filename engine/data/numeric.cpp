#include "engine/data/numeric.h"

#include <algorithm>

#include "engine/data/numeric_statistics.h"
#include "engine/data/numeric_wide.h"

namespace forebay::data {

namespace {

using Kind = Numeric::Kind;

// PostgreSQL's limits of a display scale: of any value, and of a quotient.
constexpr int kMaxScale = 16383;
constexpr int kMaxQuotientScale = 1000;
constexpr int kMinQuotientDigits = 16;
constexpr int kMaxRoundScale = 2000;

Status overflow() { return Status(sqlstate::kNumericOutOfRange, "value overflows numeric format"); }

bool is_negative(const Numeric& value) { return value.high < 0; }

bool is_zero(const Numeric& value) { return value.is_finite() && (value.low | value.high) == 0; }

UInt128 magnitude(const Numeric& value) {
  const UInt128 bits = static_cast<UInt128>(value.unscaled());
  return is_negative(value) ? -bits : bits;
}

Result<Numeric> numeric_of(const UInt256& value, bool negative, int scale) {
  if (!value.fits_in_128() || value.low_128() > kMaxUnscaled || scale > kMaxScale)
    return overflow();
  const Int128 unscaled = static_cast<Int128>(value.low_128());
  return Numeric(negative ? -unscaled : unscaled, static_cast<uint16_t>(scale));
}

Numeric infinity_of(bool negative) {
  return Numeric::special(negative ? Kind::kNegativeInfinity : Kind::kInfinity);
}

bool is_infinite(const Numeric& value) {
  return value.kind == Kind::kInfinity || value.kind == Kind::kNegativeInfinity;
}

/// -1, 0, 1; not for NaN.
int sign(const Numeric& value) {
  if (value.kind == Kind::kInfinity) return 1;
  if (value.kind == Kind::kNegativeInfinity || is_negative(value)) return -1;
  return is_zero(value) ? 0 : 1;
}

Result<Numeric> add_aligned(const Numeric& a, const Numeric& b, bool negates_b) {
  const int scale = std::max(a.scale, b.scale);
  UInt256 left(magnitude(a));
  UInt256 right(magnitude(b));
  if (scale_up(left, scale - a.scale) || scale_up(right, scale - b.scale)) return overflow();
  const bool left_negative = is_negative(a);
  const bool right_negative = is_negative(b) != negates_b;
  if (left_negative == right_negative) {
    if (add_in_place(left, right)) return overflow();
    return numeric_of(left, left_negative, scale);
  }
  if (compare(left, right) >= 0) {
    subtract_in_place(left, right);
    return numeric_of(left, left_negative, scale);
  }
  subtract_in_place(right, left);
  return numeric_of(right, right_negative, scale);
}

Result<Numeric> add_or_subtract(const Numeric& a, const Numeric& b, bool negates_b) {
  if (a.is_finite() && b.is_finite()) return add_aligned(a, b, negates_b);
  if (a.kind == Kind::kNaN || b.kind == Kind::kNaN) return Numeric::special(Kind::kNaN);
  const bool b_negative = (b.kind == Kind::kNegativeInfinity) != negates_b;
  if (a.is_finite()) return infinity_of(b_negative);
  if (b.is_finite() || (a.kind == Kind::kNegativeInfinity) == b_negative) return a;
  return Numeric::special(Kind::kNaN);
}

/// The position of the leading decimal digit: 0 for 1..9, -1 for 0.1 .. 0.9. Not for zero.
int leading_exponent(const UInt256& unscaled, int scale) {
  return digit_count(unscaled) - 1 - scale;
}

struct LeadingDigit {
  int weight;  // power of 10,000
  int digit;   // 1 .. 9999
};

/// PostgreSQL's first base-10,000 digit, on which the scale of a quotient depends.
LeadingDigit leading_base_10000(const UInt256& unscaled, int scale) {
  if (unscaled.is_zero()) return {0, 0};
  const int exponent = leading_exponent(unscaled, scale);
  const int weight = exponent >= 0 ? exponent / 4 : -((3 - exponent) / 4);
  UInt256 head = unscaled;
  // Brings the point behind the base-10,000 digit.
  const int shift = -weight * 4 - scale;
  if (shift >= 0) {
    scale_up(head, shift);
  } else {
    head = scale_down(head, -shift, false);
  }
  return {weight, static_cast<int>(head.limbs[0])};
}

/// numerator / denominator with PostgreSQL's scale (select_div_scale); both are magnitudes.
Result<Numeric> divide_magnitudes(UInt256 numerator, int numerator_scale, UInt256 denominator,
                                  int denominator_scale, bool negative) {
  const LeadingDigit above = leading_base_10000(numerator, numerator_scale);
  const LeadingDigit below = leading_base_10000(denominator, denominator_scale);
  const int quotient_weight = above.weight - below.weight - (above.digit <= below.digit ? 1 : 0);
  int scale = kMinQuotientDigits - quotient_weight * 4;
  scale = std::max({scale, numerator_scale, denominator_scale, 0});
  scale = std::min(scale, kMaxQuotientScale);

  // A quotient of at most 38 digits has a numerator below 10^77, which fits.
  const int shift = scale + denominator_scale - numerator_scale;
  if (shift >= 0) {
    if (scale_up(numerator, shift)) return overflow();
  } else if (scale_up(denominator, -shift)) {
    return numeric_of(UInt256(), false, scale);  // the quotient is far below half a unit
  }
  UInt256 remainder;
  UInt256 quotient = divide(numerator, denominator, remainder);
  UInt256 rest = denominator;
  subtract_in_place(rest, remainder);
  if (compare(remainder, rest) >= 0) add_in_place(quotient, UInt256(UInt128{1}));
  return numeric_of(quotient, negative, scale);
}

Status division_by_zero() { return Status(sqlstate::kDivisionByZero, "division by zero"); }

Result<Numeric> round_or_truncate(const Numeric& value, int32_t scale, bool rounds) {
  if (!value.is_finite()) return value;
  scale = std::clamp(scale, -kMaxRoundScale, kMaxRoundScale);
  UInt256 unscaled(magnitude(value));
  if (scale < value.scale) {
    unscaled = scale_down(unscaled, value.scale - scale, rounds);
  } else if (scale_up(unscaled, scale - value.scale)) {
    return overflow();
  }
  if (scale < 0 && scale_up(unscaled, -scale)) return overflow();
  return numeric_of(unscaled, is_negative(value), std::max(scale, 0));
}

/// floor (`toward` = -1) or ceil (+1).
Result<Numeric> to_whole(const Numeric& value, int toward) {
  if (!value.is_finite()) return value;
  const UInt256 unscaled(magnitude(value));
  UInt256 whole = scale_down(unscaled, value.scale, false);
  UInt256 back = whole;
  scale_up(back, value.scale);
  const bool has_fraction = compare(back, unscaled) != 0;
  if (has_fraction && is_negative(value) == (toward < 0)) {
    add_in_place(whole, UInt256(UInt128{1}));
  }
  return numeric_of(whole, is_negative(value), 0);
}

}  // namespace

Result<Numeric> add(const Numeric& a, const Numeric& b) {
  Numeric result;
  if (try_add_fast(a, b, result)) return result;
  return add_or_subtract(a, b, false);
}

Result<Numeric> subtract(const Numeric& a, const Numeric& b) {
  Numeric result;
  if (try_subtract_fast(a, b, result)) return result;
  return add_or_subtract(a, b, true);
}

Result<Numeric> multiply(const Numeric& a, const Numeric& b) {
  Numeric result;
  if (try_multiply_fast(a, b, result)) return result;
  if (a.kind == Kind::kNaN || b.kind == Kind::kNaN) return Numeric::special(Kind::kNaN);
  if (is_infinite(a) || is_infinite(b)) {
    const int product = sign(a) * sign(b);
    return product == 0 ? Numeric::special(Kind::kNaN) : infinity_of(product < 0);
  }
  UInt256 product = multiply_wide(magnitude(a), magnitude(b));
  int scale = a.scale + b.scale;
  if (scale > kMaxScale) {
    product = scale_down(product, scale - kMaxScale, true);
    scale = kMaxScale;
  }
  return numeric_of(product, is_negative(a) != is_negative(b), scale);
}

Result<Numeric> divide(const Numeric& a, const Numeric& b) {
  if (a.kind == Kind::kNaN || b.kind == Kind::kNaN) return Numeric::special(Kind::kNaN);
  if (is_infinite(a)) {
    if (is_infinite(b)) return Numeric::special(Kind::kNaN);
    if (is_zero(b)) return division_by_zero();
    return infinity_of(sign(a) != sign(b));
  }
  if (is_infinite(b)) return Numeric();
  if (is_zero(b)) return division_by_zero();
  return divide_magnitudes(magnitude(a), a.scale, magnitude(b), b.scale,
                           is_negative(a) != is_negative(b));
}

Result<Numeric> modulo(const Numeric& a, const Numeric& b) {
  if (a.kind == Kind::kNaN || b.kind == Kind::kNaN) return Numeric::special(Kind::kNaN);
  if (is_infinite(a)) {
    if (is_zero(b)) return division_by_zero();
    return Numeric::special(Kind::kNaN);
  }
  if (is_infinite(b)) return a;
  if (is_zero(b)) return division_by_zero();
  const int scale = std::max(a.scale, b.scale);
  UInt256 left(magnitude(a));
  UInt256 right(magnitude(b));
  if (scale_up(left, scale - a.scale)) return overflow();
  if (scale_up(right, scale - b.scale)) return numeric_of(left, is_negative(a), scale);
  UInt256 remainder;
  divide(left, right, remainder);
  return numeric_of(remainder, is_negative(a), scale);
}

Numeric negate(const Numeric& value) {
  switch (value.kind) {
    case Kind::kFinite:
      return Numeric(-value.unscaled(), value.scale);
    case Kind::kNegativeInfinity:
      return Numeric::special(Kind::kInfinity);
    case Kind::kInfinity:
      return Numeric::special(Kind::kNegativeInfinity);
    case Kind::kNaN:
      return value;
  }
  return value;
}

Result<Numeric> round(const Numeric& value, int32_t scale) {
  return round_or_truncate(value, scale, true);
}

Result<Numeric> truncate(const Numeric& value, int32_t scale) {
  return round_or_truncate(value, scale, false);
}

Result<Numeric> floor(const Numeric& value) { return to_whole(value, -1); }

Result<Numeric> ceil(const Numeric& value) { return to_whole(value, 1); }

int compare(const Numeric& a, const Numeric& b) {
  if (is_small(a) && is_small(b) && a.scale == b.scale) {
    const int64_t left = static_cast<int64_t>(a.low);
    const int64_t right = static_cast<int64_t>(b.low);
    return left < right ? -1 : left > right;
  }
  if (a.kind == Kind::kNaN || b.kind == Kind::kNaN) {
    return (a.kind == Kind::kNaN) - (b.kind == Kind::kNaN);
  }
  const int sign_a = sign(a);
  const int sign_b = sign(b);
  if (sign_a != sign_b) return sign_a < sign_b ? -1 : 1;
  if (sign_a == 0) return 0;
  if (is_infinite(a) || is_infinite(b)) return sign_a * (is_infinite(a) - is_infinite(b));

  UInt256 left(magnitude(a));
  UInt256 right(magnitude(b));
  const int exponent_a = leading_exponent(left, a.scale);
  const int exponent_b = leading_exponent(right, b.scale);
  if (exponent_a != exponent_b) return exponent_a < exponent_b ? -sign_a : sign_a;
  // With equal leading exponents the scales differ by less than 38.
  const int scale = std::max(a.scale, b.scale);
  scale_up(left, scale - a.scale);
  scale_up(right, scale - b.scale);
  return sign_a * compare(left, right);
}

Result<Numeric> apply_modifier(const Numeric& value, int32_t modifier) {
  if (modifier < 0 || value.kind == Kind::kNaN) return value;
  const Type type{TypeId::kNumeric, modifier};
  const int precision = type.numeric_precision();
  const int scale = type.numeric_scale();
  const auto field_overflow = [&](const std::string& must) {
    return Status(sqlstate::kNumericOutOfRange, "numeric field overflow")
        .with_detail("A field with precision " + std::to_string(precision) + ", scale " +
                     std::to_string(scale) + " " + must);
  };
  if (is_infinite(value)) return field_overflow("cannot hold an infinite value.");
  Result<Numeric> rounded = round(value, scale);
  const int whole_digits = precision - scale;
  if (!rounded.is_ok() || magnitude(*rounded) >= kPowersOfTen[precision]) {
    return field_overflow("must round to an absolute value less than " +
                          (whole_digits > 0 ? "10^" + std::to_string(whole_digits) : "1") + ".");
  }
  return rounded;
}

// ---- Sums
// ----------------------------------------------------------------------------------------

namespace {

constexpr int kSumLimbs = 4;

bool is_negative(const NumericSum& sum) { return static_cast<int64_t>(sum.limbs[3]) < 0; }

UInt256 bits_of(const NumericSum& sum) {
  UInt256 bits;
  std::copy(sum.limbs, sum.limbs + kSumLimbs, bits.limbs);
  return bits;
}

UInt256 negated(const UInt256& value) {
  UInt256 result;
  subtract_in_place(result, value);
  return result;
}

UInt256 magnitude(const NumericSum& sum) {
  return is_negative(sum) ? negated(bits_of(sum)) : bits_of(sum);
}

Status sum_overflow() { return overflow(); }

void store(NumericSum& sum, const UInt256& bits) {
  std::copy(bits.limbs, bits.limbs + kSumLimbs, sum.limbs);
}

/// Adds a two's complement number at the sum's scale.
Status add_bits(NumericSum& sum, const UInt256& bits) {
  const bool was_negative = is_negative(sum);
  const bool adds_negative = bits.bit(255);
  UInt256 total = bits_of(sum);
  add_in_place(total, bits);
  if (was_negative == adds_negative && total.bit(255) != was_negative) return sum_overflow();
  store(sum, total);
  return Status::ok();
}

Status add_magnitude(NumericSum& sum, UInt256 value, bool negative, int scale) {
  if (scale > sum.scale) {
    const bool sum_negative = is_negative(sum);
    UInt256 total = magnitude(sum);
    if (scale_up(total, scale - sum.scale) || total.bit(255)) return sum_overflow();
    store(sum, sum_negative ? negated(total) : total);
    sum.scale = static_cast<uint16_t>(scale);
  } else if (scale_up(value, sum.scale - scale)) {
    return sum_overflow();
  }
  if (value.bit(255)) return sum_overflow();
  return add_bits(sum, negative ? negated(value) : value);
}

/// What the specials in a sum make of it; kFinite when there are none.
Kind special_of(const NumericSum& sum) {
  if (sum.nan_count != 0) return Kind::kNaN;
  if (sum.positive_infinities != 0 && sum.negative_infinities != 0) return Kind::kNaN;
  if (sum.positive_infinities != 0) return Kind::kInfinity;
  if (sum.negative_infinities != 0) return Kind::kNegativeInfinity;
  return Kind::kFinite;
}

}  // namespace

Status add(NumericSum& sum, const Numeric& value, int64_t weight) {
  if (is_small(value) && value.scale == sum.scale) [[likely]] {
    const Int128 product = Int128{static_cast<int64_t>(value.low)} * weight;
    UInt256 bits(static_cast<UInt128>(product));
    if (product < 0) bits.limbs[2] = bits.limbs[3] = ~uint64_t{0};
    return add_bits(sum, bits);
  }
  switch (value.kind) {
    case Kind::kNaN:
      sum.nan_count += weight;
      return Status::ok();
    case Kind::kInfinity:
      sum.positive_infinities += weight;
      return Status::ok();
    case Kind::kNegativeInfinity:
      sum.negative_infinities += weight;
      return Status::ok();
    case Kind::kFinite:
      break;
  }
  UInt256 product(magnitude(value));
  const uint64_t times =
      weight < 0 ? -static_cast<uint64_t>(weight) : static_cast<uint64_t>(weight);
  multiply_in_place(product, times);
  return add_magnitude(sum, product, is_negative(value) != (weight < 0), value.scale);
}

void set_scale(NumericSum& sum, uint16_t scale) {
  if (scale >= sum.scale) return;
  const bool negative = is_negative(sum);
  // Without a rest: no value in the sum has more digits.
  const UInt256 shown = scale_down(magnitude(sum), sum.scale - scale, false);
  store(sum, negative ? negated(shown) : shown);
  sum.scale = scale;
}

Status merge(NumericSum& sum, const NumericSum& other) {
  FOREBAY_RETURN_IF_ERROR(add_magnitude(sum, magnitude(other), is_negative(other), other.scale));
  sum.nan_count += other.nan_count;
  sum.positive_infinities += other.positive_infinities;
  sum.negative_infinities += other.negative_infinities;
  return Status::ok();
}

Result<Numeric> finish(const NumericSum& sum) {
  const Kind special = special_of(sum);
  if (special != Kind::kFinite) return Numeric::special(special);
  return numeric_of(magnitude(sum), is_negative(sum), sum.scale);
}

Result<Numeric> average(const NumericSum& sum, int64_t count) {
  const Kind special = special_of(sum);
  if (special != Kind::kFinite) return Numeric::special(special);
  return divide_magnitudes(magnitude(sum), sum.scale, UInt128{static_cast<uint64_t>(count)}, 0,
                           is_negative(sum));
}

Result<Numeric> numeric_from(Int128 value) {
  const bool negative = value < 0;
  const UInt128 bits = static_cast<UInt128>(value);
  return numeric_of(negative ? -bits : bits, negative, 0);
}

Result<Numeric> variance(const NumericSum& sum, const NumericSum& squares, int64_t count,
                         int sample) {
  if (special_of(sum) != Kind::kFinite) return Numeric::special(Kind::kNaN);
  const UInt256 total = magnitude(sum);
  UInt256 numerator = magnitude(squares);
  const auto times = static_cast<uint64_t>(count);
  if ((total.limbs[2] | total.limbs[3]) != 0 || digit_count(numerator) > 57) return overflow();
  multiply_in_place(numerator, times);
  const UInt128 half = UInt128{total.limbs[1]} << 64 | total.limbs[0];
  UInt256 square = multiply_wide(half, half);
  const int scale = std::max<int>(squares.scale, 2 * sum.scale);
  if (scale_up(numerator, scale - squares.scale) || scale_up(square, scale - 2 * sum.scale)) {
    return overflow();
  }
  if (compare(numerator, square) <= 0) return numeric_of(UInt256(), false, 0);
  subtract_in_place(numerator, square);
  const UInt128 denominator = UInt128{times} * (times - static_cast<uint64_t>(sample));
  return divide_magnitudes(numerator, scale, denominator, 0, false);
}

}  // namespace forebay::data
