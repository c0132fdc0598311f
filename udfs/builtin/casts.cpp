#include <cmath>
#include <cstdio>

#include "engine/data/datetime.h"
#include "engine/data/json.h"
#include "engine/data/numeric.h"
#include "engine/data/session_zone.h"
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
    call.fail_row(row, result.error());
  }
}

// ---------------------------------------------------------------- text out

/// Also for character(n), which lies without trailing blanks.
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
  if (call.result_type.id == TypeId::kChar) text = data::without_padding(text);
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
void append_plain(std::string_view value, std::string& out) { out += value; }
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

void time_to_time(const ScalarCall& call) {
  for_rows(call, [&](uint32_t row) {
    call.out<int64_t>()[row] =
        data::round_time(value_at<int64_t>(call, row), call.result_type.modifier);
  });
}

/// The time of day; infinities have none.
std::optional<int64_t> time_of_timestamp(int64_t at) {
  if (at == data::kTimestampInfinity || at == data::kTimestampNegativeInfinity) return std::nullopt;
  return at - data::floor_to_unit(at, data::kMicrosPerDay);
}

int64_t time_of_interval(const Interval& value) {
  return value.microseconds - data::floor_to_unit(value.microseconds, data::kMicrosPerDay);
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

/// Both kinds of timestamp are the same number in UTC.
void timestamp_to_timestamptz(const ScalarCall& call) {
  if (data::session_zone() == nullptr) return timestamp_to_timestamp(call);
  for_rows(call, [&](uint32_t row) {
    auto at = data::moment_of_local(value_at<int64_t>(call, row));
    if (!at.is_ok()) return call.fail_row(row, at.error());
    call.out<int64_t>()[row] = round_timestamp(*at, call.result_type.modifier);
  });
}

void timestamptz_to_timestamp(const ScalarCall& call) {
  if (data::session_zone() == nullptr) return timestamp_to_timestamp(call);
  for_rows(call, [&](uint32_t row) {
    const int64_t local = data::local_of(value_at<int64_t>(call, row));
    if (data::is_finite_timestamp(local) && !data::is_valid_timestamp(local)) {
      return call.fail_row(row, data::sqlstate::kDatetimeOverflow, "timestamp out of range");
    }
    call.out<int64_t>()[row] = round_timestamp(local, call.result_type.modifier);
  });
}

Result<int64_t> moment_of_date(int32_t days) {
  FOREBAY_ASSIGN_OR_RETURN(const int64_t midnight, data::timestamp_from_date(days));
  return data::moment_of_local(midnight);
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

Status out_of_range(size_t bytes) {
  return Status(data::sqlstate::kNumericOutOfRange, bytes == 2   ? "smallint out of range"
                                                    : bytes == 4 ? "integer out of range"
                                                                 : "bigint out of range");
}

template <typename T>
Result<T> round_double(double value) {
  constexpr double kLimit = sizeof(T) == 4 ? 2147483648.0 : 9223372036854775808.0;
  const double rounded = std::rint(value);
  if (!(rounded >= -kLimit && rounded < kLimit)) return out_of_range(sizeof(T));
  return static_cast<T>(rounded);
}

Result<int32_t> narrow(int64_t value) {
  if (value != static_cast<int32_t>(value)) return out_of_range(4);
  return static_cast<int32_t>(value);
}

Result<int64_t> to_oid(int64_t value) {
  if (value < 0 || value > UINT32_MAX) {
    return Status(data::sqlstate::kNumericOutOfRange, "OID out of range");
  }
  return value;
}

Result<int32_t> to_smallint(int64_t value) {
  if (value != static_cast<int16_t>(value)) return out_of_range(2);
  return static_cast<int32_t>(value);
}
Result<int32_t> double_to_smallint(double value) {
  const double rounded = std::rint(value);
  if (!(rounded >= -32768.0 && rounded < 32768.0)) return out_of_range(2);
  return static_cast<int32_t>(rounded);
}
Result<int32_t> numeric_to_smallint(const Numeric& value) {
  const auto rounded = data::to_int64(value);
  if (rounded.is_ok()) return to_smallint(*rounded);
  return value.is_finite() ? out_of_range(2)
         : value.kind == Numeric::Kind::kNaN
             ? Status(data::sqlstate::kFeatureNotSupported, "cannot convert NaN to smallint")
             : Status(data::sqlstate::kFeatureNotSupported, "cannot convert infinity to smallint");
}

Result<double> double_to_real(double value) {
  const auto result = static_cast<float>(value);
  if (std::isinf(result) && !std::isinf(value)) {
    return Status(data::sqlstate::kNumericOutOfRange, "value out of range: overflow");
  }
  if (result == 0 && value != 0) {
    return Status(data::sqlstate::kNumericOutOfRange, "value out of range: underflow");
  }
  return double{result};
}
/// Through its text, so that it is rounded once.
Result<double> numeric_to_real(const Numeric& value) {
  std::string text;
  data::format_numeric(value, text);
  return data::parse_real(text);
}

/// A real has six digits that count.
void real_to_numeric(const ScalarCall& call) {
  for_rows(call, [&](uint32_t row) {
    const double value = value_at<double>(call, row);
    Result<Numeric> number = data::numeric_from(value);
    if (std::isfinite(value)) {
      char text[32];
      const int size = std::snprintf(text, sizeof text, "%.6g", value);
      number = data::parse_numeric({text, static_cast<size_t>(size)});
    }
    if (number.is_ok()) number = fitted(*number, call.result_type);
    store_result<Numeric>(call, row, number);
  });
}

void copy_int32(const ScalarCall& call) {
  lift<[](int32_t x) { return x; }>(call);
}
void copy_double(const ScalarCall& call) {
  lift<[](double x) { return x; }>(call);
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
    for (TypeId to : {TypeId::kVarchar, TypeId::kChar}) {
      CastEntry& entry = kernel(from, to, kAssignment, &to_text<T, Format, Overlong::kCut>, false);
      storing(entry, &to_text<T, Format, Overlong::kRefuse>);
    }
  }
  /// The same for types that lie as strings.
  template <auto Format>
  void string_out(TypeId from, std::vector<Example> examples = {}) {
    text_out<StringView, [](const StringView& value, std::string& out) {
      Format(value.view(), out);
    }>(from, std::move(examples));
  }
  template <typename T, auto Parse>
  void text_in(TypeId to, std::vector<Example> examples = {}) {
    kernel(TypeId::kText, to, kExplicit, &from_text<T, Parse>, true, std::move(examples));
    kernel(TypeId::kVarchar, to, kExplicit, &from_text<T, Parse>, true);
    kernel(TypeId::kChar, to, kExplicit, &from_text<T, Parse>, true);
  }
  template <auto Parse>
  void string_in(TypeId to, std::vector<Example> examples = {}) {
    kernel(TypeId::kText, to, kExplicit, &lift<Parse>, true, std::move(examples));
    kernel(TypeId::kVarchar, to, kExplicit, &lift<Parse>, true);
    kernel(TypeId::kChar, to, kExplicit, &lift<Parse>, true);
  }
};

void add_number_casts(CastAdder& add) {
  constexpr TypeId kInteger = TypeId::kInteger;
  constexpr TypeId kBigint = TypeId::kBigint;
  constexpr TypeId kDouble = TypeId::kDouble;
  constexpr TypeId kNumeric = TypeId::kNumeric;
  constexpr TypeId kSmallint = TypeId::kSmallint;
  constexpr TypeId kReal = TypeId::kReal;
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
  // smallint and real lie as integer and double do.
  add.kernel(kSmallint, kInteger, kImplicit, &copy_int32, false).function.keeps_bits = true;
  add.define<[](int32_t x) { return int64_t{x}; }>(kSmallint, kBigint, kImplicit)
      .function.takes_any_bits = true;
  for (TypeId to : {kReal, kDouble}) {
    add.define<[](int32_t x) { return double(x); }>(kSmallint, to, kImplicit)
        .function.takes_any_bits = true;
  }
  add.kernel(kSmallint, kNumeric, kImplicit, &integer_to_numeric<int32_t>, true);
  add.define<[](int32_t x) { return to_smallint(x); }>(kInteger, kSmallint, kAssignment,
                                                       {{"CAST(7 AS smallint)", "7"}});
  add.define<[](int32_t x) { return double{static_cast<float>(x)}; }>(kInteger, kReal, kImplicit)
      .function.takes_any_bits = true;
  add.define<[](int64_t x) { return to_smallint(x); }>(kBigint, kSmallint, kAssignment);
  add.define<[](int64_t x) { return double{static_cast<float>(x)}; }>(kBigint, kReal, kImplicit)
      .function.takes_any_bits = true;
  add.define<[](const Numeric& x) { return numeric_to_smallint(x); }>(kNumeric, kSmallint,
                                                                      kAssignment);
  add.define<[](const Numeric& x) { return numeric_to_real(x); }>(kNumeric, kReal, kImplicit,
                                                                  {{"CAST(0.1 AS real)", "0.1"}});
  for (TypeId from : {kReal, kDouble}) {
    add.define<[](double x) { return double_to_smallint(x); }>(from, kSmallint, kAssignment);
  }
  add.define<[](double x) { return round_double<int32_t>(x); }>(kReal, kInteger, kAssignment);
  add.define<[](double x) { return round_double<int64_t>(x); }>(kReal, kBigint, kAssignment);
  add.kernel(kReal, kDouble, kImplicit, &copy_double, false).function.keeps_bits = true;
  add.define<[](double x) { return double_to_real(x); }>(kDouble, kReal, kAssignment);
  add.kernel(kReal, kNumeric, kAssignment, &real_to_numeric, true);
  add.define<[](int32_t x) { return x != 0; }>(kInteger, TypeId::kBoolean, kExplicit,
                                               {{"CAST(2 AS boolean)", "t"}});
  add.define<[](bool x) { return int32_t{x}; }>(TypeId::kBoolean, kInteger, kExplicit,
                                                {{"CAST(true AS integer)", "1"}});
}

/// As in PostgreSQL, an integer becomes an oid by its bits.
void add_oid_casts(CastAdder& add) {
  constexpr TypeId kOid = TypeId::kOid;
  for (TypeId from : {TypeId::kSmallint, TypeId::kInteger}) {
    add.define<[](int32_t x) { return int64_t{static_cast<uint32_t>(x)}; }>(from, kOid, kImplicit)
        .function.takes_any_bits = true;
  }
  add.define<[](int64_t x) { return to_oid(x); }>(TypeId::kBigint, kOid, kImplicit,
                                                  {{"CAST(26::bigint AS oid)", "26"}});
  add.define<[](int64_t x) { return static_cast<int32_t>(static_cast<uint32_t>(x)); }>(
      kOid, TypeId::kInteger, kAssignment);
  add.define<[](int64_t x) { return x; }>(kOid, TypeId::kBigint, kAssignment);
}

void add_datetime_casts(CastAdder& add) {
  constexpr TypeId kDate = TypeId::kDate;
  constexpr TypeId kTimestamp = TypeId::kTimestamp;
  constexpr TypeId kTimestampTz = TypeId::kTimestampTz;
  add.define<[](int32_t days) { return data::timestamp_from_date(days); }>(kDate, kTimestamp,
                                                                           kImplicit);
  add.define<[](int32_t days) { return moment_of_date(days); }>(kDate, kTimestampTz, kImplicit);
  add.define<[](int64_t at) { return data::date_from_timestamp(at); }>(kTimestamp, kDate,
                                                                       kAssignment);
  add.define<[](int64_t at) { return data::date_from_timestamp(data::local_of(at)); }>(
      kTimestampTz, kDate, kAssignment);
  for (TypeId type : {kTimestamp, kTimestampTz}) {
    add.kernel(type, type, kImplicit, &timestamp_to_timestamp, false).function.keeps_bits = true;
  }
  add.kernel(kTimestamp, kTimestampTz, kImplicit, &timestamp_to_timestamptz, true);
  add.kernel(kTimestampTz, kTimestamp, kAssignment, &timestamptz_to_timestamp, true);
  constexpr TypeId kTime = TypeId::kTime;
  add.kernel(kTime, kTime, kImplicit, &time_to_time, false).function.keeps_bits = true;
  add.define<[](int64_t at) { return time_of_timestamp(at); }>(kTimestamp, kTime, kAssignment);
  add.define<[](int64_t at) { return time_of_timestamp(data::local_of(at)); }>(kTimestampTz, kTime,
                                                                               kAssignment);
  add.define<[](int64_t time) {
    return Interval{time, 0, 0};
  }>(kTime, TypeId::kInterval, kImplicit);
  add.define<[](const Interval& i) { return time_of_interval(i); }>(
      TypeId::kInterval, kTime, kAssignment, {{"CAST(interval '25 hours' AS time)", "01:00:00"}});
  add.kernel(TypeId::kInterval, TypeId::kInterval, kImplicit, &interval_to_interval, false)
      .function.keeps_bits = true;
}

void add_text_casts(CastAdder& add) {
  add.text_out<uint8_t, format_boolean_word>(TypeId::kBoolean, {{"CAST(true AS text)", "true"}});
  add.text_out<int32_t, format_int32>(TypeId::kInteger, {{"CAST(42 AS text)", "42"}});
  add.text_out<int64_t, data::format_int64>(TypeId::kBigint);
  add.text_out<int64_t, data::format_int64>(TypeId::kOid);
  add.text_out<int32_t, format_int32>(TypeId::kSmallint);
  add.text_out<double, data::format_real>(TypeId::kReal);
  add.text_out<double, data::format_double>(TypeId::kDouble);
  add.text_out<Numeric, data::format_numeric>(TypeId::kNumeric);
  add.text_out<int32_t, data::format_date>(TypeId::kDate);
  add.text_out<int64_t, data::format_timestamp>(TypeId::kTimestamp);
  add.text_out<int64_t, data::format_timestamptz>(TypeId::kTimestampTz);
  add.text_out<Interval, data::format_interval>(TypeId::kInterval);
  add.text_out<int64_t, data::format_time>(TypeId::kTime);
  add.string_out<data::format_bytea>(TypeId::kBytea, {{"CAST('\\x41'::bytea AS text)", "\\x41"}});
  add.string_out<data::format_uuid>(TypeId::kUuid);
  add.string_out<append_plain>(TypeId::kJsonb);

  using Text = std::string_view;
  add.text_in<uint8_t, [](Text t, Type) { return data::parse_boolean(t); }>(
      TypeId::kBoolean, {{"CAST('yes'::text AS boolean)", "t"}});
  add.text_in<int32_t, [](Text t, Type) { return data::parse_integer(t); }>(
      TypeId::kInteger, {{"CAST(' 12 '::text AS integer)", "12"}});
  add.text_in<int64_t, [](Text t, Type) { return data::parse_bigint(t); }>(TypeId::kBigint);
  add.text_in<int64_t, [](Text t, Type) { return data::parse_oid(t); }>(
      TypeId::kOid, {{"CAST('26'::text AS oid)", "26"}});
  add.text_in<int32_t, [](Text t, Type) { return data::parse_smallint(t); }>(TypeId::kSmallint);
  add.text_in<double, [](Text t, Type) { return data::parse_real(t); }>(TypeId::kReal);
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
  add.text_in<int64_t, [](Text t, Type y) { return data::parse_time(t, y.modifier); }>(
      TypeId::kTime, {{"CAST('1:05 pm'::text AS time)", "13:05:00"}});
  add.string_in<[](Text t) { return data::parse_bytea(t); }>(
      TypeId::kBytea, {{"CAST('\\x41'::text AS bytea)", "\\x41"}});
  add.string_in<[](Text t) { return data::parse_uuid(t); }>(
      TypeId::kUuid, {{"CAST('A0EEBC999C0B4EF8BB6D6BB9BD380A11'::text AS uuid)",
                       "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}});
  add.string_in<[](Text t) { return data::parse_json(t); }>(
      TypeId::kJsonb, {{"CAST('{\"b\":1,\"a\":[]}'::text AS jsonb)", "{\"a\": [], \"b\": 1}"}});

  constexpr TypeId kText = TypeId::kText;
  constexpr TypeId kVarchar = TypeId::kVarchar;
  constexpr TypeId kChar = TypeId::kChar;
  auto strings = [&](TypeId from, TypeId to, std::vector<Example> examples) {
    CastEntry& entry =
        add.kernel(from, to, kImplicit, &text_to_text<Overlong::kCut>, false, std::move(examples));
    entry.function.keeps_bits = true;
    entry.function.shares_arguments = true;
    if (to == TypeId::kChar) entry.function.keeps_bits = false;
    if (to != kText) add.storing(entry, &text_to_text<Overlong::kRefuse>);
  };
  strings(kVarchar, kText, {});
  strings(kText, kVarchar, {{"CAST('abcdef' AS varchar(3))", "abc"}});
  strings(kVarchar, kVarchar, {});
  strings(kText, kChar, {{"CAST('abcdef' AS character(3))", "abc"}});
  strings(kVarchar, kChar, {});
  strings(kChar, kText, {});
  strings(kChar, kVarchar, {});
  strings(kChar, kChar, {});
}

// ---------------------------------------------------------------- jsonb

Status not_json(std::string_view json, std::string_view target) {
  static constexpr std::string_view kNames[] = {"null",    "string", "numeric",
                                                "boolean", "array",  "object"};
  return Status(data::sqlstate::kInvalidParameterValue,
                "cannot cast jsonb " +
                    std::string(kNames[static_cast<int>(data::json_kind(json))]) + " to type " +
                    std::string(target));
}

Result<bool> json_to_boolean(std::string_view json) {
  if (data::json_kind(json) != data::JsonKind::kBoolean) return not_json(json, "boolean");
  return json == "true";
}
Result<Numeric> json_to_numeric(std::string_view json, std::string_view target) {
  if (data::json_kind(json) != data::JsonKind::kNumber) return not_json(json, target);
  return data::parse_numeric(json);
}

template <typename T, auto Convert>
void from_json(const ScalarCall& call) {
  const std::string target = Type{call.result_type.id}.name();
  for_rows(call, [&](uint32_t row) {
    const auto number = json_to_numeric(value_at<StringView>(call, row).view(), target);
    if (!number.is_ok()) {
      call.fail_row(row, number.error().sqlstate, number.error().message);
      return;
    }
    store_result<T>(call, row, Convert(*number, call.result_type));
  });
}

void add_json_casts(CastAdder& add) {
  constexpr TypeId kJsonb = TypeId::kJsonb;
  using N = const Numeric&;
  add.define<[](std::string_view json) { return json_to_boolean(json); }>(
      kJsonb, TypeId::kBoolean, kExplicit, {{"CAST('true'::jsonb AS boolean)", "t"}});
  add.kernel(kJsonb, TypeId::kSmallint, kExplicit,
             &from_json<int32_t, [](N x, Type) { return numeric_to_smallint(x); }>, true);
  add.kernel(kJsonb, TypeId::kInteger, kExplicit,
             &from_json<int32_t, [](N x, Type) { return data::to_int32(x); }>, true,
             {{"CAST('12.5'::jsonb AS integer)", "13"}});
  add.kernel(kJsonb, TypeId::kBigint, kExplicit,
             &from_json<int64_t, [](N x, Type) { return data::to_int64(x); }>, true);
  add.kernel(kJsonb, TypeId::kReal, kExplicit,
             &from_json<double, [](N x, Type) { return numeric_to_real(x); }>, true);
  add.kernel(kJsonb, TypeId::kDouble, kExplicit,
             &from_json<double, [](N x, Type) { return Result<double>(data::to_double(x)); }>,
             true);
  add.kernel(kJsonb, TypeId::kNumeric, kExplicit,
             &from_json<Numeric, [](N x, Type type) { return fitted(x, type); }>, true);
}

}  // namespace

void add_casts(std::vector<CastEntry>& list) {
  CastAdder add{list};
  add_number_casts(add);
  add_oid_casts(add);
  add_datetime_casts(add);
  add_text_casts(add);
  add_json_casts(add);
}

}  // namespace forebay::udfs
