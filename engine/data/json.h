#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/row_codec.h"

/// jsonb. A value is stored as its canonical text, which is what PostgreSQL prints: keys once, in
/// order of length and then bytes, `, ` and `: ` between, numbers as numeric prints them. So text
/// out and in from connectors are copies, a part of a value is a part of its text, and equal bytes
/// are equal values; only numbers that differ in trailing zeros are equal with other bytes. Order
/// and hash go through key bytes, in which those are equal too.
namespace forebay::data {

/// The canonical text of JSON text. 22P02 with PostgreSQL's detail; 22P05 for \u0000; 54001 for
/// more than 2,000 levels.
[[nodiscard]] Result<std::string> parse_json(std::string_view text);

/// The text of a JSON string with this content, quotes included.
void append_json_string(std::string_view content, std::string& out);
/// The content of a canonical string (quotes included) without escapes.
std::string unescape_json_string(std::string_view quoted);

enum class JsonKind : uint8_t { kNull, kString, kNumber, kBoolean, kArray, kObject };
/// Of a canonical value.
JsonKind json_kind(std::string_view json);

/// Walks over the members of a canonical object or the elements of a canonical array; no members
/// for a scalar. The views point into the value.
class JsonMembers {
 public:
  explicit JsonMembers(std::string_view container);
  bool next();
  /// The key with its quotes, empty for elements of an array.
  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }

 private:
  std::string_view rest_;
  std::string_view key_;
  std::string_view value_;
};

/// The value of a key (`quoted_key` as append_json_string makes it) of a canonical object.
std::optional<std::string_view> find_json_member(std::string_view object,
                                                 std::string_view quoted_key);
/// An element by its index from 0, or from -1 backwards.
std::optional<std::string_view> find_json_element(std::string_view array, int64_t index);
uint32_t count_json_members(std::string_view container);

/// The canonical object of members in any order; of equal keys the last wins. Keys are quoted.
struct JsonMember {
  std::string key;
  std::string value;
};
std::string make_json_object(std::vector<JsonMember> members);
std::string make_json_array(const std::vector<std::string>& elements);

/// Order-preserving, self-delimiting bytes of a canonical value (compareJsonbContainers of
/// PostgreSQL's jsonb_util.c). kExact keeps trailing zeros of numbers apart. DO NOT CHANGE:
/// persisted; the byte table is in state/README.md.
void append_json_key(std::string_view json, KeyMode mode, std::string& out);
/// Reads them back from `bytes` (each complemented with `mask`) and removes them; false when no
/// value's bytes are there.
bool read_json_key(std::string_view& bytes, uint8_t mask, KeyMode mode, std::string& out);

/// <0, 0, >0 as PostgreSQL orders.
int compare_json(std::string_view a, std::string_view b);

}  // namespace forebay::data
