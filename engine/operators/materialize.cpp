// Materialize: keeps the rows of a view or table.
//
// Input: any changes, hashed by the key columns (kGrouping), or by all columns (kExact) when there
// is no key.
//
// Output: the same changes, passed on as they come.
//
// State, with a key: the store's table key -> whole row (append_row), written at seal and never
// read by the operator; in memory only the changes of the epoch, netted per key and row, or the
// store's changes themselves where rows are only added. Without a key: a PointTable of whole rows
// (kExact key bytes) -> count.
//
// Invariants, judged at the flush: a key nets to at most one row that leaves and one that comes; a
// multiset's counts are not negative.
//
// Cost: per row one row encoding and one lookup; per epoch one put or tombstone per key that
// changed.

#include <fmt/format.h>

#include "engine/data/row_codec.h"
#include "engine/operators/emission.h"
#include "engine/operators/epoch_index.h"
#include "engine/operators/specs.h"

namespace forebay::operators {

namespace {

using data::KeyMode;
using data::KeyRows;
using state::PointTable;

/// The epoch's changes of a relation with a key, netted.
class KeyedMaterialize final : public Operator {
 public:
  KeyedMaterialize(const MaterializeParameters& parameters, const OperatorContext& context)
      : parameters_(parameters), context_(context) {}

  Result<Progress> take(uint32_t, ChangeBatch batch, Output& output) override {
    data::encode_keys(batch, parameters_.key_columns, KeyMode::kGrouping, keys_);
    data::add_hashes(keys_);
    if (parameters_.shard_columns > 0) hash_prefixes(batch);
    for (uint32_t i = 0; i < keys_.rows(); ++i) {
      uint32_t row = batch.physical(i);
      row_.clear();
      data::append_row(batch, row, row_);
      add_change(keys_.key(i), keys_.hashes[i], batch.weight(row));
    }
    output.emit(std::move(batch));
    return Progress::kDone;
  }

  Result<Progress> end_epoch(Output&) override {
    for (const Key& key : dirty_) check(key);
    return Progress::kDone;
  }

  void seal(state::SealedRun& run) override {
    for (const Key& key : dirty_) {
      const Change* comes = nullptr;
      const Change* leaves = nullptr;
      for (uint32_t at = key.first_change; at != kEnd; at = changes_[at].next) {
        if (changes_[at].weight > 0) comes = &changes_[at];
        if (changes_[at].weight < 0) leaves = &changes_[at];
      }
      if (comes == nullptr && leaves == nullptr) continue;
      uint16_t shard = data::shard_of_hash(key.hash);
      store_key_ = state::store_key_prefix(shard, parameters_.rows);
      store_key_.append(key.bytes);
      if (comes != nullptr) {
        run.put(kFamily, store_key_, comes->row);
      } else {
        run.remove(kFamily, store_key_);
      }
    }
    place_.clear();
    dirty_.clear();
    changes_.clear();
    arena_ = data::Arena(64 * 1024);
  }

  size_t memory_bytes() const override {
    return arena_.bytes() + changes_.capacity() * sizeof(Change) + dirty_.capacity() * sizeof(Key) +
           place_.memory_bytes();
  }
  size_t dirty_entries() const override { return dirty_.size(); }

 private:
  static constexpr state::Family kFamily = state::Family::kHot;
  static constexpr uint32_t kEnd = UINT32_MAX;
  struct Change {
    std::string_view row;
    Weight weight;
    uint32_t next;
  };
  struct Key {
    std::string_view bytes;
    uint64_t hash;
    uint32_t first_change;
  };
  /// Adds `weight` to the change of the row in row_.
  void add_change(std::string_view key, uint64_t hash, Weight weight) {
    auto next = static_cast<uint32_t>(dirty_.size());
    uint32_t place = place_.find_or_add(
        hash, next, [&](uint32_t i) { return dirty_[i].hash == hash && dirty_[i].bytes == key; });
    if (place == next) dirty_.push_back({arena_.copy(key), hash, kEnd});
    Key& entry = dirty_[place];
    for (uint32_t at = entry.first_change; at != kEnd; at = changes_[at].next) {
      if (changes_[at].row == row_) {
        changes_[at].weight = add_weights(changes_[at].weight, weight);
        return;
      }
    }
    changes_.push_back({arena_.copy(row_), weight, entry.first_change});
    entry.first_change = static_cast<uint32_t>(changes_.size() - 1);
  }

