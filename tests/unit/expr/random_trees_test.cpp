#include <gtest/gtest.h>

#include <map>
#include <random>

#include "engine/expr/shared_results.h"
#include "tests/support/seed.h"
#include "tests/unit/expr/build.h"

/// Random trees over random batches: the vectorised evaluator against a slow interpreter that takes
/// one row at a time.
namespace forebay::expr::test {
namespace {

using data::ChangeBatch;
using data::ColumnBuilder;
using data::Selection;
using Random = std::mt19937_64;

/// A value, or the SQLSTATE of its failure.
struct Outcome {
  Datum value;
  std::string failure;
};
using Row = std::vector<Datum>;

Outcome boolean(bool value) { return {{data::kBooleanType, value}, ""}; }
bool is_true(const Datum& datum) { return !datum.is_null() && std::get<bool>(datum.value); }

Outcome interpret(const Expr& expr, const Row& row);

Outcome interpret_logic(const Expr& expr, const Row& row) {
  const bool is_and = expr.kind == ExprKind::kAnd;
  bool some_null = false;
  for (const ExprRef& child : expr.children) {
    Outcome operand = interpret(*child, row);
    if (!operand.failure.empty()) return operand;
    if (operand.value.is_null()) {
      some_null = true;
    } else if (is_true(operand.value) != is_and) {
      return operand;
    }
  }
  if (some_null) return {Datum::null(data::kBooleanType), ""};
  return boolean(is_and);
}

Outcome interpret_call(const Expr& expr, const Row& row) {
  std::vector<ExprRef> arguments;
  for (const ExprRef& child : expr.children) {
    Outcome argument = interpret(*child, row);
    if (!argument.failure.empty()) return argument;
    arguments.push_back(literal(argument.value));
  }
  data::Result<Datum> value =
      evaluate_constant(call(expr.function, expr.type, std::move(arguments)), {});
  if (value.is_ok()) return {*value, ""};
  return {{}, std::string(value.error().sqlstate.view())};
}

Outcome interpret_in(const Expr& expr, const Row& row) {
  Outcome subject = interpret(*expr.children[0], row);
  if (!subject.failure.empty()) return subject;
  bool some_null = false;
  for (size_t i = 1; i < expr.children.size(); ++i) {
    Outcome item = interpret(*expr.children[i], row);
    if (!item.failure.empty()) return item;
    if (subject.value.is_null() || item.value.is_null()) {
      some_null = true;
    } else if (data::compare(subject.value, item.value) == 0) {
      return boolean(true);
    }
  }
  if (some_null) return {Datum::null(data::kBooleanType), ""};
  return boolean(false);
}

Outcome interpret_lazy(const Expr& expr, const Row& row) {
  if (expr.kind == ExprKind::kCoalesce) {
    for (const ExprRef& child : expr.children) {
      Outcome value = interpret(*child, row);
      if (!value.failure.empty() || !value.value.is_null()) return value;
    }
    return {Datum::null(expr.type), ""};
  }
  size_t i = 0;
  for (; i + 1 < expr.children.size(); i += 2) {
    Outcome condition = interpret(*expr.children[i], row);
    if (!condition.failure.empty()) return condition;
    if (is_true(condition.value)) return interpret(*expr.children[i + 1], row);
  }
  if (i < expr.children.size()) return interpret(*expr.children[i], row);
  return {Datum::null(expr.type), ""};
}

Outcome interpret_test(const Expr& expr, const Row& row) {
  Outcome a = interpret(*expr.children[0], row);
  if (!a.failure.empty()) return a;
  if (expr.kind == ExprKind::kIsNull) return boolean(a.value.is_null());
  if (expr.kind == ExprKind::kIsNotNull) return boolean(!a.value.is_null());
  if (expr.kind == ExprKind::kNot) {
    return a.value.is_null() ? a : boolean(!std::get<bool>(a.value.value));
  }
  Outcome b = interpret(*expr.children[1], row);
  if (!b.failure.empty()) return b;
  const bool same = a.value.is_null() || b.value.is_null() ? a.value.is_null() == b.value.is_null()
                                                           : data::compare(a.value, b.value) == 0;
  return boolean(same == (expr.kind == ExprKind::kIsNotDistinctFrom));
}

Outcome interpret(const Expr& expr, const Row& row) {
  switch (expr.kind) {
    case ExprKind::kColumn:
      return {row[expr.column], ""};
    case ExprKind::kLiteral:
      return {expr.literal, ""};
    case ExprKind::kParameter:
      return {{}, "unbound"};
    case ExprKind::kCall:
      return interpret_call(expr, row);
    case ExprKind::kAnd:
    case ExprKind::kOr:
      return interpret_logic(expr, row);
    case ExprKind::kCase:
    case ExprKind::kCoalesce:
      return interpret_lazy(expr, row);
    case ExprKind::kInList:
      return interpret_in(expr, row);
    default:
      return interpret_test(expr, row);
  }
}

Datum random_datum(Random& random, Type type) {
  if (random() % 6 == 0) return Datum::null(type);
  const auto small = static_cast<int32_t>(random() % 7) - 3;
  const bool rare = random() % 20 == 0;
  switch (type.id) {
    case TypeId::kBoolean:
      return {type, small > 0};
    case TypeId::kInteger:
      return {type, rare ? INT32_MAX : small};
    case TypeId::kBigint:
      return {type, rare ? INT64_MIN : int64_t{small}};
    case TypeId::kDouble:
      return {type, rare ? 1e308 : small / 2.0};
    case TypeId::kNumeric:
      return {type, data::Numeric(small, static_cast<uint16_t>(random() % 3))};
    default: {
      std::string text = std::to_string(small);
      return {type, rare ? "a longer string with number " + text : text};
    }
  }
}

/// Random well-typed trees over the columns of one schema.
class TreeMaker {
 public:
  TreeMaker(Random& random, std::vector<Type> schema)
      : random_(random), schema_(std::move(schema)) {}

