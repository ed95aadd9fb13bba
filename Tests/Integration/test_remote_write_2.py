"""Remote write 2.0 to its specification (release candidate 4), one case for each demand on a sender. The
decoder is made by protoc. A run in which no request of 2.0 came fails everywhere.
"""

import re
import struct
import time
from dataclasses import replace
from types import SimpleNamespace

import cramjam
import pytest

from parts.agent import IS_NARTHEX, Agent, program
from parts.exporters import TextExporter
from parts.process import ChildProcess, wait_until
from parts.receiver import CountingReceiver
from parts.symbols import CONTENT_TYPE, MESSAGE, Requests, compiled, configuration, is_of_20, takes_20
from parts.write_request import STALE_BITS, value_bits
from test_histograms import FLOAT, INTEGER, PROTOBUF, BytesExporter, block, double, family, label, number

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Debian's Prometheus does not speak 2.0")

OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

TEXT = (
    "# HELP requests_seconds Requests, in \\\\ and \\n.\n"
    "# TYPE requests_seconds counter\n"
    "# UNIT requests_seconds seconds\n"
    'requests_seconds_total{code="200",path="/é"} 7 # {trace_id="abc"} 0.5 1700000000.25\n'
    'requests_seconds_total{code="500"} 0\n'
    "# HELP queue Queue.\n"
    "# TYPE queue gauge\n"
    "queue NaN\n"
    "# TYPE sizes histogram\n"
    'sizes_bucket{le="1.0"} 1\n'
    'sizes_bucket{le="+Inf"} 3\n'
    "sizes_sum 9.5\n"
    "sizes_count 3\n"
    "# TYPE leaves gauge\n"
    "leaves 4\n"
    "# EOF\n"
)


class OpenMetricsExporter(TextExporter):
    """The same text, as OpenMetrics."""

    def answer(self, exchange):
        self.reply(exchange, self.text.encode(), OPEN_METRICS)


CREATED_MS = 1_700_000_000_123


