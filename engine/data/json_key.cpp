#include "engine/data/json.h"
#include "engine/data/key_bytes.h"
#include "engine/data/text_scan.h"

/// Order-preserving bytes of jsonb. A tag, then: a string's content ended by 0x00; a number's sign
/// class, exponent and digits; a boolean's byte; a container's count and members. Nothing in a
/// string is 0x00, because \u0000 is refused. kExact appends the trailing zeros behind the point of
/// every number, in order.
namespace forebay::data {

namespace {

using key_bytes::Reader;

enum Tag : uint8_t {
  kEmptyTopArray = 0x01,  // below scalars when it is the whole value, as PostgreSQL has it
  kNull = 0x02,
  kString = 0x03,
  kNumber = 0x04,
  kBoolean = 0x05,
  kArray = 0x06,
  kObject = 0x07,
};
enum Sign : uint8_t { kNegative = 0x01, kZero = 0x02, kPositive = 0x03 };

constexpr uint32_t kExponentBias = 0x80000000U;

void append_u32(uint32_t value, std::string& out) {
  char bytes[4];
  key_bytes::write_u32(value, bytes);
  out.append(bytes, 4);
}

void append_content(std::string_view quoted, std::string& out) {
  if (quoted.find('\\') == std::string_view::npos) {
    out += quoted.substr(1, quoted.size() - 2);
  } else {
    out += unescape_json_string(quoted);
  }
  out += '\0';
}

/// 0.d1d2d3... * 10^exponent. The zeros at the end go to `zeros`.
void append_number(std::string_view text, std::string& out, std::string& zeros) {
  const bool negative = text.front() == '-';
  if (negative) text.remove_prefix(1);
  const size_t point = std::min(text.find('.'), text.size());
  std::string digits(text.substr(0, point));
  size_t fraction = 0;
  if (point < text.size()) {
    digits += text.substr(point + 1);
    fraction = text.size() - point - 1;
  }
  const size_t significant = digits.find_last_not_of('0') + 1;  // 0 for zero
  const size_t trailing = std::min(digits.size() - significant, fraction);
  char bytes[2];
  key_bytes::write_u16(static_cast<uint16_t>(trailing), bytes);
  zeros.append(bytes, 2);
  const size_t first = digits.find_first_not_of('0');
  if (first == std::string::npos) {
    out += static_cast<char>(kZero);
    return;
  }
  out += static_cast<char>(negative ? kNegative : kPositive);
  const size_t start = out.size();
  const auto exponent = static_cast<int64_t>(point) - static_cast<int64_t>(first);
  append_u32(static_cast<uint32_t>(exponent) + kExponentBias, out);
  out.append(digits, first, significant - first);
  out += '\0';
  if (negative) {
    for (size_t i = start; i < out.size(); ++i) out[i] = static_cast<char>(~out[i]);
  }
}

void append_value(std::string_view json, std::string& out, std::string& zeros) {
  switch (json_kind(json)) {
    case JsonKind::kNull:
      out += static_cast<char>(kNull);
      return;
    case JsonKind::kString:
      out += static_cast<char>(kString);
      return append_content(json, out);
    case JsonKind::kNumber:
      out += static_cast<char>(kNumber);
      return append_number(json, out, zeros);
    case JsonKind::kBoolean:
      out += static_cast<char>(kBoolean);
      out += static_cast<char>(json.front() == 't');
      return;
    case JsonKind::kArray:
    case JsonKind::kObject: {
      const bool is_object = json.front() == '{';
      out += static_cast<char>(is_object ? kObject : kArray);
      append_u32(count_json_members(json), out);
      JsonMembers members(json);
      while (members.next()) {
        if (is_object) append_content(members.key(), out);
        append_value(members.value(), out, zeros);
      }
      return;
    }
  }
}

std::string read_content(Reader& in) {
  std::string content;
  while (!in.failed) {
    const auto c = static_cast<char>(in.u8());
    if (c == '\0') break;
    content += c;
  }
  return content;
}

void read_number(Reader& in, Reader* zeros, std::string& out) {
  const uint8_t sign = in.u8();
  const size_t trailing = zeros != nullptr ? zeros->big_endian(2) : 0;
  const auto append_zeros = [&](bool has_point) {
    if (trailing == 0) return;
    if (!has_point) out += '.';
    out.append(trailing, '0');
  };
  if (sign == kZero) {
    out += '0';
    return append_zeros(false);
  }
  if (sign != kNegative && sign != kPositive) {
    in.failed = true;
    return;
  }
  const uint8_t flip = sign == kNegative ? 0xFF : 0;
  const auto biased = static_cast<uint32_t>(in.big_endian(4)) ^ (flip != 0 ? 0xFFFFFFFFU : 0);
  const auto exponent = static_cast<int32_t>(biased - kExponentBias);
  std::string digits;
  while (!in.failed) {
    const auto c = static_cast<char>(in.u8() ^ flip);
    if (c == '\0') break;
    if (!is_digit(c)) in.failed = true;
    digits += c;
  }
  constexpr int32_t kMostDigits = 150'000;
  if (digits.empty() || exponent > kMostDigits || exponent < -kMostDigits) in.failed = true;
  if (in.failed) return;
  if (sign == kNegative) out += '-';
  const auto count = static_cast<int32_t>(digits.size());
  if (exponent <= 0) {
    out.append("0.").append(static_cast<size_t>(-exponent), '0').append(digits);
  } else if (exponent >= count) {
    out.append(digits).append(static_cast<size_t>(exponent - count), '0');
  } else {
    out.append(digits, 0, static_cast<size_t>(exponent)).append(1, '.');
    out.append(digits, static_cast<size_t>(exponent));
  }
  append_zeros(exponent < count);
}

/// `zeros` is nullptr where they are not known (yet).
void read_value(Reader& in, Reader* zeros, std::string& out) {
  const uint8_t tag = in.u8();
  switch (tag) {
    case kEmptyTopArray:
      out += "[]";
      return;
    case kNull:
      out += "null";
      return;
    case kString:
      return append_json_string(read_content(in), out);
    case kNumber:
      return read_number(in, zeros, out);
    case kBoolean:
      out += in.u8() != 0 ? "true" : "false";
      return;
    case kArray:
    case kObject: {
      const uint64_t count = in.big_endian(4);
      out += tag == kObject ? '{' : '[';
      for (uint64_t i = 0; i < count && !in.failed; ++i) {
        if (i > 0) out += ", ";
        if (tag == kObject) {
          append_json_string(read_content(in), out);
          out += ": ";
        }
        read_value(in, zeros, out);
      }
      out += tag == kObject ? '}' : ']';
      return;
    }
    default:
      in.failed = true;
  }
}

}  // namespace

void append_json_key(std::string_view json, KeyMode mode, std::string& out) {
  if (json == "[]") {
    out += static_cast<char>(kEmptyTopArray);
    return;
  }
  std::string zeros;
  append_value(json, out, zeros);
  if (mode == KeyMode::kExact) out += zeros;
}

bool read_json_key(std::string_view& bytes, uint8_t mask, KeyMode mode, std::string& out) {
  Reader in{bytes, mask};
  if (mode == KeyMode::kGrouping) {
    read_value(in, nullptr, out);
    bytes = in.bytes;
    return !in.failed;
  }
  // The zeros stand behind the value, whose end is found first.
  std::string skipped;
  Reader zeros = in;
  read_value(zeros, nullptr, skipped);
  if (zeros.failed) return false;
  read_value(in, &zeros, out);
  bytes = zeros.bytes;
  return !in.failed && !zeros.failed;
}

int compare_json(std::string_view a, std::string_view b) {
  if (a == b) return 0;
  std::string x;
  std::string y;
  append_json_key(a, KeyMode::kGrouping, x);
  append_json_key(b, KeyMode::kGrouping, y);
  const int order = std::string_view(x).compare(y);
  return order < 0 ? -1 : order > 0;
}

}  // namespace forebay::data
