#pragma once

#include <memory>
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

struct SortKey {
  uint32_t column = 0;
  bool descending = false;
  bool nulls_first = false;
};

/// GROUP BY. Input hashed by `group_columns` (KeyMode::kGrouping). Output: group columns, then one
/// column per aggregate. Without group columns there is always exactly one row (the owner of the
/// empty key's shard makes it in begin()).
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
};
SpecRef make_join(JoinParameters parameters);

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
  /// One more column, bigint: the row's number in its partition, from 1. Without limit and offset.
  bool numbered = false;
};
SpecRef make_top_n(TopNParameters parameters);

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

/// Keeps the rows of a view or table; passes its input on. Input hashed by key_columns (kGrouping),
/// or by all columns (kExact) when there is no key.
struct MaterializeParameters {
  std::vector<Type> types;
  /// Columns that identify a row at the end of an epoch; write-only state: key -> row. Empty: a
  /// counted multiset of whole rows.
  std::vector<uint32_t> key_columns;
  bool has_key = false;  // a key of no columns is a relation of at most one row
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
