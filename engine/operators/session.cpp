// Session: rows with the session window that they are in.
//
// Input: any changes, hashed by the partition columns.
//
// Output: at the end of an epoch the net change: rows that came and went, and those whose session
// has become longer, shorter, or another one because two were merged or one was split. With
// on_close: rows of sessions that are final, once.
//
// State: an OrderedTable partition -> rows; suffix = the time and then all other columns (kExact).
// With a bound a PointTable of timers, (time, partition) -> nothing: a partition that has rows has
// a timer that is not later than the end of its first session.
//
// Invariant: what an epoch has not touched, and what no chain of rows at most a gap apart links to
// it, has the session that it had. A row that is not late can reach only sessions that are still
// there: their end is not before the watermark.
//
// Cost: per change one ordered insertion; per epoch the rows of touched sessions, twice; per final
// session its rows.

#include <fmt/format.h>

#include <algorithm>

#include "engine/data/datetime_limits.h"
#include "engine/data/row_codec.h"
#include "engine/operators/emission.h"
#include "engine/operators/expired_groups.h"
#include "engine/operators/group_prefetch.h"
#include "engine/operators/specs.h"

namespace forebay::operators {

namespace {

using data::KeyMode;
using data::KeyRows;
using state::OrderedTable;
using state::PointTable;

/// The key bytes of a timestamp: a mark, then 8 bytes in order (state/README.md).
constexpr size_t kTimeBytes = 9;

int64_t time_of(std::string_view key) {
  uint64_t bits = 0;
  std::memcpy(&bits, key.data() + 1, 8);
  return static_cast<int64_t>(__builtin_bswap64(bits) ^ uint64_t{1} << 63);
}
int64_t time_of(const OrderedTable::Entry* entry) { return time_of(OrderedTable::suffix(entry)); }

class Session final : public Operator {
 public:
  Session(const SessionParameters& parameters, const OperatorContext& context)
      : parameters_(parameters),
        context_(context),
        rows_(context.table(parameters.rows, state::Family::kLog)),
        timers_(context.table(parameters.timers, state::Family::kHot), 8, nullptr),
        expired_(state::Family::kHot, parameters.timers, context_, kTimeBytes) {
    columns_.push_back(parameters.time_column);
    for (uint32_t i = 0; i < parameters.types.size(); ++i) {
      if (i != parameters.time_column) columns_.push_back(i);
    }
    const Type type = parameters.types[parameters.time_column];
    for (const Type& column : parameters.types) builders_.emplace_back(column);
    builders_.emplace_back(type);
    builders_.emplace_back(type);
    if (parameters_.time) judge_.emplace(*parameters_.time, type, context_);
  }

  Result<Progress> take(uint32_t, ChangeBatch batch, Output& output) override {
    if (judge_) {
      if (uint64_t late = judge_->drop_late(batch); late > 0) output.late(late);
    }
    if (batch.empty()) return Progress::kDone;
    data::encode_keys(batch, parameters_.partition_columns, KeyMode::kGrouping, keys_);
    data::add_hashes(keys_);
    data::encode_keys(batch, columns_, KeyMode::kExact, row_keys_);
    groups_.resize(keys_.rows());
    FOREBAY_RETURN_IF_ERROR(rows_.load(keys_, groups_));
    const data::ColumnView times = batch.column(parameters_.time_column).view();
    for (uint32_t i = 0; i < groups_.size(); ++i) {
      prefetch_groups(groups_, i);
      const uint32_t row = batch.physical(i);
      if (times.is_null(row)) continue;
      bool is_first;
      OrderedTable::Entry* entry = rows_.upsert(groups_[i], row_keys_.key(i), is_first);
      if (is_first) note(groups_[i], entry, times.at<int64_t>(row));
      rows_.set_count(groups_[i], entry,
                      add_weights(OrderedTable::count(entry), batch.weight(row)));
    }
    return Progress::kDone;
  }

  Result<Progress> end_epoch(Output& output) override {
    for (const Touched& touched : touched_) {
      const int64_t count = OrderedTable::count(touched.entry);
      if (count < 0) fail_negative("session", row_text(touched.entry), count);
    }
    sort_touched();
    return resume(output);
  }

  Result<Progress> resume(Output& output) override {
    while (next_ < touched_.size()) {
      collect_region();
      FOREBAY_RETURN_IF_ERROR(flush_region(output));
      if (std::exchange(emitted_, false)) return Progress::kMore;
    }
    if (!closing_ && judge_ && judge_->previous() < judge_->current()) {
      closing_ = true;
      expired_.begin(judge_->key_of(judge_->previous()), judge_->key_of(judge_->current()));
    }
    bool more = closing_;
    if (closing_) {
      FOREBAY_ASSIGN_OR_RETURN(more, close_some(output));
    }
    if (!more) put_out(output);
    return more ? Progress::kMore : Progress::kDone;
  }

