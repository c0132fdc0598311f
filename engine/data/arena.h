#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

/// Bump allocation for bytes that live and die together.
namespace forebay::data {

/// Chunks of bytes that grow and are freed all at once. Move-only, one owner, not thread-safe;
/// shared for reading as shared_ptr<const Arena>.
class Arena {
 public:
  explicit Arena(size_t first_chunk_bytes = 4096) : next_chunk_bytes_(first_chunk_bytes) {}
  Arena(Arena&&) = default;
  Arena& operator=(Arena&&) = default;

  /// `bytes` uninitialised bytes without alignment; stable until the arena dies.
  char* allocate(size_t bytes) {
    if (bytes > remaining_) add_chunk(bytes);
    char* result = next_;
    next_ += bytes;
    remaining_ -= bytes;
    return result;
  }
  /// As allocate, aligned to 8.
  char* allocate_aligned(size_t bytes) {
    size_t skip = (8 - (reinterpret_cast<uintptr_t>(next_) & 7)) & 7;
    if (bytes + skip > remaining_) {
      add_chunk(bytes + 8);
      skip = (8 - (reinterpret_cast<uintptr_t>(next_) & 7)) & 7;
    }
    next_ += skip;
    remaining_ -= skip;
    return allocate(bytes);
  }
  std::string_view copy(std::string_view bytes) {
    char* target = allocate(bytes.size());
    if (!bytes.empty()) std::memcpy(target, bytes.data(), bytes.size());
    return {target, bytes.size()};
  }
  /// Gives back the last `bytes` of the latest allocation.
  void shrink_last(size_t bytes) {
    next_ -= bytes;
    remaining_ += bytes;
  }
  /// Takes over what `other` holds; bytes in it stay where they are.
  void absorb(Arena&& other) {
    for (auto& chunk : other.chunks_) chunks_.push_back(std::move(chunk));
    total_ += other.total_;
    other = Arena();
  }
  /// Counts bytes that are kept alive beside the arena by the same owner (a raw input buffer).
  void count_external(size_t bytes) { total_ += bytes; }
  /// All bytes held from the allocator, and those counted.
  size_t bytes() const { return total_; }

 private:
  void add_chunk(size_t least) {
    size_t size = next_chunk_bytes_ < least ? least : next_chunk_bytes_;
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(size));
    next_ = chunks_.back().get();
    remaining_ = size;
    total_ += size;
    if (next_chunk_bytes_ < (size_t{1} << 20)) next_chunk_bytes_ *= 2;
  }

  std::vector<std::unique_ptr<char[]>> chunks_;
  char* next_ = nullptr;
  size_t remaining_ = 0;
  size_t total_ = 0;
  size_t next_chunk_bytes_;
};

using ArenaRef = std::shared_ptr<const Arena>;

}  // namespace forebay::data
