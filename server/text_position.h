#pragma once

#include <cstdint>
#include <string_view>

namespace forebay::server {

/// Counts the characters (code points) before places of a text. Asked for places in rising order it
/// looks at every byte once.
class CharacterCount {
 public:
  /// The text outlives this.
  explicit CharacterCount(std::string_view text) : text_(text) {}

  /// Characters in the first `bytes` bytes.
  int32_t before(size_t bytes) {
    if (bytes < counted_bytes_) counted_bytes_ = 0, characters_ = 0;
    for (char c : text_.substr(counted_bytes_, bytes - counted_bytes_)) {
      characters_ += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }
    counted_bytes_ = bytes;
    return characters_;
  }

 private:
  const std::string_view text_;
  size_t counted_bytes_ = 0;
  int32_t characters_ = 0;
};

}  // namespace forebay::server
