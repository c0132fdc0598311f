"""A Kafka broker of the demo's own, and a producer that replays the departures into its topics."""
import datetime
import json
import os
import sys
import threading
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(FOLDER, "..", "..", "tests", "kafka")]

from broker import Broker  # noqa: E402

TOPICS = {"airlines": 1, "airports": 1, "planes": 1, "weather": 2, "flights": 4}


class Topics:
    """folder: what prepare.py has written; speed: seconds of 2013 in one second, or "max"."""

    def __init__(self, folder, speed):
        self.folder = folder
        self.speed = None if speed == "max" else float(speed)
        self.broker = Broker()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._produce, daemon=True)
        self.error = None

    def start(self):
        """Starts broker and producer; the address of the broker."""
        from confluent_kafka.admin import AdminClient, NewTopic
        self.broker.start()
        admin = AdminClient({"bootstrap.servers": self.broker.address})
        made = admin.create_topics([NewTopic(name, partitions, 1) for name, partitions in TOPICS.items()])
        for answer in made.values():
            answer.result(30)
        self.thread.start()
        return self.broker.address

    def stop(self):
        self.stopping.set()
        if self.thread.is_alive():
            self.thread.join()
        self.broker.close()

    def _lines(self, name):
        """The records of a topic: lines of its file, without a header."""
        for kind in (".jsonl", ".csv"):
            path = os.path.join(self.folder, name + kind)
            if os.path.exists(path):
                with open(path, "rb") as file:
                    if kind == ".csv":
                        file.readline()
                    for line in file:
                        yield line.rstrip(b"\n")

    def _produce(self):
        from confluent_kafka import Producer
        producer = Producer({"bootstrap.servers": self.broker.address, "compression.type": "lz4", "linger.ms": 5,
                             "enable.idempotence": True, "log_level": 3})
        for name, partitions in TOPICS.items():
            begin = first = None
            for number, line in enumerate(self._lines(name)):
                if name == "flights" and self.speed:
                    at = datetime.datetime.fromisoformat(json.loads(line)["event_time"]).timestamp()
                    if first is None:
                        begin, first = time.monotonic(), at
                    due = begin + (at - first) / self.speed
                    while (wait := due - time.monotonic()) > 0 and not self.stopping.is_set():
                        producer.poll(min(wait, 0.05))
                if self.stopping.is_set():
                    return
                while True:
                    try:
                        producer.produce(name, line, partition=number % partitions)
                        break
                    except BufferError:
                        producer.poll(0.05)
        producer.flush()
