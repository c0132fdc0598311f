// AsofJoin: each left row with the right row of its key whose time is the nearest one.
//
// Input: 0 is left, 1 is right, any changes, both hashed by their keys. With `versions` the right
// side is a table with a key; its changes make versions (asof_versions.h).
//
// Output: at the end of an epoch the net change: left rows that came and went, and those whose
// right row is another one than before. Rows with a NULL key or time match nothing; left ones go
// straight to the padded output.
//
// State: per side an OrderedTable key -> rows; suffix = the time (kGrouping; complemented where the
// right row is not behind the left one) and then all columns (kExact), so that a left row's match
// is the first right row from its own time on. Left: count = multiplicity. Right: likewise, or the
// version's kind. With both bounds a PointTable of timers, (time, key) -> nothing: a key that has
// something to forget (asof_expiry.h) has a timer that is not later than that.
//
// Invariants: the tables are as the epoch began until a key is flushed, so that both matches of a
// row can be looked up. Between a changed right row and the one before it all left rows have the
// same match, before and after.
//
// Cost: per change a few ordered lookups and one insertion; per right row that comes or goes the
// left rows up to the next one. With bounds: per epoch the keys that have something to forget.

#include <fmt/format.h>

#include <algorithm>

#include "engine/data/row_codec.h"
#include "engine/operators/asof_deltas.h"
#include "engine/operators/asof_expiry.h"
#include "engine/operators/emission.h"
#include "engine/operators/epoch_index.h"
#include "engine/operators/specs.h"

namespace forebay::operators {

namespace {

using data::KeyMode;
using data::KeyRows;
using state::OrderedTable;

constexpr char kHidden = AsofMatches::kHidden;
constexpr std::string_view kSigns[] = {">=", ">", "<=", "<"};

bool is_strict(AsofOrder order) {
  return order == AsofOrder::kBefore || order == AsofOrder::kAfter;
}
bool is_backward(AsofOrder order) {
  return order == AsofOrder::kAtOrBefore || order == AsofOrder::kBefore;
}

class AsofJoin final : public Operator {
 public:
  AsofJoin(const AsofJoinParameters& parameters, const OperatorContext& context)
      : parameters_(parameters),
        context_(context),
        strict_(is_strict(parameters.order)),
        left_(context.table(parameters.left_rows, state::Family::kLog)),
        right_(context.table(parameters.right_rows, state::Family::kLog)),
        tables_{&left_, &right_},
        versions_(parameters.right_append_only),
        expiry_(parameters_, order_, versions_, context_) {
    order_.descending = is_backward(parameters.order);
    for (int side : {0, 1}) {
      sides_[side].types = side == 0 ? parameters.left_types : parameters.right_types;
      sides_[side].keys = side == 0 ? parameters.left_keys : parameters.right_keys;
      sides_[side].time = side == 0 ? parameters.left_time : parameters.right_time;
      sides_[side].columns = all_columns(sides_[side].types.size());
      for (size_t i = 0; i < sides_[side].keys.size(); ++i) {
        const bool null_safe = i < parameters.null_safe.size() && parameters.null_safe[i] != 0;
        if (!null_safe) sides_[side].strict.push_back(sides_[side].keys[i]);
      }
      for (const Type& type : sides_[side].types) builders_.emplace_back(type);
    }
    const Type time = sides_[0].types[sides_[0].time];
    const data::Layout layout = data::layout_of(time.id);
    if (layout == data::Layout::kInt32) fixed_time_bytes_ = 5;
    if (layout == data::Layout::kInt64) fixed_time_bytes_ = 9;
    scratch_time_.emplace_back(time);
  }

