"""The program itself: serve, run, version."""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.forebay import Forebay, binary
from support.processes import die_with_parent
import psycopg


def run(*arguments, **options):
    return subprocess.run([binary(), *arguments], capture_output=True, text=True, timeout=60, check=False,
                          **options)


class CommandLine(unittest.TestCase):
    def test_version(self):
        done = run("version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^forebay \d+\.\d+\.\d+\n$")

    def test_help_shows_defaults(self):
        done = run("serve", "--help")
        self.assertEqual(done.returncode, 0)
        for part in ("--data", "./forebay-data", "--listen", "127.0.0.1:4566", "--workers", "--memory",
                     "--set", "--http", "--insecure", "--log-level"):
            self.assertIn(part, done.stdout)

    def test_mistakes_exit_with_2(self):
        for arguments in ((), ("nonsense",), ("serve", "--nonsense"), ("serve", "--listen", "here"),
                          ("serve", "--listen", "127.0.0.1:99999"), ("serve", "--workers", "0"),
                          ("serve", "--set", "noequals"), ("run",)):
            self.assertEqual(run(*arguments).returncode, 2, arguments)

    def test_listening_to_the_network_needs_insecure(self):
        for address in ("0.0.0.0:0", "[::]:0"):
            done = run("serve", "--listen", address)
            self.assertEqual(done.returncode, 2)
            self.assertIn("--insecure", done.stderr)


