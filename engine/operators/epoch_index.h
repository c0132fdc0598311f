#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

/// An index from keys to positions in a list that an epoch builds up: what was touched, and where
/// its record stands. The list holds the keys; the index only hashes.
namespace forebay::operators {

/// Open addressing with linear probing, 8 bytes a slot; memory is kept from epoch to epoch.
class EpochIndex {
 public:
  /// The position whose key `equal(position)` accepts, or `next`, which is then added.
  template <typename Equal>
  uint32_t find_or_add(uint64_t hash, uint32_t next, Equal&& equal) {
    if (2 * (used_ + 1) > slots_.size()) grow();
    uint64_t tag = hash & 0xFFFFFFFF;
    size_t mask = slots_.size() - 1;
    for (size_t at = tag & mask;; at = (at + 1) & mask) {
      uint64_t slot = slots_[at];
      if (slot == 0) {
        slots_[at] = tag << 32 | (uint64_t{next} + 1);
        ++used_;
        return next;
      }
      auto position = static_cast<uint32_t>(slot) - 1;
      if (slot >> 32 == tag && equal(position)) return position;
    }
  }
  /// The position whose key `equal(position)` accepts, or kNone.
  template <typename Equal>
  uint32_t find(uint64_t hash, Equal&& equal) const {
    if (used_ == 0) return kNone;
    uint64_t tag = hash & 0xFFFFFFFF;
    size_t mask = slots_.size() - 1;
    for (size_t at = tag & mask;; at = (at + 1) & mask) {
      uint64_t slot = slots_[at];
      if (slot == 0) return kNone;
      auto position = static_cast<uint32_t>(slot) - 1;
      if (slot >> 32 == tag && equal(position)) return position;
    }
  }
  static constexpr uint32_t kNone = UINT32_MAX;
  static uint64_t hash_of(const void* pointer) {
    return (reinterpret_cast<uint64_t>(pointer) >> 3) * 0x9E3779B97F4A7C15ull >> 32;
  }

  void clear() {
    // An epoch that was much larger than this one gives its memory back.
    if (slots_.size() > 1024 && used_ < slots_.size() / 64) slots_ = {};
    if (used_ > 0) std::fill(slots_.begin(), slots_.end(), 0);
    used_ = 0;
  }
  size_t memory_bytes() const { return slots_.capacity() * sizeof(uint64_t); }

 private:
  void grow() {
    std::vector<uint64_t> grown(slots_.empty() ? 64 : slots_.size() * 2, 0);
    size_t mask = grown.size() - 1;
    for (uint64_t slot : slots_) {
      if (slot == 0) continue;
      size_t at = slot >> 32 & mask;
      while (grown[at] != 0) at = (at + 1) & mask;
      grown[at] = slot;
    }
    slots_ = std::move(grown);
  }

  std::vector<uint64_t> slots_;  // low 32 bits of the hash, position + 1; 0: free
  size_t used_ = 0;
};

}  // namespace forebay::operators