  Result<Progress> take(uint32_t input, ChangeBatch batch, Output& output) override {
    Side& side = sides_[input];
    // A late row of a table of versions is there all the same.
    TimeJudge* judge = expiry_.judge(input);
    if (judge != nullptr && (input == 0 || !parameters_.versions)) {
      if (uint64_t late = judge->drop_late(batch); late > 0) output.late(late);
    }
    take_nulls(input, batch, output);
    if (batch.empty()) return Progress::kDone;
    data::encode_keys(batch, side.keys, KeyMode::kGrouping, keys_);
    data::add_hashes(keys_);
    const uint32_t time[] = {side.time};
    data::encode_keys(batch, time, KeyMode::kGrouping, times_, {&order_, 1});
    data::encode_keys(batch, side.columns, KeyMode::kExact, rows_);
    FOREBAY_RETURN_IF_ERROR(find_groups());
    uint64_t late = 0;
    const data::ColumnView column = batch.column(side.time).view();
    for (uint32_t i = 0; i < keys_.rows(); ++i) {
      const uint32_t row = batch.physical(i);
      const Weight weight = batch.weight(row);
      bool is_hidden = false;
      if (input == 1 && parameters_.versions) {
        is_hidden = column.is_null(row);
        // Of one that goes it is seen whether it came late.
        if (!is_hidden && weight > 0 && judge != nullptr &&
            column.at<int64_t>(row) < judge->previous()) {
          is_hidden = true;
          ++late;
        }
      }
      deltas_.add(group_of_row_[i], input,
                  is_hidden ? std::string_view(&kHidden, 1) : times_.key(i), rows_.key(i), weight);
    }
    if (late > 0) output.late(late);
    return Progress::kDone;
  }

  Result<Progress> end_epoch(Output& output) override {
    deltas_.sort();
    return resume(output);
  }

  Result<Progress> resume(Output& output) override {
    while (is_open_ || !deltas_.is_done()) {
      if (!is_open_) open_key();
      FOREBAY_ASSIGN_OR_RETURN(bool done, flush_some(output));
      if (!done) return Progress::kMore;
      FOREBAY_RETURN_IF_ERROR(apply());
      is_open_ = false;
    }
    put_out(output);
    return expiry_.forget_some(left_, right_);
  }

  void seal(state::SealedRun& run) override {
    left_.seal(run);
    right_.seal(run);
    expiry_.seal(run);
    deltas_.clear();
    groups_.clear();
    group_place_.clear();
    emitted_ = false;
  }
  size_t memory_bytes() const override {
    return left_.memory_bytes() + right_.memory_bytes() + expiry_.memory_bytes() +
           deltas_.memory_bytes();
  }
  size_t dirty_entries() const override {
    return left_.dirty_entries() + right_.dirty_entries() + expiry_.dirty_entries() +
           deltas_.size();
  }
  size_t state_rows() const override {
    return left_.resident_entries() + right_.resident_entries();
  }

 private:
  using Match = AsofMatches::Match;

  struct Side {
    std::vector<Type> types;
    std::vector<uint32_t> keys;
    std::vector<uint32_t> strict;  // key columns where NULL matches nothing
    std::vector<uint32_t> columns;
    uint32_t time = 0;
  };
  struct Groups {
    OrderedTable::Group* side[2];
  };
  /// Rows with a NULL key, or time, leave the batch.
  void take_nulls(uint32_t input, ChangeBatch& batch, Output& output) {
    const Side& side = sides_[input];
    std::vector<uint32_t> columns = side.strict;
    // A right row without time is there, but no version.
    if (input == 0 || !parameters_.versions) columns.push_back(side.time);
    bool nullable = false;
    for (uint32_t column : columns) nullable |= batch.column(column).has_nulls();
    if (!nullable) return;
    data::encode_keys(batch, columns, KeyMode::kGrouping, keys_);
    data::mark_nulls(batch, columns, keys_);
    data::Selection kept, alone;
    for (uint32_t i = 0; i < keys_.rows(); ++i) {
      (keys_.has_null[i] ? alone : kept).push_back(batch.physical(i));
    }
    if (input == 0 && parameters_.outer && !alone.empty()) {
      ChangeBatch passed = batch.share();
      passed.set_selection(std::move(alone));
      for (const Type& type : sides_[1].types) {
        passed.mutable_columns().push_back(
            data::Column::constant(data::Datum::null(type), passed.physical_rows()));
      }
      emit_in_pieces(std::move(passed), context_.batch_rows, output);
    }
    batch.set_selection(std::move(kept));
  }

