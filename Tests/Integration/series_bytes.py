"""script/sizing-figures --bytes: where the bytes of a series go, of a million that are all different and of a
million equal ones, as docs/operations.md has it. `script/sizing-figures --bytes 50 2000` takes 50 targets.
"""

import contextlib
import tempfile
import time
from pathlib import Path
from statistics import mean

from parts.agent import Agent
from parts.aws import REGION
from parts.process import wait_until
from parts.standins import ACCESS_KEY, SECRET_KEY, StandIns

INTERVAL = 30
# What a line is called, as the page has it, and the kind of narthex_series_memory_bytes.
KINDS = [
    ("encoded labels, each stretch once in some 350 lines", "labels"),
    ("which stretches and which of the target's labels each series has", "parts"),
    (
        "by which the next scrape's lines are known: hash and length of the line, hash of the series, and the"
        " order of a page that is read by it",
        "lines",
    ),
    ("HELP, TYPE and UNIT comments", "comments"),
    ("the last value, which the buffer and every destination that keeps up share", "values"),
    ("buffers in which requests are made", "requests"),
    ("targets, some 5,000 bytes each", "targets"),
    ("objects and tables, some 1,000 bytes for each 350 lines", "objects"),
]


def configuration(exporters, url):
    return {
        "global": {"scrape_interval": f"{INTERVAL}s", "scrape_timeout": "10s"},
        "scrape_configs": [
            {
                "job_name": "fleet",
                "static_configs": [
                    {
                        "targets": [place["address"]],
                        "labels": {"__metrics_path__": place["path"], "instance": f"exporter-{number}"},
                    }
                    for number, place in enumerate(exporters)
                ],
            }
        ],
        "remote_write": [
            {
                "name": "amp", "url": url,
                "sigv4": {"region": REGION, "access_key": ACCESS_KEY, "secret_key": SECRET_KEY},
            }
        ],
    }  # fmt: skip


def measure(targets, series, distinct):
    """{line of the table: bytes a series}, means over two intervals that follow three."""
    with contextlib.ExitStack() as stack:
        top = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="narthex-bytes-")))
        flags = [f"--exporters={targets}", f"--series={series}", "--amp-port=0", "--verify-one-in=20"]
        # Numbers that are made beforehand spare the stand-ins' processor.
        standins = StandIns(top / "standins.log", *flags, "--number-sets=4", *["--distinct"] * distinct)
        stack.callback(lambda: standins.process.process and standins.process.kill())
        standins.start()
        agent = Agent(
            top / "agent", top / "agent.log", configuration(standins.exporters, standins.amp["url"])
        )
        agent.start()
        stack.callback(lambda: agent.process.process and agent.stop())
        due = targets * series
        wait_until(lambda: agent.metric("prometheus_remote_storage_samples_total") > due, 90, "a round")
        time.sleep(2 * INTERVAL)
        looks = []
        end = time.monotonic() + 2 * INTERVAL
        while time.monotonic() < end:
            time.sleep(2)
            looks.append(agent.metrics())

    def bytes_of(family, label=None):
        return mean(
            sum(
                value
                for (name, labels), value in look.items()
                if name == family and (label is None or label in dict(labels).values())
            )
            for look in looks
        )

    found = {kind: bytes_of("narthex_series_memory_bytes", kind) for _, kind in KINDS}
    allocated, free = (bytes_of("narthex_heap_bytes", state) for state in ("allocated", "free"))
    resident = bytes_of("process_resident_memory_bytes")
    found |= {"free": free, "other": allocated - sum(found.values()), "all": resident}
    found["pages"] = resident - allocated - free
    return {name: value / due for name, value in found.items()}


def print_bytes(targets, series):
    different, equal = measure(targets, series, True), measure(targets, series, False)
    rows = [(title, f"`{kind}`", kind) for title, kind in KINDS] + [
        ("kept free by malloc", '`narthex_heap_bytes{state="free"}`', "free"),
        ("bodies that are read, and all else that malloc gave out", "rest of `narthex_heap_bytes`", "other"),
        ("pages of program and libraries, stacks", "rest of `process_resident_memory_bytes`", "pages"),
        ("all", "`process_resident_memory_bytes`", "all"),
    ]
    print("| what | `narthex_series_memory_bytes` | all different | equal |\n|---|---|---|---|")
    for title, source, name in rows:
        places = 0 if name == "all" else 1
        print(f"| {title} | {source} | {different[name]:.{places}f} | {equal[name]:.{places}f} |")
