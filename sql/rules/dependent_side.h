#pragma once

#include "sql/rules/rules.h"

/// The heart of decorrelation: a plan that uses columns of an outer query becomes one that computes
/// its rows for all outer values at once.
namespace forebay::sql::rules {

/// The right side of a dependent join, for one left side. D is the set of the distinct outer values
/// that occur on the left; push(T) gives the rows (d, t) with d in D and t in T evaluated under d.
/// Where an equality ties every outer column to a column of T, that column stands for it and D is
/// left out: then rows for other values appear, too, which the join with the left side drops.
class DependentSide {
 public:
  /// `outer`: the columns of `left` that the right side uses. `may_widen`: rows for values that are
  /// not in D may be computed (nothing can fail for them). `shown`: the columns whose form can
  /// decide what the right side gives (plan/forms.h).
  DependentSide(NodeRef left, std::vector<plan::Column> outer, bool may_widen, ColumnSet shown,
                ColumnFactory& columns)
      : left_(std::move(left)),
        outer_(std::move(outer)),
        may_widen_(may_widen),
        shown_(std::move(shown)),
        columns_(columns) {}

  struct Pushed {
    NodeRef plan;
    /// The columns of `plan` that hold the outer values, in the order of the outer columns.
    std::vector<plan::Column> outer;
    /// The outer value is found by an equality: rows where it is NULL belong to nobody.
    std::vector<bool> strict;
    std::vector<plan::ColumnId> ids() const;
  };
  Pushed push(const NodeRef& node);
  std::vector<plan::JoinKey> keys_to_left(const Pushed& pushed) const;

 private:
  Pushed domain();
  bool is_correlated(const NodeRef& node) const;
  expr::ExprRef bind(const expr::ExprRef& expr, const Pushed& pushed) const;
  /// `value`, equal to the outer column, can stand for it.
  bool can_stand_for(const plan::Column& outer, const expr::ExprRef& value) const;
  bool tie_by_equalities(const plan::Filter& filter, Pushed& out);
  Pushed push_filter(const plan::Filter& filter);
  Pushed push_project(const plan::Project& project);
  Pushed push_aggregate(const plan::Aggregate& aggregate);
  Pushed push_join(const plan::Join& join);
  Pushed push_both_sides(const plan::Join& join);
  Pushed push_asof_join(const plan::AsofJoin& join);
  /// Without the rows that belong to nobody: a strict outer value is NULL.
  NodeRef owned(const Pushed& pushed) const;
  Pushed push_union(const plan::Union& both);
  /// Only the node's own columns and the outer ones.
  NodeRef narrowed(const Pushed& pushed, const plan::Columns& own) const;

  NodeRef left_;
  std::vector<plan::Column> outer_;
  bool may_widen_;
  ColumnSet shown_;
  ColumnFactory& columns_;
  NodeRef domain_;
};

}  // namespace forebay::sql::rules
