#pragma once

#include "engine/data/value.h"

/// Calendar arithmetic as PostgreSQL does it. Dates are days, timestamps microseconds since
/// 2000-01-01; time zone UTC.
namespace forebay::data {

inline constexpr int64_t kMicrosPerSecond = 1'000'000;
inline constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;
/// Seconds from 1970-01-01 to 2000-01-01.
inline constexpr int64_t kUnixEpochOffsetSeconds = 946'684'800;
inline constexpr int64_t kTimestampInfinity = INT64_MAX;
inline constexpr int64_t kTimestampNegativeInfinity = INT64_MIN;
inline constexpr int32_t kDateInfinity = INT32_MAX;
inline constexpr int32_t kDateNegativeInfinity = INT32_MIN;

struct CivilDate {
  int32_t year;   // astronomical: 0 is 1 BC
  int32_t month;  // 1..12
  int32_t day;    // 1..31
};
CivilDate civil_from_days(int32_t days);
int32_t days_from_civil(int32_t year, int32_t month, int32_t day);
int32_t days_in_month(int32_t year, int32_t month);
bool is_leap_year(int32_t year);
/// The day that holds a finite timestamp (floor).
int32_t day_of_timestamp(int64_t microseconds);

/// timestamp + interval: months (clamped to the month's end), then days, then microseconds. 22008
/// "timestamp out of range".
[[nodiscard]] Result<int64_t> add(int64_t timestamp, const Interval& interval);
[[nodiscard]] Result<int64_t> subtract(int64_t timestamp, const Interval& interval);
/// a - b as days and time, as timestamp subtraction gives.
[[nodiscard]] Result<Interval> timestamp_difference(int64_t a, int64_t b);
[[nodiscard]] Result<Interval> add(const Interval& a, const Interval& b);
[[nodiscard]] Result<Interval> subtract(const Interval& a, const Interval& b);
[[nodiscard]] Result<Interval> negate(const Interval& value);
[[nodiscard]] Result<Interval> multiply(const Interval& value, double factor);
[[nodiscard]] Result<Interval> divide(const Interval& value, double divisor);
/// By PostgreSQL's order: 30-day months, 24-hour days. The 128-bit span in microseconds.
Int128 comparable_span(const Interval& value);
int compare(const Interval& a, const Interval& b);
/// Rounds to the digits of timestamp(p) and interval(p), half away from zero; precision -1: as it
/// is.
int64_t round_timestamp(int64_t timestamp, int32_t precision);
/// The same for time(p).
int64_t round_time(int64_t microseconds, int32_t precision);
[[nodiscard]] Result<Interval> round_interval(const Interval& value, int32_t precision);
/// age(a, b): in years, months and days.
[[nodiscard]] Result<Interval> age(int64_t a, int64_t b);

/// date_trunc for a field name ("hour", "day", "week" ...), case-insensitive; 22023 for others.
/// `is_timestamptz`: by the clock of the session's zone.
[[nodiscard]] Result<int64_t> truncate_timestamp(std::string_view field, int64_t timestamp,
                                                 bool is_timestamptz = false);
/// The microseconds of a field that date_trunc reaches by flooring ("microsecond" to "day"), else
/// 0: callers look once and then take floor_to_unit() per row.
int64_t fixed_unit_micros(std::string_view field);
/// `timestamp` is finite.
constexpr int64_t floor_to_unit(int64_t timestamp, int64_t unit_micros) {
  const int64_t rest = timestamp % unit_micros;
  return timestamp - rest - (rest < 0 ? unit_micros : 0);
}
[[nodiscard]] Result<Interval> truncate_interval(std::string_view field, const Interval& value);
/// extract(field FROM x) as numeric, with PostgreSQL's scales (epoch, second: 6). `is_timestamptz`
/// allows timezone fields and takes the clock of the session's zone. Of infinities: infinite for
/// fields that only grow (year, epoch ...); for the others PostgreSQL gives NULL, see
/// extract_is_null(), which callers ask first.
[[nodiscard]] Result<Numeric> extract_timestamp(std::string_view field, int64_t timestamp,
                                                bool is_timestamptz);
[[nodiscard]] Result<Numeric> extract_date(std::string_view field, int32_t days);
/// True when extract(field FROM x) of an infinite x is NULL: fields that oscillate.
bool extract_is_null(std::string_view field, TypeId type = TypeId::kTimestamp);
[[nodiscard]] Result<Numeric> extract_interval(std::string_view field, const Interval& value);
/// date -> timestamp at midnight; infinities map to infinities; 22008 beyond.
[[nodiscard]] Result<int64_t> timestamp_from_date(int32_t days);
int32_t date_from_timestamp(int64_t timestamp);
/// Now: microseconds since 2000-01-01 UTC from the Unix epoch's nanoseconds.
int64_t timestamp_from_unix_nanos(int64_t nanoseconds);

}  // namespace forebay::data
