#include <gtest/gtest.h>

#include <map>

#include "engine/expr/shared_results.h"
#include "tests/unit/expr/build.h"

namespace forebay::expr::test {
namespace {

using data::ChangeBatch;
using data::ColumnBuilder;

TEST(Expr, ConstantsAndText) {
  EXPECT_EQ(constant(op("+", lit(1), lit(2))), "3");
  EXPECT_EQ(constant(op("/", lit(1), lit(0))), "22012 division by zero");
  ExprRef sum = op("+", col(0), op("*", lit(2), col(7)));
  EXPECT_EQ(to_string(*sum, {"a"}), "(a + (2 * #7))");
  EXPECT_EQ(
      to_string(*logical(ExprKind::kAnd, {lit(true), logical(ExprKind::kIsNull, {col(0)})}), {"a"}),
      "(true AND (a IS NULL))");
  EXPECT_EQ(to_string(*lit("it's")), "'it''s'");
  EXPECT_EQ(to_string(*case_when(data::kIntegerType, {lit(true), lit(1), lit(2)})),
            "CASE WHEN true THEN 1 ELSE 2 END");
}

TEST(Expr, ThreeValuedLogic) {
  const std::map<std::string, ExprRef> values{
      {"t", lit(true)}, {"f", lit(false)}, {"NULL", null(data::kBooleanType)}};
  for (const auto& [a, x] : values) {
    for (const auto& [b, y] : values) {
      const bool some_false = a == "f" || b == "f";
      const bool some_true = a == "t" || b == "t";
      const bool some_null = a == "NULL" || b == "NULL";
      EXPECT_EQ(constant(logical(ExprKind::kAnd, {x, y})), some_false  ? "f"
                                                           : some_null ? "NULL"
                                                                       : "t");
      EXPECT_EQ(constant(logical(ExprKind::kOr, {x, y})), some_true   ? "t"
                                                          : some_null ? "NULL"
                                                                      : "f");
    }
    EXPECT_EQ(constant(logical(ExprKind::kNot, {x})), a == "t" ? "f" : a == "f" ? "t" : "NULL");
  }
  const ExprRef none = null(data::kIntegerType);
  EXPECT_EQ(constant(logical(ExprKind::kInList, {lit(1), lit(2), none})), "NULL");
  EXPECT_EQ(constant(logical(ExprKind::kInList, {lit(2), lit(2), none})), "t");
  EXPECT_EQ(constant(logical(ExprKind::kInList, {none, lit(2)})), "NULL");
  EXPECT_EQ(constant(logical(ExprKind::kInList, {lit(1), lit(2)})), "f");
  EXPECT_EQ(constant(logical(ExprKind::kIsDistinctFrom, {none, none})), "f");
  EXPECT_EQ(constant(logical(ExprKind::kIsDistinctFrom, {none, lit(1)})), "t");
}

TEST(Expr, LazyBranchesDoNotFail) {
  const ExprRef failing = op("/", lit(1), lit(0));
  const ExprRef condition = op("=", failing, lit(1));
  EXPECT_EQ(constant(case_when(data::kIntegerType, {lit(true), lit(1), failing})), "1");
  EXPECT_EQ(constant(case_when(data::kIntegerType, {lit(false), failing})), "NULL");
  EXPECT_EQ(constant(coalesce(data::kIntegerType, {lit(1), failing})), "1");
  EXPECT_EQ(constant(logical(ExprKind::kAnd, {lit(false), condition})), "f");
  EXPECT_EQ(constant(logical(ExprKind::kOr, {lit(true), condition})), "t");
  EXPECT_EQ(constant(logical(ExprKind::kAnd, {lit(true), condition})), "22012 division by zero");
  EXPECT_EQ(constant(logical(ExprKind::kAnd, {null(data::kBooleanType), condition})),
            "22012 division by zero");
}

TEST(Expr, TextsOfABatchAreLimited) {
  constexpr uint32_t kRows = 1000;
  ColumnBuilder counts(data::kIntegerType);
  for (uint32_t row = 0; row < kRows; ++row) counts.append(static_cast<int32_t>(1000));
  ChangeBatch batch({counts.finish()}, kRows);
  Evaluator evaluator(op("repeat", lit("x"), col(0)));
  std::vector<RowError> errors;
  EvalContext context;
  context.most_bytes = 500'000;
  EXPECT_THROW(evaluator.evaluate(batch, context, errors), std::bad_alloc);
  context.most_bytes = 5'000'000;
  EXPECT_EQ(shown(evaluator.evaluate(batch, context, errors)->datum(kRows - 1)),
            std::string(1000, 'x'));
  EXPECT_TRUE(errors.empty());
}

TEST(Expr, Folding) {
  ExprRef sum = op("+", col(0), op("*", lit(2), lit(3)));
  EXPECT_EQ(to_string(*fold_constants(sum)), "(#0 + 6)");
  ExprRef failing = op("+", col(0), op("/", lit(2), lit(0)));
  EXPECT_EQ(to_string(*fold_constants(failing)), "(#0 + (2 / 0))");
  ExprRef long_text = op("repeat", lit("x"), lit(2'000'000));
  EXPECT_EQ(to_string(*fold_constants(long_text)), "repeat('x', 2000000)");
  ExprRef condition = op("=", col(0), lit(1));
  EXPECT_EQ(to_string(*fold_constants(logical(ExprKind::kAnd, {lit(true), condition}))),
            "(#0 = 1)");
  EXPECT_EQ(to_string(*fold_constants(logical(ExprKind::kAnd, {condition, lit(false)}))), "false");
  EXPECT_EQ(to_string(*fold_constants(case_when(
                data::kIntegerType, {lit(false), lit(1), condition, lit(2), lit(true), lit(3)}))),
            "CASE WHEN (#0 = 1) THEN 2 ELSE 3 END");
}

TEST(Expr, EqualityAndColumns) {
  ExprRef a = op("+", col(3), op("*", lit(2), col(1)));
  ExprRef b = op("+", col(3), op("*", lit(2), col(1)));
  ExprRef c = op("+", col(3), op("*", lit(3), col(1)));
  EXPECT_TRUE(equal(*a, *b));
  EXPECT_EQ(hash(*a), hash(*b));
  EXPECT_FALSE(equal(*a, *c));
  EXPECT_EQ(columns_of(*a), (std::vector<uint32_t>{1, 3}));
  EXPECT_EQ(to_string(*remap(a, {9, 8, 7, 6})), "(#6 + (2 * #8))");
  EXPECT_EQ(to_string(*substitute(a, {lit(0), lit(1), lit(2), lit(3)})), "(3 + (2 * 1))");
  EXPECT_EQ(to_string(*bind_parameters(op("+", parameter(0, data::kIntegerType), lit(1)),
                                       {{data::kIntegerType, 5}})),
            "(5 + 1)");
  EXPECT_TRUE(can_fail(*a));
  EXPECT_FALSE(can_fail(*op("=", col(0), lit(1))));
}

TEST(Evaluator, FailingRowsAreReportedOnceInOrder) {
  ColumnBuilder builder(data::kIntegerType);
  for (int i = 0; i < 100; ++i) builder.append<int32_t>(i % 10);
  ChangeBatch batch({builder.finish()}, 100);
  // 1 / a + 2 / a fails once where a = 0.
  ExprRef expr = op("+", op("/", lit(1), col(0)), op("/", lit(2), col(0)));
  std::vector<RowError> errors;
  Evaluator evaluator(expr);
  ColumnRef column = evaluator.evaluate(batch, {}, errors);
  ASSERT_EQ(errors.size(), 10u);
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(errors[i].row, i * 10);
    EXPECT_EQ(errors[i].sqlstate.view(), "22012");
  }
  EXPECT_EQ(column->at<int32_t>(1), 3);
  errors.clear();
  batch.set_selection({1, 10, 11});
  evaluator.evaluate(batch, {}, errors);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].row, 10u);
}

