#include <algorithm>
#include <optional>

#include "tests/unit/operators/harness.h"

namespace forebay::operators::testing {
namespace {

using data::kBigintType;
using data::kTextType;

const std::vector<Type> kLeft{kTextType, kBigintType, kBigintType};
const std::vector<Type> kRight{kBigintType, kTextType, kBigintType};

/// a < b over bigint; fails where the sum is kFailingSum.
constexpr int64_t kFailingSum = 3;
udfs::ScalarFunction make_below(bool can_fail) {
  udfs::ScalarFunction function;
  function.name = can_fail ? "below_or_fail" : "below";
  function.arguments = {data::TypeId::kBigint, data::TypeId::kBigint};
  function.result = data::TypeId::kBoolean;
  function.can_fail = can_fail;
  auto kernel = [](const udfs::ScalarCall& call, bool fails) {
    for (uint32_t i = 0; i < call.row_count; ++i) {
      uint32_t row = call.rows[i];
      auto a = call.arguments[0].at<int64_t>(row), b = call.arguments[1].at<int64_t>(row);
      if (fails && a + b == kFailingSum) {
        call.fail_row(row, data::sqlstate::kNumericOutOfRange, "the sum fails");
      } else {
        call.out<uint8_t>()[row] = a < b;
      }
    }
  };
  static constexpr auto kKernel = kernel;
  function.kernel =
      can_fail ? udfs::ScalarKernel{[](const udfs::ScalarCall& call) { kKernel(call, true); }}
               : udfs::ScalarKernel{[](const udfs::ScalarCall& call) { kKernel(call, false); }};
  return function;
}
const udfs::ScalarFunction kBelow = make_below(false);
const udfs::ScalarFunction kBelowOrFail = make_below(true);

enum class Condition { kNone, kPlain, kFailing };

JoinParameters parameters(JoinKind kind, int keys, Condition condition) {
  JoinParameters p;
  p.kind = kind;
  p.left_types = kLeft;
  p.right_types = kRight;
  if (keys >= 1) {
    p.left_keys.push_back(0);
    p.right_keys.push_back(1);
    p.null_safe.push_back(0);
  }
  if (keys >= 2) {
    p.left_keys.push_back(1);
    p.right_keys.push_back(2);
    p.null_safe.push_back(1);
  }
  if (condition != Condition::kNone) {
    p.condition =
        expr::call(condition == Condition::kPlain ? &kBelow : &kBelowOrFail, data::kBooleanType,
                   {expr::column(2, kBigintType), expr::column(3, kBigintType)});
  }
  p.left_rows = TableId(1);
  p.right_rows = TableId(2);
  return p;
}

/// nullopt: the pair fails.
std::optional<bool> matches(const JoinParameters& p, const Row& left, const Row& right) {
  for (size_t k = 0; k < p.left_keys.size(); ++k) {
    const Datum &a = left[p.left_keys[k]], &b = right[p.right_keys[k]];
    if (a.is_null() || b.is_null()) {
      if (!p.null_safe[k] || a.is_null() != b.is_null()) return false;
    } else if (compare(a, b) != 0) {
      return false;
    }
  }
  if (p.condition == nullptr) return true;
  if (left[2].is_null() || right[0].is_null()) return false;
  auto a = std::get<int64_t>(left[2].value), b = std::get<int64_t>(right[0].value);
  if (p.condition->function == &kBelowOrFail && a + b == kFailingSum) return std::nullopt;
  return a < b;
}

Row joined(const Row* left, const Row* right) {
  Row row;
  for (size_t c = 0; c < kLeft.size(); ++c) {
    row.push_back(left != nullptr ? (*left)[c] : Datum::null(kLeft[c]));
  }
  for (size_t c = 0; c < kRight.size(); ++c) {
    row.push_back(right != nullptr ? (*right)[c] : Datum::null(kRight[c]));
  }
  return row;
}

void reference(const JoinParameters& p, const Relation& left, const Relation& right, Relation& out,
               int64_t& errors) {
  bool pads_left = p.kind == JoinKind::kLeft || p.kind == JoinKind::kFull;
  bool pads_right = p.kind == JoinKind::kRight || p.kind == JoinKind::kFull;
  bool half = p.kind == JoinKind::kSemi || p.kind == JoinKind::kAnti;
  std::vector<Row> lefts = left.expanded(), rights = right.expanded();
  std::vector<bool> right_matched(rights.size(), false);
  errors = 0;
  for (const Row& l : lefts) {
    bool matched = false;
    for (size_t i = 0; i < rights.size(); ++i) {
      std::optional<bool> match = matches(p, l, rights[i]);
      errors += !match.has_value();
      if (!match.value_or(false)) continue;
      matched = true;
      right_matched[i] = true;
      if (!half) out.add(joined(&l, &rights[i]), 1);
    }
    if (!matched && pads_left) out.add(joined(&l, nullptr), 1);
    if (half && matched == (p.kind == JoinKind::kSemi)) out.add(l, 1);
  }
  for (size_t i = 0; pads_right && i < rights.size(); ++i) {
    if (!right_matched[i]) out.add(joined(nullptr, &rights[i]), 1);
  }
}

constexpr JoinKind kKinds[] = {JoinKind::kInner, JoinKind::kLeft, JoinKind::kRight,
                               JoinKind::kFull,  JoinKind::kSemi, JoinKind::kAnti};

class JoinRandom : public ::testing::TestWithParam<std::tuple<JoinKind, int, Condition>> {};

TEST_P(JoinRandom, EqualsReferenceAtEveryEpoch) {
  auto [kind, keys, condition] = GetParam();
  JoinParameters p = parameters(kind, keys, condition);
  SpecRef spec = make_join(p);
  for (uint32_t batch_rows : {1u, 7u, 1024u}) {
    uint64_t seed = seed_or(static_cast<uint64_t>(kind) * 1000 + keys * 100 +
                            static_cast<uint64_t>(condition) * 10 + batch_rows);
    SCOPED_TRACE(spec->describe() + " FOREBAY_SEED=" + std::to_string(seed) + " batch rows " +
                 std::to_string(batch_rows));
    Generator lefts(seed, kLeft), rights(seed + 1, kRight);
    lefts.domain = rights.domain = 3;
    Driver driver(spec, {{kLeft, p.left_keys}, {kRight, p.right_keys}}, batch_rows,
                  keys == 1 && batch_rows == 7 && condition == Condition::kPlain
                      ? make_rocks_store()
                      : state::make_model_store());
    Relation left, right;
    for (int epoch = 0; epoch < 40; ++epoch) {
      if (lefts.random() % 6 == 0) {  // an epoch that is lost
        Relation lost_left = left, lost_right = right;
        driver.send(0, lefts.changes(lost_left, 8), lefts.random);
        driver.send(1, rights.changes(lost_right, 8), lefts.random);
        if (lefts.random() % 2 == 0) {
          driver.lose_epoch(1 + lefts.random() % 3);
        } else {
          driver.restart(1 + lefts.random() % 3);
        }
      }
      for (int part = 0; part < 2; ++part) {  // the sides take turns inside an epoch
        size_t most = epoch % 5 == 0 ? 20 : 5;
        std::vector<Change> l = lefts.changes(left, lefts.random() % most);
        std::vector<Change> r = rights.changes(right, lefts.random() % most);
        if (lefts.random() % 2 == 0) driver.send(0, l, lefts.random), l.clear();
        driver.send(1, r, lefts.random);
        driver.send(0, l, lefts.random);
        if (lefts.random() % 12 == 0) {  // one side becomes empty
          Relation& emptied = lefts.random() % 2 == 0 ? left : right;
          std::vector<Change> all;
          for (const auto& [text, rows] : emptied.rows()) all.push_back({rows.row, -rows.weight});
          driver.send(&emptied == &left ? 0 : 1, all, lefts.random);
          emptied = Relation();
        }
      }
      driver.end_epoch();
      Relation expected;
      int64_t errors;
      reference(p, left, right, expected, errors);
      ASSERT_EQ(driver.sum.rows.text(), expected.text()) << "epoch " << epoch;
      int64_t reported = 0;
      for (const auto& [text, error] : driver.sum.errors.rows()) {
        ASSERT_GT(error.weight, 0) << text;
        reported += error.weight;
      }
      ASSERT_EQ(reported, errors) << "epoch " << epoch;
      if (lefts.random() % 4 == 0) driver.restart(1 + lefts.random() % 3);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, JoinRandom,
                         ::testing::Combine(::testing::ValuesIn(kKinds), ::testing::Values(0, 1, 2),
                                            ::testing::Values(Condition::kNone, Condition::kPlain,
                                                              Condition::kFailing)));

// ---------------------------------------------------------------- bugs of others

Row left_row(const char* key, int64_t value) {
  return {Datum{kTextType, std::string(key)}, Datum{kBigintType, int64_t{1}},
          Datum{kBigintType, value}};
}
Row right_row(int64_t value, const char* key) {
  return {Datum{kBigintType, value}, Datum{kTextType, std::string(key)},
          Datum{kBigintType, int64_t{1}}};
}

struct Fixture {
  Fixture(JoinKind kind, Condition condition)
      : p(parameters(kind, 1, condition)),
        driver(make_join(p), {{kLeft, p.left_keys}, {kRight, p.right_keys}}, 8,
               state::make_model_store()) {}
  void send(uint32_t side, std::vector<Change> changes) { driver.send(side, changes, random); }
  std::string rows() const { return driver.sum.rows.text(); }
  JoinParameters p;
  std::mt19937_64 random{1};
  Driver driver;
};

class OuterJoinBugs : public ::testing::TestWithParam<Condition> {};

/// risingwave#2420, #2495: an entry without rows must not count as a match, also after a restart.
TEST_P(OuterJoinBugs, RowInsertedAndDeletedIsNoMatch) {
  for (bool restart : {false, true}) {
    Fixture f(JoinKind::kFull, GetParam());
    f.send(1, {{right_row(9, "k"), 1}});
    f.driver.end_epoch();
    EXPECT_EQ(f.rows(), "NULL|NULL|NULL|9|k|1 x1\n");
    f.send(1, {{right_row(9, "k"), -1}});
    f.driver.end_epoch();
    EXPECT_EQ(f.rows(), "");
    if (restart) f.driver.restart(2);
    f.send(0, {{left_row("k", 5), 1}});
    f.driver.end_epoch();
    EXPECT_EQ(f.rows(), "k|1|5|NULL|NULL|NULL x1\n");
    if (restart) f.driver.restart(1);
    f.send(1, {{right_row(9, "k"), 1}});
    f.driver.end_epoch();
    EXPECT_EQ(f.rows(), "k|1|5|9|k|1 x1\n");
    if (restart) f.driver.restart(3);
    f.send(1, {{right_row(9, "k"), -1}});
    f.driver.end_epoch();
    EXPECT_EQ(f.rows(), "k|1|5|NULL|NULL|NULL x1\n");
  }
}

/// flink#29204: update, then delete of the inner side, in one batch and in several.
TEST_P(OuterJoinBugs, PaddedRowComesBackAfterUpdateAndDelete) {
  for (bool same_epoch : {false, true}) {
    Fixture f(JoinKind::kLeft, GetParam());
    f.send(0, {{left_row("k", 5), 1}});
    f.send(1, {{right_row(8, "k"), 1}});
    f.driver.end_epoch();
    EXPECT_EQ(f.rows(), "k|1|5|8|k|1 x1\n");
    f.send(1, {{right_row(8, "k"), -1}, {right_row(9, "k"), 1}});
    if (!same_epoch) {
      f.driver.end_epoch();
      EXPECT_EQ(f.rows(), "k|1|5|9|k|1 x1\n");
    }
    f.send(1, {{right_row(9, "k"), -1}});
    f.driver.end_epoch();
    EXPECT_EQ(f.rows(), "k|1|5|NULL|NULL|NULL x1\n");
  }
}

/// feldera#3154: multisets on both sides.
TEST_P(OuterJoinBugs, DuplicatesOnBothSides) {
  Fixture f(JoinKind::kFull, GetParam());
  f.send(0, {{left_row("k", 5), 2}});
  f.send(1, {{right_row(9, "k"), 3}});
  f.driver.end_epoch();
  EXPECT_EQ(f.rows(), "k|1|5|9|k|1 x6\n");
  f.send(1, {{right_row(9, "k"), -2}});
  f.driver.end_epoch();
  EXPECT_EQ(f.rows(), "k|1|5|9|k|1 x2\n");
  f.send(1, {{right_row(9, "k"), -1}});
  f.driver.end_epoch();
  EXPECT_EQ(f.rows(), "k|1|5|NULL|NULL|NULL x2\n");
  f.send(0, {{left_row("k", 5), -1}});
  f.driver.end_epoch();
  EXPECT_EQ(f.rows(), "k|1|5|NULL|NULL|NULL x1\n");
}

INSTANTIATE_TEST_SUITE_P(All, OuterJoinBugs,
                         ::testing::Values(Condition::kNone, Condition::kPlain));

TEST(Join, HugeFanOutComesInSteps) {
  JoinParameters p = parameters(JoinKind::kInner, 1, Condition::kNone);
  OperatorContext context;
  context.batch_rows = 100;
  std::unique_ptr<Operator> join = make_join(p)->instantiate(context);
  Sum sum(make_join(p)->output_types(), context.batch_rows);
  data::BatchBuilder builder(kRight);
  for (int64_t i = 0; i < 1000; ++i) {
    Row row = right_row(i, "k");
    for (size_t c = 0; c < row.size(); ++c) builder.column(c).append_datum(row[c]);
    builder.end_row();
  }
  ASSERT_EQ(*join->take(1, builder.finish(), sum), Progress::kDone);
  data::BatchBuilder left(kLeft);
  for (int i = 0; i < 2; ++i) {
    Row row = left_row("k", i);
    for (size_t c = 0; c < row.size(); ++c) left.column(c).append_datum(row[c]);
    left.end_row();
  }
  int steps = 1;
  size_t before = 0;
  for (auto progress = *join->take(0, left.finish(), sum); progress == Progress::kMore; ++steps) {
    EXPECT_LE(sum.emitted - before, 100u);
    before = sum.emitted;
    progress = *join->resume(sum);
  }
  EXPECT_EQ(sum.emitted, 2000u);
  EXPECT_GE(steps, 20);
}

}  // namespace
}  // namespace forebay::operators::testing
