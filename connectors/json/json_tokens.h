#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/data/status.h"

/// Walking over the tokens that stage 1 found: their texts, their grammar (RFC 8259). A token is
/// the position where a string, number, literal or one of {}[]:, starts; what stands between a
/// token and the next one belongs to it.
namespace forebay::connectors {

/// How deep a record may nest, its own object counted.
inline constexpr uint32_t kMaxJsonDepth = 100;
/// Digits and other characters of one number.
inline constexpr size_t kMaxJsonNumberBytes = 1000;

/// What is wrong with a record, and where.
struct JsonDefect {
  data::SqlState sqlstate = data::sqlstate::kInvalidText;
  const char* what = "";
  uint32_t position = 0;
};

inline bool is_json_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// The bytes of the scalar token t[0], white space behind it cut off. Strings with their quotes.
inline std::string_view token_text(const char* base, const uint32_t* t) {
  uint32_t begin = t[0], end = t[1];
  while (end > begin && is_json_space(base[end - 1])) --end;
  return {base + begin, end - begin};
}

/// The grammar of numbers; the whole text.
bool is_json_number(std::string_view text);

/// True for a well-formed string (with quotes), number, true, false or null. `escapes`: the record
/// has a backslash somewhere, so strings are to be searched.
bool is_json_scalar(std::string_view text, bool escapes);

/// The token behind the value that starts at `t`, after checking all of it; nullptr and `defect` if
/// it is malformed, nests too deeply or reaches `end`. `t` stands inside the record's object.
const uint32_t* skip_json_value(const char* base, const uint32_t* t, const uint32_t* end,
                                bool escapes, JsonDefect& defect);

/// Undoes the escapes of a string's content (no quotes). False: not a legal escape, or a surrogate
/// without its other half.
bool unescape_json(std::string_view content, std::string& out);

}  // namespace forebay::connectors
