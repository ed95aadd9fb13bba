"""The receiver is away for two minutes. Then everything arrives, in order, and none is lost.

NARTHEX_OUTAGE_SECONDS shortens it for a look; the full two minutes are the default.
"""

import os
import time

import pytest

from parts.agent import IS_NARTHEX
from parts.custody import Custody
from parts.process import wait_until
from parts.receiver import Answer

OUTAGE_SECONDS = float(os.environ.get("NARTHEX_OUTAGE_SECONDS", "120"))
EXPORTERS = 4
SERIES = 250


def configuration(exporters, urls):
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {
                "job_name": "load",
                "static_configs": [
                    {"targets": [exporter.address], "labels": {"instance": exporter.name}}
                    for exporter in exporters
                ],
            }
        ],
        "remote_write": [
            {
                "name": name,
                "url": url,
                "queue_config": {"batch_send_deadline": "500ms", "max_backoff": "2s"},
            }
            for name, url in urls.items()
        ],
    }


@pytest.mark.timeout(OUTAGE_SECONDS + 180)
def test_an_outage_of_the_receiver_loses_nothing(make_agent, make_prometheus, receiver, load_exporter):
    exporters = [load_exporter(f"load:{index}", SERIES) for index in range(EXPORTERS)]
    prometheus = make_prometheus()
    urls = {"counting": receiver.url, "prometheus": prometheus.write_url}
    agent = make_agent(configuration(exporters, urls)).start()
    wait_until(lambda: len(receiver.accepted()) > 5, 20, "flow of requests before the outage")

    # A third of the time nobody listens, a third of it the receiver answers 503, a third it takes and never
    # answers.
    receiver.stop()
    prometheus.stop()
    time.sleep(OUTAGE_SECONDS / 3)
    receiver.decide = lambda received: Answer(status=503, stores=False)
    receiver.start()
    time.sleep(OUTAGE_SECONDS / 3)
    receiver.decide = lambda received: Answer(stores=False, hangs_up=True, delay=0.2)
    time.sleep(OUTAGE_SECONDS / 3)
    assert agent.process.is_running()
    if IS_NARTHEX:
        from parts.ledger import read_ledger

        outage_samples = int(OUTAGE_SECONDS) * EXPORTERS * SERIES
        buffered = {name: entry.buffered for (name, _), entry in read_ledger(agent).items()}
        assert all(count > outage_samples * 0.9 for count in buffered.values()), buffered
    receiver.decide = lambda received: Answer()
    prometheus.start()

    caught_up = [len(exporter.served) for exporter in exporters]

    def everything_has_arrived():
        newest = {}
        for labels, samples in receiver.samples().items():
            named = dict(labels)
            if named["__name__"] == "load_moving" and named["index"] == "0000":
                newest[named["instance"]] = len({at for at, _ in samples})
        return [newest.get(exporter.name, 0) for exporter in exporters] >= caught_up

    wait_until(everything_has_arrived, 60, "arrival of the backlog", every=1)
    assert agent.stop() == 0

    custody = Custody({exporter.name: exporter for exporter in exporters}, receiver, lanes=50)
    print(custody.summary())
    custody.assert_clean()

    # The real receiver takes nothing out of order, so that it has all of them says that each came in its
    # turn.
    for exporter in exporters:
        stored = prometheus.raw(f'load_moving{{instance="{exporter.name}",index="0000"}}')
        values = [value for samples in stored.values() for _, value in samples]
        certain = [float(served.number) for served in exporter.served[:-1] if served.complete]
        assert (
            values[: len(certain)] == certain
        ), f"{exporter.name}: {len(values)} of {len(certain)} are stored"
