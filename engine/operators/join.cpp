// Join: inner, left, right, full, semi and anti, on equal keys and any condition over the pair.
//
// Input: 0 is left, 1 is right, both hashed by their keys.
//
// Output: left then right columns (semi, anti: left columns). Matched pairs are emitted as changes
// come; rows that stand by themselves (padded, semi, anti) at the end of the epoch
// (join_presence.h).
//
// State: per side an OrderedTable: key -> rows (append_row bytes) with their counts, and their
// degrees where needed. Of the right side of a semi or anti join without a condition only the count
// is kept.
//
// Invariants: a change of one side meets the other side as it is at that moment and is then part of
// its own side, so that over an epoch dL x R + L x dR + dL x dR comes out in any order of arrival.
// Rows with a NULL key are not kept: they match nothing for ever, so they pass straight to the
// padded output or nowhere.
//
// With `time`: late rows are dropped first, and what no row to come can need is forgotten when the
// epoch ends (join_expiry.h).
//
// Cost: per change one lookup on each side, one insertion, and the rows that it meets: those of its
// key, with a range of time only those in it.

#include <fmt/format.h>

#include "engine/data/row_codec.h"
#include "engine/operators/emission.h"
#include "engine/operators/join_expiry.h"
#include "engine/operators/join_presence.h"

namespace forebay::operators {

namespace {

using data::KeyMode;
using data::KeyRows;
using state::OrderedTable;

class Join final : public Operator {
 public:
  Join(const JoinParameters& parameters, const OperatorContext& context)
      : parameters_(parameters),
        context_(context),
        left_(context.table(parameters.left_rows, state::Family::kLog)),
        right_(context.table(parameters.right_rows, state::Family::kLog)),
        tables_{&left_, &right_},
        presence_(parameters, &left_, &right_) {
    bool half = parameters.kind == JoinKind::kSemi || parameters.kind == JoinKind::kAnti;
    emits_pairs_ = !half;
    probes_ = !half || parameters.condition != nullptr;
    count_only_right_ = half && parameters.condition == nullptr;
    if (parameters.condition != nullptr) condition_.emplace_back(parameters.condition);
    for (size_t i = 0; i < parameters.left_keys.size(); ++i) {
      if (i < parameters.null_safe.size() && parameters.null_safe[i]) continue;
      strict_keys_[0].push_back(parameters.left_keys[i]);
      strict_keys_[1].push_back(parameters.right_keys[i]);
    }
    if (!parameters_.time) return;
    expiry_.emplace(parameters_, context_, &left_, &right_);
    for (int side : {0, 1}) {
      const std::vector<uint32_t>& more = expiry_->strict_columns(side);
      strict_keys_[side].insert(strict_keys_[side].end(), more.begin(), more.end());
    }
  }

  Result<Progress> take(uint32_t input, ChangeBatch batch, Output& output) override {
    side_ = static_cast<int>(input);
    if (expiry_) {
      if (uint64_t late = expiry_->drop_late(side_, batch); late > 0) output.late(late);
      if (batch.empty()) return Progress::kDone;
    }
    data::encode_keys(batch, key_columns(side_), KeyMode::kGrouping, keys_);
    if (pass_null_keys(batch, output)) {
      data::encode_keys(batch, key_columns(side_), KeyMode::kGrouping, keys_);
    }
    if (batch.empty()) return Progress::kDone;
    data::add_hashes(keys_);
    batch_ = std::move(batch);
    FOREBAY_RETURN_IF_ERROR(apply());
    if (!probes_) return Progress::kDone;
    probe_row_ = 0;
    probe_entry_ = nullptr;
    degree_row_ = 0;
    phase_ = Phase::kProbe;
    return resume(output);
  }

  Result<Progress> end_epoch(Output& output) override {
    for (int side : {0, 1}) {
      for (const OrderedTable::Entry* entry : suspects_[side]) {
        if (OrderedTable::count(entry) >= 0) continue;
        bool bare = side == 1 && count_only_right_;
        fail_negative("join",
                      bare ? "of the right side"
                           : stored_row_text(types(side), presence_.row_of(side, entry)),
                      OrderedTable::count(entry));
      }
    }
    phase_ = Phase::kFlush;
    return resume(output);
  }

  Result<Progress> resume(Output& output) override {
    if (phase_ == Phase::kFlush) {
      FOREBAY_ASSIGN_OR_RETURN(const Progress flushed,
                               presence_.flush(context_.batch_rows, output));
      if (flushed == Progress::kMore || !expiry_) return flushed;
      phase_ = Phase::kForget;
    }
    if (phase_ == Phase::kForget) return expiry_->forget();
    FOREBAY_ASSIGN_OR_RETURN(Progress progress, probe(output));
    if (progress == Progress::kDone) {
      finish_degrees(keys_.rows());
      batch_ = ChangeBatch();
      phase_ = Phase::kIdle;
    }
    return progress;
  }

