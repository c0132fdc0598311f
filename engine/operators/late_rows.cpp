// LateRows: the rows that a time-bound operator over the same input drops, as rows. What EMIT LATE
// INTO keeps.
//
// Input: any changes, anywhere. Output: those that are late by W(e-1), each as a row that comes,
// with a column that says what it would have done ('insert' or 'delete') and one with the bound
// that it missed. State: none. Cost: one comparison per row.

#include <fmt/format.h>

#include "engine/operators/specs.h"
#include "engine/operators/time_judge.h"

namespace forebay::operators {

namespace {

class LateRows final : public Operator {
 public:
  LateRows(const LateRowsParameters& parameters, const OperatorContext& context)
      : parameters_(parameters),
        context_(context),
        judge_(parameters_.time, parameters.types[parameters.time.column], context_) {}

  Result<Progress> take(uint32_t, ChangeBatch batch, Output& output) override {
    const data::Selection late = judge_.late_rows(batch);
    if (late.empty()) return Progress::kDone;
    const Type type = judge_.type();
    data::ColumnBuilder operations(data::kTextType), bounds(type);
    std::vector<Weight> weights;
    const data::Datum bound = judge_.datum_of(judge_.previous());
    for (uint32_t row : late) {
      const Weight weight = batch.weight(row);
      operations.append_string(weight > 0 ? "insert" : "delete");
      bounds.append_datum(bound);
      weights.push_back(weight > 0 ? weight : -weight);
    }
    std::vector<data::ColumnRef> columns;
    for (const data::ColumnRef& column : batch.columns()) {
      data::ColumnBuilder builder(column->type());
      builder.keep_arenas(*column);
      builder.append_selected(*column, late);
      columns.push_back(builder.finish());
    }
    columns.push_back(operations.finish());
    columns.push_back(bounds.finish());
    ChangeBatch rows(std::move(columns), static_cast<uint32_t>(late.size()));
    rows.set_weights(std::move(weights));
    output.emit(std::move(rows));
    return Progress::kDone;
  }

  void seal(state::SealedRun&) override { judge_.end(); }

 private:
  LateRowsParameters parameters_;
  OperatorContext context_;
  TimeJudge judge_;
};

class LateRowsSpec final : public OperatorSpec {
 public:
  explicit LateRowsSpec(LateRowsParameters parameters)
      : parameters_(std::move(parameters)), types_(parameters_.types) {
    types_.push_back(data::kTextType);
    types_.push_back(parameters_.types[parameters_.time.column]);
  }
  std::string_view name() const override { return "late_rows"; }
  std::string describe() const override { return "before " + bound_text(parameters_.time); }
  const std::vector<Type>& output_types() const override { return types_; }
  std::unique_ptr<Operator> instantiate(const OperatorContext& context) const override {
    return std::make_unique<LateRows>(parameters_, context);
  }

 private:
  LateRowsParameters parameters_;
  std::vector<Type> types_;
};

}  // namespace

SpecRef make_late_rows(LateRowsParameters parameters) {
  return std::make_shared<LateRowsSpec>(std::move(parameters));
}

}  // namespace forebay::operators
