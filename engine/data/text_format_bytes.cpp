#include "engine/data/datetime.h"
#include "engine/data/datetime_decode.h"
#include "engine/data/text_format.h"
#include "engine/data/text_scan.h"

/// Text of bytea, uuid, time, and of strings with a length.
namespace forebay::data {

namespace {

constexpr char kHexDigits[] = "0123456789abcdef";
constexpr size_t kUuidBytes = 16;

/// The value of a hexadecimal digit, or -1.
int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

void append_hex(char byte, std::string& out) {
  const auto value = static_cast<unsigned char>(byte);
  out.append(1, kHexDigits[value >> 4]).append(1, kHexDigits[value & 15]);
}

bool is_octal(char c, char most) { return c >= '0' && c <= most; }

/// The old form: bytes as they are, \\ and \ooo.
Result<std::string> parse_escaped_bytes(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == '\\') {
      bytes += text[++i];
    } else if (i + 3 < text.size() && is_octal(text[i + 1], '3') && is_octal(text[i + 2], '7') &&
               is_octal(text[i + 3], '7')) {
      bytes += static_cast<char>((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 |
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      return Status(sqlstate::kInvalidText, "invalid input syntax for type bytea");
    }
  }
  return bytes;
}

/// 115046-08 and est-08 look like dates: a time or a word and a zone. pm-08 is the name of a zone.
void separate_zones(std::vector<DateToken>& tokens) {
  for (size_t i = 0; i < tokens.size(); ++i) {
    const std::string text = tokens[i].text;
    const size_t dash = text.find('-');
    const bool glued = tokens[i].kind == DateToken::Kind::kDate && dash != std::string::npos &&
                       dash > 0 && text.find('-', dash + 1) == std::string::npos &&
                       text.find('/') == std::string::npos;
    if (!glued) continue;
    const std::string_view before = std::string_view(text).substr(0, dash);
    if (before == "am" || before == "pm") {
      tokens[i] = {DateToken::Kind::kSigned, text.substr(dash)};
      continue;
    }
    const auto kind = is_digit(text[0]) ? DateToken::Kind::kNumber : DateToken::Kind::kWord;
    tokens[i] = {kind, text.substr(0, dash)};
    tokens.insert(tokens.begin() + static_cast<ptrdiff_t>(i) + 1,
                  {DateToken::Kind::kSigned, text.substr(dash)});
  }
}

Status bad_time(DateError error, std::string_view text, std::string_view culprit) {
  switch (error) {
    case DateError::kFieldOverflow:
    case DateError::kMonthDayOverflow:
      return Status(sqlstate::kDatetimeOverflow,
                    "date/time field value out of range: \"" + std::string(text) + "\"");
    case DateError::kZoneOverflow:
      return Status(SqlState{"22009"},
                    "time zone displacement out of range: \"" + std::string(text) + "\"");
    case DateError::kUnknownZone:
      return Status(sqlstate::kInvalidParameterValue,
                    "time zone \"" + std::string(culprit) + "\" not recognized");
    case DateError::kNeedsClock:
      return Status(sqlstate::kFeatureNotSupported,
                    "\"" + std::string(culprit) + "\" is not supported as a time");
    default:
      return Status(sqlstate::kInvalidDatetimeFormat,
                    "invalid input syntax for type time: \"" + std::string(text) + "\"");
  }
}

}  // namespace

Result<std::string> parse_bytea(std::string_view text) {
  if (text.size() < 2 || text[0] != '\\' || text[1] != 'x') return parse_escaped_bytes(text);
  text.remove_prefix(2);
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size();) {
    if (is_space(text[i])) {
      ++i;
      continue;
    }
    const int high = hex_value(text[i]);
    const auto invalid_digit = [&](size_t at) {
      return Status(sqlstate::kInvalidParameterValue,
                    "invalid hexadecimal digit: \"" +
                        std::string(text.substr(at, bytes_of_characters(text.substr(at), 1))) +
                        "\"");
    };
    if (high < 0) return invalid_digit(i);
    if (i + 1 == text.size()) {
      return Status(sqlstate::kInvalidParameterValue,
                    "invalid hexadecimal data: odd number of digits");
    }
    const int low = hex_value(text[i + 1]);
    if (low < 0) return invalid_digit(i + 1);
    bytes += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return bytes;
}

void format_bytea(std::string_view bytes, std::string& out) {
  out.reserve(out.size() + 2 + 2 * bytes.size());
  out += "\\x";
  for (const char byte : bytes) append_hex(byte, out);
}

Result<std::string> parse_uuid(std::string_view text) {
  std::string bytes;
  std::string_view rest = text;
  const bool braces = !rest.empty() && rest.front() == '{';
  if (braces) rest.remove_prefix(1);
  // Dashes may stand behind every second byte.
  while (bytes.size() < kUuidBytes) {
    if (rest.size() < 2) return invalid_text("uuid", text);
    const int high = hex_value(rest[0]);
    const int low = hex_value(rest[1]);
    if (high < 0 || low < 0) return invalid_text("uuid", text);
    bytes += static_cast<char>(high << 4 | low);
    rest.remove_prefix(2);
    const bool may_have_dash = bytes.size() % 2 == 0 && bytes.size() < kUuidBytes;
    if (may_have_dash && !rest.empty() && rest.front() == '-') rest.remove_prefix(1);
  }
  if (braces) {
    if (rest.empty() || rest.front() != '}') return invalid_text("uuid", text);
    rest.remove_prefix(1);
  }
  if (!rest.empty()) return invalid_text("uuid", text);
  return bytes;
}

void format_uuid(std::string_view bytes, std::string& out) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    append_hex(bytes[i], out);
  }
}

