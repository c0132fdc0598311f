#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/runtime/engine.h"
#include "sql/catalog/catalog.h"
#include "sql/planner.h"
#include "state/store.h"

/// One open data directory: engine, catalog, server settings. Thread-safe.
namespace forebay::server {

struct DatabaseOptions {
  std::string data_directory;
  uint16_t workers = 1;
  /// The budget that caches and limits are derived from.
  uint64_t memory_bytes = uint64_t{4} << 30;
  /// --set name=value.
  std::vector<std::pair<std::string, std::string>> settings;
  /// What the store may keep open.
  int store_files = 1024;
  /// forebay run: sources end at their present end.
  bool force_bounded = false;
};

/// A CREATE, DROP or ALTER that has not ended yet.
struct DdlJob {
  uint64_t id = 0;
  std::string statement;
  int64_t started = 0;  // timestamptz
  bool waits = true;    // for another one to end
};

class Database {
 public:
  /// Opens the store (55006 when another process has it), restores the catalog and starts the
  /// engine.
  static data::Result<std::unique_ptr<Database>> open(const DatabaseOptions& options);
  ~Database();

  runtime::Engine& engine() { return *engine_; }
  const runtime::Engine& engine() const { return *engine_; }
  sql::catalog::Catalog& catalog() { return catalog_; }
  state::StoreFigures store_figures() const { return store_->figures(); }
  data::Epoch committed_epoch() const { return store_->last_committed(); }
  const DatabaseOptions& options() const { return options_; }
  std::string default_setting(std::string_view name) const;
  /// Sets a server setting (checked before).
  void set_server_setting(std::string_view name, const std::string& value);

  /// Carries out a bound CREATE or DROP: numbers, engine, catalog. DDL is serialised; `bind` is
  /// called with the catalog as it is when its turn has come. 57014 when it is cancelled while it
  /// waits.
  using Bind = std::function<data::Result<sql::BoundStatement>(const sql::SnapshotRef&)>;
  data::Result<sql::BoundStatement> execute_ddl(const Bind& bind, std::string_view statement,
                                                const runtime::CancelToken* cancel);
  /// Several CREATEs in one turn, each bound against the catalog that the one before has left: all
  /// of them or, when one fails, none.
  data::Result<std::vector<sql::BoundStatement>> create_all(const std::vector<Bind>& binds,
                                                            std::string_view statement,
                                                            const runtime::CancelToken* cancel);
  /// For a plan that was made against `planned`, after the snapshot that it reads was taken, or in
  /// the gate of what it writes: 40001 when an ALTER TABLE has put the rows of one of `objects`
  /// into another form meanwhile.
  data::Status check_form(std::span<const data::ObjectId> objects,
                          const sql::SnapshotRef& planned) const;
  data::Status check_form(const sql::catalog::CatalogObject& table) const;
  /// In the order in which they came.
  std::vector<DdlJob> ddl_jobs() const;
  /// Commits everything and stops.
  data::Status shut_down();

 private:
  class DdlTurn;
  explicit Database(const DatabaseOptions& options) : options_(options) {}
  data::Status create(const sql::BoundCreate& create, const runtime::CancelToken* cancel);
  data::Status drop(const sql::BoundDrop& drop);
  data::Status alter(const sql::BoundAlter& alter, const runtime::CancelToken* cancel);
  data::Status add_column(const sql::BoundAlter& alter, const runtime::CancelToken* cancel);

  DatabaseOptions options_;
  state::Store* store_ = nullptr;  // owned by the engine
  std::unique_ptr<runtime::Engine> engine_;
  sql::catalog::Catalog catalog_;
  mutable std::mutex ddl_mutex_;
  std::map<uint64_t, DdlJob> ddl_jobs_;  // ddl_mutex_
  uint64_t next_ddl_job_ = 1;            // ddl_mutex_
  std::condition_variable ddl_ended_;
  bool ddl_runs_ = false;  // ddl_mutex_
  /// Set by the first ALTER TABLE that changes rows.
  std::atomic<bool> has_altered_{false};
  mutable std::mutex alter_mutex_;
  mutable std::condition_variable altered_;
  std::optional<data::ObjectId> altering_;  // alter_mutex_; between its commit and its publication
  mutable std::mutex settings_mutex_;
  std::map<std::string, std::string, std::less<>> server_settings_;  // settings_mutex_
};

/// 40001: INSERT was bound to a table that is a sink, and is now bound to one that is none.
data::Status no_longer_a_sink();

/// Registers pg_catalog, information_schema and forebay.*: in system_tables.cpp and
/// pg_catalog.cpp. The database outlives its catalog.
void add_system_tables(Database& database);
void add_pg_catalog(Database& database);

}  // namespace forebay::server