  void seal(state::SealedRun& run) override {
    rows_.seal(run);
    timers_.seal(run);
    expired_.seal();
    if (judge_) judge_->end();
    touched_.clear();
    partitions_.clear();
    places_.clear();
    next_ = 0;
    closing_ = false;
  }
  size_t memory_bytes() const override {
    return rows_.memory_bytes() + timers_.memory_bytes() + expired_.memory_bytes();
  }
  size_t dirty_entries() const override { return rows_.dirty_entries() + timers_.dirty_entries(); }
  size_t state_rows() const override { return rows_.resident_entries(); }

 private:
  struct Touched {
    uint32_t partition;  // by first touch
    OrderedTable::Entry* entry;
    int64_t time;
    int64_t before;
  };
  struct Window {
    int64_t start = 0;
    int64_t end = 0;
    bool operator==(const Window&) const = default;
  };
  /// A row of the region at work, before and after the epoch.
  struct Member {
    OrderedTable::Entry* entry;
    int64_t time;
    int64_t before, now;
    Window old_window, window;
  };

  /// The rows of a partition that are there, from one on; read some at a time.
  class Following {
   public:
    Following(const OrderedTable::Group* group, const OrderedTable::Entry* from) : group_(group) {
      fill(from);
    }
    /// nullptr: at the end.
    OrderedTable::Entry* entry() const { return at_ < count_ ? entries_[at_] : nullptr; }
    void advance() {
      if (++at_ == kAtOnce) fill(OrderedTable::next(group_, entries_[kAtOnce - 1]));
    }

   private:
    static constexpr size_t kAtOnce = 8;
    void fill(const OrderedTable::Entry* from) {
      at_ = 0;
      count_ = OrderedTable::read(group_, from, entries_);
    }

    const OrderedTable::Group* group_;
    OrderedTable::Entry* entries_[kAtOnce];
    size_t at_ = 0, count_ = 0;
  };

  /// Remembers how often a row was there when the epoch began.
  void note(OrderedTable::Group* group, OrderedTable::Entry* entry, int64_t time) {
    uint32_t number = OrderedTable::mark(group);  // from 1 on
    if (number == 0) {
      partitions_.push_back(group);
      places_.push_back(0);
      number = static_cast<uint32_t>(partitions_.size());
      OrderedTable::set_mark(group, number);
    }
    ++places_[number - 1];
    touched_.push_back({number - 1, entry, time, OrderedTable::count(entry)});
  }

  /// By partition, and then in the order of the rows.
  void sort_touched() {
    size_t from = 0;
    for (size_t& place : places_) from += std::exchange(place, from);
    sorted_.resize(touched_.size());
    for (const Touched& touched : touched_) sorted_[places_[touched.partition]++] = touched;
    touched_.swap(sorted_);
    const auto before = [](const Touched& a, const Touched& b) {
      if (a.time != b.time) return a.time < b.time;
      return OrderedTable::suffix(a.entry) < OrderedTable::suffix(b.entry);
    };
    from = 0;
    for (const size_t end : places_) {
      const auto first = touched_.begin() + static_cast<ptrdiff_t>(from);
      const auto last = touched_.begin() + static_cast<ptrdiff_t>(end);
      if (!std::is_sorted(first, last, before)) std::sort(first, last, before);
      from = end;
    }
  }

  bool reaches(int64_t from, int64_t to) const {
    return data::Int128{to} - from <= parameters_.gap;
  }
  /// Infinite times, and what would be behind all others, have infinite ends.
  int64_t end_of(int64_t last) const {
    if (!data::is_finite_timestamp(last)) return last;
    int64_t end;
    const bool overflows = __builtin_add_overflow(last, parameters_.gap, &end);
    return overflows || !data::is_valid_timestamp(end) ? INT64_MAX : end;
  }

  void pass_touched() {
    ++next_;
    constexpr size_t kAhead = 12;
    if (next_ + 2 * kAhead < touched_.size()) {
      __builtin_prefetch(partitions_[touched_[next_ + 2 * kAhead].partition]);
    }
    if (next_ + kAhead < touched_.size()) {
      const Touched& ahead = touched_[next_ + kAhead];
      __builtin_prefetch(ahead.entry);
      OrderedTable::prefetch(partitions_[ahead.partition], OrderedTable::Fetch::kPointers);
    }
  }

