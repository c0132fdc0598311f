#pragma once

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
  /// A table held `before` bytes and holds `now`.
  void report(size_t before, size_t now) {
    used_.fetch_add(now - before, std::memory_order_relaxed);  // modulo 2^64
  }

 private:
  std::atomic<size_t> bytes_;
  std::atomic<size_t> used_{0};
};

/// Counts of one operator's tables; shown in forebay.operators.
struct TierCounters {
  std::atomic<uint64_t> evictions{0};   // keys (groups) that left the hot tier
  std::atomic<uint64_t> read_backs{0};  // keys (groups) that were read from the store
};

}  // namespace forebay::state
