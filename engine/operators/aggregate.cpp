// Aggregate: GROUP BY.
//
// Input: any changes, hashed by the group columns.
//
// Output: at the end of an epoch, -old +new for every group whose row changed; a group is there
// while its row count is above 0 (without group columns: always). A group whose aggregate overflows
// is an error row instead.
//
// With a bound (`time`) rows that are late by W(e-1) are dropped and counted, and groups whose time
// is behind W(e) are final: after their last change came out they are forgotten, without a
// retraction; where the groups are a view they stay, and only what stands beside them goes. With
// on_close nothing comes out but each group's row, once, when it is final.
//
// State: a PointTable group key -> payload (aggregate_payload.h), which is the view's contents when
// the aggregate is its last operator; per DISTINCT call (one for all that count the same values),
// and per min/max call over input that retracts, an OrderedTable group key -> values with their
// counts; per call of counts_scales() another one, group key -> display scales with their counts.
//
// Invariants: the i-th dirty entry's payload at the start of the epoch is before_[i]. DISTINCT
// values feed their accumulator at the flush, when their count has become 0 or ceased to be.
//
// Cost: per row one lookup and one kernel step per call (an ordered insertion where there is a
// value table); per epoch one finish of old and new per dirty group. When a bound moves: one seek
// per shard and a lookup per group that is final.

#include <fmt/format.h>

#include "engine/data/row_codec.h"
#include "engine/operators/aggregate_scales.h"
#include "engine/operators/aggregate_values.h"
#include "engine/operators/emission.h"
#include "engine/operators/expired_groups.h"
#include "engine/operators/group_changes.h"

namespace forebay::operators {

namespace {

using data::KeyMode;
using data::KeyRows;
using state::PointTable;

/// Copies of payloads as they were when the epoch first touched them; memory is kept for the next.
class PayloadCopies {
 public:
  explicit PayloadCopies(uint32_t bytes) : bytes_(bytes) {}
  void add(const char* payload) {
    if (count_ == chunks_.size() * kChunk) {
      chunks_.push_back(std::make_unique_for_overwrite<char[]>(size_t{bytes_} * kChunk));
    }
    std::memcpy(at(count_++), payload, bytes_);
  }
  const char* operator[](size_t i) { return at(i); }
  size_t size() const { return count_; }
  void clear() { count_ = 0; }
  size_t memory_bytes() const { return chunks_.size() * kChunk * bytes_; }

 private:
  static constexpr size_t kChunk = 4096;
  char* at(size_t i) { return chunks_[i / kChunk].get() + i % kChunk * bytes_; }
  size_t bytes_;
  size_t count_ = 0;
  std::vector<std::unique_ptr<char[]>> chunks_;
};

class Aggregate final : public Operator {
 public:
  Aggregate(std::string_view name, std::shared_ptr<const AggregatePayload> payload,
            const OperatorContext& context)
      : name_(name),
        payload_(std::move(payload)),
        parameters_(payload_->parameters()),
        context_(context),
        groups_(context.table(parameters_.groups, state::Family::kHot), payload_->bytes(),
                payload_.get()),
        before_(payload_->bytes()),
        changes_(*payload_, context.batch_rows),
        expired_(state::Family::kHot, parameters_.groups, context_),
        nothing_(payload_->bytes(), '\0') {
    if (parameters_.time) {
      judge_.emplace(*parameters_.time, payload_->key_types()[0], context_);
      frees_ = !parameters_.keeps_groups;
    }
    for (size_t i = 0; i < parameters_.aggregates.size(); ++i) {
      bool needed = needs_value_table(parameters_, parameters_.aggregates[i]);
      add_values(i, needed);
      bool counts = counts_scales(parameters_, parameters_.aggregates[i]);
      scales_.push_back(counts ? std::make_unique<ScaleTable>(name_, *payload_, i, context)
                               : nullptr);
      frees_ |= needed || counts;
    }
  }
  ~Aggregate() override { free_retired(); }

  Status begin(Output&) override {
    if (payload_->has_keys()) return Status::ok();
    if (!context_.owns_shard(data::shard_of_hash(data::hash_key({})))) return Status::ok();
    return find_only_group(0);
  }

