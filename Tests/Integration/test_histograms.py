"""The protobuf format and native histograms, with real parts: Debian's Prometheus exposes its own metrics in
both formats, and takes native histograms by remote write.
"""

import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cramjam
import pytest

from parts.agent import IS_NARTHEX
from parts.process import wait_until

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus' own features are not under test")

NATIVE = ("--enable-feature=native-histograms",)


def configuration(url, jobs, **remote_write):
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [address]}], **options}
            for job, (address, options) in jobs.items()
        ],
        "remote_write": [{"url": url, "queue_config": {"batch_send_deadline": "200ms"}, **remote_write}],
    }


def series_of(prometheus, job):
    return {
        labels - {("job", job)} for labels in prometheus.raw(f'{{job="{job}"}}', "1m")
    }


def test_prometheus_own_metrics_are_the_same_series_in_both_formats(make_agent, make_prometheus):
    receiver = make_prometheus("receiver")
    exporter = make_prometheus("exporter")
    address = f"127.0.0.1:{exporter.port}"
    agent = make_agent(
        configuration(
            receiver.write_url,
            {
                "text": (address, {"scrape_protocols": ["PrometheusText0.0.4"]}),
                "proto": (address, {"scrape_protocols": ["PrometheusProto"]}),
            },
        )
    ).start()

    def same():
        text, proto = series_of(receiver, "text"), series_of(receiver, "proto")
        return (text, proto) if len(text) > 300 and text == proto else None

    text, proto = wait_until(same, 30, "the same series in text and protobuf")
    kinds = {dict(labels)["__name__"].rsplit("_", 1)[-1] for labels in proto}
    assert {"bucket", "count", "sum", "total"} <= kinds
    assert any("quantile" in dict(labels) for labels in proto)
    # What does not move has one value.
    for name in ("prometheus_build_info", "go_info", "prometheus_tsdb_compaction_chunk_size_bytes_bucket"):
        values = {
            job: {
                frozenset(set(labels) - {("job", job)}): {value for _, value in samples}
                for labels, samples in receiver.raw(f'{name}{{job="{job}"}}', "1m").items()
            }
            for job in ("text", "proto")
        }
        assert values["text"] and values["text"] == values["proto"]
    ups = receiver.raw('up{job="proto"}', "1m")
    assert all(value == 1 for samples in ups.values() for _, value in samples)
    assert agent.stop() == 0


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def signed(field, value):
    return number(field, (value << 1) ^ (value >> 63))


def double(field, value):
    return varint(field << 3 | 1) + struct.pack("<d", value)


def block(field, content):
    return varint(field << 3 | 2) + varint(len(content)) + content


def label(name, value):
    return block(1, block(1, name.encode()) + block(2, value.encode()))


def family(name, kind, metrics):
    content = block(1, name.encode()) + number(3, kind) + b"".join(block(4, m) for m in metrics)
    return varint(len(content)) + content


def span(field, offset, length):
    return block(field, signed(1, offset) + number(2, length))


def packed(field, deltas):
    return block(field, b"".join(varint((d << 1) ^ (d >> 63)) for d in deltas))


# Eight observations: one of zero, four in (1, 2], three in (4, 8]; of floats half of that.
INTEGER = block(
    7,
    number(1, 8) + double(2, 24.5) + signed(5, 0) + double(6, 1e-6) + number(7, 1)
    + span(12, 1, 1) + span(12, 1, 1) + packed(13, [4, -1]),
)
FLOAT = block(
    7,
    double(4, 4) + double(2, 12.25) + signed(5, 0) + double(6, 1e-6) + double(8, 0.5)
    + span(12, 1, 1) + span(12, 1, 1) + block(14, struct.pack("<dd", 2, 1.5)),
)


PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"


class BytesExporter:
    """Answers with `body`, whatever it is asked for; `asked` is the last Accept header."""

    def __init__(self, content_type):
        outer = self
        self.body = b""
        self.asked = None

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked = self.headers["Accept"]
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def bytes_exporter(parts):
    def make(content_type):
        exporter = BytesExporter(content_type)
        parts.callback(exporter.stop)
        return exporter

    return make


@pytest.fixture
def protobuf_exporter(bytes_exporter):
    return bytes_exporter(PROTOBUF)


def now(prometheus, expression):
    """The values of an instant query; what is stale has none."""
    return [float(item["value"][1]) for item in prometheus.ask(query=expression)]


