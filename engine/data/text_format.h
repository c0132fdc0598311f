#pragma once

#include <string>
#include <string_view>

#include "engine/data/value.h"

/// Text in and out of every type, byte for byte PostgreSQL's (DateStyle ISO, IntervalStyle
/// postgres, extra_float_digits 1, time zone UTC). Errors carry PostgreSQL's SQLSTATE and message,
/// e.g. 22P02 `invalid input syntax for type integer: "x"`.
namespace forebay::data {

/// Parses the text of one value; `type.modifier` is applied (numeric(p,s) rounds, varchar(n)
/// refuses with 22001, timestamp(p) rounds). White space around it is accepted where PostgreSQL
/// does.
[[nodiscard]] Result<bool> parse_boolean(std::string_view text);
[[nodiscard]] Result<int32_t> parse_integer(std::string_view text);
[[nodiscard]] Result<int64_t> parse_bigint(std::string_view text);
[[nodiscard]] Result<double> parse_double(std::string_view text);
[[nodiscard]] Result<Numeric> parse_numeric(std::string_view text, int32_t modifier = -1);
/// Days since 2000-01-01; INT32_MIN / INT32_MAX are -infinity / infinity.
[[nodiscard]] Result<int32_t> parse_date(std::string_view text);
/// Microseconds since 2000-01-01 00:00; INT64_MIN / INT64_MAX are -infinity / infinity. A zone in
/// the text is ignored, as PostgreSQL does.
[[nodiscard]] Result<int64_t> parse_timestamp(std::string_view text, int32_t modifier = -1);
/// Microseconds since 2000-01-01 00:00 UTC; without a zone in the text it is taken as UTC.
[[nodiscard]] Result<int64_t> parse_timestamptz(std::string_view text, int32_t modifier = -1);
/// `fields` limits the fields as in INTERVAL '5' SECOND: "" or "year", "month", "day", "hour",
/// "minute", "second", "year to month", "day to second" ...
[[nodiscard]] Result<Interval> parse_interval(std::string_view text, std::string_view fields = "");
/// Any type; text types check UTF-8 and NUL (22021) and the modifier.
[[nodiscard]] Result<Datum> parse_datum(std::string_view text, Type type);

/// Each appends the text of one value.
void format_boolean(bool value, std::string& out);  // "t" / "f"
void format_int64(int64_t value, std::string& out);
void format_double(double value, std::string& out);
void format_numeric(const Numeric& value, std::string& out);
void format_date(int32_t days, std::string& out);
void format_timestamp(int64_t microseconds, std::string& out);
void format_timestamptz(int64_t microseconds, std::string& out);
void format_interval(const Interval& value, std::string& out);
/// NULL appends nothing.
void format_datum(const Datum& datum, std::string& out);

/// True when `text` is valid UTF-8 without NUL.
bool is_valid_text(std::string_view text);

}  // namespace forebay::data
