// Values: constant rows, emitted once in an object's life by worker 0. No input, no state.

#include <fmt/format.h>

#include "engine/operators/emission.h"
#include "engine/operators/specs.h"

namespace forebay::operators {

namespace {

class Values final : public Operator {
 public:
  Values(std::shared_ptr<const ValuesParameters> parameters, const OperatorContext& context)
      : parameters_(std::move(parameters)), context_(context) {}

  Status begin(Output& output) override {
    if (context_.worker != 0) return Status::ok();
    data::BatchBuilder builder(parameters_->types);
    for (const std::vector<data::Datum>& row : parameters_->rows) {
      for (size_t i = 0; i < row.size(); ++i) builder.column(i).append_datum(row[i]);
      builder.end_row();
      if (builder.rows() == context_.batch_rows) output.emit(builder.finish());
    }
    if (builder.rows() > 0) output.emit(builder.finish());
    return Status::ok();
  }
  Result<Progress> take(uint32_t input, ChangeBatch, Output&) override {
    return Status::internal(fmt::format("values has no input {}", input));
  }

 private:
  std::shared_ptr<const ValuesParameters> parameters_;
  OperatorContext context_;
};

class ValuesSpec final : public OperatorSpec {
 public:
  explicit ValuesSpec(ValuesParameters parameters)
      : parameters_(std::make_shared<const ValuesParameters>(std::move(parameters))) {}
  std::string_view name() const override { return "values"; }
  std::string describe() const override { return fmt::format("rows={}", parameters_->rows.size()); }
  const std::vector<Type>& output_types() const override { return parameters_->types; }
  std::unique_ptr<Operator> instantiate(const OperatorContext& context) const override {
    return std::make_unique<Values>(parameters_, context);
  }

 private:
  std::shared_ptr<const ValuesParameters> parameters_;
};

}  // namespace

SpecRef make_values(ValuesParameters parameters) {
  return std::make_shared<ValuesSpec>(std::move(parameters));
}

}  // namespace forebay::operators
