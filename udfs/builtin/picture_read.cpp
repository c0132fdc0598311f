#include <fmt/format.h>

#include <cerrno>
#include <climits>
#include <cstdlib>

#include "engine/data/datetime.h"
#include "udfs/builtin/picture.h"
#include "udfs/utf8.h"

/// to_timestamp and to_date: reading a time by a picture, as tolerantly as PostgreSQL does.
namespace forebay::udfs {
namespace {

using data::Result;
using data::Status;
using Kind = PictureNode::Kind;

constexpr data::SqlState kInvalid("22007");
constexpr data::SqlState kOverflow("22008");

enum class Convention : uint8_t { kNone, kGregorian, kIsoWeek };

Convention convention_of(Field field) {
  switch (field) {
    case Field::kDayOfYear:
    case Field::kDayOfMonth:
    case Field::kDayOfWeek:
    case Field::kMonth:
    case Field::kMonthName:
    case Field::kShortMonthName:
    case Field::kRomanMonth:
    case Field::kWeekOfYear:
    case Field::kWeekOfMonth:
    case Field::kYearComma:
    case Field::kYear4:
    case Field::kYear3:
    case Field::kYear2:
    case Field::kYear1:
      return Convention::kGregorian;
    case Field::kIsoDayOfYear:
    case Field::kIsoDayOfWeek:
    case Field::kIsoWeek:
    case Field::kIsoYear4:
    case Field::kIsoYear3:
    case Field::kIsoYear2:
    case Field::kIsoYear1:
      return Convention::kIsoWeek;
    default:
      return Convention::kNone;
  }
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_separator(char c) {
  return c > 0x20 && c < 0x7f && std::isalnum(static_cast<unsigned char>(c)) == 0;
}

/// What the fields have said; 0: nothing.
struct Fields {
  Convention convention = Convention::kNone;
  int hh = 0, mi = 0, ss = 0, ssss = 0, ms = 0, us = 0;
  int d = 0, dd = 0, ddd = 0, mm = 0, year = 0, bc = 0, ww = 0, w = 0, cc = 0, j = 0;
  int pm = 0, year_digits = 0, zone_sign = 0, zone_hour = 0, zone_minute = 0;
  bool is_12_hour = false;
};

class TimeReader {
 public:
  TimeReader(const std::vector<PictureNode>& nodes, const std::string& text)
      : nodes_(nodes), s_(text.c_str()) {}

  Result<Fields> run() {
    bool is_exact = false;
    for (size_t i = 0; i < nodes_.size() && *s_ != '\0'; ++i) {
      const PictureNode& node = nodes_[i];
      const bool is_field = node.kind == Kind::kField;
      if (!is_exact && !(is_field && node.field == Field::kExact) && (is_field || i == 0)) {
        skip_spaces();
      }
      if (!is_field) {
        take_text(node, is_exact);
        continue;
      }
      FOREBAY_RETURN_IF_ERROR(set_convention(node));
      if (node.field == Field::kExact) {
        is_exact = true;
      } else {
        FOREBAY_RETURN_IF_ERROR(read_field(i));
      }
      if (!is_exact) {
        extra_ = 0;
        skip_spaces();
      }
    }
    return fields_;
  }

 private:
  void skip_spaces() {
    while (*s_ != '\0' && is_space(*s_)) {
      ++s_;
      ++extra_;
    }
  }
  void skip_character() {
    if (*s_ != '\0') s_ += utf8::width_at(s_, 0);
  }

  void take_text(const PictureNode& node, bool is_exact) {
    if (is_exact) {
      skip_character();
    } else if (node.kind != Kind::kCharacter) {
      --extra_;
      if (is_space(*s_) || is_separator(*s_)) {
        ++s_;
        ++extra_;
      }
    } else if (extra_ > 0) {
      --extra_;
    } else {
      skip_character();
    }
  }

  Status set_convention(const PictureNode& node) {
    const Convention convention = convention_of(node.field);
    if (convention == Convention::kNone) return Status::ok();
    if (fields_.convention == Convention::kNone) fields_.convention = convention;
    if (fields_.convention == convention) return Status::ok();
    return Status(kInvalid, "invalid combination of date conventions")
        .with_hint("Do not mix Gregorian and ISO week date conventions in a formatting template.");
  }

  Status set(int& target, int value, const PictureNode& node) {
    if (target != 0 && target != value) {
      return Status(
                 kInvalid,
                 fmt::format("conflicting values for \"{}\" field in formatting string", node.name))
          .with_detail("This value contradicts a previous setting for the same field type.");
    }
    target = value;
    return Status::ok();
  }

  bool is_before_separator(size_t i) const {
    if (nodes_[i].suffix != PictureNode::Suffix::kNone) return true;
    if (i + 1 == nodes_.size()) return true;
    const PictureNode& next = nodes_[i + 1];
    if (next.kind == Kind::kField) return !next.is_digit;
    return !(next.character.size() == 1 && next.character[0] >= '0' && next.character[0] <= '9');
  }

  /// Reads an integer of at most `length` characters; how many it took, blanks included.
  Status read_integer(size_t i, int length, int* target, int* taken = nullptr) {
    const PictureNode& node = nodes_[i];
    const char* const begin = s_;
    while (is_space(*s_)) ++s_;
    std::string copy(s_, strnlen(s_, static_cast<size_t>(length)));
    const int used = static_cast<int>(copy.size());
    long result = 0;
    errno = 0;
    if (node.fill || is_before_separator(i)) {
      char* end = nullptr;
      result = std::strtol(begin, &end, 10);
      s_ = end;
    } else {
      constexpr const char* kHint =
          "If your source string is not fixed-width, try using the \"FM\" modifier.";
      if (used < length) {
        return Status(kInvalid,
                      fmt::format("source string too short for \"{}\" formatting field", node.name))
            .with_detail(
                fmt::format("Field requires {} characters, but only {} remain.", length, used))
            .with_hint(kHint);
      }
      char* end = nullptr;
      result = std::strtol(copy.c_str(), &end, 10);
      const int parsed = static_cast<int>(end - copy.c_str());
      if (parsed > 0 && parsed < length) {
        return Status(kInvalid, fmt::format("invalid value \"{}\" for \"{}\"", copy, node.name))
            .with_detail(fmt::format("Field requires {} characters, but only {} could be parsed.",
                                     length, parsed))
            .with_hint(kHint);
      }
      s_ += parsed;
    }
    if (s_ == begin) {
      return Status(kInvalid, fmt::format("invalid value \"{}\" for \"{}\"", copy, node.name))
          .with_detail("Value must be an integer.");
    }
    if (errno == ERANGE || result < INT_MIN || result > INT_MAX) {
      return Status(kOverflow,
                    fmt::format("value for \"{}\" in source string is out of range", node.name))
          .with_detail(fmt::format("Value must be in the range {} to {}.", INT_MIN, INT_MAX));
    }
    if (taken != nullptr) *taken = static_cast<int>(s_ - begin);
    return target == nullptr ? Status::ok() : set(*target, static_cast<int>(result), node);
  }
  Status read_integer(size_t i, int* target, int* taken = nullptr) {
    return read_integer(i, static_cast<int>(nodes_[i].name.size()), target, taken);
  }

  /// Which of the words the text begins with, in any case.
  Result<int> read_word(const PictureNode& node, const std::vector<std::string>& words) {
    for (size_t w = 0; w < words.size(); ++w) {
      size_t same = 0;
      while (same < words[w].size() && s_[same] != '\0' &&
             std::tolower(static_cast<unsigned char>(s_[same])) ==
                 std::tolower(static_cast<unsigned char>(words[w][same]))) {
        ++same;
      }
      if (same < words[w].size()) continue;
      s_ += same;
      return static_cast<int>(w);
    }
    std::string shown;
    for (const char* c = s_; *c != '\0' && !is_space(*c); ++c) shown += *c;
    return Status(kInvalid, fmt::format("invalid value \"{}\" for \"{}\"", shown, node.name))
        .with_detail("The given value did not match any of the allowed values for this field.");
  }

  void skip_suffix(const PictureNode& node) {
    if (node.suffix == PictureNode::Suffix::kNone) return;
    skip_character();
    skip_character();
  }

  Status read_field(size_t i) {
    const PictureNode& node = nodes_[i];
    switch (node.field) {
      case Field::kAmDots:
      case Field::kAm: {
        FOREBAY_ASSIGN_OR_RETURN(
            const int word,
            read_word(node, node.field == Field::kAm ? std::vector<std::string>{"am", "pm"}
                                                     : std::vector<std::string>{"a.m.", "p.m."}));
        fields_.is_12_hour = true;
        return set(fields_.pm, word, node);
      }
      case Field::kAdDots:
      case Field::kAd: {
        FOREBAY_ASSIGN_OR_RETURN(
            const int word,
            read_word(node, node.field == Field::kAd ? std::vector<std::string>{"ad", "bc"}
                                                     : std::vector<std::string>{"a.d.", "b.c."}));
        return set(fields_.bc, word, node);
      }
      case Field::kZone:
      case Field::kOffset:
        return Status(
            data::sqlstate::kFeatureNotSupported,
            fmt::format("formatting field \"{}\" is only supported in to_char", node.name));
      case Field::kMonthName:
      case Field::kShortMonthName:
      case Field::kDayName:
      case Field::kShortDayName:
      case Field::kRomanMonth:
        return read_name(node);
      case Field::kZoneHour:
        if (*s_ == '+' || *s_ == '-' || *s_ == ' ') {
          fields_.zone_sign = *s_ == '-' ? -1 : 1;
          ++s_;
        } else {
          fields_.zone_sign = extra_ > 0 && s_[-1] == '-' ? -1 : 1;
        }
        return read_integer(i, 2, &fields_.zone_hour);
      case Field::kZoneMinute:
        if (fields_.zone_sign == 0) fields_.zone_sign = 1;
        return read_integer(i, 2, &fields_.zone_minute);
      default:
        FOREBAY_RETURN_IF_ERROR(read_number(i));
        skip_suffix(node);
        return Status::ok();
    }
  }

  Status read_name(const PictureNode& node) {
    std::vector<std::string> words;
    const bool is_short =
        node.field == Field::kShortMonthName || node.field == Field::kShortDayName;
    if (node.field == Field::kRomanMonth) {
      words.assign(std::begin(kRomanMonths), std::end(kRomanMonths));
    } else if (node.field == Field::kMonthName || node.field == Field::kShortMonthName) {
      words.assign(std::begin(kMonthNames), std::end(kMonthNames));
    } else {
      words.assign(std::begin(kDayNames), std::end(kDayNames));
    }
    for (std::string& word : words) {
      if (is_short) word.resize(3);
    }
    FOREBAY_ASSIGN_OR_RETURN(const int word, read_word(node, words));
    if (node.field == Field::kRomanMonth) return set(fields_.mm, 12 - word, node);
    if (words.size() == 12) return set(fields_.mm, word + 1, node);
    FOREBAY_RETURN_IF_ERROR(set(fields_.d, word, node));
    ++fields_.d;
    return Status::ok();
  }

  /// Digits behind the point: "25" is 0.25, and "250" is, too.
  Status read_fraction(size_t i, int length, int* target, int digits) {
    int taken = 0;
    FOREBAY_RETURN_IF_ERROR(read_integer(i, length, target, &taken));
    for (; taken < digits; ++taken) *target *= 10;
    return Status::ok();
  }

  Status read_year(size_t i, int digits) {
    int taken = 0;
    FOREBAY_RETURN_IF_ERROR(read_integer(i, &fields_.year, &taken));
    fields_.year_digits = digits;
    int& year = fields_.year;
    if (digits == 4 || taken >= 4) return Status::ok();
    if (year < 70) {
      year += 2000;
    } else if (year < 100) {
      year += 1900;
    } else if (year < 520) {
      year += 2000;
    } else if (year < 1000) {
      year += 1000;
    }
    return Status::ok();
  }

  Status read_comma_year(const PictureNode& node) {
    int millennia = 0, years = 0, taken = 0;
    if (std::sscanf(s_, "%d,%03d%n", &millennia, &years, &taken) < 2) {
      return Status(kInvalid, "invalid input string for \"Y,YYY\"");
    }
    int64_t year = int64_t{millennia} * 1000 + years;
    if (year > INT_MAX || year < INT_MIN) {
      return Status(kOverflow, "value for \"Y,YYY\" in source string is out of range");
    }
    FOREBAY_RETURN_IF_ERROR(set(fields_.year, static_cast<int>(year), node));
    fields_.year_digits = 4;
    s_ += taken;
    return Status::ok();
  }

  Status read_number(size_t i) {
    const PictureNode& node = nodes_[i];
    switch (node.field) {
      case Field::kHour12:
        fields_.is_12_hour = true;
        return read_integer(i, 2, &fields_.hh);
      case Field::kHour24:
        return read_integer(i, 2, &fields_.hh);
      case Field::kMinute:
        return read_integer(i, &fields_.mi);
      case Field::kSecond:
        return read_integer(i, &fields_.ss);
      case Field::kMillisecond:
        return read_fraction(i, 3, &fields_.ms, 3);
      case Field::kMicrosecond:
        return read_fraction(i, 6, &fields_.us, 6);
      case Field::kFraction1:
      case Field::kFraction2:
      case Field::kFraction3:
      case Field::kFraction4:
      case Field::kFraction5:
      case Field::kFraction6:
        return read_fraction(i,
                             static_cast<int>(node.field) - static_cast<int>(Field::kFraction1) + 1,
                             &fields_.us, 6);
      case Field::kSecondsOfDay:
        return read_integer(i, &fields_.ssss);
      case Field::kMonth:
        return read_integer(i, &fields_.mm);
      case Field::kDayOfYear:
        return read_integer(i, &fields_.ddd);
      case Field::kIsoDayOfYear:
        return read_integer(i, 3, &fields_.ddd);
      case Field::kDayOfMonth:
        return read_integer(i, &fields_.dd);
      case Field::kDayOfWeek:
        return read_integer(i, &fields_.d);
      case Field::kIsoDayOfWeek:
        FOREBAY_RETURN_IF_ERROR(read_integer(i, 1, &fields_.d));
        if (++fields_.d > 7) fields_.d = 1;
        return Status::ok();
      case Field::kWeekOfYear:
      case Field::kIsoWeek:
        return read_integer(i, &fields_.ww);
      case Field::kWeekOfMonth:
        return read_integer(i, &fields_.w);
      case Field::kQuarter:
        return read_integer(i, nullptr);
      case Field::kCentury:
        return read_integer(i, &fields_.cc);
      case Field::kJulian:
        return read_integer(i, &fields_.j);
      case Field::kYearComma:
        return read_comma_year(node);
      case Field::kYear4:
      case Field::kIsoYear4:
        return read_year(i, 4);
      case Field::kYear3:
      case Field::kIsoYear3:
        return read_year(i, 3);
      case Field::kYear2:
      case Field::kIsoYear2:
        return read_year(i, 2);
      case Field::kYear1:
      case Field::kIsoYear1:
        return read_year(i, 1);
      default:
        return Status::ok();
    }
  }

  const std::vector<PictureNode>& nodes_;
  const char* s_;
  int extra_ = 0;
  Fields fields_;
};

/// Puts a date and a time together from what was read.
class TimeBuilder {
 public:
  TimeBuilder(const Fields& fields, std::string_view text) : f_(fields), text_(text) {}

  Result<ReadTime> run() {
    FOREBAY_RETURN_IF_ERROR(set_clock());
    set_year();
    set_weeks();
    if (f_.dd != 0) {
      out_.day = f_.dd;
      has_day_ = true;
    }
    if (f_.mm != 0) {
      out_.month = f_.mm;
      has_month_ = true;
    }
    FOREBAY_RETURN_IF_ERROR(set_day_of_year());
    FOREBAY_RETURN_IF_ERROR(check());
    if (f_.zone_sign != 0) {
      if (f_.zone_hour < 0 || f_.zone_hour > 15 || f_.zone_minute < 0 || f_.zone_minute >= 60) {
        return Status(data::SqlState("22009"),
                      fmt::format("time zone displacement out of range: \"{}\"", text_));
      }
      out_.has_zone = true;
      out_.zone_seconds = f_.zone_sign * (f_.zone_hour * 60 + f_.zone_minute) * 60;
    }
    return out_;
  }

 private:
  Status out_of_range() const {
    return Status(kOverflow, fmt::format("date/time field value out of range: \"{}\"", text_));
  }

  Status set_clock() {
    if (f_.ssss != 0) {
      hour_ = f_.ssss / 3600;
      minute_ = f_.ssss % 3600 / 60;
      second_ = f_.ssss % 60;
    }
    if (f_.ss != 0) second_ = f_.ss;
    if (f_.mi != 0) minute_ = f_.mi;
    if (f_.hh != 0) hour_ = f_.hh;
    if (!f_.is_12_hour) return Status::ok();
    if (hour_ < 1 || hour_ > 12) {
      return Status(kInvalid, fmt::format("hour \"{}\" is invalid for the 12-hour clock", hour_))
          .with_hint("Use the 24-hour clock, or give an hour between 1 and 12.");
    }
    if (f_.pm != 0 && hour_ < 12) hour_ += 12;
    if (f_.pm == 0 && hour_ == 12) hour_ = 0;
    return Status::ok();
  }

  void set_year() {
    if (f_.year != 0) {
      has_year_ = true;
      if (f_.cc != 0 && f_.year_digits <= 2) {
        if (f_.bc != 0) f_.cc = -f_.cc;
        out_.year = f_.year % 100;
        if (out_.year != 0) {
          out_.year =
              f_.cc >= 0 ? out_.year + (f_.cc - 1) * 100 : (f_.cc + 1) * 100 - out_.year + 1;
        } else {
          out_.year = f_.cc * 100 + (f_.cc >= 0 ? 0 : 1);
        }
        return;
      }
      out_.year = f_.bc != 0 ? -f_.year : f_.year;
      if (out_.year < 0) ++out_.year;
    } else if (f_.cc != 0) {
      has_year_ = true;
      if (f_.bc != 0) f_.cc = -f_.cc;
      out_.year = f_.cc >= 0 ? (f_.cc - 1) * 100 + 1 : f_.cc * 100 + 1;
    }
  }

  void set_weeks() {
    if (f_.j != 0) {
      from_julian_day(f_.j, out_.year, out_.month, out_.day);
      has_year_ = has_month_ = has_day_ = true;
    }
    if (f_.ww != 0) {
      if (f_.convention == Convention::kIsoWeek) {
        int32_t julian = iso_week_start(out_.year, f_.ww);
        if (f_.d > 1) {
          julian += f_.d - 2;
        } else if (f_.d == 1) {
          julian += 6;
        }
        from_julian_day(julian, out_.year, out_.month, out_.day);
        has_year_ = has_month_ = has_day_ = true;
      } else {
        f_.ddd = (f_.ww - 1) * 7 + 1;
      }
    }
    if (f_.w != 0) f_.dd = (f_.w - 1) * 7 + 1;
  }

  Status set_day_of_year() {
    if (f_.ddd == 0 || (out_.month > 1 && out_.day > 1)) return Status::ok();
    if (out_.year == 0 && f_.bc == 0) {
      return Status(kInvalid, "cannot calculate day of year without year information");
    }
    if (f_.convention == Convention::kIsoWeek) {
      from_julian_day(iso_week_start(out_.year, 1) - 1 + f_.ddd, out_.year, out_.month, out_.day);
      has_year_ = has_month_ = has_day_ = true;
      return Status::ok();
    }
    int32_t before = 0, month = 1;
    for (; month <= 12; ++month) {
      const int32_t days = data::days_in_month(out_.year, month);
      if (f_.ddd <= before + days) break;
      before += days;
    }
    if (out_.month <= 1) out_.month = month;
    if (out_.day <= 1) out_.day = f_.ddd - before;
    has_month_ = has_day_ = true;
    return Status::ok();
  }

  Status check() {
    const bool month_fits = out_.month >= 1 && out_.month <= 12;
    if ((has_month_ && !month_fits) || (has_day_ && (out_.day < 1 || out_.day > 31))) {
      return out_of_range();
    }
    if (has_year_ && has_month_ && has_day_ &&
        out_.day > data::days_in_month(out_.year, out_.month)) {
      return out_of_range();
    }
    const int64_t micros = int64_t{f_.ms} * 1000 + f_.us;
    if (hour_ < 0 || hour_ >= 24 || minute_ < 0 || minute_ >= 60 || second_ < 0 || second_ >= 60 ||
        micros < 0 || micros >= data::kMicrosPerSecond) {
      return out_of_range();
    }
    out_.micros =
        ((int64_t{hour_} * 60 + minute_) * 60 + second_) * data::kMicrosPerSecond + micros;
    return Status::ok();
  }

  Fields f_;
  const std::string_view text_;
  ReadTime out_;
  int hour_ = 0, minute_ = 0, second_ = 0;
  bool has_year_ = false, has_month_ = false, has_day_ = false;
};

}  // namespace

Result<ReadTime> read_time(std::string_view text, std::string_view picture) {
  const std::string copy(text);
  const std::vector<PictureNode> nodes = parse_time_picture(picture);
  FOREBAY_ASSIGN_OR_RETURN(Fields fields, TimeReader(nodes, copy).run());
  return TimeBuilder(fields, text).run();
}

}  // namespace forebay::udfs
