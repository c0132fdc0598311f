#pragma once

#include <string_view>

namespace forebay::server {

/// The program's version, as CMake's project() says it.
std::string_view version();

}  // namespace forebay::server
