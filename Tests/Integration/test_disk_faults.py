"""A disk that is full, and one whose system calls fail at random, under load and with kills: nothing that was
scraped is missing, in order, and the agent goes on by itself when the disk does.

In short half a minute; NARTHEX_TORTURE_SECONDS=600 for a long run. NARTHEX_SEED repeats one.
"""

import collections
import os
import re
import time

import pytest

from parts.agent import IS_NARTHEX
from parts.custody import Custody
from parts.disk import (
    AROUND_THE_FRAMES, OF_THE_FRAMES, REFUSES, DiskSchedule, FaultyDisk, SmallDisk,
    keeps_frames_in_memory, until_recovered,
)  # fmt: skip
from parts.ledger import assert_balanced, ledger_page, read_ledger
from parts.process import wait_until
from parts.receiver import Answer
from test_crash import configuration, is_drained, settle

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus keeps no sample that its disk refuses")

SECONDS = float(os.environ.get("NARTHEX_TORTURE_SECONDS", "0"))
EXPORTERS = 6
SERIES = 200
IN_FLIGHT = 2
# A disk that was full is asked every ten seconds; one that fails often at pauses of up to a minute.
REGAIN_SECONDS = 20
PAUSE_SECONDS = 70
# From an answer to its place in a durable cursor: the keeper's round, and some more.
ROUND_SECONDS = 1.5
SMALL_BUFFER = ["--storage.agent.wal-segment-size=1MB", "--storage.agent.retention.max-size=2MB"]
CONCERNS = {"around the frames": AROUND_THE_FRAMES, "all calls": AROUND_THE_FRAMES | OF_THE_FRAMES}


@pytest.fixture
def load(load_exporter):
    return [load_exporter(f"load:{index}", SERIES) for index in range(EXPORTERS)]


def drain(agent, receiver, exporters):
    wait_until(lambda: is_drained(agent, EXPORTERS * (SERIES + 40)), 30, "empty buffer")
    ledger = read_ledger(agent)
    assert_balanced(ledger)
    assert agent.stop() == 0
    settle(exporters, receiver)
    return ledger


def judge(exporters, receiver, ends=None):
    custody = Custody({exporter.name: exporter for exporter in exporters}, receiver, IN_FLIGHT, ends)
    print(custody.summary())
    custody.assert_clean()
    return custody


@pytest.fixture
def small_disk(request, make_agent, receiver, load, parts):
    """An agent under load whose storage has 16 MiB; a parameter is flags that it gets."""
    return on_small_disk(make_agent, receiver, load, parts, 16 << 20, getattr(request, "param", []))


def on_small_disk(make_agent, receiver, load, parts, size_bytes, flags=()):
    agent = make_agent(configuration(load, receiver.url, life=1), flags=flags)
    disk = SmallDisk(agent.storage, size_bytes)
    parts.callback(disk.close)
    # Before the agent's end in the stack: it holds the file system, too.
    parts.callback(lambda: agent.process.process and agent.kill())
    disk.enclose(agent.process)
    for exporter in load:
        exporter.life = 1
    agent.start()
    keeps_frames_in_memory(agent)
    wait_until(lambda: len(receiver.accepted()) > 5, 20, "flow of requests")
    return agent, disk


def until_full(agent, disk):
    assert disk.fill() > 0
    wait_until(lambda: agent.metric(REFUSES) == 1, 20, "disk that refuses")


def status_page(agent):
    status, _, body = agent.get("/")
    assert status == 200
    return body.decode()


def flows(receiver, requests=10):
    seen = len(receiver.accepted())
    wait_until(lambda: len(receiver.accepted()) > seen + requests, 20, "flow of requests")


