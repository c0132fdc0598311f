"""node-postgres as a client: node_postgres.js, which makes the cases, and this, which runs them."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import ROOT
from support.forebay import Forebay
from support.reports import expect_reports

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node_postgres.js")


class NodePostgres(unittest.TestCase):
    def test_every_case(self):
        modules = os.path.join(ROOT, ".deps", "node", "node_modules")
        with Forebay() as server:
            expect_reports(self, ["node", PROGRAM, str(server.port)], env={**os.environ, "NODE_PATH": modules, "TZ": "UTC"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
