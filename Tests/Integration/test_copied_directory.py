"""The buffer's directory is copied: while the agent runs, and after a kill; and another machine, with another
name and another id, goes on with the copy. Both deliver what they have, in order, and what comes twice is the
same.
"""

import collections
import os
import shutil
import time

import pytest

from parts.agent import IS_NARTHEX
from parts.custody import Custody
from parts.faults import Account
from parts.ledger import assert_balanced, read_ledger
from parts.process import wait_until
from parts.receiver import Answer
from parts.write_request import value_bits
from test_crash import configuration, settle

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the buffer is Narthex' own")

EXPORTERS = 6
SERIES = 150
IN_FLIGHT = 2
ORIGINAL = 1
COPIES = 100  # lives of the copies begin here


class Part:
    """What a receiver has of some lives alone."""

    def __init__(self, receiver, lives):
        self._receiver, self._lives = receiver, set(lives)
        self.requests = [request for request in receiver.requests if request.life in self._lives]
        self.decode = receiver.decode

    def accepted(self):
        return [request for request in self.requests if request.answer and request.answer.stores]


def copied(source, target, order):
    """As a tool for copies does it that does not know what it copies: file by file, and what is gone
    meanwhile is left out. `order` sorts the names.
    """
    target.mkdir(parents=True)
    for name in order(os.listdir(source)):
        try:
            shutil.copy2(source / name, target / name)
        except FileNotFoundError:
            pass


def elsewhere(agent, number):
    """Has an agent run on a machine with another name and another id."""
    identity = agent.folder / "machine-id"
    identity.write_text(f"{number:032x}\n")
    user = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    move = (
        'hostname "copied-$0" && { [ ! -e /etc/machine-id ] || mount --bind "$1" /etc/machine-id; }'
        ' && shift && exec "$@"'
    )
    agent.process.command = [
        "unshare", *user, "--mount", "--uts", "sh", "-c", move, str(number), str(identity),
        *agent.process.command,
    ]  # fmt: skip


def make_copy(make_agent, receiver, original, life, order):
    """An agent for a copy of the original's directory as it is now; it scrapes nothing."""
    agent = make_agent(configuration([], receiver.url, life), f"copy-{life}")
    copied(original.storage, agent.storage, order)
    elsewhere(agent, life)
    return agent


def drain(agent):
    def drained():
        ledger = read_ledger(agent)
        assert_balanced(ledger)
        return ledger if not any(entry.buffered for entry in ledger.values()) else None

    agent.start()
    ledger = wait_until(drained, 30, "empty buffer of the copy")
    assert agent.stop() == 0
    return ledger


def certain_before(exporter, moment):
    """The numbers of the scrapes that were appended before a moment for certain."""
    return {
        served.number
        for served, later in zip(exporter.served, exporter.served[1:])
        if served.complete and served.life == later.life and later.asked < moment
    }


def numbers_of(receiver, requests):
    """{instance: numbers of scrapes, as the bits of their value} of what these requests hold."""
    found = collections.defaultdict(set)
    for request in requests:
        for labels, samples in receiver.decode(request):
            named = dict(labels)
            if named["__name__"] == "load_moving" and named["index"] == "0000":
                found[named["instance"]] |= {value for _, value in samples}
    return found


