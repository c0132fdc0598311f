#include "engine/operators/over_ahead.h"

#include <algorithm>

namespace forebay::operators {

using data::KeyMode;
using state::OrderedTable;
using state::PointTable;

namespace {
/// The first timestamp that there is: the start of 4714 BC.
constexpr int64_t kFirstTimestamp = -211'813'488'000'000'000;
}  // namespace

OverAhead::OverAhead(const OverParameters& parameters, const OverReaches& reaches,
                     const OverOrder& order, const OperatorContext& context)
    : parameters_(parameters),
      behind_(reaches.behind),
      ahead_(ahead_of(parameters)),
      order_(order),
      context_(context),
      judge_(*parameters.in_order, parameters.types[parameters.in_order->column], context),
      time_bytes_(data::layout_of(judge_.type().id) == data::Layout::kInt32 ? 5 : 9),
      timers_(context.table(parameters.timers, state::Family::kHot), 8, nullptr),
      expired_(state::Family::kHot, parameters.timers, context_, time_bytes_) {
  FOREBAY_CHECK(!ahead_.all, "over: rows that are never final");
  goes_with_time_ = ahead_.rows == 0 && ahead_.groups <= 0 && !behind_.all && behind_.rows == 0 &&
                    behind_.groups <= 0;
}

void OverAhead::seal(state::SealedRun& run) {
  timers_.seal(run);
  expired_.seal();
  judge_.end();
  is_looking_ = false;
  from_ = to_ = waited_ = {};
}

bool OverAhead::is_before(const Place& a, const Place& b) {
  if (a.entry == nullptr || b.entry == nullptr) return a.entry != nullptr;
  if (a.entry == b.entry) return a.copy < b.copy;
  return OverPartition::is_before(a.entry, b.entry);
}

int64_t OverAhead::passed_at(int64_t bound) {
  if (bound == TimeJudge::kEverything || bound == TimeJudge::kNothing) return bound;
  if (ahead_.places.empty()) return goes_with_time_ ? bound : TimeJudge::kNothing;
  for (const auto& [of, passed] : passed_) {
    if (of == bound) return passed;
  }
  if (passed_.size() == 2) passed_.erase(passed_.begin());
  passed_.emplace_back(bound, first_reaching(bound));
  return passed_.back().second;
}

int64_t OverAhead::first_reaching(int64_t bound) {
  // Frames end at times that grow with the row's and are not before it.
  const std::string reached = judge_.key_of(bound);
  std::vector<expr::Evaluator> places;
  for (const ExprRef& place : ahead_.places) places.emplace_back(place);
  data::KeyRows keys;
  std::vector<uint8_t> failed;
  const auto reaches = [&](int64_t time) {
    data::ColumnBuilder builder(judge_.type());
    builder.append_datum(judge_.datum_of(time));
    const data::ColumnRef times = builder.finish();
    return std::any_of(places.begin(), places.end(), [&](expr::Evaluator& place) {
      order_.places_of(place, times, *context_.eval, keys, failed);
      return failed[0] != 0 || keys.key(0) >= reached;
    });
  };
  int64_t from = kFirstTimestamp, to = bound;
  while (from < to) {
    const int64_t middle = from + (to - from) / 2;
    if (reaches(middle)) {
      to = middle;
    } else {
      from = middle + 1;
    }
  }
  return to;
}

OverAhead::Place OverAhead::first_waiting(const Group* group, const Entry* last,
                                          int64_t passed) const {
  if (passed == TimeJudge::kEverything) return {};
  Place first;
  const auto take = [&](const Place& place) {
    if (is_before(place, first)) first = place;
  };
  int64_t left = ahead_.rows;
  for (const Entry* entry = last; entry != nullptr && left > 0;
       entry = OrderedTable::previous(group, entry)) {
    const int64_t count = OrderedTable::count(entry);
    take({entry, std::max<int64_t>(0, count - left)});
    left -= std::min(left, count);
  }
  int64_t groups = ahead_.groups;
  std::string_view key;
  for (const Entry* entry = last; entry != nullptr && ahead_.groups > 0;
       entry = OrderedTable::previous(group, entry)) {
    const std::string_view own = order_.key_of(OrderedTable::suffix(entry));
    if (own != key && groups-- == 0) break;
    key = own;
    take({entry, 0});
  }
  if (!ahead_.places.empty()) {
    const Entry* entry = OrderedTable::lower_bound(group, judge_.key_of(passed));
    if (entry != nullptr && !OverPartition::is_before(last, entry)) take({entry, 0});
  }
  return first;
}

std::optional<OverPartition::Stretch> OverAhead::finals(const Group* group,
                                                        const Entry* first_new) {
  from_ = to_ = waited_ = {};
  const Entry* last = OrderedTable::last(group);
  if (last == nullptr) return std::nullopt;
  const Entry* before = first_new == nullptr ? last : OrderedTable::previous(group, first_new);
  if (before != nullptr) waited_ = first_waiting(group, before, passed_at(judge_.previous()));
  from_ = waited_.entry != nullptr ? waited_ : Place{first_new, 0};
  to_ = first_waiting(group, last, passed_at(judge_.current()));
  if (from_.entry == nullptr || !is_before(from_, to_)) return std::nullopt;
  const Entry* end = to_.entry == nullptr ? last
                     : to_.copy > 0       ? to_.entry
                                          : OrderedTable::previous(group, to_.entry);
  return OverPartition::Stretch{from_.entry, end};
}

bool OverAhead::gives(const Entry* entry, int64_t copy) const {
  const Place place{entry, copy};
  return !is_before(place, from_) && is_before(place, to_);
}

std::optional<std::string> OverAhead::needed_place() {
  if (to_.entry == nullptr) return first_seen_from(judge_.datum_of(judge_.current()));
  const std::string_view key[] = {order_.key_of(OrderedTable::suffix(to_.entry))};
  return first_seen_from(order_.values_of(key)->datum(0));
}

std::optional<std::string> OverAhead::first_seen_from(const data::Datum& time) const {
  return order_.least_place(behind_.places, time, *context_.eval);
}

const OverAhead::Entry* OverAhead::first_needed(const Group* group) {
  const Entry* needed = to_.entry;
  const auto take = [&](const Entry* entry) {
    if (needed == nullptr || OverPartition::is_before(entry, needed)) needed = entry;
  };
  const Entry* before =
      needed == nullptr ? OrderedTable::last(group) : OrderedTable::previous(group, needed);
  int64_t left = behind_.rows;
  for (const Entry* entry = before; entry != nullptr && left > 0;
       entry = OrderedTable::previous(group, entry)) {
    left -= std::min(left, OrderedTable::count(entry));
    take(entry);
  }
  // A row that waits has peers; those of rows to come are all to come.
  int64_t groups = behind_.groups + (to_.entry == nullptr ? 0 : 1);
  std::string_view key;
  for (const Entry* entry = to_.entry == nullptr ? before : to_.entry;
       entry != nullptr && behind_.groups >= 0; entry = OrderedTable::previous(group, entry)) {
    const std::string_view own = order_.key_of(OrderedTable::suffix(entry));
    if (own != key && groups-- == 0) break;
    key = own;
    take(entry);
  }
  if (!behind_.places.empty()) {
    const std::optional<std::string> place = needed_place();
    const Entry* entry =
        place ? OrderedTable::lower_bound(group, *place) : OrderedTable::first(group);
    if (entry != nullptr) take(entry);
  }
  return needed;
}

Status OverAhead::keep(OrderedTable& rows, Group* group) {
  const bool is_over = judge_.current() == TimeJudge::kEverything;
  if (is_over || !behind_.all) {
    const Entry* needed = is_over ? nullptr : first_needed(group);
    std::vector<Entry*> gone;
    for (Entry* entry = OrderedTable::first(group); entry != nullptr && entry != needed;
         entry = OrderedTable::next(group, entry)) {
      gone.push_back(entry);
    }
    for (Entry* entry : gone) {
      rows.set_count(group, rows.upsert(group, OrderedTable::suffix(entry)), 0);
    }
  }
  return set_timer(group);
}

std::string OverAhead::next_look(const Group* group) {
  std::string time;
  const std::string passed = judge_.key_of(passed_at(judge_.current()));
  if (to_.entry == nullptr) {
    const Entry* last = OrderedTable::last(group);
    if (!goes_with_time_ || last == nullptr) return time;
    // Rows to come still see it; from then on they don't.
    const std::optional<std::string> seen = needed_place();
    const int64_t reach = seen ? judge_.current() - time_of(*seen) : 0;
    const int64_t from = time_of(OrderedTable::suffix(last));
    int64_t until = 0;
    if (__builtin_add_overflow(from, reach, &until)) until = TimeJudge::kEverything;
    return std::max(judge_.key_of(until), passed);
  }
  const std::string_view suffix = OrderedTable::suffix(to_.entry);
  const bool by_time = !ahead_.places.empty() && suffix >= passed;
  // Then its timer is there.
  if (by_time ? waited_.entry == to_.entry : ahead_.places.empty() && waited_.entry != nullptr) {
    return time;
  }
  if (by_time) return std::string(suffix.substr(0, time_bytes_));
  // A row that waits for others comes when there are none to come, at the end of time.
  data::append_key(judge_.datum_of(TimeJudge::kEverything), KeyMode::kGrouping, time);
  return time;
}

int64_t OverAhead::time_of(std::string_view suffix) const {
  const std::string_view key[] = {suffix};
  return order_.values_of(key)->view().at<int64_t>(0);
}

Status OverAhead::set_timer(const Group* group) {
  const std::string time = next_look(group);
  if (time.empty()) return Status::ok();
  return expired_.set_timer(timers_, time, OrderedTable::group_key(group));
}

Result<bool> OverAhead::take_due(OrderedTable& rows, std::vector<Group*>& groups) {
  if (!is_looking_) {
    const int64_t from = passed_at(judge_.previous()), to = passed_at(judge_.current());
    if (from >= to) return false;
    is_looking_ = true;
    expired_.begin(judge_.key_of(from), judge_.key_of(to));
  }
  const uint32_t most = std::max<uint32_t>(1, context_.batch_rows / 16);
  FOREBAY_ASSIGN_OR_RETURN(const bool more, expired_.take_due(timers_, most, keys_));
  if (!more) return false;
  groups.resize(keys_.rows());
  FOREBAY_RETURN_IF_ERROR(rows.load(keys_, groups));
  for (Group* group : groups) rows.pin(group);
  return true;
}

}  // namespace forebay::operators
