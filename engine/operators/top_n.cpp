// TopN: ORDER BY ... LIMIT/OFFSET, per partition.
//
// Input: any changes, hashed by the partition columns.
//
// Output: at the end of an epoch the net change of each partition's window [offset, offset +
// limit), with ties also the rows that equal its last one in the order; duplicates count one each.
// When numbered: each row with its place in the partition from 1 on as one more column; the net
// change holds every row whose number moved.
//
// Ties of the order are broken by the whole row: its columns in order, ascending, NULLs last,
// finest detail included.
//
// State: an OrderedTable partition -> rows; suffix = order keys (kGrouping) and then all columns
// (kExact).
//
// Append-only input: rows behind a partition's window are dropped at the end of the epoch, or at
// once where the window was full before it.
//
// With a bound (`time`) late rows are dropped, and partitions behind it are forgotten.
//
// Invariant: a touched partition's window as it was when the epoch began is remembered by entry, as
// entries stay in place until seal.
//
// Cost: per change one ordered insertion; per touched partition and epoch offset + limit rows,
// twice.

#include <fmt/format.h>

#include "engine/data/row_codec.h"
#include "engine/operators/closing_partitions.h"
#include "engine/operators/emission.h"
#include "engine/operators/epoch_index.h"
#include "engine/operators/specs.h"

namespace forebay::operators {

namespace {

using data::KeyMode;
using data::KeyRows;
using state::OrderedTable;

class TopN final : public Operator {
 public:
  TopN(const TopNParameters& parameters, const OperatorContext& context)
      : parameters_(parameters),
        context_(context),
        columns_(all_columns(parameters.types.size())),
        rows_(context.table(parameters.rows, state::Family::kLog)),
        closing_(parameters.time, parameters.types, parameters.partition_columns,
                 state::Family::kLog, parameters.rows, context) {
    for (const SortKey& key : parameters.order) {
      order_columns_.push_back(key.column);
      orders_.push_back({key.descending, key.nulls_first});
    }
  }

  Result<Progress> take(uint32_t, ChangeBatch batch, Output& output) override {
    closing_.drop_late(batch, output);
    if (batch.empty()) return Progress::kDone;
    data::encode_keys(batch, parameters_.partition_columns, KeyMode::kGrouping, keys_);
    data::add_hashes(keys_);
    data::encode_keys(batch, order_columns_, KeyMode::kGrouping, order_keys_, orders_);
    data::encode_keys(batch, columns_, KeyMode::kExact, row_keys_);
    groups_.resize(keys_.rows());
    FOREBAY_RETURN_IF_ERROR(rows_.load(keys_, groups_));
    closing_.note(keys_, groups_);
    for (uint32_t i = 0; i < groups_.size(); ++i) {
      const Partition& partition = touched_[note(groups_[i])];
      suffix_.assign(order_keys_.key(i));
      suffix_.append(row_keys_.key(i));
      if (partition.full &&
          suffix_ > OrderedTable::suffix(old_windows_[partition.window_to - 1].entry)) {
        continue;
      }
      OrderedTable::Entry* entry = rows_.upsert(groups_[i], suffix_);
      int64_t count = add_weights(OrderedTable::count(entry), batch.weight(batch.physical(i)));
      rows_.set_count(groups_[i], entry, count);
      if (count < 0) suspects_.push_back(entry);
    }
    return Progress::kDone;
  }

  Result<Progress> end_epoch(Output& output) override {
    for (const OrderedTable::Entry* entry : suspects_) {
      if (OrderedTable::count(entry) < 0) {
        fail_negative("top_n", row_text(entry), OrderedTable::count(entry));
      }
    }
    return resume(output);
  }

