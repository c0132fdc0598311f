#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/arena.h"
#include "engine/data/ids.h"
#include "engine/data/status.h"

namespace rocksdb {
class Env;
}

/// The durable key-value store under all state: RocksDB in production, a model in memory in seeded
/// single-threaded tests. Only the committer writes; anybody reads.
namespace forebay::state {

using data::Epoch;
using data::Result;
using data::Status;
using data::TableId;

/// Column families, few and fixed, by how they are written. DO NOT CHANGE the numbers.
enum class Family : uint8_t {
  kHot = 0,   // overwritten again and again: aggregates, views keyed by group
  kLog = 1,   // written once, deleted once: join rows, tables, row multisets
  kMeta = 2,  // catalog, positions, epoch numbers; small
};
inline constexpr int kFamilyCount = 3;

/// Key bytes in a family: shard (1 byte), table id (4 bytes, big-endian), then the table's own
/// order-preserving bytes.
std::string store_key_prefix(uint16_t shard, TableId table);
inline constexpr size_t kStoreKeyPrefixBytes = 5;
/// The same, written to kStoreKeyPrefixBytes bytes at `out`; returns their end.
inline char* write_store_key_prefix(uint16_t shard, TableId table, char* out) {
  *out++ = static_cast<char>(shard);
  for (int shift = 24; shift >= 0; shift -= 8) *out++ = static_cast<char>(table.value >> shift);
  return out;
}

/// The net changes that one worker (or the catalog) makes in one epoch, in no particular order, at
/// most one per key. Bytes live in `arena`. Handed to the committer, which owns it from then on.
struct SealedRun {
  struct Change {
    std::string_view key;  // whole store key
    std::string_view value;
    bool tombstone = false;
  };
  data::Arena arena{64 * 1024};
  std::vector<Change> changes[kFamilyCount];

  void put(Family family, std::string_view key, std::string_view value) {
    changes[static_cast<int>(family)].push_back({arena.copy(key), arena.copy(value), false});
  }
  void remove(Family family, std::string_view key) {
    changes[static_cast<int>(family)].push_back({arena.copy(key), {}, true});
  }
  /// Makes place for so many more changes.
  void expect(Family family, size_t more) {
    std::vector<Change>& all = changes[static_cast<int>(family)];
    const size_t needed = all.size() + more;
    if (needed > all.capacity()) all.reserve(std::max(needed, 2 * all.capacity()));
  }
  /// Adds a change whose bytes already live in this run's arena.
  void add(Family family, Change change) { changes[static_cast<int>(family)].push_back(change); }
  /// Adds the changes of another run, which is left empty.
  void absorb(SealedRun&& other) {
    for (size_t family = 0; family < kFamilyCount; ++family) {
      std::vector<Change>& all = changes[family];
      std::vector<Change>& more = other.changes[family];
      if (all.empty()) {
        all.swap(more);
      } else {
        expect(static_cast<Family>(family), more.size());
        all.insert(all.end(), more.begin(), more.end());
      }
      more.clear();
    }
    arena.absorb(std::move(other.arena));
  }
  size_t count() const { return changes[0].size() + changes[1].size() + changes[2].size(); }
  size_t bytes() const { return arena.bytes(); }
};

/// A range scan in key order. Not thread-safe. Views are valid until the next call.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual bool valid() const = 0;
  virtual void next() = 0;
  /// Goes to the first key >= `key` that is inside the scan's range; forwards or backwards.
  virtual void seek(std::string_view key) = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  /// The error that ended the scan early, if any; check when valid() turned false.
  virtual Status status() const = 0;
};

/// An immutable view of one committed epoch; thread-safe. Held by shared_ptr, for a short time.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual Epoch epoch() const = 0;
  /// nullopt: no such key.
  virtual Result<std::optional<std::string>> get(Family family, std::string_view key) const = 0;
  /// Keys ascending; results in the same order.
  virtual Status multi_get(Family family, std::span<const std::string_view> keys,
                           std::vector<std::optional<std::string>>& values) const = 0;
  /// All keys k with lower <= k < upper; `upper` empty: to the end.
  virtual std::unique_ptr<Cursor> scan(Family family, std::string_view lower,
                                       std::string_view upper) const = 0;
};

/// A range of whole tables to be dropped with a commit: every shard's keys of `table` in `family`.
struct DroppedTable {
  Family family;
  TableId table;
};

struct StoreFigures {
  uint64_t data_bytes = 0;     // live files on disk
  uint64_t memory_bytes = 0;   // block cache, memtables, filters
  uint64_t bytes_written = 0;  // since opening, compaction included
  /// Keys and values that epochs committed since opening: what had to be written at least.
  uint64_t bytes_committed = 0;
  uint32_t level0_files = 0;
  uint64_t pending_compaction_bytes = 0;
};

class Store {
 public:
  virtual ~Store() = default;

  /// Makes the changes of all runs durable and visible in one atomic operation under number
  /// `epoch`, which must be above every committed one. At most one change per key over all runs.
  /// Blocks while compaction is too far behind. On an error nothing of it is visible, and the store
  /// refuses further commits until it is opened again, or resumed.
  virtual Status commit(Epoch epoch, std::vector<SealedRun> runs,
                        std::vector<DroppedTable> dropped) = 0;

  /// After a commit that failed for want of space: makes commits possible again, by opening the
  /// same directory anew. Call it where commits are called. On an error nothing has changed, but
  /// for reads when the directory could not even be opened: they fail until a later resume().
  /// 53100: there still is no space, or reads that began before go on; the commit's error when that
  /// was another one. The epoch that failed may have become durable after all: see
  /// last_committed().
  virtual Status resume() = 0;

  /// The last committed epoch; 0 for a new store.
  virtual Epoch last_committed() const = 0;
  /// Snapshot of the last committed epoch, taken once per commit and shared.
  virtual std::shared_ptr<const Snapshot> snapshot() const = 0;

  virtual StoreFigures figures() const = 0;
};

struct StoreOptions {
  uint64_t block_cache_bytes = uint64_t{256} << 20;
  uint64_t memtable_bytes = uint64_t{64} << 20;
  /// Epochs with at least this many changes are ingested as SST files; smaller ones are batches.
  uint64_t ingest_least_changes = 20'000;
  int background_threads = 2;
  int most_open_files = 1024;
  /// The operating system as RocksDB sees it; nullptr: as it is. Lives longer than the store. For
  /// tests of disks that fail.
  rocksdb::Env* env = nullptr;
};

/// Opens (or creates) the RocksDB store in `directory`, which is locked against a second process
/// (55006 "data directory ... is in use"). XX001 on damage, 55000 on another format version.
/// Snapshots and cursors stay readable after the store is gone, and keep the directory open until
/// they are gone.
Result<std::unique_ptr<Store>> open_rocks_store(const std::string& directory,
                                                const StoreOptions& options);

/// The model: a sorted map per family, in memory, with every fail point of a commit. Snapshots keep
/// the versions that they see.
std::unique_ptr<Store> make_model_store();
/// A crash of the model's process: a new store over what `crashed` had committed. `crashed` refuses
/// further commits; its snapshots stay readable.
std::unique_ptr<Store> reopen_model_store(Store& crashed);

}  // namespace forebay::state
