// Logs whose tail is torn, full of zeros, or flipped: what power loss leaves behind.

#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/state/epoch_script.h"

namespace forebay::state {
namespace {

using namespace testing;

StoreOptions batches() {
  StoreOptions options;
  options.memtable_bytes = 8 << 20;
  options.block_cache_bytes = 8 << 20;
  options.ingest_least_changes = UINT64_MAX;
  return options;
}

std::filesystem::path newest_log(const std::string& directory) {
  std::filesystem::path newest;
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    if (file.path().extension() != ".log") continue;
    if (newest.empty() || newest.filename() < file.path().filename()) newest = file.path();
  }
  return newest;
}

class TornLogTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kEpochs = 12;

  void SetUp() override {
    seed_ = test_seed();
    auto store = open_rocks_store(original_.path(), batches());
    ASSERT_TRUE(store.is_ok());
    for (uint64_t epoch = 1; epoch <= kEpochs; ++epoch) {
      ASSERT_TRUE((*store)->commit(Epoch(epoch), runs_of(seed_, epoch), {}).is_ok());
      ends_.push_back(std::filesystem::file_size(newest_log(original_.path())));
    }
  }

  /// Epochs that lie before the byte.
  uint64_t epochs_before(uint64_t byte) const {
    return static_cast<uint64_t>(std::upper_bound(ends_.begin(), ends_.end(), byte) -
                                 ends_.begin());
  }

  /// Damages the log of a copy: it must open at the last epoch before the damage, and go on from
  /// there over further openings.
  void expect_prefix(uint64_t damaged_from,
                     const std::function<void(const std::filesystem::path&)>& damage) {
    TemporaryDirectory copy;
    std::filesystem::copy(original_.path(), copy.path(), std::filesystem::copy_options::recursive);
    damage(newest_log(copy.path()));
    const uint64_t last = epochs_before(damaged_from);
    {
      auto store = open_rocks_store(copy.path(), batches());
      ASSERT_TRUE(store.is_ok()) << store.error().message;
      ASSERT_EQ((*store)->last_committed(), Epoch(last));
      if (last > 0) expect_state_after(*(*store)->snapshot(), seed_, last);
      for (uint64_t epoch = last + 1; epoch <= last + 2; ++epoch) {
        ASSERT_TRUE((*store)->commit(Epoch(epoch), runs_of(seed_, epoch), {}).is_ok());
      }
    }
    auto store = open_rocks_store(copy.path(), batches());
    ASSERT_TRUE(store.is_ok()) << store.error().message;
    ASSERT_EQ((*store)->last_committed(), Epoch(last + 2));
    expect_state_after(*(*store)->snapshot(), seed_, last + 2);
  }

  uint64_t seed_ = 0;
  TemporaryDirectory original_;
  std::vector<uint64_t> ends_;  // of the log, after each epoch
};

TEST_F(TornLogTest, ATailThatIsMissingOrDamagedCostsItsEpochsAndNoOther) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  Random random(seed_);
  const uint64_t size = ends_.back();
  for (int round = 0; round < 12; ++round) {
    // Beyond the records of the opening; at a record's end now and then.
    const uint64_t at =
        round % 4 == 0 ? ends_[random.below(kEpochs)] : ends_[0] + random.below(size - ends_[0]);
    SCOPED_TRACE("byte " + std::to_string(at) + " of " + std::to_string(size));
    expect_prefix(at, [&](const auto& log) { std::filesystem::resize_file(log, at); });
    expect_prefix(at, [&](const auto& log) {  // as when the length was written and the bytes not
      std::filesystem::resize_file(log, at);
      std::filesystem::resize_file(log, size + random.below(100'000));
    });
    if (at == size) continue;
    expect_prefix(at, [&](const auto& log) {
      std::fstream file(log, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(static_cast<std::streamoff>(at));
      char byte = 0;
      file.get(byte);
      file.seekp(static_cast<std::streamoff>(at));
      file.put(static_cast<char>(byte ^ (1 << random.below(8))));
    });
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace forebay::state
