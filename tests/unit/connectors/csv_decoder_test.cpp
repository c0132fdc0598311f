#include "connectors/csv/csv_decoder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "connectors/csv/csv_format.h"
#include "decode_support.h"
#include "tests/support/seed.h"

namespace forebay::connectors {
namespace {

using testing::decode;
using testing::Decoded;
using Texts = std::vector<std::string>;

const data::Schema kSchema = {
    {"id", data::kBigintType}, {"name", data::kTextType}, {"x", data::kDoubleType}};

DecodeRequest request_for(const data::Schema& schema, std::vector<uint32_t> projection) {
  DecodeRequest request;
  request.schema = schema;
  request.projection = std::move(projection);
  return request;
}

Decoded decode_csv(std::string_view text, CsvDialect dialect = {},
                   std::vector<uint32_t> projection = {0, 1, 2}) {
  CsvDecoder decoder(dialect, request_for(kSchema, std::move(projection)));
  return decode(decoder, text);
}

TEST(CsvDecoder, FieldsByPosition) {
  EXPECT_EQ(decode_csv("1,a,1.5\n2,,\n,x y,3\n").rows,
            (Texts{"1|a|1.5", "2|NULL|NULL", "NULL|x y|3"}));
  EXPECT_EQ(decode_csv("1,a,1.5\n2,b,2.5\n", {}, {2, 0}).rows, (Texts{"1.5|1", "2.5|2"}));
  EXPECT_EQ(decode_csv("1,a,x\n", {}, {0}).rows, Texts{"1"});  // what isn't projected isn't read
}

TEST(CsvDecoder, Quotes) {
  Decoded got = decode_csv(
      "1,\"a,b\",1\n"
      "2,\"say \"\"hi\"\", then more of it\",2\n"
      "3,\"two\nlines\",3\n"
      "4,\"\",4\n"
      "5,\"\"\"\",\"5\"\n"
      "6,5\" pipe,6\n");
  EXPECT_EQ(got.rows, (Texts{"1|a,b|1", "2|say \"hi\", then more of it|2", "3|two\nlines|3", "4||4",
                             "5|\"|5", "6|5\" pipe|6"}));
  EXPECT_TRUE(got.bad.empty());
}

TEST(CsvDecoder, LineEndsAndBlankLines) {
  EXPECT_EQ(decode_csv("\r\n1,a,1\r\n\n2,\"b\",\"2\"\r\n3,c,3").rows,
            (Texts{"1|a|1", "2|b|2", "3|c|3"}));
  EXPECT_EQ(decode_csv("1,a,\r\n").rows, Texts{"1|a|NULL"});
}

TEST(CsvDecoder, Dialect) {
  CsvDialect dialect{.delimiter = ';', .quote = '\'', .null_text = "NA"};
  EXPECT_EQ(decode_csv("1;NA;NA\n2;'NA';2\n3;;3\n4;'it''s;';4\n", dialect).rows,
            (Texts{"1|NULL|NULL", "2|NA|2", "3||3", "4|it's;|4"}));
}

TEST(CsvDecoder, BadRecordsCostThemselvesOnly) {
  Decoded got = decode_csv(
      "1,a,1\n"
      "2,b\n"
      "3,c,3,4\n"
      "x,d,1\n"
      "4,\xff,1\n"
      "5,\"quoted\"junk,1\n"
      "6,f,6\n"
      "7,\"never closed,7\n"
      "8,h,8\n");
  EXPECT_EQ(got.rows, (Texts{"1|a|1", "6|f|6", "8|h|8"}));
  EXPECT_EQ(got.bad,
            (Texts{"6 22P04", "10 22P04", "18 22P02 id", "24 22021", "30 22P04", "53 22P04"}));
  EXPECT_EQ(got.bad_records[2].reason, "invalid input syntax for type bigint: \"x\"");
  EXPECT_EQ(got.bad_records[4].raw, "5,\"quoted\"junk,1");
  EXPECT_EQ(decode_csv(std::string("1,a\0b,1\n2,c,2\n", 14)).bad, Texts{"0 22021"});
}

TEST(CsvDecoder, OversizedRecordIsBad) {
  CsvDecoder decoder({}, request_for(kSchema, {0, 1, 2}));
  RawBatch raw = testing::raw_batch("1,\"the head of it");
  raw.oversized = true;
  decoder.start(std::move(raw));
  Decoded got;
  testing::drain(decoder, got);
  EXPECT_EQ(got.rows, Texts());
  EXPECT_EQ(got.bad, Texts{"0 54000"});
}

TEST(CsvDecoder, NotNull) {
  data::Schema schema = kSchema;
  schema[1].not_null = true;
  CsvDecoder decoder({}, request_for(schema, {0, 1}));
  EXPECT_EQ(decode(decoder, "1,,2\n2,b,3\n").bad, Texts{"0 23502 name"});
}

TEST(CsvDecoder, HeaderNamesDecide) {
  CsvDialect dialect{.header = true};
  auto with_header = [&](const std::string& header, std::string_view text) {
    CsvDecoder decoder(dialect, request_for(kSchema, {0, 1, 2}));
    RawBatch raw = testing::raw_batch(text);
    raw.header = std::make_shared<const std::string>(header);
    decoder.start(std::move(raw));
    Decoded got;
    testing::drain(decoder, got);
    return got;
  };
  EXPECT_EQ(with_header("X,extra,\"ID\"\r\n", "1.5,e,1\n").rows, Texts{"1|NULL|1.5"});
  EXPECT_EQ(with_header("X,extra,ID\n", "1.5,1\n").bad, Texts{"0 22P04"});
  // Not one known name: by position.
  EXPECT_EQ(with_header("p,q,r\n", "1,e,1.5\n").rows, Texts{"1|e|1.5"});
}

std::string random_csv(std::mt19937_64& random) {
  static const char* kPieces[] = {"1", "22",   ",",    ",",       "\n",  "\n",  "\"",       "\"",
                                  "a", "\r\n", "\"\"", "1,a,1\n", ",\"", "\",", "\xc3\xa4", "\xff"};
  std::string text;
  size_t pieces = random() % 400;
  for (size_t i = 0; i < pieces; ++i) text += kPieces[random() % std::size(kPieces)];
  return text;
}

TEST(CsvDecoder, CutsAndBatchSizesChangeNothing) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  SourceSpec spec;
  OptionReader no_options(spec.encode_options);
  std::shared_ptr<const Format> format = *csv_format().make(spec, no_options);
  size_t good = 0, bad = 0, cuts = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string text = random_csv(random);
    Decoded expected = decode_csv(text);
    good += expected.rows.size();
    bad += expected.bad.size();
    DecodeRequest request = request_for(kSchema, {0, 1, 2});
    request.batch_rows = 1 + random() % 7;
    std::unique_ptr<Decoder> decoder = format->make_decoder(request);
    Decoded got;
    for (size_t at = 0; at < text.size();) {
      // As the file source does: a chunk, cut behind its last whole record; grown when there is
      // none.
      size_t size = 0;
      for (size_t chunk = 1 + random() % 60; size == 0; chunk *= 2) {
        if (at + chunk >= text.size()) {
          size = text.size() - at;
        } else {
          RawBatch raw = testing::raw_batch(std::string_view(text).substr(at, chunk));
          size = format->whole_records({raw.bytes, raw.size});
        }
      }
      decoder->start(testing::raw_batch(std::string_view(text).substr(at, size), at));
      testing::drain(*decoder, got);
      at += size;
      ++cuts;
    }
    ASSERT_EQ(got.rows, expected.rows) << text;
    ASSERT_EQ(got.bad, expected.bad) << text;
  }
  EXPECT_GT(good, 500u);
  EXPECT_GT(bad, 5000u);
  EXPECT_GT(cuts, 10000u);
}

