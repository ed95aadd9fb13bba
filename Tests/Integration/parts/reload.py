"""Configurations that change while an agent runs, and what a receiver got meanwhile."""

import urllib.error
import urllib.request

from .write_request import STALE_BITS

INTERVAL_MS = 1_000


def job(name, exporter, **more):
    return {"job_name": name, "static_configs": [{"targets": [exporter.address]}]} | more


def configuration(jobs, writes, **labels):
    return {
        "global": {
            "scrape_interval": "1s",
            "scrape_timeout": "900ms",
            "external_labels": {"site": "one"} | labels,
        },
        "scrape_configs": jobs,
        "remote_write": writes,
    }


def write(receiver, **more):
    return {"url": receiver.url, "queue_config": {"batch_send_deadline": "200ms"}} | more


def post(agent, path, method="POST"):
    """(status, text)"""
    request = urllib.request.Request(f"http://127.0.0.1:{agent.port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.read().decode()


def reloaded(agent, text):
    agent.configure(text)
    status, said = post(agent, "/-/reload")
    assert status == 200, said


def series(receiver, name, **labels):
    """{labels: {timestamp: bits}}, each sample once."""
    wanted = set(({"__name__": name} | labels).items())
    return {
        key: dict(samples) for key, samples in receiver.samples().items() if wanted <= set(dict(key).items())
    }


def markers(receiver, **labels):
    wanted = set(labels.items())
    return {
        dict(key)["__name__"]
        for key, samples in receiver.samples().items()
        if wanted <= set(dict(key).items()) and samples[-1][1] == STALE_BITS
    }


def assert_no_gap(samples, slack_ms=100):
    """No interval without a sample, and no stale marker. The longest gap, ms."""
    times = sorted(samples)
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    assert gaps and max(gaps) <= INTERVAL_MS + slack_ms, gaps
    assert not [at for at in times if samples[at] == STALE_BITS]
    return max(gaps)
