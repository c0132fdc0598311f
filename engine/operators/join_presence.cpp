#include "engine/operators/join_presence.h"

#include <fmt/format.h>

#include "engine/data/row_codec.h"
#include "engine/operators/emission.h"
#include "engine/operators/join_expiry.h"

namespace forebay::operators {

using state::OrderedTable;

namespace {
constexpr size_t kAhead = 8;  // records whose entries are fetched ahead of use
}

JoinPresence::JoinPresence(const JoinParameters& parameters, OrderedTable* left,
                           OrderedTable* right)
    : kind_(parameters.kind),
      types_{parameters.left_types, parameters.right_types},
      tables_{left, right} {
  for (int side : {0, 1}) {
    const bool ordered = parameters.time && parameters.time->sides[side].needed;
    row_at_[side] = ordered ? JoinExpiry::kTimeBytes : 0;
  }
  tracked_[0] = kind_ != JoinKind::kInner && kind_ != JoinKind::kRight;
  tracked_[1] = kind_ == JoinKind::kRight || kind_ == JoinKind::kFull;
  bool any = tracked_[0] || tracked_[1];
  by_key_ = any && parameters.condition == nullptr;
  by_degree_ = any && parameters.condition != nullptr;
}

uint32_t JoinPresence::note_key(int side, Group* own, Group* other, uint64_t hash) {
  auto next = static_cast<uint32_t>(keys_.size());
  uint32_t place = key_place_.find_or_add(hash, next, [&](uint32_t i) {
    const Key& key = keys_[i];
    if (key.groups[side] != nullptr) return key.groups[side] == own;
    return OrderedTable::group_key(key.groups[1 - side]) == OrderedTable::group_key(own);
  });
  if (place == next) keys_.push_back({{}, {}, {0, 0}});
  Key& key = keys_[place];
  if (place == next) {
    key.groups[1 - side] = other;
    if (other != nullptr) tables_[1 - side]->pin(other);
    key.had_rows[side] = OrderedTable::size(own) != 0;
    key.had_rows[1 - side] = rows_of(other) != 0;
  }
  key.groups[side] = own;
  return place;
}

void JoinPresence::note_row(int side, uint32_t key, Entry* entry) {
  Side& to = sides_[side];
  auto next = static_cast<uint32_t>(to.rows.size());
  uint32_t place = to.place.find_or_add(EpochIndex::hash_of(entry), next,
                                        [&](uint32_t i) { return to.rows[i].entry == entry; });
  if (place != next) return;
  Row row{entry, key, OrderedTable::count(entry), false};
  row.matched_before =
      by_key_ ? keys_[key].had_rows[1 - side] : row.count_before != 0 && degree(entry) != 0;
  to.rows.push_back(row);
}

int64_t JoinPresence::degree(const Entry* entry) {
  std::string_view bytes = OrderedTable::value(entry);
  uint64_t raw = 0;
  if (bytes.empty() || !data::read_varint(bytes, raw)) return 0;
  return static_cast<int64_t>(raw >> 1 ^ (0 - (raw & 1)));
}

void JoinPresence::set_degree(int side, Group* group, Entry* entry, int64_t value) {
  auto raw = static_cast<uint64_t>(value);
  char bytes[10];
  size_t size = 0;
  if (value != 0) {
    raw = raw << 1 ^ (0 - (raw >> 63));
    for (; raw >= 0x80; raw >>= 7) bytes[size++] = static_cast<char>(raw | 0x80);
    bytes[size++] = static_cast<char>(raw);
  }
  if (OrderedTable::value(entry) == std::string_view(bytes, size)) return;
  tables_[side]->set_value(group, entry, {bytes, size});
}

void JoinPresence::add_degree(int side, Group* group, Entry* entry, int64_t change) {
  set_degree(side, group, entry, degree(entry) + change);
}

bool JoinPresence::matched_now(int side, const Row& row) const {
  if (by_key_) return rows_of(keys_[row.key].groups[1 - side]) != 0;
  if (OrderedTable::count(row.entry) == 0) return false;
  int64_t matches = degree(row.entry);
  if (matches < 0) {
    fail_negative("join", stored_row_text(types_[side], row_of(side, row.entry)), matches);
  }
  return matches != 0;
}

void JoinPresence::add_output(int side, const Entry* entry, Weight weight, Status& status) {
  if (weight == 0 || !status.is_ok()) return;
  if (builders_.empty()) {
    builders_ = std::vector<data::ColumnBuilder>(types_[side].begin(), types_[side].end());
  }
  std::string_view row = row_of(side, entry);
  status = data::decode_row(row, builders_);
  weights_.push_back(weight);
}

void JoinPresence::emit_built(int side, Output& output) {
  if (weights_.empty()) return;
  std::vector<data::ColumnRef> columns;
  for (data::ColumnBuilder& builder : builders_) columns.push_back(builder.finish());
  ChangeBatch rows(std::move(columns), static_cast<uint32_t>(weights_.size()));
  rows.set_weights(std::exchange(weights_, {}));
  builders_.clear();
  output.emit(padded(side, std::move(rows)));
}

Status JoinPresence::flush_rows(int side, uint32_t batch_rows) {
  Status status;
  std::vector<Row>& rows = sides_[side].rows;
  while (next_row_ < rows.size() && weights_.size() < batch_rows) {
    if (next_row_ + kAhead < rows.size()) __builtin_prefetch(rows[next_row_ + kAhead].entry);
    const Row& row = rows[next_row_++];
    if (by_key_ && OrderedTable::count(row.entry) != 0) ++keys_[row.key].judged[side];
    Weight before = present(row.matched_before) ? row.count_before : 0;
    Weight now = present(matched_now(side, row)) ? OrderedTable::count(row.entry) : 0;
    add_output(side, row.entry, now - before, status);
  }
  return status;
}

Status JoinPresence::flush_keys(int side, uint32_t batch_rows) {
  Status status;
  while (next_key_ < keys_.size() && weights_.size() < batch_rows) {
    if (next_key_ + kAhead < keys_.size()) {
      __builtin_prefetch(keys_[next_key_ + kAhead].groups[0]);
      __builtin_prefetch(keys_[next_key_ + kAhead].groups[1]);
    }
    const Key& key = keys_[next_key_];
    bool had = key.had_rows[1 - side];
    bool has = rows_of(key.groups[1 - side]) != 0;
    const Group* group = key.groups[side];
    if (next_entry_ == nullptr && had != has && key.judged[side] < rows_of(group)) {
      next_entry_ = OrderedTable::first(group);
    }
    while (next_entry_ != nullptr && weights_.size() < batch_rows) {
      const Entry* entry = next_entry_;
      next_entry_ = OrderedTable::next(group, entry);
      if (sides_[side].has(entry)) continue;  // judged among the rows
      Weight count = OrderedTable::count(entry);
      add_output(side, entry, present(has) ? count : -count, status);
    }
    if (next_entry_ == nullptr) ++next_key_;
  }
  return status;
}

Result<Progress> JoinPresence::flush(uint32_t batch_rows, Output& output) {
  while (side_ < 2) {
    if (tracked_[side_]) {
      FOREBAY_RETURN_IF_ERROR(flush_rows(side_, batch_rows));
      if (by_key_) FOREBAY_RETURN_IF_ERROR(flush_keys(side_, batch_rows));
      bool full = weights_.size() >= batch_rows;
      emit_built(side_, output);
      if (full) return Progress::kMore;
    }
    ++side_;
    next_row_ = 0;
    next_key_ = 0;
  }
  return Progress::kDone;
}

void JoinPresence::clear() {
  keys_.clear();
  key_place_.clear();
  for (Side& side : sides_) {
    side.rows.clear();
    side.place.clear();
  }
  side_ = 0;
  next_row_ = 0;
  next_key_ = 0;
}

size_t JoinPresence::memory_bytes() const {
  size_t bytes = keys_.capacity() * sizeof(Key) + key_place_.memory_bytes();
  for (const Side& side : sides_) {
    bytes += side.rows.capacity() * sizeof(Row) + side.place.memory_bytes();
  }
  return bytes;
}

ChangeBatch JoinPresence::padded(int side, ChangeBatch rows) const {
  if (kind_ == JoinKind::kSemi || kind_ == JoinKind::kAnti) return rows;
  std::vector<data::ColumnRef> nulls;
  for (const Type& type : types_[1 - side]) {
    nulls.push_back(data::Column::constant(data::Datum::null(type), rows.physical_rows()));
  }
  std::vector<data::ColumnRef>& columns = rows.mutable_columns();
  columns.insert(side == 0 ? columns.end() : columns.begin(), nulls.begin(), nulls.end());
  return rows;
}

}  // namespace forebay::operators
