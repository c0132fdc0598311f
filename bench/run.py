#!/usr/bin/env python3
"""The spine's benchmarks, through SQL and the PostgreSQL protocol only.

    bench/run.py [NAME ...] [--runs 5] [--rows-factor 1.0] [--write]

Names: filter group join big_group insert point_reads restart start. Makes its input under build/bench/ once, computes the
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


def bench_join(report, options):
    rows = options.rows(5_000_000)
    left = data_file("join_a.json", "--rows", rows, "--join", "a")
    right = data_file("join_b.json", "--rows", rows, "--join", "b")
    rates(report, "inner join of two 5 M-row inputs, 1:1, count over it", 2 * rows,
          lambda: view_run([TWO.format(name="a", file=left), TWO.format(name="b", file=right)],
                           "CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM a JOIN b ON a.k = b.k",
                           "SELECT n FROM v", answer("join", left, right)), options.runs, "500 k rows/s")


def pgbench(server, script, clients, seconds, *arguments):
    """(transactions a second, median ms, p99 ms) of PostgreSQL's own load program."""
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
    rate = float(re.search(r"tps = ([\d.]+) \(without", done.stdout).group(1))
    latencies = []
    for name in os.listdir(folder):
        if name.startswith("pgbench_log"):
            with open(os.path.join(folder, name), encoding="ascii") as file:
                latencies += [int(line.split()[2]) / 1000 for line in file]
    latencies.sort()
    return rate, latencies[len(latencies) // 2], latencies[len(latencies) * 99 // 100]


def bench_insert(report, options):
    script = "\\set k random(1, 1000000000000)\nINSERT INTO t VALUES (:k, 'some text');\n"
    p50, rates_of_8 = [], []
    for _ in range(options.runs):
        with Forebay(workers=1) as server:
            server.execute("CREATE TABLE t (k bigint PRIMARY KEY, v text)")
            server.execute("CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM t")
            p50.append(pgbench(server, script, 1, 5)[1])
            rates_of_8.append(pgbench(server, script, 8, 5)[0])
            rows = server.execute("SELECT count(*) FROM t")[0][0]
            if rows != server.execute("SELECT n FROM v")[0][0]:
                raise SystemExit("wrong answer: the view does not count the table")
    report.add("INSERT until committed, one client, one row", spread(p50, "ms (p50)"), "<= 8 ms")
    report.add("INSERT, 8 clients", spread(rates_of_8, "rows/s"), ">= 1,000 rows/s")


class Arrivals:
    """Appends records to a file at a rate until stopped."""

    def __init__(self, path, keys, rate):
        self.path, self.keys, self.rate, self.stopped, self.written = path, keys, rate, False, 0
        self.thread = threading.Thread(target=self.run)

    def run(self):
        pad = "x" * 100
        values = random.Random(1)
        blocks = ["".join(f'{{"id":{i},"key":{values.randrange(self.keys)},"value":{values.randrange(100000)},'
                          f'"amount":1.5,"name":"name","ts":"2024-01-01T00:00:00","payload":"{pad}"}}\n'
                          for i in range(self.rate // 50)).encode() for _ in range(8)]
        next_at = time.monotonic()
        with open(self.path, "ab", buffering=0) as file:
            while not self.stopped:
                file.write(blocks[self.written % len(blocks)])
                self.written += 1
                next_at += 0.02
                time.sleep(max(0.0, next_at - time.monotonic()))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped = True
        self.thread.join()


def bench_point_reads(report, options):
    path = data_file("seven.json", "--rows", options.rows(5_000_000), "--keys", 100_000)
    script = "\\set k random(0, 99999)\nSELECT k, c, s, m FROM v WHERE k = :k;\n"
    found, p99 = [], []
    live = os.path.join(DATA, "live.json")
    for _ in range(options.runs):
        subprocess.run(["head", "-n", "1000000", path], stdout=open(live, "wb"), check=True)
        with Forebay(workers=1) as server:
            server.execute(SEVEN.format(file=live).replace(", scan.bounded.mode = 'latest'", ""))
            server.execute(GROUP.format(k="key", v="value", t="events"))
            while server.execute("SELECT sum(c) FROM v")[0][0] != 1_000_000:
                time.sleep(0.05)
            with Arrivals(live, 100_000, 200_000) as arrivals:
                rate, _, late = pgbench(server, script, 8, 10, "-M", "prepared")
            found.append(rate)
            p99.append(late)
            total = 1_000_000 + arrivals.written * (200_000 // 50)
            while server.execute("SELECT sum(c) FROM v")[0][0] != total:
                time.sleep(0.05)
    report.add("SELECT by key, prepared, 8 connections, 200 k records/s arriving", spread(found, "/s"), ">= 15 k/s")
    report.add("the same, latency", spread(p99, "ms (p99)"), "<= 4 ms")


def bench_restart(report, options):
    rows = options.rows(30_000_000)
    path = data_file("two.json", "--rows", rows, "--keys", max(1, rows // 3), "--two-columns")
    select_ms, epoch_ms, size = [], [], 0
    with Forebay(workers=1) as server:
        with server.connect() as connection:
            connection.execute(TWO.format(name="two", file=path))
            connection.execute("CREATE TABLE t (k bigint PRIMARY KEY)")
            seconds_until_done(connection, "CREATE MATERIALIZED VIEW rows AS SELECT k, v FROM two")
            seconds_until_done(connection, GROUP.format(k="k", v="v", t="two"))
        size = sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(server.data)
                   for name in names)
        for i in range(options.runs):
            server.kill()
            begin = time.monotonic()
            server.start(wait=False)
            while True:
                try:
                    server.execute("SELECT c FROM v WHERE k = 1")
                    break
                except Exception:  # not listening yet
                    time.sleep(0.002)
            select_ms.append((time.monotonic() - begin) * 1e3)
            server.execute(f"INSERT INTO t VALUES ({i})")
            epoch_ms.append((time.monotonic() - begin) * 1e3)
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
           "insert": bench_insert, "point_reads": bench_point_reads, "restart": bench_restart, "start": bench_start}


def machine():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        model = re.search(r"model name\s*:\s*(.*)", file.read()).group(1)
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release().split('-')[0]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rows-factor", type=float, default=1.0, help="smaller inputs, for a quick look")
    parser.add_argument("--write", action="store_true", help="put the figures into bench/RESULTS.md")
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHES)
    if unknown:
        parser.error(f"unknown: {' '.join(sorted(unknown))}; known: {' '.join(BENCHES)}")
    if options.rows_factor != 1.0:
        global DATA  # other sizes live beside the full ones
        DATA = os.path.join(DATA, str(options.rows_factor))
    options.rows = lambda full: int(full * options.rows_factor)
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
