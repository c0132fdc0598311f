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

#include "engine/operators/aggregate.h"

#include <fmt/format.h>

#include "engine/data/row_codec.h"
#include "engine/operators/aggregate_tables.h"
#include "engine/operators/emission.h"
#include "engine/operators/expired_groups.h"
#include "engine/operators/group_changes.h"
#include "engine/operators/payload_copies.h"

namespace forebay::operators {

namespace {

using data::KeyMode;
using data::KeyRows;
using state::PointTable;

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
        tables_(name_, *payload_, context),
        before_(payload_->bytes()),
        changes_(*payload_, context.batch_rows),
        expired_(state::Family::kHot, parameters_.groups, context_),
        nothing_(payload_->bytes(), '\0') {
    if (parameters_.time) {
      judge_.emplace(*parameters_.time, payload_->key_types()[0], context_);
      frees_ = !parameters_.keeps_groups;
    }
    frees_ |= !tables_.empty();
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
    tables_.begin_batch();
    for (size_t i = 0; i < parameters_.aggregates.size(); ++i) {
      if (payload_->call_state(i) == CallState::kRowCount) continue;
      CallRows rows = rows_of_call(parameters_.aggregates[i], batch);
      if (rows.rows.empty()) continue;
      if (const CallTables::Values& values = tables_.values(i); values.table != nullptr) {
        FOREBAY_RETURN_IF_ERROR(values.table->count(values.nth, keys_, batch, rows, entries_));
      } else if (payload_->call_state(i) == CallState::kExtreme) {  // append-only
        offer_extremes(i, batch, rows);
      } else {
        FOREBAY_RETURN_IF_ERROR(accumulate(i, batch, rows));
      }
    }
    return Progress::kDone;
  }

  Result<Progress> end_epoch(Output& output) override {
    FOREBAY_RETURN_IF_ERROR(tables_.settle());
    for (size_t i = 0; i < parameters_.aggregates.size(); ++i) {
      if (tables_.values(i).table != nullptr) FOREBAY_RETURN_IF_ERROR(feed_distinct(i));
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
    tables_.seal(run);
  }

  size_t memory_bytes() const override {
    return groups_.memory_bytes() + before_.memory_bytes() + expired_.memory_bytes() +
           tables_.memory_bytes();
  }
  size_t dirty_entries() const override {
    return groups_.dirty_entries() + tables_.dirty_entries();
  }
  size_t state_rows() const override { return groups_.resident_entries(); }

 private:
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
    return tables_.refresh_scales(entries);
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
    FOREBAY_RETURN_IF_ERROR(tables_.free(closing_keys_));
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
    ScaleTable* const scales = tables_.scales(index);
    return scales == nullptr ? Status::ok() : scales->count(arguments[0], rows, entries);
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
    const auto& [values, nth] = tables_.values(index);
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
    for (size_t i = 0; i < parameters_.aggregates.size(); ++i) {
      ValueTable* const values = tables_.values(i).table;
      if (values == nullptr || payload_->call_state(i) != CallState::kExtreme) continue;
      if (!keys_filled) fill_keys(entries);
      keys_filled = true;
      FOREBAY_ASSIGN_OR_RETURN(data::ColumnRef column, values->extremes(keys_));
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
  CallTables tables_;
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

}  // namespace

std::unique_ptr<Operator> instantiate_aggregate(std::string_view name,
                                                std::shared_ptr<const AggregatePayload> payload,
                                                const OperatorContext& context) {
  return std::make_unique<Aggregate>(name, std::move(payload), context);
}

}  // namespace forebay::operators
