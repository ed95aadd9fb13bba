"""script/sizing-figures: what some fleets cost the agent, and Debian's Prometheus as an agent beside it,
which does the same work at the same time. docs/operations.md has what comes of it.

The exporters are those of narthex-standins behind a front that answers gzip, as real ones do. Both agents get
every target from it and ship to a stand-in AMP of their own; ours signs. Nothing of stand-ins and front is in
the figures.
"""

import asyncio
import contextlib
import gzip
import os
import re
import sys
import tempfile
import threading
import time
from pathlib import Path

from parts.agent import Agent
from parts.aws import REGION
from parts.exposition import parse
from parts.ledger import assert_balanced, read_ledger
from parts.process import ChildProcess, free_port
from parts.prometheus import PROGRAM
from parts.standins import ACCESS_KEY, SECRET_KEY, StandIns

# targets, series of each, seconds between scrapes, whether every target has series of its own, and whether
# the agent has no more than Fargate's smallest task: a quarter of a processor and 512 MiB.
FLEETS = [
    (10, 1_000, 30, False, False),
    (100, 1_000, 15, False, False),
    (100, 1_000, 15, True, False),
    (1_000, 100, 15, False, False),
    (1_000, 1_000, 30, False, False),
    (2_000, 1_000, 30, False, True),
    (500, 1_000, 30, True, True),
]
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Encoding: gzip\r\n"


