#include <cmath>

#include "engine/data/datetime.h"
#include "engine/data/numeric.h"
#include "engine/data/text_format.h"
#include "udfs/builtin/builtin.h"
#include "udfs/utf8.h"

/// Casts, as pg_cast lists them, and text in and out of every type. The kernels apply the modifier
/// of result_type.
namespace forebay::udfs {
namespace {

constexpr auto kImplicit = CastContext::kImplicit;
constexpr auto kAssignment = CastContext::kAssignment;
constexpr auto kExplicit = CastContext::kExplicit;

/// What happens to text that is longer than varchar(n).
enum class Overlong : uint8_t { kCut, kRefuse };

template <typename T>
const T& value_at(const ScalarCall& call, uint32_t row) {
  return call.arguments[0].at<T>(row);
}

template <typename T, typename R>
void store_result(const ScalarCall& call, uint32_t row, const R& result) {
  if (result.is_ok()) [[likely]] {
    call.out<T>()[row] = *result;
  } else {
    call.fail_row(row, result.error().sqlstate, result.error().message);
  }
}

// ---------------------------------------------------------------- text out

template <Overlong kOverlong>
void store_text(const ScalarCall& call, uint32_t row, std::string_view text, bool shared) {
  const int32_t limit = call.result_type.modifier;
  if (limit >= 0 && text.size() > static_cast<size_t>(limit)) {
    const std::string_view kept = utf8::prefix(text, limit);
    // As the standard says, blanks that are too many are cut without a word.
    const bool only_blanks = text.find_first_not_of(' ', kept.size()) == std::string_view::npos;
    if (kOverlong == Overlong::kRefuse && !only_blanks) {
      call.fail_row(row, data::sqlstate::kStringTooLong,
                    "value too long for type " + call.result_type.name());
      return;
    }
    text = kept;
  }
  if (shared) {
    call.set_shared_string(row, text);
  } else {
    call.set_string(row, text);
  }
}

template <typename T, auto Format, Overlong kOverlong>
void to_text(const ScalarCall& call) {
  std::string buffer;
  for_rows(call, [&](uint32_t row) {
    buffer.clear();
    Format(value_at<T>(call, row), buffer);
    store_text<kOverlong>(call, row, buffer, false);
  });
}

template <Overlong kOverlong>
void text_to_text(const ScalarCall& call) {
  for_rows(call, [&](uint32_t row) {
    store_text<kOverlong>(call, row, value_at<StringView>(call, row).view(), true);
  });
}

// A cast says true where output says t.
void format_boolean_word(uint8_t value, std::string& out) { out += value != 0 ? "true" : "false"; }
void format_int32(int32_t value, std::string& out) { data::format_int64(value, out); }

// ---------------------------------------------------------------- modifiers

int64_t round_micros(int64_t micros, int32_t precision) {
  static constexpr int64_t kScales[] = {1'000'000, 100'000, 10'000, 1'000, 100, 10, 1};
  if (precision < 0 || precision >= 6) return micros;
  const int64_t scale = kScales[precision];
  const int64_t half = scale / 2;
  if (micros >= 0) return (micros + half) / scale * scale;
  return -((-micros + half) / scale * scale);
}

int64_t round_timestamp(int64_t at, int32_t precision) {
  const bool infinite = at == data::kTimestampInfinity || at == data::kTimestampNegativeInfinity;
  return infinite ? at : round_micros(at, precision);
}

void timestamp_to_timestamp(const ScalarCall& call) {
  for_rows(call, [&](uint32_t row) {
    call.out<int64_t>()[row] =
        round_timestamp(value_at<int64_t>(call, row), call.result_type.modifier);
  });
}

void interval_to_interval(const ScalarCall& call) {
  for_rows(call, [&](uint32_t row) {
    Interval value = value_at<Interval>(call, row);
    value.microseconds = round_micros(value.microseconds, call.result_type.modifier);
    call.out<Interval>()[row] = value;
  });
}

Result<Numeric> fitted(const Numeric& value, Type type) {
  if (type.modifier < 0) return value;
  return data::apply_modifier(value, type.modifier);
}

template <typename T>
void integer_to_numeric(const ScalarCall& call) {
  for_rows(call, [&](uint32_t row) {
    const Numeric value = data::numeric_from(int64_t{value_at<T>(call, row)});
    store_result<Numeric>(call, row, fitted(value, call.result_type));
  });
}

void double_to_numeric(const ScalarCall& call) {
  for_rows(call, [&](uint32_t row) {
    Result<Numeric> value = data::numeric_from(value_at<double>(call, row));
    if (value.is_ok()) value = fitted(*value, call.result_type);
    store_result<Numeric>(call, row, value);
  });
}

void numeric_to_numeric(const ScalarCall& call) {
  for_rows(call, [&](uint32_t row) {
    store_result<Numeric>(call, row, fitted(value_at<Numeric>(call, row), call.result_type));
  });
}

// ---------------------------------------------------------------- text in

template <typename T, auto Parse>
void from_text(const ScalarCall& call) {
  for_rows(call, [&](uint32_t row) {
    store_result<T>(call, row, Parse(value_at<StringView>(call, row).view(), call.result_type));
  });
}

Result<Interval> parse_interval_text(std::string_view text, Type type) {
  FOREBAY_ASSIGN_OR_RETURN(Interval value, data::parse_interval(text));
  value.microseconds = round_micros(value.microseconds, type.modifier);
  return value;
}

// ---------------------------------------------------------------- numbers

template <typename T>
Result<T> round_double(double value) {
  constexpr double kLimit = sizeof(T) == 4 ? 2147483648.0 : 9223372036854775808.0;
  const double rounded = std::rint(value);
  if (!(rounded >= -kLimit && rounded < kLimit)) {
    return Status(data::sqlstate::kNumericOutOfRange,
                  sizeof(T) == 4 ? "integer out of range" : "bigint out of range");
  }
  return static_cast<T>(rounded);
}

Result<int32_t> narrow(int64_t value) {
  if (value != static_cast<int32_t>(value)) {
    return Status(data::sqlstate::kNumericOutOfRange, "integer out of range");
  }
  return static_cast<int32_t>(value);
}

struct CastAdder {
  std::vector<CastEntry>& list;

  CastEntry& kernel(TypeId from, TypeId to, CastContext context, ScalarKernel kernel, bool can_fail,
                    std::vector<Example> examples = {}) {
    CastEntry& entry = list.emplace_back();
    entry.from = from;
    entry.to = to;
    entry.context = context;
    ScalarFunction& function = entry.function;
    function.name = "cast";
    function.arguments = {from};
    function.result = to;
    function.can_fail = can_fail;
    function.kernel = kernel;
    function.description = "conversion";
    function.examples = std::move(examples);
    function.category = "cast";
    return entry;
  }
  template <auto F>
  CastEntry& define(TypeId from, TypeId to, CastContext context,
                    std::vector<Example> examples = {}) {
    using S = detail::signature_of<decltype(F)>;
    return kernel(from, to, context, &lift<F>, detail::Returned<typename S::result>::kFails,
                  std::move(examples));
  }
  /// A text cast whose kernel for storing differs.
  void storing(CastEntry& entry, ScalarKernel kernel) {
    entry.assignment = entry.function;
    entry.assignment.kernel = kernel;
    entry.assignment.can_fail = true;
    entry.assignment.examples.clear();
  }

  template <typename T, auto Format>
  void text_out(TypeId from, std::vector<Example> examples = {}) {
    kernel(from, TypeId::kText, kAssignment, &to_text<T, Format, Overlong::kCut>, false,
           std::move(examples));
    CastEntry& entry =
        kernel(from, TypeId::kVarchar, kAssignment, &to_text<T, Format, Overlong::kCut>, false);
    storing(entry, &to_text<T, Format, Overlong::kRefuse>);
  }
  template <typename T, auto Parse>
  void text_in(TypeId to, std::vector<Example> examples = {}) {
    kernel(TypeId::kText, to, kExplicit, &from_text<T, Parse>, true, std::move(examples));
    kernel(TypeId::kVarchar, to, kExplicit, &from_text<T, Parse>, true);
  }
};

void add_number_casts(CastAdder& add) {
  constexpr TypeId kInteger = TypeId::kInteger;
  constexpr TypeId kBigint = TypeId::kBigint;
  constexpr TypeId kDouble = TypeId::kDouble;
  constexpr TypeId kNumeric = TypeId::kNumeric;
  add.define<[](int32_t x) { return int64_t{x}; }>(kInteger, kBigint, kImplicit)
      .function.takes_any_bits = true;
  add.define<[](int32_t x) { return double(x); }>(kInteger, kDouble, kImplicit)
      .function.takes_any_bits = true;
  add.kernel(kInteger, kNumeric, kImplicit, &integer_to_numeric<int32_t>, true,
             {{"CAST(5 AS numeric(6,2))", "5.00"}});
  add.define<[](int64_t x) { return narrow(x); }>(kBigint, kInteger, kAssignment);
  add.define<[](int64_t x) { return double(x); }>(kBigint, kDouble, kImplicit)
      .function.takes_any_bits = true;
  add.kernel(kBigint, kNumeric, kImplicit, &integer_to_numeric<int64_t>, true);
  add.define<[](double x) { return round_double<int32_t>(x); }>(
      kDouble, kInteger, kAssignment, {{"CAST(2.5::double precision AS integer)", "2"}});
  add.define<[](double x) { return round_double<int64_t>(x); }>(kDouble, kBigint, kAssignment);
  add.kernel(kDouble, kNumeric, kAssignment, &double_to_numeric, true);
  add.define<[](const Numeric& x) { return data::to_int32(x); }>(kNumeric, kInteger, kAssignment,
                                                                 {{"CAST(2.5 AS integer)", "3"}});
  add.define<[](const Numeric& x) { return data::to_int64(x); }>(kNumeric, kBigint, kAssignment);
  add.define<[](const Numeric& x) { return data::to_double(x); }>(kNumeric, kDouble, kImplicit);
  add.kernel(kNumeric, kNumeric, kImplicit, &numeric_to_numeric, true,
             {{"CAST(1.455 AS numeric(4,2))", "1.46"}})
      .function.keeps_bits = true;
  add.define<[](int32_t x) { return x != 0; }>(kInteger, TypeId::kBoolean, kExplicit,
                                               {{"CAST(2 AS boolean)", "t"}});
  add.define<[](bool x) { return int32_t{x}; }>(TypeId::kBoolean, kInteger, kExplicit,
                                                {{"CAST(true AS integer)", "1"}});
}

void add_datetime_casts(CastAdder& add) {
  constexpr TypeId kDate = TypeId::kDate;
  constexpr TypeId kTimestamp = TypeId::kTimestamp;
  constexpr TypeId kTimestampTz = TypeId::kTimestampTz;
  for (TypeId type : {kTimestamp, kTimestampTz}) {
    add.define<[](int32_t days) { return data::timestamp_from_date(days); }>(kDate, type,
                                                                             kImplicit);
    add.define<[](int64_t at) { return data::date_from_timestamp(at); }>(type, kDate, kAssignment);
    add.kernel(type, type, kImplicit, &timestamp_to_timestamp, false).function.keeps_bits = true;
  }
  // The time zone is UTC, so that both kinds of timestamp are the same number.
  add.kernel(kTimestamp, kTimestampTz, kImplicit, &timestamp_to_timestamp, false)
      .function.keeps_bits = true;
  add.kernel(kTimestampTz, kTimestamp, kAssignment, &timestamp_to_timestamp, false)
      .function.keeps_bits = true;
  add.kernel(TypeId::kInterval, TypeId::kInterval, kImplicit, &interval_to_interval, false)
      .function.keeps_bits = true;
}

void add_text_casts(CastAdder& add) {
  add.text_out<uint8_t, format_boolean_word>(TypeId::kBoolean, {{"CAST(true AS text)", "true"}});
  add.text_out<int32_t, format_int32>(TypeId::kInteger, {{"CAST(42 AS text)", "42"}});
  add.text_out<int64_t, data::format_int64>(TypeId::kBigint);
  add.text_out<double, data::format_double>(TypeId::kDouble);
  add.text_out<Numeric, data::format_numeric>(TypeId::kNumeric);
  add.text_out<int32_t, data::format_date>(TypeId::kDate);
  add.text_out<int64_t, data::format_timestamp>(TypeId::kTimestamp);
  add.text_out<int64_t, data::format_timestamptz>(TypeId::kTimestampTz);
  add.text_out<Interval, data::format_interval>(TypeId::kInterval);

  using Text = std::string_view;
  add.text_in<uint8_t, [](Text t, Type) { return data::parse_boolean(t); }>(
      TypeId::kBoolean, {{"CAST('yes'::text AS boolean)", "t"}});
  add.text_in<int32_t, [](Text t, Type) { return data::parse_integer(t); }>(
      TypeId::kInteger, {{"CAST(' 12 '::text AS integer)", "12"}});
  add.text_in<int64_t, [](Text t, Type) { return data::parse_bigint(t); }>(TypeId::kBigint);
  add.text_in<double, [](Text t, Type) { return data::parse_double(t); }>(TypeId::kDouble);
  add.text_in<Numeric, [](Text t, Type y) { return data::parse_numeric(t, y.modifier); }>(
      TypeId::kNumeric);
  add.text_in<int32_t, [](Text t, Type) { return data::parse_date(t); }>(
      TypeId::kDate, {{"CAST('2026-02-03'::text AS date)", "2026-02-03"}});
  add.text_in<int64_t, [](Text t, Type y) { return data::parse_timestamp(t, y.modifier); }>(
      TypeId::kTimestamp);
  add.text_in<int64_t, [](Text t, Type y) { return data::parse_timestamptz(t, y.modifier); }>(
      TypeId::kTimestampTz);
  add.text_in<Interval, parse_interval_text>(TypeId::kInterval);

  constexpr TypeId kText = TypeId::kText;
  constexpr TypeId kVarchar = TypeId::kVarchar;
  auto strings = [&](TypeId from, TypeId to, std::vector<Example> examples) {
    CastEntry& entry =
        add.kernel(from, to, kImplicit, &text_to_text<Overlong::kCut>, false, std::move(examples));
    entry.function.keeps_bits = true;
    entry.function.shares_arguments = true;
    if (to == kVarchar) add.storing(entry, &text_to_text<Overlong::kRefuse>);
  };
  strings(kVarchar, kText, {});
  strings(kText, kVarchar, {{"CAST('abcdef' AS varchar(3))", "abc"}});
  strings(kVarchar, kVarchar, {});
}

}  // namespace

void add_casts(std::vector<CastEntry>& list) {
  CastAdder add{list};
  add_number_casts(add);
  add_datetime_casts(add);
  add_text_casts(add);
}

}  // namespace forebay::udfs
