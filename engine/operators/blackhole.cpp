// Blackhole: the end of a sink that delivers nowhere.
//
// Input: any changes, on any worker.
//
// Output: the same changes; nobody reads them.
//
// State: how many changed rows came, a row of weight -3 as three. One count per worker, in the
// first of its shards, written at each seal after which it is another; those found in a worker's
// shards at its start, of however many workers, are added up into it.
//
// Cost: per batch one addition, if there are no weights; per epoch at most one put per worker.

#include <fmt/format.h>

#include <cstdlib>

#include "engine/data/row_codec.h"
#include "engine/operators/emission.h"
#include "engine/operators/specs.h"

namespace forebay::operators {

namespace {

constexpr state::Family kFamily = state::Family::kHot;

Result<std::optional<int64_t>> read_count(const state::Snapshot& snapshot, uint16_t shard,
                                          TableId table) {
  FOREBAY_ASSIGN_OR_RETURN(std::optional<std::string> value,
                           snapshot.get(kFamily, state::store_key_prefix(shard, table)));
  if (!value) return std::optional<int64_t>();
  std::string_view bytes = *value;
  uint64_t count;
  if (!data::read_varint(bytes, count) || !bytes.empty()) {
    return Status(data::sqlstate::kDataCorrupted, "corrupt count of delivered rows");
  }
  return std::optional<int64_t>(static_cast<int64_t>(count));
}

class Blackhole final : public Operator {
 public:
  Blackhole(const BlackholeParameters& parameters, const OperatorContext& context)
      : parameters_(parameters), context_(context), is_loaded_(context.starts_empty) {}

  Result<Progress> take(uint32_t, ChangeBatch batch, Output& output) override {
    if (!is_loaded_) FOREBAY_RETURN_IF_ERROR(load());
    if (batch.weights() == nullptr) {
      count_ += batch.rows();
    } else {
      batch.for_each([&](uint32_t row) { count_ += std::abs(batch.weight(row)); });
    }
    is_dirty_ = true;
    output.emit(std::move(batch));
    return Progress::kDone;
  }

  void seal(state::SealedRun& run) override {
    if (!is_dirty_ || context_.store == nullptr) return;
    is_dirty_ = false;
    uint16_t first = 0;
    while (first < data::kShardCount && !context_.owns_shard(first)) ++first;
    for (uint16_t shard : merged_) {
      if (shard != first) {
        run.remove(kFamily, state::store_key_prefix(shard, parameters_.delivered));
      }
    }
    merged_.clear();
    value_.clear();
    data::append_varint(static_cast<uint64_t>(count_), value_);
    run.put(kFamily, state::store_key_prefix(first, parameters_.delivered), value_);
  }

  size_t dirty_entries() const override { return is_dirty_ ? 1 : 0; }

 private:
  Status load() {
    is_loaded_ = true;
    if (context_.store == nullptr) return Status::ok();
    const auto snapshot = context_.store->snapshot();
    for (uint16_t shard = 0; shard < data::kShardCount; ++shard) {
      if (!context_.owns_shard(shard)) continue;
      FOREBAY_ASSIGN_OR_RETURN(std::optional<int64_t> count,
                               read_count(*snapshot, shard, parameters_.delivered));
      if (!count) continue;
      count_ += *count;
      merged_.push_back(shard);
    }
    return Status::ok();
  }

  BlackholeParameters parameters_;
  OperatorContext context_;
  int64_t count_ = 0;
  bool is_dirty_ = false;
  bool is_loaded_;
  std::vector<uint16_t> merged_;  // shards whose counts are in count_ since the start
  std::string value_;
};

class BlackholeSpec final : public OperatorSpec {
 public:
  explicit BlackholeSpec(BlackholeParameters parameters) : parameters_(std::move(parameters)) {}
  std::string_view name() const override { return "blackhole"; }
  std::string describe() const override { return ""; }
  const std::vector<Type>& output_types() const override { return parameters_.types; }
  std::unique_ptr<Operator> instantiate(const OperatorContext& context) const override {
    return std::make_unique<Blackhole>(parameters_, context);
  }
  std::vector<state::DroppedTable> tables() const override {
    return {{kFamily, parameters_.delivered}};
  }

 private:
  BlackholeParameters parameters_;
};

}  // namespace

SpecRef make_blackhole(BlackholeParameters parameters) {
  return std::make_shared<BlackholeSpec>(std::move(parameters));
}

Result<int64_t> delivered_rows(const state::Snapshot& snapshot, TableId delivered) {
  int64_t total = 0;
  for (uint16_t shard = 0; shard < data::kShardCount; ++shard) {
    FOREBAY_ASSIGN_OR_RETURN(std::optional<int64_t> count, read_count(snapshot, shard, delivered));
    total += count.value_or(0);
  }
  return total;
}

}  // namespace forebay::operators
