#include "connectors/kafka/kafka_client.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <regex>

namespace forebay::connectors {

namespace {

constexpr data::SqlState kConnectionFailure{"08006"};
constexpr int kRequestTimeoutMs = 5000;

using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                      decltype(&rd_kafka_topic_partition_list_destroy)>;

PartitionList make_list(size_t size) {
  return {rd_kafka_topic_partition_list_new(static_cast<int>(size)),
          rd_kafka_topic_partition_list_destroy};
}

void drop_log(const rd_kafka_t*, int, const char*, const char*) {}

std::unique_ptr<rd_kafka_AdminOptions_t, decltype(&rd_kafka_AdminOptions_destroy)> make_options(
    rd_kafka_t* handle, rd_kafka_admin_op_t what) {
  rd_kafka_AdminOptions_t* options = rd_kafka_AdminOptions_new(handle, what);
  char reason[256];
  rd_kafka_AdminOptions_set_request_timeout(options, kRequestTimeoutMs, reason, sizeof reason);
  return {options, rd_kafka_AdminOptions_destroy};
}

bool is_missing(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
         error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID || error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}

void read_topics(rd_kafka_event_t* event, ClusterAnswer& answer) {
  size_t count = 0;
  const rd_kafka_DescribeTopics_result_t* result = rd_kafka_event_DescribeTopics_result(event);
  const rd_kafka_TopicDescription_t** topics =
      rd_kafka_DescribeTopics_result_topics(result, &count);
  for (size_t i = 0; i < count; ++i) {
    TopicFacts& facts = answer.topics[rd_kafka_TopicDescription_name(topics[i])];
    const rd_kafka_error_t* error = rd_kafka_TopicDescription_error(topics[i]);
    if (error != nullptr && rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      facts.missing = is_missing(rd_kafka_error_code(error));
      if (!facts.missing) facts.error = rd_kafka_error_string(error);
      continue;
    }
    const rd_kafka_Uuid_t* id = rd_kafka_TopicDescription_topic_id(topics[i]);
    if (rd_kafka_Uuid_most_significant_bits(id) != 0 ||
        rd_kafka_Uuid_least_significant_bits(id) != 0) {
      facts.id = rd_kafka_Uuid_base64str(id);
    }
    size_t partitions = 0;
    rd_kafka_TopicDescription_partitions(topics[i], &partitions);
    facts.partitions = static_cast<int32_t>(partitions);
  }
}

void read_offsets(rd_kafka_event_t* event, ClusterAnswer& answer) {
  size_t count = 0;
  const rd_kafka_ListOffsets_result_t* result = rd_kafka_event_ListOffsets_result(event);
  const rd_kafka_ListOffsetsResultInfo_t** infos =
      rd_kafka_ListOffsets_result_infos(result, &count);
  for (size_t i = 0; i < count; ++i) {
    const rd_kafka_topic_partition_t* partition =
        rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
    if (partition->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      answer.offset_error = fmt::format("partition {} of topic \"{}\": {}", partition->partition,
                                        partition->topic, rd_kafka_err2str(partition->err));
      continue;
    }
    answer.offsets[{partition->topic, partition->partition}] = partition->offset;
  }
}

}  // namespace

std::optional<std::string_view> FetchedMessage::header(const std::string& name) const {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  const void* value = nullptr;
  size_t size = 0;
  if (rd_kafka_header_get_last(headers, name.c_str(), &value, &size) !=
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    return {};
  }
  return std::string_view(static_cast<const char*>(value), value == nullptr ? 0 : size);
}

Status KafkaClient::open(const KafkaConfig& config) {
  FOREBAY_ASSIGN_OR_RETURN(rd_kafka_conf_t * conf, make_conf(config));
  read_uncommitted_ = config.read_uncommitted;
  own_group_ = config.commits_to_group;
  rd_kafka_conf_set_opaque(conf, this);
  rd_kafka_conf_set_log_cb(conf, drop_log);
  rd_kafka_conf_set_error_cb(conf, on_error);
  char reason[512];
  handle_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
  if (handle_ == nullptr) {
    rd_kafka_conf_destroy(conf);
    return Status::environment(kConnectionFailure,
                               fmt::format("could not set up the Kafka client: {}", reason));
  }
  messages_queue_ = rd_kafka_queue_get_consumer(handle_);
  answers_ = rd_kafka_queue_new(handle_);
  return Status::ok();
}

KafkaClient::~KafkaClient() {
  for (auto& [name, topic] : held_topics_) {
    rd_kafka_topic_destroy(static_cast<rd_kafka_topic_t*>(topic));
  }
  if (messages_queue_ != nullptr) rd_kafka_queue_destroy(messages_queue_);
  if (answers_ != nullptr) rd_kafka_queue_destroy(answers_);
  if (handle_ != nullptr) {
    rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  }
}

void KafkaClient::on_error(rd_kafka_s*, int error, const char* reason, void* client) {
  auto* self = static_cast<KafkaClient*>(client);
  // Without a group of the user's own, what a coordinator says is nothing to us.
  if (!self->own_group_ && (error == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
                            error == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE)) {
    return;
  }
  std::lock_guard lock(self->mutex_);
  // "All brokers are down" says less than what came before it.
  if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !self->error_.empty()) return;
  self->error_ = reason;
}

