#pragma once

#include <vector>

#include "engine/operators/stored_relation.h"

/// A stored relation seen through a choice of its columns: how an aggregate's state is a view whose
/// columns stand in another order.
namespace forebay::operators {

/// Column i is column columns[i] of `relation`. Every key column of the relation must be chosen;
/// its
StoredRelationRef projected(StoredRelationRef relation, std::vector<uint32_t> columns);

}  // namespace forebay::operators
