#include "engine/data/datetime.h"

#include <cmath>

#include "engine/data/datetime_limits.h"

namespace forebay::data {

namespace {

constexpr int32_t kDaysPerMonth = 30;
constexpr double kSecondsPerDay = 86'400;
// Day 0 of the algorithms below is 0000-03-01; days since then until 2000-01-01.
constexpr int64_t kDaysFromMarchEra = 719'468 + 10'957;
constexpr int64_t kDaysPerEra = 146'097;  // 400 years

constexpr int32_t kMicroDigits = 6;
constexpr int64_t kRoundingUnits[] = {1'000'000, 100'000, 10'000, 1'000, 100, 10};

Status timestamp_out_of_range() {
  return Status(sqlstate::kDatetimeOverflow, "timestamp out of range");
}
Status interval_out_of_range() {
  return Status(sqlstate::kDatetimeOverflow, "interval out of range");
}

/// PostgreSQL's protection against the last bits of a double: six digits.
double rounded_to_micros(double value) { return std::rint(value * 1e6) / 1e6; }

Result<int64_t> timestamp_of(int64_t year, int32_t month, int32_t day, int64_t time_of_day) {
  if (!is_valid_julian(year, month)) return timestamp_out_of_range();
  const Int128 micros =
      Int128{days_from_civil(static_cast<int32_t>(year), month, day)} * kMicrosPerDay + time_of_day;
  if (!is_valid_timestamp(micros)) return timestamp_out_of_range();
  return static_cast<int64_t>(micros);
}

Result<int64_t> add_months(int64_t timestamp, int64_t months) {
  const int32_t days = day_of_timestamp(timestamp);
  const CivilDate date = civil_from_days(days);
  const int64_t month_number = int64_t{date.year} * 12 + (date.month - 1) + months;
  const int64_t year = month_number >= 0 ? month_number / 12 : -((11 - month_number) / 12);
  const auto month = static_cast<int32_t>(month_number - year * 12) + 1;
  if (!is_valid_julian(year, month)) return timestamp_out_of_range();
  const int32_t day = std::min(date.day, days_in_month(static_cast<int32_t>(year), month));
  return timestamp_of(year, month, day, timestamp - days * kMicrosPerDay);
}

/// timestamp + sign * interval; 64 bits hold what negating an interval's fields may need.
Result<int64_t> add_signed(int64_t timestamp, const Interval& interval, int sign) {
  if (!is_finite_timestamp(timestamp)) return timestamp;
  if (interval.months != 0) {
    FOREBAY_ASSIGN_OR_RETURN(timestamp, add_months(timestamp, int64_t{sign} * interval.months));
  }
  Int128 total = timestamp;
  if (interval.days != 0) {
    total += Int128{sign} * interval.days * kMicrosPerDay;
    if (!is_valid_timestamp(total)) return timestamp_out_of_range();
  }
  total += Int128{sign} * interval.microseconds;
  if (!is_valid_timestamp(total)) return timestamp_out_of_range();
  return static_cast<int64_t>(total);
}

bool fits_in_32_bits(double value) {
  return !std::isnan(value) && value <= INT32_MAX && value >= INT32_MIN;
}

/// Interval * or / by a double: `scaled` gives the exact product or quotient of one field.
/// Fractions of months go to days (30 a month), fractions of days to microseconds; nothing goes up.
template <typename Scale>
Result<Interval> scale_interval(const Interval& value, Scale scaled, bool checks_range) {
  const double months = scaled(static_cast<double>(value.months));
  const double days = scaled(static_cast<double>(value.days));
  if (checks_range && (!fits_in_32_bits(months) || !fits_in_32_bits(days))) {
    return interval_out_of_range();
  }
  Interval result;
  result.months = static_cast<int32_t>(months);
  result.days = static_cast<int32_t>(days);
  const double month_rest = rounded_to_micros((months - result.months) * kDaysPerMonth);
  double second_rest = rounded_to_micros(
      (days - result.days + month_rest - static_cast<int32_t>(month_rest)) * kSecondsPerDay);
  if (std::abs(second_rest) >= kSecondsPerDay) {
    const auto extra_days = static_cast<int32_t>(second_rest / kSecondsPerDay);
    result.days += extra_days;
    second_rest -= extra_days * kSecondsPerDay;
  }
  result.days += static_cast<int32_t>(month_rest);
  const double micros = std::rint(scaled(static_cast<double>(value.microseconds)) +
                                  second_rest * static_cast<double>(kMicrosPerSecond));
  constexpr double kTwoTo63 = 9223372036854775808.0;
  if (std::isnan(micros) || micros < -kTwoTo63 || micros >= kTwoTo63) {
    return interval_out_of_range();
  }
  result.microseconds = static_cast<int64_t>(micros);
  return result;
}

/// The calendar fields of a timestamp, time of day apart.
struct BrokenDown {
  CivilDate date;
  int64_t time_of_day;
};

BrokenDown break_down(int64_t timestamp) {
  const int64_t days = day_of_timestamp(timestamp);
  return {civil_from_days(static_cast<int32_t>(days)), timestamp - days * kMicrosPerDay};
}

}  // namespace

bool is_leap_year(int32_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int32_t days_in_month(int32_t year, int32_t month) {
  static constexpr int8_t kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return kDays[month - 1] + (month == 2 && is_leap_year(year));
}

// After Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years start in March, so
// that leap days are last.
CivilDate civil_from_days(int32_t days) {
  const int64_t shifted = days + kDaysFromMarchEra;
  const int64_t era = (shifted >= 0 ? shifted : shifted - (kDaysPerEra - 1)) / kDaysPerEra;
  const auto day_of_era = static_cast<uint32_t>(shifted - era * kDaysPerEra);
  const uint32_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const uint32_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const uint32_t march_month = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<int32_t>(day_of_year - (153 * march_month + 2) / 5 + 1);
  const auto month = static_cast<int32_t>(march_month < 10 ? march_month + 3 : march_month - 9);
  const auto year = static_cast<int32_t>(year_of_era + era * 400 + (month <= 2));
  return {year, month, day};
}

int32_t days_from_civil(int32_t year, int32_t month, int32_t day) {
  const int64_t march_year = int64_t{year} - (month <= 2);
  const int64_t era = (march_year >= 0 ? march_year : march_year - 399) / 400;
  const auto year_of_era = static_cast<uint32_t>(march_year - era * 400);
  const auto march_month = static_cast<uint32_t>(month > 2 ? month - 3 : month + 9);
  const uint32_t day_of_year = (153 * march_month + 2) / 5 + static_cast<uint32_t>(day) - 1;
  const uint32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return static_cast<int32_t>(era * kDaysPerEra + day_of_era - kDaysFromMarchEra);
}

int32_t day_of_timestamp(int64_t microseconds) {
  int64_t days = microseconds / kMicrosPerDay;
  if (microseconds < days * kMicrosPerDay) --days;
  return static_cast<int32_t>(days);
}

Result<int64_t> add(int64_t timestamp, const Interval& interval) {
  return add_signed(timestamp, interval, 1);
}

Result<int64_t> subtract(int64_t timestamp, const Interval& interval) {
  return add_signed(timestamp, interval, -1);
}

Result<Interval> timestamp_difference(int64_t a, int64_t b) {
  if (!is_finite_timestamp(a) || !is_finite_timestamp(b)) {
    return Status(sqlstate::kDatetimeOverflow, "cannot subtract infinite timestamps");
  }
  int64_t micros = 0;
  if (__builtin_sub_overflow(a, b, &micros)) return interval_out_of_range();
  Interval result;
  result.days = static_cast<int32_t>(micros / kMicrosPerDay);
  result.microseconds = micros % kMicrosPerDay;
  return result;
}

Result<Interval> add(const Interval& a, const Interval& b) {
  Interval result;
  if (__builtin_add_overflow(a.months, b.months, &result.months) ||
      __builtin_add_overflow(a.days, b.days, &result.days) ||
      __builtin_add_overflow(a.microseconds, b.microseconds, &result.microseconds)) {
    return interval_out_of_range();
  }
  return result;
}

Result<Interval> subtract(const Interval& a, const Interval& b) {
  Interval result;
  if (__builtin_sub_overflow(a.months, b.months, &result.months) ||
      __builtin_sub_overflow(a.days, b.days, &result.days) ||
      __builtin_sub_overflow(a.microseconds, b.microseconds, &result.microseconds)) {
    return interval_out_of_range();
  }
  return result;
}

Result<Interval> negate(const Interval& value) { return subtract(Interval{}, value); }

Result<Interval> multiply(const Interval& value, double factor) {
  return scale_interval(
      value, [factor](double field) { return field * factor; }, true);
}

Result<Interval> divide(const Interval& value, double divisor) {
  if (divisor == 0) return Status(sqlstate::kDivisionByZero, "division by zero");
  return scale_interval(
      value, [divisor](double field) { return field / divisor; }, true);
}

Int128 comparable_span(const Interval& value) {
  const int64_t days = int64_t{value.months} * kDaysPerMonth + value.days;
  return Int128{days} * kMicrosPerDay + value.microseconds;
}

int compare(const Interval& a, const Interval& b) {
  const Int128 left = comparable_span(a);
  const Int128 right = comparable_span(b);
  return left < right ? -1 : left > right;
}

int64_t round_timestamp(int64_t timestamp, int32_t precision) {
  if (precision < 0 || precision >= kMicroDigits || !is_finite_timestamp(timestamp)) {
    return timestamp;
  }
  const int64_t unit = kRoundingUnits[precision];
  const int64_t half = timestamp < 0 ? -unit / 2 : unit / 2;
  return (timestamp + half) / unit * unit;
}

int64_t round_time(int64_t microseconds, int32_t precision) {
  if (precision < 0 || precision >= kMicroDigits) return microseconds;
  const int64_t unit = kRoundingUnits[precision];
  return (microseconds + unit / 2) / unit * unit;
}

Result<Interval> round_interval(const Interval& value, int32_t precision) {
  if (precision < 0 || precision >= kMicroDigits) return value;
  const int64_t unit = kRoundingUnits[precision];
  const int64_t half = value.microseconds < 0 ? -unit / 2 : unit / 2;
  Interval result = value;
  if (__builtin_add_overflow(value.microseconds, half, &result.microseconds)) {
    return interval_out_of_range();
  }
  result.microseconds -= result.microseconds % unit;
  return result;
}

Result<Interval> age(int64_t a, int64_t b) {
  if (!is_finite_timestamp(a) || !is_finite_timestamp(b)) return timestamp_out_of_range();
  const bool is_negative = a < b;
  const BrokenDown later = break_down(is_negative ? b : a);
  const BrokenDown earlier = break_down(is_negative ? a : b);
  int64_t micros = later.time_of_day - earlier.time_of_day;
  int32_t days = later.date.day - earlier.date.day;
  int64_t months =
      (int64_t{later.date.year} - earlier.date.year) * 12 + (later.date.month - earlier.date.month);
  if (micros < 0) {
    micros += kMicrosPerDay;
    --days;
  }
  while (days < 0) {
    days += days_in_month(earlier.date.year, earlier.date.month);
    --months;
  }
  const int sign = is_negative ? -1 : 1;
  Interval result;
  result.microseconds = sign * micros;
  result.days = sign * days;
  result.months = static_cast<int32_t>(sign * months);
  return result;
}

Result<int64_t> timestamp_from_date(int32_t days) {
  if (days == kDateInfinity) return kTimestampInfinity;
  if (days == kDateNegativeInfinity) return kTimestampNegativeInfinity;
  if (days >= kEndTimestampDays) {
    return Status(sqlstate::kDatetimeOverflow, "date out of range for timestamp");
  }
  return days * kMicrosPerDay;
}

int32_t date_from_timestamp(int64_t timestamp) {
  if (timestamp == kTimestampInfinity) return kDateInfinity;
  if (timestamp == kTimestampNegativeInfinity) return kDateNegativeInfinity;
  return day_of_timestamp(timestamp);
}

int64_t timestamp_from_unix_nanos(int64_t nanoseconds) {
  int64_t micros = nanoseconds / 1000;
  if (nanoseconds % 1000 < 0) --micros;
  return micros - kUnixEpochOffsetSeconds * kMicrosPerSecond;
}

}  // namespace forebay::data