  /// Some trees have parts in common, and with trees before.
  ExprRef make(Type type, int depth) {
    if (depth == 0 || one_in(8)) return leaf(type);
    std::vector<ExprRef>& made = made_[type.id];
    if (!made.empty() && one_in(6)) return made[random_() % made.size()];
    made.push_back(make_new(type, depth));
    return made.back();
  }
  void forget() { made_.clear(); }

 private:
  ExprRef make_new(Type type, int depth) {
    switch (random_() % 6) {
      case 0:
        return coalesce(type, several(type, depth, 1 + random_() % 3));
      case 1:
        return random_case(type, depth);
      default:
        return operation(type, depth);
    }
  }

  bool one_in(uint64_t n) { return random_() % n == 0; }
  Type any_type() { return schema_[random_() % schema_.size()]; }

  std::vector<ExprRef> several(Type type, int depth, size_t count) {
    std::vector<ExprRef> out;
    for (size_t i = 0; i < count; ++i) out.push_back(make(type, depth - 1));
    return out;
  }

  ExprRef random_case(Type type, int depth) {
    std::vector<ExprRef> children;
    for (size_t i = 0, n = 1 + random_() % 2; i < n; ++i) {
      children.push_back(make(data::kBooleanType, depth - 1));
      children.push_back(make(type, depth - 1));
    }
    if (!one_in(3)) children.push_back(make(type, depth - 1));
    return case_when(type, std::move(children));
  }

  ExprRef leaf(Type type) {
    std::vector<uint32_t> candidates;
    for (uint32_t i = 0; i < schema_.size(); ++i) {
      if (schema_[i] == type) candidates.push_back(i);
    }
    if (!candidates.empty() && !one_in(4)) {
      return column(candidates[random_() % candidates.size()], type);
    }
    return literal(random_datum(random_, type));
  }

  ExprRef random_boolean(int depth) {
    static constexpr std::string_view kComparisons[] = {"=", "<>", "<", "<=", ">", ">="};
    switch (random_() % 8) {
      case 0:
        return logical(ExprKind::kAnd, several(data::kBooleanType, depth, 2 + random_() % 2));
      case 1:
        return logical(ExprKind::kOr, several(data::kBooleanType, depth, 2 + random_() % 2));
      case 2:
        return logical(ExprKind::kNot, several(data::kBooleanType, depth, 1));
      case 3:
        return logical(ExprKind::kIsNull, several(any_type(), depth, 1));
      case 4:
        return logical(ExprKind::kIsDistinctFrom, several(any_type(), depth, 2));
      case 5:
        return in_list(depth);
      default: {
        const Type type = any_type();
        return op(kComparisons[random_() % 6], make(type, depth - 1), make(type, depth - 1));
      }
    }
  }

  ExprRef operation(Type type, int depth) {
    auto cast_from = [&](Type from) {
      const udfs::Cast* cast = udfs::find_cast(from.id, type.id);
      return call(cast->function, type, {make(from, depth - 1)});
    };
    static constexpr std::string_view kArithmetic[] = {"+", "-", "*", "/"};
    if (type.id == TypeId::kBoolean) return random_boolean(depth);
    if (type.id == TypeId::kText) return cast_from(data::kBigintType);
    if (type.id == TypeId::kInteger && one_in(4)) return cast_from(data::kTextType);
    return op(kArithmetic[random_() % 4], make(type, depth - 1), make(type, depth - 1));
  }

