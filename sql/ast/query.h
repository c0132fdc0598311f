#pragma once

#include "sql/ast/expr.h"

/// Queries of the AST, and the expressions that hold them.
namespace forebay::sql::ast {

struct Query;
struct TableRef;
using QueryPtr = std::unique_ptr<Query>;
using TableRefPtr = std::unique_ptr<TableRef>;

/// One item of a select list or RETURNING: an expression (perhaps a Star) and its alias, if any.
struct SelectItem {
  ExprPtr value;
  std::string alias;
};

enum class TableRefKind : uint8_t { kTable, kSubquery, kFunction, kJoin };

/// `AS name (a, b)`; of a function perhaps with types: `AS t(a int, b text)`.
struct TableAlias {
  std::string name;
  std::vector<std::string> columns;
  /// As many as columns, or none.
  std::vector<TypeName> types;
};

struct TableRef {
  TableRef(TableRefKind ref_kind, int32_t at) : kind(ref_kind), position(at) {}
  TableRef(const TableRef&) = delete;
  TableRef& operator=(const TableRef&) = delete;
  virtual ~TableRef() = default;

  const TableRefKind kind;
  int32_t position;
  bool lateral = false;
  TableAlias alias;
};

template <typename T>
const T& as(const TableRef& ref) {
  return static_cast<const T&>(ref);
}
template <typename T>
T& as(TableRef& ref) {
  return static_cast<T&>(ref);
}

/// A relation by its name, perhaps with a schema and a database before it.
struct NamedTable final : TableRef {
  explicit NamedTable(int32_t at) : TableRef(TableRefKind::kTable, at) {}
  std::vector<std::string> name;
  /// FOR SYSTEM_TIME AS OF; nullptr: as it is now.
  ExprPtr as_of;
};

struct SubqueryTable final : TableRef {
  explicit SubqueryTable(int32_t at) : TableRef(TableRefKind::kSubquery, at) {}
  QueryPtr query;
};

struct FunctionTable final : TableRef {
  explicit FunctionTable(int32_t at) : TableRef(TableRefKind::kFunction, at) {}
  std::unique_ptr<Function> call;
  bool with_ordinality = false;
};

enum class JoinKind : uint8_t { kCross, kInner, kLeft, kRight, kFull };

/// A join. Exactly one of natural, using and condition, unless it is a cross join. An alias is of a
/// join in parentheses.
struct JoinTable final : TableRef {
  explicit JoinTable(int32_t at) : TableRef(TableRefKind::kJoin, at) {}
  JoinKind join = JoinKind::kInner;
  bool natural = false;
  /// ASOF JOIN.
  bool asof = false;
  TableRefPtr left;
  TableRefPtr right;
  ExprPtr condition;
  std::vector<std::string> using_columns;
  std::vector<int32_t> using_positions;
  /// The alias of USING (...) AS alias.
  std::string using_alias;
};

enum class GroupItemKind : uint8_t { kExpression, kEmpty, kRollup, kCube, kGroupingSets };

struct GroupItem {
  GroupItemKind kind = GroupItemKind::kExpression;
  int32_t position = 0;
  /// One of kExpression; the list of kRollup and kCube.
  std::vector<ExprPtr> expressions;
  /// Of kGroupingSets.
  std::vector<GroupItem> sets;
};

struct NamedWindow {
  std::string name;
  WindowSpec spec;
};

/// SELECT without what follows it (ORDER BY, LIMIT: Query has them).
struct Select {
  int32_t position = 0;
  bool distinct = false;
  /// Of DISTINCT ON.
  std::vector<ExprPtr> distinct_on;
  /// May be empty, as in PostgreSQL.
  std::vector<SelectItem> items;
  /// The comma list.
  std::vector<TableRefPtr> from;
  ExprPtr where;
  bool group_distinct = false;
  /// True with GROUP BY.
  bool grouped = false;
  std::vector<GroupItem> group_by;
  ExprPtr having;
  std::vector<NamedWindow> windows;
};

struct CommonTable {
  int32_t position = 0;
  std::string name;
  std::vector<std::string> columns;
  /// AS [NOT] MATERIALIZED.
  std::optional<bool> materialized;
  QueryPtr query;
};

enum class QueryKind : uint8_t { kSelect, kValues, kSetOperation };
enum class SetOperator : uint8_t { kUnion, kIntersect, kExcept };

/// A query with all that surrounds it. TABLE x is SELECT * FROM x; parentheses leave no trace.
struct Query {
  int32_t position = 0;
  bool recursive = false;
  std::vector<CommonTable> with;

  QueryKind kind = QueryKind::kSelect;
  /// kSelect.
  std::unique_ptr<Select> select;
  /// kValues: rows of equal or different lengths (the binder judges); an item may be a Default.
  std::vector<std::vector<ExprPtr>> values;
  /// kSetOperation.
  SetOperator set_operator = SetOperator::kUnion;
  bool set_all = false;
  QueryPtr left;
  QueryPtr right;

  std::vector<SortItem> order_by;
  /// Null: none, and for LIMIT ALL.
  ExprPtr limit;
  ExprPtr offset;
  bool with_ties = false;
  /// Position of FOR UPDATE and the like, else 0.
  int32_t locking_position = 0;
};

/// `x [NOT] IN (items)` or `x [NOT] IN (query)`: one of the two.
struct In final : Expr {
  explicit In(int32_t at) : Expr(ExprKind::kIn, at) {}
  bool negated = false;
  ExprPtr operand;
  std::vector<ExprPtr> items;
  QueryPtr query;
};

enum class SubqueryKind : uint8_t { kScalar, kExists, kArray };

/// `(query)`, `EXISTS (query)`, `ARRAY(query)`.
struct Subquery final : Expr {
  explicit Subquery(int32_t at) : Expr(ExprKind::kSubquery, at) {}
  SubqueryKind subquery = SubqueryKind::kScalar;
  QueryPtr query;
};

/// `x op ANY|ALL (query)` or `x op ANY|ALL (array)`: one of the two. SOME is ANY; LIKE is op "~~",
/// ILIKE
/// "~~*", with NOT "!~~" and "!~~*".
struct Quantified final : Expr {
  explicit Quantified(int32_t at) : Expr(ExprKind::kQuantified, at) {}
  OperatorName op;
  bool all = false;
  ExprPtr operand;
  ExprPtr array;
  QueryPtr query;
};

}  // namespace forebay::sql::ast
