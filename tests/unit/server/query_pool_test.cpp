#include "server/pgwire/query_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace forebay::server {
namespace {

class Count final : public pgwire::Task {
 public:
  explicit Count(std::atomic<int>& count) : count_(count) {}
  void run() override { ++count_; }

 private:
  std::atomic<int>& count_;
};

class Barrier final : public pgwire::Task {
 public:
  Barrier(std::atomic<int>& inside, int wanted) : inside_(inside), wanted_(wanted) {}
  void run() override {
    ++inside_;
    while (inside_ < wanted_) std::this_thread::yield();
  }

 private:
  std::atomic<int>& inside_;
  const int wanted_;
};

TEST(QueryPool, RunsEverythingBeforeItStops) {
  std::atomic<int> count = 0;
  {
    pgwire::QueryPool pool(2, 2);
    for (int i = 0; i < 1000; ++i) pool.submit(std::make_shared<Count>(count));
  }
  EXPECT_EQ(count, 1000);
}

TEST(QueryPool, GrowsWhileTasksBlock) {
  std::atomic<int> inside = 0;
  pgwire::QueryPool pool(2, 8);
  // Ends only when all eight run at the same time: six of them start for want of progress.
  for (int i = 0; i < 8; ++i) pool.submit(std::make_shared<Barrier>(inside, 8));
  pool.stop();
  EXPECT_EQ(inside, 8);
}

}  // namespace
}  // namespace forebay::server
