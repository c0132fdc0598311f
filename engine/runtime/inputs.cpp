#include "engine/runtime/inputs.h"

namespace forebay::runtime {

namespace {
// What a reader may be ahead of the workers.
constexpr size_t kQueueBatches = 8;
constexpr size_t kQueueBytes = size_t{24} << 20;
}  // namespace

SourceQueue::SourceQueue(SourceInput input, ObjectId reader, uint32_t node,
                         connectors::Positions positions)
    : input_(std::move(input)), reader_(reader), node_(node) {
  for (connectors::PartitionPosition& position : positions) {
    committed_[position.id] = std::move(position);
  }
}

bool SourceQueue::has_room() const {
  return queued_.load() < kQueueBatches && queued_bytes_.load() < kQueueBytes;
}

void SourceQueue::put(connectors::RawBatch batch) {
  std::lock_guard lock(mutex_);
  queued_bytes_ += batch.size;
  bytes_ += batch.size;
  queue_.push_back(std::move(batch));
  queued_.store(queue_.size());
}

void SourceQueue::set_status(std::string status, std::string reason) {
  std::lock_guard lock(mutex_);
  status_ = std::move(status);
  reason_ = std::move(reason);
}

void SourceQueue::set_end() {
  std::lock_guard lock(mutex_);
  ended_ = true;
}

void SourceQueue::set_ends(connectors::Positions ends) {
  std::lock_guard lock(mutex_);
  for (const connectors::PartitionPosition& position : ends) {
    if (position.end) ends_[position.id] = *position.end;
  }
}

bool SourceQueue::take(uint64_t epoch, const std::atomic<uint64_t>& named_end,
                       connectors::RawBatch& batch) {
  if (queued_.load() == 0) return false;
  std::lock_guard lock(mutex_);
  // A worker that is already in the next epoch may have taken the batch before this one: an epoch whose
  // end is named takes nothing more.
  if (queue_.empty() || named_end.load() >= epoch) return false;
  batch = std::move(queue_.front());
  queue_.pop_front();
  queued_.store(queue_.size());
  queued_bytes_ -= batch.size;
  connectors::PartitionPosition& position = taken_[epoch][batch.partition];
  position.id = batch.partition;
  position.name = batch.partition_name;
  position.next = batch.to;
  position.state = batch.state_after;
  return true;
}

bool SourceQueue::empty() const { return queued_.load() == 0; }

void SourceQueue::count(uint64_t records, uint64_t errors) {
  records_.fetch_add(records, std::memory_order_relaxed);
  errors_.fetch_add(errors, std::memory_order_relaxed);
}

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
  for (const connectors::PartitionPosition& position : positions) committed_[position.id] = position;
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
  for (const auto& [id, position] : committed_) {
    show.positions.push_back(position);
    if (auto end = ends_.find(id); end != ends_.end()) show.positions.back().end = end->second;
  }
  show.records = records_.load();
  show.bytes = bytes_;
  show.errors = errors_.load();
  show.finished = ended_ && queue_.empty() && taken_.empty();
  show.status = show.finished ? "finished" : status_;
  show.reason = reason_;
  return show;
}

}  // namespace forebay::runtime
