#include "engine/data/column.h"

#include <fmt/format.h>

#include <algorithm>

namespace forebay::data {

namespace {

uint32_t words_for(uint32_t rows) { return (rows + 63) / 64; }

std::shared_ptr<char[]> allocate_values(size_t bytes) {
  return std::shared_ptr<char[]>(new char[bytes == 0 ? 1 : bytes]);
}

}  // namespace

size_t Column::bytes() const {
  size_t total = size_t{constant_ ? 1 : size_} * width_of(layout_of(type_.id)) +
                 validity_.size() * sizeof(uint64_t);
  for (const ArenaRef& arena : arenas_) total += arena->bytes();
  return total;
}

Datum Column::datum(uint32_t row) const {
  if (is_null(row)) return Datum::null(type_);
  switch (layout_of(type_.id)) {
    case Layout::kBool:
      return {type_, at<uint8_t>(row) != 0};
    case Layout::kInt32:
      return {type_, at<int32_t>(row)};
    case Layout::kInt64:
      return {type_, at<int64_t>(row)};
    case Layout::kDouble:
      return {type_, at<double>(row)};
    case Layout::kNumeric:
      return {type_, at<Numeric>(row)};
    case Layout::kString:
      return {type_, at<StringView>(row).str()};
    case Layout::kInterval:
      return {type_, at<Interval>(row)};
  }
  return Datum::null(type_);
}

ColumnRef Column::constant(const Datum& value, uint32_t size) {
  ColumnBuilder builder(value.type, 1);
  builder.append_datum(value);
  return builder.finish_constant(size);
}

ColumnRef Column::with_type(const ColumnRef& column, Type type) {
  if (column->type_ == type) return column;
  FOREBAY_CHECK(layout_of(column->type_.id) == layout_of(type.id),
                fmt::format("{} as {}", column->type_.name(), type.name()));
  auto copy = std::make_shared<Column>(*column);
  copy->type_ = type;
  return copy;
}

ColumnRef Column::resized(const ColumnRef& column, uint32_t size) {
  if (column->size_ == size) return column;
  FOREBAY_CHECK(column->constant_ || size < column->size_,
                fmt::format("{} rows from {}", size, column->size_));
  auto copy = std::make_shared<Column>(*column);
  copy->size_ = size;
  return copy;
}

ColumnBuilder::ColumnBuilder(Type type, uint32_t capacity)
    : type_(type), width_(width_of(layout_of(type.id))) {
  if (capacity > 0) reserve(capacity);
}

void ColumnBuilder::reserve(uint32_t capacity) {
  if (capacity <= capacity_) return;
  auto values = allocate_values(size_t{capacity} * width_);
  if (size_ > 0) std::memcpy(values.get(), values_.get(), size_t{size_} * width_);
  values_ = std::move(values);
  capacity_ = capacity;
}

void ColumnBuilder::grow() { reserve(std::max<uint32_t>(16, capacity_ * 2)); }

void ColumnBuilder::start_validity() {
  validity_.assign(std::max<uint32_t>(1, words_for(size_)), ~uint64_t{0});
}

void ColumnBuilder::push_validity(bool valid) {
  uint32_t word = size_ >> 6;
  if (word >= validity_.size()) validity_.push_back(~uint64_t{0});
  uint64_t bit = uint64_t{1} << (size_ & 63);
  if (valid) {
    validity_[word] |= bit;
  } else {
    validity_[word] &= ~bit;
  }
}

void ColumnBuilder::append_datum(const Datum& datum) {
  if (datum.is_null()) {
    append_null();
    return;
  }
  switch (layout_of(type_.id)) {
    case Layout::kBool:
      append<uint8_t>(std::get<bool>(datum.value) ? 1 : 0);
      break;
    case Layout::kInt32:
      append(std::get<int32_t>(datum.value));
      break;
    case Layout::kInt64:
      append(std::get<int64_t>(datum.value));
      break;
    case Layout::kDouble:
      append(std::get<double>(datum.value));
      break;
    case Layout::kNumeric:
      append(std::get<Numeric>(datum.value));
      break;
    case Layout::kString:
      append_string(std::get<std::string>(datum.value));
      break;
    case Layout::kInterval:
      append(std::get<Interval>(datum.value));
      break;
  }
}

void ColumnBuilder::append_from(const ColumnView& source, uint32_t row) {
  if (source.is_null(row)) {
    append_null();
    return;
  }
  if (size_ == capacity_) grow();
  std::memcpy(values_.get() + size_t{size_} * width_,
              static_cast<const char*>(source.values) + size_t{row} * source.step * width_, width_);
  if (!validity_.empty()) push_validity(true);
  ++size_;
}

namespace {

template <typename T>
void gather(const ColumnView& source, std::span<const uint32_t> rows, char* target) {
  T* out = reinterpret_cast<T*>(target);
  const T* values = static_cast<const T*>(source.values);
  if (source.step == 0) {
    std::fill(out, out + rows.size(), values[0]);
    return;
  }
  for (size_t i = 0; i < rows.size(); ++i) out[i] = values[rows[i]];
}

}  // namespace

void ColumnBuilder::append_selected(const Column& source, std::span<const uint32_t> rows) {
  if (rows.empty()) return;
  keep_arenas(source);
  uint32_t first = size_;
  uint32_t count = static_cast<uint32_t>(rows.size());
  if (first + count > capacity_) reserve(std::max(first + count, capacity_ * 2));
  ColumnView view = source.view();
  char* target = values_.get() + size_t{first} * width_;
  switch (width_) {
    case 1:
      gather<uint8_t>(view, rows, target);
      break;
    case 4:
      gather<uint32_t>(view, rows, target);
      break;
    case 8:
      gather<uint64_t>(view, rows, target);
      break;
    case 16:
      gather<Interval>(view, rows, target);
      break;
    default:
      gather<Numeric>(view, rows, target);
      break;
  }
  if (view.validity == nullptr) {
    if (!validity_.empty()) {
      for (uint32_t i = 0; i < count; ++i, ++size_) push_validity(true);
    } else {
      size_ += count;
    }
    return;
  }
  if (validity_.empty()) start_validity();
  for (uint32_t row : rows) {
    push_validity(!view.is_null(row));
    ++size_;
  }
}

char* ColumnBuilder::resize_bytes(uint32_t rows) {
  reserve(rows);
  if (values_ == nullptr) values_ = allocate_values(0);
  size_ = rows;
  validity_.clear();
  return values_.get();
}

void ColumnBuilder::set_null(uint32_t row) {
  if (validity_.empty()) start_validity();
  validity_.resize(std::max<size_t>(1, words_for(size_)), ~uint64_t{0});
  validity_[row >> 6] &= ~(uint64_t{1} << (row & 63));
}

void ColumnBuilder::set_validity(const uint64_t* words) {
  if (words == nullptr) {
    validity_.clear();
  } else {
    validity_.assign(words, words + std::max<uint32_t>(1, words_for(size_)));
  }
}

Arena& ColumnBuilder::arena() {
  if (arena_ == nullptr) arena_ = std::make_shared<Arena>();
  return *arena_;
}

void ColumnBuilder::keep(ArenaRef arena) {
  if (std::find(arenas_.begin(), arenas_.end(), arena) == arenas_.end()) {
    arenas_.push_back(std::move(arena));
  }
}

void ColumnBuilder::keep_arenas(const Column& source) {
  for (const ArenaRef& arena : source.arenas()) keep(arena);
}

ColumnRef ColumnBuilder::finish() {
  auto column = std::make_shared<Column>();
  column->type_ = type_;
  column->size_ = size_;
  if (values_ == nullptr) values_ = allocate_values(0);
  column->values_ = std::move(values_);
  column->validity_ = std::move(validity_);
  if (arena_ != nullptr) arenas_.push_back(std::move(arena_));
  column->arenas_ = std::move(arenas_);
  values_ = nullptr;
  arena_ = nullptr;
  validity_.clear();
  arenas_.clear();
  size_ = 0;
  capacity_ = 0;
  return column;
}

ColumnRef ColumnBuilder::finish_constant(uint32_t size) {
  FOREBAY_CHECK(size_ == 1, fmt::format("{} rows for a constant", size_));
  ColumnRef column = finish();
  auto constant = std::const_pointer_cast<Column>(column);
  constant->size_ = size;
  constant->constant_ = true;
  return column;
}

}  // namespace forebay::data
