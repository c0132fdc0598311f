#include "connectors/json/json_tokens.h"

#include <cstring>

namespace forebay::connectors {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The four hex digits at `text`; -1 if they are not.
int32_t parse_hex4(const char* text) {
  int32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    char c = text[i];
    int32_t digit = is_digit(c)            ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
    if (digit < 0) return -1;
    value = value << 4 | digit;
  }
  return value;
}

void append_utf8(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xc0 | code >> 6));
    out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | code >> 12));
    out.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xf0 | code >> 18));
    out.push_back(static_cast<char>(0x80 | (code >> 12 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
  }
}

/// Reads the \uXXXX at `at` (after the u) and a second half if it must have one; -1 on error.
int64_t read_unicode_escape(std::string_view content, size_t& at) {
  if (content.size() - at < 4) return -1;
  int32_t code = parse_hex4(content.data() + at);
  at += 4;
  if (code < 0 || (code >= 0xdc00 && code < 0xe000)) return -1;
  if (code < 0xd800 || code >= 0xe000) return code;
  if (content.size() - at < 6 || content[at] != '\\' || content[at + 1] != 'u') return -1;
  int32_t low = parse_hex4(content.data() + at + 2);
  if (low < 0xdc00 || low >= 0xe000) return -1;
  at += 6;
  return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

/// Calls literal(bytes) and code_point(c) over the content of a string.
template <typename Literal, typename CodePoint>
bool walk_escapes(std::string_view content, Literal&& literal, CodePoint&& code_point) {
  size_t at = 0;
  while (true) {
    size_t backslash = content.find('\\', at);
    if (backslash == std::string_view::npos) {
      literal(content.substr(at));
      return true;
    }
    literal(content.substr(at, backslash - at));
    if (backslash + 1 >= content.size()) return false;
    at = backslash + 2;
    switch (content[backslash + 1]) {
      case '"':
        code_point('"');
        break;
      case '\\':
        code_point('\\');
        break;
      case '/':
        code_point('/');
        break;
      case 'b':
        code_point('\b');
        break;
      case 'f':
        code_point('\f');
        break;
      case 'n':
        code_point('\n');
        break;
      case 'r':
        code_point('\r');
        break;
      case 't':
        code_point('\t');
        break;
      case 'u': {
        int64_t code = read_unicode_escape(content, at);
        if (code < 0) return false;
        code_point(static_cast<uint32_t>(code));
        break;
      }
      default:
        return false;
    }
  }
}

bool has_legal_escapes(std::string_view content) {
  return walk_escapes(
      content, [](std::string_view) {}, [](uint32_t) {});
}

}  // namespace

bool is_json_number(std::string_view text) {
  const char* p = text.data();
  const char* end = p + text.size();
  if (p != end && *p == '-') ++p;
  if (p == end || !is_digit(*p)) return false;
  if (*p == '0') {
    ++p;
  } else {
    while (p != end && is_digit(*p)) ++p;
  }
  if (p != end && *p == '.') {
    if (++p == end || !is_digit(*p)) return false;
    while (p != end && is_digit(*p)) ++p;
  }
  if (p != end && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p != end && (*p == '+' || *p == '-')) ++p;
    if (p == end || !is_digit(*p)) return false;
    while (p != end && is_digit(*p)) ++p;
  }
  return p == end;
}

bool is_json_scalar(std::string_view text, bool escapes) {
  if (text.empty()) return false;
  switch (text[0]) {
    case '"':
      return !escapes || has_legal_escapes(text.substr(1, text.size() - 2));
    case 't':
      return text == "true";
    case 'f':
      return text == "false";
    case 'n':
      return text == "null";
    default:
      return is_json_number(text);
  }
}

bool unescape_json(std::string_view content, std::string& out) {
  out.clear();
  return walk_escapes(
      content, [&](std::string_view bytes) { out.append(bytes); },
      [&](uint32_t code) { append_utf8(code, out); });
}

namespace {

/// Checks a value of any depth with a bit per open container instead of recursion.
class ValueChecker {
 public:
  ValueChecker(const char* base, const uint32_t* end, bool escapes, JsonDefect& defect)
      : base_(base), end_(end), escapes_(escapes), defect_(defect) {}

  const uint32_t* check(const uint32_t* t) {
    uint32_t depth = 1;  // the record's own object
    enum class Step { kValue, kKey, kAfterValue } step = Step::kValue;
    while (true) {
      if (t >= end_) return fail(t, "the record ends too early");
      char c = base_[*t];
      if (step == Step::kValue && (c == '{' || c == '[')) {
        if (++depth > kMaxJsonDepth) return fail_depth(t);
        is_object_[depth] = c == '{';
        ++t;
        if (t < end_ && base_[*t] == (c == '{' ? '}' : ']')) {
          ++t;
          --depth;
          step = Step::kAfterValue;
        } else {
          step = c == '{' ? Step::kKey : Step::kValue;
        }
      } else if (step == Step::kValue) {
        if (!is_json_scalar(token_text(base_, t), escapes_)) return fail(t, "invalid value");
        ++t;
        step = Step::kAfterValue;
      } else if (step == Step::kKey) {
        if (c != '"' || !is_json_scalar(token_text(base_, t), escapes_)) {
          return fail(t, "expected a name in double quotes");
        }
        if (t + 1 >= end_ || base_[t[1]] != ':') return fail(t + 1, "expected \":\"");
        t += 2;
        step = Step::kValue;
      } else {
        if (c == (is_object_[depth] ? '}' : ']')) {
          --depth;
        } else if (c == ',') {
          step = is_object_[depth] ? Step::kKey : Step::kValue;
        } else {
          return fail(t, is_object_[depth] ? "expected \",\" or \"}\"" : "expected \",\" or \"]\"");
        }
        ++t;
      }
      if (step == Step::kAfterValue && depth == 1) return t;
    }
  }

 private:
  const uint32_t* fail(const uint32_t* t, const char* what) {
    defect_ = {data::sqlstate::kInvalidText, what, *t};
    return nullptr;
  }
  const uint32_t* fail_depth(const uint32_t* t) {
    defect_ = {data::sqlstate::kTooComplex, "nested deeper than 100 levels", *t};
    return nullptr;
  }

  const char* base_;
  const uint32_t* end_;
  bool escapes_;
  JsonDefect& defect_;
  bool is_object_[kMaxJsonDepth + 1] = {};
};

}  // namespace

const uint32_t* skip_json_value(const char* base, const uint32_t* t, const uint32_t* end,
                                bool escapes, JsonDefect& defect) {
  if (t < end && base[*t] != '{' && base[*t] != '[') {
    if (is_json_scalar(token_text(base, t), escapes)) return t + 1;
    defect = {data::sqlstate::kInvalidText, "invalid value", *t};
    return nullptr;
  }
  return ValueChecker(base, end, escapes, defect).check(t);
}

}  // namespace forebay::connectors
