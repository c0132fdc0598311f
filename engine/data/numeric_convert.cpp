// Conversions between numeric and the machine's numbers.
#include <charconv>
#include <cmath>
#include <cstdio>

#include "engine/data/numeric.h"
#include "engine/data/text_format.h"

namespace forebay::data {

namespace {

using Kind = Numeric::Kind;

// Powers of ten that a double holds exactly.
constexpr double kExactPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr int kMaxExactPower = 22;
constexpr int64_t kMaxExactInteger = int64_t{1} << 53;

Result<Int128> to_whole(const Numeric& value, const char* type_name) {
  if (value.kind == Kind::kNaN) {
    return Status(sqlstate::kFeatureNotSupported,
                  std::string("cannot convert NaN to ") + type_name);
  }
  if (!value.is_finite()) {
    return Status(sqlstate::kFeatureNotSupported,
                  std::string("cannot convert infinity to ") + type_name);
  }
  if (value.scale == 0) return value.unscaled();
  FOREBAY_ASSIGN_OR_RETURN(const Numeric whole, round(value, 0));
  return whole.unscaled();
}

template <typename Integer>
Result<Integer> to_integer(const Numeric& value, const char* type_name) {
  FOREBAY_ASSIGN_OR_RETURN(const Int128 whole, to_whole(value, type_name));
  if (whole < std::numeric_limits<Integer>::min() || whole > std::numeric_limits<Integer>::max()) {
    return Status(sqlstate::kNumericOutOfRange, std::string(type_name) + " out of range");
  }
  return static_cast<Integer>(whole);
}

}  // namespace

Numeric numeric_from(int64_t value) { return Numeric(Int128{value}, 0); }

Result<Numeric> numeric_from(double value) {
  if (std::isnan(value)) return Numeric::special(Kind::kNaN);
  if (std::isinf(value)) {
    return Numeric::special(value < 0 ? Kind::kNegativeInfinity : Kind::kInfinity);
  }
  if (value == std::trunc(value) && std::abs(value) < 1e15) {
    return numeric_from(static_cast<int64_t>(value));
  }
  char text[40];
  const int length = std::snprintf(text, sizeof text, "%.15g", value);
  return parse_numeric(std::string_view(text, static_cast<size_t>(length)));
}

double to_double(const Numeric& value) {
  switch (value.kind) {
    case Kind::kNaN:
      return std::numeric_limits<double>::quiet_NaN();
    case Kind::kInfinity:
      return std::numeric_limits<double>::infinity();
    case Kind::kNegativeInfinity:
      return -std::numeric_limits<double>::infinity();
    case Kind::kFinite:
      break;
  }
  if (is_small(value) && value.scale <= kMaxExactPower) {
    const int64_t unscaled = static_cast<int64_t>(value.low);
    // Both sides exact: one correctly rounded division.
    if (unscaled >= -kMaxExactInteger && unscaled <= kMaxExactInteger) {
      return static_cast<double>(unscaled) / kExactPowers[value.scale];
    }
  }
  std::string text;
  format_numeric(value, text);
  double result = 0;
  std::from_chars(text.data(), text.data() + text.size(), result);
  return result;
}

Result<int64_t> to_int64(const Numeric& value) { return to_integer<int64_t>(value, "bigint"); }

Result<int32_t> to_int32(const Numeric& value) { return to_integer<int32_t>(value, "integer"); }

}  // namespace forebay::data
