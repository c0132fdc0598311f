#include "engine/data/datetime.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "engine/data/clock.h"
#include "engine/data/numeric.h"
#include "engine/data/session_zone.h"
#include "udfs/builtin/builtin.h"
#include "udfs/builtin/truncation.h"

/// Dates and times: parts, truncation, construction, the present, intervals. What is taken
/// from or made of a timestamptz goes by the session's zone (engine/data/session_zone.h).
namespace forebay::udfs {
namespace {

const std::string* constant_text(std::span<const data::Datum* const> constants) {
  if (constants.empty() || constants[0] == nullptr) return nullptr;
  return std::get_if<std::string>(&constants[0]->value);
}

// Fields up to the day are cut by flooring, which stays in the range of timestamps.
bool is_fixed_unit(std::span<const data::Datum* const> constants) {
  const std::string* field = constant_text(constants);
  return field != nullptr && data::fixed_unit_micros(*field) != 0;
}

bool is_timestamp_field(std::span<const data::Datum* const> constants) {
  const std::string* field = constant_text(constants);
  return field != nullptr && data::extract_timestamp(*field, 0, false).is_ok();
}

constexpr TypeId kText = TypeId::kText;
constexpr TypeId kInteger = TypeId::kInteger;
constexpr TypeId kDouble = TypeId::kDouble;
constexpr TypeId kDate = TypeId::kDate;
constexpr TypeId kTimestamp = TypeId::kTimestamp;
constexpr TypeId kTimestampTz = TypeId::kTimestampTz;
constexpr TypeId kInterval = TypeId::kInterval;
constexpr SqlState kOverflow = data::sqlstate::kDatetimeOverflow;
using Text = std::string_view;

bool is_finite(int64_t at) {
  return at != data::kTimestampInfinity && at != data::kTimestampNegativeInfinity;
}

// ---------------------------------------------------------------- parts

using PartOf = Result<Numeric>;

/// Stores a part. Infinite times have infinite years and the like, and NULL where a part comes
/// round again and again (an hour, a month).
template <typename R>
void store_part(const ScalarCall& call, uint32_t row, const PartOf& part, bool finite) {
  if (!part.is_ok()) {
    const bool unsupported = part.error().sqlstate == data::sqlstate::kFeatureNotSupported;
    // extract knows no hours of a date; date_part takes its midnight.
    const bool comes_round = std::is_same_v<R, double> || call.argument_types[1].id != kDate;
    if (!finite && unsupported && comes_round) return call.set_null(row);
    return call.fail_row(row, part.error());
  }
  if (!finite && part->is_finite()) return call.set_null(row);
  if constexpr (std::is_same_v<R, double>) {
    call.out<double>()[row] = data::to_double(*part);
  } else {
    call.out<Numeric>()[row] = *part;
  }
}

bool is_finite_value(int64_t at) { return is_finite(at); }
bool is_finite_value(int32_t days) {
  return days != data::kDateInfinity && days != data::kDateNegativeInfinity;
}
bool is_finite_value(const Interval&) { return true; }

template <typename R, typename T, auto Get>
void part(const ScalarCall& call) {
  for_rows(call, [&](uint32_t row) {
    const T& value = call.arguments[1].at<T>(row);
    store_part<R>(call, row, Get(call.arguments[0].at<StringView>(row).view(), value),
                  is_finite_value(value));
  });
}

template <typename T, auto Get>
void add_part(Definer& define, TypeId type, std::vector<Example> examples = {}) {
  ScalarFunction& part_of =
      define.kernel("extract", {kText, type}, TypeId::kNumeric, &part<Numeric, T, Get>,
                    "a field of a date, time or interval", std::move(examples));
  part_of.can_fail = true;
  if (type == kTimestamp) part_of.is_safe_with = &is_timestamp_field;
}

template <typename T, auto Get>
void add_double_part(Definer& define, TypeId type, std::vector<Example> examples = {}) {
  ScalarFunction& part_of =
      define.kernel("date_part", {kText, type}, kDouble, &part<double, T, Get>,
                    "a field of a date, time or interval", std::move(examples));
  part_of.can_fail = true;
  if (type == kTimestamp) part_of.is_safe_with = &is_timestamp_field;
}

Result<Numeric> timestamp_part(Text field, const int64_t& at) {
  return data::extract_timestamp(field, at, false);
}
Result<Numeric> timestamptz_part(Text field, const int64_t& at) {
  return data::extract_timestamp(field, at, true);
}
Result<Numeric> date_part(Text field, const int32_t& days) {
  return data::extract_date(field, days);
}
// date_part takes a date as its midnight, so that it has hours where extract has none.
Result<Numeric> midnight_part(Text field, const int32_t& days) {
  FOREBAY_ASSIGN_OR_RETURN(const int64_t at, data::timestamp_from_date(days));
  return data::extract_timestamp(field, at, false);
}
Result<Numeric> interval_part(Text field, const Interval& value) {
  return data::extract_interval(field, value);
}

void add_parts(Definer& define) {
  add_part<int64_t, timestamp_part>(define, kTimestamp,
                                    {{"extract(hour from timestamp '2001-02-16 20:38:40')", "20"}});
  add_part<int64_t, timestamptz_part>(define, kTimestampTz);
  add_part<int32_t, date_part>(define, kDate, {{"extract(dow from date '2026-01-01')", "4"}});
  add_part<Interval, interval_part>(define, kInterval,
                                    {{"extract(minute from interval '90 minutes')", "30"}});
  add_double_part<int64_t, timestamp_part>(
      define, kTimestamp, {{"date_part('hour', timestamp '2001-02-16 20:38:40')", "20"}});
  add_double_part<int64_t, timestamptz_part>(define, kTimestampTz);
  add_double_part<int32_t, midnight_part>(define, kDate);
  add_double_part<Interval, interval_part>(define, kInterval);
}

// ---------------------------------------------------------------- truncation and bins

/// date_trunc: fields of fixed length are cut by arithmetic, looked up once per call.
void truncate_times(const ScalarCall& call) {
  std::optional<TruncationUnit> unit;
  const bool is_zoned = call.argument_types[1].id == kTimestampTz;
  const bool by_clock = is_zoned && data::session_zone() != nullptr;
  if (call.arguments[0].step == 0 && !by_clock)
    unit = truncation_unit(call.arguments[0].at<StringView>(0).view());
  if (unit.has_value()) {
    const TruncationUnit fixed = *unit;
    const ColumnView& times = call.arguments[1];
    auto* out = call.out<int64_t>();
    for_rows(call, [&](uint32_t row) { out[row] = truncated(times.at<int64_t>(row), fixed); });
    return;
  }
  for_rows(call, [&](uint32_t row) {
    Result<int64_t> result = data::truncate_timestamp(call.arguments[0].at<StringView>(row).view(),
                                                      call.arguments[1].at<int64_t>(row), is_zoned);
    if (!result.is_ok()) return call.fail_row(row, result.error());
    call.out<int64_t>()[row] = *result;
  });
}

Result<int64_t> bin(const Interval& stride, int64_t at, int64_t origin) {
  if (!is_finite(at)) return at;
  if (!is_finite(origin)) return Status(kOverflow, "origin out of range");
  if (stride.months != 0) {
    return Status(data::sqlstate::kFeatureNotSupported,
                  "timestamps cannot be binned into intervals containing months or years");
  }
  int64_t width;
  if (__builtin_mul_overflow(int64_t{stride.days}, data::kMicrosPerDay, &width) ||
      __builtin_add_overflow(width, stride.microseconds, &width)) {
    return Status(kOverflow, "interval out of range");
  }
  if (width <= 0) return Status(kOverflow, "stride must be greater than zero");
  int64_t difference;
  if (__builtin_sub_overflow(at, origin, &difference)) {
    return Status(kOverflow, "interval out of range");
  }
  int64_t rest = difference % width;
  if (rest < 0) rest += width;
  int64_t result;
  if (__builtin_sub_overflow(at, rest, &result)) {
    return Status(kOverflow, "timestamp out of range");
  }
  return result;
}

void add_truncation(Definer& define) {
  for (TypeId type : {kTimestamp, kTimestampTz}) {
    std::vector<Example> cut;
    std::vector<Example> binned;
    if (type == kTimestamp) {
      cut = {{"date_trunc('hour', timestamp '2001-02-16 20:38:40')", "2001-02-16 20:00:00"}};
      binned = {{"date_bin('15 minutes', timestamp '2001-02-16 20:38:40', timestamp '2001-02-16')",
                 "2001-02-16 20:30:00"}};
    }
    ScalarFunction& truncate =
        define.kernel("date_trunc", {kText, type}, type, &truncate_times, "cut to a field", cut);
    truncate.can_fail = true;
    truncate.is_safe_with = &is_fixed_unit;
    define.define<[](const Interval& stride, int64_t at, int64_t origin) {
      return bin(stride, at, origin);
    }>("date_bin", {kInterval, type, type}, type,
       "the start of the bin of this width, counted from an origin", binned);
  }
  define.define<[](Text field, const Interval& value) {
    return data::truncate_interval(field, value);
  }>("date_trunc", {kText, kInterval}, kInterval, "cut to a field",
     {{"date_trunc('hour', interval '2 days 3 hours 40 minutes')", "2 days 03:00:00"}});
}

// ---------------------------------------------------------------- construction

/// As PostgreSQL's %02g.
std::string seconds_text(double seconds) {
  if (std::isnan(seconds)) return "NaN";
  if (std::isinf(seconds)) return seconds > 0 ? "Infinity" : "-Infinity";
  return fmt::format("{:02g}", seconds);
}

std::string date_text(int32_t year, int32_t month, int32_t day) {
  return fmt::format("{}-{:02}-{:02}", year, month, day);
}

/// Fields that no calendar has, or a date beyond the type's range; `shown_year` is for the message.
Result<int32_t> date_of(int32_t astronomical, int32_t month, int32_t day, int32_t shown_year) {
  if (month < 1 || month > 12 || day < 1 || day > data::days_in_month(astronomical, month)) {
    return Status(kOverflow, "date field value out of range: " + date_text(shown_year, month, day));
  }
  const bool near = astronomical >= -4714 && astronomical <= 5874897;
  const int32_t days = near ? data::days_from_civil(astronomical, month, day) : INT32_MIN;
  if (days < -2451545) {
    return Status(kOverflow, "date out of range: " + date_text(shown_year, month, day));
  }
  return days;
}

/// Years below 0 are BC; there is no year 0.
Result<int32_t> make_date(int32_t year, int32_t month, int32_t day) {
  if (year == 0 || year == INT32_MIN) {
    return Status(kOverflow, "date field value out of range: " + date_text(year, month, day));
  }
  const int32_t astronomical = year < 0 ? year + 1 : year;
  return date_of(astronomical, month, day, astronomical);
}

Result<int64_t> make_timestamp(int32_t year, int32_t month, int32_t day, int32_t hour,
                               int32_t minute, double second) {
  if (year == 0 || year == INT32_MIN) {
    return Status(kOverflow, "date field value out of range: " + date_text(year, month, day));
  }
  const int32_t astronomical = year < 0 ? year + 1 : year;
  FOREBAY_ASSIGN_OR_RETURN(const int32_t date, date_of(astronomical, month, day, year));
  const bool in_range = hour >= 0 && minute >= 0 && minute < 60 && second >= 0 && second <= 60 &&
                        (hour < 24 || (hour == 24 && minute == 0 && second == 0));
  if (!in_range) {
    return Status(kOverflow, fmt::format("time field value out of range: {}:{:02}:{}", hour, minute,
                                         seconds_text(second)));
  }
  const int64_t time = (int64_t{hour} * 60 + minute) * 60 * data::kMicrosPerSecond +
                       static_cast<int64_t>(std::rint(second * 1e6));
  // 4714-11-24 BC to the end of the year 294276.
  constexpr int64_t kFirst = -211813488000000000;
  constexpr int64_t kEnd = 9223371331200000000;
  int64_t at;
  if (__builtin_mul_overflow(int64_t{date}, data::kMicrosPerDay, &at) ||
      __builtin_add_overflow(at, time, &at) || at < kFirst || at >= kEnd) {
    return Status(kOverflow,
                  fmt::format("timestamp out of range: {} {}:{:02}:{}", date_text(year, month, day),
                              hour, minute, seconds_text(second)));
  }
  return at;
}

Result<int64_t> make_timestamptz(int32_t year, int32_t month, int32_t day, int32_t hour,
                                 int32_t minute, double second) {
  FOREBAY_ASSIGN_OR_RETURN(const int64_t local,
                           make_timestamp(year, month, day, hour, minute, second));
  return data::moment_of_local(local);
}

/// make_interval(years, months, weeks, days, hours, mins, secs); the last ones may be missing.
void make_interval(const ScalarCall& call, uint32_t row) {
  int64_t parts[6] = {};
  double seconds = 0;
  for (uint32_t i = 0; i < call.argument_count; ++i) {
    if (i < 6) {
      parts[i] = call.arguments[i].at<int32_t>(row);
    } else {
      seconds = call.arguments[i].at<double>(row);
    }
  }
  const int64_t months = parts[0] * 12 + parts[1];
  const int64_t days = parts[2] * 7 + parts[3];
  const double micros = std::rint(seconds * 1e6);
  int64_t time = (parts[4] * 60 + parts[5]) * 60 * data::kMicrosPerSecond;
  const bool fits = std::isfinite(micros) && std::fabs(micros) < 9.2e18 &&
                    months == static_cast<int32_t>(months) && days == static_cast<int32_t>(days) &&
                    !__builtin_add_overflow(time, static_cast<int64_t>(micros), &time);
  if (!fits) return call.fail_row(row, kOverflow, "interval out of range");
  call.out<Interval>()[row] = {time, static_cast<int32_t>(days), static_cast<int32_t>(months)};
}

Result<int64_t> from_unix_seconds(double seconds) {
  if (std::isnan(seconds)) return Status(kOverflow, "timestamp cannot be NaN");
  if (std::isinf(seconds)) {
    return seconds > 0 ? data::kTimestampInfinity : data::kTimestampNegativeInfinity;
  }
  // From 4714-11-24 BC to the year 294276, the range of a timestamp.
  if (seconds < -210866803200.0 || seconds >= 9224318016000.0) {
    return Status(kOverflow, fmt::format("timestamp out of range: \"{:g}\"", seconds));
  }
  const double since_2000 = seconds - static_cast<double>(data::kUnixEpochOffsetSeconds);
  return static_cast<int64_t>(std::rint(since_2000 * 1e6));
}

void add_construction(Definer& define) {
  define.define<[](int32_t y, int32_t m, int32_t d) { return make_date(y, m, d); }>(
      "make_date", {kInteger, kInteger, kInteger}, kDate, "the date of a year, month and day",
      {{"make_date(2013, 7, 15)", "2013-07-15"}});
  const std::vector<TypeId> fields{kInteger, kInteger, kInteger, kInteger, kInteger, kDouble};
  constexpr Text kOfFields = "the time of its fields";
  define.define<[](int32_t y, int32_t mo, int32_t d, int32_t h, int32_t mi, double s) {
    return make_timestamp(y, mo, d, h, mi, s);
  }>("make_timestamp", fields, kTimestamp, kOfFields,
     {{"make_timestamp(2013, 7, 15, 8, 15, 23.5)", "2013-07-15 08:15:23.5"}});
  define.define<[](int32_t y, int32_t mo, int32_t d, int32_t h, int32_t mi, double s) {
    return make_timestamptz(y, mo, d, h, mi, s);
  }>("make_timestamptz", fields, kTimestampTz, kOfFields,
     {{"make_timestamptz(2013, 7, 15, 8, 15, 23.5)", "2013-07-15 08:15:23.5+00"}});
  std::vector<TypeId> arguments;
  for (size_t count = 0; count <= 7; ++count) {
    std::vector<Example> examples;
    if (count == 4) examples = {{"make_interval(1, 2, 0, 10)", "1 year 2 mons 10 days"}};
    define
        .kernel("make_interval", arguments, kInterval, &each<make_interval>,
                "the interval of years, months, weeks, days, hours, minutes, seconds", examples)
        .can_fail = true;
    arguments.push_back(count < 6 ? kInteger : kDouble);
  }
  define.define<[](double seconds) { return from_unix_seconds(seconds); }>(
      "to_timestamp", {kDouble}, kTimestampTz, "the time so many seconds after 1970-01-01",
      {{"to_timestamp(1284352323)", "2010-09-13 04:32:03+00"}});
}

// ---------------------------------------------------------------- the present

void now(const ScalarCall& call, uint32_t row) { call.out<int64_t>()[row] = call.environment->now; }
void local_now(const ScalarCall& call, uint32_t row) {
  call.out<int64_t>()[row] = data::local_of(call.environment->now);
}
void today(const ScalarCall& call, uint32_t row) {
  call.out<int32_t>()[row] = data::day_of_timestamp(data::local_of(call.environment->now));
}
void time_of_day(const ScalarCall& call, uint32_t row) {
  const int64_t local = data::local_of(call.environment->now);
  call.out<int64_t>()[row] = local - data::floor_to_unit(local, data::kMicrosPerDay);
}
void clock_now(const ScalarCall& call, uint32_t row) {
  call.out<int64_t>()[row] = data::timestamp_from_unix_nanos(data::SystemClock().unix_nanos());
}

void add_present(Definer& define) {
  auto add = [&](Text name, TypeId type, ScalarKernel kernel, Text text) {
    define.kernel(name, {}, type, kernel, text).volatility = Volatility::kStable;
  };
  for (Text name : {"now", "current_timestamp", "transaction_timestamp", "statement_timestamp"}) {
    add(name, kTimestampTz, &each<now>, "the time of the statement; in a view, of the epoch");
  }
  add("localtimestamp", kTimestamp, &each<local_now>, "the time of the statement, without zone");
  add("current_date", kDate, &each<today>, "today");
  add("localtime", TypeId::kTime, &each<time_of_day>, "the time of day");
  define.kernel("clock_timestamp", {}, kTimestampTz, &each<clock_now>, "the time of the call")
      .volatility = Volatility::kVolatile;
}

// ---------------------------------------------------------------- intervals

Result<Interval> checked_interval(int64_t months, int64_t days, int64_t time) {
  if (months != static_cast<int32_t>(months) || days != static_cast<int32_t>(days)) {
    return Status(kOverflow, "interval out of range");
  }
  return Interval{time, static_cast<int32_t>(days), static_cast<int32_t>(months)};
}

/// Moves whole units of `small` into `large` and gives both the same sign.
void carry(int64_t& large, int64_t& small, int64_t unit) {
  large += small / unit;
  small %= unit;
  if (large > 0 && small < 0) {
    small += unit;
    --large;
  } else if (large < 0 && small > 0) {
    small -= unit;
    ++large;
  }
}

Result<Interval> justify_hours(const Interval& value) {
  int64_t days = value.days;
  int64_t time = value.microseconds;
  carry(days, time, data::kMicrosPerDay);
  return checked_interval(value.months, days, time);
}

Result<Interval> justify_days(const Interval& value) {
  int64_t months = value.months;
  int64_t days = value.days;
  carry(months, days, 30);
  return checked_interval(months, days, value.microseconds);
}

Result<Interval> justify_interval(const Interval& value) {
  int64_t months = value.months;
  int64_t days = value.days + value.microseconds / data::kMicrosPerDay;
  int64_t time = value.microseconds % data::kMicrosPerDay;
  months += days / 30;
  days %= 30;
  if (months > 0 && (days < 0 || (days == 0 && time < 0))) {
    days += 30;
    --months;
  } else if (months < 0 && (days > 0 || (days == 0 && time > 0))) {
    days -= 30;
    ++months;
  }
  if (days > 0 && time < 0) {
    time += data::kMicrosPerDay;
    --days;
  } else if (days < 0 && time > 0) {
    time -= data::kMicrosPerDay;
    ++days;
  }
  return checked_interval(months, days, time);
}

/// Both by the clock of the session's zone, whatever its offset was.
template <bool kZoned>
Result<Interval> age(int64_t a, int64_t b) {
  return kZoned ? data::age(data::local_of(a), data::local_of(b)) : data::age(a, b);
}

template <bool kZoned>
void age_of_today(const ScalarCall& call, uint32_t row) {
  const int64_t midnight =
      data::day_of_timestamp(data::local_of(call.environment->now)) * data::kMicrosPerDay;
  const int64_t at = call.arguments[0].at<int64_t>(row);
  detail::store_returned(call, row, data::age(midnight, kZoned ? data::local_of(at) : at));
}

template <bool kZoned>
void add_age(Definer& define, TypeId type, std::vector<Example> examples = {}) {
  define.define<[](int64_t a, int64_t b) { return age<kZoned>(a, b); }>(
      "age", {type, type}, kInterval, "the difference in years, months, days and time",
      std::move(examples));
  ScalarFunction& of_today = define.kernel("age", {type}, kInterval, &each<age_of_today<kZoned>>,
                                           "the difference to the start of today");
  of_today.volatility = Volatility::kStable;
  of_today.can_fail = true;
}

void add_intervals(Definer& define) {
  define.define<[](const Interval& v) { return justify_hours(v); }>(
      "justify_hours", {kInterval}, kInterval, "24 hours as a day",
      {{"justify_hours(interval '27 hours')", "1 day 03:00:00"}});
  define.define<[](const Interval& v) { return justify_days(v); }>(
      "justify_days", {kInterval}, kInterval, "30 days as a month",
      {{"justify_days(interval '35 days')", "1 mon 5 days"}});
  define.define<[](const Interval& v) { return justify_interval(v); }>(
      "justify_interval", {kInterval}, kInterval, "24 hours as a day, 30 days as a month",
      {{"justify_interval(interval '1 mon -1 hour')", "29 days 23:00:00"}});
  add_age<false>(
      define, kTimestamp,
      {{"age(timestamp '2001-04-10', timestamp '1957-06-13')", "43 years 9 mons 27 days"}});
  add_age<true>(define, kTimestampTz);
  for (TypeId type : {kTimestamp, kTimestampTz}) {
    define.define<[](int64_t at) { return is_finite(at); }>("isfinite", {type}, TypeId::kBoolean,
                                                            "whether it is not infinity");
  }
  define.define<[](int32_t days) {
    return days != data::kDateInfinity && days != data::kDateNegativeInfinity;
  }>("isfinite", {kDate}, TypeId::kBoolean, "whether it is not infinity",
     {{"isfinite(date '2001-02-16')", "t"}});
  define.define<[](const Interval&) { return true; }>("isfinite", {kInterval}, TypeId::kBoolean,
                                                      "true: intervals are finite");
}

}  // namespace

void add_datetime(ScalarList& list) {
  Definer define(list, "date/time");
  add_parts(define);
  add_truncation(define);
  add_construction(define);
  add_present(define);
  add_intervals(define);
}

}  // namespace forebay::udfs
