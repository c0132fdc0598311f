#include "server/pgwire/query_pool.h"

#include <pthread.h>

#include <chrono>
#include <system_error>
#include <thread>

#include "server/log.h"

namespace forebay::server::pgwire {

namespace {

constexpr std::chrono::seconds kIdleLife{10};

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
  if (threads_ == max_threads_) return;  // the next thread that is done takes it
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
    lock.unlock();
    task->run();
    task.reset();
    lock.lock();
  }
  --threads_;
  ended_.notify_all();
}

void QueryPool::stop() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  wake_.notify_all();
  ended_.wait(lock, [&] { return threads_ == 0; });
}

}  // namespace forebay::server::pgwire
