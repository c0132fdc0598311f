// Time to live: rows go a fixed time after they came.
//
// Input: any changes, hashed (exact) by all columns.
//
// Output: the changes; and once an epoch's time is `ttl` or more after that of the epoch in which a
// row came, the row goes. A change is the net one of its epoch. What takes a row away takes its
// latest arrivals; of a row that has gone already it is dropped.
//
// State: a Calendar of the rows that will go (kExact bytes). Unless the input is append-only, by
// row the times at which it will go, too: an OrderedTable, all columns (kExact) -> time; count =
// weight.
//
// Invariants: what the two tables hold is the same, and is what the output sums up to. T never goes
// back, so the latest arrival is the one that goes last.
//
// Cost: per change one ordered insertion, or two; per epoch what is due.

#include <fmt/format.h>

#include "engine/data/row_codec.h"
#include "engine/data/text_format.h"
#include "engine/operators/calendar.h"
#include "engine/operators/emission.h"
#include "engine/operators/epoch_index.h"
#include "engine/operators/specs.h"

namespace forebay::operators {

namespace {

using data::KeyMode;
using data::KeyRows;
using state::OrderedTable;

class Expiry final : public Operator {
 public:
  Expiry(const ExpiryParameters& parameters, const OperatorContext& context)
      : parameters_(parameters),
        context_(context),
        columns_(all_columns(parameters.types.size())),
        calendar_(parameters.calendar, context_) {
    if (!parameters.append_only) {
      rows_.emplace(context_.table(parameters.rows, state::Family::kHot));
    }
  }

  Result<Progress> take(uint32_t, ChangeBatch batch, Output& output) override {
    KeyRows keys;
    data::encode_keys(batch, columns_, KeyMode::kExact, keys);
    data::add_hashes(keys);
    if (!parameters_.append_only) {
      for (uint32_t i = 0; i < keys.rows(); ++i) {
        touch(keys, i, batch.weight(batch.physical(i)));
      }
      return Progress::kDone;
    }
    Arrival arrival;
    for (uint32_t i = 0; i < keys.rows(); ++i) {
      arrival.weights.push_back(batch.weight(batch.physical(i)));
    }
    arrival.keys = std::move(keys);
    arrived_rows_ += arrival.weights.size();
    arrived_.push_back(std::move(arrival));
    output.emit(std::move(batch));
    return Progress::kDone;
  }

  Result<Progress> end_epoch(Output& output) override {
    now_ = context_.watermarks != nullptr ? context_.watermarks->now() : context_.eval->now;
    FOREBAY_RETURN_IF_ERROR(calendar_.load());
    return resume(output);
  }

  Result<Progress> resume(Output& output) override {
    if (!arrived_.empty()) {
      FOREBAY_RETURN_IF_ERROR(enter(arrived_.back()));
      arrived_.pop_back();
      return Progress::kMore;
    }
    arrived_rows_ = 0;
    if (settled_ < touched_.size()) {
      FOREBAY_RETURN_IF_ERROR(settle(output));
      return Progress::kMore;
    }
    touched_.clear();
    touched_bytes_.clear();
    index_.clear();
    settled_ = 0;
    return expire(output);
  }

  std::optional<int64_t> due() const override { return calendar_.due(); }
  void seal(state::SealedRun& run) override {
    calendar_.seal(run);
    if (rows_) rows_->seal(run);
  }
  size_t memory_bytes() const override {
    return calendar_.memory_bytes() + (rows_ ? rows_->memory_bytes() : 0) +
           touched_bytes_.capacity() + touched_.capacity() * sizeof(Touched) +
           index_.memory_bytes();
  }
  size_t dirty_entries() const override {
    return calendar_.dirty_entries() + (rows_ ? rows_->dirty_entries() : 0) + arrived_rows_ +
           touched_.size();
  }
  size_t state_rows() const override { return calendar_.resident_entries(); }

 private:
  /// Rows that came, of an input that only adds.
  struct Arrival {
    KeyRows keys;
    std::vector<Weight> weights;
  };
  /// A row that changed in the epoch.
  struct Touched {
    size_t at = 0;  // in touched_bytes_
    uint32_t length = 0;
    uint64_t hash = 0;
    Weight weight = 0;
  };

  std::string_view bytes_of(const Touched& row) const {
    return std::string_view(touched_bytes_).substr(row.at, row.length);
  }

  void touch(const KeyRows& keys, uint32_t i, Weight weight) {
    const std::string_view key = keys.key(i);
    const auto next = static_cast<uint32_t>(touched_.size());
    const uint32_t at = index_.find_or_add(keys.hashes[i], next, [&](uint32_t position) {
      return bytes_of(touched_[position]) == key;
    });
    if (at == next) {
      touched_.push_back(
          {touched_bytes_.size(), static_cast<uint32_t>(key.size()), keys.hashes[i]});
      touched_bytes_.append(key);
    }
    touched_[at].weight = add_weights(touched_[at].weight, weight);
  }

  // When what comes now goes.
  int64_t end_of_life() const {
    int64_t end = 0;
    return __builtin_add_overflow(now_, parameters_.ttl_us, &end) ? Calendar::kForever : end;
  }

  Status enter(const Arrival& arrival) {
    Calendar::Entries entries;
    for (uint32_t i = 0; i < arrival.keys.rows(); ++i) {
      entries.add(end_of_life(), data::shard_of_hash(arrival.keys.hashes[i]), arrival.keys.key(i),
                  arrival.weights[i]);
    }
    return calendar_.enter(entries);
  }

