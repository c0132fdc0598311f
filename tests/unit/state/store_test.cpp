#include <gtest/gtest.h>
#include <sys/mount.h>

#include <fstream>
#include <set>

#include "state/failpoint.h"
#include "state/rocks_support.h"
#include "tests/support/seed.h"
#include "tests/unit/state/epoch_script.h"

namespace forebay::state {
namespace {

using namespace testing;

std::string key_in(TableId table, std::string_view rest, uint16_t shard = 3) {
  return store_key_prefix(shard, table) + std::string(rest);
}

class StoreTest : public ::testing::TestWithParam<Kind> {
 protected:
  void TearDown() override { set_failpoints(""); }
  Harness harness_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Stores, StoreTest,
                         ::testing::Values(Kind::kModel, Kind::kRocksBatch, Kind::kRocksIngest,
                                           Kind::kRocksMixed));

TEST_P(StoreTest, HoldsWhatWasCommittedInEveryModeAndAfterReopening) {
  uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  EXPECT_EQ(harness_.store().last_committed(), Epoch(0));
  for (uint64_t epoch = 1; epoch <= 60; ++epoch) {
    harness_.commit(runs_of(seed, epoch));
    if (random.below(10) == 0) harness_.reopen();
    ASSERT_EQ(harness_.store().last_committed(), Epoch(epoch));
    if (random.below(5) == 0) expect_state_after(*harness_.store().snapshot(), seed, epoch);
    if (HasFatalFailure()) return;
  }
  expect_state_after(*harness_.store().snapshot(), seed, 60);
}

/// Keys of several tables and runs, some of them of few partitions with long names, some that are
/// others' beginnings.
TEST(SortedChanges, AreInTheOrderOfTheirKeys) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (const size_t most : {0, 1, 2, 40, 1023, 1024, 3000, 60'000}) {
    const size_t tables = 1 + random.below(5), shards = random.below(2) == 0 ? 3 : 256;
    std::set<std::string> keys;
    for (size_t i = 0; i < most; ++i) {
      const uint64_t table = random.below(tables);
      std::string rest;
      if (table % 2 == 1) {
        rest = "a partition with a long name " + std::string(1 + random.below(2), 'p');
      }
      const size_t bytes = random.below(30);
      for (size_t b = 0; b < bytes; ++b) rest.push_back(static_cast<char>(random.below(3) * 127));
      keys.insert(key_in(TableId(static_cast<uint32_t>(7 + 300 * table)), rest,
                         static_cast<uint16_t>(random.below(shards))));
    }
    std::vector<std::string> mixed(keys.begin(), keys.end());
    for (size_t i = mixed.size(); i > 1; --i) std::swap(mixed[i - 1], mixed[random.below(i)]);
    std::vector<SealedRun> runs(3);
    for (const std::string& key : mixed) runs[random.below(3)].put(Family::kLog, key, "value");
    const std::vector<SortedChange> sorted = sort_changes(runs, Family::kLog);
    ASSERT_EQ(sorted.size(), keys.size());
    size_t at = 0;
    for (const std::string& key : keys) ASSERT_EQ(sorted[at++].change->key, key) << at;
    EXPECT_TRUE(sort_changes(runs, Family::kHot).empty());
  }
}

TEST_P(StoreTest, SnapshotsStayAtTheirEpochAndOutliveTheStore) {
  constexpr uint64_t kSeed = 11;
  std::vector<std::shared_ptr<const Snapshot>> snapshots;
  for (uint64_t epoch = 1; epoch <= 12; ++epoch) {
    harness_.commit(runs_of(kSeed, epoch));
    snapshots.push_back(harness_.store().snapshot());
    ASSERT_EQ(snapshots.back()->epoch(), Epoch(epoch));
  }
  for (uint64_t epoch = 1; epoch <= 12; ++epoch) {
    expect_state_after(*snapshots[epoch - 1], kSeed, epoch);
  }
}

TEST_P(StoreTest, PointReadsBulkReadsAndScansAgree) {
  constexpr uint64_t kSeed = 12;
  StoreContents expected;
  for (uint64_t epoch = 1; epoch <= 20; ++epoch) {
    harness_.commit(runs_of(kSeed, epoch));
    apply_runs(runs_of(kSeed, epoch), expected);
  }
  auto snapshot = harness_.store().snapshot();
  std::vector<std::string> keys;
  for (const auto& [key, value] : expected[0]) {
    keys.push_back(key);
    keys.push_back(key + "absent");
  }
  std::sort(keys.begin(), keys.end());
  std::vector<std::string_view> views(keys.begin(), keys.end());
  std::vector<std::optional<std::string>> values;
  ASSERT_TRUE(snapshot->multi_get(Family::kHot, views, values).is_ok());
  for (size_t i = 0; i < keys.size(); ++i) {
    auto found = expected[0].find(keys[i]);
    ASSERT_EQ(values[i].has_value(), found != expected[0].end());
    if (values[i]) {
      ASSERT_EQ(*values[i], found->second);
    }
    auto single = snapshot->get(Family::kHot, keys[i]);
    ASSERT_TRUE(single.is_ok());
    ASSERT_EQ(*single, values[i]);
  }
  auto cursor = snapshot->scan(Family::kHot, keys[2], keys[20]);
  auto it = expected[0].lower_bound(keys[2]);
  for (; cursor->valid(); cursor->next(), ++it) ASSERT_EQ(cursor->key(), it->first);
  ASSERT_EQ(it, expected[0].lower_bound(keys[20]));
  cursor->seek(keys[0]);  // before the range
  ASSERT_TRUE(cursor->valid());
  ASSERT_EQ(cursor->key(), expected[0].lower_bound(keys[2])->first);
  cursor->seek(keys[20]);
  ASSERT_FALSE(cursor->valid());
}

TEST_P(StoreTest, DroppedTablesGoAndLaterEpochsAreNotHiddenByIt) {
  auto put = [&](std::initializer_list<TableId> tables, std::string_view value, uint64_t count) {
    SealedRun run;
    for (TableId table : tables) {
      for (uint64_t i = 0; i < count; ++i) {
        run.put(Family::kLog, key_in(table, key_of(i), static_cast<uint16_t>(i % 256)), value);
      }
    }
    return run;
  };
  constexpr TableId kBefore(4), kDropped(5), kAfter(6);
  harness_.commit(put({kBefore, kDropped, kAfter}, "old", 300));
  auto old_snapshot = harness_.store().snapshot();
  std::vector<SealedRun> runs;
  runs.push_back(put({kAfter}, "with the drop", 150));
  harness_.commit(std::move(runs), {{Family::kLog, kDropped}});
  EXPECT_EQ(contents(*harness_.store().snapshot(), Family::kLog).size(), 600u);
  EXPECT_EQ(contents(*old_snapshot, Family::kLog).size(), 900u);
  old_snapshot.reset();
  harness_.commit(put({kBefore, kDropped}, "new", 300));
  harness_.reopen();
  auto all = contents(*harness_.store().snapshot(), Family::kLog);
  EXPECT_EQ(all.size(), 900u);
  EXPECT_EQ(all[key_in(kDropped, key_of(7), 7)], "new");
  EXPECT_EQ(all[key_in(kAfter, key_of(7), 7)], "with the drop");
  EXPECT_EQ(all[key_in(kAfter, key_of(200), 200)], "old");
}

TEST_P(StoreTest, AFailedCommitIsInvisibleAndEndsCommitsUntilReopening) {
  constexpr uint64_t kSeed = 13;
  for (std::string_view name : failpoint_names()) {
    if (!name.starts_with("commit.")) continue;
    SCOPED_TRACE(name);
    Harness harness(GetParam());
    harness.commit(runs_of(kSeed, 1));
    ASSERT_TRUE(set_failpoints(std::string(name) + "=error@1"));
    Status status = harness.store().commit(Epoch(2), runs_of(kSeed, 2), {});
    set_failpoints("");
    if (status.is_ok()) continue;  // a point of another mode
    EXPECT_EQ(status.error().sqlstate,
              name == "commit.no_space" ? data::sqlstate::kDiskFull : data::sqlstate::kIoError);
    if (name != "commit.after_snapshot") {
      expect_state_after(*harness.store().snapshot(), kSeed, 1);
    }
    EXPECT_FALSE(harness.store().commit(Epoch(3), runs_of(kSeed, 3), {}).is_ok());
    harness.reopen();
    uint64_t last = harness.store().last_committed().value;
    EXPECT_TRUE(last == 1 || last == 2);
    expect_state_after(*harness.store().snapshot(), kSeed, last);
    for (uint64_t epoch = last + 1; epoch <= 4; ++epoch) harness.commit(runs_of(kSeed, epoch));
    expect_state_after(*harness.store().snapshot(), kSeed, 4);
  }
}

StoreOptions small_options(uint64_t ingest_least_changes = 100) {
  StoreOptions options;
  options.memtable_bytes = 1 << 20;
  options.block_cache_bytes = 8 << 20;
  options.ingest_least_changes = ingest_least_changes;
  return options;
}

data::Error error_of(Result<std::unique_ptr<Store>> opened) {
  EXPECT_FALSE(opened.is_ok());
  return opened.is_ok() ? data::Error() : opened.error();
}

/// Makes a store of some epochs and closes it.
void make_store(const std::string& directory, uint64_t ingest_least_changes) {
  auto store = open_rocks_store(directory, small_options(ingest_least_changes));
  ASSERT_TRUE(store.is_ok());
  for (uint64_t epoch = 1; epoch <= 5; ++epoch) {
    ASSERT_TRUE((*store)->commit(Epoch(epoch), runs_of(1, epoch), {}).is_ok());
  }
}

TEST(RocksStoreTest, ADirectoryIsOpenedOnce) {
  TemporaryDirectory directory;
  auto first = open_rocks_store(directory.path(), small_options());
  ASSERT_TRUE(first.is_ok());
  data::Error error = error_of(open_rocks_store(directory.path(), small_options()));
  EXPECT_EQ(error.sqlstate, data::sqlstate::kObjectInUse);
  EXPECT_NE(error.message.find("is in use"), std::string::npos) << error.message;
}

TEST(RocksStoreTest, AnUnknownFormatVersionIsRefused) {
  TemporaryDirectory directory;
  {
    auto store = open_rocks_store(directory.path(), small_options());
    std::vector<SealedRun> runs(1);
    runs[0].put(Family::kMeta, format_record_key(), "\x09");
    ASSERT_TRUE((*store)->commit(Epoch(1), std::move(runs), {}).is_ok());
  }
  data::Error error = error_of(open_rocks_store(directory.path(), small_options()));
  EXPECT_EQ(error.sqlstate, data::sqlstate::kNotInPrerequisiteState);
  EXPECT_NE(error.message.find("has format version 9"), std::string::npos) << error.message;
}

TEST(RocksStoreTest, AMissingFormatRecordIsCorruptionUnlessNothingWasCommitted) {
  TemporaryDirectory directory;
  ASSERT_TRUE(set_failpoints("open.before_format=error@1"));
  EXPECT_FALSE(open_rocks_store(directory.path(), small_options()).is_ok());
  set_failpoints("");
  {
    auto store = open_rocks_store(directory.path(), small_options());
    ASSERT_TRUE(store.is_ok());
    std::vector<SealedRun> runs(1);
    runs[0].remove(Family::kMeta, format_record_key());
    ASSERT_TRUE((*store)->commit(Epoch(1), std::move(runs), {}).is_ok());
  }
  EXPECT_EQ(error_of(open_rocks_store(directory.path(), small_options())).sqlstate,
            data::sqlstate::kDataCorrupted);
}

std::vector<std::filesystem::path> files_of(const std::string& directory, std::string_view prefix,
                                            std::string_view extension) {
  std::vector<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    if (file.path().extension() == extension &&
        file.path().filename().string().starts_with(prefix)) {
      files.push_back(file.path());
    }
  }
  return files;
}

void flip_byte(const std::filesystem::path& path, double where) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  auto at =
      static_cast<std::streamoff>(where * static_cast<double>(std::filesystem::file_size(path)));
  file.seekg(at);
  char byte;
  file.get(byte);
  file.seekp(at);
  file.put(static_cast<char>(byte ^ 0x10));
}

