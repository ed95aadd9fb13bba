"""Exporters that do everything wrong: up is 0 with the reason in the log, nothing of theirs is stored,
good targets beside them are scraped in time, and the agent lives within a stated memory.
"""

import re
import time

import pytest

from parts.agent import IS_NARTHEX
from parts.exposition import from_bits
from parts.hostile import MEGABYTE, HostileExporter
from parts.process import wait_until
from test_receiver import REPORT

BODY_LIMIT_MEGABYTES = 10
# Three cases stream past the limit at once; each may hold it twice while its buffer grows. Beside them stands
# an idle agent of at most 25 MiB. Together 85 MiB; the rest is for an allocator that does not give back at
# once.
PEAK_RSS_MEGABYTES = 128
INTERVAL = 2.0
WATCH_FOR = 20.0

_CUT = r"trunc|clos|incomplete|unexpected|partial|reset|transfer|ended|cut|missing|EOF|remaining|chunk"
_PARSE = r"pars|line|expected|unexpected|invalid|token|byte|name|value"
_TOO_MUCH = r"limit|too large|too big|exceed|more than|larger"
_TIME = r"time|deadline"
_ENCODING = r"encod|gzip|deflate|inflate|compress|decod|header|trunc|unexpected EOF|zlib"
REASONS = {
    "bad_chunk": _CUT + r"|malformed|invalid|hex|encoding",
    "binary": _PARSE,
    "carriage_returns": _PARSE,
    "cut_between_chunks": _CUT,
    "cut_in_the_middle": _CUT,
    "endless_headers": r"header|" + _TOO_MUCH + "|" + _TIME,
    "endless_label": _TOO_MUCH,
    "endless_line": _TOO_MUCH,
    "fifty_megabytes": _TOO_MUCH,
    "gzip_bomb": _TOO_MUCH,
    "gzip_cut": _ENCODING + "|" + _CUT,
    "gzip_that_is_none": _ENCODING,
    "html": _PARSE,
    "invalid_utf8": r"utf-?8|" + _PARSE,
    "last_line_broken": _PARSE,
    "no_content_type": r"content.?type",
    "no_http": r"http|malformed|protocol|unsupported|response|weird",
    "nothing": _CUT + r"|empty|no data|nothing",
    "nul": _PARSE,
    "redirect_loop": r"redirect",
    "redirect_to_file": r"redirect|scheme|protocol|unsupported",
    "silence": _TIME,
    "slow_body": _TIME,
    "slow_headers": _TIME,
    "status_204": r"204|status|content.?type",
    "status_500": r"500",
    "truncated": _CUT,
    "unknown_encoding": _ENCODING + "|" + _PARSE,
    "wrong_content_type": r"content.?type",
}
# Prometheus 2.42 looks at neither of these, and streams what another agent would refuse.
FINE_FOR_PROMETHEUS = {"wrong_content_type", "no_content_type"}


def configuration(hostile, good, receiver):
    def job(name, address, path):
        return {
            "job_name": name,
            "metrics_path": path,
            "body_size_limit": f"{BODY_LIMIT_MEGABYTES}MB",
            "static_configs": [{"targets": [address]}],
        }

    return {
        "global": {"scrape_interval": f"{INTERVAL:.0f}s", "scrape_timeout": "1s"},
        "scrape_configs": [job(case, hostile.address, f"/{case}") for case in hostile.cases()]
        + [job(f"good{index}", exporter.address, "/metrics") for index, exporter in enumerate(good)],
        "remote_write": [{"url": receiver.url, "queue_config": {"batch_send_deadline": "200ms"}}],
    }


def by_job(receiver):
    """{job: {metric name: [(timestamp, bits)]}}"""
    jobs = {}
    for labels, samples in receiver.samples().items():
        named = dict(labels)
        jobs.setdefault(named["job"], {}).setdefault(named["__name__"], []).extend(samples)
    return jobs


@pytest.mark.timeout(150)
def test_hostile_bodies_hurt_only_themselves(make_agent, parts, receiver, text_exporter):
    hostile = HostileExporter().start()
    parts.callback(hostile.stop)
    assert set(REASONS) == set(hostile.cases()), "each case has its reason"
    good = [text_exporter(f'fine{{exporter="{index}"}} {index}\nidle 0\n') for index in range(3)]
    agent = make_agent(configuration(hostile, good, receiver)).start()
    time.sleep(WATCH_FOR)
    peak = agent.process.peak_rss_bytes() / MEGABYTE
    wait_until(
        lambda: by_job(receiver).keys() >= set(hostile.cases()), 20, "report of every hostile target"
    )
    assert agent.process.is_running()
    assert agent.stop() == 0
    jobs = by_job(receiver)
    print(f"peak resident memory {peak:.0f} MiB")

    faults = []
    for case in hostile.cases():
        if not IS_NARTHEX and case in FINE_FOR_PROMETHEUS:
            continue
        if hostile.asked.get(case, 0) < 3:
            faults.append(f"{case}: asked {hostile.asked.get(case, 0)} times only")
        ups = [from_bits(bits) for _, bits in jobs[case].get("up", [])]
        if not ups or any(ups):
            faults.append(f"{case}: up is {ups}")
        stored = jobs[case].keys() - REPORT
        if stored:
            faults.append(f"{case}: {sorted(stored)[:3]} were stored")
        lines = [line for line in agent.log_lines(rf"/{case}\b")]
        if not any(re.search(REASONS[case], said(line, case), re.IGNORECASE) for line in lines):
            faults.append(f"{case}: no reason in {lines[:2]}")
    for index, exporter in enumerate(good):
        times = sorted(at for at, bits in jobs[f"good{index}"]["up"] if from_bits(bits) == 1)
        gaps = [later - earlier for earlier, later in zip(times, times[1:])]
        if len(times) < WATCH_FOR / INTERVAL - 2 or max(gaps) > 1500 * INTERVAL:
            faults.append(f"good{index}: scraped {len(times)} times, gaps of at most {max(gaps or [0])} ms")
        if any(from_bits(bits) != 1 for _, bits in jobs[f"good{index}"]["up"]):
            faults.append(f"good{index}: up was not always 1")
    assert not faults, "\n".join(faults)
    assert peak <= PEAK_RSS_MEGABYTES, f"peak resident memory {peak:.0f} MiB"


def said(line, case):
    """A log line without what names the target, so that a reason is not read out of its address."""
    return re.sub(r"(time|ts|level|source|caller|component)=\S+", "", line).replace(case, "")
