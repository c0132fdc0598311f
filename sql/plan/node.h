#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "engine/expr/expr.h"
#include "engine/operators/specs.h"
#include "sql/catalog/catalog.h"

/// The logical plan: immutable nodes over columns that are named by number. A ColumnId is unique
/// within one statement, so that a column keeps its number on its whole way up and rewriting needs
/// no renumbering. Inside a plan expr::Expr's kColumn holds a ColumnId; lowering turns them into
/// positions.
namespace forebay::sql::plan {

using catalog::CatalogObjectRef;
using data::Type;
using expr::ExprRef;

using ColumnId = uint32_t;
using ColumnSet = std::unordered_set<ColumnId>;

struct Column {
  ColumnId id = 0;
  Type type;
  std::string name;
};
using Columns = std::vector<Column>;

/// Gives numbers to new columns of one statement.
class ColumnFactory {
 public:
  Column make(std::string name, Type type) { return {next_++, type, std::move(name)}; }
  /// The next number, for copies of a plan.
  ColumnId next() const { return next_; }
  explicit ColumnFactory(ColumnId first = 1) : next_(first) {}

 private:
  ColumnId next_;
};

enum class NodeKind : uint8_t {
  kScan,
  kValues,
  kFilter,
  kProject,
  kAggregate,
  kJoin,
  kDistinct,
  kUnion,
  kTopN,
  kOver,
  kSingleRow,
  kRepeat,
  kExpand,
  kTableFunction,
  kSession,
  kAsofJoin,
  kHold,
  kLate,
  kDependentJoin,
};

struct Node;
using NodeRef = std::shared_ptr<const Node>;

struct Node {
  explicit Node(NodeKind node_kind) : kind(node_kind) {}
  virtual ~Node() = default;
  const NodeKind kind;
  std::vector<NodeRef> inputs;
  /// What it gives, in order; no number twice.
  Columns columns;

