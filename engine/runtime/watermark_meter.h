#pragma once

#include <memory>
#include <vector>

#include "engine/expr/expr.h"
#include "engine/runtime/watermark_tracker.h"

/// What a batch says of its leaf's watermark.
namespace forebay::runtime {

/// The largest value of a watermark's expression over the rows that come (weight above 0), without
/// NULLs, infinities, rows where it fails, and values too far in the future. Of `column - constant`
/// only the largest column value is computed. One per lane and leaf; not thread-safe.
class WatermarkMeter {
 public:
  explicit WatermarkMeter(const LeafWatermark& declared);

  /// `now_us`: timestamptz, for what is too far.
  Observation measure(const ChangeBatch& rows, const expr::EvalContext& eval, int64_t now_us);

 private:
  Observation measure_all(const ChangeBatch& rows, const expr::EvalContext& eval, int64_t limit);

  const std::optional<int64_t> max_future_us_;
  /// Of `column + or - constant interval`, which grows with the column; -1: not of this form.
  int64_t column_ = -1;
  expr::ExprRef value_;
  expr::Evaluator evaluator_;
  std::vector<expr::RowError> errors_;
};

}  // namespace forebay::runtime
