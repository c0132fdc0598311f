// Temporal filter: rows come in and go out as time passes.
//
// Input: any changes, hashed (exact) by all columns.
//
// Output: at the end of an epoch with time T, the net change of the rows whose time from <= T <
// until; both are the row's own, from its columns. A NULL bound, as a comparison with NULL: never.
// A row whose bounds fail to be computed becomes an error row.
//
// State: a Calendar of what will happen: what (0 comes, 1 goes), until, then all columns (kExact).
//
// Invariants: entries are later than the time of the last epoch. T never goes back, so a change of
// a row that went finds it gone, and one of a row that is shown meets its entry.
//
// Cost: per change one ordered insertion; per epoch what is due.

#include <fmt/format.h>

#include "engine/data/row_codec.h"
#include "engine/operators/calendar.h"
#include "engine/operators/emission.h"
#include "engine/operators/specs.h"

namespace forebay::operators {

namespace {

using data::KeyMode;
using data::KeyRows;

constexpr int64_t kForever = Calendar::kForever;
constexpr int64_t kAlways = Calendar::kAlways;

enum class Event : char { kComes = 0, kGoes = 1 };

// Infinite times stay infinite.
int64_t shifted(int64_t time, int64_t by) {
  if (time == kForever || time == kAlways) return time;
  int64_t sum = 0;
  if (!__builtin_add_overflow(time, by, &sum)) return sum;
  return by > 0 ? kForever : kAlways;
}

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
        calendar_(parameters.events, context_) {
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
    FOREBAY_RETURN_IF_ERROR(calendar_.load());
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
    return happen(output);
  }

  std::optional<int64_t> due() const override { return calendar_.due(); }
  void seal(state::SealedRun& run) override { calendar_.seal(run); }
  size_t memory_bytes() const override { return calendar_.memory_bytes(); }
  size_t dirty_entries() const override { return calendar_.dirty_entries() + arrived_rows_; }
  size_t state_rows() const override { return calendar_.resident_entries(); }

 private:
  struct Arrival {
    ChangeBatch batch;
    std::vector<Span> spans;  // of the batch's rows
  };
  static constexpr size_t kRowAt = 9;  // behind what and until

  static void plan(int64_t when, Event event, int64_t until, uint16_t shard, std::string_view row,
                   Weight weight, Calendar::Entries& entries) {
    std::string what(1, static_cast<char>(event));
    append_time(until, what);
    what.append(row);
    entries.add(when, shard, what, weight);
  }

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

  // Of rows that came in the epoch: what is there now is shown, what is to happen is entered.
  Status judge(Arrival arrival, Output& output) {
    data::encode_keys(arrival.batch, columns_, KeyMode::kExact, rows_);
    data::add_hashes(rows_);
    data::Selection shown;
    Calendar::Entries entries;
    for (uint32_t i = 0; i < arrival.spans.size(); ++i) {
      const Span& span = arrival.spans[i];
      if (now_ >= span.until || span.from >= span.until) continue;
      const uint32_t row = arrival.batch.physical(i);
      const uint16_t shard = data::shard_of_hash(rows_.hashes[i]);
      const Weight weight = arrival.batch.weight(row);
      if (now_ < span.from) {
        plan(span.from, Event::kComes, span.until, shard, rows_.key(i), weight, entries);
        continue;
      }
      shown.push_back(row);
      if (span.until != kForever) {
        plan(span.until, Event::kGoes, span.until, shard, rows_.key(i), weight, entries);
      }
    }
    if (!shown.empty()) {
      if (shown.size() < arrival.batch.rows()) arrival.batch.set_selection(std::move(shown));
      output.emit(std::move(arrival.batch));
    }
    return calendar_.enter(entries);
  }

  // Lets happen what is due, a batch at a time.
  Result<Progress> happen(Output& output) {
    data::BatchBuilder rows(parameters_.types);
    Calendar::Entries entries;
    auto visit = [&](int64_t, uint16_t shard, std::string_view what, Weight weight) -> Status {
      const bool comes = what[0] == static_cast<char>(Event::kComes);
      const int64_t until = time_at(what, 1);
      if (comes && until <= now_) return Status::ok();  // came and went meanwhile
      std::string_view row = what.substr(kRowAt);
      if (comes && until != kForever) {
        plan(until, Event::kGoes, until, shard, row, weight, entries);
      }
      if (weight < 0) fail_negative("temporal_filter", "(a row that is to come or go)", weight);
      for (size_t i = 0; i < columns_.size(); ++i) {
        FOREBAY_RETURN_IF_ERROR(data::decode_key(row, KeyMode::kExact, rows.column(i)));
      }
      rows.end_row(comes ? weight : -weight);
      return Status::ok();
    };
    FOREBAY_ASSIGN_OR_RETURN(const bool more, calendar_.take_due(now_, visit));
    output.emit(rows.finish());
    FOREBAY_RETURN_IF_ERROR(calendar_.enter(entries));
    return more ? Progress::kMore : Progress::kDone;
  }

  TemporalFilterParameters parameters_;
  OperatorContext context_;
  std::vector<uint32_t> columns_;
  std::vector<expr::Evaluator> evaluators_;

  Calendar calendar_;

  // The epoch.
  std::vector<Arrival> arrived_;
  size_t arrived_rows_ = 0;
  int64_t now_ = 0;

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
