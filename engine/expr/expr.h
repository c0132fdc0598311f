#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/data/change_batch.h"
#include "udfs/function.h"

/// Typed expressions over the columns of one batch, evaluated a column at a time.
namespace forebay::expr {

using data::ColumnRef;
using data::Datum;
using data::Type;

enum class ExprKind : uint8_t {
  kColumn,     // column `column` of the input
  kLiteral,    // `literal`
  kParameter,  // $n of a prepared statement: replaced by a literal before evaluation (`column` = n
               // - 1)
  kCall,       // `function` over children
  kAnd,  // two or more children, three-valued; later ones only where earlier ones leave it open
  kOr,
  kNot,
  kIsNull,
  kIsNotNull,
  kIsDistinctFrom,  // two children of one type
  kIsNotDistinctFrom,
  kCase,      // when1, then1, when2, then2, ..., else; evaluated lazily under selections
  kCoalesce,  // lazily
  kInList,    // child 0 IN (the others), three-valued
};

struct Expr;
using ExprRef = std::shared_ptr<const Expr>;

/// An immutable expression. Built by the functions below only, so that types always agree: every
/// argument of a call has exactly the function's argument type (casts are calls).
struct Expr {
  ExprKind kind;
  Type type;
  uint32_t column = 0;
  Datum literal;
  const udfs::ScalarFunction* function = nullptr;
  std::vector<ExprRef> children;
};

ExprRef column(uint32_t index, Type type);
ExprRef literal(Datum value);
ExprRef parameter(uint32_t index, Type type);
/// `type` is the function's result type, with its modifier where one is known.
ExprRef call(const udfs::ScalarFunction* function, Type type, std::vector<ExprRef> arguments);
/// kAnd, kOr, kNot, kIsNull, kIsNotNull, kIsDistinctFrom, kIsNotDistinctFrom, kInList: boolean.
ExprRef logical(ExprKind kind, std::vector<ExprRef> children);
ExprRef case_when(Type type, std::vector<ExprRef> children);
ExprRef coalesce(Type type, std::vector<ExprRef> children);

bool equal(const Expr& a, const Expr& b);
size_t hash(const Expr& expr);
/// True when evaluation can fail for some row.
bool can_fail(const Expr& expr);
/// The strongest volatility inside.
udfs::Volatility volatility(const Expr& expr);
/// Columns that it reads, ascending, without repeats.
std::vector<uint32_t> columns_of(const Expr& expr);
/// The same expression with column i replaced by replacements[i].
ExprRef substitute(const ExprRef& expr, const std::vector<ExprRef>& replacements);
/// The same with column i renumbered to mapping[i].
ExprRef remap(const ExprRef& expr, const std::vector<uint32_t>& mapping);
/// The same with parameters replaced by literals.
ExprRef bind_parameters(const ExprRef& expr, const std::vector<Datum>& values);
/// Calls without columns, parameters and volatile functions become literals; failing ones stay as
/// they are (they fail when evaluated).
ExprRef fold_constants(const ExprRef& expr);
/// "(a + 1)" with `names` for columns ("#3" beyond them): EXPLAIN, golden tests.
std::string to_string(const Expr& expr, const std::vector<std::string>& names = {});

/// A row that failed while an expression was evaluated.
struct RowError {
  uint32_t row;  // physical
  data::SqlState sqlstate;
  std::string message;
  /// Whole sentences, or empty.
  std::string detail;
  std::string hint;

  /// The failure of a statement that stops at this row.
  data::Status to_status() const {
    return data::Status(
        data::Error{.sqlstate = sqlstate, .message = message, .detail = detail, .hint = hint});
  }
};

/// Values that stable functions take during one evaluation.
struct EvalContext {
  /// now() in microseconds since 2000-01-01 UTC.
  int64_t now = 0;
  std::string user = "root";
  std::string database = "dev";
  /// Existing schemas in which names are looked up, in order.
  std::vector<std::string> search_path = {"public"};
  /// What the texts that one expression makes of one batch may take; beyond that std::bad_alloc is
  /// thrown. By default (views) what no sound program comes near to.
  size_t most_bytes = size_t{4} << 30;
  /// Of the session that runs the statement, or nullptr.
  udfs::SessionAccess* session = nullptr;
};

class SharedResults;

/// Evaluates one expression over batches. Holds scratch memory; not thread-safe, one per worker.
class Evaluator {
 public:
  /// `shared` (shared_results.h): what the expression has in common with others; nullptr: nothing.
  explicit Evaluator(ExprRef expr, SharedResults* shared = nullptr);
  ~Evaluator();
  Evaluator(Evaluator&&) noexcept;

  /// The values for the batch's rows (by physical row; rows that are not selected or have failed
  /// hold unspecified values). Failing rows are appended to `errors`, each row at most once per
  /// call, in ascending order.
  ColumnRef evaluate(const data::ChangeBatch& batch, const EvalContext& context,
                     std::vector<RowError>& errors);
  /// For a boolean expression: the rows of the batch where it is true.
  data::Selection select(const data::ChangeBatch& batch, const EvalContext& context,
                         std::vector<RowError>& errors);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Evaluates an expression without columns to one value (parameters bound); for INSERT's literals,
/// LIMIT, SET. The row's failure is the Status.
data::Result<Datum> evaluate_constant(const ExprRef& expr, const EvalContext& context);

}  // namespace forebay::expr
