#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "engine/runtime/engine.h"
#include "sql/catalog/catalog.h"

namespace forebay::server {

/// Turns the rows of one DML statement into the net change of a table: checks NOT NULL and keys, and
/// keeps what the gate needs to know. Used under the table's gate.
class TableWriter {
 public:
  TableWriter(const sql::catalog::CatalogObject& table, runtime::Engine::Gate& gate,
              const runtime::Engine& engine);

  /// Adds new rows: batches of the visible columns; `first_row_id` numbers them when the table has no
  /// declared key. 23502, 23505; nothing is written then.
  data::Status insert(const data::ChangeBatch& rows, runtime::Engine& engine);
  /// Batches of stored columns then the new visible columns. A row that occurs twice is updated once.
  data::Status update(const data::ChangeBatch& rows);
  /// Batches of stored columns. A row that occurs twice is deleted once.
  data::Status remove(const data::ChangeBatch& rows);

  /// Keys of updated rows are judged when all are known. Then the change goes through the gate; the
  /// ticket is 0 when nothing changed.
  data::Result<uint64_t> write();

  /// Rows inserted, updated or deleted.
  uint64_t count() const { return count_; }
  /// Old rows (deleted) or new rows (inserted, updated) in stored columns: for RETURNING. Before write().
  data::ChangeBatch returned();

 private:
  struct Row {
    std::vector<data::Datum> values;
  };
  data::Status check_not_null(const std::vector<data::Datum>& row) const;
  data::Status duplicate_key(const std::vector<data::Datum>& row) const;
  std::string key_of(const std::vector<data::Datum>& row) const;
  /// Does a row of this key exist, this statement's changes left out? Fills `old` when asked for and
  /// the row is committed.
  data::Result<bool> exists(const std::vector<data::Datum>& row, const std::string& key,
                            std::vector<data::Datum>* old) const;
  void put(std::vector<data::Datum> row, data::Weight weight);

  const sql::catalog::CatalogObject& table_;
  runtime::Engine::Gate& gate_;
  std::shared_ptr<const state::Snapshot> snapshot_;
  std::vector<data::Type> types_;
  data::BatchBuilder change_;
  data::BatchBuilder returned_;
  /// Key -> whether it exists after the statement.
  std::unordered_map<std::string, bool> keys_;
  /// New rows of UPDATE with their keys, to be judged against what remains.
  std::vector<std::pair<std::string, std::vector<data::Datum>>> updated_;
  uint64_t count_ = 0;
};

}  // namespace forebay::server
