"""Things to scrape: Debian's node_exporter, prometheus_client, fixed text, and a load whose values count
the scrapes.
"""

import http.server
import socket
import threading
import time
import urllib.request
from dataclasses import dataclass

import prometheus_client
from prometheus_client.exposition import choose_encoder

from .process import TOOLS, ChildProcess, free_port, wait_until

NODE_EXPORTER = TOOLS / "debian/prometheus-node-exporter/usr/bin/prometheus-node-exporter"
TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


def fetch(address, path="/metrics", timeout=10):
    """What an exporter shows, fetched by us and not by the agent."""
    request = urllib.request.Request(
        f"http://{address}{path}", headers={"Accept": "text/plain;version=0.0.4"}
    )
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return answer.read().decode()


class NodeExporter:
    def __init__(self, log):
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.process = ChildProcess(
            "node_exporter",
            [NODE_EXPORTER, f"--web.listen-address={self.address}", "--log.level=warn"],
            log,
        )

    def start(self):
        self.process.start()

        def answers():
            assert self.process.is_running(), "node_exporter ended: see its log"
            try:
                return fetch(self.address)
            except OSError:
                return None

        wait_until(answers, 20, "answering node_exporter")
        return self

    def stop(self):
        return self.process.stop()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # an agent killed in the middle of a scrape is part of these tests


class _ServerV6(_Server):
    address_family = socket.AF_INET6


class _Serving:
    """A threaded HTTP server on loopback, in this process."""

    def __init__(self, host="127.0.0.1", port=0):
        serving = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60
            disable_nagle_algorithm = True

            def do_GET(self):
                serving.answer(self)

            def log_message(self, *_):
                pass

        self._server = (_ServerV6 if ":" in host else _Server)((host, port), Handler)
        self.host = host
        self.port = self._server.server_address[1]
        self.address = f"{host}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def answer(self, exchange):
        raise NotImplementedError

    @staticmethod
    def reply(exchange, body, content_type=TEXT_FORMAT, status=200):
        exchange.send_response(status)
        exchange.send_header("Content-Type", content_type)
        exchange.send_header("Content-Length", str(len(body)))
        exchange.end_headers()
        exchange.wfile.write(body)
        exchange.wfile.flush()


class TextExporter(_Serving):
    """Shows `text`, which may be replaced while it runs; counts its scrapes. With `closes`, stops
    keep-alive too.
    """

    def __init__(self, text, host="127.0.0.1", port=0):
        super().__init__(host, port)
        self.text = text
        self.scrapes = 0
        self.last_path = None
        self.last_headers = {}

    def answer(self, exchange):
        self.scrapes += 1
        self.last_path = exchange.path
        self.last_headers = dict(exchange.headers.items())
        exchange.close_connection = True  # so that a stopped exporter is gone at once
        self.reply(exchange, self.text.encode())


class PythonExporter(TextExporter):
    """prometheus_client with one of each kind, at values that do not move. `registry` is the truth."""

    ODD_LABEL_VALUES = [
        "plain",
        'a "quoted" word',
        "back\\slash and \\n that is none",
        "two\nlines",
        "ünïcödé — ☃ 🜂 日本語",
        " spaces around ",
        "{braces} = , # signs",
        "trailing backslash \\",
        "",
    ]
    ODD_VALUES = [
        float("nan"), float("inf"), float("-inf"), -0.0, 0.0, 5e-324, 1.7976931348623157e308,
        -2.2250738585072014e-308,
        0.1, 1 / 3, 123456789012345680.0, 1e21, 1e-7, -1.0, 9007199254740993.0,
    ]  # fmt: skip

    def __init__(self):
        self.registry = registry = prometheus_client.CollectorRegistry()
        counter = prometheus_client.Counter(
            "py_requests", "Requests, by an odd label.", ["odd"], registry=registry
        )
        for index, value in enumerate(self.ODD_LABEL_VALUES):
            counter.labels(odd=value).inc(index + 0.5)
        gauge = prometheus_client.Gauge("py_value", "Odd values, by number.", ["number"], registry=registry)
        for index, value in enumerate(self.ODD_VALUES):
            gauge.labels(number=str(index)).set(value)
        histogram = prometheus_client.Histogram(
            "py_latency_seconds",
            "A histogram.",
            ["code"],
            buckets=(0.001, 0.1, 1, 2.5, 1000000),
            registry=registry,
        )
        for index in range(50):
            histogram.labels(code="200").observe(index / 10)
        summary = prometheus_client.Summary("py_size_bytes", "A summary.", registry=registry)
        for index in range(7):
            summary.observe(index * 1000.25)
        prometheus_client.Info("py_build", "An info.", registry=registry).info(
            {"version": "1.2.3", "branch": "ma\\in"}
        )
        # `job` and `instance` clash with the target's own labels.
        clash = prometheus_client.Gauge(
            "py_clash", "Clashing labels.", ["job", "instance"], registry=registry
        )
        clash.labels(job="inner", instance="elsewhere:1").set(42)
        super().__init__(prometheus_client.generate_latest(registry).decode())

    def exposed(self):
        """[(name, labels, value)] from the registry itself, no text between."""
        return [
            (sample.name, dict(sample.labels), float(sample.value))
            for family in self.registry.collect()
            for sample in family.samples
        ]


