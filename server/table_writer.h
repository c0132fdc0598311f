#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "engine/runtime/engine.h"
#include "server/memory_account.h"
#include "sql/catalog/catalog.h"

namespace forebay::server {

/// Turns the rows of one DML statement into the net change of a table: checks NOT NULL and keys,
/// and keeps what the gate needs to know. Used under the table's gate.
class TableWriter {
 public:
  using Conflict = sql::catalog::CatalogObject::Conflict;

  /// `on_conflict`: of the statement, which may differ from the table's. The rows count against the
  /// session's memory: 53200.
  TableWriter(const sql::catalog::CatalogObject& table, Conflict on_conflict,
              runtime::Engine::Gate& gate, const runtime::Engine& engine, MemoryAccount& account);

  /// Adds new rows: batches of the visible columns; `engine` numbers them when the table has no
  /// declared key. 23502, 23505; nothing is written then.
  data::Status insert(const data::ChangeBatch& rows, runtime::Engine& engine);
  /// Batches of stored columns then the new visible columns. A row that occurs twice is updated
  /// once.
  data::Status update(const data::ChangeBatch& rows);
  /// Batches of stored columns. A row that occurs twice is deleted once.
  data::Status remove(const data::ChangeBatch& rows);

  /// Judges the keys of updated rows, when all rows are known. 23505.
  data::Status judge();
  /// Old rows (deleted) or new rows (inserted, updated) in stored columns: for RETURNING. After
  /// judge(), once.
  data::ChangeBatch returned();
  /// Gives the change to the gate; the ticket is 0 when nothing changed. After judge().
  data::Result<uint64_t> write();

  /// Rows inserted, updated or deleted.
  uint64_t count() const { return count_; }

 private:
  data::Status check_not_null(const std::vector<data::Datum>& row) const;
  data::Status duplicate_key(const std::vector<data::Datum>& row) const;
  std::string key_of(const std::vector<data::Datum>& row) const;
  /// Does a row of this key exist, this statement's changes left out? Fills `old` when asked for
  /// and the row is committed.
  data::Result<bool> exists(const std::vector<data::Datum>& row, const std::string& key,
                            std::vector<data::Datum>* old) const;
  data::Status charge(const std::vector<data::Datum>& row, size_t key_bytes);
  void put(std::vector<data::Datum> row, data::Weight weight);

  const sql::catalog::CatalogObject& table_;
  const Conflict on_conflict_;
  runtime::Engine::Gate& gate_;
  const runtime::Engine& engine_;
  std::vector<data::Type> types_;
  data::BatchBuilder change_;
  data::BatchBuilder returned_;
  /// Key -> whether it exists after the statement.
  std::unordered_map<std::string, bool> keys_;
  /// An INSERT has taken the keys of its rows from rows that were there.
  bool has_overwritten_ = false;
  /// New rows whose keys are judged against what remains: of UPDATE and of an overwriting INSERT.
  std::vector<std::pair<std::string, std::vector<data::Datum>>> updated_;
  uint64_t count_ = 0;
  MemoryAccount::Share memory_;
};

}  // namespace forebay::server
