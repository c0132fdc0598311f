#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/data/column.h"
#include "engine/data/ids.h"

/// What flows between operators: rows with a weight.
namespace forebay::data {

/// Ascending physical row numbers.
using Selection = std::vector<uint32_t>;

/// Some thousand changed rows in columns. A filter gives a selection, not a copy: rows that are not
/// selected are not part of the batch. Move-only; columns, selection and weights are shared.
class ChangeBatch {
 public:
  ChangeBatch() = default;
  /// All columns have `rows` rows. A relation may have no columns at all.
  ChangeBatch(std::vector<ColumnRef> columns, uint32_t rows)
      : columns_(std::move(columns)), physical_rows_(rows) {}
  ChangeBatch(ChangeBatch&&) = default;
  ChangeBatch& operator=(ChangeBatch&&) = default;
  ChangeBatch(const ChangeBatch&) = delete;
  ChangeBatch& operator=(const ChangeBatch&) = delete;
  /// A second batch over the same columns.
  ChangeBatch share() const {
    ChangeBatch copy(columns_, physical_rows_);
    copy.selection_ = selection_;
    copy.weights_ = weights_;
    return copy;
  }

  /// Rows in the columns, selected or not.
  uint32_t physical_rows() const { return physical_rows_; }
  /// Rows that are part of the batch.
  uint32_t rows() const {
    return selection_ ? static_cast<uint32_t>(selection_->size()) : physical_rows_;
  }
  bool empty() const { return rows() == 0; }
  const std::vector<ColumnRef>& columns() const { return columns_; }
  const Column& column(size_t index) const { return *columns_[index]; }
  std::vector<ColumnRef>& mutable_columns() { return columns_; }

  /// nullptr: all physical rows.
  const Selection* selection() const { return selection_.get(); }
  void set_selection(Selection rows) {
    selection_ = std::make_shared<const Selection>(std::move(rows));
  }
  void clear_selection() { selection_.reset(); }

  /// By physical row; nullptr: all +1 (an append-only stream).
  const Weight* weights() const { return weights_ ? weights_->data() : nullptr; }
  Weight weight(uint32_t physical_row) const {
    return weights_ ? (*weights_)[physical_row] : Weight{1};
  }
  void set_weights(std::vector<Weight> weights) {
    weights_ = std::make_shared<const std::vector<Weight>>(std::move(weights));
  }
  void share_weights_of(const ChangeBatch& other) { weights_ = other.weights_; }

  /// The physical number of the i-th row of the batch.
  uint32_t physical(uint32_t i) const { return selection_ ? (*selection_)[i] : i; }
  template <typename F>
  void for_each(F&& visit) const {
    if (selection_) {
      for (uint32_t row : *selection_) visit(row);
    } else {
      for (uint32_t row = 0; row < physical_rows_; ++row) visit(row);
    }
  }

  /// The same rows without selection: columns are gathered when one is set.
  ChangeBatch compacted() &&;
  size_t bytes() const;

 private:
  std::vector<ColumnRef> columns_;
  uint32_t physical_rows_ = 0;
  std::shared_ptr<const Selection> selection_;
  std::shared_ptr<const std::vector<Weight>> weights_;
};

/// Collects rows with weights into batches of one schema.
class BatchBuilder {
 public:
  explicit BatchBuilder(const std::vector<Type>& types);
  ColumnBuilder& column(size_t index) { return columns_[index]; }
  size_t column_count() const { return columns_.size(); }
  /// Ends a row whose columns were appended.
  void end_row(Weight weight = 1) {
    if (weight != 1 && weights_.empty()) weights_.assign(rows_, 1);
    if (weight != 1 || !weights_.empty()) weights_.push_back(weight);
    ++rows_;
  }
  uint32_t rows() const { return rows_; }
  /// The batch so far; the builder is empty afterwards.
  ChangeBatch finish();

 private:
  std::vector<ColumnBuilder> columns_;
  std::vector<Weight> weights_;
  uint32_t rows_ = 0;
};

/// Sums the weights of equal rows (exactly equal: the bytes of their row encoding) and drops those of
/// weight 0; the result's order is that of the first occurrence.
ChangeBatch consolidate(ChangeBatch batch);

}  // namespace forebay::data
