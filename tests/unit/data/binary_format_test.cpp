#include "engine/data/binary_format.h"

#include <gtest/gtest.h>

#include "engine/data/text_format.h"

namespace forebay::data {
namespace {

using namespace std::string_view_literals;

std::string bytes_of(std::string_view text, Type type) {
  std::string bytes;
  append_binary(*parse_datum(text, type), bytes);
  return bytes;
}

std::string text_of(std::string_view bytes, Type type) {
  const Result<Datum> datum = parse_binary(bytes, type);
  if (!datum.is_ok()) {
    return std::string(datum.error().sqlstate.view()) + " " + datum.error().message;
  }
  std::string text;
  format_datum(*datum, text);
  return text;
}

TEST(BinaryFormat, IsPostgres) {
  EXPECT_EQ(bytes_of("-2", kIntegerType), "\xff\xff\xff\xfe"sv);
  EXPECT_EQ(bytes_of("1", kDoubleType), "\x3f\xf0\0\0\0\0\0\0"sv);
  EXPECT_EQ(bytes_of("-12345.678900", kNumericType), "\0\3\0\1\x40\0\0\6\0\1\x09\x29\x1a\x85"sv);
  EXPECT_EQ(bytes_of("100000000", kNumericType), "\0\1\0\2\0\0\0\0\0\1"sv);
  EXPECT_EQ(bytes_of("0.00", kNumericType), "\0\0\0\0\0\0\0\2"sv);
  EXPECT_EQ(bytes_of("Infinity", kNumericType), "\0\0\0\0\xd0\0\0\x20"sv);
}

TEST(BinaryFormat, ReadsWhatItWrites) {
  const std::pair<Type, std::string_view> cases[] = {
      {kBooleanType, "t"},
      {kBigintType, "-9223372036854775808"},
      {kDoubleType, "-1.5e-300"},
      {kNumericType, "-99999999999999999999999999999999999.999"},
      {kNumericType, "0.000000000000000000000000000000000000000000001"},
      {kNumericType, "NaN"},
      {kTextType, "h\xc3\xa9"},
      {kDateType, "0044-03-15 BC"},
      {kTimestampType, "2013-01-01 05:15:00.000001"},
      {kTimestampTzType, "infinity"},
      {kIntervalType, "-1 years -2 mons +3 days -04:05:06.7"},
  };
  for (const auto& [type, text] : cases) {
    std::string shown;
    format_datum(*parse_datum(text, type), shown);
    EXPECT_EQ(text_of(bytes_of(text, type), type), shown);
  }
}

TEST(BinaryFormat, RefusesOtherBytes) {
  EXPECT_EQ(text_of("\0\0\0"sv, kIntegerType), "22P03 incorrect binary data format");
  EXPECT_EQ(text_of("\0\1\0\0\0\0\0\0"sv, kNumericType), "22P03 incorrect binary data format");
  EXPECT_EQ(text_of("\0\1\0\0\0\0\0\0\x27\x10"sv, kNumericType),
            "22P03 invalid digit in external \"numeric\" value");
  EXPECT_EQ(text_of("\0\1\0\x0a\0\0\0\0\0\1"sv, kNumericType),
            "22003 value overflows numeric format");
  EXPECT_EQ(text_of("\x7f\xff\xff\xff\xff\xff\xff\xfe"sv, kTimestampType),
            "22008 timestamp out of range");
  EXPECT_EQ(text_of("\xff"sv, kTextType),
            "22021 invalid byte sequence for encoding \"UTF8\": 0xff");
}

}  // namespace
}  // namespace forebay::data
