#include "server/table_writer.h"

#include <fmt/format.h>

#include "engine/data/row_codec.h"
#include "engine/data/text_format.h"
#include "server/generated_columns.h"

namespace forebay::server {

using data::ChangeBatch;
using data::Datum;
using data::Result;
using data::Status;

namespace {

std::vector<data::Type> types_of(const data::Schema& schema) {
  std::vector<data::Type> types;
  for (const data::Field& field : schema) types.push_back(field.type);
  return types;
}

std::vector<Datum> row_of(const ChangeBatch& batch, uint32_t row, size_t first, size_t count) {
  std::vector<Datum> values;
  values.reserve(count);
  for (size_t c = first; c < first + count; ++c) values.push_back(batch.column(c).datum(row));
  return values;
}

std::string text_of(const Datum& datum) {
  if (datum.is_null()) return "null";
  std::string text;
  data::format_datum(datum, text);
  return text;
}

void append(const std::vector<Datum>& row, data::Weight weight, data::BatchBuilder& out) {
  for (size_t c = 0; c < row.size(); ++c) out.column(c).append_datum(row[c]);
  out.end_row(weight);
}

Status written_twice() {
  return Status(data::Error{
      .sqlstate = data::SqlState("21000"),
      .message = "ON CONFLICT DO UPDATE command cannot affect row a second time",
      .hint = "Ensure that no rows proposed for insertion within the same command have duplicate "
              "constrained values."});
}

}  // namespace

Status duplicate_key(const sql::catalog::CatalogObject& table, const std::vector<Datum>& row) {
  std::string names;
  std::string values;
  for (uint32_t column : table.key_columns) {
    names += (names.empty() ? "" : ", ") + table.columns[column].name;
    values += (values.empty() ? "" : ", ") + text_of(row[column]);
  }
  return Status(data::Error{
      .sqlstate = data::sqlstate::kUniqueViolation,
      .message =
          fmt::format("duplicate key value violates unique constraint \"{}_pkey\"", table.name),
      .detail = fmt::format("Key ({})=({}) already exists.", names, values)});
}

Status null_in_column(const sql::catalog::CatalogObject& table, size_t column,
                      const std::vector<Datum>& row) {
  std::string detail;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    detail += (i == 0 ? "" : ", ") + text_of(row[i]);
  }
  return Status(data::Error{
      .sqlstate = data::sqlstate::kNotNullViolation,
      .message =
          fmt::format("null value in column \"{}\" of relation \"{}\" violates not-null constraint",
                      table.columns[column].name, table.name),
      .detail = fmt::format("Failing row contains ({}).", detail)});
}

std::string table_key(const sql::catalog::CatalogObject& table, const std::vector<Datum>& row) {
  std::string key;
  for (uint32_t column : table.key_columns) {
    data::append_key(row[column], data::KeyMode::kGrouping, key);
  }
  return key;
}

TableWriter::TableWriter(const sql::catalog::CatalogObject& table, Conflict on_conflict,
                         Present present, const runtime::Engine& engine, MemoryAccount& account)
    : table_(table),
      on_conflict_(on_conflict),
      present_(std::move(present)),
      engine_(engine),
      types_(types_of(table.stored_columns())),
      change_(types_),
      returned_(types_),
      memory_(account, "The rows of one statement") {}

Status TableWriter::check_not_null(const std::vector<Datum>& row) const {
  for (size_t c = 0; c < table_.columns.size(); ++c) {
    if (!table_.columns[c].not_null || !row[c].is_null()) continue;
    return null_in_column(table_, c, row);
  }
  return Status::ok();
}

Result<bool> TableWriter::exists(const std::vector<Datum>& row, const std::string& key,
                                 std::vector<Datum>* old) const {
  std::optional<bool> pending;
  if (present_.gate != nullptr) pending = present_.gate->pending_key(key);
  if (pending && (!*pending || old == nullptr)) return *pending;
  std::vector<Datum> values;
  for (uint32_t column : present_.relation->key_columns()) values.push_back(row[column]);
  data::BatchBuilder found(types_);
  // Taken after the look at what is pending: a key leaves the pending ones only when it is in the
  // snapshot.
  FOREBAY_RETURN_IF_ERROR(present_.relation->get(*engine_.snapshot(), values, found));
  if (found.rows() == 0) return false;
  if (old != nullptr) *old = row_of(found.finish(), 0, 0, types_.size());
  return true;
}

