"""Jobs, labels and destinations that change while the agent runs."""

import copy
import os
import re
import time

import pytest

from parts.exposition import from_bits
from parts.ledger import assert_balanced, read_ledger
from parts.process import wait_until
from parts.receiver import Answer, CountingReceiver
from parts.reload import (
    INTERVAL_MS,
    assert_no_gap,
    configuration,
    job,
    markers,
    reloaded,
    series,
    write,
)
from parts.write_request import STALE_BITS


@pytest.fixture
def more_receivers(parts):
    def make():
        receiver = CountingReceiver().start()
        parts.callback(receiver.stop)
        return receiver

    return make


def test_only_what_changed_is_touched(make_agent, receiver, text_exporter):
    kept, gone, fresh = (text_exporter(f"{name} 1\nother 2\n") for name in ("kept", "gone", "fresh"))
    relabelled = text_exporter("stays 1\nleaves 2\n")
    agent = make_agent(
        configuration(
            [job("kept", kept), job("gone", gone), job("relabelled", relabelled)], [write(receiver)]
        ),
        flags=["--web.enable-lifecycle"],
    ).start()
    wait_until(lambda: series(receiver, "gone") and series(receiver, "leaves"), 20, "first samples")
    wait_until(lambda: kept.scrapes >= 3, 20, "three scrapes")
    drop = [{"source_labels": ["__name__"], "regex": "leaves", "action": "drop"}]
    reloaded(
        agent,
        configuration(
            [
                job("kept", kept),
                job("fresh", fresh),
                job("relabelled", relabelled, metric_relabel_configs=drop),
            ],
            [write(receiver)],
        ),
    )
    assert agent.metric("prometheus_config_last_reload_successful") == 1
    assert agent.metric("prometheus_target_reload_length_seconds_count") == 1
    wait_until(lambda: series(receiver, "fresh"), 20, "samples of the new job")
    wait_until(lambda: markers(receiver, job="gone") >= {"gone", "other", "up"}, 20, "stale markers")
    wait_until(lambda: markers(receiver, job="relabelled") == {"leaves"}, 20, "marker of the dropped")
    seen = kept.scrapes
    wait_until(lambda: kept.scrapes >= seen + 3, 20, "three scrapes more")
    wait_until(lambda: not [key for key in agent.metrics() if ("scrape_job", "gone") in key[1]], 20, "end")
    assert_balanced(read_ledger(agent))
    assert agent.stop() == 0
    (samples,) = series(receiver, "kept").values()
    assert_no_gap(samples)
    # One phase all the time.
    assert len({at % INTERVAL_MS // 50 for at in samples}) <= 2
    assert not markers(receiver, job="kept")


def test_a_job_that_shares_series_comes_back_in_order(make_agent, receiver, text_exporter):
    pushed = text_exporter('pushed{job="batch",instance=""} 1\n')
    kept = job("kept", text_exporter("a 1\n"))
    gateway = job("gateway", pushed, honor_labels=True, scrape_interval="2s")
    agent = make_agent(
        configuration([kept, gateway], [write(receiver)]), flags=["--web.enable-lifecycle"]
    ).start()
    wait_until(lambda: series(receiver, "pushed"), 20, "samples")
    for name in ("gateway", "renamed"):
        reloaded(agent, configuration([kept], [write(receiver)]))
        wait_until(lambda: "pushed" in markers(receiver), 20, "the marker, at once")
        reloaded(agent, configuration([kept, gateway | {"job_name": name}], [write(receiver)]))
        wait_until(lambda: "pushed" not in markers(receiver), 20, "samples again")
    time.sleep(5)
    assert agent.stop() == 0
    (samples,) = [found for key, found in receiver.samples().items() if ("__name__", "pushed") in key]
    times = [at for at, _ in samples]
    assert times == sorted(times)
    assert [bits for _, bits in samples].count(STALE_BITS) == 2


def test_other_external_labels_are_other_series(make_agent, receiver, text_exporter):
    jobs = [job("j", text_exporter("a 1\n"))]
    agent = make_agent(configuration(jobs, [write(receiver)]), flags=["--web.enable-lifecycle"]).start()
    wait_until(lambda: series(receiver, "a", site="one"), 20, "samples")
    reloaded(agent, configuration(jobs, [write(receiver)], site="two"))
    wait_until(lambda: series(receiver, "a", site="two"), 20, "samples of the new series")
    wait_until(lambda: markers(receiver, site="one") >= {"a", "up"}, 20, "stale markers")
    assert agent.stop() == 0
    assert not markers(receiver, site="two")


def test_destinations_come_go_and_keep_their_cursors(make_agent, receiver, text_exporter, more_receivers):
    late, moved = more_receivers(), more_receivers()
    exporter = text_exporter("a 1\nb 2\n")
    jobs = [job("j", exporter)]
    agent = make_agent(configuration(jobs, [write(receiver)]), flags=["--web.enable-lifecycle"]).start()
    wait_until(lambda: series(receiver, "a"), 20, "samples")
    drop = [{"source_labels": ["__name__"], "regex": "b", "action": "drop"}]
    both = [write(receiver, write_relabel_configs=drop), write(late, name="late")]
    begun_ms = time.time() * 1000
    reloaded(agent, configuration(jobs, both))
    wait_until(lambda: series(late, "b"), 20, "samples at the new destination")
    assert min(min(samples) for samples in series(late, "b").values()) >= begun_ms - INTERVAL_MS
    count = len(next(iter(series(receiver, "b").values())))
    seen = exporter.scrapes
    wait_until(lambda: exporter.scrapes >= seen + 3, 20, "three scrapes more")
    assert len(next(iter(series(receiver, "b").values()))) <= count + 2
    # The first is away and its backlog grows; its URL changes, and what waits goes there.
    receiver.stop()
    seen = exporter.scrapes
    wait_until(lambda: exporter.scrapes >= seen + 3, 20, "a backlog")
    both[0]["url"] = moved.url
    reloaded(agent, configuration(jobs, both))
    assert agent.log_lines("what is buffered for the old one goes to the new one")
    wait_until(lambda: len(next(iter(series(moved, "a").values()), ())) >= 3, 20, "the backlog")
    samples = {}
    for place in (receiver, moved):
        for found in series(place, "a").values():
            samples |= found
    assert_no_gap(samples)
    # It is removed: nothing waits for it.
    reloaded(agent, configuration(jobs, both[1:]))
    assert agent.log_lines("a destination is no longer configured")
    assert {name for name, _ in read_ledger(agent)} == {"late"}
    assert not [key for key in agent.metrics() if ("url", moved.url) in key[1]]
    assert agent.stop() == 0
    (samples,) = series(late, "a").values()
    assert_no_gap(samples)


def test_what_waits_for_a_destination_that_is_gone_is_said(
    make_agent, receiver, text_exporter, more_receivers
):
    """Renamed with a reload its samples are not sent. The line says how to have them sent, and that is so."""
    kept = write(more_receivers(), name="kept")
    receiver.decide = lambda received: Answer(status=503, stores=False)
    jobs = [job("j", text_exporter("a 1\n"))]
    before = configuration(jobs, [kept, write(receiver, name="away")])
    agent = make_agent(before, flags=["--web.enable-lifecycle"]).start()

    def samples(kind, name):
        family = f"narthex_ledger_{kind}"
        return sum(
            value
            for (found, labels), value in agent.metrics().items()
            if found == family and ("remote_name", name) in labels
        )

    def retired(name):
        (line,) = (
            line
            for line in agent.log_lines("a destination is no longer configured")
            if f"remote_name={name} " in line + " "
        )
        assert "level=WARN" in line, line
        return line

    wait_until(lambda: samples("buffered_samples", "away") > 10, 20, "a backlog")
    reloaded(agent, configuration(jobs, [kept, write(receiver, name="other")]))
    line = retired("away")
    assert "are not sent to it any more" in line and "give the entry its former name back" in line, line
    backlog = int(re.search(r"\bsamples=(\d+)", line)[1])
    assert backlog > 10
    wait_until(lambda: samples("buffered_samples", "other") > 0, 20, "samples of the new name")
    agent.kill()
    receiver.decide = lambda received: Answer()
    agent.configure(before)
    agent.start()
    line = retired("other")
    assert "go to the destinations that are new at this start" in line and "new=away" in line, line
    wait_until(lambda: samples("delivered_samples_total", "away") > backlog, 20, "what waited before")
    assert agent.stop() == 0


# NARTHEX_RELOADS=1000 for a long run.
RELOADS = int(os.environ.get("NARTHEX_RELOADS", "100"))


@pytest.mark.timeout(120 + RELOADS)
def test_a_hundred_reloads_under_load(make_agent, receiver, text_exporter, more_receivers):
    second = more_receivers()
    untouched = [text_exporter("".join(f'm{{n="{n}"}} 1\n' for n in range(500))) for _ in range(8)]
    flickering = text_exporter("".join(f'f{{n="{n}"}} 1\n' for n in range(200)))
    jobs = [job(f"kept{number}", exporter) for number, exporter in enumerate(untouched)]
    base = configuration(jobs, [write(receiver)])
    agent = make_agent(base, flags=["--web.enable-lifecycle", "--log.level=info"]).start()
    wait_until(lambda: all(exporter.scrapes >= 3 for exporter in untouched), 30, "scrapes")

    def round_of(number, **labels):
        """Each changes several things; every name and value comes back after some rounds."""
        changed = copy.deepcopy(jobs)
        extra = [{"target_label": "round", "replacement": str(number % 6)}]
        interval = {"scrape_interval": f"{1 + number % 2}s"}
        changed.append(job("flickering", flickering, metric_relabel_configs=extra, **interval))
        if number % 3 == 0:
            changed.append(job(f"once{number % 12}", flickering, honor_labels=number % 2 == 0))
        writes = [write(receiver, remote_timeout=f"{20 + number % 7}s")]
        if number % 4 == 1:
            writes.append(write(second, name="second", write_relabel_configs=extra))
        reloaded(agent, configuration(changed, writes, **labels))
        time.sleep(0.15)

    def rest():
        """The resident memory once nothing of former configurations is left, without a request that is being
        made: the least of three seconds.
        """
        reloaded(agent, base)
        seen = untouched[0].scrapes
        wait_until(lambda: untouched[0].scrapes >= seen + 6, 30, "scrapes more")
        assert not [key for key in agent.metrics() if ("scrape_job", "flickering") in key[1]]
        assert_balanced(read_ledger(agent))
        least = agent.process.rss_bytes()
        for _ in range(30):
            time.sleep(0.1)
            least = min(least, agent.process.rss_bytes())
        return least

    for number in range(48):
        round_of(number, **({"site": f"warm{number % 2}"} if number % 8 == 0 else {}))
    before = rest()
    begun_ms = time.time() * 1000
    for number in range(RELOADS):
        round_of(number)
    ended_ms = time.time() * 1000
    # Other external labels touch every job.
    for number in range(RELOADS // 5):
        round_of(number, site=f"other{number % 2}")
    after = rest()
    print(f"RSS before {before >> 10} KiB, after {after >> 10} KiB: {after / before - 1:+.1%}")
    assert agent.stop() == 0
    found = series(receiver, "m", site="one")
    assert len(found) == 500 * len(untouched)
    gaps = []
    for samples in found.values():
        inside = {at: bits for at, bits in samples.items() if begun_ms <= at <= ended_ms}
        gaps.append(assert_no_gap(inside))
        assert {from_bits(bits) for bits in inside.values()} == {1.0}
    print(f"{RELOADS} reloads in {(ended_ms - begun_ms) / 1000:.0f} s, longest gap {max(gaps)} ms")
    assert after <= before * 1.05
