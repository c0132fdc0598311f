#include "engine/data/binary_format.h"

#include <algorithm>
#include <bit>

#include "engine/data/datetime_limits.h"
#include "engine/data/numeric.h"
#include "engine/data/numeric_wide.h"
#include "engine/data/text_format.h"

namespace forebay::data {

namespace {

using Kind = Numeric::Kind;

// The words of a numeric's header (PostgreSQL's numeric.c, numeric_send).
constexpr uint16_t kNegativeSign = 0x4000;
constexpr uint16_t kNaNSign = 0xC000;
constexpr uint16_t kInfinitySign = 0xD000;
constexpr uint16_t kNegativeInfinitySign = 0xF000;
constexpr uint16_t kMaxScale = 0x3FFF;
constexpr int kBase = 10'000;
constexpr int kBaseDigits = 4;
// 38 digits, and their ends within the first and last digit of base 10,000.
constexpr int kMaxBaseDigits = 12;

template <typename Unsigned>
void append_big_endian(Unsigned value, std::string& out) {
  char bytes[sizeof value];
  for (size_t i = 0; i < sizeof value; ++i) {
    bytes[i] = static_cast<char>(value >> (8 * (sizeof value - 1 - i)));
  }
  out.append(bytes, sizeof value);
}

template <typename Unsigned>
Unsigned read_big_endian(const char* bytes) {
  Unsigned value = 0;
  for (size_t i = 0; i < sizeof value; ++i) {
    value = static_cast<Unsigned>(value << 8 | static_cast<unsigned char>(bytes[i]));
  }
  return value;
}

Status wrong_format() { return Status(sqlstate::kInvalidBinary, "incorrect binary data format"); }

Result<Numeric> parse_binary_numeric(std::string_view bytes) {
  constexpr size_t kHeaderBytes = 8;
  if (bytes.size() < kHeaderBytes) return wrong_format();
  const auto word = [&](size_t index) {
    return read_big_endian<uint16_t>(bytes.data() + 2 * index);
  };
  const size_t count = word(0);
  const int weight = static_cast<int16_t>(word(1));
  const uint16_t sign = word(2);
  const uint16_t scale = word(3);
  if (bytes.size() != kHeaderBytes + 2 * count) return wrong_format();
  if (sign == kNaNSign) return Numeric::special(Kind::kNaN);
  if (sign == kInfinitySign) return Numeric::special(Kind::kInfinity);
  if (sign == kNegativeInfinitySign) return Numeric::special(Kind::kNegativeInfinity);
  if (sign != 0 && sign != kNegativeSign) {
    return Status(sqlstate::kInvalidBinary, "invalid sign in external \"numeric\" value");
  }
  if (scale > kMaxScale) {
    return Status(sqlstate::kInvalidBinary, "invalid scale in external \"numeric\" value");
  }
  const Status overflow(sqlstate::kNumericOutOfRange, "value overflows numeric format");
  UInt256 unscaled;
  for (size_t i = 0; i < count; ++i) {
    const uint16_t digit = word(4 + i);
    if (digit >= kBase) {
      return Status(sqlstate::kInvalidBinary, "invalid digit in external \"numeric\" value");
    }
    if (scale_up(unscaled, kBaseDigits)) return overflow.clone();
    add_in_place(unscaled, UInt256(UInt128{digit}));
  }
  // The value is unscaled * 10^(4 * (weight + 1 - count)); digits beyond the scale are cut.
  const int shift = kBaseDigits * (weight + 1 - static_cast<int>(count)) + scale;
  if (shift >= 0) {
    if (scale_up(unscaled, shift)) return overflow.clone();
  } else {
    unscaled = scale_down(unscaled, -shift, false);
  }
  if (!unscaled.fits_in_128() || unscaled.low_128() > kMaxUnscaled) return overflow.clone();
  const auto value = static_cast<Int128>(unscaled.low_128());
  return Numeric(sign == kNegativeSign ? -value : value, scale);
}

Result<Datum> parse_binary_date(std::string_view bytes) {
  const auto days = static_cast<int32_t>(read_big_endian<uint32_t>(bytes.data()));
  if (is_finite_date(days) && (days < kMinDate || days >= kEndDate)) {
    return Status(sqlstate::kDatetimeOverflow, "date out of range");
  }
  return Datum{kDateType, days};
}

Result<Datum> parse_binary_timestamp(std::string_view bytes, Type type) {
  const auto micros = static_cast<int64_t>(read_big_endian<uint64_t>(bytes.data()));
  if (is_finite_timestamp(micros) && !is_valid_timestamp(micros)) {
    return Status(sqlstate::kDatetimeOverflow, "timestamp out of range");
  }
  return Datum{type, round_timestamp(micros, type.modifier)};
}

/// The bytes that a type's values have; 0: any number.
size_t fixed_bytes(TypeId id) {
  switch (id) {
    case TypeId::kBoolean:
      return 1;
    case TypeId::kInteger:
    case TypeId::kDate:
      return 4;
    case TypeId::kBigint:
    case TypeId::kDouble:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      return 8;
    case TypeId::kInterval:
      return 16;
    default:
      return 0;
  }
}

}  // namespace

void append_binary_boolean(bool value, std::string& out) { out += value ? '\1' : '\0'; }

void append_binary_int32(int32_t value, std::string& out) {
  append_big_endian(static_cast<uint32_t>(value), out);
}

void append_binary_int64(int64_t value, std::string& out) {
  append_big_endian(static_cast<uint64_t>(value), out);
}

void append_binary_double(double value, std::string& out) {
  append_big_endian(std::bit_cast<uint64_t>(value), out);
}

void append_binary_interval(const Interval& value, std::string& out) {
  append_binary_int64(value.microseconds, out);
  append_binary_int32(value.days, out);
  append_binary_int32(value.months, out);
}

void append_binary_numeric(const Numeric& value, std::string& out) {
  uint16_t digits[kMaxBaseDigits];  // least significant first
  size_t count = 0;
  int weight = 0;
  uint16_t sign = 0;
  uint16_t scale = value.scale;
  switch (value.kind) {
    case Kind::kNaN:
      sign = kNaNSign;
      break;
    case Kind::kInfinity:
      sign = kInfinitySign;
      scale = 0x20;  // PostgreSQL's flag for infinities in the field of the scale
      break;
    case Kind::kNegativeInfinity:
      sign = kNegativeInfinitySign;
      scale = 0x20;
      break;
    case Kind::kFinite: {
      auto rest = static_cast<UInt128>(value.unscaled());
      if (value.high < 0) {
        rest = -rest;
        sign = kNegativeSign;
      }
      // The last digit of base 10,000 may reach beyond the scale.
      const int padding = (kBaseDigits - value.scale % kBaseDigits) % kBaseDigits;
      int last_weight = -(value.scale + padding) / kBaseDigits;
      if (padding != 0) {
        const auto split = static_cast<uint64_t>(kPowersOfTen[kBaseDigits - padding]);
        const auto tail = static_cast<uint32_t>(rest % split);
        digits[count++] =
            static_cast<uint16_t>(tail * static_cast<uint32_t>(kPowersOfTen[padding]));
        rest /= split;
      }
      for (; rest != 0; rest /= kBase) digits[count++] = static_cast<uint16_t>(rest % kBase);
      while (count > 0 && digits[count - 1] == 0) --count;  // only zero has such
      weight = last_weight + static_cast<int>(count) - 1;
      const size_t zeros = static_cast<size_t>(
          std::find_if(digits, digits + count, [](uint16_t digit) { return digit != 0; }) - digits);
      std::copy(digits + zeros, digits + count, digits);
      count -= zeros;
      if (count == 0) weight = 0;
      break;
    }
  }
  append_big_endian(static_cast<uint16_t>(count), out);
  append_big_endian(static_cast<uint16_t>(weight), out);
  append_big_endian(sign, out);
  append_big_endian(scale, out);
  for (size_t i = count; i-- > 0;) append_big_endian(digits[i], out);
}

void append_binary(const Datum& datum, std::string& out) {
  if (datum.is_null()) return;
  switch (layout_of(datum.type.id)) {
    case Layout::kBool:
      return append_binary_boolean(std::get<bool>(datum.value), out);
    case Layout::kInt32:
      return append_binary_int32(std::get<int32_t>(datum.value), out);
    case Layout::kInt64:
      return append_binary_int64(std::get<int64_t>(datum.value), out);
    case Layout::kDouble:
      return append_binary_double(std::get<double>(datum.value), out);
    case Layout::kNumeric:
      return append_binary_numeric(std::get<Numeric>(datum.value), out);
    case Layout::kString:
      out += std::get<std::string>(datum.value);
      return;
    case Layout::kInterval:
      return append_binary_interval(std::get<Interval>(datum.value), out);
  }
}

Result<Datum> parse_binary(std::string_view bytes, Type type) {
  const size_t expected = fixed_bytes(type.id);
  if (expected != 0 && bytes.size() != expected) return wrong_format();
  const char* const data = bytes.data();
  switch (type.id) {
    case TypeId::kBoolean:
      return Datum{type, bytes[0] != '\0'};
    case TypeId::kInteger:
      return Datum{type, static_cast<int32_t>(read_big_endian<uint32_t>(data))};
    case TypeId::kBigint:
      return Datum{type, static_cast<int64_t>(read_big_endian<uint64_t>(data))};
    case TypeId::kDouble:
      return Datum{type, std::bit_cast<double>(read_big_endian<uint64_t>(data))};
    case TypeId::kNumeric: {
      FOREBAY_ASSIGN_OR_RETURN(const Numeric value, parse_binary_numeric(bytes));
      FOREBAY_ASSIGN_OR_RETURN(const Numeric fitted, apply_modifier(value, type.modifier));
      return Datum{type, fitted};
    }
    case TypeId::kDate:
      return parse_binary_date(bytes);
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      return parse_binary_timestamp(bytes, type);
    case TypeId::kInterval: {
      Interval exact;
      exact.microseconds = static_cast<int64_t>(read_big_endian<uint64_t>(data));
      exact.days = static_cast<int32_t>(read_big_endian<uint32_t>(data + 8));
      exact.months = static_cast<int32_t>(read_big_endian<uint32_t>(data + 12));
      FOREBAY_ASSIGN_OR_RETURN(const Interval value, round_interval(exact, type.modifier));
      return Datum{type, value};
    }
    case TypeId::kUnknown:
    case TypeId::kVarchar:
    case TypeId::kText:
      return parse_datum(bytes, type);
  }
  return Status::internal("no such type");
}

}  // namespace forebay::data
