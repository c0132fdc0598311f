#include "server/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "engine/data/text_format.h"
#include "engine/data/time_zones.h"
#include "sql/catalog/catalog.h"

namespace forebay::server {

namespace {

using data::Result;
using data::Status;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

Status invalid(std::string_view name, std::string_view value) {
  return Status(data::sqlstate::kInvalidParameterValue,
                fmt::format("invalid value for parameter \"{}\": \"{}\"", name, value));
}

Result<std::string> any_text(std::string_view, std::string_view value) {
  return std::string(value);
}

Result<std::string> boolean(std::string_view name, std::string_view value) {
  Result<bool> parsed = data::parse_boolean(value);
  if (!parsed.is_ok()) {
    return Status(data::sqlstate::kInvalidParameterValue,
                  fmt::format("parameter \"{}\" requires a Boolean value", name));
  }
  return std::string(*parsed ? "on" : "off");
}

Result<std::string> milliseconds(std::string_view name, std::string_view value) {
  Result<int64_t> parsed = parse_milliseconds(value);
  if (!parsed.is_ok() || *parsed < 0) return invalid(name, value);
  if (*parsed == 0) return std::string("0");
  if (*parsed % 60'000 == 0) return fmt::format("{}min", *parsed / 60'000);
  if (*parsed % 1000 == 0) return fmt::format("{}s", *parsed / 1000);
  return fmt::format("{}ms", *parsed);
}

Result<std::string> positive_milliseconds(std::string_view name, std::string_view value) {
  Result<int64_t> parsed = parse_milliseconds(value);
  if (!parsed.is_ok() || *parsed <= 0) return invalid(name, value);
  return milliseconds(name, value);
}

template <int64_t kLeast, int64_t kMost>
Result<std::string> whole_number(std::string_view name, std::string_view value) {
  Result<int64_t> parsed = data::parse_bigint(value);
  if (!parsed.is_ok()) return invalid(name, value);
  if (*parsed < kLeast || *parsed > kMost) {
    return Status(data::sqlstate::kInvalidParameterValue,
                  fmt::format("{} is outside the valid range for parameter \"{}\" ({} .. {})",
                              value, name, kLeast, kMost));
  }
  return fmt::format("{}", *parsed);
}

// Values that PostgreSQL knows and Forebay has only one of.
Result<std::string> only_utf8(std::string_view name, std::string_view value) {
  // PostgreSQL looks at letters and digits alone: asyncpg writes 'utf-8', with the quotes.
  std::string text = lower(value);
  std::erase_if(text, [](unsigned char c) { return std::isalnum(c) == 0; });
  if (text != "utf8" && text != "unicode") return invalid(name, value);
  return std::string("UTF8");
}

Result<std::string> only_iso(std::string_view name, std::string_view value) {
  std::string text = lower(value);
  if (text.find("iso") == std::string::npos && text != "mdy") return invalid(name, value);
  return std::string("ISO, MDY");
}

Result<std::string> time_zone(std::string_view, std::string_view value) {
  auto zone = data::time_zone_of_setting(value);
  if (!zone.is_ok()) return invalid("TimeZone", value).with_detail(zone.error().detail);
  return std::move(zone->name);
}

Result<std::string> only_postgres(std::string_view name, std::string_view value) {
  if (lower(value) != "postgres") return invalid(name, value);
  return std::string("postgres");
}

Result<std::string> only_on(std::string_view name, std::string_view value) {
  FOREBAY_ASSIGN_OR_RETURN(std::string text, boolean(name, value));
  if (text != "on") return invalid(name, value);
  return text;
}

Result<std::string> isolation(std::string_view name, std::string_view value) {
  std::string text = lower(value);
  for (std::string_view known :
       {"read committed", "read uncommitted", "repeatable read", "serializable"}) {
    if (text == known) return text;
  }
  return invalid(name, value);
}

Result<std::string> name_list(std::string_view name, std::string_view value) {
  auto parsed = parse_search_path(value, "");
  if (!parsed.is_ok()) return invalid(name, value).with_detail("List syntax is invalid.");
  return std::string(value);
}

constexpr SettingScope kSession = SettingScope::kSession;
constexpr SettingScope kServer = SettingScope::kServer;
constexpr SettingScope kReadOnly = SettingScope::kReadOnly;

const SettingDescriptor kSettings[] = {
    {"application_name", kSession, "", "Name of the client, for people who look.", any_text,
     "application_name"},
    {"batch_rows", kServer, "4096", "Most rows of a change batch; views made from now on use it.",
     whole_number<1, 65536>, ""},
    {"bytea_output", kSession, "hex", "Accepted for clients.", any_text, ""},
    {"checkpoint_interval", kServer, "1s", "Longest time that an epoch may take to end.",
     positive_milliseconds, ""},
    {"client_encoding", kSession, "UTF8", "Always UTF8.", only_utf8, "client_encoding"},
    {"client_min_messages", kSession, "notice", "Accepted for clients.", any_text, ""},
    {"datestyle", kSession, "ISO, MDY", "Always ISO, MDY.", only_iso, "DateStyle"},
    {"default_transaction_isolation", kSession, "read committed", "Accepted for clients.",
     isolation, ""},
    {"default_transaction_read_only", kSession, "off",
     "INSERT, UPDATE, DELETE, COPY FROM, CREATE and DROP are refused.", boolean,
     "default_transaction_read_only"},
    {"extra_float_digits", kSession, "1", "Accepted for clients: floats are always shortest exact.",
     whole_number<-15, 3>, ""},
    {"idle_in_transaction_session_timeout", kSession, "0", "Accepted for clients.", milliseconds,
     ""},
    {"implicit_flush", kSession, "on",
     "INSERT, UPDATE and DELETE answer when committed; off: when accepted.", boolean, ""},
    {"in_hot_standby", kReadOnly, "off", "Always off.", boolean, "in_hot_standby"},
    {"integer_datetimes", kReadOnly, "on", "Always on.", boolean, "integer_datetimes"},
    {"intervalstyle", kSession, "postgres", "Always postgres.", only_postgres, "IntervalStyle"},
    {"is_superuser", kReadOnly, "on", "Always on until roles exist.", boolean, "is_superuser"},
    {"lock_timeout", kSession, "0", "Accepted for clients.", milliseconds, ""},
    {"hot_tier_bytes", kServer, "0",
     "Memory for state that is resident; 0: half of --memory. What does not fit is read back.",
     whole_number<0, int64_t{1} << 50>, ""},
    {"max_epoch_bytes", kServer, "0",
     "Most that the first contents of a view may need; 0: --memory.",
     whole_number<0, int64_t{1} << 50>, ""},
    {"max_epoch_rows", kServer, "1000000", "Dirty entries at which an epoch ends early.",
     whole_number<1, 1'000'000'000>, ""},
    {"default_table_access_method", kReadOnly, "heap", "Always heap.", any_text, ""},
    {"max_index_keys", kReadOnly, "32", "Most columns that clients expect in a key.", any_text, ""},
    {"max_identifier_length", kReadOnly, "63", "Longest name, in bytes.", any_text, ""},
    {"row_security", kSession, "on", "Accepted for clients.", boolean, ""},
    {"search_path", kSession, "\"$user\", public", "Schemas in which names are looked up.",
     name_list, ""},
    {"server_encoding", kReadOnly, "UTF8", "Always UTF8.", any_text, "server_encoding"},
    {"server_version", kReadOnly, "15.0", "The PostgreSQL version that clients see.", any_text,
     "server_version"},
    {"server_version_num", kReadOnly, "150000", "The same as a number.", any_text, ""},
    {"session_authorization", kReadOnly, "root", "The user.", any_text, "session_authorization"},
    {"standard_conforming_strings", kSession, "on", "Always on.", only_on,
     "standard_conforming_strings"},
    {"statement_timeout", kSession, "0", "Longest time of a statement; 0: no limit.", milliseconds,
     ""},
    {"synchronous_commit", kSession, "on", "Accepted for clients: commits are always durable.",
     any_text, ""},
    {"timezone", kSession, "UTC", "Zone of the text, the dates and the parts of timestamptz.",
     time_zone, "TimeZone"},
    {"transaction_isolation", kSession, "read committed", "Accepted for clients.", isolation, ""},
    {"transaction_read_only", kSession, "off", "The same, for the block that is open.", boolean,
     ""},
};

}  // namespace

std::span<const SettingDescriptor> all_settings() { return kSettings; }

const SettingDescriptor* find_setting(std::string_view name) {
  std::string key = lower(name);
  if (key == "rw_implicit_flush") key = "implicit_flush";
  if (key == "time zone") key = "timezone";
  for (const SettingDescriptor& setting : kSettings) {
    if (setting.name == key) return &setting;
  }
  return nullptr;
}

bool is_foreign_setting(std::string_view name) {
  std::string key = lower(name);
  // Flink's.
  for (std::string_view prefix :
       {"table.", "execution.", "pipeline.", "parallelism.", "sql-client.", "state.",
        "restart-strategy.", "taskmanager.", "jobmanager."}) {
    if (key.starts_with(prefix)) return true;
  }
  return key.starts_with("rw_") || key.starts_with("streaming_") || key == "background_ddl" ||
         key == "query_mode";
}

std::string similar_setting(std::string_view name) {
  std::string best;
  size_t distance = name.size() / 3 + 1;
  for (const SettingDescriptor& setting : kSettings) {
    size_t edits = sql::catalog::edit_distance(lower(name), setting.name);
    if (edits < distance) {
      distance = edits;
      best = setting.name;
    }
  }
  return best;
}

Result<int64_t> parse_milliseconds(std::string_view text) {
  double number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) {
    return Status(data::sqlstate::kInvalidParameterValue,
                  fmt::format("invalid duration \"{}\"", text));
  }
  std::string unit = lower(std::string_view(end, text.data() + text.size() - end));
  std::erase(unit, ' ');
  double factor = 0;
  if (unit.empty() || unit == "ms") factor = 1;
  if (unit == "us") factor = 0.001;
  if (unit == "s") factor = 1000;
  if (unit == "min") factor = 60'000;
  if (unit == "h") factor = 3'600'000;
  if (unit == "d") factor = 86'400'000;
  double total = number * factor;
  if (factor == 0 || !(total >= 0) || total > 2'147'483'647.0) {
    return Status(data::Error{.sqlstate = data::sqlstate::kInvalidParameterValue,
                              .message = fmt::format("invalid duration \"{}\"", text),
                              .hint = "Valid units for this parameter are \"us\", \"ms\", \"s\", "
                                      "\"min\", \"h\", and \"d\"."});
  }
  return static_cast<int64_t>(total + 0.5);
}

Result<std::vector<std::string>> parse_search_path(std::string_view text, std::string_view user) {
  std::vector<std::string> path;
  size_t at = 0;
  auto skip_blanks = [&] {
    while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at])) != 0) ++at;
  };
  auto bad = [] {
    return Status(data::sqlstate::kInvalidParameterValue, "a list of schema names is wrong");
  };
  skip_blanks();
  if (at == text.size()) return path;
  while (true) {
    skip_blanks();
    std::string name;
    if (at < text.size() && text[at] == '"') {
      for (++at;; ++at) {
        if (at >= text.size()) return bad();
        if (text[at] == '"' && (at + 1 >= text.size() || text[at + 1] != '"')) break;
        if (text[at] == '"') ++at;
        name += text[at];
      }
      ++at;
      if (name == "$user") name = user;
    } else {
      const size_t begin = at;
      while (at < text.size() && text[at] != ',' && text[at] != '"' &&
             std::isspace(static_cast<unsigned char>(text[at])) == 0) {
        ++at;
      }
      name = lower(text.substr(begin, at - begin));
      if (name.empty()) return bad();
    }
    if (!name.empty() && std::find(path.begin(), path.end(), name) == path.end()) {
      path.push_back(std::move(name));
    }
    skip_blanks();
    if (at == text.size()) return path;
    if (text[at++] != ',') return bad();
  }
}

std::string SessionSettings::get(const SettingDescriptor& setting) const {
  auto found = values_.find(setting.name);
  return found != values_.end() ? found->second : std::string(setting.default_value);
}

void SessionSettings::set(const SettingDescriptor& setting, std::string value) {
  values_[std::string(setting.name)] = std::move(value);
}

bool SessionSettings::implicit_flush() const {
  auto found = values_.find("implicit_flush");
  return found == values_.end() || found->second == "on";
}

const data::TimeZone* SessionSettings::time_zone() const {
  auto found = values_.find("timezone");
  if (found == values_.end()) return nullptr;
  // What check() has let in.
  return data::time_zone_of_setting(found->second).value().zone;
}

int64_t SessionSettings::statement_timeout_ms() const {
  auto found = values_.find("statement_timeout");
  return found == values_.end() ? 0 : parse_milliseconds(found->second).value();
}

}  // namespace forebay::server
