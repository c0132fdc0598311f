#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sql/ast/type_name.h"

/// The expressions of the AST that the parser makes of a statement. Plain structs, switched on by
/// `kind`; nothing is resolved yet. Names are folded to lower case, unless they were quoted, and
/// cut to 63 bytes. Expressions that hold a query (IN, EXISTS, ...) are in query.h.
namespace forebay::sql::ast {

/// No AST is deeper than this many nodes, along expressions, subqueries, joins and set operations
/// together: it may be walked and destroyed by recursion. What is deeper was refused with 54001.
inline constexpr int32_t kMaxDepth = 1000;

enum class ExprKind : uint8_t {
  kLiteral,
  kColumnRef,
  kStar,
  kParameter,
  kUnary,
  kBinary,
  kLogical,
  kNot,
  kIsTest,
  kDistinctFrom,
  kBetween,
  kIn,
  kLike,
  kCase,
  kCast,
  kCollate,
  kFunction,
  kSubquery,
  kQuantified,
  kRow,
  kArray,
  kSubscript,
  kField,
  kDefault,
};

struct Expr {
  Expr(ExprKind expr_kind, int32_t at) : kind(expr_kind), position(at) {}
  Expr(const Expr&) = delete;
  Expr& operator=(const Expr&) = delete;
  virtual ~Expr() = default;

