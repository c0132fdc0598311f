#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/operators/operator.h"
#include "udfs/table_function.h"

/// The parameters of every operator; each make_... gives a checked, immutable spec. Columns are
/// indexes into the input's columns. What must hold about the distribution of rows over workers
/// (the exchange in front) stands beside each.
namespace forebay::operators {

using expr::ExprRef;

/// Filter and projection in one. Any distribution. Keeps no state. Rows whose predicate or
/// projection fails become error rows.
struct MapParameters {
  std::vector<Type> input_types;
  ExprRef predicate;                // nullptr: all rows
  std::vector<ExprRef> projection;  // output columns
  /// Names of output columns, for error rows; may be empty.
  std::vector<std::string> names;
};
SpecRef make_map(MapParameters parameters);

/// Each row with the rows that a table function gives for it. Any distribution. Output: input
/// columns, the function's columns, and with_ordinality the place of the row in the result.
struct TableFunctionParameters {
  std::vector<Type> input_types;
  const udfs::TableFunction* function = nullptr;
  std::vector<ExprRef> arguments;
  std::vector<Type> result_types;
  bool with_ordinality = false;
  /// Rows without result come once, with NULLs.
  bool outer = false;
};
SpecRef make_table_function(TableFunctionParameters parameters);

/// One item of an ORDER BY.
struct SortKey {
  uint32_t column = 0;
  bool descending = false;
  bool nulls_first = false;
};

/// One aggregate of a GROUP BY. `function` is of the registry, which outlives all.
struct AggregateCallSpec {
  const udfs::AggregateFunction* function;
  std::vector<uint32_t> arguments;
  bool distinct = false;
  /// A boolean input column; the row counts where it is true. -1: none.
  int32_t filter_column = -1;
  Type result_type;
  /// AggregateKind::kOrdered: the order of the values; ties are broken by the arguments' bytes.
  std::vector<SortKey> order;
  /// Constant arguments of an ordered-set aggregate (the fraction of percentile_cont).
  std::vector<data::Datum> direct;
};
/// GROUP BY. Input hashed by `group_columns` (KeyMode::kGrouping). Output: group columns, then one
/// column per aggregate. Without group columns there is always exactly one row (the owner of the
/// empty key's shard makes it in begin()).
struct AggregateParameters {
  std::vector<Type> input_types;
  std::vector<uint32_t> group_columns;
  std::vector<AggregateCallSpec> aggregates;
  /// The input never retracts: min and max keep one value instead of all.
  bool append_only = false;
  /// Groups -> accumulators; readable as a relation (stored_relation.h).
  TableId groups;
  /// One per aggregate, in order; used by DISTINCT, by min/max over changing input and by
  /// ordered aggregates, else unused.
  std::vector<TableId> value_tables;
  /// One per aggregate, in order; used where counts_scales(), else unused. Empty: used by none.
  std::vector<TableId> scale_tables;
  /// Bounds the first group column (`column` is group_columns[0], a timestamp or date). Rows before
  /// W(e-1) are late and dropped; groups before W(e) are final, and what is kept of them is freed.
  std::optional<TimeBound> time;
  /// With `time`: a group comes out once, when it is final.
  bool on_close = false;
  /// With `time`: `groups` is a view's contents; final groups stay there.
  bool keeps_groups = false;
};
/// The call's result shows the largest display scale of numerics that may be taken out again:
/// counts per scale are kept in a scale table.
bool counts_scales(const AggregateParameters& parameters, const AggregateCallSpec& call);
SpecRef make_aggregate(AggregateParameters parameters);

/// SELECT DISTINCT / UNION: rows counted, each in the output once. Input hashed by all columns
/// (kGrouping).
struct DistinctParameters {
  std::vector<Type> types;
  TableId rows;
};
SpecRef make_distinct(DistinctParameters parameters);

/// Any number of inputs of the same types, passed on. Any distribution.
struct UnionParameters {
  std::vector<Type> types;
  uint32_t inputs = 2;
};
SpecRef make_union(UnionParameters parameters);

enum class JoinKind : uint8_t { kInner, kLeft, kRight, kFull, kSemi, kAnti };

/// What bounds the state of a join by time. Rows whose time is late are dropped; rows that no row
/// to come can match, and that will not change themselves, are forgotten.
struct JoinTime {
  /// The first key column is a time with the same bound on both sides: sides[0].late[0] and
  /// sides[1].late[0]. Keys behind it are forgotten. There is nothing else then.
  bool by_key = false;
  /// A column of the other side, by so many microseconds later.
  struct Reach {
    uint32_t column = 0;
    int64_t offset_us = 0;
  };
  struct Side {
    /// Rows with a time before one of these are late.
    std::vector<TimeBound> late;
    /// Rows are kept in order of the column that this bounds, a timestamp, and forgotten once they
    /// are before it.
    std::optional<TimeBound> needed;
    /// With `needed`: a row of the other side meets only rows in this range, ends included; what is
    /// outside does not match. nullopt: no end.
    std::optional<Reach> lower, upper;
    /// With `needed`: when to look at a key.
    TableId timers;
  };
  Side sides[2];  // left, right
};

/// Input 0 is left, 1 is right; both hashed by their key columns, in the same order, of the same
/// types (no key columns: everything meets on one worker). Output: left columns then right columns;
/// of a semi or anti join the left columns. Rows with a NULL key never match, unless that key is
/// null_safe (IS NOT DISTINCT FROM).
struct JoinParameters {
  JoinKind kind = JoinKind::kInner;
  std::vector<Type> left_types;
  std::vector<Type> right_types;
  std::vector<uint32_t> left_keys;
  std::vector<uint32_t> right_keys;
  std::vector<uint8_t> null_safe;  // one per key
  /// Over left columns then right columns; nullptr: none. A pair matches when it is true.
  ExprRef condition;
  bool left_append_only = false;
  bool right_append_only = false;
  TableId left_rows;
  TableId right_rows;
  /// A NULL in one of the columns that it names matches nothing.
  std::optional<JoinTime> time;
};
SpecRef make_join(JoinParameters parameters);

/// Where the right row of an ASOF join lies, seen from the left row: at its time or before it ...
enum class AsofOrder : uint8_t { kAtOrBefore, kBefore, kAtOrAfter, kAfter };
/// Each left row with the nearest right row of its key in `order`. Input 0 is left, 1 is right;
/// both hashed by their key columns, of the same types. Output: left columns then right columns.
/// Right rows of equal time: the least one (all columns, ascending, NULLs last, finest detail
/// included). NULLs in keys that are not null-safe, and NULL times, match nothing.
struct AsofJoinParameters {
  /// Left rows without a match come with NULLs.
  bool outer = false;
  std::vector<Type> left_types;
  std::vector<Type> right_types;
  std::vector<uint32_t> left_keys;
  std::vector<uint32_t> right_keys;
  std::vector<uint8_t> null_safe;  // one per key
  /// Of the same type.
  uint32_t left_time = 0;
  uint32_t right_time = 0;
  AsofOrder order = AsofOrder::kAtOrBefore;
  TableId left_rows;
  TableId right_rows;
  /// FOR SYSTEM_TIME AS OF: the right side has at most one row per key, which is a version of it
  /// from its time on, until another one begins. A row that is taken out stays a version; a key
  /// without row ends at the time of its last version or W_right(e-1), whichever is later.
  /// kAtOrBefore; times are timestamps.
  bool versions = false;
  /// With `versions`: the right side never retracts. It has any number of rows per key, each of
  /// them a version.
  bool right_append_only = false;
  /// Of the times, which are timestamps or dates then. Changes with a time before W(e-1) of their
  /// side are late. Without `versions`: both or none.
  std::optional<TimeBound> left_bound;
  std::optional<TimeBound> right_bound;
  /// With both bounds: when to look at a key. Backward left rows are forgotten when both watermarks
  /// have passed them, right rows (versions) when there is another one that both have passed.
  /// Forward left rows are forgotten when they match a right row that both have passed, and these
  /// right rows with them.
  TableId timers;
};
SpecRef make_asof_join(AsofJoinParameters parameters);

/// FOR SYSTEM_TIME AS OF PROCTIME(): each left row of an epoch with the right rows of its key as
/// they are when the epoch ends; later changes of the right side change nothing. Inputs, output
/// and NULLs as of an ASOF join.
struct LookupJoinParameters {
  bool outer = false;
  std::vector<Type> left_types;
  std::vector<Type> right_types;
  std::vector<uint32_t> left_keys;
  std::vector<uint32_t> right_keys;
  std::vector<uint8_t> null_safe;  // one per key
  /// The left side never retracts: what was given is not kept.
  bool left_append_only = false;
  TableId right_rows;
  /// Left row -> what was given for it; unused with left_append_only.
  TableId given;
};
SpecRef make_lookup_join(LookupJoinParameters parameters);

/// ORDER BY ... LIMIT/OFFSET, per partition. Input hashed by partition_columns. Ties are broken by
/// the bytes of the whole row.
struct TopNParameters {
  std::vector<Type> types;
  std::vector<uint32_t> partition_columns;
  std::vector<SortKey> order;
  uint64_t offset = 0;
  /// UINT64_MAX: no limit.
  uint64_t limit = UINT64_MAX;
  /// Rows that equal the last one in `order` come too.
  bool with_ties = false;
  TableId rows;
  /// One more column, bigint: the row's number in its partition, from 1. Not with ties.
  bool numbered = false;
  /// The input never retracts: no more rows are kept than limit and offset need.
  bool append_only = false;
  /// Bounds the first partition column: rows before W(e-1) are late and dropped, partitions before
  /// W(e) are final and forgotten.
  std::optional<TimeBound> time;
};
SpecRef make_top_n(TopNParameters parameters);

/// WHERE with now(): rows that are there from one time on, until another. Input hashed (kExact) by
/// all columns.
struct TemporalFilterParameters {
  std::vector<Type> types;
  struct Bound {
    /// A timestamp or timestamptz, over the row; NULL: the row is never there.
    ExprRef time;
    /// Microseconds added to it.
    int64_t offset_us = 0;
    /// The row is there before that time, else from it on.
    bool is_until = false;
  };
  std::vector<Bound> bounds;  // all of them hold
  TableId events;
};
SpecRef make_temporal_filter(TemporalFilterParameters parameters);

/// WITH (ttl = ...): each row goes so long after the epoch in which it came, by the epochs' time.
/// What takes a row away takes its latest arrival; of one that has gone it is dropped. Input hashed
/// (kExact) by all columns.
struct ExpiryParameters {
  std::vector<Type> types;
  /// Microseconds, > 0.
  int64_t ttl_us = 0;
  /// The input never retracts.
  bool append_only = false;
  TableId calendar;
  /// Not used when append_only.
  TableId rows;
};
SpecRef make_expiry(ExpiryParameters parameters);

/// Window functions: what `function(...) OVER (...)` is.
enum class OverFunction : uint8_t {
  kRowNumber,
  kRank,
  kDenseRank,
  kPercentRank,
  kCumeDist,
  kNtile,       // `number`: how many buckets
  kLag,         // `number`: how many rows before; negative: after (lead)
  kFirstValue,  // of the frame, as the others that follow
  kLastValue,
  kNthValue,  // `number`: which, from 1
  kAggregate,
};
enum class FrameUnit : uint8_t { kRows, kRange, kGroups };
enum class FrameExclusion : uint8_t { kNoOthers, kCurrentRow, kGroup, kTies };
/// Where a frame begins or ends.
struct FrameBound {
  enum class Edge : uint8_t { kPartitionStart, kOffset, kPartitionEnd };
  Edge edge = Edge::kPartitionStart;
  /// Rows or groups from the current one; negative: before it. RANGE: only its sign counts, where
  /// `value` fails (the bound is then before, or after, all rows).
  int64_t offset = 0;
  /// RANGE with an offset: the bound's place in the order, over the one ORDER BY column as column 0
  /// and of its type. nullptr: the current row's peers.
  ExprRef value;
};
struct OverFrame {
  FrameUnit unit = FrameUnit::kRange;
  FrameBound lower{FrameBound::Edge::kPartitionStart, 0, nullptr};
  FrameBound upper{FrameBound::Edge::kOffset, 0, nullptr};
  FrameExclusion exclusion = FrameExclusion::kNoOthers;
};
struct OverCall {
  OverFunction function = OverFunction::kRowNumber;
  const udfs::AggregateFunction* aggregate = nullptr;
  std::vector<uint32_t> arguments;
  /// A boolean input column; the row counts where it is true. -1: none. Aggregates only.
  int32_t filter_column = -1;
  /// lag: the column that gives the value where there is no such row. -1: NULL.
  int32_t fallback_column = -1;
  int64_t number = 0;
  OverFrame frame;
  Type result_type;
};
/// "lag(price) 2", "sum(price) rows -2..+0": the call with its number and frame, if it has one,
/// over arguments of these names; without filter and fallback.
std::string call_text(const OverCall& call, const std::vector<std::string>& arguments);
/// Window functions over one PARTITION BY and ORDER BY. Input hashed by partition_columns. Output:
/// the input's columns, then one per call; a row with weight n is n rows. Ties of the order are
/// broken by the bytes of the whole row; peers (rank, RANGE, GROUPS) are equal in the order alone.
struct OverParameters {
  std::vector<Type> types;
  std::vector<uint32_t> partition_columns;
  std::vector<SortKey> order;
  std::vector<OverCall> calls;
  TableId rows;
  /// As TopNParameters::time.
  std::optional<TimeBound> time;
  /// Rows only come, in order of the first ORDER BY column, which this bounds: once W(e) has passed
  /// them (Hold). What no row to come sees is forgotten.
  std::optional<TimeBound> in_order;
  /// With `in_order`: functions may look at rows to come, only so far. A row comes out once, when
  /// all that it sees is there; W(e) above all times: then all that still wait. Of partitions
  /// without new rows, too, what RANGE frames don't see any more is forgotten.
  bool waits = false;
  /// With `waits`: when to look at a partition.
  TableId timers;
  /// Where rows that are read to evaluate functions are counted, for tests; nullptr: nowhere.
  uint64_t* looked_at = nullptr;
};
SpecRef make_over(OverParameters parameters);

/// SESSION windows: each row with the start and end of its session, the rows of its partition that
/// lie at most `gap` apart from the next one. Input hashed by partition_columns (kGrouping).
/// Output: input columns, the first time of the session, and its last one + gap. Rows whose time is
/// NULL are in no session.
struct SessionParameters {
  std::vector<Type> types;
  std::vector<uint32_t> partition_columns;
  /// A timestamp.
  uint32_t time_column = 0;
  /// Microseconds, above 0.
  int64_t gap = 0;
  /// partition -> rows; and when to look at a partition (with `time`).
  TableId rows;
  TableId timers;
  /// Bounds the time column: rows before W(e-1) are dropped, sessions that end before W(e) are
  /// final and forgotten.
  std::optional<TimeBound> time;
  /// With `time`: rows come out once, when their session is final.
  bool on_close = false;
};
SpecRef make_session(SessionParameters parameters);

/// EMIT ON WINDOW CLOSE over any input: rows come out once, when W(e) has passed their time, the
/// column that `time` bounds. Input hashed (kExact) by all columns. Rows whose time is NULL never
/// do.
struct HoldParameters {
  std::vector<Type> types;
  TimeBound time;
  TableId rows;
};
SpecRef make_hold(HoldParameters parameters);

/// What an operator with this bound drops of the same input because it is late, each change as a
/// row that comes. Any distribution. Output: input columns, 'insert' or 'delete' (text), the bound.
struct LateRowsParameters {
  std::vector<Type> types;
  TimeBound time;
};
SpecRef make_late_rows(LateRowsParameters parameters);

/// A scalar subquery's guard: at most one row per key (key columns hashed); a key with more is an
/// error row 21000 "more than one row returned by a subquery used as an expression" and gives no
/// row.
struct SingleRowParameters {
  std::vector<Type> types;
  std::vector<uint32_t> key_columns;
  TableId rows;
};
SpecRef make_single_row(SingleRowParameters parameters);

/// Each row as often as its column `count_column` (bigint) says, without that column; rows with 0,
/// less or NULL are left out. Any distribution.
struct RepeatParameters {
  std::vector<Type> input_types;
  uint32_t count_column = 0;
};
SpecRef make_repeat(RepeatParameters parameters);

/// Constant rows, emitted once in begin() on worker 0. No input.
struct ValuesParameters {
  std::vector<Type> types;
  std::vector<std::vector<data::Datum>> rows;
};
SpecRef make_values(ValuesParameters parameters);

/// Counts changed rows and drops them: connector = 'blackhole'. Any distribution. Output: its
/// input, which nothing reads.
struct BlackholeParameters {
  std::vector<Type> types;
  /// One key per worker that has counted: how many rows.
  TableId delivered;
};
SpecRef make_blackhole(BlackholeParameters parameters);
/// Changed rows that a blackhole has counted up to a snapshot's epoch.
Result<int64_t> delivered_rows(const state::Snapshot& snapshot, TableId delivered);

/// Keeps the rows of a view or table; passes its input on. Input hashed by key_columns (kGrouping),
/// or by all columns (kExact) when there is no key.
struct MaterializeParameters {
  std::vector<Type> types;
  /// Columns that identify a row at the end of an epoch; write-only state: key -> row. Empty: a
  /// counted multiset of whole rows.
  std::vector<uint32_t> key_columns;
  bool has_key = false;  // a key of no columns is a relation of at most one row
  /// No row ever goes, and no key comes twice.
  bool append_only = false;
  TableId rows;
  /// The shard of a row is that of its first so many key columns, by which it is hashed; 0: of all.
  /// With it a relation is read by prefixes of its key, and not by key.
  uint32_t shard_columns = 0;
};
SpecRef make_materialize(MaterializeParameters parameters);
/// Writes new rows of a relation with a key as its operator would.
void put_rows(const MaterializeParameters& parameters, const ChangeBatch& rows,
              state::SealedRun& run);

}  // namespace forebay::operators
