#include <algorithm>
#include <optional>

#include "tests/unit/operators/functions.h"
#include "tests/unit/operators/harness.h"

namespace forebay::operators::testing {
namespace {

using data::kBigintType;
using data::kBooleanType;
using data::kNumericType;
using data::kTextType;

// Columns: 0 key text, 1 key bigint, 2 bigint, 3 text, 4 filter, 5 numeric(10,2).
const std::vector<Type> kTypes{kTextType, kBigintType,  kBigintType,
                               kTextType, kBooleanType, data::numeric_type(10, 2)};

AggregateParameters parameters(std::vector<uint32_t> keys, bool append_only) {
  AggregateParameters p;
  p.input_types = kTypes;
  p.group_columns = std::move(keys);
  p.append_only = append_only;
  p.aggregates = {
      {&kCountRows, {}, false, -1, kBigintType},
      {&kCountRows, {}, false, 4, kBigintType},
      {&kCount, {2}, false, -1, kBigintType},
      {&kSum, {2}, false, 4, kBigintType},
      {&kCount, {3}, true, -1, kBigintType},
      {&kSum, {2}, true, 4, kBigintType},
      {&kCount, {2}, true, -1, kBigintType},
      {&kCount, {3}, true, 4, kBigintType},
      {&kCount, {2}, true, 4, kBigintType},
      {&kMin, {3}, false, -1, kTextType},
      {&kMax, {2}, false, 4, kBigintType},
      {&kMax, {5}, true, -1, data::numeric_type(10, 2)},
  };
  p.groups = TableId(10);
  for (uint32_t i = 0; i < p.aggregates.size(); ++i) p.value_tables.push_back(TableId(20 + i));
  return p;
}

/// One call over the rows of one group; nullopt: it overflows.
std::optional<Datum> reference_call(const AggregateCallSpec& call, const std::vector<Row>& rows) {
  std::vector<Datum> values;
  for (const Row& row : rows) {
    if (call.filter_column >= 0) {
      const Datum& filter = row[call.filter_column];
      if (filter.is_null() || !std::get<bool>(filter.value)) continue;
    }
    Datum value = call.arguments.empty() ? Datum{kBigintType, int64_t{0}} : row[call.arguments[0]];
    if (!value.is_null()) values.push_back(value);
  }
  std::stable_sort(values.begin(), values.end(),
                   [](const Datum& a, const Datum& b) { return compare(a, b) < 0; });
  if (call.distinct) {
    auto same = [](const Datum& a, const Datum& b) { return compare(a, b) == 0; };
    values.erase(std::unique(values.begin(), values.end(), same), values.end());
  }
  if (call.function->name == "count") {
    return Datum{kBigintType, static_cast<int64_t>(values.size())};
  }
  if (values.empty()) return Datum::null(call.result_type);
  if (call.function->name == "min") return values.front();
  if (call.function->name == "max") return values.back();
  int64_t sum = 0;
  for (const Datum& value : values) sum += std::get<int64_t>(value.value);
  if (sum > kMostSum) return std::nullopt;
  return Datum{kBigintType, sum};
}

void reference(const AggregateParameters& p, const Relation& input, Relation& rows,
               Relation& errors) {
  std::map<std::string, std::vector<Row>> groups;
  if (p.group_columns.empty()) groups[""];
  for (const Row& row : input.expanded()) {
    Row key;
    for (uint32_t column : p.group_columns) key.push_back(row[column]);
    groups[text_of(key)].push_back(row);
  }
  for (const auto& [text, members] : groups) {
    Row out;
    for (uint32_t column : p.group_columns) out.push_back(members[0][column]);
    data::BatchBuilder key({});
    std::vector<data::ColumnRef> columns;
    for (const Datum& value : out) columns.push_back(data::Column::constant(value, 1));
    std::string raw = error_row_text(ChangeBatch(std::move(columns), 1), 0);
    bool failed = false;
    for (const AggregateCallSpec& call : p.aggregates) {
      std::optional<Datum> value = reference_call(call, members);
      if (!value.has_value()) {
        errors.add({Datum{kTextType, "22003 bigint out of range sum " + raw}}, 1);
        failed = true;
        break;
      }
      out.push_back(*value);
    }
    if (!failed) rows.add(out, 1);
  }
}

struct Case {
  std::vector<uint32_t> keys;
  bool append_only;
  uint32_t batch_rows;
};

class AggregateRandom : public ::testing::TestWithParam<std::tuple<int, bool, uint32_t>> {};

TEST_P(AggregateRandom, EqualsReferenceAtEveryEpoch) {
  auto [key_count, append_only, batch_rows] = GetParam();
  uint64_t seed = seed_or(1000 + key_count * 100 + append_only * 10 + batch_rows);
  SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
  std::vector<uint32_t> keys;
  for (int i = 0; i < key_count; ++i) keys.push_back(static_cast<uint32_t>(i));
  AggregateParameters p = parameters(keys, append_only);
  Generator generator(seed, kTypes);
  generator.domain = append_only ? 4 : 8;
  Driver driver(make_aggregate(p), {{kTypes, keys}}, batch_rows,
                batch_rows == 7 && !append_only ? make_rocks_store() : state::make_model_store());
  StoredRelationRef stored = stored_aggregate(p);
  Relation input;
  for (int epoch = 0; epoch < 40; ++epoch) {
    if (generator.random() % 6 == 0) {  // an epoch that is lost
      Relation lost = input;
      driver.send(0, generator.changes(lost, 10, append_only), generator.random);
      driver.lose_epoch(static_cast<uint16_t>(1 + generator.random() % 3));
    }
    driver.send(0, generator.changes(input, generator.random() % 40, append_only),
                generator.random);
    if (generator.random() % 8 == 0) {  // empty the table
      std::vector<Change> all;
      for (const auto& [text, rows] : input.rows()) all.push_back({rows.row, -rows.weight});
      if (!append_only) {
        driver.send(0, all, generator.random);
        input = Relation();
      }
    }
    driver.end_epoch();
    Relation rows, errors;
    reference(p, input, rows, errors);
    ASSERT_EQ(driver.sum.rows.text(), rows.text()) << "epoch " << epoch;
    ASSERT_EQ(driver.sum.errors.text(), errors.text()) << "epoch " << epoch;
    ASSERT_EQ(driver.stored(stored, 1 + generator.random() % 5).text(), rows.text());
    if (generator.random() % 4 == 0) {
      driver.restart(static_cast<uint16_t>(1 + generator.random() % 3));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, AggregateRandom,
                         ::testing::Combine(::testing::Values(0, 1, 2), ::testing::Bool(),
                                            ::testing::Values(1u, 7u, 1024u)));

TEST(Aggregate, WithoutKeysThereIsOneRowAlsoAfterARestart) {
  AggregateParameters p = parameters({}, false);
  p.aggregates = {{&kCountRows, {}, false, -1, kBigintType}, {&kSum, {2}, false, -1, kBigintType}};
  Generator generator(1, kTypes);
  Driver driver(make_aggregate(p), {{kTypes, {}}}, 4, state::make_model_store());
  driver.end_epoch();
  EXPECT_EQ(driver.sum.rows.text(), "0|NULL x1\n");
  driver.restart(3);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.rows.text(), "0|NULL x1\n");
  Row row = generator.row();
  row[2] = Datum{kBigintType, int64_t{5}};
  driver.send(0, {{row, 1}}, generator.random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.rows.text(), "1|5 x1\n");
  driver.send(0, {{row, -1}}, generator.random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.rows.text(), "0|NULL x1\n");
  driver.restart(2);
  driver.send(0, {{row, 1}}, generator.random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.rows.text(), "1|5 x1\n");
}

TEST(Aggregate, NegativeRowCountNamesOperatorAndGroup) {
  AggregateParameters p = parameters({1}, false);
  Generator generator(1, kTypes);
  Driver driver(make_aggregate(p), {{kTypes, {1}}}, 4, nullptr);
  Row row = generator.row();
  row[1] = Datum{kBigintType, int64_t{42}};
  row[3] = Datum::null(kTextType);
  driver.send(0, {{row, -1}}, generator.random);
  try {
    driver.end_epoch();
    FAIL() << "no check";
  } catch (const data::CheckFailure& failure) {
    std::string text = failure.what();
    EXPECT_NE(text.find("aggregate"), std::string::npos) << text;
    EXPECT_NE(text.find("multiplicity -1"), std::string::npos) << text;
  }
}

TEST(Aggregate, UnchangedGroupsEmitNothing) {
  AggregateParameters p = parameters({1}, false);
  p.aggregates = {{&kMax, {2}, false, -1, kBigintType}};
  Generator generator(1, kTypes);
  Driver driver(make_aggregate(p), {{kTypes, {1}}}, 4, state::make_model_store());
  Row row = generator.row();
  row[1] = row[2] = Datum{kBigintType, int64_t{7}};
  driver.send(0, {{row, 1}}, generator.random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.emitted, 1u);
  row[2] = Datum{kBigintType, int64_t{3}};
  driver.send(0, {{row, 1}}, generator.random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.emitted, 1u);
}

TEST(Aggregate, NumericKeysKeepTheirDisplayScale) {
  AggregateParameters p;
  p.input_types = {kNumericType};
  p.group_columns = {0};
  p.aggregates = {{&kCountRows, {}, false, -1, kBigintType}};
  p.groups = TableId(1);
  p.value_tables = {TableId(2)};
  Generator generator(1, {kNumericType});
  Driver driver(make_aggregate(p), {{{kNumericType}, {0}}}, 4, state::make_model_store());
  auto number = [](int64_t unscaled, uint16_t scale) {
    return Row{Datum{kNumericType, data::Numeric(data::Int128{unscaled}, scale)}};
  };
  driver.send(0, {{number(15, 1), 1}, {number(200, 2), 1}}, generator.random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.rows.text(), "1.5|1 x1\n2.00|1 x1\n");
  driver.restart(2);
  driver.send(0, {{number(150, 2), 1}, {number(20, 1), 1}}, generator.random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.rows.text(), "1.50|2 x1\n2.00|2 x1\n");
  EXPECT_EQ(driver.stored(stored_aggregate(p), 10).text(), "1.50|2 x1\n2.00|2 x1\n");
}

TEST(Aggregate, DistinctNumericsShowTheirLeastForm) {
  AggregateFunction largest = kSum;  // the one value, to look at its scale
  largest.arguments = {data::TypeId::kNumeric};
  largest.state_bytes = 24;
  largest.update = [](const AggregateCall& call) {
    for (uint32_t i = 0; i < call.row_count; ++i) {
      auto value = call.arguments[0].at<data::Numeric>(call.rows[i]);
      if (call.weights[i] < 0) continue;
      std::memcpy(call.states[i], &value, sizeof value);
    }
  };
  largest.finish = [](const FinishCall& call) {
    for (uint32_t i = 0; i < call.count; ++i) {
      data::Numeric value;
      std::memcpy(&value, call.states[i], sizeof value);
      call.out->append(value);
    }
  };
  AggregateParameters p;
  p.input_types = {kNumericType};
  p.aggregates = {{&largest, {0}, true, -1, kNumericType}};
  p.groups = TableId(1);
  p.value_tables = {TableId(2)};
  Driver driver(make_aggregate(p), {{{kNumericType}, {}}}, 4, state::make_model_store());
  std::mt19937_64 random(1);
  auto number = [](int64_t unscaled, uint16_t scale) {
    return Row{Datum{kNumericType, data::Numeric(data::Int128{unscaled}, scale)}};
  };
  driver.send(0, {{number(15, 1), 1}, {number(150, 2), 1}, {number(15, 1), 1}}, random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.rows.text(), "1.5 x1\n");
  driver.send(0, {{number(15, 1), -2}}, random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.rows.text(), "1.50 x1\n");
}

TEST(Aggregate, PointReadsFindGroups) {
  AggregateParameters p = parameters({1}, false);
  p.aggregates = {{&kCountRows, {}, false, -1, kBigintType}};
  Generator generator(3, kTypes);
  auto store = std::shared_ptr<state::Store>(state::make_model_store());
  Driver driver(make_aggregate(p), {{kTypes, {1}}}, 4, store);
  Row row = generator.row();
  row[1] = Datum{kBigintType, int64_t{7}};
  driver.send(0, {{row, 3}}, generator.random);
  driver.end_epoch();
  StoredRelationRef relation = stored_aggregate(p);
  data::BatchBuilder out(relation->types());
  Datum key{kBigintType, int64_t{7}};
  ASSERT_TRUE(relation->get(*store->snapshot(), std::span(&key, 1), out).is_ok());
  key.value = int64_t{8};
  ASSERT_TRUE(relation->get(*store->snapshot(), std::span(&key, 1), out).is_ok());
  ChangeBatch found = out.finish();
  ASSERT_EQ(found.rows(), 1u);
  EXPECT_EQ(text_of(row_of(found, 0)), "7|3");
}

TEST(Distinct, EqualsReference) {
  uint64_t seed = seed_or(77);
  SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
  std::vector<Type> types{kTextType, data::kIntegerType};
  for (uint32_t batch_rows : {1u, 7u, 1024u}) {
    Generator generator(seed + batch_rows, types);
    DistinctParameters p{types, TableId(5)};
    Driver driver(make_distinct(p), {{types, {0, 1}}}, batch_rows, state::make_model_store());
    Relation input;
    for (int epoch = 0; epoch < 40; ++epoch) {
      driver.send(0, generator.changes(input, generator.random() % 30), generator.random);
      driver.end_epoch();
      Relation rows;
      for (const auto& [text, member] : input.rows()) rows.add(member.row, 1);
      ASSERT_EQ(driver.sum.rows.text(), rows.text()) << "epoch " << epoch;
      ASSERT_EQ(driver.stored(stored_distinct(p), 3).text(), rows.text());
      if (generator.random() % 4 == 0) driver.restart(1 + generator.random() % 3);
    }
  }
}

}  // namespace
}  // namespace forebay::operators::testing
