"""What runs against the server until it dies: a writer that appends to files, clients that change a table and
remember what was acknowledged, a reader. And the model of both inputs."""
import collections
import os
import random
import threading

import psycopg

KEYS = 40
FILES = 3

SCHEMA = """
CREATE SOURCE events (file_no integer, seq integer, key integer, amount bigint)
  WITH (connector = 'file', path = '{folder}/part-*.jsonl') FORMAT PLAIN ENCODE JSON;
CREATE TABLE accounts (id integer PRIMARY KEY, client integer, n integer, amount bigint);
CREATE MATERIALIZED VIEW every AS SELECT file_no, seq FROM events;
CREATE MATERIALIZED VIEW per_file AS
  SELECT file_no, count(*) AS n, sum(seq) AS s, min(seq) AS lo, max(seq) AS hi FROM events GROUP BY file_no;
CREATE MATERIALIZED VIEW per_key AS
  SELECT key, count(*) AS n, sum(amount) AS s, min(amount) AS lo, max(amount) AS hi FROM events GROUP BY key;
CREATE MATERIALIZED VIEW by_n AS
  SELECT n, count(*) AS rows, sum(amount) AS s, min(amount) AS lo, max(amount) AS hi FROM accounts GROUP BY n;
CREATE MATERIALIZED VIEW joined AS
  SELECT p.key, p.n, a.id, a.amount FROM per_key p LEFT JOIN accounts a ON a.n = p.key;
CREATE MATERIALIZED VIEW lonely AS
  SELECT a.id, a.n FROM accounts a WHERE NOT EXISTS (SELECT 1 FROM per_key p WHERE p.key = a.n AND p.n > 100);
CREATE MATERIALIZED VIEW richest AS SELECT id, amount FROM accounts ORDER BY amount DESC, id LIMIT 7;
CREATE MATERIALIZED VIEW total AS SELECT count(*) AS n, sum(s) AS s FROM per_key;
"""


def record(file_no, seq):
    """Key and amount of a line, a function of where it stands."""
    return (seq * 7 + file_no * 13) % KEYS, (seq * 31 + file_no * 17) % 1000 - 300


def line(file_no, seq):
    key, amount = record(file_no, seq)
    return '{"file_no":%d,"seq":%d,"key":%d,"amount":%d}\n' % (file_no, seq, key, amount)


class Files:
    """The appended files. written[f]: whole lines that are in file f."""

    def __init__(self, folder):
        self.folder = folder
        self.written = collections.Counter()
        self.open_files = {}

    def path(self, file_no):
        return os.path.join(self.folder, f"part-{file_no:04}.jsonl")

    def append(self, file_no, count, torn=False):
        """Appends lines; torn: the last one arrives in two writes."""
        first = self.written[file_no]
        data = "".join(line(file_no, seq) for seq in range(first, first + count)).encode()
        file = self.open_files.get(file_no)
        if file is None:
            file = self.open_files[file_no] = open(self.path(file_no), "ab", buffering=0)
        cut = len(data) - 9 if torn else len(data)
        file.write(data[:cut])
        if cut < len(data):
            file.write(data[cut:])
        self.written[file_no] += count

    def add_file(self, count):
        """A new file of so many lines appears at once."""
        file_no = max([FILES, *self.written]) + 1
        hidden = os.path.join(self.folder, "hidden")
        with open(hidden, "wb") as file:
            file.write("".join(line(file_no, seq) for seq in range(count)).encode())
        os.rename(hidden, self.path(file_no))
        self.written[file_no] = count
        return file_no

    def close(self):
        for file in self.open_files.values():
            file.close()

    def per_key(self):
        """What the view per_key holds when all lines are in."""
        groups = {}
        for file_no, count in self.written.items():
            for seq in range(count):
                key, amount = record(file_no, seq)
                group = groups.setdefault(key, [0, 0, amount, amount])
                group[0] += 1
                group[1] += amount
                group[2] = min(group[2], amount)
                group[3] = max(group[3], amount)
        return {key: tuple(group) for key, group in groups.items()}


