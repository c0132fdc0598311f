#include <numeric>

#include "engine/data/row_codec.h"
#include "engine/runtime/lane.h"

namespace forebay::runtime {

std::vector<ChangeBatch> partition(const ChangeBatch& batch, const Exchange& exchange,
                                   uint16_t worker_count) {
  std::vector<ChangeBatch> parts(worker_count);
  if (exchange.key_columns.empty()) {
    uint16_t owner = data::worker_of_shard(data::shard_of_hash(data::hash_key({})), worker_count);
    parts[owner] = batch.share();
    return parts;
  }
  data::KeyRows keys;
  data::encode_keys(batch, exchange.key_columns, exchange.mode, keys);
  data::add_hashes(keys);
  std::vector<data::Selection> selections(worker_count);
  for (data::Selection& selection : selections) {
    selection.reserve(batch.rows() / worker_count + 64);
  }
  for (uint32_t i = 0; i < keys.rows(); ++i) {
    uint16_t owner = data::worker_of_shard(data::shard_of_hash(keys.hashes[i]), worker_count);
    selections[owner].push_back(batch.physical(i));
  }
  for (uint16_t worker = 0; worker < worker_count; ++worker) {
    if (selections[worker].empty()) continue;
    parts[worker] = batch.share();
    parts[worker].set_selection(std::move(selections[worker]));
  }
  return parts;
}

}  // namespace forebay::runtime
