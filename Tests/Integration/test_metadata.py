"""Metadata of metric families: by remote write 1.0 in requests of their own, by 2.0 with each series, also
of what was scraped before a restart.
"""

import cramjam
import pytest

from parts.agent import IS_NARTHEX
from parts.process import wait_until
from parts.receiver import Answer
from parts.symbols import Requests, compiled, configuration, is_of_20, takes_20

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus' own metadata are not under test")

TEXT = (
    "# HELP requests_total Requests \\\\ all.\n# TYPE requests_total counter\nrequests_total 1\n"
    "# HELP queue Queue.\n# TYPE queue gauge\nqueue 2\n"
    "# TYPE seconds histogram\nseconds_bucket{le=\"+Inf\"} 1\nseconds_sum 1\nseconds_count 1\n"
)
KNOWN = {
    ("requests_total", 1, "Requests \\ all.", ""),
    ("queue", 2, "Queue.", ""),
    ("seconds", 3, "", ""),
}


def sent_apart(receiver, module):
    """A list of families for each request without samples."""
    requests = []
    for received in receiver.requests:
        message = module.WriteRequest()
        message.ParseFromString(bytes(cramjam.snappy.decompress_raw(received.body)))
        assert not (message.metadata and message.timeseries)
        if message.metadata:
            requests.append([(m.metric_family_name, m.type, m.help, m.unit) for m in message.metadata])
    return requests


def test_10_sends_metadata_every_interval(tmp_path, receiver, make_agent, text_exporter):
    module = compiled(tmp_path, "remote_write_v1.proto")
    exporter = text_exporter(TEXT)
    agent = make_agent(
        configuration(
            receiver.url,
            {"a": (exporter.address, {}), "b": (exporter.address, {})},
            "prometheus.WriteRequest",
            metadata_config={"send_interval": "1s", "max_samples_per_send": 2},
        )
    ).start()
    requests = wait_until(
        lambda: (found := sent_apart(receiver, module)) and len(found) >= 4 and found, 20, "metadata"
    )
    # Both jobs describe the same families, which are sent once, two in a request.
    assert [len(request) for request in requests[:4]] == [2, 1, 2, 1]
    assert set(requests[0] + requests[1]) == KNOWN == set(requests[2] + requests[3])
    assert agent.metric("prometheus_remote_storage_metadata_total") >= 6
    assert agent.metric("prometheus_remote_storage_metadata_failed_total") == 0
    assert agent.stop() == 0


@pytest.mark.parametrize("message", ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"])
def test_nothing_is_sent_apart_where_it_is_not_wanted(
    tmp_path, receiver, make_agent, text_exporter, message
):
    module = compiled(tmp_path, "remote_write_v1.proto")
    receiver.decide = takes_20
    exporter = text_exporter(TEXT)
    metadata = {"send_interval": "1s"} | ({} if "v2" in message else {"send": False})
    agent = make_agent(
        configuration(receiver.url, {"a": (exporter.address, {})}, message, metadata_config=metadata)
    ).start()
    wait_until(lambda: len(receiver.accepted()) >= 4, 20, "requests")
    assert not sent_apart(receiver, module)
    assert agent.stop() == 0


def test_a_backlog_of_before_a_restart_has_its_metadata(tmp_path, receiver, make_agent, text_exporter):
    module = compiled(tmp_path)
    receiver.decide = lambda received: Answer(status=503, stores=False)
    exporter = text_exporter(TEXT)
    agent = make_agent(configuration(receiver.url, {"a": (exporter.address, {})})).start()
    wait_until(lambda: agent.metric("prometheus_agent_samples_appended_total") >= 20, 20, "a backlog")
    agent.kill()
    before = len(receiver.requests)
    # Nothing is scraped any more: what comes is the backlog.
    agent.configure(configuration(receiver.url, {}))
    receiver.decide = takes_20
    agent.start()
    wait_until(receiver.accepted, 20, "the backlog")
    requests = Requests(module, [one for one in receiver.requests[before:] if is_of_20(one)])
    found = {
        (labels["__name__"], one.metadata.type, message.symbols[one.metadata.help_ref])
        for pairs, one, message in requests.series()
        if not (labels := dict(pairs))["__name__"].startswith("scrape_")
    }
    assert found == {
        ("up", 2, "Health of the scrape target. 1 means the target is healthy, 0 if the scrape failed."),
        ("requests_total", 1, "Requests \\ all."),
        ("queue", 2, "Queue."),
        ("seconds_bucket", 3, ""),
        ("seconds_sum", 3, ""),
        ("seconds_count", 3, ""),
    }
    assert agent.stop() == 0
