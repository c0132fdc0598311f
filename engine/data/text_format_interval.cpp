// Text in and out of interval (IntervalStyle postgres).
#include <climits>
#include <cmath>
#include <cstdlib>

#include "engine/data/datetime.h"
#include "engine/data/datetime_words.h"
#include "engine/data/interval_fields.h"
#include "engine/data/text_format.h"
#include "engine/data/text_scan.h"

namespace forebay::data {

namespace {

constexpr size_t kIntervalBuffer = 256;

/// The fields that INTERVAL '...' YEAR TO MONTH and the like keep.
struct FieldRange {
  bool is_full = true;
  TimeUnit first = TimeUnit::kUnknown;
  TimeUnit last = TimeUnit::kUnknown;
};

/// Falls back to all fields when the words aren't known: the parser has checked them.
FieldRange range_of(std::string_view fields) {
  if (fields.empty()) return {};
  const std::string words = lower_case(fields);
  const size_t separator = words.find(" to ");
  FieldRange range{.is_full = false};
  range.first = find_time_unit(trimmed(std::string_view(words).substr(0, separator)));
  range.last = separator == std::string::npos
                   ? range.first
                   : find_time_unit(trimmed(std::string_view(words).substr(separator + 4)));
  return range;
}

/// Reads the tokens of "1 year 2 mons -3 days 04:05:06.7", units before values: backwards.
class VerboseDecoder {
 public:
  VerboseDecoder(const std::vector<DateToken>& tokens, const FieldRange& range,
                 IntervalFields& result)
      : tokens_(tokens), range_(range), result_(result) {}

  DateError run() {
    for (size_t i = tokens_.size(); i-- > 0;) {
      found_ = 0;
      const DateError error = decode_token(tokens_[i]);
      if (error != DateError::kNone) return error;
      if ((found_ & fields_) != 0) return DateError::kBadFormat;
      fields_ |= found_;
    }
    if (fields_ == 0) return DateError::kBadFormat;
    return is_ago_ && !result_.negate() ? DateError::kFieldOverflow : DateError::kNone;
  }

 private:
  static uint32_t bit_of(TimeUnit unit) { return uint32_t{1} << static_cast<int>(unit); }
  static uint32_t all_seconds() {
    return bit_of(TimeUnit::kSecond) | bit_of(TimeUnit::kMillisecond) |
           bit_of(TimeUnit::kMicrosecond);
  }

  DateError decode_token(const DateToken& token) {
    switch (token.kind) {
      case DateToken::Kind::kTime: {
        unit_ = TimeUnit::kDay;
        return decode_time(token.text, 1);
      }
      case DateToken::Kind::kSigned:
        if (token.text.find(':') != std::string::npos) {
          const int sign = token.text[0] == '-' ? -1 : 1;
          if (decode_time(std::string_view(token.text).substr(1), sign) == DateError::kNone) {
            unit_ = TimeUnit::kDay;
            return DateError::kNone;
          }
          found_ = 0;
        }
        return decode_number(token.text);
      case DateToken::Kind::kDate:
      case DateToken::Kind::kNumber:
        return decode_number(token.text);
      case DateToken::Kind::kWord:
      case DateToken::Kind::kSpecial:
        return decode_word(token.text);
    }
    return DateError::kBadFormat;
  }

  // hh:mm[:ss[.f]]; mm:ss.f; mm:ss with MINUTE TO SECOND.
  DateError decode_time(std::string_view text, int sign) {
    found_ = bit_of(TimeUnit::kHour) | bit_of(TimeUnit::kMinute) | all_seconds();
    size_t i = 0;
    int64_t hour = 0;
    int32_t minute = 0;
    int32_t second = 0;
    int32_t micros = 0;
    if (!scan_int64(text, i, hour)) return DateError::kFieldOverflow;
    if (i >= text.size() || text[i] != ':') return DateError::kBadFormat;
    if (!scan_int32(text, ++i, minute)) return DateError::kFieldOverflow;
    const bool is_minute_to_second =
        range_.first == TimeUnit::kMinute && range_.last == TimeUnit::kSecond;
    if ((i == text.size() && is_minute_to_second) || (i < text.size() && text[i] == '.')) {
      if (i < text.size() && !scan_fraction_micros(text.substr(i), micros)) {
        return DateError::kBadFormat;
      }
      if (hour > INT_MAX) return DateError::kFieldOverflow;
      second = minute;
      minute = static_cast<int32_t>(hour);
      hour = 0;
    } else if (i < text.size()) {
      if (text[i] != ':') return DateError::kBadFormat;
      if (!scan_int32(text, ++i, second)) return DateError::kFieldOverflow;
      if (i < text.size() && (text[i] != '.' || !scan_fraction_micros(text.substr(i), micros))) {
        return DateError::kBadFormat;
      }
    }
    if (hour < 0 || minute < 0 || minute > 59 || second < 0 || second > 60) {
      return DateError::kFieldOverflow;
    }
    const Int128 total = ((Int128{hour} * 60 + minute) * 60 + second) * kMicrosPerSecond + micros;
    if (total > INT64_MAX) return DateError::kFieldOverflow;
    result_.micros = sign * static_cast<int64_t>(total);
    return DateError::kNone;
  }

