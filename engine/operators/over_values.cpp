#include "engine/operators/over_values.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "engine/operators/over_frames.h"

namespace forebay::operators {

using data::ColumnBuilder;
using data::ColumnView;

namespace {

using Span = OverSpan;
using Frames = OverFrames;

/// Row numbers and what follows from them.
void append_places(const OverCall& call, const OverRows& rows, const OverBase& base,
                   ColumnBuilder& out) {
  const auto total = static_cast<int64_t>(rows.count());
  for (uint32_t row = rows.from; row < rows.to; ++row) {
    switch (call.function) {
      case OverFunction::kRowNumber:
        out.append(base.rows + row + 1);
        break;
      case OverFunction::kRank:
        out.append(base.rows + rows.peers_from(row) + 1);
        break;
      case OverFunction::kDenseRank:
        out.append(base.groups + rows.group[row] + 1);
        break;
      case OverFunction::kPercentRank:
        out.append(total <= 1 ? 0.0
                              : static_cast<double>(rows.peers_from(row)) /
                                    static_cast<double>(total - 1));
        break;
      case OverFunction::kCumeDist:
        out.append(static_cast<double>(rows.peers_to(row)) / static_cast<double>(total));
        break;
      default: {  // ntile
        const int64_t least = total / call.number;
        const int64_t larger = total % call.number;  // buckets with one row more
        const int64_t in_larger = larger * (least + 1);
        const int64_t bucket =
            row < in_larger ? row / (least + 1) : larger + (row - in_larger) / least;
        out.append(static_cast<int32_t>(bucket + 1));
        break;
      }
    }
  }
}

void append_lag(const OverCall& call, const OverItems& items, const OverRows& rows,
                ColumnBuilder& out) {
  const ColumnView values = items.view(call.arguments[0]);
  for (uint32_t row = rows.from; row < rows.to; ++row) {
    const bool known = call.number <= row && row - call.number < rows.count();
    if (known) {
      out.append_from(values, rows.item[static_cast<size_t>(row - call.number)]);
    } else if (call.fallback_column >= 0) {
      out.append_from(items.view(static_cast<uint32_t>(call.fallback_column)), rows.item[row]);
    } else {
      out.append_null();
    }
  }
}

bool is_running(const OverCall& call) {
  return call.frame.lower.edge == FrameBound::Edge::kPartitionStart;
}

void append_key_value(std::string_view key, ColumnBuilder& out) {
  const Status status = data::decode_key(key, data::KeyMode::kExact, out);
  FOREBAY_CHECK(status.is_ok(), "over: bytes that are no value");
}

void append_picks(const OverCall& call, Frames& frames, const OverItems& items,
                  const OverRows& rows, const OverBase& base, size_t index, ColumnBuilder& out) {
  const ColumnView values = items.view(call.arguments[0]);
  const bool from_end = call.function == OverFunction::kLastValue;
  int64_t n = call.function == OverFunction::kNthValue ? call.number - 1 : 0;
  if (is_running(call) && !from_end) {
    if (n < base.rows) {
      for (uint32_t row = rows.from; row < rows.to; ++row) {
        append_key_value(base.calls[index].first[static_cast<size_t>(n)], out);
      }
      return;
    }
    n -= base.rows;
  }
  for (uint32_t row = rows.from; row < rows.to; ++row) {
    const uint32_t at = frames.nth_row(row, n, from_end);
    if (at == OverFrames::kNoRow) {
      out.append_null();
    } else {
      out.append_from(values, rows.item[at]);
    }
  }
}

/// Keeps an aggregate's frame as it slides over the rows. `Inside` takes spans of rows in and out:
/// clear(), add(Span), remove(Span).
template <typename Inside, typename Result>
void slide(Frames& frames, const OverRows& rows, Inside& inside, Result&& result) {
  Span held;  // of running frames nothing but what they grow by; what was before is inside
  for (uint32_t row = rows.from; row < rows.to; ++row) {
    const Span frame = frames.of(row);
    if (frame.from >= held.to || frame.to <= held.from) {
      if (!held.empty()) inside.clear();
      inside.add(frame);
    } else {
      inside.add({held.to, frame.to});
      inside.add({frame.from, held.from});
      inside.remove({held.from, frame.from});
      inside.remove({frame.to, held.to});
    }
    held = frame;
    Span out[2];
    frames.excluded(row, frame, out);
    for (const Span& span : out) inside.remove(span);
    result();
    for (const Span& span : out) inside.add(span);
  }
}

/// Rows that an aggregate sees: its filter is true and its arguments have values.
std::vector<uint8_t> seen_items(const OverCall& call, const OverItems& items) {
  std::vector<uint8_t> seen(items.count, 1);
  if (call.filter_column >= 0) {
    const ColumnView filter = items.view(static_cast<uint32_t>(call.filter_column));
    for (uint32_t i = 0; i < items.count; ++i) {
      seen[i] = !filter.is_null(i) && filter.at<uint8_t>(i) != 0;
    }
  }
  if (call.aggregate->sees_nulls) return seen;
  for (uint32_t argument : call.arguments) {
    const ColumnView values = items.view(argument);
    if (values.validity == nullptr) continue;
    for (uint32_t i = 0; i < items.count; ++i) seen[i] &= !values.is_null(i);
  }
  return seen;
}

/// An accumulator over the rows inside.
class Accumulated {
 public:
  Accumulated(const OverCall& call, const std::vector<Type>& types, const OverItems& items,
              const OverRows& rows, bool only_grows)
      : function_(*call.aggregate),
        rows_(rows),
        seen_(seen_items(call, items)),
        state_((function_.state_bytes + 7) / 8, 0) {
    for (uint32_t argument : call.arguments) {
      views_.push_back(items.view(argument));
      types_.push_back(types[argument]);
    }
    counts_scales_ = function_.set_scale != nullptr && !only_grows && !types_.empty() &&
                     types_[0].id == data::TypeId::kNumeric && types_[0].modifier < 0;
  }

