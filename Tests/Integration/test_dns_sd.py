"""Targets from DNS, with a real name server: the same as Debian's Prometheus finds there."""

import pytest
import yaml

from parts.agent import IS_NARTHEX
from parts.dns import NameServer
from parts.process import wait_until
from parts.prometheus import Prometheus

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the comparison is with Prometheus itself")

RECORDS = [
    "a IN A 127.0.0.1",
    "a IN A 127.0.0.2",
    "aaaa IN AAAA ::1",
    "host IN A 127.0.0.1",
    "mail IN MX 10 host",
]


def job(name, port, **options):
    return {
        "job_name": name,
        "dns_sd_configs": [{"refresh_interval": "1s", **options, **({"port": port} if port else {})}],
        # What discovery says becomes labels, to be seen at the other end.
        "relabel_configs": [{"action": "labelmap", "regex": "__meta_(dns_.+)"}],
    }


def configuration(url, via, exporter, six):
    return {
        "global": {
            "scrape_interval": "1s", "scrape_timeout": "1s", "external_labels": {"via": via},
        },
        "scrape_configs": [
            job("a", exporter.port, names=["a.test", "none.test"], type="A"),
            job("aaaa", six.port, names=["aaaa.test"], type="AAAA"),
            job("srv", None, names=["_metrics._tcp.test"]),
            job("mx", exporter.port, names=["mail.test"], type="MX"),
            # Prometheus 2.42 does not know them yet.
            *([job("ns", exporter.port, names=["test"], type="NS")] if via == "narthex" else []),
            # With the root's dot: nothing is to be added to it.
            job("dot", exporter.port, names=["host.test."], type="A"),
        ],
        "remote_write": [{"url": url, "queue_config": {"batch_send_deadline": "100ms"}}],
    }  # fmt: skip


@pytest.fixture
def served(tmp_path, parts, text_exporter):
    """(name server, exporter on 127.0.0.1, exporter on ::1)"""
    exporter = text_exporter("probe 1\n", host="0.0.0.0")
    six = text_exporter("probe 1\n", host="::1")
    server = NameServer(
        tmp_path / "dns",
        [*RECORDS, f"_metrics._tcp IN SRV 0 0 {exporter.port} host", "_metrics._tcp IN SRV 0 0 9 a"],
    )
    parts.callback(lambda: server.process.process and server.process.kill())
    return server.start(), exporter, six


def up(receiver, via):
    """{labels of `up` without `via`: the last value}"""
    found = {}
    for labels, samples in receiver.raw(f'up{{via="{via}"}}', "5s").items():
        found[frozenset(label for label in labels if label[0] != "via")] = samples[-1][1]
    return found


def test_the_targets_are_those_that_prometheus_finds(
    tmp_path, parts, make_agent, make_prometheus, served
):
    server, exporter, six = served
    receiver = make_prometheus("receiver")
    agent = make_agent(configuration(receiver.write_url, "narthex", exporter, six))
    server.ask_it(agent.process)
    agent.start()
    other = Prometheus(tmp_path / "other", tmp_path / "other.log")
    parts.callback(lambda: other.process.process and other.process.kill())
    (tmp_path / "other/prometheus.yml").write_text(
        yaml.safe_dump(configuration(receiver.write_url, "prometheus", exporter, six))
    )
    server.ask_it(other.process)
    other.start()

    def both():
        found = {via: up(receiver, via) for via in ("narthex", "prometheus")}
        return found if list(map(len, found.values())) == [8, 7] else None

    found = wait_until(both, 30, "targets of both")
    name_servers = {
        labels: value for labels, value in found["narthex"].items() if ("job", "ns") in labels
    }
    assert found["narthex"] == found["prometheus"] | name_servers
    states = {
        (dict(labels)["job"], dict(labels)["instance"]): value for labels, value in found["narthex"].items()
    }
    assert states == {
        ("a", f"127.0.0.1:{exporter.port}"): 1,
        ("a", f"127.0.0.2:{exporter.port}"): 1,
        ("aaaa", f"[::1]:{six.port}"): 1,
        ("srv", f"host.test:{exporter.port}"): 1,
        ("srv", "a.test:9"): 0,
        ("mx", f"host.test:{exporter.port}"): 1,
        ("ns", f"ns.test:{exporter.port}"): 1,
        ("dot", f"127.0.0.1:{exporter.port}"): 1,
    }
    (service,) = [dict(labels) for labels in found["narthex"] if ("instance", "a.test:9") in labels]
    assert service == {
        "__name__": "up", "job": "srv", "instance": "a.test:9", "dns_name": "_metrics._tcp.test",
        "dns_srv_record_target": "a.test.", "dns_srv_record_port": "9",
    }  # fmt: skip
    (mail,) = [dict(labels) for labels in found["narthex"] if ("job", "mx") in labels]
    assert mail["dns_mx_record_target"] == "host.test."
    assert [dict(labels)["dns_ns_record_target"] for labels in name_servers] == ["ns.test."]
    assert agent.stop() == 0


def test_a_server_that_is_gone_takes_no_targets_and_a_name_that_is_gone_does(
    make_agent, make_prometheus, served
):
    server, exporter, six = served
    receiver = make_prometheus("receiver")
    agent = make_agent(configuration(receiver.write_url, "narthex", exporter, six))
    server.ask_it(agent.process)
    agent.start()
    targets = lambda: agent.metric("prometheus_sd_discovered_targets", config="a")  # noqa: E731
    wait_until(lambda: targets() == 2, 20, "both targets")
    wait_until(lambda: len(up(receiver, "narthex")) >= 8, 20, "samples of all")
    server.stop()
    before = agent.metric("prometheus_sd_dns_lookup_failures_total")
    wait_until(
        lambda: agent.metric("prometheus_sd_dns_lookup_failures_total") > before + 6, 30, "failed look-ups"
    )
    assert targets() == 2
    assert agent.log_lines("a name could not be looked up.*a.test")
    server.write([record for record in RECORDS if not record.startswith("a ")])
    server.start()
    wait_until(lambda: targets() == 0, 20, "the targets' end")
    assert agent.metric("prometheus_sd_discovered_targets", config="dot") == 1
    assert agent.stop() == 0
