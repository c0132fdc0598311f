#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "connectors/source.h"
#include "engine/runtime/circuit.h"

/// What feeds a pipeline from outside: queues between I/O threads or sessions and the workers. Each is
/// tagged by pipeline-local epochs so that what was taken for an epoch is exactly what that epoch commits.
namespace forebay::runtime {

/// The raw batches of one source reader. The pump puts, any worker takes; batches leave in the order in
/// which they came, so that what was taken by the end of an epoch is a gap-free prefix. Thread-safe.
class SourceQueue {
 public:
  SourceQueue(SourceInput input, ObjectId reader, uint32_t node, connectors::Positions positions);

  const SourceInput& input() const { return input_; }
  ObjectId reader() const { return reader_; }
  /// Number of the leaf in its fragment: with reader(), the name of its positions.
  uint32_t node() const { return node_; }

  /// Pump: true while there is room.
  bool has_room() const;
  void put(connectors::RawBatch batch);
  void set_status(std::string status, std::string reason);
  void set_end();
  void set_ends(connectors::Positions ends);

  /// Worker: the next batch, taken for `epoch`, unless the end of that epoch was named meanwhile.
  bool take(uint64_t epoch, const std::atomic<uint64_t>& named_end, connectors::RawBatch& batch);
  bool empty() const;
  void count(uint64_t records, uint64_t errors);

  /// Committer's side: positions that changed by epochs up to `epoch`; forgets them.
  connectors::Positions take_positions(uint64_t epoch);
  /// After the commit: what is shown as position.
  void committed(const connectors::Positions& positions);
  /// Where a reader is to start: everything put and taken is dropped.
  connectors::Positions committed_positions() const;

  struct Show {
    connectors::Positions positions;
    uint64_t records = 0, bytes = 0, errors = 0;
    bool finished = false;
    std::string status, reason;
  };
  Show show() const;
  size_t memory_bytes() const { return queued_bytes_.load(std::memory_order_relaxed); }

 private:
  const SourceInput input_;
  const ObjectId reader_;
  const uint32_t node_;
  mutable std::mutex mutex_;
  std::deque<connectors::RawBatch> queue_;                               // mutex_
  std::map<uint64_t, std::map<data::PartitionId, connectors::PartitionPosition>> taken_;  // mutex_
  std::map<data::PartitionId, connectors::PartitionPosition> committed_;  // mutex_
  std::map<data::PartitionId, data::Offset> ends_;                       // mutex_
  bool ended_ = false;                                                   // mutex_
  uint64_t bytes_ = 0;                                                   // mutex_
  std::string status_ = "running", reason_;                              // mutex_
  std::atomic<size_t> queued_bytes_{0};
  std::atomic<size_t> queued_{0};
  std::atomic<uint64_t> records_{0}, errors_{0};
};
using SourceQueueRef = std::shared_ptr<SourceQueue>;

/// The changes that DML makes to one table. Sessions put (behind the pipeline's gate), workers take.
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
