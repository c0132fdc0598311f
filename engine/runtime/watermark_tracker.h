#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/operators/watermarks.h"
#include "engine/runtime/circuit.h"
#include "engine/runtime/inputs.h"
#include "state/store.h"

/// Watermarks of leaves: W(e) is fixed when epoch e ends, committed with it, and never goes back.
namespace forebay::runtime {

using operators::kEndOfTime;
using operators::kNoWatermark;
using operators::WatermarkId;

/// What one batch says.
struct Observation {
  /// The largest value of the watermark's expression; kNoWatermark: none.
  int64_t most = kNoWatermark;
  /// Values too far in the future, which count for nothing.
  uint64_t far_future = 0;
};

/// What is stored of a leaf's watermark.
struct StoredWatermark {
  int64_t watermark = kNoWatermark;
  std::map<std::string, Observation> partitions;
};

/// The watermark of one leaf, shared by the lanes. W(e) is the least of the partitions' largest
/// values in epochs up to e, those left out that are idle, or were read to their end without having
/// a value; the largest, when all are idle; the end of time when the (bounded) source is finished.
/// What depends on the clock is fixed when the end of e is named; a partition that gives a value in
/// e counts in any case. Thread-safe; a lane comes once per decoded batch, never per record.
class WatermarkTracker {
 public:
  WatermarkTracker(WatermarkId id, const LeafWatermark& spec, StoredWatermark stored);

  WatermarkId id() const { return id_; }

  // --- Lanes.
  void observe(uint64_t epoch, const std::string& partition, const Observation& seen);
  /// The leaf of one lane has ended the epoch.
  void end(uint64_t epoch);
  /// W(epoch): of the last epochs, or the one named now when all lanes have ended it at the leaf.
  int64_t at(uint64_t epoch);

  // --- The coordinator; `now_us`: timestamptz.
  struct Input {
    std::vector<SourceQueue::Partition> partitions;
    bool is_finished = false;
  };
  /// Before the end of `epoch` is made known; `lanes` will call end().
  void name_end(uint64_t epoch, uint16_t lanes, const Input& input, int64_t now_us);
  /// Likewise for an epoch in which the leaf does not work: W stays.
  void name_rest(uint64_t epoch);
  /// Between epochs: nanoseconds until an epoch without input may move W; 0: it would now;
  /// nullopt: nothing is to be waited for.
  std::optional<int64_t> due_ns(const Input& input) const;
  /// Of a sealed epoch: writes what changed.
  void write(uint64_t epoch, state::SealedRun& run);
  void committed(uint64_t epoch);
  /// Between epochs, and after a fill that failed: all that is known belongs to epochs before
  /// `epoch` from now on.
  void renumber(uint64_t epoch);
  void remove(state::SealedRun& run) const;

  struct Shown {
    std::string partition;
    int64_t most = kNoWatermark;
    bool is_idle = false;
    /// It alone keeps the watermark from going on, since then (timestamptz).
    std::optional<int64_t> holds_back_since;
    uint64_t far_future = 0;
  };
  /// As committed.
  int64_t watermark() const;
  std::vector<Shown> partitions() const;

 private:
  struct Partition {
    Observation settled;
    std::map<uint64_t, Observation> open;  // by epoch
    Observation written;
    Observation shown;
    bool counts = true;  // in the epoch that is named
    bool is_idle = false;
  };
  struct Judged {
    bool counts = true;
    bool is_idle = false;
  };
  Judged judge(const SourceQueue::Partition& seen) const;
  int64_t least(const std::set<std::string>& left_out) const;
  void settle(uint64_t epoch);
  void note_holder(int64_t now_us);

  const WatermarkId id_;
  const std::optional<int64_t> idle_timeout_ns_;

  mutable std::mutex mutex_;
  std::map<std::string, Partition> partitions_;  // mutex_
  std::map<uint64_t, int64_t> values_;           // mutex_; W by epoch, from there on; the last few
  uint64_t settled_ = 0;                         // mutex_; observations up to here are in W
  uint64_t named_ = 0;                           // mutex_
  bool rests_ = false;                           // mutex_; of the named epoch, as what follows
  bool finished_ = false;                        // mutex_
  uint16_t lanes_ = 0;                           // mutex_
  std::map<uint64_t, uint16_t> ended_;           // mutex_; lanes by epoch
  int64_t written_;                              // mutex_
  int64_t shown_;                                // mutex_
  std::string holder_;                           // mutex_
  std::optional<int64_t> holder_since_;          // mutex_
};
using WatermarkTrackerRef = std::shared_ptr<WatermarkTracker>;

/// All trackers. Thread-safe.
class WatermarkRegistry {
 public:
  void put(const WatermarkTrackerRef& tracker);
  void remove(ObjectId object);
  /// nullptr: the leaf has none.
  WatermarkTrackerRef find(WatermarkId id) const;

 private:
  mutable std::mutex mutex_;
  std::map<WatermarkId, WatermarkTrackerRef> trackers_;  // mutex_
};

/// The watermarks as one lane's operators see them.
class LaneWatermarks final : public operators::Watermarks {
 public:
  explicit LaneWatermarks(const WatermarkRegistry& registry) : registry_(registry) {}
  void begin_epoch(uint64_t epoch, bool fills, const std::atomic<int64_t>& named_time) {
    epoch_ = epoch;
    fills_ = fills;
    named_time_ = &named_time;
  }
  int64_t now() const override { return named_time_->load(std::memory_order_relaxed); }
  int64_t previous(WatermarkId id) const override;
  int64_t current(WatermarkId id) const override;

 private:
  WatermarkTracker& tracker(WatermarkId id) const;
  const WatermarkRegistry& registry_;
  uint64_t epoch_ = 0;
  bool fills_ = false;
  const std::atomic<int64_t>* named_time_ = nullptr;
};

}  // namespace forebay::runtime
