"""Window functions, Top-N and de-duplication. Where a result depends on which of two rows comes first, the window is
ordered by all columns (a total order); functions of equal rows are the same then. Peers see peers only otherwise."""
from expressions import EXACT, canonical
from productions import FRAME, OVER, TOP
from query_tree import Derived, Item, Select

FORMS = ("dec", "iv", "dbl")
DIRECTIONS = ["", "", "DESC", "DESC NULLS LAST", "NULLS FIRST"]
# Kinds that RANGE takes offsets for.
OFFSETS = {"int": ["1", "3"], "big": ["2", "40000000000"], "sml": ["1", "2"], "num": ["0.5", "2"], "dec": ["1", "0.75"],
           "dbl": ["0.5", "3"], "date": ["interval '1 day'", "interval '1 month'"], "ts": ["interval '12 hours'", "interval '1 month'"],
           "tz": ["interval '1 day'", "interval '50 years'"]}
# Of windows that are written with date_bin.
WINDOW_WIDTHS = ("interval '1 second'", "interval '12 hours'", "interval '1 day'", "interval '7 days'")
WINDOW_ORIGINS = {"ts": ("timestamp '2000-01-01'", "timestamp '2024-02-29 23:59:59.5'"),
                  "tz": ("timestamptz '2000-01-01 00:00+00'", "timestamptz '2024-03-01 05:00+00'")}


