// Union: UNION ALL of any number of inputs of the same types. Passes batches on as they are. No
// state.

#include <fmt/format.h>

#include "engine/operators/emission.h"
#include "engine/operators/specs.h"

namespace forebay::operators {

namespace {

class Union final : public Operator {
 public:
  explicit Union(const std::vector<Type>& types) : types_(types) {}
  Result<Progress> take(uint32_t, ChangeBatch batch, Output& output) override {
    for (size_t i = 0; i < types_.size(); ++i) {
      data::ColumnRef& column = batch.mutable_columns()[i];
      column = column_as(column, types_[i]);
    }
    output.emit(std::move(batch));
    return Progress::kDone;
  }

 private:
  std::vector<Type> types_;
};

class UnionSpec final : public OperatorSpec {
 public:
  explicit UnionSpec(UnionParameters parameters) : parameters_(std::move(parameters)) {}
  std::string_view name() const override { return "union"; }
  std::string describe() const override { return fmt::format("inputs={}", parameters_.inputs); }
  const std::vector<Type>& output_types() const override { return parameters_.types; }
  std::unique_ptr<Operator> instantiate(const OperatorContext&) const override {
    return std::make_unique<Union>(parameters_.types);
  }

 private:
  UnionParameters parameters_;
};

}  // namespace

SpecRef make_union(UnionParameters parameters) {
  return std::make_shared<UnionSpec>(std::move(parameters));
}

}  // namespace forebay::operators
