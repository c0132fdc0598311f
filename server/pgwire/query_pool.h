#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

/// The threads that run queries. They may block (waiting for a commit, for a slow client), so the
/// pool grows with what waits, up to a limit, and shrinks when idle.
namespace forebay::server::pgwire {

/// Something to be run once.
class Task {
 public:
  virtual ~Task() = default;
  virtual void run() = 0;
};

class QueryPool {
 public:
  explicit QueryPool(size_t max_threads) : max_threads_(max_threads) {}
  /// Runs what was submitted to its end.
  ~QueryPool();

  /// Queues a task; it starts at once when a thread is idle or may be made. Thread-safe.
  void submit(std::shared_ptr<Task> task);
  /// Waits until every thread has ended; later tasks are dropped.
  void stop();

 private:
  void work();

  const size_t max_threads_;
  std::mutex mutex_;  // guards all below
  std::condition_variable wake_;
  std::condition_variable ended_;
  std::deque<std::shared_ptr<Task>> queue_;
  size_t threads_ = 0;
  size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace forebay::server::pgwire
