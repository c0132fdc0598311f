#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "sql/plan/node.h"

/// Rewrite rules: plan -> equal plan. Each is a pure function in its own file; optimize() runs them
/// in order. No rule makes a row fail that the plan as written would not: expressions that can fail
/// are not moved below a filter or a join.
namespace forebay::sql::rules {

using plan::ColumnFactory;
using plan::ColumnSet;
using plan::NodeRef;

/// Constants are computed; AND, OR and CASE with constant conditions shrink.
NodeRef fold_constants(const NodeRef& node);
/// Filters and projections that stand on each other become one; those that do nothing go.
NodeRef merge_projections(const NodeRef& node);
/// Guards and DISTINCTs over rows that are unique anyway go; what is known to be empty becomes
/// empty.
NodeRef simplify(const NodeRef& node, ColumnFactory& columns);
/// Dependent joins become joins (Neumann, Kemper: Unnesting Arbitrary Queries, BTW 2015).
NodeRef decorrelate(const NodeRef& node, ColumnFactory& columns);
/// Filters move towards the scans; into join conditions; outer joins whose NULL rows are filtered
/// out become inner joins.
NodeRef push_down_predicates(const NodeRef& node);
/// Filters that bound a row's number in its partition become limits of the Top-N below.
NodeRef limit_numbers(const NodeRef& node);
/// Equalities in join conditions become join keys.
NodeRef extract_join_keys(const NodeRef& node, ColumnFactory& columns);
/// Only columns that somebody uses are read, computed and kept: `required` ones by the reader of
/// the result.
NodeRef prune_columns(const NodeRef& node, const ColumnSet& required);

/// Aggregates over overlapping windows are made of those of panes.
NodeRef aggregate_by_pane(const NodeRef& node, ColumnFactory& columns);

/// Parts of the plan that are equal become one part with several readers: a common table expression
/// that is used twice, a source that is read twice in the same way. The plan is no tree any more,
/// so this comes last, after optimize() and what else rewrites it.
NodeRef share_common(const NodeRef& node);

struct Rule {
  std::string_view name;
  NodeRef (*apply)(const NodeRef& node, ColumnFactory& columns);
};
/// The rules in the order in which optimize() runs them; one may run twice.
std::span<const Rule> rules_in_order();

/// All of them. The result gives the plan's columns, in order.
/// `by_pane`: aggregate_by_pane is among them (EMIT LATE INTO wants to know each row's windows).
NodeRef optimize(NodeRef plan, ColumnFactory& columns, bool by_pane = true);

/// The tree with every node replaced bottom-up.
NodeRef rewrite_bottom_up(const NodeRef& node,
                          const std::function<NodeRef(const NodeRef&)>& rewrite);

}  // namespace forebay::sql::rules
