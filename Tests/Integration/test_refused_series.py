"""Prometheus' own receiver takes nothing of a request in which it refuses one sample. The others arrive all
the same.
"""

import time

import pytest

from parts.exporters import TextExporter
from parts.process import wait_until

GOOD = 40
MINUTE_MS = 60_000


class GuiltyExporter(TextExporter):
    """Good series, and one whose own timestamp is too old for a Prometheus that holds a sample of the
    future.
    """

    def answer(self, exchange):
        now_ms = round(time.time() * 1000)
        good = "".join(f'good{{index="{index}"}} {self.scrapes}\n' for index in range(GOOD))
        self.text = (
            f"ahead 1 {now_ms + 9 * MINUTE_MS}\n"
            f"{good}guilty {self.scrapes} {now_ms - 55 * MINUTE_MS}\nlast 1\n"
        )
        super().answer(exchange)


@pytest.mark.timeout(120)
def test_one_refused_series_does_not_cost_the_others(make_agent, make_prometheus, parts):
    exporter = GuiltyExporter("").start()
    parts.callback(exporter.stop)
    prometheus = make_prometheus()
    agent = make_agent(
        {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [
                {"job_name": "mixed", "static_configs": [{"targets": [exporter.address]}]}
            ],
            "remote_write": [
                {
                    "name": "prometheus",
                    "url": prometheus.write_url,
                    "queue_config": {"batch_send_deadline": "500ms"},
                }
            ],
        }
    ).start()
    wait_until(
        lambda: agent.metric("narthex_remote_write_left_out_series") == 1, 30, "a series that is left out"
    )
    wait_until(lambda: exporter.scrapes >= 12, 60, "twelve scrapes")
    agent.stop()

    stored = prometheus.raw('{__name__=~"good|last|up"}')
    assert len(stored) == GOOD + 2
    for labels, samples in stored.items():
        steps = [after - before for (before, _), (after, _) in zip(samples, samples[1:], strict=False)]
        assert len(samples) >= exporter.scrapes - 2, labels
        assert max(steps) <= 2_500, labels
    named = agent.log_lines("left out for a while")
    assert len(named) == 1 and "guilty" in named[0] and "mixed" in named[0], named
