#pragma once

#include <string>
#include <string_view>

#include "engine/data/column.h"

/// PostgreSQL's binary wire format of every type (the *send and *recv functions): big-endian
/// integers, IEEE doubles, numeric in base-10,000 digits, text as its bytes.
namespace forebay::data {

/// Each appends the bytes of one value, without a length in front.
void append_binary_boolean(bool value, std::string& out);
void append_binary_int32(int32_t value, std::string& out);
void append_binary_int64(int64_t value, std::string& out);
void append_binary_double(double value, std::string& out);
void append_binary_numeric(const Numeric& value, std::string& out);
void append_binary_interval(const Interval& value, std::string& out);
/// Any type; NULL appends nothing. date is an int32, timestamp and timestamptz are int64 since
/// 2000-01-01 with PostgreSQL's infinities.
void append_binary(const Datum& datum, std::string& out);
/// The value in a row of a column that is not NULL.
void append_binary_value(Type type, const ColumnView& view, uint32_t row, std::string& out);

/// Reads one value. `type.modifier` is applied as parse_datum() does. 22P03 "incorrect binary data
/// format" for a wrong length, 22021 for text that isn't UTF-8, 22008 for a timestamp or date out
/// of range, 22003 for a numeric beyond 38 digits.
[[nodiscard]] Result<Datum> parse_binary(std::string_view bytes, Type type);

}  // namespace forebay::data
