"""A buffer of version 1 or 2 is carried on, and an agent of such a version refuses one of version 3.

What an agent of version N has left stands in corpus/version-N.json.xz. With NARTHEX_VERSION_N_BIN, a program
of that version, the same is done with the program itself, and NARTHEX_KEEP_CORPUS=1 writes the corpus anew.
"""

import os
import threading
from pathlib import Path

import cramjam
import pytest

from parts import older_version
from parts.agent import IS_NARTHEX
from parts.custody import Custody
from parts.ledger import assert_balanced, read_ledger
from parts.process import wait_until
from parts.receiver import Answer

CORPUS = Path(__file__).parent / "corpus"
OLDER = (1, 2)
pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the buffer is Narthex' own")


def corpus_of(version):
    return CORPUS / f"version-{version}.json.xz"


def drained(agent):
    ledger = read_ledger(agent)
    assert_balanced(ledger)
    return ledger if ledger and not any(entry.buffered for entry in ledger.values()) else None


def answer_together(receiver):
    """Answers what comes first when as many have come as were in flight. No more fly at once at the start, so
    what the agent sends first comes first. Of requests that fly at once, the threads of this receiver may
    read any one before the others.
    """
    first, have_come = len(receiver.requests), threading.Event()

    def decide(received):
        if received.number >= first + older_version.LANES - 1:
            have_come.set()
        have_come.wait(5)
        return Answer()

    receiver.decide = decide


def pack_alike(requests):
    """Packs the message of each request anew. An agent of an older version packs with libsnappy and this one
    with its own encoder, so that of a request that is made again the message is the same, and not the body.
    """
    for request in requests:
        message = bytes(cramjam.snappy.decompress_raw(request.body))
        request.body = bytes(cramjam.snappy.compress_raw(message))


def check(exporters, receiver, before):
    """`before`: requests of the agent of the older version, each answered or not."""
    pack_alike({id(request): request for request in [*before, *receiver.requests]}.values())
    in_flight = [request.body for request in before if not request.answered]
    assert len(in_flight) == older_version.LANES
    answered = {request.body for request in before if request.answered}
    after = [request.body for request in receiver.requests if request.life == 2]
    assert sorted(after[:2]) == sorted(in_flight), "what was in flight did not go first as it was"
    assert not answered & set(after), "what was answered came again"
    custody = Custody({exporter.name: exporter for exporter in exporters}, receiver, older_version.LANES)
    print(custody.summary())
    custody.assert_clean()
    assert custody.resent_requests == older_version.LANES


@pytest.mark.parametrize("version", OLDER)
def test_a_buffer_of_an_older_version_is_carried_on(version, make_agent, receiver):
    left = older_version.Left(corpus_of(version))
    assert {data[8] for data in left.files.values()} == {version}
    # The lanes are far apart: between the requests that were answered last there are many of one lane only.
    assert len(left.requests) > 20
    receiver._books.requests = list(left.requests)
    agent = make_agent(
        older_version.configuration([], receiver.url, life=2),
        flags=["--storage.agent.retention.max-time=10y"],
    )
    left.unpack(agent.storage)
    answer_together(receiver)
    agent.start()
    wait_until(lambda: drained(agent), 20, "empty buffer")
    assert agent.stop() == 0
    check(left.exporters, receiver, left.requests)


@pytest.mark.parametrize("version", OLDER)
def test_an_older_version_itself(version, make_agent, receiver, load_exporter):
    older = os.environ.get(f"NARTHEX_VERSION_{version}_BIN")
    if not older:
        pytest.skip(f"NARTHEX_VERSION_{version}_BIN names no program")
    exporters = [
        load_exporter(f"load:{index}", older_version.SERIES) for index in range(older_version.TARGETS)
    ]
    agent = make_agent(older_version.configuration(exporters, receiver.url, life=1))
    now = agent.process.command[0]
    agent.process.command[0] = older
    older_version.leave(agent, exporters, receiver)
    if os.environ.get("NARTHEX_KEEP_CORPUS"):
        older_version.keep(corpus_of(version), agent, exporters, receiver)

    before = receiver.requests
    answer_together(receiver)
    agent.process.command[0] = now
    agent.configure(older_version.configuration([], receiver.url, life=2))
    agent.start()
    wait_until(lambda: drained(agent), 20, "empty buffer")
    assert agent.stop() == 0
    check(exporters, receiver, before)

    # And the way back.
    files = {file.name: file.read_bytes() for file in agent.storage.iterdir()}
    agent.process.command[0] = older
    agent.start(until_ready=False)
    assert agent.process.process.wait(20) == 3
    said = agent.log_lines("format version 3")
    words = {1: "not 1, which this version of Narthex writes", 2: "reads none above 2"}[version]
    assert said and words in said[0], said
    cursors = {name: data for name, data in files.items() if name.endswith((".log", ".segment"))}
    left = {name: (agent.storage / name).read_bytes() for name in cursors}
    assert cursors == left, "it has changed what it refuses"
