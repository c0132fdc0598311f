#include "engine/data/datetime_decode.h"

#include <charconv>
#include <cmath>

#include "engine/data/datetime.h"
#include "engine/data/text_scan.h"

namespace forebay::data {

namespace {

// Which fields a text has given so far; none may come twice.
enum Field : uint32_t {
  kYear = 1 << 0,
  kMonth = 1 << 1,
  kDay = 1 << 2,
  kHour = 1 << 3,
  kZone = 1 << 4,
  kDayOfYear = 1 << 5,
  kDaylight = 1 << 6,
  kMeridiem = 1 << 7,
  kEra = 1 << 8,
  kWeekday = 1 << 9,
  kReserved = 1 << 10,
  kMinute = 1 << 11,
  kSecond = 1 << 12,
  kSubsecond = 1 << 13,
};
constexpr uint32_t kDate = kYear | kMonth | kDay;
constexpr uint32_t kTime = kHour | kMinute | kSecond | kSubsecond;
constexpr int32_t kMaxZoneHour = 15;
// From day 0 of the Julian calendar to 2000-01-01.
constexpr int32_t kJulianEpoch = 2'451'545;

/// What the word before a token says about it.
enum class Label : uint8_t { kNone, kJulian, kIsoTime, kUnit };

// As C's atoi, overflow included, of the digits at the start.
int32_t number_at(std::string_view digits) {
  size_t position = 0;
  int64_t value = 0;
  return scan_int64(digits, position, value) ? static_cast<int32_t>(value) : -1;
}

class Decoder {
 public:
  Decoder(const std::vector<DateToken>& tokens, DecodedDateTime& result, std::string& culprit,
          bool time_only)
      : tokens_(tokens), result_(result), culprit_(culprit), time_only_(time_only) {}

  DateError run() {
    for (index_ = 0; index_ < tokens_.size(); ++index_) {
      found_ = 0;
      const DateError error = decode_token(tokens_[index_]);
      if (error != DateError::kNone) return error;
      if ((found_ & fields_) != 0) return DateError::kBadFormat;
      fields_ |= found_;
    }
    return result_.kind == DecodedDateTime::Kind::kFields ? finish() : DateError::kNone;
  }

 private:
  DateError decode_token(const DateToken& token) {
    switch (token.kind) {
      case DateToken::Kind::kDate:
        return decode_date_token(token.text);
      case DateToken::Kind::kTime:
        if (label_ != Label::kNone && label_ != Label::kIsoTime) return DateError::kBadFormat;
        label_ = Label::kNone;
        return decode_time(token.text);
      case DateToken::Kind::kSigned:
        found_ = kZone;
        return decode_zone(token.text);
      case DateToken::Kind::kNumber:
        return label_ == Label::kNone ? decode_number_token(token.text)
                                      : decode_labelled_number(token.text);
      case DateToken::Kind::kWord:
      case DateToken::Kind::kSpecial:
        return decode_word(token.text);
    }
    return DateError::kBadFormat;
  }

  // A token with '-', '/' or '.': a date, a zone's name, or hhmmss-zz when there is a date already.
  DateError decode_date_token(const std::string& text) {
    if (label_ == Label::kJulian) {
      size_t position = 0;
      int32_t days = 0;
      if (!scan_int32(text, position, days) || days < 0) return DateError::kFieldOverflow;
      set_julian_day(days);
      found_ = kDate | kTime | kZone;
      label_ = Label::kNone;
      return decode_zone(std::string_view(text).substr(position));
    }
    if (label_ == Label::kNone && (fields_ & (kMonth | kDay)) != (kMonth | kDay)) {
      return decode_date(text);
    }
    if (!is_digit(text[0]) && label_ == Label::kNone) {
      found_ = kZone;
      culprit_ = text;
      has_posix_zone_ = true;
      return decode_posix_zone(text);
    }
    if (label_ == Label::kUnit) return DateError::kBadFormat;
    label_ = Label::kNone;
    if ((fields_ & kTime) == kTime) return DateError::kBadFormat;
    const size_t zone = text.find('-');
    if (zone == std::string::npos) return DateError::kBadFormat;
    DateError error = decode_zone(std::string_view(text).substr(zone));
    if (error != DateError::kNone) return error;
    error = decode_run_together(text.substr(0, zone), fields_);
    found_ |= kZone;
    return error;
  }