  Result<Progress> take(uint32_t, ChangeBatch batch, Output& output) override {
    if (judge_) drop_late(batch, output);
    if (batch.empty()) return Progress::kDone;
    FOREBAY_RETURN_IF_ERROR(find_groups(batch));
    for (auto& table : value_tables_) table->begin_batch();
    for (size_t i = 0; i < parameters_.aggregates.size(); ++i) {
      if (payload_->call_state(i) == CallState::kRowCount) continue;
      CallRows rows = rows_of_call(parameters_.aggregates[i], batch);
      if (rows.rows.empty()) continue;
      if (values_[i].table != nullptr) {
        FOREBAY_RETURN_IF_ERROR(
            values_[i].table->count(values_[i].nth, keys_, batch, rows, entries_));
      } else if (payload_->call_state(i) == CallState::kExtreme) {  // append-only
        offer_extremes(i, batch, rows);
      } else {
        FOREBAY_RETURN_IF_ERROR(accumulate(i, batch, rows));
      }
    }
    return Progress::kDone;
  }

  Result<Progress> end_epoch(Output& output) override {
    for (auto& table : value_tables_) FOREBAY_RETURN_IF_ERROR(table->settle());
    for (size_t i = 0; i < values_.size(); ++i) {
      if (values_[i].table != nullptr) FOREBAY_RETURN_IF_ERROR(feed_distinct(i));
    }
    return resume(output);
  }

  Result<Progress> resume(Output& output) override {
    if (!closing_) {
      FOREBAY_RETURN_IF_ERROR(flush_some(output));
      if (flushed_ < groups_.dirty().size()) return Progress::kMore;
      if (!begin_closing()) return Progress::kDone;
    }
    return close_some(output);
  }

  void seal(state::SealedRun& run) override {
    groups_.seal(run);
    before_.clear();
    flushed_ = 0;
    closing_ = false;
    if (judge_) judge_->end();
    expired_.seal();
    free_retired();
    for (auto& table : value_tables_) table->seal(run);
    for (auto& scales : scales_) {
      if (scales != nullptr) scales->seal(run);
    }
  }

  size_t memory_bytes() const override {
    size_t bytes = groups_.memory_bytes() + before_.memory_bytes() + expired_.memory_bytes();
    for (const auto& table : value_tables_) bytes += table->memory_bytes();
    for (const auto& scales : scales_) {
      if (scales != nullptr) bytes += scales->memory_bytes();
    }
    return bytes;
  }
  size_t dirty_entries() const override {
    size_t entries = groups_.dirty_entries();
    for (const auto& table : value_tables_) entries += table->dirty_entries();
    for (const auto& scales : scales_) {
      if (scales != nullptr) entries += scales->dirty_entries();
    }
    return entries;
  }
  size_t state_rows() const override { return groups_.resident_entries(); }

 private:
  /// The value table of the call at `index`, if it has one: its own, or that of a call before.
  void add_values(size_t index, bool needed) {
    Values& values = values_.emplace_back();
    if (!needed) return;
    const size_t owner = values_owner(parameters_, index);
    if (owner != index) {
      values.table = values_[owner].table;
      for (size_t i = owner; i < index; ++i) values.nth += values_[i].table == values.table;
      return;
    }
    size_t calls = 0;
    for (size_t i = index; i < parameters_.aggregates.size(); ++i) {
      calls += values_owner(parameters_, i) == index;
    }
    value_tables_.push_back(std::make_unique<ValueTable>(name_, *payload_, index, calls, context_));
    values.table = value_tables_.back().get();
  }
  void free_retired() {
    for (char* bytes : retired_) std::free(bytes);
    retired_.clear();
  }

  void drop_late(ChangeBatch& batch, Output& output) {
    if (uint64_t late = judge_->drop_late(batch); late > 0) output.late(late);
  }

