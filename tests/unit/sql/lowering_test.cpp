#include "sql/lowering/lowering.h"

#include <set>

#include "engine/data/text_format.h"
#include "engine/runtime/query.h"
#include "tests/unit/sql/planner_fixture.h"

namespace forebay::sql {
namespace {

class LoweringTest : public PlannerFixture {
 protected:
  void SetUp() override {
    run("CREATE TABLE t (id bigint PRIMARY KEY, a int NOT NULL, b text, c numeric(10,2))");
    run("CREATE TABLE u (k int, a int, name text)");
  }

  std::string circuit(const std::string& name) { return lowering::describe(fragments_.at(name)); }

  /// Runs a query that reads no stored rows: "1,a;2,b" sorted.
  std::string rows(const std::string& sql, const std::vector<Datum>& parameters = {}) {
    BoundStatement bound = run(sql);
    const PlannedQuery& query = std::get<BoundSelect>(bound.what).query;
    auto fragment = lower_query(query, parameters);
    if (!fragment.is_ok()) return fragment.error().message;
    std::multiset<std::string> lines;
    Status status =
        runtime::run_query(*fragment, nullptr, {}, {}, nullptr, [&](data::ChangeBatch batch) {
          batch.for_each([&](uint32_t row) {
            std::string line;
            for (size_t c = 0; c < query.schema.size(); ++c) {
              if (c > 0) line += ",";
              if (batch.column(c).is_null(row)) {
                line += "null";
              } else {
                data::format_datum(batch.column(c).datum(row), line);
              }
            }
            for (int64_t i = 0; i < batch.weight(row); ++i) lines.insert(line);
          });
          return Status::ok();
        });
    if (!status.is_ok()) return status.error().message;
    std::string text;
    for (const std::string& line : lines) text += line + ";";
    return text;
  }
};

TEST_F(LoweringTest, TablesAreKeptByTheirKey) {
  EXPECT_EQ(circuit("t"),
            "0: table : (bigint, integer, text, numeric(10,2))\n"
            "1: materialize keys=[0] <- 0 exchange [0] : (bigint, integer, text, numeric(10,2))\n");
  // Without a key rows get a number.
  EXPECT_EQ(circuit("u"),
            "0: table : (integer, integer, text, bigint)\n"
            "1: materialize keys=[3] <- 0 exchange [3] : (integer, integer, text, bigint)\n");
  EXPECT_EQ(catalog_.snapshot()->find("public", "u")->hidden_columns[0].name, "_row_id");
}

TEST_F(LoweringTest, AnAggregateIsTheView) {
  run("CREATE MATERIALIZED VIEW mv AS SELECT count(*) AS n, max(c) FROM t GROUP BY a");
  std::string text = circuit("mv");
  EXPECT_EQ(text.find("materialize"), std::string::npos) << text;
  auto object = catalog_.snapshot()->find("public", "mv");
  ASSERT_EQ(object->hidden_columns.size(), 1u) << "the group that is not selected";
  EXPECT_EQ(object->hidden_columns[0].name, "a");
  EXPECT_EQ(object->relation->types().size(), 3u);
  EXPECT_EQ(object->relation->key_columns(), std::vector<uint32_t>{2});
  EXPECT_EQ(object->tables.size(), 2u) << "groups, and the values of max over rows that may go";
}

TEST_F(LoweringTest, TheLeastOfEqualValuesStandsForThemWhereItIsShown) {
  run("CREATE TABLE n (id int PRIMARY KEY, x numeric)");
  run("CREATE MATERIALIZED VIEW groups AS SELECT x FROM n GROUP BY x");
  EXPECT_NE(circuit("groups").find("keys=[0] aggregates=[min(0)]"), std::string::npos)
      << circuit("groups");
  run("CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM (SELECT DISTINCT x FROM n) d");
  EXPECT_EQ(circuit("counted").find("min("), std::string::npos) << circuit("counted");
}

TEST_F(LoweringTest, JoinsTellWhichKeysAreNullSafe) {
  run("CREATE MATERIALIZED VIEW safe AS SELECT t.id FROM t JOIN u ON t.a IS NOT DISTINCT FROM u.a");
  EXPECT_NE(circuit("safe").find("null_safe=[0]"), std::string::npos) << circuit("safe");
  run("CREATE MATERIALIZED VIEW strict AS SELECT t.id FROM t JOIN u ON t.a = u.a");
  EXPECT_EQ(circuit("strict").find("null_safe"), std::string::npos) << circuit("strict");
}

TEST_F(LoweringTest, OtherViewsAreMaterializedByADerivedKey) {
  run("CREATE MATERIALIZED VIEW mv AS SELECT t.b, u.name FROM t LEFT JOIN u ON t.a = u.a");
  auto object = catalog_.snapshot()->find("public", "mv");
  ASSERT_EQ(object->hidden_columns.size(), 2u);
  EXPECT_TRUE(object->has_key);
  run("CREATE MATERIALIZED VIEW bag AS SELECT b FROM t UNION ALL SELECT name FROM u");
  EXPECT_FALSE(catalog_.snapshot()->find("public", "bag")->has_key);
  EXPECT_NE(circuit("bag").find("exchange exact"), std::string::npos) << circuit("bag");
}

TEST_F(LoweringTest, NoExchangeWhereRowsAreAlreadyThere) {
  run("CREATE MATERIALIZED VIEW x AS SELECT a, count(*) AS n FROM t GROUP BY a");
  run("CREATE MATERIALIZED VIEW y AS SELECT a, count(*) AS n FROM u GROUP BY a");
  run("CREATE MATERIALIZED VIEW xy AS SELECT x.a, x.n + y.n AS n FROM x JOIN y ON x.a = y.a");
  EXPECT_EQ(circuit("xy").find("exchange"), std::string::npos) << circuit("xy");
  // Grouping a table by its own key needs none, either.
  run("CREATE MATERIALIZED VIEW z AS SELECT id, count(*) AS n FROM t GROUP BY id");
  EXPECT_EQ(circuit("z").find("exchange"), std::string::npos) << circuit("z");
}

TEST_F(LoweringTest, OpeningGivesTheSameCircuits) {
  run("CREATE VIEW v AS SELECT a, b FROM t WHERE a > 1");
  run("CREATE MATERIALIZED VIEW mv AS SELECT v.a, count(*), min(b) FROM v GROUP BY v.a");
  run("CREATE MATERIALIZED VIEW top AS SELECT * FROM mv ORDER BY count DESC LIMIT 3");
  auto opened = open_catalog(records_, std::make_shared<catalog::CatalogSnapshot>(), {});
  ASSERT_TRUE(opened.is_ok()) << opened.error().message << opened.error().detail;
  EXPECT_EQ(opened->fragments.size(), 4u);
  for (const runtime::Fragment& fragment : opened->fragments) {
    EXPECT_EQ(lowering::describe(fragment), circuit(fragment.name));
    auto before = catalog_.snapshot()->find("public", fragment.name);
    auto after = opened->snapshot->find("public", fragment.name);
    ASSERT_NE(after, nullptr);
    EXPECT_EQ(after->id.value, before->id.value);
    EXPECT_EQ(after->tables, before->tables);
    EXPECT_EQ(after->columns, before->columns);
  }
  EXPECT_NE(opened->snapshot->find("public", "v"), nullptr);
}

TEST_F(LoweringTest, ADamagedRecordIsRefused) {
  auto open = [&] {
    auto opened = open_catalog(records_, std::make_shared<catalog::CatalogSnapshot>(), {});
    return opened.is_ok() ? std::string("opened") : std::string(opened.error().sqlstate.view());
  };
  EXPECT_EQ(open(), "opened");
  std::string good = records_[1].bytes;
  records_[1].bytes.pop_back();
  EXPECT_EQ(open(), "XX001");
  records_[1].bytes = good;
  records_[1].bytes.back() = static_cast<char>(records_[1].bytes.back() ^ 1);  // the fingerprint
  EXPECT_EQ(open(), "55000");
  records_[1].bytes = "\x02" + good.substr(1);
  EXPECT_EQ(open(), "XX001");
}

TEST_F(LoweringTest, QueriesRun) {
  const std::string v = "(VALUES (1, 'a'), (2, 'b'), (2, 'c'), (NULL, 'd')) AS v(x, y)";
  EXPECT_EQ(rows("SELECT x, count(*) FROM " + v + " GROUP BY x"), "1,1;2,2;null,1;");
  EXPECT_EQ(rows("SELECT y FROM " + v + " WHERE x IN (SELECT 2)"), "b;c;");
  EXPECT_EQ(rows("SELECT y FROM " + v + " WHERE x NOT IN (SELECT 2)"), "a;");
  EXPECT_EQ(rows("SELECT y FROM " + v + " WHERE x NOT IN (SELECT 2 WHERE false)"), "a;b;c;d;");
  EXPECT_EQ(rows("SELECT y, x IN (SELECT 2) FROM " + v), "a,f;b,t;c,t;d,null;");
  EXPECT_EQ(
      rows("SELECT x, (SELECT count(*) FROM (VALUES (2), (3)) w(z) WHERE w.z >= v.x) FROM " + v),
      "1,2;2,2;2,2;null,0;");
  EXPECT_EQ(rows("SELECT y FROM " + v + " ORDER BY x DESC LIMIT 2"), "b;d;")
      << "ties by the bytes of the row";
  EXPECT_EQ(rows("SELECT 1 UNION SELECT 1 UNION ALL SELECT 1"), "1;1;");
  // An aggregate inside a subquery over columns of the outer query is the outer query's.
  EXPECT_EQ(rows("SELECT (SELECT w.z FROM (VALUES (2), (4)) w(z) WHERE w.z = max(x)) FROM " + v),
            "2;");
  EXPECT_EQ(rows("SELECT (SELECT y FROM " + v + " WHERE x = 2)"),
            "more than one row returned by a subquery used as an expression");
}

TEST_F(LoweringTest, ParametersAreTypedAndPutIn) {
  parameter_types_ = {};
  EXPECT_EQ(rows("SELECT x + $1 FROM (VALUES (1), (2)) v(x) LIMIT $2",
                 {{data::kIntegerType, int32_t{10}}, {data::kBigintType, int64_t{1}}}),
            "11;");
  EXPECT_EQ(
      rows("SELECT x FROM (VALUES (1), (2)) v(x) LIMIT $1", {{data::kBigintType, int64_t{-1}}}),
      "LIMIT must not be negative");
  EXPECT_EQ(rows("SELECT x FROM (VALUES (1), (2)) v(x) LIMIT $1", {Datum::null(data::kBigintType)}),
            "1;2;");
}

}  // namespace
}  // namespace forebay::sql
