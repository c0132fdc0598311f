#pragma once

#include <memory>
#include <string_view>

#include "engine/operators/aggregate_payload.h"

namespace forebay::operators {

/// The operator of an aggregate spec. `name`: "aggregate" or "distinct", for messages; it outlives
/// the operator, as `context` does.
std::unique_ptr<Operator> instantiate_aggregate(std::string_view name,
                                                std::shared_ptr<const AggregatePayload> payload,
                                                const OperatorContext& context);

}  // namespace forebay::operators
