#include <cmath>

#include "engine/data/datetime.h"
#include "engine/data/numeric.h"
#include "udfs/builtin/builtin.h"

/// greatest, least and counting NULLs. CASE, COALESCE and NULLIF are expressions, not functions.
namespace forebay::udfs {
namespace {

constexpr TypeId kAny = TypeId::kUnknown;

/// Whether b orders above a, as ORDER BY sorts.
template <typename T>
bool is_above(const T& b, const T& a) {
  if constexpr (std::is_same_v<T, double>) {
    return a < b || (!std::isnan(a) && std::isnan(b));
  } else if constexpr (std::is_same_v<T, Numeric> || std::is_same_v<T, Interval>) {
    return data::compare(b, a) > 0;
  } else if constexpr (std::is_same_v<T, StringView>) {
    return compare(b, a) > 0;
  } else {
    return b > a;
  }
}

/// The greatest (least) argument that is not NULL; the first of equal ones.
template <typename T, bool kGreatest>
void choose(const ScalarCall& call) {
  auto* out = call.out<T>();
  for_rows(call, [&](uint32_t row) {
    bool any = false;
    for (uint32_t i = 0; i < call.argument_count; ++i) {
      if (call.arguments[i].is_null(row)) continue;
      const T& value = call.arguments[i].at<T>(row);
      const bool better =
          !any || (kGreatest ? is_above(value, out[row]) : is_above(out[row], value));
      if (better) out[row] = value;
      any = true;
    }
    if (!any) call.set_null(row);
  });
}

/// The same of types that lie as strings but have an order of their own.
template <bool kGreatest>
void choose_ordered(const ScalarCall& call) {
  auto* out = call.out<StringView>();
  const TypeId type = call.argument_types[0].id;
  for_rows(call, [&](uint32_t row) {
    bool any = false;
    for (uint32_t i = 0; i < call.argument_count; ++i) {
      if (call.arguments[i].is_null(row)) continue;
      const auto& value = call.arguments[i].at<StringView>(row);
      const int order = any ? data::compare_ordered(type, value.view(), out[row].view()) : 0;
      if (!any || (kGreatest ? order > 0 : order < 0)) out[row] = value;
      any = true;
    }
    if (!any) call.set_null(row);
  });
}

template <bool kGreatest>
void choose_any(const ScalarCall& call) {
  if (data::ordering_of(call.argument_types[0].id) != data::Ordering::kLayout) {
    return choose_ordered<kGreatest>(call);
  }
  switch (data::layout_of(call.argument_types[0].id)) {
    case data::Layout::kBool:
      return choose<uint8_t, kGreatest>(call);
    case data::Layout::kInt32:
      return choose<int32_t, kGreatest>(call);
    case data::Layout::kInt64:
      return choose<int64_t, kGreatest>(call);
    case data::Layout::kDouble:
      return choose<double, kGreatest>(call);
    case data::Layout::kNumeric:
      return choose<Numeric, kGreatest>(call);
    case data::Layout::kString:
      return choose<StringView, kGreatest>(call);
    case data::Layout::kInterval:
      return choose<Interval, kGreatest>(call);
  }
}

template <bool kWanted>
void count_nulls(const ScalarCall& call) {
  for_rows(call, [&](uint32_t row) {
    int32_t count = 0;
    for (uint32_t i = 0; i < call.argument_count; ++i) {
      count += call.arguments[i].is_null(row) == kWanted;
    }
    call.out<int32_t>()[row] = count;
  });
}

}  // namespace

void add_conditional(ScalarList& list) {
  Definer define(list, "conditional");
  auto variadic = [&](std::string_view name, TypeId result, ScalarKernel kernel,
                      std::string_view text, Example example) -> ScalarFunction& {
    ScalarFunction& function = define.kernel(name, {kAny}, result, kernel, text, {example});
    function.variadic = true;
    function.null_rule = NullRule::kCalled;
    return function;
  };
  variadic("greatest", kAny, &choose_any<true>, "the greatest value that is not NULL",
           {"greatest(1, NULL, 3, 2)", "3"})
      .shares_arguments = true;
  variadic("least", kAny, &choose_any<false>, "the least value that is not NULL",
           {"least(1, NULL, 3, 2)", "1"})
      .shares_arguments = true;
  variadic("num_nulls", TypeId::kInteger, &count_nulls<true>, "how many arguments are NULL",
           {"num_nulls(1, NULL, 2)", "1"})
      .mixed_types = true;
  variadic("num_nonnulls", TypeId::kInteger, &count_nulls<false>, "how many arguments are not NULL",
           {"num_nonnulls(1, NULL, 2)", "2"})
      .mixed_types = true;
}

}  // namespace forebay::udfs
