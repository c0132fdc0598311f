#pragma once

#include <initializer_list>
#include <optional>
#include <tuple>
#include <type_traits>

#include "udfs/function.h"

/// Turns plain C++ functions over single values into vectorised kernels, and kernels into
/// descriptors.
namespace forebay::udfs {

using data::Interval;
using data::Numeric;
using data::Result;
using data::SqlState;
using data::Status;
using data::StringView;

/// Calls visit(row) for every row of the call.
template <typename F>
inline void for_rows(const ScalarCall& call, F&& visit) {
  if (call.dense) {
    for (uint32_t row = 0; row < call.row_count; ++row) visit(row);
  } else {
    for (uint32_t i = 0; i < call.row_count; ++i) visit(call.rows[i]);
  }
}

namespace detail {

/// How a C++ type lies in a column.
template <typename T>
struct Stored {
  using type = T;
};
template <>
struct Stored<bool> {
  using type = uint8_t;
};
template <>
struct Stored<std::string_view> {
  using type = StringView;
};
template <>
struct Stored<std::string> {
  using type = StringView;
};
template <typename T>
using stored_t = typename Stored<std::remove_cvref_t<T>>::type;

template <typename T>
constexpr data::Layout kLayoutOf = data::Layout::kString;
template <>
inline constexpr data::Layout kLayoutOf<uint8_t> = data::Layout::kBool;
template <>
inline constexpr data::Layout kLayoutOf<int32_t> = data::Layout::kInt32;
template <>
inline constexpr data::Layout kLayoutOf<int64_t> = data::Layout::kInt64;
template <>
inline constexpr data::Layout kLayoutOf<double> = data::Layout::kDouble;
template <>
inline constexpr data::Layout kLayoutOf<Numeric> = data::Layout::kNumeric;
template <>
inline constexpr data::Layout kLayoutOf<Interval> = data::Layout::kInterval;

template <typename R>
struct Returned {
  using value = R;
  static constexpr bool kPlain = true;
  static constexpr bool kFails = false;
};
template <typename R>
struct Returned<Result<R>> {
  using value = R;
  static constexpr bool kPlain = false;
  static constexpr bool kFails = true;
};
template <typename R>
struct Returned<std::optional<R>> {
  using value = R;
  static constexpr bool kPlain = false;
  static constexpr bool kFails = false;
};

template <typename F>
struct Signature;
template <typename C, typename R, typename... A>
struct Signature<R (C::*)(A...) const> {
  using result = R;
  using arguments = std::tuple<A...>;
  static constexpr size_t kArity = sizeof...(A);
  static constexpr bool kFixedArguments =
      ((kLayoutOf<stored_t<A>> != data::Layout::kString) && ...);
};
template <typename F>
using signature_of = Signature<decltype(&F::operator())>;

template <typename A>
inline decltype(auto) argument(const ColumnView& view, uint32_t row) {
  const auto& stored = view.at<stored_t<A>>(row);
  if constexpr (std::is_same_v<std::remove_cvref_t<A>, std::string_view>) {
    return stored.view();
  } else if constexpr (std::is_same_v<std::remove_cvref_t<A>, bool>) {
    return stored != 0;
  } else {
    return (stored);
  }
}

template <typename R>
inline void store(const ScalarCall& call, uint32_t row, const R& value) {
  if constexpr (std::is_same_v<stored_t<R>, StringView>) {
    call.set_string(row, value);
  } else {
    call.out<stored_t<R>>()[row] = value;
  }
}

template <typename R>
inline void store_returned(const ScalarCall& call, uint32_t row, R&& value) {
  using Plain = std::remove_cvref_t<R>;
  if constexpr (Returned<Plain>::kFails) {
    if (value.is_ok()) [[likely]] {
      store(call, row, *value);
    } else {
      call.fail_row(row, value.error());
    }
  } else if constexpr (!Returned<Plain>::kPlain) {
    if (value.has_value()) {
      store(call, row, *value);
    } else {
      call.set_null(row);
    }
  } else {
    store(call, row, value);
  }
}

}  // namespace detail

/// The kernel of a captureless lambda over values: int32_t, int64_t, double, bool, uint8_t,
/// Numeric, Interval, std::string_view; it returns a value, std::string, std::optional (empty:
/// NULL) or Result (an error: the row fails). Fixed-width functions of one or two arguments get
/// loops that vectorise.
template <auto F>
void lift(const ScalarCall& call) {
  using S = detail::signature_of<decltype(F)>;
  using R = typename S::result;
  constexpr bool kFlat = detail::Returned<R>::kPlain && S::kFixedArguments &&
                         detail::kLayoutOf<detail::stored_t<R>> != data::Layout::kString;
  if constexpr (kFlat && S::kArity == 1) {
    using A = detail::stored_t<std::tuple_element_t<0, typename S::arguments>>;
    if (call.dense && call.arguments[0].step == 1) {
      auto* __restrict out = call.out<detail::stored_t<R>>();
      const auto* __restrict a = static_cast<const A*>(call.arguments[0].values);
      for (uint32_t i = 0; i < call.row_count; ++i) out[i] = F(a[i]);
      return;
    }
  }
  if constexpr (kFlat && S::kArity == 2) {
    using A = detail::stored_t<std::tuple_element_t<0, typename S::arguments>>;
    using B = detail::stored_t<std::tuple_element_t<1, typename S::arguments>>;
    if (call.dense) {
      auto* __restrict out = call.out<detail::stored_t<R>>();
      const auto* __restrict a = static_cast<const A*>(call.arguments[0].values);
      const auto* __restrict b = static_cast<const B*>(call.arguments[1].values);
      const uint32_t n = call.row_count;
      if (call.arguments[0].step == 0) {
        const A constant = a[0];
        if (call.arguments[1].step == 0) {
          for (uint32_t i = 0; i < n; ++i) out[i] = F(constant, b[0]);
        } else {
          for (uint32_t i = 0; i < n; ++i) out[i] = F(constant, b[i]);
        }
      } else if (call.arguments[1].step == 0) {
        const B constant = b[0];
        for (uint32_t i = 0; i < n; ++i) out[i] = F(a[i], constant);
      } else {
        for (uint32_t i = 0; i < n; ++i) out[i] = F(a[i], b[i]);
      }
      return;
    }
  }
  for_rows(call, [&](uint32_t row) {
    [&]<size_t... I>(std::index_sequence<I...>) {
      detail::store_returned(call, row,
                             F(detail::argument<std::tuple_element_t<I, typename S::arguments>>(
                                 call.arguments[I], row)...));
    }
    (std::make_index_sequence<S::kArity>());
  });
}

/// The kernel of a lambda (const ScalarCall&, uint32_t row) that reads and writes by itself.
template <auto F>
void each(const ScalarCall& call) {
  for_rows(call, [&](uint32_t row) { F(call, row); });
}

using ScalarList = std::vector<ScalarFunction>;

/// Adds descriptors of one category to a list. The references returned are valid until the next
/// definition.
class Definer {
 public:
  Definer(ScalarList& list, std::string_view category) : list_(list), category_(category) {}

