#include <algorithm>

#include "tests/support/seed.h"
#include "tests/unit/operators/harness.h"
#include "tests/unit/operators/watermarked.h"

namespace forebay::operators::testing {
namespace {

using data::kBigintType;
using data::kTextType;
const Type kTimestampType{data::TypeId::kTimestamp};
constexpr int64_t kInfinity = INT64_MAX;
/// Of times, in microseconds: about a tenth of a bucket of a TimerLog; odd.
constexpr int64_t kUnit = 99'991;

// Left: 0 text, 1 time (watermark 1), 2 a later time, 3 bigint. Right: 0 time (watermark 2), 1
// text, 2 bigint.
const std::vector<Type> kLeft{kTextType, kTimestampType, kTimestampType, kBigintType};
const std::vector<Type> kRight{kTimestampType, kTextType, kBigintType};
constexpr uint32_t kLeftTime = 1, kLeftEnd = 2, kRightTime = 0;

bool finite(int64_t time) { return time != kInfinity && time != INT64_MIN; }
int64_t plus(int64_t time, int64_t offset) { return finite(time) ? time + offset : time; }

/// The two times by themselves, both ends included.
constexpr int64_t kFrom = -5 * kUnit, kTo = 3 * kUnit;
bool in_range(int64_t left, int64_t right) {
  return left >= plus(right, kFrom) && left <= plus(right, kTo);
}
bool not_before(int64_t left, int64_t, int64_t right) { return left <= right; }
bool during(int64_t left, int64_t end, int64_t right) { return left <= right && right <= end; }

/// A condition over the left side's two times and the right side's; NULL where one of them is.
template <bool (*kHolds)(int64_t, int64_t, int64_t)>
udfs::ScalarFunction make_condition(const char* name) {
  udfs::ScalarFunction function;
  function.name = name;
  function.arguments.assign(3, data::TypeId::kTimestamp);
  function.result = data::TypeId::kBoolean;
  function.kernel = [](const udfs::ScalarCall& call) {
    for (uint32_t i = 0; i < call.row_count; ++i) {
      const uint32_t row = call.rows[i];
      call.out<uint8_t>()[row] =
          kHolds(call.arguments[0].at<int64_t>(row), call.arguments[1].at<int64_t>(row),
                 call.arguments[2].at<int64_t>(row));
    }
  };
  return function;
}
bool near(int64_t left, int64_t, int64_t right) { return in_range(left, right); }
const udfs::ScalarFunction kNear = make_condition<near>("near");
const udfs::ScalarFunction kNotBefore = make_condition<not_before>("not_before");
const udfs::ScalarFunction kDuring = make_condition<during>("during");
bool is_odd(int64_t left, int64_t, int64_t right) { return (left ^ right) % 2 == 0; }
const udfs::ScalarFunction kSameParity = make_condition<is_odd>("same_parity");

/// What a shift of a bound does: the watermark plus so much.
template <int64_t kBy>
ExprRef shifted() {
  static const std::string name = "shift" + std::to_string(kBy);
  static const udfs::ScalarFunction function = [] {
    udfs::ScalarFunction made;
    made.name = name;
    made.arguments = {data::TypeId::kTimestamp};
    made.result = data::TypeId::kTimestamp;
    made.kernel = [](const udfs::ScalarCall& call) {
      for (uint32_t i = 0; i < call.row_count; ++i) {
        const uint32_t row = call.rows[i];
        call.out<int64_t>()[row] = plus(call.arguments[0].at<int64_t>(row), kBy);
      }
    };
    return made;
  }();
  return expr::call(&function, kTimestampType, {expr::column(0, kTimestampType)});
}

enum class Shape {
  kWindow,           // equal times and text, nothing else
  kWindowCondition,  // and a condition
  kInterval,         // equal text, left - right in [kFrom, kTo]
  kNoKey,            // the same without text
  kOneSided,         // equal text, left <= right: right rows go, left rows stay
  kDuring,           // equal text, right in [left, left's end]
};

struct Mode {
  Shape shape;
  bool left_append_only;
  bool right_append_only;
};

TimeBound::Term left_term(ExprRef shift = nullptr) { return {{ObjectId(1), 1}, std::move(shift)}; }
TimeBound::Term right_term(ExprRef shift = nullptr) { return {{ObjectId(1), 2}, std::move(shift)}; }

ExprRef condition_of(Shape shape) {
  const udfs::ScalarFunction* function = nullptr;
  if (shape == Shape::kWindowCondition) function = &kSameParity;
  if (shape == Shape::kInterval || shape == Shape::kNoKey) function = &kNear;
  if (shape == Shape::kOneSided) function = &kNotBefore;
  if (shape == Shape::kDuring) function = &kDuring;
  if (function == nullptr) return nullptr;
  const auto left_columns = static_cast<uint32_t>(kLeft.size());
  // The end counts where it is compared; else its NULLs must not.
  const uint32_t end = shape == Shape::kDuring ? kLeftEnd : kLeftTime;
  return expr::call(function, data::kBooleanType,
                    {expr::column(kLeftTime, kTimestampType), expr::column(end, kTimestampType),
                     expr::column(left_columns + kRightTime, kTimestampType)});
}

bool is_window(Shape shape) { return shape == Shape::kWindow || shape == Shape::kWindowCondition; }

JoinParameters parameters(JoinKind kind, const Mode& mode) {
  JoinParameters p;
  p.kind = kind;
  p.left_types = kLeft;
  p.right_types = kRight;
  if (is_window(mode.shape)) {
    p.left_keys.push_back(kLeftTime);
    p.right_keys.push_back(kRightTime);
  }
  if (mode.shape != Shape::kNoKey) {
    p.left_keys.push_back(0);
    p.right_keys.push_back(1);
  }
  p.null_safe.assign(p.left_keys.size(), 0);
  p.condition = condition_of(mode.shape);
  p.left_append_only = mode.left_append_only;
  p.right_append_only = mode.right_append_only;
  p.left_rows = TableId(1);
  p.right_rows = TableId(2);
  JoinTime time;
  auto& [left, right] = time.sides;
  left.timers = TableId(3);
  right.timers = TableId(4);
  if (is_window(mode.shape)) {
    time.by_key = true;
    left.late = {{kLeftTime, {left_term(), right_term()}}};
    right.late = {{kRightTime, {left_term(), right_term()}}};
    p.time = time;
    return p;
  }
  left.late = {{kLeftTime, {left_term()}}};
  right.late = {{kRightTime, {right_term()}}};
  const bool range = mode.shape == Shape::kInterval || mode.shape == Shape::kNoKey;
  // left - kTo <= right.
  right.needed = TimeBound{kRightTime, {range ? left_term(shifted<-kTo>()) : left_term()}};
  if (!mode.right_append_only) right.needed->terms.push_back(right_term());
  right.lower = {kLeftTime, range ? -kTo : 0};
  if (range) {
    // right + kFrom <= left.
    left.needed = TimeBound{kLeftTime, {right_term(shifted<kFrom>())}};
    if (!mode.left_append_only) left.needed->terms.push_back(left_term());
    left.lower = {kRightTime, kFrom};
    left.upper = {kRightTime, kTo};
    right.upper = {kLeftTime, -kFrom};
  }
  if (mode.shape == Shape::kDuring) {
    left.needed = TimeBound{kLeftEnd, {right_term()}};
    left.lower = {kRightTime, 0};
    right.upper = {kLeftEnd, 0};
  }
  p.time = time;
  return p;
}

int64_t time_at(const Row& row, uint32_t column) { return std::get<int64_t>(row[column].value); }

bool matches(Shape shape, const Row& left, const Row& right) {
  if (shape != Shape::kNoKey &&
      (left[0].is_null() || right[1].is_null() || compare(left[0], right[1]) != 0)) {
    return false;
  }
  if (left[kLeftTime].is_null() || right[kRightTime].is_null()) return false;
  const int64_t l = time_at(left, kLeftTime), r = time_at(right, kRightTime);
  switch (shape) {
    case Shape::kWindow:
      return l == r;
    case Shape::kWindowCondition:
      return l == r && is_odd(l, l, r);
    case Shape::kInterval:
    case Shape::kNoKey:
      return in_range(l, r);
    case Shape::kOneSided:
      return l <= r;
    case Shape::kDuring:
      return !left[kLeftEnd].is_null() && during(l, time_at(left, kLeftEnd), r);
  }
  return false;
}

Row joined(const Row* left, const Row* right) {
  Row row;
  for (size_t c = 0; c < kLeft.size(); ++c) {
    row.push_back(left != nullptr ? (*left)[c] : Datum::null(kLeft[c]));
  }
  for (size_t c = 0; c < kRight.size(); ++c) {
    row.push_back(right != nullptr ? (*right)[c] : Datum::null(kRight[c]));
  }
  return row;
}

Relation reference(JoinKind kind, Shape shape, const Relation& left, const Relation& right) {
  Relation out;
  const bool half = kind == JoinKind::kSemi || kind == JoinKind::kAnti;
  const bool pads_left = kind == JoinKind::kLeft || kind == JoinKind::kFull;
  std::map<std::string, bool> right_matched;
  for (const auto& [left_text, l] : left.rows()) {
    bool matched = false;
    for (const auto& [text, r] : right.rows()) {
      if (!matches(shape, l.row, r.row)) continue;
      matched = right_matched[text] = true;
      if (!half) out.add(joined(&l.row, &r.row), l.weight * r.weight);
    }
    if (!matched && pads_left) out.add(joined(&l.row, nullptr), l.weight);
    if (half && matched == (kind == JoinKind::kSemi)) out.add(l.row, l.weight);
  }
  if (kind != JoinKind::kRight && kind != JoinKind::kFull) return out;
  for (const auto& [text, r] : right.rows()) {
    if (!right_matched[text]) out.add(joined(nullptr, &r.row), r.weight);
  }
  return out;
}

/// One side's input and what of it is not late.
struct Input {
  Input(uint64_t seed, const std::vector<Type>& types) : generator(seed, types) {}

