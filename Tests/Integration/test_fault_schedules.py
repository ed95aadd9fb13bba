"""Receivers that go through random faults, by a seed, and an agent that is killed meanwhile: the books
balance, the order of each series holds, what was scraped is delivered or was refused, and a receiver without
faults notices nothing.

NARTHEX_FAULT_SECONDS=600 for a long run, with those answers, too, after which a sender waits for long.
"""

import os
import time
from collections import Counter

import pytest

from parts.agent import IS_NARTHEX
from parts.faults import Account, FaultSchedule, FaultyReceiver
from parts.ledger import assert_balanced, read_ledger
from parts.process import wait_until
from parts.receiver import LIFE

SECONDS = float(os.environ.get("NARTHEX_FAULT_SECONDS", "8"))
# Held requests are tried again once a minute.
HEALING_SECONDS = 30 if SECONDS < 30 else 150
# Beside that a long run leaves more samples than the receivers, which are Python, take in that time.
LEAST_RATE = 1000  # samples a second of each receiver
MOST_BACKLOG = 1_000_000
EXPORTERS = 8
SERIES = 60
TIMEOUT = 1.0


def configuration(exporters, receivers, life):
    """Without exporters nothing is scraped any more; the page still shows the books of the job."""
    job = {
        "job_name": "load",
        "static_configs": [
            {"targets": [exporter.address], "labels": {"instance": exporter.name}} for exporter in exporters
        ],
    }
    return {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
        "scrape_configs": [job],
        "remote_write": [
            {
                "name": name,
                "url": receiver.url,
                "remote_timeout": f"{TIMEOUT:g}s",
                "headers": {LIFE: str(life)},
                "queue_config": {
                    "min_shards": 1,
                    "max_shards": 16,
                    "max_samples_per_send": 130,
                    "batch_send_deadline": "200ms",
                    "min_backoff": "20ms",
                    "max_backoff": "500ms",
                },
            }
            for name, receiver in receivers.items()
        ],
    }


@pytest.mark.skipif(not IS_NARTHEX, reason="the ledger is Narthex' own")
@pytest.mark.timeout(1.2 * SECONDS + HEALING_SECONDS + MOST_BACKLOG / LEAST_RATE + 60)
def test_random_faults(make_agent, load_exporter, parts, seeded):
    exporters = [load_exporter(f"load:{index}", SERIES) for index in range(EXPORTERS)]
    receivers = {name: FaultyReceiver(2 * TIMEOUT).start() for name in ["steady", "ill", "worse"]}
    for receiver in receivers.values():
        parts.callback(receiver.stop)
    schedules = [
        FaultSchedule(seeded, receivers[name], TIMEOUT, slowly=SECONDS >= 30) for name in ["ill", "worse"]
    ]
    # What a drain does not bring away under faults the next life does.
    agent = make_agent(
        configuration(exporters, receivers, 1), flags=["--storage.remote.flush-deadline=2s"]
    )

    def begin_life(life, scraped=exporters):
        for exporter in exporters:
            exporter.life = life
        agent.configure(configuration(scraped, receivers, life))
        agent.start()

    begin_life(1)
    life = 1
    end = time.monotonic() + SECONDS
    kills = sorted(end - SECONDS * seeded.uniform(0.3, 0.9) for _ in range(1 + int(SECONDS // 60)))
    most_steady = 0
    while time.monotonic() < end:
        time.sleep(0.25)
        if kills and time.monotonic() >= kills[0]:
            del kills[0]
            life += 1
            agent.kill()
            begin_life(life)
        elif seeded.random() < 0.03:
            # Nobody listens for a moment.
            receivers["worse"].stop()
            time.sleep(seeded.uniform(0.1, 0.7))
            receivers["worse"].start()
        ledger = read_ledger(agent)
        assert_balanced(ledger)
        if ledger[("steady", "load")].scraped:
            most_steady = max(most_steady, ledger[("steady", "load")].buffered)

    # The faults go on for a while when nothing is scraped any more.
    assert agent.stop() == 0
    begin_life(life + 1, [])
    time.sleep(SECONDS / 5)
    for schedule in schedules:
        schedule.heal()

    def settled():
        page = read_ledger(agent)
        assert_balanced(page)
        return None if any(entry.buffered for entry in page.values()) else page

    healed_at = time.monotonic()
    backlog = max(entry.buffered for entry in read_ledger(agent).values())
    allowed = HEALING_SECONDS
    if SECONDS >= 30:
        allowed += min(backlog, MOST_BACKLOG) / LEAST_RATE
    ledger = wait_until(settled, allowed, "empty buffer")
    print(f"{backlog} samples were there at most, and gone after {time.monotonic() - healed_at:.1f} s")
    assert agent.stop() == 0
    accounts = {name: Account(receiver) for name, receiver in receivers.items()}
    certain = {
        exporter.name: sum(
            served.complete and served.life == later.life
            for served, later in zip(exporter.served, exporter.served[1:])
        )
        for exporter in exporters
    }
    print({name: len(receiver.requests) for name, receiver in receivers.items()}, most_steady)
    for name, schedule in zip(["ill", "worse"], schedules):
        print(name, dict(sorted(schedule.met.items())))

    for name, account in accounts.items():
        entry = ledger[(name, "load")]
        assert account.findings == [], f"{name}: {account.findings[:10]}"
        assert len(account.known) == entry.scraped, f"{name}: {entry}"
        refused_only = account.refused - account.accepted.keys()
        assert set(entry.dropped) <= {"label_value_too_long"}, f"{name}: {entry}"
        dropped = sum(entry.dropped.values())
        assert (
            len(refused_only) <= dropped <= len(account.refused)
        ), f"{name}: {entry}, refused {len(account.refused)}, of them never taken {len(refused_only)}"
        assert not missing(account, certain), f"{name}: {missing(account, certain)[:10]}"
    assert not accounts["steady"].refused and not ledger[("steady", "load")].dropped
    # Two scrapes of everything, whatever the others do.
    assert most_steady <= 3 * EXPORTERS * (SERIES + 40), "the receivers with faults held up the one without"
    assert sum(sum(schedule.met.values()) for schedule in schedules) > 50


def missing(account, certain):
    """Series of scrapes that were appended for certain and neither taken nor refused."""
    counts = Counter()
    for labels, _ in account.known:
        named = dict(labels)
        if named["__name__"] == "load_moving":
            counts[(named["instance"], named["index"])] += 1
    return [
        f"{instance} {index:04d}: {counts[(instance, f'{index:04d}')]} of {scrapes}"
        for instance, scrapes in certain.items()
        for index in range(SERIES)
        if counts[(instance, f"{index:04d}")] < scrapes
    ]
