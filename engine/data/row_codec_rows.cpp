#include <bit>
#include <limits>

#include "engine/data/row_codec.h"
#include "engine/data/row_value.h"

/// The compact row codec: a bitmap of NULLs, then the values that are there. DO NOT CHANGE:
/// persisted; the byte table is in state/README.md.
namespace forebay::data {

namespace {

using UInt128 = unsigned __int128;

uint64_t zigzag(int64_t value) {
  return static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
}
int64_t unzigzag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

/// An unscaled value of a numeric: zigzag, LEB128 in up to 19 bytes.
void append_int128(Int128 value, std::string& out) {
  UInt128 bits = static_cast<UInt128>(value) << 1 ^ static_cast<UInt128>(value >> 127);
  while (bits >= 0x80) {
    out.push_back(static_cast<char>(static_cast<uint8_t>(bits) | 0x80));
    bits >>= 7;
  }
  out.push_back(static_cast<char>(bits));
}
bool read_int128(std::string_view& bytes, Int128& value) {
  UInt128 bits = 0;
  for (size_t i = 0; i < bytes.size() && i < 19; ++i) {
    auto byte = static_cast<uint8_t>(bytes[i]);
    bits |= static_cast<UInt128>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) {
      bytes.remove_prefix(i + 1);
      value = static_cast<Int128>(bits >> 1) ^ -static_cast<Int128>(bits & 1);
      return true;
    }
  }
  return false;
}

}  // namespace

void append_row_value(const Column& column, uint32_t row, std::string& out) {
  switch (layout_of(column.type().id)) {
    case Layout::kBool:
      out.push_back(static_cast<char>(column.at<uint8_t>(row)));
      return;
    case Layout::kInt32:
      append_varint(zigzag(column.at<int32_t>(row)), out);
      return;
    case Layout::kInt64:
      append_varint(zigzag(column.at<int64_t>(row)), out);
      return;
    case Layout::kDouble: {
      double value = column.at<double>(row);
      if (value != value) value = std::numeric_limits<double>::quiet_NaN();
      out.append(reinterpret_cast<const char*>(&value), 8);
      return;
    }
    case Layout::kNumeric: {
      const auto& value = column.at<Numeric>(row);
      uint64_t scale = value.is_finite() ? value.scale : 0;
      append_varint(scale << 2 | static_cast<uint64_t>(value.kind), out);
      if (value.is_finite()) append_int128(value.unscaled(), out);
      return;
    }
    case Layout::kString: {
      const auto& value = column.at<StringView>(row);
      append_varint(value.size(), out);
      out.append(value.data(), value.size());
      return;
    }
    case Layout::kInterval: {
      const auto& value = column.at<Interval>(row);
      append_varint(zigzag(value.months), out);
      append_varint(zigzag(value.days), out);
      append_varint(zigzag(value.microseconds), out);
      return;
    }
  }
}

namespace {

bool read_signed(std::string_view& bytes, int64_t least, int64_t most, int64_t& value) {
  uint64_t raw;
  if (!read_varint(bytes, raw)) return false;
  value = unzigzag(raw);
  return value >= least && value <= most;
}

template <typename T>
bool read_int(std::string_view& bytes, ColumnBuilder& out) {
  int64_t value;
  if (!read_signed(bytes, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), value)) {
    return false;
  }
  out.append(static_cast<T>(value));
  return true;
}

bool read_numeric(std::string_view& bytes, ColumnBuilder& out) {
  uint64_t head;
  if (!read_varint(bytes, head) || head >> 2 > 16383) return false;
  auto kind = static_cast<Numeric::Kind>(head & 3);
  if (kind != Numeric::Kind::kFinite) {
    out.append(Numeric::special(kind));
    return true;
  }
  Int128 unscaled;
  if (!read_int128(bytes, unscaled)) return false;
  out.append(Numeric(unscaled, static_cast<uint16_t>(head >> 2)));
  return true;
}

