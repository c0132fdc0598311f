#!/usr/bin/env python3
"""The demo against PostgreSQL: its last answers, every row of every view, and both again after kill -9.

    tests/demo/demo_test.py [--binary PROGRAM] [--kills N]
"""
import argparse
import collections
import difflib
import os
import random
import shutil
import subprocess
import sys
import tempfile

import judge
from support.forebay import Forebay
from support.postgres import ScratchPostgres
from support.processes import wait_until
from support.seeds import seed

FOLDER = os.path.join(judge.ROOT, ".deps", "flights")
# Seconds of 2013 a second: the year in about sixteen seconds, time enough for some kills.
KILL_SPEED = 2_000_000
DEPARTURES = 336776


def expected_output():
    """What --once prints, from examples/flights/expected."""
    parts = []
    for name, path in judge.queries():
        with open(path, encoding="utf-8") as query:
            parts.append(query.readline().removeprefix("-- ").strip() + "\n\n")
        with open(os.path.join(judge.FLIGHTS, "expected", name + ".txt"), encoding="utf-8") as answer:
            parts.append(answer.read())
    return "".join(parts)


def rows(conninfo, view):
    """The rows of a view as a multiset of their text."""
    done = subprocess.run(["psql", "-X", "-A", "-t", "-P", "null=NULL", "-c", f"SELECT * FROM {view}", conninfo],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{view}: {done.stderr}")
    return collections.Counter(done.stdout.splitlines())


def check_once(program, data, *options):
    """Runs the demo to its end; what is wrong with its output."""
    done = subprocess.run(
        [sys.executable, os.path.join(judge.FLIGHTS, "demo.py"), "--once", "--data", data, "--binary", program,
         *options],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return [f"--once ended with {done.returncode}: {done.stderr}"]
    return list(difflib.unified_diff(expected_output().splitlines(), done.stdout.splitlines(),
                                     "expected", "printed", lineterm=""))


def check_views(conninfo, truth):
    """What is wrong with the rows of the views; truth: view -> PostgreSQL's rows."""
    wrong = []
    for view, expected in truth.items():
        actual = rows(conninfo, view)
        if actual != expected:
            missing, extra = expected - actual, actual - expected
            wrong.append(f"{view}: {missing.total()} rows missing, {extra.total()} too many; the first:")
            wrong += [f"  - {row}" for row in sorted(missing)[:5]] + [f"  + {row}" for row in sorted(extra)[:5]]
    return wrong


def departures(forebay):
    found = forebay.execute("SELECT records FROM progress WHERE source = 'flights'")
    return found[0][0] if found else 0


def complete(forebay):
    counts = {"flights": DEPARTURES, "weather": 26115, "airlines": 16, "airports": 1458, "planes": 3322}
    # Each view reads its sources by itself: all of them must have come to the end.
    if dict(forebay.execute("SELECT source, records FROM progress")) != counts:
        return False
    behind = forebay.execute("SELECT count(*) FROM forebay.sources WHERE lag IS NULL OR lag > 0")
    return behind[0][0] == 0


def check_kills(program, data, kills, chance, truth):
    """Kills the server that often while it replays, restarts it with other workers; what is wrong then."""
    marks = sorted(chance.sample(range(1, 95), kills))
    with Forebay(program=program, data=data, workers=2) as forebay:
        done = forebay.psql("-q", "-v", "ON_ERROR_STOP=1", "-v", f"folder={FOLDER}", "-v", f"speed={KILL_SPEED}",
                            "-f", os.path.join(judge.FLIGHTS, "job.sql"))
        if done.returncode != 0:
            return [f"job.sql: {done.stderr}"]
        for percent in marks:
            wait_until(lambda: departures(forebay) >= DEPARTURES * percent // 100, 120,
                       f"{percent} % of the departures")
            before = departures(forebay)
            forebay.restart(workers=chance.choice([1, 2, 3, 4]), with_kill=True)
            after = departures(forebay)
            print(f"killed at {before} departures; {after} after the restart", flush=True)
            if after < before:
                return [f"{before} departures before kill -9, {after} after it"]
        wait_until(lambda: complete(forebay), 120, "all records")
        return check_views(forebay.conninfo(), truth)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default=os.path.join(judge.ROOT, "build", "release", "forebay"))
    parser.add_argument("--kills", type=int, default=5)
    options = parser.parse_args()
    number = seed()
    print(f"seed {number} (FOREBAY_TEST_SEED={number} repeats it)", flush=True)
    subprocess.run([sys.executable, os.path.join(judge.FLIGHTS, "prepare.py")], check=True)
    with ScratchPostgres() as postgres:
        judge.load(postgres, FOLDER)
        truth = {view: rows(postgres.conninfo(), view) for view in judge.view_names()}
    scratch = tempfile.mkdtemp(prefix="forebay-demo-test-")
    failures = 0
    try:
        data = os.path.join(scratch, "once")

        def check_kept():
            with Forebay(program=options.binary, data=data, workers=3) as forebay:
                return check_views(forebay.conninfo(), truth)
        for what, check in [
                ("--once prints PostgreSQL's answers", lambda: check_once(options.binary, data)),
                ("all views have PostgreSQL's rows", check_kept),
                ("--once --kafka prints the same", lambda: check_once(
                    options.binary, os.path.join(scratch, "kafka"), "--kafka")),
                ("--once again adds nothing", lambda: check_once(options.binary, data)),
                (f"{options.kills} times kill -9", lambda: check_kills(
                    options.binary, os.path.join(scratch, "kills"), options.kills, random.Random(number), truth))]:
            wrong = check()
            print(("FAIL " if wrong else "ok   ") + what, flush=True)
            print("".join(f"     {line}\n" for line in wrong[:60]), end="", flush=True)
            failures += bool(wrong)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
