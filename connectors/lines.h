#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

/// Records that end at line ends, whatever is in them.
namespace forebay::connectors {

/// Bytes of the longest prefix of whole lines.
inline size_t whole_lines(std::string_view bytes) {
  return bytes.rfind('\n') + 1;  // npos + 1 == 0
}

/// Bytes of the first `limit` whole lines, or of all whole ones if there are fewer; `count`
/// receives how many.
inline size_t first_lines(std::string_view bytes, uint64_t limit, uint64_t& count) {
  size_t end = 0;
  for (count = 0; count < limit; ++count) {
    const size_t newline = bytes.find('\n', end);
    if (newline == std::string_view::npos) break;
    end = newline + 1;
  }
  return end;
}

}  // namespace forebay::connectors