  void start_with(const std::vector<uint64_t>& state) {
    if (!state.empty()) state_ = state;
  }
  const std::vector<uint64_t>& state() const { return state_; }

  void clear() {
    std::fill(state_.begin(), state_.end(), 0);
    scales_.clear();
  }
  void add(Span span) { update(span, 1); }
  void remove(Span span) { update(span, -1); }

  void finish(uint32_t index, ColumnBuilder& out, std::vector<GroupFailure>& failures) {
    if (counts_scales_ && !scales_.empty()) {
      function_.set_scale(bytes(), scales_.rbegin()->first);
    }
    struct Context {
      std::vector<GroupFailure>& failures;
      uint32_t index;
      std::string_view column;
    } context{failures, index, function_.name};
    const char* const states[] = {bytes()};
    udfs::FinishCall call;
    call.states = states;
    call.count = 1;
    call.out = &out;
    call.context = &context;
    call.fail = [](void* opaque, uint32_t, const char* sqlstate, const char* message,
                   size_t message_bytes) {
      auto* to = static_cast<Context*>(opaque);
      to->failures.push_back({to->index, data::SqlState::from_text(std::string_view(sqlstate, 5)),
                              std::string(message, message_bytes), std::string(to->column)});
    };
    function_.finish(call);
  }

 private:
  char* bytes() { return reinterpret_cast<char*>(state_.data()); }

  void update(Span span, Weight weight) {
    if (span.empty()) return;
    chosen_.clear();
    for (uint32_t row = span.from; row < span.to; ++row) {
      const uint32_t item = rows_.item[row];
      if (seen_[item] != 0) chosen_.push_back(item);
    }
    if (chosen_.empty()) return;
    states_.assign(chosen_.size(), bytes());
    weights_.assign(chosen_.size(), weight);
    udfs::AggregateCall call;
    call.arguments = views_.data();
    call.argument_types = types_.data();
    call.argument_count = static_cast<uint32_t>(views_.size());
    call.rows = chosen_.data();
    call.states = states_.data();
    call.weights = weights_.data();
    call.row_count = static_cast<uint32_t>(chosen_.size());
    function_.update(call);
    if (counts_scales_) count_scales(weight);
  }

  void count_scales(Weight weight) {
    for (uint32_t item : chosen_) {
      const data::Numeric& value = views_[0].at<data::Numeric>(item);
      if (!value.is_finite()) continue;
      int64_t& count = scales_[value.scale];
      count += weight;
      if (count == 0) scales_.erase(value.scale);
    }
  }

  const udfs::AggregateFunction& function_;
  const OverRows& rows_;
  std::vector<uint8_t> seen_;
  std::vector<uint64_t> state_;
  std::vector<ColumnView> views_;
  std::vector<Type> types_;
  bool counts_scales_ = false;
  std::map<uint16_t, int64_t> scales_;  // of the values inside
  std::vector<uint32_t> chosen_;
  std::vector<char*> states_;
  std::vector<Weight> weights_;
};

/// The values inside, in order, for min and max.
class Ordered {
 public:
  Ordered(const OverCall& call, const OverItems& items, const OverRows& rows)
      : rows_(rows),
        maximum_(call.aggregate->kind == udfs::AggregateKind::kMaximum),
        seen_(seen_items(call, items)) {
    const uint32_t first[] = {0};
    data::encode_keys(ChangeBatch({items.columns[call.arguments[0]]}, items.count), first,
                      data::KeyMode::kExact, keys_);
  }

