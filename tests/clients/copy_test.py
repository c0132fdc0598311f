"""COPY through psycopg and psql; what PostgreSQL answers to the same bytes is the expectation."""
import os
import random
import select
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.forebay import Forebay
from support.postgres import ScratchPostgres
from support import seeds
import psycopg

TABLE = """CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL DEFAULT 'none', price numeric(8,2),
                         at timestamp, good boolean, note varchar(6))"""
PAIRS = "CREATE TABLE two (a text, b text)"

# statement, bytes
CASES = [
    ("COPY t FROM STDIN", rb"1" b"\ta\t1.5\t2013-01-01 10:00:00\tt\tx\n2\tb\t\\N\t\\N\t\\N\t\\N\n"),
    ("COPY t FROM STDIN", b""),
    ("COPY t (id) FROM STDIN", b"1\n2\n3"),
    ("COPY t (name, id) FROM STDIN", b"a\t1\nb\t2\n\\.\nnonsense\n"),
    ("COPY t (id, price) FROM STDIN", b"1\t7.005\n2\t1e2\n"),
    ("COPY two FROM STDIN", b"a\\tb\t\\\\N\n\\x41\\101\\q\t\\\nx\n\\N\t\n"),
    ("COPY two FROM STDIN", b"crlf\ta\r\nx\ty\r\n"),
    ("COPY two FROM STDIN", b"a\tb\r\nx\ty\n"),
    ("COPY two FROM STDIN", b"a\tb\nx\ty\rz\n"),
    ("COPY two FROM STDIN (DELIMITER '|', NULL 'nil')", b"a|nil\nni\\l|\\|\n"),
    ("COPY two FROM STDIN WITH DELIMITER AS '|' NULL AS ''", b"a|\n|b\n"),
    ("COPY two FROM STDIN (FORMAT csv)", b'a,b\n"x ""y""","a\nb"\n,""\n x , "y"\nab"c,d"e,\n'),
    ("COPY two FROM STDIN CSV HEADER", b"b,a\n1,2\n"),
    ("COPY two FROM STDIN (FORMAT csv, HEADER match)", b"a,b\n1,2\n"),
    ("COPY two FROM STDIN (FORMAT csv, HEADER match)", b"b,a\n1,2\n"),
    ("COPY two FROM STDIN (FORMAT csv, HEADER match)", b"a\n1,2\n"),
    ("COPY two FROM STDIN (HEADER)", b"b\ta\n1\t2\n"),
    ("COPY two FROM STDIN (FORMAT csv, QUOTE '''', ESCAPE '\\', NULL 'x')", b"'a\\'b',x\n'x',\\\n"),
    ("COPY two FROM STDIN (FORMAT csv, DELIMITER ';')", b"a;b\r\n\"c\r\nd\";e\r\n"),
    ("COPY two FROM STDIN CSV", b"a,b\n\"open,c\nd\n"),
    ("COPY two FROM STDIN CSV", b"a,b\n\n"),
    ("COPY two (a) FROM STDIN CSV", b"a\n\nb\n"),
    ("COPY t FROM STDIN", b"1\ta\t1\n"),
    ("COPY t (id, name) FROM STDIN", b"1\ta\n2\tb\tc\n"),
    ("COPY t (id, name) FROM STDIN", b"1\ta\nx\tb\n"),
    ("COPY t (id, price) FROM STDIN", b"1\t2\n3\t" + b"9" * 200 + b"\n"),
    ("COPY t (id, note) FROM STDIN", b"1\tlong enough\n"),
    ("COPY t (id, at) FROM STDIN", b"1\t2013-13-01\n"),
    ("COPY t (id, name) FROM STDIN", b"1\ta\n2\t\\N\n3\tb\n"),
    ("COPY t (name) FROM STDIN", b"a\n"),
    ("COPY t (id) FROM STDIN", b"1\n2\n1\n3\n"),
    ("COPY t (id) FROM STDIN", b"1\n2\n99\n"),
    ("COPY t (id) FROM STDIN WHERE id % 2 = 1", b"1\n2\n3\n98\n"),
    ("COPY two FROM STDIN", b"a\tb\nx\t\xff\n"),
    ("COPY two FROM STDIN", b"a\tb\nx\t\\xff\n"),
    ("COPY two FROM STDIN", b"a\tb\nx\0\ty\n"),
    ("COPY t FROM STDIN (FORMAT nope)", b""),
    ("COPY t FROM STDIN (nope)", b""),
    ("COPY t FROM STDIN (FORMAT csv, FORMAT csv)", b""),
    ("COPY t FROM STDIN (DELIMITER 'ab')", b""),
    ("COPY t FROM STDIN (DELIMITER 'a')", b""),
    ("COPY t FROM STDIN (QUOTE 'a')", b""),
    ("COPY t FROM STDIN (ESCAPE 'a')", b""),
    ("COPY t FROM STDIN (FORMAT csv, QUOTE ',')", b""),
    ("COPY t FROM STDIN (NULL 'a\tb')", b""),
    ("COPY t FROM STDIN (FORMAT csv, NULL '\"')", b""),
    ("COPY t FROM STDIN (HEADER maybe)", b""),
    ("COPY nope FROM STDIN", b""),
    ("COPY t (nope) FROM STDIN", b""),
    ("COPY t (id, id) FROM STDIN", b""),
    ("COPY t (id) FORM STDIN", b""),
    ("COPY (SELECT 1) FROM STDIN", b""),
]

