#pragma once

#include <span>
#include <vector>

#include "engine/operators/expired_groups.h"
#include "engine/operators/group_prefetch.h"
#include "engine/operators/specs.h"
#include "engine/operators/timer_log.h"

/// What watermarks do to the state of a join (JoinTime in specs.h): which rows are late, which rows
/// of the other side can match at all, and which rows are forgotten.
namespace forebay::operators {

/// Of one worker. Where a side's rows are ordered, the suffixes of its table begin with the key
/// bytes (kGrouping) of the time that decides: persisted, DO NOT CHANGE; and a TimerLog says when
/// to look at a key again.
///
/// Invariant: after an epoch no row is kept that is before its side's `needed`; a key that has rows
/// has a timer that is not later than the first of them.
///
/// Cost: a comparison per row, a timer per key and time at which its first row goes; what is
/// forgotten costs a step per row.
class JoinExpiry {
 public:
  using Group = state::OrderedTable::Group;
  using Entry = state::OrderedTable::Entry;

  /// What suffixes of ordered rows begin with.
  static constexpr size_t kTimeBytes = 9;
  static int64_t time_of(const Entry* entry);
  /// For describe(): " by-key left(...) right(...)".
  static std::string describe(const JoinTime& time);

  /// `parameters.time` is there; they outlive this, as the tables and the context do.
  JoinExpiry(const JoinParameters& parameters, const OperatorContext& context,
             state::OrderedTable* left, state::OrderedTable* right);

  /// Columns where NULL matches nothing, besides keys.
  const std::vector<uint32_t>& strict_columns(int side) const { return strict_columns_[side]; }
  /// Leaves late rows out; gives their number.
  uint64_t drop_late(int side, ChangeBatch& batch);

  /// The rows of the side are kept in order of time.
  bool orders(int side) const { return sides_[side].needed.has_value(); }
  /// Before the rows of a batch come to their groups.
  void begin_batch(int side, const ChangeBatch& batch);
  /// Row i of the batch is about to come to `group`, whose key is keys.key(i): notes what it takes
  /// to forget it one day. Where rows are ordered, gives what the row's suffix begins with.
  std::string_view note_row(int side, uint32_t i, const Group* group, const data::KeyRows& keys);
  /// All of them came.
  void finish_batch(int side, const data::KeyRows& keys);

  /// For each row of a batch of the other side the first row of its group that it can meet, and the
  /// time after which there are no more; orders(side) only.
  void find_ranges(int side, const ChangeBatch& others, std::span<Group* const> groups,
                   std::vector<Entry*>& firsts, std::vector<int64_t>& lasts) const;

  /// After the flush: forgets some of what is no longer needed.
  Result<Progress> forget();
  void seal(state::SealedRun& run);
  size_t memory_bytes() const;
  size_t dirty_entries() const;

 private:
  struct Side {
    std::vector<TimeJudge> late;
    std::optional<TimeJudge> needed;
    /// With `needed`.
    std::optional<TimerLog> timers;
    /// by_key: of the rows' table.
    std::optional<ExpiredGroups> expired;
  };
  void add_timer(int side, int64_t time, std::string_view key, uint64_t hash);
  /// Begins the search for what the epoch frees on the side; false: there is nothing.
  bool begin_side(int side);
  /// Some of it; false: that was all.
  Result<bool> forget_keys(int side);
  Result<bool> forget_rows(int side);
  /// Finds the groups of the next timers that are due; none: that was all.
  Status find_due(int side);
  /// What is no longer needed of the group, at most `budget` rows; false: there may be more.
  bool forget_some(int side, Group* group, uint32_t& budget);

  const JoinTime& time_;
  const OperatorContext& context_;
  state::OrderedTable* tables_[2];
  Side sides_[2];
  std::vector<uint32_t> strict_columns_[2];

  // The batch in work: times and places of its rows, and groups that begin with them.
  data::ColumnView times_;
  const ChangeBatch* batch_ = nullptr;
  std::vector<uint8_t> created_;
  std::string time_key_;

  // Forgetting: which side, and the groups that are due.
  int side_ = 0;
  bool searching_ = false;
  data::KeyRows due_;
  std::vector<Group*> due_groups_;
  uint32_t next_due_ = 0;
};

}  // namespace forebay::operators