  void clear() { inside_.clear(); }
  void add(Span span) {
    for (uint32_t row = span.from; row < span.to; ++row) {
      const uint32_t item = rows_.item[row];
      if (seen_[item] == 0) continue;
      Value& value = inside_[keys_.key(item)];
      value.item = item;
      ++value.count;
    }
  }
  void remove(Span span) {
    for (uint32_t row = span.from; row < span.to; ++row) {
      const uint32_t item = rows_.item[row];
      if (seen_[item] == 0) continue;
      const auto at = inside_.find(keys_.key(item));
      if (--at->second.count == 0) inside_.erase(at);
    }
  }
  void start_with(std::string_view extreme) { before_ = extreme; }
  /// The bytes of the result; empty: none.
  std::string_view extreme() const {
    if (inside_.empty()) return before_;
    const std::string_view own = maximum_ ? inside_.rbegin()->first : inside_.begin()->first;
    return before_.empty() || (maximum_ ? own >= before_ : own <= before_) ? own : before_;
  }
  void finish(const ColumnView& values, ColumnBuilder& out) const {
    const std::string_view key = extreme();
    if (key.empty()) {
      out.append_null();
    } else if (key.data() == before_.data()) {
      append_key_value(key, out);
    } else {
      out.append_from(values, inside_.find(key)->second.item);
    }
  }

