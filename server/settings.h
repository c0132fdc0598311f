#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/data/status.h"
#include "engine/data/time_zones.h"
#include "engine/runtime/engine.h"

/// Settings: one list of descriptors (settings.cpp). Session settings live in each session; server
/// settings are shared and also set by --set name=value.
namespace forebay::server {

enum class SettingScope : uint8_t {
  kSession,
  kServer,    // SET changes it for everybody
  kReadOnly,  // SET: 55P02
};

struct SettingDescriptor {
  std::string_view name;  // lower case
  SettingScope scope;
  std::string_view default_value;
  std::string_view description;
  /// Checks a new value and brings it to its canonical text. 22023.
  data::Result<std::string> (*check)(std::string_view name, std::string_view value);
  /// Reported to clients as ParameterStatus, under this spelling; empty: not.
  std::string_view reported_as;
};

std::span<const SettingDescriptor> all_settings();
/// By lower-case name or alias (rw_implicit_flush); nullptr: unknown.
const SettingDescriptor* find_setting(std::string_view name);
/// rw_*, streaming_*: known elsewhere, accepted with a notice.
bool is_foreign_setting(std::string_view name);
/// The nearest name, for a hint; empty: none is near.
std::string similar_setting(std::string_view name);
/// Text like "500ms", "1s", "2 min" or a bare number of milliseconds.
data::Result<int64_t> parse_milliseconds(std::string_view text);

/// The schemas named by a value of search_path, in order, without repeats; "$user" is `user`. 22023
/// when it is no list of names.
data::Result<std::vector<std::string>> parse_search_path(std::string_view text,
                                                         std::string_view user);

/// Values of one session over those of the server.
class SessionSettings {
 public:
  /// Canonical text. `name` has a descriptor.
  std::string get(const SettingDescriptor& setting) const;
  void set(const SettingDescriptor& setting, std::string value);
  void reset(const SettingDescriptor& setting) { values_.erase(std::string(setting.name)); }
  void reset_all() { values_.clear(); }

  bool implicit_flush() const;
  int64_t statement_timeout_ms() const;
  /// nullptr: UTC.
  const data::TimeZone* time_zone() const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace forebay::server
