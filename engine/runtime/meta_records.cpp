#include "engine/runtime/meta_records.h"

#include "engine/data/row_codec.h"

namespace forebay::runtime {

namespace {

constexpr state::Family kMeta = state::Family::kMeta;

// DO NOT CHANGE: "c" object; "p" object node partition; "i" counters; "w" object node; "v" object
// node and the partition's name; "l" object; "t". Numbers are big-endian.
std::string key_of(char kind, std::initializer_list<uint32_t> numbers) {
  std::string key(1, kind);
  for (uint32_t number : numbers) {
    for (int shift = 24; shift >= 0; shift -= 8) key.push_back(static_cast<char>(number >> shift));
  }
  return key;
}

uint32_t number_at(std::string_view key, size_t at) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<uint8_t>(key[at + i]);
  return number;
}

std::string after(std::string key) {
  for (size_t i = key.size(); i-- > 0;) {
    if (static_cast<uint8_t>(key[i]) != 0xff) {
      key[i] = static_cast<char>(key[i] + 1);
      key.resize(i + 1);
      return key;
    }
  }
  return {};
}

Status damaged(std::string_view what) {
  return Status(data::sqlstate::kDataCorrupted,
                "the " + std::string(what) + " in the store is damaged");
}

}  // namespace

void put_catalog_record(const CatalogRecord& record, state::SealedRun& run) {
  run.put(kMeta, key_of('c', {record.id.value}), record.bytes);
}

void remove_catalog_record(ObjectId id, state::SealedRun& run) {
  run.remove(kMeta, key_of('c', {id.value}));
}

Result<std::vector<CatalogRecord>> read_catalog_records(const state::Snapshot& snapshot) {
  std::vector<CatalogRecord> records;
  auto cursor = snapshot.scan(kMeta, "c", "d");
  for (; cursor->valid(); cursor->next()) {
    if (cursor->key().size() != 5) return damaged("catalog");
    records.push_back({ObjectId(number_at(cursor->key(), 1)), std::string(cursor->value())});
  }
  FOREBAY_RETURN_IF_ERROR(cursor->status());
  return records;
}

void put_position(ObjectId reader, uint32_t node, const connectors::PartitionPosition& position,
                  state::SealedRun& run) {
  std::string value;
  data::append_varint(position.next.value, value);
  data::append_varint(position.name.size(), value);
  value += position.name;
  value += position.state;
  run.put(kMeta, key_of('p', {reader.value, node, position.id.value}), value);
}

void remove_position(ObjectId reader, uint32_t node, data::PartitionId partition,
                     state::SealedRun& run) {
  run.remove(kMeta, key_of('p', {reader.value, node, partition.value}));
}

Result<connectors::Positions> read_positions(const state::Snapshot& snapshot, ObjectId reader,
                                             uint32_t node) {
  connectors::Positions positions;
  std::string lower = key_of('p', {reader.value, node});
  auto cursor = snapshot.scan(kMeta, lower, after(lower));
  for (; cursor->valid(); cursor->next()) {
    std::string_view bytes = cursor->value();
    uint64_t next = 0, name_size = 0;
    if (cursor->key().size() != 13 || !data::read_varint(bytes, next) ||
        !data::read_varint(bytes, name_size) || name_size > bytes.size()) {
      return damaged("position of a source");
    }
    connectors::PartitionPosition position;
    position.id = data::PartitionId(number_at(cursor->key(), 9));
    position.name = bytes.substr(0, name_size);
    position.next = data::Offset(next);
    position.state = bytes.substr(name_size);
    positions.push_back(std::move(position));
  }
  FOREBAY_RETURN_IF_ERROR(cursor->status());
  return positions;
}

namespace {

std::string partition_key(operators::WatermarkId id, std::string_view partition) {
  return key_of('v', {id.object.value, id.node}).append(partition);
}

// Times before 2000 are rare: signs in the lowest bit.
void append_time(int64_t time, std::string& out) {
  const auto bits = static_cast<uint64_t>(time);
  data::append_varint(bits << 1 ^ (time < 0 ? ~uint64_t{0} : 0), out);
}

bool read_time(std::string_view& bytes, int64_t& time) {
  uint64_t bits = 0;
  if (!data::read_varint(bytes, bits)) return false;
  time = static_cast<int64_t>(bits >> 1 ^ (bits & 1 ? ~uint64_t{0} : 0));
  return true;
}

}  // namespace