class Front:
    """Exporters of a stand-in fleet, answered as gzip. One thread of its own. Equal ones have one page in
    each interval, so that coding it does not take the processor that is to be measured.
    """

    def __init__(self, exporters, interval, distinct):
        self.exporters, self.interval, self.distinct = exporters, interval, distinct
        self.round, self.page = 0, None
        self.sent_bytes = 0
        self.port = 0
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def start(self):
        self.thread.start()
        assert self.ready.wait(20)
        return self

    def stop(self):
        def end():
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.call_soon(self.loop.stop)

        self.loop.call_soon_threadsafe(end)
        self.thread.join(10)

    def _serve(self):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(
            asyncio.start_server(self._client, "127.0.0.1", 0, backlog=4_096)
        )
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        self.loop.run_forever()

    async def _client(self, reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await self._page(int(re.match(rb"GET /(\d+) ", head)[1]))
                writer.write(_HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
                self.sent_bytes += len(body)
        writer.close()

    async def _page(self, number):
        if self.distinct:
            return await self._fetched(number)
        now = int(time.monotonic() / self.interval)
        if now != self.round or self.page is None:
            self.round, self.page = now, asyncio.ensure_future(self._fetched(0))
        return await asyncio.shield(self.page)

    async def _fetched(self, number):
        host, path = self.exporters[number]["address"], self.exporters[number]["path"]
        reader, writer = await asyncio.open_connection(*host.split(":"))
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: *(\d+)", answer)[1])
        body = await reader.readexactly(length)
        writer.close()
        return await asyncio.to_thread(gzip.compress, body, 6)


class Peer:
    """Debian's Prometheus as an agent, without signatures, which it cannot make."""

    def __init__(self, folder, configuration):
        import yaml

        folder.mkdir()
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        self.port = free_port()
        self.process = ChildProcess(
            "prometheus",
            [
                PROGRAM, "--enable-feature=agent", f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.agent.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{self.port}",
                "--log.level=warn",
            ],
            folder / "prometheus.log",
        )  # fmt: skip


def smallest_task(stack):
    """Files of new cgroups, version 2 or 1, which a process writes itself into."""
    own = f"narthex-sizing-{os.getpid()}"
    root = Path("/sys/fs/cgroup")
    if (root / "cgroup.controllers").exists():
        limits = [(root / own, {"cpu.max": "25000 100000", "memory.max": str(512 << 20)})]
    else:
        limits = [
            (root / "cpu" / own, {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "25000"}),
            (root / "memory" / own, {"memory.limit_in_bytes": str(512 << 20)}),
        ]
    for folder, files in limits:
        folder.mkdir()
        # Entered first, so called last: when the agent is gone.
        stack.callback(folder.rmdir)
        for name, value in files.items():
            (folder / name).write_text(value)
    return [folder / "cgroup.procs" for folder, _ in limits]


def cpu_seconds(process):
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def written_pages(process):
    text = Path(f"/proc/{process.pid}/io").read_text()
    return int(re.search(r"^write_bytes: (\d+)", text, re.MULTILINE)[1])


def configuration(fleet, front, url, **destination):
    targets, _, interval, *_ = fleet
    return {
        "global": {"scrape_interval": f"{interval}s", "scrape_timeout": "10s"},
        "scrape_configs": [
            {
                "job_name": "fleet",
                "relabel_configs": [{"source_labels": ["path"], "target_label": "__metrics_path__"},
                                    {"action": "labeldrop", "regex": "path"}],
                "static_configs": [
                    {
                        "targets": [f"127.0.0.1:{front.port}"],
                        "labels": {"path": f"/{number}", "instance": f"exporter-{number}"},
                    }
                    for number in range(targets)
                ],
            }
        ],
        "remote_write": [{"url": url, "name": "amp", **destination}],
    }  # fmt: skip


def measure(fleet, seconds, top, stack):
    targets, series, interval, distinct, is_limited = fleet
    groups = smallest_task(stack) if is_limited else []
    flags = [f"--exporters={targets}", f"--series={series}"] + ["--distinct"] * distinct
    exporters = StandIns(top / "exporters.log", *flags)
    amps = [StandIns(top / f"amp-{number}.log", "--amp-port=0") for number in range(2)]
    for part in [exporters, *amps]:
        stack.callback(lambda part=part: part.process.process and part.process.kill())
        part.start()
    amps[1].process.kill()
    amps[1].process.command = [word for word in amps[1].process.command if "-key=" not in word]
    amps[1].process.log = top / "amp-unsigned.log"
    amps[1].start()
    front = Front(exporters.exporters, interval, distinct).start()
    stack.callback(front.stop)
    keys = {"region": REGION, "access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
    agent = Agent(
        top / "agent", top / "agent.log",
        configuration(fleet, front, amps[0].amp["url"], sigv4=keys), flags=["--log.level=info"],
    )  # fmt: skip
    # As many samples a request as Prometheus 3 has.
    peer = Peer(
        top / "peer",
        configuration(fleet, front, amps[1].amp["url"], queue_config={"max_samples_per_send": 2_000}),
    )
    if is_limited:
        join = " && ".join(f"echo $$ > {group}" for group in groups)
        agent.process.command = ["sh", "-c", f'{join} && exec "$@"', "sh", *agent.process.command]
    else:
        peer.process.start()
        stack.callback(lambda: peer.process.kill())
    agent.start()
    stack.callback(lambda: agent.process.process and agent.stop())

    def figures():
        [entry] = read_ledger(agent).values()
        metrics = agent.metrics()

        def total(family):
            return sum(value for (name, _), value in metrics.items() if name == family)

        count = StandIns.control(amps[1].amp, "/stats")["samples"]
        return {
            "at": time.monotonic(), "scraped": entry.scraped, "delivered": entry.delivered,
            "cpu": cpu_seconds(agent.process), "peer": count,
            "peer cpu": 0 if is_limited else cpu_seconds(peer.process),
            "written": total("narthex_buffer_written_bytes_total"), "pages": written_pages(agent.process),
            "sent": total("prometheus_remote_storage_bytes_total"),
            "requests": total("prometheus_remote_storage_sent_batch_duration_seconds_count"),
            "bodies": front.sent_bytes,
        }  # fmt: skip

    # Two rounds: the first learns what the series are and states them, which a segment does once.
    time.sleep(2 * interval + 12)
    before = figures()
    greatest = [0, 0]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(1)
        found = [agent.process.rss_bytes(), 0 if is_limited else peer.process.rss_bytes()]
        greatest = [max(pair) for pair in zip(greatest, found)]
    after = figures()
    assert_balanced(read_ledger(agent))
    moved = {name: after[name] - before[name] for name in after}
    samples = max(1, moved["delivered"])
    micros = moved["cpu"] * 1e6 / samples
    others = moved["peer cpu"] * 1e6 / max(1, moved["peer"])
    expected = targets * (series + 5) * moved["at"] / interval
    anonymous = agent.metric("process_resident_memory_anonymous_bytes")
    stated = (before["written"] - before["scraped"] * moved["written"] / max(1, moved["scraped"])) / (
        targets * series if distinct else series
    )
    row = [
        f"{targets} × {series}{', all different' * distinct}{', 0.25 vCPU and 512 MiB' * is_limited}",
        f"{interval} s", f"{samples / moved['at']:.0f}",
        f"{samples / expected:.0%}", f"{micros:.2f}", f"{micros / others:.2f}" if others else "",
        f"{moved['cpu'] / moved['at']:.4f}", f"{greatest[0] / (1 << 20):.1f}",
        f"{anonymous / (1 << 20):.1f}", f"{greatest[1] / (1 << 20):.0f}" if others else "",
        f"{moved['written'] / max(1, moved['scraped']):.2f}", f"{stated:.0f}",
        f"{moved['pages'] / samples:.1f}",
        f"{moved['sent'] / samples:.1f}", f"{moved['requests'] / moved['at']:.2f}",
        f"{moved['bodies'] / (1 if is_limited else 2) / samples:.1f}",
    ]  # fmt: skip
    print("| " + " | ".join(row) + " |", flush=True)
    assert agent.stop() == 0


def main(seconds, only):
    print(
        "| targets × series | interval | samples/s | of those due | µs a sample | of Prometheus' | cores |"
        " MiB resident | of them its own | Prometheus' MiB | bytes a sample to files |"
        " stated bytes a series |"
        " to the disk, in pages | bytes sent a sample | requests/s | gzip bytes read a sample |"
    )
    print("|---" * 16 + "|", flush=True)
    for number, fleet in enumerate(FLEETS):
        if only and number not in only:
            continue
        with contextlib.ExitStack() as stack:
            top = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="narthex-sizing-")))
            measure(fleet, max(seconds, 3 * fleet[2]), top, stack)
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), [int(word) for word in sys.argv[2:]]))
