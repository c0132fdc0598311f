#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/runtime/circuit.h"
#include "state/memory_budget.h"

/// The engine: pipelines, workers, epochs, commit. It knows objects by number; names and SQL live
/// above.
namespace forebay::runtime {

using data::Epoch;
using data::PipelineId;

/// Settings that can change while running (forebay.settings). Atomics: read by many threads.
struct RuntimeSettings {
  std::atomic<int64_t> checkpoint_interval_ms{1000};
  std::atomic<uint32_t> batch_rows{4096};
  /// Dirty entries at which an epoch ends early.
  std::atomic<uint64_t> max_dirty_entries{1'000'000};
  /// What the hot tiers of all state tables may take. Epochs end early when their dirty entries
  /// come to a quarter of it, those of all pipelines together.
  state::MemoryBudget hot_tier{SIZE_MAX};
  /// A view or table whose first contents come to more dirty bytes than this is refused (53200).
  std::atomic<uint64_t> max_epoch_bytes{UINT64_MAX};
};

struct EngineOptions {
  uint16_t workers = 1;
  std::shared_ptr<const data::Clock> clock;
  /// nullptr: no threads are made; the owner drives the engine with Engine::run_one (seeded tests).
  bool threads = true;
};

/// What ends a wait or a query from outside: another thread's cancel, or a deadline. 57014.
struct CancelToken {
  std::atomic<bool> canceled{false};
  /// On the machine's steady clock; 0: none.
  std::atomic<int64_t> deadline_ns{0};

  Status check() const {
    if (canceled.load(std::memory_order_relaxed)) {
      return Status(data::sqlstate::kQueryCanceled, "canceling statement due to user request");
    }
    int64_t deadline = deadline_ns.load(std::memory_order_relaxed);
    if (deadline != 0 && data::SystemClock().steady_nanos() > deadline) {
      return Status(data::sqlstate::kQueryCanceled, "canceling statement due to statement timeout");
    }
    return Status::ok();
  }
};

/// A catalog record: opaque to the engine, stored in the same commit as the change that it
/// describes.
struct CatalogRecord {
  ObjectId id;
  std::string bytes;
};

/// Figures behind forebay.pipelines, forebay.views, forebay.sources, forebay.operators.
struct OperatorFigures {
  ObjectId object;
  std::string operator_name;
  uint16_t worker = 0;
  uint64_t rows_in = 0, rows_out = 0, busy_ns = 0, state_rows = 0, state_bytes = 0;
  uint64_t evictions = 0, read_backs = 0;
  /// Its number in the object's fragment, the nodes that it reads there, and its parameters.
  uint32_t node = 0;
  std::vector<uint32_t> inputs;
  std::string detail;
};
struct ObjectFigures {
  ObjectId object;
  PipelineId pipeline;
  uint64_t rows_in = 0, rows_out = 0, errors = 0;  // since the server's start
  /// For how long these and the records of its sources have been counted: since the start of the
  /// server, or of the object, or of its pipeline after a failure.
  int64_t counted_ms = 0;
  int64_t failing = 0;  // committed: rows and records that fail now, the skipped ones among them
  uint64_t late = 0;    // committed: rows that its operators dropped because they were late, ever
  Epoch epoch;
  int64_t freshness_ms = 0;
  /// It reads sources, and none of its readers may read.
  bool is_paused = false;
};
struct PipelineFigures {
  PipelineId id;
  std::vector<ObjectId> objects;
  Epoch epoch;
  int64_t epoch_ms = 0, commit_ms = 0;
  uint64_t dirty_keys = 0, memory_bytes = 0;
  std::string status;  // running, idle, held, paused, failed
  std::string reason;
};
struct SourceFigures {
  ObjectId source;
  ObjectId reader;  // the view that reads
  connectors::PartitionPosition position;
  uint64_t records = 0, bytes = 0, errors = 0;
  bool finished = false;  // bounded, and everything is committed
  std::string status;     // running, waiting, paused, finished, failed
  std::string reason;
};
/// A partition of a leaf with a watermark, as committed.
struct WatermarkFigures {
  ObjectId object;  // the view that reads, or the table
  /// What is read; the table itself when DML fills it.
  ObjectId source;
  /// nullopt: the leaf as a whole.
  std::optional<std::string> partition;
  /// Microseconds since 2000; kNoWatermark: none, kEndOfTime: nothing more will come.
  int64_t watermark = 0;
  bool is_idle = false;
  std::optional<int64_t> holds_back_since;  // timestamptz
  uint64_t far_future = 0;
};
struct Figures {
  std::vector<WatermarkFigures> watermarks;
  std::vector<PipelineFigures> pipelines;
  std::vector<ObjectFigures> objects;
  std::vector<SourceFigures> sources;
  std::vector<OperatorFigures> operators;
};
/// One line of forebay.errors.
struct StoredError {
  uint64_t id = 0;
  int64_t at = 0;  // timestamptz of the first occurrence
  operators::ErrorRow row;
  int64_t count = 0;
  Epoch epoch;
};

class Engine {
 public:
  virtual ~Engine() = default;

  // --- identity: numbers are never used twice; persisted with the next commit.
  virtual ObjectId allocate_object() = 0;
  virtual TableId allocate_table() = 0;

  // --- catalog
  /// All records, by id; for opening.
  virtual Result<std::vector<CatalogRecord>> catalog_records() = 0;
  /// Adds and removes records (sources, plain views) in a commit of their own.
  virtual Status change_catalog(std::vector<CatalogRecord> put, std::vector<ObjectId> remove) = 0;

