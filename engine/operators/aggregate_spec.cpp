#include <fmt/format.h>

#include "engine/operators/aggregate.h"
#include "engine/operators/aggregate_tables.h"
#include "engine/operators/emission.h"
#include "engine/operators/time_judge.h"

/// The recipes of aggregate and distinct: their types, tables and text.
namespace forebay::operators {

namespace {

std::string call_text(const AggregateCallSpec& call) {
  std::string text = fmt::format("{}({}", call.function->name, call.distinct ? "distinct " : "");
  if (call.arguments.empty()) text += "*";
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : ", ", call.arguments[i]);
  }
  for (const SortKey& key : call.order) {
    text += fmt::format(" order {}{}{}", key.column, key.descending ? " desc" : "",
                        key.nulls_first ? " nulls first" : "");
  }
  for (const data::Datum& value : call.direct) {
    text += fmt::format(" with {}", expr::to_string(*expr::literal(value)));
  }
  text += ")";
  if (call.filter_column >= 0) text += fmt::format(" filter {}", call.filter_column);
  return text;
}

class AggregateSpec final : public OperatorSpec {
 public:
  AggregateSpec(std::string_view name, const AggregateParameters& parameters)
      : name_(name), payload_(std::make_shared<const AggregatePayload>(parameters)) {}
  std::string_view name() const override { return name_; }
  std::string describe() const override {
    const AggregateParameters& parameters = payload_->parameters();
    std::string text = fmt::format("keys={}", column_list(parameters.group_columns));
    if (!parameters.aggregates.empty()) {
      text += " aggregates=[";
      for (size_t i = 0; i < parameters.aggregates.size(); ++i) {
        if (i > 0) text += ", ";
        text += call_text(parameters.aggregates[i]);
      }
      text += "]";
    }
    if (parameters.append_only && !parameters.aggregates.empty()) text += " append-only";
    if (parameters.time) {
      text += " bound=" + bound_text(*parameters.time);
      if (parameters.on_close) text += " on-close";
      if (parameters.keeps_groups) text += " kept";
    }
    return text;
  }
  const std::vector<Type>& output_types() const override { return payload_->output_types(); }
  std::unique_ptr<Operator> instantiate(const OperatorContext& context) const override {
    return instantiate_aggregate(name_, payload_, context);
  }
  std::vector<state::DroppedTable> tables() const override {
    const AggregateParameters& parameters = payload_->parameters();
    std::vector<state::DroppedTable> tables{{state::Family::kHot, parameters.groups}};
    for (size_t i = 0; i < parameters.aggregates.size(); ++i) {
      if (needs_value_table(parameters, parameters.aggregates[i]) &&
          values_owner(parameters, i) == i) {
        tables.push_back({state::Family::kLog, parameters.value_tables[i]});
      }
      if (counts_scales(parameters, parameters.aggregates[i])) {
        tables.push_back({ScaleTable::kFamily, parameters.scale_tables[i]});
      }
    }
    return tables;
  }

 private:
  std::string_view name_;
  std::shared_ptr<const AggregatePayload> payload_;
};

}  // namespace

SpecRef make_aggregate(AggregateParameters parameters) {
  return std::make_shared<AggregateSpec>("aggregate", parameters);
}

// DISTINCT is GROUP BY all columns without aggregates.
SpecRef make_distinct(DistinctParameters parameters) {
  return std::make_shared<AggregateSpec>("distinct", distinct_as_aggregate(parameters));
}

}  // namespace forebay::operators
