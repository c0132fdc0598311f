"""A scratch PostgreSQL: own folder, loopback, free port, no fsync. The judge of the tests."""
import functools
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile

from .processes import die_with_parent, end_process, free_port, wait_until

import psycopg  # noqa: E402  (found through support/__init__.py)

_CONFIG = """
listen_addresses = '127.0.0.1'
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
shared_buffers = 64MB
max_connections = 50
timezone = 'UTC'
log_timezone = 'UTC'
datestyle = 'ISO, MDY'
extra_float_digits = 1
lc_messages = 'C'
"""


def programs_folder():
    """Debian's folder of initdb and postgres; FileNotFoundError says how to get it."""
    folders = sorted(glob.glob("/usr/lib/postgresql/15/bin"))
    if not folders:
        raise FileNotFoundError("no PostgreSQL 15: run scripts/setup --test")
    return folders[-1]


@functools.lru_cache(maxsize=None)
def _run_as():
    """Popen arguments that run it as user postgres when we are root, which PostgreSQL refuses to be."""
    if os.geteuid() != 0:
        return {}
    return {"user": "postgres", "group": "postgres", "extra_groups": []}


class ScratchPostgres:
    """One server with database and superuser `judge`; text sorts by bytes, time zone UTC."""

    def __init__(self, settings=None):
        self._folder = tempfile.mkdtemp(prefix="forebay-judge-")
        self._settings = dict(settings or {})
        self.port = None
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def start(self):
        data = os.path.join(self._folder, "data")
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        subprocess.run(
            [os.path.join(programs_folder(), "initdb"), "-D", data, "-U", "judge", "-A", "trust",
             "-E", "UTF8", "--lc-collate=C", "--lc-ctype=C.UTF-8", "--no-sync", "--no-instructions"],
            check=True, stdout=subprocess.DEVNULL, cwd=self._folder, **_run_as())
        self.port = free_port()
        with open(os.path.join(data, "postgresql.conf"), "a", encoding="utf-8") as config:
            config.write(_CONFIG + f"port = {self.port}\nunix_socket_directories = '{self._folder}'\n")
            config.writelines(f"{name} = '{value}'\n" for name, value in self._settings.items())
        with open(os.path.join(self._folder, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [os.path.join(programs_folder(), "postgres"), "-D", data], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, cwd=self._folder, preexec_fn=die_with_parent(signal.SIGQUIT),
                **_run_as())
        wait_until(self._answers, 60, "PostgreSQL to answer")
        with self.connect(dbname="postgres") as connection:
            connection.execute("CREATE DATABASE judge TEMPLATE template0")
        return self

    def _answers(self):
        if self.process.poll() is not None:
            with open(os.path.join(self._folder, "log"), encoding="utf-8") as log:
                raise RuntimeError("PostgreSQL did not start:\n" + log.read()[-2000:])
        try:
            self.connect(dbname="postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def close(self):
        if self.process is not None:
            end_process(self.process, signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def conninfo(self, dbname="judge"):
        return f"host=127.0.0.1 port={self.port} user=judge dbname={dbname}"

    def connect(self, dbname="judge", **options):
        """A psycopg connection in autocommit mode."""
        options = {"autocommit": True, "connect_timeout": 10, **options}
        return psycopg.connect(self.conninfo(dbname), **options)

    def new_database(self, name):
        """Creates (afresh) a database and returns its name."""
        with self.connect(dbname="postgres") as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return name
