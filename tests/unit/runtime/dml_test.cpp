// Statements, their tickets and what they are told when a pipeline fails.

#include "tests/unit/runtime/circuits.h"

namespace forebay::runtime {
namespace {

using namespace testing;

// run_one's choices with one worker.
constexpr uint64_t kWorker = 0, kCoordinator = 1;

TEST(DmlTest, FailureOfTheNextEpochIsNotToldToAStatementThatIsBeingCommitted) {
  auto clock = std::make_shared<data::FakeClock>();
  auto engine = open_engine(1, clock);
  Fragment table = table_fragment();
  ASSERT_TRUE(engine->create(table, {kTable, "t"}, nullptr).is_ok());
  auto script = std::make_shared<Script>();
  Fragment view = scripted_fragment(ObjectId(50), table, script);
  ASSERT_TRUE(engine->create(view, {view.object, "v"}, nullptr).is_ok());
  Fragment other = table_fragment(ObjectId(40));
  ASSERT_TRUE(engine->create(other, {other.object, "other"}, nullptr).is_ok());
  bool sealed = false, failed = false;
  script->on_seal = [&] { sealed = true; };
  script->on_take = [&](const ChangeBatch& batch) {
    failed = batch.column(0).at<int64_t>(batch.physical(0)) == 2;
    return failed ? Status::internal("poison") : Status::ok();
  };
  uint64_t first = put(*engine, kTable, name_row(1, "one"));
  while (!sealed) {
    clock->advance_ms(100);
    engine->run_one(kWorker);  // the coordinator when the worker has nothing to do
  }
  uint64_t second = put(*engine, kTable, name_row(2, "two"));
  engine->run_one(kCoordinator);  // gives the sealed epoch to the committer
  // While the worker has something to do, the committer waits.
  for (int64_t key = 0; key < 100; ++key) put(*engine, other.object, name_row(key, "other"));
  while (!failed) ASSERT_TRUE(engine->run_one(kWorker));
  Status status = engine->wait(kTable, first, nullptr);
  EXPECT_TRUE(status.is_ok()) << status.error().message;
  EXPECT_FALSE(engine->wait(kTable, second, nullptr).is_ok());
  EXPECT_EQ(rows_of(*table.relation, *engine->snapshot()), std::vector<std::string>{"(1,one)"});
}

}  // namespace
}  // namespace forebay::runtime
