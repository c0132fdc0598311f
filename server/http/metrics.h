#pragma once

#include <string>

#include "server/database.h"

namespace forebay::server::http {

/// What the system tables tell, in Prometheus' text format 0.0.4: counters end in _total, sizes are
/// bytes, times are seconds. Costs one look at the engine's figures, not a scan.
std::string metrics_text(Database& database);

/// One JSON object: `status` ("ok", or "degraded" while a pipeline or source has failed), the last
/// committed epoch, and for each failure its object and reason.
std::string health_json(Database& database);

}  // namespace forebay::server::http
