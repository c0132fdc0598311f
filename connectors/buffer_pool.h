#pragma once

#include <cstdlib>
#include <memory>
#include <mutex>
#include <vector>

namespace forebay::connectors {

/// Readable bytes behind the end of what a buffer holds.
inline constexpr size_t kBufferPadding = 64;

/// Large buffers that come back when their last reader lets go of them, on whatever thread. Buffers
/// of another size than the pool's are freed.
class BufferPool : public std::enable_shared_from_this<BufferPool> {
 public:
  explicit BufferPool(size_t buffer_bytes) : buffer_bytes_(buffer_bytes) {}
  ~BufferPool() {
    for (char* buffer : free_) std::free(buffer);
  }
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// At least `bytes` and the padding, aligned to 64, uninitialised but for the padding.
  std::shared_ptr<char[]> get(size_t bytes) {
    bool pooled = bytes <= buffer_bytes_;
    size_t capacity = pooled ? buffer_bytes_ : bytes;
    char* buffer = pooled ? take() : nullptr;
    if (buffer == nullptr) {
      size_t rounded = (capacity + kBufferPadding + 63) / 64 * 64;
      buffer = static_cast<char*>(std::aligned_alloc(64, rounded));
      if (buffer == nullptr) throw std::bad_alloc();
    }
    auto self = shared_from_this();
    return std::shared_ptr<char[]>(buffer, [self, pooled](char* returned) {
      pooled ? self->put(returned) : std::free(returned);
    });
  }

 private:
  static constexpr size_t kMostFree = 16;

  char* take() {
    std::lock_guard lock(mutex_);
    if (free_.empty()) return nullptr;
    char* buffer = free_.back();
    free_.pop_back();
    return buffer;
  }
  void put(char* buffer) {
    std::unique_lock lock(mutex_);
    if (free_.size() < kMostFree) {
      free_.push_back(buffer);
    } else {
      lock.unlock();
      std::free(buffer);
    }
  }

  const size_t buffer_bytes_;
  std::mutex mutex_;
  std::vector<char*> free_;  // guarded by mutex_
};

}  // namespace forebay::connectors
