"""Dashboards and alerts that people have for Prometheus, in Debian's Prometheus that scrapes our page: each
expression gives numbers, and each alert fires when its trouble is made, and not before.
"""

import hashlib
import json
import math
import os
import resource
import signal
import time
import urllib.request

import pytest
import yaml

from parts.agent import IS_NARTHEX
from parts.exporters import _Serving
from parts.process import wait_until
from parts.prometheus import Prometheus
from parts.receiver import Answer
from parts.web import TargetList

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the alerts are about troubles that this agent counts")

OF = '{job="narthex"}'

# Expressions of panels. Those in LATER have no number before their event.
PANELS = [
    "count by (version, goversion, revision) (prometheus_build_info)",
    "sum by (instance) (prometheus_agent_active_series)",
    "prometheus_tsdb_head_series",
    "process_resident_memory_bytes / prometheus_tsdb_head_series",
    "sum by (instance) (rate(prometheus_agent_samples_appended_total[10s]))",
    "sum by (job, type) (rate(prometheus_tsdb_head_samples_appended_total[10s]))",
    'prometheus_target_interval_length_seconds{quantile="0.99"} * 1000',
    'prometheus_target_interval_length_seconds{quantile="0.99"}'
    ' - on (instance, interval) prometheus_target_interval_length_seconds{quantile="0.5"}',
    "rate(prometheus_target_interval_length_seconds_sum[10s])"
    " / rate(prometheus_target_interval_length_seconds_count[10s])",
    "histogram_quantile(0.9, sum by (le, interval)"
    " (rate(prometheus_target_interval_length_histogram_seconds_bucket[10s])))",
    'max by (scrape_job) (prometheus_target_sync_length_seconds{quantile="0.99"})',
    "sum by (scrape_job) (rate(prometheus_target_sync_length_seconds_sum[10s]))",
    "histogram_quantile(0.99, prometheus_target_sync_length_histogram_seconds_bucket)",
    "sum by (scrape_job) (prometheus_target_scrape_pool_targets)",
    "prometheus_target_scrape_pool_targets / (prometheus_target_scrape_pool_target_limit > 0)",
    "sum by (config) (prometheus_sd_discovered_targets)",
    'max by (mechanism) (prometheus_sd_refresh_duration_seconds{quantile="0.99"})',
    "histogram_quantile(0.9,"
    " sum by (le, mechanism) (prometheus_sd_refresh_duration_histogram_seconds_bucket))",
    'prometheus_sd_file_scan_duration_seconds{quantile="0.9"}',
    "rate(prometheus_sd_updates_total[10s]) + rate(prometheus_sd_received_updates_total[10s])",
    "time() - prometheus_sd_last_update_timestamp_seconds",
    "sum by (scrape_job) (prometheus_target_metadata_cache_entries)",
    "sum(prometheus_target_metadata_cache_bytes)",
    "histogram_quantile(0.95, sum by (le) (rate(prometheus_target_scrape_duration_seconds_bucket[10s])))",
    'prometheus_tsdb_wal_fsync_duration_seconds{quantile="0.99"}',
    "rate(prometheus_tsdb_wal_fsync_duration_seconds_sum[10s])"
    " / rate(prometheus_tsdb_wal_fsync_duration_seconds_count[10s])",
    "prometheus_tsdb_wal_segment_current - on (instance) group_right prometheus_wal_watcher_current_segment",
    "prometheus_tsdb_wal_storage_size_bytes",
    "rate(process_cpu_seconds_total[10s])",
    "process_open_fds / process_max_fds",
    "process_virtual_memory_bytes / process_virtual_memory_max_bytes",
    "time() - process_start_time_seconds",
    "prometheus_config_last_reload_successful * prometheus_ready",
    "time() - prometheus_config_last_reload_success_timestamp_seconds",
    "sum by (handler, code) (rate(prometheus_http_requests_total[10s]))",
    "histogram_quantile(0.9, sum by (le, handler) (prometheus_http_request_duration_seconds_bucket))",
    "sum(rate(prometheus_http_response_size_bytes_sum[10s]))"
    " / sum(rate(prometheus_http_response_size_bytes_count[10s]))",
    "sum by (dialer_name) (rate(net_conntrack_dialer_conn_attempted_total[10s]))",
    "sum(narthex_ledger_scraped_samples_total) - on () group_right sum by (remote_name)"
    " (narthex_ledger_delivered_samples_total + narthex_ledger_buffered_samples"
    " + narthex_ledger_earlier_samples)",
    "increase(narthex_retired_destination_samples_total[10s])",
    "prometheus_target_reload_length_seconds",
] + [
    f"sum(increase(prometheus_target_{name}_total[10s]))"
    for name in (
        "scrapes_exceeded_sample_limit",
        "scrapes_exceeded_body_size_limit",
        "scrapes_sample_out_of_order",
        "scrapes_sample_out_of_bounds",
        "scrapes_sample_duplicate_timestamp",
        "scrape_pool_exceeded_target_limit",
        "scrape_pool_exceeded_label_limits",
        "scrape_pool_reloads_failed",
        "scrape_pools_failed",
        "sync_failed",
    )
]
LATER = {"prometheus_target_reload_length_seconds"}


