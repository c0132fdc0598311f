#include "engine/operators/stored_relation.h"

#include <algorithm>

#include "engine/data/row_codec.h"
#include "engine/operators/aggregate_payload.h"
#include "engine/operators/emission.h"
#include "engine/operators/relation_reader.h"

namespace forebay::operators {

namespace {

using data::KeyMode;

/// Turns the entries of one table into rows. An instance belongs to one reader and may hold scratch
/// memory.
class RowDecoder {
 public:
  virtual ~RowDecoder() = default;
  /// Takes one entry: its key behind the table's prefix, and its value.
  virtual Status add(std::string_view key, std::string_view value) = 0;
  /// Rows taken and not given out yet.
  virtual uint32_t rows() const = 0;
  virtual ChangeBatch finish() = 0;
};

/// Reads the entries of a table's shards in key order, a batch at a time.
class TableReader final : public StoredRelation::Reader {
 public:
  TableReader(const state::Snapshot& snapshot, std::shared_ptr<const state::Snapshot> owner,
              state::Family family, TableId table, uint16_t first_shard, uint16_t last_shard,
              uint32_t batch_rows, std::unique_ptr<RowDecoder> decoder)
      : snapshot_(snapshot),
        owner_(std::move(owner)),
        family_(family),
        table_(table),
        shard_(first_shard),
        last_shard_(last_shard),
        batch_rows_(batch_rows),
        decoder_(std::move(decoder)) {}

  Result<ChangeBatch> next() override {
    while (true) {
      if (cursor_ == nullptr) {
        if (shard_ >= last_shard_) return decoder_->finish();
        cursor_ = snapshot_.scan(family_, state::store_key_prefix(shard_, table_),
                                 state::store_key_prefix(shard_, table_.next()));
      }
      while (cursor_->valid() && decoder_->rows() < batch_rows_) {
        std::string_view key = cursor_->key().substr(state::kStoreKeyPrefixBytes);
        FOREBAY_RETURN_IF_ERROR(decoder_->add(key, cursor_->value()));
        cursor_->next();
      }
      if (!cursor_->valid()) {
        FOREBAY_RETURN_IF_ERROR(cursor_->status());
        cursor_.reset();
        ++shard_;
      }
      // A full batch may still lose all its rows: groups without a value.
      if (decoder_->rows() < batch_rows_) continue;
      ChangeBatch batch = decoder_->finish();
      if (!batch.empty()) return batch;
    }
  }

 private:
  const state::Snapshot& snapshot_;
  std::shared_ptr<const state::Snapshot> owner_;
  state::Family family_;
  TableId table_;
  uint16_t shard_;
  uint16_t last_shard_;
  uint32_t batch_rows_;
  std::unique_ptr<RowDecoder> decoder_;
  std::unique_ptr<state::Cursor> cursor_;
};

/// What the three kinds of relations share: one table, read through a RowDecoder.
class TableRelation : public StoredRelation {
 public:
  TableRelation(std::vector<Type> types, std::vector<uint32_t> key_columns, TableId table,
                state::Family family)
      : types_(std::move(types)),
        key_columns_(std::move(key_columns)),
        table_(table),
        family_(family) {}
  const std::vector<Type>& types() const override { return types_; }
  const std::vector<uint32_t>& key_columns() const override { return key_columns_; }
  TableId table() const override { return table_; }
  state::Family family() const override { return family_; }

  Status scan(const state::Snapshot& snapshot, uint16_t first_shard, uint16_t last_shard,
              uint32_t batch_rows, const std::function<bool(ChangeBatch)>& visit) const override {
    TableReader reader(snapshot, nullptr, family_, table_, first_shard, last_shard, batch_rows,
                       make_decoder());
    return visit_all(reader, visit);
  }

  std::unique_ptr<Reader> read(std::shared_ptr<const state::Snapshot> snapshot,
                               uint16_t first_shard, uint16_t last_shard,
                               uint32_t batch_rows) const override {
    const state::Snapshot& reference = *snapshot;
    return std::make_unique<TableReader>(reference, std::move(snapshot), family_, table_,
                                         first_shard, last_shard, batch_rows, make_decoder());
  }

