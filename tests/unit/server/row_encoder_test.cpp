#include "server/pgwire/row_encoder.h"

#include <gtest/gtest.h>

#include "engine/data/binary_format.h"
#include "engine/data/text_format.h"
#include "server/pgwire/parameters.h"

namespace forebay::server::pgwire {
namespace {

struct Sample {
  data::Type type;
  const char* text;
};

constexpr Sample kSamples[] = {
    {data::kBooleanType, "t"},
    {data::kIntegerType, "-2147483648"},
    {data::kBigintType, "9223372036854775807"},
    {data::kDoubleType, "-0.1"},
    {data::kNumericType, "-12345678901234567890.0987"},
    {data::kVarcharType, "short"},
    {data::kTextType, "a text that is longer than twelve bytes \xC3\xA4"},
    {data::kDateType, "2013-01-31"},
    {data::kTimestampType, "2013-01-31 23:59:59.999999"},
    {data::kTimestampTzType, "infinity"},
    {data::kIntervalType, "1 year 2 mons -3 days +04:05:06.789"},
};

data::Schema schema_of_samples() {
  data::Schema schema;
  for (const Sample& sample : kSamples) schema.push_back({"c", sample.type});
  return schema;
}

data::ChangeBatch rows_of_samples() {
  std::vector<data::Type> types;
  for (const Sample& sample : kSamples) types.push_back(sample.type);
  data::BatchBuilder builder(types);
  for (bool null : {false, true}) {
    for (size_t i = 0; i < std::size(kSamples); ++i) {
      if (null) {
        builder.column(i).append_null();
      } else {
        builder.column(i).append_datum(*data::parse_datum(kSamples[i].text, kSamples[i].type));
      }
    }
    builder.end_row();
  }
  return builder.finish();
}

// The cells of one DataRow; "NULL" for NULL.
std::vector<std::string> cells_of(std::string_view message) {
  EXPECT_EQ(message[0], 'D');
  MessageReader reader(message.substr(1));
  EXPECT_EQ(reader.int32(), static_cast<int32_t>(message.size()) - 1);
  std::vector<std::string> cells(static_cast<size_t>(reader.int16()));
  for (std::string& cell : cells) {
    int32_t size = reader.int32();
    cell = size < 0 ? "NULL" : std::string(reader.bytes(static_cast<size_t>(size)));
  }
  EXPECT_TRUE(reader.finish().is_ok());
  return cells;
}

std::vector<std::string> encode(int16_t format, uint32_t row) {
  data::Schema schema = schema_of_samples();
  RowEncoder encoder;
  encoder.prepare(schema, std::vector<int16_t>(schema.size(), format));
  data::ChangeBatch batch = rows_of_samples();
  encoder.start_batch(batch);
  MessageWriter out;
  encoder.write_row(row, out);
  return cells_of(out.buffer());
}

TEST(RowEncoder, WritesTextAsPostgres) {
  std::vector<std::string> cells = encode(0, 0);
  for (size_t i = 0; i < std::size(kSamples); ++i) EXPECT_EQ(cells[i], kSamples[i].text);
}

TEST(RowEncoder, WritesBinaryThatReadsBack) {
  std::vector<std::string> cells = encode(1, 0);
  for (size_t i = 0; i < std::size(kSamples); ++i) {
    auto datum = data::parse_binary(cells[i], kSamples[i].type);
    ASSERT_TRUE(datum.is_ok()) << kSamples[i].text;
    std::string text;
    data::format_datum(*datum, text);
    EXPECT_EQ(text, kSamples[i].text);
  }
}

TEST(RowEncoder, WritesNullInBothFormats) {
  for (int16_t format : {int16_t{0}, int16_t{1}}) {
    for (const std::string& cell : encode(format, 1)) EXPECT_EQ(cell, "NULL");
  }
}

TEST(RowDescription, NamesTypesAndModifiers) {
  data::Schema schema = {{"price", data::numeric_type(10, 2)},
                         {"name", {data::TypeId::kVarchar, 5}}};
  MessageWriter out;
  write_row_description(schema, std::vector<int16_t>{0, 1}, out);
  MessageReader reader(std::string_view(out.buffer()).substr(5));
  EXPECT_EQ(reader.int16(), 2);
  EXPECT_EQ(reader.text(), "price");
  EXPECT_EQ(reader.int32(), 0);
  EXPECT_EQ(reader.int16(), 0);
  EXPECT_EQ(reader.int32(), 1700);
  EXPECT_EQ(reader.int16(), -1);
  EXPECT_EQ(reader.int32(), (10 << 16 | 2) + 4);
  EXPECT_EQ(reader.int16(), 0);
  EXPECT_EQ(reader.text(), "name");
  reader.int32();
  reader.int16();
  EXPECT_EQ(reader.int32(), 1043);
  EXPECT_EQ(reader.int16(), -1);
  EXPECT_EQ(reader.int32(), 9);
  EXPECT_EQ(reader.int16(), 1);
  EXPECT_TRUE(reader.finish().is_ok());
}

TEST(Parameters, TakesTheSmallTypesThatClientsChoose) {
  EXPECT_EQ(parameter_type(21)->id, data::TypeId::kSmallint);
  EXPECT_EQ(parameter_type(700)->id, data::TypeId::kReal);
  EXPECT_EQ(parameter_type(17)->id, data::TypeId::kBytea);
  EXPECT_EQ(parameter_type(1007)->id, data::array_of(data::TypeId::kInteger));
  EXPECT_EQ(parameter_type(0)->id, data::TypeId::kUnknown);
  EXPECT_EQ(parameter_type(600).error().sqlstate.view(), "0A000");
  auto small = parse_binary_parameter(std::string_view("\xFF\xFE", 2), 21, data::kSmallintType);
  EXPECT_EQ(std::get<int32_t>(small->value), -2);
  auto real =
      parse_binary_parameter(std::string_view("\x3F\x00\x00\x00", 4), 700, data::kRealType);
  EXPECT_EQ(std::get<double>(real->value), 0.5);
  EXPECT_EQ(parse_binary_parameter("x", 21, data::kSmallintType).error().sqlstate.view(), "22P03");
}

}  // namespace
}  // namespace forebay::server::pgwire
