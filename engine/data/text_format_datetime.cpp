// Text in and out of date, timestamp and timestamptz.
#include <cstring>
#include <optional>

#include "engine/data/datetime.h"
#include "engine/data/datetime_decode.h"
#include "engine/data/datetime_limits.h"
#include "engine/data/session_zone.h"
#include "engine/data/text_format.h"
#include "engine/data/text_scan.h"

namespace forebay::data {

namespace {

// The bytes that PostgreSQL reserves for the tokens of a text.
constexpr size_t kDateBuffer = 129;
constexpr size_t kTimestampBuffer = 153;

Status invalid_datetime(DateError error, std::string_view type_name, std::string_view text,
                        const std::string& culprit) {
  const std::string quoted = "\"" + std::string(text) + "\"";
  switch (error) {
    case DateError::kMonthDayOverflow:
      return Status(sqlstate::kDatetimeOverflow, "date/time field value out of range: " + quoted)
          .with_hint("Perhaps you need a different \"datestyle\" setting.");
    case DateError::kFieldOverflow:
      return Status(sqlstate::kDatetimeOverflow, "date/time field value out of range: " + quoted);
    case DateError::kZoneOverflow:
      return Status(SqlState("22009"), "time zone displacement out of range: " + quoted);
    case DateError::kUnknownZone:
      return Status(sqlstate::kInvalidParameterValue,
                    "time zone \"" + culprit + "\" not recognized");
    case DateError::kNeedsClock:
      return Status(sqlstate::kFeatureNotSupported,
                    "\"" + culprit + "\" is not supported in a date or time value")
          .with_hint("A value must not depend on the clock that reads it; use now().");
    default:
      return Status(sqlstate::kInvalidDatetimeFormat,
                    "invalid input syntax for type " + std::string(type_name) + ": " + quoted);
  }
}

Result<DecodedDateTime> decode(std::string_view text, std::string_view type_name,
                               size_t buffer_bytes) {
  std::vector<DateToken> tokens;
  DecodedDateTime fields;
  std::string culprit;
  DateError error = DateError::kBadFormat;
  if (split_date_tokens(text, buffer_bytes, tokens)) {
    error = decode_date_time(tokens, fields, culprit);
  }
  if (error != DateError::kNone) return invalid_datetime(error, type_name, text, culprit);
  return fields;
}

/// Two digits at p, or a number above 99 when they aren't.
inline uint32_t two_digits(const char* p) {
  const uint32_t tens = static_cast<unsigned char>(p[0]) - uint32_t{'0'};
  const uint32_t ones = static_cast<unsigned char>(p[1]) - uint32_t{'0'};
  return tens > 9 || ones > 9 ? 1000 : tens * 10 + ones;
}

/// YYYY-MM-DD of the years 1 to 9999. False: anything else.
inline bool parse_iso_date(const char* p, int32_t& days) {
  const uint32_t century = two_digits(p);
  const uint32_t year_of_century = two_digits(p + 2);
  const uint32_t month = two_digits(p + 5);
  const uint32_t day = two_digits(p + 8);
  if (p[4] != '-' || p[7] != '-' || century > 99 || year_of_century > 99) return false;
  const auto year = static_cast<int32_t>(century * 100 + year_of_century);
  if (year == 0 || month - 1 > 11 || day - 1 > 30) return false;
  if (day > 28 && static_cast<int32_t>(day) > days_in_month(year, static_cast<int32_t>(month))) {
    return false;
  }
  days = days_from_civil(year, static_cast<int32_t>(month), static_cast<int32_t>(day));
  return true;
}

/// "Z", "+hh" or "+hh:mm" up to `end`.
inline bool parse_iso_zone(const char* p, const char* end, int32_t& seconds_east) {
  seconds_east = 0;
  if (*p == 'Z' || *p == 'z') return p + 1 == end;
  if (*p != '+' && *p != '-') return false;
  const bool has_minutes = end - p == 6 && p[3] == ':';
  if (end - p != 3 && !has_minutes) return false;
  const uint32_t hours = two_digits(p + 1);
  const uint32_t minutes = has_minutes ? two_digits(p + 4) : 0;
  if (hours > 15 || minutes > 59) return false;
  const auto offset = static_cast<int32_t>(hours * 3600 + minutes * 60);
  seconds_east = *p == '-' ? -offset : offset;
  return true;
}

/// YYYY-MM-DD[T ]HH:MM:SS[.f to .ffffff][zone]: what nearly all texts look like. False: anything
/// else, and whatever needs rounding or an error.
bool parse_iso_timestamp(std::string_view text, int64_t& micros,
                         std::optional<int32_t>& seconds_east) {
  constexpr size_t kShortest = 19;
  const char* p = text.data();
  const char* const end = p + text.size();
  int32_t days = 0;
  if (text.size() < kShortest || !parse_iso_date(p, days)) return false;
  const uint32_t hour = two_digits(p + 11);
  const uint32_t minute = two_digits(p + 14);
  const uint32_t second = two_digits(p + 17);
  if ((p[10] != 'T' && p[10] != ' ') || p[13] != ':' || p[16] != ':' || hour > 23 || minute > 59 ||
      second > 59) {
    return false;
  }
  p += kShortest;
  uint32_t fraction = 0;
  if (p != end && *p == '.') {
    ++p;
    uint32_t unit = 100'000;
    for (; p != end && is_digit(*p) && unit != 0; ++p, unit /= 10) {
      fraction += static_cast<uint32_t>(*p - '0') * unit;
    }
    if (p != end && is_digit(*p)) return false;
  }
  micros = days * kMicrosPerDay + int64_t{hour * 3600 + minute * 60 + second} * kMicrosPerSecond +
           fraction;
  if (p == end) return true;
  return parse_iso_zone(p, end, seconds_east.emplace());
}

Result<int64_t> parse_timestamp_slowly(std::string_view text, bool has_zone) {
  FOREBAY_ASSIGN_OR_RETURN(
      const DecodedDateTime fields,
      decode(text, has_zone ? "timestamp with time zone" : "timestamp", kTimestampBuffer));
  switch (fields.kind) {
    case DecodedDateTime::Kind::kEpoch:
      return -kUnixEpochOffsetSeconds * kMicrosPerSecond;
    case DecodedDateTime::Kind::kInfinity:
      return kTimestampInfinity;
    case DecodedDateTime::Kind::kNegativeInfinity:
      return kTimestampNegativeInfinity;
    case DecodedDateTime::Kind::kFields:
      break;
  }
  const auto out_of_range = [&] {
    return Status(sqlstate::kDatetimeOverflow,
                  "timestamp out of range: \"" + std::string(text) + "\"");
  };
  if (!is_valid_julian(fields.year, fields.month)) return out_of_range();
  const int64_t time_of_day =
      ((int64_t{fields.hour} * 60 + fields.minute) * 60 + fields.second) * kMicrosPerSecond +
      fields.micros;
  Int128 micros =
      Int128{days_from_civil(fields.year, fields.month, fields.day)} * kMicrosPerDay + time_of_day;
  if (has_zone && fields.has_zone) micros -= fields.seconds_east * kMicrosPerSecond;
  if (!is_valid_timestamp(micros)) return out_of_range();
  if (has_zone && !fields.has_zone) return moment_of_local(static_cast<int64_t>(micros));
  return static_cast<int64_t>(micros);
}

constexpr auto kTwoDigits = [] {
  struct Table {
    char text[200];
  } table{};
  for (int i = 0; i < 100; ++i) {
    table.text[2 * i] = static_cast<char>('0' + i / 10);
    table.text[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return table;
}();

inline char* put_two(char* p, uint32_t value) {
  std::memcpy(p, kTwoDigits.text + 2 * value, 2);
  return p + 2;
}

/// YYYY-MM-DD; the year has at least four digits. `p` has room for 20 bytes.
char* put_date(char* p, const CivilDate& date) {
  const auto year = static_cast<uint32_t>(date.year > 0 ? date.year : 1 - date.year);
  if (year < 10'000) [[likely]] {
    p = put_two(p, year / 100);
  } else {
    const std::string head = std::to_string(year / 100);
    std::memcpy(p, head.data(), head.size());
    p += head.size();
  }
  p = put_two(p, year % 100);
  *p++ = '-';
  p = put_two(p, static_cast<uint32_t>(date.month));
  *p++ = '-';
  return put_two(p, static_cast<uint32_t>(date.day));
}

/// " HH:MM:SS[.f]" of a time of day; no zeros at the fraction's end.
char* put_time(char* p, int64_t time_of_day) {
  const auto seconds = static_cast<uint32_t>(time_of_day / kMicrosPerSecond);
  auto fraction = static_cast<uint32_t>(time_of_day % kMicrosPerSecond);
  *p++ = ' ';
  p = put_two(p, seconds / 3600);
  *p++ = ':';
  p = put_two(p, seconds / 60 % 60);
  *p++ = ':';
  p = put_two(p, seconds % 60);
  if (fraction == 0) return p;
  *p++ = '.';
  p = put_two(p, fraction / 10'000);
  p = put_two(p, fraction / 100 % 100);
  p = put_two(p, fraction % 100);
  while (p[-1] == '0') --p;
  return p;
}

void format_timestamp_as(int64_t micros, std::string_view zone, std::string& out) {
  if (!is_finite_timestamp(micros)) {
    out += micros > 0 ? "infinity" : "-infinity";
    return;
  }
  const int32_t days = day_of_timestamp(micros);
  const CivilDate date = civil_from_days(days);
  char text[64];
  char* p = put_date(text, date);
  p = put_time(p, micros - days * kMicrosPerDay);
  out.append(text, static_cast<size_t>(p - text)).append(zone);
  if (date.year <= 0) out += " BC";
}

}  // namespace

Result<int32_t> parse_date(std::string_view text) {
  constexpr size_t kIsoDate = 10;
  int32_t days = 0;
  if (text.size() == kIsoDate && parse_iso_date(text.data(), days)) return days;
  FOREBAY_ASSIGN_OR_RETURN(const DecodedDateTime fields, decode(text, "date", kDateBuffer));
  switch (fields.kind) {
    case DecodedDateTime::Kind::kEpoch:
      return static_cast<int32_t>(-kUnixEpochOffsetSeconds / 86'400);
    case DecodedDateTime::Kind::kInfinity:
      return kDateInfinity;
    case DecodedDateTime::Kind::kNegativeInfinity:
      return kDateNegativeInfinity;
    case DecodedDateTime::Kind::kFields:
      break;
  }
  if (is_valid_julian(fields.year, fields.month)) {
    days = days_from_civil(fields.year, fields.month, fields.day);
    if (days >= kMinDate && days < kEndDate) return days;
  }
  return Status(sqlstate::kDatetimeOverflow, "date out of range: \"" + std::string(text) + "\"");
}

Result<int64_t> parse_timestamp(std::string_view text, int32_t modifier) {
  int64_t micros = 0;
  std::optional<int32_t> seconds_east;
  if (!parse_iso_timestamp(text, micros, seconds_east)) {
    FOREBAY_ASSIGN_OR_RETURN(micros, parse_timestamp_slowly(text, false));
  }
  return round_timestamp(micros, modifier);
}

Result<int64_t> parse_timestamptz(std::string_view text, int32_t modifier) {
  int64_t micros = 0;
  std::optional<int32_t> seconds_east;
  if (parse_iso_timestamp(text, micros, seconds_east)) {
    if (seconds_east) {
      micros -= *seconds_east * kMicrosPerSecond;
    } else {
      FOREBAY_ASSIGN_OR_RETURN(micros, moment_of_local(micros));
    }
  } else {
    FOREBAY_ASSIGN_OR_RETURN(micros, parse_timestamp_slowly(text, true));
  }
  return round_timestamp(micros, modifier);
}

void format_date(int32_t days, std::string& out) {
  if (days == kDateInfinity || days == kDateNegativeInfinity) {
    out += days > 0 ? "infinity" : "-infinity";
    return;
  }
  const CivilDate date = civil_from_days(days);
  char text[32];
  out.append(text, static_cast<size_t>(put_date(text, date) - text));
  if (date.year <= 0) out += " BC";
}

void format_timestamp(int64_t microseconds, std::string& out) {
  format_timestamp_as(microseconds, "", out);
}

void format_timestamptz(int64_t microseconds, std::string& out) {
  if (session_zone() == nullptr || !is_finite_timestamp(microseconds)) {
    return format_timestamp_as(microseconds, "+00", out);
  }
  const int32_t offset = session_offset_at(microseconds);
  const int32_t size = std::abs(offset);
  std::string zone = {offset < 0 ? '-' : '+'};
  const auto add_part = [&](int32_t part) {
    zone.append(kTwoDigits.text + 2 * static_cast<size_t>(part), 2);
  };
  add_part(size / 3600);
  if (size % 3600 != 0) add_part((zone += ':', size / 60 % 60));
  if (size % 60 != 0) add_part((zone += ':', size % 60));
  format_timestamp_as(microseconds + offset * kMicrosPerSecond, zone, out);
}

}  // namespace forebay::data
