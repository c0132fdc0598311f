#include "engine/data/change_batch.h"

#include <numeric>
#include <string_view>
#include <unordered_map>

#include "engine/data/row_codec.h"

namespace forebay::data {

ChangeBatch ChangeBatch::compacted() && {
  if (selection_ == nullptr) return std::move(*this);
  const Selection& rows = *selection_;
  std::vector<ColumnRef> columns;
  columns.reserve(columns_.size());
  for (const ColumnRef& column : columns_) {
    if (column->is_constant()) {
      columns.push_back(Column::resized(column, static_cast<uint32_t>(rows.size())));
      continue;
    }
    ColumnBuilder builder(column->type(), static_cast<uint32_t>(rows.size()));
    builder.append_selected(*column, rows);
    columns.push_back(builder.finish());
  }
  ChangeBatch result(std::move(columns), static_cast<uint32_t>(rows.size()));
  if (weights_ != nullptr) {
    std::vector<Weight> weights;
    weights.reserve(rows.size());
    for (uint32_t row : rows) weights.push_back((*weights_)[row]);
    result.set_weights(std::move(weights));
  }
  return result;
}

size_t ChangeBatch::bytes() const {
  size_t total = 0;
  for (const ColumnRef& column : columns_) total += column->bytes();
  if (selection_) total += selection_->size() * sizeof(uint32_t);
  if (weights_) total += weights_->size() * sizeof(Weight);
  return total;
}

BatchBuilder::BatchBuilder(const std::vector<Type>& types) {
  columns_.reserve(types.size());
  for (const Type& type : types) columns_.emplace_back(type);
}

ChangeBatch BatchBuilder::finish() {
  std::vector<ColumnRef> columns;
  columns.reserve(columns_.size());
  for (ColumnBuilder& builder : columns_) columns.push_back(builder.finish());
  ChangeBatch batch(std::move(columns), rows_);
  if (!weights_.empty()) batch.set_weights(std::move(weights_));
  weights_.clear();
  rows_ = 0;
  return batch;
}

ChangeBatch consolidate(ChangeBatch batch) {
  if (batch.empty()) return batch;
  std::vector<uint32_t> columns(batch.columns().size());
  std::iota(columns.begin(), columns.end(), 0);
  std::string bytes;
  std::vector<std::pair<size_t, size_t>> ranges;
  ranges.reserve(batch.rows());
  batch.for_each([&](uint32_t row) {
    size_t begin = bytes.size();
    append_row(batch, columns, row, bytes);
    ranges.emplace_back(begin, bytes.size() - begin);
  });
  // Sums by the row's bytes; the first occurrence stands for all.
  std::unordered_map<std::string_view, uint32_t> first;
  first.reserve(ranges.size());
  std::vector<Weight> weights(batch.physical_rows(), 0);
  for (uint32_t i = 0; i < ranges.size(); ++i) {
    std::string_view row(bytes.data() + ranges[i].first, ranges[i].second);
    auto [position, inserted] = first.try_emplace(row, batch.physical(i));
    weights[position->second] += batch.weight(batch.physical(i));
  }
  Selection kept;
  batch.for_each([&](uint32_t row) {
    if (weights[row] != 0) kept.push_back(row);
  });
  batch.set_selection(std::move(kept));
  batch.set_weights(std::move(weights));
  return batch;
}

}  // namespace forebay::data
