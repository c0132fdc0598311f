#include "sql/parser/scanner.h"

#include <fmt/format.h>

#include "sql/parser/escapes.h"
#include "sql/parser/grammar.h"

namespace forebay::sql {
namespace {

using data::Error;
using data::Result;
using data::SqlState;
using data::Status;
using grammar::ForebayParser;
namespace sqlstate = data::sqlstate;

constexpr size_t kMaxIdentifierBytes = 63;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_identifier_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}
bool is_identifier_part(char c) { return is_identifier_start(c) || is_digit(c) || c == '$'; }
bool is_operator_char(char c) {
  return c != '\0' && std::string_view("~!@#^&|?+-*/%<>=").find(c) != std::string_view::npos;
}

/// Cuts to 63 bytes, not inside a character.
void truncate_identifier(std::string& name) {
  if (name.size() <= kMaxIdentifierBytes) return;
  size_t end = kMaxIdentifierBytes;
  while (end > 0 && (name[end] & 0xC0) == 0x80) --end;
  name.resize(end);
}

int32_t single_char_token(char c) {
  switch (c) {
    case '(':
      return ForebayParser::LPAREN;
    case ')':
      return ForebayParser::RPAREN;
    case '[':
      return ForebayParser::LBRACKET;
    case ']':
      return ForebayParser::RBRACKET;
    case ',':
      return ForebayParser::COMMA;
    case '.':
      return ForebayParser::DOT;
    case ':':
      return ForebayParser::COLON;
    case ';':
      return ForebayParser::SEMICOLON;
    default:
      return 0;
  }
}

int32_t operator_token(std::string_view op) {
  if (op.size() == 1) {
    switch (op[0]) {
      case '+':
        return ForebayParser::PLUS;
      case '-':
        return ForebayParser::MINUS;
      case '*':
        return ForebayParser::STAR;
      case '/':
        return ForebayParser::SLASH;
      case '%':
        return ForebayParser::PERCENT;
      case '^':
        return ForebayParser::CARET;
      case '<':
        return ForebayParser::LT;
      case '>':
        return ForebayParser::GT;
      case '=':
        return ForebayParser::EQ;
      default:
        return ForebayParser::OP;
    }
  }
  if (op == "<=") return ForebayParser::LE;
  if (op == ">=") return ForebayParser::GE;
  if (op == "<>" || op == "!=") return ForebayParser::NE;
  if (op == "=>") return ForebayParser::ARROW;
  return ForebayParser::OP;
}

class Scanner {
 public:
  Scanner(std::string_view sql, std::vector<ScannedToken>& tokens) : sql_(sql), tokens_(tokens) {}

  Status run() {
    tokens_.reserve(sql_.size() / 4 + 8);
    while (true) {
      FOREBAY_RETURN_IF_ERROR(skip_blanks());
      if (at_ >= sql_.size()) break;
      FOREBAY_RETURN_IF_ERROR(scan_token());
    }
    return Status::ok();
  }

