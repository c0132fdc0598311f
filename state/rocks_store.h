#pragma once

#include <atomic>
#include <mutex>

#include "state/rocks_support.h"

namespace forebay::state {

/// The store on RocksDB. A commit is either one synced WriteBatch (small epochs) or one atomic
/// ingestion of sorted files (large ones), never both; the epoch's number is a record of the same
/// operation.
class RocksStore final : public Store {
 public:
  RocksStore(std::shared_ptr<Database> database, const StoreOptions& options, Epoch last);

  Status commit(Epoch epoch, std::vector<SealedRun> runs,
                std::vector<DroppedTable> dropped) override;
  Status resume() override;
  Epoch last_committed() const override { return snapshot()->epoch(); }
  std::shared_ptr<const Snapshot> snapshot() const override;
  StoreFigures figures() const override;

 private:
  enum class Mode { kBatch, kIngest };

  /// Begins with a database that was just opened: what recovery replayed stays in memtables.
  void adopt(OpenedDatabase opened);
  /// Closes the database; false, and nothing has changed, when readers keep it open.
  bool close_database();
  Mode choose_mode(size_t changes, bool drops);
  Status commit_batch(Epoch epoch, std::span<const SealedRun> runs,
                      std::span<const DroppedTable> dropped);
  Status commit_files(Epoch epoch, std::span<const SealedRun> runs);
  /// Empties the memtables of families that the next ingestion touches.
  Status flush_before_ingest(std::span<const SealedRun> runs);
  /// Blocks while too many sorted runs wait for compaction.
  Status wait_for_compaction() const;

  const StoreOptions options_;
  const std::string directory_;
  const std::string identity_key_;

  // Used by the committer only.
  Mode mode_ = Mode::kBatch;
  int small_epochs_ = 0;  // in a row, in ingest mode
  bool in_memtable_[kFamilyCount] = {};
  std::optional<data::Error> refusal_;
  std::atomic<uint64_t> bytes_written_{0};
  std::atomic<uint64_t> bytes_committed_{0};

  // Both are replaced under this mutex; the committer reads `database_` without it.
  mutable std::mutex snapshot_mutex_;
  std::shared_ptr<Database> database_;
  std::shared_ptr<const Snapshot> snapshot_;
};

}  // namespace forebay::state
