// The reader's view of its topics: which partitions there are, where they start, and whether a
// topic is still the one that it was.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "connectors/kafka/kafka_reader.h"

namespace forebay::connectors {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kAskAgain{200};
constexpr milliseconds kLookAgainSoon{500};
constexpr int kListTimeoutMs = 1000;
/// A broker that has just started may not know all topics yet: so often, and for so long, must one
/// be missing.
constexpr int kMissingLooks = 3;
constexpr milliseconds kMissingFor{3000};

}  // namespace

/// The topics to ask about; false: the cluster could not say.
bool KafkaReader::names_to_look_at(bool verifying, std::vector<std::string>& names) {
  if (!closed_) names = config_.topics;
  for (const auto& [name, topic] : topics_) names.push_back(name);
  if (!config_.pattern.empty() && !verifying && !closed_ && !(config_.bounded && looked_once_)) {
    auto listed = client_->list_topics(config_.pattern, kListTimeoutMs);
    if (!listed) {
      note_trouble("broker cannot be reached: " + listed.error().message);
      return false;
    }
    for (std::string& name : *listed) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return true;
}

void KafkaReader::look_at_topics() {
  if (client_->is_asking_topics()) return;
  const Time now = std::chrono::steady_clock::now();
  const bool verifying = std::any_of(topics_.begin(), topics_.end(),
                                     [](const auto& entry) { return entry.second.wants_look; });
  if (!verifying && now < next_look_) return;
  if (!verifying) next_look_ = now + milliseconds(config_.watch_interval_ms);
  std::vector<std::string> names;
  if (!names_to_look_at(verifying, names)) return;
  if (names.empty()) {
    looked_once_ = true;
    return;
  }
  for (auto& [name, topic] : topics_) topic.being_verified = std::exchange(topic.wants_look, false);
  client_->ask_topics(names);
}

void KafkaReader::take_answers() {
  while (auto answer = client_->take_answer()) {
    if (answer->topics.empty() && (!asked_.empty() || asking_ends_) &&
        !client_->is_asking_offsets()) {
      take_offsets(*answer);
    } else {
      take_topics(*answer);
    }
    if (failed_) return;
  }
}

void KafkaReader::take_topics(ClusterAnswer& answer) {
  if (!answer.error.empty()) {
    for (auto& [name, topic] : topics_)
      topic.wants_look |= std::exchange(topic.being_verified, false);
    note_trouble("broker cannot be reached: " + answer.error);
    return;
  }
  bool complete = true;
  for (const auto& [name, facts] : answer.topics) {
    complete &= !facts.missing && facts.error.empty();
    take_topic(name, facts);
    if (failed_) return;
  }
  heard_ |= complete;
  looked_once_ |= complete;
  release_held();
}

void KafkaReader::take_topic(const std::string& name, const TopicFacts& facts) {
  Topic& topic = topics_[name];
  const bool verified = std::exchange(topic.being_verified, false);
  if (facts.missing) {
    take_missing(name, topic);
    return;
  }
  if (!facts.error.empty()) {
    topic.wants_look |= verified;
    note_trouble(fmt::format("topic \"{}\": {}", name, facts.error));
    return;
  }
  topic.missing_looks = 0;
  if (!topic.id.empty() && !facts.id.empty() && facts.id != topic.id) {
    fail(Status(data::sqlstate::kNotInPrerequisiteState,
                fmt::format("topic \"{}\" was deleted and created again", name))
             .with_hint("Its offsets mean nothing any more: drop the source and create it again."));
    return;
  }
  topic.id = facts.id;
  topic.seen = true;
  // Brokers without topic ids have nothing to verify.
  topic.verified |= verified || facts.id.empty();
  // What comes after the first look is beyond the end of bounded input.
  const bool closed = closed_ || (config_.bounded && looked_once_);
  for (int32_t i = 0; i < facts.partitions && !closed; ++i) add_partition({name, i});
  topic.partitions = std::max(topic.partitions, facts.partitions);
}

void KafkaReader::take_missing(const std::string& name, Topic& topic) {
  const Time now = std::chrono::steady_clock::now();
  if (topic.missing_looks++ == 0) topic.missing_since = now;
  note_trouble(fmt::format("topic \"{}\" does not exist", name));
  const bool surely =
      topic.missing_looks >= kMissingLooks && now - topic.missing_since >= kMissingFor;
  if (!surely) return;
  if (topic.has_positions) {
    fail(Status(data::sqlstate::kNotInPrerequisiteState,
                fmt::format("topic \"{}\" was deleted", name)));
  } else if (config_.bounded) {
    fail(
        Status(data::sqlstate::kUndefinedObject, fmt::format("topic \"{}\" does not exist", name)));
  }
}

KafkaReader::Partition& KafkaReader::add_partition(const TopicPartition& at) {
  auto& slot = partitions_[at];
  if (slot != nullptr) return *slot;
  slot = std::make_unique<Partition>(config_, pool_);
  slot->id = PartitionId(next_id_++);
  slot->at = at;
  slot->name = fmt::format("{}/{}", at.topic, at.partition);
  return *slot;
}

/// What to ask for; partitions that come later than the first ones are read from their beginning.
int64_t KafkaReader::wanted_start(const Partition& partition) const {
  if (started_) return kOffsetEarliest;
  switch (config_.start) {
    case KafkaStart::kLatest:
      return kOffsetLatest;
    case KafkaStart::kTimestamp:
      return beyond_.count(partition.at) != 0 ? kOffsetLatest : config_.start_timestamp_ms;
    case KafkaStart::kEarliest:
    case KafkaStart::kOffsets:
      break;
  }
  return kOffsetEarliest;
}

/// Asks where partitions start, then (bounded) where they end.
void KafkaReader::ask_offsets() {
  const Time now = std::chrono::steady_clock::now();
  if (failed_ || client_->is_asking_offsets() || now < next_ask_) return;
  if (!started_ && !looked_once_) return;
  asked_.clear();
  asking_ends_ = false;
  for (auto& [at, partition] : partitions_) {
    if (partition->next >= 0) continue;
    auto given = config_.start_offsets.find(at.partition);
    if (!started_ && given != config_.start_offsets.end()) {
      partition->next = given->second;
    } else {
      asked_[at] = wanted_start(*partition);
    }
  }
  if (asked_.empty() && config_.bounded) {
    for (auto& [at, partition] : partitions_) {
      if (partition->end < 0 && topics_.at(at.topic).seen) asked_[at] = kOffsetLatest;
    }
    asking_ends_ = true;
  }
  if (asked_.empty()) return;
  next_ask_ = now + kAskAgain;
  client_->ask_offsets(asked_, config_.read_uncommitted);
}

void KafkaReader::take_offsets(const ClusterAnswer& answer) {
  if (!answer.error.empty()) {
    missing_offsets_ = "broker cannot be reached: " + answer.error;
  } else {
    missing_offsets_ = answer.offset_error;
  }
  if (!missing_offsets_.empty()) note_trouble(missing_offsets_);
  for (const auto& [at, offset] : answer.offsets) {
    auto found = partitions_.find(at);
    if (found == partitions_.end() || asked_.count(at) == 0) continue;
    heard_ = true;
    if (asking_ends_) {
      found->second->end = offset;
    } else if (offset >= 0) {
      found->second->next = offset;
    } else {
      beyond_.insert(at);
      next_ask_ = {};
    }
  }
  if (answer.offsets.size() == asked_.size()) next_ask_ = {};
  asked_.clear();
}

bool KafkaReader::is_ready(const Partition& partition) const {
  return partition.next >= 0 && (!config_.bounded || partition.end >= 0) &&
         topics_.at(partition.at.topic).seen;
}

/// Assigns the partitions whose start is known. The first ones of a source are committed together.
void KafkaReader::start_partitions() {
  if (failed_ || !looked_once_) return;
  if (!started_) {
    for (const auto& [at, partition] : partitions_) {
      if (!is_ready(*partition)) return;
    }
  }
  RawBatch starts;
  for (auto& [at, partition] : partitions_) {
    if (partition->assigned || partition->done || !is_ready(*partition)) continue;
    if (partition->collected_to < 0 && !partition->restored) {
      PartitionPosition position;
      position.id = partition->id;
      position.name = partition->name;
      position.next = Offset(static_cast<uint64_t>(partition->next));
      position.state = state_of(*partition);
      starts.starts.push_back(std::move(position));
    }
    topics_.at(at.topic).has_positions = true;
    if (config_.bounded && partition->next >= partition->end) {
      partition->done = true;
      continue;
    }
    Status status = client_->assign(at, partition->next, partition->leader_epoch);
    if (!status) {
      fail(std::move(status));
      return;
    }
    partition->assigned = true;
  }
  started_ = true;
  if (starts.starts.empty()) return;
  const PartitionPosition& first = starts.starts.front();
  starts.partition = first.id;
  starts.partition_name = first.name;
  starts.from = starts.to = first.next;
  starts.state_after = first.state;
  put(std::move(starts));
}

}  // namespace forebay::connectors
