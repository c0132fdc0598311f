#include <malloc.h>

#include <cstdio>

#include "server/command_line.h"
#include "server/run_file.h"
#include "server/serve.h"

using namespace forebay::server;

int main(int argc, char** argv) {
  // Many threads that are mostly idle: few arenas keep the process small.
  mallopt(M_ARENA_MAX, 8);
  Command command = parse_command_line(argc, argv);
  if (const auto* serve_command = std::get_if<ServeCommand>(&command)) return serve(*serve_command);
  if (const auto* run_command = std::get_if<RunCommand>(&command)) return run_file(*run_command);
  const auto& print = std::get<PrintCommand>(command);
  std::fputs(print.text.c_str(), print.exit_code == kExitOk ? stdout : stderr);
  return print.exit_code;
}
