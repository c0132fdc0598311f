"""Random tables, their values, and changelogs: groups of INSERT, UPDATE and DELETE statements."""
import dataclasses

# Types are called by these short words; `rough` is a double precision whose low bits may differ between engines,
# which therefore is shown and aggregated but never compared, grouped or ordered by.
SQL_TYPES = {"bool": "boolean", "int": "integer", "big": "bigint", "dbl": "double precision", "num": "numeric(10,2)", "dec": "numeric",
             "text": "text", "date": "date", "ts": "timestamp", "tz": "timestamptz", "iv": "interval",
             "rough": "double precision", "sml": "smallint", "flt": "real", "byt": "bytea", "uid": "uuid", "tim": "time",
             "chr": "character(4)", "js": "jsonb", "arr": "integer[]"}
PRODUCTION_OF_TYPE = {"bool": "type.boolean", "int": "type.integer", "big": "type.bigint", "dbl": "type.double",
                      "num": "type.numeric", "dec": "type.decimal", "text": "type.text", "date": "type.date", "ts": "type.timestamp",
                      "tz": "type.timestamptz", "iv": "type.interval", "rough": "type.double",
                      "sml": "type.smallint", "flt": "type.real", "byt": "type.bytea", "uid": "type.uuid", "tim": "type.time",
                      "chr": "type.character", "js": "type.jsonb", "arr": "type.array"}
