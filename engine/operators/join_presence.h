#pragma once

#include <string_view>
#include <vector>

#include "engine/operators/epoch_index.h"
#include "engine/operators/specs.h"

/// Which rows of a join stand in its output by themselves: padded with NULLs (outer joins), as
/// having a match (semi) or as having none (anti). That depends on the other side's rows as they
/// are when an epoch ends, so it is judged there and never while changes come in.
namespace forebay::operators {

/// The epoch's bookkeeping for the rows of the tracked sides. A row's presence at the start of the
/// epoch is remembered when it is first touched; the flush emits the difference.
///
/// Without a condition all rows of a key have the same matches: it is enough to know, per touched
/// key, whether each side had rows at the start. With a condition each row of a tracked side keeps
/// its degree, the number of rows of the other side that match it, in its entry's value (zigzag
/// LEB128; empty: 0): persisted, DO NOT CHANGE. Cost: per touched row; for a key whose other side
/// became empty or ceased to be, all its rows.
class JoinPresence {
 public:
  using Group = state::OrderedTable::Group;
  using Entry = state::OrderedTable::Entry;

  JoinPresence(const JoinParameters& parameters, state::OrderedTable* left,
               state::OrderedTable* right);

  /// True when rows of this side (0 left, 1 right) can stand in the output by themselves.
  bool tracks(int side) const { return tracked_[side]; }
  /// True when note_key has to be called.
  bool by_key() const { return by_key_; }
  /// True when degrees are kept.
  bool by_degree() const { return by_degree_; }
  /// Whether a row without or with matches is in the output by itself.
  bool present(bool matched) const { return kind_ == JoinKind::kSemi ? matched : !matched; }

  /// Before a change of a key: `own` is its group on the changing side, `other` the other side's or
  /// nullptr while that has no rows. Returns the key's number for note_row. by_key only.
  uint32_t note_key(int side, Group* own, Group* other, uint64_t hash);
  /// Before a row of a tracked side changes its count or degree. `key` counts by_key only.
  void note_row(int side, uint32_t key, Entry* entry);
  void set_degree(int side, Group* group, Entry* entry, int64_t degree);
  void add_degree(int side, Group* group, Entry* entry, int64_t change);

  /// Emits rows that came to stand or stand no longer by themselves, at most `batch_rows` a call.
  Result<Progress> flush(uint32_t batch_rows, Output& output);
  /// Forgets the epoch.
  void clear();
  size_t memory_bytes() const;

  /// The bytes of an entry's row, made by append_row.
  std::string_view row_of(int side, const Entry* entry) const {
    return state::OrderedTable::suffix(entry).substr(row_at_[side]);
  }

  /// Rows of one side in the join's output form: the other side's columns NULL.
  ChangeBatch padded(int side, ChangeBatch rows) const;

 private:
  struct Key {
    Group* groups[2];  // nullptr: no rows yet
    bool had_rows[2];
    uint32_t judged[2];  // rows with a count that the flush judged one by one
  };
  struct Row {
    Entry* entry;
    uint32_t key;  // by_key: its Key
    int64_t count_before;
    bool matched_before;
  };
  struct Side {
    std::vector<Row> rows;
    EpochIndex place;  // of entries in rows
    bool has(const Entry* entry) const {
      auto same = [&](uint32_t i) { return rows[i].entry == entry; };
      return place.find(EpochIndex::hash_of(entry), same) != EpochIndex::kNone;
    }
  };

  static size_t rows_of(const Group* group) {
    return group == nullptr ? 0 : state::OrderedTable::size(group);
  }
  static int64_t degree(const Entry* entry);
  bool matched_now(int side, const Row& row) const;
  void add_output(int side, const Entry* entry, Weight weight, Status& status);
  void emit_built(int side, Output& output);
  Status flush_rows(int side, uint32_t batch_rows);
  Status flush_keys(int side, uint32_t batch_rows);

  JoinKind kind_;
  std::vector<Type> types_[2];
  size_t row_at_[2];  // where in a suffix the row begins
  bool tracked_[2];
  bool by_key_;
  bool by_degree_;
  state::OrderedTable* tables_[2];

  std::vector<Key> keys_;
  EpochIndex key_place_;
  Side sides_[2];

  // The flush: which side, its next row, then its next key and the next entry of that key.
  int side_ = 0;
  size_t next_row_ = 0;
  size_t next_key_ = 0;
  const Entry* next_entry_ = nullptr;
  std::vector<data::ColumnBuilder> builders_;
  std::vector<Weight> weights_;
};

}  // namespace forebay::operators
