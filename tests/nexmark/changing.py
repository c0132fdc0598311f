#!/usr/bin/env python3
"""The Nexmark queries that join, over persons and auctions that change: each view against PostgreSQL. See README.md.

    tests/nexmark/changing.py [--events 3000] [--rounds 6] [--workers 1,2,4] [--binary PROGRAM] [--events-tool PROGRAM]
"""
import random
import subprocess
import sys

from run import GAP_NS, TABLES, Forebay, ScratchPostgres, differences, full, judged, parser_of, queries, rows_of, seed

KEYS = {"person": ", PRIMARY KEY (id)", "auction": ", PRIMARY KEY (id)", "bid": ""}
STATES = ("OR", "ID", "CA", "WA", "NY")
# Joins as RisingWave's set of changing inputs has them, over the same tables.
JOINS = {
    "sellers": "SELECT a.id, a.category, p.name, p.state FROM auction AS a LEFT JOIN person AS p ON a.seller = p.id",
    "movers": "SELECT p.id, p.state, a.id AS auction FROM person AS p LEFT JOIN auction AS a ON a.seller = p.id AND a.category = 10",
    "selling": "SELECT p.id, p.name FROM person AS p WHERE EXISTS (SELECT FROM auction AS a WHERE a.seller = p.id AND a.category = 10)",
    "idle": "SELECT p.id, p.name FROM person AS p WHERE NOT EXISTS (SELECT FROM auction AS a WHERE a.seller = p.id)",
    "no_bids": "SELECT a.id, a.category FROM auction AS a WHERE a.id NOT IN (SELECT auction FROM bid)",
}
VIEWS = ("q3", "q4", "q8", "q9", "q20")


def events_of(tool, kind, events):
    """The rows of one kind as lines for COPY, in order."""
    command = [tool, "--events", str(events), "--gap-ns", str(GAP_NS), "--layout", "copy", "--kind", kind]
    return subprocess.run(command, check=True, capture_output=True).stdout.splitlines(keepends=True)


def copy_into(connection, table, lines):
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        copy.write(b"".join(lines))


def some_ids(judge, table, chance, most):
    ids = [row[0] for row in judge.execute(f"SELECT id FROM {table} ORDER BY id").fetchall()]
    return ", ".join(str(one) for one in chance.sample(ids, min(len(ids), chance.randint(1, most))))


def changes(judge, chance):
    """Statements of one round, the same for both: persons move, auctions are listed again, some go and come under other keys."""
    person = some_ids(judge, "person", chance, 12)
    auction = some_ids(judge, "auction", chance, 30)
    state, city = chance.choice(STATES), f"city {chance.randrange(100)}"
    seller = chance.choice(person.split(", "))
    yield f"UPDATE person SET state = '{state}', city = '{city}' WHERE id IN ({person})"
    yield f"UPDATE auction SET category = {chance.randint(10, 12)}, extra = 'again {chance.randrange(1000)}' WHERE id IN ({auction})"
    yield f"UPDATE auction SET seller = {seller} WHERE id IN ({some_ids(judge, 'auction', chance, 10)})"
    yield (f"UPDATE auction SET date_time = date_time + INTERVAL '{chance.randint(-3, 3)} seconds', "
           f"expires = expires + INTERVAL '{chance.randint(-2, 2)} seconds' WHERE id IN ({some_ids(judge, 'auction', chance, 20)})")
    # An upsert, as a topic with keys gives it: a new version in place of the one that is there.
    yield ("INSERT INTO person (id, name, state, date_time) VALUES "
           f"({seller}, 'renamed {chance.randrange(100)}', '{chance.choice(STATES)}', TIMESTAMP '2015-07-15 00:00:0{chance.randrange(10)}') "
           "ON CONFLICT (id) DO UPDATE SET name = excluded.name, state = excluded.state, date_time = excluded.date_time")
    yield f"DELETE FROM person WHERE id IN ({some_ids(judge, 'person', chance, 4)})"
    yield f"DELETE FROM auction WHERE id IN ({some_ids(judge, 'auction', chance, 8)})"
    shift = chance.choice((1_000_000, -1_000_000))
    yield f"UPDATE auction SET id = id + {shift} WHERE id IN ({some_ids(judge, 'auction', chance, 5)})"


def create(server, judge):
    with server.connect() as connection:
        for table, columns in TABLES.items():
            judge.execute(f"DROP TABLE IF EXISTS {table}")
            judge.execute(f"CREATE TABLE {table} ({columns}{KEYS[table]})")
            connection.execute(f"CREATE TABLE {table} ({columns}{KEYS[table]})")
        for name in VIEWS:
            for statement in queries.as_views(name):
                connection.execute(statement)
        for name, query in JOINS.items():
            connection.execute(f"CREATE MATERIALIZED VIEW {name} AS {query}")


def check(server, judge):
    expected = {name: judged(name) for name in VIEWS} | JOINS
    with server.connect() as connection:
        found = [differences(name, rows_of(connection, f"SELECT * FROM {name}"), rows_of(judge, query))
                 for name, query in expected.items()]
    return [problem for problem in found if problem]


def run(options, judge, workers, chance):
    """Rounds of events that come and of changes to what is there; every second one begins with a kill."""
    problems = []
    with Forebay(workers=workers, program=options.binary) as server:
        create(server, judge)
        lines = {kind: events_of(options.events_tool, kind, options.events) for kind in TABLES}
        for number in range(options.rounds):
            if number % 2 == 1:
                server.restart(with_kill=True)
            with server.connect() as connection:
                for kind, all_lines in lines.items():
                    begin, end = (len(all_lines) * place // options.rounds for place in (number, number + 1))
                    copy_into(judge, kind, all_lines[begin:end])
                    copy_into(connection, kind, all_lines[begin:end])
                for statement in changes(judge, chance):
                    judge.execute(statement)
                    connection.execute(statement)
            problems += [f"round {number}: {problem}" for problem in check(server, judge)]
    return problems


def main():
    parser = parser_of(__doc__, 3_000)
    parser.add_argument("--rounds", type=int, default=20 if full() else 6)
    options = parser.parse_args()
    problems = []
    chosen = seed()
    print(f"seed {chosen} (FOREBAY_TEST_SEED={chosen} repeats this run)")
    with ScratchPostgres() as postgres, postgres.connect() as judge:
        for workers in map(int, options.workers.split(",")):
            problems += [f"{workers} worker(s): {problem}" for problem in run(options, judge, workers, random.Random(chosen))]
    print("\n".join(problems) or f"{len(VIEWS) + len(JOINS)} views over changing tables equal PostgreSQL's answers")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
