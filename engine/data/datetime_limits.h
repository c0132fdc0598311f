#pragma once

#include "engine/data/datetime.h"

/// The ranges of dates and timestamps, PostgreSQL's: 4713 BC to 5874897 AD and 294276 AD.
namespace forebay::data {

inline constexpr int64_t kMinTimestamp = -211'813'488'000'000'000;   // 4714-11-24 BC
inline constexpr int64_t kEndTimestamp = 9'223'371'331'200'000'000;  // 294277-01-01
inline constexpr int32_t kMinDate = -2'451'545;                      // 4714-11-24 BC
inline constexpr int32_t kEndDate = 2'145'031'949;                   // 5874898-01-01
inline constexpr int32_t kEndTimestampDays = 106'751'983;            // of kEndTimestamp

constexpr bool is_finite_timestamp(int64_t micros) {
  return micros != kTimestampInfinity && micros != kTimestampNegativeInfinity;
}
constexpr bool is_finite_date(int32_t days) {
  return days != kDateInfinity && days != kDateNegativeInfinity;
}
constexpr bool is_valid_timestamp(Int128 micros) {
  return micros >= kMinTimestamp && micros < kEndTimestamp;
}
/// Dates for which day numbers can be computed; `month` is valid.
constexpr bool is_valid_julian(int64_t year, int32_t month) {
  return (year > -4713 || (year == -4713 && month >= 11)) &&
         (year < 5'874'898 || (year == 5'874'898 && month < 6));
}

}  // namespace forebay::data