  /// The rows that a chain links to touched_[next_], those that are gone included; moves next_
  /// behind them.
  void collect_region() {
    const Touched& first = touched_[next_];
    OrderedTable::Group* group = partitions_[first.partition];
    auto add = [&](OrderedTable::Entry* entry, int64_t before) {
      region_.push_back({entry, time_of(entry), before, OrderedTable::count(entry), {}, {}});
    };
    region_.clear();
    int64_t at = time_of(first.entry);
    for (OrderedTable::Entry* entry = OrderedTable::previous(group, first.entry);
         entry != nullptr && reaches(time_of(entry), at);
         entry = OrderedTable::previous(group, entry)) {
      add(entry, OrderedTable::count(entry));
      at = time_of(entry);
    }
    std::reverse(region_.begin(), region_.end());
    add(first.entry, first.before);
    Following following(group, OrderedTable::next(group, first.entry));
    for (pass_touched();;) {
      OrderedTable::Entry* present = following.entry();
      const Touched* touched = nullptr;
      if (next_ < touched_.size() && touched_[next_].partition == first.partition) {
        touched = &touched_[next_];
      }
      const bool takes_touched =
          touched != nullptr &&
          (present == nullptr || touched->entry == present ||
           OrderedTable::suffix(touched->entry) < OrderedTable::suffix(present));
      OrderedTable::Entry* entry = takes_touched ? touched->entry : present;
      if (entry == nullptr || !reaches(region_.back().time, time_of(entry))) return;
      add(entry, takes_touched ? touched->before : OrderedTable::count(entry));
      if (takes_touched) pass_touched();
      if (entry == present) following.advance();
    }
  }

  /// The sessions of the region's rows that are there: `count` of a member says so.
  template <typename Count, typename Place>
  void find_windows(Count count, Place place) {
    size_t from = 0;
    const Member* last = nullptr;
    auto close = [&](size_t to) {
      if (last == nullptr) return;
      int64_t start = 0;
      bool started = false;
      for (size_t i = from; i < to; ++i) {
        if (count(region_[i]) == 0) continue;
        if (!started) start = region_[i].time;
        started = true;
        place(region_[i]) = {start, end_of(last->time)};
      }
    };
    for (size_t i = 0; i < region_.size(); ++i) {
      if (count(region_[i]) == 0) continue;
      if (last != nullptr && !reaches(last->time, region_[i].time)) {
        close(i);
        from = i;
        last = nullptr;
      }
      last = &region_[i];
    }
    close(region_.size());
  }

  Status flush_region(Output& output) {
    find_windows([](const Member& member) { return member.before; },
                 [](Member& member) -> Window& { return member.old_window; });
    find_windows([](const Member& member) { return member.now; },
                 [](Member& member) -> Window& { return member.window; });
    if (judge_) FOREBAY_RETURN_IF_ERROR(watch_region());
    if (parameters_.on_close) return Status::ok();
    for (const Member& member : region_) {
      const bool stays = member.before > 0 && member.now > 0 && member.window == member.old_window;
      if (stays) {
        FOREBAY_RETURN_IF_ERROR(
            emit(member.entry, member.window, member.now - member.before, output));
        continue;
      }
      FOREBAY_RETURN_IF_ERROR(emit(member.entry, member.old_window, -member.before, output));
      FOREBAY_RETURN_IF_ERROR(emit(member.entry, member.window, member.now, output));
    }
    return Status::ok();
  }

  /// Sets a timer where the partition's first session may end before the timer that there is.
  Status watch_region() {
    OrderedTable::Group* group = partitions_[touched_[next_ - 1].partition];
    const OrderedTable::Entry* first = OrderedTable::first(group);
    for (size_t i = 0; i < region_.size(); ++i) {
      if (region_[i].entry != first) continue;
      const bool shrinks = std::any_of(region_.begin(), region_.end(), [](const Member& member) {
        return member.now < member.before;
      });
      if (region_[i].before > 0 && !shrinks) return Status::ok();
      return set_timer(region_[i].window.end, OrderedTable::group_key(group));
    }
    return Status::ok();
  }

  Status set_timer(int64_t at, std::string_view partition) {
    timer_time_.clear();
    data::append_key({parameters_.types[parameters_.time_column], at}, KeyMode::kGrouping,
                     timer_time_);
    return expired_.set_timer(timers_, timer_time_, partition);
  }

  /// Some of the partitions whose timers are due; false: there are no more.
  Result<bool> close_some(Output& output) {
    const uint32_t most = std::max<uint32_t>(1, context_.batch_rows / 16);
    FOREBAY_ASSIGN_OR_RETURN(const bool more, expired_.take_due(timers_, most, keys_));
    if (!more) return false;
    groups_.resize(keys_.rows());
    FOREBAY_RETURN_IF_ERROR(rows_.find(keys_, groups_));
    for (uint32_t i = 0; i < keys_.rows(); ++i) {
      prefetch_groups(groups_, i);
      if (groups_[i] != nullptr) FOREBAY_RETURN_IF_ERROR(close_sessions(groups_[i], output));
    }
    return true;
  }

