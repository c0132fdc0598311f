#include "engine/operators/join_expiry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "engine/data/datetime_limits.h"

namespace forebay::operators {

using data::KeyRows;
using state::OrderedTable;

namespace {

/// Infinite times stay what they are; beyond the ends it is the end.
int64_t moved(int64_t time, int64_t offset_us) {
  if (!data::is_finite_timestamp(time)) return time;
  int64_t sum = 0;
  if (!__builtin_add_overflow(time, offset_us, &sum)) return sum;
  return offset_us < 0 ? INT64_MIN : INT64_MAX;
}

bool is_before(int64_t time, int64_t bound) {
  return bound == TimeJudge::kEverything || time < bound;
}

/// As append_key does: a mark, then 8 bytes in order (state/README.md).
void append_time(int64_t time, std::string& key) {
  const uint64_t bits = __builtin_bswap64(static_cast<uint64_t>(time) ^ uint64_t{1} << 63);
  char bytes[JoinExpiry::kTimeBytes] = {0x02};
  std::memcpy(bytes + 1, &bits, sizeof(bits));
  key.append(bytes, sizeof(bytes));
}

}  // namespace

int64_t JoinExpiry::time_of(const Entry* entry) {
  uint64_t bits = 0;
  std::memcpy(&bits, OrderedTable::suffix(entry).data() + 1, 8);
  return static_cast<int64_t>(__builtin_bswap64(bits) ^ uint64_t{1} << 63);
}

std::string JoinExpiry::describe(const JoinTime& time) {
  std::string text = time.by_key ? " by-key" : "";
  for (int side : {0, 1}) {
    const JoinTime::Side& of = time.sides[side];
    std::vector<std::string> parts;
    for (const TimeBound& bound : of.late) parts.push_back("late=" + bound_text(bound));
    if (of.needed) parts.push_back("needed=" + bound_text(*of.needed));
    if (of.lower) {
      parts.push_back(fmt::format("from=#{}{:+}us", of.lower->column, of.lower->offset_us));
    }
    if (of.upper) {
      parts.push_back(fmt::format("to=#{}{:+}us", of.upper->column, of.upper->offset_us));
    }
    text += fmt::format(" {}({})", side == 0 ? "left" : "right", fmt::join(parts, " "));
  }
  return text;
}

JoinExpiry::JoinExpiry(const JoinParameters& parameters, const OperatorContext& context,
                       OrderedTable* left, OrderedTable* right)
    : time_(*parameters.time), context_(context), tables_{left, right} {
  const TableId rows[2] = {parameters.left_rows, parameters.right_rows};
  for (int side : {0, 1}) {
    const JoinTime::Side& from = time_.sides[side];
    const std::vector<Type>& types = side == 0 ? parameters.left_types : parameters.right_types;
    std::vector<uint32_t>& strict = strict_columns_[side];
    Side& to = sides_[side];
    for (const TimeBound& bound : from.late) {
      to.late.emplace_back(bound, types[bound.column], context_);
      strict.push_back(bound.column);
    }
    if (time_.by_key) {
      std::vector<Type> key_types;
      for (uint32_t column : side == 0 ? parameters.left_keys : parameters.right_keys) {
        key_types.push_back(types[column]);
      }
      to.expired.emplace(state::Family::kLog, rows[side], context_, 0, std::move(key_types));
      continue;
    }
    for (const auto& reach : {time_.sides[1 - side].lower, time_.sides[1 - side].upper}) {
      if (reach) strict.push_back(reach->column);
    }
    if (!from.needed) continue;
    strict.push_back(from.needed->column);
    to.needed.emplace(*from.needed, types[from.needed->column], context_);
    to.timers.emplace(from.timers, context_);
  }
}

uint64_t JoinExpiry::drop_late(int side, ChangeBatch& batch) {
  uint64_t late = 0;
  for (TimeJudge& judge : sides_[side].late) late += judge.drop_late(batch);
  return late;
}

void JoinExpiry::begin_batch(int side, const ChangeBatch& batch) {
  batch_ = &batch;
  if (orders(side)) times_ = batch.column(time_.sides[side].needed->column).view();
  created_.assign(batch.rows(), 0);
}

std::string_view JoinExpiry::note_row(int side, uint32_t i, const Group* group,
                                      const KeyRows& keys) {
  if (!orders(side)) {
    created_[i] = time_.by_key && OrderedTable::size(group) == 0;
    return {};
  }
  const int64_t time = times_.at<int64_t>(batch_->physical(i));
  // Rows come in order, mostly, and the last one is where this one will be.
  const Entry* last = OrderedTable::last(group);
  if (last == nullptr || (time < time_of(last) && time < time_of(OrderedTable::first(group)))) {
    add_timer(side, time, keys.key(i), keys.hashes[i]);
  }
  time_key_.clear();
  append_time(time, time_key_);
  return time_key_;
}

void JoinExpiry::add_timer(int side, int64_t time, std::string_view key, uint64_t hash) {
  Side& of = sides_[side];
  const int64_t passed = of.needed->previous();
  if (passed != TimeJudge::kNothing && is_before(time, passed)) {
    of.timers->add_due(key, hash);  // nothing will need the row
  } else {
    of.timers->add(time, key, hash);
  }
}

void JoinExpiry::finish_batch(int side, const KeyRows& keys) {
  batch_ = nullptr;
  if (time_.by_key) sides_[side].expired->add(keys, created_);
}

void JoinExpiry::find_ranges(int side, const ChangeBatch& others, std::span<Group* const> groups,
                             std::vector<Entry*>& firsts, std::vector<int64_t>& lasts) const {
  const JoinTime::Side& range = time_.sides[side];
  data::ColumnView lower, upper;
  if (range.lower) lower = others.column(range.lower->column).view();
  if (range.upper) upper = others.column(range.upper->column).view();
  firsts.resize(groups.size());
  lasts.assign(groups.size(), INT64_MAX);
  std::string from;
  for (uint32_t i = 0; i < groups.size(); ++i) {
    firsts[i] = nullptr;
    if (groups[i] == nullptr) continue;
    const uint32_t row = others.physical(i);
    if (range.upper) lasts[i] = moved(upper.at<int64_t>(row), range.upper->offset_us);
    if (!range.lower) {
      firsts[i] = OrderedTable::first(groups[i]);
    } else {
      from.clear();
      append_time(moved(lower.at<int64_t>(row), range.lower->offset_us), from);
      firsts[i] = OrderedTable::lower_bound(groups[i], from);
    }
    if (firsts[i] != nullptr && time_of(firsts[i]) > lasts[i]) firsts[i] = nullptr;
  }
}

// ---------------------------------------------------------------- forgetting

Result<Progress> JoinExpiry::forget() {
  for (; side_ < 2; ++side_) {
    if (!searching_) searching_ = begin_side(side_);
    if (!searching_) continue;
    FOREBAY_ASSIGN_OR_RETURN(searching_, time_.by_key ? forget_keys(side_) : forget_rows(side_));
    if (searching_) return Progress::kMore;
  }
  return Progress::kDone;
}

bool JoinExpiry::begin_side(int side) {
  Side& of = sides_[side];
  if (time_.by_key) {
    TimeJudge& judge = of.late[0];
    if (judge.previous() >= judge.current()) return false;
    of.expired->begin(judge.key_of(judge.previous()), judge.key_of(judge.current()));
    return true;
  }
  if (!of.needed) return false;
  const int64_t passed = of.needed->previous();
  if (passed >= of.needed->current() && !of.timers->has_due()) return false;
  of.timers->begin(passed, of.needed->current());
  due_groups_.clear();
  next_due_ = 0;
  return true;
}

Result<bool> JoinExpiry::forget_keys(int side) {
  FOREBAY_RETURN_IF_ERROR(
      sides_[side].expired->next(std::max<uint32_t>(1, context_.batch_rows / 16), due_));
  if (due_.rows() == 0) return false;
  FOREBAY_RETURN_IF_ERROR(free_groups(*tables_[side], due_, due_groups_));
  return true;
}

Result<bool> JoinExpiry::forget_rows(int side) {
  if (next_due_ == due_groups_.size()) {
    FOREBAY_RETURN_IF_ERROR(find_due(side));
    if (due_groups_.empty()) return false;
  }
  for (uint32_t budget = context_.batch_rows; budget > 0 && next_due_ < due_groups_.size();) {
    prefetch_groups(due_groups_, next_due_);
    Group* group = due_groups_[next_due_];
    if (group != nullptr && !forget_some(side, group, budget)) break;
    if (group != nullptr && OrderedTable::size(group) != 0) {
      add_timer(side, time_of(OrderedTable::first(group)), OrderedTable::group_key(group),
                due_.hashes[next_due_]);
    }
    ++next_due_;
  }
  return true;
}

Status JoinExpiry::find_due(int side) {
  next_due_ = 0;
  const uint32_t enough = std::max<uint32_t>(1, context_.batch_rows / 4);
  FOREBAY_RETURN_IF_ERROR(sides_[side].timers->next(enough, due_));
  due_groups_.resize(due_.rows());
  return tables_[side]->find(due_, due_groups_);
}

bool JoinExpiry::forget_some(int side, Group* group, uint32_t& budget) {
  const int64_t bound = sides_[side].needed->current();
  Entry* entries[OrderedTable::kReadAtOnce];
  for (const Entry* from = OrderedTable::first(group); from != nullptr;) {
    if (budget == 0) return false;
    const size_t count = OrderedTable::read(group, from, entries);
    from = count == OrderedTable::kReadAtOnce ? OrderedTable::next(group, entries[count - 1])
                                              : nullptr;
    for (size_t i = 0; i < count; ++i) {
      if (!is_before(time_of(entries[i]), bound)) return true;
      tables_[side]->set_count(group, entries[i], 0);
    }
    budget -= std::min<uint32_t>(budget, static_cast<uint32_t>(count));
  }
  return true;
}

void JoinExpiry::seal(state::SealedRun& run) {
  for (Side& side : sides_) {
    if (side.timers) side.timers->seal(run);
    if (side.expired) side.expired->seal();
    for (TimeJudge& judge : side.late) judge.end();
    if (side.needed) side.needed->end();
  }
  side_ = 0;
  searching_ = false;
}

size_t JoinExpiry::memory_bytes() const {
  size_t bytes = 0;
  for (const Side& side : sides_) {
    if (side.timers) bytes += side.timers->memory_bytes();
    if (side.expired) bytes += side.expired->memory_bytes();
  }
  return bytes;
}

size_t JoinExpiry::dirty_entries() const {
  size_t entries = 0;
  for (const Side& side : sides_) {
    if (side.timers) entries += side.timers->dirty_entries();
  }
  return entries;
}

}  // namespace forebay::operators
