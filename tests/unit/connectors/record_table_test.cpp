// Records of a table (messages of a topic) through the decoders: what is a record there, and what
// comes with it.

#include <gtest/gtest.h>

#include "connectors/csv/csv_decoder.h"
#include "connectors/json/json_decoder.h"
#include "decode_support.h"
#include "engine/data/text_format.h"

namespace forebay::connectors {
namespace {

using testing::Decoded;
using Texts = std::vector<std::string>;

/// A raw batch of `values` with offsets 100, 110, ...; a nullopt has no value.
RawBatch batch_of(const std::vector<std::optional<std::string>>& values) {
  auto table = std::make_shared<RecordTable>();
  std::string bytes;
  for (const std::optional<std::string>& value : values) {
    const auto number = static_cast<uint32_t>(table->ends.size());
    bytes += value.value_or("");
    table->ends.push_back(static_cast<uint32_t>(bytes.size()));
    bytes += '\n';
    table->offsets.push_back(100 + 10 * number);
    table->timestamps_ms.push_back(number == 0 ? -1 : 1'600'000'000'000 + number);
    if (!value) table->without_value.push_back(number);
    RecordBytes& keys = table->attached["key"];
    if (number % 2 == 0) keys.bytes += number == 2 ? "\xff\x01" : "k" + std::to_string(number);
    keys.ends.push_back(static_cast<uint32_t>(keys.bytes.size()));
    keys.present.push_back(number % 2 == 0);
  }
  RawBatch raw = testing::raw_batch(bytes, 100);
  raw.partition_number = 7;
  raw.records = table;
  return raw;
}

DecodeRequest two_columns() {
  DecodeRequest request;
  request.schema = {{"id", data::kBigintType}, {"name", data::kTextType}};
  request.projection = {0, 1};
  return request;
}

template <typename D>
Decoded decode_all(D&& decoder, RawBatch raw) {
  Decoded result;
  decoder.start(std::move(raw));
  testing::drain(decoder, result);
  return result;
}

TEST(RecordTable, JsonRecordsMayHoldNewlinesAndAreOneValueEach) {
  for (uint32_t batch_rows : {1u, 3u, 4096u}) {
    DecodeRequest request = two_columns();
    request.batch_rows = batch_rows;
    request.metadata = {"offset"};
    Decoded got =
        decode_all(JsonDecoder(request),
                   batch_of({R"({"id":1,"name":"a"})", "{\n\"id\": 2,\r\n \"name\":\"b\\n\"}\n",
                             R"({"id":3}{"id":4})", "", std::nullopt, "{\"name\":\"x\ny\"}", " \n ",
                             R"({"id":5,"name":"long enough to be elsewhere"})"}));
    EXPECT_EQ(got.rows, (Texts{"1|a|100", "2|b\n|110", "5|long enough to be elsewhere|170"}));
    EXPECT_EQ(got.bad, (Texts{"120 22P02", "130 22P02", "140 22P02", "150 22P02", "160 22P02"}));
    EXPECT_EQ(got.bad_records[2].reason, "the record has no value");
  }
}

TEST(RecordTable, AnInvalidRecordHarmsNoneOfItsBlock) {
  std::vector<std::optional<std::string>> values;
  for (int i = 0; i < 5000; ++i) {
    values.push_back(i == 2500 ? std::string("{\"id\":\"\xff\"}")
                               : "{\"id\":" + std::to_string(i) + "}");
  }
  Decoded got = decode_all(JsonDecoder(two_columns()), batch_of(values));
  EXPECT_EQ(got.rows.size(), 4999u);
  EXPECT_EQ(got.rows[2500], "2501|NULL");
  EXPECT_EQ(got.bad, Texts{"25100 22021"});
}

TEST(RecordTable, CsvRecordsAreOneRecordEach) {
  CsvDialect dialect;
  DecodeRequest request = two_columns();
  request.metadata = {"offset"};
  Decoded got = decode_all(CsvDecoder(dialect, request),
                           batch_of({"1,a", "2,\"b\nc\"\r\n", "3,x\n4,y", "", std::nullopt,
                                     "5,\"open", "6,\"q\"\"q\""}));
  EXPECT_EQ(got.rows, (Texts{"1|a|100", "2|b\nc|110", "6|q\"q|160"}));
  EXPECT_EQ(got.bad, (Texts{"120 22P04", "130 22P04", "140 22P04", "150 22P04"}));
  EXPECT_EQ(got.bad_records[0].raw, "3,x\n4,y");
}

TEST(RecordTable, MetadataComeFromTheRecord) {
  DecodeRequest request = two_columns();
  request.projection = {0};
  request.metadata = {"partition_number", "partition", "timestamp", "key", "header:h"};
  Decoded got = decode_all(JsonDecoder(request), batch_of({"{\"id\":1}", "bad", "{\"id\":2}"}));
  EXPECT_EQ(got.rows, (Texts{"1|7|some.file|NULL|k0|NULL",
                             "2|7|some.file|2020-09-13 12:26:40.002+00|\\xff01|NULL"}));
}

}  // namespace
}  // namespace forebay::connectors
