#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/operators/expired_groups.h"
#include "engine/operators/over_partition.h"

/// Over whose input comes in order of time (OverParameters::in_order) and whose functions look at
/// rows to come: which rows of a partition are final. They are the first ones: those with so many
/// rows, or groups of peers, behind them as functions look ahead, and whose RANGE frames end before
/// the watermark. Rows that wait, and what these or rows to come see of those before, are all that
/// is kept.
namespace forebay::operators {

class OverAhead {
 public:
  using Table = state::OrderedTable;
  using Group = Table::Group;
  using Entry = Table::Entry;

  /// `parameters` with `waits`. All of them outlive this.
  OverAhead(const OverParameters& parameters, const OverReaches& reaches, const OverOrder& order,
            const OperatorContext& context);
  OverAhead(const OverAhead&) = delete;

  /// At the end of an epoch: the entries whose rows become final in it, both ends inside; nullopt:
  /// none. `first_new`: the partition's first entry that came in the epoch, which stands behind all
  /// others; nullptr: none came.
  std::optional<OverPartition::Stretch> finals(const Group* group, const Entry* first_new);
  /// Of the stretch that finals() gave: this copy of the entry's row becomes final.
  bool gives(const Entry* entry, int64_t copy) const;
  /// After finals() of the same group: forgets what is needed no more, and waits for the rest.
  Status keep(Table& rows, Group* group);
  /// Some of the partitions in which rows may have become final because time has passed; they are
  /// pinned. false: that was all.
  Result<bool> take_due(Table& rows, std::vector<Group*>& groups);

  void seal(state::SealedRun& run);
  size_t memory_bytes() const { return timers_.memory_bytes() + expired_.memory_bytes(); }
  size_t dirty_entries() const { return timers_.dirty_entries(); }

 private:
  /// The row `copy` of an entry; nullptr: behind all.
  struct Place {
    const Entry* entry = nullptr;
    int64_t copy = 0;
  };
  static bool is_before(const Place& a, const Place& b);

  /// The first row that is not final when the partition ends with `last` and times before `passed`
  /// have all come that RANGE frames from there can see.
  Place first_waiting(const Group* group, const Entry* last, int64_t passed) const;
  /// The times before which RANGE frames are complete under the bound.
  int64_t passed_at(int64_t bound);
  /// The first time whose frames reach the bound.
  int64_t first_reaching(int64_t bound);
  /// The first entry that rows which wait, or are to come, see; nullptr: none.
  const Entry* first_needed(const Group* group);
  /// nullopt: everything is needed.
  std::optional<std::string> needed_place();
  std::optional<std::string> first_seen_from(const data::Datum& time) const;
  /// The time of the partition's next timer, as key bytes; empty: it needs no other one.
  std::string next_look(const Group* group);
  /// The timestamp at the front of a suffix.
  int64_t time_of(std::string_view suffix) const;
  Status set_timer(const Group* group);

  const OverParameters& parameters_;
  const OverReach& behind_;
  const OverReach ahead_;
  const OverOrder& order_;
  const OperatorContext& context_;
  TimeJudge judge_;
  /// Of the time at the front of a row's or timer's key.
  const size_t time_bytes_;
  state::PointTable timers_;
  ExpiredGroups expired_;
  /// RANGE frames alone: a partition without new rows is forgotten.
  bool goes_with_time_ = false;
  bool is_looking_ = false;
  /// bound -> passed_at, of the last two.
  std::vector<std::pair<int64_t, int64_t>> passed_;

  // Of the partition.
  Place from_, to_, waited_;

  // Scratch.
  data::KeyRows keys_;
};

}  // namespace forebay::operators
