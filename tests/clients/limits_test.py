"""Statements without measure, names that somebody thought up to break things, and a server that was stopped for a while."""
import os
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.forebay import Forebay
from support.processes import wait_until
import psycopg
from psycopg import sql

# SQL of some size -> the SQLSTATEs with which it may be refused; None: it may also work.
GIANTS = {
    "a text of 20 MB": ("SELECT length('" + "x" * 20_000_000 + "')", {"54000", None}),
    "100,000 parentheses": ("SELECT " + "(" * 100_000 + "1" + ")" * 100_000, {"54001"}),
    "100,000 minuses": ("SELECT " + "- " * 100_000 + "1", {"54001"}),
    "100,000 NOT": ("SELECT " + "NOT " * 100_000 + "true", {"54001"}),
    "100,000 operands": ("SELECT 1" + " + 1" * 100_000, {"54001", None}),
    "100,000 OR": ("SELECT true" + " OR false" * 100_000, {"54001", None}),
    "10,000 CASE in each other": ("SELECT " + "CASE WHEN true THEN " * 10_000 + "1" + " END" * 10_000, {"54001"}),
    "10,000 subqueries in each other": ("SELECT " + "(SELECT " * 10_000 + "1" + ")" * 10_000, {"54001"}),
    "10,000 columns": ("SELECT " + ", ".join(f"{i} AS c{i}" for i in range(10_000)), {"54011", None}),
    "10,000 WITH": ("WITH " + ", ".join(f"w{i} AS (SELECT 1)" for i in range(10_000)) + " SELECT * FROM w9999", {"54000", "54001", None}),
    "2,000 UNION ALL": ("SELECT 1" + " UNION ALL SELECT 1" * 2_000, {"54001", None}),
    "100,000 values": ("SELECT 1 WHERE 5 IN (" + ", ".join(map(str, range(100_000))) + ")", {"54001", None}),
    "50,000 rows": ("SELECT count(*) FROM (VALUES " + ", ".join(f"({i})" for i in range(50_000)) + ") v(x)", {"54001", None}),
    "a name of 1 MB": ("SELECT 1 AS " + "n" * 1_000_000, {"42622", None}),
    "1,000 dimensions": ("SELECT '" + "{" * 1_000 + "}" * 1_000 + "'::int[]", {"22P02", "54000"}),
}

# Statements that would take for ever, or all memory.
EXPENSIVE = [
    "SELECT count(*) FROM generate_series(1, 1000000000000)",
    "SELECT sum(a * b) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b",
    "SELECT repeat('x', 1000000000) || repeat('y', 1000000000)",
    "SELECT length(repeat(repeat('x', 100000), 100000))",
    "SELECT 10::numeric ^ 100000",
    "SELECT regexp_replace(repeat('a', 100000), '(a*)*b', 'x')",
    "SELECT repeat('a', 50000) LIKE repeat('%a', 20000) || 'b'",
    "SELECT array_agg(a) FROM generate_series(1, 1000000000) a",
    "SELECT string_agg(repeat('x', 1000), ',') FROM generate_series(1, 100000000)",
    "SELECT DISTINCT a FROM generate_series(1, 10000000000) a",
    "SELECT a FROM generate_series(1, 10000000000) a ORDER BY a DESC",
]

NAMES = ["select", "Table", "a b", 'quo"te', "quo'te", "semi;colon", "--comment", "/*", "\\", "%s", "$1", "naïve", "日本語", "🙂", "a.b", ".", "a\tb",
         "n" * 63, "null", "user", "ctid", "forebay", "pg_catalog", "0", "-1", "{}", "é" * 31]


