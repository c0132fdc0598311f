// Temporal filter: rows come in and go out as time passes.
//
// Input: any changes, hashed (exact) by all columns.
//
// Output: at the end of an epoch with time T, the net change of the rows whose time from <= T <
// until; both are the row's own, from its columns. A NULL bound, as a comparison with NULL: never.
// A row whose bounds fail to be computed becomes an error row.
//
// State: an OrderedTable of what will happen, (bucket of time, shard) -> entries; suffix = when,
// what (0 comes, 1 goes), until, then all columns (kExact); count = weight. One more group per
// shard, of bucket kDirectory, has the buckets that are not empty.
//
// Invariants: entries are later than the time of the last epoch. T never goes back, so a change of
// a row that went finds it gone, and one of a row that is shown meets its entry.
//
// Cost: per change one ordered insertion; per epoch what is due.

#include <fmt/format.h>

#include <map>
#include <set>

#include "engine/data/row_codec.h"
#include "engine/operators/emission.h"
#include "engine/operators/specs.h"

namespace forebay::operators {

namespace {

using data::KeyMode;
using data::KeyRows;
using state::OrderedTable;

// Persisted: about a minute. DO NOT CHANGE.
constexpr int kBucketBits = 26;
constexpr int64_t kDirectory = INT64_MAX;
constexpr int64_t kForever = INT64_MAX;
constexpr int64_t kAlways = INT64_MIN;

enum class Event : char { kComes = 0, kGoes = 1 };

void append_int64(int64_t value, std::string& out) {
  const uint64_t bits = static_cast<uint64_t>(value) ^ uint64_t { 1 } << 63;
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(bits >> shift));
}

int64_t int64_at(std::string_view bytes, size_t at) {
  uint64_t bits = 0;
  for (size_t i = 0; i < 8; ++i) bits = bits << 8 | static_cast<uint8_t>(bytes[at + i]);
  return static_cast<int64_t>(bits ^ uint64_t{1} << 63);
}

// Infinite times stay infinite.
int64_t shifted(int64_t time, int64_t by) {
  if (time == kForever || time == kAlways) return time;
  int64_t sum = 0;
  if (!__builtin_add_overflow(time, by, &sum)) return sum;
  return by > 0 ? kForever : kAlways;
}

int64_t bucket_of(int64_t time) { return time >> kBucketBits; }

/// When a row comes and goes; from >= until: never there.
struct Span {
  int64_t from = kAlways;
  int64_t until = kForever;
};

class TemporalFilter final : public Operator {
 public:
  TemporalFilter(const TemporalFilterParameters& parameters, const OperatorContext& context)
      : parameters_(parameters),
        context_(context),
        columns_(all_columns(parameters.types.size())),
        events_(context.table(parameters.events, state::Family::kLog)),
        is_loaded_(context.starts_empty) {
    for (const auto& bound : parameters.bounds) evaluators_.emplace_back(bound.time);
  }

  Result<Progress> take(uint32_t, ChangeBatch batch, Output& output) override {
    Arrival arrival;
    std::vector<data::ColumnRef> times;
    for (expr::Evaluator& evaluator : evaluators_) {
      errors_.clear();
      times.push_back(evaluator.evaluate(batch, *context_.eval, errors_));
      if (!errors_.empty()) leave_out_failed(batch, output);
    }
    batch.for_each([&](uint32_t row) { arrival.spans.push_back(span_of(times, row)); });
    arrived_rows_ += arrival.spans.size();
    arrival.batch = std::move(batch);
    if (!arrival.spans.empty()) arrived_.push_back(std::move(arrival));
    return Progress::kDone;
  }

  Result<Progress> end_epoch(Output& output) override {
    now_ = context_.watermarks != nullptr ? context_.watermarks->now() : context_.eval->now;
    FOREBAY_RETURN_IF_ERROR(load_directory());
    return resume(output);
  }

  Result<Progress> resume(Output& output) override {
    if (!arrived_.empty()) {
      Arrival arrival = std::move(arrived_.back());
      arrived_.pop_back();
      FOREBAY_RETURN_IF_ERROR(judge(std::move(arrival), output));
      return Progress::kMore;
    }
    arrived_rows_ = 0;
    const auto first = buckets_.begin();
    if (first != buckets_.end() && first->first <= bucket_of(now_) &&
        (first->first < bucket_of(now_) || next_shard_ <= kLastShard)) {
      FOREBAY_RETURN_IF_ERROR(happen(first->first, output));
      return Progress::kMore;
    }
    next_shard_ = 0;
    FOREBAY_RETURN_IF_ERROR(find_due());
    return Progress::kDone;
  }

