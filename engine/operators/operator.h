#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/data/change_batch.h"
#include "engine/data/status.h"
#include "engine/expr/expr.h"
#include "engine/operators/watermarks.h"
#include "state/state_table.h"

/// The contract of operators. A spec is immutable and says what to do; an Operator is one worker's
/// instance of it and holds the state of that worker's shards.
namespace forebay::operators {

using data::ChangeBatch;
using data::Epoch;
using data::ObjectId;
using data::Result;
using data::Status;
using data::TableId;
using data::Type;
using data::Weight;

/// What becomes of a row that fails in something that runs on, or of a record that can't be read.
enum class ErrorPolicy : uint8_t {
  kKeep,  // an error row
  kSkip,  // it is counted with its epoch, and that is all
  kFail,  // its epoch is not committed: the pipeline stops at the one before
};

/// A row that could not be processed (or the retraction of one). Keyed in forebay.errors by
/// (object, operator, sqlstate, reason, column, raw), records of sources by their place as well;
/// the rest is payload of the first occurrence.
struct ErrorRow {
  ObjectId object;            // filled in by the runtime
  std::string operator_name;  // filled in by the runtime
  data::SqlState sqlstate;
  std::string reason;
  /// Whole sentences for the statement that fails with this row, or empty; not kept.
  std::string detail;
  std::string hint;
  std::string column;
  /// The row as text (see error_row_text) or a source record's bytes.
  std::string raw;
  std::string source;
  std::string source_partition;
  int64_t source_offset = -1;
  Weight weight = 1;
  ErrorPolicy policy = ErrorPolicy::kKeep;  // filled in by the runtime
};

/// Where an operator puts what it makes.
class Output {
 public:
  virtual ~Output() = default;
  /// Empty batches are ignored.
  virtual void emit(ChangeBatch batch) = 0;
  virtual void error(ErrorRow error) = 0;
  /// Rows that were dropped because they came too late.
  virtual void late(uint64_t rows) { (void)rows; }
};

/// What an instance is made with.
struct OperatorContext {
  uint16_t worker = 0;
  uint16_t worker_count = 1;
  /// nullptr: private circuit of one query; state is in memory only.
  state::Store* store = nullptr;
  /// What the hot tiers of this and all other operators may take; nullptr: as much as they need.
  state::MemoryBudget* budget = nullptr;
  /// Where the operator's tables count their evictions and read-backs, or nullptr.
  state::TierCounters* counters = nullptr;
  /// True when the operator's tables have nothing in the store (a new view).
  bool starts_empty = true;
  uint32_t batch_rows = 4096;
  /// Epoch time and the like; owned by the runtime, constant during an epoch.
  const expr::EvalContext* eval = nullptr;
  /// nullptr: a private circuit, where nothing is late and nothing closes.
  const Watermarks* watermarks = nullptr;
  /// The options for one of the spec's tables in this context.
  state::TableOptions table(TableId id, state::Family family) const {
    return {id, family, store, starts_empty, budget, counters};
  }
  bool owns_shard(uint16_t shard) const {
    return data::worker_of_shard(shard, worker_count) == worker;
  }
};

/// One worker's instance. All calls come from one thread at a time. Each call does a bounded piece
/// of work: it emits at most about one batch; when more is left it returns Progress::kMore and
/// resume() is called until kDone, before any other call. An error stops the pipeline.
enum class Progress : uint8_t { kDone, kMore };

class Operator {
 public:
  virtual ~Operator() = default;
  /// Called once in an object's life, in its first epoch, before any batch: constants, the one row
  /// of an aggregate without keys. Not called again after a restart.
  virtual Status begin(Output&) { return Status::ok(); }
  /// Takes a batch that arrived on an input.
  virtual Result<Progress> take(uint32_t input, ChangeBatch batch, Output& output) = 0;
  /// Every input has ended the epoch: emit the net change. Multiplicities are judged here only.
  virtual Result<Progress> end_epoch(Output&) { return Progress::kDone; }
  virtual Result<Progress> resume(Output&) { return Progress::kDone; }
  /// Encodes dirty state; after end_epoch was done.
  virtual void seal(state::SealedRun&) {}
  virtual size_t memory_bytes() const { return 0; }
  virtual size_t dirty_entries() const { return 0; }
  virtual size_t state_rows() const { return 0; }
  /// Between epochs: an epoch whose time is this or later changes something even without input;
  /// nullopt: none will.
  virtual std::optional<int64_t> due() const { return std::nullopt; }
};

/// The immutable description of an operator.
class OperatorSpec {
 public:
  virtual ~OperatorSpec() = default;
  /// "aggregate", "join" ...: the word used in EXPLAIN, forebay.operators and file names.
  virtual std::string_view name() const = 0;
  /// One line for EXPLAIN, without the name: "keys=[0, 2] aggregates=[count(*), sum(1)]".
  virtual std::string describe() const = 0;
  virtual const std::vector<Type>& output_types() const = 0;
  virtual std::unique_ptr<Operator> instantiate(const OperatorContext& context) const = 0;
  /// State tables that it uses, dropped with the view.
  virtual std::vector<state::DroppedTable> tables() const { return {}; }
};
using SpecRef = std::shared_ptr<const OperatorSpec>;

/// A row as a person reads it, for ErrorRow::raw: "(1,abc,)" in PostgreSQL's composite text form,
/// cut at 64 KiB.
std::string error_row_text(const ChangeBatch& batch, uint32_t physical_row);

}  // namespace forebay::operators