ORDERS = {
    "segments first": lambda random: sorted,
    "cursors first": lambda random: lambda names: sorted(names, reverse=True),
    "any order": lambda random: lambda names: random.sample(names, len(names)),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("order", sorted(ORDERS))
def test_copies_made_while_the_agent_runs(order, make_agent, receiver, load_exporter, seeded):
    exporters = [load_exporter(f"load:{index}", SERIES) for index in range(EXPORTERS)]
    for exporter in exporters:
        exporter.life = ORIGINAL
    is_away = []

    def decide(received):
        if is_away and received.life == ORIGINAL:
            return Answer(status=503, stores=False)
        return Answer(delay=seeded.uniform(0, 0.03))

    receiver.decide = decide
    original = make_agent(configuration(exporters, receiver.url, ORIGINAL))
    original.start()
    wait_until(lambda: len(receiver.accepted()) > 5, 20, "flow of requests")
    copies = []
    for number in range(4):
        # Every second one is made in an outage, so that there is a backlog.
        if number % 2 == 0:
            is_away.append(True)
        else:
            is_away.clear()
        time.sleep(seeded.uniform(0.8, 1.4) if is_away else seeded.uniform(0, 0.3))
        began = time.monotonic()
        copy = make_copy(make_agent, receiver, original, COPIES + number, ORDERS[order](seeded))
        copies.append((copy, COPIES + number, began, time.monotonic()))
    is_away.clear()
    wait_until(
        lambda: sum(entry.buffered for entry in read_ledger(original).values()) < EXPORTERS * (SERIES + 40),
        20, "empty buffer of the original",
    )  # fmt: skip
    assert original.stop() == 0
    settle(exporters, receiver)
    named = {exporter.name: exporter for exporter in exporters}
    custody = Custody(named, Part(receiver, [ORIGINAL]), IN_FLIGHT)
    print(custody.summary())
    custody.assert_clean()

    whole = Account(Part(receiver, [ORIGINAL]))
    backlogs = 0
    for copy, life, began, ended in copies:
        ledger = drain(copy)
        part = Part(receiver, [life])
        account = Account(part)
        assert account.findings == []
        assert account.accepted.items() <= whole.accepted.items(), "a copy has sent what the original has not"
        # What the original knew before the copy was made, and had no answer for when it was done, is in it.
        answered = numbers_of(
            receiver,
            [
                request for request in receiver.accepted()
                if request.life == ORIGINAL and request.arrived < ended
            ],
        )  # fmt: skip
        sent = numbers_of(receiver, part.accepted())
        for name, exporter in named.items():
            owed = {value_bits(float(number)) for number in certain_before(exporter, began)} - answered[name]
            assert owed <= sent[name], f"copy {life} of {name}: {len(owed - sent[name])} scrapes are missing"
            backlogs += len(owed)
        loud = copy.log_lines("level=(WARN|ERROR)")
        print(f"copy {life}: {len(account.accepted)} samples, {dict(ledger)}", *loud, sep="\n    ")
    assert backlogs > 3 * EXPORTERS, "there was no backlog to speak of"


def test_a_copy_of_what_a_kill_has_left_and_both_at_once(make_agent, receiver, load_exporter, seeded):
    exporters = [load_exporter(f"load:{index}", SERIES) for index in range(EXPORTERS)]
    for exporter in exporters:
        exporter.life = ORIGINAL
    receiver.decide = lambda received: Answer(delay=seeded.uniform(0, 0.05))
    original = make_agent(configuration(exporters, receiver.url, ORIGINAL))
    original.start()
    wait_until(lambda: len(receiver.accepted()) > 5, 20, "flow of requests")
    receiver.decide = lambda received: Answer(status=503, stores=False)
    time.sleep(2)
    original.kill()
    ends = {ORIGINAL: time.monotonic()}
    settle(exporters, receiver)
    copy = make_copy(make_agent, receiver, original, COPIES, sorted)
    receiver.decide = lambda received: Answer(delay=seeded.uniform(0, 0.05))
    original.configure(configuration([], receiver.url, ORIGINAL + 1))
    agents = {ORIGINAL + 1: original, COPIES: copy}
    for agent in agents.values():
        agent.start(until_ready=False)
    for agent in agents.values():
        wait_until(agent.is_ready, 20, "ready agent")

    def drained():
        ledgers = [read_ledger(agent) for agent in agents.values()]
        for ledger in ledgers:
            assert_balanced(ledger)
        return not any(entry.buffered for ledger in ledgers for entry in ledger.values())

    wait_until(drained, 30, "two empty buffers")
    for agent in agents.values():
        assert not agent.log_lines("damage")
        assert agent.stop() == 0
    named = {exporter.name: exporter for exporter in exporters}
    accounts = []
    for life in agents:
        custody = Custody(named, Part(receiver, [ORIGINAL, life]), IN_FLIGHT, ends)
        print(custody.summary())
        custody.assert_clean()
        accounts.append(Account(Part(receiver, [life])))
        assert accounts[-1].findings == []
    assert accounts[0].accepted == accounts[1].accepted and accounts[0].accepted
