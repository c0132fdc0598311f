#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/operators/asof_versions.h"
#include "engine/operators/expired_groups.h"
#include "engine/operators/specs.h"

/// What an ASOF join forgets when the watermarks of both sides have passed it. What is before both
/// is final: late rows are dropped, rows that go included.
namespace forebay::operators {

class AsofExpiry {
 public:
  using Table = state::OrderedTable;
  using Group = Table::Group;
  using Entry = Table::Entry;

  /// All of them outlive this. `order`: of the times at the front of suffixes. Inactive without
  /// both bounds.
  AsofExpiry(const AsofJoinParameters& parameters, const data::KeyOrder& order,
             AsofVersions& versions, const OperatorContext& context);
  AsofExpiry(const AsofExpiry&) = delete;

  /// nullptr: the side has no bound.
  TimeJudge* judge(uint32_t side) { return judges_[side] ? &*judges_[side] : nullptr; }
  /// A time of the right side as the front of a suffix.
  std::string bytes_of(int64_t time) const;

  /// After a key changed: waits for the first thing to forget of it.
  Status set_timer(const Group* left, const Group* right);
  /// At the end of the epoch; forgets what is due of some keys.
  Result<Progress> forget_some(Table& left, Table& right);

  void seal(state::SealedRun& run);
  size_t memory_bytes() const { return timers_.memory_bytes() + expired_.memory_bytes(); }
  size_t dirty_entries() const { return timers_.dirty_entries(); }

 private:
  bool is_active() const { return judges_[0] && judges_[1]; }
  std::string_view time_of(const Entry* entry) const {
    return Table::suffix(entry).substr(0, time_bytes_);
  }
  /// The front of the suffix from which on forget_some() finds something; empty: nothing.
  std::string_view next_to_forget(const Group* left, const Group* right) const;
  /// Of rows that match the latest right row before them; `time`: what is before it is final;
  /// empty: all is.
  void forget_backward(Table& left, Group* left_group, Table& right, Group* right_group,
                       std::string_view time);
  /// Of rows that match the first right row after them.
  void forget_forward(Table& left, Group* left_group, Table& right, Group* right_group,
                      std::string_view time);
  /// Takes out the entries from `from` on, up to `end`; nullptr: none, and all.
  static void take_out(Table& table, Group* group, Entry* from, const Entry* end);

  const AsofJoinParameters& parameters_;
  const data::KeyOrder& order_;
  AsofVersions& versions_;
  const OperatorContext& context_;
  const size_t time_bytes_;
  std::optional<TimeJudge> judges_[2];
  state::PointTable timers_;
  ExpiredGroups expired_;
  bool is_forgetting_ = false;

  // Scratch.
  data::KeyRows keys_;
  std::string timer_time_;
  std::vector<Group*> left_groups_, right_groups_;
};

}  // namespace forebay::operators
