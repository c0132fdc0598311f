// The reader's thread, its messages and what it hands over; kafka_topics.cpp has the topics and
// where their partitions start.

#include "connectors/kafka/kafka_reader.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstring>

namespace forebay::connectors {

namespace {

using std::chrono::milliseconds;

constexpr int kFetchWaitMs = 25;
/// While an answer is under way, or records wait for it.
constexpr int kShortWaitMs = 2;
constexpr size_t kFetchMessages = 4096;
constexpr size_t kReadyBatches = 4;
constexpr size_t kReadyBytes = size_t{4} << 20;
constexpr milliseconds kRefreshInterval{100};
constexpr int64_t kLongestPollWaitMs = 8;

/// "id=... epoch=...": the state of a position.
void read_state(const std::string& state, std::string& topic_id, int32_t& leader_epoch) {
  size_t blank = state.find(" epoch=");
  if (!state.starts_with("id=") || blank == std::string::npos) return;
  topic_id = state.substr(3, blank - 3);
  std::from_chars(state.data() + blank + 7, state.data() + state.size(), leader_epoch);
}

/// "topic/3": the name of a position.
Status parse_name(const std::string& name, TopicPartition& at) {
  const size_t slash = name.rfind('/');
  if (slash == std::string::npos ||
      std::from_chars(name.data() + slash + 1, name.data() + name.size(), at.partition).ec !=
          std::errc()) {
    return Status::internal(fmt::format("position of no partition: \"{}\"", name));
  }
  at.topic = name.substr(0, slash);
  return Status::ok();
}

}  // namespace

KafkaReader::KafkaReader(const KafkaConfig& config)
    : config_(config), pool_(std::make_shared<BufferPool>(MessageBatch::kFullBytes)) {}

KafkaReader::~KafkaReader() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Status KafkaReader::open(const Positions& positions) {
  FOREBAY_RETURN_IF_ERROR(restore(positions));
  return start();
}

Status KafkaReader::open_until(const Positions& positions, const Positions& until) {
  config_.bounded = true;
  closed_ = true;
  if (positions.empty()) {
    all_done_ = true;
    return Status::ok();
  }
  FOREBAY_RETURN_IF_ERROR(restore(positions));
  std::set<TopicPartition> wanted;
  for (const PartitionPosition& position : until) {
    TopicPartition at;
    FOREBAY_RETURN_IF_ERROR(parse_name(position.name, at));
    wanted.insert(at);
    add_partition(at).end = static_cast<int64_t>(position.next.value);
    Topic& topic = topics_[at.topic];
    if (topic.id.empty()) {
      int32_t leader_epoch = -1;
      read_state(position.state, topic.id, leader_epoch);
    }
  }
  std::erase_if(partitions_, [&](const auto& entry) { return wanted.count(entry.first) == 0; });
  return start();
}

Status KafkaReader::restore(const Positions& positions) {
  first_start_ = positions.empty();
  for (const PartitionPosition& position : positions) {
    TopicPartition at;
    FOREBAY_RETURN_IF_ERROR(parse_name(position.name, at));
    auto partition = std::make_unique<Partition>(config_, pool_);
    partition->id = position.id;
    partition->at = at;
    partition->name = position.name;
    partition->restored = true;
    partition->next = static_cast<int64_t>(position.next.value);
    Topic& topic = topics_[at.topic];
    topic.has_positions = true;
    topic.partitions = std::max(topic.partitions, at.partition + 1);
    read_state(position.state, topic.id, partition->leader_epoch);
    next_id_ = std::max(next_id_, position.id.value + 1);
    partitions_[at] = std::move(partition);
  }
  started_ = !first_start_;
  return Status::ok();
}

Status KafkaReader::start() {
  client_ = std::make_unique<KafkaClient>();
  FOREBAY_RETURN_IF_ERROR(client_->open(config_));
  thread_ = std::thread([this] { run(); });
  return Status::ok();
}

bool KafkaReader::is_stopping() const {
  std::lock_guard lock(mutex_);
  return stop_;
}

void KafkaReader::run() {
  while (!is_stopping() && !failed_) {
    look_at_topics();
    take_answers();
    ask_offsets();
    start_partitions();
    report_end_if_done();
    refresh_facts();
    if (failed_ || !wait_for_room()) continue;
    const bool answers_due = client_->is_asking_topics() || client_->is_asking_offsets();
    size_t count = client_->fetch(answers_due ? kShortWaitMs : kFetchWaitMs, kFetchMessages,
                                  [&](const FetchedMessage& message) { take_message(message); });
    if (count < kFetchMessages) flush_all();
  }
  client_.reset();  // brokers hear no more of us, whatever poll() still has to give
}

/// Waits a little when the caller is behind or records wait for a look at their topic; false: still
/// so.
bool KafkaReader::wait_for_room() {
  std::unique_lock lock(mutex_);
  if (!held_.empty()) {
    changed_.wait_for(lock, milliseconds(kShortWaitMs), [&] { return stop_; });
    return false;
  }
  return changed_.wait_for(lock, milliseconds(kFetchWaitMs), [&] {
    return stop_ || (ready_.size() < kReadyBatches && ready_bytes_ < kReadyBytes);
  });
}

void KafkaReader::take_message(const FetchedMessage& message) {
  if (last_ == nullptr || last_->at.partition != message.partition ||
      std::strcmp(last_->at.topic.c_str(), message.topic) != 0) {
    auto found = partitions_.find({message.topic, message.partition});
    if (found == partitions_.end()) {
      // Errors of topics and of the client as a whole.
      if (message.kind == FetchedMessage::Kind::kError) note_trouble(std::string(message.value));
      return;
    }
    last_ = found->second.get();
  }
  Partition& partition = *last_;
  if (!partition.assigned || partition.done) return;
  switch (message.kind) {
    case FetchedMessage::Kind::kRecord:
      heard_ = true;
      take_record(partition, message);
      return;
    case FetchedMessage::Kind::kEnd:
      heard_ = true;
      advance(partition, message.offset);
      return;
    case FetchedMessage::Kind::kOutOfRange:
      flush(partition);
      fail(Status(data::sqlstate::kNotInPrerequisiteState,
                  fmt::format("offset {} of partition {} of topic \"{}\" is out of range",
                              partition.next, partition.at.partition, partition.at.topic))
               .with_detail(std::string(message.value)));
      return;
    case FetchedMessage::Kind::kDamaged:
      flush(partition);
      fail(Status(data::sqlstate::kDataCorrupted,
                  fmt::format("a batch of partition {} of topic \"{}\" is damaged",
                              partition.at.partition, partition.at.topic))
               .with_detail(std::string(message.value)));
      return;
    case FetchedMessage::Kind::kError:
      note_trouble(fmt::format("partition {} of topic \"{}\": {}", partition.at.partition,
                               partition.at.topic, message.value));
      return;
  }
}

void KafkaReader::take_record(Partition& partition, const FetchedMessage& message) {
  if (message.offset < std::max(partition.next, partition.collected_to)) return;
  if (partition.end >= 0 && message.offset >= partition.end) {
    finish_partition(partition);
    return;
  }
  if (!partition.messages.has_room_for(message)) flush(partition);
  partition.messages.add(message);
  partition.collected_to = message.offset + 1;
  partition.leader_epoch = message.leader_epoch;
  if (partition.messages.bytes() >= MessageBatch::kFullBytes) flush(partition);
  if (partition.end >= 0 && partition.collected_to >= partition.end) finish_partition(partition);
}

/// Everything before `to` was given or skipped for good.
void KafkaReader::advance(Partition& partition, int64_t to) {
  flush(partition);
  if (to > partition.next) {
    RawBatch batch;
    batch.from = Offset(static_cast<uint64_t>(partition.next));
    partition.next = to;
    batch.to = Offset(static_cast<uint64_t>(to));
    hand_over(partition, std::move(batch));
  }
  if (!partition.done && partition.end >= 0 && partition.next >= partition.end) {
    finish_partition(partition);
  }
}

void KafkaReader::finish_partition(Partition& partition) {
  flush(partition);
  partition.done = true;  // first of all: advance() ends partitions, too
  advance(partition, partition.end);
  if (Status status = client_->unassign(partition.at); !status)
    note_trouble(status.error().message);
}

void KafkaReader::flush(Partition& partition) {
  if (partition.messages.empty()) return;
  RawBatch batch;
  batch.from = Offset(static_cast<uint64_t>(partition.next));
  batch.to = Offset(static_cast<uint64_t>(partition.collected_to));
  partition.next = partition.collected_to;
  partition.messages.finish(batch);
  hand_over(partition, std::move(batch));
}

void KafkaReader::flush_all() {
  for (auto& [at, partition] : partitions_) flush(*partition);
}

std::string KafkaReader::state_of(const Partition& partition) const {
  return fmt::format("id={} epoch={}", topics_.at(partition.at.topic).id, partition.leader_epoch);
}

void KafkaReader::hand_over(Partition& partition, RawBatch batch) {
  batch.partition = partition.id;
  batch.partition_name = partition.name;
  batch.partition_number = partition.at.partition;
  batch.state_after = state_of(partition);
  Topic& topic = topics_.at(partition.at.topic);
  if (topic.verified) {
    put(std::move(batch));
    return;
  }
  topic.wants_look = true;
  held_.emplace_back(&partition, std::move(batch));
}

void KafkaReader::release_held() {
  std::deque<std::pair<Partition*, RawBatch>> held;
  held.swap(held_);
  for (auto& [partition, batch] : held) {
    if (topics_.at(partition->at.topic).verified) {
      put(std::move(batch));
    } else {
      held_.emplace_back(partition, std::move(batch));
    }
  }
}

void KafkaReader::put(RawBatch batch) {
  std::lock_guard lock(mutex_);
  ready_bytes_ += batch.size;
  ready_.push_back(std::move(batch));
}

void KafkaReader::report_end_if_done() {
  if (!config_.bounded || !started_ || !looked_once_ || !held_.empty()) return;
  for (const auto& [at, partition] : partitions_) {
    if (!partition->done) return;
  }
  std::lock_guard lock(mutex_);
  all_done_ = true;
}

/// Now and then: errors of the client, ends of partitions, and what the group is told.
void KafkaReader::refresh_facts() {
  const Time now = std::chrono::steady_clock::now();
  if (now < next_refresh_) return;
  next_refresh_ = now + kRefreshInterval;
  std::string error = client_->take_error();
  Positions ends;
  for (const auto& [at, partition] : partitions_) {
    if (!partition->assigned && partition->end < 0) continue;
    PartitionPosition position;
    position.id = partition->id;
    position.name = partition->name;
    position.next = Offset(static_cast<uint64_t>(partition->next));
    if (partition->end >= 0) {
      position.end = Offset(static_cast<uint64_t>(partition->end));
    } else if (auto end = client_->known_end(at)) {
      position.end = Offset(static_cast<uint64_t>(std::max(*end, partition->next)));
    }
    ends.push_back(std::move(position));
  }
  std::map<TopicPartition, int64_t> to_commit;
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(heard_, false)) reason_ = missing_offsets_;
    ends_ = std::move(ends);
    to_commit.swap(to_commit_);
  }
  if (!error.empty()) note_trouble("broker cannot be reached: " + error);
  if (!to_commit.empty()) client_->commit_to_group(to_commit);
}

