#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/operators/emission.h"
#include "engine/operators/over.h"
#include "engine/operators/time_judge.h"

/// The recipe of window functions: its types, tables and text.
namespace forebay::operators {

namespace {

class OverSpec final : public OperatorSpec {
 public:
  explicit OverSpec(OverParameters parameters)
      : parameters_(std::move(parameters)), output_types_(parameters_.types) {
    for (const OverCall& call : parameters_.calls) output_types_.push_back(call.result_type);
  }
  std::string_view name() const override { return "over"; }
  std::string describe() const override {
    std::vector<std::string> order, calls;
    for (const SortKey& key : parameters_.order) {
      order.push_back(fmt::format("{}{}{}", key.column, key.descending ? " desc" : "",
                                  key.nulls_first == key.descending ? ""
                                  : key.nulls_first                 ? " nulls first"
                                                                    : " nulls last"));
    }
    for (const OverCall& call : parameters_.calls) {
      std::vector<std::string> arguments;
      for (uint32_t argument : call.arguments) arguments.push_back(std::to_string(argument));
      calls.push_back(call_text(call, arguments));
      if (call.fallback_column >= 0) {
        calls.back() += fmt::format(" else {}", call.fallback_column);
      }
      if (call.filter_column >= 0) calls.back() += fmt::format(" filter {}", call.filter_column);
    }
    std::string text;
    if (!parameters_.partition_columns.empty()) {
      text = fmt::format("partition={} ", column_list(parameters_.partition_columns));
    }
    text += fmt::format("order=[{}] calls=[{}]", fmt::join(order, ", "), fmt::join(calls, ", "));
    if (parameters_.time) text += " bound=" + bound_text(*parameters_.time);
    if (parameters_.in_order) text += " in-order=" + bound_text(*parameters_.in_order);
    if (parameters_.waits) text += " waits";
    return text;
  }
  const std::vector<Type>& output_types() const override { return output_types_; }
  std::unique_ptr<Operator> instantiate(const OperatorContext& context) const override {
    return instantiate_over(parameters_, output_types_, context);
  }
  std::vector<state::DroppedTable> tables() const override {
    std::vector<state::DroppedTable> tables{{state::Family::kLog, parameters_.rows}};
    if (parameters_.waits) tables.push_back({state::Family::kHot, parameters_.timers});
    return tables;
  }

 private:
  OverParameters parameters_;
  std::vector<Type> output_types_;
};

}  // namespace

SpecRef make_over(OverParameters parameters) {
  return std::make_shared<OverSpec>(std::move(parameters));
}

}  // namespace forebay::operators
