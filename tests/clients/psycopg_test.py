"""psycopg 3 as a client."""
import datetime
import decimal
import math
import os
import sys
import threading
import time
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.forebay import Forebay
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Json, Jsonb

UTC = datetime.timezone.utc
Decimal = decimal.Decimal

# SQL type -> values that go in as parameters and come out of SELECT.
VALUES = {
    "boolean": [True, False],
    "integer": [0, -2147483648, 2147483647],
    "bigint": [0, 2**63 - 1, -(2**63)],
    "smallint": [0, -32768, 32767],
    "real": [0.0, -0.5, 1.5e9, math.inf],
    "bytea": [b"", b"\x00\xff", b"x" * 3000],
    "uuid": [uuid.UUID(int=0), uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")],
    "time": [datetime.time(0, 0), datetime.time(23, 59, 59, 999999)],
    "integer[]": [[], [1, None, -3], [[1, 2], [3, 4]]],
    "text[]": [["a", "b c", None, 'q"q', "null", ""]],
    "numeric[]": [[Decimal("1.50"), Decimal("-2")]],
    "timestamp[]": [[datetime.datetime(2013, 1, 31, 1, 2, 3)]],
    "timestamptz[]": [[datetime.datetime(2013, 1, 31, 12, tzinfo=UTC), None]],
    "boolean[]": [[True, None, False]],
    "smallint[]": [[-32768, 32767]],
    "bigint[]": [[2**63 - 1, None]],
    "real[]": [[1.5, -0.25]],
    "double precision[]": [[-0.1, math.inf]],
    "varchar[]": [["a", "ä"]],
    "bytea[]": [[b"\x00\xff", b""]],
    "uuid[]": [[uuid.UUID(int=7)]],
    "date[]": [[datetime.date(2013, 1, 31), None]],
    "time[]": [[datetime.time(23, 59, 59)]],
    "interval[]": [[datetime.timedelta(days=-3, hours=4)]],
    "char(4)": ["ab  ", "äöüß"],
    "double precision": [0.0, -0.1, 1e300, math.inf, -math.inf],
    "numeric": [Decimal("0"), Decimal("-12345.6789"), Decimal("1e-10"), Decimal("99999999999999999999")],
    "numeric(10,2)": [Decimal("-0.01"), Decimal("12345678.90")],
    "varchar(5)": ["", "abcde", "äöü"],
    "text": ["", "it's", "line\nbreak", "x" * 5000, "中文"],
    "date": [datetime.date(2013, 1, 31), datetime.date(1, 1, 1), datetime.date(9999, 12, 31)],
    "timestamp": [datetime.datetime(2013, 1, 31, 23, 59, 59, 999999), datetime.datetime(1999, 12, 31)],
    "timestamptz": [datetime.datetime(2013, 1, 31, 12, tzinfo=UTC)],
    "interval": [datetime.timedelta(0), datetime.timedelta(days=-3, hours=4, microseconds=5)],
}


class Psycopg(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Forebay().start()
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        self.connection = self.server.connect()
        self.addCleanup(self.connection.close)

    def fetch(self, sql, parameters=None, **options):
        return self.connection.execute(sql, parameters, **options).fetchall()

    def test_connection_info(self):
        info = self.connection.info
        self.assertEqual((info.dbname, info.user, info.encoding), ("dev", "root", "utf-8"))
        self.assertGreaterEqual(info.server_version, 150000)
        self.assertEqual(info.timezone.utcoffset(None), datetime.timedelta(0))

    def test_parameters_and_results_in_both_formats(self):
        for sql_type, values in VALUES.items():
            for value in values:
                for binary in (False, True):
                    place = "%b" if binary else "%t"
                    cursor = self.connection.cursor(binary=binary)
                    shown = f"{sql_type} {value!r} binary={binary}"
                    got = cursor.execute(f"SELECT {place}::{sql_type}", [value]).fetchone()[0]
                    self.assertEqual(got, value, shown)
                    self.assertIsInstance(got, type(value), shown)

    def test_the_time_zone_of_the_session(self):
        moment = datetime.datetime(2026, 7, 15, 10, tzinfo=UTC)
        self.connection.execute("SET TimeZone = 'Europe/Berlin'")
        self.assertEqual(self.connection.info.timezone.key, "Europe/Berlin")
        for binary in (False, True):
            cursor = self.connection.cursor(binary=binary)
            got, text, day = cursor.execute(
                "SELECT %s::timestamptz, %s::timestamptz::text, ('2026-07-14 23:00Z'::timestamptz)::date", [moment, moment]).fetchone()
            self.assertEqual((got, got.utcoffset()), (moment, datetime.timedelta(hours=2)))
            self.assertEqual((text, day), ("2026-07-15 12:00:00+02", datetime.date(2026, 7, 15)))
        with self.connection.cursor().copy("COPY (SELECT %s::timestamptz) TO STDOUT", [moment]) as copy:
            self.assertEqual(b"".join(copy), b"2026-07-15 12:00:00+02\n")
        self.connection.execute("CREATE TABLE copied_moments (id int PRIMARY KEY, at timestamptz)")
        with self.connection.cursor().copy("COPY copied_moments FROM STDIN (FORMAT csv)") as copy:
            copy.write("1,2026-07-15 12:00:00\n2,2026-07-15 12:00:00Z\n")
        self.assertEqual([row[0].astimezone(UTC).hour for row in self.fetch("SELECT at FROM copied_moments ORDER BY id")], [10, 12])

    def test_jsonb_character_and_any(self):
        value = {"b": [1, 2.5, None], "a": {"x": "y"}}
        for binary in (False, True):
            cursor = self.connection.cursor(binary=binary)
            row = cursor.execute("SELECT %s::jsonb, 'ab'::char(4), 2 = ANY(%s), %s = ANY(%s::text[])",
                                 [Jsonb(value), [1, 2], "x", ["y"]]).fetchone()
            self.assertEqual(row, (value, "ab  ", True, False))
            for place in ("%t", "%b"):
                self.assertEqual(cursor.execute(f"SELECT {place}::jsonb", [Json(value)]).fetchone(), (value,))

    def test_nan_and_null(self):
        for binary in (False, True):
            cursor = self.connection.cursor(binary=binary)
            row = cursor.execute("SELECT %s::double precision, %s::numeric, %s::int, %s::text",
                                 [math.nan, Decimal("NaN"), None, None]).fetchone()
            self.assertTrue(math.isnan(row[0]) and row[1].is_nan())
            self.assertEqual(row[2:], (None, None))

    def test_values_pass_through_a_table(self):
        columns = ", ".join(f"c{i} {sql_type}" for i, sql_type in enumerate(VALUES))
        self.connection.execute(f"CREATE TABLE every_type (id int PRIMARY KEY, {columns})")
        places = ", ".join(["%s"] * (len(VALUES) + 1))
        rows = [(n, *(values[n % len(values)] for values in VALUES.values())) for n in range(5)]
        with self.connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO every_type VALUES ({places})", rows)
        for binary in (False, True):
            cursor = self.connection.cursor(binary=binary)
            self.assertEqual(cursor.execute("SELECT * FROM every_type ORDER BY id").fetchall(), rows)
            self.assertEqual(cursor.execute("SELECT * FROM every_type WHERE id = %s", [3]).fetchall(), [rows[3]])
        self.connection.execute("DROP TABLE every_type")

    def test_small_integers_go_as_int2(self):
        self.connection.execute("CREATE TABLE small (id int PRIMARY KEY, big bigint)")
        self.connection.execute("INSERT INTO small VALUES (%s, %s)", [1, 2])
        self.assertEqual(self.fetch("SELECT big FROM small WHERE id = %s", [1]), [(2,)])
        self.assertEqual(self.fetch("SELECT id FROM small WHERE big = %b", [2]), [(1,)])
        self.connection.execute("DROP TABLE small")

    def test_prepared_statements(self):
        self.connection.execute("CREATE TABLE kept (id int PRIMARY KEY, name text)")
        self.connection.execute("INSERT INTO kept VALUES (1, 'a'), (2, 'b')")
        for n in range(20):
            got = self.fetch("SELECT name FROM kept WHERE id = %s", [n % 3], prepare=True)
            self.assertEqual(got, [] if n % 3 == 0 else [("ab"[n % 3 - 1],)])
        self.connection.execute("INSERT INTO kept VALUES (0, 'new')")
        self.assertEqual(self.fetch("SELECT name FROM kept WHERE id = %s", [0], prepare=True), [("new",)])
        self.connection.execute("DROP TABLE kept")

    def test_prepared_statement_after_its_table_was_made_anew(self):
        self.connection.execute("CREATE TABLE again (a int)")
        self.fetch("SELECT * FROM again", prepare=True)
        self.connection.execute("DROP TABLE again")
        with self.assertRaises(psycopg.errors.UndefinedTable):
            self.fetch("SELECT * FROM again", prepare=True)
        self.connection.execute("CREATE TABLE again (a int)")
        self.assertEqual(self.fetch("SELECT * FROM again", prepare=True), [])
        self.connection.execute("DROP TABLE again")

    def test_pipeline(self):
        with self.connection.pipeline():
            cursors = [self.connection.execute("SELECT %s::int * 2", [n]) for n in range(100)]
        self.assertEqual([cursor.fetchone()[0] for cursor in cursors], [n * 2 for n in range(100)])

    def test_error_in_a_pipeline(self):
        with self.assertRaises(psycopg.errors.DivisionByZero):
            with self.connection.pipeline():
                self.connection.execute("SELECT 1")
                self.connection.execute("SELECT 1 / 0")
                self.connection.execute("SELECT 2")
        self.assertEqual(self.fetch("SELECT 3"), [(3,)])

    def test_errors_have_their_fields(self):
        with self.assertRaises(psycopg.errors.UndefinedColumn) as caught:
            self.connection.execute("SELECT nme FROM pg_catalog.pg_type")
        diagnosis = caught.exception.diag
        self.assertEqual(diagnosis.sqlstate, "42703")
        self.assertEqual(diagnosis.severity, "ERROR")
        self.assertEqual(diagnosis.severity_nonlocalized, "ERROR")
        self.assertEqual(diagnosis.message_primary, 'column "nme" does not exist')
        self.assertEqual(diagnosis.statement_position, "8")
        self.connection.execute("CREATE TABLE unique_rows (id int PRIMARY KEY)")
        self.connection.execute("INSERT INTO unique_rows VALUES (1)")
        with self.assertRaises(psycopg.errors.UniqueViolation) as caught:
            self.connection.execute("INSERT INTO unique_rows VALUES (1)")
        self.assertIn("(id)=(1)", caught.exception.diag.message_detail)
        self.connection.execute("DROP TABLE unique_rows")

    def test_transaction_status(self):
        states = psycopg.pq.TransactionStatus
        self.assertEqual(self.connection.info.transaction_status, states.IDLE)
        self.connection.execute("BEGIN")
        self.assertEqual(self.connection.info.transaction_status, states.INTRANS)
        with self.assertRaises(psycopg.errors.SyntaxError):
            self.connection.execute("SELEC")
        self.assertEqual(self.connection.info.transaction_status, states.INERROR)
        with self.assertRaises(psycopg.errors.InFailedSqlTransaction):
            self.connection.execute("SELECT 1")
        self.connection.execute("ROLLBACK")
        self.assertEqual(self.connection.info.transaction_status, states.IDLE)

    def test_reading_in_a_transaction_block(self):
        with self.server.connect(autocommit=False) as connection:
            self.assertEqual(connection.execute("SELECT 1").fetchall(), [(1,)])

    def test_several_statements_and_their_tags(self):
        cursor = self.connection.execute("SELECT 1; SELECT 'two' AS b")
        self.assertEqual((cursor.fetchall(), cursor.statusmessage), ([(1,)], "SELECT 1"))
        self.assertTrue(cursor.nextset())
        self.assertEqual((cursor.fetchall(), cursor.description[0].name), ([("two",)], "b"))

    def test_set_is_reported(self):
        self.connection.execute("SET application_name = 'changed'")
        self.assertEqual(self.connection.info.parameter_status("application_name"), "changed")

    def test_notices(self):
        notices = []
        self.connection.add_notice_handler(lambda diagnosis: notices.append(diagnosis.message_primary))
        self.connection.execute("DROP TABLE IF EXISTS never_made")
        self.assertEqual(notices, ['table "never_made" does not exist, skipping'])

    def test_rows_as_dictionaries_and_column_types(self):
        with self.server.connect(row_factory=dict_row) as connection:
            cursor = connection.execute("SELECT 1 AS a, 2.50::numeric(5,2) AS b, 'x'::varchar(7) AS c")
            self.assertEqual(cursor.fetchall(), [{"a": 1, "b": Decimal("2.50"), "c": "x"}])
            shown = [(column.name, column.type_code) for column in cursor.description]
            self.assertEqual(shown, [("a", 23), ("b", 1700), ("c", 1043)])
            self.assertEqual((cursor.description[1].precision, cursor.description[1].scale), (5, 2))

    def test_cancel_within_a_second(self):
        self.connection.execute("CREATE TABLE many (n int)")
        self.connection.execute("INSERT INTO many VALUES " + ", ".join(f"({n})" for n in range(1000)))
        canceler = threading.Timer(0.3, self.connection.cancel)
        canceler.start()
        started = time.monotonic()
        with self.assertRaises(psycopg.errors.QueryCanceled):
            self.connection.execute("SELECT count(*) FROM many a, many b, many c, many d "
                                    "WHERE a.n + b.n + c.n + d.n < -1")
        self.assertLess(time.monotonic() - started, 1.3)
        canceler.join()
        self.assertEqual(self.fetch("SELECT 1"), [(1,)])
        self.connection.execute("DROP TABLE many")

    def test_statement_timeout(self):
        self.connection.execute("CREATE TABLE slow (n int)")
        self.connection.execute("INSERT INTO slow VALUES " + ", ".join(f"({n})" for n in range(1000)))
        self.connection.execute("SET statement_timeout = '200ms'")
        with self.assertRaises(psycopg.errors.QueryCanceled):
            self.connection.execute("SELECT count(*) FROM slow a, slow b, slow c, slow d "
                                    "WHERE a.n + b.n + c.n + d.n < -1")
        self.connection.execute("SET statement_timeout = 0")
        self.connection.execute("DROP TABLE slow")

    def test_transactions_as_psycopg_opens_them(self):
        """Without autocommit psycopg begins a block at the first statement."""
        with self.server.connect(autocommit=False) as connection:
            connection.execute("CREATE TABLE orders (id int PRIMARY KEY, what text)")
            connection.execute("CREATE TABLE lines (id int, n int)")
            connection.execute("CREATE MATERIALIZED VIEW big AS SELECT id, sum(n) AS n FROM lines GROUP BY id")
            connection.commit()
            with connection.cursor() as cursor:
                cursor.executemany("INSERT INTO orders VALUES (%s, %s)", [(i, f"order {i}") for i in range(500)])
                cursor.executemany("INSERT INTO lines VALUES (%s, %s)", [(i % 500, i) for i in range(1000)])
            self.assertEqual(self.fetch("SELECT count(*) FROM orders"), [(0,)])
            connection.rollback()
            connection.execute("INSERT INTO orders VALUES (1, 'one')")
            try:
                with connection.transaction():  # a savepoint
                    connection.execute("INSERT INTO orders VALUES (2, 'two')")
                    raise psycopg.Rollback
            except psycopg.Rollback:
                pass
            connection.execute("INSERT INTO lines VALUES (1, 5)")
            self.assertEqual(connection.execute("SELECT id FROM orders").fetchall(), [(1,)])
            connection.commit()
            self.assertEqual(self.fetch("SELECT * FROM orders"), [(1, "one")])
            self.assertEqual(self.fetch("SELECT * FROM big"), [(1, 5)])
            with self.assertRaises(psycopg.errors.UniqueViolation):
                connection.execute("INSERT INTO orders VALUES (1, 'again')")
            connection.rollback()
            connection.execute("UPDATE orders SET what = 'mine' WHERE id = 1")
            self.connection.execute("UPDATE orders SET what = 'theirs' WHERE id = 1")
            with self.assertRaises(psycopg.errors.SerializationFailure):
                connection.commit()
        self.assertEqual(self.fetch("SELECT * FROM orders"), [(1, "theirs")])

    def test_transactions_are_atomic_in_views_of_both_tables(self):
        """Money moves between two tables in blocks; a view over both never sees it missing."""
        self.connection.execute("CREATE TABLE here (id int PRIMARY KEY, n int)")
        self.connection.execute("CREATE TABLE there (id int PRIMARY KEY, n int)")
        self.connection.execute("INSERT INTO here VALUES (1, 1000)")
        self.connection.execute("INSERT INTO there VALUES (1, 0)")
        wrong, done = [], threading.Event()

        def look():
            with self.server.connect() as connection:
                while not done.is_set():
                    (total,) = connection.execute(
                        "SELECT (SELECT n FROM here) + (SELECT n FROM there)").fetchone()
                    if total != 1000:
                        wrong.append(total)

        reader = threading.Thread(target=look)
        reader.start()
        with self.server.connect(autocommit=False) as connection:
            for _ in range(200):
                connection.execute("UPDATE here SET n = n - 1")
                connection.execute("UPDATE there SET n = n + 1")
                connection.commit()
        done.set()
        reader.join()
        self.assertEqual(wrong, [])
        self.assertEqual(self.fetch("SELECT n FROM there"), [(200,)])

    def test_server_cursors(self):
        self.connection.execute("CREATE TABLE many (id int PRIMARY KEY)")
        self.connection.execute("INSERT INTO many SELECT i FROM generate_series(1, 1000) AS g (i)")
        with self.server.connect(autocommit=False) as connection:
            with connection.cursor("named") as cursor:
                cursor.execute("SELECT id FROM many WHERE id > %s ORDER BY id", (10,))
                self.assertEqual([column.name for column in cursor.description], ["id"])
                self.assertEqual(cursor.fetchone(), (11,))
                self.assertEqual(cursor.fetchmany(3), [(12,), (13,), (14,)])
                self.assertEqual(sum(1 for _ in cursor), 986)
            with connection.cursor("scrolls", scrollable=True) as cursor:
                cursor.execute("SELECT id FROM many ORDER BY id")
                cursor.scroll(500)
                self.assertEqual(cursor.fetchone(), (501,))
                cursor.scroll(5, mode="absolute")
                self.assertEqual(cursor.fetchone(), (6,))
        with self.connection.cursor("held", withhold=True) as cursor:
            cursor.execute("SELECT id FROM many ORDER BY id")
            self.assertEqual(len(cursor.fetchall()), 1000)

    def test_jobs_of_others(self):
        self.assertEqual(self.fetch("SHOW jobs"), [])
        self.assertEqual(self.fetch("SELECT * FROM forebay.ddl_progress"), [])

    def test_statements_up_to_a_sync_are_one_transaction(self):
        self.connection.execute("CREATE TABLE together (id int PRIMARY KEY)")
        self.connection.execute("CREATE MATERIALIZED VIEW together_count AS SELECT count(*) AS n FROM together")
        with self.assertRaises(psycopg.errors.UniqueViolation):
            with self.connection.cursor() as cursor:
                cursor.executemany("INSERT INTO together VALUES (%s)", [(1,), (2,), (1,), (3,)])
        self.assertEqual(self.fetch("SELECT * FROM together"), [])
        with self.connection.cursor() as cursor:
            cursor.executemany("INSERT INTO together VALUES (%s)", [(i,) for i in range(2000)])
        self.assertEqual(self.fetch("SELECT n FROM together_count"), [(2000,)])
        with self.assertRaises(psycopg.errors.DivisionByZero):
            with self.connection.pipeline():
                self.connection.execute("DELETE FROM together")
                self.connection.execute("SELECT 1 / 0")
        self.assertEqual(self.fetch("SELECT n FROM together_count"), [(2000,)])
        with self.connection.pipeline():
            self.connection.execute("DELETE FROM together WHERE id > 10")
            seen = self.connection.execute("SELECT n FROM together_count")
            gone = self.connection.execute("DELETE FROM together RETURNING id")
        self.assertEqual(seen.fetchall(), [(11,)])
        self.assertEqual(len(gone.fetchall()), 11)

    def test_read_only(self):
        self.connection.execute("CREATE TABLE kept (id int PRIMARY KEY)")
        with self.server.connect(autocommit=False) as connection:
            connection.read_only = True
            with self.assertRaises(psycopg.errors.ReadOnlySqlTransaction):
                connection.execute("INSERT INTO kept VALUES (1)")
            connection.rollback()
            connection.read_only = False
            connection.execute("INSERT INTO kept VALUES (2)")
        self.assertEqual(self.fetch("SELECT * FROM kept"), [(2,)])

    def test_savepoints_without_end_cost_no_memory(self):
        with self.server.connect(autocommit=False) as connection:
            connection.execute("CREATE TABLE saved (id int PRIMARY KEY, what text)")
            connection.commit()
            connection.execute("INSERT INTO saved SELECT g, repeat('x', 100) FROM generate_series(1, 20000) AS g")
            for i in range(500):
                connection.execute("SAVEPOINT s")
                connection.execute("UPDATE saved SET what = 'y' WHERE id = %s", (i % 7 + 1,))
                connection.execute("ROLLBACK TO s" if i % 2 else "RELEASE s")
                if i % 2:
                    connection.execute("RELEASE s")
            connection.commit()
        self.assertEqual(self.fetch("SELECT count(*) FROM saved WHERE what = 'y'"), [(7,)])

    def test_parameters_of_returning_and_on_conflict(self):
        self.connection.execute("CREATE TABLE upserts (id int PRIMARY KEY, n int)")
        upsert = """INSERT INTO upserts SELECT %s::int, %s::int ON CONFLICT (id)
                    DO UPDATE SET n = upserts.n + %s WHERE upserts.n < %s RETURNING id, n, %s::text"""
        self.assertEqual(self.fetch(upsert, (1, 2, 10, 100, "x")), [(1, 2, "x")])
        self.assertEqual(self.fetch(upsert, (1, 2, 10, 100, "y")), [(1, 12, "y")])
        self.assertEqual(self.fetch(upsert, (1, 2, 10, 5, "z")), [])
        self.assertEqual(self.fetch("INSERT INTO upserts VALUES (%s, 1) RETURNING n + %s", (2, 5)), [(6,)])
        self.assertEqual(self.fetch("UPDATE upserts SET n = 3 WHERE id = %s RETURNING n + %s", (2, 5)), [(8,)])
        self.assertEqual(self.fetch("DELETE FROM upserts WHERE id = 1 RETURNING n, %s::int", (7,)), [(12, 7)])


if __name__ == "__main__":
    unittest.main(verbosity=2)
