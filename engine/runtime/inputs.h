#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "connectors/source.h"
#include "engine/runtime/circuit.h"

/// What feeds a pipeline from outside: queues between I/O threads or sessions and the workers. Each
/// is tagged by pipeline-local epochs so that what was taken for an epoch is exactly what that
/// epoch commits.
namespace forebay::runtime {

/// One leaf's use of a source. Its positions are stored under (object, node), whoever reads for it.
struct SourceUse {
  ObjectId object;
  uint32_t node = 0;  // in the object's fragment
  std::atomic<uint64_t> records{0}, bytes{0}, errors{0};
  /// Partitions with a stored position. The engine's mutex.
  std::set<data::PartitionId> stored;
  /// The stored positions have the numbers of another reader; the next ones replace them all. The
  /// engine's mutex.
  bool renumbered = false;
};
using SourceUseRef = std::shared_ptr<SourceUse>;

/// True when a reader at `positions` has read all that one at `others` has; partitions by name.
bool covers(const connectors::Positions& positions, const connectors::Positions& others);
/// The further of both in each partition.
connectors::Positions furthest(const connectors::Positions& a, const connectors::Positions& b);

/// The raw batches of one source reader, for one or more leaves of a pipeline. The pump puts, any
/// worker takes; batches leave in the order in which they came, so that what was taken by the end
/// of an epoch is a gap-free prefix. Thread-safe.
class SourceQueue {
 public:
  SourceQueue(SourceInput input, connectors::Positions positions);

  /// The source; the columns are those of the first leaf.
  const SourceInput& input() const { return input_; }

  /// Pump: true while there is room.
  bool has_room() const;
  /// Number of the reader that is to feed the queue; what another one gives is ignored.
  uint64_t turn() const;
  /// The reader was asked, and answered, at `now_ns` (steady).
  void looked(uint64_t turn, int64_t now_ns);
  void put(uint64_t turn, connectors::RawBatch batch);
  void set_status(uint64_t turn, std::string status, std::string reason);
  void set_end(uint64_t turn);
  void set_ends(uint64_t turn, connectors::Positions ends);
  /// The reader has given all that there was.
  void set_idle(uint64_t turn);
  /// Where the reader is to end, if not at the source's own end.
  std::optional<connectors::Positions> until() const;

  /// Worker: the next batch, taken for `epoch`, unless the end of that epoch was named meanwhile.
  bool take(uint64_t epoch, const std::atomic<uint64_t>& named_end, connectors::RawBatch& batch);
  bool empty() const;

  // --- Event time.
  /// A partition as far as it is known.
  struct Partition {
    std::string name;
    /// Everything up to its known end was taken.
    bool is_read = false;
    /// How long the reader has looked since something of it came.
    int64_t quiet_ns = 0;
  };
  /// All that the reader has found or read from, by name.
  std::vector<Partition> partitions() const;
  /// A bounded source, and everything was taken.
  bool is_finished() const;

  // --- Joining readers.
  /// Positions with what was taken and is not committed yet.
  connectors::Positions current_positions() const;
  /// A reader works and has found its partitions.
  bool is_running() const;
  /// Bounded sources: the ends, as found when the reader was opened.
  connectors::Positions ends() const;
  /// Drops what was put and not taken: a new reader is to start at the committed positions and end
  /// at `until`, if given. Not with taken positions that are not committed.
  void start_over(std::optional<connectors::Positions> until);
  /// Gives nothing while frozen.
  void freeze(bool frozen);
  /// The reader is at its end (or has failed), and everything was taken.
  bool is_drained() const;

  // --- PAUSE. Between epochs, while the queue has no reader.
  /// Drops what was put and not taken; gives nothing until it is resumed. `now_ns` is steady.
  void pause(int64_t now_ns);
  void resume();
  bool is_paused() const;
  /// Since when nothing was read; nullopt: it is not paused.
  std::optional<int64_t> paused_since_ns() const;

