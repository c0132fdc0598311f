#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "engine/operators/aggregate_payload.h"

/// From groups before and after an epoch to the rows that left and came.
namespace forebay::operators {

/// One group that was touched in the epoch. `before` and `now` are payloads.
struct GroupChange {
  std::string_view key;
  const char* before;
  const char* now;
};

/// Emits -before +now for every group whose output row changed, and error rows for groups without a
/// value. Holds scratch memory; one per operator.
class GroupChanges {
 public:
  GroupChanges(const AggregatePayload& payload, uint32_t batch_rows)
      : payload_(payload), batch_rows_(batch_rows) {}
  Status emit(std::span<const GroupChange> changes, Output& output);

 private:
  struct OutputRow {
    const GroupChange* change;
    const char* payload;
    uint32_t group;  // counts the groups that have output rows
  };
  void collect(std::span<const GroupChange> changes);
  Status decode_keys(std::vector<data::ColumnRef>& columns);
  void finish_aggregates(std::vector<data::ColumnRef>& columns);
  void drop_unchanged(const std::vector<data::ColumnRef>& columns);
  bool is_pair(size_t row) const {
    return row + 1 < rows_.size() && rows_[row].change == rows_[row + 1].change;
  }
  bool same_failure(size_t row) const;

  const AggregatePayload& payload_;
  uint32_t batch_rows_;
  std::vector<OutputRow> rows_;
  std::vector<const char*> payloads_;
  std::vector<Weight> weights_;
  uint32_t groups_ = 0;
  std::vector<GroupFailure> failures_;
  std::vector<int32_t> failed_;  // per output row: its first failure, or -1; empty: none failed
  std::vector<uint8_t> dropped_;
};

/// The key columns of one group as text, for error rows and failed checks.
std::string group_text(const AggregatePayload& payload, std::string_view key, const char* group);

}  // namespace forebay::operators
