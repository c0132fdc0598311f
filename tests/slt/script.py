"""Parses the sqllogictest files of this folder; the format is described in README.md beside it."""
import dataclasses
import os

_HEADS = ("statement", "query")
_BARE = ("restart", "kill", "include", "let", "connection", "skipif", "onlyif", "halt")
_BLOCKS = ("file", "append")


class ScriptError(Exception):
    """A file that can't be read as a script; the text begins with file:line."""


@dataclasses.dataclass
class Record:
    """One step of a script.

    kind: statement, query, restart, kill, let, connection, halt, file, append; words: what follows it on
    its line; sql: without the trailing blank line; expected: the lines after ----, or None; only/skip:
    the engines of onlyif and skipif; first..last: its lines in `path`, counted from 0, last excluded;
    expected_at: the line of ----, or None.
    """
    kind: str
    words: list
    path: str
    first: int
    last: int = 0
    sql: str = ""
    body: str = ""
    expected: list = None
    expected_at: int = None
    skip: set = dataclasses.field(default_factory=set)
    only: set = dataclasses.field(default_factory=set)

    @property
    def place(self):
        return f"{os.path.relpath(self.path)}:{self.first + 1}"

    def runs_on(self, engine):
        return engine not in self.skip and (not self.only or engine in self.only)


def is_marked(path, mark):
    """True when the comments at the top of the file hold this line."""
    with open(path, encoding="utf-8") as script:
        for line in script:
            if not line.startswith("#"):
                return False
            if line.strip() == mark:
                return True
    return False


def is_marked_same(path):
    """True when the file says `# postgres: same`: PostgreSQL gives the same answers."""
    return is_marked(path, "# postgres: same")


def is_simple_only(path):
    """True when the file says `# protocol: simple`: it sends several statements in one string."""
    return is_marked(path, "# protocol: simple")


def parse(path):
    """The records of a file, those of included files in their place."""
    with open(path, encoding="utf-8") as script:
        lines = script.read().split("\n")
    records = []
    at = 0
    skip, only = set(), set()
    while at < len(lines):
        words = lines[at].split()
        if not words or words[0].startswith("#"):
            at += 1
            continue
        kind = words[0]
        record = Record(kind, words[1:], path, at, skip=skip, only=only)
        if kind in ("skipif", "onlyif"):
            (skip if kind == "skipif" else only).update(words[1:])
            at += 1
            continue
        if kind in _HEADS:
            at = _parse_sql(lines, at, record)
        elif kind in _BLOCKS:
            at = _parse_block(lines, at, record)
        elif kind in _BARE:
            at += 1
        else:
            raise ScriptError(f"{record.place}: no such directive: {lines[at]}")
        record.last = at
        skip, only = set(), set()
        if kind == "include":
            records += parse(os.path.join(os.path.dirname(path), record.words[0]))
        else:
            records.append(record)
    return records


def _parse_sql(lines, at, record):
    """Fills sql and expected from the lines after `at`; the line after the record."""
    at += 1
    sql = []
    while at < len(lines) and lines[at] != "" and lines[at] != "----":
        sql.append(lines[at])
        at += 1
    record.sql = "\n".join(sql)
    if not sql:
        raise ScriptError(f"{record.place}: a {record.kind} without SQL")
    if at < len(lines) and lines[at] == "----":
        record.expected_at = at
        at += 1
        record.expected = []
        while at < len(lines) and lines[at] != "":
            record.expected.append(lines[at])
            at += 1
    return at


def _parse_block(lines, at, record):
    """Fills body with the lines up to ----; the line after it."""
    at += 1
    body = []
    while at < len(lines) and lines[at] != "----":
        body.append(lines[at])
        at += 1
    if at == len(lines):
        raise ScriptError(f"{record.place}: the block does not end with ----")
    record.body = "".join(line + "\n" for line in body)
    return at + 1
