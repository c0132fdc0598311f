#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/data/datetime.h"

/// date_trunc to fields of fixed length: microsecond to week.
namespace forebay::udfs {

/// Multiples of `microseconds`, counted from `origin`.
struct TruncationUnit {
  int64_t microseconds;
  int64_t origin;
};

/// The unit of a field's exact name in lower case; nothing for months and longer, and for other
/// spellings, which data::truncate_timestamp knows.
inline std::optional<TruncationUnit> truncation_unit(std::string_view field) {
  // 2000-01-03 was a Monday.
  constexpr int64_t kMonday = 2 * data::kMicrosPerDay;
  if (field == "second") return TruncationUnit{data::kMicrosPerSecond, 0};
  if (field == "minute") return TruncationUnit{60 * data::kMicrosPerSecond, 0};
  if (field == "hour") return TruncationUnit{3600 * data::kMicrosPerSecond, 0};
  if (field == "day") return TruncationUnit{data::kMicrosPerDay, 0};
  if (field == "week") return TruncationUnit{7 * data::kMicrosPerDay, kMonday};
  return std::nullopt;
}

/// Rounds down; infinities stay. Times are far enough from the ends of int64 not to overflow.
inline int64_t truncated(int64_t at, const TruncationUnit& unit) {
  if (at == data::kTimestampInfinity || at == data::kTimestampNegativeInfinity) [[unlikely]] {
    return at;
  }
  const int64_t rest = (at - unit.origin) % unit.microseconds;
  return at - rest - (rest < 0 ? unit.microseconds : 0);
}

}  // namespace forebay::udfs
