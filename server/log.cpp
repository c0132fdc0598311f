#include "server/log.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <string>

namespace forebay::server {

namespace {

constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};
std::atomic<LogLevel> least_level{LogLevel::kInfo};

}  // namespace

std::optional<LogLevel> log_level_of(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

void set_log_level(LogLevel level) { least_level = level; }

bool logs(LogLevel level) { return level >= least_level.load(std::memory_order_relaxed); }

void log(LogLevel level, std::string_view message) {
  if (!logs(level)) return;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  std::string line =
      fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03} {:<7} ", parts.tm_year + 1900,
                  parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                  now.tv_nsec / 1'000'000, kNames[static_cast<size_t>(level)]);
  for (char c : message) line += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  line += '\n';
  (void)!::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace forebay::server
