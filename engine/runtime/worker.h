#pragma once

#include <mutex>
#include <vector>

#include "engine/runtime/lane.h"
#include "engine/runtime/notifier.h"

/// A worker: a thread with its lane of every pipeline.
namespace forebay::runtime {

class Worker {
 public:
  explicit Worker(uint16_t index) : index_(index) {}

  uint16_t index() const { return index_; }
  /// Keeps the worker from stepping; whoever changes lanes holds the locks of all workers. Waits
  /// for one step at most: a busy worker lets the caller go first.
  std::unique_lock<std::mutex> lock();
  /// Needs the lock.
  void add_lane(Lane* lane) { lanes_.push_back(lane); }
  void remove_lane(Lane* lane) { std::erase(lanes_, lane); }
  /// Drops messages to a lane that were not delivered. Needs the lock.
  void drop_messages(Lane* lane);

  /// Any thread.
  void post(LaneMessage message);
  void wake() { notifier_.notify(); }
  Notifier& notifier() { return notifier_; }

  /// One step of some lane, round-robin; false: nothing to do. The owner's thread.
  bool run_once();

 private:
  const uint16_t index_;
  /// Held while waiting for mutex_, not during a step: so the worker, which comes back at once,
  /// queues up behind who waits already.
  std::mutex turn_;
  std::mutex mutex_;
  std::vector<Lane*> lanes_;  // mutex_
  size_t next_lane_ = 0;      // mutex_
  std::mutex incoming_mutex_;
  std::vector<LaneMessage> incoming_;  // incoming_mutex_
  std::atomic<bool> has_incoming_{false};
  std::vector<LaneMessage> delivering_;  // mutex_
  Notifier notifier_;
};

}  // namespace forebay::runtime
