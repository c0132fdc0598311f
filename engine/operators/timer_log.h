#pragma once

#include <absl/container/flat_hash_map.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/data/row_codec.h"
#include "engine/operators/epoch_index.h"
#include "engine/operators/operator.h"
#include "state/store.h"

/// When to look at which keys, for operators that forget what time has passed: timers as logs.
namespace forebay::operators {

/// Timers of one worker: a time and a key. A timer is added without a lookup, comes out once a
/// bound has passed its time, and can't be taken back: who gets a key looks whether there is
/// something to do, and adds a timer for what is left.
///
/// State, persisted, DO NOT CHANGE: an entry per bucket of time (2^20 microseconds), shard of the
/// keys and epoch that added some. Key: the bucket's number (time >> 20) and a number that grows
/// with each epoch, each 8 bytes in order (big-endian, sign bit flipped). Value, for each timer:
/// LEB128 of the microseconds after the bucket's beginning, LEB128 of the key's length, the key. An
/// entry is deleted when the bound has passed all of its bucket.
///
/// In memory are the timers of this epoch and of the last one, which is perhaps not committed yet.
/// The bucket in which the bound lies is read again whenever it moves.
///
/// Cost: a timer is appended once, written once together with its neighbours, and read as often as
/// the bound moves within its bucket.
class TimerLog {
 public:
  static constexpr state::Family kFamily = state::Family::kLog;

  /// `context` outlives the log.
  TimerLog(TableId table, const OperatorContext& context);

  /// `time` is not before the bound of the last search; `hash` is the key's.
  void add(int64_t time, std::string_view key, uint64_t hash);
  /// Comes out of this epoch's search, whatever its bounds.
  void add_due(std::string_view key, uint64_t hash);
  bool has_due() const { return !now_.empty(); }

  /// Starts the epoch's search, for the timers in [from, bound); TimeJudge::kEverything is after
  /// all times. `from` is the bound of the last search.
  void begin(int64_t from, int64_t bound);
  /// Keys of such timers with their hashes: those of whole shards, until they are `enough`; none:
  /// that was all. No key comes twice in one search. XX001 on entries that nobody wrote.
  Status next(uint32_t enough, data::KeyRows& keys);

  /// The search was finished, or there was none.
  void seal(state::SealedRun& run);
  size_t memory_bytes() const;
  /// Entries that the epoch adds to the store.
  size_t dirty_entries() const { return fresh_.size(); }

 private:
  /// A bucket's number and a shard.
  using Place = std::pair<int64_t, uint16_t>;
  /// Values of entries.
  using Logs = absl::flat_hash_map<Place, std::string>;
  struct Due {
    uint16_t shard;
    int64_t bucket;
    bool whatever_time;
    std::string log;
  };
  /// What is known of a shard in the store: no timer that matters is before `next`.
  struct Shard {
    bool is_known = false;
    bool is_empty = false;
    int64_t next = 0;
  };

  std::string entry_key(int64_t bucket, uint16_t shard, int64_t number) const;
  bool is_passed(int64_t bucket) const;
  /// Takes what may be due out of memory.
  void take_due(Logs& logs, bool is_stored);
  Status read_shard(uint16_t shard, data::KeyRows& keys);
  /// Gives the keys that are due; `next` becomes the least later time, if that is less.
  Status read_log(int64_t bucket, std::string_view log, bool whatever_time, data::KeyRows& keys,
                  int64_t& next);
  void give(std::string_view key, uint64_t hash, data::KeyRows& keys);

  TableId table_;
  const OperatorContext& context_;
  Logs fresh_, sealed_;
  size_t fresh_bytes_ = 0, sealed_bytes_ = 0;
  /// Of the entries of sealed_.
  int64_t sealed_number_ = 0;
  absl::flat_hash_map<uint16_t, std::string> now_;
  std::vector<Shard> shards_;

  // The search at work.
  int64_t from_ = 0, bound_ = 0;
  uint32_t shard_ = data::kShardCount;
  std::vector<Due> due_;
  size_t next_due_ = 0;
  std::shared_ptr<const state::Snapshot> snapshot_;
  std::unique_ptr<state::Cursor> cursor_;
  /// Of the keys that a call has given of one shard, from row `first_of_shard_` on.
  EpochIndex given_;
  uint32_t first_of_shard_ = 0;
  /// Keys of entries that the bound has passed.
  std::vector<std::string> passed_;
};

}  // namespace forebay::operators
