#pragma once

#include "engine/data/column.h"

/// One value in the compact row codec, without its NULL bit; for encodings made of it.
namespace forebay::data {

/// The value must not be NULL.
void append_row_value(const Column& column, uint32_t row, std::string& out);
/// Appends the value to `out`, whose type says how it lies; false for bytes of no value.
bool read_row_value(std::string_view& bytes, ColumnBuilder& out);

}  // namespace forebay::data