TEST(CsvFormat, CountsRecordsNotLines) {
  SourceSpec spec;
  OptionReader no_options(spec.encode_options);
  std::shared_ptr<const Format> format = *csv_format().make(spec, no_options);
  RawBatch raw = testing::raw_batch("1,\"a\nb\",1\n2,b,2\n3,\"c");
  std::string_view text(raw.bytes, raw.size);
  uint64_t count = 0;
  EXPECT_EQ(format->first_records(text, 1, count), 10u);
  EXPECT_EQ(count, 1u);
  EXPECT_EQ(format->first_records(text, 9, count), 16u);
  EXPECT_EQ(count, 2u);
  EXPECT_EQ(format->whole_records(text), 16u);
}

TEST(CsvFormat, Options) {
  SourceSpec spec;
  spec.name = "s";
  spec.schema = kSchema;
  spec.format = "plain";
  spec.encode = "csv";
  spec.options = {{"connector", "file"}, {"path", "x.csv"}};
  auto sqlstate = [&](Options options) {
    spec.encode_options = std::move(options);
    auto made = make_source(spec);
    return made ? std::string("ok") : std::string(made.error().sqlstate.view());
  };
  EXPECT_EQ(sqlstate({{"delimiter", "\\t"}, {"null", "NA"}, {"header", "TRUE"}, {"quote", "'"}}),
            "ok");
  EXPECT_EQ(sqlstate({{"delimiter", ",,"}}), "22023");
  EXPECT_EQ(sqlstate({{"delimiter", "\""}}), "22023");
  EXPECT_EQ(sqlstate({{"quote", ""}}), "22023");
  EXPECT_EQ(sqlstate({{"header", "maybe"}}), "22023");
  EXPECT_EQ(sqlstate({{"without_header", "false"}}), "ok");
  EXPECT_EQ(sqlstate({{"without_header", "true"}, {"header", "true"}}), "22023");
  EXPECT_EQ(sqlstate({{"delimeter", ";"}}), "22023");
}

