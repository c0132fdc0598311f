#include "udfs/builtin/picture.h"

#include <algorithm>
#include <cctype>

#include "udfs/utf8.h"

/// Taking pictures apart.
namespace forebay::udfs {
namespace {

using data::Result;
using data::Status;
using Kind = PictureNode::Kind;

struct Keyword {
  std::string_view name;
  Field field;
  bool is_digit;
};

// Longer ones before their beginnings. In upper case; all but OF are there in lower case, too.
constexpr Keyword kTimeKeywords[] = {
    {"A.D.", Field::kAdDots, false},
    {"A.M.", Field::kAmDots, false},
    {"AD", Field::kAd, false},
    {"AM", Field::kAm, false},
    {"B.C.", Field::kAdDots, false},
    {"BC", Field::kAd, false},
    {"CC", Field::kCentury, true},
    {"DAY", Field::kDayName, false},
    {"DDD", Field::kDayOfYear, true},
    {"DD", Field::kDayOfMonth, true},
    {"DY", Field::kShortDayName, false},
    {"D", Field::kDayOfWeek, true},
    {"FF1", Field::kFraction1, false},
    {"FF2", Field::kFraction2, false},
    {"FF3", Field::kFraction3, false},
    {"FF4", Field::kFraction4, false},
    {"FF5", Field::kFraction5, false},
    {"FF6", Field::kFraction6, false},
    {"FX", Field::kExact, false},
    {"HH24", Field::kHour24, true},
    {"HH12", Field::kHour12, true},
    {"HH", Field::kHour12, true},
    {"IDDD", Field::kIsoDayOfYear, true},
    {"ID", Field::kIsoDayOfWeek, true},
    {"IW", Field::kIsoWeek, true},
    {"IYYY", Field::kIsoYear4, true},
    {"IYY", Field::kIsoYear3, true},
    {"IY", Field::kIsoYear2, true},
    {"I", Field::kIsoYear1, true},
    {"J", Field::kJulian, true},
    {"MI", Field::kMinute, true},
    {"MM", Field::kMonth, true},
    {"MONTH", Field::kMonthName, false},
    {"MON", Field::kShortMonthName, false},
    {"MS", Field::kMillisecond, true},
    {"OF", Field::kOffset, false},
    {"P.M.", Field::kAmDots, false},
    {"PM", Field::kAm, false},
    {"Q", Field::kQuarter, true},
    {"RM", Field::kRomanMonth, false},
    {"SSSSS", Field::kSecondsOfDay, true},
    {"SSSS", Field::kSecondsOfDay, true},
    {"SS", Field::kSecond, true},
    {"TZH", Field::kZoneHour, false},
    {"TZM", Field::kZoneMinute, true},
    {"TZ", Field::kZone, false},
    {"US", Field::kMicrosecond, true},
    {"WW", Field::kWeekOfYear, true},
    {"W", Field::kWeekOfMonth, true},
    {"Y,YYY", Field::kYearComma, true},
    {"YYYY", Field::kYear4, true},
    {"YYY", Field::kYear3, true},
    {"YY", Field::kYear2, true},
    {"Y", Field::kYear1, true},
};

// Names whose first letter alone is upper case mean something of their own.
constexpr Keyword kCapitalKeywords[] = {
    {"Day", Field::kDayName, false},
    {"Dy", Field::kShortDayName, false},
    {"Month", Field::kMonthName, false},
    {"Mon", Field::kShortMonthName, false},
};

constexpr Keyword kNumberKeywords[] = {
    {",", Field::kComma, false},       {".", Field::kPoint, false},
    {"0", Field::k0, false},           {"9", Field::k9, false},
    {"B", Field::kBlank, false},       {"C", Field::kCurrencyCode, false},
    {"D", Field::kLocalePoint, false}, {"EEEE", Field::kExponent, false},
    {"FM", Field::kFill, false},       {"G", Field::kGroup, false},
    {"L", Field::kCurrency, false},    {"MI", Field::kMinus, false},
    {"PL", Field::kPlus, false},       {"PR", Field::kBracket, false},
    {"RN", Field::kRoman, false},      {"SG", Field::kSign, false},
    {"SP", Field::kSpell, false},      {"S", Field::kLocaleSign, false},
    {"TH", Field::kOrdinal, false},    {"V", Field::kShift, false},
};

bool begins_with(std::string_view text, std::string_view upper, bool in_lower) {
  if (text.size() < upper.size()) return false;
  for (size_t i = 0; i < upper.size(); ++i) {
    const char c =
        in_lower ? static_cast<char>(std::tolower(static_cast<unsigned char>(upper[i]))) : upper[i];
    if (text[i] != c) return false;
  }
  return true;
}

template <size_t N>
bool find_keyword(std::string_view text, const Keyword (&keywords)[N], PictureNode& node) {
  for (const bool in_lower : {false, true}) {
    for (const Keyword& keyword : keywords) {
      if (!begins_with(text, keyword.name, in_lower)) continue;
      node.kind = Kind::kField;
      node.field = keyword.field;
      node.is_digit = keyword.is_digit;
      node.letters = in_lower ? LetterCase::kLower : LetterCase::kUpper;
      node.name = text.substr(0, keyword.name.size());
      return true;
    }
  }
  return false;
}

bool find_time_keyword(std::string_view text, PictureNode& node) {
  for (const Keyword& keyword : kCapitalKeywords) {
    if (!text.starts_with(keyword.name)) continue;
    node.kind = Kind::kField;
    node.field = keyword.field;
    node.letters = LetterCase::kCapital;
    node.name = text.substr(0, keyword.name.size());
    return true;
  }
  return find_keyword(text, kTimeKeywords, node);
}

bool is_separator(char c) {
  return c > 0x20 && c < 0x7f && std::isalnum(static_cast<unsigned char>(c)) == 0;
}

/// Takes one character, or a quoted text, that is no field.
void take_text(std::string_view& text, bool is_time, std::vector<PictureNode>& out) {
  auto take = [&](Kind kind) {
    const size_t size = std::min(text.size(), utf8::width_at(text, 0));
    PictureNode& node = out.emplace_back();
    node.kind = kind;
    node.character = text.substr(0, size);
    text.remove_prefix(size);
  };
  if (text[0] == '"') {
    text.remove_prefix(1);
    while (!text.empty()) {
      if (text[0] == '"') {
        text.remove_prefix(1);
        break;
      }
      if (text[0] == '\\' && text.size() > 1) text.remove_prefix(1);
      take(Kind::kCharacter);
    }
    return;
  }
  if (text[0] == '\\' && text.size() > 1 && text[1] == '"') text.remove_prefix(1);
  const bool is_space = std::isspace(static_cast<unsigned char>(text[0])) != 0;
  take(is_time && is_separator(text[0]) ? Kind::kSeparator
       : is_space                       ? Kind::kSpace
                                        : Kind::kCharacter);
}

Status wrong(std::string text) { return Status(data::sqlstate::kSyntaxError, std::move(text)); }

/// Adds a field to what the picture asks for.
Status prepare(NumberPicture& picture, const PictureNode& node) {
  if (picture.exponent && node.field != Field::kExponent) {
    return wrong("\"EEEE\" must be the last pattern used");
  }
  switch (node.field) {
    case Field::k9:
      if (picture.bracket) return wrong("\"9\" must be ahead of \"PR\"");
      ++(picture.shift ? picture.multi : picture.decimal ? picture.post : picture.pre);
      break;
    case Field::k0:
      if (picture.bracket) return wrong("\"0\" must be ahead of \"PR\"");
      if (!picture.zero && !picture.decimal) {
        picture.zero = true;
        picture.zero_start = picture.pre + 1;
      }
      ++(picture.decimal ? picture.post : picture.pre);
      picture.zero_end = picture.pre + picture.post;
      break;
    case Field::kBlank:
      if (picture.pre == 0 && picture.post == 0 && !picture.zero) picture.blank = true;
      break;
    case Field::kLocalePoint:
    case Field::kPoint:
      if (picture.decimal) return wrong("multiple decimal points");
      if (picture.shift) return wrong("cannot use \"V\" and decimal point together");
      picture.decimal = true;
      break;
    case Field::kFill:
      picture.fill = true;
      break;
    case Field::kLocaleSign:
      if (picture.locale_sign) return wrong("cannot use \"S\" twice");
      if (picture.plus || picture.minus || picture.bracket) {
        return wrong("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together");
      }
      if (!picture.decimal) {
        picture.sign = NumberPicture::Sign::kPre;
        picture.pre_sign = picture.pre;
      } else if (picture.sign == NumberPicture::Sign::kNone) {
        picture.sign = NumberPicture::Sign::kPost;
      }
      picture.locale_sign = true;
      break;
    case Field::kMinus:
      if (picture.locale_sign) return wrong("cannot use \"S\" and \"MI\" together");
      picture.minus = true;
      break;
    case Field::kPlus:
      if (picture.locale_sign) return wrong("cannot use \"S\" and \"PL\" together");
      picture.plus = true;
      break;
    case Field::kSign:
      if (picture.locale_sign) return wrong("cannot use \"S\" and \"SG\" together");
      picture.plus = picture.minus = true;
      break;
    case Field::kBracket:
      if (picture.locale_sign || picture.plus || picture.minus) {
        return wrong("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together");
      }
      picture.bracket = true;
      break;
    case Field::kRoman:
      picture.roman = true;
      break;
    case Field::kShift:
      if (picture.decimal) return wrong("cannot use \"V\" and decimal point together");
      picture.shift = true;
      break;
    case Field::kExponent:
      if (picture.exponent) return wrong("cannot use \"EEEE\" twice");
      if (picture.blank || picture.fill || picture.locale_sign || picture.bracket ||
          picture.minus || picture.plus || picture.roman || picture.shift) {
        return wrong("\"EEEE\" is incompatible with other formats")
            .with_detail(
                "\"EEEE\" may only be used together with digit and decimal point patterns.");
      }
      picture.exponent = true;
      break;
    default:
      break;
  }
  return Status::ok();
}

}  // namespace

std::vector<PictureNode> parse_time_picture(std::string_view text) {
  std::vector<PictureNode> nodes;
  bool fill = false, local = false;
  while (!text.empty()) {
    if (text.starts_with("FM") || text.starts_with("fm")) {
      fill = true;
      text.remove_prefix(2);
    } else if (text.starts_with("TM") || text.starts_with("tm")) {
      local = true;
      text.remove_prefix(2);
    }
    if (text.empty()) break;
    PictureNode node;
    if (!find_time_keyword(text, node)) {
      take_text(text, true, nodes);
      fill = local = false;
      continue;
    }
    node.fill = std::exchange(fill, false);
    node.local = std::exchange(local, false);
    text.remove_prefix(node.name.size());
    if (text.starts_with("TH")) node.suffix = PictureNode::Suffix::kUpper;
    if (text.starts_with("th")) node.suffix = PictureNode::Suffix::kLower;
    const bool spells = text.starts_with("SP");
    if (node.suffix != PictureNode::Suffix::kNone || spells) text.remove_prefix(2);
    nodes.push_back(std::move(node));
  }
  return nodes;
}

Result<NumberPicture> parse_number_picture(std::string_view text) {
  NumberPicture picture;
  while (!text.empty()) {
    PictureNode node;
    if (!find_keyword(text, kNumberKeywords, node)) {
      take_text(text, false, picture.nodes);
      continue;
    }
    text.remove_prefix(node.name.size());
    FOREBAY_RETURN_IF_ERROR(prepare(picture, node));
    picture.nodes.push_back(std::move(node));
  }
  return picture;
}

std::string_view ordinal_suffix(std::string_view digits, bool upper) {
  char last = digits.empty() ? '0' : digits.back();
  if (digits.size() > 1 && digits[digits.size() - 2] == '1') last = '0';
  switch (last) {
    case '1':
      return upper ? "ST" : "st";
    case '2':
      return upper ? "ND" : "nd";
    case '3':
      return upper ? "RD" : "rd";
    default:
      return upper ? "TH" : "th";
  }
}

int32_t julian_day(int32_t year, int32_t month, int32_t day) {
  if (month > 2) {
    month += 1;
    year += 4800;
  } else {
    month += 13;
    year += 4799;
  }
  const int32_t century = year / 100;
  return year * 365 - 32167 + year / 4 - century + century / 4 + 7834 * month / 256 + day;
}

void from_julian_day(int32_t julian, int32_t& year, int32_t& month, int32_t& day) {
  auto j = static_cast<uint32_t>(julian);
  j += 32044;
  uint32_t quad = j / 146097;
  const uint32_t extra = (j - quad * 146097) * 4 + 3;
  j += 60 + quad * 3 + extra / 146097;
  quad = j / 1461;
  j -= quad * 1461;
  auto y = static_cast<int32_t>(j * 4 / 1461);
  j = (y != 0 ? (j + 305) % 365 : (j + 306) % 366) + 123;
  y += static_cast<int32_t>(quad * 4);
  year = y - 4800;
  quad = j * 2141 / 65536;
  day = static_cast<int32_t>(j - 7834 * quad / 256);
  month = static_cast<int32_t>((quad + 10) % 12 + 1);
}

namespace {

/// The first Julian day of an ISO year.
int32_t iso_year_start(int32_t year) {
  const int32_t fourth = julian_day(year, 1, 4);
  int32_t week_day = fourth % 7;  // Monday is 0
  if (week_day < 0) week_day += 7;
  return fourth - week_day;
}

}  // namespace

int32_t iso_year(int32_t year, int32_t month, int32_t day) {
  const int32_t julian = julian_day(year, month, day);
  if (julian < iso_year_start(year)) return year - 1;
  if ((julian - iso_year_start(year)) / 7 + 1 >= 52 && julian >= iso_year_start(year + 1)) {
    return year + 1;
  }
  return year;
}

int32_t iso_week(int32_t year, int32_t month, int32_t day) {
  const int32_t own = iso_year(year, month, day);
  return (julian_day(year, month, day) - iso_year_start(own)) / 7 + 1;
}

int32_t iso_week_start(int32_t year, int32_t week) { return iso_year_start(year) + (week - 1) * 7; }

}  // namespace forebay::udfs
