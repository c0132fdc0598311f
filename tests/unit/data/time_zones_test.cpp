#include "engine/data/time_zones.h"

#include <gtest/gtest.h>

namespace forebay::data {
namespace {

const TimeZone& zone(std::string_view name) {
  auto found = find_time_zone(name);
  EXPECT_TRUE(found.is_ok()) << name;
  return **found;
}

// Seconds since 1970 of 2026-03-29 01:00 UTC, when clocks in Zurich go from 02:00 to 03:00, and of
// 2026-10-25 01:00 UTC, when they go back from 03:00 to 02:00.
constexpr int64_t kSpring = 1774746000;
constexpr int64_t kAutumn = 1792890000;
constexpr int64_t kHour = 3600;

TEST(TimeZones, OffsetsChangeWithTheClock) {
  const TimeZone& zurich = zone("Europe/Zurich");
  EXPECT_EQ(zurich.offset_at(kSpring - 1), kHour);
  EXPECT_EQ(zurich.offset_at(kSpring), 2 * kHour);
  EXPECT_EQ(zurich.offset_at(kAutumn - 1), 2 * kHour);
  EXPECT_EQ(zurich.offset_at(kAutumn), kHour);
}

TEST(TimeZones, TimesThatAClockLeavesOutOrShowsTwice) {
  const TimeZone& zurich = zone("europe/zurich");
  const int64_t two = kSpring + kHour;  // 02:00 on the clock
  EXPECT_EQ(zurich.offset_of_local(two - 1), kHour);
  EXPECT_EQ(zurich.offset_of_local(two), kHour) << "left out: as before the change";
  EXPECT_EQ(zurich.offset_of_local(two + kHour), 2 * kHour);
  const int64_t twice = kAutumn + kHour;  // 02:00, for the second time
  EXPECT_EQ(zurich.offset_of_local(twice - 1), 2 * kHour);
  EXPECT_EQ(zurich.offset_of_local(twice), kHour) << "shown twice: as after the change";
  EXPECT_EQ(zurich.offset_of_local(twice + kHour), kHour);
}

// Files list changes up to 2037; then the rule at their end goes on.
TEST(TimeZones, RulesGoOn) {
  constexpr int64_t kJuly2100 = 4118083200;
  constexpr int64_t kJanuary2100 = 4102444800;
  EXPECT_EQ(zone("America/New_York").offset_at(kJuly2100), -4 * kHour);
  EXPECT_EQ(zone("America/New_York").offset_at(kJanuary2100), -5 * kHour);
  EXPECT_EQ(zone("Australia/Sydney").offset_at(kJuly2100), 10 * kHour);
  EXPECT_EQ(zone("Australia/Sydney").offset_at(kJanuary2100), 11 * kHour);
  EXPECT_EQ(zone("Asia/Kolkata").offset_at(kJuly2100), 5 * kHour + 1800);
}

TEST(TimeZones, Names) {
  EXPECT_EQ(zone("UTC").offset_at(0), 0);
  EXPECT_EQ(zone("est").offset_at(kSpring + kHour * 2000), -5 * kHour);
  EXPECT_EQ(zone("CEST").offset_at(0), 2 * kHour);
  for (const char* name : {"", "Nowhere/City", "../../etc/passwd", "/etc/localtime", "Europe",
                           "Europe/", "Europe//Zurich"}) {
    auto found = find_time_zone(name);
    ASSERT_FALSE(found.is_ok()) << name;
    EXPECT_EQ(found.error().sqlstate.view(), "22023") << name;
  }
}

TEST(TimeZones, Abbreviations) {
  const TimeZone& zurich = zone("Europe/Zurich");
  EXPECT_EQ(zurich.abbreviation_at(kSpring - 1), "CET");
  EXPECT_EQ(zurich.abbreviation_at(kSpring), "CEST");
  EXPECT_EQ(zurich.abbreviation_at(4118083200), "CEST") << "2100, by the rule";
  EXPECT_EQ(zurich.abbreviation_at(-5000000000), "LMT");
  EXPECT_EQ(zone("pst").abbreviation_at(0), "PST");
}

TEST(TimeZones, Rules) {
  auto eastern = TimeZone::of_rule("EST5EDT,M3.2.0,M11.1.0");
  ASSERT_NE(eastern, nullptr);
  EXPECT_EQ(eastern->offset_at(1783684800), -4 * kHour);  // July 2026
  EXPECT_EQ(eastern->abbreviation_at(1783684800), "EDT");
  EXPECT_EQ(eastern->offset_at(1767960000), -5 * kHour);  // January 2026
  for (const char* wrong : {"", "UTC", "PST", "1", "<+01", "EST5EDT,M3"}) {
    EXPECT_EQ(TimeZone::of_rule(wrong), nullptr) << wrong;
  }
}

TEST(TimeZones, OfSettings) {
  auto name = [](std::string_view value) {
    auto found = time_zone_of_setting(value);
    return found.is_ok() ? found->name : std::string(found.error().sqlstate.view());
  };
  EXPECT_EQ(name("europe/zurich"), "Europe/Zurich");
  EXPECT_EQ(name("utc"), "UTC");
  EXPECT_EQ(time_zone_of_setting("Etc/UTC")->zone, nullptr);
  EXPECT_EQ(name("2"), "<+02>-02");
  EXPECT_EQ(name("-7.5"), "<-07:30>+07:30");
  EXPECT_EQ(name("utc+3"), "UTC+3");
  EXPECT_EQ(time_zone_of_setting("utc+3")->zone->offset_at(0), -3 * kHour);
  for (const char* wrong : {"", "PST", "Nowhere/Land", "1000", "nan", "../UTC"}) {
    EXPECT_EQ(name(wrong), "22023") << wrong;
  }
}

TEST(TimeZones, FilesThatAreNone) {
  EXPECT_EQ(TimeZone::parse(""), nullptr);
  EXPECT_EQ(TimeZone::parse("TZif2"), nullptr);
  EXPECT_EQ(TimeZone::parse(std::string(1000, '\xff')), nullptr);
  std::string header = "TZif2" + std::string(39, '\0');
  EXPECT_EQ(TimeZone::parse(header + header), nullptr);
}

}  // namespace
}  // namespace forebay::data
