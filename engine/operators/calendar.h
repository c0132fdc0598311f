#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>

#include "engine/operators/operator.h"

/// What is to happen to rows, ordered by time, in a state table.
///
/// State: an OrderedTable, (bucket of time, shard) -> entries; suffix = when, then the caller's
/// bytes; count = weight. One more group per shard, of bucket kDirectory, has the buckets that are
/// not empty.
///
/// Cost: an entry costs one ordered insertion, an epoch what is due and a look at the next thing.
namespace forebay::operators {

/// Order-preserving: 8 bytes.
void append_time(int64_t time, std::string& out);
/// What append_time() put at that byte.
int64_t time_at(std::string_view bytes, size_t at);

class Calendar {
 public:
  static constexpr int64_t kForever = INT64_MAX;
  static constexpr int64_t kAlways = INT64_MIN;

  /// Things to come, gathered to be entered in bulk. Equal ones add up their weights.
  class Entries {
   public:
    /// `when`: microseconds, later than all that was taken out. `shard`: of the row.
    void add(int64_t when, uint16_t shard, std::string_view what, Weight weight);

   private:
    friend class Calendar;
    std::vector<std::pair<int64_t, uint16_t>> groups_;  // bucket and shard
    std::vector<std::string> suffixes_;
    std::vector<Weight> weights_;
  };

  /// `context` outlives the calendar.
  Calendar(TableId table, const OperatorContext& context);

  /// Adds them to what is to come; an entry whose weights add up to 0 is none.
  Status enter(const Entries& entries);

  /// Takes what is due at `now` out of one group, up to a batch of it, and shows it. False: nothing
  /// was left, and due() is right. `now` never goes down; it stays the same until then.
  using Visit =
      std::function<Status(int64_t when, uint16_t shard, std::string_view what, Weight weight)>;
  Result<bool> take_due(int64_t now, const Visit& visit);

  /// When the next thing is to happen; nullopt: nothing is entered. kAlways after a restart.
  std::optional<int64_t> due() const { return is_loaded_ ? due_ : kAlways; }
  /// Before the first call in an epoch: knows what was entered before a restart.
  Status load();

  void seal(state::SealedRun& run) { events_.seal(run); }
  size_t memory_bytes() const { return events_.memory_bytes(); }
  size_t dirty_entries() const { return events_.dirty_entries(); }
  size_t resident_entries() const { return events_.resident_entries(); }

 private:
  static constexpr uint16_t kLastShard = data::kShardCount - 1;

  Status note_buckets(const std::vector<std::pair<int64_t, uint16_t>>& buckets, int64_t count);
  Status take_bucket(int64_t bucket, int64_t now, const Visit& visit);
  Status find_due();

  const OperatorContext& context_;
  state::OrderedTable events_;
  /// Of each bucket, the shards where it is not empty. Complete once loaded.
  std::map<int64_t, std::set<uint16_t>> buckets_;
  bool is_loaded_;
  std::optional<int64_t> due_;
  /// Of the bucket that is being taken out.
  uint32_t next_shard_ = 0;
};

}  // namespace forebay::operators