  std::optional<int64_t> due() const override {
    if (!is_loaded_) return kAlways;
    return due_;
  }
  void seal(state::SealedRun& run) override { events_.seal(run); }
  size_t memory_bytes() const override { return events_.memory_bytes(); }
  size_t dirty_entries() const override { return events_.dirty_entries() + arrived_rows_; }
  size_t state_rows() const override { return events_.resident_entries(); }

 private:
  static constexpr uint16_t kLastShard = data::kShardCount - 1;

  struct Arrival {
    ChangeBatch batch;
    std::vector<Span> spans;  // of the batch's rows
  };
  /// Things to come, gathered to be entered in bulk.
  struct Plan {
    std::vector<std::pair<int64_t, uint16_t>> groups;  // bucket and shard
    std::vector<std::string> suffixes;
    std::vector<Weight> weights;
    void add(int64_t when, Event event, int64_t until, uint16_t shard, std::string_view row,
             Weight weight) {
      groups.emplace_back(bucket_of(when), shard);
      std::string& suffix = suffixes.emplace_back();
      append_int64(when, suffix);
      suffix.push_back(static_cast<char>(event));
      append_int64(until, suffix);
      suffix.append(row);
      weights.push_back(weight);
    }
  };
  static constexpr size_t kRowAt = 17;  // in a suffix

  Span span_of(const std::vector<data::ColumnRef>& times, uint32_t row) const {
    Span span;
    for (size_t i = 0; i < times.size(); ++i) {
      const auto& bound = parameters_.bounds[i];
      if (times[i]->is_null(row)) return {kForever, kAlways};
      const int64_t time = shifted(times[i]->at<int64_t>(row), bound.offset_us);
      if (bound.is_until) {
        span.until = std::min(span.until, time);
      } else {
        span.from = std::max(span.from, time);
      }
    }
    return span;
  }

  // Reports the rows of errors_ (ascending), and takes them out of the batch.
  void leave_out_failed(ChangeBatch& batch, Output& output) {
    for (const expr::RowError& error : errors_) {
      ErrorRow row;
      row.sqlstate = error.sqlstate;
      row.reason = error.message;
      row.detail = error.detail;
      row.hint = error.hint;
      row.raw = error_row_text(batch, error.row);
      row.weight = batch.weight(error.row);
      output.error(std::move(row));
    }
    data::Selection kept;
    size_t next = 0;
    batch.for_each([&](uint32_t row) {
      while (next < errors_.size() && errors_[next].row < row) ++next;
      if (next == errors_.size() || errors_[next].row != row) kept.push_back(row);
    });
    batch.set_selection(std::move(kept));
  }

  static void append_group_key(int64_t bucket, uint16_t shard, KeyRows& keys) {
    if (keys.offsets.empty()) keys.offsets.push_back(0);
    const size_t begin = keys.bytes.size();
    append_int64(bucket, keys.bytes);
    keys.bytes.push_back(static_cast<char>(shard));
    keys.offsets.push_back(static_cast<uint32_t>(keys.bytes.size()));
    // In the shard of its rows, whatever their times.
    const uint64_t hash = data::hash_key(std::string_view(keys.bytes).substr(begin));
    keys.hashes.push_back(uint64_t{shard} << 56 | hash >> 8);
  }

  Status load_directory() {
    if (is_loaded_) return Status::ok();
    is_loaded_ = true;
    KeyRows keys;
    std::vector<uint16_t> shards;
    for (uint16_t shard = 0; shard < data::kShardCount; ++shard) {
      if (!context_.owns_shard(shard)) continue;
      append_group_key(kDirectory, shard, keys);
      shards.push_back(shard);
    }
    std::vector<OrderedTable::Group*> groups(shards.size());
    FOREBAY_RETURN_IF_ERROR(events_.find(keys, groups));
    for (size_t i = 0; i < groups.size(); ++i) {
      if (groups[i] == nullptr) continue;
      OrderedTable::for_each(groups[i], [&](const OrderedTable::Entry* entry) {
        buckets_[int64_at(OrderedTable::suffix(entry), 0)].insert(shards[i]);
      });
    }
    return Status::ok();
  }

