#include <cmath>
#include <string>

#include "engine/data/datetime.h"
#include "udfs/builtin/builtin.h"

/// Aggregates over the values of a group in order: string_agg, first_value, last_value, mode,
/// percentiles.
namespace forebay::udfs {
namespace {

/// string_agg(value, delimiter): the delimiter of the first value is not used, a NULL one is empty.
void collect_strings(const CollectCall& call) {
  const ColumnView& values = call.arguments[0];
  const ColumnView& delimiters = call.arguments[1];
  // The length first: many copies of few values may be far longer than the values.
  __int128 size = 0;
  bool any = false;
  for (uint32_t row = 0; row < call.row_count; ++row) {
    if (values.is_null(row)) continue;
    const size_t delimiter = delimiters.is_null(row) ? 0 : delimiters.at<StringView>(row).size();
    const size_t value = values.at<StringView>(row).size();
    size += static_cast<__int128>(value + delimiter) * call.counts[row];
    if (!any) size -= delimiter;
    any = true;
  }
  *call.text_bytes = static_cast<size_t>(std::min<__int128>(size, SIZE_MAX));
  if (*call.text_bytes > call.most_bytes) return call.out->append_null();
  std::string text;
  text.reserve(static_cast<size_t>(size));
  any = false;
  for (uint32_t row = 0; row < call.row_count; ++row) {
    if (values.is_null(row)) continue;
    const std::string_view value = values.at<StringView>(row).view();
    const std::string_view delimiter =
        delimiters.is_null(row) ? std::string_view() : delimiters.at<StringView>(row).view();
    for (Weight copy = 0; copy < call.counts[row]; ++copy) {
      if (any) text += delimiter;
      text += value;
      any = true;
    }
  }
  if (any) {
    call.out->append_string(text);
  } else {
    call.out->append_null();
  }
}

void append_argument(const CollectCall& call, uint32_t row) {
  const ColumnView& values = call.arguments[call.argument_count - 1];
  if (values.is_null(row)) {
    call.out->append_null();
  } else if (data::layout_of(call.out->type().id) == data::Layout::kString) {
    call.out->append_string(values.at<StringView>(row).view());
  } else {
    call.out->append_from(values, row);
  }
}

void collect_first(const CollectCall& call) { append_argument(call, 0); }
void collect_last(const CollectCall& call) { append_argument(call, call.row_count - 1); }

/// The first one of the most frequent values.
void collect_mode(const CollectCall& call) {
  uint32_t best = 0, run = 0;
  Weight most = 0, count = 0;
  for (uint32_t row = 0; row < call.row_count; ++row) {
    if (call.repeats[row] == 0) {
      run = row;
      count = 0;
    }
    count += call.counts[row];
    if (count > most) {
      most = count;
      best = run;
    }
  }
  append_argument(call, best);
}

/// The row of the place-th value, from 0.
uint32_t row_at(const CollectCall& call, Weight place) {
  uint32_t row = 0;
  while (place >= call.counts[row]) place -= call.counts[row++];
  return row;
}
Weight count_of(const CollectCall& call) {
  Weight count = 0;
  for (uint32_t row = 0; row < call.row_count; ++row) count += call.counts[row];
  return count;
}

/// The first value that is reached by this fraction of the values.
void collect_percentile_disc(const CollectCall& call) {
  if (call.direct[0].is_null()) return call.out->append_null();
  const double fraction = std::get<double>(call.direct[0].value);
  const auto place = static_cast<Weight>(std::ceil(fraction * static_cast<double>(count_of(call))));
  append_argument(call, row_at(call, std::max<Weight>(1, place) - 1));
}

template <typename T, auto kBetween>
void collect_percentile_cont(const CollectCall& call) {
  if (call.direct[0].is_null()) return call.out->append_null();
  const double fraction = std::get<double>(call.direct[0].value);
  const double place = fraction * static_cast<double>(count_of(call) - 1);
  const auto below = static_cast<Weight>(std::floor(place));
  const auto above = static_cast<Weight>(std::ceil(place));
  const ColumnView& values = call.arguments[0];
  const T low = values.at<T>(row_at(call, below));
  if (below == above) {
    call.out->append(low);
    return;
  }
  const T high = values.at<T>(row_at(call, above));
  call.out->append(kBetween(low, high, place - static_cast<double>(below)));
}

double between_doubles(double low, double high, double part) { return low + (high - low) * part; }
Interval between_intervals(const Interval& low, const Interval& high, double part) {
  const Interval difference{high.microseconds - low.microseconds, high.days - low.days,
                            high.months - low.months};
  const Result<Interval> way = data::multiply(difference, part);
  if (!way.is_ok()) return low;
  return {low.microseconds + way->microseconds, low.days + way->days, low.months + way->months};
}

AggregateFunction ordered(std::string_view name, std::vector<TypeId> arguments, TypeId result,
                          void (*collect)(const CollectCall&), std::string_view description,
                          Example example) {
  AggregateFunction function;
  function.name = name;
  function.arguments = std::move(arguments);
  function.result = result;
  function.kind = AggregateKind::kOrdered;
  function.collect = collect;
  function.description = description;
  function.examples = {example};
  return function;
}

}  // namespace

void add_ordered_aggregates(AggregateList& list) {
  using enum TypeId;
  AggregateFunction strings = ordered(
      "string_agg", {kText, kText}, kText, &collect_strings,
      "the values in one string, with a delimiter between them; order: by ORDER BY, then by "
      "the values' bytes",
      {"string_agg(x, ', ' ORDER BY x DESC) FROM (VALUES ('a'), ('b')) AS t(x)", "b, a"});
  strings.sees_nulls = true;  // of the delimiter
  list.push_back(std::move(strings));
  AggregateFunction first =
      ordered("first_value", {kUnknown}, kUnknown, &collect_first, "the first value by ORDER BY",
              {"first_value(x ORDER BY y) FROM (VALUES ('a', 2), ('b', 1)) AS t(x, y)", "b"});
  first.sees_nulls = true;
  first.first_only = true;
  list.push_back(std::move(first));
  AggregateFunction last =
      ordered("last_value", {kUnknown}, kUnknown, &collect_last, "the last value by ORDER BY",
              {"last_value(x ORDER BY y) FROM (VALUES ('a', 2), ('b', 1)) AS t(x, y)", "a"});
  last.sees_nulls = true;
  last.last_only = true;
  list.push_back(std::move(last));
  auto within_group = [&](AggregateFunction function) {
    function.ordered_set = true;
    list.push_back(std::move(function));
  };
  within_group(
      ordered("mode", {kUnknown}, kUnknown, &collect_mode,
              "the most frequent value, the first by the order among several",
              {"mode() WITHIN GROUP (ORDER BY x) FROM (VALUES (3), (2), (2)) AS t(x)", "2"}));
  within_group(ordered(
      "percentile_disc", {kDouble, kUnknown}, kUnknown, &collect_percentile_disc,
      "the first value that this fraction of the values reaches",
      {"percentile_disc(0.5) WITHIN GROUP (ORDER BY x) FROM (VALUES (1), (2), (4), (8)) AS t(x)",
       "2"}));
  within_group(ordered(
      "percentile_cont", {kDouble, kDouble}, kDouble,
      &collect_percentile_cont<double, &between_doubles>,
      "the value at this fraction of the order, between two values if need be",
      {"percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM (VALUES (1), (2), (4), (8)) AS t(x)",
       "3"}));
  within_group(ordered("percentile_cont", {kDouble, kInterval}, kInterval,
                       &collect_percentile_cont<Interval, &between_intervals>,
                       "the value at this fraction of the order, between two values if need be",
                       {"percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM (VALUES (interval '1 "
                        "hour'), (interval '2 hours')) AS t(x)",
                        "01:30:00"}));
}

}  // namespace forebay::udfs
