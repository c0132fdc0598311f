#include <openssl/evp.h>

#include <array>
#include <cmath>
#include <random>

#include "engine/data/datetime.h"
#include "engine/data/numeric.h"
#include "engine/data/text_format.h"
#include "udfs/builtin/builtin.h"

/// bytea: parts, joining, hashes, encodings; uuid; arithmetic of time.
namespace forebay::udfs {
namespace {

constexpr TypeId kBytea = TypeId::kBytea;
constexpr TypeId kInteger = TypeId::kInteger;
constexpr TypeId kText = TypeId::kText;
constexpr TypeId kTime = TypeId::kTime;
constexpr TypeId kInterval = TypeId::kInterval;
using Bytes = std::string_view;
using Text = std::string_view;

constexpr SqlState kBadSubscript{"2202E"};

// ---------------------------------------------------------------- parts

Result<std::string> part_of(Bytes bytes, int64_t start, int64_t length) {
  if (length < 0) {
    return Status(data::sqlstate::kSubstringError, "negative substring length not allowed");
  }
  int64_t first = start - 1;
  int64_t end = first + length;
  first = std::max<int64_t>(first, 0);
  end = std::min<int64_t>(end, static_cast<int64_t>(bytes.size()));
  if (end <= first) return std::string();
  return std::string(bytes.substr(static_cast<size_t>(first), static_cast<size_t>(end - first)));
}

Status bad_index(int64_t index, Bytes bytes) {
  return Status(kBadSubscript, "index " + std::to_string(index) + " out of valid range, 0.." +
                                   std::to_string(static_cast<int64_t>(bytes.size()) - 1));
}

Result<int32_t> byte_at(Bytes bytes, int32_t index) {
  if (index < 0 || static_cast<size_t>(index) >= bytes.size()) return bad_index(index, bytes);
  return static_cast<int32_t>(static_cast<unsigned char>(bytes[static_cast<size_t>(index)]));
}

Result<std::string> with_byte(Bytes bytes, int32_t index, int32_t value) {
  if (index < 0 || static_cast<size_t>(index) >= bytes.size()) return bad_index(index, bytes);
  std::string out(bytes);
  out[static_cast<size_t>(index)] = static_cast<char>(value);
  return out;
}

/// Cuts bytes of a set from the ends.
std::string trimmed(Bytes bytes, Bytes set, bool left, bool right) {
  const auto is_cut = [&](char c) { return set.find(c) != Bytes::npos; };
  while (left && !bytes.empty() && is_cut(bytes.front())) bytes.remove_prefix(1);
  while (right && !bytes.empty() && is_cut(bytes.back())) bytes.remove_suffix(1);
  return std::string(bytes);
}

void add_parts(Definer& define) {
  for (Text name : {"length", "octet_length"}) {
    define.define<[](Bytes b) { return static_cast<int32_t>(b.size()); }>(
        name, {kBytea}, kInteger, "number of bytes",
        {{name == "length" ? "length('\\x0102'::bytea)" : "octet_length('\\x0102'::bytea)", "2"}});
  }
  define.define<[](Bytes b) { return static_cast<int32_t>(b.size() * 8); }>(
      "bit_length", {kBytea}, kInteger, "number of bits");
  define.kernel("octet_length", {TypeId::kChar}, kInteger,
                &each<[](const ScalarCall& call, uint32_t row) {
                  std::string padded;
                  data::format_padded(call.arguments[0].at<StringView>(row).view(),
                                      call.argument_types[0].modifier, padded);
                  call.out<int32_t>()[row] = static_cast<int32_t>(padded.size());
                }>,
                "number of bytes, blanks included");
  define.kernel("bpchar_padded", {TypeId::kChar}, kText,
                &each<[](const ScalarCall& call, uint32_t row) {
                  std::string padded;
                  data::format_padded(call.arguments[0].at<StringView>(row).view(),
                                      call.argument_types[0].modifier, padded);
                  call.set_string(row, padded);
                }>,
                "character(n) with its blanks, as LIKE sees it");
  define.define<[](Bytes a, Bytes b) { return std::string(a).append(b); }>(
      "||", {kBytea, kBytea}, kBytea, "joined bytes", {{"'\\x01'::bytea || '\\x02'", "\\x0102"}});
  for (Text name : {"substring", "substr"}) {
    define.define<[](Bytes b, int32_t start) { return part_of(b, std::max(start, 1), INT32_MAX); }>(
        name, {kBytea, kInteger}, kBytea, "the part from a position on");
    define.define<[](Bytes b, int32_t start, int32_t length) { return part_of(b, start, length); }>(
        name, {kBytea, kInteger, kInteger}, kBytea, "so many bytes from a position on");
  }
  define.define<[](Bytes b, Bytes part) {
    const size_t at = b.find(part);
    return at == Bytes::npos ? 0 : static_cast<int32_t>(at) + 1;
  }>("position", {kBytea, kBytea}, kInteger, "where a part starts, from 1; 0 when it is not there");
  define.define<[](Bytes b, int32_t i) { return byte_at(b, i); }>(
      "get_byte", {kBytea, kInteger}, kInteger, "the byte at an index from 0",
      {{"get_byte('\\x1234'::bytea, 1)", "52"}});
  define.define<[](Bytes b, int32_t i, int32_t v) { return with_byte(b, i, v); }>(
      "set_byte", {kBytea, kInteger, kInteger}, kBytea, "with another byte at an index from 0",
      {{"set_byte('\\x1234'::bytea, 1, 64)", "\\x1240"}});
  define.define<[](Bytes b, Bytes set) { return trimmed(b, set, true, true); }>(
      "btrim", {kBytea, kBytea}, kBytea, "without bytes of a set at both ends");
  define.define<[](Bytes b, Bytes set) { return trimmed(b, set, true, false); }>(
      "ltrim", {kBytea, kBytea}, kBytea, "without bytes of a set at the start");
  define.define<[](Bytes b, Bytes set) { return trimmed(b, set, false, true); }>(
      "rtrim", {kBytea, kBytea}, kBytea, "without bytes of a set at the end");
}

// ---------------------------------------------------------------- hashes and encodings

std::string digest(Bytes bytes, const EVP_MD* algorithm) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(bytes.data(), bytes.size(), out, &size, algorithm, nullptr);
  return std::string(reinterpret_cast<const char*>(out), size);
}

constexpr Text kHexDigits = "0123456789abcdef";
constexpr Text kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string to_hex(Bytes bytes) {
  std::string out;
  for (const char c : bytes) {
    out += kHexDigits[static_cast<unsigned char>(c) >> 4];
    out += kHexDigits[c & 15];
  }
  return out;
}

/// A line feed after every 76 characters, as MIME wants.
std::string to_base64(Bytes bytes) {
  constexpr size_t kLine = 76;
  std::string out;
  size_t line = 0;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    if (line == kLine) {
      out += '\n';
      line = 0;
    }
    uint32_t group = 0;
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0);
    }
    for (size_t j = 0; j < 4; ++j) {
      out += j <= count ? kBase64[group >> (18 - 6 * j) & 63] : '=';
    }
    line += 4;
  }
  return out;
}