  /// Finds the groups of keys_ on both sides, which stay where they are until the seal.
  Status find_groups() {
    const uint32_t count = keys_.rows();
    for (int side : {0, 1}) {
      found_[side].resize(count);
      FOREBAY_RETURN_IF_ERROR(tables_[side]->load(keys_, found_[side]));
      for (OrderedTable::Group* group : found_[side]) tables_[side]->pin(group);
    }
    group_of_row_.resize(count);
    for (uint32_t i = 0; i < count; ++i) {
      const auto next = static_cast<uint32_t>(groups_.size());
      auto same = [&](uint32_t at) { return groups_[at].side[0] == found_[0][i]; };
      const uint32_t at = group_place_.find_or_add(EpochIndex::hash_of(found_[0][i]), next, same);
      if (at == next) groups_.push_back({{found_[0][i], found_[1][i]}});
      group_of_row_[i] = at;
    }
    return Status::ok();
  }

  size_t time_bytes(std::string_view suffix) {
    if (fixed_time_bytes_ > 0) return fixed_time_bytes_;
    std::string_view rest = suffix;
    const Status status = data::decode_key(rest, KeyMode::kGrouping, scratch_time_.front(), order_);
    FOREBAY_CHECK(status.is_ok(), "a time in an ASOF join that can't be read");
    if (scratch_time_.front().size() >= 4096) (void)scratch_time_.front().finish();
    return suffix.size() - rest.size();
  }
  std::string_view time_of(std::string_view suffix) { return suffix.substr(0, time_bytes(suffix)); }

  /// The place from which on right rows match a left row of this time.
  std::string_view bound_of(std::string_view time) {
    if (!strict_) return time;
    bound_ = after_prefix(time);
    return bound_;
  }

  /// Sums the changes of the next key, and finds what they mean.
  void open_key() {
    const uint32_t key = deltas_.key();
    group_ = groups_[key];
    left_changes_.clear();
    right_changes_.clear();
    arrivals_.clear();
    writes_.clear();
    while (!deltas_.is_done() && deltas_.key() == key) {
      const uint8_t side = deltas_.side();
      const VersionArrival sum = deltas_.next();
      if (side == 1 && parameters_.versions) {
        arrivals_.push_back(sum);
        continue;
      }
      const OrderedTable::Entry* entry = OrderedTable::get(group_.side[side], sum.suffix);
      const int64_t before = entry == nullptr ? 0 : OrderedTable::count(entry);
      const int64_t now = before + sum.came - sum.went;
      if (now < 0) fail_negative("asof_join", row_text(side, sum.suffix), now);
      if (now == before) continue;
      (side == 0 ? left_changes_ : right_changes_).push_back({sum.suffix, before, now});
    }
    if (parameters_.versions) {
      versions_.resolve(group_.side[1], arrivals_, present_bytes(), right_changes_, writes_);
    }
    matches_.begin(group_.side[1], right_changes_);
    next_left_ = next_change_ = 0;
    entry_ = nullptr;
    is_open_ = true;
  }

  /// The time bytes of W_right(e-1); empty: no watermark.
  std::string_view present_bytes() {
    present_.clear();
    TimeJudge* judge = expiry_.judge(1);
    if (judge == nullptr || judge->previous() == TimeJudge::kNothing) return present_;
    present_ = expiry_.bytes_of(judge->previous());
    return present_;
  }

  /// Goes on with the open key: first left rows that changed, then those between right rows that
  /// changed. False when a batch is full.
  Result<bool> flush_some(Output& output) {
    while (next_left_ < left_changes_.size()) {
      if (std::exchange(emitted_, false)) return false;
      FOREBAY_RETURN_IF_ERROR(flush_left(left_changes_[next_left_++], output));
    }
    while (next_change_ < matches_.change_count()) {
      if (entry_ == nullptr && !open_slot()) continue;
      while (entry_ != nullptr) {
        if (std::exchange(emitted_, false)) return false;
        const std::string_view suffix = OrderedTable::suffix(entry_);
        if (suffix >= slot_end_) break;
        if (!has_changed(suffix)) {
          const int64_t count = OrderedTable::count(entry_);
          FOREBAY_RETURN_IF_ERROR(emit(suffix, slot_before_, -count, output));
          FOREBAY_RETURN_IF_ERROR(emit(suffix, slot_now_, count, output));
        }
        entry_ = OrderedTable::next(group_.side[0], entry_);
      }
      entry_ = nullptr;
      next_change_ = slot_last_;
    }
    return true;
  }

