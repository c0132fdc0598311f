#pragma once

#include "server/command_line.h"

namespace forebay::server {

/// `forebay run FILE.sql`: runs the file's statements in this process, in order, and prints their
/// results. Sources are read to their present end, and every query waits until they are. The first
/// error is printed with its place and ends the run with exit code 1.
int run_file(const RunCommand& command);

}  // namespace forebay::server
