#pragma once

#include <unordered_map>
#include <vector>

#include "sql/plan/node.h"

/// Which columns of a plan are bounded from below by watermarks: changes to come, of either sign,
/// have values that are not less. Derived from what sources and tables declare and from what is
/// known of views.
namespace forebay::sql::plan {

/// As operators::TimeBound::Term; the leaf may be a scan whose place in the circuit isn't known
/// yet.
struct BoundTerm {
  /// A source's own watermark, as this scan reads it; nullptr: that of `id`.
  const Scan* source = nullptr;
  operators::WatermarkId id;
  /// Monotone, over column 0, the watermark; nullptr: the watermark itself.
  ExprRef shift;
};
/// Not empty; the least of all of them.
using BoundTerms = std::vector<BoundTerm>;
using TimeBounds = std::unordered_map<ColumnId, BoundTerms>;

/// Of the node's columns. A source or table that declares nothing bounds nothing. Through joins
/// come only keys that are bounded on both sides, and times that the join compares: other columns
/// show rows again that came long ago.
TimeBounds time_bounds(const NodeRef& node);

/// Adds those of `others` that are not there yet.
void add_terms(BoundTerms& terms, const BoundTerms& others);
/// The time by so many microseconds earlier.
ExprRef earlier(const ExprRef& time, int64_t micros);

/// Some relation that the plan reads has a watermark.
bool reads_watermark(const NodeRef& node);

/// Makes sessions and joins time-bound, and aggregates (and DISTINCT) where a watermark bounds one
/// of their group columns, which then comes first. With `on_close` those give final rows only. The
/// root's columns may change their order.
NodeRef bound_groups(const NodeRef& node, bool on_close);

/// How long the bound may lag behind its watermark because times are cut (microseconds): of columns
/// that follow the same time, the finest closes groups first.
int64_t coarseness(const BoundTerms& terms);

/// The partition column of a TopN or Over that a watermark bounds, the finest of several: late rows
/// are dropped, and partitions behind it are final. nullopt: none, or another node.
std::optional<ColumnId> bounded_partition(const Node& node);

/// Watermarks bound both times of an ASOF join, or of one with versions: what they have passed is
/// final and forgotten, late rows are dropped.
bool forgets(const AsofJoin& join);

/// The call's results for the first rows of a partition need no later rows. `whole_groups`: nor do
/// those whose frames end with the row's peers, as none of them is left out.
bool looks_back(const OverCall& call, bool whole_groups);

/// Some function sees rows after its row, other than the row's peers.
bool looks_ahead(const Over& over);

/// All frames are ranges of time that begin and end near the row: with closes_in_order() partitions
/// without new rows are forgotten.
bool goes_with_time(const Over& over);

/// A TopN or Over whose input comes in order of time, from a Hold, and whose rows come once, when
/// they are final: it is ordered by that time and does not look ahead, or only so far.
bool closes_in_order(const Node& node);

/// EMIT ON WINDOW CLOSE of a plan after bound_groups(): the plan whose rows come once, when they
/// are final. Where operators do not close windows themselves, a Hold does, over the coarsest
/// column that is bounded. 0A000, with what is missing, when not every row is final some day.
data::Result<NodeRef> close_windows(const NodeRef& plan, ColumnFactory& columns);

}  // namespace forebay::sql::plan