  // Emits the net changes of up to a batch of touched rows.
  Status settle(Output& output) {
    KeyRows keys;
    std::vector<Weight> weights;
    keys.offsets.push_back(0);
    for (; settled_ < touched_.size() && weights.size() < context_.batch_rows; ++settled_) {
      const Touched& row = touched_[settled_];
      if (row.weight == 0) continue;
      keys.bytes.append(bytes_of(row));
      keys.offsets.push_back(static_cast<uint32_t>(keys.bytes.size()));
      keys.hashes.push_back(row.hash);
      weights.push_back(row.weight);
    }
    if (weights.empty()) return Status::ok();
    std::vector<OrderedTable::Group*> groups(weights.size());
    FOREBAY_RETURN_IF_ERROR(rows_->load(keys, groups));
    data::BatchBuilder out(parameters_.types);
    Calendar::Entries entries;
    for (uint32_t i = 0; i < weights.size(); ++i) {
      const uint16_t shard = data::shard_of_hash(keys.hashes[i]);
      const Weight change = weights[i] > 0
                                ? come(groups[i], shard, keys.key(i), weights[i], entries)
                                : go(groups[i], shard, keys.key(i), weights[i], entries);
      if (change != 0) FOREBAY_RETURN_IF_ERROR(append(keys.key(i), change, out));
    }
    output.emit(out.finish());
    return calendar_.enter(entries);
  }

  Weight come(OrderedTable::Group* group, uint16_t shard, std::string_view row, Weight weight,
              Calendar::Entries& entries) {
    std::string time;
    append_time(end_of_life(), time);
    OrderedTable::Entry* entry = rows_->upsert(group, time);
    rows_->set_count(group, entry, add_weights(OrderedTable::count(entry), weight));
    entries.add(end_of_life(), shard, row, weight);
    return weight;
  }

  // The latest first. Gives what has gone; the rest had gone before.
  Weight go(OrderedTable::Group* group, uint16_t shard, std::string_view row, Weight weight,
            Calendar::Entries& entries) {
    Weight gone = 0;
    while (gone > weight) {
      OrderedTable::Entry* last = OrderedTable::last(group);
      if (last == nullptr) break;
      const std::string time(OrderedTable::suffix(last));
      const Weight part = std::max(weight - gone, -OrderedTable::count(last));
      OrderedTable::Entry* entry = rows_->upsert(group, time);
      rows_->set_count(group, entry, add_weights(OrderedTable::count(entry), part));
      entries.add(time_at(time, 0), shard, row, part);
      gone += part;
    }
    return gone;
  }

  // Lets go what is due, a batch at a time.
  Result<Progress> expire(Output& output) {
    data::BatchBuilder out(parameters_.types);
    KeyRows keys;
    std::vector<int64_t> times;
    keys.offsets.push_back(0);
    auto visit = [&](int64_t when, uint16_t, std::string_view row, Weight weight) -> Status {
      if (weight < 0) fail_negative("expiry", "(a row that is to go)", weight);
      keys.bytes.append(row);
      keys.offsets.push_back(static_cast<uint32_t>(keys.bytes.size()));
      times.push_back(when);
      return append(row, -weight, out);
    };
    FOREBAY_ASSIGN_OR_RETURN(const bool more, calendar_.take_due(now_, visit));
    if (rows_ && !times.empty()) {
      data::add_hashes(keys);
      std::vector<OrderedTable::Group*> groups(times.size());
      FOREBAY_RETURN_IF_ERROR(rows_->load(keys, groups));
      for (uint32_t i = 0; i < times.size(); ++i) {
        std::string time;
        append_time(times[i], time);
        rows_->set_count(groups[i], rows_->upsert(groups[i], time), 0);
      }
    }
    output.emit(out.finish());
    return more ? Progress::kMore : Progress::kDone;
  }

  Status append(std::string_view row, Weight weight, data::BatchBuilder& out) const {
    for (size_t i = 0; i < columns_.size(); ++i) {
      FOREBAY_RETURN_IF_ERROR(data::decode_key(row, KeyMode::kExact, out.column(i)));
    }
    out.end_row(weight);
    return Status::ok();
  }

  ExpiryParameters parameters_;
  OperatorContext context_;
  std::vector<uint32_t> columns_;
  Calendar calendar_;
  /// Unless the input is append-only.
  std::optional<OrderedTable> rows_;

  // The epoch.
  std::vector<Arrival> arrived_;
  size_t arrived_rows_ = 0;
  std::string touched_bytes_;
  std::vector<Touched> touched_;
  EpochIndex index_;
  size_t settled_ = 0;
  int64_t now_ = 0;
};

class ExpirySpec final : public OperatorSpec {
 public:
  explicit ExpirySpec(ExpiryParameters parameters) : parameters_(std::move(parameters)) {}
  std::string_view name() const override { return "expiry"; }
  std::string describe() const override {
    data::Interval ttl;
    ttl.microseconds = parameters_.ttl_us;
    std::string text = "ttl=";
    data::format_interval(ttl, text);
    return parameters_.append_only ? text + " append-only" : text;
  }
  const std::vector<Type>& output_types() const override { return parameters_.types; }
  std::unique_ptr<Operator> instantiate(const OperatorContext& context) const override {
    return std::make_unique<Expiry>(parameters_, context);
  }
  std::vector<state::DroppedTable> tables() const override {
    std::vector<state::DroppedTable> out{{state::Family::kLog, parameters_.calendar}};
    if (!parameters_.append_only) out.push_back({state::Family::kHot, parameters_.rows});
    return out;
  }

 private:
  ExpiryParameters parameters_;
};

}  // namespace

SpecRef make_expiry(ExpiryParameters parameters) {
  return std::make_shared<ExpirySpec>(std::move(parameters));
}

}  // namespace forebay::operators
