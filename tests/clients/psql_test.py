"""The real psql."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.forebay import Forebay

DEFINITIONS = """
CREATE TABLE flights (id bigint PRIMARY KEY, carrier varchar(2) NOT NULL, delay numeric(5,2) DEFAULT 1.5, at timestamp);
CREATE TABLE notes (note text);
CREATE VIEW late AS SELECT id, delay FROM flights WHERE delay > 15;
CREATE MATERIALIZED VIEW carriers AS SELECT carrier, count(*) AS n FROM flights GROUP BY carrier;
CREATE SOURCE departures (carrier varchar, delay int) WITH (connector = 'file', path = '{path}')
  FORMAT PLAIN ENCODE JSON;
CREATE FUNCTION doubled(x int) RETURNS int LANGUAGE sql AS 'SELECT x * 2';
CREATE FUNCTION upto(n int) RETURNS TABLE (i int, even bool) LANGUAGE sql AS 'SELECT g::int, g % 2 = 0 FROM generate_series(1, n) AS g';
INSERT INTO flights VALUES (1, 'AA', 20, '2013-01-01 10:00'), (2, 'UA', NULL, NULL);
"""


class Psql(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="forebay-psql-")
        cls.addClassCleanup(cls.folder.cleanup)
        path = os.path.join(cls.folder.name, "departures.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write('{"carrier": "AA", "delay": 3}\n')
        cls.server = Forebay().start()
        cls.addClassCleanup(cls.server.close)
        with cls.server.connect() as connection:
            for statement in DEFINITIONS.format(path=path).split(";\n"):
                if statement.strip():
                    connection.execute(statement)

    def shows(self, command, expected):
        done = self.server.psql("-c", command)
        self.assertEqual(done.stderr, "")
        wanted = [line[8:].rstrip() for line in expected.strip("\n").split("\n")]
        got = [line.rstrip() for line in done.stdout.strip("\n").split("\n")]
        wanted[0], got[0] = wanted[0].strip(), got[0].strip()  # titles are centred
        self.assertEqual("\n".join(got), "\n".join(wanted).rstrip())

    def test_relations(self):
        self.shows("\\d", """
                       List of relations
         Schema |    Name    |       Type        | Owner
        --------+------------+-------------------+-------
         public | carriers   | materialized view | root
         public | departures | foreign table     | root
         public | flights    | table             | root
         public | late       | view              | root
         public | notes      | table             | root
        (5 rows)
        """)

    def test_tables(self):
        self.shows("\\dt", """
                List of relations
         Schema |  Name   | Type  | Owner
        --------+---------+-------+-------
         public | flights | table | root
         public | notes   | table | root
        (2 rows)
        """)

    def test_views(self):
        self.shows("\\dv", """
               List of relations
         Schema | Name | Type | Owner
        --------+------+------+-------
         public | late | view | root
        (1 row)
        """)
        self.shows("\\dm", """
                       List of relations
         Schema |   Name   |       Type        | Owner
        --------+----------+-------------------+-------
         public | carriers | materialized view | root
        (1 row)
        """)

    def test_system_tables_by_schema(self):
        self.assertIn(" forebay | errors       | view | root", self.server.psql("-c", "\\dv forebay.*").stdout)

    def test_schemas(self):
        self.shows("\\dn", """
          List of schemas
          Name   | Owner
        ---------+-------
         forebay | root
         public  | root
        (2 rows)
        """)

    def test_databases(self):
        done = self.server.psql("-A", "-t", "-c", "\\l")
        self.assertEqual((done.stdout, done.stderr), ("dev|root|UTF8|C|C||libc|\n", ""))

    def test_table(self):
        self.shows("\\d flights", """
                                 Table "public.flights"
         Column  |            Type             | Collation | Nullable | Default
        ---------+-----------------------------+-----------+----------+---------
         id      | bigint                      |           | not null |
         carrier | character varying(2)        |           | not null |
         delay   | numeric(5,2)                |           |          | 1.5
         at      | timestamp without time zone |           |          |
        Indexes:
            "flights_pkey" PRIMARY KEY, btree (id)
        """)

    def test_table_without_a_key(self):
        self.shows("\\d notes", """
                       Table "public.notes"
         Column | Type | Collation | Nullable | Default
        --------+------+-----------+----------+---------
         note   | text |           |          |
        """)

    def test_view(self):
        self.shows("\\d late", """
                          View "public.late"
         Column |     Type     | Collation | Nullable | Default
        --------+--------------+-----------+----------+---------
         id     | bigint       |           |          |
         delay  | numeric(5,2) |           |          |
        """)
        self.assertIn("SELECT id, delay FROM flights WHERE delay > 15;", self.server.psql("-c", "\\d+ late").stdout)

    def test_materialized_view(self):
        self.shows("\\d carriers", """
                       Materialized view "public.carriers"
         Column  |         Type         | Collation | Nullable | Default
        ---------+----------------------+-----------+----------+---------
         carrier | character varying(2) |           |          |
         n       | bigint               |           |          |
        """)

    def test_source(self):
        self.shows("\\d departures", """
                         Foreign table "public.departures"
         Column  |       Type        | Collation | Nullable | Default | FDW options
        ---------+-------------------+-----------+----------+---------+-------------
         carrier | character varying |           |          |         |
         delay   | integer           |           |          |         |
        Server: forebay
        """)

    def test_nothing_of_that_name(self):
        done = self.server.psql("-c", "\\d nothing")
        self.assertEqual(done.stderr, 'Did not find any relation named "nothing".\n')

    def test_functions(self):
        listed = self.server.psql("-A", "-t", "-c", "\\df")
        self.assertEqual((listed.stdout, listed.stderr), (
            "public|doubled|integer|x integer|func\n"
            "public|upto|TABLE(i integer, even boolean)|n integer|func\n", ""))
        built_in = self.server.psql("-A", "-t", "-c", "\\df lower").stdout
        self.assertEqual(built_in, "pg_catalog|lower|text|text|func\n")
        self.assertIn("pg_catalog|array_agg|anyarray|anyelement|agg\n",
                      self.server.psql("-A", "-t", "-c", "\\df array_agg").stdout)
        verbose = self.server.psql("-A", "-t", "-c", "\\df+ doubled")
        self.assertEqual(verbose.stderr, "")
        self.assertIn("|root|invoker||sql|CREATE FUNCTION doubled", verbose.stdout)

    def test_indexes(self):
        self.shows("\\di", """
                      List of relations
         Schema |     Name     | Type  | Owner |  Table
        --------+--------------+-------+-------+---------
         public | flights_pkey | index | root  | flights
        (1 row)
        """)

    def test_roles(self):
        done = self.server.psql("-A", "-t", "-c", "\\du")
        self.assertEqual((done.stdout.split("|")[0], done.stderr), ("root", ""))
        self.assertTrue(done.stdout.endswith("|{}\n"), done.stdout)

    def test_types(self):
        listed = self.server.psql("-A", "-t", "-c", "\\dTS")
        self.assertEqual(listed.stderr, "")
        self.assertIn("pg_catalog|jsonb|", listed.stdout)

    def test_the_version_is_that_of_the_client(self):
        done = self.server.psql("-A", "-t", script="\\echo :SERVER_VERSION_NAME :SERVER_VERSION_NUM\nSELECT version();\n")
        self.assertRegex(done.stdout, r"^15\.0 150000\nPostgreSQL 15\.0 ")

    def test_describing_everything(self):
        commands = ("\\d", "\\d *", "\\d+ *", "\\d pg_catalog.*", "\\dt+", "\\dv+", "\\dm+", "\\di+", "\\dE", "\\dS", "\\df", "\\df+",
                    "\\dfS", "\\da", "\\daS", "\\dn", "\\dn+", "\\du", "\\du+", "\\dg", "\\l", "\\l+", "\\dT", "\\dT+", "\\dTS+",
                    "\\do", "\\dC", "\\dc", "\\dO", "\\ddp", "\\dD", "\\db", "\\db+", "\\dA", "\\des", "\\dew", "\\det", "\\deu", "\\dL",
                    "\\dP", "\\dp", "\\z", "\\dRp", "\\dRs", "\\ds", "\\dx", "\\dX", "\\dy", "\\dconfig", "\\sv late")
        for command in commands:
            with self.subTest(command):
                done = self.server.psql("-c", command)
                self.assertNotIn("ERROR", done.stderr)
                self.assertEqual(done.returncode, 0, command)

    def test_values_and_null(self):
        self.shows("SELECT * FROM flights ORDER BY id", """
         id | carrier | delay |         at
        ----+---------+-------+---------------------
          1 | AA      | 20.00 | 2013-01-01 10:00:00
          2 | UA      |       |
        (2 rows)
        """)

    def test_errors_have_a_caret(self):
        done = self.server.psql("-c", "SELECT carier FROM flights")
        self.assertEqual(done.returncode, 1)
        lines = done.stderr.splitlines()
        self.assertEqual(lines[0], 'ERROR:  column "carier" does not exist')
        self.assertEqual(lines[1:3], ["LINE 1: SELECT carier FROM flights", "               ^"])
        self.assertRegex(lines[3], "^HINT:  .*carrier")

    def test_a_script_goes_on_after_an_error(self):
        done = self.server.psql("-A", "-t", script="SELECT 1;\nSELECT x;\nSELECT 2;\n")
        self.assertEqual(done.stdout, "1\n2\n")
        self.assertIn('column "x" does not exist', done.stderr)

    def test_one_transaction_around_reads(self):
        done = self.server.psql("-A", "-t", "-1", "-c", "SELECT 1", "-c", "SELECT 2")
        self.assertEqual((done.stdout, done.stderr), ("1\n2\n", ""))

    def test_gexec_gset_and_variables(self):
        done = self.server.psql("-A", "-t", script="SELECT 41 + 1 AS answer \\gset\n"
                                "\\echo :answer\nSELECT :'answer' \\bind \\g\n")
        self.assertTrue(done.stdout.startswith("42\n"), done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
