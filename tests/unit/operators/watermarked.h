#pragma once

#include <algorithm>
#include <map>

#include "engine/operators/time_judge.h"

namespace forebay::operators::testing {

/// Watermarks that a test moves: those of object 1, by node.
class Watermarked final : public Watermarks {
 public:
  int64_t previous(WatermarkId id) const override { return nodes.at(id.node).first; }
  int64_t current(WatermarkId id) const override { return nodes.at(id.node).second; }
  void advance(uint32_t node, int64_t to) { nodes[node].second = std::max(nodes[node].second, to); }
  void end_epoch() {
    for (auto& [node, pair] : nodes) pair.first = pair.second;
  }
  /// node -> W(e-1), W(e).
  std::map<uint32_t, std::pair<int64_t, int64_t>> nodes;
};

/// Entries of these tables in the store whose key begins with a time before `bound`.
inline size_t entries_before(state::Store& store,
                             const std::vector<std::pair<state::Family, TableId>>& tables,
                             int64_t bound) {
  std::string upper;
  data::append_key({Type{data::TypeId::kTimestamp}, bound}, data::KeyMode::kGrouping, upper);
  size_t count = 0;
  auto snapshot = store.snapshot();
  for (auto [family, table] : tables) {
    for (uint16_t shard = 0; shard < data::kShardCount; ++shard) {
      const std::string prefix = state::store_key_prefix(shard, table);
      auto cursor = snapshot->scan(family, prefix, prefix + upper);
      for (; cursor->valid(); cursor->next()) ++count;
    }
  }
  return count;
}

}  // namespace forebay::operators::testing
