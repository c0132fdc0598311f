#include "udfs/builtin/like.h"

#include "udfs/utf8.h"

namespace forebay::udfs {

// What stands between two % is matched as early as possible: a later place leaves less text for
// the rest. So only the last % is ever tried again, and no stack is needed.
LikeResult match_like(std::string_view text, std::string_view pattern) {
  size_t at = 0, place = 0;  // in text, in pattern
  size_t retry_at = 0, retry_place = std::string_view::npos;
  while (at < text.size()) {
    if (place < pattern.size() && pattern[place] == '%') {
      for (; place < pattern.size() && (pattern[place] == '%' || pattern[place] == '_'); ++place) {
        if (pattern[place] == '%') continue;
        if (at == text.size()) return LikeResult::kNo;
        at += utf8::width_at(text, at);
      }
      if (place == pattern.size()) return LikeResult::kYes;
      if (pattern[place] == '\\' && place + 1 == pattern.size()) return LikeResult::kBadEscape;
      retry_at = at;
      retry_place = place;
      continue;
    }
    if (place < pattern.size() && pattern[place] == '_') {
      at += utf8::width_at(text, at);
      ++place;
      continue;
    }
    if (place < pattern.size() && pattern[place] == '\\' && ++place == pattern.size()) {
      return LikeResult::kBadEscape;
    }
    if (place < pattern.size() && pattern[place] == text[at]) {
      ++at;
      ++place;
      continue;
    }
    if (retry_place == std::string_view::npos) return LikeResult::kNo;
    retry_at += utf8::width_at(text, retry_at);
    at = retry_at;
    place = retry_place;
  }
  while (place < pattern.size() && pattern[place] == '%') ++place;
  return place == pattern.size() ? LikeResult::kYes : LikeResult::kNo;
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
