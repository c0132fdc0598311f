// Objects that come and go while something else happens: cancels, failures.

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <future>
#include <thread>

#include "engine/runtime/worker.h"
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

// A reader whose poll() does not return until it is let go.
class StuckSource final : public connectors::Source {
 public:
  data::Result<std::unique_ptr<connectors::SourceReader>> open(const connectors::Positions&,
                                                               const data::Clock&) const override {
    class Reader final : public connectors::SourceReader {
     public:
      explicit Reader(const StuckSource* source) : source_(source) {}
      data::Result<connectors::PollOutcome> poll(connectors::RawBatch&, int64_t&) override {
        source_->polling_ = true;
        source_->polling_.notify_all();
        source_->stuck_.wait(true);
        return connectors::PollOutcome::kNothing;
      }
      connectors::Positions ends() const override { return {}; }

     private:
      const StuckSource* source_;
    };
    return std::unique_ptr<connectors::SourceReader>(std::make_unique<Reader>(this));
  }
  data::Result<std::unique_ptr<connectors::SourceReader>> open_until(
      const connectors::Positions& positions, const connectors::Positions&,
      const data::Clock& clock) const override {
    return open(positions, clock);
  }
  std::unique_ptr<connectors::Decoder> make_decoder(
      const connectors::DecodeRequest&) const override {
    return std::make_unique<FakeDecoder>();
  }
  bool is_bounded() const override { return false; }
  void wait_for_poll() const { polling_.wait(false); }
  void let_go() const {
    stuck_ = false;
    stuck_.notify_all();
  }

 private:
  mutable std::atomic<bool> polling_{false}, stuck_{true};
};

TEST(DdlTest, ConnectorThatPollsForLongHoldsNobodyUp) {
  auto engine = open_engine(1);
  auto source = std::make_shared<StuckSource>();
  operators::MaterializeParameters rows{.types = {kBigintType, kBigintType},
                                        .key_columns = {0},
                                        .has_key = true,
                                        .rows = TableId(60)};
  Fragment view{kView, "view", {}, operators::stored_materialize(rows)};
  view.nodes.push_back({SourceInput{ObjectId(19), "stuck", source, {}}, {}, rows.types});
  view.nodes.push_back(node(operators::make_materialize(rows), {{0, Exchange{{0}}}}));
  ASSERT_TRUE(engine->create(view, {kView, "v"}, nullptr).is_ok());
  source->wait_for_poll();
  // Would wait for the poll, which waits for it, had the pump its lock while polling.
  std::future<Status> dropped =
      std::async(std::launch::async, [&] { return engine->drop({kView}); });
  bool in_time = dropped.wait_for(std::chrono::seconds(20)) == std::future_status::ready;
  source->let_go();
  EXPECT_TRUE(in_time);
  EXPECT_TRUE(dropped.get().is_ok());
}

// True when a thread of this process waits for something.
bool is_asleep(pid_t thread) {
  std::ifstream file(fmt::format("/proc/self/task/{}/stat", thread));
  std::string text{std::istreambuf_iterator<char>(file), {}};
  size_t name_end = text.rfind(')');
  return name_end != std::string::npos && text.substr(name_end, 3) == ") S";
}

// A worker that comes back for its next step at once lets DDL, which waits already, go first.
TEST(DdlTest, BusyWorkerLetsDdlGoFirst) {
  Worker worker(0);
  for (int round = 0; round < 20; ++round) {
    auto step = worker.lock();  // as run_once does
    std::atomic<pid_t> asking{0};
    std::atomic<bool> went_first{false};
    std::jthread ddl([&] {
      asking = gettid();
      auto lock = worker.lock();
      went_first = true;
    });
    while (asking == 0 || !is_asleep(asking)) std::this_thread::yield();
    step.unlock();
    step = worker.lock();
    EXPECT_TRUE(went_first) << "round " << round;
    step.unlock();
  }
}

}  // namespace
}  // namespace forebay::runtime
