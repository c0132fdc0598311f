"""Views that fail on purpose for some rows: those rows must leave the view and stand in forebay.errors."""
from cases import ErrorView

NUMBER = "'^ *-?[0-9]+ *$'"


def error_view(rng, tables, name):
    """One over a random table, or None when no table has fitting columns."""
    makers = [divide, remainder, grouped_divide, filtered_divide, cast, overflow, joined_divide]
    rng.shuffle(makers)
    for make in makers:
        view = make(rng, tables, name)
        if view:
            view.productions = {"view.error_row"}
            view.from_epoch = rng.choice([0, 0, 3])
            return view
    return None


def with_kind(rng, tables, kind, without=("k",)):
    found = [(t.name, column) for t in tables for column, k in t.columns if k == kind and column not in without]
    return rng.choice(found) if found else (None, None)


def division(rng, tables, name, query, good, bad):
    table, divisor = with_kind(rng, tables, "int")
    if not table:
        return None
    texts = [text.format(t=table, d=divisor) for text in (query, good, bad)]
    return ErrorView(name, *texts, "22012", set())


def divide(rng, tables, name):
    return division(rng, tables, name, "SELECT k, 7 / {d} AS q FROM {t}",
                    "SELECT k, 7 / {d} AS q FROM {t} WHERE {d} <> 0 OR {d} IS NULL",
                    "SELECT count(*) FROM {t} WHERE {d} = 0")


def remainder(rng, tables, name):
    return division(rng, tables, name, "SELECT k % {d} AS r FROM {t} WHERE k > 1",
                    "SELECT k % {d} AS r FROM {t} WHERE k > 1 AND ({d} <> 0 OR {d} IS NULL)",
                    "SELECT count(*) FROM {t} WHERE k > 1 AND {d} = 0")


def grouped_divide(rng, tables, name):
    return division(rng, tables, name, "SELECT k, sum(10 / {d}) AS s, count(*) AS n FROM {t} GROUP BY k",
                    "SELECT k, sum(10 / {d}) AS s, count(*) AS n FROM {t} WHERE {d} <> 0 OR {d} IS NULL GROUP BY k",
                    "SELECT count(*) FROM {t} WHERE {d} = 0")


def filtered_divide(rng, tables, name):
    return division(rng, tables, name, "SELECT k, {d} FROM {t} WHERE 12 / {d} > 2",
                    "SELECT k, {d} FROM {t} WHERE CASE WHEN {d} <> 0 THEN 12 / {d} > 2 ELSE false END",
                    "SELECT count(*) FROM {t} WHERE {d} = 0")


def joined_divide(rng, tables, name):
    return division(rng, tables, name, "SELECT a.k, 6 / a.{d} AS q FROM {t} a JOIN {t} b ON a.k = b.k",
                    "SELECT a.k, 6 / a.{d} AS q FROM {t} a JOIN {t} b ON a.k = b.k WHERE a.{d} <> 0 OR a.{d} IS NULL",
                    "SELECT count(*) FROM {t} a JOIN {t} b ON a.k = b.k WHERE a.{d} = 0")


def cast(rng, tables, name):
    table, column = with_kind(rng, tables, "text")
    if not table:
        return None
    return ErrorView(name, f"SELECT k, {column}::integer AS n FROM {table}",
                     f"SELECT k, {column}::integer AS n FROM {table} WHERE {column} ~ {NUMBER} OR {column} IS NULL",
                     f"SELECT count(*) FROM {table} WHERE {column} !~ {NUMBER}", "22P02", set())


def overflow(rng, tables, name):
    table, column = with_kind(rng, tables, "int")
    if not table:
        return None
    return ErrorView(name, f"SELECT {column} + 2147483643 AS x FROM {table}",
                     f"SELECT {column} + 2147483643 AS x FROM {table} WHERE {column} <= 4 OR {column} IS NULL",
                     f"SELECT count(*) FROM {table} WHERE {column} > 4", "22003", set())
