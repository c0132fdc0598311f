"""SQLAlchemy as a client: its inspector, Core and the ORM, over psycopg and asyncpg."""
import asyncio
import datetime
import decimal
import os
import sys
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.forebay import Forebay
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import create_async_engine

Decimal = decimal.Decimal
UTC = datetime.timezone.utc


class Base(orm.DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=False)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(30))
    born: orm.Mapped[datetime.date | None]
    orders: orm.Mapped[list["Order"]] = orm.relationship(
        back_populates="customer", primaryjoin="Customer.id == foreign(Order.customer_id)", order_by="Order.id")


class Order(Base):
    __tablename__ = "orders"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=False)
    customer_id: orm.Mapped[int]
    total: orm.Mapped[Decimal] = orm.mapped_column(sa.Numeric(10, 2))
    customer: orm.Mapped[Customer] = orm.relationship(
        back_populates="orders", primaryjoin="Customer.id == foreign(Order.customer_id)")


EVERY_TYPE = sa.Table(
    "every_type", sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("b", sa.Boolean), sa.Column("i2", sa.SmallInteger), sa.Column("i8", sa.BigInteger),
    sa.Column("f4", sa.REAL), sa.Column("f8", sa.Double), sa.Column("n", sa.Numeric(12, 3)),
    sa.Column("t", sa.Text), sa.Column("v", sa.String(5)), sa.Column("y", sa.LargeBinary), sa.Column("u", sa.Uuid),
    sa.Column("d", sa.Date), sa.Column("ti", sa.Time), sa.Column("ts", sa.DateTime),
    sa.Column("tz", sa.DateTime(timezone=True)), sa.Column("iv", sa.Interval), sa.Column("j", pg.JSONB),
    sa.Column("ai", pg.ARRAY(sa.Integer)), sa.Column("at", pg.ARRAY(sa.Text)))
ROW = {
    "id": 1, "b": True, "i2": -5, "i8": 2**40, "f4": 1.5, "f8": -0.1, "n": Decimal("12.345"), "t": "it's ä", "v": "abcde",
    "y": b"\x00\xff", "u": uuid.UUID(int=7), "d": datetime.date(2013, 1, 31), "ti": datetime.time(23, 59, 59),
    "ts": datetime.datetime(2013, 1, 31, 1, 2, 3), "tz": datetime.datetime(2013, 1, 31, 12, tzinfo=UTC),
    "iv": datetime.timedelta(days=2, hours=3), "j": {"a": [1, None]}, "ai": [1, None, 3], "at": ["a", 'q"', None]}


