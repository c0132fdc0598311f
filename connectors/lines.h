#pragma once

#include "connectors/format.h"

namespace forebay::connectors {

/// A format whose records end at line ends, whatever is in them.
class LineFormat : public Format {
 public:
  size_t whole_records(std::string_view bytes) const final {
    return bytes.rfind('\n') + 1;  // npos + 1 == 0
  }
  size_t first_records(std::string_view bytes, uint64_t limit, uint64_t& count) const final {
    size_t end = 0;
    for (count = 0; count < limit; ++count) {
      const size_t newline = bytes.find('\n', end);
      if (newline == std::string_view::npos) break;
      end = newline + 1;
    }
    return end;
  }
};

}  // namespace forebay::connectors