  // year-month-day in any order that is clear, with digits or a month's name.
  DateError decode_date(const std::string& text) {
    std::vector<std::string> parts;
    for (size_t i = 0; i < text.size();) {
      while (i < text.size() && !is_digit(text[i]) && !is_alpha(text[i])) ++i;
      if (i == text.size()) return DateError::kBadFormat;
      const size_t start = i;
      const bool digits = is_digit(text[i]);
      while (i < text.size() && (digits ? is_digit(text[i]) : is_alpha(text[i]))) ++i;
      parts.push_back(text.substr(start, i - start));
      if (i < text.size()) ++i;  // whatever it is: PostgreSQL drops one character here
    }
    uint32_t given = fields_;
    bool has_text_month = false;
    for (std::string& part : parts) {
      if (!is_alpha(part[0])) continue;
      const DateWordMeaning meaning = find_core_date_word(part);
      if (meaning.kind == DateWord::kIgnored) continue;
      if (meaning.kind != DateWord::kMonth || (given & kMonth) != 0) return DateError::kBadFormat;
      result_.month = meaning.value;
      has_text_month = true;
      given |= kMonth;
      found_ |= kMonth;
      part.clear();
    }
    uint32_t all_found = found_;
    for (const std::string& part : parts) {
      if (part.empty()) continue;
      found_ = 0;
      const DateError error = decode_number(part, has_text_month, given);
      if (error != DateError::kNone) return error;
      if ((given & found_) != 0) return DateError::kBadFormat;
      given |= found_;
      all_found |= found_;
    }
    found_ = all_found;
    return (given & ~(kDayOfYear | kZone)) == kDate ? DateError::kNone : DateError::kBadFormat;
  }

  // hh:mm[:ss[.ffffff]], also mm:ss.ffffff.
  DateError decode_time(std::string_view text) {
    found_ = kTime;
    size_t i = 0;
    if (!scan_int32(text, i, result_.hour)) return DateError::kFieldOverflow;
    if (i >= text.size() || text[i] != ':') return DateError::kBadFormat;
    if (!scan_int32(text, ++i, result_.minute)) return DateError::kFieldOverflow;
    result_.second = 0;
    result_.micros = 0;
    if (i < text.size() && text[i] == '.') {
      if (!scan_fraction_micros(text.substr(i), result_.micros)) return DateError::kBadFormat;
      result_.second = result_.minute;
      result_.minute = result_.hour;
      result_.hour = 0;
    } else if (i < text.size()) {
      if (text[i] != ':') return DateError::kBadFormat;
      if (!scan_int32(text, ++i, result_.second)) return DateError::kFieldOverflow;
      if (i < text.size() &&
          (text[i] != '.' || !scan_fraction_micros(text.substr(i), result_.micros))) {
        return DateError::kBadFormat;
      }
    }
    if (result_.hour < 0 || result_.minute < 0 || result_.minute > 59 || result_.second < 0 ||
        result_.second > 60) {
      return DateError::kFieldOverflow;
    }
    const int64_t micros =
        ((int64_t{result_.hour} * 60 + result_.minute) * 60 + result_.second) * kMicrosPerSecond +
        result_.micros;
    return micros > kMicrosPerDay && !time_only_ ? DateError::kFieldOverflow : DateError::kNone;
  }

  // +hh, +hhmm, +hh:mm, +hh:mm:ss.
  DateError decode_zone(std::string_view text) {
    if (text.empty() || (text[0] != '+' && text[0] != '-')) return DateError::kBadFormat;
    size_t i = 1;
    int32_t hours = 0;
    int32_t minutes = 0;
    int32_t seconds = 0;
    if (!scan_int32(text, i, hours)) return DateError::kZoneOverflow;
    if (i < text.size() && text[i] == ':') {
      if (!scan_int32(text, ++i, minutes)) return DateError::kZoneOverflow;
      if (i < text.size() && text[i] == ':' && !scan_int32(text, ++i, seconds)) {
        return DateError::kZoneOverflow;
      }
    } else if (i == text.size() && text.size() > 3) {
      minutes = hours % 100;
      hours /= 100;
    }
    if (hours < 0 || hours > kMaxZoneHour || minutes < 0 || minutes > 59 || seconds < 0 ||
        seconds > 59) {
      return DateError::kZoneOverflow;
    }
    const int32_t offset = (hours * 60 + minutes) * 60 + seconds;
    result_.seconds_east = text[0] == '-' ? -offset : offset;
    return i == text.size() ? DateError::kNone : DateError::kBadFormat;
  }

