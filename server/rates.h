#pragma once

#include <optional>

#include "engine/runtime/engine.h"

namespace forebay::server {

/// For so long a relation must have been counted before its rate says anything.
inline constexpr int64_t kLeastCountedMs = 10'000;

/// What a source (its records, by the fastest of its readers), table or view has brought per second
/// on average since it is counted; nullopt: nothing yet, or not long enough.
std::optional<double> rows_per_second(const runtime::Figures& figures, data::ObjectId relation);

}  // namespace forebay::server
