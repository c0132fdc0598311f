#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <string_view>

#include "engine/data/array.h"
#include "engine/data/json.h"
#include "engine/data/row_codec.h"

/// The order-preserving bytes of single values, one kernel per layout; used by row_codec.cpp only.
/// A kernel has size() and write(), which agree, and read(), which is write()'s inverse. Ascending
/// only: descending columns are complemented afterwards. DO NOT CHANGE: persisted; byte tables are
/// in state/README.md.
namespace forebay::data::key_bytes {

/// In front of every value. NULL is below or above every value.
inline constexpr char kNullFirst = 0x01;
inline constexpr char kValue = 0x02;
inline constexpr char kNullLast = 0x03;

inline char* write_u64(uint64_t value, char* out) {
  value = __builtin_bswap64(value);
  std::memcpy(out, &value, 8);
  return out + 8;
}
inline char* write_u32(uint32_t value, char* out) {
  value = __builtin_bswap32(value);
  std::memcpy(out, &value, 4);
  return out + 4;
}
inline char* write_u16(uint16_t value, char* out) {
  out[0] = static_cast<char>(value >> 8);
  out[1] = static_cast<char>(value);
  return out + 2;
}

/// Reads bytes that may be complemented. After a read beyond the end `failed` is set and zeros
/// come.
struct Reader {
  std::string_view bytes;
  uint8_t mask = 0;
  bool failed = false;

