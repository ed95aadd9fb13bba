"""The agent's own page beside Prometheus' own: families, types, labels, formats and coding."""

import gzip
import subprocess
import urllib.request

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as text_format

from parts.agent import IS_NARTHEX
from parts.process import TOOLS, wait_until
from parts.web import TargetList

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the page is compared with Prometheus' own")

PROMTOOL = TOOLS / "debian/prometheus/usr/bin/promtool"
BOTH_TAILS = {"0.01", "0.05", "0.5", "0.9", "0.99"}
UPPER_TAIL = {"0.5", "0.9", "0.99"}

# Families of agent mode in Prometheus 3.14 that have a meaning here: type and labels, those of buckets and
# quantiles left out.
FAMILIES = {
    "prometheus_agent_active_series": ("gauge", ()),
    "prometheus_agent_corruptions_total": ("counter", ()),
    "prometheus_agent_exemplars_appended_total": ("counter", ()),
    "prometheus_agent_out_of_order_samples_total": ("counter", ()),
    "prometheus_agent_samples_appended_total": ("counter", ("type",)),
    "prometheus_build_info": (
        "gauge",
        # `program` is ours.
        ("branch", "goarch", "goos", "goversion", "program", "revision", "tags", "version"),
    ),
    "prometheus_config_last_reload_success_timestamp_seconds": ("gauge", ()),
    "prometheus_config_last_reload_successful": ("gauge", ()),
    "prometheus_http_request_duration_seconds": ("histogram", ("handler",)),
    "prometheus_http_requests_total": ("counter", ("code", "handler")),
    "prometheus_http_response_size_bytes": ("histogram", ("handler",)),
    "prometheus_ready": ("gauge", ()),
    "prometheus_sd_discovered_targets": ("gauge", ("config", "name")),
    "prometheus_sd_dns_lookup_failures_total": ("counter", ()),
    "prometheus_sd_dns_lookups_total": ("counter", ()),
    "prometheus_sd_failed_configs": ("gauge", ("name",)),
    "prometheus_sd_file_mtime_seconds": ("gauge", ("filename",)),
    "prometheus_sd_file_read_errors_total": ("counter", ()),
    "prometheus_sd_file_scan_duration_seconds": ("summary", ()),
    "prometheus_sd_http_failures_total": ("counter", ()),
    "prometheus_sd_last_update_timestamp_seconds": ("gauge", ("config", "name")),
    "prometheus_sd_received_updates_total": ("counter", ("name",)),
    "prometheus_sd_refresh_duration_histogram_seconds": ("histogram", ("mechanism",)),
    "prometheus_sd_refresh_duration_seconds": ("summary", ("config", "mechanism")),
    "prometheus_sd_refresh_failures_total": ("counter", ("config", "mechanism")),
    "prometheus_sd_updates_total": ("counter", ("name",)),
    "prometheus_target_interval_length_histogram_seconds": ("histogram", ("interval",)),
    "prometheus_target_interval_length_seconds": ("summary", ("interval",)),
    "prometheus_target_metadata_cache_bytes": ("gauge", ("scrape_job",)),
    "prometheus_target_metadata_cache_entries": ("gauge", ("scrape_job",)),
    "prometheus_target_reload_length_seconds": ("summary", ("interval",)),
    "prometheus_target_scrape_duration_seconds": ("histogram", ()),
    "prometheus_target_scrape_pool_exceeded_label_limits_total": ("counter", ()),
    "prometheus_target_scrape_pool_exceeded_target_limit_total": ("counter", ()),
    "prometheus_target_scrape_pool_reloads_failed_total": ("counter", ()),
    "prometheus_target_scrape_pool_reloads_total": ("counter", ()),
    "prometheus_target_scrape_pool_sync_total": ("counter", ("scrape_job",)),
    "prometheus_target_scrape_pool_target_limit": ("gauge", ("scrape_job",)),
    "prometheus_target_scrape_pool_targets": ("gauge", ("scrape_job",)),
    "prometheus_target_scrape_pools_failed_total": ("counter", ()),
    "prometheus_target_scrape_pools_total": ("counter", ()),
    "prometheus_target_scrapes_exceeded_body_size_limit_total": ("counter", ()),
    "prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total": ("counter", ()),
    "prometheus_target_scrapes_exceeded_sample_limit_total": ("counter", ()),
    "prometheus_target_scrapes_sample_duplicate_timestamp_total": ("counter", ()),
    "prometheus_target_scrapes_sample_out_of_bounds_total": ("counter", ()),
    "prometheus_target_scrapes_sample_out_of_order_total": ("counter", ()),
    "prometheus_target_sync_failed_total": ("counter", ("scrape_job",)),
    "prometheus_target_sync_length_histogram_seconds": ("histogram", ("scrape_job",)),
    "prometheus_target_sync_length_seconds": ("summary", ("scrape_job",)),
    "prometheus_tsdb_wal_fsync_duration_seconds": ("summary", ()),
    "prometheus_tsdb_wal_segment_current": ("gauge", ()),
    "prometheus_tsdb_wal_storage_size_bytes": ("gauge", ()),
    "prometheus_tsdb_wal_truncations_failed_total": ("counter", ()),
    "prometheus_tsdb_wal_truncations_total": ("counter", ()),
    "prometheus_tsdb_wal_writes_failed_total": ("counter", ()),
    "prometheus_wal_watcher_current_segment": ("gauge", ("consumer",)),
    "process_cpu_seconds_total": ("counter", ()),
    "process_max_fds": ("gauge", ()),
    "process_network_receive_bytes_total": ("counter", ()),
    "process_network_transmit_bytes_total": ("counter", ()),
    "process_open_fds": ("gauge", ()),
    "process_resident_memory_bytes": ("gauge", ()),
    "process_start_time_seconds": ("gauge", ()),
    "process_virtual_memory_bytes": ("gauge", ()),
    "process_virtual_memory_max_bytes": ("gauge", ()),
    # A server's alone: dashboards take it for the number of series.
    "prometheus_tsdb_head_series": ("gauge", ()),
}
# The same of remote storage (storage/remote/queue_manager.go, storage.go and write.go), but for the interner
# of strings.
PER_DESTINATION = ("remote_name", "url")
FAMILIES |= {
    f"prometheus_remote_storage_{name}": shape
    for kind in ("samples", "histograms", "exemplars")
    for name, shape in {
        f"{kind}_total": ("counter", PER_DESTINATION),
        f"{kind}_failed_total": ("counter", PER_DESTINATION),
        f"{kind}_retried_total": ("counter", PER_DESTINATION),
        f"{kind}_dropped_total": ("counter", ("reason", *PER_DESTINATION)),
        f"{kind}_pending": ("gauge", PER_DESTINATION),
        f"{kind}_in_total": ("counter", ()),
    }.items()
} | {
    f"prometheus_remote_storage_{name}": shape
    for name, shape in {
        "bytes_total": ("counter", PER_DESTINATION),
        "enqueue_retries_total": ("counter", PER_DESTINATION),
        "highest_timestamp_in_seconds": ("gauge", ()),
        "max_samples_per_send": ("gauge", PER_DESTINATION),
        "metadata_bytes_total": ("counter", PER_DESTINATION),
        "metadata_failed_total": ("counter", PER_DESTINATION),
        "metadata_retried_total": ("counter", PER_DESTINATION),
        "metadata_total": ("counter", PER_DESTINATION),
        "queue_highest_sent_timestamp_seconds": ("gauge", PER_DESTINATION),
        "queue_highest_timestamp_seconds": ("gauge", PER_DESTINATION),
        "sent_batch_duration_seconds": ("histogram", PER_DESTINATION),
        "shard_capacity": ("gauge", PER_DESTINATION),
        "shards": ("gauge", PER_DESTINATION),
        "shards_desired": ("gauge", PER_DESTINATION),
        "shards_max": ("gauge", PER_DESTINATION),
        "shards_min": ("gauge", PER_DESTINATION),
    }.items()
}
QUANTILES = {
    "prometheus_sd_file_scan_duration_seconds": UPPER_TAIL,
    "prometheus_sd_refresh_duration_seconds": UPPER_TAIL,
    "prometheus_target_interval_length_seconds": BOTH_TAILS,
    "prometheus_target_reload_length_seconds": BOTH_TAILS,
    "prometheus_target_sync_length_seconds": BOTH_TAILS,
    "prometheus_tsdb_wal_fsync_duration_seconds": UPPER_TAIL,
}


