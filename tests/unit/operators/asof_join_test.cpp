#include <algorithm>

#include "tests/support/seed.h"
#include "tests/unit/operators/harness.h"
#include "tests/unit/operators/watermarked.h"

namespace forebay::operators::testing {
namespace {

using data::kBigintType;
using data::kTextType;
const Type kTimestampType{data::TypeId::kTimestamp};

/// The bytes that decide between rows of equal time.
std::string bytes_of(const Row& row) {
  std::string bytes;
  for (const Datum& value : row) data::append_key(value, data::KeyMode::kExact, bytes);
  return bytes;
}
std::string time_of(const Datum& time) {
  std::string bytes;
  data::append_key(time, data::KeyMode::kGrouping, bytes);
  return bytes;
}
Row joined(const Row& left, const Row* right, const std::vector<Type>& right_types) {
  Row row = left;
  for (size_t i = 0; i < right_types.size(); ++i) {
    row.push_back(right != nullptr ? (*right)[i] : Datum::null(right_types[i]));
  }
  return row;
}

// Left: 0 text, 1 time, 2 key. Right: 0 key, 1 time, 2 text.
AsofJoinParameters parameters(Type time, AsofOrder order, bool outer) {
  AsofJoinParameters p;
  p.outer = outer;
  p.left_types = {kTextType, time, kBigintType};
  p.right_types = {kBigintType, time, kTextType};
  p.left_keys = {2};
  p.right_keys = {0};
  p.null_safe = {0};
  p.left_time = p.right_time = 1;
  p.order = order;
  p.left_rows = TableId(10);
  p.right_rows = TableId(11);
  p.timers = TableId(12);
  return p;
}

bool is_match(const Row& left, const Row& right, AsofOrder order) {
  if (left[1].is_null() || right[1].is_null() || left[2].is_null() || right[0].is_null()) {
    return false;
  }
  if (text_of({left[2]}) != text_of({right[0]})) return false;
  const std::string a = time_of(left[1]), b = time_of(right[1]);
  switch (order) {
    case AsofOrder::kAtOrBefore:
      return a >= b;
    case AsofOrder::kBefore:
      return a > b;
    case AsofOrder::kAtOrAfter:
      return a <= b;
    case AsofOrder::kAfter:
      return a < b;
  }
  return false;
}

Relation nearest(const Relation& left, const Relation& right, const AsofJoinParameters& p) {
  const bool backward = p.order == AsofOrder::kAtOrBefore || p.order == AsofOrder::kBefore;
  Relation out;
  const std::vector<Row> rights = right.expanded();
  for (const Row& row : left.expanded()) {
    const Row* best = nullptr;
    for (const Row& other : rights) {
      if (!is_match(row, other, p.order)) continue;
      if (best == nullptr) {
        best = &other;
        continue;
      }
      const std::string now = time_of((*best)[1]), candidate = time_of(other[1]);
      const bool nearer = backward ? candidate > now : candidate < now;
      const bool tie = candidate == now && bytes_of(other) < bytes_of(*best);
      if (nearer || tie) best = &other;
    }
    if (best != nullptr || p.outer) out.add(joined(row, best, p.right_types), 1);
  }
  return out;
}

class AsofJoinRandom
    : public ::testing::TestWithParam<std::tuple<AsofOrder, bool, uint32_t, data::TypeId>> {};

TEST_P(AsofJoinRandom, EqualsReferenceAtEveryEpoch) {
  auto [order, outer, batch_rows, time_type] = GetParam();
  const Type time{time_type};
  const uint64_t seed = seed_or(5100 + batch_rows + static_cast<uint64_t>(order) * 3 + outer * 17);
  SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
  const AsofJoinParameters p = parameters(time, order, outer);
  const bool on_disk = batch_rows == 7 && time_type == data::TypeId::kTimestamp;
  auto store =
      on_disk ? make_rocks_store() : std::shared_ptr<state::Store>(state::make_model_store());
  Driver driver(make_asof_join(p), {{p.left_types, {2}}, {p.right_types, {0}}}, batch_rows, store);
  Generator left_rows(seed, p.left_types), right_rows(seed + 1, p.right_types);
  left_rows.domain = right_rows.domain = 6;
  auto& random = left_rows.random;
  Relation left, right, committed_left, committed_right;
  for (int epoch = 0; epoch < test_length(60); ++epoch) {
    // Also epochs in which only one side changes.
    const uint64_t sides = random() % 4;
    std::vector<Change> changes[2];
    if (sides != 1) changes[0] = left_rows.changes(left, random() % 12);
    if (sides != 2) changes[1] = right_rows.changes(right, random() % 12);
    const uint32_t first = random() % 2;
    driver.send(first, changes[first], random);
    driver.send(1 - first, changes[1 - first], random);
    if (random() % 10 == 0) {
      driver.lose_epoch(static_cast<uint16_t>(1 + random() % 3));
      left = committed_left;
      right = committed_right;
      continue;
    }
    driver.end_epoch();
    ASSERT_EQ(driver.sum.rows.text(), nearest(left, right, p).text()) << "epoch " << epoch;
    committed_left = left;
    committed_right = right;
    if (random() % 5 == 0) driver.restart(static_cast<uint16_t>(1 + random() % 3));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, AsofJoinRandom,
    ::testing::Combine(::testing::Values(AsofOrder::kAtOrBefore, AsofOrder::kBefore,
                                         AsofOrder::kAtOrAfter, AsofOrder::kAfter),
                       ::testing::Bool(), ::testing::Values(1u, 7u, 1024u),
                       ::testing::Values(data::TypeId::kTimestamp, data::TypeId::kText,
                                         data::TypeId::kDate)));

Change left_row(int64_t time, Weight weight = 1) {
  return {{Datum{kTextType, std::string("l")}, {kTimestampType, time}, {kBigintType, int64_t{1}}},
          weight};
}
Change right_row(int64_t time, const std::string& text = "r", Weight weight = 1) {
  return {{{kBigintType, int64_t{1}}, {kTimestampType, time}, {kTextType, text}}, weight};
}

TEST(AsofJoin, AChangeMeetsOnlyTheRowsUpToTheNextOne) {
  const AsofJoinParameters p = parameters(kTimestampType, AsofOrder::kAtOrBefore, false);
  Driver driver(make_asof_join(p), {{p.left_types, {2}}, {p.right_types, {0}}}, 1024,
                state::make_model_store());
  std::mt19937_64 random(1);
  std::vector<Change> left, right;
  for (int64_t i = 0; i < 2000; ++i) left.push_back(left_row(i));
  for (int64_t i = 0; i < 2000; i += 100) right.push_back(right_row(i));
  driver.send(0, left, random);
  driver.send(1, right, random);
  driver.end_epoch();
  driver.sum.emitted = 0;
  driver.send(1, {right_row(1050)}, random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.emitted, 100u);  // 50 rows got another match
  driver.sum.emitted = 0;
  driver.send(1, {right_row(1050, "r", -1), right_row(1060)}, random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.emitted, 100u);
  driver.sum.emitted = 0;
  // A row of equal time that is greater stands behind; one that is less takes its place.
  driver.send(1, {right_row(500, "s")}, random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.emitted, 0u);
  driver.send(1, {right_row(500, "q")}, random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.emitted, 200u);
}

TEST(AsofJoin, ManyRowsOfOneKeyComeAndGoInOneEpoch) {
  const AsofJoinParameters p = parameters(kTimestampType, AsofOrder::kAtOrAfter, true);
  Driver driver(make_asof_join(p), {{p.left_types, {2}}, {p.right_types, {0}}}, 1024,
                state::make_model_store());
  std::mt19937_64 random(1);
  std::vector<Change> left, right, gone;
  constexpr int64_t kRows = 60'000;
  for (int64_t i = 0; i < kRows; ++i) {
    right.push_back(right_row(2 * i));
    gone.push_back(right_row(2 * i, "r", -1));
    if (i % 100 == 0) left.push_back(left_row(i));
  }
  driver.send(0, left, random);
  driver.send(1, right, random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.rows.rows().size(), left.size());
  driver.send(1, gone, random);
  driver.end_epoch();
  Relation expected;
  for (const Change& change : left) expected.add(joined(change.row, nullptr, p.right_types), 1);
  EXPECT_EQ(driver.sum.rows.text(), expected.text());
}

// --- Watermarks over both times

class BoundedRandom
    : public ::testing::TestWithParam<std::tuple<AsofOrder, bool, uint32_t, bool, data::TypeId>> {};

TEST_P(BoundedRandom, EqualsReferenceAtEveryEpochAndForgets) {
  auto [order, outer, batch_rows, lags, time_type] = GetParam();
  const Type time{time_type};
  const bool backward = order == AsofOrder::kAtOrBefore || order == AsofOrder::kBefore;
  const uint64_t seed = seed_or(9100 + batch_rows + static_cast<uint64_t>(order) * 2 + outer * 8 +
                                lags * 16 + static_cast<uint64_t>(time_type) * 32);
  SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
  AsofJoinParameters p = parameters(time, order, outer);
  p.left_bound = TimeBound{1, {{{ObjectId(1), 1}, nullptr}}};
  p.right_bound = TimeBound{1, {{{ObjectId(1), 2}, nullptr}}};
  Watermarked watermarks;
  watermarks.nodes[1] = watermarks.nodes[2] = {kNoWatermark, kNoWatermark};
  auto store = batch_rows == 7 ? make_rocks_store()
                               : std::shared_ptr<state::Store>(state::make_model_store());
  Driver driver(make_asof_join(p), {{p.left_types, {2}}, {p.right_types, {0}}}, batch_rows, store,
                &watermarks);
  driver.lags = lags;
  Generator rows[] = {{seed, p.left_types}, {seed + 1, p.right_types}};
  auto& random = rows[0].random;
  auto datum_of = [&](int64_t at) {
    return time_type == data::TypeId::kDate ? Datum{time, static_cast<int32_t>(at)}
                                            : Datum{time, at};
  };
  Relation sent[2], accepted[2];
  uint64_t late = 0;
  int64_t clock = 0;
  const int epochs = test_length(150);
  for (int epoch = 0; epoch < epochs; ++epoch) {
    clock += static_cast<int64_t>(random() % 9);
    for (uint32_t side : {0u, 1u}) {
      std::vector<Change> changes;
      for (size_t i = random() % 10; i > 0; --i) {
        if (!sent[side].empty() && random() % 100 < 40) {
          auto at = std::next(sent[side].rows().begin(),
                              static_cast<long>(random() % sent[side].rows().size()));
          changes.push_back({at->second.row, -1});
        } else {
          Row row = rows[side].row();
          if (!row[1].is_null()) {
            row[1] = datum_of(clock + static_cast<int64_t>(random() % 30) - 12);
          }
          changes.push_back({row, 1});
        }
        const Change& change = changes.back();
        sent[side].add(change.row, change.weight);
        const int64_t mark = watermarks.nodes[side + 1].first;
        const bool is_late = mark != kNoWatermark && !change.row[1].is_null() &&
                             time_of(change.row[1]) < time_of(datum_of(mark));
        late += is_late ? 1 : 0;
        if (!is_late) accepted[side].add(change.row, change.weight);
      }
      std::shuffle(changes.begin(), changes.end(), random);
      driver.send(side, changes, random);
    }
    const bool is_last = epoch + 1 == epochs;
    for (uint32_t node : {1u, 2u}) {
      if (random() % 3 != 0) watermarks.advance(node, clock - static_cast<int64_t>(random() % 9));
      if (is_last) watermarks.advance(node, kEndOfTime);
    }
    driver.end_epoch();
    ASSERT_EQ(driver.sum.late_rows, late) << "epoch " << epoch;
    ASSERT_EQ(driver.sum.rows.text(), nearest(accepted[0], accepted[1], p).text())
        << "epoch " << epoch;
    watermarks.end_epoch();
    if (random() % 5 == 0) driver.restart(static_cast<uint16_t>(1 + random() % 3));
  }
  EXPECT_GT(late, 0u);
  driver.commit();
  auto snapshot = store->snapshot();
  size_t left = 0, right = 0;
  for (uint16_t shard = 0; shard < data::kShardCount; ++shard) {
    for (auto [table, count] : {std::pair(p.left_rows, &left), {p.right_rows, &right}}) {
      const std::string prefix = state::store_key_prefix(shard, table);
      auto cursor = snapshot->scan(state::Family::kLog, prefix, prefix + "\xFF\xFF");
      for (; cursor->valid(); cursor->next()) ++*count;
    }
  }
  // Backward one right row per key, of which there are few. Forward left rows without a match.
  if (backward) {
    EXPECT_EQ(left, 0u);
    EXPECT_LE(right, 6u);
  } else {
    EXPECT_EQ(right, 0u);
    size_t alone = 0;
    AsofJoinParameters all = p;
    all.outer = true;
    for (const Row& row : nearest(accepted[0], accepted[1], all).expanded()) {
      alone += row[4].is_null() ? 1 : 0;
    }
    EXPECT_LE(left, alone);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, BoundedRandom,
    ::testing::Combine(::testing::Values(AsofOrder::kAtOrBefore, AsofOrder::kBefore,
                                         AsofOrder::kAtOrAfter, AsofOrder::kAfter),
                       ::testing::Bool(), ::testing::Values(1u, 7u, 1024u), ::testing::Bool(),
                       ::testing::Values(data::TypeId::kTimestamp, data::TypeId::kDate)));

// --- FOR SYSTEM_TIME AS OF a time

/// The versions of one key as the documentation tells it: what was there, told in order.
struct Versions {
  /// A time's versions; none: the key ends here.
  std::map<int64_t, std::vector<Row>> times;
  std::optional<Row> present;
  bool is_version = false;  // of `present`

  // The epoch.
  bool was_present = false;
  bool lost = false;
  std::map<int64_t, std::vector<Row>> fresh;

  void put(const Row& row, bool late) {
    present = row;
    is_version = !late && !row[1].is_null();
    if (is_version) {
      fresh[std::get<int64_t>(row[1].value)].push_back(row);
      lost = true;  // unless it is there at the end
    }
  }
  void end_epoch(int64_t watermark) {
    for (auto& [time, rows] : fresh) {
      const bool here = present && is_version && std::get<int64_t>((*present)[1].value) == time;
      times[time] = here ? std::vector<Row>{*present} : rows;
    }
    if ((was_present || lost) && !present && !times.empty() && !times.rbegin()->second.empty()) {
      times[std::max(times.rbegin()->first, watermark)] = {};
    }
    was_present = present.has_value();
    lost = false;
    fresh.clear();
  }
  const Row* at(int64_t time) const {
    auto found = times.upper_bound(time);
    if (found == times.begin()) return nullptr;
    const std::vector<Row>& rows = std::prev(found)->second;
    auto least = std::min_element(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
      return bytes_of(a) < bytes_of(b);
    });
    return least == rows.end() ? nullptr : &*least;
  }
};

enum class Bounds { kNone, kRight, kBoth };

class VersionsRandom
    : public ::testing::TestWithParam<std::tuple<Bounds, bool, bool, uint32_t, bool>> {};

TEST_P(VersionsRandom, EqualsReferenceAtEveryEpoch) {
  auto [bounds, outer, left_append_only, batch_rows, lags] = GetParam();
  const uint64_t seed = seed_or(7300 + batch_rows + static_cast<uint64_t>(bounds) * 2 + outer * 8 +
                                left_append_only * 16 + lags * 32);
  SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
  AsofJoinParameters p = parameters(kTimestampType, AsofOrder::kAtOrBefore, outer);
  p.versions = true;
  if (bounds == Bounds::kBoth) p.left_bound = TimeBound{1, {{{ObjectId(1), 1}, nullptr}}};
  if (bounds != Bounds::kNone) p.right_bound = TimeBound{1, {{{ObjectId(1), 2}, nullptr}}};
  Watermarked watermarks;
  watermarks.nodes[1] = watermarks.nodes[2] = {kNoWatermark, kNoWatermark};
  auto store = batch_rows == 7 && lags ? make_rocks_store()
                                       : std::shared_ptr<state::Store>(state::make_model_store());
  Driver driver(make_asof_join(p), {{p.left_types, {2}}, {p.right_types, {0}}}, batch_rows, store,
                &watermarks);
  driver.lags = lags;
  Generator left_rows(seed, p.left_types), right_rows(seed + 1, p.right_types);
  auto& random = left_rows.random;
  std::map<std::string, Versions> versions;
  Relation sent, accepted;
  uint64_t late = 0;
  int64_t clock = 0;
  const int epochs = test_length(80);
  for (int epoch = 0; epoch < epochs; ++epoch) {
    clock += static_cast<int64_t>(random() % 9);
    const int64_t left_mark = p.left_bound ? watermarks.nodes[1].first : kNoWatermark;
    const int64_t right_mark = p.right_bound ? watermarks.nodes[2].first : kNoWatermark;
    auto any_time = [&] { return clock + static_cast<int64_t>(random() % 40) - 18; };
    auto is_late = [](const Datum& time, int64_t mark) {
      return !time.is_null() && std::get<int64_t>(time.value) < mark;
    };
    std::vector<Change> left, right;
    for (size_t i = random() % 10; i > 0; --i) {
      if (!left_append_only && !sent.empty() && random() % 100 < 40) {
        auto at = std::next(sent.rows().begin(), static_cast<long>(random() % sent.rows().size()));
        left.push_back({at->second.row, -1});
      } else {
        Row row = left_rows.row();
        if (!row[1].is_null()) row[1] = {kTimestampType, any_time()};
        left.push_back({row, 1});
      }
      const Change& change = left.back();
      sent.add(change.row, change.weight);
      if (is_late(change.row[1], left_mark)) {
        ++late;
      } else {
        accepted.add(change.row, change.weight);
      }
    }
    for (size_t i = random() % 8; i > 0; --i) {
      Row row = right_rows.row();
      if (row[0].is_null()) {  // matches nothing, whatever its time
        right.push_back({row, 1});
        continue;
      }
      if (!row[1].is_null()) row[1] = {kTimestampType, any_time()};
      Versions& of = versions[text_of({row[0]})];
      if (of.present) right.push_back({*of.present, -1});
      if (of.present && random() % 3 == 0) {
        of.present.reset();
        continue;
      }
      const bool is_too_late = is_late(row[1], right_mark);
      late += is_too_late ? 1 : 0;
      of.put(row, is_too_late);
      right.push_back({row, 1});
    }
    std::shuffle(left.begin(), left.end(), random);
    std::shuffle(right.begin(), right.end(), random);
    const bool left_first = random() % 2 == 0;
    if (left_first) driver.send(0, left, random);
    driver.send(1, right, random);
    if (!left_first) driver.send(0, left, random);
    for (auto& [key, of] : versions) of.end_epoch(right_mark);
    for (uint32_t node : {1u, 2u}) {
      if (random() % 3 != 0) watermarks.advance(node, clock - static_cast<int64_t>(random() % 9));
      if (epoch == epochs - 1) watermarks.advance(node, kEndOfTime);
    }
    driver.end_epoch();
    ASSERT_EQ(driver.sum.late_rows, late) << "epoch " << epoch;
    Relation expected;
    for (const Row& row : accepted.expanded()) {
      const Row* match = nullptr;
      if (!row[1].is_null() && !row[2].is_null()) {
        auto found = versions.find(text_of({row[2]}));
        if (found != versions.end()) match = found->second.at(std::get<int64_t>(row[1].value));
      }
      if (match != nullptr || outer) expected.add(joined(row, match, p.right_types), 1);
    }
    ASSERT_EQ(driver.sum.rows.text(), expected.text()) << "epoch " << epoch;
    const int64_t now = std::min(watermarks.nodes[1].second, watermarks.nodes[2].second);
    if (p.left_bound && now != kNoWatermark && random() % 2 == 0) {
      driver.commit();
      const std::vector<std::pair<state::Family, TableId>> timers{{state::Family::kHot, p.timers}};
      ASSERT_EQ(entries_before(*store, timers, now), 0u) << "epoch " << epoch;
    }
    watermarks.end_epoch();
    if (random() % 5 == 0) driver.restart(static_cast<uint16_t>(1 + random() % 3));
  }
  EXPECT_EQ(late > 0, bounds != Bounds::kNone);
  if (bounds != Bounds::kBoth) return;
  // Nothing of the left side is left, and of each key at most the last version and its row.
  driver.commit();
  auto snapshot = store->snapshot();
  size_t left = 0, right = 0;
  for (uint16_t shard = 0; shard < data::kShardCount; ++shard) {
    for (auto [table, count] : {std::pair(p.left_rows, &left), {p.right_rows, &right}}) {
      const std::string prefix = state::store_key_prefix(shard, table);
      auto cursor = snapshot->scan(state::Family::kLog, prefix, prefix + "\xFF\xFF");
      for (; cursor->valid(); cursor->next()) ++*count;
    }
  }
  EXPECT_EQ(left, 0u);
  EXPECT_LE(right, 2 * versions.size());
}

INSTANTIATE_TEST_SUITE_P(All, VersionsRandom,
                         ::testing::Combine(::testing::Values(Bounds::kNone, Bounds::kRight,
                                                              Bounds::kBoth),
                                            ::testing::Bool(), ::testing::Bool(),
                                            ::testing::Values(1u, 7u, 1024u), ::testing::Bool()));

/// The right side is a history that only grows: each of its rows is a version.
TEST(AsofJoin, VersionsOfAHistoryAreItsRows) {
  for (const uint32_t batch_rows : {1u, 7u, 1024u}) {
    const uint64_t seed = seed_or(8800 + batch_rows);
    SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
    AsofJoinParameters p = parameters(kTimestampType, AsofOrder::kAtOrBefore, true);
    p.versions = p.right_append_only = true;
    p.left_bound = TimeBound{1, {{{ObjectId(1), 1}, nullptr}}};
    p.right_bound = TimeBound{1, {{{ObjectId(1), 2}, nullptr}}};
    Watermarked watermarks;
    watermarks.nodes[1] = watermarks.nodes[2] = {kNoWatermark, kNoWatermark};
    std::shared_ptr<state::Store> store = state::make_model_store();
    Driver driver(make_asof_join(p), {{p.left_types, {2}}, {p.right_types, {0}}}, batch_rows, store,
                  &watermarks);
    Generator rows[] = {{seed, p.left_types}, {seed + 1, p.right_types}};
    auto& random = rows[0].random;
    Relation accepted[2];
    int64_t clock = 0;
    for (int epoch = 0; epoch < 100; ++epoch) {
      clock += static_cast<int64_t>(random() % 5);
      for (uint32_t side : {0u, 1u}) {
        std::vector<Change> changes;
        for (size_t i = random() % 8; i > 0; --i) {
          Row row = rows[side].row();
          if (!row[1].is_null()) {
            row[1] = {kTimestampType, clock + static_cast<int64_t>(random() % 20) - 9};
          }
          changes.push_back({row, 1});
          const bool is_late = !row[1].is_null() &&
                               std::get<int64_t>(row[1].value) < watermarks.nodes[side + 1].first;
          if (!is_late) accepted[side].add(row, 1);
        }
        driver.send(side, changes, random);
      }
      for (uint32_t node : {1u, 2u}) {
        if (random() % 3 != 0) watermarks.advance(node, clock - static_cast<int64_t>(random() % 5));
      }
      driver.end_epoch();
      ASSERT_EQ(driver.sum.rows.text(), nearest(accepted[0], accepted[1], p).text())
          << "epoch " << epoch;
      watermarks.end_epoch();
      if (random() % 5 == 0) driver.restart(static_cast<uint16_t>(1 + random() % 3));
    }
    // Little is left: both watermarks are near the clock.
    EXPECT_LT(driver.state_rows(), 120u);
    driver.restart(1);
    EXPECT_GT(driver.sum.late_rows, 0u);
  }
}

}  // namespace
}  // namespace forebay::operators::testing