  Result<Progress> resume(Output& output) override {
    auto builders = builders_of(parameters_.types);
    if (parameters_.numbered) builders.emplace_back(data::kBigintType);
    while (weights_.size() < context_.batch_rows) {
      if (!in_partition_) {
        if (next_ == touched_.size()) break;
        window_.clear();
        collect_window(touched_[next_].group, window_);
        old_at_ = touched_[next_].window_from;
        new_at_ = 0;
        in_partition_ = true;
      }
      FOREBAY_RETURN_IF_ERROR(merge_step(builders));
    }
    bool more = in_partition_ || next_ < touched_.size();
    if (!weights_.empty()) {
      ChangeBatch batch = finish(builders);
      batch.set_weights(std::exchange(weights_, {}));
      emit_in_pieces(std::move(batch), context_.batch_rows, output);
    }
    return more ? Progress::kMore : closing_.close(rows_);
  }

  void seal(state::SealedRun& run) override {
    rows_.seal(run);
    closing_.seal();
    touched_.clear();
    place_.clear();
    old_windows_.clear();
    suspects_.clear();
    next_ = 0;
  }
  size_t memory_bytes() const override {
    return rows_.memory_bytes() + closing_.memory_bytes() +
           old_windows_.capacity() * sizeof(WindowRow);
  }
  size_t dirty_entries() const override { return rows_.dirty_entries(); }
  size_t state_rows() const override { return rows_.resident_entries(); }

 private:
  /// A row of a window and how many of its duplicates are inside.
  struct WindowRow {
    const OrderedTable::Entry* entry;
    int64_t count;
    int64_t number;  // of the first of them
  };
  struct Partition {
    OrderedTable::Group* group;
    size_t window_from;  // in old_windows_
    size_t window_to;
    /// No row that comes behind the window can ever be in it.
    bool full;
  };

  static std::vector<data::ColumnBuilder> builders_of(const std::vector<Type>& types) {
    return {types.begin(), types.end()};
  }
  static ChangeBatch finish(std::vector<data::ColumnBuilder>& builders) {
    uint32_t rows = builders.empty() ? 0 : builders[0].size();
    std::vector<data::ColumnRef> columns;
    for (data::ColumnBuilder& builder : builders) columns.push_back(builder.finish());
    return ChangeBatch(std::move(columns), rows);
  }

  /// The place of a partition in touched_; remembers the window of one that is new there.
  uint32_t note(OrderedTable::Group* group) {
    auto next = static_cast<uint32_t>(touched_.size());
    auto same = [&](uint32_t i) { return touched_[i].group == group; };
    const uint32_t at = place_.find_or_add(EpochIndex::hash_of(group), next, same);
    if (at != next) return at;
    size_t from = old_windows_.size();
    collect_window(group, old_windows_);
    bool full = false;
    if (parameters_.append_only && !parameters_.with_ties) {
      uint64_t rows = 0;
      for (size_t i = from; i < old_windows_.size(); ++i) {
        rows += static_cast<uint64_t>(old_windows_[i].count);
      }
      full = rows > 0 && rows == parameters_.limit;
    }
    touched_.push_back({group, from, old_windows_.size(), full});
    return next;
  }

  /// Rows behind the window go.
  void drop_rest(OrderedTable::Group* group) {
    if (window_.empty()) return;
    OrderedTable::Entry* entries[OrderedTable::kReadAtOnce];
    OrderedTable::Entry* from = OrderedTable::next(group, window_.back().entry);
    while (from != nullptr) {
      const size_t count = OrderedTable::read(group, from, entries);
      from = count == OrderedTable::kReadAtOnce ? OrderedTable::next(group, entries[count - 1])
                                                : nullptr;
      for (size_t i = 0; i < count; ++i) rows_.set_count(group, entries[i], 0);
    }
  }

