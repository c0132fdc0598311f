#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/runtime/engine.h"
#include "state/store.h"

/// The rows behind forebay.errors: a counted set, kept in the store like all state. A retraction of
/// a failing row takes its error away again. Used under the engine's mutex only, with all its
/// entries in memory.
namespace forebay::runtime {

/// The state table that holds them. DO NOT CHANGE.
inline constexpr TableId kErrorTable{1};

/// What ON ERROR SKIP keeps of failing rows: their number.
operators::ErrorRow skipped_row(ObjectId object, data::Weight weight);

class ErrorTable {
 public:
  /// Distinct errors kept with their payload per object; further ones are counted under (object,
  /// operator, sqlstate, reason) without it.
  static constexpr size_t kMostPerObject = 10'000;

  /// Begins anew with what is committed.
  Status load(const state::Snapshot& snapshot);
  /// Applies one epoch's errors, netted by their identity, and writes what changed to `run`.
  /// `epoch`: the number under which they are committed; `now`: timestamptz.
  void apply(std::vector<operators::ErrorRow> errors, int64_t now, Epoch epoch,
             state::SealedRun& run);
  /// Rows and records of an object that fail now, the skipped ones among them.
  int64_t count(ObjectId object) const;
  /// Forgets an object's errors.
  void drop(ObjectId object, state::SealedRun& run);

  /// Without the skipped ones.
  static Result<std::vector<StoredError>> read(const state::Snapshot& snapshot);

 private:
  void add(std::string key, operators::ErrorRow row, data::Weight weight, int64_t now, Epoch epoch,
           std::set<std::string>& changed);
  void take_out(const std::string& key, const operators::ErrorRow& row, data::Weight weight,
                std::set<std::string>& changed);

  std::map<std::string, StoredError> errors_;  // by store key
  std::map<ObjectId, size_t> per_object_;      // entries
  std::map<ObjectId, int64_t> counts_;
  uint64_t next_id_ = 1;
};

}  // namespace forebay::runtime
