#pragma once

#include <optional>
#include <span>
#include <vector>

#include "engine/operators/expired_groups.h"

/// Partitions of rows (TopN, Over) whose first column is a time that a watermark bounds: late rows
/// are dropped, and partitions that the watermark has passed are final and forgotten.
namespace forebay::operators {

class ClosingPartitions {
 public:
  /// `rows`: an OrderedTable partition -> rows in this family; `partition`: its key columns of the
  /// input's `types`. Without `time` nothing is late and nothing closes.
  ClosingPartitions(std::optional<TimeBound> time, const std::vector<Type>& types,
                    std::span<const uint32_t> partition, state::Family family, TableId rows,
                    const OperatorContext& context);
  ClosingPartitions(const ClosingPartitions&) = delete;

  /// Leaves late rows out and counts them.
  void drop_late(ChangeBatch& batch, Output& output);
  /// Before entries are added to groups[i], whose key is keys.key(i).
  void note(const data::KeyRows& keys, std::span<state::OrderedTable::Group* const> groups);
  /// After the epoch's changes came out: forgets some of the partitions that are final. kMore:
  /// there are more.
  Result<Progress> close(state::OrderedTable& rows);
  /// The epoch is sealed.
  void seal();
  size_t memory_bytes() const { return expired_.memory_bytes(); }

 private:
  OperatorContext context_;
  std::optional<TimeBound> time_;
  std::optional<TimeJudge> judge_;
  ExpiredGroups expired_;
  bool closing_ = false;

  // Scratch.
  data::KeyRows keys_;
  std::vector<uint8_t> created_;
  std::vector<state::OrderedTable::Group*> groups_;
};

}  // namespace forebay::operators
