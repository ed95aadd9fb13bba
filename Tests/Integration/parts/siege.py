"""One agent in a memory cgroup, steady targets, and a storm by a seed: what it must come to."""

import json
import time
from dataclasses import dataclass, field

from .ceiling import MEBIBYTE, MemoryCgroup, StormBooks
from .custody import Custody
from .exporters import LoadExporter
from .exposition import from_bits
from .ledger import assert_balanced, read_ledger
from .process import wait_until
from .storm import StormProcess

KINDS = ("ids", "bodies", "bombs", "many", "outage")
# Targets of each job of the storm. `many` grows to more while it storms.
TARGETS = {"ids": 10, "bodies": 12, "bombs": 6, "many": 20}
STEADY_SECONDS = 2
SETTLE_SECONDS = 60
WITHIN = 0.10  # what the kinds' sum may differ by, and the memory after a storm from what it was before
# Beside that the first storm leaves pages of the heap on which a block in use lies, as malloc moves none:
# 1 to 2 MiB, of targets that came while it stormed and of what Swift's threads keep for tasks; 1 to 2 MiB of
# free pages, since what comes and goes finds room in many places of a heap that was large; and where no step
# was needed up to 4 MiB of idle connections, which close after 300 s. A second storm adds nothing.
LEFT_BYTES = 6 << 20
# So many pages fill what Swift's threads keep for tasks: up to 1,024 small blocks each, two for a page.
WARM_PAGES = 1_000


