#include <cmath>
#include <utility>

#include "engine/data/numeric.h"
#include "udfs/builtin/builtin.h"

/// width_bucket: in which of so many equal parts of a range a value lies.
namespace forebay::udfs {
namespace {

using data::Int128;

constexpr data::SqlState kBadArgument("2201G");

Status bad(const char* text) { return Status(kBadArgument, text); }

Result<int32_t> behind_last(int32_t count) {
  if (count == INT32_MAX) return Status(data::sqlstate::kNumericOutOfRange, "integer out of range");
  return count + 1;
}

Result<int32_t> bucket(double value, double low, double high, int32_t count) {
  if (count <= 0) return bad("count must be greater than zero");
  if (std::isnan(value) || std::isnan(low) || std::isnan(high)) {
    return bad("operand, lower bound, and upper bound cannot be NaN");
  }
  if (std::isinf(low) || std::isinf(high)) return bad("lower and upper bounds must be finite");
  if (low == high) return bad("lower bound cannot equal upper bound");
  const bool is_turned = low > high;
  if (is_turned ? value > low : value < low) return 0;
  if (is_turned ? value <= high : value >= high) return behind_last(count);
  double part = (value - low) / (high - low);
  if (std::isinf(high - low)) part = (value / 2 - low / 2) / (high / 2 - low / 2);
  const double place = count * part;
  // What is rounded up to the end lies before it.
  return (place >= count ? count - 1 : static_cast<int32_t>(place)) + 1;
}

/// floor(difference * count / width) of numbers of one scale, all positive.
Int128 part_of(Int128 difference, Int128 width, int32_t count) {
  Int128 product = 0;
  if (!__builtin_mul_overflow(difference, Int128{count}, &product)) return product / width;
  // Digit by digit of the count, so that nothing overflows: difference < width.
  Int128 whole = 0, rest = 0;
  for (int bit = 31; bit >= 0; --bit) {
    whole *= 2;
    rest *= 2;
    if ((count >> bit & 1) != 0) rest += difference;
    while (rest >= width) {
      rest -= width;
      ++whole;
    }
  }
  return whole;
}

Result<int32_t> bucket(const Numeric& value, const Numeric& low, const Numeric& high,
                       int32_t count) {
  if (count <= 0) return bad("count must be greater than zero");
  for (const Numeric* one : {&value, &low, &high}) {
    if (one->kind == Numeric::Kind::kNaN) {
      return bad("operand, lower bound, and upper bound cannot be NaN");
    }
  }
  if (!low.is_finite() || !high.is_finite()) return bad("lower and upper bounds must be finite");
  const int order = data::compare(low, high);
  if (order == 0) return bad("lower bound cannot equal upper bound");
  const int from_low = data::compare(value, low), from_high = data::compare(value, high);
  if (order < 0 ? from_low < 0 : from_low > 0) return 0;
  if (order < 0 ? from_high >= 0 : from_high <= 0) return behind_last(count);
  FOREBAY_ASSIGN_OR_RETURN(Numeric difference,
                           order < 0 ? data::subtract(value, low) : data::subtract(low, value));
  FOREBAY_ASSIGN_OR_RETURN(Numeric width,
                           order < 0 ? data::subtract(high, low) : data::subtract(low, high));
  Int128 part = difference.unscaled(), whole = width.unscaled();
  for (int i = difference.scale; i < width.scale; ++i) {
    if (__builtin_mul_overflow(part, Int128{10}, &part)) {
      return Status(data::sqlstate::kNumericOutOfRange, "value overflows numeric format");
    }
  }
  for (int i = width.scale; i < difference.scale; ++i) {
    if (__builtin_mul_overflow(whole, Int128{10}, &whole)) {
      return Status(data::sqlstate::kNumericOutOfRange, "value overflows numeric format");
    }
  }
  return static_cast<int32_t>(part_of(part, whole, count)) + 1;
}

}  // namespace

void add_buckets(ScalarList& list) {
  Definer define(list, "math");
  define.define<[](const Numeric& value, const Numeric& low, const Numeric& high, int32_t count) {
    return bucket(value, low, high, count);
  }>("width_bucket", {TypeId::kNumeric, TypeId::kNumeric, TypeId::kNumeric, TypeId::kInteger},
     TypeId::kInteger,
     "in which of so many equal parts of a range; 0 before it, one more behind it",
     {{"width_bucket(5.35, 0.024, 10.06, 5)", "3"}});
  define.define<[](double value, double low, double high, int32_t count) {
    return bucket(value, low, high, count);
  }>("width_bucket", {TypeId::kDouble, TypeId::kDouble, TypeId::kDouble, TypeId::kInteger},
     TypeId::kInteger,
     "in which of so many equal parts of a range; 0 before it, one more behind it");
}

}  // namespace forebay::udfs
