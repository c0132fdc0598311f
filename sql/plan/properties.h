#pragma once

#include <vector>

#include "sql/plan/node.h"

/// What is known of a plan's rows without running it.
namespace forebay::sql::plan {

/// Sets of columns (of node.columns) that no two rows share; {} means at most one row. Minimal ones
/// first; at most a few.
using KeySet = std::vector<ColumnId>;
std::vector<KeySet> unique_keys(const NodeRef& node);
/// True when the node gives at most one row.
bool at_most_one_row(const NodeRef& node);
/// True when `columns` include a unique key.
bool has_unique_key(const NodeRef& node, const ColumnSet& columns);

/// The change stream of the node never retracts.
bool is_append_only(const NodeRef& node);

/// The expression over the node's columns is NULL for no row.
bool is_never_null(const NodeRef& node, const ExprRef& expr);

/// Computing the node's rows can fail, by overflow too: expressions, aggregates, guards.
bool can_fail(const NodeRef& node);

}  // namespace forebay::sql::plan
