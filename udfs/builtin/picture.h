#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/status.h"

/// Pictures of to_char, to_date, to_timestamp and to_number: what PostgreSQL calls formats, taken
/// apart as it does.
namespace forebay::udfs {

enum class Field : uint8_t {
  // Dates and times. Where the case of the letters counts, the field is the upper-case one.
  kAdDots,
  kAmDots,
  kAd,
  kAm,
  kCentury,
  kDayName,
  kDayOfYear,
  kDayOfMonth,
  kShortDayName,
  kDayOfWeek,
  kFraction1,
  kFraction2,
  kFraction3,
  kFraction4,
  kFraction5,
  kFraction6,
  kExact,
  kHour24,
  kHour12,
  kIsoDayOfYear,
  kIsoDayOfWeek,
  kIsoWeek,
  kIsoYear4,
  kIsoYear3,
  kIsoYear2,
  kIsoYear1,
  kJulian,
  kMinute,
  kMonth,
  kMonthName,
  kShortMonthName,
  kMillisecond,
  kOffset,
  kQuarter,
  kRomanMonth,
  kSecondsOfDay,
  kSecond,
  kZoneHour,
  kZoneMinute,
  kZone,
  kMicrosecond,
  kWeekOfYear,
  kWeekOfMonth,
  kYearComma,
  kYear4,
  kYear3,
  kYear2,
  kYear1,
  // Numbers.
  kComma,
  kPoint,
  k9,
  k0,
  kBlank,
  kCurrencyCode,
  kLocalePoint,
  kExponent,
  kFill,
  kGroup,
  kCurrency,
  kMinus,
  kPlus,
  kBracket,
  kRoman,
  kSign,
  kSpell,
  kLocaleSign,
  kOrdinal,
  kShift,
};

enum class LetterCase : uint8_t { kUpper, kCapital, kLower };

struct PictureNode {
  enum class Kind : uint8_t { kField, kCharacter, kSeparator, kSpace };
  Kind kind = Kind::kCharacter;
  Field field = Field::kAd;
  LetterCase letters = LetterCase::kUpper;
  /// As the picture has it, in the case that messages show.
  std::string_view name;
  /// Of a date field: its value is digits.
  bool is_digit = false;
  /// FM and TM in front; TH or th behind.
  bool fill = false, local = false;
  enum class Suffix : uint8_t { kNone, kUpper, kLower } suffix = Suffix::kNone;
  /// One character, of other kinds than fields.
  std::string character;
};

std::vector<PictureNode> parse_time_picture(std::string_view text);

/// What a picture of a number asks for.
struct NumberPicture {
  std::vector<PictureNode> nodes;
  int32_t pre = 0, post = 0, multi = 0, zero_start = 0, zero_end = 0, pre_sign = 0;
  enum class Sign : uint8_t { kNone, kPre, kPost } sign = Sign::kNone;
  bool decimal = false, zero = false, blank = false, fill = false, locale_sign = false,
       bracket = false, minus = false, plus = false, roman = false, shift = false, exponent = false;
};
/// 42601 for parts that don't go together.
data::Result<NumberPicture> parse_number_picture(std::string_view text);

/// A whole number with its ordinal suffix "st", "nd" ...; the suffix alone.
std::string_view ordinal_suffix(std::string_view digits, bool upper);

/// to_char of a number whose digits, rounded to the picture's places, are `digits` (without sign).
/// `picture.pre` has the places of V already. 22P02 when what is no number is to get a suffix.
data::Result<std::string> format_digits(NumberPicture picture, std::string digits, bool negative);
/// The text of RN: 15 places, or # for what has no Roman numeral.
std::string roman_numeral(int64_t value);
/// to_number: what numeric_in is to read; sets picture.post to the places read.
data::Result<std::string> read_digits(NumberPicture& picture, std::string_view text);

/// A time in its parts, as pictures show them. Of an interval the parts may be negative or large.
struct TimeParts {
  bool is_interval = false;
  bool has_zone = false;
  /// Of has_zone: the offset, and what it is called.
  int32_t seconds_east = 0;
  std::string zone;
  int64_t year = 0;  // astronomical
  int32_t month = 0, day = 0;
  int64_t hour = 0;
  int32_t minute = 0, second = 0, micros = 0;
  int32_t week_day = 0;  // Sunday is 0
  int64_t year_day = 0;
};
/// 22007 for fields that intervals don't have.
data::Result<std::string> format_time(const std::vector<PictureNode>& picture,
                                      const TimeParts& parts);

/// What to_timestamp and to_date read: microseconds of the day, and the date's parts.
struct ReadTime {
  int32_t year = 0, month = 1, day = 1;
  int64_t micros = 0;
  bool has_zone = false;
  /// East of Greenwich, if the picture has TZH or TZM.
  int32_t zone_seconds = 0;
};
/// 22007, 22008.
data::Result<ReadTime> read_time(std::string_view text, std::string_view picture);

// PostgreSQL's calendar, exact for any year that it reads.
int32_t julian_day(int32_t year, int32_t month, int32_t day);
void from_julian_day(int32_t julian, int32_t& year, int32_t& month, int32_t& day);
int32_t iso_week(int32_t year, int32_t month, int32_t day);
int32_t iso_year(int32_t year, int32_t month, int32_t day);
/// The Julian day on which a week of an ISO year begins.
int32_t iso_week_start(int32_t year, int32_t week);

inline constexpr const char* kMonthNames[] = {"January",   "February", "March",    "April",
                                              "May",       "June",     "July",     "August",
                                              "September", "October",  "November", "December"};
inline constexpr const char* kDayNames[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                            "Thursday", "Friday", "Saturday"};
/// From December to January, as PostgreSQL keeps them.
inline constexpr const char* kRomanMonths[] = {"XII", "XI", "X",  "IX",  "VIII", "VII",
                                               "VI",  "V",  "IV", "III", "II",   "I"};

}  // namespace forebay::udfs