def test_native_histograms_arrive_and_end(make_agent, make_prometheus, protobuf_exporter):
    prometheus = make_prometheus(flags=NATIVE)
    protobuf_exporter.body = family(
        "h", 4, [label("kind", "integer") + INTEGER, label("kind", "float") + FLOAT]
    ) + family("g", 1, [block(2, double(1, 3))])
    agent = make_agent(
        configuration(
            prometheus.write_url,
            {"native": (protobuf_exporter.address, {"scrape_native_histograms": True})},
            send_native_histograms=True,
        )
    ).start()
    wait_until(lambda: now(prometheus, 'histogram_count(h{kind="float"})'), 20, "a native histogram")
    assert protobuf_exporter.asked.startswith("application/vnd.google.protobuf;proto=")
    assert now(prometheus, 'histogram_count(h{kind="integer"})') == [8]
    assert now(prometheus, 'histogram_sum(h{kind="integer"})') == [24.5]
    assert now(prometheus, 'histogram_count(h{kind="float"})') == [4]
    assert now(prometheus, 'histogram_sum(h{kind="float"})') == [12.25]
    for kind in ("integer", "float"):
        # Five of eight are at most 2, and the rest lies evenly between 4 and 8.
        assert now(prometheus, f'histogram_quantile(0.625, h{{kind="{kind}"}})') == pytest.approx([2])
        share = now(prometheus, f'histogram_fraction(0, 2, h{{kind="{kind}"}})')
        assert share == pytest.approx([0.625], abs=0.07)
    assert now(prometheus, "g") == [3]

    # Without the family its histograms end at the next scrape, long before they would be too old.
    protobuf_exporter.body = family("g", 1, [block(2, double(1, 4))])
    wait_until(lambda: not now(prometheus, "histogram_count(h)"), 20, "the histograms' end")
    assert now(prometheus, "g") == [4]
    assert agent.stop() == 0


def test_histograms_that_are_not_sent_are_in_the_ledger(make_agent, make_prometheus, protobuf_exporter):
    prometheus = make_prometheus(flags=NATIVE)
    protobuf_exporter.body = family("h", 4, [INTEGER]) + family("g", 1, [block(2, double(1, 3))])
    agent = make_agent(
        configuration(
            prometheus.write_url,
            {"native": (protobuf_exporter.address, {"scrape_native_histograms": True})},
        )
    ).start()
    wait_until(lambda: now(prometheus, "g"), 20, "the gauge")
    assert agent.metric("narthex_ledger_dropped_samples_total", reason="native_histograms_off") > 0
    assert not now(prometheus, "histogram_count(h)")
    assert agent.stop() == 0