def more(name, labels=""):
    return f"increase({name}{labels}[10s]) > 0"


# Alerts of the troubles that `make_trouble` makes. Prometheus asks for OpenMetrics, where a bound is `1.0`.
ALERTS = {
    "TargetDown": 'up{job="gone"} == 0',
    "ScrapesFail": 'sum by (scrape_job, reason) (increase(narthex_scrape_failures_total[10s])) > 0',
    "ConnectionsRefused": more("net_conntrack_dialer_conn_failed_total", '{reason="refused"}'),
    "BodyTooLarge": more("prometheus_target_scrapes_exceeded_body_size_limit_total"),
    "SampleLimitHit": more("prometheus_target_scrapes_exceeded_sample_limit_total"),
    "LabelLimitHit": more("prometheus_target_scrape_pool_exceeded_label_limits_total"),
    "TargetLimitHit": more("prometheus_target_scrape_pool_exceeded_target_limit_total"),
    "TargetLimitNear": "prometheus_target_scrape_pool_targets"
    " > 0.9 * (prometheus_target_scrape_pool_target_limit > 0)",
    "DuplicateTimestamps": more("prometheus_target_scrapes_sample_duplicate_timestamp_total"),
    "OutOfOrder": more("prometheus_target_scrapes_sample_out_of_order_total"),
    "StorageOutOfOrder": more("prometheus_agent_out_of_order_samples_total"),
    "OutOfBounds": more("prometheus_target_scrapes_sample_out_of_bounds_total"),
    "LinesSkipped": more("narthex_scrape_skipped_lines_total"),
    "SyncFails": more("prometheus_target_sync_failed_total"),
    "NoTargets": "prometheus_sd_discovered_targets == 0",
    "TargetsLost": "delta(prometheus_target_scrape_pool_targets[10s]) < 0",
    "TargetFileFaulty": more("prometheus_sd_file_read_errors_total"),
    "TargetFileOld": "time() - prometheus_sd_file_mtime_seconds > 3600",
    "DiscoveryFails": more("prometheus_sd_http_failures_total"),
    "RefreshFails": "sum by (config, mechanism) (increase(prometheus_sd_refresh_failures_total[10s])) > 0",
    "RefreshSlow": 'prometheus_sd_refresh_duration_seconds{quantile="0.99"} > 1',
    "RefreshSlowByHistogram": 'prometheus_sd_refresh_duration_histogram_seconds_bucket{le="+Inf"}'
    ' - ignoring (le) prometheus_sd_refresh_duration_histogram_seconds_bucket{le="1.0"} > 0',
    "MetadataMissing": "prometheus_target_metadata_cache_entries == 0"
    " and on (scrape_job) prometheus_target_scrape_pool_targets > 0",
    "MetadataTooMany": "prometheus_target_metadata_cache_entries > 100",
    "SeriesTooMany": "prometheus_agent_active_series > 1000",
    "HeadSeriesTooMany": "prometheus_tsdb_head_series > 1000",
    "SeriesChurn": "rate(narthex_scrape_parsed_lines_total[10s]) > 500",
    "ScrapesLate": 'prometheus_target_interval_length_seconds{quantile="0.99"} > 1.5',
    "ScrapesLateByHistogram": 'prometheus_target_interval_length_histogram_seconds_bucket{le="+Inf"}'
    ' - ignoring (le) prometheus_target_interval_length_histogram_seconds_bucket{le="1.0"} > 0',
    "BufferGrows": "sum by (remote_name) (narthex_ledger_buffered_samples) > 20000",
    "BufferBehind": "prometheus_tsdb_wal_segment_current"
    " - on (instance) group_right prometheus_wal_watcher_current_segment > 1",
    "BufferLarge": "prometheus_tsdb_wal_storage_size_bytes > 2e6",
    "BufferDrops": 'sum by (reason) (narthex_ledger_dropped_samples_total{reason=~"retention.*"}) > 0',
    "SegmentsLost": "narthex_buffer_retention_segments_total > 0",
    "SegmentsRemoved": more("prometheus_tsdb_wal_truncations_total"),
    "PagesRefused": more("prometheus_http_requests_total", '{code=~"4..|5.."}')
    + ' or prometheus_http_requests_total{code=~"4..|5.."} > 5',
}
# Alerts of troubles that are made after those, one by one.
BUFFER_DAMAGED = {"BufferDamaged": more("prometheus_agent_corruptions_total")}
FILES_NEARLY_OUT = {"FilesNearlyOut": "process_open_fds / process_max_fds > 0.8"}
RESTARTED = {"Restarted": "changes(process_start_time_seconds[20s]) > 0"}
STOPPED = {"AgentDown": f"up{OF} == 0"}
ALL = ALERTS | BUFFER_DAMAGED | FILES_NEARLY_OUT | RESTARTED | STOPPED

