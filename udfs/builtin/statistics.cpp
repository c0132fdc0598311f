#include <cmath>

#include "engine/data/numeric_statistics.h"
#include "udfs/builtin/builtin.h"
#include "udfs/builtin/numeric_math.h"
#include "udfs/exact_sum.h"

/// Variances, standard deviations, correlation and linear regression. Sums of values and of their
/// products are exact, so that taking a value out gives what never having had it gives; what they
/// give is computed with 113 bits. State layouts are persisted: DO NOT CHANGE.
namespace forebay::udfs {
namespace {

using Wide = __float128;

Wide wide(const ExactSum& sum) {
  Wide total = 0;
  for (double component : sum.components) total += component;
  return total;
}

/// Adds a * b without rounding (but for products below the range of double).
void add_product(ExactSum& sum, double a, double b, Weight weight) {
  const double product = a * b;
  if (!std::isfinite(product)) {
    sum.components[0] = sum.components[ExactSum::kComponents - 1] = NAN;
    return;
  }
  sum.add(product, weight);
  const double error = std::fma(a, b, -product);
  if (error != 0) sum.add(error, weight);
}

void fail(const FinishCall& call, uint32_t index, std::string_view sqlstate,
          std::string_view message) {
  call.out->append_null();
  call.fail(call.context, index, std::string(sqlstate).c_str(), message.data(), message.size());
}

/// sum(ab) - sum(a) sum(b) / n; what is only rounding is 0.
Wide centered(Wide products, Wide a, Wide b, Wide count) {
  const Wide mean_part = a * b / count;
  const Wide result = products - mean_part;
  const Wide size = products < 0 ? -products : products;
  const Wide rounding = (size + (mean_part < 0 ? -mean_part : mean_part)) * 0x1p-100;
  return (result < 0 ? -result : result) <= rounding ? 0 : result;
}

// ---------------------------------------------------------------- one variable, double

struct Moments {
  int64_t count;
  int64_t specials;  // NaN and infinities
  ExactSum sum;
  ExactSum squares;
};

void update_moments(const AggregateCall& call) {
  for (uint32_t i = 0; i < call.row_count; ++i) {
    auto& state = *reinterpret_cast<Moments*>(call.states[i]);
    const double value = call.arguments[0].at<double>(call.rows[i]);
    const Weight weight = call.weights[i];
    state.count += weight;
    if (!std::isfinite(value)) {
      state.specials += weight;
      continue;
    }
    state.sum.add(value, weight);
    add_product(state.squares, value, value, weight);
  }
}

template <int kSample, bool kRoot>
void finish_moments(const FinishCall& call) {
  for (uint32_t i = 0; i < call.count; ++i) {
    const auto& state = *reinterpret_cast<const Moments*>(call.states[i]);
    if (state.count <= kSample) {
      call.out->append_null();
    } else if (state.specials != 0) {
      call.out->append<double>(NAN);
    } else if (state.sum.overflowed() || state.squares.overflowed()) {
      fail(call, i, "22003", "value out of range: overflow");
    } else {
      const Wide count = static_cast<Wide>(state.count);
      const Wide sum = wide(state.sum);
      const Wide deviation = centered(wide(state.squares), sum, sum, count);
      const auto variance = static_cast<double>(deviation < 0 ? 0 : deviation / (count - kSample));
      call.out->append(kRoot ? std::sqrt(variance) : variance);
    }
  }
}

// ---------------------------------------------------------------- one variable, exact numbers

struct ExactMoments {
  int64_t count;
  int64_t overflowed;
  data::NumericSum sum;
  data::NumericSum squares;
};

template <typename T>
void update_exact(const AggregateCall& call) {
  for (uint32_t i = 0; i < call.row_count; ++i) {
    auto& state = *reinterpret_cast<ExactMoments*>(call.states[i]);
    Numeric value;
    if constexpr (std::is_same_v<T, Numeric>) {
      value = call.arguments[0].at<Numeric>(call.rows[i]);
    } else {
      value = data::numeric_from(int64_t{call.arguments[0].at<T>(call.rows[i])});
    }
    const Weight weight = call.weights[i];
    state.count += weight;
    const Result<Numeric> square = data::multiply(value, value);
    if (!square.is_ok() || !data::add(state.sum, value, weight).is_ok() ||
        !data::add(state.squares, *square, weight).is_ok()) {
      state.overflowed = 1;
    }
  }
}

void set_moments_scale(char* state, uint16_t scale) {
  auto& moments = *reinterpret_cast<ExactMoments*>(state);
  data::set_scale(moments.sum, scale);
  data::set_scale(moments.squares, static_cast<uint16_t>(2 * scale));
}

template <int kSample, bool kRoot>
Result<Numeric> exact_result(const ExactMoments& state) {
  FOREBAY_ASSIGN_OR_RETURN(const Numeric variance,
                           data::variance(state.sum, state.squares, state.count, kSample));
  if (!kRoot || !variance.is_finite()) return variance;
  FOREBAY_ASSIGN_OR_RETURN(const Numeric root, numeric_sqrt(variance));
  return data::round(root, variance.scale);
}

template <int kSample, bool kRoot>
void finish_exact(const FinishCall& call) {
  for (uint32_t i = 0; i < call.count; ++i) {
    const auto& state = *reinterpret_cast<const ExactMoments*>(call.states[i]);
    if (state.count <= kSample) {
      call.out->append_null();
      continue;
    }
    if (state.overflowed != 0) {
      fail(call, i, "22003", "value overflows numeric format");
      continue;
    }
    const Result<Numeric> result = exact_result<kSample, kRoot>(state);
    if (result.is_ok()) {
      call.out->append(*result);
    } else {
      fail(call, i, {result.error().sqlstate.code, 5}, result.error().message);
    }
  }
}

// ---------------------------------------------------------------- two variables

/// Of pairs (y, x), in the order of the SQL arguments.
struct Pairs {
  int64_t count;
  int64_t x_specials, y_specials;
  ExactSum x, xx, y, yy, xy;
};

void update_pairs(const AggregateCall& call) {
  for (uint32_t i = 0; i < call.row_count; ++i) {
    auto& state = *reinterpret_cast<Pairs*>(call.states[i]);
    const double y = call.arguments[0].at<double>(call.rows[i]);
    const double x = call.arguments[1].at<double>(call.rows[i]);
    const Weight weight = call.weights[i];
    state.count += weight;
    if (std::isfinite(x)) {
      state.x.add(x, weight);
      add_product(state.xx, x, x, weight);
    } else {
      state.x_specials += weight;
    }
    if (std::isfinite(y)) {
      state.y.add(y, weight);
      add_product(state.yy, y, y, weight);
    } else {
      state.y_specials += weight;
    }
    if (std::isfinite(x) && std::isfinite(y)) add_product(state.xy, x, y, weight);
  }
}

enum class Of : uint8_t {
  kCorrelation,
  kCovarPop,
  kCovarSamp,
  kSlope,
  kIntercept,
  kR2,
  kSxx,
  kSyy,
  kSxy,
  kAvgX,
  kAvgY,
};

constexpr bool is_of_x(Of what) { return what == Of::kSxx || what == Of::kAvgX; }
constexpr bool is_of_y(Of what) { return what == Of::kSyy || what == Of::kAvgY; }

/// Empty: NULL.
template <Of kWhat>
std::optional<Wide> of_pairs(const Pairs& state) {
  const Wide count = static_cast<Wide>(state.count);
  const Wide x = wide(state.x), y = wide(state.y);
  const Wide sxx = centered(wide(state.xx), x, x, count);
  const Wide syy = centered(wide(state.yy), y, y, count);
  const Wide sxy = centered(wide(state.xy), x, y, count);
  switch (kWhat) {
    case Of::kCorrelation:
      if (sxx == 0 || syy == 0) return std::nullopt;
      if (const auto product = static_cast<double>(sxx * syy);
          std::isfinite(product) && product != 0) {
        return sxy / static_cast<Wide>(std::sqrt(product));
      }
      return sxy / (static_cast<Wide>(std::sqrt(static_cast<double>(sxx))) *
                    static_cast<Wide>(std::sqrt(static_cast<double>(syy))));
    case Of::kCovarPop:
      return sxy / count;
    case Of::kCovarSamp:
      if (state.count < 2) return std::nullopt;
      return sxy / (count - 1);
    case Of::kSlope:
      if (sxx == 0) return std::nullopt;
      return sxy / sxx;
    case Of::kIntercept:
      if (sxx == 0) return std::nullopt;
      return (y - x * sxy / sxx) / count;
    case Of::kR2:
      if (sxx == 0) return std::nullopt;
      if (syy == 0) return Wide{1};
      return sxy * sxy / (sxx * syy);
    case Of::kSxx:
      return sxx;
    case Of::kSyy:
      return syy;
    case Of::kSxy:
      return sxy;
    case Of::kAvgX:
      return x / count;
    case Of::kAvgY:
      return y / count;
  }
  return std::nullopt;
}

template <Of kWhat>
void finish_pairs(const FinishCall& call) {
  for (uint32_t i = 0; i < call.count; ++i) {
    const auto& state = *reinterpret_cast<const Pairs*>(call.states[i]);
    if (state.count == 0 || (kWhat == Of::kCovarSamp && state.count < 2)) {
      call.out->append_null();
    } else if ((!is_of_y(kWhat) && state.x_specials != 0) ||
               (!is_of_x(kWhat) && state.y_specials != 0)) {
      call.out->append<double>(NAN);
    } else if (state.x.overflowed() || state.y.overflowed() || state.xx.overflowed() ||
               state.yy.overflowed() || state.xy.overflowed()) {
      fail(call, i, "22003", "value out of range: overflow");
    } else if (const std::optional<Wide> value = of_pairs<kWhat>(state)) {
      call.out->append(static_cast<double>(*value));
    } else {
      call.out->append_null();
    }
  }
}

void finish_pair_count(const FinishCall& call) {
  for (uint32_t i = 0; i < call.count; ++i) {
    call.out->append(reinterpret_cast<const Pairs*>(call.states[i])->count);
  }
}

// ---------------------------------------------------------------- descriptors

template <int kSample, bool kRoot>
void add_spread(AggregateList& list, std::string_view name, std::string_view description,
                Example example) {
  using enum TypeId;
  auto define = [&](TypeId type, TypeId result, uint32_t bytes,
                    void (*update)(const AggregateCall&), void (*finish)(const FinishCall&)) {
    AggregateFunction& function = list.emplace_back();
    function.name = name;
    function.description = description;
    function.arguments = {type};
    function.result = result;
    function.state_bytes = bytes;
    function.update = update;
    function.finish = finish;
  };
  constexpr uint32_t kBytes = sizeof(ExactMoments);
  define(kInteger, kNumeric, kBytes, &update_exact<int32_t>, &finish_exact<kSample, kRoot>);
  define(kBigint, kNumeric, kBytes, &update_exact<int64_t>, &finish_exact<kSample, kRoot>);
  define(kNumeric, kNumeric, kBytes, &update_exact<Numeric>, &finish_exact<kSample, kRoot>);
  list.back().set_scale = &set_moments_scale;
  define(kDouble, kDouble, sizeof(Moments), &update_moments, &finish_moments<kSample, kRoot>);
  list.back().examples = {example};
}

template <Of kWhat>
void add_of_pairs(AggregateList& list, std::string_view name, std::string_view description,
                  Example example) {
  AggregateFunction function;
  function.name = name;
  function.arguments = {TypeId::kDouble, TypeId::kDouble};
  function.result = TypeId::kDouble;
  function.state_bytes = sizeof(Pairs);
  function.update = &update_pairs;
  function.finish = &finish_pairs<kWhat>;
  function.description = description;
  function.examples = {example};
  list.push_back(std::move(function));
}

}  // namespace

void add_statistics(AggregateList& list) {
  add_spread<1, false>(list, "var_samp", "variance of a sample",
                       {"var_samp(x) FROM (VALUES (1.5::double precision), (4.5)) AS t(x)", "4.5"});
  add_spread<1, false>(list, "variance", "variance of a sample",
                       {"variance(x) FROM (VALUES (1.5::double precision), (4.5)) AS t(x)", "4.5"});
  add_spread<0, false>(list, "var_pop", "variance",
                       {"var_pop(x) FROM (VALUES (1.5::double precision), (4.5)) AS t(x)", "2.25"});
  add_spread<1, true>(list, "stddev_samp", "standard deviation of a sample",
                      {"stddev_samp(x) FROM (VALUES (1.5::double precision), (4.5)) AS t(x)",
                       "2.1213203435596424"});
  add_spread<1, true>(
      list, "stddev", "standard deviation of a sample",
      {"stddev(x) FROM (VALUES (1.5::double precision), (4.5)) AS t(x)", "2.1213203435596424"});
  add_spread<0, true>(
      list, "stddev_pop", "standard deviation",
      {"stddev_pop(x) FROM (VALUES (1.5::double precision), (4.5)) AS t(x)", "1.5"});
  add_of_pairs<Of::kCorrelation>(list, "corr", "correlation coefficient",
                                 {"corr(y, x) FROM (VALUES (1, 2), (2, 4)) AS t(y, x)", "1"});
  add_of_pairs<Of::kCovarPop>(list, "covar_pop", "covariance",
                              {"covar_pop(y, x) FROM (VALUES (1, 2), (2, 4)) AS t(y, x)", "0.5"});
  add_of_pairs<Of::kCovarSamp>(list, "covar_samp", "covariance of a sample",
                               {"covar_samp(y, x) FROM (VALUES (1, 2), (2, 4)) AS t(y, x)", "1"});
  add_of_pairs<Of::kSlope>(list, "regr_slope", "slope of the least-squares line",
                           {"regr_slope(y, x) FROM (VALUES (1, 2), (2, 4)) AS t(y, x)", "0.5"});
  add_of_pairs<Of::kIntercept>(
      list, "regr_intercept", "where the least-squares line meets x = 0",
      {"regr_intercept(y, x) FROM (VALUES (1, 2), (2, 3)) AS t(y, x)", "-1"});
  add_of_pairs<Of::kR2>(list, "regr_r2", "square of the correlation coefficient",
                        {"regr_r2(y, x) FROM (VALUES (1, 2), (2, 4)) AS t(y, x)", "1"});
  add_of_pairs<Of::kSxx>(list, "regr_sxx", "sum of the squared deviations of the second argument",
                         {"regr_sxx(y, x) FROM (VALUES (1, 2), (2, 4)) AS t(y, x)", "2"});
  add_of_pairs<Of::kSyy>(list, "regr_syy", "sum of the squared deviations of the first argument",
                         {"regr_syy(y, x) FROM (VALUES (1, 2), (2, 4)) AS t(y, x)", "0.5"});
  add_of_pairs<Of::kSxy>(list, "regr_sxy", "sum of the products of the deviations",
                         {"regr_sxy(y, x) FROM (VALUES (1, 2), (2, 4)) AS t(y, x)", "1"});
  add_of_pairs<Of::kAvgX>(list, "regr_avgx", "mean of the second argument of complete pairs",
                          {"regr_avgx(y, x) FROM (VALUES (1, 2), (2, 4)) AS t(y, x)", "3"});
  add_of_pairs<Of::kAvgY>(list, "regr_avgy", "mean of the first argument of complete pairs",
                          {"regr_avgy(y, x) FROM (VALUES (1, 2), (2, 4)) AS t(y, x)", "1.5"});
  AggregateFunction count;
  count.name = "regr_count";
  count.arguments = {TypeId::kDouble, TypeId::kDouble};
  count.result = TypeId::kBigint;
  count.counts = true;
  count.state_bytes = sizeof(Pairs);
  count.update = &update_pairs;
  count.finish = &finish_pair_count;
  count.description = "number of pairs without NULL";
  count.examples = {{"regr_count(y, x) FROM (VALUES (1, 2), (2, NULL)) AS t(y, x)", "1"}};
  list.push_back(std::move(count));
}

}  // namespace forebay::udfs
