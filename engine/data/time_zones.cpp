#include "engine/data/time_zones.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>

#include "engine/data/datetime.h"
#include "engine/data/datetime_words.h"

namespace forebay::data {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;
// Days from 1970-01-01 to 2000-01-01.
constexpr int64_t kEpochDays = 10'957;

int64_t day_number(int32_t year, int32_t month, int32_t day) {
  return days_from_civil(year, month, day) + kEpochDays;
}

int32_t year_of(int64_t seconds) {
  int64_t days = seconds / kSecondsPerDay;
  if (seconds % kSecondsPerDay < 0) --days;
  days = std::clamp<int64_t>(days - kEpochDays, INT32_MIN / 2, INT32_MAX / 2);
  return civil_from_days(static_cast<int32_t>(days)).year;
}

/// Takes big-endian integers off the front of a file.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  bool take(size_t size, std::string_view& out) {
    if (bytes_.size() < size) return false;
    out = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return true;
  }
  bool skip(size_t size) {
    std::string_view ignored;
    return take(size, ignored);
  }
  std::string_view rest() const { return bytes_; }

 private:
  std::string_view bytes_;
};

int64_t big_endian(std::string_view bytes) {
  uint64_t value = (static_cast<uint8_t>(bytes[0]) & 0x80) != 0 ? ~uint64_t{0} : 0;
  for (char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return static_cast<int64_t>(value);
}

struct Header {
  size_t utc_count, standard_count, leap_count, time_count, type_count, name_bytes;
};

bool take_header(Bytes& bytes, Header& header) {
  std::string_view text;
  if (!bytes.take(44, text) || !text.starts_with("TZif")) return false;
  auto count = [&](size_t at) { return static_cast<size_t>(big_endian(text.substr(at, 4))); };
  header = {count(20), count(24), count(28), count(32), count(36), count(40)};
  constexpr size_t kMost = 100'000;
  return std::max({header.utc_count, header.standard_count, header.leap_count, header.time_count,
                   header.type_count, header.name_bytes}) < kMost &&
         header.type_count > 0;
}

// A POSIX TZ text, taken apart from the left.
class Footer {
 public:
  explicit Footer(std::string_view text) : text_(text) {}
  bool empty() const { return text_.empty(); }
  bool take(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool name(std::string& out) {
    if (take('<')) {
      const size_t end = text_.find('>');
      if (end == std::string_view::npos) return false;
      out = text_.substr(0, end);
      text_.remove_prefix(end + 1);
      return true;
    }
    size_t letters = 0;
    while (letters < text_.size() && std::isalpha(static_cast<unsigned char>(text_[letters]))) {
      ++letters;
    }
    out = text_.substr(0, letters);
    text_.remove_prefix(letters);
    return letters >= 3;
  }
  bool number(int32_t& out) {
    size_t digits = 0;
    out = 0;
    while (digits < text_.size() && std::isdigit(static_cast<unsigned char>(text_[digits])) &&
           digits < 6) {
      out = out * 10 + (text_[digits++] - '0');
    }
    text_.remove_prefix(digits);
    return digits > 0;
  }
  /// [+-]hh[:mm[:ss]] in seconds.
  bool time(int32_t& out) {
    const bool negative = take('-');
    if (!negative) (void)take('+');
    int32_t hours = 0, minutes = 0, seconds = 0;
    if (!number(hours)) return false;
    if (take(':') && !number(minutes)) return false;
    if (take(':') && !number(seconds)) return false;
    out = (hours * 60 + minutes) * 60 + seconds;
    if (negative) out = -out;
    return true;
  }

 private:
  std::string_view text_;
};

}  // namespace

std::unique_ptr<TimeZone> TimeZone::parse(std::string_view file) {
  Bytes bytes(file);
  Header header{};
  if (!take_header(bytes, header)) return nullptr;
  // The first part has 32-bit times; the second one all of it again with 64 bits.
  const size_t first = header.time_count * 5 + header.type_count * 6 + header.name_bytes +
                       header.leap_count * 8 + header.standard_count + header.utc_count;
  if (!bytes.skip(first) || !take_header(bytes, header)) return nullptr;
  std::string_view times, kinds, types, names;
  if (!bytes.take(header.time_count * 8, times) || !bytes.take(header.time_count, kinds) ||
      !bytes.take(header.type_count * 6, types) || !bytes.take(header.name_bytes, names) ||
      !bytes.skip(header.leap_count * 12 + header.standard_count + header.utc_count)) {
    return nullptr;
  }
  auto offset_of = [&](size_t type) {
    return static_cast<int32_t>(big_endian(types.substr(type * 6, 4)));
  };
  auto name_of = [&](size_t type) {
    const auto begin = static_cast<uint8_t>(types[type * 6 + 5]);
    if (begin >= names.size()) return std::string();
    return std::string(names.substr(begin, names.find('\0', begin) - begin));
  };
  auto zone = std::make_unique<TimeZone>(offset_of(0), name_of(0));
  for (size_t type = 1; type < header.type_count; ++type) zone->names_.push_back(name_of(type));
  for (size_t i = 0; i < header.time_count; ++i) {
    const auto kind = static_cast<uint8_t>(kinds[i]);
    if (kind >= header.type_count) return nullptr;
    zone->changes_.push_back({big_endian(times.substr(i * 8, 8)), offset_of(kind), kind});
  }
  std::string_view footer = bytes.rest();
  if (footer.size() > 2 && footer[0] == '\n') {
    footer.remove_prefix(1);
    footer = footer.substr(0, footer.find('\n'));
    if (!zone->parse_footer(footer)) return nullptr;
  }
  return zone;
}

std::unique_ptr<TimeZone> TimeZone::of_rule(std::string_view text) {
  auto zone = std::make_unique<TimeZone>(0);
  return zone->parse_footer(text) ? std::move(zone) : nullptr;
}

bool TimeZone::parse_footer(std::string_view text) {
  Footer footer(text);
  auto rule = [&](Rule& out) {
    if (!footer.take(',')) return false;
    if (footer.take('M')) {
      out.kind = Rule::Kind::kMonthWeekDay;
      if (!footer.number(out.month) || !footer.take('.') || !footer.number(out.week) ||
          !footer.take('.') || !footer.number(out.day)) {
        return false;
      }
    } else {
      out.kind = footer.take('J') ? Rule::Kind::kJulian : Rule::Kind::kDay;
      if (!footer.number(out.day)) return false;
    }
    return !footer.take('/') || footer.time(out.seconds);
  };
  const auto add_name = [&](std::string name) {
    names_.push_back(std::move(name));
    return static_cast<uint32_t>(names_.size() - 1);
  };
  int32_t west = 0;
  std::string name;
  if (!footer.name(name) || !footer.time(west)) return false;
  has_footer_ = true;
  standard_ = {0, -west, add_name(std::move(name))};
  if (footer.empty()) return true;
  has_daylight_ = true;
  if (!footer.name(name)) return false;
  daylight_ = {0, standard_.offset + 3600, add_name(std::move(name))};
  if (int32_t own = 0; footer.time(own)) daylight_.offset = -own;
  return rule(daylight_begins_) && rule(daylight_ends_);
}

int64_t TimeZone::Rule::in_year(int32_t year) const {
  switch (kind) {
    case Kind::kJulian: {  // 1 to 365, without the leap day
      const bool is_after_leap_day = day >= 60 && is_leap_year(year);
      return (day_number(year, 1, 1) + day - 1 + (is_after_leap_day ? 1 : 0)) * kSecondsPerDay +
             seconds;
    }
    case Kind::kDay:
      return (day_number(year, 1, 1) + day) * kSecondsPerDay + seconds;
    case Kind::kMonthWeekDay:
      break;
  }
  const int64_t first = day_number(year, month, 1);
  const auto week_day = static_cast<int32_t>(((first + 4) % 7 + 7) % 7);  // 1970-01-01: Thursday
  int32_t date = 1 + (day - week_day + 7) % 7 + (week - 1) * 7;
  if (date > days_in_month(year, month)) date -= 7;
  return (first + date - 1) * kSecondsPerDay + seconds;
}

std::vector<TimeZone::Change> TimeZone::rule_changes(int32_t year) const {
  std::vector<Change> changes{daylight_, standard_};
  changes[0].at = daylight_begins_.in_year(year) - standard_.offset;
  changes[1].at = daylight_ends_.in_year(year) - daylight_.offset;
  if (changes[1].at < changes[0].at) std::swap(changes[0], changes[1]);
  return changes;
}

TimeZone::Change TimeZone::period_by_rules(int64_t utc_seconds) const {
  if (!has_daylight_) return standard_;
  const int32_t year = year_of(utc_seconds + standard_.offset);
  Change period = rule_changes(year - 1).back();
  for (const Change& change : rule_changes(year)) {
    if (change.at <= utc_seconds) period = change;
  }
  return period;
}

TimeZone::Change TimeZone::period_at(int64_t utc_seconds) const {
  if (changes_.empty() || utc_seconds >= changes_.back().at) {
    if (has_footer_) return period_by_rules(utc_seconds);
    return changes_.empty() ? first_ : changes_.back();
  }
  auto next = std::upper_bound(changes_.begin(), changes_.end(), utc_seconds,
                               [](int64_t at, const Change& change) { return at < change.at; });
  return next == changes_.begin() ? first_ : *std::prev(next);
}

int32_t TimeZone::offset_of_local(int64_t local_seconds) const {
  // No clock is more than a day from Greenwich.
  const int32_t before = offset_at(local_seconds - kSecondsPerDay);
  const int32_t after = offset_at(local_seconds + kSecondsPerDay);
  if (before == after) {
    // Two changes within two days, if any, are taken as they come.
    const int32_t between = offset_at(local_seconds - before);
    return between == before ? before : offset_at(local_seconds - between);
  }
  const bool before_holds = offset_at(local_seconds - before) == before;
  const bool after_holds = offset_at(local_seconds - after) == after;
  if (before_holds && !after_holds) return before;
  if (after_holds && !before_holds) return after;
  // Left out: as before. Twice: as after.
  return before_holds ? after : before;
}

namespace {

std::filesystem::path zone_folder() {
  const char* given = std::getenv("TZDIR");
  return given != nullptr ? given : "/usr/share/zoneinfo";
}

bool is_zone_name(std::string_view name) {
  if (name.empty() || name.size() > 255 || name[0] == '/' || name[0] == '.') return false;
  if (name.find("..") != std::string_view::npos) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '/' || c == '_' || c == '-' ||
           c == '+';
  });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// The file of a name in any case, part by part; empty: there is none.
std::filesystem::path zone_file(std::string_view name) {
  if (!is_zone_name(name)) return {};
  std::error_code error;
  std::filesystem::path path = zone_folder();
  while (!name.empty()) {
    const size_t slash = name.find('/');
    const std::string wanted = lower(name.substr(0, slash));
    name = slash == std::string_view::npos ? std::string_view() : name.substr(slash + 1);
    std::filesystem::path found;
    for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
      if (lower(entry.path().filename().string()) == wanted) found = entry.path();
    }
    if (found.empty()) return {};
    path = found;
  }
  return std::filesystem::is_regular_file(path, error) ? path : std::filesystem::path();
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

std::unique_ptr<TimeZone> load_file(const std::filesystem::path& path) {
  if (path.empty()) return nullptr;
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return TimeZone::parse(bytes);
}

std::unique_ptr<TimeZone> load_zone(std::string_view name) {
  const DateWordMeaning word = find_date_word(lower(name));
  if (word.kind == DateWord::kZone || word.kind == DateWord::kDaylightZone) {
    return std::make_unique<TimeZone>(word.value, upper(name));
  }
  return load_file(zone_file(name));
}

/// Hours as a number, perhaps with a fraction.
std::optional<double> hours_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double hours = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), hours);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return hours;
}

