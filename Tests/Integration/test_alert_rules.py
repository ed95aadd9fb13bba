"""config/alerts.yml by Debian's promtool over series that are made up: each alert fires after its duration,
and stays silent where it should.
"""

import subprocess

import yaml

from parts.agent import ROOT
from parts.prometheus import PROGRAM

RULES = ROOT / "config/alerts.yml"
# Two samples a minute, looked at after an hour.
INTERVAL, LOOKED_AT = "30s", "60m"
OF = 'job="narthex", instance="a"'


def series(name, *labels):
    return f"{name}{{{', '.join((OF, *labels))}}}"


UP = {series("up"): "1x130"}
DROPPED = series("narthex_ledger_dropped_samples_total", 'remote_name="amp"', 'reason="retention_size"')
REFUSED = series("narthex_remote_write_refused_samples_total", 'remote_name="amp"', 'reason="bad"')
NEWEST = series("prometheus_remote_storage_highest_timestamp_in_seconds")
AMP = ('remote_name="amp"', 'url="http://h/w"')
SENT = series("prometheus_remote_storage_queue_highest_sent_timestamp_seconds", *AMP)
APPENDED = series("prometheus_tsdb_head_samples_appended_total", 'type="float"')
METADATA = series("prometheus_target_metadata_cache_entries", 'scrape_job="node"')
FAILED = series("prometheus_remote_storage_samples_failed_total", *AMP)
HISTOGRAMS_FAILED = series("prometheus_remote_storage_histograms_failed_total", *AMP)
SHARDS_DESIRED = series("prometheus_remote_storage_shards_desired", *AMP)
SHARDS_MAX = series("prometheus_remote_storage_shards_max", *AMP)
FLOATS = series("prometheus_remote_storage_samples_total", *AMP)
HISTOGRAMS = series("prometheus_remote_storage_histograms_total", *AMP)
POOL = series("prometheus_target_scrape_pool_targets", 'scrape_job="node"')
CALLS = series("narthex_sd_aws_calls_total", 'operation="ListTasks"')
THROTTLED = series("narthex_sd_aws_throttled_total", 'operation="ListTasks"')
DOWN = {'up{job="node", instance="b"}': "0x130", 'up{job="node", instance="c"}': "1x130"}


def grows(*names):
    """(series that fire, series that do not) of an alert on what a counter gains."""
    return dict.fromkeys(names, "0+1x130"), dict.fromkeys(names, "5x130")


def above(name, high, low, *labels):
    return {series(name, *labels): f"{high}x130"}, {series(name, *labels): f"{low}x130"}


def answers(code):
    return series("narthex_remote_write_answers_total", 'remote_name="amp"', f'code="{code}"')


