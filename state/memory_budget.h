#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace forebay::state {

/// What all hot tiers of an engine may hold together. Tables report what they hold; one that finds
/// the budget exceeded evicts its share, so that after a while those that are asked for much hold
/// much. Thread-safe; outlives the tables.
class MemoryBudget {
 public:
  explicit MemoryBudget(size_t bytes) : bytes_(bytes) {}
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  void set_bytes(size_t bytes) { bytes_.store(bytes, std::memory_order_relaxed); }
  size_t used() const { return used_.load(std::memory_order_relaxed); }
  /// Tables get ready to evict from here on.
  bool is_tight() const { return used() > bytes() / 2; }
  /// What a table that holds `own` bytes must give up now.
  size_t excess_of(size_t own) const {
    size_t total = used();
    size_t most = bytes();
    if (total <= most) return 0;
    double share = static_cast<double>(own) / static_cast<double>(total);
    return static_cast<size_t>(static_cast<double>(total - most) * share) + 1;
  }
  /// One writer more (1) or less (-1): somebody who has dirty entries, which cannot leave.
  void count_writer(int change) {
    writers_.fetch_add(static_cast<size_t>(change), std::memory_order_relaxed);  // modulo 2^64
  }
  /// What one writer's dirty entries may take: all of them together a quarter.
  size_t dirty_share() const {
    return bytes() / 4 / std::max<size_t>(1, writers_.load(std::memory_order_relaxed));
  }
  /// What a table may hold besides its entries before it moves to a new pool.
  size_t slack() const {
    return std::clamp<size_t>(bytes() / 64, size_t{256} << 10, size_t{4} << 20);
  }
  /// A table held `before` bytes and holds `now`.
  void report(size_t before, size_t now) {
    used_.fetch_add(now - before, std::memory_order_relaxed);  // modulo 2^64
  }

 private:
  std::atomic<size_t> bytes_;
  std::atomic<size_t> used_{0};
  std::atomic<size_t> writers_{0};
};

/// Counts of one operator's tables; shown in forebay.operators.
struct TierCounters {
  std::atomic<uint64_t> evictions{0};   // keys (groups) that left the hot tier
  std::atomic<uint64_t> read_backs{0};  // keys (groups) that were read from the store
};

}  // namespace forebay::state