  /// Emits the changes of some dirty groups.
  Status flush_some(Output& output) {
    std::span<PointTable::Entry* const> dirty = groups_.dirty();
    FOREBAY_CHECK(dirty.size() == before_.size(),
                  fmt::format("{} dirty groups, {} copies", dirty.size(), before_.size()));
    size_t count =
        std::min<size_t>(std::max<uint32_t>(1, context_.batch_rows / 2), dirty.size() - flushed_);
    std::span<PointTable::Entry* const> entries = dirty.subspan(flushed_, count);
    for (const PointTable::Entry* entry : entries) {
      __builtin_prefetch(entry);
      __builtin_prefetch(reinterpret_cast<const char*>(entry) + 16 + payload_->bytes());  // the key
    }
    if (!parameters_.on_close) FOREBAY_RETURN_IF_ERROR(refresh(entries));
    chunk_.clear();
    for (size_t i = 0; i < count; ++i) {
      std::string_view key = PointTable::key(entries[i]);
      const char* now = PointTable::payload(entries[i]);
      if (AggregatePayload::row_count(now) < 0) {
        fail_negative(name_, group_text(*payload_, key, now), AggregatePayload::row_count(now));
      }
      chunk_.push_back({key, before_[flushed_ + i], now});
    }
    if (!parameters_.on_close) FOREBAY_RETURN_IF_ERROR(changes_.emit(chunk_, output));
    for (PointTable::Entry* entry : entries) {
      if (!payload_->exists(PointTable::payload(entry))) groups_.erase(entry);
    }
    flushed_ += count;
    return Status::ok();
  }

  /// What the groups' values and scales say goes into their payloads.
  Status refresh(std::span<PointTable::Entry* const> entries) {
    FOREBAY_RETURN_IF_ERROR(refresh_extremes(entries));
    for (auto& scales : scales_) {
      if (scales != nullptr) FOREBAY_RETURN_IF_ERROR(scales->refresh(entries));
    }
    return Status::ok();
  }

  /// After the flush: does the epoch make groups final?
  bool begin_closing() {
    if (!judge_ || !frees_) return false;
    const int64_t from = judge_->previous();
    const int64_t to = judge_->current();
    if (from >= to) return false;
    closing_ = true;
    expired_.begin(judge_->key_of(from), judge_->key_of(to));
    return true;
  }

  /// Some of the groups that are final: emits them with on_close, and frees their state.
  Result<Progress> close_some(Output& output) {
    const uint32_t most = std::max<uint32_t>(1, context_.batch_rows / 2);
    FOREBAY_RETURN_IF_ERROR(expired_.next(most, closing_keys_));
    if (closing_keys_.rows() == 0) return Progress::kDone;
    if (!parameters_.keeps_groups) {
      entries_.resize(closing_keys_.rows());
      FOREBAY_RETURN_IF_ERROR(groups_.find(closing_keys_, entries_));
      closing_entries_.clear();
      for (PointTable::Entry* entry : entries_) {
        if (entry == nullptr || PointTable::is_erased(entry)) continue;
        touch(entry);
        if (payload_->exists(PointTable::payload(entry))) closing_entries_.push_back(entry);
      }
      // A key can come twice.
      std::sort(closing_entries_.begin(), closing_entries_.end(),
                [](const PointTable::Entry* a, const PointTable::Entry* b) {
                  return PointTable::key(a) < PointTable::key(b);
                });
      closing_entries_.erase(std::unique(closing_entries_.begin(), closing_entries_.end()),
                             closing_entries_.end());
      if (parameters_.on_close) FOREBAY_RETURN_IF_ERROR(emit_closed(output));
      for (PointTable::Entry* entry : closing_entries_) groups_.erase(entry);
    }
    for (auto& table : value_tables_) FOREBAY_RETURN_IF_ERROR(table->free(closing_keys_));
    for (auto& scales : scales_) {
      if (scales != nullptr) FOREBAY_RETURN_IF_ERROR(scales->free(closing_keys_));
    }
    return Progress::kMore;
  }

  Status emit_closed(Output& output) {
    FOREBAY_RETURN_IF_ERROR(refresh(closing_entries_));
    chunk_.clear();
    for (PointTable::Entry* entry : closing_entries_) {
      chunk_.push_back({PointTable::key(entry), nothing_.data(), PointTable::payload(entry)});
    }
    return changes_.emit(chunk_, output);
  }

  void touch(PointTable::Entry* entry) {
    char* payload = PointTable::payload(entry);
    if (groups_.mark_dirty(entry)) before_.add(payload);
  }

