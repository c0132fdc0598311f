"""What the machine does to a server: a full disk, a slow one, no memory, no file descriptors."""
import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.forebay import Forebay, sanitized
from support.processes import wait_until
import psycopg


def mount(folder, size, *options):
    return subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join((f"size={size}", *options)), "forebay", folder],
                          capture_output=True, check=False).returncode == 0


class FullDisk(unittest.TestCase):
    """A table and a view of it on a disk that becomes full and gets space again."""

    ROWS = 2000

    def start(self, server):
        self.server = server.start()
        self.addCleanup(self.server.close)
        self.connection = self.server.connect()
        self.addCleanup(self.connection.close)
        self.connection.execute("CREATE TABLE t (batch int, n int, filler text, PRIMARY KEY (batch, n))")
        self.connection.execute("CREATE MATERIALIZED VIEW v AS SELECT batch, count(*) AS n FROM t GROUP BY batch")
        self.batches = set()

    def insert(self, batch):
        """Random texts, which can't be compressed; True when it was accepted, False: no space."""
        try:
            self.connection.execute(
                "INSERT INTO t SELECT %s, n, sha256((n * 1000 + %s)::text::bytea)::text || md5((n + %s)::text) "
                f"FROM generate_series(1, {self.ROWS}) n", (batch, batch, batch * 7))
        except psycopg.errors.DiskFull:
            return False
        self.batches.add(batch)
        return True

    def check(self):
        expected = [(batch, self.ROWS) for batch in sorted(self.batches)]
        self.assertEqual(self.connection.execute("SELECT * FROM v ORDER BY batch").fetchall(), expected)
        self.assertEqual(self.connection.execute("SELECT batch, count(*) FROM t GROUP BY batch ORDER BY batch").fetchall(),
                         expected)

    def fill(self):
        for batch in range(10_000):
            if not self.insert(batch):
                return batch
        return self.fail("the disk was never full")

    def wait_until_it_writes(self, batch):
        wait_until(lambda: self.insert(batch), 60, "writing to go on")

    def test_a_small_disk(self):
        folder = tempfile.mkdtemp(prefix="forebay-disk-")
        self.addCleanup(os.rmdir, folder)
        if not mount(folder, "48m"):
            return self.run_by_fail_points()
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=True)
        self.start(Forebay(data=os.path.join(folder, "data"), workers=2, arguments=["--memory", "256MB"]))
        batch = self.fill()
        for _ in range(3):
            self.assertFalse(self.insert(batch))
            self.check()
        with self.assertRaises(psycopg.errors.DiskFull):
            self.connection.execute("CREATE TABLE t2 (a int)")
        status, reason = self.connection.execute("SELECT status, reason FROM forebay.pipelines").fetchone()
        self.assertEqual(status, "failed")
        self.assertIn("space", reason)
        self.assertTrue(mount(folder, "400m", "remount"))
        self.wait_until_it_writes(batch)
        self.check()
        self.connection.execute("CREATE TABLE t2 (a int)")
        for more in range(batch + 1, batch + 20):
            self.assertTrue(self.insert(more))
        self.check()
        self.connection.close()
        self.server.restart(with_kill=True)
        self.connection = self.server.connect()
        self.addCleanup(self.connection.close)
        self.check()

    def run_by_fail_points(self):
        """Without the right to mount: the disk says that it is full."""
        self.start(Forebay(workers=2, env={"FOREBAY_FAILPOINTS": "commit.no_space=error@9,resume.no_space=error@1"}))
        batch = self.fill()
        self.check()
        self.wait_until_it_writes(batch)
        self.check()

    def test_by_fail_points(self):
        self.run_by_fail_points()

    def test_killed_while_it_goes_on(self):
        for name in ("resume.no_space", "resume.before_open"):
            with self.subTest(name):
                self.start(Forebay(workers=2, env={"FOREBAY_FAILPOINTS": f"commit.no_space=error@9,{name}=crash@1"}))
                self.fill()
                self.server.process.wait(60)
                self.connection.close()
                self.server.env = {}
                self.server.start()
                self.connection = self.server.connect()
                self.addCleanup(self.connection.close)
                self.check()
                self.assertTrue(self.insert(10_000))
                self.check()
                self.server.close()


