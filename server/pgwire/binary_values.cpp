#include "server/pgwire/binary_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "engine/data/datetime_limits.h"
#include "engine/data/numeric.h"
#include "engine/data/text_format.h"
#include "server/pgwire/wire.h"

namespace forebay::server::pgwire {

using data::Datum;
using data::Int128;
using data::Numeric;
using data::Result;
using data::Status;
using data::Type;
using data::TypeId;

namespace {

constexpr uint16_t kSignPositive = 0x0000;
constexpr uint16_t kSignNegative = 0x4000;
constexpr uint16_t kSignNaN = 0xC000;
constexpr uint16_t kSignInfinity = 0xD000;
constexpr uint16_t kSignNegativeInfinity = 0xF000;
constexpr int kGroupDigits = 4;

// Oids of types that parameters may have though columns may not.
constexpr uint32_t kInt2Oid = 21, kOidOid = 26, kFloat4Oid = 700, kUnknownOid = 705, kNameOid = 19,
                   kBpcharOid = 1042;

void append_int16(uint16_t value, std::string& out) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value & 0xFF));
}

void append_header(size_t groups, int weight, uint16_t sign, uint16_t scale, std::string& out) {
  append_int16(static_cast<uint16_t>(groups), out);
  append_int16(static_cast<uint16_t>(weight), out);
  append_int16(sign, out);
  append_int16(scale, out);
}

