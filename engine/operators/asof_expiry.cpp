#include "engine/operators/asof_expiry.h"

#include <algorithm>

namespace forebay::operators {

using data::KeyMode;
using state::OrderedTable;
using state::PointTable;

namespace {

size_t time_bytes(Type type) { return data::layout_of(type.id) == data::Layout::kInt32 ? 5 : 9; }

bool is_backward(AsofOrder order) {
  return order == AsofOrder::kAtOrBefore || order == AsofOrder::kBefore;
}

}  // namespace

AsofExpiry::AsofExpiry(const AsofJoinParameters& parameters, const data::KeyOrder& order,
                       AsofVersions& versions, const OperatorContext& context)
    : parameters_(parameters),
      order_(order),
      versions_(versions),
      context_(context),
      time_bytes_(time_bytes(parameters.left_types[parameters.left_time])),
      timers_(context.table(parameters.timers, state::Family::kHot), 8, nullptr),
      expired_(state::Family::kHot, parameters.timers, context_, time_bytes_) {
  const Type type = parameters.left_types[parameters.left_time];
  if (parameters.left_bound) judges_[0].emplace(*parameters.left_bound, type, context_);
  if (parameters.right_bound) judges_[1].emplace(*parameters.right_bound, type, context_);
}

void AsofExpiry::seal(state::SealedRun& run) {
  timers_.seal(run);
  expired_.seal();
  for (std::optional<TimeJudge>& judge : judges_) {
    if (judge) judge->end();
  }
  is_forgetting_ = false;
}

std::string AsofExpiry::bytes_of(int64_t time) const {
  std::string bytes;
  data::append_key(judges_[1]->datum_of(time), KeyMode::kGrouping, bytes, order_);
  return bytes;
}

std::string_view AsofExpiry::next_to_forget(const Group* left, const Group* right) const {
  if (!is_backward(parameters_.order)) {
    const Entry* oldest = OrderedTable::first(right);
    return oldest == nullptr ? std::string_view() : time_of(oldest);
  }
  // Complemented: the earliest time is the last one.
  std::string_view first;
  if (const Entry* oldest = OrderedTable::last(left)) first = time_of(oldest);
  if (parameters_.versions) return std::max(first, AsofVersions::next_to_forget(right));
  const Entry* oldest = OrderedTable::last(right);
  const Entry* next = oldest == nullptr ? nullptr : OrderedTable::previous(right, oldest);
  return next == nullptr ? first : std::max(first, time_of(next));
}

Status AsofExpiry::set_timer(const Group* left, const Group* right) {
  if (!is_active()) return Status::ok();
  std::string_view first = next_to_forget(left, right);
  if (first.empty()) return Status::ok();
  data::ColumnBuilder time(judges_[0]->type());
  FOREBAY_RETURN_IF_ERROR(data::decode_key(first, KeyMode::kGrouping, time, order_));
  const data::ColumnRef column = time.finish();
  timer_time_.clear();
  data::append_key(*column, 0, KeyMode::kGrouping, timer_time_);
  return expired_.set_timer(timers_, timer_time_, OrderedTable::group_key(left));
}

Result<Progress> AsofExpiry::forget_some(OrderedTable& left, OrderedTable& right) {
  if (!is_active()) return Progress::kDone;
  const int64_t from = std::min(judges_[0]->previous(), judges_[1]->previous());
  const int64_t to = std::min(judges_[0]->current(), judges_[1]->current());
  if (!is_forgetting_) {
    if (from >= to) return Progress::kDone;
    is_forgetting_ = true;
    expired_.begin(judges_[0]->key_of(from), judges_[0]->key_of(to));
  }
  const uint32_t most = std::max<uint32_t>(1, context_.batch_rows / 16);
  FOREBAY_ASSIGN_OR_RETURN(const bool more, expired_.take_due(timers_, most, keys_));
  if (!more) return Progress::kDone;
  left_groups_.resize(keys_.rows());
  right_groups_.resize(keys_.rows());
  FOREBAY_RETURN_IF_ERROR(left.load(keys_, left_groups_));
  FOREBAY_RETURN_IF_ERROR(right.load(keys_, right_groups_));
  const std::string time = to == TimeJudge::kEverything ? std::string() : bytes_of(to);
  for (uint32_t i = 0; i < keys_.rows(); ++i) {
    if (is_backward(parameters_.order)) {
      forget_backward(left, left_groups_[i], right, right_groups_[i], time);
    } else {
      forget_forward(left, left_groups_[i], right, right_groups_[i], time);
    }
    FOREBAY_RETURN_IF_ERROR(set_timer(left_groups_[i], right_groups_[i]));
  }
  return Progress::kMore;
}

void AsofExpiry::forget_backward(OrderedTable& left, Group* left_group, OrderedTable& right,
                                 Group* right_group, std::string_view time) {
  // The later a time is, the earlier it stands.
  const std::string behind = time.empty() ? std::string() : after_prefix(time);
  take_out(left, left_group, OrderedTable::lower_bound(left_group, behind), nullptr);
  if (parameters_.versions) return versions_.forget(right, right_group, time);
  // All left rows that are still to be matched see the latest row before the time, or later ones.
  const Entry* seen = OrderedTable::lower_bound(right_group, behind);
  if (seen != nullptr) {
    take_out(right, right_group, OrderedTable::next(right_group, seen), nullptr);
  }
}

void AsofExpiry::forget_forward(OrderedTable& left, Group* left_group, OrderedTable& right,
                                Group* right_group, std::string_view time) {
  Entry* open = time.empty() ? nullptr : OrderedTable::lower_bound(right_group, time);
  const Entry* last =
      open == nullptr ? OrderedTable::last(right_group) : OrderedTable::previous(right_group, open);
  if (last == nullptr) return;
  // Left rows that this one matches have it, or one before it, for ever.
  const bool is_strict = parameters_.order == AsofOrder::kAfter;
  const std::string matched = is_strict ? std::string(time_of(last)) : after_prefix(time_of(last));
  take_out(left, left_group, OrderedTable::first(left_group),
           OrderedTable::lower_bound(left_group, matched));
  take_out(right, right_group, OrderedTable::first(right_group), open);
}

void AsofExpiry::take_out(OrderedTable& table, Group* group, Entry* from, const Entry* end) {
  while (from != nullptr && from != end) {
    Entry* next = OrderedTable::next(group, from);
    table.set_count(group, table.upsert(group, OrderedTable::suffix(from)), 0);
    from = next;
  }
}

}  // namespace forebay::operators