void KafkaReader::note_trouble(std::string reason) {
  const Time soon = std::chrono::steady_clock::now() + milliseconds(500);
  next_look_ = std::min(next_look_, soon);
  std::lock_guard lock(mutex_);
  reason_ = std::move(reason);
}

void KafkaReader::fail(Status status) {
  if (failed_) return;
  failed_ = true;
  std::lock_guard lock(mutex_);
  failure_ = std::move(status);
}

Result<PollOutcome> KafkaReader::poll(RawBatch& batch, int64_t& wait_ms) {
  {
    std::lock_guard lock(mutex_);
    if (ready_.empty()) {
      if (!failure_) return failure_.clone();
      if (all_done_) return PollOutcome::kEnd;
      idle_polls_ = std::min(idle_polls_ + 1, 3);
      wait_ms = std::min(kLongestPollWaitMs, int64_t{1} << idle_polls_);
      return PollOutcome::kNothing;
    }
    batch = std::move(ready_.front());
    ready_.pop_front();
    ready_bytes_ -= batch.size;
    idle_polls_ = 0;
  }
  changed_.notify_one();
  return PollOutcome::kBatch;
}

Positions KafkaReader::ends() const {
  std::lock_guard lock(mutex_);
  return ends_;
}

std::string KafkaReader::waiting_reason() const {
  std::lock_guard lock(mutex_);
  return reason_;
}

void KafkaReader::committed(const Positions& positions) {
  if (!config_.commits_to_group) return;
  std::lock_guard lock(mutex_);
  for (const PartitionPosition& position : positions) {
    TopicPartition at;
    if (!parse_name(position.name, at)) continue;
    int64_t& told = told_[at];
    if (told == static_cast<int64_t>(position.next.value)) continue;
    told = static_cast<int64_t>(position.next.value);
    to_commit_[at] = told;
  }
}

}  // namespace forebay::connectors
