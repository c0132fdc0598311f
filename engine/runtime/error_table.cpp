#include "engine/runtime/error_table.h"

#include <algorithm>
#include <tuple>

#include "engine/data/row_codec.h"

namespace forebay::runtime {

using data::Weight;
using operators::ErrorRow;

namespace {

void append_text(std::string_view text, std::string& out) {
  data::append_varint(text.size(), out);
  out.append(text);
}

bool read_text(std::string_view& bytes, std::string& text) {
  uint64_t size = 0;
  if (!data::read_varint(bytes, size) || size > bytes.size()) return false;
  text.assign(bytes.substr(0, size));
  bytes.remove_prefix(size);
  return true;
}

// The 16 bytes by which equal errors are found: two hashes of the identity.
std::string store_key(const ErrorRow& row, bool with_payload) {
  std::string identity;
  data::append_varint(row.object.value, identity);
  append_text(row.operator_name, identity);
  append_text(row.sqlstate.view(), identity);
  append_text(row.reason, identity);
  append_text(row.column, identity);
  if (with_payload) append_text(row.raw, identity);
  if (with_payload && row.source_offset >= 0) {  // equal records in several places are several
    append_text(row.source, identity);
    append_text(row.source_partition, identity);
    data::append_varint(static_cast<uint64_t>(row.source_offset), identity);
  }
  uint64_t first = data::hash_key(identity);
  identity.push_back('\x5a');
  uint64_t second = data::hash_key(identity);
  std::string key = state::store_key_prefix(data::shard_of_hash(first), kErrorTable);
  for (uint64_t hash : {first, second}) {
    for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(hash >> shift));
  }
  return key;
}

// DO NOT CHANGE: persisted. Byte table in state/README.md ("error row").
std::string encode(const StoredError& error) {
  std::string out;
  data::append_varint(error.id, out);
  data::append_varint(static_cast<uint64_t>(error.at), out);
  data::append_varint(static_cast<uint64_t>(error.count), out);
  data::append_varint(error.epoch.value, out);
  data::append_varint(error.row.object.value, out);
  data::append_varint(static_cast<uint64_t>(error.row.source_offset), out);
  append_text(error.row.sqlstate.view(), out);
  for (const std::string* text : {&error.row.operator_name, &error.row.reason, &error.row.column,
                                  &error.row.raw, &error.row.source, &error.row.source_partition}) {
    append_text(*text, out);
  }
  return out;
}

bool decode(std::string_view bytes, StoredError& error) {
  uint64_t at = 0, count = 0, epoch = 0, object = 0, offset = 0;
  std::string sqlstate;
  if (!data::read_varint(bytes, error.id) || !data::read_varint(bytes, at) ||
      !data::read_varint(bytes, count) || !data::read_varint(bytes, epoch) ||
      !data::read_varint(bytes, object) || !data::read_varint(bytes, offset) ||
      !read_text(bytes, sqlstate)) {
    return false;
  }
  error.at = static_cast<int64_t>(at);
  error.count = static_cast<int64_t>(count);
  error.epoch = Epoch(epoch);
  error.row.object = ObjectId(static_cast<uint32_t>(object));
  error.row.source_offset = static_cast<int64_t>(offset);
  error.row.sqlstate = data::SqlState::from_text(sqlstate);
  for (std::string* text : {&error.row.operator_name, &error.row.reason, &error.row.column,
                            &error.row.raw, &error.row.source, &error.row.source_partition}) {
    if (!read_text(bytes, *text)) return false;
  }
  return bytes.empty();
}

// No error has this SQLSTATE. DO NOT CHANGE: persisted.
constexpr data::SqlState kSkipped{"00000"};

bool is_skipped(const ErrorRow& row) { return row.sqlstate == kSkipped; }

template <typename Visit>
Status scan(const state::Snapshot& snapshot, Visit visit) {
  for (uint16_t shard = 0; shard < data::kShardCount; ++shard) {
    std::string lower = state::store_key_prefix(shard, kErrorTable);
    std::string upper = state::store_key_prefix(shard, TableId(kErrorTable.value + 1));
    auto cursor = snapshot.scan(state::Family::kHot, lower, upper);
    for (; cursor->valid(); cursor->next()) {
      StoredError error;
      if (!decode(cursor->value(), error)) {
        return Status(data::sqlstate::kDataCorrupted, "an error row in the store is damaged");
      }
      visit(std::string(cursor->key()), std::move(error));
    }
    FOREBAY_RETURN_IF_ERROR(cursor->status());
  }
  return Status::ok();
}

}  // namespace

