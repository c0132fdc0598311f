#pragma once

#include <vector>

#include "engine/operators/stored_relation.h"

/// A stored relation seen through a choice of its columns: how an aggregate's state is a view whose
/// columns stand in another order.
namespace forebay::operators {

/// Column i is column columns[i] of `relation`. keys[i]: which of the chosen columns has the values
/// of the relation's i-th key column, or values that are equal to them (1.00 for 1.0).
StoredRelationRef projected(StoredRelationRef relation, std::vector<uint32_t> columns,
                            std::vector<uint32_t> keys);

}  // namespace forebay::operators
