// ENCODE BYTES: lines and records of a table as they are.

#include <gtest/gtest.h>

#include "connectors/bytes/bytes_format.h"
#include "decode_support.h"

namespace forebay::connectors {
namespace {

using testing::Decoded;
using Texts = std::vector<std::string>;

std::unique_ptr<Decoder> decoder_of(data::Type type, uint32_t batch_rows = 4096,
                                    bool not_null = false) {
  SourceSpec spec;
  spec.name = "s";
  spec.schema = {{"line", type, not_null}};
  const Options none;
  auto format = bytes_format().make(spec, OptionReader(none));
  EXPECT_TRUE(format.is_ok());
  DecodeRequest request;
  request.schema = spec.schema;
  request.projection = {0};
  request.metadata = {"offset"};
  request.batch_rows = batch_rows;
  return (*format)->make_decoder(request);
}

TEST(BytesDecoder, LinesAreRecordsWithoutTheirEnds) {
  for (uint32_t batch_rows : {1u, 2u, 4096u}) {
    const Decoded got =
        testing::decode(*decoder_of(data::kTextType, batch_rows), "a b\n\nc\r\n{\"x\": 1}\n", 50);
    // The empty line is a row whose text is empty.
    EXPECT_EQ(got.rows, (Texts{"a b|50", "54", "c|55", "{\"x\": 1}|58"}));
    EXPECT_EQ(got.bad, Texts());
  }
}

TEST(BytesDecoder, TextMustBeTextAndByteaNeedNot) {
  const std::string lines("ok\n\xff\xfe\na\0b\nok too\n", 16);
  const Decoded text = testing::decode(*decoder_of(data::kTextType), lines);
  EXPECT_EQ(text.rows, (Texts{"ok|0", "ok too|10"}));
  EXPECT_EQ(text.bad, (Texts{"3 22021 line", "6 22021 line"}));
  const Decoded bytes = testing::decode(*decoder_of(data::Type{data::TypeId::kBytea}), lines);
  EXPECT_EQ(bytes.rows, (Texts{"\\x6f6b|0", "\\xfffe|3", "\\x610062|6", "\\x6f6b20746f6f|10"}));
}

TEST(BytesDecoder, ARecordOfATableMayHoldNewlinesOrNoValue) {
  for (bool not_null : {false, true}) {
    RawBatch raw = testing::raw_batch("a\nb\n\n", 7);
    auto table = std::make_shared<RecordTable>();
    table->ends = {3, 4};
    table->offsets = {7, 9};
    table->timestamps_ms = {-1, -1};
    table->without_value = {1};
    raw.records = table;
    auto decoder = decoder_of(data::kTextType, 4096, not_null);
    decoder->start(std::move(raw));
    Decoded got;
    testing::drain(*decoder, got);
    EXPECT_EQ(got.rows[0], "a\nb|7");
    EXPECT_EQ(got.rows.size(), not_null ? 1u : 2u);
    EXPECT_EQ(got.bad, not_null ? Texts{"9 23502 line"} : Texts());
  }
}

TEST(BytesDecoder, WhatIsTooLongIsBad) {
  RawBatch raw = testing::raw_batch("the head of it", 20);
  raw.oversized = true;
  auto decoder = decoder_of(data::kTextType);
  decoder->start(std::move(raw));
  Decoded got;
  testing::drain(*decoder, got);
  EXPECT_EQ(got.rows, Texts());
  EXPECT_EQ(got.bad, Texts{"20 54000"});
}

}  // namespace
}  // namespace forebay::connectors
