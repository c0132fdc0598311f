"""Brokers and servers that die while topics are read: nothing is lost, nothing is counted twice."""
import threading
import unittest

from cases import TopicCase

PER_PARTITION = """CREATE MATERIALIZED VIEW v AS SELECT kafka_partition AS p, count(*) AS n, sum(id)::bigint AS s,
                   min(o) AS first, max(o) AS last FROM s GROUP BY kafka_partition"""


class Load:
    """Produces to every partition until stop(): record i of a partition is {"id": i}, and has the offset i."""

    def __init__(self, case, topic, partitions, broker):
        self.case, self.topic, self.broker = case, topic, broker
        self.sent = [0] * partitions
        self.stopping = threading.Event()
        self.failed = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        from confluent_kafka import Producer
        # Idempotent: a producer that sends again after a broker's death writes nothing twice.
        producer = Producer({"bootstrap.servers": self.broker.address, "enable.idempotence": True, "log_level": 0,
                             "compression.type": "lz4", "reconnect.backoff.max.ms": 500})

        def delivered(error, _):
            self.failed = self.failed or error
        while not self.stopping.is_set():
            for partition, number in enumerate(self.sent):
                for i in range(number, number + 50):
                    producer.produce(self.topic, f'{{"id": {i}}}', partition=partition, on_delivery=delivered)
                self.sent[partition] += 50
            producer.flush(0.01)
            while len(producer) > 20_000 and not self.stopping.is_set():
                producer.poll(0.1)
        self.left = producer.flush(120)

    def stop(self):
        self.stopping.set()
        self.thread.join()
        self.case.assertIsNone(self.failed)
        self.case.assertEqual(self.left, 0)
        return [(p, n, n * (n - 1) // 2, 0, n - 1) for p, n in enumerate(self.sent)]


class Faults(TopicCase):
    PARTITIONS = 4

    def start(self, broker=None, **options):
        broker = broker or self.broker
        topic = self.create_topic(self.PARTITIONS)
        server = self.forebay(**options)
        self.create_source(server, topic=topic, include="INCLUDE partition INCLUDE offset AS o",
                           address=broker.address)
        server.execute(PER_PARTITION)
        return topic, server

    def count(self, server):
        return int(server.execute("SELECT coalesce(sum(n), 0) FROM v")[0][0])

    def progress(self, server, more=1):
        """Waits until more was read."""
        from support.processes import wait_until
        before = self.count(server)
        wait_until(lambda: self.count(server) >= before + more, 60, "progress")

    def test_kill_of_the_server_and_other_workers(self):
        topic, server = self.start(workers=2)
        load = Load(self, topic, self.PARTITIONS, self.broker)
        least = 0
        for workers in (1, 4, 3, 2, 4, 1):
            self.progress(server, self.chance.randrange(1, 5000))
            least = self.count(server)
            server.restart(workers=workers, with_kill=True)
            self.assertGreaterEqual(self.count(server), least)  # what was seen was committed
        expected = load.stop()
        self.see(server, "SELECT * FROM v", expected)
        server.restart(workers=3, with_kill=True)
        self.see(server, "SELECT * FROM v", expected)

    def test_views_of_one_source_come_to_share_a_reader(self):
        topic, server = self.start(workers=2)
        load = Load(self, topic, self.PARTITIONS, self.broker)
        self.progress(server, 1000)
        server.execute(PER_PARTITION.replace("VIEW v", "VIEW w"))
        together = "SELECT count(*) FROM forebay.pipelines WHERE objects LIKE '%v%' AND objects LIKE '%w%'"
        self.see(server, together, [(1,)])
        self.assertEqual(server.execute("SELECT count(*) FROM v FULL JOIN w USING (p, n, s, first, last)"),
                         [(self.PARTITIONS,)])
        server.restart(with_kill=True)
        self.progress(server)
        self.see(server, together, [(1,)])
        expected = load.stop()
        for view in "vw":
            self.see(server, f"SELECT * FROM {view}", expected)

    def test_broker_killed_and_restarted_while_read(self):
        topic, server = self.start()
        load = Load(self, topic, self.PARTITIONS, self.broker)
        for turn in range(3):
            self.progress(server)
            self.broker.kill()
            if turn == 0:
                self.see_status(server, "waiting", "broker")
                self.assertGreater(self.count(server), 0)  # views answer all the same
            elif turn == 1:
                server.restart(workers=1 + turn, with_kill=True)
                self.see_status(server, "waiting", "broker")
            self.broker.start()
            self.progress(server)
            self.see_status(server, "running", "")
        self.see(server, "SELECT * FROM v", load.stop())

    def test_broker_down_when_the_view_is_made(self):
        topic = self.create_topic()
        self.produce(topic, [{"id": i} for i in range(10)])
        self.broker.kill()
        server = self.forebay()
        self.create_source(server, topic=topic)
        server.execute("CREATE MATERIALIZED VIEW v AS SELECT id FROM s")
        self.see_status(server, "waiting", "cannot be reached")
        server.stop()  # and nothing hangs
        server.start()
        self.broker.start()
        self.see(server, "SELECT count(*), sum(id)::bigint FROM v", [(10, 45)])

    def test_nobody_listens_at_the_address(self):
        server = self.forebay()
        self.create_source(server, topic="t", address="127.0.0.1:1")
        server.execute("CREATE MATERIALIZED VIEW v AS SELECT id FROM s")
        self.see_status(server, "waiting", "127.0.0.1:1")
        server.execute("DROP SOURCE s CASCADE")
        self.see(server, "SELECT count(*) FROM forebay.sources", [(0,)])


if __name__ == "__main__":
    unittest.main()
