#include <gtest/gtest.h>

#include "state/memory_budget.h"
#include "state/state_table.h"
#include "tests/support/seed.h"
#include "tests/unit/state/store_harness.h"

namespace forebay::state {
namespace {

using namespace testing;

using Entries = std::map<std::string, std::pair<int64_t, std::string>>;
using Model = std::map<std::string, Entries>;

class OrderedTableTest : public ::testing::TestWithParam<Kind> {
 protected:
  void make_table(bool empty) {
    table_ = std::make_unique<OrderedTable>(TableOptions{.id = data::TableId(9),
                                                         .family = Family::kLog,
                                                         .store = &harness_.store(),
                                                         .starts_empty = empty,
                                                         .budget = budget_ ? &*budget_ : nullptr,
                                                         .counters = &counters_});
  }
  OrderedTable::Group* load(const std::string& key) {
    std::vector<OrderedTable::Group*> groups(1);
    EXPECT_TRUE(table_->load(key_rows({key}), groups).is_ok());
    return groups[0];
  }
  void check_group(Random& random, const std::string& key, OrderedTable::Group* group) {
    auto found = now_.find(key);
    const Entries& expected = found == now_.end() ? kNone : found->second;
    if (group == nullptr) {
      ASSERT_TRUE(expected.empty());
      return;
    }
    ASSERT_EQ(OrderedTable::group_key(group), key);
    ASSERT_EQ(OrderedTable::size(group), expected.size());
    auto* entry = OrderedTable::first(group);
    for (const auto& [suffix, value] : expected) {
      ASSERT_NE(entry, nullptr);
      ASSERT_EQ(OrderedTable::suffix(entry), suffix);
      ASSERT_EQ(OrderedTable::count(entry), value.first);
      ASSERT_EQ(OrderedTable::value(entry), value.second);
      entry = OrderedTable::next(group, entry);
    }
    ASSERT_EQ(entry, nullptr);
    entry = OrderedTable::last(group);
    for (auto it = expected.rbegin(); it != expected.rend(); ++it) {
      ASSERT_EQ(OrderedTable::suffix(entry), it->first);
      entry = OrderedTable::previous(group, entry);
    }
    ASSERT_EQ(entry, nullptr);
    auto it = expected.begin();
    OrderedTable::for_each(group, [&](OrderedTable::Entry* visited) {
      ASSERT_EQ(OrderedTable::suffix(visited), (it++)->first);
    });
    ASSERT_EQ(it, expected.end());
    std::string bound = suffix_of(random);
    auto above = expected.lower_bound(bound);
    entry = OrderedTable::lower_bound(group, bound);
    ASSERT_EQ(entry != nullptr, above != expected.end());
    if (entry != nullptr) {
      ASSERT_EQ(OrderedTable::suffix(entry), above->first);
    }
  }
  std::string suffix_of(Random& random) {
    std::string suffix(random.below(4), static_cast<char>('a' + random.below(3)));
    return suffix + std::to_string(random.below(domain_));
  }
  void change(Random& random, const std::string& key, OrderedTable::Group* group) {
    Entries& model = now_[key];
    bool shrink = random.below(4) == 0;
    for (uint64_t i = random.below(domain_); i > 0; --i) {
      std::string suffix = suffix_of(random);
      auto* entry = OrderedTable::get(group, suffix);
      if (model.contains(suffix)) {
        ASSERT_NE(entry, nullptr);
      }
      if (shrink && entry == nullptr) continue;
      entry = table_->upsert(group, suffix);
      auto& value = model[suffix];
      value.first = shrink || random.below(4) == 0 ? 0 : static_cast<int64_t>(random.below(9)) - 4;
      table_->set_count(group, entry, value.first);
      if (random.below(2) == 0) {
        value.second.assign(random.below(random.below(10) == 0 ? 3000 : 30), 'v');
        table_->set_value(group, entry, value.second);
      } else {
        value.second = OrderedTable::value(entry);
      }
      if (value.first == 0) model.erase(suffix);
    }
    if (model.empty()) now_.erase(key);
  }

  void equals_a_map(Random& random);

