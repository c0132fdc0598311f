#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "connectors/source.h"

/// A source in memory for seeded tests: one partition of (bigint, bigint) records, given in batches
/// of a fixed size as far as the test has made them visible.
namespace forebay::runtime::testing {

struct FakeLog {
  std::vector<std::pair<int64_t, int64_t>> records;
  /// How many of them a reader may see.
  size_t visible = 0;
  size_t batch_records = 5;
};

class FakeReader final : public connectors::SourceReader {
 public:
  FakeReader(std::shared_ptr<FakeLog> log, uint64_t next, uint64_t until = UINT64_MAX)
      : log_(std::move(log)), next_(next), until_(until) {}

  data::Result<connectors::PollOutcome> poll(connectors::RawBatch& batch,
                                             int64_t& wait_ms) override {
    if (next_ >= until_) return connectors::PollOutcome::kEnd;
    size_t end = std::min({log_->visible, static_cast<size_t>(next_) + log_->batch_records, until_});
    if (end <= next_) {
      wait_ms = 1;
      return connectors::PollOutcome::kNothing;
    }
    size_t bytes = (end - next_) * 16;
    auto buffer = std::shared_ptr<char[]>(new char[bytes + 64]);
    std::memcpy(buffer.get(), &log_->records[next_], bytes);
    batch.partition = data::PartitionId(0);
    batch.partition_name = "log";
    batch.from = data::Offset(next_);
    batch.to = data::Offset(end);
    batch.bytes = buffer.get();
    batch.buffer = std::move(buffer);
    batch.size = bytes;
    next_ = end;
    return connectors::PollOutcome::kBatch;
  }
  connectors::Positions ends() const override { return {}; }

 private:
  std::shared_ptr<FakeLog> log_;
  uint64_t next_;
  const uint64_t until_;
};

class FakeDecoder final : public connectors::Decoder {
 public:
  void start(connectors::RawBatch batch) override {
    batch_ = std::move(batch);
    at_ = 0;
  }
  bool next(connectors::DecodedBatch& out) override {
    if (at_ >= batch_.size) return false;
    data::BatchBuilder rows({data::kBigintType, data::kBigintType});
    for (int i = 0; i < 3 && at_ < batch_.size; ++i, at_ += 16) {
      int64_t values[2];
      std::memcpy(values, batch_.bytes + at_, 16);
      rows.column(0).append(values[0]);
      rows.column(1).append(values[1]);
      rows.end_row();
    }
    out.rows = rows.finish();
    return true;
  }

 private:
  connectors::RawBatch batch_;
  size_t at_ = 0;
};

class FakeSource final : public connectors::Source {
 public:
  explicit FakeSource(std::shared_ptr<FakeLog> log) : log_(std::move(log)) {}
  data::Result<std::unique_ptr<connectors::SourceReader>> open(
      const connectors::Positions& positions, const data::Clock&) const override {
    uint64_t next = positions.empty() ? 0 : positions.front().next.value;
    return std::unique_ptr<connectors::SourceReader>(std::make_unique<FakeReader>(log_, next));
  }
  data::Result<std::unique_ptr<connectors::SourceReader>> open_until(
      const connectors::Positions& positions, const connectors::Positions& until,
      const data::Clock&) const override {
    uint64_t next = positions.empty() ? 0 : positions.front().next.value;
    uint64_t end = until.empty() ? 0 : until.front().next.value;
    return std::unique_ptr<connectors::SourceReader>(
        std::make_unique<FakeReader>(log_, next, end));
  }
  std::unique_ptr<connectors::Decoder> make_decoder(
      const connectors::DecodeRequest&) const override {
    return std::make_unique<FakeDecoder>();
  }
  bool is_bounded() const override { return false; }

 private:
  std::shared_ptr<FakeLog> log_;
};

}  // namespace forebay::runtime::testing