class Serve(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="forebay-serve-")
        self.addCleanup(self.folder.cleanup)
        self.data = os.path.join(self.folder.name, "data")

    def start(self, *arguments):
        process = subprocess.Popen(
            [binary(), "serve", "--data", self.data, "--listen", "127.0.0.1:0", "--workers", "2",
             "--http", "127.0.0.1:0", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent())
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(lambda: process.poll() is None and (process.kill(), process.wait()))
        line = process.stdout.readline()
        found = re.fullmatch(r"forebay \S+ is listening on 127\.0\.0\.1:(\d+) "
                             r"\(data directory (.*), 2 workers\)\n", line)
        self.assertTrue(found, line)
        self.assertEqual(found[2], self.data)
        return process, int(found[1])

    def test_signals_commit_and_exit_with_0(self):
        for number, with_signal in enumerate((signal.SIGTERM, signal.SIGINT)):
            process, port = self.start()
            with psycopg.connect(f"host=127.0.0.1 port={port} user=root dbname=dev", autocommit=True) as client:
                if number == 0:
                    client.execute("CREATE TABLE t (a int)")
                client.execute("SET implicit_flush = false")
                client.execute("INSERT INTO t VALUES (1)")  # accepted, perhaps not yet committed
                process.send_signal(with_signal)
                self.assertEqual(process.wait(30), 0, process.stderr.read())
                with self.assertRaises(psycopg.OperationalError):
                    client.execute("SELECT 1")
        process, port = self.start()
        with psycopg.connect(f"host=127.0.0.1 port={port} user=root dbname=dev") as client:
            self.assertEqual(client.execute("SELECT count(*) FROM t").fetchone(), (2,))

    def test_sigpipe_and_sighup_do_nothing(self):
        process, port = self.start()
        process.send_signal(signal.SIGPIPE)
        process.send_signal(signal.SIGHUP)
        with psycopg.connect(f"host=127.0.0.1 port={port} user=root dbname=dev") as client:
            self.assertEqual(client.execute("SELECT 1").fetchone(), (1,))

    def test_second_server_on_the_directory_is_refused(self):
        self.start()
        done = run("serve", "--data", self.data, "--listen", "127.0.0.1:0")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot open", done.stderr)

    def test_taken_port_is_an_error(self):
        _, port = self.start()
        done = run("serve", "--data", os.path.join(self.folder.name, "other"), "--listen", f"127.0.0.1:{port}")
        self.assertEqual(done.returncode, 1)
        self.assertIn("in use", done.stderr)

    def test_unknown_setting_is_an_error(self):
        done = run("serve", "--data", self.data, "--listen", "127.0.0.1:0", "--set", "nonsense=1")
        self.assertEqual(done.returncode, 1)
        self.assertIn('unrecognized configuration parameter "nonsense"', done.stderr)

    def test_settings_of_the_command_line(self):
        _, port = self.start("--set", "batch_rows=7")
        with psycopg.connect(f"host=127.0.0.1 port={port} user=root dbname=dev") as client:
            self.assertEqual(client.execute("SHOW batch_rows").fetchone(), ("7",))

    def test_empty_server_is_small(self):
        started = time.monotonic()
        process, port = self.start()
        with psycopg.connect(f"host=127.0.0.1 port={port} user=root dbname=dev") as client:
            client.execute("SELECT 1")
        print(f"start until the first answer: {time.monotonic() - started:.3f} s", flush=True)
        with open(f"/proc/{process.pid}/statm", encoding="ascii") as file:
            rss_mb = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
        print(f"RSS: {rss_mb:.0f} MB", flush=True)


class RunFile(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="forebay-run-")
        self.addCleanup(self.folder.cleanup)

    def file(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def job(self):
        lines = "".join(json.dumps({"k": n % 3, "v": n}) + "\n" for n in range(10_000))
        path = self.file("rows.json", lines)
        return self.file("job.sql", f"""
            CREATE SOURCE s (k int, v bigint) WITH (connector = 'file', path = '{path}') FORMAT PLAIN ENCODE JSON;
            CREATE MATERIALIZED VIEW totals AS SELECT k, count(*) AS n, sum(v) AS total FROM s GROUP BY k;
            SELECT k, n, total FROM totals ORDER BY k;
        """)

    def test_sources_are_read_to_their_end(self):
        for workers in ("1", "3"):
            done = run("run", self.job(), "--workers", workers)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(" k |  n   |  total   \n---+------+----------\n"
                          " 0 | 3334 | 16668333\n 1 | 3333 | 16661667\n 2 | 3333 | 16665000\n(3 rows)\n",
                          done.stdout)

    def test_formats(self):
        self.assertEqual(run("run", self.job(), "--format", "csv").stdout,
                         "k,n,total\n0,3334,16668333\n1,3333,16661667\n2,3333,16665000\n")
        rows = [json.loads(line) for line in run("run", self.job(), "--format", "json").stdout.splitlines()]
        self.assertEqual(rows[2], {"k": 2, "n": 3333, "total": 16665000})

    def test_first_error_ends_the_run(self):
        path = self.file("bad.sql", "SELECT 1 AS one;\nSELECT 'ä', nme\n  FROM pg_catalog.pg_class;\nSELECT 2;\n")
        done = run("run", path)
        self.assertEqual(done.returncode, 1)
        self.assertIn("(1 row)", done.stdout)
        self.assertNotIn("2", done.stdout)
        self.assertTrue(done.stderr.startswith(
            f"{path}:2: ERROR:  column \"nme\" does not exist\nLINE 2: SELECT 'ä', nme\n"
            "                    ^\n"), done.stderr)

    def test_errors_without_a_place_name_the_line_of_their_statement(self):
        path = self.file("late.sql", "SELECT 1 AS one;\n\n\nSELECT 1 /\n  0;\n")
        self.assertTrue(run("run", path).stderr.startswith(f"{path}:4: ERROR:  division by zero\n"))

    def test_data_directory_is_kept(self):
        data = os.path.join(self.folder.name, "data")
        first = run("run", self.file("a.sql", "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2);"),
                    "--data", data)
        self.assertEqual((first.returncode, first.stdout), (0, "CREATE TABLE\nINSERT 0 2\n"), first.stderr)
        second = run("run", self.file("b.sql", "SELECT sum(a) FROM t"), "--data", data, "--format", "csv")
        self.assertEqual(second.stdout, "sum\n3\n")

    def test_missing_file(self):
        done = run("run", "/nonexistent.sql")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot read /nonexistent.sql", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