TEST(RocksStoreTest, AFlippedBitInAStateFileIsFoundAndNeverRead) {
  TemporaryDirectory directory;
  make_store(directory.path(), 0);
  for (const auto& file : files_of(directory.path(), "", ".sst")) flip_byte(file, 0.2);
  auto store = open_rocks_store(directory.path(), small_options());
  if (!store.is_ok()) {
    EXPECT_EQ(store.error().sqlstate, data::sqlstate::kDataCorrupted);
    return;
  }
  auto cursor = (*store)->snapshot()->scan(Family::kHot, {}, {});
  while (cursor->valid()) cursor->next();
  Status status = cursor->status();
  ASSERT_FALSE(status.is_ok());
  EXPECT_EQ(status.error().sqlstate, data::sqlstate::kDataCorrupted);
}

TEST(RocksStoreTest, ADamagedOrMissingManifestOrFileIsRefused) {
  for (int fault = 0; fault < 3; ++fault) {
    TemporaryDirectory directory;
    make_store(directory.path(), 0);
    if (fault == 0) flip_byte(files_of(directory.path(), "MANIFEST", "")[0], 0.5);
    if (fault == 1) std::filesystem::remove(directory.path() + "/CURRENT");
    if (fault == 2) std::filesystem::remove(files_of(directory.path(), "", ".sst")[0]);
    data::Error error = error_of(open_rocks_store(directory.path(), small_options()));
    EXPECT_EQ(error.sqlstate, data::sqlstate::kDataCorrupted) << fault << error.message;
  }
}

