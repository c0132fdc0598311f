"""What DBeaver asks a PostgreSQL server at connect and while its navigator tree is opened.

DBeaver is a program with windows, so its questions are asked here in its place, through psycopg, with parameters
where it has parameters. They are the statements that the log of a server shows with DBeaver 23 to 25 (its plug-in
org.jkiss.dbeaver.ext.postgresql: PostgreDataSource, PostgreExecutionContext, PostgreDatabase, PostgreSchema,
PostgreDataTypeCache, PostgreRole, PostgreSessionManager); pgJDBC's own statements are in jdbc_test.py.
"""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.forebay import Forebay
from psycopg.rows import dict_row

RELATION = "c.oid,c.*,d.description,pg_catalog.pg_get_expr(c.relpartbound, c.oid) as partition_expr, " \
           "pg_catalog.pg_get_partkeydef(c.oid) as partition_key"
# Lists of the tree that are read whole: SQL -> a column and a value that must be among its rows, or None.
LISTS = {
    "SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE datallowconn AND NOT datistemplate OR db.datname ='dev'\n"
    "ORDER BY db.datname": ("datname", "dev"),
    "SELECT a.oid,a.*,pd.description FROM pg_catalog.pg_roles a\nleft join pg_catalog.pg_shdescription pd on "
    "a.oid = pd.objoid\nORDER BY a.rolname": ("rolname", "root"),
    "SELECT am.oid,am.* FROM pg_catalog.pg_am am \nORDER BY am.oid": ("amname", "btree"),
    "SELECT l.oid,l.* FROM pg_catalog.pg_language l \nORDER BY l.oid": ("lanname", "sql"),
    "SELECT t.oid,t.*,pg_tablespace_location(t.oid) loc FROM pg_catalog.pg_tablespace t \nORDER BY t.oid":
        ("spcname", "pg_default"),
    "SELECT c.contoencoding as encid,pg_catalog.pg_encoding_to_char(c.contoencoding) as encname\n"
    "FROM pg_catalog.pg_conversion c\nGROUP BY c.contoencoding\nORDER BY 2\n": None,
    "SELECT l.oid,l.*,p.pronamespace as handler_schema_id \nFROM pg_catalog.pg_foreign_data_wrapper l\n"
    "LEFT OUTER JOIN pg_catalog.pg_proc p ON p.oid=l.fdwhandler \nORDER BY l.fdwname": None,
    "SELECT l.oid,l.* FROM pg_catalog.pg_foreign_server l\nORDER BY l.srvname": None,
    "SELECT e.oid,e.*,n.nspname as schema_name,t.tbls FROM pg_catalog.pg_extension e \n"
    "join pg_namespace n on n.oid =e.extnamespace\n"
    "left join  (select extname,string_agg(tbl,', ') as tbls from (select ext.extname, c.relname as tbl "
    "from pg_catalog.pg_extension ext join pg_catalog.pg_class c on c.oid = any(ext.extconfig)) x group by extname) t "
    "on t.extname = e.extname\nORDER BY e.oid": None,
    "select * from pg_catalog.pg_event_trigger": None,
    "SELECT * FROM pg_catalog.pg_settings where name='standard_conforming_strings'": ("setting", "on"),
    "select * from pg_catalog.pg_settings": ("name", "search_path"),
    "SELECT sa.* FROM pg_catalog.pg_stat_activity sa": None,
    "SELECT * FROM pg_catalog.pg_locks": None,
}


