#pragma once

#include "tests/unit/runtime/circuits.h"

namespace forebay::runtime::testing {

/// An engine on the test's thread with a fake clock, which can crash and come back over what it had
/// committed, with another number of workers.
class CrashTest : public ::testing::Test {
 protected:
  /// What the engine runs, each behind those that it reads.
  virtual std::vector<Fragment> fragments() = 0;
  /// Before the engine is started.
  virtual void configure(RuntimeSettings& settings) { settings.batch_rows = 3; }

  /// A new engine over an empty store.
  void open(uint16_t workers) {
    open_over(state::make_model_store(), workers);
    ASSERT_TRUE(engine_->start().is_ok());
    for (Fragment& fragment : fragments()) {
      ASSERT_TRUE(engine_->create(fragment, {fragment.object, fragment.name}, nullptr).is_ok());
    }
  }
  void crash(uint16_t workers) {
    auto store = state::reopen_model_store(*store_);
    engine_.reset();
    open_over(std::move(store), workers);
    for (Fragment& fragment : fragments()) ASSERT_TRUE(engine_->attach(fragment).is_ok());
    ASSERT_TRUE(engine_->start().is_ok());
  }

  std::mt19937_64 random_{1};
  std::shared_ptr<data::FakeClock> clock_ = std::make_shared<data::FakeClock>();
  std::unique_ptr<Engine> engine_;

 private:
  void open_over(std::unique_ptr<state::Store> store, uint16_t workers) {
    store_ = store.get();
    engine_ = new_engine(workers, clock_, std::move(store));
    configure(engine_->settings());
  }

  state::Store* store_ = nullptr;  // the engine's
};

}  // namespace forebay::runtime::testing
