#include "engine/data/text_format.h"

#include <gtest/gtest.h>

#include <cmath>

namespace forebay::data {
namespace {

/// The text that comes out for the text that goes in, or "SQLSTATE message[ | detail][ | hint]".
std::string round_trip(std::string_view text, Type type) {
  const Result<Datum> datum = parse_datum(text, type);
  std::string out;
  if (datum.is_ok()) {
    format_datum(*datum, out);
    return out;
  }
  const Error& error = datum.error();
  out = std::string(error.sqlstate.view()) + " " + error.message;
  if (!error.detail.empty()) out += " | " + error.detail;
  if (!error.hint.empty()) out += " | " + error.hint;
  return out;
}

struct Case {
  Type type;
  std::string_view in;
  std::string_view out;
};

class TextFormat : public testing::TestWithParam<Case> {};

TEST_P(TextFormat, IsPostgres) {
  EXPECT_EQ(round_trip(GetParam().in, GetParam().type), GetParam().out)
      << GetParam().type.name() << " '" << GetParam().in << "'";
}

constexpr Type kVarchar3{TypeId::kVarchar, 3};
constexpr Type kTimestamp3{TypeId::kTimestamp, 3};

INSTANTIATE_TEST_SUITE_P(
    Boolean, TextFormat,
    testing::Values(Case{kBooleanType, " TRUE ", "t"}, Case{kBooleanType, "of", "f"},
                    Case{kBooleanType, "on", "t"}, Case{kBooleanType, "0", "f"},
                    Case{kBooleanType, "o", "22P02 invalid input syntax for type boolean: \"o\""},
                    Case{kBooleanType, "", "22P02 invalid input syntax for type boolean: \"\""}));

INSTANTIATE_TEST_SUITE_P(
    Integers, TextFormat,
    testing::Values(Case{kIntegerType, " -2147483648 ", "-2147483648"},
                    Case{kIntegerType, "+7", "7"},
                    Case{kIntegerType, "2147483648",
                         "22003 value \"2147483648\" is out of range for type integer"},
                    Case{kIntegerType, "1 2",
                         "22P02 invalid input syntax for type integer: \"1 2\""},
                    Case{kBigintType, "-9223372036854775808", "-9223372036854775808"},
                    Case{kBigintType, "9223372036854775808",
                         "22003 value \"9223372036854775808\" is out of range for type bigint"},
                    Case{kBigintType, "-", "22P02 invalid input syntax for type bigint: \"-\""}));

INSTANTIATE_TEST_SUITE_P(
    Doubles, TextFormat,
    testing::Values(
        Case{kDoubleType, "1e15", "1e+15"}, Case{kDoubleType, "123456789012345", "123456789012345"},
        Case{kDoubleType, "0.0001", "0.0001"}, Case{kDoubleType, "0.00001", "1e-05"},
        Case{kDoubleType, "-0", "-0"}, Case{kDoubleType, " -inf ", "-Infinity"},
        Case{kDoubleType, "nan", "NaN"}, Case{kDoubleType, "0x1A", "26"},
        Case{kDoubleType, "1e23", "9.999999999999999e+22"}, Case{kDoubleType, "5e-324", "5e-324"},
        Case{kDoubleType, "0.1", "0.1"}, Case{kDoubleType, "1234.5678", "1234.5678"},
        Case{kDoubleType, "1e400", "22003 \"1e400\" is out of range for type double precision"},
        Case{kDoubleType, "1e-400", "22003 \"1e-400\" is out of range for type double precision"},
        Case{kDoubleType, "1x", "22P02 invalid input syntax for type double precision: \"1x\""}));

INSTANTIATE_TEST_SUITE_P(
    Numerics, TextFormat,
    testing::Values(
        Case{kNumericType, "-00.50", "-0.50"}, Case{kNumericType, "1e3", "1000"},
        Case{kNumericType, "1.5e-3", "0.0015"}, Case{kNumericType, "-inf", "-Infinity"},
        Case{kNumericType, ".5", "0.5"}, Case{kNumericType, "5.", "5"},
        Case{kNumericType, "99999999999999999999999999999999999999",
             "99999999999999999999999999999999999999"},
        Case{kNumericType, "100000000000000000000000000000000000000",
             "22003 value overflows numeric format"},
        Case{kNumericType, "1_000", "22P02 invalid input syntax for type numeric: \"1_000\""},
        Case{numeric_type(5, 2), "1.005", "1.01"}, Case{numeric_type(5, 2), "7", "7.00"},
        Case{numeric_type(3, 1), "0.12345678901234567890123456789012345678901234567890", "0.1"},
        Case{numeric_type(5, 2), "999.995",
             "22003 numeric field overflow | A field with precision 5, scale 2 must round to an "
             "absolute value less than 10^3."},
        Case{numeric_type(5, 2), "inf",
             "22003 numeric field overflow | A field with precision 5, scale 2 cannot hold an "
             "infinite value."}));

INSTANTIATE_TEST_SUITE_P(
    Texts, TextFormat,
    testing::Values(Case{kTextType, "h\xc3\xa9", "h\xc3\xa9"}, Case{kVarchar3, "abc  ", "abc"},
                    Case{kVarchar3, "\xc3\xa9\xc3\xa9\xc3\xa9", "\xc3\xa9\xc3\xa9\xc3\xa9"},
                    Case{kVarchar3, "abcd", "22001 value too long for type character varying(3)"},
                    Case{kTextType, "a\xc3(",
                         "22021 invalid byte sequence for encoding \"UTF8\": 0xc3 0x28"},
                    Case{kTextType, std::string_view("abcdefghi\0", 10),
                         "22021 invalid byte sequence for encoding \"UTF8\": 0x00"}));

INSTANTIATE_TEST_SUITE_P(
    Dates, TextFormat,
    testing::Values(
        Case{kDateType, "2013-01-01", "2013-01-01"}, Case{kDateType, "1/2/2013", "2013-01-02"},
        Case{kDateType, "20130102", "2013-01-02"}, Case{kDateType, "Jan 2, 13", "2013-01-02"},
        Case{kDateType, "2-jan-99", "1999-01-02"}, Case{kDateType, "2013.060", "2013-03-01"},
        Case{kDateType, "0044-03-15 BC", "0044-03-15 BC"}, Case{kDateType, "J2451545", "2000-01-01"},
        Case{kDateType, "infinity", "infinity"}, Case{kDateType, "epoch", "1970-01-01"},
        Case{kDateType, "2013-13-01",
             "22008 date/time field value out of range: \"2013-13-01\" | Perhaps you need a "
             "different \"datestyle\" setting."},
        Case{kDateType, "2013-02-29", "22008 date/time field value out of range: \"2013-02-29\""},
        Case{kDateType, "2013", "22007 invalid input syntax for type date: \"2013\""},
        Case{kDateType, "6000000-01-01", "22008 date out of range: \"6000000-01-01\""},
        Case{kDateType, "today",
             "0A000 \"today\" is not supported in a date or time value | A value must not depend "
             "on the clock that reads it; use now()."}));

INSTANTIATE_TEST_SUITE_P(
    Timestamps, TextFormat,
    testing::Values(
        Case{kTimestampType, "2013-01-01T05:15:00Z", "2013-01-01 05:15:00"},
        Case{kTimestampType, "2013-01-01 05:15:00.1234567", "2013-01-01 05:15:00.123457"},
        Case{kTimestampType, "2013-01-01 05:15:00.120+02", "2013-01-01 05:15:00.12"},
        Case{kTimestampType, "20130101T051500", "2013-01-01 05:15:00"},
        Case{kTimestampType, "Tue Jan 01 05:15:00 PM 2013", "2013-01-01 17:15:00"},
        Case{kTimestampType, "2013-01-01 24:00:00", "2013-01-02 00:00:00"},
        Case{kTimestampType, "294277-01-01", "22008 timestamp out of range: \"294277-01-01\""},
        Case{kTimestamp3, "2013-01-01 05:15:00.1235", "2013-01-01 05:15:00.124"},
        Case{kTimestampType, "", "22007 invalid input syntax for type timestamp: \"\""},
        Case{kTimestampTzType, "2013-01-01 05:15:00-05", "2013-01-01 10:15:00+00"},
        Case{kTimestampTzType, "2013-01-01 05:15 EST", "2013-01-01 10:15:00+00"},
        Case{kTimestampTzType, "0001-01-01 00:00:00+00:30", "0001-12-31 23:30:00+00 BC"},
        Case{kTimestampTzType, "2013-01-01 05:15 Mars/Base",
             "22023 time zone \"mars/base\" not recognized"},
        Case{kTimestampTzType, "2013-01-01 05:15:00+17",
             "22009 time zone displacement out of range: \"2013-01-01 05:15:00+17\""},
        Case{kTimestampTzType, "-infinity", "-infinity"}));

INSTANTIATE_TEST_SUITE_P(
    Intervals, TextFormat,
    testing::Values(Case{kIntervalType, "1 year 2 mons -3 days 04:05:06.7",
                         "1 year 2 mons -3 days +04:05:06.7"},
                    Case{kIntervalType, "P1Y2M3DT4H5M6.5S", "1 year 2 mons 3 days 04:05:06.5"},
                    Case{kIntervalType, "1-2", "1 year 2 mons"},
                    Case{kIntervalType, "3 4:05:06", "3 days 04:05:06"},
                    Case{kIntervalType, "@ 1 minute ago", "-00:01:00"},
                    Case{kIntervalType, "1.5 weeks", "10 days 12:00:00"},
                    Case{kIntervalType, "1.5 months", "1 mon 15 days"},
                    Case{kIntervalType, "250 ms 5 us", "00:00:00.250005"},
                    Case{kIntervalType, "0", "00:00:00"},
                    Case{kIntervalType, "x", "22007 invalid input syntax for type interval: \"x\""},
                    Case{kIntervalType, "9999999999 years",
                         "22015 interval field value out of range: \"9999999999 years\""}));

TEST(Interval, IsRestrictedToFields) {
  const auto restricted = [](std::string_view text, std::string_view fields) {
    std::string out;
    format_interval(*parse_interval(text, fields), out);
    return out;
  };
  EXPECT_EQ(restricted("5", "second"), "00:00:05");
  EXPECT_EQ(restricted("5", "MINUTE"), "00:05:00");
  EXPECT_EQ(restricted("5", "year to month"), "5 mons");
  EXPECT_EQ(restricted("1 day 04:05:06", "day to minute"), "1 day 04:05:00");
  EXPECT_EQ(restricted("04:05", "minute to second"), "00:04:05");
  EXPECT_EQ(restricted("14 months 3 days", "year"), "1 year");
}

TEST(TypeName, IsPostgres) {
  EXPECT_EQ(numeric_type(10, 2).name(), "numeric(10,2)");
  EXPECT_EQ(kTimestamp3.name(), "timestamp(3) without time zone");
  EXPECT_EQ(type_of_name("double precision"), TypeId::kDouble);
  EXPECT_EQ(type_of_name("nonsense"), TypeId::kUnknown);
  for (const Type type : {kBooleanType, kIntegerType, kNumericType, kTextType, kIntervalType}) {
    EXPECT_EQ(type_of_oid(type_oid(type.id)), type.id);
  }
}

TEST(CompareDatum, OrdersLikeOrderBy) {
  const auto datum = [](std::string_view text, Type type) { return *parse_datum(text, type); };
  EXPECT_GT(compare(Datum::null(kIntegerType), datum("5", kIntegerType)), 0);
  EXPECT_EQ(compare(datum("1.50", kNumericType), datum("1.5", kNumericType)), 0);
  EXPECT_GT(compare(datum("NaN", kDoubleType), datum("Infinity", kDoubleType)), 0);
  EXPECT_LT(compare(datum("a", kTextType), datum("\xc3\xa9", kTextType)), 0);
  EXPECT_EQ(compare(datum("1 mon", kIntervalType), datum("30 days", kIntervalType)), 0);
}

}  // namespace
}  // namespace forebay::data
