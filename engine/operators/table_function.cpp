// TableFunction: each row with the rows that a table function gives for it.
//
// Input: any changes, any distribution.
//
// Output: for every pair of an input row and a row of the function's result the input columns, the
// function's columns and, if wanted, the place of the row in the call's result (1, 2 ...), with the
// input row's weight. `outer`: an input row without result comes once, with NULLs. An input row
// whose arguments or call fail becomes one error row.
//
// State: none: the function depends on its arguments only, so the retraction of a row takes out
// what the row gave.
//
// Cost: per output row one gathered row; a call is resumed after batch_rows of them.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/operators/emission.h"
#include "engine/operators/specs.h"

namespace forebay::operators {

namespace {

class TableFunction final : public Operator {
 public:
  TableFunction(const TableFunctionParameters& parameters, const std::vector<Type>& types,
                const OperatorContext& context)
      : parameters_(parameters), types_(types), context_(context) {
    for (const ExprRef& argument : parameters_.arguments) {
      evaluators_.emplace_back(argument);
      argument_types_.push_back(argument->type);
    }
  }

  Result<Progress> take(uint32_t, ChangeBatch batch, Output& output) override {
    if (batch.empty()) return Progress::kDone;
    batch_ = std::move(batch);
    output_ = &output;
    given_.assign(batch_.physical_rows(), 0);
    arguments_.clear();
    views_.clear();
    for (expr::Evaluator& evaluator : evaluators_) {
      errors_.clear();
      arguments_.push_back(evaluator.evaluate(batch_, *context_.eval, errors_));
      views_.push_back(arguments_.back()->view());
      for (const expr::RowError& error : errors_) {
        report(error);
        // What failed has nothing to show, not even NULLs.
        given_[error.row] = kFailed;
      }
    }
    rows_.clear();
    batch_.for_each([&](uint32_t row) {
      if (given_[row] != kFailed && (!is_strict() || !has_null(row))) rows_.push_back(row);
    });
    cursor_ = {};
    ordinal_ = 0;
    return resume(output);
  }

  Result<Progress> resume(Output& output) override {
    output_ = &output;
    origins_.clear();
    std::vector<data::ColumnBuilder> results(result_types().begin(), result_types().end());
    udfs::TableCall call;
    call.arguments = views_.data();
    call.argument_types = argument_types_.data();
    call.argument_count = static_cast<uint32_t>(views_.size());
    call.rows = rows_.data();
    call.row_count = static_cast<uint32_t>(rows_.size());
    call.limit = std::max<uint32_t>(1, context_.batch_rows);
    call.cursor = &cursor_;
    call.origins = &origins_;
    call.columns = results.data();
    udfs::CallEnvironment environment{context_.eval->now, context_.eval->user,
                                      context_.eval->database};
    call.environment = &environment;
    call.context = this;
    call.fail = [](void* self, uint32_t index, const char* sqlstate, const char* message,
                   size_t message_bytes) {
      static_cast<TableFunction*>(self)->fail_call(index, {sqlstate, 5}, {message, message_bytes});
    };
    parameters_.function->kernel(call);
    emit(results, output);
    if (cursor_.next < rows_.size()) return Progress::kMore;
    if (parameters_.outer) emit_rows_without_result(output);
    batch_ = ChangeBatch();
    return Progress::kDone;
  }

 private:
  static constexpr uint8_t kFailed = 2;

  bool is_strict() const { return parameters_.function->null_rule == udfs::NullRule::kStrict; }
  bool has_null(uint32_t row) const {
    for (const data::ColumnView& view : views_) {
      if (view.is_null(row)) return true;
    }
    return false;
  }
  std::span<const Type> result_types() const { return parameters_.result_types; }

  void report(const expr::RowError& failed) {
    if (given_[failed.row] == kFailed) return;
    ErrorRow error;
    error.sqlstate = failed.sqlstate;
    error.reason = failed.message;
    error.detail = failed.detail;
    error.hint = failed.hint;
    error.raw = error_row_text(batch_, failed.row);
    error.weight = batch_.weight(failed.row);
    output_->error(std::move(error));
  }
  void fail_call(uint32_t index, std::string_view sqlstate, std::string_view message) {
    report({rows_[index], data::SqlState::from_text(sqlstate), std::string(message), {}, {}});
    given_[rows_[index]] = kFailed;
  }

