// date_trunc and extract.
#include <algorithm>

#include "engine/data/datetime.h"
#include "engine/data/datetime_limits.h"
#include "engine/data/datetime_words.h"
#include "engine/data/numeric.h"
#include "engine/data/session_zone.h"
#include "engine/data/text_scan.h"

namespace forebay::data {

namespace {

constexpr int64_t kMicrosPerMinute = 60 * kMicrosPerSecond;
constexpr int64_t kMicrosPerHour = 3600 * kMicrosPerSecond;
constexpr int64_t kJulianEpoch = 2'451'545;  // the Julian day of 2000-01-01
constexpr int kWeekdayOfEpoch = 6;           // 2000-01-01 was a Saturday; Sunday is 0

Status unit_error(SqlState sqlstate, const char* what, std::string_view unit,
                  const std::string& type_name) {
  return Status(sqlstate,
                "unit \"" + std::string(unit) + "\" not " + what + " for type " + type_name);
}
Status unrecognized(std::string_view unit, const std::string& type_name) {
  return unit_error(sqlstate::kInvalidParameterValue, "recognized", unit, type_name);
}
Status unsupported(std::string_view unit, const std::string& type_name) {
  return unit_error(sqlstate::kFeatureNotSupported, "supported", unit, type_name);
}

int weekday(int32_t days) {  // 0 = Sunday
  return static_cast<int>(((int64_t{days} + kWeekdayOfEpoch) % 7 + 7) % 7);
}

int32_t monday_of(int32_t days) { return days - (weekday(days) + 6) % 7; }

struct IsoWeek {
  int32_t year;
  int32_t week;
};

/// The week belongs to the year of its Thursday.
IsoWeek iso_week(int32_t days) {
  const int32_t thursday = monday_of(days) + 3;
  const int32_t year = civil_from_days(thursday).year;
  return {year, (thursday - days_from_civil(year, 1, 1)) / 7 + 1};
}

/// The first year of the group of `span` years (1-based groups: centuries, millennia).
int32_t group_start(int32_t year, int32_t span) {
  if (year > 0) return (year + span - 1) / span * span - (span - 1);
  return -((span - 1 - (year - 1)) / span) * span + 1;
}

/// Centuries and millennia are counted from 1 and -1; there is no zeroth.
int64_t group_number(int32_t year, int32_t span) {
  if (year > 0) return (int64_t{year} + span - 1) / span;
  return -((span - 1 - (int64_t{year} - 1)) / span);
}

int32_t decade_start(int32_t year) {
  if (year > 0) return year / 10 * 10;
  return -((8 - (year - 1)) / 10) * 10;
}

int64_t decade_number(int32_t year) {
  if (year >= 0) return year / 10;
  return -((8 - (int64_t{year} - 1)) / 10);
}

/// PostgreSQL has no year 0: 1 BC is -1.
int64_t shown_year(int32_t year) { return year > 0 ? year : int64_t{year} - 1; }

Result<int64_t> timestamp_of_date(int32_t year, int32_t month, int32_t day) {
  const Int128 micros = Int128{days_from_civil(year, month, day)} * kMicrosPerDay;
  if (!is_valid_timestamp(micros)) {
    return Status(sqlstate::kDatetimeOverflow, "timestamp out of range");
  }
  return static_cast<int64_t>(micros);
}

int64_t micros_of(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kMicrosecond:
      return 1;
    case TimeUnit::kMillisecond:
      return 1000;
    case TimeUnit::kSecond:
      return kMicrosPerSecond;
    case TimeUnit::kMinute:
      return kMicrosPerMinute;
    case TimeUnit::kHour:
      return kMicrosPerHour;
    case TimeUnit::kDay:
      return kMicrosPerDay;
    default:
      return 0;
  }
}

Numeric fixed_point(Int128 unscaled, uint16_t scale) { return Numeric(unscaled, scale); }

/// The fields of the time of day.
bool extract_time_field(TimeUnit unit, int64_t time_of_day, Numeric& result) {
  const int64_t micros_of_minute = time_of_day % kMicrosPerMinute;
  switch (unit) {
    case TimeUnit::kMicrosecond:
      result = numeric_from(micros_of_minute);
      return true;
    case TimeUnit::kMillisecond:
      result = fixed_point(micros_of_minute, 3);
      return true;
    case TimeUnit::kSecond:
      result = fixed_point(micros_of_minute, 6);
      return true;
    case TimeUnit::kMinute:
      result = numeric_from(time_of_day / kMicrosPerMinute % 60);
      return true;
    case TimeUnit::kHour:
      result = numeric_from(time_of_day / kMicrosPerHour);
      return true;
    default:
      return false;
  }
}

/// The fields of the calendar day.
bool extract_date_field(TimeUnit unit, int32_t days, Numeric& result) {
  const CivilDate date = civil_from_days(days);
  int64_t value = 0;
  switch (unit) {
    case TimeUnit::kDay:
      value = date.day;
      break;
    case TimeUnit::kMonth:
      value = date.month;
      break;
    case TimeUnit::kQuarter:
      value = (date.month - 1) / 3 + 1;
      break;
    case TimeUnit::kWeek:
      value = iso_week(days).week;
      break;
    case TimeUnit::kYear:
      value = shown_year(date.year);
      break;
    case TimeUnit::kDecade:
      value = decade_number(date.year);
      break;
    case TimeUnit::kCentury:
      value = group_number(date.year, 100);
      break;
    case TimeUnit::kMillennium:
      value = group_number(date.year, 1000);
      break;
    case TimeUnit::kIsoYear:
      value = shown_year(iso_week(days).year);
      break;
    case TimeUnit::kDayOfWeek:
      value = weekday(days);
      break;
    case TimeUnit::kIsoDayOfWeek:
      value = weekday(days) == 0 ? 7 : weekday(days);
      break;
    case TimeUnit::kDayOfYear:
      value = int64_t{days} - days_from_civil(date.year, 1, 1) + 1;
      break;
    default:
      return false;
  }
  result = numeric_from(value);
  return true;
}

bool grows_forever(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kYear:
    case TimeUnit::kDecade:
    case TimeUnit::kCentury:
    case TimeUnit::kMillennium:
    case TimeUnit::kJulian:
    case TimeUnit::kIsoYear:
    case TimeUnit::kEpoch:
      return true;
    default:
      return false;
  }
}

