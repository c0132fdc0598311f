#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "udfs/builtin/picture.h"

/// to_char of times and intervals.
namespace forebay::udfs {
namespace {

using data::Result;
using data::Status;
using Kind = PictureNode::Kind;

std::string in_case(std::string text, LetterCase letters) {
  if (letters == LetterCase::kCapital) return text;
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    c = static_cast<char>(letters == LetterCase::kUpper ? std::toupper(byte) : std::tolower(byte));
  }
  return text;
}

class TimeFormatter {
 public:
  explicit TimeFormatter(const TimeParts& parts) : parts_(parts) {}

  Status add(const PictureNode& node) {
    if (node.kind != Kind::kField) {
      out_ += node.character;
      return Status::ok();
    }
    if (parts_.is_interval && !fits_interval(node.field)) {
      return Status(data::SqlState("22007"), "invalid format specification for an interval value")
          .with_hint("Intervals are not tied to specific calendar dates.");
    }
    if (!add_clock(node) && !add_year(node)) add_calendar(node);
    return Status::ok();
  }
  std::string take() { return std::move(out_); }

 private:
  static bool fits_interval(Field field) {
    switch (field) {
      case Field::kAdDots:
      case Field::kAd:
      case Field::kMonthName:
      case Field::kShortMonthName:
      case Field::kDayName:
      case Field::kShortDayName:
      case Field::kDayOfWeek:
      case Field::kIsoDayOfWeek:
      case Field::kZone:
      case Field::kZoneHour:
      case Field::kZoneMinute:
      case Field::kOffset:
        return false;
      default:
        return true;
    }
  }

  /// A number of at least `width` places, and its ordinal suffix.
  void number(const PictureNode& node, int64_t value, int width) {
    const std::string text = fmt::format("{:0{}}", value, node.fill ? 0 : width);
    out_ += text;
    if (node.suffix == PictureNode::Suffix::kNone) return;
    out_ += ordinal_suffix(text, node.suffix == PictureNode::Suffix::kUpper);
  }
  /// The same, one place more when `sign` is negative.
  void signed_number(const PictureNode& node, int64_t value, int width, int64_t sign) {
    number(node, value, sign < 0 ? width + 1 : width);
  }
  void signed_number(const PictureNode& node, int64_t value, int width) {
    signed_number(node, value, width, value);
  }
  void word(const PictureNode& node, const char* text, size_t width) {
    std::string shown = in_case(text, node.letters);
    if (!node.fill && !node.local && shown.size() < width) shown.resize(width, ' ');
    out_ += shown;
  }
  void fraction(const PictureNode& node, int32_t digits) {
    int32_t value = parts_.micros;
    for (int32_t i = digits; i < 6; ++i) value /= 10;
    const std::string text = fmt::format("{:0{}}", value, digits);
    out_ += text;
    if (node.suffix == PictureNode::Suffix::kNone) return;
    out_ += ordinal_suffix(text, node.suffix == PictureNode::Suffix::kUpper);
  }

  bool add_clock(const PictureNode& node) {
    switch (node.field) {
      case Field::kAmDots:
      case Field::kAm: {
        const bool is_after = parts_.hour % 24 >= 12;
        const bool dots = node.field == Field::kAmDots;
        out_ +=
            in_case(dots ? (is_after ? "P.M." : "A.M.") : (is_after ? "PM" : "AM"), node.letters);
        return true;
      }
      case Field::kHour12: {
        const int64_t hour = parts_.hour % 12;
        const int places = node.fill ? 0 : parts_.hour >= 0 ? 2 : 3;
        const std::string text = fmt::format("{:0{}}", hour == 0 ? 12 : hour, places);
        out_ += text;
        if (node.suffix != PictureNode::Suffix::kNone) {
          out_ += ordinal_suffix(text, node.suffix == PictureNode::Suffix::kUpper);
        }
        return true;
      }
      case Field::kHour24:
        signed_number(node, parts_.hour, 2);
        return true;
      case Field::kMinute:
        signed_number(node, parts_.minute, 2);
        return true;
      case Field::kSecond:
        signed_number(node, parts_.second, 2);
        return true;
      case Field::kFraction1:
      case Field::kFraction2:
      case Field::kFraction3:
      case Field::kFraction4:
      case Field::kFraction5:
      case Field::kFraction6:
        fraction(node,
                 static_cast<int32_t>(node.field) - static_cast<int32_t>(Field::kFraction1) + 1);
        return true;
      case Field::kMillisecond:
        fraction(node, 3);
        return true;
      case Field::kMicrosecond:
        fraction(node, 6);
        return true;
      case Field::kSecondsOfDay:
        number(node, (parts_.hour * 60 + parts_.minute) * 60 + parts_.second, 0);
        return true;
      case Field::kZone:
        if (parts_.has_zone) out_ += in_case(parts_.zone, node.letters);
        return true;
      case Field::kZoneHour:
        out_ += fmt::format("{}{:02}", parts_.seconds_east < 0 ? '-' : '+', zone_hours());
        return true;
      case Field::kZoneMinute:
        out_ += fmt::format("{:02}", zone_minutes());
        return true;
      case Field::kOffset:
        out_ += fmt::format("{}{:0{}}", parts_.seconds_east < 0 ? '-' : '+', zone_hours(),
                            node.fill ? 0 : 2);
        if (zone_minutes() != 0) out_ += fmt::format(":{:02}", zone_minutes());
        return true;
      case Field::kExact:
        return true;
      default:
        return false;
    }
  }

