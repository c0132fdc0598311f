#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "connectors/kafka/kafka_config.h"

struct rd_kafka_s;
struct rd_kafka_queue_s;
struct rd_kafka_message_s;

/// librdkafka behind an interface of ours: a consumer with assigned partitions, and questions to
/// the cluster that don't block.
namespace forebay::connectors {

struct TopicPartition {
  std::string topic;
  int32_t partition = 0;
  auto operator<=>(const TopicPartition&) const = default;
};

/// What the cluster says about a topic.
struct TopicFacts {
  /// Empty for brokers that know no topic ids.
  std::string id;
  int32_t partitions = 0;
  /// The cluster doesn't know it.
  bool missing = false;
  /// Not empty: the cluster could not answer; the other facts are void.
  std::string error;
};

/// Special values of what is asked by ask_offsets; other values are milliseconds since 1970, for
/// the first record of that time or later.
inline constexpr int64_t kOffsetEarliest = -2;
inline constexpr int64_t kOffsetLatest = -1;

/// An answer to ask_topics or ask_offsets.
struct ClusterAnswer {
  /// Not empty: the question failed as a whole.
  std::string error;
  std::map<std::string, TopicFacts> topics;
  /// -1: no record of that time or later. Partitions without an answer are missing.
  std::map<TopicPartition, int64_t> offsets;
  /// Of partitions without an answer: why.
  std::string offset_error;
};

/// One record, or an event of its partition; valid until the next fetch().
struct FetchedMessage {
  const char* topic;
  int32_t partition;
  enum class Kind : uint8_t { kRecord, kEnd, kOutOfRange, kDamaged, kError } kind;
  /// Of the record; kEnd: of the next one, beyond everything skipped; kOutOfRange: what was asked.
  int64_t offset;
  int32_t leader_epoch;
  int64_t timestamp_ms;  // -1: none
  /// No value at all: data() is nullptr. kError, kOutOfRange, kDamaged: the reason.
  std::string_view value;
  std::string_view key;
  rd_kafka_message_s* message;

  /// The last header of that name, if there is one; a header without a value has data() nullptr.
  std::optional<std::string_view> header(const std::string& name) const;
};

/// Not thread-safe, but for the callbacks inside.
class KafkaClient {
 public:
  KafkaClient() = default;
  ~KafkaClient();
  KafkaClient(const KafkaClient&) = delete;
  KafkaClient& operator=(const KafkaClient&) = delete;

  Status open(const KafkaConfig& config);

  /// Asks for facts about these topics, or (once, of all topics) those that match `pattern`. One
  /// question of each kind at a time.
  void ask_topics(const std::vector<std::string>& topics);
  void ask_offsets(const std::map<TopicPartition, int64_t>& what, bool read_uncommitted);
  bool is_asking_topics() const { return asking_topics_; }
  bool is_asking_offsets() const { return asking_offsets_; }
  /// The next answer, if one is there.
  std::optional<ClusterAnswer> take_answer();
  /// The names of the cluster's topics that match; waits up to `timeout_ms` for the broker.
  Result<std::vector<std::string>> list_topics(const std::string& pattern, int timeout_ms);

  /// Starts to fetch a partition; `leader_epoch` -1: unknown.
  Status assign(const TopicPartition& partition, int64_t offset, int32_t leader_epoch);
  Status unassign(const TopicPartition& partition);
  /// Waits up to `timeout_ms` for the first message, takes what is there up to `limit`, and gives
  /// each to `take`. Returns how many.
  template <typename Take>
  size_t fetch(int timeout_ms, size_t limit, Take&& take) {
    size_t count = fetch_messages(timeout_ms, limit);
    for (size_t i = 0; i < count; ++i) take(describe(messages_[i]));
    release(count);
    return count;
  }
  /// The end as the last fetch saw it (the end of committed records unless read_uncommitted).
  std::optional<int64_t> known_end(const TopicPartition& partition) const;
  /// Sends positions to the group's coordinator and waits for nothing.
  void commit_to_group(const std::map<TopicPartition, int64_t>& positions);

  /// The last error that librdkafka reported since it was taken last; empty: none.
  std::string take_error();

 private:
  static void on_error(rd_kafka_s* handle, int error, const char* reason, void* client);
  size_t fetch_messages(int timeout_ms, size_t limit);
  static FetchedMessage describe(rd_kafka_message_s* message);
  void release(size_t count);

  rd_kafka_s* handle_ = nullptr;
  rd_kafka_queue_s* messages_queue_ = nullptr;
  rd_kafka_queue_s* answers_ = nullptr;
  std::vector<rd_kafka_message_s*> messages_;
  /// Topics in use: librdkafka forgets a topic's id when nobody holds it.
  std::map<std::string, void*> held_topics_;
  bool asking_topics_ = false;
  bool asking_offsets_ = false;
  bool read_uncommitted_ = false;
  bool own_group_ = false;
  std::mutex mutex_;
  std::string error_;  // mutex_
};

}  // namespace forebay::connectors