@pytest.mark.timeout(180)
def test_a_full_disk_loses_nothing(small_disk, receiver, load):
    agent, disk = small_disk
    for spell in (1, 2):
        until_full(agent, disk)
        # What the reserve has freed: not even cursors have room now.
        disk.fill()
        flows(receiver)
        # Frames gather while the receiver is away, too.
        receiver.decide = lambda received: Answer(status=503, stores=False)
        time.sleep(3)
        held = agent.metric("narthex_buffer_memory_buffered_samples")
        assert held > 2 * EXPORTERS * SERIES, held
        books = ledger_page(agent)
        assert books["buffer"]["diskRefuses"] is True
        assert sum(job["inMemory"] for job in books["destinations"][0]["jobs"]) >= held
        page = status_page(agent)
        said = re.search(r"The disk takes no samples \(([^)]+)\): (\d+) samples are in memory alone\.", page)
        assert said, page
        assert said[1] == "No space left on device" and int(said[2]) >= held, said[0]
        # It waits, and no sample is lost.
        assert "held: nothing is lost" in page and "but not all" not in page, page
        receiver.decide = lambda received: Answer()
        flows(receiver)
        assert agent.metric(REFUSES) == 1
        disk.make_room()
        until_recovered(agent, REGAIN_SECONDS)
        assert ledger_page(agent)["buffer"]["diskRefuses"] is False
        assert "The disk takes no samples" not in status_page(agent)
        assert len(agent.log_lines("the disk takes no samples")) == spell
        assert len(agent.log_lines("the disk takes samples again")) == spell
        flows(receiver)
        wait_until(lambda: "The disk takes" not in status_page(agent), 20, "memory without samples")
    loud = [line for line in agent.log_lines("level=(WARN|ERROR)") if "No space left" in line]
    assert len(loud) <= 4, loud[:10]
    ledger = drain(agent, receiver, load)
    assert not any(sum(entry.dropped.values()) for entry in ledger.values()), ledger
    judge(load, receiver)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "small_disk", [["--storage.agent.retention.max-time=8s"]], indirect=True, ids=["kept for 8s"])
def test_the_page_says_what_is_lost(small_disk, receiver):
    agent, disk = small_disk
    until_full(agent, disk)
    receiver.decide = lambda received: Answer(status=503, stores=False)
    lost = r"held, but not all: (\d+) samples were lost, as the buffer had no room or they were too old"
    wait_until(lambda: re.search(lost, status_page(agent)), 30, "loss on the page")
    said = int(re.search(lost, status_page(agent))[1])
    dropped = sum(entry.dropped["retention_age"] for entry in read_ledger(agent).values())
    assert 0 < said <= dropped, (said, dropped)
    disk.make_room()
    # What waits in memory is written to the disk first.
    wait_until(lambda: "The disk takes" not in status_page(agent), REGAIN_SECONDS, "page without the disk")
    assert agent.metric("narthex_buffer_memory_buffered_samples") == 0
    assert re.search(lost, status_page(agent))


@pytest.mark.timeout(120)
def test_a_stop_on_a_full_disk_sends_what_is_in_memory(small_disk, receiver, load):
    """The reserve leaves room for the cursors, so that nothing comes twice afterwards."""
    agent, disk = small_disk
    until_full(agent, disk)
    flows(receiver)
    assert agent.stop() == 0
    ended = time.monotonic()
    settle(load, receiver)
    disk.make_room()
    agent.configure(configuration(load, receiver.url, life=2))
    for exporter in load:
        exporter.life = 2
    agent.start()
    flows(receiver)
    drain(agent, receiver, load)
    judge(load, receiver, ends={1: ended})


@pytest.mark.timeout(240)
@pytest.mark.parametrize("ends", ["killed", "in order"])
def test_what_is_written_down_from_memory_is_not_lost(ends, small_disk, receiver, load):
    """A destination is away while the disk is full: what waits for it is on the disk once that has room."""
    agent, disk = small_disk
    receiver.decide = lambda received: Answer(status=503, stores=False)
    until_full(agent, disk)
    wait_until(lambda: held_in_memory(agent) > 8 * EXPORTERS * SERIES, 30, "samples in memory")
    disk.make_room()
    until_recovered(agent, REGAIN_SECONDS)
    assert receiver.open_connections() > 0, "the destination is away"
    ended = end(agent, ends)
    settle(load, receiver)
    assert not agent.log_lines("they are lost")
    agent.configure(configuration(load, receiver.url, life=2))
    for exporter in load:
        exporter.life = 2
    receiver.decide = lambda received: Answer()
    agent.start()
    flows(receiver)
    assert_nothing_else_dropped(drain(agent, receiver, load))
    judge(load, receiver, ends={1: ended})


