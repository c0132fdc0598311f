#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/operators/epoch_index.h"
#include "engine/runtime/engine.h"
#include "server/copy_reader.h"
#include "server/memory_account.h"
#include "sql/catalog/catalog.h"

namespace forebay::server {

/// New rows of one table that come in bulk, kept in columns until they are written: COPY. Keys are
/// judged a batch at a time, by hash: first among the rows themselves, then against the table.
class BulkRows {
 public:
  /// The rows count against the session's memory: 53200.
  BulkRows(sql::CatalogObjectRef table, MemoryAccount& account);

  /// Batches of the visible columns, NOT NULL checked. 23505 for two rows of one key. `engine`
  /// numbers the rows of a table without a declared key.
  data::Status add(CopiedBatch batch, runtime::Engine& engine);
  uint64_t count() const { return count_; }
  const sql::CatalogObjectRef& table() const { return table_; }

  /// 23505 when a row's key is in `relation`.
  data::Status check_absent(const operators::StoredRelation& relation,
                            const std::shared_ptr<const state::Snapshot>& snapshot,
                            const runtime::CancelToken* cancel) const;
  /// Appends the rows as changes, once. Their keys are not told to the gate: it must be held until
  /// they are committed.
  void take_changes(std::vector<runtime::Engine::TableChange>& out);
  /// Gives all rows, in stored columns.
  data::Status for_each(const std::function<data::Status(const data::ChangeBatch&)>& visit) const;

 private:
  struct Batch {
    CopiedBatch copied;  // in stored columns
    data::KeyRows keys;
  };
  /// Rows are numbered by batch and place within it.
  static constexpr uint32_t kPlaceBits = 13;
  data::Status check_own_keys(const Batch& batch);
  data::Status duplicate(const Batch& batch, uint32_t i) const;

  const sql::CatalogObjectRef table_;
  MemoryAccount::Share memory_;
  std::vector<Batch> batches_;
  operators::EpochIndex index_;
  size_t index_bytes_ = 0;  // of index_, as they were charged
  uint64_t count_ = 0;
};

}  // namespace forebay::server
