#pragma once

#include "engine/data/change_batch.h"
#include "sql/catalog/catalog.h"

namespace forebay::server {

/// The rows with the values of the table's generated columns. `first` is where the table's visible
/// columns begin in them; all columns are shared but the generated ones. A row whose expression
/// fails is the statement's error.
data::Result<data::ChangeBatch> with_generated(const sql::catalog::CatalogObject& table,
                                               const data::ChangeBatch& rows, size_t first = 0);

}  // namespace forebay::server
