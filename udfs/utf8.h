#pragma once

#include <cstdint>
#include <string_view>

/// Characters (code points) of valid UTF-8.
namespace forebay::udfs::utf8 {

inline bool is_continuation(char byte) { return (static_cast<uint8_t>(byte) & 0xc0) == 0x80; }

/// How many characters.
inline int64_t length(std::string_view text) {
  int64_t count = 0;
  for (char byte : text) count += !is_continuation(byte);
  return count;
}

/// Bytes of the character that starts at `text[at]`.
inline size_t width_at(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && is_continuation(text[end])) ++end;
  return end - at;
}

/// The byte where character `index` (from 0) starts; text.size() when there are not so many.
inline size_t offset_of(std::string_view text, int64_t index) {
  if (index <= 0) return 0;
  if (static_cast<uint64_t>(index) >= text.size()) return text.size();
  size_t at = 0;
  while (at < text.size() && index > 0) {
    at += width_at(text, at);
    --index;
  }
  return at;
}

/// The first `count` characters.
inline std::string_view prefix(std::string_view text, int64_t count) {
  return text.substr(0, offset_of(text, count));
}

/// Appends a code point.
template <typename String>
void append(uint32_t code, String& out) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

/// The code point of the first character of a text that is not empty.
inline uint32_t decode(std::string_view text) {
  auto byte = [&](size_t i) -> uint32_t {
    return i < text.size() ? static_cast<uint8_t>(text[i]) & 0x3f : 0;
  };
  const auto first = static_cast<uint8_t>(text[0]);
  if (first < 0x80) return first;
  if (first < 0xe0) return (first & 0x1fu) << 6 | byte(1);
  if (first < 0xf0) return (first & 0x0fu) << 12 | byte(1) << 6 | byte(2);
  return (first & 0x07u) << 18 | byte(1) << 12 | byte(2) << 6 | byte(3);
}

}  // namespace forebay::udfs::utf8
