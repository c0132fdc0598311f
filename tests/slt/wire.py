"""One connection, read raw: the text of every value as the server sent it, errors as psql shows them."""
import dataclasses
import select
import time

import support  # noqa: F401  (finds psycopg)
import psycopg
from psycopg import pq

_TUPLES = (pq.ExecStatus.TUPLES_OK,)
_DONE = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.EMPTY_QUERY)


class ConnectionLost(Exception):
    """The server closed the connection or did not answer in time."""


@dataclasses.dataclass
class Answer:
    """What the server said: error (rendered) or None; tag; names and rows (str or None); notices."""
    error: str = None
    tag: str = ""
    names: list = None
    rows: list = None
    notices: list = dataclasses.field(default_factory=list)


def render_message(result, sql):
    """An ErrorResponse or NoticeResponse as psql shows it, with the SQLSTATE and the place in the SQL."""
    def field(name):
        value = result.error_field(name)
        return value.decode() if value else None
    fields = pq.DiagnosticField
    lines = [f"{field(fields.SEVERITY)}:  {field(fields.SQLSTATE)}: {field(fields.MESSAGE_PRIMARY)}"]
    position = field(fields.STATEMENT_POSITION)
    if position:
        lines += _point_at(sql, int(position) - 1)
    for title, name in (("DETAIL", fields.MESSAGE_DETAIL), ("HINT", fields.MESSAGE_HINT),
                        ("CONTEXT", fields.CONTEXT)):
        value = field(name)
        # PostgreSQL tells the context of errors in functions, too; ours has it for COPY only.
        if value and (title != "CONTEXT" or value.startswith("COPY ")):
            lines.append(f"{title}:  {value}")
    return "\n".join(lines)


def _point_at(sql, at):
    """psql's LINE n: with the caret below, for a character position counted from 0."""
    number = sql.count("\n", 0, at) + 1
    start = sql.rfind("\n", 0, at) + 1
    line = sql[start:].split("\n", 1)[0]
    title = f"LINE {number}: "
    return [title + line.rstrip(), " " * (len(title) + at - start) + "^"]


class Wire:
    """conninfo: libpq's; protocol: 'simple' or 'extended'; every answer must come within timeout_s."""

    def __init__(self, conninfo, protocol="simple", timeout_s=60):
        self._connection = pq.PGconn.connect(conninfo.encode())
        if self._connection.status != pq.ConnStatus.OK:
            raise ConnectionLost(self._connection.get_error_message())
        self._protocol = protocol
        self._timeout_s = timeout_s
        self._notices = []
        self._sql = ""
        self._connection.notice_handler = self._keep_notice

    def _keep_notice(self, result):
        self._notices.append(render_message(result, self._sql))

    def close(self):
        self._connection.finish()

    def run(self, sql):
        """Runs it and returns the Answer of its last statement."""
        self._sql = sql
        self._notices = []
        try:
            if self._protocol == "extended":
                self._connection.send_query_params(sql.encode(), None)
            else:
                self._connection.send_query(sql.encode())
            result = self._last_result()
        except psycopg.OperationalError as error:
            raise ConnectionLost(str(error)) from error
        return self._answer(result)

    def _last_result(self):
        end = time.monotonic() + self._timeout_s
        last = None
        while True:
            while self._connection.is_busy():
                left = end - time.monotonic()
                if left <= 0:
                    raise ConnectionLost(f"no answer within {self._timeout_s} s")
                select.select([self._connection.socket], [], [], left)
                self._connection.consume_input()
            result = self._connection.get_result()
            if result is None:
                return last
            last = result

    def _answer(self, result):
        if result is None:
            raise ConnectionLost("the connection ended without an answer")
        answer = Answer(notices=self._notices)
        if result.status in _TUPLES:
            answer.names = [result.fname(column).decode() for column in range(result.nfields)]
            answer.rows = [[_text(result.get_value(row, column)) for column in range(result.nfields)]
                           for row in range(result.ntuples)]
        elif result.status == pq.ExecStatus.FATAL_ERROR:
            if not result.error_field(pq.DiagnosticField.SQLSTATE):
                raise ConnectionLost(result.get_error_message())
            answer.error = render_message(result, self._sql)
        elif result.status not in _DONE:
            raise ConnectionLost(f"an answer that this runner doesn't know: {result.status.name}")
        answer.tag = (result.command_status or b"").decode()
        return answer


def _text(value):
    return None if value is None else value.decode()
