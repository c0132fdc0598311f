"""Random expressions and conditions over a scope of typed columns."""
import re

from productions import CONDITION, EXPRESSION
from tables import PRODUCTION_OF_TYPE, literal

# Kinds that may be compared, grouped and ordered by.
EXACT = ("bool", "int", "big", "dbl", "num", "dec", "text", "date", "ts", "tz", "iv", "sml", "flt", "byt",
         "uid", "tim", "chr", "js", "arr")

# Numbers keep within the 38 digits that are stored: averages have 16 or 20 decimals, so products round one side.
# kind -> SQL with {kind} for arguments; {=text} is the text itself. The production is fn.<first word>.
TEMPLATES = {
    "int": ["add:({int} + {int})", "subtract:({int} - {int})", "multiply:({int} * {int})", "divide:({int} / 3)",
            "modulo:({int} % 4)", "mod:mod({int}, 5)", "negate:(- {int})", "abs:abs({int})", "length:length({text})",
            "char_length:char_length({text})", "octet_length:octet_length({text})", "position:position('b' IN {text})",
            "strpos:strpos({text}, 'a')", "ascii:ascii({text})", "date_minus_date:({date} - {date})",
            "extract_year:extract(year FROM {date})::integer", "cast_bool:({bool})::integer", "sign_int:sign({int})::integer",
            "cardinality:cardinality({arr})", "bytea_length:length({byt})", "small_integer:({sml} + {int})",
            "char_length_padded:octet_length({chr})"],
    "big": ["add_big:({big} + {int})", "subtract_big:({int} - {big})", "cast_big:({int})::bigint", "abs_big:abs({big})",
            "modulo_big:({big} % 7)", "divide_big:({big} / 2)"],
    "dbl": ["add_double:({dbl} + {dbl})", "subtract_double:({dbl} - {dbl})", "multiply_double:({dbl} * 0.5::double precision)",
            "cast_double:({int})::double precision", "abs_double:abs({dbl})", "floor_double:floor({dbl})",
            "ceil_double:ceil({dbl})", "round_double:round({dbl})",
            "real_double:({flt})::double precision"],
    "num": ["add_numeric:({num} + {num})", "subtract_numeric:({num} - {num})", "multiply_numeric:(round({num}, 4) * {num})",
            "divide_numeric:({num} / 3)", "round:round({num}, 1)", "trunc:trunc({num}, 1)", "floor:floor({num})",
            "ceil:ceil({num})", "abs_numeric:abs({num})", "cast_numeric:({int})::numeric", "sign:sign({num})",
            "mixed_numeric:({num} + {int})", "modulo_numeric:({num} % 2)", "extract_epoch:extract(epoch FROM {iv})"],
    "dec": ["add_decimal:({dec} + {dec})", "negate_decimal:(- {dec})", "abs_decimal:abs({dec})",
            "decimal_plus_numeric:({dec} + {num})", "decimal_of_integer:({int})::numeric"],
    "text": ["decimal_text:({dec})::text", "interval_text:({iv})::text", "concat_operator:({text} || {text})", "concat:concat({text}, {int}, '-')", "upper:upper({text})",
             "lower:lower({text})", "substr:substr({text}, 2, 2)", "left:left({text}, 2)", "right:right({text}, 1)",
             "trim:trim({text})", "replace:replace({text}, 'a', 'zz')", "reverse:reverse({text})",
             "lpad:lpad({text}, 4, '*')", "initcap:initcap({text})", "md5:md5({text})", "repeat:repeat({text}, 2)",
             "split_part:split_part({text}, ' ', 1)", "cast_text:({int})::text", "numeric_text:({num})::text",
             "date_text:({date})::text", "bool_text:({bool})::text", "translate:translate({text}, 'ab', 'xy')",
             "json_text:({js} ->> 'a')", "json_typeof:jsonb_typeof({js})", "encode:encode({byt}, 'hex')",
             "array_text:array_to_string({arr}, ',', '*')", "uuid_text:({uid})::text", "char_concat:({chr} || {text})",
             "time_text:({tim})::text", "real_text:({flt})::text"],
    "date": ["date_plus:({date} + 1)", "date_minus:({date} - 30)", "cast_date:({ts})::date"],
    "ts": ["date_trunc:date_trunc('month', {ts})", "timestamp_plus:({ts} + {iv})", "timestamp_minus:({ts} - interval '1 day')",
           "cast_timestamp:({date})::timestamp", "date_plus_interval:({date} + {iv})",
           "date_bin:date_bin(interval '12 hours', {ts}, timestamp '2000-01-01 03:00')"],
    "tz": ["date_trunc_tz:date_trunc('hour', {tz})", "timestamptz_plus:({tz} + {iv})", "cast_timestamptz:({ts})::timestamptz",
           "date_bin_tz:date_bin(interval '7 days', {tz}, timestamptz '2001-01-01 00:00+00')"],
    "iv": ["timestamp_difference:({ts} - {ts})", "interval_plus:({iv} + {iv})", "interval_times:({iv} * 2)",
           "interval_negate:(- {iv})", "time_difference:({tim} - {tim})"],
    "bool": ["starts_with:starts_with({text}, 'a')", "not:(NOT {bool})", "json_contains:({js} @> {js})", "json_has:({js} ? 'a')",
             "any_array:({int} = ANY ({arr}))", "all_array:({int} <> ALL ({arr}))", "array_contains:({arr} @> {arr})",
             "char_like:({chr} LIKE 'a%')"],
    "sml": ["add_small:({sml} + {sml})", "negate_small:(- {sml})", "cast_small:({int})::smallint", "abs_small:abs({sml})"],
    "flt": ["add_real:({flt} + {flt})", "cast_real:({int})::real", "abs_real:abs({flt})"],
    "byt": ["bytea_concat:({byt} || {byt})", "decode:decode(md5({text}), 'hex')", "convert_to:convert_to({text}, 'UTF8')",
            "bytea_part:substring({byt}, 2, 3)"],
    "uid": ["uuid_of_text:md5({text})::uuid"],
    "tim": ["time_plus:({tim} + {iv})", "cast_time:({ts})::time"],
    "chr": ["cast_char:({text})::character(4)"],
    "js": ["json_get:({js} -> 'a')", "json_build:jsonb_build_object('k', {int}, 't', {text}, 'd', {date})", "to_json:to_jsonb({text})",
           "json_concat:({js} || {js})", "json_path:({js} #> '{a,b}')", "json_of_array:to_jsonb({arr})",
           "json_strip:jsonb_strip_nulls({js})"],
    "arr": ["array_append:({arr} || {int})", "array_build:ARRAY[{int}, {int}]", "array_slice:({arr})[1:1]"],
    "rough": ["divide_double:({dbl} / 3)", "sqrt:sqrt(abs({dbl}))", "exp:exp({rough})", "rough_plus:({rough} + {dbl})"],
}


