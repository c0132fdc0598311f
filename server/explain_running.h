#pragma once

#include <string>
#include <vector>

#include "engine/runtime/engine.h"
#include "sql/catalog/catalog.h"

namespace forebay::server {

/// EXPLAIN ANALYZE MATERIALIZED VIEW: the circuit of a running view, the output first, each line
/// with what its operator has done since the start, over all workers.
std::vector<std::string> explain_running(const sql::catalog::CatalogObject& view,
                                         const runtime::Figures& figures);

}  // namespace forebay::server
