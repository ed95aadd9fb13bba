"""Relabelling against a real Prometheus: both run the same configuration against the same exporter, and send
the same series.
"""

import json
import subprocess

import pytest
import yaml

from parts.agent import IS_NARTHEX, Agent, clean_environment, program
from parts.process import ROOT, wait_until
from parts.prometheus import PROGRAM as PROMETHEUS
from parts.receiver import CountingReceiver

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="compares with Prometheus by itself")

TEXT = (
    "# TYPE requests_total counter\n"
    'requests_total{path="/a/b",code="200",Pod="Web-1"} 1\n'
    'requests_total{path="/a/c",code="500",Pod="Web-2"} 2\n'
    'requests_total{path="",code="404"} 3\n'
    "# TYPE latency histogram\n"
    'latency_bucket{le="0.5"} 1\n'
    'latency_bucket{le="+Inf"} 2\n'
    "latency_sum 3\n"
    "latency_count 2\n"
    'own{job="mine",instance="here",env="scraped"} 4\n'
    "go_goroutines 5\n"
    "go_threads 6\n"
    'odd{text="two\\nlines; and $1"} 7\n'
)


def replace(target, source=(), regex="(.*)", replacement="$1", **more):
    return {
        "source_labels": list(source),
        "regex": regex,
        "target_label": target,
        "replacement": replacement,
        **more,
    }


def rule(action, source=(), regex=None, **more):
    keys = {"action": action, "source_labels": list(source), "regex": regex, **more}
    return {key: value for key, value in keys.items() if value not in (None, [])}


# Each target has the labels env, __meta_zone, __meta_Shard and __meta_empty beside its own.
TARGET_RULES = {
    "replace": [
        replace("zone", ["__meta_zone"]),
        replace("both", ["env", "__meta_zone"], "(.+);(.+)", "${2}-$1"),
    ],
    "template": [
        replace("made_$1", ["__meta_zone"], "([a-z]+)-.*", "${1}x$1x"),
        replace("$2", ["env"]),
    ],
    "empty": [replace("env", [], replacement=""), replace("none", ["__meta_empty"])],
    "separator": [replace("joined", ["env", "__meta_zone", "none"], separator="/")],
    "keep": [rule("keep", ["__meta_zone"], "eu-.*")],
    "keep part": [rule("keep", ["__meta_zone"], "eu")],
    "drop": [rule("drop", ["env"], "prod|dev")],
    "drop nothing": [rule("drop", ["none"], ".+")],
    "equal": [
        rule("keepequal", ["env"], target_label="__meta_same"),
        replace("kept", [], replacement="yes"),
    ],
    "unequal": [rule("dropequal", ["env"], target_label="__meta_same")],
    "hashmod": [rule("hashmod", ["__address__", "env"], target_label="shard", modulus=1000)],
    "hash of nothing": [rule("hashmod", ["none"], target_label="shard", modulus=7)],
    "labelmap": [rule("labelmap", regex="__meta_(.+)")],
    "labelmap renamed": [rule("labelmap", regex="__meta_(z)(one)", replacement="${2}_$1")],
    "labeldrop": [rule("labeldrop", regex="env|job")],
    "labelkeep": [rule("labelkeep", regex="__address__|__scheme__|__metrics_path__|__scrape_.*|env")],
    "case": [
        rule("LowerCase", ["__meta_Shard"], target_label="low"),
        rule("UPPERCASE", ["__meta_Shard"], target_label="up"),
    ],
    "identity": [replace("job", [], replacement="other"), replace("instance", ["env"])],
    "probe": [
        replace("__param_target", ["__address__"]),
        replace("instance", ["__param_target"], "(.*):.*"),
        replace("__metrics_path__", [], replacement="/probe"),
        replace("__tmp_gone", [], replacement="x"),
    ],
    "interval": [
        replace("__scrape_interval__", [], replacement="500ms"),
        replace("__scrape_timeout__", [], replacement="400ms"),
    ],
}

METRIC_RULES = {
    "m drop": [rule("drop", ["__name__"], "go_.*")],
    "m keep": [rule("keep", ["__name__"], "requests_total|own")],
    "m rename": [
        replace("__name__", ["__name__"], "go_(.*)", "runtime_$1"),
        replace("root", ["path"], "(/[^/]+).*"),
    ],
    "m labels": [rule("labeldrop", regex="code|Pod"), replace("path", ["path"], "/a/(.)", "$1")],
    "m target": [
        replace("from", ["job", "instance"]),
        replace("job", ["__name__"], "(own)"),
        rule("labeldrop", regex="env"),
    ],
    "m map": [
        rule("labelmap", regex="exported_(.*)", replacement="was_$1"),
        rule("labeldrop", regex="exported_.*"),
    ],
    "m hash": [
        rule("hashmod", ["__name__", "le"], target_label="h", modulus=5),
        rule("keep", ["h"], "[0-2]"),
    ],
    "m lines": [replace("first", ["text"], r"([^;]*);[\s\S]*", "$$$1")],
    "m external": [
        replace("region", ["region"], "(.+)", "seen"),
        replace("cluster", ["code"], "(5..)", "bad"),
    ],
    "m nothing left": [rule("drop")],
}

WRITE_RULES = [
    rule("drop", ["__name__"], "latency_.*"),
    replace("where", ["region", "instance"], "(.*);([^:]*).*", "$1/$2"),
    rule("drop", ["job", "__name__"], "drop nothing;up"),
    rule("labeldrop", regex="region"),
]


