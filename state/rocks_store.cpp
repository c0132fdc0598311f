#include "state/rocks_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/write_batch.h>

#include <charconv>

#include "state/failpoint.h"

namespace forebay::state {

namespace {

/// Sorted runs in level 0 of a family above which commits wait for compaction.
constexpr uint64_t kMostLevel0Files = 18;
/// Small epochs in a row after which ingestion gives way to batches.
constexpr int kSmallEpochs = 8;

Status fail_point(std::string_view name) {
  if (!hit_failpoint(name)) return {};
  return Status::environment(data::sqlstate::kIoError, "fail point " + std::string(name));
}

std::string epoch_record(Epoch epoch) {
  std::string value(8, '\0');
  for (size_t i = 0; i < 8; ++i) value[i] = static_cast<char>(epoch.value >> (56 - 8 * i));
  return value;
}

uint64_t number(const Database& database, Family family, const std::string& property) {
  uint64_t value = 0;
  database.db->GetIntProperty(database.family(family), property, &value);
  return value;
}

uint64_t level0_files(const Database& database, Family family) {
  // Known to RocksDB as a text only.
  std::string text;
  database.db->GetProperty(database.family(family),
                           rocksdb::DB::Properties::kNumFilesAtLevelPrefix + "0", &text);
  uint64_t files = 0;
  std::from_chars(text.data(), text.data() + text.size(), files);
  return files;
}

}  // namespace

RocksStore::RocksStore(std::shared_ptr<Database> database, const StoreOptions& options, Epoch last)
    : options_(options),
      directory_(database->directory),
      identity_key_(identity_record_prefix() + database->identity) {
  adopt({std::move(database), last});
}

void RocksStore::adopt(OpenedDatabase opened) {
  database_ = std::move(opened.database);
  snapshot_ = take_rocks_snapshot(database_, opened.last);
  for (int f = 0; f < kFamilyCount; ++f) {
    in_memtable_[f] = number(*database_, static_cast<Family>(f),
                             rocksdb::DB::Properties::kNumEntriesActiveMemTable) != 0;
  }
}

std::shared_ptr<const Snapshot> RocksStore::snapshot() const {
  std::lock_guard lock(snapshot_mutex_);
  return snapshot_;
}

/// With hysteresis: a batch between two ingestions costs a flush.
RocksStore::Mode RocksStore::choose_mode(size_t changes, bool drops) {
  if (changes >= options_.ingest_least_changes) {
    mode_ = Mode::kIngest;
    small_epochs_ = 0;
  } else if (mode_ == Mode::kIngest && changes < options_.ingest_least_changes / 2 &&
             ++small_epochs_ >= kSmallEpochs) {
    mode_ = Mode::kBatch;
    small_epochs_ = 0;
  }
  // A range deletion inside an ingested file would hide keys of the other files of its ingestion.
  return drops ? Mode::kBatch : mode_;
}

Status RocksStore::commit(Epoch epoch, std::vector<SealedRun> runs,
                          std::vector<DroppedTable> dropped) {
  if (refusal_) return Status(*refusal_);
  FOREBAY_CHECK(epoch > last_committed(), std::to_string(epoch.value));
  size_t changes = 0;
  uint64_t bytes = 0;
  for (const SealedRun& run : runs) {
    changes += run.count();
    for (const auto& family : run.changes) {
      for (const SealedRun::Change& change : family) bytes += change.key.size() + change.value.size();
    }
  }
  auto attempt = [&]() -> Status {
    if (hit_failpoint("commit.no_space")) return no_space("fail point commit.no_space");
    FOREBAY_RETURN_IF_ERROR(database_->watch->first_error());
    FOREBAY_RETURN_IF_ERROR(wait_for_compaction());
    if (choose_mode(changes, !dropped.empty()) == Mode::kBatch) {
      FOREBAY_RETURN_IF_ERROR(commit_batch(epoch, runs, dropped));
    } else {
      FOREBAY_RETURN_IF_ERROR(commit_files(epoch, runs));
    }
    return fail_point("commit.before_snapshot");
  };
  if (Status status = attempt(); !status.is_ok()) {
    refusal_ = status.error();
    return status;
  }
  auto snapshot = take_rocks_snapshot(database_, epoch);
  {
    std::lock_guard lock(snapshot_mutex_);
    snapshot_.swap(snapshot);
  }
  bytes_committed_ += bytes;
  if (Status status = fail_point("commit.after_snapshot"); !status.is_ok()) {
    refusal_ = status.error();
    return status;
  }
  return {};
}

Status RocksStore::commit_batch(Epoch epoch, std::span<const SealedRun> runs,
                                std::span<const DroppedTable> dropped) {
  FOREBAY_RETURN_IF_ERROR(fail_point("commit.before_write"));
  size_t bytes = 64 * (dropped.size() + 1);
  for (const SealedRun& run : runs) bytes += run.bytes() + run.count() * 8;
  rocksdb::WriteBatch batch(bytes);
  rocksdb::Status status;
  for (const DroppedTable& table : dropped) {
    for (uint16_t shard = 0; status.ok() && shard < data::kShardCount; ++shard) {
      // Table ids are below 2^32 - 1, so the next id ends the range.
      std::string lower = store_key_prefix(shard, table.table);
      std::string upper = store_key_prefix(shard, table.table.next());
      status = batch.DeleteRange(database_->family(table.family), lower, upper);
    }
    in_memtable_[static_cast<size_t>(table.family)] = true;
  }
  for (int f = 0; f < kFamilyCount; ++f) {
    std::vector<SortedChange> sorted = sort_changes(runs, static_cast<Family>(f));
    in_memtable_[f] |= !sorted.empty();
    for (size_t i = 0; status.ok() && i < sorted.size(); ++i) {
      prefetch_ahead(sorted, i);
      const SealedRun::Change& change = *sorted[i].change;
      status = change.tombstone
                   ? batch.Delete(database_->families[f], slice(change.key))
                   : batch.Put(database_->families[f], slice(change.key), slice(change.value));
    }
  }
  if (status.ok()) {
    status = batch.Put(database_->family(Family::kMeta), epoch_record_key(), epoch_record(epoch));
    if (status.ok()) status = batch.Put(database_->family(Family::kMeta), identity_key_, "");
    in_memtable_[static_cast<size_t>(Family::kMeta)] = true;
  }
  if (!status.ok()) return to_status(status, "encode an epoch");
  bytes_written_ += batch.GetDataSize();
  rocksdb::WriteOptions options;
  options.sync = true;
  FOREBAY_RETURN_IF_ERROR(to_status(database_->db->Write(options, &batch), "commit an epoch"));
  return fail_point("commit.after_write");
}

Status RocksStore::flush_before_ingest(std::span<const SealedRun> runs) {
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  for (size_t f = 0; f < kFamilyCount; ++f) {
    bool touched = f == static_cast<size_t>(Family::kMeta);
    for (const SealedRun& run : runs) touched |= !run.changes[f].empty();
    if (!touched || !in_memtable_[f]) continue;
    handles.push_back(database_->families[f]);
    in_memtable_[f] = false;
  }
  if (handles.empty()) return {};
  rocksdb::FlushOptions options;
  options.allow_write_stall = true;
  return to_status(database_->db->Flush(options, handles), "flush the state store");
}

Status RocksStore::commit_files(Epoch epoch, std::span<const SealedRun> runs) {
  FOREBAY_RETURN_IF_ERROR(fail_point("commit.before_sst"));
  FOREBAY_RETURN_IF_ERROR(flush_before_ingest(runs));
  IngestFiles files(*database_, database_->directory + "/ingest");
  std::string epoch_key = epoch_record_key();
  std::string epoch_value = epoch_record(epoch);
  SealedRun::Change epoch_change{epoch_key, epoch_value, false};
  for (int f = 0; f < kFamilyCount; ++f) {
    auto family = static_cast<Family>(f);
    std::vector<SortedChange> sorted = sort_changes(runs, family);
    if (family == Family::kMeta) {
      SortedChange record{{0, 0}, &epoch_change};
      auto place = std::find_if(sorted.begin(), sorted.end(), [&](const SortedChange& other) {
        return other.change->key > epoch_key;
      });
      sorted.insert(place, record);
    }
    FOREBAY_RETURN_IF_ERROR(files.write(family, sorted, epoch));
  }
  FOREBAY_RETURN_IF_ERROR(fail_point("commit.after_sst_written"));
  FOREBAY_RETURN_IF_ERROR(fail_point("commit.before_ingest"));
  bytes_written_ += files.bytes();
  FOREBAY_RETURN_IF_ERROR(files.ingest());
  return fail_point("commit.after_ingest");
}

Status RocksStore::wait_for_compaction() const {
  for (Family family : {Family::kHot, Family::kLog}) {
    while (level0_files(*database_, family) >= kMostLevel0Files) {
      FOREBAY_RETURN_IF_ERROR(database_->watch->first_error());
      // Nothing runs and nothing waits to run: there is nothing to wait for.
      if (number(*database_, family, rocksdb::DB::Properties::kCompactionPending) == 0 &&
          number(*database_, family, rocksdb::DB::Properties::kNumRunningCompactions) == 0) {
        break;
      }
      database_->watch->wait_for_progress();
    }
  }
  return {};
}

StoreFigures RocksStore::figures() const {
  using Properties = rocksdb::DB::Properties;
  std::shared_ptr<Database> database;
  {
    std::lock_guard lock(snapshot_mutex_);
    database = database_;
  }
  StoreFigures figures;
  figures.bytes_committed = bytes_committed_;
  figures.bytes_written = bytes_written_;
  if (database == nullptr) return figures;
  figures.memory_bytes = database->cache->GetUsage();
  for (int f = 0; f < kFamilyCount; ++f) {
    auto family = static_cast<Family>(f);
    figures.data_bytes += number(*database, family, Properties::kLiveSstFilesSize);
    figures.memory_bytes += number(*database, family, Properties::kSizeAllMemTables);
    figures.memory_bytes += number(*database, family, Properties::kEstimateTableReadersMem);
    figures.level0_files += static_cast<uint32_t>(level0_files(*database, family));
    figures.pending_compaction_bytes +=
        number(*database, family, Properties::kEstimatePendingCompactionBytes);
  }
  figures.bytes_written += database->watch->bytes_written();
  return figures;
}

}  // namespace forebay::state
