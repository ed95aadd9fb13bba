"""Remote write 2.0: what targets say in their different ways, and what becomes of it when they fall silent.
With the feature st-storage, so that OpenMetrics text tells when series began.
"""

import math
import struct
import time
from types import SimpleNamespace

import pytest

from parts.agent import IS_NARTHEX, Agent
from parts.exporters import TextExporter
from parts.process import wait_until
from parts.receiver import CountingReceiver
from parts.symbols import Requests, compiled, configuration, is_of_20, takes_20
from parts.write_request import STALE_BITS, value_bits
from test_histograms import INTEGER, PROTOBUF, BytesExporter, block, double, exemplar, family, label, number
from test_histograms import packed, signed, span, varint

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Debian's Prometheus does not speak 2.0")

CREATED_MS = 1_700_000_000_123
EXEMPLAR_MS = 1_700_000_001_250
TIMED_MS = int(time.time() * 1000) - 60_000
STEP_MS = 15_000

OPEN_METRICS = f"""\
# HELP requests Requests.
# TYPE requests counter
requests_total 5 # {{trace_id="plain"}} 1.5
requests_created {CREATED_MS / 1000}
# TYPE parts summary
parts{{quantile="0.5"}} 1
parts_sum 1
parts_count 1
parts_created {CREATED_MS / 1000}
# TYPE lengths histogram
lengths_bucket{{le="1.0"}} 0
lengths_bucket{{le="+Inf"}} 2
lengths_count 2
lengths_sum 9
lengths_created {CREATED_MS / 1000}
# TYPE build info
build_info{{version="1"}} 1
# TYPE state stateset
state{{state="on"}} 1
# TYPE sizes gaugehistogram
sizes_bucket{{le="+Inf"}} 1
sizes_gcount 1
sizes_gsum 2
# TYPE odd unknown
odd 3
# TYPE notation counter
notation_total 101.13
notation_created {CREATED_MS / 1000:.12e}
# TYPE steps gauge
steps 1 {TIMED_MS / 1000:.3f}
steps 2 {(TIMED_MS + STEP_MS) / 1000:.3f}
steps 3 {(TIMED_MS + 2 * STEP_MS) / 1000:.3f}
# EOF
"""

VALUES = {
    "whole": "42", "fraction": "123.45", "zero": "0", "negative": "-15.5", "infinite": "+Inf",
    "below": "-Inf", "none": "NaN", "large": "1.7976931348623157e+308", "small": "2.2250738585072014e-308",
    "precise": "0.123456789012345", "scientific": "1.23e-4",
}  # fmt: skip
PLAIN = "".join(f'value{{kind="{kind}"}} {text}\n' for kind, text in VALUES.items()) + (
    'a:colon{emoji="🚀",empty="",path="/a b?c=d&e"} 1\n'
    f'long_{"n" * 700}{{value="{"x" * 10_000}"}} 1\n'
    f"timed 1 {TIMED_MS}\n"
    'kept{job="own",instance="own"} 1\n'
)
OPEN_METRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
LEGACY = "text/plain; version=0.0.4; charset=utf-8"
UTF_8 = "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"


# Buckets below zero, none but the one around zero, no observation at all, and very many.
HISTOGRAMS = {
    "negative": number(1, 5) + double(2, -25) + signed(5, 3) + span(9, 5, 1) + packed(10, [5]),
    "zeros": number(1, 5) + double(2, 0) + signed(5, 3) + double(6, 1e-6) + number(7, 5),
    "empty": number(1, 0) + double(2, 0) + signed(5, 3) + span(12, 0, 0),
    "large": number(1, 10**9) + double(2, 5e9) + signed(5, 3) + span(12, 8, 1) + packed(13, [10**9]),
}


class Exporter(TextExporter):
    def __init__(self, text, content_type):
        super().__init__(text)
        self.content_type = content_type

    def answer(self, exchange):
        self.reply(exchange, self.text.encode(), self.content_type)


def histograms():
    return b"".join(family(name, 4, [block(7, content)]) for name, content in HISTOGRAMS.items())


