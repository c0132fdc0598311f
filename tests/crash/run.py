#!/usr/bin/env python3
"""kill -9 under load, at random and at every fail point: nothing acknowledged is lost, nothing is counted twice.

    tests/crash/run.py [--binary PROGRAM] [--kills N] [--only PART]

PART: random, failpoints, recovery, term, idle. FOREBAY_TEST_SEED repeats the random decisions (not the timing);
FOREBAY_TEST_FULL=1: 100 kills. README.md says more.
"""
import argparse
import collections
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
from support.forebay import Forebay, binary  # noqa: E402
from support import ROOT  # noqa: E402
from support.processes import wait_until  # noqa: E402
from support.seeds import full, seed  # noqa: E402
from workload import SCHEMA, Client, Files, Load, Reader  # noqa: E402

CLIENTS = 4
BURST = 45_000  # more than the changes from which on an epoch is written as sorted files
CRASHED = 137


class Wrong(Exception):
    """A promise was broken."""


class World:
    """A data directory with its inputs, over many lives of the server."""

    def __init__(self, program, chance, clients=CLIENTS):
        self.chance = chance
        self.folder = tempfile.mkdtemp(prefix="forebay-crash-")
        os.mkdir(os.path.join(self.folder, "in"))
        self.files = Files(os.path.join(self.folder, "in"))
        self.clients = [Client(i + 1, random.Random(chance.random())) for i in range(clients)]
        self.reader = Reader()
        self.forebay = Forebay(program=program, data=os.path.join(self.folder, "data"), workers=2)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.forebay.close()
        self.files.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def create(self):
        """Starts the server and creates everything."""
        for file_no in (1, 2, 3):
            self.files.append(file_no, 10)
        self.forebay.start()
        with self.forebay.connect() as connection:
            for statement in SCHEMA.format(folder=self.files.folder).split(";"):
                if statement.strip():
                    connection.execute(statement)
        # The views of the files share a reader from now on: after a restart, too, because they are equally far.
        shared = "SELECT count(DISTINCT pipeline) FROM forebay.views WHERE name IN ('every', 'per_file', 'per_key')"
        wait_until(lambda: self.forebay.execute(shared) == [(1,)], 60, "the views of the files to share a reader")

    def start(self, env=None, wait=True):
        """Starts it again with another number of workers."""
        self.forebay.workers = self.chance.choice([w for w in (1, 2, 3, 4) if w != self.forebay.workers])
        self.forebay.env = env or {}
        self.forebay.start(wait=wait)

    def load(self, appending=True, clients=True):
        return Load(self.forebay, self.files, self.clients if clients else [], self.reader, self.chance, appending)

    def check_after_restart(self):
        """What must hold at once: acknowledged rows are there, every file is in up to some line, views agree.
        Returns the lines committed in per_key."""
        with self.forebay.connect() as connection:
            found = collections.defaultdict(dict)
            for i, client, n, amount in connection.execute("SELECT id, client, n, amount FROM accounts").fetchall():
                found[client][i] = (n, amount)
            for client in self.clients:
                if wrong := client.error or client.settle(found[client.number]):
                    raise Wrong(wrong)
            committed = self.check_prefixes(connection)
            self.check_one_epoch(connection)
            self.reader.look(connection)
        if self.reader.error:
            raise Wrong(self.reader.error)
        return committed

    @staticmethod
    def check_one_epoch(connection):
        """Views of one pipeline, those that share a reader among them, are of one epoch."""
        sums = connection.execute("SELECT (SELECT sum(s) FROM per_key), (SELECT s FROM total), (SELECT count(*) FROM "
                                  "per_key), (SELECT n FROM total)").fetchone()
        other = connection.execute("SELECT count(*) FROM joined j JOIN per_key p ON p.key = j.key WHERE p.n <> j.n").fetchone()
        if sums[0] != sums[1] or sums[2] != sums[3] or other != (0,):
            raise Wrong(f"views of one epoch disagree: per_key, total, joined: {sums} {other}")
        lines = connection.execute("SELECT (SELECT count(*) FROM every), (SELECT sum(n) FROM per_file), "
                                   "(SELECT sum(n) FROM per_key)").fetchone()
        if len({int(n or 0) for n in lines}) > 1:
            raise Wrong(f"views that share a reader disagree: every, per_file, per_key: {lines}")

    def check_prefixes(self, connection):
        """Every record of every file once, from the start up to some line."""
        for file_no, n, s, lo, hi in connection.execute("SELECT file_no, n, s, lo, hi FROM per_file").fetchall():
            if (n, int(s), lo) != (hi + 1, hi * (hi + 1) // 2, 0):
                raise Wrong(f"file {file_no}: {n} lines up to number {hi} with sum {s}: some are lost or doubled")
            if n > self.files.written[file_no]:
                raise Wrong(f"file {file_no}: {n} lines, but only {self.files.written[file_no]} were written")
        return sum(n for n, in connection.execute("SELECT n FROM per_key").fetchall())

    def wait_until_all_is_in(self):
        def all_in():
            if not self.forebay.running():
                raise Wrong(self.forebay.why_it_ended())
            # The other views over the files share their reader: they are as far in the same epoch.
            return dict(self.forebay.execute("SELECT file_no, n FROM per_file")) == dict(self.files.written)
        wait_until(all_in, 60, "all lines to be in the views")

    def check_quiet(self):
        """Nothing moves: every view equals what its query gives over the model."""
        self.wait_until_all_is_in()
        per_key = self.files.per_key()
        accounts = {i: row for client in self.clients for i, row in client.rows.items()}
        by_n = collections.defaultdict(list)
        for n, amount in accounts.values():
            by_n[n].append(amount)
        joined = [(key, group[0], i, row[1]) for key, group in per_key.items()
                  for i, row in accounts.items() if row[0] == key]
        joined += [(key, group[0], None, None) for key, group in per_key.items() if key not in by_n]
        expected = {
            "SELECT key, n, s::bigint, lo, hi FROM per_key": [(key, *group) for key, group in per_key.items()],
            "SELECT n, rows, s::bigint, lo, hi FROM by_n":
                [(n, len(a), sum(a), min(a), max(a)) for n, a in by_n.items()],
            "SELECT key, n, id, amount FROM joined": joined,
            "SELECT id, n FROM lonely": [(i, n) for i, (n, _) in accounts.items() if per_key.get(n, (0,))[0] <= 100],
            "SELECT id, amount FROM richest":
                sorted(((i, amount) for i, (_, amount) in accounts.items()), key=lambda r: (-r[1], r[0]))[:7],
            "SELECT n, s::bigint FROM total": [(len(per_key), sum(g[1] for g in per_key.values()))],
            "SELECT file_no, count(*), sum(seq)::bigint FROM every GROUP BY file_no":
                [(f, n, n * (n - 1) // 2) for f, n in self.files.written.items()],
            "SELECT count(*) FROM (SELECT file_no, seq FROM every GROUP BY file_no, seq HAVING count(*) > 1) d": [(0,)],
        }
        with self.forebay.connect() as connection:
            for query, rows in expected.items():
                found = collections.Counter(connection.execute(query).fetchall())
                if found != (wanted := collections.Counter(rows)):
                    raise Wrong(f"{query}: missing {list((wanted - found).elements())[:5]}, "
                                f"too many {list((found - wanted).elements())[:5]}")

    def progress(self):
        return sum(c.acknowledged for c in self.clients) + sum(self.reader.seen.values())


def check_random(program, chance):
    """kill -9 at random moments; how many of them fell into an epoch with something in it."""
    kills = options.kills or (100 if full() else 25)
    under_load = 0
    with World(program, chance) as world:
        world.create()
        for number in range(kills):
            before = world.progress()
            with world.load():
                wait_until(lambda: world.progress() > before, 30, "the first change after a start")
                time.sleep(chance.uniform(0.01, 0.6))  # a moment, not a condition
                in_flight = sum(c.pending is not None for c in world.clients)
                world.forebay.kill()
                written = sum(world.files.written.values())
            world.start()
            committed = world.check_after_restart()
            under_load += in_flight > 0 or committed < written
            if number % 8 == 7 or number == kills - 1:
                world.check_quiet()
        acknowledged = sum(c.acknowledged for c in world.clients)
        lines = sum(world.files.written.values())
    print(f"random: {kills} kills, {under_load} in epochs with something in it; {acknowledged} statements acknowledged, "
          f"{lines} lines", flush=True)
    if acknowledged < kills or lines < 100 * kills:
        raise Wrong("there was hardly any load")
    if under_load < kills * 0.8:
        raise Wrong(f"only {under_load} of {kills} kills fell into non-empty epochs")


def failpoint_names(program):
    """The list in the program; without such a command, in its source."""
    listed = subprocess.run([program, "failpoints"], capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return listed.stdout.split()
    with open(os.path.join(ROOT, "state", "failpoint.cpp"), encoding="utf-8") as source:
        names = source.read().split("kNames[] = {")[1].split("};")[0]
    return re.findall(r'"([a-z_.]+)"', names)


def crash_at(world, name, hit, written_as_files):
    """A life that ends at the n-th hit of the fail point, under the load that reaches it."""
    world.forebay.kill()
    world.start(env={"FOREBAY_FAILPOINTS": f"{name}=crash@{hit}"}, wait=False)
    end = time.monotonic() + 60
    if name.startswith("open."):
        world.forebay.process.wait(60)
    else:
        wait_until(lambda: answers_or_ended(world.forebay), 60, f"an answer, or the end at {name}")
        with world.load(appending=not written_as_files, clients=not written_as_files):
            while world.forebay.running() and time.monotonic() < end:
                if written_as_files and sum(world.reader.seen.values()) == sum(world.files.written.values()):
                    world.files.add_file(BURST)
                time.sleep(0.02)
    if world.forebay.process.poll() is None:
        raise Wrong(f"{name} was not hit {hit} times")
    if world.forebay.process.returncode != CRASHED:
        raise Wrong(f"{name}=crash@{hit}: {world.forebay.why_it_ended()}")


def answers_or_ended(forebay):
    if not forebay.running():
        return True
    try:
        forebay.connect(connect_timeout=2).close()
    except Exception:  # psycopg.OperationalError, until it listens
        return False
    return True


def check_failpoints(program, chance):
    """Every fail point at its first, second and third hit; those of an opening are passed once in a life."""
    names = failpoint_names(program)
    with World(program, chance) as world:
        # A new store has its own: the directory is empty before and nothing is lost.
        for name in names:
            if name == "open.before_format":
                for _ in range(3):
                    world.start(env={"FOREBAY_FAILPOINTS": f"{name}=crash@1"}, wait=False)
                    if world.forebay.process.wait(60) != CRASHED:
                        raise Wrong(f"{name}: {world.forebay.why_it_ended()}")
        world.forebay.env = {}
        world.create()
        count = 3 * names.count("open.before_format")
        for name in names:
            # Those after a full disk need one: tests/clients/faults_test.py.
            if name == "open.before_format" or name.startswith("resume."):
                continue
            as_files = "sst" in name or "ingest" in name
            for hit in (1, 2, 3):
                crash_at(world, name, 1 if name.startswith("open.") else hit, as_files)
                count += 1
                world.start()
                world.check_after_restart()
        world.check_quiet()
    print(f"failpoints: {len(names)} names, {count} crashes", flush=True)


def files_in(folder):
    return sum(len(files) for _, _, files in os.walk(folder))


def check_recovery(program, chance):
    """20 kills in a row while it starts, load waiting; then everything is there, and files didn't pile up."""
    with World(program, chance) as world:
        world.create()
        with world.load():
            wait_until(lambda: sum(c.acknowledged for c in world.clients) > 200, 60, "200 acknowledged statements")
            world.forebay.kill()
        world.files.add_file(BURST)
        before, answered = files_in(world.forebay.data), 0
        for number in range(20):
            world.start(wait=False)
            time.sleep(chance.uniform(0, 0.25) if number % 4 else 0)  # a moment, not a condition
            answered += answers_or_ended(world.forebay)
            world.forebay.kill()
        grown = files_in(world.forebay.data) - before
        world.start()
        world.check_after_restart()
        world.check_quiet()
        print(f"recovery: 20 kills in a row, {answered} after it answered; {grown:+} files", flush=True)
        if grown > 60:
            raise Wrong(f"{grown} files more after 20 kills")


def check_term(program, chance):
    """SIGTERM commits: also what was accepted without waiting."""
    with World(program, chance) as world:
        world.create()
        for number in range(3):
            before = world.progress()
            with world.load():
                wait_until(lambda: world.progress() > before + 100, 30, "load")
                with world.forebay.connect() as connection:
                    connection.execute("SET implicit_flush = false")
                    for i in range(50):
                        connection.execute(f"INSERT INTO accounts VALUES ({9_000_000 + number * 50 + i}, 9, 1, {i})")
                    status = world.forebay.stop()
            if status != 0:
                raise Wrong(f"SIGTERM: {world.forebay.why_it_ended()}")
            world.start()
            world.check_after_restart()
            (found,), = world.forebay.execute("SELECT count(*) FROM accounts WHERE client = 9")
            if found != 50:
                raise Wrong(f"{found} of 50 rows that were accepted before SIGTERM")
            world.forebay.execute("DELETE FROM accounts WHERE client = 9")
        world.check_quiet()
    print("term: 3 times, nothing accepted was lost", flush=True)


def check_idle(program, chance):
    """Restarts without input change nothing; an aggregate over nothing keeps its old row across them."""
    with World(program, chance) as world:
        world.create()
        world.forebay.execute("CREATE TABLE empty (a integer)")
        world.forebay.execute("CREATE MATERIALIZED VIEW none AS SELECT count(*) AS n, sum(a) AS s FROM empty")
        world.files.add_file(1000)
        world.check_quiet()
        for with_kill in (True, False, True):
            world.forebay.kill() if with_kill else world.forebay.stop()
            world.start()
            world.check_after_restart()
            world.check_quiet()
            if (found := world.forebay.execute("SELECT n, s FROM none")) != [(0, None)]:
                raise Wrong(f"count over nothing after a restart: {found}")
        world.forebay.execute("INSERT INTO empty VALUES (5)")
        if (found := world.forebay.execute("SELECT n, s FROM none")) != [(1, 5)]:
            raise Wrong(f"the first row after restarts: {found}")
    print("idle: 3 restarts without input", flush=True)


PARTS = {"random": check_random, "failpoints": check_failpoints, "recovery": check_recovery, "term": check_term,
         "idle": check_idle}


def main():
    number = seed()
    print(f"seed {number} (FOREBAY_TEST_SEED={number} repeats it)", flush=True)
    program = options.binary or binary()
    failed = 0
    for name, part in PARTS.items():
        if options.only not in (None, name):
            continue
        started = time.monotonic()
        try:
            part(program, random.Random(f"{number}/{name}"))
        except (Wrong, TimeoutError) as error:
            failed += 1
            print(f"{name}: FAILED: {error}", flush=True)
        print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary")
    parser.add_argument("--kills", type=int)
    parser.add_argument("--only", choices=sorted(PARTS))
    options = parser.parse_args()
    sys.exit(main())