  void seal(state::SealedRun& run) override {
    presence_.clear();
    for (int side : {0, 1}) {
      suspects_[side].clear();
      tables_[side]->seal(run);
    }
    if (expiry_) expiry_->seal(run);
    phase_ = Phase::kIdle;
  }
  size_t memory_bytes() const override {
    return left_.memory_bytes() + right_.memory_bytes() + presence_.memory_bytes() +
           (expiry_ ? expiry_->memory_bytes() : 0);
  }
  size_t dirty_entries() const override {
    return left_.dirty_entries() + right_.dirty_entries() +
           (expiry_ ? expiry_->dirty_entries() : 0);
  }
  size_t state_rows() const override {
    return left_.resident_entries() + right_.resident_entries();
  }

 private:
  enum class Phase : uint8_t { kIdle, kProbe, kFlush, kForget };

  const std::vector<uint32_t>& key_columns(int side) const {
    return side == 0 ? parameters_.left_keys : parameters_.right_keys;
  }
  const std::vector<Type>& types(int side) const {
    return side == 0 ? parameters_.left_types : parameters_.right_types;
  }

  /// Takes rows with a NULL in a key that is not null-safe out of the batch; true when there were
  /// any.
  bool pass_null_keys(ChangeBatch& batch, Output& output) {
    bool nullable = false;
    for (uint32_t column : strict_keys_[side_]) nullable |= batch.column(column).has_nulls();
    if (!nullable) return false;
    data::mark_nulls(batch, strict_keys_[side_], keys_);
    data::Selection kept, without_key;
    for (uint32_t i = 0; i < keys_.rows(); ++i) {
      (keys_.has_null[i] ? without_key : kept).push_back(batch.physical(i));
    }
    if (without_key.empty()) return false;
    if (presence_.tracks(side_) && presence_.present(false)) {
      ChangeBatch passed = batch.share();
      passed.set_selection(std::move(without_key));
      emit_in_pieces(presence_.padded(side_, std::move(passed)), context_.batch_rows, output);
    }
    batch.set_selection(std::move(kept));
    return true;
  }

  /// Adds the batch to its own side and finds the groups of the other side.
  Status apply() {
    uint32_t count = keys_.rows();
    OrderedTable& table = *tables_[side_];
    own_groups_.resize(count);
    other_groups_.resize(count);
    FOREBAY_RETURN_IF_ERROR(table.load(keys_, own_groups_));
    FOREBAY_RETURN_IF_ERROR(tables_[1 - side_]->find(keys_, other_groups_));
    find_firsts();
    bool tracked = presence_.tracks(side_);
    bool bare = side_ == 1 && count_only_right_;
    keeps_degree_ = tracked && presence_.by_degree();
    if (keeps_degree_) {
      entries_.resize(count);
      fresh_.resize(count);
    }
    if (expiry_) expiry_->begin_batch(side_, batch_);
    for (uint32_t i = 0; i < count; ++i) {
      prefetch_groups(own_groups_, i);
      OrderedTable::Group* own = own_groups_[i];
      uint32_t key = 0;
      if (presence_.by_key()) {
        key = presence_.note_key(side_, own, other_groups_[i], keys_.hashes[i]);
      }
      uint32_t row = batch_.physical(i);
      row_.clear();
      if (expiry_) row_ = expiry_->note_row(side_, i, own, keys_);
      if (!bare) data::append_row(batch_, row, row_);
      OrderedTable::Entry* entry = table.upsert(own, row_);
      if (tracked) presence_.note_row(side_, key, entry);
      int64_t before = OrderedTable::count(entry);
      int64_t now = add_weights(before, batch_.weight(row));
      table.set_count(own, entry, now);
      if (now < 0) suspects_[side_].push_back(entry);
      if (keeps_degree_) {
        entries_[i] = entry;
        fresh_[i] = before == 0;
      }
    }
    if (expiry_) expiry_->finish_batch(side_, keys_);
    return Status::ok();
  }

  /// The first row of the other side that each row meets.
  void find_firsts() {
    if (!probes_) return;
    ranged_ = expiry_ && expiry_->orders(1 - side_);
    if (ranged_) {
      expiry_->find_ranges(1 - side_, batch_, other_groups_, firsts_, lasts_);
      return;
    }
    // One tight loop, so that the misses of many rows overlap.
    firsts_.resize(other_groups_.size());
    for (size_t i = 0; i < firsts_.size(); ++i) {
      OrderedTable::Group* other = other_groups_[i];
      firsts_[i] = other == nullptr ? nullptr : OrderedTable::first(other);
    }
  }

