"""Targets from a web server, with everything that can be wrong about its answers; jobs from other files."""

import json
import time

import pytest

from parts.agent import IS_NARTHEX
from parts.process import wait_until
from parts.web import TargetList

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="what is asserted of metrics is ours")


@pytest.fixture
def targets(parts):
    server = TargetList().start()
    parts.callback(server.stop)
    return server


def start(make_agent, receiver, targets, **options):
    return make_agent(
        {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [
                {
                    "job_name": "web",
                    "http_sd_configs": [{"url": targets.url, "refresh_interval": "1s", **options}],
                }
            ],
            "remote_write": [{"url": receiver.url, "queue_config": {"batch_send_deadline": "100ms"}}],
        }
    ).start()


def discovered(agent):
    return agent.metric("prometheus_sd_discovered_targets", config="web")


def failures(agent):
    return agent.metric("prometheus_sd_http_failures_total")


def test_targets_come_and_go(make_agent, receiver, targets, text_exporter):
    exporter = text_exporter("probe 1\n")
    address = f"127.0.0.1:{exporter.port}"
    targets.serve([{"targets": [address], "labels": {"team": "a"}}])
    agent = start(make_agent, receiver, targets, basic_auth={"username": "u", "password": "sdword"})
    wait_until(
        lambda: any(
            {("__name__", "probe"), ("team", "a"), ("instance", address)} <= set(labels)
            for labels in receiver.samples()
        ),
        20,
        "a sample of the target",
    )
    asked = targets.requests[0]
    assert asked["X-Prometheus-Refresh-Interval-Seconds"] == "1"
    assert asked["Authorization"].startswith("Basic ")
    assert "sdword" not in agent.log_text()
    targets.serve([])
    wait_until(lambda: discovered(agent) == 0, 20, "no targets")


@pytest.mark.parametrize(
    "reply",
    [
        (500, "application/json", b"[]"),
        (200, "text/html", b"[]"),
        (200, "application/json", b"<html>"),
        (200, "application/json", b'[{"targets": ["a"'),
        (200, "application/json", b'[{"target": ["a"]}]'),
        (200, "application/json", b"[" + b'{"targets":["' + b"a" * (17 << 20) + b'"]}]'),
        lambda exchange: exchange.connection.close(),
        lambda exchange: time.sleep(3),
    ],
    ids=["status", "type", "html", "cut", "key", "huge", "closed", "slow"],
)
def test_broken_answers_keep_the_last_good_list(make_agent, receiver, targets, reply):
    targets.serve([{"targets": ["127.0.0.1:1", "127.0.0.1:2"]}])
    agent = start(make_agent, receiver, targets)
    wait_until(lambda: discovered(agent) == 2, 20, "two targets")
    targets.reply = reply
    wait_until(lambda: failures(agent) >= 2, 20, "failures")
    assert discovered(agent) == 2
    assert agent.log_lines("targets could not be fetched; the last good ones stay")
    assert agent.process.peak_rss_bytes() < 400 << 20
    targets.serve([{"targets": ["127.0.0.1:1"]}])
    wait_until(lambda: discovered(agent) == 1, 20, "the new list")


def test_two_thousand_targets_are_taken(make_agent, receiver, targets):
    targets.reply = (
        200,
        "application/json; charset=utf-8",
        json.dumps([{"targets": [f"127.0.0.1:{port}"]} for port in range(1, 2_001)]).encode(),
    )
    agent = start(make_agent, receiver, targets)
    wait_until(lambda: discovered(agent) == 2_000, 20, "2,000 targets")


def test_jobs_of_other_files(make_agent, receiver, text_exporter):
    exporter = text_exporter("probe 1\n")
    agent = make_agent(
        {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_config_files": ["jobs/*.yml"],
            "remote_write": [{"url": receiver.url, "queue_config": {"batch_send_deadline": "100ms"}}],
        }
    )
    folder = agent.folder / "jobs"
    folder.mkdir()
    text = (
        'scrape_configs: [{{job_name: {}, static_configs: [{{targets: ["127.0.0.1:'
        + str(exporter.port)
        + '"]}}]}}]'
    )
    (folder / "one.yml").write_text(text.format("one"))
    (folder / "two.yml").write_text(text.format("two"))
    agent.start()
    wait_until(
        lambda: {dict(labels).get("job") for labels in receiver.samples()} >= {"one", "two"},
        20,
        "samples of both jobs",
    )
    assert agent.stop() == 0
    (folder / "two.yml").write_text(text.format("one"))
    agent.start(until_ready=False)
    assert agent.process.wait(20) != 0
    assert agent.log_lines('two.yml:1:.*job_name must be unique: .*"one.*" stands in .*one.yml:1 already')
