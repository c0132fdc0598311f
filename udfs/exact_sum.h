#pragma once

#include <cmath>
#include <cstdint>

/// Sums of doubles without rounding, so that taking a value out gives what never having had it
/// gives.
namespace forebay::udfs {

/// The exact sum of finite doubles as an expansion: components that don't overlap, ascending by
/// magnitude, zero behind the last (Shewchuk, Adaptive Precision Floating-Point Arithmetic, 1997,
/// section 2.4). Six components hold the sum of values whose exponents are up to 300 bits apart,
/// and of most others; beyond that the smallest is rounded into its neighbour. Zero bytes are the
/// empty sum. When an intermediate sum leaves the range of double, it stays overflowed.
struct ExactSum {
  static constexpr int kComponents = 6;
  double components[kComponents];

  bool overflowed() const { return std::isnan(components[kComponents - 1]); }

  /// Adds a finite value. An overflowed sum stays as it is.
  void add(double value) {
    double grown[kComponents + 1];
    int count = 0;
    double carry = value;
    for (int i = 0; i < kComponents && components[i] != 0; ++i) {
      const double other = components[i];
      const double sum = carry + other;
      const double virtual_part = sum - carry;
      const double error = (carry - (sum - virtual_part)) + (other - virtual_part);
      carry = sum;
      if (error != 0) grown[count++] = error;
    }
    if (carry != 0) grown[count++] = carry;
    if (!std::isfinite(carry)) [[unlikely]] {
      components[kComponents - 1] = NAN;
      components[0] = NAN;
      return;
    }
    if (count > kComponents) [[unlikely]]
      count = compress(grown, count);
    for (int i = 0; i < kComponents; ++i) components[i] = i < count ? grown[i] : 0.0;
  }

  /// Adds value * weight exactly.
  void add(double value, int64_t weight) {
    if (weight == 1) return add(value);
    if (weight == -1) return add(-value);
    // Both parts are whole numbers of at most 32 bits (times a power of two): exact as doubles.
    const int64_t low = weight & 0xffffffff;
    const int64_t high = weight - low;
    for (const int64_t part : {low, high}) {
      if (part == 0) continue;
      const auto factor = static_cast<double>(part);
      const double product = value * factor;
      if (!std::isfinite(product)) [[unlikely]] {
        components[0] = components[kComponents - 1] = NAN;
        return;
      }
      add(product);
      const double error = std::fma(value, factor, -product);
      if (error != 0) add(error);
    }
  }

  /// The sum, rounded once (half to even). Infinite when it is out of range.
  double value() const {
    int last = kComponents - 1;
    while (last > 0 && components[last] == 0) --last;
    double sum = components[last];
    double error = 0;
    int next = last - 1;
    for (; next >= 0; --next) {
      const double previous = sum;
      sum = previous + components[next];
      error = components[next] - (sum - previous);
      if (error != 0) break;
    }
    // A tie was rounded to even: what lies below decides it.
    const bool same_sign = next > 0 && ((error < 0 && components[next - 1] < 0) ||
                                        (error > 0 && components[next - 1] > 0));
    if (same_sign) {
      const double twice = error * 2;
      const double adjusted = sum + twice;
      if (twice == adjusted - sum) sum = adjusted;
    }
    return sum;
  }

 private:
  /// Shewchuk's COMPRESS; then gives up the smallest component if there are still too many.
  static int compress(double* parts, int count) {
    double top[kComponents + 1];
    int bottom = count - 1;
    double carry = parts[count - 1];
    for (int i = count - 2; i >= 0; --i) {
      const double sum = carry + parts[i];
      const double error = parts[i] - (sum - carry);
      if (error != 0) {
        top[bottom--] = sum;
        carry = error;
      } else {
        carry = sum;
      }
    }
    top[bottom] = carry;
    int size = 0;
    carry = top[bottom];
    for (int i = bottom + 1; i < count; ++i) {
      const double sum = top[i] + carry;
      const double error = carry - (sum - top[i]);
      if (error != 0) parts[size++] = error;
      carry = sum;
    }
    if (carry != 0) parts[size++] = carry;
    if (size <= kComponents) return size;
    parts[1] += parts[0];
    for (int i = 1; i < size; ++i) parts[i - 1] = parts[i];
    return size - 1;
  }
};
static_assert(sizeof(ExactSum) == 48);

}  // namespace forebay::udfs
