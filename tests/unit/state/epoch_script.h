#pragma once

#include "tests/unit/state/store_harness.h"

/// Epochs that any process can make again from a seed, and what the store holds after each.
namespace forebay::state::testing {

using StoreContents = std::map<std::string, std::string>[kFamilyCount];

/// The changes of an epoch, cut into two runs by shard as two workers would have them.
inline std::vector<SealedRun> runs_of(uint64_t seed, uint64_t epoch) {
  Random random(seed * 1000 + epoch);
  std::vector<SealedRun> runs(2);
  // Small and large epochs, so that the mixed kind changes modes.
  uint64_t changes = random.below(4) == 0 ? 300 : random.below(30);
  std::set<std::pair<int, std::string>> taken;
  for (uint64_t i = 0; i < changes; ++i) {
    auto family = static_cast<Family>(random.below(8) == 0 ? 2 : random.below(2));
    auto shard = static_cast<uint16_t>(random.below(4) * 64);
    auto table = TableId(static_cast<uint32_t>(1 + random.below(3)));
    std::string key = store_key_prefix(shard, table) + key_of(random.below(200));
    if (!taken.insert({static_cast<int>(family), key}).second) continue;
    SealedRun& run = runs[shard / 128];
    if (random.below(3) == 0) {
      run.remove(family, key);
    } else {
      run.put(family, key, "value " + std::to_string(epoch) + std::string(random.below(200), '.'));
    }
  }
  return runs;
}

inline void apply_runs(const std::vector<SealedRun>& runs, StoreContents& contents) {
  for (const SealedRun& run : runs) {
    for (int f = 0; f < kFamilyCount; ++f) {
      for (const auto& change : run.changes[f]) {
        if (change.tombstone) {
          contents[f].erase(std::string(change.key));
        } else {
          contents[f][std::string(change.key)] = change.value;
        }
      }
    }
  }
}

/// Compares the snapshot with the script after `epoch` epochs.
inline void expect_state_after(const Snapshot& snapshot, uint64_t seed, uint64_t epoch) {
  StoreContents expected;
  for (uint64_t e = 1; e <= epoch; ++e) apply_runs(runs_of(seed, e), expected);
  for (int f = 0; f < kFamilyCount; ++f) {
    auto found = contents(snapshot, static_cast<Family>(f));
    // The store's own records.
    std::erase_if(found, [](const auto& entry) {
      return entry.first.starts_with(store_key_prefix(0, TableId(0)));
    });
    ASSERT_EQ(found, expected[f]) << "family " << f << ", epoch " << epoch;
  }
}

}  // namespace forebay::state::testing
