#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/data/row_codec.h"
#include "engine/operators/specs.h"

/// Reading committed rows back: what a materialize, aggregate, distinct or top-N operator keeps is
/// a relation that queries, new views and DML read from a snapshot.
namespace forebay::operators {

/// How rows lie in a state table. Immutable, thread-safe; made from the same parameters as the
/// operator.
class StoredRelation {
 public:
  virtual ~StoredRelation() = default;
  virtual const std::vector<Type>& types() const = 0;
  /// Columns of the store key in order (an equality on all of them, or on a prefix, is a point or
  /// range read). Empty: only full scans.
  virtual const std::vector<uint32_t>& key_columns() const = 0;
  virtual TableId table() const = 0;
  virtual state::Family family() const = 0;

  /// Gives all rows of shards [first, last) in batches of about batch_rows, in (shard, key) order,
  /// weights included when above 1. `visit` returns false to stop.
  virtual Status scan(const state::Snapshot& snapshot, uint16_t first_shard, uint16_t last_shard,
                      uint32_t batch_rows, const std::function<bool(ChangeBatch)>& visit) const = 0;
  /// Appends the rows whose key columns equal `key` (one Datum per key column, all given) to `out`.
  virtual Status get(const state::Snapshot& snapshot, std::span<const data::Datum> key,
                     data::BatchBuilder& out) const = 0;
  /// Which of the keys (kGrouping bytes of the key columns, with hashes) have a row: appends their
  /// numbers to `found`, in no order. For relations with a key.
  virtual Status find_keys(const state::Snapshot& snapshot, const data::KeyRows& keys,
                           std::vector<uint32_t>& found) const = 0;
  /// A resumable scan, for step-wise filling: gives the next batch, or an empty one at the end.
  class Reader {
   public:
    virtual ~Reader() = default;
    virtual Result<ChangeBatch> next() = 0;
  };
  virtual std::unique_ptr<Reader> read(std::shared_ptr<const state::Snapshot> snapshot,
                                       uint16_t first_shard, uint16_t last_shard,
                                       uint32_t batch_rows) const = 0;
};
using StoredRelationRef = std::shared_ptr<const StoredRelation>;

StoredRelationRef stored_materialize(const MaterializeParameters& parameters);
/// The aggregate's own state read as its output rows (finished: avg = sum / count).
StoredRelationRef stored_aggregate(const AggregateParameters& parameters);
StoredRelationRef stored_distinct(const DistinctParameters& parameters);

}  // namespace forebay::operators
