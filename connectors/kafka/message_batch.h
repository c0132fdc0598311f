#pragma once

#include <memory>

#include "connectors/buffer_pool.h"
#include "connectors/kafka/kafka_client.h"

namespace forebay::connectors {

/// Collects the messages of one partition into raw batches. Values are copied, so that librdkafka's
/// buffers go back at once; the copy costs less than keeping an object per message alive.
class MessageBatch {
 public:
  /// A batch is full at this size; a message beyond it makes a batch of its own.
  static constexpr size_t kFullBytes = size_t{1} << 20;

  MessageBatch(const KafkaConfig& config, std::shared_ptr<BufferPool> pool);

  bool empty() const { return table_ == nullptr; }
  bool has_room_for(const FetchedMessage& message) const {
    return empty() || size_ + message.value.size() + 1 <= capacity_;
  }
  void add(const FetchedMessage& message);
  /// Moves bytes and records into `batch` and starts anew.
  void finish(RawBatch& batch);
  size_t bytes() const { return size_; }

 private:
  void attach(RecordBytes& to, const char* bytes, size_t size);

  const KafkaConfig& config_;
  const std::shared_ptr<BufferPool> pool_;
  std::shared_ptr<RecordTable> table_;
  std::shared_ptr<char[]> buffer_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace forebay::connectors
