#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/status.h"

/// Time zones by name, from the files of the operating system (TZif, /usr/share/zoneinfo or
/// $TZDIR).
namespace forebay::udfs {

/// Seconds east of Greenwich by time, from 1970-01-01 UTC. Immutable.
class TimeZone {
 public:
  /// A zone that never changes.
  explicit TimeZone(int32_t offset) : first_offset_(offset) {}
  /// From a file's bytes; nullptr when they are none.
  static std::unique_ptr<TimeZone> parse(std::string_view bytes);

  int32_t offset_at(int64_t utc_seconds) const;
  /// Of a time on the clock. One that the clock leaves out is read as before the change, one that
  /// it shows twice as after it.
  int32_t offset_of_local(int64_t local_seconds) const;

 private:
  /// A day of the year on which the clock changes, and the second of that day.
  struct Rule {
    enum class Kind : uint8_t { kMonthWeekDay, kJulian, kDay } kind = Kind::kDay;
    int32_t month = 0, week = 0, day = 0;
    int32_t seconds = 7200;
    int64_t in_year(int32_t year) const;
  };
  struct Change {
    int64_t at;  // UTC
    int32_t offset;
  };
  bool parse_footer(std::string_view text);
  int32_t offset_by_rules(int64_t utc_seconds) const;
  /// The changes of a year by the rules, in order.
  std::vector<Change> rule_changes(int32_t year) const;

  int32_t first_offset_ = 0;
  std::vector<Change> changes_;
  bool has_footer_ = false, has_daylight_ = false;
  int32_t standard_ = 0, daylight_ = 0;
  Rule daylight_begins_, daylight_ends_;
};

/// A zone by its name or abbreviation ("Europe/Zurich", "CET", "utc"), in any case. 22023
/// "time zone ... not recognized". Lives as long as the process.
data::Result<const TimeZone*> find_time_zone(std::string_view name);

}  // namespace forebay::udfs