// About what a row takes up until it is written: in the change, among the returned rows or those
// that wait for judge(), and its key among the keys.
Status TableWriter::charge(const std::vector<Datum>& row, size_t key_bytes) {
  constexpr size_t kNodeBytes = 128;
  size_t bytes = kNodeBytes + 2 * key_bytes;
  for (const Datum& datum : row) {
    bytes += sizeof(Datum);
    if (const auto* text = std::get_if<std::string>(&datum.value)) bytes += 2 * text->size();
  }
  return memory_.grow(bytes);
}

void TableWriter::put(std::vector<Datum> row, data::Weight weight) { append(row, weight, change_); }

Status TableWriter::insert(const ChangeBatch& given, runtime::Engine& engine) {
  FOREBAY_ASSIGN_OR_RETURN(const ChangeBatch rows, with_generated(table_, given));
  size_t visible = table_.columns.size();
  uint64_t next_row_id = table_.declared_key ? 0 : engine.allocate_row_ids(rows.rows());
  for (uint32_t i = 0; i < rows.rows(); ++i) {
    uint32_t physical = rows.physical(i);
    for (data::Weight copy = 0; copy < rows.weight(physical); ++copy) {
      std::vector<Datum> row = row_of(rows, physical, 0, visible);
      FOREBAY_RETURN_IF_ERROR(check_not_null(row));
      if (!table_.declared_key) {
        if (copy > 0) next_row_id = engine.allocate_row_ids(1);
        row.push_back({data::kBigintType, static_cast<int64_t>(next_row_id++)});
        FOREBAY_RETURN_IF_ERROR(charge(row, 0));
        append(row, 1, returned_);
        put(std::move(row), 1);
        ++count_;
        continue;
      }
      std::string key = table_key(table_, row);
      auto own = keys_.find(key);
      bool overwrites = on_conflict_ == Conflict::kOverwrite;
      std::vector<Datum> old;
      bool taken = own != keys_.end() && own->second;
      if (own == keys_.end()) {
        FOREBAY_ASSIGN_OR_RETURN(taken, exists(row, key, overwrites ? &old : nullptr));
      }
      if (taken && on_conflict_ == Conflict::kError) return duplicate_key(table_, row);
      if (taken && !overwrites) continue;
      if (own != keys_.end() && overwrites) {
        // Written twice by one statement: the last row stands.
        FOREBAY_RETURN_IF_ERROR(charge(row, 0));
        updated_[overwriting_.at(key)].second = std::move(row);
        ++count_;
        continue;
      }
      FOREBAY_RETURN_IF_ERROR(charge(row, key.size()));
      if (!old.empty()) {
        FOREBAY_RETURN_IF_ERROR(charge(old, 0));
        put(std::move(old), -1);
      }
      keys_[key] = true;
      ++count_;
      if (overwrites) {
        overwriting_.emplace(key, updated_.size());
        updated_.emplace_back(std::move(key), std::move(row));
      } else {
        append(row, 1, returned_);
        put(std::move(row), 1);
      }
    }
  }
  return Status::ok();
}

Status TableWriter::update(const ChangeBatch& given) {
  size_t stored = types_.size();
  FOREBAY_ASSIGN_OR_RETURN(const ChangeBatch rows, with_generated(table_, given, stored));
  size_t visible = table_.columns.size();
  for (uint32_t i = 0; i < rows.rows(); ++i) {
    uint32_t physical = rows.physical(i);
    std::vector<Datum> old = row_of(rows, physical, 0, stored);
    if (!keys_.try_emplace(table_key(table_, old), false).second) continue;
    FOREBAY_RETURN_IF_ERROR(change(std::move(old), row_of(rows, physical, stored, visible)));
  }
  return Status::ok();
}

Status TableWriter::change(std::vector<Datum> old, std::vector<Datum> fresh) {
  for (size_t c = table_.columns.size(); c < types_.size(); ++c) fresh.push_back(old[c]);
  FOREBAY_RETURN_IF_ERROR(check_not_null(fresh));
  FOREBAY_RETURN_IF_ERROR(charge(old, 0));
  FOREBAY_RETURN_IF_ERROR(charge(fresh, 0));
  updated_.emplace_back(table_key(table_, fresh), std::move(fresh));
  put(std::move(old), -1);
  ++count_;
  return Status::ok();
}