  Status flush_left(const AsofChange& change, Output& output) {
    const std::string_view bound = bound_of(time_of(change.suffix));
    const Match before = shown(matches_.before(bound));
    const Match now = shown(matches_.now(bound));
    if (before == now) return emit(change.suffix, now, change.now - change.before, output);
    FOREBAY_RETURN_IF_ERROR(emit(change.suffix, before, -change.before, output));
    return emit(change.suffix, now, change.now, output);
  }

  /// Finds the left rows whose match is that of the changed right rows of one time; false when
  /// there are none.
  bool open_slot() {
    const std::string_view time = time_of(matches_.change(next_change_));
    slot_last_ = next_change_;
    while (slot_last_ < matches_.change_count() && matches_.change(slot_last_).starts_with(time)) {
      ++slot_last_;
    }
    slot_before_ = shown(matches_.before(time));
    slot_now_ = shown(matches_.now(time));
    if (slot_before_ != slot_now_) {
      // From the right row before, or the changed one, whichever is nearer.
      std::string_view from;
      if (const Match last = matches_.last_before(time)) from = time_of(*last);
      if (next_change_ > 0) from = std::max(from, time_of(matches_.change(next_change_ - 1)));
      const std::string begin = strict_ || from.empty() ? std::string(from) : after_prefix(from);
      slot_end_ = strict_ ? std::string(time) : after_prefix(time);
      entry_ = OrderedTable::lower_bound(group_.side[0], begin);
      if (entry_ != nullptr && OrderedTable::suffix(entry_) < slot_end_) return true;
      entry_ = nullptr;
    }
    next_change_ = slot_last_;
    return false;
  }

  /// The end of a key's versions matches nothing.
  Match shown(Match match) {
    if (parameters_.versions && match && match->size() == AsofVersions::kTimeBytes) return {};
    return match;
  }

  bool has_changed(std::string_view suffix) const {
    auto found = std::lower_bound(
        left_changes_.begin(), left_changes_.end(), suffix,
        [](const AsofChange& change, std::string_view value) { return change.suffix < value; });
    return found != left_changes_.end() && found->suffix == suffix;
  }

  /// Writes the open key's changes into the tables.
  Status apply() {
    auto write = [&](int side, std::string_view suffix, int64_t count) {
      OrderedTable::Group* group = group_.side[side];
      tables_[side]->set_count(group, tables_[side]->upsert(group, suffix), count);
    };
    for (const AsofChange& change : left_changes_) write(0, change.suffix, change.now);
    if (!parameters_.versions) {
      for (const AsofChange& change : right_changes_) write(1, change.suffix, change.now);
    }
    for (const AsofVersions::Write& change : writes_) {
      write(1, change.suffix, static_cast<int64_t>(change.kind));
    }
    return expiry_.set_timer(group_.side[0], group_.side[1]);
  }

  Status emit(std::string_view left, Match right, Weight weight, Output& output) {
    if (weight == 0 || (!right && !parameters_.outer)) return Status::ok();
    const size_t left_columns = sides_[0].types.size();
    std::string_view row = left.substr(time_bytes(left));
    for (size_t i = 0; i < left_columns; ++i) {
      FOREBAY_RETURN_IF_ERROR(data::decode_key(row, KeyMode::kExact, builders_[i]));
    }
    if (right) row = right->substr(time_bytes(*right));
    for (size_t i = left_columns; i < builders_.size(); ++i) {
      if (right) {
        FOREBAY_RETURN_IF_ERROR(data::decode_key(row, KeyMode::kExact, builders_[i]));
      } else {
        builders_[i].append_null();
      }
    }
    weights_.push_back(weight);
    if (weights_.size() >= context_.batch_rows) put_out(output);
    return Status::ok();
  }

  void put_out(Output& output) {
    if (weights_.empty()) return;
    const auto rows = static_cast<uint32_t>(weights_.size());
    std::vector<data::ColumnRef> columns;
    for (data::ColumnBuilder& builder : builders_) columns.push_back(builder.finish());
    ChangeBatch batch(std::move(columns), rows);
    batch.set_weights(std::exchange(weights_, {}));
    output.emit(std::move(batch));
    emitted_ = true;
  }