  // Of rows that came in the epoch: what is there now is shown, what is to happen is entered.
  Status judge(Arrival arrival, Output& output) {
    data::encode_keys(arrival.batch, columns_, KeyMode::kExact, rows_);
    data::add_hashes(rows_);
    data::Selection shown;
    Plan plan;
    for (uint32_t i = 0; i < arrival.spans.size(); ++i) {
      const Span& span = arrival.spans[i];
      if (now_ >= span.until || span.from >= span.until) continue;
      const uint32_t row = arrival.batch.physical(i);
      const uint16_t shard = data::shard_of_hash(rows_.hashes[i]);
      const Weight weight = arrival.batch.weight(row);
      if (now_ < span.from) {
        plan.add(span.from, Event::kComes, span.until, shard, rows_.key(i), weight);
        continue;
      }
      shown.push_back(row);
      if (span.until != kForever) {
        plan.add(span.until, Event::kGoes, span.until, shard, rows_.key(i), weight);
      }
    }
    if (!shown.empty()) {
      if (shown.size() < arrival.batch.rows()) arrival.batch.set_selection(std::move(shown));
      output.emit(std::move(arrival.batch));
    }
    return enter(plan);
  }

  Status enter(const Plan& plan) {
    KeyRows keys;
    for (const auto& [bucket, shard] : plan.groups) append_group_key(bucket, shard, keys);
    if (keys.rows() == 0) return Status::ok();
    std::vector<OrderedTable::Group*> groups(keys.rows());
    FOREBAY_RETURN_IF_ERROR(events_.load(keys, groups));
    std::vector<std::pair<int64_t, uint16_t>> fresh;
    for (uint32_t i = 0; i < groups.size(); ++i) {
      OrderedTable::Entry* entry = events_.upsert(groups[i], plan.suffixes[i]);
      events_.set_count(groups[i], entry, add_weights(OrderedTable::count(entry), plan.weights[i]));
      if (buckets_[plan.groups[i].first].insert(plan.groups[i].second).second) {
        fresh.push_back(plan.groups[i]);
      }
    }
    return note_buckets(fresh, 1);
  }

  // Enters buckets into the directory, or takes them out (count 0).
  Status note_buckets(const std::vector<std::pair<int64_t, uint16_t>>& buckets, int64_t count) {
    if (buckets.empty()) return Status::ok();
    KeyRows keys;
    for (const auto& [bucket, shard] : buckets) append_group_key(kDirectory, shard, keys);
    std::vector<OrderedTable::Group*> groups(keys.rows());
    FOREBAY_RETURN_IF_ERROR(events_.load(keys, groups));
    for (size_t i = 0; i < groups.size(); ++i) {
      std::string suffix;
      append_int64(buckets[i].first, suffix);
      events_.set_count(groups[i], events_.upsert(groups[i], suffix), count);
    }
    return Status::ok();
  }

  // Lets happen what is due in a bucket, in one shard after the other, a batch at a time.
  Status happen(int64_t bucket, Output& output) {
    auto& shards = buckets_[bucket];
    const auto at = shards.lower_bound(next_shard_);
    if (at == shards.end()) {
      if (shards.empty()) buckets_.erase(bucket);
      // Of the bucket that time is in, the rest is for later.
      next_shard_ = bucket == bucket_of(now_) ? kLastShard + 1 : 0;
      return Status::ok();
    }
    const uint16_t shard = *at;
    KeyRows key;
    append_group_key(bucket, shard, key);
    std::vector<OrderedTable::Group*> group(1);
    FOREBAY_RETURN_IF_ERROR(events_.load(key, group));
    data::BatchBuilder rows(parameters_.types);
    Plan plan;
    OrderedTable::Entry* entry = OrderedTable::first(group[0]);
    bool is_done = true;
    while (entry != nullptr && int64_at(OrderedTable::suffix(entry), 0) <= now_) {
      if (rows.rows() >= context_.batch_rows) {
        is_done = false;
        break;
      }
      FOREBAY_RETURN_IF_ERROR(happen_one(entry, shard, rows, plan));
      OrderedTable::Entry* next = OrderedTable::next(group[0], entry);
      events_.set_count(group[0], events_.upsert(group[0], OrderedTable::suffix(entry)), 0);
      entry = next;
    }
    if (is_done) {
      next_shard_ = shard + 1;
      if (entry == nullptr) {
        shards.erase(at);
        FOREBAY_RETURN_IF_ERROR(note_buckets({{bucket, shard}}, 0));
      }
    }
    output.emit(rows.finish());
    return enter(plan);
  }

