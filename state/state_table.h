#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "engine/data/row_codec.h"
#include "state/store.h"

/// State tables: a hot tier in memory that is a write-back cache over the store. One instance
/// belongs to one worker, holds only keys of that worker's shards, and is not thread-safe.
/// Operators work with batches of keys and know nothing of residency. At the end of an epoch seal()
/// encodes the dirty entries; from then on the committer owns those bytes.
///
/// With a MemoryBudget a table evicts entries (keys, or whole groups) when the budget is exceeded:
/// at the start of a lookup, never in between. So pointers to entries and groups that are not dirty
/// are valid until the next lookup in the same table (find, find_or_create, load), unless pinned.
///
/// Reads of what is not resident go to the store's last committed epoch, which lags by up to one
/// sealed epoch. That is right because whatever changed stays resident until its epoch is
/// committed, and a key or group that was erased stays as "known to be absent" for two to eight
/// more seals (its epoch is committed before the second). The absence of a key that the store was
/// asked for is kept as long. The rules are in residency.h.
///
/// Two shapes: PointTable (hash: key -> fixed payload, e.g. accumulators) and OrderedTable (group
/// key -> entries in the order of their suffix bytes, e.g. join rows, min/max, top-N).
namespace forebay::state {

using data::KeyRows;

class MemoryBudget;
struct TierCounters;

/// What a state table is made with.
struct TableOptions {
  TableId id;
  Family family = Family::kHot;
  /// The committed contents to read misses from; nullptr: the table was created empty and answers
  /// misses by itself (also in private, memory-only circuits).
  Store* store = nullptr;
  /// True when the store holds nothing of this table yet: a miss is a new key, without reading.
  bool starts_empty = true;
  /// What the hot tier may take of the memory, with others; nullptr: as much as it needs. Outlives
  /// the table, as do `counters`.
  MemoryBudget* budget = nullptr;
  TierCounters* counters = nullptr;
};

class StateTable {
 public:
  explicit StateTable(TableOptions options) : options_(options) {}
  virtual ~StateTable() = default;
  StateTable(const StateTable&) = delete;

  /// Appends the dirty entries, encoded, to `run` and clears their dirty marks.
  virtual void seal(SealedRun& run) = 0;
  /// Bytes of memory held by the hot tier.
  virtual size_t memory_bytes() const = 0;
  /// Dirty entries now; what the epoch's dirty limit counts.
  virtual size_t dirty_entries() const = 0;
  virtual size_t resident_entries() const = 0;
  const TableOptions& options() const { return options_; }

 protected:
  TableOptions options_;
};

/// How a PointTable's payload becomes bytes and back. Stateless; outlives the table.
class PayloadCodec {
 public:
  virtual ~PayloadCodec() = default;
  /// Appends the encoding of `payload`.
  virtual void encode(const char* payload, std::string& out) const = 0;
  /// Fills `payload` (zeroed) from bytes. XX001 on bytes no encoder made.
  virtual Status decode(std::string_view bytes, char* payload) const = 0;
  /// Frees what the payload owns besides its own bytes.
  virtual void destroy(char*) const {}
};

/// Hash shape. An entry is a key and `payload_bytes` of payload, 8-aligned, zero when new. Without
/// a codec (nullptr) the stored value is the payload as it is. An entry that was created must be
/// marked dirty in the same epoch.
class PointTable final : public StateTable {
 public:
  /// Opaque. Its address is stable until it is evicted (see above) or the table is sealed.
  struct Entry;

  /// payload_bytes < 520,000.
  PointTable(TableOptions options, uint32_t payload_bytes, const PayloadCodec* codec);
  ~PointTable() override;

  /// out[i] = the entry of key i, created with a zero payload where there is none (created[i] = 1).
  /// Needs keys.hashes. Equal keys in one call give the same entry; `created` is set on the first
  /// only.
  Status find_or_create(const KeyRows& keys, std::span<Entry*> out, std::span<uint8_t> created);
  /// out[i] = nullptr where there is none.
  Status find(const KeyRows& keys, std::span<Entry*> out);

  static char* payload(Entry* entry);
  static std::string_view key(const Entry* entry);
  /// True once mark_dirty was called in this epoch.
  static bool is_dirty(const Entry* entry);
  /// Returns true on the first call in this epoch: the moment to remember the old value.
  bool mark_dirty(Entry* entry);
  /// Entries marked dirty in this epoch, erased ones included, in the order of first marking; for
  /// the flush. Valid until the next mark_dirty or seal.
  std::span<Entry* const> dirty() const;
  /// Removes the entry: seal() writes a tombstone (or nothing if the store never had it). A later
  /// find_or_create in the same epoch revives it with a zero payload. Entry must be dirty.
  void erase(Entry* entry);
  static bool is_erased(const Entry* entry);

