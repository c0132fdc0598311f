#include "server/transaction.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/data/row_codec.h"
#include "engine/data/text_format.h"
#include "server/bulk_rows.h"
#include "server/table_writer.h"

namespace forebay::server {

using data::ChangeBatch;
using data::Datum;
using data::Result;
using data::Status;

namespace {

using Row = std::vector<Datum>;

Row row_of(const ChangeBatch& batch, uint32_t row) {
  Row values;
  values.reserve(batch.columns().size());
  for (size_t c = 0; c < batch.columns().size(); ++c) values.push_back(batch.column(c).datum(row));
  return values;
}

void append(const Row& row, data::Weight weight, data::BatchBuilder& out) {
  for (size_t c = 0; c < row.size(); ++c) out.column(c).append_datum(row[c]);
  out.end_row(weight);
}

std::string key_bytes(std::span<const Datum> key) {
  std::string bytes;
  for (const Datum& part : key) data::append_key(part, data::KeyMode::kGrouping, bytes);
  return bytes;
}

std::vector<Datum> key_of(const operators::StoredRelation& relation, const Row& row) {
  std::vector<Datum> key;
  for (uint32_t column : relation.key_columns()) key.push_back(row[column]);
  return key;
}

/// Equal to the last digit: what a client would see.
bool same_row(const Row& a, const Row& b) {
  for (size_t c = 0; c < a.size(); ++c) {
    if (a[c].is_null() != b[c].is_null()) return false;
    if (a[c].is_null()) continue;
    std::string left, right;
    data::format_datum(a[c], left);
    data::format_datum(b[c], right);
    if (left != right) return false;
  }
  return true;
}

size_t bytes_of(const Row& row) {
  size_t bytes = row.size() * sizeof(Datum);
  for (const Datum& datum : row) {
    if (const auto* text = std::get_if<std::string>(&datum.value)) bytes += text->size();
  }
  return bytes;
}

}  // namespace

/// A table as the block sees it: its committed rows, with the block's own in place of those.
class Transaction::OwnRows final : public operators::StoredRelation {
 public:
  /// `changes` outlives the statement that reads.
  OwnRows(operators::StoredRelationRef base, const Changes& changes)
      : base_(std::move(base)), changes_(changes) {}

  const std::vector<data::Type>& types() const override { return base_->types(); }
  const std::vector<uint32_t>& key_columns() const override { return base_->key_columns(); }
  data::TableId table() const override { return base_->table(); }
  state::Family family() const override { return base_->family(); }

  Status scan(const state::Snapshot& snapshot, uint16_t first_shard, uint16_t last_shard,
              uint32_t batch_rows, const std::function<bool(ChangeBatch)>& visit) const override {
    bool goes_on = true;
    FOREBAY_RETURN_IF_ERROR(
        base_->scan(snapshot, first_shard, last_shard, batch_rows, [&](ChangeBatch batch) {
          hide_changed(batch);
          goes_on = batch.empty() || visit(std::move(batch));
          return goes_on;
        }));
    if (!goes_on || first_shard != 0) return Status::ok();
    ChangeBatch own = own_rows();
    if (!own.empty()) visit(std::move(own));
    return Status::ok();
  }

  Status get(const state::Snapshot& snapshot, std::span<const Datum> key,
             data::BatchBuilder& out) const override {
    auto found = changes_.find(key_bytes(key));
    if (found == changes_.end()) return base_->get(snapshot, key, out);
    if (found->second.after) append(*found->second.after, 1, out);
    return Status::ok();
  }

  Status find_keys(const state::Snapshot& snapshot, const data::KeyRows& keys,
                   std::vector<uint32_t>& found) const override {
    std::vector<uint32_t> committed;
    FOREBAY_RETURN_IF_ERROR(base_->find_keys(snapshot, keys, committed));
    for (uint32_t i : committed) {
      if (!changes_.contains(keys.key(i))) found.push_back(i);
    }
    for (uint32_t i = 0; i < keys.rows(); ++i) {
      auto own = changes_.find(keys.key(i));
      if (own != changes_.end() && own->second.after) found.push_back(i);
    }
    return Status::ok();
  }

  std::unique_ptr<Reader> read(std::shared_ptr<const state::Snapshot> snapshot,
                               uint16_t first_shard, uint16_t last_shard,
                               uint32_t batch_rows) const override {
    return std::make_unique<OwnReader>(
        *this, base_->read(std::move(snapshot), first_shard, last_shard, batch_rows),
        first_shard == 0);
  }