  // --- REFRESH.
  /// What fresh() compares with.
  struct Mark {
    uint64_t looks = 0, idles = 0;
    std::optional<connectors::Positions> ends, given;
  };
  Mark mark() const;
  /// True when everything that was there at the time of the mark is committed: the reader has found
  /// nothing more since, or has read to what it saw as the ends then.
  bool is_fresh(Mark& mark) const;

  /// Committer's side: positions that changed by epochs up to `epoch`; forgets them.
  connectors::Positions take_positions(uint64_t epoch);
  /// After the commit: what is shown as position.
  void committed(const connectors::Positions& positions);
  /// Where a reader is to start: everything put and taken is dropped.
  connectors::Positions committed_positions() const;

  struct Show {
    connectors::Positions positions;
    bool finished = false;
    std::string status, reason;
  };
  Show show() const;
  size_t memory_bytes() const { return queued_bytes_.load(std::memory_order_relaxed); }

 private:
  const SourceInput input_;
  mutable std::mutex mutex_;
  std::deque<connectors::RawBatch> queue_;                                                // mutex_
  std::map<uint64_t, std::map<data::PartitionId, connectors::PartitionPosition>> taken_;  // mutex_
  std::map<data::PartitionId, connectors::PartitionPosition> committed_;                  // mutex_
  connectors::Positions ends_;                                                            // mutex_
  std::optional<connectors::Positions> until_;                                            // mutex_
  uint64_t turn_ = 0;                                                                     // mutex_
  bool ended_ = false;                                                                    // mutex_
  bool frozen_ = false;                                                                   // mutex_
  bool polled_ = false;                                                                   // mutex_
  std::optional<int64_t> paused_since_ns_;                                                // mutex_
  uint64_t looks_ = 0, idles_ = 0;                                                        // mutex_
  std::map<data::PartitionId, connectors::PartitionPosition> given_;                      // mutex_
  // Time in which the reader answered: while it does not, nobody falls silent.
  int64_t attention_ns_ = 0;                      // mutex_
  int64_t since_ns_ = 0;                          // mutex_; attention when the reader was new
  std::optional<int64_t> looked_ns_;              // mutex_
  bool nothing_left_ = false;                     // mutex_; the last look found nothing anywhere
  std::map<data::PartitionId, int64_t> arrived_;  // mutex_; attention when something came, or went
  std::string status_ = "running", reason_;       // mutex_
  std::atomic<size_t> queued_bytes_{0};
  std::atomic<size_t> queued_{0};
};
using SourceQueueRef = std::shared_ptr<SourceQueue>;

/// The changes that DML makes to one table. Sessions put (behind the pipeline's gate), workers
/// take.
class TableQueue {
 public:
  void put(uint64_t epoch, ChangeBatch batch) {
    std::lock_guard lock(mutex_);
    queue_.push_back({epoch, std::move(batch)});
    size_.store(queue_.size(), std::memory_order_release);
  }
  /// The next batch of an epoch up to `epoch`.
  bool take(uint64_t epoch, ChangeBatch& batch) {
    if (size_.load(std::memory_order_acquire) == 0) return false;
    std::lock_guard lock(mutex_);
    if (queue_.empty() || queue_.front().epoch > epoch) return false;
    batch = std::move(queue_.front().batch);
    queue_.pop_front();
    size_.store(queue_.size(), std::memory_order_release);
    return true;
  }
  bool empty() const { return size_.load(std::memory_order_acquire) == 0; }
  void clear() {
    std::lock_guard lock(mutex_);
    queue_.clear();
    size_.store(0, std::memory_order_release);
  }

 private:
  struct Tagged {
    uint64_t epoch;
    ChangeBatch batch;
  };
  std::mutex mutex_;
  std::deque<Tagged> queue_;  // mutex_
  std::atomic<size_t> size_{0};
};
using TableQueueRef = std::shared_ptr<TableQueue>;

}  // namespace forebay::runtime
