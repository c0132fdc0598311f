#pragma once

#include <absl/container/btree_set.h>

#include "state/hash_index.h"
#include "state/slab_pool.h"
#include "state/state_table.h"

/// The inside of OrderedTable: entries, groups and the three shapes of a group. Used by
/// ordered_group.cpp and ordered_table.cpp only.
namespace forebay::state {

/// One block: this head, then the suffix, the value and room; or a pointer to another block with
/// these, once a value outgrew the room.
struct OrderedTable::Entry {
  enum Flag : uint8_t { kDirty = 1, kInStore = 2, kExternal = 4 };

  int64_t count;
  uint32_t suffix_size;
  uint32_t value_size;
  uint32_t room;  // bytes for suffix and value together, here or outside; at least 8
  uint8_t flags;
  mutable uint8_t position;  // in the group's array, as far as we remember
  uint8_t reserved[2];

  char* inline_bytes() { return reinterpret_cast<char*>(this) + sizeof(Entry); }
  const char* bytes() const {
    const char* here = reinterpret_cast<const char*>(this) + sizeof(Entry);
    if ((flags & kExternal) == 0) return here;
    const char* outside;
    std::memcpy(&outside, here, sizeof outside);
    return outside;
  }
  std::string_view suffix() const { return {bytes(), suffix_size}; }
  std::string_view value() const { return {bytes() + suffix_size, value_size}; }
};
static_assert(sizeof(OrderedTable::Entry) == 24);

struct SuffixLess {
  using is_transparent = void;
  using Entry = OrderedTable::Entry;
  bool operator()(const Entry* a, const Entry* b) const { return a->suffix() < b->suffix(); }
  bool operator()(const Entry* a, std::string_view b) const { return a->suffix() < b; }
  bool operator()(std::string_view a, const Entry* b) const { return a < b->suffix(); }
};
using EntryTree = absl::btree_set<OrderedTable::Entry*, SuffixLess>;

/// One block: this head and the key. 0 or 1 entries: a pointer; up to kArrayMost: a sorted array of
/// pointers; above that a tree.
struct OrderedTable::Group : Keyed {
  static constexpr uint16_t kArrayMost = 256;
  static constexpr uint32_t kArrayAgain = 100;  // a tree this small becomes an array
  enum class Shape : uint8_t { kSingle, kArray, kTree };

  union {
    Entry* single;
    Entry** array;
    EntryTree* tree;
  };
  uint32_t stored;  // entries, those with count 0 included
  uint32_t live;    // entries whose count is not 0
  uint16_t capacity;
  Shape shape;
  uint32_t mark;  // the operator's, while an entry is dirty

  void init() {
    single = nullptr;
    stored = live = 0;
    capacity = 0;
    shape = Shape::kSingle;
    mark = 0;
  }
  Entry* get(std::string_view suffix) const;
  /// The first entry with suffix >= bound, whatever its count.
  Entry* at_or_after(std::string_view bound) const;
  Entry* first() const;
  Entry* last() const;
  Entry* after(const Entry* entry) const;
  Entry* before(const Entry* entry) const;
  /// Fills `out` from `entry` on (included), whatever the counts; returns how many.
  size_t read(const Entry* entry, std::span<Entry*> out) const;

  /// `entry`'s suffix must not be in the group. Arrays come from `pool`.
  void insert(Entry* entry, SlabPool& pool);
  void remove(Entry* entry, SlabPool& pool);
  /// Frees arrays and trees, not the entries.
  void drop_shape(SlabPool& pool);
  template <typename F>
  void for_each(F&& visit) const {
    if (shape == Shape::kTree) {
      for (Entry* entry : *tree) visit(entry);
    } else if (shape == Shape::kArray) {
      for (uint32_t i = 0; i < stored; ++i) visit(array[i]);
    } else if (stored == 1) {
      visit(single);
    }
  }

 private:
  uint32_t lower_bound(std::string_view bound) const;
  uint32_t position_of(const Entry* entry) const;
  Entry* at(uint32_t position) const {
    array[position]->position = static_cast<uint8_t>(position);
    return array[position];
  }
  void grow_array(SlabPool& pool);
};

}  // namespace forebay::state
