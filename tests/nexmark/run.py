#!/usr/bin/env python3
"""Every Nexmark query's view against PostgreSQL over the same events. See README.md.

    tests/nexmark/run.py [QUERY ...] [--events 20000] [--stops 20] [--workers 1,2,4] [--binary PROGRAM] [--events-tool PROGRAM]
"""
import argparse
import collections
import os
import random
import subprocess
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(FOLDER))
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "bench", "nexmark")]
from support.forebay import Forebay  # noqa: E402
from support.postgres import ScratchPostgres  # noqa: E402
from support.processes import wait_until  # noqa: E402
from support.seeds import full, seed  # noqa: E402
import queries  # noqa: E402

GAP_NS = 1_000_000
TIMEOUT_S = 120
# In the order in which the tool writes them.
TABLES = {
    "person": "id bigint, name text, email_address text, credit_card text, city text, state text, date_time timestamp, extra text",
    "auction": "id bigint, item_name text, description text, initial_bid bigint, reserve bigint, expires timestamp, "
               "seller bigint, category bigint, date_time timestamp, extra text",
    "bid": "auction bigint, bidder bigint, price bigint, channel text, url text, date_time timestamp, extra text"}


def rows_of(connection, query):
    """The rows as a multiset of their text."""
    with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT") as copy:
        return collections.Counter(b"".join(copy).decode().splitlines())


def load(judge, tool, events):
    """All events into tables NAME_all, and views NAME of the first so many, as `upto` says."""
    judge.execute("CREATE TABLE upto (date_time timestamp)")
    for table, columns in TABLES.items():
        judge.execute(f"CREATE TABLE {table}_all ({columns})")
        with subprocess.Popen([tool, "--events", str(events), "--gap-ns", str(GAP_NS), "--layout", "copy", "--kind", table],
                              stdout=subprocess.PIPE) as written:
            with judge.cursor() as cursor, cursor.copy(f"COPY {table}_all FROM STDIN") as copy:
                while block := written.stdout.read(1 << 20):
                    copy.write(block)
        if written.returncode != 0:
            raise SystemExit(f"{tool} ended with {written.returncode}")
        judge.execute(f"CREATE VIEW {table} AS SELECT * FROM {table}_all WHERE date_time < (SELECT date_time FROM upto)")
        judge.execute(f"ANALYZE {table}_all")


def judged(name):
    """The query as PostgreSQL takes it."""
    path = os.path.join(FOLDER, "postgres", name + ".sql")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            return file.read()
    return queries.select_of(name)


def wait_read(server, events):
    """Until at least so many events are read."""
    def is_read():
        failed = server.execute("SELECT reason FROM forebay.pipelines WHERE status = 'failed'")
        if failed:
            raise SystemExit(failed[0][0])
        return server.execute("SELECT coalesce(min(position), 0) FROM forebay.sources WHERE name = 'nexmark'")[0][0] >= events
    wait_until(is_read, TIMEOUT_S, f"{events} events to be read")


def position(server):
    """Where the paused readers stand, which is one place for all."""
    positions = server.execute("SELECT DISTINCT position FROM forebay.sources WHERE name = 'nexmark'")
    if len(positions) != 1:
        raise SystemExit(f"the views' readers stand at {positions}")
    return positions[0][0]


def differences(name, got, expected):
    missing, extra = expected - got, got - expected
    if not missing and not extra:
        return None
    some = [f"  - {row}" for row in list(missing)[:3]] + [f"  + {row}" for row in list(extra)[:3]]
    return f"{name}: {sum(missing.values())} rows missing, {sum(extra.values())} too many\n" + "\n".join(some)


def check(server, judge, names):
    """What is wrong with the views, which stand still."""
    problems = []
    events = position(server)
    judge.execute("DELETE FROM upto")
    judge.execute("INSERT INTO upto SELECT timestamp '2015-07-15' + %s * interval '1 millisecond'", (events,))
    with server.connect() as connection:
        for name in names:
            if name == "q12":
                counted = connection.execute("SELECT coalesce(sum(bid_count), 0) FROM q12").fetchone()[0]
                bids = judge.execute("SELECT count(*) FROM bid").fetchone()[0]
                problem = None if counted == bids else f"q12: {counted} of {bids} bids are counted"
            else:
                problem = differences(name, rows_of(connection, f"SELECT * FROM {name}"), rows_of(judge, judged(name)))
            if problem:
                problems.append(f"after {events} events: {problem}")
    return problems


def run(options, judge, workers, chance):
    """One server with all views, which stops and is killed while it reads, and before views are compared; what is wrong."""
    problems = []
    with Forebay(workers=workers, program=options.binary) as server:
        with server.connect() as connection:
            queries.create_events(connection, options.events, GAP_NS, f", rows_per_second = {options.events // 4}")
            # Nothing is read before all views are there. After a restart one reader reads for all.
            connection.execute("ALTER SOURCE nexmark PAUSE")
            for name in options.names:
                for statement in queries.as_views(name):
                    connection.execute(statement)
        server.restart()
        for stop in range(1, options.stops + 1):
            server.execute("ALTER SOURCE nexmark RESUME")
            begin, end = (options.events * place // options.stops for place in (stop - 1, stop))
            if stop % 2 == 0:
                wait_read(server, chance.randrange(begin, end))
                server.restart(with_kill=True)
            wait_read(server, end)
            server.execute("ALTER SOURCE nexmark PAUSE")
            if stop % 2 == 1:
                server.restart(with_kill=True)
            problems += check(server, judge, options.names)
    return problems


def tool_path():
    built = [os.path.join(ROOT, "build", preset, "bench", "nexmark_events") for preset in ("release", "dev", "asan")]
    return next((path for path in built if os.path.exists(path)), built[0])


def parser_of(description, events):
    """What every comparison of so many events takes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=events)
    parser.add_argument("--workers", default="1,2,4")
    parser.add_argument("--binary")
    parser.add_argument("--events-tool", default=tool_path())
    return parser


def main():
    parser = parser_of(__doc__, 20_000)
    parser.add_argument("names", nargs="*", metavar="QUERY", default=queries.NAMES)
    parser.add_argument("--stops", type=int, default=20 if full() else 4)
    options = parser.parse_args()
    problems = []
    chosen = seed()
    print(f"seed {chosen} (FOREBAY_TEST_SEED={chosen} repeats this run's kills)")
    chance = random.Random(chosen)
    with ScratchPostgres() as postgres, postgres.connect() as judge:
        load(judge, options.events_tool, options.events)
        for workers in map(int, options.workers.split(",")):
            problems += [f"{workers} worker(s): {problem}" for problem in run(options, judge, workers, chance)]
    print("\n".join(problems) or f"{len(options.names)} queries equal PostgreSQL's answers")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
