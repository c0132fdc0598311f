#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "state/state_table.h"

/// What right rows an ASOF join's left rows had when an epoch began and have when it ends, for one
/// key. Rows are in order such that the match of a left row is the first one from some place on.
namespace forebay::operators {

/// A row that the epoch touched; its suffix in the table, which still is as the epoch began.
struct AsofChange {
  std::string_view suffix;
  int64_t before = 0;
  int64_t now = 0;
};

/// The first string behind all that begin with `prefix`, which is not all 0xFF.
std::string after_prefix(std::string_view prefix);

/// The right rows of one key. A row in the table whose suffix begins with kHidden matches nothing
/// and stands behind all others.
class AsofMatches {
 public:
  using Group = state::OrderedTable::Group;
  using Entry = state::OrderedTable::Entry;
  /// The row's suffix.
  using Match = std::optional<std::string_view>;
  static constexpr char kHidden = '\xFF';

  /// The table has not taken in `changes`, ascending by suffix, of which none is hidden. What the
  /// group and the changes point to stays until the next begin().
  void begin(const Group* group, std::span<const AsofChange> changes);

  /// The first row from `bound` on: when the epoch began, and now.
  Match before(std::string_view bound) const;
  Match now(std::string_view bound) const;

  /// Changes that make rows come or go.
  size_t change_count() const { return changes_.size(); }
  std::string_view change(size_t i) const { return changes_[i].suffix; }
  /// The last row before `bound` when the epoch began.
  Match last_before(std::string_view bound) const;

 private:
  struct Change {
    std::string_view suffix;
    bool comes;
  };
  static Match shown(const Entry* entry);
  /// The first change from `bound` on.
  size_t find_change(std::string_view bound) const;

  const Group* group_ = nullptr;
  std::vector<Change> changes_;
  /// Of each change, the first row now from it on.
  std::vector<Match> first_now_;
};

}  // namespace forebay::operators
