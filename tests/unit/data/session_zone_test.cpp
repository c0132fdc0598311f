#include "engine/data/session_zone.h"

#include <gtest/gtest.h>

#include "engine/data/text_format.h"

namespace forebay::data {
namespace {

std::string shown(int64_t at) {
  std::string text;
  format_timestamptz(at, text);
  return text;
}

TEST(SessionZone, TextGoesByIt) {
  const int64_t utc = *parse_timestamptz("2026-07-15 12:00");
  EXPECT_EQ(shown(utc), "2026-07-15 12:00:00+00");
  {
    const SessionZoneScope scope(time_zone_of_setting("Europe/Zurich")->zone);
    EXPECT_EQ(shown(utc), "2026-07-15 14:00:00+02");
    EXPECT_EQ(*parse_timestamptz("2026-07-15 14:00"), utc);
    EXPECT_EQ(*parse_timestamptz("Jul 15 2026 2:00 PM"), utc);
    EXPECT_EQ(*parse_timestamptz("2026-07-15 12:00Z"), utc);
    EXPECT_EQ(*parse_timestamptz("Jul 15 2026 12:00 UTC"), utc);
    EXPECT_EQ(shown(kTimestampInfinity), "infinity");
    EXPECT_EQ(*parse_timestamptz("epoch"), -kUnixEpochOffsetSeconds * kMicrosPerSecond);
    {
      const SessionZoneScope inner(nullptr);
      EXPECT_EQ(shown(utc), "2026-07-15 12:00:00+00");
    }
    EXPECT_EQ(shown(utc), "2026-07-15 14:00:00+02");
  }
  EXPECT_EQ(shown(utc), "2026-07-15 12:00:00+00");
}

TEST(SessionZone, OffsetsOfMinutesAndSeconds) {
  const SessionZoneScope scope(time_zone_of_setting("Asia/Kolkata")->zone);
  EXPECT_EQ(shown(0), "2000-01-01 05:30:00+05:30");
  EXPECT_EQ(shown(*parse_timestamptz("1850-07-04 12:00")), "1850-07-04 12:00:00+05:53:28");
}

TEST(SessionZone, DaysAndMonthsKeepTheTimeOfTheClock) {
  const SessionZoneScope scope(time_zone_of_setting("Europe/Zurich")->zone);
  const int64_t at = *parse_timestamptz("2026-03-28 12:00");
  EXPECT_EQ(shown(*add_in_session_zone(at, {0, 1, 0})), "2026-03-29 12:00:00+02");
  EXPECT_EQ(shown(*add_in_session_zone(at, {24 * 3600 * kMicrosPerSecond, 0, 0})),
            "2026-03-29 13:00:00+02");
  EXPECT_EQ(shown(*subtract_in_session_zone(at, {0, 0, 6})), "2025-09-28 12:00:00+02");
}

TEST(SessionZone, MomentsBeyondTheRange) {
  const SessionZoneScope scope(time_zone_of_setting("Asia/Tokyo")->zone);
  auto moment = moment_of_local(kMinTimestamp);
  ASSERT_FALSE(moment.is_ok());
  EXPECT_EQ(moment.error().sqlstate.view(), "22008");
}

}  // namespace
}  // namespace forebay::data