def schedule(kind, random, seconds):
    """[(second, what is set)] of one storm; `receiver` and `many` are set here, the rest at the fleet."""
    kinds = KINDS if kind == "mixed" else (kind,)
    moments = []
    if "ids" in kinds or "outage" in kinds:
        length = random.choice([150, 400])
        most = (1_500_000 if kind == "mixed" else 4_000_000) // (length + 100)
        moments += [
            (t, {"length": length, "ids": random.randint(most // 2, most)})
            for t in _times(random, seconds, 4)
        ]
    if "bodies" in kinds:
        moments += [
            (t, {"bodies": random.choice([200, random.randint(4, 24)])}) for t in _times(random, seconds, 3)
        ]
    if "bombs" in kinds:
        moments += [(t, {"bombs": random.choice([24, 64, 256])}) for t in _times(random, seconds, 5)]
    if "many" in kinds:
        most = 1500 if kind == "mixed" else 4000
        moments += [(t, {"many": random.randint(most // 2, most)}) for t in _times(random, seconds, 4)]
    if "outage" in kinds:
        moments.append((seconds * random.uniform(0.1, 0.3), {"receiver": False}))
        moments.append((seconds * random.uniform(0.8, 0.95), {"receiver": True}))
    return sorted(moments, key=lambda moment: moment[0])


def _times(random, seconds, every):
    """From the beginning on, about each `every` seconds."""
    at = 0.0
    while at < seconds:
        yield at
        at += every * random.uniform(0.5, 1.5)


class SteadyExporter(LoadExporter):
    """Without series that come and go: those that come back are new, and are shed while memory is short."""

    BLINKING = 0


@dataclass
class Look:
    """One look at the agent during a storm."""

    second: float
    step: int
    rss: int
    unaccounted: float = 0.0  # share of the resident memory that no kind names


@dataclass
class Seen:
    """What a storm came to."""

    before: int = 0
    peak: int = 0
    after: int = 0
    settled_after: float = 0.0
    looks: list = field(default_factory=list)
    unanswered: list = field(default_factory=list)  # looks that the agent's pages did not answer

    @property
    def highest_step(self):
        return max(look.step for look in self.looks)


class Siege:
    def __init__(self, make_agent, parts, folder, receiver, random, limit_bytes, extra=()):
        self.random = random
        self.receiver = receiver
        self.exporters = [SteadyExporter(f"load:{index}", 100).start() for index in range(3)]
        for exporter in self.exporters:
            parts.callback(exporter.stop)
        self.extra = extra  # addresses of real exporters
        self.folder = folder
        self.folder.mkdir()
        self.cgroup = MemoryCgroup(limit_bytes)
        parts.callback(self.cgroup.remove)
        self.fleet = StormProcess(random.getrandbits(32), folder / "storm.log").start()
        parts.callback(self.fleet.stop)
        for kind, count in TARGETS.items():
            self._list(kind, range(count))
        self.agent = make_agent(
            self._configuration(), name=f"{folder.name}-agent", flags=["--log.level=info"]
        )
        self.cgroup.enclose(self.agent.process)
        # After the cgroup's removal was registered, so that it comes before it.
        parts.callback(self._end)
        self.seen = Seen()
        self.storms = 0
        self.begun = None
        self.receives = True

    def _end(self):
        if self.agent.process.process:
            self.agent.kill()
            wait_until(self.cgroup.is_empty, 20, "empty cgroup")

    def _list(self, kind, numbers):
        """The file of a job's targets, replaced at once."""
        groups = [
            {
                "targets": [self.fleet.address],
                "labels": {"__param_n": str(number), "instance": f"{kind}-{number}"},
            }
            for number in numbers
        ]
        new = self.folder / f"{kind}.new"
        new.write_text(json.dumps(groups))
        new.rename(self.folder / f"{kind}.json")

    def _configuration(self):
        def job(name, interval, **more):
            return {"job_name": name, "scrape_interval": interval, "scrape_timeout": interval} | more

        steady = [
            {"targets": [exporter.address], "labels": {"instance": exporter.name}}
            for exporter in self.exporters
        ]
        jobs = [job("steady", f"{STEADY_SECONDS}s", static_configs=steady)]
        if self.extra:
            jobs.append(
                job("real", f"{STEADY_SECONDS}s", static_configs=[{"targets": list(self.extra)}])
            )
        for kind in TARGETS:
            found = [{"files": [str(self.folder / f"{kind}.json")], "refresh_interval": "1s"}]
            jobs.append(job(kind, "2s", metrics_path=f"/{kind}", file_sd_configs=found))
        sends = {"url": self.receiver.url, "queue_config": {"batch_send_deadline": "500ms"}}
        return {"scrape_configs": jobs, "remote_write": [sends]}

    # What is looked at.

    def memory(self):
        """The page of what the agent holds."""
        status, _, body = self.agent.get("/api/v1/narthex/memory")
        assert status == 200, f"the page of the memory answered {status}"
        return json.loads(body)["data"]

    @staticmethod
    def unaccounted(page):
        """The share of the resident memory that the kinds' sum differs by."""
        total = sum(row["bytes"] for row in page["kinds"])
        assert page["unaccountedBytes"] == page["residentBytes"] - total
        return page["unaccountedBytes"] / page["residentBytes"]

    def _look(self, has_steps=True):
        process = self.agent.process
        self._assert_lives()
        rss = process.rss_bytes()
        look = Look(time.monotonic() - self.begun, 0, rss)
        if has_steps:
            page = self.memory()
            look.step, look.unaccounted = page["step"], self.unaccounted(page)
        self.seen.looks.append(look)
        return look

    def _assert_lives(self):
        assert self.cgroup.kills() == 0, f"the kernel killed the agent: {self._story()}"
        assert self.agent.process.is_running(), f"the agent ended: {self._story()}"

    def _story(self):
        looks = self.seen.looks[-8:]
        return f"before {self.seen.before >> 20} MiB, " + ", ".join(
            f"{look.second:.1f} s: step {look.step}, {look.rss >> 20} MiB" for look in looks
        )

    def _assert_accounted(self):
        page = self.memory()
        assert page["step"] == self.agent.metric("narthex_memory_step") == 0
        assert abs(self.unaccounted(page)) <= WITHIN, page

    # The course.

    def calm(self, seconds=7, has_steps=True):
        """Starts, and measures the memory while nothing storms. The pages are asked for as in the storm, and
        about as often: what of the program and of the heap that needs was there before.
        """
        self.agent.start()
        self.begun = time.monotonic()
        if has_steps:
            for _ in range(WARM_PAGES):
                self.memory()
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            self._look(has_steps)
            if has_steps:
                read_ledger(self.agent)
            time.sleep(0.5)
        self.seen.before = self.agent.process.rss_bytes()
        if has_steps:
            self._assert_accounted()

    def storm(self, kind, seconds, has_steps=True):
        moments = schedule(kind, self.random, seconds)
        self.storms += 1
        begun = time.monotonic()
        is_late = False
        while (now := time.monotonic() - begun) < seconds:
            while moments and moments[0][0] <= now:
                self._set(moments.pop(0)[1])
            try:
                look = self._look(has_steps)
                if has_steps:
                    assert_balanced(read_ledger(self.agent))
            except OSError as error:
                # Killed in the middle of an answer, or slow.
                time.sleep(0.5)
                self._assert_lives()
                self.seen.unanswered.append(f"{now:.1f} s: {error}")
                continue
            if look.step >= 4 and not is_late:
                is_late = True
                self.fleet.set(late=1)
            time.sleep(0.2)
        self.seen.peak = self.agent.process.peak_rss_bytes()
        self.fleet.set(ids=0, bodies=0, bombs=0, late=1)
        self._set({"receiver": True})
        # Others than those of before: what waited must be asked now.
        self._list("many", self._last_targets())

    def _last_targets(self):
        """The numbers of the targets of `many` that are left after a storm."""
        return range(10_000 * self.storms, 10_000 * self.storms + TARGETS["many"])

    def _set(self, moment):
        if "many" in moment:
            self._list("many", range(moment["many"]))
        elif "receiver" in moment:
            if moment["receiver"] != self.receives:
                self.receives = moment["receiver"]
                if self.receives:
                    self.receiver.start()
                else:
                    self.receiver.stop()
        else:
            self.fleet.set(**moment)

    def _allowed(self):
        """Resident bytes after a storm. A second one leaves nothing more behind."""
        if self.storms > 1:
            return (1 + WITHIN) * self.seen.after
        return (1 + WITHIN) * self.seen.before + LEFT_BYTES

    def settle(self):
        """Waits until all is as before, for so long as is allowed."""
        begun = high = time.monotonic()
        last = {}

        def is_settled():
            nonlocal high
            look = self._look()
            ledger = read_ledger(self.agent)
            assert_balanced(ledger)
            last.update(
                step=look.step,
                memory=look.rss / self.seen.before,
                waiting=self.agent.metric("narthex_memory_waiting_targets"),
                buffered=sum(entry.buffered for entry in ledger.values()),
            )
            if look.step or look.rss > self._allowed() or last["waiting"]:
                high = time.monotonic()
            # So long: all is to be scraped without anything shed, and what of the program that needs is to be
            # back in memory.
            return time.monotonic() - high >= 2 * STEADY_SECONDS

        try:
            wait_until(is_settled, SETTLE_SECONDS, "agent as before the storm", every=0.5)
        except AssertionError as error:
            raise AssertionError(f"{error}: {last}; {self._story()}") from None
        self.seen.settled_after = time.monotonic() - begun
        allowed, highest = self._allowed(), 0
        begun = time.monotonic()
        while time.monotonic() - begun < 2 * STEADY_SECONDS:
            time.sleep(0.5)
            highest = max(highest, self._look().rss)
            assert highest <= allowed, f"{highest >> 20} MiB: {self._story()}"
        self.seen.after = highest
        self._assert_accounted()

    # What it came to.

    def examine(self):
        """Ends the agent and judges its books."""
        metrics = self.agent.metrics()
        shed = {
            dict(labels)["scrape_job"]: int(value)
            for (name, labels), value in metrics.items()
            if name == "narthex_memory_shed_samples_total"
        }
        steps = self.agent.metric("narthex_memory_steps_total")
        assert steps >= self.seen.highest_step, f"{steps} steps counted, {self.seen.highest_step} seen"
        assert self.agent.stop() == 0
        books = StormBooks(self.receiver, set(TARGETS))
        self._assert_nothing_dropped(metrics)
        assert books.findings == [], books.findings[:10]
        self._assert_what_is_missing_was_shed(books, shed)
        self._assert_shed_series_are_back(books)
        self._assert_steady(books)
        return shed

    @staticmethod
    def _assert_nothing_dropped(metrics):
        dropped = {
            labels: value
            for (name, labels), value in metrics.items()
            if name == "narthex_ledger_dropped_samples_total" and value
        }
        assert not dropped

    def _assert_what_is_missing_was_shed(self, books, shed):
        missing = {job: count for job, count in books.missing().items() if count}
        assert missing == {job: count for job, count in shed.items() if count}
        served = self.fleet.books()
        for (instance, timestamp), report in books.reports.items():
            if "number" in report and report.get("up") == 1.0:
                lines = served[instance][int(report["number"]) - 1]
                assert report["scraped"] == lines, f"{instance} at {timestamp}: {report}, {lines} lines shown"

    def _assert_shed_series_are_back(self, books):
        last = {}
        for (instance, timestamp), report in sorted(books.reports.items(), key=lambda entry: entry[0][1]):
            if report.get("up") == 1.0:
                last[instance] = (report["scraped"], books.shown[(instance, timestamp)])
        expected = {
            f"{kind}-{number}"
            for kind, count in TARGETS.items()
            for number in (self._last_targets() if kind == "many" else range(count))
        }
        assert expected <= last.keys(), f"never scraped: {sorted(expected - last.keys())[:10]}"
        short = {instance: last[instance] for instance in expected if last[instance][0] != last[instance][1]}
        assert not short, f"series that did not come back: {sorted(short.items())[:10]}"

    def _assert_steady(self, steady):
        custody = Custody({exporter.name: exporter for exporter in self.exporters}, steady, lanes=1)
        custody.assert_clean()
        reports = {}
        for labels, samples in steady.samples().items():
            named = dict(labels)
            if named["__name__"] == "up":
                reports[named["instance"]] = samples
        assert len(reports) == len(self.exporters) + len(self.extra)
        for instance, samples in reports.items():
            assert {from_bits(bits) for _, bits in samples[:-1]} == {1.0}, f"{instance} failed: {samples}"
            gaps = [later - sooner for (sooner, _), (later, _) in zip(samples, samples[1:])]
            longest = max(gaps)
            assert longest < 1500 * STEADY_SECONDS, f"{instance}: a gap of {longest} ms"

    def told(self):
        seen = self.seen
        steps = sorted({look.step for look in seen.looks})
        worst = max((abs(look.unaccounted) for look in seen.looks), default=0)
        return (
            f"memory {seen.before >> 20} MiB before, {seen.peak >> 20} at most, {seen.after >> 20} after"
            f" {seen.settled_after:.0f} s of {self.cgroup.limit_bytes // MEBIBYTE}; steps {steps};"
            f" unaccounted {worst:.0%} at most; pages without an answer: {seen.unanswered}"
        )
