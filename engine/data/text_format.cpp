#include "engine/data/text_format.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "engine/data/datetime.h"
#include "engine/data/text_scan.h"

namespace forebay::data {

namespace {

template <typename Integer>
Result<Integer> parse_integer_slowly(std::string_view original, const char* type_name) {
  size_t i = 0;
  while (i < original.size() && is_space(original[i])) ++i;
  bool negative = false;
  if (i < original.size() && (original[i] == '+' || original[i] == '-')) {
    negative = original[i++] == '-';
  }
  if (i >= original.size() || !is_digit(original[i])) return invalid_text(type_name, original);
  const auto out_of_range = [&] {
    std::string message = "value \"";
    message.append(original).append("\" is out of range for type ").append(type_name);
    return Status(sqlstate::kNumericOutOfRange, std::move(message));
  };
  Integer value = 0;  // negative while reading: the minimum has no positive twin
  for (; i < original.size() && is_digit(original[i]); ++i) {
    if (__builtin_mul_overflow(value, Integer{10}, &value) ||
        __builtin_sub_overflow(value, static_cast<Integer>(original[i] - '0'), &value)) {
      return out_of_range();
    }
  }
  while (i < original.size() && is_space(original[i])) ++i;
  if (i != original.size()) return invalid_text(type_name, original);
  if (!negative && __builtin_sub_overflow(Integer{0}, value, &value)) return out_of_range();
  return value;
}

/// Plain digits with a sign that can't overflow.
template <typename Integer>
Result<Integer> parse_integer_of(std::string_view text, const char* type_name) {
  const char* p = text.data();
  const char* const end = p + text.size();
  const bool negative = p != end && *p == '-';
  p += negative;
  if (p == end || end - p > std::numeric_limits<Integer>::digits10) {
    return parse_integer_slowly<Integer>(text, type_name);
  }
  Integer value = 0;
  for (; p != end; ++p) {
    const unsigned digit = static_cast<unsigned char>(*p) - unsigned{'0'};
    if (digit > 9) return parse_integer_slowly<Integer>(text, type_name);
    value = static_cast<Integer>(value * 10 + static_cast<Integer>(digit));
  }
  return negative ? static_cast<Integer>(-value) : value;
}

template <typename Float>
constexpr const char* kFloatName = sizeof(Float) == 4 ? "real" : "double precision";

template <typename Float>
Status float_out_of_range(std::string_view number) {
  return Status(sqlstate::kNumericOutOfRange,
                "\"" + std::string(number) + "\" is out of range for type " + kFloatName<Float>);
}

/// Everything that C's strtod takes: hexadecimal, nan(...), huge and tiny numbers.
template <typename Float>
Result<Float> parse_float_slowly(std::string_view original) {
  std::string number(original);
  size_t start = 0;
  while (start < number.size() && is_space(number[start])) ++start;
  const char* const begin = number.c_str() + start;
  char* end = nullptr;
  errno = 0;
  Float value;
  if constexpr (sizeof(Float) == 4) {
    value = std::strtof(begin, &end);
  } else {
    value = std::strtod(begin, &end);
  }
  if (end == begin) return invalid_text(kFloatName<Float>, original);
  if (errno == ERANGE && (value == 0 || std::isinf(value))) {
    // PostgreSQL quotes the number of a double, and all of the text of a real.
    if (sizeof(Float) == 4) return float_out_of_range<Float>(original);
    return float_out_of_range<Float>(std::string_view(begin, static_cast<size_t>(end - begin)));
  }
  const std::string_view rest =
      std::string_view(number).substr(static_cast<size_t>(end - number.c_str()));
  if (!trimmed(rest).empty()) return invalid_text(kFloatName<Float>, original);
  return value;
}

template <typename Float>
Result<Float> parse_float(std::string_view text) {
  const char* const end = text.data() + text.size();
  Float value = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && stop == end && value != 0 && std::isfinite(value)) return value;
  return parse_float_slowly<Float>(text);
}

/// The digits and exponent of d * 10^exponent.
struct ShortDecimal {
  char digits[24];
  int count = 0;
  int exponent = 0;  // of the first digit
};

ShortDecimal split_scientific(const char* text, const char* end) {
  ShortDecimal result;
  const char* p = text;
  for (; p != end && *p != 'e'; ++p) {
    if (*p != '.') result.digits[result.count++] = *p;
  }
  ++p;
  const bool negative = *p == '-';
  if (*p == '-' || *p == '+') ++p;
  for (; p != end; ++p) result.exponent = result.exponent * 10 + (*p - '0');
  if (negative) result.exponent = -result.exponent;
  return result;
}

/// True when the decimal lies exactly halfway between two numbers: readers that don't round to even
/// would read another one, so PostgreSQL prints one more digit (1e23 -> 9.999999999999999e+22).
template <typename Float>
bool is_halfway(const ShortDecimal& decimal, Float value) {
  constexpr int kBits = std::numeric_limits<Float>::digits;
  uint64_t digits = 0;
  for (int i = 0; i < decimal.count; ++i) {
    digits = digits * 10 + static_cast<uint64_t>(decimal.digits[i] - '0');
  }
  // digits * 5^k * 2^k = odd number of kBits + 1 bits * 2^x can only be exact for few k.
  const int k = decimal.exponent - (decimal.count - 1);
  if (k < -22 || k > 23) return false;
  unsigned __int128 odd = digits;
  for (int i = 0; i < k; ++i) odd *= 5;
  int twos = k;
  for (int i = 0; i > k; --i) {
    if (odd % 5 != 0) return false;
    odd /= 5;
  }
  while (odd != 0 && (odd & 1) == 0) {
    odd >>= 1;
    ++twos;
  }
  int exponent = 0;
  const uint64_t mantissa = static_cast<uint64_t>(std::ldexp(std::frexp(value, &exponent), kBits));
  exponent -= kBits;
  // Neighbours are mantissa * 2^exponent +- 2^exponent; the halves are at (2 m +- 1)
  // 2^(exponent-1). Below a power of two they are twice as dense.
  const bool is_power = mantissa == uint64_t{1} << (kBits - 1);
  return (twos == exponent - 1 && (odd == 2 * mantissa + 1 || odd == 2 * mantissa - 1)) ||
         (is_power && twos == exponent - 2 && odd == 4 * mantissa - 1);
}

/// The shortest digits strictly within the interval that reads back as `value` (> 0, finite).
template <typename Float>
ShortDecimal shortest(Float value) {
  char text[40];
  const auto end =
      std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
  ShortDecimal result = split_scientific(text, end);
  while (is_halfway(result, value)) {
    const auto longer =
        std::to_chars(text, text + sizeof text, value, std::chars_format::scientific, result.count);
    result = split_scientific(text, longer.ptr);
  }
  return result;
}

bool starts_word(std::string_view text, std::string_view word) {
  return !text.empty() && text.size() <= word.size() &&
         equals_ignoring_case(text, word.substr(0, text.size()));
}

/// The bytes of the UTF-8 sequence that starts with `lead`, as PostgreSQL counts them.
size_t sequence_length(unsigned char lead) {
  if ((lead & 0x80) == 0) return 1;
  if ((lead & 0xe0) == 0xc0) return 2;
  if ((lead & 0xf0) == 0xe0) return 3;
  if ((lead & 0xf8) == 0xf0) return 4;
  return 1;
}

bool is_legal_sequence(const unsigned char* s, size_t length) {
  const auto is_tail = [](unsigned char c) { return c >= 0x80 && c <= 0xbf; };
  switch (length) {
    case 1:
      return s[0] < 0x80 && s[0] != 0;
    case 2:
      return s[0] >= 0xc2 && is_tail(s[1]);
    case 3:
      if (!is_tail(s[1]) || !is_tail(s[2])) return false;
      if (s[0] == 0xe0) return s[1] >= 0xa0;
      if (s[0] == 0xed) return s[1] <= 0x9f;
      return true;
    default:
      if (!is_tail(s[1]) || !is_tail(s[2]) || !is_tail(s[3])) return false;
      if (s[0] == 0xf0) return s[1] >= 0x90;
      if (s[0] == 0xf4) return s[1] <= 0x8f;
      return s[0] < 0xf4;
  }
}

/// The offset of the first byte that isn't valid UTF-8 (or is NUL), or npos.
size_t find_invalid(std::string_view text) {
  const auto* s = reinterpret_cast<const unsigned char*>(text.data());
  size_t i = 0;
  while (i < text.size()) {
    // Eight ASCII bytes without NUL at a time.
    if (text.size() - i >= 8) {
      uint64_t word;
      std::memcpy(&word, s + i, 8);
      constexpr uint64_t kHighBits = 0x8080808080808080U;
      const uint64_t has_zero = (word - 0x0101010101010101U) & ~word;
      if (((word | has_zero) & kHighBits) == 0) {
        i += 8;
        continue;
      }
    }
    const size_t length = sequence_length(s[i]);
    if (length > text.size() - i || !is_legal_sequence(s + i, length)) return i;
    i += length;
  }
  return std::string_view::npos;
}

Status invalid_encoding(std::string_view text, size_t offset) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string message = "invalid byte sequence for encoding \"UTF8\":";
  const size_t length = sequence_length(static_cast<unsigned char>(text[offset]));
  for (const char c : text.substr(offset, length)) {
    const auto byte = static_cast<unsigned char>(c);
    message.append(" 0x").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
  }
  return Status(sqlstate::kInvalidCharacter, std::move(message));
}

}  // namespace

