#include <algorithm>

#include "tests/unit/operators/harness.h"
#include "tests/unit/operators/timed_input.h"
#include "tests/unit/operators/watermarked.h"

namespace forebay::operators::testing {
namespace {

using data::kBigintType;
using data::kTextType;
const Type kTimestampType{data::TypeId::kTimestamp};
constexpr int64_t kGap = 4;

// Columns: 0 text, 1 time, 2 bigint, 3 partition.
const std::vector<Type> kTypes{kTextType, kTimestampType, kBigintType, kBigintType};

SessionParameters parameters(bool bounded, bool on_close) {
  SessionParameters p;
  p.types = kTypes;
  p.partition_columns = {3};
  p.time_column = 1;
  p.gap = kGap;
  p.rows = TableId(10);
  p.timers = TableId(11);
  if (bounded) p.time = TimeBound{1, {{{ObjectId(1), 1}, nullptr}}};
  p.on_close = on_close;
  return p;
}

/// Each row with its session; with `closed_before` only those of sessions that end before it.
Relation reference(const Relation& input, int64_t closed_before) {
  std::map<std::string, std::vector<Row>> partitions;
  for (const Row& row : input.expanded()) {
    if (!row[1].is_null()) partitions[text_of({row[3]})].push_back(row);
  }
  Relation out;
  auto time = [](const Row& row) { return std::get<int64_t>(row[1].value); };
  for (auto& [text, rows] : partitions) {
    std::sort(rows.begin(), rows.end(),
              [&](const Row& a, const Row& b) { return time(a) < time(b); });
    for (size_t from = 0; from < rows.size();) {
      size_t to = from + 1;
      while (to < rows.size() && time(rows[to]) - time(rows[to - 1]) <= kGap) ++to;
      const int64_t end = time(rows[to - 1]) + kGap;
      for (size_t i = from; i < to && end < closed_before; ++i) {
        Row row = rows[i];
        row.push_back({kTimestampType, time(rows[from])});
        row.push_back({kTimestampType, end});
        out.add(row, 1);
      }
      from = to;
    }
  }
  return out;
}

struct Mode {
  bool bounded;
  bool on_close;
  bool append_only;
};

class SessionRandom : public ::testing::TestWithParam<std::tuple<Mode, uint32_t, bool>> {};

TEST_P(SessionRandom, EqualsReferenceAtEveryEpoch) {
  auto [mode, batch_rows, lags] = GetParam();
  const uint64_t seed = seed_or(9000 + batch_rows + mode.bounded * 2 + mode.on_close * 4 +
                                mode.append_only * 8 + lags * 16);
  SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
  Watermarked watermarks;
  watermarks.nodes[1] = {kNoWatermark, kNoWatermark};
  const SessionParameters p = parameters(mode.bounded, mode.on_close);
  std::shared_ptr<state::Store> store =
      batch_rows == 7 ? make_rocks_store()
                      : std::shared_ptr<state::Store>(state::make_model_store());
  Driver driver(make_session(p), {{kTypes, {3}}}, batch_rows, store, &watermarks);
  driver.lags = lags;
  TimedInput input(seed, kTypes, 1);
  input.append_only = mode.append_only;
  auto& random = input.random();
  for (int epoch = 0; epoch < 60; ++epoch) {
    const std::vector<Change> changes =
        input.changes(12, mode.bounded ? watermarks.nodes[1].first : kNoWatermark);
    driver.send(0, changes, random);
    if (random() % 3 != 0) watermarks.advance(1, input.some_watermark());
    if (epoch == 59) watermarks.advance(1, kEndOfTime);
    const int64_t now = watermarks.nodes[1].second;
    driver.end_epoch();
    ASSERT_EQ(driver.sum.late_rows, input.late().size()) << "epoch " << epoch;
    const Relation expected = reference(input.accepted(), mode.on_close ? now : INT64_MAX);
    ASSERT_EQ(driver.sum.rows.text(), expected.text()) << "epoch " << epoch;
    if (mode.bounded && now != kNoWatermark && random() % 2 == 0) {
      driver.commit();
      const std::vector<std::pair<state::Family, TableId>> timers{{state::Family::kHot, p.timers}};
      ASSERT_EQ(entries_before(*store, timers, now), 0u) << "epoch " << epoch;
    }
    watermarks.end_epoch();
    if (random() % 5 == 0) driver.restart(static_cast<uint16_t>(1 + random() % 3));
  }
  if (!mode.bounded) return;
  EXPECT_FALSE(input.late().empty());
  // All sessions are final: nothing is left.
  driver.commit();
  auto snapshot = store->snapshot();
  for (state::Family family : {state::Family::kHot, state::Family::kLog}) {
    EXPECT_FALSE(snapshot->scan(family, "", "")->valid());
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, SessionRandom,
    ::testing::Combine(::testing::Values(Mode{false, false, false}, Mode{true, false, false},
                                         Mode{true, true, false}, Mode{true, true, true}),
                       ::testing::Values(1u, 7u, 1024u), ::testing::Bool()));

Change at(int64_t time, Weight weight) {
  return {{Datum::null(kTextType),
           {kTimestampType, time},
           Datum::null(kBigintType),
           {kBigintType, int64_t{1}}},
          weight};
}

TEST(Session, MergesAndSplits) {
  Driver driver(make_session(parameters(false, false)), {{kTypes, {3}}}, 4,
                state::make_model_store());
  std::mt19937_64 random(1);
  driver.send(0, {at(0, 1), at(8, 1)}, random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.rows.rows().size(), 2u);
  driver.sum.emitted = 0;
  driver.send(0, {at(4, 1)}, random);  // exactly a gap from both
  driver.end_epoch();
  EXPECT_EQ(driver.sum.emitted, 5u);
  const std::string merged = driver.sum.rows.text();
  driver.send(0, {at(4, -1)}, random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.rows.rows().size(), 2u);
  driver.restart(2);
  driver.send(0, {at(4, 1)}, random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.rows.text(), merged);
}

}  // namespace
}  // namespace forebay::operators::testing
