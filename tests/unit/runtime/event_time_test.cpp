// Watermarks in the whole engine, on one thread with a fake clock: several partitions, workers,
// crashes, silence, the far future.

#include "engine/data/datetime.h"
#include "engine/runtime/meta_records.h"
#include "tests/unit/runtime/crash_test.h"
#include "tests/unit/runtime/fake_partitions.h"

namespace forebay::runtime {
namespace {

using testing::kBigintType;

constexpr WatermarkId kLeaf{ObjectId(20), 0};

/// What operators were told, by worker: W(e-1) and W(e) of each epoch.
struct Told {
  struct Epoch {
    int64_t previous, current;
  };
  std::map<uint16_t, std::vector<Epoch>> by_worker;
  /// Rows before W(e-1).
  uint64_t late = 0;
};

/// Passes rows on; counts those that are late, and notes the watermarks.
class ProbeSpec final : public operators::OperatorSpec {
 public:
  ProbeSpec(std::vector<Type> types, std::shared_ptr<Told> told)
      : types_(std::move(types)), told_(std::move(told)) {}
  std::string_view name() const override { return "probe"; }
  std::string describe() const override { return {}; }
  const std::vector<Type>& output_types() const override { return types_; }
  std::unique_ptr<operators::Operator> instantiate(
      const operators::OperatorContext& context) const override {
    return std::make_unique<Probe>(context, told_);
  }

 private:
  class Probe final : public operators::Operator {
   public:
    Probe(const operators::OperatorContext& context, std::shared_ptr<Told> told)
        : context_(context), told_(std::move(told)) {}
    Result<operators::Progress> take(uint32_t, ChangeBatch batch,
                                     operators::Output& output) override {
      const int64_t previous = context_.watermarks->previous(kLeaf);
      batch.for_each([&](uint32_t row) {
        if (batch.column(1).at<int64_t>(row) >= previous) return;
        ++told_->late;
        output.late(1);
      });
      output.emit(std::move(batch));
      return operators::Progress::kDone;
    }
    Result<operators::Progress> end_epoch(operators::Output&) override {
      told_->by_worker[context_.worker].push_back(
          {context_.watermarks->previous(kLeaf), context_.watermarks->current(kLeaf)});
      return operators::Progress::kDone;
    }

   private:
    const operators::OperatorContext context_;
    const std::shared_ptr<Told> told_;
  };

  const std::vector<Type> types_;
  const std::shared_ptr<Told> told_;
};

/// SELECT k, v FROM log, WATERMARK FOR v AS v, through a probe.
Fragment probe_fragment(const std::shared_ptr<const connectors::Source>& source,
                        const std::shared_ptr<Told>& told, const LeafWatermark& watermark,
                        ObjectId object = kLeaf.object) {
  operators::MaterializeParameters rows{.types = {kBigintType, kBigintType},
                                        .key_columns = {0},
                                        .has_key = true,
                                        .rows = TableId(object.value + 30)};
  Fragment fragment{object, "view", {}, operators::stored_materialize(rows)};
  SourceInput input{ObjectId(19), "log", source, {}};
  for (const char* name : {"k", "v", "w"})
    input.decode.schema.push_back({name, kBigintType, false});
  input.decode.projection = {0, 1};
  input.watermark = watermark;
  fragment.nodes.push_back({input, {}, rows.types});
  auto add = [&](operators::SpecRef spec, uint32_t from) {
    std::vector<Type> types = spec->output_types();
    fragment.nodes.push_back({std::move(spec), {{from, Exchange{{0}}}}, std::move(types)});
  };
  add(std::make_shared<ProbeSpec>(rows.types, told), 0);
  add(operators::make_materialize(rows), 1);
  return fragment;
}

class EventTimeTest : public testing::CrashTest {
 protected:
  EventTimeTest() { watermark_.value = expr::column(1, kBigintType); }

  void add(size_t partition, std::vector<int64_t> times) {
    while (log_->records.size() <= partition) {
      log_->records.emplace_back();
      log_->visible.push_back(0);
    }
    for (int64_t time : times) log_->records[partition].push_back({{next_key_++, time, 0}});
    log_->visible[partition] = log_->records[partition].size();
  }

  std::vector<Fragment> fragments() override {
    return {probe_fragment(source_, told_, watermark_)};
  }

