#include "engine/data/session_zone.h"

namespace forebay::data {

Result<int64_t> add_in_session_zone(int64_t at, const Interval& interval) {
  if (session_zone() == nullptr) return add(at, interval);
  const auto step = [&](const Interval& part) -> Status {
    FOREBAY_ASSIGN_OR_RETURN(const int64_t local, add(local_of(at), part));
    FOREBAY_ASSIGN_OR_RETURN(at, moment_of_local(local));
    return Status::ok();
  };
  if (interval.months != 0) FOREBAY_RETURN_IF_ERROR(step({0, 0, interval.months}));
  if (interval.days != 0) FOREBAY_RETURN_IF_ERROR(step({0, interval.days, 0}));
  return add(at, Interval{interval.microseconds, 0, 0});
}

Result<int64_t> subtract_in_session_zone(int64_t at, const Interval& interval) {
  if (session_zone() == nullptr) return subtract(at, interval);
  FOREBAY_ASSIGN_OR_RETURN(const Interval opposite, negate(interval));
  return add_in_session_zone(at, opposite);
}

}  // namespace forebay::data
