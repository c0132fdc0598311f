// Rows that go some time after they came, against a reference that keeps all arrivals in a list.

#include <numeric>

#include "tests/unit/operators/harness.h"

namespace forebay::operators::testing {
namespace {

constexpr int64_t kSecond = 1'000'000;

class Clock final : public Watermarks {
 public:
  int64_t previous(WatermarkId) const override { return kNoWatermark; }
  int64_t current(WatermarkId) const override { return kNoWatermark; }
  int64_t now() const override { return time; }
  int64_t time = 700'000'000 * kSecond;
};

/// Arrivals by row, the latest last.
class Reference {
 public:
  explicit Reference(int64_t ttl) : ttl_(ttl) {}

  void end_epoch(const std::vector<Change>& changes, int64_t now) {
    for (auto& [text, row] : rows_) {
      std::erase_if(row.second, [&](int64_t came) { return came + ttl_ <= now; });
    }
    Relation net;
    for (const Change& change : changes) net.add(change.row, change.weight);
    for (const auto& [text, change] : net.rows()) {
      auto& [row, came] = rows_[text];
      row = change.row;
      for (Weight i = 0; i < change.weight; ++i) came.push_back(now);
      for (Weight i = 0; i < -change.weight && !came.empty(); ++i) came.pop_back();
    }
    std::erase_if(rows_, [](const auto& entry) { return entry.second.second.empty(); });
  }
  std::string text() const {
    Relation shown;
    for (const auto& [text, row] : rows_) {
      shown.add(row.first, static_cast<Weight>(row.second.size()));
    }
    return shown.text();
  }
  size_t rows() const { return rows_.size(); }

