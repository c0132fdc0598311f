#pragma once

#include <string>
#include <vector>

#include "engine/runtime/engine.h"
#include "engine/runtime/watermark_tracker.h"
#include "state/store.h"

/// The engine's records in the `meta` family: catalog, positions, counters. Layouts:
/// state/README.md.
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

/// A leaf's watermark W, and what its partitions have.
void put_watermark(operators::WatermarkId id, int64_t watermark, state::SealedRun& run);
void put_partition_watermark(operators::WatermarkId id, std::string_view partition,
                             const Observation& seen, state::SealedRun& run);
void remove_watermarks(operators::WatermarkId id, const std::vector<std::string>& partitions,
                       state::SealedRun& run);
Result<StoredWatermark> read_watermark(const state::Snapshot& snapshot, operators::WatermarkId id);

/// Rows that an object's operators have dropped because they were late, ever.
void put_late(ObjectId object, uint64_t rows, state::SealedRun& run);
void remove_late(ObjectId object, state::SealedRun& run);
Result<uint64_t> read_late(const state::Snapshot& snapshot, ObjectId object);

/// Time (timestamptz) of the latest epoch; INT64_MIN: of none.
void put_epoch_time(int64_t time, state::SealedRun& run);
Result<int64_t> read_epoch_time(const state::Snapshot& snapshot);

void put_ids(const IdCounters& ids, state::SealedRun& run);
Result<IdCounters> read_ids(const state::Snapshot& snapshot);

}  // namespace forebay::runtime
