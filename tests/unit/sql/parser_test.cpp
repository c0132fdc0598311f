#include "sql/parser/parser.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>

#include "sql/ast/clone.h"
#include "sql/ast/print.h"
#include "tests/unit/sql/parser_statements.h"
#include "tests/unit/sql/psql_queries.h"

namespace forebay::sql {
namespace {

std::string repeat(std::string_view text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

/// All statements of the text, printed and joined by "; ", or the error.
std::string print_all(std::string_view sql) {
  auto parsed = parse_statements(sql);
  if (!parsed.is_ok()) return parsed.error().message;
  std::string result;
  for (const ParsedStatement& item : *parsed) {
    if (!result.empty()) result += "; ";
    result += ast::to_sql(*item.statement);
  }
  return result;
}

std::string print_expr(std::string_view text) {
  auto parsed = parse_expression(text);
  return parsed.is_ok() ? ast::to_sql(**parsed) : "ERROR " + parsed.error().message;
}

/// The expression with parentheses around every operator, which shows how it was taken.
std::string structure(const ast::Expr& expr) {
  using ast::ExprKind;
  switch (expr.kind) {
    case ExprKind::kUnary:
      return "(" + ast::as<ast::Unary>(expr).op.symbol +
             structure(*ast::as<ast::Unary>(expr).operand) + ")";
    case ExprKind::kBinary: {
      const auto& node = ast::as<ast::Binary>(expr);
      return "(" + structure(*node.left) + node.op.symbol + structure(*node.right) + ")";
    }
    case ExprKind::kLogical: {
      const auto& node = ast::as<ast::Logical>(expr);
      std::string result = node.is_or ? "or[" : "and[";
      for (const auto& operand : node.operands) result += structure(*operand) + " ";
      result.back() = ']';
      return result;
    }
    case ExprKind::kNot:
      return "not(" + structure(*ast::as<ast::Not>(expr).operand) + ")";
    case ExprKind::kIsTest:
      return "is(" + structure(*ast::as<ast::IsTest>(expr).operand) + ")";
    case ExprKind::kBetween: {
      const auto& node = ast::as<ast::Between>(expr);
      return "between(" + structure(*node.operand) + " " + structure(*node.low) + " " +
             structure(*node.high) + ")";
    }
    case ExprKind::kLike: {
      const auto& node = ast::as<ast::Like>(expr);
      return "like(" + structure(*node.operand) + " " + structure(*node.pattern) + ")";
    }
    case ExprKind::kIn:
      return "in(" + structure(*ast::as<ast::In>(expr).operand) + ")";
    case ExprKind::kCast:
      return "cast(" + structure(*ast::as<ast::Cast>(expr).operand) + ")";
    case ExprKind::kCollate:
      return "collate(" + structure(*ast::as<ast::Collate>(expr).operand) + ")";
    default:
      return ast::to_sql(expr);
  }
}

std::string structure(std::string_view text) {
  auto parsed = parse_expression(text);
  return parsed.is_ok() ? structure(**parsed) : "ERROR " + parsed.error().message;
}

/// "SQLSTATE position message" of a text that must fail.
std::string failure(std::string_view sql) {
  auto parsed = parse_statements(sql);
  if (parsed.is_ok()) return "parsed: " + print_all(sql);
  const data::Error& error = parsed.error();
  return fmt::format("{} {} {}", error.sqlstate.view(), error.position, error.message);
}

TEST(Parser, PrintedStatementsParseToThemselves) {
  for (const char* sql : kStatements) {
    auto parsed = parse_statements(sql);
    ASSERT_TRUE(parsed.is_ok()) << sql << "\n"
                                << parsed.error().message << " at " << parsed.error().position;
    for (const ParsedStatement& item : *parsed) {
      const std::string printed = ast::to_sql(*item.statement);
      EXPECT_EQ(print_all(printed), printed) << sql;
    }
  }
}

TEST(Parser, TakesWhatPsqlSends) {
  for (const char* sql : kPsqlQueries) {
    auto parsed = parse_statements(sql);
    ASSERT_TRUE(parsed.is_ok()) << sql << "\n"
                                << parsed.error().message << " at " << parsed.error().position;
    const std::string printed = ast::to_sql(*(*parsed)[0].statement);
    EXPECT_EQ(print_all(printed), printed);
  }
}

TEST(Parser, PrintsStatements) {
  EXPECT_EQ(print_all("select A, \"B\", t.* from S.T where a=$1 limit all"),
            "SELECT a, \"B\", t.* FROM s.t WHERE a = $1");
  EXPECT_EQ(print_all("(select 1) union all (select 2 limit 1) intersect select 3 order by 1"),
            "SELECT 1 UNION ALL (SELECT 2 LIMIT 1) INTERSECT SELECT 3 ORDER BY 1");
  EXPECT_EQ(print_all("(select 1 union select 2) intersect select 3"),
            "(SELECT 1 UNION SELECT 2) INTERSECT SELECT 3");
  EXPECT_EQ(print_all("select 1 except (select 2 except select 3)"),
            "SELECT 1 EXCEPT (SELECT 2 EXCEPT SELECT 3)");
  EXPECT_EQ(print_all("select a from (t join (u cross join v) on true)"),
            "SELECT a FROM t JOIN (u CROSS JOIN v) ON true");
  EXPECT_EQ(print_all("select a from t join u join v on x on y"),
            "SELECT a FROM t JOIN (u JOIN v ON x) ON y");
  EXPECT_EQ(
      print_all("create table t (a int, b double precision, c timestamp(3) with time zone, d char, "
                "e character varying(5)[], f interval day to second(2), g float(3), h \"char\")"),
      "CREATE TABLE t (a integer, b double precision, c timestamp(3) with time zone, d "
      "character(1), "
      "e character varying(5)[], f interval DAY TO SECOND(2), g real, h \"char\")");
  EXPECT_EQ(print_all("table x; ; select 1;"), "SELECT * FROM x; SELECT 1");
  EXPECT_EQ(print_all(" -- nothing\n;"), "");
}

TEST(Parser, ClonesPrintTheSame) {
  for (const char* sql : kPsqlQueries) {
    auto parsed = parse_statements(sql);
    ASSERT_TRUE(parsed.is_ok());
    const auto& query = *ast::as<ast::QueryStatement>(*(*parsed)[0].statement).query;
    EXPECT_EQ(ast::to_sql(*ast::clone(query)), ast::to_sql(query));
  }
}

TEST(Parser, PrecedenceIsPostgreSQLs) {
  EXPECT_EQ(structure("1 + a * 2 - 3"), "((1+(a*2))-3)");
  EXPECT_EQ(structure("- a ^ 2"), "((-a)^2)");
  EXPECT_EQ(structure("-2 ^ 2"), "(-2^2)");
  EXPECT_EQ(structure("2 ^ 3 ^ 2"), "((2^3)^2)");
  EXPECT_EQ(structure("a || b + c"), "(a||(b+c))");
  EXPECT_EQ(structure("a = b || c"), "(a=(b||c))");
  EXPECT_EQ(structure("a or b and not c = d or e"), "or[a and[b not((c=d))] e]");
  EXPECT_EQ(structure("a and b and (c and d)"), "and[a b and[c d]]");
  EXPECT_EQ(structure("not a is null"), "not(is(a))");
  EXPECT_EQ(structure("a < b is true"), "is((a<b))");
  EXPECT_EQ(structure("a = b is null and c"), "and[is((a=b)) c]");
  EXPECT_EQ(structure("a between b + 1 and c and d"), "and[between(a (b+1) c) d]");
  EXPECT_EQ(structure("a = b between c and d"), "(a=between(b c d))");
  EXPECT_EQ(structure("a like b || c = d"), "(like(a (b||c))=d)");
  EXPECT_EQ(structure("a + b in (1)"), "in((a+b))");
  EXPECT_EQ(structure("-a::int"), "(-cast(a))");
  EXPECT_EQ(structure("a + b collate \"C\""), "(a+collate(b))");
  EXPECT_EQ(structure("- a collate \"C\""), "collate((-a))");
  EXPECT_EQ(structure("@ a || b"), "((@a)||b)");
  EXPECT_EQ(structure("a -> b = c"), "((a->b)=c)");
  EXPECT_EQ(structure("a operator(pg_catalog.*) b + c"), "(a*(b+c))");
  EXPECT_EQ(structure("a = not b = c"), "(a=not((b=c)))");
}

TEST(Parser, NonAssociativeOperatorsDoNotChain) {
  EXPECT_EQ(failure("select a < b < c"), "42601 14 syntax error at or near \"<\"");
  EXPECT_EQ(failure("select a = b = c"), "42601 14 syntax error at or near \"=\"");
  EXPECT_EQ(failure("select a between 1 and 2 between 3 and 4"),
            "42601 26 syntax error at or near \"between\"");
  EXPECT_EQ(failure("select 1 between 2 from t"), "42601 20 syntax error at or near \"from\"");
}

TEST(Parser, Literals) {
  EXPECT_EQ(print_expr("E'a\\n\\x41\\101\\u00e9\\'\\\\'"), "E'a\nAA\u00e9''\\\\'");
  EXPECT_EQ(print_expr("U&'\\0441\\+01F600 \\\\'"), "E'\u0441\U0001F600 \\\\'");
  EXPECT_EQ(print_expr("$tag$it's $$ here$tag$"), "'it''s $$ here'");
  EXPECT_EQ(print_expr("'a'\n  'b'"), "'ab'");
  EXPECT_EQ(print_expr("- 5"), "-5");
  EXPECT_EQ(print_expr("(-5)::int"), "(-5)::integer");
  EXPECT_EQ(print_expr("-5::int"), "- 5::integer");
  auto least = parse_expression("-9223372036854775808");
  ASSERT_TRUE(least.is_ok());
  EXPECT_EQ(ast::as<ast::Literal>(**least).literal, ast::LiteralKind::kInteger);
  EXPECT_EQ(ast::as<ast::Literal>(**least).integer, INT64_MIN);
  auto big = parse_expression("9223372036854775808");
  ASSERT_TRUE(big.is_ok());
  EXPECT_EQ(ast::as<ast::Literal>(**big).literal, ast::LiteralKind::kNumeric);
  EXPECT_EQ(print_expr(repeat("a", 70)), repeat("a", 63));
  EXPECT_EQ(print_expr("\"" + repeat("\u00e9", 40) + "\""), "\"" + repeat("\u00e9", 31) + "\"");
}

TEST(Parser, SpellingsBecomeCalls) {
  EXPECT_EQ(print_expr("position('a' in b)"), "position(b, 'a')");
  EXPECT_EQ(print_expr("trim(leading 'x' from y)"), "ltrim(y, 'x')");
  EXPECT_EQ(print_expr("trim(y)"), "btrim(y)");
  EXPECT_EQ(print_expr("substring(a from 2 for 3)"), "substring(a, 2, 3)");
  EXPECT_EQ(print_expr("substring(a for 3)"), "substring(a, 1, 3)");
  EXPECT_EQ(print_expr("overlay(a placing b from 2)"), "overlay(a, b, 2)");
  EXPECT_EQ(print_expr("extract('epoch' from x)"), "EXTRACT(epoch FROM x)");
  EXPECT_EQ(print_expr("x at time zone 'UTC'"), "x AT TIME ZONE 'UTC'");
}

TEST(Parser, WordsThatAreNotReservedAreNames) {
  for (const char* word :
       {"date",   "name",    "value",     "key",  "count",      "year",      "hour",
        "day",    "type",    "source",    "time", "timestamp",  "interval",  "position",
        "format", "include", "watermark", "emit", "error",      "partition", "offset_",
        "first",  "view",    "role",      "text", "row_number", "begin",     "set"}) {
    const std::string sql =
        fmt::format("SELECT {0}, t.{0}, {0} AS {0} FROM {0}_table AS t WHERE {0} > 1", word);
    EXPECT_TRUE(parse_statements(sql).is_ok()) << sql << ": " << print_all(sql);
    EXPECT_TRUE(parse_statements(fmt::format("create table t ({} int)", word)).is_ok()) << word;
  }
  EXPECT_EQ(failure("select user_ from select"), "42601 19 syntax error at or near \"select\"");
  EXPECT_EQ(failure("create table t (order int)"), "42601 17 syntax error at or near \"order\"");
  EXPECT_EQ(print_all("select 1 value, 2 from_, 3 desc, 4 as year"),
            "SELECT 1 AS value, 2 AS from_, 3 AS \"desc\", 4 AS year");
  EXPECT_EQ(failure("select 1 year"), "42601 10 syntax error at or near \"year\"");
}

TEST(Parser, OutputNamesArePostgreSQLs) {
  const auto name = [](std::string_view text) {
    auto parsed = parse_expression(text);
    return parsed.is_ok() ? ast::output_name(**parsed) : parsed.error().message;
  };
  EXPECT_EQ(name("a.b"), "b");
  EXPECT_EQ(name("a + 1"), "?column?");
  EXPECT_EQ(name("'x'::text"), "text");
  EXPECT_EQ(name("a::int"), "a");
  EXPECT_EQ(name("1::integer"), "int4");
  EXPECT_EQ(name("true"), "bool");
  EXPECT_EQ(name("count(*)"), "count");
  EXPECT_EQ(name("pg_catalog.lower(x)"), "lower");
  EXPECT_EQ(name("case when a then b end"), "case");
  EXPECT_EQ(name("case when a then b else c end"), "c");
  EXPECT_EQ(name("exists (select 1)"), "exists");
  EXPECT_EQ(name("(select x from t)"), "x");
  EXPECT_EQ(name("date '2020-01-01'"), "date");
  EXPECT_EQ(name("extract(year from x)"), "extract");
  EXPECT_EQ(name("current_date"), "current_date");
  EXPECT_EQ(name("x at time zone 'UTC'"), "timezone");
  EXPECT_EQ(name("coalesce(a, b)"), "coalesce");
  EXPECT_EQ(name("a[1]"), "a");
}

TEST(Parser, PositionsCountCharacters) {
  auto parsed = parse_statements("select 'h\u00e4\u00e4', a + b from t where not c in (1)");
  ASSERT_TRUE(parsed.is_ok());
  const auto& select = *ast::as<ast::QueryStatement>(*(*parsed)[0].statement).query->select;
  EXPECT_EQ(select.position, 1);
  EXPECT_EQ(select.items[0].value->position, 8);
  EXPECT_EQ(select.items[1].value->position, 17);
  EXPECT_EQ(ast::as<ast::Binary>(*select.items[1].value).right->position, 19);
  EXPECT_EQ(select.from[0]->position, 26);
  EXPECT_EQ(ast::as<ast::Not>(*select.where).operand->position, 40);
}

TEST(Parser, StatementsKnowTheirText) {
  const std::string sql = "  select 1 ;\n-- x\n insert into t values (1) ; ";
  auto parsed = parse_statements(sql);
  ASSERT_TRUE(parsed.is_ok());
  ASSERT_EQ(parsed->size(), 2u);
  EXPECT_EQ(sql.substr((*parsed)[0].begin, (*parsed)[0].end - (*parsed)[0].begin), "select 1");
  EXPECT_EQ(sql.substr((*parsed)[1].begin, (*parsed)[1].end - (*parsed)[1].begin),
            "insert into t values (1)");
  auto prepared = parse_statements("prepare p as  select 1  ;");
  ASSERT_TRUE(prepared.is_ok());
  const auto& statement = ast::as<ast::Prepare>(*(*prepared)[0].statement);
  EXPECT_EQ(statement.statement->position, 15);
}

TEST(Parser, SyntaxErrors) {
  EXPECT_EQ(failure("select * form t"), "42601 10 syntax error at or near \"form\"");
  EXPECT_EQ(failure("select"), "parsed: SELECT");
  EXPECT_EQ(failure("select 1 +"), "42601 11 syntax error at end of input");
  EXPECT_EQ(failure("select (1; select 2"), "42601 10 syntax error at or near \";\"");
  EXPECT_EQ(failure("select 1; selec 2"), "42601 11 syntax error at or near \"selec\"");
  EXPECT_EQ(failure("select 'abc"), "42601 8 unterminated quoted string at or near \"'abc\"");
  EXPECT_EQ(failure("select \"abc"), "42601 8 unterminated quoted identifier at or near \"\"abc\"");
  EXPECT_EQ(failure("select 1 /* x"), "42601 10 unterminated /* comment at or near \"/* x\"");
  EXPECT_EQ(failure("select $a$ x"),
            "42601 8 unterminated dollar-quoted string at or near \"$a$ x\"");
  EXPECT_EQ(failure("select 12ab"),
            "42601 8 trailing junk after numeric literal at or near \"12ab\"");
  EXPECT_EQ(failure("select \"\""), "42601 8 zero-length delimited identifier at or near \"\"\"\"");
  EXPECT_EQ(failure("select E'\\u00'"), "22025 10 invalid Unicode escape");
  EXPECT_EQ(failure("select X'1F'"), "0A000 8 bit string constants are not supported");
  EXPECT_EQ(failure("select a from t where"), "42601 22 syntax error at end of input");
  EXPECT_EQ(failure("select a,, b"), "42601 10 syntax error at or near \",\"");
  EXPECT_EQ(failure("select count(* from t"), "42601 16 syntax error at or near \"from\"");
  EXPECT_EQ(failure("create materialized view v as"), "42601 30 syntax error at end of input");
  EXPECT_EQ(failure("insert into t values"), "42601 21 syntax error at end of input");
  EXPECT_EQ(failure("update t a = 1"), "42601 12 syntax error at or near \"=\"");
  EXPECT_EQ(failure("\xff"), "22021 0 invalid byte sequence for encoding \"UTF8\"");
  EXPECT_EQ(failure("select 1 limit 1 limit 2"), "42601 18 multiple LIMIT clauses not allowed");
  EXPECT_EQ(failure("select a b c from t where x = 'y"), "42601 12 syntax error at or near \"c\"");
  EXPECT_EQ(failure("select * from t where a in (selct 1)"),
            "42601 35 syntax error at or near \"1\"");
  EXPECT_EQ(failure("select * from t where exists (selct 1)"),
            "42601 31 syntax error at or near \"selct\"");
  EXPECT_EQ(failure("select count(select 1)"), "42601 14 syntax error at or near \"select\"");
  EXPECT_EQ(failure("select case when a then b not else c end"),
            "42601 27 syntax error at or near \"not\"");
  auto misspelled = parse_statements("selct 1");
  ASSERT_FALSE(misspelled.is_ok());
  EXPECT_EQ(misspelled.error().hint, "Did you mean \"SELECT\"?");
}

TEST(Parser, DeepNestingIsRefused) {
  const auto nested = [](int depth) {
    return "select " + repeat("(", depth) + "1" + repeat(")", depth);
  };
  EXPECT_TRUE(parse_statements(nested(400)).is_ok());
  EXPECT_EQ(failure(nested(501)).substr(0, 9), "54001 508");
  EXPECT_EQ(failure("select " + repeat("(", 1'000'000)).substr(0, 5), "54001");
  EXPECT_TRUE(
      parse_statements("select " + repeat("(select ", 400) + "1" + repeat(")", 400)).is_ok());
  EXPECT_EQ(failure("select " + repeat("case when a then ", 10'000)).substr(0, 5), "54001");
  EXPECT_EQ(failure("select " + repeat("a[", 10'000)).substr(0, 5), "54001");
  EXPECT_EQ(failure("select * from t " + repeat("join t ", 100'000)).substr(0, 5), "54001");
  EXPECT_TRUE(parse_statements("select " + repeat("f(", 400) + "1" + repeat(")", 400)).is_ok());
}

TEST(Parser, LongChains) {
  EXPECT_TRUE(parse_statements("select 1" + repeat(" + 1", 900)).is_ok());
  for (const char* link : {" + 1", " || 'x'", "::text", " collate \"C\"", " is null"}) {
    EXPECT_EQ(failure("select 1" + repeat(link, 10'000)).substr(0, 5), "54001") << link;
  }
  for (const char* prefix : {"not ", "- ", "+ ", "@ "}) {
    EXPECT_EQ(failure("select " + repeat(prefix, 100'000) + "a").substr(0, 5), "54001") << prefix;
  }
  EXPECT_EQ(failure("select 1" + repeat(" union select 1", 10'000)).substr(0, 5), "54001");
  EXPECT_EQ(failure("select 1 from t" + repeat(" join t on true", 10'000)).substr(0, 5), "54001");
  EXPECT_EQ(failure("select 1 from t" + repeat(" cross join t", 10'000)).substr(0, 5), "54001");
  for (const char* link : {" and a", " or a"}) {
    auto parsed = parse_statements("select a" + repeat(link, 10'000));
    ASSERT_TRUE(parsed.is_ok()) << link;
    const auto& select = *ast::as<ast::QueryStatement>(*(*parsed)[0].statement).query->select;
    EXPECT_EQ(ast::as<ast::Logical>(*select.items[0].value).operands.size(), 10'001u);
  }
  EXPECT_TRUE(parse_statements("select a in (1" + repeat(", 1", 20'000) + ")").is_ok());
  EXPECT_TRUE(
      parse_statements("insert into t values (1, 'x')" + repeat(", (1, 'x')", 20'000)).is_ok());
}

TEST(Parser, LongTextIsRefused) {
  EXPECT_EQ(failure("select '" + std::string(17 << 20, 'x') + "'").substr(0, 5), "54000");
  EXPECT_TRUE(parse_statements("select '" + std::string(15 << 20, 'x') + "'").is_ok());
  EXPECT_EQ(failure("select 1" + repeat(",1", 600'000)).substr(0, 5), "54000");
}

TEST(Parser, ThreadsParseAtOnce) {
  std::vector<std::thread> threads;
  std::vector<int> good(8, 0);
  for (size_t t = 0; t < good.size(); ++t) {
    threads.emplace_back([&good, t] {
      for (const char* sql : kPsqlQueries) good[t] += parse_statements(sql).is_ok() ? 1 : 0;
      for (const char* sql : kStatements) good[t] += parse_statements(sql).is_ok() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : good)
    EXPECT_EQ(count, static_cast<int>(std::size(kPsqlQueries) + std::size(kStatements)));
}

}  // namespace
}  // namespace forebay::sql
