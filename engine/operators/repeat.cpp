// Repeat: each row as often as one of its columns says. INTERSECT ALL and EXCEPT ALL are counts per
// row, and this makes rows of them.
//
// Input: any changes, any distribution; a bigint column holds the number of copies.
//
// Output: the other columns, with weight * copies; rows of no copies (0, less, NULL) are left out.
// So the change of a count from 3 to 5 comes out as -3 and +5 of the same row, which whoever keeps
// rows adds up.
//
// State: none. Cost: per row one multiplication.

#include <fmt/format.h>

#include "engine/operators/emission.h"
#include "engine/operators/specs.h"

namespace forebay::operators {

namespace {

class Repeat final : public Operator {
 public:
  explicit Repeat(uint32_t count_column) : count_column_(count_column) {}

  Result<Progress> take(uint32_t, ChangeBatch batch, Output& output) override {
    data::ColumnView copies = batch.column(count_column_).view();
    data::Selection kept;
    std::vector<Weight> weights(batch.physical_rows(), 0);
    batch.for_each([&](uint32_t row) {
      if (copies.is_null(row) || copies.at<int64_t>(row) <= 0) return;
      kept.push_back(row);
      weights[row] = multiply_weights(batch.weight(row), copies.at<int64_t>(row));
    });
    std::vector<data::ColumnRef>& columns = batch.mutable_columns();
    columns.erase(columns.begin() + count_column_);
    batch.set_selection(std::move(kept));
    batch.set_weights(std::move(weights));
    output.emit(std::move(batch));
    return Progress::kDone;
  }

 private:
  uint32_t count_column_;
};

class RepeatSpec final : public OperatorSpec {
 public:
  explicit RepeatSpec(RepeatParameters parameters)
      : count_column_(parameters.count_column), types_(std::move(parameters.input_types)) {
    FOREBAY_CHECK(types_[count_column_].id == data::TypeId::kBigint, "a count is a bigint");
    types_.erase(types_.begin() + count_column_);
  }
  std::string_view name() const override { return "repeat"; }
  std::string describe() const override { return fmt::format("count={}", count_column_); }
  const std::vector<Type>& output_types() const override { return types_; }
  std::unique_ptr<Operator> instantiate(const OperatorContext&) const override {
    return std::make_unique<Repeat>(count_column_);
  }

 private:
  uint32_t count_column_;
  std::vector<Type> types_;
};

}  // namespace

SpecRef make_repeat(RepeatParameters parameters) {
  return std::make_shared<RepeatSpec>(std::move(parameters));
}

}  // namespace forebay::operators
