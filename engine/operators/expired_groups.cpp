#include "engine/operators/expired_groups.h"

namespace forebay::operators {

namespace {
/// Entries that are looked at for each key that a call may give.
constexpr uint32_t kReadPerKey = 64;
}  // namespace

Status free_groups(state::OrderedTable& table, const data::KeyRows& keys,
                   std::vector<state::OrderedTable::Group*>& scratch) {
  using state::OrderedTable;
  scratch.resize(keys.rows());
  FOREBAY_RETURN_IF_ERROR(table.find(keys, scratch));
  for (OrderedTable::Group* group : scratch) {
    if (group == nullptr) continue;
    OrderedTable::for_each(group,
                           [&](OrderedTable::Entry* entry) { table.set_count(group, entry, 0); });
  }
  return Status::ok();
}

void ExpiredGroups::add(const data::KeyRows& keys, std::span<const uint8_t> created) {
  for (uint32_t i = 0; i < keys.rows(); ++i) {
    if (!created[i]) continue;
    fresh_.bytes += keys.key(i);
    fresh_.ends.push_back(static_cast<uint32_t>(fresh_.bytes.size()));
  }
}

void ExpiredGroups::begin(std::string lower, std::string upper) {
  lower_ = std::move(lower);
  upper_ = std::move(upper);
  fresh_at_ = sealed_at_ = 0;
  shard_ = 0;
  cursor_.reset();
  snapshot_.reset();
  is_searching_ = context_.store != nullptr;
  shards_.resize(data::kShardCount);
  next_shard();
}

void ExpiredGroups::next_shard() {
  const auto may_have = [this](uint16_t number) {
    const Shard& shard = shards_[number];
    if (!context_.owns_shard(number)) return false;
    return !shard.is_known || (!shard.is_empty && shard.next < upper_);
  };
  while (is_searching_ && shard_ < data::kShardCount && !may_have(shard_)) ++shard_;
  if (!is_searching_ || shard_ == data::kShardCount) {
    is_searching_ = false;
    cursor_.reset();
    snapshot_.reset();
    return;
  }
  const std::string prefix = state::store_key_prefix(shard_++, table_);
  end_ = prefix + upper_;
  if (cursor_ != nullptr) {
    cursor_->seek(prefix + lower_);
    return;
  }
  // One cursor for all shards.
  snapshot_ = context_.store->snapshot();
  cursor_ = snapshot_->scan(family_, prefix + lower_, {});
}

void ExpiredGroups::leave_shard() {
  Shard& shard = shards_[shard_ - 1];
  const std::string prefix = state::store_key_prefix(static_cast<uint16_t>(shard_ - 1), table_);
  shard.is_known = true;
  shard.is_empty = !cursor_->valid() || !cursor_->key().starts_with(prefix);
  if (!shard.is_empty) shard.next = cursor_->key().substr(prefix.size());
}

void ExpiredGroups::note_stored(std::string_view key) {
  Shard& shard = shards_[data::shard_of_hash(data::hash_key(key.substr(hashed_from_)))];
  if (!shard.is_known || (!shard.is_empty && shard.next <= key)) return;
  shard.is_empty = false;
  shard.next = key;
}

void ExpiredGroups::append(std::string_view key, data::KeyRows& keys) const {
  keys.bytes += key;
  keys.offsets.push_back(static_cast<uint32_t>(keys.bytes.size()));
}

Result<std::string_view> ExpiredGroups::group_part(
    std::string_view key, std::vector<data::ColumnBuilder>& scratch) const {
  if (group_types_.empty()) return key;
  std::string_view rest = key;
  for (data::ColumnBuilder& column : scratch) {
    FOREBAY_RETURN_IF_ERROR(data::decode_key(rest, data::KeyMode::kGrouping, column));
  }
  return key.substr(0, key.size() - rest.size());
}

Status ExpiredGroups::next(uint32_t most, data::KeyRows& keys) {
  keys.bytes.clear();
  keys.offsets.assign(1, 0);
  for (auto [list, at] : {std::pair(&fresh_, &fresh_at_), std::pair(&sealed_, &sealed_at_)}) {
    for (; *at < list->ends.size() && keys.rows() < most; ++*at) {
      const uint32_t from = *at == 0 ? 0 : list->ends[*at - 1];
      const std::string_view key(list->bytes.data() + from, list->ends[*at] - from);
      if (key >= lower_ && key < upper_) append(key, keys);
    }
  }
  std::vector<data::ColumnBuilder> scratch(group_types_.begin(), group_types_.end());
  for (uint32_t read = 0; cursor_ != nullptr && keys.rows() < most;) {
    if (cursor_->valid() && cursor_->key() < end_) {
      if (++read > kReadPerKey * most) break;  // keys is not empty: groups of very many entries
      std::string_view key = cursor_->key().substr(state::kStoreKeyPrefixBytes);
      const bool goes_on =
          !group_types_.empty() && keys.rows() > 0 && key.starts_with(keys.key(keys.rows() - 1));
      if (!goes_on) {
        FOREBAY_ASSIGN_OR_RETURN(key, group_part(key, scratch));
        append(key, keys);
      }
      cursor_->next();
      continue;
    }
    if (!cursor_->valid()) FOREBAY_RETURN_IF_ERROR(cursor_->status());
    leave_shard();
    next_shard();
  }
  keys.hashes.clear();
  for (uint32_t i = 0; i < keys.rows(); ++i) {
    keys.hashes.push_back(data::hash_key(keys.key(i).substr(hashed_from_)));
  }
  return Status::ok();
}

Status ExpiredGroups::set_timer(state::PointTable& timers, std::string_view time,
                                std::string_view key) {
  due_.bytes.assign(time).append(key);
  due_.offsets = {0, static_cast<uint32_t>(due_.bytes.size())};
  due_.hashes = {data::hash_key(key)};
  state::PointTable::Entry* timer = nullptr;
  uint8_t created = 0;
  FOREBAY_RETURN_IF_ERROR(timers.find_or_create(due_, {&timer, 1}, {&created, 1}));
  if (created == 0 && !state::PointTable::is_erased(timer)) return Status::ok();
  timers.mark_dirty(timer);
  created = 1;
  add(due_, {&created, 1});
  return Status::ok();
}

Result<bool> ExpiredGroups::take_due(state::PointTable& timers, uint32_t most,
                                     data::KeyRows& keys) {
  keys.bytes.clear();
  keys.offsets.assign(1, 0);
  keys.hashes.clear();
  FOREBAY_RETURN_IF_ERROR(next(most, due_));
  if (due_.rows() == 0) return false;
  due_entries_.resize(due_.rows());
  FOREBAY_RETURN_IF_ERROR(timers.find(due_, due_entries_));
  for (uint32_t i = 0; i < due_.rows(); ++i) {
    state::PointTable::Entry* timer = due_entries_[i];
    // Gone, or erased by an equal key before it.
    if (timer == nullptr || state::PointTable::is_erased(timer)) continue;
    timers.mark_dirty(timer);
    timers.erase(timer);
    keys.bytes += due_.key(i).substr(hashed_from_);
    keys.offsets.push_back(static_cast<uint32_t>(keys.bytes.size()));
    keys.hashes.push_back(due_.hashes[i]);
  }
  return true;
}

void ExpiredGroups::seal() {
  std::swap(sealed_, fresh_);
  uint32_t from = 0;
  for (const uint32_t end : fresh_.ends) {
    if (shards_.empty()) break;  // nothing is known of any shard
    note_stored(std::string_view(fresh_.bytes).substr(from, end - from));
    from = end;
  }
  fresh_.bytes.clear();
  fresh_.ends.clear();
}

size_t ExpiredGroups::memory_bytes() const {
  return fresh_.bytes.capacity() + sealed_.bytes.capacity() +
         4 * (fresh_.ends.capacity() + sealed_.ends.capacity());
}

}  // namespace forebay::operators
