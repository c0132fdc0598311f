#include "state/ordered_group.h"

#include <algorithm>

namespace forebay::state {

using Entry = OrderedTable::Entry;
using Group = OrderedTable::Group;

uint32_t Group::lower_bound(std::string_view bound) const {
  uint32_t from = 0;
  uint32_t count = stored;
  while (count > 0) {
    uint32_t half = count / 2;
    if (array[from + half]->suffix() < bound) {
      from += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return from;
}

uint32_t Group::position_of(const Entry* entry) const {
  // Most often it has moved down a little, if at all; comparing pointers needs no entry.
  const uint32_t hint = std::min<uint32_t>(entry->position, stored - 1);
  for (uint32_t i = hint + 1; i > 0; --i) {
    if (array[i - 1] == entry) return i - 1;
  }
  for (uint32_t i = hint + 1; i < stored; ++i) {
    if (array[i] == entry) return i;
  }
  return lower_bound(entry->suffix());
}

Entry* Group::at_or_after(std::string_view bound) const {
  switch (shape) {
    case Shape::kSingle:
      return stored == 1 && single->suffix() >= bound ? single : nullptr;
    case Shape::kArray: {
      uint32_t position = lower_bound(bound);
      return position < stored ? at(position) : nullptr;
    }
    case Shape::kTree: {
      auto found = tree->lower_bound(bound);
      return found == tree->end() ? nullptr : *found;
    }
  }
  return nullptr;
}

Entry* Group::get(std::string_view suffix) const {
  if (shape == Shape::kArray) {
    // Appending in order is frequent: look at the last one first.
    int order = array[stored - 1]->suffix().compare(suffix);
    if (order < 0) return nullptr;
    if (order == 0) return at(stored - 1);
  }
  Entry* entry = at_or_after(suffix);
  return entry != nullptr && entry->suffix() == suffix ? entry : nullptr;
}

Entry* Group::first() const {
  switch (shape) {
    case Shape::kSingle:
      return single;
    case Shape::kArray:
      return at(0);
    case Shape::kTree:
      return *tree->begin();
  }
  return nullptr;
}

Entry* Group::last() const {
  switch (shape) {
    case Shape::kSingle:
      return single;
    case Shape::kArray:
      return at(stored - 1);
    case Shape::kTree:
      return *tree->rbegin();
  }
  return nullptr;
}

Entry* Group::after(const Entry* entry) const {
  switch (shape) {
    case Shape::kSingle:
      return nullptr;
    case Shape::kArray: {
      uint32_t position = position_of(entry) + 1;
      return position < stored ? at(position) : nullptr;
    }
    case Shape::kTree: {
      auto found = tree->upper_bound(entry->suffix());
      return found == tree->end() ? nullptr : *found;
    }
  }
  return nullptr;
}

Entry* Group::before(const Entry* entry) const {
  switch (shape) {
    case Shape::kSingle:
      return nullptr;
    case Shape::kArray: {
      uint32_t position = position_of(entry);
      return position > 0 ? at(position - 1) : nullptr;
    }
    case Shape::kTree: {
      auto found = tree->lower_bound(entry->suffix());
      return found == tree->begin() ? nullptr : *std::prev(found);
    }
  }
  return nullptr;
}

size_t Group::read(const Entry* entry, std::span<Entry*> out) const {
  size_t count = 0;
  switch (shape) {
    case Shape::kSingle:
      if (!out.empty()) out[count++] = single;
      break;
    case Shape::kArray:
      for (uint32_t i = position_of(entry); i < stored && count < out.size(); ++i) {
        out[count++] = at(i);
      }
      break;
    case Shape::kTree:
      for (auto it = tree->lower_bound(entry->suffix()); it != tree->end() && count < out.size();
           ++it) {
        out[count++] = *it;
      }
      break;
  }
  return count;
}

void Group::grow_array(SlabPool& pool) {
  auto grown = static_cast<uint16_t>(capacity * 2);
  auto** larger = reinterpret_cast<Entry**>(pool.allocate(grown * sizeof(Entry*)));
  std::memcpy(larger, array, stored * sizeof(Entry*));
  pool.free(reinterpret_cast<char*>(array), capacity * sizeof(Entry*));
  array = larger;
  capacity = grown;
}

void Group::insert(Entry* entry, SlabPool& pool) {
  if (stored == 0) {
    single = entry;
    shape = Shape::kSingle;
    stored = 1;
    return;
  }
  if (shape == Shape::kSingle) {
    Entry* other = single;
    capacity = 2;
    array = reinterpret_cast<Entry**>(pool.allocate(capacity * sizeof(Entry*)));
    array[0] = other;
    shape = Shape::kArray;
  }
  if (shape == Shape::kArray && stored == kArrayMost) {
    auto* all = new EntryTree(array, array + stored);
    pool.free(reinterpret_cast<char*>(array), capacity * sizeof(Entry*));
    tree = all;
    shape = Shape::kTree;
  }
  if (shape == Shape::kTree) {
    tree->insert(entry);
    ++stored;
    return;
  }
  if (stored == capacity) grow_array(pool);
  uint32_t position =
      array[stored - 1]->suffix() < entry->suffix() ? stored : lower_bound(entry->suffix());
  std::memmove(array + position + 1, array + position, (stored - position) * sizeof(Entry*));
  array[position] = entry;
  entry->position = static_cast<uint8_t>(position);
  ++stored;
}

void Group::remove(Entry* entry, SlabPool& pool) {
  if (shape == Shape::kSingle) {
    single = nullptr;
    stored = 0;
    return;
  }
  if (shape == Shape::kTree) {
    const auto first = tree->begin();
    tree->erase(*first == entry ? first : tree->find(entry));
    --stored;
    if (stored > kArrayAgain) return;
    capacity = kArrayMost / 2;
    auto** entries = reinterpret_cast<Entry**>(pool.allocate(capacity * sizeof(Entry*)));
    std::copy(tree->begin(), tree->end(), entries);
    delete tree;
    array = entries;
    shape = Shape::kArray;
    return;
  }
  uint32_t position = position_of(entry);
  std::memmove(array + position, array + position + 1, (stored - position - 1) * sizeof(Entry*));
  --stored;
  if (stored > 1) return;
  Entry* left = array[0];
  pool.free(reinterpret_cast<char*>(array), capacity * sizeof(Entry*));
  single = left;
  shape = Shape::kSingle;
}

void Group::drop_shape(SlabPool& pool) {
  if (shape == Shape::kTree) {
    delete tree;
  } else if (shape == Shape::kArray) {
    pool.free(reinterpret_cast<char*>(array), capacity * sizeof(Entry*));
  }
}

}  // namespace forebay::state
