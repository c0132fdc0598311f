#include <algorithm>

#include "tests/support/seed.h"
#include "tests/unit/operators/functions.h"
#include "tests/unit/operators/harness.h"
#include "tests/unit/operators/timed_input.h"
#include "tests/unit/operators/watermarked.h"

/// Over whose input comes in order of time and whose functions look ahead: a row comes out once,
/// when all that it sees is there.
namespace forebay::operators::testing {
namespace {

// Columns: 0 time, 1 partition, 2 bigint.
const std::vector<Type> kTypes{kTimestampType, kTextType, kBigintType};
constexpr TableId kRows(10), kTimers(11);

OverCall call_of(OverFunction function) {
  OverCall call;
  call.function = function;
  call.result_type = kBigintType;
  return call;
}
OverCall lag(int64_t number) {
  OverCall call = call_of(OverFunction::kLag);
  call.arguments = {2};
  call.number = number;
  return call;
}
/// Offsets; INT64_MIN: the partition's start.
OverCall framed(OverFunction function, FrameUnit unit, int64_t lower, int64_t upper) {
  OverCall call = call_of(function);
  if (function == OverFunction::kAggregate) {
    call.aggregate = &kCountRows;
  } else {
    call.arguments = {2};
  }
  call.frame.unit = unit;
  const auto bound = [&](int64_t offset) {
    FrameBound out{FrameBound::Edge::kOffset, offset, nullptr};
    if (unit == FrameUnit::kRange && offset != 0) out.value = moved_time("+", offset);
    return out;
  };
  if (lower != INT64_MIN) call.frame.lower = bound(lower);
  call.frame.upper = bound(upper);
  return call;
}

struct Case {
  const char* name;
  std::vector<OverCall> calls;
  /// What is behind the watermark by some time is forgotten, or all but a few rows per partition.
  bool forgets = true;
};

const std::vector<Case>& cases() {
  using enum FrameUnit;
  constexpr auto kCount = OverFunction::kAggregate;
  constexpr auto kLast = OverFunction::kLastValue;
  static const std::vector<Case> all{
      {"lead", {lag(-1)}},
      {"lead_and_lag", {lag(-3), lag(2)}},
      {"rows", {framed(kCount, kRows, -1, 2), framed(kLast, kRows, 1, 3)}},
      {"range", {framed(kCount, kRange, -6, 5)}},
      {"range_from_row", {framed(kLast, kRange, 0, 7), framed(kCount, kRange, 2, 4)}},
      {"range_behind", {framed(kCount, kRange, -9, 0), framed(kLast, kRange, -4, -2)}},
      {"groups", {framed(kCount, kGroups, -1, 2)}},
      {"range_and_lead", {framed(kCount, kRange, 0, 5), lag(-2)}},
      {"running", {framed(kCount, kRows, INT64_MIN, 1), call_of(OverFunction::kRowNumber)}, false},
      {"running_range",
       {framed(kCount, kRange, INT64_MIN, 3), call_of(OverFunction::kRank)},
       false}};
  return all;
}

OverParameters parameters(const Case& wanted) {
  OverParameters p;
  p.types = kTypes;
  p.partition_columns = {1};
  p.order = {{0}};
  p.calls = wanted.calls;
  p.rows = kRows;
  p.timers = kTimers;
  p.in_order = TimeBound{0, {{{ObjectId(1), 1}, nullptr}}};
  p.waits = true;
  return p;
}

int64_t time_of(const Row& row) { return std::get<int64_t>(row[0].value); }

/// The rows of one partition, in order, and which of them are final.
class Partition {
 public:
  Partition(std::vector<Row> rows, int64_t watermark) : rows_(std::move(rows)) {
    watermark_ = watermark;
    std::sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) {
      if (time_of(a) != time_of(b)) return time_of(a) < time_of(b);
      return std::get<int64_t>(a[2].value) < std::get<int64_t>(b[2].value);
    });
  }
  size_t size() const { return rows_.size(); }

