#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace forebay::runtime {

/// Wakes one sleeping actor. A notify between the actor's look at its work and its sleep is not lost:
/// the actor reads ticket() first and sleeps only while the ticket stands.
class Notifier {
 public:
  uint64_t ticket() {
    std::lock_guard lock(mutex_);
    return ticket_;
  }
  void notify() {
    {
      std::lock_guard lock(mutex_);
      ++ticket_;
    }
    wake_.notify_one();
  }
  /// Sleeps until notified since `ticket`, or for `nanoseconds`.
  void wait(uint64_t ticket, int64_t nanoseconds) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, std::chrono::nanoseconds(nanoseconds), [&] { return ticket_ != ticket; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  uint64_t ticket_ = 0;
};

}  // namespace forebay::runtime
