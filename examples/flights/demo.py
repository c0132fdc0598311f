#!/usr/bin/env python3
"""Replays the departures of 2013 into Forebay and shows the views over them (scripts/demo runs it).

    --once          as fast as it goes; prints the last answers and ends
    --speed N       seconds of 2013 in one second (default 7200: two hours)
    --for SECONDS   ends by itself after that time
    --fresh         forgets what earlier runs have kept
    --kafka         from the topics of a Kafka broker, which is started and ends with the demo (implies --fresh)
"""
import argparse
import os
import shutil
import signal
import sys
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(FOLDER))
sys.path[:0] = [FOLDER, os.path.join(ROOT, ".deps", "python")]

import psycopg  # noqa: E402

from prepare import prepare  # noqa: E402
from screen import Screen  # noqa: E402
from server import Server, ServerFailed  # noqa: E402

FRAME_S = 0.5
STALL_S = 120


class Stopped(Exception):
    """Ctrl-C or SIGTERM."""


def raise_stopped(*_):
    raise Stopped


def count_records(folder):
    """Source -> number of its records, counted in the files."""
    counts = {}
    for name in os.listdir(folder):
        source, kind = os.path.splitext(name)
        if kind in (".jsonl", ".csv"):
            with open(os.path.join(folder, name), "rb") as lines:
                counts[source] = sum(1 for _ in lines) - (kind == ".csv")
    return counts


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], prog="scripts/demo")
    parser.add_argument("--once", action="store_true",
                        help="replay as fast as it goes, print the last answers, end")
    parser.add_argument("--speed", default=None, help="seconds of 2013 in one second (default 7200), or max")
    parser.add_argument("--for", dest="seconds", type=float, help="end by itself after so many seconds")
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs have kept")
    parser.add_argument("--kafka", action="store_true", help="from the topics of a Kafka broker")
    parser.add_argument("--workers", type=int, help="worker threads of the server (default: its own)")
    parser.add_argument("--data", help="the server's directory (default: one per speed in .deps/demo)")
    parser.add_argument("--binary", default=os.path.join(ROOT, "build", "release", "forebay"))
    return parser.parse_args()


class Demo:
    """One server, one replay."""

    def __init__(self, options):
        self.options = options
        self.speed = options.speed or ("max" if options.once else "7200")
        self.folder = prepare(os.path.join(ROOT, ".deps", "flights"))
        self.expected = count_records(self.folder)
        name = f"speed-{self.speed}" + ("-kafka" if options.kafka else "")
        data = options.data or os.path.join(ROOT, ".deps", "demo", name)
        if options.fresh or options.kafka:
            shutil.rmtree(data, ignore_errors=True)
        self.server = Server(options.binary, os.path.abspath(data), options.workers)
        self.connection = None
        self.topics = None
        if options.kafka:
            from topics import Topics
            self.topics = Topics(self.folder, self.speed)

    def start(self):
        broker = self.topics.start() if self.topics else None
        self.server.start()
        if broker:
            self.server.psql("-v", f"broker={broker}", "-f", os.path.join(FOLDER, "topics.sql"))
        self.server.psql("-v", f"folder={self.folder}", "-v", f"speed={self.speed}",
                         "-f", os.path.join(FOLDER, "job.sql"))

    def ask(self, sql):
        """Names and rows of a query."""
        if self.connection is None:
            self.connection = self.server.connect()
        cursor = self.connection.execute(sql)
        return [column.name for column in cursor.description], cursor.fetchall()

    def progress(self):
        """Source -> (records, clock)."""
        return {source: (records, clock) for source, records, clock in
                self.ask("SELECT source, records, clock FROM progress")[1]}

    def all_in(self, progress):
        """True when every record has arrived; ServerFailed when there are more than were written."""
        for source, expected in self.expected.items():
            records = progress.get(source, (0, None))[0]
            if records > expected:
                raise ServerFailed(f"{source} has {records} records, but the file only {expected}")
            if records < expected:
                return False
        return True

    def once(self):
        """Waits for all records and prints the last answers."""
        moved, before = time.monotonic(), None
        while not self.all_in(progress := self.progress()):
            if progress != before:
                moved, before = time.monotonic(), progress
            if time.monotonic() - moved > STALL_S:
                raise ServerFailed(f"nothing has moved for {STALL_S} s: {progress}\n{self.complaints()}")
            time.sleep(0.1)
        # Each view reads its sources by itself: wait until the last of them has come to the end.
        while self.ask("SELECT count(*) FROM forebay.sources WHERE lag IS NULL OR lag > 0")[1][0][0]:
            time.sleep(0.1)
        self.connection.execute("FLUSH")
        folder = os.path.join(FOLDER, "queries")
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as query:
                print(query.readline().removeprefix("-- ").strip() + "\n")
            print(self.server.psql("-P", "null=-", "-f", path), end="", flush=True)

    def complaints(self):
        """What the server itself says about its sources."""
        try:
            return self.server.psql("-c", "SELECT * FROM forebay.sources",
                                    "-c", "SELECT * FROM forebay.errors LIMIT 5")
        except ServerFailed as error:
            return str(error)

    def live(self):
        """Draws the views until Ctrl-C, SIGTERM or --for; a server that was killed is started again."""
        screen = Screen(self.server.psql_line(), self.speed, self.expected["flights"])
        end = time.monotonic() + self.options.seconds if self.options.seconds else None
        while end is None or time.monotonic() < end:
            try:
                progress = self.progress()
                tables = {view: self.ask(sql) for view, sql in Screen.QUERIES.items()}
                screen.draw(progress.get("flights", (0, None)), tables)
            except psycopg.OperationalError:
                self.connection = None
                if not self.server.running():
                    screen.say("the server was killed: starting it again on the same directory")
                    self.server.start()
            time.sleep(FRAME_S)

    def run(self):
        """The exit status."""
        try:
            self.start()
            if self.options.once:
                self.once()
            else:
                self.live()
        except Stopped:
            if self.options.once:
                raise
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            if self.connection is not None:
                self.connection.close()
            status = self.server.stop() if self.server.process is not None else 0
            if self.topics:
                self.topics.stop()
        if status != 0:
            raise ServerFailed(self.server.why())
        if not self.options.once and not self.topics:
            print("\nStopped. What was read is kept: run it again, and it goes on from here (--fresh forgets it).")
        return 0


def main():
    signal.signal(signal.SIGINT, raise_stopped)
    signal.signal(signal.SIGTERM, raise_stopped)
    try:
        return Demo(parse_arguments()).run()
    except Stopped:
        return 130
    except (ServerFailed, psycopg.Error) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
