"""Schema forebay, pg_catalog and information_schema as programs read them."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.forebay import Forebay
from support.processes import wait_until
from psycopg.rows import dict_row

COLUMNS = {
    "errors": "id, at, object, operator, source, source_partition, source_offset, sqlstate, reason, column_name, "
              "raw, headers, count, epoch",
    "sources": "name, connector, partition, position, end, lag, records, bytes, errors, status, reason",
    "views": "name, pipeline, rows, state_bytes, rows_in, rows_out, late, errors, epoch, freshness_ms, status, reason",
    "sinks": "name, pipeline, rows, state_bytes, rows_in, rows_out, late, errors, epoch, freshness_ms, status, "
             "reason, waiting_epochs, waiting_bytes, delivered",
    "pipelines": "id, objects, epoch, epoch_ms, commit_ms, dirty_keys, memory_bytes, status, reason",
    "operators": "view, operator, worker, rows_in, rows_out, busy_ms, state_rows, state_bytes, evictions, read_backs",
    "watermarks": "object, partition, watermark, idle, holds_back_since, source, far_future",
}


class SystemTables(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="forebay-system-")
        cls.addClassCleanup(folder.cleanup)
        cls.path = os.path.join(folder.name, "rows.json")
        with open(cls.path, "w", encoding="utf-8") as file:
            file.writelines(f'{{"k": {n % 4}, "v": {n}}}\n' for n in range(1000))
            file.write('{"k": 1, "v": "many"}\n')
        cls.server = Forebay(workers=2).start()
        cls.addClassCleanup(cls.server.close)
        for statement in (
                f"CREATE SOURCE readings (k int, v int) WITH (connector = 'file', path = '{cls.path}') "
                "FORMAT PLAIN ENCODE JSON",
                "CREATE SOURCE unread (k int) WITH (connector = 'file', path = '/nowhere/*') FORMAT PLAIN ENCODE JSON",
                "CREATE TABLE limits (k int PRIMARY KEY, most numeric(6,2) NOT NULL DEFAULT 1.5, note varchar(20))",
                "CREATE MATERIALIZED VIEW sums AS SELECT k, count(*) AS n, sum(v) AS s FROM readings GROUP BY k",
                "CREATE MATERIALIZED VIEW ratios AS SELECT k, 100 / (n - 250) AS r FROM sums",
                "CREATE VIEW high AS SELECT k FROM sums WHERE s > 10"):
            cls.server.execute(statement)
        wait_until(lambda: cls.server.execute("SELECT sum(n) FROM sums") == [(1000,)], 20, "the rows to arrive")

    def rows(self, sql, *parameters):
        with self.server.connect(row_factory=dict_row) as connection:
            return connection.execute(sql, parameters).fetchall()

    def test_columns_are_as_documented(self):
        for table, names in COLUMNS.items():
            with self.server.connect() as connection:
                cursor = connection.execute(f"SELECT * FROM forebay.{table}")
                self.assertEqual(", ".join(column.name for column in cursor.description), names, table)

    def test_every_system_table_can_be_read(self):
        tables = self.rows("SELECT n.nspname AS s, c.relname AS t FROM pg_catalog.pg_class c "
                           "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname <> 'public'")
        self.assertGreater(len(tables), 60)
        for table in tables:
            self.server.execute(f"SELECT * FROM {table['s']}.{table['t']}")

    def test_errors_tell_record_and_place(self):
        found = self.rows("SELECT * FROM forebay.errors WHERE object = 'sums'")
        self.assertEqual(len(found), 1, found)
        error = found[0]
        self.assertEqual((error["source"], error["source_partition"]), ("readings", self.path))
        self.assertEqual((error["raw"], error["count"]), ('{"k": 1, "v": "many"}', 1))
        self.assertEqual(error["sqlstate"], "22P02")
        self.assertEqual(error["column_name"], "v")
        size = sum(len(f'{{"k": {n % 4}, "v": {n}}}\n') for n in range(1000))
        self.assertEqual(error["source_offset"], size)
        self.assertIn("many", error["reason"])

    def test_failing_expressions_of_views(self):
        found = self.rows("SELECT sqlstate, reason, count FROM forebay.errors WHERE object = 'ratios'")
        self.assertEqual({row["sqlstate"] for row in found}, {"22012"})
        self.assertEqual(sum(row["count"] for row in found), 4)

    def test_sources(self):
        found = {row["name"]: row for row in self.rows("SELECT * FROM forebay.sources")}
        read = found["readings"]
        self.assertEqual((read["connector"], read["partition"]), ("file", self.path))
        self.assertEqual(read["position"], os.path.getsize(self.path))
        self.assertEqual((read["records"], read["errors"], read["lag"]), (1001, 1, 0), read)
        self.assertEqual((found["unread"]["connector"], found["unread"]["status"]), ("file", "unused"))

    def test_views_pipelines_and_operators(self):
        views = {row["name"]: row for row in self.rows("SELECT * FROM forebay.views")}
        self.assertEqual(set(views), {"sums", "ratios"})
        self.assertEqual((views["sums"]["rows"], views["ratios"]["rows"]), (4, 0))
        self.assertEqual(views["sums"]["rows_in"], 1000, views["sums"])
        self.assertGreater(views["sums"]["epoch"], 0)
        pipelines = {row["id"]: row for row in self.rows("SELECT * FROM forebay.pipelines")}
        pipeline = pipelines[views["sums"]["pipeline"]]
        self.assertEqual(set(pipeline["objects"].split(", ")), {"sums", "ratios"})
        self.assertIn(pipeline["status"], ("idle", "running"))
        workers = {row["worker"] for row in self.rows("SELECT worker FROM forebay.operators WHERE view = 'sums'")}
        self.assertEqual(workers, {0, 1})

    def test_settings_and_functions(self):
        settings = {row["name"]: row["value"] for row in self.rows("SELECT * FROM forebay.settings")}
        self.assertEqual(settings["checkpoint_interval"], "1s")
        self.assertEqual(self.rows("SELECT count(DISTINCT name) >= 40 AS many FROM forebay.functions"),
                         [{"many": True}])

    def test_catalog_of_relations(self):
        kinds = {row["relname"]: row["relkind"] for row in self.rows(
            "SELECT relname, relkind FROM pg_class WHERE relnamespace = 2200")}
        self.assertEqual(kinds, {"readings": "f", "unread": "f", "limits": "r", "limits_pkey": "i", "sums": "m",
                                 "ratios": "m", "high": "v"})

    def test_regclass_and_definitions(self):
        self.assertEqual(self.rows("SELECT pg_get_viewdef('high'::regclass) AS d"),
                         [{"d": " SELECT k FROM sums WHERE s > 10;"}])
        self.assertEqual(self.rows("SELECT relname FROM pg_class WHERE oid = 'public.limits'::regclass"),
                         [{"relname": "limits"}])
        self.assertEqual(self.rows("SELECT pg_get_constraintdef(oid) AS d FROM pg_constraint"),
                         [{"d": "PRIMARY KEY (k)"}])

    def test_information_schema(self):
        columns = self.rows("SELECT column_name, data_type, is_nullable, column_default, numeric_precision, "
                            "numeric_scale, character_maximum_length FROM information_schema.columns "
                            "WHERE table_schema = 'public' AND table_name = 'limits' ORDER BY ordinal_position")
        self.assertEqual([tuple(row.values()) for row in columns],
                         [("k", "integer", "NO", None, 32, 0, None), ("most", "numeric", "NO", "1.5", 6, 2, None),
                          ("note", "character varying", "YES", None, None, None, 20)])
        kinds = {row["table_name"]: row["table_type"] for row in self.rows(
            "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'public'")}
        self.assertEqual(kinds, {"readings": "FOREIGN", "unread": "FOREIGN", "limits": "BASE TABLE",
                                 "sums": "MATERIALIZED VIEW", "ratios": "MATERIALIZED VIEW", "high": "VIEW"})
        self.assertEqual(self.rows(
            "SELECT t.constraint_type AS type, k.table_name, k.column_name, k.ordinal_position AS place FROM "
            "information_schema.table_constraints t JOIN information_schema.key_column_usage k USING "
            "(constraint_schema, constraint_name) WHERE t.table_schema = 'public'"),
                         [{"type": "PRIMARY KEY", "table_name": "limits", "column_name": "k", "place": 1}])

    def test_recursion_over_types(self):
        """As drivers look types up; a recursion that does not end after the element of an array is refused."""
        tree = ("WITH RECURSIVE tree (oid, elem) AS (SELECT oid, typelem FROM pg_type WHERE typname = '_int4' UNION ALL "
                "SELECT t.oid, t.typelem FROM pg_type t, tree WHERE t.oid = tree.elem) SELECT oid::int FROM tree ORDER BY 1")
        self.assertEqual(self.rows(tree), [{"oid": 23}, {"oid": 1007}])
        for endless in ("SELECT t.oid, t.typarray FROM pg_type t, tree WHERE t.oid = tree.oid",
                        "SELECT relnatts, 1 FROM pg_class, tree"):
            with self.assertRaises(Exception) as caught:
                self.rows("WITH RECURSIVE tree (oid, elem) AS (SELECT oid, typelem FROM pg_type WHERE typname = 'int4' "
                          f"UNION ALL {endless}) SELECT count(*) FROM tree")
            self.assertEqual(caught.exception.sqlstate, "0A000")

    def test_schemas_cannot_be_written(self):
        for statement in ("INSERT INTO forebay.settings VALUES ('a')", "DROP TABLE forebay.errors",
                          "CREATE MATERIALIZED VIEW m AS SELECT * FROM forebay.errors"):
            with self.assertRaises(Exception) as caught:
                self.server.execute(statement)
            self.assertIn(caught.exception.sqlstate, ("42809", "0A000", "42501"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
