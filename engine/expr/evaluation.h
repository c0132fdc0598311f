#pragma once

#include <memory>
#include <vector>

#include "engine/data/numeric.h"
#include "engine/expr/expr.h"
#include "engine/expr/shared_results.h"

/// Inside of Evaluator: the tree of nodes with their scratch memory, and one method per kind of
/// node. Private to engine/expr.
namespace forebay::expr {

using data::ChangeBatch;
using data::ColumnView;
using data::Layout;
using data::Selection;

/// Rows to compute: physical numbers, ascending. `dense`: exactly 0 .. count-1.
struct Rows {
  const uint32_t* rows;
  uint32_t count;
  bool dense;
};

/// The literals of an IN list, ready to look up.
struct InSet {
  std::vector<int64_t> integers;          // sorted; for kInt32 and kInt64
  std::vector<std::string_view> strings;  // sorted; they point into the expression's literals
  bool has_null = false;
};

/// One expression with its scratch memory, which is used again for every batch.
struct Node {
  const Expr* expr;
  std::vector<Node> children;
  Layout layout;
  uint32_t width;
  bool can_fail = false;
  /// Costs a few cycles per row and cannot fail: worth computing for rows that will not need it.
  bool cheap = false;
  bool is_root = false;
  ColumnRef literal;
  std::unique_ptr<InSet> in_set;
  /// A call that other nodes or evaluators have, too; nullptr: none.
  SharedResults::Slot* shared = nullptr;

  std::vector<Type> argument_types;
  std::vector<ColumnView> argument_views;
  std::unique_ptr<char[]> values;
  size_t value_bytes = 0;
  std::vector<uint64_t> validity;
};

/// Where a node writes its result.
struct Output {
  char* values;
  uint64_t* validity;  // all bits 1 at first
  bool has_nulls = false;

  void set_null(uint32_t row) {
    validity[row >> 6] &= ~(uint64_t{1} << (row & 63));
    has_nulls = true;
  }
  ColumnView view(uint32_t step = 1) const {
    return {values, has_nulls ? validity : nullptr, step};
  }
};

/// Evaluates one tree over one batch at a time.
class Evaluation {
 public:
  Evaluation(ExprRef expr, SharedResults* shared);

  ColumnRef evaluate(const ChangeBatch& batch, const EvalContext& context,
                     std::vector<RowError>& errors);
  Selection select(const ChangeBatch& batch, const EvalContext& context,
                   std::vector<RowError>& errors);

 private:
  friend class ScratchRows;
  struct CallFrame;

  Node build(const Expr& expr);
  void build_in_set(Node& node);
  void begin(const ChangeBatch& batch, const EvalContext& context, std::vector<RowError>& errors);
  void end(size_t first_error);
  Rows batch_rows();

  /// Values of `node` for `rows` that do not fail. Failing rows are recorded.
  ColumnView eval(Node& node, Rows rows);
  ColumnView eval_call(Node& node, Rows rows);
  ColumnView eval_shared(Node& node, Rows rows);
  ColumnView eval_constant_call(Node& node, Rows rows);
  ColumnView run_strict(Node& node, Rows rows);
  ColumnView eval_and_or(Node& node, Rows rows);
  ColumnView eval_not(Node& node, Rows rows);
  ColumnView eval_is_null(Node& node, Rows rows);
  ColumnView eval_distinct(Node& node, Rows rows);
  ColumnView eval_case(Node& node, Rows rows);
  ColumnView eval_coalesce(Node& node, Rows rows);
  ColumnView eval_in_list(Node& node, Rows rows);
  ColumnView eval_in_set(Node& node, Rows rows);

  /// Appends the rows where the boolean `node` is true.
  void select_node(Node& node, Rows rows, Selection& out);

  Output output(Node& node, bool constant = false);
  void call_kernel(Node& node, Rows rows, Rows failing, Output& out);
  void record_failure(uint32_t row, const data::SqlState& sqlstate, std::string_view message);
  bool has_failed(uint32_t row) const {
    return failure_count_ > 0 && (failed_[row >> 6] >> (row & 63) & 1) != 0;
  }
  /// `rows` without those that have failed since `failures_before`; `memory` holds the result.
  Rows without_failed(Rows rows, size_t failures_before, Selection& memory) const;
  const uint32_t* counting_rows(uint32_t count);
  /// Long strings of results that may reach the root's column.
  void keep_string_sources(const Node& node, data::ColumnBuilder& builder) const;
  size_t words() const { return size_t{physical_rows_} / 64 + 1; }

  ExprRef expr_;
  SharedResults* shared_;
  Node root_;
  data::ColumnBuilder builder_;
  /// Free selections, used as a stack by ScratchRows.
  std::vector<std::unique_ptr<Selection>> scratch_;
  size_t scratch_used_ = 0;
  std::vector<uint32_t> counting_;

  // Of the batch at hand.
  const ChangeBatch* batch_ = nullptr;
  uint32_t physical_rows_ = 0;
  udfs::CallEnvironment environment_;
  std::shared_ptr<data::Arena> arena_;
  size_t most_bytes_ = SIZE_MAX;  // of arena_
  std::vector<RowError>* errors_ = nullptr;
  std::vector<uint64_t> failed_;
  size_t failure_count_ = 0;
};

/// A selection borrowed from the evaluation's stack.
class ScratchRows {
 public:
  explicit ScratchRows(Evaluation& owner) : owner_(owner) {
    if (owner.scratch_used_ == owner.scratch_.size()) {
      owner.scratch_.push_back(std::make_unique<Selection>());
    }
    rows_ = owner.scratch_[owner.scratch_used_++].get();
    rows_->clear();
  }
  ~ScratchRows() { --owner_.scratch_used_; }
  ScratchRows(const ScratchRows&) = delete;
  Selection& operator*() { return *rows_; }
  Selection* operator->() { return rows_; }
  Rows rows() const { return {rows_->data(), static_cast<uint32_t>(rows_->size()), false}; }

 private:
  Evaluation& owner_;
  Selection* rows_;
};

template <typename F>
inline void for_rows(Rows rows, F&& visit) {
  if (rows.dense) {
    for (uint32_t row = 0; row < rows.count; ++row) visit(row);
  } else {
    for (uint32_t i = 0; i < rows.count; ++i) visit(rows.rows[i]);
  }
}

/// Equality as IS NOT DISTINCT FROM has it, of two values that are not NULL.
bool same_value(data::TypeId type, const ColumnView& a, uint32_t row_a, const ColumnView& b,
                uint32_t row_b);

/// Copies values of `rows`, `width` bytes each, from a view into an output of the same layout.
void copy_rows(uint32_t width, const ColumnView& source, Rows rows, Output& out);

/// Appends the rows whose byte is 1 and not NULL.
void append_true_rows(const ColumnView& view, Rows rows, Selection& out);

}  // namespace forebay::expr
