#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The words and the lexer of PostgreSQL's date/time input. Internal to the text formats and the
/// calendar functions.
namespace forebay::data {

/// The units of intervals, date_trunc and extract.
enum class TimeUnit : uint8_t {
  kUnknown,
  kIgnored,  // "@"
  kAgo,
  kMicrosecond,
  kMillisecond,
  kSecond,
  kMinute,
  kHour,
  kDay,
  kWeek,
  kMonth,
  kQuarter,
  kYear,
  kDecade,
  kCentury,
  kMillennium,
  kTimezone,
  kTimezoneHour,
  kTimezoneMinute,
  // Of extract only.
  kEpoch,
  kJulian,
  kIsoYear,
  kDayOfWeek,
  kIsoDayOfWeek,
  kDayOfYear,
};

/// What a word in a date or timestamp means.
enum class DateWord : uint8_t {
  kUnknown,
  kIgnored,       // "at", "on"
  kMonth,         // value: 1..12
  kWeekday,       // value: 0 = Sunday
  kMeridiem,      // value: 1 = PM
  kEra,           // value: 1 = BC
  kZone,          // value: seconds east of UTC
  kDaylightZone,  // the same of a zone in summer
  kDaylight,      // "dst": an hour more; value: seconds
  kUnit,          // labels the number behind it; value: a TimeUnit
  kJulian,        // labels a Julian day
  kIsoTime,       // "t": the time follows
  kZulu,          // "allballs": midnight UTC
  kEpoch,
  kInfinity,
  kNegativeInfinity,
  kClock,  // now, today, tomorrow, yesterday
};

struct DateWordMeaning {
  DateWord kind = DateWord::kUnknown;
  int32_t value = 0;
};

/// `word` is lower case; time zone abbreviations come before other words.
DateWordMeaning find_date_word(std::string_view word);
/// Without time zone abbreviations.
DateWordMeaning find_core_date_word(std::string_view word);

/// A unit of an interval or a field that date_trunc knows ("hours", "hr", "h"); lower case.
TimeUnit find_time_unit(std::string_view word);
/// The same and the fields that only extract knows.
TimeUnit find_extract_field(std::string_view word);

/// One piece of a date/time text, classified by its form.
struct DateToken {
  enum class Kind : uint8_t {
    kNumber,   // 2013, .5, 12.5
    kDate,     // 2013-01-02, 1/2/2013, 2-jan-2013, america/new_york
    kTime,     // 12:30:00.5
    kSigned,   // +01:00, -5.5: a zone or a signed number
    kWord,     // jan
    kSpecial,  // -infinity
  };
  Kind kind;
  std::string text;  // lower case
};

/// Splits `text` as PostgreSQL does; false when it has characters that no date or time has, more
/// than 25 tokens, or more bytes in all than PostgreSQL's buffer of `buffer_bytes` holds.
bool split_date_tokens(std::string_view text, size_t buffer_bytes, std::vector<DateToken>& tokens);

/// Why a date/time text was refused.
enum class DateError : uint8_t {
  kNone,
  kBadFormat,
  kFieldOverflow,
  kMonthDayOverflow,  // month or day beyond any: the order may be meant otherwise
  kZoneOverflow,
  kIntervalOverflow,
  kUnknownZone,
  kNeedsClock,
};

/// Reads ".5" (or ".") as a fraction; false when there is more than that in `text`.
bool scan_fraction(std::string_view text, double& fraction);
/// The same, rounded to microseconds.
bool scan_fraction_micros(std::string_view text, int32_t& micros);

}  // namespace forebay::data