  // A zone as POSIX names it without summer time: letters, then hours west of UTC ("est+5").
  DateError decode_posix_zone(std::string_view text) {
    size_t i = text.find_first_of("0123456789+-,");
    if (i == std::string_view::npos || text[i] == ',') return DateError::kUnknownZone;
    const bool is_east = text[i] == '-';
    if (!is_digit(text[i])) ++i;
    int64_t parts[3] = {};
    static constexpr int64_t kMost[] = {167, 59, 60};
    for (int part = 0; part < 3; ++part) {
      const bool is_number =
          i < text.size() && is_digit(text[i]) && scan_int64(text, i, parts[part]);
      if (!is_number || parts[part] > kMost[part]) return DateError::kUnknownZone;
      if (part == 2 || i == text.size() || text[i] != ':') break;
      ++i;
    }
    const auto offset = static_cast<int32_t>((parts[0] * 60 + parts[1]) * 60 + parts[2]);
    result_.seconds_east = is_east ? offset : -offset;
    return i == text.size() ? DateError::kNone : DateError::kUnknownZone;
  }

  // The number behind a word that says what it is: "j" (a Julian day), "t" (hhmmss), "y", "d" ...
  DateError decode_labelled_number(const std::string& text) {
    size_t position = 0;
    int32_t value = 0;
    if (!scan_int32(text, position, value)) return DateError::kFieldOverflow;
    if (position < text.size() && text[position] != '.') return DateError::kBadFormat;
    const Label label = label_;
    label_ = Label::kNone;
    if (label == Label::kUnit) {
      const std::string_view fraction = std::string_view(text).substr(position);
      const DateError error = decode_unit(value, fraction);
      if (error == DateError::kNone) result_.kind = DecodedDateTime::Kind::kFields;
      return error;
    }
    result_.kind = DecodedDateTime::Kind::kFields;
    if (label == Label::kIsoTime) {
      const DateError error = decode_run_together(text, fields_ | kDate);
      if (error != DateError::kNone) return error;
      return found_ == kTime ? DateError::kNone : DateError::kBadFormat;
    }
    if (value < 0) return DateError::kFieldOverflow;
    set_julian_day(value);
    found_ = kDate;
    if (position < text.size()) {
      double fraction = 0;
      if (!scan_fraction(std::string_view(text).substr(position), fraction)) {
        return DateError::kBadFormat;
      }
      set_time(static_cast<int64_t>(std::rint(fraction * static_cast<double>(kMicrosPerDay))));
      found_ |= kTime;
    }
    return DateError::kNone;
  }

  // y2013m1d2h3mm4s5.
  DateError decode_unit(int32_t value, std::string_view fraction) {
    if (!fraction.empty() && unit_ != TimeUnit::kSecond) return DateError::kBadFormat;
    switch (unit_) {
      case TimeUnit::kYear:
        found_ = kYear;
        result_.year = value;
        return DateError::kNone;
      case TimeUnit::kMonth:
        if ((fields_ & kMonth) == 0 || (fields_ & kHour) == 0) {
          set_month(value);
          return DateError::kNone;
        }
        [[fallthrough]];  // after a month and an hour they are minutes
      case TimeUnit::kMinute:
        found_ = kMinute;
        result_.minute = value;
        return DateError::kNone;
      case TimeUnit::kDay:
        set_day(value);
        return DateError::kNone;
      case TimeUnit::kHour:
        found_ = kHour;
        result_.hour = value;
        return DateError::kNone;
      case TimeUnit::kSecond:
        found_ = kSecond;
        result_.second = value;
        if (fraction.empty()) return DateError::kNone;
        found_ |= kSubsecond;
        return scan_fraction_micros(fraction, result_.micros) ? DateError::kNone
                                                              : DateError::kBadFormat;
      default:
        return DateError::kBadFormat;
    }
  }

  DateError decode_number_token(const std::string& text) {
    const size_t point = text.find('.');
    const bool has_point = point != std::string::npos;
    if (has_point && (fields_ & kDate) == 0) return decode_date(text);
    const bool is_long = text.size() >= 6 && ((fields_ & kDate) == 0 || (fields_ & kTime) == 0);
    if (is_long || (has_point && point > 2)) return decode_run_together(text, fields_);
    return decode_number(text, has_text_month_, fields_);
  }

  // yyyymmdd, yymmdd, hhmmss[.fff], hhmm[.fff]; `given` are the fields known before.
  DateError decode_run_together(std::string text, uint32_t given) {
    const size_t point = text.find('.');
    if (point != std::string::npos) {
      double fraction = 0;
      std::from_chars(text.data() + point, text.data() + text.size(), fraction);
      result_.micros = static_cast<int32_t>(std::rint(fraction * 1e6));
      text.resize(point);
    } else if ((given & kDate) != kDate && text.size() >= 6) {
      found_ = kDate;
      const std::string_view digits = text;
      const size_t size = text.size();
      result_.day = number_at(digits.substr(size - 2));
      result_.month = number_at(digits.substr(size - 4, 2));
      result_.year = number_at(digits.substr(0, size - 4));
      if (size == 6) has_short_year_ = true;
      return DateError::kNone;
    }
    if ((given & kTime) == kTime || (text.size() != 6 && text.size() != 4))
      return DateError::kBadFormat;
    found_ = kTime;
    const std::string_view digits = text;
    result_.hour = number_at(digits.substr(0, 2));
    result_.minute = number_at(digits.substr(2, 2));
    result_.second = text.size() == 6 ? number_at(digits.substr(4, 2)) : 0;
    return DateError::kNone;
  }

