#include "engine/operators/emission.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <numeric>
#include <stdexcept>

#include "engine/data/row_codec.h"

namespace forebay::operators {

void emit_in_pieces(ChangeBatch batch, uint32_t batch_rows, Output& output) {
  if (batch.empty()) return;
  if (batch.rows() <= batch_rows) {
    output.emit(std::move(batch));
    return;
  }
  uint32_t rows = batch.rows();
  for (uint32_t from = 0; from < rows; from += batch_rows) {
    uint32_t to = std::min(rows, from + batch_rows);
    data::Selection selection;
    selection.reserve(to - from);
    for (uint32_t i = from; i < to; ++i) selection.push_back(batch.physical(i));
    ChangeBatch piece = batch.share();
    piece.set_selection(std::move(selection));
    output.emit(std::move(piece));
  }
}

std::string stored_row_text(const std::vector<Type>& types, std::string_view row_bytes) {
  std::vector<data::ColumnBuilder> builders(types.begin(), types.end());
  if (!data::decode_row(row_bytes, builders)) return "(bytes that are no row)";
  std::vector<data::ColumnRef> columns;
  for (data::ColumnBuilder& builder : builders) columns.push_back(builder.finish());
  return error_row_text(ChangeBatch(std::move(columns), 1), 0);
}

void fail_negative(std::string_view operator_name, const std::string& row, int64_t multiplicity) {
  bool negative_multiplicity = true;
  FOREBAY_CHECK(!negative_multiplicity,
                fmt::format("{}: row {} has multiplicity {} at the end of the epoch", operator_name,
                            row, multiplicity));
  __builtin_unreachable();
}

Weight multiply_weights(Weight a, Weight b) {
  Weight product;
  if (!__builtin_mul_overflow(a, b, &product)) return product;
  throw std::overflow_error("a row's multiplicity is out of range");
}

void fail_weight_overflow() { throw std::overflow_error("a row's multiplicity is out of range"); }

data::ColumnRef column_as(const data::ColumnRef& column, Type type) {
  return column->type() == type ? column : data::Column::with_type(column, type);
}

std::vector<uint32_t> all_columns(size_t count) {
  std::vector<uint32_t> columns(count);
  std::iota(columns.begin(), columns.end(), 0);
  return columns;
}

std::string column_list(std::span<const uint32_t> columns) {
  return fmt::format("[{}]", fmt::join(columns, ", "));
}

std::string null_safe_text(std::span<const uint8_t> null_safe) {
  std::vector<uint32_t> keys;
  for (uint32_t i = 0; i < null_safe.size(); ++i) {
    if (null_safe[i] != 0) keys.push_back(i);
  }
  return keys.empty() ? std::string() : " null_safe=" + column_list(keys);
}

}  // namespace forebay::operators
