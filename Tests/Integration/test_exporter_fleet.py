"""The exporters that narthex-standins plays, as a real Prometheus reads them."""

import pytest
import yaml

from parts.process import wait_until
from parts.prometheus import Prometheus

SERIES = 320
# Histograms of a page of that many series.
HISTOGRAMS = 10
FORMATS = ("text", "openmetrics", "protobuf")
CHURN = ("lines", "front", "buckets", "shuffle")


def job(name, exporters):
    return {
        "job_name": name,
        "static_configs": [
            {
                "targets": [exporter["address"]],
                "labels": {"__metrics_path__": exporter["path"], "exporter": str(number)},
            }
            for number, exporter in enumerate(exporters)
        ],
    }


@pytest.mark.timeout(120)
def test_prometheus_reads_every_format_and_churn(make_standins, tmp_path, parts):
    jobs = []
    for form in FORMATS:
        for churn in CHURN:
            fleet = make_standins(
                "--exporters=2",
                f"--series={SERIES}",
                f"--format={form}",
                "--gzip",
                "--churn=0.5",
                f"--churn-kind={churn}",
                name=f"{form}-{churn}",
            )
            jobs.append(job(f"{form}-{churn}", fleet.exporters))
    odd = make_standins(
        "--exporters=10", "--series=1", "--slow-share=0.2", "--slow-ms=300", "--failing-share=0.3"
    )
    jobs.append(job("odd", odd.exporters))

    # With this feature it asks for protobuf first, then OpenMetrics, then text.
    features = "--enable-feature=native-histograms,extra-scrape-metrics"
    prometheus = Prometheus(tmp_path, tmp_path / "prometheus.log", [features])
    (tmp_path / "prometheus.yml").write_text(
        yaml.safe_dump({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs})
    )
    parts.callback(prometheus.stop)
    prometheus.start()

    def values(expression):
        return {
            (item["metric"]["job"], item["metric"]["exporter"]): float(item["value"][1])
            for item in prometheus.ask(query=expression)
        }

    def scraped():
        counts = values("count_over_time(up[1h])")
        return counts if len(counts) == 2 * len(jobs) + 8 and min(counts.values()) >= 5 else None

    wait_until(scraped, 60, "five scrapes of each exporter")
    worst = values("min_over_time(up[1h])")
    assert {exporter for exporter, up in worst.items() if up == 0} == {("odd", n) for n in "789"}
    assert max(values("max_over_time(up{job='odd',exporter=~'[789]'}[1h])").values()) == 0
    took = values("min_over_time(scrape_duration_seconds{job='odd'}[1h])")
    assert {exporter for exporter, seconds in took.items() if seconds >= 0.3} == {("odd", n) for n in "01"}

    least = values("min_over_time(scrape_samples_scraped{job!='odd'}[1h])")
    most = values("max_over_time(scrape_samples_scraped{job!='odd'}[1h])")
    size = values("scrape_body_size_bytes{job!='odd'}")
    added = values("scrape_series_added{job!='odd'}")
    for form in FORMATS:
        for churn in CHURN:
            for exporter in "01":
                key = (f"{form}-{churn}", exporter)
                # That it is protobuf shows in its length.
                assert (size[key] < 0.9 * size[f"text-{churn}", exporter]) == (form == "protobuf")
                if churn == "buckets":
                    assert SERIES <= least[key] < most[key] <= SERIES + 12 * HISTOGRAMS
                    continue
                assert least[key] == most[key] == SERIES
                assert added[key] == (0 if churn == "shuffle" else SERIES / 2)