def protobuf_body(has_changed):
    created = number(1, CREATED_MS // 1000) + number(2, CREATED_MS % 1000 * 1_000_000)
    native = block(
        7,
        number(1, 8) + double(2, 24.5) + signed(5, 0) + double(6, 1e-6) + number(7, 1)
        + span(12, 1, 1) + span(12, 1, 1) + packed(13, [4, -1]) + block(15, created)
        + exemplar(16, "native", 3.5, EXEMPLAR_MS),
    )  # fmt: skip
    stale = varint(1 << 3 | 1) + struct.pack("<Q", STALE_BITS)
    gauge = family("changing", 1, [block(2, double(1, 3))])
    return (
        family("native", 4, [native]) + (family("changing", 4, [INTEGER]) if has_changed else gauge)
        + family("posing", 1, [label("kind", "x") + block(2, stale)]) + histograms()
    )  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("remote_write_2_targets")
    receiver = CountingReceiver().start()
    receiver.decide = takes_20
    open_metrics = Exporter(OPEN_METRICS, OPEN_METRICS_TYPE).start()
    plain = Exporter(PLAIN, LEGACY).start()
    utf_8 = Exporter('{"http.requests","label.é"="x"} 1\n', UTF_8).start()
    protobuf = BytesExporter(PROTOBUF)
    protobuf.body = protobuf_body(has_changed=False)
    classic = BytesExporter(PROTOBUF)
    classic.body = histograms()
    settings = configuration(
        receiver.url,
        {
            "om": (open_metrics.address, {}),
            "plain": (plain.address, {}),
            "utf8": (utf_8.address, {}),
            "proto": (protobuf.address, {"scrape_native_histograms": True}),
            # Native histograms, read as the classic ones that they are as well.
            "classic": (classic.address, {"scrape_protocols": ["PrometheusProto"]}),
        },
        send_native_histograms=True,
        send_exemplars=True,
    )
    agent = Agent(folder / "agent", folder / "agent.log", settings, flags=["--enable-feature=st-storage"])
    try:
        agent.start()
        decoded = compiled(folder)

        def requests():
            received = [one for one in receiver.requests if one.answered]
            return Requests(decoded, received) if any(map(is_of_20, received)) else None

        def has(name, **labels):
            found = requests()
            return found and len(found.named(name, **labels)) >= 2

        names = ["requests_total", "value", "http.requests", "changing", "large_count"]
        wait_until(lambda: all(map(has, names)), 30, "scraped series")
        plain.text = "???\n"
        protobuf.body = protobuf_body(has_changed=True)

        def has_turned():
            found = requests()
            ups = [s.value for one, _ in found.named("up", job="plain") for s in one.samples]
            return 0 in ups and any(one.histograms for one, _ in found.named("changing"))

        wait_until(has_turned, 30, "a failed scrape and a histogram")
        assert agent.stop() == 0
        yield SimpleNamespace(folder=folder, requests=requests(), agent=agent)
    finally:
        if agent.process.is_running():
            agent.kill()
        for part in (receiver, open_metrics, plain, utf_8, protobuf, classic):
            part.stop()


def samples(running, name, **labels):
    found = [s for one, _ in running.requests.named(name, **labels) for s in one.samples]
    assert found, f"no sample of {name} came"
    return sorted(found, key=lambda sample: sample.timestamp)


@pytest.mark.parametrize(
    "name",
    [
        "requests_total", "notation_total", "parts", "parts_sum", "parts_count", "lengths_bucket",
        "lengths_count", "lengths_sum",
    ],
)  # fmt: skip
def test_open_metrics_tells_when_series_began(running, name):
    assert {sample.start_timestamp for sample in samples(running, name, job="om")} == {CREATED_MS}


def test_no_series_began_after_its_sample(running):
    starts = [
        (sample.start_timestamp, sample.timestamp)
        for _, one, _ in running.requests.series()
        for sample in list(one.samples) + list(one.histograms)
        if sample.start_timestamp
    ]
    assert starts and all(start <= at for start, at in starts)


def test_what_tells_of_others_is_no_series_and_no_sample_is_added(running):
    assert not [dict(labels) for labels, _, _ in running.requests.series() if "_created" in str(labels)]
    assert {sample.value for sample in samples(running, "requests_total")} == {5}


def test_native_histograms_tell_when_they_began(running):
    found = {h.start_timestamp for one, _ in running.requests.named("native") for h in one.histograms}
    assert found == {CREATED_MS}


def test_an_exemplar_without_a_time_has_its_samples(running):
    found = [
        (exemplar, sample)
        for one, _ in running.requests.named("requests_total")
        for exemplar in one.exemplars
        for sample in one.samples
    ]
    assert found
    for one, sample in found:
        assert (one.value, one.timestamp) == (1.5, sample.timestamp)


def test_exemplars_stand_beside_native_histograms(running):
    found = {
        (one.value, one.timestamp, Requests.labels(one.labels_refs, message))
        for series, message in running.requests.named("native")
        for one in series.exemplars
    }
    assert found == {(3.5, EXEMPLAR_MS, (("trace_id", "native"),))}


@pytest.mark.parametrize(
    "name, job, kind",
    [
        ("parts", "om", 5), ("parts_count", "om", 5), ("lengths_bucket", "om", 3), ("build_info", "om", 6),
        ("state", "om", 7), ("sizes_bucket", "om", 4), ("odd", "om", 0), ("up", "om", 2),
        ("scrape_duration_seconds", "om", 2), ("value", "plain", 0), ("native", "proto", 3),
    ],
)  # fmt: skip
def test_series_have_the_type_of_their_family(running, name, job, kind):
    assert {one.metadata.type for one, _ in running.requests.named(name, job=job)} == {kind}


@pytest.mark.parametrize(
    "name, count, total, zeros, below, above",
    [
        ("negative", 5, -25, 0, [(5, 1, 5)], []),
        ("zeros", 5, 0, 5, [], []),
        ("empty", 0, 0, 0, [], []),
        ("large", 10**9, 5e9, 0, [], [(8, 1, 10**9)]),
    ],
)
def test_native_histograms_of_every_kind_arrive(running, name, count, total, zeros, below, above):
    """`below` and `above`: offset, length and first delta of the spans on either side of zero."""
    found = [
        histogram
        for one, _ in running.requests.named(name, job="proto")
        for histogram in one.histograms
        if value_bits(histogram.sum) != STALE_BITS
    ]
    assert found
    for one in found:
        assert (one.count_int, one.sum, one.schema, one.zero_count_int) == (count, total, 3, zeros)
        spans = [
            [(span.offset, span.length, delta) for span, delta in zip(spans, deltas) if span.length]
            for spans, deltas in [
                (one.negative_spans, one.negative_deltas), (one.positive_spans, one.positive_deltas),
            ]
        ]  # fmt: skip
        assert spans == [below, above]
        assert abs(one.timestamp / 1000 - time.time()) < 600


@pytest.mark.parametrize(
    "name, count, total",
    [("negative", 5, -25), ("zeros", 5, 0), ("empty", 0, 0), ("large", 10**9, 5e9)],
)
def test_native_histograms_are_classic_ones_where_they_are_not_asked_for(running, name, count, total):
    assert not running.requests.named(name, job="classic")
    for suffix, expected in [("count", count), ("sum", total), ("bucket", count)]:
        assert {one.value for one in samples(running, f"{name}_{suffix}", job="classic")} == {expected}


def test_a_series_may_change_from_samples_to_histograms(running):
    series = [one for one, _ in running.requests.named("changing")]
    assert all(bool(one.samples) != bool(one.histograms) for one in series)
    last = max(sample.timestamp for one in series for sample in one.samples)
    assert last < min(histogram.timestamp for one in series for histogram in one.histograms)


def test_a_scrape_that_fails_ends_its_series(running):
    fault = next(sample for sample in samples(running, "up", job="plain") if sample.value == 0)
    for kind in VALUES:
        ends = [value_bits(s.value) == STALE_BITS for s in samples(running, "value", kind=kind)]
        assert ends == [False] * (len(ends) - 1) + [True]
    assert samples(running, "value", kind="zero")[-1].timestamp == fault.timestamp


def test_a_series_whose_target_tells_the_time_gets_no_marker(running):
    assert {(sample.timestamp, sample.value) for sample in samples(running, "timed")} == {(TIMED_MS, 1)}


def test_a_series_with_several_samples_in_a_scrape_has_them_in_the_order_of_time(running):
    found = [(s.timestamp, s.value) for one, _ in running.requests.named("steps") for s in one.samples]
    assert found == [(TIMED_MS + step * STEP_MS, step + 1) for step in range(3)]


@pytest.mark.parametrize("kind", VALUES)
def test_values_are_those_of_the_target(running, kind):
    expected = float(VALUES[kind])
    found = samples(running, "value", kind=kind)[:-1]
    assert found
    for sample in found:
        assert sample.value == expected or (math.isnan(expected) and math.isnan(sample.value))


def test_the_bits_of_a_marker_from_a_target_are_none(running):
    found = samples(running, "posing", kind="x")
    assert {value_bits(sample.value) for sample in found[:-1]} == {0x7FF8000000000001}


def own_labels(running, job):
    return {
        tuple((name, value) for name, value in labels if name not in ("instance", "job", "zone"))
        for labels, _, _ in running.requests.series()
        if dict(labels)["job"] == job
    }


def test_utf_8_stands_as_the_target_writes_it(running):
    assert (("__name__", "http.requests"), ("label.é", "x")) in own_labels(running, "utf8")
    assert (("__name__", "a:colon"), ("emoji", "🚀"), ("path", "/a b?c=d&e")) in own_labels(running, "plain")


def test_long_names_and_values_are_whole(running):
    long = [labels for labels in own_labels(running, "plain") if labels[0][1].startswith("long_")]
    assert [(len(name), len(value)) for name, value in long[0]] == [(8, 705), (5, 10_000)]


def test_labels_of_a_target_do_not_displace_those_of_the_job(running):
    assert (
        ("__name__", "kept"), ("exported_instance", "own"), ("exported_job", "own"),
    ) in own_labels(running, "plain")  # fmt: skip
