"""A user and a password in the URLs of remote_write and http_sd_configs: sent, and never shown."""

import base64
import subprocess

import pytest

from parts.agent import IS_NARTHEX, clean_environment, program
from parts.process import wait_until
from parts.receiver import Answer
from parts.web import TargetList

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="what is asserted of logs is ours")


def test_a_user_in_a_url_is_sent_and_never_shown(make_agent, receiver, parts, text_exporter):
    sd = TargetList().start()
    parts.callback(sd.stop)
    sd.serve([{"targets": [f"127.0.0.1:{text_exporter('probe 1').port}"], "labels": {}}])
    secrets = ["p@ss:writeword", "p%40ss%3Awriteword", "sdword"]
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {
                "job_name": "web",
                "http_sd_configs": [
                    {"url": sd.url.replace("://", "://lister:sdword@"), "refresh_interval": "1s"}
                ],
                "relabel_configs": [{"source_labels": ["__meta_url"], "target_label": "from"}],
            }
        ],
        "remote_write": [
            {
                "url": receiver.url.replace("http://", "HTTP://us%40er:p%40ss%3Awriteword@"),
                "queue_config": {"batch_send_deadline": "100ms"},
                "basic_auth": {"username": "unused", "password": "unused"},
            }
        ],
    }
    agent = make_agent(config).start()
    wait_until(lambda: len(receiver.requests) > 1, 20, "requests")
    assert {r.header("Authorization") for r in receiver.requests} == {basic("us@er", "p@ss:writeword")}
    assert {r["Authorization"] for r in sd.requests} == {basic("lister", "sdword")}
    assert {dict(labels).get("from") for labels in receiver.samples()} == {sd.url}
    assert agent.log_lines("level=WARN.*basic_auth has no effect")
    found = subprocess.run(
        [program("narthex"), "discover", f"--config.file={agent.configuration_file}", "--format=json"],
        capture_output=True, text=True, timeout=30, env=clean_environment(),
    )  # fmt: skip
    assert not any(secret in found.stdout + found.stderr for secret in secrets)
    sd.reply = (503, "text/plain", b"")
    receiver.decide = lambda _: Answer(status=500)
    wait_until(lambda: agent.log_lines("503") and agent.log_lines("500"), 20, "both failures in the log")
    pages = agent.log_text() + "".join(agent.get(path)[2].decode() for path in ("/metrics", "/"))
    assert not any(secret in pages for secret in secrets)
    assert agent.metric("prometheus_remote_storage_samples_total", url=receiver.url) > 0


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
