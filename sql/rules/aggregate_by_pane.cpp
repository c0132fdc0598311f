#include <optional>

#include "sql/plan/expressions.h"
#include "sql/rules/rules.h"
#include "udfs/registry.h"

/// Windows that overlap (HOP, CUMULATE) are a series of times per row. An aggregate right above
/// them first adds up the rows of a pane, the time in which all rows are in the same windows, and
/// then the panes of each window: a row costs one step, however many windows it is in.
///
///     Aggregate by k, window          Aggregate by k, window [sum of n ...]
///       Series of windows per row       Series of windows per pane
///         rows                            Aggregate by pane, k [n = count ...]
///                                           rows
namespace forebay::sql::rules {

using data::Type;
using data::TypeId;
using expr::ExprKind;
using expr::ExprRef;
using plan::Column;
using plan::ColumnId;
using plan::Columns;

namespace {

/// date_bin(width, time, origin) with constants.
struct Bin {
  int64_t width = 0;
  ExprRef time;
  int64_t origin = 0;
};

std::optional<int64_t> fixed_micros(const ExprRef& expr) {
  if (expr->kind != ExprKind::kLiteral || expr->type.id != TypeId::kInterval ||
      expr->literal.is_null()) {
    return std::nullopt;
  }
  const auto& interval = std::get<data::Interval>(expr->literal.value);
  if (interval.months != 0 || interval.days != 0) return std::nullopt;
  return interval.microseconds;
}

std::optional<Bin> as_bin(const ExprRef& expr) {
  if (expr->kind != ExprKind::kCall || expr->function->name != "date_bin") return std::nullopt;
  const auto width = fixed_micros(expr->children[0]);
  const ExprRef& origin = expr->children[2];
  if (!width || *width <= 0 || origin->kind != ExprKind::kLiteral || origin->literal.is_null()) {
    return std::nullopt;
  }
  return Bin{*width, expr->children[1], std::get<int64_t>(origin->literal.value)};
}

/// The expression with each bin replaced.
ExprRef with_bins(const ExprRef& expr,
                  const std::function<ExprRef(const ExprRef&, const Bin&)>& f) {
  return plan::transform(expr, [&](const ExprRef& part) -> ExprRef {
    const auto bin = as_bin(part);
    return bin ? f(part, *bin) : nullptr;
  });
}

class Panes {
 public:
  Panes(const plan::Aggregate& aggregate, ColumnFactory& columns)
      : top_(aggregate), columns_(columns) {}

  /// nullptr: the aggregate stays as it is.
  NodeRef rewrite() {
    if (!find_nodes() || !find_panes() || !split_columns() || !split_calls()) return nullptr;
    return build();
  }

 private:
  bool find_nodes() {
    if (top_.scalar || top_.bounded) return false;
    const plan::Node* input = &top_.input();
    if (input->kind == plan::NodeKind::kProject) {
      project_ = &plan::as<plan::Project>(*input);
      input = &input->input();
    }
    if (input->kind != plan::NodeKind::kTableFunction) return false;
    series_ = &plan::as<plan::TableFunction>(*input);
    return series_->function->name == "generate_series" && series_->arguments.size() == 3 &&
           !series_->outer && !series_->ordinality && fixed_micros(series_->arguments[2]);
  }

  /// The series depends on the time's panes only.
  bool find_panes() {
    bool fits = true;
    int64_t widest = 0;
    ExprRef start;
    for (size_t i = 0; i < 2; ++i) {
      const ExprRef rest =
          with_bins(series_->arguments[i], [&](const ExprRef& part, const Bin& bin) {
            fits &= pane_.time == nullptr || expr::equal(*pane_.time, *bin.time);
            if (pane_.time == nullptr || bin.width < pane_.width) pane_ = bin;
            if (bin.width > widest) start = part->children[2];
            widest = std::max(widest, bin.width);
            bins_.push_back(bin);
            return part->children[2];
          });
      fits &= plan::columns_in(rest).empty();
    }
    if (!fits || pane_.time == nullptr) return false;
    for (const Bin& bin : bins_) {
      fits &= bin.width % pane_.width == 0 && (bin.origin - pane_.origin) % pane_.width == 0;
    }
    if (!fits || expr::volatility(*pane_.time) != udfs::Volatility::kImmutable) return false;
    return measure(start);
  }

  /// How far the windows of a pane that begins at `start` reach.
  bool measure(const ExprRef& start) {
    int64_t ends[2];
    for (size_t i = 0; i < 2; ++i) {
      const ExprRef at = plan::transform(series_->arguments[i], [&](const ExprRef& part) {
        return expr::equal(*part, *pane_.time) ? start : nullptr;
      });
      const auto value = expr::evaluate_constant(at, {});
      if (!value.is_ok() || value->is_null()) return false;
      ends[i] = std::get<int64_t>(value->value);
    }
    return !__builtin_sub_overflow(ends[1], ends[0], &span_) && span_ > 0;
  }

  /// Columns over the aggregate's input are of the rows, or of the windows alone.
  bool split_columns() {
    const ColumnId window = series_->results[0].id;
    const plan::Node& input = top_.input();
    for (size_t i = 0; i < input.columns.size(); ++i) {
      const Column& column = input.columns[i];
      const ExprRef value =
          project_ != nullptr ? project_->expressions[i] : plan::column_ref(column);
      const ColumnSet used = plan::columns_in(value);
      if (!used.contains(window)) {
        row_columns_.push_back(column);
        row_values_.push_back(value);
        continue;
      }
      if (used.size() > 1) return false;
      window_columns_.push_back(column);
      window_values_.push_back(value);
    }
    return true;
  }

