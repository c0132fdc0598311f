// Over: window functions over one PARTITION BY and ORDER BY.
//
// Input: any changes, hashed by the partition columns.
//
// Output: at the end of an epoch the net change of the input's rows with the functions' values; a
// row with weight n is n rows, which differ where a function counts rows. A row whose function
// fails (overflow) is an error row.
//
// Ties of the order are broken by the whole row: its columns in order, ascending, NULLs last,
// finest detail included. Peers are equal in the order alone.
//
// State: an OrderedTable partition -> rows; suffix = order keys (kGrouping) and then all columns
// (kExact), as top_n's. No results are kept: those of before an epoch are computed from the counts
// that entries had when the epoch first touched them.
//
// With a bound (`time`) late rows are dropped, and partitions behind it are forgotten. In order of
// time (`in_order`) rows only come, and what later ones don't see is forgotten (over_close.h); with
// functions that look ahead they come out once, when they are final (over_ahead.h).
//
// Invariant: entries stay in place until seal.
//
// Cost: per change one ordered insertion. Per epoch only those rows are evaluated, before and now,
// that a touched row's change can reach: for lag, lead and bounded frames their neighbours within
// that distance; for running functions (rank, UNBOUNDED PRECEDING) those after it, until old and
// new results agree again, with checkpoints in memory for what comes before; the whole partition
// where its size or end counts (ntile, percent_rank, UNBOUNDED FOLLOWING). Frames slide: aggregates
// take each row in and out once.

#include "engine/operators/over.h"

#include <algorithm>
#include <optional>

#include "engine/operators/closing_partitions.h"
#include "engine/operators/emission.h"
#include "engine/operators/over_ahead.h"
#include "engine/operators/over_checkpoints.h"
#include "engine/operators/over_close.h"
#include "engine/operators/over_evaluation.h"

namespace forebay::operators {

namespace {

using data::KeyMode;
using data::KeyRows;
using state::OrderedTable;

class Over final : public Operator {
 public:
  Over(const OverParameters& parameters, const std::vector<Type>& output_types,
       const OperatorContext& context)
      : parameters_(parameters),
        output_types_(output_types),
        context_(context),
        columns_(all_columns(parameters.types.size())),
        order_(parameters.types, parameters.order),
        reaches_(reaches_of(parameters)),
        rows_(context.table(parameters.rows, state::Family::kLog)),
        closing_(parameters.time, parameters.types, parameters.partition_columns,
                 state::Family::kLog, parameters.rows, context),
        run_at_once_(std::min<size_t>(context.batch_rows, 1024)),
        close_(parameters_, reaches_, order_, context_),
        evaluation_(parameters_, order_, context.eval != nullptr ? context.eval : &no_context_) {
    if (context_.eval == nullptr) context_.eval = &no_context_;
    if (parameters_.waits) ahead_.emplace(parameters_, reaches_, order_, context_);
  }

  Result<Progress> take(uint32_t, ChangeBatch batch, Output& output) override {
    closing_.drop_late(batch, output);
    if (batch.empty()) return Progress::kDone;
    data::encode_keys(batch, parameters_.partition_columns, KeyMode::kGrouping, keys_);
    data::add_hashes(keys_);
    data::encode_keys(batch, order_.columns(), KeyMode::kGrouping, order_keys_, order_.orders());
    data::encode_keys(batch, columns_, KeyMode::kExact, row_keys_);
    groups_.resize(keys_.rows());
    FOREBAY_RETURN_IF_ERROR(rows_.load(keys_, groups_));
    closing_.note(keys_, groups_);
    for (uint32_t i = 0; i < groups_.size(); ++i) {
      suffix_.assign(order_keys_.key(i));
      suffix_.append(row_keys_.key(i));
      OrderedTable::Entry* entry = rows_.upsert(groups_[i], suffix_);
      note(groups_[i], entry);
      rows_.set_count(groups_[i], entry,
                      add_weights(OrderedTable::count(entry), batch.weight(batch.physical(i))));
    }
    return Progress::kDone;
  }

