#!/usr/bin/env python3
"""The spine's benchmarks, through SQL and the PostgreSQL protocol only.

    bench/run.py [NAME ...] [--runs 5] [--rows-factor 1.0] [--write]

Names: filter group join big_group tight_group tight_join insert copy point_reads
restart written start. Makes its input under build/bench/ once, computes the
right answers with bench/answer (another program), prints medians and spreads; --write puts them into bench/RESULTS.md.
"""
import argparse
import datetime
import os
import platform
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests"))
os.environ.setdefault("FOREBAY_BINARY", os.path.join(ROOT, "build", "release", "forebay"))
from support.forebay import Forebay  # noqa: E402

TOOLS = os.path.join(ROOT, "build", "release", "bench")
DATA = os.path.join(ROOT, "build", "bench")

SEVEN = """CREATE SOURCE events (id bigint, key bigint, value integer, amount numeric(12,2), name text, ts timestamp,
 payload text) WITH (connector = 'file', path = '{file}', scan.bounded.mode = 'latest') FORMAT PLAIN ENCODE JSON"""
TWO = """CREATE SOURCE {name} (k bigint, v bigint) WITH (connector = 'file', path = '{file}',
 scan.bounded.mode = 'latest') FORMAT PLAIN ENCODE JSON"""


def tool(name, *arguments):
    done = subprocess.run([os.path.join(TOOLS, name), *map(str, arguments)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def data_file(name, *arguments):
    """A file of make_json, made once and read once so that it lies in the page cache."""
    path = os.path.join(DATA, name)
    if not os.path.exists(path):
        os.makedirs(DATA, exist_ok=True)
        tool("make_json", *arguments, "--out", path + ".part")
        os.rename(path + ".part", path)
    with open(path, "rb") as file:
        while file.read(1 << 22):
            pass
    return path


def answer(*arguments):
    """The right answer, cached beside the data: it does not change."""
    key = re.sub(r"\W+", "_", "_".join(os.path.basename(str(argument)) for argument in arguments))
    path = os.path.join(DATA, "answer_" + key)
    if not os.path.exists(path):
        text = tool("answer", *arguments)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    with open(path, encoding="utf-8") as file:
        return file.read()


def simdjson_rate(path):
    """Million records a second of simdjson alone, all seven fields, one run."""
    shown = tool("decode_bench", path, 1)
    return float(re.search(r"simdjson alone.*?([\d.]+) M/s", shown).group(1))


def seconds_until_done(connection, create):
    """From CREATE MATERIALIZED VIEW until everything is read and committed."""
    begin = time.monotonic()
    connection.execute(create)
    while True:
        row = connection.execute("SELECT count(*) FROM forebay.sources WHERE status <> 'finished'").fetchone()
        if row[0] == 0:
            # Finished means read; what is read is committed with the next epoch.
            connection.execute("FLUSH")
            return time.monotonic() - begin
        time.sleep(0.01)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def view_run(sources, create, check, expected, workers=1):
    """One run in a server of its own: (seconds, CPU seconds)."""
    with Forebay(workers=workers) as server:
        with server.connect() as connection:
            for source in sources:
                connection.execute(source)
            before = cpu_seconds(server.pid)
            seconds = seconds_until_done(connection, create)
            used = cpu_seconds(server.pid) - before
            got = "|".join(str(value) for value in connection.execute(check).fetchone())
            if got != expected:
                raise SystemExit(f"wrong answer: got {got}, expected {expected}")
    return seconds, used


def spread(values, unit):
    return f"{statistics.median(values):,.3g} ({min(values):,.3g} .. {max(values):,.3g}) {unit}"


class Report:
    def __init__(self):
        self.rows = []

    def add(self, what, figure, reach):
        self.rows.append((what, figure, reach))
        print(f"{what}: {figure}   [reach: {reach}]", flush=True)


def rates(report, what, records, run, runs, reach, baseline=None):
    seconds, used, ratios = [], [], []
    for _ in range(runs):
        alone = baseline() if baseline else None
        one, cpu = run()
        seconds.append(one)
        used.append(cpu)
        if alone:
            ratios.append(records / one / 1e6 / alone)
    figure = spread([records / s / 1e3 for s in seconds], "k records/s")
    if ratios:
        figure += f"; {spread(ratios, 'of simdjson alone')}"
    figure += f"; {spread([cpu * 1e6 / records for cpu in used], 'CPU-s per million')}"
    report.add(what, figure, reach)
    return statistics.median(seconds)


def bench_filter(report, options):
    path = data_file("seven.json", "--rows", options.rows(5_000_000), "--keys", 100_000)
    rates(report, "5 M JSON lines -> filter + projection -> count(*)", options.rows(5_000_000),
          lambda: view_run([SEVEN.format(file=path)],
                           "CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM "
                           "(SELECT id, value, name FROM events WHERE value >= 20000) AS e",
                           "SELECT n FROM v", answer("filter", path)),
          options.runs, ">= 0.5 of simdjson alone", lambda: simdjson_rate(path))


GROUP = "CREATE MATERIALIZED VIEW v AS SELECT {k} AS k, count(*) AS c, sum({v}) AS s, max({v}) AS m FROM {t} GROUP BY {k}"
GROUP_CHECK = "SELECT count(*), sum(c), sum(s), sum(m) FROM v"


def bench_group(report, options):
    path = data_file("seven.json", "--rows", options.rows(5_000_000), "--keys", 100_000)
    medians = []
    for workers, reach in ((1, ">= 0.4 of simdjson alone"), (2, ">= 1.5 x one worker")):
        medians.append(rates(
            report, f"the same -> GROUP BY over 100,000 keys, {workers} worker(s)", options.rows(5_000_000),
            lambda workers=workers: view_run([SEVEN.format(file=path)], GROUP.format(k="key", v="value", t="events"),
                                             GROUP_CHECK, answer("group", path, "key", "value"), workers),
            options.runs, reach, lambda: simdjson_rate(path)))
    report.add("two workers against one", f"{medians[0] / medians[1]:.2f} x", ">= 1.5 x")


def bench_big_group(report, options):
    rows = options.rows(30_000_000)
    path = data_file("two.json", "--rows", rows, "--keys", max(1, rows // 3), "--two-columns")
    rates(report, "30 M rows -> GROUP BY over 10 M uniform keys", rows,
          lambda: view_run([TWO.format(name="two", file=path)], GROUP.format(k="k", v="v", t="two"), GROUP_CHECK,
                           answer("group", path, "k", "v")), options.runs, "600 k rows/s")


def tight_run(sources, create, check, expected, memory_mb, workers=2):
    """One run with little memory: seconds, peak RSS in MB, evictions and read-backs."""
    with Forebay(workers=workers, arguments=["--memory", f"{memory_mb}MB"]) as server:
        with server.connect() as connection:
            for source in sources:
                connection.execute(source)
            seconds = seconds_until_done(connection, create)
            tier = connection.execute("SELECT sum(evictions)::bigint, sum(read_backs)::bigint FROM forebay.operators").fetchone()
            with open(f"/proc/{server.pid}/status", encoding="ascii") as file:
                peak = int(re.search(r"VmHWM:\s*(\d+)", file.read()).group(1)) // 1024
            got = "|".join(str(value) for value in connection.execute(check).fetchone())
            if got != expected:
                raise SystemExit(f"wrong answer: got {got}, expected {expected}")
    return seconds, peak, tier


def tight(report, what, records, run, runs, memory_mb, reach):
    done = [run() for _ in range(runs)]
    figure = spread([records / seconds / 1e3 for seconds, _, _ in done], "k records/s")
    figure += f"; {spread([float(peak) for _, peak, _ in done], 'MB RSS')}; evictions, read-backs: {done[-1][2]}"
    report.add(f"{what}, --memory {memory_mb}MB", figure, f"{reach}; RSS <= {memory_mb * 1.2 + 60:.0f} MB")


def bench_tight_group(report, options):
    """State of about 90 bytes a key in memory, and a fifth of that allowed."""
    rows = options.rows(30_000_000)
    memory_mb = max(64, rows // 3 * 90 // 5 // 1_000_000)
    for name, order, reach in (("two", "uniform", "80 k rows/s"), ("zipf", "zipf", "250 k rows/s")):
        path = data_file(f"{name}.json", "--rows", rows, "--keys", max(1, rows // 3), "--two-columns", "--key-order", order)
        tight(report, f"30 M rows -> GROUP BY over 10 M {order} keys", rows,
              lambda path=path: tight_run([TWO.format(name="two", file=path)], GROUP.format(k="k", v="v", t="two"),
                                          GROUP_CHECK, answer("group", path, "k", "v"), memory_mb),
              options.runs, memory_mb, reach)


def bench_tight_join(report, options):
    """Ten million rows of about 130 bytes in memory, and a fifth of that allowed."""
    rows = options.rows(5_000_000)
    memory_mb = max(64, 2 * rows * 130 // 5 // 1_000_000)
    left = data_file("join_a.json", "--rows", rows, "--join", "a")
    right = data_file("join_b.json", "--rows", rows, "--join", "b")
    tight(report, "inner join of two 5 M-row inputs, 1:1, count over it", 2 * rows,
          lambda: tight_run([TWO.format(name="a", file=left), TWO.format(name="b", file=right)],
                            "CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM a JOIN b ON a.k = b.k",
                            "SELECT n FROM v", answer("join", left, right), memory_mb), options.runs, memory_mb,
          "100 k rows/s")


def bench_join(report, options):
    rows = options.rows(5_000_000)
    left = data_file("join_a.json", "--rows", rows, "--join", "a")
    right = data_file("join_b.json", "--rows", rows, "--join", "b")
    rates(report, "inner join of two 5 M-row inputs, 1:1, count over it", 2 * rows,
          lambda: view_run([TWO.format(name="a", file=left), TWO.format(name="b", file=right)],
                           "CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM a JOIN b ON a.k = b.k",
                           "SELECT n FROM v", answer("join", left, right)), options.runs, "500 k rows/s")


def pgbench(server, script, clients, seconds, *arguments):
    """(transactions a second, median ms, p99 ms, transactions that succeeded) of PostgreSQL's own load program."""
    folder = os.path.join(DATA, "pgbench")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    path = os.path.join(folder, "script.sql")
    with open(path, "w", encoding="utf-8") as file:
        file.write(script)
    program = shutil.which("pgbench") or "/usr/lib/postgresql/15/bin/pgbench"
    done = subprocess.run([program, "-h", "127.0.0.1", "-p", str(server.port), "-U", "root", "-n", "-f", path, "-c",
                           str(clients), "-j", "1", "-T", str(seconds), "-l", *arguments, "dev"],
                          cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stdout + done.stderr)
    succeeded = int(re.search(r"transactions actually processed: (\d+)", done.stdout).group(1))
    rate = float(re.search(r"tps = ([\d.]+) \(without", done.stdout).group(1))
    latencies = []
    for name in os.listdir(folder):
        if name.startswith("pgbench_log"):
            with open(os.path.join(folder, name), encoding="ascii") as file:
                latencies += [int(line.split()[2]) / 1000 for line in file]
    latencies.sort()
    return rate, latencies[len(latencies) // 2], latencies[len(latencies) * 99 // 100], succeeded


def must_equal(what, got, expected):
    if got != expected:
        raise SystemExit(f"wrong answer: {what}: got {got}, expected {expected}")


def bench_insert(report, options):
    script = "\\set k random(1, 1000000000000)\nINSERT INTO t VALUES (:k, 'some text');\n"
    p50, rates_of_8 = [], []
    for _ in range(options.runs):
        with Forebay(workers=1) as server:
            server.execute("CREATE TABLE t (k bigint PRIMARY KEY, v text)")
            server.execute("CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM t")
            _, median, _, of_one = pgbench(server, script, 1, options.seconds(5))
            rate, _, _, of_8 = pgbench(server, script, 8, options.seconds(5))
            p50.append(median)
            rates_of_8.append(rate)
            # What pgbench was told of is there, and nothing else.
            must_equal("rows of the table", server.execute("SELECT count(*) FROM t")[0][0], of_one + of_8)
            must_equal("rows that the view counts", server.execute("SELECT n FROM v")[0][0], of_one + of_8)
    report.add("INSERT until committed, one client, one row", spread(p50, "ms (p50)"), "<= 8 ms")
    report.add("INSERT, 8 clients", spread(rates_of_8, "rows/s"), ">= 1,000 rows/s")


class Arrivals:
    """Appends records to a file at a rate until stopped."""

    def __init__(self, path, keys, rate):
        self.path, self.keys, self.rate, self.stopped, self.written, self.seconds = path, keys, rate, False, 0, 0.0
        self.thread = threading.Thread(target=self.run)

    def records(self):
        return self.written * (self.rate // 50)

    def run(self):
        pad = "x" * 100
        values = random.Random(1)
        blocks = ["".join(f'{{"id":{i},"key":{values.randrange(self.keys)},"value":{values.randrange(100000)},'
                          f'"amount":1.5,"name":"name","ts":"2024-01-01T00:00:00","payload":"{pad}"}}\n'
                          for i in range(self.rate // 50)).encode() for _ in range(8)]
        began = next_at = time.monotonic()
        with open(self.path, "ab", buffering=0) as file:
            while not self.stopped:
                file.write(blocks[self.written % len(blocks)])
                self.written += 1
                next_at += 0.02
                time.sleep(max(0.0, next_at - time.monotonic()))
        self.seconds = time.monotonic() - began

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped = True
        self.thread.join()


class CheckedReads:
    """Reads by key while records arrive: a row has its key, and its count and its maximum never fall."""

    def __init__(self, server, keys):
        self.server, self.keys, self.stopped, self.seen, self.wrong = server, keys, False, {}, None
        self.thread = threading.Thread(target=self.run)

    def run(self):
        values = random.Random(2)
        with self.server.connect() as connection:
            while not self.stopped and self.wrong is None:
                key = values.randrange(200) * (self.keys // 200)  # few, so that each is read again and again
                rows = connection.execute("SELECT k, c, s, m FROM v WHERE k = %s", (key,), prepare=True).fetchall()
                before = self.seen.get(key, (key, 0, 0, -1))
                if len(rows) != 1 or rows[0][0] != key or rows[0][1] < before[1] or rows[0][3] < before[3] or \
                        rows[0][2] < before[2]:
                    self.wrong = f"read {rows} after {before}"
                else:
                    self.seen[key] = rows[0]
                time.sleep(0.01)  # a witness, not a load

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped = True
        self.thread.join()

    def check(self):
        """When nothing arrives any more: reads by key, prepared, give what a scan of the view gives."""
        if self.wrong is not None or not self.seen:
            raise SystemExit(f"wrong answer: {self.wrong or 'nothing was read'}")
        with self.server.connect() as connection:
            scanned = {row[0]: row for row in connection.execute("SELECT k, c, s, m FROM v").fetchall()}
            for key, last in self.seen.items():
                row = connection.execute("SELECT k, c, s, m FROM v WHERE k = %s", (key,), prepare=True).fetchone()
                must_equal(f"row of key {key}", row, scanned[key])
                if last[1] > row[1] or last[2] > row[2] or last[3] > row[3]:
                    raise SystemExit(f"wrong answer: {last} was read before the last {row}")


def bench_point_reads(report, options):
    path = data_file("seven.json", "--rows", options.rows(5_000_000), "--keys", 100_000)
    script = "\\set k random(0, 99999)\nSELECT k, c, s, m FROM v WHERE k = :k;\n"
    found, p99, arrived, taken = [], [], [], []
    live = os.path.join(DATA, "live.json")
    for _ in range(options.runs):
        with open(live, "wb") as file:
            subprocess.run(["head", "-n", "1000000", path], stdout=file, check=True)
        first = min(1_000_000, options.rows(5_000_000))
        with Forebay(workers=1) as server:
            server.execute(SEVEN.format(file=live).replace(", scan.bounded.mode = 'latest'", ""))
            server.execute(GROUP.format(k="key", v="value", t="events"))
            while server.execute("SELECT sum(c) FROM v")[0][0] != first:
                time.sleep(0.05)
            with CheckedReads(server, 100_000) as reads, Arrivals(live, 100_000, 200_000) as arrivals:
                began = time.monotonic()
                rate, _, late, _ = pgbench(server, script, 8, options.seconds(10), "-M", "prepared")
                in_view = int(server.execute("SELECT sum(c) FROM v")[0][0]) - first
                taken.append(in_view / (time.monotonic() - began) / 1e3)
            found.append(rate)
            p99.append(late)
            arrived.append(arrivals.records() / arrivals.seconds / 1e3)
            while server.execute("SELECT sum(c) FROM v")[0][0] < first + arrivals.records():
                time.sleep(0.05)
            got = "|".join(str(value) for value in server.execute(GROUP_CHECK)[0])
            must_equal("the view", got, tool("answer", "group", live, "key", "value"))
            reads.check()
    report.add("SELECT by key, prepared, 8 connections, 200 k records/s arriving", spread(found, "/s"), ">= 15 k/s")
    report.add("the same, latency", spread(p99, "ms (p99)"), "<= 4 ms")
    report.add("the same, records that arrived", spread(arrived, "k/s"), ">= 190 k/s")
    report.add("the same, records that the view had taken in by the end", spread(taken, "k/s"), ">= 180 k/s")


# Rows of about 200 bytes that don't compress.
WIDE = ("CREATE MATERIALIZED VIEW rows AS SELECT k, v, "
        + " || ".join(f"md5((k + {i} * v)::text)" for i in range(6)) + " AS pad FROM two")


def contents(server):
    """What must be the same after a restart."""
    return (server.execute(GROUP_CHECK),
            server.execute("SELECT count(*), sum(k), sum(v), min(pad), max(pad), sum(length(pad)) FROM rows"),
            server.execute("SELECT k, c, s, m FROM v ORDER BY k LIMIT 1000"))


def copy_file(rows):
    """Rows for COPY: a key in random order, a number and a text; the path and the sum of the numbers."""
    path = os.path.join(DATA, f"copy_{rows}.txt")
    if not os.path.exists(path):
        os.makedirs(DATA, exist_ok=True)
        step = 7_368_787  # a prime: every key once, in no order
        with open(path + ".part", "w", encoding="ascii") as file:
            for first in range(0, rows, 10_000):
                file.write("".join(f"{i * step % rows}\t{i}\tname of {i % 1000}\n" for i in range(first, min(first + 10_000, rows))))
        os.rename(path + ".part", path)
    return path, rows * (rows - 1) // 2


def bench_copy(report, options):
    rows = options.rows(10_000_000)
    path, total = copy_file(rows)
    rates_, used = [], []
    for _ in range(options.runs):
        with Forebay(workers=2) as server, server.connect() as connection:
            connection.execute("CREATE TABLE t (id bigint PRIMARY KEY, n bigint, name text)")
            before = cpu_seconds(server.pid)
            begin = time.monotonic()
            with open(path, "rb") as file, connection.cursor().copy("COPY t FROM STDIN") as copy:
                while block := file.read(1 << 20):
                    copy.write(block)
            rates_.append(rows / (time.monotonic() - begin) / 1e3)
            used.append((cpu_seconds(server.pid) - before) * 1e6 / rows)
            must_equal("the table", connection.execute("SELECT count(*), sum(n) FROM t").fetchone(), (rows, total))
    report.add("COPY FROM STDIN of 10 M rows into a table with a primary key",
               f"{spread(rates_, 'k rows/s')}; {spread(used, 'CPU-s per million')}", "400 k rows/s")


def store_bytes(server):
    """What the store of a server has (written, compaction included; committed by epochs), in bytes."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}/metrics") as answer_:
        metrics = answer_.read().decode()
    return tuple(float(re.search(rf"^forebay_store_{name}_bytes_total (\S+)$", metrics, re.M).group(1)) for name in ("written", "committed"))


def written_per_byte(server):
    """Bytes written, compaction included, for each byte that epochs committed."""
    written_, committed = store_bytes(server)
    return written_ / max(committed, 1)


def written(report, options, what, statements, check):
    """Bytes written, compaction included, for each byte that epochs committed; and records a second."""
    with Forebay(workers=2) as server, server.connect() as connection:
        for statement in statements:
            connection.execute(statement)
        begin = time.monotonic()
        time.sleep(60 * options.minutes)
        written_, committed = store_bytes(server)
        rows = connection.execute(check).fetchone()[0]
        per_second = rows / (time.monotonic() - begin) / 1e3
    report.add(f"bytes written per byte of new state, {what}, {options.minutes:g} min",
               f"{written_ / committed:.2f}; {committed / 1e9:.2f} GB committed, {per_second:.0f} k records/s",
               "<= 4")


def bench_written(report, options):
    ten_million = "'fields.k.kind' = 'random', 'fields.k.min' = 1, 'fields.k.max' = 10000000, 'fields.v.kind' = 'random'"
    sequence = "'fields.k.kind' = 'sequence', 'fields.v.kind' = 'random'"
    source = "CREATE SOURCE {0} (k bigint, v bigint) WITH (connector = 'datagen', rows_per_second = {1}, {2}) FORMAT PLAIN ENCODE JSON"
    written(report, options, "counters (10 M keys)",
            [source.format("two", 200_000, ten_million), GROUP.format(k="k", v="v", t="two")], "SELECT sum(c)::bigint FROM v")
    written(report, options, "join rows",
            [source.format("a", 100_000, sequence), source.format("b", 100_000, sequence),
             "CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM a JOIN b ON a.k = b.k"], "SELECT 2 * n FROM v")


def bench_restart(report, options):
    rows = options.rows(10_000_000)
    path = data_file("two_restart.json", "--rows", rows, "--keys", max(1, rows // 3), "--two-columns")
    select_ms, epoch_ms, size = [], [], 0
    with Forebay(workers=2) as server:
        with server.connect() as connection:
            connection.execute(TWO.format(name="two", file=path))
            connection.execute("CREATE TABLE t (k bigint PRIMARY KEY)")
            seconds_until_done(connection, WIDE)
            seconds_until_done(connection, GROUP.format(k="k", v="v", t="two"))
        before = contents(server)
        must_equal("the view", "|".join(str(value) for value in before[0][0]), answer("group", path, "k", "v"))
        one = server.execute("SELECT k, c, s, m FROM v WHERE k = 1")
        size = sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(server.data)
                   for name in names)
        if options.rows_factor >= 1.0 and size < 2e9:
            raise SystemExit(f"only {size / 1e9:.2f} GB in the data directory")
        for i in range(options.runs):
            server.kill()
            begin = time.monotonic()
            server.start(wait=False)
            while True:
                try:
                    got = server.execute("SELECT k, c, s, m FROM v WHERE k = 1")
                    break
                except Exception:  # not listening yet
                    time.sleep(0.002)
            select_ms.append((time.monotonic() - begin) * 1e3)
            server.execute(f"INSERT INTO t VALUES ({i})")
            epoch_ms.append((time.monotonic() - begin) * 1e3)
            must_equal("the first SELECT", got, one)
            must_equal("the table", server.execute("SELECT k FROM t ORDER BY k"), [(k,) for k in range(i + 1)])
            must_equal("the views after a restart", contents(server), before)
    report.add(f"kill -9 with {size / 1e9:.1f} GB in the data directory: first SELECT", spread(select_ms, "ms"), "<= 1 s")
    report.add("the same: first new epoch", spread(epoch_ms, "ms"), "<= 2 s")


def bench_start(report, options):
    milliseconds, megabytes = [], []
    for _ in range(options.runs):
        with Forebay(workers=2) as warm:
            warm.stop()
            shutil.rmtree(warm.data)
            begin = time.monotonic()
            warm.start(wait=False)
            while True:
                try:
                    warm.execute("SELECT 1")
                    break
                except Exception:  # not listening yet
                    time.sleep(0.001)
            milliseconds.append((time.monotonic() - begin) * 1e3)
            with open(f"/proc/{warm.pid}/status", encoding="ascii") as file:
                megabytes.append(int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024)
    report.add("start of an empty server until it answers", spread(milliseconds, "ms"), "<= 150 ms")
    report.add("its RSS", spread(megabytes, "MB"), "<= 80 MB")


BENCHES = {"filter": bench_filter, "group": bench_group, "big_group": bench_big_group, "join": bench_join,
           "tight_group": bench_tight_group, "tight_join": bench_tight_join,
           "insert": bench_insert, "copy": bench_copy, "point_reads": bench_point_reads, "restart": bench_restart, "written": bench_written, "start": bench_start}


def machine():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        model = re.search(r"model name\s*:\s*(.*)", file.read()).group(1)
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release().split('-')[0]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rows-factor", type=float, default=1.0, help="smaller inputs, for a quick look")
    parser.add_argument("--minutes", type=float, default=5.0, help="how long `written` runs")
    parser.add_argument("--write", action="store_true", help="put the figures into bench/RESULTS.md")
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHES)
    if unknown:
        parser.error(f"unknown: {' '.join(sorted(unknown))}; known: {' '.join(BENCHES)}")
    if options.rows_factor != 1.0:
        global DATA  # other sizes live beside the full ones
        DATA = os.path.join(DATA, str(options.rows_factor))
    options.rows = lambda full: int(full * options.rows_factor)
    options.seconds = lambda full: full if options.rows_factor == 1.0 else max(1, int(full * options.rows_factor))
    report = Report()
    for name in options.names or BENCHES:
        BENCHES[name](report, options)
    if options.write:
        lines = [f"# Results\n\n`bench/run.py --runs {options.runs}` on {machine()}, "
                 f"{datetime.date.today().isoformat()}. Every epoch durable (fsync), release build, input in the page "
                 "cache.\nMedian (least .. most) of the runs; each answer was checked against `bench/answer`.\n\n"
                 "| what | measured | to reach |\n| --- | --- | --- |\n"]
        lines += [f"| {what} | {figure} | {reach} |\n" for what, figure, reach in report.rows]
        with open(os.path.join(ROOT, "bench", "RESULTS.md"), "w", encoding="utf-8") as file:
            file.writelines(lines)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
