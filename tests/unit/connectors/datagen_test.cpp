// Rows of the datagen connector.

#include <gtest/gtest.h>

#include <set>

#include "connectors/source.h"
#include "decode_support.h"
#include "engine/data/clock.h"

namespace forebay::connectors {
namespace {

using testing::Decoded;
using Texts = std::vector<std::string>;

class DatagenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    spec_.name = "s";
    spec_.schema = {{"id", data::kBigintType}, {"v", data::kIntegerType}};
    spec_.options = {{"connector", "datagen"}, {"fields.id.kind", "sequence"}};
    spec_.format = "plain";
    spec_.encode = "json";
  }
  std::string error() {
    auto source = make_source(spec_);
    return source ? "" : std::string(source.error().sqlstate.view()) + " " + source.error().message;
  }
  /// All rows from `positions` on, decoded `batch_rows` at a time.
  Texts rows(uint32_t batch_rows = 4096, const Positions& positions = {}) {
    return testing::made_rows(spec_, clock_, batch_rows, positions);
  }
  SourceSpec spec_;
  data::FakeClock clock_;
};

TEST_F(DatagenTest, TheSameRowsHoweverTheyAreCut) {
  spec_.schema = {{"id", data::kBigintType},    {"v", data::kIntegerType},
                  {"t", data::kTextType},       {"d", data::kDoubleType},
                  {"b", data::kBooleanType},    {"n", data::kNumericType},
                  {"at", data::kTimestampType}, {"day", data::kDateType}};
  spec_.options["number_of_rows"] = "40000";
  Texts all = rows();
  ASSERT_EQ(all.size(), 40000u);
  EXPECT_EQ(rows(7), all);
  PartitionPosition position;
  position.next = Offset(12345);
  EXPECT_EQ(rows(4096, {position}), Texts(all.begin() + 12345, all.end()));
  spec_.options["seed"] = "2";
  EXPECT_NE(rows(), all);
}

TEST_F(DatagenTest, ValuesStayWithinTheirBounds) {
  spec_.schema.push_back({"n", data::kNumericType});
  spec_.options.insert({{"number_of_rows", "2000"},
                        {"fields.id.start", "-5"},
                        {"fields.v.min", "-1"},
                        {"fields.V.max", "1"},
                        {"fields.n.min", "0.01"},
                        {"fields.n.max", "0.02"}});
  std::set<std::string> ends;
  int64_t id = -5;
  for (const std::string& row : rows()) {
    const std::string prefix = std::to_string(id++) + "|";
    ASSERT_TRUE(row.starts_with(prefix)) << row;
    ends.insert(row.substr(prefix.size()));
  }
  EXPECT_EQ(ends,
            (std::set<std::string>{"-1|0.01", "0|0.01", "1|0.01", "-1|0.02", "0|0.02", "1|0.02"}));
}

TEST_F(DatagenTest, ASequenceThatEndsIsBounded) {
  EXPECT_FALSE((*make_source(spec_))->is_bounded());
  spec_.options["fields.id.end"] = "10";
  EXPECT_TRUE((*make_source(spec_))->is_bounded());
  EXPECT_EQ(rows().size(), 10u);
}

TEST_F(DatagenTest, ARateIsKept) {
  spec_.options["rows_per_second"] = "100";
  std::shared_ptr<const Source> source = *make_source(spec_);
  std::unique_ptr<SourceReader> reader = *source->open({}, clock_);
  uint64_t rows = 0;
  for (int i = 0; i < 1000; ++i) {
    RawBatch batch;
    int64_t wait_ms = 0;
    if (*reader->poll(batch, wait_ms) == PollOutcome::kBatch)
      rows += batch.to.value - batch.from.value;
    clock_.advance_ms(10);
  }
  EXPECT_NEAR(static_cast<double>(rows), 1000, 2);
}

TEST_F(DatagenTest, WhatIsRefused) {
  auto with = [&](const std::string& name, const std::string& value) {
    Options before = spec_.options;
    spec_.options[name] = value;
    std::string outcome = error();
    spec_.options = before;
    return outcome;
  };
  EXPECT_EQ(error(), "");
  EXPECT_EQ(with("fields.w.kind", "random"),
            "22023 unknown column in option \"fields.w.kind\": \"w\"");
  EXPECT_EQ(with("fields.v.kinds", "random"),
            "22023 unknown part of option \"fields.v.kinds\": \"kinds\"");
  EXPECT_EQ(with("fields.v.kind", "other"),
            "22023 column \"v\": \"kind\" is 'random' or 'sequence', not 'other'");
  EXPECT_EQ(with("fields.v.min", "x"),
            "22P02 column \"v\": invalid input syntax for type integer: \"x\"");
  EXPECT_EQ(with("fields.v.min", "2000000"), "22023 column \"v\": \"min\" lies behind \"max\"");
  EXPECT_EQ(with("fields.v.length", "2"),
            "22023 column \"v\": \"length\" does not go with a random value of type integer");
  EXPECT_EQ(with("number_of_rows", "-1"),
            "22023 invalid value for option \"number_of_rows\": \"-1\"");
  spec_.force_bounded = true;
  EXPECT_EQ(error(), "22023 source \"s\" has no end");
}

TEST_F(DatagenTest, TheTimeOfReadingIsTheRawBatchs) {
  spec_.options["number_of_rows"] = "3";
  std::shared_ptr<const Source> source = *make_source(spec_);
  std::unique_ptr<SourceReader> reader = *source->open({}, clock_);
  DecodeRequest request;
  request.schema = spec_.schema;
  request.projection = {0};
  request.metadata = {"proctime"};
  std::unique_ptr<Decoder> decoder = source->make_decoder(request);
  RawBatch batch;
  int64_t wait_ms = 0;
  ASSERT_EQ(*reader->poll(batch, wait_ms), PollOutcome::kBatch);
  batch.read_at = 1'234'567;
  decoder->start(std::move(batch));
  DecodedBatch decoded;
  ASSERT_TRUE(decoder->next(decoded));
  ASSERT_EQ(decoded.rows.columns().size(), 2u);
  EXPECT_EQ(decoded.rows.column(1).type(), data::kTimestampTzType);
  for (uint32_t row = 0; row < 3; ++row) {
    EXPECT_EQ(std::get<int64_t>(decoded.rows.column(1).datum(row).value), 1'234'567);
  }
}

}  // namespace
}  // namespace forebay::connectors
