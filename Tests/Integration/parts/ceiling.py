"""What the proof of the memory ceiling needs: a memory cgroup that kills, and the books of a storm."""

import contextlib
import os
import pathlib
import re
import struct
from collections import defaultdict

import cramjam
import pytest

from .exposition import from_bits
from .write_request import STALE_BITS, Decoder, _varint

MEBIBYTE = 1 << 20


class MemoryCgroup:
    """A memory cgroup of version 1 or 2 with a hard limit and no swap; skips where none can be made."""

    _count = 0

    def __init__(self, limit_bytes):
        MemoryCgroup._count += 1
        name = f"narthex-ceiling-{os.getpid()}-{MemoryCgroup._count}"
        for root, limit, swap in (
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max", "memory.swap.max"),
        ):
            self.folder = pathlib.Path(root) / name
            try:
                self.folder.mkdir()
                (self.folder / limit).write_text(str(limit_bytes))
            except OSError:
                if self.folder.is_dir():
                    self.folder.rmdir()
                continue
            # Absent where the kernel counts no swap. Version 1 limits memory and swap together.
            with contextlib.suppress(FileNotFoundError):
                (self.folder / swap).write_text("0" if swap == "memory.swap.max" else str(limit_bytes))
            self.limit_bytes = limit_bytes
            return
        pytest.skip("no memory cgroup can be made here")

    def enclose(self, process):
        """Has a ChildProcess begin its life inside: the agent reads its limit at the start."""
        enter = 'echo $$ >"$0" && exec "$@"'
        process.command = ["/bin/sh", "-c", enter, str(self.folder / "cgroup.procs"), *process.command]

    def kills(self):
        """How many processes the kernel has killed here for want of memory."""
        for name in ("memory.events", "memory.oom_control"):
            path = self.folder / name
            if path.exists():
                found = re.search(r"^oom_kill (\d+)$", path.read_text(), re.MULTILINE)
                if found:
                    return int(found.group(1))
        raise AssertionError("the cgroup does not say whether it killed")

    def is_empty(self):
        return (self.folder / "cgroup.procs").read_text() == ""

    def remove(self):
        self.folder.rmdir()


def _field_value(name):
    """Finds the value of a label in a series' bytes; one of less than 128 bytes."""
    return re.compile(re.escape(bytes([len(name)]) + name) + rb"\x12(.)", re.DOTALL)


_NAME = _field_value(b"__name__")
_INSTANCE = _field_value(b"instance")
_JOB = _field_value(b"job")
_NAME_AT = 14  # where the name begins in a series' bytes
_NEW = (b"storm_new", b"storm_huge", b"storm_bomb")  # series of one scrape alone
_STEADY = b"\x03job\x12\x06steady"
_STALE = struct.pack("<Q", STALE_BITS)


def _label(pattern, labels):
    found = pattern.search(labels)
    return labels[found.end() : found.end() + found.group(1)[0]].decode() if found else ""


def series_of(body):
    """The bytes of each series of a request's body. Written for speed: a storm has millions."""
    plain = bytes(cramjam.snappy.decompress_raw(body))
    at, end = 0, len(plain)
    while at < end:
        size = plain[at + 1]
        start = at + 2
        if size > 0x7F:
            size, start = _varint(plain, at + 1)
        at = start + size
        if plain[start - 2] == 0x0A or plain[start - 3] == 0x0A:
            yield plain[start:at]


