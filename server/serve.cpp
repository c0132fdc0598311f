#include "server/serve.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string_view>

#include "server/database.h"
#include "server/http/http_server.h"
#include "server/log.h"
#include "server/pgwire/server.h"
#include "server/version.h"

namespace forebay::server {

namespace {

/// Statements that run at SIGTERM get this long before they are cancelled.
constexpr uint32_t kStopGraceMs = 1000;
/// Files that sources, COPY, /metrics and libraries may need.
constexpr uint64_t kOtherFiles = 256;

int failed(std::string_view what, const data::Error& error) {
  std::string text = fmt::format("{}: {}", what, error.message);
  if (!error.detail.empty()) text += fmt::format(" ({})", error.detail);
  if (!error.hint.empty()) text += fmt::format(" ({})", error.hint);
  log_error(text);
  return kExitFailure;
}

// Blocked in this thread before others are made, so that they all inherit it; main waits for them.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
  return signals;
}

// Every connection is a file descriptor: as many as we may have. What the store and the sources
// need is not given to clients, who learn that there are too many of them.
void share_files(DatabaseOptions& database, pgwire::ServerOptions& server) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  const uint64_t files = limit.rlim_cur;
  database.store_files = static_cast<int>(std::clamp<uint64_t>(files / 4, 20, 1024));
  server.max_starting = std::min<uint32_t>(
      server.max_starting, static_cast<uint32_t>(std::clamp<uint64_t>(files / 8, 5, UINT32_MAX)));
  const uint64_t taken = static_cast<uint64_t>(database.store_files) + server.max_starting +
                         std::min<uint64_t>(files / 4, kOtherFiles);
  const uint64_t left = files > taken ? files - taken : 1;
  server.max_sessions = static_cast<uint32_t>(std::min<uint64_t>(server.max_sessions, left));
}

}  // namespace

int serve(const ServeCommand& command) {
  sigset_t signals = block_signals();
  DatabaseOptions options;
  pgwire::ServerOptions server_options;
  share_files(options, server_options);
  options.data_directory = command.data_directory;
  options.workers = command.workers;
  options.memory_bytes = command.memory_bytes;
  options.settings = command.settings;
  auto database = Database::open(options);
  if (!database.is_ok()) {
    return failed("cannot open " + command.data_directory, database.error());
  }
  server_options.listen = command.listen;
  auto server = pgwire::Server::start(**database, server_options);
  if (!server.is_ok()) return failed("cannot start", server.error());

  std::unique_ptr<http::HttpServer> http_server;
  if (command.http != "none") {
    auto http = http::HttpServer::start(**database, command.http);
    if (http.is_ok()) {
      http_server = std::move(*http);
    } else if (command.is_http_given) {
      return failed("cannot start", http.error());
    } else {
      log_warning(http.error().message + "; without --http, that is no reason to stop");
    }
  }

  fmt::print("forebay {} is listening on {} (data directory {}, {} {})\n", version(),
             (*server)->address(), command.data_directory, command.workers,
             command.workers == 1 ? "worker" : "workers");
  if (http_server != nullptr) {
    fmt::print("/metrics and /health are on http://{}\n", http_server->address());
  }
  std::fflush(stdout);

  int signal = 0;
  sigwait(&signals, &signal);
  // A second signal ends the process at once.
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  log_info(fmt::format("{}: stopping", signal == SIGTERM ? "SIGTERM" : "SIGINT"));
  http_server.reset();
  (*server)->stop(kStopGraceMs);
  if (data::Status status = (*database)->shut_down(); !status.is_ok()) {
    return failed("cannot commit the last epoch", status.error());
  }
  log_info("stopped; everything is committed");
  return kExitOk;
}

}  // namespace forebay::server