class DBeaver(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Forebay().start()
        cls.addClassCleanup(cls.server.close)
        for statement in (
                "CREATE SCHEMA shop",
                "CREATE TABLE shop.orders (id int, line smallint, what varchar(20) NOT NULL DEFAULT 'x', tags text[], "
                "PRIMARY KEY (id, line))",
                "CREATE VIEW shop.ids AS SELECT id FROM shop.orders",
                "CREATE MATERIALIZED VIEW shop.counts AS SELECT id, count(*) AS n FROM shop.orders GROUP BY id",
                "COMMENT ON TABLE shop.orders IS 'What was ordered'",
                "COMMENT ON COLUMN shop.orders.what IS 'The thing'",
                "CREATE FUNCTION shop.twice(x int) RETURNS int LANGUAGE SQL AS 'SELECT x * 2'"):
            cls.server.execute(statement)

    def setUp(self):
        self.connection = self.server.connect(row_factory=dict_row)
        self.addCleanup(self.connection.close)

    def ask(self, sql, *parameters):
        return self.connection.execute(sql, parameters).fetchall()

    def schema(self, name="shop"):
        return self.ask("SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %s", name)[0]["oid"]

    def relation(self, name):
        return self.ask("SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relname = %s", name)[0]["oid"]

    def test_connect(self):
        self.connection.execute("SET extra_float_digits = 3")
        self.connection.execute("SET application_name = 'DBeaver 25.1.5 - Main <dev>'")
        self.assertEqual(self.ask("SELECT current_schema(),session_user"),
                         [{"current_schema": "public", "session_user": "root"}])
        self.assertEqual(self.ask("SHOW search_path"), [{"search_path": '"$user", public'}])
        self.assertEqual(len(self.ask("SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE datname=%s", "dev")), 1)
        words = self.ask("SELECT string_agg(word, ',' ) from pg_catalog.pg_get_keywords() "
                         "where word <> ALL ('{a,abs,select,from}'::text[])")[0]["string_agg"].split(",")
        self.assertIn("materialized", words)
        self.assertNotIn("select", words)
        self.assertIn("PostgreSQL", self.ask("SELECT version()")[0]["version"])
        self.assertEqual(self.ask("SELECT * FROM pg_catalog.pg_enum WHERE 1<>1 LIMIT 1"), [])
        self.assertEqual(self.ask("SELECT reltype FROM pg_catalog.pg_class WHERE 1<>1 LIMIT 1"), [])
        self.connection.execute('SET search_path = shop,"$user",public')
        self.assertEqual(self.ask("SELECT current_schema()"), [{"current_schema": "shop"}])

    def test_schemas(self):
        rows = self.ask("SELECT n.oid,n.*,d.description FROM pg_catalog.pg_namespace n\nLEFT OUTER JOIN "
                        "pg_catalog.pg_description d ON d.objoid=n.oid AND d.objsubid=0 AND "
                        "d.classoid='pg_namespace'::regclass\n ORDER BY nspname")
        self.assertLessEqual({"public", "shop", "pg_catalog", "information_schema"}, {row["nspname"] for row in rows})

    def test_data_types(self):
        self.assertEqual(len(self.ask(
            "SELECT 1 FROM pg_catalog.pg_attribute s JOIN pg_catalog.pg_class p ON s.attrelid = p.oid JOIN "
            "pg_catalog.pg_namespace n ON p.relnamespace = n.oid WHERE p.relname = 'pg_type' AND n.nspname = "
            "'pg_catalog' AND s.attname = 'typcategory'")), 1)
        everything = (
            "SELECT t.oid,t.*,c.relkind,format_type(nullif(t.typbasetype, 0), t.typtypmod) as base_type_name, "
            "d.description\nFROM pg_catalog.pg_type t\nLEFT OUTER JOIN pg_catalog.pg_type et ON et.oid=t.typelem \n"
            "LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid=t.typrelid\nLEFT OUTER JOIN pg_catalog.pg_description d ON "
            "t.oid=d.objoid\nWHERE t.typname IS NOT NULL\nAND (c.relkind IS NULL OR c.relkind = 'c') AND "
            "(et.typcategory IS NULL OR et.typcategory <> 'C')")
        types = {row["typname"]: row["oid"] for row in self.ask(everything)}
        self.assertEqual((types["int8"], types["_text"], types["jsonb"], types["name"]), (20, 1009, 3802, 19))
        one = ("SELECT t.oid,t.*,c.relkind,format_type(nullif(t.typbasetype, 0), t.typtypmod) as base_type_name FROM "
               "pg_catalog.pg_type t\nLEFT OUTER JOIN pg_class c ON c.oid=t.typrelid\nLEFT OUTER JOIN "
               "pg_catalog.pg_description d ON t.oid=d.objoid\nWHERE t.oid=%s ")
        self.assertEqual([row["typname"] for row in self.ask(one, 25)], ["text"])

    def test_relations_of_a_schema(self):
        rows = self.ask(f"SELECT {RELATION} \nFROM pg_catalog.pg_class c\nLEFT OUTER JOIN pg_catalog.pg_description d ON "
                        "d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_class'::regclass\n"
                        "WHERE c.relnamespace=%s AND c.relkind not in ('i','I','c')", self.schema())
        self.assertEqual({row["relname"]: (row["relkind"], row["description"]) for row in rows},
                         {"orders": ("r", "What was ordered"), "ids": ("v", None), "counts": ("m", None)})
        for system in ("pg_catalog", "information_schema", "forebay"):
            self.assertTrue(self.ask(f"SELECT {RELATION} FROM pg_catalog.pg_class c LEFT OUTER JOIN "
                                     "pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND "
                                     "d.classoid='pg_class'::regclass\nWHERE c.relnamespace=%s AND c.relkind not in "
                                     "('i','I','c')", self.schema(system)))
        self.ask("select c.oid,pg_catalog.pg_total_relation_size(c.oid) as total_rel_size,"
                 "pg_catalog.pg_relation_size(c.oid) as rel_size\nFROM pg_class c\nWHERE c.relnamespace=%s", self.schema())

    def test_columns(self):
        of = ("SELECT c.relname,a.*,pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) as def_value,dsc.description,"
              "dep.objid\nFROM pg_catalog.pg_attribute a\nINNER JOIN pg_catalog.pg_class c ON (a.attrelid=c.oid)\n"
              "LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid=ad.adrelid AND a.attnum = ad.adnum)\n"
              "LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid=dsc.objoid AND a.attnum = dsc.objsubid)\n"
              "LEFT OUTER JOIN pg_depend dep on dep.refobjid = a.attrelid AND dep.deptype = 'i' and "
              "dep.refobjsubid = a.attnum and dep.classid = dep.refclassid\nWHERE NOT a.attisdropped AND ")
        rows = self.ask(of + "c.oid=%s ORDER BY a.attnum", self.relation("orders"))
        self.assertEqual([(row["attname"], row["atttypid"], row["attnotnull"], row["description"])
                          for row in rows if row["attnum"] > 0],
                         [("id", 23, True, None), ("line", 21, True, None), ("what", 1043, True, "The thing"),
                          ("tags", 1009, False, None)])
        self.assertEqual([row["def_value"] is None for row in rows if row["attnum"] > 0], [True, True, False, True])
        rows = self.ask(of + "c.relkind not in ('i','I','c') AND c.relnamespace=%s ORDER BY a.attnum", self.schema())
        self.assertEqual(sum(row["relname"] == "counts" and row["attnum"] > 0 for row in rows), 2)

    def test_keys_and_indexes(self):
        rows = self.ask("SELECT c.oid,c.*,t.relname as tabrelname,rt.relnamespace as refnamespace,d.description, case "
                        "when c.contype='c' then \"substring\"(pg_get_constraintdef(c.oid), 7) else null end consrc_copy\n"
                        "FROM pg_catalog.pg_constraint c\nINNER JOIN pg_catalog.pg_class t ON t.oid=c.conrelid\n"
                        "LEFT OUTER JOIN pg_catalog.pg_class rt ON rt.oid=c.confrelid\nLEFT OUTER JOIN "
                        "pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND "
                        "d.classoid='pg_constraint'::regclass\nWHERE c.conrelid=%s\nORDER BY c.oid", self.relation("orders"))
        self.assertEqual([(row["conname"], row["contype"], row["conkey"]) for row in rows], [("orders_pkey", "p", [1, 2])])
        rows = self.ask("SELECT i.*,i.indkey as keys,c.relname,c.relnamespace,c.relam,c.reltablespace,tc.relname as "
                        "tabrelname,dsc.description,pg_catalog.pg_get_expr(i.indpred, i.indrelid) as pred_expr,"
                        "pg_catalog.pg_get_expr(i.indexprs, i.indrelid, true) as expr,"
                        "pg_catalog.pg_relation_size(i.indexrelid) as index_rel_size,"
                        "pg_catalog.pg_stat_get_numscans(i.indexrelid) as index_num_scans\nFROM pg_catalog.pg_index i\n"
                        "INNER JOIN pg_catalog.pg_class c ON c.oid=i.indexrelid\nINNER JOIN pg_catalog.pg_class tc ON "
                        "tc.oid=i.indrelid\nLEFT OUTER JOIN pg_catalog.pg_description dsc ON i.indexrelid=dsc.objoid\n"
                        "WHERE  i.indrelid=%s ORDER BY tabrelname, c.relname", self.relation("orders"))
        self.assertEqual([(row["relname"], row["indisprimary"], row["keys"]) for row in rows], [("orders_pkey", True, "1 2")])
        self.assertEqual(self.ask("select pg_catalog.pg_get_indexdef(%s, %s, true)", rows[0]["indexrelid"], 2),
                         [{"pg_get_indexdef": "line"}])

    def test_what_hangs_below_a_table(self):
        orders = self.relation("orders")
        for sql in ("SELECT x.oid,x.*,p.pronamespace as func_schema_id,d.description\nFROM pg_catalog.pg_trigger x\n"
                    "LEFT OUTER JOIN pg_catalog.pg_proc p ON p.oid=x.tgfoid \nLEFT OUTER JOIN pg_catalog.pg_description d "
                    "ON d.objoid=x.oid AND d.objsubid=0 \nWHERE x.tgrelid=%s AND NOT x.tgisinternal",
                    "SELECT r.* FROM pg_catalog.pg_policy r WHERE r.polrelid=%s",
                    "SELECT i.*,c.relnamespace FROM pg_catalog.pg_inherits i,pg_catalog.pg_class c "
                    "WHERE i.inhparent=%s AND c.oid=i.inhrelid"):
            self.assertEqual(self.ask(sql, orders), [])
        view = self.ask("SELECT pg_catalog.pg_get_viewdef(%s, true) AS definition", self.relation("ids"))
        self.assertIn("id", view[0]["definition"])

    def test_functions(self):
        rows = self.ask("SELECT p.oid as poid,p.*,pg_catalog.pg_get_expr(p.proargdefaults, 0) as arg_defaults,"
                        "d.description\nFROM pg_catalog.pg_proc p\nLEFT OUTER JOIN pg_catalog.pg_description d ON "
                        "d.objoid=p.oid AND d.objsubid = 0\nWHERE p.pronamespace=%s\nORDER BY p.proname", self.schema())
        self.assertEqual([(row["proname"], row["prorettype"], row["proargtypes"], row["proargnames"]) for row in rows],
                         [("twice", 23, "23", ["x"])])
        source = self.ask("SELECT pg_catalog.pg_get_functiondef(%s) AS source", rows[0]["poid"])
        self.assertIn("x * 2", source[0]["source"])

    def test_lists(self):
        for sql, expected in LISTS.items():
            with self.subTest(sql):
                rows = self.ask(sql)
                if expected is not None:
                    self.assertIn(expected[1], [row[expected[0]] for row in rows])
        self.ask("SELECT e.oid,e.* FROM pg_catalog.pg_extension e WHERE e.extnamespace=%s", self.schema())
        self.ask("SELECT c.oid,c.* FROM pg_catalog.pg_collation c \nWHERE c.collnamespace=%s\nORDER BY c.oid", self.schema())
        self.ask("SELECT * FROM pg_catalog.pg_sequences WHERE schemaname=%s", "shop")
        self.assertEqual(self.ask("SELECT r.oid, r.* FROM pg_catalog.pg_roles r, pg_catalog.pg_auth_members m "
                                  "WHERE m.member=%s AND m.roleid=r.oid", 10), [])

    def test_rows_of_a_table(self):
        self.connection.execute("INSERT INTO shop.orders VALUES (1, 1, 'one', '{a}')")
        self.assertEqual(len(self.ask("SELECT x.* FROM shop.orders x")), 1)
        self.assertEqual(self.ask("SELECT count(*) FROM shop.orders"), [{"count": 1}])
        self.connection.execute("UPDATE shop.orders SET what=%s WHERE id=%s AND line=%s", ["two", 1, 1])
        self.connection.execute("DELETE FROM shop.orders WHERE id=%s AND line=%s", [1, 1])
        self.assertTrue(self.ask("EXPLAIN SELECT * FROM shop.orders"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
