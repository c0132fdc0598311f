// One leaf's watermark by itself: partitions, idleness, epochs that overlap, what is stored.

#include "engine/runtime/watermark_tracker.h"

#include <gtest/gtest.h>

#include "engine/runtime/meta_records.h"
#include "state/store.h"

namespace forebay::runtime {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
const WatermarkId kId{data::ObjectId(7), 3};

SourceQueue::Partition reading(const char* name) { return {name, false, 0}; }
SourceQueue::Partition read(const char* name, int64_t quiet_ns = 0) {
  return {name, true, quiet_ns};
}

class TrackerTest : public ::testing::Test {
 protected:
  void make(std::optional<int64_t> idle_timeout_ms, StoredWatermark stored = {}) {
    LeafWatermark spec;
    spec.idle_timeout_ms = idle_timeout_ms;
    tracker_ = std::make_unique<WatermarkTracker>(kId, spec, std::move(stored));
  }
  /// One epoch from its naming to its commit, on one lane.
  int64_t end(uint64_t epoch, WatermarkTracker::Input input, int64_t now_us = 0) {
    tracker_->name_end(epoch, 1, input, now_us);
    tracker_->end(epoch);
    const int64_t at = tracker_->at(epoch);
    state::SealedRun run;
    tracker_->write(epoch, run);
    written_ = run.count();
    tracker_->committed(epoch);
    return at;
  }

