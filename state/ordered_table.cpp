#include <algorithm>
#include <unordered_map>

#include "state/ordered_group.h"
#include "state/residency.h"
#include "state/value_codec.h"

namespace forebay::state {

using Entry = OrderedTable::Entry;
using Group = OrderedTable::Group;

struct OrderedTable::Impl {
  explicit Impl(const TableOptions& table_options)
      : options(table_options), residency(table_options) {}

  TableOptions options;
  Residency residency;

  SlabPool pool;
  HashIndex index;
  std::vector<std::pair<Group*, Entry*>> dirty;
  /// Groups that were empty once since the last seal (while absences need not be kept).
  std::vector<Group*> maybe_empty;
  ForgetList absent;
  std::vector<Group*> pinned;
  size_t entries = 0;
  size_t tree_entries = 0;
  /// Room that new entries get for a value: the size of the last one, within bounds.
  uint32_t value_room = 0;
  static constexpr uint32_t kMostValueRoom = 128;

  Group* create_group(uint64_t hash, std::string_view key);
  void note_empty(Group* group);
  void forget(Group* group);
  Entry* create_entry(std::string_view suffix, std::string_view value, uint32_t value_room);
  void free_entry(Entry* entry);
  void mark_dirty(Group* group, Entry* entry) {
    if ((entry->flags & Entry::kDirty) != 0) return;
    entry->flags |= Entry::kDirty;
    group->set(Keyed::kDirty);
    dirty.push_back({group, entry});
  }
  void insert(Group* group, Entry* entry);
  void remove(Group* group, Entry* entry);
  size_t memory_bytes(size_t pool_bytes) const;
  /// Before a lookup, while no pointer to a clean group is in use.
  void make_room();
  /// Frees the group and all of its entries; not its place in the index.
  void free_group(Group* group);
  /// After a seal: everything to a new pool.
  void move_groups();
  Group* move_group(Group* group, SlabPool& to);
  Status read_misses(const KeyRows& keys, std::span<Group*> out);
  Status read_group(Cursor& cursor, std::string_view store_key, Group* group);
  void seal_entry(Group* group, Entry* entry, SealedRun& run);
};

Group* OrderedTable::Impl::create_group(uint64_t hash, std::string_view key) {
  auto* group = new (pool.allocate(sizeof(Group) + key.size())) Group;
  group->hash = hash;
  group->key_size = static_cast<uint32_t>(key.size());
  group->key_offset_words = sizeof(Group) / 8;
  group->flags = 0;
  group->seal = static_cast<uint8_t>(absent.seals() - 1);
  group->init();
  if (!key.empty()) {
    std::memcpy(reinterpret_cast<char*>(group) + sizeof(Group), key.data(), key.size());
  }
  index.insert(group);
  return group;
}

/// The group has no entries now; seal() or a later one drops it if that stays so.
void OrderedTable::Impl::note_empty(Group* group) {
  if (residency.keeps_absences()) {
    absent.add(group, residency.absence_seals());
  } else if (!group->is(Keyed::kListed)) {
    group->set(Keyed::kListed);
    maybe_empty.push_back(group);
  }
}

void OrderedTable::Impl::forget(Group* group) {
  if (group->stored != 0) return;
  index.erase(group);
  pool.free(reinterpret_cast<char*>(group), sizeof(Group) + group->key_size);
}

Entry* OrderedTable::Impl::create_entry(std::string_view suffix, std::string_view value,
                                        uint32_t least_value_room) {
  size_t room = suffix.size() + std::max<size_t>(value.size(), least_value_room);
  room = std::max<size_t>((room + 7) / 8 * 8, 8);
  auto* entry = new (pool.allocate(sizeof(Entry) + room)) Entry;
  entry->count = 0;
  entry->suffix_size = static_cast<uint32_t>(suffix.size());
  entry->value_size = static_cast<uint32_t>(value.size());
  entry->room = static_cast<uint32_t>(room);
  entry->flags = 0;
  entry->position = 0;
  if (!suffix.empty()) std::memcpy(entry->inline_bytes(), suffix.data(), suffix.size());
  if (!value.empty()) {
    std::memcpy(entry->inline_bytes() + suffix.size(), value.data(), value.size());
  }
  return entry;
}

/// The block of an entry with outside bytes keeps the size that it was made with in front of them.
void OrderedTable::Impl::free_entry(Entry* entry) {
  if ((entry->flags & Entry::kExternal) == 0) {
    pool.free(reinterpret_cast<char*>(entry), sizeof(Entry) + entry->room);
    return;
  }
  char* outside = const_cast<char*>(entry->bytes()) - 8;
  uint64_t own_room;
  std::memcpy(&own_room, outside, 8);
  pool.free(outside, 8 + entry->room);
  pool.free(reinterpret_cast<char*>(entry), sizeof(Entry) + own_room);
}

void OrderedTable::Impl::insert(Group* group, Entry* entry) {
  bool was_tree = group->shape == Group::Shape::kTree;
  group->insert(entry, pool);
  ++entries;
  if (group->shape == Group::Shape::kTree) tree_entries += was_tree ? 1 : group->stored;
}

void OrderedTable::Impl::remove(Group* group, Entry* entry) {
  bool was_tree = group->shape == Group::Shape::kTree;
  group->remove(entry, pool);
  if (was_tree) tree_entries -= group->shape == Group::Shape::kTree ? 1 : group->stored + 1;
  free_entry(entry);
  --entries;
  if (group->stored == 0) note_empty(group);
}

void OrderedTable::Impl::free_group(Group* group) {
  entries -= group->stored;
  if (group->shape == Group::Shape::kTree) tree_entries -= group->stored;
  group->for_each([this](Entry* entry) { free_entry(entry); });
  group->drop_shape(pool);
  pool.free(reinterpret_cast<char*>(group), sizeof(Group) + group->key_size);
}

void OrderedTable::Impl::make_room() {
  if (!residency.limited()) return;
  residency.report(memory_bytes(pool.live_bytes()), [this] {
    // They may come to be what the store must not be asked for.
    for (Group* group : maybe_empty) {
      group->clear(Keyed::kListed);
      absent.add(group, ForgetList::kSeals);
    }
    maybe_empty.clear();
  });
  residency.make_room(index, absent.seals(), [this](Keyed* keyed) {
    size_t before = pool.live_bytes();
    free_group(static_cast<Group*>(keyed));
    return before - pool.live_bytes();
  });
}

OrderedTable::Group* OrderedTable::Impl::move_group(Group* group, SlabPool& to) {
  size_t bytes = sizeof(Group) + group->key_size;
  char* block = to.allocate(bytes);
  std::memcpy(block, reinterpret_cast<char*>(group), bytes);
  auto* moved = reinterpret_cast<Group*>(block);
  moved->init();
  uint32_t live = group->live;
  group->for_each([&](Entry* entry) {
    // Outside bytes come home.
    size_t room = (entry->suffix_size + entry->value_size + 7) / 8 * 8;
    room = std::max<size_t>(room, 8);
    auto* copy = new (to.allocate(sizeof(Entry) + room)) Entry(*entry);
    copy->flags &= static_cast<uint8_t>(~Entry::kExternal);
    copy->room = static_cast<uint32_t>(room);
    std::memcpy(copy->inline_bytes(), entry->bytes(), entry->suffix_size + entry->value_size);
    moved->insert(copy, to);
  });
  moved->live = live;
  group->for_each([this](Entry* entry) { free_entry(entry); });
  group->drop_shape(pool);
  pool.free(reinterpret_cast<char*>(group), bytes);
  return moved;
}

void OrderedTable::Impl::move_groups() {
  SlabPool smaller;
  std::unordered_map<Keyed*, Keyed*> listed;
  tree_entries = 0;
  index.relocate([&](Keyed* keyed) {
    Group* moved = move_group(static_cast<Group*>(keyed), smaller);
    // A tree that has become small is an array from here on.
    if (moved->shape == Group::Shape::kTree) tree_entries += moved->stored;
    if (moved->is(Keyed::kListed)) listed[keyed] = moved;
    return moved;
  });
  absent.relocate([&](Keyed* group) { return listed.at(group); });
  pool = std::move(smaller);
  index.shrink();
}

void OrderedTable::pin(Group* group) {
  if (!impl_->residency.limited() || group->is(Keyed::kPinned)) return;
  group->set(Keyed::kPinned);
  impl_->pinned.push_back(group);
}

OrderedTable::OrderedTable(TableOptions options)
    : StateTable(options), impl_(std::make_unique<Impl>(options)) {}

OrderedTable::~OrderedTable() {
  // Slabs are freed as a whole; only trees and large blocks live outside.
  if (impl_->tree_entries == 0 && !impl_->pool.has_large()) return;
  impl_->index.for_each([this](Keyed* keyed) {
    auto* group = static_cast<Group*>(keyed);
    group->for_each([this](Entry* entry) { impl_->free_entry(entry); });
    group->drop_shape(impl_->pool);
    impl_->pool.free(reinterpret_cast<char*>(group), sizeof(Group) + group->key_size);
  });
}

/// Reads one group with the cursor; `store_key` is the prefix of its keys.
Status OrderedTable::Impl::read_group(Cursor& cursor, std::string_view store_key, Group* group) {
  for (cursor.seek(store_key); cursor.valid() && cursor.key().starts_with(store_key);
       cursor.next()) {
    int64_t count;
    std::string_view value;
    if (!decode_counted(cursor.value(), count, value)) {
      return {data::sqlstate::kDataCorrupted, "corrupt state entry"};
    }
    Entry* entry = create_entry(cursor.key().substr(store_key.size()), value, 0);
    entry->count = count;
    entry->flags = Entry::kInStore;
    insert(group, entry);
    ++group->live;
  }
  return cursor.status();
}

Status OrderedTable::Impl::read_misses(const KeyRows& keys, std::span<Group*> out) {
  struct Miss {
    std::string_view store_key;
    uint32_t row;
  };
  data::Arena arena;
  std::vector<Miss> misses;
  for (uint32_t i = 0; i < keys.rows(); ++i) {
    if (out[i] != nullptr) continue;
    std::string_view key = keys.key(i);
    char* start = arena.allocate(kStoreKeyPrefixBytes + key.size());
    char* end = write_store_key_prefix(data::shard_of_hash(keys.hashes[i]), options.id, start);
    if (!key.empty()) std::memcpy(end, key.data(), key.size());
    misses.push_back({{start, kStoreKeyPrefixBytes + key.size()}, i});
  }
  if (misses.empty()) return {};
  std::sort(misses.begin(), misses.end(),
            [](const Miss& a, const Miss& b) { return a.store_key < b.store_key; });
  size_t found = 0;
  auto snapshot = options.store->snapshot();
  auto cursor = snapshot->scan(options.family, misses.front().store_key, {});
  for (const Miss& miss : misses) {
    uint64_t hash = keys.hashes[miss.row];
    auto* group = static_cast<Group*>(index.find(hash, keys.key(miss.row)));
    if (group == nullptr) {
      group = create_group(hash, keys.key(miss.row));
      FOREBAY_RETURN_IF_ERROR(read_group(*cursor, miss.store_key, group));
      if (group->stored == 0) note_empty(group);
      found += group->stored != 0;
    }
    out[miss.row] = group;
  }
  residency.count_read_backs(found);
  return {};
}

Status OrderedTable::load(const KeyRows& keys, std::span<Group*> out) {
  Impl& impl = *impl_;
  impl.make_room();
  impl.index.find(keys, {reinterpret_cast<Keyed**>(out.data()), out.size()});
  if (!impl.residency.complete()) return impl.read_misses(keys, out);
  for (uint32_t i = 0; i < keys.rows(); ++i) {
    if (out[i] != nullptr) continue;
    // An equal key before it in this batch may have made the group.
    out[i] = static_cast<Group*>(impl.index.find(keys.hashes[i], keys.key(i)));
    if (out[i] != nullptr) continue;
    out[i] = impl.create_group(keys.hashes[i], keys.key(i));
    impl.note_empty(out[i]);
  }
  return {};
}

Status OrderedTable::find(const KeyRows& keys, std::span<Group*> out) {
  impl_->make_room();
  impl_->index.find(keys, {reinterpret_cast<Keyed**>(out.data()), out.size()});
  if (!impl_->residency.complete()) FOREBAY_RETURN_IF_ERROR(impl_->read_misses(keys, out));
  for (uint32_t i = 0; i < keys.rows(); ++i) {
    if (out[i] != nullptr && out[i]->live == 0) out[i] = nullptr;
  }
  return {};
}

size_t OrderedTable::size(const Group* group) { return group->live; }
std::string_view OrderedTable::group_key(const Group* group) { return group->key(); }

void OrderedTable::prefetch(const Group* group, Fetch what) {
  if (group->stored == 0 || group->shape == Group::Shape::kTree) return;
  if (group->shape == Group::Shape::kSingle) {
    if (what == Fetch::kPointers) __builtin_prefetch(group->single);
  } else if (what == Fetch::kPointers) {
    __builtin_prefetch(group->array);
    __builtin_prefetch(group->array + group->stored - 1);
  } else {
    __builtin_prefetch(group->array[0]);
    __builtin_prefetch(group->array[group->stored - 1]);
  }
}

Entry* OrderedTable::get(const Group* group, std::string_view suffix) {
  return group->stored == 0 ? nullptr : group->get(suffix);
}

Entry* OrderedTable::upsert(Group* group, std::string_view suffix, bool& is_first) {
  Entry* entry = get(group, suffix);
  if (entry == nullptr) {
    entry = impl_->create_entry(suffix, {}, impl_->value_room);
    impl_->insert(group, entry);
  }
  is_first = (entry->flags & Entry::kDirty) == 0;
  impl_->mark_dirty(group, entry);
  return entry;
}

Entry* OrderedTable::upsert(Group* group, std::string_view suffix) {
  bool is_first;
  return upsert(group, suffix, is_first);
}

uint32_t OrderedTable::mark(const Group* group) { return group->mark; }
void OrderedTable::set_mark(Group* group, uint32_t mark) { group->mark = mark; }

std::string_view OrderedTable::suffix(const Entry* entry) { return entry->suffix(); }
int64_t OrderedTable::count(const Entry* entry) { return entry->count; }
std::string_view OrderedTable::value(const Entry* entry) { return entry->value(); }

void OrderedTable::set_count(Group* group, Entry* entry, int64_t count) {
  group->live += static_cast<uint32_t>(count != 0) - static_cast<uint32_t>(entry->count != 0);
  entry->count = count;
  impl_->mark_dirty(group, entry);
}

void OrderedTable::set_value(Group* group, Entry* entry, std::string_view value) {
  impl_->mark_dirty(group, entry);
  auto size = static_cast<uint32_t>(value.size());
  impl_->value_room = std::min(size, Impl::kMostValueRoom);
  if (entry->suffix_size + value.size() <= entry->room) {
    char* bytes = const_cast<char*>(entry->bytes());
    if (size > 0) std::memmove(bytes + entry->suffix_size, value.data(), size);
    entry->value_size = size;
    return;
  }
  size_t room = (entry->suffix_size + value.size() + value.size() / 4 + 7) / 8 * 8;
  FOREBAY_CHECK(room <= UINT32_MAX, std::to_string(room));
  char* outside = impl_->pool.allocate(8 + room);
  uint64_t own_room = entry->room;
  bool was_outside = (entry->flags & Entry::kExternal) != 0;
  char* old = const_cast<char*>(entry->bytes());
  if (was_outside) std::memcpy(&own_room, old - 8, 8);
  std::memcpy(outside, &own_room, 8);
  outside += 8;
  std::memcpy(outside, old, entry->suffix_size);
  std::memcpy(outside + entry->suffix_size, value.data(), size);
  if (was_outside) impl_->pool.free(old - 8, 8 + entry->room);
  std::memcpy(entry->inline_bytes(), &outside, sizeof outside);
  entry->flags |= Entry::kExternal;
  entry->room = static_cast<uint32_t>(room);
  entry->value_size = size;
}

char* OrderedTable::edit_value(Group* group, Entry* entry) {
  impl_->mark_dirty(group, entry);
  return const_cast<char*>(entry->value().data());
}

namespace {
/// `entry`, or the next one in the direction whose count is not 0.
Entry* live_from(const Group* group, Entry* entry) {
  while (entry != nullptr && entry->count == 0) entry = group->after(entry);
  return entry;
}
Entry* live_until(const Group* group, Entry* entry) {
  while (entry != nullptr && entry->count == 0) entry = group->before(entry);
  return entry;
}
}  // namespace

Entry* OrderedTable::first(const Group* group) {
  return group->live == 0 ? nullptr : live_from(group, group->first());
}
Entry* OrderedTable::last(const Group* group) {
  return group->live == 0 ? nullptr : live_until(group, group->last());
}
Entry* OrderedTable::next(const Group* group, const Entry* entry) {
  return live_from(group, group->after(entry));
}
Entry* OrderedTable::previous(const Group* group, const Entry* entry) {
  return live_until(group, group->before(entry));
}
Entry* OrderedTable::lower_bound(const Group* group, std::string_view bound) {
  return group->live == 0 ? nullptr : live_from(group, group->at_or_after(bound));
}

size_t OrderedTable::read(const Group* group, const Entry* from, std::span<Entry*> out) {
  size_t live = 0;
  while (from != nullptr && live < out.size()) {
    std::span<Entry*> room = out.subspan(live);
    size_t count = group->read(from, room);
    from = count == room.size() ? group->after(room[count - 1]) : nullptr;
    for (size_t i = 0; i < count; ++i) {
      if (room[i]->count != 0) out[live++] = room[i];
    }
  }
  return live;
}

void OrderedTable::Impl::seal_entry(Group* group, Entry* entry, SealedRun& run) {
  entry->flags &= static_cast<uint8_t>(~Entry::kDirty);
  group->clear(Keyed::kDirty);
  group->mark = 0;
  if (!group->is(Keyed::kListed)) group->seal = static_cast<uint8_t>(absent.seals() + 1);
  bool tombstone = entry->count == 0;
  bool in_store = (entry->flags & Entry::kInStore) != 0;
  if (!tombstone || in_store) {
    size_t key_bytes = kStoreKeyPrefixBytes + group->key_size + entry->suffix_size;
    size_t most = key_bytes + (tombstone ? 0 : kMostCountBytes + entry->value_size);
    char* start = run.arena.allocate(most);
    char* at = write_store_key_prefix(data::shard_of_hash(group->hash), options.id, start);
    if (group->key_size > 0) std::memcpy(at, group->key_data(), group->key_size);
    if (entry->suffix_size > 0) {
      std::memcpy(at + group->key_size, entry->bytes(), entry->suffix_size);
    }
    char* end = start + key_bytes;
    if (!tombstone) end = encode_counted(entry->count, entry->value(), end);
    run.arena.shrink_last(most - static_cast<size_t>(end - start));
    std::string_view value{start + key_bytes, static_cast<size_t>(end - start) - key_bytes};
    run.add(options.family, {{start, key_bytes}, value, tombstone});
  }
  if (tombstone) {
    remove(group, entry);
  } else {
    entry->flags |= Entry::kInStore;
  }
}

void OrderedTable::seal(SealedRun& run) {
  Impl& impl = *impl_;
  impl.residency.note_live(impl.pool.live_bytes());
  run.expect(impl.options.family, impl.dirty.size());
  constexpr size_t kAhead = 8;
  for (size_t i = 0; i < impl.dirty.size(); ++i) {
    if (i + kAhead < impl.dirty.size()) {
      __builtin_prefetch(impl.dirty[i + kAhead].first);
      __builtin_prefetch(impl.dirty[i + kAhead].second, 1);
      prefetch(impl.dirty[i + kAhead / 2].first, Fetch::kPointers);
    }
    impl.seal_entry(impl.dirty[i].first, impl.dirty[i].second, run);
  }
  clear_list(impl.dirty);
  for (Group* group : impl.pinned) group->clear(Keyed::kPinned);
  clear_list(impl.pinned);
  for (Group* group : impl.maybe_empty) {
    group->clear(Keyed::kListed);
    impl.forget(group);
  }
  clear_list(impl.maybe_empty);
  impl.absent.seal([&](Keyed* keyed) { impl.forget(static_cast<Group*>(keyed)); });
  impl.residency.sealed();
  if (impl.residency.is_sparse(impl.pool.memory_bytes(), impl.pool.live_bytes())) {
    impl.move_groups();
  }
  impl.residency.report(impl.memory_bytes(impl.pool.live_bytes()));
}

size_t OrderedTable::Impl::memory_bytes(size_t pool_bytes) const {
  constexpr size_t kTreeBytesPerEntry = 12;
  return pool_bytes + index.memory_bytes() + sizeof(Impl) + dirty.capacity() * sizeof(dirty[0]) +
         (maybe_empty.capacity() + pinned.capacity()) * sizeof(Group*) + absent.memory_bytes() +
         tree_entries * kTreeBytesPerEntry;
}
size_t OrderedTable::memory_bytes() const {
  return impl_->memory_bytes(impl_->pool.memory_bytes());
}
size_t OrderedTable::dirty_entries() const { return impl_->dirty.size(); }
size_t OrderedTable::resident_entries() const { return impl_->entries; }

}  // namespace forebay::state
