#pragma once

#include <string>
#include <string_view>

#include "engine/data/status.h"

/// Escapes inside strings, PostgreSQL's.
namespace forebay::sql {

/// What was taken, or `error` (and then where: `length` bytes into the text).
struct EscapeResult {
  size_t length = 0;
  const char* error = nullptr;
  const char* hint = "";
  data::SqlState sqlstate = data::sqlstate::kSyntaxError;
};

/// Decodes the escape of an E'' string at the start of `text` (a backslash) and appends its value;
/// takes a surrogate pair as one.
EscapeResult decode_escape(std::string_view text, std::string& value);

/// Decodes all \XXXX and \+XXXXXX of a U&'' string.
EscapeResult decode_unicode_escapes(std::string_view text, std::string& value);

/// True if the bytes are well-formed UTF-8.
bool is_valid_utf8(std::string_view text);

/// Appends a code point's UTF-8.
void append_utf8(uint32_t code_point, std::string& value);

}  // namespace forebay::sql
