"""GET /metrics and /health: what Prometheus and a load balancer ask."""
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.forebay import Forebay, binary
from support.processes import die_with_parent, free_port, wait_until

SAMPLE = re.compile(r'([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)*\})? (-?[0-9.e+-]+)')


def samples(text):
    """name -> {labels -> value}; fails on a line that isn't of Prometheus' text format."""
    found, helped, typed = {}, set(), {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helped.add(line.split()[2])
        elif line.startswith("# TYPE "):
            typed[line.split()[2]] = line.split()[3]
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            name, labels, value = match.groups()
            assert name in helped and typed[name] == ("counter" if name.endswith("_total") else "gauge"), line
            series = found.setdefault(name, {})
            assert labels not in series, f"twice: {line}"
            series[labels] = float(value)
    return found


class Http(unittest.TestCase):
    def setUp(self):
        self.server = Forebay(workers=2).start()
        self.addCleanup(self.server.close)

    def get(self, path, method="GET"):
        request = urllib.request.Request(f"http://127.0.0.1:{self.server.http_port}{path}", method=method)
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.headers, response.read().decode()

    def test_metrics_tell_what_the_system_tables_tell(self):
        folder = tempfile.TemporaryDirectory(prefix="forebay-http-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "rows.json")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f'{{"k": {n}}}\n' for n in range(100))
            file.write("no record\n")
        execute = self.server.execute
        execute("CREATE TABLE t (id int PRIMARY KEY, x int)")
        execute('CREATE MATERIALIZED VIEW "odd ""name""" AS SELECT x, count(*) AS n FROM t GROUP BY x')
        execute(f"CREATE SOURCE s (k int) WITH (connector = 'file', path = '{path}') FORMAT PLAIN ENCODE JSON")
        execute("CREATE MATERIALIZED VIEW read AS SELECT k FROM s")
        execute("INSERT INTO t VALUES (1, 1), (2, 1)")
        wait_until(lambda: execute("SELECT count(*) FROM read") == [(100,)], 20, "the rows")
        headers, text = self.get("/metrics")
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        found = samples(text)
        self.assertEqual(found["forebay_object_rows_in_total"]['{object="odd \\"name\\""}'], 2)
        source = '{source="s",reader="read",partition="' + path + '"}'
        self.assertEqual(found["forebay_source_records_total"][source], 101)
        self.assertEqual(found["forebay_source_errors_total"][source], 1)
        self.assertEqual(found["forebay_source_lag"][source], 0)
        self.assertGreater(found["forebay_committed_epoch"][None], 0)
        self.assertGreater(found["process_resident_memory_bytes"][None], 1 << 20)
        self.assertTrue(any("odd" in labels for labels in found["forebay_operator_state_rows"]))

    def test_health(self):
        headers, text = self.get("/health")
        self.assertEqual(headers["Content-Type"], "application/json")
        health = json.loads(text)
        self.assertEqual((health["status"], health["failures"]), ("ok", []))

    def test_other_paths_and_methods(self):
        for path, method, status in (("/nothing", "GET", 404), ("/metrics", "POST", 405), ("/health", "DELETE", 405)):
            with self.assertRaises(urllib.error.HTTPError) as raised:
                self.get(path, method)
            self.assertEqual(raised.exception.code, status)
        self.assertEqual(self.get("/metrics", "HEAD")[1], "")
        self.assertIn("/metrics", self.get("/")[1])

    def test_a_connection_serves_many_requests(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.http_port, timeout=20)
        self.addCleanup(connection.close)
        for _ in range(20):
            connection.request("GET", "/health?verbose=1")
            self.assertEqual(connection.getresponse().read()[:1], b"{")

    def test_what_is_not_http_is_refused(self):
        for sent in (b"\x00\x00\x00\x08\x04\xd2\x16\x2f", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"GET /" + b"x" * 70_000):
            with socket.create_connection(("127.0.0.1", self.server.http_port), timeout=20) as raw:
                try:
                    raw.sendall(sent)
                    raw.shutdown(socket.SHUT_WR)
                    answer = b"".join(iter(lambda: raw.recv(4096), b""))
                except OSError:  # the server has ended the connection already
                    answer = b""
            self.assertTrue(answer == b"" or b" 400 " in answer.splitlines()[0], answer[:80])
        self.assertIn("ok", self.get("/health")[1])


class Address(unittest.TestCase):
    def serve(self, *arguments):
        folder = tempfile.TemporaryDirectory(prefix="forebay-http-")
        self.addCleanup(folder.cleanup)
        process = subprocess.Popen([binary(), "serve", "--data", os.path.join(folder.name, "data"), "--listen",
                                    "127.0.0.1:0", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, preexec_fn=die_with_parent())

        def end():
            process.kill()
            process.communicate()
        self.addCleanup(end)
        return process

    def test_a_taken_address_that_was_asked_for_is_an_error(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            process = self.serve("--http", f"127.0.0.1:{taken.getsockname()[1]}")
            self.assertEqual(process.wait(60), 1)
            self.assertIn("cannot listen on", process.stderr.read())

    def test_none_means_none(self):
        process = self.serve("--http", "none")
        self.assertIn("is listening on", process.stdout.readline())
        process.terminate()
        self.assertEqual(process.stdout.read(), "")

    def test_beyond_this_machine_only_with_insecure(self):
        process = self.serve("--http", f"0.0.0.0:{free_port()}")
        self.assertEqual(process.wait(60), 2)
        self.assertIn("--insecure", process.stderr.read())


if __name__ == "__main__":
    unittest.main()
