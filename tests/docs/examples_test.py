#!/usr/bin/env python3
"""Runs the SQL examples of README.md and docs/sql/*.md; their form is described in README.md beside it."""
import argparse
import glob
import os
import re
import shutil
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "slt")]

import support  # noqa: E402
from support.forebay import Forebay  # noqa: E402
from wire import Wire  # noqa: E402

RETRY_S = 30
BLOCK = re.compile(r"^(?:<!-- *(?P<note>[^>]*?) *-->\s*\n)?```(?P<language>\w*)\n(?P<body>.*?)^```\s*$",
                   re.S | re.M)


class Wrong(Exception):
    """An example that answers something else; the text says what."""


def split_statements(body):
    """(statement, expected lines, line number) of a block: comment lines after a `;` are its answer."""
    statements = []
    sql, expected, started = [], [], 0
    for number, line in enumerate(body.split("\n")):
        if line.startswith("--") and not sql and statements:
            statements[-1][1].append(line[3:] if line.startswith("-- ") else line[2:])
        elif line.strip() and not (line.startswith("--") and not sql):
            if not sql:
                started = number
            sql.append(line)
            if re.search(r";\s*(--.*)?$", line):
                statements.append(("\n".join(sql), [], started))
                sql = []
    if sql:
        raise Wrong("a statement without ; at its end: " + " ".join(sql))
    return statements


def cells(line):
    return [cell.strip() for cell in line.split("|")]


def shown(answer):
    """What psql would show, as a list of comparable lines: notices, the error, or a table's cells."""
    lines = [line for notice in answer.notices for line in notice.split("\n")]
    if answer.error is not None:
        return lines + answer.error.split("\n")
    if answer.rows is not None:
        lines.append(answer.names)
        lines += [["" if value is None else value.strip() for value in row] for row in answer.rows]
    return lines


def wanted(expected):
    """The expected lines in the same form."""
    table = any(re.fullmatch(r"[-+]{2,}", line.strip()) for line in expected)
    lines = []
    for line in expected:
        if table and re.fullmatch(r"[-+]+|\(\d+ rows?\)", line.strip()):
            continue
        lines.append(cells(line) if table and not line.startswith("NOTICE") else line.rstrip())
    return lines


class Page:
    """One page on a server of its own."""

    def __init__(self, path, binary):
        self.path = path
        with open(path, encoding="utf-8") as page:
            self.text = page.read()
        self.has_files = "<!-- file " in self.text
        self.scratch = tempfile.mkdtemp(prefix="forebay-docs-")
        self.server = Forebay(program=binary)
        self.examples = 0

    def run(self):
        try:
            self.server.start()
            wire = Wire(self.server.conninfo())
            for block in BLOCK.finditer(self.text):
                line = self.text.count("\n", 0, block.start("body")) + 1
                note = block.group("note") or ""
                if note.startswith(("file /data/", "append /data/")):
                    kind, name = note.split(maxsplit=1)
                    with open(self.local(name), "w" if kind == "file" else "a", encoding="utf-8") as out:
                        out.write(block.group("body"))
                elif block.group("language") == "sql" and note != "not run":
                    self.run_block(wire, block.group("body"), line)
            wire.close()
        finally:
            self.server.close()
            shutil.rmtree(self.scratch, ignore_errors=True)

    def local(self, text):
        return text.replace("/data/", self.scratch + "/")

    def run_block(self, wire, body, first_line):
        for sql, expected, offset in split_statements(body):
            self.examples += 1
            end = time.monotonic() + (RETRY_S if self.has_files and expected else 0)
            while True:
                answer = wire.run(self.local(sql))
                actual, lines = shown(answer), wanted([self.local(line) for line in expected])
                if actual == lines or (not expected and answer.error is None and not answer.rows):
                    break
                if time.monotonic() >= end:
                    raise Wrong(f"{self.path}:{first_line + offset}: {sql}\n  wanted: "
                                + "\n          ".join(map(str, lines)) + "\n  answer: "
                                + "\n          ".join(map(str, actual)))
                time.sleep(0.05)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*")
    parser.add_argument("--binary", help="the program (default: FOREBAY_BINARY, or the newest build)")
    options = parser.parse_args()
    pages = options.pages or [os.path.join(support.ROOT, "README.md"),
                              *sorted(glob.glob(os.path.join(support.ROOT, "docs", "sql", "*.md")))]
    failures = 0
    for path in pages:
        page = Page(path, options.binary)
        name = os.path.relpath(path)
        try:
            page.run()
            print(f"ok   {name} ({page.examples} statements)", flush=True)
        except Exception as fault:  # a server that does not start fails its page, not the others
            failures += 1
            print(f"FAIL {name}\n{fault}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
