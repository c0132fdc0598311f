#!/usr/bin/env python3
"""Shows that the oracle can fail: PostgreSQL plays Forebay, once right and once for each planted fault."""
import argparse
import os
import random
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
from support.postgres import ScratchPostgres  # noqa: E402
from expressions import FUNCTIONS  # noqa: E402
from productions import Chooser  # noqa: E402
import run  # noqa: E402

# What goes wrong: words in the text of a view and what stands for them.
FAULTS = {"left join as inner": ("LEFT JOIN", "JOIN"), "union keeps duplicates": (") UNION (", ") UNION ALL ("),
          "not exists": ("NOT EXISTS", "EXISTS"), "no filter": ("FILTER (WHERE ", "FILTER (WHERE true OR "),
          "averages a little off": ("avg(", "1.00000001 * avg(")}
MOST_BATCHES = 100


class FakeForebay:
    """A database of the scratch PostgreSQL behind the interface of a server."""

    def __init__(self, postgres, fault):
        self.postgres, self.fault = postgres, fault
        self.name = None

    def __enter__(self):
        self.name = self.postgres.new_database("fake")
        return self

    def __exit__(self, *_):
        pass

    def connect(self):
        connection = self.postgres.connect(dbname=self.name)
        connection.execute("SET jit = off")
        return connection

    def restart(self, **_):
        return 0

    def running(self):
        return True

    def kill(self):
        pass

    def rewrite(self, sql):
        if sql.startswith(("SET implicit_flush", "FLUSH")):
            return "SELECT 1"
        if "forebay.operators" in sql:
            return "SELECT 0, 0"
        if "FROM forebay.errors" in sql:
            return "SELECT 1 WHERE false"
        if sql.startswith("CREATE MATERIALIZED VIEW"):
            sql = sql.replace("MATERIALIZED ", "", 1)
            if self.fault:
                sql = sql.replace(*self.fault)
        return sql


def failures(postgres, fault, shrink):
    """The failures of the first batch that shows the fault; without a fault of three batches."""
    options = argparse.Namespace(views=30, epochs=6, batch=None, binary=None, tiny_memory=False, shrink=1, shrink_seconds=20,
                                 output=tempfile.mkdtemp(prefix="oracle-selftest-"))
    oracle = run.Oracle(options, 7, postgres)
    oracle.server = lambda mode: FakeForebay(postgres, fault)
    oracle.say = lambda text: None
    chooser = Chooser(random.Random(7), FUNCTIONS)
    for batch in range(MOST_BATCHES if fault else 3):
        if oracle.failures:
            break
        case, judgement = oracle.case(batch, chooser)
        case.error_views = []  # PostgreSQL has no error rows
        oracle.run_case(batch, case, judgement)
    if shrink and oracle.failures:
        oracle.shrink_failures()
        names = os.listdir(options.output)
        sizes = [os.path.getsize(os.path.join(options.output, name)) for name in names]
        print(f"  {names[0]}: {sizes[0]} bytes")
        with open(os.path.join(options.output, names[0]), encoding="utf-8") as file:
            print(file.read())
    return oracle.failures


def main():
    wrong = []
    with ScratchPostgres() as postgres:
        if found := failures(postgres, None, False):
            wrong.append(f"without a fault: {found[0][2]}")
        for name, fault in FAULTS.items():
            found = failures(postgres, fault, name == "left join as inner")
            print(f"{name}: {len(found)} failures", flush=True)
            if not found:
                wrong.append(f"{name}: not noticed")
    print("\n".join(wrong) or "every planted fault was noticed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