Result<bool> parse_boolean(std::string_view text) {
  const std::string_view word = trimmed(text);
  if (starts_word(word, "true") || starts_word(word, "yes") || word == "1" ||
      equals_ignoring_case(word, "on")) {
    return true;
  }
  if (starts_word(word, "false") || starts_word(word, "no") || word == "0" ||
      (word.size() >= 2 && starts_word(word, "off"))) {
    return false;
  }
  return invalid_text("boolean", text);
}

Result<int32_t> parse_integer(std::string_view text) {
  return parse_integer_of<int32_t>(text, "integer");
}

Result<int64_t> parse_bigint(std::string_view text) {
  return parse_integer_of<int64_t>(text, "bigint");
}

Result<int64_t> parse_oid(std::string_view text) {
  FOREBAY_ASSIGN_OR_RETURN(const int64_t value, parse_integer_of<int64_t>(text, "oid"));
  if (value >= INT32_MIN && value <= UINT32_MAX) return int64_t{static_cast<uint32_t>(value)};
  return Status(sqlstate::kNumericOutOfRange,
                "value \"" + std::string(text) + "\" is out of range for type oid");
}

Result<int32_t> parse_smallint(std::string_view text) {
  FOREBAY_ASSIGN_OR_RETURN(const int16_t value, parse_integer_of<int16_t>(text, "smallint"));
  return int32_t{value};
}