std::string decimal_digits(unsigned __int128 value) {
  std::string digits;
  do {
    digits.push_back(static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

Status wrong_form() {
  return Status(data::sqlstate::kInvalidBinary, "incorrect binary data format");
}

// Digits of a numeric in its binary form, as text that parse_numeric reads.
Result<Numeric> parse_numeric_bytes(std::string_view bytes) {
  MessageReader reader(bytes);
  int count = reader.int16();
  int weight = reader.int16();
  auto sign = static_cast<uint16_t>(reader.int16());
  int scale = static_cast<uint16_t>(reader.int16());
  if (!reader.check().is_ok() || count < 0 ||
      reader.left() != size_t{2} * static_cast<size_t>(count)) {
    return wrong_form();
  }
  if (sign == kSignNaN) return Numeric::special(Numeric::Kind::kNaN);
  if (sign == kSignInfinity) return Numeric::special(Numeric::Kind::kInfinity);
  if (sign == kSignNegativeInfinity) return Numeric::special(Numeric::Kind::kNegativeInfinity);
  if (sign != kSignPositive && sign != kSignNegative) {
    return Status(data::sqlstate::kInvalidBinary, "invalid sign in external \"numeric\" value");
  }
  if (scale > 16383) {
    return Status(data::sqlstate::kInvalidBinary, "invalid scale in external \"numeric\" value");
  }
  std::string whole, fraction;
  for (int i = 0; i < count; ++i) {
    int group = reader.int16();
    if (group < 0 || group > 9999) {
      return Status(data::sqlstate::kInvalidBinary, "invalid digit in external \"numeric\" value");
    }
    std::string digits = fmt::format("{:04}", group);
    if (i <= weight) {
      whole += digits;
    } else {
      // Groups between the point and the first one that is there are zero.
      if (i == 0) fraction.append(static_cast<size_t>(-weight - 1) * kGroupDigits, '0');
      fraction += digits;
    }
  }
  if (count <= weight) whole.append(static_cast<size_t>(weight + 1 - count) * kGroupDigits, '0');
  fraction.resize(static_cast<size_t>(scale), '0');
  return data::parse_numeric(fmt::format("{}{}{}{}", sign == kSignNegative ? "-" : "",
                                         whole.empty() ? "0" : whole, scale > 0 ? "." : "",
                                         fraction));
}

Result<Datum> integer_datum(int64_t value, Type type) {
  if (type.id == TypeId::kBigint) return Datum{type, value};
  if (value < INT32_MIN || value > INT32_MAX) {
    return Status(data::sqlstate::kNumericOutOfRange, "integer out of range");
  }
  return Datum{type, static_cast<int32_t>(value)};
}

Result<Datum> timestamp_datum(int64_t micros, Type type) {
  if (data::is_finite_timestamp(micros) && !data::is_valid_timestamp(micros)) {
    return Status(data::sqlstate::kDatetimeOverflow, "timestamp out of range");
  }
  return Datum{type, micros};
}

Result<Datum> date_datum(int32_t days, Type type) {
  if (data::is_finite_date(days) && (days < data::kMinDate || days >= data::kEndDate)) {
    return Status(data::sqlstate::kDatetimeOverflow, "date out of range");
  }
  return Datum{type, days};
}

}  // namespace

void append_binary_numeric(const Numeric& value, std::string& out) {
  if (value.kind == Numeric::Kind::kNaN) return append_header(0, 0, kSignNaN, 0, out);
  if (value.kind == Numeric::Kind::kInfinity) return append_header(0, 0, kSignInfinity, 0, out);
  if (value.kind == Numeric::Kind::kNegativeInfinity) {
    return append_header(0, 0, kSignNegativeInfinity, 0, out);
  }
  Int128 unscaled = value.unscaled();
  bool negative = unscaled < 0;
  std::string digits = decimal_digits(negative ? -static_cast<unsigned __int128>(unscaled)
                                               : static_cast<unsigned __int128>(unscaled));
  if (digits.size() <= value.scale) digits.insert(0, value.scale + 1 - digits.size(), '0');
  size_t whole = digits.size() - value.scale;
  size_t left_pad = (kGroupDigits - whole % kGroupDigits) % kGroupDigits;
  digits.insert(0, left_pad, '0');
  digits.append((kGroupDigits - value.scale % kGroupDigits) % kGroupDigits, '0');
  int weight = static_cast<int>((whole + left_pad) / kGroupDigits) - 1;

  std::vector<uint16_t> groups;
  for (size_t at = 0; at < digits.size(); at += kGroupDigits) {
    groups.push_back(static_cast<uint16_t>((digits[at] - '0') * 1000 +
                                           (digits[at + 1] - '0') * 100 +
                                           (digits[at + 2] - '0') * 10 + (digits[at + 3] - '0')));
  }
  size_t first = 0;
  while (first < groups.size() && groups[first] == 0) ++first;
  while (groups.size() > first && groups.back() == 0) groups.pop_back();
  size_t count = groups.size() - first;
  if (count == 0) {
    weight = 0;
    negative = false;
  } else {
    weight -= static_cast<int>(first);
  }
  append_header(count, weight, negative ? kSignNegative : kSignPositive, value.scale, out);
  for (size_t i = first; i < groups.size(); ++i) append_int16(groups[i], out);
}

Result<Datum> parse_binary(std::string_view bytes, uint32_t oid, Type type) {
  MessageReader reader(bytes);
  auto sized = [&](size_t size) { return bytes.size() == size; };
  switch (oid) {
    case kInt2Oid:
      if (!sized(2)) return wrong_form();
      return integer_datum(reader.int16(), type);
    case kOidOid:
      if (!sized(4)) return wrong_form();
      return integer_datum(static_cast<uint32_t>(reader.int32()), type);
    case kFloat4Oid:
      if (!sized(4)) return wrong_form();
      return Datum{
          type, static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(reader.int32())))};
    default:
      break;
  }
  switch (type.id) {
    case TypeId::kBoolean:
      if (!sized(1)) return wrong_form();
      return Datum{type, reader.byte() != 0};
    case TypeId::kInteger:
      if (!sized(4)) return wrong_form();
      return Datum{type, reader.int32()};
    case TypeId::kBigint:
      if (!sized(8)) return wrong_form();
      return Datum{type, reader.int64()};
    case TypeId::kDouble:
      if (!sized(8)) return wrong_form();
      return Datum{type, std::bit_cast<double>(reader.int64())};
    case TypeId::kNumeric: {
      FOREBAY_ASSIGN_OR_RETURN(Numeric numeric, parse_numeric_bytes(bytes));
      return Datum{type, numeric};
    }
    case TypeId::kDate:
      if (!sized(4)) return wrong_form();
      return date_datum(reader.int32(), type);
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      if (!sized(8)) return wrong_form();
      return timestamp_datum(reader.int64(), type);
    case TypeId::kInterval: {
      if (!sized(16)) return wrong_form();
      data::Interval interval;
      interval.microseconds = reader.int64();
      interval.days = reader.int32();
      interval.months = reader.int32();
      return Datum{type, interval};
    }
    case TypeId::kUnknown:
    case TypeId::kVarchar:
    case TypeId::kText:
      return data::parse_datum(bytes, type);
  }
  return wrong_form();
}

Result<Type> parameter_type(uint32_t oid) {
  switch (oid) {
    case 0:
    case kUnknownOid:
      return data::kUnknownType;
    case kInt2Oid:
      return data::kIntegerType;
    case kOidOid:
      return data::kBigintType;
    case kFloat4Oid:
      return data::kDoubleType;
    case kNameOid:
    case kBpcharOid:
      return data::kTextType;
    default:
      break;
  }
  TypeId id = data::type_of_oid(oid);
  if (id != TypeId::kUnknown) return Type{id};
  return Status(data::Error{.sqlstate = data::sqlstate::kFeatureNotSupported,
                            .message = fmt::format("type with OID {} is not supported", oid),
                            .hint = "Give the parameter as text."});
}

}  // namespace forebay::server::pgwire
