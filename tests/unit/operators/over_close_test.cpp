#include <algorithm>

#include "tests/unit/operators/functions.h"
#include "tests/unit/operators/harness.h"
#include "tests/unit/operators/timed_input.h"
#include "tests/unit/operators/watermarked.h"

/// Over whose input comes in order of time: what later rows don't see is forgotten.
namespace forebay::operators::testing {
namespace {

// Columns: 0 time, 1 partition, 2 bigint.
const std::vector<Type> kTypes{kTimestampType, kTextType, kBigintType};
constexpr TableId kRows(10);
constexpr int64_t kRange = 6;

enum class Frame { kLag, kRows, kRange, kGroups };

OverParameters parameters(Frame frame) {
  OverParameters p;
  p.types = kTypes;
  p.partition_columns = {1};
  p.order = {{0}};
  OverCall call;
  call.result_type = kBigintType;
  if (frame == Frame::kLag) {
    call.function = OverFunction::kLag;
    call.arguments = {2};
    call.number = 2;
  } else {
    call.function = OverFunction::kAggregate;
    call.aggregate = &kCountRows;
    call.frame.lower = {FrameBound::Edge::kOffset, -2, nullptr};
    call.frame.unit = frame == Frame::kRows    ? FrameUnit::kRows
                      : frame == Frame::kRange ? FrameUnit::kRange
                                               : FrameUnit::kGroups;
    if (frame == Frame::kRange) call.frame.lower.value = moved_time("-", kRange);
  }
  p.calls = {call};
  p.rows = kRows;
  p.in_order = TimeBound{0, {{{ObjectId(1), 1}, nullptr}}};
  return p;
}

int64_t time_of(const Row& row) { return std::get<int64_t>(row[0].value); }

Datum value_of(Frame frame, const std::vector<Row>& rows, size_t at) {
  if (frame == Frame::kLag) return at < 2 ? Datum::null(kBigintType) : rows[at - 2][2];
  size_t from = at, to = at;
  switch (frame) {
    case Frame::kRows:
      from = at < 2 ? 0 : at - 2;
      break;
    case Frame::kRange:
      while (from > 0 && time_of(rows[from - 1]) >= time_of(rows[at]) - kRange) --from;
      break;
    default: {
      int groups = 0;
      while (from > 0) {
        if (time_of(rows[from - 1]) != time_of(rows[from]) && ++groups > 2) break;
        --from;
      }
    }
  }
  if (frame != Frame::kRows) {
    while (to + 1 < rows.size() && time_of(rows[to + 1]) == time_of(rows[at])) ++to;
  }
  return {kBigintType, static_cast<int64_t>(to - from + 1)};
}

Relation reference(Frame frame, const Relation& input) {
  std::map<std::string, std::vector<Row>> partitions;
  for (const Row& row : input.expanded()) partitions[text_of({row[1]})].push_back(row);
  Relation out;
  for (auto& [text, rows] : partitions) {
    std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
      if (time_of(a) != time_of(b)) return time_of(a) < time_of(b);
      if (a[2].is_null() || b[2].is_null()) return !a[2].is_null();
      return compare(a[2], b[2]) < 0;
    });
    for (size_t i = 0; i < rows.size(); ++i) {
      Row row = rows[i];
      row.push_back(value_of(frame, rows, i));
      out.add(row, 1);
    }
  }
  return out;
}

class OverClose : public ::testing::TestWithParam<std::tuple<Frame, uint32_t, bool>> {};

TEST_P(OverClose, EqualsReferenceAndForgets) {
  auto [frame, batch_rows, lags] = GetParam();
  const uint64_t seed = seed_or(3000 + batch_rows + static_cast<uint64_t>(frame) * 2 + lags * 16);
  SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
  Watermarked watermarks;
  watermarks.nodes[1] = {kNoWatermark, kNoWatermark};
  std::shared_ptr<state::Store> store =
      batch_rows == 7 ? make_rocks_store()
                      : std::shared_ptr<state::Store>(state::make_model_store());
  Driver driver(make_over(parameters(frame)), {{kTypes, {1}}}, batch_rows, store, &watermarks);
  driver.lags = lags;
  std::mt19937_64 random(seed);
  Relation input;
  int64_t clock = 0;
  for (int epoch = 0; epoch < 200; ++epoch) {
    const int64_t to = clock + static_cast<int64_t>(random() % 8);
    std::vector<Change> changes;
    for (size_t i = to > clock ? random() % 12 : 0; i > 0; --i) {
      const int64_t time =
          clock + static_cast<int64_t>(random() % static_cast<uint64_t>(to - clock));
      Row row{{kTimestampType, time},
              {kTextType, std::string(1, static_cast<char>('a' + random() % 3))},
              {kBigintType, static_cast<int64_t>(random() % 5)}};
      changes.push_back({row, 1});
      input.add(row, 1);
    }
    driver.send(0, changes, random);
    watermarks.advance(1, to);
    clock = to;
    driver.end_epoch();
    ASSERT_EQ(driver.sum.rows.text(), reference(frame, input).text()) << "epoch " << epoch;
    watermarks.end_epoch();
    if (random() % 5 == 0) driver.restart(static_cast<uint16_t>(1 + random() % 3));
  }
  driver.commit();
  size_t entries = 0;
  auto snapshot = store->snapshot();
  for (auto cursor = snapshot->scan(state::Family::kLog, "", ""); cursor->valid(); cursor->next()) {
    ++entries;
  }
  // Of some hundred rows.
  EXPECT_LT(entries, 80u);
  EXPECT_GT(input.expanded().size(), 400u);
}

INSTANTIATE_TEST_SUITE_P(All, OverClose,
                         ::testing::Combine(::testing::Values(Frame::kLag, Frame::kRows,
                                                              Frame::kRange, Frame::kGroups),
                                            ::testing::Values(1u, 7u, 1024u), ::testing::Bool()));

}  // namespace
}  // namespace forebay::operators::testing