  std::unique_ptr<WatermarkTracker> tracker_;
  size_t written_ = 0;
};

TEST_F(TrackerTest, IsTheLeastOfThePartitions) {
  make(std::nullopt);
  tracker_->observe(1, "a", {100});
  tracker_->observe(1, "b", {50});
  tracker_->observe(1, "b", {70});
  EXPECT_EQ(end(1, {{reading("a"), reading("b")}}), 70);
  tracker_->observe(2, "b", {200});
  EXPECT_EQ(end(2, {{reading("a"), reading("b")}}), 100);
  EXPECT_EQ(tracker_->at(1), 70);
}

TEST_F(TrackerTest, NeverGoesBack) {
  make(std::nullopt);
  tracker_->observe(1, "a", {100});
  EXPECT_EQ(end(1, {{reading("a")}}), 100);
  tracker_->observe(2, "a", {10});
  tracker_->observe(2, "b", {20});  // a new partition that is behind
  EXPECT_EQ(end(2, {{reading("a"), reading("b")}}), 100);
}

TEST_F(TrackerTest, APartitionWithUnreadRecordsHoldsItBack) {
  make(std::nullopt);
  tracker_->observe(1, "a", {100});
  EXPECT_EQ(end(1, {{reading("a"), reading("b")}}), kNoWatermark);
  // b turns out to be empty.
  EXPECT_EQ(end(2, {{reading("a"), read("b")}}), 100);
}

TEST_F(TrackerTest, WhatIsAheadCountsForTheNextEpochOnly) {
  make(std::nullopt);
  tracker_->observe(1, "", {100});
  tracker_->name_end(1, 2, {}, 0);
  tracker_->observe(2, "", {500});  // a lane that is in the next epoch
  tracker_->observe(1, "", {120});  // one that is not
  tracker_->end(1);
  tracker_->end(1);
  EXPECT_EQ(tracker_->at(1), 120);
  EXPECT_EQ(tracker_->at(0), kNoWatermark);
}

TEST_F(TrackerTest, WithoutTimeoutAPartitionThatWasReadHoldsOn) {
  make(std::nullopt);
  tracker_->observe(1, "a", {100});
  tracker_->observe(1, "b", {50});
  EXPECT_EQ(end(1, {{read("a", 3600 * kSecond), read("b", 3600 * kSecond)}}), 50);
  EXPECT_EQ(tracker_->due_ns({{read("a", 3600 * kSecond), read("b", 3600 * kSecond)}}),
            std::nullopt);
}

TEST_F(TrackerTest, AnIdlePartitionStopsHoldingBackAndCountsAgain) {
  make(10'000);
  tracker_->observe(1, "a", {100});
  tracker_->observe(1, "b", {50});
  EXPECT_EQ(end(1, {{read("a"), read("b")}}), 50);
  EXPECT_EQ(tracker_->due_ns({{read("a", kSecond), read("b", 4 * kSecond)}}), 6 * kSecond);
  const WatermarkTracker::Input idle{{read("a", 7 * kSecond), read("b", 10 * kSecond)}};
  EXPECT_EQ(tracker_->due_ns(idle), 0);
  EXPECT_EQ(end(2, idle), 100);
  EXPECT_TRUE(tracker_->partitions()[1].is_idle);
  // It comes back, behind: it counts, and nothing goes back.
  tracker_->observe(3, "a", {300});
  tracker_->observe(3, "b", {60});
  EXPECT_EQ(end(3, {{read("a"), read("b")}}), 100);
  tracker_->observe(4, "b", {200});
  EXPECT_EQ(end(4, {{read("a"), read("b")}}), 200);
}

TEST_F(TrackerTest, ALaggingPartitionIsNeverIdle) {
  make(10'000);
  tracker_->observe(1, "a", {100});
  tracker_->observe(1, "b", {50});
  EXPECT_EQ(end(1, {{read("a", kSecond), {"b", false, 3600 * kSecond}}}), 50);
}

TEST_F(TrackerTest, WhatAnEpochBringsCountsEvenIfItSeemedIdle) {
  make(10'000);
  tracker_->observe(1, "a", {100});
  tracker_->observe(1, "b", {50});
  EXPECT_EQ(end(1, {{read("a"), read("b")}}), 50);
  tracker_->observe(2, "a", {300});
  tracker_->name_end(2, 1, {{read("a"), read("b", 60 * kSecond)}}, 0);
  tracker_->observe(2, "b", {70});  // was being decoded
  tracker_->end(2);
  EXPECT_EQ(tracker_->at(2), 70);
}

TEST_F(TrackerTest, WhenAllAreIdleTheLargestCounts) {
  make(10'000);
  tracker_->observe(1, "a", {100});
  tracker_->observe(1, "b", {50});
  EXPECT_EQ(end(1, {{read("a"), read("b")}}), 50);
  EXPECT_EQ(end(2, {{read("a", 20 * kSecond), read("b", 20 * kSecond)}}), 100);
}

TEST_F(TrackerTest, AFinishedSourceEndsTime) {
  make(0);
  tracker_->observe(1, "a", {100});
  EXPECT_EQ(end(1, {{read("a")}}), 100);
  EXPECT_EQ(tracker_->due_ns({{read("a")}, true}), 0);
  EXPECT_EQ(end(2, {{read("a")}, true}), kEndOfTime);
  EXPECT_EQ(tracker_->due_ns({{read("a")}, true}), std::nullopt);
}

TEST_F(TrackerTest, RestsInAFill) {
  make(std::nullopt);
  tracker_->observe(1, "", {100});
  EXPECT_EQ(end(1, {}), 100);
  tracker_->name_rest(2);
  EXPECT_EQ(tracker_->at(2), 100);
  tracker_->observe(3, "", {200});
  EXPECT_EQ(end(3, {}), 200);
  tracker_->renumber(20);  // its pipeline became part of another
  EXPECT_EQ(tracker_->at(19), 200);
  tracker_->observe(20, "", {300});
  EXPECT_EQ(end(20, {}), 300);
}

TEST_F(TrackerTest, AFillThatFailedLeavesNothing) {
  make(std::nullopt);
  tracker_->observe(1, "", {100});
  EXPECT_EQ(end(1, {}), 100);
  tracker_->name_rest(2);
  EXPECT_EQ(tracker_->at(2), 100);
  tracker_->renumber(2);
  tracker_->observe(2, "", {150});
  EXPECT_EQ(end(2, {}), 150);
}

TEST_F(TrackerTest, IsStoredAndReadBack) {
  auto store = state::make_model_store();
  make(std::nullopt);
  tracker_->observe(1, "a", {-100, 2});
  tracker_->observe(1, "b", {50});
  tracker_->name_end(1, 1, {{reading("a"), reading("b")}}, 0);
  tracker_->end(1);
  std::vector<state::SealedRun> runs(1);
  tracker_->write(1, runs[0]);
  ASSERT_TRUE(store->commit(data::Epoch(1), std::move(runs), {}).is_ok());
  auto stored = read_watermark(*store->snapshot(), kId);
  ASSERT_TRUE(stored.is_ok());
  EXPECT_EQ(stored->watermark, -100);
  ASSERT_EQ(stored->partitions.size(), 2u);
  EXPECT_EQ(stored->partitions["a"].most, -100);
  EXPECT_EQ(stored->partitions["a"].far_future, 2u);
  EXPECT_EQ(stored->partitions["b"].most, 50);
  EXPECT_TRUE(read_watermark(*store->snapshot(), {kId.object, 2})->partitions.empty());

  // Goes on where it was, under other epoch numbers; what did not change is not written again.
  make(std::nullopt, std::move(*stored));
  EXPECT_EQ(tracker_->at(0), -100);
  EXPECT_EQ(end(1, {{reading("a"), reading("b")}}), -100);
  EXPECT_EQ(written_, 0u);
  tracker_->observe(2, "a", {70});
  EXPECT_EQ(end(2, {{reading("a"), reading("b")}}), 50);
  EXPECT_EQ(written_, 2u);
  std::vector<state::SealedRun> removal(1);
  tracker_->remove(removal[0]);
  ASSERT_TRUE(store->commit(data::Epoch(2), std::move(removal), {}).is_ok());
  stored = read_watermark(*store->snapshot(), kId);
  ASSERT_TRUE(stored.is_ok());
  EXPECT_EQ(stored->watermark, kNoWatermark);
  EXPECT_TRUE(stored->partitions.empty());
}

TEST_F(TrackerTest, NamesWhoHoldsItBackAndSinceWhen) {
  make(10'000);
  tracker_->observe(1, "a", {100});
  tracker_->observe(1, "b", {50});
  end(1, {{reading("a"), reading("b")}}, 1000);
  tracker_->observe(2, "a", {200});
  end(2, {{reading("a"), reading("b")}}, 2000);
  auto shown = tracker_->partitions();
  ASSERT_EQ(shown.size(), 2u);
  EXPECT_EQ(shown[0].holds_back_since, std::nullopt);
  EXPECT_EQ(shown[1].holds_back_since, 1000);
  EXPECT_EQ(shown[1].most, 50);
  EXPECT_EQ(tracker_->watermark(), 50);
  tracker_->observe(3, "b", {300});
  end(3, {{reading("a"), reading("b")}}, 3000);
  shown = tracker_->partitions();
  EXPECT_EQ(shown[0].holds_back_since, 3000);
  EXPECT_EQ(shown[1].holds_back_since, std::nullopt);
}

}  // namespace
}  // namespace forebay::runtime
