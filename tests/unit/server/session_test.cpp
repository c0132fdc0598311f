#include "server/session.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <regex>
#include <thread>

#include "server/database.h"
#include "state/failpoint.h"

namespace forebay::server {
namespace {

using data::Status;

// Keeps tags, notices and the number of rows.
class Collect final : public ResultSink {
 public:
  Status begin_rows(const data::Schema&) override { return Status::ok(); }
  Status rows(const data::ChangeBatch& batch) override {
    if (batch.rows() > 0 && batch.columns().size() == 1 &&
        batch.column(0).type().id == data::TypeId::kText) {
      batch.for_each([&](uint32_t row) {
        texts += std::string(batch.column(0).at<data::StringView>(row).view()) + "\n";
      });
    }
    for (uint32_t i = 0; i < batch.rows(); ++i) row_count += batch.weight(batch.physical(i));
    return Status::ok();
  }
  void notice(const Notice& notice) override { notices.push_back(notice); }

  int64_t row_count = 0;
  std::string texts;  // of a single column
  std::vector<Notice> notices;
  std::vector<std::string> tags;
};

class SessionTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "session-test-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    DatabaseOptions options;
    options.data_directory = directory_ + "/data";
    options.memory_bytes = uint64_t{64} << 20;
    auto opened = Database::open(options);
    ASSERT_TRUE(opened.is_ok()) << opened.error().message;
    database_ = std::move(*opened);
  }
  void TearDown() override {
    state::set_failpoints("");
    database_.reset();
    std::filesystem::remove_all(directory_);
  }

