#include "engine/operators/index_relation.h"

#include "engine/operators/emission.h"
#include "engine/operators/relation_reader.h"

namespace forebay::operators {

namespace {

using data::KeyMode;

// Markers in front of a value in key bytes (state/README.md).
constexpr char kValueMarker = 2;
constexpr char kNullMarker = 3;

/// The least key that is greater than all that begin with `prefix`.
std::string behind(std::string prefix) {
  while (!prefix.empty() && static_cast<uint8_t>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

/// Keys from `first` to before `last`.
struct KeyRange {
  std::string first, last;
};

KeyRange range_of(const IndexBounds& bounds) {
  std::string prefix;
  for (const data::Datum& value : bounds.equal) data::append_key(value, KeyMode::kGrouping, prefix);
  if (!bounds.lower && !bounds.upper) return {prefix, behind(prefix)};
  auto key_of = [&](const IndexBounds::Bound& bound) {
    std::string key = prefix;
    data::append_key(bound.value, KeyMode::kGrouping, key);
    return key;
  };
  KeyRange range{prefix + kValueMarker, prefix + kNullMarker};
  if (bounds.lower) {
    range.first = key_of(*bounds.lower);
    if (!bounds.lower->inclusive) range.first = behind(std::move(range.first));
  }
  if (bounds.upper) {
    range.last = key_of(*bounds.upper);
    if (bounds.upper->inclusive) range.last = behind(std::move(range.last));
  }
  return range;
}

class IndexedRelation final : public StoredRelation {
 public:
  IndexedRelation(StoredRelationRef base, const MaterializeParameters& index,
                  std::vector<uint32_t> keys, IndexBounds bounds)
      : base_(std::move(base)),
        index_(index),
        keys_(std::move(keys)),
        bounds_(std::move(bounds)),
        range_(range_of(bounds_)) {}

  const std::vector<Type>& types() const override { return base_->types(); }
  const std::vector<uint32_t>& key_columns() const override { return base_->key_columns(); }
  TableId table() const override { return base_->table(); }
  state::Family family() const override { return base_->family(); }

  Status scan(const state::Snapshot& snapshot, uint16_t first_shard, uint16_t last_shard,
              uint32_t batch_rows, const std::function<bool(ChangeBatch)>& visit) const override {
    IndexReader reader(*this, snapshot, nullptr, first_shard, last_shard, batch_rows);
    return visit_all(reader, visit);
  }
  std::unique_ptr<Reader> read(std::shared_ptr<const state::Snapshot> snapshot,
                               uint16_t first_shard, uint16_t last_shard,
                               uint32_t batch_rows) const override {
    const state::Snapshot& reference = *snapshot;
    return std::make_unique<IndexReader>(*this, reference, std::move(snapshot), first_shard,
                                         last_shard, batch_rows);
  }
  Status get(const state::Snapshot& snapshot, std::span<const data::Datum> key,
             data::BatchBuilder& out) const override {
    return base_->get(snapshot, key, out);
  }
  Status find_keys(const state::Snapshot& snapshot, const data::KeyRows& keys,
                   std::vector<uint32_t>& found) const override {
    return base_->find_keys(snapshot, keys, found);
  }

 private:
  /// Goes through the index, and takes each row from the base.
  class IndexReader final : public Reader {
   public:
    IndexReader(const IndexedRelation& relation, const state::Snapshot& snapshot,
                std::shared_ptr<const state::Snapshot> owner, uint16_t first_shard,
                uint16_t last_shard, uint32_t batch_rows)
        : relation_(relation),
          snapshot_(snapshot),
          owner_(std::move(owner)),
          shard_(first_shard),
          last_shard_(last_shard),
          batch_rows_(batch_rows) {
      if (relation.bounds_.equal.empty()) return;
      std::string first;
      data::append_key(relation.bounds_.equal.front(), KeyMode::kGrouping, first);
      const uint16_t only = data::shard_of_hash(data::hash_key(first));
      const bool is_own = only >= first_shard && only < last_shard;
      shard_ = is_own ? only : last_shard;
      if (is_own) last_shard_ = static_cast<uint16_t>(only + 1);
    }

    Result<ChangeBatch> next() override {
      const std::vector<Type>& index_types = relation_.index_.types;
      std::vector<data::ColumnBuilder> entry(index_types.begin(), index_types.end());
      data::BatchBuilder rows(relation_.types());
      while (rows.rows() < batch_rows_) {
        if (cursor_ == nullptr) {
          if (shard_ >= last_shard_) break;
          const std::string prefix = state::store_key_prefix(shard_, relation_.index_.rows);
          cursor_ = snapshot_.scan(materialize_family(relation_.index_),
                                   prefix + relation_.range_.first, prefix + relation_.range_.last);
        }
        if (!cursor_->valid()) {
          FOREBAY_RETURN_IF_ERROR(cursor_->status());
          cursor_.reset();
          ++shard_;
          continue;
        }
        std::string_view value = cursor_->value();
        FOREBAY_RETURN_IF_ERROR(data::decode_row(value, entry));
        std::vector<data::Datum> key;
        std::vector<data::ColumnRef> columns;
        for (data::ColumnBuilder& builder : entry) columns.push_back(builder.finish());
        for (uint32_t place : relation_.keys_) key.push_back(columns[place]->datum(0));
        FOREBAY_RETURN_IF_ERROR(relation_.base_->get(snapshot_, key, rows));
        cursor_->next();
      }
      return rows.finish();
    }

   private:
    const IndexedRelation& relation_;
    const state::Snapshot& snapshot_;
    std::shared_ptr<const state::Snapshot> owner_;
    uint16_t shard_;
    uint16_t last_shard_;
    uint32_t batch_rows_;
    std::unique_ptr<state::Cursor> cursor_;
  };

  StoredRelationRef base_;
  MaterializeParameters index_;
  std::vector<uint32_t> keys_;
  IndexBounds bounds_;
  KeyRange range_;
};

}  // namespace

StoredRelationRef indexed(StoredRelationRef base, const MaterializeParameters& index,
                          std::vector<uint32_t> keys, IndexBounds bounds) {
  return std::make_shared<IndexedRelation>(std::move(base), index, std::move(keys),
                                           std::move(bounds));
}

}  // namespace forebay::operators
