#include "engine/operators/time_judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/data/row_codec.h"

namespace forebay::operators {

std::string bound_text(const TimeBound& bound) {
  std::string text = fmt::format("[#{}:", bound.column);
  for (const TimeBound::Term& term : bound.terms) {
    text += fmt::format(" {}/{}", term.id.object.value, term.id.node);
    if (term.shift != nullptr) text += fmt::format(" {}", expr::to_string(*term.shift));
  }
  return text + "]";
}

int64_t TimeJudge::previous() {
  if (!previous_) previous_ = least(false);
  return *previous_;
}

int64_t TimeJudge::current() {
  if (!current_) current_ = least(true);
  return *current_;
}

int64_t TimeJudge::least(bool now) const {
  if (context_.watermarks == nullptr) return kNothing;
  int64_t least = kEverything;
  for (const TimeBound::Term& term : bound_.terms) {
    const int64_t watermark =
        now ? context_.watermarks->current(term.id) : context_.watermarks->previous(term.id);
    least = std::min(least, value_of(term, watermark));
  }
  return least;
}

int64_t TimeJudge::value_of(const TimeBound::Term& term, int64_t watermark) const {
  if (watermark == kNoWatermark) return kNothing;
  if (watermark == kEndOfTime) return kEverything;
  if (term.shift == nullptr) return watermark;
  const std::vector<uint32_t> columns = expr::columns_of(*term.shift);
  FOREBAY_CHECK(columns.size() <= 1, "a bound over several watermarks");
  // Of the watermark's own type: the two kinds of timestamp are alike.
  std::function<const expr::Expr*(const expr::Expr&)> find =
      [&](const expr::Expr& part) -> const expr::Expr* {
    if (part.kind == expr::ExprKind::kColumn) return &part;
    for (const expr::ExprRef& child : part.children) {
      if (const expr::Expr* found = find(*child)) return found;
    }
    return nullptr;
  };
  const expr::Expr* column = find(*term.shift);
  if (column == nullptr) return kNothing;
  const expr::ExprRef shifted =
      expr::substitute(term.shift, {expr::literal({column->type, watermark})});
  const auto value = expr::evaluate_constant(
      shifted, context_.eval != nullptr ? *context_.eval : expr::EvalContext());
  if (!value.is_ok() || value->is_null()) return kNothing;
  if (const auto* days = std::get_if<int32_t>(&value->value)) return *days;
  return std::get<int64_t>(value->value);
}

uint64_t TimeJudge::drop_late(ChangeBatch& batch) {
  const int64_t bound = previous();
  if (bound == kNothing) return 0;
  const data::ColumnView times = batch.column(bound_.column).view();
  const bool days = data::layout_of(type_.id) == data::Layout::kInt32;
  auto is_late = [&](uint32_t row) {
    if (times.is_null(row)) return false;
    return (days ? times.at<int32_t>(row) : times.at<int64_t>(row)) < bound;
  };
  uint64_t late = 0;
  batch.for_each([&](uint32_t row) { late += is_late(row) ? 1 : 0; });
  if (late == 0) return 0;
  data::Selection kept;
  kept.reserve(batch.rows() - late);
  batch.for_each([&](uint32_t row) {
    if (!is_late(row)) kept.push_back(row);
  });
  batch.set_selection(std::move(kept));
  return late;
}

data::Selection TimeJudge::late_rows(const ChangeBatch& batch) {
  data::Selection late;
  const int64_t bound = previous();
  if (bound == kNothing) return late;
  const data::ColumnView times = batch.column(bound_.column).view();
  const bool days = data::layout_of(type_.id) == data::Layout::kInt32;
  batch.for_each([&](uint32_t row) {
    if (times.is_null(row)) return;
    if ((days ? times.at<int32_t>(row) : times.at<int64_t>(row)) < bound) late.push_back(row);
  });
  return late;
}

data::Datum TimeJudge::datum_of(int64_t bound) const {
  if (bound == kNothing) return data::Datum::null(type_);
  if (data::layout_of(type_.id) != data::Layout::kInt32) return {type_, bound};
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  return {type_, static_cast<int32_t>(std::min(bound, kMost))};
}

std::string TimeJudge::key_of(int64_t bound) const {
  std::string key;
  if (bound == kNothing) return key;
  data::Datum value = data::Datum::null(type_);
  if (data::layout_of(type_.id) == data::Layout::kInt32) {
    constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
    if (bound <= kMost) value = {type_, static_cast<int32_t>(bound)};
  } else if (bound != kEverything) {
    value = {type_, bound};
  }
  data::append_key(value, data::KeyMode::kGrouping, key);
  return key;
}

}  // namespace forebay::operators