  // A number (its unit came before, as we read backwards) or years-months.
  DateError decode_number(const std::string& text) {
    if (unit_ == TimeUnit::kUnknown) unit_ = default_unit();
    size_t i = 0;
    int64_t value = 0;
    double fraction = 0;
    if (!scan_int64(text, i, value)) return DateError::kFieldOverflow;
    if (i < text.size() && text[i] == '-') {
      int32_t months = 0;
      if (!scan_int32(text, ++i, months) || months < 0 || months >= 12) {
        return DateError::kFieldOverflow;
      }
      if (i != text.size()) return DateError::kBadFormat;
      unit_ = TimeUnit::kMonth;
      if (text[0] == '-') months = -months;
      if (__builtin_mul_overflow(value, 12, &value) ||
          __builtin_add_overflow(value, months, &value)) {
        return DateError::kFieldOverflow;
      }
    } else if (i < text.size()) {
      if (text[i] != '.' || !scan_fraction(std::string_view(text).substr(i), fraction)) {
        return DateError::kBadFormat;
      }
      if (text[0] == '-') fraction = -fraction;
    }
    if (unit_ < TimeUnit::kMicrosecond || unit_ > TimeUnit::kMillennium ||
        unit_ == TimeUnit::kQuarter) {
      return DateError::kBadFormat;
    }
    found_ = unit_ == TimeUnit::kSecond && fraction != 0 ? all_seconds() : bit_of(unit_);
    const bool fits = result_.add(unit_, value, fraction);
    if (unit_ == TimeUnit::kHour) unit_ = TimeUnit::kDay;
    return fits ? DateError::kNone : DateError::kFieldOverflow;
  }

  DateError decode_word(const std::string& text) {
    const TimeUnit unit = find_time_unit(text);
    switch (unit) {
      case TimeUnit::kUnknown:
      case TimeUnit::kTimezone:
      case TimeUnit::kTimezoneHour:
      case TimeUnit::kTimezoneMinute:
        if (unit == TimeUnit::kUnknown) return DateError::kBadFormat;
        unit_ = unit;
        return DateError::kNone;
      case TimeUnit::kIgnored:
        unit_ = TimeUnit::kUnknown;
        return DateError::kNone;
      case TimeUnit::kAgo:
        is_ago_ = true;
        unit_ = TimeUnit::kAgo;
        return DateError::kNone;
      default:
        unit_ = unit;
        return DateError::kNone;
    }
  }

  TimeUnit default_unit() const {
    if (range_.is_full || range_.last == TimeUnit::kUnknown) return TimeUnit::kSecond;
    return range_.last;
  }

  const std::vector<DateToken>& tokens_;
  const FieldRange& range_;
  IntervalFields& result_;
  TimeUnit unit_ = TimeUnit::kUnknown;
  uint32_t fields_ = 0;
  uint32_t found_ = 0;
  bool is_ago_ = false;
};

/// Reads ISO 8601: P1Y2M3DT4H5M6S, P0001-02-03T04:05:06, P20130102T030405.
class IsoDecoder {
 public:
  IsoDecoder(std::string_view text, IntervalFields& result) : text_(text), result_(result) {}

  DateError run() {
    if (text_.size() < 2 || text_[0] != 'P') return DateError::kBadFormat;
    position_ = 1;
    while (position_ < text_.size()) {
      if (take('T')) {
        in_date_ = false;
        has_field_ = false;
        continue;
      }
      number_start_ = position_;
      DateError error = scan_number();
      if (error != DateError::kNone) return error;
      error = in_date_ ? decode_date_field() : decode_time_field();
      if (error != DateError::kNone || is_done_) return error;
    }
    return DateError::kNone;
  }

