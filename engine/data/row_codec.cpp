#include "engine/data/row_codec.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <new>
#include <numeric>

#include "engine/data/key_bytes.h"

namespace forebay::data {

namespace {

using namespace key_bytes;

/// The rows of one encode_keys call.
struct Rows {
  const uint32_t* selection;  // nullptr: all
  uint32_t count;
  uint32_t physical(uint32_t i) const { return selection != nullptr ? selection[i] : i; }
};

/// Calls visit.template operator()<Kernel>() for the kernel of a type.
template <typename F>
void with_kernel(TypeId type, F&& visit) {
  switch (ordering_of(type)) {
    case Ordering::kJson:
      return visit.template operator()<JsonKernel>();
    case Ordering::kArray:
      return visit.template operator()<ArrayKernel>();
    case Ordering::kLayout:
      break;
  }
  switch (layout_of(type)) {
    case Layout::kBool:
      return visit.template operator()<BoolKernel>();
    case Layout::kInt32:
      return visit.template operator()<Int32Kernel>();
    case Layout::kInt64:
      return visit.template operator()<Int64Kernel>();
    case Layout::kDouble:
      return visit.template operator()<DoubleKernel>();
    case Layout::kNumeric:
      return visit.template operator()<NumericKernel>();
    case Layout::kString:
      return visit.template operator()<StringKernel>();
    case Layout::kInterval:
      return visit.template operator()<IntervalKernel>();
  }
}

void complement(char* from, char* to) {
  for (; from != to; ++from) *from = static_cast<char>(~*from);
}

char null_marker(KeyOrder order) { return order.nulls_first ? kNullFirst : kNullLast; }

/// Encoded numerics, made once in the size pass: length byte and bytes, kStride apart.
struct NumericScratch {
  static constexpr size_t kStride = 32;
  std::vector<char> bytes;
};

/// Adds the bytes of the column to the size of every row (sizes[i] of row i).
void add_sizes(const Column& column, const Rows& rows, KeyMode mode, uint32_t* sizes,
               NumericScratch& scratch) {
  ColumnView view = column.view();
  with_kernel(column.type().id, [&]<typename Kernel>() {
    if (Kernel::kFixedSize != 0 && view.validity == nullptr) {
      for (uint32_t i = 0; i < rows.count; ++i) sizes[i] += 1 + Kernel::kFixedSize;
      return;
    }
    if constexpr (std::is_same_v<Kernel, NumericKernel>) {
      scratch.bytes.resize(rows.count * NumericScratch::kStride);
    }
    for (uint32_t i = 0; i < rows.count; ++i) {
      uint32_t row = rows.physical(i);
      if (view.is_null(row)) {
        sizes[i] += 1;
        continue;
      }
      const auto& value = view.at<typename Kernel::Value>(row);
      if constexpr (std::is_same_v<Kernel, NumericKernel>) {
        char* slot = scratch.bytes.data() + i * NumericScratch::kStride;
        *slot = static_cast<char>(Kernel::write(value, mode, slot + 1) - slot - 1);
        sizes[i] += 1 + static_cast<uint32_t>(*slot);
      } else {
        sizes[i] += 1 + Kernel::size(value, mode);
      }
    }
  });
}

/// The keys of one batch: their offsets have 32 bits. More is memory that is not there.
constexpr size_t kMostKeyBytes = size_t{2} << 30;
void check_key_bytes(size_t bytes) {
  if (bytes > kMostKeyBytes) throw std::bad_alloc();
}

/// Writes the column's bytes of row i at base + at[i] and moves at[i] behind them.
void write_column(const Column& column, const Rows& rows, KeyMode mode, KeyOrder order, char* base,
                  uint32_t* at, const NumericScratch& scratch) {
  ColumnView view = column.view();
  with_kernel(column.type().id, [&]<typename Kernel>() {
    for (uint32_t i = 0; i < rows.count; ++i) {
      uint32_t row = rows.physical(i);
      char* start = base + at[i];
      if (view.is_null(row)) {
        *start = null_marker(order);
        at[i] += 1;
        continue;
      }
      *start = kValue;
      char* end;
      if constexpr (std::is_same_v<Kernel, NumericKernel>) {
        const char* slot = scratch.bytes.data() + i * NumericScratch::kStride;
        std::memcpy(start + 1, slot + 1, static_cast<size_t>(*slot));
        end = start + 1 + *slot;
      } else {
        end = Kernel::write(view.at<typename Kernel::Value>(row), mode, start + 1);
      }
      if (order.descending) complement(start + 1, end);
      at[i] = static_cast<uint32_t>(end - base);
    }
  });
}

/// One fixed-width column without NULLs, ascending: no size pass, no cursors.
template <typename Kernel>
void encode_single_fixed(const Column& column, const Rows& rows, KeyMode mode, KeyRows& out) {
  constexpr uint32_t kSize = 1 + Kernel::kFixedSize;
  out.bytes.resize(size_t{rows.count} * kSize);
  ColumnView view = column.view();
  char* to = out.bytes.data();
  for (uint32_t i = 0; i < rows.count; ++i) {
    *to = kValue;
    to = Kernel::write(view.at<typename Kernel::Value>(rows.physical(i)), mode, to + 1);
    out.offsets[i + 1] = (i + 1) * kSize;
  }
}

/// One string column, ascending: grown as it goes.
void encode_single_string(const Column& column, const Rows& rows, KeyMode mode, KeyOrder order,
                          KeyRows& out) {
  ColumnView view = column.view();
  size_t most = 0;
  for (uint32_t i = 0; i < rows.count; ++i) {
    uint32_t row = rows.physical(i);
    most += view.is_null(row) ? 1 : 3 + view.at<StringView>(row).size();
  }
  check_key_bytes(most);
  out.bytes.resize(most);
  size_t used = 0;
  size_t left = most;  // the least that the rows to come need
  for (uint32_t i = 0; i < rows.count; ++i) {
    uint32_t row = rows.physical(i);
    if (view.is_null(row)) {
      left -= 1;
      out.bytes[used++] = null_marker(order);
    } else {
      const auto& value = view.at<StringView>(row);
      left -= 3 + value.size();
      size_t need = 1 + StringKernel::size(value, mode);
      if (used + need + left > out.bytes.size()) {
        check_key_bytes(used + need + left);
        out.bytes.resize((used + need + left) * 5 / 4);
      }
      out.bytes[used] = kValue;
      char* end = StringKernel::write(value, mode, out.bytes.data() + used + 1);
      used = static_cast<size_t>(end - out.bytes.data());
    }
    out.offsets[i + 1] = static_cast<uint32_t>(used);
  }
  out.bytes.resize(used);
}

/// True when a fast path for one column took it.
bool encode_single(const Column& column, const Rows& rows, KeyMode mode, KeyOrder order,
                   KeyRows& out) {
  if (order.descending) return false;
  Layout layout = layout_of(column.type().id);
  if (ordering_of(column.type().id) != Ordering::kLayout) return false;
  if (layout == Layout::kString) {
    encode_single_string(column, rows, mode, order, out);
    return true;
  }
  if (column.has_nulls()) return false;
  switch (layout) {
    case Layout::kInt32:
      encode_single_fixed<Int32Kernel>(column, rows, mode, out);
      return true;
    case Layout::kInt64:
      encode_single_fixed<Int64Kernel>(column, rows, mode, out);
      return true;
    case Layout::kDouble:
      encode_single_fixed<DoubleKernel>(column, rows, mode, out);
      return true;
    default:
      return false;
  }
}

template <typename Kernel, typename Value>
void append_value(const Value& value, KeyMode mode, std::string& out, KeyOrder order) {
  size_t start = out.size();
  out.resize(start + 1 + Kernel::size(value, mode));
  out[start] = kValue;
  Kernel::write(value, mode, out.data() + start + 1);
  if (order.descending) complement(out.data() + start + 1, out.data() + out.size());
}

}  // namespace

uint64_t hash_key(std::string_view key) { return XXH3_64bits(key.data(), key.size()); }

void encode_keys(const ChangeBatch& batch, std::span<const uint32_t> columns, KeyMode mode,
                 KeyRows& out, std::span<const KeyOrder> orders) {
  Rows rows{batch.selection() != nullptr ? batch.selection()->data() : nullptr, batch.rows()};
  out.hashes.clear();
  out.has_null.clear();
  out.offsets.assign(size_t{rows.count} + 1, 0);
  auto order_of = [&](size_t i) { return orders.empty() ? KeyOrder{} : orders[i]; };
  if (columns.size() == 1 &&
      encode_single(batch.column(columns[0]), rows, mode, order_of(0), out)) {
    return;
  }
  std::vector<NumericScratch> scratch(columns.size());
  uint32_t* sizes = out.offsets.data() + 1;
  for (size_t c = 0; c < columns.size(); ++c) {
    add_sizes(batch.column(columns[c]), rows, mode, sizes, scratch[c]);
    if (layout_of(batch.column(columns[c]).type().id) == Layout::kString) {
      check_key_bytes(std::accumulate(sizes, sizes + rows.count, size_t{0}));
    }
  }
  // Writing moves the cursor at offsets[i + 1] from the start of row i to its end.
  uint32_t start = 0;
  for (uint32_t i = 0; i < rows.count; ++i) {
    uint32_t size = sizes[i];
    sizes[i] = start;
    start += size;
  }
  out.bytes.resize(start);
  for (size_t c = 0; c < columns.size(); ++c) {
    write_column(batch.column(columns[c]), rows, mode, order_of(c), out.bytes.data(), sizes,
                 scratch[c]);
  }
}

void add_hashes(KeyRows& keys) {
  uint32_t count = keys.rows();
  keys.hashes.resize(count);
  const char* bytes = keys.bytes.data();
  for (uint32_t i = 0; i < count; ++i) {
    keys.hashes[i] = XXH3_64bits(bytes + keys.offsets[i], keys.offsets[i + 1] - keys.offsets[i]);
  }
}

void mark_nulls(const ChangeBatch& batch, std::span<const uint32_t> columns, KeyRows& keys) {
  uint32_t count = batch.rows();
  keys.has_null.assign(count, 0);
  for (uint32_t c : columns) {
    ColumnView view = batch.column(c).view();
    if (view.validity == nullptr) continue;
    for (uint32_t i = 0; i < count; ++i) keys.has_null[i] |= view.is_null(batch.physical(i));
  }
}

void append_key(const Datum& value, KeyMode mode, std::string& out, KeyOrder order) {
  if (value.is_null()) {
    out.push_back(null_marker(order));
    return;
  }
  const DatumValue& v = value.value;
  const auto append_ordered = [&]<typename Kernel>() {
    append_value<Kernel>(std::string_view(std::get<std::string>(v)), mode, out, order);
  };
  switch (ordering_of(value.type.id)) {
    case Ordering::kJson:
      return append_ordered.template operator()<JsonKernel>();
    case Ordering::kArray:
      return append_ordered.template operator()<ArrayKernel>();
    case Ordering::kLayout:
      break;
  }
  switch (layout_of(value.type.id)) {
    case Layout::kBool:
      return append_value<BoolKernel>(uint8_t{std::get<bool>(v)}, mode, out, order);
    case Layout::kInt32:
      return append_value<Int32Kernel>(std::get<int32_t>(v), mode, out, order);
    case Layout::kInt64:
      return append_value<Int64Kernel>(std::get<int64_t>(v), mode, out, order);
    case Layout::kDouble:
      return append_value<DoubleKernel>(std::get<double>(v), mode, out, order);
    case Layout::kNumeric:
      return append_value<NumericKernel>(std::get<Numeric>(v), mode, out, order);
    case Layout::kString:
      return append_value<StringKernel>(std::string_view(std::get<std::string>(v)), mode, out,
                                        order);
    case Layout::kInterval:
      return append_value<IntervalKernel>(std::get<Interval>(v), mode, out, order);
  }
}

void append_key(const Column& column, uint32_t row, KeyMode mode, std::string& out,
                KeyOrder order) {
  if (column.is_null(row)) {
    out.push_back(null_marker(order));
    return;
  }
  with_kernel(column.type().id, [&]<typename Kernel>() {
    append_value<Kernel>(column.at<typename Kernel::Value>(row), mode, out, order);
  });
}

Status decode_key(std::string_view& key, KeyMode mode, ColumnBuilder& out, KeyOrder order,
                  int32_t numeric_scale) {
  Reader in{key};
  auto marker = static_cast<char>(in.u8());
  if (!in.failed && marker == null_marker(order)) {
    key = in.bytes;
    out.append_null();
    return {};
  }
  if (in.failed || marker != kValue) return {sqlstate::kDataCorrupted, "corrupt key bytes"};
  in.mask = order.descending ? 0xFF : 0;
  int32_t scale = numeric_scale >= 0 ? numeric_scale : out.type().numeric_scale();
  with_kernel(out.type().id, [&]<typename Kernel>() {
    if constexpr (std::is_same_v<typename Kernel::Value, StringView>) {
      std::string value = Kernel::read(in, mode);
      if (!in.failed) out.append_string(value);
    } else if constexpr (std::is_same_v<Kernel, NumericKernel>) {
      Numeric value = Kernel::read(in, mode, scale);
      if (!in.failed) out.append(value);
    } else {
      auto value = Kernel::read(in, mode);
      if (!in.failed) out.append(value);
    }
  });
  if (in.failed) return {sqlstate::kDataCorrupted, "corrupt key bytes"};
  key = in.bytes;
  return {};
}

}  // namespace forebay::data
