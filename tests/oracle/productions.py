"""The grammar's productions: their names, their weights, and how often each was used by a view that showed
something. Every random decision that shapes a view goes through Chooser, so a production can't be used unnoticed."""
import collections

# Names and weights by the part of the grammar that chooses among them.
QUERY = {"query.select": 60, "query.group": 40, "query.union": 8, "query.union_all": 8, "query.intersect": 6,
         "query.intersect_all": 4, "query.except": 6, "query.except_all": 5, "query.over": 22, "query.top_n": 12}
FROM = {"from.table": 60, "from.view": 22, "from.plain_view": 8, "from.derived": 18, "from.cte": 12,
        "from.series": 6, "from.lateral_series": 6}
JOIN = {"join.inner": 26, "join.left": 28, "join.right": 18, "join.full": 20, "join.cross": 8, "join.comma": 6}
ON = {"on.equi": 40, "on.equi_two": 12, "on.mixed": 30, "on.non_equi": 14, "on.using": 16, "on.constant": 4,
      "on.not_distinct": 6, "on.expression": 10}
SHAPE = {"shape.where": 40, "shape.distinct": 14, "shape.distinct_forms": 50, "shape.having": 35, "shape.limit": 14, "shape.offset": 45,
         "shape.ties": 25, "shape.self_join": 20, "shape.two_joins": 22, "shape.three_joins": 5}
GROUP = {"group.column": 40, "group.expression": 22, "group.position": 22, "group.none": 16,
         "group.forms": 34, "group.window": 45, "group.rollup": 7, "group.cube": 5, "group.sets": 7}
AGGREGATE = {"agg.count_star": 20, "agg.count": 14, "agg.sum": 20, "agg.avg": 14, "agg.min": 14, "agg.max": 14,
             "agg.count_distinct": 10, "agg.sum_distinct": 6, "agg.avg_distinct": 4, "agg.bool": 6,
             "agg.string_agg": 8, "agg.string_agg_distinct": 4, "agg.mode": 4, "agg.percentile_disc": 4,
             "agg.percentile_cont": 4, "agg.stddev": 6, "agg.pairs": 4, "agg.bits": 4,
             "agg.sum_decimal": 12, "agg.avg_decimal": 6, "agg.sum_decimal_distinct": 6}
AGGREGATE_SHAPE = {"agg.filter": 22, "agg.in_expression": 16, "agg.another_decimal": 40}
SUBQUERY = {"sub.in": 12, "sub.not_in": 10, "sub.exists": 12, "sub.not_exists": 10, "sub.in_correlated": 8,
            "sub.not_in_correlated": 5, "sub.exists_uncorrelated": 4, "sub.exists_non_equi": 5,
            "sub.compare_scalar": 8, "sub.in_or": 5, "sub.in_operand": 12, "sub.not_in_operand": 12}
SCALAR = {"scalar.uncorrelated": 8, "scalar.correlated": 10, "scalar.correlated_count": 8, "scalar.by_key": 6,
          "scalar.form": 30, "scalar.full_join": 20}
OVER = {"over.row_number": 10, "over.rank": 8, "over.dense_rank": 6, "over.percent_rank": 5, "over.cume_dist": 5, "over.ntile": 5,
        "over.lag": 10, "over.lead": 10, "over.first_value": 7, "over.last_value": 7, "over.nth_value": 7, "over.aggregate": 40,
        "over.partition": 65, "over.window": 25, "over.filter": 20, "over.named": 20, "over.grouped": 15}
FRAME = {"frame.default": 25, "frame.rows": 30, "frame.range": 20, "frame.groups": 25, "frame.exclude": 30, "frame.range_offset": 35}
TOP = {"top.number": 30, "top.first": 30, "top.between": 15, "top.rank": 25, "top.with_running": 25}
CONDITION = {"cond.compare": 40, "cond.is_null": 10, "cond.is_distinct": 8, "cond.between": 8, "cond.in_list": 9,
             "cond.like": 7, "cond.not": 8, "cond.and": 12, "cond.or": 14, "cond.boolean": 7, "cond.is_true": 5}
EXPRESSION = {"expr.column": 60, "expr.literal": 8, "expr.case": 10, "expr.case_simple": 5, "expr.coalesce": 8,
              "expr.nullif": 5, "expr.greatest": 4, "expr.function": 55}
TABLES = (QUERY, FROM, JOIN, ON, SHAPE, GROUP, AGGREGATE, AGGREGATE_SHAPE, SUBQUERY, SCALAR, OVER, FRAME, TOP, CONDITION,
          EXPRESSION)

# Decided outside of the grammar, but counted with it.
OTHERS = ("type.boolean", "type.integer", "type.bigint", "type.double", "type.numeric", "type.text", "type.date",
          "type.timestamp", "type.timestamptz", "type.interval", "type.decimal", "type.smallint", "type.real", "type.bytea", "type.uuid", "type.time",
          "type.character", "type.jsonb", "type.array", "view.on_existing_rows", "view.error_row")


class Chooser:
    """Weighted choices from one random generator; collects the names used since start_view()."""

    def __init__(self, rng, functions):
        self.rng = rng
        self.functions = dict(functions)  # production name of a function template -> weight
        self.names = sorted({name for table in TABLES for name in table} | set(OTHERS) | set(self.functions))
        self.hits = collections.Counter()
        self.used = set()

    def start_view(self):
        self.used = set()

    def use(self, name):
        assert name in self.names, name
        self.used.add(name)

    def choose(self, table, only=None, without=()):
        """A name of `table` (of `only`, when given); one that no view has shown yet is three times as likely."""
        names = [name for name in (only or table) if name not in without]
        weights = [table[name] * (3 if not self.hits[name] else 1) for name in names]
        name = self.rng.choices(names, weights)[0]
        self.use(name)
        return name

    def maybe(self, name, table=SHAPE):
        """True with the table's weight in percent."""
        likely = table[name] * (1.5 if not self.hits[name] else 1)
        if self.rng.random() * 100 < likely:
            self.use(name)
            return True
        return False

    def count(self, used):
        """One more view showed a non-empty, changing result with these productions."""
        self.hits.update(used)

    def never_hit(self):
        return [name for name in self.names if not self.hits[name]]
