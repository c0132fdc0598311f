#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

/// The threads that run queries. They may block (waiting for a commit, for a slow client), so the
/// pool grows when what it runs makes no progress, up to a limit, and shrinks when idle.
namespace forebay::server::pgwire {

/// Something to be run once.
class Task {
 public:
  virtual ~Task() = default;
  virtual void run() = 0;
};

class QueryPool {
 public:
  /// Threads up to `prompt_threads` are made as soon as a task finds none idle; further ones, up to
  /// `max_threads`, only when no task has been taken for 2 ms: a burst of short queries needs none.
  QueryPool(size_t prompt_threads, size_t max_threads)
      : prompt_threads_(prompt_threads), max_threads_(max_threads) {}
  /// Runs what was submitted to its end.
  ~QueryPool();

  /// Queues a task. Thread-safe.
  void submit(std::shared_ptr<Task> task);
  /// Waits until every thread has ended; later tasks are dropped.
  void stop();

 private:
  void start_thread();
  void work();
  void watch();
  bool wants_thread() const {
    return queue_.size() > idle_ && threads_ < max_threads_ && !stopping_;
  }

  const size_t prompt_threads_;
  const size_t max_threads_;
  std::mutex mutex_;  // guards all below
  std::condition_variable wake_;
  std::condition_variable watch_;
  std::condition_variable ended_;
  std::deque<std::shared_ptr<Task>> queue_;
  size_t threads_ = 0;
  size_t idle_ = 0;
  uint64_t taken_ = 0;
  bool stopping_ = false;
  std::thread watcher_;
};

}  // namespace forebay::server::pgwire
