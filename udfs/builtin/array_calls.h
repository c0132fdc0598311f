#pragma once

#include "engine/data/array.h"
#include "udfs/builtin/builtin.h"

/// What the functions over arrays share: arguments and results of any type. Internal to them.
namespace forebay::udfs::arrays {

inline constexpr TypeId kAny = TypeId::kUnknown;
inline constexpr TypeId kAnyArray = TypeId::kAnyArray;
inline constexpr TypeId kInteger = TypeId::kInteger;
inline constexpr TypeId kText = TypeId::kText;
inline constexpr TypeId kBoolean = TypeId::kBoolean;
using data::Array;
using data::ArrayDimension;
using data::ColumnBuilder;
using data::Datum;
using Text = std::string_view;

inline constexpr SqlState kBadSubscript{"2202E"};

inline Text bytes_at(const ScalarCall& call, uint32_t argument, uint32_t row) {
  return call.arguments[argument].at<StringView>(row).view();
}

/// The array of an argument that is not NULL. Bytes in a column are always an array's.
inline Array array_at(const ScalarCall& call, uint32_t argument, uint32_t row) {
  auto array =
      data::decode_array(bytes_at(call, argument, row), call.argument_types[argument].element());
  FOREBAY_CHECK(array.is_ok(), "array bytes");
  return std::move(*array);
}

/// One value of a column; NULL where it is.
inline Datum datum_of(Type type, const ColumnView& view, uint32_t row) {
  if (view.is_null(row)) return Datum::null(type);
  switch (data::layout_of(type.id)) {
    case data::Layout::kBool:
      return {type, view.at<uint8_t>(row) != 0};
    case data::Layout::kInt32:
      return {type, view.at<int32_t>(row)};
    case data::Layout::kInt64:
      return {type, view.at<int64_t>(row)};
    case data::Layout::kDouble:
      return {type, view.at<double>(row)};
    case data::Layout::kNumeric:
      return {type, view.at<Numeric>(row)};
    case data::Layout::kString:
      return {type, view.at<StringView>(row).str()};
    case data::Layout::kInterval:
      return {type, view.at<Interval>(row)};
  }
  return Datum::null(type);
}
inline Datum datum_of(const ScalarCall& call, uint32_t argument, uint32_t row) {
  return datum_of(call.argument_types[argument], call.arguments[argument], row);
}

/// Gives a value as the result of the row, whatever its type.
inline void give(const ScalarCall& call, uint32_t row, const data::Column& from, uint32_t at) {
  if (from.is_null(at)) return call.set_null(row);
  switch (data::layout_of(call.result_type.id)) {
    case data::Layout::kBool:
      call.out<uint8_t>()[row] = from.at<uint8_t>(at);
      return;
    case data::Layout::kInt32:
      call.out<int32_t>()[row] = from.at<int32_t>(at);
      return;
    case data::Layout::kInt64:
      call.out<int64_t>()[row] = from.at<int64_t>(at);
      return;
    case data::Layout::kDouble:
      call.out<double>()[row] = from.at<double>(at);
      return;
    case data::Layout::kNumeric:
      call.out<Numeric>()[row] = from.at<Numeric>(at);
      return;
    case data::Layout::kString:
      return call.set_string(row, from.at<StringView>(at).view());
    case data::Layout::kInterval:
      call.out<Interval>()[row] = from.at<Interval>(at);
      return;
  }
}

/// Parts of add_arrays().
void add_forms(Definer& define);
void add_elements(Definer& define);

}  // namespace forebay::udfs::arrays
