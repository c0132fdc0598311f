#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/row_codec.h"
#include "engine/operators/epoch_index.h"
#include "engine/operators/specs.h"

/// What the over operator knows of one partition at the end of an epoch: its rows before and after,
/// and which of them can have other results than before.
namespace forebay::operators {

/// How far from a row a function looks to one side, or a row's change is seen from the other side.
struct OverReach {
  /// The partition's end on this side. Behind: what running functions take up row by row; the rest
  /// says how far they look besides.
  bool all = false;
  int64_t rows = 0;
  /// 0: the row's own peers, n: n groups of peers more; -1: none.
  int64_t groups = -1;
  /// RANGE with offsets: as far as these places in the order.
  std::vector<ExprRef> places;

  bool none() const { return !all && rows == 0 && groups < 0 && places.empty(); }
  void add(const OverReach& other);
};
/// What the functions look at behind (rows before) and ahead of the current row.
struct OverReaches {
  OverReach behind;
  OverReach ahead;
};
OverReaches reaches_of(const OverParameters& parameters);
/// How far ahead of a row the values of functions depend on rows, however they are computed.
OverReach ahead_of(const OverParameters& parameters);

/// The bytes of rows in the table: order keys (kGrouping), then all columns (kExact).
class OverOrder {
 public:
  OverOrder(const std::vector<Type>& types, const std::vector<SortKey>& order);

  const std::vector<uint32_t>& columns() const { return columns_; }
  const std::vector<data::KeyOrder>& orders() const { return orders_; }
  /// The order keys at the front of a suffix.
  std::string_view key_of(std::string_view suffix) const;
  /// The one ORDER BY column (RANGE with offsets) of these order keys.
  data::ColumnRef values_of(std::span<const std::string_view> order_keys) const;
  /// The places as order keys; `failed` where there is none.
  void places_of(expr::Evaluator& place, const data::ColumnRef& values,
                 const expr::EvalContext& context, data::KeyRows& keys,
                 std::vector<uint8_t>& failed) const;
  /// The least order keys that a row with `value` in the one ORDER BY column sees by these places;
  /// nullopt: there may be no least.
  std::optional<std::string> least_place(std::span<const ExprRef> places, const data::Datum& value,
                                         const expr::EvalContext& context) const;

 private:
  std::vector<uint32_t> columns_;
  std::vector<Type> types_;
  std::vector<data::KeyOrder> orders_;
};

/// A partition whose rows an epoch touched. Entries have a count before the epoch and one now;
/// entries without rows in both are passed over.
class OverPartition {
 public:
  using Table = state::OrderedTable;
  using Entry = Table::Entry;
  struct Touched {
    Entry* entry;
    int64_t before;
  };
  struct Item {
    const Entry* entry;
    int64_t before;
    int64_t now;
  };
  /// Entries from `from` to `to`, both inside.
  struct Stretch {
    const Entry* from;
    const Entry* to;
  };

  /// `touched`: entries whose count changed, by suffix; as `group`, `order` and the others it
  /// outlives this. Empty: rows are only asked for as they are, not for affected().
  OverPartition(const Table::Group* group, std::span<const Touched> touched, const OverOrder& order,
                const OverReaches& reaches, const expr::EvalContext& context);

  /// The stretches outside of which no row's results can have changed, in order.
  std::vector<Stretch> affected();
  /// What must be known for the results of a stretch. `running`: of the rows before it only those
  /// within a distance, and all of the first one's peers where peers count; the functions know of
  /// the others (OverBase).
  Stretch seen_from(const Stretch& stretch, bool running);
  /// The first entry with this one's order keys.
  const Entry* group_start(const Entry* entry) const;
  static bool is_before(const Entry* a, const Entry* b) {
    return Table::suffix(a) < Table::suffix(b);
  }
  const Entry* first() const;
  /// The first entry from these bytes on, or nullptr.
  const Entry* at_or_after(std::string_view suffix) const;
  /// At most `most` entries from `from` to `to`; `next`: the one that follows, or nullptr.
  void collect(const Entry* from, const Entry* to, size_t most, std::vector<Item>& out,
               const Entry** next) const;

 private:
  /// Goes from entry to entry in one direction and says how long they are within reach.
  class Walk;

  const Entry* last() const;
  const Entry* next(const Entry* entry) const;
  const Entry* previous(const Entry* entry) const;
  /// The smaller of the row counts before and now.
  int64_t kept(const Entry* entry) const;
  std::string_view key_of(const Entry* entry) const { return order_.key_of(Table::suffix(entry)); }

  const Table::Group* group_;
  std::span<const Touched> touched_;
  std::vector<const Entry*> gone_;  // touched ones without rows now
  EpochIndex place_;                // of entries in touched_
  const OverOrder& order_;
  const OverReaches& reaches_;
  const expr::EvalContext& context_;
  std::vector<expr::Evaluator> behind_places_, ahead_places_;
};

}  // namespace forebay::operators
