#!/usr/bin/env python3
"""ALTER TABLE ... ADD COLUMN and CREATE INDEX while sessions write and read: nothing is lost, nothing is seen in half."""
import os
import sys
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from support.forebay import Forebay  # noqa: E402
import psycopg  # noqa: E402

WRITERS = 3
COLUMNS = 12
# 40001: the table changed meanwhile. 0A000: a prepared SELECT * would give more columns.
ALLOWED = ("40001", "0A000")


class AlterTest(unittest.TestCase):
    def setUp(self):
        self.server = Forebay(workers=2)
        self.server.start()
        self.addCleanup(self.server.close)
        self.over = threading.Event()
        self.faults = []
        self.written = [0] * WRITERS

    def write(self, number):
        with self.server.connect() as connection:
            key = number
            while not self.over.is_set():
                try:
                    if key % 5 == 0:
                        connection.execute("BEGIN")
                    connection.execute("INSERT INTO t (id, k) VALUES (%s, %s)", (key, key % 7))
                    if key % 5 == 0:
                        connection.execute("UPDATE t SET k = 100 + k WHERE id = %s", (key,))
                        connection.execute("COMMIT")
                    self.written[number] += 1
                except psycopg.Error as error:
                    if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                        connection.execute("ROLLBACK")
                    if error.sqlstate not in ALLOWED:
                        self.faults.append(f"writer: {error.sqlstate} {error}")
                        return
                key += WRITERS

    def read(self):
        with self.server.connect() as connection:
            seen = 0
            while not self.over.is_set():
                try:
                    rows = connection.execute("SELECT count(*), count(k), min(k) >= 0 FROM t").fetchone()
                    whole = connection.execute("SELECT * FROM t WHERE k = 3").fetchall()
                except psycopg.Error as error:
                    if error.sqlstate not in ALLOWED:
                        self.faults.append(f"reader: {error.sqlstate} {error}")
                        return
                    continue
                if rows[0] != rows[1] or rows[0] < seen or any(row[1] != 3 for row in whole):
                    self.faults.append(f"reader: {rows} after {seen}")
                    return
                seen = rows[0]

    def test_columns_and_indexes_come_while_sessions_work(self):
        with self.server.connect() as connection:
            connection.execute("CREATE TABLE t (id int PRIMARY KEY, k int)")
            connection.execute("CREATE MATERIALIZED VIEW by_k AS SELECT k, count(*) AS n FROM t GROUP BY k")
            connection.execute("CREATE MATERIALIZED VIEW all_of AS SELECT * FROM t")
            threads = [threading.Thread(target=self.write, args=(i,)) for i in range(WRITERS)]
            threads.append(threading.Thread(target=self.read))
            for thread in threads:
                thread.start()
            try:
                for i in range(COLUMNS):
                    before = sum(self.written)
                    while sum(self.written) < before + 10 and not self.faults:
                        self.over.wait(0.01)
                    connection.execute(f"ALTER TABLE t ADD COLUMN c{i} int NOT NULL DEFAULT {i}")
                    if i % 4 == 1:
                        connection.execute(f"CREATE INDEX i{i} ON t (k, c{i})")
            finally:
                self.over.set()
                for thread in threads:
                    thread.join()
            self.assertEqual(self.faults, [])
            count, = connection.execute("SELECT count(*) FROM t").fetchone()
            self.assertEqual(count, sum(self.written))
            self.assertEqual(connection.execute("SELECT count(*) FROM all_of").fetchone(), (count,))
            self.assertEqual(connection.execute("SELECT * FROM by_k EXCEPT ALL SELECT k, count(*) FROM t GROUP BY k").fetchall(),
                             [])
            sums = ", ".join(f"sum(c{i})" for i in range(COLUMNS))
            self.assertEqual(connection.execute(f"SELECT {sums} FROM t").fetchone(),
                             tuple(count * i for i in range(COLUMNS)))
            for k in range(7):
                plain = connection.execute("SELECT count(*) FROM t WHERE k + 0 = %s", (k,)).fetchone()
                self.assertEqual(connection.execute(f"SELECT count(*) FROM t WHERE k = {k}").fetchone(), plain)


if __name__ == "__main__":
    unittest.main()