  /// Frees the sessions of the partition that are final, and waits for the next one.
  Status close_sessions(OrderedTable::Group* group, Output& output) {
    while (OrderedTable::Entry* first = OrderedTable::first(group)) {
      session_.clear();
      int64_t last = time_of(first);
      for (Following following(group, first);
           following.entry() != nullptr && reaches(last, time_of(following.entry()));
           following.advance()) {
        session_.push_back(following.entry());
        last = time_of(following.entry());
      }
      const Window window{time_of(first), end_of(last)};
      if (window.end >= judge_->current()) {
        return set_timer(window.end, OrderedTable::group_key(group));
      }
      for (OrderedTable::Entry* entry : session_) {
        if (parameters_.on_close) {
          FOREBAY_RETURN_IF_ERROR(emit(entry, window, OrderedTable::count(entry), output));
        }
        rows_.set_count(group, entry, 0);
      }
    }
    return Status::ok();
  }

  Status emit(const OrderedTable::Entry* entry, const Window& window, Weight weight,
              Output& output) {
    if (weight == 0) return Status::ok();
    FOREBAY_RETURN_IF_ERROR(decode(entry, builders_));
    builders_[parameters_.types.size()].append(window.start);
    builders_[parameters_.types.size() + 1].append(window.end);
    weights_.push_back(weight);
    if (weights_.size() >= context_.batch_rows) put_out(output);
    return Status::ok();
  }

  void put_out(Output& output) {
    if (weights_.empty()) return;
    auto rows = static_cast<uint32_t>(weights_.size());
    std::vector<data::ColumnRef> columns;
    for (data::ColumnBuilder& builder : builders_) columns.push_back(builder.finish());
    ChangeBatch batch(std::move(columns), rows);
    batch.set_weights(std::exchange(weights_, {}));
    output.emit(std::move(batch));
    emitted_ = true;
  }

  Status decode(const OrderedTable::Entry* entry,
                std::vector<data::ColumnBuilder>& builders) const {
    std::string_view key = OrderedTable::suffix(entry);
    for (uint32_t column : columns_) {
      FOREBAY_RETURN_IF_ERROR(data::decode_key(key, KeyMode::kExact, builders[column]));
    }
    return Status::ok();
  }

  std::string row_text(const OrderedTable::Entry* entry) const {
    std::vector<data::ColumnBuilder> builders(parameters_.types.begin(), parameters_.types.end());
    if (!decode(entry, builders).is_ok()) return "(bytes that are no row)";
    std::vector<data::ColumnRef> columns;
    for (data::ColumnBuilder& builder : builders) columns.push_back(builder.finish());
    return error_row_text(ChangeBatch(std::move(columns), 1), 0);
  }

  SessionParameters parameters_;
  OperatorContext context_;
  /// The time, then the other columns.
  std::vector<uint32_t> columns_;
  std::optional<TimeJudge> judge_;

  OrderedTable rows_;
  PointTable timers_;
  ExpiredGroups expired_;

  std::vector<Touched> touched_, sorted_;
  std::vector<OrderedTable::Group*> partitions_;  // their marks: place + 1
  std::vector<size_t> places_;  // per partition: touched rows, then where they end

  // The flush: rows before touched_[next_] are done; then sessions become final.
  size_t next_ = 0;
  bool closing_ = false;
  bool emitted_ = false;
  std::vector<Member> region_;
  std::vector<OrderedTable::Entry*> session_;
  std::vector<data::ColumnBuilder> builders_;
  std::vector<Weight> weights_;

  // Scratch.
  KeyRows keys_, row_keys_;
  std::string timer_time_;
  std::vector<OrderedTable::Group*> groups_;
};

class SessionSpec final : public OperatorSpec {
 public:
  explicit SessionSpec(SessionParameters parameters)
      : parameters_(std::move(parameters)), types_(parameters_.types) {
    types_.push_back(parameters_.types[parameters_.time_column]);
    types_.push_back(parameters_.types[parameters_.time_column]);
  }
  std::string_view name() const override { return "session"; }
  std::string describe() const override {
    std::string text =
        fmt::format("partition={} time={} gap={}us", column_list(parameters_.partition_columns),
                    parameters_.time_column, parameters_.gap);
    if (parameters_.time) text += " bound=" + bound_text(*parameters_.time);
    if (parameters_.on_close) text += " on-close";
    return text;
  }
  const std::vector<Type>& output_types() const override { return types_; }
  std::unique_ptr<Operator> instantiate(const OperatorContext& context) const override {
    return std::make_unique<Session>(parameters_, context);
  }
  std::vector<state::DroppedTable> tables() const override {
    return {{state::Family::kLog, parameters_.rows}, {state::Family::kHot, parameters_.timers}};
  }

 private:
  SessionParameters parameters_;
  std::vector<Type> types_;
};

}  // namespace

SpecRef make_session(SessionParameters parameters) {
  return std::make_shared<SessionSpec>(std::move(parameters));
}

}  // namespace forebay::operators
