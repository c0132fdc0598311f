// The rows behind forebay.errors: netting, the bound on payloads, the number of the epoch.

#include "engine/runtime/error_table.h"

#include "tests/unit/runtime/circuits.h"

namespace forebay::runtime {
namespace {

using namespace testing;

operators::ErrorRow error_row(std::string raw, data::Weight weight) {
  operators::ErrorRow row;
  row.object = kView;
  row.sqlstate = data::sqlstate::kInternalError;
  row.reason = "because";
  row.raw = std::move(raw);
  row.weight = weight;
  return row;
}

// Applies epochs to a table and to the store behind it.
class Errors {
 public:
  void apply(std::vector<operators::ErrorRow> rows) {
    state::SealedRun run;
    Epoch epoch = store_->last_committed().next();
    table_.apply(std::move(rows), 0, epoch, run);
    std::vector<state::SealedRun> runs;
    runs.push_back(std::move(run));
    EXPECT_TRUE(store_->commit(epoch, std::move(runs), {}).is_ok());
  }
  std::vector<StoredError> read() const {
    auto errors = ErrorTable::read(*store_->snapshot());
    EXPECT_TRUE(errors.is_ok());
    return std::move(errors).value();
  }
  int64_t count() const {
    int64_t count = 0;
    for (const StoredError& error : read()) count += error.count;
    return count;
  }

 private:
  std::unique_ptr<state::Store> store_ = state::make_model_store();
  ErrorTable table_;
};

TEST(ErrorTableTest, WeightsOfAnEpochAreNettedFirst) {
  Errors errors;
  errors.apply({error_row("a", -1), error_row("a", 1), error_row("b", 1)});
  ASSERT_EQ(errors.read().size(), 1u);
  EXPECT_EQ(errors.read()[0].id, 1u);  // what came and went has no number
  EXPECT_EQ(errors.read()[0].row.raw, "b");
}

TEST(ErrorTableTest, BooksOfAFullTableBalanceInAnyOrder) {
  std::mt19937_64 random(test_seed());
  Errors errors;
  std::vector<operators::ErrorRow> full;
  for (size_t i = 0; i < ErrorTable::kMostPerObject; ++i) {
    full.push_back(error_row(fmt::format("row {}", i), 1));
  }
  errors.apply(full);
  // One that is counted without its payload; its net change is nothing or one, whatever the order.
  std::map<std::string, int64_t> present;
  for (int round = 0; round < 50; ++round) {
    std::string raw = fmt::format("more {}", random() % 5);
    std::vector<operators::ErrorRow> rows;
    data::Weight change = present[raw] > 0 && random() % 2 == 0 ? -1 : 1;
    data::Weight noise = 1 + static_cast<data::Weight>(random() % 3);
    rows.push_back(error_row(raw, -noise));
    rows.push_back(error_row(raw, noise));
    rows.insert(rows.begin() + static_cast<ptrdiff_t>(random() % 3), error_row(raw, change));
    present[raw] += change;
    if (round == 20) rows.push_back(error_row("row 7", -1));  // makes room
    errors.apply(std::move(rows));
    int64_t expected = static_cast<int64_t>(ErrorTable::kMostPerObject) - (round >= 20 ? 1 : 0);
    for (const auto& [text, count] : present) expected += count;
    ASSERT_EQ(errors.count(), expected) << "round " << round;
  }
  std::vector<operators::ErrorRow> last;
  for (const auto& [raw, count] : present) {
    if (count > 0) last.push_back(error_row(raw, -count));
  }
  for (auto& row : full) {
    if (row.raw != "row 7") last.push_back(error_row(row.raw, -1));
  }
  errors.apply(std::move(last));
  EXPECT_TRUE(errors.read().empty());
}

// An epoch that is asked for while another is being written has the next number.
TEST(ErrorTableTest, ErrorsShowTheEpochThatCommittedThem) {
  auto clock = std::make_shared<data::FakeClock>();
  std::function<void()> on_commit = [] {};
  auto engine = open_engine(1, clock, std::make_unique<WatchedStore>([&] { on_commit(); }));
  Fragment first = table_fragment(), second = table_fragment(ObjectId(40));
  ASSERT_TRUE(engine->create(first, {first.object, "a"}, nullptr).is_ok());
  ASSERT_TRUE(engine->create(second, {second.object, "b"}, nullptr).is_ok());
  auto script = std::make_shared<Script>();
  Fragment view = scripted_fragment(ObjectId(50), second, script);
  ASSERT_TRUE(engine->create(view, {view.object, "v"}, nullptr).is_ok());
  bool sealed = false;
  uint64_t ticket = 0;
  bool watching = true;
  on_commit = [&] {
    if (!watching) return;
    watching = false;
    script->rejects = true;
    script->on_seal = [&] { sealed = true; };
    ticket = put(*engine, second.object, name_row(1, "bad"));
    for (uint64_t actor = 0; !sealed; actor = 1 - actor) {  // the worker and the coordinator
      clock->advance_ms(1000);
      engine->run_one(actor);
    }
    engine->run_one(1);
  };
  ASSERT_TRUE(
      engine->wait(first.object, put(*engine, first.object, name_row(1, "one")), nullptr).is_ok());
  ASSERT_TRUE(engine->wait(second.object, ticket, nullptr).is_ok());
  auto errors = engine->errors();
  ASSERT_TRUE(errors.is_ok());
  ASSERT_EQ(errors->size(), 1u);
  EXPECT_EQ(errors->front().epoch, engine->snapshot()->epoch());
}

}  // namespace
}  // namespace forebay::runtime