  ExprRef in_list(int depth) {
    const Type type = any_type();
    std::vector<ExprRef> children{make(type, depth - 1)};
    const bool literals = one_in(2);
    for (size_t i = 0, n = 1 + random_() % 12; i < n; ++i) {
      children.push_back(literals ? literal(random_datum(random_, type)) : make(type, 1));
    }
    return logical(ExprKind::kInList, std::move(children));
  }

  Random& random_;
  std::vector<Type> schema_;
  std::map<TypeId, std::vector<ExprRef>> made_;
};

/// A batch and its rows; columns are constant, without NULLs or as they come.
ChangeBatch random_batch(Random& random, const std::vector<Type>& schema, std::vector<Row>& rows) {
  const auto count = static_cast<uint32_t>(1 + random() % 200);
  rows.assign(count, Row(schema.size()));
  std::vector<ColumnRef> columns;
  for (size_t c = 0; c < schema.size(); ++c) {
    const uint64_t shape = random() % 4;
    const Datum constant = random_datum(random, schema[c]);
    ColumnBuilder builder(schema[c]);
    for (uint32_t r = 0; r < count; ++r) {
      Datum value = random_datum(random, schema[c]);
      while (shape == 1 && value.is_null()) value = random_datum(random, schema[c]);
      rows[r][c] = shape == 0 ? constant : value;
      builder.append_datum(rows[r][c]);
    }
    columns.push_back(shape == 0 ? data::Column::constant(constant, count) : builder.finish());
  }
  ChangeBatch batch(std::move(columns), count);
  if (random() % 2 == 0) {
    Selection selection;
    const uint64_t one_in = 1 + random() % 4;
    for (uint32_t r = 0; r < count; ++r) {
      if (random() % one_in == 0) selection.push_back(r);
    }
    batch.set_selection(std::move(selection));
  }
  return batch;
}

void check_select(Evaluator& evaluator, const ChangeBatch& batch, const Selection& expected,
                  size_t failures) {
  for (int time = 0; time < 2; ++time) {
    std::vector<RowError> errors;
    ASSERT_EQ(evaluator.select(batch, {}, errors), expected);
    ASSERT_EQ(errors.size(), failures);
  }
}

void check(const ExprRef& expr, SharedResults* shared, const ChangeBatch& batch,
           const std::vector<Row>& rows) {
  SCOPED_TRACE(to_string(*expr));
  std::vector<RowError> errors;
  Evaluator evaluator(expr, shared);
  ColumnRef column = evaluator.evaluate(batch, {}, errors);
  ASSERT_EQ(column->size(), batch.physical_rows());
  std::map<uint32_t, std::string> failed;
  for (size_t i = 0; i < errors.size(); ++i) {
    if (i > 0) {
      ASSERT_LT(errors[i - 1].row, errors[i].row);
    }
    failed[errors[i].row] = std::string(errors[i].sqlstate.view());
  }
  Selection expected;
  batch.for_each([&](uint32_t row) {
    const Outcome outcome = interpret(*expr, rows[row]);
    const auto failure = failed.find(row);
    ASSERT_EQ(failure == failed.end() ? "" : failure->second, outcome.failure) << "row " << row;
    if (failure != failed.end()) {
      failed.erase(failure);
      return;
    }
    ASSERT_EQ(shown(column->datum(row)), shown(outcome.value)) << "row " << row;
    if (expr->type.id == TypeId::kBoolean && is_true(outcome.value)) expected.push_back(row);
  });
  ASSERT_TRUE(failed.empty()) << "a row that is not in the batch failed";
  if (expr->type.id == TypeId::kBoolean) check_select(evaluator, batch, expected, errors.size());
}

TEST(RandomTrees, AgreeWithARowAtATime) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const std::vector<Type> schema{data::kBooleanType, data::kIntegerType, data::kIntegerType,
                                 data::kBigintType,  data::kDoubleType,  data::kNumericType,
                                 data::kTextType};
  TreeMaker trees(random, schema);
  for (int round = 0; round < 200; ++round) {
    std::vector<Row> rows;
    const ChangeBatch batch = random_batch(random, schema, rows);
    std::vector<ExprRef> all;
    for (int tree = 0; tree < 5; ++tree) {
      all.push_back(trees.make(schema[random() % schema.size()], 4));
    }
    trees.forget();
    SharedResults shared(all);
    shared.begin(batch.physical_rows());
    for (const ExprRef& expr : all) {
      check(expr, round % 4 == 0 ? nullptr : &shared, batch, rows);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace forebay::expr::test
