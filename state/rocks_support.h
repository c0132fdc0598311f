#pragma once

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>

#include "state/store.h"

/// What the files of the RocksDB store share. Included by state/rocks_*.cpp only.
namespace forebay::state {

inline rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
inline std::string_view view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

/// RocksDB's status as ours: XX001 corruption, 53100 no space, 58030 other I/O, XX000 the rest.
/// `action` as in "could not <action>: ...".
Status to_status(const rocksdb::Status& status, std::string_view action);

/// 53100 with its hint.
Status no_space(std::string message);

/// The operating system as RocksDB is to see it, over another one (nullptr: as it is): a log or
/// manifest of which a write or sync failed goes back to what was synced, and takes nothing any
/// more. Without that an epoch that was refused could come after all, at the next opening, and a
/// manifest could name files of an ingestion that RocksDB has removed.
std::unique_ptr<rocksdb::Env> make_strict_env(rocksdb::Env* base);

/// Watches RocksDB's background work: keeps its first error, counts bytes, wakes who waits for it.
class BackgroundWatch final : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* error) override;
  /// Refuses RocksDB's recovery from a full disk: it would use files again whose writes failed.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status error,
                            bool* auto_recovery) override;
  void OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo& job) override;
  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo& job) override;

  Status first_error() const;
  uint64_t bytes_written() const;
  /// Returns after the next completed job, or 20 ms.
  void wait_for_progress();

 private:
  mutable std::mutex mutex_;
  std::condition_variable progress_;
  rocksdb::Status error_;
  uint64_t bytes_written_ = 0;
  uint64_t jobs_ = 0;
};

/// How the store sets RocksDB up.
rocksdb::DBOptions database_options(const StoreOptions& options);
rocksdb::ColumnFamilyOptions family_options(Family family, const StoreOptions& options,
                                            const std::shared_ptr<rocksdb::Cache>& cache);
/// RocksDB's names of the families, by number. DO NOT CHANGE.
inline constexpr const char* kFamilyNames[kFamilyCount] = {"hot", "log", "default"};

/// An open database with its handles; closed when the last store, snapshot or cursor lets go.
struct Database {
  /// Becomes true when the directory is closed.
  const std::shared_ptr<std::atomic<bool>> closed = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<rocksdb::Env> env;
  std::unique_ptr<rocksdb::DB> db;
  rocksdb::ColumnFamilyHandle* families[kFamilyCount] = {};
  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<BackgroundWatch> watch;
  std::string directory;
  std::string identity;  // RocksDB's name for this directory, kept in its manifest

  Database() = default;
  Database(const Database&) = delete;
  ~Database();
  rocksdb::ColumnFamilyHandle* family(Family family) const {
    return families[static_cast<int>(family)];
  }
};

/// Opens a directory, checks it and removes the leftovers of a crash. `settles`: what is recovered
/// from logs goes to files at once, so that nothing depends on a log whose writes failed.
struct OpenedDatabase {
  std::shared_ptr<Database> database;
  Epoch last;
};
Result<OpenedDatabase> open_database(const std::string& directory, const StoreOptions& options,
                                     bool settles);

/// Stands in for a snapshot while the directory can't be opened: every read is `error`.
std::shared_ptr<const Snapshot> make_failed_snapshot(Epoch epoch, const Status& error);

/// A snapshot of the state as it is now. `epoch` is its number.
std::shared_ptr<const Snapshot> take_rocks_snapshot(std::shared_ptr<Database> database,
                                                    Epoch epoch);

/// Changes of one family in key order; points into the runs.
struct SortedChange {
  /// While sorting: 16 bytes of the key behind what all keys of its table and shard begin with,
  /// big-endian, zero padded.
  uint64_t prefix[2];
  const SealedRun::Change* change;
};
/// Fetches what a loop over sorted changes will need soon: they lie all over the runs.
inline void prefetch_ahead(std::span<const SortedChange> changes, size_t at) {
  if (at + 16 < changes.size()) __builtin_prefetch(changes[at + 16].change);
  if (at + 8 < changes.size()) {
    const SealedRun::Change& soon = *changes[at + 8].change;
    __builtin_prefetch(soon.key.data());
    __builtin_prefetch(soon.value.data());
    __builtin_prefetch(soon.value.data() + 64);
  }
}
std::vector<SortedChange> sort_changes(std::span<const SealedRun> runs, Family family);

/// Files of sorted changes, ready for ingestion. Removes what is left of them when it dies.
class IngestFiles {
 public:
  IngestFiles(Database& database, std::string directory)
      : database_(database), directory_(std::move(directory)) {}
  ~IngestFiles();
  /// Writes and syncs the files of one family; no file without changes.
  Status write(Family family, std::span<const SortedChange> changes, Epoch epoch);
  /// Makes all of them visible in one atomic, durable step.
  Status ingest();
  uint64_t bytes() const { return bytes_; }

 private:
  Database& database_;
  std::string directory_;
  std::vector<std::string> files_[kFamilyCount];
  uint64_t bytes_ = 0;
};

/// Keys of the store's own records, in kMeta under table 0. DO NOT CHANGE.
std::string format_record_key();
/// Before the identity of the directory that a log was written for.
std::string identity_record_prefix();
std::string epoch_record_key();
inline constexpr uint32_t kFormatVersion = 3;

}  // namespace forebay::state
