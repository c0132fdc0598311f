#include <algorithm>

#include "tests/unit/operators/functions.h"
#include "tests/unit/operators/harness.h"
#include "udfs/kernel.h"

namespace forebay::operators::testing {
namespace {

using data::kBigintType;
using data::kDoubleType;
using data::kIntegerType;
using data::kTextType;
using Edge = FrameBound::Edge;

/// Column 0 is the usual partition, 1 the usual order, 2 the usual argument.
const std::vector<Type> kTypes{kTextType, kBigintType, kBigintType, {data::TypeId::kBoolean}};

/// Less than zero: a first.
int order_of(const Row& a, const Row& b, const std::vector<SortKey>& keys) {
  for (const SortKey& key : keys) {
    const Datum &x = a[key.column], &y = b[key.column];
    if (x.is_null() != y.is_null()) return x.is_null() == key.nulls_first ? -1 : 1;
    const int order = x.is_null() ? 0 : compare(x, y);
    if (order != 0) return key.descending ? -order : order;
  }
  return 0;
}
int total_order(const Row& a, const Row& b, const std::vector<SortKey>& keys) {
  if (const int order = order_of(a, b, keys); order != 0) return order;
  std::vector<SortKey> all;
  for (uint32_t c = 0; c < a.size(); ++c) all.push_back({c, false, false});
  return order_of(a, b, all);
}

int64_t value_of(const Datum& datum) { return std::get<int64_t>(datum.value); }

/// The function of each row by its definition. Rows are those of a partition, in order.
class Reference {
 public:
  Reference(const OverParameters& p, std::vector<Row> rows) : p_(p), rows_(std::move(rows)) {}

  /// nullopt: the row fails.
  std::optional<Datum> value(const OverCall& call, size_t row) const {
    const auto n = static_cast<int64_t>(rows_.size());
    const auto at = static_cast<int64_t>(row);
    int64_t before = 0, upto = 0, groups = 0;
    for (int64_t i = 0; i < n; ++i) {
      before += peer(i, at) < 0;
      upto += peer(i, at) <= 0;
      groups += peer(i, at) < 0 && (i == 0 || peer(i, i - 1) != 0);
    }
    switch (call.function) {
      case OverFunction::kRowNumber:
        return bigint(at + 1);
      case OverFunction::kRank:
        return bigint(before + 1);
      case OverFunction::kDenseRank:
        return bigint(groups + 1);
      case OverFunction::kPercentRank:
        return Datum{kDoubleType, n == 1 ? 0.0 : static_cast<double>(before) / double(n - 1)};
      case OverFunction::kCumeDist:
        return Datum{kDoubleType, static_cast<double>(upto) / static_cast<double>(n)};
      case OverFunction::kNtile: {
        int32_t bucket = 0;
        for (int64_t seen = 0; seen <= at; ++bucket) {
          seen += n / call.number + (bucket < n % call.number ? 1 : 0);
        }
        return Datum{kIntegerType, bucket};
      }
      case OverFunction::kLag: {
        const int64_t other = at - call.number;
        if (other >= 0 && other < n) return rows_[other][call.arguments[0]];
        return call.fallback_column < 0 ? Datum::null(call.result_type)
                                        : rows_[row][call.fallback_column];
      }
      default:
        break;
    }
    std::vector<Row> frame;
    for (int64_t i = 0; i < n; ++i) {
      if (!inside(call.frame, i, at)) continue;
      if (call.frame.exclusion == FrameExclusion::kCurrentRow && i == at) continue;
      if (call.frame.exclusion == FrameExclusion::kGroup && peer(i, at) == 0) continue;
      if (call.frame.exclusion == FrameExclusion::kTies && peer(i, at) == 0 && i != at) continue;
      frame.push_back(rows_[i]);
    }
    return over_frame(call, frame);
  }

 private:
  static Datum bigint(int64_t value) { return {kBigintType, value}; }
  int peer(int64_t a, int64_t b) const { return order_of(rows_[a], rows_[b], p_.order); }

