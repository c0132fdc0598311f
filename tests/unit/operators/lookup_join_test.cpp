#include <algorithm>

#include "tests/support/seed.h"
#include "tests/unit/operators/harness.h"

namespace forebay::operators::testing {
namespace {

using data::kBigintType;
using data::kTextType;

// Left: 0 text, 1 key. Right: 0 key, 1 text.
LookupJoinParameters parameters(bool outer, bool left_append_only) {
  LookupJoinParameters p;
  p.outer = outer;
  p.left_types = {kTextType, kBigintType};
  p.right_types = {kBigintType, kTextType};
  p.left_keys = {1};
  p.right_keys = {0};
  p.null_safe = {0};
  p.left_append_only = left_append_only;
  p.right_rows = TableId(10);
  p.given = TableId(11);
  return p;
}

/// What was given for a left row, once each time that it came, the last one last.
using Given = std::vector<std::vector<Row>>;

class LookupJoinRandom : public ::testing::TestWithParam<std::tuple<bool, bool, uint32_t>> {};

TEST_P(LookupJoinRandom, EqualsReferenceAtEveryEpoch) {
  auto [outer, append_only, batch_rows] = GetParam();
  const uint64_t seed = seed_or(6200 + batch_rows + outer * 3 + append_only * 5);
  SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
  const LookupJoinParameters p = parameters(outer, append_only);
  auto store = batch_rows == 7 ? make_rocks_store()
                               : std::shared_ptr<state::Store>(state::make_model_store());
  Driver driver(make_lookup_join(p), {{p.left_types, {1}}, {p.right_types, {0}}}, batch_rows,
                store);
  Generator left_rows(seed, p.left_types), right_rows(seed + 1, p.right_types);
  auto& random = left_rows.random;
  struct World {
    Relation left, right;
    std::map<std::string, Given> given;
  };
  World world, committed;
  for (int epoch = 0; epoch < test_length(60); ++epoch) {
    const Relation before = world.left;
    std::vector<Change> changes[2];
    changes[0] = left_rows.changes(world.left, random() % 12, append_only);
    changes[1] = right_rows.changes(world.right, random() % 6);
    const uint32_t first = random() % 2;
    driver.send(first, changes[first], random);
    driver.send(1 - first, changes[1 - first], random);
    if (random() % 10 == 0) {
      driver.lose_epoch(static_cast<uint16_t>(1 + random() % 3));
      world = committed;
      continue;
    }
    driver.end_epoch();
    // Left rows of the epoch see the right rows at its end.
    std::map<std::string, std::pair<Row, Weight>> net;
    for (const auto& [text, rows] : world.left.rows()) net[text] = {rows.row, rows.weight};
    for (const auto& [text, rows] : before.rows()) {
      net.try_emplace(text, rows.row, 0).first->second.second -= rows.weight;
    }
    for (const auto& [text, change] : net) {
      const auto& [row, weight] = change;
      Given& given = world.given[text];
      for (Weight i = weight; i < 0; ++i) given.pop_back();
      for (Weight i = 0; i < weight; ++i) {
        given.emplace_back();
        for (const Row& right : world.right.expanded()) {
          if (row[1].is_null() || text_of({right[0]}) != text_of({row[1]})) continue;
          given.back().push_back(row);
          given.back().back().insert(given.back().back().end(), right.begin(), right.end());
        }
        if (!outer || !given.back().empty()) continue;
        given.back().push_back(row);
        for (const Type& type : p.right_types) given.back().back().push_back(Datum::null(type));
      }
    }
    Relation expected;
    for (const auto& [text, given] : world.given) {
      for (const auto& rows : given) {
        for (const Row& row : rows) expected.add(row, 1);
      }
    }
    ASSERT_EQ(driver.sum.rows.text(), expected.text()) << "epoch " << epoch;
    committed = world;
    if (random() % 5 == 0) driver.restart(static_cast<uint16_t>(1 + random() % 3));
  }
}

INSTANTIATE_TEST_SUITE_P(All, LookupJoinRandom,
                         ::testing::Combine(::testing::Bool(), ::testing::Bool(),
                                            ::testing::Values(1u, 7u, 1024u)));

}  // namespace
}  // namespace forebay::operators::testing
