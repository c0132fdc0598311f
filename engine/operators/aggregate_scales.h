#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/operators/aggregate_values.h"

/// The display scales of the numerics in an accumulator: a sum shows the largest one of the values
/// that are in it now.
namespace forebay::operators {

/// Counts values per display scale for one call of counts_scales(). Values of a group's first scale
/// are counted in its payload (ScaleWords) and cost a comparison; those of other scales here: group
/// key -> scale (2 bytes, big-endian), the count of the entry, no value. Persisted, DO NOT CHANGE.
/// NaN and infinities have no scale.
class ScaleTable {
 public:
  static constexpr state::Family kFamily = state::Family::kHot;

  /// `payload` belongs to the operator and outlives this.
  ScaleTable(std::string_view operator_name, const AggregatePayload& payload, size_t call,
             const OperatorContext& context);

  /// Adds the weights of the rows to the counts of their scales. `groups`: by the rows' places.
  Status count(const data::ColumnView& column, const CallRows& rows,
               std::span<state::PointTable::Entry* const> groups);
  /// At the flush: tells the accumulators of these dirty groups their largest scale.
  Status refresh(std::span<state::PointTable::Entry* const> groups);

  /// Forgets the scales of groups; after refresh() of those that the epoch touched.
  Status free(const data::KeyRows& group_keys);

  void seal(state::SealedRun& run) { table_.seal(run); }
  size_t memory_bytes() const { return table_.memory_bytes(); }
  size_t dirty_entries() const { return table_.dirty_entries(); }

 private:
  struct Other {
    state::PointTable::Entry* group;
    uint16_t scale;
    Weight weight;
  };
  ScaleWords* words(state::PointTable::Entry* group) const;
  Status count_others();
  /// Appends the key of a group to keys_.
  void add_key(state::PointTable::Entry* group);

  std::string operator_name_;
  const AggregatePayload& payload_;
  size_t call_;
  state::OrderedTable table_;

  // Scratch.
  data::KeyRows keys_;
  std::vector<state::OrderedTable::Group*> groups_;
  std::vector<Other> others_;
  std::vector<state::PointTable::Entry*> mixed_;
};

}  // namespace forebay::operators
