#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <type_traits>

#include "engine/data/datetime.h"
#include "engine/data/numeric.h"
#include "engine/data/session_zone.h"
#include "engine/data/text_format.h"
#include "udfs/builtin/builtin.h"
#include "udfs/builtin/picture.h"

/// to_char, to_date, to_timestamp and to_number.
namespace forebay::udfs {
namespace {

constexpr TypeId kText = TypeId::kText;
constexpr TypeId kTimestamp = TypeId::kTimestamp;
constexpr TypeId kTimestampTz = TypeId::kTimestampTz;
constexpr TypeId kNumeric = TypeId::kNumeric;
using data::Int128;
using Text = std::string_view;

// Julian day of 2000-01-01.
constexpr int32_t kEpochJulian = 2451545;

Text picture_at(const ScalarCall& call, uint32_t row) {
  return call.arguments[1].at<StringView>(row).view();
}

// ---------------------------------------------------------------- times to text

TimeParts parts_of(int64_t at) {
  TimeParts parts;
  const int32_t day = data::day_of_timestamp(at);
  const data::CivilDate date = data::civil_from_days(day);
  parts.year = date.year;
  parts.month = date.month;
  parts.day = date.day;
  const int64_t micros = at - int64_t{day} * data::kMicrosPerDay;
  const int64_t seconds = micros / data::kMicrosPerSecond;
  parts.hour = seconds / 3600;
  parts.minute = static_cast<int32_t>(seconds % 3600 / 60);
  parts.second = static_cast<int32_t>(seconds % 60);
  parts.micros = static_cast<int32_t>(micros % data::kMicrosPerSecond);
  parts.week_day = ((day + 6) % 7 + 7) % 7;  // 2000-01-01 was a Saturday
  parts.year_day = day - data::days_from_civil(date.year, 1, 1) + 1;
  return parts;
}

TimeParts parts_of(const Interval& value) {
  TimeParts parts;
  parts.is_interval = true;
  parts.year = value.months / 12;
  parts.month = value.months % 12;
  parts.day = value.days;
  const int64_t seconds = value.microseconds / data::kMicrosPerSecond;
  parts.hour = seconds / 3600;
  parts.minute = static_cast<int32_t>(seconds % 3600 / 60);
  parts.second = static_cast<int32_t>(seconds % 60);
  parts.micros = static_cast<int32_t>(value.microseconds % data::kMicrosPerSecond);
  parts.year_day = int64_t{value.months} * 30 + value.days;
  return parts;
}

bool is_finite(int64_t at) {
  return at != data::kTimestampInfinity && at != data::kTimestampNegativeInfinity;
}
bool is_finite(const Interval&) { return true; }

/// Does the picture show what changes within a minute?
bool shows_seconds(const std::vector<PictureNode>& picture) {
  return std::any_of(picture.begin(), picture.end(), [](const PictureNode& node) {
    if (node.kind != PictureNode::Kind::kField) return false;
    const bool is_fraction = node.field >= Field::kFraction1 && node.field <= Field::kFraction6;
    return is_fraction || node.field == Field::kMillisecond || node.field == Field::kMicrosecond ||
           node.field == Field::kSecond || node.field == Field::kSecondsOfDay;
  });
}

/// The text of the last time of a column: those of one minute often follow each other.
class LastMinute {
 public:
  /// nullptr: `at` is of another minute.
  const std::string* find(int64_t at) const { return minute_ == minute_of(at) ? &text_ : nullptr; }
  void keep(int64_t at, std::string text) {
    minute_ = minute_of(at);
    text_ = std::move(text);
  }

