#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "sql/plan/watermarks.h"

/// What watermarks say about the state of a join: from conditions that compare times of both sides,
/// and from keys that are times, follows when no row to come can match a row that is kept.
namespace forebay::sql::plan {

/// `low` + offset_us <= `high` for all pairs that match: times of one side each.
struct TimeOrder {
  ColumnId low = 0;
  ColumnId high = 0;
  int64_t offset_us = 0;
  int low_side = 0;  // 0: low is of the left side, high of the right one
};

/// As operators::JoinTime, with the columns of the plan.
struct JoinTime {
  /// The first key is a time that is bounded on both sides.
  bool by_key = false;
  /// All that is known.
  std::vector<TimeOrder> orders;
  struct Reach {
    ColumnId column = 0;  // of the other side
    int64_t offset_us = 0;
  };
  struct Side {
    /// Rows before the bounds of these columns are late.
    std::vector<ColumnId> late;
    /// Rows go when `high` of this order is before the bound of `low`, by so much later (and before
    /// its own bound, where rows of the side can change).
    std::optional<TimeOrder> needed;
    /// With `needed`: rows of the side can be taken out again.
    bool changes = false;
    /// With `needed`: between which columns of the other side, moved by so much, the time lies in
    /// pairs that match. nullopt: no end.
    std::optional<Reach> lower, upper;
  };
  Side sides[2];
};

/// The join with what bounds its state, or itself. Its inputs are bounded already. `above`: what
/// the rows are filtered by above it.
NodeRef bound_join(const NodeRef& join, const std::vector<ExprRef>& above);

/// Conditions that decide, for input `index` of a node with the conditions `above` above it,
/// whether its rows are seen at all.
std::vector<ExprRef> conditions_below(const Node& node, size_t index,
                                      const std::vector<ExprRef>& above);

/// What `needed` of a side says: rows that are not before it may still be needed.
BoundTerms needed_terms(const Join& join, int side);

/// Columns of the join, with `left` and `right` bounded so.
TimeBounds join_bounds(const Join& join, const TimeBounds& left, const TimeBounds& right);

}  // namespace forebay::sql::plan
