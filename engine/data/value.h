#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <variant>

#include "engine/data/type.h"

/// Single values: the C++ types that lie in columns, and Datum, an owned value for cold paths.
namespace forebay::data {

using Int128 = __int128;

/// A PostgreSQL numeric: up to 38 digits, unscaled * 10^-scale, with a display scale. NaN and the
/// infinities are kinds of their own. Trivially copyable, 24 bytes, no padding bits undefined.
struct Numeric {
  enum class Kind : uint8_t { kFinite = 0, kNegativeInfinity = 1, kInfinity = 2, kNaN = 3 };

  uint64_t low = 0;
  int64_t high = 0;
  /// Digits behind the point, 0 <= scale <= 16383 as in PostgreSQL; only 38 digits in all are kept.
  uint16_t scale = 0;
  Kind kind = Kind::kFinite;
  uint8_t reserved[5] = {};

  constexpr Numeric() = default;
  constexpr Numeric(Int128 unscaled, uint16_t scale_digits)
      : low(static_cast<uint64_t>(unscaled)),
        high(static_cast<int64_t>(unscaled >> 64)),
        scale(scale_digits) {}
  static constexpr Numeric special(Kind kind) {
    Numeric value;
    value.kind = kind;
    return value;
  }
  constexpr Int128 unscaled() const {
    return static_cast<Int128>((static_cast<unsigned __int128>(static_cast<uint64_t>(high)) << 64) |
                               low);
  }
  constexpr bool is_finite() const { return kind == Kind::kFinite; }
};
static_assert(sizeof(Numeric) == 24);

/// Months, days and microseconds are kept apart, as in PostgreSQL.
struct Interval {
  int64_t microseconds = 0;
  int32_t days = 0;
  int32_t months = 0;
  friend bool operator==(const Interval&, const Interval&) = default;
};
static_assert(sizeof(Interval) == 16);

/// A 16-byte view of a string: length, 4-byte prefix, then up to 8 further bytes inline or a pointer
/// to all bytes. Strings of up to 12 bytes need no buffer. (Neumann, Freitag: Umbra, CIDR 2020.)
/// Does not own; whoever keeps it beyond its batch copies the bytes.
class StringView {
 public:
  static constexpr uint32_t kInlineBytes = 12;

  constexpr StringView() : size_(0), prefix_{}, inline_{} {}
  /// Points into `bytes` when longer than 12 bytes. bytes.size() < 2^32.
  explicit StringView(std::string_view bytes) : StringView() {
    size_ = static_cast<uint32_t>(bytes.size());
    if (size_ <= kInlineBytes) {
      if (size_ > 0) std::memcpy(prefix_, bytes.data(), size_);
    } else {
      std::memcpy(prefix_, bytes.data(), 4);
      const char* pointer = bytes.data();
      std::memcpy(inline_, &pointer, sizeof pointer);
    }
  }

  uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool is_inline() const { return size_ <= kInlineBytes; }
  const char* data() const {
    if (is_inline()) return prefix_;
    const char* pointer;
    std::memcpy(&pointer, inline_, sizeof pointer);
    return pointer;
  }
  /// Valid while this object (for inline strings) and the buffer live.
  std::string_view view() const { return {data(), size_}; }
  std::string str() const { return std::string(view()); }

  friend bool operator==(const StringView& a, const StringView& b) {
    uint64_t head_a, head_b;
    std::memcpy(&head_a, &a, 8);
    std::memcpy(&head_b, &b, 8);
    if (head_a != head_b) return false;
    if (a.is_inline()) return std::memcmp(a.inline_, b.inline_, 8) == 0;
    return std::memcmp(a.data(), b.data(), a.size_) == 0;
  }
  /// Order by bytes (the C collation).
  friend int compare(const StringView& a, const StringView& b) { 
    int order = a.view().compare(b.view());
    return order < 0 ? -1 : order > 0;
  }

 private:
  uint32_t size_;
  char prefix_[4];
  char inline_[8];
};
static_assert(sizeof(StringView) == 16);

/// One owned value of any type, or NULL (monostate). For literals, parameters, tests and cold paths;
/// never on the hot path. The alternative is fixed by the type's layout: bool, int32_t, int64_t,
/// double, Numeric, std::string, Interval.
using DatumValue =
    std::variant<std::monostate, bool, int32_t, int64_t, double, Numeric, std::string, Interval>;
struct Datum {
  Type type;
  DatumValue value;
  bool is_null() const { return value.index() == 0; }
  static Datum null(Type type) { return {type, {}}; }
};

/// A total order over two values of one type, as ORDER BY sorts: NULL last, NaN above all numbers,
/// text by bytes. Numbers compare by value (1.5 = 1.50). Returns <0, 0, >0.
int compare(const Datum& a, const Datum& b);
/// The same of two values that lie as strings, by the order of their type.
int compare_ordered(TypeId type, std::string_view a, std::string_view b);

}  // namespace forebay::data