GOOD = "# HELP a A.\n# TYPE a gauge\na 1\n"


class Exporter(_Serving):
    """Each job has its path: text, or a function that makes it."""

    def __init__(self):
        super().__init__()
        self.pages = {}

    def answer(self, exchange):
        page = self.pages.get(exchange.path.strip("/"), GOOD)
        self.reply(exchange, (page() if callable(page) else page).encode())
        exchange.close_connection = True  # so that nobody is served by a server that was stopped


class Setting:
    """The parts that a trouble is made of."""

    def __init__(self, folder, parts):
        def started(part):
            part.start()
            parts.callback(part.stop)
            return part

        self.folder = folder
        self.exporter = started(Exporter())
        self.gone = Exporter().start()
        self.lists = {name: started(TargetList()) for name in ("limited", "failing", "slow", "emptied")}
        for server in self.lists.values():
            server.serve([{"targets": [self.exporter.address]}])
        self.files = {name: folder / f"{name}.yml" for name in ("faulty", "old", "invalid")}
        for path in self.files.values():
            path.write_text(yaml.safe_dump([{"targets": [self.exporter.address]}]))

    def configuration(self, receivers):
        def static(name, **options):
            return {
                "job_name": name,
                "metrics_path": f"/{name}",
                "static_configs": [{"targets": [self.exporter.address]}],
                **options,
            }

        return {
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
            "scrape_configs": [
                {"job_name": "gone", "static_configs": [{"targets": [self.gone.address]}]},
                static("body", body_size_limit="1KB"),
                static("samples", sample_limit=5),
                static("labels", label_limit=5),
                static("skipped", on_bad_line="skip"),
                *map(static, ("repeated", "order", "bounds", "silent", "families", "flood")),
                *(
                    {
                        "job_name": name,
                        "file_sd_configs": [{"files": [str(path)], "refresh_interval": "1s"}],
                    }
                    for name, path in self.files.items()
                ),
                *(
                    {
                        "job_name": name,
                        "target_limit": 2,
                        "http_sd_configs": [{"url": server.url, "refresh_interval": "3s"}],
                    }
                    for name, server in self.lists.items()
                ),
            ],
            "remote_write": [
                {
                    "name": name,
                    "url": url,
                    # Small requests, so that most of what waits for a receiver is on disk.
                    "queue_config": {
                        "batch_send_deadline": "200ms", "max_backoff": "1s", "max_samples_per_send": 1000
                    },
                }
                for name, url in receivers.items()
            ],
        }

    def make_trouble(self, receiver):
        pages = self.exporter.pages
        numbers = iter(range(1, 1 << 30))

        def now_ms():
            return int(time.time() * 1000)

        def flood():
            turn = next(numbers)
            # Labels and values that no coding of the buffer makes small.
            names = (hashlib.sha256(f"{turn} {i}".encode()).hexdigest() for i in range(4000))
            return "".join(f'flood{{name="{name}"}} {int(name[:12], 16)}\n' for name in names)

        pages["body"] = GOOD + "#" * 2000 + "\n"
        pages["samples"] = "".join(f"a{i} 1\n" for i in range(9))
        pages["labels"] = "a{" + ",".join(f'l{i}="1"' for i in range(9)) + "} 1\n"
        pages["skipped"] = GOOD + "???\n"
        pages["repeated"] = GOOD + "a 2\n"
        pages["order"] = lambda: f"a 1 {now_ms() - 60_000 - 1000 * next(numbers)}\n"
        pages["bounds"] = lambda: f"a 1 {now_ms() + 3_600_000}\n"
        pages["silent"] = "a 1\n"
        pages["families"] = "".join(f"# TYPE f{i} gauge\nf{i} 1\n" for i in range(150))
        pages["flood"] = flood
        self.gone.stop()
        targets = [f"127.0.0.1:{port}" for port in (1, 2, 3)]
        self.lists["limited"].serve([{"targets": targets}])
        self.lists["failing"].reply = (500, "text/plain", b"no")
        good = self.lists["slow"].reply

        def slowly(exchange):
            time.sleep(1.3)
            TargetList.answer(exchange, good[0], good[2], [("Content-Type", good[1])])

        self.lists["slow"].reply = slowly
        self.lists["emptied"].serve([])
        self.files["faulty"].write_text("- target: [a]\n")
        os.utime(self.files["old"], (time.time() - 86_400,) * 2)
        self.files["invalid"].write_text("- targets: ['a:1/path']\n")
        receiver.decide = lambda received: Answer(status=503, stores=False)

    def end_trouble(self, receiver):
        self.exporter.pages.clear()
        receiver.decide = lambda received: Answer()