  /// Collects pairs of the batch's rows with the other side's until a batch is full.
  Result<Progress> probe(Output& output) {
    pair_rows_.clear();
    pair_places_.clear();
    pair_entries_.clear();
    pair_weights_.clear();
    const std::vector<Type>& other_types = types(1 - side_);
    builders_ = std::vector<data::ColumnBuilder>(other_types.begin(), other_types.end());
    uint32_t count = keys_.rows();
    while (probe_row_ < count && pair_rows_.size() < context_.batch_rows) {
      const OrderedTable::Group* group = other_groups_[probe_row_];
      if (probe_entry_ == nullptr) probe_entry_ = firsts_[probe_row_];
      uint32_t row = batch_.physical(probe_row_);
      while (probe_entry_ != nullptr && pair_rows_.size() < context_.batch_rows) {
        std::string_view bytes = presence_.row_of(1 - side_, probe_entry_);
        FOREBAY_RETURN_IF_ERROR(data::decode_row(bytes, builders_));
        pair_rows_.push_back(row);
        pair_places_.push_back(probe_row_);
        pair_entries_.push_back(probe_entry_);
        pair_weights_.push_back(
            multiply_weights(batch_.weight(row), OrderedTable::count(probe_entry_)));
        probe_entry_ = OrderedTable::next(group, probe_entry_);
        if (ranged_ && probe_entry_ != nullptr &&
            JoinExpiry::time_of(probe_entry_) > lasts_[probe_row_]) {
          probe_entry_ = nullptr;
        }
      }
      if (probe_entry_ == nullptr) ++probe_row_;
    }
    if (!pair_rows_.empty()) finish_pairs(output);
    return probe_row_ < count ? Progress::kMore : Progress::kDone;
  }

  /// Judges the collected pairs, emits those that match and counts them in the degrees.
  void finish_pairs(Output& output) {
    ChangeBatch pairs = build_pairs();
    if (!condition_.empty()) {
      errors_.clear();
      data::Selection matched = condition_[0].select(pairs, *context_.eval, errors_);
      for (const expr::RowError& failed : errors_) {
        ErrorRow error;
        error.sqlstate = failed.sqlstate;
        error.reason = failed.message;
        error.detail = failed.detail;
        error.hint = failed.hint;
        error.raw = error_row_text(pairs, failed.row);
        error.weight = pairs.weight(failed.row);
        output.error(std::move(error));
      }
      if (presence_.by_degree()) count_matches(matched);
      if (matched.size() < pairs.rows()) pairs.set_selection(std::move(matched));
    }
    if (emits_pairs_ && !pairs.empty()) output.emit(std::move(pairs));
  }

  ChangeBatch build_pairs() {
    auto count = static_cast<uint32_t>(pair_rows_.size());
    std::vector<data::ColumnRef> own;
    bool as_it_is = batch_.selection() == nullptr && count == batch_.physical_rows() &&
                    pair_places_.front() == 0 && pair_places_.back() == count - 1;
    // As many pairs as rows, but not one each?
    for (uint32_t i = 0; as_it_is && i < count; ++i) as_it_is = pair_rows_[i] == i;
    for (const data::ColumnRef& column : batch_.columns()) {
      if (as_it_is) {
        own.push_back(column);
      } else if (column->is_constant()) {
        own.push_back(data::Column::constant(column->datum(0), count));
      } else {
        data::ColumnBuilder builder(column->type(), count);
        builder.append_selected(*column, pair_rows_);
        own.push_back(builder.finish());
      }
    }
    std::vector<data::ColumnRef> other;
    for (data::ColumnBuilder& builder : builders_) other.push_back(builder.finish());
    std::vector<data::ColumnRef>& columns = side_ == 0 ? own : other;
    std::vector<data::ColumnRef>& more = side_ == 0 ? other : own;
    columns.insert(columns.end(), more.begin(), more.end());
    ChangeBatch pairs(std::move(columns), count);
    bool inserts_only = true;
    for (Weight weight : pair_weights_) inserts_only &= weight == 1;
    if (!inserts_only) pairs.set_weights(pair_weights_);
    return pairs;
  }

  /// Rows that came to be start with degree 0; done in the order of rows and before their matches
  /// are counted, as one row may come, go and come again in one batch.
  void finish_degrees(uint32_t end) {
    if (!keeps_degree_) return;
    for (; degree_row_ < end; ++degree_row_) {
      if (!fresh_[degree_row_]) continue;
      presence_.set_degree(side_, own_groups_[degree_row_], entries_[degree_row_], 0);
    }
  }

