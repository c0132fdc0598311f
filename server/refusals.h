#pragma once

#include <string_view>

namespace forebay::server {

/// What to do instead of a statement that is known and not supported; empty for other commands.
/// `command`: its first words in upper case, "CREATE TRIGGER".
std::string_view refusal_hint(std::string_view command);

}  // namespace forebay::server
