#include "engine/operators/timer_log.h"

#include <functional>
#include <set>

#include "engine/operators/time_judge.h"
#include "tests/support/seed.h"
#include "tests/unit/operators/harness.h"

namespace forebay::operators::testing {
namespace {

constexpr TableId kTable(7);
constexpr int64_t kBucket = 1 << 20;

using Timers = std::set<std::pair<int64_t, std::string>>;

/// Logs of some workers over one store, and what they should know.
class Logs {
 public:
  Logs(std::shared_ptr<state::Store> store, bool lags) : store_(std::move(store)), lags_(lags) {
    start(1, true);
  }

  void add(int64_t time, const std::string& key) {
    known_.timers.emplace(time, key);
    const uint64_t hash = data::hash_key(key);
    log_of(hash).add(time, key, hash);
  }
  void add_due(const std::string& key) {
    due_.insert(key);
    const uint64_t hash = data::hash_key(key);
    log_of(hash).add_due(key, hash);
  }
  int64_t bound() const { return known_.bound; }

  /// The keys that come out are those of the timers that `bound` passes, each once. `again`: such a
  /// key gets another timer, while the search goes on.
  void search(int64_t bound, uint32_t enough, const std::function<int64_t(std::string)>& again) {
    const int64_t from = known_.bound;
    std::multiset<std::string> given;
    std::set<std::string> expected = std::move(due_);
    due_.clear();
    for (const auto& [time, key] : known_.timers) {
      if (bound == TimeJudge::kEverything || time < bound) expected.insert(key);
    }
    known_.timers.erase(known_.timers.begin(), bound == TimeJudge::kEverything
                                                   ? known_.timers.end()
                                                   : known_.timers.lower_bound({bound, ""}));
    known_.bound = bound;
    for (auto& log : logs_) {
      log->begin(from, bound);
      for (data::KeyRows keys;;) {
        const Status status = log->next(enough, keys);
        ASSERT_TRUE(status.is_ok()) << status.to_string();
        if (keys.rows() == 0) break;
        for (uint32_t i = 0; i < keys.rows(); ++i) {
          const std::string key(keys.key(i));
          given.insert(key);
          ASSERT_EQ(keys.hashes[i], data::hash_key(key));
          if (const int64_t time = again(key); time != INT64_MIN) add(time, key);
        }
      }
    }
    ASSERT_EQ(given, std::multiset<std::string>(expected.begin(), expected.end()));
  }

  void seal() {
    std::vector<state::SealedRun> runs(logs_.size());
    for (size_t w = 0; w < logs_.size(); ++w) {
      logs_[w]->seal(runs[w]);
      EXPECT_EQ(logs_[w]->dirty_entries(), 0u);
    }
    commit();
    epoch_ = epoch_.next();
    sealed_ = std::move(runs);
    sealed_known_ = known_;
    if (!lags_) commit();
  }
  void commit() {
    if (!sealed_known_) return;
    const Status status = store_->commit(epoch_, std::move(sealed_), {});
    ASSERT_TRUE(status.is_ok()) << status.to_string();
    committed_ = *sealed_known_;
    sealed_known_.reset();
  }
  /// From the last committed epoch, or from the last sealed one.
  void restart(uint16_t workers, bool loses_sealed) {
    if (!loses_sealed) commit();
    sealed_known_.reset();
    known_ = committed_;
    due_.clear();
    start(workers, epoch_ == data::Epoch(0));
  }
  size_t stored_entries() const {
    auto snapshot = store_->snapshot();
    size_t count = 0;
    auto cursor = snapshot->scan(TimerLog::kFamily, "", "");
    for (; cursor->valid(); cursor->next()) ++count;
    return count;
  }
  size_t known_timers() const { return known_.timers.size(); }

 private:
  struct Known {
    Timers timers;
    int64_t bound = TimeJudge::kNothing;
  };
  void start(uint16_t workers, bool empty) {
    logs_.clear();
    contexts_.clear();
    for (uint16_t w = 0; w < workers; ++w) {
      auto context = std::make_unique<OperatorContext>();
      context->worker = w;
      context->worker_count = workers;
      context->store = store_.get();
      context->starts_empty = empty;
      contexts_.push_back(std::move(context));
      logs_.push_back(std::make_unique<TimerLog>(kTable, *contexts_.back()));
    }
  }
  TimerLog& log_of(uint64_t hash) {
    const auto workers = static_cast<uint16_t>(logs_.size());
    return *logs_[data::worker_of_shard(data::shard_of_hash(hash), workers)];
  }

