#include "sql/binder/view_shape.h"

#include <algorithm>
#include <optional>

#include "sql/lowering/lowering.h"
#include "sql/plan/expressions.h"
#include "sql/plan/properties.h"

namespace forebay::sql::binder {
namespace {

using catalog::ObjectKind;
using plan::Column;
using plan::ColumnFactory;
using plan::ColumnId;
using plan::JoinKind;
using plan::KeySet;
using plan::NodeKind;
using plan::NodeRef;

/// A plan that gives at least the columns of another one, and a set of columns unique in it.
struct Keyed {
  NodeRef plan;
  KeySet key;
};

std::optional<Keyed> with_key(const NodeRef& node, ColumnFactory& columns);

/// The scan with more of the object's columns.
Keyed widen_scan(const plan::Scan& scan, const std::vector<uint32_t>& positions,
                 ColumnFactory& columns) {
  auto copy = std::make_shared<plan::Scan>(scan);
  KeySet key;
  const data::Schema stored = scan.object->stored_columns();
  for (uint32_t position : positions) {
    auto found = std::find(copy->positions.begin(), copy->positions.end(), position);
    if (found == copy->positions.end()) {
      const bool partition = position == plan::kMetadataPartition;
      const bool metadata = position >= plan::kMetadataPartition;
      copy->columns.push_back(metadata
                                  ? columns.make(partition ? "_partition" : "_offset",
                                                 partition ? data::kTextType : data::kBigintType)
                                  : columns.make(stored[position].name, stored[position].type));
      copy->positions.push_back(position);
      key.push_back(copy->columns.back().id);
    } else {
      key.push_back(copy->columns[static_cast<size_t>(found - copy->positions.begin())].id);
    }
  }
  return {copy, std::move(key)};
}

/// The projection, passing the key's columns on.
Keyed widen_project(const plan::Project& project, Keyed input) {
  plan::Columns out = project.columns;
  std::vector<expr::ExprRef> values = project.expressions;
  KeySet key;
  for (ColumnId id : input.key) {
    ColumnId found = 0;
    for (size_t i = 0; i < values.size() && found == 0; ++i) {
      expr::ExprRef source = plan::injective_source(values[i]);
      if (source && source->column == id) found = out[i].id;
    }
    if (found == 0) {
      const Column& column = input.plan->columns[plan::find_column(input.plan->columns, id)];
      out.push_back(column);
      values.push_back(plan::column_ref(column));
      found = id;
    }
    key.push_back(found);
  }
  return {plan::make_project(input.plan, std::move(out), std::move(values)), std::move(key)};
}

std::optional<Keyed> widen_join(const plan::Join& join, ColumnFactory& columns) {
  if (join.join == JoinKind::kFull) return std::nullopt;
  auto left = with_key(join.inputs[0], columns);
  if (join.join == JoinKind::kSemi || join.join == JoinKind::kAnti) {
    if (!left) return std::nullopt;
    return Keyed{plan::make_join(left->plan, join.inputs[1], join, join.condition),
                 left->key};
  }
  auto right = with_key(join.inputs[1], columns);
  if (!left || !right) return std::nullopt;
  NodeRef both = plan::make_join(left->plan, right->plan, join, join.condition);
  // The smallest key that the widened join has.
  auto keys = plan::unique_keys(both);
  if (keys.empty()) return std::nullopt;
  const KeySet& best =
      *std::min_element(keys.begin(), keys.end(),
                        [](const KeySet& a, const KeySet& b) { return a.size() < b.size(); });
  return Keyed{both, best};
}

std::optional<Keyed> with_key(const NodeRef& node, ColumnFactory& columns) {
  auto keys = plan::unique_keys(node);
  if (!keys.empty()) {
    const KeySet& best =
        *std::min_element(keys.begin(), keys.end(),
                          [](const KeySet& a, const KeySet& b) { return a.size() < b.size(); });
    return Keyed{node, best};
  }
  switch (node->kind) {
    case NodeKind::kScan: {
      const auto& scan = plan::as<plan::Scan>(*node);
      if (scan.object->kind == ObjectKind::kSource) {
        return widen_scan(scan, {plan::kMetadataPartition, plan::kMetadataOffset}, columns);
      }
      if (!scan.object->has_key) return std::nullopt;
      return widen_scan(scan, scan.object->key_columns, columns);
    }
    case NodeKind::kFilter: {
      auto input = with_key(node->inputs[0], columns);
      if (!input) return std::nullopt;
      return Keyed{plan::make_filter(input->plan, plan::as<plan::Filter>(*node).predicate),
                   input->key};
    }
    case NodeKind::kProject: {
      auto input = with_key(node->inputs[0], columns);
      if (!input) return std::nullopt;
      return widen_project(plan::as<plan::Project>(*node), std::move(*input));
    }
    case NodeKind::kJoin:
      return widen_join(plan::as<plan::Join>(*node), columns);
    case NodeKind::kAsofJoin: {
      const auto& join = plan::as<plan::AsofJoin>(*node);
      auto left = with_key(join.inputs[0], columns);
      if (!left) return std::nullopt;
      if (join.mode != plan::AsofMode::kEpochEnd) {
        return Keyed{plan::make_asof_join(left->plan, join.inputs[1], join), left->key};
      }
      auto right = with_key(join.inputs[1], columns);
      if (!right) return std::nullopt;
      NodeRef wider = plan::make_asof_join(left->plan, right->plan, join);
      auto wider_keys = plan::unique_keys(wider);
      if (wider_keys.empty()) return std::nullopt;
      return Keyed{wider, wider_keys[0]};
    }
    case NodeKind::kSession: {
      const auto& session = plan::as<plan::Session>(*node);
      auto input = with_key(node->inputs[0], columns);
      if (!input) return std::nullopt;
      return Keyed{plan::make_session(input->plan, session, session.partition), input->key};
    }
    case NodeKind::kHold: {
      auto input = with_key(node->inputs[0], columns);
      if (!input) return std::nullopt;
      return Keyed{plan::make_hold(input->plan, plan::as<plan::Hold>(*node).time), input->key};
    }
    case NodeKind::kTableFunction: {
      const auto& call = plan::as<plan::TableFunction>(*node);
      auto input = with_key(node->inputs[0], columns);
      if (!input) return std::nullopt;
      NodeRef wider = plan::make_table_function(input->plan, call, call.arguments);
      auto wider_keys = plan::unique_keys(wider);
      if (wider_keys.empty()) return std::nullopt;
      return Keyed{wider, wider_keys[0]};
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

NodeRef shape_view(NodeRef plan, ColumnFactory& columns, catalog::CatalogObject& object) {
  plan::Columns stored = plan->columns;
  KeySet key;
  if (NodeRef base = lowering::storing_node(plan)) {
    // The operator's state is the view: its key is what it keeps rows by.
    Keyed keyed{base, {}};
    size_t count = base->kind == NodeKind::kAggregate
                       ? plan::as<plan::Aggregate>(*base).groups.size()
                       : base->columns.size();
    for (size_t i = 0; i < count; ++i) keyed.key.push_back(base->columns[i].id);
    std::vector<const plan::Project*> projections;
    for (NodeRef node = plan; node != base; node = node->inputs[0]) {
      projections.push_back(&plan::as<plan::Project>(*node));
    }
    for (size_t i = projections.size(); i-- > 0;) {
      keyed = widen_project(*projections[i], std::move(keyed));
    }
    plan = keyed.plan;
    key = keyed.key;
    object.has_key = true;
  } else if (auto keyed = with_key(plan, columns)) {
    plan = keyed->plan;
    key = keyed->key;
    object.has_key = true;
  }
  for (ColumnId id : key) {
    if (plan::find_column(stored, id) != plan::kNoColumn) continue;
    stored.push_back(plan->columns[plan::find_column(plan->columns, id)]);
    const Column& hidden = stored.back();
    object.hidden_columns.push_back(
        {hidden.name.empty() ? "_key" : hidden.name, hidden.type, false});
  }
  plan = plan::make_narrow(std::move(plan), stored);
  for (ColumnId id : key) {
    object.key_columns.push_back(static_cast<uint32_t>(plan::find_column(stored, id)));
  }
  for (const KeySet& unique : plan::unique_keys(plan)) {
    object.unique_keys.emplace_back();
    for (ColumnId id : unique) {
      object.unique_keys.back().push_back(static_cast<uint32_t>(plan::find_column(stored, id)));
    }
  }
  object.append_only = plan::is_append_only(plan);
  for (size_t i = 0; i < object.columns.size(); ++i) {
    object.columns[i].not_null = plan::is_never_null(plan, plan::column_ref(stored[i]));
  }
  return plan;
}

}  // namespace forebay::sql::binder
