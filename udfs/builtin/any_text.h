#pragma once

#include <string>

#include "udfs/function.h"

/// The text of a value of any type, for functions that take all types.
namespace forebay::udfs {

/// Appends the output text of a value that is not NULL ("t" for true).
void append_text(Type type, const ColumnView& view, uint32_t row, std::string& out);

}  // namespace forebay::udfs
