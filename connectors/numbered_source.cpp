#include "connectors/numbered_source.h"

#include <algorithm>

#include "connectors/file/pacer.h"

namespace forebay::connectors {

namespace {

constexpr uint64_t kBatchRows = 16384;

class NumberedReader final : public SourceReader {
 public:
  NumberedReader(std::string partition, uint64_t next, std::optional<uint64_t> end,
                 std::optional<double> rows_per_second, const data::Clock& clock)
      : partition_(std::move(partition)), end_(end), next_(next) {
    if (rows_per_second) pacer_.emplace(*rows_per_second, clock);
  }
  Result<PollOutcome> poll(RawBatch& batch, int64_t& wait_ms) override {
    if (end_ && next_ >= *end_) return PollOutcome::kEnd;
    uint64_t rows = kBatchRows;
    if (end_) rows = std::min(rows, *end_ - next_);
    if (pacer_) rows = std::min(rows, pacer_->allowed(wait_ms));
    if (rows == 0) return PollOutcome::kNothing;
    if (pacer_) pacer_->spend(rows);
    batch = RawBatch();
    batch.partition = PartitionId(0);
    batch.partition_name = partition_;
    batch.from = Offset(next_);
    next_ += rows;
    batch.to = Offset(next_);
    return PollOutcome::kBatch;
  }
  Positions ends() const override {
    if (!end_) return {};
    PartitionPosition position;
    position.id = PartitionId(0);
    position.name = partition_;
    position.next = Offset(next_);
    position.end = Offset(*end_);
    return {position};
  }

 private:
  const std::string partition_;
  const std::optional<uint64_t> end_;
  uint64_t next_;
  std::optional<RatePacer> pacer_;
};

uint64_t next_of(const Positions& positions) {
  return positions.empty() ? 0 : positions[0].next.value;
}

}  // namespace

Result<std::unique_ptr<SourceReader>> NumberedSource::open(const Positions& positions,
                                                           const data::Clock& clock) const {
  return std::unique_ptr<SourceReader>(std::make_unique<NumberedReader>(
      partition_, next_of(positions), row_count_, rows_per_second_, clock));
}

Result<std::unique_ptr<SourceReader>> NumberedSource::open_until(const Positions& positions,
                                                                 const Positions& until,
                                                                 const data::Clock& clock) const {
  return std::unique_ptr<SourceReader>(std::make_unique<NumberedReader>(
      partition_, next_of(positions), next_of(until), std::nullopt, clock));
}

}  // namespace forebay::connectors
