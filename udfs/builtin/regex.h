#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/data/status.h"

namespace re2 {
class RE2;
}

/// Regular expressions on RE2 (linear time). PostgreSQL's syntax where RE2 has the same idea; back
/// references and look-around are refused with 2201B.
namespace forebay::udfs {

struct RegexOptions {
  bool ignore_case = false;
  bool global = false;
  /// ^ and $ match at line ends; . and [^x] don't match a newline.
  bool newline_sensitive = false;
  bool literal = false;
};

/// The letters of a flags argument ("gi"). 22023 for an unknown one.
data::Result<RegexOptions> parse_regex_flags(std::string_view flags);

/// The compiled expression, from a cache of this thread; valid until the next call on this thread.
data::Result<const re2::RE2*> compiled_regex(std::string_view pattern, const RegexOptions& options);

/// A SIMILAR TO pattern as a regular expression. 22025 for a bad escape.
data::Result<std::string> similar_to_regex(std::string_view pattern, std::string_view escape);

}  // namespace forebay::udfs
