"""Child processes that never outlive the test, free ports, and waiting for conditions."""
import ctypes
import os
import random
import signal
import socket
import time

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def die_with_parent(with_signal=signal.SIGKILL):
    """A preexec_fn: the kernel sends `with_signal` to the child when the thread that started it ends."""
    def set_it():
        _LIBC.prctl(_PR_SET_PDEATHSIG, with_signal)
    return set_it


_ports = random.SystemRandom()


def free_port():
    """A loopback port that nothing listens on right now.

    Below the ports that the kernel hands out: those may go to somebody's connection before the server listens.
    """
    for _ in range(100):
        port = _ports.randrange(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port")


def listens(pid, port):
    """True when the process itself, and no other one, listens on the loopback port."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port}
    try:
        return any(os.readlink(entry.path) in sockets for entry in os.scandir(f"/proc/{pid}/fd"))
    except OSError:  # a descriptor was closed meanwhile, or the process has ended
        return False


def wait_until(condition, timeout_s, what, every_s=0.02):
    """Calls condition() until it is true and returns its value; TimeoutError naming `what` otherwise."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {timeout_s:g} s for {what}")
        time.sleep(every_s)


def end_process(process, with_signal, timeout_s=30):
    """Signals a child and waits for its end; returns its exit status (negative: a signal)."""
    if process.poll() is None:
        os.kill(process.pid, with_signal)
    return process.wait(timeout_s)
