#include "engine/operators/timer_log.h"

#include <algorithm>
#include <tuple>

#include "engine/operators/time_judge.h"

namespace forebay::operators {

namespace {

// Persisted: about a second. DO NOT CHANGE.
constexpr int kBucketBits = 20;
constexpr size_t kNumberBytes = 8;

int64_t bucket_of(int64_t time) { return time >> kBucketBits; }
int64_t start_of(int64_t bucket) { return bucket << kBucketBits; }
int64_t last_of(int64_t bucket) { return start_of(bucket) + ((int64_t{1} << kBucketBits) - 1); }

void append_number(int64_t number, std::string& out) {
  const auto bits = static_cast<uint64_t>(number) ^ uint64_t { 1 } << 63;
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(bits >> shift));
}

int64_t number_at(std::string_view bytes) {
  uint64_t bits = 0;
  for (size_t i = 0; i < kNumberBytes; ++i) bits = bits << 8 | static_cast<uint8_t>(bytes[i]);
  return static_cast<int64_t>(bits ^ uint64_t{1} << 63);
}

/// Returns the bytes that it took.
size_t append_timer(uint64_t offset, std::string_view key, std::string& log) {
  const size_t before = log.size();
  data::append_varint(offset, log);
  data::append_varint(key.size(), log);
  log += key;
  return log.size() - before;
}

bool is_before(int64_t time, int64_t bound) {
  return bound == TimeJudge::kEverything || time < bound;
}

}  // namespace

TimerLog::TimerLog(TableId table, const OperatorContext& context)
    : table_(table), context_(context), shards_(data::kShardCount) {
  if (context.starts_empty) shards_.assign(data::kShardCount, {true, true, 0});
}

std::string TimerLog::entry_key(int64_t bucket, uint16_t shard, int64_t number) const {
  std::string key = state::store_key_prefix(shard, table_);
  append_number(bucket, key);
  append_number(number, key);
  return key;
}

void TimerLog::add(int64_t time, std::string_view key, uint64_t hash) {
  const int64_t bucket = bucket_of(time);
  const auto offset = static_cast<uint64_t>(time - start_of(bucket));
  fresh_bytes_ += append_timer(offset, key, fresh_[Place(bucket, data::shard_of_hash(hash))]);
}

void TimerLog::add_due(std::string_view key, uint64_t hash) {
  append_timer(0, key, now_[data::shard_of_hash(hash)]);
}

bool TimerLog::is_passed(int64_t bucket) const { return is_before(last_of(bucket), bound_); }

void TimerLog::take_due(Logs& logs, bool is_stored) {
  for (auto at = logs.begin(); at != logs.end();) {
    const auto [bucket, shard] = at->first;
    if (!is_before(start_of(bucket), bound_)) {
      ++at;
      continue;
    }
    if (!is_passed(bucket)) {
      due_.push_back({shard, bucket, false, at->second});
      ++at;
      continue;
    }
    due_.push_back({shard, bucket, false, std::move(at->second)});
    if (is_stored) passed_.push_back(entry_key(bucket, shard, sealed_number_));
    logs.erase(at++);
  }
}

void TimerLog::begin(int64_t from, int64_t bound) {
  from_ = from;
  bound_ = bound;
  shard_ = 0;
  due_.clear();
  next_due_ = 0;
  for (auto& [shard, log] : now_) due_.push_back({shard, 0, true, std::move(log)});
  now_.clear();
  take_due(fresh_, false);
  take_due(sealed_, true);
  // In the order of a hash table they would not be the same in every run.
  std::sort(due_.begin(), due_.end(), [](const Due& a, const Due& b) {
    return std::tie(a.shard, a.bucket, a.log) < std::tie(b.shard, b.bucket, b.log);
  });
}

Status TimerLog::next(uint32_t enough, data::KeyRows& keys) {
  keys.bytes.clear();
  keys.offsets.assign(1, 0);
  keys.hashes.clear();
  for (; shard_ < data::kShardCount && keys.rows() < enough; ++shard_) {
    const auto shard = static_cast<uint16_t>(shard_);
    if (!context_.owns_shard(shard)) continue;
    given_.clear();
    first_of_shard_ = keys.rows();
    for (; next_due_ < due_.size() && due_[next_due_].shard == shard; ++next_due_) {
      const Due& due = due_[next_due_];
      int64_t later = 0;
      FOREBAY_RETURN_IF_ERROR(read_log(due.bucket, due.log, due.whatever_time, keys, later));
    }
    FOREBAY_RETURN_IF_ERROR(read_shard(shard, keys));
  }
  if (shard_ == data::kShardCount && keys.rows() == 0) {
    due_.clear();
    cursor_.reset();
    snapshot_.reset();
  }
  return Status::ok();
}

