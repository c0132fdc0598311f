#include <algorithm>

#include "tests/support/seed.h"
#include "tests/unit/operators/functions.h"
#include "tests/unit/operators/harness.h"
#include "tests/unit/operators/timed_input.h"
#include "tests/unit/operators/watermarked.h"
#include "udfs/registry.h"

/// Aggregates with a bound: late rows, groups that become final, EMIT ON WINDOW CLOSE.
namespace forebay::operators::testing {
namespace {

using data::kBigintType;
using data::kTextType;
const Type kTimestampType{data::TypeId::kTimestamp};
const Type kDateType{data::TypeId::kDate};
constexpr int64_t kBin = 10;

/// date_bin of the watermark.
ExprRef bin_shift() {
  for (const udfs::ScalarFunction* function : udfs::find_scalar("date_bin")) {
    if (function->arguments[1] != data::TypeId::kTimestamp) continue;
    return expr::call(
        function, kTimestampType,
        {expr::literal({Type{data::TypeId::kInterval}, data::Interval{kBin, 0, 0}}),
         expr::column(0, kTimestampType), expr::literal({kTimestampType, int64_t{0}})});
  }
  return nullptr;
}

// Columns: 0 time, 1 key text, 2 bigint, 3 text.
const std::vector<Type>& kTypes = kTimedTypes;

AggregateParameters parameters(bool append_only) {
  AggregateParameters p;
  p.input_types = kTypes;
  p.group_columns = {0, 1};
  p.append_only = append_only;
  p.aggregates = {
      {&kCountRows, {}, false, -1, kBigintType},
      {&kCount, {3}, true, -1, kBigintType},
      {&kMin, {3}, false, -1, kTextType},
      {&kMax, {2}, false, -1, kBigintType},
  };
  p.groups = TableId(10);
  for (uint32_t i = 0; i < p.aggregates.size(); ++i) p.value_tables.push_back(TableId(20 + i));
  return p;
}

Relation reference(const Relation& input, int64_t closed_before) {
  std::map<std::string, std::vector<Row>> groups;
  for (const Row& row : input.expanded()) groups[text_of({row[0], row[1]})].push_back(row);
  Relation out;
  for (const auto& [text, rows] : groups) {
    const Datum& time = rows[0][0];
    if (closed_before != TimeJudge::kNothing &&
        (time.is_null() || std::get<int64_t>(time.value) >= closed_before)) {
      continue;
    }
    std::map<std::string, int> texts;
    Datum least = Datum::null(kTextType), most = Datum::null(kBigintType);
    for (const Row& row : rows) {
      if (!row[3].is_null()) {
        ++texts[std::get<std::string>(row[3].value)];
        if (least.is_null() || compare(row[3], least) < 0) least = row[3];
      }
      if (!row[2].is_null() && (most.is_null() || compare(row[2], most) > 0)) most = row[2];
    }
    out.add({rows[0][0], rows[0][1], Datum{kBigintType, static_cast<int64_t>(rows.size())},
             Datum{kBigintType, static_cast<int64_t>(texts.size())}, least, most},
            1);
  }
  return out;
}

/// Entries of the aggregate's tables in the store whose time is before `bound`.
size_t entries_before(state::Store& store, const AggregateParameters& p, int64_t bound,
                      bool with_groups) {
  std::vector<std::pair<state::Family, TableId>> tables;
  if (with_groups) tables.emplace_back(state::Family::kHot, p.groups);
  for (TableId table : p.value_tables) tables.emplace_back(state::Family::kLog, table);
  return testing::entries_before(store, tables, bound);
}

struct Mode {
  bool append_only;
  bool on_close;
  bool keeps_groups;
  bool bins;
};

class AggregateTime : public ::testing::TestWithParam<std::tuple<Mode, uint32_t, bool>> {};

TEST_P(AggregateTime, EqualsReferenceAtEveryEpoch) {
  auto [mode, batch_rows, lags] = GetParam();
  const uint64_t seed = seed_or(7000 + batch_rows + mode.on_close * 2 + mode.append_only * 4 +
                                mode.keeps_groups * 8 + mode.bins * 16 + lags * 32);
  SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
  Watermarked watermarks;
  watermarks.nodes[1] = watermarks.nodes[2] = {kNoWatermark, kNoWatermark};
  AggregateParameters p = parameters(mode.append_only);
  p.on_close = mode.on_close;
  p.keeps_groups = mode.keeps_groups;
  const ExprRef shift = mode.bins ? bin_shift() : nullptr;
  p.time = TimeBound{0, {{{ObjectId(1), 1}, shift}, {{ObjectId(1), 2}, shift}}};
  std::shared_ptr<state::Store> store =
      batch_rows == 7 ? make_rocks_store()
                      : std::shared_ptr<state::Store>(state::make_model_store());
  Driver driver(make_aggregate(p), {{kTypes, {0, 1}}}, batch_rows, store, &watermarks);
  driver.lags = lags;
  TimedInput input(seed, kTypes, 0);
  input.append_only = mode.append_only;
  if (mode.bins) input.bin = kBin;
  auto& random = input.random();
  auto bound_of = [&](int64_t a, int64_t b) {
    if (a == kNoWatermark || b == kNoWatermark) return TimeJudge::kNothing;
    const int64_t least = std::min(a, b);
    return mode.bins ? least - (least % kBin + kBin) % kBin : least;
  };
  const int epochs = test_length(60);
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const auto& nodes = watermarks.nodes;
    const std::vector<Change> changes =
        input.changes(40, bound_of(nodes.at(1).first, nodes.at(2).first));
    driver.send(0, changes, random);
    if (random() % 3 != 0) watermarks.advance(1, input.some_watermark());
    if (random() % 3 != 0) watermarks.advance(2, input.some_watermark());
    if (epoch == epochs - 1) {
      watermarks.advance(1, kEndOfTime);
      watermarks.advance(2, kEndOfTime);
    }
    int64_t now = bound_of(nodes.at(1).second, nodes.at(2).second);
    if (epoch == epochs - 1) now = TimeJudge::kEverything;
    driver.end_epoch();
    ASSERT_EQ(driver.sum.late_rows, input.late().size()) << "epoch " << epoch;
    Relation expected;
    if (!mode.on_close) expected = reference(input.accepted(), TimeJudge::kNothing);
    if (mode.on_close && now != TimeJudge::kNothing) expected = reference(input.accepted(), now);
    ASSERT_EQ(driver.sum.rows.text(), expected.text()) << "epoch " << epoch;
    if (now != TimeJudge::kNothing && now != TimeJudge::kEverything && random() % 2 == 0) {
      driver.commit();
      ASSERT_EQ(entries_before(*store, p, now, !mode.keeps_groups), 0u) << "epoch " << epoch;
    }
    if (mode.keeps_groups && random() % 4 == 0) {
      ASSERT_EQ(driver.stored(stored_aggregate(p), 5).text(), expected.text());
    }
    watermarks.end_epoch();
    if (random() % 5 == 0) driver.restart(static_cast<uint16_t>(1 + random() % 3));
  }
  EXPECT_FALSE(input.late().empty());
}

INSTANTIATE_TEST_SUITE_P(All, AggregateTime,
                         ::testing::Combine(::testing::Values(Mode{false, false, false, false},
                                                              Mode{false, false, true, false},
                                                              Mode{false, true, false, false},
                                                              Mode{true, true, false, true},
                                                              Mode{true, false, false, true},
                                                              Mode{false, true, false, true}),
                                            ::testing::Values(1u, 7u, 1024u), ::testing::Bool()));

/// FAULTS: state cleaned by a watermark, and then the row is deleted: a second deletion, or a group
/// of -1 rows.
TEST(AggregateTimeFaults, DeletingARowOfAFinalGroupChangesNothing) {
  Watermarked watermarks;
  watermarks.nodes[1] = {kNoWatermark, kNoWatermark};
  AggregateParameters p = parameters(false);
  p.time = TimeBound{0, {{{ObjectId(1), 1}, nullptr}}};
  std::shared_ptr<state::Store> store = state::make_model_store();
  Driver driver(make_aggregate(p), {{kTypes, {0, 1}}}, 4, store, &watermarks);
  std::mt19937_64 random(1);
  const Row row = timed_row(5);
  driver.send(0, {{row, 1}}, random);
  watermarks.advance(1, 6);
  driver.end_epoch();
  const std::string before = driver.sum.rows.text();
  EXPECT_NE(before, "");
  watermarks.end_epoch();
  driver.restart(2);
  driver.send(0, {{row, -1}}, random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.rows.text(), before);
  EXPECT_EQ(driver.sum.late_rows, 1u);
  EXPECT_EQ(entries_before(*store, p, 100, true), 0u);
}

TEST(TimeJudgeTest, KeysOfBoundsAreInOrder) {
  const TimeBound bound{0, {{{ObjectId(1), 1}, nullptr}}};
  OperatorContext context;
  for (const Type& type : {kTimestampType, kDateType}) {
    TimeJudge judge(bound, type, context);
    EXPECT_EQ(judge.key_of(TimeJudge::kNothing), "");
    EXPECT_LT(judge.key_of(-5), judge.key_of(3));
    EXPECT_LT(judge.key_of(3), judge.key_of(4));
    std::string null;
    data::append_key(Datum::null(type), data::KeyMode::kGrouping, null);
    EXPECT_EQ(judge.key_of(TimeJudge::kEverything), null);
    EXPECT_LT(judge.key_of(4), null);
  }
}

}  // namespace
}  // namespace forebay::operators::testing