  void seal(SealedRun& run) override;
  size_t memory_bytes() const override;
  size_t dirty_entries() const override;
  size_t resident_entries() const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Ordered shape: groups by key; inside a group entries (suffix bytes -> int64 count, value bytes)
/// in memcmp order of the suffix. Store key = shard, table, group key, suffix; store value = count
/// and value. Group keys must be self-delimiting (row_codec keys are). The unit of residency is a
/// whole group. Groups of one entry are cheap (about 90 bytes besides key, suffix and value); up to
/// 256 entries are a sorted array, more a B-tree.
class OrderedTable final : public StateTable {
 public:
  struct Group;  // opaque; stable until it is evicted (see above) or the table is sealed
  struct Entry;  // opaque; stable as its group is

  explicit OrderedTable(TableOptions options);
  ~OrderedTable() override;

  /// out[i] = the group of key i, resident, possibly empty. Needs keys.hashes. Misses are read in
  /// bulk. Empty groups that stay empty cost nothing after seal().
  Status load(const KeyRows& keys, std::span<Group*> out);
  /// As load, but nullptr where the group has no entries (nothing is created).
  Status find(const KeyRows& keys, std::span<Group*> out);

  /// Keeps the group resident, and pointers to it and its entries valid, until the next seal().
  void pin(Group* group);

  /// Number of entries whose count is not 0.
  static size_t size(const Group* group);
  static std::string_view group_key(const Group* group);

  /// Before a loop comes to the ends of many groups: `pointers` some groups ahead, then, half as
  /// far ahead, what they point to.
  enum class Fetch : uint8_t { kPointers, kEntries };
  static void prefetch(const Group* group, Fetch what);

  /// The entry of `suffix`, or nullptr.
  static Entry* get(const Group* group, std::string_view suffix);
  /// The entry of `suffix`, created with count 0 and an empty value when absent. Marks it dirty. An
  /// entry whose count is 0 at seal() is removed.
  Entry* upsert(Group* group, std::string_view suffix);
  /// As above; `is_first`: it was not dirty, so nothing has changed it since the last seal().
  Entry* upsert(Group* group, std::string_view suffix, bool& is_first);
  /// Valid until the entry's next set_value.
  static std::string_view suffix(const Entry* entry);
  static int64_t count(const Entry* entry);
  static std::string_view value(const Entry* entry);
  void set_count(Group* group, Entry* entry, int64_t count);
  void set_value(Group* group, Entry* entry, std::string_view value);
  /// The value's bytes, to be changed in place. Marks the entry dirty.
  char* edit_value(Group* group, Entry* entry);

  /// A number that an operator keeps with a group that has a dirty entry, such as its place in a
  /// list of the epoch. 0 until it is set, and again after seal().
  static uint32_t mark(const Group* group);
  static void set_mark(Group* group, uint32_t mark);

  /// Iteration in suffix order over entries whose count is not 0. nullptr at the end. next() and
  /// previous() find their place anew: they stay right when the group changes. Not nullptr-safe.
  static Entry* first(const Group* group);
  static Entry* last(const Group* group);
  static Entry* next(const Group* group, const Entry* entry);
  static Entry* previous(const Group* group, const Entry* entry);
  /// The first entry with suffix >= `bound`.
  static Entry* lower_bound(const Group* group, std::string_view bound);
  /// Bulk iteration: fills `out` with the entries from `from` on (included; nullptr: none) whose
  /// count is not 0 and returns how many; fewer than out.size() only at the end.
  static size_t read(const Group* group, const Entry* from, std::span<Entry*> out);
  /// visit(Entry*) for all entries whose count is not 0, in suffix order. Much cheaper than next()
  /// on large groups. `visit` must not insert into the group; set_count and set_value are fine.
  template <typename F>
  static void for_each(const Group* group, F&& visit) {
    Entry* entries[kReadAtOnce];
    for (const Entry* from = first(group); from != nullptr;) {
      size_t count = read(group, from, entries);
      from = count == kReadAtOnce ? next(group, entries[count - 1]) : nullptr;
      for (size_t i = 0; i < count; ++i) visit(entries[i]);
    }
  }
  static constexpr size_t kReadAtOnce = 64;

  void seal(SealedRun& run) override;
  size_t memory_bytes() const override;
  size_t dirty_entries() const override;
  size_t resident_entries() const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace forebay::state