  /// Without group columns: the one group for `count` rows.
  Status find_only_group(uint32_t count) {
    keys_.bytes.clear();
    keys_.offsets.assign(2, 0);
    data::add_hashes(keys_);
    entries_.resize(1);
    created_.assign(1, 0);
    FOREBAY_RETURN_IF_ERROR(groups_.find_or_create(keys_, entries_, created_));
    touch(entries_[0]);
    AggregatePayload::mark_exists(PointTable::payload(entries_[0]));
    entries_.assign(count, entries_[0]);
    return Status::ok();
  }

  /// Fills rows_, weights_, entries_ and payloads_ for the rows of the batch and counts the rows.
  Status find_groups(const ChangeBatch& batch) {
    uint32_t count = batch.rows();
    rows_.resize(count);
    for (uint32_t i = 0; i < count; ++i) rows_[i] = batch.physical(i);
    weights_.assign(count, 1);
    if (batch.weights() != nullptr) {
      for (uint32_t i = 0; i < count; ++i) weights_[i] = batch.weights()[rows_[i]];
    }
    if (!payload_->has_keys()) {
      FOREBAY_RETURN_IF_ERROR(find_only_group(count));
    } else {
      data::encode_keys(batch, parameters_.group_columns, KeyMode::kGrouping, keys_);
      data::add_hashes(keys_);
      entries_.resize(count);
      created_.assign(count, 0);
      FOREBAY_RETURN_IF_ERROR(groups_.find_or_create(keys_, entries_, created_));
    }
    if (judge_) expired_.add(keys_, created_);
    payloads_.resize(count);
    for (uint32_t i = 0; i < count; ++i) {
      char* payload = PointTable::payload(entries_[i]);
      if (groups_.mark_dirty(entries_[i])) before_.add(payload);
      AggregatePayload::add_rows(payload, weights_[i]);
      payloads_[i] = payload;
    }
    for (size_t s = 0; s < payload_->scaled_keys().size(); ++s) raise_scales(batch, s);
    return Status::ok();
  }

  void raise_scales(const ChangeBatch& batch, size_t scaled_key) {
    uint32_t key = payload_->scaled_keys()[scaled_key];
    data::ColumnView view = batch.column(parameters_.group_columns[key]).view();
    for (size_t i = 0; i < rows_.size(); ++i) {
      if (view.is_null(rows_[i])) continue;
      AggregatePayload::raise_scale(payloads_[i], scaled_key,
                                    view.at<data::Numeric>(rows_[i]).scale);
    }
  }

  /// Leaves out rows that FILTER or a NULL argument keeps from the call.
  CallRows rows_of_call(const AggregateCallSpec& call, const ChangeBatch& batch) {
    std::vector<data::ColumnView> required;
    if (!call.function->sees_nulls) {
      for (uint32_t argument : call.arguments) {
        data::ColumnView view = batch.column(argument).view();
        if (view.validity != nullptr) required.push_back(view);
      }
    }
    uint32_t count = static_cast<uint32_t>(rows_.size());
    if (all_.size() < count) all_ = all_columns(count);
    if (required.empty() && call.filter_column < 0) {
      return {rows_, std::span(all_).first(count), payloads_, weights_};
    }
    call_rows_.clear();
    call_places_.clear();
    call_payloads_.clear();
    call_weights_.clear();
    data::ColumnView filter;
    if (call.filter_column >= 0) filter = batch.column(call.filter_column).view();
    for (uint32_t i = 0; i < count; ++i) {
      uint32_t row = rows_[i];
      bool seen =
          filter.values == nullptr || (!filter.is_null(row) && filter.at<uint8_t>(row) != 0);
      for (const data::ColumnView& view : required) seen = seen && !view.is_null(row);
      if (!seen) continue;
      call_rows_.push_back(row);
      call_places_.push_back(i);
      call_payloads_.push_back(payloads_[i]);
      call_weights_.push_back(weights_[i]);
    }
    return {call_rows_, call_places_, call_payloads_, call_weights_};
  }

  Status accumulate(size_t index, const ChangeBatch& batch, const CallRows& rows) {
    const AggregateCallSpec& call = parameters_.aggregates[index];
    std::vector<data::ColumnView> arguments;
    std::vector<Type> types;
    for (uint32_t argument : call.arguments) {
      arguments.push_back(batch.column(argument).view());
      types.push_back(batch.column(argument).type());
    }
    return update(index, arguments, types, rows, entries_);
  }

