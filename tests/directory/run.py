#!/usr/bin/env python3
"""Tampers with data directories; a server is refused or answers right. README.md beside it says more.

    tests/directory/run.py [--binary PROGRAM]
"""
import argparse
import os
import re
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..")]
from support.forebay import Forebay, ServerEnded  # noqa: E402
import psycopg  # noqa: E402

ROWS = 60_000  # more than the changes from which on an epoch is written as sorted files
QUESTION = "SELECT count(*), sum(id), sum(x) FROM t"
VIEW_QUESTION = "SELECT sum(n), sum(total) FROM v"
NOT_DATA = ("LOG", "LOCK", "OPTIONS", "IDENTITY")


class Wrong(Exception):
    """A touched directory was taken, and an answer was wrong."""


def fill(program, data, factor, with_kill):
    """A directory with a table and a view over it, left by SIGTERM or, its last epochs in the log only, by
    kill -9; the answers."""
    with Forebay(program=program, data=data) as server:
        with server.connect() as connection:
            connection.execute("CREATE TABLE t (id int PRIMARY KEY, x bigint)")
            connection.execute("CREATE MATERIALIZED VIEW v AS "
                               "SELECT id % 100 AS k, count(*) AS n, sum(x) AS total FROM t GROUP BY id % 100")
            digits = "(VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9))"
            connection.execute(
                f"INSERT INTO t SELECT id, id * {factor} FROM (SELECT a.x + 10 * b.x + 100 * c.x + 1000 * d.x"
                f" + 10000 * e.x AS id FROM {digits} a(x), {digits} b(x), {digits} c(x), {digits} d(x),"
                f" {digits} e(x)) q WHERE id < {ROWS}")
            for least in range(25):  # small epochs: after some of them commits go to the log
                connection.execute(f"UPDATE t SET x = x + 1 WHERE id BETWEEN {least} AND 100")
            answers = ask(connection)
        if with_kill:
            server.kill()
        return answers


def ask(connection):
    return (connection.execute(QUESTION).fetchone(), connection.execute(VIEW_QUESTION).fetchone())


def start_and_ask(program, data):
    """(answers, None), or (None, why it was refused)."""
    server = Forebay(program=program, data=data)
    try:
        server.start()
        with server.connect() as connection:
            return ask(connection), None
    except ServerEnded as ended:
        return None, str(ended).strip().split("\n")[-1]
    except psycopg.Error as error:
        return None, f"{error.sqlstate}: {error}"
    finally:
        server.close()


def short(refusal):
    """A refusal's reason without time, level and paths."""
    text = re.sub(r"^.*cannot open [^:]*: ", "", refusal)
    return re.sub(r'"?/tmp/[^ "]*/(copy|one)"?', "DIR", text)[:160]


def data_files(folder):
    """Paths of the files with contents, from `folder`."""
    found = []
    for base, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(base, name)
            if not name.startswith(NOT_DATA) and os.path.getsize(path) > 0:
                found.append(os.path.relpath(path, folder))
    return sorted(found)


def kind(path):
    name = os.path.basename(path)
    return os.path.splitext(name)[1] or name.split("-")[0]


class Bench:
    """Two filled directories and a scratch copy of the first."""

    def __init__(self, program, folder, with_kill):
        self.program = program
        os.mkdir(folder)
        self.one, self.other = os.path.join(folder, "one"), os.path.join(folder, "other")
        self.copy = os.path.join(folder, "copy")
        self.answers = fill(program, self.one, 1, with_kill)
        fill(program, self.other, 7, with_kill)
        self.refused = self.taken = self.went_back = 0

    def is_an_earlier_epoch(self, answers):
        """Whole and consistent, but before the last: what the newest log's loss comes to."""
        (count, _, total), (seen, seen_total) = answers
        return count == seen == ROWS and total == seen_total <= self.answers[0][2]

    def try_with(self, what, tamper, may_go_back):
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(self.one, self.copy)
        tamper(self.copy)
        answers, refusal = start_and_ask(self.program, self.copy)
        if refusal is not None:
            self.refused += 1
            if not refusal.strip():
                raise Wrong(f"{what}: refused without a word")
        elif answers != self.answers and may_go_back and self.is_an_earlier_epoch(answers):
            self.went_back += 1
            refusal = "taken, at an earlier epoch"
        elif answers != self.answers:
            raise Wrong(f"{what}: answered {answers} instead of {self.answers}")
        else:
            self.taken += 1
        print(f"  {what}: {short(refusal) if refusal else 'taken, and right'}", flush=True)


def remove(path):
    return lambda copy: os.remove(os.path.join(copy, path))


def replace(path, by):
    return lambda copy: shutil.copyfile(by, os.path.join(copy, path))


def flip(path):
    def do(copy):
        with open(os.path.join(copy, path), "r+b") as file:
            at = os.path.getsize(os.path.join(copy, path)) // 2
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 0x10]))
    return do


def check_files(bench):
    others = {}
    for path in data_files(bench.other):
        others.setdefault(kind(path), os.path.join(bench.other, path))
    for path in data_files(bench.one):
        newest_log = path.endswith(".log")
        bench.try_with(f"{path} removed", remove(path), newest_log)
        bench.try_with(f"a bit of {path} flipped", flip(path), newest_log)
        by = os.path.join(bench.other, path)
        by = by if os.path.exists(by) else others.get(kind(path))
        if by is not None and os.path.basename(path) != "CURRENT":
            bench.try_with(f"{path} from another directory", replace(path, by), newest_log)
    if bench.refused == 0:
        raise Wrong("nothing was refused: the test doesn't reach the files")


def check_second_server(bench):
    with Forebay(program=bench.program, data=bench.one):
        answers, refusal = start_and_ask(bench.program, bench.one)
        if refusal is None:
            raise Wrong(f"a second server on a directory in use answered {answers}")
        print(f"  second server: {short(refusal)}")


def check_older_copy(bench):
    shutil.rmtree(bench.copy, ignore_errors=True)
    shutil.copytree(bench.one, bench.copy)
    with Forebay(program=bench.program, data=bench.one) as server:
        server.execute("DELETE FROM t WHERE id >= 10")
    shutil.rmtree(bench.one)
    shutil.copytree(bench.copy, bench.one)
    answers, refusal = start_and_ask(bench.program, bench.one)
    if answers != bench.answers:
        raise Wrong(f"an older copy put back: {refusal or answers}, not {bench.answers}")
    print("  an older copy put back: as it was then")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="forebay-directory-")
    try:
        for ending, with_kill in (("SIGTERM", False), ("kill -9", True)):
            print(f"after {ending}", flush=True)
            bench = Bench(options.binary, os.path.join(folder, ending), with_kill)
            check_files(bench)
            check_second_server(bench)
            check_older_copy(bench)
            print(f"directory: {bench.refused} refused, {bench.taken} taken and right, "
                  f"{bench.went_back} at an earlier epoch")
        return 0
    except Wrong as wrong:
        print(f"FAIL {wrong}")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
