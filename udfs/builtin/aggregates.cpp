#include "engine/data/datetime.h"
#include "engine/data/numeric.h"
#include "udfs/builtin/builtin.h"

/// count, sum, avg, min, max, bool_and and bool_or. State layouts are persisted: DO NOT CHANGE.
namespace forebay::udfs {
namespace {

using data::Int128;

void fail_state(const FinishCall& call, uint32_t index, const data::Error& error) {
  call.out->append_null();
  call.fail(call.context, index, error.sqlstate.code, error.message.data(), error.message.size());
}

template <typename R>
void append_result(const FinishCall& call, uint32_t index, const Result<R>& result) {
  if (result.is_ok()) {
    call.out->append(*result);
  } else {
    fail_state(call, index, result.error());
  }
}

// ---------------------------------------------------------------- count

struct Count {
  int64_t count;
};

void update_count(const AggregateCall& call) {
  for (uint32_t i = 0; i < call.row_count; ++i) {
    reinterpret_cast<Count*>(call.states[i])->count += call.weights[i];
  }
}

void finish_count(const FinishCall& call) {
  for (uint32_t i = 0; i < call.count; ++i) {
    call.out->append(reinterpret_cast<const Count*>(call.states[i])->count);
  }
}

// ---------------------------------------------------------------- integers

/// A sum of 128 bits, in two words because states are aligned to 8.
struct WideSum {
  uint64_t low;
  int64_t high;

