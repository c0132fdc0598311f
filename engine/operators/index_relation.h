#pragma once

#include <optional>
#include <vector>

#include "engine/operators/stored_relation.h"

/// A stored relation read through an index: another relation whose rows are its columns to look
/// for, and the key of the row that they were taken from.
namespace forebay::operators {

/// What is looked for: values of the first index columns, and bounds of the next one. No NULLs.
struct IndexBounds {
  std::vector<data::Datum> equal;
  struct Bound {
    data::Datum value;
    bool inclusive = true;
  };
  std::optional<Bound> lower, upper;
};

/// The rows of `base` that the bounds let through, in no order; just as if `base` had no others.
/// `index` is a materialize with a key of all its columns and shard_columns = 1; keys[i] is the
/// place of the base's i-th key column in its rows.
StoredRelationRef indexed(StoredRelationRef base, const MaterializeParameters& index,
                          std::vector<uint32_t> keys, IndexBounds bounds);

}  // namespace forebay::operators
