"""NSD, Debian's authoritative name server, on a loopback address of its own, and programs that ask it
alone.
"""

import os
import random
import socket
import struct
import subprocess

import pytest

from .process import TOOLS, ChildProcess, wait_until

_ROOT = TOOLS / "debian/nsd"
# resolv.conf names no port, so a server has port 53 and the test a loopback address.
_PORT = 53

_CONFIGURATION = """\
server:
  ip-address: {address}@{port}
  username: ""
  pidfile: ""
  zonesdir: "{folder}"
  xfrdir: "{folder}"
  database: ""
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: "test"
  zonefile: "test.zone"
"""


def _mounts_privately():
    """The command that gives a program mounts of its own, or why there is none."""
    for words in (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]):
        if subprocess.run([*words, "true"], capture_output=True, timeout=10).returncode == 0:
            return words
    pytest.skip("this machine lets the test have neither mounts nor users of its own")


def _free_address():
    for _ in range(20):
        address = f"127.{random.randrange(2, 255)}.{random.randrange(256)}.{random.randrange(1, 255)}"
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind((address, _PORT))
            return address
        except PermissionError:
            pytest.skip("port 53 is for root on this machine")
        except OSError:
            continue
    raise AssertionError("no loopback address has its port 53 free")


class NameServer:
    """Serves the zone `test` with `records`, lines of a zone file."""

    def __init__(self, folder, records):
        self.folder = folder
        folder.mkdir(parents=True)
        self.address = _free_address()
        (folder / "nsd.conf").write_text(
            _CONFIGURATION.format(address=self.address, port=_PORT, folder=folder)
        )
        (folder / "resolv.conf").write_text(f"nameserver {self.address}\noptions timeout:1 attempts:1\n")
        self.write(records)
        libraries = _ROOT / "usr/lib" / f"{os.uname().machine}-linux-gnu"
        self.process = ChildProcess(
            "nsd",
            [_ROOT / "usr/sbin/nsd", "-d", "-c", folder / "nsd.conf"],
            folder.parent / "nsd.log",
            {**os.environ, "LD_LIBRARY_PATH": str(libraries)},
        )

    def write(self, records):
        """The zone as it is from the next start on."""
        head = "$TTL 1\n@ IN SOA ns.test. admin.test. 1 3600 600 86400 1\n@ IN NS ns\nns IN A 127.0.0.1\n"
        (self.folder / "test.zone").write_text(head + "\n".join(records) + "\n")

    def start(self):
        self.process.start()
        wait_until(self._answers, 20, "answering name server")
        return self

    def stop(self):
        return self.process.stop()

    def _answers(self):
        assert self.process.is_running(), "NSD ended: see its log"
        question = struct.pack(">6H", 1, 0, 1, 0, 0, 0) + b"\x02ns\x04test\0" + struct.pack(">2H", 1, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(1)
            asker.sendto(question, (self.address, _PORT))
            try:
                return asker.recv(512)
            except OSError:
                return None

    def ask_it(self, process):
        """Makes this server the only one that a program knows, which is not started yet."""
        mount = 'mount --bind "$0" "$(realpath /etc/resolv.conf)" && exec "$@"'
        process.command = [
            *_mounts_privately(), "sh", "-c", mount, str(self.folder / "resolv.conf"), *process.command,
        ]  # fmt: skip
