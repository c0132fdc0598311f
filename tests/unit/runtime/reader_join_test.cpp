// Views of one source that come to share a reader: seeded, on one thread, killed at every step.

#include "tests/unit/runtime/circuits.h"
#include "tests/unit/runtime/fake_partitions.h"

namespace forebay::runtime {
namespace {

using testing::aggregate;
using testing::kBigintType;
using testing::kBroken;
using testing::rows_of;

// SELECT k, count(*), sum(<column>) FROM log GROUP BY k, as object 20 + number.
Fragment view_fragment(const std::shared_ptr<const connectors::Source>& source, uint32_t number,
                       uint32_t column) {
  operators::AggregateParameters groups;
  groups.input_types = {kBigintType, kBigintType};
  groups.group_columns = {0};
  groups.aggregates = {{aggregate("count"), {}, false, -1, kBigintType},
                       {aggregate("sum"), {1}, false, -1, data::kNumericType}};
  groups.groups = TableId(30 + 10 * number);
  groups.value_tables = {TableId(31 + 10 * number), TableId(32 + 10 * number)};
  operators::MaterializeParameters rows{.types = {kBigintType, kBigintType, data::kNumericType},
                                        .key_columns = {0},
                                        .has_key = true,
                                        .rows = TableId(33 + 10 * number)};
  Fragment fragment{ObjectId(20 + number),
                    fmt::format("view{}", number),
                    {},
                    operators::stored_materialize(rows)};
  SourceInput input{ObjectId(19), "log", source, {}};
  for (const char* name : {"k", "v", "w"})
    input.decode.schema.push_back({name, kBigintType, false});
  input.decode.projection = {0, column};
  fragment.nodes.push_back({input, {}, groups.input_types});
  auto add = [&](operators::SpecRef spec, uint32_t from) {
    std::vector<Type> types = spec->output_types();
    fragment.nodes.push_back({std::move(spec), {{from, Exchange{{0}}}}, std::move(types)});
  };
  add(operators::make_aggregate(groups), 0);
  add(operators::make_materialize(rows), 1);
  return fragment;
}

// A life of the engine with some views over one source; crashes as told.
class Life {
 public:
  struct Plan {
    uint64_t seed = 0;
    uint64_t crash_at = 0;    // a step; 0: none
    bool crashes = false;     // at random
    bool has_broken = false;  // records with broken columns
    bool fails = false;       // a pipeline fails now and then
    bool pauses = false;      // the source or a view, for a while
    int records = 120;        // per partition
  };

  explicit Life(const Plan& plan) : plan_(plan), random_(plan.seed) {
    log_->batch_records = 1 + random_() % 7;
    for (size_t partition = 0; partition < 3; ++partition) {
      log_->records.emplace_back();
      log_->visible.push_back(0);
      for (int i = 0; i < plan.records; ++i) {
        testing::Record record;
        for (int64_t& column : record.columns) {
          column = static_cast<int64_t>(random_() % 12);
          if (plan.has_broken && random_() % 60 == 0) column = kBroken;
        }
        log_->records.back().push_back(record);
      }
    }
    open(state::make_model_store(), true);
  }

  // Two views from the beginning, the third after a while; everything is read; the views share a
  // reader.
  void run() {
    for (uint32_t number : {0u, 1u}) create(number);
    while (!is_all_visible() || !is_done()) {
      act();
      if (fragments_.size() < least_views_ && random_() % 300 == 0) create(2);
      if (::testing::Test::HasFailure()) return;
    }
  }

  uint64_t steps() const { return steps_; }

  void drop(uint32_t number) {
    ASSERT_TRUE(engine_->drop({fragments_[number].object}).is_ok());
    fragments_.erase(fragments_.begin() + number);
    least_views_ = fragments_.size();
  }
  void show_more() {
    for (auto& part : log_->records) part.push_back({{1, 1, 1}});
  }
  void finish() {
    while (!is_all_visible() || !is_done()) act();
  }
  uint64_t pauses() const { return pauses_; }
  size_t pipelines() const { return engine_->figures().pipelines.size(); }

 private:
  void create(uint32_t number) {
    Fragment fragment = view_fragment(source_, number, 1 + number % 2);
    ASSERT_TRUE(engine_->create(fragment, {fragment.object, "v"}, nullptr).is_ok());
    fragments_.push_back(std::move(fragment));
  }

