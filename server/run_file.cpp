#include "server/run_file.h"

#include <fmt/format.h>

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

int fail(const RunCommand& command, const data::Error& error, std::string_view sql) {
  std::string text = fmt::format("{}: {}", command.file, describe_error(error, sql));
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

Status run_statements(Database& database, std::string_view text, ResultPrinter& printer) {
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
  if (!database.is_ok()) return fail(command, database.error(), "");
  ResultPrinter printer(command.format, stdout, stderr);
  Status status = run_statements(**database, text, printer);
  Status closed = (*database)->shut_down();
  if (!status.is_ok()) return fail(command, status.error(), text);
  if (!closed.is_ok()) return fail(command, closed.error(), "");
  return kExitOk;
}

}  // namespace forebay::server
