#include <algorithm>

#include "tests/unit/operators/harness.h"
#include "tests/unit/operators/timed_input.h"
#include "tests/unit/operators/watermarked.h"

/// What a bound on a row's time does to operators of rows: Hold, TopN and Over per window, and the
/// late rows that LateRows gives.
namespace forebay::operators::testing {
namespace {

using data::kBigintType;
using data::kTextType;
const Type kTimestampType{data::TypeId::kTimestamp};

// Columns: 0 time, 1 text, 2 bigint, 3 text.
const std::vector<Type>& kTypes = kTimedTypes;
const TimeBound kBound{0, {{{ObjectId(1), 1}, nullptr}}};
constexpr TableId kRows(10);

enum class Subject { kHold, kTopN, kNumberedTopN, kOver };

bool is_before(const Row& a, const Row& b) {
  auto less = [](const Datum& x, const Datum& y) {
    if (x.is_null() || y.is_null())
      return !x.is_null() && y.is_null() ? -1 : x.is_null() - y.is_null();
    return compare(x, y);
  };
  for (size_t column : {size_t{2}, size_t{0}, size_t{1}, size_t{2}, size_t{3}}) {
    if (const int order = less(a[column], b[column]); order != 0) return order < 0;
  }
  return false;
}

SpecRef make(Subject subject) {
  if (subject == Subject::kHold) return make_hold({kTypes, kBound, kRows});
  if (subject == Subject::kOver) {
    OverParameters p;
    p.types = kTypes;
    p.partition_columns = {0, 1};
    p.order = {{2}};
    OverCall call;
    call.result_type = kBigintType;
    p.calls = {call};
    p.rows = kRows;
    p.time = kBound;
    return make_over(p);
  }
  TopNParameters p;
  p.types = kTypes;
  p.partition_columns = {0, 1};
  p.order = {{2}};
  p.limit = 2;
  p.rows = kRows;
  p.numbered = subject == Subject::kNumberedTopN;
  p.time = kBound;
  return make_top_n(p);
}

Relation reference(Subject subject, const Relation& input, int64_t now) {
  Relation out;
  std::map<std::string, std::vector<Row>> partitions;
  for (const Row& row : input.expanded()) {
    if (subject != Subject::kHold) {
      partitions[text_of({row[0], row[1]})].push_back(row);
    } else if (!row[0].is_null() && std::get<int64_t>(row[0].value) < now) {
      out.add(row, 1);
    }
  }
  for (auto& [text, rows] : partitions) {
    std::sort(rows.begin(), rows.end(), is_before);
    const size_t count = subject == Subject::kOver ? rows.size() : std::min<size_t>(2, rows.size());
    for (size_t i = 0; i < count; ++i) {
      Row row = rows[i];
      if (subject != Subject::kTopN) row.push_back({kBigintType, static_cast<int64_t>(i + 1)});
      out.add(row, 1);
    }
  }
  return out;
}

/// The changes that are late, as rows.
void add_late(const Row& change, Weight weight, int64_t before, Relation& late) {
  Row row = change;
  row.push_back({kTextType, std::string(weight > 0 ? "insert" : "delete")});
  row.push_back({kTimestampType, before});
  late.add(row, 1);
}

class BoundRows : public ::testing::TestWithParam<std::tuple<Subject, uint32_t, bool>> {};

TEST_P(BoundRows, EqualsReferenceAtEveryEpoch) {
  auto [subject, batch_rows, lags] = GetParam();
  const uint64_t seed = seed_or(5000 + batch_rows + static_cast<uint64_t>(subject) * 2 + lags * 32);
  SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
  Watermarked watermarks;
  watermarks.nodes[1] = {kNoWatermark, kNoWatermark};
  std::shared_ptr<state::Store> store =
      batch_rows == 7 ? make_rocks_store()
                      : std::shared_ptr<state::Store>(state::make_model_store());
  const bool holds = subject == Subject::kHold;
  const InputKeys keys =
      holds ? InputKeys{kTypes, {0, 1, 2, 3}, data::KeyMode::kExact} : InputKeys{kTypes, {0, 1}};
  Driver driver(make(subject), {keys}, batch_rows, store, &watermarks);
  driver.lags = lags;
  std::shared_ptr<state::Store> none = state::make_model_store();
  Driver late_driver(make_late_rows({kTypes, kBound}), {keys}, batch_rows, none, &watermarks);
  TimedInput input(seed, kTypes, 0);
  auto& random = input.random();
  Relation late_rows;
  for (int epoch = 0; epoch < 60; ++epoch) {
    const int64_t before = watermarks.nodes[1].first;
    const size_t late_before = input.late().size();
    const std::vector<Change> changes = input.changes(30, before);
    for (size_t i = late_before; i < input.late().size(); ++i) {
      add_late(input.late()[i].row, input.late()[i].weight, before, late_rows);
    }
    driver.send(0, changes, random);
    late_driver.send(0, changes, random);
    if (random() % 3 != 0) watermarks.advance(1, input.some_watermark());
    if (epoch == 59) watermarks.advance(1, kEndOfTime);
    const int64_t now = watermarks.nodes[1].second;
    driver.end_epoch();
    late_driver.end_epoch();
    ASSERT_EQ(driver.sum.late_rows, input.late().size()) << "epoch " << epoch;
    ASSERT_EQ(late_driver.sum.rows.text(), late_rows.text()) << "epoch " << epoch;
    ASSERT_EQ(driver.sum.rows.text(), reference(subject, input.accepted(), now).text())
        << "epoch " << epoch;
    if (now != kNoWatermark && now != kEndOfTime && random() % 2 == 0) {
      driver.commit();
      const state::Family family = holds ? state::Family::kHot : state::Family::kLog;
      ASSERT_EQ(entries_before(*store, {{family, kRows}}, now), 0u) << "epoch " << epoch;
    }
    watermarks.end_epoch();
    if (random() % 5 == 0) driver.restart(static_cast<uint16_t>(1 + random() % 3));
  }
  EXPECT_FALSE(input.late().empty());
}

INSTANTIATE_TEST_SUITE_P(All, BoundRows,
                         ::testing::Combine(::testing::Values(Subject::kHold, Subject::kTopN,
                                                              Subject::kNumberedTopN,
                                                              Subject::kOver),
                                            ::testing::Values(1u, 7u, 1024u), ::testing::Bool()));

/// FAULTS: state cleaned by a watermark, and then the row is deleted.
class BoundRowsFaults : public ::testing::TestWithParam<Subject> {};

TEST_P(BoundRowsFaults, DeletingAFinalRowAfterARestartChangesNothing) {
  const Subject subject = GetParam();
  Watermarked watermarks;
  watermarks.nodes[1] = {kNoWatermark, kNoWatermark};
  std::shared_ptr<state::Store> store = state::make_model_store();
  const InputKeys keys = subject == Subject::kHold
                             ? InputKeys{kTypes, {0, 1, 2, 3}, data::KeyMode::kExact}
                             : InputKeys{kTypes, {0, 1}};
  Driver driver(make(subject), {keys}, 4, store, &watermarks);
  std::mt19937_64 random(1);
  const Row row = timed_row(5);
  driver.send(0, {{row, 1}}, random);
  driver.end_epoch();
  driver.restart(3);
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
  driver.commit();
  auto snapshot = store->snapshot();
  for (state::Family family : {state::Family::kHot, state::Family::kLog}) {
    EXPECT_FALSE(snapshot->scan(family, "", "")->valid());
  }
}

INSTANTIATE_TEST_SUITE_P(All, BoundRowsFaults,
                         ::testing::Values(Subject::kHold, Subject::kTopN, Subject::kNumberedTopN,
                                           Subject::kOver));

}  // namespace
}  // namespace forebay::operators::testing
