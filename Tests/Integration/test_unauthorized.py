"""Why a receiver refuses, by reason, in the log and on the page: 401 and 403 by their cause, 400 by reason
and job. Some answers are the stand-in's, which verifies signatures; the others are the words of AWS.
"""

import pytest

from parts.agent import IS_NARTHEX
from parts.aws import REGION
from parts.process import wait_until
from parts.receiver import Answer, CountingReceiver
from parts.standins import ACCESS_KEY, SECRET_KEY

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Prometheus drops what is answered so")

KEYS = {"region": REGION, "access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
# Signed in these ways, for a receiver that verifies.
SIGNED = {
    "wrong_region": KEYS | {"region": "us-east-2"},
    "wrong_service": KEYS | {"service_name": "es"},
    "wrong_signature": KEYS | {"secret_key": SECRET_KEY + "x"},
    "unknown_key": KEYS | {"access_key": "AKIANOBODY0000000001"},
}
# What a receiver says that cannot be had from the stand-in in a moment.
SAID = {
    "expired_token": '{"message":"The security token included in the request is expired"}',
    "clock_skew": '{"message":"Signature expired: 20260101T000000Z is now earlier than 20260101T000001Z"}',
    "access_denied": '{"Message":"User: arn:aws:sts::123456789012:assumed-role/a/b is not authorized to'
    ' perform: aps:RemoteWrite on resource: arn:aws:aps:eu-west-1:123456789012:workspace/ws-1"}',
    "unauthorized": "Forbidden",
}
REFUSED = {
    "per_user_series_limit": "per-user series limit of 50000000 exceeded, please contact administrator",
    "metric_name_invalid": 'sample invalid metric name: "a.b"',
    "sample_out_of_order": 'user=1: err: out of order sample. timestamp=x, series={__name__="a"}',
    "out_of_order_rate_limit": "user 1: out-of-order-rate-limit exceeded for series a",
}


@pytest.fixture
def receivers(parts):
    """By the reason that each gives: all of them refuse everything."""
    made = {}
    for status, bodies in ((403, SAID), (400, REFUSED)):
        for reason, body in bodies.items():
            made[reason] = receiver = CountingReceiver().start()
            receiver.decide = lambda received, status=status, body=body.encode(): Answer(
                status=status, stores=False, body=body
            )
            parts.callback(receiver.stop)
    return made


@pytest.mark.timeout(90)
def test_each_refusal_has_its_reason(make_agent, make_standins, text_exporter, receivers):
    amp = make_standins("--amp-port=0").amp["url"]
    exporter = text_exporter("probe 1\n")

    def entry(name, url, **more):
        queue = {"batch_send_deadline": "100ms", "min_backoff": "30ms"}
        return {"name": name, "url": url, "queue_config": queue, **more}

    writes = [entry(name, amp, sigv4=keys) for name, keys in SIGNED.items()]
    writes += [entry(reason, receiver.url) for reason, receiver in receivers.items()]
    agent = make_agent({
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [exporter.address]}]} for job in ("web", "db")
        ],
        "remote_write": writes,
    }).start()  # fmt: skip

    def counted(family):
        """{(destination, reason): (value, other labels)}, one number for each."""
        found = {}
        for (name, labels), value in agent.metrics().items():
            if name == family:
                labels = dict(labels)
                key = (labels["remote_name"], labels["reason"])
                found.setdefault(key, {})[labels.get("scrape_job")] = value
        return found

    unauthorized = "narthex_remote_write_unauthorized_total"
    refused = "narthex_remote_write_refused_samples_total"
    wait_until(lambda: len(counted(unauthorized)) == len(SIGNED) + len(SAID), 20, "every 403")
    wait_until(
        lambda: sorted(counted(refused)) == sorted((name, name) for name in REFUSED)
        and all(by_job.keys() == {"web", "db"} for by_job in counted(refused).values()),
        20, "every 400, by job",
    )  # fmt: skip
    # Each destination has its own reason and no other.
    assert sorted(counted(unauthorized)) == sorted((name, name) for name in SIGNED | SAID)

    def lines(name, words):
        return agent.log_lines(rf"{words}.*\bremote_name={name}\b|\bremote_name={name}\b.*{words}")

    for name in SIGNED | SAID:
        (line,) = lines(name, "not authorised")
        assert f"reason={name} " in line and "remedy=" in line, line
        # What is not signed has nothing to do with IAM.
        assert f"credentials={'sigv4' if name in SIGNED else 'none'}" in line, line
        assert ("IAM policy and clock" in line) == (name in SIGNED), line
    assert "action=aps:RemoteWrite" in lines("access_denied", "not authorised")[0]
    assert "allow aps:RemoteWrite on the workspace" in lines("access_denied", "not authorised")[0]
    # One body a minute, though every request is refused.
    for name in REFUSED:
        assert len(receivers[name].requests) >= 2
        (line,) = lines(name, "refused samples")
        assert f"reason={name} " in line, line
    # What is refused by 403 is kept, and by 400 booked.
    for name in SIGNED | SAID:
        assert agent.metric("narthex_ledger_buffered_samples", remote_name=name) > 0
    assert agent.metric("prometheus_remote_storage_samples_failed_total", remote_name="access_denied") == 0
    text = agent.log_text() + agent.get("/metrics")[2].decode()
    assert SECRET_KEY not in text

    for name in SAID:
        receivers[name].decide = lambda received: Answer()
    wait_until(
        lambda: all(
            agent.metric("narthex_ledger_delivered_samples_total", remote_name=name) > 0 for name in SAID
        ),
        20, "what was kept",
    )  # fmt: skip
