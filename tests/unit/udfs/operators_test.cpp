#include <cmath>

#include "tests/unit/udfs/harness.h"

namespace forebay::udfs::test {
namespace {

TEST(Arithmetic, IntegersAreChecked) {
  EXPECT_EQ(run("+", {I(2), I(3)}), "5");
  EXPECT_EQ(run("+", {I(2147483647), I(1)}), "22003 integer out of range");
  EXPECT_EQ(run("-", {I(-2147483647), I(2)}), "22003 integer out of range");
  EXPECT_EQ(run("*", {I(65536), I(32768)}), "22003 integer out of range");
  EXPECT_EQ(run("*", {I(65536), I(-32768)}), "-2147483648");
  EXPECT_EQ(run("+", {L(INT64_MAX), L(1)}), "22003 bigint out of range");
  EXPECT_EQ(run("-", {L(INT64_MIN), L(1)}), "22003 bigint out of range");
  EXPECT_EQ(run("*", {L(INT64_MAX), L(2)}), "22003 bigint out of range");
  EXPECT_EQ(run("-", {I(INT32_MIN)}), "22003 integer out of range");
  EXPECT_EQ(run("abs", {L(INT64_MIN)}), "22003 bigint out of range");
  EXPECT_EQ(run("@", {I(-5)}), "5");
}

TEST(Arithmetic, DivisionCutsTowardsZero) {
  EXPECT_EQ(run("/", {I(-7), I(2)}), "-3");
  EXPECT_EQ(run("%", {I(-7), I(2)}), "-1");
  EXPECT_EQ(run("/", {I(1), I(0)}), "22012 division by zero");
  EXPECT_EQ(run("%", {L(1), L(0)}), "22012 division by zero");
  EXPECT_EQ(run("/", {I(INT32_MIN), I(-1)}), "22003 integer out of range");
  EXPECT_EQ(run("%", {I(INT32_MIN), I(-1)}), "0");
  EXPECT_EQ(run("/", {N("10.0"), N("4")}), "2.5000000000000000");
  EXPECT_EQ(run("/", {N("1"), N("3")}), "0.33333333333333333333");
  EXPECT_EQ(run("/", {N("1"), N("0")}), "22012 division by zero");
}

TEST(Arithmetic, Doubles) {
  EXPECT_EQ(run("+", {D(0.1), D(0.2)}), "0.30000000000000004");
  EXPECT_EQ(run("*", {D(1e200), D(1e200)}), "22003 value out of range: overflow");
  EXPECT_EQ(run("*", {D(1e-200), D(1e-200)}), "22003 value out of range: underflow");
  EXPECT_EQ(run("/", {D(1), D(0)}), "22012 division by zero");
  EXPECT_EQ(run("/", {D(NAN), D(0)}), "NaN");
  EXPECT_EQ(run("+", {D(INFINITY), D(1)}), "Infinity");
  EXPECT_EQ(run("-", {D(INFINITY), D(INFINITY)}), "NaN");
  EXPECT_EQ(run("-", {D(0)}), "-0");
}

TEST(Arithmetic, Bits) {
  EXPECT_EQ(run("&", {I(91), I(15)}), "11");
  EXPECT_EQ(run("|", {I(32), I(3)}), "35");
  EXPECT_EQ(run("#", {I(17), I(5)}), "20");
  EXPECT_EQ(run("~", {I(1)}), "-2");
  EXPECT_EQ(run("<<", {I(1), I(4)}), "16");
  EXPECT_EQ(run(">>", {L(-8), I(2)}), "-2");
}

TEST(Arithmetic, Datetimes) {
  EXPECT_EQ(run("+", {Day("2026-02-27"), I(2)}), "2026-03-01");
  EXPECT_EQ(run("-", {Day("2026-03-01"), Day("2026-02-27")}), "2");
  EXPECT_EQ(run("-", {Day("infinity"), Day("2026-02-27")}), "22008 cannot subtract infinite dates");
  EXPECT_EQ(run("+", {Day("5874897-12-31"), I(1)}), "22008 date out of range");
  EXPECT_EQ(run("+", {Day("2026-01-31"), Iv("1 month")}), "2026-02-28 00:00:00");
  EXPECT_EQ(run("-", {At("2026-03-31 10:00"), Iv("1 month 1 hour")}), "2026-02-28 09:00:00");
  EXPECT_EQ(run("-", {At("2026-03-02 01:00"), At("2026-03-01")}), "1 day 01:00:00");
  EXPECT_EQ(run("*", {Iv("1 hour"), D(1.5)}), "01:30:00");
  EXPECT_EQ(run("/", {Iv("1 hour"), D(0)}), "22012 division by zero");
  EXPECT_EQ(run("-", {Iv("1 mon"), Iv("1 day")}), "1 mon -1 days");
}

TEST(Comparison, Doubles) {
  EXPECT_EQ(run("=", {D(NAN), D(NAN)}), "t");
  EXPECT_EQ(run(">", {D(NAN), D(INFINITY)}), "t");
  EXPECT_EQ(run("<", {D(1), D(NAN)}), "t");
  EXPECT_EQ(run("<=", {D(NAN), D(1)}), "f");
  EXPECT_EQ(run(">=", {D(NAN), D(NAN)}), "t");
  EXPECT_EQ(run("<>", {D(NAN), D(1)}), "t");
  EXPECT_EQ(run("=", {D(0.0), D(-0.0)}), "t");
}

TEST(Comparison, Others) {
  EXPECT_EQ(run("=", {N("1.5"), N("1.50")}), "t");
  EXPECT_EQ(run("<", {T("B"), T("a")}), "t");
  EXPECT_EQ(run("=", {T("a long string of text"), T("a long string of text")}), "t");
  EXPECT_EQ(run("<>", {T("a long string of text"), T("a long string of texT")}), "t");
  EXPECT_EQ(run(">=", {I(2), I(2)}), "t");
  EXPECT_EQ(run("=", {Iv("1 month"), Iv("30 days")}), "t");
  EXPECT_EQ(run("<", {B(false), B(true)}), "t");
  EXPECT_EQ(run("=", {I(1), Null(data::kIntegerType)}), "NULL");
}

TEST(Casts, Numbers) {
  EXPECT_EQ(cast(D(2.5), data::kIntegerType), "2");
  EXPECT_EQ(cast(D(3.5), data::kIntegerType), "4");
  EXPECT_EQ(cast(N("2.5"), data::kIntegerType), "3");
  EXPECT_EQ(cast(D(2147483648.0), data::kIntegerType), "22003 integer out of range");
  EXPECT_EQ(cast(D(2147483647.4), data::kIntegerType), "2147483647");
  EXPECT_EQ(cast(D(NAN), data::kBigintType), "22003 bigint out of range");
  EXPECT_EQ(cast(L(3000000000), data::kIntegerType), "22003 integer out of range");
  EXPECT_EQ(cast(I(5), data::numeric_type(6, 2)), "5.00");
  EXPECT_EQ(cast(I(12345), data::numeric_type(6, 2)), "22003 numeric field overflow");
  EXPECT_EQ(cast(N("1.455"), data::numeric_type(4, 2)), "1.46");
  EXPECT_EQ(cast(D(0.1), data::kNumericType), "0.1");
  EXPECT_EQ(cast(N("1.5"), data::kDoubleType), "1.5");
  EXPECT_EQ(cast(I(2), data::kBooleanType), "t");
  EXPECT_EQ(cast(B(true), data::kIntegerType), "1");
}

TEST(Casts, Text) {
  const Type varchar3{TypeId::kVarchar, 3};
  EXPECT_EQ(cast(B(true), data::kTextType), "true");
  EXPECT_EQ(cast(T("yes"), data::kBooleanType), "t");
  EXPECT_EQ(cast(T(" 12 "), data::kIntegerType), "12");
  EXPECT_EQ(cast(T("x"), data::kIntegerType), "22P02 invalid input syntax for type integer: \"x\"");
  EXPECT_EQ(cast(T("abcdef"), varchar3), "abc");
  EXPECT_EQ(cast(T("äöüß"), varchar3), "äöü");
  EXPECT_EQ(cast(T("abcdef"), varchar3, true),
            "22001 value too long for type character varying(3)");
  EXPECT_EQ(cast(T("abc   "), varchar3, true), "abc");
  EXPECT_EQ(cast(I(12345), varchar3), "123");
  EXPECT_EQ(cast(I(12345), varchar3, true), "22001 value too long for type character varying(3)");
  EXPECT_EQ(cast(Iv("1 day 2 hours"), data::kTextType), "1 day 02:00:00");
  EXPECT_EQ(cast(T("1 day"), data::kIntervalType), "1 day");
  EXPECT_EQ(cast(T("1.239"), data::numeric_type(3, 1)), "1.2");
}

TEST(Casts, Datetimes) {
  EXPECT_EQ(cast(Day("2026-02-03"), data::kTimestampType), "2026-02-03 00:00:00");
  EXPECT_EQ(cast(At("2026-02-03 23:59:59"), data::kDateType), "2026-02-03");
  EXPECT_EQ(cast(At("1969-02-03 23:59:59"), data::kDateType), "1969-02-03");
  EXPECT_EQ(cast(At("2026-02-03 01:02:03"), data::kTimestampTzType), "2026-02-03 01:02:03+00");
  EXPECT_EQ(cast(At("2026-02-03 01:02:03.456789"), Type{TypeId::kTimestamp, 3}),
            "2026-02-03 01:02:03.457");
  EXPECT_EQ(cast(At("infinity"), Type{TypeId::kTimestamp, 0}), "infinity");
  EXPECT_EQ(cast(Iv("1.5555 seconds"), Type{TypeId::kInterval, 2}), "00:00:01.56");
}

TEST(Casts, ContextsAreThoseOfPgCast) {
  EXPECT_EQ(find_cast(TypeId::kInteger, TypeId::kBigint)->context, CastContext::kImplicit);
  EXPECT_EQ(find_cast(TypeId::kNumeric, TypeId::kDouble)->context, CastContext::kImplicit);
  EXPECT_EQ(find_cast(TypeId::kDouble, TypeId::kNumeric)->context, CastContext::kAssignment);
  EXPECT_EQ(find_cast(TypeId::kBigint, TypeId::kInteger)->context, CastContext::kAssignment);
  EXPECT_EQ(find_cast(TypeId::kText, TypeId::kInteger)->context, CastContext::kExplicit);
  EXPECT_EQ(find_cast(TypeId::kInteger, TypeId::kText)->context, CastContext::kAssignment);
  EXPECT_EQ(find_cast(TypeId::kInteger, TypeId::kBoolean)->context, CastContext::kExplicit);
  EXPECT_EQ(find_cast(TypeId::kDate, TypeId::kTimestamp)->context, CastContext::kImplicit);
  EXPECT_EQ(find_cast(TypeId::kBoolean, TypeId::kDouble), nullptr);
  EXPECT_EQ(find_cast(TypeId::kDate, TypeId::kInteger), nullptr);
}

TEST(Registry, EveryFunctionIsDescribed) {
  for (const ScalarFunction* function : all_scalar_functions()) {
    EXPECT_FALSE(function->name.empty());
    EXPECT_FALSE(function->description.empty()) << function->name;
    EXPECT_FALSE(function->category.empty()) << function->name;
    EXPECT_NE(function->kernel, nullptr) << function->name;
    if (function->variadic) {
      EXPECT_FALSE(function->arguments.empty()) << function->name;
    }
    if (function->takes_any_bits) {
      EXPECT_FALSE(function->can_fail) << function->name;
      EXPECT_EQ(function->null_rule, NullRule::kStrict) << function->name;
      for (TypeId type : function->arguments) {
        EXPECT_NE(data::layout_of(type), data::Layout::kString) << function->name;
      }
    }
  }
}

TEST(Registry, NoSignatureTwice) {
  std::vector<std::string> seen;
  for (const ScalarFunction* function : all_scalar_functions()) {
    if (function->name == "cast") continue;
    std::string key(function->name);
    for (TypeId type : function->arguments) key += " " + std::to_string(static_cast<int>(type));
    seen.push_back(key);
  }
  std::sort(seen.begin(), seen.end());
  auto twice = std::adjacent_find(seen.begin(), seen.end());
  EXPECT_TRUE(twice == seen.end()) << *twice;
}

}  // namespace
}  // namespace forebay::udfs::test