  Result<Progress> end_epoch(Output& output) override {
    for (Touched& touched : touched_) {
      std::erase_if(touched.entries, [](const OverPartition::Touched& entry) {
        return OrderedTable::count(entry.entry) == entry.before;
      });
      std::sort(touched.entries.begin(), touched.entries.end(), [](const auto& a, const auto& b) {
        return OrderedTable::suffix(a.entry) < OrderedTable::suffix(b.entry);
      });
      for (const OverPartition::Touched& entry : touched.entries) {
        const int64_t count = OrderedTable::count(entry.entry);
        if (count < 0) fail_negative("over", evaluation_.row_text(entry.entry), count);
      }
    }
    return resume(output);
  }

  Result<Progress> resume(Output& output) override {
    while (true) {
      if (emitted_ < changes_.size()) {
        FOREBAY_RETURN_IF_ERROR(emit_some(output));
        return Progress::kMore;
      }
      if (left_ != nullptr) {
        FOREBAY_RETURN_IF_ERROR(evaluate_next());
      } else if (next_stretch_ < stretches_.size()) {
        left_ = stretches_[next_stretch_].from;
      } else if (next_ < touched_.size()) {
        FOREBAY_RETURN_IF_ERROR(end_partition());
        start_partition(touched_[next_++]);
      } else {
        FOREBAY_RETURN_IF_ERROR(end_partition());
        FOREBAY_ASSIGN_OR_RETURN(const bool more, touch_due());
        return more ? Progress::kMore : closing_.close(rows_);
      }
    }
  }

  void seal(state::SealedRun& run) override {
    rows_.seal(run);
    closing_.seal();
    close_.seal();
    if (ahead_) ahead_->seal(run);
    partition_.reset();
    stretches_.clear();
    aside_.clear();
    touched_.clear();
    group_place_.clear();
    entry_place_.clear();
    entries_.clear();
    next_ = next_stretch_ = 0;
  }
  size_t memory_bytes() const override {
    return rows_.memory_bytes() + closing_.memory_bytes() + entry_place_.memory_bytes() +
           checkpoints_.bytes() + (ahead_ ? ahead_->memory_bytes() : 0) +
           entries_.capacity() * (sizeof(entries_[0]) + sizeof(OverPartition::Touched));
  }
  size_t dirty_entries() const override {
    return rows_.dirty_entries() + (ahead_ ? ahead_->dirty_entries() : 0);
  }
  size_t state_rows() const override { return rows_.resident_entries(); }

 private:
  using Item = OverPartition::Item;
  struct Touched {
    OrderedTable::Group* group;
    std::vector<OverPartition::Touched> entries;
  };
  /// A row of the output that came or went.
  struct Change {
    const OrderedTable::Entry* entry;
    bool now;
    uint32_t row;  // among those evaluated
  };
  using Version = OverEvaluation::Version;

  /// Remembers the count of an entry that the epoch has not touched before.
  void note(OrderedTable::Group* group, OrderedTable::Entry* entry) {
    const auto next_entry = static_cast<uint32_t>(entries_.size());
    const auto same_entry = [&](uint32_t i) { return entries_[i] == entry; };
    if (entry_place_.find_or_add(EpochIndex::hash_of(entry), next_entry, same_entry) !=
        next_entry) {
      return;
    }
    entries_.push_back(entry);
    touch(group).entries.push_back({entry, OrderedTable::count(entry)});
  }
  Touched& touch(OrderedTable::Group* group) {
    const auto next = static_cast<uint32_t>(touched_.size());
    const auto same = [&](uint32_t i) { return touched_[i].group == group; };
    const uint32_t at = group_place_.find_or_add(EpochIndex::hash_of(group), next, same);
    if (at == next) touched_.push_back({group, {}});
    return touched_[at];
  }

  /// Goes on with partitions in which rows are final because time has passed. false: there are no
  /// more.
  Result<bool> touch_due() {
    if (!ahead_) return false;
    FOREBAY_ASSIGN_OR_RETURN(const bool more, ahead_->take_due(rows_, groups_));
    if (!more) return false;
    for (OrderedTable::Group* group : groups_) touch(group);
    return true;
  }

