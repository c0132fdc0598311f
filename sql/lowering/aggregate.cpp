// Groups: GROUP BY and DISTINCT.

#include <numeric>

#include "sql/lowering/distribution.h"
#include "sql/lowering/lowering.h"
#include "sql/plan/expressions.h"
#include "sql/plan/forms.h"
#include "sql/plan/properties.h"
#include "udfs/registry.h"

namespace forebay::sql::lowering {

using plan::ColumnId;
using plan::NodeRef;
using runtime::NodeInput;

Result<Stream> Lowering::lower_aggregate(const NodeRef& node) {
  const auto& aggregate = plan::as<plan::Aggregate>(*node);
  FOREBAY_ASSIGN_OR_RETURN(Stream from, lower(node->inputs[0]));
  const bool exchanged = !from.is_hashed_by(aggregate.groups);
  if (exchanged) {
    // Only what is used travels.
    plan::ColumnSet used;
    plan::add_used_columns(*node, used);
    plan::Columns narrow;
    for (const plan::Column& column : node->inputs[0]->columns) {
      if (used.contains(column.id)) narrow.push_back(column);
    }
    if (narrow.size() < from.columns.size()) from = exactly(std::move(from), narrow);
  }
  operators::AggregateParameters parameters;
  parameters.input_types = from.types;
  parameters.group_columns = from.positions(aggregate.groups);
  parameters.append_only = plan::is_append_only(node->inputs[0]);
  parameters.groups = next_table();
  Stream out;
  for (const plan::AggregateCall& call : aggregate.aggregates) {
    operators::AggregateCallSpec spec;
    spec.function = call.function;
    spec.arguments = from.positions(call.arguments);
    spec.distinct = call.distinct;
    if (call.filter) spec.filter_column = static_cast<int32_t>(from.position(*call.filter));
    spec.result_type = call.output.type;
    spec.direct = call.direct;
    spec.order = sort_keys(call.order, from);
    const bool keeps_values =
        call.distinct || call.function->kind == udfs::AggregateKind::kOrdered ||
        (call.function->kind != udfs::AggregateKind::kAccumulator && !parameters.append_only);
    parameters.value_tables.push_back(keeps_values ? next_table() : TableId(0));
    parameters.scale_tables.push_back(operators::counts_scales(parameters, spec) ? next_table()
                                                                                 : TableId(0));
    parameters.aggregates.push_back(std::move(spec));
  }
  if (aggregate.bounded) {
    parameters.time = bound_in(node->inputs[0], from, aggregate.groups[0]);
    FOREBAY_CHECK(parameters.time.has_value(), "a bounded aggregate without a bound");
    if (aggregate.slack > 0) loosen(*parameters.time, aggregate.slack);
    parameters.on_close = aggregate.on_close;
    parameters.keeps_groups = node.get() == kept_;
  }
  std::vector<uint32_t> positions = add_representatives(aggregate.groups, parameters);
  for (uint32_t i = 0; i < aggregate.aggregates.size(); ++i) {
    positions.push_back(static_cast<uint32_t>(aggregate.groups.size()) + i);
  }
  stored_[node.get()] = {operators::stored_aggregate(parameters), positions};
  NodeInput input = hashed_input(*node, 0, from, aggregate.groups);
  out.node = add(operators::make_aggregate(std::move(parameters)), {std::move(input)});
  out.types = nodes_[out.node].output_types;
  out.columns.assign(out.types.size(), 0);
  for (size_t i = 0; i < positions.size(); ++i) out.columns[positions[i]] = node->columns[i].id;
  out.hashed = distribution_of(aggregate.groups);
  return out;
}

std::vector<uint32_t> Lowering::add_representatives(const std::vector<ColumnId>& groups,
                                                    operators::AggregateParameters& parameters) {
  std::vector<uint32_t> positions(groups.size());
  std::iota(positions.begin(), positions.end(), 0);
  for (size_t i = 0; i < groups.size(); ++i) {
    const uint32_t column = parameters.group_columns[i];
    const data::Type type = parameters.input_types[column];
    if (plan::has_one_form(type) || !shown_->contains(groups[i])) continue;
    operators::AggregateCallSpec spec;
    const data::TypeId wanted = type.is_array() ? data::TypeId::kAnyArray : type.id;
    for (const char* name : {"min", "least_form"}) {
      for (const udfs::AggregateFunction* least : udfs::find_aggregate(name)) {
        if (least->arguments[0] == wanted) spec.function = least;
      }
    }
    FOREBAY_CHECK(spec.function != nullptr, "min() of " + type.name());
    spec.arguments = {column};
    spec.result_type = type;
    positions[i] = static_cast<uint32_t>(groups.size() + parameters.aggregates.size());
    parameters.aggregates.push_back(std::move(spec));
    parameters.value_tables.push_back(parameters.append_only ? TableId(0) : next_table());
    parameters.scale_tables.push_back(TableId(0));
  }
  return positions;
}

Result<Stream> Lowering::lower_distinct(const NodeRef& node) {
  FOREBAY_ASSIGN_OR_RETURN(Stream from, lower(node->inputs[0]));
  from = exactly(std::move(from), node->columns);
  NodeInput input = hashed_input(*node, 0, from, from.columns);
  operators::AggregateParameters groups;
  groups.input_types = from.types;
  groups.group_columns.resize(from.types.size());
  std::iota(groups.group_columns.begin(), groups.group_columns.end(), 0);
  groups.append_only = plan::is_append_only(node->inputs[0]);
  groups.groups = next_table();
  std::vector<uint32_t> positions = add_representatives(from.columns, groups);
  Stream out = from;
  out.hashed = distribution_of(from.columns);
  if (groups.aggregates.empty()) {
    operators::DistinctParameters parameters{from.types, groups.groups};
    stored_[node.get()] = {operators::stored_distinct(parameters), positions};
    out.node = add(operators::make_distinct(std::move(parameters)), {std::move(input)});
    return out;
  }
  stored_[node.get()] = {operators::stored_aggregate(groups), positions};
  out.node = add(operators::make_aggregate(std::move(groups)), {std::move(input)});
  out.types = nodes_[out.node].output_types;
  out.columns.assign(out.types.size(), 0);
  for (size_t i = 0; i < positions.size(); ++i) out.columns[positions[i]] = from.columns[i];
  return out;
}

}  // namespace forebay::sql::lowering
