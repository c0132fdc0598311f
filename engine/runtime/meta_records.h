#pragma once

#include <string>
#include <vector>

#include "engine/runtime/engine.h"
#include "state/store.h"

/// The engine's records in the `meta` family: catalog, positions, counters. Layouts: state/README.md.
namespace forebay::runtime {

/// The highest numbers ever given out.
struct IdCounters {
  uint32_t object = 15;
  uint32_t table = 15;
  uint64_t row = 0;
};

void put_catalog_record(const CatalogRecord& record, state::SealedRun& run);
void remove_catalog_record(ObjectId id, state::SealedRun& run);
Result<std::vector<CatalogRecord>> read_catalog_records(const state::Snapshot& snapshot);

/// `node` is the source leaf's number in the reading object's fragment.
void put_position(ObjectId reader, uint32_t node, const connectors::PartitionPosition& position,
                  state::SealedRun& run);
void remove_position(ObjectId reader, uint32_t node, data::PartitionId partition,
                     state::SealedRun& run);
Result<connectors::Positions> read_positions(const state::Snapshot& snapshot, ObjectId reader,
                                             uint32_t node);

void put_ids(const IdCounters& ids, state::SealedRun& run);
Result<IdCounters> read_ids(const state::Snapshot& snapshot);

}  // namespace forebay::runtime
