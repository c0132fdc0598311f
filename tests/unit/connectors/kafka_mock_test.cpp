// Error replies that a real broker gives rarely, from librdkafka's mock cluster: the reader goes on
// where it was, or stops with a reason.

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "connectors/kafka/kafka_reader.h"

namespace forebay::connectors {
namespace {

constexpr int16_t kFetch = 1, kListOffsets = 2, kMetadata = 3;
constexpr const char* kTopic = "t";

class KafkaMockTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char reason[256];
    producer_ = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason, sizeof reason);
    ASSERT_NE(producer_, nullptr) << reason;
    cluster_ = rd_kafka_mock_cluster_new(producer_, 3);
    ASSERT_NE(cluster_, nullptr);
    rd_kafka_mock_set_controller_id(cluster_, 1);
    rd_kafka_brokers_add(producer_, rd_kafka_mock_cluster_bootstraps(cluster_));
    rd_kafka_mock_topic_create(cluster_, kTopic, 2, 3);
    config_.topics = {kTopic};
    config_.properties = {{"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster_)},
                          {"group.id", "g"},
                          {"enable.auto.commit", "false"},
                          {"enable.auto.offset.store", "false"},
                          {"auto.offset.reset", "error"},
                          {"enable.partition.eof", "true"},
                          {"fetch.error.backoff.ms", "20"},
                          {"fetch.wait.max.ms", "50"},
                          {"retry.backoff.ms", "20"},
                          {"reconnect.backoff.ms", "20"},
                          {"reconnect.backoff.max.ms", "100"},
                          {"topic.metadata.refresh.interval.ms", "200"}};
    config_.watch_interval_ms = 200;
  }
  void TearDown() override {
    if (cluster_ != nullptr) rd_kafka_mock_cluster_destroy(cluster_);
    if (producer_ != nullptr) rd_kafka_destroy(producer_);
  }

