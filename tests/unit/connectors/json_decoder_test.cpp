#include "connectors/json/json_decoder.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <random>

#include "decode_support.h"
#include "tests/support/seed.h"

namespace forebay::connectors {
namespace {

using testing::decode;
using testing::Decoded;
using Texts = std::vector<std::string>;

DecodeRequest request_for(data::Schema schema, std::vector<uint32_t> projection = {}) {
  DecodeRequest request;
  if (projection.empty()) {
    for (uint32_t i = 0; i < schema.size(); ++i) projection.push_back(i);
  }
  request.schema = std::move(schema);
  request.projection = std::move(projection);
  return request;
}

Decoded decode_json(const DecodeRequest& request, std::string_view text) {
  JsonDecoder decoder(request);
  return decode(decoder, text);
}

/// One value of column v of `type`: its text, "NULL" or the SQLSTATE.
std::string value(data::Type type, std::string_view json) {
  Decoded got = decode_json(request_for({{"v", type}}), "{\"v\":" + std::string(json) + "}\n");
  if (got.rows.size() + got.bad_records.size() != 1) return "not one record";
  return got.rows.empty() ? std::string(got.bad_records[0].sqlstate.view()) : got.rows[0];
}

TEST(JsonDecoder, ReadsTheProjectedColumns) {
  DecodeRequest request = request_for(
      {{"id", data::kBigintType}, {"name", data::kTextType}, {"x", data::kDoubleType}}, {2, 0});
  Decoded got = decode_json(request,
                            "{\"id\":1,\"name\":\"a\",\"x\":1.5}\n"
                            "{\"id\":-22,\"name\":\"b\",\"x\":-0.25}\n");
  EXPECT_EQ(got.rows, (Texts{"1.5|1", "-0.25|-22"}));
  EXPECT_TRUE(got.bad.empty());
}

TEST(JsonDecoder, KeysInAnyOrderMissingExtraRepeatedAndOfAnyCase) {
  DecodeRequest request = request_for({{"id", data::kBigintType}, {"Name", data::kTextType}});
  Decoded got = decode_json(request,
                            "{\"id\":1,\"name\":\"a\"}\n"
                            "{\"name\":\"b\",\"id\":2}\n"
                            "{\"id\":3}\n"
                            "{}\n"
                            "{\"x\":{\"id\":9},\"NAME\":\"c\",\"y\":[1,{\"id\":8}],\"ID\":4}\n"
                            "{\"id\":5,\"id\":6,\"name\":null,\"name\":\"d\"}\n"
                            "{\"id\":\"bad\",\"id\":7,\"name\":\"e\",\"name\":null}\n"
                            "{\"i\\u0064\":8,\"name\":\"f\"}\n"
                            "{\"id\":9,\"name\":\"g\"}\n"
                            "{}\n");
  EXPECT_EQ(got.rows, (Texts{"1|a", "2|b", "3|NULL", "NULL|NULL", "4|c", "6|d", "7|NULL", "8|f",
                             "9|g", "NULL|NULL"}));
  EXPECT_TRUE(got.bad.empty());
}

TEST(JsonDecoder, AnExactNameBeatsAFoldedOne) {
  DecodeRequest request = request_for({{"a", data::kBigintType}, {"A", data::kBigintType}});
  EXPECT_EQ(decode_json(request, "{\"A\":1,\"a\":2}\n").rows, (Texts{"2|1"}));
}

TEST(JsonDecoder, LongKeysAreComparedWhole) {
  std::string stem(40, 'k');
  DecodeRequest request = request_for({{stem + "a", data::kBigintType}});
  Decoded got = decode_json(request, "{\"" + stem + "a\":1}\n{\"" + stem + "b\":2}\n{\"" + stem +
                                         "a\":3}\n{\"" + stem + "\":4}\n");
  EXPECT_EQ(got.rows, (Texts{"1", "NULL", "3", "NULL"}));
}

TEST(JsonDecoder, Integers) {
  EXPECT_EQ(value(data::kBigintType, "9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(value(data::kBigintType, "-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(value(data::kBigintType, "9223372036854775808"), "22003");
  EXPECT_EQ(value(data::kBigintType, "12345678"), "12345678");
  EXPECT_EQ(value(data::kBigintType, "1234567890123456"), "1234567890123456");
  EXPECT_EQ(value(data::kBigintType, "12345678901234567"), "12345678901234567");
  EXPECT_EQ(value(data::kBigintType, "-0"), "0");
  EXPECT_EQ(value(data::kBigintType, "1.0"), "1");
  EXPECT_EQ(value(data::kBigintType, "1e3"), "1000");
  EXPECT_EQ(value(data::kBigintType, "1.5"), "22P02");
  EXPECT_EQ(value(data::kBigintType, "1e30"), "22003");
  EXPECT_EQ(value(data::kBigintType, "\" 17 \""), "17");
  EXPECT_EQ(value(data::kBigintType, "\"x\""), "22P02");
  EXPECT_EQ(value(data::kBigintType, "\"\""), "22P02");
  EXPECT_EQ(value(data::kBigintType, "true"), "22P02");
  EXPECT_EQ(value(data::kBigintType, "[1]"), "22P02");
  EXPECT_EQ(value(data::kBigintType, " 5 "), "5");
  EXPECT_EQ(value(data::kIntegerType, "2147483647"), "2147483647");
  EXPECT_EQ(value(data::kIntegerType, "2147483648"), "22003");
  EXPECT_EQ(value(data::kIntegerType, "-2147483648"), "-2147483648");
  EXPECT_EQ(value(data::kIntegerType, "7.00"), "7");
  EXPECT_EQ(value(data::kIntegerType, "3e9"), "22003");
}

TEST(JsonDecoder, Doubles) {
  EXPECT_EQ(value(data::kDoubleType, "0.1"), "0.1");
  EXPECT_EQ(value(data::kDoubleType, "-0"), "-0");
  EXPECT_EQ(value(data::kDoubleType, "-0.0"), "-0");
  EXPECT_EQ(value(data::kDoubleType, "12345678.12345678"), "12345678.12345678");
  EXPECT_EQ(value(data::kDoubleType, "9007199254740993"), "9.007199254740992e+15");
  EXPECT_EQ(value(data::kDoubleType, "1e400"), "22003");
  EXPECT_EQ(value(data::kDoubleType, "2.5E-3"), "0.0025");
  EXPECT_EQ(value(data::kDoubleType, "\"NaN\""), "NaN");
  EXPECT_EQ(value(data::kDoubleType, "\"-Infinity\""), "-Infinity");
}

TEST(JsonDecoder, NumericsAreExact) {
  EXPECT_EQ(value(data::kNumericType, "0.1"), "0.1");
  EXPECT_EQ(value(data::kNumericType, "-12.340"), "-12.340");
  EXPECT_EQ(value(data::kNumericType, "12345678901234567890.123456789"),
            "12345678901234567890.123456789");
  EXPECT_EQ(value(data::kNumericType, "-0.00"), "0.00");
  EXPECT_EQ(value(data::kNumericType, "1e3"), "1000");
  EXPECT_EQ(value(data::numeric_type(6, 2), "1.5"), "1.50");
  EXPECT_EQ(value(data::numeric_type(6, 2), "-1.555"), "-1.56");
  EXPECT_EQ(value(data::numeric_type(6, 2), "9999.99"), "9999.99");
  EXPECT_EQ(value(data::numeric_type(6, 2), "10000"), "22003");
  EXPECT_EQ(value(data::numeric_type(6, 2), "9999.995"), "22003");
  EXPECT_EQ(value(data::kNumericType, "1e100000000"), "22003");
  EXPECT_EQ(value(data::kNumericType, "\"1.25\""), "1.25");
  EXPECT_EQ(value(data::kNumericType, std::string(1001, '1')), "22003");
}

TEST(JsonDecoder, BooleansAndStrings) {
  EXPECT_EQ(value(data::kBooleanType, "true"), "t");
  EXPECT_EQ(value(data::kBooleanType, "false"), "f");
  EXPECT_EQ(value(data::kBooleanType, "\"yes\""), "t");
  EXPECT_EQ(value(data::kBooleanType, "1"), "22P02");
  EXPECT_EQ(value(data::kBooleanType, "null"), "NULL");
  EXPECT_EQ(value(data::kTextType, "\"short\""), "short");
  EXPECT_EQ(value(data::kTextType, "\"longer than twelve bytes\""), "longer than twelve bytes");
  EXPECT_EQ(value(data::kTextType, "\"\""), "");
  EXPECT_EQ(value(data::kTextType, "\"a\\n\\\"\\u00e4\\ud83d\\ude00\\/\""), "a\n\"ä😀/");
  EXPECT_EQ(value(data::kTextType, "\"\\u0000\""), "22021");
  EXPECT_EQ(value(data::kTextType, "\"\\ud800\""), "22P02");
  EXPECT_EQ(value(data::kTextType, "\"\\udc00\""), "22P02");
  EXPECT_EQ(value(data::kTextType, "\"\\x\""), "22P02");
  EXPECT_EQ(value(data::kTextType, "12.50"), "12.50");
  EXPECT_EQ(value(data::kTextType, "true"), "true");
  EXPECT_EQ(value(data::kTextType, "{\"a\" : [1, 2 ]} "), "{\"a\" : [1, 2 ]}");
  EXPECT_EQ(value(data::kTextType, "[]"), "[]");
  EXPECT_EQ(value(data::Type{data::TypeId::kVarchar, 3}, "\"abc\""), "abc");
  EXPECT_EQ(value(data::Type{data::TypeId::kVarchar, 3}, "\"äöü\""), "äöü");
  EXPECT_EQ(value(data::Type{data::TypeId::kVarchar, 3}, "\"abcd\""), "22001");
}

TEST(JsonDecoder, DatesAndTimes) {
  EXPECT_EQ(value(data::kTimestampType, "\"2013-01-01T05:15:00\""), "2013-01-01 05:15:00");
  EXPECT_EQ(value(data::kTimestampType, "\"2013-01-01 05:15:00.25\""), "2013-01-01 05:15:00.25");
  EXPECT_EQ(value(data::kTimestampType, "\"2013-01-01T05:15:00Z\""), "2013-01-01 05:15:00");
  EXPECT_EQ(value(data::kTimestampType, "\"2012-02-29T23:59:59.999999\""),
            "2012-02-29 23:59:59.999999");
  EXPECT_EQ(value(data::kTimestampType, "\"2013-02-29T00:00:00\""), "22008");
  EXPECT_EQ(value(data::kTimestampType, "\"2013-01-01\""), "2013-01-01 00:00:00");
  EXPECT_EQ(value(data::kTimestampType, "\"0001-01-01 00:00:00\""), "0001-01-01 00:00:00");
  EXPECT_EQ(value(data::kTimestampTzType, "\"2013-01-01T05:15:00+02:00\""),
            "2013-01-01 03:15:00+00");
  EXPECT_EQ(value(data::kTimestampTzType, "\"1999-12-31T23:59:59.5\""), "1999-12-31 23:59:59.5+00");
  EXPECT_EQ(value(data::kTimestampType, "1357017300000"), "2013-01-01 05:15:00");
  EXPECT_EQ(value(data::kTimestampTzType, "-1"), "1969-12-31 23:59:59.999+00");
  EXPECT_EQ(value(data::kTimestampType, "1357017300000.5"), "2013-01-01 05:15:00.0005");
  EXPECT_EQ(value(data::kTimestampType, "1e30"), "22008");
  EXPECT_EQ(value(data::kTimestampType, "\"soon\""), "22007");
  EXPECT_EQ(value(data::kDateType, "\"2013-12-31\""), "2013-12-31");
  EXPECT_EQ(value(data::kDateType, "\"2013-12-32\""), "22008");
  EXPECT_EQ(value(data::kDateType, "15000"), "22P02");
  EXPECT_EQ(value(data::kIntervalType, "\"1 day 02:00:00\""), "1 day 02:00:00");
}

TEST(JsonDecoder, NotNull) {
  DecodeRequest request = request_for({{"id", data::kBigintType, true}, {"v", data::kTextType}});
  Decoded got =
      decode_json(request, "{\"id\":1}\n{\"v\":\"x\"}\n{\"id\":null,\"v\":\"y\"}\n{\"id\":2}\n");
  EXPECT_EQ(got.rows, (Texts{"1|NULL", "2|NULL"}));
  EXPECT_EQ(got.bad, (Texts{"9 23502 id", "19 23502 id"}));
  EXPECT_EQ(got.bad_records[0].reason, "null value in column \"id\" violates not-null constraint");
}

TEST(JsonDecoder, MetadataColumns) {
  DecodeRequest request = request_for({{"id", data::kBigintType}});
  request.metadata = {"partition", "offset"};
  JsonDecoder decoder(request);
  Decoded got = decode(decoder, "{\"id\":1}\n\n bad\n{\"id\":2}\n", 1000);
  EXPECT_EQ(got.rows, (Texts{"1|some.file|1000", "2|some.file|1015"}));
  EXPECT_EQ(got.bad, (Texts{"1010 22P02"}));
}

TEST(JsonDecoder, ProjectionOfNothingCounts) {
  DecodeRequest request = request_for({{"id", data::kBigintType}});
  request.projection.clear();
  Decoded got = decode_json(request, "{\"id\":1}\n{\"id\":2}\n{\"id\":}\n");
  EXPECT_EQ(got.rows.size(), 2u);
  EXPECT_EQ(got.bad.size(), 1u);
}

TEST(JsonDecoder, BlankLinesAndLineEnds) {
  DecodeRequest request = request_for({{"id", data::kBigintType}});
  EXPECT_EQ(decode_json(request, "\n\r\n  \t\n{\"id\":1}\r\n\n{\"id\":2}").rows, (Texts{"1", "2"}));
  EXPECT_TRUE(decode_json(request, "\n").rows.empty());
}

std::string nested(size_t depth) {
  return "{\"deep\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + ",\"id\":1}";
}

/// Defects that must cost exactly their own record, whatever stands around them.
const std::vector<std::pair<std::string, std::string>>& poison() {
  static const std::vector<std::pair<std::string, std::string>> list = {
      {"{\"id\":1", "22P02"},
      {"{\"id\":", "22P02"},
      {"{\"id\"", "22P02"},
      {"{\"name\":", "22P02"},
      {"{\"na\\u006de\":", "22P02"},
      {"{", "22P02"},
      {"}", "22P02"},
      {"[1,2]", "22P02"},
      {"17", "22P02"},
      {"\"x\"", "22P02"},
      {"null", "22P02"},
      {"garbage", "22P02"},
      {"{\"id\":1}}", "22P02"},
      {"{\"id\":1}{\"id\":2}", "22P02"},
      {"{\"id\":1} x", "22P02"},
      {"{\"id\":1,}", "22P02"},
      {"{,\"id\":1}", "22P02"},
      {"{\"id\" 1}", "22P02"},
      {"{\"id\"::1}", "22P02"},
      {"{\"id\":1 2}", "22P02"},
      {"{id:1}", "22P02"},
      {"{'id':1}", "22P02"},
      {"{\"id\":01}", "22P02"},
      {"{\"id\":+1}", "22P02"},
      {"{\"id\":.5}", "22P02"},
      {"{\"id\":1.}", "22P02"},
      {"{\"id\":1e}", "22P02"},
      {"{\"id\":-}", "22P02"},
      {"{\"id\":1\"a\"}", "22P02"},
      {"{\"id\":nul}", "22P02"},
      {"{\"id\":NaN}", "22P02"},
      {"{\"other\":tru}", "22P02"},
      {"{\"other\":01}", "22P02"},
      {"{\"other\":01.5}", "22P02"},
      {"{\"other\":-00.5}", "22P02"},
      {"{\"other\":\"\\q\"}", "22P02"},
      {"{\"other\":\"\\u12g4\"}", "22P02"},
      {"{\"oth\\er\":1}", "22P02"},
      {"{\"other\":[1,2}", "22P02"},
      {"{\"other\":{\"a\":1]}", "22P02"},
      {"{\"other\":[1,,2]}", "22P02"},
      {"{\"other\":{\"a\"}}", "22P02"},
      {"{\"other\":{1:2}}", "22P02"},
      {"{\"id\":1,\"name\":\"unclosed}", "22P02"},
      {"{\"id\":1,\"name\":\"ends in backslash\\\"}", "22P02"},
      {"\"", "22P02"},
      {"{\"name\":\"tab\there\"}", "22P02"},
      {"{\"name\":\"\xff\"}", "22021"},
      {"{\"other\":\"\xc3\"}", "22021"},
      {"\xed\xa0\x80", "22021"},
      {std::string("{\"name\":\"a\0b\"}", 14), "22P02"},
      {std::string("{\"id\":1}\0", 9), "22P02"},
      {"{\"name\":\"\\u0000\"}", "22021"},
      {"{\"id\":\"x\"}", "22P02"},
      {"{\"id\":99999999999999999999}", "22003"},
      {"{\"id\":1.5}", "22P02"},
      {"{\"id\":{}}", "22P02"},
      {nested(101), "54001"},
      {nested(100000), "54001"},
      {std::string(100000, '{'), "22P02"},
  };
  return list;
}

DecodeRequest poison_request() {
  return request_for({{"id", data::kBigintType}, {"name", data::kTextType}});
}

TEST(JsonDecoder, PoisonCostsItsOwnRecordOnly) {
  JsonDecoder decoder(poison_request());
  EXPECT_EQ(decode(decoder, nested(100) + "\n").rows, (Texts{"1|NULL"}));
  const std::string before = "{\"id\":1,\"name\":\"before\"}\n";
  const std::string after = "{\"id\":2,\"name\":\"after\"}\n";
  for (const auto& [record, sqlstate] : poison()) {
    Decoded got =
        decode(decoder, before + record + "\n" + after + record + "\n" + record + "\n" + after);
    EXPECT_EQ(got.rows, (Texts{"1|before", "2|after", "2|after"})) << record.substr(0, 200);
    ASSERT_EQ(got.bad_records.size(), 3u) << record.substr(0, 200);
    for (const BadRecord& bad : got.bad_records) {
      EXPECT_EQ(bad.sqlstate.view(), sqlstate) << record.substr(0, 200) << ": " << bad.reason;
      EXPECT_EQ(bad.raw, record.substr(0, kMaxBadRecordBytes));
      EXPECT_EQ(bad.reason, got.bad_records[0].reason);
      EXPECT_EQ(bad.partition, PartitionId(3));
      EXPECT_EQ(bad.partition_name, "some.file");
    }
    EXPECT_EQ(got.bad_records[0].offset, Offset(before.size()));
    // Alone, without a line end, and with garbage in the bytes behind: the same.
    Decoded alone = decode(decoder, record);
    ASSERT_EQ(alone.bad_records.size(), 1u) << record.substr(0, 200);
    EXPECT_EQ(alone.bad_records[0].reason, got.bad_records[0].reason);
  }
}

TEST(JsonDecoder, RecordsDontReachIntoTheNextLine) {
  Decoded got =
      decode_json(poison_request(),
                  "{\"id\":1\n}\n{\"id\":\n2}\n{\n\"id\":3}\n{\"id\":4,\n\"name\":\"x\"}\n"
                  "{\"id\":5,\"x\":[1\n,2]}\n{\"id\":6}\n");
  EXPECT_EQ(got.rows, Texts{"6|NULL"});
  EXPECT_EQ(got.bad.size(), 10u);
}

TEST(JsonDecoder, ManyFieldsInBoundedMemory) {
  std::string record = "{";
  for (int i = 0; i < 200000; ++i)
    record += "\"f" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  record += "\"id\":5}\n";
  EXPECT_EQ(decode_json(poison_request(), record + record).rows, (Texts{"5|NULL", "5|NULL"}));
}

TEST(JsonDecoder, OversizedRecordIsBad) {
  JsonDecoder decoder(poison_request());
  RawBatch raw = testing::raw_batch("{\"id\":1");
  raw.oversized = true;
  decoder.start(std::move(raw));
  Decoded got;
  testing::drain(decoder, got);
  EXPECT_EQ(got.bad, (Texts{"0 54000"}));
}

/// Random records, good and bad, of one schema.
class RandomJson {
 public:
  explicit RandomJson(uint64_t seed) : random_(seed) {}

  std::string line() {
    switch (random_() % 12) {
      case 0:
        return poison()[random_() % (poison().size() - 2)].first;
      case 1:
        return std::string(random_() % 3, ' ');
      default:
        return make_object();
    }
  }
  uint64_t number() { return random_(); }
  std::string object() { return make_object(); }

 private:
  std::string blank() { return random_() % 8 == 0 ? std::string(1 + random_() % 3, ' ') : ""; }
  std::string make_object() {
    static const char* kNames[] = {
        "id", "name", "x",
        "ts", "ID",   "other",
        "n",  "b",    "long_name_of_a_column_that_is_longer_than_a_vector"};
    std::string text = blank() + "{";
    size_t fields = random_() % 8;
    for (size_t i = 0; i < fields; ++i) {
      if (i > 0) text += blank() + ",";
      size_t name = random_() % 4 == 0 ? random_() % std::size(kNames) : i % std::size(kNames);
      text += blank() + "\"" + kNames[name] + "\"" + blank() + ":" + blank() + value(0) + blank();
    }
    return text + "}" + blank();
  }
  std::string value(int depth) {
    switch (random_() % (depth > 3 ? 7 : 10)) {
      case 0:
        return std::to_string(static_cast<int64_t>(random_()) >> random_() % 64);
      case 1:
        return std::to_string(random_() % 1000) + "." + std::to_string(random_() % 10000);
      case 2:
        return "null";
      case 3:
        return "\"2013-01-0" + std::to_string(random_() % 11) + "T05:15:00\"";
      case 4:
        return "\"" + std::string(random_() % 40, 's') + (random_() % 3 == 0 ? "\\n\\u00e9" : "") +
               "\"";
      case 5:
        return "\"" + std::to_string(random_() % 100) + "\"";
      case 6:
        return random_() % 2 ? "true" : "1e2";
      case 7:
        return "[" + value(depth + 1) + "," + value(depth + 1) + "]";
      case 8:
        return "{\"id\":" + value(depth + 1) + "}";
      default:
        return "[]";
    }
  }
  std::mt19937_64 random_;
};

/// A number of more than 15 digits, or with an exponent.
bool may_be_huge(const std::string& text) {
  size_t run = 0, longest = 0;
  for (char c : text) longest = std::max(longest, run = c >= '0' && c <= '9' ? run + 1 : 0);
  return longest > 15 || text.find_first_of("eE") != std::string::npos;
}

/// Random defects against an independent parser that checks whole documents: simdjson's DOM.
TEST(JsonDecoder, AcceptsWhatAnotherParserAccepts) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomJson random(seed);
  static constexpr std::string_view kBytes =
      "\"\"\"\\\\{}[]::,,0123456789eE+-. \ttrulsnfa\xc3\xa9/";
  DecodeRequest request = request_for({{"id", data::kTextType}, {"name", data::kTextType}});
  JsonDecoder decoder(request);
  simdjson::dom::parser parser;
  size_t accepted = 0, refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string line = random.object();
    for (uint64_t changes = random.number() % 4; changes > 0; --changes) {
      char byte = kBytes[random.number() % kBytes.size()];
      size_t at = random.number() % line.size();
      switch (random.number() % 3) {
        case 0:
          line[at] = byte;
          break;
        case 1:
          line.insert(at, 1, byte);
          break;
        default:
          line.erase(at, 1);
      }
      if (line.empty()) line = " ";
    }
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    simdjson::dom::element element;
    auto error = parser.parse(line).get(element);
    // It refuses numbers beyond 64 bits and beyond double precision, which is not about their form.
    if (error == simdjson::NUMBER_ERROR && may_be_huge(line)) continue;
    bool expected = error == simdjson::SUCCESS && element.is_object();
    Decoded got = decode(decoder, line + "\n" + line);
    ASSERT_EQ(got.rows.size(), expected ? 2u : 0u) << line;
    ASSERT_EQ(got.bad.size(), expected ? 0u : 2u) << line;
    ++(expected ? accepted : refused);
  }
  EXPECT_GT(accepted, 1000u);
  EXPECT_GT(refused, 1000u);
}

TEST(JsonDecoder, CutsAndBatchSizesChangeNothing) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomJson random(seed);
  data::Schema schema = {
      {"id", data::kBigintType},
      {"name", data::kTextType},
      {"x", data::kDoubleType},
      {"ts", data::kTimestampType},
      {"n", data::kNumericType, true},
      {"b", data::kBooleanType},
      {"long_name_of_a_column_that_is_longer_than_a_vector", data::kIntegerType}};
  size_t good = 0, bad = 0;
  for (int round = 0; round < 60; ++round) {
    std::vector<uint32_t> projection;
    for (uint32_t i = 0; i < schema.size(); ++i) {
      if (random.number() % 2) projection.push_back(i);
    }
    if (projection.empty()) projection = {0};
    DecodeRequest request = request_for(schema, projection);
    std::string text;
    for (int i = 0; i < 300; ++i) text += random.line() + "\n";
    // Each line by a fresh decoder, so without neighbours and memory.
    Decoded expected;
    for (size_t at = 0; at < text.size();) {
      size_t end = text.find('\n', at) + 1;
      JsonDecoder decoder(request);
      decoder.start(testing::raw_batch(std::string_view(text).substr(at, end - at), at));
      testing::drain(decoder, expected);
      at = end;
    }
    good += expected.rows.size();
    bad += expected.bad.size();
    request.batch_rows = 1 + random.number() % 50;
    JsonDecoder decoder(request);
    Decoded got;
    for (size_t at = 0; at < text.size();) {
      size_t cut = std::min<size_t>(text.size() - 1, at + random.number() % 9000);
      size_t end = text.find('\n', cut) + 1;
      decoder.start(testing::raw_batch(std::string_view(text).substr(at, end - at), at));
      testing::drain(decoder, got);
      at = end;
    }
    ASSERT_EQ(got.rows, expected.rows) << "round " << round;
    ASSERT_EQ(got.bad, expected.bad) << "round " << round;
    for (size_t i = 0; i < got.bad.size(); ++i) {
      ASSERT_EQ(got.bad_records[i].reason, expected.bad_records[i].reason);
    }
  }
  EXPECT_GT(good, 1000u);
  EXPECT_GT(bad, 1000u);
}

}  // namespace
}  // namespace forebay::connectors
