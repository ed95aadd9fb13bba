"""The agent's ledger as /metrics shows it: scraped = delivered + dropped{reason} + buffered + earlier, per
job and destination.
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field


@dataclass
class Entry:
    scraped: int = 0
    delivered: int = 0
    buffered: int = 0
    earlier: int = 0
    dropped: dict = field(default_factory=lambda: defaultdict(int))  # by reason

    def balance(self):
        """Zero, at every moment. A destination added late owes nothing for what it never could have."""
        return (
            self.scraped - self.earlier - self.delivered - self.buffered - sum(self.dropped.values())
        )


def read_ledger(agent):
    """{(destination, job): Entry} from one page, so that the figures belong together."""
    metrics = agent.metrics()
    entries = defaultdict(Entry)
    scraped = {}
    for (name, label_set), value in metrics.items():
        labels = dict(label_set)
        if name == "narthex_ledger_scraped_samples_total":
            scraped[labels["job"]] = int(value)
            continue
        if not name.startswith("narthex_ledger_"):
            continue
        entry = entries[(labels["remote_name"], labels["job"])]
        if name == "narthex_ledger_delivered_samples_total":
            entry.delivered = int(value)
        elif name == "narthex_ledger_buffered_samples":
            entry.buffered = int(value)
        elif name == "narthex_ledger_earlier_samples":
            entry.earlier = int(value)
        elif name == "narthex_ledger_dropped_samples_total":
            entry.dropped[labels["reason"]] += int(value)
    for (_, job), entry in entries.items():
        entry.scraped = scraped.get(job, 0)
    return dict(entries)


def ledger_page(agent):
    status, _, body = agent.get("/api/v1/narthex/ledger")
    assert status == 200
    return json.loads(body)["data"]


def assert_balanced(ledger):
    assert ledger, "/metrics shows no ledger"
    for (destination, job), entry in ledger.items():
        assert entry.balance() == 0, f"the books of {job} at {destination} do not balance: {entry}"
