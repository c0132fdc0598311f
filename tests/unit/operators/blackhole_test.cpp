#include <gtest/gtest.h>

#include "tests/unit/operators/harness.h"

namespace forebay::operators::testing {
namespace {

TEST(Blackhole, CountsWhatItDropsOverRestarts) {
  uint64_t seed = seed_or(7);
  SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
  std::vector<Type> types{data::kBigintType, data::kTextType};
  for (uint32_t batch_rows : {1u, 7u, 1024u}) {
    Generator generator(seed + batch_rows, types);
    auto store = std::shared_ptr<state::Store>(state::make_model_store());
    Driver driver(make_blackhole({types, TableId(9)}), {{types, {0}}}, batch_rows, store);
    Relation input;
    int64_t sent = 0;
    for (int epoch = 0; epoch < 40; ++epoch) {
      std::vector<Change> changes = generator.changes(input, generator.random() % 20);
      driver.send(0, changes, generator.random);
      if (generator.random() % 5 == 0) {
        driver.lose_epoch(1 + generator.random() % 3);  // nothing of it counts
      } else {
        driver.end_epoch();
        for (const Change& change : changes) sent += std::abs(change.weight);
      }
      ASSERT_EQ(*delivered_rows(*store->snapshot(), TableId(9)), sent) << "epoch " << epoch;
      if (generator.random() % 4 == 0) driver.restart(1 + generator.random() % 3);
    }
    EXPECT_GT(sent, 0);
  }
}

}  // namespace
}  // namespace forebay::operators::testing