  const Node& input(size_t index = 0) const { return *inputs[index]; }
};

template <typename T>
const T& as(const Node& node) {
  return static_cast<const T&>(node);
}

/// How an index narrows a scan: constants for its first columns, and bounds of the next one. All
/// that it lets through is still to be filtered.
struct IndexUse {
  CatalogObjectRef index;
  std::vector<ExprRef> equal;
  struct Bound {
    ExprRef value;  // nullptr: none
    bool inclusive = true;
  };
  Bound lower, upper;
};

/// Rows of an object. `positions[i]`: which of the object's columns (then hidden columns, then, for
/// a source, metadata columns: kMetadataPartition, kMetadataOffset) column i is.
struct Scan final : Node {
  Scan() : Node(NodeKind::kScan) {}
  CatalogObjectRef object;
  std::vector<uint32_t> positions;
  /// Point read: constants for the relation's key columns (set by the last rule of a query).
  std::vector<ExprRef> key;
  /// Set by the last rule of a query, too.
  std::shared_ptr<const IndexUse> index;
  /// WITH (ttl = ...) of the view: its rows go so many microseconds after they came; 0: they stay.
  int64_t ttl_us = 0;
};
inline constexpr uint32_t kMetadataPartition = 0x10000;
inline constexpr uint32_t kMetadataOffset = 0x10001;
/// kMetadataColumn + i: whatever metadata the source's column i holds, when it is neither of these
/// two.
inline constexpr uint32_t kMetadataColumn = 0x20000;

/// Constant rows: expressions without columns.
struct Values final : Node {
  Values() : Node(NodeKind::kValues) {}
  std::vector<std::vector<ExprRef>> rows;
};

struct Filter final : Node {
  Filter() : Node(NodeKind::kFilter) {}
  ExprRef predicate;
};

/// expressions[i] makes column i. A column that passes through keeps its number.
struct Project final : Node {
  Project() : Node(NodeKind::kProject) {}
  std::vector<ExprRef> expressions;
};

struct SortItem {
  ColumnId column = 0;
  bool descending = false;
  bool nulls_first = false;
};

struct AggregateCall {
  const udfs::AggregateFunction* function = nullptr;
  std::vector<ColumnId> arguments;
  bool distinct = false;
  std::optional<ColumnId> filter;
  /// The result.
  Column output;
  /// Of an aggregate that depends on the order of its values.
  std::vector<SortItem> order;
  /// Constant arguments of an ordered-set aggregate.
  std::vector<data::Datum> direct;
};

/// GROUP BY: gives the group columns (numbers kept), then the aggregates. Without groups always one
/// row.
struct Aggregate final : Node {
  Aggregate() : Node(NodeKind::kAggregate) {}
  std::vector<ColumnId> groups;
  std::vector<AggregateCall> aggregates;
  /// True for a query without GROUP BY; a GROUP BY of no columns left is not.
  bool scalar = false;
  /// A watermark bounds the first group column (plan/watermarks.h): late rows are dropped, and
  /// groups behind it are final.
  bool bounded = false;
  /// EMIT ON WINDOW CLOSE: groups are given once, when they are final.
  bool on_close = false;
  /// Microseconds for which rows behind the bound may still come: of panes, whose last window
  /// closes so much later.
  int64_t slack = 0;
};

using operators::JoinKind;

struct JoinKey {
  ColumnId left = 0;
  ColumnId right = 0;
  bool null_safe = false;
};

struct JoinTime;

/// Gives left columns, then (but for semi and anti joins) right columns.
struct Join final : Node {
  Join() : Node(NodeKind::kJoin) {}
  JoinKind join = JoinKind::kInner;
  std::vector<JoinKey> keys;
  /// What is not in `keys`; nullptr: nothing.
  ExprRef condition;
  /// Watermarks bound its state (plan/join_time.h); nullptr: they do not.
  std::shared_ptr<const JoinTime> time;
};

struct Distinct final : Node {
  Distinct() : Node(NodeKind::kDistinct) {}
};

/// UNION ALL: sources[k][i] is the column of input k that becomes column i.
struct Union final : Node {
  Union() : Node(NodeKind::kUnion) {}
  std::vector<std::vector<ColumnId>> sources;
};

/// The first rows by `order` of each partition. limit and offset are constants or parameters
/// (bigint); nullptr: none.
struct TopN final : Node {
  TopN() : Node(NodeKind::kTopN) {}
  std::vector<ColumnId> partition;
  std::vector<SortItem> order;
  ExprRef limit;
  ExprRef offset;
  /// Rows that equal the last one in `order` come too.
  bool with_ties = false;
  /// The row's number in its partition, from 1, as one more column (bigint).
  std::optional<Column> number;
};

struct OverCall {
  operators::OverFunction function = operators::OverFunction::kRowNumber;
  const udfs::AggregateFunction* aggregate = nullptr;
  std::vector<ColumnId> arguments;
  /// Of an aggregate.
  std::optional<ColumnId> filter;
  /// Of lag: the value where there is no such row.
  std::optional<ColumnId> fallback;
  int64_t number = 0;
  operators::OverFrame frame;
  /// The result.
  Column output;
};

/// Window functions over one partition and order: gives the input's columns, then theirs.
struct Over final : Node {
  Over() : Node(NodeKind::kOver) {}
  std::vector<ColumnId> partition;
  std::vector<SortItem> order;
  std::vector<OverCall> calls;
};

/// A scalar subquery's guard: at most one row per key.
struct SingleRow final : Node {
  SingleRow() : Node(NodeKind::kSingleRow) {}
  std::vector<ColumnId> keys;
};

/// Each row as often as its column `count` (bigint) says, without that column; 0, less and NULL:
/// not at all.
struct Repeat final : Node {
  Repeat() : Node(NodeKind::kRepeat) {}
  ColumnId count = 0;
};

/// Each row once per grouping set: the input's columns, then `copies`, which stand for the columns
/// `sources` but are NULL in the sets without them, then the number of the set (integer, from 0).
struct Expand final : Node {
  Expand() : Node(NodeKind::kExpand) {}
  std::vector<ColumnId> sources;
  Columns copies;
  /// sets[k][i]: copy i has its value in set k.
  std::vector<std::vector<bool>> sets;
  Column set;
};

/// Each row with the rows that a table function gives for it: input columns, `results`, and perhaps
/// the place in the result.
struct TableFunction final : Node {
  TableFunction() : Node(NodeKind::kTableFunction) {}
  const udfs::TableFunction* function = nullptr;
  std::vector<ExprRef> arguments;
  Columns results;
  std::optional<Column> ordinality;
  /// Rows without result come once, with NULLs.
  bool outer = false;
};

/// SESSION windows: each row with the start and the end of its session. The rows of a partition
/// belong together while each is at most `gap` microseconds after the one before.
struct Session final : Node {
  Session() : Node(NodeKind::kSession) {}
  std::vector<ColumnId> partition;
  /// A timestamp; rows where it is NULL are left out.
  ColumnId time = 0;
  int64_t gap = 0;
  Column start, end;
  /// A watermark bounds the time; with on_close rows are given once, when their session is final.
  bool bounded = false;
  bool on_close = false;
};

/// Which right rows an AsofJoin gives for a left row.
enum class AsofMode : uint8_t {
  kNearest,   // ASOF: that of the nearest time
  kVersion,   // FOR SYSTEM_TIME AS OF a time: the version of its key that was there at that time
  kEpochEnd,  // FOR SYSTEM_TIME AS OF PROCTIME(): all of its key at the end of the row's epoch
};
/// Gives left columns, then right columns.
struct AsofJoin final : Node {
  AsofJoin() : Node(NodeKind::kAsofJoin) {}
  AsofMode mode = AsofMode::kNearest;
  /// Left rows without a match come with NULLs.
  bool outer = false;
  std::vector<JoinKey> keys;
  /// Not of kEpochEnd.
  ColumnId left_time = 0, right_time = 0;
  operators::AsofOrder order = operators::AsofOrder::kAtOrBefore;
  /// Columns of the right side that decide between rows of equal time, in order; empty where there
  /// are none such.
  std::vector<ColumnId> ties;
};

/// EMIT ON WINDOW CLOSE where no node below closes windows: each row is given once, when the
/// watermarks that bound its column `time` have passed it.
struct Hold final : Node {
  Hold() : Node(NodeKind::kHold) {}
  ColumnId time = 0;
};

/// The rows that an operator drops of this input because its column `time` is late (plan/late.h):
/// the input's columns, what each would have done, and the bound that it missed.
struct Late final : Node {
  Late() : Node(NodeKind::kLate) {}
  ColumnId time = 0;
  Column operation, watermark;
};

/// As Join, but the right side may use columns of the left one: evaluated per left row. Inner,
/// left, semi or anti. Gone after decorrelation.
struct DependentJoin final : Node {
  DependentJoin() : Node(NodeKind::kDependentJoin) {}
  JoinKind join = JoinKind::kLeft;
  ExprRef condition;
};

NodeRef make_scan(CatalogObjectRef object, Columns columns, std::vector<uint32_t> positions,
                  int64_t ttl_us = 0);
NodeRef make_values(Columns columns, std::vector<std::vector<ExprRef>> rows);
/// One row of no columns.
NodeRef make_unit();
/// nullptr or true: the input itself.
NodeRef make_filter(NodeRef input, ExprRef predicate);
NodeRef make_project(NodeRef input, Columns columns, std::vector<ExprRef> expressions);
/// Keeps only these columns of the input, in this order; the input itself when that changes
/// nothing.
NodeRef make_narrow(NodeRef input, const Columns& columns);
NodeRef make_aggregate(NodeRef input, std::vector<ColumnId> groups,
                       std::vector<AggregateCall> aggregates, bool scalar);
/// A copy of `model` over another input, with other calls.
NodeRef make_aggregate(NodeRef input, const Aggregate& model,
                       std::vector<AggregateCall> aggregates);
NodeRef make_join(JoinKind kind, NodeRef left, NodeRef right, std::vector<JoinKey> keys,
                  ExprRef condition);
/// A copy of `model` over other inputs, with another condition.
NodeRef make_join(NodeRef left, NodeRef right, const Join& model, ExprRef condition);
NodeRef make_distinct(NodeRef input);
NodeRef make_union(std::vector<NodeRef> inputs, Columns columns,
                   std::vector<std::vector<ColumnId>> sources);
NodeRef make_top_n(NodeRef input, std::vector<ColumnId> partition, std::vector<SortItem> order,
                   ExprRef limit, ExprRef offset, bool with_ties = false,
                   std::optional<Column> number = std::nullopt);
NodeRef make_over(NodeRef input, std::vector<ColumnId> partition, std::vector<SortItem> order,
                  std::vector<OverCall> calls);
NodeRef make_single_row(NodeRef input, std::vector<ColumnId> keys);
NodeRef make_repeat(NodeRef input, ColumnId count);
/// A copy of `model` over another input.
NodeRef make_expand(NodeRef input, const Expand& model);
/// A copy of `model` over another input, with other arguments.
NodeRef make_table_function(NodeRef input, const TableFunction& model,
                            std::vector<ExprRef> arguments);
/// A copy of `model` over another input, with another partition.
NodeRef make_session(NodeRef input, const Session& model, std::vector<ColumnId> partition);
/// A copy of `model` over other inputs.
NodeRef make_asof_join(NodeRef left, NodeRef right, const AsofJoin& model);
NodeRef make_hold(NodeRef input, ColumnId time);
NodeRef make_late(NodeRef input, ColumnId time, Column operation, Column watermark);
NodeRef make_dependent_join(JoinKind kind, NodeRef left, NodeRef right, ExprRef condition);

/// The node over other inputs (of at least the columns that it uses); itself when they are the
/// same.
NodeRef with_inputs(const NodeRef& node, std::vector<NodeRef> inputs);

/// Index of a column in `columns`, or npos.
inline constexpr size_t kNoColumn = static_cast<size_t>(-1);
size_t find_column(const Columns& columns, ColumnId id);
ColumnSet column_set(const Columns& columns);
/// The columns of a tree that it uses but no node below gives: correlations.
ColumnSet free_columns(const NodeRef& node);
/// Every expression that a node holds itself.
std::vector<ExprRef> expressions_of(const Node& node);
/// The tree with `rewrite` applied to every expression in it. Columns named elsewhere (groups,
/// keys, sort items) stay.
NodeRef map_expressions(const NodeRef& node, const std::function<ExprRef(const ExprRef&)>& rewrite);
/// The same for the node alone.
NodeRef map_own_expressions(const NodeRef& node,
                            const std::function<ExprRef(const ExprRef&)>& rewrite);
/// Columns that the node itself needs from its inputs, by any means but passing them on.
void add_used_columns(const Node& node, ColumnSet& out);

}  // namespace forebay::sql::plan
