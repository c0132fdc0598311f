#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "connectors/kafka/kafka_client.h"
#include "connectors/kafka/message_batch.h"

namespace forebay::connectors {

/// Reads the partitions of a source's topics on a thread of its own: watches the topics, finds out
/// where to start, fetches in bulk and keeps a few raw batches ready for poll().
///
/// Invariants:
/// - A partition is read from its committed position; one without, from the start mode when nothing
/// was
///   committed at all, else from its beginning. Where the first partitions start is committed in
///   one piece, before any record.
/// - All records of a topic come from the topic with the id that the positions name: librdkafka
/// stays with
///   the id that it saw first (our patch), and records wait until a look at the topic that began
///   after the first of them came has shown the same id as before.
/// - `to` of a batch lies behind everything that was skipped: gaps of compaction, transactions'
/// markers and
///   aborted records.
class KafkaReader final : public SourceReader {
 public:
  explicit KafkaReader(const KafkaConfig& config);
  ~KafkaReader() override;

  /// Makes the client and starts the thread; waits for no broker.
  Status open(const Positions& positions);
  /// The same, but reads exactly up to `until` and no other partitions. Without positions nothing
  /// is read: where to start is not known yet.
  Status open_until(const Positions& positions, const Positions& until);
  Result<PollOutcome> poll(RawBatch& batch, int64_t& wait_ms) override;
  Positions ends() const override;
  std::string waiting_reason() const override;
  void committed(const Positions& positions) override;

 private:
  using Time = std::chrono::steady_clock::time_point;

  struct Partition {
    Partition(const KafkaConfig& config, std::shared_ptr<BufferPool> pool)
        : messages(config, std::move(pool)) {}
    PartitionId id;
    TopicPartition at;
    std::string name;
    int64_t next = -1;  // of the first record not given yet; -1: where to start is not known
    int64_t end = -1;   // bounded: where to stop; -1: not known
    int32_t leader_epoch = -1;
    bool restored = false;  // has a committed position
    bool assigned = false;
    bool done = false;  // bounded: all was given
    MessageBatch messages;
    int64_t collected_to = -1;  // behind the last of `messages`
  };
  struct Topic {
    std::string id;
    int32_t partitions = 0;
    bool seen = false;           // looked at by this reader
    bool has_positions = false;  // partitions have a place where they are read
    bool verified = false;       // records may go out
    bool wants_look = false;     // records wait for it
    bool being_verified = false;
    int missing_looks = 0;
    Time missing_since;
  };

  Status restore(const Positions& positions);
  Status start();
  void run();
  bool is_stopping() const;
  void look_at_topics();
  bool names_to_look_at(bool verifying, std::vector<std::string>& names);
  void take_answers();
  void take_topics(ClusterAnswer& answer);
  void take_topic(const std::string& name, const TopicFacts& facts);
  void take_missing(const std::string& name, Topic& topic);
  void take_offsets(const ClusterAnswer& answer);
  void ask_offsets();
  int64_t wanted_start(const Partition& partition) const;
  bool is_ready(const Partition& partition) const;
  Partition& add_partition(const TopicPartition& at);
  void start_partitions();
  void take_message(const FetchedMessage& message);
  void take_record(Partition& partition, const FetchedMessage& message);
  void advance(Partition& partition, int64_t to);
  void finish_partition(Partition& partition);
  void flush(Partition& partition);
  void flush_all();
  void release_held();
  void hand_over(Partition& partition, RawBatch batch);
  void put(RawBatch batch);
  void report_end_if_done();
  bool wait_for_room();
  void refresh_facts();
  void note_trouble(std::string reason);
  void fail(Status status);
  std::string state_of(const Partition& partition) const;

  KafkaConfig config_;  // does not change once the thread runs
  const std::shared_ptr<BufferPool> pool_;
  std::unique_ptr<KafkaClient> client_;  // the thread's, once it runs

  // The thread's own.
  std::map<std::string, Topic> topics_;
  std::map<TopicPartition, std::unique_ptr<Partition>> partitions_;
  Partition* last_ = nullptr;  // of the message before
  uint32_t next_id_ = 0;
  bool first_start_ = true;   // nothing was ever committed
  bool looked_once_ = false;  // at all topics, without an error
  bool closed_ = false;       // the partitions are those that are known
  bool failed_ = false;
  bool heard_ = false;  // something came from the cluster since the last refresh
  bool asking_ends_ = false;
  std::string missing_offsets_;  // why some of those asked for are not known; empty: they are
  std::deque<std::pair<Partition*, RawBatch>> held_;  // of topics that are not verified
  bool started_ = false;                              // all first partitions have their starts
  std::map<TopicPartition, int64_t> asked_;           // the offsets under way
  std::set<TopicPartition> beyond_;  // no record of the start's time or later: at the end
  Time next_look_{};
  Time next_ask_{};
  Time next_refresh_{};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<RawBatch> ready_;                   // mutex_
  size_t ready_bytes_ = 0;                       // mutex_
  bool all_done_ = false;                        // mutex_
  Status failure_ = Status::ok();                // mutex_
  std::string reason_;                           // mutex_
  Positions ends_;                               // mutex_
  std::map<TopicPartition, int64_t> to_commit_;  // mutex_
  std::map<TopicPartition, int64_t> told_;       // mutex_; what was in to_commit_ last
  int idle_polls_ = 0;                           // mutex_
  bool stop_ = false;                            // mutex_
  std::thread thread_;
};

}  // namespace forebay::connectors