Result<int64_t> parse_time(std::string_view text, int32_t modifier) {
  constexpr size_t kBufferBytes = 128 + 1;
  std::vector<DateToken> tokens;
  if (!split_date_tokens(text, kBufferBytes, tokens)) {
    return bad_time(DateError::kBadFormat, text, "");
  }
  separate_zones(tokens);
  // A date may stand before the time and means nothing; without one, any will do.
  bool has_date = false;
  bool has_time = false;
  bool has_number = false;
  for (const DateToken& token : tokens) {
    has_date |= token.kind == DateToken::Kind::kDate && token.text.find('/') == std::string::npos;
    has_time |= token.kind == DateToken::Kind::kTime;
    has_number |= token.kind == DateToken::Kind::kNumber || token.text == "allballs";
  }
  if (!has_time && (has_date || !has_number)) return bad_time(DateError::kBadFormat, text, "");
  if (!has_date) tokens.insert(tokens.begin(), {DateToken::Kind::kDate, "2000-01-01"});
  DecodedDateTime fields;
  std::string culprit;
  const DateError error = decode_date_time(tokens, fields, culprit, /*time_only=*/true);
  if (error != DateError::kNone) return bad_time(error, text, culprit);
  if (fields.kind != DecodedDateTime::Kind::kFields) {
    return bad_time(DateError::kBadFormat, text, "");
  }
  const int64_t micros =
      ((int64_t{fields.hour} * 60 + fields.minute) * 60 + fields.second) * kMicrosPerSecond +
      fields.micros;
  if (micros > kMicrosPerDay || fields.minute > 59 || fields.second > 60) {
    return bad_time(DateError::kFieldOverflow, text, "");
  }
  return round_time(micros, modifier);
}

void format_time(int64_t micros, std::string& out) {
  const auto two = [&](int64_t value) {
    out += static_cast<char>('0' + value / 10);
    out += static_cast<char>('0' + value % 10);
  };
  const int64_t seconds = micros / kMicrosPerSecond;
  two(seconds / 3600);
  out += ':';
  two(seconds / 60 % 60);
  out += ':';
  two(seconds % 60);
  int64_t fraction = micros % kMicrosPerSecond;
  if (fraction == 0) return;
  out += '.';
  for (int64_t unit = 100'000; fraction != 0; unit /= 10) {
    out += static_cast<char>('0' + fraction / unit);
    fraction %= unit;
  }
}

Result<std::string_view> fit_string(std::string_view text, Type type) {
  if (type.id == TypeId::kUnknown || type.id == TypeId::kText) return text;
  const int32_t limit = type.modifier;
  if (limit >= 0 && text.size() > static_cast<size_t>(limit)) {
    const size_t bytes = bytes_of_characters(text, limit);
    if (text.find_first_not_of(' ', bytes) != std::string_view::npos) {
      return Status(sqlstate::kStringTooLong, "value too long for type " + type.name());
    }
    text = text.substr(0, bytes);
  }
  return type.id == TypeId::kChar ? without_padding(text) : text;
}

void format_padded(std::string_view text, int32_t characters, std::string& out) {
  out += text;
  if (characters < 0) return;
  for (const char c : text) characters -= (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  if (characters > 0) out.append(static_cast<size_t>(characters), ' ');
}

}  // namespace forebay::data