class StormBooks:
    """What a receiver took, read once. Of the storm's jobs no label set is read whole, the others' series are
    kept as they came.

    `shown[(instance, timestamp)]` is how many samples came, markers and the report apart; `reports` holds the
    report's values by the same key. `findings` names samples out of order and markers of what never
    was there.
    """

    REPORTS = {"up": "up", "scrape_samples_scraped": "scraped", "storm_scrape": "number"}

    def __init__(self, receiver, jobs):
        self.requests = receiver.requests
        self.jobs = jobs
        self.shown = defaultdict(int)
        self.reports = defaultdict(dict)
        self.job_of = {}
        self.findings = []
        self._accepted = receiver.accepted()
        self._others = defaultdict(list)  # body -> series of other jobs
        self._newest = {}  # hash of the labels' bytes -> newest timestamp
        self._places = {}  # the labels' bytes -> (instance, which)
        self._decoder = Decoder()
        bare = set()  # metadata alone: it is sent anew each minute, and may be as it was
        for request in self._accepted:
            if request.body not in self._others:  # sent again after an outage
                self._others[request.body] = []
                if not self._read(request):
                    bare.add(request.body)
        self._accepted = [request for request in self._accepted if request.body not in bare]
        self.requests = [request for request in self.requests if request.body not in bare]

    def _read(self, request):
        """Whether the request has a series."""
        newest, places, shown = self._newest, self._places, self.shown
        series = None
        for series in series_of(request.body):
            # One sample with a value and a timestamp of this century: 18 bytes.
            if series[-18:-15] != b"\x12\x10\x09" or series[-7] != 0x10:
                self._read_slowly(request, series)
                continue
            labels, value = series[:-18], series[-15:-7]
            timestamp, _ = _varint(series, len(series) - 6)
            is_marker = value == _STALE
            key = hash(labels)
            before = newest.get(key)
            if before is None:
                if is_marker and labels.startswith(b"storm_", _NAME_AT):
                    self._find(request, f"a marker for {labels}, which never was there")
            elif timestamp <= before:
                self._find(request, f"{labels} at {timestamp} after {before}")
            newest[key] = timestamp
            if labels.startswith(_NEW, _NAME_AT):
                if not is_marker:
                    shown[(_label(_INSTANCE, labels), timestamp)] += 1
                continue
            place = places.get(labels)
            if place is None:
                place = places[labels] = self._place(labels)
            self._take(request, place, series, timestamp, value, is_marker)
        return series is not None

    def _read_slowly(self, request, series):
        """A value of zero has no bytes, and a series may have several samples."""
        _, samples = self._decoder._series(series)
        end = 0
        while end < len(series) and series[end] == 0x0A:
            size, start = _varint(series, end + 1)
            end = start + size
        place = self._place(series[:end])
        for timestamp, bits in samples:
            value = struct.pack("<Q", bits)
            self._take(request, place, series, timestamp, value, bits == STALE_BITS)

    def _take(self, request, place, series, timestamp, value, is_marker):
        instance, which = place
        if which == "other":
            self._others[request.body].append(series)
        elif not is_marker:
            key = (instance, timestamp)
            if which in ("up", "scraped", "number"):
                self.reports[key][which] = from_bits(struct.unpack("<Q", value)[0])
            if which in ("number", "shown"):
                self.shown[key] += 1

    def _place(self, labels):
        name, instance, job = (_label(pattern, labels) for pattern in (_NAME, _INSTANCE, _JOB))
        if job not in self.jobs:
            return instance, "other"
        self.job_of[instance] = job
        if name.startswith("storm_"):
            return instance, self.REPORTS.get(name, "shown")
        return instance, self.REPORTS.get(name, "report")

    def _find(self, request, text):
        self.findings.append(f"request {request.number}: {text}")

    def missing(self):
        """{job: lines of whole scrapes that did not come}"""
        missing = defaultdict(int)
        for key, report in self.reports.items():
            if report.get("up") == 1.0:
                missing[self.job_of[key[0]]] += int(report["scraped"]) - self.shown[key]
        return dict(missing)

    # The steady job's books, as Custody reads them.

    def accepted(self):
        return self._accepted

    def decode(self, request):
        return [self._decoder._series(series) for series in self._others[request.body] if _STEADY in series]

    def samples(self):
        """{labels: [(timestamp, bits)]} of all jobs but the storm's"""
        found = {}
        for series in (series for body in self._others.values() for series in body):
            labels, samples = self._decoder._series(series)
            found.setdefault(labels, []).extend(samples)
        return found
