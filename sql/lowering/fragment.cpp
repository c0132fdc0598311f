#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "engine/operators/projected_relation.h"
#include "sql/lowering/lowering.h"
#include "sql/plan/expressions.h"
#include "sql/plan/properties.h"

/// Whole fragments: queries, views, tables; and what they look like as text.
namespace forebay::sql::lowering {

using plan::NodeKind;
using plan::NodeRef;
using runtime::Exchange;

Result<Fragment> lower_private(const NodeRef& plan) {
  uint32_t table = 0;
  Lowering lowering([&] { return TableId(++table); });
  FOREBAY_ASSIGN_OR_RETURN(Stream stream, lowering.lower(plan));
  stream = lowering.exactly(std::move(stream), plan->columns);
  FOREBAY_CHECK(stream.node + 1 == lowering.nodes().size(), "the output is the last node");
  Fragment fragment;
  fragment.name = "query";
  fragment.nodes = std::move(lowering.nodes());
  return fragment;
}

NodeRef storing_node(const NodeRef& plan) {
  NodeRef node = plan;
  while (node->kind == NodeKind::kProject) {
    for (const auto& value : plan::as<plan::Project>(*node).expressions) {
      if (value->kind != expr::ExprKind::kColumn) return nullptr;
    }
    node = node->inputs[0];
  }
  if (node->kind == NodeKind::kAggregate) {
    return plan::as<plan::Aggregate>(*node).on_close ? nullptr : node;
  }
  return node->kind == NodeKind::kDistinct ? node : nullptr;
}

namespace {

/// Which column of `base` each column of `plan`, a choice of columns over it, is.
std::vector<uint32_t> choice_over(const NodeRef& plan, const NodeRef& base) {
  std::vector<plan::ColumnId> ids;
  for (const plan::Column& column : plan->columns) ids.push_back(column.id);
  for (NodeRef node = plan; node != base; node = node->inputs[0]) {
    const auto& project = plan::as<plan::Project>(*node);
    for (plan::ColumnId& id : ids) {
      id = project.expressions[plan::find_column(project.columns, id)]->column;
    }
  }
  std::vector<uint32_t> positions;
  for (plan::ColumnId id : ids) {
    positions.push_back(static_cast<uint32_t>(plan::find_column(base->columns, id)));
  }
  return positions;
}

/// A multiset of the plan's rows: it has no key.
Result<Fragment::LateOutput> lower_late_rows(Lowering& lowering, const NodeRef& late) {
  FOREBAY_ASSIGN_OR_RETURN(Stream stream, lowering.lower(late));
  stream = lowering.exactly(std::move(stream), late->columns);
  operators::MaterializeParameters parameters;
  parameters.types = stream.types;
  parameters.rows = lowering.next_table();
  std::vector<uint32_t> all(stream.types.size());
  std::iota(all.begin(), all.end(), 0);
  Fragment::LateOutput out;
  out.relation = operators::stored_materialize(parameters);
  out.node = lowering.add(operators::make_materialize(std::move(parameters)),
                          {{stream.node, Exchange{std::move(all), data::KeyMode::kExact}}});
  return out;
}

}  // namespace

Result<Fragment> lower_view(const NodeRef& plan, const std::vector<uint32_t>& key, bool has_key,
                            std::function<TableId()> next_table, data::ObjectId self,
                            std::vector<operators::TimeBound>* bounds, const NodeRef& late) {
  Lowering lowering(std::move(next_table), self);
  lowering.set_continuous();
  Fragment fragment;
  const NodeRef base = storing_node(plan);
  lowering.keep(base.get());
  lowering.shows(plan);
  if (late != nullptr) {
    FOREBAY_ASSIGN_OR_RETURN(fragment.late, lower_late_rows(lowering, late));
  }
  FOREBAY_ASSIGN_OR_RETURN(Stream stream, lowering.lower(plan));
  if (bounds != nullptr) {
    const plan::TimeBounds known = plan::time_bounds(plan);
    for (uint32_t i = 0; i < plan->columns.size(); ++i) {
      auto found = known.find(plan->columns[i].id);
      if (found != known.end()) bounds->push_back(lowering.bound_of(i, found->second));
    }
  }
  stream = lowering.exactly(std::move(stream), plan->columns);
  if (base != nullptr) {
    const Lowering::Stored& stored = lowering.stored_of(base.get());
    std::vector<uint32_t> choice = choice_over(plan, base);
    // Column i of the key is the group column i of the aggregate or distinct.
    std::vector<uint32_t> keys;
    for (uint32_t i = 0; i < stored.relation->key_columns().size(); ++i) {
      auto at = std::find(choice.begin(), choice.end(), i);
      FOREBAY_CHECK(at != choice.end(), fmt::format("key column {} is not chosen", i));
      keys.push_back(static_cast<uint32_t>(at - choice.begin()));
    }
    for (uint32_t& position : choice) position = stored.positions[position];
    std::vector<uint32_t> all(stored.relation->types().size());
    std::iota(all.begin(), all.end(), 0);
    fragment.relation =
        choice == all ? stored.relation
                      : operators::projected(stored.relation, std::move(choice), std::move(keys));
    fragment.nodes = std::move(lowering.nodes());
    return fragment;
  }
  operators::MaterializeParameters parameters;
  parameters.types = stream.types;
  parameters.key_columns = key;
  parameters.has_key = has_key;
  parameters.append_only = plan::is_append_only(plan);
  parameters.rows = lowering.next_table();
  runtime::NodeInput input{stream.node, std::nullopt};
  if (has_key) {
    std::vector<plan::ColumnId> keys;
    for (uint32_t position : key) keys.push_back(plan->columns[position].id);
    input = lowering.hashed_input(stream, keys);
  } else {
    std::vector<uint32_t> all(stream.types.size());
    std::iota(all.begin(), all.end(), 0);
    input.exchange = Exchange{std::move(all), data::KeyMode::kExact};
  }
  fragment.relation = operators::stored_materialize(parameters);
  lowering.add(operators::make_materialize(std::move(parameters)), {std::move(input)});
  fragment.nodes = std::move(lowering.nodes());
  return fragment;
}

operators::MaterializeParameters index_parameters(const data::Schema& stored, TableId rows) {
  operators::MaterializeParameters parameters;
  for (const data::Field& field : stored) parameters.types.push_back(field.type);
  parameters.key_columns.resize(stored.size());
  std::iota(parameters.key_columns.begin(), parameters.key_columns.end(), 0);
  parameters.has_key = true;
  parameters.shard_columns = 1;
  parameters.rows = rows;
  return parameters;
}

Result<Fragment> lower_index(const NodeRef& plan, std::function<TableId()> next_table) {
  Lowering lowering(std::move(next_table));
  FOREBAY_ASSIGN_OR_RETURN(Stream stream, lowering.lower(plan));
  stream = lowering.exactly(std::move(stream), plan->columns);
  data::Schema stored;
  for (const plan::Column& column : plan->columns) stored.push_back({column.name, column.type});
  operators::MaterializeParameters parameters = index_parameters(stored, lowering.next_table());
  Fragment fragment;
  fragment.relation = operators::stored_materialize(parameters);
  lowering.add(operators::make_materialize(std::move(parameters)),
               {lowering.hashed_input(stream, {plan->columns[0].id})});
  fragment.nodes = std::move(lowering.nodes());
  return fragment;
}

Result<Fragment> lower_sink(const plan::NodeRef& plan, std::function<TableId()> next_table,
                            data::ObjectId self) {
  Lowering lowering(std::move(next_table), self);
  lowering.set_continuous();
  FOREBAY_ASSIGN_OR_RETURN(Stream stream, lowering.lower(plan));
  stream = lowering.exactly(std::move(stream), plan->columns);
  operators::BlackholeParameters parameters{stream.types, lowering.next_table()};
  lowering.add(operators::make_blackhole(std::move(parameters)), {{stream.node, std::nullopt}});
  Fragment fragment;
  fragment.nodes = std::move(lowering.nodes());
  return fragment;
}

Fragment lower_table(const catalog::CatalogObject& table, std::function<TableId()> next_table) {
  Lowering lowering(std::move(next_table));
  operators::MaterializeParameters parameters;
  const std::vector<uint32_t> key = table.key_columns;
  for (const data::Field& field : table.stored_columns()) parameters.types.push_back(field.type);
  parameters.key_columns = key;
  parameters.has_key = true;
  parameters.rows = lowering.next_table();
  Fragment fragment;
  fragment.relation = operators::stored_materialize(parameters);
  runtime::TableInput input;
  if (table.watermark) {
    input.watermark = leaf_watermark(*table.watermark, table.watermark->value, nullptr);
  }
  uint32_t leaf = lowering.add_leaf(std::move(input), parameters.types);
  lowering.add(operators::make_materialize(std::move(parameters)),
               {{leaf, Exchange{key, data::KeyMode::kGrouping}}});
  fragment.nodes = std::move(lowering.nodes());
  return fragment;
}

namespace {

std::string type_names(const std::vector<data::Type>& types) {
  std::vector<std::string> names;
  for (const data::Type& type : types) names.push_back(type.name());
  return fmt::format("({})", fmt::join(names, ", "));
}

std::string describe_node(const runtime::CircuitNode& node) {
  if (const auto* spec = std::get_if<operators::SpecRef>(&node.what)) {
    return fmt::format("{} {}", (*spec)->name(), (*spec)->describe());
  }
  if (const auto* object = std::get_if<runtime::ObjectInput>(&node.what)) {
    return fmt::format("object {}{}", object->object.value, object->key ? " by key" : "");
  }
  if (const auto* source = std::get_if<runtime::SourceInput>(&node.what)) {
    return fmt::format("source {} columns [{}] metadata [{}]", source->source.value,
                       fmt::join(source->decode.projection, ", "),
                       fmt::join(source->decode.metadata, ", "));
  }
  if (std::holds_alternative<runtime::TableInput>(node.what)) return "table";
  return fmt::format("system table {}", std::get<runtime::VirtualInput>(node.what).name);
}

}  // namespace

std::string describe(const Fragment& fragment) {
  std::string out;
  for (size_t i = 0; i < fragment.nodes.size(); ++i) {
    const runtime::CircuitNode& node = fragment.nodes[i];
    out += fmt::format("{}: {}", i, describe_node(node));
    for (const runtime::NodeInput& input : node.inputs) {
      out += fmt::format(" <- {}", input.node);
      if (!input.exchange) continue;
      out += fmt::format(" exchange{}[{}]",
                         input.exchange->mode == data::KeyMode::kExact ? " exact " : " ",
                         fmt::join(input.exchange->key_columns, ", "));
    }
    out += " : " + type_names(node.output_types) + "\n";
  }
  return out;
}

uint64_t fingerprint(const Fragment& fragment) {
  // FNV-1a, 64 bits.
  uint64_t hash = 0xcbf29ce484222325ull;
  for (unsigned char c : describe(fragment)) hash = (hash ^ c) * 0x100000001b3ull;
  return hash;
}

}  // namespace forebay::sql::lowering
