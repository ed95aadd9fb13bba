"""A child process that is stopped by its own id, logs to a file, and dies with the test run."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ROOT / ".tools"

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


# The ports that this run has handed out: the system may name one a second time while nobody listens on it
# yet.
_handed_out = set()


def free_port(host="127.0.0.1"):
    """A port nobody listens on now, and another one at each call. Somebody may take it before we do: callers
    fail loudly then."""
    for _ in range(1000):
        with socket.socket() as probe:
            probe.bind((host, 0))
            port = probe.getsockname()[1]
        if port not in _handed_out:
            _handed_out.add(port)
            return port
    raise AssertionError("the system names no port that was not handed out before")


def wait_until(condition, timeout, what, every=0.05):
    """The condition's first true value; `what` names what never came."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout} s there was still no {what}")
        time.sleep(every)


class ChildProcess:
    """One run of a program. Standard output and error go to `log`, which later runs append to."""

    def __init__(self, name, command, log, environment=None, cwd=None):
        self.name = name
        self.command = [str(word) for word in command]
        self.log = Path(log)
        self.environment = environment
        self.cwd = cwd
        self.process = None

    def start(self):
        assert not self.is_running(), f"{self.name} runs already"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=self.cwd,
                preexec_fn=_die_with_parent,
            )
        return self

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, timeout=20.0, with_signal=signal.SIGTERM):
        """Its exit code after SIGTERM; a process that ignores that is killed and the test fails."""
        if not self.is_running():
            return self.process.returncode if self.process else None
        self.process.send_signal(with_signal)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
            raise AssertionError(f"{self.name} did not end within {timeout} s of {with_signal!r}") from None

    def kill(self):
        """kill -9; returns when the process is gone."""
        if self.is_running():
            self.process.kill()
        self.process.wait(10)

    def wait(self, timeout):
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still ran after {timeout} s") from None

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def rss_bytes(self):
        """Resident memory now."""
        with open(f"/proc/{self.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def peak_rss_bytes(self):
        """The highest resident memory this process ever had."""
        with open(f"/proc/{self.pid}/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no VmHWM in /proc")