  void open(std::unique_ptr<state::Store> store, bool is_new) {
    store_ = store.get();
    const auto workers = static_cast<uint16_t>(1 + random_() % 3);
    engine_ = testing::new_engine(workers, clock_, std::move(store));
    engine_->settings().batch_rows = 1 + static_cast<uint32_t>(random_() % 5);
    engine_->settings().checkpoint_interval_ms = 50;
    for (ObjectId id : paused_) engine_->attach_paused(id);
    if (!is_new) {
      for (const Fragment& fragment : fragments_) {
        ASSERT_TRUE(engine_->attach(fragment).is_ok());
      }
    }
    ASSERT_TRUE(engine_->start().is_ok());
  }

  void act() {
    ++steps_;
    uint64_t what = random_() % 40;
    if (what == 0) {
      clock_->advance_ms(static_cast<int64_t>(random_() % 60));
    } else if (what == 1) {
      size_t partition = random_() % log_->visible.size();
      log_->visible[partition] =
          std::min(log_->records[partition].size(), log_->visible[partition] + random_() % 20);
    } else if (what == 2 && plan_.fails && random_() % 10 == 0) {
      log_->fails_after = 1 + random_() % 10;
    } else if (what == 3 && plan_.pauses &&
               (steps_ < kLastPause ? random_() % 8 == 0 : !paused_.empty())) {
      toggle_pause();
    } else if (!engine_->run_one(random_())) {
      clock_->advance_ms(5);
    }
    check();
    if (steps_ == plan_.crash_at || (plan_.crashes && random_() % 200 == 0)) crash();
  }

  void crash() {
    std::unique_ptr<state::Store> survived = state::reopen_model_store(*store_);
    engine_.reset();
    open(std::move(survived), false);
    check();
  }

  // Pauses or resumes the source or a view; at last resumes what is left.
  void toggle_pause() {
    std::vector<ObjectId> ids{kSource};
    for (const Fragment& fragment : fragments_) ids.push_back(fragment.object);
    ObjectId id = ids[random_() % ids.size()];
    if (steps_ >= kLastPause) id = *paused_.begin();
    const bool pauses = !paused_.contains(id);
    ASSERT_TRUE(engine_->set_paused(id, pauses, {id, pauses ? "paused" : "running"}).is_ok());
    if (pauses) {
      paused_.insert(id);
    } else {
      paused_.erase(id);
    }
    stopped_.clear();
    for (const SourceFigures& one : engine_->figures().sources) {
      const bool is_paused = paused_.contains(kSource) || paused_.contains(one.reader);
      EXPECT_EQ(one.status == "paused", is_paused) << one.reader.value << " " << one.status;
      if (is_paused) stopped_[{one.reader, one.position.name}] = one.position.next.value;
    }
    ++pauses_;
  }

  bool is_all_visible() const {
    for (size_t i = 0; i < log_->visible.size(); ++i) {
      if (log_->visible[i] < log_->records[i].size()) return false;
    }
    return true;
  }

