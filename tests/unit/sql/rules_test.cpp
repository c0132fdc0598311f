#include "sql/rules/rules.h"

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "sql/binder/binder.h"
#include "tests/unit/sql/planner_fixture.h"

/// Each rule's goldens: tests/golden/rules/<rule>.txt, blocks of a query, the plan before the rule
/// (all rules that run earlier have been applied) and the plan after it. FOREBAY_UPDATE_GOLDENS=1
/// writes them.
namespace forebay::sql {
namespace {

std::filesystem::path golden_folder() {
  std::filesystem::path at = std::filesystem::current_path();
  while (!std::filesystem::exists(at / "tests/golden/rules") && at.has_relative_path())
    at = at.parent_path();
  return at / "tests/golden/rules";
}

struct Case {
  std::string query;
  std::string before;
  std::string after;
};

/// Blocks: "# comment" lines, the query, "before:" and "after:" with indented lines, separated by
/// blanks.
std::vector<Case> read_cases(const std::filesystem::path& path, std::string* head) {
  std::ifstream in(path);
  std::vector<Case> cases;
  std::string line;
  std::string* target = nullptr;
  while (std::getline(in, line)) {
    if (line.starts_with("#")) {
      *head += line + "\n";
    } else if (line.starts_with("query: ")) {
      cases.push_back({line.substr(7), "", ""});
      target = nullptr;
    } else if (line == "before:") {
      target = &cases.back().before;
    } else if (line == "after:") {
      target = &cases.back().after;
    } else if (target != nullptr && line.starts_with("  ")) {
      *target += line.substr(2) + "\n";
    }
  }
  return cases;
}

std::string indented(const std::string& text) {
  std::string out;
  std::istringstream in(text);
  std::string line;
  while (std::getline(in, line)) out += "  " + line + "\n";
  return out;
}

class RulesTest : public PlannerFixture, public ::testing::WithParamInterface<std::string_view> {
 protected:
  void SetUp() override {
    run("CREATE TABLE t (id bigint PRIMARY KEY, a int NOT NULL, b text, c numeric(10,2), v "
        "varchar(10))");
    run("CREATE TABLE u (k int, a int, name varchar)");
    run("CREATE TABLE w (at timestamp, k int, n bigint, f double precision)");
    run("CREATE TABLE d (id int PRIMARY KEY, label text, v varchar(10))");
  }

  /// The plan as bound, with its number factory.
  plan::NodeRef plan_of(const std::string& query, plan::ColumnFactory* columns) {
    auto parsed = parse_statements(query);
    EXPECT_TRUE(parsed.is_ok()) << query;
    BindOptions options;
    binder::Binder binder(catalog_.snapshot(), options);
    auto bound =
        binder.bind_query(*ast::as<ast::QueryStatement>(*(*parsed)[0].statement).query, nullptr);
    EXPECT_TRUE(bound.is_ok()) << query << ": " << (bound.is_ok() ? "" : bound.error().message);
    plan::Columns visible;
    for (const auto& output : bound->columns) visible.push_back(output.column);
    *columns = binder.columns();
    return plan::make_narrow(bound->plan, visible);
  }

  Case rewrite(const std::string& query, std::string_view name) {
    plan::ColumnFactory columns;
    plan::NodeRef plan = plan_of(query, &columns);
    const plan::Columns wanted = plan->columns;
    for (const rules::Rule& rule : rules::rules_in_order()) {
      plan::NodeRef next = plan::make_narrow(rule.apply(plan, columns), wanted);
      if (rule.name == name) return {query, plan::to_text(plan), plan::to_text(next)};
      plan = next;
    }
    ADD_FAILURE() << "no rule " << name;
    return {};
  }
};

TEST_P(RulesTest, AgreesWithItsGoldens) {
  const std::filesystem::path path = golden_folder() / (std::string(GetParam()) + ".txt");
  std::string head;
  std::vector<Case> cases = read_cases(path, &head);
  ASSERT_FALSE(cases.empty()) << "no cases in " << path;
  const bool update = std::getenv("FOREBAY_UPDATE_GOLDENS") != nullptr;
  std::string written = head;
  for (const Case& expected : cases) {
    Case actual = rewrite(expected.query, GetParam());
    written += "\nquery: " + actual.query + "\nbefore:\n" + indented(actual.before) + "after:\n" +
               indented(actual.after);
    if (update) continue;
    EXPECT_EQ(actual.before, expected.before) << expected.query;
    EXPECT_EQ(actual.after, expected.after) << expected.query;
    EXPECT_NE(actual.before, actual.after) << "the rule does nothing: " << expected.query;
  }
  if (update) std::ofstream(path) << written;
}

INSTANTIATE_TEST_SUITE_P(All, RulesTest,
                         ::testing::Values("fold_constants", "simplify", "decorrelate",
                                           "merge_projections", "push_down_predicates",
                                           "limit_numbers", "extract_join_keys", "prune_columns",
                                           "aggregate_by_pane"),
                         [](const auto& info) { return std::string(info.param); });

using OptimizeTest = RulesTest;

TEST_F(OptimizeTest, FailingExpressionsStayAboveFiltersAndJoins) {
  // 1/a could fail for rows that the join drops.
  std::string text =
      explain("SELECT t.id FROM t JOIN u ON t.id = u.k WHERE 1 / t.a > 0 AND t.b = 'x'");
  size_t division = text.find("1 / a");
  size_t join = text.find("Join");
  size_t equality = text.find("b = 'x'");
  ASSERT_NE(division, std::string::npos) << text;
  EXPECT_LT(division, join) << text;
  EXPECT_GT(equality, join) << text;
}

TEST_F(OptimizeTest, CorrelatedGuardsAreNotComputedForValuesNobodyAsksFor) {
  // The guard against several rows sees only values of the outer query.
  std::string text = explain("SELECT id, (SELECT name FROM u WHERE u.k = t.a) FROM t");
  size_t guard = text.find("SingleRow");
  ASSERT_NE(guard, std::string::npos) << text;
  EXPECT_NE(text.find("Distinct [a", guard), std::string::npos) << text;
}

}  // namespace
}  // namespace forebay::sql
