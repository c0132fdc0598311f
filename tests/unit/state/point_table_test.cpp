#include <gtest/gtest.h>

#include "state/memory_budget.h"
#include "state/state_table.h"
#include "tests/support/seed.h"
#include "tests/unit/state/store_harness.h"

namespace forebay::state {
namespace {

using namespace testing;

/// The payload: a number, and a string that it owns.
struct Payload {
  int64_t number;
  std::string* text;
};
class TestCodec final : public PayloadCodec {
 public:
  void encode(const char* payload, std::string& out) const override {
    const auto* p = reinterpret_cast<const Payload*>(payload);
    out.append(reinterpret_cast<const char*>(&p->number), 8);
    if (p->text != nullptr) out += *p->text;
  }
  Status decode(std::string_view bytes, char* payload) const override {
    auto* p = reinterpret_cast<Payload*>(payload);
    if (bytes.size() < 8) return {data::sqlstate::kDataCorrupted, "short"};
    std::memcpy(&p->number, bytes.data(), 8);
    if (bytes.size() > 8) p->text = new std::string(bytes.substr(8));
    return {};
  }
  void destroy(char* payload) const override { delete reinterpret_cast<Payload*>(payload)->text; }
};
const TestCodec kCodec;

struct Value {
  int64_t number = 0;
  std::string text;
  friend bool operator==(const Value&, const Value&) = default;
};
using Model = std::map<std::string, Value>;

Value value_of(PointTable::Entry* entry) {
  const auto* payload = reinterpret_cast<const Payload*>(PointTable::payload(entry));
  return {payload->number, payload->text == nullptr ? "" : *payload->text};
}

class PointTableTest : public ::testing::TestWithParam<Kind> {
 protected:
  void make_table(bool empty) {
    table_ = std::make_unique<PointTable>(TableOptions{.id = data::TableId(7),
                                                       .store = &harness_.store(),
                                                       .starts_empty = empty,
                                                       .budget = budget_ ? &*budget_ : nullptr,
                                                       .counters = &counters_},
                                          sizeof(Payload), &kCodec);
  }
  std::vector<std::string> some_keys(Random& random) {
    std::vector<std::string> keys;
    for (uint64_t i = random.below(40); i > 0; --i) keys.push_back(key_of(random.below(300)));
    return keys;
  }
  void check_find(const std::vector<std::string>& keys) {
    std::vector<PointTable::Entry*> entries(keys.size());
    ASSERT_TRUE(table_->find(key_rows(keys), entries).is_ok());
    for (size_t i = 0; i < keys.size(); ++i) {
      auto expected = now_.find(keys[i]);
      ASSERT_EQ(entries[i] != nullptr, expected != now_.end());
      if (entries[i] == nullptr) continue;
      ASSERT_EQ(PointTable::key(entries[i]), keys[i]);
      ASSERT_EQ(value_of(entries[i]), expected->second);
    }
  }
  void change(Random& random, const std::vector<std::string>& keys) {
    std::vector<PointTable::Entry*> entries(keys.size());
    std::vector<uint8_t> created(keys.size());
    ASSERT_TRUE(table_->find_or_create(key_rows(keys), entries, created).is_ok());
    for (size_t i = 0; i < keys.size(); ++i) {
      bool known = now_.contains(keys[i]);
      ASSERT_EQ(created[i] != 0, !known) << i;
      now_[keys[i]];
    }
    for (size_t i = 0; i < keys.size(); ++i) {
      if (PointTable::is_erased(entries[i])) continue;  // by an equal key of this batch
      ASSERT_EQ(table_->mark_dirty(entries[i]), !dirty_.contains(keys[i]));
      dirty_.insert(keys[i]);
      if (random.below(3) == 0) {
        table_->erase(entries[i]);
        now_.erase(keys[i]);
        continue;
      }
      auto* payload = reinterpret_cast<Payload*>(PointTable::payload(entries[i]));
      Value& value = now_[keys[i]];
      value.number = payload->number += static_cast<int64_t>(random.below(100)) - 50;
      if (random.below(2) == 0) {
        if (payload->text == nullptr) payload->text = new std::string;
        value.text = *payload->text += std::string(random.below(900), 't');
        if (value.text.size() > 2000) value.text = *payload->text = "";
      }
    }
    ASSERT_EQ(table_->dirty_entries(), dirty_.size());
  }
  SealedRun seal() {
    SealedRun run;
    table_->seal(run);
    dirty_.clear();
    EXPECT_EQ(table_->dirty_entries(), 0u);
    return run;
  }

  void equals_a_map(Random& random, int steps);