// All rows wait for judge(), inserted ones too: an updated row may move to the key of another one,
// and RETURNING shows them in their order.
Status TableWriter::upsert(const ChangeBatch& given, const Merge& merge) {
  FOREBAY_ASSIGN_OR_RETURN(const ChangeBatch rows, with_generated(table_, given));
  struct Proposed {
    std::string key;
    std::vector<Datum> row;
    bool is_new = false;
  };
  std::vector<Proposed> proposed;
  std::vector<data::Type> pair_types = types_;
  for (const data::Field& field : table_.columns) pair_types.push_back(field.type);
  data::BatchBuilder pairs(pair_types);
  for (uint32_t i = 0; i < rows.rows(); ++i) {
    uint32_t physical = rows.physical(i);
    for (data::Weight copy = 0; copy < rows.weight(physical); ++copy) {
      Proposed next;
      next.row = row_of(rows, physical, 0, table_.columns.size());
      FOREBAY_RETURN_IF_ERROR(check_not_null(next.row));
      next.key = table_key(table_, next.row);
      if (keys_.contains(next.key)) return written_twice();
      std::vector<Datum> old;
      FOREBAY_ASSIGN_OR_RETURN(bool taken, exists(next.row, next.key, &old));
      next.is_new = !taken;
      FOREBAY_RETURN_IF_ERROR(charge(next.row, next.key.size()));
      if (taken) {
        FOREBAY_RETURN_IF_ERROR(charge(old, 0));
        old.insert(old.end(), next.row.begin(), next.row.end());
        append(old, 1, pairs);
      } else {
        keys_[next.key] = false;  // known to be free; judge() takes it
      }
      proposed.push_back(std::move(next));
    }
  }
  ChangeBatch olds = pairs.finish();
  FOREBAY_ASSIGN_OR_RETURN(ChangeBatch merged, merge(olds));
  FOREBAY_ASSIGN_OR_RETURN(merged, with_generated(table_, merged));
  uint32_t pair = 0;
  uint32_t selected = 0;
  for (Proposed& next : proposed) {
    if (next.is_new) {
      updated_.emplace_back(std::move(next.key), std::move(next.row));
      ++count_;
      continue;
    }
    uint32_t at = pair++;
    if (selected == merged.rows() || merged.physical(selected) != at) continue;
    ++selected;
    if (!keys_.try_emplace(next.key, false).second) return written_twice();
    FOREBAY_RETURN_IF_ERROR(
        change(row_of(olds, at, 0, types_.size()), row_of(merged, at, 0, table_.columns.size())));
  }
  return Status::ok();
}

Status TableWriter::remove(const ChangeBatch& rows) {
  for (uint32_t i = 0; i < rows.rows(); ++i) {
    std::vector<Datum> old = row_of(rows, rows.physical(i), 0, types_.size());
    if (!keys_.try_emplace(table_key(table_, old), false).second) continue;
    FOREBAY_RETURN_IF_ERROR(charge(old, 0));
    append(old, 1, returned_);
    put(std::move(old), -1);
    ++count_;
  }
  return Status::ok();
}

Status TableWriter::judge() {
  for (auto& [key, row] : updated_) {
    auto own = keys_.find(key);
    bool taken = own != keys_.end() && own->second;
    if (own == keys_.end()) {
      FOREBAY_ASSIGN_OR_RETURN(taken, exists(row, key, nullptr));
    }
    // Rows of an overwriting INSERT have taken their key already.
    if (taken && overwriting_.empty()) return duplicate_key(table_, row);
    keys_[key] = true;
    append(row, 1, returned_);
    put(std::move(row), 1);
  }
  updated_.clear();
  overwriting_.clear();
  return Status::ok();
}

runtime::Engine::TableChange TableWriter::take_change() {
  runtime::Engine::TableChange out;
  out.table = table_.id;
  if (change_.rows() == 0) return out;
  if (table_.declared_key) out.keys.assign(keys_.begin(), keys_.end());
  out.change = change_.finish();
  return out;
}

ChangeBatch TableWriter::returned() { return returned_.finish(); }

}  // namespace forebay::server
