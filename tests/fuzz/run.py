#!/usr/bin/env python3
"""Random input of every kind against a real server: SQL, texts of values, wire messages, records of sources.

What must hold: the server lives and goes on answering; every statement is answered within its time; no answer is
an internal error (XX000); of a file's records each one is a row or an error row. README.md says more.

    tests/fuzz/run.py [PART...] [--rounds N]     PART: sql values wire records; FOREBAY_TEST_SEED repeats a run
"""
import argparse
import glob
import os
import random
import struct
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "slt"))
from clients import raw
from fuzz.mutations import mutate_bytes, mutate_sql, tokens
from support import ROOT
from support.forebay import Forebay
from support.processes import wait_until
from support.seeds import full, seed
import script

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
ANSWER_TIMEOUT_S = 60


class Found(Exception):
    """The server did what it must never do; the text says what it was sent."""


class Target:
    """A server and a client of it; a statement that breaks either is Found."""

    def __init__(self, **options):
        self.server = Forebay(workers=2, settings={"statement_timeout": "5s"}, **options).start()
        self.client = None
        self.sent = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.disconnect()
        self.server.close()

    def disconnect(self):
        if self.client is not None:
            self.client.socket.close()
            self.client = None

    def ask(self, messages, what):
        """The server's answer to messages that end with Query or Sync."""
        self.sent.append(what)
        del self.sent[:-20]
        try:
            if self.client is None:
                self.client = raw.Raw(self.server.port, timeout_s=ANSWER_TIMEOUT_S)
            answer = self.client.ask(messages)
        except (ConnectionError, TimeoutError) as error:
            state = "lives" if self.server.running() else "is gone"
            raise Found(f"{error!r}, the server {state}; after {self.history()}\n{self.server.why_it_ended()}") from error
        for kind, body in answer:
            if kind in (b"E", b"N"):
                code = raw.error_fields(body).get("C", "")
                if code.startswith("XX"):
                    raise Found(f"{raw.error_fields(body)}; after {self.history()}")
        return answer

    def history(self):
        return "\n".join(f"  {statement!r}" for statement in self.sent)

    def run(self, sql):
        return self.ask(raw.message(b"Q", sql.encode("utf-8", "surrogatepass") + b"\0"), sql)

    def extended(self, sql, values=()):
        values = [None if value is None else value.encode("utf-8", "surrogatepass") for value in values]
        return self.ask(raw.parse(sql) + raw.bind(values) + raw.describe() + raw.execute() + raw.SYNC, (sql, values))


def slt_statements():
    """path -> its statements, of all SQL tests that need nothing but a server."""
    found = {}
    for path in sorted(glob.glob(os.path.join(ROOT, "tests/slt/**/*.slt"), recursive=True)):
        if "/runner/" in path:
            continue
        statements = [record.sql for record in script.parse(path) if record.kind in ("statement", "query")]
        found[path] = [sql for sql in statements if "${" not in sql and len(sql) < 4000]
    return found


def corpus(part):
    for path in sorted(glob.glob(os.path.join(CORPUS, f"{part}-*"))):
        with open(path, "rb") as file:
            yield path, file.read()


def fuzz_sql(generator, rounds):
    """The scripts of tests/slt with changed statements between the right ones."""
    files = slt_statements()
    pool = sorted({token for statements in files.values() for sql in statements for token in tokens(sql)
                   if not token.isspace() and len(token) < 60})
    sent = 0
    with Target() as target:
        for _, data in corpus("sql"):
            for sql in data.decode().split("\n---\n"):
                target.run(sql)
        while sent < rounds:
            path = generator.choice(sorted(files))
            schema = f"fuzz_{sent}"
            target.run(f"CREATE SCHEMA {schema}")
            target.run(f"SET search_path = {schema}")
            for sql in files[path]:
                for _ in range(generator.choice((0, 1, 1, 2))):
                    changed = mutate_sql(generator, sql, pool)
                    (target.extended if generator.random() < 0.3 else target.run)(changed)
                    sent += 1
                target.run(sql)
            target.run("ROLLBACK")
            target.run("RESET ALL")
            target.run("SET search_path = public")
            target.run(f"DROP SCHEMA {schema} CASCADE")
            if generator.random() < 0.1:
                target.disconnect()
        target.disconnect()
        # What was made is still there after a kill, and can be read.
        target.server.restart(with_kill=True)
        target.run("SELECT count(*) FROM forebay.views")
    return sent