@pytest.mark.timeout(120)
def test_a_stop_that_loses_samples_does_not_call_them_left(small_disk, receiver):
    """The disk stays full and the destination away: what is said to be lost is in no number of the books at
    the end.
    """
    agent, disk = small_disk
    receiver.decide = lambda received: Answer(status=503, stores=False)
    until_full(agent, disk)
    wait_until(lambda: held_in_memory(agent) > 4 * EXPORTERS * SERIES, 30, "samples in memory")
    assert agent.stop() == 0
    lost = figures(agent.log_lines("they are lost")[-1], "samples")[0]
    scraped, delivered, buffered, missing = books_at_the_end(agent)
    assert lost > 4 * EXPORTERS * SERIES
    assert scraped == delivered + buffered + missing + lost, (scraped, delivered, buffered, missing, lost)


@pytest.mark.timeout(240)
def test_what_memory_dropped_is_booked_once(make_agent, receiver, load_exporter, parts):
    """Memory fills while the disk is full and a destination is away: the oldest samples go. The others are on
    the disk once that has room, and the books are the same after a kill.
    """
    load = [load_exporter(f"load:{index}", 1_500) for index in range(EXPORTERS)]
    # An eighth of it takes samples that the disk does not.
    flags = ["--memory.limit=80MB"]
    agent, disk = on_small_disk(make_agent, receiver, load, parts, 64 << 20, flags)
    receiver.decide = lambda received: Answer(status=503, stores=False)
    until_full(agent, disk)
    wait_until(lambda: dropped(agent) > 0, 90, "full memory")
    disk.make_room()
    until_recovered(agent, REGAIN_SECONDS)
    lost = dropped(agent)
    agent.kill()
    receiver.decide = lambda received: Answer()
    agent.start()
    flows(receiver)
    wait_until(lambda: is_drained(agent, EXPORTERS * (1_500 + 40)), 60, "empty buffer")
    assert agent.stop() == 0
    settle(load, receiver)
    scraped, delivered, buffered, missing = books_at_the_end(agent)
    assert scraped == delivered + buffered + missing and missing == lost, (scraped, delivered, lost)
    stored = sum(len(set(samples)) for samples in receiver.samples().values())
    assert stored == delivered, (stored, delivered)


def figures(line, *words):
    return [int(re.search(rf"\b{word}=(\d+)", line).group(1)) for word in words]


def books_at_the_end(agent):
    """Samples scraped, delivered, buffered and dropped."""
    told = agent.log_lines("msg=stopped")[-1]
    return figures(told, "scraped", "delivered", "buffered", "dropped")


def held_in_memory(agent):
    return agent.metric("narthex_buffer_memory_buffered_samples")


def end(agent, how):
    """Returns when that was."""
    if how == "killed":
        agent.kill()
    else:
        assert agent.stop() == 0
    return time.monotonic()


def dropped(agent):
    """Samples that memory had no room for. There are no others, and none comes from an earlier time."""
    ledger = read_ledger(agent)
    assert_balanced(ledger)
    assert_nothing_else_dropped(ledger, {"memory_full"})
    return sum(entry.dropped["memory_full"] for entry in ledger.values())


def assert_nothing_else_dropped(ledger, reasons=frozenset()):
    for entry in ledger.values():
        assert not {reason for reason, count in entry.dropped.items() if count} - reasons, ledger
        assert entry.earlier == 0, ledger


@pytest.mark.timeout(120)
def test_a_limit_of_the_size_of_files_ends_nobody(make_agent, receiver, load):
    """The kernel ends a process that writes beyond it, unless that ignores the signal."""
    # Lines of the log count, too.
    agent = make_agent(configuration(load, receiver.url, life=1), flags=["--log.level=warn"])
    agent.process.command = ["prlimit", f"--fsize={40 << 10}", "--", *agent.process.command]
    for exporter in load:
        exporter.life = 1
    agent.start()
    keeps_frames_in_memory(agent)
    # The reserve alone is larger; segments reach the limit one after the other.
    written = agent.metric("narthex_buffer_written_bytes_total")
    wait_until(
        lambda: agent.metric("narthex_buffer_written_bytes_total") > written + (64 << 10), 60,
        "more than a file may hold",
    )  # fmt: skip
    flows(receiver)
    ledger = drain(agent, receiver, load)
    assert not any(sum(entry.dropped.values()) for entry in ledger.values()), ledger
    judge(load, receiver)


# Calls that fail


