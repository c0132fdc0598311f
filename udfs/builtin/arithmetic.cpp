#include <cmath>
#include <limits>

#include "engine/data/numeric.h"
#include "udfs/builtin/builtin.h"

/// + - * / % and bits over numbers. Overflow is an error of the row. The loops first compute all
/// rows and only note whether any was wrong; a second pass then finds which, so that the usual case
/// vectorises.
namespace forebay::udfs {
namespace {

constexpr SqlState kOutOfRange = data::sqlstate::kNumericOutOfRange;

template <typename T>
constexpr std::string_view kOverflowMessage = sizeof(T) == 4 ? "integer out of range"
                                                             : "bigint out of range";

/// Op::apply(a, b, bad) computes a value and ORs into `bad`; Op::explain(call, row, a, b) reports.
template <typename Op, typename T>
void checked(const ScalarCall& call) {
  T* __restrict out = call.out<T>();
  const ColumnView& left = call.arguments[0];
  const ColumnView& right = call.arguments[1];
  bool bad = false;
  if (call.dense) {
    const T* __restrict a = static_cast<const T*>(left.values);
    const T* __restrict b = static_cast<const T*>(right.values);
    const uint32_t n = call.row_count;
    if (right.step == 0) {
      const T constant = b[0];
      if (left.step == 0) {
        for (uint32_t i = 0; i < n; ++i) out[i] = Op::apply(a[0], constant, bad);
      } else {
        for (uint32_t i = 0; i < n; ++i) out[i] = Op::apply(a[i], constant, bad);
      }
    } else if (left.step == 0) {
      const T constant = a[0];
      for (uint32_t i = 0; i < n; ++i) out[i] = Op::apply(constant, b[i], bad);
    } else {
      for (uint32_t i = 0; i < n; ++i) out[i] = Op::apply(a[i], b[i], bad);
    }
  } else {
    for (uint32_t i = 0; i < call.row_count; ++i) {
      const uint32_t row = call.rows[i];
      out[row] = Op::apply(left.at<T>(row), right.at<T>(row), bad);
    }
  }
  if (!bad) [[likely]]
    return;
  for_rows(call, [&](uint32_t row) {
    bool wrong = false;
    const T a = left.at<T>(row);
    const T b = right.at<T>(row);
    Op::apply(a, b, wrong);
    if (wrong) Op::explain(call, row, a, b);
  });
}

template <typename T>
struct OverflowError {
  static constexpr bool kDivides = false;
  static void explain(const ScalarCall& call, uint32_t row, T, T) {
    call.fail_row(row, kOutOfRange, kOverflowMessage<T>);
  }
};

template <typename T>
struct Add : OverflowError<T> {
  using U = std::make_unsigned_t<T>;
  static T apply(T a, T b, bool& bad) {
    const T result = static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
    bad |= ((a ^ result) & (b ^ result)) < 0;
    return result;
  }
};
template <typename T>
struct Subtract : OverflowError<T> {
  using U = std::make_unsigned_t<T>;
  static T apply(T a, T b, bool& bad) {
    const T result = static_cast<T>(static_cast<U>(a) - static_cast<U>(b));
    bad |= ((a ^ b) & (a ^ result)) < 0;
    return result;
  }
};
template <typename T>
struct Multiply : OverflowError<T> {
  static T apply(T a, T b, bool& bad) {
    if constexpr (sizeof(T) == 4) {
      const int64_t wide = int64_t{a} * b;
      bad |= wide != static_cast<int32_t>(wide);
      return static_cast<T>(wide);
    } else {
      T result;
      bad |= __builtin_mul_overflow(a, b, &result);
      return result;
    }
  }
};

template <typename T>
struct DivisionError {
  static constexpr bool kDivides = true;
  static void explain(const ScalarCall& call, uint32_t row, T, T b) {
    if (b == 0) {
      call.fail_row(row, data::sqlstate::kDivisionByZero, "division by zero");
    } else {
      call.fail_row(row, kOutOfRange, kOverflowMessage<T>);
    }
  }
};
template <typename T>
struct Divide : DivisionError<T> {
  static T apply(T a, T b, bool& bad) {
    const bool wrong = b == 0 || (b == -1 && a == std::numeric_limits<T>::min());
    bad |= wrong;
    return wrong ? 0 : a / b;
  }
};
template <typename T>
struct Modulo : DivisionError<T> {
  static T apply(T a, T b, bool& bad) {
    bad |= b == 0;
    return b == 0 || b == -1 ? 0 : a % b;
  }
};

void fail_double(const ScalarCall& call, uint32_t row, bool overflow) {
  call.fail_row(row, kOutOfRange,
                overflow ? "value out of range: overflow" : "value out of range: underflow");
}

struct AddDouble {
  static double apply(double a, double b, bool& bad) {
    const double result = a + b;
    bad |= std::isinf(result) & !std::isinf(a) & !std::isinf(b);
    return result;
  }
  static void explain(const ScalarCall& call, uint32_t row, double, double) {
    fail_double(call, row, true);
  }
};
struct SubtractDouble : AddDouble {
  static double apply(double a, double b, bool& bad) { return AddDouble::apply(a, -b, bad); }
};
struct MultiplyDouble {
  static double apply(double a, double b, bool& bad) {
    const double result = a * b;
    bad |= (std::isinf(result) & !std::isinf(a) & !std::isinf(b)) |
           ((result == 0) & (a != 0) & (b != 0));
    return result;
  }
  static void explain(const ScalarCall& call, uint32_t row, double a, double b) {
    fail_double(call, row, a * b != 0);
  }
};
struct DivideDouble {
  static double apply(double a, double b, bool& bad) {
    const double result = a / b;
    bad |= ((b == 0) & (a == a)) | (std::isinf(result) & !std::isinf(a)) |
           ((result == 0) & (a != 0) & !std::isinf(b));
    return result;
  }
  static void explain(const ScalarCall& call, uint32_t row, double a, double b) {
    if (b == 0) {
      call.fail_row(row, data::sqlstate::kDivisionByZero, "division by zero");
    } else {
      fail_double(call, row, a / b != 0);
    }
  }
};

/// smallint lies as int32_t: the sum of two can't overflow there, and is checked afterwards.
template <typename Op>
struct Small : Op {
  static int32_t apply(int32_t a, int32_t b, bool& bad) {
    const int32_t result = Op::apply(a, b, bad);
    bad |= result != static_cast<int16_t>(result);
    return result;
  }
  static void explain(const ScalarCall& call, uint32_t row, int32_t, int32_t b) {
    if (b == 0 && Op::kDivides) {
      call.fail_row(row, data::sqlstate::kDivisionByZero, "division by zero");
    } else {
      call.fail_row(row, kOutOfRange, "smallint out of range");
    }
  }
};

/// real lies as double, in which a result of two is exact enough to be rounded to a float once.
template <typename Op>
struct Real : Op {
  static double apply(double a, double b, bool& bad) {
    const double exact = Op::apply(a, b, bad);
    const double result = static_cast<float>(exact);
    bad |= (std::isinf(result) & !std::isinf(exact)) | ((result == 0) & (exact != 0));
    return result;
  }
  static void explain(const ScalarCall& call, uint32_t row, double a, double b) {
    bool bad = false;
    const double exact = Op::apply(a, b, bad);
    if (bad) {
      Op::explain(call, row, a, b);
    } else {
      fail_double(call, row, std::isinf(static_cast<float>(exact)));
    }
  }
};

template <typename T>
Result<T> negate_integer(T value) {
  if (value == std::numeric_limits<T>::min()) {
    return Status(kOutOfRange, std::string(kOverflowMessage<T>));
  }
  return -value;
}
template <typename T>
Result<T> absolute_integer(T value) {
  return value < 0 ? negate_integer(value) : Result<T>(value);
}

template <typename T>
void add_integers(Definer& define, TypeId type) {
  const std::vector<TypeId> both{type, type};
  const bool first = type == TypeId::kInteger;
  auto add = [&](std::string_view name, ScalarKernel kernel, std::string_view text,
                 Example example) {
    std::vector<Example> examples;
    if (first) examples.push_back(example);
    define.kernel(name, both, type, kernel, text, std::move(examples)).can_fail = true;
  };
  add("+", &checked<Add<T>, T>, "sum", {"2 + 3", "5"});
  add("-", &checked<Subtract<T>, T>, "difference", {"2 - 3", "-1"});
  add("*", &checked<Multiply<T>, T>, "product", {"2 * 3", "6"});
  add("/", &checked<Divide<T>, T>, "quotient, cut towards zero", {"-7 / 2", "-3"});
  add("%", &checked<Modulo<T>, T>, "remainder, with the sign of the dividend", {"-7 % 2", "-1"});
  define.define<[](T a) { return negate_integer<T>(a); }>("-", {type}, type, "negation");
  define.define<[](T a) { return a; }>("+", {type}, type, "the value itself");
  define.define<[](T a) { return absolute_integer<T>(a); }>("@", {type}, type, "absolute value");
  define.define<[](T a) { return absolute_integer<T>(a); }>("abs", {type}, type, "absolute value");
}

template <typename T>
void add_bits(Definer& define, TypeId type) {
  using U = std::make_unsigned_t<T>;
  constexpr int32_t kMask = sizeof(T) * 8 - 1;
  define.define<[](T a, T b) -> T { return a & b; }>("&", {type, type}, type, "bitwise and");
  define.define<[](T a, T b) -> T { return a | b; }>("|", {type, type}, type, "bitwise or");
  define.define<[](T a, T b) -> T { return a ^ b; }>("#", {type, type}, type,
                                                     "bitwise exclusive or");
  define.define<[](T a) -> T { return ~a; }>("~", {type}, type, "bitwise not");
  define
      .define<[](T a, int32_t n) -> T { return static_cast<T>(static_cast<U>(a) << (n & kMask)); }>(
          "<<", {type, TypeId::kInteger}, type, "bitwise shift left");
  define.define<[](T a, int32_t n) -> T { return (a >> (n & kMask)); }>(
      ">>", {type, TypeId::kInteger}, type, "bitwise shift right");
}

Result<int32_t> negate_small(int32_t value) {
  if (value == -32768) return Status(kOutOfRange, "smallint out of range");
  return -value;
}

void add_smallint(Definer& define) {
  constexpr TypeId kType = TypeId::kSmallint;
  const std::vector<TypeId> both{kType, kType};
  auto add = [&](std::string_view name, ScalarKernel kernel, std::string_view text) {
    define.kernel(name, both, kType, kernel, text).can_fail = true;
  };
  add("+", &checked<Small<Add<int32_t>>, int32_t>, "sum");
  add("-", &checked<Small<Subtract<int32_t>>, int32_t>, "difference");
  add("*", &checked<Small<Multiply<int32_t>>, int32_t>, "product");
  add("/", &checked<Small<Divide<int32_t>>, int32_t>, "quotient, cut towards zero");
  add("%", &checked<Small<Modulo<int32_t>>, int32_t>, "remainder, with the sign of the dividend");
  add("mod", &checked<Small<Modulo<int32_t>>, int32_t>, "remainder");
  define.define<[](int32_t a) { return negate_small(a); }>("-", {kType}, kType, "negation");
  define.define<[](int32_t a) { return a; }>("+", {kType}, kType, "the value itself");
  for (std::string_view name : {"@", "abs"}) {
    define.define<[](int32_t a) { return a < 0 ? negate_small(a) : Result<int32_t>(a); }>(
        name, {kType}, kType, "absolute value");
  }
  define.define<[](int32_t a, int32_t b) { return a & b; }>("&", both, kType, "bitwise and");
  define.define<[](int32_t a, int32_t b) { return a | b; }>("|", both, kType, "bitwise or");
  define.define<[](int32_t a, int32_t b) { return a ^ b; }>("#", both, kType,
                                                            "bitwise exclusive or");
  define.define<[](int32_t a) { return ~a; }>("~", {kType}, kType, "bitwise not");
  define.define<[](int32_t a, int32_t n) { return int32_t{static_cast<int16_t>(a << (n & 31))}; }>(
      "<<", {kType, TypeId::kInteger}, kType, "bitwise shift left");
  define.define<[](int32_t a, int32_t n) { return (a >> (n & 31)); }>(
      ">>", {kType, TypeId::kInteger}, kType, "bitwise shift right");
}

/// Binary operators of two types that lie as double.
template <template <typename> class Rounded>
void add_float_operators(Definer& define, TypeId left, TypeId right, TypeId result) {
  auto add = [&](std::string_view name, ScalarKernel kernel, std::string_view text) {
    define.kernel(name, {left, right}, result, kernel, text).can_fail = true;
  };
  add("+", &checked<Rounded<AddDouble>, double>, "sum");
  add("-", &checked<Rounded<SubtractDouble>, double>, "difference");
  add("*", &checked<Rounded<MultiplyDouble>, double>, "product");
  add("/", &checked<Rounded<DivideDouble>, double>, "quotient");
}
template <typename Op>
using Unrounded = Op;

void add_floats(Definer& define, TypeId type) {
  auto unary = [&](std::string_view name, ScalarKernel kernel, std::string_view text) {
    define.kernel(name, {type}, type, kernel, text).takes_any_bits = true;
  };
  unary("-", &lift<[](double a) { return -a; }>, "negation");
  unary("+", &lift<[](double a) { return a; }>, "the value itself");
  unary("@", &lift<[](double a) { return std::fabs(a); }>, "absolute value");
  unary("abs", &lift<[](double a) { return std::fabs(a); }>, "absolute value");
}

Numeric absolute_numeric(const Numeric& value) {
  const bool negative =
      value.is_finite() ? value.high < 0 : value.kind == Numeric::Kind::kNegativeInfinity;
  return negative ? data::negate(value) : value;
}

void add_numerics(Definer& define) {
  constexpr TypeId kType = TypeId::kNumeric;
  using N = const Numeric&;
  define.define<[](N a, N b) { return data::add(a, b); }>("+", {kType, kType}, kType, "sum",
                                                          {{"1.50 + 2.5", "4.00"}});
  define.define<[](N a, N b) { return data::subtract(a, b); }>("-", {kType, kType}, kType,
                                                               "difference");
  define.define<[](N a, N b) { return data::multiply(a, b); }>("*", {kType, kType}, kType,
                                                               "product", {{"1.5 * 1.5", "2.25"}});
  define.define<[](N a, N b) { return data::divide(a, b); }>("/", {kType, kType}, kType, "quotient",
                                                             {{"10.0 / 4", "2.5000000000000000"}});
  define.define<[](N a, N b) { return data::modulo(a, b); }>("%", {kType, kType}, kType,
                                                             "remainder");
  define.define<[](N a) { return data::negate(a); }>("-", {kType}, kType, "negation");
  define.define<[](N a) { return a; }>("+", {kType}, kType, "the value itself");
  define.define<[](N a) { return absolute_numeric(a); }>("@", {kType}, kType, "absolute value");
  define.define<[](N a) { return absolute_numeric(a); }>("abs", {kType}, kType, "absolute value",
                                                         {{"abs(-1.50)", "1.50"}});
}

}  // namespace

void add_arithmetic(ScalarList& list) {
  Definer define(list, "operator");
  add_integers<int32_t>(define, TypeId::kInteger);
  add_integers<int64_t>(define, TypeId::kBigint);
  add_bits<int32_t>(define, TypeId::kInteger);
  add_bits<int64_t>(define, TypeId::kBigint);
  add_smallint(define);
  constexpr TypeId kReal = TypeId::kReal;
  constexpr TypeId kDouble = TypeId::kDouble;
  add_float_operators<Unrounded>(define, kDouble, kDouble, kDouble);
  add_float_operators<Real>(define, kReal, kReal, kReal);
  add_float_operators<Unrounded>(define, kReal, kDouble, kDouble);
  add_float_operators<Unrounded>(define, kDouble, kReal, kDouble);
  add_floats(define, kDouble);
  add_floats(define, kReal);
  add_numerics(define);
  for (ScalarFunction& function : list) {
    if (function.name == "abs" || function.name == "mod") function.category = "math";
  }
}

}  // namespace forebay::udfs
