#pragma once

#include <string>
#include <string_view>

#include "engine/data/column.h"

/// Text in and out of every type, byte for byte PostgreSQL's (DateStyle ISO, IntervalStyle
/// postgres, extra_float_digits 1, time zone UTC). Errors carry PostgreSQL's SQLSTATE and message,
/// e.g. 22P02 `invalid input syntax for type integer: "x"`.
namespace forebay::data {

/// Parses the text of one value; `type.modifier` is applied (numeric(p,s) rounds, varchar(n)
/// refuses with 22001, timestamp(p) rounds). White space around it is accepted where PostgreSQL
/// does.
[[nodiscard]] Result<bool> parse_boolean(std::string_view text);
[[nodiscard]] Result<int32_t> parse_smallint(std::string_view text);
[[nodiscard]] Result<int32_t> parse_integer(std::string_view text);
[[nodiscard]] Result<int64_t> parse_bigint(std::string_view text);
[[nodiscard]] Result<double> parse_double(std::string_view text);
/// A double that a float holds.
[[nodiscard]] Result<double> parse_real(std::string_view text);
[[nodiscard]] Result<Numeric> parse_numeric(std::string_view text, int32_t modifier = -1);
/// Days since 2000-01-01; INT32_MIN / INT32_MAX are -infinity / infinity.
[[nodiscard]] Result<int32_t> parse_date(std::string_view text);
/// Microseconds since 2000-01-01 00:00; INT64_MIN / INT64_MAX are -infinity / infinity. A zone in
/// the text is ignored, as PostgreSQL does.
[[nodiscard]] Result<int64_t> parse_timestamp(std::string_view text, int32_t modifier = -1);
/// Microseconds since 2000-01-01 00:00 UTC; without a zone in the text it is taken as UTC.
[[nodiscard]] Result<int64_t> parse_timestamptz(std::string_view text, int32_t modifier = -1);
/// 0 to 4294967295; a negative number of 32 bits stands for its bits, as PostgreSQL has it.
[[nodiscard]] Result<int64_t> parse_oid(std::string_view text);
/// `fields` limits the fields as in INTERVAL '5' SECOND: "" or "year", "month", "day", "hour",
/// "minute", "second", "year to month", "day to second" ...
[[nodiscard]] Result<Interval> parse_interval(std::string_view text, std::string_view fields = "");
/// Microseconds since midnight, up to 24:00:00. A date and a zone in the text are ignored.
[[nodiscard]] Result<int64_t> parse_time(std::string_view text, int32_t modifier = -1);
/// Bytes from '\x0aff' or the escape format.
[[nodiscard]] Result<std::string> parse_bytea(std::string_view text);
/// 16 bytes.
[[nodiscard]] Result<std::string> parse_uuid(std::string_view text);
/// Any type; text types check UTF-8 and NUL (22021) and the modifier.
[[nodiscard]] Result<Datum> parse_datum(std::string_view text, Type type);

/// Each appends the text of one value.
void format_boolean(bool value, std::string& out);  // "t" / "f"
void format_int64(int64_t value, std::string& out);
void format_double(double value, std::string& out);
void format_real(double value, std::string& out);  // of a float
void format_numeric(const Numeric& value, std::string& out);
void format_date(int32_t days, std::string& out);
void format_timestamp(int64_t microseconds, std::string& out);
void format_timestamptz(int64_t microseconds, std::string& out);
void format_interval(const Interval& value, std::string& out);
void format_time(int64_t microseconds, std::string& out);
void format_bytea(std::string_view bytes, std::string& out);
void format_uuid(std::string_view bytes, std::string& out);
/// character(n): with blanks up to `characters`; -1: none.
void format_padded(std::string_view text, int32_t characters, std::string& out);
/// NULL appends nothing.
void format_datum(const Datum& datum, std::string& out);
/// The value in a row of a column that is not NULL.
void format_value(Type type, const ColumnView& view, uint32_t row, std::string& out);

/// True when `text` is valid UTF-8 without NUL.
bool is_valid_text(std::string_view text);
/// 22021 with the first wrong bytes when it is not.
[[nodiscard]] Status check_text(std::string_view text);
/// The bytes of the first `characters` characters (or of all of them).
size_t bytes_of_characters(std::string_view text, int32_t characters);
/// What is stored of `text` in a string type: within its length, where blanks too many are cut and
/// anything else is 22001; character(n) without trailing blanks. A part of `text`.
[[nodiscard]] Result<std::string_view> fit_string(std::string_view text, Type type);
constexpr std::string_view without_padding(std::string_view text) {
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace forebay::data
