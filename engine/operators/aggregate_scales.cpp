#include "engine/operators/aggregate_scales.h"

#include <fmt/format.h>

#include "engine/operators/emission.h"
#include "engine/operators/expired_groups.h"

namespace forebay::operators {

using state::OrderedTable;
using state::PointTable;

ScaleTable::ScaleTable(std::string_view operator_name, const AggregatePayload& payload, size_t call,
                       const OperatorContext& context)
    : operator_name_(operator_name),
      payload_(payload),
      call_(call),
      table_(context.table(payload.parameters().scale_tables[call], kFamily)) {}

ScaleWords* ScaleTable::words(PointTable::Entry* group) const {
  return reinterpret_cast<ScaleWords*>(PointTable::payload(group) + payload_.scale_offset(call_));
}

Status ScaleTable::count(const data::ColumnView& column, const CallRows& rows,
                         std::span<PointTable::Entry* const> groups) {
  for (size_t i = 0; i < rows.rows.size(); ++i) {
    const auto& value = column.at<data::Numeric>(rows.rows[i]);
    if (!value.is_finite()) continue;
    PointTable::Entry* group = groups[rows.places[i]];
    ScaleWords& counts = *words(group);
    if (counts.base_plus_one == 0) counts.base_plus_one = uint64_t{value.scale} + 1;
    if (counts.base_plus_one == uint64_t{value.scale} + 1) [[likely]] {
      counts.base_count += rows.weights[i];
    } else {
      counts.other_count += rows.weights[i];
      others_.push_back({group, value.scale, rows.weights[i]});
    }
  }
  return others_.empty() ? Status::ok() : count_others();
}

void ScaleTable::add_key(PointTable::Entry* group) {
  keys_.bytes.append(PointTable::key(group));
  keys_.offsets.push_back(static_cast<uint32_t>(keys_.bytes.size()));
}

Status ScaleTable::count_others() {
  keys_.bytes.clear();
  keys_.offsets.assign(1, 0);
  for (const Other& other : others_) add_key(other.group);
  data::add_hashes(keys_);
  groups_.resize(others_.size());
  FOREBAY_RETURN_IF_ERROR(table_.load(keys_, groups_));
  for (size_t i = 0; i < others_.size(); ++i) {
    const char suffix[2] = {static_cast<char>(others_[i].scale >> 8),
                            static_cast<char>(others_[i].scale)};
    OrderedTable::Entry* entry = table_.upsert(groups_[i], {suffix, sizeof suffix});
    table_.set_count(groups_[i], entry, OrderedTable::count(entry) + others_[i].weight);
  }
  others_.clear();
  return Status::ok();
}

Status ScaleTable::refresh(std::span<PointTable::Entry* const> groups) {
  auto* set_scale = payload_.parameters().aggregates[call_].function->set_scale;
  const uint32_t state = payload_.state_offset(call_);
  mixed_.clear();
  keys_.bytes.clear();
  keys_.offsets.assign(1, 0);
  for (PointTable::Entry* group : groups) {
    ScaleWords& counts = *words(group);
    if (counts.other_count != 0) {
      mixed_.push_back(group);
      add_key(group);
    } else if (counts.base_count > 0) {
      set_scale(PointTable::payload(group) + state,
                static_cast<uint16_t>(counts.base_plus_one - 1));
    } else {
      // Nothing is left: the next value's scale is the one to count here.
      counts.base_plus_one = 0;
      set_scale(PointTable::payload(group) + state, 0);
    }
  }
  if (mixed_.empty()) return Status::ok();
  data::add_hashes(keys_);
  groups_.resize(mixed_.size());
  FOREBAY_RETURN_IF_ERROR(table_.find(keys_, groups_));
  for (size_t i = 0; i < mixed_.size(); ++i) {
    const ScaleWords& counts = *words(mixed_[i]);
    const OrderedTable::Entry* last =
        groups_[i] != nullptr ? OrderedTable::last(groups_[i]) : nullptr;
    FOREBAY_CHECK(last != nullptr && OrderedTable::count(last) > 0 && counts.base_count >= 0,
                  fmt::format("{}: counts of display scales", operator_name_));
    const std::string_view suffix = OrderedTable::suffix(last);
    uint64_t scale = static_cast<uint64_t>(static_cast<uint8_t>(suffix[0])) << 8 |
                     static_cast<uint8_t>(suffix[1]);
    if (counts.base_count > 0) scale = std::max(scale, counts.base_plus_one - 1);
    set_scale(PointTable::payload(mixed_[i]) + state, static_cast<uint16_t>(scale));
  }
  return Status::ok();
}

Status ScaleTable::free(const data::KeyRows& group_keys) {
  return free_groups(table_, group_keys, groups_);
}

}  // namespace forebay::operators