  const ExprKind kind;
  /// 1-based character position in the text that was parsed, where PostgreSQL would point to: of an
  /// operator's node the operator, of all else its first token. 0: not from a text.
  int32_t position;
  /// Height of the tree below, at least 1 (see kMaxDepth).
  int32_t depth = 1;
};

using ExprPtr = std::unique_ptr<Expr>;

/// The node as what its `kind` says it is: `as<ColumnRef>(expr)`.
template <typename T>
const T& as(const Expr& expr) {
  return static_cast<const T&>(expr);
}
template <typename T>
T& as(Expr& expr) {
  return static_cast<T&>(expr);
}

enum class LiteralKind : uint8_t { kNull, kBoolean, kInteger, kNumeric, kString };

/// A constant. A minus sign before a number is part of the number.
struct Literal final : Expr {
  explicit Literal(int32_t at) : Expr(ExprKind::kLiteral, at) {}
  LiteralKind literal = LiteralKind::kNull;
  bool boolean = false;
  /// Of kInteger; any integer of 64 bits (what is greater is kNumeric).
  int64_t integer = 0;
  /// kString: the value. kInteger, kNumeric: the digits as written, with their sign.
  std::string text;
};

/// `a`, `t.a`, `s.t.a`: at least one name.
struct ColumnRef final : Expr {
  explicit ColumnRef(int32_t at) : Expr(ExprKind::kColumnRef, at) {}
  std::vector<std::string> names;
};

/// `*` (no qualifier) or `t.*`; legal in select lists, RETURNING and calls only, which the binder
/// judges.
struct Star final : Expr {
  explicit Star(int32_t at) : Expr(ExprKind::kStar, at) {}
  std::vector<std::string> qualifier;
};

/// `$1`: index 1.
struct Parameter final : Expr {
  explicit Parameter(int32_t at) : Expr(ExprKind::kParameter, at) {}
  int32_t index = 0;
};

/// An operator as written ("+", "||", "->>", "!=" is "<>"), perhaps OPERATOR(schema.op).
struct OperatorName {
  std::string schema;
  std::string symbol;
};

/// A prefix operator: `- x`, `+ x`, `~ x`, `@ x`.
struct Unary final : Expr {
  explicit Unary(int32_t at) : Expr(ExprKind::kUnary, at) {}
  OperatorName op;
  ExprPtr operand;
};

/// An infix operator, comparisons among them. AND and OR are Logical.
struct Binary final : Expr {
  explicit Binary(int32_t at) : Expr(ExprKind::kBinary, at) {}
  OperatorName op;
  ExprPtr left;
  ExprPtr right;
};

/// AND or OR of two or more operands: `a AND b AND c` is one node.
struct Logical final : Expr {
  explicit Logical(int32_t at) : Expr(ExprKind::kLogical, at) {}
  bool is_or = false;
  std::vector<ExprPtr> operands;
};

struct Not final : Expr {
  explicit Not(int32_t at) : Expr(ExprKind::kNot, at) {}
  ExprPtr operand;
};

enum class IsTestKind : uint8_t { kNull, kTrue, kFalse, kUnknown };

/// `x IS [NOT] NULL|TRUE|FALSE|UNKNOWN`; ISNULL and NOTNULL too.
struct IsTest final : Expr {
  explicit IsTest(int32_t at) : Expr(ExprKind::kIsTest, at) {}
  IsTestKind test = IsTestKind::kNull;
  bool negated = false;
  ExprPtr operand;
};

/// `a IS [NOT] DISTINCT FROM b`.
struct DistinctFrom final : Expr {
  explicit DistinctFrom(int32_t at) : Expr(ExprKind::kDistinctFrom, at) {}
  bool negated = false;
  ExprPtr left;
  ExprPtr right;
};

/// `x [NOT] BETWEEN [SYMMETRIC] low AND high`.
struct Between final : Expr {
  explicit Between(int32_t at) : Expr(ExprKind::kBetween, at) {}
  bool negated = false;
  bool symmetric = false;
  ExprPtr operand;
  ExprPtr low;
  ExprPtr high;
};

enum class LikeKind : uint8_t { kLike, kIlike, kSimilar };

/// `x [NOT] LIKE|ILIKE|SIMILAR TO pattern [ESCAPE escape]`.
struct Like final : Expr {
  explicit Like(int32_t at) : Expr(ExprKind::kLike, at) {}
  LikeKind like = LikeKind::kLike;
  bool negated = false;
  ExprPtr operand;
  ExprPtr pattern;
  /// Null without ESCAPE.
  ExprPtr escape;
};

struct CaseBranch {
  ExprPtr condition;
  ExprPtr result;
};

/// CASE; with `subject` the conditions are values to compare it with.
struct Case final : Expr {
  explicit Case(int32_t at) : Expr(ExprKind::kCase, at) {}
  ExprPtr subject;
  std::vector<CaseBranch> branches;
  /// Null without ELSE.
  ExprPtr otherwise;
};

enum class CastStyle : uint8_t { kCast, kDoubleColon, kTypedLiteral };

/// `CAST(x AS t)`, `x::t`, `t 'text'` (whose operand is the string).
struct Cast final : Expr {
  explicit Cast(int32_t at) : Expr(ExprKind::kCast, at) {}
  CastStyle style = CastStyle::kCast;
  ExprPtr operand;
  TypeName type;
};

struct Collate final : Expr {
  explicit Collate(int32_t at) : Expr(ExprKind::kCollate, at) {}
  ExprPtr operand;
  std::vector<std::string> collation;
};

enum class NullsOrder : uint8_t { kDefault, kFirst, kLast };

/// One item of ORDER BY.
struct SortItem {
  ExprPtr value;
  bool descending = false;
  NullsOrder nulls = NullsOrder::kDefault;
};

struct FunctionArg {
  /// Of `name => value`; else empty.
  std::string name;
  bool variadic = false;
  /// `TABLE t` is the subquery SELECT * FROM t.
  ExprPtr value;
  /// Of `value PARTITION BY (a, b)`.
  std::vector<ExprPtr> partition_by = {};
};

enum class FrameUnit : uint8_t { kRows, kRange, kGroups };
enum class FrameBoundKind : uint8_t {
  kUnboundedPreceding,
  kPreceding,
  kCurrentRow,
  kFollowing,
  kUnboundedFollowing,
};
enum class FrameExclusion : uint8_t { kNoOthers, kCurrentRow, kGroup, kTies };

struct FrameBound {
  int32_t position = 0;
  FrameBoundKind kind = FrameBoundKind::kCurrentRow;
  /// Of kPreceding and kFollowing.
  ExprPtr offset;
};

struct WindowFrame {
  int32_t position = 0;
  FrameUnit unit = FrameUnit::kRange;
  FrameBound lower{0, FrameBoundKind::kUnboundedPreceding, nullptr};
  FrameBound upper{0, FrameBoundKind::kCurrentRow, nullptr};
  FrameExclusion exclusion = FrameExclusion::kNoOthers;
};

/// `(w PARTITION BY ... ORDER BY ... frame)`, or the `w` of `OVER w`, which has only its name.
struct WindowSpec {
  int32_t position = 0;
  /// `OVER w`: nothing else is set.
  bool reference_only = false;
  std::string existing;
  std::vector<ExprPtr> partition_by;
  std::vector<SortItem> order_by;
  /// Nothing: the default frame.
  std::optional<WindowFrame> frame;
};

/// How a call was spelled, for printing only; the name and arguments mean the same in each
/// spelling.
enum class CallSyntax : uint8_t {
  kPlain,
  /// CURRENT_DATE, LOCALTIME, CURRENT_USER, ...: no parentheses, an optional precision as argument.
  kNoParens,
  /// `EXTRACT(field FROM x)` is extract('field', x).
  kExtract,
  /// `x AT TIME ZONE z` is timezone(z, x).
  kAtTimeZone,
};

/// A call. These spellings become calls: EXTRACT, AT TIME ZONE, CURRENT_DATE etc. (see CallSyntax),
/// SUBSTRING(x FROM a FOR b) -> substring(x, a, b), POSITION(a IN b) -> position(b, a),
/// TRIM -> btrim, ltrim or rtrim(x, chars), OVERLAY(x PLACING y FROM a FOR b) -> overlay(x, y, a,
/// b), and COALESCE, NULLIF, GREATEST, LEAST, GROUPING, which are plain calls.
struct Function final : Expr {
  explicit Function(int32_t at) : Expr(ExprKind::kFunction, at) {}
  CallSyntax syntax = CallSyntax::kPlain;
  /// Perhaps with a schema before it.
  std::vector<std::string> name;
  std::vector<FunctionArg> args;
  /// `f(*)`.
  bool star = false;
  bool distinct = false;
  /// ORDER BY inside the parentheses, or of WITHIN GROUP.
  std::vector<SortItem> order_by;
  bool within_group = false;
  ExprPtr filter;
  std::unique_ptr<WindowSpec> over;
};

/// `ROW(a, b)`, or `(a, b)` with two or more items.
struct Row final : Expr {
  explicit Row(int32_t at) : Expr(ExprKind::kRow, at) {}
  bool explicit_row = false;
  std::vector<ExprPtr> items;
};

/// `ARRAY[...]`; an item may be an Array itself, for `ARRAY[[1, 2], [3, 4]]`.
struct Array final : Expr {
  explicit Array(int32_t at) : Expr(ExprKind::kArray, at) {}
  std::vector<ExprPtr> items;
};

/// `x[lower]`, or `x[lower:upper]`, where both may be missing.
struct Subscript final : Expr {
  explicit Subscript(int32_t at) : Expr(ExprKind::kSubscript, at) {}
  bool slice = false;
  /// In parentheses: a subscript behind it is one of its result, not one more of the same array.
  bool closed = false;
  ExprPtr operand;
  ExprPtr lower;
  ExprPtr upper;
};

/// `(x).name`, or `(x).*` when `name` is empty.
struct Field final : Expr {
  explicit Field(int32_t at) : Expr(ExprKind::kField, at) {}
  ExprPtr operand;
  std::string name;
};

/// DEFAULT in VALUES and SET.
struct Default final : Expr {
  explicit Default(int32_t at) : Expr(ExprKind::kDefault, at) {}
};

}  // namespace forebay::sql::ast
