#include "tests/unit/operators/harness.h"
#include "udfs/registry.h"

namespace forebay::operators::testing {
namespace {

using data::kBigintType;
using data::kTextType;

Row row(std::optional<int64_t> n, const char* text) {
  return {Datum{kTextType, std::string(text)},
          n ? Datum{kBigintType, *n} : Datum::null(kBigintType)};
}

/// generate_series(1, n [, step]) over (text, n).
TableFunctionParameters series(bool outer, std::optional<int64_t> step = std::nullopt) {
  TableFunctionParameters p;
  p.input_types = {kTextType, kBigintType};
  for (const udfs::TableFunction* function : udfs::find_table_function("generate_series")) {
    if (function->arguments.size() == (step ? 3u : 2u) &&
        function->arguments[0] == data::TypeId::kBigint) {
      p.function = function;
    }
  }
  p.arguments = {expr::literal({kBigintType, int64_t{1}}), expr::column(1, kBigintType)};
  if (step) p.arguments.push_back(expr::literal({kBigintType, *step}));
  p.result_types = {kBigintType};
  p.with_ordinality = true;
  p.outer = outer;
  return p;
}

TEST(TableFunction, GivesTheRowsOfEachRow) {
  for (uint32_t batch_rows : {1u, 7u, 1024u}) {
    for (bool outer : {false, true}) {
      Driver driver(make_table_function(series(outer)), {{{kTextType, kBigintType}, {}}},
                    batch_rows, nullptr);
      std::mt19937_64 random(batch_rows);
      driver.send(0, {{row(2, "a"), 1}, {row(0, "b"), 2}, {row({}, "c"), 1}, {row(1, "d"), -1}},
                  random);
      driver.end_epoch();
      const std::string nulls = outer ? "b|0|NULL|NULL x2\nc|NULL|NULL|NULL x1\n" : "";
      EXPECT_EQ(driver.sum.rows.text(), "a|2|1|1 x1\na|2|2|2 x1\n" + nulls + "d|1|1|1 x-1\n");
      driver.send(0, {{row(2, "a"), -1}, {row(0, "b"), -2}, {row({}, "c"), -1}, {row(1, "d"), 1}},
                  random);
      driver.end_epoch();
      EXPECT_TRUE(driver.sum.rows.empty());
    }
  }
}

TEST(TableFunction, LongSeriesComeInBatches) {
  for (uint32_t batch_rows : {1u, 7u, 1024u}) {
    Driver driver(make_table_function(series(false)), {{{kTextType, kBigintType}, {}}}, batch_rows,
                  nullptr);
    std::mt19937_64 random(batch_rows);
    driver.send(0, {{row(2500, "a"), 1}, {row(3, "b"), 1}}, random);
    driver.end_epoch();
    const std::string text = driver.sum.rows.text();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2503);
    EXPECT_NE(text.find("a|2500|2500|2500 x1\n"), std::string::npos);
  }
}

TEST(TableFunction, AFailingCallIsOneErrorRow) {
  for (uint32_t batch_rows : {1u, 7u, 1024u}) {
    Driver driver(make_table_function(series(true, 0)), {{{kTextType, kBigintType}, {}}},
                  batch_rows, nullptr);
    std::mt19937_64 random(batch_rows);
    driver.send(0, {{row(2, "a"), 2}, {row({}, "c"), 1}}, random);
    driver.end_epoch();
    EXPECT_EQ(driver.sum.rows.text(), "c|NULL|NULL|NULL x1\n");
    EXPECT_EQ(driver.sum.errors.text(), "22023 step size cannot equal zero  (a,2) x2\n");
    driver.send(0, {{row(2, "a"), -2}}, random);
    EXPECT_TRUE(driver.sum.errors.empty());
  }
}

}  // namespace
}  // namespace forebay::operators::testing
