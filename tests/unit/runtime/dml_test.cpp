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

// Statement -> restart -> statement, in one gate: the second must not build on what the first has
// lost.
TEST(DmlTest, StatementThatSawLostKeysIsRefused) {
  auto clock = std::make_shared<data::FakeClock>();
  auto engine = open_engine(1, clock);
  Fragment table = table_fragment();
  ASSERT_TRUE(engine->create(table, {kTable, "t"}, nullptr).is_ok());
  ASSERT_TRUE(engine->wait(kTable, put(*engine, kTable, name_row(1, "one")), nullptr).is_ok());
  auto script = std::make_shared<Script>();
  Fragment view = scripted_fragment(ObjectId(50), table, script);
  ASSERT_TRUE(engine->create(view, {view.object, "v"}, nullptr).is_ok());
  script->on_take = [&](const ChangeBatch&) { return Status::internal("poison"); };
  {  // DELETE of the key is accepted, and about to be lost
    auto gate = engine->enter_gate(kTable, nullptr);
    ASSERT_TRUE((*gate)->write(name_row(1, "one", -1), {{"key", false}}).is_ok());
  }
  auto gate = engine->enter_gate(kTable, nullptr);
  ASSERT_TRUE(gate.is_ok());
  ASSERT_EQ((*gate)->pending_key("key"), false);  // so INSERT goes ahead
  for (int i = 0; i < 100; ++i) {
    clock->advance_ms(10);
    engine->run_one(kWorker);
  }
  EXPECT_FALSE((*gate)->write(name_row(1, "again"), {{"key", true}}).is_ok());
  gate->reset();
  script->on_take = nullptr;
  uint64_t ticket = 0;
  for (int i = 0; ticket == 0 && i < 1000; ++i) {  // restarts when its time has come
    clock->advance_ms(10);
    engine->run_one(kCoordinator);
    ticket = put(*engine, kTable, name_row(2, "two"));
  }
  ASSERT_TRUE(engine->wait(kTable, ticket, nullptr).is_ok());
  EXPECT_EQ(rows_of(*table.relation, *engine->snapshot()),
            (std::vector<std::string>{"(1,one)", "(2,two)"}));
}

TEST(DmlTest, LostTicketsOfOneTableAreNotThoseOfAnotherAfterAMerge) {
  auto clock = std::make_shared<data::FakeClock>();
  auto engine = open_engine(1, clock);
  Fragment first = table_fragment(), second = table_fragment(ObjectId(40));
  ASSERT_TRUE(engine->create(first, {first.object, "a"}, nullptr).is_ok());
  ASSERT_TRUE(engine->create(second, {second.object, "b"}, nullptr).is_ok());
  auto script = std::make_shared<Script>();
  Fragment view = scripted_fragment(ObjectId(50), first, script);
  ASSERT_TRUE(engine->create(view, {view.object, "v"}, nullptr).is_ok());
  script->on_take = [&](const ChangeBatch&) { return Status::internal("poison"); };
  uint64_t lost = put(*engine, first.object, name_row(1, "one"));
  uint64_t kept = put(*engine, second.object, name_row(1, "one"));
  uint64_t lost_too = put(*engine, first.object, name_row(2, "two"));
  ASSERT_TRUE(engine->drop({view.object}).is_ok());  // restarts
  Fragment both = scripted_fragment(ObjectId(51), first, std::make_shared<Script>(), &second);
  ASSERT_TRUE(engine->create(both, {both.object, "both"}, nullptr).is_ok());
  EXPECT_TRUE(engine->wait(second.object, kept, nullptr).is_ok());
  EXPECT_FALSE(engine->wait(first.object, lost, nullptr).is_ok());
  EXPECT_FALSE(engine->wait(first.object, lost_too, nullptr).is_ok());
}

}  // namespace
}  // namespace forebay::runtime