  Status get(const state::Snapshot& snapshot, std::span<const data::Datum> key,
             data::BatchBuilder& out) const override {
    FOREBAY_CHECK(key.size() == key_columns_.size() && point_reads(),
                  "a point read of a relation without this key");
    std::string bytes;
    for (const data::Datum& value : key) data::append_key(value, KeyMode::kGrouping, bytes);
    uint16_t shard = data::shard_of_hash(data::hash_key(bytes));
    FOREBAY_ASSIGN_OR_RETURN(std::optional<std::string> value,
                             snapshot.get(family_, state::store_key_prefix(shard, table_) + bytes));
    if (!value.has_value()) return Status::ok();
    std::unique_ptr<RowDecoder> decoder = make_decoder();
    FOREBAY_RETURN_IF_ERROR(decoder->add(bytes, *value));
    ChangeBatch batch = decoder->finish();
    batch.for_each([&](uint32_t row) {
      for (size_t c = 0; c < types_.size(); ++c) {
        out.column(c).append_selected(batch.column(c), std::span(&row, 1));
      }
      out.end_row(batch.weight(row));
    });
    return Status::ok();
  }

  Status find_keys(const state::Snapshot& snapshot, const data::KeyRows& keys,
                   std::vector<uint32_t>& found) const override {
    FOREBAY_CHECK(point_reads(), "a point read of a relation without a key");
    std::vector<std::pair<std::string, uint32_t>> sorted;  // store key, its number
    sorted.reserve(keys.rows());
    for (uint32_t i = 0; i < keys.rows(); ++i) {
      sorted.emplace_back(state::store_key_prefix(data::shard_of_hash(keys.hashes[i]), table_), i);
      sorted.back().first += keys.key(i);
    }
    std::sort(sorted.begin(), sorted.end());
    std::vector<std::string_view> wanted;
    wanted.reserve(sorted.size());
    for (const auto& [key, number] : sorted) wanted.push_back(key);
    std::vector<std::optional<std::string>> values;
    FOREBAY_RETURN_IF_ERROR(snapshot.multi_get(family_, wanted, values));
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i]) found.push_back(sorted[i].second);
    }
    return Status::ok();
  }

 protected:
  virtual std::unique_ptr<RowDecoder> make_decoder() const = 0;
  /// False for relations that have no key at all.
  virtual bool point_reads() const { return true; }

 private:
  std::vector<Type> types_;
  std::vector<uint32_t> key_columns_;
  TableId table_;
  state::Family family_;
};

/// key -> whole row.
class KeyedDecoder final : public RowDecoder {
 public:
  explicit KeyedDecoder(const std::vector<Type>& types) : builders_(types.begin(), types.end()) {}
  Status add(std::string_view, std::string_view value) override {
    ++rows_;
    return data::decode_row(value, builders_);
  }
  uint32_t rows() const override { return rows_; }
  ChangeBatch finish() override {
    std::vector<data::ColumnRef> columns;
    for (data::ColumnBuilder& builder : builders_) columns.push_back(builder.finish());
    return ChangeBatch(std::move(columns), std::exchange(rows_, 0));
  }

 private:
  std::vector<data::ColumnBuilder> builders_;
  uint32_t rows_ = 0;
};

/// All columns -> count.
class MultisetDecoder final : public RowDecoder {
 public:
  explicit MultisetDecoder(const std::vector<Type>& types) : batch_(types) {}
  Status add(std::string_view key, std::string_view value) override {
    for (size_t c = 0; c < batch_.column_count(); ++c) {
      FOREBAY_RETURN_IF_ERROR(data::decode_key(key, KeyMode::kExact, batch_.column(c)));
    }
    uint64_t count;
    if (!data::read_varint(value, count) || !value.empty()) {
      return {data::sqlstate::kDataCorrupted, "corrupt row count"};
    }
    batch_.end_row(static_cast<Weight>(count));
    return Status::ok();
  }
  uint32_t rows() const override { return batch_.rows(); }
  ChangeBatch finish() override { return batch_.finish(); }

 private:
  data::BatchBuilder batch_;
};