 private:
  char peek(size_t ahead = 0) const { return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0'; }

  /// The 1-based character position of a byte at or behind the last one asked for.
  int32_t position_of(size_t byte) {
    if (byte < counted_byte_) return slow_position_of(byte);
    for (; counted_byte_ < byte; ++counted_byte_) {
      if ((sql_[counted_byte_] & 0xC0) != 0x80) ++counted_chars_;
    }
    return counted_chars_ + 1;
  }
  int32_t slow_position_of(size_t byte) const {
    int32_t chars = 1;
    for (size_t i = 0; i < byte; ++i) chars += (sql_[i] & 0xC0) != 0x80;
    return chars;
  }

  Status fail(SqlState state, std::string message, size_t byte) {
    return Status(state, std::move(message)).at(position_of(byte));
  }
  /// PostgreSQL's `message at or near "text from begin to at_"`.
  Status fail_near(const char* message, size_t begin) {
    return fail(sqlstate::kSyntaxError,
                fmt::format("{} at or near \"{}\"", message, sql_.substr(begin, at_ - begin)),
                begin);
  }

  ScannedToken& add(int32_t type, size_t begin) {
    ScannedToken& token = tokens_.emplace_back();
    token.type = type;
    token.position = position_of(begin);
    token.begin = static_cast<uint32_t>(begin);
    token.end = static_cast<uint32_t>(at_);
    return token;
  }

  Status skip_blanks() {
    while (at_ < sql_.size()) {
      if (is_blank(sql_[at_])) {
        ++at_;
      } else if (sql_[at_] == '-' && peek(1) == '-') {
        while (at_ < sql_.size() && sql_[at_] != '\n' && sql_[at_] != '\r') ++at_;
      } else if (sql_[at_] == '/' && peek(1) == '*') {
        FOREBAY_RETURN_IF_ERROR(skip_block_comment());
      } else {
        break;
      }
    }
    return Status::ok();
  }

  Status skip_block_comment() {
    const size_t begin = at_;
    int depth = 0;
    while (at_ < sql_.size()) {
      if (sql_[at_] == '/' && peek(1) == '*') {
        ++depth;
        at_ += 2;
      } else if (sql_[at_] == '*' && peek(1) == '/') {
        at_ += 2;
        if (--depth == 0) return Status::ok();
      } else {
        ++at_;
      }
    }
    return fail_near("unterminated /* comment", begin);
  }

  Status scan_token() {
    const char c = sql_[at_];
    const char next = peek(1);
    const size_t begin = at_;
    if (c == '\'') return scan_string(begin, false);
    if (c == '"' || c == '`') return scan_quoted_identifier(begin, false);
    if (next == '\'' && (c == 'e' || c == 'E')) {
      ++at_;
      return scan_string(begin, true);
    }
    if (next == '\'' && (c == 'b' || c == 'B' || c == 'x' || c == 'X')) {
      ++at_;
      FOREBAY_RETURN_IF_ERROR(scan_string(begin, false));
      tokens_.back().type = ForebayParser::BITSTRING;
      return Status::ok();
    }
    if (next == '\'' && (c == 'n' || c == 'N')) {
      ++at_;
      return scan_string(begin, false);
    }
    if (next == '&' && (c == 'u' || c == 'U') && (peek(2) == '\'' || peek(2) == '"')) {
      return scan_unicode(begin);
    }
    if (is_identifier_start(c)) {
      scan_word(begin);
      return Status::ok();
    }
    if (is_digit(c) || (c == '.' && is_digit(next))) return scan_number(begin);
    if (c == '$') return scan_dollar(begin);
    if (c == ':' && (next == ':' || next == '=')) {
      at_ += 2;
      add(next == ':' ? ForebayParser::TYPECAST : ForebayParser::COLON_EQUALS, begin);
      return Status::ok();
    }
    if (const int32_t type = single_char_token(c)) {
      ++at_;
      add(type, begin);
      return Status::ok();
    }
    if (is_operator_char(c)) return scan_operator(begin);
    ++at_;
    return fail_near("syntax error", begin);
  }

  /// From the opening quote. Adds one STRING token; pieces apart by a line break are one string.
  Status scan_string(size_t begin, bool escapes) {
    std::string value;
    size_t piece_begin = at_ + 1;
    while (true) {
      ++at_;
      while (true) {
        if (at_ >= sql_.size()) return fail_near("unterminated quoted string", begin);
        if (sql_[at_] == '\'') {
          if (peek(1) != '\'') break;
          value.append("'");
          at_ += 2;
        } else if (escapes && sql_[at_] == '\\') {
          if (at_ + 1 >= sql_.size()) {
            at_ = sql_.size();
            return fail_near("unterminated quoted string", begin);
          }
          FOREBAY_RETURN_IF_ERROR(take_escape(value));
        } else {
          value.push_back(sql_[at_++]);
        }
      }
      ++at_;
      const size_t end = at_;
      if (!continues_after_newline()) {
        at_ = end;
        break;
      }
    }
    if (escapes && !is_valid_utf8(value)) {
      return fail(sqlstate::kInvalidCharacter, "invalid byte sequence for encoding \"UTF8\"",
                  piece_begin);
    }
    add(ForebayParser::STRING, begin).text = std::move(value);
    return Status::ok();
  }

  /// After a closing quote: blanks with a line break among them and another quote? Then at_ is
  /// there.
  bool continues_after_newline() {
    bool newline = false;
    while (at_ < sql_.size()) {
      if (is_blank(sql_[at_])) {
        newline |= sql_[at_] == '\n' || sql_[at_] == '\r';
        ++at_;
      } else if (newline && sql_[at_] == '-' && peek(1) == '-') {
        while (at_ < sql_.size() && sql_[at_] != '\n' && sql_[at_] != '\r') ++at_;
      } else {
        break;
      }
    }
    return newline && at_ < sql_.size() && sql_[at_] == '\'';
  }

  Status take_escape(std::string& value) {
    const size_t begin = at_;
    const EscapeResult result = decode_escape(sql_.substr(at_), value);
    at_ += result.length;
    if (result.error == nullptr) return Status::ok();
    return Status(Error{.sqlstate = result.sqlstate,
                        .message = result.error,
                        .hint = result.hint,
                        .position = position_of(begin)});
  }

  /// From the opening quote, which is " or, as in Flink, `.
  Status scan_quoted_identifier(size_t begin, bool raw) {
    const char quote = sql_[at_];
    std::string name;
    ++at_;
    while (true) {
      if (at_ >= sql_.size()) return fail_near("unterminated quoted identifier", begin);
      if (sql_[at_] == quote) {
        if (peek(1) != quote) break;
        ++at_;
      }
      name.push_back(sql_[at_++]);
    }
    ++at_;
    if (name.empty()) return fail_near("zero-length delimited identifier", begin);
    if (!raw) truncate_identifier(name);
    add(ForebayParser::IDENT, begin).text = std::move(name);
    return Status::ok();
  }

  /// U&'...' and U&"...", with the backslash as escape character (UESCAPE is not supported).
  Status scan_unicode(size_t begin) {
    at_ += 2;
    const size_t quote = at_;
    if (sql_[at_] == '\'') {
      FOREBAY_RETURN_IF_ERROR(scan_string(begin, false));
    } else {
      FOREBAY_RETURN_IF_ERROR(scan_quoted_identifier(begin, true));
    }
    ScannedToken& token = tokens_.back();
    std::string decoded;
    const EscapeResult result = decode_unicode_escapes(token.text, decoded);
    if (result.error != nullptr) {
      return Status(Error{.sqlstate = result.sqlstate,
                          .message = result.error,
                          .hint = result.hint,
                          .position = slow_position_of(quote + 1 + result.length)});
    }
    token.text = std::move(decoded);
    if (token.type == ForebayParser::IDENT) truncate_identifier(token.text);
    return Status::ok();
  }

  void scan_word(size_t begin) {
    while (at_ < sql_.size() && is_identifier_part(sql_[at_])) ++at_;
    std::string word(sql_.substr(begin, at_ - begin));
    for (char& c : word) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    const int32_t keyword = keyword_token(word);
    truncate_identifier(word);
    add(keyword != 0 ? keyword : static_cast<int32_t>(ForebayParser::IDENT), begin).text =
        std::move(word);
  }

  Status scan_number(size_t begin) {
    bool integer = true;
    while (is_digit(peek())) ++at_;
    if (peek() == '.' && peek(1) != '.') {
      integer = false;
      ++at_;
      while (is_digit(peek())) ++at_;
    }
    if (peek() == 'e' || peek() == 'E') {
      const size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
      if (is_digit(peek(1 + sign))) {
        integer = false;
        at_ += 1 + sign;
        while (is_digit(peek())) ++at_;
      }
    }
    if (is_identifier_start(peek())) {
      while (is_identifier_part(peek())) ++at_;
      return fail_near("trailing junk after numeric literal", begin);
    }
    ScannedToken& token = add(integer ? ForebayParser::INTEGER : ForebayParser::NUMERIC, begin);
    token.text = sql_.substr(begin, at_ - begin);
    return Status::ok();
  }

  /// `$1`, or `$tag$...$tag$`.
  Status scan_dollar(size_t begin) {
    if (is_digit(peek(1))) {
      ++at_;
      while (is_digit(peek())) ++at_;
      if (is_identifier_start(peek())) {
        while (is_identifier_part(peek())) ++at_;
        return fail_near("trailing junk after parameter", begin);
      }
      add(ForebayParser::PARAM, begin).text = sql_.substr(begin + 1, at_ - begin - 1);
      return Status::ok();
    }
    size_t tag_end = at_ + 1;
    while (tag_end < sql_.size() && is_identifier_part(sql_[tag_end]) && sql_[tag_end] != '$')
      ++tag_end;
    if (tag_end >= sql_.size() || sql_[tag_end] != '$') {
      ++at_;
      return fail_near("syntax error", begin);
    }
    const std::string_view tag = sql_.substr(begin, tag_end + 1 - begin);
    const size_t body = begin + tag.size();
    const size_t end = sql_.find(tag, body);
    if (end == std::string_view::npos) {
      at_ = sql_.size();
      return fail_near("unterminated dollar-quoted string", begin);
    }
    at_ = end + tag.size();
    add(ForebayParser::STRING, begin).text = sql_.substr(body, end - body);
    return Status::ok();
  }

  Status scan_operator(size_t begin) {
    size_t end = begin;
    while (end < sql_.size() && is_operator_char(sql_[end])) ++end;
    std::string_view op = sql_.substr(begin, end - begin);
    for (const std::string_view comment : {std::string_view("--"), std::string_view("/*")}) {
      op = op.substr(0, op.find(comment));
    }
    // A trailing + or - belongs to what follows, unless the operator has a character that SQL's own
    // operators do not have.
    if (op.size() > 1 && op.find_first_of("~!@#^&|?%") == std::string_view::npos) {
      while (op.size() > 1 && (op.back() == '+' || op.back() == '-')) op.remove_suffix(1);
    }
    at_ = begin + op.size();
    if (op.size() >= 64) return fail(sqlstate::kSyntaxError, "operator too long", begin);
    add(operator_token(op), begin).text = op == "!=" ? "<>" : op;
    return Status::ok();
  }

  std::string_view sql_;
  size_t at_ = 0;
  size_t counted_byte_ = 0;
  int32_t counted_chars_ = 0;
  std::vector<ScannedToken>& tokens_;
};

}  // namespace

Status scan_sql(std::string_view sql, std::vector<ScannedToken>& tokens) {
  if (sql.size() > kMaxTextBytes) {
    return Status(sqlstate::kProgramLimit,
                  fmt::format("statement of {} bytes is too long (limit {} bytes)", sql.size(),
                              kMaxTextBytes))
        .with_hint("Split it, or load the rows through a source.");
  }
  if (!is_valid_utf8(sql)) {
    return Status(sqlstate::kInvalidCharacter, "invalid byte sequence for encoding \"UTF8\"");
  }
  if (sql.find('\0') != std::string_view::npos) {
    return Status(sqlstate::kInvalidCharacter, "invalid byte sequence for encoding \"UTF8\": 0x00");
  }
  return Scanner(sql, tokens).run();
}

Result<std::vector<ScannedToken>> scan_sql(std::string_view sql) {
  std::vector<ScannedToken> tokens;
  FOREBAY_RETURN_IF_ERROR(scan_sql(sql, tokens));
  return tokens;
}

}  // namespace forebay::sql
