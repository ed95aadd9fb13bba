"""Alerts about remote storage that people have for Prometheus, in Debian's Prometheus that scrapes our page:
each fires for the destination whose trouble is made, and for no other.
"""

import re

import pytest
import yaml

from parts.agent import IS_NARTHEX, ROOT
from parts.process import wait_until
from parts.receiver import Answer, CountingReceiver
from test_dashboards import Watcher

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="an agent of Prometheus has these families")

FAMILY = "prometheus_remote_storage_"


def either(*names):
    """The rate of a counter under its old name or its new one, as Prometheus' mixin asks for it."""
    return "(" + " or ".join(f"rate({FAMILY}{name}[5m])" for name in names) + ")"


FAILED = either("failed_samples_total", "samples_failed_total")
SENT = either("succeeded_samples_total", "samples_total")
# As in the mixin, where they have `for: 15m`.
MIXIN = {
    "RemoteStorageFailures": f"({FAILED} / ({FAILED} + {SENT})) * 100 > 1",
    "RemoteWriteBehind": f"(max_over_time({FAMILY}highest_timestamp_in_seconds[5m])"
    " - ignoring(remote_name, url) group_right"
    f" max_over_time({FAMILY}queue_highest_sent_timestamp_seconds[5m])) > 120",
    "RemoteWriteDesiredShards": f"(max_over_time({FAMILY}shards_desired[5m])"
    f" > max_over_time({FAMILY}shards_max[5m]))",
}
OURS = {
    rule["alert"]: rule["expr"]
    for group in yaml.safe_load((ROOT / "config/alerts.yml").read_text())["groups"]
    for rule in group["rules"]
    if rule["alert"].removeprefix("Prometheus") in MIXIN
}
# Who the alert is for.
TROUBLED = {
    "RemoteStorageFailures": {"refusing"},
    "RemoteWriteBehind": {"slow"},
    "RemoteWriteDesiredShards": {"slow"},
}


def hasty(expression):
    """Over the last seconds, and behind by seconds."""
    return re.sub(r"\[5m\]", "[5s]", expression).replace("> 120", "> 4")


class Ruled(Watcher):
    rules = [
        {"alert": name, "expr": hasty(expression)} for name, expression in (MIXIN | OURS).items()
    ]

    def firing(self):
        """{alert: names of destinations} of what fires now."""
        found = {}
        for item in self.ask(query='ALERTS{alertstate="firing"}'):
            found.setdefault(item["metric"]["alertname"], set()).add(item["metric"]["remote_name"])
        return found


@pytest.mark.timeout(90)
def test_alerts_fire_for_the_destination_in_trouble(make_agent, text_exporter, parts, tmp_path):
    assert len(OURS) == len(MIXIN)

    def receiver():
        started = CountingReceiver().start()
        parts.callback(started.stop)
        return started

    receivers = {name: receiver() for name in ("steady", "slow", "refusing")}
    watcher = Ruled(tmp_path / "prometheus", tmp_path / "prometheus.log")
    parts.callback(lambda: watcher.process.process and watcher.process.kill())
    # 1,000 samples a second in requests of 100.
    exporter = text_exporter("".join(f'a{{i="{number}"}} 1\n' for number in range(500)))
    queue = {"max_samples_per_send": 100, "batch_send_deadline": "200ms"}
    agent = make_agent(
        {
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
            "scrape_configs": [{"job_name": "a", "static_configs": [{"targets": [exporter.address]}]}],
            "remote_write": [
                {
                    "name": name,
                    "url": receiver.url,
                    "queue_config": queue | ({"max_shards": 1} if name == "slow" else {}),
                }
                for name, receiver in receivers.items()
            ],
        }
    )
    # Two requests a second, where ten would be needed.
    receivers["slow"].decide = lambda received: Answer(delay=0.5)
    receivers["refusing"].decide = lambda received: (
        Answer(status=400, stores=False, body=b"user u: per-user series limit of 1 exceeded")
        if received.number % 4 == 0
        else Answer()
    )
    watcher.watch(agent.start())

    wanted = {name: TROUBLED[name.removeprefix("Prometheus")] for name in MIXIN | OURS}

    def all_fire():
        watcher.fired()  # and no rule is faulty
        found = watcher.firing()
        assert all(names <= wanted[alert] for alert, names in found.items()), found
        return found == wanted

    wait_until(all_fire, 50, "every alert")
    samples = agent.metrics()

    def figure(name, destination):
        return next(
            value
            for (family, labels), value in samples.items()
            if family == FAMILY + name and dict(labels).get("remote_name") == destination
        )

    assert figure("shards", "slow") == 1 == figure("shards_max", "slow")
    assert figure("shards_desired", "slow") > 4
    # Within what it may do, though Prometheus would have to write it down as well.
    assert figure("shards_desired", "steady") < figure("shards_max", "steady")
    # The whole backlog, as the ledger has it.
    assert figure("samples_pending", "slow") > 2000
    assert figure("samples_pending", "steady") < 2000
    assert figure("samples_failed_total", "refusing") > 0 == figure("samples_failed_total", "steady")

    receivers["slow"].decide = lambda received: Answer()
    wait_until(
        lambda: "slow" not in watcher.firing().get("PrometheusRemoteWriteBehind", ()), 20, "an end of the lag"
    )
