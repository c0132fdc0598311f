#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

/// The stored value of an ordered entry: zigzag LEB128 of the count, then the value's bytes. DO NOT
/// CHANGE: persisted; the byte table is in state/README.md.
namespace forebay::state {

inline constexpr size_t kMostCountBytes = 10;

/// Writes to `out`, which has room for kMostCountBytes and the value; returns the end.
inline char* encode_counted(int64_t count, std::string_view value, char* out) {
  uint64_t bits = static_cast<uint64_t>(count) << 1 ^ static_cast<uint64_t>(count >> 63);
  while (bits >= 0x80) {
    *out++ = static_cast<char>(static_cast<uint8_t>(bits) | 0x80);
    bits >>= 7;
  }
  *out++ = static_cast<char>(bits);
  if (!value.empty()) std::memcpy(out, value.data(), value.size());
  return out + value.size();
}

/// False on bytes that encode_counted did not make. `value` points into `bytes`.
inline bool decode_counted(std::string_view bytes, int64_t& count, std::string_view& value) {
  uint64_t bits = 0;
  for (size_t i = 0; i < bytes.size() && i < kMostCountBytes; ++i) {
    auto byte = static_cast<uint8_t>(bytes[i]);
    bits |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) {
      count = static_cast<int64_t>(bits >> 1) ^ -static_cast<int64_t>(bits & 1);
      value = bytes.substr(i + 1);
      return count != 0;
    }
  }
  return false;
}

}  // namespace forebay::state