  Harness harness_{GetParam()};
  std::optional<MemoryBudget> budget_;
  TierCounters counters_;
  std::unique_ptr<PointTable> table_;
  Model now_;
  std::set<std::string> dirty_;
};

void PointTableTest::equals_a_map(Random& random, int steps) {
  make_table(true);
  Model committed;
  std::optional<SealedRun> pending;  // sealed, not committed: at most one
  Model pending_model;
  auto commit_pending = [&] {
    if (!pending) return;
    harness_.commit(std::move(*pending));
    pending.reset();
    committed = pending_model;
  };
  for (int step = 0; step < steps; ++step) {
    switch (random.below(8)) {
      case 0:
        commit_pending();
        pending = seal();
        pending_model = now_;
        break;
      case 1:
        commit_pending();
        break;
      case 2:
        if (random.below(4) != 0) break;
        // A crash: what was not committed is lost.
        if (random.below(2) == 0) commit_pending();
        pending.reset();
        table_.reset();
        harness_.reopen();
        now_ = committed;
        dirty_.clear();
        make_table(false);
        ASSERT_EQ(contents(*harness_.store().snapshot(), Family::kHot).size(), committed.size());
        break;
      case 3:
      case 4:
        check_find(some_keys(random));
        break;
      default:
        change(random, some_keys(random));
        break;
    }
    if (HasFatalFailure()) return;
  }
}

TEST_P(PointTableTest, EqualsAMapOverSealsCommitsThatLagAndReopenings) {
  uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  equals_a_map(random, test_full() ? 800 : 200);
  EXPECT_EQ(counters_.evictions, 0u);
}

TEST_P(PointTableTest, EqualsAMapInTinyMemory) {
  uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (size_t bytes : {1, 8'000}) {
    harness_.reset();
    now_.clear();
    dirty_.clear();
    budget_.emplace(bytes);
    equals_a_map(random, test_full() ? 800 : 200);
    table_.reset();
    EXPECT_EQ(budget_->used(), 0u);
  }
  EXPECT_GT(counters_.evictions, 0u);
  EXPECT_GT(counters_.read_backs, 0u);
}

TEST_P(PointTableTest, StaysWithinItsBudgetAndGivesMemoryBack) {
  budget_.emplace(size_t{1} << 20);
  MemoryBudget& budget = *budget_;
  make_table(true);
  Random random(5);
  constexpr uint64_t kKeys = 60'000;
  std::map<std::string, int64_t> model;
  for (int epoch = 0; epoch < 60; ++epoch) {
    std::vector<std::string> keys;
    for (int i = 0; i < 2'000; ++i) keys.push_back(key_of(random.below(kKeys)));
    std::vector<PointTable::Entry*> entries(keys.size());
    std::vector<uint8_t> created(keys.size());
    ASSERT_TRUE(table_->find_or_create(key_rows(keys), entries, created).is_ok());
    for (size_t i = 0; i < keys.size(); ++i) {
      table_->mark_dirty(entries[i]);
      auto* payload = reinterpret_cast<Payload*>(PointTable::payload(entries[i]));
      ASSERT_EQ(payload->number, model[keys[i]]);
      model[keys[i]] = ++payload->number;
    }
    harness_.commit(seal());
    // Two epochs of dirty entries may be above it.
    ASSERT_LT(budget.used(), budget.bytes() * 3 / 2) << epoch;
  }
  EXPECT_LT(table_->resident_entries(), model.size() / 2);
  EXPECT_GT(counters_.read_backs, 10'000u);
}

TEST_P(PointTableTest, ATableThatIsAskedForLessMakesRoomForAnother) {
  budget_.emplace(size_t{24} << 20);
  make_table(true);
  auto other = std::move(table_);
  PointTable large(TableOptions{.id = data::TableId(8),
                                .store = &harness_.store(),
                                .budget = &*budget_,
                                .counters = &counters_},
                   1024, nullptr);
  auto fill = [&](PointTable& table, uint64_t from, uint64_t count) {
    std::vector<std::string> keys;
    for (uint64_t i = from; i < from + count; ++i) keys.push_back(key_of(i));
    std::vector<PointTable::Entry*> entries(keys.size());
    std::vector<uint8_t> created(keys.size());
    ASSERT_TRUE(table.find_or_create(key_rows(keys), entries, created).is_ok());
    for (auto* entry : entries) table.mark_dirty(entry);
  };
  auto end_epoch = [&] {
    SealedRun run;
    large.seal(run);
    other->seal(run);
    harness_.commit(std::move(run));
  };
  for (uint64_t i = 0; i < 22; ++i) {
    fill(large, i * 1000, 1000);
    end_epoch();
  }
  size_t before = large.memory_bytes();
  EXPECT_GT(before, size_t{20} << 20);
  for (uint64_t i = 0; i < 100; ++i) {
    fill(*other, i * 2000, 2000);
    fill(large, 0, 1);
    end_epoch();
  }
  EXPECT_LT(large.memory_bytes(), before * 3 / 4);
  EXPECT_LT(budget_->used(), budget_->bytes() * 5 / 4);
  EXPECT_LT(large.memory_bytes() + other->memory_bytes(), budget_->bytes() * 3 / 2);
  std::vector<std::string> keys;
  for (uint64_t i = 0; i < 22'000; ++i) keys.push_back(key_of(i));
  std::vector<PointTable::Entry*> entries(keys.size());
  ASSERT_TRUE(large.find(key_rows(keys), entries).is_ok());
  for (size_t i = 0; i < keys.size(); ++i) ASSERT_EQ(PointTable::key(entries[i]), keys[i]);
}

// State that comes and goes with time keeps its memory for some epochs while there is enough.
TEST_P(PointTableTest, GivesMemoryBackSomeEpochsLater) {
  budget_.emplace(size_t{96} << 20);
  PointTable table(
      TableOptions{.id = data::TableId(8), .store = &harness_.store(), .budget = &*budget_}, 512,
      nullptr);
  std::vector<std::string> keys;
  for (uint64_t i = 0; i < 12000; ++i) keys.push_back(key_of(i));
  std::vector<PointTable::Entry*> entries(keys.size());
  std::vector<uint8_t> created(keys.size());
  const auto end_epoch = [&] {
    SealedRun run;
    table.seal(run);
    harness_.commit(std::move(run));
  };
  size_t full = 0;
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(table.find_or_create(key_rows(keys), entries, created).is_ok());
    for (auto* entry : entries) table.mark_dirty(entry);
    end_epoch();
    full = table.memory_bytes();
    EXPECT_GT(full, size_t{6} << 20);
    for (auto* entry : entries) {
      table.mark_dirty(entry);
      table.erase(entry);
    }
    for (int epoch = 0; epoch < 10; ++epoch) end_epoch();
    EXPECT_GT(table.memory_bytes(), full / 4 * 3);
  }
  for (int epoch = 0; epoch < 64; ++epoch) end_epoch();
  EXPECT_LT(table.memory_bytes(), full / 4);
}

TEST_P(PointTableTest, CreatedAndErasedInOneEpochWritesNothing) {
  make_table(true);
  std::vector<PointTable::Entry*> entries(1);
  std::vector<uint8_t> created(1);
  ASSERT_TRUE(table_->find_or_create(key_rows({key_of(1)}), entries, created).is_ok());
  table_->mark_dirty(entries[0]);
  table_->erase(entries[0]);
  SealedRun run = seal();
  EXPECT_EQ(run.count(), 0u);
  EXPECT_EQ(table_->resident_entries(), 0u);
}

TEST_P(PointTableTest, AKnownAbsenceIsForgottenAfterEightSeals) {
  make_table(false);
  std::vector<PointTable::Entry*> entries(1);
  ASSERT_TRUE(table_->find(key_rows({key_of(1)}), entries).is_ok());
  EXPECT_EQ(entries[0], nullptr);
  EXPECT_EQ(table_->resident_entries(), 1u);
  for (int i = 0; i < 7; ++i) seal();
  EXPECT_EQ(table_->resident_entries(), 1u);
  seal();
  EXPECT_EQ(table_->resident_entries(), 0u);
}

TEST_P(PointTableTest, GrowsAndShrinksThroughManyKeys) {
  make_table(true);
  constexpr uint64_t kKeys = 20'000;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::string> keys;
    for (uint64_t i = 0; i < kKeys; ++i) keys.push_back(key_of(i + kKeys / 2 * round));
    std::vector<PointTable::Entry*> entries(keys.size());
    std::vector<uint8_t> created(keys.size());
    ASSERT_TRUE(table_->find_or_create(key_rows(keys), entries, created).is_ok());
    for (auto* entry : entries) table_->mark_dirty(entry);
    for (size_t i = 0; i < keys.size(); ++i) ASSERT_EQ(PointTable::key(entries[i]), keys[i]);
    for (size_t i = 0; i < kKeys / 2; ++i) table_->erase(entries[i]);
    SealedRun run = seal();
    EXPECT_EQ(run.count(), round == 0 ? kKeys / 2 : kKeys) << round;
    EXPECT_EQ(table_->resident_entries(), kKeys / 2);
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, PointTableTest,
                         ::testing::Values(Kind::kModel, Kind::kRocksBatch, Kind::kRocksIngest,
                                           Kind::kRocksMixed));

}  // namespace
}  // namespace forebay::state