class MaterializeRelation final : public TableRelation {
 public:
  explicit MaterializeRelation(const MaterializeParameters& parameters)
      : TableRelation(parameters.types,
                      parameters.has_key ? parameters.key_columns : std::vector<uint32_t>{},
                      parameters.rows, materialize_family(parameters)),
        has_key_(parameters.has_key) {}

 protected:
  std::unique_ptr<RowDecoder> make_decoder() const override {
    if (has_key_) return std::make_unique<KeyedDecoder>(types());
    return std::make_unique<MultisetDecoder>(types());
  }
  bool point_reads() const override { return has_key_; }

 private:
  bool has_key_;
};

/// group key -> payload.
class GroupDecoder final : public RowDecoder {
 public:
  explicit GroupDecoder(const AggregatePayload& payload)
      : payload_(payload), keys_(payload.key_types().begin(), payload.key_types().end()) {}
  ~GroupDecoder() override { free_payloads(); }

  Status add(std::string_view key, std::string_view value) override {
    if (used_ == storage_.size()) {
      storage_.push_back(std::make_unique<char[]>(payload_.bytes()));
    }
    char* payload = storage_[used_].get();
    std::memset(payload, 0, payload_.bytes());
    ++used_;
    FOREBAY_RETURN_IF_ERROR(payload_.decode(value, payload));
    if (!payload_.exists(payload)) return Status::ok();
    FOREBAY_RETURN_IF_ERROR(payload_.decode_key_columns(key, payload, keys_));
    payloads_.push_back(payload);
    return Status::ok();
  }
  uint32_t rows() const override { return used_; }

  ChangeBatch finish() override {
    auto count = static_cast<uint32_t>(payloads_.size());
    std::vector<data::ColumnRef> columns;
    for (data::ColumnBuilder& builder : keys_) columns.push_back(builder.finish());
    std::vector<GroupFailure> failures;
    for (size_t call = 0; call < payload_.parameters().aggregates.size(); ++call) {
      data::ColumnBuilder builder(payload_.parameters().aggregates[call].result_type, count);
      payload_.finish(call, payloads_, builder, failures);
      columns.push_back(builder.finish());
    }
    ChangeBatch batch(std::move(columns), count);
    if (!failures.empty()) {
      std::vector<uint8_t> failed(count, 0);
      for (const GroupFailure& failure : failures) failed[failure.index] = 1;
      data::Selection kept;
      for (uint32_t i = 0; i < count; ++i) {
        if (!failed[i]) kept.push_back(i);
      }
      batch.set_selection(std::move(kept));
    }
    payloads_.clear();
    free_payloads();
    return batch;
  }

 private:
  void free_payloads() {
    for (uint32_t i = 0; i < used_; ++i) payload_.destroy(storage_[i].get());
    used_ = 0;
  }

  const AggregatePayload& payload_;
  std::vector<data::ColumnBuilder> keys_;
  std::vector<std::unique_ptr<char[]>> storage_;
  uint32_t used_ = 0;
  std::vector<const char*> payloads_;
};

class AggregateRelation final : public TableRelation {
 public:
  explicit AggregateRelation(std::shared_ptr<const AggregatePayload> payload)
      : TableRelation(payload->output_types(), all_columns(payload->key_types().size()),
                      payload->parameters().groups, state::Family::kHot),
        payload_(std::move(payload)) {}

 protected:
  std::unique_ptr<RowDecoder> make_decoder() const override {
    return std::make_unique<GroupDecoder>(*payload_);
  }

 private:
  std::shared_ptr<const AggregatePayload> payload_;
};

}  // namespace

StoredRelationRef stored_materialize(const MaterializeParameters& parameters) {
  return std::make_shared<MaterializeRelation>(parameters);
}

StoredRelationRef stored_aggregate(const AggregateParameters& parameters) {
  return std::make_shared<AggregateRelation>(std::make_shared<const AggregatePayload>(parameters));
}

StoredRelationRef stored_distinct(const DistinctParameters& parameters) {
  return stored_aggregate(distinct_as_aggregate(parameters));
}

}  // namespace forebay::operators
