"""The service manager's end of sd_notify(3), and a thread of another process that stands still."""

import contextlib
import ctypes
import os
import socket
import time

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
# ptrace(2), wait(2)
_PTRACE_SEIZE, _PTRACE_INTERRUPT, _PTRACE_DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000


class NotifySocket:
    """Listens at a path, or at a name of the abstract namespace that begins with `@`."""

    def __init__(self, variable):
        self.variable = str(variable)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        # systemd asks the kernel who sends.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(self.variable.replace("@", "\0", 1))
        self.messages = []  # (monotonic, process id, {name: value})

    def close(self):
        self._socket.close()

    def read(self, seconds=0.0):
        """What comes within so many seconds; also kept in `messages`."""
        deadline = time.monotonic() + seconds
        came = []
        while message := self._next(deadline):
            came.append(message)
        return came

    def wait_for(self, name, seconds, value=None):
        """The next message with that name, and with that value where one is given."""
        deadline = time.monotonic() + seconds
        while message := self._next(deadline):
            if name in message[2] and value in (None, message[2][name]):
                return message
        raise AssertionError(f"no {name} within {seconds} s; the last were {self.messages[-5:]}")

    def _next(self, deadline):
        self._socket.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            text, ancillary, _, _ = self._socket.recvmsg(8192, socket.CMSG_SPACE(12))
        except TimeoutError:
            return None
        sender = int.from_bytes(ancillary[0][2][:4], "little")
        lines = dict(line.split("=", 1) for line in text.decode().split("\n"))
        self.messages.append((time.monotonic(), sender, lines))
        return self.messages[-1]


def threads(pid, name):
    """The numbers of a process' threads of that name."""
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/comm") as comm:
            if comm.read().strip() == name:
                found.append(int(thread))
    return found


@contextlib.contextmanager
def standing_still(thread):
    """Stops one thread of another process; the others go on."""
    _ptrace(_PTRACE_SEIZE, thread)
    _ptrace(_PTRACE_INTERRUPT, thread)
    os.waitpid(thread, _WALL)
    try:
        yield
    finally:
        _ptrace(_PTRACE_DETACH, thread)


def _ptrace(request, thread):
    if _libc.ptrace(request, thread, None, None) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), f"ptrace({request:#x}) of thread {thread}")