  /// Of the one that was computed last.
  Status end_partition() {
    if (!partition_) return Status::ok();
    partition_.reset();
    if (ahead_) return ahead_->keep(rows_, group_);
    close_.trim(rows_, group_);
    return Status::ok();
  }

  void start_partition(const Touched& touched) {
    partition_.reset();
    stretches_.clear();
    next_stretch_ = 0;
    group_ = touched.group;
    if (ahead_) return start_finals(touched);
    if (touched.entries.empty()) return;
    // Those behind a row that changed say nothing any more, unless it settles before them.
    aside_ = checkpoints_.take_after(OrderedTable::group_key(touched.group),
                                     OrderedTable::suffix(touched.entries.front().entry));
    last_touched_ = touched.entries.back().entry;
    partition_.emplace(touched.group, touched.entries, order_, reaches_, *context_.eval);
    stretches_ = partition_->affected();
  }

  /// The same where rows only come, behind all others, and are given when they are final.
  void start_finals(const Touched& touched) {
    const OrderedTable::Entry* last = OrderedTable::last(group_);
    if (last == nullptr) return;
    (void)checkpoints_.take_after(OrderedTable::group_key(group_), OrderedTable::suffix(last));
    const auto finals =
        ahead_->finals(group_, touched.entries.empty() ? nullptr : touched.entries.front().entry);
    if (finals) stretches_.push_back(*finals);
    partition_.emplace(group_, std::span<const OverPartition::Touched>(), order_, reaches_,
                       *context_.eval);
  }

  /// Evaluates some rows of the stretch, from left_ on.
  Status evaluate_next() {
    const OverPartition::Stretch& stretch = stretches_[next_stretch_];
    if (reaches_.behind.all && !reaches_.ahead.all) return run_on(stretch);
    const OrderedTable::Entry* next = nullptr;
    OverPartition::Stretch part = stretch;
    if (!reaches_.ahead.all) {
      if (left_ == stretch.from) at_once_ = context_.batch_rows;
      partition_->collect(left_, stretch.to, at_once_, items_, &next);
      part = {left_, items_.back().entry};
    }
    const OverPartition::Stretch seen = partition_->seen_from(part, false);
    collect(seen);
    // More at once, where most of what is read is only looked at.
    if (!reaches_.ahead.all && items_.size() > 3 * at_once_) at_once_ *= 2;
    FOREBAY_RETURN_IF_ERROR(evaluate(part));
    left_ = next;
    if (next == nullptr) ++next_stretch_;
    return Status::ok();
  }

  void collect(const OverPartition::Stretch& seen) {
    const OrderedTable::Entry* none = nullptr;
    partition_->collect(seen.from, seen.to, SIZE_MAX, items_, &none);
    count_looked_at();
  }
  void count_looked_at() {
    if (parameters_.looked_at != nullptr) *parameters_.looked_at += items_.size();
  }

  /// The same for running functions, which need to know of all rows before: bases follow behind
  /// what is evaluated.
  Status run_on(const OverPartition::Stretch& stretch) {
    if (left_ == stretch.from && known_ == nullptr) start_bases();
    const OrderedTable::Entry* wanted = base_place(left_);
    if (OverPartition::is_before(known_, wanted)) {
      FOREBAY_RETURN_IF_ERROR(move_bases(wanted));
      const bool settled = !ahead_ && known_ == wanted && base_before_ == base_now_ &&
                           OverPartition::is_before(last_touched_, known_);
      if (settled) {
        checkpoints_.put_back(OrderedTable::group_key(group_), OrderedTable::suffix(known_),
                              aside_);
        finish_stretch();
      }
      return Status::ok();
    }
    const OrderedTable::Entry* next = nullptr;
    partition_->collect(left_, stretch.to, run_at_once_, items_, &next);
    const OverPartition::Stretch part{left_, items_.back().entry};
    collect({known_, partition_->seen_from(part, true).to});
    FOREBAY_RETURN_IF_ERROR(evaluate(part));
    left_ = next;
    if (next == nullptr) finish_stretch();
    return Status::ok();
  }

  void finish_stretch() {
    left_ = known_ = nullptr;
    base_before_ = base_now_ = OverBase();
    ++next_stretch_;
  }