  void collect_window(const OrderedTable::Group* group, std::vector<WindowRow>& window) const {
    uint64_t skip = parameters_.offset;
    uint64_t left = parameters_.limit;
    int64_t number = 1;
    const OrderedTable::Entry* entry = left == 0 ? nullptr : OrderedTable::first(group);
    for (; entry != nullptr && left > 0; entry = OrderedTable::next(group, entry)) {
      auto count = static_cast<uint64_t>(OrderedTable::count(entry));
      uint64_t skipped = std::min(skip, count);
      skip -= skipped;
      uint64_t inside = std::min(count - skipped, left);
      if (parameters_.with_ties && inside == left) {
        collect_ties(group, entry, static_cast<int64_t>(count - skipped), window);
        return;
      }
      left -= inside;
      if (inside > 0) {
        window.push_back(
            {entry, static_cast<int64_t>(inside), number + static_cast<int64_t>(skipped)});
      }
      number += static_cast<int64_t>(count);
    }
  }

  /// The last row of the limit, all of its duplicates and all rows that equal it in the order.
  void collect_ties(const OrderedTable::Group* group, const OrderedTable::Entry* last,
                    int64_t count, std::vector<WindowRow>& window) const {
    const std::string_view order = order_bytes(last);
    window.push_back({last, count, 0});
    for (const OrderedTable::Entry* entry = OrderedTable::next(group, last); entry != nullptr;
         entry = OrderedTable::next(group, entry)) {
      if (!OrderedTable::suffix(entry).starts_with(order)) return;
      window.push_back({entry, OrderedTable::count(entry), 0});
    }
  }

  /// The order keys at the front of an entry's suffix.
  std::string_view order_bytes(const OrderedTable::Entry* entry) const {
    const std::string_view suffix = OrderedTable::suffix(entry);
    std::string_view rest = suffix;
    for (size_t i = 0; i < order_columns_.size(); ++i) {
      data::ColumnBuilder skipped(parameters_.types[order_columns_[i]]);
      const Status status = data::decode_key(rest, KeyMode::kGrouping, skipped, orders_[i]);
      FOREBAY_CHECK(status.is_ok(), "top_n: bytes that are no row");
    }
    return suffix.substr(0, suffix.size() - rest.size());
  }

  /// Takes one row of the old or the new window, or of both, in order.
  Status merge_step(std::vector<data::ColumnBuilder>& builders) {
    size_t old_end = touched_[next_].window_to;
    const WindowRow* old = old_at_ < old_end ? &old_windows_[old_at_] : nullptr;
    const WindowRow* now = new_at_ < window_.size() ? &window_[new_at_] : nullptr;
    if (old == nullptr && now == nullptr) {
      if (parameters_.append_only) drop_rest(touched_[next_].group);
      in_partition_ = false;
      ++next_;
      return Status::ok();
    }
    int order = old == nullptr                                                        ? 1
                : now == nullptr                                                      ? -1
                : old->entry == now->entry                                            ? 0
                : OrderedTable::suffix(old->entry) < OrderedTable::suffix(now->entry) ? -1
                                                                                      : 1;
    if (order <= 0) ++old_at_;
    if (order >= 0) ++new_at_;
    if (parameters_.numbered) {
      const bool same = order == 0 && old->number == now->number && old->count == now->count;
      if (same) return Status::ok();
      if (order <= 0) FOREBAY_RETURN_IF_ERROR(emit_numbered(*old, -1, builders));
      return order >= 0 ? emit_numbered(*now, 1, builders) : Status::ok();
    }
    Weight weight = 0;
    if (order <= 0) weight -= old->count;
    if (order >= 0) weight += now->count;
    if (weight == 0) return Status::ok();
    weights_.push_back(weight);
    return decode(order <= 0 ? old->entry : now->entry, builders);
  }

  /// A row per duplicate, as each has a number of its own.
  Status emit_numbered(const WindowRow& row, Weight weight,
                       std::vector<data::ColumnBuilder>& builders) {
    for (int64_t i = 0; i < row.count; ++i) {
      FOREBAY_RETURN_IF_ERROR(decode(row.entry, builders));
      builders.back().append(row.number + i);
      weights_.push_back(weight);
    }
    return Status::ok();
  }

