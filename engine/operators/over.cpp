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
// With a bound (`time`) late rows are dropped, and partitions behind it are forgotten.
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
#include "engine/operators/over_checkpoints.h"
#include "engine/operators/over_close.h"

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
        close_(parameters_, reaches_, order_, context_) {
    if (context_.eval == nullptr) context_.eval = &no_context_;
    const auto read = [&](uint32_t column) {
      if (column + 1 > read_.size()) read_.resize(column + 1, 0);
      read_[column] = 1;
    };
    for (const OverCall& call : parameters.calls) {
      for (uint32_t argument : call.arguments) read(argument);
      if (call.filter_column >= 0) read(static_cast<uint32_t>(call.filter_column));
      if (call.fallback_column >= 0) read(static_cast<uint32_t>(call.fallback_column));
      peers_ |= needs_peers(call);
    }
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
        if (count < 0) fail_negative("over", row_text(entry.entry), count);
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
        end_partition();
        start_partition(touched_[next_++]);
      } else {
        end_partition();
        return closing_.close(rows_);
      }
    }
  }

  void seal(state::SealedRun& run) override {
    rows_.seal(run);
    closing_.seal();
    close_.seal();
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
           checkpoints_.bytes() +
           entries_.capacity() * (sizeof(entries_[0]) + sizeof(OverPartition::Touched));
  }
  size_t dirty_entries() const override { return rows_.dirty_entries(); }
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
  /// The results of one stretch, before or now.
  struct Version {
    OverRows rows;
    std::vector<data::ColumnRef> values;
    KeyRows keys;                 // of the values
    std::vector<int32_t> failed;  // place in `failures` per row, or -1; empty: none failed
    std::vector<GroupFailure> failures;
  };

  /// Remembers the count of an entry that the epoch has not touched before.
  void note(OrderedTable::Group* group, OrderedTable::Entry* entry) {
    const auto next_entry = static_cast<uint32_t>(entries_.size());
    const auto same_entry = [&](uint32_t i) { return entries_[i] == entry; };
    if (entry_place_.find_or_add(EpochIndex::hash_of(entry), next_entry, same_entry) !=
        next_entry) {
      return;
    }
    entries_.push_back(entry);
    const auto next = static_cast<uint32_t>(touched_.size());
    const auto same = [&](uint32_t i) { return touched_[i].group == group; };
    const uint32_t at = group_place_.find_or_add(EpochIndex::hash_of(group), next, same);
    if (at == next) touched_.push_back({group, {}});
    touched_[at].entries.push_back({entry, OrderedTable::count(entry)});
  }

  /// Of the one that was computed last.
  void end_partition() {
    if (!partition_) return;
    partition_.reset();
    close_.trim(rows_, group_);
  }

  void start_partition(const Touched& touched) {
    partition_.reset();
    stretches_.clear();
    next_stretch_ = 0;
    if (touched.entries.empty()) return;
    // Those behind a row that changed say nothing any more, unless it settles before them.
    aside_ = checkpoints_.take_after(OrderedTable::group_key(touched.group),
                                     OrderedTable::suffix(touched.entries.front().entry));
    group_ = touched.group;
    last_touched_ = touched.entries.back().entry;
    partition_.emplace(touched.group, touched.entries, order_, reaches_, *context_.eval);
    stretches_ = partition_->affected();
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
      const bool settled = known_ == wanted && base_before_ == base_now_ &&
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
    return peers_ ? partition_->group_start(from) : from;
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
      to = peers_ ? partition_->group_start(next) : next;
      if (!OverPartition::is_before(known_, to)) {  // within one group
        at_once_ *= 2;
        return Status::ok();
      }
    }
    while (!items_.empty() && !OverPartition::is_before(items_.back().entry, to)) items_.pop_back();
    count_looked_at();
    OverItems inputs;
    FOREBAY_RETURN_IF_ERROR(read_items(inputs));
    const auto all = static_cast<uint32_t>(items_.size());
    for (bool now : {false, true}) {
      OverRows& rows = (now ? now_ : before_).rows;
      FOREBAY_RETURN_IF_ERROR(list_rows(inputs, now, 0, all, rows));
      advance(parameters_, inputs, rows, rows.count(), now ? base_now_ : base_before_);
    }
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
    OverItems inputs;
    FOREBAY_RETURN_IF_ERROR(read_items(inputs));
    std::vector<OverPlaces> places(parameters_.calls.size());
    for (size_t i = 0; i < places.size(); ++i) find_places(i, inputs, places[i]);
    for (bool now : {false, true}) {
      Version& version = now ? now_ : before_;
      FOREBAY_RETURN_IF_ERROR(list_rows(inputs, now, from, to, version.rows));
      FOREBAY_RETURN_IF_ERROR(evaluate(inputs, places, now ? base_now_ : base_before_, version));
    }
    changes_.clear();
    emitted_ = 0;
    uint32_t old_row = 0, new_row = 0;  // of the rows evaluated
    for (uint32_t i = from; i < to; ++i) {
      const int64_t rows = std::max(items_[i].before, items_[i].now);
      for (int64_t n = 0; n < rows; ++n) {
        const bool was = n < items_[i].before;
        const bool is = n < items_[i].now;
        if (!was || !is || !same(old_row, new_row)) {
          if (was) changes_.push_back({items_[i].entry, false, old_row});
          if (is) changes_.push_back({items_[i].entry, true, new_row});
        }
        old_row += was ? 1 : 0;
        new_row += is ? 1 : 0;
      }
    }
    return Status::ok();
  }

  /// Columns that functions read, from the entries of items_.
  Status read_items(OverItems& inputs) {
    std::vector<data::ColumnBuilder> builders;
    for (size_t i = 0; i < read_.size(); ++i) builders.emplace_back(parameters_.types[i]);
    for (const Item& item : items_) {
      const std::string_view suffix = OrderedTable::suffix(item.entry);
      if (peers_ || !read_.empty()) {
        const std::string_view key = order_.key_of(suffix);
        if (peers_) inputs.keys.push_back(key);
        std::string_view rest = suffix.substr(key.size());
        for (data::ColumnBuilder& builder : builders) {
          FOREBAY_RETURN_IF_ERROR(data::decode_key(rest, KeyMode::kExact, builder));
        }
      }
    }
    for (data::ColumnBuilder& builder : builders) inputs.columns.push_back(builder.finish());
    inputs.count = static_cast<uint32_t>(items_.size());
    return Status::ok();
  }

  void find_places(size_t index, const OverItems& inputs, OverPlaces& places) {
    const OverFrame& frame = parameters_.calls[index].frame;
    if (frame.lower.value == nullptr && frame.upper.value == nullptr) return;
    const data::ColumnRef values = order_.values_of(inputs.keys);
    const auto find = [&](const FrameBound& bound, KeyRows& keys, std::vector<uint8_t>& failed) {
      if (bound.value == nullptr) return;
      expr::Evaluator evaluator(bound.value);
      order_.places_of(evaluator, values, *context_.eval, keys, failed);
    };
    find(frame.lower, places.lower, places.lower_failed);
    find(frame.upper, places.upper, places.upper_failed);
  }

  /// The rows of items_ before or now; those of the items [from, to) are wanted.
  Status list_rows(const OverItems& inputs, bool now, uint32_t from, uint32_t to, OverRows& rows) {
    rows.item.clear();
    rows.group.clear();
    rows.group_start.clear();
    uint32_t last = 0;  // item with rows
    for (uint32_t i = 0; i < items_.size(); ++i) {
      if (i == from) rows.from = rows.count();
      const int64_t count = now ? items_[i].now : items_[i].before;
      if (count > int64_t{kMostItems} - rows.count()) {
        return Status(data::sqlstate::kProgramLimit,
                      "a window function has to look at too many rows at once");
      }
      rows.item.insert(rows.item.end(), static_cast<size_t>(count), i);
      if (count > 0 && peers_) {
        const bool is_new = rows.group.empty() || inputs.keys[last] != inputs.keys[i];
        if (is_new) {
          rows.group_start.push_back(rows.count() - static_cast<uint32_t>(count));
        }
        const auto group = static_cast<uint32_t>(rows.group_start.size() - 1);
        rows.group.insert(rows.group.end(), static_cast<size_t>(count), group);
        last = i;
      }
      if (i + 1 == to) rows.to = rows.count();
    }
    rows.group_start.push_back(rows.count());
    return Status::ok();
  }

  Status evaluate(const OverItems& inputs, const std::vector<OverPlaces>& places,
                  const OverBase& base, Version& version) {
    const uint32_t rows = version.rows.to - version.rows.from;
    version.values.clear();
    version.failures.clear();
    version.failed.clear();
    for (size_t i = 0; i < parameters_.calls.size(); ++i) {
      const OverCall& call = parameters_.calls[i];
      data::ColumnBuilder builder(call.result_type);
      FOREBAY_RETURN_IF_ERROR(append_over_values(parameters_, i, inputs, version.rows, base,
                                                 places[i], context_.eval, builder,
                                                 version.failures));
      version.values.push_back(builder.finish());
    }
    data::encode_keys(ChangeBatch(version.values, rows), all_columns(version.values.size()),
                      KeyMode::kExact, version.keys);
    if (!version.failures.empty()) version.failed.assign(rows, -1);
    for (size_t i = version.failures.size(); i-- > 0;) {
      version.failed[version.failures[i].index] = static_cast<int32_t>(i);
    }
    return Status::ok();
  }

  static const GroupFailure* failure_of(const Version& version, uint32_t row) {
    if (version.failed.empty() || version.failed[row] < 0) return nullptr;
    return &version.failures[static_cast<size_t>(version.failed[row])];
  }

  bool same(uint32_t old_row, uint32_t new_row) const {
    const GroupFailure* was = failure_of(before_, old_row);
    const GroupFailure* is = failure_of(now_, new_row);
    if (was != nullptr && is != nullptr) {
      return was->message == is->message && was->column == is->column;
    }
    return was == is && before_.keys.key(old_row) == now_.keys.key(new_row);
  }

  /// A batch of the changes listed.
  Status emit_some(Output& output) {
    std::vector<data::ColumnBuilder> builders(output_types_.begin(), output_types_.end());
    const size_t inputs = parameters_.types.size();
    for (size_t i = 0; i < parameters_.calls.size(); ++i) {
      for (const Version* version : {&before_, &now_}) {
        builders[inputs + i].keep_arenas(*version->values[i]);
      }
    }
    std::vector<Weight> weights;
    for (; emitted_ < changes_.size() && weights.size() < context_.batch_rows; ++emitted_) {
      const Change& change = changes_[emitted_];
      const Version& version = change.now ? now_ : before_;
      const Weight weight = change.now ? 1 : -1;
      if (const GroupFailure* failure = failure_of(version, change.row)) {
        ErrorRow error;
        error.sqlstate = failure->sqlstate;
        error.reason = failure->message;
        error.column = failure->column;
        error.raw = row_text(change.entry);
        error.weight = weight;
        output.error(std::move(error));
        continue;
      }
      FOREBAY_RETURN_IF_ERROR(decode(change.entry, std::span(builders).first(inputs)));
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

  Status decode(const OrderedTable::Entry* entry, std::span<data::ColumnBuilder> out) const {
    const std::string_view suffix = OrderedTable::suffix(entry);
    std::string_view rest = suffix.substr(order_.key_of(suffix).size());
    for (data::ColumnBuilder& builder : out) {
      FOREBAY_RETURN_IF_ERROR(data::decode_key(rest, KeyMode::kExact, builder));
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

  static constexpr uint32_t kMostItems = 1u << 30;

  OverParameters parameters_;
  const std::vector<Type> output_types_;
  OperatorContext context_;
  const expr::EvalContext no_context_;
  std::vector<uint32_t> columns_;
  OverOrder order_;
  OverReaches reaches_;
  /// 1: some function reads this input column; up to the last such one.
  std::vector<uint8_t> read_;
  bool peers_ = false;

  OrderedTable rows_;
  ClosingPartitions closing_;
  OverCheckpoints checkpoints_;
  /// Entries that running functions take up at once, and between two checkpoints.
  const size_t run_at_once_;
  OverClose close_;
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