 private:
  class OwnReader final : public Reader {
   public:
    OwnReader(const OwnRows& rows, std::unique_ptr<Reader> base, bool has_own)
        : rows_(rows), base_(std::move(base)), has_own_(has_own) {}

    Result<ChangeBatch> next() override {
      while (base_ != nullptr) {
        FOREBAY_ASSIGN_OR_RETURN(ChangeBatch batch, base_->next());
        if (batch.empty()) {
          base_.reset();
          break;
        }
        rows_.hide_changed(batch);
        if (!batch.empty()) return batch;
      }
      return std::exchange(has_own_, false) ? rows_.own_rows() : ChangeBatch();
    }

   private:
    const OwnRows& rows_;  // the relation outlives its readers
    std::unique_ptr<Reader> base_;
    bool has_own_;
  };

  void hide_changed(ChangeBatch& batch) const {
    data::Selection kept;
    batch.for_each([&](uint32_t row) {
      std::string key;
      for (uint32_t column : base_->key_columns()) {
        data::append_key(batch.column(column).datum(row), data::KeyMode::kGrouping, key);
      }
      if (!changes_.contains(key)) kept.push_back(row);
    });
    batch.set_selection(std::move(kept));
  }

  ChangeBatch own_rows() const {
    data::BatchBuilder rows(base_->types());
    for (const auto& [key, change] : changes_) {
      if (change.after) append(*change.after, 1, rows);
    }
    return rows.finish();
  }

