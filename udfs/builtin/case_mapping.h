#pragma once

#include <string>
#include <string_view>

/// Lower and upper case as the locale C.UTF-8 has it, character by character.
namespace forebay::udfs {

void append_lower(std::string_view text, std::string& out);
void append_upper(std::string_view text, std::string& out);
/// The first character of every word upper, the others lower; words are letters and digits.
void append_initcap(std::string_view text, std::string& out);

}  // namespace forebay::udfs