std::string to_escape(Bytes bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0 || byte >= 0x80) {
      out += '\\';
      for (int shift : {6, 3, 0}) out += static_cast<char>('0' + (byte >> shift & 7));
    } else {
      out += c;
      if (c == '\\') out += c;
    }
  }
  return out;
}

std::string lower(Text word) {
  std::string out(word);
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return out;
}

Status unknown_encoding(Text name) {
  return Status(data::sqlstate::kInvalidParameterValue,
                "unrecognized encoding: \"" + std::string(name) + "\"");
}

Result<std::string> encode(Bytes bytes, Text format) {
  const std::string name = lower(format);
  if (name == "hex") return to_hex(bytes);
  if (name == "base64") return to_base64(bytes);
  if (name == "escape") return to_escape(bytes);
  return unknown_encoding(format);
}

Result<std::string> from_base64(Text text) {
  std::string out;
  uint32_t group = 0;
  int count = 0;
  int padding = 0;
  for (const char& c : text) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') continue;
    uint32_t value = 0;
    if (c == '=') {
      if (padding == 0 && count != 2 && count != 3) {
        return Status(data::sqlstate::kInvalidParameterValue,
                      "unexpected \"=\" while decoding base64 sequence");
      }
      ++padding;
    } else {
      const size_t at = kBase64.find(c);
      if (at == Text::npos || padding > 0) {
        const size_t start = static_cast<size_t>(&c - text.data());
        return Status(
            data::sqlstate::kInvalidParameterValue,
            "invalid symbol \"" +
                std::string(text.substr(start, data::bytes_of_characters(text.substr(start), 1))) +
                "\" found while decoding base64 sequence");
      }
      value = static_cast<uint32_t>(at);
    }
    group = group << 6 | value;
    if (++count < 4) continue;
    for (int i = 0; i < 3 - padding; ++i) out += static_cast<char>(group >> (16 - 8 * i));
    group = 0;
    count = 0;
  }
  if (count != 0) {
    return Status(Status(data::sqlstate::kInvalidParameterValue, "invalid base64 end sequence")
                      .with_hint("Input data is missing padding, is truncated, or is otherwise "
                                 "corrupted."));
  }
  return out;
}