class Watcher(Prometheus):
    """Debian's Prometheus with the alerts, which scrapes the agent's page and is one of its destinations."""

    rules = [{"alert": name, "expr": expression} for name, expression in ALL.items()]

    # Whoever else is in the Prometheus.
    others = ()

    def watch(self, agent):
        (self.folder / "rules.yml").write_text(
            yaml.safe_dump({"groups": [{"name": "agent", "interval": "500ms", "rules": self.rules}]})
        )
        configuration = {
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [
                {"job_name": "narthex", "static_configs": [{"targets": [f"127.0.0.1:{agent.port}"]}]},
                *self.others,
            ],
        }
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        return self.start()

    def fired(self):
        """Alerts that fire now, and rules that cannot be evaluated."""
        url = f"http://127.0.0.1:{self.port}/api/v1/rules?type=alert"
        with urllib.request.urlopen(url, timeout=5) as answer:
            groups = json.load(answer)["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert len(rules) == len(self.rules)
        faulty = {rule["name"]: rule["lastError"] for rule in rules if rule.get("lastError")}
        assert not faulty
        return {rule["name"] for rule in rules if rule["state"] == "firing"}

    def expect(self, alerts, timeout, meanwhile=lambda: None):
        """Waits until each of the alerts has fired."""
        seen = set()
        deadline = time.monotonic() + timeout
        while not alerts.keys() <= seen:
            seen |= self.fired()
            assert time.monotonic() < deadline, f"never fired: {sorted(alerts.keys() - seen)}"
            meanwhile()
            time.sleep(0.2)


def limit_files(pid, limit):
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]))


@pytest.mark.timeout(180)
def test_panels_have_numbers_and_alerts_fire(make_agent, receiver, parts, tmp_path):
    setting = Setting(tmp_path, parts)
    watcher = Watcher(tmp_path / "prometheus", tmp_path / "prometheus.log")
    parts.callback(lambda: watcher.process.process and watcher.process.kill())
    agent = make_agent(
        setting.configuration({"watcher": watcher.write_url, "troubled": receiver.url}),
        flags=["--storage.agent.wal-segment-size=1MB", "--storage.agent.retention.max-size=4MB"],
    ).start()
    watcher.watch(agent)

    def blank():
        """Expressions without a number."""

        def numbers(expression):
            values = [float(item["value"][1]) for item in watcher.ask(query=expression)]
            return [value for value in values if not math.isnan(value) or expression in LATER]

        return [expression for expression in PANELS if not numbers(expression)]

    deadline = time.monotonic() + 30
    while blank():
        assert time.monotonic() < deadline, "\n".join(["blank panels:", *blank()])
        time.sleep(0.5)
    # All has been well for a while.
    wait_until(lambda: not watcher.fired(), 20, "silence of the alerts")
    time.sleep(2)
    assert not watcher.fired()

    setting.make_trouble(receiver)
    agent.process.process.send_signal(signal.SIGSTOP)
    time.sleep(2.5)
    agent.process.process.send_signal(signal.SIGCONT)
    watcher.expect(ALERTS, 60, meanwhile=lambda: agent.get("/nothing"))

    # Damage in what the destination has not had yet.
    for path in sorted(agent.storage.glob("*.segment"))[:-1]:
        with open(path, "r+b") as segment:
            segment.seek(path.stat().st_size // 2)
            segment.write(os.urandom(64))
    # The newest frames are in memory, too, until the agent ends.
    agent.kill()
    agent.start()
    watcher.expect(RESTARTED, 30)
    setting.end_trouble(receiver)
    watcher.expect(BUFFER_DAMAGED, 30)

    before = resource.prlimit(agent.process.pid, resource.RLIMIT_NOFILE)
    limit_files(agent.process.pid, int(agent.metric("process_open_fds") / 0.85))
    watcher.expect(FILES_NEARLY_OUT, 20)
    resource.prlimit(agent.process.pid, resource.RLIMIT_NOFILE, before)

    agent.stop()
    watcher.expect(STOPPED, 20)
