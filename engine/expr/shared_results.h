#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "engine/expr/expr.h"

/// Calls that several expressions over the same batches have in common, such as a filter and the
/// columns behind it: each row's result is computed once.
namespace forebay::expr {

/// The results of one batch. Rows that nobody asked for are not computed, so what is evaluated
/// lazily stays so; a row that fails is computed again and fails again. Not thread-safe; outlives
/// the evaluators that it was given to.
class SharedResults {
 public:
  /// One repeated call. Fixed-width values by physical row; bits say which rows are there.
  struct Slot {
    const Expr* expr = nullptr;
    std::unique_ptr<char[]> values;
    size_t value_bytes = 0;
    std::vector<uint64_t> validity;
    std::vector<uint64_t> computed;
    bool has_nulls = false;
    /// What holds the long strings among the values.
    std::vector<data::ArenaRef> arenas;
  };

  /// Finds the calls that are worth it: repeated, over columns, not volatile, of texts or numerics.
  explicit SharedResults(std::vector<ExprRef> expressions);

  /// Before the first expression sees a batch of so many physical rows: forgets the last one.
  void begin(uint32_t physical_rows);
  /// nullptr: not a call that is shared.
  Slot* find(const Expr& expr);

 private:
  void collect(const Expr& expr, std::vector<const Expr*>& seen);

  std::vector<ExprRef> expressions_;
  std::deque<Slot> slots_;
};

}  // namespace forebay::expr
