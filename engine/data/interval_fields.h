#pragma once

#include <cmath>

#include "engine/data/datetime.h"
#include "engine/data/datetime_words.h"

/// Adds up the units of an interval's text as PostgreSQL does, fractions spilling into smaller
/// units: of years into months, of months (30 days) and weeks into days, of days into microseconds.
namespace forebay::data {

struct IntervalFields {
  int64_t micros = 0;
  int32_t days = 0;
  int32_t months = 0;
  int32_t years = 0;

  /// value + fraction of `unit` (microsecond to millennium, without quarter); false on overflow.
  [[nodiscard]] bool add(TimeUnit unit, int64_t value, double fraction) {
    switch (unit) {
      case TimeUnit::kMicrosecond:
        return add_time(value, fraction, 1);
      case TimeUnit::kMillisecond:
        return add_time(value, fraction, 1000);
      case TimeUnit::kSecond:
        return add_time(value, fraction, kMicrosPerSecond);
      case TimeUnit::kMinute:
        return add_time(value, fraction, 60 * kMicrosPerSecond);
      case TimeUnit::kHour:
        return add_time(value, fraction, 3600 * kMicrosPerSecond);
      case TimeUnit::kDay:
        return add_scaled(value, 1, days) && add_time(0, fraction, kMicrosPerDay);
      case TimeUnit::kWeek:
        return add_scaled(value, 7, days) && add_day_fraction(fraction, 7);
      case TimeUnit::kMonth:
        return add_scaled(value, 1, months) && add_day_fraction(fraction, 30);
      case TimeUnit::kYear:
        return add_years(value, fraction, 1);
      case TimeUnit::kDecade:
        return add_years(value, fraction, 10);
      case TimeUnit::kCentury:
        return add_years(value, fraction, 100);
      case TimeUnit::kMillennium:
        return add_years(value, fraction, 1000);
      default:
        return false;
    }
  }

  [[nodiscard]] bool negate() {
    return !__builtin_sub_overflow(int64_t{0}, micros, &micros) &&
           !__builtin_sub_overflow(0, days, &days) && !__builtin_sub_overflow(0, months, &months) &&
           !__builtin_sub_overflow(0, years, &years);
  }

  [[nodiscard]] bool to_interval(Interval& result) const {
    result.microseconds = micros;
    result.days = days;
    return !__builtin_add_overflow(int64_t{years} * 12, months, &result.months);
  }

 private:
  bool add_time(int64_t value, double fraction, int64_t scale) {
    int64_t whole = 0;
    if (__builtin_mul_overflow(value, scale, &whole) ||
        __builtin_add_overflow(micros, whole, &micros)) {
      return false;
    }
    if (fraction == 0) return true;
    const double exact = fraction * static_cast<double>(scale);
    auto rounded = static_cast<int64_t>(exact);
    const double rest = exact - static_cast<double>(rounded);
    if (rest > 0.5) ++rounded;
    if (rest < -0.5) --rounded;
    return !__builtin_add_overflow(micros, rounded, &micros);
  }

  static bool add_scaled(int64_t value, int32_t scale, int32_t& target) {
    int32_t scaled = 0;
    return !__builtin_mul_overflow(value, scale, &scaled) &&
           !__builtin_add_overflow(target, scaled, &target);
  }

  bool add_day_fraction(double fraction, int32_t scale) {
    if (fraction == 0) return true;
    const double exact = fraction * scale;
    const auto whole = static_cast<int32_t>(exact);
    return !__builtin_add_overflow(days, whole, &days) && add_time(0, exact - whole, kMicrosPerDay);
  }

  bool add_years(int64_t value, double fraction, int32_t scale) {
    const auto extra_months = static_cast<int32_t>(std::rint(fraction * scale * 12));
    return add_scaled(value, scale, years) &&
           !__builtin_add_overflow(months, extra_months, &months);
  }
};

}  // namespace forebay::data
