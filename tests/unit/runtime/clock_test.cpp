// The wall clock may jump: timers follow the steady one.

#include <gtest/gtest.h>

#include "tests/unit/runtime/circuits.h"

namespace forebay::runtime {
namespace {

using namespace testing;

class JumpingClock final : public data::Clock {
 public:
  int64_t steady_nanos() const override { return steady_nanos_; }
  int64_t unix_nanos() const override { return unix_nanos_; }
  void pass_ms(int64_t ms) {
    steady_nanos_ += ms * 1'000'000;
    unix_nanos_ += ms * 1'000'000;
  }
  void jump_hours(int64_t hours) { unix_nanos_ += hours * 3'600'000'000'000; }

 private:
  int64_t steady_nanos_ = 0;
  int64_t unix_nanos_ = 1'700'000'000'000'000'000;
};

class ClockTest : public ::testing::Test {
 protected:
  void SetUp() override {
    engine_ = open_engine(2, clock_);
    table_ = table_fragment();
    ASSERT_TRUE(engine_->create(table_, {kTable, "t"}, nullptr).is_ok());
  }
  void run() {
    for (uint64_t i = 0; i < 500; ++i) (void)engine_->run_one(i);
  }
  std::string status_of(ObjectId object) {
    for (const PipelineFigures& pipeline : engine_->figures().pipelines) {
      for (ObjectId one : pipeline.objects) {
        if (one == object) return pipeline.status;
      }
    }
    return "";
  }

  std::shared_ptr<JumpingClock> clock_ = std::make_shared<JumpingClock>();
  std::unique_ptr<Engine> engine_;
  Fragment table_;
};

TEST_F(ClockTest, JumpsEndNoEpochAndHoldNoneUp) {
  auto log = std::make_shared<FakeLog>();
  for (int64_t i = 0; i < 40; ++i) log->records.emplace_back(1, i);
  Fragment view = view_fragment(log, table_);
  ASSERT_TRUE(engine_->create(view, {kView, "v"}, nullptr).is_ok());
  const uint64_t ticket = put(*engine_, kTable, name_row(1, "n"));
  ASSERT_TRUE(engine_->wait(kTable, ticket, nullptr).is_ok());
  auto rows = [&] { return rows_of(*view.relation, *engine_->snapshot()); };
  size_t visible = 0;
  for (int64_t hours : {24, -1, -48, 1, 0}) {
    SCOPED_TRACE(hours);
    const auto before = rows();
    const Epoch epoch = engine_->snapshot()->epoch();
    visible += 8;
    log->visible = visible;
    clock_->pass_ms(1);  // as long as the reader waits
    run();
    clock_->jump_hours(hours);
    run();
    EXPECT_EQ(rows(), before);
    EXPECT_EQ(engine_->snapshot()->epoch(), epoch);
    for (int i = 0; i < 20; ++i) {
      clock_->pass_ms(2);
      run();
    }
    const auto count = static_cast<int64_t>(visible);
    EXPECT_EQ(rows(), std::vector<std::string>{
                          fmt::format("(1,{},{},1,n)", count, count * (count - 1) / 2)});
    EXPECT_GT(engine_->snapshot()->epoch(), epoch);
  }
}

TEST_F(ClockTest, JumpsRestartNothingEarlierOrLater) {
  for (int64_t hours : {24, -1}) {
    SCOPED_TRACE(hours);
    const ObjectId object(static_cast<uint32_t>(100 + hours));
    auto script = std::make_shared<Script>();
    ASSERT_TRUE(
        engine_->create(scripted_fragment(object, table_, script), {object, "v"}, nullptr).is_ok());
    script->on_take = [&](const ChangeBatch&) { return Status::internal("once"); };
    const uint64_t ticket = put(*engine_, kTable, name_row(100 + hours, "n"));
    EXPECT_FALSE(engine_->wait(kTable, ticket, nullptr).is_ok());
    ASSERT_EQ(status_of(object), "failed");
    clock_->jump_hours(hours);
    run();
    EXPECT_EQ(status_of(object), "failed");
    script->on_take = nullptr;
    clock_->pass_ms(5'000);
    run();
    EXPECT_NE(status_of(object), "failed");
  }
}

}  // namespace
}  // namespace forebay::runtime
