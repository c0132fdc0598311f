#include "engine/runtime/watermark_meter.h"

#include <algorithm>

#include "udfs/function.h"

namespace forebay::runtime {

namespace {

// Neither is a time: -infinity says nothing, infinity would end all time.
constexpr int64_t kMinusInfinity = INT64_MIN;
constexpr int64_t kInfinity = INT64_MAX;
constexpr int64_t kMillisecond = 1000;

bool is_time(data::Type type) {
  return type.id == data::TypeId::kTimestamp || type.id == data::TypeId::kTimestampTz;
}

// The column of `c`, `c - constant` or `c + constant`: larger values never give smaller results
// (they may with months: 30 March, 12:00 and 31 March, 0:00).
int64_t only_column(const expr::Expr& value) {
  const expr::Expr* at = &value;
  if (at->kind == expr::ExprKind::kCall && at->children.size() == 2 &&
      (at->function->name == "-" || at->function->name == "+") &&
      at->children[1]->kind == expr::ExprKind::kLiteral &&
      at->children[1]->type.id == data::TypeId::kInterval && !at->children[1]->literal.is_null() &&
      std::get<data::Interval>(at->children[1]->literal.value).months == 0) {
    at = at->children[0].get();
  }
  return at->kind == expr::ExprKind::kColumn && is_time(at->type) ? int64_t{at->column} : -1;
}

// The largest value up to `limit` among rows that come; what is above is counted.
Observation largest(const ChangeBatch& rows, const data::Column& column, int64_t limit) {
  Observation seen;
  const data::ColumnView values = column.view();
  const data::Weight* weights = rows.weights();
  rows.for_each([&](uint32_t row) {
    if (weights != nullptr && weights[row] <= 0) return;
    if (values.is_null(row)) return;
    const int64_t value = values.at<int64_t>(row);
    if (value > limit) {
      ++seen.far_future;
    } else {
      seen.most = std::max(seen.most, value);
    }
  });
  return seen;
}

int64_t microseconds(int64_t ms) {
  return ms > INT64_MAX / kMillisecond ? INT64_MAX : ms * kMillisecond;
}

}  // namespace

WatermarkMeter::WatermarkMeter(const LeafWatermark& declared)
    : max_future_us_(declared.max_future_ms ? std::optional(microseconds(*declared.max_future_ms))
                                            : std::nullopt),
      column_(only_column(*declared.value)),
      value_(declared.value),
      evaluator_(declared.value) {}

Observation WatermarkMeter::measure(const ChangeBatch& rows, const expr::EvalContext& eval,
                                    int64_t now_us) {
  static_assert(kMinusInfinity == kNoWatermark);
  int64_t limit = kInfinity - 1;
  if (max_future_us_ && *max_future_us_ < limit - std::max<int64_t>(0, now_us)) {
    limit = now_us + *max_future_us_;
  }
  if (column_ < 0) return measure_all(rows, eval, limit);
  const data::ColumnRef& column = rows.columns()[static_cast<size_t>(column_)];
  const Observation most = largest(rows, *column, kInfinity - 1);
  if (most.far_future > 0) return measure_all(rows, eval, limit);
  if (most.most == kNoWatermark || value_->kind == expr::ExprKind::kColumn) {
    return most.most > limit ? largest(rows, *column, limit) : most;
  }
  // The expression of the largest one.
  std::vector<data::ColumnRef> one(rows.columns().size());
  const data::Datum value{column->type(), most.most};
  for (size_t i = 0; i < one.size(); ++i) one[i] = rows.columns()[i];
  one[static_cast<size_t>(column_)] = data::Column::constant(value, 1);
  ChangeBatch row(std::move(one), 1);
  errors_.clear();
  const data::ColumnRef result = evaluator_.evaluate(row, eval, errors_);
  if (!errors_.empty() || result->is_null(0) || result->at<int64_t>(0) > limit) {
    return measure_all(rows, eval, limit);
  }
  return {result->at<int64_t>(0), 0};
}

Observation WatermarkMeter::measure_all(const ChangeBatch& rows, const expr::EvalContext& eval,
                                        int64_t limit) {
  errors_.clear();
  const data::ColumnRef values = evaluator_.evaluate(rows, eval, errors_);
  if (errors_.empty()) return largest(rows, *values, limit);
  ChangeBatch sound = rows.share();
  data::Selection selection;
  auto failed = errors_.begin();
  rows.for_each([&](uint32_t row) {
    while (failed != errors_.end() && failed->row < row) ++failed;
    if (failed == errors_.end() || failed->row != row) selection.push_back(row);
  });
  sound.set_selection(std::move(selection));
  return largest(sound, *values, limit);
}

}  // namespace forebay::runtime
