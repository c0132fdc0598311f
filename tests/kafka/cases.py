"""What the tests of topics share: a broker, topics of a test's own, producers, and servers to read them."""
import itertools
import json
import os
import random
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
from broker import Broker  # noqa: E402
from support.forebay import Forebay  # noqa: E402
from support.processes import wait_until  # noqa: E402
from support.seeds import seed  # noqa: E402

from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition  # noqa: E402
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic  # noqa: E402

NUMBERS = itertools.count(1)
WAIT_S = 60


class TopicCase(unittest.TestCase):
    """One broker for all tests of a program; every test has topics and servers of its own."""

    broker = None

    @classmethod
    def setUpClass(cls):
        if TopicCase.broker is None:
            TopicCase.broker = Broker.adopted() or Broker().start()
        cls.admin = AdminClient({"bootstrap.servers": cls.broker.address, "log_level": 0})

    def setUp(self):
        self.chance = random.Random(f"{seed()} {self.id()}")

    def create_topic(self, partitions=1, name=None, **config):
        name = name or f"t{next(NUMBERS)}-{os.getpid()}"
        config = {key.replace("_", "."): str(value) for key, value in config.items()}

        def created():
            try:
                self.admin.create_topics([NewTopic(name, partitions, 1, config=config)])[name].result(10)
            except Exception as error:  # noqa: BLE001
                if "already" not in str(error) and "marked for deletion" not in str(error):
                    raise
                return False  # a deletion that is not yet everywhere
            return True
        wait_until(created, WAIT_S, f"topic {name}")
        wait_until(lambda: len(self.admin.list_topics(timeout=10).topics[name].partitions) == partitions
                   if name in self.admin.list_topics(timeout=10).topics else False, WAIT_S, name)
        return name

    def delete_topic(self, name):
        self.admin.delete_topics([name])[name].result(10)
        wait_until(lambda: name not in self.admin.list_topics(timeout=10).topics, WAIT_S, f"no {name}")

    def add_partitions(self, name, total):
        self.admin.create_partitions([NewPartitions(name, total)])[name].result(10)

    def trim(self, name, partition, offset):
        at = TopicPartition(name, partition, offset)
        list(self.admin.delete_records([at]).values())[0].result(10)

    def group_offsets(self, group):
        answer = self.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
        return {(at.topic, at.partition): at.offset for at in answer[group].result(10).topic_partitions}

    def producer(self, **config):
        config = {key.replace("_", "."): value for key, value in config.items()}
        return Producer({"bootstrap.servers": self.broker.address, "compression.type": "lz4", "linger.ms": 5,
                         "log_level": 0, "partitioner": "consistent", **config})

    def produce(self, topic, values, partition=0, producer=None, **more):
        """Values are bytes, text, None or what becomes JSON; returns when the broker has them."""
        producer = producer or self.producer()
        failed = []
        for value in values:
            if not isinstance(value, (bytes, str, type(None))):
                value = json.dumps(value)
            while True:
                try:
                    producer.produce(topic, value, partition=partition,
                                     on_delivery=lambda error, _: error and failed.append(error), **more)
                    break
                except BufferError:
                    producer.poll(0.1)
        self.assertEqual(producer.flush(WAIT_S), 0)
        self.assertEqual(failed, [])

    def forebay(self, **options):
        options.setdefault("workers", self.chance.choice((1, 2, 3)))
        options.setdefault("settings", {"checkpoint_interval": "20ms"})
        server = Forebay(**options)
        self.addCleanup(server.close)
        return server.start()

    def create_source(self, server, name="s", columns="id bigint", include="", encode="JSON", address=None, **options):
        """Options with _ for the dots of their names; `topic`, or `topic_pattern`, is one of them."""
        given = {"connector": "kafka", "properties.bootstrap.server": address or self.broker.address,
                 "properties.topic.metadata.refresh.interval.ms": "200"}
        given.update({key.replace("_", "."): value for key, value in options.items()})
        words = ", ".join(f"\"{key}\" = '{value}'" for key, value in given.items())
        server.execute(f"CREATE SOURCE {name} ({columns}) {include} WITH ({words}) FORMAT PLAIN ENCODE {encode}")

    def see(self, server, query, expected, timeout_s=WAIT_S):
        """Waits until a query gives these rows, in any order."""
        seen = []

        def same():
            seen[:] = [server.execute(query)]
            return sorted(map(repr, seen[0])) == sorted(map(repr, expected))
        try:
            wait_until(same, timeout_s, query)
        except TimeoutError as error:
            sources = server.execute("SELECT * FROM forebay.sources")
            raise AssertionError(f"{error}\ngot      {seen[0]}\nexpected {expected}\nsources {sources}") from error

    def see_status(self, server, status, reason, source="s"):
        """Waits until every partition of a source has a status, with a reason that contains `reason`."""
        query = f"SELECT DISTINCT status, coalesce(reason, '') FROM forebay.sources WHERE name = '{source}'"
        seen = []

        def same():
            seen[:] = server.execute(query)
            return seen and all(row[0] == status and reason in row[1] for row in seen)
        try:
            wait_until(same, WAIT_S, status)
        except TimeoutError as error:
            raise AssertionError(f"status {seen}, expected {status}: {reason}") from error
