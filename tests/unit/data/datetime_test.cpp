#include "engine/data/datetime.h"

#include <gtest/gtest.h>

#include "engine/data/text_format.h"

namespace forebay::data {
namespace {

int64_t timestamp(std::string_view text) { return *parse_timestamp(text); }
Interval interval(std::string_view text) { return *parse_interval(text); }

std::string text_of(const Result<int64_t>& value) {
  if (!value.is_ok()) return value.error().message;
  std::string text;
  format_timestamp(*value, text);
  return text;
}
std::string text_of(const Result<Interval>& value) {
  if (!value.is_ok()) return value.error().message;
  std::string text;
  format_interval(*value, text);
  return text;
}
std::string text_of(const Result<Numeric>& value) {
  if (!value.is_ok()) return value.error().message;
  std::string text;
  format_numeric(*value, text);
  return text;
}

TEST(Calendar, DaysAndDatesAreInverse) {
  EXPECT_EQ(days_from_civil(2000, 1, 1), 0);
  EXPECT_EQ(days_from_civil(1970, 1, 1), -10'957);
  for (int32_t days = -2'451'545; days < 4'000'000; days += 17) {
    const CivilDate date = civil_from_days(days);
    ASSERT_EQ(days_from_civil(date.year, date.month, date.day), days);
    ASSERT_LE(date.day, days_in_month(date.year, date.month));
  }
}

TEST(Timestamp, AddsMonthsThenDaysThenTime) {
  EXPECT_EQ(text_of(add(timestamp("2013-01-31"), interval("1 month"))), "2013-02-28 00:00:00");
  EXPECT_EQ(text_of(add(timestamp("2012-01-31"), interval("1 mon 1 day 01:00"))),
            "2012-03-01 01:00:00");
  EXPECT_EQ(text_of(subtract(timestamp("2013-03-31"), interval("13 months"))),
            "2012-02-29 00:00:00");
  EXPECT_EQ(text_of(add(timestamp("294276-12-31"), interval("1 day"))), "timestamp out of range");
  EXPECT_EQ(text_of(add(timestamp("infinity"), interval("1 day"))), "infinity");
}

TEST(Timestamp, Differs) {
  EXPECT_EQ(text_of(timestamp_difference(timestamp("2013-01-03"), timestamp("2013-01-01 12:00"))),
            "1 day 12:00:00");
  EXPECT_EQ(text_of(timestamp_difference(timestamp("infinity"), 0)),
            "cannot subtract infinite timestamps");
  EXPECT_EQ(text_of(age(timestamp("2013-03-01"), timestamp("2012-01-31 12:00"))),
            "1 year 1 mon 12:00:00");
  EXPECT_EQ(text_of(age(timestamp("2012-01-31 12:00"), timestamp("2013-03-01"))),
            "-1 years -1 mons -12:00:00");
}

TEST(Timestamp, IsTruncated) {
  const int64_t moment = timestamp("2013-08-15 13:14:15.678901");
  const auto truncated = [&](const char* field) {
    return text_of(truncate_timestamp(field, moment));
  };
  EXPECT_EQ(truncated("HOUR"), "2013-08-15 13:00:00");
  EXPECT_EQ(truncated("week"), "2013-08-12 00:00:00");
  EXPECT_EQ(truncated("quarter"), "2013-07-01 00:00:00");
  EXPECT_EQ(truncated("millennium"), "2001-01-01 00:00:00");
  EXPECT_EQ(truncated("ms"), "2013-08-15 13:14:15.678");
  EXPECT_EQ(truncated("Doy"), "unit \"doy\" not recognized for type timestamp without time zone");
  EXPECT_EQ(text_of(truncate_timestamp("day", -1)), "1999-12-31 00:00:00");
  EXPECT_EQ(text_of(floor_to_unit(moment, fixed_unit_micros("Hours"))), "2013-08-15 13:00:00");
  EXPECT_EQ(fixed_unit_micros("month"), 0);
}

TEST(Timestamp, IsExtracted) {
  const int64_t moment = timestamp("2013-08-15 13:14:15.678901");
  const auto extracted = [&](const char* field) {
    return text_of(extract_timestamp(field, moment, false));
  };
  EXPECT_EQ(extracted("epoch"), "1376572455.678901");
  EXPECT_EQ(extracted("second"), "15.678901");
  EXPECT_EQ(extracted("milliseconds"), "15678.901");
  EXPECT_EQ(extracted("week"), "33");
  EXPECT_EQ(extracted("dow"), "4");
  EXPECT_EQ(extracted("doy"), "227");
  EXPECT_EQ(extracted("century"), "21");
  EXPECT_EQ(extracted("timezone"),
            "unit \"timezone\" not supported for type timestamp without time zone");
  EXPECT_EQ(text_of(extract_timestamp("year", kTimestampInfinity, false)), "Infinity");
  EXPECT_TRUE(extract_is_null("hour"));
  EXPECT_FALSE(extract_is_null("year"));
  EXPECT_EQ(text_of(extract_timestamp("julian", timestamp("2013-01-01 12:34:56.7"), false)),
            "2456294.52426736111111111111");
  EXPECT_EQ(text_of(extract_date("hour", 0)), "unit \"hour\" not supported for type date");
  EXPECT_EQ(text_of(extract_interval("epoch", interval("1 year 1 mon 1 day"))), "34236000.000000");
}

TEST(Interval, Calculates) {
  EXPECT_EQ(text_of(multiply(interval("1 mon 1 day"), 1.5)), "1 mon 16 days 12:00:00");
  EXPECT_EQ(text_of(divide(interval("1 year"), 5)), "2 mons 12 days");
  EXPECT_EQ(text_of(divide(interval("1 day"), 0)), "division by zero");
  EXPECT_EQ(text_of(add(interval("20 hours"), interval("10 hours"))), "30:00:00");
  EXPECT_EQ(text_of(multiply(interval("1 year"), 1e30)), "interval out of range");
  EXPECT_LT(compare(interval("29 days 23:59:59"), interval("1 mon")), 0);
  EXPECT_EQ(text_of(truncate_interval("year", interval("14 months 3 days"))), "1 year");
}

TEST(Date, BecomesTimestamp) {
  EXPECT_EQ(text_of(timestamp_from_date(*parse_date("2013-01-01"))), "2013-01-01 00:00:00");
  EXPECT_EQ(text_of(timestamp_from_date(kDateInfinity)), "infinity");
  EXPECT_EQ(text_of(timestamp_from_date(*parse_date("294277-01-01"))),
            "date out of range for timestamp");
  EXPECT_EQ(date_from_timestamp(-1), -1);
  EXPECT_EQ(timestamp_from_unix_nanos(946'684'800'000'001'999), 1);
}

}  // namespace
}  // namespace forebay::data