bool read_interval(std::string_view& bytes, ColumnBuilder& out) {
  constexpr int64_t kLeast = std::numeric_limits<int32_t>::min();
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  int64_t months, days, microseconds;
  if (!read_signed(bytes, kLeast, kMost, months) || !read_signed(bytes, kLeast, kMost, days) ||
      !read_signed(bytes, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max(),
                   microseconds)) {
    return false;
  }
  out.append(Interval{microseconds, static_cast<int32_t>(days), static_cast<int32_t>(months)});
  return true;
}

}  // namespace

bool read_row_value(std::string_view& bytes, ColumnBuilder& out) {
  switch (layout_of(out.type().id)) {
    case Layout::kBool:
      if (bytes.empty()) return false;
      out.append(static_cast<uint8_t>(bytes.front() != 0));
      bytes.remove_prefix(1);
      return true;
    case Layout::kInt32:
      return read_int<int32_t>(bytes, out);
    case Layout::kInt64:
      return read_int<int64_t>(bytes, out);
    case Layout::kDouble: {
      if (bytes.size() < 8) return false;
      double value;
      std::memcpy(&value, bytes.data(), 8);
      out.append(value);
      bytes.remove_prefix(8);
      return true;
    }
    case Layout::kNumeric:
      return read_numeric(bytes, out);
    case Layout::kString: {
      uint64_t size;
      if (!read_varint(bytes, size) || size > bytes.size()) return false;
      out.append_string(bytes.substr(0, size));
      bytes.remove_prefix(size);
      return true;
    }
    case Layout::kInterval:
      return read_interval(bytes, out);
  }
  return false;
}

namespace {

/// `column(i)` is the i-th of `count` columns.
template <typename F>
void append_columns(size_t count, F&& column, uint32_t row, std::string& out) {
  size_t bitmap = out.size();
  out.append((count + 7) / 8, '\0');
  for (size_t i = 0; i < count; ++i) {
    const Column& c = column(i);
    if (c.is_null(row)) {
      out[bitmap + i / 8] = static_cast<char>(out[bitmap + i / 8] | 1 << (i % 8));
    } else {
      append_row_value(c, row, out);
    }
  }
}

}  // namespace

void append_varint(uint64_t value, std::string& out) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(static_cast<uint8_t>(value) | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

bool read_varint(std::string_view& bytes, uint64_t& value) {
  uint64_t bits = 0;
  for (size_t i = 0; i < bytes.size() && i < 10; ++i) {
    auto byte = static_cast<uint8_t>(bytes[i]);
    bits |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) {
      bytes.remove_prefix(i + 1);
      value = bits;
      return true;
    }
  }
  return false;
}

void append_row(const ChangeBatch& batch, std::span<const uint32_t> columns, uint32_t physical_row,
                std::string& out) {
  append_columns(
      columns.size(), [&](size_t i) -> const Column& { return batch.column(columns[i]); },
      physical_row, out);
}

void append_row(const ChangeBatch& batch, uint32_t physical_row, std::string& out) {
  append_columns(
      batch.columns().size(), [&](size_t i) -> const Column& { return batch.column(i); },
      physical_row, out);
}

Status decode_row(std::string_view& bytes, std::span<ColumnBuilder> out) {
  size_t bitmap_bytes = (out.size() + 7) / 8;
  if (bytes.size() < bitmap_bytes) return {sqlstate::kDataCorrupted, "corrupt row bytes"};
  std::string_view bitmap = bytes.substr(0, bitmap_bytes);
  bytes.remove_prefix(bitmap_bytes);
  for (size_t i = 0; i < out.size(); ++i) {
    if ((bitmap[i / 8] >> (i % 8) & 1) != 0) {
      out[i].append_null();
    } else if (!read_row_value(bytes, out[i])) {
      return {sqlstate::kDataCorrupted, "corrupt row bytes"};
    }
  }
  return {};
}

}  // namespace forebay::data