  const operators::StoredRelationRef base_;
  const Changes& changes_;
};

Transaction::Transaction(MemoryAccount& account)
    : memory_(account, "The writes of a transaction") {}

operators::StoredRelationRef Transaction::relation_of(data::ObjectId table) const {
  auto found = tables_.find(table.value);
  if (found == tables_.end()) return nullptr;
  return std::make_shared<OwnRows>(found->second.table->relation, found->second.changes);
}

Status Transaction::check_reads(const sql::PlannedQuery& query) const {
  for (const auto& [id, written] : tables_) {
    std::vector<data::ObjectId> reached{written.table->id};
    for (size_t i = 0; i < reached.size(); ++i) {
      for (const sql::CatalogObjectRef& reader : query.catalog->dependants(reached[i])) {
        if (std::find(query.reads.begin(), query.reads.end(), reader->id) != query.reads.end()) {
          return Status(data::Error{
              .sqlstate = data::sqlstate::kFeatureNotSupported,
              .message = fmt::format("materialized view \"{}\" does not show what this transaction "
                                     "has written to table \"{}\"",
                                     reader->name, written.table->name),
              .hint = "COMMIT first: views follow committed changes."});
        }
        if (std::find(reached.begin(), reached.end(), reader->id) == reached.end()) {
          reached.push_back(reader->id);
        }
      }
    }
  }
  return Status::ok();
}

Status Transaction::add(const sql::CatalogObjectRef& table, const ChangeBatch& change) {
  TableChanges& written =
      tables_.try_emplace(table->id.value, TableChanges{table, {}, nullptr}).first->second;
  const operators::StoredRelation& relation = *table->relation;
  // Old rows first: a key may leave one row and come with another in the same statement.
  for (bool removes : {true, false}) {
    Status status;
    change.for_each([&](uint32_t physical) {
      if ((change.weight(physical) < 0) != removes || !status.is_ok()) return;
      Row row = row_of(change, physical);
      constexpr size_t kNodeBytes = 160;
      status = memory_.grow(kNodeBytes + bytes_of(row));
      if (!status.is_ok()) return;
      bytes_ += kNodeBytes + bytes_of(row);
      auto [entry, is_new] = written.changes.try_emplace(key_bytes(key_of(relation, row)));
      if (!removes) {
        entry->second.after = std::move(row);
        return;
      }
      if (is_new) entry->second.before = std::move(row);
      entry->second.after.reset();
    });
    if (!status.is_ok()) return status;
  }
  return Status::ok();
}

Status Transaction::add_bulk(BulkRows rows) {
  const sql::CatalogObjectRef& table = rows.table();
  if (tables_.contains(table->id.value) || !savepoints_.empty()) {
    return rows.for_each([&](const ChangeBatch& batch) { return add(table, batch); });
  }
  auto kept = std::make_shared<BulkRows>(std::move(rows));
  tables_[kept->table()->id.value] = {kept->table(), {}, kept};
  return Status::ok();
}

Status Transaction::unfold(data::ObjectId table) {
  auto found = tables_.find(table.value);
  if (found == tables_.end() || found->second.bulk == nullptr) return Status::ok();
  const std::shared_ptr<BulkRows> rows = std::move(found->second.bulk);
  return rows->for_each([&](const ChangeBatch& batch) { return add(rows->table(), batch); });
}

Status Transaction::savepoint(std::string name) {
  for (const auto& [id, written] : tables_) FOREBAY_RETURN_IF_ERROR(unfold(written.table->id));
  FOREBAY_RETURN_IF_ERROR(memory_.grow(bytes_));
  savepoints_.emplace_back(std::move(name), tables_);
  return Status::ok();
}

bool Transaction::rollback_to(const std::string& name) {
  for (size_t i = savepoints_.size(); i-- > 0;) {
    if (savepoints_[i].first != name) continue;
    tables_ = savepoints_[i].second;
    savepoints_.resize(i + 1);
    return true;
  }
  return false;
}

bool Transaction::release(const std::string& name) {
  for (size_t i = savepoints_.size(); i-- > 0;) {
    if (savepoints_[i].first != name) continue;
    savepoints_.resize(i);
    return true;
  }
  return false;
}

// Compares what the block saw with what is there now, and makes the net change of it.
Result<std::optional<runtime::Engine::TableChange>> Transaction::settle(
    const TableChanges& written, const state::Snapshot& snapshot) const {
  const sql::catalog::CatalogObject& table = *written.table;
  runtime::Engine::TableChange out;
  out.table = table.id;
  data::BatchBuilder change(table.relation->types());
  for (const auto& [bytes, entry] : written.changes) {
    if (!entry.before && !entry.after) continue;
    std::optional<Row> now;
    // Rows of tables without a declared key have fresh numbers: nobody else has written them.
    if (entry.before || table.declared_key) {
      std::vector<Datum> key = key_of(*table.relation, entry.before ? *entry.before : *entry.after);
      data::BatchBuilder found(table.relation->types());
      FOREBAY_RETURN_IF_ERROR(table.relation->get(snapshot, key, found));
      if (found.rows() > 0) now = row_of(found.finish(), 0);
    }
    if (!entry.before && now) return duplicate_key(table, *entry.after);
    if (entry.before && (!now || !same_row(*entry.before, *now))) {
      return Status(data::Error{
          .sqlstate = data::SqlState("40001"),
          .message = "could not serialize access due to concurrent update",
          .detail = fmt::format("A row of table \"{}\" was changed after this transaction read it.",
                                table.name),
          .hint = "The transaction might succeed if retried."});
    }
    if (now && entry.after && same_row(*now, *entry.after)) continue;
    if (now) append(*now, -1, change);
    if (entry.after) append(*entry.after, 1, change);
    const Row& keyed = entry.after ? *entry.after : *now;
    if (table.declared_key) out.keys.emplace_back(table_key(table, keyed), entry.after.has_value());
  }
  if (change.rows() == 0) return std::optional<runtime::Engine::TableChange>();
  out.change = change.finish();
  return std::optional(std::move(out));
}

Result<Transaction::Written> Transaction::commit(runtime::Engine& engine,
                                                 const runtime::CancelToken* cancel) {
  Written done;
  std::vector<data::ObjectId> ids;
  for (const auto& [id, written] : tables_) ids.push_back(written.table->id);
  if (ids.empty()) return done;
  done.table = ids.front();
  FOREBAY_ASSIGN_OR_RETURN(auto gate, engine.enter_gates(ids, cancel));
  FOREBAY_RETURN_IF_ERROR(gate->settle(cancel));
  auto snapshot = engine.snapshot();
  std::vector<runtime::Engine::TableChange> changes;
  bool in_bulk = false;
  for (const auto& [id, written] : tables_) {
    if (written.bulk != nullptr) {
      FOREBAY_RETURN_IF_ERROR(
          written.bulk->check_absent(*written.table->relation, snapshot, cancel));
      written.bulk->take_changes(changes);
      in_bulk = true;
      continue;
    }
    FOREBAY_ASSIGN_OR_RETURN(auto change, settle(written, *snapshot));
    if (change) changes.push_back(std::move(*change));
  }
  if (changes.empty()) return done;
  FOREBAY_ASSIGN_OR_RETURN(done.ticket, gate->write_all(std::move(changes)));
  // The gate doesn't know the keys of rows in bulk: nobody else may enter it before the commit.
  if (in_bulk) FOREBAY_RETURN_IF_ERROR(engine.wait(done.table, done.ticket, nullptr));
  return done;
}

}  // namespace forebay::server
