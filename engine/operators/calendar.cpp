#include "engine/operators/calendar.h"

#include "engine/data/row_codec.h"
#include "engine/operators/emission.h"

namespace forebay::operators {

namespace {

using data::KeyRows;
using state::OrderedTable;

// Persisted: about a minute. DO NOT CHANGE.
constexpr int kBucketBits = 26;
constexpr int64_t kDirectory = INT64_MAX;

constexpr size_t kTimeBytes = 8;

int64_t bucket_of(int64_t time) { return time >> kBucketBits; }

void append_group_key(int64_t bucket, uint16_t shard, KeyRows& keys) {
  if (keys.offsets.empty()) keys.offsets.push_back(0);
  const size_t begin = keys.bytes.size();
  append_time(bucket, keys.bytes);
  keys.bytes.push_back(static_cast<char>(shard));
  keys.offsets.push_back(static_cast<uint32_t>(keys.bytes.size()));
  // In the shard of its rows, whatever their times.
  const uint64_t hash = data::hash_key(std::string_view(keys.bytes).substr(begin));
  keys.hashes.push_back(uint64_t{shard} << 56 | hash >> 8);
}

}  // namespace

void append_time(int64_t time, std::string& out) {
  const uint64_t bits = static_cast<uint64_t>(time) ^ uint64_t { 1 } << 63;
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(bits >> shift));
}

int64_t time_at(std::string_view bytes, size_t at) {
  uint64_t bits = 0;
  for (size_t i = 0; i < kTimeBytes; ++i) bits = bits << 8 | static_cast<uint8_t>(bytes[at + i]);
  return static_cast<int64_t>(bits ^ uint64_t{1} << 63);
}

void Calendar::Entries::add(int64_t when, uint16_t shard, std::string_view what, Weight weight) {
  groups_.emplace_back(bucket_of(when), shard);
  std::string& suffix = suffixes_.emplace_back();
  append_time(when, suffix);
  suffix.append(what);
  weights_.push_back(weight);
}

Calendar::Calendar(TableId table, const OperatorContext& context)
    : context_(context),
      events_(context.table(table, state::Family::kLog)),
      is_loaded_(context.starts_empty) {}

Status Calendar::load() {
  if (is_loaded_) return Status::ok();
  is_loaded_ = true;
  KeyRows keys;
  std::vector<uint16_t> shards;
  for (uint16_t shard = 0; shard < data::kShardCount; ++shard) {
    if (!context_.owns_shard(shard)) continue;
    append_group_key(kDirectory, shard, keys);
    shards.push_back(shard);
  }
  std::vector<OrderedTable::Group*> groups(shards.size());
  FOREBAY_RETURN_IF_ERROR(events_.find(keys, groups));
  for (size_t i = 0; i < groups.size(); ++i) {
    if (groups[i] == nullptr) continue;
    OrderedTable::for_each(groups[i], [&](const OrderedTable::Entry* entry) {
      buckets_[time_at(OrderedTable::suffix(entry), 0)].insert(shards[i]);
    });
  }
  return Status::ok();
}

Status Calendar::enter(const Entries& entries) {
  KeyRows keys;
  for (const auto& [bucket, shard] : entries.groups_) append_group_key(bucket, shard, keys);
  if (keys.rows() == 0) return Status::ok();
  std::vector<OrderedTable::Group*> groups(keys.rows());
  FOREBAY_RETURN_IF_ERROR(events_.load(keys, groups));
  std::vector<std::pair<int64_t, uint16_t>> fresh;
  for (uint32_t i = 0; i < groups.size(); ++i) {
    OrderedTable::Entry* entry = events_.upsert(groups[i], entries.suffixes_[i]);
    events_.set_count(groups[i], entry,
                      add_weights(OrderedTable::count(entry), entries.weights_[i]));
    if (buckets_[entries.groups_[i].first].insert(entries.groups_[i].second).second) {
      fresh.push_back(entries.groups_[i]);
    }
  }
  return note_buckets(fresh, 1);
}