  std::unique_ptr<Session> session() {
    return std::make_unique<Session>(*database_, "root", "dev");
  }
  static Status run(Session& session, std::string_view sql, Collect& into) {
    return session.run(sql, into, [&](const std::string& tag) {
      into.tags.push_back(tag);
      return Status::ok();
    });
  }
  // "57014 message", or the last tag.
  static std::string answer(Session& session, std::string_view sql) {
    Collect collect;
    Status status = run(session, sql, collect);
    if (status.is_ok()) return collect.tags.back();
    return std::string(status.error().sqlstate.view()) + " " + status.error().message;
  }
  template <typename Done>
  static bool comes_true(Done&& done) {
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  std::string directory_;
  std::unique_ptr<Database> database_;
};

TEST_F(SessionTest, ExplainStateTellsRatesOnceRowsHaveCome) {
  auto client = session();
  ASSERT_EQ(answer(*client, "CREATE TABLE t (k int, v bigint)"), "CREATE TABLE");
  const auto explained = [&] {
    Collect collect;
    EXPECT_TRUE(run(*client,
                    "EXPLAIN (STATE) CREATE MATERIALIZED VIEW w AS "
                    "SELECT a.v FROM t AS a JOIN t AS b ON a.k = b.k",
                    collect)
                    .is_ok());
    return collect.texts;
  };
  EXPECT_NE(explained().find("nothing bounds it; rate unknown"), std::string::npos) << explained();
  ASSERT_EQ(answer(*client, "INSERT INTO t SELECT i, i FROM generate_series(1, 1000) AS i"),
            "INSERT 0 1000");
  const std::regex known(
      R"(nothing bounds it; grows by up to [0-9,.]+ rows/s \(t\), about [0-9.]+ [kMGT]B a day\n)");
  EXPECT_TRUE(comes_true([&] { return std::regex_search(explained(), known); })) << explained();
}

TEST_F(SessionTest, APlanThatDdlHasMadeOldIsMadeAgainOnce) {
  auto client = session();
  ASSERT_EQ(answer(*client, "CREATE TABLE t (id int PRIMARY KEY)"), "CREATE TABLE");
  ASSERT_EQ(answer(*client, "PREPARE p AS SELECT * FROM t"), "PREPARE");
  PreparedRef prepared = *client->prepared_statements().find("p");
  auto plan = [&] {
    return *prepared->plan_for(database_->catalog().snapshot(), {"root", "public"});
  };
  PreparedStatement::PlanRef first = plan();
  ASSERT_EQ(answer(*client, "EXECUTE p"), "SELECT 0");
  EXPECT_EQ(plan(), first);
  ASSERT_EQ(answer(*client, "CREATE TABLE other (id int)"), "CREATE TABLE");
  ASSERT_EQ(answer(*client, "EXECUTE p"), "SELECT 0");
  PreparedStatement::PlanRef second = plan();
  EXPECT_NE(second, first);
  ASSERT_EQ(answer(*client, "EXECUTE p"), "SELECT 0");
  EXPECT_EQ(plan(), second);
  // Another result is refused as long as the table is another one.
  ASSERT_EQ(answer(*client, "DROP TABLE t; CREATE TABLE t (id bigint PRIMARY KEY)"),
            "CREATE TABLE");
  EXPECT_EQ(answer(*client, "EXECUTE p"), "0A000 cached plan must not change result type");
  ASSERT_EQ(answer(*client, "DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY)"), "CREATE TABLE");
  EXPECT_EQ(answer(*client, "EXECUTE p"), "SELECT 0");
}

TEST_F(SessionTest, AWriteWhoseWaitIsCanceledStandsAndSaysSo) {
  auto client = session();
  ASSERT_EQ(answer(*client, "CREATE TABLE t (id int PRIMARY KEY, x int)"), "CREATE TABLE");
  for (const char* sql : {"INSERT INTO t VALUES (1, 1) RETURNING id; SELECT 1",
                          "UPDATE t SET x = 2; SELECT 1", "DELETE FROM t; SELECT 1"}) {
    ASSERT_EQ(answer(*client, "FLUSH"), "FLUSH");
    ASSERT_TRUE(state::set_failpoints("commit.before_write=wait"));
    client->clear_cancel();
    Collect collect;
    auto result = std::async(std::launch::async, [&] { return run(*client, sql, collect); });
    // The commit is under way, so the write has been accepted.
    ASSERT_TRUE(comes_true([] { return state::waiting_at_failpoints() > 0; }));
    client->cancel();
    ASSERT_EQ(result.wait_for(std::chrono::seconds(20)), std::future_status::ready);
    Status status = result.get();
    EXPECT_TRUE(status.is_ok()) << sql << ": " << status.error().message;
    ASSERT_EQ(collect.notices.size(), 1u) << sql;
    EXPECT_EQ(collect.notices[0].severity, "WARNING");
    // What follows in the same string isn't cancelled.
    ASSERT_EQ(collect.tags.size(), 2u) << sql;
    EXPECT_EQ(collect.tags[1], "SELECT 1");
    state::set_failpoints("");
  }
  client->clear_cancel();
  EXPECT_EQ(answer(*client, "FLUSH; SELECT * FROM t"), "SELECT 0");
}

TEST_F(SessionTest, DdlThatWaitsForAnotherCanBeCanceled) {
  auto first = session();
  auto second = session();
  ASSERT_TRUE(state::set_failpoints("commit.before_write=wait"));
  auto creates =
      std::async(std::launch::async, [&] { return answer(*first, "CREATE TABLE a (id int)"); });
  ASSERT_TRUE(comes_true([] { return state::waiting_at_failpoints() > 0; }));
  auto waits =
      std::async(std::launch::async, [&] { return answer(*second, "CREATE TABLE b (id int)"); });
  second->cancel();
  bool ended = waits.wait_for(std::chrono::seconds(5)) == std::future_status::ready;
  state::set_failpoints("");
  EXPECT_TRUE(ended);
  EXPECT_EQ(waits.get(), "57014 canceling statement due to user request");
  EXPECT_EQ(creates.get(), "CREATE TABLE");
  second->clear_cancel();
  EXPECT_EQ(answer(*second, "CREATE TABLE b (id int)"), "CREATE TABLE");
}

TEST_F(SessionTest, LongTextsCountAgainstTheMemoryLimit) {
  auto client = session();
  const std::string out_of_memory = "53200 out of memory";
  // Equal values take no state, only their result takes memory.
  EXPECT_EQ(answer(*client,
                   "SELECT length(string_agg(repeat('x', 100000), '')) "
                   "FROM generate_series(1, 1000)"),
            out_of_memory);
  EXPECT_EQ(answer(*client,
                   "SELECT length(string_agg(repeat('x', 100000), '')) "
                   "FROM generate_series(1, 30000)"),
            "54000 string buffer exceeds maximum allowed length (1073741823 bytes)");
  EXPECT_EQ(answer(*client,
                   "SELECT i % 100, length(string_agg(repeat('x', 100000), '')) "
                   "FROM generate_series(1, 1000) t(i) GROUP BY 1"),
            out_of_memory);
  EXPECT_EQ(answer(*client,
                   "SELECT string_agg(repeat('x', 100000), '') "
                   "FROM generate_series(1, 100)"),
            "SELECT 1");
  EXPECT_EQ(answer(*client,
                   "SELECT length(repeat('x', 100000000 + i)) "
                   "FROM generate_series(1, 4096) t(i)"),
            out_of_memory);
  EXPECT_EQ(answer(*client, "SELECT repeat('x', 1073741820 + i) FROM generate_series(9, 9) t(i)"),
            "54000 requested length too large");
  // Their keys' offsets would not fit 32 bits.
  EXPECT_EQ(answer(*client,
                   "SELECT count(DISTINCT repeat('x', 1100000)) "
                   "FROM generate_series(1, 4096)"),
            out_of_memory);
}

TEST_F(SessionTest, RowsOfStatementsCountAgainstTheMemoryLimit) {
  auto client = session();
  std::string values = "(0)";
  for (int i = 1; i < 1000; ++i) values += ", (" + std::to_string(i) + ")";
  ASSERT_EQ(answer(*client, "CREATE TABLE n (n int PRIMARY KEY)"), "CREATE TABLE");
  ASSERT_EQ(answer(*client, "INSERT INTO n VALUES " + values), "INSERT 0 1000");
  ASSERT_EQ(answer(*client, "CREATE TABLE t (a int, b int)"), "CREATE TABLE");
  ASSERT_EQ(answer(*client, "CREATE TABLE k (a int PRIMARY KEY, b int)"), "CREATE TABLE");
  // A million small rows are less than 64 MB; with their sort keys, or as new rows, they are more.
  EXPECT_EQ(answer(*client, "SELECT a.n, b.n FROM n a, n b"), "SELECT 1000000");
  EXPECT_EQ(answer(*client, "SELECT a.n, b.n, 'some text' FROM n a, n b ORDER BY 3, 1"),
            "53200 out of memory");
  EXPECT_EQ(answer(*client, "INSERT INTO t SELECT a.n, b.n FROM n a, n b"), "53200 out of memory");
  EXPECT_EQ(answer(*client, "INSERT INTO k SELECT 1000 * a.n + b.n, 0 FROM n a, n b"),
            "53200 out of memory");
  EXPECT_EQ(client->memory().used_bytes(), 0u);
  EXPECT_EQ(answer(*client, "SELECT * FROM t"), "SELECT 0");
  EXPECT_EQ(answer(*client, "SELECT a.n, b.n FROM n a, n b WHERE a.n < 100 ORDER BY 1"),
            "SELECT 100000");
  EXPECT_EQ(
      answer(*client, "INSERT INTO k SELECT 1000 * a.n + b.n, 0 FROM n a, n b WHERE a.n < 99"),
      "INSERT 0 99000");
}

TEST_F(SessionTest, PositionsOfManyStatementsAreCountedOnce) {
  auto client = session();
  // Counted from the beginning for each statement this would be 160 GB.
  std::string one = "/* " + std::string(800, '.') + " */ SHOW timezone;";
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += one;
  size_t before = text.size();
  text += " SELECT nothing";
  auto started = std::chrono::steady_clock::now();
  Collect collect;
  Status status = run(*client, text, collect);
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(10));
  EXPECT_EQ(collect.tags.size(), 20'000u);
  EXPECT_EQ(status.error().position, static_cast<int32_t>(before) + 9);
}

TEST_F(SessionTest, PositionsInsidePrepareCountFromTheWholeText) {
  auto client = session();
  ASSERT_EQ(answer(*client, "CREATE TABLE t (id int PRIMARY KEY)"), "CREATE TABLE");
  Collect collect;
  std::string text = "SELECT '\u00e4'; PREPARE p AS SELECT id, nothing FROM t";
  Status status = run(*client, text, collect);
  EXPECT_EQ(status.error().sqlstate, data::sqlstate::kUndefinedColumn);
  // One character less than bytes before it.
  EXPECT_EQ(status.error().position, static_cast<int32_t>(text.find("nothing")));
  // EXECUTE doesn't hold the text that is wrong.
  ASSERT_EQ(answer(*client, "PREPARE p AS SELECT id FROM t; DROP TABLE t"), "DROP TABLE");
  status = run(*client, "EXECUTE p", collect);
  EXPECT_EQ(status.error().sqlstate, data::sqlstate::kUndefinedTable);
  EXPECT_EQ(status.error().position, 0);
}

}  // namespace
}  // namespace forebay::server