TYPES = ("boolean", "smallint", "int", "bigint", "real", "double precision", "numeric", "numeric(6,2)", "text", "varchar(3)",
         "char(3)", "bytea", "date", "time", "timestamp", "timestamptz", "interval", "jsonb", "uuid", "int[]", "text[]",
         "numeric[]", "timestamp[]")
VALUES = ("true", "f", "0", "-1", "32768", "1e5", "1.50", "NaN", "-Infinity", "infinity", "2024-02-29", "2024-02-30 10:11:12.999999",
          "January 8, 1999", "1999-01-08 04:05:06 -8:00", "04:05:06.789", "24:00:00", "allballs", "now", "1 year 2 mons -3 days 04:05:06",
          "P1Y2M3DT4H5M6S", "1-2", "@ 1 day ago", "\\xDEADBEEF", "\\001a", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", '{"a": [1, 2.50, null, "x"]}',
          "[1]", '"\\ud83d\\ude00"', "{1,2,NULL}", '{"a b","c\\"d"}', "{{1,2},{3,4}}", "[2:3]={1,2}", "", " ", "\u00e4\u4e2d\U0001f600", "epoch",
          "4714-11-24 BC", "294277-01-01", "0x1F", "1_000", "+5", ".5", "5.", "1e-7000", "2024-W10-1", "2024-060", "J2451187")


def fuzz_values(generator, rounds):
    """Texts as values of every type, as literals and as parameters; what is accepted comes back the same."""
    with Target() as target:
        known = [name for name in TYPES if raw.kinds(target.run(f"SELECT NULL::{name}"))[0] != "E"]
        for sent in range(rounds):
            name = generator.choice(known)
            text = generator.choice(VALUES)
            if generator.random() < 0.85:
                text = mutate_bytes(generator, text.encode()).replace(b"\0", b"").decode("utf-8", "replace")
            answer = target.extended(f"SELECT $1::text::{name}", [text])
            rows = [raw.row_values(body) for kind, body in answer if kind == b"D"]
            if not rows or rows[0][0] is None:
                continue
            shown = rows[0][0].decode()
            again = target.extended(f"SELECT $1::text::{name}", [shown])
            rows = [raw.row_values(body) for kind, body in again if kind == b"D"]
            if not rows or rows[0][0].decode() != shown:
                raise Found(f"{text!r}::{name} is {shown!r}, but {shown!r}::{name} is {rows}")
    return rounds


def session_messages(generator):
    """A few messages as a client might send them, in any order."""
    sql = generator.choice(("SELECT 1", "SELECT $1::int", "SELECT * FROM t", "BEGIN", "COMMIT", "INSERT INTO t VALUES (1, 'a')",
                            "SELECT generate_series(1, 1000)", "", "SELECT 1/0", "DECLARE c CURSOR FOR SELECT * FROM t", "FETCH 2 FROM c",
                            "COPY t FROM STDIN", "COPY t TO STDOUT", "DELETE FROM t", "SELECT 'x'; SELECT 'y'"))
    name = generator.choice(("", "a", "b"))
    return generator.choice((
        lambda: raw.query(sql), lambda: raw.parse(sql, name), lambda: raw.bind((b"1",) * generator.randrange(3), name, name),
        lambda: raw.bind((), name, name, (), (generator.randrange(2),)), lambda: raw.describe(generator.choice((b"S", b"P")), name),
        lambda: raw.execute(generator.randrange(3), name), lambda: raw.close(generator.choice((b"S", b"P")), name), lambda: raw.SYNC,
        lambda: raw.FLUSH, lambda: raw.message(b"d", b"1\ta\n"), lambda: raw.message(b"c"), lambda: raw.message(b"f", b"no\0"),
        lambda: raw.message(b"F", struct.pack("!ihh", 1, 0, 0)), lambda: raw.TERMINATE))()


