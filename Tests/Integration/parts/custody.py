"""The books of a crash or an outage: what was appended for certain, what arrived, and every way the two
may differ.

What counts as appended. An agent asks a target for its next scrape only after the previous one's append
returned. So a scrape whose successor was asked for by the same life of the agent was appended *for
certain*. The last scrape of each life may have been appended or not: it is *uncertain*, and then must be
there whole or not at all, because a scrape is one record of the buffer. Scrapes that were never answered
whole must leave no sample but those of the report.
"""

from collections import defaultdict

from .exposition import from_bits
from .write_request import STALE_BITS, value_bits

REPORT = {
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
}

# From an answer's bytes in the kernel to its place in the cursor: milliseconds, on a busy machine more.
BOOKED_SECONDS = 1.0


class Custody:
    """One examination. `findings` is empty when all is right; `summary` says what was looked at."""

    def __init__(self, exporters, receiver, lanes, ends=None):
        """`exporters`: {value of the label instance: LoadExporter}; `lanes`: requests in flight at most;
        `ends`: {life of the agent: the monotonic second in which it was killed}.
        """
        self.ends = ends or {}
        self.exporters = exporters
        self.findings = []
        self.accepted = receiver.accepted()
        self.all_requests = receiver.requests
        self._decode = receiver.decode
        self.lanes = lanes
        self.unique_samples = 0
        self.resent_requests = 0
        self._read_requests()
        self._check_refused_come_again()
        for instance, exporter in exporters.items():
            self._check_target(instance, exporter)

    def summary(self):
        scrapes = sum(len(exporter.served) for exporter in self.exporters.values())
        return (
            f"{scrapes} scrapes served, {len(self.all_requests)} requests seen, {len(self.accepted)} taken, "
            f"{self.resent_requests} of them sent again, {self.unique_samples} samples stored once"
        )

    def assert_clean(self):
        assert not self.findings, f"{self.summary()}; {len(self.findings)} findings:\n" + "\n".join(
            self.findings[:40]
        )

    def _find(self, text):
        self.findings.append(text)

    def _read_requests(self):
        """Order per series, resends byte for byte, duplicates no more than in flight."""
        self.frames = defaultdict(dict)  # instance -> {timestamp: {(name, index): bits}}
        newest = {}  # labels -> newest timestamp taken
        seen = {}  # body -> the request that brought it last
        resent_after = defaultdict(int)  # life -> requests of earlier lives sent again
        for request in self.accepted:
            decoded = self._decode(request)
            if request.body in seen:
                self.resent_requests += 1
                earlier = seen[request.body]
                if request.life < earlier.life:
                    continue  # its sender was dead when it was read: a later life was faster
                seen[request.body] = request
                if earlier.life != request.life:
                    resent_after[request.life] += 1
                    self._check_was_in_flight(earlier, request)
                elif earlier.answered and earlier.answer.status < 300:
                    self._find(
                        f"request {request.number} was sent again in life {request.life}"
                        " though it was answered"
                    )
                continue
            seen[request.body] = request
            for labels, samples in decoded:
                self._take(request, labels, samples, newest)
        for life, count in sorted(resent_after.items()):
            if count > self.lanes:
                self._find(
                    f"life {life} sent {count} requests again,"
                    f" more than the {self.lanes} that can be in flight"
                )

    def _check_was_in_flight(self, earlier, again):
        """An answer that reached the agent long before it was killed was booked: then nothing comes again."""
        end = self.ends.get(earlier.life)
        if end is None or not earlier.answered or earlier.answer.status >= 300:
            return
        if earlier.answered_at < end - BOOKED_SECONDS:
            self._find(
                f"request {earlier.number} was answered {end - earlier.answered_at:.1f} s before the kill and"
                f" sent again as {again.number}: it was not in flight"
            )

    def _take(self, request, labels, samples, newest):
        named = dict(labels)
        frames = self.frames[named.get("instance", "")]
        key = (named["__name__"], named.get("index", ""))
        for timestamp, bits in samples:
            before = newest.get(labels)
            frame = frames.setdefault(timestamp, {})
            if key in frame:
                self._find(
                    f"request {request.number} holds {key} at {timestamp} again,"
                    " but is not the same request again"
                )
                continue
            if before is not None and timestamp <= before:
                self._find(
                    f"request {request.number}: {key} at {timestamp} came after {before}: out of order"
                )
            newest[labels] = max(timestamp, before or timestamp)
            frame[key] = bits
            self.unique_samples += 1

    def _check_refused_come_again(self):
        """A request that was refused, or taken without an answer, must come again byte for byte."""
        taken = {request.body for request in self.accepted}
        for request in self.all_requests:
            if request.body not in taken:
                self._find(f"request {request.number} was refused and never came again byte for byte")

    def _check_target(self, instance, exporter):
        certain, possible = set(), set()
        for served, successor in zip(exporter.served, exporter.served[1:] + [None]):
            if served.complete:
                possible.add(served.number)
                if successor is not None and successor.life == served.life:
                    certain.add(served.number)
        found = {}
        previous = (None, set())
        for timestamp, frame in sorted(self.frames[instance].items()):
            previous = self._check_frame(instance, exporter, timestamp, frame, possible, found, previous)
        for number in sorted(certain - found.keys()):
            self._find(f"{instance}: scrape {number} was appended and is missing")
        for earlier, later in zip(sorted(found), sorted(found)[1:]):
            if found[earlier] >= found[later]:
                self._find(
                    f"{instance}: scrape {later} is stored at {found[later]}, not after scrape {earlier}"
                )

    def _check_frame(self, instance, exporter, timestamp, frame, possible, found, previous):
        """One timestamp of one target: all of a scrape, or only a report and stale markers. (its life, its
        series)
        """
        where = f"{instance} at {timestamp}"
        life_before, before = previous
        missing = REPORT - {name for name, _ in frame}
        if missing:
            self._find(f"{where}: report series {sorted(missing)} are missing")
        values = {key: bits for key, bits in frame.items() if key[0] not in REPORT}
        live = {key: from_bits(bits) for key, bits in values.items() if bits != STALE_BITS}
        markers = values.keys() - live.keys()
        for key in sorted(markers - before):
            self._find(f"{where}: a stale marker for {key}, which was not there before")
        if not live:
            if frame.get(("up", "")) == value_bits(1.0):
                self._find(f"{where}: up is 1 without a sample")
            return None, set()
        number = live.get(("load_moving", "0000"))
        if number is None or int(number) not in possible:
            self._find(f"{where}: scrape {number} was never served whole")
            return None, set(live)
        number = int(number)
        if number in found:
            self._find(f"{where}: scrape {number} is stored twice, also at {found[number]}")
        found[number] = timestamp
        expected = exporter.expected(number)
        if live != expected:
            wrong = sorted(
                key for key in expected.keys() | live.keys() if expected.get(key) != live.get(key)
            )
            self._find(
                f"{where}: scrape {number} is torn: {len(wrong)} of {len(expected)} differ,"
                f" such as {wrong[:3]}"
            )
        life = exporter.served[number - 1].life
        if life == life_before:
            for key in sorted(before - values.keys()):
                self._find(f"{where}: {key} left and has no stale marker")
        return life, set(live)
