#include "server/bulk_rows.h"

#include <algorithm>

#include "server/table_writer.h"

namespace forebay::server {

using data::ChangeBatch;
using data::Result;
using data::Status;

BulkRows::BulkRows(sql::CatalogObjectRef table, MemoryAccount& account)
    : table_(std::move(table)), memory_(account, "The rows of COPY") {}

Status BulkRows::add(CopiedBatch copied, runtime::Engine& engine) {
  const uint32_t rows = copied.rows.rows();
  if (rows == 0) return Status::ok();
  FOREBAY_CHECK(copied.rows.physical_rows() <= 1u << kPlaceBits, "a batch of too many rows");
  Batch batch;
  batch.copied = std::move(copied);
  ChangeBatch& stored = batch.copied.rows;
  if (!table_->declared_key) {
    const uint32_t physical = stored.physical_rows();
    uint64_t number = engine.allocate_row_ids(physical);
    data::ColumnBuilder numbers(data::kBigintType, physical);
    for (uint32_t i = 0; i < physical; ++i) numbers.append(static_cast<int64_t>(number++));
    stored.mutable_columns().push_back(numbers.finish());
  } else {
    data::encode_keys(stored, table_->key_columns, data::KeyMode::kGrouping, batch.keys);
    data::add_hashes(batch.keys);
    batch.keys.bytes.shrink_to_fit();
    batches_.push_back(std::move(batch));
    Status status = check_own_keys(batches_.back());
    batch = std::move(batches_.back());
    batches_.pop_back();
    if (!status.is_ok()) return status;
  }
  const size_t key_bytes = batch.keys.bytes.size() + batch.keys.rows() * size_t{12};
  FOREBAY_RETURN_IF_ERROR(memory_.grow(stored.bytes() + key_bytes));
  const size_t index_bytes = index_.memory_bytes();
  FOREBAY_RETURN_IF_ERROR(memory_.grow(index_bytes - std::exchange(index_bytes_, index_bytes)));
  count_ += rows;
  batches_.push_back(std::move(batch));
  return Status::ok();
}

// The batch is the last one of batches_.
Status BulkRows::check_own_keys(const Batch& batch) {
  const auto first = static_cast<uint32_t>((batches_.size() - 1) << kPlaceBits);
  for (uint32_t i = 0; i < batch.keys.rows(); ++i) {
    const uint32_t found = index_.find_or_add(batch.keys.hashes[i], first + i, [&](uint32_t row) {
      const Batch& other = batches_[row >> kPlaceBits];
      return other.keys.key(row & ((1u << kPlaceBits) - 1)) == batch.keys.key(i);
    });
    if (found != first + i) return duplicate(batch, i);
  }
  return Status::ok();
}

Status BulkRows::duplicate(const Batch& batch, uint32_t i) const {
  const uint32_t physical = batch.copied.rows.physical(i);
  std::vector<data::Datum> row;
  for (const data::ColumnRef& column : batch.copied.rows.columns()) {
    row.push_back(column->datum(physical));
  }
  Status status = duplicate_key(*table_, row);
  status.error().context = copy_place(*table_, batch.copied.line_of(physical));
  return status;
}

Status BulkRows::check_absent(const operators::StoredRelation& relation,
                              const std::shared_ptr<const state::Snapshot>& snapshot,
                              const runtime::CancelToken* cancel) const {
  if (!table_->declared_key) return Status::ok();
  FOREBAY_ASSIGN_OR_RETURN(ChangeBatch any,
                           relation.read(snapshot, 0, data::kShardCount, 1)->next());
  if (any.empty()) return Status::ok();
  std::vector<uint32_t> found;
  for (const Batch& batch : batches_) {
    if (cancel != nullptr) FOREBAY_RETURN_IF_ERROR(cancel->check());
    FOREBAY_RETURN_IF_ERROR(relation.find_keys(*snapshot, batch.keys, found));
    if (!found.empty()) return duplicate(batch, *std::min_element(found.begin(), found.end()));
  }
  return Status::ok();
}

void BulkRows::take_changes(std::vector<runtime::Engine::TableChange>& out) {
  for (Batch& batch : batches_) {
    runtime::Engine::TableChange& change = out.emplace_back();
    change.table = table_->id;
    change.change = std::move(batch.copied.rows);
  }
  batches_.clear();
  index_ = {};
}

Status BulkRows::for_each(const std::function<Status(const ChangeBatch&)>& visit) const {
  for (const Batch& batch : batches_) FOREBAY_RETURN_IF_ERROR(visit(batch.copied.rows));
  return Status::ok();
}

}  // namespace forebay::server
