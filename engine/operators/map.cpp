// Map: filter and projection in one.
//
// Input: any changes.
//
// Output: the rows where the predicate is true, projected, with their weights. A row whose
// predicate or projection fails becomes one error row with its weight and is left out. Columns that
// are only passed on are shared. What predicate and projection both call is computed once.
//
// State: none. Cost: per row evaluated; nothing per epoch.

#include <fmt/format.h>

#include "engine/expr/shared_results.h"
#include "engine/operators/emission.h"
#include "engine/operators/specs.h"

namespace forebay::operators {

namespace {

class Map final : public Operator {
 public:
  Map(const MapParameters& parameters, const std::vector<Type>& types,
      const OperatorContext& context)
      : parameters_(parameters), types_(types), context_(context), shared_(all_of(parameters)) {
    if (parameters.predicate != nullptr) predicate_.emplace_back(parameters.predicate, &shared_);
    for (const ExprRef& expr : parameters.projection) projections_.emplace_back(expr, &shared_);
  }

  Result<Progress> take(uint32_t, ChangeBatch batch, Output& output) override {
    shared_.begin(batch.physical_rows());
    if (!predicate_.empty()) {
      errors_.clear();
      data::Selection selected = predicate_[0].select(batch, *context_.eval, errors_);
      report(batch, {}, output);
      if (selected.size() < batch.rows()) batch.set_selection(std::move(selected));
    }
    if (batch.empty()) return Progress::kDone;
    std::vector<data::ColumnRef> columns(projections_.size());
    for (size_t i = 0; i < projections_.size(); ++i) {
      const expr::Expr& expr = *parameters_.projection[i];
      if (expr.kind == expr::ExprKind::kColumn) {
        columns[i] = column_as(batch.columns()[expr.column], types_[i]);
        continue;
      }
      errors_.clear();
      columns[i] = column_as(projections_[i].evaluate(batch, *context_.eval, errors_), types_[i]);
      if (errors_.empty()) continue;
      report(batch, i < parameters_.names.size() ? parameters_.names[i] : "", output);
      leave_out_failed(batch);
      if (batch.empty()) return Progress::kDone;
    }
    batch.mutable_columns() = std::move(columns);
    output.emit(std::move(batch));
    return Progress::kDone;
  }

 private:
  static std::vector<ExprRef> all_of(const MapParameters& parameters) {
    std::vector<ExprRef> all = parameters.projection;
    if (parameters.predicate != nullptr) all.push_back(parameters.predicate);
    return all;
  }
  void report(const ChangeBatch& batch, const std::string& column, Output& output) {
    for (const expr::RowError& error : errors_) {
      ErrorRow row;
      row.sqlstate = error.sqlstate;
      row.reason = error.message;
      row.detail = error.detail;
      row.hint = error.hint;
      row.column = column;
      row.raw = error_row_text(batch, error.row);
      row.weight = batch.weight(error.row);
      output.error(std::move(row));
    }
  }
  /// Takes the rows of errors_ (ascending) out of the batch.
  void leave_out_failed(ChangeBatch& batch) {
    data::Selection kept;
    kept.reserve(batch.rows());
    size_t next = 0;
    batch.for_each([&](uint32_t row) {
      while (next < errors_.size() && errors_[next].row < row) ++next;
      if (next == errors_.size() || errors_[next].row != row) kept.push_back(row);
    });
    batch.set_selection(std::move(kept));
  }

  MapParameters parameters_;
  std::vector<Type> types_;
  OperatorContext context_;
  expr::SharedResults shared_;
  std::vector<expr::Evaluator> predicate_;  // none or one
  std::vector<expr::Evaluator> projections_;
  std::vector<expr::RowError> errors_;
};

class MapSpec final : public OperatorSpec {
 public:
  explicit MapSpec(MapParameters parameters) : parameters_(std::move(parameters)) {
    for (const ExprRef& expr : parameters_.projection) types_.push_back(expr->type);
  }
  std::string_view name() const override { return "map"; }
  std::string describe() const override {
    std::string text;
    if (parameters_.predicate != nullptr) {
      text = fmt::format("filter={} ", expr::to_string(*parameters_.predicate));
    }
    text += "columns=[";
    for (size_t i = 0; i < parameters_.projection.size(); ++i) {
      if (i > 0) text += ", ";
      text += expr::to_string(*parameters_.projection[i]);
    }
    return text + "]";
  }
  const std::vector<Type>& output_types() const override { return types_; }
  std::unique_ptr<Operator> instantiate(const OperatorContext& context) const override {
    return std::make_unique<Map>(parameters_, types_, context);
  }

 private:
  MapParameters parameters_;
  std::vector<Type> types_;
};

}  // namespace

SpecRef make_map(MapParameters parameters) {
  return std::make_shared<MapSpec>(std::move(parameters));
}

}  // namespace forebay::operators
