#include "sql/lowering/lowering.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "engine/operators/index_relation.h"
#include "sql/lowering/distribution.h"
#include "sql/plan/expressions.h"
#include "sql/plan/forms.h"
#include "sql/plan/properties.h"
#include "sql/plan/temporal.h"
#include "udfs/registry.h"

namespace forebay::sql::lowering {

using catalog::ObjectKind;
using expr::ExprKind;
using expr::ExprRef;
using plan::ColumnId;
using plan::NodeKind;
using plan::NodeRef;
using runtime::Exchange;
using runtime::NodeInput;

namespace {

uint32_t position_in(const Stream& stream, ColumnId id) {
  auto at = std::find(stream.columns.begin(), stream.columns.end(), id);
  FOREBAY_CHECK(at != stream.columns.end(), fmt::format("column {} is not in the input", id));
  return static_cast<uint32_t>(at - stream.columns.begin());
}

std::vector<uint32_t> positions_in(const Stream& stream, const std::vector<ColumnId>& ids) {
  std::vector<uint32_t> out;
  for (ColumnId id : ids) out.push_back(position_in(stream, id));
  return out;
}

/// The scanned relation through its index; nullptr: no row can be meant.
Result<operators::StoredRelationRef> indexed_relation(const plan::Scan& scan) {
  const plan::IndexUse& use = *scan.index;
  operators::IndexBounds bounds;
  for (const ExprRef& part : use.equal) {
    FOREBAY_ASSIGN_OR_RETURN(data::Datum value, expr::evaluate_constant(part, {}));
    if (value.is_null()) return operators::StoredRelationRef();
    bounds.equal.push_back(std::move(value));
  }
  for (auto [from, to] : {std::pair(&use.lower, &bounds.lower), {&use.upper, &bounds.upper}}) {
    if (from->value == nullptr) continue;
    FOREBAY_ASSIGN_OR_RETURN(data::Datum value, expr::evaluate_constant(from->value, {}));
    if (value.is_null()) return operators::StoredRelationRef();
    *to = operators::IndexBounds::Bound{std::move(value), from->inclusive};
  }
  return operators::indexed(
      scan.object->relation,
      index_parameters(use.index->stored_columns(), use.index->tables.front()),
      use.index->index_keys, std::move(bounds));
}

std::vector<ColumnId> ids_of(const plan::Columns& columns) {
  std::vector<ColumnId> ids;
  for (const plan::Column& column : columns) ids.push_back(column.id);
  return ids;
}

/// LIMIT and OFFSET after parameters were put in.
Result<uint64_t> count_of(const ExprRef& expr, bool is_limit, uint64_t none) {
  if (!expr) return none;
  FOREBAY_ASSIGN_OR_RETURN(data::Datum value, expr::evaluate_constant(expr, {}));
  if (value.is_null()) return none;
  int64_t number = std::get<int64_t>(value.value);
  if (number >= 0) return static_cast<uint64_t>(number);
  return is_limit ? Status(data::sqlstate::kInvalidLimit, "LIMIT must not be negative")
                  : Status(data::sqlstate::kInvalidOffset, "OFFSET must not be negative");
}

}  // namespace

ExprRef to_positions(const ExprRef& expr, const Stream& stream) {
  if (!expr) return nullptr;
  return plan::transform(expr, [&](const ExprRef& part) -> ExprRef {
    if (part->kind != ExprKind::kColumn) return nullptr;
    uint32_t at = position_in(stream, part->column);
    return expr::column(at, stream.types[at]);
  });
}

uint32_t Lowering::add_leaf(
    std::variant<operators::SpecRef, runtime::ObjectInput, runtime::SourceInput,
                 runtime::TableInput, runtime::VirtualInput>
        leaf,
    std::vector<data::Type> types) {
  nodes_.push_back({std::move(leaf), {}, std::move(types)});
  return static_cast<uint32_t>(nodes_.size() - 1);
}

uint32_t Lowering::add(operators::SpecRef spec, std::vector<NodeInput> inputs) {
  std::vector<data::Type> types = spec->output_types();
  nodes_.push_back({std::move(spec), std::move(inputs), std::move(types)});
  return static_cast<uint32_t>(nodes_.size() - 1);
}

NodeInput Lowering::hashed_input(const Stream& stream, const std::vector<ColumnId>& keys) const {
  if (stream.is_hashed_by(keys)) return {stream.node, std::nullopt};
  return {stream.node, Exchange{positions_in(stream, keys), data::KeyMode::kGrouping}};
}

NodeInput Lowering::hashed_input(const plan::Node& node, size_t index, const Stream& stream,
                                 const std::vector<ColumnId>& keys) {
  NodeInput input = hashed_input(stream, keys);
  if (input.exchange) exchanges_[{&node, index}] = keys;
  return input;
}

const std::vector<ColumnId>* Lowering::exchange_before(const plan::Node* node, size_t index) const {
  auto found = exchanges_.find({node, index});
  return found == exchanges_.end() ? nullptr : &found->second;
}

const Lowering::Stored& Lowering::stored_of(const plan::Node* node) const {
  auto found = stored_.find(node);
  FOREBAY_CHECK(found != stored_.end(), "the state of a node that was not lowered");
  return found->second;
}

Stream Lowering::exactly(Stream stream, const plan::Columns& columns) {
  std::vector<ColumnId> ids = ids_of(columns);
  if (stream.columns == ids) return stream;
  operators::MapParameters map;
  map.input_types = stream.types;
  Stream out;
  out.columns = ids;
  out.hashed = kept(stream, ids);
  for (const plan::Column& column : columns) {
    uint32_t at = position_in(stream, column.id);
    map.projection.push_back(expr::column(at, stream.types[at]));
    map.names.push_back(column.name);
    out.types.push_back(stream.types[at]);
  }
  out.node = add(operators::make_map(std::move(map)), {{stream.node, std::nullopt}});
  return out;
}

void Lowering::shows(const NodeRef& root) { shown_ = plan::shown_columns(root); }

Result<Stream> Lowering::lower(const NodeRef& node) {
  auto found = lowered_.find(node.get());
  if (found != lowered_.end()) return found->second;
  if (!shown_) shown_ = plan::shown_columns(node);
  FOREBAY_ASSIGN_OR_RETURN(Stream stream, lower_new(node));
  lowered_[node.get()] = stream;
  return stream;
}

Result<Stream> Lowering::lower_new(const NodeRef& node) {
  switch (node->kind) {
    case NodeKind::kScan: {
      const auto& scan = plan::as<plan::Scan>(*node);
      if (scan.ttl_us > 0) return lower_expiry(scan);
      return scan.object->kind == ObjectKind::kSource ? lower_source(scan) : lower_scan(scan);
    }
    case NodeKind::kValues:
      return lower_values(plan::as<plan::Values>(*node));
    case NodeKind::kFilter:
      return lower_map(node->inputs[0], plan::as<plan::Filter>(*node).predicate, nullptr);
    case NodeKind::kProject: {
      const auto& project = plan::as<plan::Project>(*node);
      const NodeRef& input = node->inputs[0];
      if (input->kind == NodeKind::kFilter && !lowered_.contains(input.get())) {
        return lower_map(input->inputs[0], plan::as<plan::Filter>(*input).predicate, &project);
      }
      return lower_map(input, nullptr, &project);
    }
    case NodeKind::kAggregate:
      return lower_aggregate(node);
    case NodeKind::kJoin:
      return lower_join(plan::as<plan::Join>(*node));
    case NodeKind::kDistinct:
      return lower_distinct(node);
    case NodeKind::kUnion:
      return lower_union(plan::as<plan::Union>(*node));
    case NodeKind::kTopN:
      return lower_top_n(plan::as<plan::TopN>(*node));
    case NodeKind::kOver:
      return lower_over(plan::as<plan::Over>(*node));
    case NodeKind::kSingleRow:
      return lower_single_row(plan::as<plan::SingleRow>(*node));
    case NodeKind::kExpand:
      return lower_expand(plan::as<plan::Expand>(*node));
    case NodeKind::kTableFunction:
      return lower_table_function(plan::as<plan::TableFunction>(*node));
    case NodeKind::kAsofJoin:
      return lower_asof_join(plan::as<plan::AsofJoin>(*node));
    case NodeKind::kSession:
      return lower_session(plan::as<plan::Session>(*node));
    case NodeKind::kRepeat:
      return lower_repeat(plan::as<plan::Repeat>(*node));
    case NodeKind::kHold:
      return lower_hold(plan::as<plan::Hold>(*node));
    case NodeKind::kLate:
      return lower_late(plan::as<plan::Late>(*node));
    case NodeKind::kDependentJoin:
      break;
  }
  return Status::internal("a dependent join was left in the plan");
}

Result<Stream> Lowering::lower_scan(const plan::Scan& scan) {
  Stream out;
  for (const data::Field& field : scan.object->stored_columns()) out.types.push_back(field.type);
  out.columns.assign(out.types.size(), 0);
  for (size_t i = 0; i < scan.positions.size(); ++i)
    out.columns[scan.positions[i]] = scan.columns[i].id;
  if (scan.object->kind == ObjectKind::kVirtual) {
    out.node = add_leaf(runtime::VirtualInput{scan.object->name, scan.object->rows}, out.types);
    return out;
  }
  runtime::ObjectInput input{scan.object->id, scan.object->relation, std::nullopt,
                             scan.object->choice};
  if (scan.index) {
    FOREBAY_ASSIGN_OR_RETURN(input.relation, indexed_relation(scan));
    if (input.relation == nullptr) {  // compared with NULL
      out.node = add(operators::make_values({out.types, {}}), {});
      return out;
    }
  }
  if (!scan.key.empty()) {
    input.key.emplace();
    for (const ExprRef& part : scan.key) {
      FOREBAY_ASSIGN_OR_RETURN(data::Datum value, expr::evaluate_constant(part, {}));
      if (value.is_null()) {  // equal to nothing
        out.node = add(operators::make_values({out.types, {}}), {});
        return out;
      }
      input.key->push_back(std::move(value));
    }
  }
  // The owner of a key's shard gives its rows: the stream is hashed by the store's key.
  if (scan.object->has_key && !scan.object->key_columns.empty()) {
    std::vector<ColumnId> hashed;
    for (uint32_t position : scan.object->key_columns) hashed.push_back(out.columns[position]);
    if (std::find(hashed.begin(), hashed.end(), 0u) == hashed.end()) {
      out.hashed = distribution_of(hashed);
    }
  }
  out.node = add_leaf(std::move(input), out.types);
  return out;
}

Result<Stream> Lowering::lower_values(const plan::Values& values) {
  operators::ValuesParameters constant;
  std::vector<const std::vector<ExprRef>*> computed;
  for (const plan::Column& column : values.columns) constant.types.push_back(column.type);
  for (const auto& row : values.rows) {
    const bool literal = std::all_of(row.begin(), row.end(), [](const ExprRef& value) {
      return value->kind == ExprKind::kLiteral;
    });
    if (!literal) {
      computed.push_back(&row);
      continue;
    }
    constant.rows.emplace_back();
    for (const ExprRef& value : row) constant.rows.back().push_back(value->literal);
  }
  Stream out;
  out.columns = ids_of(values.columns);
  out.types = constant.types;
  std::vector<NodeInput> parts;
  if (!constant.rows.empty() || computed.empty()) {
    parts.push_back({add(operators::make_values(std::move(constant)), {}), std::nullopt});
  }
  for (const auto* row : computed) {
    uint32_t unit = add(operators::make_values({{}, {{}}}), {});
    operators::MapParameters map;
    map.projection = *row;
    for (const plan::Column& column : values.columns) map.names.push_back(column.name);
    parts.push_back(
        {add(operators::make_map(std::move(map)), {{unit, std::nullopt}}), std::nullopt});
  }
  out.node = parts[0].node;
  if (parts.size() > 1) {
    auto count = static_cast<uint32_t>(parts.size());
    out.node = add(operators::make_union({out.types, count}), std::move(parts));
  }
  return out;
}

Result<Stream> Lowering::lower_map(const NodeRef& input, const ExprRef& predicate,
                                   const plan::Project* project) {
  FOREBAY_ASSIGN_OR_RETURN(Stream from, lower(input));
  const bool is_temporal = is_continuous_ && predicate && plan::uses_now(predicate);
  if (is_temporal) {
    FOREBAY_ASSIGN_OR_RETURN(from, lower_temporal(std::move(from), input->columns, predicate));
  }
  operators::MapParameters map;
  map.input_types = from.types;
  map.predicate = is_temporal ? nullptr : to_positions(predicate, from);
  Stream out;
  const plan::Columns& columns = project ? project->columns : input->columns;
  for (size_t i = 0; i < columns.size(); ++i) {
    ExprRef value = project ? project->expressions[i] : plan::column_ref(columns[i]);
    map.projection.push_back(to_positions(value, from));
    map.names.push_back(columns[i].name);
    out.columns.push_back(columns[i].id);
    out.types.push_back(map.projection.back()->type);
  }
  if (!map.predicate && out.columns == from.columns) return from;
  out.hashed = renamed(from, map.projection, out.columns);
  out.node = add(operators::make_map(std::move(map)), {{from.node, std::nullopt}});
  return out;
}

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
  parameters.group_columns = positions_in(from, aggregate.groups);
  parameters.append_only = plan::is_append_only(node->inputs[0]);
  parameters.groups = next_table();
  Stream out;
  for (const plan::AggregateCall& call : aggregate.aggregates) {
    operators::AggregateCallSpec spec;
    spec.function = call.function;
    spec.arguments = positions_in(from, call.arguments);
    spec.distinct = call.distinct;
    if (call.filter) spec.filter_column = static_cast<int32_t>(position_in(from, *call.filter));
    spec.result_type = call.output.type;
    spec.direct = call.direct;
    for (const plan::SortItem& item : call.order) {
      spec.order.push_back({position_in(from, item.column), item.descending, item.nulls_first});
    }
    const bool keeps_values =
        call.distinct || call.function->kind == udfs::AggregateKind::kOrdered ||
        (call.function->kind != udfs::AggregateKind::kAccumulator && !parameters.append_only);
    parameters.value_tables.push_back(keeps_values ? next_table() : TableId(0));
    parameters.scale_tables.push_back(operators::counts_scales(parameters, spec) ? next_table()
                                                                                 : TableId(0));
    parameters.aggregates.push_back(std::move(spec));
  }
  if (aggregate.bounded) {
    const plan::TimeBounds bounds = plan::time_bounds(node->inputs[0]);
    auto bound = bounds.find(aggregate.groups[0]);
    FOREBAY_CHECK(bound != bounds.end(), "a bounded aggregate without a bound");
    parameters.time = bound_of(parameters.group_columns[0], bound->second);
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

Result<Stream> Lowering::lower_join(const plan::Join& join) {
  FOREBAY_ASSIGN_OR_RETURN(Stream left, lower(join.inputs[0]));
  FOREBAY_ASSIGN_OR_RETURN(Stream right, lower(join.inputs[1]));
  left = exactly(std::move(left), join.inputs[0]->columns);
  right = exactly(std::move(right), join.inputs[1]->columns);
  operators::JoinParameters parameters;
  parameters.kind = join.join;
  parameters.left_types = left.types;
  parameters.right_types = right.types;
  std::vector<ColumnId> left_keys, right_keys;
  for (const plan::JoinKey& key : join.keys) {
    left_keys.push_back(key.left);
    right_keys.push_back(key.right);
    parameters.null_safe.push_back(key.null_safe);
  }
  parameters.left_keys = positions_in(left, left_keys);
  parameters.right_keys = positions_in(right, right_keys);
  Stream both = left;
  both.columns.insert(both.columns.end(), right.columns.begin(), right.columns.end());
  both.types.insert(both.types.end(), right.types.begin(), right.types.end());
  if (is_continuous_ && join.condition && plan::uses_now(join.condition)) {
    return Status(data::sqlstate::kFeatureNotSupported,
                  "now() in a condition of a join in a materialized view is not supported")
        .with_hint("Compare with it in a view of one side, or above the join.");
  }
  parameters.condition = to_positions(join.condition, both);
  parameters.left_append_only = plan::is_append_only(join.inputs[0]);
  parameters.right_append_only = plan::is_append_only(join.inputs[1]);
  parameters.left_rows = next_table();
  parameters.right_rows = next_table();
  if (join.time) parameters.time = time_of(join, left, right);
  const bool left_only = join.join == plan::JoinKind::kSemi || join.join == plan::JoinKind::kAnti;
  Stream out = left_only ? left : both;
  out.hashed = distribution_after(join.join, left, left_keys, right, right_keys);
  std::vector<NodeInput> inputs{hashed_input(join, 0, left, left_keys),
                                hashed_input(join, 1, right, right_keys)};
  out.node = add(operators::make_join(std::move(parameters)), std::move(inputs));
  return out;
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

Result<Stream> Lowering::lower_union(const plan::Union& node) {
  Stream out;
  out.columns = ids_of(node.columns);
  for (const plan::Column& column : node.columns) out.types.push_back(column.type);
  std::vector<NodeInput> inputs;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    FOREBAY_ASSIGN_OR_RETURN(Stream from, lower(node.inputs[i]));
    // Always the union's own types: modifiers may differ between the branches.
    if (from.columns != node.sources[i] || from.types != out.types) {
      operators::MapParameters map;
      map.input_types = from.types;
      for (size_t c = 0; c < node.columns.size(); ++c) {
        map.projection.push_back(expr::column(position_in(from, node.sources[i][c]), out.types[c]));
        map.names.push_back(node.columns[c].name);
      }
      from.node = add(operators::make_map(std::move(map)), {{from.node, std::nullopt}});
    }
    inputs.push_back({from.node, std::nullopt});
  }
  auto count = static_cast<uint32_t>(inputs.size());
  out.node = add(operators::make_union({out.types, count}), std::move(inputs));
  return out;
}

Result<Stream> Lowering::lower_top_n(const plan::TopN& top) {
  FOREBAY_ASSIGN_OR_RETURN(Stream from, lower(top.inputs[0]));
  operators::TopNParameters parameters;
  FOREBAY_ASSIGN_OR_RETURN(parameters.limit, count_of(top.limit, true, UINT64_MAX));
  FOREBAY_ASSIGN_OR_RETURN(parameters.offset, count_of(top.offset, false, 0));
  if (parameters.limit == UINT64_MAX && parameters.offset == 0 && !top.number) return from;
  from = exactly(std::move(from), top.input().columns);
  parameters.types = from.types;
  parameters.numbered = top.number.has_value();
  std::vector<ColumnId> partition = top.partition;
  parameters.time = bound_partition(top, from, partition);
  parameters.partition_columns = positions_in(from, partition);
  for (const plan::SortItem& item : top.order) {
    parameters.order.push_back({position_in(from, item.column), item.descending, item.nulls_first});
  }
  parameters.with_ties = top.with_ties;
  parameters.append_only = parameters.limit != UINT64_MAX && plan::is_append_only(top.inputs[0]);
  parameters.rows = next_table();
  NodeInput input = hashed_input(top, 0, from, partition);
  Stream out = from;
  out.hashed = distribution_of(partition);
  if (top.number) {
    out.columns.push_back(top.number->id);
    out.types.push_back(top.number->type);
  }
  out.node = add(operators::make_top_n(std::move(parameters)), {std::move(input)});
  return out;
}

Result<Stream> Lowering::lower_over(const plan::Over& over) {
  FOREBAY_ASSIGN_OR_RETURN(Stream from, lower(over.inputs[0]));
  from = exactly(std::move(from), over.input().columns);
  operators::OverParameters parameters;
  parameters.types = from.types;
  std::vector<ColumnId> partition = over.partition;
  parameters.time = bound_partition(over, from, partition);
  parameters.in_order = bound_order(over, from);
  parameters.partition_columns = positions_in(from, partition);
  for (const plan::SortItem& item : over.order) {
    parameters.order.push_back({position_in(from, item.column), item.descending, item.nulls_first});
  }
  Stream out = from;
  for (const plan::OverCall& call : over.calls) {
    operators::OverCall spec;
    spec.function = call.function;
    spec.aggregate = call.aggregate;
    spec.arguments = positions_in(from, call.arguments);
    if (call.filter) spec.filter_column = static_cast<int32_t>(position_in(from, *call.filter));
    if (call.fallback) {
      spec.fallback_column = static_cast<int32_t>(position_in(from, *call.fallback));
    }
    spec.number = call.number;
    spec.frame = call.frame;
    spec.result_type = call.output.type;
    parameters.calls.push_back(std::move(spec));
    out.columns.push_back(call.output.id);
    out.types.push_back(call.output.type);
  }
  parameters.rows = next_table();
  NodeInput input = hashed_input(over, 0, from, partition);
  out.hashed = distribution_of(partition);
  out.node = add(operators::make_over(std::move(parameters)), {std::move(input)});
  return out;
}

Result<Stream> Lowering::lower_single_row(const plan::SingleRow& guard) {
  FOREBAY_ASSIGN_OR_RETURN(Stream from, lower(guard.inputs[0]));
  from = exactly(std::move(from), guard.columns);
  operators::SingleRowParameters parameters{from.types, positions_in(from, guard.keys),
                                            next_table()};
  NodeInput input = hashed_input(guard, 0, from, guard.keys);
  Stream out = from;
  out.hashed = distribution_of(guard.keys);
  out.node = add(operators::make_single_row(std::move(parameters)), {std::move(input)});
  return out;
}

Result<Stream> Lowering::lower_expand(const plan::Expand& expand) {
  FOREBAY_ASSIGN_OR_RETURN(Stream from, lower(expand.inputs[0]));
  from = exactly(std::move(from), expand.input().columns);
  Stream out;
  out.columns = ids_of(expand.columns);
  for (const plan::Column& column : expand.columns) out.types.push_back(column.type);
  std::vector<NodeInput> sets;
  for (size_t k = 0; k < expand.sets.size(); ++k) {
    operators::MapParameters map;
    map.input_types = from.types;
    for (uint32_t i = 0; i < from.types.size(); ++i) {
      map.projection.push_back(expr::column(i, from.types[i]));
    }
    for (size_t i = 0; i < expand.copies.size(); ++i) {
      const data::Type type = expand.copies[i].type;
      map.projection.push_back(expand.sets[k][i]
                                   ? expr::column(position_in(from, expand.sources[i]), type)
                                   : expr::literal(data::Datum::null(type)));
    }
    map.projection.push_back(expr::literal({data::kIntegerType, static_cast<int32_t>(k)}));
    sets.push_back(
        {add(operators::make_map(std::move(map)), {{from.node, std::nullopt}}), std::nullopt});
  }
  auto count = static_cast<uint32_t>(sets.size());
  out.node = add(operators::make_union({out.types, count}), std::move(sets));
  return out;
}

Result<Stream> Lowering::lower_table_function(const plan::TableFunction& call) {
  FOREBAY_ASSIGN_OR_RETURN(Stream from, lower(call.inputs[0]));
  from = exactly(std::move(from), call.input().columns);
  operators::TableFunctionParameters parameters;
  parameters.input_types = from.types;
  parameters.function = call.function;
  for (const ExprRef& argument : call.arguments) {
    parameters.arguments.push_back(to_positions(argument, from));
  }
  for (const plan::Column& column : call.results) parameters.result_types.push_back(column.type);
  parameters.with_ordinality = call.ordinality.has_value();
  parameters.outer = call.outer;
  Stream out;
  out.columns = ids_of(call.columns);
  for (const plan::Column& column : call.columns) out.types.push_back(column.type);
  out.hashed = kept(from, out.columns);
  out.node =
      add(operators::make_table_function(std::move(parameters)), {{from.node, std::nullopt}});
  return out;
}

Result<Stream> Lowering::lower_session(const plan::Session& session) {
  FOREBAY_ASSIGN_OR_RETURN(Stream from, lower(session.inputs[0]));
  from = exactly(std::move(from), session.input().columns);
  operators::SessionParameters parameters;
  parameters.types = from.types;
  parameters.partition_columns = positions_in(from, session.partition);
  parameters.time_column = position_in(from, session.time);
  parameters.gap = session.gap;
  parameters.rows = next_table();
  parameters.timers = next_table();
  if (session.bounded) {
    const plan::TimeBounds bounds = plan::time_bounds(session.inputs[0]);
    auto bound = bounds.find(session.time);
    FOREBAY_CHECK(bound != bounds.end(), "a bounded session without a bound");
    parameters.time = bound_of(parameters.time_column, bound->second);
    parameters.on_close = session.on_close;
  }
  NodeInput input = hashed_input(session, 0, from, session.partition);
  Stream out = from;
  for (const plan::Column* column : {&session.start, &session.end}) {
    out.columns.push_back(column->id);
    out.types.push_back(column->type);
  }
  out.hashed = distribution_of(session.partition);
  out.node = add(operators::make_session(std::move(parameters)), {std::move(input)});
  return out;
}

Result<Stream> Lowering::lower_repeat(const plan::Repeat& repeat) {
  FOREBAY_ASSIGN_OR_RETURN(Stream from, lower(repeat.inputs[0]));
  Stream out = from;
  const uint32_t at = position_in(from, repeat.count);
  out.columns.erase(out.columns.begin() + at);
  out.types.erase(out.types.begin() + at);
  out.hashed = kept(from, out.columns);
  out.node = add(operators::make_repeat({from.types, at}), {{from.node, std::nullopt}});
  return out;
}

}  // namespace forebay::sql::lowering
