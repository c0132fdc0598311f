#pragma once

#include "engine/operators/stored_relation.h"

namespace forebay::operators {

/// StoredRelation::scan by means of a reader: every batch until the end, or until `visit` returns
/// false.
inline Status visit_all(StoredRelation::Reader& reader,
                        const std::function<bool(ChangeBatch)>& visit) {
  while (true) {
    FOREBAY_ASSIGN_OR_RETURN(ChangeBatch batch, reader.next());
    if (batch.empty() || !visit(std::move(batch))) return Status::ok();
  }
}

}  // namespace forebay::operators