class SqlAlchemy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Forebay().start()
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        self.engine = self.make_engine()
        self.addCleanup(self.engine.dispose)

    def make_engine(self, **options):
        return sa.create_engine(f"postgresql+psycopg://root@127.0.0.1:{self.server.port}/dev", **options)

    def run_all(self, *statements):
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def test_inspector(self):
        self.run_all(
            "CREATE SCHEMA shop",
            "CREATE TABLE shop.goods (code char(3), n smallint, price numeric(10,2) NOT NULL DEFAULT 1.5, name varchar(20), "
            "tags text[], at timestamptz, doc jsonb, f real, PRIMARY KEY (code, n))",
            "CREATE TABLE shop.plain (a int)",
            "CREATE VIEW shop.cheap AS SELECT code FROM shop.goods WHERE price < 2",
            "CREATE MATERIALIZED VIEW shop.totals AS SELECT code, sum(price) AS total FROM shop.goods GROUP BY code",
            "COMMENT ON TABLE shop.goods IS 'What is sold'", "COMMENT ON COLUMN shop.goods.price IS 'In crowns'")
        inspector = sa.inspect(self.engine)
        self.assertEqual(inspector.default_schema_name, "public")
        self.assertIn("shop", inspector.get_schema_names())
        self.assertEqual(sorted(inspector.get_table_names("shop")), ["goods", "plain"])
        self.assertEqual(inspector.get_view_names("shop"), ["cheap"])
        self.assertEqual(inspector.get_materialized_view_names("shop"), ["totals"])
        self.assertIn("price", inspector.get_view_definition("cheap", "shop"))
        self.assertTrue(inspector.has_table("goods", "shop") and inspector.has_table("cheap", "shop"))
        self.assertFalse(inspector.has_table("goods") or inspector.has_index("goods", "nothing", "shop"))
        dialect = pg.dialect()
        shown = [(c["name"], c["type"].compile(dialect), c["nullable"], c["default"], c["comment"])
                 for c in inspector.get_columns("goods", "shop")]
        self.assertEqual(shown, [
            ("code", "CHAR(3)", False, None, None), ("n", "SMALLINT", False, None, None),
            ("price", "NUMERIC(10, 2)", False, "1.5", "In crowns"), ("name", "VARCHAR(20)", True, None, None),
            ("tags", "TEXT[]", True, None, None), ("at", "TIMESTAMP WITH TIME ZONE", True, None, None),
            ("doc", "JSONB", True, None, None), ("f", "REAL", True, None, None)])
        self.assertEqual([c["name"] for c in inspector.get_columns("totals", "shop")], ["code", "total"])
        key = inspector.get_pk_constraint("goods", "shop")
        self.assertEqual((key["name"], key["constrained_columns"]), ("goods_pkey", ["code", "n"]))
        self.assertEqual(inspector.get_pk_constraint("plain", "shop")["constrained_columns"], [])
        for nothing in (inspector.get_indexes, inspector.get_foreign_keys, inspector.get_unique_constraints,
                        inspector.get_check_constraints):
            self.assertEqual(nothing("goods", "shop"), [])
        self.assertEqual(inspector.get_table_comment("goods", "shop"), {"text": "What is sold"})
        self.assertEqual(inspector.get_sequence_names("shop"), [])
        self.assertEqual(inspector.get_enums("*"), [])
        self.assertEqual(inspector.get_domains("shop"), [])
        inspector.get_table_options("goods", "shop")
        for everything in (inspector.get_multi_columns, inspector.get_multi_pk_constraint, inspector.get_multi_indexes,
                           inspector.get_multi_foreign_keys, inspector.get_multi_table_comment,
                           inspector.get_multi_unique_constraints, inspector.get_multi_check_constraints):
            self.assertEqual({name for _, name in everything("shop")}, {"goods", "plain"})

    def test_reflection(self):
        self.run_all("CREATE TABLE reflected (id int PRIMARY KEY, what text NOT NULL, n numeric(5,1))")
        table = sa.Table("reflected", sa.MetaData(), autoload_with=self.engine)
        self.assertEqual([c.name for c in table.primary_key], ["id"])
        with self.engine.begin() as connection:
            connection.execute(table.insert(), [{"id": i, "what": f"w{i}", "n": i} for i in range(5)])
            found = connection.execute(sa.select(table.c.what).where(table.c.n > 2).order_by(table.c.id)).scalars().all()
        self.assertEqual(found, ["w3", "w4"])
        every = sa.MetaData()
        every.reflect(self.engine, views=True)
        self.assertIn("reflected", every.tables)

    def test_types_of_core(self):
        EVERY_TYPE.create(self.engine)
        with self.engine.begin() as connection:
            connection.execute(EVERY_TYPE.insert(), [ROW, {**dict.fromkeys(ROW), "id": 2}])
            self.assertEqual(connection.execute(sa.select(EVERY_TYPE).order_by(EVERY_TYPE.c.id)).first()._asdict(), ROW)
            for name, value in ROW.items():
                if name == "j":
                    continue
                column = EVERY_TYPE.c[name]
                self.assertEqual(connection.execute(sa.select(EVERY_TYPE.c.id).where(column == value)).scalars().all(),
                                 [1], name)
        EVERY_TYPE.drop(self.engine)

    def test_statements_of_core(self):
        table = sa.Table("numbers", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
                         sa.Column("n", sa.Integer))
        table.metadata.create_all(self.engine)
        table.metadata.create_all(self.engine)  # looks whether it is there
        with self.engine.begin() as connection:
            got = connection.execute(table.insert().returning(table.c.id), [{"id": i, "n": i * i} for i in range(30)])
            self.assertEqual(len(got.all()), 30)
            upsert = pg.insert(table).values(id=3, n=0)
            upsert = upsert.on_conflict_do_update(index_elements=["id"], set_={"n": upsert.excluded.n - 1})
            connection.execute(upsert)
            self.assertEqual(connection.execute(table.update().where(table.c.id.in_([1, 2])).values(n=7)).rowcount, 2)
            self.assertEqual(connection.execute(table.delete().where(table.c.id > 20).returning(table.c.n)).rowcount, 9)
            sums = sa.select((table.c.id % 2).label("odd"), sa.func.sum(table.c.n), sa.func.array_agg(table.c.id))
            rows = connection.execute(sums.where(table.c.id < 4).group_by(sa.text("1")).order_by("odd")).all()
            self.assertEqual([(row[0], row[1], sorted(row[2])) for row in rows], [(0, 7, [0, 2]), (1, 6, [1, 3])])
            page = sa.select(table.c.id).order_by(table.c.id.desc()).limit(2).offset(1)
            self.assertEqual(connection.execute(page).scalars().all(), [19, 18])
        with self.engine.connect() as connection:
            streamed = connection.execution_options(stream_results=True, yield_per=7).execute(
                sa.select(table.c.id).order_by(table.c.id))
            self.assertEqual([row.id for row in streamed], list(range(21)))
        with self.assertRaises(sa.exc.IntegrityError):
            with self.engine.begin() as connection:
                connection.execute(table.insert(), {"id": 1, "n": 1})
        table.metadata.drop_all(self.engine)

    def test_isolation_levels(self):
        for level in ("SERIALIZABLE", "REPEATABLE READ", "AUTOCOMMIT"):
            engine = self.make_engine(isolation_level=level)
            with engine.connect() as connection:
                self.assertEqual(connection.execute(sa.text("SELECT 1")).scalar(), 1)
            engine.dispose()

    def test_orm(self):
        Base.metadata.create_all(self.engine)
        with orm.Session(self.engine) as session:
            session.add_all([
                Customer(id=1, name="Ada", born=datetime.date(1815, 12, 10),
                         orders=[Order(id=10, total=Decimal("1.50")), Order(id=11, total=Decimal("2"))]),
                Customer(id=2, name="Bob", orders=[])])
            session.commit()
        with orm.Session(self.engine) as session:
            ada = session.scalars(sa.select(Customer).where(Customer.name == "Ada").options(orm.joinedload(Customer.orders))).unique().one()
            self.assertEqual([order.total for order in ada.orders], [Decimal("1.50"), Decimal("2.00")])
            ada.orders[0].total += 1
            ada.born = None
            session.flush()
            with session.begin_nested() as savepoint:
                session.add(Customer(id=3, name="Eve"))
                session.flush()
                savepoint.rollback()
            session.delete(session.get(Order, 11))
            session.commit()
            totals = sa.select(Customer.name, sa.func.sum(Order.total)).join_from(Customer, Order, isouter=True, onclause=Customer.id == Order.customer_id)
            self.assertEqual(session.execute(totals.group_by(Customer.name).order_by(Customer.name)).all(),
                             [("Ada", Decimal("2.50")), ("Bob", None)])
            lazy = session.scalars(sa.select(Customer).options(orm.selectinload(Customer.orders)).order_by(Customer.id)).all()
            self.assertEqual([len(customer.orders) for customer in lazy], [1, 0])

    def test_asyncpg_below(self):
        async def all_of_it():
            engine = create_async_engine(f"postgresql+asyncpg://root@127.0.0.1:{self.server.port}/dev")
            table = sa.Table("of_async", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
                             sa.Column("doc", pg.JSONB), sa.Column("at", sa.DateTime(timezone=True)))
            async with engine.begin() as connection:
                await connection.run_sync(table.metadata.create_all)
                rows = [{"id": i, "doc": {"i": i}, "at": ROW["tz"]} for i in range(3)]
                await connection.execute(table.insert(), rows)
            async with engine.connect() as connection:
                found = (await connection.execute(sa.select(table).order_by(table.c.id))).all()
                names = await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names())
            await engine.dispose()
            return [row._asdict() for row in found] == rows and "of_async" in names
        self.assertTrue(asyncio.run(all_of_it()))


if __name__ == "__main__":
    unittest.main(verbosity=2)
