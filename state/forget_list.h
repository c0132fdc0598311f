#pragma once

#include <vector>

#include "state/hash_index.h"

namespace forebay::state {

/// What a table with a store behind it knows to be absent, and for how long it keeps knowing. A key
/// that is erased in one epoch must not be read from the store before that epoch is committed, and
/// the store lags by up to one sealed epoch: at the end of an epoch its predecessor is committed,
/// so an absence could be forgotten at the second seal after it. We keep it for kSeals, which also
/// spares repeated reads of keys that are not there; where memory is tight, for kLeastSeals.
class ForgetList {
 public:
  static constexpr uint8_t kSeals = 8;
  static constexpr uint8_t kLeastSeals = 2;

  /// Notes that `entry` is known to be absent as of now, for `seals` seals at least.
  void add(Keyed* entry, uint8_t seals) {
    auto due = static_cast<uint8_t>(seals_ + seals);
    // Already kept as long, or longer.
    if (entry->is(Keyed::kListed) && static_cast<uint8_t>(entry->seal - seals_) >= seals) return;
    entry->set(Keyed::kListed);
    entry->seal = due;
    lists_[due % kLists].push_back(entry);
  }
  /// Seals so far, modulo 256.
  uint8_t seals() const { return seals_; }
  /// Every entry was moved: `moved(old)` is its new place.
  template <typename F>
  void relocate(F&& moved) {
    for (auto& list : lists_) {
      for (Keyed*& entry : list) entry = moved(entry);
    }
  }
  /// Called once per seal, after its own absences were added: forget(entry) for every entry whose
  /// time has come; it decides whether the entry is still absent.
  template <typename F>
  void seal(F&& forget) {
    ++seals_;
    std::vector<Keyed*> list = std::move(lists_[seals_ % kLists]);
    lists_[seals_ % kLists].clear();
    for (Keyed* entry : list) {
      // One that was listed again later lives at least until then.
      if (entry->seal != seals_) continue;
      entry->clear(Keyed::kListed);
      forget(entry);
    }
  }
  size_t memory_bytes() const {
    size_t bytes = 0;
    for (const auto& list : lists_) bytes += list.capacity() * sizeof(Keyed*);
    return bytes;
  }

 private:
  static constexpr size_t kLists = 16;
  static_assert(256 % kLists == 0 && kLists > kSeals);
  std::vector<Keyed*> lists_[kLists];
  uint8_t seals_ = 0;
};

}  // namespace forebay::state
