#pragma once

#include "engine/data/column.h"

/// A value in a column and an owned value under one interface, for formats that are written once
/// for both. Not NULL; each member may be called for its layout only.
namespace forebay::data {

struct ColumnValue {
  const ColumnView& view;
  uint32_t row;
  bool boolean() const { return view.at<uint8_t>(row) != 0; }
  int32_t int32() const { return view.at<int32_t>(row); }
  int64_t int64() const { return view.at<int64_t>(row); }
  double real() const { return view.at<double>(row); }
  const Numeric& numeric() const { return view.at<Numeric>(row); }
  const Interval& interval() const { return view.at<Interval>(row); }
  std::string_view string() const { return view.at<StringView>(row).view(); }
};
struct DatumView {
  const DatumValue& value;
  bool boolean() const { return std::get<bool>(value); }
  int32_t int32() const { return std::get<int32_t>(value); }
  int64_t int64() const { return std::get<int64_t>(value); }
  double real() const { return std::get<double>(value); }
  const Numeric& numeric() const { return std::get<Numeric>(value); }
  const Interval& interval() const { return std::get<Interval>(value); }
  std::string_view string() const { return std::get<std::string>(value); }
};

}  // namespace forebay::data
