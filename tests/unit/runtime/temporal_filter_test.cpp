// Rows that come and go as time passes, in the whole engine with a fake clock: random changes,
// crashes, other numbers of workers. At every commit the view is what the table's rows and the
// epoch's time say.

#include "engine/data/datetime.h"
#include "engine/runtime/meta_records.h"
#include "tests/unit/runtime/crash_test.h"

namespace forebay::runtime {
namespace {

using testing::kBigintType;

constexpr ObjectId kTable{20}, kView{21};
constexpr int64_t kMs = 1000;

// CREATE TABLE t (k bigint PRIMARY KEY, starts bigint, ends bigint)
Fragment table() {
  operators::MaterializeParameters rows{.types = {kBigintType, kBigintType, kBigintType},
                                        .key_columns = {0},
                                        .has_key = true,
                                        .rows = TableId(30)};
  Fragment fragment{kTable, "t", {}, operators::stored_materialize(rows)};
  fragment.nodes.push_back({TableInput{}, {}, rows.types});
  fragment.nodes.push_back(testing::node(operators::make_materialize(rows), {{0, Exchange{{0}}}}));
  return fragment;
}

// SELECT starts, ends FROM t WHERE starts + 50 ms <= now() AND now() < ends
Fragment view(const Fragment& of) {
  operators::MapParameters map;
  map.input_types = of.nodes[0].output_types;
  map.projection = {expr::column(1, kBigintType), expr::column(2, kBigintType)};
  map.names = {"starts", "ends"};
  operators::TemporalFilterParameters filter;
  filter.types = {kBigintType, kBigintType};
  filter.bounds = {{expr::column(0, kBigintType), 50 * kMs, false},
                   {expr::column(1, kBigintType), 0, true}};
  filter.events = TableId(31);
  operators::MaterializeParameters rows{.types = filter.types, .rows = TableId(32)};
  Fragment fragment{kView, "v", {}, operators::stored_materialize(rows)};
  fragment.nodes.push_back({ObjectInput{kTable, of.relation, {}}, {}, of.nodes[0].output_types});
  fragment.nodes.push_back(testing::node(operators::make_map(map), {{0, std::nullopt}}));
  const Exchange all{{0, 1}, data::KeyMode::kExact};
  fragment.nodes.push_back(testing::node(operators::make_temporal_filter(filter), {{1, all}}));
  fragment.nodes.push_back(testing::node(operators::make_materialize(rows), {{2, all}}));
  return fragment;
}

struct Row {
  int64_t starts, ends;
};

class TemporalFilterTest : public testing::CrashTest {
 protected:
  std::vector<Fragment> fragments() override { return {table_, view_}; }
  void configure(RuntimeSettings& settings) override {
    CrashTest::configure(settings);
    if (has_tiny_memory_) settings.hot_tier.set_bytes(1);
  }

  int64_t now() const { return data::timestamp_from_unix_nanos(clock_->unix_nanos()); }

  /// Waits for its commit.
  void put(int64_t key, std::optional<Row> row) {
    data::BatchBuilder rows({kBigintType, kBigintType, kBigintType});
    auto append = [&](const Row& of, data::Weight weight) {
      rows.column(0).append(key);
      rows.column(1).append(of.starts);
      rows.column(2).append(of.ends);
      rows.end_row(weight);
    };
    if (auto old = rows_.find(key); old != rows_.end()) append(old->second, -1);
    rows_.erase(key);
    if (row) {
      append(*row, 1);
      rows_[key] = *row;
    }
    auto gate = engine_->enter_gate(kTable, nullptr);
    ASSERT_TRUE(gate.is_ok());
    auto ticket = (*gate)->write(rows.finish(), {});
    ASSERT_TRUE(ticket.is_ok());
    gate->reset();
    ASSERT_TRUE(engine_->wait(kTable, *ticket, nullptr).is_ok());
  }
  void pass(int64_t ms) {
    clock_->advance_ms(ms);
    for (uint64_t step = 0; step < 300; ++step) {
      if (!engine_->run_one(random_())) clock_->advance_ms(1);
    }
  }

