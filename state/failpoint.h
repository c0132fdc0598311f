#pragma once

#include <span>
#include <string_view>

/// Named places where a test makes the process die, an operation fail, a thread wait until
/// set_failpoints is called again, or for some milliseconds:
/// FOREBAY_FAILPOINTS=name=crash@3,other=error@1,third=wait,fourth=delay500 (the n-th hit; without
/// @n: every hit).
namespace forebay::state {

/// True when the fail point asks for an error now; does not return when it asks for a crash (_exit
/// with 137, as after kill -9). Costs one relaxed load when none is set. Thread-safe. The names are
/// listed in failpoint.cpp, once, and `forebay failpoints` prints them.
bool hit_failpoint(std::string_view name);

/// All names, in the order in which an opening and a commit pass them.
std::span<const std::string_view> failpoint_names();

/// Threads that wait at a fail point. For tests; thread-safe.
int waiting_at_failpoints();

/// Replaces what the environment asked for, in the same syntax; "" sets none. Counts start anew.
/// False, and none is set, when a name or an action is unknown. For tests; thread-safe.
bool set_failpoints(std::string_view specification);

}  // namespace forebay::state
