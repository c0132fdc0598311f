#pragma once

#include "engine/data/numeric.h"

/// Variance of numerics from exact sums.
namespace forebay::data {

/// (count * squares - sum^2) / (count * (count - sample)), with PostgreSQL's scale; `squares` is the
/// sum of the squared values. count > sample (0 or 1). NaN when a NaN or an infinity is in. 22003
/// when the numerator does not fit into 256 bits or the result into 38 digits.
[[nodiscard]] Result<Numeric> variance(const NumericSum& sum, const NumericSum& squares,
                                       int64_t count, int sample);

}  // namespace forebay::data
