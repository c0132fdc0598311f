#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/status.h"

/// Time zones by name, from the files of the operating system (TZif, /usr/share/zoneinfo or
/// $TZDIR).
namespace forebay::data {

/// Seconds east of Greenwich by time, from 1970-01-01 UTC. Immutable.
class TimeZone {
 public:
  /// A zone that never changes.
  explicit TimeZone(int32_t offset, std::string abbreviation = "")
      : names_{std::move(abbreviation)}, first_{0, offset, 0} {}
  /// From a file's bytes; nullptr when they are none.
  static std::unique_ptr<TimeZone> parse(std::string_view bytes);

  /// From a rule as in POSIX's TZ: "CET-1CEST,M3.5.0,M10.5.0/3", "<+02>-02" (hours west of
  /// Greenwich); nullptr when it is none.
  static std::unique_ptr<TimeZone> of_rule(std::string_view text);

  int32_t offset_at(int64_t utc_seconds) const { return period_at(utc_seconds).offset; }
  /// "CEST": what the zone's clock is called then.
  const std::string& abbreviation_at(int64_t utc_seconds) const {
    return names_[period_at(utc_seconds).name];
  }
  /// True when it is UTC by name and never anything else.
  bool is_utc() const {
    return changes_.empty() && !has_daylight_ && first_.offset == 0 && names_[0] == "UTC";
  }
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
    uint32_t name;  // in names_
  };
  bool parse_footer(std::string_view text);
  /// Since when is not said.
  Change period_at(int64_t utc_seconds) const;
  Change period_by_rules(int64_t utc_seconds) const;
  /// The changes of a year by the rules, in order.
  std::vector<Change> rule_changes(int32_t year) const;

  std::vector<std::string> names_;
  Change first_;
  std::vector<Change> changes_;
  bool has_footer_ = false, has_daylight_ = false;
  Change standard_{}, daylight_{};
  Rule daylight_begins_, daylight_ends_;
};

/// A zone by its name or abbreviation ("Europe/Zurich", "CET", "utc"), in any case. 22023
/// "time zone ... not recognized". Lives as long as the process.
Result<const TimeZone*> find_time_zone(std::string_view name);

/// The zone that a value of the setting TimeZone means, and how the setting shows it.
struct NamedTimeZone {
  /// nullptr: UTC. Lives as long as the process.
  const TimeZone* zone = nullptr;
  std::string name;
};
/// A zone's name, a rule as in POSIX's TZ, or hours east of Greenwich ("2", "-7.5"). 22023.
Result<NamedTimeZone> time_zone_of_setting(std::string_view value);
/// "<+02>-02": a zone so many seconds east of Greenwich, as the setting shows it.
std::string name_of_offset(int64_t seconds_east);

}  // namespace forebay::data
