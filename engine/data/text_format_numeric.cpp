// Text in and out of numeric.
#include <climits>

#include "engine/data/numeric.h"
#include "engine/data/numeric_wide.h"
#include "engine/data/text_format.h"
#include "engine/data/text_scan.h"

namespace forebay::data {

namespace {

using Kind = Numeric::Kind;

constexpr int kMaxScale = 16383;
// Digits that fit into 64 bits whatever they are.
constexpr size_t kFastDigits = 18;

Status overflow() { return Status(sqlstate::kNumericOutOfRange, "value overflows numeric format"); }

/// The words for NaN and infinity, or kFinite.
Kind special_of(std::string_view text) {
  if (equals_ignoring_case(text, "nan")) return Kind::kNaN;
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (equals_ignoring_case(text, "infinity") || equals_ignoring_case(text, "inf")) {
    return negative ? Kind::kNegativeInfinity : Kind::kInfinity;
  }
  return Kind::kFinite;
}

/// A decimal number taken apart: 0.digits without leading zeros, and the digits behind the point
/// (which exponents can make negative, or more than there are digits).
struct Decimal {
  bool negative = false;
  std::string digits;
  int64_t scale = 0;
};

/// False when `text` isn't a number. An exponent beyond any numeric is 22003.
Result<bool> scan_decimal(std::string_view text, Decimal& decimal) {
  size_t i = 0;
  if (i < text.size() && (text[i] == '+' || text[i] == '-')) decimal.negative = text[i++] == '-';
  bool has_point = false;
  if (i < text.size() && text[i] == '.') {
    has_point = true;
    ++i;
  }
  if (i >= text.size() || !is_digit(text[i])) return false;
  for (; i < text.size(); ++i) {
    if (is_digit(text[i])) {
      if (text[i] != '0' || !decimal.digits.empty()) decimal.digits += text[i];
      decimal.scale += has_point;
    } else if (text[i] == '.' && !has_point) {
      has_point = true;
    } else {
      break;
    }
  }
  if (i < text.size() && text[i] == '.') return false;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    int64_t exponent = 0;
    const size_t start = i;
    const bool in_range = scan_int64(text, i, exponent);
    if (i == start) return false;
    if (!in_range || exponent >= INT_MAX / 2 || exponent <= -(INT_MAX / 2)) return overflow();
    decimal.scale -= exponent;
  }
  return i == text.size();
}

/// The decimal, cut to `scale` digits behind the point, half away from zero.
void round_decimal(Decimal& decimal, int64_t scale) {
  if (decimal.scale <= scale) return;
  const int64_t dropped = decimal.scale - scale;
  const int64_t kept = static_cast<int64_t>(decimal.digits.size()) - dropped;
  decimal.scale = scale;
  if (kept < 0) {
    decimal.digits.clear();
    return;
  }
  const bool rounds_up = dropped > 0 && decimal.digits[static_cast<size_t>(kept)] >= '5';
  decimal.digits.resize(static_cast<size_t>(kept));
  if (!rounds_up) return;
  size_t i = decimal.digits.size();
  while (i > 0 && decimal.digits[i - 1] == '9') decimal.digits[--i] = '0';
  if (i > 0) {
    ++decimal.digits[i - 1];
  } else {
    decimal.digits.insert(0, 1, '1');
  }
}

Result<Numeric> numeric_of(const Decimal& decimal) {
  if (decimal.scale > kMaxScale) return overflow();
  const int64_t zeros = decimal.digits.empty() ? 0 : std::max<int64_t>(0, -decimal.scale);
  if (static_cast<int64_t>(decimal.digits.size()) + zeros > kNumericDigits) return overflow();
  UInt128 unscaled = 0;
  for (const char digit : decimal.digits) {
    unscaled = unscaled * 10 + static_cast<unsigned>(digit - '0');
  }
  unscaled *= kPowersOfTen[static_cast<int>(zeros)];
  const Int128 value = static_cast<Int128>(unscaled);
  return Numeric(decimal.negative ? -value : value,
                 static_cast<uint16_t>(std::max<int64_t>(0, decimal.scale)));
}

Result<Numeric> parse_numeric_slowly(std::string_view original, int32_t modifier) {
  const std::string_view text = trimmed(original);
  const Kind kind = special_of(text);
  if (kind != Kind::kFinite) return apply_modifier(Numeric::special(kind), modifier);
  Decimal decimal;
  FOREBAY_ASSIGN_OR_RETURN(const bool is_number, scan_decimal(text, decimal));
  if (!is_number) return invalid_text("numeric", original);
  if (modifier < 0) return numeric_of(decimal);
  round_decimal(decimal, Type{TypeId::kNumeric, modifier}.numeric_scale());
  Result<Numeric> value = numeric_of(decimal);
  if (value.is_ok()) return apply_modifier(*value, modifier);
  // More digits than any modifier allows: let the modifier complain.
  return apply_modifier(Numeric(static_cast<Int128>(kMaxUnscaled), 0), modifier);
}

/// Plain digits with a sign and a point, as nearly all numbers are. False: not so.
bool parse_plain(std::string_view text, Numeric& result) {
  const char* p = text.data();
  const char* const end = p + text.size();
  bool negative = false;
  if (p != end && *p == '-') {
    negative = true;
    ++p;
  }
  if (p == end || !is_digit(*p) || static_cast<size_t>(end - p) > kFastDigits) return false;
  int64_t unscaled = 0;
  for (; p != end && is_digit(*p); ++p) unscaled = unscaled * 10 + (*p - '0');
  uint16_t scale = 0;
  if (p != end && *p == '.') {
    const char* const fraction = ++p;
    for (; p != end && is_digit(*p); ++p) unscaled = unscaled * 10 + (*p - '0');
    scale = static_cast<uint16_t>(p - fraction);
  }
  if (p != end) return false;
  result = Numeric(Int128{negative ? -unscaled : unscaled}, scale);
  return true;
}

}  // namespace

