#pragma once

#include <string_view>

/// Named places where a test makes the process die or an operation fail:
/// FOREBAY_FAILPOINTS=name=crash@3,other=error@1 (the n-th hit; without @n: every hit).
namespace forebay::state {

/// True when the fail point asks for an error now; does not return when it asks for a crash (_exit with
/// 137, as after kill -9). Costs one relaxed load when none is set. Thread-safe. The names are listed
/// in failpoint.cpp, once, and `forebay failpoints` prints them.
bool hit_failpoint(std::string_view name);

}  // namespace forebay::state
