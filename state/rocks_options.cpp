#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/universal_compaction.h>

#include "state/rocks_support.h"

/// RocksDB's settings, each with its reason where it is not plain.
namespace forebay::state {

rocksdb::DBOptions database_options(const StoreOptions& options) {
  rocksdb::DBOptions db;
  db.create_missing_column_families = true;
  db.max_background_jobs = options.background_threads + 1;
  db.max_subcompactions = static_cast<uint32_t>(std::max(1, options.background_threads));

  // Safety.
  db.paranoid_checks = true;
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  db.track_and_verify_wals_in_manifest = true;
  db.write_dbid_to_manifest = true;  // the identity outlives a lost IDENTITY file
  // An error of background work ends the use of this opening: nothing is retried behind our back.
  db.max_bgerror_resume_count = 0;

  // Opening in time that does not grow with the state.
  db.max_open_files = options.most_open_files;
  db.skip_stats_update_on_db_open = true;
  db.skip_checking_sst_file_sizes_on_db_open = true;
  db.max_total_wal_size = options.memtable_bytes / 4;  // what a crash leaves to replay
  db.avoid_flush_during_recovery = true;
  db.avoid_flush_during_shutdown = true;

  db.db_write_buffer_size = options.memtable_bytes;
  db.bytes_per_sync = 1 << 20;  // compaction's writes reach the disk evenly
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  return db;
}

rocksdb::ColumnFamilyOptions family_options(Family family, const StoreOptions& options,
                                            const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions cf;
  cf.write_buffer_size = options.memtable_bytes / 2;
  cf.max_write_buffer_number = 3;
  cf.arena_block_size = 64 << 10;  // an empty store is small
  cf.compression = rocksdb::kLZ4Compression;
  cf.bottommost_compression = rocksdb::kLZ4Compression;
  // The commit paces itself (RocksStore::wait_for_compaction); RocksDB's own brakes are off.
  cf.level0_slowdown_writes_trigger = 1 << 20;
  cf.level0_stop_writes_trigger = 1 << 20;
  cf.soft_pending_compaction_bytes_limit = 0;
  cf.hard_pending_compaction_bytes_limit = 0;
  cf.target_file_size_base = uint64_t{64} << 20;
  if (family == Family::kMeta) {
    cf.level0_file_num_compaction_trigger = 4;
    cf.write_buffer_size = std::min<uint64_t>(options.memtable_bytes / 8, 4 << 20);
  } else {
    // Universal: twice the sustained rate of leveled for ingested epochs.
    cf.compaction_style = rocksdb::kCompactionStyleUniversal;
    // Late, and of few runs: where epochs only add rows, what was merged is not merged again with
    // every fourth of them.
    cf.level0_file_num_compaction_trigger = 8;
    cf.compaction_options_universal.size_ratio = 20;
    cf.compaction_options_universal.min_merge_width = 2;
    cf.compaction_options_universal.max_size_amplification_percent = 200;
    cf.compaction_options_universal.allow_trivial_move = true;
  }

  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 8 << 10;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.whole_key_filtering = true;
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  // In pieces: those of a large file by themselves would be a good part of a small cache.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.metadata_block_size = 8 << 10;
  table.pin_top_level_index_and_filter = true;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  cf.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return cf;
}

}  // namespace forebay::state