 private:
  struct Value {
    uint32_t item = 0;
    int64_t count = 0;
  };
  const OverRows& rows_;
  const bool maximum_;
  std::vector<uint8_t> seen_;
  data::KeyRows keys_;
  std::string_view before_;  // the extreme of the rows before the stretch
  std::map<std::string_view, Value> inside_;
};

/// Aggregates of all values in order: collected anew for each row.
Status append_collected(const OverCall& call, const std::vector<Type>& types, Frames& frames,
                        const OverItems& items, const OverRows& rows,
                        const expr::EvalContext* context, ColumnBuilder& out) {
  const std::vector<uint8_t> seen = seen_items(call, items);
  std::vector<Type> argument_types;
  for (uint32_t argument : call.arguments) argument_types.push_back(types[argument]);
  size_t left = context == nullptr ? SIZE_MAX : context->most_bytes;
  data::Selection chosen;
  for (uint32_t row = rows.from; row < rows.to; ++row) {
    const Span frame = frames.of(row);
    Span leave[2];
    frames.excluded(row, frame, leave);
    chosen.clear();
    for (uint32_t at = frame.from; at < frame.to; ++at) {
      const auto is_in = [&](const Span& span) { return at >= span.from && at < span.to; };
      if (seen[rows.item[at]] != 0 && !is_in(leave[0]) && !is_in(leave[1])) {
        chosen.push_back(rows.item[at]);
      }
    }
    if (chosen.empty()) {
      out.append_null();
      continue;
    }
    std::vector<data::ColumnRef> columns;
    std::vector<ColumnView> views;
    for (size_t i = 0; i < call.arguments.size(); ++i) {
      ColumnBuilder builder(argument_types[i]);
      builder.append_selected(*items.columns[call.arguments[i]], chosen);
      columns.push_back(builder.finish());
      views.push_back(columns.back()->view());
    }
    const std::vector<Weight> counts(chosen.size(), 1);
    const std::vector<uint8_t> repeats(chosen.size(), 0);
    size_t bytes = 0;
    udfs::CollectCall collect{};
    collect.arguments = views.data();
    collect.argument_types = argument_types.data();
    collect.argument_count = static_cast<uint32_t>(views.size());
    collect.counts = counts.data();
    collect.repeats = repeats.data();
    collect.row_count = static_cast<uint32_t>(chosen.size());
    collect.out = &out;
    collect.text_bytes = &bytes;
    collect.most_bytes = std::min(udfs::kLongestText, left);
    call.aggregate->collect(collect);
    if (bytes > udfs::kLongestText) {
      return Status(data::sqlstate::kProgramLimit, std::string(udfs::kTextTooLong));
    }
    if (bytes > left) return Status(data::sqlstate::kOutOfMemory, "out of memory");
    left -= bytes;
  }
  return Status::ok();
}

Status append_aggregates(const OverCall& call, const std::vector<Type>& types, Frames& frames,
                         const OverItems& items, const OverRows& rows,
                         const OverBase::Running& base, const expr::EvalContext* context,
                         ColumnBuilder& out, std::vector<GroupFailure>& failures) {
  switch (call.aggregate->kind) {
    case udfs::AggregateKind::kOrdered:
      return append_collected(call, types, frames, items, rows, context, out);
    case udfs::AggregateKind::kMinimum:
    case udfs::AggregateKind::kMaximum: {
      Ordered inside(call, items, rows);
      if (is_running(call)) inside.start_with(base.extreme);
      const ColumnView values = items.view(call.arguments[0]);
      slide(frames, rows, inside, [&] { inside.finish(values, out); });
      return Status::ok();
    }
    case udfs::AggregateKind::kAccumulator:
      break;
  }
  Accumulated inside(call, types, items, rows, frames.only_grows());
  if (is_running(call)) inside.start_with(base.state);
  uint32_t index = 0;
  slide(frames, rows, inside, [&] { inside.finish(index++, out, failures); });
  return Status::ok();
}

}  // namespace

bool needs_peers(const OverCall& call) {
  switch (call.function) {
    case OverFunction::kRowNumber:
    case OverFunction::kNtile:
    case OverFunction::kLag:
      return false;
    case OverFunction::kRank:
    case OverFunction::kDenseRank:
    case OverFunction::kPercentRank:
    case OverFunction::kCumeDist:
      return true;
    default:
      return call.frame.unit != FrameUnit::kRows ||
             call.frame.exclusion == FrameExclusion::kGroup ||
             call.frame.exclusion == FrameExclusion::kTies;
  }
}

size_t OverBase::bytes() const {
  size_t bytes = sizeof(*this);
  for (const Running& call : calls) {
    bytes += sizeof(call) + 8 * call.state.size() + call.extreme.capacity();
    for (const std::string& value : call.first) bytes += sizeof(value) + value.capacity();
  }
  return bytes;
}

void advance(const OverParameters& parameters, const OverItems& items, const OverRows& rows,
             uint32_t count, OverBase& base) {
  base.calls.resize(parameters.calls.size());
  for (size_t i = 0; i < parameters.calls.size(); ++i) {
    const OverCall& call = parameters.calls[i];
    OverBase::Running& running = base.calls[i];
    if (call.function < OverFunction::kFirstValue || !is_running(call)) continue;
    if (call.function != OverFunction::kAggregate) {
      const auto wanted = static_cast<size_t>(call.function == OverFunction::kNthValue ? call.number
                                              : call.function == OverFunction::kFirstValue ? 1
                                                                                           : 0);
      for (uint32_t row = 0; row < count && running.first.size() < wanted; ++row) {
        data::append_key(*items.columns[call.arguments[0]], rows.item[row], data::KeyMode::kExact,
                         running.first.emplace_back());
      }
    } else if (call.aggregate->kind == udfs::AggregateKind::kAccumulator) {
      Accumulated inside(call, parameters.types, items, rows, true);
      inside.start_with(running.state);
      inside.add({0, count});
      running.state = inside.state();
    } else if (call.aggregate->kind != udfs::AggregateKind::kOrdered) {
      Ordered inside(call, items, rows);
      inside.start_with(running.extreme);
      inside.add({0, count});
      running.extreme = std::string(inside.extreme());
    }
  }
  base.rows += count;
  if (count > 0 && !rows.group.empty()) base.groups += rows.group[count - 1] + 1;
}

Status append_over_values(const OverParameters& parameters, size_t index, const OverItems& items,
                          const OverRows& rows, const OverBase& base, const OverPlaces& places,
                          const expr::EvalContext* context, ColumnBuilder& out,
                          std::vector<GroupFailure>& failures) {
  const OverCall& call = parameters.calls[index];
  for (uint32_t argument : call.arguments) out.keep_arenas(*items.columns[argument]);
  if (call.fallback_column >= 0) {
    out.keep_arenas(*items.columns[static_cast<uint32_t>(call.fallback_column)]);
  }
  Frames frames(call.frame, items, rows, places);
  static const OverBase::Running kNone;
  switch (call.function) {
    case OverFunction::kRowNumber:
    case OverFunction::kRank:
    case OverFunction::kDenseRank:
    case OverFunction::kPercentRank:
    case OverFunction::kCumeDist:
    case OverFunction::kNtile:
      append_places(call, rows, base, out);
      return Status::ok();
    case OverFunction::kLag:
      append_lag(call, items, rows, out);
      return Status::ok();
    case OverFunction::kFirstValue:
    case OverFunction::kLastValue:
    case OverFunction::kNthValue:
      append_picks(call, frames, items, rows, base, index, out);
      return Status::ok();
    case OverFunction::kAggregate:
      break;
  }
  return append_aggregates(call, parameters.types, frames, items, rows,
                           base.calls.empty() ? kNone : base.calls[index], context, out, failures);
}

}  // namespace forebay::operators