std::string KafkaClient::take_error() {
  rd_kafka_poll(handle_, 0);
  std::lock_guard lock(mutex_);
  return std::exchange(error_, {});
}

void KafkaClient::ask_topics(const std::vector<std::string>& topics) {
  std::vector<const char*> names;
  for (const std::string& name : topics) names.push_back(name.c_str());
  rd_kafka_TopicCollection_t* collection =
      rd_kafka_TopicCollection_of_topic_names(names.data(), names.size());
  auto options = make_options(handle_, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
  rd_kafka_DescribeTopics(handle_, collection, options.get(), answers_);
  rd_kafka_TopicCollection_destroy(collection);
  asking_topics_ = true;
}

void KafkaClient::ask_offsets(const std::map<TopicPartition, int64_t>& what,
                              bool read_uncommitted) {
  PartitionList list = make_list(what.size());
  for (const auto& [partition, offset] : what) {
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition)
        ->offset = offset;
  }
  auto options = make_options(handle_, RD_KAFKA_ADMIN_OP_LISTOFFSETS);
  rd_kafka_error_t* error = rd_kafka_AdminOptions_set_isolation_level(
      options.get(), read_uncommitted ? RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED
                                      : RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED);
  if (error != nullptr) rd_kafka_error_destroy(error);
  rd_kafka_ListOffsets(handle_, list.get(), options.get(), answers_);
  asking_offsets_ = true;
}

std::optional<ClusterAnswer> KafkaClient::take_answer() {
  if (!asking_topics_ && !asking_offsets_) return {};
  rd_kafka_event_t* event = rd_kafka_queue_poll(answers_, 0);
  if (event == nullptr) return {};
  std::optional<ClusterAnswer> answer;
  const rd_kafka_event_type_t type = rd_kafka_event_type(event);
  if (type == RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT || type == RD_KAFKA_EVENT_LISTOFFSETS_RESULT) {
    const bool topics = type == RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT;
    (topics ? asking_topics_ : asking_offsets_) = false;
    answer.emplace();
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      answer->error = rd_kafka_event_error_string(event);
    } else if (topics) {
      read_topics(event, *answer);
    } else {
      read_offsets(event, *answer);
    }
  }
  rd_kafka_event_destroy(event);
  return answer;
}

Result<std::vector<std::string>> KafkaClient::list_topics(const std::string& pattern,
                                                          int timeout_ms) {
  const rd_kafka_metadata_t* metadata = nullptr;
  rd_kafka_resp_err_t error = rd_kafka_metadata(handle_, 1, nullptr, &metadata, timeout_ms);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return Status::environment(kConnectionFailure, rd_kafka_err2str(error));
  }
  std::vector<std::string> names;
  std::regex expression(pattern);
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const char* name = metadata->topics[i].topic;
    if (std::string_view(name).starts_with("__")) continue;  // the cluster's own
    if (std::regex_match(name, expression)) names.emplace_back(name);
  }
  rd_kafka_metadata_destroy(metadata);
  return names;
}

