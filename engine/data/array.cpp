#include "engine/data/array.h"

#include <algorithm>

#include "engine/data/key_bytes.h"
#include "engine/data/row_value.h"

namespace forebay::data {

namespace {

constexpr uint64_t kMostDimensions = 6;
constexpr uint64_t kMostElements = 134'217'727;  // PostgreSQL's MaxArraySize

uint64_t zigzag(int64_t value) {
  return static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
}
int64_t unzigzag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

/// Reads the header; false when it is none.
bool read_header(std::string_view& bytes, TypeId& element, std::vector<ArrayDimension>& dimensions,
                 uint64_t& count) {
  uint64_t dimension_count = 0;
  if (bytes.empty()) return false;
  element = static_cast<TypeId>(bytes.front());
  bytes.remove_prefix(1);
  if (!read_varint(bytes, dimension_count) || dimension_count > kMostDimensions) return false;
  count = dimension_count == 0 ? 0 : 1;
  for (uint64_t i = 0; i < dimension_count; ++i) {
    uint64_t length = 0;
    uint64_t lower = 0;
    if (!read_varint(bytes, length) || !read_varint(bytes, lower)) return false;
    if (length == 0 || length > kMostElements) return false;
    dimensions.push_back({static_cast<int32_t>(length), static_cast<int32_t>(unzigzag(lower))});
    count *= length;
    if (count > kMostElements) return false;
  }
  return static_cast<uint8_t>(element) < kTypeCount;
}

Status corrupt() { return Status(sqlstate::kDataCorrupted, "corrupt array bytes"); }

}  // namespace

std::string encode_array(std::span<const ArrayDimension> dimensions, const Column& elements) {
  std::string out;
  out.push_back(static_cast<char>(elements.type().id));
  append_varint(dimensions.size(), out);
  for (const ArrayDimension& dimension : dimensions) {
    append_varint(static_cast<uint64_t>(dimension.length), out);
    append_varint(zigzag(dimension.lower), out);
  }
  if (dimensions.empty()) return out;
  for (uint32_t i = 0; i < elements.size(); ++i) {
    out.push_back(static_cast<char>(!elements.is_null(i)));
    if (!elements.is_null(i)) append_row_value(elements, i, out);
  }
  return out;
}

std::string encode_array(const Column& elements) {
  if (elements.size() == 0) return encode_array({}, elements);
  const ArrayDimension dimension{static_cast<int32_t>(elements.size()), 1};
  return encode_array({&dimension, 1}, elements);
}

Result<Array> decode_array(std::string_view bytes, Type element) {
  Array array;
  TypeId stored = TypeId::kUnknown;
  uint64_t count = 0;
  if (!read_header(bytes, stored, array.dimensions, count)) return corrupt();
  ColumnBuilder builder(element.id == stored ? element : Type{stored});
  for (uint64_t i = 0; i < count; ++i) {
    if (bytes.empty()) return corrupt();
    const bool is_there = bytes.front() != 0;
    bytes.remove_prefix(1);
    if (!is_there) {
      builder.append_null();
    } else if (!read_row_value(bytes, builder)) {
      return corrupt();
    }
  }
  if (!bytes.empty()) return corrupt();
  array.elements = builder.finish();
  return array;
}

std::vector<ArrayDimension> array_dimensions(std::string_view bytes) {
  std::vector<ArrayDimension> dimensions;
  TypeId element;
  uint64_t count;
  (void)read_header(bytes, element, dimensions, count);
  return dimensions;
}

TypeId array_element_type(std::string_view bytes) {
  return bytes.empty() ? TypeId::kUnknown : static_cast<TypeId>(bytes.front());
}

// Key bytes: the element's type, every element's key bytes (NULL last), kEnd, the number of
// dimensions, and their lengths and lower bounds. kEnd is below the marker of a value, so that an
// array is below its longer ones.

namespace {
constexpr char kEnd = 0x01;
static_assert(kEnd < key_bytes::kValue);
}  // namespace

void append_array_key(std::string_view bytes, KeyMode mode, std::string& out) {
  Result<Array> array = decode_array(bytes, Type{array_element_type(bytes)});
  if (!array.is_ok()) return;
  const Column& elements = *array->elements;
  out.push_back(static_cast<char>(elements.type().id));
  for (uint32_t i = 0; i < elements.size(); ++i) append_key(elements, i, mode, out);
  out.push_back(kEnd);
  out.push_back(static_cast<char>(array->dimensions.size()));
  for (const ArrayDimension& dimension : array->dimensions) {
    append_key(Datum{kIntegerType, dimension.length}, mode, out);
  }
  for (const ArrayDimension& dimension : array->dimensions) {
    append_key(Datum{kIntegerType, dimension.lower}, mode, out);
  }
}

bool read_array_key(std::string_view& key, uint8_t mask, KeyMode mode, std::string& out) {
  // Elements are read by decode_key, which wants bytes as they were written.
  std::string plain;
  std::string_view rest = key;
  if (mask != 0) {
    plain.assign(key);
    for (char& c : plain) c = static_cast<char>(~c);
    rest = plain;
  }
  const size_t size = rest.size();
  if (rest.empty() || static_cast<uint8_t>(rest.front()) >= kTypeCount) return false;
  ColumnBuilder builder(Type{static_cast<TypeId>(rest.front())});
  rest.remove_prefix(1);
  while (!rest.empty() && rest.front() != kEnd) {
    if (!decode_key(rest, mode, builder).is_ok()) return false;
  }
  if (rest.size() < 2 || static_cast<uint8_t>(rest[1]) > kMostDimensions) return false;
  std::vector<ArrayDimension> dimensions(static_cast<uint8_t>(rest[1]));
  rest.remove_prefix(2);
  ColumnBuilder bounds(kIntegerType);
  for (size_t i = 0; i < 2 * dimensions.size(); ++i) {
    if (!decode_key(rest, mode, bounds).is_ok()) return false;
  }
  const ColumnRef numbers = bounds.finish();
  for (size_t i = 0; i < dimensions.size(); ++i) {
    dimensions[i].length = numbers->at<int32_t>(static_cast<uint32_t>(i));
    dimensions[i].lower = numbers->at<int32_t>(static_cast<uint32_t>(i + dimensions.size()));
  }
  out = encode_array(dimensions, *builder.finish());
  key.remove_prefix(size - rest.size());
  return true;
}

int compare_arrays(std::string_view a, std::string_view b) {
  if (a == b) return 0;
  std::string x;
  std::string y;
  append_array_key(a, KeyMode::kGrouping, x);
  append_array_key(b, KeyMode::kGrouping, y);
  const int order = std::string_view(x).compare(y);
  return order < 0 ? -1 : order > 0;
}

}  // namespace forebay::data
