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

size_t bytes_of_row(const Row& row) {
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

bool Transaction::has_writes() const {
  return std::any_of(tables_.begin(), tables_.end(), [](const auto& entry) {
    return !entry.second.changes.empty() || entry.second.bulk != nullptr;
  });
}

size_t Transaction::bytes_of(const std::optional<Change>& change) {
  constexpr size_t kNodeBytes = 160;
  if (!change) return kNodeBytes;
  return kNodeBytes + (change->before ? bytes_of_row(*change->before) : 0) +
         (change->after ? bytes_of_row(*change->after) : 0);
}

Status Transaction::add(const sql::CatalogObjectRef& table, const ChangeBatch& change,
                        Taken taken) {
  TableChanges& written =
      tables_.try_emplace(table->id.value, TableChanges{table, {}, nullptr}).first->second;
  const operators::StoredRelation& relation = *table->relation;
  // Old rows first: a key may leave one row and come with another in the same statement.
  for (bool removes : {true, false}) {
    Status status;
    change.for_each([&](uint32_t physical) {
      if ((change.weight(physical) < 0) != removes || !status.is_ok()) return;
      Row row = row_of(change, physical);
      std::string key = key_bytes(key_of(relation, row));
      auto found = written.changes.find(key);
      std::optional<Change> was;
      if (found != written.changes.end()) was = found->second;
      std::optional<Change> next = was ? was : Change{};
      next->taken = taken;
      if (removes) {
        if (!was) next->before = std::move(row);
        next->after.reset();
      } else {
        next->after = std::move(row);
      }
      // Nothing is changed before there is room for it, and for what it was.
      const size_t undo_bytes = savepoints_.empty() ? 0 : bytes_of(was);
      status = memory_.grow(bytes_of(next) + undo_bytes);
      if (!status.is_ok()) return;
      if (was) memory_.shrink(bytes_of(was));
      if (!savepoints_.empty()) undos_.push_back({table->id.value, key, std::move(was)});
      if (found != written.changes.end()) {
        found->second = std::move(*next);
      } else {
        written.changes.emplace(std::move(key), std::move(*next));
      }
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
  savepoints_.push_back({std::move(name), undos_.size()});
  return Status::ok();
}

std::vector<Transaction::Savepoint>::iterator Transaction::find_savepoint(const std::string& name) {
  auto found = std::find_if(savepoints_.rbegin(), savepoints_.rend(),
                            [&](const Savepoint& savepoint) { return savepoint.name == name; });
  return found == savepoints_.rend() ? savepoints_.end() : std::prev(found.base());
}

void Transaction::undo_to(size_t undos) {
  for (; undos_.size() > undos; undos_.pop_back()) {
    Undo& undo = undos_.back();
    Changes& changes = tables_.at(undo.table).changes;
    auto found = changes.find(undo.key);
    // What the undo held goes on to be the change's.
    memory_.shrink(bytes_of(found->second));
    if (undo.change) {
      found->second = std::move(*undo.change);
    } else {
      memory_.shrink(bytes_of(std::nullopt));
      changes.erase(found);
    }
  }
}

bool Transaction::rollback_to(const std::string& name) {
  auto found = find_savepoint(name);
  if (found == savepoints_.end()) return false;
  undo_to(found->undos);
  savepoints_.erase(found + 1, savepoints_.end());
  return true;
}

bool Transaction::release(const std::string& name) {
  auto found = find_savepoint(name);
  if (found == savepoints_.end()) return false;
  savepoints_.erase(found, savepoints_.end());
  if (savepoints_.empty()) {
    for (const Undo& undo : undos_) memory_.shrink(bytes_of(undo.change));
    undos_.clear();
  }
  return true;
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
    const bool is_taken = !entry.before && now.has_value();
    if (is_taken && entry.taken == Taken::kIgnore) continue;
    if (is_taken && entry.taken == Taken::kDuplicate) return duplicate_key(table, *entry.after);
    const bool has_changed = is_taken || (entry.before && (!now || !same_row(*entry.before, *now)));
    if (has_changed && !(entry.taken == Taken::kOverwrite && entry.after)) {
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

Status Transaction::check_tables(const CheckForm& check_form) const {
  for (const auto& [id, written] : tables_) FOREBAY_RETURN_IF_ERROR(check_form(*written.table));
  return Status::ok();
}

Result<Transaction::Written> Transaction::commit(runtime::Engine& engine,
                                                 const runtime::CancelToken* cancel,
                                                 const CheckForm& check_form) {
  Written done;
  std::vector<data::ObjectId> ids;
  for (const auto& [id, written] : tables_) ids.push_back(written.table->id);
  if (ids.empty()) return done;
  done.table = ids.front();
  FOREBAY_ASSIGN_OR_RETURN(auto gate, engine.enter_gates(ids, cancel));
  FOREBAY_RETURN_IF_ERROR(check_tables(check_form));
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
