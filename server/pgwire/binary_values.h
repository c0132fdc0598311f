#pragma once

#include <string>
#include <string_view>

#include "engine/data/value.h"

/// PostgreSQL's binary formats of values (what typsend writes and typreceive reads).
namespace forebay::server::pgwire {

/// Appends a numeric: base 10000 digits, weight, sign and display scale.
void append_binary_numeric(const data::Numeric& value, std::string& out);

/// The value of `bytes`, which are of the PostgreSQL type `oid` (int2, int4, int8, oid, float4,
/// float8, bool, numeric, text types, date, timestamps, interval), as a Datum of `type`. 22P03 when
/// the bytes are not of that form, 22003 or 22008 when the value is out of range, 22021 for text
/// that is not UTF-8.
data::Result<data::Datum> parse_binary(std::string_view bytes, uint32_t oid, data::Type type);

/// The type that stands for PostgreSQL's `oid` in a parameter: int2 is integer, float4 is double
/// precision, oid is bigint; 0 and unknown are kUnknown. 0A000 for types that are not there.
data::Result<data::Type> parameter_type(uint32_t oid);

}  // namespace forebay::server::pgwire
