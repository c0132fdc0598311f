#include "server/run_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "server/database.h"
#include "server/result_printer.h"
#include "server/session.h"
#include "server/text_position.h"

namespace forebay::server {

using data::Status;

namespace {

// A folder that goes with the object.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    const char* parent = std::getenv("TMPDIR");
    std::string pattern = fmt::format("{}/forebay-run-XXXXXX", parent != nullptr ? parent : "/tmp");
    if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// `line`: where the statement begins; 0: the error is of none.
int fail(const RunCommand& command, const data::Error& error, std::string_view sql, size_t line) {
  const std::string place = line == 0 ? command.file : fmt::format("{}:{}", command.file, line);
  std::string text = fmt::format("{}: {}", place, describe_error(error, sql));
  std::fwrite(text.data(), 1, text.size(), stderr);
  return kExitFailure;
}

// Statements whose answer depends on what the sources have given.
bool reads(const sql::ast::Statement& statement) {
  using sql::ast::StatementKind;
  return statement.kind == StatementKind::kQuery || statement.kind == StatementKind::kInsert ||
         statement.kind == StatementKind::kUpdate || statement.kind == StatementKind::kDelete ||
         statement.kind == StatementKind::kExecute;
}

// The line on which the statement begins that starts, after blanks, at byte `begin`.
size_t line_at(std::string_view text, size_t begin) {
  const size_t first = std::min(text.find_first_not_of(" \t\r\n", begin), text.size());
  return 1 + static_cast<size_t>(std::count(text.begin(), text.begin() + first, '\n'));
}

// `line` receives that of the statement that failed.
Status run_statements(Database& database, std::string_view text, ResultPrinter& printer,
                      size_t& line) {
  Session session(database, "root", "dev");
  FOREBAY_ASSIGN_OR_RETURN(auto statements, session.parse(text));
  CharacterCount characters(text);
  for (const sql::ParsedStatement& parsed : statements) {
    if (reads(*parsed.statement)) {
      FOREBAY_RETURN_IF_ERROR(database.engine().wait_finished(nullptr));
    }
    std::string_view own = text.substr(parsed.begin, parsed.end - parsed.begin);
    Status status = session.run(own, printer, [&](const std::string& tag) {
      printer.finish(tag);
      return Status::ok();
    });
    if (!status.is_ok()) {
      if (status.error().position > 0) {
        status.error().position += characters.before(parsed.begin);
      }
      line = line_at(text, parsed.begin);
      return status;
    }
  }
  return database.engine().wait_finished(nullptr);
}

}  // namespace

int run_file(const RunCommand& command) {
  std::signal(SIGPIPE, SIG_IGN);
  std::ifstream file(command.file, std::ios::binary);
  std::ostringstream content;
  if (!file || !(content << file.rdbuf() || file.peek() == std::ifstream::traits_type::eof())) {
    fmt::print(stderr, "forebay: cannot read {}: {}\n", command.file, std::strerror(errno));
    return kExitFailure;
  }
  std::string text = content.str();
  ScratchDirectory scratch;
  DatabaseOptions options;
  options.data_directory =
      command.data_directory.empty() ? scratch.path() + "/data" : command.data_directory;
  options.workers = command.workers;
  options.memory_bytes = command.memory_bytes;
  options.settings = command.settings;
  options.force_bounded = true;
  auto database = Database::open(options);
  if (!database.is_ok()) return fail(command, database.error(), "", 0);
  ResultPrinter printer(command.format, stdout, stderr);
  size_t line = 0;
  Status status = run_statements(**database, text, printer, line);
  Status closed = (*database)->shut_down();
  if (!status.is_ok()) return fail(command, status.error(), text, line);
  if (!closed.is_ok()) return fail(command, closed.error(), "", 0);
  return kExitOk;
}

}  // namespace forebay::server