Status KafkaClient::assign(const TopicPartition& partition, int64_t offset, int32_t leader_epoch) {
  void*& held = held_topics_[partition.topic];
  if (held == nullptr) held = rd_kafka_topic_new(handle_, partition.topic.c_str(), nullptr);
  PartitionList list = make_list(1);
  rd_kafka_topic_partition_t* added =
      rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition);
  added->offset = offset;
  rd_kafka_topic_partition_set_leader_epoch(added, leader_epoch);
  rd_kafka_error_t* error = rd_kafka_incremental_assign(handle_, list.get());
  if (error == nullptr) return Status::ok();
  Status status = Status::environment(
      kConnectionFailure,
      fmt::format("could not assign partition {} of topic \"{}\": {}", partition.partition,
                  partition.topic, rd_kafka_error_string(error)));
  rd_kafka_error_destroy(error);
  return status;
}

Status KafkaClient::unassign(const TopicPartition& partition) {
  PartitionList list = make_list(1);
  rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition);
  rd_kafka_error_t* error = rd_kafka_incremental_unassign(handle_, list.get());
  if (error == nullptr) return Status::ok();
  Status status = Status::environment(kConnectionFailure, rd_kafka_error_string(error));
  rd_kafka_error_destroy(error);
  return status;
}

size_t KafkaClient::fetch_messages(int timeout_ms, size_t limit) {
  if (messages_.size() < limit) messages_.resize(limit);
  // A batch waits until it is full or the time is over: so wait for one message, then take the
  // rest.
  ssize_t first = rd_kafka_consume_batch_queue(messages_queue_, timeout_ms, messages_.data(), 1);
  if (first <= 0) return 0;
  ssize_t more =
      limit > 1 ? rd_kafka_consume_batch_queue(messages_queue_, 0, messages_.data() + 1, limit - 1)
                : 0;
  return 1 + static_cast<size_t>(std::max<ssize_t>(more, 0));
}

FetchedMessage KafkaClient::describe(rd_kafka_message_t* message) {
  FetchedMessage out{};
  out.topic = message->rkt == nullptr ? "" : rd_kafka_topic_name(message->rkt);
  out.partition = message->partition;
  out.offset = message->offset;
  out.message = message;
  switch (message->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: {
      out.kind = FetchedMessage::Kind::kRecord;
      out.leader_epoch = rd_kafka_message_leader_epoch(message);
      rd_kafka_timestamp_type_t type;
      out.timestamp_ms = rd_kafka_message_timestamp(message, &type);
      if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) out.timestamp_ms = -1;
      out.value = {static_cast<const char*>(message->payload), message->len};
      out.key = {static_cast<const char*>(message->key), message->key_len};
      return out;
    }
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      out.kind = FetchedMessage::Kind::kEnd;
      return out;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR__LOG_TRUNCATION:
      out.kind = FetchedMessage::Kind::kOutOfRange;
      break;
    case RD_KAFKA_RESP_ERR__BAD_MSG:  // librdkafka goes on behind it
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR__UNDERFLOW:
      out.kind = FetchedMessage::Kind::kDamaged;
      break;
    default:
      out.kind = FetchedMessage::Kind::kError;
      break;
  }
  const char* reason = rd_kafka_message_errstr(message);
  out.value = reason == nullptr ? rd_kafka_err2str(message->err) : reason;
  return out;
}

void KafkaClient::release(size_t count) {
  for (size_t i = 0; i < count; ++i) rd_kafka_message_destroy(messages_[i]);
}

std::optional<int64_t> KafkaClient::known_end(const TopicPartition& partition) const {
  int64_t low = 0, high = 0;
  if (rd_kafka_get_watermark_offsets(handle_, partition.topic.c_str(), partition.partition, &low,
                                     &high) != RD_KAFKA_RESP_ERR_NO_ERROR ||
      high < 0) {
    return {};
  }
  return high;
}

void KafkaClient::commit_to_group(const std::map<TopicPartition, int64_t>& positions) {
  PartitionList list = make_list(positions.size());
  for (const auto& [partition, offset] : positions) {
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition)
        ->offset = offset;
  }
  rd_kafka_commit(handle_, list.get(), 1);
}

}  // namespace forebay::connectors
