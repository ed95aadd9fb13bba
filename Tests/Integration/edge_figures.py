"""script/edge-figures: what settings cost on an edge node, each measured on an agent of its own.

Bytes written are counted twice: those that the agent hands to its files, and whole pages that the kernel
hands to the disk (write_bytes of /proc/PID/io, without the file system's own journal). Calls of fdatasync and
fsync are counted by strace. Logs are kept in memory, so that they do not count.
"""

import contextlib
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from parts.agent import Agent
from parts.exporters import NodeExporter
from parts.ledger import assert_balanced, read_ledger
from parts.receiver import CountingReceiver

# name, seconds between scrapes, batch_send_deadline, flags
SETTINGS = [
    ("scrapes every 15 s", 15, "5s", []),
    ("every minute", 60, "5s", []),
    ("every minute, `--storage.agent.sync-interval=1m`", 60, "5s", ["--storage.agent.sync-interval=1m"]),
    ("every minute, `--storage.agent.sync-interval=5m`", 60, "5s", ["--storage.agent.sync-interval=5m"]),
]
_SYNC = re.compile(r"\b(?:fdatasync|fsync)\(")


# Beside them an agent without targets, for its memory alone.
IDLE = {"remote_write": [{"url": "http://127.0.0.1:1/", "name": "amp"}]}


class Run:
    def __init__(self, folder, logs, setting, exporter, stack):
        self.name, self.seconds, deadline, flags = setting
        self.receiver = CountingReceiver().start()
        stack.callback(self.receiver.stop)
        self.agent = Agent(
            folder / "agent", logs / f"{folder.name}.log",
            {
                "global": {"scrape_interval": f"{self.seconds}s"},
                "scrape_configs": [
                    {"job_name": "node", "static_configs": [{"targets": [f"127.0.0.1:{exporter.port}"]}]}
                ],
                "remote_write": [
                    {
                        "url": self.receiver.url, "name": "amp",
                        "queue_config": {"batch_send_deadline": deadline},
                        "metadata_config": {"send": False},
                    }
                ],
            },
            flags=["--log.level=info", *flags],
        )  # fmt: skip
        self.calls = folder / "calls"
        self.agent.start()
        stack.callback(self.agent.stop)

    def trace(self, stack):
        # Quiet, or it says that it has attached.
        tracer = subprocess.Popen(
            ["strace", "-q", "-f", "-e", "trace=fdatasync,fsync", "-o", self.calls, "-p",
             str(self.agent.process.pid)],
        )  # fmt: skip
        stack.callback(tracer.wait, 10)
        stack.callback(tracer.terminate)

    def figures(self):
        with open(f"/proc/{self.agent.process.pid}/io") as file:
            pages = int(re.search(r"^write_bytes: (\d+)", file.read(), re.MULTILINE)[1])
        [entry] = read_ledger(self.agent).values()
        calls = len(_SYNC.findall(self.calls.read_text())) if self.calls.exists() else 0
        requests = self.receiver.requests
        return {
            "samples": entry.scraped,
            "segments": self.agent.metric("narthex_buffer_written_bytes_total"),
            "pages": pages, "calls": calls, "requests": len(requests),
            "sent": sum(len(request.body) for request in requests),
        }  # fmt: skip


def main(minutes):
    with contextlib.ExitStack() as stack:
        top = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="narthex-edge-")))
        memory = tempfile.TemporaryDirectory(prefix="narthex-edge-", dir="/dev/shm")
        logs = Path(stack.enter_context(memory))
        exporter = NodeExporter(logs / "node_exporter.log").start()
        stack.callback(exporter.stop)
        idle = Agent(top / "idle", logs / "idle.log", IDLE).start()
        stack.callback(idle.stop)
        runs = []
        for number, setting in enumerate(SETTINGS):
            folder = top / str(number)
            folder.mkdir()
            runs.append(Run(folder, logs, setting, exporter, stack))
        # The layouts are stated once a segment, and the start writes what a steady state does not.
        time.sleep(75)
        for run in runs:
            run.trace(stack)
        time.sleep(1)
        before = [run.figures() for run in runs]
        time.sleep(minutes * 60)
        print("| setting | samples a scrape | bytes a sample, to files | and to the disk, in pages |", end="")
        print(" fdatasync and fsync an hour | bytes sent a sample | requests an hour | resident |")
        print("|---|---|---|---|---|---|---|---|")
        for run, first in zip(runs, before):
            after = run.figures()
            moved = {name: after[name] - first[name] for name in after}
            samples = max(1, moved["samples"])
            scrapes = max(1, round(minutes * 60 / run.seconds))
            assert_balanced(read_ledger(run.agent))
            print(
                f"| {run.name} | {samples // scrapes} | {moved['segments'] / samples:.2f} |"
                f" {moved['pages'] / samples:.2f} | {moved['calls'] * 60 / minutes:.0f} |"
                f" {moved['sent'] / samples:.1f} | {moved['requests'] * 60 / minutes:.0f} |"
                f" {run.agent.process.rss_bytes() / (1 << 20):.1f} MiB |"
            )
        print(f"Without targets: {idle.process.rss_bytes() / (1 << 20):.1f} MiB resident.")
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