std::optional<NamedTimeZone> load_setting(std::string_view value) {
  // Zones of settings are few, and are kept for ever.
  const auto keep = [](std::unique_ptr<TimeZone> zone, std::string name) {
    return NamedTimeZone{zone.release(), std::move(name)};
  };
  if (auto hours = hours_of(value)) {
    std::string name = name_of_offset(static_cast<int64_t>(*hours * 3600));
    return keep(TimeZone::of_rule(name), name);
  }
  if (const std::filesystem::path path = zone_file(value); !path.empty()) {
    auto zone = load_file(path);
    if (zone == nullptr) return std::nullopt;
    std::string name = path.lexically_relative(zone_folder()).string();
    if (zone->is_utc()) return NamedTimeZone{nullptr, std::move(name)};
    return keep(std::move(zone), std::move(name));
  }
  if (auto zone = TimeZone::of_rule(value)) return keep(std::move(zone), upper(value));
  return std::nullopt;
}

}  // namespace

Result<const TimeZone*> find_time_zone(std::string_view name) {
  static std::mutex mutex;
  static auto& zones = *new std::map<std::string, std::unique_ptr<TimeZone>, std::less<>>();
  std::lock_guard lock(mutex);
  auto found = zones.find(name);
  if (found == zones.end()) {
    std::unique_ptr<TimeZone> zone = load_zone(name);
    if (zone == nullptr) {
      return Status(sqlstate::kInvalidParameterValue,
                    fmt::format("time zone \"{}\" not recognized", name));
    }
    found = zones.emplace(std::string(name), std::move(zone)).first;
  }
  return found->second.get();
}

