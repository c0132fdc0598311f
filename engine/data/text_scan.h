#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/data/status.h"

/// Small pieces that the text formats share: characters as the C locale sees them, numbers as C's
/// strtol reads them, and the errors for bad text.
namespace forebay::data {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_punctuation(char c) {
  return c > ' ' && c < 0x7f && !is_digit(c) && !is_alpha(c);
}
constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

constexpr std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// `word` is lower case.
constexpr bool equals_ignoring_case(std::string_view text, std::string_view word) {
  if (text.size() != word.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (to_lower(text[i]) != word[i]) return false;
  }
  return true;
}

inline std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = to_lower(c);
  return result;
}

/// Reads blanks, a sign and digits at `position`, as strtol does, and moves `position` behind them;
/// without digits it stays, and `value` is 0. False when the number doesn't fit.
inline bool scan_int64(std::string_view text, size_t& position, int64_t& value) {
  size_t i = position;
  value = 0;
  while (i < text.size() && is_space(text[i])) ++i;
  bool negative = false;
  if (i < text.size() && (text[i] == '+' || text[i] == '-')) negative = text[i++] == '-';
  if (i >= text.size() || !is_digit(text[i])) return true;
  bool fits = true;
  for (; i < text.size() && is_digit(text[i]); ++i) {
    const int digit = text[i] - '0';
    fits = fits && !__builtin_mul_overflow(value, 10, &value) &&
           !__builtin_sub_overflow(value, digit, &value);  // downwards: -2^63 fits
  }
  position = i;
  if (!negative) fits = fits && !__builtin_sub_overflow(int64_t{0}, value, &value);
  return fits;
}

/// The same for 32 bits.
inline bool scan_int32(std::string_view text, size_t& position, int32_t& value) {
  int64_t wide = 0;
  const bool fits = scan_int64(text, position, wide) && wide >= INT32_MIN && wide <= INT32_MAX;
  value = fits ? static_cast<int32_t>(wide) : 0;
  return fits;
}

/// 22P02 `invalid input syntax for type integer: "x"`.
inline Status invalid_text(std::string_view type_name, std::string_view text) {
  std::string message = "invalid input syntax for type ";
  message.append(type_name).append(": \"").append(text).append("\"");
  return Status(sqlstate::kInvalidText, std::move(message));
}

}  // namespace forebay::data
