#pragma once

#include <span>

#include "state/state_table.h"

namespace forebay::operators {

/// In a loop over groups, of which some may be nullptr, at number `i`: brings those that follow
/// into the cache.
inline void prefetch_groups(std::span<state::OrderedTable::Group* const> groups, size_t i) {
  using state::OrderedTable;
  constexpr size_t kAhead = 6;
  const auto fetch = [&](size_t at, OrderedTable::Fetch what) {
    if (at < groups.size() && groups[at] != nullptr) OrderedTable::prefetch(groups[at], what);
  };
  if (i + 3 * kAhead < groups.size()) __builtin_prefetch(groups[i + 3 * kAhead]);
  fetch(i + 2 * kAhead, OrderedTable::Fetch::kPointers);
  fetch(i + kAhead, OrderedTable::Fetch::kEntries);
}

}  // namespace forebay::operators
