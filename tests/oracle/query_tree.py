"""Queries as trees that can be printed and shrunk."""
import dataclasses


@dataclasses.dataclass
class Item:
    text: str
    name: str
    kind: str


@dataclasses.dataclass
class Named:
    """A table or view in FROM."""
    name: str
    alias: str

    def sql(self):
        return f"{self.name} {self.alias}"


@dataclasses.dataclass
class Derived:
    query: object
    alias: str

    def sql(self):
        return f"({self.query.sql()}) {self.alias}"


@dataclasses.dataclass
class Join:
    word: str      # "JOIN", "LEFT JOIN", "CROSS JOIN", "," ...
    left: object
    right: object
    on: list       # conjuncts
    using: list    # column names

    def sql(self):
        if self.word == ",":
            return f"{self.left.sql()}, {self.right.sql()}"
        end = ""
        if self.using:
            end = f" USING ({', '.join(self.using)})"
        elif self.word != "CROSS JOIN":
            end = f" ON {' AND '.join(self.on) or 'true'}"
        right = f"({self.right.sql()})" if isinstance(self.right, Join) else self.right.sql()
        return f"{self.left.sql()} {self.word} {right}{end}"


@dataclasses.dataclass
class Select:
    items: list
    source: object
    where: list = dataclasses.field(default_factory=list)
    group: list = dataclasses.field(default_factory=list)
    having: list = dataclasses.field(default_factory=list)
    distinct: bool = False
    order: list = dataclasses.field(default_factory=list)  # one of "", "DESC", "DESC NULLS LAST" ... per item
    limit: int = None
    offset: int = None
    ties: int = None  # the order is by so many items only, and rows that tie come too
    with_queries: list = dataclasses.field(default_factory=list)  # of (name, query)
    windows: list = dataclasses.field(default_factory=list)  # "name AS (...)"

    def columns(self):
        return [(item.name, item.kind) for item in self.items]

    def sql(self):
        parts = []
        if self.with_queries:
            parts.append("WITH " + ", ".join(f"{name} AS ({query.sql()})" for name, query in self.with_queries))
        items = ", ".join(f"{item.text} AS {item.name}" for item in self.items)
        parts.append(f"SELECT {'DISTINCT ' if self.distinct else ''}{items}")
        parts.append(f"FROM {self.source.sql()}")
        if self.where:
            parts.append("WHERE " + " AND ".join(self.where))
        if self.group:
            parts.append("GROUP BY " + ", ".join(self.group))
        if self.having:
            parts.append("HAVING " + " AND ".join(self.having))
        if self.windows:
            parts.append("WINDOW " + ", ".join(self.windows))
        if self.limit is not None or self.offset is not None:
            items = self.order[:len(self.items)]
            if self.ties and self.limit is not None and self.offset is None:
                items = items[:self.ties]
            parts.append("ORDER BY " + ", ".join(f"{i + 1} {word}".strip() for i, word in enumerate(items)))
        if self.limit is not None and self.ties and self.offset is None:
            parts.append(f"FETCH FIRST {self.limit} ROWS WITH TIES")
        elif self.limit is not None:
            parts.append(f"LIMIT {self.limit}")
        if self.offset is not None:
            parts.append(f"OFFSET {self.offset}")
        return " ".join(parts)


@dataclasses.dataclass
class Union:
    word: str
    left: object
    right: object

    def columns(self):
        return self.left.columns()

    def sql(self):
        return f"({self.left.sql()}) {self.word} ({self.right.sql()})"


@dataclasses.dataclass
class View:
    name: str
    query: object
    uses: set               # names of other views
    productions: set
    from_epoch: int = 0     # created before this epoch's statements
    materialized: bool = True

    def create(self, plain=False):
        word = "MATERIALIZED VIEW" if self.materialized and not plain else "VIEW"
        return f"CREATE {word} {self.name} AS {self.query.sql()}"
