#pragma once

#include <limits>

#include "engine/operators/operator.h"

/// What a time-bound operator asks of its bound: which rows are late, and which values of the time
/// column are final.
namespace forebay::operators {

/// "[#3: 12/0, 12/4]": for describe().
std::string bound_text(const TimeBound& bound);

/// One bound in one worker. Values of time columns are microseconds of timestamps or days of dates.
class TimeJudge {
 public:
  /// Below everything: nothing is late or closed. Above everything: all is.
  static constexpr int64_t kNothing = std::numeric_limits<int64_t>::min();
  static constexpr int64_t kEverything = std::numeric_limits<int64_t>::max();

  /// `type`: of the bounded column. Without context.watermarks nothing is late and nothing closes.
  TimeJudge(const TimeBound& bound, Type type, const OperatorContext& context)
      : bound_(bound), type_(type), context_(context) {}

  /// By W(e-1): rows of the epoch below it are late.
  int64_t previous();
  /// By W(e): values below it will not come any more. From end_epoch on.
  int64_t current();
  /// The epoch is over.
  void end() { previous_.reset(), current_.reset(); }

  /// Leaves the late rows out of the batch; gives their number.
  uint64_t drop_late(ChangeBatch& batch);
  /// The late rows of the batch, as physical rows.
  data::Selection late_rows(const ChangeBatch& batch);
  /// The bound as a value of the column's type; NULL: there is none.
  data::Datum datum_of(int64_t bound) const;
  /// The key bytes (kGrouping) at which the values from `bound` on begin; NULLs are behind all.
  std::string key_of(int64_t bound) const;
  Type type() const { return type_; }

 private:
  int64_t least(bool now) const;
  /// The least value that the term lets through.
  int64_t value_of(const TimeBound::Term& term, int64_t watermark) const;

  const TimeBound& bound_;
  Type type_;
  const OperatorContext& context_;
  std::optional<int64_t> previous_, current_;
};

}  // namespace forebay::operators