# One or two of these in half of the tables.
LATER_KINDS = ["sml", "flt", "byt", "uid", "tim", "chr", "js", "arr"]
# Doubles of `dbl` are multiples of 1/4, so that sums and products are the same in every order.
DOMAINS = {
    "bool": ["true", "false"],
    "int": [str(i) for i in range(-3, 9)],
    "big": ["0", "1", "2", "3", "5", "-7", "40000000000", "-40000000001"],
    "dbl": ["0", "0.25", "0.5", "1", "-1.25", "2", "3.75", "1000", "'NaN'", "'Infinity'", "'-Infinity'", "'-0'"],
    "dec": ["0", "0.0", "0.00", "1", "1.0", "1.00", "1.50", "1.5", "-2.250", "-2.5", "3.3", "40", "7"],
    "num": ["0.00", "0.10", "0.01", "1.00", "1.50", "-2.25", "3.33", "99999.99"],
    "text": ["''", "'a'", "'b'", "'B'", "'ab'", "'abc'", "'a%b'", "'x y'", "'ä'", "'日本語'", "'a longer text of 27 chars'"],
    "date": ["'2024-02-28'", "'2024-02-29'", "'2024-03-01'", "'2023-12-31'", "'1999-01-01'"],
    "ts": ["'2024-02-29 00:00:00'", "'2024-02-29 23:59:59.5'", "'2024-03-01 12:30:00'", "'1969-12-31 23:59:59.999999'"],
    "tz": ["'2024-02-29 00:00:00+00'", "'2024-02-29 01:00:00+01'", "'2024-03-10 12:30:00.25-05'", "'1970-01-01 00:00:00Z'"],
    "iv": ["'0'", "'1 day'", "'24:00:00'", "'1 mon'", "'30 days'", "'-1 day 02:00:00'", "'1 year 2 mons 00:00:01.5'"],
    "sml": ["0", "1", "2", "3", "-4", "7", "120"],
    "flt": ["0", "0.25", "1", "-1.5", "2", "1000", "'NaN'", "'Infinity'"],
    "byt": ["''", "'\\x00'", "'\\x61'", "'\\x6162'", "'\\xff00ff00ff00ff00ff00ff00ff00'"],
    "uid": ["'00000000-0000-0000-0000-000000000000'", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",
            "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
    "tim": ["'00:00:00'", "'12:30:00.5'", "'23:59:59.999999'", "'03:04:05'"],
    "chr": ["''", "'a'", "'ab  '", "'abcd'", "'B'", "'ä'"],
    "js": ["'null'", "'1'", "'2'", "'\"a\"'", "'true'", "'[]'", "'[1, \"a\"]'", "'{}'", "'{\"a\": 1}'",
           "'{\"a\": {\"b\": [1, 2]}, \"n\": 3}'", "'{\"n\": 5, \"a\": \"x y\"}'"],
    "arr": ["'{}'", "'{1}'", "'{1,2}'", "'{2,1,NULL}'", "'{3}'", "'{4,5,6}'", "'[0:1]={1,2}'"],
    "rough": ["0.1", "0.2", "0.3", "1.7", "-0.4", "12.34"],
}
RARE = {"'NaN'", "'Infinity'", "'-Infinity'"}


def literal(rng, kind):
    """A value of the type's small domain, as SQL text that has the type by itself."""
    value = rng.choice([v for v in DOMAINS[kind] if v not in RARE or rng.random() < 0.1] or ["0"])
    if kind in ("int", "bool"):
        return value
    if kind == "text":
        return value
    if kind == "num":
        return f"{value}::numeric(10,2)" if value[0] != "-" else f"({value})::numeric(10,2)"
    if value[0] == "-":
        value = f"({value})"
    return f"{value}::{SQL_TYPES[kind]}"


@dataclasses.dataclass
class Table:
    name: str
    columns: list  # of (name, kind)
    key: list      # names of the primary key's columns; empty: none

    def create(self):
        parts = [f"{name} {SQL_TYPES[kind]}" for name, kind in self.columns]
        if self.key:
            parts.append(f"PRIMARY KEY ({', '.join(self.key)})")
        return f"CREATE TABLE {self.name} ({', '.join(parts)})"

    def kind(self, column):
        return dict(self.columns)[column]


@dataclasses.dataclass
class Insert:
    table: str
    columns: list
    rows: list  # of lists of SQL text

    def sql(self):
        rows = ", ".join(f"({', '.join(row)})" for row in self.rows)
        return f"INSERT INTO {self.table} ({', '.join(self.columns)}) VALUES {rows}"


@dataclasses.dataclass
class Plain:
    text: str

    def sql(self):
        return self.text


@dataclasses.dataclass
class Epoch:
    """Statements that are read after; `deferred`: sent with implicit_flush off, then FLUSH."""
    statements: list
    deferred: bool = False


def make_tables(rng):
    """Three or four tables that share columns k and g, two of them at least of the same shape in part."""
    tables = []
    for i in range(rng.choice([3, 3, 4])):
        columns = [("k", "int"), ("g", rng.choice(["int", "text", "text"]))]
        kinds = rng.sample(["bool", "int", "big", "dbl", "num", "dec", "text", "date", "ts", "tz", "iv", "rough"],
                           rng.randint(3, 6))
        if rng.random() < 0.5:
            kinds += rng.sample(LATER_KINDS, rng.randint(1, 2))
        if "dec" not in kinds and rng.random() < 0.4:
            kinds.append("dec")
        columns += [(f"c{n}", kind) for n, kind in enumerate(kinds)]
        keyed = i == 0 or rng.random() < 0.4
        key = []
        if keyed:
            key = ["k"] if rng.random() < 0.7 else ["k", "g"]
        tables.append(Table(f"t{i}", columns, key))
    return tables


class Changelog:
    """Draws the statements. It doesn't know the rows: statements may hit none, or fail with 23505 in both engines."""

    def __init__(self, rng, tables):
        self.rng, self.tables = rng, tables
        self.next_key = {table.name: 0 for table in tables}

    def value(self, table, column, kind):
        if column in table.key:
            if kind == "int":
                return str(self.rng.randrange(0, 14))
            return literal(self.rng, kind)
        if self.rng.random() < 0.12:
            return "NULL"
        value = literal(self.rng, kind)
        if column == "k":
            value = str(self.rng.randrange(0, 6))
        return value

    def fresh_key(self, table, row):
        """Replaces the key's integer by one that was not inserted before, mostly."""
        names = [name for name, _ in table.columns]
        if self.rng.random() < 0.85:
            row[names.index("k")] = str(self.next_key[table.name])
            self.next_key[table.name] += 1

    def insert(self, table):
        rows = []
        for _ in range(self.rng.choice([1, 1, 2, 3, 5, 8])):
            row = [self.value(table, name, kind) for name, kind in table.columns]
            if table.key:
                self.fresh_key(table, row)
            elif rows and self.rng.random() < 0.25:
                row = list(self.rng.choice(rows))
            rows.append(row)
        return Insert(table.name, [name for name, _ in table.columns], rows)

    def insert_select(self, table):
        source = self.rng.choice(self.tables)
        names, values = [], []
        for name, kind in table.columns:
            same = [other for other, other_kind in source.columns if other_kind == kind and other != "k"]
            if name in table.key and kind == "int":
                base = self.next_key[table.name] = self.next_key[table.name] + 200
                values.append(f"s.k + {base}")
            elif same:
                values.append("s." + self.rng.choice(same))
            else:
                values.append(self.value(table, name, kind))
            names.append(name)
        if table.key:
            self.next_key[table.name] += 200
        return Plain(f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {', '.join(values)} FROM {source.name} s "
                     f"WHERE s.k = {self.rng.randrange(0, 8)}")

    def condition(self, table):
        name, kind = self.rng.choice([c for c in table.columns if c[1] not in ("rough", "dbl")])
        if self.rng.random() < 0.5:
            return f"k = {self.rng.randrange(0, max(6, min(30, self.next_key[table.name])))}"
        if self.rng.random() < 0.2:
            return f"{name} IS NULL"
        return f"{name} {self.rng.choice(['=', '=', '<', '>'])} {literal(self.rng, kind)}"

    def update(self, table):
        sets = []
        free = [c for c in table.columns if c[0] not in table.key]
        for name, kind in self.rng.sample(free, self.rng.randint(1, min(2, len(free)))):
            if kind == "int" and self.rng.random() < 0.5:
                sets.append(f"{name} = ({name} * 3 + 1) % 9")
            elif kind == "text" and self.rng.random() < 0.3:
                sets.append(f"{name} = substr({name} || 'b', 1, 4)")
            elif kind == "bool" and self.rng.random() < 0.5:
                sets.append(f"{name} = NOT {name}")
            else:
                sets.append(f"{name} = {self.value(table, name, kind)}")
        return Plain(f"UPDATE {table.name} SET {', '.join(sets)} WHERE {self.condition(table)}")

    def update_key(self, table):
        base = self.next_key[table.name]
        self.next_key[table.name] = base + 40
        low = self.rng.randrange(0, max(1, base))
        if self.rng.random() < 0.3:
            return Plain(f"UPDATE {table.name} SET k = {self.rng.randrange(0, 10)} WHERE k = {low}")
        return Plain(f"UPDATE {table.name} SET k = k + {40 + base - low} WHERE k BETWEEN {low} AND {low + 2}")

    def delete(self, table):
        if self.rng.random() < 0.04:
            return Plain(f"DELETE FROM {table.name}")
        if self.rng.random() < 0.3:
            return Plain(f"DELETE FROM {table.name} WHERE k BETWEEN {(low := self.rng.randrange(0, 8))} AND {low + 3}")
        return Plain(f"DELETE FROM {table.name} WHERE {self.condition(table)}")

    def statement(self):
        table = self.rng.choice(self.tables)
        kinds = [(self.insert, 45), (self.update, 22), (self.delete, 20), (self.insert_select, 6)]
        if table.key:
            kinds.append((self.update_key, 9))
        make = self.rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
        return make(table)

    def epochs(self, count):
        result = []
        for i in range(count):
            statements = [self.statement() for _ in range(self.rng.choice([1, 1, 2, 3, 5]))]
            if i == 0:  # Something for views on existing rows to find, yet not in every table.
                statements = [self.insert(self.rng.choice(self.tables)) for _ in range(4)]
            elif i == 1:
                statements += [self.insert(table) for table in self.tables]
            result.append(Epoch(statements, deferred=self.rng.random() < 0.4))
        return result