  int64_t group(int64_t row) const {
    int64_t group = 0;
    for (int64_t i = 1; i <= row; ++i) group += peer(i, i - 1) != 0;
    return group;
  }
  /// i is not before (after: not behind) the bound of the row at `at`.
  bool is_beyond(const OverFrame& frame, const FrameBound& bound, int64_t i, int64_t at,
                 bool lower) const {
    if (bound.edge != Edge::kOffset) return true;
    int64_t distance = 0;  // from the bound to i
    if (frame.unit == FrameUnit::kRows) {
      distance = i - (at + bound.offset);
    } else if (frame.unit == FrameUnit::kGroups) {
      distance = group(i) - (group(at) + bound.offset);
    } else if (bound.value == nullptr) {
      distance = peer(i, at);
    } else {
      Row place = rows_[at];
      const SortKey& key = p_.order[0];
      Datum& value = place[key.column];
      if (!value.is_null()) {
        const int64_t sum = value_of(value) + (key.descending ? -bound.offset : bound.offset);
        if (std::abs(sum) <= kMostPlace) {
          value = bigint(sum);
        } else if (!rows_[i][key.column].is_null()) {
          return (bound.offset < 0) == lower;
        }
      }
      distance = order_of(rows_[i], place, p_.order);
    }
    return lower ? distance >= 0 : distance <= 0;
  }
  bool inside(const OverFrame& frame, int64_t i, int64_t at) const {
    return is_beyond(frame, frame.lower, i, at, true) &&
           is_beyond(frame, frame.upper, i, at, false);
  }

  static std::optional<Datum> over_frame(const OverCall& call, const std::vector<Row>& frame) {
    if (call.function != OverFunction::kAggregate) {
      const size_t n = call.function == OverFunction::kNthValue ? size_t(call.number) : 1;
      if (frame.size() < n) return Datum::null(call.result_type);
      const Row& row = call.function == OverFunction::kLastValue ? frame.back() : frame[n - 1];
      return row[call.arguments[0]];
    }
    int64_t count = 0, sum = 0;
    std::optional<int64_t> least, most;
    for (const Row& row : frame) {
      if (call.filter_column >= 0) {
        const Datum& filter = row[static_cast<size_t>(call.filter_column)];
        if (filter.is_null() || !std::get<bool>(filter.value)) continue;
      }
      if (!call.arguments.empty() && row[call.arguments[0]].is_null()) continue;
      ++count;
      if (call.arguments.empty()) continue;
      const int64_t value = value_of(row[call.arguments[0]]);
      sum += value;
      least = least ? std::min(*least, value) : value;
      most = most ? std::max(*most, value) : value;
    }
    if (call.aggregate->name == "count") return bigint(count);
    if (count == 0) return Datum::null(kBigintType);
    if (call.aggregate->name == "min") return bigint(*least);
    if (call.aggregate->name == "max") return bigint(*most);
    if (sum > kMostSum) return std::nullopt;
    return bigint(sum);
  }

 public:
  static constexpr int64_t kMostPlace = 3;

 private:
  const OverParameters& p_;
  std::vector<Row> rows_;
};

Relation reference(const OverParameters& p, const Relation& input, int64_t* failed) {
  std::map<std::string, std::vector<Row>> partitions;
  for (const Row& row : input.expanded()) {
    Row key;
    for (uint32_t column : p.partition_columns) key.push_back(row[column]);
    partitions[text_of(key)].push_back(row);
  }
  Relation out;
  *failed = 0;
  for (auto& [key, rows] : partitions) {
    std::sort(rows.begin(), rows.end(),
              [&](const Row& a, const Row& b) { return total_order(a, b, p.order) < 0; });
    const Reference reference(p, rows);
    for (size_t i = 0; i < rows.size(); ++i) {
      Row row = rows[i];
      bool fails = false;
      for (const OverCall& call : p.calls) {
        std::optional<Datum> value = reference.value(call, i);
        fails |= !value;
        if (value) row.push_back(*value);
      }
      if (fails) {
        ++*failed;
      } else {
        out.add(row, 1);
      }
    }
  }
  return out;
}

/// place + offset; fails beyond +-3.
const udfs::ScalarFunction& shift_function() {
  static const udfs::ScalarFunction function = [] {
    udfs::ScalarFunction shift;
    shift.name = "+";
    shift.arguments = {data::TypeId::kBigint, data::TypeId::kBigint};
    shift.result = data::TypeId::kBigint;
    shift.can_fail = true;
    shift.kernel = udfs::lift<[](int64_t a, int64_t b) -> data::Result<int64_t> {
      if (Reference::kMostPlace < std::abs(a + b)) {
        return data::Status(data::sqlstate::kNumericOutOfRange, "out of range");
      }
      return a + b;
    }>;
    return shift;
  }();
  return function;
}

class Choice {
 public:
  explicit Choice(uint64_t seed) : random(seed) {}
  uint64_t below(uint64_t n) { return random() % n; }

