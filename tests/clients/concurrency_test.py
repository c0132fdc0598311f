"""Many sessions at once: who wins a key, prepared statements across DDL, DML beside DDL."""
import os
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.forebay import Forebay
import psycopg

SESSIONS = 8


class Concurrency(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Forebay(workers=2).start()
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        self.connection = self.server.connect()
        self.addCleanup(self.connection.close)

    def together(self, work, sessions=SESSIONS):
        """work(session number, connection) in each session at once; the exceptions of all fail the test."""
        failures = []
        start = threading.Barrier(sessions)

        def run(number):
            try:
                with self.server.connect() as connection:
                    start.wait()
                    work(number, connection)
            except Exception as error:  # pylint: disable=broad-except
                failures.append(error)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(sessions)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_of_concurrent_inserts_of_one_key_exactly_one_succeeds(self):
        self.connection.execute("CREATE TABLE won (k bigint PRIMARY KEY, by integer)")
        keys = 60
        wins = [[] for _ in range(SESSIONS)]
        states = set()

        def insert_all(number, connection):
            for key in range(keys):
                try:
                    connection.execute("INSERT INTO won VALUES (%s, %s)", (key, number))
                    wins[number].append(key)
                except psycopg.Error as error:
                    states.add(error.sqlstate)

        self.together(insert_all)
        self.assertLessEqual(states, {"23505"})
        self.assertEqual(sorted(sum(wins, [])), list(range(keys)))
        rows = self.connection.execute("SELECT k, by FROM won").fetchall()
        self.assertEqual(sorted(rows),
                         sorted((key, number) for number in range(SESSIONS) for key in wins[number]))

    def test_inserts_and_deletes_of_one_key_take_turns(self):
        self.connection.execute("CREATE TABLE turns (k bigint PRIMARY KEY)")
        balance = [0] * SESSIONS

        def work(number, connection):
            for _ in range(40):
                try:
                    connection.execute("INSERT INTO turns VALUES (1)")
                    balance[number] += 1
                except psycopg.errors.UniqueViolation:
                    pass
                balance[number] -= connection.execute("DELETE FROM turns WHERE k = 1").rowcount

        self.together(work)
        count = self.connection.execute("SELECT count(*) FROM turns").fetchone()[0]
        self.assertEqual(sum(balance), count)

    def test_prepared_statements_after_ddl(self):
        execute = self.connection.execute
        other = self.server.connect()  # psycopg forgets its statements when it sees its own DDL
        self.addCleanup(other.close)
        execute("CREATE TABLE prep (k bigint PRIMARY KEY, v text)")
        execute("INSERT INTO prep VALUES (1, 'one')")
        execute("PREPARE every AS SELECT count(*) FROM prep")

        def find():
            return execute("SELECT v FROM prep WHERE k = %s", (1,), prepare=True).fetchall()

        self.assertEqual((find(), execute("EXECUTE every").fetchall()), ([("one",)], [(1,)]))
        other.execute("CREATE TABLE beside (k bigint)")
        self.assertEqual((find(), execute("EXECUTE every").fetchall()), ([("one",)], [(1,)]))
        other.execute("DROP TABLE prep")
        for again in (find, lambda: execute("EXECUTE every")):
            with self.assertRaises(psycopg.errors.UndefinedTable):
                again()
        other.execute("CREATE TABLE prep (k bigint PRIMARY KEY, v text)")
        self.assertEqual((find(), execute("EXECUTE every").fetchall()), ([], [(0,)]))

    def test_execute_without_its_parameters(self):
        self.connection.execute("PREPARE twice AS SELECT $1::bigint * 2")
        with self.assertRaises(psycopg.Error) as caught:
            self.connection.execute("EXECUTE twice")
        self.assertIn(caught.exception.sqlstate, ("42601", "0A000"))
        self.assertEqual(self.connection.execute("SELECT 1").fetchone(), (1,))

    def test_views_come_and_go_beside_writes(self):
        self.connection.execute("CREATE TABLE load (k bigint PRIMARY KEY, n bigint)")

        def work(number, connection):
            for i in range(20):
                if number < 2:
                    name = f"sums_{number}"
                    connection.execute(f"CREATE MATERIALIZED VIEW {name} AS"
                                       " SELECT n, count(*) AS c FROM load GROUP BY n")
                    connection.execute(f"SELECT sum(c) FROM {name}").fetchall()
                    connection.execute(f"DROP MATERIALIZED VIEW {name}")
                else:
                    connection.execute("INSERT INTO load VALUES (%s, %s)", (number * 1000 + i, i % 7))

        self.together(work, 5)
        self.assertEqual(self.connection.execute("SELECT count(*) FROM load").fetchone(), (60,))


if __name__ == "__main__":
    unittest.main()
