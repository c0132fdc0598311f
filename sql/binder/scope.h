#pragma once

#include <string>
#include <vector>

#include "sql/plan/node.h"

/// What names mean at one place of a statement.
namespace forebay::sql::binder {

using catalog::CatalogObjectRef;
using expr::ExprRef;

struct AggregateState;

/// A column under a name. Usually a plain column; of FULL JOIN ... USING a COALESCE of two.
struct ScopeColumn {
  std::string name;
  ExprRef value;
  /// Of a record: its fields, for `(column).field`.
  std::vector<ScopeColumn> fields = {};
};

/// One entry of FROM, for `alias.column`.
struct ScopeRelation {
  /// Of a table without alias; else empty.
  std::string schema;
  std::string alias;
  std::vector<ScopeColumn> columns;
  /// The stored object itself, else null: for the functional dependency on its key. `key` are the
  /// numbers of its declared key's columns.
  CatalogObjectRef object;
  std::vector<plan::ColumnId> key;
};

/// The names of one query level, and the levels around it.
struct Scope {
  std::vector<ScopeRelation> relations;
  /// What unqualified names and `*` see, in order: columns merged by USING once.
  std::vector<ScopeColumn> visible;
  const Scope* parent = nullptr;
  /// Where aggregates over this level's columns go, from subqueries too; nullptr: not allowed here.
  AggregateState* aggregates = nullptr;

  /// Both sides of a comma or a join without merged columns.
  void append(Scope other) {
    for (auto& relation : other.relations) relations.push_back(std::move(relation));
    for (auto& column : other.visible) visible.push_back(std::move(column));
  }
};

/// What a query gives: a plan and which of its columns are the result.
struct OutputColumn {
  std::string name;
  plan::Column column;
  /// Of a record: its fields, over columns of the plan.
  std::vector<ScopeColumn> fields = {};
};
struct QueryPlan {
  plan::NodeRef plan;
  std::vector<OutputColumn> columns;
  /// ORDER BY of the query, over columns of the plan.
  std::vector<plan::SortItem> order;
};

}  // namespace forebay::sql::binder