bool is_timezone_field(TimeUnit unit) {
  return unit == TimeUnit::kTimezone || unit == TimeUnit::kTimezoneHour ||
         unit == TimeUnit::kTimezoneMinute;
}

/// Seconds since 1970, six digits behind the point. At the end of the range PostgreSQL leaves 64
/// bits and divides, which keeps fewer digits.
Result<Numeric> epoch_of(int64_t timestamp) {
  const Int128 micros = Int128{timestamp} + kUnixEpochOffsetSeconds * kMicrosPerSecond;
  if (micros < INT64_MAX) return Numeric(micros, 6);
  FOREBAY_ASSIGN_OR_RETURN(const Numeric quotient,
                           divide(Numeric(micros, 0), numeric_from(kMicrosPerSecond)));
  return round(quotient, 6);
}

Numeric infinity_of(bool positive) {
  return Numeric::special(positive ? Numeric::Kind::kInfinity : Numeric::Kind::kNegativeInfinity);
}

/// `timestamp` is finite.
Result<int64_t> truncate_clock(std::string_view field, int64_t timestamp, Type type) {
  const std::string word = lower_case(field);
  const CivilDate date = civil_from_days(day_of_timestamp(timestamp));
  const TimeUnit unit = find_time_unit(word);
  switch (unit) {
    case TimeUnit::kMicrosecond:
    case TimeUnit::kMillisecond:
    case TimeUnit::kSecond:
    case TimeUnit::kMinute:
    case TimeUnit::kHour:
    case TimeUnit::kDay:
      return floor_to_unit(timestamp, micros_of(unit));  // the first moment of all starts a day
    case TimeUnit::kWeek: {
      const Int128 monday = Int128{monday_of(day_of_timestamp(timestamp))} * kMicrosPerDay;
      if (!is_valid_timestamp(monday)) {
        return Status(sqlstate::kDatetimeOverflow, "timestamp out of range");
      }
      return static_cast<int64_t>(monday);
    }
    case TimeUnit::kMonth:
      return timestamp_of_date(date.year, date.month, 1);
    case TimeUnit::kQuarter:
      return timestamp_of_date(date.year, (date.month - 1) / 3 * 3 + 1, 1);
    case TimeUnit::kYear:
      return timestamp_of_date(date.year, 1, 1);
    case TimeUnit::kDecade:
      return timestamp_of_date(decade_start(date.year), 1, 1);
    case TimeUnit::kCentury:
      return timestamp_of_date(group_start(date.year, 100), 1, 1);
    case TimeUnit::kMillennium:
      return timestamp_of_date(group_start(date.year, 1000), 1, 1);
    case TimeUnit::kTimezone:
    case TimeUnit::kTimezoneHour:
    case TimeUnit::kTimezoneMinute:
      return unsupported(word, type.name());
    default:
      return unrecognized(word, type.name());
  }
}

}  // namespace

