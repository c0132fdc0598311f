#!/usr/bin/env python3
"""CREATE FUNCTION ... LANGUAGE CPP: the example as a user builds it; libraries that are refused.

    tests/extensions/extensions_test.py [--binary PROGRAM]
"""
import argparse
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from support import ROOT  # noqa: E402
from support.forebay import Forebay, sanitized  # noqa: E402
import psycopg  # noqa: E402

OTHER_VERSION = """
#include "udfs/extension.h"
extern "C" const forebay::udfs::ExportedFunction* {symbol}() {{
  static forebay::udfs::ExportedFunction exported;
  {change};
  return &exported;
}}
"""

CREATE = """
CREATE FUNCTION km(double precision, double precision, double precision, double precision)
  RETURNS double precision LANGUAGE CPP AS '{path}', 'haversine_km';
CREATE FUNCTION without_vowels(t text) RETURNS text IMMUTABLE LANGUAGE CPP AS '{path}', 'without_vowels';
CREATE FUNCTION words(text) RETURNS TABLE (place int, word text) LANGUAGE CPP AS '{path}', 'words';
"""

PROGRAM = None


class Extensions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="forebay-extensions-")
        cls.library = os.path.join(cls.folder.name, "libfunctions.so")
        subprocess.run([os.path.join(ROOT, "examples", "functions", "build.sh"), cls.library], check=True,
                       env={**os.environ, "FOREBAY_SOURCE": ROOT})
        cls.server = Forebay(program=PROGRAM, workers=2)
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.folder.cleanup()

    def setUp(self):
        self.connection = self.server.connect()
        self.addCleanup(lambda: self.connection.close())

    def ask(self, statement):
        return self.connection.execute(statement).fetchall()

    def refused(self, statement):
        with self.assertRaises(psycopg.Error) as caught:
            self.connection.execute(statement)
        return caught.exception.diag

    def test_1_example(self):
        self.connection.execute(CREATE.format(path=self.library))
        self.connection.execute("CREATE TABLE t (id int PRIMARY KEY, body text, lat double precision)")
        self.connection.execute(
            "CREATE MATERIALIZED VIEW v AS SELECT word, count(*) AS n, min(without_vowels(word)) AS bare "
            "FROM t, LATERAL words(body) AS w GROUP BY word")
        self.connection.execute("CREATE MATERIALIZED VIEW far AS SELECT id, km(lat, 0, 0, 0) AS distance FROM t")
        self.connection.execute("INSERT INTO t VALUES (1, 'to be or not to be', 1), (2, '  be  ', NULL), (3, '', 90)")
        self.assertEqual(sorted(self.ask("SELECT * FROM v")),
                         [("be", 3, "b"), ("not", 1, "nt"), ("or", 1, "r"), ("to", 2, "t")])
        self.connection.execute("DELETE FROM t WHERE id = 1")
        self.assertEqual(self.ask("SELECT * FROM v"), [("be", 1, "b")])
        self.assertEqual(self.ask("SELECT id, round(distance::numeric) FROM far ORDER BY id"),
                         [(2, None), (3, 10008)])
        self.assertEqual(self.ask("SELECT place FROM words(repeat('x ', 10000)) ORDER BY place DESC LIMIT 1"),
                         [(10000,)])
        self.assertEqual(self.refused("SELECT without_vowels('')").sqlstate, "22023")

    def test_2_restart(self):
        self.connection.close()
        self.server.stop()
        self.server.start()
        self.connection = self.server.connect()
        self.connection.execute("INSERT INTO t VALUES (4, 'be there', 0)")
        self.assertEqual(sorted(self.ask("SELECT word, n FROM v")), [("be", 2), ("there", 1)])
        self.connection.execute("DROP FUNCTION words(text) CASCADE")
        self.assertEqual(self.ask("SELECT without_vowels('abc')"), [("bc",)])

    def test_3_refused(self):
        create = "CREATE FUNCTION f(text) RETURNS text LANGUAGE CPP AS "
        self.assertEqual(self.refused(create + "'/nowhere/lib.so', 'f'").sqlstate, "58P01")
        self.assertEqual(self.refused(create + f"'{self.library}', 'nothing'").sqlstate, "42883")
        self.assertEqual(self.refused(create + f"'{self.library}'").sqlstate, "42P13")
        self.assertEqual(self.refused(create + "'lib.so', 'f'").sqlstate, "42P13")
        other = self.refused(create + f"'{self.library}', 'haversine_km'")
        self.assertEqual(other.sqlstate, "42P13")
        self.assertIn("double precision", other.message_detail)
        rows = self.refused(create + f"'{self.library}', 'words'")
        self.assertIn("rows of (integer, text)", rows.message_detail)
        for symbol, change in (("version", "exported.abi_version += 1"), ("layout", "exported.abi_layout += 1")):
            source = os.path.join(self.folder.name, symbol + ".cpp")
            with open(source, "w", encoding="utf-8") as file:
                file.write(OTHER_VERSION.format(symbol=symbol, change=change))
            library = os.path.join(self.folder.name, f"lib{symbol}.so")
            subprocess.run([os.environ.get("CXX", "c++"), "-std=c++20", "-shared", "-fPIC", "-I", ROOT, "-o", library,
                            source], check=True)
            mismatch = self.refused(create + f"'{library}', '{symbol}'")
            self.assertIn("version mismatch", mismatch.message_primary)
        self.assertEqual(self.ask("SELECT count(*) FROM pg_proc WHERE proname = 'f'"), [(0,)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary")
    given, rest = parser.parse_known_args()
    PROGRAM = given.binary
    if PROGRAM:
        os.environ["FOREBAY_BINARY"] = PROGRAM
    if sanitized():
        print("a sanitizer's build takes no libraries built without it")
        sys.exit(0)
    unittest.main(argv=[sys.argv[0]] + rest)