void put_watermark(operators::WatermarkId id, int64_t watermark, state::SealedRun& run) {
  std::string value;
  append_time(watermark, value);
  run.put(kMeta, key_of('w', {id.object.value, id.node}), value);
}

void put_partition_watermark(operators::WatermarkId id, std::string_view partition,
                             const Observation& seen, state::SealedRun& run) {
  std::string value;
  append_time(seen.most, value);
  data::append_varint(seen.far_future, value);
  run.put(kMeta, partition_key(id, partition), value);
}

void remove_watermarks(operators::WatermarkId id, const std::vector<std::string>& partitions,
                       state::SealedRun& run) {
  run.remove(kMeta, key_of('w', {id.object.value, id.node}));
  for (const std::string& name : partitions) run.remove(kMeta, partition_key(id, name));
}

Result<StoredWatermark> read_watermark(const state::Snapshot& snapshot, operators::WatermarkId id) {
  StoredWatermark stored;
  FOREBAY_ASSIGN_OR_RETURN(auto value,
                           snapshot.get(kMeta, key_of('w', {id.object.value, id.node})));
  if (value) {
    std::string_view bytes = *value;
    if (!read_time(bytes, stored.watermark)) return damaged("watermark");
  }
  const std::string lower = partition_key(id, "");
  auto cursor = snapshot.scan(kMeta, lower, after(lower));
  for (; cursor->valid(); cursor->next()) {
    std::string_view bytes = cursor->value();
    Observation& seen = stored.partitions[std::string(cursor->key().substr(lower.size()))];
    if (!read_time(bytes, seen.most) || !data::read_varint(bytes, seen.far_future)) {
      return damaged("watermark of a partition");
    }
  }
  FOREBAY_RETURN_IF_ERROR(cursor->status());
  return stored;
}

void put_late(ObjectId object, uint64_t rows, state::SealedRun& run) {
  std::string value;
  data::append_varint(rows, value);
  run.put(kMeta, key_of('l', {object.value}), value);
}

void remove_late(ObjectId object, state::SealedRun& run) {
  run.remove(kMeta, key_of('l', {object.value}));
}

Result<uint64_t> read_late(const state::Snapshot& snapshot, ObjectId object) {
  FOREBAY_ASSIGN_OR_RETURN(auto value, snapshot.get(kMeta, key_of('l', {object.value})));
  if (!value) return uint64_t{0};
  std::string_view bytes = *value;
  uint64_t rows = 0;
  if (!data::read_varint(bytes, rows)) return damaged("number of late rows");
  return rows;
}

void put_epoch_time(int64_t time, state::SealedRun& run) {
  std::string value;
  append_time(time, value);
  run.put(kMeta, "t", value);
}

Result<int64_t> read_epoch_time(const state::Snapshot& snapshot) {
  FOREBAY_ASSIGN_OR_RETURN(auto value, snapshot.get(kMeta, "t"));
  if (!value) return INT64_MIN;
  std::string_view bytes = *value;
  int64_t time = 0;
  if (!read_time(bytes, time)) return damaged("time of the last epoch");
  return time;
}

void put_ids(const IdCounters& ids, state::SealedRun& run) {
  std::string value;
  data::append_varint(ids.object, value);
  data::append_varint(ids.table, value);
  data::append_varint(ids.row, value);
  run.put(kMeta, "i", value);
}

Result<IdCounters> read_ids(const state::Snapshot& snapshot) {
  IdCounters ids;
  FOREBAY_ASSIGN_OR_RETURN(auto value, snapshot.get(kMeta, "i"));
  if (!value) return ids;
  std::string_view bytes = *value;
  uint64_t object = 0, table = 0;
  if (!data::read_varint(bytes, object) || !data::read_varint(bytes, table) ||
      !data::read_varint(bytes, ids.row)) {
    return damaged("counters");
  }
  ids.object = static_cast<uint32_t>(object);
  ids.table = static_cast<uint32_t>(table);
  return ids;
}

}  // namespace forebay::runtime
