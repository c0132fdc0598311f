#pragma once

#include <memory>
#include <vector>

#include "engine/operators/operator.h"
#include "engine/operators/specs.h"

namespace forebay::operators {

/// Window functions on one worker (over.cpp).
std::unique_ptr<Operator> instantiate_over(const OverParameters& parameters,
                                           const std::vector<Type>& output_types,
                                           const OperatorContext& context);

}  // namespace forebay::operators
