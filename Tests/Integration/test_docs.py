"""The pages of metrics and flags say what the program has, both ways."""

import re
import subprocess

import pytest
from parts.agent import IS_NARTHEX, ROOT, program
from parts.process import wait_until

FAMILY = r"(?:prometheus|narthex|process|net_conntrack)_[a-z0-9_]+"
# They play or measure the agent; the families in them are the agent's.
NOT_THE_AGENT = {"StandIns", "narthex-bench", "narthex-standins", "narthex-demo"}


def families_in_sources():
    found = set()
    for path in (ROOT / "Sources").rglob("*.swift"):
        if path.relative_to(ROOT / "Sources").parts[0] not in NOT_THE_AGENT:
            found |= set(re.findall(rf'"({FAMILY})"', path.read_text()))
    return found


def test_the_page_of_metrics_lists_every_family():
    page = (ROOT / "docs/metrics.md").read_text().partition("## Families that Prometheus has and this")[0]
    listed = re.findall(rf"^\| `({FAMILY})` \|", page, re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set(listed) == families_in_sources()


@pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus has a page of its own")
def test_the_page_of_metrics_lists_what_a_running_agent_shows(make_agent, receiver, text_exporter):
    """Also families whose names no source holds as a whole."""
    job = {"job_name": "a", "static_configs": [{"targets": [text_exporter("probe 1").address]}]}
    agent = make_agent(
        {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [job],
            "remote_write": [{"url": receiver.url, "queue_config": {"batch_send_deadline": "100ms"}}],
        }
    ).start()
    wait_until(lambda: receiver.requests, 20, "a request")
    shown = set(re.findall(rf"^# TYPE ({FAMILY}) ", agent.get("/metrics")[2].decode(), re.MULTILINE))
    page = (ROOT / "docs/metrics.md").read_text()
    listed = set(re.findall(rf"^\| `({FAMILY})` \|", page, re.MULTILINE))
    assert len(shown) > 50 and not shown - listed


@pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus has a page of its own")
@pytest.mark.parametrize(
    ("command", "name"), [("run", "flags"), ("discover", "discover"), ("doctor", "doctor")]
)
def test_the_page_of_flags_lists_every_flag(command, name):
    # Prometheus' other flags have a table of their own there, which unit tests compare.
    page = (ROOT / f"docs/{name}.md").read_text().partition("## Every flag of Prometheus")[0]
    listed = set(re.findall(r"^\| `(--[a-z.-]+)` \|", page, re.MULTILINE))

    def offered(command):
        shown = subprocess.run(
            [program("narthex"), command, "--help"], capture_output=True, text=True, timeout=30, check=True
        ).stdout
        line = r"^  (?:-\w, )?(--[a-z][a-z.-]+)(?:, (--[a-z][a-z.-]+))?"
        return {flag for pair in re.findall(line, shown, re.MULTILINE) for flag in pair if flag}

    # The doctor takes those of the agent, which have their page.
    others = offered("run") if command == "doctor" else set()
    assert others <= offered(command)
    assert listed == offered(command) - others - {"--help", "--version"}