  Status decode(const OrderedTable::Entry* entry,
                std::vector<data::ColumnBuilder>& builders) const {
    std::string_view key = OrderedTable::suffix(entry);
    for (size_t i = 0; i < order_columns_.size(); ++i) {
      data::ColumnBuilder skipped(parameters_.types[order_columns_[i]]);
      FOREBAY_RETURN_IF_ERROR(data::decode_key(key, KeyMode::kGrouping, skipped, orders_[i]));
    }
    for (size_t i = 0; i < columns_.size(); ++i) {
      FOREBAY_RETURN_IF_ERROR(data::decode_key(key, KeyMode::kExact, builders[i]));
    }
    return Status::ok();
  }

  std::string row_text(const OrderedTable::Entry* entry) const {
    auto builders = builders_of(parameters_.types);
    if (!decode(entry, builders).is_ok()) return "(bytes that are no row)";
    return error_row_text(finish(builders), 0);
  }

  TopNParameters parameters_;
  OperatorContext context_;
  std::vector<uint32_t> columns_;
  std::vector<uint32_t> order_columns_;
  std::vector<data::KeyOrder> orders_;

  OrderedTable rows_;
  ClosingPartitions closing_;
  std::vector<Partition> touched_;
  EpochIndex place_;  // of groups in touched_
  std::vector<WindowRow> old_windows_;
  std::vector<const OrderedTable::Entry*> suspects_;

  // The flush: the partition at touched_[next_] and the places in its two windows.
  size_t next_ = 0;
  bool in_partition_ = false;
  std::vector<WindowRow> window_;
  size_t old_at_ = 0;
  size_t new_at_ = 0;
  std::vector<Weight> weights_;

  // Scratch.
  KeyRows keys_, order_keys_, row_keys_;
  std::vector<OrderedTable::Group*> groups_;
  std::string suffix_;
};

class TopNSpec final : public OperatorSpec {
 public:
  explicit TopNSpec(TopNParameters parameters)
      : parameters_(std::move(parameters)), output_types_(parameters_.types) {
    if (parameters_.numbered) output_types_.push_back(data::kBigintType);
  }
  std::string_view name() const override { return "top_n"; }
  std::string describe() const override {
    std::string text;
    if (!parameters_.partition_columns.empty()) {
      text = fmt::format("partition={} ", column_list(parameters_.partition_columns));
    }
    text += "order=[";
    for (size_t i = 0; i < parameters_.order.size(); ++i) {
      const SortKey& key = parameters_.order[i];
      text += fmt::format("{}{}{}{}", i == 0 ? "" : ", ", key.column, key.descending ? " desc" : "",
                          key.nulls_first == key.descending ? ""
                          : key.nulls_first                 ? " nulls first"
                                                            : " nulls last");
    }
    text += "]";
    if (parameters_.limit != UINT64_MAX) text += fmt::format(" limit={}", parameters_.limit);
    if (parameters_.offset != 0) text += fmt::format(" offset={}", parameters_.offset);
    if (parameters_.with_ties) text += " with ties";
    if (parameters_.numbered) text += " numbered";
    if (parameters_.append_only) text += " append-only";
    if (parameters_.time) text += " bound=" + bound_text(*parameters_.time);
    return text;
  }
  const std::vector<Type>& output_types() const override { return output_types_; }
  std::unique_ptr<Operator> instantiate(const OperatorContext& context) const override {
    return std::make_unique<TopN>(parameters_, context);
  }
  std::vector<state::DroppedTable> tables() const override {
    return {{state::Family::kLog, parameters_.rows}};
  }

 private:
  TopNParameters parameters_;
  std::vector<Type> output_types_;
};

}  // namespace

SpecRef make_top_n(TopNParameters parameters) {
  return std::make_shared<TopNSpec>(std::move(parameters));
}

}  // namespace forebay::operators
