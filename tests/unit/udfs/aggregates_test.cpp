#include <cmath>
#include <random>

#include "tests/support/seed.h"
#include "tests/unit/udfs/harness.h"
#include "udfs/exact_sum.h"

namespace forebay::udfs::test {
namespace {

using data::Weight;
using Weighted = std::pair<Datum, Weight>;

const AggregateFunction* aggregate(std::string_view name, TypeId type) {
  for (const AggregateFunction* function : find_aggregate(name)) {
    if (!function->arguments.empty() && function->arguments[0] == type) return function;
  }
  return nullptr;
}

/// The text of the aggregate over weighted values.
std::string over(std::string_view name, Type type, const std::vector<Weighted>& input) {
  const AggregateFunction* function = aggregate(name, type.id);
  if (function == nullptr) return "no such aggregate";
  std::vector<uint64_t> state(function->state_bytes / 8 + 1);
  char* const bytes = reinterpret_cast<char*>(state.data());
  data::ColumnBuilder builder(type);
  std::vector<uint32_t> rows;
  std::vector<char*> states;
  std::vector<Weight> weights;
  for (const auto& [datum, weight] : input) {
    rows.push_back(builder.size());
    builder.append_datum(datum);
    states.push_back(bytes);
    weights.push_back(weight);
  }
  const data::ColumnRef column = builder.finish();
  const ColumnView view = column->view();
  function->update({&view, &type, 1, rows.data(), states.data(), weights.data(),
                    static_cast<uint32_t>(rows.size())});
  data::ColumnBuilder out(Type{function->result});
  std::string error;
  const char* finished = bytes;
  function->finish(
      {&finished, 1, &out,
       [](void* context, uint32_t, const char* sqlstate, const char* message, size_t n) {
         *static_cast<std::string*>(context) =
             std::string(sqlstate) + " " + std::string(message, n);
       },
       &error});
  EXPECT_EQ(out.size(), 1u);
  if (!error.empty()) return error;
  return shown(out.finish()->datum(0));
}

TEST(Aggregates, Integers) {
  const Type type = data::kIntegerType;
  EXPECT_EQ(over("sum", type, {}), "NULL");
  EXPECT_EQ(over("sum", type, {{I(1), 1}, {I(2), 1}, {I(2), -1}}), "1");
  EXPECT_EQ(over("sum", type, {{I(INT32_MAX), int64_t{1} << 40}}), "22003 bigint out of range");
  EXPECT_EQ(
      over("sum", type,
           {{I(INT32_MAX), int64_t{1} << 40}, {I(INT32_MAX), -(int64_t{1} << 40)}, {I(3), 2}}),
      "6");
  EXPECT_EQ(over("avg", type, {{I(1), 1}, {I(2), 1}}), "1.5000000000000000");
  EXPECT_EQ(over("avg", type, {{I(1), 2}, {I(2), 1}}), "1.3333333333333333");
  EXPECT_EQ(over("sum", data::kBigintType, {{L(INT64_MAX), 3}}), "27670116110564327421");
  EXPECT_EQ(over("avg", data::kBigintType, {{L(INT64_MAX), 3}}), "9223372036854775807");
}

TEST(Aggregates, Numerics) {
  const Type type = data::kNumericType;
  EXPECT_EQ(over("sum", type, {{N("1.5"), 1}, {N("2.25"), 1}}), "3.75");
  EXPECT_EQ(over("sum", type, {{N("NaN"), 1}, {N("2.25"), 1}}), "NaN");
  EXPECT_EQ(over("sum", type, {{N("NaN"), 1}, {N("2.25"), 1}, {N("NaN"), -1}}), "2.25");
  EXPECT_EQ(over("avg", type, {{N("1.0"), 1}, {N("2.0"), 1}}), "1.5000000000000000");
}

TEST(Aggregates, Intervals) {
  const Type type = data::kIntervalType;
  EXPECT_EQ(over("sum", type, {{Iv("1 mon"), 1}, {Iv("2 days 01:00"), 3}}),
            "1 mon 6 days 03:00:00");
  EXPECT_EQ(over("avg", type, {{Iv("1 hour"), 1}, {Iv("2 hours"), 1}}), "01:30:00");
}

TEST(Aggregates, Booleans) {
  const Type type = data::kBooleanType;
  EXPECT_EQ(over("bool_and", type, {}), "NULL");
  EXPECT_EQ(over("bool_and", type, {{B(true), 1}, {B(false), 1}}), "f");
  EXPECT_EQ(over("bool_and", type, {{B(true), 1}, {B(false), 1}, {B(false), -1}}), "t");
  EXPECT_EQ(over("bool_or", type, {{B(true), 1}, {B(false), 1}}), "t");
  EXPECT_EQ(over("every", type, {{B(true), 1}}), "t");
}

TEST(Aggregates, DoublesForgetWhatIsTakenOut) {
  const Type type = data::kDoubleType;
  EXPECT_EQ(over("sum", type, {}), "NULL");
  EXPECT_EQ(over("sum", type, {{D(0.1), 1}, {D(0.2), 1}, {D(0.3), 1}}), "0.6");
  EXPECT_EQ(over("sum", type, {{D(1e300), 1}, {D(1e-300), 1}, {D(1e300), -1}}), "1e-300");
  EXPECT_EQ(over("sum", type, {{D(0.1), 1000000007}, {D(0.1), -1000000006}}), "0.1");
  EXPECT_EQ(over("sum", type, {{D(0.1), INT64_MAX}, {D(0.1), -(INT64_MAX - 1)}}), "0.1");
  EXPECT_EQ(over("sum", type, {{D(NAN), 1}, {D(1), 1}}), "NaN");
  EXPECT_EQ(over("sum", type, {{D(NAN), 1}, {D(1), 1}, {D(NAN), -1}}), "1");
  EXPECT_EQ(over("sum", type, {{D(INFINITY), 1}, {D(1), 1}}), "Infinity");
  EXPECT_EQ(over("sum", type, {{D(INFINITY), 1}, {D(-INFINITY), 1}}), "NaN");
  EXPECT_EQ(over("sum", type, {{D(1e308), 1}, {D(1e308), 1}}),
            "22003 value out of range: overflow");
  EXPECT_EQ(over("avg", type, {{D(1), 1}, {D(2), 1}}), "1.5");
}

TEST(ExactSum, AgreesWithWideArithmetic) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  // Multiples of 2^-40 below 2^62: their sums are exact in 128 bits.
  for (int round = 0; round < 200; ++round) {
    ExactSum sum{};
    __int128 exact = 0;
    for (int i = 0; i < 500; ++i) {
      const int64_t mantissa = static_cast<int64_t>(random() >> 12) - (int64_t{1} << 51);
      const int shift = static_cast<int>(random() % 50);
      const int64_t weight = static_cast<int64_t>(random() % 7) - 3;
      sum.add(std::ldexp(static_cast<double>(mantissa), shift - 40), weight);
      exact += (static_cast<__int128>(mantissa) << shift) * weight;
    }
    EXPECT_EQ(sum.value(), std::ldexp(static_cast<double>(exact), -40));
  }
}

TEST(ExactSum, EmptiesExactly) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(-60, 60);
  for (int round = 0; round < 200; ++round) {
    std::vector<double> values;
    for (int i = 0; i < 300; ++i) values.push_back(std::exp2(uniform(random)) * uniform(random));
    ExactSum sum{};
    for (double value : values) sum.add(value);
    std::shuffle(values.begin(), values.end(), random);
    for (double value : values) sum.add(value, -1);
    for (double component : sum.components) EXPECT_EQ(component, 0.0);
  }
}

}  // namespace
}  // namespace forebay::udfs::test
