"""Bodies in gzip: a scrape is one request, a sound body is read whole, and a damaged one not at all."""

import gzip
import re

import pytest

from parts.agent import IS_NARTHEX
from parts.exporters import TEXT_FORMAT, _Serving
from parts.exposition import from_bits
from parts.process import wait_until
from test_receiver import REPORT

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the reasons are ours")

# Job: what its body becomes on the way, and the reason in the log; None is a good scrape.
SOUND = {
    "whole": lambda text: gzip.compress(text),
    "two_members": lambda text: gzip.compress(text[:9]) + gzip.compress(text[9:]),
}
DAMAGED = {
    "cut": (lambda text: gzip.compress(text)[:-20], "cut or damaged"),
    "without_trailer": (lambda text: gzip.compress(text)[:-8], "ends before its trailer"),
    "empty": (lambda text: b"", "the body is empty, where gzip was announced"),
    "garbage": (lambda text: gzip.compress(text) + b"\0\0", "2 bytes follow the last gzip member"),
}


class Exporter(_Serving):
    """Shows at each path how often it was asked there."""

    def __init__(self):
        super().__init__()
        self.asked = {}

    def answer(self, exchange):
        job = exchange.path.strip("/")
        self.asked[job] = count = self.asked.get(job, 0) + 1
        text = f"asked_total {count}\nbytes_total 9876544793923\n".encode()
        body = (SOUND.get(job) or DAMAGED[job][0])(text)
        exchange.send_response(200)
        exchange.send_header("Content-Type", TEXT_FORMAT)
        exchange.send_header("Content-Encoding", "gzip")
        exchange.send_header("Content-Length", str(len(body)))
        exchange.end_headers()
        exchange.wfile.write(body)


@pytest.mark.timeout(90)
def test_a_scrape_is_one_request_and_a_damaged_body_is_none(make_agent, parts, receiver):
    exporter = Exporter().start()
    parts.callback(exporter.stop)
    jobs = [*SOUND, *DAMAGED]
    agent = make_agent(
        {
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
            "scrape_configs": [
                {
                    "job_name": job,
                    "metrics_path": f"/{job}",
                    "static_configs": [{"targets": [exporter.address]}],
                }
                for job in jobs
            ],
            "remote_write": [{"url": receiver.url, "queue_config": {"batch_send_deadline": "100ms"}}],
        }
    ).start()

    def seen():
        """{job: {metric name: [values in order]}}"""
        found = {}
        for labels, samples in receiver.samples().items():
            named = dict(labels)
            values = [from_bits(bits) for _, bits in sorted(samples)]
            found.setdefault(named["job"], {})[named["__name__"]] = values
        return found

    wait_until(
        lambda: all(len(seen().get(job, {}).get("up", [])) >= 5 for job in jobs), 40, "five scrapes of each"
    )
    # The markers of the last scrape end every series, and are no values.
    found = seen()
    assert agent.stop() == 0
    for job in SOUND:
        count = len(found[job]["asked_total"])
        assert found[job]["asked_total"] == [float(number) for number in range(1, count + 1)], job
        assert set(found[job]["bytes_total"]) == {9876544793923.0}
        assert set(found[job]["up"]) == {1.0}
    for job, (_, reason) in DAMAGED.items():
        assert set(found[job]["up"]) == {0.0}, job
        assert found[job].keys() - REPORT == set(), job
        assert agent.log_lines(rf"/{job}\b.*{re.escape(reason)}"), job