  // Rows lie where the hash of their first key columns says; the hash only helps to find keys, too.
  void hash_prefixes(const ChangeBatch& batch) {
    std::vector<uint32_t> first(parameters_.key_columns.begin(),
                                parameters_.key_columns.begin() + parameters_.shard_columns);
    data::encode_keys(batch, first, KeyMode::kGrouping, prefixes_);
    data::add_hashes(prefixes_);
    keys_.hashes = prefixes_.hashes;
  }

  void check(const Key& key) const {
    const Change* comes = nullptr;
    const Change* leaves = nullptr;
    for (uint32_t at = key.first_change; at != kEnd; at = changes_[at].next) {
      const Change& change = changes_[at];
      if (change.weight == 0) continue;
      const Change*& side = change.weight > 0 ? comes : leaves;
      FOREBAY_CHECK(
          side == nullptr && change.weight >= -1 && change.weight <= 1,
          fmt::format(
              "materialize: duplicate key: row {} with weight {}{}",
              stored_row_text(parameters_.types, change.row), change.weight,
              side == nullptr ? "" : " and row " + stored_row_text(parameters_.types, side->row)));
      side = &change;
    }
  }

  MaterializeParameters parameters_;
  OperatorContext context_;
  data::Arena arena_{64 * 1024};
  EpochIndex place_;        // of keys in dirty_
  std::vector<Key> dirty_;  // in the order of their first change
  std::vector<Change> changes_;
  KeyRows keys_;
  KeyRows prefixes_;
  std::string row_;
  std::string store_key_;
};

/// A relation with a key to which rows are only added: what comes is what is put.
class AppendMaterialize final : public Operator {
 public:
  explicit AppendMaterialize(const MaterializeParameters& parameters) : parameters_(parameters) {}

  Result<Progress> take(uint32_t, ChangeBatch batch, Output& output) override {
    check_weights(batch);
    data::encode_keys(batch, parameters_.key_columns, KeyMode::kGrouping, keys_);
    data::add_hashes(keys_);
    run_.expect(kFamily, keys_.rows());
    for (uint32_t i = 0; i < keys_.rows(); ++i) {
      row_.clear();
      data::append_row(batch, batch.physical(i), row_);
      const std::string_view key = keys_.key(i);
      char* place = run_.arena.allocate(state::kStoreKeyPrefixBytes + key.size());
      char* end = state::write_store_key_prefix(data::shard_of_hash(keys_.hashes[i]),
                                                parameters_.rows, place);
      std::memcpy(end, key.data(), key.size());
      run_.add(kFamily, {{place, state::kStoreKeyPrefixBytes + key.size()}, run_.arena.copy(row_)});
    }
    output.emit(std::move(batch));
    return Progress::kDone;
  }

  void seal(state::SealedRun& run) override { run.absorb(std::move(run_)); }

  size_t memory_bytes() const override {
    const auto& changes = run_.changes[static_cast<size_t>(kFamily)];
    return run_.bytes() + changes.capacity() * sizeof(state::SealedRun::Change);
  }
  size_t dirty_entries() const override { return run_.count(); }

 private:
  static constexpr state::Family kFamily = state::Family::kHot;

  static void check_weights(const ChangeBatch& batch) {
    if (batch.weights() == nullptr) return;
    for (uint32_t i = 0; i < batch.rows(); ++i) {
      const uint32_t row = batch.physical(i);
      FOREBAY_CHECK(batch.weight(row) == 1,
                    fmt::format("materialize: row {} with weight {} where rows are only added",
                                error_row_text(batch, row), batch.weight(row)));
    }
  }

  MaterializeParameters parameters_;
  state::SealedRun run_;  // of the open epoch
  KeyRows keys_;
  std::string row_;
};

/// A row's count, as LEB128 in the store.
class CountCodec final : public state::PayloadCodec {
 public:
  void encode(const char* payload, std::string& out) const override {
    uint64_t count;
    std::memcpy(&count, payload, 8);
    data::append_varint(count, out);
  }
  Status decode(std::string_view bytes, char* payload) const override {
    uint64_t count;
    if (!data::read_varint(bytes, count) || !bytes.empty()) {
      return {data::sqlstate::kDataCorrupted, "corrupt row count"};
    }
    std::memcpy(payload, &count, 8);
    return Status::ok();
  }
};
const CountCodec kCountCodec;

class MultisetMaterialize final : public Operator {
 public:
  MultisetMaterialize(const MaterializeParameters& parameters, const OperatorContext& context)
      : parameters_(parameters),
        columns_(all_columns(parameters.types.size())),
        rows_(context.table(parameters.rows, materialize_family(parameters)), sizeof(int64_t),
              &kCountCodec) {}