class Client:
    """Changes its own rows of `accounts`. rows: what was acknowledged; pending: rows if the statement that has no
    answer yet was applied, else None."""

    def __init__(self, number, chance):
        self.number, self.chance = number, chance
        self.rows = {}
        self.pending = None
        self.next_id = number * 1_000_000
        self.acknowledged = 0
        self.error = None

    def change(self):
        """A statement and the rows after it."""
        rows = dict(self.rows)
        kind = self.chance.random()
        if kind < 0.5 or len(rows) < 5:
            values = []
            for _ in range(self.chance.choice([1, 1, 2, 5])):
                row = (self.chance.randrange(KEYS + 10), self.chance.randrange(-500, 5000))
                rows[self.next_id] = row
                values.append(f"({self.next_id}, {self.number}, {row[0]}, {row[1]})")
                self.next_id += 1
            return f"INSERT INTO accounts VALUES {', '.join(values)}", rows
        ids = self.chance.sample(sorted(rows), min(len(rows), self.chance.choice([1, 1, 3])))
        wanted = ", ".join(map(str, ids))
        if kind < 0.7:
            for i in ids:
                rows[i] = (rows[i][0], rows[i][1] + 11)
            return f"UPDATE accounts SET amount = amount + 11 WHERE id IN ({wanted})", rows
        if kind < 0.8:
            n = self.chance.randrange(KEYS + 10)
            for i in ids:
                rows[i] = (n, rows[i][1])
            return f"UPDATE accounts SET n = {n} WHERE id IN ({wanted})", rows
        for i in ids:
            del rows[i]
        return f"DELETE FROM accounts WHERE id IN ({wanted})", rows

    def run(self, forebay, stop):
        """Until `stop` or the end of the server."""
        try:
            with forebay.connect() as connection:
                while not stop.is_set():
                    statement, rows = self.change()
                    self.pending = rows
                    connection.execute(statement)
                    self.rows, self.pending = rows, None
                    self.acknowledged += 1
        except psycopg.OperationalError as error:
            if error.sqlstate and not error.sqlstate.startswith("57"):
                self.error = f"client {self.number}: {error.sqlstate} {error}"
        except psycopg.Error as error:
            self.error = f"client {self.number}: {error.sqlstate} {error}"

    def settle(self, found):
        """After a restart: `found` are its rows in the table. What is wrong, or None."""
        before, after, self.pending = self.rows, self.pending, None
        if found == before or (after is not None and found == after):
            self.rows = found
            return None
        lost = [f"{i}: {row}" for i, row in before.items() if found.get(i) != row and (after or {}).get(i) != found.get(i)]
        return f"client {self.number}: acknowledged rows {lost[:5]} not as they were; {len(before)} expected, {len(found)} found"


class Reader:
    """Reads all the time: what was seen once must never go back. seen[f]: lines of file f."""

    def __init__(self):
        self.seen = collections.Counter()
        self.error = None

    def look(self, connection):
        shared = connection.execute("SELECT (SELECT sum(n) FROM per_file), (SELECT sum(n) FROM per_key)").fetchone()
        if shared[0] != shared[1]:
            self.error = f"views that share a reader disagree: per_file, per_key: {shared}"
        for file_no, count in connection.execute("SELECT file_no, n FROM per_file").fetchall():
            if count < self.seen[file_no]:
                self.error = f"file {file_no}: {self.seen[file_no]} lines were seen, later {count}"
            self.seen[file_no] = count

    def run(self, forebay, stop):
        try:
            with forebay.connect() as connection:
                while not stop.is_set():
                    self.look(connection)
        except psycopg.OperationalError:
            pass


class Load:
    """All of it, for one life of the server. Use as a context manager; stopping is no error of the server."""

    def __init__(self, forebay, files, clients, reader, chance, appending=True):
        self.stop = threading.Event()
        self.files, self.chance = files, random.Random(chance.random())
        self.threads = [threading.Thread(target=c.run, args=(forebay, self.stop), daemon=True) for c in clients]
        self.threads.append(threading.Thread(target=reader.run, args=(forebay, self.stop), daemon=True))
        if appending:
            self.threads.append(threading.Thread(target=self.append, daemon=True))

    def append(self):
        while not self.stop.wait(0.004):
            self.files.append(self.chance.randint(1, FILES), self.chance.choice([1, 5, 40, 120]), self.chance.random() < 0.3)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(30)
            if thread.is_alive():
                raise TimeoutError("a client got no answer for 30 s")
