#include "engine/data/datetime_words.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/data/text_scan.h"

namespace forebay::data {

namespace {

// PostgreSQL compares words up to this many characters.
constexpr size_t kMaxWordLength = 10;
constexpr size_t kMaxTokens = 25;

struct DateWordEntry {
  std::string_view word;
  DateWord kind;
  int32_t value = 0;
};

constexpr int32_t value_of(TimeUnit unit) { return static_cast<int32_t>(unit); }

constexpr DateWordEntry kDateWords[] = {
    {"-infinity", DateWord::kNegativeInfinity},
    {"ad", DateWord::kEra, 0},
    {"allballs", DateWord::kZulu},
    {"am", DateWord::kMeridiem, 0},
    {"apr", DateWord::kMonth, 4},
    {"april", DateWord::kMonth, 4},
    {"at", DateWord::kIgnored},
    {"aug", DateWord::kMonth, 8},
    {"august", DateWord::kMonth, 8},
    {"bc", DateWord::kEra, 1},
    {"d", DateWord::kUnit, value_of(TimeUnit::kDay)},
    {"dec", DateWord::kMonth, 12},
    {"december", DateWord::kMonth, 12},
    {"dow", DateWord::kUnit, value_of(TimeUnit::kDayOfWeek)},
    {"doy", DateWord::kUnit, value_of(TimeUnit::kDayOfYear)},
    {"dst", DateWord::kDaylight, 3600},
    {"epoch", DateWord::kEpoch},
    {"feb", DateWord::kMonth, 2},
    {"february", DateWord::kMonth, 2},
    {"fri", DateWord::kWeekday, 5},
    {"friday", DateWord::kWeekday, 5},
    {"h", DateWord::kUnit, value_of(TimeUnit::kHour)},
    {"infinity", DateWord::kInfinity},
    {"isodow", DateWord::kUnit, value_of(TimeUnit::kIsoDayOfWeek)},
    {"isoyear", DateWord::kUnit, value_of(TimeUnit::kIsoYear)},
    {"j", DateWord::kJulian},
    {"jan", DateWord::kMonth, 1},
    {"january", DateWord::kMonth, 1},
    {"jd", DateWord::kJulian},
    {"jul", DateWord::kMonth, 7},
    {"julian", DateWord::kJulian},
    {"july", DateWord::kMonth, 7},
    {"jun", DateWord::kMonth, 6},
    {"june", DateWord::kMonth, 6},
    {"m", DateWord::kUnit, value_of(TimeUnit::kMonth)},
    {"mar", DateWord::kMonth, 3},
    {"march", DateWord::kMonth, 3},
    {"may", DateWord::kMonth, 5},
    {"mm", DateWord::kUnit, value_of(TimeUnit::kMinute)},
    {"mon", DateWord::kWeekday, 1},
    {"monday", DateWord::kWeekday, 1},
    {"nov", DateWord::kMonth, 11},
    {"november", DateWord::kMonth, 11},
    {"now", DateWord::kClock},
    {"oct", DateWord::kMonth, 10},
    {"october", DateWord::kMonth, 10},
    {"on", DateWord::kIgnored},
    {"pm", DateWord::kMeridiem, 1},
    {"s", DateWord::kUnit, value_of(TimeUnit::kSecond)},
    {"sat", DateWord::kWeekday, 6},
    {"saturday", DateWord::kWeekday, 6},
    {"sep", DateWord::kMonth, 9},
    {"sept", DateWord::kMonth, 9},
    {"september", DateWord::kMonth, 9},
    {"sun", DateWord::kWeekday, 0},
    {"sunday", DateWord::kWeekday, 0},
    {"t", DateWord::kIsoTime},
    {"thu", DateWord::kWeekday, 4},
    {"thur", DateWord::kWeekday, 4},
    {"thurs", DateWord::kWeekday, 4},
    {"thursday", DateWord::kWeekday, 4},
    {"today", DateWord::kClock},
    {"tomorrow", DateWord::kClock},
    {"tue", DateWord::kWeekday, 2},
    {"tues", DateWord::kWeekday, 2},
    {"tuesday", DateWord::kWeekday, 2},
    {"wed", DateWord::kWeekday, 3},
    {"wednesday", DateWord::kWeekday, 3},
    {"weds", DateWord::kWeekday, 3},
    {"y", DateWord::kUnit, value_of(TimeUnit::kYear)},
    {"yesterday", DateWord::kClock},
};

struct ZoneEntry {
  std::string_view word;
  int32_t seconds_east;
  bool is_daylight = false;
};

// PostgreSQL's default abbreviations of zones with a fixed offset.
constexpr ZoneEntry kZones[] = {
    {"acdt", 37800, true},
    {"acsst", 37800, true},
    {"acst", 34200},
    {"act", -18000},
    {"acwst", 31500},
    {"adt", -10800, true},
    {"aedt", 39600, true},
    {"aesst", 39600, true},
    {"aest", 36000},
    {"aft", 16200},
    {"akdt", -28800, true},
    {"akst", -32400},
    {"almst", 25200, true},
    {"almt", 21600},
    {"amt", -14400},
    {"ast", -14400},
    {"awsst", 32400, true},
    {"awst", 28800},
    {"azost", 0, true},
    {"azot", -3600},
    {"bdst", 7200, true},
    {"bdt", 21600},
    {"bnt", 28800},
    {"bort", 28800},
    {"bot", -14400},
    {"bra", -10800},
    {"brst", -7200, true},
    {"brt", -10800},
    {"bst", 3600, true},
    {"btt", 21600},
    {"cadt", 37800, true},
    {"cast", 34200},
    {"cct", 28800},
    {"cdt", -18000, true},
    {"cest", 7200, true},
    {"cet", 3600},
    {"cetdst", 7200, true},
    {"chadt", 49500, true},
    {"chast", 45900},
    {"chut", 36000},
    {"clst", -10800, true},
    {"cot", -18000},
    {"cst", -21600},
    {"cxt", 25200},
    {"ddut", 36000},
    {"eat", 10800},
    {"edt", -14400, true},
    {"eest", 10800, true},
    {"eet", 7200},
    {"eetdst", 10800, true},
    {"egst", 0, true},
    {"egt", -3600},
    {"est", -18000},
    {"fet", 10800},
    {"fjst", 46800, true},
    {"fjt", 43200},
    {"fnst", -3600, true},
    {"fnt", -7200},
    {"galt", -21600},
    {"gamt", -32400},
    {"gft", -10800},
    {"gilt", 43200},
    {"gmt", 0},
    {"hkt", 28800},
    {"hst", -36000},
    {"ict", 25200},
    {"idt", 10800, true},
    {"irt", 12600},
    {"ist", 7200},
    {"jayt", 32400},
    {"jst", 32400},
    {"kdt", 36000, true},
    {"kgst", 21600, true},
    {"kst", 32400},
    {"lhst", 37800},
    {"ligt", 36000},
    {"mart", -34200},
    {"mdt", -21600, true},
    {"mest", 7200, true},
    {"mesz", 7200, true},
    {"met", 3600},
    {"metdst", 7200, true},
    {"mez", 3600},
    {"mht", 43200},
    {"mmt", 23400},
    {"mpt", 36000},
    {"msd", 14400, true},
    {"mst", -25200},
    {"must", 18000, true},
    {"mut", 14400},
    {"mvt", 18000},
    {"myt", 28800},
    {"ndt", -9000, true},
    {"nft", -12600},
    {"npt", 20700},
    {"nst", -12600},
    {"nzdt", 46800, true},
    {"nzst", 43200},
    {"nzt", 43200},
    {"pdt", -25200, true},
    {"pet", -18000},
    {"pgt", 36000},
    {"pht", 28800},
    {"pkst", 21600, true},
    {"pkt", 18000},
    {"pmdt", -7200, true},
    {"pmst", -10800},
    {"pont", 39600},
    {"pst", -28800},
    {"pwt", 32400},
    {"pyst", -10800, true},
    {"ret", 14400},
    {"sadt", 37800, true},
    {"sast", 7200},
    {"sct", 14400},
    {"taht", -36000},
    {"tft", 18000},
    {"tjt", 18000},
    {"tot", 46800},
    {"trut", 36000},
    {"tvt", 43200},
    {"uct", 0},
    {"ulast", 32400, true},
    {"ut", 0},
    {"utc", 0},
    {"uyst", -7200, true},
    {"uyt", -10800},
    {"uzst", 21600, true},
    {"uzt", 18000},
    {"vut", 39600},
    {"wadt", 28800, true},
    {"wakt", 43200},
    {"wast", 25200},
    {"wat", 3600},
    {"wdt", 32400, true},
    {"wet", 0},
    {"wetdst", 3600, true},
    {"wft", 43200},
    {"wgst", -7200, true},
    {"wgt", -10800},
    {"xjt", 21600},
    {"yapt", 36000},
    {"yekst", 21600, true},
    {"z", 0},
    {"zulu", 0},
};

struct UnitEntry {
  std::string_view word;
  TimeUnit unit;
};

constexpr UnitEntry kUnits[] = {
    {"@", TimeUnit::kIgnored},
    {"ago", TimeUnit::kAgo},
    {"c", TimeUnit::kCentury},
    {"cent", TimeUnit::kCentury},
    {"centuries", TimeUnit::kCentury},
    {"century", TimeUnit::kCentury},
    {"d", TimeUnit::kDay},
    {"day", TimeUnit::kDay},
    {"days", TimeUnit::kDay},
    {"dec", TimeUnit::kDecade},
    {"decade", TimeUnit::kDecade},
    {"decades", TimeUnit::kDecade},
    {"decs", TimeUnit::kDecade},
    {"h", TimeUnit::kHour},
    {"hour", TimeUnit::kHour},
    {"hours", TimeUnit::kHour},
    {"hr", TimeUnit::kHour},
    {"hrs", TimeUnit::kHour},
    {"m", TimeUnit::kMinute},
    {"microsecon", TimeUnit::kMicrosecond},
    {"mil", TimeUnit::kMillennium},
    {"millennia", TimeUnit::kMillennium},
    {"millennium", TimeUnit::kMillennium},
    {"millisecon", TimeUnit::kMillisecond},
    {"mils", TimeUnit::kMillennium},
    {"min", TimeUnit::kMinute},
    {"mins", TimeUnit::kMinute},
    {"minute", TimeUnit::kMinute},
    {"minutes", TimeUnit::kMinute},
    {"mon", TimeUnit::kMonth},
    {"mons", TimeUnit::kMonth},
    {"month", TimeUnit::kMonth},
    {"months", TimeUnit::kMonth},
    {"ms", TimeUnit::kMillisecond},
    {"msec", TimeUnit::kMillisecond},
    {"msecond", TimeUnit::kMillisecond},
    {"mseconds", TimeUnit::kMillisecond},
    {"msecs", TimeUnit::kMillisecond},
    {"qtr", TimeUnit::kQuarter},
    {"quarter", TimeUnit::kQuarter},
    {"s", TimeUnit::kSecond},
    {"sec", TimeUnit::kSecond},
    {"second", TimeUnit::kSecond},
    {"seconds", TimeUnit::kSecond},
    {"secs", TimeUnit::kSecond},
    {"timezone", TimeUnit::kTimezone},
    {"timezone_h", TimeUnit::kTimezoneHour},
    {"timezone_m", TimeUnit::kTimezoneMinute},
    {"us", TimeUnit::kMicrosecond},
    {"usec", TimeUnit::kMicrosecond},
    {"usecond", TimeUnit::kMicrosecond},
    {"useconds", TimeUnit::kMicrosecond},
    {"usecs", TimeUnit::kMicrosecond},
    {"w", TimeUnit::kWeek},
    {"week", TimeUnit::kWeek},
    {"weeks", TimeUnit::kWeek},
    {"y", TimeUnit::kYear},
    {"year", TimeUnit::kYear},
    {"years", TimeUnit::kYear},
    {"yr", TimeUnit::kYear},
    {"yrs", TimeUnit::kYear},
};

constexpr UnitEntry kExtractFields[] = {
    {"dow", TimeUnit::kDayOfWeek},   {"doy", TimeUnit::kDayOfYear},
    {"epoch", TimeUnit::kEpoch},     {"isodow", TimeUnit::kIsoDayOfWeek},
    {"isoyear", TimeUnit::kIsoYear}, {"j", TimeUnit::kJulian},
    {"jd", TimeUnit::kJulian},       {"julian", TimeUnit::kJulian},
};

template <typename Entry, size_t count>
const Entry* find_word(const Entry (&entries)[count], std::string_view word) {
  word = word.substr(0, kMaxWordLength);
  const Entry* const end = entries + count;
  const Entry* const found =
      std::lower_bound(entries, end, word,
                       [](const Entry& entry, std::string_view key) { return entry.word < key; });
  return found != end && found->word == word ? found : nullptr;
}

/// Cuts one text into tokens; the rules for what belongs together are PostgreSQL's.
class Splitter {
 public:
  Splitter(std::string_view text, size_t buffer_bytes, std::vector<DateToken>& tokens)
      : text_(text), room_(buffer_bytes), tokens_(tokens) {}

