"""Topics of a real broker: where reading starts, what is read, and what happens to topics meanwhile."""
import subprocess
import time
import unittest

from cases import WAIT_S, TopicCase, TopicPartition
from support.forebay import binary
from support.processes import wait_until

from confluent_kafka import Consumer

# Not older: the broker's retention would take it away.
HOUR_AGO = (int(time.time()) - 3600) * 1000
COUNT = "SELECT count(*), coalesce(sum(id), 0)::bigint FROM v"


def ids(count, start=0):
    return [{"id": i} for i in range(start, start + count)]


def summed(count, start=0):
    return [(count, sum(range(start, start + count)))]


class Starts(TopicCase):
    def read(self, server, **options):
        self.create_source(server, **options)
        server.execute("CREATE MATERIALIZED VIEW v AS SELECT id FROM s")

    def test_earliest_and_partitions_apart(self):
        topic = self.create_topic(3)
        for partition in range(3):
            self.produce(topic, ids(10, partition * 10), partition)
        server = self.forebay()
        self.read(server, topic=topic)
        self.see(server, COUNT, summed(30))
        self.produce(topic, ids(5, 30), 1)
        self.see(server, COUNT, summed(35))

    def test_latest_is_where_the_view_began_even_after_a_restart(self):
        topic = self.create_topic(2)
        self.produce(topic, ids(10))
        server = self.forebay()
        self.read(server, topic=topic, scan_startup_mode="latest")
        self.see(server, "SELECT partition, position FROM forebay.sources",
                 [(f"{topic}/0", 10), (f"{topic}/1", 0)])
        server.kill()
        self.produce(topic, ids(5, 100), 0)
        self.produce(topic, ids(5, 105), 1)
        server.start()
        self.see(server, COUNT, summed(10, 100))

    def test_timestamp(self):
        topic = self.create_topic(2)
        self.produce(topic, ids(3), 0, timestamp=HOUR_AGO)
        self.produce(topic, ids(4, 3), 0, timestamp=HOUR_AGO + 1000)
        self.produce(topic, ids(2, 50), 1, timestamp=HOUR_AGO - 1000)  # nothing of the time or later
        server = self.forebay()
        self.read(server, topic=topic, scan_startup_mode="timestamp",
                  scan_startup_timestamp_millis=str(HOUR_AGO + 500))
        self.see(server, COUNT, summed(4, 3))
        self.produce(topic, ids(3, 7), 1)
        self.see(server, COUNT, summed(7, 3))

    def test_given_offsets(self):
        topic = self.create_topic(2)
        self.produce(topic, ids(10), 0)
        self.produce(topic, ids(2, 10), 1)
        server = self.forebay()
        self.create_source(server, topic=topic, scan_startup_mode="specific-offsets",
                           **{"scan_startup_specific-offsets": "partition:0,offset:4"})
        server.execute("CREATE MATERIALIZED VIEW v AS SELECT id FROM s")
        self.see(server, COUNT, summed(8, 4))

    def test_bounded_ends_at_the_present_end_behind_markers(self):
        topic = self.create_topic(2)
        producer = self.producer(transactional_id=topic)
        producer.init_transactions(30)
        producer.begin_transaction()
        self.produce(topic, ids(100), 0, producer)
        producer.commit_transaction(30)
        producer.begin_transaction()
        self.produce(topic, ids(50, 1000), 0, producer)
        producer.abort_transaction(30)
        script = f"""
            CREATE SOURCE s (id bigint) WITH (connector = 'kafka', topic = '{topic}',
              properties.bootstrap.server = '{self.broker.address}') FORMAT PLAIN ENCODE JSON;
            CREATE MATERIALIZED VIEW v AS SELECT id FROM s;
            SELECT count(*), sum(id) FROM v;"""
        with open(f"{self.broker.folder}/bounded.sql", "w", encoding="utf8") as file:
            file.write(script)
        done = subprocess.run([binary(), "run", file.name, "--format", "csv"], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("100,4950", done.stdout)


class Contents(TopicCase):
    def test_key_header_timestamp_partition_offset(self):
        topic = self.create_topic(2)
        at = HOUR_AGO + 123
        self.produce(topic, [{"id": 1}], 1, key=b"k1", headers=[("h", b"old"), ("x", b"1"), ("h", b"new")],
                     timestamp=at)
        self.produce(topic, [{"id": 2}], 1, key=b"\xff\x00", headers=[("h", None)], timestamp=at)
        server = self.forebay()
        self.create_source(server, topic=topic,
                           include="INCLUDE key INCLUDE header 'h' AS h INCLUDE timestamp INCLUDE partition "
                                   "INCLUDE offset AS o")
        server.execute("CREATE MATERIALIZED VIEW v AS SELECT *, (extract(epoch FROM kafka_timestamp) * 1000)::bigint AS t FROM s")
        self.see(server, "SELECT id, kafka_key, h, t, kafka_partition, o FROM v",
                 [(1, "k1", "new", at, 1, 0),
                  (2, "\\xff00", None, at, 1, 1)])

    def test_flinks_create_table(self):
        topic = self.create_topic(2)
        at = HOUR_AGO + 123
        self.produce(topic, [{"id": 1, "ms": 5000}], 1, key=b"k1", headers=[("h", b"x")], timestamp=at)
        self.produce(topic, [{"id": 2, "ms": 7000}, {"id": "no"}], 1, key=b"k2", timestamp=at)
        server = self.forebay()
        options = f"""'connector' = 'kafka', 'topic' = '{topic}', 'properties.bootstrap.servers' = '{self.broker.address}',
            'properties.group.id' = 'flink', 'scan.startup.mode' = 'earliest-offset', 'format' = 'json',
            'json.ignore-parse-errors' = 'true'"""
        server.execute(f"""CREATE TABLE t (id BIGINT, ms BIGINT, ts TIMESTAMP(3) METADATA FROM 'timestamp',
            `partition` BIGINT METADATA VIRTUAL, `offset` BIGINT METADATA VIRTUAL, k STRING METADATA FROM 'key',
            h STRING METADATA FROM 'header:h', c AS TO_TIMESTAMP_LTZ(ms, 3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
            WITH ({options})""")
        server.execute("CREATE MATERIALIZED VIEW v AS SELECT *, (extract(epoch FROM ts) * 1000)::bigint AS t FROM t")
        server.execute(f"""CREATE TABLE latest (id BIGINT, ms BIGINT, `offset` BIGINT METADATA, PRIMARY KEY (id) NOT ENFORCED)
            WITH ({options})""")
        query = """SELECT id, t, "partition", "offset", k, h, extract(epoch FROM c)::int FROM v"""
        rows = [(1, at, 1, 0, "k1", "x", 5), (2, at, 1, 1, "k2", None, 7)]
        self.see(server, query, rows)
        self.see(server, "SELECT watermark = (SELECT max(ts) FROM v) - INTERVAL '5 seconds' FROM forebay.watermarks "
                         "WHERE object = 'v' AND partition LIKE '%/1'", [(True,)])
        self.see(server, "SELECT id, ms, \"offset\" FROM latest", [(1, 5000, 0), (2, 7000, 1)])
        server.kill()
        self.produce(topic, [{"id": 1, "ms": 9000}], 1, timestamp=at + 1000)
        server.start()
        self.see(server, query, rows + [(1, at + 1000, 1, 3, None, None, 9)])
        self.see(server, "SELECT id, ms, \"offset\" FROM latest", [(1, 9000, 3), (2, 7000, 1)])

    def test_csv_and_bad_records_with_their_offsets(self):
        topic = self.create_topic()
        self.produce(topic, ["1,a", "2,\"b\nc\"", "x,y", None, "3,c"])
        server = self.forebay()
        self.create_source(server, topic=topic, columns="id bigint, name text", encode="CSV")
        server.execute("CREATE MATERIALIZED VIEW v AS SELECT id, name FROM s")
        self.see(server, "SELECT * FROM v", [(1, "a"), (2, "b\nc"), (3, "c")])
        self.see(server, "SELECT source_partition, source_offset, sqlstate FROM forebay.errors",
                 [(f"{topic}/0", 2, "22P02"), (f"{topic}/0", 3, "22P04")])

    def test_a_list_of_topics_and_a_pattern(self):
        one, two = self.create_topic(), self.create_topic()
        self.produce(one, ids(2))
        self.produce(two, ids(2, 2))
        server = self.forebay()
        self.create_source(server, topic=f"{one}, {two}")
        prefix = f"pattern-{one}-"
        self.create_source(server, "p", topic_pattern=prefix + "[0-9]+", scan_startup_mode="latest")
        server.execute("CREATE MATERIALIZED VIEW v AS SELECT id FROM s")
        self.see(server, COUNT, summed(4))
        first = self.create_topic(name=prefix + "1")
        self.create_topic(name=prefix + "other")
        server.execute("CREATE MATERIALIZED VIEW w AS SELECT id FROM p")
        self.see(server, "SELECT partition FROM forebay.sources WHERE name = 'p'", [(first + "/0",)])
        second = self.create_topic(name=prefix + "2")
        self.produce(second, ids(3))
        self.see(server, "SELECT count(*) FROM w", [(3,)])

    def test_compacted_topic(self):
        topic = self.create_topic(cleanup_policy="compact", segment_ms=100, min_cleanable_dirty_ratio=0.01,
                                  min_compaction_lag_ms=0, delete_retention_ms=100)
        for i in range(30):
            self.produce(topic, [{"id": i}], key=str(i % 3))
        self.produce(topic, [{"id": 100}], key="last")
        first = None

        def low_moved():
            nonlocal first
            server.execute("DROP SOURCE IF EXISTS s CASCADE")
            self.create_source(server, topic=topic, include="INCLUDE offset AS o", group_id="x")
            server.execute("CREATE MATERIALIZED VIEW v AS SELECT id, o FROM s")
            self.see(server, "SELECT max(id) FROM v", [(100,)])
            return server.execute("SELECT count(*) FROM v")[0][0] < 31
        server = self.forebay()
        end = time.monotonic() + 60
        while not low_moved():
            self.assertLess(time.monotonic(), end, "the broker did not compact")
            self.produce(topic, [{"id": 50}], key="more")
        # What is left is each key's last record at least, and positions count what was skipped.
        rows = dict(server.execute("SELECT o, id FROM v"))
        for offset in (27, 28, 29, 30):
            self.assertIn(offset, rows)
        self.see(server, "SELECT lag FROM forebay.sources WHERE name = 's'", [(0,)])


class Changes(TopicCase):
    def watched(self, topic, server=None, **options):
        server = server or self.forebay()
        self.create_source(server, topic=topic, **options)
        server.execute("CREATE MATERIALIZED VIEW v AS SELECT id FROM s")
        return server

    def test_partitions_added_are_read_from_their_beginning(self):
        topic = self.create_topic(1)
        self.produce(topic, ids(10))
        server = self.watched(topic, scan_startup_mode="latest")
        self.see(server, "SELECT partition, position FROM forebay.sources", [(f"{topic}/0", 10)])
        self.add_partitions(topic, 3)
        self.produce(topic, ids(5, 10), 2)
        self.produce(topic, ids(5, 15), 1)
        self.see(server, COUNT, summed(10, 10))
        server.restart(with_kill=True)
        self.produce(topic, ids(5, 20), 2)
        self.see(server, COUNT, summed(15, 10))

    def test_partitions_added_while_the_server_is_down(self):
        topic = self.create_topic(1)
        server = self.watched(topic, scan_startup_mode="latest")
        self.see(server, "SELECT partition, position FROM forebay.sources", [(f"{topic}/0", 0)])
        server.kill()
        self.add_partitions(topic, 2)
        self.produce(topic, ids(5), 1)
        server.start()
        self.see(server, COUNT, summed(5))

    def test_deleted(self):
        topic = self.create_topic()
        self.produce(topic, ids(5))
        server = self.watched(topic)
        self.see(server, COUNT, summed(5))
        self.delete_topic(topic)
        self.see_status(server, "failed", "was deleted")
        self.see(server, COUNT, summed(5))

    def recreate(self, while_down):
        """Six variants: fewer, as many and more partitions, with lower and higher offsets than before."""
        server = self.forebay()
        topics = []
        for partitions in (1, 2, 3):
            for records in (3, 40):
                topic = self.create_topic(2)
                for partition in (0, 1):
                    self.produce(topic, ids(10), partition)
                name = f"s_{partitions}_{records}"
                self.create_source(server, name, topic=topic)
                server.execute(f"CREATE MATERIALIZED VIEW v_{name} AS SELECT id FROM {name}")
                topics.append((topic, partitions, records, name))
        for *_, name in topics:
            self.see(server, f"SELECT count(*), sum(id)::bigint FROM v_{name}", [(20, 90)])
        if while_down:
            server.kill()
        for topic, partitions, records, _ in topics:
            self.delete_topic(topic)
            self.create_topic(partitions, topic)
            for partition in range(partitions):
                self.produce(topic, ids(records, 1000), partition)
        if while_down:
            server.start()
        for *_, name in topics:
            self.see_status(server, "failed", "was deleted", name)
            self.see(server, f"SELECT count(*), sum(id)::bigint FROM v_{name}", [(20, 90)])

    def test_recreated_while_read(self):
        self.recreate(False)

    def test_recreated_while_down(self):
        self.recreate(True)

    def test_trimmed_below_the_position_is_nothing(self):
        topic = self.create_topic()
        self.produce(topic, ids(10))
        server = self.watched(topic)
        self.see(server, COUNT, summed(10))
        self.trim(topic, 0, 8)
        server.restart(with_kill=True)
        self.produce(topic, ids(5, 10))
        self.see(server, COUNT, summed(15))

    def test_trimmed_beyond_the_position_stops_the_source(self):
        topic = self.create_topic()
        self.produce(topic, ids(10))
        server = self.watched(topic)
        self.see(server, COUNT, summed(10))
        server.kill()
        self.produce(topic, ids(10, 10))
        self.trim(topic, 0, 15)
        server.start()
        self.see_status(server, "failed", "offset 10 of partition 0")
        self.see(server, COUNT, summed(10))

    def test_topic_that_comes_later(self):
        topic = f"later-{id(self)}"
        server = self.watched(topic)
        self.see(server, COUNT, [(0, 0)])
        self.create_topic(2, topic)
        self.produce(topic, ids(7), 1)
        self.see(server, COUNT, summed(7))

    def test_transactions(self):
        topic = self.create_topic(1)
        producer = self.producer(transactional_id=topic)
        producer.init_transactions(30)
        server = self.watched(topic)
        expected = 0
        for turn in range(6):
            producer.begin_transaction()
            self.produce(topic, ids(10, turn * 10), 0, producer)
            if turn % 2 == 0:
                producer.commit_transaction(30)
                expected += 10
            else:
                producer.abort_transaction(30)
            # The position goes over markers and aborted records: nothing is left to read.
            self.see(server, "SELECT position, lag FROM forebay.sources", [((turn + 1) * 11, 0)])
            self.see(server, "SELECT count(*) FROM v", [(expected,)])
        # An open transaction is not read, nor anything behind it.
        producer.begin_transaction()
        self.produce(topic, ids(3, 100), 0, producer)
        self.produce(topic, ids(1, 200), 0)
        server.restart(with_kill=True)
        self.see(server, "SELECT count(*), max(id) FROM v", [(30, 49)])
        producer.commit_transaction(30)
        self.see(server, "SELECT count(*), max(id) FROM v", [(34, 200)])

    def test_group_learns_what_was_committed(self):
        topic = self.create_topic(2)
        self.produce(topic, ids(10), 0)
        self.produce(topic, ids(3), 1)
        server = self.watched(topic, group_id=f"lag-{topic}")
        self.see(server, "SELECT count(*) FROM v", [(13,)])
        wanted = {(topic, 0): 10, (topic, 1): 3}
        end = time.monotonic() + 60
        while self.group_offsets(f"lag-{topic}") != wanted:
            self.assertLess(time.monotonic(), end, self.group_offsets(f"lag-{topic}"))
            time.sleep(0.1)
        # Nothing is read from there.
        server.kill()
        self.admin.alter_consumer_group_offsets([self.group_request(f"lag-{topic}", topic)])
        server.start()
        self.produce(topic, ids(2), 1)
        self.see(server, "SELECT count(*) FROM v", [(15,)])

    def test_another_consumer_of_the_group_changes_nothing(self):
        """Partitions are assigned by the engine: a rebalance of the group takes none away, and gives none back."""
        topic = self.create_topic(2)
        group = f"lag-{topic}"
        self.produce(topic, ids(10), 0)
        server = self.watched(topic, group_id=group)
        self.see(server, COUNT, summed(10))
        other = Consumer({"bootstrap.servers": self.broker.address, "group.id": group, "log_level": 0,
                          "auto.offset.reset": "earliest", "enable.auto.commit": False})
        self.addCleanup(other.close)
        other.subscribe([topic])
        taken = []
        wait_until(lambda: taken.append(other.poll(0.2)) or len(other.assignment()) == 2, WAIT_S, "the group's partitions")
        self.produce(topic, ids(10, 10), 0)
        self.produce(topic, ids(10, 20), 1)
        self.see(server, COUNT, summed(30))
        server.restart(with_kill=True)
        self.produce(topic, ids(5, 30), 1)
        self.see(server, COUNT, summed(35))

    @staticmethod
    def group_request(group, topic):
        from confluent_kafka import ConsumerGroupTopicPartitions
        return ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 0)])


if __name__ == "__main__":
    unittest.main()