  /// `entries`: the groups, by the rows' places.
  Status update(size_t index, std::span<const data::ColumnView> arguments,
                std::span<const Type> types, const CallRows& rows,
                std::span<PointTable::Entry* const> entries) {
    uint32_t offset = payload_->state_offset(index);
    states_.resize(rows.payloads.size());
    for (size_t i = 0; i < states_.size(); ++i) states_[i] = rows.payloads[i] + offset;
    udfs::AggregateCall call;
    call.arguments = arguments.data();
    call.argument_types = types.data();
    call.argument_count = static_cast<uint32_t>(arguments.size());
    call.rows = rows.rows.data();
    call.states = states_.data();
    call.weights = rows.weights.data();
    call.row_count = static_cast<uint32_t>(rows.rows.size());
    parameters_.aggregates[index].function->update(call);
    if (scales_[index] == nullptr) return Status::ok();
    return scales_[index]->count(arguments[0], rows, entries);
  }

  void offer_extremes(size_t index, const ChangeBatch& batch, const CallRows& rows) {
    if (batch.weights() != nullptr) {
      for (Weight weight : rows.weights) {
        FOREBAY_CHECK(weight > 0, fmt::format("{}: weight {} in append-only input", name_, weight));
      }
    }
    const data::Column& column = batch.column(parameters_.aggregates[index].arguments[0]);
    payload_->offer_extremes(index, column.view(), rows.rows, rows.payloads, retired_);
  }

  /// Gives the accumulator of a DISTINCT call the values that came and went in this epoch.
  Status feed_distinct(size_t index) {
    if (payload_->call_state(index) == CallState::kExtreme) return Status::ok();
    constexpr size_t kStep = 4096;
    const auto& [values, nth] = values_[index];
    for (size_t from = 0; from < values->transitions(nth); from += kStep) {
      std::vector<data::ColumnRef> columns;
      FOREBAY_RETURN_IF_ERROR(
          values->transitions(nth, from, from + kStep, columns, call_entries_, call_weights_));
      call_payloads_.clear();
      for (PointTable::Entry* entry : call_entries_) {
        call_payloads_.push_back(PointTable::payload(entry));
      }
      std::vector<data::ColumnView> views;
      std::vector<Type> types;
      for (const data::ColumnRef& column : columns) {
        views.push_back(column->view());
        types.push_back(column->type());
      }
      call_rows_ = all_columns(call_payloads_.size());
      FOREBAY_RETURN_IF_ERROR(update(index, views, types,
                                     {call_rows_, call_rows_, call_payloads_, call_weights_},
                                     call_entries_));
    }
    return Status::ok();
  }

  /// Takes the first or last value of the groups' value tables into their payloads.
  Status refresh_extremes(std::span<PointTable::Entry* const> entries) {
    bool keys_filled = false;
    for (size_t i = 0; i < values_.size(); ++i) {
      if (values_[i].table == nullptr || payload_->call_state(i) != CallState::kExtreme) continue;
      if (!keys_filled) fill_keys(entries);
      keys_filled = true;
      FOREBAY_ASSIGN_OR_RETURN(data::ColumnRef column, values_[i].table->extremes(keys_));
      for (uint32_t j = 0; j < entries.size(); ++j) {
        char* payload = PointTable::payload(entries[j]);
        if (column->is_null(j)) {
          payload_->clear_extreme(i, payload, retired_);
        } else {
          payload_->set_extreme(i, column->view(), j, payload, retired_);
        }
      }
    }
    return Status::ok();
  }

  void fill_keys(std::span<PointTable::Entry* const> entries) {
    keys_.bytes.clear();
    keys_.offsets.assign(1, 0);
    for (const PointTable::Entry* entry : entries) {
      keys_.bytes.append(PointTable::key(entry));
      keys_.offsets.push_back(static_cast<uint32_t>(keys_.bytes.size()));
    }
    data::add_hashes(keys_);
  }

  std::string name_;
  std::shared_ptr<const AggregatePayload> payload_;
  const AggregateParameters& parameters_;
  OperatorContext context_;