def fuzz_wire(generator, rounds):
    """Sequences of messages in any order, some with changed bytes, on connections that end anyhow."""
    with Target() as target:
        target.run("CREATE TABLE t (a int, b text)")
        target.run("CREATE MATERIALIZED VIEW v AS SELECT b, count(*) FROM t GROUP BY b")
        inputs = [data for _, data in corpus("wire")]
        for number in range(rounds):
            data = b"".join(session_messages(generator) for _ in range(generator.randrange(1, 12)))
            if generator.random() < 0.5:
                data = mutate_bytes(generator, data)
            inputs.append(data)
        for data in inputs:
            client = raw.Raw(target.server.port, timeout_s=ANSWER_TIMEOUT_S)
            try:
                client.send(data)
                client.socket.shutdown(1)
                client.rest()
            except TimeoutError as error:
                raise Found(f"no end of the answer to {data!r}") from error
            except ConnectionError:
                pass
            finally:
                client.socket.close()
            if not target.server.running():
                raise Found(f"the server is gone after {data!r}\n{target.server.why_it_ended()}")
        target.run("SELECT count(*) FROM v")
    return rounds


JSON_RECORDS = (b'{"id": 1, "a": 2.5, "b": "text", "c": "2024-01-02 03:04:05", "d": true, "e": {"x": [1, null]}}',
                b'{"ID": 9007199254740993, "a": "1e3", "b": null, "c": 1700000000000, "e": "\\u00e4\\ud83d\\ude00"}',
                b'{}', b'{"id": -1, "id": 2, "b": "a\\\\b\\"c", "unknown": [{"deep": [[[]]]}]}')
CSV_RECORDS = (b'1,2.5,text,2024-01-02 03:04:05,true,x', b'2,,"quoted, ""text""",2024-01-02T03:04:05Z,f,', b',,,,,', b'3,1e3,\'a\',,0,y')


def fuzz_records(generator, rounds):
    """Lines of JSON and CSV, good and changed: as many rows and error rows as there are lines."""
    with tempfile.TemporaryDirectory(prefix="forebay-fuzz-") as folder, Target() as target:
        for encoding, records in (("JSON", JSON_RECORDS), ("CSV", CSV_RECORDS)):
            lines = [line for path, data in corpus(f"records-{encoding.lower()}") for line in data.split(b"\n") if line]
            for _ in range(rounds):
                line = generator.choice(records)
                if generator.random() < 0.8:
                    line = mutate_bytes(generator, line)
                # A line is a record: what changes the lines themselves is for the tests of sources.
                lines.append(line.replace(b"\n", b"").replace(b"\r", b"") or b"x")
                if encoding == "CSV" and lines[-1].count(b'"') % 2:
                    lines[-1] = lines[-1].replace(b'"', b"")
            path = os.path.join(folder, encoding)
            with open(path, "wb") as file:
                file.write(b"".join(line + b"\n" for line in lines))
            target.run(f"CREATE SOURCE s_{encoding} (id bigint, a numeric, b text, c timestamp, d boolean, e text) WITH "
                       f"(connector = 'file', path = '{path}', scan.bounded.mode = 'latest') FORMAT PLAIN ENCODE {encoding}")
            target.run(f"CREATE MATERIALIZED VIEW v_{encoding} AS SELECT count(*) AS n FROM s_{encoding}")
            blank = sum(1 for line in lines if not line.strip(b" \t"))

            def counted():
                answer = target.run(f"SELECT (SELECT n FROM v_{encoding}), (SELECT coalesce(sum(count), 0) FROM forebay.errors "
                                    f"WHERE source = 's_{encoding.lower()}')")
                rows = [raw.row_values(body) for kind, body in answer if kind == b"D"]
                return sum(int(cell) for cell in rows[0]) if rows else str(answer)
            try:
                wait_until(lambda: counted() in range(len(lines) - blank, len(lines) + 1), 60, "all records")
            except Exception as error:
                raise Found(f"{encoding}: {len(lines)} lines ({blank} blank), but rows and error rows are {counted()}; seed and round "
                            f"repeat it") from error
    return 2 * rounds


PARTS = {"sql": (fuzz_sql, 3000, 100_000), "values": (fuzz_values, 4000, 200_000), "wire": (fuzz_wire, 400, 20_000),
         "records": (fuzz_records, 3000, 200_000)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--rounds", type=int)
    arguments = parser.parse_args()
    chosen = seed()
    print(f"seed {chosen}", flush=True)
    for name in arguments.parts or PARTS:
        run, few, many = PARTS[name]
        rounds = arguments.rounds or (many if full() else few)
        try:
            print(f"{name}: {run(random.Random(f'{name} {chosen}'), rounds)} inputs, and the server lives", flush=True)
        except Found as found:
            print(f"{name}: FOUND (FOREBAY_TEST_SEED={chosen} tests/fuzz/run.py {name})\n{found}", flush=True)
            sys.exit(1)


if __name__ == "__main__":
    main()