  // One number of a date; what it is follows from the fields known before.
  DateError decode_number(const std::string& text, bool has_text_month, uint32_t given) {
    size_t position = 0;
    int32_t value = 0;
    if (!scan_int32(text, position, value)) return DateError::kFieldOverflow;
    if (position == 0) return DateError::kBadFormat;
    if (position < text.size()) {
      if (text[position] != '.') return DateError::kBadFormat;
      if (position > 2) return decode_run_together(text, given | kDate);
      if (!scan_fraction_micros(std::string_view(text).substr(position), result_.micros)) {
        return DateError::kBadFormat;
      }
    }
    const size_t length = text.size();
    const uint32_t date = given & kDate;
    if (length == 3 && date == kYear && value >= 1 && value <= 366) {
      found_ = kDayOfYear | kMonth | kDay;
      day_of_year_ = value;
      return DateError::kNone;
    }
    switch (date) {
      case 0:
        length >= 3 ? set_year(value, length) : set_month(value);
        return DateError::kNone;
      case kYear:
      case kDay:
        set_month(value);
        return DateError::kNone;
      case kMonth:
        has_text_month&& length >= 3 ? set_year(value, length) : set_day(value);
        return DateError::kNone;
      case kYear | kMonth:
        if (has_text_month && length >= 3 &&
            has_short_year_) {  // what we took for a year is the day
          set_day(result_.year);
          result_.year = value;
          has_short_year_ = false;
        } else {
          set_day(value);
        }
        return DateError::kNone;
      case kMonth | kDay:
        set_year(value, length);
        return DateError::kNone;
      case kDate:
        return decode_run_together(text, given);
      default:
        return DateError::kBadFormat;
    }
  }

  DateError decode_word(const std::string& text) {
    const DateWordMeaning meaning = find_date_word(text);
    switch (meaning.kind) {
      case DateWord::kIgnored:
        break;
      case DateWord::kMonth:
        decode_month_word(meaning.value);
        break;
      case DateWord::kWeekday:
        found_ = kWeekday;
        break;
      case DateWord::kMeridiem:
        found_ = kMeridiem;
        is_pm_ = meaning.value != 0;
        break;
      case DateWord::kEra:
        found_ = kEra;
        is_bc_ = meaning.value != 0;
        break;
      case DateWord::kZone:
        found_ = kZone;
        result_.seconds_east = meaning.value;
        break;
      case DateWord::kDaylightZone:
        found_ = kZone | kDaylight;
        result_.seconds_east = meaning.value;
        break;
      case DateWord::kDaylight:
        found_ = kDaylight;
        result_.seconds_east += meaning.value;
        break;
      case DateWord::kUnit:
        label_ = Label::kUnit;
        unit_ = static_cast<TimeUnit>(meaning.value);
        break;
      case DateWord::kJulian:
        label_ = Label::kJulian;
        break;
      case DateWord::kIsoTime:
        return decode_time_mark();
      case DateWord::kZulu:
        found_ = kTime | kZone;
        set_time(0);
        result_.seconds_east = 0;
        break;
      case DateWord::kEpoch:
        return reserved(DecodedDateTime::Kind::kEpoch);
      case DateWord::kInfinity:
        return reserved(DecodedDateTime::Kind::kInfinity);
      case DateWord::kNegativeInfinity:
        return reserved(DecodedDateTime::Kind::kNegativeInfinity);
      case DateWord::kClock:
        culprit_ = text;
        return DateError::kNeedsClock;
      case DateWord::kUnknown:
        return DateError::kBadFormat;
    }
    return DateError::kNone;
  }

  void decode_month_word(int32_t month) {
    found_ = kMonth;
    // "1 jan": the number that was taken for a month is the day.
    if ((fields_ & kMonth) != 0 && !has_text_month_ && (fields_ & kDay) == 0 &&
        result_.month >= 1 && result_.month <= 31) {
      result_.day = result_.month;
      found_ = kDay;
    }
    has_text_month_ = true;
    result_.month = month;
  }