class SlowDisk(unittest.TestCase):
    def test_every_commit_takes_half_a_second(self):
        with Forebay(workers=2, env={"FOREBAY_FAILPOINTS": "commit.before_write=delay500"}) as server, \
                contextlib.closing(server.connect()) as reader:
            reader.execute("CREATE TABLE t (a int PRIMARY KEY)")
            reader.execute("CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n, sum(a) AS s FROM t")

            def write(first):
                with server.connect() as writer:
                    for a in range(first, first + 3):
                        writer.execute("INSERT INTO t VALUES (%s)", (a,))

            writers = [threading.Thread(target=write, args=(1 + 3 * i,)) for i in range(4)]
            for writer in writers:
                writer.start()
            slowest = 0
            while any(writer.is_alive() for writer in writers):
                begin = time.monotonic()
                reader.execute("SELECT * FROM v").fetchone()
                slowest = max(slowest, time.monotonic() - begin)
            for writer in writers:
                writer.join()
            self.assertLess(slowest, 0.4)  # reads wait for no commit
            self.assertEqual(reader.execute("SELECT * FROM v").fetchone(), (12, 78))
            self.assertGreaterEqual(reader.execute("SELECT max(commit_ms) FROM forebay.pipelines").fetchone()[0], 400)


class FileDescriptors(unittest.TestCase):
    def test_too_many_connections_for_the_limit(self):
        server = Forebay(workers=1)
        server.program = self.with_limit(server, 400)
        with server:
            with contextlib.ExitStack() as stack:
                connection = stack.enter_context(server.connect())
                connection.execute("CREATE TABLE t (a int)")
                others = []
                with self.assertRaisesRegex(psycopg.OperationalError, "too many clients"):
                    for _ in range(400):
                        others.append(stack.enter_context(server.connect()))
                self.assertGreater(len(others), 50)
                for a in range(100):  # the store has what it needs
                    connection.execute("INSERT INTO t VALUES (%s)", (a,))
                for other in others[:5]:
                    other.close()
                wait_until(lambda: self.connects(server), 10, "room for a client")
                self.assertEqual(connection.execute("SELECT count(*) FROM t").fetchone(), (100,))

    def with_limit(self, server, limit):
        """The program behind a script that sets the limit."""
        path = os.path.join(os.path.dirname(server.log_path), "limited")
        with open(path, "w", encoding="utf-8") as script:
            script.write(f'#!/bin/sh\nulimit -n {limit}\nexec "{server.program}" "$@"\n')
        os.chmod(path, 0o755)
        return path

    @staticmethod
    def connects(server):
        try:
            server.connect().close()
        except psycopg.OperationalError:
            return False
        return True


@unittest.skipIf(sanitized(), "a sanitizer's build takes the address space for itself")
class Memory(unittest.TestCase):
    def test_queries_end_and_the_server_does_not(self):
        with Forebay(workers=2, arguments=["--memory", "64GB"]) as server, \
                contextlib.closing(server.connect()) as connection:
            connection.execute("CREATE TABLE t (a int PRIMARY KEY)")
            connection.execute("INSERT INTO t SELECT generate_series(1, 1000)")
            self.limit(server, 400 << 20)
            for statement in ("SELECT array_agg(a) FROM generate_series(1, 200000000) a",
                              "SELECT string_agg(repeat('x', 1000), ',') FROM generate_series(1, 600000) a",
                              "SELECT a FROM generate_series(1, 200000000) a ORDER BY a DESC",
                              "SELECT DISTINCT a FROM generate_series(1, 200000000) a"):
                with self.subTest(statement):
                    with self.assertRaises(psycopg.errors.OutOfMemory):
                        connection.execute(statement)
                    self.assertEqual(connection.execute("SELECT count(*) FROM t").fetchone(), (1000,))
            connection.execute("INSERT INTO t VALUES (1001)")
            self.assertEqual(connection.execute("SELECT count(*) FROM t").fetchone(), (1001,))

    @staticmethod
    def limit(server, more):
        """Leaves the process `more` bytes of address space above what it has."""
        with open(f"/proc/{server.pid}/statm", encoding="utf-8") as sizes:
            now = int(sizes.read().split()[0]) * resource.getpagesize()
        resource.prlimit(server.pid, resource.RLIMIT_AS, (now + more, now + more))


if __name__ == "__main__":
    unittest.main(verbosity=2)
