#include <algorithm>
#include <unordered_map>

#include "state/residency.h"
#include "state/slab_pool.h"
#include "state/state_table.h"

namespace forebay::state {

/// One block: this head, the payload, the key.
struct PointTable::Entry : Keyed {};

struct PointTable::Impl {
  Impl(const TableOptions& table_options, uint32_t payload_size, const PayloadCodec* payload_codec)
      : options(table_options),
        payload_bytes((payload_size + 7) / 8 * 8),
        codec(payload_codec),
        residency(table_options) {}

  TableOptions options;
  uint32_t payload_bytes;
  const PayloadCodec* codec;
  Residency residency;

  SlabPool pool;
  HashIndex index;
  std::vector<Entry*> dirty;
  ForgetList absent;
  std::string scratch;

  static size_t block_bytes(const Entry* entry) {
    return size_t{entry->key_offset_words} * 8 + entry->key_size;
  }
  Entry* create(uint64_t hash, std::string_view key);
  void destroy(Entry* entry);
  void destroy_payload(Entry* entry) {
    if (codec != nullptr) codec->destroy(payload(entry));
    std::memset(payload(entry), 0, payload_bytes);
  }
  size_t memory_bytes(size_t pool_bytes) const {
    return pool_bytes + index.memory_bytes() + sizeof(Impl) + dirty.capacity() * sizeof(Entry*) +
           absent.memory_bytes();
  }
  /// Before a lookup, while no pointer to a clean entry is in use.
  void make_room();
  /// After a seal: to a new pool.
  void move_entries();
  Status read_misses(const KeyRows& keys, std::span<Entry*> out);
  Status add_read(uint64_t hash, std::string_view key, const std::optional<std::string>& value);
  void put(Entry* entry, SealedRun& run);
  void remove(Entry* entry, SealedRun& run);
};

PointTable::Entry* PointTable::Impl::create(uint64_t hash, std::string_view key) {
  size_t offset = sizeof(Entry) + payload_bytes;
  char* block = pool.allocate(offset + key.size());
  auto* entry = new (block) Entry;
  entry->hash = hash;
  entry->key_size = static_cast<uint32_t>(key.size());
  entry->key_offset_words = static_cast<uint16_t>(offset / 8);
  entry->flags = 0;
  entry->seal = static_cast<uint8_t>(absent.seals() - 1);
  std::memset(block + sizeof(Entry), 0, payload_bytes);
  if (!key.empty()) std::memcpy(block + offset, key.data(), key.size());
  index.insert(entry);
  return entry;
}

void PointTable::Impl::destroy(Entry* entry) {
  index.erase(entry);
  pool.free(reinterpret_cast<char*>(entry), block_bytes(entry));
}

void PointTable::Impl::make_room() {
  if (!residency.limited()) return;
  residency.report(memory_bytes(pool.live_bytes()));
  residency.make_room(index, absent.seals(), [this](Keyed* keyed) {
    auto* entry = static_cast<Entry*>(keyed);
    if (codec != nullptr) codec->destroy(payload(entry));
    size_t bytes = block_bytes(entry);
    pool.free(reinterpret_cast<char*>(entry), bytes);
    return bytes;
  });
}

void PointTable::Impl::move_entries() {
  SlabPool smaller;
  std::unordered_map<Keyed*, Keyed*> listed;
  index.relocate([&](Keyed* keyed) {
    auto* entry = static_cast<Entry*>(keyed);
    size_t bytes = block_bytes(entry);
    char* block = smaller.allocate(bytes);
    std::memcpy(block, reinterpret_cast<char*>(entry), bytes);
    auto* moved = reinterpret_cast<Entry*>(block);
    if (moved->is(Keyed::kListed)) listed[entry] = moved;
    pool.free(reinterpret_cast<char*>(entry), bytes);
    return moved;
  });
  absent.relocate([&](Keyed* entry) { return listed.at(entry); });
  pool = std::move(smaller);
  index.shrink();
}

PointTable::PointTable(TableOptions options, uint32_t payload_bytes, const PayloadCodec* codec)
    : StateTable(options), impl_(std::make_unique<Impl>(options, payload_bytes, codec)) {
  FOREBAY_CHECK(payload_bytes < 8 * 65'000, std::to_string(payload_bytes));
}

PointTable::~PointTable() {
  if (impl_->codec == nullptr && !impl_->pool.has_large()) return;
  impl_->index.for_each([this](Keyed* keyed) {
    auto* entry = static_cast<Entry*>(keyed);
    if (impl_->codec != nullptr && !entry->is(Keyed::kErased)) {
      impl_->codec->destroy(payload(entry));
    }
    impl_->pool.free(reinterpret_cast<char*>(entry), Impl::block_bytes(entry));
  });
}

char* PointTable::payload(Entry* entry) { return reinterpret_cast<char*>(entry) + sizeof(Entry); }
std::string_view PointTable::key(const Entry* entry) { return entry->key(); }
bool PointTable::is_dirty(const Entry* entry) { return entry->is(Keyed::kDirty); }
bool PointTable::is_erased(const Entry* entry) { return entry->is(Keyed::kErased); }

Status PointTable::Impl::add_read(uint64_t hash, std::string_view key,
                                  const std::optional<std::string>& value) {
  Entry* entry = create(hash, key);
  if (!value.has_value()) {
    entry->set(Keyed::kErased);
    absent.add(entry, residency.absence_seals());
    return {};
  }
  entry->set(Keyed::kInStore);
  if (codec != nullptr) return codec->decode(*value, payload(entry));
  if (value->size() != payload_bytes) return {data::sqlstate::kDataCorrupted, "corrupt payload"};
  std::memcpy(payload(entry), value->data(), payload_bytes);
  return {};
}

/// Fills out[i] where it is nullptr, from the store: in one sorted, bulk read.
Status PointTable::Impl::read_misses(const KeyRows& keys, std::span<Entry*> out) {
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
  std::vector<Miss> rows = misses;
  auto less = [](const Miss& a, const Miss& b) { return a.store_key < b.store_key; };
  auto same = [](const Miss& a, const Miss& b) { return a.store_key == b.store_key; };
  std::sort(misses.begin(), misses.end(), less);
  misses.erase(std::unique(misses.begin(), misses.end(), same), misses.end());
  std::vector<std::string_view> wanted;
  wanted.reserve(misses.size());
  for (const Miss& miss : misses) wanted.push_back(miss.store_key);
  std::vector<std::optional<std::string>> values;
  FOREBAY_RETURN_IF_ERROR(options.store->snapshot()->multi_get(options.family, wanted, values));
  size_t found = 0;
  for (size_t i = 0; i < misses.size(); ++i) {
    uint32_t row = misses[i].row;
    found += values[i].has_value();
    FOREBAY_RETURN_IF_ERROR(add_read(keys.hashes[row], keys.key(row), values[i]));
  }
  residency.count_read_backs(found);
  for (const Miss& miss : rows) {
    out[miss.row] = static_cast<Entry*>(index.find(keys.hashes[miss.row], keys.key(miss.row)));
  }
  return {};
}

Status PointTable::find_or_create(const KeyRows& keys, std::span<Entry*> out,
                                  std::span<uint8_t> created) {
  Impl& impl = *impl_;
  static_assert(sizeof(Entry) == sizeof(Keyed));
  impl.make_room();
  impl.index.find(keys, {reinterpret_cast<Keyed**>(out.data()), out.size()});
  if (!impl.residency.complete()) FOREBAY_RETURN_IF_ERROR(impl.read_misses(keys, out));
  for (uint32_t i = 0; i < keys.rows(); ++i) {
    created[i] = 0;
    if (out[i] != nullptr) {
      if (out[i]->is(Keyed::kErased)) [[unlikely]] {
        out[i]->clear(Keyed::kErased);
        created[i] = 1;
      }
      continue;
    }
    // An equal key before it in this batch may have made the entry.
    uint64_t hash = keys.hashes[i];
    out[i] = static_cast<Entry*>(impl.index.find(hash, keys.key(i)));
    if (out[i] != nullptr) continue;
    out[i] = impl.create(hash, keys.key(i));
    created[i] = 1;
  }
  return {};
}

Status PointTable::find(const KeyRows& keys, std::span<Entry*> out) {
  impl_->make_room();
  impl_->index.find(keys, {reinterpret_cast<Keyed**>(out.data()), out.size()});
  if (!impl_->residency.complete()) FOREBAY_RETURN_IF_ERROR(impl_->read_misses(keys, out));
  for (uint32_t i = 0; i < keys.rows(); ++i) {
    if (out[i] == nullptr) continue;
    out[i]->set(Keyed::kUsed);
    if (out[i]->is(Keyed::kErased)) out[i] = nullptr;
  }
  return {};
}

bool PointTable::mark_dirty(Entry* entry) {
  if (entry->is(Keyed::kDirty)) return false;
  entry->set(Keyed::kDirty);
  impl_->dirty.push_back(entry);
  return true;
}

std::span<PointTable::Entry* const> PointTable::dirty() const { return impl_->dirty; }

void PointTable::erase(Entry* entry) {
  FOREBAY_CHECK(entry->is(Keyed::kDirty), "erase of a clean entry");
  if (entry->is(Keyed::kErased)) return;
  impl_->destroy_payload(entry);
  entry->set(Keyed::kErased);
}

void PointTable::Impl::put(Entry* entry, SealedRun& run) {
  std::string_view value{payload(entry), payload_bytes};
  if (codec != nullptr) {
    scratch.clear();
    codec->encode(payload(entry), scratch);
    value = scratch;
  }
  size_t key_bytes = kStoreKeyPrefixBytes + entry->key_size;
  char* start = run.arena.allocate(key_bytes + value.size());
  char* at = write_store_key_prefix(data::shard_of_hash(entry->hash), options.id, start);
  std::memcpy(at, entry->key_data(), entry->key_size);
  if (!value.empty()) std::memcpy(start + key_bytes, value.data(), value.size());
  run.add(options.family, {{start, key_bytes}, {start + key_bytes, value.size()}, false});
  entry->set(Keyed::kInStore);
}

void PointTable::Impl::remove(Entry* entry, SealedRun& run) {
  if (entry->is(Keyed::kInStore)) {
    size_t key_bytes = kStoreKeyPrefixBytes + entry->key_size;
    char* start = run.arena.allocate(key_bytes);
    char* at = write_store_key_prefix(data::shard_of_hash(entry->hash), options.id, start);
    std::memcpy(at, entry->key_data(), entry->key_size);
    run.add(options.family, {{start, key_bytes}, {}, true});
    entry->clear(Keyed::kInStore);
  }
  if (residency.keeps_absences()) {
    absent.add(entry, residency.absence_seals());
  } else {
    destroy(entry);
  }
}

void PointTable::seal(SealedRun& run) {
  Impl& impl = *impl_;
  impl.residency.note_live(impl.pool.live_bytes());
  run.expect(impl.options.family, impl.dirty.size());
  auto seal = static_cast<uint8_t>(impl.absent.seals() + 1);
  constexpr size_t kAhead = 8;
  for (size_t i = 0; i < impl.dirty.size(); ++i) {
    if (i + kAhead < impl.dirty.size()) {
      __builtin_prefetch(impl.dirty[i + kAhead], 1);
      __builtin_prefetch(reinterpret_cast<const char*>(impl.dirty[i + kAhead]) + 56);
    }
    Entry* entry = impl.dirty[i];
    entry->clear(Keyed::kDirty);
    if (!entry->is(Keyed::kListed)) entry->seal = seal;
    if (entry->is(Keyed::kErased)) {
      impl.remove(entry, run);
    } else {
      impl.put(entry, run);
    }
  }
  clear_list(impl.dirty);
  impl.absent.seal([&](Keyed* keyed) {
    if (keyed->is(Keyed::kErased)) impl.destroy(static_cast<Entry*>(keyed));
  });
  impl.residency.sealed();
  if (impl.residency.is_sparse(impl.pool.memory_bytes(), impl.pool.live_bytes())) {
    impl.move_entries();
  }
  impl.residency.report(impl.memory_bytes(impl.pool.live_bytes()));
}

size_t PointTable::memory_bytes() const { return impl_->memory_bytes(impl_->pool.memory_bytes()); }
size_t PointTable::dirty_entries() const { return impl_->dirty.size(); }
size_t PointTable::resident_entries() const { return impl_->index.size(); }

}  // namespace forebay::state
