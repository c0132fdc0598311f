#include "connectors/kafka/message_batch.h"

#include <cstring>

namespace forebay::connectors {

namespace {
/// Batches smaller than this are copied, so that a few records don't keep a large buffer.
constexpr size_t kSmallBytes = MessageBatch::kFullBytes / 4;
}  // namespace

MessageBatch::MessageBatch(const KafkaConfig& config, std::shared_ptr<BufferPool> pool)
    : config_(config), pool_(std::move(pool)) {}

void MessageBatch::add(const FetchedMessage& message) {
  const size_t value_size = message.value.size();
  if (empty()) {
    table_ = std::make_shared<RecordTable>();
    capacity_ = std::max(kFullBytes, value_size + 1);
    if (buffer_ == nullptr || capacity_ > kFullBytes) buffer_ = pool_->get(capacity_);
  }
  std::memcpy(buffer_.get() + size_, message.value.data(), value_size);
  size_ += value_size;
  const uint32_t record = static_cast<uint32_t>(table_->ends.size());
  table_->ends.push_back(static_cast<uint32_t>(size_));
  buffer_[size_++] = '\n';
  table_->offsets.push_back(static_cast<uint64_t>(message.offset));
  if (message.value.data() == nullptr) table_->without_value.push_back(record);
  if (config_.wants_timestamp) table_->timestamps_ms.push_back(message.timestamp_ms);
  if (config_.wants_key) {
    attach(table_->attached["key"], message.key.data(), message.key.size());
  }
  for (const std::string& name : config_.wanted_headers) {
    std::string_view value = message.header(name).value_or(std::string_view());
    attach(table_->attached["header:" + name], value.data(), value.size());
  }
}

void MessageBatch::attach(RecordBytes& to, const char* bytes, size_t size) {
  if (bytes != nullptr) to.bytes.append(bytes, size);
  to.ends.push_back(static_cast<uint32_t>(to.bytes.size()));
  to.present.push_back(bytes != nullptr);
}

void MessageBatch::finish(RawBatch& batch) {
  if (size_ < kSmallBytes) {
    auto small = std::make_shared_for_overwrite<char[]>(size_ + kBufferPadding);
    std::memcpy(small.get(), buffer_.get(), size_);
    std::memset(small.get() + size_, 0, kBufferPadding);
    batch.buffer = std::move(small);
  } else {
    std::memset(buffer_.get() + size_, 0, kBufferPadding);
    batch.buffer = std::move(buffer_);
    buffer_.reset();
  }
  batch.bytes = batch.buffer.get();
  batch.size = size_;
  batch.records = std::move(table_);
  table_.reset();
  size_ = 0;
}

}  // namespace forebay::connectors
