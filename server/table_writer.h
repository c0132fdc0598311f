#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/runtime/engine.h"
#include "server/memory_account.h"
#include "sql/catalog/catalog.h"

namespace forebay::server {

/// 23505 for a row of `table`, in stored columns.
data::Status duplicate_key(const sql::catalog::CatalogObject& table,
                           const std::vector<data::Datum>& row);
/// 23502 for a NULL in column `column` of a row.
data::Status null_in_column(const sql::catalog::CatalogObject& table, size_t column,
                            const std::vector<data::Datum>& row);
/// The bytes of a row's key, as Gate::pending_key takes them.
std::string table_key(const sql::catalog::CatalogObject& table,
                      const std::vector<data::Datum>& row);

/// Turns the rows of one DML statement into the net change of a table: checks NOT NULL and keys,
/// and keeps what the gate needs to know. Used under the table's gate, or in a transaction.
class TableWriter {
 public:
  using Conflict = sql::catalog::CatalogObject::Conflict;

  /// Where the statement finds the rows that are there already.
  struct Present {
    /// The table's own relation, or that of a transaction.
    operators::StoredRelationRef relation;
    /// Under the gate: knows keys that are accepted and not committed. nullptr: in a transaction.
    const runtime::Engine::Gate* gate = nullptr;
  };

  /// `on_conflict`: of the statement, which may differ from the table's. The rows count against the
  /// session's memory: 53200.
  TableWriter(const sql::catalog::CatalogObject& table, Conflict on_conflict, Present present,
              const runtime::Engine& engine, MemoryAccount& account);

  /// Adds new rows: batches of the visible columns; `engine` numbers them when the table has no
  /// declared key. 23502, 23505; nothing is written then.
  data::Status insert(const data::ChangeBatch& rows, runtime::Engine& engine);
  /// What ON CONFLICT DO UPDATE makes of rows that are there: from batches of their stored columns
  /// and then the proposed visible columns, the visible columns as they shall be; the selection
  /// are the rows to update.
  using Merge = std::function<data::Result<data::ChangeBatch>(const data::ChangeBatch&)>;
  /// Adds new rows, as insert() does; where the key is taken, updates. 21000 when a key is written
  /// twice.
  data::Status upsert(const data::ChangeBatch& rows, const Merge& merge);
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
  /// The net change, once. After judge().
  runtime::Engine::TableChange take_change();

  /// Rows inserted, updated or deleted.
  uint64_t count() const { return count_; }

 private:
  data::Status check_not_null(const std::vector<data::Datum>& row) const;
  /// Does a row of this key exist, this statement's changes left out? Fills `old` when asked for
  /// and the row is committed.
  data::Result<bool> exists(const std::vector<data::Datum>& row, const std::string& key,
                            std::vector<data::Datum>* old) const;
  data::Status charge(const std::vector<data::Datum>& row, size_t key_bytes);
  /// Keeps an update: the row that is there, and its visible columns as they shall be.
  data::Status change(std::vector<data::Datum> old, std::vector<data::Datum> fresh);
  void put(std::vector<data::Datum> row, data::Weight weight);

  const sql::catalog::CatalogObject& table_;
  const Conflict on_conflict_;
  const Present present_;
  const runtime::Engine& engine_;
  std::vector<data::Type> types_;
  data::BatchBuilder change_;
  data::BatchBuilder returned_;
  /// Key -> whether it exists after the statement.
  std::unordered_map<std::string, bool> keys_;
  /// New rows whose keys are judged against what remains: of UPDATE and of an overwriting INSERT.
  std::vector<std::pair<std::string, std::vector<data::Datum>>> updated_;
  /// Key -> place in updated_, of an overwriting INSERT; its rows have taken their keys already.
  std::unordered_map<std::string, size_t> overwriting_;
  uint64_t count_ = 0;
  MemoryAccount::Share memory_;
};

}  // namespace forebay::server
