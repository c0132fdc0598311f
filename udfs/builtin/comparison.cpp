#include <array>

#include "engine/data/datetime.h"
#include "engine/data/numeric.h"
#include "udfs/builtin/builtin.h"

/// = <> < <= > >= for every type, both sides of one type.
namespace forebay::udfs {
namespace {

// Double: NaN equals NaN and is above all numbers. Bitwise operators keep the loops free of
// branches.
inline bool double_equal(double a, double b) { return (a == b) | ((a != a) & (b != b)); }
inline bool double_less(double a, double b) { return (a < b) | ((a == a) & (b != b)); }

// Intervals compare by length; those without months and days need no 128-bit arithmetic.
inline int interval_order(const Interval& a, const Interval& b) { return data::compare(a, b); }

constexpr std::string_view kEqual = "equal";
constexpr std::string_view kNotEqual = "not equal";
constexpr std::string_view kLess = "less than";
constexpr std::string_view kLessEqual = "less than or equal";
constexpr std::string_view kGreater = "greater than";
constexpr std::string_view kGreaterEqual = "greater than or equal";

/// Six operators over a fixed-width type with C++'s own comparison.
template <typename T>
void add_plain(Definer& define, TypeId type, std::array<Example, 6> examples) {
  std::vector<TypeId> both{type, type};
  auto add = [&](std::string_view name, ScalarKernel kernel, std::string_view text,
                 size_t example) {
    std::vector<Example> shown;
    if (!examples[example].sql.empty()) shown.push_back(examples[example]);
    define.kernel(name, both, TypeId::kBoolean, kernel, text, shown).takes_any_bits = true;
  };
  add("=", &lift<[](T a, T b) -> uint8_t { return a == b; }>, kEqual, 0);
  add("<>", &lift<[](T a, T b) -> uint8_t { return a != b; }>, kNotEqual, 1);
  add("<", &lift<[](T a, T b) -> uint8_t { return a < b; }>, kLess, 2);
  add("<=", &lift<[](T a, T b) -> uint8_t { return a <= b; }>, kLessEqual, 3);
  add(">", &lift<[](T a, T b) -> uint8_t { return (a > b); }>, kGreater, 4);
  add(">=", &lift<[](T a, T b) -> uint8_t { return (a >= b); }>, kGreaterEqual, 5);
}

void add_double(Definer& define, TypeId left, TypeId right) {
  const std::vector<TypeId> both{left, right};
  auto add = [&](std::string_view name, ScalarKernel kernel, std::string_view text) {
    define.kernel(name, both, TypeId::kBoolean, kernel, text).takes_any_bits = true;
  };
  add("=", &lift<[](double a, double b) -> uint8_t { return double_equal(a, b); }>, kEqual);
  add("<>", &lift<[](double a, double b) -> uint8_t { return !double_equal(a, b); }>, kNotEqual);
  add("<", &lift<[](double a, double b) -> uint8_t { return double_less(a, b); }>, kLess);
  add("<=", &lift<[](double a, double b) -> uint8_t { return !double_less(b, a); }>, kLessEqual);
  add(">", &lift<[](double a, double b) -> uint8_t { return double_less(b, a); }>, kGreater);
  add(">=", &lift<[](double a, double b) -> uint8_t { return !double_less(a, b); }>, kGreaterEqual);
}

/// Six operators over a three-way comparison.
template <typename T, auto Order>
void add_ordered(Definer& define, TypeId type) {
  const std::vector<TypeId> both{type, type};
  auto add = [&](std::string_view name, ScalarKernel kernel, std::string_view text) {
    define.kernel(name, both, TypeId::kBoolean, kernel, text);
  };
  add("=", &lift<[](const T& a, const T& b) -> uint8_t { return Order(a, b) == 0; }>, kEqual);
  add("<>", &lift<[](const T& a, const T& b) -> uint8_t { return Order(a, b) != 0; }>, kNotEqual);
  add("<", &lift<[](const T& a, const T& b) -> uint8_t { return Order(a, b) < 0; }>, kLess);
  add("<=", &lift<[](const T& a, const T& b) -> uint8_t { return Order(a, b) <= 0; }>, kLessEqual);
  add(">", &lift<[](const T& a, const T& b) -> uint8_t { return (Order(a, b) > 0); }>, kGreater);
  add(">=", &lift<[](const T& a, const T& b) -> uint8_t { return (Order(a, b) >= 0); }>,
      kGreaterEqual);
}

/// Text equality compares lengths and first bytes as one word; a constant side stays in registers.
template <bool kWanted>
void text_equality(const ScalarCall& call) {
  auto* out = call.out<uint8_t>();
  const ColumnView& a = call.arguments[0];
  const ColumnView& b = call.arguments[1];
  const bool left_constant = a.step == 0;
  if (left_constant || b.step == 0) {
    const StringView constant = left_constant ? a.at<StringView>(0) : b.at<StringView>(0);
    const ColumnView& other = left_constant ? b : a;
    for_rows(call,
             [&](uint32_t row) { out[row] = (other.at<StringView>(row) == constant) == kWanted; });
    return;
  }
  for_rows(call, [&](uint32_t row) {
    out[row] = (a.at<StringView>(row) == b.at<StringView>(row)) == kWanted;
  });
}

inline int text_order(const StringView& a, const StringView& b) { return compare(a, b); }

/// Types that lie as strings and are compared by bytes.
void add_text(Definer& define, TypeId type) {
  const std::vector<TypeId> both{type, type};
  auto add = [&](std::string_view name, ScalarKernel kernel, std::string_view text,
                 std::vector<Example> examples = {}) {
    if (type != TypeId::kText) examples.clear();
    define.kernel(name, both, TypeId::kBoolean, kernel, text, std::move(examples));
  };
  add("=", &text_equality<true>, kEqual, {{"'a' = 'a'", "t"}});
  add("<>", &text_equality<false>, kNotEqual);
  add("<", &lift<[](const StringView& a, const StringView& b) -> uint8_t {
        return text_order(a, b) < 0;
      }>,
      "less than, by bytes", {{"'B' < 'a'", "t"}});
  add("<=", &lift<[](const StringView& a, const StringView& b) -> uint8_t {
        return text_order(a, b) <= 0;
      }>,
      "less than or equal, by bytes");
  add(">", &lift<[](const StringView& a, const StringView& b) -> uint8_t {
        return (text_order(a, b) > 0);
      }>,
      "greater than, by bytes");
  add(">=", &lift<[](const StringView& a, const StringView& b) -> uint8_t {
        return (text_order(a, b) >= 0);
      }>,
      "greater than or equal, by bytes");
}

/// Types that lie as strings and have an order of their own: jsonb and arrays.
template <TypeId kType>
void add_ordered_strings(Definer& define, std::vector<Example> examples) {
  const std::vector<TypeId> both{kType, kType};
  auto add = [&](std::string_view name, ScalarKernel kernel, std::string_view text) {
    define.kernel(name, both, TypeId::kBoolean, kernel, text, std::move(examples));
  };
  using Text = std::string_view;
  add("=", &lift<[](Text a, Text b) { return data::compare_ordered(kType, a, b) == 0; }>, kEqual);
  add("<>", &lift<[](Text a, Text b) { return data::compare_ordered(kType, a, b) != 0; }>,
      kNotEqual);
  add("<", &lift<[](Text a, Text b) { return data::compare_ordered(kType, a, b) < 0; }>, kLess);
  add("<=", &lift<[](Text a, Text b) { return data::compare_ordered(kType, a, b) <= 0; }>,
      kLessEqual);
  add(">", &lift<[](Text a, Text b) { return (data::compare_ordered(kType, a, b) > 0); }>,
      kGreater);
  add(">=", &lift<[](Text a, Text b) { return (data::compare_ordered(kType, a, b) >= 0); }>,
      kGreaterEqual);
}

}  // namespace

void add_comparison(ScalarList& list) {
  Definer define(list, "operator");
  add_plain<uint8_t>(define, TypeId::kBoolean,
                     {{{"true = false", "f"}, {}, {"false < true", "t"}}});
  add_plain<int32_t>(define, TypeId::kInteger,
                     {{{"1 = 1", "t"},
                       {"1 <> 2", "t"},
                       {"1 < 2", "t"},
                       {"2 <= 2", "t"},
                       {"1 > 2", "f"},
                       {"2 >= 2", "t"}}});
  add_plain<int64_t>(define, TypeId::kBigint, {});
  add_plain<int64_t>(define, TypeId::kOid, {});
  add_plain<int32_t>(define, TypeId::kSmallint, {});
  // real lies as double; PostgreSQL compares both with each other, which decides what is preferred.
  for (TypeId left : {TypeId::kDouble, TypeId::kReal}) {
    for (TypeId right : {TypeId::kDouble, TypeId::kReal}) add_double(define, left, right);
  }
  add_ordered<Numeric, [](const Numeric& a, const Numeric& b) { return data::compare(a, b); }>(
      define, TypeId::kNumeric);
  for (TypeId type : {TypeId::kText, TypeId::kChar, TypeId::kBytea, TypeId::kUuid}) {
    add_text(define, type);
  }
  add_ordered_strings<TypeId::kJsonb>(define, {{"'[1, 2]'::jsonb = '[1.0,2]'", "t"}});
  add_ordered_strings<TypeId::kAnyArray>(define, {{"ARRAY[1, 2] = '{1,2}'", "t"}});
  add_plain<int32_t>(define, TypeId::kDate, {{{"date '2026-01-02' = date '2026-01-02'", "t"}}});
  add_plain<int64_t>(define, TypeId::kTime, {});
  add_plain<int64_t>(define, TypeId::kTimestamp, {});
  add_plain<int64_t>(define, TypeId::kTimestampTz, {});
  add_ordered<Interval, interval_order>(define, TypeId::kInterval);
}

}  // namespace forebay::udfs
