#include "engine/operators/projected_relation.h"

#include <fmt/format.h>

#include <algorithm>

namespace forebay::operators {
namespace {

class ProjectedRelation final : public StoredRelation {
 public:
  ProjectedRelation(StoredRelationRef relation, std::vector<uint32_t> columns,
                    std::vector<uint32_t> keys)
      : relation_(std::move(relation)),
        columns_(std::move(columns)),
        key_columns_(std::move(keys)) {
    for (uint32_t column : columns_) types_.push_back(relation_->types()[column]);
    FOREBAY_CHECK(key_columns_.size() == relation_->key_columns().size(),
                  fmt::format("{} key columns", key_columns_.size()));
  }

  const std::vector<Type>& types() const override { return types_; }
  const std::vector<uint32_t>& key_columns() const override { return key_columns_; }
  TableId table() const override { return relation_->table(); }
  state::Family family() const override { return relation_->family(); }

  Status scan(const state::Snapshot& snapshot, uint16_t first_shard, uint16_t last_shard,
              uint32_t batch_rows, const std::function<bool(ChangeBatch)>& visit) const override {
    return relation_->scan(snapshot, first_shard, last_shard, batch_rows,
                           [&](ChangeBatch batch) { return visit(choose(std::move(batch))); });
  }

  Status get(const state::Snapshot& snapshot, std::span<const data::Datum> key,
             data::BatchBuilder& out) const override {
    data::BatchBuilder whole(relation_->types());
    FOREBAY_RETURN_IF_ERROR(relation_->get(snapshot, key, whole));
    if (whole.rows() == 0) return Status::ok();
    ChangeBatch found = whole.finish();
    for (size_t i = 0; i < columns_.size(); ++i)
      out.column(i).keep_arenas(found.column(columns_[i]));
    found.for_each([&](uint32_t row) {
      for (size_t i = 0; i < columns_.size(); ++i) {
        out.column(i).append_from(found.column(columns_[i]).view(), row);
      }
      out.end_row(found.weight(row));
    });
    return Status::ok();
  }

  Status find_keys(const state::Snapshot& snapshot, const data::KeyRows& keys,
                   std::vector<uint32_t>& found) const override {
    return relation_->find_keys(snapshot, keys, found);
  }

  std::unique_ptr<Reader> read(std::shared_ptr<const state::Snapshot> snapshot,
                               uint16_t first_shard, uint16_t last_shard,
                               uint32_t batch_rows) const override {
    return std::make_unique<ProjectedReader>(
        *this, relation_->read(std::move(snapshot), first_shard, last_shard, batch_rows));
  }

 private:
  class ProjectedReader final : public Reader {
   public:
    ProjectedReader(const ProjectedRelation& owner, std::unique_ptr<Reader> reader)
        : owner_(owner), reader_(std::move(reader)) {}
    Result<ChangeBatch> next() override {
      FOREBAY_ASSIGN_OR_RETURN(ChangeBatch batch, reader_->next());
      if (batch.columns().empty() && batch.empty()) return batch;
      return owner_.choose(std::move(batch));
    }

   private:
    const ProjectedRelation& owner_;
    std::unique_ptr<Reader> reader_;
  };

  ChangeBatch choose(ChangeBatch batch) const {
    if (batch.columns().empty() && !columns_.empty()) return batch;
    std::vector<data::ColumnRef> columns;
    for (uint32_t column : columns_) columns.push_back(batch.columns()[column]);
    batch.mutable_columns() = std::move(columns);
    return batch;
  }

  const StoredRelationRef relation_;
  const std::vector<uint32_t> columns_;
  const std::vector<uint32_t> key_columns_;
  std::vector<Type> types_;
};

}  // namespace

StoredRelationRef projected(StoredRelationRef relation, std::vector<uint32_t> columns,
                            std::vector<uint32_t> keys) {
  return std::make_shared<ProjectedRelation>(std::move(relation), std::move(columns),
                                             std::move(keys));
}

}  // namespace forebay::operators
