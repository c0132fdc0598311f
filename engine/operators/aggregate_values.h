#pragma once

#include <span>
#include <vector>

#include "engine/data/row_codec.h"
#include "engine/operators/aggregate_payload.h"

/// The values that one call of an aggregate keeps besides its payload: all of a group's values with
/// their counts, for DISTINCT, for min/max over input that retracts, and for aggregates of values
/// in order.
namespace forebay::operators {

/// The rows of a batch that one call sees.
struct CallRows {
  std::span<const uint32_t> rows;    // physical
  std::span<const uint32_t> places;  // row i is the places[i]-th of the batch
  std::span<char* const> payloads;
  std::span<const Weight> weights;
};

bool needs_value_table(const AggregateParameters& parameters, const AggregateCallSpec& call);

/// count(DISTINCT a) and count(DISTINCT a) FILTER (...): calls that count the same values keep them
/// in one table. The first call whose table call `index` has: the least i with
/// shares_values(parameters, i, index); `index` itself when there is none before.
size_t values_owner(const AggregateParameters& parameters, size_t index);

/// Group key -> values in order. Suffixes are kExact key bytes for min and max; for DISTINCT
/// kGrouping ones of all arguments, but kExact ones of a single argument whose form counts
/// (has_forms()); for ordered aggregates the kGrouping bytes of the ORDER BY columns and then the
/// kExact ones of all arguments. The value of an entry is empty, but for tables of several calls:
/// an entry's count is the sum of their counts, and its value holds the counts of all calls but the
/// first, 8 bytes each, little-endian. Persisted, DO NOT CHANGE.
///
/// Of equal values of different forms (1.0 and 1.00, 1 month and 30 days) DISTINCT takes the one
/// with the least kExact bytes, as min() does: what stands for them depends on the rows that are
/// there alone.
class ValueTable {
 public:
  /// `payload` belongs to the operator and outlives this. `calls`: how many calls share the table,
  /// of which `call` is the first.
  ValueTable(std::string_view operator_name, const AggregatePayload& payload, size_t call,
             size_t calls, const OperatorContext& context);

  /// Before the calls count a batch.
  void begin_batch() { found_.clear(); }
  /// Adds the weights of the rows to their values' counts for the table's `nth` call. `group_keys`
  /// (one per row of the batch, or one in all when there are no group columns) and `groups` (one
  /// per row) are of the whole batch.
  Status count(size_t nth, const data::KeyRows& group_keys, const ChangeBatch& batch,
               const CallRows& rows, std::span<state::PointTable::Entry* const> groups);
  /// At the flush: a failed check when a count is negative. Then DISTINCT knows what came and went.
  Status settle();

  /// DISTINCT: how many values came or went for the nth call.
  size_t transitions(size_t nth) const { return transitions_[nth].size(); }
  /// The values [from, to) that came (weight 1) or went (-1), as columns of the call's arguments,
  /// with their groups.
  Status transitions(size_t nth, size_t from, size_t to, std::vector<data::ColumnRef>& columns,
                     std::vector<state::PointTable::Entry*>& groups,
                     std::vector<Weight>& weights) const;
  /// min, max: the first or last value of every group, NULL where there is none. Ordered
  /// aggregates: their results.
  Result<data::ColumnRef> extremes(const data::KeyRows& group_keys);

  /// Forgets the values of groups; after settle() and all that asks for them.
  Status free(const data::KeyRows& group_keys);

  void seal(state::SealedRun& run);
  size_t memory_bytes() const { return table_.memory_bytes() + collected_bytes_; }
  size_t dirty_entries() const { return table_.dirty_entries(); }

 private:
  using Table = state::OrderedTable;
  struct Touched {
    state::PointTable::Entry* group;
    Table::Group* values;
    Table::Entry* value;
    int64_t count_before;
  };
  struct Transition {
    state::PointTable::Entry* group;
    Table::Entry* value;
    Weight weight;
  };
  /// Remembers a value as it is before the epoch changes it.
  void note(state::PointTable::Entry* group, Table::Group* values, Table::Entry* value);
  /// The table is of several calls: what an entry's count and value say of each.
  void counts_of(const Table::Entry* value, std::span<int64_t> counts) const;
  void add_to_count(Table::Group* group, Table::Entry* value, size_t nth, int64_t change);
  Status count_shared(size_t nth, const data::KeyRows& group_keys, const ChangeBatch& batch,
                      const CallRows& rows, std::span<state::PointTable::Entry* const> groups);
  Status settle_shared();
  Status fail_below_zero(const Table::Entry* value, int64_t count) const;
  Status check() const;
  Status settle_forms();
  /// The kGrouping bytes of an entry with kExact bytes.
  Result<std::string> grouping_of(const Table::Entry* value);
  data::KeyMode mode() const;
  Result<data::ColumnRef> collected(const data::KeyRows& group_keys);
  /// Appends the result of a group that has values.
  Status collect(const Table::Group* group, data::ColumnBuilder& result);
  /// 1 where a row's arguments equal those of the row before.
  std::vector<uint8_t> repeats_of(const ChangeBatch& rows);
  /// Leaves the arguments' bytes of a suffix.
  Status skip_order(std::string_view& key) const;

  std::string operator_name_;
  const AggregateCallSpec& call_;
  std::vector<Type> types_;  // of the arguments
  const expr::EvalContext* eval_;
  size_t calls_;
  bool distinct_;
  bool ordered_;
  /// ORDER BY of an ordered aggregate.
  std::vector<uint32_t> order_columns_;
  std::vector<Type> order_types_;
  std::vector<data::KeyOrder> orders_;
  bool forms_;
  Table table_;
  /// Of the texts that ordered aggregates made in this epoch; their groups hold them.
  size_t collected_bytes_ = 0;
  /// DISTINCT: the values that the epoch touched, in order.
  std::vector<Touched> touched_;
  /// With several calls: the counts before, calls_ of them per touched value.
  std::vector<int64_t> counts_before_;
  std::vector<std::vector<Transition>> transitions_;  // per call
  /// Values whose count went below 0 at some time in the epoch.
  std::vector<const Table::Entry*> suspects_;

  // Scratch.
  data::KeyRows keys_, order_keys_;
  std::string suffix_;
  std::vector<Table::Group*> groups_;
  /// With several calls: the values of the batch's rows, as far as calls have asked for them.
  std::vector<Table::Entry*> found_;
};

}  // namespace forebay::operators
