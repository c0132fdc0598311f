#!/usr/bin/env python3
"""Runs the sqllogictest files of this folder against Forebay. The file format is in README.md beside it.

    tests/slt/run.py [FILE|FOLDER ...] [--workers N] [--batch-rows N] [--set NAME=VALUE] [--jobs N]
                     [--tiny-memory] [--protocol extended] [--binary PROGRAM] [--server CONNINFO]
                     [--verify-with-postgres] [--rewrite]
"""
import argparse
import concurrent.futures
import difflib
import math
import os
import re
import shutil
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)

from engines import ForebayEngine, NotHere, PostgresEngine, RunningEngine, judge  # noqa: E402
from script import ScriptError, is_marked_same, is_simple_only, parse  # noqa: E402
from wire import ConnectionLost, Wire  # noqa: E402

RETRY_S = 30
SORTS = ("nosort", "rowsort", "valuesort")
QUERY_OPTIONS = SORTS + ("retry", "names")


class Mismatch(Exception):
    """A step whose answer is not the expected one; the text says how."""


def show_value(value):
    """A value as the files write it."""
    if value is None:
        return "NULL"
    if value == "":
        return "(empty)"
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def show_row(values):
    """A row as the files write it: two blanks between values; a tab where blanks would mislead."""
    shown = [show_value(value) for value in values]
    if len(shown) == 1:
        return shown[0]
    odd = any("  " in value or value != value.strip(" ") for value in shown)
    return ("\t" if odd else "  ").join(shown)


def read_row(line, columns):
    """The shown values of an expected line."""
    if columns == 1:
        return [line]
    return line.split("\t") if "\t" in line else re.split(r" {2,}", line)


def same_value(kind, expected, actual):
    if expected == actual:
        return True
    if kind != "R":
        return False
    try:
        return math.isclose(float(expected), float(actual), rel_tol=1e-9, abs_tol=1e-12)
    except ValueError:
        return False