  /// The input's columns of these rows, with their weights.
  ChangeBatch gathered(std::span<const uint32_t> rows) const {
    std::vector<data::ColumnRef> columns;
    for (size_t i = 0; i < parameters_.input_types.size(); ++i) {
      data::ColumnBuilder builder(parameters_.input_types[i], static_cast<uint32_t>(rows.size()));
      builder.append_selected(batch_.column(i), rows);
      columns.push_back(builder.finish());
    }
    ChangeBatch out(std::move(columns), static_cast<uint32_t>(rows.size()));
    if (batch_.weights() == nullptr) return out;
    std::vector<Weight> weights;
    weights.reserve(rows.size());
    for (uint32_t row : rows) weights.push_back(batch_.weight(row));
    out.set_weights(std::move(weights));
    return out;
  }

  void emit(std::vector<data::ColumnBuilder>& results, Output& output) {
    if (origins_.empty()) return;
    std::vector<uint32_t> rows;
    rows.reserve(origins_.size());
    for (uint32_t origin : origins_) {
      rows.push_back(rows_[origin]);
      given_[rows_[origin]] = 1;
    }
    ChangeBatch out = gathered(rows);
    for (data::ColumnBuilder& result : results) out.mutable_columns().push_back(result.finish());
    if (parameters_.with_ordinality) {
      data::ColumnBuilder places(data::kBigintType, static_cast<uint32_t>(origins_.size()));
      for (uint32_t origin : origins_) {
        ordinal_ = origin == ordinal_of_ ? ordinal_ + 1 : 1;
        ordinal_of_ = origin;
        places.append(ordinal_);
      }
      out.mutable_columns().push_back(places.finish());
    }
    output.emit(std::move(out));
  }

  void emit_rows_without_result(Output& output) {
    std::vector<uint32_t> rows;
    batch_.for_each([&](uint32_t row) {
      if (given_[row] == 0) rows.push_back(row);
    });
    if (rows.empty()) return;
    ChangeBatch out = gathered(rows);
    for (size_t i = parameters_.input_types.size(); i < types_.size(); ++i) {
      data::ColumnBuilder nulls(types_[i], static_cast<uint32_t>(rows.size()));
      for (size_t r = 0; r < rows.size(); ++r) nulls.append_null();
      out.mutable_columns().push_back(nulls.finish());
    }
    output.emit(std::move(out));
  }

  TableFunctionParameters parameters_;
  std::vector<Type> types_;
  OperatorContext context_;
  std::vector<expr::Evaluator> evaluators_;
  std::vector<Type> argument_types_;

  // The batch at work.
  ChangeBatch batch_;
  Output* output_ = nullptr;
  std::vector<data::ColumnRef> arguments_;
  std::vector<data::ColumnView> views_;
  /// Physical rows that the function is called for.
  std::vector<uint32_t> rows_;
  udfs::TableCursor cursor_;
  /// By physical row: 0 nothing yet, 1 has a result, kFailed.
  std::vector<uint8_t> given_;
  int64_t ordinal_ = 0;
  uint32_t ordinal_of_ = 0;

  // Scratch.
  std::vector<uint32_t> origins_;
  std::vector<expr::RowError> errors_;
};

class TableFunctionSpec final : public OperatorSpec {
 public:
  explicit TableFunctionSpec(TableFunctionParameters parameters)
      : parameters_(std::move(parameters)), types_(parameters_.input_types) {
    types_.insert(types_.end(), parameters_.result_types.begin(), parameters_.result_types.end());
    if (parameters_.with_ordinality) types_.push_back(data::kBigintType);
  }
  std::string_view name() const override { return "table_function"; }
  std::string describe() const override {
    std::vector<std::string> arguments;
    for (const ExprRef& argument : parameters_.arguments) {
      arguments.push_back(expr::to_string(*argument));
    }
    return fmt::format("{}({}){}{}", parameters_.function->name, fmt::join(arguments, ", "),
                       parameters_.with_ordinality ? " with ordinality" : "",
                       parameters_.outer ? " outer" : "");
  }
  const std::vector<Type>& output_types() const override { return types_; }
  std::unique_ptr<Operator> instantiate(const OperatorContext& context) const override {
    return std::make_unique<TableFunction>(parameters_, types_, context);
  }

 private:
  TableFunctionParameters parameters_;
  std::vector<Type> types_;
};

}  // namespace

SpecRef make_table_function(TableFunctionParameters parameters) {
  return std::make_shared<TableFunctionSpec>(std::move(parameters));
}

}  // namespace forebay::operators