def configuration(url, address, write_rules):
    labels = {
        "env": "prod",
        "__meta_zone": "eu-west-1",
        "__meta_Shard": "Ab-É",
        "__meta_same": "prod",
        "__meta_empty": "",
    }
    targets = [{"targets": [address], "labels": labels}]
    jobs = [
        {"job_name": name, "static_configs": targets, "relabel_configs": rules}
        for name, rules in TARGET_RULES.items()
    ] + [
        {
            "job_name": name,
            "static_configs": targets,
            "metric_relabel_configs": rules,
            "honor_labels": name == "m labels",
        }
        for name, rules in METRIC_RULES.items()
    ]
    queue = {"batch_send_deadline": "200ms"}
    write = {"url": url, "queue_config": queue, "write_relabel_configs": write_rules}
    return {
        "global": {
            "scrape_interval": "1s",
            "scrape_timeout": "1s",
            "external_labels": {"cluster": "test", "region": "outer"},
        },
        "scrape_configs": jobs,
        "remote_write": [write],
    }


class RealPrometheus(Agent):
    """Debian's Prometheus in agent mode, whatever NARTHEX_AGENT says."""

    def _command(self, flags):
        return [
            PROMETHEUS,
            "--enable-feature=agent",
            f"--config.file={self.configuration_file}",
            f"--storage.agent.path={self.storage}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=debug",
        ]


def settled(receiver):
    """The series that have arrived, once several scrapes in a row brought no new one."""

    def look():
        series = receiver.samples()
        return series if series and min(map(len, series.values())) >= 3 else None

    return wait_until(look, 60, "three samples of every series")


@pytest.mark.parametrize("write_rules", [[], WRITE_RULES], ids=["plain", "write"])
def test_series_are_those_of_prometheus(tmp_path, parts, make_agent, text_exporter, write_rules):
    exporter = text_exporter(TEXT)
    found = {}
    for name in ("prometheus", "narthex"):
        receiver = CountingReceiver().start()
        parts.callback(receiver.stop)
        text = configuration(receiver.url, exporter.address, write_rules)
        if name == "narthex":
            agent = make_agent(text).start()
        else:
            agent = RealPrometheus(tmp_path / name, tmp_path / f"{name}.log", text)
            parts.callback(lambda agent=agent: agent.process.process and agent.kill())
            agent.start()
        found[name] = settled(receiver)
        if name == "narthex" and write_rules:
            assert agent.metric("narthex_ledger_dropped_samples_total", reason="write_relabel") > 0
        agent.stop()
    prometheus, narthex = (set(found[name]) for name in ("prometheus", "narthex"))
    missing = sorted(map(sorted, prometheus - narthex))
    surplus = sorted(map(sorted, narthex - prometheus))
    assert not missing and not surplus, f"missing: {missing[:5]}\nsurplus: {surplus[:5]}"
    assert len(narthex) > 200


def scrape(tmp_path, url, *flags, jobs):
    path = tmp_path / "scrape.yml"
    path.write_text(yaml.safe_dump({"scrape_configs": jobs}))
    return subprocess.run(
        [program("narthex"), "scrape", url, f"--config.file={path}", *flags],
        capture_output=True, text=True, timeout=30, env=clean_environment(), cwd=ROOT,
    )  # fmt: skip


def test_a_scrape_by_hand_tells_what_becomes_of_each_series(tmp_path, text_exporter):
    exporter = text_exporter(TEXT)
    jobs = [
        {"job_name": "a", "metric_relabel_configs": METRIC_RULES["m drop"]},
        {"job_name": "b", "relabel_configs": [rule("drop", ["env"], "dev")]},
        {"job_name": "c", "body_size_limit": "10B"},
    ]
    url = f"http://{exporter.address}/metrics"
    good = scrape(tmp_path, url, "--job=a", "--format=json", jobs=jobs)
    assert good.returncode == 0, good.stderr
    told = json.loads(good.stdout)
    assert told["samples"] == {
        "exposed": 11, "kept": 9, "dropped": 2, "duplicates": 0, "refused": 0, "shed": 0,
    }  # fmt: skip
    dropped = [series for series in told["series"] if not series["kept"]]
    assert {series["exposed"]["__name__"] for series in dropped} == {"go_goroutines", "go_threads"}
    assert all("metric_relabel_configs[0]" in series["reason"] for series in dropped)
    table = scrape(tmp_path, url, "--job=a", jobs=jobs)
    assert "2 by metric_relabel_configs[0]: drop source_labels=[__name__] regex=go_.*" in table.stdout
    left_out = scrape(tmp_path, url, "--job=b", "--label=env=dev", jobs=jobs)
    assert left_out.returncode == 1 and "relabel_configs[0] drops it" in left_out.stdout
    limited = scrape(tmp_path, url, "--job=c", jobs=jobs)
    assert limited.returncode == 1 and "body_size_limit" in limited.stdout
    exporter.text = "good 1\nbad line\n"
    bad = scrape(tmp_path, url, "--job=a", jobs=jobs)
    assert bad.returncode == 1 and "line 2" in bad.stdout
    gone = scrape(tmp_path, "http://127.0.0.1:1/metrics", "--job=a", jobs=jobs)
    assert gone.returncode == 1 and "refused" in gone.stdout
    unknown = scrape(tmp_path, url, "--job=z", jobs=jobs)
    assert unknown.returncode == 2 and "a, b, c" in unknown.stderr