TEST(Evaluator, StringsOutliveTheBatch) {
  ColumnRef result;
  {
    ColumnBuilder builder(data::kTextType);
    builder.append_string("a string that needs a buffer");
    builder.append_string("short");
    ChangeBatch batch({builder.finish()}, 2);
    ExprRef text = column(0, data::kTextType);
    ExprRef expr = case_when(data::kTextType, {op("=", text, lit("short")),
                                               lit("another string that needs a buffer"), text});
    std::vector<RowError> errors;
    result = Evaluator(expr).evaluate(batch, {}, errors);
  }
  EXPECT_EQ(result->at<data::StringView>(0).view(), "a string that needs a buffer");
  EXPECT_EQ(result->at<data::StringView>(1).view(), "another string that needs a buffer");
}

TEST(Evaluator, ConstantCallFailsEverySelectedRow) {
  ColumnBuilder builder(data::kIntegerType);
  for (int i = 0; i < 5; ++i) builder.append<int32_t>(i);
  ChangeBatch batch({builder.finish()}, 5);
  batch.set_selection({1, 3});
  std::vector<RowError> errors;
  Evaluator(op("+", col(0), op("/", lit(1), lit(0)))).evaluate(batch, {}, errors);
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[1].row, 3u);
}

TEST(Evaluator, SharedCallsAreComputedOncePerRow) {
  static int computed = 0;
  udfs::ScalarFunction longer = *function("||", {TypeId::kText, TypeId::kText});
  longer.kernel = [](const udfs::ScalarCall& call) {
    computed += static_cast<int>(call.row_count);
    function("||", {TypeId::kText, TypeId::kText})->kernel(call);
  };
  computed = 0;
  ColumnBuilder builder(data::kTextType);
  for (int i = 0; i < 100; ++i) builder.append_string("a text of row " + std::to_string(i));
  ChangeBatch batch({builder.finish()}, 100);
  const auto joined = [&] {
    return call(&longer, data::kTextType, {column(0, data::kTextType), lit(" and more")});
  };
  const std::vector<ExprRef> all{op("<>", joined(), lit("a text of row 7 and more")), joined()};
  SharedResults shared(all);
  Evaluator predicate(all[0], &shared);
  Evaluator projection(all[1], &shared);
  ColumnRef result;
  for (int time = 1; time <= 2; ++time) {
    shared.begin(100);
    std::vector<RowError> errors;
    batch.set_selection(predicate.select(batch, {}, errors));
    result = projection.evaluate(batch, {}, errors);
    EXPECT_EQ(batch.rows(), 99u);
    EXPECT_EQ(computed, time == 1 ? 100 : 199);
  }
  batch = ChangeBatch({}, 0);
  shared.begin(0);
  EXPECT_EQ(result->at<data::StringView>(99).view(), "a text of row 99 and more");
}

}  // namespace
}  // namespace forebay::expr::test
