#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/data/arena.h"
#include "engine/data/value.h"

/// Columns: contiguous values of one type with a validity bitmap.
namespace forebay::data {

/// What a kernel reads: raw pointers into a column that lives at least as long. `step` is 1, or 0 when
/// one physical value stands for all rows (a constant).
struct ColumnView {
  const void* values = nullptr;
  /// Bit row = 1: not NULL. nullptr: no NULLs. For a constant, bit 0 counts for all rows.
  const uint64_t* validity = nullptr;
  uint32_t step = 1;

  template <typename T>
  const T& at(uint32_t row) const {
    return static_cast<const T*>(values)[size_t{row} * step];
  }
  bool is_null(uint32_t row) const {
    if (validity == nullptr) return false;
    uint32_t at = row * step;
    return (validity[at >> 6] >> (at & 63) & 1) == 0;
  }
};

class Column;
using ColumnRef = std::shared_ptr<const Column>;

/// An immutable column of `size()` rows. Shared by reference; made by ColumnBuilder.
class Column {
 public:
  const Type& type() const { return type_; }
  uint32_t size() const { return size_; }
  bool is_constant() const { return constant_; }
  bool has_nulls() const { return !validity_.empty(); }
  bool is_null(uint32_t row) const { return view().is_null(row); }
  template <typename T>
  const T& at(uint32_t row) const {
    return view().at<T>(row);
  }
  ColumnView view() const {
    return {values_.get(), validity_.empty() ? nullptr : validity_.data(), constant_ ? 0u : 1u};
  }
  /// Bytes held, shared string buffers counted whole.
  size_t bytes() const;
  /// A copy of one value, for cold paths.
  Datum datum(uint32_t row) const;
  /// The arenas that long strings point into; a new column that copies this one's StringViews (not
  /// their bytes) must hold them too.
  const std::vector<ArenaRef>& arenas() const { return arenas_; }

  /// One value for `size` rows.
  static ColumnRef constant(const Datum& value, uint32_t size);
  /// The same values seen as another type of the same layout (varchar as text).
  static ColumnRef with_type(const ColumnRef& column, Type type);
  /// A column of `size` rows over the first `size` rows of a constant or longer column.
  static ColumnRef resized(const ColumnRef& column, uint32_t size);

 private:
  friend class ColumnBuilder;
  Type type_;
  uint32_t size_ = 0;
  bool constant_ = false;
  std::shared_ptr<char[]> values_;
  std::vector<uint64_t> validity_;
  std::vector<ArenaRef> arenas_;
};

/// Fills one column. After finish() it is empty and can be used again.
class ColumnBuilder {
 public:
  explicit ColumnBuilder(Type type, uint32_t capacity = 0);

  const Type& type() const { return type_; }
  uint32_t size() const { return size_; }
  void reserve(uint32_t capacity);

  /// T is the layout's C++ type. For strings use append_string (copies) or append<StringView> with an
  /// arena given to keep().
  template <typename T>
  void append(const T& value) {
    if (size_ == capacity_) grow();
    reinterpret_cast<T*>(values_.get())[size_] = value;
    if (!validity_.empty()) push_validity(true);
    ++size_;
  }
  void append_null() {
    if (size_ == capacity_) grow();
    if (validity_.empty()) start_validity();
    std::memset(values_.get() + size_t{size_} * width_, 0, width_);
    push_validity(false);
    ++size_;
  }
  void append_string(std::string_view bytes) {
    if (bytes.size() > StringView::kInlineBytes) bytes = arena().copy(bytes);
    append(StringView(bytes));
  }
  void append_datum(const Datum& datum);
  /// Appends rows of a column of the same layout; long strings are shared, not copied: call
  /// keep_arenas(source) once.
  void append_from(const ColumnView& source, uint32_t row);
  void append_selected(const Column& source, std::span<const uint32_t> rows);

  /// Direct writing: sets the size to `rows`, all valid, and returns the values to fill. Strings
  /// written must be inline or live in arena() or a kept arena.
  template <typename T>
  T* resize_for_write(uint32_t rows) {
    return reinterpret_cast<T*>(resize_bytes(rows));
  }
  char* resize_bytes(uint32_t rows);
  void set_null(uint32_t row);
  /// Takes over a bitmap as it is (size_ bits; nullptr: all valid).
  void set_validity(const uint64_t* words);

  /// The builder's own arena, for string bytes.
  Arena& arena();
  void keep(ArenaRef arena);
  void keep_arenas(const Column& source);

  ColumnRef finish();
  /// All rows one value: the builder holds exactly one row; the column has `size` rows.
  ColumnRef finish_constant(uint32_t size);

 private:
  void grow();
  void start_validity();
  void push_validity(bool valid);

  Type type_;
  uint32_t width_;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
  std::shared_ptr<char[]> values_;
  std::vector<uint64_t> validity_;
  std::shared_ptr<Arena> arena_;
  std::vector<ArenaRef> arenas_;
};

}  // namespace forebay::data