Status ErrorTable::load(const state::Snapshot& snapshot) {
  errors_.clear();
  per_object_.clear();
  counts_.clear();
  return scan(snapshot, [&](std::string key, StoredError error) {
    next_id_ = std::max(next_id_, error.id + 1);
    ++per_object_[error.row.object];
    counts_[error.row.object] += error.count;
    errors_.emplace(std::move(key), std::move(error));
  });
}

operators::ErrorRow skipped_row(ObjectId object, Weight weight) {
  ErrorRow row;
  row.object = object;
  row.sqlstate = kSkipped;
  row.weight = weight;
  row.policy = operators::ErrorPolicy::kSkip;
  return row;
}

int64_t ErrorTable::count(ObjectId object) const {
  auto found = counts_.find(object);
  return found == counts_.end() ? 0 : found->second;
}

void ErrorTable::apply(std::vector<ErrorRow> errors, int64_t now, Epoch epoch,
                       state::SealedRun& run) {
  // Workers finish in any order; the numbering of errors must not depend on it.
  std::stable_sort(errors.begin(), errors.end(), [](const ErrorRow& a, const ErrorRow& b) {
    return std::tie(a.object, a.source_partition, a.source_offset, a.raw) <
           std::tie(b.object, b.source_partition, b.source_offset, b.raw);
  });
  // Net per key: inside an epoch a retraction may come before what it takes back.
  std::map<std::string, Weight> net;
  for (const ErrorRow& row : errors) net[store_key(row, true)] += row.weight;
  std::set<std::string> changed;
  // What goes away first makes room for what comes.
  for (int sign : {-1, 1}) {
    for (ErrorRow& row : errors) {
      if (row.weight * sign <= 0) continue;
      std::string key = store_key(row, true);
      auto found = net.find(key);
      if (found == net.end() || found->second * sign <= 0) continue;
      if (sign > 0) {
        add(std::move(key), std::move(row), found->second, now, epoch, changed);
      } else {
        take_out(key, row, -found->second, changed);
      }
      net.erase(found);
    }
  }
  for (const std::string& key : changed) {
    auto found = errors_.find(key);
    if (found != errors_.end()) {
      run.put(state::Family::kHot, key, encode(found->second));
    } else {
      run.remove(state::Family::kHot, key);
    }
  }
}

void ErrorTable::add(std::string key, ErrorRow row, Weight weight, int64_t now, Epoch epoch,
                     std::set<std::string>& changed) {
  auto found = errors_.find(key);
  if (found == errors_.end() && per_object_[row.object] >= kMostPerObject) {
    key = store_key(row, false);
    row.raw.clear();
    row.source_partition.clear();
    row.source_offset = -1;
    found = errors_.find(key);
  }
  if (found == errors_.end()) {
    StoredError error;
    error.id = next_id_++;
    error.at = now;
    error.epoch = epoch;
    ++per_object_[row.object];
    error.row = std::move(row);
    found = errors_.emplace(key, std::move(error)).first;
  }
  found->second.count += weight;
  counts_[found->second.row.object] += weight;
  changed.insert(std::move(key));
}

// From the entry with the payload first, then from where it was counted without.
void ErrorTable::take_out(const std::string& key, const ErrorRow& row, Weight weight,
                          std::set<std::string>& changed) {
  for (const std::string& at : {key, store_key(row, false)}) {
    auto found = errors_.find(at);
    if (found == errors_.end() || weight == 0) continue;
    Weight taken = std::min<Weight>(weight, found->second.count);
    weight -= taken;
    found->second.count -= taken;
    counts_[row.object] -= taken;
    changed.insert(at);
    if (found->second.count == 0) {
      --per_object_[row.object];
      errors_.erase(found);
    }
  }
}

void ErrorTable::drop(ObjectId object, state::SealedRun& run) {
  for (auto it = errors_.begin(); it != errors_.end();) {
    if (it->second.row.object == object) {
      run.remove(state::Family::kHot, it->first);
      it = errors_.erase(it);
    } else {
      ++it;
    }
  }
  per_object_.erase(object);
  counts_.erase(object);
}

Result<std::vector<StoredError>> ErrorTable::read(const state::Snapshot& snapshot) {
  std::vector<StoredError> errors;
  FOREBAY_RETURN_IF_ERROR(scan(snapshot, [&](std::string, StoredError error) {
    if (!is_skipped(error.row)) errors.push_back(std::move(error));
  }));
  std::sort(errors.begin(), errors.end(),
            [](const StoredError& a, const StoredError& b) { return a.id < b.id; });
  return errors;
}

}  // namespace forebay::runtime