  std::string row_text(int side, std::string_view suffix) {
    std::string_view row = suffix.substr(time_bytes(suffix));
    std::vector<data::ColumnRef> columns;
    for (const Type& type : sides_[side].types) {
      data::ColumnBuilder builder(type);
      if (!data::decode_key(row, KeyMode::kExact, builder).is_ok())
        return "(bytes that are no row)";
      columns.push_back(builder.finish());
    }
    return error_row_text(ChangeBatch(std::move(columns), 1), 0);
  }

  AsofJoinParameters parameters_;
  OperatorContext context_;
  const bool strict_;
  data::KeyOrder order_;
  Side sides_[2];
  size_t fixed_time_bytes_ = 0;

  OrderedTable left_, right_;
  OrderedTable* tables_[2];
  AsofVersions versions_;
  AsofExpiry expiry_;
  AsofMatches matches_;

  // The epoch's changes, as they came.
  AsofDeltas deltas_;
  std::vector<Groups> groups_;
  EpochIndex group_place_;  // of left groups in groups_

  // The flush: what deltas_ has gone through is done, but for the open key.
  bool is_open_ = false;
  Groups group_{};
  std::vector<AsofChange> left_changes_, right_changes_;
  std::vector<VersionArrival> arrivals_;
  std::vector<AsofVersions::Write> writes_;
  std::string present_;
  size_t next_left_ = 0;
  size_t next_change_ = 0;
  /// The changed right rows of one time: up to which change, what is matched before and now, and
  /// the left rows that are still to be done.
  size_t slot_last_ = 0;
  Match slot_before_, slot_now_;
  std::string slot_end_;
  OrderedTable::Entry* entry_ = nullptr;
  bool emitted_ = false;
  std::vector<data::ColumnBuilder> builders_;
  std::vector<Weight> weights_;

  // Scratch.
  KeyRows keys_, times_, rows_;
  std::vector<OrderedTable::Group*> found_[2];
  std::vector<uint32_t> group_of_row_;
  std::vector<data::ColumnBuilder> scratch_time_;
  std::string bound_;
};

class AsofJoinSpec final : public OperatorSpec {
 public:
  explicit AsofJoinSpec(AsofJoinParameters parameters) : parameters_(std::move(parameters)) {
    types_ = parameters_.left_types;
    types_.insert(types_.end(), parameters_.right_types.begin(), parameters_.right_types.end());
  }
  std::string_view name() const override { return "asof_join"; }
  std::string describe() const override {
    std::string text =
        fmt::format("kind={} left_keys={} right_keys={} time=#{} {} #{}",
                    parameters_.outer ? "left" : "inner", column_list(parameters_.left_keys),
                    column_list(parameters_.right_keys), parameters_.left_time,
                    kSigns[static_cast<size_t>(parameters_.order)], parameters_.right_time);
    text += null_safe_text(parameters_.null_safe);
    if (parameters_.versions) text += " versions";
    if (parameters_.right_append_only) text += " append-only";
    if (parameters_.left_bound) text += " left_bound=" + bound_text(*parameters_.left_bound);
    if (parameters_.right_bound) text += " right_bound=" + bound_text(*parameters_.right_bound);
    return text;
  }
  const std::vector<Type>& output_types() const override { return types_; }
  std::unique_ptr<Operator> instantiate(const OperatorContext& context) const override {
    return std::make_unique<AsofJoin>(parameters_, context);
  }
  std::vector<state::DroppedTable> tables() const override {
    std::vector<state::DroppedTable> tables{{state::Family::kLog, parameters_.left_rows},
                                            {state::Family::kLog, parameters_.right_rows}};
    if (parameters_.versions || (parameters_.left_bound && parameters_.right_bound)) {
      tables.push_back({state::Family::kHot, parameters_.timers});
    }
    return tables;
  }

 private:
  AsofJoinParameters parameters_;
  std::vector<Type> types_;
};

}  // namespace

SpecRef make_asof_join(AsofJoinParameters parameters) {
  return std::make_shared<AsofJoinSpec>(std::move(parameters));
}

}  // namespace forebay::operators