def _productions():
    for templates in TEMPLATES.values():
        for template in templates:
            yield "fn." + template.split(":", 1)[0]


FUNCTIONS = dict.fromkeys(_productions(), 10)


def canonical(text, kind):
    """Of a type whose equal values have equal texts (1.0 and 1.00, 1 day and 24 hours are equal): where one value
    must stand for all its equals. Returns text and kind."""
    if kind in ("num", "dec"):
        return f"({text})::numeric(24,4)", "num"
    if kind == "iv":
        return f"extract(epoch FROM {text})::numeric(24,4)", "num"
    if kind == "dbl":
        return f"({text} + 0)", kind
    return text, kind


class Expressions:
    """Draws expressions. A scope is a list of (sql, kind)."""

    def __init__(self, chooser):
        self.chooser, self.rng = chooser, chooser.rng

    def columns(self, scope, kind):
        return [sql for sql, column_kind in scope if column_kind == kind]

    def kind_in(self, scope, kinds=EXACT):
        """A kind that some column of the scope has."""
        present = sorted({kind for _, kind in scope if kind in kinds})
        weights = [3 if self.unseen(kind) else 1 for kind in present]
        return self.rng.choices(present, weights)[0] if present else "int"

    def unseen(self, kind):
        """Functions that make this kind and that no view has shown yet."""
        names = ["fn." + template.split(":", 1)[0] for template in TEMPLATES.get(kind, ())]
        return [name for name in names if not self.chooser.hits[name]]

    def column(self, scope, kind):
        found = self.columns(scope, kind)
        if not found:
            self.chooser.use("expr.literal")
            return literal(self.rng, kind)
        self.chooser.use("expr.column")
        self.chooser.use(PRODUCTION_OF_TYPE[kind])
        return self.rng.choice(found)

    def expression(self, scope, kind, depth=2):
        if depth <= 0 or (kind == "rough" and self.rng.random() < 0.6):
            return self.column(scope, kind)
        without = {"rough": ["expr.greatest", "expr.nullif", "expr.case_simple"], "iv": ["expr.greatest"],
                   "chr": ["expr.greatest", "expr.nullif"]}.get(kind, [])
        hurry = self.unseen(kind) and self.rng.random() < 0.4
        name = self.chooser.choose(EXPRESSION, only=["expr.function"] if hurry else None, without=without)
        if name == "expr.column":
            return self.column(scope, kind)
        if name == "expr.literal":
            return literal(self.rng, kind)
        if name == "expr.function":
            return self.function(scope, kind, depth)
        first = self.expression(scope, kind, depth - 1)
        if name == "expr.case":
            condition = self.condition(scope, depth - 1)
            otherwise = f" ELSE {self.expression(scope, kind, depth - 1)}" if self.rng.random() < 0.7 else ""
            return f"CASE WHEN {condition} THEN {first}{otherwise} END"
        if name == "expr.case_simple":
            subject = self.column(scope, "int")
            return f"CASE {subject} WHEN 1 THEN {first} WHEN 2 THEN {literal(self.rng, kind)} ELSE {self.column(scope, kind)} END"
        second = self.column(scope, kind)
        if name == "expr.coalesce":
            return f"coalesce({second}, {first})"
        if name == "expr.nullif":
            return f"nullif({first}, {literal(self.rng, kind)})"
        word = self.rng.choice(["greatest", "least"])
        return f"{word}({canonical(first, kind)[0]}, {canonical(second, kind)[0]})"

    def function(self, scope, kind, depth):
        templates = {"fn." + t.split(":", 1)[0]: t.split(":", 1)[1] for t in TEMPLATES[kind]}
        unseen = self.unseen(kind) if self.rng.random() < 0.6 else []
        name = self.chooser.choose(self.chooser.functions, only=unseen or list(templates))
        return re.sub(r"\{(\w+)\}", lambda m: self.expression(scope, m.group(1), depth - 1) if m.group(1) in PRODUCTION_OF_TYPE
                      else m.group(0), templates[name])

    def compare(self, scope, depth):
        kind = self.kind_in(scope)
        left = self.expression(scope, kind, depth - 1)
        # Not the left side again: a column compared with itself says little.
        others = [column for column in scope if column[0] not in left]
        right = self.expression(others, kind, 0) if self.rng.random() < 0.5 else literal(self.rng, kind)
        return kind, left, right

    def condition(self, scope, depth=2):
        without = ["cond.not", "cond.and", "cond.or"] if depth <= 0 else []
        name = self.chooser.choose(CONDITION, without=without)
        if name == "cond.not":
            return f"(NOT {self.condition(scope, depth - 1)})"
        if name in ("cond.and", "cond.or"):
            word = name[5:].upper()
            return f"({self.condition(scope, depth - 1)} {word} {self.condition(scope, depth - 1)})"
        if name == "cond.boolean":
            return f"({self.expression(scope, 'bool', depth)})"
        if name == "cond.is_true":
            word = self.rng.choice(["IS TRUE", "IS NOT TRUE", "IS FALSE", "IS NOT FALSE", "IS UNKNOWN"])
            return f"(({self.condition(scope, 0)}) {word})"
        if name == "cond.like":
            pattern = self.rng.choice(["'a%'", "'%b'", "'_b%'", "'a\\%b'", "'%'"])
            word = self.rng.choice(["LIKE", "NOT LIKE", "ILIKE"])
            return f"({self.expression(scope, 'text', depth - 1)} {word} {pattern})"
        if name == "cond.is_null":
            kind = self.kind_in(scope)
            return f"({self.expression(scope, kind, depth - 1)} IS {self.rng.choice(['', 'NOT '])}NULL)"
        kind, left, right = self.compare(scope, depth)
        if name == "cond.compare":
            return f"({left} {self.rng.choice(['=', '<>', '<', '<=', '>', '>='])} {right})"
        if name == "cond.is_distinct":
            return f"({left} IS {self.rng.choice(['', 'NOT '])}DISTINCT FROM {right})"
        if name == "cond.between":
            word = self.rng.choice(["BETWEEN", "NOT BETWEEN"])
            return f"({left} {word} {literal(self.rng, kind)} AND {right})"
        values = [literal(self.rng, kind) for _ in range(self.rng.randint(1, 3))]
        if self.rng.random() < 0.15:
            values.append("NULL")
        return f"({left} {self.rng.choice(['IN', 'IN', 'NOT IN'])} ({', '.join(values)}))"