  /// Where the bases must end for a row to be evaluated.
  const OrderedTable::Entry* base_place(const OrderedTable::Entry* row) {
    const OrderedTable::Entry* from = partition_->seen_from({row, row}, true).from;
    return evaluation_.has_peers() ? partition_->group_start(from) : from;
  }

  /// From the last checkpoint before left_, or the partition's start.
  void start_bases() {
    at_once_ = run_at_once_;
    base_before_ = base_now_ = OverBase();
    known_ = partition_->first();
    since_checkpoint_ = 0;
    const OverCheckpoints::Checkpoint* last = checkpoints_.last_until(
        OrderedTable::group_key(group_), OrderedTable::suffix(base_place(left_)));
    if (last == nullptr) return;
    base_before_ = base_now_ = last->base;
    known_ = partition_->at_or_after(last->suffix);
  }

  /// Moves the bases some entries on, not beyond `wanted`.
  Status move_bases(const OrderedTable::Entry* wanted) {
    const OrderedTable::Entry* next = nullptr;
    partition_->collect(known_, wanted, at_once_, items_, &next);
    const OrderedTable::Entry* to = wanted;
    if (next != nullptr) {
      to = evaluation_.has_peers() ? partition_->group_start(next) : next;
      if (!OverPartition::is_before(known_, to)) {  // within one group
        at_once_ *= 2;
        return Status::ok();
      }
    }
    while (!items_.empty() && !OverPartition::is_before(items_.back().entry, to)) items_.pop_back();
    count_looked_at();
    FOREBAY_RETURN_IF_ERROR(evaluation_.read(items_));
    if (!ahead_) FOREBAY_RETURN_IF_ERROR(evaluation_.advance(false, base_before_));
    FOREBAY_RETURN_IF_ERROR(evaluation_.advance(true, base_now_));
    known_ = to;
    since_checkpoint_ += items_.size();
    if (since_checkpoint_ >= run_at_once_) {
      since_checkpoint_ = 0;
      checkpoints_.add(OrderedTable::group_key(group_), OrderedTable::suffix(known_), base_now_);
    }
    return Status::ok();
  }

  /// Evaluates the rows of `part` among those of items_, before and now, and lists what differs.
  Status evaluate(const OverPartition::Stretch& part) {
    const auto at = [&](const OrderedTable::Entry* entry) {
      const auto found = std::lower_bound(
          items_.begin(), items_.end(), entry, [](const Item& item, const auto* wanted) {
            return OrderedTable::suffix(item.entry) < OrderedTable::suffix(wanted);
          });
      return static_cast<uint32_t>(found - items_.begin());
    };
    const uint32_t from = at(part.from);
    const uint32_t to = at(part.to) + 1;
    FOREBAY_RETURN_IF_ERROR(evaluation_.read(items_));
    FOREBAY_RETURN_IF_ERROR(evaluation_.evaluate(true, from, to, base_now_, now_));
    changes_.clear();
    emitted_ = 0;
    if (ahead_) {
      list_finals(from, to);
      return Status::ok();
    }
    FOREBAY_RETURN_IF_ERROR(evaluation_.evaluate(false, from, to, base_before_, before_));
    uint32_t old_row = 0, new_row = 0;  // of the rows evaluated
    for (uint32_t i = from; i < to; ++i) {
      const int64_t rows = std::max(items_[i].before, items_[i].now);
      for (int64_t n = 0; n < rows; ++n) {
        const bool was = n < items_[i].before;
        const bool is = n < items_[i].now;
        if (!was || !is || !OverEvaluation::same(before_, old_row, now_, new_row)) {
          if (was) changes_.push_back({items_[i].entry, false, old_row});
          if (is) changes_.push_back({items_[i].entry, true, new_row});
        }
        old_row += was ? 1 : 0;
        new_row += is ? 1 : 0;
      }
    }
    return Status::ok();
  }

