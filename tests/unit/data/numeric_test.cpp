#include "engine/data/numeric.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <iostream>
#include <random>

#include "engine/data/text_format.h"
#include "tests/support/seed.h"

namespace forebay::data {
namespace {

Numeric number(std::string_view text) { return *parse_numeric(text); }

std::string text_of(const Result<Numeric>& value) {
  if (!value.is_ok()) return std::string(value.error().sqlstate.view());
  std::string text;
  format_numeric(*value, text);
  return text;
}

TEST(Numeric, AddsAtTheLargerScale) {
  EXPECT_EQ(text_of(add(number("1.5"), number("2.25"))), "3.75");
  EXPECT_EQ(text_of(add(number("99999999999999999999"), number("-1"))), "99999999999999999998");
  EXPECT_EQ(text_of(subtract(number("0.00"), number("5"))), "-5.00");
  EXPECT_EQ(text_of(subtract(number("Infinity"), number("Infinity"))), "NaN");
  EXPECT_EQ(text_of(add(number("99999999999999999999999999999999999999"), number("1"))), "22003");
  EXPECT_EQ(text_of(add(number("99999999999999999999999999999999999999"), number("-0.5"))),
            "22003");
}

TEST(Numeric, MultipliesExactly) {
  EXPECT_EQ(text_of(multiply(number("1.50"), number("-2.0"))), "-3.000");
  EXPECT_EQ(text_of(multiply(number("9999999999999999999"), number("9999999999999999999"))),
            "99999999999999999980000000000000000001");
  EXPECT_EQ(text_of(multiply(number("Infinity"), number("0"))), "NaN");
  EXPECT_EQ(text_of(multiply(number("1e20"), number("1e20"))), "22003");
}

TEST(Numeric, DividesWithPostgresScale) {
  EXPECT_EQ(text_of(divide(number("1"), number("3"))), "0.33333333333333333333");
  EXPECT_EQ(text_of(divide(number("10"), number("4"))), "2.5000000000000000");
  EXPECT_EQ(text_of(divide(number("1e20"), number("3"))), "33333333333333333333");
  EXPECT_EQ(text_of(divide(number("-7.000"), number("0.02"))), "-350.0000000000000000");
  EXPECT_EQ(text_of(divide(number("5"), number("Infinity"))), "0");
  EXPECT_EQ(text_of(divide(number("5"), number("0"))), "22012");
  EXPECT_EQ(text_of(modulo(number("-7.5"), number("2"))), "-1.5");
}

TEST(Numeric, Rounds) {
  EXPECT_EQ(text_of(round(number("2.345"), 2)), "2.35");
  EXPECT_EQ(text_of(round(number("-2.5"), 0)), "-3");
  EXPECT_EQ(text_of(round(number("1550"), -2)), "1600");
  EXPECT_EQ(text_of(round(number("1.5"), 3)), "1.500");
  EXPECT_EQ(text_of(truncate(number("-2.99"), 1)), "-2.9");
  EXPECT_EQ(text_of(floor(number("-2.01"))), "-3");
  EXPECT_EQ(text_of(ceil(number("2.01"))), "3");
  EXPECT_EQ(text_of(ceil(number("-0.5"))), "0");
}

TEST(Numeric, ComparesByValue) {
  EXPECT_EQ(compare(number("1.5"), number("1.500000000000000000000000000000")), 0);
  EXPECT_LT(compare(number("-1e30"), number("1e-30")), 0);
  EXPECT_GT(compare(number("NaN"), number("Infinity")), 0);
  EXPECT_EQ(compare(number("NaN"), number("NaN")), 0);
  EXPECT_LT(compare(number("-Infinity"), number("-1")), 0);
  EXPECT_LT(compare(number("0.1"), number("0.11")), 0);
}

TEST(Numeric, ConvertsToAndFromMachineNumbers) {
  EXPECT_EQ(text_of(numeric_from(0.1 + 0.2)), "0.3");
  EXPECT_EQ(text_of(numeric_from(1e20)), "100000000000000000000");
  EXPECT_EQ(text_of(numeric_from(-0.0)), "0");
  EXPECT_EQ(to_double(number("0.1")), 0.1);
  EXPECT_EQ(to_double(number("12345678901234567890.123")), 12345678901234567890.123);
  EXPECT_EQ(*to_int64(number("2.5")), 3);
  EXPECT_EQ(to_int32(number("2147483647.5")).error().message, "integer out of range");
  EXPECT_EQ(to_int64(number("NaN")).error().message, "cannot convert NaN to bigint");
}

/// What comes out equals what never went in, whatever the order and the scales.
TEST(NumericSum, TakesOutExactly) {
  const uint64_t seed = test_seed();
  std::mt19937_64 random(seed);
  NumericSum sum{};
  std::vector<Numeric> values;
  for (int i = 0; i < 1000; ++i) {
    Int128 unscaled = static_cast<int64_t>(random());
    if (i % 3 == 0) unscaled *= static_cast<int64_t>(random() >> 2);
    values.push_back(i % 50 == 0  ? Numeric::special(static_cast<Numeric::Kind>(1 + random() % 3))
                     : i % 7 == 0 ? number("7.25")
                                  : Numeric(unscaled, static_cast<uint16_t>(random() % 12)));
    ASSERT_TRUE(add(sum, values.back(), 3).is_ok());
  }
  ASSERT_TRUE(add(sum, number("12.5"), 1).is_ok());
  EXPECT_FALSE(finish(sum)->is_finite());
  std::shuffle(values.begin(), values.end(), random);
  for (const Numeric& value : values) ASSERT_TRUE(add(sum, value, -3).is_ok());
  EXPECT_EQ(compare(*finish(sum), number("12.5")), 0);
}

TEST(NumericSum, IsWiderThanItsResult) {
  NumericSum sum{};
  const Numeric large = number("99999999999999999999999999999999999999");
  ASSERT_TRUE(add(sum, large, 1000).is_ok());
  EXPECT_EQ(text_of(finish(sum)), "22003");
  EXPECT_EQ(text_of(average(sum, 1000)), "99999999999999999999999999999999999999");
  NumericSum other{};
  ASSERT_TRUE(add(other, large, -999).is_ok());
  ASSERT_TRUE(merge(sum, other).is_ok());
  EXPECT_EQ(text_of(finish(sum)), "99999999999999999999999999999999999999");
}

TEST(NumericSum, AveragesWithPostgresScale) {
  NumericSum sum{};
  for (const char* text : {"1.00", "2.00", "2.00"}) ASSERT_TRUE(add(sum, number(text), 1).is_ok());
  EXPECT_EQ(text_of(finish(sum)), "5.00");
  EXPECT_EQ(text_of(average(sum, 3)), "1.6666666666666667");
}

}  // namespace
}  // namespace forebay::data
