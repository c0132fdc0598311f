#include <gtest/gtest.h>

#include "tests/unit/operators/harness.h"

namespace forebay::operators::testing {
namespace {

using data::kBigintType;
using data::kNumericType;
using data::kTextType;

TEST(Materialize, MultisetEqualsItsInput) {
  uint64_t seed = seed_or(5);
  SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
  std::vector<Type> types{kTextType, kNumericType};
  for (uint32_t batch_rows : {1u, 7u, 1024u}) {
    Generator generator(seed + batch_rows, types);
    MaterializeParameters p{types, {}, false, false, TableId(9)};
    Driver driver(make_materialize(p), {{types, {0, 1}, data::KeyMode::kExact}}, batch_rows,
                  state::make_model_store());
    StoredRelationRef stored = stored_materialize(p);
    EXPECT_TRUE(stored->key_columns().empty());
    Relation input;
    for (int epoch = 0; epoch < 30; ++epoch) {
      driver.send(0, generator.changes(input, generator.random() % 40), generator.random);
      driver.end_epoch();
      ASSERT_EQ(driver.sum.rows.text(), input.text());
      ASSERT_EQ(driver.stored(stored, 4).text(), input.text()) << "epoch " << epoch;
      if (generator.random() % 4 == 0) driver.restart(1 + generator.random() % 3);
    }
  }
}

TEST(Materialize, KeyedEqualsItsInputWhenTheEpochEnds) {
  uint64_t seed = seed_or(6);
  SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
  std::vector<Type> types{kBigintType, kTextType, data::kDoubleType};
  for (uint32_t batch_rows : {1u, 7u, 1024u}) {
    Generator generator(seed + batch_rows, types);
    generator.domain = 20;
    MaterializeParameters p{types, {0}, true, false, TableId(9)};
    auto store = std::shared_ptr<state::Store>(state::make_model_store());
    Driver driver(make_materialize(p), {{types, {0}}}, batch_rows, store);
    StoredRelationRef stored = stored_materialize(p);
    std::map<std::string, Row> rows;
    for (int epoch = 0; epoch < 30; ++epoch) {
      std::vector<Change> changes;
      for (size_t i = generator.random() % 30; i > 0; --i) {
        Row row = generator.row();
        std::string key = text_of({row[0]});
        if (rows.contains(key)) {
          changes.push_back({rows[key], -1});
          rows.erase(key);
        }
        if (generator.random() % 3 != 0) {
          changes.push_back({row, 1});
          rows[key] = row;
        }
      }
      std::shuffle(changes.begin(), changes.end(), generator.random);
      driver.send(0, changes, generator.random);
      driver.end_epoch();
      Relation expected;
      for (const auto& [key, row] : rows) expected.add(row, 1);
      ASSERT_EQ(driver.sum.rows.text(), expected.text());
      ASSERT_EQ(driver.stored(stored, 4).text(), expected.text()) << "epoch " << epoch;
      for (const auto& [key, row] : rows) {
        data::BatchBuilder out(types);
        ASSERT_TRUE(stored->get(*store->snapshot(), std::span(row).first(1), out).is_ok());
        ChangeBatch found = out.finish();
        ASSERT_EQ(found.rows(), 1u);
        ASSERT_EQ(text_of(row_of(found, 0)), text_of(row));
      }
      if (generator.random() % 4 == 0) driver.restart(1 + generator.random() % 3);
    }
  }
}

TEST(Materialize, TwoRowsOfOneKeyAreAFailedCheck) {
  std::vector<Type> types{kBigintType, kTextType};
  MaterializeParameters p{types, {0}, true, false, TableId(9)};
  Driver driver(make_materialize(p), {{types, {0}}}, 10, state::make_model_store());
  std::mt19937_64 random(1);
  Datum key{kBigintType, int64_t{7}};
  driver.send(0, {{{key, Datum{kTextType, "a"}}, 1}, {{key, Datum{kTextType, "b"}}, 1}}, random);
  try {
    driver.end_epoch();
    FAIL() << "no check";
  } catch (const data::CheckFailure& failure) {
    std::string text = failure.what();
    EXPECT_NE(text.find("duplicate key"), std::string::npos) << text;
    EXPECT_NE(text.find("(7,a)"), std::string::npos) << text;
    EXPECT_NE(text.find("(7,b)"), std::string::npos) << text;
  }
}

TEST(Materialize, RowsThatAreOnlyAddedEqualTheirInput) {
  uint64_t seed = seed_or(7);
  SCOPED_TRACE("FOREBAY_SEED=" + std::to_string(seed));
  std::vector<Type> types{kBigintType, kTextType, data::kDoubleType};
  for (uint32_t batch_rows : {1u, 7u, 1024u}) {
    Generator generator(seed + batch_rows, types);
    MaterializeParameters p{types, {0}, true, true, TableId(9)};
    auto store = std::shared_ptr<state::Store>(state::make_model_store());
    Driver driver(make_materialize(p), {{types, {0}}}, batch_rows, store);
    StoredRelationRef stored = stored_materialize(p);
    Relation expected;
    int64_t next = 0;
    for (int epoch = 0; epoch < 20; ++epoch) {
      std::vector<Change> changes;
      for (size_t i = generator.random() % 30; i > 0; --i) {
        Row row = generator.row();
        row[0] = Datum{kBigintType, next++};
        changes.push_back({row, 1});
        expected.add(row, 1);
      }
      std::shuffle(changes.begin(), changes.end(), generator.random);
      driver.send(0, changes, generator.random);
      driver.end_epoch();
      ASSERT_EQ(driver.sum.rows.text(), expected.text());
      ASSERT_EQ(driver.stored(stored, 4).text(), expected.text()) << "epoch " << epoch;
      if (generator.random() % 4 == 0) driver.restart(1 + generator.random() % 3);
    }
  }
}

TEST(Materialize, ARowThatGoesWhereRowsAreOnlyAddedIsAFailedCheck) {
  std::vector<Type> types{kBigintType};
  MaterializeParameters p{types, {0}, true, true, TableId(9)};
  Driver driver(make_materialize(p), {{types, {0}}}, 10, nullptr);
  std::mt19937_64 random(1);
  try {
    driver.send(0, {{{Datum{kBigintType, int64_t{7}}}, -1}}, random);
    FAIL() << "no check";
  } catch (const data::CheckFailure& failure) {
    std::string text = failure.what();
    EXPECT_NE(text.find("row (7) with weight -1"), std::string::npos) << text;
  }
}

TEST(Materialize, NegativeMultiplicityIsAFailedCheck) {
  std::vector<Type> types{kBigintType};
  MaterializeParameters p{types, {}, false, false, TableId(9)};
  Driver driver(make_materialize(p), {{types, {0}, data::KeyMode::kExact}}, 10, nullptr);
  std::mt19937_64 random(1);
  driver.send(0, {{{Datum{kBigintType, int64_t{7}}}, -1}}, random);
  try {
    driver.end_epoch();
    FAIL() << "no check";
  } catch (const data::CheckFailure& failure) {
    std::string text = failure.what();
    EXPECT_NE(text.find("materialize: row (7) has multiplicity -1"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace forebay::operators::testing
