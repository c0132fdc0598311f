#!/usr/bin/env python3
"""What nexmark_events writes as JSON lines is what the connector gives: read back through the file connector, in both layouts.

    tests/nexmark/layouts.py [--events 5000] [--binary PROGRAM] [--events-tool PROGRAM]
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

from run import GAP_NS, TABLES, TIMEOUT_S, Forebay, differences, queries, rows_of, tool_path, wait_until

# In the order of the numbers of kinds, event_type.
KINDS = ("person", "auction", "bid")
FLAT = ("CREATE SOURCE flat (event_type int, id bigint, name text, email_address text, credit_card text, city text, state text, "
        "item_name text, description text, initial_bid bigint, reserve bigint, expires timestamp, seller bigint, category bigint, "
        "auction bigint, bidder bigint, price bigint, channel text, url text, date_time timestamp, extra text) "
        "WITH (connector = 'file', path = '{path}', scan.bounded.mode = 'latest') FORMAT PLAIN ENCODE JSON")
NESTED = ("CREATE SOURCE nested (event_type int, person jsonb, auction jsonb, bid jsonb) "
          "WITH (connector = 'file', path = '{path}', scan.bounded.mode = 'latest') FORMAT PLAIN ENCODE JSON")


def write(options, layout, path):
    with open(path, "wb") as file:
        subprocess.run([options.events_tool, "--events", str(options.events), "--gap-ns", str(GAP_NS), "--layout", layout],
                       check=True, stdout=file)


def columns_of(kind):
    return [column.split(" ") for column in TABLES[kind].split(", ")]


def nested_members(path):
    """What is wrong with the lines themselves: one object of the event's kind, null for the other two."""
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file):
            event = json.loads(line)
            kind = KINDS[event["event_type"]]
            empty = {name: None for name in KINDS if name != kind}
            if list(event) != ["event_type", *KINDS] or {name: event[name] for name in empty} != empty:
                return [f"nested line {number}: not one {kind}: {line.strip()}"]
            if sorted(event[kind]) != sorted(name for name, _ in columns_of(kind)):
                return [f"nested line {number}: {kind} has {', '.join(event[kind])}"]
    return []


def create_views(connection):
    """Per kind and layout a view with the columns of the kind's table."""
    for number, kind in enumerate(KINDS):
        names = ", ".join(name for name, _ in columns_of(kind))
        members = ", ".join(f"({kind} ->> '{name}')::{type_name} AS {name}" for name, type_name in columns_of(kind))
        connection.execute(f"CREATE MATERIALIZED VIEW made_{kind} AS SELECT {names} FROM {kind}")
        connection.execute(f"CREATE MATERIALIZED VIEW flat_{kind} AS SELECT {names} FROM flat WHERE event_type = {number}")
        connection.execute(f"CREATE MATERIALIZED VIEW nested_{kind} AS SELECT {members} FROM nested WHERE event_type = {number}")
    # What is of other kinds is not there.
    others = ", ".join(f"count({kind}) AS {kind}" for kind in KINDS)
    connection.execute(f"CREATE MATERIALIZED VIEW counted AS SELECT event_type, count(*) AS n, {others} FROM nested GROUP BY event_type")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=5_000)
    parser.add_argument("--binary")
    parser.add_argument("--events-tool", default=tool_path())
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Forebay(workers=2, program=options.binary) as server, server.connect() as connection:
        paths = {layout: os.path.join(folder, layout + ".json") for layout in ("flat", "nested")}
        for layout, path in paths.items():
            write(options, layout, path)
        problems = nested_members(paths["nested"])
        queries.create_events(connection, options.events, GAP_NS)
        connection.execute(FLAT.format(path=paths["flat"]))
        connection.execute(NESTED.format(path=paths["nested"]))
        create_views(connection)
        everything = " + ".join(f"(SELECT count(*) FROM {layout}_{kind})" for layout in ("made", "flat", "nested") for kind in KINDS)
        wait_until(lambda: connection.execute(f"SELECT {everything}").fetchone()[0] == 3 * options.events, TIMEOUT_S, "all events")
        for kind in KINDS:
            names = ", ".join(name for name, _ in columns_of(kind))
            made = rows_of(connection, f"SELECT {names} FROM made_{kind}")
            for layout in ("flat", "nested"):
                problems += filter(None, [differences(f"{layout} {kind}", rows_of(connection, f"SELECT {names} FROM {layout}_{kind}"), made)])
        for number, *counts in connection.execute("SELECT * FROM counted").fetchall():
            if counts[1:] != [counts[0] if place == number else 0 for place in range(3)]:
                problems.append(f"objects of event_type {number}: {counts}")
        wrong = connection.execute("SELECT count(*) FROM forebay.errors").fetchone()[0]
        if wrong:
            problems.append(f"{wrong} lines or rows failed")
    print("\n".join(problems) or f"{options.events} events are the same in both layouts")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
