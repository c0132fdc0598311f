#pragma once

#include "engine/data/row_codec.h"
#include "engine/operators/time_judge.h"
#include "state/store.h"

/// Finds the groups that a watermark has closed. Their keys begin with the time column, so in the
/// store they are one range per shard; what was made since the last commit that is sure to be there
/// is remembered here. So closing costs time in proportion to what closes, and open groups need
/// neither memory nor a second index.
namespace forebay::operators {

/// Takes all entries of these groups out of `table`. `scratch` is overwritten.
Status free_groups(state::OrderedTable& table, const data::KeyRows& keys,
                   std::vector<state::OrderedTable::Group*>& scratch);

class ExpiredGroups {
 public:
  /// A key is hashed from its byte `hashed_from` on. `group_types`: of the columns of a group's
  /// key, where the store's keys go on behind it (OrderedTable).
  ExpiredGroups(state::Family family, TableId table, const OperatorContext& context,
                size_t hashed_from = 0, std::vector<Type> group_types = {})
      : family_(family),
        table_(table),
        context_(context),
        hashed_from_(hashed_from),
        group_types_(std::move(group_types)) {
    if (context.starts_empty) shards_.assign(data::kShardCount, {true, true, {}});
  }

  /// Keys of groups that came into being.
  void add(const data::KeyRows& keys, std::span<const uint8_t> created);
  /// Starts over with the groups whose keys are in [lower, upper).
  void begin(std::string lower, std::string upper);
  /// Up to `most` keys of such groups, with hashes; none: that was all. A key can come twice, and
  /// keys of groups that are gone can come.
  Status next(uint32_t most, data::KeyRows& keys);
  /// Where the keys are timers, the key bytes of a time and then the key of what is due: sets one
  /// in their table, unless it is set.
  Status set_timer(state::PointTable& timers, std::string_view time, std::string_view key);
  /// As next(), for timers: takes up to `most`
  /// of them out of their table and gives those keys, perhaps none. false: that was all.
  Result<bool> take_due(state::PointTable& timers, uint32_t most, data::KeyRows& keys);
  /// The epoch is sealed.
  void seal();
  size_t memory_bytes() const;

 private:
  struct Keys {
    std::string bytes;
    std::vector<uint32_t> ends;
  };
  /// What is known of a shard in the store: no key of the table is before `next`.
  struct Shard {
    bool is_known = false;
    bool is_empty = false;
    std::string next;
  };
  void append(std::string_view key, data::KeyRows& keys) const;
  /// The group's part of a key in the store.
  Result<std::string_view> group_part(std::string_view key,
                                      std::vector<data::ColumnBuilder>& scratch) const;
  /// Goes to the next shard of this worker that may have keys in the range; after the last one
  /// there is no cursor.
  void next_shard();
  /// The cursor has passed the range: notes where the shard goes on.
  void leave_shard();
  /// A key that from now on is looked for in the store.
  void note_stored(std::string_view key);

  state::Family family_;
  TableId table_;
  const OperatorContext& context_;
  size_t hashed_from_;
  std::vector<Type> group_types_;
  /// Of this epoch and of the last one, which is perhaps not committed yet.
  Keys fresh_, sealed_;
  std::vector<Shard> shards_;

  // The search at work.
  std::string lower_, upper_;
  std::shared_ptr<const state::Snapshot> snapshot_;
  std::unique_ptr<state::Cursor> cursor_;
  uint16_t shard_ = 0;  // behind the one at which the cursor is
  bool is_searching_ = false;
  /// Where the range ends in the shard at which the cursor is.
  std::string end_;
  size_t fresh_at_ = 0, sealed_at_ = 0;

  // Scratch.
  data::KeyRows due_;
  std::vector<state::PointTable::Entry*> due_entries_;
};

}  // namespace forebay::operators
