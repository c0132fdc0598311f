#include "server/generated_columns.h"

#include "engine/expr/expr.h"

namespace forebay::server {

using data::ChangeBatch;
using data::Result;

Result<ChangeBatch> with_generated(const sql::catalog::CatalogObject& table,
                                   const ChangeBatch& rows, size_t first) {
  ChangeBatch out = rows.share();
  if (table.generated.empty() || rows.empty()) return out;
  std::vector<uint32_t> places;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    places.push_back(static_cast<uint32_t>(first + i));
  }
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (!table.is_generated(i)) continue;
    std::vector<expr::RowError> errors;
    expr::Evaluator value(first == 0 ? table.generated[i]
                                     : expr::remap(table.generated[i], places));
    data::ColumnRef column = value.evaluate(rows, {}, errors);
    if (!errors.empty()) return errors.front().to_status();
    out.mutable_columns()[first + i] = std::move(column);
  }
  return out;
}

}  // namespace forebay::server