  /// Lets `ms` pass in short steps, with all that is to be done.
  void pass(int64_t ms) {
    for (int64_t passed = 0; passed < ms; passed += 100) {
      for (uint64_t step = 0; step < 400; ++step) engine_->run_one(random_());
      clock_->advance_ms(100);
    }
    for (uint64_t step = 0; step < 400; ++step) engine_->run_one(random_());
  }
  int64_t watermark() const {
    for (const WatermarkFigures& one : engine_->figures().watermarks) {
      if (!one.partition) return one.watermark;
    }
    return kNoWatermark;
  }
  WatermarkFigures partition(size_t number) const {
    for (const WatermarkFigures& one : engine_->figures().watermarks) {
      if (one.partition == testing::partition_name(number)) return one;
    }
    ADD_FAILURE() << "no partition " << number;
    return {};
  }
  uint64_t late() const { return engine_->figures().objects.front().late; }

  std::shared_ptr<testing::Partitions> log_ = std::make_shared<testing::Partitions>(1);
  std::shared_ptr<const connectors::Source> source_ =
      std::make_shared<testing::PartitionsSource>(log_);
  std::shared_ptr<Told> told_ = std::make_shared<Told>();
  LeafWatermark watermark_;
  int64_t next_key_ = 0;
};

TEST_F(EventTimeTest, TheFirstEpochJudgesNothingAndPartitionsAreWaitedFor) {
  add(0, {10, 20, 30});
  add(1, {5, 15});
  open(3);
  pass(2000);
  EXPECT_EQ(watermark(), 15);
  EXPECT_EQ(partition(0).watermark, 30);
  EXPECT_FALSE(partition(0).holds_back_since.has_value());
  EXPECT_TRUE(partition(1).holds_back_since.has_value());
  for (const auto& [worker, epochs] : told_->by_worker) {
    EXPECT_EQ(epochs.front().previous, kNoWatermark);
    EXPECT_EQ(epochs.back().current, 15);
  }
}

TEST_F(EventTimeTest, LateRowsAreCountedOverRestarts) {
  add(0, {100});
  open(1);
  pass(1000);
  add(0, {99, 100, 7});
  pass(1000);
  EXPECT_EQ(late(), 2u);
  crash(3);
  EXPECT_EQ(late(), 2u);
  add(0, {1});
  pass(1000);
  EXPECT_EQ(late(), 3u);
  EXPECT_EQ(watermark(), 100);
}

TEST_F(EventTimeTest, AnIdlePartitionIsLeftOutWithoutInput) {
  watermark_.idle_timeout_ms = 10'000;
  add(0, {100});
  add(1, {50});
  open(3);
  pass(9000);
  EXPECT_EQ(watermark(), 50);
  pass(3000);  // all are idle: the largest
  EXPECT_EQ(watermark(), 100);
  EXPECT_TRUE(partition(1).is_idle);
  crash(1);
  EXPECT_EQ(watermark(), 100);
  // One that comes back behind counts, and holds back.
  add(0, {300});
  add(1, {60});
  pass(1000);
  EXPECT_EQ(watermark(), 100);
  EXPECT_FALSE(partition(1).is_idle);
  add(1, {200});
  pass(1000);
  EXPECT_EQ(watermark(), 200);
}

// FLINK-34252: what gives records now and then is never idle.
TEST_F(EventTimeTest, ASlowButSteadyPartitionIsNotIdle) {
  watermark_.idle_timeout_ms = 10'000;
  add(0, {0});
  add(1, {0});
  open(1);
  for (int64_t i = 1; i <= 6; ++i) {
    add(0, {1000 * i});
    if (i % 2 == 0) add(1, {10 * i});
    pass(4000);
    EXPECT_EQ(watermark(), 10 * (i - i % 2)) << i;
  }
  EXPECT_EQ(late(), 0u);
}

TEST_F(EventTimeTest, WithoutATimeoutNothingIsLeftOut) {
  add(0, {100});
  add(1, {50});
  open(1);
  pass(60'000);
  EXPECT_EQ(watermark(), 50);
}

TEST_F(EventTimeTest, TheFarFutureDoesNotCountAndIsShown) {
  watermark_.max_future_ms = 3'600'000;
  const int64_t now = data::timestamp_from_unix_nanos(clock_->unix_nanos());
  constexpr int64_t kHour = 3'600'000'000;
  add(0, {now, now + 2 * kHour, INT64_MAX, now - 7, now + kHour - 1});
  open(1);
  pass(1000);
  EXPECT_EQ(watermark(), now + kHour - 1);
  EXPECT_EQ(partition(0).far_future, 2u);
  crash(1);
  EXPECT_EQ(partition(0).far_future, 2u);
  add(0, {now + 2 * kHour + 1'000'000'000'000});
  pass(1000);
  EXPECT_EQ(watermark(), now + kHour - 1);
  EXPECT_EQ(partition(0).far_future, 3u);
}

// Whatever the workers, the batches, the crashes: W never goes back, all workers are told the same,
// each epoch goes on from the one before, and in the end W is the least of the partitions' largest.
TEST_F(EventTimeTest, NeverGoesBackOverCrashes) {
  random_.seed(test_seed());
  std::vector<std::vector<int64_t>> times(3);
  add(2, {});  // three partitions, empty
  int64_t committed = kNoWatermark;
  open(1);
  for (int round = 0; round < 60; ++round) {
    const size_t to = random_() % 3;
    std::vector<int64_t> more;
    for (uint64_t i = 0; i < 1 + random_() % 20; ++i) {
      more.push_back(round * 100 + static_cast<int64_t>(random_() % 300));
    }
    times[to].insert(times[to].end(), more.begin(), more.end());
    add(to, more);
    for (uint64_t step = random_() % 60; step > 0; --step) {
      if (!engine_->run_one(random_())) clock_->advance_ms(5);
    }
    EXPECT_GE(watermark(), committed);
    committed = watermark();
    if (random_() % 5 == 0) {
      crash(static_cast<uint16_t>(1 + random_() % 3));
      EXPECT_EQ(watermark(), committed);
      told_->by_worker.clear();
    }
    for (const auto& [worker, epochs] : told_->by_worker) {
      for (size_t i = 1; i < epochs.size(); ++i) {
        EXPECT_EQ(epochs[i].previous, epochs[i - 1].current);
        EXPECT_GE(epochs[i].current, epochs[i].previous);
      }
      const auto& first = told_->by_worker.begin()->second;
      for (size_t i = 0; i < std::min(epochs.size(), first.size()); ++i) {
        EXPECT_EQ(epochs[i].current, first[i].current);
      }
    }
    if (HasFailure()) return;
  }
  pass(2000);
  int64_t expected = kEndOfTime;
  for (const auto& of_one : times) {
    if (of_one.empty()) continue;
    expected = std::min(expected, *std::max_element(of_one.begin(), of_one.end()));
  }
  EXPECT_EQ(watermark(), std::max(expected, committed));
}

// A pipeline that restarts within a running server counts its epochs on from the last commit; what
// its trackers are told has to have the same numbers.
TEST_F(EventTimeTest, AFailureMovesNoWatermark) {
  for (const uint16_t workers : {1, 3}) {
    *log_ = testing::Partitions(1);
    *told_ = Told();
    add(0, {100});
    open(workers);
    for (int64_t time : {200, 300, 50}) {
      pass(1000);
      add(0, {time});
    }
    pass(1000);
    ASSERT_EQ(watermark(), 300);
    ASSERT_EQ(late(), 1u);
    told_->by_worker.clear();
    log_->fails_after = 1;
    add(0, {250, 400});
    pass(30'000);
    ASSERT_EQ(log_->fails_after, 0u);
    EXPECT_EQ(watermark(), 400);
    EXPECT_EQ(late(), 2u);
    ASSERT_EQ(told_->by_worker.size(), workers);
    for (const auto& [worker, epochs] : told_->by_worker) {
      EXPECT_EQ(epochs.front().previous, 300);
      EXPECT_EQ(epochs.back().current, 400);
    }
    add(0, {399, 500});
    pass(1000);
    EXPECT_EQ(watermark(), 500);
    EXPECT_EQ(late(), 3u);
  }
}

TEST_F(EventTimeTest, ADroppedObjectLeavesNothing) {
  add(0, {100});
  open(1);
  pass(1000);
  add(0, {1});
  pass(1000);
  ASSERT_EQ(late(), 1u);
  ASSERT_TRUE(engine_->drop({kLeaf.object}).is_ok());
  auto left = read_watermark(*engine_->snapshot(), kLeaf);
  ASSERT_TRUE(left.is_ok());
  EXPECT_EQ(left->watermark, kNoWatermark);
  EXPECT_TRUE(left->partitions.empty());
  EXPECT_EQ(read_late(*engine_->snapshot(), kLeaf.object).value(), 0u);
}

}  // namespace
}  // namespace forebay::runtime