  int64_t some_time(int64_t clock) {
    auto& random = generator.random;
    if (random() % 40 == 0) return random() % 2 == 0 ? kInfinity : INT64_MIN;
    return clock + (static_cast<int64_t>(random() % 40) - 15) * kUnit;
  }

  std::vector<Change> changes(int64_t clock, bool append_only, uint32_t time_column,
                              int64_t bound) {
    auto& random = generator.random;
    std::vector<Change> out;
    for (size_t i = random() % 10; i > 0; --i) {
      if (!append_only && !sent.empty() && random() % 100 < 40) {
        auto at = std::next(sent.rows().begin(), static_cast<long>(random() % sent.rows().size()));
        out.push_back({at->second.row, -1});
      } else {
        Row row = generator.row();
        for (Datum& value : row) {
          if (value.type != kTimestampType || value.is_null()) continue;
          value = {kTimestampType, some_time(clock)};
        }
        if (time_column == kLeftTime && !row[kLeftTime].is_null() && !row[kLeftEnd].is_null()) {
          row[kLeftEnd] = {kTimestampType, plus(time_at(row, kLeftTime),
                                                (static_cast<int64_t>(random() % 20) - 2) * kUnit)};
        }
        out.push_back({row, random() % 10 == 0 ? 2 : 1});
      }
      const Change& change = out.back();
      sent.add(change.row, change.weight);
      const bool is_late = bound != kNoWatermark && !change.row[time_column].is_null() &&
                           time_at(change.row, time_column) < bound;
      late += is_late ? 1 : 0;
      if (!is_late) accepted.add(change.row, change.weight);
    }
    std::shuffle(out.begin(), out.end(), random);
    return out;
  }