 private:
  bool at_end() const { return position_ == text_.size(); }
  bool take(char c) {
    if (at_end() || text_[position_] != c) return false;
    ++position_;
    return true;
  }

  // A number as strtod reads it, cut into a whole part and a fraction.
  DateError scan_number() {
    const std::string rest(text_.substr(position_));
    const char first = rest.empty() ? '\0' : rest[0];
    if (!is_digit(first) && first != '-' && first != '.') return DateError::kBadFormat;
    char* end = nullptr;
    errno = 0;
    const double value = std::strtod(rest.c_str(), &end);
    if (end == rest.c_str() || errno != 0) return DateError::kBadFormat;
    position_ += static_cast<size_t>(end - rest.c_str());
    if (std::isnan(value) || value < -1.0e15 || value > 1.0e15) return DateError::kFieldOverflow;
    value_ = static_cast<int64_t>(std::trunc(value));
    fraction_ = value - static_cast<double>(value_);
    return DateError::kNone;
  }

  DateError add(TimeUnit unit) {
    has_field_ = true;
    return result_.add(unit, value_, fraction_) ? DateError::kNone : DateError::kFieldOverflow;
  }

  DateError done() {
    is_done_ = true;
    return DateError::kNone;
  }

  size_t whole_digits() const {
    size_t i = number_start_;
    if (i < text_.size() && text_[i] == '-') ++i;
    const size_t start = i;
    while (i < text_.size() && is_digit(text_[i])) ++i;
    return i - start;
  }

