#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/operators/specs.h"

/// What several operators need to put rows out: cutting to the batch size, rows back from bytes,
/// and the text of a row in a failed check.
namespace forebay::operators {

/// Emits `batch` in pieces of at most `batch_rows` rows that share its columns.
void emit_in_pieces(ChangeBatch batch, uint32_t batch_rows, Output& output);

/// The row in bytes made by append_row, as error_row_text shows it; for messages.
std::string stored_row_text(const std::vector<Type>& types, std::string_view row_bytes);

/// Fails because a row's multiplicity is negative when the epoch ends: a bug of ours, or an input
/// that took out what it never gave.
[[noreturn]] void fail_negative(std::string_view operator_name, const std::string& row,
                                int64_t multiplicity);

/// a * b, a + b. Beyond 64 bits std::overflow_error, which the lane takes for 22003.
Weight multiply_weights(Weight a, Weight b);
[[noreturn]] void fail_weight_overflow();
inline Weight add_weights(Weight a, Weight b) {
  Weight sum;
  if (__builtin_add_overflow(a, b, &sum)) fail_weight_overflow();
  return sum;
}

/// The column at `index`, seen as `type` (varchar as text).
data::ColumnRef column_as(const data::ColumnRef& column, Type type);

/// 0, 1, ..., count - 1.
std::vector<uint32_t> all_columns(size_t count);

/// "[0, 2]", for describe().
std::string column_list(std::span<const uint32_t> columns);
/// For describe() of joins: " null_safe=[...]", the numbers of the keys where NULL equals NULL, or
/// nothing.
std::string null_safe_text(std::span<const uint8_t> null_safe);

/// The family that a materialize operator's table lies in.
state::Family materialize_family(const MaterializeParameters& parameters);

}  // namespace forebay::operators