class Course:
    """Lives of an agent on a disk that fails in spells."""

    def __init__(self, agent, receiver, load, disk, schedule, random):
        self.agent, self.receiver, self.load = agent, receiver, load
        self.disk, self.schedule, self.random = disk, schedule, random
        self.life, self.ends, self.refused_starts = 0, {}, 0
        receiver.decide = self._decide

    def _decide(self, received):
        if self.random.random() < 0.03:
            return Answer(status=503, stores=False)
        return Answer(delay=self.random.uniform(0, 0.05))

    def begin(self, faulty):
        """The next life; on a disk that fails the start may be refused, and then comes again."""
        self.life += 1
        self.agent.configure(configuration(self.load, self.receiver.url, self.life))
        for exporter in self.load:
            exporter.life = self.life
        if not faulty:
            self.agent.start()
            return
        self.schedule.play()
        before = len(self.agent.log_text())
        process = self.agent.process
        self.agent.start(until_ready=False)
        time.sleep(self.random.uniform(0.1, 1.5))
        self.disk.calm()
        wait_until(lambda: not process.is_running() or self._is_ready(), 30, "ready or ended agent")
        if not process.is_running():
            said = self.agent.log_text()[before:]
            assert process.process.returncode == 3, f"{process.process.returncode}: {said[-2000:]}"
            assert str(self.agent.storage) in said.splitlines()[-1], said[-2000:]
            self.refused_starts += 1
            self.agent.start()

    def _is_ready(self):
        try:
            return self.agent.get("/-/ready", timeout=2)[0] == 200
        except OSError:
            return False

    def spell(self, seconds):
        self.schedule.spell(seconds)
        assert self.agent.process.is_running(), "the agent ended in a spell"
        until_recovered(self.agent, PAUSE_SECONDS)
        assert_balanced(read_ledger(self.agent))
        seen = len(self.receiver.accepted())
        wait_until(lambda: len(self.receiver.accepted()) > seen + 5, 30, "flow after the spell")
        time.sleep(ROUND_SECONDS)

    def kill(self):
        self.agent.kill()
        self.ends[self.life] = time.monotonic()
        settle(self.load, self.receiver)


def loud_lines(agent):
    """How often each sentence stands among the warnings and errors."""
    lines = agent.log_lines(r"level=(WARN|ERROR|CRITICAL)")
    return collections.Counter(re.sub(r'.*? msg="?([^"=]*)"?.*', r"\1", line) for line in lines)


@pytest.mark.timeout(SECONDS + 2 * PAUSE_SECONDS + 120)
@pytest.mark.parametrize("concern", sorted(CONCERNS))
def test_calls_that_fail(concern, make_agent, receiver, load, seeded, tmp_path):
    agent = make_agent(configuration(load, receiver.url, life=1), flags=SMALL_BUFFER)
    disk = FaultyDisk(tmp_path / "disk", seeded.getrandbits(63))
    disk.enclose(agent)
    schedule = DiskSchedule(disk, seeded, CONCERNS[concern])
    course = Course(agent, receiver, load, disk, schedule, seeded)
    course.begin(faulty=False)
    if concern == "all calls":
        keeps_frames_in_memory(agent)
    # A cursor that the disk has not taken is written again once a second and not at each answer, so a spell
    # may have few calls that fail.
    begin = time.monotonic()
    end, latest = begin + (SECONDS / 2 if SECONDS else 8), begin + (SECONDS if SECONDS else 40)
    while time.monotonic() < end or (sum(disk.failed().values()) <= 20 and time.monotonic() < latest):
        course.spell(seeded.uniform(1.0, 3.0))
        if seeded.random() < 0.6:
            course.kill()
            course.begin(faulty=seeded.random() < 0.6)
    ledger = drain(agent, receiver, load)
    print(f"{course.life} lives, {course.refused_starts} starts refused; {len(schedule.played)} faults:",
          dict(collections.Counter(schedule.played)))  # fmt: skip
    print("calls seen", disk.seen(), "and failed", disk.failed())
    loud = loud_lines(agent)
    print("warnings and errors:", dict(loud))
    assert sum(disk.failed().values()) > 20, "too few calls failed to show anything"
    # A sentence a fault, and not one a target and scrape.
    assert max(loud.values(), default=0) <= 2 * len(schedule.played) + 4, loud
    assert not any(sum(entry.dropped.values()) for entry in ledger.values()), ledger
    judge(load, receiver, course.ends)
