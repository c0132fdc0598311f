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
/// come only keys that are bounded on both sides: other columns show rows again that came long ago.
TimeBounds time_bounds(const NodeRef& node);

/// Some relation that the plan reads has a watermark.
bool reads_watermark(const NodeRef& node);

/// Some source that the plan reads has a watermark of its own.
bool reads_watermarked_source(const NodeRef& node);

/// Makes sessions time-bound, and aggregates (and DISTINCT) where a watermark bounds one of their
/// group columns, which then comes first. With `on_close` those give final rows only. The root's
/// columns may change their order.
NodeRef bound_groups(const NodeRef& node, bool on_close);

/// After bound_groups() for EMIT ON WINDOW CLOSE: 0A000, with what is missing, unless every row of
/// the plan comes from a window that closes.
data::Status check_closes(const NodeRef& node);

}  // namespace forebay::sql::plan
