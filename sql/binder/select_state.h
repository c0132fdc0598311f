#pragma once

#include "sql/binder/binder.h"

namespace forebay::sql::binder {

/// One SELECT while it is bound.
struct Binder::SelectState {
  NodeRef plan;
  Scope scope;
  std::vector<SelectItem> items;
  AggregateState aggregates;
  /// Subqueries of the select list and ORDER BY: joined above the grouping.
  PendingSubqueries pending;
  ConditionSteps having;
  OverState windows;

  std::vector<ExprRef> groups;
  /// One per group, then those that depend on them.
  Columns group_columns;
  /// Aggregates without GROUP BY: always one row.
  bool scalar = false;
  /// GROUPING SETS, ROLLUP, CUBE: the groups of each set, ascending. Empty: one set of all.
  std::vector<std::vector<size_t>> sets;
  /// The number of the set that a grouped row belongs to.
  std::optional<Column> set_column;
  /// With an empty set: false in the row that makes its group exist. Aggregates leave it out.
  std::optional<Column> real_column;

  struct Order {
    ExprRef value;
    bool descending = false;
    bool nulls_first = false;
    int32_t position = 0;
  };
  std::vector<Order> order;
  bool distinct = false;
  std::vector<ExprRef> distinct_on;
};

}  // namespace forebay::sql::binder