class Run:
    """One script on one engine. `mend`: write down the answers instead of comparing them."""

    def __init__(self, path, engine, protocol, mend):
        self.path = path
        self.engine = engine
        self.protocol = protocol
        self.mend = mend
        self.mended = []
        self.steps = 0
        self.scratch = tempfile.mkdtemp(prefix="forebay-slt-")
        os.chmod(self.scratch, 0o755)
        self.variables = {"dir": self.scratch}
        self.connections = {}
        self.connection = "default"

    def close(self):
        for wire in self.connections.values():
            wire.close()
        self.engine.close()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def residency(self):
        """How often state tables evicted and read back, of the objects that are there at the end."""
        wire = Wire(self.engine.conninfo())
        try:
            answer = wire.run("SELECT coalesce(sum(evictions), 0), coalesce(sum(read_backs), 0) FROM forebay.operators")
            return [int(value) for value in answer.rows[0]]
        finally:
            wire.close()

    def expand(self, text):
        def value(match):
            if match.group(1) not in self.variables:
                raise Mismatch(f"no variable {match.group(0)} (let {match.group(1)} ...)")
            return self.variables[match.group(1)]
        return re.sub(r"\$\{(\w+)\}", value, text)

    def hide_variables(self, text):
        """The scratch folder's name differs from run to run, so expected texts say ${dir}."""
        return text.replace(self.scratch, "${dir}")

    def wire(self):
        if self.connection not in self.connections:
            self.connections[self.connection] = Wire(self.engine.conninfo(), self.protocol)
        return self.connections[self.connection]

    def ask(self, sql):
        answer = self.wire().run(self.engine.rewrite(sql))
        if answer.error is not None:
            answer.error = self.hide_variables(answer.error)
        answer.notices = [self.hide_variables(notice) for notice in answer.notices]
        return answer

    def all_records(self):
        """Runs the script; Mismatch, ConnectionLost or ScriptError at the first step that fails."""
        for record in parse(self.path):
            if not record.runs_on(self.engine.name):
                continue
            if record.kind == "halt":
                return
            self.steps += 1
            try:
                getattr(self, "do_" + record.kind)(record)
            except (Mismatch, AssertionError, NotHere) as error:
                raise Mismatch(f"{record.place}: {error}") from None
            except ConnectionLost as error:
                sql = f"\n{record.sql}" if record.sql else ""
                raise Mismatch(f"{record.place}: connection lost: {error}{self.engine.why()}{sql}") from None

    def do_let(self, record):
        self.variables[record.words[0]] = self.expand(" ".join(record.words[1:]))

    def do_connection(self, record):
        self.connection = record.words[0]

    def do_file(self, record, mode="w"):
        with open(os.path.join(self.scratch, record.words[0]), mode, encoding="utf-8") as out:
            out.write(self.expand(record.body))

    def do_append(self, record):
        self.do_file(record, "a")

    def do_restart(self, record, with_kill=False):
        workers, settings = None, {}
        words = list(record.words)
        while words:
            word = words.pop(0)
            if word == "workers" and words:
                workers = int(words.pop(0))
            elif word == "set" and words:
                name, _, value = words.pop(0).partition("=")
                settings[name] = value
            else:
                raise Mismatch(f"{record.kind} takes [workers N] [set NAME=VALUE], not {word}")
        for wire in self.connections.values():
            wire.close()
        self.connections.clear()
        self.engine.restart(workers, settings, with_kill)

    def do_kill(self, record):
        self.do_restart(record, with_kill=True)

    def do_statement(self, record):
        sql = self.expand(record.sql)
        what = record.words[0] if record.words else ""
        if what not in ("ok", "error", "notice"):
            raise Mismatch(f"statement ok, error or notice, not {what!r}")
        answer = self.ask(sql)
        if what == "error":
            if answer.error is None:
                raise Mismatch(f"should fail, but succeeded ({answer.tag})\n{sql}")
            self.compare_text(record, answer.error.split("\n"))
            return
        if answer.error is not None:
            raise Mismatch(f"failed\n{sql}\n{answer.error}")
        tag = " ".join(record.words[1:])
        if tag and tag != answer.tag and self.engine.name == "forebay":
            raise Mismatch(f"answered {answer.tag!r} instead of {tag!r}\n{sql}")
        if what == "notice":
            self.compare_text(record, [line for notice in answer.notices for line in notice.split("\n")])

    def do_query(self, record):
        if not record.words or not re.fullmatch("[TIRB]+", record.words[0]):
            raise Mismatch("query needs the columns' types first: T, I, R or B for each")
        kinds, options = record.words[0], record.words[1:]
        if any(option not in QUERY_OPTIONS for option in options):
            raise Mismatch(f"query takes {', '.join(QUERY_OPTIONS)}, not {' '.join(options)}")
        sql = self.expand(record.sql)
        end = time.monotonic() + (RETRY_S if "retry" in options else 0)
        last, since = None, time.monotonic()
        while True:
            answer = self.ask(sql)
            # What is to be written down with retry is what the answer stays at.
            if self.mend and "retry" in options and (answer.rows != last or time.monotonic() < since + 1):
                since = since if answer.rows == last else time.monotonic()
                last = answer.rows
                time.sleep(0.05)
                continue
            if answer.error is not None:
                raise Mismatch(f"failed\n{sql}\n{answer.error}")
            if answer.rows is None:
                raise Mismatch(f"answered {answer.tag!r} without rows\n{sql}")
            try:
                self.compare_rows(record, kinds, options, answer)
                return
            except Mismatch:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def compare_text(self, record, actual):
        expected = record.expected or []
        if self.mend:
            self.mended.append((record, actual))
            return
        if self.engine.name == "postgres":  # The hints are our own.
            actual, expected = ([line for line in lines if not line.startswith("HINT:")]
                                for lines in (actual, expected))
        if actual != expected:
            raise Mismatch(self.difference(record, expected, actual))

    def compare_rows(self, record, kinds, options, answer):
        if len(answer.names) != len(kinds):
            raise Mismatch(f"{len(answer.names)} columns ({', '.join(answer.names)}), not {len(kinds)}\n"
                           + record.sql)
        rows = [[self.hide_variables(v) if v else v for v in row] for row in answer.rows]
        header = [show_row(answer.names)] if "names" in options else []
        if "valuesort" in options:
            actual = sorted(show_value(value) for row in rows for value in row)
        else:
            actual = [show_row(row) for row in rows]
            if "rowsort" in options:
                actual.sort()
        actual = header + actual
        if self.mend:
            self.mended.append((record, actual))
            return
        expected = record.expected
        if expected is None:
            raise Mismatch("a query needs ---- and its rows")
        if "rowsort" in options or "valuesort" in options:
            expected = expected[:len(header)] + sorted(expected[len(header):])
        columns = 1 if "valuesort" in options else len(kinds)
        types = "T" if "valuesort" in options else kinds
        if len(actual) == len(expected) and all(
                self.same_row(types, columns, left, right) for left, right in zip(expected, actual)):
            return
        raise Mismatch(self.difference(record, expected, actual))

    @staticmethod
    def same_row(kinds, columns, expected, actual):
        left, right = read_row(expected, columns), read_row(actual, columns)
        return len(left) == len(right) == columns and all(map(same_value, kinds, left, right))

    @staticmethod
    def difference(record, expected, actual):
        diff = difflib.unified_diff(expected, actual, "expected", "actual", lineterm="", n=3)
        return record.sql + "\n" + "\n".join(diff)

    def write_mended(self):
        """Puts the answers where the expectations were, from the end of each file to its start."""
        by_path = {}
        for record, actual in self.mended:
            by_path.setdefault(record.path, {})[record.first] = (record, actual)
        for path, records in by_path.items():
            with open(path, encoding="utf-8") as old:
                lines = old.read().split("\n")
            for _, (record, actual) in sorted(records.items(), reverse=True):
                start = record.expected_at if record.expected_at is not None else record.last
                lines[start:record.last] = ["----"] + actual
            with open(path, "w", encoding="utf-8") as new:
                new.write("\n".join(lines))


