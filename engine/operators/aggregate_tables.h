#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "engine/operators/aggregate_scales.h"
#include "engine/operators/aggregate_values.h"

namespace forebay::operators {

/// The tables that the calls of an aggregate keep besides the groups: of values (one for all calls
/// that count the same ones) and of display scales.
class CallTables {
 public:
  struct Values {
    ValueTable* table = nullptr;  // nullptr: none
    size_t nth = 0;               // which of the table's calls
  };

  /// `payload` outlives this.
  CallTables(std::string_view operator_name, const AggregatePayload& payload,
             const OperatorContext& context);

  /// No call has a table.
  bool empty() const { return is_empty_; }
  const Values& values(size_t call) const { return values_[call]; }
  /// nullptr: none.
  ScaleTable* scales(size_t call) const { return scales_[call].get(); }

  /// As the methods of the tables (aggregate_values.h, aggregate_scales.h), for all of them.
  void begin_batch();
  Status settle();
  Status refresh_scales(std::span<state::PointTable::Entry* const> groups);
  Status free(const data::KeyRows& group_keys);
  void seal(state::SealedRun& run);
  size_t memory_bytes() const;
  size_t dirty_entries() const;

 private:
  std::vector<std::unique_ptr<ValueTable>> value_tables_;
  std::vector<Values> values_;                       // per call
  std::vector<std::unique_ptr<ScaleTable>> scales_;  // per call; nullptr: none
  bool is_empty_ = true;
};

}  // namespace forebay::operators
