#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <optional>
#include <random>

#include "engine/data/numeric.h"
#include "udfs/builtin/builtin.h"
#include "udfs/builtin/numeric_math.h"

/// Mathematical functions. Integers reach the double ones through implicit casts.
namespace forebay::udfs {
namespace {

constexpr TypeId kInteger = TypeId::kInteger;
constexpr TypeId kBigint = TypeId::kBigint;
constexpr TypeId kDouble = TypeId::kDouble;
constexpr TypeId kNumeric = TypeId::kNumeric;
constexpr SqlState kOutOfRange = data::sqlstate::kNumericOutOfRange;
using Text = std::string_view;
using N = const Numeric&;

constexpr double kRadiansPerDegree = 0.0174532925199432957692;

Status overflow() { return Status(kOutOfRange, "value out of range: overflow"); }
Status underflow() { return Status(kOutOfRange, "value out of range: underflow"); }

// ---------------------------------------------------------------- double

Result<double> square_root(double x) {
  if (x < 0) return Status(kInvalidPower, "cannot take square root of a negative number");
  return std::sqrt(x);
}

Result<double> exponential(double x) {
  if (std::isnan(x)) return x;
  if (std::isinf(x)) return x > 0 ? x : 0.0;
  const double result = std::exp(x);
  if (std::isinf(result)) return overflow();
  if (result == 0) return underflow();
  return result;
}

template <auto Logarithm>
Result<double> logarithm(double x) {
  if (x == 0) return Status(kInvalidLogarithm, "cannot take logarithm of zero");
  if (x < 0) return Status(kInvalidLogarithm, "cannot take logarithm of a negative number");
  return Logarithm(x);
}
double natural(double x) { return std::log(x); }
double decimal(double x) { return std::log10(x); }

Result<double> power(double base, double exponent) {
  if (std::isnan(base)) return exponent == 0 ? 1.0 : base;
  if (std::isnan(exponent)) return base == 1 ? 1.0 : exponent;
  if (base == 0 && exponent < 0) {
    return Status(kInvalidPower, "zero raised to a negative power is undefined");
  }
  if (base < 0 && std::isfinite(exponent) && std::floor(exponent) != exponent) {
    return Status(kInvalidPower,
                  "a negative number raised to a non-integer power yields a complex result");
  }
  const double result = std::pow(base, exponent);
  if (std::isinf(base) || std::isinf(exponent)) return result;
  if (std::isinf(result)) return overflow();
  if (result == 0 && base != 0) return underflow();
  return result;
}

template <auto Function>
Result<double> of_finite(double x) {
  if (std::isnan(x)) return x;
  if (std::isinf(x)) return Status(kOutOfRange, "input is out of range");
  return Function(x);
}
template <auto Function>
Result<double> of_unit_range(double x) {
  if (std::isnan(x)) return x;
  if (x < -1 || x > 1) return Status(kOutOfRange, "input is out of range");
  return Function(x);
}
double sine(double x) { return std::sin(x); }
double cosine(double x) { return std::cos(x); }
double tangent(double x) { return std::tan(x); }
double cotangent(double x) { return 1.0 / std::tan(x); }
double arc_sine(double x) { return std::asin(x); }
double arc_cosine(double x) { return std::acos(x); }

Result<double> degrees(double x) {
  const double result = x / kRadiansPerDegree;
  if (std::isinf(result) && !std::isinf(x)) return overflow();
  return result;
}

void add_double_rounding(Definer& define) {
  auto add = [&](Text name, ScalarKernel kernel, Text text, std::vector<Example> examples) {
    define.kernel(name, {kDouble}, kDouble, kernel, text, std::move(examples)).takes_any_bits =
        true;
  };
  for (Text name : {"ceil", "ceiling"}) {
    add(name, &lift<[](double x) { return std::ceil(x); }>, "nearest whole number not below",
        {{"ceil(-42.8::double precision)", "-42"}});
  }
  add("floor", &lift<[](double x) { return std::floor(x); }>, "nearest whole number not above",
      {{"floor(-42.8::double precision)", "-43"}});
  add("round", &lift<[](double x) { return std::nearbyint(x); }>,
      "nearest whole number; ties to even", {{"round(2.5::double precision)", "2"}});
  add("trunc", &lift<[](double x) { return std::trunc(x); }>, "cut towards zero",
      {{"trunc(-42.8::double precision)", "-42"}});
  add("sign", &lift<[](double x) { return double(x > 0) - double(x < 0); }>, "-1, 0 or 1",
      {{"sign(-8.4::double precision)", "-1"}});
}

void add_double_functions(Definer& define) {
  auto add = [&](Text name, ScalarKernel kernel, Text text, std::vector<Example> examples = {},
                 bool can_fail = true) {
    define.kernel(name, {kDouble}, kDouble, kernel, text, std::move(examples)).can_fail = can_fail;
  };
  add("sqrt", &lift<[](double x) { return square_root(x); }>, "square root",
      {{"sqrt(2)", "1.4142135623730951"}});
  add("cbrt", &lift<[](double x) { return std::cbrt(x); }>, "cube root", {{"cbrt(64)", "4"}},
      false);
  add("exp", &lift<[](double x) { return exponential(x); }>, "e to this power",
      {{"exp(1)", "2.718281828459045"}});
  add("ln", &lift<[](double x) { return logarithm<natural>(x); }>, "natural logarithm",
      {{"ln(2)", "0.6931471805599453"}});
  for (Text name : {"log", "log10"}) {
    add(name, &lift<[](double x) { return logarithm<decimal>(x); }>, "logarithm to base 10",
        {{"log(100)", "2"}});
  }
  add("degrees", &lift<[](double x) { return degrees(x); }>, "radians in degrees",
      {{"degrees(0.5)", "28.64788975654116"}});
  add("radians", &lift<[](double x) { return x * kRadiansPerDegree; }>, "degrees in radians",
      {{"radians(45)", "0.7853981633974483"}}, false);
  add("sin", &lift<[](double x) { return of_finite<sine>(x); }>, "sine",
      {{"sin(1)", "0.8414709848078965"}});
  add("cos", &lift<[](double x) { return of_finite<cosine>(x); }>, "cosine", {{"cos(0)", "1"}});
  add("tan", &lift<[](double x) { return of_finite<tangent>(x); }>, "tangent",
      {{"tan(1)", "1.5574077246549023"}});
  add("cot", &lift<[](double x) { return of_finite<cotangent>(x); }>, "cotangent",
      {{"cot(0.5)", "1.830487721712452"}});
  add("asin", &lift<[](double x) { return of_unit_range<arc_sine>(x); }>, "arc sine",
      {{"asin(1)", "1.5707963267948966"}});
  add("acos", &lift<[](double x) { return of_unit_range<arc_cosine>(x); }>, "arc cosine",
      {{"acos(1)", "0"}});
  add("atan", &lift<[](double x) { return std::atan(x); }>, "arc tangent",
      {{"atan(1)", "0.7853981633974483"}}, false);
  add("sinh", &lift<[](double x) { return std::sinh(x); }>, "hyperbolic sine",
      {{"sinh(1)", "1.1752011936438014"}}, false);
  add("cosh", &lift<[](double x) { return std::cosh(x); }>, "hyperbolic cosine", {{"cosh(0)", "1"}},
      false);
  add("tanh", &lift<[](double x) { return std::tanh(x); }>, "hyperbolic tangent",
      {{"tanh(1)", "0.7615941559557649"}}, false);
  define.define<[](double y, double x) { return std::atan2(y, x); }>(
      "atan2", {kDouble, kDouble}, kDouble, "arc tangent of y/x in its quadrant",
      {{"atan2(1, 0)", "1.5707963267948966"}});
  for (Text name : {"power", "pow", "^"}) {
    std::vector<Example> examples;
    if (name == "power") examples = {{"power(9, 3)", "729"}};
    if (name == "^") examples = {{"2 ^ 3", "8"}};
    define.define<[](double base, double exponent) { return power(base, exponent); }>(
        name, {kDouble, kDouble}, kDouble, "a raised to the power of b", examples);
  }
  define.define<[](double x) { return square_root(x); }>("|/", {kDouble}, kDouble, "square root",
                                                         {{"|/ 25.0", "5"}});
  define.define<[](double x) { return std::cbrt(x); }>("||/", {kDouble}, kDouble, "cube root",
                                                       {{"||/ 64.0", "4"}});
  define.define<[]() { return std::numbers::pi; }>("pi", {}, kDouble, "the number pi",
                                                   {{"pi()", "3.141592653589793"}});
  define
      .define<[]() {
        thread_local std::mt19937_64 generator(std::random_device{}());
        return static_cast<double>(generator() >> 11) * 0x1p-53;
      }>("random", {}, kDouble, "a random number, 0 <= x < 1")
      .volatility = Volatility::kVolatile;
}

// ---------------------------------------------------------------- integers

template <typename T>
Result<T> modulo(T a, T b) {
  if (b == 0) return Status(data::sqlstate::kDivisionByZero, "division by zero");
  return b == -1 ? T{0} : static_cast<T>(a % b);
}

template <typename T>
Status integer_overflow() {
  return Status(kOutOfRange, sizeof(T) == 4 ? "integer out of range" : "bigint out of range");
}

/// Greatest common divisor, computed on magnitudes; the least integer has none that fits.
template <typename T>
Result<T> greatest_divisor(T a, T b) {
  using U = std::make_unsigned_t<T>;
  const U x = a < 0 ? U{0} - static_cast<U>(a) : static_cast<U>(a);
  const U y = b < 0 ? U{0} - static_cast<U>(b) : static_cast<U>(b);
  const U divisor = std::gcd(x, y);
  if (divisor > static_cast<U>(std::numeric_limits<T>::max())) return integer_overflow<T>();
  return static_cast<T>(divisor);
}

template <typename T>
Result<T> least_multiple(T a, T b) {
  if (a == 0 || b == 0) return T{0};
  FOREBAY_ASSIGN_OR_RETURN(const T divisor, greatest_divisor(a, b));
  T result;
  if (__builtin_mul_overflow(static_cast<T>(a / divisor), b, &result) ||
      result == std::numeric_limits<T>::min()) {
    return integer_overflow<T>();
  }
  return result < 0 ? static_cast<T>(-result) : result;
}

template <typename T>
void add_integers(Definer& define, TypeId type) {
  std::vector<Example> mod_example;
  std::vector<Example> gcd_example;
  std::vector<Example> lcm_example;
  if (type == kInteger) {
    mod_example = {{"mod(9, 4)", "1"}};
    gcd_example = {{"gcd(1071, 462)", "21"}};
    lcm_example = {{"lcm(1071, 462)", "23562"}};
  }
  define.define<[](T a, T b) { return modulo<T>(a, b); }>("mod", {type, type}, type, "remainder",
                                                          mod_example);
  define.define<[](T a, T b) { return greatest_divisor<T>(a, b); }>(
      "gcd", {type, type}, type, "greatest common divisor", gcd_example);
  define.define<[](T a, T b) { return least_multiple<T>(a, b); }>(
      "lcm", {type, type}, type, "least common multiple", lcm_example);
}

// ---------------------------------------------------------------- numeric

/// PostgreSQL takes more decimals for this many.
int32_t within_scales(int32_t digits) { return std::clamp(digits, -2000, 2000); }

Numeric sign_of(N x) {
  if (x.kind == Numeric::Kind::kNaN) return x;
  return Numeric(data::compare(x, Numeric(0, 0)), 0);
}

/// `x` without zeros at the end of its fraction.
Numeric trimmed(N x) {
  if (!x.is_finite()) return x;
  data::Int128 unscaled = x.unscaled();
  uint16_t scale = unscaled == 0 ? 0 : x.scale;
  for (; scale > 0 && unscaled % 10 == 0; --scale) unscaled /= 10;
  return Numeric(unscaled, scale);
}

std::optional<int32_t> scale_of(N x) {
  return x.is_finite() ? std::optional<int32_t>(x.scale) : std::nullopt;
}

/// The whole part of a / b: exact, because the remainder is.
Result<Numeric> whole_quotient(N a, N b) {
  if (!a.is_finite() || !b.is_finite()) {
    FOREBAY_ASSIGN_OR_RETURN(const Numeric quotient, data::divide(a, b));
    return data::truncate(quotient, 0);
  }
  FOREBAY_ASSIGN_OR_RETURN(const Numeric rest, data::modulo(a, b));
  FOREBAY_ASSIGN_OR_RETURN(const Numeric whole, data::subtract(a, rest));
  FOREBAY_ASSIGN_OR_RETURN(const Numeric quotient, data::divide(whole, b));
  return data::round(quotient, 0);
}

void add_numeric_rounding(Definer& define) {
  for (Text name : {"ceil", "ceiling"}) {
    define.define<[](N x) { return data::ceil(x); }>(
        name, {kNumeric}, kNumeric, "nearest whole number not below", {{"ceil(-42.8)", "-42"}});
  }
  define.define<[](N x) { return data::floor(x); }>(
      "floor", {kNumeric}, kNumeric, "nearest whole number not above", {{"floor(-42.8)", "-43"}});
  define.define<[](N x) { return data::round(x, 0); }>("round", {kNumeric}, kNumeric,
                                                       "nearest whole number; ties away from zero",
                                                       {{"round(42.4)", "42"}});
  define.define<[](N x, int32_t digits) { return data::round(x, within_scales(digits)); }>(
      "round", {kNumeric, kInteger}, kNumeric, "rounded to so many decimals",
      {{"round(42.4382, 2)", "42.44"}, {"round(1234.56, -1)", "1230"}});
  define.define<[](N x) { return data::truncate(x, 0); }>(
      "trunc", {kNumeric}, kNumeric, "cut towards zero", {{"trunc(42.8)", "42"}});
  define.define<[](N x, int32_t digits) { return data::truncate(x, within_scales(digits)); }>(
      "trunc", {kNumeric, kInteger}, kNumeric, "cut to so many decimals",
      {{"trunc(42.4382, 2)", "42.43"}});
  define.define<[](N x) { return sign_of(x); }>("sign", {kNumeric}, kNumeric, "-1, 0 or 1",
                                                {{"sign(-8.4)", "-1"}});
  define.define<[](N x) { return scale_of(x); }>(
      "scale", {kNumeric}, kInteger, "decimals that are shown", {{"scale(8.4100)", "4"}});
  define.define<[](N x) { return scale_of(trimmed(x)); }>(
      "min_scale", {kNumeric}, kInteger, "decimals that are needed", {{"min_scale(8.4100)", "2"}});
  define.define<[](N x) { return trimmed(x); }>("trim_scale", {kNumeric}, kNumeric,
                                                "without zeros at the end of the fraction",
                                                {{"trim_scale(8.4100)", "8.41"}});
}

void add_numeric_functions(Definer& define) {
  define.define<[](N a, N b) { return data::modulo(a, b); }>("mod", {kNumeric, kNumeric}, kNumeric,
                                                             "remainder", {{"mod(9.5, 4)", "1.5"}});
  define.define<[](N a, N b) { return whole_quotient(a, b); }>(
      "div", {kNumeric, kNumeric}, kNumeric, "whole quotient", {{"div(9, 4)", "2"}});
  define.define<[](N x) { return numeric_sqrt(x); }>("sqrt", {kNumeric}, kNumeric, "square root",
                                                     {{"sqrt(2.0)", "1.414213562373095"}});
  define.define<[](N x) { return numeric_exp(x); }>("exp", {kNumeric}, kNumeric, "e to this power",
                                                    {{"exp(1.0)", "2.7182818284590452"}});
  define.define<[](N x) { return numeric_ln(x); }>("ln", {kNumeric}, kNumeric, "natural logarithm",
                                                   {{"ln(2.0)", "0.6931471805599453"}});
  for (Text name : {"log", "log10"}) {
    define.define<[](N x) { return numeric_log(Numeric(10, 0), x); }>(
        name, {kNumeric}, kNumeric, "logarithm to base 10", {{"log(100.0)", "2.0000000000000000"}});
  }
  define.define<[](N base, N x) { return numeric_log(base, x); }>(
      "log", {kNumeric, kNumeric}, kNumeric, "logarithm to a base",
      {{"log(2.0, 64.0)", "6.0000000000000000"}});
  for (Text name : {"power", "pow", "^"}) {
    std::vector<Example> examples;
    if (name == "power") examples = {{"power(9.0, 3.0)", "729.0000000000000000"}};
    define.define<[](N base, N exponent) { return numeric_power(base, exponent); }>(
        name, {kNumeric, kNumeric}, kNumeric, "a raised to the power of b", examples);
  }
}

}  // namespace

void add_math(ScalarList& list) {
  Definer define(list, "math");
  const size_t first = list.size();
  add_double_rounding(define);
  add_double_functions(define);
  add_integers<int32_t>(define, kInteger);
  add_integers<int64_t>(define, kBigint);
  add_numeric_rounding(define);
  add_numeric_functions(define);
  for (size_t i = first; i < list.size(); ++i) {
    const char start = list[i].name.front();
    if (start < 'a' || start > 'z') list[i].category = "operator";
  }
}

}  // namespace forebay::udfs
