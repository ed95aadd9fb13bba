"""script/sizing-figures: what some fleets cost the agent, and Debian's Prometheus as an agent beside it,
which does the same work at the same time. docs/operations.md has what comes of it: its table of fleets and
the measured constants are printed as they stand there, behind the line of each fleet with all that was found.

The exporters are those of narthex-standins behind a front that answers gzip, as real ones do. Both agents get
every target from it and ship to a stand-in AMP of their own; ours signs. Nothing of stand-ins and front is in
the figures.
"""

import argparse
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

from parts import sizing
from parts.agent import ROOT, Agent
from parts.aws import REGION
from parts.exposition import parse
from parts.ledger import assert_balanced, read_ledger
from parts.process import ChildProcess, free_port
from parts.prometheus import PROGRAM
from parts.standins import ACCESS_KEY, SECRET_KEY, StandIns
from series_bytes import print_bytes

PAGE = ROOT / "docs/operations.md"
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
# What the first ones are called where constants are made of them.
NAMES = ["few", "equal", "different", "many", "large"]
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
    stated_bytes = before["written"] - before["scraped"] * moved["written"] / max(1, moved["scraped"])
    stated = stated_bytes / (targets * series if distinct else series)
    name = f"{targets:,} × {series:,}{', all different' * distinct}"
    row = [
        f"{name}{', 0.25 vCPU and 512 MiB' * is_limited}",
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
    return {
        "name": name, "targets": targets, "series": series, "interval": interval,
        "rate": samples / moved["at"], "micros": micros, "cores": moved["cpu"] / moved["at"],
        "of peer": micros / others if others else None, "MiB": greatest[0] / (1 << 20),
        "peer MiB": greatest[1] / (1 << 20), "stated bytes": stated_bytes,
        "buffer bytes": moved["written"] / max(1, moved["scraped"]),
        "sent bytes": moved["sent"] / samples,
    }  # fmt: skip


def page_table(rounds):
    """The table of measured fleets as the page has it; a cell has a figure of each round."""
    lines = [
        "| targets × series | interval | samples a second | µs a sample | of Prometheus' | MiB |"
        " Prometheus' MiB | buffer bytes a sample | bytes sent a sample |",
        "|---" * 9 + "|",
    ]
    for same in zip(*(fleets.values() for fleets in rounds)):

        def cell(name, places, same=same):
            texts = [f"{figures[name]:,.{places}f}" for figures in same]
            return texts[0] if len(set(texts)) == 1 else ", ".join(texts)

        cells = [
            same[0]["name"], f"{same[0]['interval']} s",
            f"{sum(figures['rate'] for figures in same) / len(same):,.0f}", cell("micros", 2),
            cell("of peer", 2), cell("MiB", 0), cell("peer MiB", 0), cell("buffer bytes", 2),
            cell("sent bytes", 1),
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def constants_table(rounds):
    """What the rounds give for each constant, the least and the most, beside what the page plans with."""
    planned = sizing.planned(PAGE.read_text())
    found = {}
    for fleets in rounds:
        for symbol, figures in sizing.measured(fleets).items():
            found.setdefault(symbol, []).extend(figures)
    lines = ["| constant | to plan with, as the page has it | measured |", "|---|---|---|"]
    for symbol, figures in found.items():
        places = {"c": 2, "s": 3, "b": 2, "n": 1}.get(symbol, 0)
        least, most = (f"{figure:.{places}f}" for figure in (min(figures), max(figures)))
        between = least if least == most else f"{least} to {most}"
        lines.append(f"| `{symbol}` | {planned[symbol]:g} | {between} |")
    return "\n".join(lines)


def print_formulae():
    """What follows from the constants of the page, once they are changed."""
    page = PAGE.read_text()
    head, rule, *rows = re.search(r"<!-- what the formulae give -->\n((?:\|.*\n)+)", page)[1].splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    print("\n".join([head, rule, sizing.formulae_table(page, cells)]))
    # Rounded down.
    millions = [int(series / 1e5) / 10 for series in sizing.smallest_task(page)]
    print(
        f"\nThe smallest task, every 30 s, 1,000 series a target: {millions[0]} million series with half of"
        f" the processor; by memory alone {millions[1]} million equal ones, or {millions[2]} million all"
        " different."
    )


def measure_all(seconds, only):
    """{number of a fleet: its figures}"""
    found = {}
    for number, fleet in enumerate(FLEETS):
        if only and number not in only:
            continue
        with contextlib.ExitStack() as stack:
            top = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="narthex-sizing-")))
            found[number] = measure(fleet, max(seconds, 3 * fleet[2]), top, stack)
    return found


def main():
    parser = argparse.ArgumentParser(prog="script/sizing-figures", description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=60, help="at least three intervals")
    parser.add_argument("fleets", nargs="*", type=int, metavar="NUMBER", help="of a fleet, from 0; all")
    parser.add_argument("--rounds", type=int, default=1, help="how often all of them are measured")
    parser.add_argument(
        "--formulae", action="store_true", help="measures nothing: what the constants of the page give"
    )
    parser.add_argument(
        "--bytes", type=int, nargs="*", metavar=("TARGETS", "SERIES"),
        help="measures memory alone, by what takes it; of 500 targets of 2000 series unless said",
    )  # fmt: skip
    options = parser.parse_args()
    if options.bytes is not None:
        print_bytes(*(options.bytes or [500, 2_000]))
        return 0
    if options.formulae:
        print_formulae()
        return 0
    print(
        "| targets × series | interval | samples/s | of those due | µs a sample | of Prometheus' | cores |"
        " MiB resident | of them its own | Prometheus' MiB | bytes a sample to files |"
        " stated bytes a series |"
        " to the disk, in pages | bytes sent a sample | requests/s | gzip bytes read a sample |"
    )
    print("|---" * 16 + "|", flush=True)
    rounds = []
    for _ in range(options.rounds):
        found = measure_all(options.seconds, options.fleets)
        # The limited ones run without Prometheus, and the page has another table for them.
        rounds.append({NAMES[number]: found[number] for number in found if number < len(NAMES)})
    if rounds[0]:
        print(f"\nAs docs/operations.md has it:\n\n{page_table(rounds)}\n\n{constants_table(rounds)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