  PointTable groups_;
  struct Values {
    ValueTable* table = nullptr;  // nullptr: none
    size_t nth = 0;               // which of the table's calls
  };
  std::vector<std::unique_ptr<ValueTable>> value_tables_;
  std::vector<Values> values_;                       // per call
  std::vector<std::unique_ptr<ScaleTable>> scales_;  // per call; nullptr: none
  PayloadCopies before_;
  /// Strings that payloads no longer hold, but copies in before_ may.
  std::vector<char*> retired_;
  size_t flushed_ = 0;  // dirty groups emitted in this epoch's flush

  // With a bound.
  std::optional<TimeJudge> judge_;
  bool frees_ = false;    // final groups leave something to free
  bool closing_ = false;  // the flush is done, groups become final
  data::KeyRows closing_keys_;
  std::vector<PointTable::Entry*> closing_entries_;

  // Scratch.
  GroupChanges changes_;
  ExpiredGroups expired_;
  /// A payload without rows.
  std::string nothing_;
  std::vector<GroupChange> chunk_;
  KeyRows keys_;
  std::vector<PointTable::Entry*> entries_, call_entries_;
  std::vector<uint8_t> created_;
  std::vector<uint32_t> rows_, call_rows_, call_places_, all_;
  std::vector<char*> payloads_, call_payloads_, states_;
  std::vector<Weight> weights_, call_weights_;
};

std::string call_text(const AggregateCallSpec& call) {
  std::string text = fmt::format("{}({}", call.function->name, call.distinct ? "distinct " : "");
  if (call.arguments.empty()) text += "*";
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : ", ", call.arguments[i]);
  }
  for (const SortKey& key : call.order) {
    text += fmt::format(" order {}{}{}", key.column, key.descending ? " desc" : "",
                        key.nulls_first ? " nulls first" : "");
  }
  for (const data::Datum& value : call.direct) {
    text += fmt::format(" with {}", expr::to_string(*expr::literal(value)));
  }
  text += ")";
  if (call.filter_column >= 0) text += fmt::format(" filter {}", call.filter_column);
  return text;
}

class AggregateSpec final : public OperatorSpec {
 public:
  AggregateSpec(std::string_view name, const AggregateParameters& parameters)
      : name_(name), payload_(std::make_shared<const AggregatePayload>(parameters)) {}
  std::string_view name() const override { return name_; }
  std::string describe() const override {
    const AggregateParameters& parameters = payload_->parameters();
    std::string text = fmt::format("keys={}", column_list(parameters.group_columns));
    if (!parameters.aggregates.empty()) {
      text += " aggregates=[";
      for (size_t i = 0; i < parameters.aggregates.size(); ++i) {
        if (i > 0) text += ", ";
        text += call_text(parameters.aggregates[i]);
      }
      text += "]";
    }
    if (parameters.append_only && !parameters.aggregates.empty()) text += " append-only";
    if (parameters.time) {
      text += " bound=" + bound_text(*parameters.time);
      if (parameters.on_close) text += " on-close";
      if (parameters.keeps_groups) text += " kept";
    }
    return text;
  }
  const std::vector<Type>& output_types() const override { return payload_->output_types(); }
  std::unique_ptr<Operator> instantiate(const OperatorContext& context) const override {
    return std::make_unique<Aggregate>(name_, payload_, context);
  }
  std::vector<state::DroppedTable> tables() const override {
    const AggregateParameters& parameters = payload_->parameters();
    std::vector<state::DroppedTable> tables{{state::Family::kHot, parameters.groups}};
    for (size_t i = 0; i < parameters.aggregates.size(); ++i) {
      if (needs_value_table(parameters, parameters.aggregates[i]) &&
          values_owner(parameters, i) == i) {
        tables.push_back({state::Family::kLog, parameters.value_tables[i]});
      }
      if (counts_scales(parameters, parameters.aggregates[i])) {
        tables.push_back({ScaleTable::kFamily, parameters.scale_tables[i]});
      }
    }
    return tables;
  }

 private:
  std::string_view name_;
  std::shared_ptr<const AggregatePayload> payload_;
};

}  // namespace

SpecRef make_aggregate(AggregateParameters parameters) {
  return std::make_shared<AggregateSpec>("aggregate", parameters);
}

// DISTINCT is GROUP BY all columns without aggregates.
SpecRef make_distinct(DistinctParameters parameters) {
  return std::make_shared<AggregateSpec>("distinct", distinct_as_aggregate(parameters));
}

}  // namespace forebay::operators
