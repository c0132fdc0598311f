// Objects that come and go while something else happens: cancels, failures.

#include <atomic>
#include <thread>

#include "tests/unit/runtime/circuits.h"

namespace forebay::runtime {
namespace {

using namespace testing;

// A canceled CREATE leaves nothing, or it was not canceled: also when the cancel comes while its
// lanes seal and the coordinator gathers what they sealed.
TEST(DdlTest, CreateCanceledWhileItsLanesSealIsThereOrNot) {
  std::mt19937_64 random(test_seed());
  auto engine = open_engine(2);
  Fragment table = table_fragment();
  ASSERT_TRUE(engine->create(table, {kTable, "t"}, nullptr).is_ok());
  ASSERT_TRUE(engine->wait(kTable, put(*engine, kTable, name_row(1, "one")), nullptr).is_ok());
  CancelToken cancel;
  auto script = std::make_shared<Script>();
  // The cancel comes while a lane seals; noise on another table lets the creator look for it often.
  std::atomic<uint64_t> spins{0};
  script->on_seal = [&] {
    cancel.canceled = true;
    for (uint64_t i = 0, n = spins; i < n; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
  };
  Fragment other = table_fragment(ObjectId(40));
  ASSERT_TRUE(engine->create(other, {other.object, "noise"}, nullptr).is_ok());
  std::jthread noise([&](std::stop_token stop) {
    while (!stop.stop_requested()) (void)engine->enter_gate(other.object, nullptr);
  });
  int canceled = 0;
  for (uint32_t round = 0; round < 400; ++round) {
    spins = random() % 200'000;
    cancel.canceled = false;
    ObjectId id(1000 + round);
    Status status = engine->create(scripted_fragment(id, table, script), {id, "v"}, &cancel);
    canceled += !status.is_ok();
    if (!status.is_ok()) {
      ASSERT_EQ(status.error().sqlstate, data::sqlstate::kQueryCanceled) << status.error().message;
    }
    ASSERT_EQ(has_record(*engine, id), status.is_ok()) << "round " << round;
    if (status.is_ok()) {
      ASSERT_TRUE(engine->drop({id}).is_ok());
    }
    uint64_t ticket = put(*engine, kTable, name_row(round + 2, "more"));
    ASSERT_TRUE(engine->wait(kTable, ticket, nullptr).is_ok());
    ASSERT_FALSE(has_record(*engine, id)) << "round " << round;
  }
  EXPECT_GT(canceled, 0);
}

TEST(DdlTest, ObjectOfAFailingPipelineCanBeDropped) {
  auto clock = std::make_shared<data::FakeClock>();
  auto engine = open_engine(2, clock);
  Fragment table = table_fragment();
  ASSERT_TRUE(engine->create(table, {kTable, "t"}, nullptr).is_ok());
  auto script = std::make_shared<Script>();
  script->on_take = [](const ChangeBatch&) { return Status::internal("poison"); };
  Fragment failing = scripted_fragment(ObjectId(50), table, script);
  ASSERT_TRUE(engine->create(failing, {failing.object, "v"}, nullptr).is_ok());
  uint64_t ticket = put(*engine, kTable, name_row(1, "one"));
  Status lost = engine->wait(kTable, ticket, nullptr);
  ASSERT_FALSE(lost.is_ok());
  Status dropped = engine->drop({failing.object});
  ASSERT_TRUE(dropped.is_ok()) << dropped.error().message;
  EXPECT_FALSE(has_record(*engine, failing.object));
  // The table works at once, and what was lost is lost.
  ticket = put(*engine, kTable, name_row(2, "two"));
  ASSERT_TRUE(engine->wait(kTable, ticket, nullptr).is_ok());
  EXPECT_EQ(rows_of(*table.relation, *engine->snapshot()), std::vector<std::string>{"(2,two)"});
}

}  // namespace
}  // namespace forebay::runtime
