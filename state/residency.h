#pragma once

#include <algorithm>

#include "state/forget_list.h"
#include "state/hash_index.h"
#include "state/memory_budget.h"
#include "state/state_table.h"

namespace forebay::state {

/// What the hot tiers of both shapes share: which entries (keys or groups) may leave, when, and
/// what the table knows about those that are not resident.
///
/// An entry may leave when it is clean, no operator points to it, and its last seal is committed:
/// that is so once the next seal has been made, as a pipeline has at most one epoch in commit. The
/// choice is a clock's: whoever was looked up since the hand last passed stays.
///
/// A table that has never evicted is complete: a miss is an answer. Such a table forgets what was
/// erased at once; so it prepares for two seals, in which it keeps absences, before it evicts.
class Residency {
 public:
  explicit Residency(const TableOptions& options)
      : budget_(options.store == nullptr ? nullptr : options.budget),
        counters_(options.counters),
        complete_(options.store == nullptr || options.starts_empty) {}
  ~Residency() {
    if (budget_ != nullptr) budget_->report(reported_, 0);
  }

  bool complete() const { return complete_; }
  /// What was erased must stay as a known absence.
  bool keeps_absences() const { return !complete_ || preparing_; }
  /// For how long.
  uint8_t absence_seals() const {
    bool tight = budget_ != nullptr && budget_->is_tight();
    return tight ? ForgetList::kLeastSeals : ForgetList::kSeals;
  }
  /// Lookups are noted (kUsed): there is a clock.
  bool limited() const { return budget_ != nullptr; }

  /// At the beginning of each seal: what the pool's blocks take before some are freed.
  void note_live(size_t bytes) {
    if (++seals_of_period_ > kPeriod) {
      seals_of_period_ = 1;
      last_peak_bytes_ = peak_bytes_;
      peak_bytes_ = 0;
    }
    peak_bytes_ = std::max(peak_bytes_, bytes);
  }
  /// True when a pool holds much more than is in use: time to move to a new one. While memory is
  /// not tight, what was in use not long ago counts, up to an eighth of the budget: state that
  /// comes and goes with time would move again and again.
  bool is_sparse(size_t held_bytes, size_t live_bytes) const {
    if (!limited()) return false;
    size_t used = live_bytes;
    if (!budget_->is_tight()) {
      const size_t peak = std::max(peak_bytes_, last_peak_bytes_);
      used = std::min(peak, live_bytes + budget_->bytes() / 8);
    }
    return held_bytes > used + used / 4 + budget_->slack();
  }

  /// Reports what the table holds. Calls prepare() when it starts to get ready.
  template <typename F>
  void report(size_t bytes, F&& prepare) {
    if (budget_ == nullptr) return;
    budget_->report(reported_, bytes);
    reported_ = bytes;
    if (!complete_ || preparing_ || !budget_->is_tight()) return;
    preparing_ = true;
    prepared_seals_ = 0;
    prepare();
  }
  void report(size_t bytes) {
    report(bytes, [] {});
  }
  /// Evicts this table's share of what the budget is exceeded by. evict(Keyed*) frees an entry that
  /// may leave and returns its bytes. Pointers to entries that are clean and not pinned end here.
  template <typename F>
  void make_room(HashIndex& index, uint8_t seals, F&& evict) {
    if (budget_ == nullptr || reported_ <= stuck_at_ ||
        (complete_ && prepared_seals_ < kPreparation))
      return;
    size_t excess = budget_->excess_of(reported_);
    if (excess == 0) return;
    complete_ = false;
    size_t freed = 0, evicted = 0, visited = 0;
    // Two rounds: the first may find that everything was used.
    size_t most = 2 * index.slots() + 2 * kStep;
    constexpr uint8_t kStays = Keyed::kDirty | Keyed::kListed | Keyed::kPinned;
    while (freed < excess && visited < most) {
      index.sweep(hand_, kStep, [&](Keyed* entry) {
        if ((entry->flags & kStays) != 0 || entry->seal == seals || freed >= excess) return false;
        if (entry->is(Keyed::kUsed)) {
          entry->clear(Keyed::kUsed);
          return false;
        }
        freed += evict(entry);
        ++evicted;
        return true;
      });
      visited += kStep;
    }
    // What is left leaves after the next seal at the earliest: look again when there is more.
    if (freed < excess) stuck_at_ = (reported_ - std::min(freed, reported_)) / 8 * 9;
    if (counters_ != nullptr) counters_->evictions.fetch_add(evicted, std::memory_order_relaxed);
  }
  void count_read_backs(size_t count) {
    if (counters_ != nullptr) counters_->read_backs.fetch_add(count, std::memory_order_relaxed);
  }
  /// After each seal.
  void sealed() {
    stuck_at_ = 0;
    if (preparing_ && prepared_seals_ < kPreparation) ++prepared_seals_;
  }

 private:
  static constexpr size_t kStep = 256;
  static constexpr int kPreparation = 2;  // seals
  static constexpr int kPeriod = 32;      // seals

  MemoryBudget* const budget_;
  TierCounters* const counters_;
  bool complete_;
  bool preparing_ = false;
  int prepared_seals_ = 0;
  /// Everything was visited and too little could leave: no more visits until the table holds more.
  size_t stuck_at_ = 0;
  size_t reported_ = 0;
  /// The most bytes in use before a seal of this period, and of the one before.
  size_t peak_bytes_ = 0, last_peak_bytes_ = 0;
  int seals_of_period_ = 0;
  HashIndex::Hand hand_;
};

}  // namespace forebay::state
