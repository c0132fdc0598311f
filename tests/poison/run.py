#!/usr/bin/env python3
"""Bad records, format by defect by policy, with kills in between. README.md beside it says more.

    tests/poison/run.py [--binary PROGRAM] [--seed N]
"""
import argparse
import os
import random
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
from support.forebay import Forebay  # noqa: E402
from support.processes import wait_until  # noqa: E402
from support import seeds  # noqa: E402
import defects  # noqa: E402

POLICIES = {"errors": "", "skip": " ON ERROR SKIP", "fail": " ON ERROR FAIL"}
PARTS = 3  # of a file: each appended while the server is killed
TIMEOUT_S = 60


class Case:
    """One file with one kind of bad record between good ones, and the view and the table that read it."""

    def __init__(self, folder, which, policy, number, defect):
        self.which, self.policy, self.defect = which, policy, defect
        self.name = f"{policy}_{number}"
        self.path = os.path.join(folder, self.name + "." + which.lower())
        self.size = 0
        self.good = []  # ids
        self.bad = {}   # place -> bytes

    @property
    def objects(self):
        return [f"v_{self.name}", f"t_{self.name}"]

    def append(self):
        """A good record, a bad one and a good one; the same bad one again now and then."""
        first = len(self.good) + len(self.bad) + 1
        data = b""
        for number in range(first, first + 3):
            if number == first + 1:
                record = defects.bad_record(self.which, self.defect, number)
                self.bad[self.size + len(data)] = record
            else:
                record = defects.good_record(self.which, number)
                self.good.append(number)
            data += record + b"\n"
        self.size += len(data)
        with open(self.path, "ab") as file:
            file.write(data)

    def create(self, connection):
        with_clause = (f"WITH (connector = 'file', path = '{self.path}') FORMAT PLAIN ENCODE {self.which}"
                       + POLICIES[self.policy])
        connection.execute(f"CREATE SOURCE s_{self.name} ({defects.COLUMNS}) {with_clause}")
        connection.execute(f"CREATE MATERIALIZED VIEW v_{self.name} AS SELECT * FROM s_{self.name}")
        connection.execute(f"CREATE TABLE t_{self.name} ({defects.COLUMNS}) {with_clause}")

    def wrong(self, connection):
        """What is not as it should be, or None."""
        for name in self.objects:
            ids = [row[0] for row in connection.execute(f"SELECT id FROM {name} ORDER BY id")]
            if self.policy == "fail":
                # Good records in front of the bad one may be there: epochs end where they end.
                if ids not in ([], self.good[:1]):
                    return f"{name} has {ids}"
                why = connection.execute(
                    "SELECT p.status, p.reason FROM forebay.pipelines p, forebay.views v "
                    "WHERE v.pipeline = p.id AND v.name = %s", [name]).fetchone()
                if why is None and name.startswith("t_"):
                    continue
                if why is None or why[0] == "running" or str(min(self.bad)) not in (why[1] or ""):
                    return f"the pipeline of {name}: {why}, the record starts at {min(self.bad)}"
                continue
            if ids != self.good:
                return f"{name} has {ids}, not {self.good}"
            rows = connection.execute(
                "SELECT source_offset, sqlstate, count, source_partition, raw FROM forebay.errors WHERE object = %s", [name]).fetchall()
            if self.policy == "skip":
                if rows:
                    return f"{name} skips, and has the error rows {rows}"
                continue
            if sorted(row[0] for row in rows) != sorted(self.bad):
                return f"{name} has errors at {sorted(row[0] for row in rows)}, not {sorted(self.bad)}"
            for place, sqlstate, count, partition, raw in rows:
                want = defects.FORMATS[self.which][self.defect][1]
                if sqlstate != want or count != 1 or partition != self.path:
                    return f"{name} has {count} x {sqlstate} in {partition} at {place}, not 1 x {want}"
                shown = self.bad[place].decode("utf-8", "backslashreplace")
                if not raw or not shown.startswith(raw[:40].encode("utf-8", "backslashreplace").decode()):
                    if b"\0" not in self.bad[place]:
                        return f"{name} shows {raw[:60]!r} for {shown[:60]!r}"
        return None


def kill_at_random(server, rng):
    time.sleep(rng.random() * 0.3)  # not to wait for something: any moment is a right one
    server.restart(with_kill=True)


def run(program, which, policy, rng):
    """The failures of all defects of a format under a policy."""
    with tempfile.TemporaryDirectory(prefix="forebay-poison-") as folder, \
            Forebay(program=program, workers=rng.choice([1, 2])) as server:
        cases = [Case(folder, which, policy, number, defect)
                 for number, defect in enumerate(defects.FORMATS[which])]
        with server.connect() as connection:
            for case in cases:
                case.append()
                case.create(connection)
        kill_at_random(server, rng)
        for _ in range(1, PARTS):
            for case in cases:
                case.append()
            kill_at_random(server, rng)
        failures = []
        with server.connect() as connection:
            for case in cases:
                try:
                    wait_until(lambda: case.wrong(connection) is None, TIMEOUT_S if not failures else 1, case.name, every_s=0.05)
                except TimeoutError:
                    failures.append(f"{which}, {policy}, {case.defect}: {case.wrong(connection)}")
            if policy == "skip":
                failures += wrong_counts(connection, cases)
        return failures


def wrong_counts(connection, cases):
    counts = dict(connection.execute("SELECT name, errors FROM forebay.views").fetchall())
    return [f"{case.which}, skip, {case.defect}: {case.objects[0]} counts {counts.get(case.objects[0])} errors, not {len(case.bad)}"
            for case in cases if counts.get(case.objects[0]) != len(case.bad)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--policy", choices=list(POLICIES))
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else seeds.seed()
    print(f"seed {seed}", flush=True)
    failures = []
    for which in defects.FORMATS:
        for policy in [options.policy] if options.policy else POLICIES:
            started = time.monotonic()
            found = run(options.binary, which, policy, random.Random(f"{seed}/{which}/{policy}"))
            failures += found
            print(f"{which}, {policy}: {len(defects.FORMATS[which])} defects, {len(found)} failures, "
                  f"{time.monotonic() - started:.1f} s", flush=True)
    print("\n".join(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