Result<double> parse_double(std::string_view text) { return parse_float<double>(text); }

Result<double> parse_real(std::string_view text) {
  FOREBAY_ASSIGN_OR_RETURN(const float value, parse_float<float>(text));
  return double{value};
}

bool is_valid_text(std::string_view text) { return find_invalid(text) == std::string_view::npos; }

Status check_text(std::string_view text) {
  const size_t invalid = find_invalid(text);
  return invalid == std::string_view::npos ? Status::ok() : invalid_encoding(text, invalid);
}

size_t bytes_of_characters(std::string_view text, int32_t characters) {
  size_t i = 0;
  for (; i < text.size() && characters > 0; --characters) {
    i += sequence_length(static_cast<unsigned char>(text[i]));
  }
  return std::min(i, text.size());
}

void format_boolean(bool value, std::string& out) { out += value ? 't' : 'f'; }

void format_int64(int64_t value, std::string& out) {
  char text[24];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  out.append(text, static_cast<size_t>(end - text));
}

namespace {

/// `fixed_digits`: longer numbers are shown with an exponent.
template <typename Float>
void format_float(Float value, int fixed_digits, Float most_fixed, std::string& out) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::signbit(value)) out += '-';
  value = std::abs(value);
  if (std::isinf(value)) {
    out += "Infinity";
    return;
  }
  if (value < most_fixed && value == std::trunc(value)) {
    format_int64(static_cast<int64_t>(value), out);
    return;
  }
  const ShortDecimal decimal = shortest(value);
  const auto count = static_cast<size_t>(decimal.count);
  if (decimal.exponent < -4 || decimal.exponent >= fixed_digits) {
    out += decimal.digits[0];
    if (count > 1) out.append(1, '.').append(decimal.digits + 1, count - 1);
    const int magnitude = std::abs(decimal.exponent);
    out.append(1, 'e').append(1, decimal.exponent < 0 ? '-' : '+');
    if (magnitude < 10) out += '0';
    format_int64(magnitude, out);
    return;
  }
  if (decimal.exponent < 0) {
    out.append("0.").append(static_cast<size_t>(-decimal.exponent - 1), '0');
    out.append(decimal.digits, count);
    return;
  }
  const auto whole = static_cast<size_t>(decimal.exponent) + 1;
  out.append(decimal.digits, std::min(whole, count));
  if (count < whole) out.append(whole - count, '0');
  if (count > whole) out.append(1, '.').append(decimal.digits + whole, count - whole);
}

}  // namespace

void format_double(double value, std::string& out) { format_float<double>(value, 15, 1e15, out); }

void format_real(double value, std::string& out) {
  format_float<float>(static_cast<float>(value), 6, 1e6F, out);
}

}  // namespace forebay::data
