#include "sql/lowering/distribution.h"

#include <algorithm>

#include "sql/plan/expressions.h"

namespace forebay::sql::lowering {

using expr::ExprRef;
using plan::ColumnId;

namespace {

/// A distribution in other columns: `names(column)` gives those that hold the same values. It stays
/// when each of its places has one.
template <typename F>
std::optional<Distribution> translated(const std::optional<Distribution>& hashed, F&& names) {
  if (!hashed) return std::nullopt;
  Distribution out;
  for (const std::vector<ColumnId>& place : *hashed) {
    std::vector<ColumnId>& columns = out.emplace_back();
    for (ColumnId column : place) names(column, columns);
    if (columns.empty()) return std::nullopt;
  }
  return out;
}

}  // namespace

bool Stream::is_hashed_by(const std::vector<ColumnId>& keys) const {
  if (!hashed || hashed->size() != keys.size()) return false;
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::vector<ColumnId>& place = (*hashed)[i];
    if (std::find(place.begin(), place.end(), keys[i]) == place.end()) return false;
  }
  return true;
}

Distribution distribution_of(const std::vector<ColumnId>& keys) {
  Distribution hashed;
  for (ColumnId key : keys) hashed.push_back({key});
  return hashed;
}

std::optional<Distribution> kept(const Stream& before, const std::vector<ColumnId>& columns) {
  return translated(before.hashed, [&](ColumnId column, std::vector<ColumnId>& out) {
    if (std::find(columns.begin(), columns.end(), column) != columns.end()) out.push_back(column);
  });
}

std::optional<Distribution> renamed(const Stream& from, const std::vector<ExprRef>& projection,
                                    const std::vector<ColumnId>& columns) {
  return translated(from.hashed, [&](ColumnId column, std::vector<ColumnId>& out) {
    const auto at = std::find(from.columns.begin(), from.columns.end(), column);
    const auto position = static_cast<uint32_t>(at - from.columns.begin());
    for (size_t i = 0; i < projection.size(); ++i) {
      if (plan::is_column(projection[i], position)) out.push_back(columns[i]);
    }
  });
}

std::optional<Distribution> distribution_after(plan::JoinKind join, const Stream& left,
                                               const std::vector<ColumnId>& left_keys,
                                               const Stream& right,
                                               const std::vector<ColumnId>& right_keys) {
  auto of_side = [](const Stream& side, const std::vector<ColumnId>& keys) {
    return side.is_hashed_by(keys) ? *side.hashed : distribution_of(keys);
  };
  switch (join) {
    case plan::JoinKind::kFull:
      return std::nullopt;
    case plan::JoinKind::kRight:
      return of_side(right, right_keys);
    case plan::JoinKind::kInner: {
      Distribution both = of_side(left, left_keys);
      const Distribution others = of_side(right, right_keys);
      for (size_t i = 0; i < both.size(); ++i) {
        both[i].insert(both[i].end(), others[i].begin(), others[i].end());
      }
      return both;
    }
    case plan::JoinKind::kLeft:
    case plan::JoinKind::kSemi:
    case plan::JoinKind::kAnti:
      return of_side(left, left_keys);
  }
  return std::nullopt;
}

}  // namespace forebay::sql::lowering