  bool run() {
    while (position_ < text_.size()) {
      const char c = peek();
      if (is_space(c)) {
        ++position_;
        continue;
      }
      token_ = DateToken{DateToken::Kind::kNumber, {}};
      if (is_digit(c)) {
        take_number_or_date();
      } else if (c == '.') {
        take();
        take_while(is_digit);
      } else if (is_alpha(c)) {
        take_word();
      } else if (c == '+' || c == '-') {
        if (!take_signed()) return false;
      } else if (is_punctuation(c)) {
        ++position_;
        continue;
      } else {
        return false;
      }
      used_ += token_.text.size() + 1;
      if (used_ > room_ || tokens_.size() == kMaxTokens) return false;
      tokens_.push_back(std::move(token_));
    }
    return true;
  }

 private:
  char peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }
  void take() { token_.text += to_lower(text_[position_++]); }
  template <typename Predicate>
  void take_while(Predicate belongs) {
    while (position_ < text_.size() && belongs(text_[position_])) take();
  }

  void take_number_or_date() {
    take_while(is_digit);
    const char delimiter = peek();
    if (delimiter == ':') {
      token_.kind = DateToken::Kind::kTime;
      take();
      take_while([](char c) { return is_digit(c) || c == ':' || c == '.'; });
      return;
    }
    if (delimiter != '-' && delimiter != '/' && delimiter != '.') return;
    take();
    if (!is_digit(peek())) {  // a month in letters
      token_.kind = DateToken::Kind::kDate;
      take_while([&](char c) { return is_digit(c) || is_alpha(c) || c == delimiter; });
      return;
    }
    token_.kind = delimiter == '.' ? DateToken::Kind::kNumber : DateToken::Kind::kDate;
    take_while(is_digit);
    if (peek() == delimiter) {  // three parts need equal delimiters
      token_.kind = DateToken::Kind::kDate;
      take();
      take_while([&](char c) { return is_digit(c) || c == delimiter; });
    }
  }

