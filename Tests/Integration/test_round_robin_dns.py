"""`round_robin_dns`: new connections go to all addresses of a receiver's name, with NSD as name server."""

import pytest

from parts.agent import IS_NARTHEX
from parts.dns import NameServer
from parts.process import wait_until
from parts.receiver import Answer, CountingReceiver
from parts.symbols import configuration

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="Debian's Prometheus is too old for it")

ADDRESSES = ("127.0.0.2", "127.0.0.3")


def test_requests_reach_every_address_of_the_name(tmp_path, parts, make_agent, text_exporter):
    server = NameServer(tmp_path / "names", [f"receiver IN A {address}" for address in ADDRESSES])
    parts.callback(lambda: server.process.process and server.process.kill())
    server.start()
    first = CountingReceiver(ADDRESSES[0]).start()
    parts.callback(first.stop)
    second = CountingReceiver(ADDRESSES[1], first.port).start()
    parts.callback(second.stop)
    for receiver in (first, second):
        # A connection a request.
        receiver.decide = lambda received: Answer(status=204, headers=(("Connection", "close"),))
    exporter = text_exporter("one 1\n")
    agent = make_agent(
        configuration(
            f"http://receiver.test:{first.port}/api/v1/write",
            {"one": (exporter.address, {})},
            "prometheus.WriteRequest",
            round_robin_dns=True,
        )
    )
    server.ask_it(agent.process)
    agent.start()
    # By chance: that one of the two gets none of 30 happens once in half a billion runs.
    wait_until(lambda: first.requests and second.requests, 30, "requests to both addresses")
    times = sorted(
        at
        for receiver in (first, second)
        for labels, samples in receiver.samples().items()
        if ("__name__", "one") in labels
        for at, _ in samples
    )
    assert all(900 <= after - before <= 1100 for before, after in zip(times, times[1:]))
    assert agent.stop() == 0
