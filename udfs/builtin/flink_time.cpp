#include <fmt/format.h>

#include <array>

#include "engine/data/datetime.h"
#include "engine/data/session_zone.h"
#include "engine/data/text_format.h"
#include "udfs/builtin/builtin.h"

/// Flink's functions of time, where PostgreSQL has none of the name: milliseconds and seconds since
/// 1970, and Java's patterns. Times without a zone are those of the session's.
namespace forebay::udfs {
namespace {

constexpr TypeId kText = TypeId::kText;
constexpr TypeId kInteger = TypeId::kInteger;
constexpr TypeId kBigint = TypeId::kBigint;
constexpr TypeId kTimestamp = TypeId::kTimestamp;
constexpr TypeId kTimestampTz = TypeId::kTimestampTz;
using Text = std::string_view;

constexpr int64_t kUnixEpoch = data::kUnixEpochOffsetSeconds * data::kMicrosPerSecond;

Result<int64_t> from_unix(int64_t count, int64_t unit_micros) {
  int64_t at = 0;
  if (__builtin_mul_overflow(count, unit_micros, &at) ||
      __builtin_sub_overflow(at, kUnixEpoch, &at)) {
    return Status(data::sqlstate::kDatetimeOverflow, "timestamp out of range");
  }
  return at;
}

Result<int64_t> to_timestamp_ltz(const int64_t& count, const int32_t& precision) {
  if (precision == 0) return from_unix(count, data::kMicrosPerSecond);
  if (precision == 3) return from_unix(count, 1'000);
  return Status(data::sqlstate::kInvalidParameterValue,
                fmt::format("precision {} of to_timestamp_ltz is neither 0 nor 3", precision))
      .with_hint("0: seconds since 1970; 3: milliseconds.");
}

int64_t unix_seconds(int64_t moment) {
  return (data::floor_to_unit(moment, data::kMicrosPerSecond) + kUnixEpoch) /
         data::kMicrosPerSecond;
}

Result<int64_t> unix_timestamp(Text text) {
  FOREBAY_ASSIGN_OR_RETURN(const int64_t moment, data::parse_timestamptz(text));
  if (moment == data::kTimestampInfinity || moment == data::kTimestampNegativeInfinity) {
    return Status(data::sqlstate::kDatetimeOverflow, "timestamp out of range");
  }
  return unix_seconds(moment);
}

void unix_now(const ScalarCall& call, uint32_t row) {
  call.out<int64_t>()[row] = unix_seconds(call.environment->now);
}

constexpr std::array<Text, 7> kDays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                    "Thursday", "Friday", "Saturday"};
constexpr std::array<Text, 12> kMonths{"January",   "February", "March",    "April",
                                       "May",       "June",     "July",     "August",
                                       "September", "October",  "November", "December"};

/// A time, taken apart.
struct Parts {
  explicit Parts(int64_t at) : day(data::day_of_timestamp(at)), date(data::civil_from_days(day)) {
    micros = at - int64_t{day} * data::kMicrosPerDay;
  }
  int64_t of_second(int64_t unit) const { return micros / unit; }