TEST(RocksStoreTest, AFreshStoreIsSmallAndFiguresCount) {
  TemporaryDirectory directory;
  auto store = open_rocks_store(directory.path(), {});
  ASSERT_TRUE(store.is_ok());
  EXPECT_LT((*store)->figures().memory_bytes, uint64_t{4} << 20);
  std::vector<SealedRun> runs(1);
  uint64_t bytes = 0;
  for (uint64_t i = 0; i < 30'000; ++i) {
    const std::string key = key_in(TableId(1), key_of(i));
    bytes += key.size() + 100;
    runs[0].put(Family::kHot, key, std::string(100, 'v'));
  }
  ASSERT_TRUE((*store)->commit(Epoch(1), std::move(runs), {}).is_ok());
  StoreFigures figures = (*store)->figures();
  EXPECT_GT(figures.data_bytes, 200'000u);
  EXPECT_GE(figures.level0_files, 1u);
  EXPECT_GE(figures.bytes_written, figures.data_bytes / 2);
  EXPECT_EQ(figures.bytes_committed, bytes);
  EXPECT_TRUE(std::filesystem::is_empty(directory.path() + "/ingest"));
}

/// A disk of its own; needs the right to mount.
class SmallDisk {
 public:
  explicit SmallDisk(const char* size) {
    mounted_ = mount("forebay", directory_.path().c_str(), "tmpfs", 0, size) == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(directory_.path().c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  bool resize(const char* size) {
    return mount("forebay", directory_.path().c_str(), "tmpfs", MS_REMOUNT, size) == 0;
  }
  std::string store() const { return directory_.path() + "/store"; }

 private:
  TemporaryDirectory directory_;
  bool mounted_;
};

TEST(RocksStoreTest, AFullDiskStopsCommitsNotReadsAndResumingOrReopeningGoesOn) {
  // Where the disk is full depends on its size: in a log, a state file, a manifest, RocksDB's LOG.
  uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random sizes(seed);
  bool with_restart = false;
  for (uint64_t ingest_least_changes : {uint64_t{0}, uint64_t{0}, UINT64_MAX, UINT64_MAX}) {
    std::string size = "size=" + std::to_string(5000 + 4 * sizes.below(500)) + "k";
    SmallDisk disk(size.c_str());
    // Without the right to mount: faulty_disk_test.cpp fills its disk by itself.
    if (!disk.mounted()) GTEST_SKIP() << "no right to mount a small disk";
    auto store = open_rocks_store(disk.store(), small_options(ingest_least_changes));
    ASSERT_TRUE(store.is_ok()) << store.error().message;
    Random random(1);
    auto epoch = [&] {
      std::vector<SealedRun> runs(1);
      for (uint64_t i = 0; i < 1000; ++i) {
        std::string value(200, ' ');
        for (char& byte : value) byte = static_cast<char>(random.below(256));
        runs[0].put(Family::kLog, key_in(TableId(1), key_of(random.below(100'000'000))), value);
      }
      return runs;
    };
    Status status;
    uint64_t last = 0;
    for (; status.is_ok() && last < 1000; ++last) {
      status = (*store)->commit(Epoch(last + 1), epoch(), {});
    }
    ASSERT_FALSE(status.is_ok());
    --last;
    EXPECT_EQ(status.error().sqlstate, data::sqlstate::kDiskFull) << status.error().message;
    EXPECT_EQ((*store)->commit(Epoch(last + 1), epoch(), {}).error().sqlstate,
              data::sqlstate::kDiskFull);
    EXPECT_EQ((*store)->snapshot()->epoch(), Epoch(last));
    EXPECT_EQ((*store)->resume().error().sqlstate, data::sqlstate::kDiskFull);
    size_t entries = contents(*(*store)->snapshot(), Family::kLog).size();
    EXPECT_GT(entries, 900 * last);
    if (with_restart) (*store).reset();
    ASSERT_TRUE(disk.resize("size=60m"));
    if (with_restart) {
      store = open_rocks_store(disk.store(), small_options(ingest_least_changes));
      ASSERT_TRUE(store.is_ok()) << store.error().message;
    } else {
      status = (*store)->resume();
      ASSERT_TRUE(status.is_ok()) << status.error().message;
    }
    with_restart = !with_restart;
    EXPECT_EQ((*store)->last_committed(), Epoch(last));
    EXPECT_EQ(contents(*(*store)->snapshot(), Family::kLog).size(), entries);
    EXPECT_TRUE((*store)->commit(Epoch(last + 1), epoch(), {}).is_ok());
  }
}

TEST(RocksStoreTest, ADirectoryThatCannotBeWrittenToIsNotOneThatCannotBeCreated) {
  const auto message = [](const char* directory) {
    return error_of(open_rocks_store(directory, small_options())).message;
  };
  EXPECT_TRUE(message("/proc").starts_with("could not write to data directory \"/proc\": "))
      << message("/proc");
  EXPECT_TRUE(message("/dev/null/data").starts_with("could not create data directory "))
      << message("/dev/null/data");
}

TEST(RocksStoreTest, StatusesKeepTheirMeaning) {
  EXPECT_EQ(to_status(rocksdb::Status::NoSpace("x"), "write").error().sqlstate,
            data::sqlstate::kDiskFull);
  EXPECT_EQ(to_status(rocksdb::Status::IOError("x"), "write").error().sqlstate,
            data::sqlstate::kIoError);
  EXPECT_EQ(to_status(rocksdb::Status::Corruption("x"), "read").error().sqlstate,
            data::sqlstate::kDataCorrupted);
  EXPECT_TRUE(to_status(rocksdb::Status::OK(), "read").is_ok());
}

TEST(FailPoints, UnknownNamesAndActionsAreRefused) {
  EXPECT_FALSE(set_failpoints("commit.nowhere=crash"));
  EXPECT_FALSE(set_failpoints("commit.before_write=explode"));
  EXPECT_FALSE(set_failpoints("commit.before_write=error@x"));
  EXPECT_FALSE(set_failpoints("commit.before_write=delay"));
  EXPECT_FALSE(hit_failpoint("commit.before_write"));
  EXPECT_TRUE(set_failpoints("commit.before_write=error@2,commit.after_write=error"));
  EXPECT_FALSE(hit_failpoint("commit.before_write"));
  EXPECT_TRUE(hit_failpoint("commit.before_write"));
  EXPECT_FALSE(hit_failpoint("commit.before_write"));
  EXPECT_TRUE(hit_failpoint("commit.after_write"));
  EXPECT_TRUE(set_failpoints(""));
}

}  // namespace
}  // namespace forebay::state