  // "t" between a date and a time.
  DateError decode_time_mark() {
    if ((fields_ & kDate) != kDate || index_ + 1 >= tokens_.size()) return DateError::kBadFormat;
    const DateToken::Kind next = tokens_[index_ + 1].kind;
    if (next != DateToken::Kind::kNumber && next != DateToken::Kind::kTime &&
        next != DateToken::Kind::kDate) {
      return DateError::kBadFormat;
    }
    label_ = Label::kIsoTime;
    return DateError::kNone;
  }

  DateError reserved(DecodedDateTime::Kind kind) {
    found_ = kReserved;
    result_.kind = kind;
    return DateError::kNone;
  }

  void set_year(int32_t value, size_t length) {
    found_ = kYear;
    result_.year = value;
    has_short_year_ = length <= 2;
  }
  void set_month(int32_t value) {
    found_ = kMonth;
    result_.month = value;
  }
  void set_day(int32_t value) {
    found_ = kDay;
    result_.day = value;
  }
  void set_julian_day(int32_t julian) {
    const CivilDate date = civil_from_days(julian - kJulianEpoch);
    result_.year = date.year;
    result_.month = date.month;
    result_.day = date.day;
    is_julian_ = true;
  }
  void set_time(int64_t micros) {
    result_.hour = static_cast<int32_t>(micros / (3600 * kMicrosPerSecond));
    result_.minute = static_cast<int32_t>(micros / (60 * kMicrosPerSecond) % 60);
    result_.second = static_cast<int32_t>(micros / kMicrosPerSecond % 60);
    result_.micros = static_cast<int32_t>(micros % kMicrosPerSecond);
  }

  DateError finish() {
    const DateError error = check_date();
    if (error != DateError::kNone) return error;
    if ((fields_ & kMeridiem) != 0) {
      if (result_.hour > 12) return DateError::kFieldOverflow;
      if (!is_pm_ && result_.hour == 12) result_.hour = 0;
      if (is_pm_ && result_.hour != 12) result_.hour += 12;
    }
    if ((fields_ & kDate) != kDate) return DateError::kBadFormat;
    const bool takes_daylight = (fields_ & kZone) != 0 && !has_posix_zone_;
    result_.has_zone = (fields_ & kZone) != 0;
    if ((fields_ & kDaylight) != 0 && !takes_daylight) return DateError::kBadFormat;
    return DateError::kNone;
  }

  DateError check_date() {
    if ((fields_ & kYear) != 0 && !is_julian_) {
      if (is_bc_) {  // 1 BC is year 0
        if (result_.year <= 0) return DateError::kFieldOverflow;
        result_.year = 1 - result_.year;
      } else if (has_short_year_) {
        if (result_.year < 0) return DateError::kFieldOverflow;
        if (result_.year < 100) result_.year += result_.year < 70 ? 2000 : 1900;
      } else if (result_.year <= 0) {
        return DateError::kFieldOverflow;
      }
    }
    if ((fields_ & kDayOfYear) != 0) {
      const CivilDate date =
          civil_from_days(days_from_civil(result_.year, 1, 1) + day_of_year_ - 1);
      result_.year = date.year;
      result_.month = date.month;
      result_.day = date.day;
    }
    if ((fields_ & kMonth) != 0 && (result_.month < 1 || result_.month > 12)) {
      return DateError::kMonthDayOverflow;
    }
    if ((fields_ & kDay) != 0 && (result_.day < 1 || result_.day > 31)) {
      return DateError::kMonthDayOverflow;
    }
    const bool is_complete = (fields_ & kDate) == kDate;
    if (is_complete && result_.day > days_in_month(result_.year, result_.month)) {
      return DateError::kFieldOverflow;
    }
    return DateError::kNone;
  }

  const std::vector<DateToken>& tokens_;
  DecodedDateTime& result_;
  std::string& culprit_;
  bool time_only_;
  size_t index_ = 0;
  uint32_t fields_ = 0;  // of the tokens before
  uint32_t found_ = 0;   // of this token
  Label label_ = Label::kNone;
  TimeUnit unit_ = TimeUnit::kUnknown;  // of Label::kUnit
  int32_t day_of_year_ = 0;
  bool has_text_month_ = false;
  bool has_short_year_ = false;
  bool is_julian_ = false;
  bool has_posix_zone_ = false;
  bool is_pm_ = false;
  bool is_bc_ = false;
};

}  // namespace

DateError decode_date_time(const std::vector<DateToken>& tokens, DecodedDateTime& result,
                           std::string& culprit, bool time_only) {
  return Decoder(tokens, result, culprit, time_only).run();
}

}  // namespace forebay::data
