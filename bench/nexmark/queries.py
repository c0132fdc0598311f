"""The Nexmark queries beside this file: their statements, as they are or as views, and the events that they read."""
import os
import re
import string

FOLDER = os.path.dirname(os.path.abspath(__file__))
# q10 writes files, for which there is no sink yet.
NAMES = [f"q{number}" for number in range(24) if number != 10]
SINK = re.compile(r"CREATE SINK (\w+) AS\s(.*)\sWITH \(connector = 'blackhole'\)$", re.DOTALL)


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


def create_events(connection, events, gap_ns, more=""):
    """The source with its watermark, with more options, and the three views."""
    with open(os.path.join(FOLDER, "events.sql"), encoding="utf-8") as file:
        text = string.Template(file.read())
    for statement in split(text.substitute(events=events, gap_ns=gap_ns, more=more)):
        connection.execute(statement)
