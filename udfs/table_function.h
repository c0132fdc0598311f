#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "udfs/function.h"

/// Functions that give rows: generate_series in FROM and the like.
namespace forebay::udfs {

/// Where a call goes on after it has given as many rows as it was asked for.
struct TableCursor {
  /// Index into TableCall::rows of the argument row it is at.
  uint32_t next = 0;
  /// Rows given for that argument row.
  uint64_t produced = 0;
  /// The function's own notes on that argument row; zero when it begins.
  int64_t state[4] = {};

  void next_row() {
    ++next;
    produced = 0;
    for (int64_t& word : state) word = 0;
  }
};

/// One vectorised, resumable call: argument rows to pairs of (argument row, result row). A kernel
/// goes on at `cursor`, appends pairs in the order of the argument rows until it has given `limit`
/// of them or no argument row is left, and says in `cursor` where it is.
struct TableCall {
  const ColumnView* arguments;
  const Type* argument_types;
  uint32_t argument_count;
  /// Physical rows of the arguments, ascending.
  const uint32_t* rows;
  uint32_t row_count;
  uint32_t limit;
  TableCursor* cursor;
  /// Per result row the index into `rows` that it belongs to.
  std::vector<uint32_t>* origins;
  /// One builder per result column.
  data::ColumnBuilder* columns;
  /// Reports that the argument row at `index` (into rows) fails; only before its first result row.
  void (*fail)(void* context, uint32_t index, const char* sqlstate, const char* message,
               size_t message_bytes);
  void* context;
  const CallEnvironment* environment;

  void fail_row(uint32_t index, const data::SqlState& sqlstate, std::string_view message) const {
    fail(context, index, sqlstate.code, message.data(), message.size());
  }
};

/// One signature of a table function. Rows depend on the arguments only (immutable), so that the
/// retraction of an argument row takes out what the row gave.
struct TableFunction {
  struct Column {
    std::string_view name;
    /// kUnknown: the common type of the arguments that are kUnknown.
    TypeId type = TypeId::kUnknown;
  };

  std::string_view name;
  /// As ScalarFunction::arguments.
  std::vector<TypeId> arguments;
  std::vector<Column> columns;
  /// kStrict: NULL among the arguments gives no row.
  NullRule null_rule = NullRule::kStrict;
  bool can_fail = false;
  /// The rows of one call differ from each other.
  bool distinct_rows = false;
  void (*kernel)(const TableCall& call) = nullptr;
  std::string_view description;
  /// `SELECT <sql>` gives `result`; with the call in FROM.
  std::vector<Example> examples;
};

}  // namespace forebay::udfs