def protobuf_body():
    created = number(1, CREATED_MS // 1000) + number(2, CREATED_MS % 1000 * 1_000_000)
    counter = label("kind", "x") + block(3, double(1, 3) + block(3, created))
    return (
        family("native", 4, [INTEGER, label("kind", "float") + FLOAT]) + family("events", 0, [counter])
    )


def together(received):
    """How many of these requests were on their way at the same time, at most."""
    spans = [(one.arrived, one.arrived + one.answer.delay) for one in received if one.answered]
    return max((sum(begin <= at < end for begin, end in spans) for at, _ in spans), default=0)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """One run of some seconds, whose requests the cases look at. A series and a target leave in it."""
    folder = tmp_path_factory.mktemp("remote_write_2")
    receiver = CountingReceiver().start()
    # Answers of different lengths, so that requests are on their way together.
    receiver.decide = lambda received: replace(takes_20(received), delay=0.2 + received.number % 5 * 0.2)
    text = OpenMetricsExporter(TEXT).start()
    gone = TextExporter("gone 1\n").start()
    # One scrape of it is several requests, which may be on their way together.
    large = TextExporter("".join(f'large{{n="{n}"}} 1\n' for n in range(80))).start()
    protobuf = BytesExporter(PROTOBUF)
    protobuf.body = protobuf_body()
    targets = folder / "targets.json"
    targets.write_text(f'[{{"targets": ["{gone.address}"]}}]')
    settings = configuration(
        receiver.url,
        {
            "text": (text.address, {}),
            "custom": (
                text.address,
                {"convert_classic_histograms_to_nhcb": True, "scrape_native_histograms": True},
            ),
            "proto": (protobuf.address, {"scrape_native_histograms": True}),
            "large": (large.address, {}),
        },
        send_native_histograms=True,
        send_exemplars=True,
        queue_config={"batch_send_deadline": "200ms", "min_shards": 4, "max_samples_per_send": 20},
    )
    settings["scrape_configs"].append(
        {
            "job_name": "gone",
            "file_sd_configs": [{"files": [str(targets)], "refresh_interval": "1s"}],
        }
    )
    agent = Agent(folder / "agent", folder / "agent.log", settings).start()
    try:
        decoded = compiled(folder)

        def has(name, count, **labels):
            received = [one for one in receiver.requests if one.answered]
            if not any(map(is_of_20, received)):
                return False
            return len(Requests(decoded, received).named(name, **labels)) >= count

        wait_until(lambda: has("leaves", 2) and has("native", 4) and has("gone", 2), 30, "scraped series")
        text.text = TEXT.replace("# TYPE leaves gauge\nleaves 4\n", "")
        targets.write_text("[]")

        def has_ended(name):
            samples = [
                sample
                for one, _ in Requests(decoded, receiver.requests).named(name)
                for sample in one.samples
            ]
            return any(value_bits(sample.value) == STALE_BITS for sample in samples)

        wait_until(lambda: has_ended("leaves") and has_ended("gone"), 30, "stale markers")
        wait_until(lambda: together(receiver.requests) >= 3, 30, "requests on their way together")
        assert agent.stop() == 0
        yield SimpleNamespace(
            folder=folder,
            received=receiver.requests,
            requests=Requests(decoded, receiver.requests),
            agent=agent,
            text=text,
        )
    finally:
        if agent.process.is_running():
            agent.kill()
        for part in (receiver, text, gone, protobuf, large):
            part.stop()


# The protocol.


def test_requests_are_posts_to_the_url(running):
    assert {(one.method, one.path) for one in running.received} == {("POST", "/api/v1/write")}


def test_every_request_is_of_20(running):
    assert all(map(is_of_20, running.received))


@pytest.mark.parametrize(
    "name, value",
    [
        ("Content-Encoding", "snappy"),
        ("Content-Type", CONTENT_TYPE),
        ("X-Prometheus-Remote-Write-Version", "2.0.0"),
    ],
)
def test_reserved_headers_are_sent(running, name, value):
    assert {one.header(name) for one in running.requests.received} == {value}
    assert all(
        [key.lower() for key, _ in one.headers].count(name.lower()) == 1 for one in running.received
    )


def test_the_user_agent_has_name_and_version(running):
    for one in running.requests.received:
        assert re.fullmatch(r"[!#$%&'*+.^_`|~\w-]+(/[!#$%&'*+.^_`|~\w-]+)( .*)?", one.header("User-Agent"))


@pytest.mark.parametrize(
    "name", ["Content-Encoding", "Content-Type", "X-Prometheus-Remote-Write-Version", "User-Agent"]
)
@pytest.mark.parametrize("key, value", [("headers", "x"), ("http_headers", "{values: [x]}")])
def test_reserved_headers_cannot_be_configured(tmp_path, name, key, value):
    path = tmp_path / "narthex.yml"
    path.write_text(
        "remote_write:\n"
        f"- {{url: 'http://127.0.0.1:1/', protobuf_message: {MESSAGE}, {key}: {{{name}: {value}}}}}\n"
    )
    child = ChildProcess("check", [program("narthex"), "check-config", path], tmp_path / "check.log").start()
    assert child.process.wait(20) != 0
    assert name.lower() in child.log_text().lower()


def test_bodies_are_snappy_blocks(running):
    for one in running.requests.received:
        assert cramjam.snappy.decompress_raw(one.body)
        with pytest.raises(Exception):
            cramjam.snappy.decompress(one.body)  # the framed format


# Symbols.


def references(message):
    for one in message.timeseries:
        yield from one.labels_refs
        yield from (one.metadata.help_ref, one.metadata.unit_ref)
        for exemplar in one.exemplars:
            yield from exemplar.labels_refs


def test_the_first_symbol_is_empty(running):
    assert all(message.symbols[0] == "" for message in running.requests.messages)


def test_symbols_are_there_once(running):
    for message in running.requests.messages:
        assert len(set(message.symbols)) == len(message.symbols)


def test_references_are_in_the_table_and_all_of_it_is_used(running):
    for message in running.requests.messages:
        assert set(references(message)) | {0} == set(range(len(message.symbols)))


# Series.


def test_references_of_labels_come_in_pairs(running):
    for message in running.requests.messages:
        for one in message.timeseries:
            assert one.labels_refs and len(one.labels_refs) % 2 == 0
            for exemplar in one.exemplars:
                assert len(exemplar.labels_refs) % 2 == 0


def test_labels_are_sorted_unique_and_not_empty(running):
    for labels, _, _ in running.requests.series():
        names = [name.encode() for name, _ in labels]
        assert names == sorted(set(names))
        assert all(name and value for name, value in labels)


def test_every_series_has_a_name_and_all_its_labels(running):
    for labels, _, _ in running.requests.series():
        assert {"__name__", "instance", "job", "zone"} <= dict(labels).keys()
    assert running.requests.named("requests_seconds_total", code="200", path="/é", zone="z")


def test_a_series_holds_samples_or_histograms(running):
    for labels, one, _ in running.requests.series():
        assert bool(one.samples) != bool(one.histograms), labels


def test_a_request_has_many_series_and_of_each_one_sample(running):
    """Two scrapes of a target are two requests, and a scrape goes together as far as a request holds it."""
    most = 0
    for message in running.requests.messages:
        labels = [Requests.labels(one.labels_refs, message) for one in message.timeseries]
        assert len(set(labels)) == len(labels)
        assert {len(one.samples) + len(one.histograms) for one in message.timeseries} == {1}
        most = max(most, len(labels))
    assert most > 6


def test_requests_are_on_their_way_together(running):
    """Without which the order of samples below would say little."""
    assert together(running.received) >= 3


def test_samples_of_a_series_come_in_the_order_of_time(running):
    last = {}
    for labels, one, _ in running.requests.series():
        for sample in list(one.samples) + list(one.histograms):
            assert last.get(labels, 0) < sample.timestamp, labels
            last[labels] = sample.timestamp
    assert len(last) > 20


def test_timestamps_are_milliseconds_of_now(running):
    for _, one, _ in running.requests.series():
        for sample in list(one.samples) + list(one.histograms):
            assert abs(sample.timestamp / 1000 - time.time()) < 600


def test_timestamps_are_exact_to_the_millisecond(running):
    """Targets are scraped at moments of their own, which are no whole seconds."""
    parts = {sample.timestamp % 1000 for one, _ in running.requests.named("up") for sample in one.samples}
    assert parts - {0}


def test_values_arrive(running):
    values = [
        sample.value
        for one, _ in running.requests.named("requests_seconds_total", code="200", job="text")
        for sample in one.samples
    ]
    assert len(values) >= 2 and set(values) == {7}


# Stale markers.


def test_a_series_that_leaves_ends_with_a_marker(running):
    samples = [
        sample
        for one, _ in running.requests.named("leaves", job="text")
        for sample in one.samples
    ]
    samples.sort(key=lambda sample: sample.timestamp)
    ends = [value_bits(sample.value) == STALE_BITS for sample in samples]
    assert ends == [False] * (len(samples) - 1) + [True]


@pytest.mark.parametrize("name", ["gone", "up"])
def test_a_target_that_goes_ends_its_series(running, name):
    samples = [s for one, _ in running.requests.named(name, job="gone") for s in one.samples]
    assert value_bits(max(samples, key=lambda sample: sample.timestamp).value) == STALE_BITS


def test_the_marker_is_used_for_nothing_else(running):
    bits = {
        struct.pack(">d", sample.value).hex()
        for one, _ in running.requests.named("queue", job="text")
        for sample in one.samples
    }
    assert bits == {"7ff8000000000001"}


# Metadata, start timestamps, exemplars, histograms.


@pytest.mark.parametrize(
    "name, labels, expected",
    [
        ("requests_seconds_total", {"job": "text"}, (1, "Requests, in \\ and \n.", "seconds")),
        ("queue", {"job": "text"}, (2, "Queue.", "")),
        ("sizes_bucket", {"job": "text"}, (3, "", "")),
        ("sizes", {"job": "custom"}, (3, "", "")),
        ("native", {"job": "proto"}, (3, "", "")),
        ("events", {"job": "proto"}, (1, "", "")),
    ],
)
def test_series_have_their_metadata(running, name, labels, expected):
    found = {
        (one.metadata.type, message.symbols[one.metadata.help_ref], message.symbols[one.metadata.unit_ref])
        for one, message in running.requests.named(name, **labels)
    }
    assert found == {expected}


def test_start_timestamps_stand_with_samples(running):
    starts = {s.start_timestamp for one, _ in running.requests.named("events") for s in one.samples}
    assert starts == {CREATED_MS}


def test_what_has_no_start_says_none(running):
    starts = {s.start_timestamp for one, _ in running.requests.named("queue") for s in one.samples}
    assert starts == {0}


def test_exemplars_stand_beside_their_sample(running):
    found = {
        (exemplar.value, exemplar.timestamp, Requests.labels(exemplar.labels_refs, message))
        for one, message in running.requests.named("requests_seconds_total", code="200", job="text")
        for exemplar in one.exemplars
    }
    assert found == {(0.5, 1_700_000_000_250, (("trace_id", "abc"),))}


def test_integer_histograms(running):
    for one, _ in running.requests.named("native"):
        for histogram in one.histograms:
            if histogram.WhichOneof("count") != "count_int":
                continue
            assert (histogram.count_int, histogram.sum, histogram.schema) == (8, 24.5, 0)
            assert histogram.WhichOneof("zero_count") == "zero_count_int" and histogram.zero_count_int == 1
            assert [(span.offset, span.length) for span in histogram.positive_spans] == [(1, 1), (1, 1)]
            assert list(histogram.positive_deltas) == [4, -1]
            return
    raise AssertionError("no integer histogram came")


def test_float_histograms(running):
    for one, _ in running.requests.named("native", kind="float"):
        for histogram in one.histograms:
            assert (histogram.count_float, histogram.sum) == (4, 12.25)
            assert histogram.zero_count_float == 0.5
            assert list(histogram.positive_counts) == [2, 1.5]
            return
    raise AssertionError("no float histogram came")


def test_histograms_of_custom_buckets(running):
    for one, _ in running.requests.named("sizes", job="custom"):
        for histogram in one.histograms:
            assert histogram.schema == -53 and list(histogram.custom_values) == [1]
            assert (histogram.count_int, histogram.sum) == (3, 9.5)
            assert list(histogram.positive_deltas) == [1, 1]
            return
    raise AssertionError("no histogram of custom buckets came")