OUT = [
    "COPY t TO STDOUT",
    "COPY t (name, id) TO STDOUT",
    "COPY (SELECT id, name, good FROM t ORDER BY id DESC) TO STDOUT",
    "COPY (SELECT a, b FROM two ORDER BY a, b) TO STDOUT",
    "COPY (SELECT a, b FROM two ORDER BY a, b) TO STDOUT (DELIMITER '|', NULL 'nil')",
    "COPY (SELECT a, b FROM two ORDER BY a, b) TO STDOUT (FORMAT csv)",
    "COPY (SELECT a, b FROM two ORDER BY a, b) TO STDOUT (FORMAT csv, HEADER, DELIMITER ';', NULL 'nil')",
    "COPY (SELECT a, b FROM two ORDER BY a, b) TO STDOUT (FORMAT csv, QUOTE '''', ESCAPE '\\')",
    "COPY (SELECT a FROM two ORDER BY a) TO STDOUT CSV",
    "COPY (SELECT id FROM t WHERE false) TO STDOUT (HEADER)",
    "COPY (UPDATE t SET note = 'new' WHERE id = 1 RETURNING id, note) TO STDOUT",
    "COPY (UPDATE t SET note = 'new') TO STDOUT",
    "COPY (SELECT 1 / (id - 2) FROM t WHERE id = 2) TO STDOUT",
    "COPY t TO STDOUT (HEADER match)",
    "COPY nope TO STDOUT",
    "COPY v TO STDOUT",
]


def answer(connection, statement, data):
    """What a COPY says, and the rows that its tables have then."""
    try:
        with connection.cursor() as cursor:
            with cursor.copy(statement) as copy:
                for at in range(0, len(data), 7):
                    copy.write(data[at:at + 7])
            said = cursor.statusmessage
    except psycopg.Error as error:
        diag = error.diag
        said = (diag.sqlstate, diag.message_primary, diag.message_detail, diag.context)
    return said, [connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in ("t", "two")]


def output(connection, statement):
    try:
        with connection.cursor().copy(statement) as copy:
            return b"".join(bytes(piece) for piece in copy)
    except psycopg.Error as error:
        return error.diag.sqlstate, error.diag.message_primary, error.diag.message_hint


class AsPostgres(unittest.TestCase):
    """The same bytes into both."""

    @classmethod
    def setUpClass(cls):
        cls.server = Forebay().start()
        cls.addClassCleanup(cls.server.close)
        cls.judge = ScratchPostgres().start()
        cls.addClassCleanup(cls.judge.close)
        cls.connections = [cls.server.connect(autocommit=True), cls.judge.connect(autocommit=True)]
        for connection in cls.connections:
            cls.addClassCleanup(connection.close)
            connection.execute(TABLE)
            connection.execute(PAIRS)
            connection.execute("CREATE VIEW v AS SELECT * FROM t")

    def setUp(self):
        for connection in self.connections:
            connection.execute("DELETE FROM t")
            connection.execute("DELETE FROM two")
            connection.execute("INSERT INTO t (id, price, good) VALUES (99, 1, true)")

    def test_in(self):
        for statement, data in CASES:
            with self.subTest(statement=statement, data=data[:60]):
                self.setUp()
                ours, theirs = (answer(connection, statement, data) for connection in self.connections)
                self.assertEqual(ours, theirs)

    def test_out(self):
        values = ["plain", "", "a\tb", "back\\slash", "line\nend\r", "q\"u'ote", "a,b;c|d", "nil", "\\.", "\\N", "\b\f\v", "ä中"]
        for connection in self.connections:
            connection.execute("INSERT INTO t VALUES (1, 'one', 1.5, '2013-01-01', false, 'x'), (2, 'two', NULL, NULL, NULL, NULL)")
            for value in values:
                connection.execute("INSERT INTO two VALUES (%s, %s), (%s, NULL)", (value, value[::-1], value))
        for statement in OUT:
            with self.subTest(statement=statement):
                ours, theirs = (output(connection, statement) for connection in self.connections)
                if "ORDER" not in statement and isinstance(ours, bytes):
                    ours, theirs = sorted(ours.split(b"\n")), sorted(theirs.split(b"\n"))
                self.assertEqual(ours, theirs)

    def test_what_comes_out_goes_in(self):
        seed = seeds.seed()
        rng = random.Random(seed)
        letters = "ab\\\t\n\r\",;'|.N \u00e4\b"
        rows = [tuple(None if rng.random() < 0.1 else "".join(rng.choices(letters, k=rng.randrange(8)))
                      for _ in range(2)) for _ in range(2000)]
        for options in ("", "(FORMAT csv)", "(FORMAT csv, QUOTE '''', ESCAPE '\\', DELIMITER ';', NULL 'N')",
                        "(DELIMITER ';', NULL 'never')"):
            with self.subTest(options=options, seed=seed):
                self.setUp()
                ours, judge = self.connections
                judge.cursor().executemany("INSERT INTO two VALUES (%s, %s)", rows)
                data = output(judge, f"COPY two TO STDOUT {options}")
                with ours.cursor().copy(f"COPY two FROM STDIN {options}") as copy:
                    at = 0
                    while at < len(data):
                        size = rng.randrange(1, 400)
                        copy.write(data[at:at + size])
                        at += size
                back = ours.execute("SELECT a, b FROM two ORDER BY a, b").fetchall()
                self.assertEqual(back, judge.execute("SELECT a, b FROM two ORDER BY a, b").fetchall())
                self.assertEqual(sorted(output(ours, f"COPY two TO STDOUT {options}").split(b"\n")),
                                 sorted(data.split(b"\n")))


