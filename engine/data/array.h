#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/row_codec.h"

/// Arrays, as PostgreSQL's: any number of dimensions, each with a lower bound. A value lies as bytes
/// that say everything about themselves: the element's type, the dimensions, and the elements in
/// row-major order, each a byte (0: NULL) and its compact row bytes. DO NOT CHANGE: persisted; the
/// byte table is in state/README.md.
namespace forebay::data {

struct ArrayDimension {
  int32_t length = 0;
  int32_t lower = 1;
  int32_t upper() const { return lower + length - 1; }
  friend bool operator==(const ArrayDimension&, const ArrayDimension&) = default;
};

/// A decoded array: its elements as a column.
struct Array {
  /// Empty for an array without elements.
  std::vector<ArrayDimension> dimensions;
  ColumnRef elements;
};

/// The bytes of an array whose elements are the rows of `elements`.
std::string encode_array(std::span<const ArrayDimension> dimensions, const Column& elements);
/// Of one dimension from 1; no elements: the empty array.
std::string encode_array(const Column& elements);
/// XX001 for bytes that encode_array did not make. Elements have `element` as their type.
[[nodiscard]] Result<Array> decode_array(std::string_view bytes, Type element);
/// The dimensions alone, and the type of the elements.
std::vector<ArrayDimension> array_dimensions(std::string_view bytes);
TypeId array_element_type(std::string_view bytes);

/// '{1,2,NULL}', '[0:1]={...}', '{{1,2},{3,4}}': 22P02 with PostgreSQL's detail.
[[nodiscard]] Result<std::string> parse_array(std::string_view text, Type element);
void format_array(std::string_view bytes, Type element, std::string& out);
/// array_send and array_recv.
void append_binary_array(std::string_view bytes, Type element, std::string& out);
[[nodiscard]] Result<std::string> parse_binary_array(std::string_view bytes, Type element);

/// Order-preserving, self-delimiting bytes: PostgreSQL's array_cmp. DO NOT CHANGE: persisted.
void append_array_key(std::string_view bytes, KeyMode mode, std::string& out);
/// Reads them back from `key` (each complemented with `mask`) and removes them.
bool read_array_key(std::string_view& key, uint8_t mask, KeyMode mode, std::string& out);
int compare_arrays(std::string_view a, std::string_view b);

}  // namespace forebay::data
