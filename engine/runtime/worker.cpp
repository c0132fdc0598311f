#include "engine/runtime/worker.h"

#include <algorithm>

namespace forebay::runtime {

void Worker::post(LaneMessage message) {
  {
    std::lock_guard lock(incoming_mutex_);
    incoming_.push_back(std::move(message));
    has_incoming_.store(true, std::memory_order_release);
  }
  notifier_.notify();
}

void Worker::drop_messages(Lane* lane) {
  std::lock_guard lock(incoming_mutex_);
  std::erase_if(incoming_, [&](const LaneMessage& message) { return message.lane == lane; });
}

std::unique_lock<std::mutex> Worker::lock() {
  std::lock_guard turn(turn_);
  return std::unique_lock(mutex_);
}

bool Worker::run_once() {
  std::unique_lock<std::mutex> step = lock();
  if (has_incoming_.load(std::memory_order_acquire)) {
    {
      std::lock_guard incoming_lock(incoming_mutex_);
      std::swap(delivering_, incoming_);
      has_incoming_.store(false, std::memory_order_release);
    }
    for (LaneMessage& message : delivering_) message.lane->deliver(std::move(message));
    delivering_.clear();
  }
  for (size_t i = 0; i < lanes_.size(); ++i) {
    size_t at = (next_lane_ + i) % lanes_.size();
    if (lanes_[at]->step()) {
      next_lane_ = at + 1;
      return true;
    }
  }
  return false;
}

}  // namespace forebay::runtime