  ScalarFunction& kernel(std::string_view name, std::vector<TypeId> arguments, TypeId result,
                         ScalarKernel kernel, std::string_view description,
                         std::vector<Example> examples = {}) {
    ScalarFunction& function = list_.emplace_back();
    function.name = name;
    function.arguments = std::move(arguments);
    function.result = result;
    function.kernel = kernel;
    function.description = description;
    function.examples = std::move(examples);
    function.category = category_;
    return function;
  }

  /// A function from a lambda over values, see lift(); can_fail follows from its result. Layouts of
  /// the lambda and the descriptor must agree.
  template <auto F>
  ScalarFunction& define(std::string_view name, std::vector<TypeId> arguments, TypeId result,
                         std::string_view description, std::vector<Example> examples = {}) {
    using S = detail::signature_of<decltype(F)>;
    check_layouts<S>(name, arguments, result, std::make_index_sequence<S::kArity>());
    ScalarFunction& function =
        kernel(name, std::move(arguments), result, &lift<F>, description, std::move(examples));
    function.can_fail = detail::Returned<typename S::result>::kFails;
    return function;
  }

 private:
  template <typename S, size_t... I>
  static void check_layouts(std::string_view name, const std::vector<TypeId>& arguments,
                            TypeId result, std::index_sequence<I...>) {
    using R = typename detail::Returned<typename S::result>::value;
    bool same = arguments.size() == sizeof...(I) &&
                data::layout_of(result) == detail::kLayoutOf<detail::stored_t<R>>;
    if (arguments.size() == sizeof...(I)) {
      same = same && ((data::layout_of(arguments[I]) ==
                       detail::kLayoutOf<
                           detail::stored_t<std::tuple_element_t<I, typename S::arguments>>>)&&...);
    }
    FOREBAY_CHECK(same, std::string(name));
  }

  ScalarList& list_;
  std::string_view category_;
};

}  // namespace forebay::udfs