  bool is_final(const OverCall& call, size_t at) const {
    if (watermark_ == kEndOfTime) return true;
    if (call.function == OverFunction::kRowNumber || call.function == OverFunction::kRank) {
      return true;
    }
    if (call.function == OverFunction::kLag) {
      return static_cast<int64_t>(at) - call.number < static_cast<int64_t>(size());
    }
    const int64_t upper = call.frame.upper.offset;
    switch (call.frame.unit) {
      case FrameUnit::kRows:
        return static_cast<int64_t>(at) + upper < static_cast<int64_t>(size());
      case FrameUnit::kGroups:
        return group_of(size() - 1) - group_of(at) >= upper;
      case FrameUnit::kRange:
        return upper <= 0 || time_of(rows_[at]) + upper < watermark_;
    }
    return false;
  }

  Datum value(const OverCall& call, size_t at) const {
    if (call.function == OverFunction::kRowNumber) {
      return {kBigintType, static_cast<int64_t>(at) + 1};
    }
    if (call.function == OverFunction::kRank) {
      int64_t rank = 1;
      for (size_t i = 0; i < at; ++i) rank += time_of(rows_[i]) < time_of(rows_[at]) ? 1 : 0;
      return {kBigintType, rank};
    }
    if (call.function == OverFunction::kLag) {
      const int64_t wanted = static_cast<int64_t>(at) - call.number;
      const bool is_there = wanted >= 0 && wanted < static_cast<int64_t>(size());
      return is_there ? rows_[static_cast<size_t>(wanted)][2] : Datum::null(kBigintType);
    }
    int64_t count = 0;
    Datum last = Datum::null(kBigintType);
    for (size_t i = 0; i < size(); ++i) {
      if (!is_in_frame(call.frame, at, i)) continue;
      ++count;
      last = rows_[i][2];
    }
    return call.function == OverFunction::kLastValue ? last : Datum{kBigintType, count};
  }
  const Row& row(size_t at) const { return rows_[at]; }

 private:
  int64_t group_of(size_t at) const {
    int64_t group = 0;
    for (size_t i = 1; i <= at; ++i) group += time_of(rows_[i]) != time_of(rows_[i - 1]) ? 1 : 0;
    return group;
  }
  bool is_in_frame(const OverFrame& frame, size_t at, size_t other) const {
    int64_t distance = 0;
    switch (frame.unit) {
      case FrameUnit::kRows:
        distance = static_cast<int64_t>(other) - static_cast<int64_t>(at);
        break;
      case FrameUnit::kGroups:
        distance = group_of(other) - group_of(at);
        break;
      case FrameUnit::kRange:
        distance = time_of(rows_[other]) - time_of(rows_[at]);
        break;
    }
    const bool from_start = frame.lower.edge == FrameBound::Edge::kPartitionStart;
    return (from_start || distance >= frame.lower.offset) && distance <= frame.upper.offset;
  }

  std::vector<Row> rows_;
  int64_t watermark_ = 0;
};

Relation reference(const Case& wanted, const Relation& input, int64_t watermark) {
  std::map<std::string, std::vector<Row>> partitions;
  for (const Row& row : input.expanded()) partitions[text_of({row[1]})].push_back(row);
  Relation out;
  for (auto& [text, rows] : partitions) {
    const Partition partition(std::move(rows), watermark);
    for (size_t i = 0; i < partition.size(); ++i) {
      bool is_final = true;
      Row row = partition.row(i);
      for (const OverCall& call : wanted.calls) {
        is_final &= partition.is_final(call, i);
        row.push_back(partition.value(call, i));
      }
      if (is_final) out.add(row, 1);
    }
  }
  return out;
}

size_t stored_entries(const state::Store& store) {
  size_t entries = 0;
  auto snapshot = store.snapshot();
  for (state::Family family : {state::Family::kLog, state::Family::kHot}) {
    for (auto cursor = snapshot->scan(family, "", ""); cursor->valid(); cursor->next()) ++entries;
  }
  return entries;
}

class OverAhead : public ::testing::TestWithParam<std::tuple<size_t, uint32_t, bool>> {};