JOB = 'scrape_job="node"'
# Of each alert: series with which it fires, and others, each by themselves, with which it stays silent.
CASES = {
    "NarthexAbsent": ({}, UP, {series("up"): "1x115"}),
    "NarthexDown": ({series("up"): "0x130"}, UP, {series("up"): "1x112 0x20"}),
    "NarthexRestarts": (
        {series("process_start_time_seconds"): "1x70 2x10 3x10 4x40"},
        {series("process_start_time_seconds"): "1x90 2x40"},
    ),
    "PrometheusBadConfig": (
        {series("prometheus_config_last_reload_successful"): "1x80 0x50"},
        {series("prometheus_config_last_reload_successful"): "1x100 0x30"},
        {series("prometheus_config_last_reload_successful"): "0x100 1x30"},
    ),
    "NarthexOpenFilesNearlyOut": (
        {series("process_open_fds"): "81x130", series("process_max_fds"): "100x130"},
        {series("process_open_fds"): "80x130", series("process_max_fds"): "100x130"},
    ),
    "NarthexMemoryNearlyOut": (
        {
            series("narthex_memory_charged_bytes", 'kind="bodies"'): "91x130",
            series("narthex_memory_limit_bytes", 'kind="bodies"'): "100x130",
        },
        {
            series("narthex_memory_charged_bytes", 'kind="bodies"'): "91x130",
            series("narthex_memory_limit_bytes", 'kind="bodies"'): "0x130",
        },
        # The ceiling has narrowed what bodies may hold.
        {
            series("narthex_memory_charged_bytes", 'kind="bodies"'): "110x130",
            series("narthex_memory_limit_bytes", 'kind="bodies"'): "100x130",
            series("narthex_memory_step"): "1x130",
        },
    ),
    "NarthexMemoryShed": (
        {series("narthex_memory_step"): "4x130"},
        {series("narthex_memory_step"): "3x130"},
        {series("narthex_memory_step"): "0x112 5x20"},
    ),
    "NarthexClockJumped": above("narthex_clock_jump_seconds", -6, -5),
    "NarthexTargetsDown": (
        {**DOWN, POOL: "2x130"},
        # Nobody's job of ours.
        {**DOWN, series("prometheus_target_scrape_pool_targets", 'scrape_job="other"'): "2x130"},
        {'up{job="node", instance="b"}': "1x130", POOL: "2x130"},
    ),
    "NarthexScrapesFail": grows(series("narthex_scrape_failures_total", JOB, 'reason="timeout"')),
    "PrometheusNotIngestingSamples": (
        {APPENDED: "5x130", METADATA: "3x130"},
        {APPENDED: "0+5x130", METADATA: "3x130"},
        {APPENDED: "5x130", METADATA: "0x130"},
    ),
    "PrometheusDuplicateTimestamps": grows(
        series("prometheus_target_scrapes_sample_duplicate_timestamp_total")
    ),
    "PrometheusOutOfOrderTimestamps": grows(series("prometheus_target_scrapes_sample_out_of_order_total")),
    "PrometheusTargetLimitHit": grows(
        series("prometheus_target_scrape_pool_exceeded_target_limit_total")
    ),
    "PrometheusLabelLimitHit": grows(series("prometheus_target_scrape_pool_exceeded_label_limits_total")),
    "PrometheusScrapeBodySizeLimitHit": grows(
        series("prometheus_target_scrapes_exceeded_body_size_limit_total")
    ),
    "PrometheusScrapeSampleLimitHit": grows(
        series("prometheus_target_scrapes_exceeded_sample_limit_total")
    ),
    "NarthexSeriesShed": grows(series("narthex_scrape_shed_samples_total", JOB, 'label="path"')),
    "NarthexLinesSkipped": grows(series("narthex_scrape_skipped_lines_total", JOB)),
    "PrometheusSDRefreshFailure": grows(
        series("prometheus_sd_refresh_failures_total", 'config="node"', 'mechanism="http"')
    ),
    "PrometheusTargetSyncFailure": grows(series("prometheus_target_sync_failed_total", JOB)),
    "NarthexNoTargets": above("prometheus_sd_discovered_targets", 0, 1, 'config="node"', 'name="scrape"'),
    "NarthexECSDiscoveryOld": above("narthex_sd_ecs_age_seconds", 601, 600, 'cluster="shop"'),
    "NarthexECSTargetsFaulty": above("narthex_sd_ecs_faulty_targets", 1, 0, 'config="shop"'),
    "NarthexAWSThrottles": (
        {THROTTLED: "0+2x130", CALLS: "0+10x130"}, {THROTTLED: "0+1x130", CALLS: "0+10x130"},
    ),
    "NarthexCredentialsNotRenewed": grows(
        series("narthex_aws_credentials_refresh_failures_total", 'identity="default"')
    ),
    "NarthexDiskRefuses": (
        {series("narthex_buffer_disk_refuses"): "1x130"},
        {series("narthex_buffer_disk_refuses"): "0x130"},
        {series("narthex_buffer_disk_refuses"): "0x119 1x10"},
    ),
    "NarthexBufferWritesFail": grows(series("prometheus_tsdb_wal_writes_failed_total")),
    "NarthexBufferSyncsFail": grows(series("narthex_buffer_sync_failures_total")),
    "NarthexBufferReadsFail": grows(series("narthex_buffer_read_failures_total")),
    "NarthexBufferDamaged": grows(series("narthex_buffer_damaged_records_total")),
    "NarthexBufferNearlyFull": above("narthex_buffer_bytes", 858993460, 858993459),
    "NarthexSamplesDropped": (
        {**UP, DROPPED: "0+1x130"},
        {**UP, DROPPED: "5x130"},
        # An agent that was away for long and comes back with the totals that it had.
        {series("up"): "1x10 _x99 1x20", DROPPED: "7x10 _x99 7x20"},
        {series("up"): "1x10 0x99 1x20", DROPPED: "7x10 _x99 7x20"},
    ),
    "PrometheusRemoteStorageFailures": (
        {FAILED: "0+2x130", HISTOGRAMS_FAILED: "0x130", FLOATS: "0+100x130", HISTOGRAMS: "0x130"},
        {FAILED: "0+1x130", HISTOGRAMS_FAILED: "0x130", FLOATS: "0+50x130", HISTOGRAMS: "0+50x130"},
        {FAILED: "0x130", HISTOGRAMS_FAILED: "0x130", FLOATS: "0x130", HISTOGRAMS: "0x130"},
    ),
    "PrometheusRemoteWriteBehind": (
        {NEWEST: "1000+30x130", SENT: "879+30x130"}, {NEWEST: "1000+30x130", SENT: "880+30x130"},
    ),
    "PrometheusRemoteWriteDesiredShards": (
        {SHARDS_DESIRED: "50.5x130", SHARDS_MAX: "50x130"},
        {SHARDS_DESIRED: "50x130", SHARDS_MAX: "50x130"},
        {SHARDS_DESIRED: "9x110 90x20", SHARDS_MAX: "50x130"},
    ),
    "NarthexSamplesGetOld": (
        {NEWEST: "9000+30x130", SENT: "6599+30x130"}, {NEWEST: "9000+30x130", SENT: "6600+30x130"},
    ),
    "NarthexWritesNotAllowed": (
        {answers(403): "0+1x130"}, {answers(500): "0+1x130"}, {answers(403): "5x130"},
    ),
    "NarthexWritesThrottled": ({answers(429): "0+1x130"}, {answers(503): "0+1x130"}),
    "NarthexSamplesRefused": (
        {**UP, REFUSED: "0+1x130"}, {**UP, REFUSED: "5x130"},
        {series("up"): "1x10 _x99 1x20", REFUSED: "7x10 _x99 7x20"},
    ),
    "NarthexSeriesLeftOut": above("narthex_remote_write_left_out_series", 1, 0, 'remote_name="amp"'),
}  # fmt: skip
# More series with which an alert fires.
MORE = {
    # The first samples of a reason, ever, of an agent that was there before.
    "NarthexSamplesDropped": [{**UP, DROPPED: "_x110 7x20"}],
    "NarthexSamplesRefused": [{**UP, REFUSED: "_x110 7x20"}],
    # A destination of native histograms alone, which refuses them all.
    "PrometheusRemoteStorageFailures": [
        {FAILED: "0x130", HISTOGRAMS_FAILED: "0+5x130", FLOATS: "0x130", HISTOGRAMS: "0+5x130"},
    ],
}  # fmt: skip