  /// What is to be seen at the time of the last commit.
  std::vector<std::string> expected() {
    auto time = read_epoch_time(*engine_->snapshot());
    EXPECT_TRUE(time.is_ok());
    std::vector<std::string> rows;
    for (const auto& [key, row] : rows_) {
      if (row.starts + 50 * kMs > *time || *time >= row.ends) continue;
      rows.push_back(fmt::format("({},{})", row.starts, row.ends));
    }
    std::sort(rows.begin(), rows.end());
    return rows;
  }
  std::vector<std::string> seen() {
    std::vector<std::string> rows;
    auto take = [&](ChangeBatch batch) {
      batch.for_each([&](uint32_t row) {
        rows.insert(rows.end(), static_cast<size_t>(batch.weight(row)),
                    operators::error_row_text(batch, row));
      });
      return true;
    };
    EXPECT_TRUE(
        view_.relation->scan(*engine_->snapshot(), 0, data::kShardCount, 1000, take).is_ok());
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  bool has_tiny_memory_ = false;
  Fragment table_ = table();
  Fragment view_ = view(table_);
  std::map<int64_t, Row> rows_;
};

TEST_F(TemporalFilterTest, RowsComeAndGoWithoutInput) {
  open(1);
  const int64_t begin = now();
  put(1, Row{begin, begin + 10'000 * kMs});
  put(2, Row{begin + 200'000 * kMs, begin + 400'000 * kMs});
  put(3, Row{begin - 1000, begin - 1});
  EXPECT_TRUE(seen().empty());
  pass(1000);
  EXPECT_EQ(seen().size(), 1u);
  pass(10'000);
  EXPECT_TRUE(seen().empty());
  crash(3);
  pass(195'000);
  EXPECT_EQ(seen().size(), 1u);
  put(2, std::nullopt);
  EXPECT_TRUE(seen().empty());
  pass(300'000);
  EXPECT_TRUE(seen().empty());
}

TEST_F(TemporalFilterTest, ARowThatWentCanBeDeletedAfterTheClockJumpedBack) {
  open(1);
  put(1, Row{now() - 100'000, now() + 5000 * kMs});
  EXPECT_EQ(seen().size(), 1u);
  pass(6000);
  EXPECT_TRUE(seen().empty());
  clock_ = std::make_shared<data::FakeClock>();  // begins anew
  crash(1);
  put(1, std::nullopt);
  EXPECT_TRUE(seen().empty());
}

TEST_F(TemporalFilterTest, IsRightAtEveryCommit) {
  random_.seed(test_seed());
  has_tiny_memory_ = random_() % 2 == 0;
  open(static_cast<uint16_t>(1 + random_() % 3));
  for (int round = 0; round < 400; ++round) {
    auto ms = [&](uint64_t range) { return static_cast<int64_t>(random_() % range) * kMs; };
    if (random_() % 3 > 0) {
      const int64_t key = static_cast<int64_t>(random_() % 25);
      // Few different rows, so that equal ones meet; some far away.
      const int64_t grid = now() / (500 * kMs) * (500 * kMs);
      const int64_t starts = grid + ms(4) * 500 - 1000 * kMs;
      const bool is_far = random_() % 10 == 0;
      put(key, random_() % 4 == 0
                   ? std::nullopt
                   : std::optional(Row{starts, starts + ms(6) * 500 + (is_far ? ms(300'000) : 0)}));
    } else {
      pass(static_cast<int64_t>(random_() % (round % 20 == 0 ? 100'000 : 700)));
    }
    if (random_() % 40 == 0) crash(static_cast<uint16_t>(1 + random_() % 3));
    ASSERT_EQ(seen(), expected()) << "round " << round;
  }
}

}  // namespace
}  // namespace forebay::runtime
