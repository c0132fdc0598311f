#include "server/pgwire/query_pool.h"

#include <pthread.h>

#include <chrono>
#include <system_error>

#include "server/log.h"

namespace forebay::server::pgwire {

namespace {

constexpr std::chrono::seconds kIdleLife{10};
constexpr std::chrono::milliseconds kPatience{2};

}  // namespace

QueryPool::~QueryPool() { stop(); }

void QueryPool::submit(std::shared_ptr<Task> task) {
  std::unique_lock lock(mutex_);
  if (stopping_) return;
  queue_.push_back(std::move(task));
  if (queue_.size() <= idle_) {
    lock.unlock();
    wake_.notify_one();
    return;
  }
  if (threads_ < prompt_threads_) return start_thread();
  if (!watcher_.joinable()) watcher_ = std::thread([this] { watch(); });
  watch_.notify_one();
}

// Under the lock.
void QueryPool::start_thread() {
  ++threads_;
  try {
    std::thread([this] { work(); }).detach();
  } catch (const std::system_error& error) {
    --threads_;
    log_error(std::string("cannot start a query thread: ") + error.what());
  }
}

void QueryPool::work() {
  pthread_setname_np(pthread_self(), "query");
  std::unique_lock lock(mutex_);
  while (true) {
    if (queue_.empty()) {
      if (stopping_) break;
      ++idle_;
      bool called = wake_.wait_for(lock, kIdleLife, [&] { return !queue_.empty() || stopping_; });
      --idle_;
      if (!called) break;
      continue;
    }
    std::shared_ptr<Task> task = std::move(queue_.front());
    queue_.pop_front();
    ++taken_;
    if (queue_.empty()) ended_.notify_all();
    lock.unlock();
    task->run();
    task.reset();
    lock.lock();
  }
  --threads_;
  ended_.notify_all();
}

void QueryPool::watch() {
  pthread_setname_np(pthread_self(), "query-watch");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    watch_.wait(lock, [&] { return stopping_ || wants_thread(); });
    uint64_t before = taken_;
    watch_.wait_for(lock, kPatience, [&] { return stopping_; });
    if (taken_ == before && wants_thread()) start_thread();
  }
}

void QueryPool::stop() {
  std::unique_lock lock(mutex_);
  // What waits may need more threads than there are: tasks may wait for each other.
  ended_.wait(lock, [&] { return queue_.empty() || threads_ == 0; });
  stopping_ = true;
  wake_.notify_all();
  watch_.notify_all();
  ended_.wait(lock, [&] { return threads_ == 0; });
  lock.unlock();
  if (watcher_.joinable()) watcher_.join();
}

}  // namespace forebay::server::pgwire
