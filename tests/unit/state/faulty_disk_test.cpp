// Disks that are full and disks that fail, under the store.

#include "tests/unit/state/faulty_disk.h"

#include <gtest/gtest.h>

#include "tests/unit/state/epoch_script.h"

namespace forebay::state {
namespace {

using namespace testing;
using Fault = FaultyDisk::Fault;

constexpr uint64_t kBatches = UINT64_MAX, kFiles = 0, kBoth = 100;

/// A store of the script's epochs on a disk that fails.
class Shaken {
 public:
  Shaken(uint64_t seed, uint64_t ingest_least_changes) : seed_(seed) {
    options_.memtable_bytes = 1 << 20;
    options_.block_cache_bytes = 8 << 20;
    options_.ingest_least_changes = ingest_least_changes;
    options_.env = env_.get();
    open();
  }
  void open() {
    store_.reset();
    auto opened = open_rocks_store(directory_.path(), options_);
    ASSERT_TRUE(opened.is_ok()) << opened.error().message;
    store_ = std::move(opened).value();
  }
  uint64_t last() const { return store_->last_committed().value; }
  Status commit() { return store_->commit(Epoch(last() + 1), runs_of(seed_, last() + 1), {}); }
  void commit_some(int epochs) {
    for (int i = 0; i < epochs; ++i) ASSERT_TRUE(commit().is_ok());
  }
  /// Commits until one fails; its error.
  data::Error commit_until_it_fails() {
    for (int i = 0; i < 1000; ++i) {
      if (Status status = commit(); !status.is_ok()) return status.error();
    }
    ADD_FAILURE() << "no commit failed";
    return {};
  }
  void expect_whole() const { expect_state_after(*store_->snapshot(), seed_, last()); }
  FaultyDisk& disk() { return *disk_; }
  Store& store() { return *store_; }

 private:
  const uint64_t seed_;
  // In memory where there is such a place: nothing here needs a disk that is slow.
  TemporaryDirectory directory_{std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : ""};
  std::shared_ptr<FaultyDisk> disk_ = std::make_shared<FaultyDisk>();
  std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(disk_);
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

class FaultyDiskTest : public ::testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Modes, FaultyDiskTest, ::testing::Values(kBatches, kFiles, kBoth));

TEST_P(FaultyDiskTest, AFullDiskIsSurvivedWithoutReopening) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (int round = 0; round < 5; ++round) {
    Shaken shaken(seed, GetParam());
    shaken.commit_some(5);
    shaken.disk().set(Fault::kNoSpace, static_cast<int64_t>(random.below(60)));
    EXPECT_EQ(shaken.commit_until_it_fails().sqlstate, data::sqlstate::kDiskFull);
    const uint64_t before = shaken.last();
    EXPECT_EQ(shaken.commit().error().sqlstate, data::sqlstate::kDiskFull);
    shaken.expect_whole();
    // A reader holds the directory open: it reads on, and nothing changes for it.
    auto reader = shaken.store().snapshot();
    Status resumed = shaken.store().resume();
    EXPECT_EQ(resumed.error().sqlstate, data::sqlstate::kDiskFull) << resumed.error().message;
    expect_state_after(*reader, seed, before);
    reader.reset();
    // Without it the directory is closed, and can't be opened again yet.
    EXPECT_EQ(shaken.store().resume().error().sqlstate, data::sqlstate::kDiskFull);
    EXPECT_EQ(shaken.last(), before);
    auto read = shaken.store().snapshot()->get(Family::kHot, "key");
    EXPECT_TRUE(read.is_ok() || read.error().sqlstate == data::sqlstate::kDiskFull);

    shaken.disk().set(Fault::kNone);
    Status status = shaken.store().resume();
    ASSERT_TRUE(status.is_ok()) << status.error().message;
    // The refused epoch is there when its record was synced before another file had no space: all
    // of it or nothing.
    const uint64_t after = shaken.last();
    EXPECT_TRUE(after == before || after == before + 1) << before << " -> " << after;
    shaken.expect_whole();
    shaken.commit_some(10);
    shaken.open();
    EXPECT_EQ(shaken.last(), after + 10);
    shaken.expect_whole();
  }
}

TEST_P(FaultyDiskTest, WhatWasRefusedDoesNotComeAfterAllWhenTheStoreIsClosed) {
  constexpr uint64_t kSeed = 5;
  for (int64_t good = 0; good < 3; ++good) {
    for (Fault fault : {Fault::kNoSpace, Fault::kWrite}) {
      Shaken shaken(kSeed, GetParam());
      shaken.commit_some(5);
      shaken.disk().set(fault, good);
      (void)shaken.commit_until_it_fails();
      const uint64_t before = shaken.last();
      shaken.disk().set(Fault::kNone);
      shaken.open();
      EXPECT_EQ(shaken.last(), before);
      shaken.expect_whole();
      shaken.commit_some(3);
    }
  }
}

TEST_P(FaultyDiskTest, AWriteOrSyncThatFailsEndsCommitsAndIsNeverRepeated) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  for (Fault fault : {Fault::kWrite, Fault::kSync}) {
    for (int64_t good = 0; good < 12; good += 1 + good / 4) {
      Shaken shaken(seed, GetParam());
      shaken.commit_some(5);
      shaken.disk().set(fault, good);
      EXPECT_EQ(shaken.commit_until_it_fails().sqlstate, data::sqlstate::kIoError);
      const uint64_t before = shaken.last();
      EXPECT_EQ(shaken.commit().error().sqlstate, data::sqlstate::kIoError);
      EXPECT_EQ(shaken.store().resume().error().sqlstate, data::sqlstate::kIoError);
      shaken.expect_whole();
      shaken.disk().set(Fault::kNone);
      EXPECT_FALSE(shaken.commit().is_ok());
      EXPECT_EQ(shaken.disk().repeated_syncs(), 0);
      shaken.open();
      EXPECT_EQ(shaken.last(), before);
      shaken.expect_whole();
      shaken.commit_some(5);
      shaken.open();
      shaken.expect_whole();
    }
  }
}

TEST(FaultyDiskReads, AReadThatFailsIsAnErrorAndNoAnswer) {
  constexpr uint64_t kSeed = 7;
  Shaken shaken(kSeed, kFiles);
  shaken.commit_some(10);
  shaken.open();  // nothing is cached
  auto snapshot = shaken.store().snapshot();
  shaken.disk().set(Fault::kRead);
  auto cursor = snapshot->scan(Family::kHot, {}, {});
  while (cursor->valid()) cursor->next();
  ASSERT_FALSE(cursor->status().is_ok());
  EXPECT_EQ(cursor->status().error().sqlstate, data::sqlstate::kIoError);
  const std::string key = store_key_prefix(0, TableId(1)) + key_of(1);
  std::vector<std::optional<std::string>> values;
  EXPECT_EQ(snapshot->multi_get(Family::kHot, std::vector<std::string_view>{key}, values)
                .error()
                .sqlstate,
            data::sqlstate::kIoError);
  EXPECT_EQ(snapshot->get(Family::kHot, key).error().sqlstate, data::sqlstate::kIoError);
  shaken.disk().set(Fault::kNone);
  shaken.expect_whole();
}

}  // namespace
}  // namespace forebay::state