  void list_finals(uint32_t from, uint32_t to) {
    uint32_t row = 0;
    for (uint32_t i = from; i < to; ++i) {
      for (int64_t copy = 0; copy < items_[i].now; ++copy, ++row) {
        if (ahead_->gives(items_[i].entry, copy)) changes_.push_back({items_[i].entry, true, row});
      }
    }
  }

  /// A batch of the changes listed.
  Status emit_some(Output& output) {
    std::vector<data::ColumnBuilder> builders(output_types_.begin(), output_types_.end());
    const size_t inputs = parameters_.types.size();
    for (size_t i = 0; i < parameters_.calls.size(); ++i) {
      for (const Version* version : {&before_, &now_}) {
        if (!ahead_ || version == &now_) builders[inputs + i].keep_arenas(*version->values[i]);
      }
    }
    std::vector<Weight> weights;
    for (; emitted_ < changes_.size() && weights.size() < context_.batch_rows; ++emitted_) {
      const Change& change = changes_[emitted_];
      const Version& version = change.now ? now_ : before_;
      const Weight weight = change.now ? 1 : -1;
      if (const GroupFailure* failure = version.failure_of(change.row)) {
        ErrorRow error;
        error.sqlstate = failure->sqlstate;
        error.reason = failure->message;
        error.column = failure->column;
        error.raw = evaluation_.row_text(change.entry);
        error.weight = weight;
        output.error(std::move(error));
        continue;
      }
      FOREBAY_RETURN_IF_ERROR(evaluation_.decode(change.entry, std::span(builders).first(inputs)));
      for (size_t i = 0; i < parameters_.calls.size(); ++i) {
        builders[inputs + i].append_from(version.values[i]->view(), change.row);
      }
      weights.push_back(weight);
    }
    if (weights.empty()) return Status::ok();
    std::vector<data::ColumnRef> columns;
    for (data::ColumnBuilder& builder : builders) columns.push_back(builder.finish());
    ChangeBatch batch(std::move(columns), static_cast<uint32_t>(weights.size()));
    batch.set_weights(std::move(weights));
    output.emit(std::move(batch));
    return Status::ok();
  }

  OverParameters parameters_;
  const std::vector<Type> output_types_;
  OperatorContext context_;
  const expr::EvalContext no_context_;
  std::vector<uint32_t> columns_;
  OverOrder order_;
  OverReaches reaches_;

  OrderedTable rows_;
  ClosingPartitions closing_;
  OverCheckpoints checkpoints_;
  /// Entries that running functions take up at once, and between two checkpoints.
  const size_t run_at_once_;
  OverClose close_;
  /// In order of time, with functions that look ahead.
  std::optional<OverAhead> ahead_;
  OverEvaluation evaluation_;
  std::vector<Touched> touched_;  // partitions
  EpochIndex group_place_;        // of groups in touched_
  std::vector<const OrderedTable::Entry*> entries_;
  EpochIndex entry_place_;  // of entries in entries_

  // The flush: the partition, its stretches, the first entry that was not evaluated, and what is to
  // be emitted.
  size_t next_ = 0;
  std::optional<OverPartition> partition_;
  std::vector<OverPartition::Stretch> stretches_;
  size_t next_stretch_ = 0;
  const OrderedTable::Entry* left_ = nullptr;
  size_t at_once_ = 0;
  OrderedTable::Group* group_ = nullptr;
  const OrderedTable::Entry* last_touched_ = nullptr;
  // Of running functions: what is known of the rows before known_, before the epoch and now.
  const OrderedTable::Entry* known_ = nullptr;
  OverBase base_before_, base_now_;
  size_t since_checkpoint_ = 0;
  std::vector<OverCheckpoints::Checkpoint> aside_;
  std::vector<Item> items_;
  Version before_, now_;
  std::vector<Change> changes_;
  size_t emitted_ = 0;

  // Scratch.
  KeyRows keys_, order_keys_, row_keys_;
  std::vector<OrderedTable::Group*> groups_;
  std::string suffix_;
};

}  // namespace

std::unique_ptr<Operator> instantiate_over(const OverParameters& parameters,
                                           const std::vector<Type>& output_types,
                                           const OperatorContext& context) {
  return std::make_unique<Over>(parameters, output_types, context);
}

}  // namespace forebay::operators
