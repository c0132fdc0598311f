#pragma once

#include <cstring>
#include <map>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "connectors/source.h"

/// A source in memory with several partitions of records (k, v, w), for seeded tests. Readers
/// number the partitions in an order of their own; partitions appear when their first record is
/// visible. A record whose k is kBroken is bad as a whole, another column with kBroken only for
/// those who ask for it.
namespace forebay::runtime::testing {

inline constexpr int64_t kBroken = INT64_MIN;

struct Record {
  int64_t columns[3];
};

struct Partitions {
  explicit Partitions(uint64_t seed) : random(seed) {}
  std::vector<std::vector<Record>> records;
  std::vector<size_t> visible;
  size_t batch_records = 5;
  std::mt19937_64 random;
  /// Raw batches until a decoder throws, once; 0: never.
  uint64_t fails_after = 0;
};

inline std::string partition_name(size_t partition) { return "part-" + std::to_string(partition); }

class PartitionsReader final : public connectors::SourceReader {
 public:
  PartitionsReader(std::shared_ptr<Partitions> log, const connectors::Positions& positions,
                   const connectors::Positions* until)
      : log_(std::move(log)), ends_by_position_(until != nullptr) {
    for (size_t i = 0; i < log_->records.size(); ++i) {
      State& state = states_.emplace_back();
      for (const auto& position : positions) {
        if (position.name != partition_name(i)) continue;
        state.id = position.id;
        state.next = position.next.value;
        next_id_ = std::max(next_id_, position.id.value + 1);
      }
      state.end = ends_by_position_ ? state.next : UINT64_MAX;
      for (const auto& end : until != nullptr ? *until : connectors::Positions()) {
        if (end.name == partition_name(i)) state.end = end.next.value;
      }
    }
  }

  data::Result<connectors::PollOutcome> poll(connectors::RawBatch& batch,
                                             int64_t& wait_ms) override {
    size_t first = log_->random() % states_.size();
    bool is_at_end = ends_by_position_;
    for (size_t i = 0; i < states_.size(); ++i) {
      size_t partition = (first + i) % states_.size();
      State& state = states_[partition];
      is_at_end = is_at_end && state.next >= state.end;
      size_t end =
          std::min({log_->visible[partition], state.next + log_->batch_records, state.end});
      if (end <= state.next) continue;
      give(partition, end, batch);
      return connectors::PollOutcome::kBatch;
    }
    wait_ms = 1;
    return is_at_end ? connectors::PollOutcome::kEnd : connectors::PollOutcome::kNothing;
  }

  connectors::Positions ends() const override {
    connectors::Positions ends;
    for (size_t i = 0; i < states_.size(); ++i) {
      if (!states_[i].id) continue;
      ends.push_back({*states_[i].id, partition_name(i), data::Offset(states_[i].next), "",
                      data::Offset(log_->visible[i])});
    }
    return ends;
  }

 private:
  struct State {
    std::optional<data::PartitionId> id;
    size_t next = 0, end = 0;
  };

  void give(size_t partition, size_t end, connectors::RawBatch& batch) {
    State& state = states_[partition];
    if (!state.id) state.id = data::PartitionId(next_id_++);
    size_t bytes = (end - state.next) * sizeof(Record);
    auto buffer = std::shared_ptr<char[]>(new char[bytes + 64]);
    std::memcpy(buffer.get(), &log_->records[partition][state.next], bytes);
    batch.partition = *state.id;
    batch.partition_name = partition_name(partition);
    batch.from = data::Offset(state.next);
    batch.to = data::Offset(end);
    batch.bytes = buffer.get();
    batch.buffer = std::move(buffer);
    batch.size = bytes;
    state.next = end;
  }

  std::shared_ptr<Partitions> log_;
  const bool ends_by_position_;
  std::vector<State> states_;
  uint32_t next_id_ = 0;
};

class PartitionsDecoder final : public connectors::Decoder {
 public:
  PartitionsDecoder(std::shared_ptr<Partitions> log, connectors::DecodeRequest request)
      : log_(std::move(log)), request_(std::move(request)) {}

  void start(connectors::RawBatch batch) override {
    if (log_->fails_after > 0 && --log_->fails_after == 0) throw std::bad_alloc();
    batch_ = std::move(batch);
    at_ = 0;
  }

  bool next(connectors::DecodedBatch& out) override {
    out = {};
    if (at_ >= batch_.size) return false;
    std::vector<data::Type> types(request_.projection.size(), data::kBigintType);
    data::BatchBuilder rows(types);
    for (uint32_t i = 0; i < request_.batch_rows && at_ < batch_.size; ++i) {
      Record record;
      std::memcpy(&record, batch_.bytes + at_, sizeof record);
      uint64_t offset = batch_.from.value + at_ / sizeof record;
      at_ += sizeof record;
      std::optional<std::string> broken;
      if (record.columns[0] == kBroken) broken = "";
      for (uint32_t column : request_.projection) {
        if (record.columns[column] == kBroken && !broken) broken = request_.schema[column].name;
      }
      if (broken) {
        out.bad.push_back({batch_.partition, batch_.partition_name, data::Offset(offset),
                           data::sqlstate::kInvalidText, "broken", *broken,
                           std::to_string(offset)});
        continue;
      }
      for (size_t c = 0; c < request_.projection.size(); ++c) {
        rows.column(c).append(record.columns[request_.projection[c]]);
      }
      rows.end_row();
    }
    out.rows = rows.finish();
    return true;
  }

 private:
  std::shared_ptr<Partitions> log_;
  const connectors::DecodeRequest request_;
  connectors::RawBatch batch_;
  size_t at_ = 0;
};

class PartitionsSource final : public connectors::Source {
 public:
  explicit PartitionsSource(std::shared_ptr<Partitions> log) : log_(std::move(log)) {}
  data::Result<std::unique_ptr<connectors::SourceReader>> open(
      const connectors::Positions& positions, const data::Clock&) const override {
    return std::unique_ptr<connectors::SourceReader>(
        std::make_unique<PartitionsReader>(log_, positions, nullptr));
  }
  data::Result<std::unique_ptr<connectors::SourceReader>> open_until(
      const connectors::Positions& positions, const connectors::Positions& until,
      const data::Clock&) const override {
    return std::unique_ptr<connectors::SourceReader>(
        std::make_unique<PartitionsReader>(log_, positions, &until));
  }
  std::unique_ptr<connectors::Decoder> make_decoder(
      const connectors::DecodeRequest& request) const override {
    return std::make_unique<PartitionsDecoder>(log_, request);
  }
  bool is_bounded() const override { return false; }

 private:
  std::shared_ptr<Partitions> log_;
};

}  // namespace forebay::runtime::testing
