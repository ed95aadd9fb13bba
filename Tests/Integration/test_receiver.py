"""What exporters expose is what a real Prometheus holds: every series, every label, every value, and
staleness.
"""

import time

import pytest

from parts.agent import IS_NARTHEX
from parts.exporters import fetch
from parts.exposition import parse, same_value, stored
from parts.process import wait_until

REPORT = {
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
}

# Series by hand: text as odd as the format allows, beside the values that must come of it.
ODD_TEXT = (
    "# a comment, then a blank line\n"
    "\n"
    "# HELP odd_help has \\\\ and \\n in it\n"
    "# TYPE odd_summary summary\n"
    'odd_summary{quantile="0.5"} 2\n'
    'odd_summary{quantile="1"} 3e0\n'
    "odd_summary_sum 5\n"
    "odd_summary_count 2\n"
    "# TYPE odd_histogram histogram\n"
    'odd_histogram_bucket{le="1"} 1\n'
    'odd_histogram_bucket{le="1e+06"} 2\n'
    'odd_histogram_bucket{le="+Inf"} 2\n'
    "odd_histogram_sum 7.5\n"
    "odd_histogram_count 2\n"
    "# TYPE odd_other gauge\n"
    'odd_untyped_le{le="1"} 1\n'
    '  odd_spaces  \t{ a = "1" , b="2" , }   17   \n'
    'odd_empty{a="",b="x"} 1\n'
    "odd_infinity -INFINITY\n"
    "odd_nan nAn\n"
    "odd_plus +3.5e-2\n"
    'odd_unknown_escape{a="\\d \\\\d"} 4\n'
    "odd:colon_0 0.1"
)
ODD_SERIES = [
    ("odd_summary", {"quantile": "0.5"}, 2.0),
    ("odd_summary", {"quantile": "1"}, 3.0),
    ("odd_summary_sum", {}, 5.0),
    ("odd_summary_count", {}, 2.0),
    ("odd_histogram_bucket", {"le": "1"}, 1.0),
    ("odd_histogram_bucket", {"le": "1e+06"}, 2.0),
    ("odd_histogram_bucket", {"le": "+Inf"}, 2.0),
    ("odd_histogram_sum", {}, 7.5),
    ("odd_histogram_count", {}, 2.0),
    ("odd_spaces", {"a": "1", "b": "2"}, 17.0),
    ("odd_empty", {"b": "x"}, 1.0),
    ("odd_infinity", {}, float("-inf")),
    ("odd_nan", {}, float("nan")),
    ("odd_plus", {}, 0.035),
    ("odd_unknown_escape", {"a": "\\d \\d"}, 4.0),
    ("odd:colon_0", {}, 0.1),
]
# `le` is a plain label where TYPE says no histogram, so it keeps its spelling.
ODD_VERBATIM = frozenset({"__name__": "odd_untyped_le", "le": "1"}.items())


def configuration(url, jobs, interval="1s"):
    return {
        "global": {
            "scrape_interval": interval,
            "scrape_timeout": interval,
            "external_labels": {"cluster": "test", "odd": "external"},
        },
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [address], "labels": {"zone": "a"}}]}
            for job, address in jobs.items()
        ],
        "remote_write": [{"url": url, "queue_config": {"batch_send_deadline": "200ms"}}],
    }


def target_labels(job, address):
    return {"job": job, "instance": address, "zone": "a", "cluster": "test"}


def newest_scrape(prometheus, job, value=1.0):
    """The time of the newest scrape of the job whose `up` has that value, once there is one."""

    def look():
        samples = [sample for s in prometheus.raw(f'up{{job="{job}"}}').values() for sample in s]
        times = [at for at, up in samples if up == value]
        return max(times) if times else None

    return wait_until(look, 20, f"up=={value} of {job} in the receiver")


def held(prometheus, job, at_ms):
    """All series of a job at a scrape's own time."""
    return prometheus.instant(f'{{job="{job}"}}', at_ms)


def without_report(series):
    return {labels: value for labels, value in series.items() if dict(labels)["__name__"] not in REPORT}


def with_external(labels):
    """External labels fill in where the series has none of that name."""
    return labels if "odd" in dict(labels) else labels | {("odd", "external")}


def expect_equal(expected, found):
    missing = sorted(map(sorted, expected.keys() - found.keys()))
    surplus = sorted(map(sorted, found.keys() - expected.keys()))
    assert not missing and not surplus, f"missing: {missing[:5]}\nsurplus: {surplus[:5]}"
    wrong = {
        tuple(sorted(labels)): (value, found[labels])
        for labels, value in expected.items()
        if not same_value(value, found[labels])
        # Prometheus 2.42 leaves a value that equals zero out of its request, and so loses the sign of -0.
        and (IS_NARTHEX or value != found[labels])
    }
    assert not wrong, wrong


def test_prometheus_client_arrives_exactly(make_agent, make_prometheus, python_exporter):
    prometheus = make_prometheus()
    agent = make_agent(configuration(prometheus.write_url, {"py": python_exporter.address})).start()
    at = newest_scrape(prometheus, "py")
    target = target_labels("py", python_exporter.address)
    expected = {
        with_external(stored(name, labels, target)): value
        for name, labels, value in python_exporter.exposed()
    }
    assert len(expected) > 40
    everything = held(prometheus, "py", at)
    expect_equal(expected, without_report(everything))
    report = {dict(labels)["__name__"]: value for labels, value in everything.items()}
    assert REPORT <= report.keys()
    assert report["up"] == 1
    assert report["scrape_samples_scraped"] == len(expected)
    assert report["scrape_samples_post_metric_relabeling"] == len(expected)
    assert 0 < report["scrape_duration_seconds"] < 1
    assert agent.stop() == 0


@pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus 2.42 keeps le and quantile as they are written")
def test_text_as_odd_as_the_format_allows_arrives_exactly(make_agent, make_prometheus, text_exporter):
    exporter = text_exporter(ODD_TEXT)
    prometheus = make_prometheus()
    make_agent(configuration(prometheus.write_url, {"odd": exporter.address})).start()
    at = newest_scrape(prometheus, "odd")
    target = target_labels("odd", exporter.address)
    expected = {with_external(stored(name, labels, target)): value for name, labels, value in ODD_SERIES}
    expected[with_external(frozenset(ODD_VERBATIM | target.items()))] = 1.0
    expect_equal(expected, without_report(held(prometheus, "odd", at)))
    assert exporter.last_headers["X-Prometheus-Scrape-Timeout-Seconds"] == "1"


def test_node_exporter_arrives_exactly(make_agent, make_prometheus, node_exporter):
    prometheus = make_prometheus()
    before = parse(fetch(node_exporter.address))
    make_agent(configuration(prometheus.write_url, {"node": node_exporter.address})).start()
    at = newest_scrape(prometheus, "node")
    after = parse(fetch(node_exporter.address))
    target = target_labels("node", node_exporter.address)

    def as_stored(exposed):
        return {
            with_external(stored(name, dict(labels), target)): value
            for (name, labels), value in exposed.items()
        }

    before, after = as_stored(before), as_stored(after)
    found = without_report(held(prometheus, "node", at))
    if not IS_NARTHEX:
        found = {stored_again(labels): value for labels, value in found.items()}
    missing = (before.keys() & after.keys()) - found.keys()
    surplus = found.keys() - (before.keys() | after.keys())
    assert not missing and not surplus, (sorted(map(sorted, missing))[:5], sorted(map(sorted, surplus))[:5])
    # A counter that shows the same before and after was the same in between; so was what never moves. A gauge
    # may have moved and come back.
    steady = ("_total", "_info", "_size_bytes", "_max_hertz", "_mtu_bytes")
    constant = {
        k: v
        for k, v in before.items()
        if k in after and same_value(v, after[k]) and dict(k)["__name__"].endswith(steady)
    }
    assert len(constant) > 100 and len(found) > 200
    wrong = {tuple(sorted(k)): (v, found[k]) for k, v in constant.items() if not same_value(v, found[k])}
    assert not wrong, wrong


def stored_again(labels):
    """The label set with `quantile` and `le` in Prometheus 3's spelling, for an older agent in our place."""
    labels = dict(labels)
    name = labels.pop("__name__")
    return stored(name, labels, {})


def test_a_line_with_a_time_of_1970_costs_nobody_else(make_agent, make_prometheus, text_exporter):
    # Seconds where milliseconds belong, and they move: Prometheus refuses every request that has such one.
    def exposed():
        return f"good 1\nwrong{{n=\"1\"}} 1 {int(time.time())}\n"

    exporter = text_exporter(exposed())
    prometheus = make_prometheus()
    agent = make_agent(configuration(prometheus.write_url, {"short": exporter.address})).start()

    def has_four(name):
        exporter.text = exposed()
        return [len(samples) >= 4 for samples in prometheus.raw(name).values()] == [True]

    for name in ("good", "up"):
        wait_until(lambda name=name: has_four(name), 15, f"four samples of {name}")
    assert prometheus.raw("wrong") == {}
    if IS_NARTHEX:
        assert agent.metric("narthex_scrape_dropped_samples_total", scrape_job="short", reason="too_old") >= 3
        said = agent.log_lines("samples of a scrape are left out")
        assert len(said) == 1 and "num_dropped=1" in said[0] and "wrong" in said[0]


def test_series_that_leave_and_targets_that_stop_go_stale_at_once(
    make_agent, make_prometheus, text_exporter
):
    exporter = text_exporter('stays{a="1"} 1\nleaves{a="1"} 2\nleaves{a="2"} NaN\n')
    prometheus = make_prometheus()
    make_agent(configuration(prometheus.write_url, {"short": exporter.address})).start()
    with_it = newest_scrape(prometheus, "short")
    assert len(without_report(held(prometheus, "short", with_it))) == 3

    exporter.text = 'stays{a="1"} 1\nleaves{a="2"} NaN\n'
    seen = exporter.scrapes
    wait_until(lambda: exporter.scrapes >= seen + 2, 10, "second scrape without the series")
    last_seen = max(at for s in prometheus.raw('leaves{a="1"}').values() for at, _ in s)

    def first_without():
        times = sorted(at for s in prometheus.raw('stays{a="1"}').values() for at, _ in s)
        return next((at for at in times if at > last_seen), None)

    gone_at = wait_until(first_without, 10, "scrape without the series")
    assert [dict(labels)["a"] for labels in prometheus.instant("leaves", gone_at - 1)].count("1") == 1
    assert [dict(labels)["a"] for labels in prometheus.instant("leaves", gone_at)] == ["2"]

    exporter.stop()
    failed_at = min(
        wait_until(
            lambda: [at for s in prometheus.raw('up{job="short"}').values() for at, up in s if up == 0],
            20,
            "up 0 after the exporter stopped",
        )
    )
    assert prometheus.instant('up{job="short"}', failed_at - 1).popitem()[1] == 1
    assert without_report(held(prometheus, "short", failed_at - 1))
    still = held(prometheus, "short", failed_at)
    assert without_report(still) == {}
    report = {dict(labels)["__name__"]: value for labels, value in still.items()}
    assert report.keys() == REPORT
    assert report["up"] == 0 and report["scrape_samples_scraped"] == 0
