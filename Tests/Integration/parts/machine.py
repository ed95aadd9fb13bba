"""A machine of Debian whose systemd really runs: a root folder, booted in namespaces of its own. It shares
the network with the test, whose exporters and receivers are on loopback.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from .process import wait_until

_UNIFIED = (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))
# Runs as the first process of the new namespaces, and becomes systemd. The folder's own /run and /tmp are as
# they are after a start of any machine: empty.
_BOOT = """
set -e
cd "$1"
mount --make-rprivate /
mount --bind . .
cd "$1"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
# Nodes of its own: systemd gives the console another mode and group, and a node that is bound from outside
# would have them outside as well.
for node in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 dev/${node%:*} c 1 ${node#*:}
done
mknod -m 666 dev/tty c 5 0
mknod -m 600 dev/console c 1 3
mkdir dev/pts dev/shm
mount -t tmpfs tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
pivot_root . mnt
umount -l /mnt
# As whoever boots a container does: systemd mounts credentials in a child, from where they must be seen.
mount --make-rshared /
exec env -i container=narthex-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
    /lib/systemd/systemd --system --unit=multi-user.target --log-target=journal
"""
_ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive",
    "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": "", "HOME": "/",
}  # fmt: skip


def cgroup_folder():
    """Where the second version of cgroups is mounted, or nothing."""
    for folder in _UNIFIED:
        if (folder / "cgroup.procs").exists() and (folder / "cgroup.controllers").exists():
            return folder
    return None


class Machine:
    """`folder` is the root; it is changed."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self._group = cgroup_folder() / f"narthex-test-{os.getpid()}"
        self._outer = None
        self.systemd = None  # process id as the test sees it

    def boot(self):
        self._group.mkdir()
        # A process of the shell puts itself into the group, so that its cgroup namespace begins there.
        self._outer = subprocess.Popen(
            [
                "/bin/sh", "-c", 'echo $$ >"$1"/cgroup.procs && shift && exec "$@"', "sh", self._group,
                "unshare", "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--fork", "--kill-child",
                "/bin/bash", "-c", _BOOT, "boot", self.folder,
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        children = f"/proc/{self._outer.pid}/task/{self._outer.pid}/children"
        self.systemd = int(wait_until(lambda: Path(children).read_text().split(), 20, "a first process")[0])
        wait_until(self._is_up, 60, "systemd that is up")
        return self

    def _is_up(self):
        assert self._outer.poll() is None, self._outer.stderr.read().decode()
        if Path(f"/proc/{self.systemd}/comm").read_text() != "systemd\n":
            return False
        return self.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded")

    def run(self, *words, timeout=60, input=None):
        """A command in the machine, as its root."""
        enter = ["nsenter", f"--target={self.systemd}", "--all", "--"]
        return subprocess.run(
            [*enter, *words], capture_output=True, text=True, timeout=timeout, env=_ENVIRONMENT, input=input
        )

    def check(self, *words, **more):
        """As `run`; what it said."""
        ended = self.run(*words, **more)
        assert ended.returncode == 0, (words, ended.stdout, ended.stderr, self.journal())
        return ended.stdout

    def show(self, unit, *properties):
        """{property: value} of a unit."""
        lines = self.check("systemctl", "show", unit, f"--property={','.join(properties)}").splitlines()
        return dict(line.split("=", 1) for line in lines)

    def journal(self, unit="narthex.service"):
        return self.run("journalctl", f"--unit={unit}", "--no-pager", "--output=cat").stdout

    @property
    def home(self):
        """The home folder of root."""
        return self.path(self.check("sh", "-c", "getent passwd root | cut -d: -f6").strip())

    def path(self, name):
        """A file of the running machine, its own /run included, as the test sees it."""
        return Path(f"/proc/{self.systemd}/root") / name.lstrip("/")

    def halt(self):
        if self._outer is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.systemd or self._outer.pid, signal.SIGKILL)
        self._outer.kill()
        self._outer.wait(20)
        self._outer.stderr.close()
        self._outer = None
        # Innermost first; a group whose processes are only just gone is busy for a moment.
        for _ in range(100):
            for folder, _, _ in os.walk(self._group, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
            if not self._group.exists():
                return
            time.sleep(0.05)

    def remove(self):
        self.halt()
        shutil.rmtree(self.folder)
