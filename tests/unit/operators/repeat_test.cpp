#include "tests/unit/operators/harness.h"

namespace forebay::operators::testing {
namespace {

using data::kBigintType;
using data::kTextType;

Row row(std::optional<int64_t> copies, const char* text) {
  return {Datum{kTextType, std::string(text)},
          copies ? Datum{kBigintType, *copies} : Datum::null(kBigintType)};
}

TEST(Repeat, MultipliesWeightsByTheCount) {
  for (uint32_t batch_rows : {1u, 7u, 1024u}) {
    Driver driver(make_repeat({{kTextType, kBigintType}, 1}), {{{kTextType, kBigintType}, {}}},
                  batch_rows, nullptr);
    std::mt19937_64 random(batch_rows);
    driver.send(0,
                {{row(3, "a"), 1},
                 {row(2, "b"), 2},
                 {row(0, "none"), 1},
                 {row(-4, "less"), 1},
                 {row({}, "null"), 1}},
                random);
    driver.end_epoch();
    EXPECT_EQ(driver.sum.rows.text(), "a x3\nb x4\n");
    driver.send(0, {{row(3, "a"), -1}, {row(5, "a"), 1}, {row(2, "b"), -2}}, random);
    driver.end_epoch();
    EXPECT_EQ(driver.sum.rows.text(), "a x5\n");
  }
}

}  // namespace
}  // namespace forebay::operators::testing