std::string name_of_offset(int64_t seconds_east) {
  const int64_t size = std::abs(seconds_east);
  std::string text = fmt::format("{:02}", size / 3600);
  if (size % 3600 != 0) text += fmt::format(":{:02}", size / 60 % 60);
  if (size % 60 != 0) text += fmt::format(":{:02}", size % 60);
  return seconds_east < 0 ? fmt::format("<-{0}>+{0}", text) : fmt::format("<+{0}>-{0}", text);
}

Result<NamedTimeZone> time_zone_of_setting(std::string_view value) {
  static std::mutex mutex;
  static auto& known = *new std::map<std::string, NamedTimeZone, std::less<>>();
  if (lower(value) == "utc") return NamedTimeZone{nullptr, "UTC"};
  // Less than a week, as in PostgreSQL.
  if (auto hours = hours_of(value); hours && !(std::fabs(*hours) < 168)) {
    return Status(sqlstate::kInvalidParameterValue,
                  fmt::format("time zone \"{}\" not recognized", value))
        .with_detail("UTC timezone offset is out of range.");
  }
  std::lock_guard lock(mutex);
  if (auto found = known.find(value); found != known.end()) return found->second;
  auto zone = load_setting(value);
  if (!zone) {
    return Status(sqlstate::kInvalidParameterValue,
                  fmt::format("time zone \"{}\" not recognized", value));
  }
  return known.emplace(std::string(value), std::move(*zone)).first->second;
}

}  // namespace forebay::data
