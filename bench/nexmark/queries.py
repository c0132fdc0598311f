"""The Nexmark queries beside this file: their statements, as they are or as views, and the events that they read."""
import os
import re
import string

import psycopg

FOLDER = os.path.dirname(os.path.abspath(__file__))
# q10 writes files, for which there is no sink yet.
NAMES = [f"q{number}" for number in range(24) if number != 10]
WATERMARK = ",\n    WATERMARK FOR date_time AS date_time - INTERVAL '4 seconds'"
SINK = re.compile(r"CREATE SINK (\w+) AS\s(.*)\sWITH \(connector = 'blackhole'\)$", re.DOTALL)
# SQLSTATEs of what is not there: not supported, no such function, no such syntax.
NOT_THERE = ("0A000", "42883", "42601")


def split(text):
    """The statements of a file, without its comments."""
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return [part.strip() for part in "\n".join(lines).split(";\n") + [""] if part.strip().rstrip(";")]


def statements(name):
    """What a query consists of; the last statement makes its sink or view."""
    with open(os.path.join(FOLDER, name + ".sql"), encoding="utf-8") as file:
        return [part.rstrip(";") for part in split(file.read())]


def as_views(name):
    """The same; a view in place of a sink."""
    return [SINK.sub(r"CREATE MATERIALIZED VIEW \1 AS\n\2", statement) for statement in statements(name)]


def select_of(name):
    """The query alone."""
    return as_views(name)[-1].split(" AS\n", 1)[1]


def is_sink(name):
    return SINK.match(statements(name)[-1]) is not None


def create_events(connection, events, gap_ns, more="", watermark=True):
    """The source, with more options, and the three views. True: with a watermark, if there is such a thing."""
    with open(os.path.join(FOLDER, "events.sql"), encoding="utf-8") as file:
        text = string.Template(file.read())
    try:
        made = split(text.substitute(events=events, gap_ns=gap_ns, more=more, watermark=WATERMARK if watermark else ""))
        connection.execute(made[0])
    except psycopg.Error as error:
        if not watermark or error.sqlstate not in NOT_THERE:
            raise
        return create_events(connection, events, gap_ns, more, False)
    for statement in made[1:]:
        connection.execute(statement)
    return watermark
