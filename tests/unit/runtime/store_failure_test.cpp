// A disk that is full under the engine: statements fail with 53100, reads go on, and everything
// goes on by itself from the last committed epoch.

#include <gtest/gtest.h>

#include "state/failpoint.h"
#include "tests/unit/runtime/circuits.h"

namespace forebay::runtime {
namespace {

using namespace testing;

class FullDiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int64_t i = 0; i < 100; ++i) log_->records.emplace_back(i % 10, i);
    log_->visible = 50;
    engine_ = open_engine(2, clock_);
    table_ = table_fragment();
    ASSERT_TRUE(engine_->create(table_, {kTable, "t"}, nullptr).is_ok());
    view_ = view_fragment(log_, table_);
    ASSERT_TRUE(engine_->create(view_, {kView, "v"}, nullptr).is_ok());
    for (int64_t key = 0; key < 9; ++key) write(key);
    settle();
  }
  void TearDown() override { state::set_failpoints(""); }

  void write(int64_t key) {
    uint64_t ticket = put(*engine_, kTable, name_row(key, "n"));
    ASSERT_NE(ticket, 0u);
    ASSERT_TRUE(engine_->wait(kTable, ticket, nullptr).is_ok());
  }
  std::vector<std::string> rows() { return rows_of(*view_.relation, *engine_->snapshot()); }
  std::vector<std::string> expected(int64_t records, int64_t keys) const {
    std::vector<std::string> rows;
    for (int64_t key = 0; key < keys; ++key) {
      int64_t count = 0, sum = 0;
      for (int64_t i = 0; i < records; ++i) {
        if (log_->records[static_cast<size_t>(i)].first != key) continue;
        ++count;
        sum += log_->records[static_cast<size_t>(i)].second;
      }
      rows.push_back(fmt::format("({},{},{},{},n)", key, count, sum, key));
    }
    return rows;
  }
  // Lets everything run, and time pass.
  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      if (!engine_->run_one(static_cast<uint64_t>(i))) clock_->advance_ms(20);
    }
  }
  void settle() {
    for (int i = 0; i < 50 && rows() != expected(static_cast<int64_t>(log_->visible), 9); ++i) {
      run(200);
    }
  }
  static data::SqlState state_of(const Status& status) {
    return status.is_ok() ? data::SqlState{"00000"} : status.error().sqlstate;
  }

  std::shared_ptr<FakeLog> log_ = std::make_shared<FakeLog>();
  std::shared_ptr<data::FakeClock> clock_ = std::make_shared<data::FakeClock>();
  std::unique_ptr<Engine> engine_;
  Fragment table_, view_;
};

TEST_F(FullDiskTest, StatementsAreRefusedReadsGoOnAndWritingResumesByItself) {
  ASSERT_EQ(rows(), expected(50, 9));
  ASSERT_TRUE(state::set_failpoints("commit.no_space=error@1,resume.no_space=error"));
  const uint64_t refused = put(*engine_, kTable, name_row(9, "refused"));
  ASSERT_NE(refused, 0u);
  EXPECT_EQ(state_of(engine_->wait(kTable, refused, nullptr)), data::sqlstate::kDiskFull);
  log_->visible = 100;
  run(500);  // it tries, and finds no space
  EXPECT_EQ(state_of(engine_->enter_gate(kTable, nullptr).take_status()),
            data::sqlstate::kDiskFull);
  EXPECT_EQ(state_of(engine_->change_catalog({{ObjectId(77), "refused"}}, {})),
            data::sqlstate::kDiskFull);
  const Fragment other = table_fragment(ObjectId(60));
  EXPECT_EQ(state_of(engine_->create(other, {ObjectId(60), "refused"}, nullptr)),
            data::sqlstate::kDiskFull);
  EXPECT_EQ(state_of(engine_->drop({kView})), data::sqlstate::kDiskFull);
  EXPECT_EQ(rows(), expected(50, 9));
  for (const PipelineFigures& pipeline : engine_->figures().pipelines) {
    EXPECT_EQ(pipeline.status, "failed");
    EXPECT_FALSE(pipeline.reason.empty());
  }

  state::set_failpoints("");
  run(2000);
  settle();
  EXPECT_EQ(rows(), expected(100, 9));
  EXPECT_EQ(state_of(engine_->wait(kTable, refused, nullptr)), data::sqlstate::kDiskFull);
  EXPECT_FALSE(has_record(*engine_, ObjectId(77)));
  EXPECT_FALSE(has_record(*engine_, ObjectId(60)));
  write(9);
  ASSERT_TRUE(engine_->create(other, {ObjectId(60), "t2"}, nullptr).is_ok());
  ASSERT_TRUE(engine_->flush({}, nullptr).is_ok());
  EXPECT_EQ(rows(), expected(100, 10));
  for (const PipelineFigures& pipeline : engine_->figures().pipelines) {
    EXPECT_NE(pipeline.status, "failed") << pipeline.reason;
  }
}

TEST_F(FullDiskTest, AgainAndAgainWhileRecordsAndStatementsComeNothingIsLostOrDoubled) {
  std::mt19937_64 random(test_seed());
  log_->visible = 0;
  for (int64_t i = 100; i < 3000; ++i) {
    log_->records.emplace_back(i % 10, static_cast<int64_t>(random() % 100));
  }
  log_->visible = 50;
  int64_t refusals = 0, tries = 0;
  while (log_->visible < log_->records.size()) {
    log_->visible = std::min(log_->records.size(), log_->visible + random() % 100);
    if (random() % 3 == 0) {
      ASSERT_TRUE(state::set_failpoints(
          fmt::format("commit.no_space=error@{},resume.no_space=error@1", 1 + random() % 3)));
    }
    run(static_cast<int>(random() % 300));
    const int64_t key = 20 + tries++;  // no such group: the view does not change by it
    const uint64_t ticket = put(*engine_, kTable, name_row(key, "n"));
    const bool is_refused = ticket == 0 || !engine_->wait(kTable, ticket, nullptr).is_ok();
    refusals += is_refused ? 1 : 0;
    run(400);
    auto gate = engine_->enter_gate(kTable, nullptr);
    while (!gate.is_ok()) {
      run(50);
      gate = engine_->enter_gate(kTable, nullptr);
    }
    gate->reset();
    data::BatchBuilder found({kBigintType, kTextType});
    std::vector<data::Datum> wanted{{data::kBigintType, key}};
    ASSERT_TRUE(table_.relation->get(*engine_->snapshot(), wanted, found).is_ok());
    EXPECT_EQ(found.finish().rows() == 0, is_refused) << key;
  }
  state::set_failpoints("");
  settle();
  EXPECT_EQ(rows(), expected(3000, 9));
  EXPECT_GT(refusals, 0);
  EXPECT_LT(refusals, tries);
}

TEST_F(FullDiskTest, AnotherFailureEndsWritingUntilARestart) {
  ASSERT_TRUE(state::set_failpoints("commit.before_write=error@1"));
  const uint64_t refused = put(*engine_, kTable, name_row(9, "refused"));
  EXPECT_EQ(state_of(engine_->wait(kTable, refused, nullptr)), data::sqlstate::kIoError);
  state::set_failpoints("");
  run(2000);
  EXPECT_EQ(state_of(engine_->enter_gate(kTable, nullptr).take_status()), data::sqlstate::kIoError);
  EXPECT_EQ(rows(), expected(50, 9));
}

}  // namespace
}  // namespace forebay::runtime
