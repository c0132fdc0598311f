#pragma once

#include "engine/data/datetime.h"
#include "engine/data/datetime_limits.h"
#include "engine/data/time_zones.h"

/// The time zone of the session that a thread works for: what text of timestamptz without a zone
/// means, and the clock that dates, parts and texts of it are taken from. Statements are bound, run
/// and encoded on one thread, which sets the zone for so long; views, sources and all other threads
/// have UTC.
namespace forebay::data {

namespace detail {
inline thread_local constinit const TimeZone* session_zone = nullptr;
}  // namespace detail

/// nullptr: UTC.
inline const TimeZone* session_zone() { return detail::session_zone; }

/// Sets this thread's zone for its own lifetime.
class SessionZoneScope {
 public:
  explicit SessionZoneScope(const TimeZone* zone) : before_(detail::session_zone) {
    detail::session_zone = zone;
  }
  ~SessionZoneScope() { detail::session_zone = before_; }
  SessionZoneScope(const SessionZoneScope&) = delete;
  SessionZoneScope& operator=(const SessionZoneScope&) = delete;

 private:
  const TimeZone* before_;
};

/// Seconds since 1970 of a finite timestamp.
constexpr int64_t unix_seconds_of(int64_t micros) {
  return floor_to_unit(micros, kMicrosPerSecond) / kMicrosPerSecond + kUnixEpochOffsetSeconds;
}

/// Seconds east of Greenwich at a moment; 0 of infinities.
inline int32_t session_offset_at(int64_t at) {
  const TimeZone* zone = session_zone();
  return zone == nullptr || !is_finite_timestamp(at) ? 0 : zone->offset_at(unix_seconds_of(at));
}
/// What the session's clock shows at a moment; may lie some hours beyond the range of timestamps.
inline int64_t local_of(int64_t at) { return at + session_offset_at(at) * kMicrosPerSecond; }
/// The moment at which the session's clock shows this. 22008 out of range.
inline Result<int64_t> moment_of_local(int64_t local) {
  const TimeZone* zone = session_zone();
  if (zone == nullptr || !is_finite_timestamp(local)) return local;
  const int64_t at = local - zone->offset_of_local(unix_seconds_of(local)) * kMicrosPerSecond;
  if (!is_valid_timestamp(at)) return Status(sqlstate::kDatetimeOverflow, "timestamp out of range");
  return at;
}

/// at + interval as the session's clock counts: months and days keep the time of day.
Result<int64_t> add_in_session_zone(int64_t at, const Interval& interval);
Result<int64_t> subtract_in_session_zone(int64_t at, const Interval& interval);

}  // namespace forebay::data
