"""asyncpg as a client: it speaks the binary format only, and looks up in the catalog what arrays are made of."""
import asyncio
import datetime
import decimal
import os
import sys
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.forebay import Forebay
import asyncpg

UTC = datetime.timezone.utc
Decimal = decimal.Decimal

# SQL type -> values that go in as parameters and come out of SELECT, as asyncpg gives them.
VALUES = {
    "boolean": [True, False],
    "smallint": [0, -32768, 32767],
    "integer": [0, -2147483648, 2147483647],
    "bigint": [0, 2**63 - 1, -(2**63)],
    "real": [0.5, -2.0],
    "double precision": [0.0, -0.1, 1e300],
    "numeric": [Decimal("0"), Decimal("-12345.6789"), Decimal("99999999999999999999")],
    "numeric(10,2)": [Decimal("12345678.90")],
    "text": ["", "it's", "x" * 5000],
    "varchar(5)": ["abcde"],
    "character(4)": ["ab  "],
    "bytea": [b"", b"\x00\xff"],
    "uuid": [uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")],
    "date": [datetime.date(2013, 1, 31)],
    "time": [datetime.time(23, 59, 59, 999999)],
    "timestamp": [datetime.datetime(2013, 1, 31, 23, 59, 59, 999999)],
    "timestamptz": [datetime.datetime(2013, 1, 31, 12, tzinfo=UTC)],
    "interval": [datetime.timedelta(days=-3, hours=4, microseconds=5)],
    "jsonb": ['{"a": [1, null]}'],
    "oid": [0, 2147483648, 4294967295],
    "text[]": [["a", None, ""]],
    "oid[]": [[], [26, None, 4294967295]],
    "boolean[]": [[True, None]],
    "smallint[]": [[-32768, 32767]],
    "int[]": [[], [1, None, -3], [[1, 2], [3, 4]]],
    "bigint[]": [[2**63 - 1, -(2**63)]],
    "double precision[]": [[0.5, -0.1]],
    "numeric[]": [[Decimal("1.50"), None, Decimal("-99999999999999999999")]],
    "bytea[]": [[b"", b"\x00\xff"]],
    "uuid[]": [[uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), None]],
    "date[]": [[datetime.date(2013, 1, 31)]],
    "timestamp[]": [[datetime.datetime(2013, 1, 31, 23, 59, 59, 999999)]],
    "timestamptz[]": [[datetime.datetime(2013, 1, 31, 12, tzinfo=UTC), None]],
    "interval[]": [[datetime.timedelta(days=-3, hours=4, microseconds=5)]],
    "jsonb[]": [['{"a": [1, null]}']],
}


class Asyncpg(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Forebay().start()
        cls.addClassCleanup(cls.server.close)

    async def asyncSetUp(self):
        self.connection = await asyncpg.connect(host="127.0.0.1", port=self.server.port, user="root", database="dev")

    async def asyncTearDown(self):
        await self.connection.close()

    async def test_every_type(self):
        for sql_type, values in VALUES.items():
            for value in values:
                with self.subTest(f"{sql_type} {value!r}"):
                    got = await self.connection.fetchval(f"SELECT $1::{sql_type}", value)
                    self.assertEqual(got, value)
                    self.assertIsInstance(got, type(value))

    async def test_a_table_of_every_type(self):
        columns = ", ".join(f"c{i} {sql_type}" for i, sql_type in enumerate(VALUES))
        await self.connection.execute(f"CREATE TABLE every_type (id int PRIMARY KEY, {columns})")
        places = ", ".join(f"${n + 1}" for n in range(len(VALUES) + 1))
        rows = [(n, *(values[n % len(values)] for values in VALUES.values())) for n in range(3)]
        await self.connection.executemany(f"INSERT INTO every_type VALUES ({places})", rows)
        got = await self.connection.fetch("SELECT * FROM every_type ORDER BY id")
        self.assertEqual([tuple(row) for row in got], rows)
        found = await self.connection.fetch("SELECT id FROM every_type WHERE id > $1 ORDER BY id", 0)
        self.assertEqual([row["id"] for row in found], [1, 2])

    async def test_types_are_described(self):
        statement = await self.connection.prepare("SELECT $1::integer AS a, $2::oid AS o, ARRAY['x'] AS t")
        self.assertEqual([p.name for p in statement.get_parameters()], ["int4", "oid"])
        self.assertEqual([(a.name, a.type.name) for a in statement.get_attributes()],
                         [("a", "int4"), ("o", "oid"), ("t", "text[]")])

    async def test_arrays_are_looked_up(self):
        # No cast in the statement says what they are.
        await self.connection.execute("CREATE TABLE with_arrays (id int PRIMARY KEY, n int[], m numeric(10,2)[], "
                                      "at timestamptz[], u uuid[])")
        row = (1, [1, None], [Decimal("1.25")], [datetime.datetime(2013, 1, 31, 12, tzinfo=UTC)],
               [uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")])
        await self.connection.execute("INSERT INTO with_arrays VALUES ($1, $2, $3, $4, $5)", *row)
        self.assertEqual(tuple(await self.connection.fetchrow("SELECT * FROM with_arrays")), row)
        self.assertEqual(await self.connection.fetchval("SELECT id FROM with_arrays WHERE id = ANY($1)", [7, 1]), 1)

    async def test_oids_of_the_catalog(self):
        rows = await self.connection.fetch(
            "SELECT oid, typname, typelem FROM pg_type WHERE oid = ANY($1::oid[]) ORDER BY oid", [23, 1007, 26])
        self.assertEqual([tuple(row) for row in rows], [(23, "int4", 0), (26, "oid", 0), (1007, "_int4", 23)])
        statement = await self.connection.prepare("SELECT c.oid, 'pg_class'::regclass FROM pg_class c WHERE c.oid = $1")
        self.assertEqual([p.name for p in statement.get_parameters()], ["oid"])
        self.assertEqual([a.type.name for a in statement.get_attributes()], ["oid", "oid"])

    async def test_transactions_and_cursors(self):
        await self.connection.execute("CREATE TABLE numbers (n int PRIMARY KEY)")
        async with self.connection.transaction():
            await self.connection.executemany("INSERT INTO numbers VALUES ($1)", [(n,) for n in range(25)])
            seen = [row["n"] async for row in self.connection.cursor("SELECT n FROM numbers ORDER BY n", prefetch=7)]
        self.assertEqual(seen, list(range(25)))
        with self.assertRaises(asyncpg.UniqueViolationError):
            await self.connection.execute("INSERT INTO numbers VALUES (1)")

    async def test_a_pool(self):
        async with asyncpg.create_pool(host="127.0.0.1", port=self.server.port, user="root", database="dev",
                                       min_size=2, max_size=4) as pool:
            got = await asyncio.gather(*(pool.fetchval("SELECT $1::int * 2", n) for n in range(20)))
        self.assertEqual(got, [2 * n for n in range(20)])


if __name__ == "__main__":
    unittest.main(verbosity=2)
