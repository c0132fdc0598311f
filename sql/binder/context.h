#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/ast/query.h"
#include "sql/binder/scope.h"
#include "sql/plan/expressions.h"

/// Where an expression stands, and what binding it collects for its query level.
namespace forebay::sql::binder {

using plan::Column;
using plan::ColumnId;
using plan::Columns;
using plan::NodeRef;

/// Where an expression stands: decides what is allowed and the words of errors.
enum class Clause : uint8_t {
  kSelect,
  kWhere,
  kJoin,
  kGroupBy,
  kHaving,
  kOrderBy,
  kLimit,
  kOffset,
  kValues,
  kFilter,
  kAggregateArgument,
  kReturning,
  kUpdate,
  kDefault,
  kWatermark,
  kGenerated,
  kFunctionInFrom,
  kExecute,
  kWindowDefinition,
  kWindowArgument,
};

/// "WHERE", "JOIN conditions" ...: where something is not allowed.
std::string_view clause_words(Clause clause);
/// row_number, lag ...: functions that need OVER, besides aggregates.
bool is_window_function(std::string_view name);

/// A subquery that an expression uses: joined to the plan below the expression, before it is
/// evaluated.
struct PendingSubquery {
  plan::JoinKind join = plan::JoinKind::kLeft;
  NodeRef plan;
  int32_t position = 0;
  /// The set-returning calls of the select list, which go on together: their texts and columns.
  std::vector<std::pair<std::string, Columns>> calls = {};
  /// Of more than one of them: the number of the row, from 1.
  std::optional<Column> ordinality = {};
};
using PendingSubqueries = std::vector<PendingSubquery>;

struct BoundAggregate {
  const udfs::AggregateFunction* function = nullptr;
  std::vector<ExprRef> arguments;
  bool distinct = false;
  ExprRef filter;
  Column output;
  /// Of an aggregate that depends on the order of its values.
  struct Order {
    ExprRef value;
    bool descending = false;
    bool nulls_first = false;
  };
  std::vector<Order> order;
  /// Constant arguments of an ordered-set aggregate.
  std::vector<data::Datum> direct;
};
/// The aggregates of one query level, collected while its expressions are bound.
struct AggregateState {
  std::vector<BoundAggregate> calls;
  /// Subqueries inside arguments.
  PendingSubqueries below;
  /// GROUPING(...): the bits of the sets, as a column that the grouping computes.
  struct GroupingCall {
    std::vector<ExprRef> arguments;
    std::vector<int32_t> positions;
    Column output;
  };
  std::vector<GroupingCall> groupings;
};

/// A call with OVER in a select list or ORDER BY.
struct BoundOver {
  std::vector<ExprRef> partition;
  std::vector<BoundAggregate::Order> order;
  std::vector<ExprRef> arguments;
  ExprRef filter;
  ExprRef fallback;
  /// Function, number and frame; its columns are not known yet. `output` is.
  plan::OverCall call;
};
/// The window functions of one query level, collected while its expressions are bound.
struct OverState {
  std::vector<BoundOver> calls;
  /// WINDOW name AS (...); belongs to the statement.
  const std::vector<ast::NamedWindow>* named = nullptr;
};

/// How an expression is to be bound.
struct ExprContext {
  const Scope* scope = nullptr;
  Clause clause = Clause::kSelect;
  /// nullptr: aggregates are refused.
  AggregateState* aggregates = nullptr;
  /// nullptr: subqueries are refused.
  PendingSubqueries* subqueries = nullptr;
  /// nullptr: window functions are refused.
  OverState* windows = nullptr;
};

}  // namespace forebay::sql::binder