TEST_P(OverAhead, GivesEachRowWhenItIsFinalAndForgets) {
  auto [index, batch_rows, lags] = GetParam();
  const Case& wanted = cases()[index];
  const uint64_t seed = seed_or(6400 + batch_rows + index * 3 + lags * 64);
  SCOPED_TRACE(std::string(wanted.name) + " FOREBAY_SEED=" + std::to_string(seed));
  Watermarked watermarks;
  watermarks.nodes[1] = {kNoWatermark, kNoWatermark};
  std::shared_ptr<state::Store> store =
      batch_rows == 7 ? make_rocks_store()
                      : std::shared_ptr<state::Store>(state::make_model_store());
  Driver driver(make_over(parameters(wanted)), {{kTypes, {1}}}, batch_rows, store, &watermarks);
  driver.lags = lags;
  std::mt19937_64 random(seed);
  Relation input;
  int64_t clock = 0;
  const int epochs = test_length(180);
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const int64_t to = clock + static_cast<int64_t>(random() % 8);
    std::vector<Change> changes;
    for (size_t i = to > clock ? random() % 12 : 0; i > 0; --i) {
      const int64_t time =
          clock + static_cast<int64_t>(random() % static_cast<uint64_t>(to - clock));
      Row row{{kTimestampType, time},
              {kTextType, std::string(1, static_cast<char>('a' + random() % 3))},
              {kBigintType, static_cast<int64_t>(random() % 3)}};
      // Some of them twice.
      const Weight weight = random() % 4 == 0 ? 2 : 1;
      changes.push_back({row, weight});
      input.add(row, weight);
    }
    driver.send(0, changes, random);
    const bool is_last = epoch + 1 == epochs;
    watermarks.advance(1, is_last ? kEndOfTime : to);
    clock = to;
    if (random() % 12 == 0 && !is_last) {
      // What is lost is read again.
      driver.lose_epoch(static_cast<uint16_t>(1 + random() % 3));
      driver.send(0, changes, random);
    }
    driver.end_epoch();
    const size_t emitted = driver.sum.emitted;
    ASSERT_EQ(driver.sum.rows.text(), reference(wanted, input, watermarks.nodes[1].second).text())
        << "epoch " << epoch;
    // Nothing is ever taken back.
    ASSERT_EQ(emitted, driver.sum.rows.expanded().size()) << "epoch " << epoch;
    watermarks.end_epoch();
    if (random() % 5 == 0) driver.restart(static_cast<uint16_t>(1 + random() % 3));
    if (epoch == epochs - 2) {
      driver.commit();
      if (wanted.forgets) {
        EXPECT_LT(stored_entries(*store), 70u);
      }
      EXPECT_GT(input.expanded().size(), 100u);
    }
  }
  driver.commit();
  if (wanted.forgets) {
    EXPECT_EQ(stored_entries(*store), 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(All, OverAhead,
                         ::testing::Combine(::testing::Range<size_t>(0, 10),
                                            ::testing::Values(1u, 7u, 1024u), ::testing::Bool()));

/// A partition in which nothing happens any more: its rows come when time has passed, and go.
TEST(OverAhead, APartitionWithoutNewRowsIsForgotten) {
  const Case range{"range", {framed(OverFunction::kAggregate, FrameUnit::kRange, -100, 5)}};
  Watermarked watermarks;
  watermarks.nodes[1] = {kNoWatermark, kNoWatermark};
  std::shared_ptr<state::Store> store = state::make_model_store();
  Driver driver(make_over(parameters(range)), {{kTypes, {1}}}, 7, store, &watermarks);
  std::mt19937_64 random(1);
  std::vector<Change> changes;
  for (int64_t i = 0; i < 50; ++i) {
    changes.push_back({{{kTimestampType, int64_t{10}},
                        {kTextType, "partition " + std::to_string(i)},
                        {kBigintType, i}},
                       1});
  }
  driver.send(0, changes, random);
  const auto pass = [&](int64_t to) {
    watermarks.advance(1, to);
    driver.end_epoch();
    watermarks.end_epoch();
  };
  pass(15);
  EXPECT_EQ(driver.sum.emitted, 0u);
  pass(16);
  EXPECT_EQ(driver.sum.emitted, 50u);
  driver.restart(2);
  pass(110);
  // A row at 110 would see them.
  EXPECT_GE(stored_entries(*store), 50u);
  pass(200);
  pass(300);
  EXPECT_EQ(stored_entries(*store), 0u);
}

}  // namespace
}  // namespace forebay::operators::testing
