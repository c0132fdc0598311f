#include <algorithm>

#include "engine/data/numeric.h"
#include "tests/support/seed.h"
#include "tests/unit/operators/harness.h"
#include "udfs/registry.h"

/// Results that show how their values were written: sums of numerics without a scale of their own
/// and DISTINCT over equal values that look different.
namespace forebay::operators::testing {
namespace {

using data::kBigintType;
using data::kNumericType;
using data::TypeId;

constexpr Type kIntervalType{TypeId::kInterval};

const udfs::AggregateFunction* function(std::string_view name, TypeId argument) {
  for (const udfs::AggregateFunction* found : udfs::find_aggregate(name)) {
    if (found->arguments.size() == 1 && found->arguments[0] == argument) return found;
  }
  return nullptr;
}

// Columns: 0 key, 1 numeric of mixed scales, 2 interval.
const std::vector<Type> kTypes{kBigintType, kNumericType, kIntervalType};

struct Call {
  const char* name;
  uint32_t column;
  bool distinct;
};
constexpr Call kCalls[] = {{"sum", 1, false}, {"avg", 1, false},    {"sum", 1, true},
                           {"avg", 1, true},  {"stddev", 1, false}, {"sum", 2, true}};

AggregateParameters parameters(bool append_only, std::vector<uint32_t> keys) {
  AggregateParameters p;
  p.input_types = kTypes;
  p.group_columns = std::move(keys);
  p.append_only = append_only;
  p.groups = TableId(10);
  for (const Call& call : kCalls) {
    const udfs::AggregateFunction* found = function(call.name, kTypes[call.column].id);
    p.aggregates.push_back({found, {call.column}, call.distinct, -1, Type{found->result}});
    p.value_tables.push_back(TableId(static_cast<uint32_t>(20 + p.aggregates.size())));
    p.scale_tables.push_back(TableId(static_cast<uint32_t>(40 + p.aggregates.size())));
  }
  return p;
}

Row random_row(std::mt19937_64& random) {
  // 0.00, 0, 1, 1.0, 1.50, 1.5, -2.250 ...; rarely NaN and infinity.
  static const std::pair<int, uint16_t> kNumbers[] = {
      {0, 2}, {0, 0}, {1, 0}, {10, 1}, {150, 2}, {15, 1}, {-2250, 3}, {-225, 2}, {7, 12}};
  static const data::Interval kIntervals[] = {
      {0, 0, 1}, {0, 30, 0}, {int64_t{24} * 3600 * 1'000'000, 0, 0}, {0, 1, 0}, {5, 0, 0}};
  Row row{Datum{kBigintType, static_cast<int64_t>(random() % 3)}};
  const auto [unscaled, scale] = kNumbers[random() % std::size(kNumbers)];
  const uint64_t special = random() % 60;
  if (special < 2) {
    row.push_back(
        {kNumericType, data::Numeric::special(special == 0 ? data::Numeric::Kind::kNaN
                                                           : data::Numeric::Kind::kInfinity)});
  } else if (special < 8) {
    row.push_back(Datum::null(kNumericType));
  } else {
    row.push_back({kNumericType, data::Numeric(data::Int128{unscaled}, scale)});
  }
  row.push_back({kIntervalType, kIntervals[random() % std::size(kIntervals)]});
  return row;
}

/// The call from scratch over the values in `rows`, by the function itself.
Datum from_scratch(const AggregateParameters& p, size_t index, const std::vector<Row>& rows) {
  const AggregateCallSpec& call = p.aggregates[index];
  const Type type = p.input_types[call.arguments[0]];
  std::map<std::string, Datum> least;  // by the bytes of what is equal
  std::vector<Datum> values;
  for (const Row& row : rows) {
    const Datum& value = row[call.arguments[0]];
    if (value.is_null()) continue;
    values.push_back(value);
    std::string equal, exact, current;
    data::append_key(value, data::KeyMode::kGrouping, equal);
    data::append_key(value, data::KeyMode::kExact, exact);
    auto [at, is_new] = least.emplace(equal, value);
    data::append_key(at->second, data::KeyMode::kExact, current);
    if (exact < current) at->second = value;
  }
  if (call.distinct) {
    values.clear();
    for (const auto& [key, value] : least) values.push_back(value);
  }
  std::vector<uint64_t> state(call.function->state_bytes / 8 + 1);
  char* state_at = reinterpret_cast<char*>(state.data());
  data::ColumnBuilder column(type);
  for (const Datum& value : values) column.append_datum(value);
  const data::ColumnRef argument = column.finish();
  const data::ColumnView view = argument->view();
  std::vector<uint32_t> numbers(values.size());
  for (uint32_t i = 0; i < numbers.size(); ++i) numbers[i] = i;
  const std::vector<char*> states(values.size(), state_at);
  const std::vector<Weight> weights(values.size(), 1);
  call.function->update({&view, &type, 1, numbers.data(), states.data(), weights.data(),
                         static_cast<uint32_t>(values.size())});
  data::ColumnBuilder out(call.result_type);
  const char* finished = state_at;
  call.function->finish({&finished, 1, &out, nullptr, nullptr});
  return out.finish()->datum(0);
}

Relation reference(const AggregateParameters& p, const Relation& input) {
  std::map<std::string, std::vector<Row>> groups;
  if (p.group_columns.empty()) groups[""];
  for (const Row& row : input.expanded()) {
    groups[p.group_columns.empty() ? "" : text_of({row[0]})].push_back(row);
  }
  Relation rows;
  for (const auto& [key, members] : groups) {
    Row row;
    if (!p.group_columns.empty()) row.push_back(members[0][0]);
    for (size_t i = 0; i < p.aggregates.size(); ++i) row.push_back(from_scratch(p, i, members));
    rows.add(row, 1);
  }
  return rows;
}

class ScalesRandom : public ::testing::TestWithParam<std::tuple<bool, bool, uint32_t>> {};

TEST_P(ScalesRandom, ShowWhatTheRowsShow) {
  auto [append_only, keyed, batch_rows] = GetParam();
  const uint64_t seed = seed_or(500 + append_only * 100 + keyed * 10 + batch_rows);
  SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::vector<uint32_t> keys(keyed ? 1 : 0, 0);
  const AggregateParameters p = parameters(append_only, keys);
  Driver driver(make_aggregate(p), {{kTypes, keys}}, batch_rows,
                batch_rows == 7 ? make_rocks_store() : state::make_model_store());
  const StoredRelationRef stored = stored_aggregate(p);
  Relation input;
  for (int epoch = 0; epoch < test_length(60); ++epoch) {
    std::vector<Change> changes;
    const uint64_t count = random() % 12;
    for (uint64_t i = 0; i < count; ++i) {
      if (append_only || input.empty() || random() % 100 < 48) {
        changes.push_back({random_row(random), static_cast<Weight>(1 + random() % 2)});
      } else {
        auto at =
            std::next(input.rows().begin(), static_cast<long>(random() % input.rows().size()));
        changes.push_back({at->second.row, -at->second.weight});
      }
      input.add(changes.back().row, changes.back().weight);
    }
    std::shuffle(changes.begin(), changes.end(), random);
    driver.send(0, changes, random);
    driver.end_epoch();
    ASSERT_EQ(driver.sum.rows.text(), reference(p, input).text()) << "epoch " << epoch;
    ASSERT_EQ(driver.stored(stored, 5).text(), driver.sum.rows.text());
    ASSERT_TRUE(driver.sum.errors.empty());
    if (random() % 4 == 0) driver.restart(static_cast<uint16_t>(1 + random() % 3));
  }
}

INSTANTIATE_TEST_SUITE_P(All, ScalesRandom,
                         ::testing::Combine(::testing::Bool(), ::testing::Bool(),
                                            ::testing::Values(1u, 7u, 1024u)));

TEST(Scales, ATypeWithAScaleKeepsNoCounts) {
  AggregateParameters p = parameters(false, {});
  EXPECT_TRUE(counts_scales(p, p.aggregates[0]));
  p.input_types[1] = data::numeric_type(10, 2);
  EXPECT_FALSE(counts_scales(p, p.aggregates[0]));
  p.input_types[1] = kNumericType;
  p.append_only = true;
  EXPECT_FALSE(counts_scales(p, p.aggregates[0]));
}

}  // namespace
}  // namespace forebay::operators::testing
