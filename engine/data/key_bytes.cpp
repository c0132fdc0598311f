#include "engine/data/key_bytes.h"

namespace forebay::data::key_bytes {

namespace {

using UInt128 = unsigned __int128;

/// Decimal digits of `value`, most significant first; returns how many.
int digits_of(UInt128 value, uint8_t* digits) {
  uint8_t reversed[40];
  int count = 0;
  while (value > std::numeric_limits<uint64_t>::max()) {
    reversed[count++] = static_cast<uint8_t>(value % 10);
    value /= 10;
  }
  for (auto low = static_cast<uint64_t>(value); low != 0; low /= 10) {
    reversed[count++] = static_cast<uint8_t>(low % 10);
  }
  for (int i = 0; i < count; ++i) digits[i] = reversed[count - 1 - i];
  return count;
}

char* write_magnitude(const Numeric& value, bool negative, char* out) {
  Int128 unscaled = value.unscaled();
  UInt128 magnitude = negative ? -static_cast<UInt128>(unscaled) : static_cast<UInt128>(unscaled);
  uint8_t digits[41];
  int count = digits_of(magnitude, digits);
  int exponent = count - value.scale;
  while (digits[count - 1] == 0) --count;
  if (count % 2 != 0) digits[count++] = 0;
  char* start = out;
  out = write_u16(static_cast<uint16_t>(exponent + 0x8000), out);
  for (int i = 0; i < count; i += 2) {
    *out++ = static_cast<char>(digits[i] * 10 + digits[i + 1] + 1);
  }
  *out++ = 0;
  if (negative) {
    for (char* byte = start; byte != out; ++byte) *byte = static_cast<char>(~*byte);
  }
  return out;
}

/// The value 0.d1d2d3... * 10^exponent with at least `scale` digits behind the point, as far as the
/// digits fit.
Numeric from_digits(Reader& in, bool negative, int32_t scale) {
  uint8_t flip = negative ? 0xFF : 0;
  int exponent = static_cast<int>(in.big_endian(2) ^ (negative ? 0xFFFF : 0)) - 0x8000;
  UInt128 magnitude = 0;
  int count = 0;
  while (!in.failed) {
    uint8_t byte = in.u8() ^ flip;
    if (byte == 0) break;
    if (byte > 100 || count >= 38) {
      in.failed = true;
      break;
    }
    magnitude = magnitude * 100 + (byte - 1);
    count += 2;
  }
  if (magnitude == 0) in.failed = true;
  if (in.failed) return {};
  // magnitude * 10^(exponent - count); the scale shown grows from there.
  int shown = count - exponent;
  while (shown > 0 && shown > scale && magnitude % 10 == 0) {
    magnitude /= 10;
    --shown;
  }
  constexpr UInt128 kMost = std::numeric_limits<UInt128>::max() / 2 / 10;
  int wanted = scale > 0 ? scale : 0;
  while (shown < wanted && magnitude <= kMost) {
    magnitude *= 10;
    ++shown;
  }
  if (shown < 0 || shown > 16383) in.failed = true;
  auto unscaled = static_cast<Int128>(magnitude);
  return {negative ? -unscaled : unscaled, static_cast<uint16_t>(shown)};
}

}  // namespace

char* NumericKernel::write(const Numeric& value, KeyMode mode, char* out) {
  switch (value.kind) {
    case Numeric::Kind::kNegativeInfinity:
      *out++ = kNegativeInfinity;
      return out;
    case Numeric::Kind::kInfinity:
      *out++ = kInfinity;
      return out;
    case Numeric::Kind::kNaN:
      *out++ = kNaN;
      return out;
    case Numeric::Kind::kFinite:
      break;
  }
  Int128 unscaled = value.unscaled();
  if (unscaled == 0) {
    *out++ = kZero;
  } else {
    *out++ = unscaled < 0 ? kNegative : kPositive;
    out = write_magnitude(value, unscaled < 0, out);
  }
  return mode == KeyMode::kExact ? write_u16(value.scale, out) : out;
}

Numeric NumericKernel::read(Reader& in, KeyMode mode, int32_t scale) {
  uint8_t kind = in.u8();
  Reader ahead = in;
  switch (kind) {
    case kNegativeInfinity:
      return Numeric::special(Numeric::Kind::kNegativeInfinity);
    case kInfinity:
      return Numeric::special(Numeric::Kind::kInfinity);
    case kNaN:
      return Numeric::special(Numeric::Kind::kNaN);
    case kZero:
      if (mode == KeyMode::kExact) scale = static_cast<int32_t>(in.big_endian(2));
      return {Int128{0}, static_cast<uint16_t>(scale > 0 ? scale : 0)};
    case kNegative:
    case kPositive:
      break;
    default:
      in.failed = true;
      return {};
  }
  bool negative = kind == kNegative;
  if (mode == KeyMode::kGrouping) return from_digits(in, negative, scale);
  // The scale stands behind the digits, whose end is found first.
  (void)from_digits(ahead, negative, 0);
  scale = static_cast<int32_t>(ahead.big_endian(2));
  Numeric value = from_digits(in, negative, scale);
  in = ahead;
  if (value.scale != scale) in.failed = true;
  return value;
}

}  // namespace forebay::data::key_bytes
