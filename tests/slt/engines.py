"""What a script can run on: Forebay, PostgreSQL as a judge, or any server that is already there."""
import re

import support  # noqa: F401
from support.forebay import Forebay
from support.postgres import ScratchPostgres


class NotHere(Exception):
    """The engine can't do this step (a restart of a server that we didn't start)."""


class ForebayEngine:
    """A new server with its own data directory for each script."""
    name = "forebay"

    def __init__(self, program, workers, settings):
        self._server = Forebay(program=program, workers=workers, settings=settings)
        self._server.start()

    def conninfo(self):
        return self._server.conninfo()

    def rewrite(self, sql):
        return sql

    def restart(self, workers, settings, with_kill):
        status = self._server.restart(workers, settings, with_kill)
        if status != 0 and not with_kill:
            end = "\n".join(self._server.log().splitlines()[-5:])
            raise AssertionError(f"the server ended with status {status} after SIGTERM; the end of its log:\n{end}")

    def why(self):
        """What to add to the report of a lost connection."""
        return "" if self._server.running() else "\n" + self._server.why_it_ended()

    def close(self):
        self._server.close()


class PostgresEngine:
    """A database of its own on a shared scratch PostgreSQL; what only Forebay has is left out."""
    name = "postgres"
    _REWRITES = [
        (re.compile(r"\b(CREATE|DROP)\s+MATERIALIZED\s+VIEW\b", re.I), r"\1 VIEW"),
        (re.compile(r"\b(CREATE\s+VIEW)\s+IF\s+NOT\s+EXISTS\b", re.I), r"CREATE OR REPLACE VIEW"),
        (re.compile(r"^\s*FLUSH\s*;?\s*$", re.I), r"SELECT 1 WHERE false"),
    ]

    def __init__(self, server, database):
        self._server = server
        self._database = server.new_database(database)

    def conninfo(self):
        return self._server.conninfo(self._database)

    def rewrite(self, sql):
        for pattern, replacement in self._REWRITES:
            sql = pattern.sub(replacement, sql)
        return sql

    def restart(self, workers, settings, with_kill):
        """Nothing changes for PostgreSQL."""

    def why(self):
        return ""

    def close(self):
        """The database goes with its server."""


class RunningEngine:
    """A server that is already there; scripts find whatever is in it."""

    def __init__(self, conninfo, name):
        self._conninfo = conninfo
        self.name = name

    def conninfo(self):
        return self._conninfo

    def rewrite(self, sql):
        return sql

    def restart(self, workers, settings, with_kill):
        raise NotHere("a server that the runner didn't start can't be restarted")

    def why(self):
        return ""

    def close(self):
        """Not ours to end."""


def judge():
    """The scratch PostgreSQL of PostgresEngine."""
    return ScratchPostgres()
