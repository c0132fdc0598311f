"""Sockets that keep to the protocol, and sockets that don't."""
import os
import random
import resource
import socket
import struct
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.forebay import Forebay, sanitized
from support.processes import wait_until
from support.seeds import seed
import raw
from raw import Raw, kinds

MIB = 1 << 20


def rss_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def assert_grew_less(test, server, before, most):
    """The server's memory has grown by less than `most` bytes since it was `before`."""
    if not sanitized():
        test.assertLess(rss_bytes(server.pid) - before, most)


class Protocol(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Forebay().start()
        cls.addClassCleanup(cls.server.close)
        # Large results come out of joins of this table with itself.
        cls.server.execute("CREATE TABLE numbers (n int PRIMARY KEY)")
        rows = ", ".join(f"({n})" for n in range(1000))
        cls.server.execute(f"INSERT INTO numbers VALUES {rows}")

    def connect(self, **options):
        connection = Raw(self.server.port, **options)
        self.addCleanup(connection.socket.close)
        return connection

    def assert_alive(self):
        self.assertEqual(self.server.execute("SELECT 1"), [(1,)])
        self.assertTrue(self.server.running(), self.server.log())

    # --- starting

    def test_greeting_tells_the_parameters(self):
        client = self.connect(connect=False)
        client.send(raw.startup(application_name="tester"))
        messages = client.until_ready()
        self.assertRegex(kinds(messages), "^RS+KZ$")
        parameters = dict(body[:-1].split(b"\0") for kind, body in messages if kind == b"S")
        self.assertEqual(parameters[b"client_encoding"], b"UTF8")
        self.assertEqual(parameters[b"DateStyle"], b"ISO, MDY")
        self.assertEqual(parameters[b"TimeZone"], b"UTC")
        self.assertEqual(parameters[b"integer_datetimes"], b"on")
        self.assertEqual(parameters[b"standard_conforming_strings"], b"on")
        self.assertEqual(parameters[b"application_name"], b"tester")
        self.assertRegex(parameters[b"server_version"], rb"^1[45]\.")

    def test_a_time_zone_from_the_start(self):
        client = self.connect(connect=False)
        client.send(raw.startup(TimeZone="Europe/Oslo"))
        messages = client.until_ready()
        self.assertRegex(kinds(messages), "^RS+KZ$")
        self.assertIn(b"TimeZone\0Europe/Oslo\0", [body for kind, body in messages if kind == b"S"])
        client.send(raw.query("SELECT timestamptz '2026-07-15 12:00Z'; SET TimeZone = 'utc'; "
                              "SELECT timestamptz '2026-07-15 12:00Z'"))
        messages = client.until_ready()
        rows = [body for kind, body in messages if kind == b"D"]
        self.assertTrue(rows[0].endswith(b"2026-07-15 14:00:00+02"), rows)
        self.assertTrue(rows[1].endswith(b"2026-07-15 12:00:00+00"), rows)
        self.assertIn(b"TimeZone\0UTC\0", [body for kind, body in messages if kind == b"S"])

    def test_a_time_zone_that_is_none_ends_the_connection(self):
        client = self.connect(connect=False)
        client.send(raw.startup(TimeZone="Nowhere/Land"))
        kind, body = client.next()
        self.assertEqual(kind, b"E")
        error = raw.error_fields(body)
        self.assertEqual((error["S"], error["C"], error["M"]),
                         ("FATAL", "22023", 'invalid value for parameter "TimeZone": "Nowhere/Land"'))

    def test_encryption_is_declined_and_the_client_goes_on(self):
        for code in (80877103, 80877104):
            client = self.connect(connect=False)
            client.send(struct.pack("!ii", 8, code))
            self.assertEqual(client.read(1), b"N")
            client.send(raw.startup())
            self.assertEqual(kinds(client.until_ready())[-1], "Z")

    def test_newer_minor_version_is_negotiated(self):
        client = self.connect(connect=False)
        client.send(raw.startup(version=(3 << 16) + 2, **{"_pq_.thing": "1"}))
        kind, body = client.next()
        self.assertEqual(kind, b"v")
        self.assertEqual(body, struct.pack("!ii", 0, 1) + b"_pq_.thing\0")
        self.assertEqual(kinds(client.until_ready())[-1], "Z")

    def test_other_databases_do_not_exist(self):
        client = self.connect(connect=False)
        client.send(raw.startup(database="other"))
        kind, body = client.next()
        fields = raw.error_fields(body)
        self.assertEqual((kind, fields["S"], fields["C"]), (b"E", "FATAL", "3D000"))
        self.assertEqual(fields["M"], 'database "other" does not exist')
        self.assertEqual(client.rest(), b"")

    def test_unknown_setting_in_startup_is_refused(self):
        client = self.connect(connect=False)
        client.send(raw.startup(nonsense="1"))
        self.assertEqual(raw.error_fields(client.next()[1])["C"], "42704")

    def test_startup_lengths(self):
        for length in (-1, 0, 3, 7, 10_001, 0x7FFFFFFF):
            client = self.connect(connect=False)
            client.send(struct.pack("!i", length) + b"\0" * 4)
            self.assertRegex(client.rest(), rb"^($|E.*08P01)")
        self.assert_alive()

    def test_http_and_tls_on_the_port(self):
        for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes.fromhex("160301020001000001fc0303") + b"\x11" * 200):
            client = self.connect(connect=False)
            client.send(data)
            self.assertRegex(client.rest(), rb"(?s)^($|E.*08P01)")
        self.assert_alive()

    # --- messages

    def test_bad_messages_end_the_connection(self):
        for data in (b"Q\0\0\0\3", b"Q\xff\xff\xff\xff", b"Q\x7f\xff\xff\xff", b"S\0\1\0\0",
                     b"\0\0\0\0\4", b"z\0\0\0\4", raw.message(b"p", b"secret\0")):
            client = self.connect()
            client.send(data)
            answer = client.rest()
            self.assertEqual(answer[:1], b"E", data)
            self.assertRegex(answer, rb"SFATAL\0VFATAL\0C(08P01|54000)\0")
        self.assert_alive()

    def test_bad_bodies_are_errors_and_the_session_goes_on(self):
        client = self.connect()
        for data in (raw.message(b"Q", b"no end"), raw.message(b"Q", b"a\0b\0"), raw.message(b"Q")):
            answer = client.ask(data)
            self.assertEqual(kinds(answer), "EZ")
            self.assertEqual(raw.error_fields(answer[0][1])["C"], "08P01")
        for data in (raw.message(b"P", b"x"), raw.message(b"P", b"\0SELECT 1\0\0\1"),
                     raw.message(b"B", b"\0\0\0\1"), raw.message(b"D", b"Q\0"), raw.message(b"E", b"\0"),
                     raw.message(b"C", b"?\0"), raw.message(b"D")):
            answer = client.ask(data + raw.SYNC)
            self.assertEqual(kinds(answer), "EZ", data)
            self.assertRegex(raw.error_fields(answer[0][1])["C"], "08P01|26000")
        self.assertEqual(kinds(client.ask(raw.query("SELECT 1"))), "TDCZ")

    def test_random_bytes(self):
        chosen = seed()
        print(f"seed {chosen}", flush=True)
        generator = random.Random(chosen)
        before = None
        for round_number in range(300):
            data = bytearray()
            started = generator.random() < 0.7
            for _ in range(generator.randrange(1, 6)):
                body = generator.randbytes(generator.choice((0, 1, 2, 5, 20, 300)))
                kind = bytes([generator.choice(b"QPBDECHSFdcfpXZz\0\xff")])
                announced = len(body) + 4 if generator.random() < 0.8 else generator.getrandbits(32)
                data += kind + struct.pack("!I", announced) + body
            try:
                with Raw(self.server.port, connect=started, timeout_s=5) as client:
                    client.send(bytes(data))
                    client.socket.shutdown(socket.SHUT_WR)
                    client.rest()
            except (ConnectionError, TimeoutError) as error:
                self.assertNotIsInstance(error, TimeoutError, f"round {round_number}: the server hangs")
            if round_number == 100:
                before = rss_bytes(self.server.pid)
        self.assert_alive()
        assert_grew_less(self, self.server, before, 30 * MIB)

    def test_announced_bytes_cost_nothing_until_they_come(self):
        before = rss_bytes(self.server.pid)
        clients = [self.connect() for _ in range(20)]
        for client in clients:
            client.send(b"Q" + struct.pack("!i", 16 * MIB - 1))
        self.assert_alive()
        assert_grew_less(self, self.server, before, 40 * MIB)

    def test_large_message_arrives_whole(self):
        client = self.connect()
        text = "x" * (3 * MIB)
        answer = client.ask(raw.parse("SELECT length($1)", oids=[25]) + raw.bind([text.encode()]) +
                            raw.execute() + raw.SYNC)
        self.assertEqual(kinds(answer), "12DCZ", answer[0])
        self.assertEqual(raw.row_values(answer[2][1]), [str(len(text)).encode()])

    # --- the extended protocol

    def test_errors_skip_to_sync(self):
        client = self.connect()
        answer = client.ask(raw.parse("SELECT 1") + raw.bind() + raw.execute() + raw.parse("SELEC 2") +
                            raw.bind() + raw.execute() + raw.query("SELECT 3") + raw.SYNC +
                            raw.parse("SELECT 4") + raw.bind() + raw.execute() + raw.SYNC)
        self.assertEqual(kinds(answer), "12DCEZ")
        self.assertEqual(kinds(client.until_ready()), "12DCZ")

    def test_pipelines_of_many_syncs(self):
        client = self.connect()
        one = raw.bind([b"7"], name="s") + raw.execute() + raw.SYNC
        client.send(raw.parse("SELECT $1::int", name="s") + raw.SYNC + one * 500)
        client.until_ready()
        for _ in range(500):
            self.assertEqual(kinds(client.until_ready()), "2DCZ")

    def test_portals_are_suspended(self):
        client = self.connect()
        client.send(raw.parse("SELECT n FROM numbers ORDER BY n") + raw.bind() + raw.describe() +
                    raw.execute(400) + raw.execute(400) + raw.execute(400) + raw.execute(400) + raw.SYNC)
        messages = client.until_ready()
        self.assertEqual(kinds(messages), "12T" + "D" * 400 + "s" + "D" * 400 + "s" + "D" * 200 + "CCZ")
        tags = [body for kind, body in messages if kind == b"C"]
        self.assertEqual(tags, [b"SELECT 200\0", b"SELECT 0\0"])
        values = [int(raw.row_values(body)[0]) for kind, body in messages if kind == b"D"]
        self.assertEqual(values, list(range(1000)))

    def test_portals_end_with_their_transaction(self):
        client = self.connect()
        client.ask(raw.parse("SELECT 1") + raw.bind(portal="p") + raw.SYNC)
        answer = client.ask(raw.execute(portal="p") + raw.SYNC)
        self.assertEqual(raw.error_fields(answer[0][1])["C"], "34000")

    def test_named_statements(self):
        client = self.connect()
        self.assertEqual(kinds(client.ask(raw.parse("SELECT 1", name="a") + raw.SYNC)), "1Z")
        answer = client.ask(raw.parse("SELECT 2", name="a") + raw.SYNC)
        self.assertEqual(raw.error_fields(answer[0][1])["C"], "42P05")
        answer = client.ask(raw.describe(b"S", "a") + raw.close(b"S", "a") + raw.close(b"S", "a") + raw.SYNC)
        self.assertEqual(kinds(answer), "tT33Z")
        answer = client.ask(raw.bind(name="a") + raw.SYNC)
        self.assertEqual(raw.error_fields(answer[0][1])["C"], "26000")

    def test_bind_checks_counts_and_formats(self):
        client = self.connect()
        client.ask(raw.parse("SELECT $1::int, $2::int", name="two") + raw.SYNC)
        for data, state in ((raw.bind([b"1"], name="two"), "08P01"),
                            (raw.bind([b"1", b"2"], name="two", formats=[0, 0, 0]), "08P01"),
                            (raw.bind([b"1", b"2"], name="two", formats=[2]), "22023"),
                            (raw.bind([b"1", b"2"], name="two", result_formats=[0, 0, 0]), "08P01"),
                            (raw.bind([b"1", b"x"], name="two"), "22P02"),
                            (raw.bind([b"1", b"x"], name="two", formats=[1]), "22P03"),
                            (raw.bind([b"1", b"99999999999"], name="two"), "22003")):
            answer = client.ask(data + raw.SYNC)
            self.assertEqual(raw.error_fields(answer[0][1])["C"], state)
        answer = client.ask(raw.bind([b"1", struct.pack("!i", 2)], name="two", formats=[0, 1],
                                     result_formats=[1, 0]) + raw.execute() + raw.SYNC)
        self.assertEqual(raw.row_values(answer[1][1]), [struct.pack("!i", 1), b"2"])

    def test_empty_statements(self):
        client = self.connect()
        self.assertEqual(kinds(client.ask(raw.query(""))), "IZ")
        self.assertEqual(kinds(client.ask(raw.query(" ; ;"))), "IZ")
        self.assertEqual(kinds(client.ask(raw.parse("") + raw.bind() + raw.describe() + raw.execute() +
                                          raw.SYNC)), "12nIZ")

    def test_function_calls_and_copy_messages(self):
        client = self.connect()
        answer = client.ask(raw.message(b"F", b"\0" * 8))
        self.assertEqual(raw.error_fields(answer[0][1])["C"], "0A000")
        client.send(raw.message(b"d", b"data") + raw.message(b"c") + raw.message(b"f", b"why\0"))
        self.assertEqual(kinds(client.ask(raw.query("SELECT 1"))), "TDCZ")

    def test_flush_sends_what_is_there(self):
        client = self.connect()
        client.send(raw.parse("SELECT 1") + raw.describe(b"S") + raw.FLUSH)
        self.assertEqual([client.next()[0] for _ in range(3)], [b"1", b"t", b"T"])
        client.send(raw.bind() + raw.execute() + raw.SYNC)
        self.assertEqual(kinds(client.until_ready()), "2DCZ")

    def test_answers_are_sent_without_sync_when_they_are_many(self):
        client = self.connect()
        client.send(raw.parse("SELECT n AS a_column_with_a_long_name FROM numbers", name="d"))
        client.send(raw.describe(b"S", "d") * 20_000)
        # More than a megabyte of answers: without Sync and Flush they come nevertheless.
        self.assertEqual(client.next()[0], b"1")
        for _ in range(15_000):
            self.assertEqual([client.next()[0], client.next()[0]], [b"t", b"T"])
        answer = client.ask(raw.SYNC)
        self.assertEqual(kinds(answer), "tT" * 5_000 + "Z")

    def test_rows_that_portals_keep_count_together(self):
        with Forebay(arguments=["--memory", "64MB"]) as server:  # a quarter of it, but 64 MB at least
            server.execute("CREATE TABLE numbers (n int PRIMARY KEY)")
            server.execute("INSERT INTO numbers VALUES " + ", ".join(f"({n})" for n in range(1000)))
            with Raw(server.port, timeout_s=60) as client:
                client.ask(raw.query("BEGIN"))
                client.ask(raw.parse("SELECT a.n, b.n FROM numbers a, numbers b", name="s") + raw.SYNC)
                portals = []
                for number in range(20):  # 8 MB each
                    portals.append(f"p{number}")
                    answer = client.ask(raw.bind(portal=portals[-1], name="s") + raw.execute(1, portals[-1]) + raw.SYNC)
                    if kinds(answer) != "2DsZ":
                        break
                fields = raw.error_fields(answer[1][1])
                self.assertEqual(fields["C"], "53200")
                self.assertGreater(len(portals), 3)
                client.ask(raw.query("ROLLBACK"))
                answer = client.ask(raw.bind(name="s") + raw.execute(1) + raw.SYNC)
                self.assertEqual(kinds(answer), "2DsZ")

    # --- cancel, slow and vanishing clients

    LONG = "SELECT count(*) FROM numbers a, numbers b, numbers c, numbers d WHERE a.n + b.n + c.n + d.n < -1"

    def cancel(self, key):
        with Raw(self.server.port, connect=False) as canceler:
            canceler.send(struct.pack("!iiii", 16, 80877102, *key))
            self.assertEqual(canceler.rest(), b"")

    def test_cancel_within_a_second(self):
        client = self.connect()
        client.send(raw.query(self.LONG))
        time.sleep(0.3)  # either way it must be cancelled; this only makes it likelier that it runs
        started = time.monotonic()
        self.cancel(client.key)
        answer = client.until_ready()
        self.assertLess(time.monotonic() - started, 1.0)
        self.assertEqual(raw.error_fields(answer[-2][1])["C"], "57014")
        self.assertEqual(kinds(client.ask(raw.query("SELECT 1"))), "TDCZ")

    def test_cancel_needs_the_key_and_hits_nothing_later(self):
        client = self.connect()
        self.cancel((client.key[0], client.key[1] ^ 1))
        self.cancel((client.key[0] + 1000, client.key[1]))
        self.assertEqual(kinds(client.ask(raw.query("SELECT 1"))), "TDCZ")
        client.send(raw.query(self.LONG))
        wait_until(lambda: self.running_queries() > 0, 10, "the query to run")
        self.cancel((client.key[0], client.key[1] ^ 1))
        client.socket.settimeout(0.5)
        with self.assertRaises(TimeoutError):
            client.next()
        client.socket.settimeout(20)
        self.cancel(client.key)
        self.assertEqual(raw.error_fields(client.until_ready()[-2][1])["C"], "57014")
        for _ in range(50):
            self.cancel(client.key)
            self.assertEqual(kinds(client.ask(raw.query("SELECT 1"))), "TDCZ")

    def running_queries(self):
        """Threads of the server that compute or wait for a client."""
        busy = 0
        for task in os.listdir(f"/proc/{self.server.pid}/task"):
            try:
                with open(f"/proc/{self.server.pid}/task/{task}/comm", encoding="ascii") as file:
                    name = file.read().strip()
                with open(f"/proc/{self.server.pid}/task/{task}/stat", encoding="ascii") as file:
                    state = file.read().rsplit(")", 1)[1].split()[0]
            except FileNotFoundError:
                continue
            busy += name == "query" and state == "R"
        return busy

    def test_queries_of_vanished_clients_end(self):
        for reset in (False, True):
            client = self.connect()
            client.send(raw.query(self.LONG))
            wait_until(lambda: self.running_queries() > 0, 10, "the query to run")
            if reset:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.socket.close()
            started = time.monotonic()
            wait_until(lambda: self.running_queries() == 0, 10, "the query to end")
            self.assertLess(time.monotonic() - started, 1.5)
        self.assert_alive()

    def test_slow_reader_costs_little_and_disturbs_nobody(self):
        before = rss_bytes(self.server.pid)
        client = self.connect()
        # About 50 MB of answer, and nobody reads it.
        client.send(raw.query("SELECT a.n, 'a text to fill the wire with' FROM numbers a, numbers b"))
        idle = [0]

        def waits_for_us():
            idle[0] = 0 if self.running_queries() else idle[0] + 1
            return idle[0] > 10
        wait_until(waits_for_us, 60, "the query to wait for its client")
        self.assert_alive()
        # The answer waits in the query, not in memory.
        assert_grew_less(self, self.server, before, 30 * MIB)
        messages = client.until_ready()
        self.assertEqual(sum(kind == b"D" for kind, _ in messages), 1_000_000)

    def test_half_open_connections_keep_nobody_out(self):
        for _ in range(1200):  # more than may be starting at a time
            half_open = socket.create_connection(("127.0.0.1", self.server.port))
            self.addCleanup(half_open.close)
        started = time.monotonic()
        self.assert_alive()
        self.assertLess(time.monotonic() - started, 1.0)


class ManyConnections(unittest.TestCase):
    def test_many_connections_and_one_too_many(self):
        most = 10_000
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < most + 100:
            self.skipTest(f"{hard} file descriptors are too few for {most} connections")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        clients = []
        with Forebay() as server:
            before = rss_bytes(server.pid)
            try:
                while len(clients) < most:
                    clients.append(Raw(server.port))
                with Raw(server.port, connect=False) as last:
                    last.send(raw.startup())
                    fields = raw.error_fields(last.next()[1])
                    self.assertEqual((fields["S"], fields["C"]), ("FATAL", "53300"))
                for client in clients:
                    client.send(raw.query("SELECT 1"))
                for client in clients:
                    self.assertEqual(kinds(client.until_ready()), "TDCZ")
                self.assertLess(len(os.listdir(f"/proc/{server.pid}/task")), 280)
                assert_grew_less(self, server, before, 300 * MIB)
            finally:
                for client in clients:
                    client.socket.close()

            def has_room():
                try:
                    with Raw(server.port):
                        return True
                except ConnectionError:
                    return False
            wait_until(has_room, 10, "room for a new session")


if __name__ == "__main__":
    unittest.main(verbosity=2)