  DateError decode_date_field() {
    if (take('Y')) return add(TimeUnit::kYear);
    if (take('M')) return add(TimeUnit::kMonth);
    if (take('W')) return add(TimeUnit::kWeek);
    if (take('D')) return add(TimeUnit::kDay);
    const bool is_basic = at_end() || text_[position_] == 'T';
    if (is_basic && whole_digits() == 8 && !has_field_) {  // yyyymmdd
      const bool fits = result_.add(TimeUnit::kYear, value_ / 10'000, 0) &&
                        result_.add(TimeUnit::kMonth, value_ / 100 % 100, 0) &&
                        result_.add(TimeUnit::kDay, value_ % 100, fraction_);
      if (!fits) return DateError::kFieldOverflow;
      return start_time_or_end();
    }
    if (!is_basic && text_[position_] != '-') return DateError::kBadFormat;
    if (has_field_) return DateError::kBadFormat;
    for (const TimeUnit unit : {TimeUnit::kYear, TimeUnit::kMonth, TimeUnit::kDay}) {
      if (unit != TimeUnit::kYear) {
        const DateError error = scan_number();
        if (error != DateError::kNone) return error;
      }
      const DateError error = add(unit);
      if (error != DateError::kNone) return error;
      if (at_end() || text_[position_] == 'T') return start_time_or_end();
      if (unit == TimeUnit::kDay || !take('-')) return DateError::kBadFormat;
    }
    return DateError::kBadFormat;
  }

  DateError start_time_or_end() {
    if (at_end()) return done();
    ++position_;  // 'T'
    in_date_ = false;
    has_field_ = false;
    return DateError::kNone;
  }

  DateError decode_time_field() {
    if (take('H')) return add(TimeUnit::kHour);
    if (take('M')) return add(TimeUnit::kMinute);
    if (take('S')) return add(TimeUnit::kSecond);
    if (at_end() && whole_digits() == 6 && !has_field_) {  // hhmmss
      const bool fits = result_.add(TimeUnit::kHour, value_ / 10'000, 0) &&
                        result_.add(TimeUnit::kMinute, value_ / 100 % 100, 0) &&
                        result_.add(TimeUnit::kSecond, value_ % 100, 0) &&
                        result_.add(TimeUnit::kMicrosecond, 0, fraction_);
      return fits ? done() : DateError::kFieldOverflow;
    }
    if (!at_end() && text_[position_] != ':') return DateError::kBadFormat;
    if (has_field_) return DateError::kBadFormat;
    for (const TimeUnit unit : {TimeUnit::kHour, TimeUnit::kMinute, TimeUnit::kSecond}) {
      if (unit != TimeUnit::kHour) {
        const DateError error = scan_number();
        if (error != DateError::kNone) return error;
      }
      const DateError error = add(unit);
      if (error != DateError::kNone) return error;
      if (at_end()) return done();
      if (unit == TimeUnit::kSecond || !take(':')) return DateError::kBadFormat;
    }
    return DateError::kBadFormat;
  }

  const std::string_view text_;
  IntervalFields& result_;
  size_t position_ = 0;
  size_t number_start_ = 0;
  int64_t value_ = 0;
  double fraction_ = 0;
  bool in_date_ = true;
  bool has_field_ = false;
  bool is_done_ = false;
};

/// Drops what the field restriction leaves out.
void restrict_to(const FieldRange& range, Interval& value) {
  if (range.is_full) return;
  switch (range.last) {
    case TimeUnit::kYear:
      value.months = value.months / 12 * 12;
      [[fallthrough]];
    case TimeUnit::kMonth:
      value.days = 0;
      [[fallthrough]];
    case TimeUnit::kDay:
      value.microseconds = 0;
      break;
    case TimeUnit::kHour:
      value.microseconds -= value.microseconds % (3600 * kMicrosPerSecond);
      break;
    case TimeUnit::kMinute:
      value.microseconds -= value.microseconds % (60 * kMicrosPerSecond);
      break;
    default:
      break;
  }
}

Status invalid_interval(DateError error, std::string_view text) {
  const std::string quoted = "\"" + std::string(text) + "\"";
  if (error == DateError::kFieldOverflow) {
    return Status(sqlstate::kIntervalOverflow, "interval field value out of range: " + quoted);
  }
  return Status(sqlstate::kInvalidDatetimeFormat,
                "invalid input syntax for type interval: " + quoted);
}

/// " 3 days", with "+" behind a negative part.
void append_part(int32_t value, std::string_view unit, bool& is_first, bool& was_negative,
                 std::string& out) {
  if (value == 0) return;
  if (!is_first) out += ' ';
  if (was_negative && value > 0) out += '+';
  format_int64(value, out);
  out.append(1, ' ').append(unit);
  if (value != 1) out += 's';
  was_negative = value < 0;
  is_first = false;
}

void append_two_digits(uint64_t value, std::string& out) {
  if (value < 10) out += '0';
  format_int64(static_cast<int64_t>(value), out);
}

}  // namespace

Result<Interval> parse_interval(std::string_view text, std::string_view fields) {
  const FieldRange range = range_of(fields);
  std::vector<DateToken> tokens;
  IntervalFields decoded;
  DateError error = DateError::kBadFormat;
  if (split_date_tokens(text, kIntervalBuffer, tokens)) {
    error = VerboseDecoder(tokens, range, decoded).run();
  }
  if (error == DateError::kBadFormat) {
    decoded = IntervalFields();
    error = IsoDecoder(text, decoded).run();
  }
  if (error != DateError::kNone) return invalid_interval(error, text);
  Interval result;
  if (!decoded.to_interval(result)) {
    return Status(sqlstate::kDatetimeOverflow, "interval out of range");
  }
  restrict_to(range, result);
  return result;
}

void format_interval(const Interval& value, std::string& out) {
  bool is_first = true;
  bool was_negative = false;
  append_part(value.months / 12, "year", is_first, was_negative, out);
  append_part(value.months % 12, "mon", is_first, was_negative, out);
  append_part(value.days, "day", is_first, was_negative, out);
  if (!is_first && value.microseconds == 0) return;
  if (!is_first) out += ' ';
  const bool negative = value.microseconds < 0;
  if (negative) {
    out += '-';
  } else if (was_negative) {
    out += '+';
  }
  const auto bits = static_cast<uint64_t>(value.microseconds);
  const uint64_t micros = negative ? -bits : bits;
  const uint64_t seconds = micros / kMicrosPerSecond;
  append_two_digits(seconds / 3600, out);
  out += ':';
  append_two_digits(seconds / 60 % 60, out);
  out += ':';
  append_two_digits(seconds % 60, out);
  const uint64_t fraction = micros % kMicrosPerSecond;
  if (fraction == 0) return;
  std::string digits = std::to_string(kMicrosPerSecond + fraction);
  digits[0] = '.';
  while (digits.back() == '0') digits.pop_back();
  out += digits;
}

}  // namespace forebay::data
