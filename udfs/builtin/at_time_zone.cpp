#include <optional>

#include "engine/data/datetime.h"
#include "engine/data/text_format.h"
#include "engine/data/time_zones.h"
#include "udfs/builtin/builtin.h"

/// AT TIME ZONE: timezone(zone, time).
namespace forebay::udfs {
namespace {

constexpr TypeId kText = TypeId::kText;
constexpr TypeId kTimestamp = TypeId::kTimestamp;
constexpr TypeId kTimestampTz = TypeId::kTimestampTz;
constexpr TypeId kInterval = TypeId::kInterval;

bool is_finite(int64_t at) {
  return at != data::kTimestampInfinity && at != data::kTimestampNegativeInfinity;
}

Result<int64_t> moved(int64_t at, int64_t seconds) {
  // From 4714-11-24 BC to the end of the year 294276.
  constexpr int64_t kFirst = -211813488000000000;
  constexpr int64_t kEnd = 9223371331200000000;
  int64_t result = 0;
  if (__builtin_add_overflow(at, seconds * data::kMicrosPerSecond, &result) || result < kFirst ||
      result >= kEnd) {
    return Status(data::sqlstate::kDatetimeOverflow, "timestamp out of range");
  }
  return result;
}

/// To UTC from a zone's clock, or the other way round.
template <bool kToUtc>
void at_named_zone(const ScalarCall& call) {
  const ColumnView& names = call.arguments[0];
  std::string last;
  std::optional<Result<const data::TimeZone*>> zone;
  for_rows(call, [&](uint32_t row) {
    const int64_t at = call.arguments[1].at<int64_t>(row);
    if (!is_finite(at)) {  // whatever the zone
      call.out<int64_t>()[row] = at;
      return;
    }
    const std::string_view name = names.at<StringView>(row).view();
    if (!zone || name != last) {
      last = name;
      zone.emplace(data::find_time_zone(name));
    }
    if (!zone->is_ok()) return call.fail_row(row, zone->error());
    const int64_t seconds =
        data::floor_to_unit(at, data::kMicrosPerSecond) / data::kMicrosPerSecond +
        data::kUnixEpochOffsetSeconds;
    const int32_t offset =
        kToUtc ? (**zone)->offset_of_local(seconds) : (**zone)->offset_at(seconds);
    auto result = moved(at, kToUtc ? -int64_t{offset} : int64_t{offset});
    if (!result.is_ok()) return call.fail_row(row, result.error());
    call.out<int64_t>()[row] = *result;
  });
}

template <bool kToUtc>
Result<int64_t> at_interval(const Interval& zone, int64_t at) {
  if (!is_finite(at)) return at;
  if (zone.months != 0 || zone.days != 0) {
    std::string text;
    data::format_interval(zone, text);
    return Status(data::sqlstate::kInvalidParameterValue,
                  "interval time zone \"" + text + "\" must not include months or days");
  }
  const int64_t seconds = zone.microseconds / data::kMicrosPerSecond;
  return moved(at, kToUtc ? -seconds : seconds);
}

}  // namespace

void add_at_time_zone(ScalarList& list) {
  Definer define(list, "date/time");
  define
      .kernel(
          "timezone", {kText, kTimestamp}, kTimestampTz, &at_named_zone<true>,
          "AT TIME ZONE: the moment at which the zone's clock shows this",
          {{"timestamp '2026-07-01 12:00' AT TIME ZONE 'Europe/Zurich'", "2026-07-01 10:00:00+00"}})
      .can_fail = true;
  define
      .kernel("timezone", {kText, kTimestampTz}, kTimestamp, &at_named_zone<false>,
              "AT TIME ZONE: what the zone's clock shows then",
              {{"timestamptz '2026-01-01 12:00+00' AT TIME ZONE 'America/New_York'",
                "2026-01-01 07:00:00"}})
      .can_fail = true;
  define.define<[](const Interval& zone, int64_t at) { return at_interval<true>(zone, at); }>(
      "timezone", {kInterval, kTimestamp}, kTimestampTz,
      "AT TIME ZONE: the moment at which a clock so far east of Greenwich shows this",
      {{"timestamp '2026-07-01 12:00' AT TIME ZONE interval '2 hours'", "2026-07-01 10:00:00+00"}});
  define.define<[](const Interval& zone, int64_t at) { return at_interval<false>(zone, at); }>(
      "timezone", {kInterval, kTimestampTz}, kTimestamp,
      "AT TIME ZONE: what a clock so far east of Greenwich shows then");
}

}  // namespace forebay::udfs
