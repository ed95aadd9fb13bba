"""What a sender of remote write 2.0 makes of answers: retries, and receivers of 1.0."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from parts.agent import IS_NARTHEX
from parts.process import wait_until
from parts.receiver import Answer, CountingReceiver
from parts.reload import reloaded
from parts.symbols import MESSAGE, configuration, counts, is_of_20, takes_20, written

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Debian's Prometheus does not speak 2.0")


@pytest.fixture
def sender(receiver, make_agent, text_exporter):
    """sender(decide, message=…) -> the agent, started on one target."""

    def make(decide, message=MESSAGE):
        receiver.decide = decide
        exporter = text_exporter("# TYPE one gauge\none 1\n")
        return make_agent(configuration(receiver.url, {"one": (exporter.address, {})}, message)).start()

    return make


def first_answers(*answers):
    """Gives these answers in turn, then takes everything."""
    left = list(answers)
    return lambda received: left.pop(0) if left else takes_20(received)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_5xx_is_tried_again_with_the_same_body_and_a_back_off(receiver, sender, status):
    agent = sender(first_answers(*[Answer(status=status, stores=False)] * 4))
    wait_until(lambda: len(receiver.accepted()) >= 2, 20, "accepted requests")
    tries = receiver.requests[:5]
    assert all(map(is_of_20, receiver.requests))
    assert len({one.body for one in tries}) == 1
    waits = [after.arrived - before.arrived for before, after in zip(tries, tries[1:])]
    assert min(waits) > 0.005 and waits[3] > waits[0]
    assert agent.stop() == 0


def dropped(agent, reason):
    """Samples that the ledger has for a reason; 0 before the first."""
    wanted = ("reason", reason)
    return sum(
        value
        for (name, labels), value in agent.metrics().items()
        if name == "narthex_ledger_dropped_samples_total" and wanted in labels
    )


def test_400_is_not_tried_again(receiver, sender):
    agent = sender(first_answers(Answer(status=400, stores=False, body=b"label_invalid for series")))
    wait_until(lambda: len(receiver.accepted()) >= 2, 20, "accepted requests")
    bodies = [one.body for one in receiver.requests]
    assert len(bodies) == len(set(bodies)) and all(map(is_of_20, receiver.requests))
    assert agent.stop() == 0


def test_a_400_with_counts_is_not_tried_again_whatever_it_says(receiver, sender):
    agent = sender(first_answers(Answer(status=400, stores=False, body=b"bad sample", headers=counts(5))))
    wait_until(lambda: len(receiver.accepted()) >= 3, 20, "accepted requests")
    bodies = [one.body for one in receiver.requests]
    assert len(bodies) == len(set(bodies)) and all(map(is_of_20, receiver.requests))
    # Six samples a scrape, of which five were written; their timestamps are not sent again.
    assert dropped(agent, "bad_request") % 6 == 1
    assert agent.stop() == 0


def test_a_receiver_that_refuses_everything_gets_few_requests(parts, make_agent, text_exporter):
    """Within two seconds of the first request and in a drain, each from a receiver of its own that has never
    stored anything. What was refused is not tried again when the agent ends: it stays in the buffer, also
    when another agent goes on with it and is refused.
    """
    exporter = text_exporter("# TYPE one gauge\none 1\n")

    def asked(status):
        receiver = CountingReceiver().start()
        parts.callback(receiver.stop)
        receiver.decide = lambda received: Answer(status=status, stores=False, body=b"refused")
        settings = configuration(receiver.url, {"one": (exporter.address, {})}, queue_config={})
        agent = make_agent(settings, f"agent-{status}")
        found = []
        for _ in range(2):
            before = len(receiver.requests)
            agent.start()
            wait_until(lambda: len(receiver.requests) > before, 20, "the first request")
            time.sleep(2)
            ending = time.monotonic()
            assert agent.stop() == 0
            assert time.monotonic() - ending < 10, "seconds of a drain that has nothing to wait for"
            line = agent.log_lines("msg=stopped")[-1]
            assert re.search(r"buffered=[1-9]\d* delivered=0 dropped=0 ", line), line
            found.append(len(receiver.requests) - before)
        return found

    with ThreadPoolExecutor() as runners:
        counts = list(runners.map(asked, [400, 401, 404, 413]))
    assert all(count <= 2 for life in counts for count in life), counts


def test_what_a_success_has_not_written_is_booked_so(receiver, sender):
    agent = sender(first_answers(Answer(status=200, headers=counts(4))))
    wait_until(lambda: len(receiver.accepted()) >= 3, 20, "accepted requests")
    assert all(map(is_of_20, receiver.requests))
    lost = dropped(agent, "unwritten")
    assert lost > 0 and lost % 6 == 2
    assert agent.metric("narthex_remote_write_unwritten_samples_total") == lost
    assert agent.log_lines("level=WARN.*has not written all")
    assert agent.stop() == 0


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_respected(receiver, sender, status):
    agent = sender(first_answers(Answer(status=status, stores=False, headers=(("Retry-After", "2"),))))
    wait_until(receiver.accepted, 20, "an accepted request")
    first, second = receiver.requests[:2]
    assert second.arrived - first.arrived >= 2
    assert first.body == second.body
    assert agent.stop() == 0


def test_the_body_of_a_success_is_not_looked_at(receiver, sender):
    agent = sender(
        lambda received: Answer(status=200, headers=written(received), body=b"\0 error: out of order sample")
    )
    wait_until(lambda: len(receiver.accepted()) >= 3, 20, "accepted requests")
    assert agent.metric("narthex_ledger_delivered_samples_total") > 0
    assert not agent.log_lines("level=(WARN|ERROR)")
    assert agent.stop() == 0


@pytest.mark.parametrize("message", [MESSAGE, "auto"])
@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=415, stores=False),
        # A handler may set the headers with every answer.
        Answer(status=415, stores=False, headers=counts(0)),
        Answer(status=200, stores=False),
        Answer(status=204, stores=False),
        Answer(status=400, stores=False, body=b"proto: illegal wireType 7"),
    ],
    ids=["415", "415-with-headers", "200", "204", "400"],
)
def test_a_receiver_of_10_is_sent_10_and_loses_nothing(receiver, sender, message, answer):
    def decide(received):
        return answer if is_of_20(received) else Answer(status=204)

    agent = sender(decide, message)
    wait_until(lambda: len(receiver.accepted()) >= 3, 20, "requests of 1.0")
    assert agent.stop() == 0
    of_20 = [one for one in receiver.requests if is_of_20(one)]
    assert len(of_20) == 1
    of_10 = [one for one in receiver.requests if not is_of_20(one)]
    assert {one.header("Content-Type") for one in of_10} == {"application/x-protobuf"}
    assert {one.header("X-Prometheus-Remote-Write-Version") for one in of_10} == {"0.1.0"}
    times = sorted(
        at
        for labels, samples in receiver.samples().items()
        if ("__name__", "one") in labels
        for at, _ in samples
    )
    # The samples of the first request, too: they are a second apart without a gap.
    assert len(times) >= 3 and all(900 <= after - before <= 1100 for before, after in zip(times, times[1:]))
    # Where it was to be found out, it is no trouble.
    level = "INFO" if message == "auto" else "WARN"
    (line,) = agent.log_lines("does not understand remote write 2.0")
    assert f"level={level}" in line and f"status {answer.status}" in line
    assert "protobuf_message: prometheus.WriteRequest sets 1.0 by hand" in line


def test_auto_remembers_what_the_receiver_understands(receiver, make_agent, text_exporter):
    receiver.decide = lambda one: Answer(status=415, stores=False) if is_of_20(one) else Answer()
    exporter = text_exporter("# TYPE one gauge\none 1\n")

    def settings(deadline):
        queue = {"batch_send_deadline": deadline}
        return configuration(receiver.url, {"one": (exporter.address, {})}, "auto", queue_config=queue)

    agent = make_agent(settings("200ms"), flags=["--web.enable-lifecycle"]).start()
    wait_until(lambda: len(receiver.accepted()) >= 2, 20, "requests of 1.0")
    # Another key of the destination makes its sender anew.
    reloaded(agent, settings("300ms"))
    before = len(receiver.accepted())
    wait_until(lambda: len(receiver.accepted()) >= before + 2, 20, "requests after a reload")
    agent.kill()
    before = len(receiver.accepted())
    agent.start()
    wait_until(lambda: len(receiver.accepted()) >= before + 3, 20, "requests after a crash")
    assert [is_of_20(one) for one in receiver.requests].count(True) == 1 and is_of_20(receiver.requests[0])
    # The receiver at another URL is asked.
    agent.stop()
    agent.configure(yaml.safe_dump(settings("300ms")).replace("/api/v1/write", "/other"))
    agent.start()
    wait_until(
        lambda: any(one.path == "/other" and is_of_20(one) for one in receiver.requests), 20, "a probe"
    )
    assert agent.stop() == 0


def test_debians_prometheus_takes_what_auto_sends(make_agent, make_prometheus, text_exporter):
    prometheus = make_prometheus()
    exporter = text_exporter("# TYPE one gauge\none 1\n")
    agent = make_agent(
        configuration(prometheus.write_url, {"one": (exporter.address, {})}, "auto")
    ).start()
    samples = wait_until(
        lambda: next((s for s in prometheus.raw("one").values() if len(s) >= 3), None), 20, "stored samples"
    )
    assert all(900 <= after - before <= 1100 for (before, _), (after, _) in zip(samples, samples[1:]))
    assert agent.metric("narthex_remote_write_message_fallbacks_total") >= 1
    assert agent.stop() == 0