  bool is_of_rows(ColumnId id) const {
    return plan::find_column(row_columns_, id) != plan::kNoColumn;
  }

  static const udfs::AggregateFunction* find_sum(Type type) {
    for (const udfs::AggregateFunction* sum : udfs::find_aggregate("sum")) {
      if (sum->arguments.size() == 1 && sum->arguments[0] == type.id) return sum;
    }
    return nullptr;
  }

  bool split_calls() {
    bool windowed = false;
    for (ColumnId id : top_.groups) windowed |= !is_of_rows(id);
    if (!windowed) return false;
    for (const plan::AggregateCall& call : top_.aggregates) {
      const std::string_view name = call.function->name;
      const bool adds = name == "count" || name == "sum";
      if (call.distinct || call.function->always_distinct || !call.order.empty() ||
          (!adds && name != "min" && name != "max")) {
        return false;
      }
      for (ColumnId id : call.arguments) {
        if (!is_of_rows(id)) return false;
      }
      if (call.filter && !is_of_rows(*call.filter)) return false;
      // Sums of floats depend on their order.
      const Type type = call.output.type;
      if (name == "sum" && type.id != TypeId::kBigint && type.id != TypeId::kNumeric) return false;
      plan::AggregateCall part = call;
      part.output = columns_.make(call.output.name, type);
      plan::AggregateCall whole;
      whole.function = adds ? find_sum(type) : call.function;
      if (whole.function == nullptr) return false;
      whole.arguments = {part.output.id};
      const bool same = !adds || whole.function->result == type.id;
      whole.output = same ? call.output : columns_.make("", Type{whole.function->result});
      if (!same && udfs::find_cast(whole.output.type.id, type.id) == nullptr) return false;
      parts_.push_back(std::move(part));
      wholes_.push_back(std::move(whole));
    }
    return true;
  }

  NodeRef build() {
    const Column pane = columns_.make("pane", pane_.time->type);
    ExprRef pane_value;
    for (const ExprRef& argument : series_->arguments) {
      with_bins(argument, [&](const ExprRef& part, const Bin& bin) {
        if (bin.width == pane_.width) pane_value = part;
        return part;
      });
    }
    Columns below = row_columns_;
    std::vector<ExprRef> values = row_values_;
    below.push_back(pane);
    values.push_back(pane_value);
    std::vector<ColumnId> groups{pane.id};
    Columns carried;
    for (ColumnId id : top_.groups) {
      if (!is_of_rows(id)) continue;
      groups.push_back(id);
      carried.push_back(row_columns_[plan::find_column(row_columns_, id)]);
    }
    auto first = std::make_shared<plan::Aggregate>(plan::as<plan::Aggregate>(*plan::make_aggregate(
        plan::make_project(series_->inputs[0], std::move(below), std::move(values)),
        std::move(groups), parts_, false)));
    first->slack = span_;
    std::vector<ExprRef> arguments;
    for (const ExprRef& argument : series_->arguments) {
      arguments.push_back(with_bins(argument, [&](const ExprRef& part, const Bin& bin) {
        if (bin.width == pane_.width) return plan::column_ref(pane);
        return expr::call(part->function, part->type,
                          {part->children[0], plan::column_ref(pane), part->children[2]});
      }));
    }
    NodeRef windows = plan::make_table_function(std::move(first), *series_, std::move(arguments));
    Columns above = window_columns_;
    std::vector<ExprRef> shown = window_values_;
    for (const plan::AggregateCall& part : parts_) carried.push_back(part.output);
    for (const Column& column : carried) {
      above.push_back(column);
      shown.push_back(plan::column_ref(column));
    }
    NodeRef second = plan::make_aggregate(
        plan::make_project(std::move(windows), std::move(above), std::move(shown)), top_.groups,
        wholes_, false);
    return with_types(std::move(second));
  }

  /// The results as the calls' types.
  NodeRef with_types(NodeRef aggregate) const {
    bool same = true;
    std::vector<ExprRef> values;
    for (size_t i = 0; i < top_.columns.size(); ++i) {
      const Column& is = aggregate->columns[i];
      const Column& wanted = top_.columns[i];
      ExprRef value = plan::column_ref(is);
      if (is.id != wanted.id) {
        same = false;
        const udfs::Cast* cast = udfs::find_cast(is.type.id, wanted.type.id);
        value = expr::call(cast->function, wanted.type, {value});
      }
      values.push_back(std::move(value));
    }
    if (same) return aggregate;
    return plan::make_project(std::move(aggregate), top_.columns, std::move(values));
  }

  const plan::Aggregate& top_;
  ColumnFactory& columns_;
  const plan::Project* project_ = nullptr;
  const plan::TableFunction* series_ = nullptr;
  std::vector<Bin> bins_;
  Bin pane_;
  int64_t span_ = 0;
  Columns row_columns_, window_columns_;
  std::vector<ExprRef> row_values_, window_values_;
  std::vector<plan::AggregateCall> parts_, wholes_;
};

}  // namespace

NodeRef aggregate_by_pane(const NodeRef& node, ColumnFactory& columns) {
  return rewrite_bottom_up(node, [&](const NodeRef& part) {
    if (part->kind != plan::NodeKind::kAggregate) return part;
    NodeRef panes = Panes(plan::as<plan::Aggregate>(*part), columns).rewrite();
    return panes != nullptr ? panes : part;
  });
}

}  // namespace forebay::sql::rules
