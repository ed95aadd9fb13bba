"""What exporters expose is what a real VictoriaMetrics holds: series, labels, values and staleness."""

import math

import pytest

from parts.process import wait_until
from parts.victoria import VictoriaMetrics
from test_receiver import (
    REPORT, configuration, expect_equal, held, newest_scrape, target_labels, with_external, without_report,
)  # fmt: skip

# Values that are not of every day, and what is read back. VictoriaMetrics keeps no NaN but the stale marker,
# and no sign of zero.
SPECIAL = {
    "special_integer": ("12345678", 12345678.0),
    "special_fraction": ("0.1", 0.1),
    "special_negative": ("-17.25", -17.25),
    "special_large": ("1.5e300", 1.5e300),
    "special_small": ("2.5e-300", 2.5e-300),
    "special_infinite": ("+Inf", math.inf),
    "special_infinite_below": ("-Inf", -math.inf),
    "special_zero": ("0", 0.0),
    "special_zero_below": ("-0", 0.0),
    "special_none": ("NaN", None),
}
TEXT = "".join(f'{name}{{a="1"}} {value}\n' for name, (value, _) in SPECIAL.items()) + (
    "# HELP odd_total Odd.\n# TYPE odd_total counter\n"
    'odd_total{path="/a b/\\"ü\\"",empty=""} 3\n'
    '# TYPE odd_seconds histogram\nodd_seconds_bucket{le="0.5"} 1\nodd_seconds_bucket{le="+Inf"} 2\n'
    "odd_seconds_sum 1.5\nodd_seconds_count 2\n"
)
OTHERS = {
    ("odd_total", ("path", '/a b/"ü"')): 3.0,
    ("odd_seconds_bucket", ("le", "0.5")): 1.0,
    ("odd_seconds_bucket", ("le", "+Inf")): 2.0,
    ("odd_seconds_sum",): 1.5,
    ("odd_seconds_count",): 2.0,
}


@pytest.fixture
def victoria(tmp_path, parts):
    started = VictoriaMetrics(tmp_path / "victoria", tmp_path / "victoria.log")
    parts.callback(lambda: started.process.process and started.process.kill())
    return started.start()


def test_series_values_and_staleness_arrive(make_agent, text_exporter, victoria):
    exporter = text_exporter(TEXT + 'leaves{a="1"} 2\n')
    agent = make_agent(configuration(victoria.write_url, {"vm": exporter.address}, interval="500ms")).start()
    at = newest_scrape(victoria, "vm")
    target = target_labels("vm", exporter.address)

    def as_stored(name, *labels):
        return with_external(frozenset((target | dict(labels) | {"__name__": name}).items()))

    expected = {
        as_stored(name, ("a", "1")): value for name, (_, value) in SPECIAL.items() if value is not None
    }
    expected |= {as_stored(*series): value for series, value in OTHERS.items()}
    expected[as_stored("leaves", ("a", "1"))] = 2.0
    wait_until(lambda: len(without_report(held(victoria, "vm", at))) >= len(expected), 10, "every series")
    expect_equal(expected, without_report(held(victoria, "vm", at)))
    # Names are kept, and so are timestamps: one sample a scrape.
    (samples,) = victoria.exported("special_integer").values()
    times = [time for time, _ in samples]
    assert at in times and times == sorted(set(times))

    # A series that leaves has a marker at the scrape that lacks it.
    exporter.text = TEXT
    seen = exporter.scrapes
    wait_until(lambda: exporter.scrapes >= seen + 2, 10, "second scrape without the series")

    def marker():
        (samples,) = victoria.exported('leaves{a="1"}').values()
        return samples[-1][0] if samples[-1][1] is None or math.isnan(samples[-1][1]) else None

    gone = wait_until(marker, 10, "stale marker")
    (steady,) = victoria.exported("special_zero").values()
    assert gone in [time for time, _ in steady]
    wait_until(lambda: not victoria.instant('leaves{a="1"}', gone), 10, "an end of the series")
    assert victoria.instant('leaves{a="1"}', gone - 1)

    # So has every series of a target that stops.
    exporter.stop()
    newest_scrape(victoria, "vm", value=0.0)
    (ups,) = victoria.exported("up").values()
    failed = min(time for time, up in ups if up == 0)
    # What is stored together is not seen together.
    wait_until(
        lambda: {dict(labels)["__name__"] for labels in held(victoria, "vm", failed)} == REPORT, 10,
        "stale markers of a target that is gone",
    )
    assert without_report(held(victoria, "vm", failed - 1))

    # Nothing was refused: what it has no place for, such as metadata, it passes over.
    assert agent.metric("prometheus_remote_storage_samples_failed_total") == 0
    assert {dict(labels)["code"] for (name, labels) in agent.metrics() if name == ANSWERS} == {"204"}
    assert victoria.figure("vm_rows_ignored_total") == 0
    assert agent.stop() == 0


ANSWERS = "narthex_remote_write_answers_total"


def test_what_waited_for_it_arrives_once_and_in_order(make_agent, text_exporter, parts, tmp_path):
    """It is not there yet: the backlog comes when it is, every scrape once."""
    victoria = VictoriaMetrics(tmp_path / "victoria", tmp_path / "victoria.log")
    parts.callback(lambda: victoria.process.process and victoria.process.kill())
    exporter = text_exporter("probe 1\n")
    wanted = configuration(victoria.write_url, {"vm": exporter.address}, interval="500ms")
    wanted["remote_write"][0]["queue_config"]["max_backoff"] = "300ms"
    agent = make_agent(wanted).start()
    wait_until(lambda: exporter.scrapes >= 6, 15, "scrapes meanwhile")
    assert agent.metric("narthex_ledger_delivered_samples_total") == 0
    victoria.start()

    def probe():
        found = victoria.exported("probe")
        return [time for time, _ in next(iter(found.values()))] if found else []

    all_of_them = exporter.scrapes
    wait_until(lambda: len(probe()) >= all_of_them, 20, "every scrape")
    times = probe()
    assert times == sorted(set(times))
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    assert max(gaps) < 1500, gaps
    assert agent.stop() == 0
