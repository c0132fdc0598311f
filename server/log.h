#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

/// The server's log: one line a message to standard error, with time (UTC), level and text.
namespace forebay::server {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarning, kError };

/// "debug", "info", "warning", "error"; nullopt for anything else.
std::optional<LogLevel> log_level_of(std::string_view name);
/// Messages below `level` are not written. Thread-safe; info at the start.
void set_log_level(LogLevel level);
bool logs(LogLevel level);
/// Writes one line in one system call, so that lines of several threads never mix. Control
/// characters in `message` are written as '?'. Thread-safe.
void log(LogLevel level, std::string_view message);

inline void log_debug(std::string_view message) { log(LogLevel::kDebug, message); }
inline void log_info(std::string_view message) { log(LogLevel::kInfo, message); }
inline void log_warning(std::string_view message) { log(LogLevel::kWarning, message); }
inline void log_error(std::string_view message) { log(LogLevel::kError, message); }

}  // namespace forebay::server
