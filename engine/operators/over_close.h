#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/operators/over_partition.h"
#include "engine/operators/time_judge.h"

/// Over whose input comes in order of time (OverParameters::in_order) and whose functions look back
/// only so far: of each partition those rows are forgotten which no later row sees.
namespace forebay::operators {

class OverClose {
 public:
  /// All of them outlive this.
  OverClose(const OverParameters& parameters, const OverReaches& reaches, const OverOrder& order,
            const OperatorContext& context);
  OverClose(const OverClose&) = delete;

  /// After the partition's changes were computed, at the end of an epoch.
  void trim(state::OrderedTable& rows, state::OrderedTable::Group* group);
  void seal();

 private:
  /// The order keys from which on rows to come can look at rows; nullopt: at all of them.
  std::optional<std::string> first_place();
  /// The first entry that rows to come see as one of the last groups; nullptr: none.
  const state::OrderedTable::Entry* first_of_groups(const state::OrderedTable::Group* group) const;

  const OverParameters& parameters_;
  const OverReach& behind_;
  const OverOrder& order_;
  const OperatorContext& context_;
  bool is_active_;
  std::optional<TimeJudge> judge_;

  // Of the epoch.
  bool has_place_ = false;
  std::optional<std::string> place_;
};

}  // namespace forebay::operators