 private:
  static int64_t minute_of(int64_t at) {
    constexpr int64_t kMinute = 60 * data::kMicrosPerSecond;
    return at / kMinute - (at % kMinute < 0);
  }
  int64_t minute_ = INT64_MIN;
  std::string text_;
};

/// Infinite times and empty pictures give NULL.
template <typename T, bool kHasZone>
void time_to_char(const ScalarCall& call) {
  [[maybe_unused]] const data::TimeZone* zone = data::session_zone();
  std::optional<std::vector<PictureNode>> constant;
  if (call.arguments[1].step == 0 && call.row_count > 0) {
    constant = parse_time_picture(picture_at(call, call.dense ? 0 : call.rows[0]));
  }
  // Minutes of a zone's own time need not begin with those of UTC.
  [[maybe_unused]] const bool by_minute =
      constant && !shows_seconds(*constant) && (!kHasZone || zone == nullptr);
  [[maybe_unused]] LastMinute last;
  for_rows(call, [&](uint32_t row) {
    const T& value = call.arguments[0].at<T>(row);
    const Text text = picture_at(call, row);
    if (text.empty() || !is_finite(value)) return call.set_null(row);
    if constexpr (std::is_same_v<T, int64_t>) {
      const std::string* same = by_minute ? last.find(value) : nullptr;
      if (same != nullptr) return call.set_string(row, *same);
    }
    TimeParts parts;
    if constexpr (kHasZone) {
      parts = parts_of(data::local_of(value));
      parts.has_zone = true;
      parts.seconds_east = data::session_offset_at(value);
      parts.zone = zone == nullptr ? "UTC" : zone->abbreviation_at(data::unix_seconds_of(value));
    } else {
      parts = parts_of(value);
    }
    auto shown = format_time(constant ? *constant : parse_time_picture(text), parts);
    if (!shown.is_ok()) return call.fail_row(row, shown.error());
    call.set_string(row, *shown);
    if constexpr (std::is_same_v<T, int64_t>) {
      if (by_minute) last.keep(value, std::move(*shown));
    }
  });
}

// ---------------------------------------------------------------- numbers to text

/// The digits of a number without its sign, of exactly `scale` places.
std::string digits_of(const Numeric& value, bool& negative) {
  std::string text;
  data::format_numeric(value, text);
  negative = text[0] == '-';
  return negative ? text.substr(1) : text;
}

/// d.ddde+xx with `places` digits behind the point, rounded half away from zero; as PostgreSQL's,
/// whose exponent is that of the digits before they are rounded.
std::string scientific(const Numeric& value, int32_t places) {
  bool negative = false;
  std::string digits = digits_of(value, negative);
  const size_t point = std::min(digits.find('.'), digits.size());
  std::string all = digits.substr(0, point);
  if (point < digits.size()) all += digits.substr(point + 1);
  const size_t first = all.find_first_not_of('0');
  int exponent = 0;
  std::string mantissa = "0";
  if (first != std::string::npos) {
    exponent = static_cast<int>(point) - 1 - static_cast<int>(first);
    mantissa = all.substr(first);
  }
  const auto wanted = static_cast<size_t>(places) + 1;
  const bool rounds_up = mantissa.size() > wanted && mantissa[wanted] >= '5';
  mantissa.resize(wanted, '0');
  std::string whole(1, mantissa[0]);
  if (rounds_up) {
    size_t i = wanted;
    while (i > 0 && mantissa[i - 1] == '9') mantissa[--i] = '0';
    if (i > 0) {
      ++mantissa[i - 1];
    } else {
      mantissa.insert(0, "1");
    }
    whole = mantissa.substr(0, mantissa.size() - static_cast<size_t>(places));
  }
  std::string text = negative ? "-" : "";
  text += whole;
  if (places > 0) text += "." + mantissa.substr(mantissa.size() - static_cast<size_t>(places));
  return text + fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
}

/// Where a number that isn't one would have its digits.
std::string no_digits(const NumberPicture& picture) {
  std::string text(static_cast<size_t>(picture.pre + picture.post) + 6, '#');
  text[0] = ' ';
  text[static_cast<size_t>(picture.pre) + 1] = '.';
  return text;
}

Result<Numeric> shifted(const Numeric& value, int32_t places) {
  if (places > 38)
    return Status(data::sqlstate::kNumericOutOfRange, "value overflows numeric format");
  Int128 factor = 1;
  for (int32_t i = 0; i < places; ++i) factor *= 10;
  return data::multiply(value, Numeric(factor, 0));
}

Result<std::string> number_to_char(NumberPicture picture, const Numeric& value) {
  if (picture.roman) {
    FOREBAY_ASSIGN_OR_RETURN(const int32_t number, data::to_int32(value));
    return format_digits(std::move(picture), roman_numeral(number), false);
  }
  if (picture.exponent) {
    if (!value.is_finite()) return no_digits(picture);
    std::string text = scientific(value, picture.post);
    return text[0] == '-' ? text : " " + text;
  }
  Numeric shown = value;
  if (picture.shift) {
    FOREBAY_ASSIGN_OR_RETURN(shown, shifted(value, picture.multi));
    picture.pre += picture.multi;
  }
  FOREBAY_ASSIGN_OR_RETURN(shown, data::round(shown, picture.post));
  bool negative = false;
  std::string digits = digits_of(shown, negative);
  return format_digits(std::move(picture), std::move(digits), negative);
}

/// Whole numbers have zeros behind the point, and their own limits with V.
template <int64_t kMost>
Result<std::string> integer_to_char(NumberPicture picture, int64_t value) {
  if (picture.roman) {
    if (value > INT32_MAX || value < INT32_MIN) {
      return Status(data::sqlstate::kNumericOutOfRange, "integer out of range");
    }
    return format_digits(std::move(picture), roman_numeral(value), false);
  }
  if (picture.exponent) return number_to_char(std::move(picture), data::numeric_from(value));
  if (picture.shift) {
    const Status too_large(data::sqlstate::kNumericOutOfRange,
                           kMost == INT32_MAX ? "integer out of range" : "bigint out of range");
    for (int32_t i = 0; i < picture.multi; ++i) {
      if (__builtin_mul_overflow(value, int64_t{10}, &value)) return too_large.clone();
    }
    if (value > kMost || value < -kMost - 1) return too_large.clone();
    picture.pre += picture.multi;
  }
  std::string digits = fmt::format("{}", value);
  const bool negative = digits[0] == '-';
  if (negative) digits.erase(0, 1);
  if (picture.post > 0) digits += "." + std::string(static_cast<size_t>(picture.post), '0');
  return format_digits(std::move(picture), std::move(digits), negative);
}

/// Floating point shows as many digits as it has: 15, or 6 of real.
template <int kDigits>
Result<std::string> double_to_char(NumberPicture picture, double value) {
  if (picture.roman) {
    return format_digits(std::move(picture),
                         roman_numeral(std::isfinite(value) && std::fabs(value) < 1e6
                                           ? static_cast<int64_t>(std::rint(value))
                                           : 0),
                         false);
  }
  if (picture.exponent) {
    if (!std::isfinite(value)) return no_digits(picture);
    std::string text = fmt::format("{:+.{}e}", value, picture.post);
    if (text[0] == '+') text[0] = ' ';
    return text;
  }
  if (picture.shift) {
    value *= std::pow(10.0, picture.multi);
    picture.pre += picture.multi;
  }
  auto places = [](double number, int32_t count) {
    if (std::isnan(number)) return std::string("NaN");
    if (std::isinf(number)) return std::string(number > 0 ? "Infinity" : "-Infinity");
    return fmt::format("{:.{}f}", number, count);
  };
  const auto whole = static_cast<int32_t>(places(std::fabs(value), 0).size());
  if (whole >= kDigits) {
    picture.post = 0;
  } else if (whole + picture.post > kDigits) {
    picture.post = kDigits - whole;
  }
  std::string digits = places(value, picture.post);
  const bool negative = digits[0] == '-';
  if (negative) digits.erase(0, 1);
  return format_digits(std::move(picture), std::move(digits), negative);
}

template <typename T, auto Format>
void number_to_char_of(const ScalarCall& call) {
  std::optional<Result<NumberPicture>> constant;
  if (call.arguments[1].step == 0 && call.row_count > 0) {
    constant.emplace(parse_number_picture(picture_at(call, call.dense ? 0 : call.rows[0])));
  }
  for_rows(call, [&](uint32_t row) {
    std::optional<Result<NumberPicture>> own;
    if (!constant) own.emplace(parse_number_picture(picture_at(call, row)));
    const Result<NumberPicture>& picture = constant ? *constant : *own;
    if (!picture.is_ok()) return call.fail_row(row, picture.error());
    auto shown = Format(*picture, call.arguments[0].at<T>(row));
    if (!shown.is_ok()) return call.fail_row(row, shown.error());
    call.set_string(row, *shown);
  });
}

// ---------------------------------------------------------------- text to values

Result<int64_t> to_timestamp(Text text, Text picture) {
  FOREBAY_ASSIGN_OR_RETURN(const ReadTime read, read_time(text, picture));
  const int64_t days = int64_t{julian_day(read.year, read.month, read.day)} - kEpochJulian;
  // From 4714-11-24 BC to the end of the year 294276.
  constexpr int64_t kFirst = -211813488000000000;
  constexpr int64_t kEnd = 9223371331200000000;
  int64_t at = 0;
  if (read.year < -4714 || read.year > 294277 ||
      __builtin_mul_overflow(days, data::kMicrosPerDay, &at) ||
      __builtin_add_overflow(at, read.micros, &at) ||
      __builtin_sub_overflow(at, int64_t{read.zone_seconds} * data::kMicrosPerSecond, &at) ||
      at < kFirst || at >= kEnd) {
    return Status(data::sqlstate::kDatetimeOverflow, "timestamp out of range");
  }
  return read.has_zone ? Result<int64_t>(at) : data::moment_of_local(at);
}

Result<int32_t> to_date(Text text, Text picture) {
  FOREBAY_ASSIGN_OR_RETURN(const ReadTime read, read_time(text, picture));
  const bool is_julian = read.year > -4713 || (read.year == -4713 && read.month >= 11);
  if (!is_julian || read.year > 5874897) {
    return Status(data::sqlstate::kDatetimeOverflow,
                  fmt::format("date out of range: \"{}\"", text));
  }
  const int32_t days = julian_day(read.year, read.month, read.day) - kEpochJulian;
  if (days < -kEpochJulian) {
    return Status(data::sqlstate::kDatetimeOverflow,
                  fmt::format("date out of range: \"{}\"", text));
  }
  return days;
}

/// numeric(p, s) as a modifier; more digits than a numeric keeps are not there to be checked.
int32_t numeric_modifier(int32_t precision, int32_t scale) {
  return std::min(precision, data::kNumericDigits) << 16 | scale;
}

std::optional<Result<Numeric>> read_number(Text text, Text format) {
  if (format.empty()) return std::nullopt;
  auto picture = parse_number_picture(format);
  if (!picture.is_ok()) return Result<Numeric>(picture.take_status());
  auto digits = read_digits(*picture, text);
  if (!digits.is_ok()) return Result<Numeric>(digits.take_status());
  const int32_t scale = picture->post;
  auto number =
      data::parse_numeric(*digits, numeric_modifier(picture->pre + picture->multi + scale, scale));
  if (!number.is_ok() || !picture->shift) return number;
  // 10 to the power of -multi, with the places that PostgreSQL's power has.
  constexpr int32_t kPlaces = 16;
  const int32_t multi = std::min(picture->multi, 38);
  Int128 factor = 1;
  for (int32_t i = multi; i < kPlaces; ++i) factor *= 10;
  return data::multiply(*number, Numeric(factor, static_cast<uint16_t>(std::max(kPlaces, multi))));
}

void to_number(const ScalarCall& call, uint32_t row) {
  auto number = read_number(call.arguments[0].at<StringView>(row).view(), picture_at(call, row));
  if (!number) return call.set_null(row);
  if (!number->is_ok()) return call.fail_row(row, number->error());
  call.out<Numeric>()[row] = **number;
}

// What templates take.
Result<std::string> show_numeric(const NumberPicture& picture, const Numeric& value) {
  return number_to_char(picture, value);
}
Result<std::string> show_integer(const NumberPicture& picture, const int32_t& value) {
  return integer_to_char<INT32_MAX>(picture, value);
}
Result<std::string> show_bigint(const NumberPicture& picture, const int64_t& value) {
  return integer_to_char<INT64_MAX>(picture, value);
}
Result<std::string> show_double(const NumberPicture& picture, const double& value) {
  return double_to_char<15>(picture, value);
}
Result<std::string> show_real(const NumberPicture& picture, const double& value) {
  return double_to_char<6>(picture, value);
}

}  // namespace

void add_formatting(ScalarList& list) {
  Definer define(list, "formatting");
  auto add = [&](TypeId type, ScalarKernel kernel, Text text, std::vector<Example> examples = {}) {
    define.kernel("to_char", {type, kText}, kText, kernel, text, std::move(examples)).can_fail =
        true;
  };
  constexpr Text kTime = "a time as a picture shows it";
  add(kTimestamp, &time_to_char<int64_t, false>, kTime,
      {{"to_char(timestamp '2002-04-20 17:31:12.66', 'Day, DD Mon YYYY HH12:MI:SS.MS')",
        "Saturday , 20 Apr 2002 05:31:12.660"},
       {"to_char(timestamp '2002-04-20', 'FMMonth FMDDth, IYYY-IW')", "April 20th, 2002-16"}});
  add(kTimestampTz, &time_to_char<int64_t, true>, kTime,
      {{"to_char(timestamptz '2002-04-20 17:31:12+00', 'HH24:MI TZ OF')", "17:31 UTC +00"}});
  add(TypeId::kInterval, &time_to_char<Interval, false>, "an interval as a picture shows it",
      {{"to_char(interval '15h 2m 12s', 'HH24:MI:SS')", "15:02:12"}});
  constexpr Text kNumber = "a number as a picture shows it";
  add(kNumeric, &number_to_char_of<Numeric, &show_numeric>, kNumber,
      {{"to_char(-1234.567, '9G999D99S')", "1,234.57-"}, {"to_char(0.1, 'FM90.009')", "0.10"}});
  add(TypeId::kInteger, &number_to_char_of<int32_t, &show_integer>, kNumber,
      {{"to_char(485, '999MI')", "485 "}, {"to_char(485, 'FMRN')", "CDLXXXV"}});
  add(TypeId::kBigint, &number_to_char_of<int64_t, &show_bigint>, kNumber,
      {{"to_char(12::bigint, '0000th')", " 0012th"}});
  add(TypeId::kDouble, &number_to_char_of<double, &show_double>, kNumber,
      {{"to_char(148.5::double precision, '999.999')", " 148.500"}});
  add(TypeId::kReal, &number_to_char_of<double, &show_real>, kNumber);
  define.define<[](Text text, Text picture) { return to_timestamp(text, picture); }>(
      "to_timestamp", {kText, kText}, kTimestampTz, "the time that a text says in a picture's way",
      {{"to_timestamp('05 Dec 2000 13:30', 'DD Mon YYYY HH24:MI')", "2000-12-05 13:30:00+00"}});
  define.define<[](Text text, Text picture) { return to_date(text, picture); }>(
      "to_date", {kText, kText}, TypeId::kDate, "the date that a text says in a picture's way",
      {{"to_date('05 Dec 2000', 'DD Mon YYYY')", "2000-12-05"}});
  define
      .kernel("to_number", {kText, kText}, kNumeric, &each<to_number>,
              "the number that a text says in a picture's way",
              {{"to_number('12,454.8-', '99G999D9S')", "-12454.8"}})
      .can_fail = true;
}

}  // namespace forebay::udfs
