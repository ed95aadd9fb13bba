"""kill -9, again and again, under load: nothing that was appended is lost, and only what was in flight comes
twice.

NARTHEX_KILLS=50 for a long run of the kills with many requests in flight.
"""

import os
import threading
import time

import pytest

from parts.agent import IS_NARTHEX
from parts.custody import Custody
from parts.process import wait_until
from parts.receiver import LIFE, Answer

KILLS = 20
EXPORTERS = 6
SERIES = 400
# Requests in flight at once, and kills while so many are.
IN_FLIGHT = 2
MANY_IN_FLIGHT = 40
MANY_KILLS = int(os.environ.get("NARTHEX_KILLS", "4"))


def configuration(exporters, url, life, interval="250ms", in_flight=(IN_FLIGHT, IN_FLIGHT), samples=1000):
    """`in_flight`: requests at once, at least and at most."""
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": interval},
        "scrape_configs": [
            {
                "job_name": "load",
                "static_configs": [
                    {"targets": [exporter.address], "labels": {"instance": exporter.name}}
                    for exporter in exporters
                ],
            }
        ],
        "remote_write": [
            {
                "url": url,
                "headers": {LIFE: str(life)},
                "queue_config": {
                    "min_shards": in_flight[0],
                    "max_shards": in_flight[1],
                    "max_samples_per_send": samples,
                    "batch_send_deadline": "100ms",
                    "min_backoff": "20ms",
                    "max_backoff": "200ms",
                },
            }
        ],
    }


class Moment:
    """When the agent is killed: at a random time, or when a scrape or a request is being answered."""

    def __init__(self, kind, seconds):
        self.kind = kind
        self.seconds = seconds
        self.came = threading.Event()
        self.armed_at = time.monotonic() + seconds

    def is_due(self, kind):
        if self.kind == kind and time.monotonic() >= self.armed_at and not self.came.is_set():
            self.came.set()
            return True
        return False

    def wait(self):
        if self.kind == "time":
            time.sleep(self.seconds)
        else:
            assert self.came.wait(self.seconds + 30), f"no {self.kind} came to be killed in"


def settle(exporters, receiver):
    """Waits until nothing the dead agent sent is still being worked on, so that a life's traffic is its
    own.
    """
    wait_until(
        lambda: all(exporter.is_quiet() for exporter in exporters), 10, "end of the dead agent's scrapes"
    )
    wait_until(lambda: receiver.open_connections() == 0, 10, "end of the dead agent's requests")


@pytest.mark.timeout(300)
def test_kill_9_loses_nothing_that_was_appended(make_agent, receiver, load_exporter, seeded):
    exporters = [load_exporter(f"load:{index}", SERIES) for index in range(EXPORTERS)]
    moment = Moment("time", 0)

    def decide(received):
        """Mostly slow, sometimes failing; and never answering the request that the agent is killed in."""
        if moment.is_due("request"):
            return Answer(delay=0.3)
        chance = seeded.random()
        if chance < 0.05:
            return Answer(status=503, stores=False)
        if chance < 0.08:
            return Answer(stores=False, hangs_up=True)
        return Answer(delay=seeded.uniform(0, 0.06))

    def on_scrape():
        if moment.is_due("scrape"):
            time.sleep(0.1)

    receiver.decide = decide
    for exporter in exporters:
        exporter.on_scrape = on_scrape
    agent = make_agent(configuration(exporters, receiver.url, life=1))
    ends = {}

    def begin_life(life):
        agent.configure(configuration(exporters, receiver.url, life))
        for exporter in exporters:
            exporter.life = life
        # Every second life reads and writes checksums by the table, as on a processor without an instruction.
        agent.process.environment.pop("NARTHEX_PORTABLE", None)
        if life % 2 == 0:
            agent.process.environment["NARTHEX_PORTABLE"] = "1"
        agent.start(until_ready=False)

    kinds = [seeded.choice(["time", "request", "scrape"]) for _ in range(KILLS)]
    for life in range(1, KILLS + 1):
        # Early moments hit the start, where segments are repaired and cursors read; late ones hit the flow.
        moment = Moment(
            kinds[life - 1], seeded.choice([seeded.uniform(0.0, 0.4), seeded.uniform(0.4, 2.5)])
        )
        begin_life(life)
        moment.wait()
        assert agent.process.is_running(), f"the agent ended by itself in life {life}"
        agent.kill()
        ends[life] = time.monotonic()
        settle(exporters, receiver)

    receiver.decide = lambda received: Answer()
    moment = Moment("time", 0)
    begin_life(KILLS + 1)
    wait_until(agent.is_ready, 30, "ready agent")
    seen = len(receiver.requests)
    wait_until(lambda: len(receiver.requests) > seen + 10, 30, "flow of requests in the last life")
    if IS_NARTHEX:
        wait_until(lambda: is_drained(agent), 30, "empty buffer")
    assert agent.stop() == 0
    settle(exporters, receiver)

    custody = Custody({exporter.name: exporter for exporter in exporters}, receiver, IN_FLIGHT, ends)
    print(custody.summary(), "; kills in:", {kind: kinds.count(kind) for kind in sorted(set(kinds))})
    custody.assert_clean()
    assert (
        custody.resent_requests > 0
    ), "no kill hit a request in flight: the test has shown nothing about resending"


@pytest.mark.timeout(120 + 15 * MANY_KILLS)
def test_kill_9_with_many_requests_in_flight(make_agent, receiver, load_exporter, seeded):
    """The receiver is far away: twenty requests and more are in flight when the agent is killed, and they are
    answered in any order. A request holds a frame and a half, so frames stand in several.
    """
    targets, series, samples = 60, 30, 60
    exporters = [load_exporter(f"load:{index}", series) for index in range(targets)]
    agent = make_agent(configuration(exporters, receiver.url, life=1))
    receiver.decide = lambda received: Answer(delay=seeded.uniform(0.3, 0.9))
    flew, ends = [], {}
    for life in range(1, MANY_KILLS + 2):
        # Either as many as may at once, or as many as the distance asks for.
        in_flight = (seeded.choice([1, MANY_IN_FLIGHT]), MANY_IN_FLIGHT)
        agent.configure(configuration(exporters, receiver.url, life, "1s", in_flight, samples))
        for exporter in exporters:
            exporter.life = life
        if life > MANY_KILLS:
            receiver.decide = lambda received: Answer()
        agent.start(until_ready=False)
        if life > MANY_KILLS:
            break
        time.sleep(seeded.uniform(1.5, 3.5))
        assert agent.process.is_running(), f"the agent ended by itself in life {life}"
        flew.append(sum(not request.answered for request in receiver.requests if request.life == life))
        agent.kill()
        ends[life] = time.monotonic()
        settle(exporters, receiver)

    wait_until(agent.is_ready, 30, "ready agent")
    if IS_NARTHEX:
        wait_until(lambda: is_drained(agent, targets * (series + 40)), 60, "empty buffer")
    assert agent.stop() == 0
    settle(exporters, receiver)

    custody = Custody({exporter.name: exporter for exporter in exporters}, receiver, MANY_IN_FLIGHT, ends)
    print(custody.summary(), "; in flight at each kill:", flew)
    custody.assert_clean()
    assert max(flew) >= 20, "too few requests were in flight to show anything"
    assert custody.resent_requests >= 20, "too few requests were sent again to show anything"


def is_drained(agent, newest=EXPORTERS * (SERIES + 40)):
    """Whether little more than the newest scrapes is buffered: a fraction of a second of load."""
    from parts.ledger import read_ledger

    ledger = read_ledger(agent)
    return sum(entry.buffered for entry in ledger.values()) <= newest
