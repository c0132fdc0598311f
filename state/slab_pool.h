#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

/// Memory for the many small objects of one state table.
namespace forebay::state {

/// Blocks in size classes of 8 bytes, cut from slabs and reused through one free list per class;
/// large blocks come from malloc. Slabs go back to the system when the pool dies, all at once: a
/// table that has become much smaller moves to a new pool. Not thread-safe.
class SlabPool {
 public:
  SlabPool() = default;
  SlabPool(const SlabPool&) = delete;
  /// Frees slabs; large blocks must have been freed.
  ~SlabPool() { free_slabs(); }
  /// Takes over all of `other`; what this pool had must be free.
  SlabPool& operator=(SlabPool&& other) noexcept {
    free_slabs();
    std::memcpy(free_, other.free_, sizeof free_);
    slabs_ = std::move(other.slabs_);
    other.slabs_.clear();
    next_ = other.next_;
    remaining_ = other.remaining_;
    slab_bytes_ = other.slab_bytes_;
    large_bytes_ = other.large_bytes_;
    live_bytes_ = other.live_bytes_;
    return *this;
  }

  /// 8-aligned, uninitialised.
  char* allocate(size_t bytes) {
    size_t size_class = (bytes + 7) / 8;
    live_bytes_ += size_class * 8;
    if (size_class >= kClasses) return allocate_large(size_class * 8);
    if (char* block = free_[size_class]) {
      std::memcpy(&free_[size_class], block, sizeof(char*));
      // The next block of this class will be written; the last one was freed long ago.
      const char* next = free_[size_class];
      for (size_t at = 0; next != nullptr && at < size_class * 8 && at < kFetched; at += 64) {
        __builtin_prefetch(next + at, 1);
      }
      return block;
    }
    size_t size = size_class * 8;
    if (size > remaining_) add_slab();
    char* block = next_;
    next_ += size;
    remaining_ -= size;
    return block;
  }
  /// `bytes` as in the allocation.
  void free(char* block, size_t bytes) {
    size_t size_class = (bytes + 7) / 8;
    live_bytes_ -= size_class * 8;
    if (size_class >= kClasses) {
      large_bytes_ -= size_class * 8;
      std::free(block);
      return;
    }
    std::memcpy(block, &free_[size_class], sizeof(char*));
    free_[size_class] = block;
  }
  /// True when blocks are there that the pool does not free by itself.
  bool has_large() const { return large_bytes_ != 0; }
  /// Held from the system, free blocks included.
  size_t memory_bytes() const { return slab_bytes_ + large_bytes_; }
  /// In blocks that are in use.
  size_t live_bytes() const { return live_bytes_; }

 private:
  static constexpr size_t kClasses = 129;  // up to 1 KiB
  static constexpr size_t kHugePage = size_t{2} << 20;
  static constexpr size_t kFetched = 256;  // bytes

  char* allocate_large(size_t bytes) {
    large_bytes_ += bytes;
    auto* block = static_cast<char*>(std::malloc(bytes));
    if (block == nullptr) throw std::bad_alloc();
    return block;
  }
  void add_slab() {
    size_t size = slab_bytes_ < 4096 ? 4096 : slab_bytes_;
    if (size > kHugePage) size = kHugePage;
    // Whole huge pages when the table is large: lookups miss the TLB otherwise.
    void* slab = size == kHugePage ? map_huge_page() : std::malloc(size);
    if (slab == nullptr) throw std::bad_alloc();
    slabs_.push_back({static_cast<char*>(slab), size});
    next_ = slabs_.back().start;
    remaining_ = size;
    slab_bytes_ += size;
  }

  /// Aligned; mapped by itself, as memory from malloc may stay with the process when it is freed.
  static void* map_huge_page() {
    constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS;
    void* room = mmap(nullptr, 2 * kHugePage, PROT_READ | PROT_WRITE, kFlags, -1, 0);
    if (room == MAP_FAILED) return nullptr;
    auto start = reinterpret_cast<uintptr_t>(room);
    uintptr_t slab = (start + kHugePage - 1) / kHugePage * kHugePage;
    if (slab > start) munmap(room, slab - start);
    uintptr_t rest = start + kHugePage - slab;
    if (rest > 0) munmap(reinterpret_cast<void*>(slab + kHugePage), rest);
    madvise(reinterpret_cast<void*>(slab), kHugePage, MADV_HUGEPAGE);
    return reinterpret_cast<void*>(slab);
  }
  void free_slabs() {
    for (const Slab& slab : slabs_) {
      if (slab.size == kHugePage) {
        munmap(slab.start, kHugePage);
      } else {
        std::free(slab.start);
      }
    }
    slabs_.clear();
  }

  struct Slab {
    char* start;
    size_t size;
  };
  char* free_[kClasses] = {};
  std::vector<Slab> slabs_;
  char* next_ = nullptr;
  size_t remaining_ = 0;
  size_t slab_bytes_ = 0;
  size_t large_bytes_ = 0;
  size_t live_bytes_ = 0;
};

/// Empties a list of one epoch's objects; a long one gives its memory back.
template <typename T>
void clear_list(std::vector<T>& list) {
  constexpr size_t kKeptBytes = size_t{1} << 20;
  if (list.capacity() * sizeof(T) > kKeptBytes) {
    std::vector<T>().swap(list);
  } else {
    list.clear();
  }
}

}  // namespace forebay::state