  uint8_t u8() {
    if (bytes.empty()) {
      failed = true;
      return 0;
    }
    auto value = static_cast<uint8_t>(static_cast<uint8_t>(bytes.front()) ^ mask);
    bytes.remove_prefix(1);
    return value;
  }
  uint64_t big_endian(int width) {
    uint64_t value = 0;
    if (width == 8 && bytes.size() >= 8) {
      std::memcpy(&value, bytes.data(), 8);
      bytes.remove_prefix(8);
      return __builtin_bswap64(value) ^ (0 - uint64_t{mask & 1u});
    }
    for (int i = 0; i < width; ++i) value = value << 8 | u8();
    return value;
  }
};

struct BoolKernel {
  using Value = uint8_t;
  static constexpr uint32_t kFixedSize = 1;
  static uint32_t size(Value, KeyMode) { return kFixedSize; }
  static char* write(Value value, KeyMode, char* out) {
    *out = static_cast<char>(value);
    return out + 1;
  }
  static Value read(Reader& in, KeyMode) { return in.u8() != 0; }
};

struct Int32Kernel {
  using Value = int32_t;
  static constexpr uint32_t kFixedSize = 4;
  static uint32_t size(Value, KeyMode) { return kFixedSize; }
  static char* write(Value value, KeyMode, char* out) {
    return write_u32(static_cast<uint32_t>(value) ^ 0x80000000u, out);
  }
  static Value read(Reader& in, KeyMode) {
    return static_cast<Value>(static_cast<uint32_t>(in.big_endian(4)) ^ 0x80000000u);
  }
};

struct Int64Kernel {
  using Value = int64_t;
  static constexpr uint32_t kFixedSize = 8;
  static uint32_t size(Value, KeyMode) { return kFixedSize; }
  static char* write(Value value, KeyMode, char* out) {
    return write_u64(static_cast<uint64_t>(value) ^ uint64_t{1} << 63, out);
  }
  static Value read(Reader& in, KeyMode) {
    return static_cast<Value>(in.big_endian(8) ^ uint64_t{1} << 63);
  }
};

struct DoubleKernel {
  using Value = double;
  static constexpr uint32_t kFixedSize = 8;
  static constexpr uint64_t kSign = uint64_t{1} << 63;
  static uint32_t size(Value, KeyMode) { return kFixedSize; }
  static char* write(Value value, KeyMode mode, char* out) {
    if (value != value) value = std::numeric_limits<double>::quiet_NaN();
    if (mode == KeyMode::kGrouping && value == 0) value = 0.0;
    auto bits = std::bit_cast<uint64_t>(value);
    return write_u64((bits & kSign) != 0 ? ~bits : bits | kSign, out);
  }
  static Value read(Reader& in, KeyMode) {
    uint64_t bits = in.big_endian(8);
    return std::bit_cast<double>((bits & kSign) != 0 ? bits & ~kSign : ~bits);
  }
};

/// The span that intervals compare by (a month is 30 days, a day 24 hours) in 12 bytes; kExact
/// appends months and days, from which the microseconds follow.
struct IntervalKernel {
  using Value = Interval;
  static constexpr uint32_t kFixedSize = 0;
  static constexpr Int128 kDay = Int128{86'400'000'000};
  static uint32_t size(const Value&, KeyMode mode) { return mode == KeyMode::kExact ? 20 : 12; }
  static Int128 span(int64_t months, int64_t days, int64_t microseconds) {
    return (Int128{months} * 30 + days) * kDay + microseconds;
  }
  static char* write(const Value& value, KeyMode mode, char* out) {
    Int128 biased = span(value.months, value.days, value.microseconds) + (Int128{1} << 95);
    out = write_u32(static_cast<uint32_t>(biased >> 64), out);
    out = write_u64(static_cast<uint64_t>(biased), out);
    if (mode == KeyMode::kExact) {
      out = Int32Kernel::write(value.months, mode, out);
      out = Int32Kernel::write(value.days, mode, out);
    }
    return out;
  }
  static Value read(Reader& in, KeyMode mode) {
    Int128 high = static_cast<Int128>(in.big_endian(4)) << 64;
    Int128 total = (high | static_cast<Int128>(in.big_endian(8))) - (Int128{1} << 95);
    Interval value;
    if (mode == KeyMode::kExact) {
      value.months = Int32Kernel::read(in, mode);
      value.days = Int32Kernel::read(in, mode);
      value.microseconds = static_cast<int64_t>(total - span(value.months, value.days, 0));
      return value;
    }
    auto days = static_cast<int64_t>(total / kDay);
    value.microseconds = static_cast<int64_t>(total % kDay);
    if (days != static_cast<int32_t>(days)) {
      constexpr int64_t kMostMonths = std::numeric_limits<int32_t>::max();
      value.months = static_cast<int32_t>(std::clamp(days / 30, -kMostMonths, kMostMonths));
      days -= int64_t{value.months} * 30;
    }
    value.days = static_cast<int32_t>(days);
    return value;
  }
};

/// The bytes, with 0x00 as 0x00 0xFF, ended by 0x00 0x01.
struct StringKernel {
  using Value = StringView;
  static constexpr uint32_t kFixedSize = 0;
  static uint32_t zeros_in(const char* data, uint32_t size) {
    if (size == 0 || std::memchr(data, 0, size) == nullptr) return 0;
    uint32_t zeros = 0;
    for (uint32_t i = 0; i < size; ++i) zeros += data[i] == 0;
    return zeros;
  }
  static uint32_t size(std::string_view value, KeyMode) {
    auto size = static_cast<uint32_t>(value.size());
    return size + 2 + zeros_in(value.data(), size);
  }
  static uint32_t size(const Value& value, KeyMode) {
    return value.size() + 2 + zeros_in(value.data(), value.size());
  }
  static char* write(std::string_view value, KeyMode, char* out) {
    const char* data = value.data();
    size_t left = value.size();
    while (left > 0) {
      const void* zero = std::memchr(data, 0, left);
      size_t run =
          zero == nullptr ? left : static_cast<size_t>(static_cast<const char*>(zero) - data);
      std::memcpy(out, data, run);
      out += run;
      if (zero == nullptr) break;
      *out++ = 0;
      *out++ = static_cast<char>(0xFF);
      data += run + 1;
      left -= run + 1;
    }
    *out++ = 0;
    *out++ = 1;
    return out;
  }
  static char* write(const Value& value, KeyMode mode, char* out) {
    return write(value.view(), mode, out);
  }
  static std::string read(Reader& in, KeyMode) {
    std::string value;
    while (!in.failed) {
      uint8_t byte = in.u8();
      if (byte != 0) {
        value.push_back(static_cast<char>(byte));
        continue;
      }
      uint8_t next = in.u8();
      if (next == 1) return value;
      if (next != 0xFF) in.failed = true;
      value.push_back(0);
    }
    return value;
  }
};

/// Bytes that a value of a type with an order of its own writes as it pleases.
template <auto Append, auto Read>
struct OrderedKernel {
  using Value = StringView;
  static constexpr uint32_t kFixedSize = 0;
  static std::string bytes_of(std::string_view value, KeyMode mode) {
    std::string bytes;
    Append(value, mode, bytes);
    return bytes;
  }
  static uint32_t size(std::string_view value, KeyMode mode) {
    return static_cast<uint32_t>(bytes_of(value, mode).size());
  }
  static uint32_t size(const Value& value, KeyMode mode) { return size(value.view(), mode); }
  static char* write(std::string_view value, KeyMode mode, char* out) {
    const std::string bytes = bytes_of(value, mode);
    std::memcpy(out, bytes.data(), bytes.size());
    return out + bytes.size();
  }
  static char* write(const Value& value, KeyMode mode, char* out) {
    return write(value.view(), mode, out);
  }
  static std::string read(Reader& in, KeyMode mode) {
    std::string value;
    if (!Read(in.bytes, in.mask, mode, value)) in.failed = true;
    return value;
  }
};
using JsonKernel = OrderedKernel<append_json_key, read_json_key>;
using ArrayKernel = OrderedKernel<append_array_key, read_array_key>;

/// A class byte; for finite values that are not zero a decimal exponent and the digits without
/// trailing zeros, two per byte (1 to 100), ended by 0, all complemented when negative; kExact
/// appends the scale.
struct NumericKernel {
  using Value = Numeric;
  static constexpr uint32_t kFixedSize = 0;
  static constexpr uint32_t kMostBytes = 1 + 2 + 20 + 1 + 2;
  enum Class : uint8_t {
    kNegativeInfinity = 0x10,
    kNegative = 0x20,
    kZero = 0x30,
    kPositive = 0x40,
    kInfinity = 0x50,
    kNaN = 0x60,
  };
  /// Not used on the vectorised path, which writes numerics once into a scratch area.
  static uint32_t size(const Value& value, KeyMode mode) {
    char scratch[kMostBytes];
    return static_cast<uint32_t>(write(value, mode, scratch) - scratch);
  }
  static char* write(const Value& value, KeyMode mode, char* out);
  /// `scale` >= 0: the least scale to show; the value's own digits are never cut.
  static Value read(Reader& in, KeyMode mode, int32_t scale);
};

}  // namespace forebay::data::key_bytes