  std::shared_ptr<state::Store> store_;
  bool lags_;
  std::vector<std::unique_ptr<OperatorContext>> contexts_;
  std::vector<std::unique_ptr<TimerLog>> logs_;
  data::Epoch epoch_;
  std::vector<state::SealedRun> sealed_;
  std::optional<Known> sealed_known_;
  Known known_, committed_;
  std::set<std::string> due_;
};

class TimerLogRandom : public ::testing::TestWithParam<std::tuple<bool, bool, int>> {};

TEST_P(TimerLogRandom, GivesEachKeyWhenItIsTime) {
  const auto [rocks, lags, step] = GetParam();
  const uint64_t seed = seed_or(static_cast<uint64_t>(step) * 4 + rocks * 2 + lags);
  SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::shared_ptr<state::Store> store =
      rocks ? make_rocks_store() : std::shared_ptr<state::Store>(state::make_model_store());
  Logs logs(store, lags);
  int64_t clock = -3 * kBucket;
  const auto key = [&] { return "key" + std::to_string(random() % 300); };
  const auto ahead = [&]() -> int64_t {
    return static_cast<int64_t>(random() % (random() % 8 == 0 ? 20 * kBucket : kBucket));
  };
  const int epochs = test_length(150);
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const int64_t least = logs.bound() == TimeJudge::kNothing ? clock : logs.bound();
    for (size_t i = random() % 40; i > 0; --i) logs.add(least + ahead(), key());
    if (random() % 3 == 0) logs.add_due(key());
    if (random() % 50 == 0) logs.add(INT64_MAX, key());
    if (random() % 4 != 0) {
      clock = std::max(clock, least) + static_cast<int64_t>(random() % static_cast<uint64_t>(step));
      const auto again = [&](const std::string&) {
        return random() % 3 == 0 ? clock + ahead() : INT64_MIN;
      };
      logs.search(clock, 1 + random() % 50, again);
      if (HasFatalFailure()) return;
    } else {
      // Time stands still: only what is due whatever the time.
      logs.search(logs.bound(), 1 + random() % 50, [](const std::string&) { return INT64_MIN; });
      if (HasFatalFailure()) return;
    }
    logs.seal();
    if (random() % 6 == 0) {
      logs.restart(static_cast<uint16_t>(1 + random() % 3), random() % 2 == 0);
    }
  }
  EXPECT_GT(logs.known_timers(), 0u);
  logs.search(TimeJudge::kEverything, 10, [](const std::string&) { return INT64_MIN; });
  if (HasFatalFailure()) return;
  logs.seal();
  logs.commit();
  EXPECT_EQ(logs.stored_entries(), 0u);
}

INSTANTIATE_TEST_SUITE_P(All, TimerLogRandom,
                         ::testing::Combine(::testing::Bool(), ::testing::Bool(),
                                            ::testing::Values(kBucket / 20, kBucket, 9 * kBucket)));

TEST(TimerLog, WritesAnEntryForManyTimersAndNoneForThoseOfOneEpoch) {
  Logs logs(state::make_model_store(), false);
  for (int i = 0; i < 100'000; ++i) logs.add(i, "key" + std::to_string(i));
  logs.seal();
  EXPECT_EQ(logs.stored_entries(), data::kShardCount);
  const auto never = [](const std::string&) { return INT64_MIN; };
  for (int i = 0; i < 10'000; ++i) logs.add(3 * kBucket + i, "key" + std::to_string(i));
  logs.search(4 * kBucket, 1000, never);
  logs.seal();
  EXPECT_EQ(logs.stored_entries(), 0u);
}

TEST(TimerLog, RefusesDamage) {
  std::shared_ptr<state::Store> store = state::make_model_store();
  std::vector<state::SealedRun> runs(1);
  std::string entry = state::store_key_prefix(3, kTable);
  entry += std::string("\x80\0\0\0\0\0\0\0\x80\0\0\0\0\0\0\1", 16);
  runs[0].put(TimerLog::kFamily, entry, "\x05\x09short");
  ASSERT_TRUE(store->commit(data::Epoch(1), std::move(runs), {}).is_ok());
  OperatorContext context;
  context.store = store.get();
  context.starts_empty = false;
  TimerLog log(kTable, context);
  log.begin(0, kBucket);
  data::KeyRows keys;
  const Status status = log.next(1, keys);
  ASSERT_FALSE(status.is_ok());
  EXPECT_EQ(status.error().sqlstate, data::sqlstate::kDataCorrupted);
}

}  // namespace
}  // namespace forebay::operators::testing
