#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/runtime/engine.h"
#include "server/memory_account.h"
#include "sql/planner.h"

namespace forebay::server {

class BulkRows;

/// The writes of a BEGIN block. They are kept back, the block's own statements see them in the
/// tables that they changed, and COMMIT applies all of them in one epoch, provided that nobody has
/// changed the same rows meanwhile. Each statement reads the last committed epoch (READ COMMITTED).
/// One thread at a time.
class Transaction {
 public:
  /// The kept rows count against the session's memory: 53200.
  explicit Transaction(MemoryAccount& account);

  bool has_writes() const;
  /// What the block reads in place of a table that it has written; nullptr: the table's own.
  operators::StoredRelationRef relation_of(data::ObjectId table) const;
  /// 0A000 when a query reads a view of a table that the block has written: the view doesn't follow
  /// before COMMIT.
  data::Status check_reads(const sql::PlannedQuery& query) const;

  /// What COMMIT does with a new row whose key somebody else has inserted meanwhile.
  enum class Taken : uint8_t {
    kDuplicate,  // 23505
    kRetry,      // 40001: the statement would have done something else with it
    kIgnore,     // leaves the other's row
    kOverwrite,  // replaces it, also when it was there and has changed
  };
  /// Takes over a statement's change: rows of stored columns, weights -1 and +1.
  data::Status add(const sql::CatalogObjectRef& table, const data::ChangeBatch& change,
                   Taken taken = Taken::kDuplicate);

  /// Takes over the rows of a COPY, whose keys nobody has; they stay in columns as long as the
  /// block does nothing else with their table.
  data::Status add_bulk(BulkRows rows);
  /// Makes single changes of what add_bulk has kept of a table: before it is read or written.
  data::Status unfold(data::ObjectId table);

  /// From here on what changes is kept for rollback_to: 53200.
  data::Status savepoint(std::string name);
  /// False: there is none of this name. Rolling back keeps the savepoint.
  bool rollback_to(const std::string& name);
  bool release(const std::string& name);

  struct Written {
    data::ObjectId table;
    uint64_t ticket = 0;  // 0: nothing changed
  };
  using CheckForm = std::function<data::Status(const sql::catalog::CatalogObject& table)>;
  /// Asks `check_form` about each table that was written; its first error.
  data::Status check_tables(const CheckForm& check_form) const;
  /// Accepts all writes in one epoch; wait for the ticket. 23505 or 40001 when a row is not what
  /// the block saw: nothing is applied then. `check_form` is asked in the gate.
  data::Result<Written> commit(runtime::Engine& engine, const runtime::CancelToken* cancel,
                               const CheckForm& check_form);

 private:
  using Row = std::vector<data::Datum>;
  struct Change {
    std::optional<Row> before;  // as committed when the block first touched it; empty: no such row
    std::optional<Row> after;   // empty: deleted
    Taken taken = Taken::kDuplicate;
  };
  /// Changes by the bytes of their relation's key columns.
  using Changes = std::map<std::string, Change, std::less<>>;
  struct TableChanges {
    sql::CatalogObjectRef table;
    Changes changes;
    /// Then there are no `changes`.
    std::shared_ptr<BulkRows> bulk;
  };
  using Tables = std::map<uint32_t, TableChanges>;  // by object number
  class OwnRows;
  /// What a change was before a statement changed it again; empty: there was none.
  struct Undo {
    uint32_t table;
    std::string key;
    std::optional<Change> change;
  };
  struct Savepoint {
    std::string name;
    size_t undos;  // there were
  };
  static size_t bytes_of(const std::optional<Change>& change);
  void undo_to(size_t undos);
  std::vector<Savepoint>::iterator find_savepoint(const std::string& name);

  data::Result<std::optional<runtime::Engine::TableChange>> settle(
      const TableChanges& table, const state::Snapshot& snapshot) const;

  Tables tables_;
  std::vector<Savepoint> savepoints_;
  std::vector<Undo> undos_;  // since the first savepoint
  MemoryAccount::Share memory_;
};

}  // namespace forebay::server
