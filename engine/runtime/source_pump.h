#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "engine/runtime/inputs.h"
#include "engine/runtime/notifier.h"

/// The I/O thread that polls source readers and fills their queues.
namespace forebay::runtime {

class SourcePump {
 public:
  explicit SourcePump(const data::Clock* clock) : clock_(clock) {}

  /// Opens a reader at the queue's committed positions, unless there is one (on the pump's thread,
  /// retried while the outside world fails) and feeds the queue. `on_input` is called after each
  /// batch put. Any thread.
  void add(SourceQueueRef queue, std::function<void()> on_input);
  /// The queue gets nothing more but from a poll that is under way; run_once closes the reader. Any
  /// thread, without waiting for a poll.
  void remove(const SourceQueue* queue);

  /// Polls each reader that is due once; false: nothing was read. Not concurrently.
  bool run_once();
  /// Nanoseconds until some reader is due.
  int64_t idle_nanos() const;
  Notifier& notifier() { return notifier_; }

 private:
  struct Feed {
    SourceQueueRef queue;
    uint64_t turn = 0;
    std::function<void()> on_input;
    std::unique_ptr<connectors::SourceReader> reader;
    int64_t due_ns = 0;
    int64_t tell_ns = 0;
    int64_t backoff_ms = 0;
    bool stopped = false;
    bool removed = false;  // mutex_
  };
  bool poll(Feed& feed);
  /// Now and then: what lag tools outside may know.
  void tell_committed(Feed& feed);
  void handle_error(Feed& feed, const data::Error& error);

  const data::Clock* const clock_;
  mutable std::mutex mutex_;
  /// A feed's content belongs to the pump's thread, which alone takes feeds out: to close a reader
  /// may take long.
  std::vector<std::shared_ptr<Feed>> feeds_;  // mutex_
  Notifier notifier_;
};

}  // namespace forebay::runtime