  Result<Progress> take(uint32_t, ChangeBatch batch, Output& output) override {
    data::encode_keys(batch, columns_, KeyMode::kExact, keys_);
    data::add_hashes(keys_);
    entries_.resize(keys_.rows());
    created_.assign(keys_.rows(), 0);
    FOREBAY_RETURN_IF_ERROR(rows_.find_or_create(keys_, entries_, created_));
    for (uint32_t i = 0; i < entries_.size(); ++i) {
      rows_.mark_dirty(entries_[i]);
      char* payload = PointTable::payload(entries_[i]);
      int64_t count = add_weights(count_of(entries_[i]), batch.weight(batch.physical(i)));
      std::memcpy(payload, &count, 8);
    }
    output.emit(std::move(batch));
    return Progress::kDone;
  }

  Result<Progress> end_epoch(Output&) override {
    for (PointTable::Entry* entry : rows_.dirty()) {
      int64_t count = count_of(entry);
      if (count < 0) fail_negative("materialize", row_text(PointTable::key(entry)), count);
      if (count == 0) rows_.erase(entry);
    }
    return Progress::kDone;
  }

  void seal(state::SealedRun& run) override { rows_.seal(run); }
  size_t memory_bytes() const override { return rows_.memory_bytes(); }
  size_t dirty_entries() const override { return rows_.dirty_entries(); }
  size_t state_rows() const override { return rows_.resident_entries(); }

 private:
  static int64_t count_of(PointTable::Entry* entry) {
    int64_t count;
    std::memcpy(&count, PointTable::payload(entry), 8);
    return count;
  }
  std::string row_text(std::string_view key) const {
    std::vector<data::ColumnRef> columns;
    for (const Type& type : parameters_.types) {
      data::ColumnBuilder builder(type);
      if (!data::decode_key(key, KeyMode::kExact, builder)) return "(bytes that are no row)";
      columns.push_back(builder.finish());
    }
    return error_row_text(ChangeBatch(std::move(columns), 1), 0);
  }

  MaterializeParameters parameters_;
  std::vector<uint32_t> columns_;
  PointTable rows_;
  KeyRows keys_;
  std::vector<PointTable::Entry*> entries_;
  std::vector<uint8_t> created_;
};

class MaterializeSpec final : public OperatorSpec {
 public:
  explicit MaterializeSpec(MaterializeParameters parameters) : parameters_(std::move(parameters)) {}
  std::string_view name() const override { return "materialize"; }
  std::string describe() const override {
    if (!parameters_.has_key) return "keys=none";
    return "keys=" + column_list(parameters_.key_columns) +
           (parameters_.shard_columns > 0 ? " by the first" : "") +
           (parameters_.append_only ? " append-only" : "");
  }
  const std::vector<Type>& output_types() const override { return parameters_.types; }
  std::unique_ptr<Operator> instantiate(const OperatorContext& context) const override {
    if (parameters_.has_key && parameters_.append_only) {
      return std::make_unique<AppendMaterialize>(parameters_);
    }
    if (parameters_.has_key) return std::make_unique<KeyedMaterialize>(parameters_, context);
    return std::make_unique<MultisetMaterialize>(parameters_, context);
  }
  std::vector<state::DroppedTable> tables() const override {
    return {{materialize_family(parameters_), parameters_.rows}};
  }

 private:
  MaterializeParameters parameters_;
};

}  // namespace

state::Family materialize_family(const MaterializeParameters& parameters) {
  return parameters.has_key ? state::Family::kHot : state::Family::kLog;
}

void put_rows(const MaterializeParameters& parameters, const ChangeBatch& rows,
              state::SealedRun& run) {
  KeyRows keys;
  data::encode_keys(rows, parameters.key_columns, KeyMode::kGrouping, keys);
  data::add_hashes(keys);
  std::string row, store_key;
  for (uint32_t i = 0; i < keys.rows(); ++i) {
    row.clear();
    data::append_row(rows, rows.physical(i), row);
    store_key = state::store_key_prefix(data::shard_of_hash(keys.hashes[i]), parameters.rows);
    store_key.append(keys.key(i));
    run.put(materialize_family(parameters), store_key, row);
  }
}

SpecRef make_materialize(MaterializeParameters parameters) {
  return std::make_shared<MaterializeSpec>(std::move(parameters));
}

}  // namespace forebay::operators
