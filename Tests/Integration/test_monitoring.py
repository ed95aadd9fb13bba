"""config/alerts.yml and config/dashboard.json in Debian's Prometheus, which scrapes our page: promtool takes
the rules, each panel has a number, no alert fires while all is well, and alerts fire when their trouble is
made.
"""

import json
import math
import re
import signal
import subprocess
import time

import pytest
import yaml

from parts.agent import IS_NARTHEX, ROOT
from parts.process import wait_until
from parts.prometheus import PROGRAM
from parts.receiver import Answer
from test_dashboards import Setting, Watcher
from test_docs import FAMILY

RULES = ROOT / "config/alerts.yml"
DASHBOARD = ROOT / "config/dashboard.json"

# Parts of histograms, summaries and counters, under which the page of metrics has no line.
PARTS = re.compile(r"_(?:bucket|sum|count)$")
# Families of whose kind the page of metrics has some in its text only.
IN_THE_TEXT = "prometheus_remote_storage_"

# Numbers of these come with an event that the test does not make: calls to AWS.
WITHOUT_NUMBERS = ("narthex_sd_aws_", "narthex_sd_ecs_", "narthex_aws_")
# And of these with one that it makes.
LATER = (
    "narthex_scrape_failures_", "narthex_scrape_skipped_", "narthex_buffer_retention_",
    "narthex_ledger_dropped_", "narthex_remote_write_refused_", "narthex_scrape_shed_",
)  # fmt: skip

# Alerts of the troubles that are made here, with the durations that `hasty` makes of theirs.
FIRES = {
    "NarthexTargetsDown", "NarthexScrapesFail", "PrometheusDuplicateTimestamps",
    "PrometheusOutOfOrderTimestamps", "PrometheusTargetLimitHit", "PrometheusLabelLimitHit",
    "PrometheusScrapeBodySizeLimitHit", "PrometheusScrapeSampleLimitHit", "NarthexLinesSkipped",
    "PrometheusSDRefreshFailure", "PrometheusTargetSyncFailure", "NarthexNoTargets", "NarthexSamplesDropped",
    "NarthexSeriesShed", "PrometheusRemoteWriteBehind", "NarthexBufferNearlyFull",
}  # fmt: skip
# The same with a receiver that answers otherwise, a reload that fails, another start, and without an agent.
FIRES_LAST = {
    "NarthexWritesNotAllowed", "NarthexWritesThrottled", "NarthexSamplesRefused", "PrometheusBadConfig",
    "NarthexRestarts", "NarthexDown", "NarthexAbsent",
}  # fmt: skip


def rules():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels(job="narthex", instance=".*"):
    """(title, expression) of every query, with the variables as Grafana fills them in."""
    found = json.loads(DASHBOARD.read_text())
    for panel in found["panels"]:
        for target in panel.get("targets", []):
            text = target["expr"].replace("$job", job).replace("$instance", instance)
            yield panel["title"], text.replace("$__rate_interval", "10s").replace("[1h]", "[10s]")


def everything(watcher):
    """What Grafana puts in the place of a variable where All is chosen: `allValue`, else each of the values
    that the variable's query finds.
    """
    chosen = {}
    for variable in json.loads(DASHBOARD.read_text())["templating"]["list"]:
        if variable["type"] != "query":
            continue
        query = variable["query"]["query"].replace("$job", chosen.get("job", ""))
        family, label = re.fullmatch(r"label_values\((.*), (\w+)\)", query).groups()
        values = {item["metric"][label] for item in watcher.ask(query=family)}
        listed = f"({'|'.join(re.escape(value) for value in sorted(values))})".replace("\\", "\\\\")
        chosen[variable["name"]] = variable.get("allValue", listed)
    return chosen


# Bounds that a test reaches in a minute.
BOUNDS = {
    "NarthexRestarts": ("> 2", "> 0"),
    "PrometheusRemoteWriteBehind": ("> 120", "> 5"),
    "NarthexBufferNearlyFull": ("> 0.8 * 1024 * 1024 * 1024", "> 2000000"),
}


def hasty(expression, alert=None):
    """The expression over the last seconds instead of minutes, with a bound that is soon reached."""
    bound, lower = BOUNDS.get(alert, ("", ""))
    assert bound in expression
    text = expression.replace(bound, lower) if bound else expression
    return re.sub(r"offset \d+m", "offset 10s", re.sub(r"\[\d+[mh]\]", "[10s]", text))


def quantities():
    """(alert, what its expression compares with a bound), of those that do not fire below."""
    for rule in rules():
        text, compared = re.subn(r"\s*(?:[<>]=?|==)\s*[\d.* ]+$", "", hasty(rule["expr"]).strip())
        if compared and rule["alert"] not in FIRES | FIRES_LAST | {"PrometheusNotIngestingSamples"}:
            yield rule["alert"], text