class Copy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Forebay(workers=2).start()
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        self.connection = self.server.connect()
        self.addCleanup(self.connection.close)
        self.connection.execute("DROP TABLE IF EXISTS t CASCADE")
        self.connection.execute("CREATE TABLE t (id bigint PRIMARY KEY, name text, n int DEFAULT 7)")
        self.connection.execute("CREATE MATERIALIZED VIEW total AS SELECT count(*) AS rows, sum(id) AS ids FROM t")

    def copy(self, text, statement="COPY t (id, name) FROM STDIN", connection=None):
        with (connection or self.connection).cursor().copy(statement) as copy:
            copy.write(text)

    def one(self, sql, connection=None):
        return (connection or self.connection).execute(sql).fetchone()

    def test_views_follow(self):
        rows = 50_000
        self.copy("".join(f"{i}\tname {i % 10}\n" for i in range(rows)))
        self.assertEqual(self.one("SELECT * FROM total"), (rows, rows * (rows - 1) // 2))
        self.assertEqual(self.one("SELECT name, n FROM t WHERE id = 4711"), ("name 1", 7))
        # Into a table that has rows: keys are judged against them.
        self.copy("".join(f"{i}\tmore\n" for i in range(rows, 2 * rows)))
        with self.assertRaises(psycopg.errors.UniqueViolation) as caught:
            self.copy("".join(f"{i}\tagain\n" for i in range(2 * rows, rows, -1)))
        self.assertEqual(caught.exception.diag.context, "COPY t, line 2")
        self.assertEqual(caught.exception.diag.message_detail, f"Key (id)=({2 * rows - 1}) already exists.")
        self.assertEqual(self.one("SELECT rows FROM total"), (2 * rows,))

    def test_tables_that_overwrite_or_ignore(self):
        for conflict, expected in (("OVERWRITE", [(1, "c"), (2, "b")]), ("IGNORE", [(1, "old"), (2, "b")])):
            self.connection.execute("DROP TABLE IF EXISTS o")
            self.connection.execute(f"CREATE TABLE o (id int PRIMARY KEY, x text) ON CONFLICT {conflict}")
            self.connection.execute("INSERT INTO o VALUES (1, 'old')")
            self.copy("1\ta\n2\tb\n1\tc\n", "COPY o FROM STDIN")
            self.assertEqual(self.connection.execute("SELECT * FROM o ORDER BY id").fetchall(), expected)

    def test_without_a_key(self):
        self.connection.execute("DROP TABLE IF EXISTS bag")
        self.connection.execute("CREATE TABLE bag (x int)")
        self.copy("1\n1\n2\n" * 3000, "COPY bag FROM STDIN")
        self.connection.execute("DELETE FROM bag WHERE x = 2")
        self.assertEqual(self.one("SELECT count(*), sum(x) FROM bag"), (6000, 6000))

    def test_in_a_block(self):
        other = self.server.connect()
        self.addCleanup(other.close)
        writer = self.server.connect(autocommit=False)
        self.addCleanup(writer.close)
        self.copy("1\ta\n2\tb\n", connection=writer)
        self.assertEqual(self.one("SELECT count(*) FROM t", other), (0,))
        writer.commit()
        self.assertEqual(self.one("SELECT * FROM total", other), (2, 3))
        # The block sees the rows, and changes them.
        self.copy("3\tc\n4\td\n", connection=writer)
        self.copy("5\te\n", connection=writer)
        self.assertEqual(self.one("SELECT count(*), max(id) FROM t", writer), (5, 5))
        writer.execute("UPDATE t SET name = 'new' WHERE id = 4")
        writer.execute("DELETE FROM t WHERE id = 3")
        with self.assertRaises(psycopg.errors.UniqueViolation), writer.transaction():
            self.copy("6\tf\n5\tg\n", connection=writer)
        self.assertEqual(writer.info.transaction_status, psycopg.pq.TransactionStatus.INTRANS)
        writer.commit()
        self.assertEqual(other.execute("SELECT id, name FROM t ORDER BY id").fetchall(),
                         [(1, "a"), (2, "b"), (4, "new"), (5, "e")])
        self.copy("10\tx\n", connection=writer)
        writer.rollback()
        # Somebody takes a key before COMMIT.
        self.copy("11\tx\n12\ty\n", connection=writer)
        other.execute("INSERT INTO t VALUES (12, 'first')")
        with self.assertRaises(psycopg.errors.UniqueViolation):
            writer.commit()
        self.assertEqual(self.one("SELECT count(*) FROM t WHERE id >= 10", other), (1,))

    def test_the_client_gives_up(self):
        with self.assertRaises(ZeroDivisionError):
            with self.connection.cursor().copy("COPY t (id) FROM STDIN") as copy:
                copy.write("1\n")
                print(1 / 0)
        self.assertEqual(self.one("SELECT count(*) FROM t"), (0,))

    def test_cancel_while_the_client_is_silent(self):
        with self.assertRaises(psycopg.errors.QueryCanceled):
            with self.connection.cursor().copy("COPY t (id) FROM STDIN") as copy:
                copy.write("1\n")
                self.connection.cancel()
                # The session says so while the client is still silent.
                select.select([self.connection.fileno()], [], [], 30)
        self.assertEqual(self.one("SELECT count(*) FROM t"), (0,))

    def test_others_write_meanwhile(self):
        other = self.server.connect()
        self.addCleanup(other.close)
        with self.connection.cursor().copy("COPY t (id) FROM STDIN") as copy:
            copy.write("1\n")
            other.execute("INSERT INTO t VALUES (2, 'meanwhile')")
            copy.write("3\n")
        self.assertEqual(self.one("SELECT * FROM total"), (3, 6))

    def test_where_that_fails(self):
        with self.assertRaises(psycopg.errors.DivisionByZero) as caught:
            self.copy("3\n2\n", "COPY t (id) FROM STDIN WHERE 6 / (id - 2) > 1")
        self.assertEqual(caught.exception.diag.context, "COPY t, line 2")

    def test_written_rows(self):
        with self.connection.cursor().copy("COPY t FROM STDIN") as copy:
            copy.write_row((1, "tab\tand \\", None))
            copy.write_row((2, None, 5))
        self.assertEqual(self.connection.execute("SELECT * FROM t ORDER BY id").fetchall(),
                         [(1, "tab\tand \\", None), (2, None, 5)])
        with self.connection.cursor().copy("COPY (SELECT id, n FROM t ORDER BY id) TO STDOUT") as copy:
            copy.set_types(["int8", "int4"])
            self.assertEqual(list(copy.rows()), [(1, None), (2, 5)])

    def test_they_outlive_a_kill(self):
        rows = 30_000
        self.copy("".join(f"{i}\tx\n" for i in range(rows)))
        self.server.restart(with_kill=True)
        self.connection = self.server.connect()
        self.addCleanup(self.connection.close)
        self.assertEqual(self.one("SELECT * FROM total"), (rows, rows * (rows - 1) // 2))

    def test_psql(self):
        with tempfile.NamedTemporaryFile("w", suffix=".csv", delete=False) as file:
            file.write("id,name\n1,\"a, b\"\n2,c\n")
        path = file.name
        self.addCleanup(os.unlink, path)
        script = (f"\\copy t (id, name) FROM '{path}' (FORMAT csv, HEADER)\n"
                  "COPY t (id, name) FROM stdin;\n3\td\n4\t\\N\n\\.\n"
                  "\\copy (SELECT id, name FROM t ORDER BY id) TO STDOUT CSV\n"
                  "SELECT count(*) FROM t;\n")
        said = self.server.psql("-At", script=script)
        self.assertEqual(said.stderr, "")
        self.assertEqual(said.stdout, "COPY 2\nCOPY 2\n1,\"a, b\"\n2,c\n3,d\n4,\n4\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
