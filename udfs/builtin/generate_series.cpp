#include "engine/data/datetime.h"
#include "engine/data/datetime_limits.h"
#include "engine/data/numeric.h"
#include "engine/data/session_zone.h"
#include "udfs/builtin/builtin.h"

/// generate_series over integers, numeric, timestamps.
namespace forebay::udfs {
namespace {

using data::Int128;

constexpr std::string_view kZeroStep = "step size cannot equal zero";

/// Gives the rows of every argument row from the cursor on. `series(row)` makes what knows one
/// row's values: begin(), an error or whether there is a first value; append(cursor, out), the
/// value at the cursor, and whether another one follows.
template <typename Series>
void generate(const TableCall& call) {
  TableCursor& cursor = *call.cursor;
  uint32_t given = 0;
  while (cursor.next < call.row_count && given < call.limit) {
    const Series series(call, call.rows[cursor.next]);
    bool more = true;
    if (cursor.produced == 0) {
      const Result<bool> begins = series.begin(cursor);
      if (!begins.is_ok()) {
        call.fail_row(cursor.next, begins.error().sqlstate, begins.error().message);
      }
      more = begins.is_ok() && *begins;
    }
    while (more && given < call.limit) {
      more = series.append(cursor, call.columns[0]);
      call.origins->push_back(cursor.next);
      ++cursor.produced;
      ++given;
    }
    if (!more) cursor.next_row();
  }
}

/// The n-th value is start + n * step.
template <typename T>
struct IntegerSeries {
  IntegerSeries(const TableCall& call, uint32_t row)
      : start(call.arguments[0].at<T>(row)),
        stop(call.arguments[1].at<T>(row)),
        step(call.argument_count > 2 ? call.arguments[2].at<T>(row) : T{1}) {}
  Result<bool> begin(TableCursor&) const {
    if (step == 0) return Status(data::sqlstate::kInvalidParameterValue, std::string(kZeroStep));
    return step > 0 ? start <= stop : start >= stop;
  }
  bool append(const TableCursor& cursor, data::ColumnBuilder& out) const {
    const Int128 value = Int128{start} + Int128{step} * static_cast<int64_t>(cursor.produced);
    out.append(static_cast<T>(value));
    return step > 0 ? value + step <= stop : value + step >= stop;
  }
  T start, stop, step;
};

struct NumericSeries {
  NumericSeries(const TableCall& call, uint32_t row)
      : start(call.arguments[0].at<Numeric>(row)),
        stop(call.arguments[1].at<Numeric>(row)),
        step(call.argument_count > 2 ? call.arguments[2].at<Numeric>(row)
                                     : data::numeric_from(int64_t{1})) {}
  static Status check(const Numeric& value, std::string_view what) {
    if (value.is_finite()) return Status::ok();
    const bool nan = value.kind == Numeric::Kind::kNaN;
    return Status(data::sqlstate::kInvalidParameterValue,
                  std::string(what) + (nan ? " cannot be NaN" : " cannot be infinity"));
  }
  bool reaches(const Numeric& value) const {
    const int order = data::compare(value, stop);
    return data::compare(step, data::numeric_from(int64_t{0})) > 0 ? order <= 0 : order >= 0;
  }
  Result<bool> begin(TableCursor&) const {
    FOREBAY_RETURN_IF_ERROR(check(start, "start value"));
    FOREBAY_RETURN_IF_ERROR(check(stop, "stop value"));
    FOREBAY_RETURN_IF_ERROR(check(step, "step size"));
    if (data::compare(step, data::numeric_from(int64_t{0})) == 0) {
      return Status(data::sqlstate::kInvalidParameterValue, std::string(kZeroStep));
    }
    return reaches(start);
  }
  Result<Numeric> at(uint64_t n) const {
    if (n == 0) return start;
    FOREBAY_ASSIGN_OR_RETURN(const Numeric way,
                             data::multiply(step, data::numeric_from(static_cast<int64_t>(n))));
    return data::add(start, way);
  }
  bool append(const TableCursor& cursor, data::ColumnBuilder& out) const {
    const Result<Numeric> value = at(cursor.produced);
    out.append(*value);  // the value before was no more than `stop` and a step away from it
    const Result<Numeric> next = at(cursor.produced + 1);
    return next.is_ok() && reaches(*next);
  }
  Numeric start, stop, step;
};

/// Each value is the one before plus the step, as months differ in length. state[0]: the next
/// value.
template <bool kZoned>
struct TimestampSeries {
  TimestampSeries(const TableCall& call, uint32_t row)
      : start(call.arguments[0].at<int64_t>(row)),
        stop(call.arguments[1].at<int64_t>(row)),
        step(call.arguments[2].at<Interval>(row)) {
    const Int128 span = (Int128{step.months} * 30 + step.days) * 86'400'000'000 + step.microseconds;
    direction = span > 0 ? 1 : span < 0 ? -1 : 0;
  }
  bool reaches(int64_t value) const { return direction > 0 ? value <= stop : value >= stop; }
  Result<bool> begin(TableCursor& cursor) const {
    if (direction == 0) {
      return Status(data::sqlstate::kInvalidParameterValue, std::string(kZeroStep));
    }
    if (!reaches(start)) return false;
    // From an infinity to itself there is that one value; to anything else the way has no end.
    const bool infinite = !data::is_finite_timestamp(start) || !data::is_finite_timestamp(stop);
    if (infinite && start != stop) {
      return Status(data::sqlstate::kDatetimeOverflow, "timestamp out of range");
    }
    cursor.state[0] = start;
    return true;
  }
  bool append(TableCursor& cursor, data::ColumnBuilder& out) const {
    out.append(cursor.state[0]);
    const Result<int64_t> next = kZoned ? data::add_in_session_zone(cursor.state[0], step)
                                        : data::add(cursor.state[0], step);
    if (!next.is_ok() || *next == cursor.state[0]) return false;
    cursor.state[0] = *next;
    return reaches(*next);
  }
  int64_t start, stop;
  Interval step;
  int direction;
};

}  // namespace

void add_generate_series(TableFunctionList& list) {
  using enum TypeId;
  auto add = [&](std::vector<TypeId> arguments, TypeId type, void (*kernel)(const TableCall&),
                 std::string_view description, std::vector<Example> examples) {
    TableFunction function;
    function.name = "generate_series";
    // With the default step a series of integers cannot fail.
    function.can_fail = arguments.size() > 2 || type == kNumeric;
    function.distinct_rows = type != kTimestamp && type != kTimestampTz;
    function.arguments = std::move(arguments);
    function.columns = {{"generate_series", type}};
    function.kernel = kernel;
    function.description = description;
    function.examples = std::move(examples);
    list.push_back(std::move(function));
  };
  add({kInteger, kInteger}, kInteger, &generate<IntegerSeries<int32_t>>,
      "a row per number from the first to the second",
      {{"count(*) FROM generate_series(2, 5)", "4"}});
  add({kInteger, kInteger, kInteger}, kInteger, &generate<IntegerSeries<int32_t>>,
      "a row per number from the first to the second, by steps of the third",
      {{"sum(n) FROM generate_series(10, 1, -4) AS n", "18"}});
  add({kBigint, kBigint}, kBigint, &generate<IntegerSeries<int64_t>>,
      "a row per number from the first to the second", {});
  add({kBigint, kBigint, kBigint}, kBigint, &generate<IntegerSeries<int64_t>>,
      "a row per number from the first to the second, by steps of the third", {});
  add({kNumeric, kNumeric}, kNumeric, &generate<NumericSeries>,
      "a row per number from the first to the second", {});
  add({kNumeric, kNumeric, kNumeric}, kNumeric, &generate<NumericSeries>,
      "a row per number from the first to the second, by steps of the third",
      {{"max(n) FROM generate_series(0.0, 1, 0.3) AS n", "0.9"}});
  for (TypeId type : {kTimestamp, kTimestampTz}) {
    add({type, type, kInterval}, type,
        type == kTimestamp ? &generate<TimestampSeries<false>> : &generate<TimestampSeries<true>>,
        "a row per time from the first to the second, by steps of the third",
        type == kTimestamp
            ? std::vector<Example>{{"max(t) FROM generate_series(timestamp '2026-01-31', "
                                    "'2026-05-01', '1 month') AS t",
                                    "2026-04-28 00:00:00"}}
            : std::vector<Example>{});
  }
}

}  // namespace forebay::udfs