def find_scripts(paths):
    found = []
    for path in paths or [HERE]:
        if os.path.isdir(path):
            for folder, _, names in os.walk(path):
                found += [os.path.join(folder, name) for name in names if name.endswith(".slt")]
        else:
            found.append(path)
    return sorted(found)


def run_script(path, make_engine, options):
    """(failure text or None, steps, seconds) of one script."""
    started = time.monotonic()
    run = None
    failure = None
    try:
        run = Run(path, make_engine(path), options.protocol, options.rewrite)
        run.all_records()
        if options.rewrite:
            run.write_mended()
        if options.tiny_memory:
            counts = run.residency()
            for place in range(2):
                options.residency[place] += counts[place]
    except (Mismatch, ScriptError) as error:
        failure = str(error)
    except Exception as error:  # a server that does not start, or a fault of this runner
        failure = f"{os.path.relpath(path)}: {type(error).__name__}: {error}"
    finally:
        if run:
            run.close()
    return failure, run.steps if run else 0, time.monotonic() - started


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("paths", nargs="*", help="files, or folders with .slt files (default: all)")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--batch-rows", type=int)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--tiny-memory", action="store_true",
                        help="no state that may leave stays resident; something must be evicted and read back")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="scripts at the same time")
    parser.add_argument("--protocol", choices=("simple", "extended"), default="simple")
    parser.add_argument("--binary", help="the program (default: FOREBAY_BINARY, or the newest build)")
    parser.add_argument("--server", metavar="CONNINFO", help="run on this server (libpq's conninfo)")
    parser.add_argument("--verify-with-postgres", action="store_true",
                        help="run the scripts marked `# postgres: same` on PostgreSQL 15")
    parser.add_argument("--rewrite", action="store_true", help="write the answers into the scripts")
    options = parser.parse_args()
    options.residency = [0, 0]
    return options


def engine_maker(options, postgres):
    """A function from a script's path to a new engine for it."""
    settings = dict(setting.split("=", 1) for setting in options.set)
    if options.batch_rows:
        settings["batch_rows"] = str(options.batch_rows)
    if options.tiny_memory:
        settings["hot_tier_bytes"] = "1"
    if postgres:
        return lambda path: PostgresEngine(postgres, re.sub(r"\W", "_", os.path.relpath(path, HERE))[-60:])
    if options.server:
        return lambda path: RunningEngine(options.server, "forebay")
    return lambda path: ForebayEngine(options.binary, options.workers, settings)


def run_all(scripts, make_engine, options):
    """Runs and reports; the number of scripts that failed."""
    failures = 0
    jobs = 1 if options.server else options.jobs
    with concurrent.futures.ThreadPoolExecutor(max_workers=jobs) as pool:
        runs = {pool.submit(run_script, path, make_engine, options): path for path in scripts}
        for done in concurrent.futures.as_completed(runs):
            failure, steps, seconds = done.result()
            name = os.path.relpath(runs[done], HERE)
            print(f"{'FAIL' if failure else 'ok  '} {name} ({steps} steps, {seconds:.1f} s)", flush=True)
            if failure:
                failures += 1
                print("     " + failure.replace("\n", "\n     "), flush=True)
    return failures


def main():
    options = parse_arguments()
    scripts = find_scripts(options.paths)
    if options.verify_with_postgres:
        scripts = [path for path in scripts if is_marked_same(path)]
    if options.protocol == "extended":
        scripts = [path for path in scripts if not is_simple_only(path)]
    if not scripts:
        print("slt: no scripts")
        return 0 if options.verify_with_postgres else 1
    if options.verify_with_postgres:
        with judge() as postgres:
            failures = run_all(scripts, engine_maker(options, postgres), options)
    else:
        failures = run_all(scripts, engine_maker(options, None), options)
    if options.tiny_memory:
        print("tiny memory: {} evictions, {} read-backs".format(*options.residency))
        if 0 in options.residency:
            failures = max(failures, 1)
    print(f"slt: {len(scripts) - failures} of {len(scripts)} scripts passed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