  // All is read and there is one pipeline with one reader.
  bool is_done() {
    Figures figures = engine_->figures();
    for (const SourceFigures& source : figures.sources) {
      if (source.position.name.empty()) return false;
      size_t partition = source.position.name.back() - '0';
      if (source.position.next.value < log_->records[partition].size()) return false;
    }
    EXPECT_LT(steps_, 200'000u) << "views do not join; " << figures.pipelines.size()
                                << " pipelines";
    if (::testing::Test::HasFailure()) return true;
    if (plan_.pauses && steps_ < kLastPause) return false;
    return paused_.empty() && figures.pipelines.size() == 1 && fragments_.size() >= least_views_ &&
           !figures.sources.empty();
  }

  // Every view equals its query over what its stored positions say; views of one pipeline are at
  // the same place if they were created there or joined.
  void check() {
    auto snapshot = engine_->snapshot();
    if (snapshot->epoch() == seen_) return;
    seen_ = snapshot->epoch();
    Figures figures = engine_->figures();
    std::map<std::pair<ObjectId, std::string>, uint64_t> positions;
    for (const SourceFigures& one : figures.sources) {
      positions[{one.reader, one.position.name}] = one.position.next.value;
    }
    for (const auto& [reader, position] : stopped_) {
      if (!reader.second.empty()) ASSERT_EQ(positions[reader], position) << "paused, and it reads";
    }
    auto errors = engine_->errors();
    ASSERT_TRUE(errors.is_ok());
    for (const Fragment& fragment : fragments_) {
      int64_t broken = 0, filed = 0;
      std::vector<std::string> expected = expected_of(fragment, positions, broken);
      for (const StoredError& error : *errors) {
        if (error.row.object == fragment.object) filed += error.count;
      }
      ASSERT_EQ(rows_of(*fragment.relation, *snapshot), expected)
          << fragment.name << ", step " << steps_ << ", seed " << plan_.seed;
      ASSERT_EQ(filed, broken) << fragment.name << ", step " << steps_ << ", seed " << plan_.seed;
    }
  }

  std::vector<std::string> expected_of(
      const Fragment& fragment,
      const std::map<std::pair<ObjectId, std::string>, uint64_t>& positions,
      int64_t& broken) const {
    uint32_t column = std::get<SourceInput>(fragment.nodes[0].what).decode.projection[1];
    std::map<int64_t, std::pair<int64_t, int64_t>> groups;
    for (size_t i = 0; i < log_->records.size(); ++i) {
      auto end = positions.find({fragment.object, testing::partition_name(i)});
      if (end == positions.end()) continue;
      for (uint64_t at = 0; at < end->second; ++at) {
        const testing::Record& record = log_->records[i][at];
        if (record.columns[0] == kBroken || record.columns[column] == kBroken) {
          ++broken;
          continue;
        }
        auto& group = groups[record.columns[0]];
        ++group.first;
        group.second += record.columns[column];
      }
    }
    std::vector<std::string> rows;
    for (const auto& [key, group] : groups) {
      rows.push_back(fmt::format("({},{},{})", key, group.first, group.second));
    }
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  static constexpr ObjectId kSource{19};
  static constexpr uint64_t kLastPause = 4000;

  const Plan plan_;
  std::mt19937_64 random_;
  std::shared_ptr<testing::Partitions> log_ = std::make_shared<testing::Partitions>(plan_.seed);
  std::shared_ptr<const connectors::Source> source_ =
      std::make_shared<testing::PartitionsSource>(log_);
  std::shared_ptr<data::FakeClock> clock_ = std::make_shared<data::FakeClock>();
  state::Store* store_ = nullptr;
  std::unique_ptr<Engine> engine_;
  std::vector<Fragment> fragments_;
  size_t least_views_ = 3;
  std::set<ObjectId> paused_;
  std::map<std::pair<ObjectId, std::string>, uint64_t> stopped_;
  uint64_t pauses_ = 0;
  uint64_t steps_ = 0;
  Epoch seen_{0};
};

TEST(ReaderJoinTest, ViewsOfOneSourceComeToShareAReader) {
  uint64_t seed = test_seed();
  for (uint64_t round = 0; round < 40 && !HasFailure(); ++round) {
    SCOPED_TRACE(fmt::format("seed {}", seed + round));
    Life life({.seed = seed + round, .has_broken = round % 2 == 1});
    life.run();
  }
}

TEST(ReaderJoinTest, CrashesAndFailuresLoseAndDoubleNothing) {
  uint64_t seed = test_seed();
  for (uint64_t round = 0; round < 40 && !HasFailure(); ++round) {
    SCOPED_TRACE(fmt::format("seed {}", seed + round));
    Life life({.seed = seed + round, .crashes = true, .has_broken = true, .fails = round % 2 == 1});
    life.run();
  }
}

TEST(ReaderJoinTest, KilledAtEveryStep) {
  uint64_t seed = test_seed();
  Life whole({.seed = seed, .records = 40});
  whole.run();
  for (uint64_t step = 1; step < whole.steps() && !HasFailure(); step += 1 + step / 300) {
    SCOPED_TRACE(fmt::format("seed {}, step {}", seed, step));
    Life life({.seed = seed, .crash_at = step, .records = 40});
    life.run();
  }
}

TEST(ReaderJoinTest, PausesLoseAndDoubleNothing) {
  uint64_t seed = test_seed();
  for (uint64_t round = 0; round < 20 && !HasFailure(); ++round) {
    SCOPED_TRACE(fmt::format("seed {}", seed + round));
    Life life({.seed = seed + round,
               .crashes = round % 2 == 1,
               .has_broken = true,
               .fails = round % 4 == 3,
               .pauses = true,
               .records = 400});
    life.run();
    EXPECT_GT(life.pauses(), 5u);
  }
}

TEST(ReaderJoinTest, DropOfTheFirstViewLeavesTheOthersReading) {
  uint64_t seed = test_seed();
  for (uint64_t round = 0; round < 10 && !HasFailure(); ++round) {
    SCOPED_TRACE(fmt::format("seed {}", seed + round));
    Life life({.seed = seed + round, .crashes = round % 2 == 1, .has_broken = true});
    life.run();
    life.drop(0);
    EXPECT_EQ(life.pipelines(), 1u);
    life.show_more();
    life.finish();
  }
}

}  // namespace
}  // namespace forebay::runtime