  static inline const Entries kNone;
  Harness harness_{GetParam()};
  std::optional<MemoryBudget> budget_;
  TierCounters counters_;
  std::unique_ptr<OrderedTable> table_;
  Model now_;
  uint64_t domain_ = 5;
};

size_t entries_in(const Model& model) {
  size_t count = 0;
  for (const auto& [key, entries] : model) count += entries.size();
  return count;
}

void OrderedTableTest::equals_a_map(Random& random) {
  for (uint64_t domain : {5, 60, 1200}) {
    domain_ = domain;
    uint64_t groups = domain > 100 ? 3 : 40;
    make_table(now_.empty());
    Model committed = now_, pending_model;
    std::optional<SealedRun> pending;
    auto commit_pending = [&] {
      if (!pending) return;
      harness_.commit(std::move(*pending));
      pending.reset();
      committed = pending_model;
    };
    const int steps = test_full() ? 400 : 100;
    for (int step = 0; step < steps; ++step) {
      std::vector<std::string> keys;
      for (uint64_t i = random.below(6); i > 0; --i) keys.push_back(key_of(random.below(groups)));
      std::vector<OrderedTable::Group*> loaded(keys.size());
      switch (random.below(8)) {
        case 0:
          commit_pending();
          pending.emplace();
          table_->seal(*pending);
          pending_model = now_;
          ASSERT_EQ(table_->dirty_entries(), 0u);
          break;
        case 1:
          commit_pending();
          break;
        case 2:
          if (random.below(4) != 0) break;
          if (random.below(2) == 0) commit_pending();
          pending.reset();
          table_.reset();
          harness_.reopen();
          now_ = committed;
          make_table(false);
          ASSERT_EQ(contents(*harness_.store().snapshot(), Family::kLog).size(),
                    entries_in(committed));
          break;
        case 3:
        case 4:
          ASSERT_TRUE(table_->find(key_rows(keys), loaded).is_ok());
          for (size_t i = 0; i < keys.size(); ++i) check_group(random, keys[i], loaded[i]);
          break;
        default:
          ASSERT_TRUE(table_->load(key_rows(keys), loaded).is_ok());
          for (size_t i = 0; i < keys.size(); ++i) {
            change(random, keys[i], loaded[i]);
            check_group(random, keys[i], loaded[i]);
          }
          break;
      }
      if (HasFatalFailure()) return;
    }
    commit_pending();
    SealedRun rest;
    table_->seal(rest);
    harness_.commit(std::move(rest));
    EXPECT_EQ(contents(*harness_.store().snapshot(), Family::kLog).size(), entries_in(now_));
  }
}

TEST_P(OrderedTableTest, EqualsAMapOverSealsCommitsThatLagAndReopenings) {
  uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  equals_a_map(random);
  EXPECT_EQ(counters_.evictions, 0u);
}

TEST_P(OrderedTableTest, EqualsAMapInTinyMemory) {
  uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (size_t bytes : {1, 20'000}) {
    table_.reset();
    harness_.reset();
    now_.clear();
    budget_.emplace(bytes);
    equals_a_map(random);
    table_.reset();
    EXPECT_EQ(budget_->used(), 0u);
  }
  EXPECT_GT(counters_.evictions, 0u);
  EXPECT_GT(counters_.read_backs, 0u);
}

TEST_P(OrderedTableTest, APinnedGroupStaysUntilTheSeal) {
  budget_.emplace(1);
  make_table(true);
  std::vector<std::string> keys;
  for (uint64_t i = 0; i < 100; ++i) keys.push_back(key_of(i));
  std::vector<OrderedTable::Group*> groups(keys.size());
  ASSERT_TRUE(table_->load(key_rows(keys), groups).is_ok());
  for (auto* group : groups) table_->set_count(group, table_->upsert(group, "suffix"), 2);
  auto end_epoch = [&] {
    SealedRun run;
    table_->seal(run);
    harness_.commit(std::move(run));
  };
  for (int i = 0; i < 4; ++i) end_epoch();
  std::vector<OrderedTable::Group*> found(1);
  ASSERT_TRUE(table_->find(key_rows({keys[7]}), found).is_ok());
  table_->pin(found[0]);
  auto* entry = OrderedTable::first(found[0]);
  std::vector<OrderedTable::Group*> others(1);
  for (const std::string& key : keys) {
    ASSERT_TRUE(table_->find(key_rows({key}), others).is_ok());
    ASSERT_EQ(OrderedTable::size(others[0]), 1u);
    ASSERT_EQ(others[0] == found[0], key == keys[7]);
    ASSERT_EQ(OrderedTable::first(found[0]), entry);
    ASSERT_EQ(OrderedTable::suffix(entry), "suffix");
  }
  EXPECT_LE(table_->resident_entries(), 30u);
  EXPECT_GT(counters_.evictions, 150u);
  end_epoch();
  ASSERT_TRUE(table_->find(key_rows({key_of(1000)}), others).is_ok());
  EXPECT_EQ(table_->resident_entries(), 0u);
}

TEST_P(OrderedTableTest, ASmallerTableGivesMemoryBack) {
  budget_.emplace(size_t{16} << 20);
  make_table(true);
  constexpr uint64_t kGroups = 12'000;
  auto groups_at = [&](uint64_t from, uint64_t count) {
    std::vector<std::string> keys;
    for (uint64_t i = from; i < from + count; ++i) keys.push_back(key_of(i));
    std::vector<OrderedTable::Group*> groups(keys.size());
    EXPECT_TRUE(table_->load(key_rows(keys), groups).is_ok());
    return groups;
  };
  auto end_epoch = [&] {
    SealedRun run;
    table_->seal(run);
    harness_.commit(std::move(run));
  };
  auto text_of = [](uint64_t group, uint64_t entry) {
    return std::to_string(group) + std::string(200 + 100 * (entry % 20), 'v');
  };
  for (uint64_t from = 0; from < kGroups; from += 1000) {
    auto groups = groups_at(from, 1000);
    for (uint64_t g = 0; g < groups.size(); ++g) {
      uint64_t count = g == 7 ? 400 : 4;
      for (uint64_t e = 0; e < count; ++e) {
        auto* entry = table_->upsert(groups[g], "suffix " + std::to_string(e));
        table_->set_count(groups[g], entry, 1);
        table_->set_value(groups[g], entry, "short");
        table_->set_value(groups[g], entry, text_of(from + g, e).substr(0, 600));
      }
    }
    end_epoch();
  }
  budget_->report(0, size_t{12} << 20);  // another table that needs much
  for (int i = 0; i < 20; ++i) {
    groups_at(static_cast<uint64_t>(i), 1);
    end_epoch();
  }
  EXPECT_LT(table_->memory_bytes(), size_t{12} << 20);
  for (uint64_t from = 0; from < kGroups; from += 1000) {
    auto groups = groups_at(from, 1000);
    for (uint64_t g = 0; g < groups.size(); ++g) {
      ASSERT_EQ(OrderedTable::size(groups[g]), g == 7 ? 400u : 4u);
      OrderedTable::for_each(groups[g], [&](OrderedTable::Entry* entry) {
        uint64_t e = std::stoull(std::string(OrderedTable::suffix(entry).substr(7)));
        ASSERT_EQ(OrderedTable::value(entry), text_of(from + g, e).substr(0, 600));
      });
    }
  }
}

// Trees that a move to a new pool makes arrays of were counted as trees for ever.
TEST_P(OrderedTableTest, WhatWasMovedIsCountedAsItIs) {
  budget_.emplace(size_t{1} << 30);
  make_table(true);
  constexpr uint64_t kGroups = 1000;
  std::vector<std::string> keys;
  for (uint64_t i = 0; i < kGroups; ++i) keys.push_back(key_of(i));
  auto set_counts = [&](uint64_t from, uint64_t to, int64_t count) {
    std::vector<OrderedTable::Group*> groups(kGroups);
    ASSERT_TRUE(table_->load(key_rows(keys), groups).is_ok());
    for (OrderedTable::Group* group : groups) {
      for (uint64_t e = from; e < to; ++e) {
        auto* entry = table_->upsert(group, std::to_string(1000 + e) + std::string(50, 's'));
        table_->set_count(group, entry, count);
      }
    }
    SealedRun run;
    table_->seal(run);
    harness_.commit(std::move(run));
  };
  set_counts(0, 260, 1);    // trees
  set_counts(150, 260, 0);  // half of the memory is free: they move
  set_counts(0, 150, 0);
  for (int i = 0; i < 10; ++i) set_counts(0, 0, 0);
  EXPECT_EQ(table_->resident_entries(), 0u);
  EXPECT_LT(budget_->used(), size_t{1} << 20);
}

TEST_P(OrderedTableTest, EmptyGroupsCostNothingAfterTheSealOfACompleteTable) {
  make_table(true);
  auto* group = load(key_of(1));
  auto* entry = table_->upsert(group, "a");
  table_->set_count(group, entry, 1);
  table_->set_count(group, entry, 0);
  load(key_of(2));
  SealedRun run;
  table_->seal(run);
  EXPECT_EQ(run.count(), 0u);
  EXPECT_EQ(table_->resident_entries(), 0u);
  std::vector<OrderedTable::Group*> groups(1);
  ASSERT_TRUE(table_->find(key_rows({key_of(1)}), groups).is_ok());
  EXPECT_EQ(groups[0], nullptr);
}

TEST_P(OrderedTableTest, TheFirstChangeOfAnEpochIsToldAndMarksLastUntilTheSeal) {
  make_table(true);
  auto end_epoch = [&] {
    SealedRun run;
    table_->seal(run);
    harness_.commit(std::move(run));
  };
  for (int epoch = 0; epoch < 3; ++epoch) {
    auto* group = load(key_of(1));
    EXPECT_EQ(OrderedTable::mark(group), 0u);
    for (const std::string_view suffix : {"a", "b"}) {
      bool is_first = false;
      auto* entry = table_->upsert(group, suffix, is_first);
      EXPECT_TRUE(is_first);
      table_->set_count(group, entry, epoch + 1);
      table_->set_value(group, entry, "12345678");
      OrderedTable::set_mark(group, 7);
      EXPECT_EQ(table_->upsert(group, suffix, is_first), entry);
      EXPECT_FALSE(is_first);
      EXPECT_EQ(OrderedTable::mark(group), 7u);
    }
    end_epoch();
  }
  // A change in place is one that is sealed.
  auto* group = load(key_of(1));
  auto* entry = OrderedTable::get(group, "b");
  table_->edit_value(group, entry)[3] = 'x';
  EXPECT_EQ(table_->dirty_entries(), 1u);
  EXPECT_EQ(OrderedTable::mark(group), 0u);
  end_epoch();
  make_table(false);
  group = load(key_of(1));
  EXPECT_EQ(OrderedTable::value(OrderedTable::get(group, "a")), "12345678");
  EXPECT_EQ(OrderedTable::value(OrderedTable::get(group, "b")), "123x5678");
}

TEST_P(OrderedTableTest, ManySingleEntryGroupsCostLittle) {
  make_table(true);
  constexpr uint32_t kGroups = 100'000;
  std::vector<std::string> keys;
  for (uint32_t i = 0; i < kGroups; ++i) {
    std::string key;
    data::append_key({data::kBigintType, int64_t{i}}, data::KeyMode::kGrouping, key);
    keys.push_back(key);
  }
  std::vector<OrderedTable::Group*> groups(kGroups);
  ASSERT_TRUE(table_->load(key_rows(keys), groups).is_ok());
  for (auto* group : groups) table_->set_count(group, table_->upsert(group, "12345678"), 1);
  SealedRun run;
  table_->seal(run);
  EXPECT_EQ(run.count(), kGroups);
  EXPECT_LT(table_->memory_bytes() / kGroups, 120u + 9 + 8);
}

INSTANTIATE_TEST_SUITE_P(Stores, OrderedTableTest,
                         ::testing::Values(Kind::kModel, Kind::kRocksBatch, Kind::kRocksIngest,
                                           Kind::kRocksMixed));

}  // namespace
}  // namespace forebay::state
