"""What the agent reports of scrapes that its rules refuse, beside Debian's Prometheus with the same jobs."""

import pytest
import yaml

from parts.agent import IS_NARTHEX
from parts.exporters import _Serving
from parts.process import wait_until
from parts.prometheus import Prometheus

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the comparison is with Prometheus itself")

THREE = 'x 1\na 1\nb{k="v",l="w"} 1\nc 1\n'


def rule(action, regex, **keys):
    return {"source_labels": ["__name__"], "regex": regex, "action": action, **keys}


DROPS_X = {"metric_relabel_configs": [rule("drop", "x")]}

# Job: what it scrapes, and its options.
JOBS = {
    "good": (THREE, DROPS_X),
    "labels": (THREE, DROPS_X | {"label_limit": 5}),
    "samples": (THREE, DROPS_X | {"sample_limit": 2}),
    "line": ("x 1\na 1\n???\n", DROPS_X),
    "value": ('a{k="vvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"} 1\n', {"label_value_length_limit": 25}),
    "name": ("a 1\n", {"label_name_length_limit": 7}),
    "target": ("a 1\nb 1\n", {"label_value_length_limit": 5}),
    "body": ("a 1\n" + "#" * 200 + "\n", {"body_size_limit": "100B"}),
    "nameless": (
        "a 1\nb 1\n",
        {"metric_relabel_configs": [rule("replace", "b", target_label="__name__", replacement="")]},
    ),
    "status": (None, {}),
}


class Exporter(_Serving):
    """Each job has its path; without a body the answer is 404."""

    def answer(self, exchange):
        body = JOBS[exchange.path.strip("/")][0]
        self.reply(exchange, (body or "").encode(), status=404 if body is None else 200)


def configuration(address, **more):
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", **more},
        "scrape_configs": [
            {
                "job_name": job,
                "metrics_path": f"/{job}",
                "static_configs": [{"targets": [address], "labels": {"zone": "abcdef"}}],
                **options,
            }
            for job, (_, options) in JOBS.items()
        ],
    }


def report(prometheus):
    """{(job, series): value} but for what time alone decides, and how many series were new: Prometheus counts
    those, too, that it took before the fault.
    """
    found = prometheus.ask(
        query='{__name__=~"up|scrape_.*",__name__!~".*duration.*|scrape_series_added",zone!=""}'
    )
    return {
        (item["metric"]["job"], item["metric"]["__name__"]): float(item["value"][1]) for item in found
    }


def test_the_report_is_that_of_prometheus(tmp_path, parts, make_agent, make_prometheus):
    exporter = Exporter().start()
    parts.callback(exporter.stop)
    receiver = make_prometheus("receiver")
    agent = make_agent(
        configuration(exporter.address, extra_scrape_metrics=True)
        | {"remote_write": [{"url": receiver.write_url, "queue_config": {"batch_send_deadline": "100ms"}}]}
    ).start()
    other = Prometheus(tmp_path / "other", tmp_path / "other.log", ("--enable-feature=extra-scrape-metrics",))
    parts.callback(lambda: other.process.process and other.process.kill())
    (tmp_path / "other/prometheus.yml").write_text(yaml.safe_dump(configuration(exporter.address)))
    other.start()
    wanted = 6 * len(JOBS)

    def whole(prometheus):
        found = report(prometheus)
        return found if len(found) == wanted else None

    ours = wait_until(lambda: whole(receiver), 30, "reports of the agent")
    assert ours == wait_until(lambda: whole(other), 30, "reports of Prometheus")
    assert {job for (job, name), value in ours.items() if name == "up" and value == 1} == {"good"}
    assert ours["labels", "scrape_samples_scraped"] == 3
    assert ours["labels", "scrape_samples_post_metric_relabeling"] == 1
    # Of the targets themselves only the good one has series.
    stored = {
        dict(labels)["job"] for labels in receiver.raw('{zone!="",__name__!~"up|scrape_.*"}', "1m")
    }
    assert stored == {"good"}
    for counter in ("sample_limit", "body_size_limit"):
        assert agent.metric(f"prometheus_target_scrapes_exceeded_{counter}_total") > 0
    assert agent.metric("prometheus_target_scrape_pool_exceeded_label_limits_total") > 0
    assert agent.stop() == 0
