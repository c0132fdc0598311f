#include "engine/data/value.h"

#include <cmath>

#include "engine/data/array.h"
#include "engine/data/datetime.h"
#include "engine/data/json.h"
#include "engine/data/numeric.h"

namespace forebay::data {

namespace {

template <typename T>
int three_way(const T& a, const T& b) {
  return a < b ? -1 : b < a;
}

int compare_doubles(double a, double b) {
  if (std::isnan(a)) return std::isnan(b) ? 0 : 1;
  if (std::isnan(b)) return -1;
  return three_way(a, b);
}

}  // namespace

int compare_ordered(TypeId type, std::string_view a, std::string_view b) {
  switch (ordering_of(type)) {
    case Ordering::kJson:
      return compare_json(a, b);
    case Ordering::kArray:
      return compare_arrays(a, b);
    case Ordering::kLayout:
      break;
  }
  const int order = a.compare(b);
  return order < 0 ? -1 : order > 0;
}

int compare(const Datum& a, const Datum& b) {
  if (a.is_null() || b.is_null()) return three_way(a.is_null(), b.is_null());
  if (ordering_of(a.type.id) != Ordering::kLayout) {
    return compare_ordered(a.type.id, std::get<std::string>(a.value),
                           std::get<std::string>(b.value));
  }
  FOREBAY_CHECK(a.value.index() == b.value.index(), a.type.name() + " against " + b.type.name());
  switch (layout_of(a.type.id)) {
    case Layout::kBool:
      return three_way(std::get<bool>(a.value), std::get<bool>(b.value));
    case Layout::kInt32:
      return three_way(std::get<int32_t>(a.value), std::get<int32_t>(b.value));
    case Layout::kInt64:
      return three_way(std::get<int64_t>(a.value), std::get<int64_t>(b.value));
    case Layout::kDouble:
      return compare_doubles(std::get<double>(a.value), std::get<double>(b.value));
    case Layout::kNumeric:
      return compare(std::get<Numeric>(a.value), std::get<Numeric>(b.value));
    case Layout::kString: {
      const int order = std::get<std::string>(a.value).compare(std::get<std::string>(b.value));
      return order < 0 ? -1 : order > 0;
    }
    case Layout::kInterval:
      return compare(std::get<Interval>(a.value), std::get<Interval>(b.value));
  }
  return 0;
}

}  // namespace forebay::data