  Int128 get() const {
    return static_cast<Int128>((static_cast<unsigned __int128>(static_cast<uint64_t>(high)) << 64) |
                               low);
  }
  void add(Int128 value) {
    const Int128 sum = get() + value;
    low = static_cast<uint64_t>(sum);
    high = static_cast<int64_t>(sum >> 64);
  }
};

struct IntegerSum {
  int64_t count;
  WideSum sum;
};

template <typename T>
void update_integers(const AggregateCall& call) {
  for (uint32_t i = 0; i < call.row_count; ++i) {
    auto& state = *reinterpret_cast<IntegerSum*>(call.states[i]);
    const Weight weight = call.weights[i];
    state.count += weight;
    state.sum.add(Int128{call.arguments[0].at<T>(call.rows[i])} * weight);
  }
}

void finish_sum_to_bigint(const FinishCall& call) {
  for (uint32_t i = 0; i < call.count; ++i) {
    const auto& state = *reinterpret_cast<const IntegerSum*>(call.states[i]);
    const Int128 sum = state.sum.get();
    if (state.count == 0) {
      call.out->append_null();
    } else if (sum != static_cast<int64_t>(sum)) {
      constexpr std::string_view kMessage = "bigint out of range";
      call.out->append_null();
      call.fail(call.context, i, "22003", kMessage.data(), kMessage.size());
    } else {
      call.out->append(static_cast<int64_t>(sum));
    }
  }
}

void finish_sum_to_numeric(const FinishCall& call) {
  for (uint32_t i = 0; i < call.count; ++i) {
    const auto& state = *reinterpret_cast<const IntegerSum*>(call.states[i]);
    if (state.count == 0) {
      call.out->append_null();
    } else {
      append_result(call, i, data::numeric_from(state.sum.get()));
    }
  }
}

Result<Numeric> integer_average(const IntegerSum& state) {
  FOREBAY_ASSIGN_OR_RETURN(const Numeric sum, data::numeric_from(state.sum.get()));
  return data::divide(sum, data::numeric_from(state.count));
}

void finish_integer_average(const FinishCall& call) {
  for (uint32_t i = 0; i < call.count; ++i) {
    const auto& state = *reinterpret_cast<const IntegerSum*>(call.states[i]);
    if (state.count == 0) {
      call.out->append_null();
    } else {
      append_result(call, i, integer_average(state));
    }
  }
}

// ---------------------------------------------------------------- numeric

struct NumericState {
  int64_t count;
  /// reserved[5] is 1 once the 256 bits have overflowed.
  data::NumericSum sum;
};

void update_numerics(const AggregateCall& call) {
  for (uint32_t i = 0; i < call.row_count; ++i) {
    auto& state = *reinterpret_cast<NumericState*>(call.states[i]);
    state.count += call.weights[i];
    const Numeric& value = call.arguments[0].at<Numeric>(call.rows[i]);
    if (!data::add(state.sum, value, call.weights[i]).is_ok()) state.sum.reserved[5] = 1;
  }
}

void set_numeric_scale(char* state, uint16_t scale) {
  data::set_scale(reinterpret_cast<NumericState*>(state)->sum, scale);
}

template <bool kAverage>
void finish_numerics(const FinishCall& call) {
  for (uint32_t i = 0; i < call.count; ++i) {
    const auto& state = *reinterpret_cast<const NumericState*>(call.states[i]);
    if (state.count == 0) {
      call.out->append_null();
    } else if (state.sum.reserved[5] != 0) {
      fail_state(
          call, i,
          Status(data::sqlstate::kNumericOutOfRange, "value overflows numeric format").error());
    } else {
      append_result(call, i,
                    kAverage ? data::average(state.sum, state.count) : data::finish(state.sum));
    }
  }
}

// ---------------------------------------------------------------- interval

struct IntervalSum {
  int64_t count;
  int64_t months;
  int64_t days;
  WideSum microseconds;
};

void update_intervals(const AggregateCall& call) {
  for (uint32_t i = 0; i < call.row_count; ++i) {
    auto& state = *reinterpret_cast<IntervalSum*>(call.states[i]);
    const auto& value = call.arguments[0].at<Interval>(call.rows[i]);
    const Weight weight = call.weights[i];
    state.count += weight;
    state.months += value.months * weight;
    state.days += value.days * weight;
    state.microseconds.add(Int128{value.microseconds} * weight);
  }
}

Result<Interval> interval_sum(const IntervalSum& state) {
  const Int128 micros = state.microseconds.get();
  if (state.months != static_cast<int32_t>(state.months) ||
      state.days != static_cast<int32_t>(state.days) || micros != static_cast<int64_t>(micros)) {
    return Status(data::sqlstate::kDatetimeOverflow, "interval out of range");
  }
  return Interval{static_cast<int64_t>(micros), static_cast<int32_t>(state.days),
                  static_cast<int32_t>(state.months)};
}

Result<Interval> interval_average(const IntervalSum& state) {
  FOREBAY_ASSIGN_OR_RETURN(const Interval sum, interval_sum(state));
  return data::divide(sum, static_cast<double>(state.count));
}

template <bool kAverage>
void finish_intervals(const FinishCall& call) {
  for (uint32_t i = 0; i < call.count; ++i) {
    const auto& state = *reinterpret_cast<const IntervalSum*>(call.states[i]);
    if (state.count == 0) {
      call.out->append_null();
    } else {
      append_result(call, i, kAverage ? interval_average(state) : interval_sum(state));
    }
  }
}

// ---------------------------------------------------------------- boolean

struct BooleanCounts {
  int64_t trues;
  int64_t falses;
};

void update_booleans(const AggregateCall& call) {
  for (uint32_t i = 0; i < call.row_count; ++i) {
    auto& state = *reinterpret_cast<BooleanCounts*>(call.states[i]);
    const bool value = call.arguments[0].at<uint8_t>(call.rows[i]) != 0;
    (value ? state.trues : state.falses) += call.weights[i];
  }
}

template <bool kAnd>
void finish_booleans(const FinishCall& call) {
  for (uint32_t i = 0; i < call.count; ++i) {
    const auto& state = *reinterpret_cast<const BooleanCounts*>(call.states[i]);
    if (state.trues == 0 && state.falses == 0) {
      call.out->append_null();
    } else {
      call.out->append<uint8_t>(kAnd ? state.falses == 0 : state.trues != 0);
    }
  }
}

// ---------------------------------------------------------------- descriptors

AggregateFunction accumulator(std::string_view name, std::vector<TypeId> arguments, TypeId result,
                              uint32_t state_bytes, void (*update)(const AggregateCall&),
                              void (*finish)(const FinishCall&), std::string_view description,
                              std::vector<Example> examples = {}) {
  AggregateFunction function;
  function.name = name;
  function.arguments = std::move(arguments);
  function.result = result;
  function.state_bytes = state_bytes;
  function.update = update;
  function.finish = finish;
  function.description = description;
  function.examples = std::move(examples);
  return function;
}

void add_extremes(AggregateList& list, TypeId type, bool with_examples) {
  AggregateFunction function;
  function.arguments = {type};
  function.result = type;
  function.name = "min";
  function.kind = AggregateKind::kMinimum;
  function.description = "least value";
  if (with_examples) function.examples = {{"min(x) FROM (VALUES (2), (1)) AS t(x)", "1"}};
  list.push_back(function);
  function.name = "max";
  function.kind = AggregateKind::kMaximum;
  function.description = "greatest value";
  if (with_examples) function.examples = {{"max(x) FROM (VALUES (2), (1)) AS t(x)", "2"}};
  list.push_back(function);
}

}  // namespace

void add_aggregates(AggregateList& list) {
  using enum TypeId;
  list.push_back(accumulator("count", {}, kBigint, sizeof(Count), &update_count, &finish_count,
                             "number of rows",
                             {{"count(*) FROM (VALUES (1), (NULL)) AS t(x)", "2"}}));
  list.push_back(accumulator("count", {kUnknown}, kBigint, sizeof(Count), &update_count,
                             &finish_count, "number of values that are not NULL",
                             {{"count(x) FROM (VALUES (1), (NULL)) AS t(x)", "1"}}));
  // Counted exactly: what only estimates can't take values out again.
  list.push_back(
      accumulator("approx_count_distinct", {kUnknown}, kBigint, sizeof(Count), &update_count,
                  &finish_count, "number of different values, exact: as count(DISTINCT x)",
                  {{"approx_count_distinct(x) FROM (VALUES (1), (2), (2)) AS t(x)", "2"}}));
  list.back().always_distinct = true;
  for (AggregateFunction& function : list) function.counts = true;
  list.push_back(accumulator("sum", {kInteger}, kBigint, sizeof(IntegerSum),
                             &update_integers<int32_t>, &finish_sum_to_bigint, "sum",
                             {{"sum(x) FROM (VALUES (1), (2)) AS t(x)", "3"}}));
  list.push_back(accumulator("sum", {kSmallint}, kBigint, sizeof(IntegerSum),
                             &update_integers<int32_t>, &finish_sum_to_bigint, "sum"));
  list.push_back(accumulator("sum", {kBigint}, kNumeric, sizeof(IntegerSum),
                             &update_integers<int64_t>, &finish_sum_to_numeric, "sum"));
  list.push_back(accumulator("sum", {kNumeric}, kNumeric, sizeof(NumericState), &update_numerics,
                             &finish_numerics<false>, "sum",
                             {{"sum(x) FROM (VALUES (1.5), (2.25)) AS t(x)", "3.75"}}));
  list.back().set_scale = &set_numeric_scale;
  list.push_back(accumulator("sum", {kInterval}, kInterval, sizeof(IntervalSum), &update_intervals,
                             &finish_intervals<false>, "sum"));
  list.push_back(accumulator("avg", {kInteger}, kNumeric, sizeof(IntegerSum),
                             &update_integers<int32_t>, &finish_integer_average, "mean",
                             {{"avg(x) FROM (VALUES (1), (2)) AS t(x)", "1.5000000000000000"}}));
  list.push_back(accumulator("avg", {kSmallint}, kNumeric, sizeof(IntegerSum),
                             &update_integers<int32_t>, &finish_integer_average, "mean"));
  list.push_back(accumulator("avg", {kBigint}, kNumeric, sizeof(IntegerSum),
                             &update_integers<int64_t>, &finish_integer_average, "mean"));
  list.push_back(accumulator("avg", {kNumeric}, kNumeric, sizeof(NumericState), &update_numerics,
                             &finish_numerics<true>, "mean"));
  list.back().set_scale = &set_numeric_scale;
  list.push_back(accumulator("avg", {kInterval}, kInterval, sizeof(IntervalSum), &update_intervals,
                             &finish_intervals<true>, "mean"));
  list.push_back(accumulator("bool_and", {kBoolean}, kBoolean, sizeof(BooleanCounts),
                             &update_booleans, &finish_booleans<true>, "true when all are true",
                             {{"bool_and(x) FROM (VALUES (true), (false)) AS t(x)", "f"}}));
  list.push_back(accumulator("every", {kBoolean}, kBoolean, sizeof(BooleanCounts), &update_booleans,
                             &finish_booleans<true>, "true when all are true",
                             {{"every(x) FROM (VALUES (true), (true)) AS t(x)", "t"}}));
  list.push_back(accumulator("bool_or", {kBoolean}, kBoolean, sizeof(BooleanCounts),
                             &update_booleans, &finish_booleans<false>, "true when any is true",
                             {{"bool_or(x) FROM (VALUES (true), (false)) AS t(x)", "t"}}));
  for (TypeId type : {kInteger, kBigint, kDouble, kNumeric, kText, kDate, kTimestamp, kTimestampTz,
                      kInterval, kSmallint, kReal, kTime, kChar, TypeId::kOid, kAnyArray}) {
    add_extremes(list, type, type == kInteger);
  }
  // jsonb has no min(), but a group shows one of its equal values.
  AggregateFunction form;
  form.name = "least_form";
  form.arguments = {kJsonb};
  form.result = kJsonb;
  form.kind = AggregateKind::kMinimum;
  form.description = "one of equal values, for groups";
  list.push_back(form);
}

}  // namespace forebay::udfs
