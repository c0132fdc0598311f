#include "engine/data/binary_format.h"

#include <algorithm>
#include <bit>

#include "engine/data/any_value.h"
#include "engine/data/array.h"
#include "engine/data/datetime.h"
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
// The first byte of jsonb's format.
constexpr char kJsonbVersion = 1;
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

namespace {

template <typename Value>
void append_any(Type type, const Value& value, std::string& out) {
  switch (type.id) {
    case TypeId::kSmallint:
      return append_big_endian(static_cast<uint16_t>(value.int32()), out);
    case TypeId::kOid:
      return append_big_endian(static_cast<uint32_t>(value.int64()), out);
    case TypeId::kReal:
      return append_big_endian(std::bit_cast<uint32_t>(static_cast<float>(value.real())), out);
    case TypeId::kChar:
      return format_padded(value.string(), type.modifier, out);
    case TypeId::kJsonb:
      out.append(1, kJsonbVersion).append(value.string());
      return;
    default:
      if (type.is_array()) return append_binary_array(value.string(), type.element(), out);
      break;
  }
  switch (layout_of(type.id)) {
    case Layout::kBool:
      return append_binary_boolean(value.boolean(), out);
    case Layout::kInt32:
      return append_binary_int32(value.int32(), out);
    case Layout::kInt64:
      return append_binary_int64(value.int64(), out);
    case Layout::kDouble:
      return append_binary_double(value.real(), out);
    case Layout::kNumeric:
      return append_binary_numeric(value.numeric(), out);
    case Layout::kString:
      out += value.string();
      return;
    case Layout::kInterval:
      return append_binary_interval(value.interval(), out);
  }
}

}  // namespace

void append_binary(const Datum& datum, std::string& out) {
  if (!datum.is_null()) append_any(datum.type, DatumView{datum.value}, out);
}

void append_binary_value(Type type, const ColumnView& view, uint32_t row, std::string& out) {
  append_any(type, ColumnValue{view, row}, out);
}

Result<Datum> parse_binary(std::string_view bytes, Type type) {
  const int16_t expected = type_length(type.id);
  if (expected > 0 && bytes.size() != static_cast<size_t>(expected)) return wrong_format();
  const char* const data = bytes.data();
  switch (type.id) {
    case TypeId::kBoolean:
      return Datum{type, bytes[0] != '\0'};
    case TypeId::kSmallint:
      return Datum{type, int32_t{static_cast<int16_t>(read_big_endian<uint16_t>(data))}};
    case TypeId::kReal:
      return Datum{type, double{std::bit_cast<float>(read_big_endian<uint32_t>(data))}};
    case TypeId::kInteger:
      return Datum{type, static_cast<int32_t>(read_big_endian<uint32_t>(data))};
    case TypeId::kBigint:
      return Datum{type, static_cast<int64_t>(read_big_endian<uint64_t>(data))};
    case TypeId::kOid:
      return Datum{type, int64_t{read_big_endian<uint32_t>(data)}};
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
    case TypeId::kTime: {
      const auto micros = static_cast<int64_t>(read_big_endian<uint64_t>(data));
      if (micros < 0 || micros > kMicrosPerDay) {
        return Status(sqlstate::kDatetimeOverflow, "time out of range");
      }
      return Datum{type, round_time(micros, type.modifier)};
    }
    case TypeId::kBytea:
    case TypeId::kUuid:
      return Datum{type, std::string(bytes)};
    case TypeId::kJsonb: {
      if (bytes.empty() || bytes[0] != kJsonbVersion) {
        return Status(SqlState{"XX000"},
                      "unsupported jsonb version number " +
                          std::to_string(bytes.empty() ? 0 : static_cast<uint8_t>(bytes[0])));
      }
      return parse_datum(bytes.substr(1), type);
    }
    default:
      if (type.is_array()) {
        FOREBAY_ASSIGN_OR_RETURN(std::string array, parse_binary_array(bytes, type.element()));
        return Datum{type, std::move(array)};
      }
      return parse_datum(bytes, type);
  }
}

}  // namespace forebay::data
