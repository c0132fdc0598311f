#include "engine/operators/aggregate_tables.h"

namespace forebay::operators {

CallTables::CallTables(std::string_view operator_name, const AggregatePayload& payload,
                       const OperatorContext& context) {
  const AggregateParameters& parameters = payload.parameters();
  const size_t calls = parameters.aggregates.size();
  for (size_t i = 0; i < calls; ++i) {
    const bool counts = counts_scales(parameters, parameters.aggregates[i]);
    scales_.push_back(counts ? std::make_unique<ScaleTable>(operator_name, payload, i, context)
                             : nullptr);
    const bool needs_values = needs_value_table(parameters, parameters.aggregates[i]);
    is_empty_ = is_empty_ && !counts && !needs_values;
    Values& values = values_.emplace_back();
    if (!needs_values) continue;
    const size_t owner = values_owner(parameters, i);
    if (owner != i) {
      values.table = values_[owner].table;
      for (size_t j = owner; j < i; ++j) values.nth += values_[j].table == values.table;
      continue;
    }
    size_t sharing = 0;
    for (size_t j = i; j < calls; ++j) sharing += values_owner(parameters, j) == i;
    value_tables_.push_back(
        std::make_unique<ValueTable>(operator_name, payload, i, sharing, context));
    values.table = value_tables_.back().get();
  }
}

void CallTables::begin_batch() {
  for (auto& table : value_tables_) table->begin_batch();
}

Status CallTables::settle() {
  for (auto& table : value_tables_) FOREBAY_RETURN_IF_ERROR(table->settle());
  return Status::ok();
}

Status CallTables::refresh_scales(std::span<state::PointTable::Entry* const> groups) {
  for (auto& scales : scales_) {
    if (scales != nullptr) FOREBAY_RETURN_IF_ERROR(scales->refresh(groups));
  }
  return Status::ok();
}

Status CallTables::free(const data::KeyRows& group_keys) {
  for (auto& table : value_tables_) FOREBAY_RETURN_IF_ERROR(table->free(group_keys));
  for (auto& scales : scales_) {
    if (scales != nullptr) FOREBAY_RETURN_IF_ERROR(scales->free(group_keys));
  }
  return Status::ok();
}

void CallTables::seal(state::SealedRun& run) {
  for (auto& table : value_tables_) table->seal(run);
  for (auto& scales : scales_) {
    if (scales != nullptr) scales->seal(run);
  }
}

size_t CallTables::memory_bytes() const {
  size_t bytes = 0;
  for (const auto& table : value_tables_) bytes += table->memory_bytes();
  for (const auto& scales : scales_) {
    if (scales != nullptr) bytes += scales->memory_bytes();
  }
  return bytes;
}

size_t CallTables::dirty_entries() const {
  size_t entries = 0;
  for (const auto& table : value_tables_) entries += table->dirty_entries();
  for (const auto& scales : scales_) {
    if (scales != nullptr) entries += scales->dirty_entries();
  }
  return entries;
}

}  // namespace forebay::operators