  void take_word() {
    token_.kind = DateToken::Kind::kWord;
    take_while(is_alpha);
    const char next = peek();
    bool is_date = next == '-' || next == '/' || next == '.';
    if (next == '+' || is_digit(next)) {
      is_date = find_core_date_word(token_.text).kind == DateWord::kUnknown;
    }
    if (!is_date) return;
    token_.kind = DateToken::Kind::kDate;
    take_while([](char c) {
      return c == '+' || c == '-' || c == '/' || c == '_' || c == '.' || c == ':' || is_digit(c) ||
             is_alpha(c);
    });
  }

  bool take_signed() {
    take();
    while (is_space(peek())) ++position_;
    if (is_digit(peek())) {
      token_.kind = DateToken::Kind::kSigned;
      take_while([](char c) { return is_digit(c) || c == ':' || c == '.' || c == '-'; });
      return true;
    }
    token_.kind = DateToken::Kind::kSpecial;
    if (!is_alpha(peek())) return false;
    take_while(is_alpha);
    return true;
  }

  const std::string_view text_;
  const size_t room_;
  std::vector<DateToken>& tokens_;
  DateToken token_{};
  size_t position_ = 0;
  size_t used_ = 0;
};

}  // namespace

DateWordMeaning find_core_date_word(std::string_view word) {
  const DateWordEntry* const entry = find_word(kDateWords, word);
  return entry ? DateWordMeaning{entry->kind, entry->value} : DateWordMeaning{};
}

