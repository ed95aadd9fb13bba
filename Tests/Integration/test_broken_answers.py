"""Answers of a receiver that have no end, end too early or come a byte at a time. What was not answered
waits, is said, takes no memory and arrives in order once the receiver answers well. What was answered with
success is delivered, whatever is wrong with the body behind it, and does not go again.
"""

import threading
import time
from collections import Counter
from dataclasses import dataclass

import pytest

from parts.agent import IS_NARTHEX
from parts.ledger import assert_balanced, read_ledger
from parts.process import wait_until
from parts.receiver import Answer, CountingReceiver

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the ledger is Narthex' own")

SERIES = 40
SAMPLES = SERIES + 5  # of a scrape, with its report
MEGABYTE = 1 << 20
TIMEOUT = 1.0
# An agent that kept what it is told would grow by as much, many times over.
TOLD_BYTES = 64 * MEGABYTE
GROWTH_BYTES = 16 * MEGABYTE


@dataclass
class Raw(Answer):
    """Bytes in place of an answer: `said`, and then `more` without an end, `pause` seconds apart. Without
    `more` the connection is closed.
    """

    said: bytes = b""
    more: bytes = b""
    pause: float = 0.0


class RawReceiver(CountingReceiver):
    """Its `decide` may give a Raw. `told`: bytes of those that it has sent."""

    def __init__(self):
        super().__init__()
        self.told = 0
        self._telling = threading.Lock()

    def _send(self, exchange, answer):
        if not isinstance(answer, Raw):
            super()._send(exchange, answer)
            return
        exchange.close_connection = True
        piece = answer.said
        while piece:
            exchange.connection.sendall(piece)  # fails once the sender has hung up
            with self._telling:
                self.told += len(piece)
            piece = answer.more
            time.sleep(answer.pause)


def held(said, **more):
    return Raw(stores=False, said=said, **more)


def head(status, *headers):
    return "".join(f"{line}\r\n" for line in [f"HTTP/1.1 {status} Of Some Kind", *headers, ""]).encode()


BLOCK = b"and so on, " * 6000
CHUNK = f"{len(BLOCK):x}\r\n".encode() + BLOCK + b"\r\n"
TRICKLE = {"more": b"x", "pause": 0.2}
# Name: the answer, and what the log says of it.
HELD = {
    "endless_body": (held(head(503), more=BLOCK), "status 503"),
    "endless_chunks": (held(head(500, "Transfer-Encoding: chunked"), more=CHUNK), "status 500"),
    "endless_headers": (held(b"HTTP/1.1 200 OK\r\n", more=b"X-More: " + b"z" * 1000 + b"\r\n"), "header"),
    "endless_header": (held(b"HTTP/1.1 200 OK\r\nX-Long: ", more=b"z" * 1000), "header"),
    "cut_headers": (held(b"HTTP/1.1 200 OK\r\nContent-Le"), "headers were cut"),
    "cut_body": (held(head(500, "Content-Length: 100") + b"half"), "body was cut"),
    "slow_headers": (held(b"HTTP/1.1 200 OK\r\nX-Slow: ", **TRICKLE), "timed out"),
    "slow_body": (held(head(503, "Content-Length: 1000"), **TRICKLE), "timed out"),
}
STORED = {
    "stored_endless": Raw(said=head(200), more=BLOCK),
    "stored_cut": Raw(said=head(200, "Content-Length: 100") + b"half"),
    "stored_slow": Raw(said=head(200, "Content-Length: 1000"), **TRICKLE),
}


def configuration(exporter, receivers):
    queue = {"batch_send_deadline": "100ms", "min_backoff": "50ms", "max_backoff": "200ms"}
    return {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
        "scrape_configs": [{"job_name": "load", "static_configs": [{"targets": [exporter.address]}]}],
        "remote_write": [
            {
                "name": name,
                "url": receiver.url,
                "remote_timeout": f"{TIMEOUT:g}s",
                "queue_config": queue,
                "metadata_config": {"send": False},
            }
            for name, receiver in receivers.items()
        ],
    }


def test_answers_without_end_and_half_answers(make_agent, text_exporter, parts):
    receivers = {name: RawReceiver().start() for name in ["steady", *HELD, *STORED]}
    for receiver in receivers.values():
        parts.callback(receiver.stop)
    for name, answer in [*((name, answer) for name, (answer, _) in HELD.items()), *STORED.items()]:
        receivers[name].decide = lambda received, answer=answer: answer
    exporter = text_exporter("".join(f'load{{index="{index}"}} 1\n' for index in range(SERIES)))
    agent = make_agent(configuration(exporter, receivers)).start()

    def told():
        return sum(receiver.told for receiver in receivers.values())

    def tried(count):
        return all(len(receivers[name].requests) >= count for name in [*HELD, *STORED])

    wait_until(lambda: tried(2) and told() > 16 * MEGABYTE, 30, "tries of every destination")
    before, peak_before = told(), agent.process.peak_rss_bytes()

    def has_met_enough():
        ledger = read_ledger(agent)
        assert_balanced(ledger)
        waits = all(ledger[(name, "load")].buffered > 4 * SAMPLES for name in HELD)
        return waits and tried(4) and told() - before > TOLD_BYTES

    wait_until(has_met_enough, 60, "samples that wait, and many tries")
    grown = agent.process.peak_rss_bytes() - peak_before
    print(f"{grown} bytes more for {told() - before} that were said")
    assert grown < GROWTH_BYTES, f"{grown} bytes more for {told() - before} that were said"
    for name, (_, words) in HELD.items():
        requests = receivers[name].requests
        assert requests[0].body == requests[1].body, f"{name}: the same samples go again"
        lines = agent.log_lines(rf"level=WARN.*remote_name={name}\b|remote_name={name}\b.*level=WARN")
        assert any(words in line for line in lines), f"{name}: {lines}"
    # Nobody else is held up, and what was stored is no trouble.
    ledger = read_ledger(agent)
    for name in ["steady", *STORED]:
        assert ledger[(name, "load")].delivered > 0 and not ledger[(name, "load")].dropped
        assert not agent.log_lines(rf"level=(WARN|ERROR).*remote_name={name}\b")
        assert not agent.log_lines(rf"remote_name={name}\b.*level=(WARN|ERROR)")
    wait_until(
        lambda: read_ledger(agent)[("steady", "load")].buffered <= 2 * SAMPLES, 10, "a receiver in time"
    )

    for receiver in receivers.values():
        receiver.decide = lambda received: Answer()

    def has_arrived():
        entries = read_ledger(agent)
        return all(entries[(name, "load")].buffered <= 2 * SAMPLES for name in receivers)

    wait_until(has_arrived, 60, "all of it to arrive")
    assert agent.stop() == 0
    whole = receivers["steady"].samples()
    for name, receiver in receivers.items():
        found = receiver.samples()
        assert found.keys() == whole.keys(), name
        for labels, samples in found.items():
            times = [at for at, _ in samples]
            assert times == sorted(times), f"{name}: {labels}"
            assert Counter(samples) == Counter(whole[labels]), f"{name}: {labels}"