class Windows:
    """Mixed into Queries."""

    def exact(self, scope):
        return [(sql, kind) for sql, kind in scope if kind in EXACT]

    def window(self, scope):
        """The start and the width of the window in which a time is, as SQL, and the time's kind; None: there is no time."""
        times = [(sql, kind) for sql, kind in scope if kind in WINDOW_ORIGINS]
        if not times:
            return None
        sql, kind = self.rng.choice(times)
        width = self.rng.choice(WINDOW_WIDTHS)
        return f"date_bin({width}, {sql}, {self.rng.choice(WINDOW_ORIGINS[kind])})", width, kind

    def partition(self, scope):
        window = self.window(scope)
        if window and self.chooser.maybe("over.window", OVER):
            others = "" if self.rng.random() < 0.6 else ", " + self.rng.choice(scope)[0]
            return f"PARTITION BY {window[0]}{others} "
        if not self.chooser.maybe("over.partition", OVER):
            return ""
        kind = self.rng.choice([kind for _, kind in scope])
        return f"PARTITION BY {self.expressions.column(scope, kind)} "

    def total_order(self, scope):
        """All columns, from a random one on; texts tell equal values of different forms apart."""
        at = self.rng.randrange(len(scope))
        columns = scope[at:] + scope[:at]
        order = [f"{sql} {self.rng.choice(DIRECTIONS)}".strip() for sql, _ in columns]
        order += [f"({sql})::text" for sql, kind in columns if kind in FORMS]
        return "ORDER BY " + ", ".join(order)

    def peer_order(self, scope):
        sql, kind = self.rng.choice(scope)
        return f"ORDER BY {sql} {self.rng.choice(DIRECTIONS)}".strip()

    def bound(self, lower, offsets):
        """One end of a frame; offsets of both ends are drawn so that the frame is possible."""
        if self.rng.random() < 0.25:
            return "UNBOUNDED PRECEDING" if lower else "UNBOUNDED FOLLOWING"
        offset = min(offsets) if lower else max(offsets)
        if offset == 0:
            return "CURRENT ROW"
        return f"{abs(offset)} {'PRECEDING' if offset < 0 else 'FOLLOWING'}"

    def frame(self, names):
        name = self.chooser.choose(FRAME, only=names)
        if name == "frame.default":
            return ""
        offsets = [self.rng.randint(-3, 3), self.rng.randint(-3, 3)]
        if name == "frame.range":
            offsets = [0, 0]
        exclude = ""
        if self.chooser.maybe("frame.exclude", FRAME):
            exclude = " EXCLUDE " + self.rng.choice(["CURRENT ROW", "GROUP", "TIES", "NO OTHERS"] if name != "frame.rows" else
                                                    ["CURRENT ROW", "GROUP", "TIES"])
        return f" {name[6:].upper()} BETWEEN {self.bound(True, offsets)} AND {self.bound(False, offsets)}{exclude}"

    def range_window(self, scope):
        """RANGE with offsets: one column that has a distance, or None."""
        columns = [(sql, kind) for sql, kind in scope if kind in OFFSETS]
        if not columns or not self.chooser.maybe("frame.range_offset", FRAME):
            return None
        sql, kind = self.rng.choice(columns)
        bounds = []
        for word, current in (("PRECEDING", "CURRENT ROW"), ("FOLLOWING", "CURRENT ROW")):
            offset = self.rng.choice(OFFSETS[kind])
            bounds.append(self.rng.choice([f"{offset} {word}", f"{offset} {word}", current, f"UNBOUNDED {word}"]))
        return f"{self.partition(scope)}ORDER BY {sql} {self.rng.choice(DIRECTIONS)} RANGE BETWEEN {bounds[0]} AND {bounds[1]}"

    def over_aggregate(self, scope, total):
        """An aggregate's call and kind; one that depends on the order only if that is total."""
        end = ""
        if self.chooser.maybe("over.filter", OVER):
            end = f" FILTER (WHERE {self.expressions.condition(scope, 0)})"
        names = ["count(*)", "count", "sum", "avg", "min", "max", "bool_or", "var_pop"] + (["string_agg", "array_agg"] if total else [])
        name = self.rng.choice(names)
        if name == "count(*)":
            return f"count(*){end}", "big"
        if name == "bool_or":
            return f"bool_or({self.expressions.condition(scope, 0)}){end}", "bool"
        if name == "string_agg":
            return f"string_agg({self.expressions.expression(scope, 'text', 1)}, ','){end}", "text"
        if name == "array_agg":
            return f"array_agg({self.expressions.expression(scope, 'int', 1)}){end}", "arr"
        if name in ("min", "max"):
            kind = self.expressions.kind_in(scope, ("int", "big", "num", "dec", "text", "date", "ts", "tz", "sml", "tim"))
            value, kind = canonical(self.expressions.expression(scope, kind, 1), kind)
            return f"{name}({value}){end}", kind
        kind = self.expressions.kind_in(scope, ("int", "big", "num", "dec", "sml") if name != "count" else EXACT)
        value = self.expressions.expression(scope, kind, 1)
        if name == "sum":
            return f"sum({value}){end}", {"int": "big", "sml": "big", "big": "num"}.get(kind, kind)
        return f"{name}({value}){end}", "big" if name == "count" else "num"

    def over_call(self, scope, total_window, peer_window):
        """A window function with OVER, and its kind."""
        name = self.chooser.choose(OVER, only=self.CALLS)
        word = name[5:]
        if word in ("rank", "dense_rank", "percent_rank", "cume_dist"):
            return f"{word}() OVER ({peer_window})", "rough" if word in ("percent_rank", "cume_dist") else "big"
        if word == "row_number":
            return f"row_number() OVER ({total_window})", "big"
        if word == "ntile":
            return f"ntile({self.rng.randint(1, 4)}) OVER ({total_window})", "int"
        if word == "aggregate":
            ranged = self.range_window(scope)
            total = ranged is None and self.rng.random() < 0.6
            call, kind = self.over_aggregate(scope, total)
            if ranged is not None:
                return f"{call} OVER ({ranged})", kind
            if total:
                return f"{call} OVER ({total_window}{self.frame(['frame.default', 'frame.rows', 'frame.groups'])})", kind
            return f"{call} OVER ({peer_window}{self.frame(['frame.default', 'frame.range', 'frame.groups'])})", kind
        kind = self.expressions.kind_in(scope)
        value = self.expressions.expression(scope, kind, 1)
        if word in ("lag", "lead"):
            arguments = self.rng.choice(["", ", 2", ", 0", f", 1, {self.expressions.column(scope, kind)}"])
            return f"{word}({value}{arguments}) OVER ({total_window})", kind
        if word == "nth_value":
            value += f", {self.rng.randint(1, 3)}"
        return f"{word}({value}) OVER ({total_window}{self.frame(['frame.default', 'frame.rows', 'frame.groups'])})", kind

    CALLS = ["over.row_number", "over.rank", "over.dense_rank", "over.percent_rank", "over.cume_dist", "over.ntile", "over.lag",
             "over.lead", "over.first_value", "over.last_value", "over.nth_value", "over.aggregate"]

    def windowed(self, depth):
        with_queries = []
        source, scope = self.leaf(depth, with_queries)
        scope = self.exact(scope)
        if not scope:
            return self.select(depth, None)
        select = Select([], source, with_queries=with_queries)
        if self.chooser.maybe("shape.where"):
            select.where = [self.expressions.condition(scope, 1)]
        for sql, kind in self.rng.sample(scope, self.rng.randint(1, min(3, len(scope)))):
            select.items.append(Item(sql, "", kind))
        # One total order for all: equal rows keep their places.
        total_window = self.partition(scope) + self.total_order(scope)
        peer_window = self.partition(scope) + self.peer_order(scope)
        if self.chooser.maybe("over.named", OVER):
            select.windows = [f"w AS ({total_window})", f"p AS ({peer_window})"]
            total_window, peer_window = "w", "p"
        for _ in range(self.rng.choice([1, 1, 2, 3])):
            text, kind = self.over_call(scope, total_window, peer_window)
            select.items.append(Item(text, "", kind))
        for i, item in enumerate(select.items):
            item.name = f"o{i}"
        return select

    def over_groups(self, select):
        """Window functions over the rows of a grouped query."""
        values = [item.text for item in select.items if item.kind in ("int", "big", "num")]
        value = self.rng.choice(values or ["count(*)"])
        if "grouping(" in value:
            value = "count(*)"
        call = self.rng.choice([f"rank() OVER (ORDER BY {value} DESC)", f"sum({value}) OVER ()",
                                f"count(*) OVER (PARTITION BY {value})", "sum(count(*)) OVER ()"])
        kind = "num" if call.startswith("sum") else "big"
        text = f"({call})::numeric" if kind == "num" else call
        select.items.append(Item(text, f"o{len(select.items)}", "dec" if kind == "num" else kind))

    def top_n(self, depth):
        """The first rows of each partition: a filter over their numbers."""
        with_queries = []
        source, scope = self.leaf(depth, with_queries)
        scope = self.exact(scope)
        if not scope:
            return self.select(depth, None)
        name = self.chooser.choose(TOP, without=["top.with_running"])
        alias = self.alias()
        inner = Select([Item(sql, f"c{i}", kind) for i, (sql, kind) in enumerate(scope)], source)
        ranked = name == "top.rank"
        order = self.peer_order(scope) if ranked else self.total_order(scope)
        window = self.partition(scope) + order
        inner.items.append(Item(f"{'rank' if ranked else 'row_number'}() OVER ({window})", "n", "big"))
        if not ranked and self.chooser.maybe("top.with_running", TOP):
            text, kind = self.over_aggregate(scope, True)
            inner.items.append(Item(f"{text} OVER ({window} ROWS 2 PRECEDING)", "r", kind))
        where = {"top.first": f"{alias}.n = 1", "top.between": f"{alias}.n BETWEEN 2 AND {self.rng.randint(2, 4)}"}
        default = self.rng.choice([f"{alias}.n <= {self.rng.randint(1, 4)}", f"{alias}.n < 3", f"2 >= {alias}.n"])
        outer = Select([], Derived(inner, alias), where=[where.get(name, default)], with_queries=with_queries)
        if self.rng.random() < 0.3:
            outer.where.append(self.expressions.condition([(f"{alias}.{c}", kind) for c, kind in inner.columns()[:-1]
                                                           if kind in EXACT], 0))
        for column, kind in inner.columns():
            if column != "n" or self.rng.random() < 0.5:
                outer.items.append(Item(f"{alias}.{column}", f"o{len(outer.items)}", kind))
        return outer