  FrameBound bound(const OverFrame& frame, const OverParameters& p, bool lower, int64_t offset) {
    FrameBound bound;
    if (below(4) == 0) {
      bound.edge = lower ? Edge::kPartitionStart : Edge::kPartitionEnd;
      return bound;
    }
    bound.edge = Edge::kOffset;
    bound.offset = offset;
    if (frame.unit != FrameUnit::kRange) return bound;
    const bool plain = p.order.size() == 1 && p.order[0].column == 1;
    if (!plain || offset == 0) {
      bound.offset = 0;
      return bound;
    }
    const int64_t step = p.order[0].descending ? -offset : offset;
    bound.value = expr::call(&shift_function(), kBigintType,
                             {expr::column(0, kBigintType), expr::literal({kBigintType, step})});
    return bound;
  }
  OverFrame frame(const OverParameters& p) {
    OverFrame frame;
    if (below(4) == 0) return frame;  // the default
    frame.unit = static_cast<FrameUnit>(below(3));
    int64_t a = int64_t(below(6)) - 3, b = int64_t(below(6)) - 3;
    frame.lower = bound(frame, p, true, std::min(a, b));
    frame.upper = bound(frame, p, false, std::max(a, b));
    if (below(3) == 0) frame.exclusion = static_cast<FrameExclusion>(below(4));
    return frame;
  }
  OverCall call(const OverParameters& p, bool local) {
    OverCall call;
    call.function = static_cast<OverFunction>(below(local ? 5 : 11) + (local ? 6 : 0));
    call.result_type = kBigintType;
    call.arguments = {uint32_t(1 + below(2))};
    switch (call.function) {
      case OverFunction::kRowNumber:
      case OverFunction::kRank:
      case OverFunction::kDenseRank:
        call.arguments.clear();
        break;
      case OverFunction::kPercentRank:
      case OverFunction::kCumeDist:
        call.arguments.clear();
        call.result_type = kDoubleType;
        break;
      case OverFunction::kNtile:
        call.arguments.clear();
        call.result_type = kIntegerType;
        call.number = int64_t(1 + below(5));
        break;
      case OverFunction::kLag:
        call.number = int64_t(below(7)) - 3;
        if (below(2) == 0) call.fallback_column = 1;
        break;
      default:
        do {
          call.frame = frame(p);
        } while (local && (call.frame.lower.edge != Edge::kOffset ||
                           call.frame.upper.edge != Edge::kOffset));
        call.number = int64_t(1 + below(3));
        break;
    }
    if (call.function == OverFunction::kAggregate) {
      const AggregateFunction* functions[] = {&kCountRows, &kCount, &kSum, &kMin, &kMax};
      call.aggregate = functions[below(5)];
      if (call.aggregate == &kCountRows) call.arguments.clear();
      if (below(3) == 0) call.filter_column = 3;
    }
    return call;
  }
  OverParameters parameters() {
    OverParameters p;
    p.types = kTypes;
    p.rows = TableId(4);
    if (below(3) != 0) p.partition_columns = {0};
    if (below(5) != 0) p.order.push_back({1, below(2) == 0, below(2) == 0});
    if (below(4) == 0) p.order.push_back({0, below(2) == 0, below(2) == 0});
    const bool local = below(2) == 0;
    for (uint64_t n = 1 + below(3); n-- > 0;) p.calls.push_back(call(p, local));
    return p;
  }

  std::mt19937_64 random;
};

TEST(Over, EqualsReference) {
  const uint64_t seed = seed_or(21);
  SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
  for (int round = 0; round < 250; ++round) {
    Choice choice(seed + round);
    const OverParameters p = choice.parameters();
    SpecRef spec = make_over(p);
    SCOPED_TRACE(std::to_string(round) + " " + spec->describe());
    const uint32_t batch_rows = std::vector<uint32_t>{1, 7, 1024}[round % 3];
    Generator generator(seed + round, kTypes);
    Driver driver(spec, {{kTypes, p.partition_columns}}, batch_rows, state::make_model_store());
    Relation input;
    for (int epoch = 0; epoch < 12; ++epoch) {
      driver.send(0, generator.changes(input, generator.random() % (epoch == 0 ? 40 : 8)),
                  generator.random);
      driver.end_epoch();
      int64_t failed = 0;
      ASSERT_EQ(driver.sum.rows.text(), reference(p, input, &failed).text()) << "epoch " << epoch;
      int64_t errors = 0;
      for (const auto& [text, error] : driver.sum.errors.rows()) {
        EXPECT_GT(error.weight, 0) << text;
        errors += error.weight;
      }
      ASSERT_EQ(errors, failed) << "epoch " << epoch;
      if (generator.random() % 4 == 0) driver.restart(1 + generator.random() % 3);
    }
  }
}

/// One partition of many rows; what one changed row costs.
class Work {
 public:
  explicit Work(std::vector<OverCall> calls) : random_(1) {
    OverParameters p;
    p.types = {kBigintType, kBigintType};
    p.order = {{0, false, false}};
    p.calls = std::move(calls);
    p.rows = TableId(4);
    p.looked_at = &looked_at;
    driver_ = std::make_unique<Driver>(make_over(p), std::vector<InputKeys>{{p.types, {}}}, 1024,
                                       nullptr);
    std::vector<Change> all;
    for (int64_t i = 0; i < kRows; ++i) all.push_back({row(i, i % 10), 1});
    driver_->send(0, all, random_);
    driver_->end_epoch();
    EXPECT_EQ(driver_->sum.emitted, size_t(kRows));
  }
  /// Changes the argument of the row at `place`.
  void update(int64_t place) {
    looked_at = 0;
    driver_->sum.emitted = 0;
    driver_->send(0, {{row(place, place % 10), -1}, {row(place, 11), 1}}, random_);
    driver_->end_epoch();
  }
  void remove(int64_t place) {
    looked_at = 0;
    driver_->sum.emitted = 0;
    driver_->send(0, {{row(place, place % 10), -1}}, random_);
    driver_->end_epoch();
  }
  size_t emitted() const { return driver_->sum.emitted; }

