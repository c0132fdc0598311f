#include "engine/data/vector_type.h"

#include "engine/data/array.h"
#include "engine/data/status.h"

namespace forebay::data {

namespace {

ColumnRef elements_of(std::string_view array, Type type) {
  auto decoded = decode_array(array, Type{element_of(type.id)});
  FOREBAY_CHECK(decoded.is_ok(), "a vector of the catalog");
  return decoded->elements;
}

int64_t number_at(const Column& elements, Type type, uint32_t i) {
  return type == kInt2VectorType ? elements.at<int32_t>(i) : elements.at<int64_t>(i);
}

void append_int32(int64_t value, std::string& out) {
  const auto bits = static_cast<uint32_t>(value);
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(bits >> shift & 0xff);
}

}  // namespace

void format_vector(std::string_view array, Type type, std::string& out) {
  const ColumnRef elements = elements_of(array, type);
  for (uint32_t i = 0; elements != nullptr && i < elements->size(); ++i) {
    if (i > 0) out += ' ';
    out += std::to_string(number_at(*elements, type, i));
  }
}

void append_binary_vector(std::string_view array, Type type, std::string& out) {
  const ColumnRef elements = elements_of(array, type);
  const uint32_t size = elements == nullptr ? 0 : elements->size();
  const bool small = type == kInt2VectorType;
  append_int32(1, out);  // dimensions, also of an empty vector
  append_int32(0, out);  // no NULLs
  append_int32(small ? 21 : 26, out);
  append_int32(size, out);
  append_int32(0, out);  // counted from 0
  for (uint32_t i = 0; i < size; ++i) {
    const int64_t number = number_at(*elements, type, i);
    append_int32(small ? 2 : 4, out);
    if (small) {
      out += static_cast<char>(number >> 8 & 0xff);
      out += static_cast<char>(number & 0xff);
    } else {
      append_int32(number, out);
    }
  }
}

}  // namespace forebay::data