def test_promtool_takes_the_rules():
    ended = subprocess.run(
        [PROGRAM.with_name("promtool"), "check", "rules", "--lint=all", "--lint-fatal", RULES],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))
    page = (ROOT / "docs/monitoring.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == names


def test_panels_have_places_of_their_own():
    """Grafana moves panels that overlap and drops those of one id."""
    found = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in found}) == len(found)
    taken = set()
    for panel in found:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["w"]) for y in range(place["h"])}
        cells = {(x + place["x"], y + place["y"]) for x, y in cells}
        assert not cells & taken and max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
        assert panel["type"] == "row" or panel["description"] and panel["targets"], panel["title"]


def test_families_are_those_of_the_page():
    page = (ROOT / "docs/metrics.md").read_text()
    listed = set(re.findall(rf"^\| `({FAMILY})` \|", page, re.MULTILINE))
    texts = [rule["expr"] for rule in rules()] + [text for _, text in panels()]
    used = {name for text in texts for name in re.findall(rf"\b{FAMILY}(?=[{{\[])", text)}
    assert len(used) > 50
    unknown = {PARTS.sub("", name) for name in used} - listed
    assert {name for name in unknown if not name.startswith(IN_THE_TEXT)} == set()


class Ruled(Watcher):
    """Debian's Prometheus with the rules of the file, which fire at once."""

    rules = [
        {"alert": rule["alert"], "expr": hasty(rule["expr"], rule["alert"])} for rule in rules()
    ]

    @property
    def others(self):
        """This Prometheus itself, whose families have the same names as the agent's."""
        return [{"job_name": "other", "static_configs": [{"targets": [f"127.0.0.1:{self.port}"]}]}]

    def forget(self):
        """Goes on without the agent. Where its job is gone as a whole its series would not go stale."""
        path = self.folder / "prometheus.yml"
        configuration = yaml.safe_load(path.read_text())
        configuration["scrape_configs"][0]["static_configs"] = [{"targets": []}]
        path.write_text(yaml.safe_dump(configuration))
        self.process.process.send_signal(signal.SIGHUP)


@pytest.mark.skipif(not IS_NARTHEX, reason="the alerts are about troubles that this agent counts")
@pytest.mark.timeout(180)
def test_panels_have_numbers_and_alerts_fire(make_agent, receiver, parts, tmp_path):
    setting = Setting(tmp_path, parts)
    watcher = Ruled(tmp_path / "prometheus", tmp_path / "prometheus.log")
    parts.callback(lambda: watcher.process.process and watcher.process.kill())
    configuration = setting.configuration({"watcher": watcher.write_url, "troubled": receiver.url})
    configuration["scrape_configs"].append({
        "job_name": "shed", "metrics_path": "/shed", "sample_limit": 5, "on_limit": "shed",
        "static_configs": [{"targets": [setting.exporter.address]}],
    })  # fmt: skip
    agent = make_agent(
        configuration,
        flags=["--storage.agent.wal-segment-size=1MB", "--storage.agent.retention.max-size=4MB"],
    ).start()
    watcher.watch(agent)

    def blank(*without):
        """Queries that have no number, but for families that begin with one of these."""
        return [
            (title, text)
            for title, text in [*panels(), *quantities()]
            if not any(name in text for name in WITHOUT_NUMBERS + without)
            and all(math.isnan(float(item["value"][1])) for item in watcher.ask(query=text))
        ]

    def expect_numbers(*without):
        deadline = time.monotonic() + 30
        while blank(*without):
            assert time.monotonic() < deadline, "\n".join(["blank:", *map(str, blank(*without))])
            time.sleep(0.5)

    expect_numbers(*LATER)
    wait_until(lambda: not watcher.fired(), 20, "silence of the alerts")
    time.sleep(2)
    assert not watcher.fired()

    # All is all agents and nobody else.
    chosen = everything(watcher)
    for (title, text), (_, own) in zip(panels(**chosen), panels(), strict=True):
        found, wanted = (
            sorted(sorted(item["metric"].items()) for item in watcher.ask(query=query))
            for query in (text, own)
        )
        assert found == wanted, title
    (agents,) = watcher.ask(query=next(text for title, text in panels(**chosen) if title == "Agents"))
    assert agents["value"][1] == "1"

    setting.exporter.pages["shed"] = "".join(f'a{{i="{number}"}} 1\n' for number in range(9))
    setting.make_trouble(receiver)
    watcher.expect(dict.fromkeys(FIRES), 60)
    # 429 last: it lowers the pace to a request in ten seconds.
    answers = {"NarthexWritesNotAllowed": 403, "NarthexSamplesRefused": 400, "NarthexWritesThrottled": 429}
    for alert, status in answers.items():
        receiver.decide = lambda received, status=status: Answer(status=status, stores=False)
        watcher.expect({alert: None}, 30)
    expect_numbers()
    text = agent.configuration_file.read_text()
    agent.configuration_file.write_text("globl: {}\n")
    agent.process.process.send_signal(signal.SIGHUP)
    watcher.expect({"PrometheusBadConfig": None}, 30)
    agent.configuration_file.write_text(text)
    agent.kill()
    agent.start()
    watcher.expect({"NarthexRestarts": None}, 30)
    agent.process.process.send_signal(signal.SIGKILL)
    watcher.expect({"NarthexDown": None}, 20)
    watcher.forget()
    watcher.expect({"NarthexAbsent": None}, 20)
