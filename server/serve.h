#pragma once

#include "server/command_line.h"

namespace forebay::server {

/// `forebay serve`: opens the data directory, listens, and returns the exit code after SIGTERM or
/// SIGINT.
int serve(const ServeCommand& command);

}  // namespace forebay::server
