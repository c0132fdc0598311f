#include "sql/lowering/lowering.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "sql/lowering/distribution.h"
#include "sql/plan/expressions.h"
#include "sql/plan/forms.h"
#include "sql/plan/properties.h"
#include "sql/plan/temporal.h"

namespace forebay::sql::lowering {

using catalog::ObjectKind;
using expr::ExprKind;
using expr::ExprRef;
using plan::ColumnId;
using plan::NodeKind;
using plan::NodeRef;
using runtime::Exchange;
using runtime::NodeInput;

uint32_t Stream::position(ColumnId id) const {
  auto at = std::find(columns.begin(), columns.end(), id);
  FOREBAY_CHECK(at != columns.end(), fmt::format("column {} is not in the input", id));
  return static_cast<uint32_t>(at - columns.begin());
}

std::vector<uint32_t> Stream::positions(const std::vector<ColumnId>& ids) const {
  std::vector<uint32_t> out;
  for (ColumnId id : ids) out.push_back(position(id));
  return out;
}

std::vector<ColumnId> ids_of(const plan::Columns& columns) {
  std::vector<ColumnId> ids;
  for (const plan::Column& column : columns) ids.push_back(column.id);
  return ids;
}

std::vector<operators::SortKey> sort_keys(const std::vector<plan::SortItem>& order,
                                          const Stream& stream) {
  std::vector<operators::SortKey> keys;
  for (const plan::SortItem& item : order) {
    keys.push_back({stream.position(item.column), item.descending, item.nulls_first});
  }
  return keys;
}

ExprRef to_positions(const ExprRef& expr, const Stream& stream) {
  if (!expr) return nullptr;
  return plan::transform(expr, [&](const ExprRef& part) -> ExprRef {
    if (part->kind != ExprKind::kColumn) return nullptr;
    uint32_t at = stream.position(part->column);
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
  return {stream.node, Exchange{stream.positions(keys), data::KeyMode::kGrouping}};
}

NodeInput Lowering::hashed_input(const plan::Node& node, size_t index, const Stream& stream,
                                 const std::vector<ColumnId>& keys) {
  NodeInput input = hashed_input(stream, keys);
  if (input.exchange) exchanges_[{&node, index}] = keys;
  return input;
}

NodeInput Lowering::by_row(const Stream& stream) {
  std::vector<uint32_t> all(stream.types.size());
  std::iota(all.begin(), all.end(), 0);
  return {stream.node, Exchange{std::move(all), data::KeyMode::kExact}};
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
    uint32_t at = stream.position(column.id);
    map.projection.push_back(expr::column(at, stream.types[at]));
    map.names.push_back(column.name);
    out.types.push_back(stream.types[at]);
  }
  out.node = add(operators::make_map(std::move(map)), {{stream.node, std::nullopt}});
  return out;
}

namespace {

void count_readers(const NodeRef& node, std::unordered_map<const plan::Node*, int>& readers) {
  if (++readers[node.get()] > 1) return;
  for (const NodeRef& input : node->inputs) count_readers(input, readers);
}

}  // namespace

void Lowering::shows(const NodeRef& root) {
  shown_ = plan::shown_columns(root);
  count_readers(root, readers_);
}

Result<Stream> Lowering::lower(const NodeRef& node) {
  auto found = lowered_.find(node.get());
  if (found != lowered_.end()) return found->second;
  if (!shown_) shows(node);
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
      if (input->kind == NodeKind::kFilter && readers_[input.get()] <= 1 &&
          !lowered_.contains(input.get())) {
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
        map.projection.push_back(expr::column(from.position(node.sources[i][c]), out.types[c]));
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
                                   ? expr::column(from.position(expand.sources[i]), type)
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

Result<Stream> Lowering::lower_repeat(const plan::Repeat& repeat) {
  FOREBAY_ASSIGN_OR_RETURN(Stream from, lower(repeat.inputs[0]));
  Stream out = from;
  const uint32_t at = from.position(repeat.count);
  out.columns.erase(out.columns.begin() + at);
  out.types.erase(out.types.begin() + at);
  out.hashed = kept(from, out.columns);
  out.node = add(operators::make_repeat({from.types, at}), {{from.node, std::nullopt}});
  return out;
}

}  // namespace forebay::sql::lowering