def exemplar(field, trace, value, at_ms):
    stamp = number(1, at_ms // 1000) + number(2, at_ms % 1000 * 1_000_000)
    return block(field, label("trace_id", trace) + double(2, value) + block(3, stamp))


def test_exemplars_of_both_formats_arrive(make_agent, make_prometheus, protobuf_exporter, bytes_exporter):
    prometheus = make_prometheus(flags=(*NATIVE, "--enable-feature=exemplar-storage"))
    at_ms = int(time.time() * 1000) - 1000
    counter = block(3, double(1, 5) + exemplar(2, "counter", 1, at_ms))
    histogram = block(
        7,
        number(1, 2) + double(2, 3) + signed(5, 0) + span(12, 1, 1) + packed(13, [2])
        + exemplar(16, "first", 1.5, at_ms) + exemplar(16, "second", 1.7, at_ms + 1),
    )
    protobuf_exporter.body = family("c_total", 0, [counter]) + family("h", 4, [histogram])
    text = bytes_exporter("application/openmetrics-text; version=1.0.0; charset=utf-8")
    text.body = (
        "# TYPE t histogram\n"
        f't_bucket{{le="1.0"}} 1 # {{trace_id="bucket"}} 0.7 {at_ms / 1000:.3f}\n'
        't_bucket{le="+Inf"} 1\nt_count 1\nt_sum 0.7\n# EOF\n'
    ).encode()
    agent = make_agent(
        configuration(
            prometheus.write_url,
            {
                "native": (protobuf_exporter.address, {"scrape_native_histograms": True}),
                "text": (text.address, {}),
            },
            send_native_histograms=True,
            send_exemplars=True,
        )
    ).start()

    def traces(selector):
        return {
            item["labels"]["trace_id"]: (float(item["value"]), round(float(item["timestamp"]) * 1000))
            for series in prometheus.exemplars(selector)
            for item in series["exemplars"]
        }

    wait_until(lambda: traces("c_total") and traces("t_bucket"), 20, "exemplars")
    assert traces("c_total") == {"counter": (1, at_ms)}
    assert traces("t_bucket") == {"bucket": (0.7, at_ms)}
    # Once for each exemplar, however often it is shown.
    sent = agent.metric("prometheus_remote_storage_exemplars_total")
    assert sent == 4
    wait_until(
        lambda: agent.metric("prometheus_remote_storage_histograms_total") >= 3, 20, "three scrapes sent"
    )
    assert agent.metric("prometheus_remote_storage_exemplars_total") == sent
    assert agent.stop() == 0


def read_varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(message):
    """A protobuf message as {number: [values]}: numbers, or bytes as they are."""
    found, at = {}, 0
    while at < len(message):
        tag, at = read_varint(message, at)
        if tag & 7 == 0:
            value, at = read_varint(message, at)
        else:
            length, at = (8, at) if tag & 7 == 1 else read_varint(message, at)
            value, at = message[at : at + length], at + length
        found.setdefault(tag >> 3, []).append(value)
    return found


def numbers(packed_block):
    values, at = [], 0
    while at < len(packed_block):
        value, at = read_varint(packed_block, at)
        values.append((value >> 1) ^ -(value & 1))
    return values


@pytest.mark.parametrize("sends", [False, True])
def test_classic_histograms_become_custom_buckets(make_agent, receiver, bytes_exporter, sends):
    """Decoded by hand here: Debian's Prometheus does not know custom buckets yet."""
    text = bytes_exporter("text/plain; version=0.0.4")
    text.body = (
        b"# TYPE rpc histogram\n"
        b'rpc_bucket{le="0.5"} 2\nrpc_bucket{le="1"} 2\nrpc_bucket{le="+Inf"} 5\nrpc_sum 7.5\nrpc_count 5\n'
        b"# TYPE other gauge\nother 1\n"
    )
    proto = bytes_exporter(PROTOBUF)
    proto.body = family(
        "rpc", 4,
        [block(7, number(1, 5) + double(2, 7.5)
               + block(3, number(1, 2) + double(2, 0.5)) + block(3, number(1, 2) + double(2, 1)))],
    )
    converts = {"convert_classic_histograms_to_nhcb": True}
    agent = make_agent(
        configuration(
            receiver.url,
            {
                "text": (text.address, converts),
                "proto": (proto.address, {**converts, "scrape_protocols": ["PrometheusProto"]}),
            },
            send_native_histograms=True,
            send_custom_bucket_histograms=sends,
        )
    ).start()

    def series():
        found = {}
        for request in receiver.accepted():
            for timeseries in fields(bytes(cramjam.snappy.decompress_raw(request.body))).get(1, []):
                content = fields(timeseries)
                pairs = [fields(pair) for pair in content[1]]
                labels = {pair[1][0].decode(): pair[2][0].decode() for pair in pairs}
                found.setdefault((labels["job"], labels["__name__"]), []).extend(content.get(4, []))
        return found

    wanted = {("text", "up"), ("proto", "up"), ("text", "other")}
    if sends:
        wanted |= {("text", "rpc"), ("proto", "rpc")}
    found = wait_until(lambda: series() if wanted <= series().keys() else None, 20, "both targets")
    assert not [name for _, name in found if name.startswith("rpc_")]
    if not sends:
        assert agent.metric("narthex_ledger_dropped_samples_total", reason="custom_buckets") > 0
        assert ("text", "rpc") not in found and ("proto", "rpc") not in found
        assert agent.stop() == 0
        return
    for job in ("text", "proto"):
        histogram = fields(found[(job, "rpc")][0])
        assert histogram[1] == [5]
        assert struct.unpack("<d", histogram[3][0]) == (7.5,)
        assert histogram[4] == [105]  # -53 as zigzag
        assert [fields(one) for one in histogram[11]] == [{2: [3]}]
        assert numbers(histogram[12][0]) == [2, -2, 3]
        assert struct.unpack("<2d", histogram[16][0]) == (0.5, 1)
    assert agent.stop() == 0
