#include <cmath>
#include <set>

#include "tests/unit/udfs/harness.h"

namespace forebay::udfs::test {
namespace {

TEST(Functions, ThereAreEnoughNames) {
  std::set<std::string_view> names;
  for (const ScalarFunction* function : all_scalar_functions()) {
    const char first = function->name.front();
    if ((first >= 'a' && first <= 'z') && function->name != "cast") names.insert(function->name);
  }
  EXPECT_GE(names.size(), 100u);
}

TEST(Functions, HintsNameTheNearest) {
  ASSERT_FALSE(similar_function_names("uper").empty());
  EXPECT_EQ(similar_function_names("uper")[0], "upper");
  EXPECT_EQ(similar_function_names("date_trunk")[0], "date_trunc");
  EXPECT_TRUE(similar_function_names("nothing_like_this_at_all").empty());
}

TEST(Strings, Parts) {
  EXPECT_EQ(run("substr", {T("alphabet"), I(3)}), "phabet");
  EXPECT_EQ(run("substring", {T("alphabet"), I(-1), I(4)}), "al");
  EXPECT_EQ(run("substring", {T("alphabet"), I(3), I(-1)}),
            "22011 negative substring length not allowed");
  EXPECT_EQ(run("left", {T("äöü"), I(2)}), "äö");
  EXPECT_EQ(run("left", {T("abcde"), I(-2)}), "abc");
  EXPECT_EQ(run("right", {T("abcde"), I(-2)}), "cde");
  EXPECT_EQ(run("split_part", {T("a,b,c"), T(","), I(-1)}), "c");
  EXPECT_EQ(run("split_part", {T("a,b,c"), T(","), I(0)}), "22023 field position must not be zero");
  EXPECT_EQ(run("btrim", {T("xyxtrimyyx"), T("xyz")}), "trim");
  EXPECT_EQ(run("lpad", {T("hi"), I(5), T("xy")}), "xyxhi");
  EXPECT_EQ(run("rpad", {T("hello"), I(3)}), "hel");
}

TEST(Strings, Others) {
  EXPECT_EQ(run("upper", {T("straße é")}), "STRAßE É");
  EXPECT_EQ(run("initcap", {T("hi THOMAS o'neil")}), "Hi Thomas O'Neil");
  EXPECT_EQ(run("reverse", {T("äb")}), "bä");
  EXPECT_EQ(run("repeat", {T("ab"), I(INT32_MAX)}), "54000 requested length too large");
  EXPECT_EQ(run("chr", {I(0)}), "54000 null character not permitted");
  EXPECT_EQ(run("translate", {T("12345"), T("143"), T("ax")}), "a2x5");
  EXPECT_EQ(run("to_hex", {I(-1)}), "ffffffff");
  EXPECT_EQ(run("md5", {T("")}), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(run("concat", {T("a"), Null(data::kTextType), I(2), B(true)}), "a2t");
  EXPECT_EQ(run("concat_ws", {Null(data::kTextType), I(2)}), "NULL");
  EXPECT_EQ(run("||", {T("is "), B(true)}), "is true");
  EXPECT_EQ(run("format", {T("%s %L %I"), T("a"), T("it's"), T("Big")}), "a 'it''s' \"Big\"");
  EXPECT_EQ(run("replace", {T("aaa"), T("a"), T("bb")}), "bbbbbb");
  EXPECT_EQ(run("position", {T("日本語"), T("語")}), "3");
}

TEST(Patterns, Like) {
  EXPECT_EQ(run("~~", {T("abc"), T("_b%")}), "t");
  EXPECT_EQ(run("~~", {T("日本"), T("__")}), "t");
  EXPECT_EQ(run("~~", {T("a%c"), T("a\\%c")}), "t");
  EXPECT_EQ(run("~~", {T("abc"), T("a\\%c")}), "f");
  EXPECT_EQ(run("~~", {T("abc"), T("abc\\")}), "f");
  EXPECT_EQ(run("~~", {T("abcd"), T("abc\\")}),
            "22025 LIKE pattern must not end with escape character");
  EXPECT_EQ(run("~~", {T("10%"), T("10!%"), T("!")}), "t");
  EXPECT_EQ(run("~~", {T("10%"), T("10!%"), T("no")}), "22025 invalid escape string");
  EXPECT_EQ(run("~~*", {T("ÄBC"), T("ä%")}), "t");
}

TEST(Patterns, Regex) {
  EXPECT_EQ(run("~", {T("thomas"), T("t.*ma")}), "t");
  EXPECT_EQ(run("~", {T("a\nb"), T("a.b")}), "t");
  EXPECT_EQ(run("~", {T("x"), T("(")}).substr(0, 5), "2201B");
  EXPECT_EQ(run("regexp_replace", {T("foobarbaz"), T("b(..)"), T("X\\1Y"), T("g")}), "fooXarYXazY");
  EXPECT_EQ(run("regexp_replace", {T("abc"), T("b*"), T("-"), T("g")}), "-a--c-");
  EXPECT_EQ(run("regexp_replace", {T("ab"), T("a|ab"), T("x")}), "x");
  EXPECT_EQ(run("regexp_count", {T("ABCABCAXYaxy"), T("A.")}), "3");
  EXPECT_EQ(run("regexp_like", {T("a"), T("a"), T("z")}),
            "22023 invalid regular expression option: \"z\"");
  EXPECT_EQ(run("substring", {T("foobar"), T("o(.)b")}), "o");
  EXPECT_EQ(run("substring", {T("foobar"), T("z")}), "NULL");
}

TEST(Math, Doubles) {
  EXPECT_EQ(run("round", {D(2.5)}), "2");
  EXPECT_EQ(run("sqrt", {D(-1)}), "2201F cannot take square root of a negative number");
  EXPECT_EQ(run("ln", {D(0)}), "2201E cannot take logarithm of zero");
  EXPECT_EQ(run("power", {D(0), D(-1)}), "2201F zero raised to a negative power is undefined");
  EXPECT_EQ(run("exp", {D(1000)}), "22003 value out of range: overflow");
  EXPECT_EQ(run("sin", {D(INFINITY)}), "22003 input is out of range");
  EXPECT_EQ(run("degrees", {D(0.5)}), "28.64788975654116");
}

TEST(Math, Numerics) {
  EXPECT_EQ(run("round", {N("42.4382"), I(2)}), "42.44");
  EXPECT_EQ(run("round", {N("-2.5")}), "-3");
  EXPECT_EQ(run("sqrt", {N("2")}), "1.414213562373095");
  EXPECT_EQ(run("ln", {N("2.0")}), "0.6931471805599453");
  EXPECT_EQ(run("exp", {N("1.0")}), "2.7182818284590452");
  EXPECT_EQ(run("log", {N("2.0"), N("64.0")}), "6.0000000000000000");
  EXPECT_EQ(run("power", {N("2"), N("0.5")}), "1.4142135623730950");
  EXPECT_EQ(run("power", {N("7"), N("3")}), "343.0000000000000000");
  EXPECT_EQ(run("div", {N("0.99999999999999999999"), N("1")}), "0");
  EXPECT_EQ(run("mod", {I(-7), I(0)}), "22012 division by zero");
  EXPECT_EQ(run("gcd", {I(INT32_MIN), I(0)}), "22003 integer out of range");
  EXPECT_EQ(run("lcm", {I(1071), I(462)}), "23562");
}

TEST(Datetime, Parts) {
  EXPECT_EQ(run("extract", {T("hour"), At("2001-02-16 20:38:40")}), "20");
  EXPECT_EQ(run("extract", {T("epoch"), At("2001-02-16 20:38:40.12")}), "982355920.120000");
  EXPECT_EQ(run("extract", {T("hour"), Day("2001-02-16")}).substr(0, 5), "0A000");
  EXPECT_EQ(run("extract", {T("hour"), At("infinity")}), "NULL");
  EXPECT_EQ(run("extract", {T("year"), At("infinity")}), "Infinity");
  EXPECT_EQ(run("date_part", {T("hour"), Day("2001-02-16")}), "0");
  EXPECT_EQ(run("date_trunc", {T("hour"), At("1969-02-16 20:38:40")}), "1969-02-16 20:00:00");
  EXPECT_EQ(run("date_trunc", {T("week"), At("1969-02-16 20:38:40")}), "1969-02-10 00:00:00");
  EXPECT_EQ(run("date_trunc", {T("quarter"), AtTz("2001-02-16 20:38:40+00")}),
            "2001-01-01 00:00:00+00");
  EXPECT_EQ(run("date_trunc", {T("nonsense"), AtTz("2001-02-16 20:38:40+00")}),
            "22023 unit \"nonsense\" not recognized for type timestamp with time zone");
  EXPECT_EQ(run("date_bin", {Iv("15 minutes"), At("2001-02-16 20:38:40"), At("2030-01-01")}),
            "2001-02-16 20:30:00");
  EXPECT_EQ(run("date_bin", {Iv("1 month"), At("2001-02-16"), At("2030-01-01")}),
            "0A000 timestamps cannot be binned into intervals containing months or years");
}

TEST(Datetime, Construction) {
  EXPECT_EQ(run("make_date", {I(2013), I(2), I(30)}),
            "22008 date field value out of range: 2013-02-30");
  EXPECT_EQ(run("make_date", {I(-44), I(3), I(15)}), "0044-03-15 BC");
  EXPECT_EQ(run("make_timestamp", {I(2013), I(7), I(15), I(8), I(15), D(23.5)}),
            "2013-07-15 08:15:23.5");
  EXPECT_EQ(run("make_timestamp", {I(2024), I(1), I(1), I(24), I(0), D(0)}), "2024-01-02 00:00:00");
  EXPECT_EQ(run("make_timestamp", {I(294277), I(1), I(1), I(1), I(1), D(1)}),
            "22008 timestamp out of range: 294277-01-01 1:01:01");
  EXPECT_EQ(run("make_date", {I(-5000), I(1), I(1)}), "22008 date out of range: -4999-01-01");
  EXPECT_EQ(run("make_interval", {I(1), I(2), I(0), I(10)}), "1 year 2 mons 10 days");
  EXPECT_EQ(run("to_timestamp", {D(1284352323)}), "2010-09-13 04:32:03+00");
  EXPECT_EQ(run("now", {}), "2026-01-01 12:34:56.789012+00");
  EXPECT_EQ(run("current_date", {}), "2026-01-01");
  EXPECT_EQ(run("age", {At("2025-12-30 12:00:00")}), "1 day 12:00:00");
  EXPECT_EQ(run("justify_interval", {Iv("1 mon -1 hour")}), "29 days 23:00:00");
}

TEST(Conditional, GreatestAndLeast) {
  EXPECT_EQ(run("greatest", {I(1), Null(data::kIntegerType), I(3)}), "3");
  EXPECT_EQ(run("least", {T("b"), T("a long text that has a buffer"), T("c")}),
            "a long text that has a buffer");
  EXPECT_EQ(run("greatest", {D(NAN), D(1)}), "NaN");
  EXPECT_EQ(run("greatest", {Null(data::kIntegerType)}), "NULL");
  EXPECT_EQ(run("num_nulls", {I(1), Null(data::kTextType)}), "1");
}

TEST(System, Session) {
  EXPECT_EQ(run("version", {}), "PostgreSQL 15.0 (Forebay 0.1.0)");
  EXPECT_EQ(run("current_user", {}), "root");
  EXPECT_EQ(run("current_database", {}), "dev");
  EXPECT_EQ(run("pg_typeof", {AtTz("2026-01-01")}), "timestamp with time zone");
}

}  // namespace
}  // namespace forebay::udfs::test