  static constexpr int64_t kRows = 20'000;
  uint64_t looked_at = 0;

 private:
  static Row row(int64_t place, int64_t value) {
    return {Datum{kBigintType, place * 10}, Datum{kBigintType, value}};
  }
  std::mt19937_64 random_;
  std::unique_ptr<Driver> driver_;
};

OverCall lag_by(int64_t rows) {
  OverCall call;
  call.function = OverFunction::kLag;
  call.arguments = {1};
  call.number = rows;
  call.result_type = kBigintType;
  return call;
}

OverCall counted(FrameUnit unit, int64_t before, int64_t after) {
  OverCall call;
  call.function = OverFunction::kAggregate;
  call.aggregate = &kMax;
  call.arguments = {1};
  call.result_type = kBigintType;
  call.frame.unit = unit;
  call.frame.lower = {Edge::kOffset, before, nullptr};
  call.frame.upper = {Edge::kOffset, after, nullptr};
  return call;
}

TEST(Over, LagAndLeadEvaluateTheNeighbours) {
  Work work({lag_by(1), lag_by(-2)});
  work.update(10'000);
  EXPECT_EQ(work.emitted(), 2u * 3);  // itself, the one after, two before
  EXPECT_LE(work.looked_at, 10u);
}

TEST(Over, BoundedFramesEvaluateTheirReach) {
  for (FrameUnit unit : {FrameUnit::kRows, FrameUnit::kGroups}) {
    Work work({counted(unit, -50, 10)});
    work.update(10'000);
    EXPECT_EQ(work.emitted(), 2u * 61);
    EXPECT_LE(work.looked_at, 61u + 60 + 10);
  }
  OverCall range = counted(FrameUnit::kRange, -1, 0);
  static udfs::ScalarFunction plus = shift_function();
  plus.kernel = udfs::lift<[](int64_t a, int64_t b) -> int64_t { return a + b; }>;
  range.frame.lower.value =
      expr::call(&plus, kBigintType,
                 {expr::column(0, kBigintType), expr::literal({kBigintType, int64_t{-305}})});
  Work work({range});
  work.update(10'000);
  EXPECT_EQ(work.emitted(), 2u * 31);
  EXPECT_LE(work.looked_at, 31u + 30 + 10);
}

OverCall numbered(OverFunction function) {
  OverCall call;
  call.function = function;
  call.result_type = kBigintType;
  return call;
}

TEST(Over, RunningFunctionsGoOnFromACheckpoint) {
  OverCall running = counted(FrameUnit::kRange, 0, 0);
  running.frame.lower = {Edge::kPartitionStart, 0, nullptr};
  running.aggregate = &kCount;
  Work work({numbered(OverFunction::kRowNumber), numbered(OverFunction::kRank), running});
  // A value that is counted as before: after it nothing changes.
  for (int64_t place : {Work::kRows - 10, int64_t{3'000}}) {
    work.update(place);
    EXPECT_EQ(work.emitted(), 2u);
    EXPECT_LE(work.looked_at, 8 * 1024u);
  }
  // One row less: those after it change.
  work.remove(Work::kRows - 100);
  EXPECT_EQ(work.emitted(), 1 + 2u * 99);
  EXPECT_LE(work.looked_at, 8 * 1024u);
}

}  // namespace
}  // namespace forebay::operators::testing
