#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state/failpoint.h"
#include "tests/support/seed.h"
#include "tests/unit/state/epoch_script.h"

extern char** environ;

namespace forebay::state {
namespace {

using namespace testing;

/// The file descriptor on which a child tells what it has committed.
constexpr int kReport = 9;

StoreOptions options_of(const char* mode) {
  StoreOptions options;
  options.memtable_bytes = 1 << 20;
  options.block_cache_bytes = 8 << 20;
  std::string_view name = mode;
  options.ingest_least_changes = name == "batch" ? UINT64_MAX : name == "ingest" ? 0 : 100;
  return options;
}

/// Runs in a process of its own, which the parent or a fail point kills: commits epoch after epoch.
TEST(StoreCrash, DISABLED_Child) {
  const char* directory = getenv("FOREBAY_TEST_DIRECTORY");
  ASSERT_NE(directory, nullptr);
  uint64_t seed = std::stoull(getenv("FOREBAY_TEST_SEED"));
  uint64_t epochs = std::stoull(getenv("FOREBAY_TEST_EPOCHS"));
  auto store = open_rocks_store(directory, options_of(getenv("FOREBAY_TEST_MODE")));
  if (!store.is_ok()) _exit(3);
  if (getenv("FOREBAY_TEST_FILE_LIMIT") != nullptr) {
    signal(SIGXFSZ, SIG_IGN);
    rlimit limit{8000, 8000};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  for (uint64_t i = 0; i < epochs; ++i) {
    Epoch next = (*store)->last_committed().next();
    Status status = (*store)->commit(next, runs_of(seed, next.value), {});
    if (!status.is_ok()) {
      bool refused = !(*store)->commit(next.next(), runs_of(seed, next.value + 1), {}).is_ok();
      _exit(status.error().sqlstate == data::sqlstate::kIoError && refused ? 4 : 5);
    }
    if (write(kReport, &next.value, sizeof next.value) != sizeof next.value) _exit(6);
  }
  _exit(0);
}

struct Child {
  pid_t pid = 0;
  int reports = -1;
  uint64_t reported = 0;

  /// Waits for the next report; false when the child is gone.
  bool next_report() { return read(reports, &reported, sizeof reported) == sizeof reported; }
  /// The exit status, or -signal.
  int wait() {
    while (next_report()) {
    }
    close(reports);
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
};

Child start(const std::vector<std::string>& settings) {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  std::vector<std::string> strings = settings;
  for (char** variable = environ; *variable != nullptr; ++variable) strings.push_back(*variable);
  std::vector<char*> environment;
  for (std::string& text : strings) environment.push_back(text.data());
  environment.push_back(nullptr);
  std::string program = "/proc/self/exe", all = "--gtest_also_run_disabled_tests",
              filter = "--gtest_filter=StoreCrash.DISABLED_Child";
  char* arguments[] = {program.data(), all.data(), filter.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], kReport);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  Child child;
  EXPECT_EQ(
      posix_spawn(&child.pid, program.c_str(), &actions, nullptr, arguments, environment.data()),
      0);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  child.reports = ends[0];
  return child;
}

std::vector<std::string> settings(const std::string& directory, const char* mode, uint64_t seed,
                                  uint64_t epochs, const std::string& failpoints = "") {
  return {"FOREBAY_TEST_DIRECTORY=" + directory, std::string("FOREBAY_TEST_MODE=") + mode,
          "FOREBAY_TEST_SEED=" + std::to_string(seed),
          "FOREBAY_TEST_EPOCHS=" + std::to_string(epochs), "FOREBAY_FAILPOINTS=" + failpoints};
}

/// Opens the store, compares it with the script, and returns the last epoch.
uint64_t check(const std::string& directory, const char* mode, uint64_t seed) {
  auto store = open_rocks_store(directory, options_of(mode));
  EXPECT_TRUE(store.is_ok()) << (store.is_ok() ? "" : store.error().message);
  if (!store.is_ok()) return 0;
  EXPECT_TRUE(std::filesystem::is_empty(directory + "/ingest"));
  uint64_t last = (*store)->last_committed().value;
  expect_state_after(*(*store)->snapshot(), seed, last);
  return last;
}

TEST(StoreCrash, EveryFailPointLeavesTheEpochBeforeOrAfterWhole) {
  constexpr uint64_t kSeed = 21;
  for (const char* mode : {"batch", "ingest"}) {
    int crashes = 0;
    for (std::string_view name : failpoint_names()) {
      if (!name.starts_with("commit.")) continue;
      SCOPED_TRACE(std::string(mode) + " " + std::string(name));
      TemporaryDirectory directory;
      Child child =
          start(settings(directory.path(), mode, kSeed, 6, std::string(name) + "=crash@4"));
      int status = child.wait();
      uint64_t last = check(directory.path(), mode, kSeed);
      if (status == 0) {
        EXPECT_EQ(last, 6u);  // a point of the other mode
        continue;
      }
      ++crashes;
      ASSERT_EQ(status, 137);
      EXPECT_EQ(child.reported, 3u);
      bool durable = name.ends_with("after_write") || name.ends_with("after_ingest") ||
                     name.ends_with("_snapshot");
      EXPECT_EQ(last, durable ? 4u : 3u);
      EXPECT_EQ(start(settings(directory.path(), mode, kSeed, 3)).wait(), 0);
      EXPECT_EQ(check(directory.path(), mode, kSeed), last + 3);
    }
    EXPECT_EQ(crashes, std::string_view(mode) == "batch" ? 5 : 7);
  }
}

TEST(StoreCrash, CrashesWhileOpeningChangeNothing) {
  constexpr uint64_t kSeed = 22;
  TemporaryDirectory directory;
  EXPECT_EQ(
      start(settings(directory.path(), "ingest", kSeed, 1, "open.before_format=crash")).wait(),
      137);
  EXPECT_EQ(
      start(settings(directory.path(), "ingest", kSeed, 5, "commit.before_ingest=crash@4")).wait(),
      137);
  for (std::string_view name : {"open.before_cleanup", "open.after_cleanup"}) {
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(start(settings(directory.path(), "ingest", kSeed, 1, std::string(name) + "=crash"))
                    .wait(),
                137);
    }
  }
  EXPECT_EQ(check(directory.path(), "ingest", kSeed), 3u);
}

TEST(StoreCrash, KilledAnywhereItKeepsWhatItReported) {
  uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  TemporaryDirectory directory;
  uint64_t last = 0;
  for (int round = 0; round < (test_full() ? 40 : 12); ++round) {
    Child child = start(settings(directory.path(), "mixed", seed, 1'000'000));
    for (uint64_t i = 1 + random.below(15); i > 0; --i) ASSERT_TRUE(child.next_report());
    kill(child.pid, SIGKILL);
    EXPECT_EQ(child.wait(), -SIGKILL);
    uint64_t now = check(directory.path(), "mixed", seed);
    // At most the epoch in flight is there besides what was reported.
    EXPECT_GE(now, child.reported);
    EXPECT_LE(now, child.reported + 1);
    EXPECT_GT(now, last);
    last = now;
    if (HasFailure()) return;
  }
}

TEST(StoreCrash, AWriteThatFailsStopsCommitsAndKeepsTheLastEpoch) {
  constexpr uint64_t kSeed = 23;
  for (const char* mode : {"batch", "ingest"}) {
    SCOPED_TRACE(mode);
    TemporaryDirectory directory;
    auto with_limit = settings(directory.path(), mode, kSeed, 100);
    with_limit.push_back("FOREBAY_TEST_FILE_LIMIT=1");
    Child child = start(with_limit);
    EXPECT_EQ(child.wait(), 4);
    uint64_t last = check(directory.path(), mode, kSeed);
    EXPECT_EQ(last, child.reported);
    EXPECT_EQ(start(settings(directory.path(), mode, kSeed, 3)).wait(), 0);
    EXPECT_EQ(check(directory.path(), mode, kSeed), last + 3);
  }
}

}  // namespace
}  // namespace forebay::state
