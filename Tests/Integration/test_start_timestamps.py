"""`--enable-feature=created-timestamp-zero-ingestion`: series begin with a sample of 0, with
prometheus_client as exporter, a hand-made one for native histograms, and Debian's Prometheus as receiver.
"""

import time

import prometheus_client
import pytest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from parts.agent import IS_NARTHEX
from parts.process import wait_until
from test_histograms import NATIVE, PROTOBUF, BytesExporter, block, configuration, double, family, number
from test_histograms import packed, signed, span

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Debian's Prometheus is too old for it")

FEATURE = ("--enable-feature=created-timestamp-zero-ingestion",)


class Application:
    """prometheus_client, exposed as OpenMetrics; `restart` is what a new process would show."""

    def __init__(self, parts):
        self.exporter = BytesExporter(CONTENT_TYPE_LATEST)
        parts.callback(self.exporter.stop)
        self.restart()

    def restart(self):
        registry = prometheus_client.CollectorRegistry()
        requests = prometheus_client.Counter("requests", "Requests.", ["code"], registry=registry)
        requests.labels("200").inc(7)
        requests.labels("500").inc(2)
        prometheus_client.Histogram("seconds", "Seconds.", buckets=(1, 2), registry=registry).observe(1.5)
        prometheus_client.Summary("bytes", "Bytes.", registry=registry).observe(9)
        prometheus_client.Gauge("queue", "Queue.", registry=registry).set(3)
        self.exporter.body = generate_latest(registry)
        self.created = {}
        for metric in registry.collect():
            for sample in metric.samples:
                if sample.name.endswith("_created"):
                    self.created[metric.name, sample.labels.get("code")] = int(sample.value * 1000)

    def created_of(self, labels):
        name = labels["__name__"]
        for suffix in ("_total", "_bucket", "_count", "_sum"):
            name = name.removesuffix(suffix)
        return self.created[name, labels.get("code")]


@pytest.fixture
def application(parts):
    return Application(parts)


def series(prometheus):
    """{name and labels: samples} of what the application exposes itself."""
    return {
        labels: samples
        for labels, samples in prometheus.raw('{job="py",__name__!~"up|scrape_.*"}').items()
    }


def zeros(samples):
    return [at for at, value in samples if value == 0]


def has_scraped(prometheus, scrapes):
    return wait_until(
        lambda: all(len(s) >= scrapes for s in prometheus.raw('up{job="py"}').values() or [[]]), 20, "scrapes"
    )


def test_series_begin_with_zero_once(make_agent, make_prometheus, application):
    prometheus = make_prometheus()
    agent = make_agent(
        configuration(prometheus.write_url, {"py": (application.exporter.address, {})}), flags=FEATURE
    ).start()
    has_scraped(prometheus, 3)
    assert application.exporter.asked.startswith("application/vnd.google.protobuf")
    found = series(prometheus)
    names = {dict(labels)["__name__"] for labels in found}
    assert names == {
        "requests_total", "seconds_bucket", "seconds_count", "seconds_sum", "bytes_count", "bytes_sum",
        "queue",
    }  # fmt: skip
    for labels, samples in found.items():
        labels = dict(labels)
        if labels["__name__"] == "queue":
            assert all(value == 3 for _, value in samples)
            continue
        created = application.created_of(labels)
        assert samples[0] == (created, 0)
        if labels.get("le") != "1.0":  # which has counted nothing
            assert zeros(samples) == [created]
    # What was counted before the first scrape is seen.
    increase = prometheus.ask(query='sum(increase(requests_total[5m]))')
    assert float(increase[0]["value"][1]) > 8

    # The application begins anew, and so do its series.
    first = dict(application.created)
    time.sleep(0.01)
    application.restart()
    assert all(application.created[key] > first[key] for key in first)
    requests = 'requests_total{code="200"}'

    def begun_twice():
        samples = next(iter(prometheus.raw(requests).values()))
        return samples if len(zeros(samples)) == 2 else None

    samples = wait_until(begun_twice, 20, "a second zero")
    assert zeros(samples) == [first["requests", "200"], application.created["requests", "200"]]

    # A restart of the agent tells nothing anew.
    assert agent.stop() == 0
    before = len(next(iter(prometheus.raw('up{job="py"}').values())))
    agent.start()
    has_scraped(prometheus, before + 2)
    assert len(zeros(next(iter(prometheus.raw(requests).values())))) == 2
    assert not agent.log_lines("out of order|HTTP status 4")
    assert agent.stop() == 0


def test_without_the_feature_created_is_a_series(make_agent, make_prometheus, application):
    prometheus = make_prometheus()
    agent = make_agent(
        configuration(prometheus.write_url, {"py": (application.exporter.address, {})}),
        flags=("--enable-feature=metadata-wal-records,no-such-feature",),
    ).start()
    has_scraped(prometheus, 2)
    assert application.exporter.asked.startswith("application/openmetrics-text")
    found = prometheus.raw('requests_created{code="200"}')
    assert len(found) == 1
    assert not zeros(next(iter(prometheus.raw('requests_total{code="200"}').values())))
    assert agent.log_lines("level=WARN.*no-such-feature is not known")
    assert agent.log_lines("level=WARN.*metadata-wal-records does nothing")
    assert agent.stop() == 0


def test_native_histograms_begin_empty(make_agent, make_prometheus, parts):
    prometheus = make_prometheus(flags=NATIVE)
    exporter = BytesExporter(PROTOBUF)
    parts.callback(exporter.stop)
    created_ms = int(time.time() * 1000) - 1500
    start = number(1, created_ms // 1000) + number(2, created_ms % 1000 * 1_000_000)
    histogram = block(
        7,
        number(1, 8) + double(2, 24.5) + signed(5, 0) + double(6, 1e-6) + number(7, 1)
        + span(12, 1, 1) + span(12, 1, 1) + packed(13, [4, -1]) + block(15, start),
    )  # fmt: skip
    exporter.body = family("h", 4, [histogram])
    agent = make_agent(
        configuration(
            prometheus.write_url,
            {"native": (exporter.address, {"scrape_native_histograms": True})},
            send_native_histograms=True,
        ),
        flags=FEATURE,
    ).start()
    # Two frames of one target are two requests: the one that begins it comes first.
    wait_until(
        lambda: [found["value"][1] for found in prometheus.ask(query="histogram_count(h)")] == ["8"],
        20,
        "a native histogram",
    )
    count = prometheus.instant("histogram_count(h)", created_ms)
    assert list(count.values()) == [0]
    assert not prometheus.instant("histogram_count(h)", created_ms - 1)
    assert agent.stop() == 0


def test_a_scrape_by_hand_knows_the_feature(make_child, make_agent, application):
    agent = make_agent(
        configuration("http://127.0.0.1:1/", {"py": (application.exporter.address, {})})
    )
    url = f"http://{application.exporter.address}/metrics"
    shown = {}
    for name, flags in {"plain": (), "feature": FEATURE}.items():
        child = make_child(
            name,
            ["narthex", "scrape", url, f"--config.file={agent.configuration_file}", "--limit=100", *flags],
        )
        assert child.process.wait(20) == 0
        shown[name] = child.log_text()
    assert "requests_created" in shown["plain"]
    assert "_created" not in shown["feature"] and "requests_total" in shown["feature"]
