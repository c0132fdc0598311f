#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/data/change_batch.h"
#include "sql/catalog/catalog.h"

/// Making system tables: columns as text, rows as lists of values.
namespace forebay::server {

/// NULL, or a value that fits its column.
using Cell = std::variant<std::monostate, bool, int32_t, int64_t, std::string>;
inline constexpr std::monostate kNull{};

/// Columns of "name type, name type, ...", where a type is one word: bool, int, bigint, double,
/// text, numeric, timestamptz, ..., perhaps with [] behind it; a cell of an array is its text.
data::Schema virtual_columns(std::string_view text);

/// Collects the rows of one answer.
class VirtualRowsBuilder {
 public:
  explicit VirtualRowsBuilder(const data::Schema& schema);
  /// One cell per column; trailing ones may be left out and are NULL.
  void row(std::initializer_list<Cell> cells);
  std::vector<data::ChangeBatch> finish();

 private:
  std::vector<data::Type> types_;
  data::BatchBuilder builder_;
};

/// Registers a system table whose rows `fill` adds.
void add_virtual_table(sql::catalog::Catalog& catalog, std::string schema, std::string name,
                       std::string_view columns,
                       std::function<data::Status(VirtualRowsBuilder&)> fill);

}  // namespace forebay::server
