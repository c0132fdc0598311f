#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "engine/data/row_codec.h"

/// The hash index of both table shapes.
namespace forebay::state {

/// Equality of short byte strings without a call for up to 16 bytes.
inline bool equal_bytes(const char* a, const char* b, size_t size) {
  auto load = [](const char* from) {
    uint64_t word;
    std::memcpy(&word, from, 8);
    return word;
  };
  if (size > 16) return std::memcmp(a, b, size) == 0;
  if (size >= 8) return load(a) == load(b) && load(a + size - 8) == load(b + size - 8);
  for (size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

/// The head of whatever is found by key: PointTable's entries and OrderedTable's groups. The key's
/// bytes lie in the same block.
struct Keyed {
  enum Flag : uint8_t {
    kDirty = 1,    // changed since the last seal
    kErased = 2,   // known not to exist: erased, or the store was asked and has none
    kInStore = 4,  // the last sealed epoch has it
    kListed = 8,   // in a list of entries that seal() looks at
    kUsed = 16,    // looked up since the hand of the clock passed by
    kPinned = 32,  // an operator points to it until the end of the epoch
  };

  uint64_t hash;
  uint32_t key_size;
  uint16_t key_offset_words;  // of the key from the start of the block, in 8 bytes
  uint8_t flags;
  /// Modulo 256: of what is listed, the seal at which it may be forgotten; else the last seal that
  /// wrote it.
  uint8_t seal;

  const char* key_data() const {
    return reinterpret_cast<const char*>(this) + size_t{key_offset_words} * 8;
  }
  std::string_view key() const { return {key_data(), key_size}; }
  bool is(Flag flag) const { return (flags & flag) != 0; }
  void set(Flag flag) { flags |= flag; }
  void clear(Flag flag) { flags = static_cast<uint8_t>(flags & ~flag); }
};
static_assert(sizeof(Keyed) == 16);

/// Open addressing over pointers with a tag of 16 hash bits, linear probing. It is cut into
/// segments by hash that double one by one, so that no single insertion rehashes more than 1/64 of
/// the entries. The bits of a hash: 0..31 position, 32..47 tag, 48..53 segment, 56..63 shard. Owns
/// nothing. Not thread-safe.
class HashIndex {
 public:
  HashIndex() = default;
  HashIndex(const HashIndex&) = delete;

  /// out[i] = what has key i (kUsed from now on), or nullptr. Probes in rounds of prefetched rows.
  /// Needs keys.hashes.
  void find(const data::KeyRows& keys, std::span<Keyed*> out) const;
  Keyed* find(uint64_t hash, std::string_view key) const;
  /// `entry`'s key must not be in the index.
  void insert(Keyed* entry);
  /// `entry` must be in the index.
  void erase(Keyed* entry);
  template <typename F>
  void for_each(F&& visit) const {
    for (const Segment& segment : segments_) {
      for (uint32_t i = 0; i < segment.capacity; ++i) {
        if (segment.slots[i] > kDeleted) visit(pointer(segment.slots[i]));
      }
    }
  }
  /// The hand of a clock over all entries.
  struct Hand {
    uint32_t segment = 0, slot = 0;
  };
  /// Moves the hand over at most `slots` slots. evict(Keyed*) returns true when it has freed the
  /// entry, which then leaves the index.
  template <typename F>
  void sweep(Hand& hand, size_t slots, F&& evict) {
    constexpr uint32_t kAhead = 8;
    for (; slots > 0; --slots) {
      Segment& segment = segments_[hand.segment];
      if (hand.slot >= segment.capacity) {
        hand.segment = (hand.segment + 1) % kSegments;
        hand.slot = 0;
        continue;
      }
      uint32_t ahead = hand.slot + kAhead;
      if (ahead < segment.capacity && segment.slots[ahead] > kDeleted) {
        __builtin_prefetch(pointer(segment.slots[ahead]), 1);
      }
      uint64_t slot = segment.slots[hand.slot];
      if (slot > kDeleted && evict(pointer(slot))) erase_at(segment, hand.slot);
      ++hand.slot;
    }
  }
  /// Replaces every entry by move(entry), a copy of it at another place.
  template <typename F>
  void relocate(F&& move) {
    for (Segment& segment : segments_) {
      for (uint32_t i = 0; i < segment.capacity; ++i) {
        uint64_t slot = segment.slots[i];
        if (slot <= kDeleted) continue;
        uint64_t place = reinterpret_cast<uint64_t>(move(pointer(slot)));
        segment.slots[i] = slot >> kPointerBits << kPointerBits | place;
      }
    }
  }
  /// Gives memory back when most slots are free.
  void shrink();
  size_t size() const { return size_; }
  size_t slots() const { return slot_bytes_ / sizeof(uint64_t); }
  size_t memory_bytes() const { return slot_bytes_ + sizeof *this; }

 private:
  static constexpr size_t kSegments = 64;
  static constexpr uint64_t kEmpty = 0;
  static constexpr uint64_t kDeleted = 1;
  static constexpr int kPointerBits = 48;

  struct FreeSlots {
    void operator()(uint64_t* slots) const { std::free(slots); }
  };
  struct Segment {
    std::unique_ptr<uint64_t[], FreeSlots> slots;
    uint32_t capacity = 0;  // 0 or a power of two
    uint32_t used = 0;      // with deleted ones
    uint32_t live = 0;
  };

  static Keyed* pointer(uint64_t slot) {
    return reinterpret_cast<Keyed*>(slot & ((uint64_t{1} << kPointerBits) - 1));
  }
  static uint64_t tag_of(uint64_t hash) { return hash >> 32 << kPointerBits; }
  static bool tag_matches(uint64_t slot, uint64_t hash) {
    return ((slot ^ tag_of(hash)) >> kPointerBits) == 0 && slot > kDeleted;
  }
  static size_t segment_of(uint64_t hash) { return hash >> 48 & (kSegments - 1); }
  static Keyed* probe(const Segment& segment, uint64_t hash, std::string_view key);
  static void place(Segment& segment, Keyed* entry);
  void resize(Segment& segment, uint32_t capacity);
  void erase_at(Segment& segment, uint32_t at);

  Segment segments_[kSegments];
  size_t size_ = 0;
  size_t slot_bytes_ = 0;
};

}  // namespace forebay::state
