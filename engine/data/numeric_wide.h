#pragma once

#include <bit>
#include <cstdint>

/// 256-bit unsigned numbers: the intermediate results of numeric arithmetic (a product of two
/// 38-digit numbers has 76 digits). Only what numeric*.cpp needs; not for other files.
namespace forebay::data {

using UInt128 = unsigned __int128;

struct UInt256 {
  uint64_t limbs[4] = {};  // least significant first

  constexpr UInt256() = default;
  constexpr UInt256(UInt128 value)  // NOLINT: widening, implicit on purpose
      : limbs{static_cast<uint64_t>(value), static_cast<uint64_t>(value >> 64), 0, 0} {}

  constexpr bool is_zero() const { return (limbs[0] | limbs[1] | limbs[2] | limbs[3]) == 0; }
  constexpr bool fits_in_128() const { return (limbs[2] | limbs[3]) == 0; }
  constexpr UInt128 low_128() const { return UInt128{limbs[1]} << 64 | limbs[0]; }
  constexpr bool bit(int index) const { return limbs[index / 64] >> (index % 64) & 1; }
  constexpr int bit_width() const {
    for (int i = 3; i >= 0; --i) {
      if (limbs[i] != 0) return 64 * i + static_cast<int>(std::bit_width(limbs[i]));
    }
    return 0;
  }
};

constexpr int compare(const UInt256& a, const UInt256& b) {
  for (int i = 3; i >= 0; --i) {
    if (a.limbs[i] != b.limbs[i]) return a.limbs[i] < b.limbs[i] ? -1 : 1;
  }
  return 0;
}

/// Wraps around; true when it did.
constexpr bool add_in_place(UInt256& a, const UInt256& b) {
  UInt128 carry = 0;
  for (int i = 0; i < 4; ++i) {
    carry += UInt128{a.limbs[i]} + b.limbs[i];
    a.limbs[i] = static_cast<uint64_t>(carry);
    carry >>= 64;
  }
  return carry != 0;
}

/// Wraps around; true when b > a.
constexpr bool subtract_in_place(UInt256& a, const UInt256& b) {
  uint64_t borrow = 0;
  for (int i = 0; i < 4; ++i) {
    const UInt128 difference = UInt128{a.limbs[i]} - b.limbs[i] - borrow;
    a.limbs[i] = static_cast<uint64_t>(difference);
    borrow = static_cast<uint64_t>(difference >> 64) & 1;
  }
  return borrow != 0;
}

/// a * factor; true when it overflowed 256 bits.
constexpr bool multiply_in_place(UInt256& a, uint64_t factor) {
  UInt128 carry = 0;
  for (uint64_t& limb : a.limbs) {
    carry += UInt128{limb} * factor;
    limb = static_cast<uint64_t>(carry);
    carry >>= 64;
  }
  return carry != 0;
}

constexpr UInt256 multiply_wide(UInt128 a, UInt128 b) {
  UInt256 low(a);
  multiply_in_place(low, static_cast<uint64_t>(b));
  UInt256 high(a);
  multiply_in_place(high, static_cast<uint64_t>(b >> 64));
  const UInt256 shifted = [&] {
    UInt256 result;
    for (int i = 1; i < 4; ++i) result.limbs[i] = high.limbs[i - 1];
    return result;
  }();
  add_in_place(low, shifted);
  return low;
}

/// The quotient; the rest goes to `remainder`. `divisor` is not zero. Long division by a limb when
/// the divisor is one, else bit by bit (rare: both sides are beyond 64 and 128 bits).
constexpr UInt256 divide(const UInt256& dividend, const UInt256& divisor, UInt256& remainder) {
  UInt256 quotient;
  if (dividend.fits_in_128() && divisor.fits_in_128()) {
    remainder = dividend.low_128() % divisor.low_128();
    return dividend.low_128() / divisor.low_128();
  }
  if (divisor.bit_width() <= 64) {
    UInt128 rest = 0;
    for (int i = 3; i >= 0; --i) {
      rest = rest << 64 | dividend.limbs[i];
      quotient.limbs[i] = static_cast<uint64_t>(rest / divisor.limbs[0]);
      rest %= divisor.limbs[0];
    }
    remainder = rest;
    return quotient;
  }
  remainder = UInt256();
  for (int i = dividend.bit_width() - 1; i >= 0; --i) {
    const bool carry = remainder.bit(255);
    add_in_place(remainder, UInt256(remainder));
    remainder.limbs[0] |= dividend.bit(i);
    if (carry || compare(remainder, divisor) >= 0) {
      subtract_in_place(remainder, divisor);
      quotient.limbs[i / 64] |= uint64_t{1} << (i % 64);
    }
  }
  return quotient;
}

/// 10^0 .. 10^38.
struct PowersOfTen {
  UInt128 values[39];
  constexpr PowersOfTen() : values{} {
    values[0] = 1;
    for (int i = 1; i < 39; ++i) values[i] = values[i - 1] * 10;
  }
  constexpr UInt128 operator[](int exponent) const { return values[exponent]; }
};
inline constexpr PowersOfTen kPowersOfTen;

/// The largest absolute unscaled value of a numeric.
inline constexpr UInt128 kMaxUnscaled = kPowersOfTen[38] - 1;

/// a * 10^exponent; true when it overflowed 256 bits. exponent >= 0.
constexpr bool scale_up(UInt256& a, int exponent) {
  if (a.is_zero()) return false;
  constexpr int kStep = 19;
  while (exponent > 0) {
    const int step = exponent < kStep ? exponent : kStep;
    if (multiply_in_place(a, static_cast<uint64_t>(kPowersOfTen[step]))) return true;
    exponent -= step;
  }
  return false;
}

/// a / 10^exponent, half away from zero when `rounds`, else cut. exponent >= 0.
constexpr UInt256 scale_down(UInt256 a, int exponent, bool rounds) {
  bool is_half_or_more = false;
  constexpr int kStep = 19;
  while (exponent > 0 && !(a.is_zero() && !is_half_or_more)) {
    const int step = exponent < kStep ? exponent : kStep;
    UInt256 remainder;
    const uint64_t divisor = static_cast<uint64_t>(kPowersOfTen[step]);
    a = divide(a, UInt256(divisor), remainder);
    // Only the digit before the cut decides: all lower ones are cut away in earlier steps.
    is_half_or_more = remainder.limbs[0] >= divisor - divisor / 2;
    exponent -= step;
  }
  if (rounds && is_half_or_more) add_in_place(a, UInt256(UInt128{1}));
  return a;
}

/// Decimal digits; 0 for zero.
constexpr int digit_count(UInt128 value) {
  if (value == 0) return 0;
  const uint64_t high = static_cast<uint64_t>(value >> 64);
  const int bits = high != 0 ? 64 + static_cast<int>(std::bit_width(high))
                             : static_cast<int>(std::bit_width(static_cast<uint64_t>(value)));
  const int estimate = bits * 1233 >> 12;  // log10(2) = 0.30103
  return estimate + (estimate < 39 && value >= kPowersOfTen[estimate]);
}

constexpr int digit_count(UInt256 value) {
  int digits = 0;
  while (!value.fits_in_128()) {
    UInt256 remainder;
    value = divide(value, UInt256(kPowersOfTen[19]), remainder);
    digits += 19;
  }
  return digits + digit_count(value.low_128());
}

}  // namespace forebay::data