  Status happen_one(const OrderedTable::Entry* entry, uint16_t shard, data::BatchBuilder& rows,
                    Plan& plan) {
    const std::string_view suffix = OrderedTable::suffix(entry);
    const Weight weight = OrderedTable::count(entry);
    const bool comes = suffix[8] == static_cast<char>(Event::kComes);
    const int64_t until = int64_at(suffix, 9);
    if (comes && until <= now_) return Status::ok();  // came and went meanwhile
    std::string_view row = suffix.substr(kRowAt);
    if (comes && until != kForever) plan.add(until, Event::kGoes, until, shard, row, weight);
    if (weight < 0) {
      fail_negative("temporal_filter", "(a row that is to come or go)", weight);
    }
    for (size_t i = 0; i < columns_.size(); ++i) {
      FOREBAY_RETURN_IF_ERROR(data::decode_key(row, KeyMode::kExact, rows.column(i)));
    }
    rows.end_row(comes ? weight : -weight);
    return Status::ok();
  }

  // The next thing to happen.
  Status find_due() {
    due_.reset();
    while (!buckets_.empty() && !due_) {
      const auto& [bucket, shards] = *buckets_.begin();
      KeyRows keys;
      for (uint16_t shard : shards) append_group_key(bucket, shard, keys);
      std::vector<OrderedTable::Group*> groups(keys.rows());
      if (keys.rows() > 0) FOREBAY_RETURN_IF_ERROR(events_.load(keys, groups));
      std::vector<std::pair<int64_t, uint16_t>> empty;
      size_t i = 0;
      for (uint16_t shard : shards) {
        const OrderedTable::Entry* first = OrderedTable::first(groups[i++]);
        if (first == nullptr) {
          empty.emplace_back(bucket, shard);
          continue;
        }
        const int64_t when = int64_at(OrderedTable::suffix(first), 0);
        due_ = std::min(due_.value_or(when), when);
      }
      FOREBAY_RETURN_IF_ERROR(note_buckets(empty, 0));
      for (const auto& [of, shard] : empty) buckets_[of].erase(shard);
      if (buckets_.begin()->second.empty()) buckets_.erase(buckets_.begin());
    }
    return Status::ok();
  }

  TemporalFilterParameters parameters_;
  OperatorContext context_;
  std::vector<uint32_t> columns_;
  std::vector<expr::Evaluator> evaluators_;

  OrderedTable events_;
  /// Of each bucket, the shards where it is not empty. Complete once loaded.
  std::map<int64_t, std::set<uint16_t>> buckets_;
  bool is_loaded_;
  std::optional<int64_t> due_;

  // The epoch.
  std::vector<Arrival> arrived_;
  size_t arrived_rows_ = 0;
  int64_t now_ = 0;
  uint32_t next_shard_ = 0;

  // Scratch.
  KeyRows rows_;
  std::vector<expr::RowError> errors_;
};

class TemporalFilterSpec final : public OperatorSpec {
 public:
  explicit TemporalFilterSpec(TemporalFilterParameters parameters)
      : parameters_(std::move(parameters)) {}
  std::string_view name() const override { return "temporal_filter"; }
  std::string describe() const override {
    std::string text;
    for (const auto& bound : parameters_.bounds) {
      text +=
          fmt::format("{}{}={} + {} us", text.empty() ? "" : " ", bound.is_until ? "until" : "from",
                      expr::to_string(*bound.time), bound.offset_us);
    }
    return text;
  }
  const std::vector<Type>& output_types() const override { return parameters_.types; }
  std::unique_ptr<Operator> instantiate(const OperatorContext& context) const override {
    return std::make_unique<TemporalFilter>(parameters_, context);
  }
  std::vector<state::DroppedTable> tables() const override {
    return {{state::Family::kLog, parameters_.events}};
  }

 private:
  TemporalFilterParameters parameters_;
};

}  // namespace

SpecRef make_temporal_filter(TemporalFilterParameters parameters) {
  return std::make_shared<TemporalFilterSpec>(std::move(parameters));
}

}  // namespace forebay::operators
