"""Debian's VictoriaMetrics as remote-write receiver on loopback, asked by PromQL."""

import json
import urllib.parse
import urllib.request

from .process import TOOLS, ChildProcess, free_port, wait_until
from .prometheus import Prometheus

PROGRAM = TOOLS / "debian/victoria-metrics/usr/bin/victoria-metrics"


class VictoriaMetrics(Prometheus):
    """It answers Prometheus' API of queries, so that it is asked like one."""

    def __init__(self, folder, log):
        self.folder = folder
        self.port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self.process = ChildProcess(
            "victoria-metrics",
            [
                PROGRAM,
                f"-storageDataPath={folder / 'data'}",
                f"-httpListenAddr=127.0.0.1:{self.port}",
                # What was stored a moment ago is seen, and nothing is answered from a cache.
                "-search.latencyOffset=1ms",
                "-search.disableCache",
                "-loggerLevel=WARN",
                "-memory.allowedBytes=64MiB",
            ],
            log,
        )

    def start(self):
        self.process.start()
        wait_until(self._is_ready, 30, "ready VictoriaMetrics")
        return self

    def _is_ready(self):
        assert self.process.is_running(), "VictoriaMetrics ended: see its log"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def _post(self, path, parameters):
        self._flush()
        return super()._post(path, parameters)

    def _flush(self):
        """What was written is seen by queries from now on, not in some seconds."""
        url = f"http://127.0.0.1:{self.port}/internal/force_flush"
        with urllib.request.urlopen(url, timeout=20) as answer:
            answer.read()

    def exported(self, selector):
        """{labels: [(timestamp ms, value)]} as stored; the value of a stale marker is None."""
        self._flush()
        url = f"http://127.0.0.1:{self.port}/api/v1/export?" + urllib.parse.urlencode({"match[]": selector})
        with urllib.request.urlopen(url, timeout=20) as answer:
            lines = [json.loads(line) for line in answer.read().splitlines()]
        found = {}
        for line in lines:
            values = [value if value is None else float(value) for value in line["values"]]
            samples = found.setdefault(frozenset(line["metric"].items()), [])
            samples.extend(zip(line["timestamps"], values, strict=True))
        return found

    def figure(self, name):
        """The sum of one of its own counters."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.split("{")[0].split(" ")[0] == name)
