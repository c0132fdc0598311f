"""A `forebay serve` that the demo starts, watches, and ends."""
import ctypes
import os
import signal
import socket
import subprocess
import time

import psycopg

USUAL_PORT = 4566


class ServerFailed(Exception):
    """It did not start, or ended; the text holds the end of its log."""


def _port():
    """The usual port when it is free, so that the printed psql line is the one of the documentation."""
    for port in (USUAL_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise ServerFailed("no free port on 127.0.0.1")


def _end_with_parent():
    """The kernel sends SIGTERM to the server when the demo ends, however it ends."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


class Server:
    """program: path of forebay; data: its directory, kept; workers: number or None for the default."""

    def __init__(self, program, data, workers=None):
        self.program = program
        self.data = data
        self.workers = workers
        self.port = _port()
        self.log_path = data + ".log"
        self.process = None

    def start(self):
        """Starts it and returns when it answers."""
        os.makedirs(os.path.dirname(self.data), exist_ok=True)
        command = [self.program, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}"]
        if "--http" in subprocess.run([self.program, "serve", "--help"], capture_output=True, text=True,
                                      check=False).stdout:
            command += ["--http", f"127.0.0.1:{self._http_port()}"]
        if self.workers:
            command += ["--workers", str(self.workers)]
        with open(self.log_path, "ab") as log:
            # A session of its own: Ctrl-C goes to the demo alone, which then ends the server in order.
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, preexec_fn=_end_with_parent)
        while True:
            try:
                self.connect().close()
                return
            except psycopg.OperationalError:
                if not self.running():
                    raise ServerFailed(self.why()) from None
                time.sleep(0.02)

    @staticmethod
    def _http_port():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    def running(self):
        return self.process is not None and self.process.poll() is None

    def connect(self):
        return psycopg.connect(self.conninfo(), autocommit=True, connect_timeout=30)

    def conninfo(self):
        return f"host=127.0.0.1 port={self.port} user=root dbname=dev"

    def psql_line(self):
        return f"psql -h 127.0.0.1 -p {self.port} -U root dev"

    def psql(self, *arguments):
        """Runs psql on it; ServerFailed with its messages when it fails; what it printed."""
        done = subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *arguments, self.conninfo()],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ServerFailed(f"psql {' '.join(arguments)}\n{done.stderr}"
                               + ("" if self.running() else self.why()))
        return done.stdout

    def stop(self):
        """SIGTERM: it commits and exits; its exit status."""
        if self.running():
            self.process.terminate()
        return self.process.wait()

    def why(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            tail = "".join(log.readlines()[-20:])
        return f"the server ended with status {self.process.poll()}; the end of {self.log_path}:\n{tail}"