  /// Record i of a partition has the value i.
  void produce(int32_t partition, int count) {
    for (int i = 0; i < count; ++i) {
      const std::string value = std::to_string(produced_[partition]++);
      ASSERT_EQ(
          rd_kafka_producev(producer_, RD_KAFKA_V_TOPIC(kTopic), RD_KAFKA_V_PARTITION(partition),
                            RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
          RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    ASSERT_EQ(rd_kafka_flush(producer_, 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  void answer_with(int16_t request, std::vector<rd_kafka_resp_err_t> errors) {
    rd_kafka_mock_push_request_errors_array(cluster_, request, errors.size(), errors.data());
  }
  void open(const Positions& positions = {}) {
    reader_ = std::make_unique<KafkaReader>(config_);
    ASSERT_TRUE(reader_->open(positions).is_ok());
  }
  /// Polls until `done` says so or an error comes (then it is in failure_). Checks that records
  /// come in order and without a gap.
  template <typename Done>
  void poll_until(Done&& done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << reader_->waiting_reason();
      RawBatch batch;
      int64_t wait_ms = 1;
      auto outcome = reader_->poll(batch, wait_ms);
      if (!outcome) {
        failure_ = outcome.error().message;
        return;
      }
      if (*outcome == PollOutcome::kEnd) {
        ended_ = true;
        return;
      }
      if (*outcome == PollOutcome::kNothing) {
        std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
        continue;
      }
      take(batch);
    }
  }
  void take(const RawBatch& batch) {
    PartitionPosition& position = positions_[batch.partition];
    position.id = batch.partition;
    position.name = batch.partition_name;
    position.next = batch.to;
    position.state = batch.state_after;
    for (const PartitionPosition& start : batch.starts) positions_.try_emplace(start.id, start);
    if (batch.records == nullptr) return;
    const std::vector<int64_t>& times = batch.records->timestamps_ms;
    timestamps_.insert(timestamps_.end(), times.begin(), times.end());
    size_t begin = 0;
    for (size_t i = 0; i < batch.records->ends.size(); ++i) {
      int& next = read_[batch.partition_number];
      EXPECT_EQ(std::string(batch.bytes + begin, batch.records->ends[i] - begin),
                std::to_string(next));
      EXPECT_EQ(batch.records->offsets[i], static_cast<uint64_t>(next));
      begin = batch.records->ends[i] + 1;
      ++next;
    }
  }
  bool has_all() const { return read_ == produced_; }

  rd_kafka_t* producer_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
  KafkaConfig config_;
  std::unique_ptr<KafkaReader> reader_;
  std::map<int32_t, int> produced_, read_;
  std::map<PartitionId, PartitionPosition> positions_;
  /// config_.wants_timestamp: of the records, in the order in which they were read.
  std::vector<int64_t> timestamps_;
  std::string failure_;
  bool ended_ = false;
};

TEST_F(KafkaMockTest, ErrorsThatPassAreWaitedOut) {
  produce(0, 100);
  produce(1, 100);
  answer_with(kMetadata,
              {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT});
  answer_with(kListOffsets,
              {RD_KAFKA_RESP_ERR_NOT_LEADER_OR_FOLLOWER, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE});
  answer_with(kFetch,
              {RD_KAFKA_RESP_ERR_NOT_LEADER_OR_FOLLOWER, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
               RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
               RD_KAFKA_RESP_ERR_UNKNOWN, RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
               RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH});
  open();
  poll_until([&] { return has_all(); });
  EXPECT_EQ(failure_, "");
  answer_with(kFetch,
              std::vector<rd_kafka_resp_err_t>(20, RD_KAFKA_RESP_ERR_NOT_LEADER_OR_FOLLOWER));
  produce(0, 50);
  produce(1, 50);
  poll_until([&] { return has_all(); });
  EXPECT_EQ(failure_, "");
}

// Old producers, and some tools, give records the timestamp -1: none.
TEST_F(KafkaMockTest, RecordsWithoutATimestampAreReadAsSuch) {
  config_.wants_timestamp = true;
  const std::vector<int64_t> sent = {-1, 1'600'000'000'123, -1, -1, 1'500'000'000'000};
  for (size_t turn = 0; turn < 2; ++turn) {  // one batch of them alone, one with others
    for (size_t i = 0; i < sent.size(); ++i) {
      const std::string value = std::to_string(produced_[0]++);
      ASSERT_EQ(rd_kafka_producev(producer_, RD_KAFKA_V_TOPIC(kTopic), RD_KAFKA_V_PARTITION(0),
                                  RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                                  RD_KAFKA_V_TIMESTAMP(turn == 0 ? -1 : sent[i]),
                                  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
                RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    ASSERT_EQ(rd_kafka_flush(producer_, 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  open();
  poll_until([&] { return has_all(); });
  EXPECT_EQ(failure_, "");
  std::vector<int64_t> expected(sent.size(), -1);
  expected.insert(expected.end(), sent.begin(), sent.end());
  EXPECT_EQ(timestamps_, expected);
}

TEST_F(KafkaMockTest, LeadersMoveAndBrokersGo) {
  rd_kafka_mock_partition_set_leader(cluster_, kTopic, 1, 3);  // must be there when reading starts
  produce(0, 50);
  open();
  for (int turn = 0; turn < 6; ++turn) {
    rd_kafka_mock_partition_set_leader(cluster_, kTopic, 0, 1 + turn % 3);
    rd_kafka_mock_broker_set_down(cluster_, 1 + (turn + 1) % 3);
    produce(0, 50);
    poll_until([&] { return has_all(); });
    ASSERT_EQ(failure_, "");
    rd_kafka_mock_broker_set_up(cluster_, 1 + (turn + 1) % 3);
  }
}

TEST_F(KafkaMockTest, APartitionWithoutALeaderHoldsTheFirstStartAndIsNamed) {
  rd_kafka_mock_partition_set_leader(cluster_, kTopic, 0, 1);
  rd_kafka_mock_partition_set_leader(cluster_, kTopic, 1, -1);
  produce(0, 10);
  open();
  poll_until([&] { return reader_->waiting_reason().find("partition 1") != std::string::npos; });
  EXPECT_TRUE(positions_.empty());
  rd_kafka_mock_partition_set_leader(cluster_, kTopic, 1, 1);
  poll_until([&] { return has_all(); });
  EXPECT_EQ(positions_.size(), 2u);
  EXPECT_EQ(failure_, "");
}

TEST_F(KafkaMockTest, AnOffsetOutOfRangeStopsTheSource) {
  produce(0, 10);
  PartitionPosition position;
  position.id = PartitionId(0);
  position.name = "t/0";
  position.next = Offset(1000);
  open({position});
  poll_until([] { return false; });
  EXPECT_EQ(failure_, "offset 1000 of partition 0 of topic \"t\" is out of range");
}

// A broker keeps a batch as it came: here one that says what it was, and holds something else.
class DamagedBatch {
 public:
  /// `attributes`: the compression's number. Bytes are big-endian.
  explicit DamagedBatch(int attributes, bool with_right_checksum) {
    number(attributes, 2).number(0, 4).number(0, 8).number(0, 8);
    number(-1, 8).number(-1, 2).number(-1, 4).number(1, 4);
    body_ += "no record, and nothing that was compressed";
    const std::string body = std::move(body_);
    const uint32_t checksum = crc32c(body) ^ (with_right_checksum ? 0 : 0x100);
    body_.clear();
    number(0, 8).number(static_cast<int64_t>(body.size()) + 9, 4).number(0, 4).number(2, 1);
    number(checksum, 4);
    body_ += body;
  }

  /// Sends it to the broker with its leader: Produce, version 7, and reads the answer's error.
  int produce_to(const std::string& address) {
    const std::string batch = std::move(body_);
    body_.clear();
    number(0, 2).number(7, 2).number(1, 4).number(-1, 2);  // request, version, number, no client
    number(-1, 2).number(-1, 2).number(10'000, 4);         // no transaction, acks, timeout
    number(1, 4).number(1, 2);
    body_ += kTopic;
    number(1, 4).number(0, 4).number(static_cast<int64_t>(batch.size()), 4);
    body_ += batch;
    const std::string request = std::move(body_);
    body_.clear();
    number(static_cast<int64_t>(request.size()), 4);
    body_ += request;
    const int socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    unsigned char answer[4 + 4 + 4 + 2 + 1 + 4 + 4 + 2] = {};
    bool good =
        connect(socket_fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 &&
        send(socket_fd, body_.data(), body_.size(), 0) == static_cast<ssize_t>(body_.size()) &&
        recv(socket_fd, answer, sizeof answer, MSG_WAITALL) == sizeof answer;
    close(socket_fd);
    return good ? answer[sizeof answer - 2] << 8 | answer[sizeof answer - 1] : -1;
  }

 private:
  DamagedBatch& number(int64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) body_.push_back(static_cast<char>(value >> (8 * i)));
    return *this;
  }
  static uint32_t crc32c(std::string_view bytes) {
    uint32_t crc = ~0u;
    for (char byte : bytes) {
      crc ^= static_cast<uint8_t>(byte);
      for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
    }
    return ~crc;
  }

  std::string body_;
};

TEST_F(KafkaMockTest, ADamagedBatchStopsTheSourceAndIsNotGoneOver) {
  // Wrong checksums, plain and compressed; right ones of what can't be unpacked: gzip, snappy, lz4,
  // zstd.
  const std::pair<int, bool> kinds[] = {{0, false}, {1, false}, {1, true},
                                        {2, true},  {3, true},  {4, true}};
  for (const auto& [attributes, with_right_checksum] : kinds) {
    SCOPED_TRACE(testing::Message() << attributes << with_right_checksum);
    TearDown();
    SetUp();
    read_.clear();
    produced_.clear();
    failure_.clear();
    config_.properties.emplace_back("check.crcs", "true");
    rd_kafka_mock_partition_set_leader(cluster_, kTopic, 0, 1);
    produce(0, 10);
    const std::string servers = rd_kafka_mock_cluster_bootstraps(cluster_);
    ASSERT_EQ(DamagedBatch(attributes, with_right_checksum)
                  .produce_to(servers.substr(0, servers.find(','))),
              0);
    produced_[0] += 1;
    produce(0, 10);
    open();
    poll_until([] { return false; });
    EXPECT_EQ(failure_, "a batch of partition 0 of topic \"t\" is damaged");
    // Those before it, unless they came in one answer with it; never those behind it.
    EXPECT_TRUE(read_[0] == 0 || read_[0] == 10) << read_[0];
    for (const auto& [id, position] : positions_) EXPECT_LE(position.next, Offset(10));
    positions_.clear();
    reader_.reset();
  }
}

TEST_F(KafkaMockTest, ReadsExactlyUpToGivenPositions) {
  produce(0, 100);
  produce(1, 10);
  open();
  poll_until([&] { return has_all(); });
  Positions here;
  for (const auto& [id, position] : positions_) here.push_back(position);
  ASSERT_EQ(here.size(), 2u);
  Positions until = here;
  produce(0, 100);
  produce(1, 100);
  for (PartitionPosition& position : until) {
    position.next = Offset(position.name == "t/0" ? 150 : 10);
  }
  reader_ = std::make_unique<KafkaReader>(config_);
  ASSERT_TRUE(reader_->open_until(here, until).is_ok());
  poll_until([] { return false; });
  EXPECT_TRUE(ended_) << failure_;
  EXPECT_EQ(read_, (std::map<int32_t, int>{{0, 150}, {1, 10}}));
  for (const auto& [id, position] : positions_) {
    EXPECT_EQ(position.next.value, position.name == "t/0" ? 150u : 10u);
  }
}

TEST_F(KafkaMockTest, BoundedEndsAtThePresentEnd) {
  config_.bounded = true;
  produce(0, 25);
  open();
  poll_until([] { return false; });
  EXPECT_TRUE(ended_) << failure_;
  EXPECT_EQ(read_, produced_);
}

TEST_F(KafkaMockTest, NobodyAnswers) {
  config_.properties[0].second = "127.0.0.1:1";
  open();
  poll_until([&] { return !reader_->waiting_reason().empty(); });
  EXPECT_NE(reader_->waiting_reason().find("127.0.0.1:1"), std::string::npos)
      << reader_->waiting_reason();
}

}  // namespace
}  // namespace forebay::connectors
