#include "engine/runtime/inputs.h"

#include <algorithm>

namespace forebay::runtime {

namespace {
// What a reader may be ahead of the workers.
constexpr size_t kQueueBatches = 8;
constexpr size_t kQueueBytes = size_t{24} << 20;
// A reader that answers less often is one that was not asked.
constexpr int64_t kLongestLookNanos = 1'000'000'000;
}  // namespace

bool covers(const connectors::Positions& positions, const connectors::Positions& others) {
  std::map<std::string_view, data::Offset> by_name;
  for (const connectors::PartitionPosition& one : positions) by_name.emplace(one.name, one.next);
  return std::all_of(others.begin(), others.end(), [&](const connectors::PartitionPosition& other) {
    auto found = by_name.find(other.name);
    return found != by_name.end() && found->second >= other.next;
  });
}

connectors::Positions furthest(const connectors::Positions& a, const connectors::Positions& b) {
  std::map<std::string_view, const connectors::PartitionPosition*> by_name;
  for (const connectors::Positions* positions : {&a, &b}) {
    for (const connectors::PartitionPosition& one : *positions) {
      auto [found, is_new] = by_name.emplace(one.name, &one);
      if (!is_new && found->second->next < one.next) found->second = &one;
    }
  }
  connectors::Positions result;
  for (const auto& [name, position] : by_name) result.push_back(*position);
  return result;
}

SourceQueue::SourceQueue(SourceInput input, connectors::Positions positions)
    : input_(std::move(input)) {
  for (connectors::PartitionPosition& position : positions) {
    committed_[position.id] = std::move(position);
  }
}

bool SourceQueue::has_room() const {
  return queued_.load() < kQueueBatches && queued_bytes_.load() < kQueueBytes;
}

uint64_t SourceQueue::turn() const {
  std::lock_guard lock(mutex_);
  return turn_;
}

void SourceQueue::looked(uint64_t turn, int64_t now_ns) {
  std::lock_guard lock(mutex_);
  if (turn != turn_) return;
  if (looked_ns_) attention_ns_ += std::clamp<int64_t>(now_ns - *looked_ns_, 0, kLongestLookNanos);
  looked_ns_ = now_ns;
}

void SourceQueue::put(uint64_t turn, connectors::RawBatch batch) {
  std::lock_guard lock(mutex_);
  if (turn != turn_) return;
  queued_bytes_ += batch.size;
  connectors::PartitionPosition& given = given_[batch.partition];
  given.id = batch.partition;
  given.name = batch.partition_name;
  given.next = batch.to;
  arrived_[batch.partition] = attention_ns_;
  nothing_left_ = false;
  queue_.push_back(std::move(batch));
  queued_.store(queue_.size());
}

void SourceQueue::set_status(uint64_t turn, std::string status, std::string reason) {
  std::lock_guard lock(mutex_);
  if (turn != turn_) return;
  status_ = std::move(status);
  reason_ = std::move(reason);
}

void SourceQueue::set_end(uint64_t turn) {
  std::lock_guard lock(mutex_);
  if (turn != turn_) return;
  ended_ = true;
}

void SourceQueue::set_ends(uint64_t turn, connectors::Positions ends) {
  std::lock_guard lock(mutex_);
  if (turn != turn_) return;
  ends_ = std::move(ends);
  polled_ = true;
  ++looks_;
}

void SourceQueue::set_idle(uint64_t turn) {
  std::lock_guard lock(mutex_);
  if (turn != turn_) return;
  ++idles_;
  nothing_left_ = true;
}

void SourceQueue::pause(int64_t now_ns) {
  start_over(std::nullopt);
  std::lock_guard lock(mutex_);
  paused_since_ns_ = now_ns;
}

void SourceQueue::resume() {
  std::lock_guard lock(mutex_);
  paused_since_ns_.reset();
}

bool SourceQueue::is_paused() const { return paused_since_ns().has_value(); }

std::optional<int64_t> SourceQueue::paused_since_ns() const {
  std::lock_guard lock(mutex_);
  return paused_since_ns_;
}

SourceQueue::Mark SourceQueue::mark() const {
  std::lock_guard lock(mutex_);
  return {looks_, idles_, std::nullopt, std::nullopt};
}

bool SourceQueue::is_fresh(Mark& mark) const {
  std::lock_guard lock(mutex_);
  if (!mark.ends && looks_ > mark.looks && !ends_.empty() &&
      std::all_of(ends_.begin(), ends_.end(), [](const auto& end) { return end.end; })) {
    mark.ends = ends_;
    for (connectors::PartitionPosition& end : *mark.ends) end.next = *end.end;
  }
  if (!mark.given && (idles_ > mark.idles || ended_)) {
    mark.given.emplace();
    for (const auto& [id, position] : given_) mark.given->push_back(position);
  }
  connectors::Positions committed;
  for (const auto& [id, position] : committed_) committed.push_back(position);
  return (mark.given && covers(committed, *mark.given)) ||
         (mark.ends && covers(committed, *mark.ends));
}

std::optional<connectors::Positions> SourceQueue::until() const {
  std::lock_guard lock(mutex_);
  return until_;
}

connectors::Positions SourceQueue::current_positions() const {
  std::lock_guard lock(mutex_);
  std::map<data::PartitionId, const connectors::PartitionPosition*> merged;
  for (const auto& [id, position] : committed_) merged[id] = &position;
  for (const auto& [epoch, taken] : taken_) {
    for (const auto& [id, position] : taken) merged[id] = &position;
  }
  connectors::Positions positions;
  for (const auto& [id, position] : merged) positions.push_back(*position);
  return positions;
}

bool SourceQueue::is_running() const {
  std::lock_guard lock(mutex_);
  return polled_ && !frozen_ && !paused_since_ns_ && !until_ && status_ == "running";
}

connectors::Positions SourceQueue::ends() const {
  std::lock_guard lock(mutex_);
  return ends_;
}

void SourceQueue::start_over(std::optional<connectors::Positions> until) {
  std::lock_guard lock(mutex_);
  ++turn_;
  queue_.clear();
  given_.clear();
  queued_.store(0);
  queued_bytes_.store(0);
  until_ = std::move(until);
  ended_ = false;
  polled_ = false;
  nothing_left_ = false;
  looked_ns_.reset();
  arrived_.clear();
  since_ns_ = attention_ns_;
  status_ = "running";
  reason_.clear();
}

void SourceQueue::freeze(bool frozen) {
  std::lock_guard lock(mutex_);
  frozen_ = frozen;
}

bool SourceQueue::is_drained() const {
  std::lock_guard lock(mutex_);
  return (ended_ || status_ != "running") && queue_.empty();
}

bool SourceQueue::take(uint64_t epoch, const std::atomic<uint64_t>& named_end,
                       connectors::RawBatch& batch) {
  if (queued_.load() == 0) return false;
  std::lock_guard lock(mutex_);
  // A worker that is already in the next epoch may have taken the batch before this one: an epoch
  // whose end is named takes nothing more.
  if (queue_.empty() || frozen_ || paused_since_ns_ || named_end.load() >= epoch) return false;
  batch = std::move(queue_.front());
  queue_.pop_front();
  queued_.store(queue_.size());
  queued_bytes_ -= batch.size;
  connectors::PartitionPosition& position = taken_[epoch][batch.partition];
  position.id = batch.partition;
  position.name = batch.partition_name;
  position.next = batch.to;
  position.state = batch.state_after;
  arrived_[batch.partition] = attention_ns_;
  for (connectors::PartitionPosition& start : batch.starts) {
    taken_[epoch].try_emplace(start.id, std::move(start));
  }
  return true;
}

std::vector<SourceQueue::Partition> SourceQueue::partitions() const {
  const connectors::Positions taken = current_positions();
  std::lock_guard lock(mutex_);
  struct Known {
    data::PartitionId id;
    uint64_t next = 0;
    std::optional<uint64_t> end;
  };
  std::map<std::string_view, Known> known;
  for (const connectors::PartitionPosition& end : ends_) {
    Known& one = known[end.name];
    one.id = end.id;
    if (end.end) one.end = end.end->value;
  }
  for (const connectors::PartitionPosition& position : taken) {
    Known& one = known[position.name];
    one.id = position.id;
    one.next = position.next.value;
  }
  std::set<data::PartitionId> queued;
  for (const connectors::RawBatch& batch : queue_) queued.insert(batch.partition);
  std::vector<Partition> result;
  for (const auto& [name, one] : known) {
    Partition& partition = result.emplace_back();
    partition.name = name;
    partition.is_read = polled_ && !queued.contains(one.id) &&
                        (nothing_left_ || ended_ || (one.end && one.next >= *one.end));
    const auto arrived = arrived_.find(one.id);
    partition.quiet_ns = attention_ns_ - (arrived != arrived_.end() ? arrived->second : since_ns_);
  }
  return result;
}

bool SourceQueue::is_finished() const {
  std::lock_guard lock(mutex_);
  return ended_ && !until_ && !paused_since_ns_ && queue_.empty();
}

bool SourceQueue::empty() const { return queued_.load() == 0; }

connectors::Positions SourceQueue::take_positions(uint64_t epoch) {
  std::lock_guard lock(mutex_);
  std::map<data::PartitionId, connectors::PartitionPosition> merged;
  while (!taken_.empty() && taken_.begin()->first <= epoch) {
    for (auto& [id, position] : taken_.begin()->second) merged[id] = std::move(position);
    taken_.erase(taken_.begin());
  }
  connectors::Positions positions;
  for (auto& [id, position] : merged) positions.push_back(std::move(position));
  return positions;
}

void SourceQueue::committed(const connectors::Positions& positions) {
  std::lock_guard lock(mutex_);
  for (const connectors::PartitionPosition& position : positions)
    committed_[position.id] = position;
}

connectors::Positions SourceQueue::committed_positions() const {
  std::lock_guard lock(mutex_);
  connectors::Positions positions;
  for (const auto& [id, position] : committed_) positions.push_back(position);
  return positions;
}

SourceQueue::Show SourceQueue::show() const {
  std::lock_guard lock(mutex_);
  Show show;
  std::map<std::string_view, data::Offset> ends;
  for (const connectors::PartitionPosition& end : ends_) {
    if (end.end) ends.emplace(end.name, *end.end);
  }
  for (const auto& [id, position] : committed_) {
    show.positions.push_back(position);
    if (auto end = ends.find(position.name); end != ends.end()) {
      show.positions.back().end = end->second;
    }
  }
  show.finished = ended_ && !until_ && queue_.empty() && taken_.empty();
  show.status = paused_since_ns_ ? "paused" : show.finished ? "finished" : status_;
  if (!paused_since_ns_) show.reason = reason_;
  return show;
}

}  // namespace forebay::runtime
