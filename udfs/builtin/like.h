#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/data/status.h"

/// LIKE patterns: % any characters, _ one character, \ takes the next one as it is.
namespace forebay::udfs {

enum class LikeResult : uint8_t { kNo, kYes, kBadEscape };

/// Matches as PostgreSQL's MatchText does; kBadEscape when matching comes to an escape at the
/// pattern's end.
LikeResult match_like(std::string_view text, std::string_view pattern);

/// A pattern with another escape character (or none: empty) rewritten to use \. 22025 when the
/// escape has more than one character.
data::Result<std::string> escape_like(std::string_view pattern, std::string_view escape);

/// A pattern made ready for many texts: plain ones (no _ and no escape) are compared by parts.
class LikePattern {
 public:
  explicit LikePattern(std::string_view pattern);
  LikeResult match(std::string_view text) const;

 private:
  enum class Shape : uint8_t { kGeneral, kEqual, kPrefix, kSuffix, kContains };
  Shape shape_ = Shape::kGeneral;
  std::string pattern_;
  std::string part_;
};

}  // namespace forebay::udfs
