#include "sql/parser/escapes.h"

#include <cstring>

namespace forebay::sql {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Exactly `digits` hexadecimal digits at `at`.
bool take_hex(std::string_view text, size_t at, size_t digits, uint32_t& value) {
  value = 0;
  if (at + digits > text.size()) return false;
  for (size_t i = 0; i < digits; ++i) {
    const int digit = hex_digit(text[at + i]);
    if (digit < 0) return false;
    value = value * 16 + static_cast<uint32_t>(digit);
  }
  return true;
}

bool is_high_surrogate(uint32_t c) { return c >= 0xD800 && c <= 0xDBFF; }
bool is_low_surrogate(uint32_t c) { return c >= 0xDC00 && c <= 0xDFFF; }
uint32_t join_surrogates(uint32_t high, uint32_t low) {
  return 0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF);
}

EscapeResult unicode_value(uint32_t code_point, size_t length, std::string& value) {
  if (code_point == 0 || code_point > 0x10FFFF) {
    return {0, "invalid Unicode escape value", "", data::sqlstate::kSyntaxError};
  }
  append_utf8(code_point, value);
  return {length};
}

/// \uXXXX (4 digits) or \UXXXXXXXX (8 digits) at the start of `text`.
EscapeResult unicode_escape(std::string_view text, size_t digits, std::string& value) {
  uint32_t code_point;
  if (!take_hex(text, 2, digits, code_point)) {
    return {0, "invalid Unicode escape", "Unicode escapes must be \\uXXXX or \\UXXXXXXXX.",
            data::sqlstate::kInvalidEscape};
  }
  size_t length = 2 + digits;
  if (is_low_surrogate(code_point)) return {0, "invalid Unicode surrogate pair"};
  if (is_high_surrogate(code_point)) {
    const std::string_view rest = text.substr(length);
    uint32_t low = 0;
    const size_t low_digits = rest.size() > 1 && rest[1] == 'U' ? 8 : 4;
    if (rest.size() < 2 || rest[0] != '\\' || (rest[1] != 'u' && rest[1] != 'U') ||
        !take_hex(rest, 2, low_digits, low) || !is_low_surrogate(low)) {
      return {length, "invalid Unicode surrogate pair"};
    }
    code_point = join_surrogates(code_point, low);
    length += 2 + low_digits;
  }
  return unicode_value(code_point, length, value);
}

}  // namespace

void append_utf8(uint32_t c, std::string& value) {
  if (c < 0x80) {
    value.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    value.push_back(static_cast<char>(0xC0 | (c >> 6)));
    value.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else if (c < 0x10000) {
    value.push_back(static_cast<char>(0xE0 | (c >> 12)));
    value.push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3F)));
    value.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else {
    value.push_back(static_cast<char>(0xF0 | (c >> 18)));
    value.push_back(static_cast<char>(0x80 | ((c >> 12) & 0x3F)));
    value.push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3F)));
    value.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  }
}

EscapeResult decode_escape(std::string_view text, std::string& value) {
  const char c = text[1];
  switch (c) {
    case 'b':
      value.push_back('\b');
      return {2};
    case 'f':
      value.push_back('\f');
      return {2};
    case 'n':
      value.push_back('\n');
      return {2};
    case 'r':
      value.push_back('\r');
      return {2};
    case 't':
      value.push_back('\t');
      return {2};
    case 'v':
      value.push_back('\v');
      return {2};
    case 'u':
      return unicode_escape(text, 4, value);
    case 'U':
      return unicode_escape(text, 8, value);
    default:
      break;
  }
  uint32_t byte = 0;
  size_t length = 2;
  if (c == 'x' && text.size() > 2 && hex_digit(text[2]) >= 0) {
    for (; length < 4 && length < text.size() && hex_digit(text[length]) >= 0; ++length) {
      byte = byte * 16 + static_cast<uint32_t>(hex_digit(text[length]));
    }
  } else if (c >= '0' && c <= '7') {
    for (length = 1;
         length < 4 && length < text.size() && text[length] >= '0' && text[length] <= '7';
         ++length) {
      byte = byte * 8 + static_cast<uint32_t>(text[length] - '0');
    }
  } else {
    value.push_back(c);
    return {2};
  }
  if ((byte & 0xFF) == 0) {
    return {0, "invalid byte sequence for encoding \"UTF8\": 0x00", "",
            data::sqlstate::kInvalidCharacter};
  }
  value.push_back(static_cast<char>(byte));
  return {length};
}

EscapeResult decode_unicode_escapes(std::string_view text, std::string& value) {
  constexpr const char* kHint = "Unicode escapes must be \\XXXX or \\+XXXXXX.";
  size_t at = 0;
  uint32_t high = 0;
  while (at < text.size()) {
    uint32_t code_point = 0;
    size_t length = 1;
    if (text[at] != '\\') {
      if (high != 0) return {at, "invalid Unicode surrogate pair"};
      value.push_back(text[at++]);
      continue;
    }
    if (text.substr(at).starts_with("\\\\")) {
      if (high != 0) return {at, "invalid Unicode surrogate pair"};
      value.push_back('\\');
      at += 2;
      continue;
    }
    if (take_hex(text, at + 1, 4, code_point)) {
      length = 5;
    } else if (at + 1 < text.size() && text[at + 1] == '+' &&
               take_hex(text, at + 2, 6, code_point)) {
      length = 8;
    } else {
      return {at, "invalid Unicode escape", kHint, data::sqlstate::kSyntaxError};
    }
    if (high != 0) {
      if (!is_low_surrogate(code_point)) return {at, "invalid Unicode surrogate pair"};
      code_point = join_surrogates(high, code_point);
      high = 0;
    } else if (is_low_surrogate(code_point)) {
      return {at, "invalid Unicode surrogate pair"};
    } else if (is_high_surrogate(code_point)) {
      high = code_point;
      at += length;
      continue;
    }
    EscapeResult result = unicode_value(code_point, length, value);
    if (result.error != nullptr) {
      result.length = at;
      return result;
    }
    at += length;
  }
  if (high != 0) return {at, "invalid Unicode surrogate pair"};
  return {at};
}

bool is_valid_utf8(std::string_view text) {
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* end = p + text.size();
  while (p < end) {
    uint64_t word;
    while (end - p >= 8 && (std::memcpy(&word, p, 8), (word & 0x8080808080808080ULL) == 0)) p += 8;
    if (p == end) break;
    if (*p < 0x80) {
      ++p;
      continue;
    }
    const int extra = *p >= 0xF0 ? 3 : *p >= 0xE0 ? 2 : 1;
    if (*p < 0xC2 || *p > 0xF4 || end - p <= extra) return false;
    // The first continuation byte's range rules out overlong forms, surrogates and what is too
    // large.
    const uint8_t low = *p == 0xE0 ? 0xA0 : *p == 0xF0 ? 0x90 : 0x80;
    const uint8_t high = *p == 0xED ? 0x9F : *p == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high) return false;
    for (int i = 2; i <= extra; ++i) {
      if ((p[i] & 0xC0) != 0x80) return false;
    }
    p += extra + 1;
  }
  return true;
}

}  // namespace forebay::sql
