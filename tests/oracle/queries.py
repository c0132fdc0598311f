"""The generator of random queries."""
from expressions import EXACT, Expressions, canonical
from productions import (AGGREGATE, AGGREGATE_SHAPE, FROM, GROUP, JOIN, ON, OVER, QUERY, SCALAR, SHAPE, SUBQUERY)
from query_tree import Derived, Item, Join, Named, Select, Union, View
from tables import literal
from windows import Windows

# Kinds whose equal values may look different.
FORMS = ("dec", "iv", "dbl")


class Queries(Windows):
    """Draws queries over tables and the views made so far (relations: name -> list of (column, kind))."""

    def __init__(self, chooser, tables):
        self.chooser, self.rng = chooser, chooser.rng
        self.tables = tables
        self.views = {}
        self.plain = set()
        self.expressions = Expressions(chooser)
        self.serial = 0
        self.uses = set()

    def alias(self):
        self.serial += 1
        return f"a{self.serial}"

    def view(self, name, depth=2):
        self.chooser.start_view()
        self.serial = 0
        self.uses = set()
        query = self.query(depth, outer=True)
        return View(name, query, set(self.uses), set(self.chooser.used))

    def query(self, depth, outer=False):
        name = self.chooser.choose(QUERY, without=[] if depth > 0 else list(self.SETS))
        if name in self.SETS:
            return self.set_operation(name, depth)
        if name == "query.over":
            return self.windowed(depth)
        if name == "query.top_n":
            return self.top_n(depth)
        return self.select(depth, None, grouped=name == "query.group", may_limit=outer or self.rng.random() < 0.4)

    SETS = {"query.union": "UNION", "query.union_all": "UNION ALL", "query.intersect": "INTERSECT",
            "query.intersect_all": "INTERSECT ALL", "query.except": "EXCEPT", "query.except_all": "EXCEPT ALL"}

    def set_operation(self, name, depth):
        left = self.select(depth - 1, None, may_limit=False)
        if name.startswith(("query.intersect", "query.except")):
            # Few columns of few values, or no row is on both sides.
            del left.items[2:]
        right = self.select(depth - 1, [kind for _, kind in left.columns()], may_limit=False)
        if name != "query.union_all":
            self.make_canonical(left), self.make_canonical(right)
        return Union(self.SETS[name], left, right)

    @staticmethod
    def make_canonical(select):
        """Equal rows get equal texts: for DISTINCT, UNION and LIMIT."""
        for item in select.items:
            item.text, item.kind = canonical(item.text, item.kind)

    @staticmethod
    def add_forms(select):
        """Beside each value that has equals of another look its text: then it needs no canonical form."""
        for item in list(select.items):
            if item.kind in FORMS:
                select.items.append(Item(f"({item.text})::text", f"o{len(select.items)}", "text"))

    def rare_kind(self):
        """Now and then a kind of which some function hasn't been shown yet."""
        rare = [kind for kind in EXACT if self.expressions.unseen(kind)]
        return [self.rng.choice(rare)] if rare and self.rng.random() < 0.3 else []

    def select(self, depth, kinds, grouped=False, may_limit=True):
        """kinds: the columns it must have, or None."""
        with_queries = []
        source, scope = self.source(depth, with_queries)
        where = []
        if self.chooser.maybe("shape.where"):
            where = self.where(scope, depth)
        if grouped:
            select = self.grouped(source, scope)
            if self.chooser.maybe("over.grouped", OVER):
                self.over_groups(select)
        else:
            if not kinds:
                kinds = [self.expressions.kind_in(scope, EXACT + ("rough",)) for _ in range(self.rng.randint(1, 4))]
                kinds += self.rare_kind()
            select = Select([], source)
            for i, kind in enumerate(kinds):
                text = self.scalar(scope, kind, depth) if self.rng.random() < 0.2 else None
                select.items.append(Item(text or self.expressions.expression(scope, kind), f"o{i}", kind))
        select.where = where
        select.with_queries = with_queries
        exact = all(item.kind != "rough" for item in select.items)
        if exact and self.chooser.maybe("shape.distinct"):
            select.distinct = True
            if not grouped and self.chooser.maybe("shape.distinct_forms"):
                self.add_forms(select)
            else:
                self.make_canonical(select)
        if exact and may_limit and self.chooser.maybe("shape.limit"):
            self.make_canonical(select)
            select.order = [self.rng.choice(["", "", "DESC", "DESC NULLS LAST", "ASC NULLS FIRST"]) for _ in select.items]
            select.limit = self.rng.choice([1, 2, 3, 5, 10])
            if self.chooser.maybe("shape.offset"):
                select.offset = self.rng.choice([0, 1, 2, 4])
                if self.rng.random() < 0.3:
                    select.limit = None
            elif self.chooser.maybe("shape.ties"):
                select.ties = 1
        return select

    # FROM

    def source(self, depth, with_queries):
        left, scope = self.leaf(depth, with_queries)
        joins = 0
        if self.chooser.maybe("shape.three_joins"):
            joins = 3
        elif self.chooser.maybe("shape.two_joins"):
            joins = 2
        elif self.rng.random() < 0.5:
            joins = 1
        for i in range(joins):
            if isinstance(left, Named) and self.chooser.maybe("shape.self_join"):
                right = Named(left.name, self.alias())
                right_scope = [(f"{right.alias}.{sql.split('.')[-1]}", kind) for sql, kind in scope]
            else:
                right, right_scope = self.leaf(depth - 1, with_queries)
            left, scope = self.join(left, scope, right, right_scope, last=i == joins - 1)
        commas = isinstance(left, Join) and left.word == ","
        if not commas and self.rng.random() < 0.06 and self.expressions.columns(scope, "int"):
            self.chooser.use("from.lateral_series")
            left, scope = self.lateral_series(left, scope)
        return left, scope

    @staticmethod
    def series(alias, arguments):
        return Named(f"generate_series({arguments})", f"{alias}(n)"), [(f"{alias}.n", "int")]

    def lateral_series(self, left, scope):
        """FROM left, generate_series(1, a column of it), or LEFT JOIN."""
        column = self.expressions.column(scope, "int")
        right, right_scope = self.series(self.alias(), f"1, least({column}, 4)")
        if self.rng.random() < 0.5:
            return Join("CROSS JOIN", left, right, [], []), scope + right_scope
        on = ["true"] if self.rng.random() < 0.6 else [f"{right_scope[0][0]} > 1"]
        return Join("LEFT JOIN", left, right, on, []), scope + right_scope

    def columns_of(self, name):
        for table in self.tables:
            if table.name == name:
                return table.columns
        return self.views[name]

    def leaf(self, depth, with_queries):
        without = ["from.lateral_series"] + ([] if depth > 0 else ["from.derived", "from.cte"])
        materialized = [name for name in self.views if name not in self.plain]
        if not materialized:
            without = without + ["from.view"]
        if not self.plain:
            without = without + ["from.plain_view"]
        name = self.chooser.choose(FROM, without=without)
        alias = self.alias()
        if name == "from.derived":
            query = self.query(depth - 1)
            return Derived(query, alias), [(f"{alias}.{column}", kind) for column, kind in query.columns()]
        if name == "from.cte":
            query = self.query(depth - 1)
            with_queries.append((f"w{alias}", query))
            return Named(f"w{alias}", alias), [(f"{alias}.{column}", kind) for column, kind in query.columns()]
        if name == "from.series":
            return self.series(alias, f"{self.rng.randint(-1, 1)}, {self.rng.randint(1, 4)}")
        if name == "from.table":
            relation = self.rng.choice(self.tables).name
        else:
            relation = self.rng.choice(sorted(materialized if name == "from.view" else self.plain))
            self.uses.add(relation)
        return Named(relation, alias), [(f"{alias}.{column}", kind) for column, kind in self.columns_of(relation)]

    WORDS = {"join.inner": "JOIN", "join.left": "LEFT JOIN", "join.right": "RIGHT JOIN", "join.full": "FULL JOIN",
             "join.cross": "CROSS JOIN", "join.comma": ","}

    def join(self, left, left_scope, right, right_scope, last):
        # A comma binds less than JOIN, so what follows could not see what stands before it.
        name = self.chooser.choose(JOIN, without=[] if last else ["join.comma"])
        word = self.WORDS[name]
        names = {sql.split(".")[-1] for sql, _ in right_scope}
        both = [(sql, kind) for sql, kind in left_scope if "." in sql or sql not in names] + right_scope
        if name in ("join.cross", "join.comma"):
            return Join(word, left, right, [], []), both
        # PostgreSQL has no full join without an equality.
        without = ["on.non_equi", "on.not_distinct"] if name == "join.full" else []
        shared = self.using_columns(left_scope, right_scope)
        if not shared:
            without.append("on.using")
        form = self.chooser.choose(ON, without=without)
        if form == "on.using":
            column, kind = self.rng.choice(shared)
            rest = [(sql, k) for sql, k in both if sql.split(".")[-1] != column]
            return Join(word, left, right, [], [column]), rest + [(column, kind)]
        return Join(word, left, right, self.on(form, left_scope, right_scope, both), []), both

    @staticmethod
    def using_columns(left_scope, right_scope):
        def once(scope):
            names = [sql.split(".")[-1] for sql, _ in scope]
            return {(sql.split(".")[-1], kind) for sql, kind in scope
                    if kind in EXACT and names.count(sql.split(".")[-1]) == 1}
        return sorted(once(left_scope) & once(right_scope))

    def equality(self, left_scope, right_scope, word="="):
        kinds = sorted({k for _, k in left_scope} & {k for _, k in right_scope} & set(EXACT))
        if not kinds:
            kinds = ["int"]
        kind = self.rng.choice(kinds + [k for k in kinds if k in ("int", "text")] * 3)
        return f"{self.expressions.column(left_scope, kind)} {word} {self.expressions.column(right_scope, kind)}"

    def on(self, form, left_scope, right_scope, both):
        if form == "on.equi":
            return [self.equality(left_scope, right_scope)]
        if form == "on.equi_two":
            return [self.equality(left_scope, right_scope), self.equality(left_scope, right_scope)]
        if form == "on.mixed":
            # Mostly a condition between the sides: rows of one key then match some of the others only.
            between = self.equality(left_scope, right_scope, self.rng.choice(["<", "<=", ">", ">=", "<>"]))
            second = between if self.rng.random() < 0.7 else self.expressions.condition(both, 1)
            return [self.equality(left_scope, right_scope), second]
        if form == "on.non_equi":
            return [self.equality(left_scope, right_scope, self.rng.choice(["<", ">=", "<>"]))]
        if form == "on.not_distinct":
            return [self.equality(left_scope, right_scope, "IS NOT DISTINCT FROM")]
        if form == "on.constant":
            return [self.rng.choice(["true", "false"])]
        kind = self.rng.choice(["int", "text"])
        return [f"{self.expressions.expression(left_scope, kind, 1)} = {self.expressions.expression(right_scope, kind, 1)}"]

    # WHERE

    def where(self, scope, depth):
        conditions = [self.expressions.condition(scope)]
        if self.rng.random() < 0.3:
            conditions.append(self.expressions.condition(scope, 1))
        if depth > 0 and self.rng.random() < 0.65:
            conditions.append(self.subquery(scope))
        return conditions

    def inner(self, scope):
        """A relation for a subquery and its scope; the kind of a column that both sides have."""
        leaf, inner = self.leaf(0, [])
        kinds = sorted({k for _, k in scope} & {k for _, k in inner} & set(EXACT))
        if not kinds:
            leaf = Named(self.tables[0].name, self.alias())
            inner = [(f"{leaf.alias}.{column}", kind) for column, kind in self.tables[0].columns]
        return leaf, inner, self.rng.choice(kinds or ["int"])

    def subquery(self, scope):
        name = self.chooser.choose(SUBQUERY)
        leaf, inner, kind = self.inner(scope)
        outer_value = self.expressions.expression(scope, kind, self.rng.choice([0, 0, 1]))
        inner_value = self.expressions.column(inner, kind)
        correlation = self.equality(inner, scope)
        filtered = f" AND {self.expressions.condition(inner, 1)}" if self.rng.random() < 0.4 else ""
        source = leaf.sql()
        if name in ("sub.in", "sub.not_in", "sub.in_or"):
            where = f" WHERE true{filtered}" if filtered else ""
            word = "NOT IN" if name == "sub.not_in" else "IN"
            test = f"{outer_value} {word} (SELECT {inner_value} FROM {source}{where})"
            return f"({test} OR {self.expressions.condition(scope, 0)})" if name == "sub.in_or" else test
        if name in ("sub.in_correlated", "sub.not_in_correlated"):
            word = "NOT IN" if name == "sub.not_in_correlated" else "IN"
            return f"{outer_value} {word} (SELECT {inner_value} FROM {source} WHERE {correlation}{filtered})"
        if name == "sub.exists_uncorrelated":
            return f"EXISTS (SELECT 1 FROM {source} WHERE {self.expressions.condition(inner, 1)})"
        if name == "sub.exists_non_equi":
            correlation = self.equality(inner, scope, self.rng.choice(["<", ">", "<>"]))
            return f"EXISTS (SELECT 1 FROM {source} WHERE {correlation}{filtered})"
        if name == "sub.compare_scalar":
            function = self.rng.choice(["min", "max"]) if kind != "bool" else "count"
            kind = "big" if kind == "bool" else kind
            value = self.expressions.column(scope, kind)
            where = f" WHERE {correlation}" if self.rng.random() < 0.5 else ""
            return f"{value} {self.rng.choice(['=', '<', '>='])} (SELECT {function}({inner_value}) FROM {source}{where})"
        if name in ("sub.in_operand", "sub.not_in_operand"):
            word = "NOT IN" if name == "sub.not_in_operand" else "IN"
            where = f" WHERE {correlation}{filtered}" if self.rng.random() < 0.3 else ""
            operand = self.scalar(scope, kind, 1) or self.scalar(scope, "big", 1)
            if kind in ("bool", "rough"):
                inner_value = f"({inner_value})::integer" if kind == "bool" else "1"
            return f"{operand} {word} (SELECT {inner_value} FROM {source}{where})"
        word = "NOT EXISTS" if name == "sub.not_exists" else "EXISTS"
        return f"{word} (SELECT * FROM {source} WHERE {correlation}{filtered})"

    def scalar(self, scope, kind, depth):
        """A scalar subquery of this kind, or None."""
        if depth <= 0:
            return None
        keyed = [t for t in self.tables if t.key == ["k"] and any(k == kind for _, k in t.columns)]
        without = [] if kind == "big" else ["scalar.correlated_count", "scalar.full_join"]
        without += [] if kind == "text" and any(k in FORMS for _, k in scope) else ["scalar.form"]
        without += [] if keyed and self.expressions.columns(scope, "int") else ["scalar.by_key"]
        if kind in ("bool", "rough"):
            without += ["scalar.uncorrelated", "scalar.correlated"]
        if len(set(without)) == len(SCALAR):
            return None
        name = self.chooser.choose(SCALAR, without=without)
        if name == "scalar.by_key":
            table, alias = self.rng.choice(keyed), self.alias()
            column = self.rng.choice([c for c, k in table.columns if k == kind])
            return f"(SELECT {alias}.{column} FROM {table.name} {alias} WHERE {alias}.k = {self.expressions.column(scope, 'int')})"
        leaf, inner, _ = self.inner(scope)
        correlation = self.equality(inner, scope)
        if name == "scalar.form":
            return self.scalar_form(scope)
        if name == "scalar.full_join":
            return self.scalar_full_join(scope)
        if name == "scalar.correlated_count":
            return f"(SELECT count(*) FROM {leaf.sql()} WHERE {correlation})"
        value = canonical(self.expressions.expression(inner, kind, 0), kind)[0] if kind != "iv" else self.expressions.column(inner, kind)
        function = self.rng.choice(["min", "max"])
        if kind == "iv":
            function = "sum"
        where = f" WHERE {correlation}" if name == "scalar.correlated" else ""
        return f"(SELECT {function}({value}) FROM {leaf.sql()}{where})"

    def scalar_form(self, scope):
        """A scalar subquery that shows the outer row's own value, where others are equal to it."""
        outer, kind = self.rng.choice([c for c in scope if c[1] in FORMS])
        table = self.rng.choice(self.tables)
        alias = self.alias()
        same = [c for c, k in table.columns if k == kind or {k, kind} == {"num", "dec"}]
        word = self.rng.choice(["=", "=", "=", "<=", "IS NOT DISTINCT FROM"])
        where = f" WHERE {alias}.{self.rng.choice(same)} {word} {outer}" if same else ""
        return f"(SELECT max({alias}.k::text || ':' || ({outer})::text) FROM {table.name} {alias}{where})"

    def scalar_full_join(self, scope):
        """A scalar subquery over a full join whose sides use outer values in different ways."""
        sides, columns = [], []
        for _ in range(2):
            table, inside, alias = self.rng.choice(self.tables), self.alias(), self.alias()
            inner = [(f"{inside}.{column}", kind) for column, kind in table.columns]
            word = self.rng.choice(["=", "=", "<", "IS NOT DISTINCT FROM", "<>"])
            columns.append(alias)
            sides.append(f"(SELECT {inside}.k AS c FROM {table.name} {inside} WHERE {self.equality(inner, scope, word)}) {alias}")
        left, right = columns
        return (f"(SELECT {self.rng.choice(['count(*)', f'count({left}.c)', f'sum({left}.c + coalesce({right}.c, 1))'])} "
                f"FROM {sides[0]} FULL JOIN {sides[1]} ON {left}.c = {right}.c)")

    # GROUP BY

    def grouped(self, source, scope):
        select = Select([], source)
        window = self.window(scope)
        form = self.chooser.choose(GROUP, without=() if window else ("group.window",))
        keys = []
        if form == "group.window":
            start, width, kind = window
            keys = [(start, kind)]
            if self.rng.random() < 0.5:
                keys.append((f"({start} + {width})", kind))
            if self.rng.random() < 0.5:
                kind = self.expressions.kind_in(scope)
                keys.append(canonical(self.expressions.column(scope, kind), kind))
        elif form != "group.none":
            for _ in range(self.rng.choice([1, 1, 1, 2, 2, 3])):
                kind = self.expressions.kind_in(scope)
                text = self.expressions.column(scope, kind)
                if form != "group.column":
                    drawn = self.expressions.expression(scope, kind, 1)
                    # A constant is no group key; a number would be a position.
                    text = drawn if any(sql in drawn for sql, _ in scope) else text
                if form == "group.forms" and kind in FORMS:
                    keys += [(text, kind), (f"({text})::text", "text")]
                else:
                    keys.append(canonical(text, kind))
        if form in self.SETS_OF_GROUPS:
            self.grouping_sets(select, form, keys)
        for text, kind in keys if form not in self.SETS_OF_GROUPS else []:
            select.items.append(Item(text, f"o{len(select.items)}", kind))
            select.group.append(str(len(select.items)) if form == "group.position" else text)
        if keys and form not in self.SETS_OF_GROUPS and self.rng.random() < 0.15:  # a group key that isn't shown
            dropped = self.rng.randrange(len(select.items))
            if form != "group.position":
                del select.items[dropped]
        for _ in range(self.rng.randint(1, 3)):
            text, kind = self.aggregate(scope)
            if self.chooser.maybe("agg.in_expression", AGGREGATE_SHAPE):
                text, kind = self.around(text, kind)
            select.items.append(Item(text, f"o{len(select.items)}", kind))
        if (decimals := self.expressions.columns(scope, "dec")) and self.chooser.maybe("agg.another_decimal", AGGREGATE_SHAPE):
            select.items.append(Item(f"sum({self.rng.choice(decimals)})", "", "dec"))
        for i, item in enumerate(select.items):
            item.name = f"o{i}"
        if self.chooser.maybe("shape.having"):
            text, kind = self.aggregate(scope)
            if kind != "rough":
                select.having.append(f"{text} {self.rng.choice(['>', '<=', '<>', '='])} {literal(self.rng, kind)}")
            else:
                select.having.append("count(*) > 1")
        return select

    SETS_OF_GROUPS = ("group.rollup", "group.cube", "group.sets")

    def grouping_sets(self, select, form, keys):
        texts = list(dict.fromkeys(text for text, _ in keys))
        for text, kind in keys:
            select.items.append(Item(text, f"o{len(select.items)}", kind))
        select.items.append(Item(f"grouping({', '.join(texts)})", f"o{len(select.items)}", "int"))
        if form == "group.rollup":
            select.group.append(f"ROLLUP ({', '.join(texts)})")
        elif form == "group.cube":
            select.group.append(f"CUBE ({', '.join(texts)})")
        else:
            sets = [f"({', '.join(texts)})"]
            for _ in range(self.rng.randint(1, 2)):
                sets.append(f"({', '.join(self.rng.sample(texts, self.rng.randint(0, len(texts))))})")
            select.group.append(f"GROUPING SETS ({', '.join(sets)})")

    def ordered_aggregate(self, scope, name, end):
        if name.startswith("agg.string_agg"):
            text, _ = canonical(self.expressions.expression(scope, "text", 1), "text")
            if name == "agg.string_agg_distinct":
                return f"string_agg(DISTINCT {text}, ',' ORDER BY {text}){end}", "text"
            first = self.expressions.column(scope, self.expressions.kind_in(scope, ("int", "date", "bool")))
            return f"string_agg({text}, ',' ORDER BY {first} {self.rng.choice(['', 'DESC'])}, {text}){end}", "text"
        word = self.rng.choice(["", " DESC"])
        if name == "agg.percentile_cont":
            value = self.expressions.column(scope, self.expressions.kind_in(scope, ("int", "dbl")))
            part = self.rng.choice(["0.25", "0.5", "0.9", "1"])
            return f"percentile_cont({part}) WITHIN GROUP (ORDER BY {value}{word}){end}", "rough"
        kind = self.expressions.kind_in(scope, ("int", "big", "num", "text", "date", "ts"))
        value, kind = canonical(self.expressions.expression(scope, kind, 1), kind)
        if name == "agg.mode":
            return f"mode() WITHIN GROUP (ORDER BY {value}{word}){end}", kind
        return f"percentile_disc({self.rng.choice(['0', '0.3', '0.5', '1'])}) WITHIN GROUP (ORDER BY {value}{word}){end}", kind

    def statistic(self, scope, name, end):
        if name == "agg.bits":
            kind = self.expressions.kind_in(scope, ("int", "big"))
            word = self.rng.choice(["bit_and", "bit_or", "bit_xor"])
            return f"{word}({self.expressions.expression(scope, kind, 1)}){end}", kind
        if name == "agg.stddev":
            kind = self.expressions.kind_in(scope, ("int", "num", "dbl"))
            word = self.rng.choice(["stddev", "stddev_pop", "var_pop", "variance", "var_samp"])
            return f"{word}({self.expressions.column(scope, kind)}){end}", "rough" if kind == "dbl" else "num"
        word = self.rng.choice(["corr", "covar_pop", "covar_samp", "regr_slope", "regr_intercept", "regr_count"])
        kinds = [self.expressions.kind_in(scope, ("int", "dbl")) for _ in range(2)]
        values = ", ".join(self.expressions.column(scope, kind) for kind in kinds)
        return f"{word}({values}){end}", "big" if word == "regr_count" else "rough"

    def around(self, text, kind):
        if kind in ("big", "num", "int"):
            return self.rng.choice([f"({text} + 1)", f"coalesce({text}, 0)", f"CASE WHEN {text} > 2 THEN {text} END",
                                    f"(- {text})"]), kind
        return f"coalesce({text}, {literal(self.rng, kind)})", kind

    def aggregate(self, scope):
        decimals = self.expressions.columns(scope, "dec")
        name = self.chooser.choose(AGGREGATE, without=[] if decimals else
                                   ["agg.sum_decimal", "agg.avg_decimal", "agg.sum_decimal_distinct"])
        end = ""
        if self.chooser.maybe("agg.filter", AGGREGATE_SHAPE):
            end = f" FILTER (WHERE {self.expressions.condition(scope, 1)})"
        numbers = ("int", "big", "num", "dec", "dbl", "iv", "sml", "flt")
        if name.startswith(("agg.string_agg", "agg.mode", "agg.percentile")):
            return self.ordered_aggregate(scope, name, end)
        if name in ("agg.stddev", "agg.pairs", "agg.bits"):
            return self.statistic(scope, name, end)
        if name == "agg.count_star":
            return f"count(*){end}", "big"
        if name in ("agg.count", "agg.count_distinct"):
            kind = self.expressions.kind_in(scope)
            word = "DISTINCT " if name == "agg.count_distinct" else ""
            return f"count({word}{self.expressions.expression(scope, kind, 1)}){end}", "big"
        if name == "agg.bool":
            return f"{self.rng.choice(['bool_and', 'bool_or'])}({self.expressions.condition(scope, 1)}){end}", "bool"
        if name in ("agg.sum_decimal", "agg.avg_decimal"):  # as many decimals as the rows that are there have
            return f"{name[4:7]}({self.rng.choice(decimals)}){end}", "dec" if name[4] == "s" else "num"
        if name == "agg.sum_decimal_distinct":
            return f"sum(DISTINCT trim_scale({self.rng.choice(decimals)})){end}", "dec"
        if name in ("agg.sum", "agg.avg"):
            kind = self.expressions.kind_in(scope, numbers + ("rough",))
            word = name[4:]
            text = f"{word}({self.expressions.expression(scope, kind, 1)}){end}"
        elif name in ("agg.sum_distinct", "agg.avg_distinct"):
            kind = self.expressions.kind_in(scope, ("int", "big", "num", "dec", "sml", "iv"))
            word = name[4:7]
            argument = self.expressions.expression(scope, kind, 1)
            if kind in ("num", "dec"):
                argument = f"trim_scale({argument})"
            elif kind == "iv":
                argument = f"justify_interval({argument})"
            text = f"{word}(DISTINCT {argument}){end}"
        else:
            kind = self.expressions.kind_in(scope, ("int", "big", "num", "dec", "dbl", "iv", "text", "date", "ts", "tz", "rough",
                                                    "sml", "flt", "tim", "chr"))
            argument, kind = canonical(self.expressions.expression(scope, kind, 1), kind)
            return f"{name[4:]}({argument}){end}", kind
        if kind == "iv":
            return text, "iv"
        if word == "sum":
            return text, {"int": "big", "sml": "big", "big": "num"}.get(kind, kind)
        return text, {"dbl": "rough", "rough": "rough", "flt": "rough"}.get(kind, "num")