  int32_t day;
  data::CivilDate date;
  int64_t micros = 0;  // of the day
};

/// One run of a letter of a pattern of Java's DateTimeFormatter.
Result<std::string> show_letter(char letter, size_t count, const Parts& at) {
  const auto number = [&](int64_t value) { return fmt::format("{:0{}}", value, count); };
  const int64_t hour = at.micros / (3600 * data::kMicrosPerSecond);
  switch (letter) {
    case 'y':
    case 'u':
      return count == 2 ? fmt::format("{:02}", at.date.year % 100) : number(at.date.year);
    case 'M':
    case 'L': {
      if (count < 3) return number(at.date.month);
      const Text name = kMonths[static_cast<size_t>(at.date.month - 1)];
      return std::string(count == 3 ? name.substr(0, 3) : name);
    }
    case 'd':
      return number(at.date.day);
    case 'D':
      return number(at.day - data::days_from_civil(at.date.year, 1, 1) + 1);
    case 'E': {
      // 2000-01-01 was a Saturday.
      const Text name = kDays[static_cast<size_t>(((at.day + 6) % 7 + 7) % 7)];
      return std::string(count <= 3 ? name.substr(0, 3) : name);
    }
    case 'H':
      return number(hour);
    case 'k':
      return number(hour == 0 ? 24 : hour);
    case 'h':
      return number(hour % 12 == 0 ? 12 : hour % 12);
    case 'K':
      return number(hour % 12);
    case 'a':
      return std::string(hour < 12 ? "AM" : "PM");
    case 'm':
      return number(at.micros / (60 * data::kMicrosPerSecond) % 60);
    case 's':
      return number(at.micros / data::kMicrosPerSecond % 60);
    case 'S': {
      std::string digits = fmt::format("{:06}000", at.micros % data::kMicrosPerSecond);
      if (count <= digits.size()) return digits.substr(0, count);
      break;
    }
    default:
      break;
  }
  return Status(data::sqlstate::kInvalidParameterValue,
                fmt::format("unknown part \"{}\" of a date pattern", std::string(count, letter)))
      .with_hint("Parts are y, M, d, D, E, a, H, h, K, k, m, s and S; text stands in quotes.");
}

Result<std::string> date_format(const int64_t& at, Text pattern) {
  if (at == data::kTimestampInfinity) return std::string("infinity");
  if (at == data::kTimestampNegativeInfinity) return std::string("-infinity");
  const Parts parts(at);
  std::string out;
  for (size_t i = 0; i < pattern.size();) {
    const char c = pattern[i];
    if (c == '\'') {
      // '' is a quote, inside of a text too.
      if (i + 1 < pattern.size() && pattern[i + 1] == '\'') {
        out += '\'';
        i += 2;
        continue;
      }
      for (++i; i < pattern.size(); ++i) {
        if (pattern[i] != '\'') {
          out += pattern[i];
        } else if (i + 1 < pattern.size() && pattern[i + 1] == '\'') {
          out += pattern[i++];
        } else {
          break;
        }
      }
      ++i;
      continue;
    }
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!is_letter) {
      out += c;
      ++i;
      continue;
    }
    size_t end = i;
    while (end < pattern.size() && pattern[end] == c) ++end;
    FOREBAY_ASSIGN_OR_RETURN(const std::string shown, show_letter(c, end - i, parts));
    out += shown;
    i = end;
  }
  return out;
}

Result<std::string> format_text(Text text, Text pattern) {
  FOREBAY_ASSIGN_OR_RETURN(const int64_t at, data::parse_timestamp(text));
  return date_format(at, pattern);
}

Result<std::string> format_moment(const int64_t& moment, Text pattern) {
  return date_format(data::local_of(moment), pattern);
}

Result<std::string> from_unixtime(const int64_t& seconds, Text pattern) {
  FOREBAY_ASSIGN_OR_RETURN(const int64_t moment, from_unix(seconds, data::kMicrosPerSecond));
  return format_moment(moment, pattern);
}

}  // namespace

void add_flink_time(ScalarList& list) {
  Definer define(list, "flink");
  define
      .define<[](int64_t count, int32_t precision) { return to_timestamp_ltz(count, precision); }>(
          "to_timestamp_ltz", {kBigint, kInteger}, kTimestampTz,
          "the time so many seconds (precision 0) or milliseconds (3) after 1970-01-01",
          {{"to_timestamp_ltz(1284352323000, 3)", "2010-09-13 04:32:03+00"}});
  define.define<[](int64_t count) { return to_timestamp_ltz(count, 3); }>(
      "to_timestamp_ltz", {kBigint}, kTimestampTz, "the time so many milliseconds after 1970-01-01",
      {{"to_timestamp_ltz(1284352323000)", "2010-09-13 04:32:03+00"}});
  define.define<[](Text text) { return data::parse_timestamp(text); }>(
      "to_timestamp", {kText}, kTimestamp, "the text as a timestamp without time zone",
      {{"to_timestamp('2020-04-15 08:05:00')", "2020-04-15 08:05:00"}});
  define.define<[](Text text) { return unix_timestamp(text); }>(
      "unix_timestamp", {kText}, kBigint, "seconds since 1970-01-01 of a time",
      {{"unix_timestamp('2010-09-13 04:32:03')", "1284352323"}});
  define
      .kernel("unix_timestamp", {}, kBigint, &each<unix_now>,
              "seconds since 1970-01-01 of the statement's time")
      .volatility = Volatility::kStable;
  define.define<[](int64_t seconds) { return from_unixtime(seconds, "yyyy-MM-dd HH:mm:ss"); }>(
      "from_unixtime", {kBigint}, kText, "the time so many seconds after 1970-01-01, as text",
      {{"from_unixtime(1284352323)", "2010-09-13 04:32:03"}});
  define.define<[](int64_t seconds, Text pattern) { return from_unixtime(seconds, pattern); }>(
      "from_unixtime", {kBigint, kText}, kText,
      "the time so many seconds after 1970-01-01, by a pattern of Java's",
      {{"from_unixtime(1284352323, 'yyyyMMdd')", "20100913"}});
  constexpr Text kFormatted = "the time by a pattern of Java's: yyyy-MM-dd HH:mm:ss.SSS";
  define.define<[](int64_t at, Text pattern) { return date_format(at, pattern); }>(
      "date_format", {kTimestamp, kText}, kText, kFormatted,
      {{"date_format(TIMESTAMP '2020-04-15 08:05:00', 'EEE d MMM, h:mm a')",
        "Wed 15 Apr, 8:05 AM"}});
  define.define<[](int64_t at, Text pattern) { return format_moment(at, pattern); }>(
      "date_format", {kTimestampTz, kText}, kText, kFormatted);
  define.define<[](Text at, Text pattern) { return format_text(at, pattern); }>(
      "date_format", {kText, kText}, kText, kFormatted,
      {{"date_format('2020-04-15 08:05:00', 'yyyy/MM')", "2020/04"}});
}

}  // namespace forebay::udfs
