"""Disks that fail: one that is too small, and one whose calls fail as they are told."""

import enum
import errno
import mmap
import os
import subprocess
import time
from pathlib import Path

import pytest

from .process import wait_until

SOURCE = Path(__file__).resolve().parents[1] / "native" / "faulty_disk.c"
REFUSES = "narthex_buffer_disk_refuses"
# Above zero while the agent knows something that its disk does not.
AHEAD_OF_THE_DISK = (REFUSES, "narthex_buffer_memory_buffered_samples", "narthex_buffer_cursors_in_doubt")


def keeps_frames_in_memory(agent):
    """Skips where a running agent has no memory for the frames that its disk refuses."""
    if not any(name == REFUSES for name, _ in agent.metrics()):
        agent.kill()
        pytest.skip(f"/metrics has no {REFUSES}: this agent keeps no frames in memory for a failing disk")


class SmallDisk:
    """A file system of its own in memory, at a place that only those see who entered. Skips where none can
    be made.
    """

    def __init__(self, place, size_bytes):
        place.mkdir(parents=True)
        self._user = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
        mount = f'mount -t tmpfs -o size={size_bytes},mode=0700 small "$0" && echo made && exec cat'
        self._holder = subprocess.Popen(
            ["unshare", *self._user, "--mount", "sh", "-c", mount, place],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        if self._holder.stdout.readline() != "made\n":
            said = self._holder.communicate(timeout=10)[1].strip()
            pytest.skip(f"no file system can be mounted here: {said}")
        # As this process sees it.
        self.path = Path(f"/proc/{self._holder.pid}/root{place}")

    def enclose(self, process):
        """Has a ChildProcess begin its life where the file system is."""
        enter = ["nsenter", f"--target={self._holder.pid}", "--mount"]
        if self._user:
            enter += ["--user", "--preserve-credentials"]
        process.command = [*enter, "--", *process.command]

    def fill(self):
        """Takes all room that is left. Returns how many bytes that were."""
        taken = 0
        with open(self.path / "filler", "ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                while True:
                    try:
                        taken += file.write(bytes(size))
                    except OSError as error:
                        assert error.errno == errno.ENOSPC
                        break
        return taken

    def make_room(self):
        (self.path / "filler").unlink()

    def close(self):
        """The file system goes with the last process that sees it."""
        self._holder.stdin.close()
        try:
            self._holder.wait(10)
        except subprocess.TimeoutExpired:
            self._holder.kill()
            self._holder.wait(10)
        self._holder.stdout.close()
        self._holder.stderr.close()


class Call(enum.IntEnum):
    """In the order of the shim's."""

    OPEN_TO_READ = 0
    OPEN_TO_WRITE = 1
    WRITE = 2
    READ = 3
    SYNC = 4
    SYNC_DIRECTORY = 5
    TRUNCATE = 6
    ALLOCATE = 7
    RENAME = 8
    UNLINK = 9
    LIST = 10


class Kind(enum.IntEnum):
    """Of files, in the order of the shim's."""

    SEGMENT = 1
    CURSOR = 2
    OTHER = 3
    DIRECTORY = 4


class Rule:
    """Which calls fail, of which files, and how. `keeps`: the share of the bytes that goes through before.
    A `short` write says how much that was, and the next one of the file fails; without a code none does.
    """

    def __init__(self, calls, code, kinds=tuple(Kind), chance=1.0, keeps=0.0, short=False):
        self.words = (
            sum(1 << call for call in calls), sum(1 << kind for kind in kinds), round(65_536 * chance),
            code, round(256 * keeps), int(short),
        )  # fmt: skip


class FaultyDisk:
    """Preloaded into an agent; the calls that concern its storage directory fail by the rules of the moment.
    `folder` takes the shim and what both sides map.
    """

    MOST_RULES = 8
    _SEED, _ACTIVE, _RULES = 0, 8, 16
    _SEEN = _RULES + 24 * MOST_RULES
    _FAILED = _SEEN + 8 * len(Call)
    _SIZE = _FAILED + 8 * len(Call)

    def __init__(self, folder, seed):
        folder.mkdir(parents=True, exist_ok=True)
        self._library = folder / "faulty_disk.so"
        flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
        subprocess.run(["cc", *flags, "-o", self._library, SOURCE], check=True, timeout=60)
        self._control = folder / "faulty_disk.control"
        self._control.write_bytes(bytes(self._SIZE))
        with open(self._control, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), self._SIZE)
        self._put(self._SEED, seed, 8)

    def _put(self, place, number, size=4):
        self._map[place : place + size] = number.to_bytes(size, "little")

    def enclose(self, agent):
        """From its next start on."""
        agent.process.environment |= {
            "LD_PRELOAD": str(self._library),
            "FAULTY_DISK_CONTROL": str(self._control),
            "FAULTY_DISK_DIRECTORY": str(agent.storage),
        }

    def play(self, *rules):
        """From now on these hold, and no others."""
        assert len(rules) <= self.MOST_RULES
        self._put(self._ACTIVE, 0)
        for number, rule in enumerate(rules):
            for word, value in enumerate(rule.words):
                self._put(self._RULES + 24 * number + 4 * word, value)
        self._put(self._ACTIVE, len(rules))

    def calm(self):
        self.play()

    def _counts(self, place):
        return {
            call.name: int.from_bytes(self._map[place + 8 * call : place + 8 * call + 8], "little")
            for call in Call
        }

    def seen(self):
        """{name of the call: how often it was made}"""
        return self._counts(self._SEEN)

    def failed(self):
        return self._counts(self._FAILED)


# What a disk does. Each gives its rules by a random generator.
_EIO, _ENOSPC, _EROFS, _EMFILE = errno.EIO, errno.ENOSPC, errno.EROFS, errno.EMFILE
_NAMES = (Call.RENAME, Call.UNLINK)
_OPENS = (Call.OPEN_TO_READ, Call.OPEN_TO_WRITE, Call.SYNC_DIRECTORY, Call.LIST)
_CHANGES = (Call.OPEN_TO_WRITE, Call.WRITE, Call.TRUNCATE, Call.ALLOCATE, Call.SYNC, *_NAMES)
# Whatever of these fails, the frames that come are written.
AROUND_THE_FRAMES = {
    "cursors cannot be written": lambda random: [Rule([Call.WRITE], _EIO, [Kind.CURSOR])],
    "no descriptors": lambda random: [Rule(_OPENS, _EMFILE)],
    "nothing is durable": lambda random: [Rule([Call.SYNC, Call.SYNC_DIRECTORY], _EIO)],
    "some reads": lambda random: [Rule([Call.READ], _EIO, chance=random.uniform(0.05, 0.5))],
    "no reads": lambda random: [Rule([Call.READ], _EIO)],
    "names": lambda random: [Rule(_NAMES, random.choice([_EIO, _EROFS]))],
    "short and finished": lambda random: [
        Rule([Call.WRITE, Call.READ], 0, chance=0.5, keeps=random.random(), short=True)
    ],
}
OF_THE_FRAMES = {
    "no writes": lambda random: [Rule([Call.WRITE], _EIO)],
    "some writes": lambda random: [Rule([Call.WRITE], _EIO, chance=random.uniform(0.02, 0.5))],
    "full": lambda random: [
        Rule([Call.WRITE, Call.ALLOCATE], _ENOSPC, keeps=random.choice([0, random.random()]), short=True)
    ],
    "read-only": lambda random: [Rule(_CHANGES, _EROFS)],
    "torn": lambda random: [Rule([Call.WRITE], _EIO, chance=0.3, keeps=random.random())],
    "short": lambda random: [
        Rule(
            [Call.WRITE], random.choice([_ENOSPC, _EIO]), chance=0.3, keeps=random.random(), short=True
        )
    ],
    "some of all": lambda random: [Rule(Call, _EIO, chance=random.uniform(0.02, 0.3))],
    "none of all": lambda random: [Rule(Call, _EIO)],
}


class DiskSchedule:
    """Spells of faults, by a random generator, each followed by a calm time."""

    def __init__(self, disk, random, faults):
        self._disk, self._random, self._faults = disk, random, faults
        self.played = []

    def spell(self, seconds):
        """Plays faults for so long and then none."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.play()
            time.sleep(min(left, self._random.uniform(0.2, 1.5)))
        self._disk.calm()

    def play(self):
        """Begins one fault, which lasts until the next or until the disk is calm."""
        name = self._random.choice(sorted(self._faults))
        self.played.append(name)
        self._disk.play(*self._faults[name](self._random))


def has_recovered(agent):
    """Whether an agent has a disk again, and nothing that it knows alone."""
    return not any(value for (name, _), value in agent.metrics().items() if name in AHEAD_OF_THE_DISK)


def until_recovered(agent, seconds):
    wait_until(lambda: has_recovered(agent), seconds, "agent that has its disk again")
