#include "tests/unit/operators/harness.h"

namespace forebay::operators::testing {
namespace {

using data::kBigintType;
using data::kBooleanType;
using data::kTextType;

/// 100 / a; fails for 0.
udfs::ScalarFunction make_divide() {
  udfs::ScalarFunction function;
  function.name = "hundred_by";
  function.arguments = {data::TypeId::kBigint};
  function.result = data::TypeId::kBigint;
  function.can_fail = true;
  function.kernel = [](const udfs::ScalarCall& call) {
    for (uint32_t i = 0; i < call.row_count; ++i) {
      uint32_t row = call.rows[i];
      auto divisor = call.arguments[0].at<int64_t>(row);
      if (divisor == 0) {
        call.fail_row(row, data::sqlstate::kDivisionByZero, "division by zero");
      } else {
        call.out<int64_t>()[row] = 100 / divisor;
      }
    }
  };
  return function;
}
const udfs::ScalarFunction kDivide = make_divide();

Row row(std::optional<int64_t> a, const char* text, bool keep) {
  return {a ? Datum{kBigintType, *a} : Datum::null(kBigintType),
          Datum{kTextType, std::string(text)}, Datum{kBooleanType, keep}};
}
const std::vector<Type> kTypes{kBigintType, kTextType, kBooleanType};

TEST(Map, FiltersProjectsAndReportsFailures) {
  MapParameters p;
  p.input_types = kTypes;
  p.predicate = expr::column(2, kBooleanType);
  p.projection = {expr::column(1, kTextType),
                  expr::call(&kDivide, kBigintType, {expr::column(0, kBigintType)})};
  p.names = {"name", "share"};
  for (uint32_t batch_rows : {1u, 7u, 1024u}) {
    Driver driver(make_map(p), {{kTypes, {}}}, batch_rows, nullptr);
    std::mt19937_64 random(batch_rows);
    std::vector<Change> changes{{row(5, "five", true), 1},  {row(0, "a, b", true), 2},
                                {row(4, "four", false), 1}, {row(0, "no", false), 1},
                                {row({}, "null", true), 1}, {row(5, "five", true), 1},
                                {row(2, "two", true), -1}};
    driver.send(0, changes, random);
    driver.end_epoch();
    EXPECT_EQ(driver.sum.rows.text(), "five|20 x2\nnull|NULL x1\ntwo|50 x-1\n");
    EXPECT_EQ(driver.sum.errors.text(), "22012 division by zero share (0,\"a, b\",t) x2\n");
    driver.send(0, {{row(0, "a, b", true), -2}}, random);
    EXPECT_TRUE(driver.sum.errors.empty());
  }
}

TEST(Map, PlainColumnsAreShared) {
  MapParameters p;
  p.input_types = {kBigintType};
  p.projection = {expr::column(0, kBigintType)};
  struct Keep final : Output {
    void emit(ChangeBatch batch) override { kept = std::move(batch); }
    void error(ErrorRow) override {}
    ChangeBatch kept;
  } output;
  expr::EvalContext eval;
  OperatorContext context;
  context.eval = &eval;
  auto map = make_map(p)->instantiate(context);
  data::BatchBuilder builder({kBigintType});
  builder.column(0).append(int64_t{7});
  builder.end_row();
  ChangeBatch batch = builder.finish();
  const data::Column* column = batch.columns()[0].get();
  ASSERT_TRUE(map->take(0, std::move(batch), output).is_ok());
  EXPECT_EQ(output.kept.columns()[0].get(), column);
}

TEST(UnionAndValues, PassRowsOn) {
  Driver both(make_union({{kBigintType}, 2}), {{{kBigintType}, {}}, {{kBigintType}, {}}}, 4,
              nullptr);
  std::mt19937_64 random(1);
  both.send(0, {{{Datum{kBigintType, int64_t{1}}}, 1}}, random);
  both.send(1, {{{Datum{kBigintType, int64_t{1}}}, 2}}, random);
  EXPECT_EQ(both.sum.rows.text(), "1 x3\n");

  ValuesParameters p{{kBigintType}, {}};
  for (int64_t i = 0; i < 3; ++i) p.rows.push_back({Datum{kBigintType, i}});
  Driver values(make_values(p), {}, 2, nullptr);
  EXPECT_EQ(values.sum.rows.text(), "0 x1\n1 x1\n2 x1\n");
}

TEST(ErrorRowText, IsPostgresqlsCompositeForm) {
  std::vector<data::ColumnRef> columns;
  for (const char* text : {"plain", "", "a b", "q\"\\", "(x,y)"}) {
    columns.push_back(data::Column::constant(Datum{kTextType, std::string(text)}, 1));
  }
  columns.push_back(data::Column::constant(Datum::null(kTextType), 1));
  EXPECT_EQ(error_row_text(ChangeBatch(std::move(columns), 1), 0),
            "(plain,\"\",\"a b\",\"q\"\"\\\\\",\"(x,y)\",)");
}

}  // namespace
}  // namespace forebay::operators::testing