  int32_t zone_hours() const { return std::abs(parts_.seconds_east) / 3600; }
  int32_t zone_minutes() const { return std::abs(parts_.seconds_east) / 60 % 60; }

  // There is no year 0 but in intervals.
  int64_t shown_year(int64_t year) const {
    return parts_.is_interval || year > 0 ? year : -(year - 1);
  }

  bool add_year(const PictureNode& node) {
    const bool is_iso = node.field == Field::kIsoYear4 || node.field == Field::kIsoYear3 ||
                        node.field == Field::kIsoYear2 || node.field == Field::kIsoYear1;
    const int64_t year =
        shown_year(is_iso ? iso_year(static_cast<int32_t>(parts_.year), parts_.month, parts_.day)
                          : parts_.year);
    switch (node.field) {
      case Field::kYearComma: {
        const int64_t thousands = year / 1000;
        const std::string text = fmt::format("{},{:03}", thousands, year - thousands * 1000);
        out_ += text;
        if (node.suffix != PictureNode::Suffix::kNone) {
          out_ += ordinal_suffix(text, node.suffix == PictureNode::Suffix::kUpper);
        }
        return true;
      }
      case Field::kYear4:
      case Field::kIsoYear4:
        signed_number(node, year, 4, shown_year(parts_.year));
        return true;
      case Field::kYear3:
      case Field::kIsoYear3:
        signed_number(node, year % 1000, 3, shown_year(parts_.year));
        return true;
      case Field::kYear2:
      case Field::kIsoYear2:
        signed_number(node, year % 100, 2, shown_year(parts_.year));
        return true;
      case Field::kYear1:
      case Field::kIsoYear1:
        number(node, year % 10, 1);
        return true;
      case Field::kCentury:
        add_century(node);
        return true;
      case Field::kAdDots:
        out_ += in_case(parts_.year <= 0 ? "B.C." : "A.D.", node.letters);
        return true;
      case Field::kAd:
        out_ += in_case(parts_.year <= 0 ? "BC" : "AD", node.letters);
        return true;
      default:
        return false;
    }
  }

  void add_century(const PictureNode& node) {
    int64_t century = parts_.year / 100;
    if (!parts_.is_interval) {
      century = parts_.year > 0 ? (parts_.year - 1) / 100 + 1 : parts_.year / 100 - 1;
    }
    signed_number(node, century, century <= 99 && century >= -99 ? 2 : 0);
  }

  // Roman numerals count intervals of less than a month from the year's end.
  void add_roman_month(const PictureNode& node) {
    if (parts_.month == 0 && parts_.year == 0) return;
    size_t place = 0;
    if (parts_.month == 0) {
      place = parts_.year >= 0 ? 0 : 11;
    } else {
      place = static_cast<size_t>(parts_.month < 0 ? -(parts_.month + 1) : 12 - parts_.month);
    }
    word(node, kRomanMonths[place], 4);
  }

  void add_calendar(const PictureNode& node) {
    const auto year = static_cast<int32_t>(parts_.year);
    switch (node.field) {
      case Field::kMonthName:
      case Field::kShortMonthName: {
        if (parts_.month == 0) return;
        const std::string name = kMonthNames[parts_.month - 1];
        const bool is_short = node.field == Field::kShortMonthName;
        word(node, is_short ? name.substr(0, 3).c_str() : name.c_str(), is_short ? 0 : 9);
        return;
      }
      case Field::kMonth:
        signed_number(node, parts_.month, 2);
        return;
      case Field::kDayName:
        word(node, kDayNames[parts_.week_day], 9);
        return;
      case Field::kShortDayName:
        word(node, std::string(kDayNames[parts_.week_day]).substr(0, 3).c_str(), 0);
        return;
      case Field::kDayOfYear:
        number(node, parts_.year_day, 3);
        return;
      case Field::kIsoDayOfYear:
        number(node,
               julian_day(year, parts_.month, parts_.day) -
                   iso_week_start(iso_year(year, parts_.month, parts_.day), 1) + 1,
               3);
        return;
      case Field::kDayOfMonth:
        number(node, parts_.day, 2);
        return;
      case Field::kDayOfWeek:
        number(node, parts_.week_day + 1, 0);
        return;
      case Field::kIsoDayOfWeek:
        number(node, parts_.week_day == 0 ? 7 : parts_.week_day, 0);
        return;
      case Field::kWeekOfYear:
        number(node, (parts_.year_day - 1) / 7 + 1, 2);
        return;
      case Field::kIsoWeek:
        number(node, iso_week(year, parts_.month, parts_.day), 2);
        return;
      case Field::kQuarter:
        if (parts_.month != 0) number(node, (parts_.month - 1) / 3 + 1, 0);
        return;
      case Field::kRomanMonth:
        add_roman_month(node);
        return;
      case Field::kWeekOfMonth:
        number(node, (parts_.day - 1) / 7 + 1, 0);
        return;
      case Field::kJulian:
        number(node, julian_day(year, parts_.month, parts_.day), 0);
        return;
      default:
        return;
    }
  }

  const TimeParts& parts_;
  std::string out_;
};

}  // namespace

Result<std::string> format_time(const std::vector<PictureNode>& picture, const TimeParts& parts) {
  TimeFormatter formatter(parts);
  for (const PictureNode& node : picture) FOREBAY_RETURN_IF_ERROR(formatter.add(node));
  return formatter.take();
}

}  // namespace forebay::udfs
