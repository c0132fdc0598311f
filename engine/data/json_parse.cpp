#include <algorithm>
#include <charconv>

#include "engine/data/json.h"
#include "engine/data/text_format.h"
#include "engine/data/text_scan.h"

/// JSON text to canonical text, with the errors of PostgreSQL's json lexer and parser.
namespace forebay::data {

namespace {

constexpr size_t kMaxDepth = 2000;
constexpr int64_t kMaxWholeDigits = 131'072;
constexpr int64_t kMaxScale = 16'383;

Status syntax_error(std::string detail) {
  return Status(Error{.sqlstate = sqlstate::kInvalidText,
                      .message = "invalid input syntax for type json",
                      .detail = std::move(detail)});
}

void append_utf8(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

/// A number in the grammar of JSON as numeric prints it: without an exponent.
Status append_number(std::string_view text, std::string& out) {
  const bool negative = text.front() == '-';
  if (negative) text.remove_prefix(1);
  int64_t exponent = 0;
  if (const size_t e = text.find_first_of("eE"); e != std::string_view::npos) {
    std::string_view power = text.substr(e + 1);
    if (power.front() == '+') power.remove_prefix(1);
    const auto [stop, error] = std::from_chars(power.data(), power.data() + power.size(), exponent);
    // PostgreSQL stops at INT_MAX / 2, even for zero.
    if (error != std::errc() || exponent >= INT32_MAX / 2 || exponent <= -INT32_MAX / 2) {
      return Status(sqlstate::kNumericOutOfRange, "value overflows numeric format");
    }
    text = text.substr(0, e);
  }
  const size_t point = text.find('.');
  std::string digits(text.substr(0, point));
  int64_t scale = 0;
  if (point != std::string_view::npos) {
    digits += text.substr(point + 1);
    scale = static_cast<int64_t>(text.size() - point - 1);
  }
  // The value is digits * 10^(exponent - scale).
  scale -= exponent;
  digits.erase(0, digits.find_first_not_of('0'));
  const bool is_zero = digits.empty();
  const int64_t whole = static_cast<int64_t>(digits.size()) - scale;
  if (scale > kMaxScale || (!is_zero && whole > kMaxWholeDigits)) {
    return Status(sqlstate::kNumericOutOfRange, "value overflows numeric format");
  }
  if (is_zero) {
    out += '0';
    if (scale > 0) out.append(1, '.').append(static_cast<size_t>(scale), '0');
    return Status::ok();
  }
  if (negative) out += '-';
  if (whole <= 0) {
    out.append("0.").append(static_cast<size_t>(-whole), '0').append(digits);
  } else if (scale <= 0) {
    out.append(digits).append(static_cast<size_t>(-scale), '0');
  } else {
    out.append(digits, 0, static_cast<size_t>(whole)).append(1, '.');
    out.append(digits, static_cast<size_t>(whole));
  }
  return Status::ok();
}

/// True for a number of JSON's grammar.
bool is_number(std::string_view text) {
  size_t i = 0;
  const auto digits = [&] {
    const size_t start = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i > start;
  };
  if (i < text.size() && text[i] == '-') ++i;
  if (i < text.size() && text[i] == '0') {
    ++i;
  } else if (!digits()) {
    return false;
  }
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (!digits()) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (!digits()) return false;
  }
  return i == text.size();
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<std::string> parse() {
    std::string out;
    FOREBAY_RETURN_IF_ERROR(value(out));
    FOREBAY_RETURN_IF_ERROR(peek());
    if (!token_.empty()) return unexpected("Expected end of input, but found ");
    return out;
  }

 private:
  static bool is_word(char c) {
    return is_alpha(c) || is_digit(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
  }

  Status unexpected(std::string_view expectation) const {
    if (token_.empty()) return syntax_error("The input string ended unexpectedly.");
    return syntax_error(std::string(expectation) + "\"" + std::string(token_) + "\".");
  }

  /// Looks at the next token: a string with its quotes, a character, or a word or number. Its
  /// content is checked here, as PostgreSQL's lexer does.
  Status peek() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
    token_ = {};
    if (at_ == text_.size()) return Status::ok();
    const char c = text_[at_];
    if (c == '"') return scan_string();
    if (std::string_view("{}[],:").find(c) != std::string_view::npos) {
      token_ = text_.substr(at_, 1);
      return Status::ok();
    }
    size_t end = at_;
    if (c == '-' || is_digit(c)) {
      return scan_number();
    }
    while (end < text_.size() && is_word(text_[end])) ++end;
    if (end == at_) ++end;
    token_ = text_.substr(at_, end - at_);
    if (token_ == "true" || token_ == "false" || token_ == "null") return Status::ok();
    return syntax_error("Token \"" + std::string(token_) + "\" is invalid.");
  }

  /// The longest beginning of a number, and the word that is glued to it.
  Status scan_number() {
    size_t end = at_;
    const auto digits = [&] {
      while (end < text_.size() && is_digit(text_[end])) ++end;
    };
    const auto skip = [&](std::string_view any) {
      const bool there = end < text_.size() && any.find(text_[end]) != std::string_view::npos;
      end += there ? 1 : 0;
      return there;
    };
    skip("-");
    if (!skip("0")) digits();
    if (skip(".")) digits();
    if (skip("eE")) {
      skip("+-");
      digits();
    }
    while (end < text_.size() && is_word(text_[end])) ++end;
    token_ = text_.substr(at_, end - at_);
    if (is_number(token_)) return Status::ok();
    return syntax_error("Token \"" + std::string(token_) + "\" is invalid.");
  }

  Status scan_string() {
    string_.clear();
    size_t i = at_ + 1;
    uint32_t high = 0;
    const auto unicode_error = [](std::string detail) { return syntax_error(std::move(detail)); };
    for (;; ++i) {
      const auto cut = [&](size_t from) { return std::string(text_.substr(from, i - from)); };
      if (i >= text_.size()) return syntax_error("Token \"" + cut(at_) + "\" is invalid.");
      const char c = text_[i];
      const bool is_escape = c == '\\' && i + 1 < text_.size() && text_[i + 1] == 'u';
      if (high != 0 && !is_escape) {
        return unicode_error("Unicode low surrogate must follow a high surrogate.");
      }
      if (c == '"') break;
      if (static_cast<unsigned char>(c) < 0x20) {
        static constexpr char kHex[] = "0123456789abcdef";
        std::string detail = "Character with value 0x";
        detail.append(1, kHex[c >> 4 & 15]).append(1, kHex[c & 15]).append(" must be escaped.");
        return syntax_error(std::move(detail));
      }
      if (c != '\\') {
        string_ += c;
        continue;
      }
      if (++i >= text_.size()) return syntax_error("Token \"" + cut(at_) + "\" is invalid.");
      if (text_[i] != 'u') {
        static constexpr std::string_view kLetters = "\"\\/bfnrt";
        static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
        const size_t which = kLetters.find(text_[i]);
        if (which == std::string_view::npos) {
          const size_t bytes = bytes_of_characters(text_.substr(i), 1);
          return syntax_error("Escape sequence \"\\" + std::string(text_.substr(i, bytes)) +
                              "\" is invalid.");
        }
        string_ += kMeanings[which];
        continue;
      }
      FOREBAY_RETURN_IF_ERROR(scan_unicode(i, high));
    }
    token_ = text_.substr(at_, i + 1 - at_);
    return Status::ok();
  }

  /// text_[i] is the u of \uXXXX; leaves i at its last digit.
  Status scan_unicode(size_t& i, uint32_t& high) {
    uint32_t code = 0;
    for (int digit = 0; digit < 4; ++digit) {
      ++i;
      const char c = i < text_.size() ? to_lower(text_[i]) : '\0';
      if (i >= text_.size()) {
        return syntax_error("Token \"" + std::string(text_.substr(at_)) + "\" is invalid.");
      }
      if (!is_digit(c) && (c < 'a' || c > 'f')) {
        return syntax_error("\"\\u\" must be followed by four hexadecimal digits.");
      }
      code = code * 16 + static_cast<uint32_t>(is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    if (code >= 0xd800 && code <= 0xdbff) {
      if (high != 0) {
        return syntax_error("Unicode high surrogate must not follow a high surrogate.");
      }
      high = code;
      return Status::ok();
    }
    if (code >= 0xdc00 && code <= 0xdfff) {
      if (high == 0) return syntax_error("Unicode low surrogate must follow a high surrogate.");
      code = 0x10000 + ((high & 0x3ff) << 10) + (code & 0x3ff);
      high = 0;
    } else if (high != 0) {
      return syntax_error("Unicode low surrogate must follow a high surrogate.");
    }
    if (code == 0) {
      return Status(Error{.sqlstate = SqlState{"22P05"},
                          .message = "unsupported Unicode escape sequence",
                          .detail = "\\u0000 cannot be converted to text."});
    }
    append_utf8(code, string_);
    return Status::ok();
  }

  void take() { at_ += token_.size(); }

  /// An array or object that is not closed yet.
  struct Open {
    bool is_object;
    std::string text;                 // of an array, so far
    std::vector<JsonMember> members;  // of an object; the last one is the value's that follows
  };

  /// The value that starts at the token. Without recursion: the depth is the client's choice.
  Status value(std::string& out) {
    std::vector<Open> open;
    while (true) {
      FOREBAY_RETURN_IF_ERROR(peek());
      if (token_.empty()) return unexpected("");
      std::string done;  // a value that is complete
      if (token_ == "{" || token_ == "[") {
        if (open.size() == kMaxDepth) {
          return Status(sqlstate::kTooComplex, "stack depth limit exceeded")
              .with_hint("JSON may have 2000 levels.");
        }
        const bool is_object = token_ == "{";
        take();
        FOREBAY_RETURN_IF_ERROR(peek());
        if (token_ != (is_object ? "}" : "]")) {
          open.push_back({.is_object = is_object, .text = "[", .members = {}});
          if (is_object) FOREBAY_RETURN_IF_ERROR(key(open.back()));
          continue;
        }
        done = is_object ? "{}" : "[]";
      } else if (token_.front() == '"') {
        append_json_string(string_, done);
      } else if (std::string_view("}],:").find(token_.front()) != std::string_view::npos) {
        return unexpected("Expected JSON value, but found ");
      } else if (is_alpha(token_.front())) {
        done = token_;
      } else {
        FOREBAY_RETURN_IF_ERROR(append_number(token_, done));
      }
      take();
      // What this value completes is complete too.
      while (true) {
        if (open.empty()) {
          out += done;
          return Status::ok();
        }
        FOREBAY_ASSIGN_OR_RETURN(const bool closed, add(open.back(), done));
        if (!closed) break;
        done = open.back().is_object ? make_json_object(std::move(open.back().members))
                                     : std::move(open.back().text);
        open.pop_back();
      }
    }
  }

  /// Adds a value to `open`, and takes the comma, with the key after it, or the end: true then.
  Result<bool> add(Open& open, std::string& value) {
    FOREBAY_RETURN_IF_ERROR(peek());
    const bool last = token_ == (open.is_object ? "}" : "]");
    if (!last && token_ != ",") {
      return unexpected(open.is_object ? "Expected \",\" or \"}\", but found "
                                       : "Expected \",\" or \"]\", but found ");
    }
    take();
    if (open.is_object) {
      open.members.back().value = std::move(value);
      if (last) return true;
      FOREBAY_RETURN_IF_ERROR(peek());
      FOREBAY_RETURN_IF_ERROR(key(open));
      return false;
    }
    open.text.append(value).append(last ? "]" : ", ");
    return last;
  }

  /// The key at the token, and its colon.
  Status key(Open& open) {
    if (token_.empty() || token_.front() != '"') {
      return unexpected(open.members.empty() ? "Expected string or \"}\", but found "
                                             : "Expected string, but found ");
    }
    append_json_string(string_, open.members.emplace_back().key);
    take();
    FOREBAY_RETURN_IF_ERROR(peek());
    if (token_ != ":") return unexpected("Expected \":\", but found ");
    take();
    return Status::ok();
  }

  std::string_view text_;
  size_t at_ = 0;
  std::string_view token_;  // empty at the end
  std::string string_;      // the content of the last string
};

bool is_key_before(std::string_view a, std::string_view b) {
  const bool plain =
      a.find('\\') == std::string_view::npos && b.find('\\') == std::string_view::npos;
  if (plain) return a.size() != b.size() ? a.size() < b.size() : a < b;
  const std::string x = unescape_json_string(a);
  const std::string y = unescape_json_string(b);
  return x.size() != y.size() ? x.size() < y.size() : x < y;
}

/// The end of the canonical value at the front of `text`.
size_t end_of_string(std::string_view text) {
  size_t i = 1;
  while (text[i] != '"') i += text[i] == '\\' ? 2 : 1;
  return i + 1;
}
size_t end_of_value(std::string_view text) {
  if (text.front() == '"') return end_of_string(text);
  if (text.front() != '{' && text.front() != '[') {
    return std::min(text.find_first_of(",]}"), text.size());
  }
  size_t depth = 0;
  for (size_t i = 0;;) {
    const char c = text[i];
    if (c == '"') {
      i += end_of_string(text.substr(i));
      continue;
    }
    ++i;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return i;
  }
}

}  // namespace

Result<std::string> parse_json(std::string_view text) {
  FOREBAY_RETURN_IF_ERROR(check_text(text));
  return Parser(text).parse();
}

void append_json_string(std::string_view content, std::string& out) {
  out += '"';
  for (const char c : content) {
    switch (c) {
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      default:
        if (static_cast<unsigned char>(c) < ' ') {
          static constexpr char kHex[] = "0123456789abcdef";
          out.append("\\u00").append(1, kHex[c >> 4 & 15]).append(1, kHex[c & 15]);
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

std::string unescape_json_string(std::string_view quoted) {
  std::string out;
  for (size_t i = 1; i + 1 < quoted.size(); ++i) {
    if (quoted[i] != '\\') {
      out += quoted[i];
      continue;
    }
    const char c = quoted[++i];
    switch (c) {
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'u': {
        // Only control characters are written so.
        uint32_t code = 0;
        std::from_chars(quoted.data() + i + 1, quoted.data() + i + 5, code, 16);
        out += static_cast<char>(code);
        i += 4;
        break;
      }
      default:
        out += c;
    }
  }
  return out;
}

JsonKind json_kind(std::string_view json) {
  switch (json.front()) {
    case '{':
      return JsonKind::kObject;
    case '[':
      return JsonKind::kArray;
    case '"':
      return JsonKind::kString;
    case 't':
    case 'f':
      return JsonKind::kBoolean;
    case 'n':
      return JsonKind::kNull;
    default:
      return JsonKind::kNumber;
  }
}

JsonMembers::JsonMembers(std::string_view container) {
  if (container.front() == '{' || container.front() == '[') {
    rest_ = container.substr(1, container.size() - 2);
    key_ = container.front() == '{' ? std::string_view("\"") : std::string_view();
  }
}

bool JsonMembers::next() {
  if (rest_.empty()) return false;
  if (!key_.empty()) {
    const size_t end = end_of_string(rest_);
    key_ = rest_.substr(0, end);
    rest_.remove_prefix(end + 2);
  }
  const size_t end = end_of_value(rest_);
  value_ = rest_.substr(0, end);
  rest_.remove_prefix(std::min(end + 2, rest_.size()));
  return true;
}

std::optional<std::string_view> find_json_member(std::string_view object,
                                                 std::string_view quoted_key) {
  if (object.front() != '{') return std::nullopt;
  JsonMembers members(object);
  while (members.next()) {
    if (members.key() == quoted_key) return members.value();
  }
  return std::nullopt;
}

std::optional<std::string_view> find_json_element(std::string_view array, int64_t index) {
  if (array.front() != '[') return std::nullopt;
  if (index < 0) index += count_json_members(array);
  if (index < 0) return std::nullopt;
  JsonMembers members(array);
  while (members.next()) {
    if (index-- == 0) return members.value();
  }
  return std::nullopt;
}

uint32_t count_json_members(std::string_view container) {
  uint32_t count = 0;
  JsonMembers members(container);
  while (members.next()) ++count;
  return count;
}

std::string make_json_object(std::vector<JsonMember> members) {
  std::stable_sort(members.begin(), members.end(), [](const JsonMember& a, const JsonMember& b) {
    return is_key_before(a.key, b.key);
  });
  std::string out = "{";
  for (size_t i = 0; i < members.size(); ++i) {
    if (i + 1 < members.size() && members[i].key == members[i + 1].key) continue;
    if (out.size() > 1) out += ", ";
    out.append(members[i].key).append(": ").append(members[i].value);
  }
  return out + "}";
}

std::string make_json_array(const std::vector<std::string>& elements) {
  std::string out = "[";
  for (const std::string& element : elements) {
    if (out.size() > 1) out += ", ";
    out += element;
  }
  return out + "]";
}

}  // namespace forebay::data