Result<Numeric> parse_numeric(std::string_view text, int32_t modifier) {
  Numeric value;
  if (!parse_plain(text, value)) return parse_numeric_slowly(text, modifier);
  return modifier < 0 ? Result<Numeric>(value) : apply_modifier(value, modifier);
}

void format_numeric(const Numeric& value, std::string& out) {
  switch (value.kind) {
    case Kind::kNaN:
      out += "NaN";
      return;
    case Kind::kInfinity:
      out += "Infinity";
      return;
    case Kind::kNegativeInfinity:
      out += "-Infinity";
      return;
    case Kind::kFinite:
      break;
  }
  char digits[40];
  char* const end = digits + sizeof digits;
  char* start = end;
  const bool negative = value.high < 0;
  UInt128 rest = static_cast<UInt128>(value.unscaled());
  if (negative) rest = -rest;
  while (rest >> 64 != 0) {
    constexpr uint64_t kChunk = 10'000'000'000'000'000'000U;  // 10^19
    uint64_t low = static_cast<uint64_t>(rest % kChunk);
    rest /= kChunk;
    for (int i = 0; i < 19; ++i, low /= 10) *--start = static_cast<char>('0' + low % 10);
  }
  for (uint64_t low = static_cast<uint64_t>(rest); low != 0; low /= 10) {
    *--start = static_cast<char>('0' + low % 10);
  }
  if (negative) out += '-';
  const size_t count = static_cast<size_t>(end - start);
  const size_t scale = value.scale;
  if (count > scale) {
    out.append(start, count - scale);
  } else {
    out += '0';
  }
  if (scale == 0) return;
  out += '.';
  if (count < scale) out.append(scale - count, '0');
  const size_t shown = std::min(count, scale);
  out.append(end - shown, shown);
}

}  // namespace forebay::data
