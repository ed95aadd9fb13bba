"""A configuration file written for a Prometheus server, kept as it is."""

import re
import subprocess
import time

import pytest
from parts.agent import IS_NARTHEX, ROOT, clean_environment, program
from parts.process import wait_until

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus' agent mode refuses these files")

# The file that Debian's package of Prometheus ships, with an Alertmanager and place holders for rules.
SHIPPED = (ROOT / ".tools/debian/prometheus/etc/prometheus/prometheus.yml").read_text()


def a_server_s(receiver):
    """The shipped file with one pattern of rules and a destination."""
    text = SHIPPED.replace('# - "first_rules.yml"', '- "rules/*.yml"')
    return text + f"\nremote_write:\n  - url: {receiver.url}\n"


def test_the_shipped_file_runs_and_what_will_not_happen_is_said(make_agent, receiver, tmp_path):
    text = a_server_s(receiver)
    agent = make_agent(text)
    rules = agent.configuration_file.parent / "rules"
    rules.mkdir()
    for name in ("a.yml", "b.yml", "c.txt"):
        (rules / name).write_text("groups: []\n")
    agent.start(until_ready=True)
    said = {"rule_files": "2 files of rules are not evaluated", "alerting": "no alert is ever"}
    for key, words in said.items():
        line = 1 + text.splitlines().index(f"{key}:")
        found = agent.log_lines(rf"narthex\.yml:{line}:1: {key} .*{words}")
        assert len(found) == 1 and "level=WARN" in found[0], agent.log_text()
    assert agent.log_lines(r"level=WARN.*no effect in an agent.*global\.evaluation_interval")
    assert agent.metric("narthex_config_ignored", key="rule_files") == 1
    assert agent.metric("narthex_config_ignored", key="global.evaluation_interval") == 1
    page = agent.get("/")[2]
    page = page if isinstance(page, str) else page.decode()
    assert "2 files of rules are not evaluated" in page and "global.evaluation_interval" in page
    assert page.index("that have no effect") < page.index("Samples scraped")
    assert agent.stop() == 0


def test_strict_refuses_the_same_file_with_every_place(receiver, tmp_path):
    (tmp_path / "narthex.yml").write_text(a_server_s(receiver))
    done = subprocess.run(
        [
            program("narthex"), "run", "--config.file=narthex.yml", "--config.strict",
            "--web.listen-address=127.0.0.1:0",
        ],
        cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert done.returncode == 2, done
    found = re.findall(r"^narthex\.yml:\d+:\d+: (\S+) .*--config\.strict", done.stderr, re.MULTILINE)
    assert sorted(found) == ["alerting", "global.evaluation_interval", "rule_files"], done.stderr
    assert not (tmp_path / "data-agent").exists()


def test_the_window_for_late_samples_is_honoured(make_agent, receiver, text_exporter):
    now = int(time.time() * 1000)
    exporter = text_exporter(f"number 1 {now}\n")
    wanted = {
        "global": {"scrape_interval": "300ms", "scrape_timeout": "300ms"},
        "storage": {"tsdb": {"out_of_order_time_window": "1m"}},
        "scrape_configs": [{"job_name": "late", "static_configs": [{"targets": [exporter.address]}]}],
        "remote_write": [{"url": receiver.url, "queue_config": {"batch_send_deadline": "200ms"}}],
    }
    agent = make_agent(wanted).start()

    def timestamps():
        return {
            at
            for labels, samples in receiver.samples().items()
            if dict(labels)["__name__"] == "number"
            for at, _ in samples
        }

    wait_until(lambda: now in timestamps(), 20, "the first sample")
    exporter.text = f"number 2 {now - 30_000}\n"
    wait_until(lambda: now - 30_000 in timestamps(), 20, "a sample of half a minute before")
    seen = exporter.scrapes
    exporter.text = f"number 3 {now - 90_000}\n"
    wait_until(lambda: exporter.scrapes >= seen + 4, 20, "scrapes of a sample beyond the window")
    assert agent.metric("narthex_scrape_dropped_samples_total", reason="out_of_order") >= 2
    assert agent.stop() == 0
    assert timestamps() == {now, now - 30_000}
