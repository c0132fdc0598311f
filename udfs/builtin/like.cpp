#include "udfs/builtin/like.h"

#include "udfs/utf8.h"

namespace forebay::udfs {
namespace {

/// kAbort: no match, and no later start of the text can match either.
enum class Match : uint8_t { kNo, kYes, kAbort, kBadEscape };

void skip_character(std::string_view& text) { text.remove_prefix(utf8::width_at(text, 0)); }

Match match_text(std::string_view text, std::string_view pattern);

/// `pattern` starts with %.
Match match_any(std::string_view text, std::string_view pattern) {
  pattern.remove_prefix(1);
  while (!pattern.empty()) {
    if (pattern[0] == '%') {
      pattern.remove_prefix(1);
    } else if (pattern[0] == '_') {
      if (text.empty()) return Match::kAbort;
      skip_character(text);
      pattern.remove_prefix(1);
    } else {
      break;
    }
  }
  if (pattern.empty()) return Match::kYes;
  if (pattern[0] == '\\' && pattern.size() < 2) return Match::kBadEscape;
  const char first = pattern[0] == '\\' ? pattern[1] : pattern[0];
  while (!text.empty()) {
    if (text[0] == first) {
      const Match rest = match_text(text, pattern);
      if (rest != Match::kNo) return rest;
    }
    skip_character(text);
  }
  return Match::kAbort;
}

Match match_text(std::string_view text, std::string_view pattern) {
  if (pattern == "%") return Match::kYes;
  while (!text.empty() && !pattern.empty()) {
    if (pattern[0] == '%') return match_any(text, pattern);
    if (pattern[0] == '_') {
      skip_character(text);
      pattern.remove_prefix(1);
      continue;
    }
    if (pattern[0] == '\\') {
      pattern.remove_prefix(1);
      if (pattern.empty()) return Match::kBadEscape;
    }
    if (pattern[0] != text[0]) return Match::kNo;
    text.remove_prefix(1);
    pattern.remove_prefix(1);
  }
  if (!text.empty()) return Match::kNo;
  while (!pattern.empty() && pattern[0] == '%') pattern.remove_prefix(1);
  return pattern.empty() ? Match::kYes : Match::kAbort;
}

}  // namespace

LikeResult match_like(std::string_view text, std::string_view pattern) {
  switch (match_text(text, pattern)) {
    case Match::kYes:
      return LikeResult::kYes;
    case Match::kBadEscape:
      return LikeResult::kBadEscape;
    default:
      return LikeResult::kNo;
  }
}

data::Result<std::string> escape_like(std::string_view pattern, std::string_view escape) {
  std::string out;
  if (utf8::length(escape) > 1) {
    return std::move(data::Status(data::sqlstate::kInvalidEscape, "invalid escape string"))
        .with_hint("Escape string must be empty or one character.");
  }
  if (escape == "\\") return std::string(pattern);
  bool after_escape = false;
  for (size_t at = 0; at < pattern.size();) {
    const std::string_view one = pattern.substr(at, utf8::width_at(pattern, at));
    at += one.size();
    if (one == escape && !after_escape) {
      out += '\\';
      after_escape = true;
      continue;
    }
    if (one == "\\" && !after_escape) out += '\\';
    out += one;
    after_escape = false;
  }
  return out;
}

LikePattern::LikePattern(std::string_view pattern) : pattern_(pattern) {
  if (pattern.find_first_of("_\\") != std::string_view::npos) return;
  const bool open_start = pattern.starts_with('%');
  const bool open_end = pattern.ends_with('%') && pattern.size() > 1;
  std::string_view part = pattern;
  if (open_start) part.remove_prefix(1);
  if (open_end) part.remove_suffix(1);
  if (part.find('%') != std::string_view::npos) return;
  part_ = part;
  shape_ = open_start ? (open_end ? Shape::kContains : Shape::kSuffix)
                      : (open_end ? Shape::kPrefix : Shape::kEqual);
}

LikeResult LikePattern::match(std::string_view text) const {
  bool matches = false;
  switch (shape_) {
    case Shape::kGeneral:
      return match_like(text, pattern_);
    case Shape::kEqual:
      matches = text == part_;
      break;
    case Shape::kPrefix:
      matches = text.starts_with(part_);
      break;
    case Shape::kSuffix:
      matches = text.ends_with(part_);
      break;
    case Shape::kContains:
      matches = text.find(part_) != std::string_view::npos;
      break;
  }
  return matches ? LikeResult::kYes : LikeResult::kNo;
}

}  // namespace forebay::udfs
