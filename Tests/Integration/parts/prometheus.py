"""Debian's Prometheus as remote-write receiver on loopback, asked by PromQL."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request

from .process import TOOLS, ChildProcess, free_port, wait_until

PROGRAM = TOOLS / "debian/prometheus/usr/bin/prometheus"


class Prometheus:
    def __init__(self, folder, log, flags=()):
        self.folder = folder
        self.port = free_port()
        (folder / "data").mkdir(parents=True, exist_ok=True)
        (folder / "prometheus.yml").write_text("global: {}\n")
        self.process = ChildProcess(
            "prometheus",
            [
                PROGRAM,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--web.enable-remote-write-receiver",
                "--log.level=warn",
                *flags,
            ],
            log,
        )

    @property
    def write_url(self):
        return f"http://127.0.0.1:{self.port}/api/v1/write"

    def start(self):
        self.process.start()
        wait_until(self._is_ready, 30, "ready Prometheus")
        return self

    def stop(self):
        return self.process.stop(timeout=30)

    def _is_ready(self):
        assert self.process.is_running(), "Prometheus ended: see its log"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def ask(self, **parameters):
        return self._post("query", parameters)

    def exemplars(self, selector):
        """Series with their exemplars of the last hour, as the API gives them."""
        now = time.time()
        return self._post("query_exemplars", {"query": selector, "start": now - 3600, "end": now + 3600})

    def _post(self, path, parameters):
        data = urllib.parse.urlencode(parameters).encode()
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}"
        with urllib.request.urlopen(url, data=data, timeout=20) as answer:
            reply = json.load(answer)
        assert reply["status"] == "success", reply
        return reply["data"]["result"] if path == "query" else reply["data"]

    def instant(self, expression, at_ms):
        """{labels: value} of an instant query at a time in milliseconds, which Prometheus keeps exactly."""
        result = self.ask(query=expression, time=f"{at_ms / 1000:.3f}")
        return {frozenset(item["metric"].items()): float(item["value"][1]) for item in result}

    def raw(self, selector, window="1h"):
        """{labels: [(timestamp ms, value)]}: the stored samples themselves. Stale markers are not shown."""
        result = self.ask(query=f"{selector}[{window}]")
        return {
            frozenset(item["metric"].items()): [
                (round(float(at) * 1000), float(value)) for at, value in item["values"]
            ]
            for item in result
        }