def rules():
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def cases(alert):
    fires, *silent = CASES[alert]
    assert silent
    given_ones = [(case, True) for case in (fires, *MORE.get(alert, ()))] + [(case, False) for case in silent]
    for number, (given, is_firing) in enumerate(given_ones):
        # Something must be there for promtool to evaluate anything.
        given = {**given, "other": "1x130"}
        yield {
            "name": f"{alert} {number}",
            "interval": INTERVAL,
            "input_series": [{"series": name, "values": values} for name, values in given.items()],
            "promql_expr_test": [{
                "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})',
                "eval_time": LOOKED_AT,
                "exp_samples": [{"labels": "{}", "value": 1}] if is_firing else [],
            }],
        }  # fmt: skip


def test_each_alert_fires_and_stays_silent(tmp_path):
    found = rules()
    assert set(CASES) == set(found)
    files = []
    # Each by itself: promtool evaluates every rule of a file for each test.
    for alert, rule in found.items():
        own = tmp_path / f"{alert}.rules.yml"
        own.write_text(yaml.safe_dump({"groups": [{"name": alert, "rules": [rule]}]}))
        files.append(tmp_path / f"{alert}.yml")
        files[-1].write_text(yaml.safe_dump({
            "rule_files": [str(own)], "evaluation_interval": INTERVAL, "tests": list(cases(alert))
        }))  # fmt: skip
    ended = subprocess.run(
        [PROGRAM.with_name("promtool"), "test", "rules", *files], capture_output=True, text=True, timeout=100
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (ended.stdout + ended.stderr).count("SUCCESS") == len(found)
