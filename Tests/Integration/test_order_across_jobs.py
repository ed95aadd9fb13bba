"""Order per series where two jobs scrape one target, so that both have the same series, and where a reload
changes the external labels meanwhile. The receiver answers late and out of order, and drops the label that
the reload changes, so that its series go on.
"""

import time
from collections import defaultdict
from dataclasses import dataclass

import pytest

from parts.agent import IS_NARTHEX
from parts.ledger import read_ledger
from parts.process import wait_until
from parts.receiver import Answer, CountingReceiver
from parts.reload import reloaded

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus keeps an order in each job alone")

TARGETS = [f"target-{index}" for index in range(6)]
SERIES = 40
SAMPLES = SERIES + 5  # of a scrape, with its report
# Different ones, as two jobs with equal labels would scrape at the same moments.
JOBS = {"first": "500ms", "second": "700ms"}


def configuration(exporter, receivers, site):
    jobs = [
        {
            "job_name": name,
            "scrape_interval": interval,
            "scrape_timeout": interval,
            "static_configs": [
                {"targets": [exporter.address], "labels": {"instance": target}} for target in TARGETS
            ],
            "relabel_configs": [{"target_label": "job", "replacement": "both"}],
        }
        for name, interval in JOBS.items()
    ]
    late = {
        "name": "late",
        "url": receivers["late"].url,
        # Two requests for a scrape.
        "queue_config": {
            "min_shards": 8, "max_shards": 32, "max_samples_per_send": 25, "batch_send_deadline": "100ms",
        },
        "write_relabel_configs": [{"regex": "site", "action": "labeldrop"}],
        "metadata_config": {"send": False},
    }  # fmt: skip
    # One request at a time, so that what it gets is in the order of the buffer.
    log = {
        "name": "log",
        "url": receivers["log"].url,
        "queue_config": {"min_shards": 1, "max_shards": 1, "batch_send_deadline": "100ms"},
        "metadata_config": {"send": False},
    }
    return {
        "global": {"external_labels": {"site": site}},
        "scrape_configs": jobs,
        "remote_write": [late, log],
    }


@dataclass
class Flight:
    """A request on its way: from its arrival to its answer."""

    begin: float
    end: float
    series: dict  # labels: timestamps
    frames: dict  # instance: timestamps


def flights(receiver):
    found = []
    for one in receiver.requests:
        series, frames = defaultdict(list), defaultdict(set)
        for labels, samples in receiver.decode(one):
            times = [at for at, _ in samples]
            series[labels] += times
            frames[dict(labels)["instance"]].update(times)
        found.append(Flight(one.arrived, one.arrived + one.answer.delay, series, frames))
    return found


def without_site(labels):
    return tuple(label for label in labels if label[0] != "site")


def test_one_target_under_two_jobs_keeps_its_order(make_agent, text_exporter, parts):
    receivers = {name: CountingReceiver().start() for name in ("late", "log")}
    for receiver in receivers.values():
        parts.callback(receiver.stop)
    receivers["late"].decide = lambda received: Answer(delay=0.1 + received.number * 7 % 5 * 0.1)
    exporter = text_exporter("".join(f'load{{index="{index}"}} 1\n' for index in range(SERIES)))
    agent = make_agent(
        configuration(exporter, receivers, "one"), flags=["--web.enable-lifecycle"]
    ).start()
    wait_until(lambda: len(receivers["late"].accepted()) >= 150, 40, "requests")
    reloaded(agent, configuration(exporter, receivers, "two"))
    count = len(receivers["late"].accepted())
    wait_until(lambda: len(receivers["late"].accepted()) >= count + 150, 40, "requests after the reload")
    receivers["late"].decide = lambda received: Answer()

    def has_arrived():
        ledger = read_ledger(agent)
        return all(entry.buffered <= 2 * SAMPLES * len(TARGETS) for entry in ledger.values()) and ledger

    ledger = wait_until(has_arrived, 40, "all of it to arrive")
    assert all(ledger[("late", job)].delivered > 0 for job in JOBS)
    assert agent.stop() == 0

    # Every series has what the buffer has, in its order, with both values of the label. (Two scrapes of a
    # target that are done in the same millisecond may be in it in either order.)
    expected, sites = defaultdict(list), defaultdict(set)
    for one in receivers["log"].accepted():
        for labels, samples in receivers["log"].decode(one):
            expected[without_site(labels)] += samples
            sites[without_site(labels)].add(dict(labels)["site"])
    assert all(names == {"one", "two"} for names in sites.values())
    found = receivers["late"].samples()
    assert found.keys() == expected.keys()
    for labels, samples in found.items():
        assert samples == expected[labels], labels

    # What is on its way together holds different series, and of each target one scrape alone.
    flown = flights(receivers["late"])
    together = 0
    for index, one in enumerate(flown):
        assert all(len(times) == 1 for times in one.series.values())
        assert all(len(times) == 1 for times in one.frames.values())
        for other in flown[index + 1 :]:
            if other.begin >= one.end:
                continue
            together += 1
            assert not one.series.keys() & other.series.keys()
            for instance in one.frames.keys() & other.frames.keys():
                assert one.frames[instance] == other.frames[instance], instance

    # And all that was put to the test: requests together, answers out of order, scrapes that had to wait for
    # one of the other job.
    overtaken = sum(one.end > other.end for one, other in zip(flown, flown[1:]))
    print(f"{len(flown)} requests, {together} pairs together, {overtaken} overtaken, {waits(flown)} waits")
    assert together > 100 and overtaken > 20 and waits(flown) > 20


def waits(flown):
    """How many scrapes were done while one of the same target was on its way."""
    since = time.time() - time.monotonic()
    ends = defaultdict(dict)  # instance: {timestamp: when the last part of it was answered}
    for one in flown:
        for instance, (at,) in one.frames.items():
            ends[instance][at] = max(ends[instance].get(at, 0), one.end)
    count = 0
    for times in ends.values():
        order = sorted(times)
        count += sum(after / 1000 < times[before] + since for before, after in zip(order, order[1:]))
    return count
