#include "server/rates.h"

#include <gtest/gtest.h>

namespace forebay::server {
namespace {

using data::ObjectId;

TEST(RatesTest, SourcesByTheirFastestReaderTablesByTheirRows) {
  runtime::Figures figures;
  const auto object = [&](uint32_t id, uint64_t rows_out, int64_t counted_ms) {
    runtime::ObjectFigures& added = figures.objects.emplace_back();
    added.object = ObjectId(id);
    added.rows_out = rows_out;
    added.counted_ms = counted_ms;
  };
  object(1, 500, 10'000);
  object(2, 0, 10'000);
  object(3, 7, 40'000);
  object(4, 7, kLeastCountedMs - 1);
  const auto reads = [&](uint32_t source, uint32_t reader, uint64_t records) {
    runtime::SourceFigures& added = figures.sources.emplace_back();
    added.source = ObjectId(source);
    added.reader = ObjectId(reader);
    added.records = records;
  };
  reads(9, 2, 1'000);
  reads(9, 2, 1'000);  // another partition: records are those of the reader
  reads(9, 3, 10'000);
  reads(10, 3, 0);
  EXPECT_EQ(rows_per_second(figures, ObjectId(1)), 50.0);
  EXPECT_EQ(rows_per_second(figures, ObjectId(2)), std::nullopt);
  EXPECT_EQ(rows_per_second(figures, ObjectId(4)), std::nullopt);
  EXPECT_EQ(rows_per_second(figures, ObjectId(9)), 250.0);
  EXPECT_EQ(rows_per_second(figures, ObjectId(10)), std::nullopt);
  EXPECT_EQ(rows_per_second(figures, ObjectId(11)), std::nullopt);
}

}  // namespace
}  // namespace forebay::server
