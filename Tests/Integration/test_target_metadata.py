"""`/api/v1/targets/metadata`, beside Debian's Prometheus, which scrapes the same exporters."""

import json
import urllib.error
import urllib.parse
import urllib.request

import pytest
import yaml

from parts.agent import IS_NARTHEX
from parts.process import wait_until
from parts.prometheus import Prometheus

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the comparison is with Prometheus itself")


def ask(port, **query):
    url = f"http://127.0.0.1:{port}/api/v1/targets/metadata?{urllib.parse.urlencode(query)}"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, json.load(answer)


def entries(port, **query):
    """Without order: Prometheus has none."""
    status, answer = ask(port, **query)
    assert status == 200 and answer["status"] == "success", answer
    return sorted(json.dumps(entry, sort_keys=True) for entry in answer["data"])


def test_metadata_is_what_prometheus_shows(
    tmp_path, parts, make_agent, receiver, text_exporter, node_exporter
):
    exporter = text_exporter(
        '# HELP a_total Two \\n lines, "quoted" \\\\.\n# TYPE a_total counter\na_total 1\n'
        "# TYPE b untyped\nb 1\n"
        "# HELP c Help without a type.\nc 1\nd 1\n"
    )
    configuration = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {
                "job_name": "text",
                "static_configs": [{"targets": [exporter.address], "labels": {"zone": "a"}}],
            },
            {"job_name": "node", "static_configs": [{"targets": [node_exporter.address]}]},
        ],
    }
    agent = make_agent(configuration | {"remote_write": [{"url": receiver.url}]}).start()
    other = Prometheus(tmp_path / "other", tmp_path / "other.log")
    parts.callback(lambda: other.process.process and other.process.kill())
    (tmp_path / "other/prometheus.yml").write_text(yaml.safe_dump(configuration))
    other.start()
    queries = [
        {"match_target": '{job="text"}'},
        {"match_target": '{job=~"te.t",zone!=""}', "metric": "a_total"},
        {"metric": "node_cpu_seconds_total"},
        {"metric": "a_total", "limit": "1"},
    ]
    for query in queries:
        wait_until(lambda: ask(other.port, **query)[1].get("data"), 20, "metadata of Prometheus")
        wait_until(lambda: ask(agent.port, **query)[1].get("data"), 20, "metadata of the agent")
        assert entries(agent.port, **query) == entries(other.port, **query), query
    of_node = {"match_target": '{job="node"}'}
    ours = {json.loads(entry)["metric"] for entry in entries(agent.port, **of_node)}
    assert len(ours) > 100
    assert ours == {json.loads(entry)["metric"] for entry in entries(other.port, **of_node)}
    assert ask(agent.port, match_target="{job=")[0] == ask(other.port, match_target="{job=")[0] == 400
    kinds = [ask(port, limit="x")[1]["errorType"] for port in (agent.port, other.port)]
    assert kinds == ["bad_data", "bad_data"]
    assert agent.stop() == 0
