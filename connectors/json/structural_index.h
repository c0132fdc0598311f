#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

/// The only door to simdjson: its first stage, which finds in one vectorised pass where every
/// string, number, literal, bracket, colon and comma starts. (Langdale, Lemire: "Parsing gigabytes
/// of JSON per second", VLDB Journal 2019, section 3.1.)
namespace forebay::connectors {

enum class StructureError : uint8_t {
  kNone,
  kInvalidUtf8,
  kControlCharacter,  // below 0x20 inside a string; a line end, too
  kUnclosedString,
  kOther,
};

/// Token positions of one stretch of text. Not thread-safe.
class StructuralIndex {
 public:
  StructuralIndex();
  ~StructuralIndex();

  /// Indexes `text`, which is checked to be UTF-8 with closed strings free of control characters.
  /// When this succeeds on several lines at once it succeeds on each of them, and the other way
  /// round.
  StructureError scan(std::string_view text);

  /// Valid until the next scan. Past the end stand four more positions, all text.size().
  const uint32_t* begin() const { return begin_; }
  const uint32_t* end() const { return end_; }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  const uint32_t* begin_ = nullptr;
  const uint32_t* end_ = nullptr;
};

/// Vectorised.
bool is_valid_utf8(std::string_view text);

}  // namespace forebay::connectors
