"""Statements as text over one connection, with a deadline; and rows as multisets of text."""
import collections
import math
import select
import time

import psycopg
from psycopg import pq

DOUBLE = 701
TEXT_TYPES = {25: 25, 1043: 25, 1042: 25}


class Failed(Exception):
    """The engine refused a statement."""

    def __init__(self, sqlstate, message):
        super().__init__(f"{sqlstate}: {message}")
        self.sqlstate, self.message = sqlstate, message


class Lost(Exception):
    """No answer: the connection broke or the deadline passed."""


class Answer:
    """Column names, type ids, and rows of bytes (None: NULL)."""

    def __init__(self, result):
        columns = range(result.nfields)
        self.names = [result.fname(i).decode() for i in columns]
        self.types = [TEXT_TYPES.get(result.ftype(i), result.ftype(i)) for i in columns]
        self.rows = collections.Counter(
            tuple(result.get_value(row, i) for i in columns) for row in range(result.ntuples))

    def differs(self, other):
        """What is wrong with `other`, which should equal this; None when nothing."""
        if self.names != other.names:
            return f"columns {other.names}, expected {self.names}"
        if self.types != other.types:
            return f"column types {other.types}, expected {self.types}"
        if self.rows == other.rows:
            return None
        missing, extra = self.rows - other.rows, other.rows - self.rows
        if missing.total() == extra.total() and DOUBLE in self.types and self.nearly(missing, extra):
            return None
        lines = [f"{missing.total()} rows missing, {extra.total()} too many"]
        lines += ["  missing " + show(row) for row in sorted(missing, key=repr)[:4]]
        lines += ["  extra   " + show(row) for row in sorted(extra, key=repr)[:4]]
        return "\n".join(lines)

    def nearly(self, missing, extra):
        """True when the rows pair up with doubles within 1e-9 of each other."""
        doubles = [i for i, kind in enumerate(self.types) if kind == DOUBLE]

        def ordered(rows):
            def key(row):
                exact = tuple((v is None, v or b"") for i, v in enumerate(row) if i not in doubles)
                near = tuple((row[i] is None, number(row[i])) for i in doubles)
                return exact, near
            return sorted(rows.elements(), key=key)
        for left, right in zip(ordered(missing), ordered(extra)):
            for i, (a, b) in enumerate(zip(left, right)):
                if a == b:
                    continue
                if i not in doubles or a is None or b is None:
                    return False
                if not math.isclose(float(a), float(b), rel_tol=1e-9, abs_tol=1e-12):
                    return False
        return True


def number(value):
    """A double's text as something that sorts; NaN last."""
    if value is None:
        return (0, 0.0)
    value = float(value)
    return (1, 0.0) if math.isnan(value) else (0, value)


def show(row):
    return "(" + ", ".join("NULL" if v is None else v.decode(errors="replace") for v in row) + ")"


class Session:
    """One connection of psycopg, used below its type conversion. rewrite: applied to every statement."""

    def __init__(self, connection, rewrite=lambda sql: sql):
        self.connection, self.rewrite = connection, rewrite
        self.pg = connection.pgconn

    def run(self, sql, timeout_s=10):
        """The Answer of the last statement, or None; raises Failed or Lost."""
        end = time.monotonic() + timeout_s
        try:
            self.pg.send_query(self.rewrite(sql).encode())
            result = None
            while True:
                while self.pg.is_busy():
                    ready, _, _ = select.select([self.pg.socket], [], [], max(0, end - time.monotonic()))
                    if not ready:
                        raise Lost(f"no answer within {timeout_s} s: {sql}")
                    self.pg.consume_input()
                following = self.pg.get_result()
                if following is None:
                    break
                result = following
        except psycopg.Error as error:
            raise Lost(f"{error}: {sql}") from error
        if result.status == pq.ExecStatus.TUPLES_OK:
            return Answer(result)
        if result.status == pq.ExecStatus.FATAL_ERROR:
            sqlstate = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
            message = (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or result.error_message).decode()
            if not sqlstate or self.pg.status == pq.ConnStatus.BAD:
                raise Lost(f"{message}: {sql}")
            raise Failed(sqlstate, message)
        return None

    def close(self):
        self.connection.close()
