#pragma once

#include <optional>

#include "engine/runtime/engine.h"

namespace forebay::server {

/// What a source (its records, by the fastest of its readers), table or view has brought per second
/// on average since it is counted; nullopt: nothing yet.
std::optional<double> rows_per_second(const runtime::Figures& figures, data::ObjectId relation);

}  // namespace forebay::server