 private:
  int64_t ttl_;
  std::map<std::string, std::pair<Row, std::vector<int64_t>>> rows_;
};

ExpiryParameters parameters(std::vector<Type> types, int64_t ttl, bool append_only) {
  ExpiryParameters out;
  out.types = std::move(types);
  out.ttl_us = ttl;
  out.append_only = append_only;
  out.calendar = TableId(7);
  if (!append_only) out.rows = TableId(8);
  return out;
}

std::vector<InputKeys> hashed_by_all(const std::vector<Type>& types) {
  std::vector<uint32_t> all(types.size());
  std::iota(all.begin(), all.end(), 0);
  return {{types, all, data::KeyMode::kExact}};
}

size_t entries_of(state::Store& store, const SpecRef& spec) {
  size_t count = 0;
  auto snapshot = store.snapshot();
  for (const state::DroppedTable& table : spec->tables()) {
    for (uint16_t shard = 0; shard < data::kShardCount; ++shard) {
      const std::string prefix = state::store_key_prefix(shard, table.table);
      auto cursor = snapshot->scan(table.family, prefix, prefix + std::string(40, '\xFF'));
      for (; cursor->valid(); cursor->next()) ++count;
    }
  }
  return count;
}

class Expiry : public ::testing::TestWithParam<std::tuple<uint32_t, bool, bool>> {};

TEST_P(Expiry, EqualsReferenceAtEveryEpoch) {
  const auto [batch_rows, append_only, lags] = GetParam();
  const uint64_t seed = seed_or(9100 + batch_rows + (append_only ? 1 : 0) + (lags ? 2 : 0));
  SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
  const std::vector<Type> types{data::kBigintType, data::kTextType, Type{data::TypeId::kNumeric}};
  Generator generator(seed, types);
  generator.domain = 3;
  std::mt19937_64& random = generator.random;
  const int64_t ttl = 90 * kSecond;  // more than one bucket of the calendar
  const SpecRef spec = make_expiry(parameters(types, ttl, append_only));
  Clock clock;
  auto store = make_rocks_store();
  Driver driver(spec, hashed_by_all(types), batch_rows, store, &clock);
  driver.lags = lags;
  Reference reference(ttl);
  Relation relation;
  size_t most = 0;
  for (int epoch = 0; epoch < 60; ++epoch) {
    // Often none: time passes without input.
    const size_t count = random() % 4 == 0 ? 0 : random() % 40;
    if (random() % 12 == 0) {
      Relation lost = relation;
      driver.send(0, generator.changes(lost, count, append_only), random);
      driver.lose_epoch(static_cast<uint16_t>(1 + random() % 3));
    }
    const std::vector<Change> changes = generator.changes(relation, count, append_only);
    driver.send(0, changes, random);
    switch (random() % 8) {
      case 0:
        break;  // two epochs at one time
      case 1:
        clock.time += static_cast<int64_t>(random() % 200) * kSecond;
        break;
      case 2:
        clock.time += ttl;  // to the very microsecond
        break;
      default:
        clock.time += static_cast<int64_t>(random() % 20'000'000);
    }
    driver.end_epoch();
    reference.end_epoch(changes, clock.time);
    most = std::max(most, reference.rows());
    ASSERT_EQ(driver.sum.rows.text(), reference.text()) << "epoch " << epoch;
    if (random() % 6 == 0) driver.restart(static_cast<uint16_t>(1 + random() % 3));
  }
  EXPECT_GT(most, 20u);
  // Nothing stays.
  clock.time += ttl;
  for (int i = 0; i < 3; ++i) driver.end_epoch();
  driver.commit();
  EXPECT_EQ(driver.sum.rows.text(), "");
  EXPECT_EQ(entries_of(*store, spec), 0u);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Expiry,
                         ::testing::Combine(::testing::Values(1u, 7u, 1024u), ::testing::Bool(),
                                            ::testing::Bool()));

Change change(int64_t value, Weight weight) { return {{Datum{data::kBigintType, value}}, weight}; }

TEST(ExpiryRules, ARetractionTakesTheLatestArrivalAndIsDroppedWhenTheRowHasGone) {
  std::mt19937_64 random(1);
  const std::vector<Type> types{data::kBigintType};
  Clock clock;
  Driver driver(make_expiry(parameters(types, 10 * kSecond, false)), hashed_by_all(types), 1024,
                make_rocks_store(), &clock);
  auto epoch = [&](const std::vector<Change>& changes, int64_t seconds) {
    clock.time += seconds * kSecond;
    driver.send(0, changes, random);
    driver.end_epoch();
    return driver.sum.rows.text();
  };
  EXPECT_EQ(epoch({change(1, 1)}, 0), "1 x1\n");
  EXPECT_EQ(epoch({change(1, 1)}, 6), "1 x2\n");
  EXPECT_EQ(epoch({change(1, -1)}, 1), "1 x1\n");  // at 7: that of 6 goes
  EXPECT_EQ(epoch({}, 2), "1 x1\n");               // at 9
  EXPECT_EQ(epoch({}, 1), "");                     // at 10
  EXPECT_EQ(epoch({change(1, -1)}, 1), "");
  EXPECT_EQ(epoch({change(1, 1)}, 1), "1 x1\n");
  // In and out again in one epoch: it stays as old as it was.
  EXPECT_EQ(epoch({change(1, -1), change(1, 1)}, 9), "1 x1\n");
  EXPECT_EQ(epoch({}, 1), "");
}

TEST(ExpiryRules, RowsWithoutColumnsAreCounted) {
  std::mt19937_64 random(1);
  for (const bool append_only : {true, false}) {
    Clock clock;
    Driver driver(make_expiry(parameters({}, kSecond, append_only)), hashed_by_all({}), 7,
                  make_rocks_store(), &clock);
    driver.send(0, {{{}, 1}, {{}, 1}, {{}, 1}}, random);
    driver.end_epoch();
    EXPECT_EQ(driver.sum.rows.text(), " x3\n");
    clock.time += kSecond;
    driver.restart(2);
    driver.end_epoch();
    EXPECT_EQ(driver.sum.rows.text(), "");
  }
}

}  // namespace
}  // namespace forebay::operators::testing
