#include "engine/data/datetime.h"
#include "engine/data/session_zone.h"
#include "udfs/builtin/builtin.h"

/// + - * / where a date, timestamp or interval takes part.
namespace forebay::udfs {
namespace {

constexpr TypeId kDate = TypeId::kDate;
constexpr TypeId kTimestamp = TypeId::kTimestamp;
constexpr TypeId kTimestampTz = TypeId::kTimestampTz;
constexpr TypeId kInterval = TypeId::kInterval;
constexpr TypeId kInteger = TypeId::kInteger;

// 4714-11-24 BC, the first day that PostgreSQL knows, and the day after its last, 5874897-12-31.
constexpr int32_t kFirstDay = -2451545;
constexpr int32_t kDayAfterLast = 2145031949;

bool is_finite_date(int32_t days) {
  return days != data::kDateInfinity && days != data::kDateNegativeInfinity;
}

Result<int32_t> shift_date(int32_t days, int64_t by) {
  if (!is_finite_date(days)) return days;
  const int64_t moved = days + by;
  if (moved < kFirstDay || moved >= kDayAfterLast) {
    return Status(data::sqlstate::kDatetimeOverflow, "date out of range");
  }
  return static_cast<int32_t>(moved);
}

Result<int32_t> date_difference(int32_t a, int32_t b) {
  if (!is_finite_date(a) || !is_finite_date(b)) {
    return Status(data::sqlstate::kDatetimeOverflow, "cannot subtract infinite dates");
  }
  return a - b;
}

Result<int64_t> date_plus(int32_t days, const Interval& interval) {
  FOREBAY_ASSIGN_OR_RETURN(const int64_t start, data::timestamp_from_date(days));
  return data::add(start, interval);
}
Result<int64_t> date_minus(int32_t days, const Interval& interval) {
  FOREBAY_ASSIGN_OR_RETURN(const int64_t start, data::timestamp_from_date(days));
  return data::subtract(start, interval);
}

void add_dates(Definer& define) {
  define.define<[](int32_t date, int32_t days) { return shift_date(date, days); }>(
      "+", {kDate, kInteger}, kDate, "the date some days later",
      {{"date '2026-02-27' + 2", "2026-03-01"}});
  define.define<[](int32_t days, int32_t date) { return shift_date(date, days); }>(
      "+", {kInteger, kDate}, kDate, "the date some days later");
  define.define<[](int32_t date, int32_t days) { return shift_date(date, -int64_t{days}); }>(
      "-", {kDate, kInteger}, kDate, "the date some days before");
  define.define<[](int32_t a, int32_t b) { return date_difference(a, b); }>(
      "-", {kDate, kDate}, kInteger, "days between two dates",
      {{"date '2026-03-01' - date '2026-02-27'", "2"}});
  define.define<[](int32_t date, const Interval& i) { return date_plus(date, i); }>(
      "+", {kDate, kInterval}, kTimestamp, "the time an interval after the date's midnight",
      {{"date '2026-01-31' + interval '1 month'", "2026-02-28 00:00:00"}});
  define.define<[](const Interval& i, int32_t date) { return date_plus(date, i); }>(
      "+", {kInterval, kDate}, kTimestamp, "the time an interval after the date's midnight");
  define.define<[](int32_t date, const Interval& i) { return date_minus(date, i); }>(
      "-", {kDate, kInterval}, kTimestamp, "the time an interval before the date's midnight");
}

Result<int64_t> plain_sum(int64_t at, const Interval& i) { return data::add(at, i); }
Result<int64_t> plain_difference(int64_t at, const Interval& i) { return data::subtract(at, i); }

template <auto Add, auto Subtract>
void add_timestamps(Definer& define, TypeId type) {
  define.define<[](int64_t at, const Interval& i) { return Add(at, i); }>(
      "+", {type, kInterval}, type, "the time an interval later");
  define.define<[](const Interval& i, int64_t at) { return Add(at, i); }>(
      "+", {kInterval, type}, type, "the time an interval later");
  define.define<[](int64_t at, const Interval& i) { return Subtract(at, i); }>(
      "-", {type, kInterval}, type, "the time an interval before");
  define.define<[](int64_t a, int64_t b) { return data::timestamp_difference(a, b); }>(
      "-", {type, type}, kInterval, "days and time between two times");
}

void add_intervals(Definer& define) {
  constexpr TypeId kDouble = TypeId::kDouble;
  using I = const Interval&;
  define.define<[](I a, I b) { return data::add(a, b); }>("+", {kInterval, kInterval}, kInterval,
                                                          "sum");
  define.define<[](I a, I b) { return data::subtract(a, b); }>("-", {kInterval, kInterval},
                                                               kInterval, "difference");
  define.define<[](I a) { return data::negate(a); }>("-", {kInterval}, kInterval, "negation");
  define.define<[](I a, double factor) { return data::multiply(a, factor); }>(
      "*", {kInterval, kDouble}, kInterval, "multiple", {{"interval '1 hour' * 1.5", "01:30:00"}});
  define.define<[](double factor, I a) { return data::multiply(a, factor); }>(
      "*", {kDouble, kInterval}, kInterval, "multiple");
  define.define<[](I a, double divisor) { return data::divide(a, divisor); }>(
      "/", {kInterval, kDouble}, kInterval, "fraction", {{"interval '1 hour' / 4", "00:15:00"}});
}

}  // namespace

void add_datetime_arithmetic(ScalarList& list) {
  Definer define(list, "operator");
  add_dates(define);
  add_timestamps<plain_sum, plain_difference>(define, kTimestamp);
  add_timestamps<data::add_in_session_zone, data::subtract_in_session_zone>(define, kTimestampTz);
  add_intervals(define);
}

}  // namespace forebay::udfs