  // --- objects that run
  /// Attaches a fragment of an object that exists (at opening; in dependency order). Does not run
  /// until start().
  virtual Status attach(Fragment fragment) = 0;
  /// Starts workers after opening.
  virtual Status start() = 0;
  /// Creates a table or view: joins the pipelines that it reads from, fills it from their present
  /// rows (the pipelines are held meanwhile), commits contents and record in one epoch. Returns
  /// when that is committed; or with the error or cancellation, having left nothing.
  virtual Status create(Fragment fragment, CatalogRecord record, const CancelToken* cancel) = 0;
  /// PAUSE and RESUME of `id`: readers of that source, or those of that table or view, stop behind
  /// a committed epoch, and go on from there. Committed with `record`, which says so.
  virtual Status set_paused(ObjectId id, bool paused, CatalogRecord record) = 0;
  /// Before start(): what was paused in the last run.
  virtual void attach_paused(ObjectId id) = 0;
  /// REFRESH: waits until everything that the sources of a table or view had when it was called is
  /// committed, and all accepted writes. 55000 when one of them is paused or has failed.
  virtual Status refresh(ObjectId id, const CancelToken* cancel) = 0;
  /// Objects in another form: their tables' rows as `fill` writes them from the committed snapshot
  /// into new tables, their circuits and records, in one commit. The objects' other state must
  /// stay right. All are of one pipeline, which starts anew from its state.
  struct Rewrite {
    std::vector<Fragment> fragments;
    std::vector<CatalogRecord> records;
    std::function<Status(const state::Snapshot&, state::SealedRun&)> fill;
    std::vector<state::DroppedTable> dropped;
    /// Called after the commit, before anything else can happen to the objects.
    std::function<void()> publish;
  };
  virtual Status rewrite(Rewrite rewrite, const CancelToken* cancel) = 0;
  /// Detaches the objects (a set closed under dependants), drops their state and records in one
  /// commit.
  virtual Status drop(std::vector<ObjectId> objects) = 0;

  // --- writing
  /// What one statement or transaction does to a table: rows with weights, and the keys it touches
  /// (key bytes, whether they exist afterwards), for pending_key.
  struct TableChange {
    ObjectId table;
    ChangeBatch change;
    std::vector<std::pair<std::string, bool>> keys;
  };
  /// Serialises DML of the pipeline that holds `table`: hold the gate while reading and writing.
  class Gate {
   public:
    virtual ~Gate() = default;
    /// Waits until everything accepted before is committed, so that a snapshot taken next sees it.
    virtual Status settle(const CancelToken* cancel) = 0;
    /// Rows accepted for `table` and perhaps not yet committed: for primary-key checks. Each is the
    /// key's bytes (kGrouping) -> whether the key exists after them; only keys written since the
    /// last committed epoch.
    virtual std::optional<bool> pending_key(std::string_view key) const = 0;
    /// Accepts a statement's change, atomic in one epoch. `keys`: key bytes and whether they exist
    /// afterwards, for pending_key. Returns a ticket for wait().
    virtual Result<uint64_t> write(ChangeBatch change,
                                   std::vector<std::pair<std::string, bool>> keys) = 0;
    /// Accepts changes of several tables of the gate, atomic in one epoch. At least one. The ticket
    /// is for wait() with any of the gate's tables.
    virtual Result<uint64_t> write_all(std::vector<TableChange> changes) = 0;
  };
  virtual Result<std::unique_ptr<Gate>> enter_gate(ObjectId table, const CancelToken* cancel) = 0;
  /// The gate of several tables at once, for write_all: their pipelines become one, for good (until
  /// a restart), because what is atomic moves in one epoch. Its pending_key knows the first
  /// table's.
  virtual Result<std::unique_ptr<Gate>> enter_gates(const std::vector<ObjectId>& tables,
                                                    const CancelToken* cancel) = 0;
  /// Waits until the ticket's epoch is committed; ends the epoch at once. Call after leaving the
  /// gate.
  virtual Status wait(ObjectId table, uint64_t ticket, const CancelToken* cancel) = 0;
  /// A statement's ticket with its table (any of them).
  struct AcceptedWrite {
    ObjectId table;
    uint64_t ticket;
  };
  /// Takes from `writes` those that are committed or lost, without waiting. The error of one that
  /// is lost.
  virtual Status check(std::vector<AcceptedWrite>& writes) = 0;
  /// FLUSH: waits until everything accepted before, in all pipelines, is committed. An error when
  /// something of that is lost, or one of `writes`, whenever it was.
  virtual Status flush(std::vector<AcceptedWrite> writes, const CancelToken* cancel) = 0;
  /// Next number for rows of tables without a primary key.
  virtual uint64_t allocate_row_ids(uint64_t count) = 0;

  // --- reading
  virtual std::shared_ptr<const state::Snapshot> snapshot() const = 0;
  /// Waits until all bounded sources are read and committed (forebay run).
  virtual Status wait_finished(const CancelToken* cancel) = 0;

  // --- knowing
  virtual Figures figures() const = 0;
  virtual Result<std::vector<StoredError>> errors() const = 0;
  virtual RuntimeSettings& settings() = 0;
  virtual const data::Clock& clock() const = 0;
  virtual uint16_t workers() const = 0;

  /// Ends the open epochs, commits and stops all threads. Called by the destructor, too.
  virtual Status shut_down() = 0;
  /// One step of some actor chosen by `choice` (threads == false); false: nothing to do.
  virtual bool run_one(uint64_t choice) = 0;
};

/// The engine over `store`. Call attach() for every object of the catalog, then start().
Result<std::unique_ptr<Engine>> make_engine(std::unique_ptr<state::Store> store,
                                            const EngineOptions& options);

}  // namespace forebay::runtime
