// What functions ask of the session: settings, and time to pass.

#include <chrono>
#include <thread>

#include "server/session.h"

namespace forebay::server {

using data::Result;
using data::Status;

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

/// Notices of a setting that has no effect belong to SET.
class NoSink final : public ResultSink {
 public:
  Status begin_rows(const data::Schema&) override { return Status::ok(); }
  Status rows(const data::ChangeBatch&) override { return Status::ok(); }
  void notice(const Notice&) override {}
};

}  // namespace

std::optional<std::string> Session::setting(std::string_view name) {
  const std::string key = lower(name);
  if (const SettingDescriptor* setting = find_setting(key)) return setting_value(*setting);
  auto custom = custom_settings_.find(key);
  return custom == custom_settings_.end() ? std::nullopt : std::optional(custom->second);
}

Result<std::string> Session::set(std::string_view name, std::string_view value) {
  NoSink sink;
  const std::string key = lower(name);
  FOREBAY_RETURN_IF_ERROR(set_value(key, std::string(value), 0, sink).take_status());
  return setting(key).value_or(std::string(value));
}

Status Session::sleep(double seconds) {
  const auto begin = std::chrono::steady_clock::now();
  while (true) {
    FOREBAY_RETURN_IF_ERROR(cancel_.check());
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
    const double left = seconds - passed.count();
    if (!(left > 0)) return Status::ok();
    // Cancellation has no notification of its own: it is polled.
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(left, 0.05)));
  }
}

}  // namespace forebay::server
