"""A `forebay serve` of its own for a test: start, stop, kill, restart with other settings, connect."""
import functools
import mmap
import os
import shutil
import signal
import subprocess
import tempfile

from . import ROOT
from .processes import die_with_parent, end_process, free_port, listens, wait_until

import psycopg  # noqa: E402  (found through support/__init__.py)

START_TIMEOUT_S = 60


def binary():
    """The program under test: FOREBAY_BINARY, else the newest of build/*/forebay."""
    given = os.environ.get("FOREBAY_BINARY")
    if given:
        return given
    built = [os.path.join(ROOT, "build", preset, "forebay") for preset in ("release", "dev", "asan")]
    built = [path for path in built if os.path.exists(path)]
    if not built:
        raise FileNotFoundError("no build/*/forebay: build it, or set FOREBAY_BINARY")
    return max(built, key=os.path.getmtime)


@functools.lru_cache(maxsize=None)
def sanitized():
    """True when the program under test is a sanitizer's build, whose memory says nothing about ours."""
    with open(binary(), "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as program:
        return any(program.find(library) >= 0 for library in (b"libasan.so", b"libtsan.so"))


class ServerEnded(Exception):
    """The server ended while it was needed; the text holds its exit status and the end of its log."""


class Forebay:
    """One server. Without `data`, its directory is a temporary one that close() removes.

    workers: number or None (the server's default); settings: name -> value for --set;
    arguments: further command line words; env: added to the environment (fail points, for example).
    Use as a context manager, or call close().
    """

    def __init__(self, data=None, workers=1, settings=None, arguments=(), env=None, program=None):
        self.program = program or binary()
        self._scratch = tempfile.mkdtemp(prefix="forebay-test-")
        self.data = data or os.path.join(self._scratch, "data")
        self.log_path = os.path.join(self._scratch, "server.log")
        self.workers = workers
        self.settings = dict(settings or {})
        self.arguments = list(arguments)
        self.env = dict(env or {})
        self.port = None
        self.http_port = None
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    @property
    def pid(self):
        return self.process.pid

    def start(self, wait=True):
        """Starts it on a free port; with `wait`, returns when it answers a query."""
        while True:
            begin = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
            self._launch()
            if not wait:
                return self
            try:
                self.wait_until_it_answers()
                return self
            except ServerEnded:
                with open(self.log_path, encoding="utf-8", errors="replace") as log:
                    log.seek(begin)
                    if "Address already in use" not in log.read():  # another process was faster
                        raise

    def _launch(self):
        self.port = free_port()
        self.http_port = free_port()
        command = [self.program, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}",
                   "--http", f"127.0.0.1:{self.http_port}"]
        if self.workers is not None:
            command += ["--workers", str(self.workers)]
        for name, value in self.settings.items():
            command += ["--set", f"{name}={value}"]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command + self.arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.env}, preexec_fn=die_with_parent())

    def wait_until_it_answers(self, timeout_s=START_TIMEOUT_S):
        def answers():
            if self.process.poll() is not None:
                raise ServerEnded(self.why_it_ended())
            if not listens(self.pid, self.port):  # but perhaps another server that was faster
                return False
            try:
                self.connect(connect_timeout=5).close()
            except psycopg.OperationalError:
                return False
            return True
        wait_until(answers, timeout_s, f"{self.program} to answer")

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, timeout_s=60):
        """SIGTERM, and returns its exit status (0 when it went in order)."""
        return end_process(self.process, signal.SIGTERM, timeout_s)

    def kill(self):
        """kill -9."""
        return end_process(self.process, signal.SIGKILL)

    def restart(self, workers=None, settings=None, with_kill=False):
        """Ends it (SIGTERM, or kill -9) and starts it on the same directory; returns SIGTERM's exit status."""
        status = self.kill() if with_kill else self.stop()
        if workers is not None:
            self.workers = workers
        self.settings.update(settings or {})
        self.start()
        return status

    def close(self):
        """Ends it with SIGTERM (kill -9 when that hangs) and removes what it wrote into the scratch folder."""
        if self.running():
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def conninfo(self):
        return f"host=127.0.0.1 port={self.port} user=root dbname=dev"

    def connect(self, **options):
        """A psycopg connection in autocommit mode."""
        options = {"autocommit": True, "connect_timeout": 30, **options}
        return psycopg.connect(self.conninfo(), **options)

    def execute(self, statement, parameters=None):
        """Runs one statement on a connection of its own; its rows, or None when it has none."""
        with self.connect() as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else None

    def psql(self, *arguments, script=None):
        """Runs psql without a startup file; the CompletedProcess with text output."""
        return subprocess.run(
            ["psql", "-X", self.conninfo(), *arguments], input=script, capture_output=True, text=True,
            check=False, env={**os.environ, "PGCONNECT_TIMEOUT": "30"})

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def why_it_ended(self):
        tail = "\n".join(self.log().splitlines()[-40:])
        return f"the server ended with status {self.process.poll()}; the end of its log:\n{tail}"
