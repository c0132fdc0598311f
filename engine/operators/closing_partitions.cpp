#include "engine/operators/closing_partitions.h"

namespace forebay::operators {

namespace {

std::vector<Type> types_of(const std::vector<Type>& types, std::span<const uint32_t> columns) {
  std::vector<Type> out;
  for (uint32_t column : columns) out.push_back(types[column]);
  return out;
}

}  // namespace

ClosingPartitions::ClosingPartitions(std::optional<TimeBound> time, const std::vector<Type>& types,
                                     std::span<const uint32_t> partition, state::Family family,
                                     TableId rows, const OperatorContext& context)
    : context_(context),
      time_(std::move(time)),
      expired_(family, rows, context_, 0, types_of(types, partition)) {
  if (time_) judge_.emplace(*time_, types[time_->column], context_);
}

void ClosingPartitions::drop_late(ChangeBatch& batch, Output& output) {
  if (!judge_) return;
  if (uint64_t late = judge_->drop_late(batch); late > 0) output.late(late);
}

void ClosingPartitions::note(const data::KeyRows& keys,
                             std::span<state::OrderedTable::Group* const> groups) {
  if (!judge_) return;
  created_.resize(groups.size());
  for (size_t i = 0; i < groups.size(); ++i) {
    created_[i] = state::OrderedTable::size(groups[i]) == 0;
  }
  expired_.add(keys, created_);
}

Result<Progress> ClosingPartitions::close(state::OrderedTable& rows) {
  if (!judge_) return Progress::kDone;
  if (!closing_) {
    const int64_t from = judge_->previous(), to = judge_->current();
    if (from >= to) return Progress::kDone;
    closing_ = true;
    expired_.begin(judge_->key_of(from), judge_->key_of(to));
  }
  FOREBAY_RETURN_IF_ERROR(expired_.next(std::max<uint32_t>(1, context_.batch_rows / 16), keys_));
  if (keys_.rows() == 0) return Progress::kDone;
  FOREBAY_RETURN_IF_ERROR(free_groups(rows, keys_, groups_));
  return Progress::kMore;
}

void ClosingPartitions::seal() {
  expired_.seal();
  closing_ = false;
  if (judge_) judge_->end();
}

}  // namespace forebay::operators
