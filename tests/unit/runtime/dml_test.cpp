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

TEST(DmlTest, FlushTellsOfWritesThatARestartLost) {
  auto clock = std::make_shared<data::FakeClock>();
  auto engine = open_engine(1, clock);
  Fragment table = table_fragment();
  ASSERT_TRUE(engine->create(table, {kTable, "t"}, nullptr).is_ok());
  auto script = std::make_shared<Script>();
  Fragment view = scripted_fragment(ObjectId(50), table, script);
  ASSERT_TRUE(engine->create(view, {view.object, "v"}, nullptr).is_ok());
  script->on_take = [&](const ChangeBatch&) { return Status::internal("poison"); };
  uint64_t lost = put(*engine, kTable, name_row(1, "one"));
  engine->run_one(kWorker);
  EXPECT_FALSE(engine->flush({}, nullptr).is_ok());  // about to be lost
  ASSERT_TRUE(engine->drop({view.object}).is_ok());  // restarts
  EXPECT_FALSE(engine->flush({{kTable, lost}}, nullptr).is_ok());
  uint64_t kept = put(*engine, kTable, name_row(2, "two"));
  EXPECT_TRUE(engine->flush({{kTable, kept}}, nullptr).is_ok());
  EXPECT_FALSE(engine->flush({{kTable, lost}, {kTable, kept}}, nullptr).is_ok());
  std::vector<Engine::AcceptedWrite> writes = {{kTable, lost}, {kTable, kept}};
  EXPECT_FALSE(engine->check(writes).is_ok());
  EXPECT_TRUE(writes.empty());
  EXPECT_TRUE(engine->check(writes).is_ok());
  EXPECT_EQ(rows_of(*table.relation, *engine->snapshot()), std::vector<std::string>{"(2,two)"});
}

// What a failed epoch was numbered is numbered again: FLUSH must not wait for it.
TEST(DmlTest, FlushEndsWhenThePipelineRestartsMeanwhile) {
  auto engine = open_engine(1);
  Fragment table = table_fragment();
  ASSERT_TRUE(engine->create(table, {kTable, "t"}, nullptr).is_ok());
  auto script = std::make_shared<Script>();
  Fragment view = scripted_fragment(ObjectId(50), table, script);
  ASSERT_TRUE(engine->create(view, {view.object, "v"}, nullptr).is_ok());
  script->on_take = [&](const ChangeBatch&) { return Status::internal("poison"); };
  for (int64_t i = 0; i < 3; ++i) {
    uint64_t ticket = 0;
    while (ticket == 0) ticket = put(*engine, kTable, name_row(i, "one"));
    EXPECT_FALSE(engine->flush({{kTable, ticket}}, nullptr).is_ok());
  }
}

// Numbers asked for between two pipelines' requests for one commit: the counters are written once
// (the model store checks it), and none is given again.
TEST(DmlTest, IdsAskedForInTwoRequestsOfOneCommitAreNotGivenAgain) {
  auto clock = std::make_shared<data::FakeClock>();
  auto store = state::make_model_store();
  state::Store* behind = store.get();
  auto engine = open_engine(1, clock, std::move(store));
  auto script = std::make_shared<Script>();
  std::vector<Fragment> tables;
  for (uint32_t object : {20, 40}) {
    tables.push_back(table_fragment(ObjectId(object)));
    ASSERT_TRUE(engine->create(tables.back(), {tables.back().object, "t"}, nullptr).is_ok());
    ObjectId view(object + 40);
    ASSERT_TRUE(engine->create(scripted_fragment(view, tables.back(), script), {view, "v"}, nullptr)
                    .is_ok());
  }
  Epoch before = engine->snapshot()->epoch();
  int sealed = 0;
  uint64_t last = 0;
  script->on_seal = [&] {
    ++sealed;
    last = engine->allocate_row_ids(10) + 9;
  };
  for (const Fragment& table : tables) put(*engine, table.object, name_row(1, "one"));
  while (sealed == 0) {
    clock->advance_ms(100);
    engine->run_one(kWorker);  // the coordinator when the worker has nothing to do
  }
  engine->run_one(kCoordinator);  // asks for the first
  while (engine->snapshot()->epoch() == before) engine->run_one(kWorker);
  ASSERT_EQ(sealed, 2);
  ASSERT_EQ(engine->snapshot()->epoch(), before.next());
  std::unique_ptr<state::Store> survived = state::reopen_model_store(*behind);
  engine.reset();
  engine = open_engine(1, clock, std::move(survived));
  EXPECT_GT(engine->allocate_row_ids(1), last);
}

// The worker of two that a value is exchanged to.
uint16_t worker_of(const ChangeBatch& batch, uint32_t column) {
  data::KeyRows keys;
  data::encode_keys(batch, std::vector<uint32_t>{column}, data::KeyMode::kGrouping, keys);
  data::add_hashes(keys);
  return data::worker_of_shard(data::shard_of_hash(keys.hashes[0]), 2);
}

// A lane that is ahead fills a queue with items of the next epoch, and the lane behind has yet to
// put the end of its epoch into that queue from its own side: it must end all the same.
TEST(DmlTest, LanesThatAreAheadDoNotStopTheOneBehind) {
  constexpr uint64_t kAhead = 1;  // run_one's choice: worker 0 steps when nobody else can
  auto clock = std::make_shared<data::FakeClock>();
  auto engine = open_engine(2, clock);
  Fragment first = table_fragment(), second = table_fragment(ObjectId(40));
  ASSERT_TRUE(engine->create(first, {first.object, "a"}, nullptr).is_ok());
  ASSERT_TRUE(engine->create(second, {second.object, "b"}, nullptr).is_ok());
  auto script = std::make_shared<Script>();
  Fragment view = scripted_fragment(ObjectId(50), first, script, &second);
  view.nodes[2].inputs[1].exchange = Exchange{{1}};
  view.nodes[3].inputs[0].exchange.reset();
  ASSERT_TRUE(engine->create(view, {view.object, "v"}, nullptr).is_ok());
  bool sealed = false;
  script->on_seal = [&] { sealed = true; };
  put(*engine, first.object, name_row(0, "first"));
  while (!sealed) {
    clock->advance_ms(10);
    engine->run_one(kAhead);
  }
  // The lane ahead is in the next epoch and passes on rows of its own to the one behind.
  std::string name = "to the lane behind ";
  while (worker_of(name_row(0, name), 1) != 0) name += '.';
  size_t written = 0;
  for (int64_t key = 1; written < 200; ++key) {
    if (worker_of(name_row(key, name), 0) != 1) continue;
    ASSERT_NE(put(*engine, second.object, name_row(key, name)), 0u);
    ++written;
  }
  for (int i = 0; i < 20'000; ++i) {
    if (i % 20 == 0) clock->advance_ms(10);
    engine->run_one(kAhead);
  }
  EXPECT_EQ(rows_of(*second.relation, *engine->snapshot()).size(), written);
  EXPECT_EQ(rows_of(*view.relation, *engine->snapshot()).size(), written + 1);
}

}  // namespace
}  // namespace forebay::runtime