Status TimerLog::read_shard(uint16_t number, data::KeyRows& keys) {
  Shard& shard = shards_[number];
  if (context_.store == nullptr) return Status::ok();
  if (shard.is_known && (shard.is_empty || !is_before(shard.next, bound_))) return Status::ok();
  const std::string prefix = state::store_key_prefix(number, table_);
  std::string lower = prefix;
  append_number(bucket_of(from_), lower);
  if (cursor_ == nullptr) {
    // One cursor for all shards.
    snapshot_ = context_.store->snapshot();
    cursor_ = snapshot_->scan(kFamily, lower, {});
  } else {
    cursor_->seek(lower);
  }
  shard = {true, true, TimeJudge::kEverything};
  for (; cursor_->valid() && cursor_->key().starts_with(prefix); cursor_->next()) {
    const std::string_view key = cursor_->key().substr(prefix.size());
    if (key.size() != 2 * kNumberBytes) {
      return {data::sqlstate::kDataCorrupted, "corrupt log of timers"};
    }
    const int64_t bucket = number_at(key);
    if (!is_before(start_of(bucket), bound_)) {
      shard.next = std::min(shard.next, start_of(bucket));
      shard.is_empty = false;
      break;
    }
    FOREBAY_RETURN_IF_ERROR(read_log(bucket, cursor_->value(), false, keys, shard.next));
    if (is_passed(bucket)) {
      passed_.emplace_back(cursor_->key());
    } else {
      // To be deleted, if for nothing else.
      shard.next = std::min(shard.next, last_of(bucket));
      shard.is_empty = false;
    }
  }
  return cursor_->status();
}

Status TimerLog::read_log(int64_t bucket, std::string_view log, bool whatever_time,
                          data::KeyRows& keys, int64_t& next) {
  while (!log.empty()) {
    uint64_t offset = 0, size = 0;
    if (!data::read_varint(log, offset) || !data::read_varint(log, size) ||
        offset >> kBucketBits != 0 || size > log.size()) {
      return {data::sqlstate::kDataCorrupted, "corrupt log of timers"};
    }
    const std::string_view key = log.substr(0, size);
    log.remove_prefix(size);
    const int64_t time = start_of(bucket) + static_cast<int64_t>(offset);
    if (whatever_time || (time >= from_ && is_before(time, bound_))) {
      give(key, data::hash_key(key), keys);
    } else if (time >= from_) {
      next = std::min(next, time);
    }
  }
  return Status::ok();
}

void TimerLog::give(std::string_view key, uint64_t hash, data::KeyRows& keys) {
  const uint32_t place = keys.rows() - first_of_shard_;
  const auto same = [&](uint32_t at) { return keys.key(first_of_shard_ + at) == key; };
  if (given_.find_or_add(hash, place, same) != place) return;
  keys.bytes += key;
  keys.offsets.push_back(static_cast<uint32_t>(keys.bytes.size()));
  keys.hashes.push_back(hash);
}

void TimerLog::seal(state::SealedRun& run) {
  for (const auto& [place, log] : sealed_) {
    Shard& shard = shards_[place.second];
    if (!shard.is_known) continue;
    const int64_t start = start_of(place.first);
    shard.next = shard.is_empty ? start : std::min(shard.next, start);
    shard.is_empty = false;
  }
  // One that was in memory may have been in the store already.
  std::sort(passed_.begin(), passed_.end());
  passed_.erase(std::unique(passed_.begin(), passed_.end()), passed_.end());
  for (const std::string& key : passed_) run.remove(kFamily, key);
  passed_.clear();
  // Above what any epoch before, also before a restart, has taken: those are committed, but for the
  // last one, and the number of an epoch is not below what its entries take.
  const auto committed =
      context_.store == nullptr ? 0 : static_cast<int64_t>(context_.store->last_committed().value);
  sealed_number_ = std::max(sealed_number_, committed) + 1;
  for (const auto& [place, log] : fresh_) {
    run.put(kFamily, entry_key(place.first, place.second, sealed_number_), log);
  }
  sealed_ = std::move(fresh_);
  sealed_bytes_ = fresh_bytes_;
  fresh_ = Logs();
  fresh_bytes_ = 0;
  now_.clear();
}

size_t TimerLog::memory_bytes() const {
  const size_t slots = fresh_.capacity() + sealed_.capacity();
  return fresh_bytes_ + sealed_bytes_ + slots * (sizeof(Logs::value_type) + 1);
}

}  // namespace forebay::operators
