"""What an agent of version 1 or 2 of the buffer's format has left when it was killed with its lanes apart.

It had two lanes, which dealt the targets by their number, and one request of each in flight. `leave` makes an
agent of such a version leave such a directory, `keep` writes it to a file with all that was scraped and sent,
and `Left` reads it, so that an agent of now can be started on it.
"""

import base64
import json
import lzma
import time
from dataclasses import dataclass

from .exporters import LoadExporter, Served
from .process import wait_until
from .receiver import LIFE, Answer, Received

NAME = "main"
TARGETS = 8
SERIES = 12
LANES = 2


def configuration(exporters, url, life):
    job = {
        "job_name": "load",
        "static_configs": [
            {"targets": [exporter.address], "labels": {"instance": exporter.name}} for exporter in exporters
        ],
    }
    return {
        "global": {"scrape_interval": "250ms", "scrape_timeout": "250ms"},
        "scrape_configs": [job],
        "remote_write": [
            {
                "name": NAME,
                "url": url,
                "headers": {LIFE: str(life)},
                "queue_config": {"max_samples_per_send": 100, "batch_send_deadline": "100ms"},
            }
        ],
    }


def leave(agent, exporters, receiver):
    """Runs an agent of such a version and kills it: one lane has stood still for long, with its request
    unanswered, the other went on, and its last one is unanswered, too.
    """
    halted, waits = set(), []

    def instances(received):
        return {dict(labels)["instance"] for labels, _ in receiver.decode(received)}

    def decide(received):
        names = instances(received)
        if not halted and len(receiver.requests) > 6 and len(names) > 1:
            halted.update(names)
        if halted & names or waits:
            return Answer(delay=3.0)
        return Answer(delay=0.02)

    receiver.decide = decide
    for exporter in exporters:
        exporter.life = 1
    agent.start()
    wait_until(lambda: halted, 20, "lane that halts")
    time.sleep(2.0)
    waits.append(True)
    wait_until(
        lambda: sum(not request.answered for request in receiver.requests) == LANES,
        10,
        "request of each lane in flight",
    )
    time.sleep(0.5)
    agent.kill()
    wait_until(lambda: receiver.open_connections() == 0, 10, "end of the dead agent's requests")


def keep(path, agent, exporters, receiver):
    """Writes what is left, and what is known of it, to a file."""
    found = {
        "files": {
            file.name: base64.b64encode(file.read_bytes()).decode()
            for file in sorted(agent.storage.iterdir())
            if file.suffix in (".segment", ".log")
        },
        "requests": [
            [base64.b64encode(request.body).decode(), request.answered] for request in receiver.requests
        ],
        "scrapes": {
            exporter.name: [[served.number, served.complete] for served in exporter.served]
            for exporter in exporters
        },
    }
    path.write_bytes(lzma.compress(json.dumps(found).encode(), preset=9))


@dataclass
class Left:
    """Of a file that `keep` wrote."""

    files: dict
    requests: list
    exporters: list

    def __init__(self, path):
        found = json.loads(lzma.decompress(path.read_bytes()))
        self.files = {name: base64.b64decode(text) for name, text in found["files"].items()}
        self.requests = [
            Received(number, "/", [], base64.b64decode(body), 0.0, 1, Answer(), answered)
            for number, (body, answered) in enumerate(found["requests"])
        ]
        self.exporters = []
        for name, scrapes in found["scrapes"].items():
            exporter = LoadExporter.__new__(LoadExporter)
            exporter.name, exporter.series = name, SERIES
            exporter.served = [Served(number, 1, 0.0, complete) for number, complete in scrapes]
            self.exporters.append(exporter)

    def unpack(self, folder):
        folder.mkdir(parents=True)
        for name, data in self.files.items():
            (folder / name).write_bytes(data)
