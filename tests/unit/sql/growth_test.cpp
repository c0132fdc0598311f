// EXPLAIN (STATE): how fast state grows, from given rates.

#include "tests/unit/sql/planner_fixture.h"

namespace forebay::sql {
namespace {

class GrowthTest : public PlannerFixture {
 protected:
  GrowthTest() {
    run("CREATE TABLE bid (id bigint PRIMARY KEY, auction bigint, note text, at timestamp, "
        "WATERMARK FOR at AS at - INTERVAL '4 seconds')");
    run("CREATE TABLE auction (id bigint PRIMARY KEY, seller int, at timestamp, "
        "WATERMARK FOR at AS at - INTERVAL '4 seconds')");
  }

  /// What the line that begins with `name` says behind "nothing bounds it", or behind `after`.
  std::string growth(const std::string& query, const std::string& name,
                     const std::string& after = "nothing bounds it") {
    const std::string text = explain_state(query);
    const size_t line = text.find(name);
    const size_t at = line == std::string::npos ? line : text.find(after, line);
    if (at == std::string::npos) return "not found in: " + text;
    return text.substr(at + after.size(), text.find('\n', at) - at - after.size());
  }
  std::string explain_state(const std::string& query) {
    return explain("(STATE) CREATE MATERIALIZED VIEW v AS " + query);
  }
};

constexpr const char* kJoin =
    "SELECT a.id, b.note, seller, b.at, a.at AS o FROM auction a JOIN bid b ON a.id = b.auction";

TEST_F(GrowthTest, NothingIsKnownYet) {
  EXPECT_EQ(growth(kJoin, "Join"), "; rate unknown");
  EXPECT_EQ(growth("SELECT auction, count(*) FROM bid GROUP BY auction", "Aggregate"),
            "; rate unknown");
}

TEST_F(GrowthTest, RatesAndWidths) {
  rates_ = {{"bid", 1200}};
  // bigint and bigint, of each row of bid: 1,200 * 16 * 86,400.
  EXPECT_EQ(growth("SELECT auction, count(*) FROM bid GROUP BY auction", "Aggregate"),
            "; grows by up to 1,200 rows/s (bid), about 1.7 GB a day");
  // A filter may let everything through; the text is 32 bytes.
  EXPECT_EQ(growth("SELECT note, count(*) FROM bid WHERE auction > 7 GROUP BY note", "Aggregate"),
            "; grows by up to 1,200 rows/s (bid), about 4.1 GB a day");
  EXPECT_EQ(growth("SELECT DISTINCT note FROM bid", "Distinct"),
            "; grows by up to 1,200 rows/s (bid), about 3.3 GB a day");
  rates_["bid"] = 0.25;
  EXPECT_EQ(growth("SELECT auction, count(*) FROM bid GROUP BY auction", "Aggregate"),
            "; grows by up to 0.25 rows/s (bid), about 346 kB a day");
  rates_["bid"] = 1234567.8;
  EXPECT_EQ(growth("SELECT auction, count(*) FROM bid GROUP BY auction", "Aggregate"),
            "; grows by up to 1,234,568 rows/s (bid), about 1.7 TB a day");
}

TEST_F(GrowthTest, SeveralRelations) {
  rates_ = {{"bid", 1000}};
  EXPECT_EQ(growth(kJoin, "Join"),
            "; grows by up to 1,000 rows/s (bid), about 4.8 GB a day; rate of auction unknown");
  // 56 bytes of a bid (its key, too), 20 of an auction.
  rates_["auction"] = 100;
  EXPECT_EQ(growth(kJoin, "Join"),
            "; grows by up to 1,100 rows/s (auction, bid), about 5.0 GB a day");
  // Of a union all rows; of a join as many as its faster side, which is a guess.
  EXPECT_EQ(growth("SELECT i, count(*) FROM (SELECT id AS i FROM bid UNION ALL SELECT id FROM "
                   "auction) AS u GROUP BY i",
                   "Aggregate"),
            "; grows by up to 1,100 rows/s (bid, auction), about 1.5 GB a day");
  EXPECT_EQ(growth("SELECT seller, count(*) FROM auction a JOIN bid b ON a.id = b.auction "
                   "GROUP BY seller",
                   "Aggregate"),
            "; grows by about 1,000 rows/s (auction, bid), about 1.0 GB a day");
}

TEST_F(GrowthTest, GroupingSetsAndSingleRows) {
  rates_ = {{"bid", 100}};
  EXPECT_EQ(growth("SELECT auction, id, count(*) FROM bid GROUP BY CUBE (auction, id)", "Aggregate")
                .substr(0, 40),
            "; grows by up to 400 rows/s (bid), about");
  const std::string one = explain_state("SELECT count(*) FROM bid");
  EXPECT_EQ(one.find("grows"), std::string::npos) << one;
}

TEST_F(GrowthTest, JoinsInTimeHaveASize) {
  const std::string query =
      std::string(kJoin) + " AND b.at BETWEEN a.at AND a.at + INTERVAL '1 hour'";
  EXPECT_EQ(explain_state(query).find("rows/s"), std::string::npos);
  rates_ = {{"bid", 1000}, {"auction", 10}};
  const std::string text = explain_state(query);
  EXPECT_NE(text.find("; about 36,000 left rows at 10 rows/s (auction), "), std::string::npos)
      << text;
  EXPECT_EQ(text.find("grows"), std::string::npos) << text;
  // Of one side nothing goes.
  EXPECT_EQ(growth(std::string(kJoin) + " AND b.at >= a.at", "Join", "bounds them").substr(0, 20),
            "; right ones go once");
}

}  // namespace
}  // namespace forebay::sql
