#pragma once

#include "sql/catalog/catalog.h"
#include "sql/plan/node.h"

namespace forebay::sql::binder {

/// What a materialized view stores: the plan of its visible columns, with the hidden columns that
/// make a key behind them. Fills in hidden_columns, key_columns, has_key, unique_keys, append_only.
plan::NodeRef shape_view(plan::NodeRef plan, plan::ColumnFactory& columns,
                         catalog::CatalogObject& object);

}  // namespace forebay::sql::binder
