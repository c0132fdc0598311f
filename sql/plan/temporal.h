#pragma once

#include <optional>

#include "sql/plan/node.h"

/// Temporal filters: comparisons of a time of the row with now(), which let rows in and out as time
/// passes.
namespace forebay::sql::plan {

/// A row is there from `time` + offset on, or until then (exclusive).
struct TemporalBound {
  ExprRef time;  // timestamp or timestamptz, without now()
  int64_t offset_us = 0;
  bool is_until = false;
};

/// What a conjunct with now() says: `c > now() - interval`, `c + interval >= now()`, `now() - c <
/// interval`, with <, <=, > or >=, either way round, constant intervals without months. nullopt: it
/// is of no such form.
std::optional<TemporalBound> temporal_bound(const ExprRef& conjunct);

/// Intervals beyond half the range of times are left alone.
inline constexpr int64_t kMostShift = int64_t{1} << 61;

/// Microseconds of a constant interval without months, days of 24 hours; nullopt: it is none, or
/// beyond kMostShift either way.
std::optional<int64_t> microseconds(const ExprRef& expr);

/// True when the value depends on when it is computed.
bool uses_now(const ExprRef& expr);

}  // namespace forebay::sql::plan