  void count_matches(const data::Selection& matched) {
    bool other_tracked = presence_.tracks(1 - side_);
    for (uint32_t pair : matched) {
      uint32_t place = pair_places_[pair];
      OrderedTable::Entry* other = pair_entries_[pair];
      finish_degrees(place + 1);
      if (keeps_degree_ && fresh_[place]) {
        presence_.add_degree(side_, own_groups_[place], entries_[place],
                             OrderedTable::count(other));
      }
      if (other_tracked) {
        presence_.note_row(1 - side_, 0, other);
        presence_.add_degree(1 - side_, other_groups_[place], other,
                             batch_.weight(pair_rows_[pair]));
      }
    }
  }

  JoinParameters parameters_;
  OperatorContext context_;
  OrderedTable left_;
  OrderedTable right_;
  OrderedTable* tables_[2];
  JoinPresence presence_;
  std::optional<JoinExpiry> expiry_;
  bool emits_pairs_;
  bool probes_;
  bool count_only_right_;
  std::vector<uint32_t> strict_keys_[2];    // key columns where NULL matches nothing
  std::vector<expr::Evaluator> condition_;  // none or one
  /// Rows whose count went below 0 at some time in the epoch.
  std::vector<const OrderedTable::Entry*> suspects_[2];

  // The batch in work: which side it is of and how far its pairs are made.
  Phase phase_ = Phase::kIdle;
  int side_ = 0;
  ChangeBatch batch_;
  KeyRows keys_;
  std::vector<OrderedTable::Group*> own_groups_;
  std::vector<OrderedTable::Group*> other_groups_;
  std::vector<OrderedTable::Entry*> firsts_;  // of the other side's groups; nullptr: no rows
  bool ranged_ = false;
  std::vector<int64_t> lasts_;  // ranged: the time of the last row that each row meets
  uint32_t probe_row_ = 0;
  OrderedTable::Entry* probe_entry_ = nullptr;
  bool keeps_degree_ = false;
  std::vector<OrderedTable::Entry*> entries_;  // with degrees: the entry of each row
  std::vector<uint8_t> fresh_;                 // with degrees: the row had count 0 before
  uint32_t degree_row_ = 0;                    // rows up to here have been set to 0 when fresh

  // Pairs of one step.
  std::vector<uint32_t> pair_rows_;
  std::vector<uint32_t> pair_places_;
  std::vector<OrderedTable::Entry*> pair_entries_;
  std::vector<Weight> pair_weights_;
  std::vector<data::ColumnBuilder> builders_;
  std::vector<expr::RowError> errors_;
  std::string row_;
};

std::string_view kind_name(JoinKind kind) {
  switch (kind) {
    case JoinKind::kInner:
      return "inner";
    case JoinKind::kLeft:
      return "left";
    case JoinKind::kRight:
      return "right";
    case JoinKind::kFull:
      return "full";
    case JoinKind::kSemi:
      return "semi";
    case JoinKind::kAnti:
      return "anti";
  }
  return "";
}

class JoinSpec final : public OperatorSpec {
 public:
  explicit JoinSpec(JoinParameters parameters) : parameters_(std::move(parameters)) {
    types_ = parameters_.left_types;
    if (parameters_.kind != JoinKind::kSemi && parameters_.kind != JoinKind::kAnti) {
      types_.insert(types_.end(), parameters_.right_types.begin(), parameters_.right_types.end());
    }
  }
  std::string_view name() const override { return "join"; }
  std::string describe() const override {
    std::string text =
        fmt::format("kind={} left_keys={} right_keys={}", kind_name(parameters_.kind),
                    column_list(parameters_.left_keys), column_list(parameters_.right_keys));
    text += null_safe_text(parameters_.null_safe);
    if (parameters_.condition != nullptr) {
      text += fmt::format(" condition={}", expr::to_string(*parameters_.condition));
    }
    if (parameters_.time) text += JoinExpiry::describe(*parameters_.time);
    return text;
  }
  const std::vector<Type>& output_types() const override { return types_; }
  std::unique_ptr<Operator> instantiate(const OperatorContext& context) const override {
    return std::make_unique<Join>(parameters_, context);
  }
  std::vector<state::DroppedTable> tables() const override {
    std::vector<state::DroppedTable> tables{{state::Family::kLog, parameters_.left_rows},
                                            {state::Family::kLog, parameters_.right_rows}};
    if (!parameters_.time) return tables;
    for (const JoinTime::Side& side : parameters_.time->sides) {
      if (side.needed) tables.push_back({TimerLog::kFamily, side.timers});
    }
    return tables;
  }

 private:
  JoinParameters parameters_;
  std::vector<Type> types_;
};

}  // namespace

SpecRef make_join(JoinParameters parameters) {
  return std::make_shared<JoinSpec>(std::move(parameters));
}

}  // namespace forebay::operators
