#include "server/command_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <sstream>
#include <thread>

#include "server/log.h"
#include "server/pgwire/server.h"
#include "server/version.h"

namespace forebay::server {

namespace {

uint16_t core_count() {
  unsigned cores = std::thread::hardware_concurrency();
  return static_cast<uint16_t>(std::clamp(cores, 1u, 256u));
}

uint64_t half_of_memory() {
  auto pages = static_cast<uint64_t>(std::max(0L, sysconf(_SC_PHYS_PAGES)));
  uint64_t bytes = pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) / 2;
  return std::max<uint64_t>(bytes, uint64_t{256} << 20);
}

std::string readable(uint64_t bytes) {
  return fmt::format("{:.1f}GB", static_cast<double>(bytes) / static_cast<double>(1 << 30));
}

struct Raw {
  std::vector<std::string> settings;
  std::string log_level = "info";
  std::string format = "table";
};

template <typename C>
void add_engine_options(CLI::App& app, C& command, Raw& raw) {
  command.workers = core_count();
  command.memory_bytes = half_of_memory();
  app.add_option(
         "--workers", command.workers,
         "Worker threads (default: the cores, here " + std::to_string(command.workers) + ")")
      ->check(CLI::Range(1, 256))
      ->type_name("N");
  app.add_option("--memory", command.memory_bytes,
                 "Memory budget, like 4GB or 512MB (default: half of the memory, here " +
                     readable(command.memory_bytes) + ")")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(uint64_t{64} << 20, uint64_t{1} << 46))
      ->type_name("SIZE");
  app.add_option("--set", raw.settings, "Setting, as often as needed: --set checkpoint_interval=2s")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  app.add_option("--log-level", raw.log_level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->type_name("LEVEL")
      ->capture_default_str();
}

// CLI11 has no word for `name=value`: the error text of the first that is none, or nothing.
std::string split_settings(const std::vector<std::string>& given,
                           std::vector<std::pair<std::string, std::string>>& settings) {
  for (const std::string& text : given) {
    size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fmt::format("--set {}: write it as name=value", text);
    }
    settings.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return {};
}

Command usage_error(const std::string& text) {
  return PrintCommand{.text = fmt::format("forebay: {}\n", text), .exit_code = kExitUsage};
}

Command open_to_the_network(std::string_view option, const std::string& address) {
  return usage_error(fmt::format(
      "{} {} is open to the network, and there are no passwords yet.\n"
      "Listen on 127.0.0.1, or add --insecure when everybody who can reach this port may do "
      "everything.",
      option, address));
}

Command finish_serve(ServeCommand command, const Raw& raw) {
  if (std::string error = split_settings(raw.settings, command.settings); !error.empty()) {
    return usage_error(error);
  }
  auto address = pgwire::parse_listen_address(command.listen);
  if (!address.is_ok()) {
    return usage_error(fmt::format("{}. {}", address.error().message, address.error().hint));
  }
  if (command.http != "none") {
    auto http = pgwire::parse_listen_address(command.http);
    if (!http.is_ok()) {
      return usage_error(fmt::format("--http: {}. {}", http.error().message, http.error().hint));
    }
    if (!http->is_loopback && !command.insecure) return open_to_the_network("--http", command.http);
  }
  if (!address->is_loopback && !command.insecure) {
    return open_to_the_network("--listen", command.listen);
  }
  return command;
}

Command finish_run(RunCommand command, const Raw& raw) {
  if (std::string error = split_settings(raw.settings, command.settings); !error.empty()) {
    return usage_error(error);
  }
  command.format = raw.format == "csv"    ? OutputFormat::kCsv
                   : raw.format == "json" ? OutputFormat::kJson
                                          : OutputFormat::kTable;
  return command;
}

}  // namespace

Command parse_command_line(int argc, const char* const* argv) {
  CLI::App app("Forebay: a streaming SQL engine. Topics in, always-fresh materialized views out.",
               "forebay");
  app.require_subcommand(1);
  Raw raw;
  ServeCommand serve;
  CLI::App* serve_app = app.add_subcommand("serve", "Run the server until SIGTERM or SIGINT");
  serve_app->add_option("--data", serve.data_directory, "Data directory, made when it is not there")
      ->type_name("DIR")
      ->capture_default_str();
  serve_app
      ->add_option("--listen", serve.listen,
                   "Address and port for PostgreSQL clients; port 0 takes a free one")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  CLI::Option* http =
      serve_app
          ->add_option("--http", serve.http, "Address and port of /metrics and /health, or none")
          ->type_name("HOST:PORT")
          ->capture_default_str();
  add_engine_options(*serve_app, serve, raw);
  serve_app->add_flag("--insecure", serve.insecure,
                      "Allow listening beyond this machine, without passwords");

  RunCommand run;
  CLI::App* run_app = app.add_subcommand(
      "run", "Run the statements of a file in this process; sources end at their present end");
  run_app->add_option("FILE", run.file, "SQL file")->required()->type_name("");
  run_app->add_option("--data", run.data_directory, "Data directory (default: a temporary one)")
      ->type_name("DIR");
  run_app->add_option("--format", raw.format, "table, csv or json (one object a line)")
      ->check(CLI::IsMember({"table", "csv", "json"}))
      ->type_name("FORMAT")
      ->capture_default_str();
  add_engine_options(*run_app, run, raw);
  CLI::App* version_app = app.add_subcommand("version", "Print the version");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, failure;
    int code = app.exit(error, out, failure);
    return PrintCommand{.text = code == 0 ? out.str() : failure.str(),
                        .exit_code = code == 0 ? kExitOk : kExitUsage};
  }
  set_log_level(*log_level_of(raw.log_level));
  if (version_app->parsed()) return PrintCommand{.text = fmt::format("forebay {}\n", version())};
  if (run_app->parsed()) return finish_run(std::move(run), raw);
  serve.is_http_given = http->count() > 0;
  return finish_serve(std::move(serve), raw);
}

}  // namespace forebay::server
