#pragma once

#include "udfs/kernel.h"

/// Values of any type as jsonb.
namespace forebay::udfs {

/// to_jsonb(): numbers, booleans, jsonb and arrays as they are, times in ISO 8601, all others as
/// strings of their text; NULL is null.
void append_json(Type type, const ColumnView& view, uint32_t row, std::string& out);
/// The quoted key that jsonb_build_object makes of a value that is no array and not jsonb.
void append_json_key_text(Type type, const ColumnView& view, uint32_t row, std::string& out);

/// Operators and functions that make other jsonb of jsonb.
void add_jsonb_edit(Definer& define);

}  // namespace forebay::udfs