class Limits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Forebay(workers=2, arguments=["--memory", "256MB"]).start()
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        self.connection = self.server.connect()
        self.addCleanup(self.connection.close)

    def assert_alive(self):
        self.assertEqual(self.server.execute("SELECT 1"), [(1,)])

    def outcome(self, statement):
        """The SQLSTATE with which it fails, or None."""
        try:
            with self.server.connect() as connection:
                connection.execute(statement, prepare=False).fetchall()
        except psycopg.Error as error:
            self.assertIsNotNone(error.sqlstate, f"{statement[:60]}: {error}")
            return error.sqlstate
        return None

    def test_giant_statements(self):
        for name, (statement, allowed) in GIANTS.items():
            with self.subTest(name):
                self.assertIn(self.outcome(statement), allowed)
        self.assert_alive()

    def test_many_parameters(self):
        for count in (65_535, 65_536, 100_000):
            with self.subTest(count), self.server.connect() as connection:
                numbers = ", ".join(["%s"] * count)
                try:
                    answer = connection.execute(f"SELECT 1 WHERE 7 IN ({numbers})", list(range(count))).fetchall()
                    self.assertEqual((answer, count), ([(1,)], 65_535))
                except psycopg.Error:
                    pass
        self.assert_alive()

    def test_expensive_statements_end(self):
        """By a limit, or within a second of the timeout."""
        for statement in EXPENSIVE:
            with self.subTest(statement), self.server.connect() as connection:
                connection.execute("SET statement_timeout = '2s'")
                started = time.monotonic()
                try:
                    connection.execute(statement).fetchall()
                except psycopg.Error as error:
                    self.assertIn(error.sqlstate, ("57014", "53200", "54000", "22003", "53400"))
                self.assertLess(time.monotonic() - started, 20)  # 2 s and one, on a machine that has time
        self.assert_alive()

    def test_names(self):
        for number, name in enumerate(NAMES):
            with self.subTest(name):
                table, view, column = sql.Identifier(name), sql.Identifier(name + "v" if len(name) < 62 else f"v{number}"), sql.Identifier(name)
                run = lambda text: self.connection.execute(sql.SQL(text).format(t=table, v=view, c=column))  # noqa: E731
                run("CREATE TABLE {t} (id int PRIMARY KEY, {c} text)")
                run("CREATE MATERIALIZED VIEW {v} AS SELECT {c}, count(*) AS n FROM {t} GROUP BY {c}")
                run("INSERT INTO {t} (id, {c}) VALUES (1, 'x')")
                self.assertEqual(run("SELECT {t}.{c}, n FROM {v} JOIN {t} USING ({c})").fetchall(), [("x", 1)])
                self.assertEqual(run("SELECT {c} FROM {v}").description[0].name, name)
                found = self.connection.execute("SELECT relname FROM pg_catalog.pg_class WHERE relname = %s", [name]).fetchall()
                self.assertEqual(found, [(name,)])
        self.server.restart(with_kill=True)
        with self.server.connect() as connection:
            for number, name in enumerate(NAMES):
                with self.subTest(name, after="restart"):
                    view = name + "v" if len(name) < 62 else f"v{number}"
                    answer = connection.execute(sql.SQL("SELECT {} FROM {}").format(sql.Identifier(name), sql.Identifier(view)))
                    self.assertEqual(answer.fetchall(), [("x",)])
                    connection.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier(name)))
            left = connection.execute("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")
            self.assertEqual(left.fetchone(), (0,))
        self.connection = self.server.connect()

    def test_stopped_and_woken(self):
        """SIGSTOP, then SIGCONT: clients wait, and nothing is lost or done twice."""
        self.connection.execute("CREATE TABLE slept (id int PRIMARY KEY, x int)")
        self.connection.execute("CREATE MATERIALIZED VIEW sleepers AS SELECT count(*) AS n, sum(x) AS x FROM slept")
        done = []

        def write():
            with self.server.connect() as connection:
                for number in range(300):
                    connection.execute("INSERT INTO slept VALUES (%s, %s)", (number, number))
                    done.append(number)

        writer = threading.Thread(target=write)
        writer.start()
        for least in (20, 150):
            wait_until(lambda: len(done) > least, 30, "rows to be written")
            os.kill(self.server.pid, signal.SIGSTOP)
            time.sleep(1)  # stopped for that long
            os.kill(self.server.pid, signal.SIGCONT)
        writer.join()
        self.assertEqual(self.server.execute("SELECT * FROM sleepers"), [(300, sum(range(300)))])
        self.connection.execute("DROP TABLE slept CASCADE")

    def test_drop_while_it_is_read(self):
        self.connection.execute("CREATE TABLE numbers (id int PRIMARY KEY)")
        self.connection.execute("INSERT INTO numbers SELECT generate_series(1, 2000)")
        answers = []

        def read():
            with self.server.connect() as connection:
                try:
                    answers.append(connection.execute("SELECT count(*) FROM numbers a, numbers b").fetchone())
                except psycopg.Error as error:
                    answers.append(error.sqlstate)

        readers = [threading.Thread(target=read) for _ in range(4)]
        for reader in readers:
            reader.start()
        self.connection.execute("DROP TABLE numbers")
        for reader in readers:
            reader.join()
        self.assertLessEqual(set(answers), {(4_000_000,), "42P01"})
        self.assert_alive()


if __name__ == "__main__":
    unittest.main()