Result<std::string> decode(Text text, Text format) {
  const std::string name = lower(format);
  if (name == "hex") return data::parse_bytea("\\x" + std::string(text));
  if (name == "base64") return from_base64(text);
  if (name == "escape") {
    if (text.starts_with("\\x")) return data::parse_bytea("\\\\" + std::string(text.substr(1)));
    return data::parse_bytea(text);
  }
  return unknown_encoding(format);
}

bool is_utf8(Text name) {
  const std::string word = lower(name);
  return word == "utf8" || word == "utf-8" || word == "unicode";
}

Result<std::string> convert_from(Bytes bytes, Text encoding) {
  if (!is_utf8(encoding)) {
    return Status(data::sqlstate::kFeatureNotSupported, "only encoding UTF8 is supported");
  }
  FOREBAY_RETURN_IF_ERROR(data::check_text(bytes));
  return std::string(bytes);
}
Result<std::string> convert_to(Text text, Text encoding) {
  if (!is_utf8(encoding)) {
    return Status(data::sqlstate::kFeatureNotSupported, "only encoding UTF8 is supported");
  }
  return std::string(text);
}

void add_hashes(Definer& define) {
  define.define<[](Bytes b) { return to_hex(digest(b, EVP_md5())); }>(
      "md5", {kBytea}, kText, "MD5 hash in hexadecimal",
      {{"md5('\\x616263'::bytea)", "900150983cd24fb0d6963f7d28e17f72"}});
  define.define<[](Bytes b) { return digest(b, EVP_sha224()); }>("sha224", {kBytea}, kBytea,
                                                                 "SHA-224 hash");
  define.define<[](Bytes b) { return digest(b, EVP_sha256()); }>(
      "sha256", {kBytea}, kBytea, "SHA-256 hash",
      {{"sha256('abc'::bytea)",
        "\\xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}});
  define.define<[](Bytes b) { return digest(b, EVP_sha384()); }>("sha384", {kBytea}, kBytea,
                                                                 "SHA-384 hash");
  define.define<[](Bytes b) { return digest(b, EVP_sha512()); }>("sha512", {kBytea}, kBytea,
                                                                 "SHA-512 hash");
  define.define<[](Bytes b, Text format) { return encode(b, format); }>(
      "encode", {kBytea, kText}, kText, "as text: hex, base64 or escape",
      {{"encode('\\x1234'::bytea, 'base64')", "EjQ="}});
  define.define<[](Text text, Text format) { return decode(text, format); }>(
      "decode", {kText, kText}, kBytea, "the bytes of a text: hex, base64 or escape",
      {{"decode('1234', 'hex')", "\\x1234"}});
  define.define<[](Bytes b, Text encoding) { return convert_from(b, encoding); }>(
      "convert_from", {kBytea, kText}, kText, "the text that bytes are in an encoding (UTF8)",
      {{"convert_from('\\x616263'::bytea, 'UTF8')", "abc"}});
  define.define<[](Text text, Text encoding) { return convert_to(text, encoding); }>(
      "convert_to", {kText, kText}, kBytea, "the bytes of a text in an encoding (UTF8)",
      {{"convert_to('abc', 'UTF8')", "\\x616263"}});
}

// ---------------------------------------------------------------- uuid

std::string random_uuid() {
  thread_local std::mt19937_64 engine{std::random_device{}()};
  std::string bytes(16, '\0');
  for (size_t i = 0; i < bytes.size(); i += 8) {
    const uint64_t word = engine();
    std::memcpy(bytes.data() + i, &word, 8);
  }
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  return bytes;
}

// ---------------------------------------------------------------- time

int64_t moved(int64_t time, int64_t micros) {
  // Beyond a day it begins anew; the sum can't overflow once the interval is within one.
  const int64_t sum = time + micros % data::kMicrosPerDay;
  return sum - data::floor_to_unit(sum, data::kMicrosPerDay);
}

Result<int64_t> date_and_time(int32_t date, int64_t time) {
  FOREBAY_ASSIGN_OR_RETURN(const int64_t midnight, data::timestamp_from_date(date));
  if (midnight == data::kTimestampInfinity || midnight == data::kTimestampNegativeInfinity) {
    return midnight;
  }
  return data::add(midnight, Interval{time, 0, 0});
}

Result<Numeric> time_part(Text field, int64_t time) {
  const std::string name = lower(field);
  const auto with_scale = [](int64_t value, uint16_t scale) { return Numeric(value, scale); };
  if (name == "epoch") return with_scale(time, 6);
  const int64_t in_minute = time % 60'000'000;
  static constexpr Text kSeconds[] = {"second", "seconds", "sec", "secs", "s"};
  for (Text word : kSeconds) {
    if (name == word) return with_scale(in_minute, 6);
  }
  if (name.starts_with("millisecond") || name == "ms" || name == "msec" || name == "msecs") {
    return with_scale(in_minute, 3);
  }
  if (name.starts_with("microsecond") || name == "us" || name == "usec" || name == "usecs") {
    return with_scale(in_minute, 0);
  }
  if (name == "minute" || name == "minutes" || name == "min" || name == "mins" || name == "m") {
    return with_scale(time / 60'000'000 % 60, 0);
  }
  if (name == "hour" || name == "hours" || name == "hr" || name == "hrs" || name == "h") {
    return with_scale(time / 3'600'000'000, 0);
  }
  static constexpr Text kDates[] = {"day",    "week",     "month",         "quarter",
                                    "year",   "decade",   "century",       "millennium",
                                    "julian", "isoyear",  "dow",           "isodow",
                                    "doy",    "timezone", "timezone_hour", "timezone_minute"};
  for (Text word : kDates) {
    if (name == word) {
      return Status(data::sqlstate::kFeatureNotSupported,
                    "unit \"" + name + "\" not supported for type time without time zone");
    }
  }
  return Status(data::sqlstate::kInvalidParameterValue,
                "unit \"" + name + "\" not recognized for type time without time zone");
}

Result<int64_t> make_time(int32_t hour, int32_t minute, double second) {
  const double micros = std::rint(second * 1e6);
  const bool is_end = hour == 24 && minute == 0 && micros == 0;
  if (!(second >= 0 && micros <= 60e6) || minute < 0 || minute > 59 || hour < 0 ||
      (hour > 23 && !is_end)) {
    char text[64];
    std::snprintf(text, sizeof text, "time field value out of range: %d:%02d:", hour, minute);
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%02g", second);
    return Status(data::sqlstate::kDatetimeOverflow,
                  std::string(text) + (std::isnan(second)   ? "NaN"
                                       : std::isinf(second) ? second < 0 ? "-Infinity" : "Infinity"
                                                            : seconds));
  }
  return (int64_t{hour} * 60 + minute) * 60'000'000 + static_cast<int64_t>(micros);
}

void add_times(Definer& define) {
  using I = const Interval&;
  constexpr TypeId kDate = TypeId::kDate;
  constexpr TypeId kTimestamp = TypeId::kTimestamp;
  define.define<[](int64_t t, I i) { return moved(t, i.microseconds); }>(
      "+", {kTime, kInterval}, kTime, "the time an interval later, within its day",
      {{"time '23:00' + interval '2 hours'", "01:00:00"}});
  define.define<[](I i, int64_t t) { return moved(t, i.microseconds); }>(
      "+", {kInterval, kTime}, kTime, "the time an interval later, within its day");
  define.define<[](int64_t t, I i) { return moved(t, -(i.microseconds % data::kMicrosPerDay)); }>(
      "-", {kTime, kInterval}, kTime, "the time an interval before, within its day");
  define.define<[](int64_t a, int64_t b) {
    return Interval{a - b, 0, 0};
  }>("-", {kTime, kTime}, kInterval, "the time between",
     {{"time '05:00' - time '03:30'", "01:30:00"}});
  define.define<[](int32_t date, int64_t time) { return date_and_time(date, time); }>(
      "+", {kDate, kTime}, kTimestamp, "the time of a day",
      {{"date '2026-01-02' + time '03:04'", "2026-01-02 03:04:00"}});
  define.define<[](int64_t time, int32_t date) { return date_and_time(date, time); }>(
      "+", {kTime, kDate}, kTimestamp, "the time of a day");
}

}  // namespace

void add_bytes(ScalarList& list) {
  Definer define(list, "binary string");
  add_parts(define);
  add_hashes(define);
  for (ScalarFunction& function : list) {
    if (function.name == "bpchar_padded") function.category = "system";
    if (function.name == "||" && function.arguments[0] == kBytea) function.category = "operator";
  }
  Definer uuids(list, "uuid");
  uuids
      .define<[]() { return random_uuid(); }>("gen_random_uuid", {}, TypeId::kUuid,
                                              "a random uuid (version 4)")
      .volatility = Volatility::kVolatile;
  Definer operators(list, "operator");
  add_times(operators);
  Definer times(list, "date/time");
  times.define<[](Text field, int64_t time) { return time_part(field, time); }>(
      "extract", {kText, kTime}, TypeId::kNumeric, "a field of a time",
      {{"extract(minute from time '03:04:05')", "4"}});
  times.define<[](Text field, int64_t time) -> Result<double> {
    FOREBAY_ASSIGN_OR_RETURN(const Numeric part, time_part(field, time));
    return data::to_double(part);
  }>("date_part", {kText, kTime}, TypeId::kDouble, "a field of a time");
  times.define<[](int32_t h, int32_t m, double s) { return make_time(h, m, s); }>(
      "make_time", {kInteger, kInteger, TypeId::kDouble}, kTime, "the time of its fields",
      {{"make_time(8, 15, 23.5)", "08:15:23.5"}});
}

}  // namespace forebay::udfs