TEST(CsvFormat, FilesWithHeaders) {
  namespace fs = std::filesystem;
  std::string pattern = (fs::temp_directory_path() / "forebay_csv_XXXXXX").string();
  const std::string folder = ::mkdtemp(pattern.data());
  auto append = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder + "/" + name, std::ios::app) << text;
  };
  SourceSpec spec;
  spec.name = "s";
  spec.schema = kSchema;
  spec.format = "plain";
  spec.encode = "csv";
  spec.encode_options = {{"header", "true"}};
  spec.options = {{"connector", "file"}, {"path", folder + "/*.csv"}};
  append("a.csv", "\xef\xbb\xbfname,id,x\none,1,1\n");
  append("b.csv", "id,x,na");
  data::FakeClock clock;
  auto source = *make_source(spec);
  auto reader = *source->open({}, clock);
  auto decoder = source->make_decoder(request_for(kSchema, {0, 1}));
  Decoded got;
  Positions positions;
  auto read = [&] {
    RawBatch raw;
    int64_t wait_ms;
    while (true) {
      auto outcome = reader->poll(raw, wait_ms);
      ASSERT_TRUE(outcome) << outcome.error().message;
      if (*outcome != PollOutcome::kBatch) return;
      positions.push_back({raw.partition, raw.partition_name, raw.to, raw.state_after, {}});
      decoder->start(std::move(raw));
      testing::drain(*decoder, got);
    }
  };
  read();
  EXPECT_EQ(got.rows, Texts{"1|one"});
  append("b.csv", "me\n2,2,two\n");
  read();
  EXPECT_EQ(got.rows, (Texts{"1|one", "2|two"}));
  // After a restart in the middle the header is known again.
  append("a.csv", "three,3,3\n");
  reader = *source->open(positions, clock);
  decoder = source->make_decoder(request_for(kSchema, {0, 1}));
  read();
  EXPECT_EQ(got.rows, (Texts{"1|one", "2|two", "3|three"}));
  EXPECT_TRUE(got.bad.empty());
  fs::remove_all(folder);
}

}  // namespace
}  // namespace forebay::connectors
