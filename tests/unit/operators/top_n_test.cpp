#include <algorithm>

#include "tests/unit/operators/harness.h"

namespace forebay::operators::testing {
namespace {

using data::kBigintType;
using data::kDoubleType;
using data::kTextType;

const std::vector<Type> kTypes{kBigintType, kDoubleType, kTextType};

/// Less than zero: a first.
int order_of(const Row& a, const Row& b, const std::vector<SortKey>& keys) {
  for (const SortKey& key : keys) {
    const Datum &x = a[key.column], &y = b[key.column];
    if (x.is_null() != y.is_null()) return x.is_null() == key.nulls_first ? -1 : 1;
    int order = x.is_null() ? 0 : compare(x, y);
    if (order != 0) return key.descending ? -order : order;
  }
  for (size_t c = 0; c < a.size(); ++c) {
    if (a[c].is_null() && b[c].is_null()) continue;
    int order = compare(a[c], b[c]);
    if (order != 0) return order;
  }
  return 0;
}

Relation reference(const TopNParameters& p, const Relation& input) {
  std::map<std::string, std::vector<Row>> partitions;
  for (const Row& row : input.expanded()) {
    Row key;
    for (uint32_t column : p.partition_columns) key.push_back(row[column]);
    partitions[text_of(key)].push_back(row);
  }
  Relation out;
  for (auto& [key, rows] : partitions) {
    std::stable_sort(rows.begin(), rows.end(),
                     [&](const Row& a, const Row& b) { return order_of(a, b, p.order) < 0; });
    for (uint64_t i = p.offset; i < rows.size() && i - p.offset < p.limit; ++i) {
      if (p.numbered) rows[i].push_back({kBigintType, static_cast<int64_t>(i + 1)});
      out.add(rows[i], 1);
    }
  }
  return out;
}

TEST(TopN, EqualsReference) {
  uint64_t seed = seed_or(11);
  SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
  std::mt19937_64 choice(seed);
  for (int round = 0; round < 40; ++round) {
    TopNParameters p;
    p.types = kTypes;
    if (choice() % 2 == 0) p.partition_columns = {2};
    for (uint32_t column : {1u, 2u}) {
      if (choice() % 3 != 0) p.order.push_back({column, choice() % 2 == 0, choice() % 2 == 0});
    }
    p.offset = choice() % 2 == 0 ? 0 : choice() % 4;
    p.limit = choice() % 5 == 0 ? UINT64_MAX : choice() % 5;
    p.rows = TableId(4);
    p.numbered = choice() % 2 == 0;
    p.append_only = p.limit != UINT64_MAX && choice() % 3 == 0;
    SpecRef spec = make_top_n(p);
    SCOPED_TRACE(spec->describe());
    uint32_t batch_rows = std::vector<uint32_t>{1, 7, 1024}[round % 3];
    Generator generator(seed + round, kTypes);
    Driver driver(spec, {{kTypes, p.partition_columns}}, batch_rows, state::make_model_store());
    Relation input;
    for (int epoch = 0; epoch < 15; ++epoch) {
      driver.send(0, generator.changes(input, generator.random() % 25, p.append_only),
                  generator.random);
      driver.end_epoch();
      ASSERT_EQ(driver.sum.rows.text(), reference(p, input).text()) << "epoch " << epoch;
      if (generator.random() % 4 == 0) driver.restart(1 + generator.random() % 3);
    }
  }
}

TEST(TopN, ChangesOutsideTheWindowEmitNothing) {
  TopNParameters p{{kBigintType}, {}, {{0, false, false}}, 0, 2, false, TableId(4)};
  Driver driver(make_top_n(p), {{p.types, {}}}, 10, nullptr);
  std::mt19937_64 random(1);
  auto row = [](int64_t value) { return Row{Datum{kBigintType, value}}; };
  driver.send(0, {{row(1), 1}, {row(2), 1}, {row(3), 1}}, random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.emitted, 2u);
  driver.send(0, {{row(4), 1}, {row(3), -1}}, random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.emitted, 2u);
  driver.send(0, {{row(1), -1}}, random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.rows.text(), "2 x1\n4 x1\n");
  EXPECT_EQ(driver.sum.emitted, 4u);
}

TEST(TopN, KeepsOfAppendOnlyInputWhatItNeeds) {
  TopNParameters p{{kBigintType}, {}, {{0, true, false}}, 1, 2, false, TableId(4)};
  p.append_only = true;
  Driver driver(make_top_n(p), {{p.types, {}}}, 10, state::make_model_store());
  std::mt19937_64 random(1);
  for (int64_t i = 0; i < 50; ++i) {
    for (int64_t value : {i, -i}) driver.send(0, {{{Datum{kBigintType, value}}, 1}}, random);
    driver.end_epoch();
    EXPECT_LE(driver.state_rows(), 5u);
  }
  EXPECT_EQ(driver.sum.rows.text(), "47 x1\n48 x1\n");
  driver.restart(1);
  driver.send(0, {{{Datum{kBigintType, int64_t{60}}}, 1}}, random);
  driver.end_epoch();
  EXPECT_EQ(driver.sum.rows.text(), "48 x1\n49 x1\n");
  EXPECT_LE(driver.state_rows(), 3u);
}

TEST(SingleRow, EqualsReference) {
  uint64_t seed = seed_or(12);
  SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
  std::vector<Type> types{kTextType, kBigintType};
  for (uint32_t batch_rows : {1u, 7u, 1024u}) {
    for (std::vector<uint32_t> keys : {std::vector<uint32_t>{}, std::vector<uint32_t>{0}}) {
      Generator generator(seed + batch_rows, types);
      SingleRowParameters p{types, keys, TableId(4)};
      Driver driver(make_single_row(p), {{types, keys}}, batch_rows, state::make_model_store());
      Relation input;
      for (int epoch = 0; epoch < 60; ++epoch) {
        driver.send(0, generator.changes(input, generator.random() % 6), generator.random);
        if (generator.random() % 3 == 0 && !input.empty()) {
          std::vector<Change> all;
          for (const auto& [text, rows] : input.rows()) all.push_back({rows.row, -rows.weight});
          driver.send(0, all, generator.random);
          input = Relation();
        }
        driver.end_epoch();
        std::map<std::string, std::vector<Row>> groups;
        for (const Row& row : input.expanded()) {
          groups[keys.empty() ? "" : text_of({row[0]})].push_back(row);
        }
        Relation rows;
        int64_t errors = 0;
        for (const auto& [key, members] : groups) {
          if (members.size() == 1) rows.add(members[0], 1);
          errors += members.size() > 1;
        }
        ASSERT_EQ(driver.sum.rows.text(), rows.text()) << "epoch " << epoch;
        int64_t reported = 0;
        for (const auto& [text, error] : driver.sum.errors.rows()) {
          EXPECT_EQ(text.find("21000 more than one row"), 0u);
          EXPECT_EQ(error.weight, 1);
          reported += error.weight;
        }
        ASSERT_EQ(reported, errors) << "epoch " << epoch;
        if (generator.random() % 4 == 0) driver.restart(1 + generator.random() % 3);
      }
    }
  }
}

}  // namespace
}  // namespace forebay::operators::testing
