#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// What the user typed. Nothing is opened or started here.
namespace forebay::server {

/// Exit codes of the program.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;

struct ServeCommand {
  std::string data_directory = "./forebay-data";
  std::string listen = "127.0.0.1:4566";
  /// "none": no HTTP.
  std::string http = "127.0.0.1:4567";
  /// --http was given: without it, a port that is taken is no reason not to start.
  bool is_http_given = false;
  uint16_t workers = 1;
  uint64_t memory_bytes = 0;
  std::vector<std::pair<std::string, std::string>> settings;
  bool insecure = false;
};

enum class OutputFormat : uint8_t { kTable, kCsv, kJson };

struct RunCommand {
  std::string file;
  /// Empty: a temporary directory.
  std::string data_directory;
  OutputFormat format = OutputFormat::kTable;
  uint16_t workers = 1;
  uint64_t memory_bytes = 0;
  std::vector<std::pair<std::string, std::string>> settings;
};

/// `forebay version`, `--help` and mistakes: what to print and the exit code.
struct PrintCommand {
  std::string text;
  int exit_code = kExitOk;
};

using Command = std::variant<ServeCommand, RunCommand, PrintCommand>;

/// Also sets the log's level.
Command parse_command_line(int argc, const char* const* argv);

}  // namespace forebay::server
