"""What Prometheus' agent mode has on /metrics is on the page of metrics: served, or missing with a reason."""

import fnmatch
import itertools
import re
import urllib.request

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families as text_format

from parts.agent import IS_NARTHEX, ROOT
from parts.process import TOOLS, ChildProcess, free_port, wait_until

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the page is about this agent")

PAGE = (ROOT / "docs/metrics.md").read_text()
SERVED, _, MISSING = PAGE.partition("## Families that Prometheus has and this agent has not")


def listed():
    return set(re.findall(r"^\| `([a-z0-9_]+)` \|", SERVED, re.MULTILINE))


def spelled_out(pattern):
    """`a_{b,c}_d` is `a_b_d` and `a_c_d`."""
    parts = [part.split(",") for part in re.split(r"\{([a-z_,]+)\}", pattern)]
    return ["".join(words) for words in itertools.product(*parts)]


def patterns():
    rows = re.findall(r"^\| (`.*?`) \| ", MISSING, re.MULTILINE)
    found = [name for row in rows for text in re.findall(r"`([^`]+)`", row) for name in spelled_out(text)]
    assert len(found) > 20 and len(found) == len(set(found))
    return found


def test_no_family_is_on_both_lists():
    served = listed()
    assert [(one, name) for one in patterns() for name in served if fnmatch.fnmatchcase(name, one)] == []


def test_every_family_of_prometheus_is_listed(receiver, tmp_path):
    """Debian's version; families that later versions added are compared in test_self_metrics."""
    port = free_port()
    configuration = {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
        "scrape_configs": [{"job_name": "self", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}],
        "remote_write": [{"url": receiver.url}],
    }
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    prometheus = ChildProcess(
        "prometheus",
        [
            TOOLS / "debian/prometheus/usr/bin/prometheus",
            "--enable-feature=agent",
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.agent.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ],
        tmp_path / "prometheus.log",
    )

    def page():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            return ""

    prometheus.start()
    try:
        wait_until(lambda: "prometheus_target_interval_length_seconds_count" in page(), 30, "second scrape")
        # The parser takes the ending of a counter's name away.
        families = {
            family.name + ("_total" if family.type == "counter" else "") for family in text_format(page())
        }
    finally:
        prometheus.stop(timeout=30)
    known = listed()
    missing = patterns()
    assert len(families) > 130
    unlisted = {
        name
        for name in families
        if name not in known and not any(fnmatch.fnmatchcase(name, one) for one in missing)
    }
    assert unlisted == set()