// Enters buckets into the directory, or takes them out (count 0).
Status Calendar::note_buckets(const std::vector<std::pair<int64_t, uint16_t>>& buckets,
                              int64_t count) {
  if (buckets.empty()) return Status::ok();
  KeyRows keys;
  for (const auto& [bucket, shard] : buckets) append_group_key(kDirectory, shard, keys);
  std::vector<OrderedTable::Group*> groups(keys.rows());
  FOREBAY_RETURN_IF_ERROR(events_.load(keys, groups));
  for (size_t i = 0; i < groups.size(); ++i) {
    std::string suffix;
    append_time(buckets[i].first, suffix);
    events_.set_count(groups[i], events_.upsert(groups[i], suffix), count);
  }
  return Status::ok();
}

Result<bool> Calendar::take_due(int64_t now, const Visit& visit) {
  const auto first = buckets_.begin();
  if (first != buckets_.end() && first->first <= bucket_of(now) &&
      (first->first < bucket_of(now) || next_shard_ <= kLastShard)) {
    FOREBAY_RETURN_IF_ERROR(take_bucket(first->first, now, visit));
    return true;
  }
  next_shard_ = 0;
  FOREBAY_RETURN_IF_ERROR(find_due());
  return false;
}

// Of the bucket's next shard.
Status Calendar::take_bucket(int64_t bucket, int64_t now, const Visit& visit) {
  auto& shards = buckets_[bucket];
  const auto at = shards.lower_bound(static_cast<uint16_t>(next_shard_));
  if (next_shard_ > kLastShard || at == shards.end()) {
    if (shards.empty()) buckets_.erase(bucket);
    // Of the bucket that time is in, the rest is for later.
    next_shard_ = bucket == bucket_of(now) ? kLastShard + 1 : 0;
    return Status::ok();
  }
  const uint16_t shard = *at;
  KeyRows key;
  append_group_key(bucket, shard, key);
  std::vector<OrderedTable::Group*> group(1);
  FOREBAY_RETURN_IF_ERROR(events_.load(key, group));
  OrderedTable::Entry* entry = OrderedTable::first(group[0]);
  uint32_t taken = 0;
  while (entry != nullptr && time_at(OrderedTable::suffix(entry), 0) <= now) {
    if (taken++ == context_.batch_rows) return Status::ok();
    const std::string_view suffix = OrderedTable::suffix(entry);
    FOREBAY_RETURN_IF_ERROR(
        visit(time_at(suffix, 0), shard, suffix.substr(kTimeBytes), OrderedTable::count(entry)));
    OrderedTable::Entry* next = OrderedTable::next(group[0], entry);
    events_.set_count(group[0], events_.upsert(group[0], suffix), 0);
    entry = next;
  }
  next_shard_ = shard + 1u;
  if (entry != nullptr) return Status::ok();
  shards.erase(at);
  return note_buckets({{bucket, shard}}, 0);
}

Status Calendar::find_due() {
  due_.reset();
  while (!buckets_.empty() && !due_) {
    const auto& [bucket, shards] = *buckets_.begin();
    KeyRows keys;
    for (uint16_t shard : shards) append_group_key(bucket, shard, keys);
    std::vector<OrderedTable::Group*> groups(keys.rows());
    if (keys.rows() > 0) FOREBAY_RETURN_IF_ERROR(events_.load(keys, groups));
    std::vector<std::pair<int64_t, uint16_t>> empty;
    size_t i = 0;
    for (uint16_t shard : shards) {
      const OrderedTable::Entry* first = OrderedTable::first(groups[i++]);
      if (first == nullptr) {
        empty.emplace_back(bucket, shard);
        continue;
      }
      const int64_t when = time_at(OrderedTable::suffix(first), 0);
      due_ = std::min(due_.value_or(when), when);
    }
    FOREBAY_RETURN_IF_ERROR(note_buckets(empty, 0));
    for (const auto& [of, shard] : empty) buckets_[of].erase(shard);
    if (buckets_.begin()->second.empty()) buckets_.erase(buckets_.begin());
  }
  return Status::ok();
}

}  // namespace forebay::operators
