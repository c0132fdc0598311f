#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/operators/asof_matches.h"

/// FOR SYSTEM_TIME AS OF a time: what the changes of a key's row make of the key's versions. Times
/// are 9 bytes in front of a suffix, the latest first.
namespace forebay::operators {

/// What a row of a versions table is: its count there. Persisted. DO NOT CHANGE.
enum class VersionKind : int64_t {
  kNone = 0,
  /// A version whose row is gone; it lasts until another one begins.
  kPast = 1,
  /// A version whose row is there.
  kPresent = 2,
  /// A row that is there but is no version: it came late, or its time is NULL. Its suffix is
  /// kHidden and the row's bytes.
  kHidden = 3,
  /// The key's row was deleted: from this time on there is no version. Its suffix is the time
  /// alone.
  kEnd = 4,
};

/// Rows with this suffix that came and went in an epoch, in whatever order.
struct VersionArrival {
  std::string_view suffix;
  int64_t came = 0;
  int64_t went = 0;
};

class AsofVersions {
 public:
  using Group = state::OrderedTable::Group;
  using Entry = state::OrderedTable::Entry;
  static constexpr size_t kTimeBytes = 9;

  /// `append_only`: rows never go, so that none is remembered as being there.
  explicit AsofVersions(bool append_only) : append_only_(append_only) {}

  struct Write {
    std::string_view suffix;
    VersionKind kind;
  };

  /// `arrivals` of one key, ascending and distinct, late rows, when they come, and rows without
  /// time under their hidden suffix; `present`: the time bytes before which no version can end
  /// (empty: any). The views that it gives stay until the next call.
  void resolve(const Group* group, std::span<const VersionArrival> arrivals,
               std::string_view present, std::vector<AsofChange>& changes,
               std::vector<Write>& writes);

  /// Takes versions out that were over before the time of these bytes.
  void forget(state::OrderedTable& table, Group* group, std::string_view time);
  /// The time bytes from which on forget() finds something to do; empty: none.
  static std::string_view next_to_forget(const Group* group);

 private:
  struct Row {
    VersionKind before = VersionKind::kNone;
    bool is_version = false;
    bool is_end = false;
    bool is_new = false;
    int64_t present = 0;
  };
  using Rows = std::map<std::string, Row, std::less<>>;

  static VersionKind kind_of(const Entry* entry) {
    return static_cast<VersionKind>(state::OrderedTable::count(entry));
  }
  static std::string_view time_of(std::string_view suffix) { return suffix.substr(0, kTimeBytes); }
  Row& row(std::string_view suffix);
  /// A time with new versions has no others, but that of the row that is there, and no end.
  void replace(std::string_view time);
  /// Brings all rows of one time into rows_.
  void load_time(std::string_view time);
  /// The key has lost its row.
  void end(std::string_view present);

  const bool append_only_;
  const Group* group_ = nullptr;
  Rows rows_;
};

}  // namespace forebay::operators