DateWordMeaning find_date_word(std::string_view word) {
  const ZoneEntry* const zone = find_word(kZones, word);
  if (zone) {
    return {zone->is_daylight ? DateWord::kDaylightZone : DateWord::kZone, zone->seconds_east};
  }
  return find_core_date_word(word);
}

TimeUnit find_time_unit(std::string_view word) {
  const UnitEntry* const entry = find_word(kUnits, word);
  return entry ? entry->unit : TimeUnit::kUnknown;
}

TimeUnit find_extract_field(std::string_view word) {
  const TimeUnit unit = find_time_unit(word);
  if (unit != TimeUnit::kUnknown) return unit;
  const UnitEntry* const entry = find_word(kExtractFields, word);
  return entry ? entry->unit : TimeUnit::kUnknown;
}

bool split_date_tokens(std::string_view text, size_t buffer_bytes, std::vector<DateToken>& tokens) {
  return Splitter(text, buffer_bytes, tokens).run();
}

bool scan_fraction(std::string_view text, double& fraction) {
  fraction = 0;
  if (text.size() == 1) return true;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), fraction);
  return error == std::errc() && stop == text.data() + text.size();
}

bool scan_fraction_micros(std::string_view text, int32_t& micros) {
  double fraction = 0;
  if (!scan_fraction(text, fraction)) return false;
  micros = static_cast<int32_t>(std::rint(fraction * 1e6));
  return true;
}

}  // namespace forebay::data
