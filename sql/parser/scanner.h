#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/status.h"

/// PostgreSQL's lexical rules: text to tokens. Used by the parser, and by whatever needs to cut SQL
/// text at its tokens (plan cache, splitting of scripts).
namespace forebay::sql {

/// One token. Its type is a number of the grammar's (see sql/grammar/ForebayParser.g4).
struct ScannedToken {
  int32_t type = 0;
  /// 1-based, in characters.
  int32_t position = 1;
  /// Bytes [begin, end) of the text.
  uint32_t begin = 0;
  uint32_t end = 0;
  /// IDENT and keywords: the folded name. STRING: the decoded value. OP: the operator.
  std::string text;
};

/// The longest text that is parsed, in bytes; what is longer fails with 54000.
inline constexpr size_t kMaxTextBytes = 16 << 20;
/// Parentheses, brackets and CASE may be nested this deep, and joins may wait for their ON; what is
/// deeper fails with 54001.
inline constexpr int32_t kMaxNesting = 500;

/// All tokens of the text, comments and blanks left out, without an end mark. Fails with
/// PostgreSQL's messages and positions for unterminated strings and comments, junk after numbers,
/// bad escapes (42601, 22025), bytes that are not UTF-8 (22021), and text that is too long (54000).
data::Result<std::vector<ScannedToken>> scan_sql(std::string_view sql);

/// The same; `tokens` gets those before the failure too.
data::Status scan_sql(std::string_view sql, std::vector<ScannedToken>& tokens);

/// The keyword's token type, or 0. `word` is lower case.
int32_t keyword_token(std::string_view word);

}  // namespace forebay::sql
