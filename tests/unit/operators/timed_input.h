#pragma once

#include "tests/unit/operators/harness.h"
#include "udfs/registry.h"

namespace forebay::operators::testing {

using data::kBigintType;
using data::kTextType;
using data::kTimestampType;

/// Columns of rows that begin with their time; the others are a key, a number and a text.
inline const std::vector<Type> kTimedTypes{kTimestampType, kTextType, kBigintType, kTextType};

inline Row timed_row(int64_t time) {
  return {{kTimestampType, time},
          {kTextType, std::string("a")},
          {kBigintType, int64_t{1}},
          {kTextType, std::string("x")}};
}

/// The timestamp in column 0 so much later ("+") or earlier ("-").
inline expr::ExprRef moved_time(std::string_view sign, int64_t micros) {
  for (const udfs::ScalarFunction* move : udfs::find_scalar(sign)) {
    if (move->arguments != std::vector{data::TypeId::kTimestamp, data::TypeId::kInterval}) continue;
    return expr::call(
        move, kTimestampType,
        {expr::column(0, kTimestampType),
         expr::literal({Type{data::TypeId::kInterval}, data::Interval{micros, 0, 0}})});
  }
  return nullptr;
}

/// Random changes of rows whose times lie around a clock that goes on, so that watermarks make some
/// of them late; and what is to be made of them.
class TimedInput {
 public:
  TimedInput(uint64_t seed, const std::vector<Type>& types, size_t time_column)
      : generator_(seed, types), time_column_(time_column) {}

  /// Fewer than `most` changes. Those of times before `bound` are late.
  std::vector<Change> changes(uint64_t most, int64_t bound) {
    std::mt19937_64& random = generator_.random;
    clock_ += static_cast<int64_t>(random() % 8);
    std::vector<Change> changes;
    for (size_t i = random() % most; i > 0; --i) {
      changes.push_back(change());
      const auto& [row, weight] = changes.back();
      sent_.add(row, weight);
      const bool is_late = !row[time_column_].is_null() && time_of(row) < bound;
      if (is_late) {
        late_.push_back(changes.back());
      } else {
        accepted_.add(row, weight);
      }
    }
    std::shuffle(changes.begin(), changes.end(), random);
    return changes;
  }
  /// Where a watermark of what was sent could be.
  int64_t some_watermark() { return clock_ - static_cast<int64_t>(generator_.random() % 5); }

  std::mt19937_64& random() { return generator_.random; }
  /// All that was sent but for what was late.
  const Relation& accepted() const { return accepted_; }
  /// In the order in which it was made.
  const std::vector<Change>& late() const { return late_; }

  /// Rows only come.
  bool append_only = false;
  /// Times are multiples of it.
  int64_t bin = 1;

 private:
  Change change() {
    std::mt19937_64& random = generator_.random;
    if (!append_only && !sent_.empty() && random() % 100 < 37) {
      auto at = std::next(sent_.rows().begin(), static_cast<long>(random() % sent_.rows().size()));
      return {at->second.row, -1};
    }
    Row row = generator_.row();
    int64_t time = clock_ + static_cast<int64_t>(random() % 35) - 15;
    time -= (time % bin + bin) % bin;
    if (!row[time_column_].is_null()) row[time_column_] = {kTimestampType, time};
    return {row, 1};
  }
  int64_t time_of(const Row& row) const { return std::get<int64_t>(row[time_column_].value); }

  Generator generator_;
  const size_t time_column_;
  Relation sent_, accepted_;
  std::vector<Change> late_;
  int64_t clock_ = 0;
};

}  // namespace forebay::operators::testing
