#include "udfs/builtin/regex.h"

#include <re2/re2.h>

#include <unordered_map>

#include "udfs/utf8.h"

namespace forebay::udfs {
namespace {

constexpr size_t kCachedExpressions = 64;

/// A POSIX class or escape whose meaning covers all scripts here, where RE2's is ASCII.
struct UnicodeClass {
  std::string_view name;
  std::string_view members;
};
constexpr UnicodeClass kUnicodeClasses[] = {{"[:alpha:]", "\\p{L}"},
                                            {"[:alnum:]", "\\p{L}\\p{N}"},
                                            {"[:upper:]", "\\p{Lu}"},
                                            {"[:lower:]", "\\p{Ll}"},
                                            {"\\w", "\\p{L}\\p{N}_"}};

/// Inside brackets: appends what stands at `at` and moves on; false when nothing is to be replaced.
bool append_class(std::string_view pattern, size_t& at, std::string& out) {
  for (const UnicodeClass& replaced : kUnicodeClasses) {
    if (!pattern.substr(at).starts_with(replaced.name)) continue;
    out += replaced.members;
    at += replaced.name.size();
    return true;
  }
  return false;
}

/// The escape letter `escape` outside brackets, as RE2 spells it.
void append_escape(char escape, std::string& out) {
  switch (escape) {
    case 'y':
    case 'm':
    case 'M':
      out += "\\b";
      break;
    case 'Y':
      out += "\\B";
      break;
    case 'Z':
      out += "\\z";
      break;
    case 'w':
      out += "[\\p{L}\\p{N}_]";
      break;
    case 'W':
      out += "[^\\p{L}\\p{N}_]";
      break;
    default:
      out += '\\';
      out += escape;
  }
}

/// What PostgreSQL's expressions mean, in RE2's spelling.
std::string translated(std::string_view pattern) {
  std::string out;
  bool in_brackets = false;
  for (size_t at = 0; at < pattern.size();) {
    if (in_brackets && append_class(pattern, at, out)) continue;
    const char c = pattern[at++];
    if (c == '\\' && at < pattern.size()) {
      if (in_brackets) {
        out += c;
        out += pattern[at++];
      } else {
        append_escape(pattern[at++], out);
      }
      continue;
    }
    out += c;
    if (in_brackets) {
      in_brackets = c != ']';
    } else if (c == '[') {
      in_brackets = true;
      // A bracket right at the start stands for itself.
      if (at < pattern.size() && pattern[at] == '^') out += pattern[at++];
      if (at < pattern.size() && pattern[at] == ']') out += pattern[at++];
    }
  }
  return out;
}

/// Without lazy quantifiers PostgreSQL takes the longest match.
bool has_lazy_quantifier(std::string_view pattern) {
  for (size_t at = 1; at < pattern.size(); ++at) {
    const char before = pattern[at - 1];
    const bool quantifier = before == '*' || before == '+' || before == '?' || before == '}';
    if (pattern[at] == '?' && quantifier && (at < 2 || pattern[at - 2] != '\\')) return true;
  }
  return false;
}

}  // namespace

data::Result<RegexOptions> parse_regex_flags(std::string_view flags) {
  RegexOptions options;
  for (size_t at = 0; at < flags.size(); ++at) {
    switch (flags[at]) {
      case 'g':
        options.global = true;
        break;
      case 'i':
        options.ignore_case = true;
        break;
      case 'c':
        options.ignore_case = false;
        break;
      case 'm':
      case 'n':
        options.newline_sensitive = true;
        break;
      case 's':
        options.newline_sensitive = false;
        break;
      case 'q':
        options.literal = true;
        break;
      case 't':
        break;
      case 'b':
      case 'e':
      case 'p':
      case 'w':
      case 'x':
        return data::Status(
            data::sqlstate::kFeatureNotSupported,
            "regular expression option \"" + std::string(1, flags[at]) + "\" is not supported");
      default:
        return data::Status(data::sqlstate::kInvalidParameterValue,
                            "invalid regular expression option: \"" +
                                std::string(flags.substr(at, utf8::width_at(flags, at))) + "\"");
    }
  }
  return options;
}

data::Result<const re2::RE2*> compiled_regex(std::string_view pattern,
                                             const RegexOptions& options) {
  thread_local std::unordered_map<std::string, std::unique_ptr<re2::RE2>> cache;
  std::string key;
  key += static_cast<char>('0' + options.ignore_case + 2 * options.newline_sensitive +
                           4 * options.literal);
  key += pattern;
  auto found = cache.find(key);
  if (found == cache.end()) {
    re2::RE2::Options settings(re2::RE2::Quiet);
    settings.set_case_sensitive(!options.ignore_case);
    settings.set_dot_nl(!options.newline_sensitive);
    settings.set_never_nl(false);
    settings.set_literal(options.literal);
    settings.set_longest_match(!has_lazy_quantifier(pattern));
    std::string text = options.literal ? std::string(pattern) : translated(pattern);
    if (options.newline_sensitive && !options.literal) text = "(?m)" + text;
    auto compiled = std::make_unique<re2::RE2>(text, settings);
    if (!compiled->ok()) {
      return data::Status(data::sqlstate::kInvalidRegex,
                          "invalid regular expression: " + compiled->error());
    }
    if (cache.size() >= kCachedExpressions) cache.clear();
    found = cache.emplace(std::move(key), std::move(compiled)).first;
  }
  return found->second.get();
}

data::Result<std::string> similar_to_regex(std::string_view pattern, std::string_view escape) {
  if (utf8::length(escape) > 1) {
    return data::Status(data::sqlstate::kInvalidEscape, "invalid escape string");
  }
  std::string out = "^(?:";
  bool after_escape = false;
  bool in_brackets = false;
  for (size_t at = 0; at < pattern.size();) {
    const std::string_view one = pattern.substr(at, utf8::width_at(pattern, at));
    at += one.size();
    const char c = one[0];
    if (after_escape) {
      if (one.size() == 1) out += '\\';
      out += one;
      after_escape = false;
    } else if (one == escape) {
      after_escape = true;
    } else if (in_brackets) {
      if (c == '\\') out += '\\';
      out += one;
      in_brackets = c != ']';
    } else if (c == '[') {
      out += c;
      in_brackets = true;
    } else if (c == '%') {
      out += ".*";
    } else if (c == '_') {
      out += '.';
    } else if (c == '(') {
      out += "(?:";
    } else if (c == '\\' || c == '.' || c == '^' || c == '$') {
      out += '\\';
      out += c;
    } else {
      out += one;
    }
  }
  return out + ")$";
}

}  // namespace forebay::udfs
