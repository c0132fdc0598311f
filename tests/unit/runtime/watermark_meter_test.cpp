// What a batch says of a watermark: NULLs, weights, infinities, failures, the far future.

#include "engine/runtime/watermark_meter.h"

#include <gtest/gtest.h>

#include "udfs/registry.h"

namespace forebay::runtime {
namespace {

using data::TypeId;

constexpr int64_t kSecond = 1'000'000;
const data::Type kTime{TypeId::kTimestamp};

const udfs::ScalarFunction* function(std::string_view name, std::vector<TypeId> arguments) {
  for (const auto* one : udfs::find_scalar(name)) {
    if (one->arguments == arguments) return one;
  }
  return nullptr;
}

expr::ExprRef shifted(std::string_view op, data::Interval by) {
  return expr::call(function(op, {TypeId::kTimestamp, TypeId::kInterval}), kTime,
                    {expr::column(1, kTime), expr::literal({data::Type{TypeId::kInterval}, by})});
}

struct Row {
  std::optional<int64_t> time;
  data::Weight weight = 1;
};

ChangeBatch batch(const std::vector<Row>& rows) {
  data::BatchBuilder builder({data::kBigintType, kTime});
  for (const Row& row : rows) {
    builder.column(0).append(int64_t{0});
    if (row.time) {
      builder.column(1).append(*row.time);
    } else {
      builder.column(1).append_null();
    }
    builder.end_row(row.weight);
  }
  return builder.finish();
}

Observation measure(expr::ExprRef value, const std::vector<Row>& rows,
                    std::optional<int64_t> max_future_ms = std::nullopt, int64_t now_us = 0) {
  LeafWatermark declared;
  declared.value = std::move(value);
  declared.max_future_ms = max_future_ms;
  WatermarkMeter meter(declared);
  return meter.measure(batch(rows), {}, now_us);
}

TEST(WatermarkMeterTest, IsTheLargestValue) {
  const auto value = shifted("-", {5 * kSecond, 0, 0});
  EXPECT_EQ(measure(value, {{10 * kSecond}, {30 * kSecond}, {20 * kSecond}}).most, 25 * kSecond);
  EXPECT_EQ(measure(shifted("+", {kSecond, 0, 0}), {{10 * kSecond}}).most, 11 * kSecond);
  EXPECT_EQ(measure(expr::column(1, kTime), {{10}, {std::nullopt}, {7}}).most, 10);
}

TEST(WatermarkMeterTest, WhatGoesOrIsNullSaysNothing) {
  const auto value = shifted("-", {0, 0, 0});
  EXPECT_EQ(measure(value, {{10}, {99, -1}, {std::nullopt}}).most, 10);
  EXPECT_EQ(measure(value, {{std::nullopt}, {5, -2}}).most, kNoWatermark);
}

TEST(WatermarkMeterTest, InfinitiesSayNothing) {
  for (const auto& value : {shifted("-", {kSecond, 0, 0}), expr::column(1, kTime)}) {
    EXPECT_EQ(measure(value, {{INT64_MIN}}).most, kNoWatermark);
    const Observation seen = measure(value, {{20 * kSecond}, {INT64_MAX}});
    EXPECT_LE(seen.most, 20 * kSecond);
    EXPECT_GE(seen.most, 19 * kSecond);
    EXPECT_EQ(seen.far_future, 1u);
  }
}

TEST(WatermarkMeterTest, TheFarFutureIsCountedAndTheRestStands) {
  const auto value = shifted("-", {kSecond, 0, 0});
  const Observation seen =
      measure(value, {{100 * kSecond}, {5 * kSecond}, {61 * kSecond}, {62 * kSecond}}, 10'000,
              50 * kSecond);
  EXPECT_EQ(seen.most, 60 * kSecond);
  EXPECT_EQ(seen.far_future, 2u);
}

TEST(WatermarkMeterTest, RowsThatFailSayNothing) {
  constexpr int64_t kYear = 31'556'952 * kSecond;
  // 5000 years before the year 1 is before the first timestamp there is.
  const auto value = shifted("-", {0, 0, 60'000});
  EXPECT_EQ(measure(value, {{-1999 * kYear}}).most, kNoWatermark);
  EXPECT_NE(measure(value, {{0}}).most, kNoWatermark);
  EXPECT_EQ(measure(value, {{-1999 * kYear}, {0}}).most, measure(value, {{0}}).most);
}

// With months a later time can give an earlier one.
TEST(WatermarkMeterTest, MonthsAreComputedRowByRow) {
  constexpr int64_t kDay = 86'400 * kSecond;
  // 30 and 31 March 2000 (a leap year: 29 February).
  const int64_t noon = (31 + 29 + 29) * kDay + kDay / 2, midnight = (31 + 29 + 30) * kDay;
  const auto value = shifted("-", {0, 0, 1});
  EXPECT_EQ(measure(value, {{noon}, {midnight}}).most, (31 + 28) * kDay + kDay / 2);
}

}  // namespace
}  // namespace forebay::runtime
