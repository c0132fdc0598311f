#include "sql/binder/binder.h"
#include "sql/plan/expressions.h"
#include "sql/plan/failure.h"
#include "sql/plan/properties.h"
#include "sql/rules/rules.h"
#include "tests/unit/sql/planner_fixture.h"

namespace forebay::sql {
namespace {

class PlanTest : public PlannerFixture {
 protected:
  void SetUp() override {
    run("CREATE TABLE t (id bigint PRIMARY KEY, a int NOT NULL, b text, c numeric(10,2), v "
        "varchar(10))");
    run("CREATE TABLE u (k int, a int, name varchar)");
    run("CREATE TABLE w (p int, q int, r text, PRIMARY KEY (p, q))");
  }
  plan::NodeRef optimized(const std::string& sql) {
    BoundStatement bound = run(sql);
    return std::get<BoundSelect>(bound.what).query.plan;
  }
  /// "id,a; b" of the unique keys.
  std::string keys(const std::string& sql) {
    plan::NodeRef node = optimized(sql);
    std::vector<std::string> out;
    for (const plan::KeySet& key : plan::unique_keys(node)) {
      std::string text;
      for (plan::ColumnId id : key) {
        if (!text.empty()) text += ",";
        text += node->columns[plan::find_column(node->columns, id)].name;
      }
      out.push_back("(" + text + ")");
    }
    std::sort(out.begin(), out.end());
    std::string all;
    for (const std::string& key : out) all += key;
    return all;
  }
  plan::Failure failure_in(const std::string& expression) {
    plan::NodeRef node = optimized("SELECT " + expression + " AS x FROM t");
    const auto& project = plan::as<plan::Project>(*node);
    return plan::failure_of(project.expressions[0]);
  }
};

TEST_F(PlanTest, UniqueKeys) {
  EXPECT_EQ(keys("SELECT * FROM t"), "(id)");
  EXPECT_EQ(keys("SELECT a, b FROM t"), "");
  EXPECT_EQ(keys("SELECT p, q FROM w"), "(p,q)");
  EXPECT_EQ(keys("SELECT q, r FROM w WHERE p = 3"), "(q)");
  EXPECT_EQ(keys("SELECT q, r FROM w WHERE p = (random() * 3)::int"), "") << "not one value";
  EXPECT_EQ(keys("SELECT a, count(*) FROM t GROUP BY a"), "(a)");
  EXPECT_EQ(keys("SELECT count(*) FROM t"), "()");
  EXPECT_EQ(keys("SELECT DISTINCT a, b FROM t"), "(a,b)");
  EXPECT_EQ(keys("SELECT k FROM u"), "");
  EXPECT_EQ(keys("SELECT id::numeric AS n FROM t"), "(n)") << "a cast that keeps values apart";
  EXPECT_EQ(keys("SELECT id::int AS n FROM t"), "");
  // A join with a unique partner keeps the other side's key.
  EXPECT_EQ(keys("SELECT w.p, w.q, t.b FROM w JOIN t ON t.id = w.p"), "(p,q)");
  EXPECT_EQ(keys("SELECT t.id, w.p, w.q FROM w JOIN t ON t.a = w.p"), "(p,q,id)");
  EXPECT_EQ(keys("SELECT t.id, w.p, w.q FROM w LEFT JOIN t ON t.a = w.p"), "(p,q,id)");
  EXPECT_EQ(keys("SELECT t.id, w.p, w.q FROM w FULL JOIN t ON t.a = w.p"), "")
      << "rows extended by NULLs on both sides";
  EXPECT_EQ(keys("SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a)"), "(id)");
  EXPECT_EQ(keys("SELECT id FROM t UNION ALL SELECT k FROM u"), "");
}

TEST_F(PlanTest, AppendOnly) {
  EXPECT_FALSE(plan::is_append_only(optimized("SELECT * FROM t")));
  EXPECT_TRUE(plan::is_append_only(optimized("VALUES (1), (2)")));
  EXPECT_FALSE(plan::is_append_only(optimized("SELECT count(*) FROM (VALUES (1)) v")));
  EXPECT_TRUE(plan::is_append_only(
      optimized("SELECT DISTINCT x FROM (VALUES (1), (1)) v(x) UNION ALL SELECT 3")));
  // 1.0 may stand where 1.00 stood.
  for (const char* type : {"numeric", "interval", "double precision"}) {
    EXPECT_FALSE(plan::is_append_only(optimized(std::string("SELECT DISTINCT x::") + type +
                                                " AS y FROM (VALUES ('1'), ('2')) v(x)")))
        << type;
  }
  EXPECT_TRUE(plan::is_append_only(
      optimized("SELECT DISTINCT x::numeric(4,2) AS y FROM (VALUES ('1'), ('2')) v(x)")));
}

TEST_F(PlanTest, Failures) {
  using plan::Failure;
  EXPECT_EQ(failure_in("a = 1"), Failure::kNever);
  EXPECT_EQ(failure_in("a + 1"), Failure::kOverflow);
  EXPECT_EQ(failure_in("a / 10"), Failure::kNever);
  EXPECT_EQ(failure_in("a / -1"), Failure::kOverflow);
  EXPECT_EQ(failure_in("a % 7"), Failure::kNever);
  EXPECT_EQ(failure_in("1 / a"), Failure::kValue);
  EXPECT_EQ(failure_in("b LIKE 'x%'"), Failure::kNever);
  EXPECT_EQ(failure_in("b LIKE v"), Failure::kValue);
  EXPECT_EQ(failure_in("b LIKE 'x\\'"), Failure::kValue);
  EXPECT_EQ(failure_in("b ~ '^x'"), Failure::kNever);
  EXPECT_EQ(failure_in("b ~ '('"), Failure::kValue);
  EXPECT_EQ(failure_in("b::int"), Failure::kValue);
  EXPECT_EQ(failure_in("a::numeric"), Failure::kNever);
  EXPECT_EQ(failure_in("a::numeric(3,1)"), Failure::kValue);
  EXPECT_EQ(failure_in("c > 1.5 AND a / a > 0"), Failure::kValue);
}

TEST_F(PlanTest, NullTests) {
  plan::NodeRef t = optimized("SELECT id, a, b, coalesce(b, 'x') AS d FROM t");
  auto never_null = [&](size_t column) {
    return plan::is_never_null(t, plan::column_ref(t->columns[column]));
  };
  EXPECT_TRUE(never_null(0));
  EXPECT_TRUE(never_null(1));
  EXPECT_FALSE(never_null(2));
  EXPECT_TRUE(never_null(3));
  plan::NodeRef outer = optimized("SELECT w.p, t.a FROM w LEFT JOIN t ON t.id = w.q");
  EXPECT_TRUE(plan::is_never_null(outer, plan::column_ref(outer->columns[0])));
  EXPECT_FALSE(plan::is_never_null(outer, plan::column_ref(outer->columns[1])));
}

TEST_F(PlanTest, PointPlans) {
  auto point = [&](const std::string& sql) {
    return std::get<BoundSelect>(run(sql).what).query.point;
  };
  auto one = point("SELECT b FROM t WHERE id = 5");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->key.size(), 1u);
  EXPECT_EQ(one->key[0]->type.id, data::TypeId::kBigint);
  EXPECT_EQ(one->predicate, nullptr);
  EXPECT_EQ(one->projection[0]->column, 2u);
  auto parameters = point("SELECT r FROM w WHERE q = $1 AND p = $2 AND r <> 'x'");
  ASSERT_TRUE(parameters);
  EXPECT_EQ(parameters->key[0]->column, 1u) << "in the order of the key: p is $2";
  EXPECT_EQ(parameters->key[1]->column, 0u);
  EXPECT_NE(parameters->predicate, nullptr);
  EXPECT_FALSE(point("SELECT r FROM w WHERE p = 1")) << "half a key";
  EXPECT_FALSE(point("SELECT r FROM w WHERE p = 1 AND q = 5000000000")) << "no integer";
  EXPECT_FALSE(point("SELECT count(*) FROM t WHERE id = 5"));
  EXPECT_FALSE(point("SELECT k FROM u WHERE k = 5")) << "no key";
  // Inside a larger plan the scan reads by key.
  EXPECT_NE(explain("SELECT count(*) FROM t WHERE id = 5").find("key=[5]"), std::string::npos);
}

TEST_F(PlanTest, PointPlanOfAnAggregatedView) {
  run("CREATE MATERIALIZED VIEW mv AS SELECT count(*) AS n, a, b FROM t GROUP BY b, a");
  auto bound = run("SELECT n FROM mv WHERE a = 3 AND b = 'x'");
  const auto& point = std::get<BoundSelect>(bound.what).query.point;
  ASSERT_TRUE(point);
  const auto& relation = *point->relation;
  ASSERT_EQ(relation.key_columns().size(), 2u);
  EXPECT_EQ(relation.key_columns()[0], 2u) << "b, the first group";
  EXPECT_EQ(std::get<std::string>(point->key[0]->literal.value), "x");
  EXPECT_EQ(std::get<int32_t>(point->key[1]->literal.value), 3);
}

}  // namespace
}  // namespace forebay::sql
