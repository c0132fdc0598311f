#!/usr/bin/env python3
"""From the topics of a local broker to a committed view: rate, CPU and time from produced to visible.

    bench/kafka.py [--runs 5] [--rows 10000000] [--workers 2] [--seconds 60]

4 partitions, lz4, 230-byte JSON. The answer of the grouped view is checked against bench/answer.
"""
import argparse
import os
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from run import GROUP, GROUP_CHECK, ROOT, answer, cpu_seconds, data_file, spread  # noqa: E402

sys.path.insert(0, os.path.join(ROOT, "tests", "kafka"))
from broker import Broker  # noqa: E402
from support.forebay import Forebay  # noqa: E402

PARTITIONS = 4
SOURCE = """CREATE SOURCE events (id bigint, key bigint, value integer, amount numeric(12,2), name text, ts timestamp,
 payload text) WITH (connector = 'kafka', topic = '{topic}', properties.bootstrap.server = '{address}' {more})
 FORMAT PLAIN ENCODE JSON"""


def make_topic(broker, name):
    from confluent_kafka.admin import AdminClient, NewTopic
    admin = AdminClient({"bootstrap.servers": broker.address})
    admin.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result(30)


def make_producer(broker):
    from confluent_kafka import Producer
    return Producer({"bootstrap.servers": broker.address, "compression.type": "lz4", "linger.ms": 5,
                     "batch.size": 1 << 20, "queue.buffering.max.messages": 1_000_000})


def send(producer, topic, number, line):
    while True:
        try:
            producer.produce(topic, line, partition=number % PARTITIONS)
            return
        except BufferError:
            producer.poll(0.05)


def fill(broker, topic, path):
    make_topic(broker, topic)
    producer = make_producer(broker)
    with open(path, "rb") as file:
        for number, line in enumerate(file):
            send(producer, topic, number, line.rstrip(b"\n"))
    producer.flush()


def group_run(broker, expected, rows, workers):
    with Forebay(workers=workers) as server, server.connect() as connection:
        connection.execute(SOURCE.format(topic="events", address=broker.address, more=", scan.bounded.mode = 'latest'"))
        before, begin = cpu_seconds(server.pid), time.monotonic()
        connection.execute(GROUP.format(k="key", v="value", t="events"))
        while connection.execute("SELECT coalesce(sum(c), 0) FROM v").fetchone()[0] != rows:
            time.sleep(0.02)
        seconds, cpu = time.monotonic() - begin, cpu_seconds(server.pid) - before
        got = "|".join(str(value) for value in connection.execute(GROUP_CHECK).fetchone())
        if got != expected:
            raise SystemExit(f"wrong answer: got {got}, expected {expected}")
        return seconds, cpu


LINE = b'{"id":%d,"key":%d,"value":1,"payload":"%s"}'


def latency(broker, per_second, seconds, workers, keys):
    """Milliseconds from produce() of a marked record until its group shows it, polled every 5 ms; a view of more than a
    million keys is full before times are taken."""
    topic = f"live{keys}"
    make_topic(broker, topic)
    producer = make_producer(broker)
    stop = threading.Event()
    sent = 0

    def load():
        nonlocal sent
        begin = time.monotonic()
        while not stop.is_set():
            due = int((time.monotonic() - begin) * per_second)
            while sent < due:
                send(producer, topic, sent, LINE % (sent, sent * 7_368_787 % keys, b"x" * 180))
                sent += 1
            producer.poll(0.002)
    times = []
    with Forebay(workers=workers) as server, server.connect() as connection:
        connection.execute(SOURCE.format(topic=topic, address=broker.address, more=""))
        connection.execute(GROUP.format(k="key", v="value", t="events"))
        if keys > 1_000_000:
            for key in range(keys):
                send(producer, topic, key, LINE % (0, key, b""))
            producer.flush()
            while connection.execute("SELECT count(*) FROM v").fetchone()[0] < keys:
                time.sleep(0.5)
        marker = make_producer_fast(broker)
        thread = threading.Thread(target=load, daemon=True)
        thread.start()
        end = time.monotonic() + seconds
        turn = 0
        while time.monotonic() < end:
            turn += 1
            begin = time.monotonic()
            marker.produce(topic, b'{"id":0,"key":%d,"value":1}' % (keys + turn), partition=turn % PARTITIONS)
            while connection.execute("SELECT c FROM v WHERE k = %s", (keys + turn,)).fetchone() is None:
                marker.poll(0.005)
            times.append((time.monotonic() - begin) * 1000)
        stop.set()
        thread.join()
    return times, sent / seconds


def make_producer_fast(broker):
    from confluent_kafka import Producer
    return Producer({"bootstrap.servers": broker.address, "linger.ms": 0})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=200_000, help="records a second while times are taken")
    options = parser.parse_args()
    path = data_file(f"seven_{options.rows}.json", "--rows", options.rows, "--keys", 100_000)
    expected = answer("group", path, "key", "value")
    with Broker() as broker:
        fill(broker, "events", path)
        runs = [group_run(broker, expected, options.rows, options.workers) for _ in range(options.runs)]
        print(f"{options.rows:,} records -> GROUP BY over 100,000 keys, {options.workers} workers: "
              f"{spread([options.rows / seconds / 1e3 for seconds, _ in runs], 'k records/s')}; "
              f"{spread([cpu * 1e6 / options.rows for _, cpu in runs], 'CPU-s per million')}", flush=True)
        if options.seconds > 0:
            for keys, per_second in ((100_000, options.rate), (10_000_000, options.rate // 2)):
                times, rate = latency(broker, per_second, options.seconds, options.workers, keys)
                times.sort()
                print(f"produced -> visible in a view of {keys:,} keys at {rate:,.0f} records/s: "
                      f"p50 {statistics.median(times):.1f} ms, p99 {times[int(len(times) * 0.99)]:.1f} ms of {len(times)}", flush=True)


if __name__ == "__main__":
    main()
