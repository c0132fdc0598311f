#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

namespace forebay::operators {

/// Payloads as they were when the epoch first touched them; memory is kept for the next one.
class PayloadCopies {
 public:
  explicit PayloadCopies(uint32_t bytes) : bytes_(bytes) {}
  void add(const char* payload) {
    if (count_ == chunks_.size() * kChunk) {
      chunks_.push_back(std::make_unique_for_overwrite<char[]>(size_t{bytes_} * kChunk));
    }
    std::memcpy(at(count_++), payload, bytes_);
  }
  const char* operator[](size_t i) { return at(i); }
  size_t size() const { return count_; }
  void clear() { count_ = 0; }
  size_t memory_bytes() const { return chunks_.size() * kChunk * bytes_; }

 private:
  static constexpr size_t kChunk = 4096;
  char* at(size_t i) { return chunks_[i / kChunk].get() + i % kChunk * bytes_; }
  size_t bytes_;
  size_t count_ = 0;
  std::vector<std::unique_ptr<char[]>> chunks_;
};

}  // namespace forebay::operators