@pytest.fixture
def agent(make_agent, receiver, text_exporter, parts, tmp_path):
    """An agent with a job for every kind of discovery that needs no AWS, after some scrapes."""
    exporter = text_exporter("# HELP probe P.\n# TYPE probe gauge\nprobe 1\n")
    web = TargetList().start()
    parts.callback(web.stop)
    (tmp_path / "targets.yml").write_text("- targets: []\n")
    agent = make_agent(
        {
            "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"},
            "scrape_configs": [
                {"job_name": "fixed", "static_configs": [{"targets": [exporter.address]}]},
                {"job_name": "file", "file_sd_configs": [{"files": [str(tmp_path / "targets.yml")]}]},
                {"job_name": "web", "http_sd_configs": [{"url": web.url}]},
                {"job_name": "name", "dns_sd_configs": [{"names": ["localhost"], "type": "A", "port": 1}]},
            ],
            "remote_write": [{"url": receiver.url, "queue_config": {"batch_send_deadline": "100ms"}}],
        }
    ).start()
    wait_until(
        lambda: agent.metric("prometheus_target_interval_length_seconds_count") > 5
        and agent.metric("prometheus_tsdb_wal_fsync_duration_seconds_count") > 0,
        20,
        "second scrape",
    )
    return agent


def ask(agent, **headers):
    """(Content-Type, Content-Encoding, Vary, body) of the page of metrics."""
    request = urllib.request.Request(f"http://127.0.0.1:{agent.port}/metrics", headers=headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        head = answer.headers
        return head["Content-Type"], head["Content-Encoding"], head["Vary"], answer.read()


def shapes(families):
    """{family: (type, labels)}; a counter goes by the name of its samples."""
    found = {}
    for family in families:
        name = family.name + "_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels}
        found[name] = (family.type, tuple(sorted(labels - {"le", "quantile"})))
    return found


def test_families_types_and_labels_are_those_of_prometheus(agent):
    agent.metrics()  # So that a page of metrics has been answered before.
    found = shapes(text_format(ask(agent)[3].decode()))
    wrong = {name: (found.get(name), shape) for name, shape in FAMILIES.items() if found.get(name) != shape}
    assert not wrong


def test_summaries_have_the_quantiles_of_prometheus(agent):
    samples = agent.metrics()
    for name, quantiles in QUANTILES.items():
        found = {dict(labels)["quantile"] for family, labels in samples if family == name}
        assert found == quantiles, name
    intervals = [
        value for (name, _), value in samples.items() if name == "prometheus_target_interval_length_seconds"
    ]
    assert all(0 < value < 5 for value in intervals), intervals


def test_the_page_is_open_metrics_for_who_prefers_it(agent):
    wanted = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    kind, coding, vary, body = ask(agent, Accept=wanted)
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert coding is None and "Accept" in vary
    families = list(open_metrics(body.decode()))
    found = shapes(families)
    assert found == shapes(text_format(ask(agent)[3].decode()))
    for family in families:
        unit = next((unit for unit in ("seconds", "bytes") if family.name.endswith(f"_{unit}")), "")
        assert family.unit == unit, family.name
    # Older readers, and those who say nothing.
    for accept, prefix in {
        "application/openmetrics-text;version=0.0.1": "application/openmetrics-text; version=0.0.1;",
        "application/openmetrics-text;q=0.1,text/plain": "text/plain; version=0.0.4;",
        "application/openmetrics-text;q=0": "text/plain; version=0.0.4;",
        "*/*": "text/plain; version=0.0.4;",
    }.items():
        assert ask(agent, Accept=accept)[0].startswith(prefix), accept


def test_the_page_is_gzip_for_who_takes_it(agent):
    kind, coding, vary, body = ask(agent, **{"Accept-Encoding": "gzip"})
    assert coding == "gzip" and "Accept-Encoding" in vary
    plain = gzip.decompress(body).decode()
    assert shapes(text_format(plain)) == shapes(text_format(ask(agent)[3].decode()))
    assert len(body) < len(plain) / 4
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    assert ask(agent, **{"Accept-Encoding": "gzip;q=0, br"})[1] is None


def test_promtool_has_nothing_to_say_that_it_does_not_say_of_prometheus(agent):
    run = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=ask(agent)[3], capture_output=True, timeout=20, check=False
    )
    # The names are Prometheus' own, faults of style included; ours have none.
    told = [line.split() for line in run.stdout.decode().splitlines() + run.stderr.decode().splitlines()]
    assert not [words for words in told if not words[0].startswith(("prometheus_", "net_conntrack_"))]
    assert not [words for words in told if "error" in words]
