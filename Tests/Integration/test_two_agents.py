"""Two agents on one directory of the buffer: the second is refused with the first one's number and leaves no
trace, and the first does not notice.
"""

import os
import subprocess

import pytest

from parts.agent import IS_NARTHEX
from parts.custody import Custody
from parts.process import wait_until
from test_crash import configuration, is_drained, settle

pytestmark = pytest.mark.skipif(not IS_NARTHEX, reason="the sentence is Narthex'")

EXPORTERS = 3
SERIES = 100
IN_FLIGHT = 2


def agent_of(make_agent, name, exporters, receiver, life, storage=None):
    flags = [] if storage is None else [f"--storage.agent.path={storage}"]
    return make_agent(configuration(exporters, receiver.url, life), name, flags=flags)


def names_and_inodes(folder):
    return {path.name: path.stat().st_ino for path in folder.iterdir()}


def test_the_second_is_refused_and_the_first_goes_on(make_agent, receiver, load_exporter, tmp_path):
    exporters = [load_exporter(f"load:{index}", SERIES) for index in range(EXPORTERS)]
    for exporter in exporters:
        exporter.life = 1
    first = agent_of(make_agent, "first", exporters, receiver, 1).start()
    wait_until(lambda: len(receiver.accepted()) > 5, 20, "flow of requests")
    link = tmp_path / "link"
    link.symlink_to(first.storage)
    before = names_and_inodes(first.storage)
    # The same directory by other names, too.
    paths = [first.storage, link, f"{first.folder}/../first/storage", f"{link}/"]
    for number, path in enumerate(paths):
        second = agent_of(make_agent, f"second-{number}", exporters, receiver, 2, path)
        ended = subprocess.run(
            second.process.command, env=second.process.environment, capture_output=True, text=True,
            timeout=20,
        )  # fmt: skip
        assert ended.returncode == 3, ended
        last = ended.stderr.splitlines()[-1]
        holder = f"another process, probably {first.process.pid}"
        said = f"is locked by {holder}: stop it, or use another directory"
        assert said in last and str(path).rstrip("/") in last, ended.stderr
    assert names_and_inodes(first.storage) == before
    seen = len(receiver.accepted())
    wait_until(lambda: len(receiver.accepted()) > seen + 5, 20, "flow of requests afterwards")
    assert not first.log_lines("level=(WARN|ERROR)")
    wait_until(lambda: is_drained(first, EXPORTERS * (SERIES + 40)), 20, "empty buffer")
    assert first.stop() == 0
    settle(exporters, receiver)
    assert {request.life for request in receiver.requests} == {1}, "the second has sent something"
    assert not (tmp_path / "second-0" / "storage").exists()

    # Now it may.
    for exporter in exporters:
        exporter.life = 2
    second.start()
    wait_until(lambda: any(request.life == 2 for request in receiver.accepted()), 20, "the second's requests")
    wait_until(lambda: is_drained(second, EXPORTERS * (SERIES + 40)), 20, "empty buffer")
    assert second.stop() == 0
    settle(exporters, receiver)
    custody = Custody({exporter.name: exporter for exporter in exporters}, receiver, IN_FLIGHT)
    print(custody.summary())
    custody.assert_clean()


def test_of_many_that_start_at_once_one_runs(make_agent, receiver, load_exporter, tmp_path):
    exporters = [load_exporter(f"load:{index}", SERIES) for index in range(EXPORTERS)]
    storage = tmp_path / "storage"
    for turn in range(3):
        agents = [
            agent_of(make_agent, f"agent-{turn}-{number}", exporters, receiver, turn + 1, storage)
            for number in range(6)
        ]
        for exporter in exporters:
            exporter.life = turn + 1
        for agent in agents:
            agent.start(until_ready=False)

        def running():
            return [agent for agent in agents if agent.process.is_running()]

        wait_until(lambda: len(running()) == 1, 30, "end of all but one")
        (winner,) = running()
        wait_until(winner.is_ready, 20, "ready agent")
        for agent in agents:
            if agent is not winner:
                assert agent.process.process.returncode == 3
                last = agent.log_text().splitlines()[-1]
                assert f"{storage} is locked by another process" in last, last
                assert f"probably {winner.process.pid}:" in last, last
        seen = len(receiver.accepted())
        wait_until(lambda: len(receiver.accepted()) > seen + 5, 20, "flow of requests")
        winner.kill()
        settle(exporters, receiver)
    assert os.listdir(storage)
