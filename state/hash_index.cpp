#include "state/hash_index.h"

#include <sys/mman.h>

#include <algorithm>

namespace forebay::state {

namespace {
constexpr size_t kRound = 32;  // rows in flight
constexpr size_t kHugePage = size_t{2} << 20;

bool same_key(const Keyed* entry, uint64_t hash, std::string_view key) {
  return entry->hash == hash && entry->key_size == key.size() &&
         equal_bytes(entry->key_data(), key.data(), key.size());
}
}  // namespace

Keyed* HashIndex::probe(const Segment& segment, uint64_t hash, std::string_view key) {
  if (segment.capacity == 0) return nullptr;
  uint32_t mask = segment.capacity - 1;
  for (auto at = static_cast<uint32_t>(hash) & mask;; at = (at + 1) & mask) {
    uint64_t slot = segment.slots[at];
    if (slot == kEmpty) return nullptr;
    if (tag_matches(slot, hash) && same_key(pointer(slot), hash, key)) return pointer(slot);
  }
}

Keyed* HashIndex::find(uint64_t hash, std::string_view key) const {
  return probe(segments_[segment_of(hash)], hash, key);
}

void HashIndex::find(const data::KeyRows& keys, std::span<Keyed*> out) const {
  uint32_t count = keys.rows();
  for (uint32_t from = 0; from < count; from += kRound) {
    uint32_t to = std::min<uint32_t>(from + kRound, count);
    for (uint32_t i = from; i < to; ++i) {
      uint64_t hash = keys.hashes[i];
      const Segment& segment = segments_[segment_of(hash)];
      if (segment.capacity == 0) continue;
      __builtin_prefetch(&segment.slots[static_cast<uint32_t>(hash) & (segment.capacity - 1)]);
    }
    // The first slot with the right tag is nearly always the one.
    for (uint32_t i = from; i < to; ++i) {
      uint64_t hash = keys.hashes[i];
      const Segment& segment = segments_[segment_of(hash)];
      out[i] = nullptr;
      if (segment.capacity == 0) continue;
      uint32_t mask = segment.capacity - 1;
      for (auto at = static_cast<uint32_t>(hash) & mask;; at = (at + 1) & mask) {
        uint64_t slot = segment.slots[at];
        if (slot == kEmpty) break;
        if (!tag_matches(slot, hash)) continue;
        out[i] = pointer(slot);
        __builtin_prefetch(out[i], 1);
        __builtin_prefetch(reinterpret_cast<const char*>(out[i]) + 56);
        break;
      }
    }
    for (uint32_t i = from; i < to; ++i) {
      if (out[i] == nullptr) continue;
      if (!same_key(out[i], keys.hashes[i], keys.key(i))) {
        out[i] = find(keys.hashes[i], keys.key(i));
        if (out[i] == nullptr) continue;
      }
      out[i]->set(Keyed::kUsed);
    }
  }
}

void HashIndex::place(Segment& segment, Keyed* entry) {
  uint32_t mask = segment.capacity - 1;
  auto at = static_cast<uint32_t>(entry->hash) & mask;
  while (segment.slots[at] > kDeleted) at = (at + 1) & mask;
  if (segment.slots[at] == kEmpty) ++segment.used;
  segment.slots[at] = tag_of(entry->hash) | reinterpret_cast<uint64_t>(entry);
}

void HashIndex::resize(Segment& segment, uint32_t capacity) {
  size_t bytes = size_t{capacity} * sizeof(uint64_t);
  void* memory = bytes >= kHugePage ? std::aligned_alloc(kHugePage, bytes) : std::malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  if (bytes >= kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);
  std::memset(memory, 0, bytes);
  Segment grown;
  grown.slots.reset(static_cast<uint64_t*>(memory));
  grown.capacity = capacity;
  grown.live = segment.live;
  constexpr uint32_t kAhead = 8;
  for (uint32_t i = 0; i < segment.capacity; ++i) {
    if (i + kAhead < segment.capacity && segment.slots[i + kAhead] > kDeleted) {
      __builtin_prefetch(pointer(segment.slots[i + kAhead]));
    }
    if (segment.slots[i] > kDeleted) place(grown, pointer(segment.slots[i]));
  }
  slot_bytes_ += bytes;
  slot_bytes_ -= size_t{segment.capacity} * sizeof(uint64_t);
  segment = std::move(grown);
}

void HashIndex::insert(Keyed* entry) {
  Segment& segment = segments_[segment_of(entry->hash)];
  // At most three quarters in use; half of that when deleted slots were the reason.
  if (segment.used + 1 > segment.capacity / 4 * 3) {
    bool full = segment.live + 1 > segment.capacity / 8 * 3;
    resize(segment, segment.capacity == 0 ? 4 : segment.capacity * (full ? 2 : 1));
  }
  place(segment, entry);
  ++segment.live;
  ++size_;
}

void HashIndex::shrink() {
  for (Segment& segment : segments_) {
    uint32_t capacity = segment.capacity;
    while (capacity > 16 && segment.live < capacity / 8) capacity /= 2;
    if (capacity < segment.capacity) resize(segment, capacity);
  }
}

void HashIndex::erase(Keyed* entry) {
  Segment& segment = segments_[segment_of(entry->hash)];
  uint32_t mask = segment.capacity - 1;
  uint64_t wanted = tag_of(entry->hash) | reinterpret_cast<uint64_t>(entry);
  auto at = static_cast<uint32_t>(entry->hash) & mask;
  while (segment.slots[at] != wanted) at = (at + 1) & mask;
  erase_at(segment, at);
}

void HashIndex::erase_at(Segment& segment, uint32_t at) {
  uint32_t mask = segment.capacity - 1;
  --segment.live;
  --size_;
  if (segment.slots[(at + 1) & mask] != kEmpty) {
    segment.slots[at] = kDeleted;
    return;
  }
  // The end of a cluster: it and the deleted ones before it are free again.
  do {
    segment.slots[at] = kEmpty;
    --segment.used;
    at = (at - 1) & mask;
  } while (segment.slots[at] == kDeleted);
}

}  // namespace forebay::state