Result<int64_t> truncate_timestamp(std::string_view field, int64_t timestamp, bool is_timestamptz) {
  if (!is_finite_timestamp(timestamp)) return timestamp;
  if (!is_timestamptz) return truncate_clock(field, timestamp, kTimestampType);
  const int64_t offset = session_offset_at(timestamp) * kMicrosPerSecond;
  FOREBAY_ASSIGN_OR_RETURN(const int64_t local,
                           truncate_clock(field, timestamp + offset, kTimestampTzType));
  // Hours and less keep the offset, as PostgreSQL has it.
  const int64_t unit = fixed_unit_micros(field);
  if (unit != 0 && unit < kMicrosPerDay) return local - offset;
  return moment_of_local(local);
}

int64_t fixed_unit_micros(std::string_view field) {
  return micros_of(find_time_unit(lower_case(field)));
}

Result<Interval> truncate_interval(std::string_view field, const Interval& value) {
  const std::string word = lower_case(field);
  const auto keep_time = [&](int64_t unit) {
    return Interval{value.microseconds - value.microseconds % unit, value.days, value.months};
  };
  const auto keep_months = [&](int32_t unit) { return Interval{0, 0, value.months / unit * unit}; };
  switch (find_time_unit(word)) {
    case TimeUnit::kMicrosecond:
      return value;
    case TimeUnit::kMillisecond:
      return keep_time(1000);
    case TimeUnit::kSecond:
      return keep_time(kMicrosPerSecond);
    case TimeUnit::kMinute:
      return keep_time(kMicrosPerMinute);
    case TimeUnit::kHour:
      return keep_time(kMicrosPerHour);
    case TimeUnit::kDay:
      return Interval{0, value.days, value.months};
    case TimeUnit::kMonth:
      return keep_months(1);
    case TimeUnit::kQuarter:
      return keep_months(3);
    case TimeUnit::kYear:
      return keep_months(12);
    case TimeUnit::kDecade:
      return keep_months(120);
    case TimeUnit::kCentury:
      return keep_months(1200);
    case TimeUnit::kMillennium:
      return keep_months(12'000);
    case TimeUnit::kWeek:
      return unsupported(word, kIntervalType.name())
          .with_detail("Months usually have fractional weeks.");
    case TimeUnit::kTimezone:
    case TimeUnit::kTimezoneHour:
    case TimeUnit::kTimezoneMinute:
      return unsupported(word, kIntervalType.name());
    default:
      return unrecognized(word, kIntervalType.name());
  }
}

bool extract_is_null(std::string_view field, TypeId type) {
  const TimeUnit unit = find_extract_field(lower_case(field));
  if (grows_forever(unit)) return false;
  Numeric unused;
  if (extract_date_field(unit, 0, unused)) return true;
  if (type == TypeId::kDate) return false;
  return extract_time_field(unit, 0, unused) || is_timezone_field(unit);
}

Result<Numeric> extract_timestamp(std::string_view field, int64_t timestamp, bool is_timestamptz) {
  const std::string word = lower_case(field);
  const Type type = is_timestamptz ? kTimestampTzType : kTimestampType;
  const TimeUnit unit = find_extract_field(word);
  if (!is_finite_timestamp(timestamp) && grows_forever(unit)) return infinity_of(timestamp > 0);
  const int32_t offset = is_timestamptz ? session_offset_at(timestamp) : 0;
  const int64_t local = timestamp + offset * kMicrosPerSecond;
  const int32_t days = day_of_timestamp(local);
  const int64_t rest = local % kMicrosPerDay;  // also of infinities
  const int64_t time_of_day = rest < 0 ? rest + kMicrosPerDay : rest;
  Numeric result;
  if (extract_time_field(unit, time_of_day, result) || extract_date_field(unit, days, result)) {
    return result;
  }
  switch (unit) {
    case TimeUnit::kEpoch:
      return epoch_of(timestamp);
    case TimeUnit::kJulian: {
      FOREBAY_ASSIGN_OR_RETURN(const Numeric fraction,
                               divide(numeric_from(time_of_day), numeric_from(kMicrosPerDay)));
      return add(numeric_from(days + kJulianEpoch), fraction);
    }
    case TimeUnit::kTimezone:
      if (is_timestamptz) return numeric_from(int64_t{offset});
      return unsupported(word, type.name());
    case TimeUnit::kTimezoneHour:
      if (is_timestamptz) return numeric_from(int64_t{offset / 3600});
      return unsupported(word, type.name());
    case TimeUnit::kTimezoneMinute:
      if (is_timestamptz) return numeric_from(int64_t{offset / 60 % 60});
      return unsupported(word, type.name());
    default:
      return unrecognized(word, type.name());
  }
}

Result<Numeric> extract_date(std::string_view field, int32_t days) {
  const std::string word = lower_case(field);
  const TimeUnit unit = find_extract_field(word);
  if (!is_finite_date(days) && grows_forever(unit)) return infinity_of(days > 0);
  Numeric result;
  if (extract_date_field(unit, days, result)) return result;
  switch (unit) {
    case TimeUnit::kEpoch:
      return numeric_from(int64_t{days} * 86'400 + kUnixEpochOffsetSeconds);
    case TimeUnit::kJulian:
      return numeric_from(days + kJulianEpoch);
    case TimeUnit::kUnknown:
    case TimeUnit::kIgnored:
    case TimeUnit::kAgo:
      return unrecognized(word, kDateType.name());
    default:
      return unsupported(word, kDateType.name());
  }
}

Result<Numeric> extract_interval(std::string_view field, const Interval& value) {
  const std::string word = lower_case(field);
  const TimeUnit unit = find_extract_field(word);
  Numeric result;
  if (extract_time_field(unit, value.microseconds, result)) return result;
  const int32_t years = value.months / 12;
  switch (unit) {
    case TimeUnit::kDay:
      return numeric_from(int64_t{value.days});
    case TimeUnit::kMonth:
      return numeric_from(int64_t{value.months % 12});
    case TimeUnit::kQuarter:
      return numeric_from(int64_t{value.months % 12 / 3 + 1});
    case TimeUnit::kYear:
      return numeric_from(int64_t{years});
    case TimeUnit::kDecade:
      return numeric_from(int64_t{years / 10});
    case TimeUnit::kCentury:
      return numeric_from(int64_t{years / 100});
    case TimeUnit::kMillennium:
      return numeric_from(int64_t{years / 1000});
    case TimeUnit::kEpoch: {
      // A year has 365.25 days: in quarters of a day.
      const int64_t quarter_days =
          int64_t{1461} * years + int64_t{120} * (value.months % 12) + int64_t{4} * value.days;
      const Int128 micros =
          Int128{quarter_days} * (86'400 / 4) * kMicrosPerSecond + value.microseconds;
      return fixed_point(micros, 6);
    }
    case TimeUnit::kUnknown:
    case TimeUnit::kIgnored:
    case TimeUnit::kAgo:
      return unrecognized(word, kIntervalType.name());
    default:
      return unsupported(word, kIntervalType.name());
  }
}

}  // namespace forebay::data