  Generator generator;
  Relation sent, accepted;
  uint64_t late = 0;
};

/// Rows in the store's table of one side whose deciding time is before `bound`.
size_t rows_before(state::Store& store, const JoinParameters& p, int side, int64_t bound) {
  size_t count = 0;
  auto snapshot = store.snapshot();
  const TableId table = side == 0 ? p.left_rows : p.right_rows;
  const bool has_text = std::any_of(p.left_keys.begin(), p.left_keys.end(),
                                    [](uint32_t column) { return column == 0; });
  for (uint16_t shard = 0; shard < data::kShardCount; ++shard) {
    const std::string prefix = state::store_key_prefix(shard, table);
    auto cursor = snapshot->scan(state::Family::kLog, prefix, prefix + "\xff");
    for (; cursor->valid(); cursor->next()) {
      std::string_view key = cursor->key().substr(prefix.size());
      data::ColumnBuilder text(kTextType), time(kTimestampType);
      if (has_text && !p.time->by_key) {
        EXPECT_TRUE(data::decode_key(key, data::KeyMode::kGrouping, text).is_ok());
      }
      EXPECT_TRUE(data::decode_key(key, data::KeyMode::kGrouping, time).is_ok());
      count += time.finish()->at<int64_t>(0) < bound ? 1 : 0;
    }
  }
  return count;
}

/// What TimeBound says by these watermarks; none: nothing.
int64_t bound_by(const TimeBound& bound, const Watermarked& watermarks) {
  int64_t least = INT64_MAX;
  expr::EvalContext eval;
  for (const TimeBound::Term& term : bound.terms) {
    const int64_t watermark = watermarks.nodes.at(term.id.node).second;
    if (watermark == kNoWatermark) return kNoWatermark;
    int64_t value = watermark;
    if (term.shift != nullptr && watermark != kEndOfTime) {
      const auto shifted = expr::evaluate_constant(
          expr::substitute(term.shift, {expr::literal({kTimestampType, watermark})}), eval);
      value = std::get<int64_t>(shifted->value);
    }
    least = std::min(least, value);
  }
  return least;
}

class JoinTimeRandom : public ::testing::TestWithParam<std::tuple<JoinKind, Mode>> {
 protected:
  void run(uint32_t batch_rows, bool lags);
};

void JoinTimeRandom::run(uint32_t batch_rows, bool lags) {
  auto [kind, mode] = GetParam();
  const uint64_t seed = seed_or(static_cast<uint64_t>(kind) * 1000 + batch_rows +
                                static_cast<uint64_t>(mode.shape) * 100 +
                                mode.left_append_only * 10 + mode.right_append_only * 20 + lags);
  const JoinParameters p = parameters(kind, mode);
  const SpecRef spec = make_join(p);
  SCOPED_TRACE(spec->describe() + " FOREBAY_SEED=" + std::to_string(seed) + " batch rows " +
               std::to_string(batch_rows));
  Watermarked watermarks;
  watermarks.nodes[1] = watermarks.nodes[2] = {kNoWatermark, kNoWatermark};
  std::shared_ptr<state::Store> store =
      batch_rows == 7 && kind == JoinKind::kFull
          ? make_rocks_store()
          : std::shared_ptr<state::Store>(state::make_model_store());
  Driver driver(spec, {{kLeft, p.left_keys}, {kRight, p.right_keys}}, batch_rows, store,
                &watermarks);
  driver.lags = lags;
  Input left(seed, kLeft), right(seed + 1, kRight);
  auto& random = left.generator.random;
  int64_t clocks[2] = {0, 0};
  const int epochs = test_length(75);
  for (int epoch = 0; epoch < epochs; ++epoch) {
    // The sides drift apart and come together again.
    const bool left_runs = epoch / 10 % 2 == 0;
    clocks[left_runs ? 0 : 1] += static_cast<int64_t>(random() % 9) * kUnit;
    clocks[left_runs ? 1 : 0] =
        std::max(clocks[left_runs ? 1 : 0], clocks[left_runs ? 0 : 1] - 30 * kUnit);
    int64_t bounds[2] = {watermarks.nodes[1].first, watermarks.nodes[2].first};
    if (p.time->by_key) bounds[0] = bounds[1] = std::min(bounds[0], bounds[1]);
    for (int part = 0; part < 2; ++part) {
      auto l = left.changes(clocks[0], mode.left_append_only, kLeftTime, bounds[0]);
      auto r = right.changes(clocks[1], mode.right_append_only, kRightTime, bounds[1]);
      if (random() % 2 == 0) driver.send(0, l, random), l.clear();
      driver.send(1, r, random);
      driver.send(0, l, random);
    }
    for (uint32_t node : {1u, 2u}) {
      if (random() % 3 == 0) continue;
      watermarks.advance(node, clocks[node - 1] - static_cast<int64_t>(random() % 8) * kUnit);
    }
    if (epoch == epochs - 1) {
      watermarks.advance(1, kEndOfTime);
      watermarks.advance(2, kEndOfTime);
    }
    driver.end_epoch();
    ASSERT_EQ(driver.sum.late_rows, left.late + right.late) << "epoch " << epoch;
    ASSERT_EQ(driver.sum.rows.text(),
              reference(kind, mode.shape, left.accepted, right.accepted).text())
        << "epoch " << epoch;
    if (random() % 3 == 0) {
      driver.commit();
      for (int side : {0, 1}) {
        const JoinTime::Side& of = p.time->sides[side];
        if (!p.time->by_key && !of.needed) continue;
        const int64_t bound = bound_by(p.time->by_key ? of.late[0] : *of.needed, watermarks);
        ASSERT_EQ(rows_before(*store, p, side, bound), 0u) << "side " << side << " epoch " << epoch;
      }
    }
    watermarks.end_epoch();
    if (random() % 5 == 0) driver.restart(static_cast<uint16_t>(1 + random() % 3));
  }
  EXPECT_GT(left.late, 0u);
  EXPECT_GT(right.late, 0u);
  if (mode.shape == Shape::kOneSided) return;
  driver.commit();
  auto snapshot = store->snapshot();
  for (state::Family family : {state::Family::kHot, state::Family::kLog}) {
    EXPECT_FALSE(snapshot->scan(family, "", "")->valid());
  }
}

TEST_P(JoinTimeRandom, EqualsReferenceAtEveryEpochAndFreesAll) {
  for (auto [batch_rows, lags] : {std::pair(1u, false), {7u, true}, {1024u, false}}) {
    run(batch_rows, lags);
    if (HasFatalFailure()) return;
  }
}

std::vector<Mode> modes() {
  std::vector<Mode> all;
  for (Shape shape : {Shape::kWindow, Shape::kWindowCondition, Shape::kInterval, Shape::kNoKey,
                      Shape::kOneSided, Shape::kDuring}) {
    for (bool left : {false, true}) {
      for (bool right : {false, true}) {
        // The end has no bound: rows that may change would have to stay.
        if (shape == Shape::kDuring && !left) continue;
        // Left rows stay: right rows that may change would not.
        all.push_back({shape, left, right});
      }
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, JoinTimeRandom,
                         ::testing::Combine(::testing::Values(JoinKind::kInner, JoinKind::kLeft,
                                                              JoinKind::kRight, JoinKind::kFull,
                                                              JoinKind::kSemi, JoinKind::kAnti),
                                            ::testing::ValuesIn(modes())));

}  // namespace
}  // namespace forebay::operators::testing