class NegotiatingExporter(_Serving):
    """prometheus_client in the format that is asked for, with exemplars where that has them."""

    def __init__(self):
        super().__init__()
        self.registry = registry = prometheus_client.CollectorRegistry()
        counter = prometheus_client.Counter("om_requests", "Requests.", ["code"], registry=registry)
        counter.labels(code="200").inc(7, {"trace_id": "counter-1"})
        counter.labels(code="a \"b\" \\ \n é").inc(2.5)
        histogram = prometheus_client.Histogram(
            "om_latency_seconds", "Latency.", buckets=(0.1, 1, 10, 1000000), registry=registry
        )
        for index, seconds in enumerate((0.05, 0.5, 5, 50)):
            histogram.observe(seconds, {"trace_id": f"bucket-{index}", "span_id": "ß"})
        prometheus_client.Summary("om_size_bytes", "A summary.", registry=registry).observe(1.25)
        prometheus_client.Info("om_build", "An info.", registry=registry).info({"version": "1.2.3"})
        prometheus_client.Enum(
            "om_state", "A state set.", states=["starting", "running"], registry=registry
        ).state("running")
        prometheus_client.Gauge("om_ratio", "A gauge.", registry=registry).set(float("nan"))
        self.content_types = set()

    def answer(self, exchange):
        encode, content_type = choose_encoder(exchange.headers["Accept"])
        self.content_types.add(content_type)
        self.reply(exchange, encode(self.registry), content_type)


@dataclass
class Served:
    """One scrape of a load exporter."""

    number: int  # what its values say; counted from 1 over all lives
    life: int  # which life of the agent asked
    asked: float  # monotonic
    complete: bool = False  # the whole answer was handed to the kernel


class LoadExporter(_Serving):
    """`series` series whose value is the number of the scrape, some that never change, and some that come
    and go.

    One agent scrapes it, one scrape at a time; `served` tells what that agent was given.
    """

    CONSTANT = 20
    BLINKING = 5

    def __init__(self, name, series):
        super().__init__()
        self.name = name
        self.series = series
        self.life = 0
        self.served = []
        self.on_scrape = lambda: None  # called when a request came, before it is answered
        self._lock = threading.Lock()
        self._open = 0
        self._moving = "".join(
            f'load_moving{{index="{index:04d}",path="/api/v1/resource/{index % 17}"}} @\n'
            for index in range(series)
        )
        self._constant = "".join(
            f'load_constant{{index="{index:02d}"}} {index}\n' for index in range(self.CONSTANT)
        )
        self._blinking = "".join(f'load_blinking{{index="{index}"}} @\n' for index in range(self.BLINKING))

    @staticmethod
    def blinks(number):
        """Whether scrape `number` shows the series that come and go."""
        return number % 5 < 3

    def body(self, number):
        text = "# HELP load_moving The number of the scrape.\n# TYPE load_moving gauge\n" + self._moving
        text += self._constant
        if self.blinks(number):
            text += self._blinking
        return text.replace("@", str(number)).encode()

    def expected(self, number):
        """{(name, index): value} of one scrape."""
        values = {("load_moving", f"{index:04d}"): float(number) for index in range(self.series)}
        values |= {("load_constant", f"{index:02d}"): float(index) for index in range(self.CONSTANT)}
        if self.blinks(number):
            values |= {("load_blinking", str(index)): float(number) for index in range(self.BLINKING)}
        return values

    def answer(self, exchange):
        with self._lock:
            self._open += 1
            served = Served(len(self.served) + 1, self.life, time.monotonic())
            self.served.append(served)
        try:
            self.on_scrape()
            body = self.body(served.number)
            exchange.send_response(200)
            exchange.send_header("Content-Type", TEXT_FORMAT)
            exchange.send_header("Content-Length", str(len(body)))
            exchange.end_headers()
            exchange.wfile.write(body)
            exchange.wfile.flush()
            served.complete = True
        finally:
            with self._lock:
                self._open -= 1

    def is_quiet(self):
        """No scrape is being answered."""
        with self._lock:
            return self._open == 0
