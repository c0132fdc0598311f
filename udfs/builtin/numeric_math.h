#pragma once

#include "engine/data/numeric.h"

/// Square root, exponential, logarithms and powers of numeric, with the scales that PostgreSQL
/// gives. Computed with 113 bits and rounded to the scale: right for results of up to about 32
/// digits.
namespace forebay::udfs {

inline constexpr data::SqlState kInvalidPower{"2201F"};
inline constexpr data::SqlState kInvalidLogarithm{"2201E"};

data::Result<data::Numeric> numeric_sqrt(const data::Numeric& x);
data::Result<data::Numeric> numeric_exp(const data::Numeric& x);
data::Result<data::Numeric> numeric_ln(const data::Numeric& x);
data::Result<data::Numeric> numeric_log(const data::Numeric& base, const data::Numeric& x);
data::Result<data::Numeric> numeric_power(const data::Numeric& base, const data::Numeric& exponent);

}  // namespace forebay::udfs
